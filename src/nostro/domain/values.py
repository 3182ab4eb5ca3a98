"""Exact decimals, quanta, times and symbols: the one gate through which every number and time enters.

It decides which texts are numbers and times, and how they are written again; it does not decide what they
mean (``records.py``). No float passes here: a JSON number is taken from its own text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from functools import lru_cache
from typing import Final

from msgspec import Raw

from nostro import limits

# 76 digits hold the product of any two amounts of 38 digits; what does not fit raises, it is never rounded.
EXACT: Final = Context(prec=limits.DECIMAL_DIGITS, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])
# For divisions alone, which then name their digits and how they round; and for quanta: one digit, rounded up.
_ONE_DIGIT_UP: Final = Context(prec=1, rounding="ROUND_UP", traps=[])
_ROUGH: Final = Context(prec=limits.DECIMAL_DIGITS, traps=[InvalidOperation, DivisionByZero, Overflow])
ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
ABSENT: Final = Raw()  # a JSON number that is not there; msgspec omits a default only if it is the very same object
# *Ours*: JSON's form of a number, with at most 39 digits before and 36 behind the point, its exponent written out.
_AMOUNT: Final = re.compile(r"-?(0|[1-9][0-9]{0,38})(\.[0-9]{1,36})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_A_DECIMAL: Final = "a decimal number of at most 39 digits before and 36 behind the point"
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):?(\d\d))", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
EARLIEST_NS: Final = 1_230_768_000 * SECOND_NS  # 2009-01-01: before the first bitcoin nothing happened
LATEST_NS: Final = 32_503_680_000 * SECOND_NS  # 3000-01-01: where "never expires" is written as a time
SANE_YEARS: Final = "a time between 2009 and 3000"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Malformed(ValueError):
    """A text is not of the form expected. ``field`` names it; the message shows the text, cut to a line."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        shown = ascii(value)
        shown = shown if len(shown) <= limits.SHOWN_CHARACTERS else shown[: limits.SHOWN_CHARACTERS] + "…"
        super().__init__(f"{field or 'value'} is {shown}, expected {expected}")
        self.field = field
        self.expected = expected


def decimal(text: str, field: str = "") -> Decimal:
    """The number that ``text`` writes, exactly. Raises `Malformed` for all but JSON's number form, at most 80
    characters: no NaN, infinity, blank, underscore, plus sign, leading zero or non-ASCII digit."""
    try:
        return _decimal(text)
    except Malformed as error:
        raise Malformed(field, text, error.expected) from None


@lru_cache(maxsize=limits.VALUES_REMEMBERED)
def _decimal(text: str) -> Decimal:
    if len(text) > limits.AMOUNT_CHARACTERS or _AMOUNT.fullmatch(text) is None:
        raise Malformed("", text, _A_DECIMAL)
    amount = EXACT.create_decimal(text)
    if amount and text[-1] != "0" and "e" not in text and "E" not in text:
        return amount
    plain = canonical(amount)
    if _AMOUNT.fullmatch(plain) is None:  # its exponent carried it beyond what can be added exactly
        raise Malformed("", text, _A_DECIMAL)
    return Decimal(plain)


def exact(number: Raw, field: str = "") -> Decimal:
    """The number in a JSON number or numeric string, kept as its own bytes until here."""
    try:
        return _exact(bytes(number))
    except Malformed as error:
        text = bytes(number).decode("utf-8", "replace")
        raise Malformed(field, text[1:-1] if text[:1] == '"' else text, error.expected) from None


@lru_cache(maxsize=limits.VALUES_REMEMBERED)
def _exact(number: bytes) -> Decimal:
    text = number.decode("utf-8", "replace")
    return _decimal.__wrapped__(text[1:-1] if text[:1] == '"' else text)


def exact_or_none(number: Raw, field: str = "") -> Decimal | None:
    """As `exact`; None where the member is absent, null or an empty string."""
    return None if bytes(number) in (b"", b"null", b'""') else exact(number, field)


def number(amount: Decimal) -> Raw:
    """The JSON number for ``amount``: plain digits, never an exponent."""
    return Raw(canonical(amount).encode())


def number_or_absent(amount: Decimal | None) -> Raw:
    """As `number`; `ABSENT` for None, which a message with `ABSENT` as its default leaves out."""
    return ABSENT if amount is None else number(amount)


