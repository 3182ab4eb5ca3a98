"""Shows that the sockets carry requests and answers unchanged: every method's body, the query string as it was sent,
dropped connections, delays, and nothing that is too large; and that they are open on this machine alone.
"""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import pytest

from nostro import limits
from nostro.errors import BadValue, Unanswered, Unwritable
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.paper.listen import Listener, listen


class Echo:
    """A handle that keeps what it was given."""

    def __init__(self) -> None:
        self.seen: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> HttpAnswer:
        self.seen.append(request)
        if request.path == "/drop":
            raise Unanswered("dropped")
        if request.path == "/nothing":
            return HttpAnswer(202, {}, b"")
        delay_s = 0.05 if request.path == "/late" else 0.0
        return HttpAnswer(200, {"Content-Type": "application/json", "Date": "then"}, b'"\xc3\xa9"', delay_s)


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Echo, Listener, aiohttp.ClientSession]]:
    echo = Echo()
    listener = await listen(echo)
    try:
        async with aiohttp.ClientSession() as session:
            yield echo, listener, session
    finally:
        await listener.close()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT"])
def test_bodies_and_queries_arrive_as_sent(method: str) -> None:
    async def run() -> None:
        async with running() as (echo, listener, session):
            from yarl import URL

            target = "/api/v3/a%2Fb?pair=A%2FB&time=1+2&empty=&x=%D0%92"
            url = URL(f"{listener.origin}{target}", encoded=True)
            body = b'{"all": true}\x00\xff'
            async with session.request(method, url, data=body, headers={"X-SIGN": "abc"}) as answer:
                assert (answer.status, await answer.read()) == (200, b'"\xc3\xa9"')
                assert answer.headers["Content-Type"] == "application/json"
                assert answer.headers["Date"] == "then"
            (seen,) = echo.seen
            assert (seen.method, seen.target, seen.body) == (method, target, body)
            assert seen.headers["X-SIGN"] == "abc"

    asyncio.run(run())


def test_an_answer_without_body_a_late_one_and_none_at_all() -> None:
    async def run() -> None:
        async with running() as (echo, listener, session):
            async with session.get(f"{listener.origin}/nothing") as answer:
                assert (answer.status, await answer.read()) == (202, b"")
            began = time.monotonic()
            async with session.get(f"{listener.origin}/late") as answer:
                assert answer.status == 200
            assert time.monotonic() - began >= 0.05
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.post(f"{listener.origin}/drop", data=b"x")
            assert [request.path for request in echo.seen].count("/drop") == 1
            async with session.get(f"{listener.origin}/again") as answer:
                assert answer.status == 200

    asyncio.run(run())


def test_a_request_that_is_too_large_is_not_handled() -> None:
    async def run() -> None:
        async with running() as (echo, listener, session):
            async with session.post(f"{listener.origin}/x", data=io.BytesIO(b"x" * limits.REQUEST_BYTES_MAX)) as answer:
                assert answer.status == 200
            try:
                async with session.post(
                    f"{listener.origin}/x", data=io.BytesIO(b"x" * (limits.REQUEST_BYTES_MAX + 1))
                ) as answer:
                    assert answer.status == 413
            except aiohttp.ClientConnectionError:
                pass  # the server hung up while the rest was under way
            assert len(echo.seen) == 1

    asyncio.run(run())


