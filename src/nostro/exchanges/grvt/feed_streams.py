"""What GRVT's streams tell: from the venue's changes to the frames of each line. It decides which line hears a change,
what the frame says and which number it has; subscriptions are ``feed_serve.py``'s.

*Ours*, because no document says it: an order's stream begins with the open orders, a position's with the positions; a
position is told where a fill, or what is set, changed it, and not for every price; markets are told once a beat, where
something changed; what is called a snapshot stream tells everything each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec

from nostro.domain.values import EXACT, SECOND_NS, ZERO
from nostro.exchanges.grvt import accounts, given, orders, streams, written
from nostro.exchanges.grvt import serve_account as account
from nostro.exchanges.grvt import serve_histories as histories
from nostro.exchanges.grvt import serve_markets as markets
from nostro.exchanges.grvt import serve_trading as trading
from nostro.exchanges.grvt.feed_messages import Frame
from nostro.exchanges.grvt.routes import Form
from nostro.exchanges.grvt.words import INTERVALS_S
from nostro.link.contracts import VenuePosition
from nostro.link.view import Changes, VenueInstrument, VenueOrder, VenueTransfer, VenueView

# What is told of money that crosses the edge: entries of that type, once the transfer has that status.
MONEY: Final[Mapping[str, tuple[Literal["deposit", "withdrawal"], str]]] = {
    "v1.deposit": ("deposit", "confirmed"), "v1.withdrawal": ("withdrawal", "done"),
}  # fmt: skip
Frames = Iterator[tuple["Line", Frame]]


class Line(NamedTuple):
    """A stream and a selector of somebody. ``owner``: the user that is selected, a main account where money comes and
    goes, 0 of markets."""

    stream: str
    selector: str
    owner: int

    def topic(self, form: Form) -> str:
        """How a caller's topics name it."""
        return f"{form} {self.stream} {self.owner} {self.selector}"

    @classmethod
    def of(cls, topic: str) -> Line:
        _, stream, owner, selector = topic.split(" ", 3)
        return cls(stream, selector, int(owner))

    @staticmethod
    def form(topic: str) -> Form:
        return cast("Form", topic.partition(" ")[0])

    @property
    def primary(self) -> str:
        return self.selector.partition("@")[0]

    def frame(self, row: Any, *, number: int, before: int) -> Frame:
        return Frame(
            stream=self.stream, selector=self.selector, sequence_number=str(number), feed=row,
            prev_sequence_number=str(before),
        )  # fmt: skip


class Counted:
    """The numbers of the frames of each line."""

    def __init__(self) -> None:
        self._numbers: dict[Line, int] = {}

    def last(self, line: Line) -> int:
        return self._numbers.get(line, 0)

    def restart(self, lines: Iterable[Line]) -> bool:
        """Counts from the beginning; whether anything was counted."""
        told = [self._numbers.pop(line, 0) for line in lines]
        return any(told)

    def next(self, line: Line, row: Any) -> tuple[Line, Frame]:
        before = self.last(line)
        self._numbers[line] = before + 1
        return line, line.frame(row, number=before + 1, before=before)


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────


