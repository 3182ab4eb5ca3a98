"""A history as a caller reads it: lazily, in order of time, with what could not be had. It decides the order and what
is held back until its turn; how one stream is swept is the `Source`'s."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Mapping
from heapq import heappop, heappush
from typing import Generic, TypeVar, cast

from nostro.domain.answers import Answer, Interval
from nostro.domain.records import Fact
from nostro.link.declare import Claim
from nostro.link.source import Source, Step

FactT = TypeVar("FactT", bound=Fact)


class History(Generic[FactT]):
    """A history that is fetched while it is read, oldest first, one window in memory. ``all()`` collects it; after the
    last row, ``coverage`` says which intervals could not be had, and ``pages`` how many answers it took."""

    def __init__(
        self, source: Source, capability: str, *, since_ns: int, until_ns: int, where: Mapping[str, str]
    ) -> None:
        self._source = source
        self._capability = capability
        self._since_ns = since_ns
        self._until_ns = until_ns
        self._where = where
        self.coverage: list[Interval] = []
        self.pages = 0

    def __aiter__(self) -> AsyncIterator[FactT]:
        self.coverage.clear()
        self.pages = 0
        return self._rows()

    async def all(self) -> Answer[FactT]:
        """Every row at once, in an `Answer`."""
        rows = [fact async for fact in self]
        holes = sorted(self.coverage, key=lambda hole: hole.since_ns)
        through_ns = holes[0].since_ns if holes else self._until_ns
        reader = f"{self._source.exchange.id}/{self._source.exchange.reader}"
        return Answer(rows, complete_through_ns=through_ns, coverage=holes, reader=reader, pages=self.pages)

    def _note(self, stream: str, step: Step) -> None:
        """Counts a page, and keeps what it says is missing."""
        self.pages += 1
        for claim in step.claims:
            if claim.status != "proven":
                self.coverage.append(_hole(stream, claim))

    async def _rows(self) -> AsyncIterator[FactT]:
        streams = [ask.name for ask in self._source.exchange.asks_for(self._capability)]
        async for fact in _merged([self._windows(name) for name in streams]):
            yield cast("FactT", fact)

    async def _windows(self, name: str) -> AsyncIterator[Fact]:
        """The facts of one stream in the order of their time: each is given once nothing before it can come."""
        ask = self._source.exchange.ask(name)
        descending = ask is not None and ask.stream is not None and ask.stream.order == "descending"
        waiting: list[Fact] = []
        front = _Front(self._since_ns)
        async for step in self._source.sweep(name, self._since_ns, self._until_ns, self._where):
            waiting = [*reversed(step.facts), *waiting] if descending else [*waiting, *step.facts]
            self._note(name, step)
            if front.move(step.claims):
                waiting.sort(key=_effective_ns)
                ready = bisect_left(waiting, front.at_ns, key=_effective_ns)
                for fact in waiting[:ready]:
                    yield fact
                del waiting[:ready]
            if any(claim.cause == "forbidden" for claim in step.claims):
                async for fact in self._instead(name):
                    yield fact
        for fact in sorted(waiting, key=_effective_ns):
            yield fact

    async def _instead(self, name: str) -> AsyncIterator[Fact]:
        """What another stream says of it."""
        ask = self._source.exchange.ask(name)
        if ask is None or ask.fallback is None:
            return
        other, convert = ask.fallback
        async for fact in self._windows(other):
            converted = convert(fact)
            if converted is not None:
                yield converted


class _Front:
    """How far a sweep has spoken of everything: the end of what was claimed without a gap, whatever was claimed."""

    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns
        self._beyond: list[tuple[int, int]] = []

    def move(self, claims: Iterable[Claim]) -> bool:
        """Takes the claims of a page; whether the front moved."""
        before_ns = self.at_ns
        for claim in claims:
            heappush(self._beyond, (claim.since_ns, claim.until_ns))
        while self._beyond and self._beyond[0][0] <= self.at_ns:
            self.at_ns = max(self.at_ns, heappop(self._beyond)[1])
        return self.at_ns > before_ns


async def _merged(runs: list[AsyncIterator[Fact]]) -> AsyncIterator[Fact]:
    """Facts of several ordered runs in one order."""
    heads: list[tuple[Fact, AsyncIterator[Fact]]] = []
    for run in runs:
        async for fact in run:
            heads.append((fact, run))
            break
    while heads:
        index = min(range(len(heads)), key=lambda position: _effective_ns(heads[position][0]))
        fact, run = heads[index]
        yield fact
        following = await anext(run, None)
        if following is None:
            heads.pop(index)
        else:
            heads[index] = (following, run)


def _effective_ns(fact: Fact) -> int:
    return fact.effective_ns or 0


def _hole(stream: str, claim: Claim) -> Interval:
    return Interval(
        stream=stream, since_ns=claim.since_ns, until_ns=claim.until_ns, status=claim.status, cause=claim.cause
    )
