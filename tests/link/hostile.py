"""A server that plays a hostile turn over a raw socket: what follows its handshake is bytes, as the test says. It
decides nothing; how a client bears it is what tests look at.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # Source: RFC 6455, section 1.3
TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9
Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def frame(
    body: bytes, opcode: int = TEXT, *, final: bool = True, reserved: int = 0, size: int | None = None,
    mask: bytes = b"",
) -> bytes:  # fmt: skip
    """One frame. ``size``: what it says of its length, where that is not so."""
    said = len(body) if size is None else size
    first = (0x80 if final else 0) | reserved << 4 | opcode
    masked = 0x80 if mask else 0
    if said < 126:
        head = bytes((first, masked | said))
    elif said < 1 << 16:
        head = bytes((first, masked | 126)) + said.to_bytes(2, "big")
    else:
        head = bytes((first, masked | 127)) + said.to_bytes(8, "big")
    if not mask:
        return head + body
    return head + mask + bytes(each ^ mask[at % 4] for at, each in enumerate(body))


def bomb(size: int) -> bytes:
    """So many zeros, as permessage-deflate writes them. Source: RFC 7692, section 7.2.1."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    pieces = [packed.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join((*pieces, packed.flush(zlib.Z_SYNC_FLUSH)))[:-4]


async def upgrade(reader: asyncio.StreamReader) -> dict[bytes, bytes]:
    """The headers of a request."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")[1:-2]
    return {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, more: bytes = b"") -> None:
    """Makes a WebSocket of it. ``more``: header lines."""
    asked = await upgrade(reader)
    key = base64.b64encode(hashlib.sha1(asked[b"sec-websocket-key"] + GUID).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + key + b"\r\n" + more + b"\r\n"
    )  # fmt: skip
    await writer.drain()


def answering(status: bytes, *headers: bytes, body: bytes = b"") -> Play:
    """A server that answers the upgrade with something else."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader)
        lines = (b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body))
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        await writer.drain()

    return play


def telling(*pieces: bytes, stays: bool = True, more: bytes = b"") -> Play:
    """A server that accepts, and sends these bytes. ``stays``: and reads on until the client leaves."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer, more=more)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        while stays and await reader.read(65_536):
            pass

    return play


def reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(1, 13, linger)  # SOL_SOCKET, SO_LINGER
    writer.transport.abort()


class Hostile:
    """``url``: where it is. ``connections``: how many came. ``play``: what it does to the next one."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.connections = 0
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self.play(reader, writer)
        except asyncio.CancelledError:  # the test has ended
            writer.transport.abort()  # what nobody reads would be waited for
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError, OSError):
                await writer.wait_closed()

    async def end(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def hostile(play: Play, *, chain: Path | None = None, path: str = "/x") -> AsyncIterator[Hostile]:
    """``chain``: a certificate and its key, for TLS."""
    here = Hostile(play)
    tls = None
    if chain is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(chain)
    server = await asyncio.start_server(here.serve, "127.0.0.1", 0, ssl=tls, limit=1 << 20)
    here.url = f"{'ws' if tls is None else 'wss'}://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
    try:
        yield here
    finally:
        server.close()
        await here.end()
        await server.wait_closed()
