"""The scenes that tests of GRVT play in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exchanges.grvt.scene import Scene


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.venue.close()


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Where nothing is ever begun."""
    scene = Scene(tmp_path_factory.mktemp("calm"))
    yield scene
    scene.venue.close()
