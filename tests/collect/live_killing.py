"""A process that follows an account over sockets and is killed with SIGKILL, again and again. It decides when, and what
is looked at after each kill; the campaign and the tests judge.

The exchange is served by the parent, which makes things happen in it all the time.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from nostro.book.book import Book
from nostro.collect.watching import following
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link import segment
from nostro.link.events import GapClosed, Stored, Update
from nostro.link.segment import FEED
from nostro.link.transport import AiohttpTransport, SystemClock, open_feed, system_random
from nostro.link.wire import WireSource
from nostro.paper.feeds import Hub
from nostro.paper.listen import Listener, listen
from nostro.paper.server import Server
from nostro.paper.venue.commands import Fund
from nostro.paper.venue.venue import Venue
from simulation import truth

ALP = exchange("alp")
EVENT_PAUSE_S = 0.05
SEGMENT_S = 1.0  # of a segment (docs/live.md 2)


class Seen(msgspec.Struct, kw_only=True):
    """``lost``: frames that were said to be stored and are not; ``beyond``: the longest time, seconds, between the last
    frame that is stored and a kill; ``reopened``: kills after which the gap began at the last stored frame."""

    kills: int = 0
    stored: int = 0
    lost: int = 0
    beyond_s: float = 0.0
    reopened: int = 0
    unequal: list[str] = msgspec.field(default_factory=list)


class Killing:
    """An exchange with one account, and a book that grows under fire."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        self._folder = folder
        self._chance = random.Random(f"live kills {seed}")
        self._venue = Venue.open(folder / "venue.db", now_ns=time.time_ns, seed=7, create=True)
        self._login = self._venue.create_login("trader", "trader@example.org", permissions=("read", "trade"))
        self._hub = Hub(ALP.feed, self._venue)  # type: ignore[arg-type]
        self._venue.listeners.append(self._hub.publish)
        self._listener: Listener | None = None
        self.seen = Seen()
        with self._opened(create=True) as book:
            book.add_account("trader", "alp", dialect=ALP.dialect, since_ns=time.time_ns() - DAY_NS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._venue.close()

    def _opened(self, *, create: bool = False) -> Book:
        return Book.open(self._folder / "book.db", create=create, now_ns=time.time_ns, registry=exchange)

    async def run(self, kills: int) -> Seen:
        """Kills so often; the last process is left to its work, and the book compared with the exchange."""
        self._listener = await listen(Server(ALP, self._venue).handle, hub=self._hub)
        living = asyncio.create_task(self._live())
        heard_ns: int | None = None
        try:
            for _ in range(kills):
                heard_ns = await self._strike(heard_ns)
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
            await self._finish()
        finally:
            living.cancel()
            await self._listener.close()
        return self.seen

    async def _live(self) -> None:
        while True:
            amount = Decimal(self._chance.randrange(1, 100))
            self._venue.carry_out(Fund(user=self._login.user, wallet="spot", asset="BTC", amount=amount))
            self._hub.beat()
            await asyncio.sleep(EVENT_PAUSE_S)

    async def _strike(self, heard_ns: int | None) -> int | None:
        """One process from its start to its kill; until when the book has heard the feed."""
        process = await self._start()
        through, gaps = 0, list[GapClosed]()
        until_s = None
        assert process.stdout is not None
        while until_s is None or time.monotonic() < until_s:
            left_s = 60 if until_s is None else max(0.001, until_s - time.monotonic())
            try:
                line = await asyncio.wait_for(process.stdout.readline(), left_s)
            except TimeoutError:
                break
            assert line, "the process that follows has ended"
            told = msgspec.json.decode(line, type=Stored | Update | GapClosed)
            if isinstance(told, Stored):
                through = told.through
            elif isinstance(told, GapClosed):
                gaps.append(told)
                until_s = time.monotonic() + self._chance.uniform(0, 2)
        os.kill(process.pid, signal.SIGKILL)
        killed_ns = time.time_ns()
        while line := await process.stdout.readline():  # what was said before the kill
            told = msgspec.json.decode(line, type=Stored | Update | GapClosed) if line.endswith(b"\n") else None
            through = told.through if isinstance(told, Stored) else through
        await process.wait()
        return self._judge(through, gaps, heard_ns=heard_ns, killed_ns=killed_ns)

    def _judge(self, through: int, gaps: list[GapClosed], *, heard_ns: int | None, killed_ns: int) -> int | None:
        with self._opened() as book:
            book.verify()
            now_ns = book.heard("trader")
            frames = sum(1 for each in book.journal("trader", stream=FEED) for _ in segment.frames(each.page.body))
        assert now_ns is not None
        self.seen.kills += 1
        self.seen.lost += max(0, self.seen.stored - frames)
        self.seen.stored = frames
        self.seen.lost += through > 0 and now_ns == heard_ns
        self.seen.beyond_s = max(self.seen.beyond_s, (killed_ns - now_ns) / SECOND_NS)
        self.seen.reopened += heard_ns is None or gaps[0].since_ns == heard_ns
        return now_ns

    async def _finish(self) -> None:
        process = await self._start()
        assert process.stdout is not None
        while line := await asyncio.wait_for(process.stdout.readline(), 90):
            if isinstance(msgspec.json.decode(line, type=Stored | Update | GapClosed), GapClosed):
                break
        await asyncio.sleep(12)
        process.terminate()
        await asyncio.wait_for(process.communicate(), 10)
        with self._opened() as book:
            rows, expected = (
                truth.held(book, "trader", own=str(self._login.user)),
                truth.of_venue(self._venue, self._login.user),
            )
            self.seen.unequal += [name for name in ("entries", "balances") if rows[name] != expected[name]]
            assert expected["entries"]
            truth.prove(book)

    async def _start(self) -> asyncio.subprocess.Process:
        assert self._listener is not None
        import sys

        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from collect.live_killing import follow; follow()", str(self._folder / "book.db"),
            self._listener.origin, self._login.key, self._login.secret, stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip


# ── in a process of its own ──────────────────────────────────────────────────────────────────────────────────────────


def follow() -> None:
    """Follows the account, and says on stdout what it is told of storing and of gaps."""
    import sys

    path, origin, key, secret = sys.argv[1:]
    try:
        asyncio.run(_follow(Path(path), origin, Credentials(key, secret)))
    except KeyboardInterrupt:
        return


async def _follow(path: Path, origin: str, credentials: Credentials) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)
    source = WireSource(
        ALP, AiohttpTransport(), account="trader", credentials=credentials, url=f"{origin}/api/v3", clock=SystemClock(),
        randomness=system_random(),
    )  # fmt: skip

    def opened() -> Book:
        return Book.open(path, now_ns=time.time_ns, registry=exchange)

    watching = following(
        opened, [source], holder="kills", open_connection=open_feed, clock=SystemClock(), randomness=system_random()
    )
    try:
        async with watching as listener:
            async for event in listener:
                if isinstance(event, Stored | GapClosed):
                    os.write(1, msgspec.json.encode(event) + b"\n")
    finally:
        await source.close()
