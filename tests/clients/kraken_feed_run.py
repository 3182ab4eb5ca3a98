"""One run of the exchange's SDK over TLS against the paper exchange's WebSocket: what its test looks at. The venue is
one of two traders and nobody else, so that every frame has a cause."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clients.process import started
from exchanges.kraken_futures.feed_scene import Scene
from nostro.link.http import HttpAnswer
from nostro.paper.certificate import certificate, context
from nostro.paper.listen import listen

DRIVER = Path(__file__).with_name("kraken_feed_driver.py")
WAIT_S = 30


class Client:
    """The SDK in a process of its own, and every message that it handed on."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.heard: list[dict[str, Any]] = []

    def say(self, **said: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(said).encode() + b"\n")

    async def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message of which that holds."""
        assert self._process.stdout is not None
        async with asyncio.timeout(WAIT_S):
            while line := await self._process.stdout.readline():
                self.heard.append(json.loads(line))
                if holds(self.heard[-1]):
                    return self.heard[-1]
        raise AssertionError((await self.errors())[-2_000:])

    async def subscribe(self, feed: str, *products: str) -> None:
        self.say(do="subscribe", feed=feed, products=list(products) or None)
        await self.until(lambda said: said.get("event") == "subscribed" and said["feed"] == feed)

    async def errors(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()

    async def end(self) -> dict[str, Any]:
        self.say(do="end")
        last = await self.until(lambda said: "subscriptions" in said)
        await asyncio.wait_for(self._process.wait(), WAIT_S)
        return last


async def with_client(here: Scene, folder: Path, work: Callable[[Client], Any]) -> None:
    """Does ``work`` while the SDK is connected."""
    chain = certificate(folder)
    listener = await listen(lambda _: HttpAnswer(404, {}, b""), hub=here.hub, tls=context(chain))
    try:
        async with started(sys.executable, DRIVER, SSL_CERT_FILE=str(chain)) as process:
            client = Client(process)
            client.say(
                url=listener.tls_origin.removeprefix("https://") + "/ws/v1", key=here.trader.key,
                secret=here.trader.secret,
            )  # fmt: skip
            await work(client)
    finally:
        await listener.close()
