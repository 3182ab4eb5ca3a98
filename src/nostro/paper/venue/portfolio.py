"""Portfolio margin in the engine: what the cross positions of a user in that mode, and their orders, need together. It
decides which of them share an underlying and what each could be worth; what a grid asks for that is
``domain/margin/portfolio.py``'s, and what a wallet needs besides ``collateral.py``'s.

``docs/contracts.md``, Portfolio margin, is the rules.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from nostro.domain.margin.portfolio import Leg, requirement, rounded_up
from nostro.paper.venue.listing import PPM
from nostro.paper.venue.wallets import COLLATERAL_FROM

if TYPE_CHECKING:
    from nostro.paper.venue.index import Index
    from nostro.paper.venue.positions import Position
    from nostro.paper.venue.profile import Profile
    from nostro.paper.venue.wallets import User


class Opened(NamedTuple):
    """A key with other open orders than it has: lots that buy and sell."""

    position: Position
    bids: int
    asks: int


class Portfolio:
    """All results in the parts of `futures` (``collateral.py``)."""

    __slots__ = ("_grid", "_index", "_unit")

    def __init__(self, profile: Profile, index: Index) -> None:
        quoted = next(asset.digits for asset in profile.assets if asset.code == profile.quote_asset)
        self._grid = profile.grid
        self._index = index
        self._unit = PPM * 10 ** (index.digits - quoted)  # parts of a unit of the quote asset

    def initial(self, user: User, *, opened: Opened | None = None) -> int:
        """With orders, without their loss; ``opened``: as if that key had these."""
        return self._needed(self._legs(user, orders=True, opened=opened), of_it_ppm=self._grid.initial_ppm)

    def initial_positions(self, user: User) -> int:
        return self._needed(self._legs(user, orders=False), of_it_ppm=self._grid.initial_ppm)

    def maintenance(self, user: User) -> int:
        return self._needed(self._legs(user, orders=False), of_it_ppm=PPM)

    def _needed(self, underlyings: dict[str, list[Leg]], *, of_it_ppm: int) -> int:
        part, grid = Fraction(of_it_ppm, PPM), self._grid
        return sum(rounded_up(part * requirement(legs, grid=grid), quantum=self._unit) for legs in underlyings.values())

    def _legs(self, user: User, *, orders: bool, opened: Opened | None = None) -> dict[str, list[Leg]]:
        """By underlying."""
        found: dict[str, list[Leg]] = {}
        for position in user.backed.get(COLLATERAL_FROM, ()):
            if position.isolated:
                continue
            bids, asks = (position.bids, position.asks) if orders else (0, 0)
            if opened is not None and opened.position is position:
                bids, asks = opened.bids, opened.asks
            contract, size = position.contract, position.size
            if size or bids or asks:
                worth = PPM * self._index.weights[contract.quote]
                low, high = (worth * contract.value(lots, contract.mark) for lots in (size - asks, size + bids))
                found.setdefault(contract.underlying, []).append(Leg(contract.inverse, low, high))
        return found
