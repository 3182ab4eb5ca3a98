"""Shows that the client's WebSocket hands on what comes byte for byte, answers pings below the frames, goes where it
was sent and nowhere else, and says in one error of ours how a connection failed or ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from nostro import limits
from nostro.errors import Failing, Forbidden, LinkError, NostroError, NotSent, TooLarge
from nostro.link.frames import Arrival
from nostro.link.transport import AiohttpConnection

Play = Callable[[web.WebSocketResponse], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/x"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def connected(
    play: Play, *, cookies: list[object] | None = None, **options: Any
) -> AsyncIterator[AiohttpConnection]:
    """A connection to a server that plays this, and then closes. ``cookies``: where those of the upgrade go."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if cookies is not None:
            cookies.append(request.headers.get("Cookie"))
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await play(socket)
        await socket.close(code=4001, message=b"that was all")
        return socket

    async with serving(answer) as url:
        connection = await AiohttpConnection.open(url, **options)
        try:
            yield connection
        finally:
            await connection.close()


def test_frames_come_as_they_are_and_pings_are_answered() -> None:
    answered: list[tuple[object, bytes]] = []

    async def play(socket: web.WebSocketResponse) -> None:
        await socket.send_str('["é", 1 ]')
        await socket.send_frame(b'["\xff"]', aiohttp.WSMsgType.TEXT)
        await socket.send_bytes(b"\x00\xff")
        await socket.pong(b"unasked")
        await socket.ping(b"there?")
        answer = await socket.receive(5)
        answered.append((answer.type, answer.data))
        await socket.send_str((await socket.receive(5)).data)

    async def run() -> None:
        async with connected(play) as connection:
            came = [await connection.receive(5) for _ in range(5)]
            assert came[:2] == [Arrival('["é", 1 ]'.encode()), Arrival(b'["\xff"]')]
            assert came[2:] == [Arrival(b"\x00\xff", "binary"), Arrival(b"", "ping"), Arrival(b"", "ping")]
            assert await connection.receive(0) is None, "no wait at all is no wait for ever"
            await connection.send("ours")
            assert await connection.receive(5) == Arrival(b"ours")
            with pytest.raises(LinkError, match=r"ended with code 4001 \(that was all\)"):
                await connection.receive(5)
            with pytest.raises(LinkError):
                await connection.receive(5)
            with pytest.raises(LinkError):
                await connection.send("too late")

    asyncio.run(run())
    assert answered == [(aiohttp.WSMsgType.PONG, b"there?")]


def test_we_ping_where_the_feed_wants_it_and_its_headers_are_sent() -> None:
    seen: list[object] = []

    async def play(socket: web.WebSocketResponse) -> None:
        ping = await socket.receive(5)
        seen.append(ping.type)
        await socket.pong(ping.data)
        await socket.receive(5)

    async def run() -> None:
        async with connected(play, headers={"Cookie": "gravity=1"}, ping_every_s=1, cookies=seen) as connection:
            assert await connection.receive(5) == Arrival(b"", "ping")

    asyncio.run(run())
    assert seen == ["gravity=1", aiohttp.WSMsgType.PING]


def test_a_frame_beyond_the_limit_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FEED_FRAME_BYTES_MAX", 1_000)

    async def play(socket: web.WebSocketResponse) -> None:
        await socket.send_str("x" * 999)
        await socket.send_str("x" * 1_001)

    async def run() -> None:
        async with connected(play) as connection:
            assert await connection.receive(5) == Arrival(b"x" * 999)
            with pytest.raises(TooLarge, match="a frame is larger than 1000 bytes"):
                await connection.receive(5)

    asyncio.run(run())


def test_it_goes_nowhere_else() -> None:
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async def run() -> None:
        async with serving(answer) as url:
            with pytest.raises(NotSent, match="is elsewhere: /elsewhere"):
                await AiohttpConnection.open(url)

    asyncio.run(run())
    assert asked == ["/x"]


@pytest.mark.parametrize(("status", "error"), [(200, NotSent), (403, Forbidden), (404, NotSent), (503, Failing)])
def test_a_server_that_has_no_feed_there_is_an_error_of_ours(status: int, error: type[NostroError]) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status)

    async def run() -> None:
        async with serving(answer) as url:
            with pytest.raises(error, match=r"feed at ws://127.*answered"):
                await AiohttpConnection.open(url)

    asyncio.run(run())


def test_nobody_there_and_no_such_url_are_errors_of_ours() -> None:
    async def run() -> None:
        for url in ("ws://127.0.0.1:1/x", "ws://", "nonsense"):
            with pytest.raises(NotSent, match="no feed at"):
                await AiohttpConnection.open(url)

    asyncio.run(run())