class Trading(Counted):
    """``mains``: the main account's address of each user whose streams anyone asked for."""

    def __init__(self, view: VenueView) -> None:
        super().__init__()
        self.mains: dict[int, str] = {}
        self._view = view
        self._settled: dict[int, dict[str, tuple[Any, ...]]] = {}  # what of a user's positions was told last

    def snapshots(self, line: Line) -> list[Any]:
        code = streams.selected(line.stream, line.selector).of
        if line.stream == "v1.position":
            rows = self._view.positions(line.owner)
            self._settled.setdefault(line.owner, {row.instrument: _settled(row) for row in rows})
            return self._positions(line.owner, [row for row in rows if row.size and self._is(row.instrument, code)])
        if line.stream in ("v1.order", "v1.state"):
            opened = self._view.orders(line.owner, open_only=True)
            return [self._order(line, row) for row in opened if self._is(row.instrument, code)]
        return []

    def _is(self, symbol: str, code: str) -> bool:
        """Whether an instrument is selected."""
        return not code or written.code(account.contract(self._view, symbol)) == code

    def _order(self, line: Line, row: VenueOrder) -> Any:
        if line.stream == "v1.order":
            return trading.order_of(self._view, row, signer=self.mains[line.owner])
        return orders.OrderStateFeed(
            order_id=written.order_id(row.id), client_order_id=row.client_id or "0", order_state=trading.state_of(row)
        )

    def _positions(self, user: int, rows: Sequence[VenuePosition]) -> list[Any]:
        state = account.now(self._view, user)
        return [account.position(state, row) for row in rows]

    def changed(self, changes: Changes, lines: Mapping[Line, Any]) -> Frames:
        """What a command changed, for each line that hears it."""
        mine = [line for line in lines if line.stream in streams.TRADING]
        watched = {line.owner for line in mine if line.stream == "v1.position"}
        moved = {user: self._moved(user) for user in watched & set(changes.touched)}
        for line in mine:
            for row in self._rows(line, changes, moved.get(line.owner, [])):
                yield self.next(line, row)

    def _moved(self, user: int) -> list[VenuePosition]:
        """The positions of which something else than the price changed."""
        known, rows = self._settled.get(user, {}), self._view.positions(user)
        self._settled[user] = {row.instrument: _settled(row) for row in rows}
        return [row for row in rows if known.get(row.instrument) != _settled(row)]

    def _rows(self, line: Line, changes: Changes, moved: list[VenuePosition]) -> Iterator[Any]:
        code = streams.selected(line.stream, line.selector).of
        if line.stream in ("v1.order", "v1.state"):
            found = (row for row in changes.orders if row.user == line.owner and self._is(row.instrument, code))
            yield from (self._order(line, row) for row in found)
        elif line.stream == "v1.fill":
            for row in changes.fills:
                if row.user == line.owner and self._is(row.instrument, code):
                    yield histories.fill(self._view, row, signer=self.mains[line.owner])
        elif line.stream == "v1.position":
            yield from self._positions(line.owner, [row for row in moved if self._is(row.instrument, code)])
        elif line.stream == "v1.transfer":
            yield from self._transfers(line, changes, sub=code)
        elif line.stream in MONEY:
            yield from self._money(line, changes)

    def _transfers(self, line: Line, changes: Changes, *, sub: str) -> Iterator[Any]:
        family = {line.owner, *self._view.sub_accounts(line.owner)}
        for row in changes.moves:
            ends = {
                accounts.sub_account_of(row.from_user, row.from_wallet),
                accounts.sub_account_of(row.to_user, row.to_wallet),
            }
            if {row.from_user, row.to_user} & family and (not sub or sub in ends):
                yield histories.transfer(row, self.mains[line.owner])

    def _money(self, line: Line, changes: Changes) -> Iterator[Any]:
        """What came to the main account, or left it: the ledger's entries name no transaction, it is the last one of
        that amount."""
        direction, ended = MONEY[line.stream]
        for entry in changes.entries:
            if entry.user != line.owner or entry.type != direction:
                continue
            amount = EXACT.abs(entry.total_delta)
            rows = self._view.transfers(line.owner, direction, asset=entry.asset)
            found = [row for row in rows if row.status == ended and row.amount == amount]
            if found:
                yield self._crossed(found[-1], self.mains[line.owner])

    @staticmethod
    def _crossed(row: VenueTransfer, main: str) -> Any:
        if row.direction == "deposit":
            return orders.Deposit(
                tx_hash=row.tx_hash or "", to_account_id=main, currency=row.asset, num_tokens=written.amount(row.amount)
            )
        return orders.Withdrawal(
            from_account_id=main, to_eth_address=histories.recipient(row.user), currency=row.asset,
            num_tokens=written.amount(row.amount), signature=histories.no_signature(main, row.time_ns),
        )  # fmt: skip


def _settled(row: VenuePosition) -> tuple[Any, ...]:
    """What of a position does not follow from prices."""
    return row.size, row.basis, row.leverage, row.mode, row.purse, row.funding, row.fees


# ── markets ──────────────────────────────────────────────────────────────────────────────────────────────────────

Told = tuple[list[Any], Any]  # what to tell, and by what the next change is found


class Markets(Counted):
    def __init__(self, view: VenueView) -> None:
        super().__init__()
        self._view = view
        self._told: dict[Line, Any] = {}
        self._looked_ns: dict[Line, int] = {}

    def snapshots(self, line: Line) -> list[Any]:
        """Everything; who listens already is told the changes since what was told before."""
        rows, state = self._look(line, None)
        self._told.setdefault(line, state)
        return rows

    def changed(self, lines: Mapping[Line, Any]) -> Frames:
        """What changed in the markets that anyone watches, each at most so often as it was asked for."""
        self._told = {line: state for line, state in self._told.items() if line in lines}
        now_ns = self._view.now_ns()
        for line in (line for line in lines if line.stream in streams.MARKET):
            rate_ns = streams.selected(line.stream, line.selector).rate * SECOND_NS // 1_000
            if now_ns - self._looked_ns.get(line, 0) < rate_ns:
                continue
            self._looked_ns[line] = now_ns
            rows, self._told[line] = self._look(line, self._told.get(line))
            for row in rows:
                yield self.next(line, row)

    def _look(self, line: Line, before: Any) -> Told:
        each = given.instrument(self._view, line.primary)
        return _READERS[line.stream](self._view, line, each, before)


