"""Short forms for the rows of a profile. It decides nothing about what an exchange lists."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from nostro.link.view import VenueInstrument, VenueMethod

# Where money can be sent to on each network, as a pattern.
BITCOIN: Final = r"(bc1[02-9ac-hj-np-z]{11,71}|[13][1-9A-HJ-NP-Za-km-z]{25,34})"
ETHEREUM: Final = r"0x[0-9a-fA-F]{40}"


def spot(number: int, symbol: str, digits: tuple[int, int], bounds: tuple[str, str, str]) -> VenueInstrument:
    base, quote = symbol.split("/")
    amount_min, amount_max, value_min = (Decimal(bound) for bound in bounds)
    return VenueInstrument(
        id=number,
        base=base,
        quote=quote,
        amount_digits=digits[0],
        price_digits=digits[1],
        amount_min=amount_min,
        amount_max=amount_max,
        value_min=value_min,
    )


def method(
    number: int,
    asset: str,
    network: str,
    *,
    attributes: tuple[tuple[str, str], ...],
    bounds: tuple[str, str],
    fee: tuple[str, str] = ("0", "0"),
    confirmations: int = 0,
    enabled: bool = True,
) -> VenueMethod:
    return VenueMethod(
        id=number,
        asset=asset,
        network=network,
        attributes=attributes,
        confirmations=confirmations,
        amount_min=Decimal(bounds[0]),
        amount_max=Decimal(bounds[1]),
        fee=Decimal(fee[0]),
        fee_rate=Decimal(fee[1]),
        enabled=enabled,
    )
