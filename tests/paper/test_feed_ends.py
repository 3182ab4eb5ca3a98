"""Shows over real sockets, for every wire with a feed, that a paper exchange tells an account nothing more once what
signed in is over: a token or a cookie that ended in mid-stream, a key that may not read any more; that who signs in
anew before, or never signed in, stays; and what our client says of it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conformance.real_venue import Clock
from nostro.domain.values import SECOND_NS, parse_time
from nostro.errors import LinkError
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.declare import Signing
from nostro.link.feed import FeedReader, Heard
from nostro.link.frames import News
from nostro.link.transport import AiohttpConnection, AiohttpTransport, SystemClock
from nostro.link.wire import WireSource
from nostro.paper.feeds import Hub
from nostro.paper.listen import listen
from nostro.paper.profiles import OPENINGS
from nostro.paper.server import Server
from nostro.paper.venue.venue import Venue

NOW_NS = parse_time("2026-03-01T12:00:00Z")
WIRES = ("alp", "kraken_futures", "grvt")
WITH_TOKENS = ("alp", "grvt")
FUNDED = {"alp": ("spot", "USDT"), "kraken_futures": ("futures", "USD"), "grvt": ("futures", "USDT")}


class VenueClock:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now_ns(self) -> int:
        return self._clock.now_ns

    async def sleep(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)


class Here:
    """A venue of that wire, served, with one who trades."""

    def __init__(self, folder: Path, wire: str) -> None:
        self.clock = Clock(NOW_NS)
        self.exchange = exchange(wire)
        assert self.exchange.feed is not None
        self.feed = self.exchange.feed
        opening = OPENINGS[wire]
        self.venue = Venue.open(
            folder / "venue.db", now_ns=self.clock, seed=7, profile=opening.profile, issue=opening.issue
        )  # fmt: skip
        self.login = self.venue.create_login("trader", "t@example.org", permissions=("read", "trade"))
        self.hub = Hub(self.feed, self.venue)
        self.venue.listeners.append(self.hub.publish)
        self.server = Server(self.exchange, self.venue)
        self.credentials = Credentials(self.login.key, self.login.secret, extra=dict(self.login.extra))

    def something(self) -> None:
        """Happens to the account."""
        wallet, asset = FUNDED[self.exchange.id]
        self.venue.fund(self.login.user, asset, amount=Decimal(5), wallet=wallet)

    async def signing(self) -> Signing:
        """With a token that is new."""
        source = WireSource(
            self.exchange, AiohttpTransport(), account="a", credentials=self.credentials,
            url=self.listener.origin + urlsplit(self.exchange.url).path, clock=VenueClock(self.clock),
            randomness=random.Random(1),
        )  # fmt: skip
        await source.ask("balances", {})
        await source.close()
        return Signing(self.credentials, source._token, self.clock.now_ns)

    async def reader(self, *, signs: bool = True) -> FeedReader:
        signing = await self.signing()
        headers = self.feed.headers(signing) if signs else {}
        url = self.listener.origin.replace("http", "ws") + self.feed.paths[0]
        reader = FeedReader(self.feed, await AiohttpConnection.open(url, headers=headers), clock=SystemClock())
        if signs:
            await reader.sign_in(signing)
            topics = [self.feed.topic(name, str(self.login.user)) for name in ("v1.position", "v1.fill")] \
                if self.exchange.id == "grvt" else self.feed.watched([])  # fmt: skip
            if topics:
                await reader.subscribe(*topics)
        return reader


@asynccontextmanager
async def running(folder: Path, wire: str) -> AsyncIterator[Here]:
    here = Here(folder, wire)
    here.listener = await listen(here.server.handle, hub=here.hub)  # type: ignore[attr-defined]
    try:
        yield here
    finally:
        await here.listener.close()  # type: ignore[attr-defined]
        here.venue.close()


async def heard(reader: FeedReader, *, within_s: float = 0.4) -> list[Heard]:
    """What comes until nothing does for so long. Raises where the connection ends."""
    found: list[Heard] = []
    frames = reader.frames()
    while True:
        coming = asyncio.ensure_future(anext(frames))
        done, _ = await asyncio.wait({coming}, timeout=within_s)
        if not done:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
            return found
        found.append(coming.result())


def told(frames: list[Heard]) -> int:
    return sum(isinstance(each.meaning, News) and bool(each.meaning.items) for each in frames)


async def ended(reader: FeedReader) -> str:
    with pytest.raises(LinkError) as error:
        await heard(reader, within_s=5)
    await reader.close()
    return str(error.value)


@pytest.mark.parametrize("wire", WITH_TOKENS)
@pytest.mark.parametrize("by", ["the next command", "the next beat"])
def test_a_token_that_ends_in_mid_stream_ends_the_connection(tmp_path: Path, wire: str, by: str) -> None:
    async def run() -> None:
        async with running(tmp_path, wire) as here:
            reader = await here.reader()
            await heard(reader)
            (session,) = here.hub.sessions.values()
            assert session.ends_ns is not None
            assert session.ends_ns > here.clock.now_ns
            here.clock.now_ns = session.ends_ns - 1
            here.hub.heard(session)
            session.unanswered_ns = None
            here.hub.beat()
            assert session.ended is None
            here.something()
            assert told(await heard(reader)) == (1 if wire == "alp" else 0)  # GRVT has no frame of money
            here.clock.now_ns += 1
            here.something() if by == "the next command" else here.hub.beat()
            assert session.ended == (1008, "the sign-in is over")
            assert not session.outgoing
            assert "code 1008 (the sign-in is over)" in await ended(reader)

    asyncio.run(run())


def test_who_signs_in_anew_before_stays(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, "alp") as here:
            reader = await here.reader()
            await heard(reader)
            (session,) = here.hub.sessions.values()
            assert session.ends_ns is not None
            first_ns = session.ends_ns
            here.clock.now_ns = first_ns - SECOND_NS
            await reader.sign_in(await here.signing())
            await heard(reader)
            assert session.ends_ns > first_ns
            here.clock.now_ns = first_ns + SECOND_NS
            session.unanswered_ns = None
            here.something()
            here.hub.beat()
            assert told(await heard(reader)) == 1
            await reader.close()

    asyncio.run(run())


@pytest.mark.parametrize("wire", WIRES)
def test_a_key_that_may_not_read_any_more_hears_nothing_after_the_next_beat(tmp_path: Path, wire: str) -> None:
    async def run() -> None:
        async with running(tmp_path, wire) as here:
            reader = await here.reader()
            await heard(reader)
            (session,) = here.hub.sessions.values()
            here.hub.beat()
            assert session.ended is None
            here.venue.set_permissions(here.login.key, ["trade"])
            here.hub.beat()
            before = len(session.outgoing)
            here.something()
            assert len(session.outgoing) == before
            assert "code 1008 (the key is gone, or may not read any more)" in await ended(reader)

    asyncio.run(run())


@pytest.mark.parametrize("wire", WIRES)
def test_who_never_signed_in_stays(tmp_path: Path, wire: str) -> None:
    async def run() -> None:
        async with running(tmp_path, wire) as here:
            reader = await here.reader(signs=False)
            await heard(reader)
            (session,) = here.hub.sessions.values()
            here.venue.set_permissions(here.login.key, [])
            here.clock.now_ns += 30 * SECOND_NS
            here.hub.heard(session)
            session.unanswered_ns = None
            here.hub.beat()
            assert session.ended is None
            await reader.close()

    asyncio.run(run())
