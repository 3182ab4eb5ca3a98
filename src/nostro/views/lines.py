"""Lines of a terminal: pieces of text with a style. It decides how pieces are laid into lines and how a text is cut;
what they say is decided in ``sections.py`` and ``screen.py``, how they are painted in ``cli/painter.py``."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from nostro.views.escape import for_terminal


class Cell(NamedTuple):
    """A piece of a line, and how it looks: ``bold red``, of the words that the painter knows."""

    text: str
    style: str = ""


Line = tuple[Cell, ...]


Draw = Callable[[], Line]  # of thousands of lines only those that are seen are drawn


def still(line: Line) -> Draw:
    """A line that is drawn already."""
    return lambda: line


class Size(NamedTuple):
    """Of a terminal, in characters."""

    width: int
    height: int


def piece(text: str, style: str, *, width: int) -> Cell:
    """The text in at most that width; where it is longer, its end goes."""
    return Cell(text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…", style)


def laid(pieces: Sequence[Cell], width: int) -> Iterator[Line]:
    """The pieces in as few lines as the width allows, none of them broken."""
    line: list[Cell] = []
    used = 0
    for piece in pieces:
        if line and used + 2 + cell_len(piece.text) > width:
            yield tuple(line)
            line, used = [], 0
        line += [Cell("  " if line else " "), piece]
        used += (2 if used else 1) + cell_len(piece.text)
    if line:
        yield tuple(line)


def wrapped(text: str, style: str, *, width: int) -> list[Line]:
    return [(Cell(f" {line}", style),) for line in textwrap.wrap(for_terminal(text), width - 1, break_on_hyphens=False)]
