"""The paper server's sockets, on this machine alone. It decides how bytes become an `HttpRequest` and back, and how the
frames of a `Hub` reach their readers; everything else is decided by these two, one request or message at a time.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from typing import Final

from aiohttp import WSMsgType, web
from aiohttp.http_exceptions import HttpProcessingError

from nostro import limits
from nostro.errors import BadValue, Unanswered
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.paper.feeds import Hub, Session

LOOPBACK: Final = ("127.0.0.1", "::1")
CLOSING_S: Final = 0.5  # what open connections get to finish when the server ends


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether it tells of a mistake of ours. A client that speaks no HTTP is told so, and nobody else."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_LOG: Final = logging.getLogger(__name__)
_LOG.addFilter(_is_ours)


class Listener:
    """A running server; ``port`` is the one it got, ``origin`` its scheme, host and port, ``tls_origin`` that of its
    encrypted twin, "" where it has none. End it with `close`."""

    def __init__(self, runner: web.ServerRunner, hub: Hub | None, *, host: str) -> None:
        name = f"[{host}]" if ":" in host else host
        ports = [int(address[1]) for address in runner.addresses]
        self.port = ports[0]
        self.origin = f"http://{name}:{ports[0]}"
        self.tls_origin = f"https://{name}:{ports[1]}" if len(ports) > 1 else ""
        self._runner = runner
        self._hub = hub

    async def close(self) -> None:
        if self._hub is not None:
            self._hub.end()
        await self._runner.cleanup()


async def listen(
    handle: Callable[[HttpRequest], HttpAnswer],
    *,
    together: Callable[[], AbstractContextManager[None]] = nullcontext,
    hub: Hub | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> Listener:
    """Serves ``handle``, and ``hub`` at its paths, on a loopback address; ``port`` 0 takes a free one. Requests that
    are there at the same time are handled within one ``together``, and answered after its end. With ``tls`` the same is
    served encrypted on another free port. Raises `BadValue` for any other address, and OSError where the port
    is taken."""
    if host not in LOOPBACK:
        raise BadValue(f"host is {host!r}, a paper exchange listens on {' or '.join(LOOPBACK)} alone")

    turns = _Turns(handle, together)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if hub is not None and request.path in hub.paths and web.WebSocketResponse().can_prepare(request):
            return await _feed(hub, request)
        return await _answer(turns, request)

    runner = web.ServerRunner(web.Server(answer, access_log=None, logger=_LOG), shutdown_timeout=CLOSING_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        if tls is not None:
            await web.TCPSite(runner, host, 0, ssl_context=tls).start()
    except OSError:
        await runner.cleanup()
        raise
    return Listener(runner, hub, host=host)


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


class _Turns:
    """Handles the requests that are there in one turn of the loop within one ``together``: so that what takes long at
    its end, as a commit does, is waited for once."""

    def __init__(
        self, handle: Callable[[HttpRequest], HttpAnswer], together: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._handle = handle
        self._together = together
        self._opened = ExitStack()
        self._ending: asyncio.Task[None] | None = None

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """Raises what ``handle`` raises, and what the end of ``together`` does: then no request of the turn is
        answered."""
        if self._ending is None:
            self._opened.enter_context(self._together())
            self._ending = asyncio.create_task(self._end())
        ending = self._ending
        answer = self._handle(request)
        await asyncio.shield(ending)
        return answer

    async def _end(self) -> None:
        await asyncio.sleep(0)  # the others of this turn come first
        self._ending = None
        self._opened.close()


async def _answer(turns: _Turns, request: web.BaseRequest) -> web.StreamResponse:
    try:
        body = await _body(request)
    except (web.RequestPayloadError, ConnectionError):  # the latter: nobody reads the answer
        return _unreadable(request)
    if body is None:
        return web.Response(status=413, text="the request is too large")
    try:
        answer = await turns.answer(_received(request, body))
    except Unanswered:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)  # the connection is gone: nobody reads this
    if answer.delay_s:
        await asyncio.sleep(answer.delay_s)
    if answer.rest is None:
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
    return await _streamed(request, answer, answer.rest)


def _received(request: web.BaseRequest, body: bytes) -> HttpRequest:
    path, _, query = request.raw_path.partition("?")
    return HttpRequest(method=request.method, path=path, query=query, headers=dict(request.headers), body=body)


def _unreadable(request: web.BaseRequest) -> web.Response:
    """For a body that is not what its headers say, as compressed where it is not: nothing behind it can be read."""
    request.content.feed_eof()
    answer = web.Response(status=400, text="the body is not what its headers say")
    answer.force_close()
    return answer


async def _streamed(request: web.BaseRequest, answer: HttpAnswer, rest: Iterator[bytes]) -> web.StreamResponse:
    """Sends a long answer no faster than it is read; a client that has had enough closes the connection."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write(answer.body)
        for piece in rest:
            await response.write(piece)
        await response.write_eof()
    return response


async def _body(request: web.BaseRequest) -> bytes | None:
    """The whole body, whatever the method (a DELETE has one here); None where it is larger than a request may be."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limits.REQUEST_BYTES_MAX:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


# ── feeds ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _feed(hub: Hub, request: web.BaseRequest) -> web.StreamResponse:
    """One connection, from its welcome to its end. A message that is too large, or that is no UTF-8, ends it."""
    waiting = asyncio.Event()
    transport = request.transport

    def wake(session: Session) -> None:
        waiting.set()
        if session.cut and transport is not None:
            transport.abort()

    session = hub.open(_received(request, b""), wake)
    if session is None:
        return web.Response(status=503, text="there are too many connections")
    socket = web.WebSocketResponse(
        max_msg_size=limits.FEED_MESSAGE_BYTES_MAX, compress=False, timeout=CLOSING_S, autoping=False
    )
    sender = None
    try:
        await socket.prepare(request)
        sender = asyncio.create_task(_send(socket, session, waiting=waiting, transport=transport))
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                hub.receive(session, message.data)
            elif message.type is WSMsgType.PING and not session.half_open:
                hub.heard(session)
                await socket.pong(message.data)
    finally:
        hub.close(session)
        if sender is not None:
            sender.cancel()
    return socket


async def _send(
    socket: web.WebSocketResponse, session: Session, *, waiting: asyncio.Event, transport: asyncio.Transport | None
) -> None:  # fmt: skip
    """Sends what waits, no faster than it is read, and takes leave where the session has ended."""
    with suppress(ConnectionError):
        while True:
            while session.outgoing:
                frame, delay_s = session.take()
                if delay_s:
                    await asyncio.sleep(delay_s)
                await socket.send_str(frame)
            if session.torn is not None and transport is not None:
                transport.write(_begun(*session.torn))
                transport.close()
                return
            if session.ended is not None:
                code, reason = session.ended
                await socket.close(code=code, message=reason.encode())
                return
            waiting.clear()
            await waiting.wait()


def _begun(beginning: bytes, size: int) -> bytes:
    """The first bytes of a frame of text of that size. Source: RFC 6455, section 5.2."""
    if size < 126:
        return bytes((0x81, size)) + beginning
    if size < 1 << 16:
        return bytes((0x81, 126)) + size.to_bytes(2, "big") + beginning
    return bytes((0x81, 127)) + size.to_bytes(8, "big") + beginning
