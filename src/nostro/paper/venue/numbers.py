"""Between exact decimals and the venue's integers: units, lots and ticks. The one place where the engine meets
`Decimal`."""

from __future__ import annotations

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Final

# Moves a point without ever rounding, whatever the number of digits.
_WIDE: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


def whole(amount: Decimal | None, digits: int, *, at_most: int) -> int | None:
    """How many units of 10^-``digits`` the amount is; None unless it is a positive whole number of them, at most
    ``at_most``."""
    if amount is None or not amount.is_finite():
        return None
    scaled = amount.scaleb(digits, _WIDE)
    if not 0 < scaled <= at_most:
        return None
    count = int(scaled)
    return count if count == scaled else None


def at_least(amount: Decimal, digits: int) -> int:
    """The smallest number of units of 10^-``digits`` that is not below the amount."""
    return int(amount.scaleb(digits, _WIDE).to_integral_value("ROUND_CEILING"))


def at_most(amount: Decimal, digits: int) -> int:
    """The largest number of units of 10^-``digits`` that is not above the amount."""
    return int(amount.scaleb(digits, _WIDE).to_integral_value("ROUND_FLOOR"))


def amount_of(count: int, digits: int) -> Decimal:
    """The amount of ``count`` units of 10^-``digits``, exactly."""
    return Decimal(count).scaleb(-digits, _WIDE)
