"""The checks of contracts over one account's facts: positions against fills (``checks/positions.py``), and figures
against formulas (``checks/figures.py``). It decides what is read for them, up to where it can be judged by now, and
from where the next run carries on; what ties is decided there.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from nostro import limits
from nostro.book.breaks import Break, Scope
from nostro.book.checks.figures import Figures
from nostro.book.checks.positions import BOTH, CHECK, Held, Log, Sighting, Sizes, Told, instants, sighted, snapped
from nostro.book.checks.terms import Ledger, Look, Proven, Result, Rules, is_contract, merged
from nostro.domain import values
from nostro.domain.records import (
    ClosedPosition,
    Entry,
    Fact,
    Fill,
    FundingPayment,
    Position,
    PositionEvent,
    Snapshot,
)

# The histories whose rows a policy may have formulas for, by kind.
STREAMS: Final[Mapping[str, str]] = {
    Snapshot.kind: "snapshots", FundingPayment.kind: "funding_payments", ClosedPosition.kind: "closed_positions",
    PositionEvent.kind: "position_events", Fill.kind: "fills", Entry.kind: "entries",
}  # fmt: skip


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What the next run needs. Looks at positions before ``sized_ns`` are judged, with the sums of fills before
    ``fills_ns``; answers before ``looked_ns`` and the rows of each kind before ``judged_ns`` are measured; positions'
    logs are read up to ``logged_ns``."""

    sized_ns: int = 0
    fills_ns: int = 0
    held: tuple[Held, ...] = ()
    looked_ns: int = 0
    judged_ns: dict[str, int] = {}
    logged_ns: int = 0
    told: tuple[Told, ...] = ()

    def undone_by(self, fact: Fact) -> bool:
        """Whether a fact that was just learned lies where all was judged."""
        at_ns = fact.effective_ns or 0
        sized_ns = self.sized_ns if isinstance(fact, Snapshot) else 0
        logged_ns = self.logged_ns if isinstance(fact, PositionEvent) else 0
        return at_ns < max(self.judged_ns.get(fact.kind, 0), sized_ns, logged_ns)


class Contracts:
    """One step, from where the last one ended to ``until_ns``. ``known``: the ids of the breaks so far."""

    def __init__(
        self, ledger: Ledger, *, rules: Rules, until_ns: int, proven: Mapping[str, Proven], carried: Carried,
        known: Iterable[str],
    ) -> None:  # fmt: skip
        self.results: list[Result] = []
        self.breaks: list[Break] = []
        self._ledger = ledger
        self._rules = rules
        self._until_ns = until_ns
        self._proven = proven
        self._from = carried
        self._known = tuple(known)

    def judge(self) -> Carried:
        """Judges, and answers what to carry."""
        if not self._rules.contracts:
            return self._from
        looks = sorted(
            self._ledger.looked(min(self._from.looked_ns, self._from.sized_ns), self._until_ns),
            key=lambda look: look.received_ns,
        )
        sized = self._sizes(looks) if self._proven["fills"].end_ns else self._unsized(looks)
        logged_ns, told = self._log()
        return msgspec.structs.replace(
            sized, looked_ns=self._until_ns, judged_ns=self._figures(looks), logged_ns=logged_ns, told=told
        )

    # ── positions ────────────────────────────────────────────────────────────────────────────────────────────────

    def _sizes(self, looks: Iterable[Look]) -> Carried:
        fills_edge, snapshots_edge = self._proven["fills"].end_ns, self._proven["snapshots"].end_ns
        edge_ns = max(min(fills_edge, snapshots_edge or fills_edge), self._from.sized_ns)
        sizes = Sizes(rules=self._rules, proven=self._proven["fills"], carried=self._from.held)
        for fill in self._ledger.fills(self._from.fills_ns, fills_edge):
            if is_contract(fill.instrument):
                sizes.fill(fill)
        for sighting in self._sightings(looks, edge_ns):
            sizes.look(sighting)
        self.results += sizes.results
        self.breaks += sizes.breaks
        again_ns = 2 * self._rules.skew_ns + 2 * limits.REQUEST_TIMEOUT_S * values.SECOND_NS
        fills_ns = max(self._from.fills_ns, edge_ns - again_ns)
        return msgspec.structs.replace(self._from, sized_ns=edge_ns, fills_ns=fills_ns, held=sizes.carry(fills_ns))

    def _sightings(self, looks: Iterable[Look], edge_ns: int) -> Iterator[Sighting]:
        """What was not judged before, and can be now, in the order of time."""
        seen = (sighted(look, self._rules) for look in looks if look.capability == "positions")
        young = (each for each in seen if self._from.sized_ns <= each.high_ns < edge_ns)
        snapshots = map(snapped, self._ledger.events(Snapshot, since_ns=self._from.sized_ns, until_ns=edge_ns))
        return heapq.merge(young, snapshots, key=lambda each: each.high_ns)

    def _unsized(self, looks: Iterable[Look]) -> Carried:
        """Where there are no fills, a position is only what is reported."""
        results = [
            Result(
                check=CHECK, scope=_scope(self._rules, fact), outcome="unchecked", terms=1,
                cause=self._proven["fills"].cause(look.sent_ns, look.received_ns),
                since_ns=look.sent_ns, until_ns=look.received_ns,
            )
            for look in looks if look.received_ns >= self._from.sized_ns
            for fact in look.facts if isinstance(fact, Position)
        ]  # fmt: skip
        self.results += merged(results)
        return msgspec.structs.replace(self._from, sized_ns=self._until_ns)

    def _log(self) -> tuple[int, tuple[Told, ...]]:
        proven, since_ns = self._proven["position_events"], self._from.logged_ns
        edge_ns = max(proven.end_ns, since_ns)
        log = Log(rules=self._rules, proven=proven, carried=self._from.told)
        for together in instants(self._ledger.events(PositionEvent, since_ns=since_ns, until_ns=edge_ns)):
            log.add(together)
        self.results += merged(log.results)
        self.breaks += log.breaks
        return edge_ns, log.carry()

    # ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _figures(self, looks: Iterable[Look]) -> dict[str, int]:
        """Up to where the rows of each kind are measured now."""
        policy, judged_ns = self._rules.policy, dict(self._from.judged_ns)
        if policy is None:
            return judged_ns
        figures = Figures(policy, rules=self._rules, instruments=self._ledger.instruments(), known=self._known)
        for look in looks:
            if look.received_ns >= self._from.looked_ns:
                figures.look(look)
        measured: set[type[Fact]] = {Snapshot, *(figure.of for figure in policy.figures)}
        for kind in sorted((each for each in measured if each.kind in STREAMS), key=lambda each: each.kind):
            since_ns, edge_ns = judged_ns.get(kind.kind, 0), self._proven[STREAMS[kind.kind]].end_ns
            for fact in self._ledger.events(kind, since_ns=since_ns, until_ns=edge_ns):
                if kind is not Fill or is_contract(getattr(fact, "instrument", "")):
                    figures.fact(fact)
            judged_ns[kind.kind] = max(since_ns, edge_ns)
        self.results += figures.results
        self.breaks += figures.breaks
        return judged_ns


def _scope(rules: Rules, position: Position) -> Scope:
    side = "" if position.side == BOTH else position.side
    return Scope(rules.account, position.sub_account, "", position.instrument, side)
