"""Positions of contracts against fills (docs/invariants.md B10), per sub-account, instrument and position side. It
decides whether what an exchange said of a position at two moments differs by what was filled in between; what a
position is worth is another check's (``figures.py``).

A position is looked at between two instants of ours, on a clock that may differ from the exchange's, or, in a
snapshot of a history, at one instant of its own. What was filled within that bracket may be in it or not: so what the
position was before all fills that are known is one of several numbers, and each further look leaves fewer of them.
The first look is where the sum begins, unless every fill since the account's opening is proven: then it begins at
zero. A look in which nothing fits begins anew, so that one missing fill is one break.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from nostro.book.breaks import Break, Hypothesis, Scope, identify
from nostro.book.checks.terms import Look, Outcome, Proven, Result, Rules, merged, row_key, row_name, signed
from nostro.domain import values
from nostro.domain.records import Fill, Position, PositionEvent, Snapshot

CHECK: Final = "positions"
EVENTS: Final = "position events"
BOTH: Final = "both"

Key = tuple[str, str, str]  # sub-account, instrument, position side


class Sighting(NamedTuple):
    """What one look showed: sizes by key, at some instant of the closed [``low_ns``, ``high_ns``] of the exchange's
    clock. ``whole``: nothing else was there, of ``sub_account`` where one is named."""

    low_ns: int
    high_ns: int
    sizes: Mapping[Key, Decimal]
    page: int
    whole: bool = True
    sub_account: str | None = None


class Held(msgspec.Struct, frozen=True):
    """What is carried of one key: the sum of its fills before the carried instant, what their texts may hide, and what
    the position can have been before all of them, as the looks up to ``seen_ns`` leave it (none: not looked at yet).
    ``hidden_then``: what was hidden by then."""

    key: Key
    sum: Decimal
    hidden: Decimal
    before: tuple[Decimal, ...] = ()
    seen_ns: int = 0
    hidden_then: Decimal = values.ZERO


class Told(msgspec.Struct, frozen=True):
    """The last event of a position's log, and what the position was after it."""

    key: Key
    at_ns: int
    row: str
    size: Decimal


def sighted(look: Look, rules: Rules) -> Sighting:
    """What a page of positions shows."""
    positions = [fact for fact in look.facts if isinstance(fact, Position)]
    low_ns, high_ns = look.sent_ns - rules.skew_ns, look.received_ns + rules.skew_ns
    return Sighting(low_ns, high_ns, _sizes(positions), look.page, whole=look.whole)


def snapped(snapshot: Snapshot) -> Sighting:
    """What a snapshot of a history shows, of its own sub-account."""
    at_ns, mine = snapshot.effective_ns or 0, snapshot.sub_account
    return Sighting(at_ns, at_ns, _sizes(snapshot.positions, mine), snapshot.page, sub_account=mine)


def _sizes(positions: Iterable[Position], sub_account: str | None = None) -> dict[Key, Decimal]:
    return {
        (each.sub_account if sub_account is None else sub_account, each.instrument, each.side): each.size
        for each in positions
    }


class _Line:
    """The fills of one key as sums by time, from the carried instant on."""

    def __init__(self, carried: Held) -> None:
        self.before = frozenset(carried.before)
        self.seen_ns, self.hidden_then = carried.seen_ns, carried.hidden_then
        self._times: list[int] = []
        self._sums, self._hidden = [carried.sum], [carried.hidden]

    def add(self, fill: Fill, hidden: Decimal) -> None:
        self._times.append(fill.effective_ns or 0)
        self._sums.append(values.EXACT.add(self._sums[-1], signed(fill.amount, fill.side == "buy")))
        self._hidden.append(values.EXACT.add(self._hidden[-1], hidden))

    def within(self, low_ns: int, high_ns: int) -> list[Decimal]:
        """Every sum that was in effect in the closed bracket, the latest first."""
        first, last = bisect_left(self._times, low_ns), bisect_right(self._times, high_ns)
        return self._sums[first : last + 1][::-1]

    def hidden_by(self, high_ns: int) -> Decimal:
        return self._hidden[bisect_right(self._times, high_ns)]

    def carry(self, key: Key, at_ns: int) -> Held:
        place = bisect_left(self._times, at_ns)
        return Held(
            key, self._sums[place], self._hidden[place], tuple(sorted(self.before)), self.seen_ns, self.hidden_then
        )


