"""An account at one exchange: every capability as a method, exact and read-only unless granted. It decides what a
caller types; how an exchange is asked is the `Source`'s (``link/source.py``), and nothing is kept (that is ``book/``).

`AsyncAccount` is the implementation; `blocking.Account` has the same methods and runs it on a background loop. Times
are ISO 8601 text, an aware `datetime`, or nanoseconds since 1970 UTC; an interval is half-open; no start means since
the exchange opened, no end means now. No window and no page limit shows: a caller asks for a year and gets a year.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from types import TracebackType
from typing import Any, Final, Generic, Literal, Self, TypeVar, cast, get_args

from nostro import errors, limits
from nostro.domain import records
from nostro.domain.answers import Answer, Interval
from nostro.domain.records import Fact
from nostro.domain.values import LATEST_NS, SECOND_NS, Malformed, decimal, parse_moment
from nostro.link.declare import WRITES, Claim
from nostro.link.source import Reply, Source, Step
from nostro.link.transport import Clock
from nostro.link.view import (
    CancelAll,
    CancelOrders,
    Command,
    OrderType,
    PlaceOrder,
    RequestWithdrawal,
    Side,
    TimeInForce,
)

Moment = str | datetime | int
Amount = Decimal | int | str
StopOperator = Literal["gte", "lte"]
FactT = TypeVar("FactT", bound=Fact)
CANCELED: Final = ("canceled", "partially_canceled")  # what a cancel makes of an open order


class History(Generic[FactT]):
    """A history that is fetched while it is read, oldest first, one window in memory. ``all()`` collects it; after the
    last row, ``coverage`` says which intervals could not be had, and ``pages`` how many answers it took."""

    def __init__(self, parts: Callable[[History[FactT]], AsyncIterator[FactT]], reader: str, until_ns: int) -> None:
        self._parts = parts
        self._reader = reader
        self._until_ns = until_ns
        self.coverage: list[Interval] = []
        self.pages = 0

    def __aiter__(self) -> AsyncIterator[FactT]:
        self.coverage.clear()
        self.pages = 0
        return self._parts(self)

    async def all(self) -> Answer[FactT]:
        """Every row at once, in an `Answer`."""
        rows = [fact async for fact in self]
        holes = sorted(self.coverage, key=lambda hole: hole.since_ns)
        through_ns = holes[0].since_ns if holes else self._until_ns
        return Answer(rows, complete_through_ns=through_ns, coverage=holes, reader=self._reader, pages=self.pages)

    def note(self, stream: str, step: Step) -> None:
        """Counts a page, and keeps what it says is missing."""
        self.pages += 1
        for claim in step.claims:
            if claim.status != "proven":
                self.coverage.append(_hole(stream, claim))


class AsyncAccount:
    """One account. Open it with `nostro.open_async_account`; close it, or use it as a context manager."""

    def __init__(self, source: Source, *, clock: Clock, allow: Iterable[str] = ()) -> None:
        self._source = source
        self._clock = clock
        self._grants = frozenset(allow)

    # ── what it is ───────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def exchange(self) -> str:
        """The exchange's id."""
        return self._source.exchange.id

    @property
    def name(self) -> str:
        """The account's name, as its facts carry it."""
        return self._source.account

    @property
    def capabilities(self) -> frozenset[str]:
        """What this exchange has, reads and writes."""
        return self._source.exchange.capabilities

    @property
    def grants(self) -> frozenset[str]:
        """What this account may do beyond reading."""
        return self._grants

    @property
    def source(self) -> Source:
        """What answers it: for whoever keeps its pages."""
        return self._source

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends its connections."""
        await self._source.close()

    # ── market and reference ─────────────────────────────────────────────────────────────────────────────────────

    async def currencies(self) -> Answer[records.Asset]:
        """Every asset of the exchange."""
        return await self._ask("currencies", records.Asset)

    async def instruments(self) -> Answer[records.Instrument]:
        """Everything that can be traded, with its digits and bounds."""
        return await self._ask("instruments", records.Instrument)

    async def ticker(self, instrument: str | None = None) -> Answer[records.Ticker]:
        """Prices over the last 24 hours, of one instrument or all."""
        return await self._ask("ticker", records.Ticker, instrument=instrument)

    async def order_book(self, instrument: str, *, levels: int | None = None) -> Answer[records.OrderBook]:
        """The visible book of one instrument, best prices first, at most ``levels`` a side."""
        return await self._ask("order_book", records.OrderBook, instrument=instrument, limit=levels)

    async def candles(
        self, instrument: str, interval_s: int, *, start: Moment | None = None, end: Moment | None = None
    ) -> Answer[records.Candle]:
        """Candles of ``interval_s`` seconds that start in [start, end); without start, the latest ones."""
        where = {"instrument": instrument, "interval_s": interval_s}
        until_ns = None if end is None else moment_ns(end, "end")
        if start is None:
            return await self._ask("candles", records.Candle, **where, until_ns=until_ns)
        until_ns = self._clock.now_ns() if until_ns is None else until_ns
        since_ns, width_ns = _ordered(start, until_ns), limits.CANDLES_AT_ONCE * interval_s * SECOND_NS
        replies = [
            await self._source.ask("candles", _where(**where, since_ns=at_ns, until_ns=min(at_ns + width_ns, until_ns)))
            for at_ns in range(since_ns, until_ns, max(width_ns, 1))
        ]
        pages = tuple(page for reply in replies for page in reply.pages)
        return self._answer(Reply(pages, tuple(fact for reply in replies for fact in reply.facts)), records.Candle)

    async def public_trades(self, instrument: str, *, limit: int | None = None) -> Answer[records.PublicTrade]:
        """The latest trades of anyone."""
        return await self._ask("public_trades", records.PublicTrade, instrument=instrument, limit=limit)

    async def server_time(self) -> records.ServerTime:
        """The exchange's clock."""
        return (await self._ask("server_time", records.ServerTime))[0]

    async def deposit_methods(self, asset: str) -> Answer[records.DepositMethod]:
        """Ways in for one asset."""
        return await self._ask("deposit_methods", records.DepositMethod, asset=asset)

    async def withdraw_methods(self, asset: str) -> Answer[records.WithdrawMethod]:
        """Ways out for one asset, with their fees."""
        return await self._ask("withdraw_methods", records.WithdrawMethod, asset=asset)

    # ── the account's states ─────────────────────────────────────────────────────────────────────────────────────

    async def sub_accounts(self) -> Answer[records.SubAccount]:
        """The login and what stands below it."""
        return await self._ask("sub_accounts", records.SubAccount)

    async def balances(self) -> Answer[records.Balance]:
        """Every asset in every wallet, as the exchange reports it now."""
        return await self._ask("balances", records.Balance)

    async def fees(self) -> Answer[records.FeeRate]:
        """The fee rules that hold for this account."""
        return await self._ask("fees", records.FeeRate)

    async def open_orders(self, *, instrument: str | None = None) -> Answer[records.Order]:
        """Every order that still rests or waits, however old."""
        history = self._history("orders", records.Order, None, None, instrument=instrument, open_only="true")
        return await history.all()

    async def order(self, order_id: str | int, *, instrument: str | None = None) -> records.Order:
        """One order by its id, open or not: through history, newest first. Raises `NotFound`."""
        wanted = str(order_id)
        until_ns = self._clock.now_ns() + SECOND_NS
        since_ns = self._source.exchange.opened_ns
        where = _where(instrument=instrument)
        async for step in self._source.sweep("orders", since_ns, until_ns, where, newest_first=True):
            for fact in step.facts:
                if fact.native_id == wanted:
                    return cast("records.Order", fact)
        raise errors.NotFound(
            f"no order {wanted!r} at {self._source.exchange.name}", hint="order ids are the exchange's own",
            exchange=self.exchange, account=self.name,
        )  # fmt: skip

    # ── the account's histories ──────────────────────────────────────────────────────────────────────────────────

    def orders(
        self, start: Moment | None = None, end: Moment | None = None, *, instrument: str | None = None
    ) -> History[records.Order]:
        """Orders placed in [start, end)."""
        return self._history("orders", records.Order, start, end, instrument=instrument)

    def fills(
        self, start: Moment | None = None, end: Moment | None = None, *, instrument: str | None = None
    ) -> History[records.Fill]:
        """Executions in [start, end)."""
        return self._history("fills", records.Fill, start, end, instrument=instrument)

    def entries(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> History[records.Entry]:
        """Lines of the exchange's ledger in [start, end)."""
        return self._history("entries", records.Entry, start, end, asset=asset)

    def transfers(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> History[records.Transfer]:
        """Deposits and withdrawals of [start, end). Where the key may not read one of them, it is taken from the
        ledger, as far as that says, and ``coverage`` says so."""
        return self._history("transfers", records.Transfer, start, end, asset=asset)

    # ── writes ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def place(
        self,
        instrument: str,
        side: Side,
        *,
        type: OrderType = "limit",  # noqa: A002 - the field's word
        amount: Amount | None = None,
        quote_amount: Amount | None = None,
        price: Amount | None = None,
        stop_price: Amount | None = None,
        stop_operator: StopOperator | None = None,
        time_in_force: TimeInForce = "gtc",
        valid_till: Moment | None = None,
        expire_after: Moment | None = None,
        post_only: bool = False,
        wallet: str = "spot",
        client_id: str = "",
    ) -> records.Order:
        """Places an order, once. ``amount`` in base units, or ``quote_amount`` for a market order; prices in quote per
        base. Raises `OrderRejected`, `InsufficientFunds` or `BadRequest` where it did not happen, `Unresolved` where
        the answer was lost and looking it up left a doubt. Needs the grant ``trade``."""
        _expect(side=(side, Side), type=(type, OrderType), time_in_force=(time_in_force, TimeInForce))
        _expect(stop_operator=(stop_operator, StopOperator))
        command = PlaceOrder(
            wallet=wallet, instrument=instrument, side=side, type=type, time_in_force=time_in_force,
            amount=_amount(amount, "amount"), quote_amount=_amount(quote_amount, "quote_amount"),
            price=_amount(price, "price"), stop_price=_amount(stop_price, "stop_price"), stop_operator=stop_operator,
            valid_till_ns=None if valid_till is None else moment_ns(valid_till, "valid_till"),
            expire_after_ns=None if expire_after is None else moment_ns(expire_after, "expire_after"),
            post_only=post_only, client_id=client_id,
        )  # fmt: skip
        reply = await self._do("place", command)
        return cast("records.Order", reply.facts[0])

    async def cancel(self, order_id: str | int) -> bool:
        """Cancels one order; whether it was open until then. Raises `Unresolved` where the answer was lost, and what
        became of it is not known. Needs the grant ``trade``."""
        if not str(order_id).isdecimal():
            raise errors.BadValue(f"order_id is {str(order_id)!r}, expected a whole number")
        reply = await self._do("cancel", CancelOrders(order_ids=(int(order_id),)))
        orders = [fact for fact in reply.facts if isinstance(fact, records.Order)]
        return any(each.native_id == str(order_id) and each.status in CANCELED for each in orders)

    async def cancel_all(self, *, instrument: str | None = None) -> Answer[records.Order]:
        """Cancels every open order, or those of one instrument; what the exchange says that it canceled. Needs the
        grant ``trade``."""
        reply = await self._do("cancel_all", CancelAll(instrument=instrument))
        return self._answer(reply, records.Order)

    async def withdraw(
        self, method: int, amount: Amount, *, attributes: Mapping[str, str], client_id: str = ""
    ) -> Answer[records.Transfer]:
        """Asks for a withdrawal by one of `withdraw_methods`; the fee comes on top of ``amount``. Needs the grant
        ``withdraw``."""
        exact = _amount(amount, "amount")
        if exact is None:
            raise errors.BadValue("amount is missing", hint="give how much is to leave, without the fee")
        command = RequestWithdrawal(method=method, amount=exact, attributes=dict(attributes), client_id=client_id)
        return self._answer(await self._do("withdraw", command), records.Transfer)

    # ── below ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, capability: str, kind: type[FactT], **where: object) -> Answer[FactT]:
        return self._answer(await self._source.ask(capability, _where(**where)), kind)

    def _answer(self, reply: Reply, kind: type[FactT]) -> Answer[FactT]:
        facts = [fact for fact in reply.facts if isinstance(fact, kind)]
        observed = min((page.sent_ns for page in reply.pages), default=None)
        return Answer(facts, complete_through_ns=observed, reader=self._reader, pages=len(reply.pages))

    async def _do(self, capability: str, command: Command) -> Reply:
        grant = WRITES[capability]
        if grant not in self._grants:
            raise errors.NotGranted(
                f"this account was opened without the grant {grant!r}, which {capability} needs",
                hint=f"open it with allow=[{grant!r}]", exchange=self.exchange, account=self.name,
            )  # fmt: skip
        return await self._source.do(capability, command)

    @property
    def _reader(self) -> str:
        return f"{self.exchange}/{self._source.exchange.reader}"

    def _history(
        self, capability: str, _: type[FactT], start: Moment | None, end: Moment | None, **where: object
    ) -> History[FactT]:
        exchange = self._source.exchange
        if not exchange.asks_for(capability):
            raise errors.NotSupported(
                f"functionality not available for this exchange: {exchange.name} has no {capability}",
                exchange=exchange.id, account=self.name,
            )  # fmt: skip
        until_ns = self._clock.now_ns() + SECOND_NS if end is None else moment_ns(end, "end")
        since_ns = exchange.opened_ns if start is None else _ordered(start, until_ns)
        conditions = _where(**where)

        async def parts(history: History[FactT]) -> AsyncIterator[FactT]:
            streams = [ask.name for ask in exchange.asks_for(capability)]
            runs = [self._windows(history, name, since_ns, until_ns, conditions) for name in streams]
            async for fact in _merged(runs):
                yield cast("FactT", fact)

        return History(parts, self._reader, until_ns)

    async def _windows(
        self, history: History[Any], name: str, since_ns: int, until_ns: int, where: Mapping[str, str]
    ) -> AsyncIterator[Fact]:
        """The facts of one stream in the order of their time: each is given once nothing before it can come."""
        ask = self._source.exchange.ask(name)
        descending = ask is not None and ask.stream is not None and ask.stream.order == "descending"
        waiting: list[Fact] = []
        front = _Front(since_ns)
        async for step in self._source.sweep(name, since_ns, until_ns, where):
            waiting = [*reversed(step.facts), *waiting] if descending else [*waiting, *step.facts]
            history.note(name, step)
            if front.move(step.claims):
                waiting.sort(key=_effective_ns)
                ready = bisect_left(waiting, front.at_ns, key=_effective_ns)
                for fact in waiting[:ready]:
                    yield fact
                del waiting[:ready]
            if any(claim.cause == "forbidden" for claim in step.claims):
                async for fact in self._instead(history, name, since_ns, until_ns, where):
                    yield fact
        for fact in sorted(waiting, key=_effective_ns):
            yield fact

    async def _instead(
        self, history: History[Any], name: str, since_ns: int, until_ns: int, where: Mapping[str, str]
    ) -> AsyncIterator[Fact]:
        ask = self._source.exchange.ask(name)
        if ask is None or ask.fallback is None:
            return
        other, convert = ask.fallback
        async for fact in self._windows(history, other, since_ns, until_ns, where):
            converted = convert(fact)
            if converted is not None:
                yield converted


class _Front:
    """How far a sweep has spoken of everything: the end of what was claimed without a gap, whatever was claimed."""

    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns
        self._beyond: list[tuple[int, int]] = []

    def move(self, claims: Iterable[Claim]) -> bool:
        """Takes the claims of a page; whether the front moved."""
        before_ns = self.at_ns
        for claim in claims:
            heappush(self._beyond, (claim.since_ns, claim.until_ns))
        while self._beyond and self._beyond[0][0] <= self.at_ns:
            self.at_ns = max(self.at_ns, heappop(self._beyond)[1])
        return self.at_ns > before_ns


async def _merged(runs: list[AsyncIterator[Fact]]) -> AsyncIterator[Fact]:
    """Facts of several ordered runs in one order."""
    heads: list[tuple[Fact, AsyncIterator[Fact]]] = []
    for run in runs:
        async for fact in run:
            heads.append((fact, run))
            break
    while heads:
        index = min(range(len(heads)), key=lambda position: _effective_ns(heads[position][0]))
        fact, run = heads[index]
        yield fact
        following = await anext(run, None)
        if following is None:
            heads.pop(index)
        else:
            heads[index] = (following, run)


def _effective_ns(fact: Fact) -> int:
    return fact.effective_ns or 0


def _hole(stream: str, claim: Claim) -> Interval:
    return Interval(
        stream=stream, since_ns=claim.since_ns, until_ns=claim.until_ns, status=claim.status, cause=claim.cause
    )


def _where(**conditions: object) -> dict[str, str]:
    return {name: str(value) for name, value in conditions.items() if value is not None}


def _expect(**words: tuple[str | None, object]) -> None:
    """Raises `BadValue` where a word is none of those that its type lists."""
    for field, (word, listed) in words.items():
        if word is not None and word not in get_args(listed):
            raise errors.BadValue(f"{field} is {word!r}, expected one of {', '.join(get_args(listed))}")


def _ordered(start: Moment, until_ns: int) -> int:
    """The start of an interval, ns. Raises `BadValue` where it ends before that."""
    since_ns = moment_ns(start, "start")
    if until_ns < since_ns:
        raise errors.BadValue(f"start is {start}, and the end lies before it", hint="give the earlier time first")
    return since_ns


def moment_ns(moment: Moment, field: str) -> int:
    """Nanoseconds of a time that a caller gave. Raises `BadValue`."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise errors.BadValue(f"{field} is {moment.isoformat()} without a time zone", hint="use an aware datetime")
        # From an epoch in UTC: of two times in one zone Python subtracts what clocks show there, summer time or not.
        moment = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    if isinstance(moment, int) and not isinstance(moment, bool):
        if not 0 <= moment <= LATEST_NS:
            raise errors.BadValue(f"{field} is {moment} ns, expected a time between 1970 and 3000")
        return moment
    if not isinstance(moment, str):
        raise errors.BadValue(f"{field} is a {type(moment).__name__}, expected text, a datetime or nanoseconds")
    try:
        return parse_moment(moment, field)
    except Malformed as error:
        raise errors.BadValue(str(error)) from None


def _amount(amount: Amount | None, field: str) -> Decimal | None:
    """An exact amount that a caller gave. A float is refused: it is not the number that was typed."""
    if amount is None:
        return None
    if isinstance(amount, float) or not isinstance(amount, Decimal | int | str) or isinstance(amount, bool):
        raise errors.BadValue(f"{field} is a {type(amount).__name__}, expected a Decimal, int or text")
    try:
        return decimal(f"{amount:f}" if isinstance(amount, Decimal) else str(amount), field)
    except Malformed as error:
        raise errors.BadValue(str(error)) from None
