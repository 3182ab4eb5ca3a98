"""The account for programs without an event loop: the methods of `AsyncAccount`, blocking. It decides nothing; a test
holds its names and signatures to those of ``account.py``, whose docstrings hold here too."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from nostro.account import AsyncAccount, StopOperator
from nostro.domain import records
from nostro.domain.answers import Answer, Interval
from nostro.domain.arguments import Amount, Moment
from nostro.link.commands import MarginMode, OrderType, PositionSide, Side, SideEffect, TimeInForce, Trigger
from nostro.link.events import AnyEvent
from nostro.link.history import FactT, History
from nostro.link.source import Source
from nostro.link.watching import Watched

ResultT = TypeVar("ResultT")

ROWS_AT_ONCE: Final = 500  # handed from the background loop to the caller: a hop costs as much as fifty rows
ENDING_S: Final = 10.0  # for work that was interrupted to come to its next pause


class _Loop:
    """One background event loop for all blocking accounts of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        ended = threading.Event()

        async def whole() -> ResultT:
            try:
                return await work
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(whole(), self._running())
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            ended.wait(ENDING_S)  # what it holds (a book, a socket) may be closed by the caller next
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="nostro", daemon=True).start()
            return self._loop


LOOP: Final = _Loop()


class BlockingHistory(Generic[FactT]):
    """A `History` that blocks: iterate over it, or call ``all()``."""

    def __init__(self, history: History[FactT]) -> None:
        self._history = history

    @property
    def coverage(self) -> list[Interval]:
        """The intervals that could not be had, complete after the last row."""
        return self._history.coverage

    @property
    def pages(self) -> int:
        """How many answers it took so far."""
        return self._history.pages

    def __iter__(self) -> Iterator[FactT]:
        rows = aiter(self._history)
        while batch := LOOP.run(_next_rows(rows)):
            yield from batch

    def all(self) -> Answer[FactT]:
        """Every row at once, in an `Answer`."""
        return LOOP.run(self._history.all())


async def _next_rows(rows: AsyncIterator[FactT]) -> list[FactT]:
    batch: list[FactT] = []
    while len(batch) < ROWS_AT_ONCE:
        try:
            batch.append(await anext(rows))
        except StopAsyncIteration:
            break
    return batch


