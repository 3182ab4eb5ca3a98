"""The sections of the screen: positions, margin, balances, accounts. It decides their columns and which of them go
first where it is narrow, what marks a change, and how the age of a number is said; which rows there are is decided in
``order.py``, how columns fit a width in ``fitting.py``. Colour says nothing that a sign or a word does not say too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

import msgspec
from rich.cells import cell_len

from nostro.domain.records import Balance, MarginSummary, Position
from nostro.domain.values import SECOND_NS, format_time
from nostro.views.escape import for_terminal
from nostro.views.fitting import GAP, MARGIN, Fitted, Value, Widths, fitted, taken
from nostro.views.lines import Cell, Draw, Line, piece, still
from nostro.views.live import DISTANCE, Board, Row, Standing, distance, figure
from nostro.views.view import Column

MARKED_S: Final = 4  # how long a change is marked
NEAR: Final = Decimal(10)  # percent to the liquidation price: from here on a row is marked
DANGER: Final = Decimal(5)  # the same, in red
NARROW: Final = 60  # columns, below which an age is said by signs
UP: Final = "▲"
DOWN: Final = "▼"
AGE: Final = Column(name="age", heading="age", kind="status")
SUB_ACCOUNT: Final = Column(name="sub_account", heading="sub-account", rank=8, short=True)

KINDS: Final[Mapping[str, str]] = {
    "positions": Position.kind, "margin": MarginSummary.kind, "balances": Balance.kind,
}  # fmt: skip
COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "positions": (
        SUB_ACCOUNT,
        Column(name="instrument", heading="contract"),
        Column(name="side", heading="side", rank=7),
        Column(name="size", heading="size", kind="amount", rank=1),
        Column(name="entry_price", heading="entry", kind="amount", rank=6),
        Column(name="mark_price", heading="mark", kind="amount", rank=4),
        Column(name="liquidation_price", heading="liquid.", kind="amount", rank=5),
        Column(name=DISTANCE, heading="dist %", kind="amount"),
        Column(name="unrealized_pnl", heading="unrealized", kind="amount", rank=2),
        Column(name="currency", heading="in", rank=3, beside="unrealized_pnl"),
        Column(name="leverage", heading="lev.", kind="amount", rank=9),
        AGE,
    ),
    "margin": (
        SUB_ACCOUNT,
        Column(name="wallet", heading="wallet", rank=7, short=True),
        Column(name="scope", heading="scope", rank=9),
        Column(name="instrument", heading="pair", rank=6),
        Column(name="currency", heading="in"),
        Column(name="equity", heading="equity", kind="amount"),
        Column(name="available", heading="available", kind="amount", rank=1),
        Column(name="maintenance_margin", heading="mainten.", kind="amount", rank=2),
        Column(name="initial_margin", heading="initial", kind="amount", rank=3),
        Column(name="unrealized_pnl", heading="unrealized", kind="amount", rank=4),
        Column(name="balance", heading="balance", kind="amount", rank=5),
        AGE,
    ),
    "balances": (
        SUB_ACCOUNT,
        Column(name="wallet", heading="wallet", rank=3, short=True),
        Column(name="asset", heading="asset"),
        Column(name="total", heading="total", kind="amount"),
        Column(name="free", heading="free", kind="amount", rank=1),
        Column(name="used", heading="held", kind="amount", rank=4),
        Column(name="value", heading="USD", kind="amount", rank=2),
        AGE,
    ),
    "accounts": (
        Column(name="exchange", heading="exchange", rank=4),
        Column(name="age", heading="state", kind="status"),
        Column(name="since", heading="since", rank=3),
        Column(name="heard", heading="heard", rank=2),
        Column(name="open", heading="open", rank=1),
        Column(name="breaks", heading="breaks", rank=1),
    ),
}  # fmt: skip


class Table:
    """One section, for one width."""

    def __init__(
        self, board: Board, section: str, *, standings: Sequence[Standing], width: int, widths: Widths, now_ns: int
    ) -> None:
        self._section = section
        self._standings = {each.account: each for each in standings}
        self._told = board.told
        self._width, self._widths, self._now_ns = width, widths, now_ns
        self._narrow = width < NARROW
        account = Column(name="account", heading=section.upper(), short=True)
        self._columns = (account, *COLUMNS[section])

    def rows(self, rows: Sequence[Row]) -> list[Draw]:
        """The heading, and a line for each state, drawn when it is asked for; nothing where there is none."""
        if not rows:
            return []
        columns = _telling_apart([column for column in self._columns if self._is_told(column, rows)], rows)
        values = [[self._value(row, column.name) for row in rows] for column in columns]
        shown = fitted(self._section, columns, values=values, width=self._width, widths=self._widths)
        return [still(_heading(shown)), *(partial(self._line, shown, row, index) for index, row in enumerate(rows))]

    def accounts(self, standings: Sequence[Standing]) -> list[Draw]:
        """The heading, and a line for each account; why it is as it is, behind it or where that is too long below."""
        if not standings:
            return []
        values = [[self._of_account(each, column.name) for each in standings] for column in self._columns]
        shown = fitted(self._section, self._columns, values=values, width=self._width, widths=self._widths)
        free = self._width - taken(shown) - GAP
        lines = [_heading(shown)]
        for index, each in enumerate(standings):
            line, why = self._account(shown, each, index), for_terminal(each.why)
            if why and cell_len(why) <= free:
                lines.append((*line, Cell(" " * GAP), Cell(why, "dim")))
            else:
                lines += [line, (piece(f"   {why}", "dim", width=self._width),)] if why else [line]
        return [still(line) for line in lines]

    def _is_told(self, column: Column, rows: Sequence[Row]) -> bool:
        """Whether a column says anything; of sub-accounts, whether an account has several."""
        if column is SUB_ACCOUNT:
            return len({(row.key[0], row.fact.sub_account) for row in rows}) > len({row.key[0] for row in rows})
        if column.name == "side":
            return any(figure(row.fact, "side") != "both" for row in rows)
        return not column.rank or any(figure(row.fact, column.name) not in (None, "") for row in rows)

    def _value(self, row: Row, name: str) -> Value:
        if name == "age":
            standing = self._standings[row.key[0]]
            return state(standing, seen_ns=row.seen_ns, now_ns=self._now_ns, told=self._told, narrow=self._narrow)
        found = _member(row, name)
        return found if found is None or isinstance(found, Decimal | str) else str(found)

    def _of_account(self, standing: Standing, name: str) -> Value:
        match name:
            case "age":
                return standing.word if standing.word != "stale" or not standing.gap else "stale gap"
            case "since":
                return None if standing.since_ns is None else format_time(standing.since_ns, 0)[11:-1]
            case "heard":
                return None if standing.heard_ns is None else age(self._now_ns - standing.heard_ns)
        found = getattr(standing, name)
        return f"{found:,}" if isinstance(found, int) else str(found)

    def _line(self, shown: Sequence[Fitted], row: Row, index: int) -> Line:
        standing = self._standings[row.key[0]]
        apart = distance(row.fact)
        is_new = row.new_ns is not None and self._now_ns - row.new_ns < MARKED_S * SECOND_NS
        mark = "!" if apart is not None and apart <= NEAR else "+" if is_new else " "
        line = [Cell(mark, "bold red" if mark == "!" else "bold green" if mark == "+" else "")]
        for each in shown:
            line += self._cells(each, row, each.cells[index], standing=standing)
            line.append(Cell(" " * GAP))
        return tuple(line[:-1])

    def _cells(self, each: Fitted, row: Row, text: str, *, standing: Standing) -> Iterator[Cell]:
        name = each.column.name
        if not each.is_amount:
            yield Cell(text, word_style(standing.word) if name == "age" else "")
            return
        change = row.changes.get(name)
        marked = change is not None and self._now_ns - change.at_ns < MARKED_S * SECOND_NS
        style = "dim" if standing.word != "fresh" or text.strip() in {"-", "0"} else ""
        if name == DISTANCE:
            style = _distance_style(distance(row.fact)) or style
        if change is not None and marked:
            way = "green" if change.sign > 0 else "red"
            yield Cell(text, style if name == DISTANCE and style else way)
            yield Cell(UP if change.sign > 0 else DOWN, way)
            return
        yield Cell(text, style)
        yield Cell(" ")

    @staticmethod
    def _account(shown: Sequence[Fitted], standing: Standing, index: int) -> Line:
        line = [Cell(" " * MARGIN)]
        for each in shown:
            text = each.cells[index]
            bad = each.column.name in {"open", "breaks"} and text.strip() not in {"0", "-"}
            style = word_style(standing.word) if each.column.name == "age" else "bold red" if bad else ""
            line += [Cell(text, style), Cell(" " * GAP)]
        return tuple(line[:-1])


def _member(row: Row, name: str) -> Any:
    return row.key[0] if name == "account" else figure(row.fact, name)


def _telling_apart(columns: Sequence[Column], rows: Sequence[Row]) -> list[Column]:
    """The columns, where those without which two rows would look the same go among the last."""
    names = sorted((each for each in columns if each.kind == "text" and not each.beside), key=lambda each: each.rank)
    needed: list[str] = []
    told = 1
    for column in names:
        apart = len({tuple(_member(row, name) for name in (*needed, column.name)) for row in rows})
        if apart > told or not column.rank:
            needed.append(column.name)
            told = apart
    return [
        msgspec.structs.replace(each, rank=min(each.rank, 1)) if each.name in needed else each for each in columns
    ]  # fmt: skip


def _heading(shown: Sequence[Fitted]) -> Line:
    line = [Cell(" " * MARGIN), Cell(shown[0].heading, "bold cyan")]
    line += [Cell(" " * GAP + each.heading + " " * each.is_amount, "bold") for each in shown[1:]]
    return tuple(line)


def state(standing: Standing, *, seen_ns: int, now_ns: int, told: bool, narrow: bool) -> str:
    """How old a number is, in a word: ``live`` where its account's events are told, ``12s`` since it was last seen so,
    ``stale 4m``, ``unknown``, ``ended``; where it is narrow ``!4m``, ``?``, ``end``."""
    match standing.word:
        case "fresh":
            return "live" if told else age(now_ns - seen_ns)
        case "stale":
            since = age(now_ns - (standing.since_ns or seen_ns))
            return f"!{since}" if narrow else f"stale {since}"
        case "unknown":
            return "?" if narrow else "unknown"
    return "end" if narrow else "ended"


def age(age_ns: int) -> str:
    """``12s``, ``4m``, ``3h``, ``5d``: cut to the unit."""
    seconds = max(age_ns, 0) // SECOND_NS
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length * (2 if unit == "d" else 1):
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def word_style(word: str) -> str:
    return {"fresh": "green", "stale": "bold yellow", "ended": "bold red"}.get(word, "yellow")


def _distance_style(apart: Decimal | None) -> str:
    if apart is None or apart > NEAR:
        return ""
    return "bold red" if apart <= DANGER else "bold yellow"
