"""Tables for people. It decides how rows look on a terminal of a given width: amounts exact, grouped by thousands and
aligned on their points, zeros muted, thin rules, times in UTC to the second; where it is narrow, less important
columns go and are named. No digit of an amount is ever cut: rather, a line is longer than the terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nostro.domain.values import DAY_NS, canonical, format_time
from nostro.views.escape import for_terminal
from nostro.views.view import Column, View

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

UNKNOWN: Final = "-"
GAP: Final = 2  # blanks between columns
NARROW_GAP: Final = 1  # the same where the terminal is too narrow for that
MARGIN: Final = 1  # blanks before the first column
SHORT: Final = 13  # characters of a text that is cut in its middle
LONG: Final = 81  # the same for all other texts: what is longer was not written by anyone sane
UNPROVEN_LINES: Final = 6  # below a table: `nostro coverage` shows the rest
LAST_MIN: Final = 10  # the narrowest last column that may go on in further lines
GOOD: Final = frozenset({"proven", "ties", "ties within its quanta", "ok", "filled", "done", "explained"})
BAD: Final = frozenset({"break", "does not tie", "open", "refused", "failed"})
MUTED: Final = frozenset({"canceled", "expired", "settling", "rejected", "accepted"})


def draw(view: View, console: Console) -> None:
    """Writes the view to the console as a table and what is said of it."""
    for line in lines(view, console.width):
        console.print(line, soft_wrap=True)


def lines(view: View, width: int) -> list[Text]:
    """The table and what stands below it, for a terminal of that many columns."""
    from rich.text import Text

    rows = view.rows if view.drawn is None else view.drawn
    if not rows:
        return [Text(f" {view.empty}", style="dim"), *_below(view, (), width)]
    cells = [_cells(column, rows) for column in view.columns]
    kept, gap = _fitting(view.columns, cells, width)
    dropped = [column.heading for index, column in enumerate(view.columns) if index not in kept]
    shown = [_Shown(view.columns[index], cells[index]) for index in kept]
    _narrow_last(shown, width, gap=gap)
    return [*_table(view, rows, shown, gap=gap), *_below(view, dropped, width)]


# ── cells ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _cells(column: Column, rows: Sequence[msgspec.Struct]) -> list[str]:
    values = [getattr(row, column.name) for row in rows]
    if column.kind == "amount":
        return amounts(values)
    if column.kind == "time":
        return [_time(value) for value in values]
    texts = [_text(value) for value in values]
    if column.kind in {"status", "stage"}:
        texts = [text.replace("_", " ") for text in texts]
    return [shortened(text, SHORT if column.short else LONG) for text in texts]


def amounts(values: Sequence[Decimal | None]) -> list[str]:
    """Exact amounts with their points in one column: ``1,234.5``. What is not known is ``-``."""
    split = [grouped(value) for value in values]
    before = max((len(whole) for whole, _ in split), default=0)
    after = max((len(fraction) for _, fraction in split), default=0)
    return [whole.rjust(before) + fraction.ljust(after) for whole, fraction in split]


def grouped(value: Decimal | None) -> tuple[str, str]:
    """An exact amount, what stands before its point by thousands, and the rest: ``("1,234", ".5")``."""
    if value is None:
        return UNKNOWN, ""
    whole, point, fraction = canonical(value).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}", point + fraction


def _time(value: int | None) -> str:
    """To the second, cut: a table is read by people, and files have every digit."""
    return UNKNOWN if value is None else format_time(value, 0).replace("T", " ").removesuffix("Z")


def _text(value: Any) -> str:
    match value:
        case None | "":
            return UNKNOWN
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case Decimal():
            return "".join(grouped(value))
        case tuple() | list():
            return ", ".join(_text(member) for member in value) or UNKNOWN
        case _:
            return for_terminal(str(value))


def shortened(text: str, length: int) -> str:
    """The text in at most so many characters: from a longer one the middle goes, and ``…`` says so."""
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"


# ── layout ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _Shown:
    """A column that is drawn: its cells, how wide it is, and whether it is set to the right."""

    def __init__(self, column: Column, cells: Sequence[str]) -> None:
        self.column = column
        self.cells = cells
        self.width = _width(column, cells)
        self.right = column.kind in {"amount", "count"}

    def padded(self, text: str) -> str:
        from rich.cells import cell_len

        blanks = " " * (self.width - cell_len(text))
        return blanks + text if self.right else text + blanks


def _width(column: Column, cells: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max(len(column.heading), *(cell_len(text) for text in cells))


def _fitting(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> tuple[list[int], int]:
    """The columns that fit, and the blanks between them: the columns of the highest rank go first, of equal rank the
    last; where none can go, the blanks get fewer. The last one stays where it may go on in further lines."""
    widths = [_width(column, texts) for column, texts in zip(columns, cells, strict=True)]
    kept = list(range(len(columns)))

    def fits(gap: int, *, last: int = 0) -> bool:
        taken = [widths[index] for index in kept]
        return MARGIN + sum(taken) - (taken[-1] - last if last else 0) + gap * (len(kept) - 1) <= width

    while not fits(GAP):
        going = max(kept, key=lambda index: (columns[index].rank, index))
        if columns[going].rank == 0:
            break
        if going == kept[-1] and columns[going].kind == "status" and fits(NARROW_GAP, last=LAST_MIN):
            break
        gone = columns[going].name
        kept = [index for index in kept if index != going and columns[index].beside != gone]
    return kept, GAP if fits(GAP) else NARROW_GAP


def _narrow_last(shown: Sequence[_Shown], width: int, *, gap: int) -> None:
    """Where the table is still too wide, its last column may go on in further lines, unless it holds amounts."""
    last = shown[-1]
    free = width - MARGIN - sum(other.width + gap for other in shown[:-1])
    if not last.right and LAST_MIN <= free < last.width:
        last.width = free


def _table(view: View, rows: Sequence[msgspec.Struct], shown: Sequence[_Shown], *, gap: int) -> Iterator[Text]:
    from rich.text import Text

    rule = Text(" " * MARGIN + "─" * (sum(each.width + gap for each in shown) - gap), style="dim")
    headings = (" " * gap).join(each.padded(each.column.heading) for each in shown)
    yield Text(" " * MARGIN + headings.rstrip(), style="bold")
    yield rule
    before = ""
    for index, row in enumerate(rows):
        section = " · ".join(for_terminal(str(getattr(row, name))) for name in view.group)
        if section != before:
            if before:
                yield rule
            yield Text(" " * MARGIN + section, style="bold cyan")
            before = section
        yield from _row(shown, index, gap=gap)
    yield rule


def _row(shown: Sequence[_Shown], index: int, *, gap: int) -> Iterator[Text]:
    """One row: one line, or more where the last column goes on."""
    from rich.text import Text

    last = shown[-1]
    pieces = textwrap.wrap(last.cells[index], last.width) or [""]
    line = Text(" " * MARGIN)
    for each in shown[:-1]:
        text = each.cells[index]
        line.append(each.padded(text), _style(each.column, text.strip())).append(" " * gap)
    style = _style(last.column, last.cells[index].strip())
    indent = " " * len(line.plain)
    if last.right:
        yield line.append(last.padded(last.cells[index]), style)
        return
    yield line.append(pieces[0], style)
    for piece in pieces[1:]:
        yield Text(indent).append(piece, style)


def _style(column: Column, text: str) -> str:
    word = text.partition(" (")[0]
    if text in {UNKNOWN, "0"}:
        return "dim"
    if column.kind == "stage":
        return "green" if word in GOOD else "dim" if word in MUTED else ""
    if column.kind == "status":
        return "green" if word in GOOD else "bold red" if word in BAD else "dim" if word in MUTED else "yellow"
    if column.name in {"unexplained", "missing"}:
        return "bold red"
    return ""


# ── what stands below ────────────────────────────────────────────────────────────────────────────────────────────


def _below(view: View, dropped: Sequence[str], width: int) -> list[Text]:
    from rich.text import Text

    sentences = [for_terminal(note) for note in view.notes]
    if dropped:
        sentences.append(f"not shown at this width: {', '.join(dropped)} (or use -o json)")
    sentences.extend(_unproven(view))
    said = [piece for sentence in sentences for piece in textwrap.wrap(sentence, width - MARGIN)]
    said.extend(_joined(_claims(view), width - MARGIN))
    return [Text(" " * MARGIN + line, style="dim") for line in said]


def _unproven(view: View) -> list[str]:
    """What is not proven of the histories below an answer, in words; the young end of each goes without saying."""
    found: dict[str, list[str]] = {}
    for interval in view.coverage:
        if not interval.cause and interval.until_ns - interval.since_ns < DAY_NS:
            continue
        why = f"{interval.status} ({interval.cause})" if interval.cause else interval.status
        accounts = found.setdefault(
            f"{interval.stream} {why} from {_time(interval.since_ns).removesuffix(' 00:00:00')}", []
        )
        if interval.account not in accounts:
            accounts.append(interval.account)
    said = [f"not proven: {for_terminal(text)}, {for_terminal(', '.join(names))}" for text, names in found.items()]
    if len(said) > UNPROVEN_LINES:
        said = [*said[:UNPROVEN_LINES], f"and {len(said) - UNPROVEN_LINES} more: nostro coverage shows all"]
    return said


def _claims(view: View) -> list[str]:
    claims = []
    if view.complete_through_ns is not None:
        claims.append(f"complete through {_time(view.complete_through_ns)} UTC")
    if view.as_of_ns is not None:
        claims.append(f"as of {_time(view.as_of_ns)} UTC")
    if view.known_at_ns is not None:
        claims.append(f"known at {_time(view.known_at_ns)} UTC")
    if view.reader:
        claims.append(f"reader {for_terminal(view.reader)}")
    if view.pages:
        claims.append(f"{view.pages:,} pages")
    if view.head:
        claims.append(f"head {view.head[:16]}…")
    return claims


def _joined(claims: Sequence[str], width: int) -> list[str]:
    """The claims in as few lines as the width allows, none of them broken."""
    joined: list[str] = []
    for claim in claims:
        if joined and len(joined[-1]) + 3 + len(claim) <= width:
            joined[-1] += f" · {claim}"
        else:
            joined.append(claim)
    return joined