class Account:
    """One account. Open it with `nostro.open_account`; close it, or use it as a context manager."""

    def __init__(self, inner: AsyncAccount) -> None:
        self._inner = inner

    @property
    def exchange(self) -> str:
        """The exchange's id."""
        return self._inner.exchange

    @property
    def name(self) -> str:
        """The account's name, as its facts carry it."""
        return self._inner.name

    @property
    def capabilities(self) -> frozenset[str]:
        """What this exchange has, reads and writes."""
        return self._inner.capabilities

    @property
    def grants(self) -> frozenset[str]:
        """What this account may do beyond reading."""
        return self._inner.grants

    @property
    def source(self) -> Source:
        """What answers it: for whoever keeps its pages."""
        return self._inner.source

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends its connections."""
        LOOP.run(self._inner.close())

    def currencies(self) -> Answer[records.Asset]:
        """As `AsyncAccount.currencies`."""
        return LOOP.run(self._inner.currencies())

    def instruments(self) -> Answer[records.Instrument]:
        """As `AsyncAccount.instruments`."""
        return LOOP.run(self._inner.instruments())

    def ticker(self, instrument: str | None = None) -> Answer[records.Ticker]:
        """As `AsyncAccount.ticker`."""
        return LOOP.run(self._inner.ticker(instrument))

    def order_book(self, instrument: str, *, levels: int | None = None) -> Answer[records.OrderBook]:
        """As `AsyncAccount.order_book`."""
        return LOOP.run(self._inner.order_book(instrument, levels=levels))

    def candles(
        self, instrument: str, interval_s: int, *, start: Moment | None = None, end: Moment | None = None
    ) -> Answer[records.Candle]:
        """As `AsyncAccount.candles`."""
        return LOOP.run(self._inner.candles(instrument, interval_s, start=start, end=end))

    def public_trades(self, instrument: str, *, limit: int | None = None) -> Answer[records.PublicTrade]:
        """As `AsyncAccount.public_trades`."""
        return LOOP.run(self._inner.public_trades(instrument, limit=limit))

    def server_time(self) -> records.ServerTime:
        """As `AsyncAccount.server_time`."""
        return LOOP.run(self._inner.server_time())

    def deposit_methods(self, asset: str) -> Answer[records.DepositMethod]:
        """As `AsyncAccount.deposit_methods`."""
        return LOOP.run(self._inner.deposit_methods(asset))

    def withdraw_methods(self, asset: str) -> Answer[records.WithdrawMethod]:
        """As `AsyncAccount.withdraw_methods`."""
        return LOOP.run(self._inner.withdraw_methods(asset))

    def sub_accounts(self) -> Answer[records.SubAccount]:
        """As `AsyncAccount.sub_accounts`."""
        return LOOP.run(self._inner.sub_accounts())

    def balances(self) -> Answer[records.Balance]:
        """As `AsyncAccount.balances`."""
        return LOOP.run(self._inner.balances())

    def loans(self) -> Answer[records.Loan]:
        """As `AsyncAccount.loans`."""
        return LOOP.run(self._inner.loans())

    def margin(self) -> Answer[records.MarginSummary]:
        """As `AsyncAccount.margin`."""
        return LOOP.run(self._inner.margin())

    def positions(self, *, instrument: str | None = None) -> Answer[records.Position]:
        """As `AsyncAccount.positions`."""
        return LOOP.run(self._inner.positions(instrument=instrument))

    def leverage(self, instrument: str | None = None) -> Answer[records.Leverage]:
        """As `AsyncAccount.leverage`."""
        return LOOP.run(self._inner.leverage(instrument))

    def fees(self) -> Answer[records.FeeRate]:
        """As `AsyncAccount.fees`."""
        return LOOP.run(self._inner.fees())

    def open_orders(self, *, instrument: str | None = None) -> Answer[records.Order]:
        """As `AsyncAccount.open_orders`."""
        return LOOP.run(self._inner.open_orders(instrument=instrument))

    def order(
        self, order_id: str | int | None = None, *, client_id: str | None = None, instrument: str | None = None
    ) -> records.Order:
        """As `AsyncAccount.order`."""
        return LOOP.run(self._inner.order(order_id, client_id=client_id, instrument=instrument))

    def orders(
        self, start: Moment | None = None, end: Moment | None = None, *, instrument: str | None = None
    ) -> BlockingHistory[records.Order]:
        """As `AsyncAccount.orders`."""
        return BlockingHistory(self._inner.orders(start, end, instrument=instrument))

    def fills(
        self, start: Moment | None = None, end: Moment | None = None, *, instrument: str | None = None
    ) -> BlockingHistory[records.Fill]:
        """As `AsyncAccount.fills`."""
        return BlockingHistory(self._inner.fills(start, end, instrument=instrument))

    def entries(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> BlockingHistory[records.Entry]:
        """As `AsyncAccount.entries`."""
        return BlockingHistory(self._inner.entries(start, end, asset=asset))

    def transfers(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> BlockingHistory[records.Transfer]:
        """As `AsyncAccount.transfers`."""
        return BlockingHistory(self._inner.transfers(start, end, asset=asset))

    def borrows(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> BlockingHistory[records.Borrow]:
        """As `AsyncAccount.borrows`."""
        return BlockingHistory(self._inner.borrows(start, end, asset=asset))

    def repayments(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> BlockingHistory[records.Repayment]:
        """As `AsyncAccount.repayments`."""
        return BlockingHistory(self._inner.repayments(start, end, asset=asset))

    def interest(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> BlockingHistory[records.Interest]:
        """As `AsyncAccount.interest`."""
        return BlockingHistory(self._inner.interest(start, end, asset=asset))

    def liquidations(
        self, start: Moment | None = None, end: Moment | None = None, *, asset: str | None = None
    ) -> BlockingHistory[records.Liquidation]:
        """As `AsyncAccount.liquidations`."""
        return BlockingHistory(self._inner.liquidations(start, end, asset=asset))

    def funding_payments(
        self, start: Moment | None = None, end: Moment | None = None, *, instrument: str | None = None
    ) -> BlockingHistory[records.FundingPayment]:
        """As `AsyncAccount.funding_payments`."""
        return BlockingHistory(self._inner.funding_payments(start, end, instrument=instrument))

    def closed_positions(
        self, start: Moment | None = None, end: Moment | None = None, *, instrument: str | None = None
    ) -> BlockingHistory[records.ClosedPosition]:
        """As `AsyncAccount.closed_positions`."""
        return BlockingHistory(self._inner.closed_positions(start, end, instrument=instrument))

    def position_events(
        self, start: Moment | None = None, end: Moment | None = None, *, instrument: str | None = None
    ) -> BlockingHistory[records.PositionEvent]:
        """As `AsyncAccount.position_events`."""
        return BlockingHistory(self._inner.position_events(start, end, instrument=instrument))

    def snapshots(self, start: Moment | None = None, end: Moment | None = None) -> BlockingHistory[records.Snapshot]:
        """As `AsyncAccount.snapshots`."""
        return BlockingHistory(self._inner.snapshots(start, end))

    def watch(self) -> Iterator[AnyEvent]:
        """As `AsyncAccount.watch`; closing it (or leaving the loop over it) ends the connection."""
        return _events(self._inner.watch())

    def place(
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
        """As `AsyncAccount.place`."""
        return LOOP.run(
            self._inner.place(
                instrument, side, type=type, amount=amount, quote_amount=quote_amount, price=price,
                stop_price=stop_price, stop_operator=stop_operator, time_in_force=time_in_force,
                valid_till=valid_till, expire_after=expire_after, post_only=post_only, wallet=wallet,
                side_effect=side_effect, position_side=position_side, reduce_only=reduce_only, trigger=trigger,
                client_id=client_id,
            )
        )  # fmt: skip

    def edit(
        self, order_id: str | int, *, amount: Amount | None = None, price: Amount | None = None,
        stop_price: Amount | None = None,
    ) -> records.Order:  # fmt: skip
        """As `AsyncAccount.edit`."""
        return LOOP.run(self._inner.edit(order_id, amount=amount, price=price, stop_price=stop_price))

    def set_leverage(
        self, instrument: str, leverage: Amount | None, *, position_side: PositionSide = "both"
    ) -> Answer[records.Leverage]:
        """As `AsyncAccount.set_leverage`."""
        return LOOP.run(self._inner.set_leverage(instrument, leverage, position_side=position_side))

    def set_margin_mode(self, instrument: str, mode: MarginMode) -> Answer[records.Leverage]:
        """As `AsyncAccount.set_margin_mode`."""
        return LOOP.run(self._inner.set_margin_mode(instrument, mode))

    def cancel(self, order_id: str | int) -> bool:
        """As `AsyncAccount.cancel`."""
        return LOOP.run(self._inner.cancel(order_id))

    def cancel_all(self, *, instrument: str | None = None) -> Answer[records.Order]:
        """As `AsyncAccount.cancel_all`."""
        return LOOP.run(self._inner.cancel_all(instrument=instrument))

    def withdraw(
        self, method: int, amount: Amount, *, attributes: Mapping[str, str], client_id: str = ""
    ) -> Answer[records.Transfer]:
        """As `AsyncAccount.withdraw`."""
        return LOOP.run(self._inner.withdraw(method, amount, attributes=attributes, client_id=client_id))

    def transfer(
        self,
        asset: str,
        amount: Amount,
        *,
        from_wallet: str,
        to_wallet: str,
        account: str | int | None = None,
        note: str = "",
    ) -> records.Transfer:
        """As `AsyncAccount.transfer`."""
        return LOOP.run(
            self._inner.transfer(
                asset, amount, from_wallet=from_wallet, to_wallet=to_wallet, account=account, note=note
            )
        )

    def borrow(self, asset: str, amount: Amount, *, wallet: str, account: str | int | None = None) -> records.Borrow:
        """As `AsyncAccount.borrow`."""
        return LOOP.run(self._inner.borrow(asset, amount, wallet=wallet, account=account))

    def repay(self, asset: str, amount: Amount, *, wallet: str, account: str | int | None = None) -> records.Repayment:
        """As `AsyncAccount.repay`."""
        return LOOP.run(self._inner.repay(asset, amount, wallet=wallet, account=account))

    def close_position(
        self, wallet: str = "", *, account: str | int | None = None, instrument: str = "", position: str = ""
    ) -> Answer[records.Order]:
        """As `AsyncAccount.close_position`."""
        return LOOP.run(self._inner.close_position(wallet, account=account, instrument=instrument, position=position))


def _events(watching: Watched) -> Iterator[AnyEvent]:
    try:
        while some := LOOP.run(watching.some()):
            yield from some
    finally:
        LOOP.run(watching.aclose())
