"""A server that speaks just enough of Kraken Futures' WebSocket to be subscribed to, and then sends frames of the
recorded shape as fast as they are read, or one now and then: for measuring clients of it, ours and others'. It decides
what the frames say; who reads them, and what that costs, is in ``feeds.py``. It runs in a process of its own, and
prints its address as JSON.

Of two margin accounts and two holdings the mark moves in every frame, and what follows from it; the balances do not.
Source: the shapes of frames are those of ``feed_messages.py``, which names its own.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

BLOCK_BYTES: Final = 256 * 1024  # that are handed to the socket at once
GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # Source: RFC 6455, section 1.3
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
MARGIN_FEED: Final = "account_balances_and_margins"


def frame(kind: int, body: bytes) -> bytes:
    """Of a server: whole, and not masked."""
    size = len(body)
    return bytes([0x80 | kind]) + (bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size)) + body


def said(message: dict[str, Any]) -> bytes:
    return frame(TEXT, json.dumps(message, separators=(",", ":")).encode())


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────


def balances(number: int) -> dict[str, Any]:
    """The one feed: what is held, and two margin accounts."""
    futures = {}
    for unit, balance in (("XBT", 9.99730211055), ("ETH", 1.4)):
        pnl = round((number * 37 % 10_007 - 5_000) * 1e-7, 11)
        futures[f"F-{unit}:USD"] = {
            "name": f"F-{unit}:USD", "pair": f"{unit}/USD", "unit": unit,
            "portfolio_value": round(balance + pnl, 11), "balance": balance, "maintenance_margin": 0.0061,
            "initial_margin": 0.0122, "available": round(balance + pnl - 0.0122, 11), "unrealized_funding": 0.0,
            "pnl": pnl,
        }  # fmt: skip
    told = {"feed": "balances" if number else "balances_snapshot", "account": "4a012c31-df95-484a-9473-d51e4a0c4ae7"}
    held = {"holding": {"USD": 4997.5012493753, "XBT": 0.1285407184}, "futures": futures}
    return told | held | {"timestamp": 1_640_995_200_000 + number, "seq": number}


def margins(number: int) -> dict[str, Any]:
    """The older feed: a cash wallet and two margin accounts."""
    rows = [{"name": "xbt", "balance": 0.1285407184, "pnl": 0, "funding": 0, "pv": 0, "am": 0, "im": 0, "mm": 0}]
    for unit, balance in (("xbt", 9.99730211055), ("eth", 1.4)):
        pnl = round((number * 37 % 10_007 - 5_000) * 1e-7, 11)
        rows.append({
            "name": f"f-{unit}:usd", "balance": balance, "pnl": pnl, "funding": 0.000000012,
            "pv": round(balance + pnl, 11), "am": round(balance + pnl - 0.0122, 11), "im": 0.0122, "mm": 0.0061,
        })  # fmt: skip
    return {"feed": MARGIN_FEED, "account": "DemoUser", "margin_accounts": rows, "seq": number}


FEEDS: Final = {"balances": balances, MARGIN_FEED: margins}


def blocks(feed: str, frames: int) -> list[bytes]:
    """All frames but the first, in blocks."""
    found, block = list[bytes](), bytearray()
    for number in range(1, frames):
        block += said(FEEDS[feed](number))
        if len(block) >= BLOCK_BYTES:
            found.append(bytes(block))
            block.clear()
    return [*found, bytes(block)]


# ── a connection ─────────────────────────────────────────────────────────────────────────────────────────────────


async def messages(reader: asyncio.StreamReader) -> Any:
    """What a client sends: kind and body, unmasked."""
    while True:
        head = await reader.readexactly(2)
        size = head[1] & 0x7F
        if size > 125:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        mask = await reader.readexactly(4)
        body = await reader.readexactly(size)
        yield head[0] & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(body))


def answers(message: dict[str, Any], feed: str) -> Iterator[bytes]:
    if message["event"] == "challenge":
        yield said({"event": "challenge", "message": "c100b894-1729-464d-ace1-52dbce11db42"})
        return
    asked = {name: message[name] for name in ("feed", "product_ids") if name in message}
    yield said({"event": f"{message['event']}d", **asked})
    if message["event"] == "subscribe" and message["feed"] == feed:
        yield said(FEEDS[feed](0))


class Replayer:
    """Sends ``frames`` to each client that subscribes; with ``forever`` again and again, each time from a snapshot on;
    with ``every_s`` one after such a pause, with the time at which it is sent, to the nanosecond."""

    def __init__(self, feed: str, frames: int, *, forever: bool, every_s: float | None) -> None:
        self._feed = feed
        self._frames = frames
        self._blocks = blocks(feed, frames) if every_s is None else []
        self._forever = forever
        self._every_s = every_s

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sending: asyncio.Task[None] | None = None
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
            accept = base64.b64encode(hashlib.sha1(key.split(b":")[1].strip() + GUID).digest())
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + said({"event": "info", "version": 1})
            )
            async for kind, body in messages(reader):
                if kind == CLOSE:
                    break
                if kind == PING:
                    writer.write(frame(PONG, body))
                if kind != TEXT:
                    continue
                message = json.loads(body)
                writer.writelines(answers(message, self._feed))
                if message["event"] == "subscribe" and message["feed"] == self._feed and sending is None:
                    sending = asyncio.create_task(self._send(writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            if sending is not None:
                sending.cancel()
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        if self._every_s is not None:
            await self._send_slowly(writer, self._every_s)
        while True:
            for block in self._blocks:
                writer.write(block)
                await writer.drain()
            if not self._forever:
                return
            writer.write(said(FEEDS[self._feed](0)))

    async def _send_slowly(self, writer: asyncio.StreamWriter, every_s: float) -> None:
        await asyncio.sleep(random.uniform(0, every_s))
        for number in range(1, self._frames):
            told = json.dumps(FEEDS[self._feed](number) | {"timestamp": "NOW"}, separators=(",", ":"))
            milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
            writer.write(frame(TEXT, told.replace('"NOW"', f"{milliseconds}.{nanoseconds:06}").encode()))
            await asyncio.sleep(every_s)


async def main(given: dict[str, Any]) -> None:
    replayer = Replayer(
        given["feed"], given["frames"], forever=given.get("forever", False), every_s=given.get("every_s")
    )  # fmt: skip
    server = await asyncio.start_server(replayer.serve, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
