"""Index prices, and what margin wallets are worth at them. It decides how values are compared: exactly, in whole
numbers of one common part of the quote asset; what follows from a comparison is for ``loans.py``, ``margin.py`` and
``liquidation.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from nostro.link.view import VenueMargin
from nostro.paper.venue.numbers import amount_of, whole
from nostro.paper.venue.profile import INDEX_DIGITS, INDEX_MAX
from nostro.paper.venue.wallets import PLACE_BITS
from nostro.paper.venue.words import LEVEL_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from nostro.paper.venue.loans import Loan
    from nostro.paper.venue.profile import Profile
    from nostro.paper.venue.wallets import User

LIMIT: Final = 2  # *ours*: debts are worth at most so many times the equity
LIQUIDATED_PART: Final = 20  # *ours*: one part of so many, 0.05: the margin level at which a wallet is liquidated
WARNING_PART: Final = 10  # *ours*: 0.10, the level at which it is in warning


class Index:
    """``prices``: of one whole of each asset, in 10^-8 quote assets. ``weights``: what a unit of each asset is worth,
    in parts of 10^-``digits`` of a quote asset; a value is units times weight."""

    __slots__ = ("_scales", "digits", "prices", "weights")

    def __init__(self, profile: Profile) -> None:
        most = max(asset.digits for asset in profile.assets)
        self.digits = most + INDEX_DIGITS
        self._scales = [10 ** (most - asset.digits) for asset in profile.assets]
        self.prices = [0] * len(profile.assets)
        self.weights = [0] * len(profile.assets)
        first = dict(profile.start_prices)
        for place, asset in enumerate(profile.assets):
            price = ticks(first[asset.code])
            assert price is not None, "the profile let a wrong price pass"
            self.set(place, price)

    def set(self, asset: int, price: int) -> None:
        self.prices[asset] = price
        self.weights[asset] = price * self._scales[asset]

    def worth(self, user: User, place: int) -> tuple[int, int]:
        """The values of what a wallet has, held parts included, and of what it owes."""
        wallets, loans, has, owes = user.wallets, user.loans, 0, 0
        for asset, weight in enumerate(self.weights):
            key = asset << PLACE_BITS | place
            wallet = wallets.get(key)
            if wallet is not None:
                has += wallet.total * weight
                loan = loans.get(key)
                if loan is not None:
                    owes += (loan.principal + loan.interest) * weight
        return has, owes

    def keeps_limit(self, user: User, place: int, *, gained: int, borrowed: int) -> bool:
        """Whether the wallet's debts stay within their limit, had it ``gained`` and owed ``borrowed`` more, both in
        values."""
        has, owes = self.worth(user, place)
        has, owes = has + gained, owes + borrowed
        return owes <= LIMIT * (has - owes)

    def shown(self, user: User, place: int, *, wallet: str) -> VenueMargin:
        """What a wallet is worth, in words; the level rounded down."""
        has, owes = self.worth(user, place)
        state: Literal["clear", "healthy", "warning"] = "clear"
        if owes:
            state = "warning" if WARNING_PART * (has - owes) <= owes else "healthy"
        return VenueMargin(
            user=user.id,
            wallet=wallet,
            assets=amount_of(has, self.digits),
            debt=amount_of(owes, self.digits),
            level=amount_of((has - owes) * 10**LEVEL_DIGITS // owes, LEVEL_DIGITS) if owes else None,
            state=state,
        )

    def must_go(self, user: User, place: int, *, debts: Iterable[Loan]) -> bool:
        """Whether a wallet that owes ``debts`` is to be liquidated."""
        wallets, weights, owes, has = user.wallets, self.weights, 0, 0
        for loan in debts:
            owes += (loan.principal + loan.interest) * weights[loan.asset]
        for asset, weight in enumerate(weights):
            wallet = wallets.get(asset << PLACE_BITS | place)
            if wallet is not None:
                has += wallet.total * weight
                if LIQUIDATED_PART * (has - owes) > owes:  # most wallets are far from it
                    return False
        return True


def ticks(price: Decimal) -> int | None:
    """An index price in 10^-8; None unless it is positive, whole, and not too large."""
    return whole(price, INDEX_DIGITS, at_most=INDEX_MAX)
