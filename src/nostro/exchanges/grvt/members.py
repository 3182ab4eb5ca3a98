"""Single members of GRVT's answers, as our values: times, amounts that may be missing, what has no word of ours. It
decides what may be missing; which member means what stands in ``read*.py``. Its twin is ``written.py``.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Raw

from nostro.domain.values import Malformed, canonical, exact_or_none, in_range
from nostro.exchanges.grvt.messages import Word


def time(raw: str | int | None, field: str) -> int | None:
    """Nanoseconds as text; None where it is absent, empty or 0."""
    text = str(raw or "")
    if text in ("", "0"):
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise Malformed(field, text, "a time in nanoseconds")
    return in_range(int(text), field)


def needed_time(raw: str | int | None, field: str) -> int:
    found = time(raw, field)
    if found is None:
        raise Malformed(field, raw, "a time in nanoseconds")
    return found


def positive(number: Raw, field: str) -> Decimal | None:
    """A price or size where 0 stands for none."""
    return exact_or_none(number, field) or None


def turned(amount: Decimal | None) -> Decimal | None:
    """The same amount with the other sign: what is positive when paid on the wire is positive when received here."""
    return None if amount is None else Decimal(canonical(amount.copy_negate()))


def whole(raw: int | str, field: str) -> int:
    try:
        return int(raw)
    except ValueError:
        raise Malformed(field, raw, "a whole number") from None


def optional(text: str | int | None) -> str | None:
    """A text or number that may be missing: absent, null, empty, 0 or an address of zeros."""
    shown = str(text or "")
    return shown if shown.lower().removeprefix("0x").strip("0") else None


def extra(**members: Word | Raw | bool | None) -> dict[str, str]:
    """Members without a word of ours, as text; what is missing or empty is left out."""
    shown: dict[str, str] = {}
    for name, value in members.items():
        text = bytes(value).decode().strip('"') if isinstance(value, Raw) else value
        if isinstance(text, bool):
            text = "true" if text else "false"
        if text not in (None, "", "null"):
            shown[name] = str(text)
    return shown