def _whole(row: Any, before: Any) -> Told:
    """All of it, where anything but its time is new."""
    state = msgspec.json.encode(msgspec.structs.replace(row, event_time=""))
    return ([] if state == before else [row]), state


def _changed_members(row: Any, before: Any) -> Told:
    """The members that are new, beside time and instrument; all where nothing was told yet."""
    now = {name: getattr(row, name) for name in row.__struct_fields__ if name not in ("event_time", "instrument")}
    new = {name: value for name, value in now.items() if before is None or _text(value) != _text(before[name])}
    told = [type(row)(event_time=row.event_time, instrument=row.instrument, **new)] if new else []
    return told, now


def _text(value: Any) -> Any:
    return bytes(value) if isinstance(value, msgspec.Raw) else value


def _minis(view: VenueView, line: Line, each: VenueInstrument, before: Any) -> Told:
    row = markets.mini_of(view, each)
    return _whole(row, before) if line.stream.endswith(".s") else _changed_members(row, before)


def _tickers(view: VenueView, line: Line, each: VenueInstrument, before: Any) -> Told:
    row = markets.ticker_of(view, each)
    return _whole(row, before) if line.stream.endswith(".s") else _changed_members(row, before)


def _books(view: VenueView, line: Line, each: VenueInstrument, before: Any) -> Told:
    """Of a stream of changes the levels that are new, those that are gone with a size of 0."""
    depth = streams.selected(line.stream, line.selector).depth or streams.DEPTHS[-1]
    row = markets.book_of(view, each, depth=depth)
    if line.stream == "v1.book.s":
        return _whole(row, before)
    now = tuple({bytes(level.price): level for level in side} for side in (row.bids, row.asks))
    if before is None:
        return [row], now
    bids, asks = (_levels(old, new) for old, new in zip(before, now, strict=True))
    return ([msgspec.structs.replace(row, bids=bids, asks=asks)] if bids or asks else []), now


def _levels(old: dict[bytes, Any], new: dict[bytes, Any]) -> list[Any]:
    changed = [level for price, level in new.items() if old.get(price) != level]
    gone = [
        orders.OrderbookLevel(price=level.price, size=written.amount(ZERO), num_orders=0)
        for price, level in old.items()
        if price not in new
    ]
    return changed + gone


def _trades(view: VenueView, line: Line, each: VenueInstrument, before: Any) -> Told:
    """Oldest first; by the number of the last one."""
    limit = streams.selected(line.stream, line.selector).limit
    rows = view.trades(each.symbol, limit=limit, offset=0)
    new = [row for row in reversed(rows) if before is None or row.id > before]
    return [markets.trade_of(view, row) for row in new], rows[0].id if rows else 0


def _candles(view: VenueView, line: Line, each: VenueInstrument, before: Any) -> Told:
    """The last ones; then that of now and those since, where they changed."""
    interval_s = INTERVALS_S[streams.selected(line.stream, line.selector).interval]
    now_ns = view.now_ns()
    since_ns = now_ns - now_ns % (interval_s * SECOND_NS) - (streams.CANDLES - 1) * interval_s * SECOND_NS
    rows = view.candles(each.symbol, interval_s, since_ns=since_ns, until_ns=now_ns + 1)
    now = {row.start_ns: row for row in rows}
    new = [row for start_ns, row in now.items() if before is None or before.get(start_ns) != row]
    return [markets.candle(written.code(each), row, step_ns=interval_s * SECOND_NS) for row in new], now


_READERS: Final[Mapping[str, Callable[[VenueView, Line, VenueInstrument, Any], Told]]] = {
    "v1.mini.s": _minis, "v1.mini.d": _minis, "v1.ticker.s": _tickers, "v1.ticker.d": _tickers, "v1.book.s": _books,
    "v1.book.d": _books, "v1.trade": _trades, "v1.candle": _candles,
}  # fmt: skip
