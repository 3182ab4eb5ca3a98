"""Single members of Kraken Futures' answers, as our values: times, amounts, and what has no word of ours. It decides
what may be missing; which member means what stands in ``read.py`` and its neighbours. Its twin is ``written.py``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Raw

from nostro.domain.values import ABSENT, EXACT, Malformed, canonical, exact, exact_or_none, in_range, parse_time

MILLISECOND_NS = 1_000_000


def moment(milliseconds: Raw, field: str) -> int:
    """A time in milliseconds, a number or a text."""
    found = exact(milliseconds, field)
    ns = EXACT.multiply(found, Decimal(MILLISECOND_NS))
    if ns != ns.to_integral_value():
        raise Malformed(field, canonical(found), "a time in milliseconds")
    return in_range(int(ns), field)


def moment_or_none(milliseconds: Raw, field: str) -> int | None:
    return moment(milliseconds, field) if exact_or_none(milliseconds, field) else None


def time(text: Any, field: str) -> int | None:
    """A time in ISO 8601 that may be missing, null or empty."""
    return parse_time(text, field) if isinstance(text, str) and text else None


def price(number: Raw, field: str) -> Decimal | None:
    """A price where 0 stands for none."""
    return exact_or_none(number, field) or None


def less(amount: Decimal, *parts: Decimal) -> Decimal:
    """What is left of an amount, in its one form: equal facts are equal bytes."""
    for part in parts:
        amount = EXACT.subtract(amount, part)
    return Decimal(canonical(amount))


def total(*amounts: Decimal) -> Decimal:
    result = amounts[0]
    for amount in amounts[1:]:
        result = EXACT.add(result, amount)
    return Decimal(canonical(result))


def optional(text: Any) -> str | None:
    """A text that may be missing: absent, null or empty."""
    return text if isinstance(text, str) and text else None


def true(said: object) -> str | None:
    """For what is worth telling where it is so."""
    return "true" if said is True else None


def extra(**members: object) -> dict[str, str]:
    """Members without a word of ours, as text; what is missing is left out."""
    shown: dict[str, str] = {}
    for name, member in members.items():
        value = _text(member) if isinstance(member, Raw) else member
        if isinstance(value, str | int) and value != "":
            shown[name] = str(value)
    return shown


def _text(number: Raw) -> str | None:
    return None if number is ABSENT or bytes(number) in (b"null", b'""') else bytes(number).decode().strip('"')
