"""Shows that a tolerance is the sum of the quanta of the terms and nothing else: what a printing may hide always
ties, what it cannot hide never does, and what cannot be computed is neither."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.domain import ties
from nostro.domain.margin.collateral import available, converted
from nostro.domain.margin.profit import inverse_pnl, linear_pnl
from nostro.domain.ties import Printed, Quantum, Tie, compare, hidden
from nostro.domain.values import EXACT, add

PRICES = st.decimals(Decimal("0.01"), Decimal(200_000), places=9)
SIZES = st.decimals(Decimal("0.001"), Decimal(10_000), places=3)
AMOUNTS = st.decimals(Decimal(-1_000_000), Decimal(1_000_000), places=8)


def printed(amount: Decimal, quantum: Quantum = "exact") -> Printed:
    return Printed(amount, (hidden(amount, quantum),))


def measure(reported: Printed, formula: Any, **terms: Any) -> Tie:
    return compare(reported, figure="it", called="a formula", formula=formula, terms=terms)


def double(amount: Fraction) -> Decimal:
    """The text of an amount that went through a double."""
    return EXACT.create_decimal(repr(float(amount)))


@given(size=SIZES, entry=PRICES, price=PRICES, digits=st.integers(0, 8))
def test_what_is_cut_ties_and_what_is_a_unit_more_does_not(
    size: Decimal, entry: Decimal, price: Decimal, digits: int
) -> None:
    exact = linear_pnl(size=size, entry_price=entry, price=price)
    cut = exact.quantize(Decimal(1).scaleb(-digits), rounding="ROUND_DOWN", context=ties_context())
    terms = {"size": printed(size), "entry_price": printed(entry), "price": printed(price)}
    tie = measure(printed(cut, digits), linear_pnl, **terms)
    assert tie.outcome == ("ties" if cut == exact else "ties within its quanta")
    unit = Decimal(1).scaleb(-digits)
    beyond = EXACT.add(EXACT.add(exact, unit), Decimal("1e-20"))
    assert measure(printed(beyond, digits), linear_pnl, **terms).outcome == "does not tie"
    assert measure(printed(EXACT.add(exact, Decimal("1e-20"))), linear_pnl, **terms).outcome == "does not tie"


def ties_context() -> Any:
    context = EXACT.copy()
    context.clear_traps()
    return context


@given(equity=AMOUNTS, needed=AMOUNTS, orders=AMOUNTS)
def test_what_doubles_hide_of_a_sum_ties(equity: Decimal, needed: Decimal, orders: Decimal) -> None:
    """Each term and the result go through a double of their own, as on a wire that prints doubles."""
    exact = Fraction(equity) - Fraction(needed) - Fraction(orders)
    texts = [double(Fraction(amount)) for amount in (equity, needed, orders)]
    terms = dict(
        zip(("equity", "initial_margin", "order_margin"), (printed(each, "double") for each in texts), strict=True)
    )
    reported = double(exact)
    tie = measure(printed(reported, "double"), available, **terms)
    assert tie.outcome in ("ties", "ties within its quanta")
    allowed = sum((Fraction(hidden(text, "double")) for text in (reported, *texts)), Fraction(0))
    assert Fraction(tie.tolerance) <= allowed, "never more than the quanta"
    wrong = EXACT.add(reported, Decimal("0.000001"))  # a hundred times what doubles hide of a million
    off = measure(printed(wrong, "double"), available, **terms)
    assert off.outcome == "does not tie"
    assert Fraction(off.tolerance) <= allowed + Fraction(hidden(wrong, "double"))


@given(size=SIZES, entry=PRICES, price=PRICES)
def test_what_doubles_hide_of_an_inverse_profit_ties(size: Decimal, entry: Decimal, price: Decimal) -> None:
    """As an exchange computes it in doubles: the difference of two small quotients, most of whose digits cancel."""
    computed = (1 / float(entry) - 1 / float(price)) * float(size)
    texts = {"size": size, "entry_price": entry, "price": price}
    terms = {name: printed(double(Fraction(amount)), "double") for name, amount in texts.items()}
    tie = measure(printed(double(Fraction(computed)), "double"), inverse_pnl, **terms)
    assert tie.outcome in ("ties", "ties within its quanta")


def test_every_term_of_many_has_its_own_quantum() -> None:
    amounts = (Decimal("1.5"), Decimal("-2.25"), Decimal(0))
    many = Printed(amounts, tuple(hidden(each, 2) for each in amounts))
    prices = Printed((Decimal(2), Decimal(3), Decimal(4)), (Decimal(0),) * 3)
    settle = printed(Decimal(1))
    exact = converted(amounts=amounts, index_prices=(Decimal(2), Decimal(3), Decimal(4)), settle_index_price=Decimal(1))
    assert exact is not None
    terms = {"amounts": many, "index_prices": prices, "settle_index_price": settle}
    allowed = Decimal("0.09")  # 0.01 each, times its price
    assert measure(printed(EXACT.add(exact, allowed)), converted, **terms).outcome == "ties within its quanta"
    tie = measure(printed(EXACT.add(exact, Decimal("0.0900001"))), converted, **terms)
    assert (tie.outcome, tie.tolerance) == ("does not tie", allowed)


def test_a_term_counts_as_far_as_it_moves_the_result_most() -> None:
    """100 / 10 with a unit of 1 in the 10: down to 9 moves it by 1.11, up to 11 by 0.91."""
    terms = {"size": printed(Decimal(100)), "entry_price": printed(Decimal(10), 0), "price": printed(Decimal(20))}
    exact = inverse_pnl(size=Decimal(100), entry_price=Decimal(10), price=Decimal(20))
    assert exact == 5
    most = Fraction(100, 9) - 10
    tie = measure(printed(Decimal("6.111")), inverse_pnl, **terms)
    assert tie.outcome == "ties within its quanta" and abs(Fraction(tie.tolerance) - most) < Fraction(1, 10**30)
    assert measure(printed(Decimal("6.112")), inverse_pnl, **terms).outcome == "does not tie"


def test_what_cannot_be_computed_is_unchecked_with_its_reason() -> None:
    zero, five = printed(Decimal(0)), printed(Decimal(5))
    gone = measure(five, inverse_pnl, size=five, entry_price=zero, price=five)
    assert (gone.outcome, gone.cause, gone.computed) == ("unchecked", ties.UNDEFINED, None)
    for text in ("1", "0.5", "-0.5"):
        doubtful = measure(five, inverse_pnl, size=five, entry_price=printed(Decimal(text), 0), price=five)
        assert (doubtful.outcome, doubtful.cause) == ("unchecked", ties.MAY_BE_ZERO)
    assert (
        measure(five, inverse_pnl, size=five, entry_price=printed(Decimal(2), 0), price=five).outcome == "does not tie"
    )
    long = printed(Decimal("1234567890123456789012345678901234567.123456789012345678901234567890123456"))
    assert measure(five, linear_pnl, size=long, entry_price=five, price=long).cause == ties.TOO_LONG


def test_equal_is_equal_and_needs_no_quantum() -> None:
    terms = Printed((Decimal("0.1"), Decimal("0.2")), (Decimal(1), Decimal(1)))
    tie = measure(printed(Decimal("0.30"), 4), add, amounts=terms)
    assert (tie.outcome, tie.difference, tie.tolerance) == ("ties", 0, 0)


@pytest.mark.parametrize(
    ("amount", "quantum", "units"),
    [("5", "exact", "0"), ("5", 6, "0.000001"), ("5", 0, "1"), ("0", "double", "0"), ("0", 2, "0.01")],
)
def test_what_a_printing_hides(amount: str, quantum: Quantum, units: str) -> None:
    assert hidden(Decimal(amount), quantum) == Decimal(units)
