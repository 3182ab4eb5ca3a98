"""Kraken Futures: inverse perpetuals, each pair with a margin account of its own in its base asset, and linear ones in
dollars that one wallet of several assets backs. One position a contract; funding every hour; money comes and goes by
the cash wallet (`spot`).

Source: the instruments as the exchange's documents and captures show them (tick, precision, maxPositionSize, first
margin levels of PI_XBTUSD, PF_XBTUSD and PF_ETHUSD); levels beyond the first, other contracts, haircuts and fees are
*ours*. PI_XBTUSD ticks in halves there; a tick of ours is a power of ten.
"""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Final

from nostro.link.view import VenueAsset
from nostro.paper.profiles.people import EMPTY, READER, TRADER, WITHDRAWER, Person
from nostro.paper.profiles.rows import BITCOIN, ETHEREUM, inverse, linear, method, tiers
from nostro.paper.venue.keys import Derive, Holder, Keys, texts
from nostro.paper.venue.profile import Collateral, Profile

FUNDING_S: Final = 3_600

# The bounds there are contracts of a dollar each; here they are values in the base asset, at the start prices (*ours*).
_XBT_TIERS: Final = tiers(
    ("7.8125", 20_000, 10_000),  # Source: instruments, PI_XBTUSD: 0.02 and 0.01 for up to 500,000 contracts
    ("15.625", 40_000, 20_000),
    ("46.875", 60_000, 30_000),
    ("93.75", 100_000, 50_000),
    ("", 200_000, 100_000),
)
_ETH_TIERS: Final = tiers(
    ("80", 20_000, 10_000), ("160", 40_000, 20_000), ("480", 60_000, 30_000), ("", 200_000, 100_000)
)  # fmt: skip
_LINEAR_TIERS: Final = tiers(
    ("2000000", 20_000, 10_000),  # Source: instruments, PF_ETHUSD: 0.02 and 0.01, and a next level at 2,000,000 USD
    ("5000000", 40_000, 20_000),
    ("10000000", 100_000, 50_000),
    ("", 200_000, 100_000),
)

INSTRUMENTS: Final = (
    inverse(1, "BTC/USD:BTC", code="PI_XBTUSD", price_digits=1, bounds=("1", "5000000"), tiers=_XBT_TIERS,
            position_max="75000000", funding_interval_s=FUNDING_S),
    inverse(2, "ETH/USD:ETH", code="PI_ETHUSD", price_digits=2, bounds=("1", "5000000"), tiers=_ETH_TIERS,
            position_max="35000000", funding_interval_s=FUNDING_S),
    linear(3, "BTC/USD:USD", code="PF_XBTUSD", digits=(4, 0), bounds=("0.0001", "100", "0"), tiers=_LINEAR_TIERS,
           position_max="500", funding_interval_s=FUNDING_S),
    linear(4, "ETH/USD:USD", code="PF_ETHUSD", digits=(3, 1), bounds=("0.001", "5000", "0"), tiers=_LINEAR_TIERS,
           position_max="16000", funding_interval_s=FUNDING_S),
    linear(5, "SOL/USD:USD", code="PF_SOLUSD", digits=(2, 2), bounds=("0.01", "50000", "0"), tiers=_LINEAR_TIERS,
           position_max="200000", funding_interval_s=FUNDING_S),
)  # fmt: skip

PROFILE: Final = Profile(
    name="kraken_futures",
    # Source: the sample of account_balances_and_margins shows 9.99730211055 XBT: eleven decimals. Others are *ours*.
    assets=(
        VenueAsset("USD", "$", 8),
        VenueAsset("USDT", "₮", 8),
        VenueAsset("BTC", "₿", 11),
        VenueAsset("ETH", "Ξ", 11),
        VenueAsset("SOL", "◎", 8),
    ),
    instruments=INSTRUMENTS,
    deposit_methods=(
        method(1, "BTC", network="Bitcoin", attributes=(("address", "bc1qpaperpaperpaperpaperpaperpaperpaper0"),),
               confirmations=2, bounds=("0.0001", "1000")),
        method(2, "ETH", network="Ethereum", attributes=(("address", "0x00000000000000000000000000000000000000e7"),),
               confirmations=12, bounds=("0.001", "10000")),
        method(3, "USDT", network="Ethereum", attributes=(("address", "0x00000000000000000000000000000000000000d7"),),
               confirmations=12, bounds=("10", "10000000")),
        method(4, "USD", network="Wire", attributes=(("account", "000700071"), ("memo", "PAPER-1")),
               bounds=("10", "1000000")),
    ),
    withdraw_methods=(
        method(1, "BTC", network="Bitcoin", attributes=(("address", BITCOIN),),
               bounds=("0.001", "100"), fee=("0.0002", "0")),
        method(2, "ETH", network="Ethereum", attributes=(("address", ETHEREUM),),
               bounds=("0.01", "1000"), fee=("0.002", "0")),
        method(3, "USDT", network="Ethereum", attributes=(("address", ETHEREUM),),
               bounds=("20", "1000000"), fee=("4", "0")),
        method(4, "USD", network="Wire", attributes=(("account", r"[0-9]{6,17}"), ("memo", r".{0,35}")),
               bounds=("20", "1000000"), fee=("4", "0")),
    ),
    start_prices=(
        ("USD", Decimal(1)),
        ("USDT", Decimal("0.9996")),
        ("BTC", Decimal(64_000)),
        ("ETH", Decimal(3_100)),
        ("SOL", Decimal(150)),
    ),
    quote_asset="USD",
    maker_ppm=200,
    taker_ppm=500,
    fee_asset="USD",
    collateral=(Collateral("USD"), Collateral("USDT", 5_000), Collateral("BTC", 20_000), Collateral("ETH", 30_000)),
)  # fmt: skip

# *ours*: the last one bets more than it can lose.
PEOPLE: Final = (TRADER, READER, WITHDRAWER, EMPTY, Person("margin", ("read", "trade"), 0))


def keys(derive: Derive, holder: Holder) -> Keys:
    """A secret of 64 bytes in base64, as the exchange gives them out: what signs is what it decodes to."""
    name = holder.name
    secret = bytes.fromhex(derive(f"secret {name}") + derive(f"more secret {name}"))
    return Keys(texts(derive, holder).key, base64.b64encode(secret).decode())
