"""An exchange that lies: a paper server whose JSON bodies are changed on the way out, the same lie each time it is
asked. It decides what a lie does to the rows of a route; what must be found of it stands in ``test_lies.py``.

A lie is told of whole *tables* (all rows of a route, and of one side of the fills), which are then cut into the
windows that are asked for: a row whose date is moved is answered in the window of its new date, as a bad database
would.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw

from nostro.domain.values import DAY_NS, SECOND_NS, decimal, format_time, number, parse_time
from nostro.link.http import HttpAnswer, HttpRequest, query_pairs, query_text
from nostro.paper.server import Server

Row = dict[str, Raw]
Lie = Callable[[list[Row]], list[Row]]
Asked = Mapping[str, str]

WINDOW_NS: Final = 30 * DAY_NS
FILTERS: Final = {"pair": "pair", "currency": "currency"}


class Table(NamedTuple):
    """Where its rows are answered, which stream they become, and the query's side where the rows do not say it."""

    path: str
    stream: str
    side: str = ""


TABLES: Final[dict[str, Table]] = {
    "activity": Table("accounts/activity", "entries"),
    "buys": Table("accounts/trades", "fills", "BID"),
    "sells": Table("accounts/trades", "fills", "ASK"),
    "orders": Table("accounts/order", "orders"),
    "deposits": Table("deposit", "deposits"),
    "withdrawals": Table("withdraw", "withdrawals"),
    "balances": Table("accounts/balances", "balances"),
}
# Told answer by answer alone: their rows cannot be cut into windows, or into assets.
MARGIN: Final[dict[str, Table]] = {
    "loans": Table("margin", "loans"), "margin_transfers": Table("margin/transfer", "margin_transfers"),
    "borrows": Table("margin/borrow", "borrows"), "repays": Table("margin/repay", "repayments"),
    "interests": Table("margin/interest", "interest"), "liquidations": Table("margin/liquidation", "liquidations"),
}  # fmt: skip
_ROWS: Final = msgspec.json.Decoder(list[Row])


class Liar:
    """Stands before a server and answers as it would, but for its lies. ``fired``: by table, the answers that were
    other than the truth."""

    def __init__(self, server: Server, *, since_ns: int, now_ns: Callable[[], int]) -> None:
        self._server = server
        self._since_ns = since_ns
        self._now_ns = now_ns
        self._lies: dict[str, Lie] = {}
        self._answers: dict[str, Callable[[list[Row], Asked], list[Row]]] = {}
        self._bytes: dict[str, Callable[[bytes, Asked], bytes]] = {}
        self._tables: dict[str, list[Row]] = {}
        self.fired: dict[str, int] = dict.fromkeys((*TABLES, *MARGIN), 0)

    def lie(self, table: str, lie: Lie) -> None:
        """From now on the table is told so; lies of one table follow each other."""
        before = self._lies.get(table)
        self._lies[table] = lie if before is None else lambda rows: lie(before(rows))

    def answer(self, table: str, change: Callable[[list[Row], Asked], list[Row]]) -> None:
        """From now on the rows of each answer are told so; the second argument is the query."""
        self._answers[table] = change

    def garble(self, table: str, change: Callable[[bytes, Asked], bytes]) -> None:
        """From now on the bytes of each answer are these."""
        self._bytes[table] = change

    def repent(self) -> None:
        """From now on the exchange tells the truth."""
        self._lies, self._answers, self._bytes = {}, {}, {}

    def handle(self, request: HttpRequest) -> HttpAnswer:
        truth = self._server.handle(request)
        asked = dict(query_pairs(request.query))
        table = self._table(request, asked)
        if table is None or truth.status != 200 or request.method != "GET":
            return truth
        body = truth.body
        if table in self._lies:
            body = msgspec.json.encode(self._told(table, request, asked))
        if table in self._answers:
            body = msgspec.json.encode(self._answers[table](_ROWS.decode(body), asked))
        if table in self._bytes:
            body = self._bytes[table](body, asked)
        self.fired[table] += said(body) != said(truth.body)
        return HttpAnswer(truth.status, truth.headers, body, truth.delay_s)

    def _table(self, request: HttpRequest, asked: Asked) -> str | None:
        for name, table in (TABLES | MARGIN).items():
            if request.path.endswith(f"/v3/{table.path}") and asked.get("side", "") == (
                table.side or asked.get("side", "")
            ):
                return name
        return None

    def _told(self, table: str, request: HttpRequest, asked: Asked) -> list[Row]:
        """The rows of the lying table that the query asks for. Source: API reference of 2023, ``start_time`` inclusive,
        ``end_time`` exclusive, the last 30 days without either."""
        rows = self._lies[table](self.true_rows(table, request))
        rows = [
            row for row in rows if all(_text(row, FILTERS[each]) == asked[each] for each in FILTERS if asked.get(each))
        ]
        if table == "balances":
            return rows
        until_ns = parse_time(asked["end_time"]) if "end_time" in asked else self._now_ns() + SECOND_NS
        since_ns = parse_time(asked["start_time"]) if "start_time" in asked else until_ns - WINDOW_NS
        found, at_ns = [], self._since_ns
        for row in rows:  # one whose date is none stands where its neighbours do
            at_ns = time(row) if dated(row) else at_ns
            if since_ns <= at_ns < until_ns:
                found.append(row)
        return found

    def true_rows(self, table: str, request: HttpRequest) -> list[Row]:
        """All rows that the exchange has, asked for with the request's own signature."""
        if table not in self._tables:
            rows: list[Row] = []
            at_ns = self._since_ns
            side = {"side": TABLES[table].side} if TABLES[table].side else {}
            while at_ns < self._now_ns():
                window = {} if table == "balances" else {
                    "start_time": format_time(at_ns), "end_time": format_time(at_ns + WINDOW_NS)
                }  # fmt: skip
                query = query_text((side | window).items())
                rows += _ROWS.decode(self._server.handle(msgspec.structs.replace(request, query=query)).body)
                at_ns = self._now_ns() if table == "balances" else at_ns + WINDOW_NS
            self._tables[table] = rows
        return [dict(row) for row in self._tables[table]]


