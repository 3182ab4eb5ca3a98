"""Short forms for the rows of a profile. It decides nothing about what an exchange lists."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from nostro.link.commands import FUTURES, MARGIN_ACCOUNT
from nostro.link.contracts import VenueTier
from nostro.link.view import VenueInstrument, VenueMethod
from nostro.paper.venue.listing import PPM

# Where money can be sent to on each network, as a pattern.
BITCOIN: Final = r"(bc1[02-9ac-hj-np-z]{11,71}|[13][1-9A-HJ-NP-Za-km-z]{25,34})"
ETHEREUM: Final = r"0x[0-9a-fA-F]{40}"
SOLANA: Final = r"[1-9A-HJ-NP-Za-km-z]{32,44}"


def spot(number: int, symbol: str, *, digits: tuple[int, int], bounds: tuple[str, str, str]) -> VenueInstrument:
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


def linear(
    number: int,
    symbol: str,
    *,
    code: str,
    digits: tuple[int, int],
    bounds: tuple[str, str, str],
    tiers: tuple[VenueTier, ...],
    position_max: str,
    funding_interval_s: int,
) -> VenueInstrument:
    """A perpetual of one base unit a contract, settled in its quote asset and backed by the common wallet. ``digits``:
    of amount and price; ``bounds``: amount_min, amount_max, value_min."""
    pair, settle = symbol.split(":")
    base, quote = pair.split("/")
    amount_min, amount_max, value_min = (Decimal(bound) for bound in bounds)
    return VenueInstrument(
        id=number, base=base, quote=quote, settle=settle, kind="linear", code=code, wallet=FUTURES,
        amount_digits=digits[0], price_digits=digits[1], amount_min=amount_min, amount_max=amount_max,
        value_min=value_min, tiers=tiers, position_max=Decimal(position_max), funding_interval_s=funding_interval_s,
    )  # fmt: skip


def inverse(
    number: int,
    symbol: str,
    *,
    code: str,
    price_digits: int,
    bounds: tuple[str, str],
    tiers: tuple[VenueTier, ...],
    position_max: str,
    funding_interval_s: int,
) -> VenueInstrument:
    """A perpetual of one quote unit a contract, settled in its base asset and backed by the margin account of its
    pair."""
    pair, settle = symbol.split(":")
    base, quote = pair.split("/")
    return VenueInstrument(
        id=number, base=base, quote=quote, settle=settle, kind="inverse", code=code, wallet=f"{MARGIN_ACCOUNT}{pair}",
        amount_digits=0, price_digits=price_digits, amount_min=Decimal(bounds[0]), amount_max=Decimal(bounds[1]),
        value_min=Decimal(0), tiers=tiers, position_max=Decimal(position_max), funding_interval_s=funding_interval_s,
    )  # fmt: skip


def tiers(*rows: tuple[str, int, int]) -> tuple[VenueTier, ...]:
    """Of (up to which value, initial, maintenance in parts per million); the last has no end, whatever it says. What
    may be had for the initial margin is the highest leverage, in whole hundredths."""
    return tuple(
        VenueTier(
            up_to=None if row is rows[-1] else Decimal(row[0]),
            initial_ppm=row[1],
            maintenance_ppm=row[2],
            leverage_max=Decimal(100 * PPM // row[1]).scaleb(-2),
        )
        for row in rows
    )


def method(
    number: int,
    asset: str,
    *,
    network: str,
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
