"""The only place of the client side that holds sockets and reads a clock. It decides how one request becomes one answer
or one `LinkError`; it does not decide what is asked again (``wire.py``).

A `Transport` sends one request once. `AiohttpTransport` goes over the network; `MemoryTransport` calls a
server's ``handle`` in the same process, so that a whole system runs without a socket. A `Connection` carries the frames
of a feed; what they are answered with is ``feed.py``'s.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import suppress
from itertools import chain
from math import inf
from typing import Any, Final, Protocol, Self

import aiohttp

from nostro import limits
from nostro.errors import (
    Failing,
    Forbidden,
    LinkError,
    NostroError,
    NotSent,
    RateLimited,
    TooLarge,
    Unanswered,
    Unauthorized,
)
from nostro.link.frames import Arrival
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.said import retry_after_s, sentence

Handle = Callable[[HttpRequest], HttpAnswer]


class Clock(Protocol):
    """Time as an argument: ``now_ns`` since 1970 UTC, and a pause in seconds."""

    def now_ns(self) -> int: ...

    async def sleep(self, pause_s: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)


def system_random() -> random.Random:
    """Randomness for jitter and client ids; no secret is made from it."""
    return random.Random(time.time_ns())  # noqa: S311 - jitter, not a secret


class Transport(Protocol):
    """Sends one request once."""

    async def send(self, request: HttpRequest) -> HttpAnswer:
        """The whole answer, whatever its status. Raises `NotSent` (it never left), `Unanswered` (it may have been
        carried out) or `TooLarge`."""
        ...

    async def close(self) -> None: ...


class AiohttpTransport:
    """HTTP over sockets: no redirects (a signature never goes where it was not meant), certificates verified, proxy
    settings of the environment ignored, one session of kept-alive connections."""

    def __init__(self, timeout_s: float = limits.REQUEST_TIMEOUT_S, tls: ssl.SSLContext | None = None) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: HttpRequest) -> HttpAnswer:
        from yarl import URL

        session = self._open_session()
        where = f"{request.method} {request.origin}{request.path}"
        try:
            async with session.request(
                request.method,
                URL(request.url, encoded=True),
                data=request.body or None,
                headers=request.headers,
                allow_redirects=False,
            ) as answer:
                body = await self._read(answer)
                return HttpAnswer(answer.status, dict(answer.headers), body)
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            reason = str(getattr(error, "os_error", error)) or type(error).__name__
            raise NotSent(
                f"no connection for {where}: {reason}", hint="is the exchange up and the URL right?"
            ) from None
        except TimeoutError:
            raise Unanswered(f"no answer to {where} within {self._timeout.total:g} s", hint="ask again later") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unanswered(f"the link broke during {where}: {type(error).__name__}") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls) if self._tls else aiohttp.TCPConnector()
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "nostro", "Accept": "application/json"},
            )
        return self._session

    @staticmethod
    async def _read(answer: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in answer.content.iter_chunked(65_536):
            size += len(chunk)
            if size > limits.BODY_BYTES_MAX:
                raise TooLarge
            chunks.append(chunk)
        return b"".join(chunks)


class MemoryTransport:
    """Calls a server in the same process. ``before`` is awaited first, so that a test can let time pass or fail."""

    def __init__(self, handle: Handle, before: Callable[[HttpRequest], Awaitable[None]] | None = None) -> None:
        self._handle = handle
        self._before = before

    async def send(self, request: HttpRequest) -> HttpAnswer:
        if self._before is not None:
            await self._before(request)
        answer = self._handle(request)
        pieces, size = list[bytes](), 0
        for piece in chain((answer.body,), answer.rest or ()):
            size += len(piece)
            if size > limits.BODY_BYTES_MAX:
                raise TooLarge
            pieces.append(piece)
        return HttpAnswer(answer.status, answer.headers, b"".join(pieces), answer.delay_s)

    async def close(self) -> None:
        return None


class Connection(Protocol):
    """The frames of a feed, both ways and in order."""

    async def send(self, text: str) -> None:
        """Raises `LinkError` where the connection has ended."""
        ...

    async def receive(self, wait_s: float) -> Arrival | None:
        """What comes next; None where nothing does within ``wait_s``. Raises `LinkError` where the connection has
        ended, `TooLarge` for a frame beyond `limits.FEED_FRAME_BYTES_MAX`."""
        ...

    async def close(self) -> None: ...


WAIT_S_MIN: Final = 0.001  # aiohttp takes 0 for no end
ENDED: Final = frozenset({aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED})


class AiohttpConnection:
    """A WebSocket: no redirects, certificates verified, proxy settings of the environment ignored, no compression,
    reading no further ahead than a buffer holds. That the other side is there, the feed's own frames must show, or
    answers to pings where the feed wants these."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        socket: aiohttp.ClientWebSocketResponse[bool],
        *,
        ping_every_s: int | None,
    ) -> None:
        self._session = session
        self._socket = socket
        self._ping_every_s = ping_every_s or inf
        self._pinged_s = time.monotonic()

    @classmethod
    async def open(
        cls,
        url: str,
        tls: ssl.SSLContext | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        ping_every_s: int | None = None,
    ) -> Self:
        """``url``: ``wss://...``, or ``ws://...`` on this machine. ``headers``: more of the upgrade's
        (`Feed.headers`). ``ping_every_s``: so often it pings while it is read, however much comes, and ends where no
        answer does. Raises `NotSent`; where the server answers that it will not, what that means: `Unauthorized`,
        `Forbidden`, `RateLimited`, `Failing`."""
        straight = aiohttp.TraceConfig()
        straight.on_request_redirect.append(_refuse_redirect)
        session = aiohttp.ClientSession(
            trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), headers={"User-Agent": "nostro", **(headers or {})},
            trace_configs=[straight],
        )  # fmt: skip
        try:
            async with asyncio.timeout(limits.FEED_WELCOME_S):
                socket = await session.ws_connect(
                    url, ssl=tls or True, autoping=False, decode_text=False,
                    max_msg_size=limits.FEED_FRAME_BYTES_MAX, heartbeat=ping_every_s,
                    timeout=aiohttp.ClientWSTimeout(ws_close=limits.FEED_FAREWELL_S),
                )  # fmt: skip
        except aiohttp.WSServerHandshakeError as error:
            await session.close()
            raise _refused(url, error) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            await session.close()
            reason = str(getattr(error, "os_error", error)) or type(error).__name__
            raise NotSent(f"no feed at {url}: {reason}", hint="is the exchange up and the URL right?") from None
        except BaseException:
            await session.close()
            raise
        return cls(session, socket, ping_every_s=ping_every_s)

    async def send(self, text: str) -> None:
        await self._sent(self._socket.send_str(text))

    async def receive(self, wait_s: float) -> Arrival | None:
        try:
            await self._ping()
            message = await self._next(max(wait_s, WAIT_S_MIN))
            if message.type is aiohttp.WSMsgType.PONG:
                return Arrival(b"", "ping")
            if message.type is aiohttp.WSMsgType.PING:
                await self._sent(self._socket.pong(message.data))
                return Arrival(b"", "ping")
        except TimeoutError:
            return None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise LinkError(f"the feed's connection broke: {type(error).__name__}") from None
        if message.type is aiohttp.WSMsgType.TEXT:
            return Arrival(bytes(message.data))
        if message.type is aiohttp.WSMsgType.BINARY:
            return Arrival(bytes(message.data), "binary")
        raise self._end(message.extra if message.type in ENDED else message.data)

    async def _next(self, wait_s: float) -> Any:
        """What comes next. Where it is there already no timer is set, which would take as long as reading it."""
        receiving = self._socket.receive()
        try:
            waited = receiving.send(None)
        except StopIteration as done:
            return done.value
        async with asyncio.timeout(wait_s):
            return await _Rest(receiving, waited)

    async def close(self) -> None:
        """Takes leave, if the other side does so in time: one that goes on talking is hung up on."""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(limits.FEED_FAREWELL_S):
                    await self._socket.close()
        finally:
            await self._session.close()

    async def _ping(self) -> None:
        """While frames come aiohttp does not ping; the other side may want to hear of us all the same."""
        if time.monotonic() - self._pinged_s >= self._ping_every_s:
            self._pinged_s = time.monotonic()
            await self._sent(self._socket.ping())

    @staticmethod
    async def _sent(sending: Awaitable[None]) -> None:
        """Raises `LinkError` where it cannot leave, or does not in time: the other side reads nothing."""
        try:
            async with asyncio.timeout(limits.FEED_SEND_S):
                await sending
        except TimeoutError:
            said = f"the feed took no message of ours for {limits.FEED_SEND_S:g} s"
            raise LinkError(said, hint="it is not read there: connect again") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise LinkError(f"the feed's connection broke: {type(error).__name__}") from None

    def _end(self, reason: object) -> LinkError | TooLarge:
        if self._socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
            return TooLarge(f"a frame is larger than {limits.FEED_FRAME_BYTES_MAX} bytes", hint="the feed has ended")
        said = f" ({sentence(str(reason))})" if reason else ""
        return LinkError(f"the feed's connection ended with code {self._socket.close_code}{said}", hint="connect again")


