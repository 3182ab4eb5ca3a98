"""Positions: what a user holds of a contract on one side, and the open orders that may change it. It decides how a fill
changes size and basis and what that realizes; the money that follows is moved by ``clearing.py``, and what a position
must be backed with is for ``collateral.py``.

``docs/contracts.md``, Positions, is the rules. Sizes are signed lots, a basis signed settle units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nostro.paper.venue.book import REDUCE_ONLY
from nostro.paper.venue.contracts import half_even
from nostro.paper.venue.wallets import key_of

if TYPE_CHECKING:
    from nostro.paper.venue.book import Order
    from nostro.paper.venue.contracts import Contract
    from nostro.paper.venue.wallets import User


class Change(NamedTuple):
    """What a fill did to a position: lots that it closed, their value at exit, the (unsigned) basis released, the value
    opened, and the profit realized."""

    closed: int
    exit_value: int
    released: int
    opened: int
    realized: int


class Position:
    """``side``: 0 for both, 1 long, 2 short. ``place, purse``: its collateral wallet and its purse. ``leverage`` in
    hundredths, None where it is not set. Of the lifecycle under way: ``opened_ns`` to ``size_max``. ``realized_ever``:
    of all of them. ``updated_ns``: 0 before anything was.

    Of its open orders (``orders``, by id), in lots that remain: ``bids, asks`` those in the visible book that are not
    reduce-only, and ``reduce_bids, reduce_asks`` those that are, stops included."""

    __slots__ = (
        "_loss", "_loss_mark", "asks", "basis", "bids", "contract", "exit_basis", "exit_lots", "exit_value", "fees",
        "funding", "isolated", "leverage", "opened_ns", "orders", "place", "purse", "realized", "realized_ever",
        "reduce_asks", "reduce_bids", "side", "size", "size_max", "updated_ns", "user",
    )  # fmt: skip

    def __init__(self, user: User, contract: Contract, *, side: int) -> None:
        self.user = user
        self.contract = contract
        self.side = side
        self.place = contract.place
        self.purse = key_of(contract.quote, contract.purse(side))
        self.isolated = False
        self.leverage: int | None = None
        self.size = self.basis = self.updated_ns = self.realized_ever = 0
        self.orders: dict[int, Order] = {}
        self.bids = self.asks = self.reduce_bids = self.reduce_asks = 0
        self._loss = 0
        self._loss_mark = 0  # the mark at which it was computed
        self.end()

    def end(self) -> None:
        """There is no lifecycle any more."""
        self.opened_ns: int | None = None
        self.exit_lots = self.exit_value = self.exit_basis = 0
        self.realized = self.fees = self.funding = self.size_max = 0

    @property
    def key(self) -> int:
        """The key of its collateral wallet."""
        return key_of(self.contract.quote, self.place)

    def closable(self, *, buy: bool) -> int:
        """How many lots orders of that side can reduce."""
        return max(0, -self.size if buy else self.size)

    def unrealized(self) -> int:
        contract = self.contract
        return contract.direction * (contract.value(self.size, contract.mark) - self.basis)

    def worst(self, *, bids: int, asks: int) -> int:
        """The largest size that these open orders could lead to."""
        size = self.size
        return max(abs(size), abs(size + bids), abs(size - asks))

    # ── fills ────────────────────────────────────────────────────────────────────────────────────────────────────

    def fill(self, lots: int, *, price: int, value: int, buy: bool) -> Change:
        """Changes size and basis. A lifecycle that ends is left as it is (`end`)."""
        size, sign = self.size, 1 if buy else -1
        if size == 0 or (size > 0) == buy:
            self.size += sign * lots
            self.basis += sign * value
            return Change(0, 0, 0, value, 0)
        contract, held = self.contract, abs(size)
        closed = min(lots, held)
        out = value if closed == lots else contract.value(closed, price)
        released = abs(self.basis) if closed == held else half_even(abs(self.basis) * closed, held)
        realized = contract.direction * sign * (released - out)
        self.size += sign * lots
        self.basis += sign * (released + value - out)
        return Change(closed, out, released, value - out, realized)

    # ── its open orders ──────────────────────────────────────────────────────────────────────────────────────────

    def take_in(self, order: Order) -> None:
        """An order of it is open from now on."""
        self.orders[order.id] = order
        order.loss = 0
        if order.traits & REDUCE_ONLY:
            self._reduce(order, order.lots - order.filled)

    def let_go(self, order: Order) -> None:
        """An order of it, outside the visible book, is not open any more."""
        del self.orders[order.id]
        if order.traits & REDUCE_ONLY:
            self._reduce(order, order.filled - order.lots)

    def show(self, order: Order) -> None:
        """An order of it enters the visible book."""
        if not order.traits & REDUCE_ONLY:
            rest = order.lots - order.filled
            self._rest(order, by=rest, rest=rest)

    def hide(self, order: Order) -> None:
        """An order of it leaves the visible book."""
        if not order.traits & REDUCE_ONLY:
            self._rest(order, by=order.filled - order.lots, rest=0)

    def shrink(self, order: Order, lots: int) -> None:
        """So many lots of an order do not remain any more."""
        if order.traits & REDUCE_ONLY:
            self._reduce(order, -lots)
        elif order.sequence:
            self._rest(order, by=-lots, rest=order.lots - order.filled)

    def _reduce(self, order: Order, lots: int) -> None:
        if order.buy:
            self.reduce_bids += lots
        else:
            self.reduce_asks += lots

    def _rest(self, order: Order, *, by: int, rest: int) -> None:
        if order.buy:
            self.bids += by
        else:
            self.asks += by
        if self._loss_mark == self.contract.mark:
            assert order.price is not None
            loss = self.contract.loss(rest, order.price, buy=order.buy)
            self._loss += loss - order.loss
            order.loss = loss
        else:
            order.loss = self._loss_mark = 0  # the mark may come back to where it was computed

    def loss(self) -> int:
        """The order loss: of its orders in the visible book that are not reduce-only."""
        mark = self.contract.mark
        if self._loss_mark != mark:
            self._loss_mark, self._loss = mark, 0
            for order in self.orders.values():
                if order.sequence and not order.traits & REDUCE_ONLY:
                    assert order.price is not None
                    order.loss = self.contract.loss(order.lots - order.filled, order.price, buy=order.buy)
                    self._loss += order.loss
        return self._loss

    def losing(self, order: Order) -> int:
        """What of the order loss is due to one of its orders."""
        self.loss()
        return order.loss


def position_of(user: User, contract: Contract, *, side: int) -> Position:
    """The user's position, an empty one if there was none."""
    key = contract.id << 2 | side
    position = user.positions.get(key)
    if position is None:
        position = user.positions[key] = Position(user, contract, side=side)
        user.backed.setdefault(contract.place, []).append(position)
    return position


def size_of(user: User, contract: Contract, *, side: int) -> int:
    """The size of the user's position, without one 0."""
    position = user.positions.get(contract.id << 2 | side)
    return 0 if position is None else position.size
