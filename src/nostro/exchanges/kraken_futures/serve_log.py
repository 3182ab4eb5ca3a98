"""The account log of the paper exchange: the venue's entries and fills of a user, as the lines in which Kraken Futures
tells both. It decides which entries of a fill make one line, and which number a line has; who asks for which lines
stands in ``serve_history.py``.

A fill has a line for the money, profit and fee together where one account takes both, and one for the position, whose
asset is the contract. *Ours*: a line's id is its millisecond and its place there, so that ids grow with time;
collateral that goes to an isolated contract and comes back is a transfer between two accounts.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from itertools import groupby, islice
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw

from nostro.domain.values import DAY_NS, EARLIEST_NS, EXACT, SECOND_NS, number
from nostro.exchanges.kraken_futures import words, written
from nostro.exchanges.kraken_futures.messages import NULL
from nostro.exchanges.kraken_futures.messages_history import LogEntry
from nostro.link.commands import MARGIN_ACCOUNT
from nostro.link.contracts import VenueFunding
from nostro.link.view import Changes, VenueEntry, VenueFill, VenueView

IDS_PER_MILLISECOND: Final = 4_096  # so many keep an id of our times within what a double holds
FIRST_WINDOW_NS: Final = DAY_NS  # of what is asked newest first
_OF_FILLS: Final = ("realized_pnl", "fee")
_TWO_LEGS: Final = ("transfer", "isolate")  # whose entries come in twos, the one that loses first

RowT = TypeVar("RowT")


class Line(msgspec.Struct, frozen=True):
    """A line and when it happened; its ``date`` is cut."""

    time_ns: int
    entry: LogEntry


def first_ns(line_id: int) -> int:
    """From when on lines have at least this id."""
    return line_id // IDS_PER_MILLISECOND * written.MILLISECOND_NS


def lines(view: VenueView, user: int, *, since_ns: int, until_ns: int) -> Iterator[Line]:
    """The lines of [since_ns, until_ns), oldest first. Whole milliseconds are gone through, so that ids are the same
    whatever is asked."""
    low_ns = since_ns // written.MILLISECOND_NS * written.MILLISECOND_NS
    high_ns = -(-until_ns // written.MILLISECOND_NS) * written.MILLISECOND_NS
    writer = _Writer(view, user)
    moved = ((row.time_ns, 0, row.id, row) for row in view.entries(user, since_ns=low_ns, until_ns=high_ns))
    filled = ((row.time_ns, 1, row.id, row) for row in view.fills(user, since_ns=low_ns, until_ns=high_ns))
    runs: list[Any] = [moved, filled]
    merged: Iterator[tuple[int, int, int, Any]] = heapq.merge(*runs)
    place, at_ms = 0, -1
    for time_ns, rows in groupby(merged, key=lambda row: row[0]):
        together: list[Any] = [row[3] for row in rows]
        if time_ns // written.MILLISECOND_NS != at_ms:
            place, at_ms = 0, time_ns // written.MILLISECOND_NS
        for entry in writer.at(time_ns, together):
            if since_ns <= time_ns < until_ns:
                line_id = at_ms * IDS_PER_MILLISECOND + place
                yield Line(time_ns, msgspec.structs.replace(entry, id=line_id))
            place += 1


def newest_lines(view: VenueView, user: int, *, rows: int) -> list[LogEntry]:
    """The last so many, newest first."""
    found = newest_first(partial(lines, view, user), since_ns=EARLIEST_NS, until_ns=view.now_ns() + 1)
    return [line.entry for line in islice(found, rows)]


def lines_of(view: VenueView, user: int, *, changes: Changes) -> list[LogEntry]:
    """The lines that one command of the venue made, oldest first."""
    entries = [row for row in changes.entries if row.user == user]
    fills = [row for row in changes.fills if row.user == user]
    times = [row.time_ns for row in entries] + [row.time_ns for row in fills]
    if not times:
        return []
    own = {written.uid(written.EXECUTION, row.id) for row in fills}
    own |= {written.uid(written.BOOKING, row.id - legs) for row in entries for legs in (0, _is_second(row))}
    made = lines(view, user, since_ns=min(times), until_ns=max(times) + 1)
    return [line.entry for line in made if line.entry.booking_uid in own]


def newest_first(
    rows: Callable[..., Iterator[RowT]], *, since_ns: int, until_ns: int
) -> Iterator[RowT]:  # fmt: skip
    """Rows that a function gives oldest first, newest first: window by window, each wider than the one before, so that
    who wants a few waits for few."""
    width_ns = FIRST_WINDOW_NS
    while since_ns < until_ns:
        low_ns = max(since_ns, until_ns - width_ns)
        yield from reversed(list(rows(since_ns=low_ns, until_ns=until_ns)))
        until_ns, width_ns = low_ns, width_ns * 4


def payments(view: VenueView, user: int, *, time_ns: int, count: int) -> list[VenueFunding]:
    """The payments that so many entries of one time book: the last ones due by then, in order. Each falls on a whole
    interval, so that so many intervals back hold them."""
    if not count:
        return []
    longest_s = max(each.funding_interval_s for each in view.instruments())
    since_ns = time_ns - (count + 1) * longest_s * SECOND_NS
    return list(view.funding(user, since_ns=since_ns, until_ns=time_ns + 1))[-count:]


class _Writer:
    """Writes the lines of one user, timestamp by timestamp."""

    def __init__(self, view: VenueView, user: int) -> None:
        self._view = view
        self._user = user
        self._contracts = {each.symbol: each for each in view.instruments() if each.kind != "spot"}
        self._elsewhere: set[int] = set()  # entries of the wallet that this wire does not show

    def at(self, time_ns: int, rows: list[VenueEntry | VenueFill]) -> Iterator[LogEntry]:
        """The lines of one timestamp: each entry in its place, what is of a fill with the fill."""
        moved = [row for row in rows if isinstance(row, VenueEntry) and row.total_delta]
        self._elsewhere = {row.id for row in moved if row.wallet == words.EXCHANGE_SPOT}
        entries = [row for row in moved if row.wallet != words.EXCHANGE_SPOT]
        fills = [row for row in rows if isinstance(row, VenueFill) and row.instrument in self._contracts]
        funded = payments(
            self._view, self._user, time_ns=time_ns, count=sum(entry.type == "funding" for entry in entries)
        )
        waiting = [each for each in entries if each.type in _OF_FILLS]
        rest = iter([each for each in entries if each.type not in _OF_FILLS])
        pending = next(rest, None)
        for fill in fills:
            own = [waiting.pop(0) for _ in range(_entries_of(fill)) if waiting]
            while pending is not None and own and pending.id < own[0].id:
                yield self._line(pending, funded)
                pending = next(rest, None)
            yield from self._trade(fill, own)
            yield self._position(fill, own)
        for entry in waiting:
            yield self._line(entry, funded)
        while pending is not None:
            yield self._line(pending, funded)
            pending = next(rest, None)

    def _trade(self, fill: VenueFill, own: list[VenueEntry]) -> Iterator[LogEntry]:
        """The money of a fill: one line for each account that it touched."""
        for (wallet, asset), group in groupby(own, key=lambda entry: (entry.wallet, entry.asset)):
            rows = list(group)
            pnl = next((row.total_delta for row in rows if row.type == "realized_pnl"), None)
            fee = next((row.total_delta.copy_negate() for row in rows if row.type == "fee"), None)
            yield self._of_fill(
                fill, rows[0], asset=words.currency(asset).lower(), account=account(wallet),
                balances=(number(rows[0].total), number(_after(rows[-1]))),
                realized_pnl=_optional(pnl), fee=_optional(fee), funding_rate=NULL,
            )  # fmt: skip

    def _position(self, fill: VenueFill, own: list[VenueEntry]) -> LogEntry:
        instrument = self._contracts[fill.instrument]
        before = written.entry_price(instrument, size=fill.size_before, basis=fill.basis_before)
        after = written.entry_price(instrument, size=fill.size_after, basis=fill.basis_after)
        return self._of_fill(
            fill, own[0] if own else None, asset=written.symbol(instrument).lower(), account=account(fill.wallet),
            balances=(number(fill.size_before), number(fill.size_after)),
            old_average_entry_price=number(before), new_average_entry_price=number(after),
        )  # fmt: skip

    def _of_fill(
        self, fill: VenueFill, entry: VenueEntry | None, *, asset: str, account: str, balances: tuple[Raw, Raw],
        **more: Any,
    ) -> LogEntry:  # fmt: skip
        instrument = self._contracts[fill.instrument]
        booking = written.uid(written.EXECUTION, fill.id) if entry is None else written.uid(written.BOOKING, entry.id)
        return LogEntry(
            id=0, date=written.time(fill.time_ns), asset=asset, info=_info(fill), booking_uid=booking,
            margin_account=account, contract=written.symbol(instrument).lower(),
            collateral=words.currency(instrument.settle).lower(), old_balance=balances[0], new_balance=balances[1],
            trade_price=number(fill.price), mark_price=_optional(fill.mark), execution=written.fill_id(fill), **more,
        )  # fmt: skip

    def _line(self, entry: VenueEntry, funded: list[VenueFunding]) -> LogEntry:
        """A line of anything but a fill."""
        other = entry.id - 1 if _is_second(entry) else entry.id + 1
        payment = next((row for row in funded if _pays(row, entry)), None) if entry.type == "funding" else None
        if payment is not None:
            funded.remove(payment)
        return LogEntry(
            id=0,
            date=written.time(entry.time_ns),
            asset=words.currency(entry.asset).lower(),
            info=words.CROSS_EXCHANGE if other in self._elsewhere else words.LOG_WRITTEN.get(entry.type, entry.type),
            booking_uid=written.uid(written.BOOKING, entry.id - _is_second(entry)),
            margin_account=account(entry.wallet, entry.asset),
            contract=None if payment is None else words.symbol(payment.instrument).lower(),
            old_balance=number(entry.total),
            new_balance=number(_after(entry)),
            mark_price=NULL if payment is None else number(payment.mark),
            funding_rate=NULL if payment is None else number(self._rate(payment)),
            realized_funding=number(entry.total_delta) if entry.type == "funding" else NULL,
        )

    def _rate(self, payment: VenueFunding) -> Decimal:
        return written.absolute_rate(self._contracts[payment.instrument], rate=payment.rate, price=payment.mark)


def account(wallet: str, asset: str = "") -> str:
    """How the log calls an account: a currency's own by its code, margin accounts ``f-xbt:usd``."""
    if wallet == words.SPOT and asset:
        return words.currency(asset)
    if wallet.startswith(MARGIN_ACCOUNT):
        base, _, quote = wallet[len(MARGIN_ACCOUNT) :].partition("/")
        return f"f-{words.currency(base)}:{quote}".lower()
    return words.account(wallet)


