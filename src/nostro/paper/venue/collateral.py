"""What contracts are backed with: the equity of collateral wallets and purses, and the margin that positions and orders
need. It decides these sums, exactly, and nothing that follows from them: ``admission.py`` refuses what is not backed,
``forced.py`` liquidates it; what positions of a user in portfolio mode need together is ``portfolio.py``'s.

``docs/contracts.md``, Margin, is the rules. Sums are *parts* of a wallet's own asset (the quote asset of index prices
for `futures`, the settle asset of a margin account), fine enough that they are always whole: 10^6 of them are a unit of
the settle asset in a margin account, and in `futures` what a unit is worth by its weight (``index.py``).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from nostro.paper.venue import contracts
from nostro.paper.venue.listing import PPM
from nostro.paper.venue.portfolio import Opened, Portfolio
from nostro.paper.venue.wallets import COLLATERAL_FROM, key_of

if TYPE_CHECKING:
    from nostro.paper.venue.index import Index
    from nostro.paper.venue.positions import Position
    from nostro.paper.venue.profile import Profile
    from nostro.paper.venue.wallets import User


class Collateral:
    """``takes``: the assets that each collateral wallet takes, each with 10^6 less its haircut in parts per million, by
    place. ``accounts``: the settle asset of each margin account, by place."""

    __slots__ = ("_digits", "_portfolio", "accounts", "index", "takes")

    def __init__(self, profile: Profile, index: Index) -> None:
        assets = {asset.code: place for place, asset in enumerate(profile.assets)}
        self._digits = [asset.digits for asset in profile.assets]
        self._portfolio = Portfolio(profile, index)
        self.index = index
        self.accounts: dict[int, int] = {}
        named = contracts.places(profile.instruments)
        for each in profile.instruments:
            if each.wallet in named:
                self.accounts[named[each.wallet]] = assets[each.settle]
        self.takes: dict[int, tuple[tuple[int, int], ...]] = {
            place: ((asset, PPM),) for place, asset in self.accounts.items()
        }
        if profile.collateral:
            listed = sorted((assets[each.asset], PPM - each.haircut_ppm) for each in profile.collateral)
            self.takes[COLLATERAL_FROM] = tuple(listed)

    def weight(self, asset: int, place: int) -> int:
        """Parts that a unit is worth in that wallet or purse."""
        return PPM * self.index.weights[asset] if place == COLLATERAL_FROM else PPM

    def digits(self, place: int, asset: int) -> int:
        """Decimals of the parts of a wallet or purse; ``asset``: the settle asset where it has one."""
        return (self.index.digits if place == COLLATERAL_FROM else self._digits[asset]) + 6

    # ── wallets ──────────────────────────────────────────────────────────────────────────────────────────────────

    def assets(self, user: User, place: int) -> tuple[int, int]:
        """What a wallet has, before and after haircuts."""
        gross = assets = 0
        wallets, weights, common = user.wallets, self.index.weights, place == COLLATERAL_FROM
        for asset, kept_ppm in self.takes[place]:
            wallet = wallets.get(key_of(asset, place))
            if wallet is not None:
                value = wallet.total * weights[asset] if common else wallet.total
                gross += PPM * value
                assets += value * (kept_ppm if value > 0 else PPM)
        return gross, assets

    def equity(self, user: User, place: int) -> int:
        """Assets and the unrealized profit of cross positions."""
        equity = self.assets(user, place)[1]
        for position in user.backed.get(place, ()):
            if position.size and not position.isolated:
                equity += position.unrealized() * self.weight(position.contract.quote, place)
        return equity

    def initial(self, user: User, place: int, *, but: Position | None = None) -> int:
        """The initial margin of positions and orders, without what `needs` gives for one key."""
        initial = sum(
            self._own(position, bids=position.bids, asks=position.asks, loss=position.loss())
            for position in user.backed.get(place, ())
            if position is not but
        )
        if self.together(user, place) and (but is None or but.isolated):
            initial += self._portfolio.initial(user)
        return initial

    def needs(self, position: Position, *, bids: int, asks: int, loss: int) -> int:
        """What a key with these open orders adds to the initial margin of its wallet; in portfolio mode, where it
        cannot be told from the others, with what all of them need together."""
        own = self._own(position, bids=bids, asks=asks, loss=loss)
        if position.isolated or not self.together(position.user, position.place):
            return own
        return own + self._portfolio.initial(position.user, opened=Opened(position, bids, asks))

    def _own(self, position: Position, *, bids: int, asks: int, loss: int) -> int:
        """What a key needs by itself."""
        contract, leverage = position.contract, position.leverage
        worst = position.worst(bids=bids, asks=asks)
        if not worst:
            return 0
        if not position.isolated and self.together(position.user, position.place):
            return loss * self.weight(contract.quote, position.place)
        needed = contract.initial(worst, leverage) + loss
        if position.isolated and position.size:
            needed -= contract.initial(abs(position.size), leverage)
        return needed * self.weight(contract.quote, position.place)

    def needed(self, user: User, place: int) -> int:
        """The initial margin of cross positions, without orders."""
        if self.together(user, place):
            return self._portfolio.initial_positions(user)
        return sum(
            position.contract.initial(abs(position.size), position.leverage)
            * self.weight(position.contract.quote, place)
            for position in user.backed.get(place, ())
            if position.size and not position.isolated
        )

    def maintenance(self, user: User, place: int) -> int:
        """Of cross positions."""
        if self.together(user, place):
            return self._portfolio.maintenance(user)
        return sum(
            position.contract.maintenance(abs(position.size)) * self.weight(position.contract.quote, place)
            for position in user.backed.get(place, ())
            if position.size and not position.isolated
        )

    def realized(self, user: User, place: int) -> int:
        """Profit realized by every contract of a wallet so far."""
        return sum(
            position.realized_ever * self.weight(position.contract.quote, place)
            for position in user.backed.get(place, ())
        )

    @staticmethod
    def together(user: User, place: int) -> bool:
        """Whether the cross positions of a wallet are margined together."""
        return user.portfolio and place == COLLATERAL_FROM

    def crossed(self, user: User, place: int) -> bool:
        """Whether a wallet backs a cross position."""
        return any(position.size and not position.isolated for position in user.backed.get(place, ()))

    def sinks(self, user: User, place: int) -> bool:
        """Whether a wallet with a cross position is to be liquidated."""
        if self.together(user, place):
            return self.crossed(user, place) and self.equity(user, place) <= self.maintenance(user, place)
        spare, crossed = self.assets(user, place)[1], False
        for position in user.backed.get(place, ()):
            if position.size and not position.isolated:
                crossed, contract = True, position.contract
                own = position.unrealized() - contract.maintenance(abs(position.size))
                spare += own * self.weight(contract.quote, place)
        return crossed and spare <= 0

    # ── positions ────────────────────────────────────────────────────────────────────────────────────────────────

    def backing(self, position: Position) -> tuple[int, int]:
        """Equity and maintenance margin of what backs a position: its purse, or its wallet; in parts."""
        user = position.user
        if position.isolated:
            equity = user.total(position.purse) + position.unrealized()
            return PPM * equity, PPM * position.contract.maintenance(abs(position.size))
        return self.equity(user, position.place), self.maintenance(user, position.place)

    def drowns(self, position: Position) -> bool:
        """Whether a purse is to be liquidated."""
        if not (position.isolated and position.size):
            return False
        equity, maintenance = self.backing(position)
        return equity <= maintenance

    def last_mark(self, position: Position) -> int | None:
        """The mark price at which a position would be liquidated if nothing but its own value moved, in ticks, rounded
        towards the mark; None where there is none, or where positions are margined together."""
        contract, size, held = position.contract, position.size, abs(position.size)
        if not size or (not position.isolated and self.together(position.user, position.place)):
            return None
        equity, maintenance = self.backing(position)
        weight = PPM if position.isolated else self.weight(contract.quote, position.place)
        own = position.unrealized() - contract.maintenance(held)
        others = Fraction(equity - maintenance, weight) - own  # what else backs it, in settle units
        rate = Fraction(contract.tier(contract.value(held, contract.mark)).maintenance_ppm, PPM)
        scale = Fraction(contract.numerator, contract.denominator)
        if contract.inverse:
            above, below = scale * (size + rate * held), position.basis + others
        else:
            above, below = position.basis - others, scale * (size - rate * held)
        if not below:
            return None
        price = above / below
        ticks = math.ceil(price) if size > 0 else math.floor(price)
        return ticks if ticks > 0 else None
