"""Shows over real sockets that whatever a server does to a feed comes to one error of ours, or to one frame whose bytes
are kept and that is said to break the protocol: in bounded time and memory, never as an exception of a library, and
nowhere but where it was sent (N9, N10).
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from link.hostile import BINARY, CLOSE, PING, accept, answering, bomb, frame, hostile, reset, telling
from nostro import limits
from nostro.errors import (
    Failing,
    Forbidden,
    LinkError,
    NostroError,
    NotSent,
    RateLimited,
    TooLarge,
    Unauthorized,
    Undecodable,
    WireError,
)
from nostro.exchanges import exchange
from nostro.link.feed import FeedReader, Heard
from nostro.link.frames import News, Unread
from nostro.link.transport import AiohttpConnection, SystemClock
from nostro.paper.certificate import certificate

FEED = exchange("alp").feed
assert FEED is not None
WALLET = b'["w", 1700000000, "USDT", "SPOT", "", "5.0", "1.0"]'
GROWTH_BYTES = 64 * 1024 * 1024
PAGE = b"<!DOCTYPE html><html><body>Checking your browser</body></html>"
no_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `limits`, and shorter."""
    monkeypatch.setattr(limits, "FEED_WELCOME_S", 0.6)
    monkeypatch.setattr(limits, "FEED_SEND_S", 0.5)


