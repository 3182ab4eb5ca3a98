"""What lies between an account and a paper exchange, in memory and in the time of the loop: requests and frames take a
moment, links break, hang and are refused as the test says. It does what ``paper/listen.py`` and ``link/transport.py``
do with sockets, and no more."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping

from nostro.errors import LinkError, NotSent
from nostro.link.frames import Arrival
from nostro.link.http import HttpRequest
from nostro.paper.feeds import Hub, Session


class Network:
    """What lies between accounts and one exchange. ``down``: nothing can be opened. ``frozen``: what is open carries
    nothing, and nobody says so; pings below the frames are not answered either. ``opened``: connections that are open
    now; ``seen``: what happened."""

    def __init__(self, hub: Hub, randomness: random.Random, *, latency_s: float = 0.01) -> None:
        self.hub = hub
        self.down = False
        self.frozen = False
        self.opened: set[Pipe] = set()
        self.seen: Counter[str] = Counter()
        self._random = randomness
        self._latency_s = latency_s

    async def open(self, url: str, headers: Mapping[str, str], *, ping_every_s: int | None) -> Pipe:
        """As `AiohttpConnection.open`, with the arguments of `link.live.Open`."""
        await asyncio.sleep(self._latency_s)
        if self.down:
            self.seen["refused"] += 1
            raise NotSent(f"no feed at {url}: refused", hint="is the exchange up and the URL right?")
        pipe = Pipe(self, url, headers, ping_every_s=ping_every_s)
        self.opened.add(pipe)
        self.seen["opened"] += 1
        return pipe

    def pause_s(self) -> float:
        """How long a frame is under way."""
        return self._latency_s * (0.5 + self._random.random())

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        """What waited comes now."""
        self.frozen = False
        for pipe in self.opened:
            pipe.woken.set()

    def cut(self) -> None:
        """Every link breaks, without a farewell."""
        for pipe in list(self.opened):
            self.seen["cut"] += 1
            pipe.session.end((1006, "cut"), cut=True)


class Pipe:
    """One connection."""

    def __init__(
        self, network: Network, url: str, headers: Mapping[str, str], *, ping_every_s: int | None
    ) -> None:  # fmt: skip
        self._network = network
        self.woken = asyncio.Event()
        self._ping_every_s = ping_every_s
        self._ping_s = self._now_s() + (ping_every_s or 0)
        path = "/" + url.split("://", 1)[1].partition("/")[2]
        session = network.hub.open(
            HttpRequest(method="GET", path=path, headers=dict(headers)), lambda _: self.woken.set()
        )
        if session is None:
            message = f"no feed at {url}: there are too many"
            raise NotSent(message)
        self.session: Session = session

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()

    async def send(self, text: str) -> None:
        if self.session.ended is not None:
            raise LinkError("the feed's connection broke")
        if not self._network.frozen:
            self._network.hub.receive(self.session, text)

    async def receive(self, wait_s: float) -> Arrival | None:
        until_s = self._now_s() + wait_s
        while True:
            if not self._network.frozen:
                if self.session.outgoing:
                    frame, delay_s = self.session.take()
                    await asyncio.sleep(delay_s + self._network.pause_s())
                    return Arrival(frame.encode())
                if self.session.ended is not None:
                    code, reason = self.session.ended
                    raise LinkError(f"the feed's connection ended with code {code} ({reason})", hint="connect again")
            if (ping := self._pinged()) is not None:
                return ping
            left_s = self._next_s(until_s) - self._now_s()
            if left_s <= 0:
                return None
            await self._wait(left_s)

    def _next_s(self, until_s: float) -> float:
        """When something is due where no frame comes."""
        if self._ping_every_s is None:
            return until_s
        gives_up_s = self._ping_s + self._ping_every_s / 2
        return min(until_s, gives_up_s if self._now_s() >= self._ping_s else self._ping_s)

    def _pinged(self) -> Arrival | None:
        """The answer to a ping that is due; a link that does not answer ends half an interval later, as aiohttp's."""
        if self._ping_every_s is None or self._now_s() < self._ping_s:
            return None
        if self._network.frozen:
            if self._now_s() >= self._ping_s + self._ping_every_s / 2:
                raise LinkError("the feed's connection ended: no answer to a ping", hint="connect again")
            return None
        self._ping_s = self._now_s() + self._ping_every_s
        self._network.hub.heard(self.session)
        return Arrival(b"", "ping")

    async def _wait(self, left_s: float) -> None:
        self.woken.clear()
        try:
            async with asyncio.timeout(left_s):
                await self.woken.wait()
        except TimeoutError:
            pass

    async def close(self) -> None:
        self._network.opened.discard(self)
        self._network.hub.close(self.session)
