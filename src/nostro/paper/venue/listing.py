"""Whether the contracts of a profile fit each other and the rules of ``docs/contracts.md``. It decides which are
possible; what is listed is the profiles' (``paper/profiles``), and the numbers in the engine are ``contracts.py``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nostro.link.commands import FUTURES, MARGIN_ACCOUNT
from nostro.paper.venue.numbers import whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from nostro.link.view import VenueInstrument

PPM: Final = 1_000_000
PRICE_MAX: Final = 10**18  # ticks
LEVERAGE_DIGITS: Final = 2
LEVERAGE_MAX: Final = 10**18  # of 10^-LEVERAGE_DIGITS
INTERVAL_S_MAX: Final = 366 * 86_400


def check(
    contracts: Sequence[VenueInstrument],
    *,
    digits: Mapping[str, int],
    collateral: Mapping[str, int],
    marks: Mapping[str, Decimal],
) -> None:
    """``digits``: of the listed assets; ``collateral``: haircuts in parts per million by asset; ``marks``: the first
    mark prices by symbol. Raises ValueError with the contract and what is wrong with it."""
    for asset, haircut_ppm in collateral.items():
        if asset not in digits or not 0 <= haircut_ppm <= PPM:
            message = f"collateral {asset}: it must be a listed asset, and its haircut between 0 and 10^6"
            raise ValueError(message)
    if marks.keys() != {each.symbol for each in contracts}:
        message = "every contract has one first mark price, and nothing else has"
        raise ValueError(message)
    settled: dict[str, str] = {}
    for contract in contracts:
        wrong = _wrong(contract, digits, collateral, marks[contract.symbol])
        if wrong is None and settled.setdefault(contract.wallet, contract.settle) != contract.settle != "":
            wrong = f"{contract.wallet} has one settle asset" if contract.wallet != FUTURES else None
        if wrong is not None:
            message = f"{contract.symbol}: {wrong}"
            raise ValueError(message)


def _wrong(
    contract: VenueInstrument, digits: Mapping[str, int], collateral: Mapping[str, int], mark: Decimal
) -> str | None:
    settle = contract.settle
    expected = {"linear": (contract.quote,), "inverse": (contract.base,)}.get(contract.kind, (settle,))
    if settle not in digits or settle not in expected:
        return f"a contract that is {contract.kind} cannot be settled in {settle or 'nothing'}"
    if contract.kind == "spot":
        return "a contract is linear, inverse or quanto"
    if contract.wallet not in (FUTURES, f"{MARGIN_ACCOUNT}{contract.base}/{contract.quote}"):
        return f"its wallet is {FUTURES} or the margin account of its pair"
    if contract.wallet == FUTURES and settle not in collateral:
        return f"{FUTURES} must take its settle asset as collateral"
    if whole(mark, contract.price_digits, at_most=PRICE_MAX) is None:
        return "its first mark price must be positive whole ticks"
    scale = digits[settle] - contract.amount_digits - contract.price_digits
    if contract.multiplier <= 0 or not contract.multiplier.is_finite():
        return "its multiplier must be positive"
    if contract.kind != "inverse" and whole(contract.multiplier, scale, at_most=10**60) is None:
        return "a lot at a tick must be worth whole units of the settle asset"
    if not 0 <= contract.band_ppm < PPM or not 1 <= contract.funding_interval_s <= INTERVAL_S_MAX:
        return "its band is below 10^6 parts per million, and its interval of funding between a second and a year"
    if contract.orders_max < 1 or (contract.position_max is not None and contract.position_max <= 0):
        return "its bounds of orders and positions must be positive"
    return _wrong_tiers(contract)


def _wrong_tiers(contract: VenueInstrument) -> str | None:
    bounds = [tier.up_to for tier in contract.tiers]
    if not bounds or bounds[-1] is not None or None in bounds[:-1]:
        return "its last tier, and only that, has no end"
    ends = [bound for bound in bounds if bound is not None]
    if ends != sorted(set(ends)) or any(end <= 0 for end in ends):
        return "its tiers must rise"
    for tier in contract.tiers:
        if not 0 <= tier.maintenance_ppm <= tier.initial_ppm <= PPM:
            return "of a tier 0 <= maintenance <= initial <= 10^6 parts per million"
        if (whole(tier.leverage_max, LEVERAGE_DIGITS, at_most=LEVERAGE_MAX) or 0) < 10**LEVERAGE_DIGITS:
            return "the highest leverage of a tier is at least 1, and whole hundredths"
    return None
