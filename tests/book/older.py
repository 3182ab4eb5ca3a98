"""A book of the first release, as a fixture: its file, its anchors, and what it held."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import zstandard

FIXTURES: Final = Path(__file__).resolve().parent / "fixtures"
KNOWN: Final[dict[str, Any]] = json.loads((FIXTURES / "book_v1.json").read_text())
STORED: Final = zstandard.ZstdDecompressor().decompress((FIXTURES / "book_v1.db.zst").read_bytes())
T1: Final = 1_800_000_000 * 10**9  # later than everything in it


def lay(folder: Path, name: str = "book.db") -> Path:
    """The book with its anchors, in a folder."""
    path = folder / name
    path.write_bytes(STORED)
    anchors = folder / f"{name}.anchor"
    anchors.mkdir()
    for file, content in KNOWN["anchors"].items():
        (anchors / file).write_text(json.dumps(content))
    return path
