"""Liquidation of contracts: what happens, at the end of a command, to collateral wallets and purses that no longer
cover the maintenance margin of what they back. It decides which are looked at and in which order they are closed; the
trades are ``matching.py``'s, their money ``clearing.py``'s.

``docs/contracts.md``, Liquidation, is the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nostro.paper.venue.contracts import Contract
from nostro.paper.venue.liquidation import written
from nostro.paper.venue.listing import PPM
from nostro.paper.venue.wallets import COLLATERAL_FROM, PURSE_FROM, key_of

if TYPE_CHECKING:
    from nostro.paper.venue.engine import Engine
    from nostro.paper.venue.positions import Position
    from nostro.paper.venue.rows import ForcedRow
    from nostro.paper.venue.wallets import User

Spot = tuple[int, int]  # user id, place


class Forced:
    """``marked``: contracts of which every holder is to be looked at, because a price changed; ``moved``: wallets and
    purses that something was taken from besides trades. ``rows``: of the command under way."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._purses = {
            contract.purse(side): (contract, side)
            for contract in engine.futures.contracts.values()
            for side in engine.futures.sides
        }
        self.marked: set[Contract] = set()
        self.moved: set[Spot] = set()
        self.rows: list[ForcedRow] = []
        self.made = 0

    def run(self) -> None:
        """Liquidates until nothing that was not yet must go. Only what the command or a price moved can."""
        filled = self._engine.matching.clearing.filled
        if not (filled or self.marked or self.moved):
            return
        suspects, done = self._revalued(), set[Spot]()
        while True:
            for position in filled:
                user, place = spot = self._backed_by(position)
                suspects.add(spot)
                if place != position.place:  # it pays its fees from the wallet
                    suspects.add((user, position.place))
            filled.clear()
            suspects = {each for each in suspects if each not in done and self._must_go(*each)}
            if not suspects:
                return
            first = min(suspects)
            done.add(first)
            self._liquidate(self._engine.users[first[0]], first[1])

    def _revalued(self) -> set[Spot]:
        """What a price revalued, or something was taken from."""
        found, self.moved = self.moved, set()
        for contract in self.marked:
            found |= {self._backed_by(position) for (user, _), position in contract.holders.items() if user}
        self.marked.clear()
        return found

    @staticmethod
    def _backed_by(position: Position) -> Spot:
        place = position.contract.purse(position.side) if position.isolated else position.place
        return position.user.id, place

    def _position(self, user: User, place: int) -> Position | None:
        """Of a purse."""
        contract, side = self._purses[place]
        return user.positions.get(contract.id << 2 | side)

    def _must_go(self, user_id: int, place: int) -> bool:
        user, collateral = self._engine.users[user_id], self._engine.collateral
        if place < PURSE_FROM:
            return place >= COLLATERAL_FROM and collateral.sinks(user, place)
        position = self._position(user, place)
        return position is not None and collateral.drowns(position)

    def _liquidate(self, user: User, place: int) -> None:
        engine, collateral = self._engine, self._engine.collateral
        if place < PURSE_FROM:
            noted = collateral.equity(user, place), collateral.maintenance(user, place)
            canceled = engine.matching.cancel([order for order in user.orders.values() if order.place == place])
            made, deficit = self._close_wallet(user, place)
        else:
            position = self._position(user, place)
            assert position is not None
            noted = collateral.backing(position)
            contract = position.contract
            canceled = engine.matching.cancel([order for order in user.orders.values() if order.market is contract])
            seen, made = len(engine.ledger.entries), self._close(position)
            paid = engine.ledger.entries[seen:]
            deficit = PPM * sum(row[7] for row in paid if row[5] == "insurance" and row[1:3] == (user.id, place))
        self.made += 1
        self.rows.append((
            self.made, user.id, place, *noted, deficit, written(canceled), written(made), engine.ledger.at_ns
        ))  # fmt: skip

    def _close_wallet(self, user: User, place: int) -> tuple[list[int], int]:
        """Closes the cross positions of a wallet until it covers the others. Ids of the orders, and the deficit."""
        collateral, made = self._engine.collateral, list[int]()
        for position in sorted(user.backed[place], key=lambda each: (each.contract.id, each.side)):
            if position.size and not position.isolated:
                if collateral.equity(user, place) > collateral.maintenance(user, place):
                    break
                made += self._close(position)
        gross, assets = collateral.assets(user, place)
        if collateral.crossed(user, place) or assets >= 0:
            return made, 0
        for asset, _ in collateral.takes[place]:
            key = key_of(asset, place)
            total = user.total(key)
            self._engine.ledger.post(user, key, reason="liquidation", total=-total, held=0)
            self._engine.ledger.insurance[asset] += total
        return made, -gross

    def _close(self, position: Position) -> list[int]:
        order = self._engine.futures.closing(position)
        self._engine.matching.force(order)
        return [order.id]
