"""The one pager: it turns a `Stream`'s declaration into requests, and their answers into steps whose claims are proofs.
It decides what to ask next, which rows of an answer are taken, and what is complete; it knows no exchange, sends
nothing itself, and keeps nothing but the rows' names that may come again.

Times are counted in *cells* of the stream's precision: what a bound cannot divide is one timestamp here. An answer
proves only the cells that it shows to be whole, that is, with a row behind them or nothing behind them; the cell at
its edge is read again. All walks go in one direction, upwards; a route that answers newest first is walked in
mirrored cells (-1 - cell), so that its newest is the first here too. The walks are plain generators that give a
`Query` and are sent its answer; only `sweep` awaits.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from nostro import limits
from nostro.domain.records import Fact, content
from nostro.errors import PagingLoop, Undecodable, WireError
from nostro.link.claims import Tally
from nostro.link.declare import Claim, Fetched, Query, Stream
from nostro.link.source import Step

Fetch = Callable[[Query], Awaitable[Fetched]]
Moves = Generator["Query | Step | Literal['symbols']", Any, None]

SECOND_NS: Final = 1_000_000_000


class TooLarge(WireError):
    """Raised by a `Fetch` whose answer is over `limits.BODY_BYTES_MAX`: the pager halves the window."""

    def __init__(self, message: str = "An answer is larger than the limit.", *, hint: str = "") -> None:
        super().__init__(message, hint=hint)


async def sweep(
    stream: Stream,
    fetch: Fetch,
    since_ns: int,
    until_ns: int,
    *,
    where: Mapping[str, str] = {},
    symbols: Callable[[], Awaitable[Sequence[str]]] | None = None,
    newest_first: bool = False,
) -> AsyncIterator[Step]:
    """Every row of the stream in [since_ns, until_ns), page by page; each step is given as soon as it exists.

    A consumer that keeps step after step has every row of every interval claimed proven. ``symbols``: the values by
    which a saturated timestamp is split. ``newest_first``: newer windows first. Whatever ``fetch`` raises passes
    through, and nothing more is claimed. Raises `errors.PagingLoop` where the answers go in a circle, and ValueError
    where the declaration cannot be paged without loss."""
    moves = _Sweep(stream, since_ns, until_ns, where=where, splittable=symbols is not None).moves(
        newest_first=newest_first
    )
    reply: Any = None
    failure: TooLarge | None = None
    while True:
        try:
            move = moves.throw(failure) if failure else moves.send(reply)
        except StopIteration:
            return
        reply = failure = None
        if isinstance(move, Step):
            yield move
        elif isinstance(move, Query):
            try:
                reply = await fetch(move)
            except TooLarge as error:
                failure = error
        elif symbols is not None:
            reply = await symbols()


class _Answer(msgspec.Struct, frozen=True):
    """One answer and the cells of its rows, mirrored where the walk is."""

    fetched: Fetched
    cells: list[int]

    @property
    def first(self) -> int:
        return min(self.cells)

    @property
    def last(self) -> int:
        return max(self.cells)


class _Memory:
    """Names of the rows given lately, with how often; forgets the oldest beyond `limits.IDS_REMEMBERED`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._given: dict[object, int] = {}

    def name(self, fact: Fact) -> object:
        if self._stream.native_ids:  # both sides of a trade with oneself share its id
            return (fact.native_id, getattr(fact, "side", None), getattr(fact, "direction", None))
        named = tuple(str(getattr(fact, field, fact.extra.get(field))) for field in self._stream.identity)
        return (fact.effective_ns, named or content(fact))

    def fresh(self, facts: Sequence[Fact]) -> tuple[Fact, ...]:
        """The rows that were not given yet. Without native ids the twins on one page are as many rows."""
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


