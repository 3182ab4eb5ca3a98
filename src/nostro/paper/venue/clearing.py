"""Clearing: the money of a contract's fill, and of what the house takes over. It decides the entries that follow from a
change of a position, in their order, and notes down lifecycles that end; how a fill changes a position is
``positions.py``'s.

``docs/contracts.md``, Positions, is the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nostro.paper.venue.book import FORCED
from nostro.paper.venue.contracts import LEVERAGE_SCALE
from nostro.paper.venue.positions import position_of
from nostro.paper.venue.wallets import User

if TYPE_CHECKING:
    from nostro.paper.venue.book import Order
    from nostro.paper.venue.positions import Change, Position
    from nostro.paper.venue.rows import ClosedRow
    from nostro.paper.venue.wallets import Ledger

# Position before and after, basis before and after, profit realized, mark.
Told = tuple[int, int, int, int, int, int]


class Clearing:
    """``house``: user 0, who takes positions over; it is among no users. ``closed``: lifecycles that ended, and
    ``filled``: positions with a fill, of the command under way."""

    __slots__ = ("closed", "closed_made", "filled", "house", "ledger")

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.house = User(0, maker_ppm=0, taker_ppm=0, parent=None)
        self.closed: list[ClosedRow] = []
        self.closed_made = 0
        self.filled: dict[Position, None] = {}

    def fill(self, order: Order, lots: int, *, price: int, value: int, fee: int) -> Told:
        """An order's side of a trade. What its fill row says of the position."""
        position, ledger = order.position, self.ledger
        assert position is not None
        contract, user = position.contract, position.user
        size, basis = position.size, position.basis
        change = position.fill(lots, price=price, value=value, buy=order.buy)
        if change.realized:
            key = position.purse if position.isolated else position.key
            ledger.post(user, key, reason="realized_pnl", total=change.realized, held=0)
            ledger.clearing[contract.quote] -= change.realized
        if fee:
            ledger.post(user, position.key, reason="fee", total=-fee, held=0)
            ledger.fees[contract.quote] += fee
        if position.isolated:
            self._isolate(position, change, held=abs(size))
        self._live(position, change, held=size, fee=fee, forced=bool(order.traits & FORCED))
        self.filled[position] = None
        return size, position.size, basis, position.basis, change.realized, contract.mark

    def take_over(self, position: Position, lots: int, *, value: int) -> None:
        """The house's side of a trade with a liquidated position, which loses so many lots at the mark."""
        contract = position.contract
        own = position_of(self.house, contract, side=position.side)
        held = own.size
        change = own.fill(lots, price=contract.mark, value=value, buy=position.size > 0)
        self.ledger.insurance[contract.quote] += change.realized
        self.ledger.clearing[contract.quote] -= change.realized
        self._live(own, change, held=held, fee=0, forced=False)

    def _isolate(self, position: Position, change: Change, *, held: int) -> None:
        """Moves what a purse no longer backs out of it, and what it must back into it."""
        user, purse, ledger = position.user, position.purse, self.ledger
        if change.closed:
            total = user.total(purse)
            freed = max(total, 0) * change.closed // held
            ledger.post(user, purse, reason="isolate", total=-freed, held=0)
            ledger.post(user, position.key, reason="isolate", total=freed, held=0)
            if total < 0 and change.closed == held:
                ledger.post(user, purse, reason="insurance", total=-total, held=0)
                ledger.insurance[position.contract.quote] += total
        if change.opened:
            assert position.leverage is not None, "an isolated position without a leverage"
            backing = -(-change.opened * LEVERAGE_SCALE // position.leverage)
            ledger.post(user, position.key, reason="isolate", total=-backing, held=0)
            ledger.post(user, purse, reason="isolate", total=backing, held=0)

    def _live(self, position: Position, change: Change, *, held: int, fee: int, forced: bool) -> None:
        """A lifecycle begins, goes on, ends; ``held``: the size before."""
        contract, at_ns = position.contract, self.ledger.at_ns
        if not held:
            position.opened_ns = at_ns
            contract.holders[position.user.id, position.side] = position
        position.updated_ns = at_ns
        position.fees += fee
        position.exit_lots += change.closed
        position.exit_value += change.exit_value
        position.exit_basis += change.released
        position.realized += change.realized
        position.realized_ever += change.realized
        if change.closed and change.closed == abs(held):
            if position.user is not self.house:
                self._note(position, long=held > 0, forced=forced)
            position.end()
            if position.size:
                position.opened_ns = at_ns
            else:
                del contract.holders[position.user.id, position.side]
        position.size_max = max(position.size_max, abs(position.size))

    def _note(self, position: Position, *, long: bool, forced: bool) -> None:
        """A row of the lifecycle that ends now."""
        contract, opened_ns = position.contract, position.opened_ns
        assert opened_ns is not None
        self.closed_made += 1
        self.closed.append((
            self.closed_made, position.user.id, position.place, contract.id, position.side, long, position.isolated,
            position.leverage, position.exit_lots, position.exit_value, position.exit_basis, position.realized,
            position.fees, position.funding, position.size_max, contract.mark, forced, opened_ns, self.ledger.at_ns,
        ))  # fmt: skip
