"""A contract in the engine: its numbers, its prices, and what its positions need. It decides values, tiers and bands,
all in whole units, lots and ticks; whose position it is, and what follows, is for ``positions.py`` and
``collateral.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from nostro.paper.venue.book import Market, Stops
from nostro.paper.venue.listing import LEVERAGE_DIGITS, PPM
from nostro.paper.venue.numbers import at_least, at_most
from nostro.paper.venue.wallets import COLLATERAL_FROM, PURSE_FROM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nostro.link.commands import PositionSide, Trigger
    from nostro.link.view import VenueInstrument
    from nostro.paper.venue.book import Order
    from nostro.paper.venue.index import Index
    from nostro.paper.venue.positions import Position

BOTH: Final = 0
LONG: Final = 1
SHORT: Final = 2
SIDES: Final[tuple[PositionSide, ...]] = ("both", "long", "short")

SIZE_MAX: Final = 10**18  # lots of a position where its contract names no fewer
RATE_DIGITS: Final = 9  # of a funding rate
RATE_SCALE: Final = 10**RATE_DIGITS
LEVERAGE_SCALE: Final = 10**LEVERAGE_DIGITS


class Tier(NamedTuple):
    """``up_to`` in settle units, None for no end; ``leverage_max`` in hundredths."""

    up_to: int | None
    initial_ppm: int
    maintenance_ppm: int
    leverage_max: int


class Contract(Market):
    """``base`` and ``quote`` are both the settle asset: what is paid and received. ``mark`` in ticks, ``rate`` of
    funding in parts per 10^9. ``holders``: every position that is not 0, by (user id, side). ``place``: the collateral
    wallet that backs it. ``underlying``: what its price is the price of."""

    __slots__ = (
        "_index", "_pair", "band_ppm", "direction", "holders", "interval_ns", "inverse", "mark", "orders_max", "place",
        "position_max", "rate", "tiers", "underlying", "value_least",
    )  # fmt: skip

    def __init__(
        self, instrument: VenueInstrument, *, assets: Mapping[str, int], digits: Mapping[str, int], index: Index,
        place: int, mark: int,
    ) -> None:  # fmt: skip
        super().__init__(instrument, assets=assets, digits=digits)
        self.stops = {"last": Stops(), "mark": Stops(), "index": Stops()}
        self.underlying = instrument.base
        self.inverse = instrument.kind == "inverse"
        self.direction = -1 if self.inverse else 1
        self.place = place
        self.mark = mark
        self.rate = 0
        self.value_least = at_least(instrument.value_min, self.quote_digits)
        self.band_ppm = instrument.band_ppm
        self.orders_max = instrument.orders_max
        most = instrument.position_max
        self.position_max = SIZE_MAX if most is None else min(SIZE_MAX, at_most(most, instrument.amount_digits))
        self.interval_ns = instrument.funding_interval_s * 10**9
        self.tiers = tuple(
            Tier(
                None if tier.up_to is None else at_most(tier.up_to, self.quote_digits),
                tier.initial_ppm,
                tier.maintenance_ppm,
                at_most(tier.leverage_max, LEVERAGE_DIGITS),
            )
            for tier in instrument.tiers
        )
        self._index = index
        self._pair = (assets.get(instrument.base), assets.get(instrument.quote))
        self.holders: dict[tuple[int, int], Position] = {}

    def _scale(self, instrument: VenueInstrument, assets: Mapping[str, int], digits: Mapping[str, int]) -> None:
        self.base = self.quote = assets[instrument.settle]
        self.base_digits = self.quote_digits = digits[instrument.settle]
        price_digits = instrument.price_digits * (-1 if instrument.kind == "inverse" else 1)
        scale = self.quote_digits - instrument.amount_digits - price_digits
        above, below = instrument.multiplier.as_integer_ratio()
        above, below = above * 10 ** max(scale, 0), below * 10 ** max(-scale, 0)
        self.lot = 0
        self.numerator, self.denominator = (above, below) if instrument.kind == "inverse" else (above // below, 1)
        self.value_min = self.quote_min = 0

    def value(self, lots: int, price: int) -> int:
        """Of signed lots at a price, in signed settle units."""
        if self.inverse:
            return half_even(lots * self.numerator, price * self.denominator)
        return lots * price * self.numerator

    def loss(self, lots: int, price: int, *, buy: bool) -> int:
        """What an order of so many lots would lose at the mark by trading at its price; 0 where it would win."""
        mark = self.mark
        if (price <= mark) if buy else (price >= mark):
            return 0
        return abs(self.value(lots, price) - self.value(lots, mark))

    def limit(self, *, buy: bool) -> int:
        """Up to which price somebody may buy, or down to which sell."""
        if buy:
            return self.mark * (PPM + self.band_ppm) // PPM
        return -(-self.mark * (PPM - self.band_ppm) // PPM)

    def tier(self, value: int) -> Tier:
        """Of a position worth so much, without its sign."""
        for tier in self.tiers:
            if tier.up_to is None or value <= tier.up_to:
                return tier
        raise AssertionError("the profile let tiers pass that end")

    def initial(self, lots: int, leverage: int | None) -> int:
        """The initial margin of so many lots at the mark. ``leverage`` in hundredths."""
        value = self.value(lots, self.mark)
        margin = -(-value * self.tier(value).initial_ppm // PPM)
        return margin if leverage is None else max(margin, -(-value * LEVERAGE_SCALE // leverage))

    def maintenance(self, lots: int) -> int:
        value = self.value(lots, self.mark)
        return -(-value * self.tier(value).maintenance_ppm // PPM)

    @property
    def index(self) -> int:
        """The index price, in ticks."""
        base, quote = self._pair
        if base is None or quote is None:
            return self.mark
        prices = self._index.prices
        return half_even(prices[base] * 10**self.price_digits, prices[quote])

    def indexed_by(self, asset: int) -> bool:
        """Whether the index price of that asset is part of this contract's."""
        return None not in self._pair and asset in self._pair

    def price_of(self, trigger: Trigger) -> int | None:
        """The price that a stop waits for, None where there is none yet."""
        if trigger == "last":
            return self.last
        return self.mark if trigger == "mark" else self.index

    def purse(self, side: int) -> int:
        """The place of the purse of a position on that side."""
        return PURSE_FROM + 2 * self.id + (side == SHORT)


def half_even(above: int, below: int) -> int:
    """A quotient as a whole number, rounded half to even; ``below`` positive."""
    whole, rest = divmod(above, below)
    twice = 2 * rest
    return whole + (twice > below or (twice == below and whole & 1))


def places(instruments: tuple[VenueInstrument, ...]) -> dict[str, int]:
    """The places of the collateral wallets that contracts name."""
    found: dict[str, int] = {}
    for each in sorted(instruments, key=lambda instrument: instrument.id):
        if each.settle and ":" in each.wallet:
            found.setdefault(each.wallet, COLLATERAL_FROM + each.id)
    return found


def limit_of(order: Order) -> int | None:
    """The price up to which an order walks: its own; of a market order of a contract the band; None for any."""
    if order.price is not None or order.position is None:
        return order.price
    return order.position.contract.limit(buy=order.buy)