def canonical(amount: Decimal) -> str:
    """The one text of an amount: no exponent, no trailing zeros, no minus zero. Equal amounts, equal texts."""
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def add(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum. Raises `decimal.Inexact` where 76 digits do not hold it."""
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def product(factors: Iterable[Decimal]) -> Decimal:
    """The exact product. Raises `decimal.Inexact` where 76 digits do not hold it."""
    result = ONE
    for factor in factors:
        result = EXACT.multiply(result, factor)
    return result


def quotient(amount: Decimal, by: Decimal, *, digits: int, rounding: str) -> Decimal:
    """``amount`` divided by ``by``, to so many decimals, in the mode that `decimal` calls ``rounding``. In its one
    form: equal numbers, equal values."""
    divided = _ROUGH.divide(amount, by).quantize(Decimal(1).scaleb(-digits), rounding=rounding, context=_ROUGH)
    return Decimal(canonical(divided))


def float_quantum(printed: Decimal) -> Decimal:
    """What a wire that prints doubles may have hidden of ``printed``: one unit in the last place of its double, rounded
    up to one digit. Units of ``printed``, positive; 0 for 0. (docs/decisions/0005: half a unit is lost where the amount
    becomes a double, and up to half a unit where that double becomes its shortest text.)"""
    if not printed:
        return ZERO
    # 2^52 <= mantissa < 2^53: one unit is at most |x| / 2^52 and more than |x| / 2^53.
    return _ROUGH.divide(printed.copy_abs(), Decimal(2**52)).normalize(_ONE_DIGIT_UP)


def truncation_quantum(digits: int) -> Decimal:
    """One unit of the last digit of a text that is cut after ``digits`` decimals."""
    return Decimal(1).scaleb(-digits)


def parse_time(text: str, field: str = "") -> int:
    """Nanoseconds since 1970 UTC of an RFC 3339 time with ``Z`` or an offset and at most nine decimals; a leap second,
    60, is the second after it. Raises `Malformed`."""
    try:
        return _time(text)
    except Malformed as error:
        raise Malformed(field, text, error.expected) from None


@lru_cache(maxsize=limits.VALUES_REMEMBERED)
def _time(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise Malformed("", text, "an RFC 3339 time like 2026-01-31T12:00:00Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, _, sign, off_hours, off_minutes = match.groups()[6:]
    try:
        moment = datetime(year, month, day, hour, minute, 59 if second == 60 else second, tzinfo=UTC)
        if sign:
            time(int(off_hours), int(off_minutes))
    except ValueError:
        raise Malformed("", text, "a time that exists") from None
    whole_s = (moment - _EPOCH) // timedelta(seconds=1) + (1 if second == 60 else 0)
    if sign:
        whole_s -= (1 if sign == "+" else -1) * (int(off_hours) * 3600 + int(off_minutes) * 60)
    time_ns = whole_s * SECOND_NS + int((fraction or "0").ljust(9, "0"))
    if not EARLIEST_NS <= time_ns <= LATEST_NS:
        raise Malformed("", text, SANE_YEARS)
    return time_ns


def parse_moment(text: str, field: str = "") -> int:
    """As `parse_time`; a date alone is 00:00 UTC of that day. What people type after ``--as-of``."""
    return parse_time(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text, field)


def seconds_to_ns(seconds: Decimal, field: str = "") -> int:
    """Nanoseconds of a Unix time in seconds, exactly; digits beyond nine decimals raise `Malformed`."""
    ns = EXACT.multiply(seconds, Decimal(SECOND_NS))
    if ns != ns.to_integral_value():
        raise Malformed(field, canonical(seconds), "a Unix time in seconds with at most nine decimals")
    return in_range(int(ns), field)


def in_range(time_ns: int, field: str = "") -> int:
    """The same time, between the years 2009 and 3000: outside them a unit was misread."""
    if not EARLIEST_NS <= time_ns <= LATEST_NS:
        raise Malformed(field, time_ns, SANE_YEARS)
    return time_ns


def format_time(time_ns: int, digits: int | None = None) -> str:
    """RFC 3339 in UTC with ``Z``: ``digits`` decimals (cut, not rounded), or as few as say it exactly."""
    whole_s, fraction_ns = divmod(time_ns, SECOND_NS)
    text = (_EPOCH + timedelta(seconds=whole_s)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{fraction_ns:09d}"
    fraction = fraction.rstrip("0") if digits is None else fraction[:digits]
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


class Unknown(str):
    """A token of the wire that no alias set knows, kept as it came. It compares equal to nothing we know."""

    __slots__ = ()


def token(aliases: Mapping[str, str], raw: str) -> str:
    """Our word for the wire's ``raw``, or `Unknown` (never an exception, never a drop)."""
    word = aliases.get(raw)
    return Unknown(f"unknown:{raw}") if word is None else word


def symbol(base: str, quote: str) -> str:
    """Our name of a spot instrument, ``BTC/USDT``."""
    return f"{base}/{quote}"
