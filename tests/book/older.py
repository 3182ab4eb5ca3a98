"""A book of the first release, as a fixture: its file, its anchors, and what it held; and the same book as the second
form kept it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import zstandard

FIXTURES: Final = Path(__file__).resolve().parent / "fixtures"
KNOWN: Final[dict[str, Any]] = json.loads((FIXTURES / "book_v1.json").read_text())
T1: Final = 1_800_000_000 * 10**9  # later than everything in it


def _stored(schema: int) -> bytes:
    return zstandard.ZstdDecompressor().decompress((FIXTURES / f"book_v{schema}.db.zst").read_bytes())


STORED: Final = _stored(1)


def lay(folder: Path, name: str = "book.db", *, schema: int = 1) -> Path:
    """The book with its anchors, in a folder."""
    path = folder / name
    path.write_bytes(_stored(schema))
    anchors = folder / f"{name}.anchor"
    anchors.mkdir()
    for file, content in KNOWN["anchors"].items():
        (anchors / file).write_text(json.dumps(content))
    return path
