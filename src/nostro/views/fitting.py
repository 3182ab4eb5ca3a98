"""How the rows of a live table fit the width of a terminal. It decides what goes where it is too narrow, in this order:
decimals behind the eighth, texts beyond 13 characters, columns by their rank, then ever more decimals and letters. What
is left out of a number is marked ``…``, and of an amount that is shown so never a digit before its point, unless its
exponent says how many there are. A column never gets narrower while it is watched: nothing jumps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from rich.cells import cell_len, set_cell_size

from nostro.views.escape import for_terminal
from nostro.views.table import UNKNOWN, grouped, shortened
from nostro.views.view import Column

MARGIN: Final = 1  # before the first column: the row's own mark stands there
GAP: Final = 1  # between columns; behind an amount there is one more, for the mark of a change
WHOLE_MAX: Final = 7  # characters before the point, where nothing else helps: then 1.2…e15

Value = Decimal | str | None
Widths = dict[tuple[str, str], tuple[int, int]]  # of a section's column: the widest so far, before the point and behind


class Form(NamedTuple):
    """What is conceded: at most so many decimals (None: all) and characters of a text, columns up to a rank, and
    characters before a point (None: all)."""

    digits: int | None
    characters: int
    rank: int
    whole: int | None = None


class Fitted(NamedTuple):
    """A column as it is drawn: its heading and its cells, all of one width; an amount has one blank more behind it."""

    column: Column
    heading: str
    cells: list[str]

    @property
    def is_amount(self) -> bool:
        return self.column.kind == "amount"


def forms(columns: Sequence[Column]) -> Iterator[Form]:
    """What is tried, one after the other."""
    ranks = sorted({column.rank for column in columns}, reverse=True)
    every = ranks[0]
    yield Form(None, 24, every)
    yield from (Form(8, 13, rank) for rank in ranks if rank > 0)
    lowest = min((rank for rank in ranks if rank > 0), default=0)
    yield from (Form(digits, 8, lowest) for digits in (8, 4, 2))
    yield from (Form(2, 8, 0), Form(2, 6, 0), Form(0, 6, 0), Form(0, 6, 0, WHOLE_MAX))


def fitted(
    section: str, columns: Sequence[Column], *, values: Sequence[Sequence[Value]], width: int, widths: Widths
) -> list[Fitted]:
    """The columns that fit, in their order; ``values`` column by column. ``widths`` remembers how wide they were."""
    split = [[_parts(value) for value in each] for each in values]
    for column, parts in zip(columns, split, strict=True):
        before, after = widths.get((section, column.name), (0, 0))
        before = max(before, *(cell_len(whole) for whole, _ in parts), 0)
        widths[section, column.name] = before, max(after, *(len(fraction) for _, fraction in parts), 0)
    found: list[Fitted] = []
    for form in forms(columns):
        found = [
            _fitted(column, parts, form=form, known=widths[section, column.name])
            for column, parts in zip(columns, split, strict=True)
            if _stays(column, columns, rank=form.rank)
        ]
        if taken(found) <= width:
            break
    return found


def taken(columns: Sequence[Fitted]) -> int:
    """The width of a line of these columns."""
    return MARGIN + sum(cell_len(each.heading) + each.is_amount for each in columns) + GAP * (len(columns) - 1)


def _stays(column: Column, columns: Sequence[Column], *, rank: int) -> bool:
    if column.beside:
        rank = rank if _stays(next(each for each in columns if each.name == column.beside), columns, rank=rank) else -1
    return column.rank <= rank


def _parts(value: Value) -> tuple[str, str]:
    if isinstance(value, str):
        return for_terminal(value) or UNKNOWN, ""
    return grouped(value)


def _fitted(column: Column, parts: Sequence[tuple[str, str]], *, form: Form, known: tuple[int, int]) -> Fitted:
    before, after = known
    heading = column.heading
    if column.kind != "amount":
        length = max(min(before, form.characters), min(len(heading), form.characters))
        texts = [_named(text, column, length=form.characters) for text, _ in parts]
        return Fitted(column, set_cell_size(heading, length), [set_cell_size(text, length) for text in texts])
    cut = [_cut(whole, fraction, form=form) for whole, fraction in parts]
    if form.whole is not None:
        before = max((len(whole) for whole, _ in cut), default=0)
    after = after if form.digits is None else min(after, form.digits + 2)
    length = max(before + after, len(heading))
    cells = [(whole.rjust(before) + fraction.ljust(after)).rjust(length) for whole, fraction in cut]
    return Fitted(column, heading.rjust(length), cells)


def _named(text: str, column: Column, *, length: int) -> str:
    """A name in at most so many characters. Of accounts the end tells them apart, of what is traded the beginning."""
    if column.short or len(text) <= length:
        return shortened(text, length)
    return f"{text[: length - 1]}…"


def _cut(whole: str, fraction: str, *, form: Form) -> tuple[str, str]:
    """An amount's two parts, no longer than the form allows."""
    if form.whole is not None and len(whole) > form.whole:
        return _with_exponent(whole), ""
    if form.digits is not None and len(fraction) > form.digits + 2:  # the sign that something is missing needs one
        fraction = f"{fraction[: form.digits + 1]}…"
    return whole, fraction


def _with_exponent(whole: str) -> str:
    """``-1.2…e15``: the first two digits, cut, and how many there are behind the first."""
    digits = whole.lstrip("-").replace(",", "")
    return f"{'-' if whole.startswith('-') else ''}{digits[0]}.{digits[1]}…e{len(digits) - 1}"
