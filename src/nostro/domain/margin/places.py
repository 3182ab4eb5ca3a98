"""How a division ends: with how many decimals, rounded how. It decides nothing else; every formula that divides takes a
`Places`, so that what is computed for a comparison keeps more digits than any wire prints, and what is printed has the
wire's own."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Final, NamedTuple

from nostro.domain import values


class Places(NamedTuple):
    """So many decimals, and a rounding mode of `decimal`."""

    digits: int
    rounding: str

    @property
    def quantum(self) -> Decimal:
        """One unit of the last decimal: no rounded result is further from the true one."""
        return values.truncation_quantum(self.digits)

    def divide(self, amount: Decimal, *, by: Decimal) -> Decimal | None:
        """``amount`` / ``by``; None where ``by`` is zero."""
        return values.quotient(amount, by, digits=self.digits, rounding=self.rounding) if by else None

    def round(self, amount: Decimal) -> Decimal:
        """``amount`` with these decimals, in its one form."""
        return values.quotient(amount, values.ONE, digits=self.digits, rounding=self.rounding)


FINE: Final = Places(36, ROUND_HALF_EVEN)  # for comparing: as many decimals as an amount may have at all


def cut(digits: int) -> Places:
    """Decimals that are cut off, as a truncating wire prints them."""
    return Places(digits, ROUND_DOWN)
