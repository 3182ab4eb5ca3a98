"""Matching and settling: what happens to an order once it is admitted, from its first walk to its end. It moves money
through the ledger; it does not decide whether an order is admitted (``placing.py``).

``docs/venue.md``, Matching and The ledger, are the rules, and those of ``docs/contracts.md``, Orders: the life of an
order is one, and a trade of contracts differs in its money, which is ``clearing.py``'s. Rows are plain tuples in the
order of ``rows.py``.
"""

from __future__ import annotations

from heapq import heappop
from typing import TYPE_CHECKING, Final

from nostro.paper.venue.admission import backed
from nostro.paper.venue.book import END, FILLED, FUNDS, REDUCE_ONLY, TAKEOVER, TRIGGERED, Market, Match, Order, Queue
from nostro.paper.venue.clearing import Clearing
from nostro.paper.venue.contracts import limit_of
from nostro.paper.venue.listing import PPM
from nostro.paper.venue.rows import FillRow, TradeRow
from nostro.paper.venue.wallets import MARGIN_FROM, PLACE_BITS

GONE: Final = 4  # besides the ends of a walk: the order was ended on its way

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nostro.paper.venue.collateral import Collateral
    from nostro.paper.venue.loans import Loans
    from nostro.paper.venue.positions import Position
    from nostro.paper.venue.wallets import Ledger