# ── members ──────────────────────────────────────────────────────────────────────────────────────────────────────


def said(body: bytes) -> object:
    """What an answer says: the same for two spellings of it."""
    try:
        return json.loads(body, parse_float=lambda text: (text,), parse_int=lambda text: (text,))
    except (ValueError, RecursionError):
        return body


def _text(row: Row, member: str) -> str:
    raw = bytes(row.get(member, Raw(b"null")))
    return str(msgspec.json.decode(raw)) if raw[:1] == b'"' else raw.decode()


def text(row: Row, member: str) -> str:
    """The member's text, numbers as they are written, "null" where there is none."""
    return _text(row, member)


def amount(row: Row, member: str) -> Decimal:
    return decimal(_text(row, member))


def dated(row: Row) -> bool:
    """Whether the row has a date that a server could compare."""
    try:
        return time(row) > 0
    except ValueError:
        return False


def time(row: Row, member: str = "date") -> int:
    return parse_time(_text(row, member))


def place(row: Row) -> tuple[str, ...]:
    """Whose balance of which asset in which wallet a row is of."""
    return tuple(_text(row, member) for member in ("account_id", "currency", "wallet_type", "pair"))


def put(row: Row, member: str, value: Decimal | str | bytes) -> Row:
    """The row with another value: an amount, a text, or JSON as it stands."""
    if isinstance(value, bytes):
        return row | {member: Raw(value)}
    return row | {member: number(value) if isinstance(value, Decimal) else Raw(msgspec.json.encode(value))}


# ── lies of tables ───────────────────────────────────────────────────────────────────────────────────────────────


def changed(victim: Row, change: Callable[[Row], list[Row]]) -> Lie:
    """The first row that is equal to the victim becomes these."""

    def lie(rows: list[Row]) -> list[Row]:
        at = rows.index(victim)
        return [*rows[:at], *change(rows[at]), *rows[at + 1 :]]

    return lie


def deleted(victim: Row) -> Lie:
    return changed(victim, lambda row: [])


def doubled(victim: Row, *, new_id: str | None = None) -> Lie:
    """The row twice, the second time with another id where one is given."""
    return changed(victim, lambda row: [row, row if new_id is None else put(row, "id", new_id.encode())])


def altered(victim: Row, **members: Decimal | str | bytes) -> Lie:
    def change(row: Row) -> list[Row]:
        for member, value in members.items():
            row = put(row, member, value)
        return [row]

    return changed(victim, change)


def without(victim: Row, member: str) -> Lie:
    return changed(victim, lambda row: [{name: value for name, value in row.items() if name != member}])


def renamed(victim: Row, member: str) -> Lie:
    def change(row: Row) -> list[Row]:
        return [{(f"{name}_new" if name == member else name): value for name, value in row.items()}]

    return changed(victim, change)


def swapped(one: Row, other: Row) -> Lie:
    """Two rows change places in the list, and nothing else."""

    def lie(rows: list[Row]) -> list[Row]:
        left, right = rows.index(one), rows.index(other)
        rows[left], rows[right] = rows[right], rows[left]
        return rows

    return lie


def dates_exchanged(one: Row, other: Row) -> Lie:
    def lie(rows: list[Row]) -> list[Row]:
        left, right = rows.index(one), rows.index(other)
        rows[left], rows[right] = rows[left] | {"date": other["date"]}, rows[right] | {"date": one["date"]}
        return rows

    return lie


def moved(victim: Row, *, by_ns: int) -> Lie:
    return altered(victim, date=format_time(time(victim) + by_ns))


def forgotten(*, before_ns: int) -> Lie:
    """Nothing older is there, and nothing says so."""
    return lambda rows: [row for row in rows if time(row) >= before_ns]


def invented(row: Row) -> Lie:
    """One row more, where its date belongs."""

    def lie(rows: list[Row]) -> list[Row]:
        return sorted([*rows, row], key=time)

    return lie


# ── lies of answers ──────────────────────────────────────────────────────────────────────────────────────────────


def cut_to(rows_max: int) -> Callable[[list[Row], Asked], list[Row]]:
    """Silently only the first so many rows of each window."""
    return lambda rows, asked: rows[:rows_max]
