"""BingX's perpetuals of 2020 to 2023: linear contracts in USDT, a long and a short position of each, one wallet. The
document shows the form of the contracts' list; sizes of two of them and the interval of funding are taken from it, the
rest is *ours*.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from nostro.link.view import VenueAsset
from nostro.paper.profiles.people import EMPTY, READER, TRADER, WITHDRAWER, Person
from nostro.paper.profiles.rows import ETHEREUM, SOLANA, linear, method, tiers
from nostro.paper.venue.profile import Collateral, Profile

FUNDING_S: Final = 8 * 3_600  # Source: BingX-swap-api-doc, getHistoryFunding: interval "8" hours

# *ours*: in USDT, up to 100 times at the start and ever less for what is larger
TIERS: Final = tiers(
    ("50000", 10_000, 5_000),
    ("250000", 20_000, 10_000),
    ("1000000", 50_000, 25_000),
    ("5000000", 100_000, 50_000),
    ("", 200_000, 100_000),
)

# Amounts are in base units. Source: BingX-swap-api-doc, getAllContracts: size 0.0001 for BTC and 0.01 for ETH; all
# other figures are *ours*.
INSTRUMENTS: Final = (
    linear(1, "BTC/USDT:USDT", code="BTC-USDT", digits=(4, 1), bounds=("0.0001", "100", "2"), tiers=TIERS,
           position_max="1000", funding_interval_s=FUNDING_S),
    linear(2, "ETH/USDT:USDT", code="ETH-USDT", digits=(2, 2), bounds=("0.01", "2000", "2"), tiers=TIERS,
           position_max="20000", funding_interval_s=FUNDING_S),
    linear(3, "XRP/USDT:USDT", code="XRP-USDT", digits=(0, 4), bounds=("1", "1000000", "2"), tiers=TIERS,
           position_max="50000000", funding_interval_s=FUNDING_S),
    linear(4, "SOL/USDT:USDT", code="SOL-USDT", digits=(1, 3), bounds=("0.1", "50000", "2"), tiers=TIERS,
           position_max="500000", funding_interval_s=FUNDING_S),
)  # fmt: skip

PROFILE: Final = Profile(
    name="bingx_v1",
    # Source: a client's test of August 2023 shows a commission of -0.327322 USDT: six decimals. The others are only
    # priced here, never held.
    assets=(
        VenueAsset("USDT", "₮", 6),
        VenueAsset("BTC", "₿", 8),
        VenueAsset("ETH", "Ξ", 8),
        VenueAsset("XRP", "✕", 6),
        VenueAsset("SOL", "◎", 8),
    ),
    instruments=INSTRUMENTS,
    deposit_methods=(
        method(1, "USDT", network="Ethereum", attributes=(("address", "0x00000000000000000000000000000000000000d7"),),
               confirmations=12, bounds=("10", "10000000")),
    ),
    withdraw_methods=(
        method(1, "USDT", network="Ethereum", attributes=(("address", ETHEREUM),),
               bounds=("20", "1000000"), fee=("4", "0")),
        method(2, "USDT", network="Solana", attributes=(("address", SOLANA),),
               bounds=("10", "1000000"), fee=("1", "0")),
    ),
    start_prices=(
        ("USDT", Decimal(1)),
        ("BTC", Decimal(64_000)),
        ("ETH", Decimal(3_100)),
        ("XRP", Decimal("0.55")),
        ("SOL", Decimal(150)),
    ),
    quote_asset="USDT",
    maker_ppm=200,  # *ours*, as the taker's
    taker_ppm=500,
    fee_asset="USDT",
    collateral=(Collateral("USDT"),),
    hedge=True,
)  # fmt: skip

# *ours*: the last one bets more than it can lose.
PEOPLE: Final = (TRADER, READER, WITHDRAWER, EMPTY, Person("margin", ("read", "trade"), 0))