def rss_bytes() -> int:
    """What this process has in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def opened(play: Any, **options: Any) -> AiohttpConnection:
    async with hostile(play, **options) as here:
        connection = await AiohttpConnection.open(here.url)
        await connection.close()
        return connection


def refused(play: Any, **options: Any) -> NostroError:
    """The error with which a connection is not made."""
    with pytest.raises(NostroError) as error:
        asyncio.run(asyncio.wait_for(opened(play, **options), 5))
    return error.value


def heard(play: Any, *, within_s: float = 8, ping_every_s: int | None = None) -> tuple[list[Heard], NostroError]:
    """What a reader hears of a server, and the error at its end."""
    found: list[Heard] = []

    async def run() -> NostroError:
        async with hostile(play) as here:
            connection = await AiohttpConnection.open(here.url, ping_every_s=ping_every_s)
            reader = FeedReader(FEED, connection, clock=SystemClock())  # type: ignore[arg-type]
            try:
                async for each in reader.frames():
                    found.append(each)  # noqa: PERF401 - what came before the error is kept
            except NostroError as error:
                return error
            finally:
                await reader.close()
        raise AssertionError

    return found, asyncio.run(asyncio.wait_for(run(), within_s))


# ── a handshake that is none ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("play", "error"),
    [
        (answering(b"200 OK", b"Content-Type: text/html", body=PAGE), NotSent),
        (answering(b"401 Unauthorized", body=b'{"detail":"no"}'), Unauthorized),
        (answering(b"403 Forbidden", body=PAGE), Forbidden),
        (answering(b"404 Not Found"), NotSent),
        (answering(b"429 Too Many Requests", b"Retry-After: 7"), RateLimited),
        (answering(b"500 Oops"), Failing),
        (answering(b"503 Service Unavailable", b"Retry-After: 7", body=PAGE), Failing),
        (answering(b"101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade",
                   b"Sec-WebSocket-Accept: AAAA"), NotSent),
        (answering(b"101 Switching Protocols"), NotSent),
        (answering(b"200 OK", *[b"X-%d: %s" % (n, b"y" * 7_000) for n in range(400)]), NotSent),
        (answering(b"200 OK", b"X: " + b"y" * 200_000), NotSent),
    ],
    ids=["html", "401", "403", "404", "429", "500", "503", "accept", "upgrade", "headers", "header"],
)  # fmt: skip
def test_a_handshake_that_is_answered_otherwise_is_an_error_that_says_what(play: Any, error: type[NostroError]) -> None:
    found = refused(play)
    assert type(found) is error, found
    assert "127.0.0.1" in found.message
    assert found.hint
    if isinstance(found, RateLimited):
        assert found.retry_after_s == 7


@pytest.mark.parametrize("what", ["no HTTP", "nothing", "a byte now and then", "an end", "a reset"])
def test_a_handshake_that_never_ends_is_given_up(what: str) -> None:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if what == "no HTTP":
            writer.write(os.urandom(4_000))
        elif what == "a byte now and then":
            for byte in b"HTTP/1.1 101 Switching Protocols\r\n" * 10:
                writer.write(bytes((byte,)))
                await asyncio.sleep(0.05)
        elif what == "a reset":
            reset(writer)
        if what in ("nothing", "no HTTP"):
            await reader.read()

    assert type(refused(play)) is NotSent


def test_a_redirect_is_not_followed_anywhere() -> None:
    async def run() -> int:
        async with hostile(telling(frame(WALLET))) as elsewhere:
            to = b"Location: " + elsewhere.url.replace("ws://", "http://").encode()
            for status in (b"301 Moved", b"302 Found", b"303 See Other", b"307 Temporary", b"308 Permanent"):
                async with hostile(answering(status, to)) as here:
                    with pytest.raises(NotSent, match="is elsewhere: http://127"):
                        await AiohttpConnection.open(here.url)
                    assert here.connections == 1
            return elsewhere.connections

    assert asyncio.run(run()) == 0


@no_openssl
def test_a_certificate_that_nobody_vouches_for_is_refused_and_no_plain_text_instead(tmp_path: Path) -> None:
    chain = certificate(tmp_path)
    assert "certificate" in str(refused(telling(frame(WALLET)), chain=chain)).lower()

    async def plain() -> None:
        async with hostile(telling(frame(WALLET))) as here:
            with pytest.raises(NotSent):
                await AiohttpConnection.open(here.url.replace("ws://", "wss://"))

    asyncio.run(plain())


# ── frames that are none ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sent", "body", "meaning"),
    [
        (frame(b"hello"), b"hello", Undecodable),
        (frame(b""), b"", Undecodable),
        (frame(b"\xff\xfe\x00"), b"\xff\xfe\x00", Undecodable),
        (frame(b'{"a":1}'), b'{"a":1}', Undecodable),
        (frame(b"[" * 500_000), b"[" * 500_000, Undecodable),
        (frame(b'["\\ud800"]'), b'["\\ud800"]', Undecodable),
        (frame(WALLET, BINARY), WALLET, Undecodable),
        (frame(b"\x00\xff" * 50_000, BINARY), b"\x00\xff" * 50_000, Undecodable),
        (frame(b'["weather", 1, "fine"]'), b'["weather", 1, "fine"]', Unread),
        (frame(WALLET, mask=b"abcd"), WALLET, News),
        (frame(WALLET[:9], final=False) + frame(b"?", PING) + frame(WALLET[9:], 0), WALLET, News),
        (frame(b"", final=False) + frame(b"", 0, final=False) * 1_000 + frame(WALLET, 0), WALLET, News),
    ],
    ids=["text", "empty", "utf-8", "object", "deep", "surrogate", "binary", "zeros", "unknown", "masked", "fragments",
         "empty fragments"],
)  # fmt: skip
def test_what_came_is_kept_and_said_and_what_follows_is_heard(sent: bytes, body: bytes, meaning: type) -> None:
    frames, error = heard(telling(sent, frame(WALLET), frame(b"\x03\xe8", CLOSE), stays=False))
    assert [each.body for each in frames] == [body, WALLET]
    assert all(type(each.body) is bytes for each in frames)
    assert isinstance(frames[0].meaning, meaning)
    assert isinstance(frames[1].meaning, News)
    assert type(error) is LinkError
    if isinstance(frames[0].meaning, WireError):
        assert "frame 1 of the feed" in frames[0].meaning.message


@pytest.mark.parametrize(
    ("sent", "error", "says"),
    [
        (frame(b"", size=64 * 1024 * 1024), TooLarge, "larger than 16777216"),
        (frame(b"", size=1 << 62), TooLarge, "larger than"),
        (frame(b"x", reserved=4), LinkError, "1002"),
        (frame(b"x", reserved=2), LinkError, "1002"),
        (frame(b"x", 0x3), LinkError, "1002"),
        (frame(b"x", 0xF), LinkError, "1002"),
        (frame(b"x" * 126, PING), LinkError, "1002"),
        (frame(b"x", PING, final=False), LinkError, "1002"),
        (frame(b"x", 0), LinkError, "1002"),
        (frame(b"", CLOSE), LinkError, ""),
        (frame(b"\x00", CLOSE), LinkError, "1002"),
        (frame(b"\x00\x05no", CLOSE), LinkError, ""),
        (frame(b"\x0f\xa1\xff\xff", CLOSE), LinkError, ""),
        (frame(b"\x0f\xa1\x1b[2Jno\r\nmore", CLOSE), LinkError, r"4001 (\x1b[2Jno\r\nmore)"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", LinkError, "1002"),
    ],
    ids=["64 MiB", "2^62", "rsv1", "rsv2", "opcode 3", "opcode 15", "long ping", "split ping", "continuation",
         "no code", "half a code", "odd code", "no text", "control characters", "http"],
)  # fmt: skip
def test_what_is_no_frame_ends_the_connection_with_one_error(sent: bytes, error: type, says: str) -> None:
    frames, found = heard(telling(frame(WALLET), sent))
    assert [each.body for each in frames] == [WALLET]
    assert type(found) is error
    assert says in found.message


@pytest.mark.parametrize("how", ["cut", "reset", "torn"])
def test_a_link_that_breaks_is_an_error(how: str) -> None:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(frame(WALLET))
        await writer.drain()
        await asyncio.sleep(0.2)
        if how == "torn":
            writer.write(frame(WALLET)[:20])
            await writer.drain()
        if how == "reset":
            reset(writer)

    frames, error = heard(play)
    assert [each.body for each in frames] == [WALLET]
    assert type(error) is LinkError


# ── time and memory ──────────────────────────────────────────────────────────────────────────────────────────────


async def drip(writer: asyncio.StreamWriter, body: bytes, *, every_s: float) -> None:
    for byte in body:
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(every_s)


@pytest.mark.parametrize("what", ["silence", "a byte now and then", "fragments without an end"])
def test_who_never_says_anything_whole_is_left(what: str) -> None:
    """Before the welcome: after `limits.FEED_WELCOME_S`."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        if what == "silence":
            await reader.read()
        elif what == "a byte now and then":
            await drip(writer, frame(WALLET * 100), every_s=0.05)
        else:
            writer.write(frame(b'["', final=False))
            while True:
                writer.write(frame(b"x" * 100, 0, final=False))
                await writer.drain()
                await asyncio.sleep(0.01)

    frames, error = heard(play)
    assert frames == []
    assert "fell silent" in error.message


