"""The client's side of a feed: one connection as a state machine, and what carries it. It decides which frame answers
which request, what must be sent back, and from when on silence means that nobody is there; what a frame says is the
declaration's (`frames.Feed`), and who connects again, and what is done about the gap, is not decided here.

`FeedState` holds no socket and reads no clock. `FeedReader` drives it over a `transport.Connection`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping
from math import inf
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from nostro import limits
from nostro.domain.values import SECOND_NS
from nostro.errors import LinkError, Undecodable, WireError
from nostro.link.frames import (
    Acknowledged,
    Action,
    Arrival,
    Challenged,
    Complaint,
    Feed,
    Meaning,
    News,
    Ping,
    Welcome,
    meaning_of,
)
from nostro.link.transport import Clock, Connection

if TYPE_CHECKING:
    from nostro.link.declare import Signing

SignedIn = Literal["no", "asked", "refused", "yes"]
Liveness = Literal["fresh", "stale", "dead"]


class Heard(msgspec.Struct, frozen=True):
    """One frame: its number on its connection (from 1), when it was received, its bytes as received, and what it means;
    or, where it breaks the protocol, the error that says so and names it. ``gap``: of its series (`News.series`) it is
    not the frame after the last one: what was between, nobody told. ``repeated``: it is the last one of its series once
    more, to the letter, and says nothing. ``binary``: it came as bytes where text is due."""

    number: int
    received_ns: int
    body: bytes
    meaning: Meaning | WireError
    gap: bool = False
    repeated: bool = False
    binary: bool = False


class FeedState:
    """One connection from its first frame to its end. ``outgoing``: what is to be sent, in order. ``topics``: those
    that the server acknowledged. ``signed_in``: *asked* until a frame of the account proves it, for the wire need not
    answer. ``heard``: how many frames, ``broken`` how many of them break the protocol. What is asked for while the
    sign-in waits for its challenge is sent after it."""

    def __init__(self, feed: Feed, now_ns: int) -> None:
        self._feed = feed
        self._heard_ns = now_ns
        self._asked: deque[tuple[Action, frozenset[str]]] = deque()
        self.welcome: Welcome | None = None
        self.outgoing: deque[str] = deque()
        self.topics: set[str] = set()
        self.signed_in: SignedIn = "no"
        self.heard = 0
        self.broken = 0
        self._signing: Signing | None = None  # what a challenge is answered with
        self._proof: Mapping[str, str] = {}
        self._held: list[tuple[Action, tuple[str, ...]]] = []
        self._last: dict[str, tuple[int, bytes]] = {}  # number and bytes of the last frame, by series

    # ── what is asked for ────────────────────────────────────────────────────────────────────────────────────────

    def subscribe(self, *topics: str) -> None:
        self._ask("subscribe", topics)

    def unsubscribe(self, *topics: str) -> None:
        self._ask("unsubscribe", topics)

    def sign_in(self, signing: Signing) -> None:
        self.signed_in = "asked"
        self._signing = signing
        if message := self._feed.sign_in(signing):
            self.outgoing.append(message)

    def _ask(self, action: Action, topics: tuple[str, ...]) -> None:
        if self._feed.prove is not None and self.signed_in == "asked" and not self._proof:
            self._held.append((action, topics))
            return
        messages = self._feed.ask(action, topics, self._proof)
        apart = [frozenset({topic}) for topic in topics] if len(messages) == len(topics) else [frozenset(topics)]
        self._asked += [(action, each) for each in apart]
        self.outgoing += messages

    @property
    def complete(self) -> bool:
        """Whether all that was asked for is there: nothing waits for a challenge, and no request for its answer. Before
        the first frame nothing is: where a sign-in is taken in silence, that is how the other side shows itself."""
        return self.heard > 0 and not self._asked and not self._held

    @property
    def alive_ns(self) -> int:
        """When the last sign of life came, a frame or one below the frames."""
        return self._heard_ns

    @property
    def unanswered(self) -> tuple[tuple[Action, frozenset[str]], ...]:
        """Requests that were neither acknowledged nor refused, oldest first."""
        return tuple(self._asked)

    # ── what comes ───────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, arrival: Arrival, now_ns: int) -> Heard | None:
        """The frame and what it means; None for a sign of life that is no frame. A frame that breaks the protocol is
        said to, and changes nothing."""
        self._heard_ns = now_ns
        if arrival.kind == "ping":
            return None
        self.heard += 1
        try:
            meaning = self._read(arrival)
        except (WireError, ValueError) as error:
            self.broken += 1
            return Heard(self.heard, now_ns, arrival.body, self._breach(error), binary=arrival.kind == "binary")
        self._take(meaning)
        gap, repeated = self._follows(meaning, arrival.body) if isinstance(meaning, News) else (False, False)
        return Heard(self.heard, now_ns, arrival.body, meaning, gap, repeated)

    def _read(self, arrival: Arrival) -> Meaning:
        if arrival.kind == "binary":
            raise Undecodable("it is binary", hint="its bytes are kept")
        return meaning_of(self._feed, arrival.body)

    def _breach(self, error: WireError | ValueError) -> WireError:
        said = error.message if isinstance(error, WireError) else str(error)
        return Undecodable(f"frame {self.heard} of the feed: {said}", hint="its bytes are kept; the feed goes on")

    def _take(self, meaning: Meaning) -> None:
        if isinstance(meaning, Welcome):
            self.welcome = meaning
        elif isinstance(meaning, Ping):
            self.outgoing.append(meaning.answer)
        elif isinstance(meaning, Challenged):
            self._answer(meaning)
        elif isinstance(meaning, Acknowledged):
            self._acknowledge(meaning)
        elif isinstance(meaning, Complaint):
            self._refuse(meaning)
        elif isinstance(meaning, News) and self.signed_in == "asked":
            kinds = {getattr(item, "kind", "") for item in meaning.items}
            self.signed_in = "yes" if kinds & set(self._feed.private) else "asked"

    def _follows(self, news: News, body: bytes) -> tuple[bool, bool]:
        """Whether something is missing before a frame of a series, and whether it repeats the last one. The first one
        heard begins it. A number that is not the next, but for a repetition, may be of a series that began anew as well
        as of a lost frame: either way nobody told what was in between."""
        if not news.series:
            return False, False
        last = self._last.get(news.series)
        if last == (news.number, body):
            return False, True
        self._last[news.series] = (news.number, body)
        return not (news.begins or last is None or news.number == last[0] + 1), False

    def _answer(self, challenge: Challenged) -> None:
        if self._feed.prove is None or self._signing is None:
            return
        self._proof = self._feed.prove(challenge.text, self._signing)
        held, self._held = self._held, []
        for action, topics in held:
            self._ask(action, topics)

    def _acknowledge(self, said: Acknowledged) -> None:
        topics = frozenset(said.topics)
        if (said.action, topics) in self._asked:
            self._asked.remove((said.action, topics))
        self.topics = self.topics | topics if said.action == "subscribe" else self.topics - topics

    def _refuse(self, said: Complaint) -> None:
        """A complaint does not say which request it answers: answers come in the order of requests, so it is the oldest
        of that kind."""
        if said.about == "sign_in":
            self.signed_in = "refused"
            return
        refused = next((each for each in self._asked if said.about in ("", each[0])), None)
        if refused is not None:
            self._asked.remove(refused)

    # ── silence ──────────────────────────────────────────────────────────────────────────────────────────────────

    def liveness(self, now_ns: int) -> Liveness:
        """*Stale* once a ping is overdue by a quarter of its interval, *dead* once nothing came for as long as the
        server itself would wait. Before the welcome: *dead* after `limits.FEED_WELCOME_S`."""
        silent_ns = now_ns - self._heard_ns
        if silent_ns >= self._patience_ns():
            return "dead"
        interval_ns = self._interval_ns()
        return "stale" if interval_ns is not None and silent_ns * 4 > interval_ns * 5 else "fresh"

    def silence_left_s(self, now_ns: int) -> float:
        """How long nothing may come from now on, seconds, until the connection counts as dead."""
        return max(0, self._heard_ns + self._patience_ns() - now_ns) / SECOND_NS

    def _patience_ns(self) -> int:
        """The timeout that the server named; where that is no longer than its interval, both. Where we ping, two of our
        intervals: each ping is answered."""
        interval_ns = self._interval_ns()
        if interval_ns is None:
            return int(limits.FEED_WELCOME_S * SECOND_NS)
        timeout_ns = (self.welcome.ping_timeout_ns if self.welcome is not None else None) or interval_ns
        return timeout_ns if timeout_ns > interval_ns else interval_ns + timeout_ns

    def _interval_ns(self) -> int | None:
        """How often a sign of life comes at least; None while that is not known."""
        if self._feed.ping_every_s is not None:
            return self._feed.ping_every_s * SECOND_NS
        return None if self.welcome is None else self.welcome.ping_interval_ns


class FeedReader:
    """A connection and its state. `frames` must run for anything to be answered, pings among it."""

    def __init__(self, feed: Feed, connection: Connection, *, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self.state: Final = FeedState(feed, clock.now_ns())

    async def subscribe(self, *topics: str) -> None:
        """Asks for public topics, as the declaration names them. Raises `LinkError` where the connection has ended."""
        self.state.subscribe(*topics)
        await self._flush()

    async def unsubscribe(self, *topics: str) -> None:
        self.state.unsubscribe(*topics)
        await self._flush()

    async def sign_in(self, signing: Signing) -> None:
        """With what requests are signed with; where the headers of the upgrade did it, this says so."""
        self.state.sign_in(signing)
        await self._flush()

    def liveness(self) -> Liveness:
        return self.state.liveness(self._clock.now_ns())

    async def receive(self, wait_s: float) -> Heard | None:
        """The next frame; None where none comes within ``wait_s``, or where what came is none. Raises `LinkError` where
        the connection ends or falls silent: what happened meanwhile, nobody told."""
        left_s = self.state.silence_left_s(self._clock.now_ns())
        arrival = await self._connection.receive(min(wait_s, left_s))
        now_ns = self._clock.now_ns()
        if arrival is None:
            if self.state.liveness(now_ns) == "dead":
                raise LinkError("the feed fell silent", hint="connect again, and ask for what happened meanwhile")
            return None
        heard = self.state.receive(arrival, now_ns)
        if self.state.outgoing:
            await self._flush()
        return heard

    async def frames(self) -> AsyncIterator[Heard]:
        """Every frame in the order received, until `receive` raises."""
        while True:
            heard = await self.receive(inf)
            if heard is not None:
                yield heard

    async def close(self) -> None:
        await self._connection.close()

    async def _flush(self) -> None:
        while self.state.outgoing:
            await self._connection.send(self.state.outgoing.popleft())
