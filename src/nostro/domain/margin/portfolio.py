"""What positions need that are margined together: on a grid of price moves, each of which moves every price of an
underlying at once. It decides how a grid turns values into a requirement; which positions share an underlying, what
they and their orders are worth, and in whose wallet, is for those who ask.

Exchanges say that they do this, and print what came of it; none prints its grid. The formula is *ours*, and the paper
exchange's alone: what an exchange reports of its own model is not held against it (``domain/policies``).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec

_MILLION: Final = 1_000_000


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Parts per million throughout. ``moves_ppm``: of the price, rising, above -10^6 and none 0, the first below and
    the last above 0. ``least_ppm``: of the value that could be held, the least that is required. ``initial_ppm``: of
    the requirement, the initial margin; at least 10^6. Raises ValueError where it is none.

    Source: *ours*, the figures too."""

    moves_ppm: tuple[int, ...] = (-150_000, -100_000, -50_000, 50_000, 100_000, 150_000)
    least_ppm: int = 10_000
    initial_ppm: int = 1_250_000

    def __post_init__(self) -> None:
        moves = self.moves_ppm
        if not moves or list(moves) != sorted(set(moves)) or 0 in moves or not -_MILLION < moves[0] < 0 < moves[-1]:
            message = "the moves of a grid rise from below 0, above -10^6, to above 0, and none of them is 0"
            raise ValueError(message)
        if not 0 <= self.least_ppm <= _MILLION <= self.initial_ppm:
            message = "of a grid 0 <= least <= 10^6 <= initial, in parts per million"
            raise ValueError(message)


class Leg(NamedTuple):
    """One contract's part of an underlying. ``low, high``: the signed values, at the price of now, of the least and
    the most that could be held of it, equal where no order is open; in units of one currency for all legs."""

    inverse: bool
    low: int
    high: int


def loss(legs: Sequence[Leg], *, move_ppm: int) -> Fraction:
    """What an underlying loses if its price moves, each leg at its worse end; negative where it wins. Exact, in the
    units of the legs. The value of a linear or quanto contract grows with the price; what an inverse one gains is what
    its value falls: value - value / (1 + move).

    Source: *ours*."""
    plain = inverse = 0
    for leg in legs:
        worse = leg.low if move_ppm > 0 else leg.high
        if leg.inverse:
            inverse += worse
        else:
            plain += worse
    return Fraction(-plain * move_ppm, _MILLION) + Fraction(-inverse * move_ppm, _MILLION + move_ppm)


def requirement(legs: Sequence[Leg], *, grid: Grid) -> Fraction:
    """The largest loss of an underlying on the grid, or the least part of what could be held, whichever is more; never
    negative. Exact, in the units of the legs. Of legs as they are it is the maintenance margin; of what open orders
    could make of them, `Grid.initial_ppm` of it is the initial margin.

    Source: *ours*."""
    least = Fraction(grid.least_ppm * sum(max(abs(leg.low), abs(leg.high)) for leg in legs), _MILLION)
    return max(least, *(loss(legs, move_ppm=move) for move in grid.moves_ppm))


def rounded_up(amount: Fraction, *, quantum: int) -> int:
    """The least whole multiple of ``quantum``, in the same units, that is not below.

    Source: *ours*."""
    return -(-amount.numerator // (amount.denominator * quantum)) * quantum