class _Rest(Generator[Any, Any, Any]):
    """What is left of a coroutine that has begun, and waits for something."""

    def __init__(self, begun: Coroutine[Any, Any, Any], waited: Any) -> None:
        self._begun = begun
        self._waited = waited

    def __await__(self) -> Self:
        return self

    def send(self, told: Any) -> Any:
        waited, self._waited = self._waited, None
        return self._begun.send(told) if waited is None else waited

    def throw(self, *error: Any) -> Any:
        return self._begun.throw(*error)


async def open_feed(url: str, headers: Mapping[str, str], *, ping_every_s: int | None) -> Connection:
    """A WebSocket over the network, as `AiohttpConnection.open`."""
    return await AiohttpConnection.open(url, headers=headers, ping_every_s=ping_every_s)


def _refused(url: str, error: aiohttp.WSServerHandshakeError) -> NostroError:
    """What it means that the upgrade was answered otherwise."""
    message = f"the feed at {url} answered {error.status}"
    if error.status == 401:
        return Unauthorized(message, hint="check the key", status=401)
    if error.status == 403:
        return Forbidden(message, hint="may this key, and this address, hear the feed?", status=403)
    if error.status == 429:
        return RateLimited(message, retry_after_s=retry_after_s(error.headers or {}), hint="it is opened again later")
    if error.status >= 500:
        return Failing(message, hint="it is opened again later", status=error.status)
    return NotSent(f"no feed at {url}: it answered {error.status}", hint="is the URL right?")


async def _refuse_redirect(_: aiohttp.ClientSession, __: object, redirect: aiohttp.TraceRequestRedirectParams) -> None:
    to = redirect.response.headers.get("Location", "")
    raise NotSent(f"the feed at {redirect.url} is elsewhere: {to}", hint="is the URL right?")
