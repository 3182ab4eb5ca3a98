"""The form of a venue's profile: what it lists, what it charges, which ways lead in and out. It decides which profiles
are possible; the rules that use them are in ``docs/venue.md``, ``docs/contracts.md`` and the engine, and the profiles
themselves in ``paper/profiles``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from nostro.domain.margin.portfolio import Grid
from nostro.domain.values import quotient
from nostro.link.view import VenueAsset, VenueInstrument, VenueMethod
from nostro.paper.venue import listing
from nostro.paper.venue.listing import PPM
from nostro.paper.venue.numbers import whole

INDEX_DIGITS: Final = 8  # of an index price
INDEX_MAX: Final = 10**18  # of 10^-INDEX_DIGITS
INSTRUMENT_ID_MAX: Final = 60_000  # a place among the wallets of a user is made of it (wallets.py)


class Borrowing(msgspec.Struct, frozen=True):
    """How an asset is lent: interest in parts per million of the principal an hour, and at most ``pool`` of it to all
    users together, in units of the asset."""

    asset: str
    hourly_ppm: int
    pool: Decimal


class Collateral(msgspec.Struct, frozen=True):
    """An asset that the wallet `futures` takes. ``haircut_ppm``: the part of a positive amount's value that does not
    count, in parts per million."""

    asset: str
    haircut_ppm: int = 0


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """``maker_ppm, taker_ppm``: fees of a user that has no own, parts per million of what is received.
    ``token_life_s``: how long a sign-in holds. ``start_prices``: (asset, quote assets that one is worth), of every
    asset: where a seeded market begins, and the first index prices. ``quote_asset``: in what index prices and the worth
    of margin wallets are said. ``borrowing``: what is lent; an asset that is not there is lent to nobody.
    ``fee_asset``: what the list of fee rules prints as currency of the fee. Of contracts: ``hedge``: whether a user has
    a long and a short position of each; ``collateral``: what `futures` takes; ``start_marks``: (symbol, first mark
    price), of a contract that is not named there the first index price; ``snapshots``: whether users are noted down
    every hour; ``grid``: on which users in portfolio mode are margined. Raises ValueError where the numbers do not fit
    each other."""

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
    hedge: bool = False
    collateral: tuple[Collateral, ...] = ()
    start_marks: tuple[tuple[str, Decimal], ...] = ()
    snapshots: bool = False
    grid: Grid = Grid()

    def __post_init__(self) -> None:
        digits = {asset.code: asset.digits for asset in self.assets}
        for instrument in self.instruments:
            if instrument.settle == "" and self._splits(instrument, digits):
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
        if self.snapshots and not self.collateral:
            message = "a snapshot shows the wallet `futures`, and without collateral there is none"
            raise ValueError(message)
        self._check_margin(digits)
        listing.check(
            [each for each in self.instruments if each.settle],
            digits=digits,
            collateral={each.asset: each.haircut_ppm for each in self.collateral},
            marks=self.marks(),
        )

    def marks(self) -> dict[str, Decimal]:
        """The first mark prices, by symbol."""
        prices, given = dict(self.start_prices), dict(self.start_marks)
        for each in self.instruments:
            if each.settle and each.symbol not in given and each.base in prices and each.quote in prices:
                given[each.symbol] = quotient(
                    prices[each.base], prices[each.quote], digits=each.price_digits, rounding="ROUND_HALF_EVEN"
                )
        return given

    @staticmethod
    def _splits(spot: VenueInstrument, digits: dict[str, int]) -> bool:
        return spot.quote not in digits or digits[spot.base] < spot.amount_digits

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
