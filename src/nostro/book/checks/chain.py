"""The chain of running balances (docs/invariants.md B14): per sub-account, wallet and asset, before + amount = after in
every row, and after = before of the next, for the total and for the held part. It decides which rows tie and where one
is missing, doubled, altered or out of order; what the repair is, is decided in ``anomalies.py``.

Rows are fed in order of (effective_ns, id by number) and settled one at a time; a row that does not follow waits
until the few rows after it are there to tell what happened. A link is checked only where the entries between its rows
are proven; across a gap it is ``unchecked``, and what the balance did meanwhile is a *jump*: no break, and
unexplained.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Final

import msgspec

from nostro.book.breaks import Break, Scope
from nostro.book.checks import anomalies
from nostro.book.checks.anomalies import State
from nostro.book.checks.terms import NO_RUNNING_BALANCE, Outcome, Proven, Result, Rules, row_key, row_name
from nostro.domain import values
from nostro.domain.records import Entry

CHECK: Final = "running balance"
LOOKBACK_ROWS: Final = 32  # settled rows kept to recognise a double


class Settled(msgspec.Struct, frozen=True):
    """The balance from ``at_ns`` on, after the row ``row``: as the chain says, and as the sum of the entries'
    amounts."""

    at_ns: int
    state: State
    sum: State
    row: str


class Jump(msgspec.Struct, frozen=True):
    """What a balance did where its entries are not proven: before its history (``opening``), or across a gap. No facts
    say why; the fold shows it as its own line."""

    scope: Scope
    at_ns: int
    amount: Decimal
    held: Decimal | None
    cause: str
    opening: bool


class ChainState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a chain stands after one settled row: what the next run carries on from. ``passed``: rows up to this time
    and key are behind it. ``breaks, holes, extras``: what was found up to there; ``recent``: the rows settled last."""

    scope: Scope
    last: Entry
    settled: Settled
    passed: tuple[int, tuple[int, int, str]]
    recent: tuple[Entry, ...] = ()
    breaks: tuple[Break, ...] = ()
    holes: tuple[anomalies.Hole, ...] = ()
    extras: tuple[anomalies.Extra, ...] = ()


