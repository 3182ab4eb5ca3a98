"""Where a workload is played: a venue's profile with the prices, sizes and money that make its orders meet. Narrow
ground has few prices and few lots; wide ground has numbers at the edge of what a venue takes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from naive.commands import Profile
from nostro.link.view import VenueAsset, VenueInstrument, VenueMethod


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """``levels``: by instrument the tick in the middle, how many ticks around it, and the lots of an order.
    ``riches``: what a user has at first. ``plays``: whether the figures of ``scenes.py`` fit."""

    profile: Profile
    levels: dict[str, tuple[int, int, int]]
    riches: dict[str, Decimal]
    plays: bool


# Digits so that a cost is cut by three digits (dust is free), by two, by none, and so that it gains five.
_NARROW_PROFILE: Final = Profile(
    assets=(
        VenueAsset("AAA", "A", 8),
        VenueAsset("BBB", "B", 3),
        VenueAsset("CCC", "C", 6),
        VenueAsset("USD", "$", 2),
    ),
    instruments=(
        VenueInstrument(
            id=1, base="AAA", quote="USD", amount_digits=3, price_digits=2,
            amount_min=Decimal("0.001"), amount_max=Decimal("0.5"), value_min=Decimal("0.001"),
        ),
        VenueInstrument(
            id=2, base="BBB", quote="USD", amount_digits=3, price_digits=1,
            amount_min=Decimal("0.01"), amount_max=Decimal(3), value_min=Decimal(2),
        ),
        VenueInstrument(
            id=3, base="AAA", quote="BBB", amount_digits=1, price_digits=2,
            amount_min=Decimal("0.2"), amount_max=Decimal(20), value_min=Decimal("0.05"),
        ),
        VenueInstrument(
            id=4, base="BBB", quote="CCC", amount_digits=0, price_digits=1,
            amount_min=Decimal(1), amount_max=Decimal(40), value_min=Decimal(4),
        ),
    ),
    methods=(
        VenueMethod(
            id=11, asset="AAA", network="A-chain", attributes=(("address", "a[0-9]{3}"), ("memo", "[a-z]*")),
            confirmations=3, amount_min=Decimal("0.5"), amount_max=Decimal(30), fee=Decimal("0.00000003"),
            fee_rate=Decimal("0.0015123457"), enabled=True,
        ),
        VenueMethod(
            id=12, asset="USD", network="bank", attributes=(("iban", "[A-Z]{2}[0-9]{4}"),), confirmations=0,
            amount_min=Decimal(1), amount_max=Decimal(200), fee=Decimal(0), fee_rate=Decimal(0), enabled=True,
        ),
        VenueMethod(
            id=13, asset="BBB", network="closed", attributes=(), confirmations=0, amount_min=Decimal(1),
            amount_max=Decimal(10), fee=Decimal(1), fee_rate=Decimal(0), enabled=False,
        ),
    ),
    maker_ppm=1_000,
    taker_ppm=2_500,
    start_prices=(("AAA", Decimal("0.6")), ("BBB", Decimal(100)), ("CCC", Decimal("13.3")), ("USD", Decimal(1))),
    borrowing=(
        ("AAA", 1_500, Decimal(300)),
        ("BBB", 50, Decimal(40)),
        ("CCC", 20_000, Decimal(120)),
        ("USD", 1, Decimal(900)),
    ),
)  # fmt: skip

NARROW: Final = Ground(
    profile=_NARROW_PROFILE,
    levels={"AAA/USD": (60, 5, 40), "BBB/USD": (1000, 6, 60), "AAA/BBB": (40, 4, 60), "BBB/CCC": (75, 4, 12)},
    riches={"AAA": Decimal(40), "BBB": Decimal(60), "CCC": Decimal(400), "USD": Decimal(120)},
    plays=True,
)


def _wide(number: int, symbol: str, amount_digits: int, price_digits: int) -> VenueInstrument:
    base, quote = symbol.split("/")
    return VenueInstrument(
        id=number,
        base=base,
        quote=quote,
        amount_digits=amount_digits,
        price_digits=price_digits,
        amount_min=Decimal(3).scaleb(-amount_digits),
        amount_max=Decimal(10**18).scaleb(-amount_digits),
        value_min=Decimal("0.01"),
    )


# Orders of up to 10^18 lots, costs and wallets of some 10^30 units: no number here fits a machine word.
WIDE: Final = Ground(
    profile=Profile(
        assets=(
            VenueAsset("AAA", "A", 18),
            VenueAsset("BBB", "B", 0),
            VenueAsset("CCC", "C", 12),
            VenueAsset("USD", "$", 8),
        ),
        instruments=(
            _wide(1, "AAA/USD", 6, 2),
            _wide(2, "BBB/USD", 0, 8),
            _wide(3, "AAA/BBB", 6, 9),
            _wide(4, "BBB/CCC", 0, 3),
            _wide(5, "CCC/BBB", 9, 12),
        ),
        methods=(
            VenueMethod(
                id=11, asset="AAA", network="A-chain", attributes=(("address", "a[0-9]{3}"), ("memo", "[a-z]*")),
                confirmations=3, amount_min=Decimal("0.5"), amount_max=Decimal(10**30), fee=Decimal("0.00000003"),
                fee_rate=Decimal("0.0015123457"), enabled=True,
            ),
            VenueMethod(
                id=12, asset="USD", network="bank", attributes=(("iban", "[A-Z]{2}[0-9]{4}"),), confirmations=0,
                amount_min=Decimal(1), amount_max=Decimal(10**30), fee=Decimal(0),
                fee_rate=Decimal("0.000000000001"), enabled=True,
            ),
        ),
        maker_ppm=1,
        taker_ppm=999_999,
        start_prices=(
            ("AAA", Decimal(10) ** 10),
            ("BBB", Decimal(1_000)),
            ("CCC", Decimal("0.0001")),
            ("USD", Decimal(1)),
        ),
        borrowing=(
            ("AAA", 999_999, Decimal(10) ** 11),
            ("CCC", 0, Decimal(10) ** 17),
            ("USD", 123, Decimal(10) ** 22),
        ),
    ),
    levels={
        "AAA/USD": (10**14, 5, 10**15),
        "BBB/USD": (10**11, 5, 10**18),
        "AAA/BBB": (10**12, 5, 10**18),
        "BBB/CCC": (10**10, 5, 10**9),
        "CCC/BBB": (10**5, 5, 10**18),
    },
    riches={"AAA": Decimal(10**12), "BBB": Decimal(10**20), "CCC": Decimal(10**17), "USD": Decimal(10**22)},
    plays=False,
)  # fmt: skip