class Sizes:
    """Holds looks against the fills of contracts; both come in order of time. ``carried``: where an earlier run
    ended."""

    def __init__(self, *, rules: Rules, proven: Proven, carried: Sequence[Held] = ()) -> None:
        self.breaks: list[Break] = []
        self._rules = rules
        self._proven = proven
        self._lines: dict[Key, _Line] = {}
        self._keys: dict[str, list[Key]] = {}
        self._results: dict[Key, list[Result]] = {}
        for each in carried:
            self._line(each.key, each)

    @property
    def results(self) -> list[Result]:
        """By key; looks that show the same one after the other are one."""
        return [result for key in sorted(self._results) for result in self._results[key]]

    def fill(self, fill: Fill) -> None:
        self._line((fill.sub_account, fill.instrument, fill.position_side or BOTH)).add(
            fill, self._rules.quantum(fill.amount)
        )

    def look(self, sighting: Sighting) -> None:
        """Judges one look; the fills up to its end are there."""
        sizes = dict(sighting.sizes)
        if sighting.whole:
            mine = self._lines if sighting.sub_account is None else self._keys.get(sighting.sub_account, ())
            sizes = dict.fromkeys(mine, values.ZERO) | sizes
        for key, size in sorted(sizes.items()):
            self._judge(key, size, sighting)

    def carry(self, at_ns: int) -> tuple[Held, ...]:
        """The state at that instant, which no look that is still to come reaches behind."""
        return tuple(self._lines[key].carry(key, at_ns) for key in sorted(self._lines))

    def _line(self, key: Key, carried: Held | None = None) -> _Line:
        if key not in self._lines:
            self._lines[key] = _Line(carried or Held(key, values.ZERO, values.ZERO))
            self._keys.setdefault(key[0], []).append(key)
        return self._lines[key]

    def _judge(self, key: Key, size: Decimal, sighting: Sighting) -> None:
        line, low_ns, high_ns = self._line(key), sighting.low_ns, sighting.high_ns
        sums = line.within(low_ns, high_ns)
        possible = [values.EXACT.subtract(size, each) for each in sums]
        since_ns, hidden = line.seen_ns, line.hidden_by(high_ns)
        known = line.before
        if not known and not self._proven.cause(self._rules.opened_ns, high_ns):
            known, since_ns = frozenset((values.ZERO,)), self._rules.opened_ns
        cause = self._proven.cause(since_ns, high_ns) if known else ""
        outcome: Outcome = "unchecked" if cause or not known else "break"
        left = frozenset(possible)
        terms = (values.EXACT.subtract(hidden, line.hidden_then), self._rules.quantum(size))
        allowed = values.ZERO if self._rules.amounts == "text" else values.add((*terms, terms[1]))
        if known and not cause:
            fitting = [each for each in possible if _is_near(each, known, allowed)]
            if fitting:
                left = frozenset(fitting)
                outcome = "ties" if left & known else "ties within its quanta"
            else:
                computed = values.EXACT.add(sums[0], max(known))
                self._break(key, size, computed, since_ns=since_ns, sighting=sighting)
        line.before, line.seen_ns, line.hidden_then = left, low_ns, hidden
        if known:
            self._told(key, outcome, cause, since_ns=since_ns, until_ns=high_ns, tolerance=allowed)

    def _told(
        self, key: Key, outcome: Outcome, cause: str, *, since_ns: int, until_ns: int, tolerance: Decimal
    ) -> None:
        results = self._results.setdefault(key, [])
        result = Result(
            check=CHECK, scope=self._scope(key), outcome=outcome, cause=cause, terms=1, since_ns=since_ns,
            until_ns=until_ns, tolerance=tolerance,
        )  # fmt: skip
        if results and (results[-1].outcome, results[-1].cause) == (outcome, cause):
            results[-1:] = merged([results[-1], result])
        else:
            results.append(result)

    def _scope(self, key: Key) -> Scope:
        sub_account, instrument, side = key
        return Scope(self._rules.account, sub_account, "", instrument, "" if side == BOTH else side)

    def _break(self, key: Key, size: Decimal, computed: Decimal, *, since_ns: int, sighting: Sighting) -> None:
        scope, until_ns = self._scope(key), sighting.high_ns
        missing = values.EXACT.subtract(size, computed)
        self.breaks.append(
            Break(
                id=identify(CHECK, scope, anchor=f"since {since_ns}"), check=CHECK, name="position_differs",
                scope=scope, since_ns=since_ns, until_ns=until_ns, expected=computed, actual=size, missing=missing,
                pages=(sighting.page,) if sighting.page else (),
                text=(
                    f"{scope}: the exchange reports {values.canonical(size)} and the fills since it last did lead to "
                    f"{values.canonical(computed)}"
                ),
                hypotheses=(
                    Hypothesis(
                        name="missing_row", text=f"fills of {values.canonical(missing)} were never given",
                        amount=missing, since_ns=since_ns, until_ns=until_ns,
                    ),
                    Hypothesis(name="stale_snapshot", text="the exchange reported an older or newer position"),
                ),
            )
        )  # fmt: skip


