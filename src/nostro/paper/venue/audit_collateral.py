"""What positions and collateral wallets are worth and need, once more, for the audit: in fractions, from instruments
and sizes alone. It decides no invariant (``audit_contracts.py``), and computes nothing with the code that it is held
against.

``docs/contracts.md``, Margin and Portfolio margin, is the rules.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from nostro.paper.venue.book import REDUCE_ONLY
from nostro.paper.venue.wallets import COLLATERAL_FROM, PLACE_BITS, PLACE_MASK

if TYPE_CHECKING:
    from nostro.link.view import VenueInstrument
    from nostro.paper.venue.book import Order
    from nostro.paper.venue.engine import Engine
    from nostro.paper.venue.positions import Position
    from nostro.paper.venue.wallets import User

_MILLION: Final = 10**6


class Numbers:
    """The values of one venue's contracts, from its profile."""

    def __init__(self, engine: Engine) -> None:
        self._digits = {asset.code: asset.digits for asset in engine.profile.assets}
        self.listed = {each.id: each for each in engine.profile.instruments if each.settle}

    def exact(self, number: int, lots: int, *, at: int) -> Fraction:
        """In settle units, not rounded."""
        each = self.listed[number]
        size = Fraction(lots, 10**each.amount_digits) * Fraction(each.multiplier)
        price = Fraction(at, 10**each.price_digits)
        worth = size / price if each.kind == "inverse" else size * price
        return worth * self._units(each)

    def _units(self, contract: VenueInstrument) -> int:
        """Of one whole of its settle asset."""
        units: int = 10 ** self._digits[contract.settle]
        return units

    def value(self, number: int, lots: int, *, at: int) -> int:
        return round(self.exact(number, lots, at=at))

    def direction(self, number: int) -> int:
        return -1 if self.listed[number].kind == "inverse" else 1

    def rates(self, number: int, value: int) -> tuple[Fraction, Fraction]:
        """Initial and maintenance rate of a position of that value."""
        each = self.listed[number]
        worth = Fraction(value, self._units(each))
        tier = next(tier for tier in each.tiers if tier.up_to is None or worth <= Fraction(tier.up_to))
        return Fraction(tier.initial_ppm, _MILLION), Fraction(tier.maintenance_ppm, _MILLION)

    def unrealized(self, position: Position) -> int:
        contract = position.contract
        value = self.value(contract.id, position.size, at=contract.mark)
        return self.direction(contract.id) * (value - position.basis)

    def maintenance(self, position: Position) -> int:
        """Of a position by itself."""
        contract = position.contract
        value = self.value(contract.id, abs(position.size), at=contract.mark)
        return ceil(value * self.rates(contract.id, value)[1])

    def initial(self, position: Position, *, bids: int, asks: int) -> int:
        """Of a key by itself, with so many lots of open orders, without their loss."""
        size, contract = position.size, position.contract
        lots = max(abs(size), abs(size + bids), abs(size - asks))
        value = self.value(contract.id, lots, at=contract.mark)
        own = Fraction(100, position.leverage) if position.leverage is not None else Fraction(0)
        return ceil(value * max(self.rates(contract.id, value)[0], own))

    def loss(self, order: Order) -> int:
        """Of one order in the book."""
        assert order.position is not None
        assert order.price is not None
        contract, rest = order.position.contract, order.lots - order.filled
        away = self.value(contract.id, rest, at=order.price) - self.value(contract.id, rest, at=contract.mark)
        return max(0, (1 if order.buy else -1) * self.direction(contract.id) * away)


class _Key(NamedTuple):
    """A key with its open orders in the book (lots that buy and sell, their loss); ``unit``: what a settle unit is
    worth in the wallet."""

    position: Position
    bids: int
    asks: int
    loss: int
    unit: Fraction


