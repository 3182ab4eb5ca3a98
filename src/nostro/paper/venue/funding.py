"""What time brings to positions: funding at its instants, and at full hours a note of how things stand with users who
did something. It decides when both are due and who pays whom; the marks, rates and positions are those of the moment
at which time passes.

``docs/contracts.md``, Time, is the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from nostro.paper.venue.contracts import RATE_SCALE
from nostro.paper.venue.loans import HOUR_NS

if TYPE_CHECKING:
    from nostro.paper.venue.contracts import Contract
    from nostro.paper.venue.engine import Engine
    from nostro.paper.venue.positions import Position
    from nostro.paper.venue.rows import FundingRow, NotedRow

NEVER: Final = 1 << 63

_encode: Final = msgspec.msgpack.Encoder().encode


class Hours:
    """``next_ns``: before then nothing is due. ``stirred``: users of contracts that did something since their last
    snapshot. ``rows, noted``: of the command under way."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        contracts = engine.futures.contracts.values()
        self._contracts = sorted(contracts, key=lambda contract: contract.id)
        self._notes = engine.profile.snapshots
        self._noted = 0  # entries of the command under way that came before its last snapshot
        self.next_ns = 0 if contracts else NEVER
        self.stirred: set[int] = set()
        self.rows: list[FundingRow] = []
        self.rows_made = 0
        self.noted: list[NotedRow] = []
        self.noted_made = 0

    def due_after(self, at_ns: int) -> None:
        """Finds the next moment at which anything can be due."""
        steps = [contract.interval_ns for contract in self._contracts] + ([HOUR_NS] if self._notes else [])
        self.next_ns = min((_next(at_ns, step) for step in steps), default=NEVER)

    def pass_time(self, since_ns: int, until_ns: int) -> bool:
        """Funding and snapshots of every moment after one time and up to another, in order. Whether anybody paid."""
        funded, at_ns = False, since_ns
        while (at_ns := self._next_moment(at_ns)) <= until_ns:
            for contract in self._contracts:
                if at_ns % contract.interval_ns == 0 and contract.rate and contract.holders:
                    funded = self._fund(contract, at_ns) or funded
            if self._notes and at_ns % HOUR_NS == 0:
                self._note(at_ns)
        self.due_after(until_ns)
        return funded

    def _next_moment(self, at_ns: int) -> int:
        """When something happens next."""
        moments = [
            _next(at_ns, contract.interval_ns) for contract in self._contracts if contract.rate and contract.holders
        ]
        if self._notes and self.stirred:
            moments.append(_next(at_ns, HOUR_NS))
        return min(moments, default=NEVER)

    # ── funding ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _fund(self, contract: Contract, at_ns: int) -> bool:
        paid, ledger = 0, self._engine.ledger
        any_paid = False
        for _, position in sorted(contract.holders.items()):
            due = contract.value(position.size, contract.mark) * contract.rate
            amount = -(-due // RATE_SCALE)  # what is paid is rounded up, what is received down
            if amount:
                any_paid = True
                paid += amount
                self._pay(position, amount, at_ns=at_ns)
        ledger.rounding[contract.quote] += paid
        return any_paid

    def _pay(self, position: Position, amount: int, *, at_ns: int) -> None:
        engine, contract, user = self._engine, position.contract, position.user
        position.updated_ns = engine.ledger.at_ns
        position.funding -= amount
        if user is engine.matching.clearing.house:
            engine.ledger.insurance[contract.quote] -= amount
            return
        key = position.purse if position.isolated else position.key
        engine.ledger.post(user, key, reason="funding", total=-amount, held=0)
        place = contract.purse(position.side) if position.isolated else position.place
        engine.forced.moved.add((user.id, place))
        self.rows_made += 1
        self.rows.append((
            self.rows_made, user.id, place, contract.id, position.side, position.size, contract.mark, contract.rate,
            contract.quote, -amount, at_ns,
        ))  # fmt: skip
        self.stirred.add(user.id)

    # ── snapshots ────────────────────────────────────────────────────────────────────────────────────────────────

    def stir(self) -> None:
        """Notes down who did something in the command that ends."""
        if not self._notes:
            return
        users, stirred = self._engine.users, self.stirred
        entries, self._noted = self._engine.ledger.entries[self._noted :], 0
        for row in entries:
            if users[row[1]].contracts:
                stirred.add(row[1])
        for order in self._engine.matching.changed.values():
            if order.user.contracts:
                stirred.add(order.user.id)

    def _note(self, at_ns: int) -> None:
        for user in sorted(self.stirred):
            self.noted_made += 1
            snapshot = self._engine.shown.snapshot(self._engine.users[user], number=self.noted_made, at_ns=at_ns)
            self.noted.append((self.noted_made, user, at_ns, _encode(snapshot)))
        self.stirred.clear()
        self._noted = len(self._engine.ledger.entries)


def _next(at_ns: int, step_ns: int) -> int:
    return at_ns - at_ns % step_ns + step_ns
