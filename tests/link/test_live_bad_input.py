"""Shows that an account whose feed is hostile is told of in words, again and again and no faster than the pauses allow,
that the bytes of its frames are kept, and that the accounts beside it hear everything in time: over real sockets, all
of them in one process (live 4, 12, 17).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from conformance.real_venue import Clock as VenueTime
from link.hostile import BINARY, Hostile, Play, accept, answering, bomb, frame, hostile, telling
from link.kept import Kept
from nostro import limits
from nostro.domain.values import parse_time
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.events import Ended, GapClosed, GapOpened, Resumed, Unreadable, Update
from nostro.paper.feeds import Hub
from nostro.paper.listen import listen
from nostro.paper.profiles import OPENINGS
from nostro.paper.server import Server
from nostro.paper.venue.venue import Venue

NOW_NS = parse_time("2026-03-01T12:00:00Z")
WALLET = b'["w", 1772366400, "USDT", "SPOT", "", "5.0", "1.0"]'
LIVED_S = 3.0
FUNDED = {"alp": ("spot", "USDT"), "kraken_futures": ("futures", "USD")}
GROWTH_BYTES = 64 * 1024 * 1024


class Shop:
    """A paper exchange of that wire over sockets, with one who trades."""

    def __init__(self, folder: Path, wire: str) -> None:
        folder.mkdir()
        self.exchange = exchange(wire)
        assert self.exchange.feed is not None
        opening = OPENINGS[wire]
        self.venue = Venue.open(
            folder / "venue.db", now_ns=VenueTime(NOW_NS), seed=7, profile=opening.profile, issue=opening.issue
        )  # fmt: skip
        self.login = self.venue.create_login("trader", "t@example.org", permissions=("read", "trade"))
        self.hub = Hub(self.exchange.feed, self.venue)
        self.venue.listeners.append(self.hub.publish)

    async def open(self) -> None:
        self.listener = await listen(Server(self.exchange, self.venue).handle, hub=self.hub)

    def kept(self, name: str) -> Kept:
        path = self.exchange.url.partition("://")[2].partition("/")[2]
        credentials = Credentials(self.login.key, self.login.secret, extra=dict(self.login.extra))
        return Kept(self.exchange, name, credentials=credentials, url=f"{self.listener.origin}/{path}")

    def something(self) -> None:
        wallet, asset = FUNDED[self.exchange.id]
        self.venue.fund(self.login.user, asset, amount=Decimal(1), wallet=wallet)

    async def close(self) -> None:
        await self.listener.close()
        self.venue.close()


def kraken(*, challenge: bool, refuses: str) -> Play:
    """A server that is asked for a challenge, and for feeds. ``refuses``: what it says to each."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(frame(b'{"event":"info","version":1}'))
        while head := await reader.readexactly(2):
            size = head[1] & 127
            if size == 126:
                size = int.from_bytes(await reader.readexactly(2), "big")
            mask = await reader.readexactly(4)
            body = bytes(each ^ mask[at % 4] for at, each in enumerate(await reader.readexactly(size)))
            if head[0] & 15 != 1:
                continue
            asked = json.loads(body)
            if asked["event"] == "challenge" and challenge:
                writer.write(frame(b'{"event":"challenge","message":"226aee50-88fc-4618-a42a-34f7709570b2"}'))
            elif asked["event"] == "subscribe" and refuses == "the key":
                writer.write(
                    frame(b'{"event":"alert","message":"Failed to subscribe to authenticated feed"}')
                )  # fmt: skip
            elif asked["event"] == "subscribe":
                writer.write(frame(json.dumps({"event": "subscribed_failed", "feed": asked["feed"]}).encode()))

    return play


def torrent() -> Play:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        many = frame(WALLET) * 200
        while True:
            writer.write(many)
            await writer.drain()

    return play


PAGE = b"<!DOCTYPE html><html><body>Checking your browser</body></html>"
# What it does, the wire of the account, what is said of it.
HOSTILE: dict[str, tuple[Play, str, str]] = {
    "html": (answering(b"200 OK", b"Content-Type: text/html", body=PAGE), "alp", "answered 200"),
    "redirect": (answering(b"302 Found", b"Location: http://127.0.0.1:9/x"), "alp", "is elsewhere"),
    "429": (answering(b"429 Too Many Requests", b"Retry-After: 1"), "alp", "answered 429"),
    "429 for long": (answering(b"429 Too Many Requests", b"Retry-After: 60"), "alp", "answered 429"),
    "503": (answering(b"503 Service Unavailable"), "alp", "answered 503"),
    "silent": (telling(), "alp", "fell silent"),
    "64 MiB": (telling(frame(WALLET), frame(b"", size=64 << 20)), "alp", "larger than 16777216"),
    "bomb": (telling(frame(WALLET), frame(bomb(64 << 20), reserved=4)), "alp", "code 1002"),
    "reserved": (telling(frame(WALLET), frame(b"x", reserved=1)), "alp", "code 1002"),
    "no challenge": (kraken(challenge=False, refuses=""), "kraken_futures", "not answered within"),
    "no feed": (kraken(challenge=True, refuses="a feed"), "kraken_futures", "refused a subscription"),
}
# Frames that no reader knows, among others that it does.
ODD = {
    "text": (frame(b"hello"), b"hello"),
    "binary": (frame(b"\x00\xff" * 10, BINARY), b"\x00\xff" * 10),
    "utf-8": (frame(b"\xff\xfe"), b"\xff\xfe"),
    "unknown": (frame(b'["weather", 1, "fine"]'), b'["weather", 1, "fine"]'),
    "deep": (frame(b"[" * 9_000), b"[" * 9_000),
}  # fmt: skip
WELCOME = frame(b'["welcome", 1772366400, 20000000000, 30000000000, "5c00d9c2-607e-4c7f-927b-b204b29e387b"]')


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, bound in {
        "FEED_WELCOME_S": 0.6, "FEED_SILENCE_S": 2, "BACKOFF_FIRST_S": 0.2, "BACKOFF_MAX_S": 1.0, "PROBE_S": 1,
        "RECHECK_S": 1,
    }.items():  # fmt: skip
        monkeypatch.setattr(limits, name, bound)


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


