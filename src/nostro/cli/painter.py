"""Paints lines on a terminal: what it sends draws only the lines that changed, each over its old self, so that nothing
flickers. It decides the escapes; where bytes go is the terminal's (``terminal.py``), what is on the lines
``views/screen.py``'s.

Source: ECMA-48 (CUP, EL, SGR). Synchronized output (mode 2026, contour-terminal/vt-extensions) is passed over by
terminals that do not know it, like any private mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.cells import cell_len

from nostro.views.lines import Cell, Line

BEGIN: Final = "\x1b[?2026h"
END: Final = "\x1b[?2026l"
PLAIN: Final = "\x1b[0m"
CODES: Final[Mapping[str, str]] = {
    "bold": "1", "dim": "2", "reverse": "7", "red": "31", "green": "32", "yellow": "33", "cyan": "36",
}  # fmt: skip


class Painter:
    """Knows what the terminal shows. ``encode``: from text to the terminal's bytes."""

    def __init__(self, *, coloured: bool, encode: Callable[[str], bytes]) -> None:
        self._coloured = coloured
        self._encode = encode
        self._shown: list[str] | None = None

    def forget(self) -> None:
        """The terminal shows something else: everything is painted anew."""
        self._shown = None

    def painted(self, lines: Sequence[Line], *, width: int) -> bytes:
        """What turns the screen into these lines, as many as it has; nothing where it shows them already."""
        wanted = [self._written(line, width) for line in lines]
        shown, self._shown = self._shown or [], wanted
        pieces = [
            f"\x1b[{row};1H{text}" for row, text in enumerate(wanted, 1) if row > len(shown) or shown[row - 1] != text
        ]
        return self._encode(f"{BEGIN}{''.join(pieces)}{END}") if pieces else b""

    def _written(self, line: Line, width: int) -> str:
        """The line, and what was behind it erased. (Behind a full line the cursor stands on its last letter.)"""
        text = "".join(self._styled(cell) for cell in line)
        return text if sum(cell_len(cell.text) for cell in line) >= width else f"{text}\x1b[K"

    def _styled(self, cell: Cell) -> str:
        codes = ";".join(CODES[word] for word in cell.style.split()) if self._coloured else ""
        return f"\x1b[{codes}m{cell.text}{PLAIN}" if codes else cell.text
