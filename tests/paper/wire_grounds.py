"""The profiles of the paper exchanges that trade contracts as ground for the workload: orders of a size, and users of a
wealth, at which the tiers of their contracts are met. It decides no profile.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from naive.commands import Profile
from naive.contract_grounds import ContractGround
from naive.perpetual import Perpetual
from nostro.link.commands import FUTURES
from nostro.paper.profiles import OPENINGS
from nostro.paper.venue.profile import Profile as VenueProfile

WORTH: Final = Fraction(100_000)  # in settle assets, of an order where its contract has one tier
RICH: Final = 12  # orders of the largest size that a user's wallet may be worth the margin of


def naive_profile(profile: VenueProfile) -> Profile:
    return Profile(
        assets=profile.assets,
        instruments=profile.instruments,
        methods=profile.withdraw_methods,
        maker_ppm=profile.maker_ppm,
        taker_ppm=profile.taker_ppm,
        start_prices=profile.start_prices,
        borrowing=tuple((each.asset, each.hourly_ppm, each.pool) for each in profile.borrowing),
        quote_asset=profile.quote_asset,
        hedge=profile.hedge,
        collateral=tuple((each.asset, each.haircut_ppm) for each in profile.collateral),
        marks=tuple(profile.marks().items()),
        snapshots=profile.snapshots,
        grid=(profile.grid.moves_ppm, profile.grid.least_ppm, profile.grid.initial_ppm),
    )


def ground(profile: VenueProfile) -> ContractGround:
    naive = naive_profile(profile)
    digits, prices, marks = (
        {each.code: each.digits for each in naive.assets},
        dict(naive.start_prices),
        dict(naive.marks),
    )
    around: dict[str, tuple[int, int]] = {}
    backing: dict[tuple[str, str], Decimal] = {}
    for instrument in naive.instruments:
        perpetual = Perpetual(instrument, digits[instrument.settle])
        ticks = perpetual.ticks(marks[instrument.symbol])
        up_to = instrument.tiers[0].up_to
        worth = WORTH if up_to is None else Fraction(up_to) / 4
        lots = int(worth * 10**perpetual.digits / perpetual.exact_value(1, ticks))
        lots = max(4, min(lots, perpetual.lots(instrument.amount_max)))
        around[instrument.symbol] = (max(4, ticks // 300), lots)
        margin = perpetual.money(perpetual.initial(perpetual.value(lots, ticks), None)) * RICH
        for asset in (each for each, _ in naive.collateral) if instrument.wallet == FUTURES else (instrument.settle,):
            value = int(Fraction(margin) * Fraction(prices[instrument.settle]) / Fraction(prices[asset])) + 1
            backing[instrument.wallet, asset] = max(backing.get((instrument.wallet, asset), Decimal(0)), Decimal(value))
    return ContractGround(
        profile=naive,
        levels={},
        riches={asset: Decimal(int(10_000 / Fraction(price)) + 1) for asset, price in naive.start_prices},
        plays=False,
        around=around,
        backing=tuple((wallet, asset, amount) for (wallet, asset), amount in backing.items()),
    )


WIRE_GROUNDS: Final = {
    name: ground(opening.profile)
    for name, opening in OPENINGS.items()
    if any(each.settle for each in opening.profile.instruments)
}
