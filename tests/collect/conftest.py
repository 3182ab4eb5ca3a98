"""The scenes of the tests of collecting, and where they keep their files: in memory, where the system has such a
folder. They open hundreds of books, and what syncing a disk keeps is shown elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from collect.scene import Scene, scene

MEMORY = Path("/dev/shm")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nostro-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as opened:
        yield opened


@pytest.fixture
def short(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path, rows=40, months=2) as opened:
        yield opened
