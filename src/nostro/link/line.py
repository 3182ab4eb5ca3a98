"""One connection of an account's feed, from its opening to its end: frames are read in turns, handed on, gathered, and
their segments stored. It decides when the connection is complete and when it has ended; what its end means for the
account, and who connects again, stands in ``live.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from nostro import limits
from nostro.domain.values import SECOND_NS
from nostro.errors import LinkError, Unauthorized
from nostro.link.declare import Exchange, Page, Signing
from nostro.link.feed import FeedReader, Heard
from nostro.link.frames import Complaint, Feed, News
from nostro.link.gathering import Continuity, Gathering, is_kept, secrets_of
from nostro.link.transport import Clock, Connection

DRAINED_S: Final = 0.05  # without a frame, while one is waited for


class Hear(Protocol):
    """Takes each frame, in order; ``shown``: it repeats no secret. Which streams it tells of."""

    def __call__(self, heard: Heard, *, shown: bool) -> frozenset[str]: ...


Keep = Callable[[Page], Awaitable[None]]

ASIDE_NS: Final = 20_000_000  # between two looks whether a segment was stored, where no frame comes


class Line:
    """A connection that was opened. ``keep(page)`` stores a segment."""

    def __init__(
        self, exchange: Exchange, feed: Feed, *, connection: Connection, clock: Clock, topics: Sequence[str], own: str,
        signing: Signing, hear: Hear, keep: Keep,
    ) -> None:  # fmt: skip
        self.completed = asyncio.Event()
        self.opened_ns = clock.now_ns()
        self.gathering = Gathering(exchange, own=own, secrets=secrets_of(signing))
        self.continuity = Continuity(frozenset(feed.states), topics)
        self.reader = FeedReader(feed, connection, clock=clock)
        self._clock = clock
        self._topics = tuple(topics)
        self._hear = hear
        self._keep = keep
        self._storing = asyncio.Lock()
        self._aside: asyncio.Task[None] | None = None  # a segment that is being stored while frames are read
        self._waits = False  # for a frame: none is there that was not taken in
        self._read = 0
        self._turn = _Turn(clock)

    async def begin(self, signing: Signing) -> None:
        """Signs in, and asks for the topics. Raises `LinkError`."""
        await self.reader.sign_in(signing)
        if self._topics:
            await self.reader.subscribe(*self._topics)

    async def sign_in(self, signing: Signing) -> None:
        """Signs in anew, before the first token ends."""
        self.gathering.secrets = (*self.gathering.secrets, *secrets_of(signing))
        await self.reader.sign_in(signing)

    async def read(self) -> None:
        """Reads until the connection ends: raises `LinkError`, or `Unauthorized` where the sign-in is refused."""
        while True:
            self._complete()
            self._waits = True
            heard = await self.reader.receive(self._wait_s())
            self._waits, self._read = False, self._read + 1
            now_ns = self._clock.now_ns()
            if heard is not None:
                self._take(heard)
            elif now_ns - self.reader.state.alive_ns >= limits.FEED_SILENCE_S * SECOND_NS:
                raise LinkError(f"nothing was heard for {limits.FEED_SILENCE_S} s", hint="it is connected again")
            await self._store_aside(now_ns)
            if heard is not None:
                await self._turn.take()

    async def drain(self) -> None:
        """Waits until no frame waits to be read. Raises `LinkError` where that takes longer than silence may last: the
        book, or whoever is told, is too slow."""
        until_ns = self._clock.now_ns() + limits.FEED_SILENCE_S * SECOND_NS
        while self._clock.now_ns() < until_ns:
            read = self._read
            await self._clock.sleep(DRAINED_S)
            if self._waits and self._read == read:
                return
        raise LinkError(f"frames wait for {limits.FEED_SILENCE_S} s to be stored", hint="is the book's disk too slow?")

    async def store(self) -> None:
        """Ends the segment, and stores it; a cancellation waits until that is done."""
        async with self._storing:
            self.gathering.claim(self.continuity.claims())
            page = self.gathering.cut(self._clock.now_ns())
            if page is None:
                return
            storing = asyncio.ensure_future(self._keep(page))
            try:
                await asyncio.shield(storing)
            except asyncio.CancelledError:
                await storing
                raise

    async def _store_aside(self, now_ns: int) -> None:
        """Where a segment is due it is stored while reading goes on: whoever listens waits for no disk. Where the next
        one is full before that is done, reading waits. Raises what storing raised."""
        if self._aside is not None and self._aside.done():
            aside, self._aside = self._aside, None
            await aside
        due_ns = self.gathering.due_ns
        if due_ns is None or now_ns < due_ns:
            return
        if self._aside is None:
            self._aside = asyncio.create_task(self.store())
            self._aside.add_done_callback(_noticed)
        elif self.gathering.is_full:
            await self._aside

    def _complete(self) -> None:
        if self.completed.is_set():
            return
        if self.reader.state.complete:
            self.completed.set()
        elif self._clock.now_ns() - self.opened_ns >= limits.FEED_WELCOME_S * SECOND_NS:
            waits = self.reader.state.unanswered
            lacks = f"the subscription of {', '.join(sorted(waits[0][1]))}" if waits else "the sign-in"
            raise LinkError(f"{lacks} was not answered within {limits.FEED_WELCOME_S:g} s")

    def _wait_s(self) -> float:
        """How long to wait for a frame: until the segment is due, or somebody must be missed."""
        now_ns = self._clock.now_ns()
        ends_ns = [self.reader.state.alive_ns + limits.FEED_SILENCE_S * SECOND_NS]
        if not self.completed.is_set():
            ends_ns.append(self.opened_ns + int(limits.FEED_WELCOME_S * SECOND_NS))
        if self._aside is not None:
            ends_ns.append(now_ns + ASIDE_NS)
        elif self.gathering.due_ns is not None:
            ends_ns.append(self.gathering.due_ns)
        return max(0, min(ends_ns) - now_ns) / SECOND_NS

    def _take(self, heard: Heard) -> None:
        """Raises where the frame ends the connection; it is kept all the same."""
        shown = self.gathering.add(heard, binary=heard.binary) if is_kept(heard) else True
        meaning = heard.meaning
        if isinstance(meaning, News) and heard.gap:
            raise LinkError(f"a frame is missing: {meaning.number} of {meaning.series} does not follow the last one")
        streams = self._hear(heard, shown=shown)
        if isinstance(meaning, News) and not heard.repeated:
            self.continuity.hear(meaning, streams, received_ns=heard.received_ns)
        if isinstance(meaning, Complaint):
            self._refused(meaning)

    def _refused(self, said: Complaint) -> None:
        if said.about == "sign_in":
            raise Unauthorized(f"the feed refused the sign-in: {said.message}")
        if said.about == "subscribe":
            raise LinkError(f"the feed refused a subscription: {said.message}")


def _noticed(task: asyncio.Task[None]) -> None:
    """What it raised is raised where it is waited for; where the connection has ended first, the next segment says it
    again."""
    if not task.cancelled():
        task.exception()


class _Turn:
    """How long one account may read before it is the others' turn, and how much in a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_ns = self._second_ns = clock.now_ns()
        self._frames = self._in_second = 0

    async def take(self) -> None:
        """Counts a frame that was read, and waits where it was enough."""
        self._frames += 1
        self._in_second += 1
        now_ns = self._clock.now_ns()
        if not 0 <= now_ns - self._second_ns < SECOND_NS:
            self._second_ns, self._in_second = now_ns, 1
        if self._in_second >= limits.FEED_FRAMES_A_SECOND:
            await self._clock.sleep((self._second_ns + SECOND_NS - now_ns) / SECOND_NS)
        elif self._frames >= limits.FEED_TURN_FRAMES or now_ns - self._began_ns >= limits.FEED_TURN_MS * 1_000_000:
            await self._clock.sleep(0)
        else:
            return
        self._began_ns, self._frames = self._clock.now_ns(), 0