def _entries_of(fill: VenueFill) -> int:
    """How many entries profit and fee of a fill made: none where there was none."""
    return bool(fill.realized_pnl) + bool(fill.fee)


def _is_second(entry: VenueEntry) -> bool:
    """Whether the entry right before it is the other leg: both have its booking."""
    return entry.type in _TWO_LEGS and entry.total_delta > 0


def _pays(row: VenueFunding, entry: VenueEntry) -> bool:
    return (row.wallet, row.asset, row.amount) == (entry.wallet, entry.asset, entry.total_delta)


def _info(fill: VenueFill) -> str:
    return words.LIQUIDATION if fill.liquidation or fill.takeover else words.TRADE


def _after(entry: VenueEntry) -> Decimal:
    return EXACT.add(entry.total, entry.total_delta)


def _optional(amount: Decimal | None) -> Raw:
    return NULL if amount is None else number(amount)


def table(found: list[Line]) -> bytes:
    """The lines as a table of comma-separated values, with a heading."""
    names = [field.encode_name for field in msgspec.structs.fields(LogEntry)]
    rows = [",".join(names)]
    rows += (",".join(_cell(getattr(line.entry, field)) for field in LogEntry.__struct_fields__) for line in found)
    return ("\n".join(rows) + "\n").encode()


def _cell(value: object) -> str:
    if isinstance(value, Raw):
        return "" if bytes(value) == b"null" else bytes(value).decode()
    return "" if value is None else str(value)
