"""Shows that what a grid asks for is what is lost at the worst of its prices with whatever could be held, found by
trying everything in fractions: never less than the least, never less with more orders, rounded up, and nothing for what
offsets each other whole."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.domain.margin.portfolio import Grid, Leg, loss, requirement, rounded_up

VALUES = st.integers(-(10**30), 10**30)
LEGS = st.lists(
    st.tuples(st.booleans(), st.tuples(VALUES, VALUES).map(sorted)).map(lambda each: Leg(each[0], *each[1])), max_size=4
)
DOWN, UP = st.integers(-999_999, -1), st.integers(1, 3_000_000)
GRIDS = st.builds(
    lambda down, up, least, more: Grid(
        moves_ppm=(*sorted(set(down)), *sorted(set(up))), least_ppm=least, initial_ppm=1_000_000 + more
    ),
    st.lists(DOWN, min_size=1, max_size=3), st.lists(UP, min_size=1, max_size=3), st.integers(0, 1_000_000),
    st.integers(0, 1_000_000),
)  # fmt: skip


def profit(leg: Leg, value: int, *, move: int) -> Fraction:
    """Of so many units of value bought at a price of 1: what they are worth at the price after the move. Of an inverse
    contract so many contracts, each worth 1 / price, and more worth is a loss."""
    price = 1 + Fraction(move, 10**6)
    return value - value / price if leg.inverse else value * price - value


def by_trial(legs: list[Leg], grid: Grid) -> Fraction:
    """The most that could be lost, whichever of the orders are filled; and the least for the most that could be."""
    filled = list(product(*((leg.low, (leg.low + leg.high) // 2, leg.high) for leg in legs)))
    lost = [
        -sum(profit(leg, value, move=move) for leg, value in zip(legs, held, strict=True))
        for move in grid.moves_ppm
        for held in filled
    ]
    most = max(sum(map(abs, held)) for held in filled)
    return max(*lost, Fraction(most * grid.least_ppm, 10**6))


@given(legs=LEGS, grid=GRIDS)
def test_it_is_the_worst_that_could_happen(legs: list[Leg], grid: Grid) -> None:
    assert requirement(legs, grid=grid) == by_trial(legs, grid)


@given(legs=LEGS.filter(bool), grid=GRIDS, more=st.integers(0, 10**30), buys=st.booleans())
def test_more_orders_never_need_less(legs: list[Leg], grid: Grid, more: int, buys: bool) -> None:
    first = legs[0]
    wider = first._replace(high=first.high + more) if buys else first._replace(low=first.low - more)
    assert requirement([wider, *legs[1:]], grid=grid) >= requirement(legs, grid=grid)


@given(value=VALUES, grid=GRIDS, inverse=st.booleans())
def test_what_offsets_each_other_whole_needs_the_least_alone(value: int, grid: Grid, inverse: bool) -> None:
    legs = [Leg(inverse, value, value), Leg(inverse, -value, -value)]
    assert all(loss(legs, move_ppm=move) == 0 for move in grid.moves_ppm)
    assert requirement(legs, grid=grid) == Fraction(2 * abs(value) * grid.least_ppm, 10**6)


def test_by_hand() -> None:
    """1,000 long of a linear contract, 600 short of another, 10 % each way: 40 lost where the price falls. An order
    that buys 500 more of the first: 90. One that sells 200 of the second: 60 - 20 is less where it rises."""
    grid = Grid(moves_ppm=(-100_000, 100_000), least_ppm=10_000, initial_ppm=1_500_000)
    long, short = Leg(False, 1_000, 1_000), Leg(False, -600, -600)
    assert requirement([long, short], grid=grid) == 40
    assert requirement([long._replace(high=1_500), short], grid=grid) == 90
    assert requirement([long, short._replace(low=-800)], grid=grid) == 40
    assert requirement([long._replace(low=0), short], grid=grid) == 60  # all of the first may be sold
    inverse = Leg(True, 990, 990)
    assert requirement([inverse], grid=grid) == 110  # 990 / 0.9 is 1,100
    assert requirement([Leg(True, -990, -990)], grid=grid) == 90  # 990 / 1.1 is 900


def test_the_worst_price_may_lie_between_the_ends() -> None:
    """A linear one gains with the price, an inverse one less and less: short of the second it bends."""
    grid = Grid(moves_ppm=(-1, 100_000, 200_000), least_ppm=0)
    legs = [Leg(False, 826, 826), Leg(True, -1_000, -1_000)]
    losses = [loss(legs, move_ppm=move) for move in grid.moves_ppm]
    assert requirement(legs, grid=grid) == losses[1] > losses[2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"moves_ppm": ()}, {"moves_ppm": (-1,)}, {"moves_ppm": (1, 2)}, {"moves_ppm": (-1, 0, 1)},
        {"moves_ppm": (1, -1)}, {"moves_ppm": (-1, 1, 1)}, {"moves_ppm": (-1_000_000, 1)}, {"least_ppm": -1},
        {"least_ppm": 1_000_001}, {"initial_ppm": 999_999},
    ],
)  # fmt: skip
def test_what_is_no_grid_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="grid"):
        Grid(**wrong)  # type: ignore[arg-type]


def test_it_is_rounded_up() -> None:
    assert [rounded_up(Fraction(each, 3), quantum=100) for each in (0, 1, 300, 301)] == [0, 100, 100, 200]
