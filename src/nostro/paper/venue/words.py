"""The venue's rows in the words of ``link/view.py``: names instead of numbers, decimals instead of units, lots and
ticks. The conversion is made only for rows that somebody reads; ``rows.py`` says what the columns are.

An integer of a row may come as text: the journal writes those so that 64 bits do not hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from nostro.link.commands import FUTURES, ISOLATED, PositionSide, Side
from nostro.link.contracts import (
    VenueBalance,
    VenueClosed,
    VenueForced,
    VenueFunding,
    VenueMove,
    VenueSnapshot,
)
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
from nostro.paper.venue import book, contracts
from nostro.paper.venue.contracts import RATE_DIGITS as FUNDING_DIGITS
from nostro.paper.venue.contracts import SIDES
from nostro.paper.venue.listing import LEVERAGE_DIGITS
from nostro.paper.venue.numbers import amount_of
from nostro.paper.venue.profile import INDEX_DIGITS
from nostro.paper.venue.rows import FILL_COLUMNS
from nostro.paper.venue.wallets import (
    COLLATERAL_FROM,
    CROSS,
    FUNDING,
    ISOLATED_FROM,
    PLACE_BITS,
    PLACE_MASK,
    PURSE_FROM,
    SPOT,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from typing import Any

    from nostro.paper.venue.profile import Profile

RATE_DIGITS: Final = 6
LEVEL_DIGITS: Final = 8  # of a margin level where one is written down
PART_DIGITS: Final = 6  # of a unit, in what collateral.py counts

_SNAPSHOT: Final = msgspec.msgpack.Decoder(VenueSnapshot)


class Words:
    """By the assets and instruments of a profile. ``markets``: symbol, and digits of amount, price and cost, by id.
    ``places``: the number of a wallet by its name, and ``wallets`` its name by the number."""

    def __init__(self, profile: Profile) -> None:
        self.assets = [(asset.code, asset.digits) for asset in profile.assets]
        digits, codes = dict(self.assets), [asset.code for asset in profile.assets]
        self.markets = {
            each.id: (each.symbol, each.amount_digits, each.price_digits, digits[each.settle or each.quote])
            for each in profile.instruments
        }
        self._settle = {each.id: codes.index(each.settle or each.quote) for each in profile.instruments}
        self._parts = max(digits.values()) + INDEX_DIGITS + PART_DIGITS
        self._quote = profile.quote_asset
        self.places = {"spot": SPOT, "funding": FUNDING, "cross_margin": CROSS}
        spot = [each for each in profile.instruments if not each.settle]
        self.places |= {ISOLATED + each.symbol: ISOLATED_FROM + each.id for each in spot}
        self.places |= collateral_places(profile)
        self.wallets = {place: name for name, place in self.places.items()}

    def order(self, row: Sequence[Any]) -> VenueOrder:
        symbol, amount_digits, price_digits, quote_digits = self.markets[row[2]]
        traits = row[24]
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
            post_only=bool(traits & book.POST_ONLY),
            position_side=_position_side(traits),
            reduce_only=bool(traits & book.REDUCE_ONLY),
            trigger="mark" if traits & book.BY_MARK else "index" if traits & book.BY_INDEX else "last",
            triggered=bool(traits & book.TRIGGERED),
            origin="liquidation" if traits & book.FORCED else "user",
        )

    def fill(self, row: Sequence[Any]) -> VenueFill:
        symbol, amount_digits, price_digits, quote_digits = self.markets[row[3]]
        fee_asset, fee_digits = self.assets[row[9]]
        of_contract = len(row) > len(FILL_COLUMNS) and row[23] is not None
        told = self._told(row, amount_digits, price_digits, quote_digits) if of_contract else {}
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
            **told,
        )

    @staticmethod
    def _told(row: Sequence[Any], amount_digits: int, price_digits: int, settle_digits: int) -> dict[str, Any]:
        """What a fill of a contract says of the position."""
        before, after, basis_before, basis_after, realized, mark, traits = row[17:24]
        return {
            "position_side": _position_side(traits),
            "size_before": amount_of(int(before), amount_digits),
            "size_after": amount_of(int(after), amount_digits),
            "basis_before": amount_of(int(basis_before), settle_digits),
            "basis_after": amount_of(int(basis_after), settle_digits),
            "realized_pnl": amount_of(int(realized), settle_digits),
            "mark": amount_of(mark, price_digits),
            "liquidation": bool(traits & book.FORCED),
            "takeover": bool(traits & book.TAKEOVER),
        }

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

    # ── contracts ────────────────────────────────────────────────────────────────────────────────────────────────

    def funding(self, row: Sequence[Any]) -> VenueFunding:
        symbol, amount_digits, price_digits, digits = self.markets[row[3]]
        return VenueFunding(
            id=row[0],
            user=row[1],
            wallet=self.wallets[row[2]],
            instrument=symbol,
            side=SIDES[row[4]],
            size=amount_of(int(row[5]), amount_digits),
            mark=amount_of(row[6], price_digits),
            rate=amount_of(row[7], FUNDING_DIGITS),
            asset=self.assets[row[8]][0],
            amount=amount_of(int(row[9]), digits),
            time_ns=row[10],
        )

    def closed(self, row: Sequence[Any]) -> VenueClosed:
        symbol, amount_digits, price_digits, digits = self.markets[row[3]]
        return VenueClosed(
            id=row[0],
            user=row[1],
            wallet=self.wallets[row[2]],
            instrument=symbol,
            side=SIDES[row[4]],
            long=bool(row[5]),
            mode="isolated" if row[6] else "cross",
            leverage=_optional(row[7], LEVERAGE_DIGITS),
            size=amount_of(int(row[8]), amount_digits),
            exit_value=amount_of(int(row[9]), digits),
            exit_basis=amount_of(int(row[10]), digits),
            realized=amount_of(int(row[11]), digits),
            fees=amount_of(int(row[12]), digits),
            funding=amount_of(int(row[13]), digits),
            size_max=amount_of(int(row[14]), amount_digits),
            mark=amount_of(row[15], price_digits),
            liquidated=bool(row[16]),
            opened_ns=row[17],
            time_ns=row[18],
        )

    def move(self, row: Sequence[Any]) -> VenueMove:
        asset, digits = self.assets[row[5]]
        return VenueMove(
            id=row[0],
            from_user=row[1],
            from_wallet=self.wallets[row[2]],
            to_user=row[3],
            to_wallet=self.wallets[row[4]],
            asset=asset,
            amount=amount_of(int(row[6]), digits),
            note=row[7],
            time_ns=row[8],
        )

    def noted(self, row: Sequence[Any]) -> VenueSnapshot:
        return _SNAPSHOT.decode(row[3])

    def forced(self, row: Sequence[Any]) -> VenueForced:
        asset, digits = self._of_collateral(row[2])
        return VenueForced(
            id=row[0],
            user=row[1],
            wallet=self.wallets[row[2]],
            asset=asset,
            equity=amount_of(int(row[3]), digits),
            maintenance=amount_of(int(row[4]), digits),
            deficit=amount_of(int(row[5]), digits),
            orders_canceled=_numbers(row[6]),
            orders_made=_numbers(row[7]),
            time_ns=row[8],
        )

    def _of_collateral(self, place: int) -> tuple[str, int]:
        """The asset of a collateral wallet or purse, and the digits of its parts."""
        if place == COLLATERAL_FROM:
            return self._quote, self._parts
        contract = (place - PURSE_FROM) >> 1 if place >= PURSE_FROM else place - COLLATERAL_FROM
        asset, digits = self.assets[self._settle[contract]]
        return asset, digits + PART_DIGITS


def collateral_places(profile: Profile) -> dict[str, int]:
    """The places of collateral wallets and purses, by name."""
    found = {FUTURES: COLLATERAL_FROM} if profile.collateral else {}
    found |= contracts.places(profile.instruments)
    for each in profile.instruments:
        if each.settle and profile.hedge:
            found[f"{ISOLATED}{each.symbol}:long"] = PURSE_FROM + 2 * each.id
            found[f"{ISOLATED}{each.symbol}:short"] = PURSE_FROM + 2 * each.id + 1
        elif each.settle:
            found[f"{ISOLATED}{each.symbol}"] = PURSE_FROM + 2 * each.id
    return found


def _position_side(traits: int) -> PositionSide:
    return "long" if traits & book.LONG_SIDE else "short" if traits & book.SHORT_SIDE else "both"


def side(buy: object) -> Side:
    return "buy" if buy else "sell"


def _optional(count: int | None, digits: int) -> Decimal | None:
    return None if count is None else amount_of(int(count), digits)


def _numbers(written: str) -> tuple[int, ...]:
    return tuple(map(int, written.split()))