class Chain:
    """One chain. ``feed`` its rows in order, then ``close`` it; ``results``, ``breaks`` and ``jumps`` are what came
    of it."""

    def __init__(self, scope: Scope, *, rules: Rules, proven: Proven, carried: ChainState | None = None) -> None:
        self.scope = scope
        self.results: list[Result] = []
        self.jumps: list[Jump] = []
        self._rules = rules
        self._proven = proven
        self._breaks = list(carried.breaks) if carried else []
        self._holes = list(carried.holes) if carried else []
        self._extras = list(carried.extras) if carried else []
        self._pending: list[Entry] = []
        self._recent: deque[Entry] = deque(carried.recent if carried else (), maxlen=LOOKBACK_ROWS)
        self._last: Entry | None = carried.last if carried else None
        self._state = carried.settled.state if carried else State(None, None)
        self._sum = carried.settled.sum if carried else State(values.ZERO, values.ZERO)
        self._settled = carried.settled if carried else None
        self._passed = carried.passed if carried else (0, (0, 0, ""))
        self._loose = False  # only one row settled, and nothing proves what stood before it
        self._fed_ns: int | None = carried.settled.at_ns if carried else None
        self._proven_until = 0
        self._segment_ns: int | None = self._fed_ns
        self._links = 0
        self._inexact = False
        self._segment_breaks = 0
        self._tolerance = values.ZERO

    # ── feeding ──────────────────────────────────────────────────────────────────────────────────────────────────

    def feed(self, row: Entry) -> list[Settled]:
        """Takes the next row; answers what is settled by it."""
        at_ns = row.effective_ns or 0
        settled: list[Settled] = []
        if (at_ns, row_key(row.native_id)) <= self._passed:
            return settled  # judged by an earlier run
        if self._fed_ns is None:
            self._begin(row)
        elif at_ns >= self._proven_until:
            self._proven_until = self._proven.proven_until(self._fed_ns)
            if at_ns >= self._proven_until and (cause := self._proven.cause(self._fed_ns, at_ns)):
                settled = self._settle(final=True)
                self._bridge(row, cause)
        self._fed_ns = at_ns
        self._pending.append(row)
        return settled + self._settle(final=False)

    def close(self) -> list[Settled]:
        """Settles what waits: no row comes any more."""
        settled = self._settle(final=True)
        self._end_segment(self._fed_ns)
        return settled

    @property
    def breaks(self) -> list[Break]:
        """What was found so far, by earlier runs too: a row missing here and found there is one row out of order."""
        return anomalies.moved(self._breaks, holes=self._holes, extras=self._extras)

    @property
    def segment(self) -> Result | None:
        """The result of the interval that is being checked, up to now."""
        if self._segment_ns is None or self._last is None:
            return None
        return self._result(self._last.effective_ns or 0)

    def carry(self) -> ChainState | None:
        """The state to carry on from; None where no row is settled yet."""
        if self._last is None or self._settled is None:
            return None
        return ChainState(
            scope=self.scope,
            last=self._last,
            settled=self._settled,
            passed=self._passed,
            recent=tuple(self._recent),
            breaks=tuple(self._breaks),
            holes=tuple(self._holes),
            extras=tuple(self._extras),
        )

    @property
    def resume_ns(self) -> int | None:
        """The time of the first row that is not settled yet; None where there is none."""
        return self._pending[0].effective_ns if self._pending else None

    def _begin(self, row: Entry) -> None:
        at_ns = row.effective_ns or 0
        cause = self._proven.cause(self._rules.opened_ns, at_ns)
        if not cause:  # nothing can have happened before: the balance was zero
            self._segment_ns = self._rules.opened_ns
            self._state = State(values.ZERO, values.ZERO)
            return
        self._loose = True
        self._segment_ns = at_ns
        self._jump(row, cause, opening=True)

    def _bridge(self, row: Entry, cause: str) -> None:
        """Goes on behind a gap of coverage: the link across it says nothing."""
        since_ns = self._fed_ns or 0
        self._end_segment(since_ns)
        at_ns = row.effective_ns or 0
        self.results.append(
            Result(
                check=CHECK,
                scope=self.scope,
                outcome="unchecked",
                cause=cause,
                since_ns=since_ns,
                until_ns=at_ns,
                terms=1,
            )
        )
        self._segment_ns = at_ns
        self._loose = True
        self._jump(row, cause, opening=False)

    def _jump(self, row: Entry, cause: str, *, opening: bool) -> None:
        after = anomalies.before(row)
        amount = values.EXACT.subtract(after.total or values.ZERO, self._state.total or values.ZERO)
        held = None if after.held is None else values.EXACT.subtract(after.held, self._state.held or values.ZERO)
        if after.total is not None and (amount or held):
            self.jumps.append(Jump(self.scope, row.effective_ns or 0, amount, held, cause, opening))
        self._state = after
        self._last = None

    # ── settling ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _settle(self, *, final: bool) -> list[Settled]:
        settled: list[Settled] = []
        while self._pending:
            row = self._pending[0]
            if row.before is None or row.after is None:
                settled.append(self._sum_alone(row))
            elif self._follows(row):
                self._links += 1
                settled.append(self._accept(row, anomalies.after(row)))
            elif final or len(self._pending) > anomalies.LOOKAHEAD_ROWS:
                settled += self._diagnose(row, final=final)
            else:
                break
        return settled

    def _follows(self, row: Entry) -> bool:
        """Whether the row ties with the one before and within itself. The one place that runs for every row."""
        state = self._state
        before, after, amount = row.before, row.after, row.amount
        if before is None or after is None:
            return False
        computed = values.EXACT.add(before, amount)
        exact = (state.total is None or state.total == before) and computed == after
        if not exact:
            if state.total is not None and not self._rules.ties(state.total, printed=before):
                return False
            if not self._rules.ties(computed, printed=after, terms=(before, amount, after)):
                return False
            self._inexact = True
        if self._rules.amounts == "double":
            self._tolerance = max(self._tolerance, values.add(map(self._rules.quantum, (before, amount, after))))
        if row.held_before is None or row.held_after is None or row.held_amount is None:
            return True
        if state.held is not None and not self._rules.ties(state.held, printed=row.held_before):
            return False
        held = values.EXACT.add(row.held_before, row.held_amount)
        return self._rules.ties(held, printed=row.held_after, terms=(row.held_before, row.held_amount, row.held_after))

    def _accept(self, row: Entry, state: State) -> Settled:
        self._pending.pop(0)
        self._loose = self._loose and self._last is None
        return self._move(row, state)

    def _move(self, row: Entry, state: State, at_ns: int | None = None) -> Settled:
        self._state = state
        self._last = row
        self._recent.append(row)
        self._sum = State(
            values.EXACT.add(self._sum.total or values.ZERO, row.amount),
            values.EXACT.add(self._sum.held or values.ZERO, row.held_amount or values.ZERO),
        )
        own_ns = row.effective_ns or 0
        self._passed = max(self._passed, (own_ns, row_key(row.native_id)))
        self._settled = Settled(own_ns if at_ns is None else at_ns, state, self._sum, row_name(row))
        return self._settled

    def _sum_alone(self, row: Entry) -> Settled:
        """A row without running balances adds to the sum, and proves nothing."""
        at_ns = row.effective_ns or 0
        self.results.append(
            Result(
                check=CHECK, scope=self.scope, outcome="unchecked", cause=NO_RUNNING_BALANCE,
                since_ns=at_ns, until_ns=at_ns, terms=1,
            )
        )  # fmt: skip
        return self._accept(row, anomalies.advance(self._state, row))

    def _diagnose(self, row: Entry, *, final: bool) -> list[Settled]:
        """Names what is wrong with the first waiting row, and goes on behind it."""
        place = anomalies.Place(
            scope=self.scope, rules=self._rules, check=CHECK, state=self._state, last=self._last,
            origin_ns=self._segment_ns or 0, waiting=self._pending, final=final, loose=self._loose, recent=self._recent,
        )  # fmt: skip
        verdict = anomalies.diagnose(place)
        self._segment_breaks += 1
        if verdict.hole is not None:  # the row itself is looked at again, from the balance that it starts with
            self._holes.append(verdict.hole)
            self._breaks.append(verdict.hole.found)
            self._state = anomalies.before(row)
            known = row_name(self._last) if self._last is not None else ""
            return [Settled(row.effective_ns or 0, self._state, self._sum, known)]
        if verdict.extra is not None:
            self._extras.append(verdict.extra)
        self._breaks.append(verdict.found)
        self._links += len(verdict.consumed)
        if verdict.restarts:  # the only row settled so far was one of those out of order: it is settled again
            self._sum = State(
                values.EXACT.subtract(self._sum.total or values.ZERO, verdict.restarts.amount),
                values.EXACT.subtract(self._sum.held or values.ZERO, verdict.restarts.held_amount or values.ZERO),
            )
        times = sorted(each.effective_ns or 0 for each in verdict.consumed)
        del self._pending[: len(verdict.consumed) - (1 if verdict.restarts else 0)]
        self._loose = False
        return [
            self._move(each, state, at_ns)
            for each, state, at_ns in zip(verdict.consumed, verdict.states, times, strict=True)
        ]

    # ── results ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _result(self, until_ns: int) -> Result:
        outcome: Outcome = "break" if self._segment_breaks else "ties within its quanta" if self._inexact else "ties"
        return Result(
            check=CHECK, scope=self.scope, outcome=outcome, since_ns=self._segment_ns or 0, until_ns=until_ns,
            terms=self._links, tolerance=self._tolerance,
        )  # fmt: skip

    def _end_segment(self, until_ns: int | None) -> None:
        if self._segment_ns is not None and until_ns is not None and (self._links or self._segment_breaks):
            self.results.append(self._result(max(until_ns, self._segment_ns)))
        self._segment_ns = None
        self._links = self._segment_breaks = 0
        self._inexact = False
        self._tolerance = values.ZERO
