"""ALP.COM: spot pairs, and assets that are lent. Every figure here is *ours*: the exchange's document shows the form of
these lists and not their content, and where it shows a value (fees of 0.2 % and 0.15 %) that value is taken.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from nostro.link.view import VenueAsset
from nostro.paper.profiles.people import EMPTY, READER, TRADER, WITHDRAWER, Person
from nostro.paper.profiles.rows import BITCOIN, ETHEREUM, SOLANA, method, spot
from nostro.paper.venue.profile import Borrowing, Profile

# *ours*: five assets of 8 digits, and one of 18, whose amounts no 64-bit integer and no double holds.
ASSETS: Final = (
    VenueAsset("BTC", "₿", 8),
    VenueAsset("ETH", "Ξ", 8),
    VenueAsset("SOL", "◎", 8),
    VenueAsset("USDT", "₮", 8),
    VenueAsset("EUR", "€", 8),
    VenueAsset("DAI", "◈", 18),
)

# *ours*: digits of amount and price; amount_min, amount_max (base), value_min (quote). DAI/USDT trades in lots of
# 10^-12, so that the long amounts come from trading too; ETH/BTC has a quote that is not a dollar.
INSTRUMENTS: Final = (
    spot(1, "BTC/USDT", digits=(8, 2), bounds=("0.00001", "100", "1")),
    spot(2, "ETH/USDT", digits=(8, 2), bounds=("0.0001", "1000", "1")),
    spot(3, "ETH/BTC", digits=(6, 6), bounds=("0.0001", "1000", "0.00001")),
    spot(4, "SOL/USDT", digits=(4, 3), bounds=("0.01", "50000", "1")),
    spot(5, "DAI/USDT", digits=(12, 5), bounds=("1", "1000000", "1")),
    spot(6, "BTC/EUR", digits=(6, 1), bounds=("0.0001", "100", "5")),
)

# *ours*: the addresses are the venue's own inventions, in the form of their network; a confirmation count as networks
# use it. The bank transfer is disabled: it shows what a disabled method does.
DEPOSIT_METHODS: Final = (
    method(1, "BTC", network="Bitcoin", attributes=(("address", "bc1qpaperpaperpaperpaperpaperpaperpaper0"),),
            confirmations=2, bounds=("0.0001", "1000")),
    method(2, "ETH", network="Ethereum", attributes=(("address", "0x00000000000000000000000000000000000000e7"),),
            confirmations=12, bounds=("0.001", "10000")),
    method(3, "SOL", network="Solana",
            attributes=(("address", "Paper1111111111111111111111111111111111111"), ("memo", "70071")),
            confirmations=32, bounds=("0.01", "100000")),
    method(4, "USDT", network="Ethereum", attributes=(("address", "0x00000000000000000000000000000000000000d7"),),
            confirmations=12, bounds=("10", "10000000")),
    method(5, "DAI", network="Ethereum", attributes=(("address", "0x00000000000000000000000000000000000000da"),),
            confirmations=12, bounds=("10", "10000000")),
    method(6, "EUR", network="SEPA", attributes=(("iban", "XX00PAPER0000000000"), ("memo", "PAPER-1")),
            bounds=("10", "1000000"), enabled=False),
)  # fmt: skip

# *ours*: fees and bounds; attributes are (name, pattern). USDT has two networks, SOL asks for a memo, and DAI charges a
# rate besides its fixed fee.
WITHDRAW_METHODS: Final = (
    method(1, "BTC", network="Bitcoin", attributes=(("address", BITCOIN),),
           bounds=("0.001", "100"), fee=("0.0002", "0")),
    method(2, "ETH", network="Ethereum", attributes=(("address", ETHEREUM),),
           bounds=("0.01", "1000"), fee=("0.002", "0")),
    method(3, "SOL", network="Solana", attributes=(("address", SOLANA), ("memo", r"[0-9]{1,12}")),
            bounds=("0.1", "10000"), fee=("0.01", "0")),
    method(4, "USDT", network="Ethereum", attributes=(("address", ETHEREUM),),
           bounds=("20", "1000000"), fee=("4", "0")),
    method(5, "USDT", network="Solana", attributes=(("address", SOLANA),),
            bounds=("10", "1000000"), fee=("0", "0")),
    method(6, "DAI", network="Ethereum", attributes=(("address", ETHEREUM),),
           bounds=("20", "1000000"), fee=("1", "0.0005")),
    method(7, "EUR", network="SEPA", attributes=(("iban", r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}"), ("memo", r".{0,35}")),
            bounds=("10", "100000"), fee=("1", "0"), enabled=False),
)  # fmt: skip

# *ours*: parts per million an hour (3 are 2.6 % a year), and pools that no history empties and a test can.
BORROWING: Final = (
    Borrowing("BTC", 2, Decimal(200)),
    Borrowing("ETH", 3, Decimal(4_000)),
    Borrowing("SOL", 5, Decimal(50_000)),
    Borrowing("USDT", 6, Decimal(10_000_000)),
    Borrowing("EUR", 4, Decimal(5_000_000)),
    Borrowing("DAI", 7, Decimal(5_000_000)),
)

PROFILE: Final = Profile(
    name="alp",
    assets=ASSETS,
    instruments=INSTRUMENTS,
    deposit_methods=DEPOSIT_METHODS,
    withdraw_methods=WITHDRAW_METHODS,
    start_prices=(
        ("BTC", Decimal(64_000)),
        ("ETH", Decimal(3_100)),
        ("SOL", Decimal(150)),
        ("USDT", Decimal(1)),
        ("EUR", Decimal("1.08")),
        ("DAI", Decimal("0.9998")),
    ),
    quote_asset="USDT",
    borrowing=BORROWING,
    maker_ppm=1_500,  # Source: seed 002, Fee Info: maker_fee_rate 0.0015, taker_fee_rate 0.002
    taker_ppm=2_000,
    token_life_s=3_600,  # *ours*: the document leaves a token's life open
    fee_asset="USDT",  # *ours*: the wire wants one word; what is charged is the asset received (docs/venue.md)
)

# *ours*: the last but one trades with borrowed money, and has a sub-account without a key of its own.
PEOPLE: Final = (
    TRADER, READER, WITHDRAWER, EMPTY, Person("margin", ("read", "trade", "margin"), 8),
    Person("margin-sub", None, 0, master="margin"),
)  # fmt: skip
