"""Where contracts are played: three small venues with every kind of contract, wallet and mode. Few prices, few lots,
steep tiers and little money, so that everything happens soon; digits are such that values, margins and funding round.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from naive.commands import Profile
from naive.grounds import Ground
from nostro.link.contracts import VenueTier
from nostro.link.view import VenueAsset, VenueInstrument


class ContractGround(Ground, frozen=True, kw_only=True):
    """``around``: by contract, how many ticks around the mark price orders are, and the lots of one. ``backing``: what
    a user has at first in collateral wallets: (wallet, asset, amount)."""

    around: dict[str, tuple[int, int]]
    backing: tuple[tuple[str, str, Decimal], ...]


def tiers(*rows: tuple[str | None, int, int, str]) -> tuple[VenueTier, ...]:
    return tuple(
        VenueTier(
            up_to=None if up_to is None else Decimal(up_to), initial_ppm=initial, maintenance_ppm=maintenance,
            leverage_max=Decimal(most),
        )
        for up_to, initial, maintenance, most in rows
    )  # fmt: skip


def _spot(number: int, base: str) -> VenueInstrument:
    return VenueInstrument(
        id=number, base=base, quote="USD", amount_digits=2, price_digits=1, amount_min=Decimal("0.01"),
        amount_max=Decimal(3), value_min=Decimal(1),
    )  # fmt: skip


USD_TIERS: Final = tiers(("600", 20_000, 10_000, "50"), ("2000", 50_000, 25_000, "20"), (None, 100_003, 50_001, "10"))
COIN_TIERS: Final = tiers(("3", 25_000, 12_500, "40"), ("8.5", 66_667, 33_333, "15"), (None, 125_000, 70_000, "8"))

# One-way, several assets as collateral, margin accounts for what is settled in coins, snapshots.
ACCOUNTS: Final = ContractGround(
    profile=Profile(
        assets=(
            VenueAsset("AAA", "A", 5), VenueAsset("BBB", "B", 4), VenueAsset("EUR", "E", 3), VenueAsset("USD", "$", 2),
        ),
        instruments=(
            _spot(1, "BBB"),
            VenueInstrument(
                id=7, base="BBB", quote="USD", settle="USD", kind="linear", amount_digits=1, price_digits=1,
                amount_min=Decimal("0.2"), amount_max=Decimal(6), value_min=Decimal(30), wallet="futures",
                tiers=USD_TIERS, position_max=Decimal(12), orders_max=4, band_ppm=60_000, funding_interval_s=3600,
            ),
            VenueInstrument(
                id=5, base="AAA", quote="USD", settle="AAA", kind="inverse", amount_digits=0, price_digits=1,
                amount_min=Decimal(2), amount_max=Decimal(300), value_min=Decimal("0.1"), multiplier=Decimal(1),
                wallet="futures:AAA/USD", tiers=COIN_TIERS, position_max=Decimal(400), orders_max=4,
                band_ppm=100_000, funding_interval_s=7200,
            ),
            VenueInstrument(
                id=3, base="BBB", quote="EUR", settle="BBB", kind="inverse", amount_digits=1, price_digits=2,
                amount_min=Decimal("0.1"), amount_max=Decimal(400), value_min=Decimal(0), multiplier=Decimal("0.5"),
                wallet="futures:BBB/EUR", tiers=tiers((None, 40_000, 20_000, "25")), orders_max=5, band_ppm=50_000,
                funding_interval_s=28_800,
            ),
            VenueInstrument(
                id=9, base="XXX", quote="YYY", settle="AAA", kind="quanto", amount_digits=0, price_digits=1,
                amount_min=Decimal(1), amount_max=Decimal(60), value_min=Decimal("0.06"), multiplier=Decimal("0.0003"),
                wallet="futures", tiers=COIN_TIERS, position_max=Decimal(90), orders_max=4, band_ppm=40_000,
                funding_interval_s=3600,
            ),
        ),
        methods=(),
        maker_ppm=200,
        taker_ppm=550,
        start_prices=(
            ("AAA", Decimal("60.12345678")), ("BBB", Decimal(100)), ("EUR", Decimal("1.1")), ("USD", Decimal(1)),
        ),
        borrowing=(("USD", 10, Decimal(500)),),
        collateral=(("USD", 0), ("AAA", 50_000), ("BBB", 133_333)),
        marks=(
            ("BBB/USD:USD", Decimal(100)), ("AAA/USD:AAA", Decimal(60)), ("BBB/EUR:BBB", Decimal("9.10")),
            ("XXX/YYY:AAA", Decimal(40)),
        ),
        snapshots=True,
        grid=((-40_000, -10_000, 20_000, 50_001), 12_345, 1_333_333),
    ),
    levels={"BBB/USD": (1000, 6, 40)},
    riches={"AAA": Decimal(10), "BBB": Decimal(10), "EUR": Decimal(100), "USD": Decimal(500)},
    plays=False,
    around={"BBB/USD:USD": (9, 30), "AAA/USD:AAA": (7, 120), "BBB/EUR:BBB": (8, 1500), "XXX/YYY:AAA": (7, 40)},
    backing=(
        ("futures", "USD", Decimal(60)), ("futures", "AAA", Decimal(1)), ("futures", "BBB", Decimal("0.5")),
        ("futures:AAA/USD", "AAA", Decimal("0.6")), ("futures:BBB/EUR", "BBB", Decimal("0.8")),
    ),
)  # fmt: skip

# One-way, every kind of contract in one wallet, haircuts, an asset with more digits than a machine word, no snapshots.
MIXED: Final = ContractGround(
    profile=Profile(
        assets=(VenueAsset("AAA", "A", 18), VenueAsset("BBB", "B", 3), VenueAsset("USD", "$", 6)),
        instruments=(
            VenueInstrument(
                id=1, base="AAA", quote="USD", settle="USD", kind="linear", amount_digits=2, price_digits=2,
                amount_min=Decimal("0.05"), amount_max=Decimal(4), value_min=Decimal(5), multiplier=Decimal("0.5"),
                wallet="futures", tiers=USD_TIERS, position_max=Decimal(6), orders_max=4, band_ppm=50_000,
                funding_interval_s=3600,
            ),
            VenueInstrument(
                id=2, base="BBB", quote="USD", settle="BBB", kind="inverse", amount_digits=0, price_digits=0,
                amount_min=Decimal(1), amount_max=Decimal(500), value_min=Decimal("0.1"), multiplier=Decimal(2),
                wallet="futures", tiers=COIN_TIERS, position_max=Decimal(700), orders_max=4, band_ppm=70_000,
                funding_interval_s=3600,
            ),
            VenueInstrument(
                id=3, base="BBB", quote="USD", settle="AAA", kind="quanto", amount_digits=0, price_digits=0,
                amount_min=Decimal(1), amount_max=Decimal(50), value_min=Decimal("0.01"),
                multiplier=Decimal("0.000123456789012345"), wallet="futures",
                tiers=tiers((None, 20_000, 7_777, "45.5")), position_max=Decimal(60), orders_max=4, band_ppm=70_000,
                funding_interval_s=7200,
            ),
            _spot(4, "BBB"),
        ),
        methods=(),
        maker_ppm=0,
        taker_ppm=333,
        start_prices=(("AAA", Decimal(120)), ("BBB", Decimal(150)), ("USD", Decimal(1))),
        borrowing=(),
        collateral=(("USD", 10_000), ("AAA", 50_000), ("BBB", 100_000)),
        marks=(("AAA/USD:USD", Decimal(120)), ("BBB/USD:BBB", Decimal(150)), ("BBB/USD:AAA", Decimal(150))),
        grid=((-90_000, -30_000, 30_000, 90_000), 15_000, 1_250_000),
    ),
    levels={"BBB/USD": (1500, 6, 40)},
    riches={"AAA": Decimal(10), "BBB": Decimal(10), "USD": Decimal(500)},
    plays=False,
    around={"AAA/USD:USD": (20, 150), "BBB/USD:BBB": (4, 200), "BBB/USD:AAA": (4, 25)},
    backing=(
        ("futures", "USD", Decimal(30)), ("futures", "AAA", Decimal("0.1")), ("futures", "BBB", Decimal("0.1")),
    ),
)  # fmt: skip

# Hedge mode, one asset as collateral, snapshots.
HEDGE: Final = ContractGround(
    profile=Profile(
        assets=(VenueAsset("AAA", "A", 6), VenueAsset("USD", "$", 4)),
        instruments=(
            VenueInstrument(
                id=1, base="AAA", quote="USD", settle="USD", kind="linear", amount_digits=2, price_digits=1,
                amount_min=Decimal("0.02"), amount_max=Decimal(5), value_min=Decimal(2), wallet="futures",
                tiers=USD_TIERS, position_max=Decimal(7), orders_max=5, band_ppm=50_000, funding_interval_s=28_800,
            ),
            VenueInstrument(
                id=2, base="CCC", quote="USD", settle="USD", kind="linear", amount_digits=0, price_digits=2,
                amount_min=Decimal(1), amount_max=Decimal(400), value_min=Decimal(1), multiplier=Decimal("0.1"),
                wallet="futures", tiers=tiers(("90", 10_000, 5_000, "100"), (None, 50_000, 20_000, "20")),
                orders_max=5, band_ppm=100_000, funding_interval_s=3600,
            ),
        ),
        methods=(),
        maker_ppm=300,
        taker_ppm=700,
        start_prices=(("AAA", Decimal(90)), ("USD", Decimal(1))),
        borrowing=(),
        collateral=(("USD", 0),),
        marks=(("AAA/USD:USD", Decimal(90)), ("CCC/USD:USD", Decimal("4.00"))),
        hedge=True,
        snapshots=True,
        grid=((-30_000, 30_000), 10_000, 1_500_000),
    ),
    levels={},
    riches={"AAA": Decimal(1), "USD": Decimal(200)},
    plays=False,
    around={"AAA/USD:USD": (8, 200), "CCC/USD:USD": (10, 150)},
    backing=(("futures", "USD", Decimal(50)),),
)  # fmt: skip

# One-way, orders and positions of up to 10^18 lots, values that no machine word holds.
VAST: Final = ContractGround(
    profile=Profile(
        assets=(VenueAsset("AAA", "A", 18), VenueAsset("USD", "$", 12)),
        instruments=(
            VenueInstrument(
                id=60_000, base="AAA", quote="USD", settle="USD", kind="linear", amount_digits=6, price_digits=6,
                amount_min=Decimal("0.000001"), amount_max=Decimal(10**12), value_min=Decimal(1), wallet="futures",
                tiers=tiers(("1000000000000000", 20_000, 10_000, "50"), (None, 50_000, 25_000, "20")), orders_max=5,
                band_ppm=999_999, funding_interval_s=3600,
            ),
            VenueInstrument(
                id=1, base="AAA", quote="USD", settle="AAA", kind="inverse", amount_digits=0, price_digits=6,
                amount_min=Decimal(1), amount_max=Decimal(10**18), value_min=Decimal(1), multiplier=Decimal(10),
                wallet="futures:AAA/USD", tiers=tiers((None, 30_000, 15_000, "33.33")), orders_max=5,
                band_ppm=500_000, funding_interval_s=3600,
            ),
        ),
        methods=(),
        maker_ppm=1,
        taker_ppm=999,
        start_prices=(("AAA", Decimal(10) ** 5), ("USD", Decimal(1))),
        borrowing=(),
        collateral=(("USD", 1), ("AAA", 999_999)),
        marks=(("AAA/USD:USD", Decimal(10) ** 5), ("AAA/USD:AAA", Decimal(10) ** 5)),
        snapshots=True,
        grid=((-999_999, 1_000_000), 1, 1_000_000),
    ),
    levels={},
    riches={"AAA": Decimal(10) ** 9, "USD": Decimal(10) ** 12},
    plays=False,
    around={"AAA/USD:USD": (10**9, 4 * 10**17), "AAA/USD:AAA": (10**9, 4 * 10**17)},
    backing=(("futures", "USD", Decimal(10) ** 16), ("futures:AAA/USD", "AAA", Decimal(10) ** 13)),
)  # fmt: skip

CONTRACT_GROUNDS: Final = {"accounts": ACCOUNTS, "mixed": MIXED, "hedge": HEDGE, "vast": VAST}