class Matching:
    """``orders``: every open order by id. ``fills, trades, changed``: of the command under way."""

    __slots__ = (
        "_collateral", "changed", "clearing", "ends", "fills", "ledger", "loans", "orders", "orders_made", "sequence",
        "trades", "trades_made",
    )  # fmt: skip

    def __init__(self, ledger: Ledger, loans: Loans, *, collateral: Collateral) -> None:
        self.ledger = ledger
        self.loans = loans
        self.clearing = Clearing(ledger)
        self._collateral = collateral
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
        if order.position is not None:
            order.user.contracts = True
            order.position.take_in(order)

    def enter(self, order: Order) -> None:
        """An admitted order begins: it holds, and waits or is carried out; its market is settled."""
        if order.valid_till_ns is not None or order.expire_after_ns is not None:
            end_ns = order.end_ns
            assert end_ns is not None
            self.ends.push(end_ns, order.id, alive=self.orders, count=len(self.orders))
        if order.hold:
            self.ledger.post(order.user, self._paid(order), reason="hold", total=0, held=order.hold)
        if order.status == "pending":
            order.market.wait(order)
        else:
            self._carry_out(order)
        if order.market.pending or order.market.resting_hidden:
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

    def force(self, order: Order) -> None:
        """A market order of a liquidation: what it finds within its band, and the rest of the house, at the mark."""
        self.number(order)
        self._take(order, *self._walk(order))
        if order.filled == order.lots:
            self.close(order)
        self.settle(order.market)
        if order.filled < order.lots:
            self._hand_over(order)
            self.close(order)

    def renew(self, order: Order, *, lots: int, price: int | None, stop: int | None) -> None:
        """An open order of a contract is changed: it keeps its place where only its amount falls, else it begins
        anew."""
        assert order.position is not None
        keeps = lots < order.lots and price == order.price and stop == order.stop
        self.changed[order.id] = order
        order.updated_ns = self.ledger.at_ns
        if keeps:
            less, order.lots = order.lots - lots, lots
            order.position.shrink(order, less)
            self.settle(order.market)
            return
        self._withdraw(order)
        order.position.let_go(order)
        order.lots, order.price, order.stop = lots, price, stop
        order.position.take_in(order)
        if order.status == "pending":
            order.market.wait(order)
        else:
            self._carry_out(order)
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
        self.changed[order.id] = order
        if order.sequence or order.status == "pending":
            self._withdraw(order)
        if order.position is not None:
            order.position.let_go(order)
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
        order.traits |= TRIGGERED
        order.opened_ns = order.updated_ns = self.ledger.at_ns
        self.changed[order.id] = order
        if order.position is not None and backed(order, self._collateral, standing=order) is not None:
            self.close(order)
            return
        self._carry_out(order)

    def _carry_out(self, order: Order) -> None:
        """A limit or market order, new or triggered, does what its time in force says."""
        matches, ended = self._walk(order)
        market_order = order.price is None
        whole = ended == (FILLED if order.quote is None else FUNDS)
        if order.time_in_force in ("fok", "aon"):
            if whole:
                ended = self._take(order, matches, ended)
            elif order.hidden and not market_order:
                self._rest(order)
                return
        else:
            if matches:
                ended = self._take(order, matches, ended)
            if order.time_in_force == "gtc" and not market_order and ended == END:
                self._rest(order)
                return
        if ended != GONE:
            self.close(order)

    def _walk(self, order: Order) -> tuple[list[Match], int]:
        funds = order.quote
        if order.type == "stop_market" and order.buy and order.position is None:
            funds = order.hold
        lots = order.lots - order.filled if order.quote is None else None
        price = order.price if order.position is None else limit_of(order)
        return order.market.walk(order.user, buy=order.buy, price=price, lots=lots, funds=funds)

    def _rest(self, order: Order) -> None:
        self.sequence += 1
        order.sequence = self.sequence
        market = order.market
        if order.hidden:
            market.resting_hidden[order.id] = order
        else:
            (market.bids if order.buy else market.asks).add(order)
            if order.position is not None:
                order.position.show(order)

    def _withdraw(self, order: Order) -> None:
        """An order waits and rests no more."""
        market = order.market
        if order.status == "pending":
            del market.pending[order.id]
        elif order.hidden:
            del market.resting_hidden[order.id]
        else:
            (market.bids if order.buy else market.asks).remove(order)
            if order.position is not None:
                order.position.hide(order)
                order.sequence = 0

    # ── trades ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, taker: Order, matches: list[Match], ended: int) -> int:
        """Trades what a walk found, and how it ended then. Trades of contracts may end orders that reduce more than
        there is left: after that the walk begins anew."""
        if taker.position is None:
            self._trade_all(taker, matches)
            return ended
        while self._trade_until_trimmed(taker, matches):
            if taker.id not in self.orders:
                return GONE
            if taker.filled == taker.lots:
                return FILLED
            matches, ended = self._walk(taker)
        return ended

    def _trade_until_trimmed(self, taker: Order, matches: list[Match]) -> bool:
        """Whether some order was."""
        assert taker.position is not None
        contract = taker.position.contract
        for maker, lots, _ in matches:
            price = maker.price
            assert price is not None
            assert maker.position is not None
            self.trades_made += 1
            value = contract.value(lots, price)
            self._fill_contract(maker, price, lots, value, maker=True)
            self._fill_contract(taker, price, lots, value, maker=False)
            contract.last = price
            self.trades.append((
                self.trades_made, contract.id, price, lots, taker.buy, taker.user.id, self.ledger.at_ns
            ))  # fmt: skip
            if maker.filled == maker.lots:
                self.close(maker)
            trimmed = self._trim(maker.position)
            if self._trim(taker.position) or trimmed:
                return True
        return False

    def _trim(self, position: Position) -> bool:
        """Ends reduce-only orders, the newest first, until the others reduce no more than there is. Whether any was
        ended."""
        trimmed = False
        while position.reduce_bids > position.closable(buy=True):
            self.close(_newest_reducing(position, buy=True))
            trimmed = True
        while position.reduce_asks > position.closable(buy=False):
            self.close(_newest_reducing(position, buy=False))
            trimmed = True
        return trimmed

    def _hand_over(self, order: Order) -> None:
        """The house takes what is left of a liquidated position, at the mark price."""
        position = order.position
        assert position is not None
        contract, lots = position.contract, order.lots - order.filled
        price = contract.mark
        value = contract.value(lots, price)
        self.trades_made += 1
        self.clearing.take_over(position, lots, value=value)
        self._fill_contract(order, price, lots, value, maker=False, takeover=True)
        contract.last = price
        self.trades.append((
            self.trades_made, contract.id, price, lots, order.buy, order.user.id, self.ledger.at_ns
        ))  # fmt: skip

    def _fill_contract(
        self, order: Order, price: int, lots: int, value: int, *, maker: bool, takeover: bool = False
    ) -> None:
        """One side of a trade of contracts: its position and money, then its row."""
        position, user, ledger = order.position, order.user, self.ledger
        assert position is not None
        order.filled += lots
        order.cost += value
        rest = order.lots - order.filled
        position.shrink(order, lots)
        rate = 0 if takeover else user.maker_ppm if maker else user.taker_ppm
        fee = -(-value * rate // PPM)
        told = self.clearing.fill(order, lots, price=price, value=value, fee=fee)
        order.status = "partially_filled" if rest else "filled"
        order.updated_ns = ledger.at_ns
        self.changed[order.id] = order
        contract = position.contract
        self.fills.append((
            self.trades_made, order.id, user.id, contract.id, order.buy, price, lots, value, fee, contract.quote, rate,
            maker, order.type, rest, order.status, ledger.at_ns, order.place, *told,
            order.traits | TAKEOVER if takeover else order.traits,
        ))  # fmt: skip

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


def _newest_reducing(position: Position, *, buy: bool) -> Order:
    return max(
        (order for order in position.orders.values() if order.traits & REDUCE_ONLY and order.buy == buy
         and order.filled < order.lots),
        key=lambda order: order.id,
    )  # fmt: skip


def _ended(order: Order) -> str:
    if order.quote is not None:
        return "filled" if order.filled else "canceled"
    if order.filled == order.lots:
        return "filled"
    return "partially_canceled" if order.filled else "canceled"
