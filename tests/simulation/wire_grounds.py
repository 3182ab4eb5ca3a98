"""Where the lives of exchanges with contracts are played: small venues with the names that each wire has for its
contracts and currencies, few prices, few lots, steep tiers and little money, as in ``naive/contract_grounds.py``."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from naive.commands import Profile
from naive.contract_grounds import ACCOUNTS, HEDGE, USD_TIERS, ContractGround
from nostro.link.view import VenueAsset, VenueInstrument, VenueMethod

# The ids and attributes are those that naive/workload.py knows.
_OUT: Final = (
    VenueMethod(
        id=11, asset="USDT", network="A-chain", attributes=(("address", "a[0-9]{3}"), ("memo", "[a-z]*")),
        confirmations=3, amount_min=Decimal("0.5"), amount_max=Decimal(30), fee=Decimal("0.03"),
        fee_rate=Decimal("0.001"), enabled=True,
    ),
    VenueMethod(
        id=12, asset="USDT", network="bank", attributes=(("iban", "[A-Z]{2}[0-9]{4}"),), confirmations=0,
        amount_min=Decimal(1), amount_max=Decimal(200), fee=Decimal(0), fee_rate=Decimal(0), enabled=True,
    ),
    VenueMethod(
        id=13, asset="USDT", network="closed", attributes=(), confirmations=0, amount_min=Decimal(1),
        amount_max=Decimal(10), fee=Decimal(1), fee_rate=Decimal(0), enabled=False,
    ),
)  # fmt: skip


def _renamed(contract: VenueInstrument, base: str, quote: str, code: str) -> VenueInstrument:
    """The contract under the name that a wire has for it, of one base unit each, as there."""
    return msgspec.structs.replace(
        contract, base=base, quote=quote, settle=quote, code=code, multiplier=Decimal(1),
        amount_max=min(contract.amount_max, Decimal(40)),
    )  # fmt: skip


def _in_dollars(bases: tuple[str, str], names: str, *, digits: int, hedge: bool, snapshots: bool) -> ContractGround:
    """Two linear contracts in USDT, as on the ground of hedge mode."""
    played = HEDGE.profile.instruments
    contracts = tuple(
        _renamed(contract, base, "USDT", names.format(base)) for contract, base in zip(played, bases, strict=True)
    )
    first, second = (each.symbol for each in contracts)
    (first_mark, second_mark) = (mark for _, mark in HEDGE.profile.marks)
    return ContractGround(
        profile=Profile(
            assets=(VenueAsset(bases[0], "B", 6), VenueAsset(bases[1], "E", 6), VenueAsset("USDT", "$", digits)),
            instruments=contracts,
            methods=_OUT,
            maker_ppm=300,
            taker_ppm=700,
            start_prices=((bases[0], Decimal(90)), (bases[1], Decimal(4)), ("USDT", Decimal(1))),
            quote_asset="USDT",
            borrowing=(),
            collateral=(("USDT", 0),),
            marks=((first, first_mark), (second, second_mark)),
            hedge=hedge,
            snapshots=snapshots,
        ),
        levels={},
        riches={"USDT": Decimal(200)},
        plays=False,
        around={first: (8, 200), second: (10, 16)},
        backing=(("futures", "USDT", Decimal(50)),),
    )  # fmt: skip


BINGX: Final = _in_dollars(("BTC", "ETH"), "{}-USDT", digits=4, hedge=True, snapshots=False)
GRVT: Final = _in_dollars(("BTC", "ETH"), "{}_USDT_Perp", digits=6, hedge=False, snapshots=True)

_LINEAR, _INVERSE = ACCOUNTS.profile.instruments[1:3]
KRAKEN: Final = ContractGround(
    profile=Profile(
        assets=(
            VenueAsset("BTC", "B", 5), VenueAsset("ETH", "E", 4), VenueAsset("USDT", "T", 4), VenueAsset("USD", "$", 4),
        ),
        instruments=(
            msgspec.structs.replace(
                _LINEAR, id=1, base="ETH", quote="USD", settle="USD", code="PF_ETHUSD", tiers=USD_TIERS
            ),
            msgspec.structs.replace(
                _INVERSE, id=2, base="BTC", quote="USD", settle="BTC", code="PI_XBTUSD", wallet="futures:BTC/USD",
                funding_interval_s=3_600,
            ),
        ),
        methods=_OUT,
        maker_ppm=200,
        taker_ppm=550,
        start_prices=(
            ("BTC", Decimal("60.12345678")), ("ETH", Decimal(100)), ("USDT", Decimal("0.99")), ("USD", Decimal(1)),
        ),
        quote_asset="USD",
        borrowing=(),
        collateral=(("USD", 0), ("USDT", 10_000), ("BTC", 50_000), ("ETH", 133_333)),
        marks=(("ETH/USD:USD", Decimal(100)), ("BTC/USD:BTC", Decimal(60))),
    ),
    levels={},
    riches={"BTC": Decimal(2), "ETH": Decimal(2), "USDT": Decimal(100), "USD": Decimal(200)},
    plays=False,
    around={"ETH/USD:USD": (9, 30), "BTC/USD:BTC": (7, 120)},
    backing=(
        ("futures", "USD", Decimal(60)), ("futures", "BTC", Decimal(1)), ("futures", "ETH", Decimal("0.5")),
        ("futures:BTC/USD", "BTC", Decimal("0.6")),
    ),
)  # fmt: skip
