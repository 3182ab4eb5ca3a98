"""Where the tests of collecting keep their files: in memory, where the system has such a folder. They open hundreds of
books, and what syncing a disk keeps is shown elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nostro-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)
