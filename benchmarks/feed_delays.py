"""Several followed accounts in one process, as ``nostro up`` has them: how long after a frame was sent whoever listens
has its event, and what one account that is flooded does to the others and to memory. ``feeds.py`` runs it beside one or
two ``replayer.py``; it prints its figures as JSON.

Reads its orders from standard input: ``{"accounts", "seconds", "url", "flood_url"}``; the last is "" for no flood.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from nostro.book.book import Book, Lease
from nostro.domain.records import Fact
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.declare import Page
from nostro.link.events import AnyEvent, Ended, GapOpened, Update
from nostro.link.listening import Listener
from nostro.link.live import LiveFeed
from nostro.link.transport import AiohttpTransport, SystemClock, open_feed
from nostro.link.wire import WireSource

FLOODED = "flooded"
SETTLE_S = 6.0  # after the connections, before anything counts
LOGIN = Credentials("a2V5", "c2VjcmV0" * 8)  # nothing checks it
CLOCK = SystemClock()


class Kept:
    """The `Keeper` of an account: its segments go into the book, its events to whoever listens."""

    keeps = True

    def __init__(self, book: Book, lease: Lease, *, disk: ThreadPoolExecutor, listener: Listener) -> None:
        self._book, self._lease, self._disk = book, lease, disk
        self.tell = listener.tell

    async def keep(self, page: Page) -> int:
        append = asyncio.get_running_loop().run_in_executor(self._disk, self._book.append, self._lease, [page])
        return (await append).head.seq

    async def fill(self, since_ns: int, until_ns: int) -> int:  # noqa: ARG002 - there are no histories here
        return 0

    async def probe(self) -> Mapping[str, Sequence[Fact]]:
        return {}


def followed(name: str, url: str, keeper: Kept) -> LiveFeed:
    spoken = exchange("kraken_futures")
    assert spoken.feed is not None
    spoken = msgspec.structs.replace(
        spoken, feed=msgspec.structs.replace(spoken.feed, watched=lambda _: ("balances",))
    )  # fmt: skip
    source = WireSource(
        spoken, AiohttpTransport(), account=name, credentials=LOGIN, url=url, clock=CLOCK, randomness=random.Random(1)
    )
    return LiveFeed(
        source, url=f"{url.replace('http', 'ws', 1)}/ws/v1", open_connection=open_feed, clock=CLOCK,
        randomness=random.Random(1), keeper=keeper, heard_ns=None,
    )  # fmt: skip


class Heard:
    """What the listener was told."""

    def __init__(self) -> None:
        self.delays_ms: list[float] = []
        self.flooded = 0
        self.gaps: list[str] = []
        self.counts = False

    async def listen(self, listener: Listener) -> None:
        async for event in listener:
            self._take(event)

    def _take(self, event: AnyEvent) -> None:
        assert not isinstance(event, Ended), event
        if isinstance(event, GapOpened):
            self.gaps.append(event.why)
        if not self.counts or not isinstance(event, Update):
            return
        if event.account == FLOODED:
            self.flooded += 1
        elif event.fact.effective_ns is not None:
            self.delays_ms.append((time.time_ns() - event.fact.effective_ns) / 1e6)


def resident_mb() -> float:
    text = Path("/proc/self/statm").read_text(encoding="ascii")
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def measured(given: dict[str, Any]) -> dict[str, Any]:
    names = [f"account{number}" for number in range(given["accounts"])] + [FLOODED] * bool(given["flood_url"])
    heard, listener = Heard(), Listener()
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(1) as disk,
        Book.open(Path(folder, "book.db"), create=True, now_ns=CLOCK.now_ns, registry=exchange) as book,
    ):
        for name in names:
            book.add_account(name, "kraken_futures", dialect=exchange("kraken_futures").dialect, since_ns=1)
        kept = {name: Kept(book, book.acquire(name, "benchmark"), disk=disk, listener=listener) for name in names}
        works = [asyncio.create_task(heard.listen(listener))]
        for name, keeper in kept.items():
            url = given["flood_url"] if name == FLOODED else given["url"]
            works.append(asyncio.create_task(followed(name, url, keeper).run()))
        await asyncio.sleep(SETTLE_S)
        before_mb, peak_mb, heard.counts = resident_mb(), 0.0, True
        began_s, used_s = time.perf_counter(), time.process_time()
        while (taken_s := time.perf_counter() - began_s) < given["seconds"]:
            await asyncio.sleep(0.1)
            peak_mb = max(peak_mb, resident_mb())
        used_s, heard.counts = time.process_time() - used_s, False
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        delays_ms = sorted(heard.delays_ms)
        assert len(heard.gaps) <= len(names) + bool(given["flood_url"]), heard.gaps
        return {
            "events": len(delays_ms), "median_ms": round(delays_ms[len(delays_ms) // 2], 2),
            "p99_ms": round(delays_ms[len(delays_ms) * 99 // 100], 2), "grown_mb": round(peak_mb - before_mb, 1),
            "flooded_updates_per_s": round(heard.flooded / taken_s),
            "processor_share": round(used_s / taken_s, 2),
        }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measured(json.load(sys.stdin)))), flush=True)
