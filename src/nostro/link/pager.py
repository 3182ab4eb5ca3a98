"""The one pager: it turns a `Stream`'s declaration into requests, and their answers into steps whose claims are proofs.
It decides the windows, their order and width, the parts in which one is asked, and when it is done; how a part is
walked stands in ``walks.py``. It knows no exchange, and sends nothing itself.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from typing import Any

from nostro import limits
from nostro.domain.values import SECOND_NS
from nostro.errors import TooLarge, Undecodable
from nostro.link.claims import Tally
from nostro.link.declare import Fetched, Query, Stream
from nostro.link.source import Step
from nostro.link.walks import Memory, Move, Moves, Part, Values, Walker

Fetch = Callable[[Query], Awaitable[Fetched]]


async def sweep(
    stream: Stream,
    fetch: Fetch,
    *,
    since_ns: int,
    until_ns: int,
    where: Mapping[str, str] = {},
    values: Callable[[str], Awaitable[Sequence[str]]] | None = None,
    newest_first: bool = False,
) -> AsyncIterator[Step]:
    """Every row of the stream in [since_ns, until_ns), page by page; each step is given as soon as it exists.

    A consumer that keeps step after step has every row of every interval claimed proven. ``values``: what a condition
    can be (`Stream.keyed`, `Stream.symbols`), asked once a sweep at the most for the keys, and for each saturated
    timestamp that is to be split. ``newest_first``: newer windows first. Whatever ``fetch`` raises passes through, and
    nothing more is claimed; only `TooLarge` halves the window. Raises `errors.PagingLoop` where the answers go in a
    circle, and ValueError where the declaration cannot be paged without loss."""
    moves = _Sweep(stream, since_ns, until_ns, where=where, splittable=values is not None).moves(
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
        elif values is not None:
            reply = await values(move.condition)


class _Sweep:
    """The state of one sweep: the width of the next window, in cells of the stream's precision, and the sub-queries
    that every window is asked in."""

    def __init__(
        self, stream: Stream, since_ns: int, until_ns: int, *, where: Mapping[str, str], splittable: bool
    ) -> None:
        self.stream = stream
        self.where = dict(where)
        self.parts: list[dict[str, str]] = []
        self.asks_values = splittable
        self.splittable = splittable and bool(stream.symbols)
        self.walker = Walker(stream, since_ns=since_ns, until_ns=until_ns)
        self.adapts = self.walker.whole and self.walker.takes_both
        self.width = self.walker.width_max
        if self.adapts:
            self.width = min(self.width, limits.WINDOW_FIRST_S * SECOND_NS // stream.precision_ns)

    def moves(self, *, newest_first: bool) -> Moves:
        """Every window, all its parts before the next window."""
        since, until = self.walker.cells
        if since < until:
            self.parts = yield from self._parts()
        while since < until:
            width = min(self.width, until - since)
            if newest_first:
                until -= width
                yield from self._window(until, until + width)
            else:
                since += width
                yield from self._window(since - width, since)

    def _window(self, since: int, until: int) -> Moves:
        memories = [Memory(self.stream) for _ in self.parts]
        before: list[Counter[object]] | None = None
        for sweeps_left in range(limits.SWEEPS_MAX - 1 if self.stream.unstable else 0, -1, -1):
            tally = Tally(len(self.parts))
            parts = [
                Part(tally, index, where=where, memory=memory, splittable=self.splittable)
                for index, (where, memory) in enumerate(zip(self.parts, memories, strict=True))
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
        self, parts: list[Part], before: list[Counter[object]] | None, since: int, until: int, *, last: bool
    ) -> None:
        """Holds the claims of a window back until this sweep of it has shown the same rows as the one before."""

        def agreed() -> bool | None:
            if not parts[0].tally.complete((since, until)):
                return None
            if [part.shown for part in parts] == before:
                return True
            return False if last else None

        parts[0].tally.agreed = agreed
        for part in parts:
            part.compared = True

    def _parts(self) -> Generator[Move, Any, list[dict[str, str]]]:
        """The conditions of the sub-queries that together make the whole: one for each value of every split and key. A
        key that the caller names is asked alone."""
        splits = list(self.stream.splits)
        if self.stream.keyed and self.stream.keyed not in self.where:
            splits.append((self.stream.keyed, tuple((yield from self._keys()))))
        combinations = itertools.product(*(tuple((name, value) for value in values) for name, values in splits))
        return [self.where | dict(pairs) for pairs in combinations]

    def _keys(self) -> Generator[Move, Any, Sequence[str]]:
        if not self.asks_values:
            message = f"Stream {self.stream.name!r}: without the values of {self.stream.keyed!r} it cannot be asked."
            raise ValueError(message)
        keys: Sequence[str] = yield Values(self.stream.keyed)
        if not keys:
            raise Undecodable(f"the history {self.stream.name!r} is asked by {self.stream.keyed}, and there is none")
        return keys

    def _adapt(self, rows: int, width: int) -> None:
        """Where a route has no page size, the next window aims at `limits.ROWS_PER_WINDOW_AIM` rows; elsewhere a window
        that was halved grows again."""
        wanted = width * limits.WINDOW_GROWTH_MAX
        if self.adapts and rows:
            wanted = min(wanted, width * limits.ROWS_PER_WINDOW_AIM // rows)
        self.width = max(1, min(wanted, self.walker.width_max))

    def _cover(self, part: Part, since: int, until: int) -> Moves:
        """Walks one part through a window, halving what answers too largely."""
        waiting = [(since, until)]
        while waiting:
            low, high = waiting.pop()
            try:
                yield from self.walker.cover(part, (low, high))
            except TooLarge:
                if not self.walker.takes_both:
                    raise
                self.width = max(1, min(self.width, high - low) // 2)
                for left, right in list(part.tally.gaps(part.index, (low, high))):
                    if right - left > 1:
                        middle = (left + right) // 2
                        waiting += [(middle, right), (left, middle)]
                    else:
                        yield from self.walker.instant(part, left)
