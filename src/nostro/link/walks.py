"""How one part of a window is walked, in every way in which exchanges page. It decides what to ask next, which rows of
an answer are taken, and what an answer proves; it does not decide how wide a window is (``pager.py``), nor what several
parts prove together (``claims.py``).

Times are counted in *cells* of the stream's precision: what a bound cannot divide is one timestamp here. An answer
proves only the cells that it shows to be whole, that is, with a row behind them or nothing behind them; the cell at
its edge is read again. All walks go in one direction, upwards; a route that answers newest first is walked in
mirrored cells (-1 - cell), so that its newest is the first here too. The walks are plain generators that give a
`Query` and are sent its answer; they wait for nothing themselves.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import Any

import msgspec

from nostro import limits
from nostro.domain.records import Fact, content
from nostro.domain.values import SECOND_NS
from nostro.errors import PagingLoop, TooLarge, Undecodable
from nostro.link.claims import Tally
from nostro.link.declare import Claim, Fetched, Query, Stream
from nostro.link.source import Step


class Values(msgspec.Struct, frozen=True):
    """A question of the pager itself: what this condition can be."""

    condition: str


Move = Query | Step | Values
Moves = Generator[Move, Any, None]


class Answer(msgspec.Struct, frozen=True):
    """One answer and the cells of its rows, mirrored where the walk is."""

    fetched: Fetched
    cells: list[int]

    @property
    def first(self) -> int:
        return min(self.cells)

    @property
    def last(self) -> int:
        return max(self.cells)


class Memory:
    """Names of the rows given lately, with how often; forgets the oldest beyond `limits.IDS_REMEMBERED`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._given: dict[object, int] = {}

    def name(self, fact: Fact) -> object:
        if self._stream.native_ids:  # both sides of a trade with oneself share its id
            return (fact.native_id, getattr(fact, "side", None), getattr(fact, "direction", None))
        named = tuple(str(getattr(fact, field, fact.extra.get(field))) for field in self._stream.identity)
        return (fact.effective_ns, named or content(fact))

    def count(self, facts: Sequence[Fact]) -> Counter[object]:
        """How many rows of each name there are. Without native ids the twins on one page are as many rows."""
        names = [self.name(fact) for fact in facts]
        return Counter(set(names) if self._stream.native_ids else names)

    def fresh(self, facts: Sequence[Fact]) -> tuple[Fact, ...]:
        """The rows that were not given yet."""
        here: Counter[object] = Counter()
        fresh = []
        for fact in facts:
            name = self.name(fact)
            here[name] = 1 if self._stream.native_ids else here[name] + 1
            if here[name] > self._given.get(name, 0):
                fresh.append(fact)
                self._given[name] = here[name]
        for name in list(itertools.islice(self._given, max(0, len(self._given) - limits.IDS_REMEMBERED))):
            del self._given[name]
        return tuple(fresh)


class Part:
    """One sub-query of a window: its conditions, and what it has shown."""

    def __init__(self, tally: Tally, index: int, *, where: dict[str, str], memory: Memory, splittable: bool) -> None:
        self.tally = tally
        self.index = index
        self.where = where
        self.memory = memory
        self.splittable = splittable
        self.shown: Counter[object] = Counter()  # names of the rows that this sweep took, where someone compares them
        self.compared = False
        self.rows = 0


