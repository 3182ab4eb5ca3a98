"""Single members of ALP.COM's answers, as our values: times, prices, ids, and what has no word of ours. It decides what
may be missing; which member means what stands in ``read.py`` and ``read_margin.py``. Its twin is ``written.py``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from msgspec import Raw

from nostro.domain.values import ABSENT, EXACT, add, canonical, exact, exact_or_none, parse_time, seconds_to_ns

_NEVER: Final = re.compile(r"[3-9][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{8,18}(Z|[+-][0-9:]{4,5})", re.ASCII)


def time(text: Any, field: str) -> int | None:
    """A time that may be missing: absent, null, or empty as in the document's examples. From the year 3000 on it means
    never (the client's default for ``expire_after``)."""
    if not isinstance(text, str) or not text or _NEVER.fullmatch(text):
        return None
    return parse_time(text, field)


def moment(seconds: Raw, field: str) -> int:
    return seconds_to_ns(exact(seconds, field), field)


def price(number: Raw, field: str) -> Decimal | None:
    """A price where 0 stands for none: market orders, and markets without a trade or an order."""
    return exact_or_none(number, field) or None


def less(amount: Decimal, *parts: Decimal) -> Decimal:
    """What is left of an amount, in its one form: equal facts are equal bytes."""
    for part in parts:
        amount = EXACT.subtract(amount, part)
    return Decimal(canonical(amount))


def total(*amounts: Decimal | None) -> Decimal | None:
    """The sum, in its one form; None where an amount is not known."""
    known = [amount for amount in amounts if amount is not None]
    return Decimal(canonical(add(known))) if len(known) == len(amounts) else None


def optional(text: Any) -> str | None:
    """A text that may be missing: absent, null or empty."""
    return text if isinstance(text, str) and text else None


def ids(numbers: Any) -> tuple[str, ...]:
    """A list of ids that may be missing."""
    return tuple(str(number) for number in numbers) if isinstance(numbers, list) else ()


def extra(**members: object) -> dict[str, str]:
    """Members without a word of ours, as text; what is missing is left out."""
    shown: dict[str, str] = {}
    for name, member in members.items():
        value = _text(member) if isinstance(member, Raw) else member
        if isinstance(value, str | int) and value != "":
            shown[name] = str(value)
    return shown


def _text(number: Raw) -> str | None:
    return None if number is ABSENT or bytes(number) == b"null" else bytes(number).decode().strip('"')
