"""A paper venue that lives at random behind one wire, and is heard on both ways at once: by a connection to its feed,
whose frames become facts as a book takes them, and by a source that asks for the same. It compares nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from conformance.feed_line import Line
from naive.contract_workload import ContractWorkload
from naive.engine import NaiveEngine
from naive.grounds import NARROW
from naive.workload import START_NS, Workload
from nostro.domain.records import Fact
from nostro.domain.values import SECOND_NS
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.declare import Signing
from nostro.link.feed import FeedState
from nostro.link.frames import Arrival, News
from nostro.link.http import HttpRequest
from nostro.link.segment import Frame, Reading, read_frame
from nostro.link.transport import MemoryTransport
from nostro.link.wire import WireSource
from nostro.paper.feeds import Hub
from nostro.paper.profiles import OPENINGS
from nostro.paper.server import Server
from nostro.paper.venue.venue import Venue
from paper.differential import venue_envelope, venue_profile
from simulation.wire_grounds import GRVT, KRAKEN

OPENING: Final = 150  # commands before anybody listens
GROUNDS: Final[Mapping[str, Any]] = {"alp": NARROW, "kraken_futures": KRAKEN, "grvt": GRVT}
URL: Final = "http://127.0.0.1"
DAY_NS: Final = 86_400 * SECOND_NS


class Clock:
    def __init__(self) -> None:
        self.time_ns = START_NS

    def __call__(self) -> int:
        return self.time_ns

    def now_ns(self) -> int:
        return self.time_ns

    async def sleep(self, pause_s: float) -> None:
        self.time_ns += int(pause_s * SECOND_NS)


class Told(NamedTuple):
    """What one frame said; ``timed``: the facts as the frame has them, times of its own or none."""

    received_ns: int
    body: bytes
    readings: list[Reading]
    timed: frozenset[tuple[str, int]]


class Life:
    """``told``: every frame that said something of the account, in order."""

    def __init__(self, folder: Path, wire: str, dialect: str | None, *, seed: int, user: int = 1) -> None:
        self.exchange = exchange(wire, dialect)
        assert self.exchange.feed is not None
        self.feed = self.exchange.feed
        self.ground = GROUNDS[wire]
        self.clock = Clock()
        opening = OPENINGS[wire]
        self.venue = Venue.open(
            folder / "venue.db", now_ns=self.clock, profile=venue_profile(self.ground.profile), issue=opening.issue
        )  # fmt: skip
        self.naive: NaiveEngine | None = None
        if wire == "alp":
            self.workload: Workload = Workload(random.Random(seed), self.ground)
        else:
            self.naive = NaiveEngine(self.ground.profile)
            self.workload = ContractWorkload(random.Random(seed), self.ground, self.naive)
        self.live(OPENING)
        self.login = self.venue.create_key(user, "the watched", permissions=("read", "trade", "margin"))
        self.credentials = Credentials(self.login.key, self.login.secret, extra=dict(self.login.extra))
        self.server = Server(self.exchange, self.venue)
        self.hub = Hub(self.feed, self.venue)
        self.venue.listeners.append(self.hub.publish)
        self.source = WireSource(
            self.exchange, MemoryTransport(self.server.handle), account="a", credentials=self.credentials,
            url=URL + urlsplit(self.exchange.url).path, clock=self.clock, randomness=random.Random(1),
        )  # fmt: skip
        self.told: list[Told] = []
        self.steps = self.least = 0
        self.series: set[str] = set()  # names of topics whose frames were numbered

    def live(self, commands: int) -> None:
        for _ in range(commands):
            envelope = self.workload.next()
            self.clock.time_ns = max(self.clock.time_ns, envelope.at_ns)
            ordered = venue_envelope(envelope)
            outcome = self.venue.carry_out(
                ordered.command, user=ordered.user, at_ns=ordered.at_ns, command_id=ordered.id
            )
            self.workload.seen(self.naive.apply(envelope) if self.naive is not None else outcome)

    # ── the feed ─────────────────────────────────────────────────────────────────────────────────────────────────

    def connect(self) -> None:
        """Signs in, and subscribes to all that is watched."""
        signing = Signing(self.credentials, self._token(), self.clock.time_ns)
        upgrade = HttpRequest(method="GET", path=self.feed.paths[0], headers=dict(self.feed.headers(signing)))
        self.line = Line(self.hub, self.clock, upgrade=upgrade)
        self.state = FeedState(self.feed, self.clock.time_ns)
        needed = self.ask(self.feed.needs) if self.feed.needs else []
        whose = self.credentials.extra.get("sub_account_id")
        facts = [each for each in needed if whose in (None, each.native_id)]
        self.own = self.feed.own(facts)
        self.state.sign_in(signing)
        topics = self.feed.watched(facts)
        if topics:
            self.state.subscribe(*topics)
        self.hear()
        self.line.session.ends_ns = None  # its life is longer than a token's, and that is not looked at here
        assert self.state.topics == set(topics)

    def hear(self) -> list[Told]:
        """What came since; the client has shown meanwhile that it is there."""
        before = len(self.told)
        self.hub.heard(self.line.session)
        self.line.session.unanswered_ns = None
        while True:
            for text in self.line.taken():
                self._hear(text.encode())
            if not self.state.outgoing:
                return self.told[before:]
            self.hub.receive(self.line.session, self.state.outgoing.popleft())

    def _hear(self, body: bytes) -> None:
        heard = self.state.receive(Arrival(body), self.clock.time_ns)
        assert heard is not None
        assert not isinstance(heard.meaning, Exception), heard
        assert not heard.gap, body
        if isinstance(heard.meaning, News) and heard.meaning.series:
            self.series.add(heard.meaning.series.partition(" ")[0])
        if isinstance(heard.meaning, News) and heard.meaning.items:
            readings = read_frame(self.feed, Frame(self.clock.time_ns, "text", body), own=self.own)
            timed = frozenset((each.kind, each.offset) for each in heard.meaning.items
                              if isinstance(each, Fact) and each.effective_ns is not None)  # fmt: skip
            self.told.append(Told(self.clock.time_ns, body, readings, timed))

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _token(self) -> str:
        sign_in = self.exchange.auth.sign_in
        if sign_in is None:
            return ""
        asyncio.run(self.source.ask("balances", {}))
        return self.source._token

    def ask(self, capability: str) -> list[Fact]:
        return list(asyncio.run(self.source.ask(capability, {})).facts)

    def history(self, stream: str) -> list[Fact]:
        """Every row."""

        async def swept() -> list[Fact]:
            steps = self.source.sweep(stream, START_NS - DAY_NS, self.clock.time_ns + SECOND_NS, {})
            return [fact async for step in steps for fact in step.facts]

        return asyncio.run(swept())
