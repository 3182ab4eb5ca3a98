"""The judge of whoever pages a simulated history, and the usual wrong ways to page one. The judge knows the truth, and
works out by itself which rows can be proven at all; it never sees the pager."""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from naive.histories import IDENTITY, SECOND_NS, SYMBOLS, Exchange, Row, matches
from nostro.domain.records import Fact, Fill
from nostro.link.declare import Claim, Page, Query


@dataclass
class Verdict:
    """What was found. ``faults`` is empty where all is well."""

    faults: list[str] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    saturated: int = 0
    unreachable: int = 0
    calls: int = 0
    optimal: int = 0
    arrived: int = 0
    oversize: int = 0


class Judge:
    """Reads the steps of whoever pages, in their order, and holds them against the truth."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.made = exchange.made
        self.truth = self.made.swept(self.made.rows)
        self.given: Counter[object] = Counter()
        self.folded: Counter[object] = Counter()
        self.claims: list[Claim] = []
        self.verdict = Verdict()
        self._wanted: dict[int, Counter[object]] = {}
        for row in self.truth:
            self._wanted.setdefault(row.time_ns, Counter())[self.name(row.fact)] += 1
        self._times = sorted(self._wanted)

    def name(self, fact: Fact) -> object:
        if self.made.stream.native_ids:
            return fact.native_id
        return (fact.effective_ns, *(getattr(fact, word) for word in IDENTITY))

    def step(self, page: Page, all_facts: Sequence[Fact], facts: Iterable[Fact]) -> None:
        """A page, its facts as the exchange gave them, and those said to be taken from it."""
        for fact in facts:
            self.given[self.name(fact)] += 1
        here: Counter[object] = Counter()
        for fact in all_facts:
            if page.takes is None or page.takes[0] <= (fact.effective_ns or 0) < page.takes[1]:
                here[self.name(fact)] += 1
        if self.made.stream.native_ids:
            here = Counter(dict.fromkeys(here, 1))
        self.folded |= here
        if self.given != self.folded:
            self.fault("the pages and the steps tell different rows")
        for claim in page.claims:
            self._claim(claim)

    def fault(self, what: str) -> None:
        self.verdict.faults.append(what)

    def _claim(self, claim: Claim) -> None:
        if not self.made.since_ns <= claim.since_ns < claim.until_ns <= self.made.until_ns:
            self.fault(f"{claim} lies outside of what was asked")
        if any(claim.since_ns < past.until_ns and past.since_ns < claim.until_ns for past in self.claims):
            self.fault(f"{claim} overlaps an earlier claim")
        self.claims.append(claim)
        if claim.status == "proven":
            low, high = (bisect.bisect_left(self._times, edge) for edge in (claim.since_ns, claim.until_ns))
            for time_ns in self._times[low:high]:
                missing = self._wanted[time_ns] - self.given
                self.verdict.lost += missing.total()
        elif (claim.status, claim.cause) == ("open", "saturated"):
            self.verdict.saturated += 1

    def close(self) -> Verdict:
        """Judges the whole. Call it when the paging ended of itself."""
        verdict = self.verdict
        if verdict.lost:
            self.fault(f"{verdict.lost} rows lost in proven intervals")
        there = Counter(self.name(row.fact) for row in self.exchange.rows)
        verdict.doubled = (self.given - there).total()
        if verdict.doubled:
            self.fault(f"{verdict.doubled} rows doubled")
        at = self.made.since_ns
        for claim in sorted(self.claims, key=lambda claim: claim.since_ns):
            if claim.since_ns != at:
                self._uncovered(at, claim.since_ns)
            at = claim.until_ns
        if at != self.made.until_ns:
            self._uncovered(at, self.made.until_ns)
        self._reach()
        verdict.calls, verdict.optimal = self.exchange.calls, self.optimal()
        verdict.arrived, verdict.oversize = len(self.exchange.arrived), self.exchange.oversize
        if self.made.stream.keyed and self.exchange.listed > 1:
            self.fault(f"asked {self.exchange.listed} times for the symbols of one sweep")
        if verdict.calls > 10 * verdict.optimal:
            self.fault(f"{verdict.calls} calls where {verdict.optimal} would do")
        return verdict

    def _uncovered(self, since_ns: int, until_ns: int) -> None:
        """An interval without a claim is open; it may be one only where no page was left to carry its claim."""
        if self.made.body_rows is None:
            self.fault(f"[{since_ns}, {until_ns}) has no claim")
        self.claims.append(Claim("open", since_ns, until_ns, "saturated"))

    def _reach(self) -> None:
        """Every row that nobody can prove lies in an open interval, and no other."""
        claims = sorted(self.claims, key=lambda claim: claim.since_ns)
        starts = [claim.since_ns for claim in claims]
        cells: dict[int, list[Row]] = {}
        for row in self.made.swept(self.exchange.rows):
            cells.setdefault(self.made.cell(row), []).append(row)
        for cell, rows in cells.items():
            time_ns = max(cell * self.made.cell_ns, self.made.since_ns)
            claim = claims[bisect.bisect_right(starts, time_ns) - 1]
            reach = self.reach(cell)
            self.verdict.unreachable += reach is False
            if reach is False and claim.status == "proven":
                self.fault(f"unreachable rows at {rows[0].time_ns} are claimed proven")
            if reach is False and claim.status == "open" and claim.cause != "saturated":
                self.fault("an unreachable row is open for another cause")
            if reach is True and claim.status != "proven":
                self.fault(f"reachable rows at {rows[0].time_ns} are {claim.status}")

    def reach(self, cell: int) -> bool | None:
        """Whether all rows of a cell can be proven, by any means that the exchange has; None where that depends on when
        other rows arrived, or on a full answer happening to be whole."""
        made, stream = self.made, self.made.stream
        if stream.newest is not None:
            return self._among_newest(cell)
        if stream.unstable:  # two whole sweeps without a move must agree; of five, any three fifths hold two whole ones
            ends = [*self.exchange.stirred, self.exchange.calls]
            quiet = max(later - earlier for earlier, later in itertools.pairwise(ends))
            return True if 5 * quiet > 3 * self.exchange.calls + 15 else None
        if made.body_rows is None and (
            stream.page_size is None or (stream.native_ids and stream.position not in ("time", "none"))
        ):
            return True
        bound = made.body_rows or 0
        surely = bound if made.body_rows else min(stream.page_size or 0, made.cap_low) - 1
        possibly = bound if made.body_rows else max(stream.page_size or 0, made.cap)
        answers = []
        # Where a since is exclusive, and rows are finer than it, the timestamp before comes along on the same answer.
        along = cell - (stream.since == "exclusive" and not made.whole_cells)
        for rows, first, most in ((self.exchange.rows, along, surely), (made.rows, cell, possibly)):
            inside = [row.fact for row in rows if first <= made.cell(row) <= cell]
            answers.append(all(self._fits(inside, where, most) for where in made.parts()))
        if answers[0]:
            return True
        return None if answers[1] else False

    def _fits(self, facts: list[Fill], where: dict[str, str], most: int) -> bool:
        here = [fact for fact in facts if matches(fact, where)]
        if len(here) <= most or not self.made.stream.symbols:
            return len(here) <= most
        return all(sum(fact.instrument == symbol for fact in here) <= most for symbol in SYMBOLS)

    def _among_newest(self, cell: int) -> bool | None:
        """Whether the newest rows of every part reach behind this cell."""
        made, newest = self.made, self.made.stream.newest or 0
        seen = []
        for rows in (self.exchange.rows, made.rows):
            edges = []
            for where in made.parts():
                here = [row for row in rows if matches(row.fact, where)]
                if len(here) >= newest:
                    edges.append(made.cell(here[-min(made.cap, len(here))]))
            whole = all(edge < cell for edge in edges)
            seen.append(None if not whole and max(edges) == cell else whole)
        return seen[0] if seen[0] == seen[1] else None

    def optimal(self) -> int:
        """Calls of one who knows the truth: as few answers as hold all rows, window by window, part by part."""
        made, stream = self.made, self.made.stream
        if stream.newest is not None:
            return len(made.parts())
        cap = made.body_rows or min(made.cap, len(self.exchange.rows) + 1)
        both = stream.since != "absent" and stream.until != "absent"
        window_ns = ((stream.window_s if both else stream.default_window_s) or 1 << 40) * SECOND_NS
        rows = self.exchange.rows
        if stream.since != "absent" or stream.order == "descending":
            rows = [row for row in rows if row.time_ns >= made.since_ns]
        if stream.until != "absent" or (stream.order == "ascending" and stream.position != "after_id"):
            rows = [row for row in rows if row.time_ns < made.until_ns]
        calls = 0
        for where in made.parts():
            part = [row for row in rows if matches(row.fact, where)]
            here = Counter((row.time_ns - made.since_ns) // window_ns for row in part)
            windows = -(-(made.until_ns - made.since_ns) // window_ns)
            calls += max(0, windows - len(here)) + sum(-(-count // cap) for count in here.values())
            if stream.symbols:
                sizes = Counter(made.cell(row) for row in part)
                calls += len(SYMBOLS) * sum(size >= (stream.page_size or cap) for size in sizes.values())
        return max(1, calls) * (2 if stream.unstable else 1)


# ── how others page: each must fail before the judge ─────────────────────────────────────────────────────────────────

NAIVE = {
    "since = last + 1": "since ascending inclusive",
    "since = last, stop at nothing new": "since ascending inclusive",
    "offset, newest first": "offset newest first",
    "stop on a short page": "since ascending inclusive",
    "the first symbol for all": "one symbol a question",
    "a window's start for its rows' time": "rows without a time",
}  # and the style that each is made for


def naive(how: str, exchange: Exchange) -> list[tuple[Page, Sequence[Fact], list[Fact]]]:
    """Pages a history in one of the usual wrong ways: what it gave, page by page."""
    made = exchange.made
    if made.keeps == "first" and made.stream.position == "none":
        return naive_windows(exchange)
    size = made.stream.page_size or 1
    given: set[object] = set()
    steps: list[tuple[Page, Sequence[Fact], list[Fact]]] = []
    since_ns, skip = made.since_ns // made.cell_ns * made.cell_ns, 0
    by_offset = how == "offset, newest first"
    while since_ns < made.until_ns:
        bound_ns, position = (None, str(skip)) if by_offset else (since_ns, None)
        fetched = exchange.answer(Query(since_ns=bound_ns, limit=size, position=position))
        facts = list(fetched.facts)
        blind = by_offset or how == "since = last + 1"
        fresh = [fact for fact in facts if blind or fact.native_id not in given]
        given |= {fact.native_id for fact in facts}
        inside = [fact for fact in fresh if made.since_ns <= (fact.effective_ns or 0) < made.until_ns]
        steps.append((fetched.page, facts, inside))
        if not fresh or (how == "stop on a short page" and len(facts) < size):
            break
        last_ns = facts[-1].effective_ns or 0
        if by_offset:
            skip += len(facts)
            if last_ns < made.since_ns:
                break
        else:
            since_ns = (last_ns // made.cell_ns + (how == "since = last + 1")) * made.cell_ns
    return steps


def naive_windows(exchange: Exchange) -> list[tuple[Page, Sequence[Fact], list[Fact]]]:
    """Window by window, for one symbol where each must be named, and each row where its time seems to be."""
    made, stream = exchange.made, exchange.made.stream
    low, end = made.since_ns // made.cell_ns * made.cell_ns, -(-made.until_ns // made.cell_ns) * made.cell_ns
    width_ns = max(1, (stream.window_s or 1) * SECOND_NS // made.cell_ns) * made.cell_ns
    where = {stream.keyed: SYMBOLS[0]} if stream.keyed else {}
    steps: list[tuple[Page, Sequence[Fact], list[Fact]]] = []
    while low < end:
        high = min(low + width_ns, end)
        until_ns = high - made.cell_ns * (stream.until == "inclusive")
        fetched = exchange.answer(Query(since_ns=low, until_ns=until_ns, where=where))
        inside = [fact for fact in fetched.facts if made.since_ns <= (fact.effective_ns or 0) < made.until_ns]
        steps.append((fetched.page, fetched.facts, inside))
        low = high
    return steps