def test_a_message_of_fragments_without_an_end_is_too_large_at_last() -> None:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(frame(b'["', final=False))
        while True:
            writer.write(frame(b"x" * 60_000, 0, final=False))
            await writer.drain()

    before = rss_bytes()
    frames, error = heard(play)
    assert frames == []
    assert type(error) is TooLarge
    assert rss_bytes() - before < GROWTH_BYTES


def test_who_asks_and_reads_no_answer_is_left() -> None:
    """Pings without an end, whose answers nobody reads."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        pings = frame(b"x" * 125, PING) * 500
        while True:
            writer.write(pings)
            await writer.drain()

    before = rss_bytes()
    frames, error = heard(play, within_s=30)
    assert frames == []
    assert "took no message of ours" in error.message
    assert rss_bytes() - before < GROWTH_BYTES


@pytest.mark.parametrize("offered", [b"", b"Sec-WebSocket-Extensions: permessage-deflate\r\n"])
def test_a_compression_bomb_is_not_unpacked(offered: bytes) -> None:
    """256 MiB in 256 KiB, from a server that compresses though nobody asked for it."""
    packed = bomb(256 << 20)
    assert len(packed) < 1 << 19
    before = rss_bytes()
    frames, error = heard(telling(frame(WALLET), frame(packed, reserved=4), more=offered))
    assert [each.body for each in frames] == [WALLET]
    assert type(error) is LinkError
    assert rss_bytes() - before < GROWTH_BYTES


def test_a_frame_of_64_mib_is_not_taken_in() -> None:
    """All of its bytes are sent, if anybody takes them."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(frame(b"", size=64 << 20))
        for _ in range(64):
            writer.write(bytes(1 << 20))
            await writer.drain()

    before = rss_bytes()
    frames, error = heard(play)
    assert (frames, type(error)) == ([], TooLarge)
    assert rss_bytes() - before < GROWTH_BYTES


def test_a_flood_is_read_no_faster_than_it_is_taken() -> None:
    """A million frames are offered, and whoever reads takes a thousand a second at the most."""
    sent = 0

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await accept(reader, writer)
        many = frame(WALLET) * 1_000
        for _ in range(1_000):
            writer.write(many)
            await writer.drain()
            sent += 1_000

    async def run() -> int:
        async with hostile(play) as here:
            connection = await AiohttpConnection.open(here.url)
            taken = 0
            for _ in range(20):
                for _ in range(25):
                    arrival = await connection.receive(1)
                    taken += arrival is not None and arrival.body == WALLET
                await asyncio.sleep(0.02)
            await connection.close()
            return taken

    before = rss_bytes()
    assert asyncio.run(asyncio.wait_for(run(), 20)) == 500
    assert sent < 400_000, f"{sent} frames were taken off a server that is not read"
    assert rss_bytes() - before < GROWTH_BYTES


def test_a_server_that_takes_no_leave_is_left_in_time() -> None:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        await asyncio.sleep(60)

    async def run() -> float:
        async with hostile(play) as here:
            connection = await AiohttpConnection.open(here.url)
            began = asyncio.get_running_loop().time()
            await connection.close()
            return asyncio.get_running_loop().time() - began

    assert asyncio.run(run()) < limits.FEED_FAREWELL_S + 1
