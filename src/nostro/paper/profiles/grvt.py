"""GRVT: linear perpetuals in USDT that sub-accounts trade, each with a wallet of its own; the main account holds the
funding. Snapshots every hour.

Source: the captured row of BTC_USDT_Perp (quote_decimals 6, tick_size 0.1, min_size 0.001, max_position_size 1000.0,
min_notional 100.0, funding_interval_hours 8); other contracts, tiers and fees are *ours*.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Final

from nostro.link.view import VenueAsset
from nostro.paper.profiles.people import Person
from nostro.paper.profiles.rows import ETHEREUM, linear, method, tiers
from nostro.paper.venue.keys import Derive, Holder, Keys, texts
from nostro.paper.venue.profile import Collateral, Profile

FUNDING_S: Final = 8 * 3_600

TIERS: Final = tiers(
    ("600000", 20_000, 10_000),
    ("1600000", 25_000, 12_500),
    ("4000000", 50_000, 25_000),
    ("10000000", 100_000, 50_000),
    ("", 200_000, 100_000),
)

INSTRUMENTS: Final = (
    linear(1, "BTC/USDT:USDT", code="BTC_USDT_Perp", digits=(3, 1), bounds=("0.001", "100", "100"), tiers=TIERS,
           position_max="1000", funding_interval_s=FUNDING_S),
    linear(2, "ETH/USDT:USDT", code="ETH_USDT_Perp", digits=(2, 2), bounds=("0.01", "2000", "100"), tiers=TIERS,
           position_max="20000", funding_interval_s=FUNDING_S),
    linear(3, "SOL/USDT:USDT", code="SOL_USDT_Perp", digits=(1, 2), bounds=("0.1", "50000", "100"), tiers=TIERS,
           position_max="400000", funding_interval_s=FUNDING_S),
)  # fmt: skip

PROFILE: Final = Profile(
    name="grvt",
    # Source: quote amounts of the captured positions are cut to 6 decimals. The others are only priced here.
    assets=(
        VenueAsset("USDT", "₮", 6),
        VenueAsset("BTC", "₿", 9),
        VenueAsset("ETH", "Ξ", 9),
        VenueAsset("SOL", "◎", 9),
    ),
    instruments=INSTRUMENTS,
    deposit_methods=(
        method(1, "USDT", network="Ethereum", attributes=(("address", "0x00000000000000000000000000000000000000d7"),),
               confirmations=12, bounds=("10", "10000000")),
    ),
    withdraw_methods=(
        method(1, "USDT", network="Ethereum", attributes=(("address", ETHEREUM),),
               bounds=("20", "1000000"), fee=("4", "0")),
    ),
    start_prices=(
        ("USDT", Decimal(1)),
        ("BTC", Decimal(64_000)),
        ("ETH", Decimal(3_100)),
        ("SOL", Decimal(150)),
    ),
    quote_asset="USDT",
    maker_ppm=100,
    taker_ppm=450,
    token_life_s=86_400,  # *ours*: how long a cookie lives; its end is told with it
    fee_asset="USDT",
    collateral=(Collateral("USDT"),),
    snapshots=True,
)  # fmt: skip

# *ours*: who trades does it in a sub-account, and its key is the main account's. The desk has two of them, the second
# with a key of its own and margined as a portfolio; what the last one does is bet more than it can lose.
PEOPLE: Final = (
    Person("trader", ("read", "trade")),
    Person("trader-1", None, 100, master="trader"),
    Person("reader", ("read",)),
    Person("reader-1", None, 10, master="reader"),
    Person("withdrawer", ("read", "trade", "withdraw")),
    Person("withdrawer-1", None, 15, master="withdrawer"),
    Person("empty", ("read", "trade", "withdraw")),
    Person("empty-1", None, master="empty"),
    Person("desk", ("read", "trade")),
    Person("desk-1", None, 10, master="desk"),
    Person("desk-2", ("read", "trade"), 5, master="desk", portfolio=True),
    Person("margin", ("read", "trade")),
    Person("margin-1", None, 0, master="margin"),
)


def keys(derive: Derive, holder: Holder) -> Keys:
    """An API key that signs in; the private key whose signatures orders carry, and whose address is the main account's;
    which sub-account is traded with, where nobody says another."""
    private_key = f"0x{derive(f'private key {holder.user}')}"
    traded = holder.user if holder.parent is not None else next(iter(holder.sub_accounts), holder.user)
    main = private_key if holder.parent is None else f"0x{derive(f'private key {holder.parent}')}"
    return texts(derive, holder)._replace(
        extra={"private_key": private_key, "sub_account_id": str(traded), "main_account_id": _address(main)},
    )


@cache
def _address(private_key: str) -> str:
    """What a private key is worth takes a while to find out, and every request asks whose it is."""
    from nostro.exchanges.grvt.eip712 import address_of  # and the library of the curve

    return address_of(private_key)