class Street:
    """Accounts of two shops, some of whose feeds lead elsewhere, followed for a while in one loop."""

    def __init__(self, folder: Path) -> None:
        self.shops = {wire: Shop(folder / wire, wire) for wire in ("alp", "kraken_futures")}
        self.kept: dict[str, Kept] = {}
        self.servers: dict[str, Hostile] = {}

    async def live(self, plays: Mapping[str, tuple[Play, str]], *, lived_s: float = LIVED_S) -> None:
        for shop in self.shops.values():
            await shop.open()
        async with asyncio.TaskGroup() as group:
            tasks = []
            for name, (play, wire) in plays.items():
                tasks.append(group.create_task(self._bad(name, play, self.shops[wire])))
            for wire, shop in self.shops.items():
                tasks.append(group.create_task(self._good(wire, shop)))
            for _ in range(int(lived_s * 10)):
                await asyncio.sleep(0.1)
                for shop in self.shops.values():
                    shop.something()
            for task in tasks:
                task.cancel()
        for kept in self.kept.values():
            await kept.source.close()
        for shop in self.shops.values():
            await shop.close()

    async def _bad(self, name: str, play: Play, shop: Shop) -> None:
        self.kept[name] = shop.kept(name)
        async with hostile(play) as here:
            self.servers[name] = here
            await self.kept[name].live(here.url)

    async def _good(self, wire: str, shop: Shop) -> None:
        self.kept[wire] = shop.kept(wire)
        feed = shop.exchange.feed
        assert feed is not None
        await self.kept[wire].live(shop.listener.origin.replace("http", "ws") + feed.paths[0])

    def check_good(self, *, late_s: float = 0.5) -> None:
        """Who is beside them heard all, and in time."""
        for wire in self.shops:
            kept = self.kept[wire]
            assert (len(kept.of(GapOpened)), len(kept.of(GapClosed)), len(kept.of(Resumed))) == (1, 1, 1), kept.events
            told = [each for each in kept.of(Update) if each.via == "feed" and each.stream == "balances"]
            assert len(told) > LIVED_S * 10 / 2
            gaps_s = [(two.at_ns - one.at_ns) / 1e9 for one, two in pairwise(told)]
            assert sorted(gaps_s)[len(gaps_s) * 95 // 100] < late_s, gaps_s


def test_hostile_feeds_are_told_of_and_hinder_nobody(tmp_path: Path) -> None:
    street = Street(tmp_path)
    before = rss_bytes()
    asyncio.run(asyncio.wait_for(street.live({name: (play, wire) for name, (play, wire, _) in HOSTILE.items()}), 60))
    assert rss_bytes() - before < GROWTH_BYTES
    for name, (_, _, says) in HOSTILE.items():
        kept, server = street.kept[name], street.servers[name]
        assert says in kept.why, (name, kept.why)
        assert isinstance(kept.events[0], GapOpened)
        assert not kept.of(GapClosed), name
        assert not kept.of(Ended), name
        least, most = {"429": (2, 4), "429 for long": (1, 1)}.get(name, (2, 15))
        assert least <= server.connections <= most, (name, server.connections)
        if name in ("64 MiB", "bomb", "reserved"):
            assert WALLET in kept.bodies, name
    street.check_good()


def test_frames_that_nobody_can_read_are_kept_and_told_and_those_behind_them_are_heard(tmp_path: Path) -> None:
    street = Street(tmp_path)
    plays = {name: (telling(WELCOME, sent, frame(WALLET)), "alp") for name, (sent, _) in ODD.items()}
    asyncio.run(asyncio.wait_for(street.live(plays), 60))
    for name, (_, body) in ODD.items():
        kept = street.kept[name]
        assert body in kept.bodies, name
        assert WALLET in kept.bodies, name
        told = kept.of(Unreadable)
        assert told, name
        assert body.startswith(told[0].frame)
        assert any(each.fact.total == 5 for each in kept.of(Update) if each.via == "feed"), name
    street.check_good()


def test_a_key_that_a_feed_refuses_twice_ends_its_account_and_no_other(tmp_path: Path) -> None:
    street = Street(tmp_path)
    plays = {"refused": (kraken(challenge=True, refuses="the key"), "kraken_futures"),
             "401": (answering(b"401 Unauthorized"), "alp")}  # fmt: skip
    asyncio.run(asyncio.wait_for(street.live(plays), 60))
    for name in plays:
        assert len(street.kept[name].of(Ended)) == 1, name
        assert street.servers[name].connections == limits.AUTH_FAILURES_MAX
    street.check_good()


def test_a_torrent_of_frames_leaves_the_others_their_turn(tmp_path: Path) -> None:
    street = Street(tmp_path)
    before = rss_bytes()
    asyncio.run(asyncio.wait_for(street.live({"torrent": (torrent(), "alp")}), 60))
    assert rss_bytes() - before < GROWTH_BYTES
    assert len(street.kept["torrent"].bodies) > 2_000
    street.check_good()
