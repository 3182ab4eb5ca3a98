"""Reported balances against the chain (docs/invariants.md B3, B11, B16). It decides which balances the exchange could
truly have reported at an instant, and whether the one that it did report is among them.

A snapshot was taken at some instant between sending and receiving, on the exchange's clock up to ``skew_ns`` away
from ours; every state of the chain that was in effect in that bracket is acceptable. Where the snapshot says when it
last changed (``updated_ns``, the exchange's own clock), it is held against the states of that instant, which needs no
entries proven through the bracket; entries between that instant and the bracket say that the balance is an old one.
``used`` is compared with the end of the held chain in the same way. Elsewhere a difference is a break only where the
entries are proven through the whole bracket; its cause then lies after the last entry before the bracket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from nostro.book.breaks import Break, Hypothesis, Scope, identify
from nostro.book.checks.anomalies import State
from nostro.book.checks.chain import Settled
from nostro.book.checks.terms import (
    NO_RUNNING_BALANCE,
    WHICH_WALLET,
    Outcome,
    Proven,
    Result,
    Rules,
    Seen,
    is_bare,
)
from nostro.domain import values

CHECK: Final = "reported balance"
PARTS: Final = "balance parts"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one balance stands at the last instant that could be judged. ``reported`` by the exchange; ``computed``:
    the sum of the entries' amounts by then; ``unexplained`` = reported - computed, None where nothing is computed
    (docs/invariants.md B16). ``outcome`` and ``cause`` are those of the check."""

    scope: Scope
    at_ns: int
    reported: Decimal
    reported_held: Decimal | None
    computed: Decimal | None
    unexplained: Decimal | None
    outcome: Outcome
    cause: str = ""


class Watch(msgspec.Struct):
    """A snapshot whose bracket is being passed, and the states that were in effect in it so far."""

    seen: Seen
    states: list[Settled]


def same_difference(known: Break, *, missing: Decimal | None, held: Decimal | None) -> bool:
    return (known.missing, known.held_missing) == (missing, held)