class Margins:
    """Equity, initial and maintenance margin of a collateral wallet, in its own asset; ``without`` an order that is in
    the book."""

    def __init__(self, engine: Engine, user: User, *, place: int, without: Order | None = None) -> None:
        self._numbers, self._engine, self._common = Numbers(engine), engine, place == COLLATERAL_FROM
        self.equity = self._assets(user, place)
        self.initial = self.maintenance = Fraction(0)
        keys = [self._key(each, without) for each in user.positions.values() if each.contract.place == place]
        together = [key for key in keys if self._common and user.portfolio and not key.position.isolated]
        for key in keys:
            self._count(key, alone=key not in together)
        if together:
            self._count_together(together)

    def _worth(self, asset: int) -> Fraction:
        """Of a unit."""
        units: int = 10 ** self._engine.profile.assets[asset].digits
        return Fraction(self._engine.index.prices[asset], units * 10**8) if self._common else Fraction(1, units)

    def _assets(self, user: User, place: int) -> Fraction:
        profile, total = self._engine.profile, Fraction(0)
        kept = {each.asset: Fraction(_MILLION - each.haircut_ppm, _MILLION) for each in profile.collateral}
        for key, wallet in user.wallets.items():
            if key & PLACE_MASK == place:
                asset = key >> PLACE_BITS
                cut = kept[profile.assets[asset].code] if self._common and wallet.total > 0 else Fraction(1)
                total += wallet.total * self._worth(asset) * cut
        return total

    def _key(self, position: Position, without: Order | None) -> _Key:
        bids, asks, loss = position.bids, position.asks, position.loss()
        if without is not None and without.position is position and not without.traits & REDUCE_ONLY:
            rest = without.lots - without.filled
            bids, asks = (bids - rest, asks) if without.buy else (bids, asks - rest)
            loss -= self._numbers.loss(without)
        return _Key(position, bids, asks, loss, self._worth(position.contract.quote))

    def _count(self, key: _Key, *, alone: bool) -> None:
        numbers, position = self._numbers, key.position
        self.initial += key.unit * key.loss
        if alone:
            held = numbers.initial(position, bids=0, asks=0) if position.isolated else 0
            self.initial += key.unit * (numbers.initial(position, bids=key.bids, asks=key.asks) - held)
        if not position.isolated:
            self.equity += key.unit * numbers.unrealized(position)
            self.maintenance += key.unit * numbers.maintenance(position) * alone

    def _count_together(self, keys: list[_Key]) -> None:
        profile = self._engine.profile
        units = next(10**each.digits for each in profile.assets if each.code == profile.quote_asset)
        rate = Fraction(profile.grid.initial_ppm, _MILLION)
        for base in {each.base for each in self._numbers.listed.values()}:
            mine = [key for key in keys if self._numbers.listed[key.position.contract.id].base == base]
            bare = [key._replace(bids=0, asks=0) for key in mine]
            self.initial += Fraction(ceil(rate * self._required(mine) * units), units)
            self.maintenance += Fraction(ceil(self._required(bare) * units), units)

    def _required(self, keys: list[_Key]) -> Fraction:
        """What the grid asks for one underlying."""
        numbers, grid, ends, worth = self._numbers, self._engine.profile.grid, [], Fraction(0)
        for position, bids, asks, _, unit in keys:
            number, mark = position.contract.id, position.contract.mark
            low, high = (unit * numbers.value(number, position.size + lots, at=mark) for lots in (-asks, bids))
            ends.append((numbers.direction(number), low, high))
            worth += max(abs(low), abs(high))
        worst = worth * Fraction(grid.least_ppm, _MILLION)
        for move_ppm in grid.moves_ppm:
            after = 1 + Fraction(move_ppm, _MILLION)  # of a price of 1
            grown = {1: after - 1, -1: 1 - 1 / after}
            won = [min(low * grown[way], high * grown[way]) for way, low, high in ends]
            worst = max(worst, -sum(won, Fraction(0)))
        return worst


def ceil(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)