class _Part:
    """One sub-query of a window: its conditions, and what it has shown."""

    def __init__(self, tally: Tally, index: int, where: dict[str, str], memory: _Memory, *, splittable: bool) -> None:
        self.tally = tally
        self.index = index
        self.where = where
        self.memory = memory
        self.splittable = splittable
        self.shown: Counter[object] = Counter()  # names of the rows that this sweep took, where someone compares them
        self.compared = False
        self.rows = 0


class _Sweep:
    """The state of one sweep: what the stream declares, in cells, and the width of the next window."""

    def __init__(
        self, stream: Stream, since_ns: int, until_ns: int, *, where: Mapping[str, str], splittable: bool
    ) -> None:
        self.stream = stream
        self.cell_ns = stream.precision_ns
        self.since_ns = since_ns
        self.until_ns = until_ns
        self.where = dict(where)
        self.splittable = splittable and bool(stream.symbols)
        self.takes_since = stream.since != "absent"
        self.takes_until = stream.until != "absent"
        self.whole = stream.page_size is None and stream.position in ("none", "time")
        self.mirrored = False
        self.walk = self._choose_walk()
        self.width_max = self._width_max()
        self.width = self.width_max
        if self.whole and self.takes_since and self.takes_until:
            self.width = min(self.width_max, limits.WINDOW_FIRST_S * SECOND_NS // self.cell_ns)

    # ── the declaration ──────────────────────────────────────────────────────────────────────────────────────────

    def _choose_walk(self) -> Callable[[_Part, int, int], Moves]:
        stream = self.stream
        ascends, descends = stream.order == "ascending", stream.order == "descending"
        by_bound = (ascends and self.takes_since) or (descends and self.takes_until)
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
        if by_bound and (stream.position == "time" or not (self.takes_since and self.takes_until)):
            return self._climb
        self.mirrored = False
        return self._narrow

    def _width_max(self) -> int:
        """The widest window, cells; where one bound is absent, what the exchange takes for it. With an exclusive since the
        interval that is sent is one cell wider."""
        stream = self.stream
        span_s = stream.window_s if self.takes_since and self.takes_until else stream.default_window_s
        if span_s is None or not (self.takes_since or self.takes_until):
            return 1 << 80
        return max(1, span_s * SECOND_NS // self.cell_ns - (stream.since == "exclusive"))

    # ── windows and their parts ──────────────────────────────────────────────────────────────────────────────────

    def moves(self, *, newest_first: bool) -> Moves:
        since, until = self.since_ns // self.cell_ns, -(-self.until_ns // self.cell_ns)
        while self.since_ns < self.until_ns and since < until:
            width = min(self.width, until - since)
            if newest_first:
                until -= width
                yield from self._window(until, until + width)
            else:
                since += width
                yield from self._window(since - width, since)

    def _window(self, since: int, until: int) -> Moves:
        wheres = [self.where | dict(pairs) for pairs in self._combinations()]
        memories = [_Memory(self.stream) for _ in wheres]
        before: list[Counter[object]] | None = None
        for sweeps_left in range(limits.SWEEPS_MAX - 1 if self.stream.unstable else 0, -1, -1):
            tally = Tally(len(wheres))
            parts = [
                _Part(tally, index, where, memory, splittable=self.splittable)
                for index, (where, memory) in enumerate(zip(wheres, memories, strict=True))
            ]
            if self.stream.unstable:
                self._compare(parts, before, since, until, last=sweeps_left == 0)
            for part in parts:
                yield from self._cover(part, since, until)
            now = [part.shown for part in parts]
            if now == before:
                break
            before = now
        self._adapt(max(part.rows for part in parts), until - since)

    def _compare(
        self, parts: list[_Part], before: list[Counter[object]] | None, since: int, until: int, *, last: bool
    ) -> None:
        """Holds the claims of a window back until this sweep of it has shown the same rows as the one before."""

        def agreed() -> bool | None:
            if not parts[0].tally.complete(since, until):
                return None
            if [part.shown for part in parts] == before:
                return True
            return False if last else None

        parts[0].tally.agreed = agreed
        for part in parts:
            part.compared = True

    def _combinations(self) -> Iterator[tuple[tuple[str, str], ...]]:
        return itertools.product(*(tuple((name, value) for value in values) for name, values in self.stream.splits))

    def _adapt(self, rows: int, width: int) -> None:
        """Where a route has no page size, the next window aims at `limits.ROWS_PER_WINDOW_AIM` rows."""
        if self.whole and self.width_max > 1 and self.takes_since and self.takes_until:
            wanted = width * limits.ROWS_PER_WINDOW_AIM // rows if rows else width * limits.WINDOW_GROWTH_MAX
            self.width = max(1, min(wanted, width * limits.WINDOW_GROWTH_MAX, self.width_max))
        else:
            self.width = min(self.width * limits.WINDOW_GROWTH_MAX, self.width_max)

    def _cover(self, part: _Part, since: int, until: int) -> Moves:
        """Walks one part through a window, halving what answers too largely. Cells are not mirrored here."""
        waiting = [(since, until)]
        while waiting:
            low, high = waiting.pop()
            try:
                yield from self.walk(part, *self._mirror(low, high))
            except TooLarge:
                if not (self.takes_since and self.takes_until):
                    raise
                self.width = max(1, min(self.width, high - low) // 2)
                for left, right in part.tally.gaps(part.index, low, high):
                    if right - left > 1:
                        middle = (left + right) // 2
                        waiting += [(middle, right), (left, middle)]
                    else:
                        yield from self._saturated(part, self._mirror(left, right)[0], None)

    # ── asking and taking ────────────────────────────────────────────────────────────────────────────────────────

    def _mirror(self, low: int, high: int) -> tuple[int, int]:
        return (-high, -low) if self.mirrored else (low, high)

    def _ns(self, low: int, high: int) -> tuple[int, int]:
        """Times of an interval of cells, within what the sweep was asked for."""
        low, high = self._mirror(low, high)
        since_ns = min(max(low * self.cell_ns, self.since_ns), self.until_ns)
        return since_ns, min(max(high * self.cell_ns, since_ns), self.until_ns)

    def _ask(self, part: _Part, low: int, high: int, position: str | None = None) -> Generator[Query, Fetched, _Answer]:
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
        return _Answer(fetched, cells)

    def _step(self, part: _Part, answer: _Answer, taken: tuple[int, int], window: tuple[int, int]) -> Step:
        """The step of an answer. Without ids the rows of ``taken`` are its own; with ids every row of the window is,
        unless it was given before."""
        since_ns, until_ns = self._ns(*(window if self.stream.native_ids else taken))
        facts = answer.fetched.facts
        inside = [fact for fact in facts if since_ns <= (fact.effective_ns or 0) < until_ns]
        fresh = part.memory.fresh(inside)
        if part.compared:
            part.shown |= Counter(part.memory.name(fact) for fact in inside)
        bare = self.stream.native_ids and len(inside) == len(facts)
        takes = None if bare else (since_ns, until_ns)
        claims = part.tally.claims(self.cell_ns, self.since_ns, self.until_ns)
        return Step(msgspec.structs.replace(answer.fetched.page, takes=takes, claims=claims), fresh)

    def _prove(self, part: _Part, low: int, high: int) -> None:
        part.tally.report(part.index, *self._mirror(low, high))

    def _full(self, answer: _Answer) -> bool:
        return self.stream.page_size is not None and len(answer.cells) >= self.stream.page_size

    # ── walks: each covers the cells [low, high) of one part ─────────────────────────────────────────────────────

    def _climb(self, part: _Part, low: int, high: int) -> Moves:
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
            elif at + 1 == high:
                self._prove(part, at, high)
                yield self._step(part, answer, (at, high), (low, high))
                return
            else:
                at = yield from self._look_behind(part, at, high, answer)

    def _look_behind(
        self, part: _Part, at: int, high: int, answer: _Answer
    ) -> Generator[Query | Step | Literal["symbols"], Any, int]:
        """A short answer of one cell: whole if nothing is behind it, else something cut it (or something came
        meanwhile, and a second answer shows it). Gives the cell where to go on."""
        yield self._step(part, answer, (at, at + 1), (at, high))
        behind = yield from self._ask(part, at + 1, high)
        if all(cell >= at + self.width_max for cell in behind.cells):  # nothing that the first answer could have shown
            self._prove(part, at, high)
            yield self._step(part, behind, (at + 1, high), (at, high))
            return high
        again = yield from self._ask(part, at, high)
        if not again.cells or again.last <= at:
            yield from self._saturated(part, at, again)
            return at + 1
        reached = min(again.last, high)
        self._prove(part, at, reached)
        yield self._step(part, again, (at, reached), (at, high))
        return reached

    def _narrow(self, part: _Part, low: int, high: int) -> Moves:
        """By narrower windows: a full answer was cut at one end, and nothing says at which. Its inner cells are whole."""
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
            if not (self.takes_since and self.takes_until):
                for start, end in sides:
                    part.tally.report(part.index, start, end, "open", "saturated")
                yield self._step(part, answer, (left, right), (low, high))
                return
            waiting += sides
            yield self._step(part, answer, (min(first + 1, last), last), (low, high))

    def _follow(self, part: _Part, low: int, high: int) -> Moves:
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

    def _onward(self, position: str | None, answer: _Answer) -> str | None:
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

    def _overlap(self, part: _Part, low: int, high: int) -> Moves:
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

    def _latest(self, part: _Part, low: int, high: int) -> Moves:
        """The newest rows and nothing else: behind the oldest row of a full answer the exchange tells no more."""
        answer = yield from self._ask(part, low, high)
        edge = low
        if len(answer.cells) >= (self.stream.newest or 0):
            edge = min(max(low, answer.first + 1), high)
            part.tally.report(part.index, low, edge, "unavailable", "retention")
        self._prove(part, edge, high)
        yield self._step(part, answer, (low, high), (low, high))

    # ── one timestamp that fills a page ──────────────────────────────────────────────────────────────────────────

    def _saturated(self, part: _Part, cell: int, answer: _Answer | None) -> Moves:
        """Splits a cell by symbol, and leaves it open where that is not possible or does not show all its rows."""
        symbols: Sequence[str] = (yield "symbols") if part.splittable else ()
        alone = (cell, cell + 1)
        if not symbols:
            part.tally.report(part.index, *self._mirror(*alone), "open", "saturated")
            if answer is not None:
                yield self._step(part, answer, alone, alone)
            return
        seen: Counter[object] = Counter()
        if answer is not None:
            since_ns, until_ns = self._ns(*alone)
            rows = [fact for fact in answer.fetched.facts if since_ns <= (fact.effective_ns or 0) < until_ns]
            seen.update(part.memory.name(fact) for fact in rows)
            yield self._step(part, answer, (cell, cell), alone)

        def relay(claim: Claim) -> None:
            shown = claim.status == "proven" and all(part.shown[name] >= count for name, count in seen.items())
            part.tally.report(
                part.index, claim.since_ns, claim.until_ns, *(("proven", "") if shown else ("open", "saturated"))
            )

        inner = Tally(len(symbols), (relay, part.tally))
        for index, symbol in enumerate(symbols):
            where = part.where | {self.stream.symbols: symbol}
            piece = _Part(inner, index, where, part.memory, splittable=False)
            piece.shown, piece.compared = part.shown, True
            try:
                yield from self.walk(piece, *alone)
            except TooLarge:
                inner.report(index, *self._mirror(*alone), "open", "saturated")
        inner.flush()

    def _circle(self, where: str, answer: _Answer) -> PagingLoop:
        message = f"The history {self.stream.name!r} goes in a circle at {where}."
        return PagingLoop(message, hint="what was read is kept; report it", exchange=answer.fetched.page.exchange)
