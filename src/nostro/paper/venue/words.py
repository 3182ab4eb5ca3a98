"""The venue's rows in the words of ``link/view.py``: names instead of numbers, decimals instead of units, lots and
ticks. The conversion is made only for rows that somebody reads; ``rows.py`` says what the columns are.

An integer of a row may come as text: the journal writes those so that 64 bits do not hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nostro.link.commands import ISOLATED, Side
from nostro.link.contracts import VenueBalance
from nostro.link.view import (
    VenueBorrow,
    VenueEntry,
    VenueFill,
    VenueInterest,
    VenueLiquidation,
    VenueLoan,
    VenueMovement,
    VenueOrder,
    VenueRepayment,
    VenueTrade,
    VenueTransfer,
)
from nostro.paper.venue.numbers import amount_of
from nostro.paper.venue.wallets import CROSS, FUNDING, ISOLATED_FROM, PLACE_BITS, PLACE_MASK, SPOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from typing import Any

    from nostro.paper.venue.profile import Profile

RATE_DIGITS: Final = 6
LEVEL_DIGITS: Final = 8  # of a margin level where one is written down


class Words:
    """By the assets and instruments of a profile. ``places``: the number of a wallet by its name, and ``wallets`` its
    name by the number."""

    def __init__(self, profile: Profile) -> None:
        self.assets = [(asset.code, asset.digits) for asset in profile.assets]
        digits = dict(self.assets)
        self.markets = {
            each.id: (each.symbol, each.amount_digits, each.price_digits, digits[each.quote])
            for each in profile.instruments
        }
        self.places = {"spot": SPOT, "funding": FUNDING, "cross_margin": CROSS}
        self.places |= {ISOLATED + each.symbol: ISOLATED_FROM + each.id for each in profile.instruments}
        self.wallets = {place: name for name, place in self.places.items()}

    def order(self, row: Sequence[Any]) -> VenueOrder:
        symbol, amount_digits, price_digits, quote_digits = self.markets[row[2]]
        return VenueOrder(
            id=row[0],
            user=row[1],
            wallet=self.wallets[row[22]],
            instrument=symbol,
            side=side(row[3]),
            type=row[4],
            time_in_force=row[5],
            status=row[6],
            amount=amount_of(row[7], amount_digits),
            filled=amount_of(row[8], amount_digits),
            canceled=amount_of(row[9], amount_digits),
            price=_optional(row[10], price_digits),
            stop_price=_optional(row[11], price_digits),
            stop_operator=row[12],
            quote_amount=_optional(row[13], quote_digits),
            cost=amount_of(int(row[14]), quote_digits),
            client_id=row[15],
            placed_ns=row[16],
            opened_ns=row[17],
            updated_ns=row[18],
            done_ns=row[19],
            valid_till_ns=row[20],
            expire_after_ns=row[21],
            side_effect=row[23],
        )

    def fill(self, row: Sequence[Any]) -> VenueFill:
        symbol, amount_digits, price_digits, quote_digits = self.markets[row[3]]
        fee_asset, fee_digits = self.assets[row[9]]
        return VenueFill(
            id=row[0],
            order_id=row[1],
            user=row[2],
            wallet=self.wallets[row[16]],
            instrument=symbol,
            side=side(row[4]),
            price=amount_of(row[5], price_digits),
            amount=amount_of(row[6], amount_digits),
            cost=amount_of(int(row[7]), quote_digits),
            fee=amount_of(int(row[8]), fee_digits),
            fee_asset=fee_asset,
            fee_rate=amount_of(row[10], RATE_DIGITS),
            maker=bool(row[11]),
            order_type=row[12],
            order_unfilled=amount_of(row[13], amount_digits),
            order_status=row[14],
            time_ns=row[15],
        )

    def entry(self, row: Sequence[Any]) -> VenueEntry:
        asset, digits = self.assets[row[4]]
        return VenueEntry(
            id=row[0],
            user=row[1],
            wallet=self.wallets[row[2]],
            wallet_id=row[3],
            asset=asset,
            type=row[5],
            total=amount_of(int(row[6]), digits),
            total_delta=amount_of(int(row[7]), digits),
            held=amount_of(int(row[8]), digits),
            held_delta=amount_of(int(row[9]), digits),
            time_ns=row[10],
        )

    def trade(self, row: Sequence[Any]) -> VenueTrade:
        symbol, amount_digits, price_digits, _ = self.markets[row[1]]
        return VenueTrade(
            id=row[0],
            instrument=symbol,
            price=amount_of(row[2], price_digits),
            amount=amount_of(row[3], amount_digits),
            side=side(row[4]),
            user=row[5],
            time_ns=row[6],
        )

    def transfer(self, row: Sequence[Any]) -> VenueTransfer:
        asset, digits = self.assets[row[3]]
        return VenueTransfer(
            id=row[0],
            user=row[1],
            direction="withdrawal" if row[2] else "deposit",
            asset=asset,
            amount=amount_of(int(row[4]), digits),
            fee=amount_of(int(row[5]), digits),
            status=row[6],
            tx_hash=row[7],
            client_id=row[8],
            time_ns=row[9],
        )

    def balance(self, user: int, key: int, *, total: int, held: int, updated_ns: int) -> VenueBalance:
        """``key``: as in `User.wallets`."""
        asset, digits = self.assets[key >> PLACE_BITS]
        return VenueBalance(
            user=user,
            wallet=self.wallets[key & PLACE_MASK],
            asset=asset,
            total=amount_of(total, digits),
            held=amount_of(held, digits),
            updated_ns=updated_ns,
        )

    def movement(self, row: Sequence[Any]) -> VenueMovement:
        asset, digits = self.assets[row[4]]
        return VenueMovement(
            id=row[0],
            user=row[1],
            wallet=self.wallets[row[2]],
            direction="add" if row[3] else "sub",
            asset=asset,
            amount=amount_of(int(row[5]), digits),
            note=row[6],
            time_ns=row[7],
        )

    def loan(self, user: int, key: int, *, number: int, principal: int, interest: int) -> VenueLoan:
        """``key``: as in `User.loans`."""
        asset, digits = self.assets[key >> PLACE_BITS]
        return VenueLoan(
            id=number,
            user=user,
            wallet=self.wallets[key & PLACE_MASK],
            asset=asset,
            principal=amount_of(principal, digits),
            interest=amount_of(interest, digits),
        )

    def borrow(self, row: Sequence[Any]) -> VenueBorrow:
        asset, digits = self.assets[row[3]]
        return VenueBorrow(
            id=row[0],
            user=row[1],
            wallet=self.wallets[row[2]],
            asset=asset,
            amount=amount_of(int(row[4]), digits),
            repaid=amount_of(int(row[5]), digits),
            accrued=amount_of(int(row[6]), digits),
            paid=amount_of(int(row[7]), digits),
            rate=amount_of(row[8], RATE_DIGITS),
            type=row[9],
            time_ns=row[10],
            interest_ns=row[11],
            done_ns=row[12],
        )

    def repayment(self, row: Sequence[Any]) -> VenueRepayment:
        asset, digits = self.assets[row[3]]
        return VenueRepayment(
            id=row[0],
            user=row[1],
            wallet=self.wallets[row[2]],
            asset=asset,
            interest=amount_of(int(row[4]), digits),
            principal=amount_of(int(row[5]), digits),
            type=row[6],
            time_ns=row[7],
        )

    def interest(self, row: Sequence[Any]) -> VenueInterest:
        asset, digits = self.assets[row[4]]
        return VenueInterest(
            id=row[0],
            user=row[1],
            wallet=self.wallets[row[2]],
            borrow=row[3],
            asset=asset,
            accrued=amount_of(int(row[5]), digits),
            paid=amount_of(int(row[6]), digits),
            rate=amount_of(row[7], RATE_DIGITS),
            time_ns=row[8],
        )

    def liquidation(self, row: Sequence[Any]) -> VenueLiquidation:
        asset, digits = self.assets[row[3]]
        return VenueLiquidation(
            id=row[0],
            user=row[1],
            wallet=self.wallets[row[2]],
            asset=asset,
            amount=amount_of(int(row[4]), digits),
            fund=amount_of(int(row[5]), digits),
            level=amount_of(row[6], LEVEL_DIGITS),
            orders_closed=_numbers(row[7]),
            orders_created=_numbers(row[8]),
            borrows_closed=_numbers(row[9]),
            repayments_created=_numbers(row[10]),
            time_ns=row[11],
            done_ns=row[12],
        )


def side(buy: object) -> Side:
    return "buy" if buy else "sell"


def _optional(count: int | None, digits: int) -> Decimal | None:
    return None if count is None else amount_of(int(count), digits)


def _numbers(written: str) -> tuple[int, ...]:
    return tuple(map(int, written.split()))