def test_a_client_that_speaks_no_http_is_told_so_and_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with running() as (echo, listener, session):
            for said in (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
                writer.write(said)
                assert b" 400 " in await reader.readline()
                writer.close()
            told = [record for record in caplog.records if record.levelno >= logging.WARNING]
            assert (echo.seen, told) == ([], [])
            await broken(session)
            assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]

    async def broken(session: aiohttp.ClientSession) -> None:
        listener = await listen(lambda request: HttpAnswer(1 // len(request.body), {}, b""))
        try:
            async with session.get(f"{listener.origin}/x") as answer:
                assert answer.status == 500
        finally:
            await listener.close()

    asyncio.run(run())


def test_it_listens_on_this_machine_alone_and_says_where() -> None:
    async def run() -> None:
        for host in ("0.0.0.0", "localhost", "192.168.1.1", ""):
            with pytest.raises(BadValue, match="alone"):
                await listen(Echo(), host=host)
        first = await listen(Echo())
        assert first.origin == f"http://127.0.0.1:{first.port}"
        with pytest.raises(OSError, match="address already in use"):
            await listen(Echo(), port=first.port)
        await first.close()

    asyncio.run(run())


def test_a_long_answer_goes_piece_by_piece_and_no_further_than_it_is_read() -> None:
    made = [0]

    def long(pieces: int) -> HttpAnswer:
        def rest() -> Iterator[bytes]:
            for _ in range(pieces):
                made[0] += 1
                yield b"x" * 65_536

        return HttpAnswer(200, {"Content-Type": "application/json"}, b"begun", rest=rest())

    async def run() -> None:
        listener = await listen(lambda request: long(int(request.path[1:])))
        try:
            async with aiohttp.ClientSession() as session:
                async with session.get(f"{listener.origin}/40") as answer:
                    assert await answer.read() == b"begun" + b"x" * (40 * 65_536)
                assert made == [40]
                async with session.get(f"{listener.origin}/10000") as answer:
                    assert await answer.content.read(5) == b"begun"
                await asyncio.sleep(0.1)
                held = made[0]
                assert held < 1_000, "the server goes on where nobody reads"
                await asyncio.sleep(0.1)
                assert made[0] == held
        finally:
            await listener.close()

    asyncio.run(run())


def test_requests_of_one_turn_are_answered_after_one_commit() -> None:
    commits: list[int] = []
    handled: list[str] = []
    answered: list[tuple[str, int]] = []
    full = False

    @contextmanager
    def together() -> Iterator[None]:
        before = len(handled)
        yield
        if full:
            raise Unwritable("the disk is full")
        commits.append(len(handled) - before)

    def handle(request: HttpRequest) -> HttpAnswer:
        if request.path == "/wrong":
            raise ValueError("a fault of ours")
        handled.append(request.path)
        time.sleep(0.01)  # the others arrive meanwhile
        return HttpAnswer(200, {}, request.path.encode())

    async def run() -> None:
        nonlocal full
        listener = await listen(handle, together=together)

        async def ask(path: str) -> int:
            async with session.get(f"{listener.origin}{path}") as answer:
                body = await answer.text()
                answered.append((body, sum(commits)))
                return answer.status

        try:
            async with aiohttp.ClientSession() as session:
                paths = [f"/{number}" for number in range(40)]
                statuses = await asyncio.gather(*(ask(path) for path in [*paths, "/wrong"]))
                assert sorted(statuses) == [200] * 40 + [500]
                assert sorted(handled) == sorted(paths)
                assert sum(commits) == 40
                assert len(commits) < 30, "each request was committed by itself"
                full = True
                assert set(await asyncio.gather(*(ask("/lost") for _ in range(5)))) == {500}
                assert handled.count("/lost") == 5
                assert sum(commits) == 40
        finally:
            await listener.close()

    asyncio.run(run())
    for body, committed in answered:
        if body in handled:
            assert handled.index(body) < committed, "it was answered before it was durable"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", b"400"),
        (b"Content-Length: 100\r\n\r\n{}", None),  # the client is gone before the rest
    ],
)
def test_a_body_that_cannot_be_read_is_no_mistake_of_ours(
    sent: bytes, status: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with running() as (echo, listener, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(b"POST /x HTTP/1.1\r\nHost: x\r\n" + sent)
            await writer.drain()
            if status is not None:
                assert (await reader.readline()).split()[1] == status
            writer.close()
            await writer.wait_closed()
            await asyncio.sleep(0.05)
            assert echo.seen == []

    asyncio.run(run())
    assert caplog.records == []