class Walker:
    """Walks the parts of one sweep. ``cells``: what is swept, [low, high). ``width_max``: the widest window, cells.
    ``whole``: an answer holds all that was asked for. ``full_rows``: an answer of so many may be cut, None where that
    is not known; less than the page size once a shorter answer was."""

    def __init__(self, stream: Stream, *, since_ns: int, until_ns: int) -> None:
        self.stream = stream
        self.cell_ns = stream.precision_ns
        self.since_ns = since_ns
        self.until_ns = until_ns
        self.takes_since = stream.since != "absent"
        self.takes_until = stream.until != "absent"
        self.cells = (since_ns // self.cell_ns, -(-until_ns // self.cell_ns)) if since_ns < until_ns else (0, 0)
        self.whole = stream.page_size is None and stream.position in ("none", "time")
        self.full_rows = stream.page_size
        self.mirrored = False
        self.width_max = self._width_max()
        self._walk = self._choose()

    @property
    def takes_both(self) -> bool:
        return self.takes_since and self.takes_until

    def cover(self, part: Part, interval: tuple[int, int]) -> Moves:
        """All of a part in an interval of cells that are not mirrored."""
        yield from self._walk(part, *self._mirror(*interval))

    def instant(self, part: Part, cell: int) -> Moves:
        """One cell, not mirrored, whose answer is too large."""
        yield from self._saturated(part, self._mirror(cell, cell + 1)[0], None)

    # ── the declaration ──────────────────────────────────────────────────────────────────────────────────────────

    def _choose(self) -> Callable[[Part, int, int], Moves]:
        stream = self.stream
        ascends, descends = stream.order == "ascending", stream.order == "descending"
        by_bound = (ascends and self.takes_since) or (descends and self.takes_until)
        if not stream.timed and not (self.whole and stream.native_ids and self._is_window()):
            message = f"Stream {stream.name!r}: rows without a time need ids, and windows that are answered whole."
            raise ValueError(message)
        if stream.newest is not None:
            return self._latest
        self.mirrored = descends
        if stream.position in ("offset", "page", "cursor", "after_id"):
            if stream.native_ids:
                return self._follow
            if by_bound:
                return self._climb
            if stream.position == "offset" and stream.order != "any":
                return self._overlap
            message = f"Stream {stream.name!r}: rows without ids need a bound or an offset, and an order, to be paged."
            raise ValueError(message)
        if by_bound and (stream.position == "time" or not self.takes_both):
            return self._climb
        self.mirrored = False
        return self._narrow

    def _is_window(self) -> bool:
        """Whether a question's bounds are those of the times it asks for: then it tells the time of its rows."""
        stream = self.stream
        return stream.newest is None and (stream.since, stream.until) == ("inclusive", "exclusive")

    def _width_max(self) -> int:
        """The widest window; where one bound is absent, what the exchange takes for it. With an exclusive since the
        interval that is sent is one cell wider."""
        stream = self.stream
        span_s = stream.window_s if self.takes_both else stream.default_window_s
        if span_s is None or not (self.takes_since or self.takes_until):
            return 1 << 80
        return max(1, span_s * SECOND_NS // self.cell_ns - (stream.since == "exclusive"))

    # ── asking and taking ────────────────────────────────────────────────────────────────────────────────────────

    def _mirror(self, low: int, high: int) -> tuple[int, int]:
        return (-high, -low) if self.mirrored else (low, high)

    def _ns(self, low: int, high: int) -> tuple[int, int]:
        """Times of an interval of cells, within what the sweep was asked for."""
        low, high = self._mirror(low, high)
        since_ns = min(max(low * self.cell_ns, self.since_ns), self.until_ns)
        return since_ns, min(max(high * self.cell_ns, since_ns), self.until_ns)

    def _ask(self, part: Part, low: int, high: int, position: str | None = None) -> Generator[Query, Fetched, Answer]:
        stream = self.stream
        since, until = self._mirror(low, high)
        fetched = yield Query(
            since_ns=(since - (stream.since == "exclusive")) * self.cell_ns if self.takes_since else None,
            until_ns=(until - (stream.until == "inclusive")) * self.cell_ns if self.takes_until else None,
            limit=stream.newest or stream.page_size,
            position=position,
            where=part.where,
        )
        cells = []
        for fact in fetched.facts:
            if fact.effective_ns is None:
                message = f"A row of the history {stream.name!r} has no time."
                raise Undecodable(message, exchange=fetched.page.exchange)
            cell = fact.effective_ns // self.cell_ns
            cells.append(-1 - cell if self.mirrored else cell)
        part.rows += len(cells)
        return Answer(fetched, cells)

    def _step(self, part: Part, answer: Answer, taken: tuple[int, int], window: tuple[int, int]) -> Step:
        """The step of an answer. Without ids the rows of ``taken`` are its own; with ids every row of the window is,
        unless it was given before."""
        since_ns, until_ns = self._ns(*(window if self.stream.native_ids else taken))
        facts = answer.fetched.facts
        inside = self._inside(facts, since_ns, until_ns)
        # Answers that are whole share no row with each other.
        fresh = tuple(inside) if self.whole and not part.compared else part.memory.fresh(inside)
        if part.compared:
            part.shown |= part.memory.count(inside)
        bare = self.stream.native_ids and len(inside) == len(facts)
        takes = None if bare else (since_ns, until_ns)
        claims = part.tally.claims(self.cell_ns, since_ns=self.since_ns, until_ns=self.until_ns)
        return Step(msgspec.structs.replace(answer.fetched.page, takes=takes, claims=claims), fresh, facts)

    def _inside(self, facts: Sequence[Fact], since_ns: int, until_ns: int) -> list[Fact]:
        """The rows of these times; where rows have none, all that were answered are what was asked for."""
        if not self.stream.timed:
            return list(facts)
        return [fact for fact in facts if since_ns <= (fact.effective_ns or 0) < until_ns]

    def _prove(self, part: Part, low: int, high: int) -> None:
        part.tally.report(part.index, self._mirror(low, high))

    def _full(self, answer: Answer) -> bool:
        return self.full_rows is not None and len(answer.cells) >= self.full_rows

    # ── walks: each covers the cells [low, high) of one part ─────────────────────────────────────────────────────

    def _climb(self, part: Part, low: int, high: int) -> Moves:
        """By the bounds: an answer holds the first rows from the bound on, and the next one starts at its last cell."""
        at = low
        while at < high:
            answer = yield from self._ask(part, at, high)
            cells = answer.cells
            if cells and answer.last < at - 1:
                raise self._circle(f"the bound {self._ns(at, high)}", answer)
            if self.whole or not cells or answer.last >= high:
                self._prove(part, at, high)
                yield self._step(part, answer, (at, high), (low, high))
                return
            if answer.last > at:
                self._prove(part, at, answer.last)
                yield self._step(part, answer, (at, answer.last), (low, high))
                at = answer.last
            elif self._full(answer):
                yield from self._saturated(part, at, answer)
                at += 1
            elif at + 1 == high and self.takes_both:
                self._prove(part, at, high)
                yield self._step(part, answer, (at, high), (low, high))
                return
            else:
                at = yield from self._look_behind(part, at, high, answer)

    def _look_behind(self, part: Part, at: int, high: int, answer: Answer) -> Generator[Move, Any, int]:
        """A short answer of one cell: whole if nothing is behind it, else something cut it (or something came
        meanwhile, and a second answer shows it). Gives the cell where to go on."""
        yield self._step(part, answer, (at, at + 1), (at, high))
        behind = yield from self._ask(part, at + 1, high)
        # Rows of this cell again (its bound is loose), or beyond what the first answer spans, show nothing of it.
        cut = any(at < cell < at + self.width_max for cell in behind.cells)
        if not cut and not (self._full(behind) and behind.last <= at):
            self._prove(part, at, high)
            yield self._step(part, behind, (at + 1, high), (at, high))
            return high
        again = yield from self._ask(part, at, high)
        if not again.cells or again.last <= at:
            if again.cells:
                self.full_rows = min(self.full_rows or len(again.cells), len(again.cells))
            yield from self._saturated(part, at, again)
            return at + 1
        reached = min(again.last, high)
        self._prove(part, at, reached)
        yield self._step(part, again, (at, reached), (at, high))
        return reached

    def _narrow(self, part: Part, low: int, high: int) -> Moves:
        """By narrower windows: a full answer was cut at one end, and nothing says at which; its inner cells are
        whole."""
        waiting = [(low, high)]
        while waiting:
            left, right = waiting.pop()
            answer = yield from self._ask(part, left, right)
            inside = [cell for cell in answer.cells if left <= cell < right]
            if self.whole or not self._full(answer):
                self._prove(part, left, right)
                yield self._step(part, answer, (left, right), (low, high))
                continue
            if right - left == 1:
                yield from self._saturated(part, left, answer)
                continue
            first, last = (min(inside), max(inside)) if inside else ((left + right) // 2,) * 2
            if first < last:
                sides = [(left, first + 1), (last, right)]
                self._prove(part, first + 1, last)
            else:
                sides = [(left, first), (first, first + 1), (first + 1, right)]
            sides = [(start, end) for start, end in sides if start < end]
            if not self.takes_both:
                for start, end in sides:
                    part.tally.report(part.index, (start, end), status="open", cause="saturated")
                yield self._step(part, answer, (left, right), (low, high))
                return
            waiting += sides
            yield self._step(part, answer, (min(first + 1, last), last), (low, high))

    def _follow(self, part: Part, low: int, high: int) -> Moves:
        """By position, with native ids. Where rows come in order, what lies before the last row of a page is whole."""
        position = self.stream.position_first
        asked = {position}
        ordered = self.stream.order != "any"
        at, repeats, before = low, 0, [object()]
        for _ in range(limits.PAGES_PER_SWEEP_MAX):
            answer = yield from self._ask(part, low, high, position)
            cells = answer.cells
            ordered = ordered and all(one <= two for one, two in itertools.pairwise(cells))
            onward = self._onward(position, answer)
            ended = onward is None or (ordered and bool(cells) and answer.last >= high)
            reached = high if ended else max(at, answer.last) if ordered and cells else at
            if reached > at:
                self._prove(part, at, reached)
                at = reached
            yield self._step(part, answer, (low, high), (low, high))
            if ended:
                return
            names = [part.memory.name(fact) for fact in answer.fetched.facts]
            repeats = repeats + 1 if names and names == before else 0
            if onward in asked or repeats >= limits.REPEATED_PAGES_MAX:
                raise self._circle(f"position {onward!r}", answer)
            asked.add(onward)
            position, before = onward, names
        raise self._circle(f"position {position!r}", answer)

    def _onward(self, position: str | None, answer: Answer) -> str | None:
        """The next position, None at the end of the window."""
        facts, said = answer.fetched.facts, answer.fetched.position
        if not facts and (said is None or self.stream.empty_ends):
            return None
        if said is not None or self.stream.position == "cursor":
            return said
        if self.stream.position == "after_id":
            return facts[-1].native_id
        step = len(facts) if self.stream.position == "offset" else 1
        return str(int(position or "0") + step)

    def _overlap(self, part: Part, low: int, high: int) -> Moves:
        """By offset, without ids or bounds: each page starts one row early, so that a known row shows that nothing was
        skipped, and a cell is taken from the page that holds it and a row on either side."""
        origin = skip = int(self.stream.position_first or "0")
        at, stuck = low, (-1, [0])
        for _ in range(limits.PAGES_PER_SWEEP_MAX):
            answer = yield from self._ask(part, low, high, str(skip))
            cells = answer.cells
            if cells and skip > origin and cells[0] >= at:
                skip -= 1
            elif not cells or answer.last >= high:
                self._prove(part, at, high)
                yield self._step(part, answer, (at, high), (low, high))
                return
            elif answer.last < at:
                yield self._step(part, answer, (at, at), (low, high))
                skip += len(cells)
            elif (index := cells.index(answer.last)) > 1:
                self._prove(part, at, answer.last)
                yield self._step(part, answer, (at, answer.last), (low, high))
                at, skip = answer.last, skip + index - 1
            elif (skip, cells) == stuck:  # nothing was shifted since, so the row behind it was of this timestamp too
                yield from self._saturated(part, answer.last, answer)
                at, skip = answer.last + 1, skip + len(cells)
            else:
                edge, stuck = answer.last, (skip, cells)
                self._prove(part, at, edge)
                yield self._step(part, answer, (at, edge + 1), (low, high))
                at = edge
                behind = yield from self._ask(part, low, high, str(skip + len(cells)))
                if not behind.cells or behind.cells[0] > edge:
                    self._prove(part, edge, edge + 1 if behind.cells else high)
                    yield self._step(part, behind, (edge + 1, edge + 1), (low, high))
                    at, skip = edge + 1, skip + len(cells) - 1
                if not behind.cells:
                    return
        raise self._circle(f"offset {skip}", answer)

    def _latest(self, part: Part, low: int, high: int) -> Moves:
        """The newest rows and nothing else: behind the oldest row of a full answer the exchange tells no more."""
        answer = yield from self._ask(part, low, high)
        edge = low
        if len(answer.cells) >= (self.stream.newest or 0):
            edge = min(max(low, answer.first + 1), high)
            part.tally.report(part.index, (low, edge), status="unavailable", cause="retention")
        self._prove(part, edge, high)
        yield self._step(part, answer, (low, high), (low, high))

    # ── one timestamp that fills a page ──────────────────────────────────────────────────────────────────────────

    def _saturated(self, part: Part, cell: int, answer: Answer | None) -> Moves:
        """Splits a cell by symbol, and leaves it open where that is not possible or does not show all its rows."""
        symbols: Sequence[str] = (yield Values(self.stream.symbols)) if part.splittable else ()
        alone = (cell, cell + 1)
        if not symbols:
            part.tally.report(part.index, self._mirror(*alone), status="open", cause="saturated")
            if answer is not None:
                yield self._step(part, answer, alone, alone)
            return
        seen: Counter[object] = Counter()
        if answer is not None:
            rows = self._inside(answer.fetched.facts, *self._ns(*alone))
            seen = part.memory.count(rows)
            yield self._step(part, answer, (cell, cell), alone)

        def relay(claim: Claim) -> None:
            shown = claim.status == "proven" and all(part.shown[name] >= count for name, count in seen.items())
            interval = (claim.since_ns, claim.until_ns)
            if shown:
                part.tally.report(part.index, interval)
            else:
                part.tally.report(part.index, interval, status="open", cause="saturated")

        inner = Tally(len(symbols), (relay, part.tally))
        for index, symbol in enumerate(symbols):
            where = part.where | {self.stream.symbols: symbol}
            piece = Part(inner, index, where=where, memory=part.memory, splittable=False)
            piece.shown, piece.compared = part.shown, True
            try:
                yield from self._walk(piece, *alone)
            except TooLarge:
                inner.report(index, self._mirror(*alone), status="open", cause="saturated")
        inner.flush()

    def _circle(self, where: str, answer: Answer) -> PagingLoop:
        message = f"The history {self.stream.name!r} goes in a circle at {where}."
        return PagingLoop(message, hint="what was read is kept; report it", exchange=answer.fetched.page.exchange)
