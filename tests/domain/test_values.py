"""Shows the one gate of numbers and times: every text that is a number is that number exactly, every other is refused
by name; a time is the instant that its text says; and the quantum of a double hides no less than a double does."""

from __future__ import annotations

import random
import struct
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.domain.values import EXACT, Malformed, add, canonical, decimal, float_quantum, format_time, parse_time

LARGEST = "9" * 39 + "." + "9" * 36
AMOUNTS = st.from_regex(r"-?(0|[1-9][0-9]{0,38})(\.[0-9]{1,36})?", fullmatch=True)


@given(AMOUNTS)
def test_a_number_is_its_text_exactly(text: str) -> None:
    amount = decimal(text)
    assert Fraction(amount) == Fraction(text)
    assert decimal(canonical(amount)) == amount
    assert str(decimal(canonical(amount))) == str(amount), "equal amounts are one value, digit for digit"


@given(AMOUNTS, st.integers(-99, 99))
def test_an_exponent_is_another_spelling_and_no_way_around_the_limits(text: str, power: int) -> None:
    spelled = f"{text}e{power}"
    value = Fraction(text) * Fraction(10) ** power
    fits = abs(value) < 10**39 and (value * 10**36).denominator == 1
    if fits and len(spelled) <= 80:
        assert Fraction(decimal(spelled)) == value
    else:
        with pytest.raises(Malformed, match="39 digits before and 36 behind"):
            decimal(spelled)


@pytest.mark.parametrize(
    "text",
    [
        "", " 1", "1 ", "+1", "01", "1.", ".5", "1_000", "NaN", "Infinity", "-inf", "0x10", "1,5", "\u0661", "\uff11",
        "--1", "1e", "1e100", "1e99", "1e39", "12e-99", "1e-37", "1" * 40, "0." + "0" * 36 + "1", "true", "null", "1\n",
    ],
)  # fmt: skip
def test_what_is_no_such_number_is_refused_and_named(text: str) -> None:
    with pytest.raises(Malformed, match="the_field"):
        decimal(text, "the_field")


def test_ten_of_the_largest_amounts_are_added_exactly() -> None:
    total = add([decimal(LARGEST)] * 10)
    assert Fraction(total) == 10 * Fraction(LARGEST)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00:00.123456789+01:30", "2026-01-31T10:30:00.123456789Z"),
        ("2026-01-31t12:00:00-0530", "2026-01-31T17:30:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),  # a leap second that was
    ],
)
def test_a_time_is_the_instant_that_its_text_says(text: str, instant: str) -> None:
    assert format_time(parse_time(text)) == instant


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z", "2026-01-01T00:00:75Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00:00", "1999-01-01T00:00:00Z", "3001-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_a_time_that_does_not_exist_is_refused_rather_than_moved(text: str) -> None:
    with pytest.raises(Malformed, match="when"):
        parse_time(text, "when")


def neighbours_apart(double: float) -> Fraction:
    """One unit in the last place of a double, from its bits."""
    (bits,) = struct.unpack(">q", struct.pack(">d", abs(double)))
    (above,) = struct.unpack(">d", struct.pack(">q", bits + 1))
    return Fraction(above) - Fraction(abs(double))


def test_the_quantum_covers_what_a_double_hides_and_little_more() -> None:
    """An exact amount becomes a double, and that its shortest text: the amount lies within a quantum of the text."""
    chance, farthest = random.Random(5), Fraction(0)
    for _ in range(20_000):
        exact = Decimal(chance.randrange(1, 10**24)).scaleb(-chance.randrange(0, 22), EXACT)
        printed = decimal(repr(float(exact)))
        quantum, unit = Fraction(float_quantum(printed)), neighbours_apart(float(exact))
        off = abs(Fraction(exact) - Fraction(printed))
        assert off <= quantum
        assert unit <= quantum <= 4 * unit, "one unit, at most twice that by its mantissa, rounded up to one digit"
        farthest = max(farthest, off / unit)
    assert farthest > Fraction(1, 2), "half a unit would not have been enough"


def test_sums_that_three_doubles_print_tie_within_their_quanta() -> None:
    """Found on a wire: before + amount = after in exact numbers, printed as doubles."""
    before, amount, after = (decimal(each) for each in ("2325.959083333333", "107.61323533333334", "2433.572318666667"))
    off = EXACT.subtract(add([before, amount]), after).copy_abs()
    allowed = add(map(float_quantum, (before, amount, after)))
    assert off <= allowed
    assert 2 * off > allowed, "half the quanta would call this a break"


def test_nothing_is_hidden_of_nothing() -> None:
    assert float_quantum(Decimal(0)) == 0
    assert all(float_quantum(Decimal(text)) > 0 for text in ("1", "-1", "1e-30", "-1e-30"))
