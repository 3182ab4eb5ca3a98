"""The profile of a venue: what it lists, what it charges, which ways lead in and out. It is data; the rules that use it
are in ``docs/venue.md`` and the engine. Every figure here is *ours*: the exchange's document shows the form of these
lists and not their content, and where it shows a value (fees of 0.2 % and 0.15 %) that value is taken.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from nostro.link.view import VenueAsset, VenueInstrument, VenueMethod
from nostro.paper.venue.numbers import whole

PPM: Final = 1_000_000
INDEX_DIGITS: Final = 8  # of an index price
INDEX_MAX: Final = 10**18  # of 10^-INDEX_DIGITS
INSTRUMENT_ID_MAX: Final = 60_000  # a place among the wallets of a user is made of it (wallets.py)


class Borrowing(msgspec.Struct, frozen=True):
    """How an asset is lent: interest in parts per million of the principal an hour, and at most ``pool`` of it to all
    users together, in units of the asset."""

    asset: str
    hourly_ppm: int
    pool: Decimal


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """``maker_ppm, taker_ppm``: fees of a user that has no own, parts per million of what is received.
    ``token_life_s``: how long a sign-in holds. ``start_prices``: (asset, quote assets that one is worth), of every
    asset: where a seeded market begins, and the first index prices. ``quote_asset``: in what index prices and the worth
    of margin wallets are said. ``borrowing``: what is lent; an asset that is not there is lent to nobody.
    ``fee_asset``: what the list of fee rules prints as currency of the fee. Raises ValueError where the numbers do not
    fit each other."""

    name: str
    assets: tuple[VenueAsset, ...]
    instruments: tuple[VenueInstrument, ...]
    deposit_methods: tuple[VenueMethod, ...]
    withdraw_methods: tuple[VenueMethod, ...]
    start_prices: tuple[tuple[str, Decimal], ...]
    quote_asset: str
    borrowing: tuple[Borrowing, ...] = ()
    maker_ppm: int = 1_500
    taker_ppm: int = 2_000
    token_life_s: int = 3_600
    fee_asset: str = ""

    def __post_init__(self) -> None:
        digits = {asset.code: asset.digits for asset in self.assets}
        for instrument in self.instruments:
            if digits[instrument.base] < instrument.amount_digits or instrument.quote not in digits:
                message = f"{instrument.symbol}: a lot must be a whole number of units of a listed asset"
                raise ValueError(message)
            if not 1 <= instrument.id <= INSTRUMENT_ID_MAX:
                message = f"{instrument.symbol}: the id of an instrument is between 1 and {INSTRUMENT_ID_MAX}"
                raise ValueError(message)
        for method in self.withdraw_methods:
            fee = method.fee.scaleb(digits[method.asset])
            if fee != fee.to_integral_value() or fee < 0 or method.fee_rate < 0:
                message = f"withdraw method {method.id}: its fee must be a whole number of units, and not negative"
                raise ValueError(message)
        if not (0 <= self.maker_ppm <= PPM and 0 <= self.taker_ppm <= PPM):
            message = "a fee is between 0 and 10^6 parts per million"
            raise ValueError(message)
        self._check_margin(digits)

    def _check_margin(self, digits: dict[str, int]) -> None:
        priced = dict(self.start_prices)
        if priced.keys() != digits.keys() or self.quote_asset not in digits:
            message = "every asset has one start price, and the quote asset is one of them"
            raise ValueError(message)
        for asset, price in priced.items():
            if whole(price, INDEX_DIGITS, at_most=INDEX_MAX) is None:
                message = f"the start price of {asset} must be a positive whole number of 10^-{INDEX_DIGITS}"
                raise ValueError(message)
        for lent in self.borrowing:
            if lent.asset not in digits or lent.hourly_ppm < 0 or lent.pool < 0:
                message = f"what is lent of {lent.asset} must be of a listed asset, and not negative"
                raise ValueError(message)


def _instrument(number: int, symbol: str, digits: tuple[int, int], bounds: tuple[str, str, str]) -> VenueInstrument:
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


def _method(
    number: int,
    asset: str,
    network: str,
    *,
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
    _instrument(1, "BTC/USDT", (8, 2), ("0.00001", "100", "1")),
    _instrument(2, "ETH/USDT", (8, 2), ("0.0001", "1000", "1")),
    _instrument(3, "ETH/BTC", (6, 6), ("0.0001", "1000", "0.00001")),
    _instrument(4, "SOL/USDT", (4, 3), ("0.01", "50000", "1")),
    _instrument(5, "DAI/USDT", (12, 5), ("1", "1000000", "1")),
    _instrument(6, "BTC/EUR", (6, 1), ("0.0001", "100", "5")),
)

_BITCOIN: Final = r"(bc1[02-9ac-hj-np-z]{11,71}|[13][1-9A-HJ-NP-Za-km-z]{25,34})"
_ETHEREUM: Final = r"0x[0-9a-fA-F]{40}"

# *ours*: the addresses are the venue's own inventions, in the form of their network; a confirmation count as networks
# use it. The bank transfer is disabled: it shows what a disabled method does.
DEPOSIT_METHODS: Final = (
    _method(1, "BTC", "Bitcoin", attributes=(("address", "bc1qpaperpaperpaperpaperpaperpaperpaper0"),),
            confirmations=2, bounds=("0.0001", "1000")),
    _method(2, "ETH", "Ethereum", attributes=(("address", "0x00000000000000000000000000000000000000e7"),),
            confirmations=12, bounds=("0.001", "10000")),
    _method(3, "SOL", "Solana",
            attributes=(("address", "Paper1111111111111111111111111111111111111"), ("memo", "70071")),
            confirmations=32, bounds=("0.01", "100000")),
    _method(4, "USDT", "Ethereum", attributes=(("address", "0x00000000000000000000000000000000000000d7"),),
            confirmations=12, bounds=("10", "10000000")),
    _method(5, "DAI", "Ethereum", attributes=(("address", "0x00000000000000000000000000000000000000da"),),
            confirmations=12, bounds=("10", "10000000")),
    _method(6, "EUR", "SEPA", attributes=(("iban", "XX00PAPER0000000000"), ("memo", "PAPER-1")),
            bounds=("10", "1000000"), enabled=False),
)  # fmt: skip

# *ours*: fees and bounds; attributes are (name, pattern). USDT has two networks, SOL asks for a memo, and DAI charges a
# rate besides its fixed fee.
WITHDRAW_METHODS: Final = (
    _method(1, "BTC", "Bitcoin", attributes=(("address", _BITCOIN),), bounds=("0.001", "100"), fee=("0.0002", "0")),
    _method(2, "ETH", "Ethereum", attributes=(("address", _ETHEREUM),), bounds=("0.01", "1000"), fee=("0.002", "0")),
    _method(3, "SOL", "Solana", attributes=(("address", r"[1-9A-HJ-NP-Za-km-z]{32,44}"), ("memo", r"[0-9]{1,12}")),
            bounds=("0.1", "10000"), fee=("0.01", "0")),
    _method(4, "USDT", "Ethereum", attributes=(("address", _ETHEREUM),), bounds=("20", "1000000"), fee=("4", "0")),
    _method(5, "USDT", "Solana", attributes=(("address", r"[1-9A-HJ-NP-Za-km-z]{32,44}"),),
            bounds=("10", "1000000"), fee=("0", "0")),
    _method(6, "DAI", "Ethereum", attributes=(("address", _ETHEREUM),), bounds=("20", "1000000"), fee=("1", "0.0005")),
    _method(7, "EUR", "SEPA", attributes=(("iban", r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}"), ("memo", r".{0,35}")),
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
