"""The desk: moves deposits and withdrawals through their statuses as time passes, as the people and networks of an
exchange do. Which way a transfer takes, and when, follows from the venue's seed and the transfer's id alone, so that a
restart changes nothing. *ours* throughout: the document names the statuses, and says nothing of their pace.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from nostro.domain.values import SECOND_NS
from nostro.paper.venue.commands import AdvanceDeposit, AdvanceWithdrawal

if TYPE_CHECKING:
    from nostro.paper.venue.transfers import Transfer
    from nostro.paper.venue.venue import Venue

# (of 100 transfers, the statuses that these take); what a person decides comes later than what a machine does
_DEPOSIT_WAYS: Final = (
    (88, ("confirmed",)),
    (8, ("moderation", "confirmed")),
    (2, ("moderation", "rejected")),
    (2, ("rejected",)),
)
_WITHDRAWAL_WAYS: Final = (
    (80, ("confirmed", "verified", "approved", "done")),
    (8, ("confirmed", "verified", "moderation", "approved", "done")),
    (3, ("confirmed", "verified", "moderation", "suspended", "approved", "done")),
    (2, ("confirmed", "verified", "moderation", "suspended", "refused")),
    (3, ("confirmed", "verified", "moderation", "refused")),
    (2, ("confirmed", "refused")),
    (2, ("canceled",)),
)
# seconds until a transfer takes that status, at least and at most
_PACE_S: Final = {
    "confirmed": (120, 1_200),
    "verified": (10, 120),
    "moderation": (5, 60),
    "suspended": (600, 7_200),
    "approved": (300, 5_400),
    "rejected": (600, 7_200),
    "refused": (600, 7_200),
    "canceled": (30, 300),
    "done": (60, 900),
}


class Desk:
    """Advances the transfers of one venue."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def advance(self, now_ns: int) -> int:
        """Takes every step that is due by now, in order of time. How many."""
        steps = 0
        while due := self._due(now_ns):
            for at_ns, withdrawal, number, status in sorted(due):
                command = (
                    AdvanceWithdrawal(withdrawal=number, status=status)
                    if withdrawal
                    else AdvanceDeposit(deposit=number, status=status)
                )
                self._venue.carry_out(command, at_ns=at_ns)
                steps += 1
        return steps

    def _due(self, now_ns: int) -> list[tuple[int, bool, int, str]]:
        """The next step, if its time has come, of each transfer under way: (time, whether a withdrawal, id, status)."""
        transfers = self._venue.engine.transfers
        found = []
        for withdrawal, under_way in ((False, transfers.deposits), (True, transfers.withdrawals)):
            for transfer in under_way.values():
                step = self._next(transfer, withdrawal=withdrawal)
                if step is not None and step[0] <= now_ns:
                    found.append((step[0], withdrawal, transfer.id, step[1]))
        return found

    def _next(self, transfer: Transfer, *, withdrawal: bool) -> tuple[int, str] | None:
        """When a transfer takes which status next; None where someone moved it off its way."""
        direction = "withdrawal" if withdrawal else "deposit"
        rolls = hashlib.sha256(f"{self._venue.seed} {direction} {transfer.id}".encode()).digest()
        way = _way(_WITHDRAWAL_WAYS if withdrawal else _DEPOSIT_WAYS, int.from_bytes(rolls[:4]) % 100)
        at_ns, before = transfer.time_ns, "new" if withdrawal else "pending"
        for place, status in enumerate(way):
            least_s, most_s = _PACE_S[status]
            roll = int.from_bytes(rolls[4 + 4 * place : 8 + 4 * place])
            at_ns += (least_s + roll % (most_s - least_s + 1)) * SECOND_NS
            if before == transfer.status:
                return at_ns, status
            before = status
        return None


def _way(ways: tuple[tuple[int, tuple[str, ...]], ...], roll: int) -> tuple[str, ...]:
    for share, way in ways:
        if roll < share:
            return way
        roll -= share
    return ways[0][1]
