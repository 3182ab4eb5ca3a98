"""What a contract is worth, as docs/contracts.md words it: value, tier, margin of a value, band. Lots, ticks and units
are whole numbers here. It decides nothing about whose they are.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from nostro.link.contracts import VenueTier
from nostro.link.view import VenueInstrument

MILLION = 1_000_000
LOTS_MAX = 10**18  # of a position


def half_even(amount: Fraction) -> int:
    """Whole units, a half to the even side, the same below zero as above it."""
    return round(amount)


class Perpetual:
    """One contract of the venue, with the digits of what it settles in."""

    def __init__(self, instrument: VenueInstrument, settle_digits: int) -> None:
        self.instrument = instrument
        self.id = instrument.id
        self.symbol = instrument.symbol
        self.settle = instrument.settle
        self.wallet = instrument.wallet
        self.digits = settle_digits
        self.inverse = instrument.kind == "inverse"
        self.direction = -1 if self.inverse else 1
        power = settle_digits - instrument.amount_digits + instrument.price_digits * (1 if self.inverse else -1)
        self.scale = Fraction(instrument.multiplier) * Fraction(10) ** power
        # Up to how many units, and the tier.
        self.tiers: list[tuple[Fraction | None, VenueTier]] = [
            (None if tier.up_to is None else Fraction(tier.up_to) * 10**settle_digits, tier)
            for tier in instrument.tiers
        ]
        self.position_max = LOTS_MAX if instrument.position_max is None else self.lots(instrument.position_max)
        self.value_min = Fraction(instrument.value_min) * 10**settle_digits

    # ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────

    def lots(self, amount: Decimal) -> int:
        return int(amount.scaleb(self.instrument.amount_digits))

    def amount(self, lots: int) -> Decimal:
        return Decimal(lots).scaleb(-self.instrument.amount_digits)

    def ticks(self, price: Decimal) -> int:
        return int(price.scaleb(self.instrument.price_digits))

    def price(self, ticks: int) -> Decimal:
        return Decimal(ticks).scaleb(-self.instrument.price_digits)

    def money(self, units: int) -> Decimal:
        """Of the settle asset."""
        return Decimal(units).scaleb(-self.digits)

    def units(self, money: Decimal) -> int:
        return int(money.scaleb(self.digits))

    # ── value and margin ─────────────────────────────────────────────────────────────────────────────────────────

    def exact_value(self, lots: int, ticks: int) -> Fraction:
        return lots * self.scale / ticks if self.inverse else lots * self.scale * ticks

    def value(self, lots: int, ticks: int) -> int:
        """Signed as the lots are."""
        return half_even(self.exact_value(lots, ticks))

    def tier(self, value: int) -> VenueTier:
        return next(tier for up_to, tier in self.tiers if up_to is None or value <= up_to)

    def initial(self, value: int, leverage: Decimal | None) -> int:
        rate = Fraction(self.tier(value).initial_ppm, MILLION)
        if leverage is not None:
            rate = max(rate, 1 / Fraction(leverage))
        return math.ceil(value * rate)

    def maintenance(self, value: int) -> int:
        return math.ceil(value * Fraction(self.tier(value).maintenance_ppm, MILLION))

    def loss(self, lots: int, side: str, *, ticks: int, mark: int) -> int:
        """What is lost at the mark price by trading at ``ticks``; no gain counts."""
        sign = 1 if side == "buy" else -1
        return max(0, sign * self.direction * (self.value(lots, ticks) - self.value(lots, mark)))

    def bound(self, side: str, mark: int) -> int:
        """The last price, in ticks, that an order may have: the most to buy at, the least to sell at."""
        if side == "buy":
            return mark * (MILLION + self.instrument.band_ppm) // MILLION
        return -(-mark * (MILLION - self.instrument.band_ppm) // MILLION)