class Snapshots:
    """The snapshots of one scope, in the order in which they were taken, held against the states of its chain, which
    come in order through ``settle``; ``close`` judges what is left. ``carried``: the state before the first."""

    def __init__(
        self, scope: Scope, seen: Sequence[Seen], *, rules: Rules, proven: Proven, carried: Settled | None
    ) -> None:
        self.scope = scope
        self.results: list[Result] = []
        self.standing: Standing | None = None
        self._found: dict[str, Break] = {}
        self._rules = rules
        self._proven = proven
        self._last = carried or Settled(rules.opened_ns, State(None, None), State(values.ZERO, values.ZERO), "")
        self._begun = carried is not None
        self._coming = deque(sorted(seen, key=lambda each: (self._low(each), each.received_ns)))
        self._passing: list[Watch] = []

    def settle(self, settled: Settled) -> None:
        """The next state of the chain."""
        if not self._begun:
            self._begin(settled)
        while self._coming and self._low(self._coming[0]) < settled.at_ns:
            self._passing.append(Watch(self._coming.popleft(), [self._last]))
        left: list[Watch] = []
        for watch in self._passing:
            if self._high(watch.seen) < settled.at_ns:
                self._judge(watch)
            else:
                watch.states.append(settled)
                left.append(watch)
        self._passing = left
        self._last = settled

    def close(self) -> None:
        if not self._begun and not self._proven.cause(self._rules.opened_ns, self._rules.opened_ns):
            self._last = msgspec.structs.replace(self._last, state=State(values.ZERO, values.ZERO))
        self._passing += [Watch(seen, [self._last]) for seen in self._coming]
        self._coming.clear()
        for watch in self._passing:
            self._judge(watch)
        self._passing = []

    @property
    def breaks(self) -> list[Break]:
        return list(self._found.values())

    def _begin(self, first: Settled) -> None:
        """Before the first entry the balance was zero, where that is proven; elsewhere nobody knows."""
        self._begun = True
        if not self._proven.cause(self._rules.opened_ns, first.at_ns):
            self._last = msgspec.structs.replace(self._last, state=State(values.ZERO, values.ZERO))

    def _low(self, seen: Seen) -> int:
        sent_ns = seen.sent_ns - self._rules.skew_ns
        return sent_ns if seen.balance.updated_ns is None else min(seen.balance.updated_ns, sent_ns)

    def _high(self, seen: Seen) -> int:
        return seen.received_ns + self._rules.skew_ns

    # ── one snapshot ─────────────────────────────────────────────────────────────────────────────────────────────

    def _judge(self, watch: Watch) -> None:
        total = watch.seen.balance.total
        if total is None:
            return
        self._check_parts(watch.seen)
        state, outcome, cause = self._compare(watch)
        if outcome == "break":
            self._break(watch, state)
        seen = watch.seen
        self.results.append(
            Result(
                check=CHECK, scope=self.scope, outcome=outcome, cause=cause, terms=1,
                since_ns=seen.sent_ns, until_ns=seen.received_ns,
                tolerance=values.add(map(self._rules.quantum, (total, state.state.total or values.ZERO))),
            )
        )  # fmt: skip
        known = state.state.total is not None
        if self._stands(seen, outcome):
            computed = state.sum.total if known else None
            self.standing = Standing(
                scope=self.scope, at_ns=seen.received_ns, reported=total, reported_held=seen.balance.used,
                computed=computed, unexplained=None if computed is None else values.EXACT.subtract(total, computed),
                outcome=outcome, cause=cause,
            )  # fmt: skip

    def _stands(self, seen: Seen, outcome: Outcome) -> bool:
        """Whether this says more of now than what was judged before: snapshots are not judged in their own order."""
        before = self.standing
        if before is None:
            return True
        if "unchecked" in (before.outcome, outcome) and before.outcome != outcome:
            return outcome != "unchecked"
        # Of two that were received at once, the one that differs counts.
        return seen.received_ns + (outcome == "break") > before.at_ns

    def _compare(self, watch: Watch) -> tuple[Settled, Outcome, str]:
        """The state that the snapshot shows (or should), and what came of it."""
        seen = watch.seen
        low_ns, high_ns = seen.sent_ns - self._rules.skew_ns, self._high(seen)
        bracket = [
            state
            for state, following in zip(watch.states, [*watch.states[1:], None], strict=True)
            if following is None or following.at_ns > low_ns
        ]
        if is_bare(self.scope.wallet):
            return bracket[0], "unchecked", WHICH_WALLET
        nothing_known = bracket[0].state.total is None
        cause = self._proven.cause(self._rules.opened_ns if nothing_known else bracket[0].at_ns, high_ns)
        matching = [state for state in reversed(bracket) if not nothing_known and self._matches(seen, state)]
        if matching and not cause:
            return matching[0], self._tie(seen, matching[0]), ""
        updated = self._at_update(watch, low_ns)
        if updated is not None and not (matching and updated[1] == "break"):
            return updated
        if nothing_known:
            return bracket[0], "unchecked", cause or NO_RUNNING_BALANCE
        return (matching or bracket[::-1])[0], ("unchecked" if cause else "break"), cause

    def _at_update(self, watch: Watch, low_ns: int) -> tuple[Settled, Outcome, str] | None:
        """What follows from the instant that the exchange names as the last change, on its own clock: the balance is
        one of that instant (of its whole second, where it names whole seconds), and its total is that of no later
        entry. None where that says nothing."""
        seen, updated_ns = watch.seen, watch.seen.balance.updated_ns
        if updated_ns is None:
            return None
        known = [state for state in watch.states if state.state.total is not None]
        before = [state for state in known if state.at_ns <= updated_ns][-1:]
        end_ns = updated_ns + (values.SECOND_NS - 1 if updated_ns % values.SECOND_NS == 0 else 0)
        near_ns = updated_ns + self._rules.skew_ns
        around = [state for state in known if updated_ns < state.at_ns <= near_ns]
        later = [state for state in known if near_ns < state.at_ns <= low_ns]
        if later and not self._same_total(seen, later[-1]):
            return None if self._proven.cause(updated_ns, later[-1].at_ns) else (later[-1], "break", "")
        for state in (*(each for each in around[::-1] if each.at_ns <= end_ns), *before):
            if self._matches(seen, state) and not self._proven.cause(state.at_ns, updated_ns):
                return state, self._tie(seen, state), ""
        if not before or self._proven.cause(before[0].at_ns, near_ns):
            return None
        differs = not any(self._same_total(seen, state) for state in (*before, *around, *later))
        return ([*before, *around, *later][-1], "break", "") if differs else None

    def _same_total(self, seen: Seen, state: Settled) -> bool:
        return self._rules.ties(seen.balance.total or values.ZERO, printed=state.state.total or values.ZERO)

    def _matches(self, seen: Seen, state: Settled) -> bool:
        used, held = seen.balance.used, state.state.held
        return self._same_total(seen, state) and (used is None or held is None or self._rules.ties(used, printed=held))

    def _tie(self, seen: Seen, state: Settled) -> Outcome:
        exact = seen.balance.total == state.state.total and (
            seen.balance.used is None or state.state.held is None or seen.balance.used == state.state.held
        )
        return "ties" if exact else "ties within its quanta"

    def _break(self, watch: Watch, state: Settled) -> None:
        """One break as long as the chain stands on the same row: its interval ends at the first snapshot that shows
        it."""
        seen = watch.seen
        reported, computed = seen.balance.total or values.ZERO, state.state.total or values.ZERO
        missing = values.EXACT.subtract(reported, computed)
        held = None
        if seen.balance.used is not None and state.state.held is not None:
            held = values.EXACT.subtract(seen.balance.used, state.state.held)
        break_id = identify(CHECK, self.scope, anchor=f"after {state.row}")
        earlier = self._found.get(break_id)
        if earlier is not None and earlier.until_ns <= seen.received_ns:
            if same_difference(earlier, missing=missing, held=held):
                return  # the first that shows it is its evidence, however often it is said again
            until_ns = earlier.until_ns
        else:
            until_ns = seen.received_ns
        left = f"entry {state.row}" if state.row else "the beginning"
        amount = values.canonical(missing) + (f" (held {values.canonical(held)})" if held else "")
        self._found[break_id] = Break(
            id=break_id, check=CHECK, name="unexplained_balance", scope=self.scope,
            since_ns=min(state.at_ns, until_ns), until_ns=until_ns,
            expected=computed, actual=reported, missing=missing, held_missing=held,
            rows=(state.row,) if state.row else (), pages=(seen.balance.page,) if seen.balance.page else (),
            text=(
                f"{self.scope}: the exchange reports {values.canonical(reported)} and its entries lead to "
                f"{values.canonical(computed)}: {amount} came after {left} without an entry"
            ),
            hypotheses=(
                Hypothesis(
                    name="missing_row", text=f"an entry of {amount} after {left} was never given",
                    amount=missing, held=held, since_ns=min(state.at_ns, until_ns), until_ns=until_ns,
                ),
                Hypothesis(name="stale_snapshot", text="the exchange reported an older or newer balance than it said"),
            ),
        )  # fmt: skip

    def _check_parts(self, seen: Seen) -> None:
        """total = free + used, each as reported."""
        total, free, used = seen.balance.total, seen.balance.free, seen.balance.used
        if total is None or free is None or used is None:
            return
        parts = values.EXACT.add(free, used)
        ties = self._rules.ties(parts, printed=total, terms=(free, used, total))
        outcome: Outcome = "break" if not ties else "ties" if parts == total else "ties within its quanta"
        at_ns = seen.received_ns
        self.results.append(
            Result(check=PARTS, scope=self.scope, outcome=outcome, since_ns=at_ns, until_ns=at_ns, terms=1)
        )
        if ties:
            return
        missing = values.EXACT.subtract(total, parts)
        break_id = identify(PARTS, self.scope, anchor=values.canonical(missing))
        if break_id in self._found:
            return
        self._found[break_id] = Break(
            id=break_id, check=PARTS, name="parts_differ", scope=self.scope, since_ns=at_ns, until_ns=at_ns,
            expected=parts, actual=total, missing=missing,
            pages=(seen.balance.page,) if seen.balance.page else (),
            text=(
                f"{self.scope}: the exchange reports total {values.canonical(total)}, free {values.canonical(free)} "
                f"and used {values.canonical(used)}, which make {values.canonical(parts)}"
            ),
        )  # fmt: skip
