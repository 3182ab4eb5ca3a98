"""An account at one exchange: every capability as a method, exact and read-only unless granted. It decides what a
caller types; how an exchange is asked is the `Source`'s (``link/source.py``), and nothing is kept (that is ``book/``).

`AsyncAccount` is the implementation; `blocking.Account` has the same methods and runs it on a background loop. Times
are ISO 8601 text, an aware `datetime`, or nanoseconds since 1970 UTC; an interval is half-open; no start means since
the exchange opened, no end means now. No window and no page limit shows: a caller asks for a year and gets a year.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Final, Literal, Self, cast
from weakref import WeakSet

from nostro import errors, limits
from nostro.domain import records
from nostro.domain.answers import Answer
from nostro.domain.arguments import (
    Amount,
    Moment,
    exact_amount,
    expect,
    expect_wallet,
    moment_ns,
    needed_amount,
    ordered,
)  # fmt: skip
from nostro.domain.values import SECOND_NS
from nostro.link import commands
from nostro.link.commands import MarginMode, OrderType, PositionSide, Side, SideEffect, TimeInForce, Trigger
from nostro.link.declare import WRITES
from nostro.link.history import FactT, History
from nostro.link.source import Reply, Source, conditions
from nostro.link.transport import Clock
from nostro.link.watching import Watched, watched

StopOperator = Literal["gte", "lte"]
CANCELED: Final = ("canceled", "partially_canceled")  # what a cancel makes of an open order


class AsyncAccount:
    """One account. Open it with `nostro.open_async_account`; close it, or use it as a context manager."""

    def __init__(self, source: Source, *, clock: Clock, allow: Iterable[str] = ()) -> None:
        self._source = source
        self._clock = clock
        self._grants = frozenset(allow)
        self._own_id: int | None = None
        self._watching: WeakSet[Watched] = WeakSet()

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
        """Ends its connections, those of whoever watches it too."""
        for watching in tuple(self._watching):
            await watching.aclose()
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
        since_ns, width_ns = ordered(start, until_ns), limits.CANDLES_AT_ONCE * interval_s * SECOND_NS
        replies = [
            await self._source.ask(
                "candles", conditions(**where, since_ns=at_ns, until_ns=min(at_ns + width_ns, until_ns))
            )
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

    async def loans(self) -> Answer[records.Loan]:
        """What every margin wallet owes now, asset by asset."""
        return await self._ask("loans", records.Loan)

    async def margin(self) -> Answer[records.MarginSummary]:
        """What backs the positions of contracts, and what they need, scope by scope."""
        return await self._ask("margin", records.MarginSummary)

    async def positions(self, *, instrument: str | None = None) -> Answer[records.Position]:
        """Every position that is open now."""
        return await self._ask("positions", records.Position, instrument=instrument)

    async def leverage(self, instrument: str | None = None) -> Answer[records.Leverage]:
        """The leverage and margin mode that are set, of one contract or of all that the exchange lists."""
        return await self._ask("leverage", records.Leverage, instrument=instrument)

    async def fees(self) -> Answer[records.FeeRate]:
        """The fee rules that hold for this account."""
        return await self._ask("fees", records.FeeRate)

    async def open_orders(self, *, instrument: str | None = None) -> Answer[records.Order]:
        """Every order that still rests or waits, however old."""
        if self._source.exchange.asks_for("open_orders"):
            return await self._ask("open_orders", records.Order, instrument=instrument)
        history = self._history("orders", records.Order, None, None, instrument=instrument, open_only="true")
        return await history.all()

    async def order(
        self, order_id: str | int | None = None, *, client_id: str | None = None, instrument: str | None = None
    ) -> records.Order:
        """One order by its id, open or not, or by the client's (`place`): asked for, or through history, newest first.
        Raises `NotFound`; `BadValue` where none of the two is given, or the wire does not ask by the one that is."""
        if (order_id is None) == (client_id is None):
            raise errors.BadValue("an order is named by its id or by client_id=", hint="give one of the two")
        wanted = str(order_id) if client_id is None else client_id
        by = "native_id" if client_id is None else "client_id"
        if self._source.exchange.asks_for("order"):
            named = {"order_id": wanted} if client_id is None else {"client_id": client_id}
            found = await self._ask("order", records.Order, instrument=instrument, **named)
            if found:
                return found[0]
        until_ns = self._clock.now_ns() + SECOND_NS
        since_ns = self._source.exchange.opened_ns
        where = conditions(instrument=instrument)
        async for step in self._source.sweep("orders", since_ns, until_ns, where, newest_first=True):
            for fact in step.facts:
                if getattr(fact, by) == wanted:
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
        """Deposits, withdrawals and moves between wallets of [start, end). Where the key may not read withdrawals, they
        are taken from the ledger, as far as that says; ``coverage`` says what the key may not read."""
        return self._history("transfers", records.Transfer, start, end, asset=asset)

    def borrows(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> History[records.Borrow]:
        """Borrowings made in [start, end), each as it is now."""
        return self._history("borrows", records.Borrow, start, end, asset=asset)

    def repayments(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> History[records.Repayment]:
        """What was paid back in [start, end)."""
        return self._history("repayments", records.Repayment, start, end, asset=asset)

    def interest(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> History[records.Interest]:
        """Interest that accrued in [start, end). Where the exchange gives it no time, each row says between which times
        it lies: those of the question that found it."""
        return self._history("interest", records.Interest, start, end, asset=asset)

    def liquidations(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> History[records.Liquidation]:
        """Debts that the exchange began to settle by force in [start, end)."""
        return self._history("liquidations", records.Liquidation, start, end, asset=asset)

    def funding_payments(
        self, start: Moment | None = None, end: Moment | None = None, *, instrument: str | None = None
    ) -> History[records.FundingPayment]:
        """Funding of positions in [start, end), positive where it was received."""
        return self._history("funding_payments", records.FundingPayment, start, end, instrument=instrument)

    def closed_positions(
        self, start: Moment | None = None, end: Moment | None = None, *, instrument: str | None = None
    ) -> History[records.ClosedPosition]:
        """The lives of positions that ended in [start, end)."""
        return self._history("closed_positions", records.ClosedPosition, start, end, instrument=instrument)

    def position_events(
        self, start: Moment | None = None, end: Moment | None = None, *, instrument: str | None = None
    ) -> History[records.PositionEvent]:
        """What changed positions in [start, end), change by change."""
        return self._history("position_events", records.PositionEvent, start, end, instrument=instrument)

    def snapshots(self, start: Moment | None = None, end: Moment | None = None) -> History[records.Snapshot]:
        """The account as it was at moments in [start, end): collateral, balances, positions."""
        return self._history("snapshots", records.Snapshot, start, end)

    def watch(self) -> Watched:
        """What is so, and happens from now on (``link/events.py``), until it or the account is closed or ends."""
        watching = watched(self._source)
        self._watching.add(watching)
        return watching

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
        wallet: str | None = None,
        side_effect: SideEffect = "none",
        position_side: PositionSide = "both",
        reduce_only: bool = False,
        trigger: Trigger = "last",
        client_id: str = "",
    ) -> records.Order:
        """Places an order, once. ``amount`` in base units (contracts of ``BASE/QUOTE:SETTLE``), or ``quote_amount`` for
        a market order; prices in quote per base. ``wallet``: spot, cross_margin, or the instrument's own isolated one
        (``isolated_margin:BTC/USDT``), of a contract the one that backs it; None: spot, or what backs the contract.
        ``side_effect``: auto_borrow what the order lacks, or auto_repay from what it brings. ``trigger``: the price
        that a stop watches. Raises `OrderRejected`, `InsufficientFunds` or `BadRequest` where it did not happen,
        `Unresolved` where the answer was lost and looking it up left a doubt. Needs the grant ``trade``."""
        expect_wallet(wallet="spot" if wallet is None else wallet)
        wallet = ("" if ":" in instrument else "spot") if wallet is None else wallet
        expect(side=(side, Side), type=(type, OrderType), time_in_force=(time_in_force, TimeInForce))
        expect(stop_operator=(stop_operator, StopOperator), side_effect=(side_effect, SideEffect))
        expect(position_side=(position_side, PositionSide), trigger=(trigger, Trigger))
        command = commands.PlaceOrder(
            wallet=wallet, instrument=instrument, side=side, type=type, time_in_force=time_in_force,
            amount=exact_amount(amount, "amount"), quote_amount=exact_amount(quote_amount, "quote_amount"),
            price=exact_amount(price, "price"), stop_price=exact_amount(stop_price, "stop_price"),
            stop_operator=stop_operator,
            valid_till_ns=None if valid_till is None else moment_ns(valid_till, "valid_till"),
            expire_after_ns=None if expire_after is None else moment_ns(expire_after, "expire_after"),
            post_only=post_only, side_effect=side_effect, client_id=client_id, position_side=position_side,
            reduce_only=reduce_only, trigger=trigger,
        )  # fmt: skip
        return cast("records.Order", (await self._do("place", command)).facts[0])

    async def edit(
        self, order_id: str | int, *, amount: Amount | None = None, price: Amount | None = None,
        stop_price: Amount | None = None,
    ) -> records.Order:  # fmt: skip
        """Changes an open order; what is None stays. ``amount``: in all, with what is filled. Raises as `place`. Needs
        the grant ``trade``."""
        command = commands.EditOrder(
            order_id=str(order_id), amount=exact_amount(amount, "amount"), price=exact_amount(price, "price"),
            stop_price=exact_amount(stop_price, "stop_price"),
        )  # fmt: skip
        return cast("records.Order", (await self._do("edit", command)).facts[0])

    async def set_leverage(
        self, instrument: str, leverage: Amount | None, *, position_side: PositionSide = "both"
    ) -> Answer[records.Leverage]:
        """Sets the leverage of a contract, or of one side of it; None: as high as its tiers allow. What the exchange
        says of it. Needs the grant ``trade``."""
        expect(position_side=(position_side, PositionSide))
        exact = exact_amount(leverage, "leverage")
        command = commands.SetLeverage(instrument=instrument, position_side=position_side, leverage=exact)
        return self._answer(await self._do("set_leverage", command), records.Leverage)

    async def set_margin_mode(self, instrument: str, mode: MarginMode) -> Answer[records.Leverage]:
        """Sets how positions of a contract are backed: cross or isolated. Needs the grant ``trade``."""
        expect(mode=(mode, MarginMode))
        command = commands.SetMarginMode(instrument=instrument, mode=mode)
        return self._answer(await self._do("set_margin_mode", command), records.Leverage)

    async def cancel(self, order_id: str | int) -> bool:
        """Cancels one order; whether it was open until then. Raises `Unresolved` where the answer was lost, and what
        became of it is not known. Needs the grant ``trade``."""
        reply = await self._do("cancel", commands.CancelOrders(order_ids=(str(order_id),)))
        orders = [fact for fact in reply.facts if isinstance(fact, records.Order)]
        return any(each.native_id == str(order_id) and each.status in CANCELED for each in orders)

    async def cancel_all(self, *, instrument: str | None = None) -> Answer[records.Order]:
        """Cancels every open order, or those of one instrument; what the exchange says that it canceled. Needs the
        grant ``trade``."""
        return self._answer(await self._do("cancel_all", commands.CancelAll(instrument=instrument)), records.Order)

    async def withdraw(
        self, method: int, amount: Amount, *, attributes: Mapping[str, str], client_id: str = ""
    ) -> Answer[records.Transfer]:
        """Asks for a withdrawal by one of `withdraw_methods`; the fee comes on top of ``amount``. Needs the grant
        ``withdraw``."""
        exact = needed_amount(amount, "amount")
        given = dict(attributes)
        command = commands.RequestWithdrawal(method=method, amount=exact, attributes=given, client_id=client_id)
        return self._answer(await self._do("withdraw", command), records.Transfer)

    async def transfer(
        self, asset: str, amount: Amount, *, from_wallet: str, to_wallet: str, account: str | int | None = None,
        note: str = "",
    ) -> records.Transfer:  # fmt: skip
        """Moves money between the spot wallet and another one. ``account``: one of `sub_accounts`, None for the login's
        own. Raises `InsufficientFunds`, `Forbidden` (another's account) or `BadRequest` where it did not happen,
        `Unresolved` as `place`. Needs the grant ``transfer``."""
        expect_wallet(from_wallet=from_wallet, to_wallet=to_wallet)
        adds = from_wallet == "spot"
        if adds == (to_wallet == "spot"):
            said = f"from_wallet is {from_wallet!r} and to_wallet {to_wallet!r}, expected exactly one to be 'spot'"
            raise errors.BadValue(said, hint="move it to spot first, and from there on", exchange=self.exchange)
        self._check_granted("transfer")
        command = commands.MoveMargin(
            account=await self._account_id(account), wallet=to_wallet if adds else from_wallet,
            direction="add" if adds else "sub", asset=asset, amount=needed_amount(amount, "amount"), note=note,
        )  # fmt: skip
        return cast("records.Transfer", (await self._do("transfer", command)).facts[0])

    async def borrow(
        self, asset: str, amount: Amount, *, wallet: str, account: str | int | None = None
    ) -> records.Borrow:
        """Borrows into a margin wallet (``cross_margin``, ``isolated_margin:BTC/USDT``). ``account`` as in `transfer`.
        Raises `InsufficientFunds` (beyond the margin limit), `Forbidden` or `BadRequest` where it did not happen,
        `Unresolved` as `place`. Needs the grant ``margin``."""
        expect_wallet(wallet=wallet)
        self._check_granted("borrow")
        owing, lent = await self._account_id(account), needed_amount(amount, "amount")
        command = commands.Borrow(account=owing, wallet=wallet, asset=asset, amount=lent)
        return cast("records.Borrow", (await self._do("borrow", command)).facts[0])

    async def repay(
        self, asset: str, amount: Amount, *, wallet: str, account: str | int | None = None
    ) -> records.Repayment:
        """Pays back out of a margin wallet, interest first; the row says how much of it was interest, where the
        exchange shows it at once. ``account`` as in `transfer`. Raises `BadRequest` (more than is owed),
        `InsufficientFunds` or `Forbidden` where it did not happen, `Unresolved` as `place`. Needs the grant
        ``margin``."""
        expect_wallet(wallet=wallet)
        self._check_granted("repay")
        account_id = await self._account_id(account)
        command = commands.Repay(account=account_id, wallet=wallet, asset=asset, amount=needed_amount(amount, "amount"))
        return cast("records.Repayment", (await self._do("repay", command)).facts[0])

    async def close_position(
        self, wallet: str = "", *, account: str | int | None = None, instrument: str = "", position: str = ""
    ) -> Answer[records.Order]:
        """Closes at the market the position of a contract (``instrument``, or ``position`` by the exchange's id); or
        buys back what a margin wallet owes, and repays it. The orders that it took, as far as the exchange says.
        ``account`` as in `transfer`. Raises `BadRequest` (there is none) or `Forbidden` where it did not happen,
        `Unresolved` as `place`. Needs the grant ``trade``."""
        self._check_granted("close_position")
        if instrument or position:
            command = commands.ClosePosition(instrument=instrument, position=position)
        else:
            expect_wallet(wallet=wallet)
            command = commands.ClosePosition(account=await self._account_id(account), wallet=wallet)
        return self._answer(await self._do("close_position", command), records.Order)

    # ── below ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, capability: str, kind: type[FactT], **where: object) -> Answer[FactT]:
        return self._answer(await self._source.ask(capability, conditions(**where)), kind)

    def _answer(self, reply: Reply, kind: type[FactT]) -> Answer[FactT]:
        facts = [fact for fact in reply.facts if isinstance(fact, kind)]
        observed = min((page.sent_ns for page in reply.pages), default=None)
        return Answer(facts, complete_through_ns=observed, reader=self._reader, pages=len(reply.pages))

    async def _do(self, capability: str, command: commands.Command) -> Reply:
        self._check_granted(capability)
        return await self._source.do(capability, command)

    def _check_granted(self, capability: str) -> None:
        grant = WRITES[capability]
        if grant not in self._grants:
            raise errors.NotGranted(
                f"this account was opened without the grant {grant!r}, which {capability} needs",
                hint=f"open it with allow=[{grant!r}]", exchange=self.exchange, account=self.name,
            )  # fmt: skip

    async def _account_id(self, account: str | int | None) -> int:
        """The exchange's id of an account that a caller named, or of the login itself: the one of `sub_accounts` whose
        parent is not among them."""
        if account is not None:
            if not str(account).isdecimal():
                raise errors.BadValue(f"account is {str(account)!r}, expected an id of sub_accounts()")
            return int(account)
        if self._own_id is None:
            rows = await self.sub_accounts()
            known = {row.native_id for row in rows}
            own = [row.native_id for row in rows if row.parent_id not in known]
            if len(own) != 1 or not str(own[0]).isdecimal():
                said = f"{self._source.exchange.name} lists {len(own)} accounts that may be the login's own"
                raise errors.Undecodable(said, hint="name the account", exchange=self.exchange, account=self.name)
            self._own_id = int(str(own[0]))
        return self._own_id

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
        since_ns = exchange.opened_ns if start is None else ordered(start, until_ns)
        return History(self._source, capability, since_ns=since_ns, until_ns=until_ns, where=conditions(**where))
