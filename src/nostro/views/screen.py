"""The board as lines of a terminal of a given size. It decides where everything stands: what is wrong first, then
positions, margin, balances and accounts (``sections.py``), the keys last; and what stays at the top where one scrolls.
What is known is the board's (``live.py``), what a person chose ``choices.py``'s.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len

from nostro.domain.values import format_time
from nostro.views.choices import KEYS, SECTIONS, Choices
from nostro.views.escape import for_terminal
from nostro.views.fitting import Widths
from nostro.views.lines import Cell, Draw, Line, Size, laid, piece, still, wrapped
from nostro.views.live import Board, Standing
from nostro.views.order import Order
from nostro.views.sections import DANGER, DOWN, KINDS, NEAR, UP, Table, word_style

WIDTH_MIN: Final = 40
HEIGHT_MIN: Final = 6
WARNINGS_MAX: Final = 3  # lines of deadlines: `nostro coverage` shows the rest
NAMED_MAX: Final = 3  # accounts that are named in a sentence
HELP_INDENT: Final = 16
SIGNS: Final = (
    ("age", "live, or how long ago it was last seen so; stale: for how long nobody has known whether it still is"),
    ("dist %", f"|mark - liquidation| / mark, cut to two decimals: ! up to {NEAR} %, red up to {DANGER} %"),
    (f"{UP} {DOWN} +", "went up, went down, is new"),
    ("1.2345…", "has more digits than there is room for"),
)


class Screen(NamedTuple):
    """``lines`` from the top on; ``top``: the first line of the body that is shown, ``page`` so many of them."""

    lines: list[Line]
    top: int
    page: int


def drawn(board: Board, choices: Choices, *, size: Size, widths: Widths, now_ns: int, note: str = "") -> Screen:
    """What is shown: as many lines as the terminal has, none wider. ``widths`` as `fitted` takes it,
    ``note``: the last thing that was logged."""
    if size.width < WIDTH_MIN or size.height < HEIGHT_MIN:
        return Screen([(Cell("too small"[: size.width]),), *[()] * (size.height - 1)], 0, 1)
    standings = board.standings(now_ns)
    head = _head(board, choices, standings, width=size.width, now_ns=now_ns)[: size.height // 2]
    body = (
        _help(size.width)
        if choices.helping
        else _body(board, choices, standings, width=size.width, widths=widths, now_ns=now_ns)
    )
    notes: list[Line] = [(piece(f" {for_terminal(note)}", "dim", width=size.width),)] if note else []
    page = size.height - len(head) - len(notes) - 1
    top = max(0, min(choices.top, len(body) - page))
    shown = _window(body, top, page)
    foot = _foot(choices, (top, len(shown), len(body)), width=size.width)
    return Screen([*head, *shown, *[()] * (page - len(shown)), *notes, foot], top, page)


# ── the body ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Placed(NamedTuple):
    """A line of the body, and the heading that it stands under, None of a line that has none."""

    draw: Draw
    heading: Draw | None = None


def _window(body: Sequence[Placed], top: int, page: int) -> list[Line]:
    """The lines that are shown; where a heading went out at the top, it stands in the place of the first."""
    shown = list(body[top : top + page])
    if shown and top and (heading := shown[0].heading):
        shown[0] = Placed(heading)
    return [placed.draw() for placed in shown]


def _body(
    board: Board, choices: Choices, standings: Sequence[Standing], *, width: int, widths: Widths, now_ns: int
) -> list[Placed]:
    order = Order(board, choices, standings=standings)
    found: list[Placed] = []
    for section in SECTIONS:
        if section in choices.hidden:
            continue
        table = Table(board, section, standings=standings, width=width, widths=widths, now_ns=now_ns)
        lines = table.accounts(order.accounts()) if section == "accounts" else table.rows(order.rows(KINDS[section]))
        if lines:
            found += [Placed(still(()))] if found else []
            found += [Placed(lines[0]), *(Placed(line, lines[0]) for line in lines[1:])]
    if not found:
        nothing = "nothing fits the filter" if choices.filter else "nothing is known yet"
        found = [Placed(still((Cell(f" {nothing}", "dim"),)))]
    return found


# ── above and below ──────────────────────────────────────────────────────────────────────────────────────────────


def _head(
    board: Board, choices: Choices, standings: Sequence[Standing], *, width: int, now_ns: int
) -> list[Line]:  # fmt: skip
    pieces = [Cell(f"{format_time(now_ns, 0)[11:-1]} UTC", "bold"), *_counted(standings)]
    if choices.paused:
        pieces.insert(0, Cell("PAUSED", "bold reverse"))
    found = list(laid(pieces, width))
    alone = [each.account for each in standings if not each.followed]
    warnings = [(board.trouble, "bold red")] if board.trouble else []
    if alone:
        some = ", ".join(alone) if len(alone) <= NAMED_MAX else f"{len(alone)} of these accounts"
        whom = "these accounts" if len(alone) == len(standings) else some
        warnings.append((f"nobody follows {whom}: run nostro up", "bold red"))
    for text, style in warnings:
        found += wrapped(text, style, width=width)[:WARNINGS_MAX]
    return found + _deadlines(board, width)


def _counted(standings: Sequence[Standing]) -> Iterator[Cell]:
    """How many accounts are how fresh, and what is wrong with them."""
    words = [each.word for each in standings]
    for word in ("fresh", "stale", "unknown", "ended"):
        if words.count(word):
            yield Cell(f"{words.count(word)} {word}", word_style(word))
    counts: tuple[tuple[str, Callable[[Standing], int], str], ...] = (
        ("gap", lambda each: each.gap, "bold yellow"), ("open", lambda each: each.open, "bold yellow"),
        ("break", lambda each: each.breaks, "bold red"),
    )  # fmt: skip
    for name, count, style in counts:
        if found := sum(map(count, standings)):
            plural = "s" if found != 1 and name != "open" else ""
            yield Cell(f"{found:,} {name}{plural}", style)


def _deadlines(board: Board, width: int) -> list[Line]:
    """The nearest, each whole."""
    lines: list[Line] = []
    waiting = board.deadlines()
    while waiting:
        near = waiting[0]
        until = format_time(near.deadline_ns, 0).replace("T", " ").removesuffix("Z")
        text = f"! {near.account} {near.stream}: what was never read is forgotten from {until} UTC on"
        more = wrapped(text, "bold yellow", width=width)
        if lines and len(lines) + len(more) > WARNINGS_MAX:
            return lines + wrapped(f"! and {len(waiting)} more: nostro coverage", "bold yellow", width=width)
        lines += more
        del waiting[0]
    return lines


def _foot(choices: Choices, seen: tuple[int, int, int], *, width: int) -> Line:
    top, shown, whole = seen
    if choices.typing:
        return (piece(f" /{choices.filter}_   Enter keeps it, Esc takes it back", "bold", width=width),)
    hints = [f"{top + 1}-{top + shown} of {whole}"] if shown < whole else []
    hints += [f"/{choices.filter}"] if choices.filter else []
    hints += ["q quit", "? help", f"s sort: {choices.sort}", "/ filter", "1-4 sections", "p pause", "z zeros"]
    while sum(cell_len(hint) + 2 for hint in hints) - 1 > width:
        hints.pop()
    return (Cell(f" {'  '.join(hints)}", "dim"),)


def _help(width: int) -> list[Placed]:
    """The keys, and what signs mean."""
    found: list[Placed] = []
    for keys, what in (*KEYS, *SIGNS):
        texts = textwrap.wrap(what, width - HELP_INDENT)
        pairs = zip((keys, *[""] * (len(texts) - 1)), texts, strict=True)
        found += [Placed(still((Cell(f" {key:<{HELP_INDENT - 1}}", "bold"), Cell(text)))) for key, text in pairs]
    return found
