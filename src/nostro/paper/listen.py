"""The paper server's sockets, on this machine alone. It decides how bytes become an `HttpRequest` and back;
everything else is decided by the ``handle`` that it calls, one request at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from aiohttp import web

from nostro import limits
from nostro.errors import BadValue, Unanswered
from nostro.link.http import HttpAnswer, HttpRequest

LOOPBACK: Final = ("127.0.0.1", "::1")
CLOSING_S: Final = 0.5  # what open connections get to finish when the server ends


class Listener:
    """A running server; ``port`` is the one it got, ``origin`` its scheme, host and port. End it with `close`."""

    def __init__(self, runner: web.ServerRunner, *, host: str, port: int) -> None:
        self._runner = runner
        self.port = port
        self.origin = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def close(self) -> None:
        await self._runner.cleanup()


async def listen(handle: Callable[[HttpRequest], HttpAnswer], *, host: str = "127.0.0.1", port: int = 0) -> Listener:
    """Serves ``handle`` on a loopback address; ``port`` 0 takes a free one. Raises `BadValue` for any other address,
    and OSError where the port is taken."""
    if host not in LOOPBACK:
        raise BadValue(f"host is {host!r}, a paper exchange listens on {' or '.join(LOOPBACK)} alone")

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await _answer(handle, request)

    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=CLOSING_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return Listener(runner, host=host, port=int(runner.addresses[0][1]))


async def _answer(handle: Callable[[HttpRequest], HttpAnswer], request: web.BaseRequest) -> web.StreamResponse:
    body = await _body(request)
    if body is None:
        return web.Response(status=413, text="the request is too large")
    path, _, query = request.raw_path.partition("?")
    try:
        answer = handle(
            HttpRequest(
                method=request.method, path=path, query=query, headers=dict(request.headers), body=body,
            )
        )  # fmt: skip
    except Unanswered:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)  # the connection is gone: nobody reads this
    if answer.delay_s:
        await asyncio.sleep(answer.delay_s)
    if answer.rest is None:
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
    return await _streamed(request, answer, answer.rest)


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
