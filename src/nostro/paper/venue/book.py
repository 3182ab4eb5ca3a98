"""The order book: orders, the two sides of a market, hidden orders and waiting stops. It keeps them in their order of
time and price, and says what a walk would match; it moves no money (``matching.py``).

Integers throughout: lots of base, ticks of price, units of an asset.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

from nostro.paper.venue.numbers import at_least, at_most

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from nostro.link.commands import Trigger
    from nostro.link.view import VenueInstrument
    from nostro.paper.venue.positions import Position
    from nostro.paper.venue.wallets import User

# Why a walk ended.
FILLED: Final = 0  # nothing of the order is left
FUNDS: Final = 1  # the money buys no further lot at the price reached
OWN: Final = 2  # an order of the same user stands there
END: Final = 3  # the book, or the prices within the limit, came to their end

Match = tuple["Order", int, int]  # resting order, lots, cost in quote units

_DEAD_MAX: Final = 64  # entries of orders that are gone, in a queue, before it is swept

# What else an order is, as bits of `Order.traits`.
POST_ONLY: Final = 1
REDUCE_ONLY: Final = 2
LONG_SIDE: Final = 4
SHORT_SIDE: Final = 8
BY_MARK: Final = 16
BY_INDEX: Final = 32
FORCED: Final = 64  # made by a liquidation
TAKEOVER: Final = 128  # of a fill: the house was the other party
TRIGGERED: Final = 256  # a stop whose condition was met


class Order:
    """An open order. ``lots``: its amount (what was filled, for one funded in quote units: ``quote``). ``hold``: units
    held now. ``sequence``: its turn in the queue, 0 outside it. ``price`` and ``stop`` in ticks. ``place``: its
    wallet. Of a contract: the ``position`` that it changes, and its ``loss`` in the visible book."""

    __slots__ = (
        "buy", "canceled", "client_id", "cost", "done_ns", "expire_after_ns", "filled", "hold", "id", "loss", "lots",
        "market", "opened_ns", "operator", "place", "placed_ns", "position", "price", "quote", "sequence",
        "side_effect", "status", "stop", "time_in_force", "traits", "type", "updated_ns", "user", "valid_till_ns",
    )  # fmt: skip

    id: int
    user: User
    market: Market
    place: int
    side_effect: str
    traits: int
    position: Position | None
    loss: int
    buy: bool
    type: str
    time_in_force: str
    status: str
    lots: int
    filled: int
    canceled: int
    price: int | None
    stop: int | None
    operator: str | None
    quote: int | None
    cost: int
    hold: int
    sequence: int
    client_id: str
    placed_ns: int
    opened_ns: int
    updated_ns: int
    done_ns: int | None
    valid_till_ns: int | None
    expire_after_ns: int | None

    @property
    def end_ns(self) -> int | None:
        """When it ends by itself: the earlier of its two bounds."""
        if self.valid_till_ns is None or self.expire_after_ns is None:
            return self.expire_after_ns if self.valid_till_ns is None else self.valid_till_ns
        return min(self.valid_till_ns, self.expire_after_ns)

    @property
    def hidden(self) -> bool:
        """Whether it rests, or would rest, outside the visible book."""
        return self.time_in_force == "aon"

    @property
    def trigger(self) -> Trigger:
        """Which price triggers it, if it is a stop."""
        if self.traits & BY_MARK:
            return "mark"
        return "index" if self.traits & BY_INDEX else "last"

    def reached(self, price: int) -> bool:
        """Whether that price triggers this stop."""
        assert self.stop is not None
        return price >= self.stop if self.operator == "gte" else price <= self.stop


class Queue:
    """Order ids by the number at which they are due, lowest first. Orders that are gone stay until they are met, or
    until they are most of what is kept."""

    __slots__ = ("heap",)

    def __init__(self) -> None:
        self.heap: list[tuple[int, int]] = []

    def push(self, due: int, order_id: int, *, alive: Container[int], count: int) -> None:
        """``alive``: the orders that are not gone, ``count`` of them."""
        if len(self.heap) > 2 * count + _DEAD_MAX:
            self.heap = [entry for entry in self.heap if entry[1] in alive]
            heapify(self.heap)
        heappush(self.heap, (due, order_id))


class Stops:
    """Waiting stops by the price that triggers them: ``rising`` ones (gte) by stop price, ``falling`` ones (lte) by
    minus the stop price."""

    __slots__ = ("falling", "rising")

    def __init__(self) -> None:
        self.rising = Queue()
        self.falling = Queue()

    def wait(self, order: Order, alive: Mapping[int, Order]) -> None:
        assert order.stop is not None
        if order.operator == "gte":
            self.rising.push(order.stop, order.id, alive=alive, count=len(alive))
        else:
            self.falling.push(-order.stop, order.id, alive=alive, count=len(alive))

    def due(self, price: int, ready: list[int]) -> None:
        """Moves those that the price reached to a heap of ids."""
        rising, falling = self.rising.heap, self.falling.heap
        while rising and rising[0][0] <= price:
            heappush(ready, heappop(rising)[1])
        while falling and falling[0][0] <= -price:
            heappush(ready, heappop(falling)[1])


class Side:
    """One side of the visible book. ``keys``: sorted so that the best price is last: the price of a bid, minus the
    price of an ask. A level is a dict in the order of sequence, because every order that enters gets the next one."""

    __slots__ = ("buy", "keys", "levels")

    def __init__(self, *, buy: bool) -> None:
        self.buy = buy
        self.keys: list[int] = []
        self.levels: dict[int, dict[int, Order]] = {}

    def key(self, price: int) -> int:
        return price if self.buy else -price

    def add(self, order: Order) -> None:
        assert order.price is not None
        key = order.price if self.buy else -order.price
        level = self.levels.get(key)
        if level is None:
            self.levels[key] = {order.id: order}
            insort(self.keys, key)
        else:
            level[order.id] = order

    def remove(self, order: Order) -> None:
        assert order.price is not None
        key = order.price if self.buy else -order.price
        level = self.levels[key]
        del level[order.id]
        if not level:
            del self.levels[key]
            if self.keys[-1] == key:
                self.keys.pop()
            else:
                del self.keys[bisect_left(self.keys, key)]

    def best(self) -> int | None:
        """The best price in ticks."""
        return abs(self.keys[-1]) if self.keys else None


class Market:
    """One instrument: its numbers, its book and its waiting orders.

    ``lot``: base units of a lot. A cost is ``lots · ticks · numerator // denominator`` quote units. ``value_min``: in
    units of lots times ticks; ``quote_min``: in quote units. ``last``: ticks of the last trade. ``pending``: stops that
    wait, ``resting_hidden``: AON orders in the order of their sequence; both by order id."""

    __slots__ = (
        "amount_digits", "amount_max", "amount_min", "asks", "base", "base_digits", "bids", "denominator", "id",
        "last", "lot", "numerator", "pending", "price_digits", "quote", "quote_digits", "quote_min", "ready",
        "resting_hidden", "stops", "symbol", "value_min",
    )  # fmt: skip

    base: int
    quote: int
    base_digits: int
    quote_digits: int
    lot: int
    numerator: int
    denominator: int
    value_min: int
    quote_min: int

    def __init__(self, instrument: VenueInstrument, *, assets: Mapping[str, int], digits: Mapping[str, int]) -> None:
        self.id = instrument.id
        self.symbol = instrument.symbol
        self.amount_digits = instrument.amount_digits
        self.price_digits = instrument.price_digits
        self.amount_min = at_least(instrument.amount_min, instrument.amount_digits)
        self.amount_max = at_most(instrument.amount_max, instrument.amount_digits)
        self._scale(instrument, assets, digits)
        self.bids = Side(buy=True)
        self.asks = Side(buy=False)
        self.last: int | None = None
        self.pending: dict[int, Order] = {}
        self.resting_hidden: dict[int, Order] = {}
        self.stops: dict[Trigger, Stops] = {"last": Stops()}
        self.ready: list[int] = []  # ids of stops whose price was reached when they were last looked at

    def _scale(self, instrument: VenueInstrument, assets: Mapping[str, int], digits: Mapping[str, int]) -> None:
        """What lots and ticks are in units."""
        self.base = assets[instrument.base]
        self.quote = assets[instrument.quote]
        self.base_digits = digits[instrument.base]
        self.quote_digits = digits[instrument.quote]
        self.lot = 10 ** (digits[instrument.base] - instrument.amount_digits)
        scale = self.quote_digits - instrument.amount_digits - instrument.price_digits
        self.numerator = 10 ** max(scale, 0)
        self.denominator = 10 ** max(-scale, 0)
        self.value_min = at_least(instrument.value_min, instrument.amount_digits + instrument.price_digits)
        self.quote_min = at_least(instrument.value_min, self.quote_digits)

    def buy_hold(self, lots: int, price: int) -> int:
        """What a buy of so many lots at that price must hold: quote units, rounded up."""
        return -(-lots * price * self.numerator // self.denominator)

    def stop_market_hold(self, lots: int, stop: int) -> int:
        """As `buy_hold`, with 5 % on top for the way from the stop price to the trade (*ours*)."""
        return -(-lots * stop * 105 * self.numerator // (100 * self.denominator))

    def wait(self, order: Order) -> None:
        """A stop begins to wait."""
        self.pending[order.id] = order
        self.stops[order.trigger].wait(order, self.pending)

    def price_of(self, trigger: Trigger) -> int | None:
        """The price that a stop waits for, None where there is none yet."""
        assert trigger == "last", "a spot order waits for trades"
        return self.last

    def triggered(self) -> Order | None:
        """The waiting stop with the lowest id whose condition holds; it stays among the waiting."""
        if not self.pending:
            return None
        ready = self.ready
        for trigger, stops in self.stops.items():
            price = self.price_of(trigger)
            if price is not None:
                stops.due(price, ready)
        while ready:
            order = self.pending.get(heappop(ready))
            if order is None:
                continue
            price = self.price_of(order.trigger)
            if price is not None and order.reached(price):
                heappush(ready, order.id)
                return order
            self.stops[order.trigger].wait(order, self.pending)
        return None

    def walk(  # noqa: C901 - the hot loop; every branch is a rule of the walk
        self, user: User, *, buy: bool, price: int | None, lots: int | None, funds: int | None
    ) -> tuple[list[Match], int]:
        """What an order would match now, from the best visible order of the other side on, and why that ends.
        ``price``: its limit in ticks. ``lots``: of the order, None where only money bounds it. ``funds``: quote units
        that the costs may not exceed in sum, None where nothing bounds them."""
        side = self.asks if buy else self.bids
        matches: list[Match] = []
        keys = side.keys
        if not keys:
            return matches, END
        reach = keys[0] if price is None else (-price if buy else price)
        numerator, denominator = self.numerator, self.denominator
        for index in range(len(keys) - 1, -1, -1):
            key = keys[index]
            if key < reach:
                break
            ticks = abs(key)
            for resting in side.levels[key].values():
                if resting.user is user:
                    return matches, OWN
                take = resting.lots - resting.filled
                if lots is not None and lots < take:
                    take = lots
                if funds is not None:
                    fit = ((funds + 1) * denominator - 1) // (ticks * numerator)
                    if fit < take:
                        if fit:
                            matches.append((resting, fit, fit * ticks * numerator // denominator))
                        return matches, FUNDS
                cost = take * ticks * numerator // denominator
                matches.append((resting, take, cost))
                if funds is not None:
                    funds -= cost
                if lots is not None:
                    lots -= take
                    if not lots:
                        return matches, FILLED
        return matches, END
