"""Matching and settling: what happens to an order once it is admitted, from its first walk to its end. It moves money
through the ledger; it does not decide whether an order is admitted (``placing.py``).

``docs/venue.md``, Matching and The ledger, are the rules. Rows are plain tuples in the order of ``rows.py``.
"""

from __future__ import annotations

from heapq import heappop
from typing import TYPE_CHECKING

from nostro.paper.venue.book import END, FILLED, FUNDS, Market, Match, Order, Queue
from nostro.paper.venue.profile import PPM
from nostro.paper.venue.rows import FillRow, TradeRow
from nostro.paper.venue.wallets import MARGIN_FROM, PLACE_BITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nostro.paper.venue.loans import Loans
    from nostro.paper.venue.wallets import Ledger


class Matching:
    """``orders``: every open order by id. ``fills, trades, changed``: of the command under way."""

    __slots__ = (
        "changed", "ends", "fills", "ledger", "loans", "orders", "orders_made", "sequence", "trades", "trades_made",
    )  # fmt: skip

    def __init__(self, ledger: Ledger, loans: Loans) -> None:
        self.ledger = ledger
        self.loans = loans
        self.orders_made = 0
        self.orders: dict[int, Order] = {}
        self.ends = Queue()
        self.sequence = 0
        self.trades_made = 0
        self.fills: list[FillRow] = []
        self.trades: list[TradeRow] = []
        self.changed: dict[int, Order] = {}

    # ── the life of an order ─────────────────────────────────────────────────────────────────────────────────────

    def number(self, order: Order) -> None:
        """The order has an id and a time from now on, and is among the open ones."""
        self.orders_made += 1
        order.id = self.orders_made
        order.placed_ns = order.opened_ns = order.updated_ns = self.ledger.at_ns
        self.orders[order.id] = order
        order.user.orders[order.id] = order
        self.changed[order.id] = order

    def enter(self, order: Order) -> None:
        """An admitted order begins: it holds, and waits or is carried out; its market is settled."""
        end_ns = order.end_ns
        if end_ns is not None:
            self.ends.push(end_ns, order.id, alive=self.orders, count=len(self.orders))
        if order.hold:
            self.ledger.post(order.user, self._paid(order), reason="hold", total=0, held=order.hold)
        if order.stop is None:
            self._carry_out(order)
        else:
            order.market.wait(order)
        self.settle(order.market)

    def enter_canceled(self, order: Order) -> None:
        """An order whose ground fell away between its checks and its turn: it is there, and ends untouched."""
        order.status, order.hold = "open", 0
        self.close(order)
        self.settle(order.market)

    def enter_bounded(self, order: Order, funds: int) -> None:
        """A market order that takes what it can and ends, bounded by its lots and by so many quote units."""
        self.number(order)
        matches, _ = order.market.walk(order.user, buy=order.buy, price=None, lots=order.lots, funds=funds)
        self._trade_all(order, matches)
        self.close(order)
        self.settle(order.market)

    def cancel(self, orders: Iterable[Order]) -> tuple[int, ...]:
        """Ends open orders in order of id, then settles each market concerned in order of its id. Which they were."""
        concerned = sorted(orders, key=lambda order: order.id)
        for order in concerned:
            self.close(order)
        for market in sorted({order.market for order in concerned}, key=lambda market: market.id):
            self.settle(market)
        return tuple(order.id for order in concerned)

    def expire(self, at_ns: int) -> bool:
        """Ends every order whose time has come, each followed by its market's settling. Whether there was one."""
        any_ended = False
        while self.ends.heap and self.ends.heap[0][0] <= at_ns:
            order = self.orders.get(heappop(self.ends.heap)[1])
            if order is not None:
                any_ended = True
                self.close(order, "expired")
                self.settle(order.market)
        return any_ended

    def close(self, order: Order, status: str = "") -> None:
        """Ends an order as it is; what is not filled is canceled, what is still held is released. ``status``: where
        it is not what the fills say."""
        market = order.market
        self.changed[order.id] = order
        if order.status == "pending":
            del market.pending[order.id]
        elif order.sequence:
            self._leave_book(order)
        order.canceled = order.lots - order.filled
        order.status = status or _ended(order)
        order.updated_ns = order.done_ns = self.ledger.at_ns
        if order.hold:
            self.ledger.post(order.user, self._paid(order), reason="release", total=0, held=-order.hold)
            order.hold = 0
        del self.orders[order.id]
        del order.user.orders[order.id]

    def settle(self, market: Market) -> None:
        """Triggers stops and tries hidden orders until neither changes anything."""
        while market.pending or market.resting_hidden:
            stop = market.triggered()
            if stop is not None:
                self._trigger(stop)
                continue
            for order in market.resting_hidden.values():
                matches, ended = self._walk(order)
                if ended == FILLED:
                    self._trade_all(order, matches)
                    self.close(order)
                    break
            else:
                return

    def _trigger(self, order: Order) -> None:
        del order.market.pending[order.id]
        order.status = "open"
        order.opened_ns = order.updated_ns = self.ledger.at_ns
        self.changed[order.id] = order
        self._carry_out(order)

    def _carry_out(self, order: Order) -> None:
        """A limit or market order, new or triggered, does what its time in force says."""
        matches, ended = self._walk(order)
        market_order = order.price is None
        whole = ended == (FILLED if order.quote is None else FUNDS)
        if order.time_in_force in ("fok", "aon"):
            if whole:
                self._trade_all(order, matches)
            elif order.hidden and not market_order:
                self._rest(order)
                return
            self.close(order)
            return
        self._trade_all(order, matches)
        if order.time_in_force == "gtc" and not market_order and ended == END:
            self._rest(order)
        else:
            self.close(order)

    def _walk(self, order: Order) -> tuple[list[Match], int]:
        funds = order.quote
        if order.type == "stop_market" and order.buy:
            funds = order.hold
        lots = order.lots - order.filled if order.quote is None else None
        return order.market.walk(order.user, buy=order.buy, price=order.price, lots=lots, funds=funds)

    def _rest(self, order: Order) -> None:
        self.sequence += 1
        order.sequence = self.sequence
        market = order.market
        if order.hidden:
            market.resting_hidden[order.id] = order
        else:
            (market.bids if order.buy else market.asks).add(order)

    def _leave_book(self, order: Order) -> None:
        market = order.market
        if order.hidden:
            del market.resting_hidden[order.id]
        else:
            (market.bids if order.buy else market.asks).remove(order)

    # ── trades ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _trade_all(self, taker: Order, matches: list[Match]) -> None:
        for maker, lots, cost in matches:
            price = maker.price
            assert price is not None
            self.trades_made += 1
            self._fill(maker, price, lots, cost, maker=True)
            self._fill(taker, price, lots, cost, maker=False)
            market = taker.market
            market.last = price
            self.trades.append((self.trades_made, market.id, price, lots, taker.buy, taker.user.id, self.ledger.at_ns))
            if maker.filled == maker.lots:
                self.close(maker)

    def _fill(self, order: Order, price: int, lots: int, cost: int, *, maker: bool) -> None:
        """One side of a trade: its money, then its row."""
        market, user, ledger = order.market, order.user, self.ledger
        order.filled += lots
        order.cost += cost
        if order.quote is not None:
            order.lots = order.filled
        rest = order.lots - order.filled
        if order.buy:
            paid, payer, received, asset = cost, market.quote, lots * market.lot, market.base
        else:
            paid, payer, received, asset = lots * market.lot, market.base, cost, market.quote
        freed = 0
        if order.hold:
            keep = order.hold - paid
            if order.buy and order.price is not None:
                keep = -(-rest * order.price * market.numerator // market.denominator)
            freed = order.hold - keep
            order.hold = keep
        rate = user.maker_ppm if maker else user.taker_ppm
        fee = -(-received * rate // PPM)
        place = order.place
        key = asset << PLACE_BITS | place
        ledger.post(user, payer << PLACE_BITS | place, reason="trade", total=-paid, held=-freed)
        ledger.post(user, key, reason="trade", total=received, held=0)
        if fee:
            ledger.post(user, key, reason="fee", total=-fee, held=0)
            ledger.fees[asset] += fee
        if order.side_effect == "auto_repay" and place >= MARGIN_FROM:
            loan = user.loans.get(key)
            units = 0 if loan is None else min(received - fee, loan.debt)
            if units:
                assert loan is not None
                self.loans.repay(loan, units=units, kind="auto")
        order.status = "partially_filled" if rest else "filled"
        order.updated_ns = ledger.at_ns
        self.changed[order.id] = order
        self.fills.append((
            self.trades_made, order.id, user.id, market.id, order.buy, price, lots, cost, fee, asset, rate, maker,
            order.type, rest, order.status, ledger.at_ns, place,
        ))  # fmt: skip

    @staticmethod
    def _paid(order: Order) -> int:
        """The wallet that an order pays from."""
        return (order.market.quote if order.buy else order.market.base) << PLACE_BITS | order.place


def _ended(order: Order) -> str:
    if order.quote is not None:
        return "filled" if order.filled else "canceled"
    if order.filled == order.lots:
        return "filled"
    return "partially_canceled" if order.filled else "canceled"