def _is_near(amount: Decimal, known: Iterable[Decimal], allowed: Decimal) -> bool:
    return any(values.EXACT.subtract(amount, each).copy_abs() <= allowed for each in known)


class Log:
    """A position's own log: each event begins where the one before it ended. Events come in order of time."""

    def __init__(self, *, rules: Rules, proven: Proven, carried: Sequence[Told] = ()) -> None:
        self.results: list[Result] = []
        self.breaks: list[Break] = []
        self._rules = rules
        self._proven = proven
        self._last = {each.key: each for each in carried}

    def add(self, events: Iterable[PositionEvent]) -> None:
        """The events of one instant: each is followed by one that begins where it ended, where there is one (those that
        change nothing, as funding, come first), else by the first in the order of their ids."""
        waiting = sorted(events, key=lambda each: (each.size != each.size_before, row_key(each.native_id)))
        while waiting:
            event = next((each for each in waiting if self._follows(each)), waiting[0])
            waiting.remove(event)
            self._judge(event)

    def _follows(self, event: PositionEvent) -> bool:
        last = self._last.get((event.sub_account, event.instrument, BOTH))
        return last is not None and last.size == event.size_before

    def carry(self) -> tuple[Told, ...]:
        return tuple(self._last[key] for key in sorted(self._last))

    def _judge(self, event: PositionEvent) -> None:
        key, at_ns = (event.sub_account, event.instrument, BOTH), event.effective_ns or 0
        last, begins = self._last.get(key), event.size_before
        if event.size is not None:
            self._last[key] = Told(key, at_ns, row_name(event), event.size)
        if last is None or begins is None:
            return
        scope = Scope(self._rules.account, event.sub_account, "", event.instrument)
        cause = self._proven.cause(last.at_ns, at_ns)
        outcome: Outcome = "unchecked"
        if not cause:
            same = self._rules.ties(last.size, printed=begins)
            outcome = "ties" if last.size == begins else "ties within its quanta" if same else "break"
        self.results.append(
            Result(
                check=EVENTS, scope=scope, outcome=outcome, cause=cause, since_ns=last.at_ns, until_ns=at_ns, terms=1
            )
        )
        if outcome == "break":
            self.breaks.append(self._break(event, last, scope))

    def _break(self, event: PositionEvent, last: Told, scope: Scope) -> Break:
        before = event.size_before or values.ZERO
        missing = values.EXACT.subtract(before, last.size)
        return Break(
            id=identify(EVENTS, scope, anchor=f"between {last.row} and {row_name(event)}"), check=EVENTS,
            name="missing_row", scope=scope, since_ns=last.at_ns, until_ns=event.effective_ns or 0,
            expected=last.size, actual=before, missing=missing, rows=(last.row, row_name(event)),
            pages=(event.page,) if event.page else (),
            text=(
                f"{scope}: event {last.row} left {values.canonical(last.size)} and event {row_name(event)} begins "
                f"with {values.canonical(before)}"
            ),
        )  # fmt: skip


def instants(events: Iterable[PositionEvent]) -> Iterator[list[PositionEvent]]:
    """The events of each instant together."""
    group: list[PositionEvent] = []
    for event in events:
        if group and group[0].effective_ns != event.effective_ns:
            yield group
            group = []
        group.append(event)
    if group:
        yield group
