"""Portfolio margin as docs/contracts.md words it: which cross keys of `futures` offset each other, what they lose on
the grid, and what is required for it. It decides no refusal and liquidates nothing.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from naive.perpetual import MILLION, Perpetual
from nostro.link.commands import FUTURES, PositionSide

if TYPE_CHECKING:
    from naive.collateral import Collateral, Wish

Key = tuple[Perpetual, PositionSide]


class Portfolio:
    def __init__(self, collateral: Collateral) -> None:
        self.collateral = collateral
        self.market = collateral.market
        profile = collateral.profile
        self.moves_ppm, self.least_ppm, self.initial_ppm = profile.grid
        self.digits = next(one.digits for one in profile.assets if one.code == profile.quote_asset)

    def backs(self, user: int, wallet: str) -> bool:
        """Whether the cross keys of a wallet are margined on the grid."""
        return wallet == FUTURES and self.market.users[user - 1].portfolio

    def keys(self, user: int) -> dict[str, list[Key]]:
        """The cross keys that `futures` backs, by underlying."""
        found: dict[str, list[Key]] = {}
        for perpetual in self.collateral.of_wallet(FUTURES):
            if not self.collateral.positions.isolated(user, perpetual):
                underlying = found.setdefault(perpetual.instrument.base, [])
                underlying += [(perpetual, side) for side in self.collateral.positions.sides]
        return found

    def ends(self, user: int, key: Key, *, orders: bool, wish: Wish | None) -> tuple[int, int]:
        """The values of the least and of the most that could be held, in settle units."""
        perpetual, side = key
        low = high = self.collateral.positions.of(user, perpetual, side).size
        if orders:
            meant = wish is not None and (wish.perpetual.id, wish.side) == (perpetual.id, side)
            for order in self.collateral.visible(user, perpetual, side):
                if wish is None or not meant or order is not wish.without:
                    lots = perpetual.lots(order.rest)
                    low, high = (low, high + lots) if order.asked.side == "buy" else (low - lots, high)
            if wish is not None and meant:
                low, high = low - wish.sells, high + wish.buys
        mark = self.collateral.marks[perpetual.symbol]
        return perpetual.value(low, mark), perpetual.value(high, mark)

    def gain(self, perpetual: Perpetual, value: int, move: int) -> Fraction:
        """In the quote asset of index prices."""
        below = MILLION + move if perpetual.inverse else MILLION
        return Fraction(value * move, below) * self.unit(perpetual)

    def unit(self, perpetual: Perpetual) -> Fraction:
        """What a settle unit is worth."""
        return Fraction(self.collateral.money_value(perpetual, 1))

    def requirement(self, user: int, keys: list[Key], *, orders: bool, wish: Wish | None = None) -> Fraction:
        """Of an underlying."""
        ends = [(key[0], self.ends(user, key, orders=orders, wish=wish)) for key in keys]
        losses = [
            -sum(min(self.gain(one, low, move), self.gain(one, high, move)) for one, (low, high) in ends)
            for move in self.moves_ppm
        ]
        worth = sum(max(abs(low), abs(high)) * self.unit(perpetual) for perpetual, (low, high) in ends)
        least = Fraction(self.least_ppm, MILLION) * worth
        return max(*losses, least)

    def total(self, user: int, rate: Fraction, *, orders: bool, wish: Wish | None = None) -> Decimal:
        """Of all underlyings, each rounded up."""
        units = 0
        for keys in self.keys(user).values():
            units += math.ceil(rate * self.requirement(user, keys, orders=orders, wish=wish) * 10**self.digits)
        return Decimal(units).scaleb(-self.digits)

    def maintenance(self, user: int) -> Decimal:
        return self.total(user, Fraction(1), orders=False)

    def initial(self, user: int, *, orders: bool = True, wish: Wish | None = None) -> Decimal:
        """Without the order loss."""
        return self.total(user, Fraction(self.initial_ppm, MILLION), orders=orders, wish=wish)

    def note(self, user: int) -> None:
        """Counts what the rules come to."""
        reached = self.market.ledger.reached
        for keys in self.keys(user).values():
            all_of_it = self.requirement(user, keys, orders=False)
            alone = sum(self.requirement(user, [key], orders=False) for key in keys)
            reached["grid: one offsets the other"] += all_of_it < alone
            held = [(key[0], self.ends(user, key, orders=False, wish=None)) for key in keys]
            worth = sum(abs(low) * self.unit(perpetual) for perpetual, (low, _) in held)
            reached["grid: the least"] += worth > 0 and all_of_it == Fraction(self.least_ppm, MILLION) * worth
            reached["grid: more with orders"] += all_of_it < self.requirement(user, keys, orders=True)
