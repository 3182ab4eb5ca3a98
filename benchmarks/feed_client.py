"""One client of a feed of Kraken Futures, in a process of its own: it reads so many frames, and prints how much
processor time each took it, as JSON. ``feeds.py`` runs it beside ``replayer.py``.

Reads its orders from standard input: ``{"who", "url", "feed", "frames", "warm"}``. ``who``: nostro (a followed account,
each frame exactly typed, its number checked, and archived in a book on disk), nostro_unkept (the same without a book),
ccxt (ccxt.pro's ``watch_balance``), or sdk (python-kraken-sdk's client), both unmodified.
"""

import asyncio
import json
import os
import sys
import time

KEY = "a2V5"  # nothing checks it
SECRET = "c2VjcmV0" * 8


class Count:
    """Measures from frame ``warm`` to the last one."""

    def __init__(self, told):
        self.frames, self.warm, self.seen = told["frames"], told["warm"], 0
        self.done = asyncio.Event()

    def frame(self):
        self.seen += 1
        if self.seen == self.warm:
            self.began_s, self.began_cpu_s = time.perf_counter(), time.process_time()
        elif self.seen == self.frames:
            self.taken_s, self.cpu_s = time.perf_counter() - self.began_s, time.process_time() - self.began_cpu_s
            self.done.set()

    def figures(self):
        frames = self.frames - self.warm
        return {"cpu_us": 1e6 * self.cpu_s / frames, "per_s": frames / self.taken_s}


# ── ours ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Keeper:
    """Stores segments, where there is a book; there are no histories here, and no answers to hold frames against."""

    keeps = True

    def __init__(self, append):
        self.append = append
        self.updates = self.pages = 0
        self.gaps = []

    def tell(self, event):
        name = type(event).__name__
        if name == "Update":
            self.updates += 1
        elif name == "GapOpened":
            self.gaps.append(event.why)

    async def keep(self, page):
        self.pages += 1
        return None if self.append is None else self.append([page]).head.seq

    async def fill(self, since_ns, until_ns):  # noqa: ARG002 - as whoever follows calls it
        return 0

    async def probe(self):
        return {}


async def nostro(told, count):
    import random
    import tempfile
    from contextlib import ExitStack
    from functools import partial
    from pathlib import Path

    import msgspec

    from nostro.book.book import Book
    from nostro.exchanges import exchange
    from nostro.keys import Credentials
    from nostro.link.live import LiveFeed
    from nostro.link.transport import AiohttpTransport, SystemClock, open_feed
    from nostro.link.wire import WireSource

    clock, spoken = SystemClock(), exchange("kraken_futures")
    feed = msgspec.structs.replace(spoken.feed, watched=lambda _: (told["feed"],))
    source = WireSource(
        msgspec.structs.replace(spoken, feed=feed), AiohttpTransport(), account="a",
        credentials=Credentials(KEY, SECRET), url=told["url"], clock=clock, randomness=random.Random(1),
    )  # fmt: skip

    async def counted(*given, **named):
        connection = await open_feed(*given, **named)
        receive = connection.receive

        async def receive_counted(wait_s):
            arrival = await receive(wait_s)
            if arrival is not None and b'"seq":' in arrival.body:
                count.frame()  # the one before it has been taken in
            return arrival

        connection.receive = receive_counted
        return connection

    with ExitStack() as opened:
        append = None
        if told["who"] == "nostro":
            path = Path(opened.enter_context(tempfile.TemporaryDirectory()), "book.db")
            book = opened.enter_context(Book.open(path, create=True, now_ns=clock.now_ns, registry=exchange))
            book.add_account("a", spoken.id, dialect=spoken.dialect, since_ns=spoken.opened_ns)
            append = partial(book.append, book.acquire("a", "benchmark"))
        keeper = Keeper(append)
        live = LiveFeed(
            source, url=told["feed_url"], open_connection=counted, clock=clock, randomness=random.Random(1),
            keeper=keeper, heard_ns=None,
        )  # fmt: skip
        running, waiting = asyncio.create_task(live.run()), asyncio.create_task(count.done.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        assert waiting.done(), running.exception()
        running.cancel()
        await asyncio.wait([running])
        await source.close()
        assert len(keeper.gaps) == 1, keeper.gaps
        assert keeper.updates >= count.frames
        return {"updates": keeper.updates, "pages": keeper.pages}


# ── theirs ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def ccxt(told, count):
    import ccxt.pro

    client = ccxt.pro.krakenfutures({"apiKey": KEY, "secret": SECRET, "newUpdates": True})
    client.aiohttp_trust_env = False
    client.urls["api"]["ws"] = told["feed_url"]
    client.markets, client.markets_by_id = {}, {}
    handle = client.handle_balance

    def counted(socket, message):
        handle(socket, message)  # `watch_balance` itself returns once for many frames
        count.frame()

    client.handle_balance = counted
    watching = asyncio.create_task(watch(client))
    await count.done.wait()
    watching.cancel()
    await client.close()
    return {}


async def watch(client):
    while True:
        await client.watch_balance()


async def sdk(told, count):
    import kraken.futures.websocket as connected
    from kraken.futures import FuturesWSClient

    connect = connected.connect  # it knows TLS alone, which would be slower
    connected.connect = lambda url, **given: connect(url.replace("wss://", "ws://"), **given)

    async def hear(message):
        if "seq" in message:
            count.frame()

    client = FuturesWSClient(key=KEY, secret=SECRET, url=told["feed_url"].removeprefix("ws://"), callback=hear)
    await client.start()
    await client.subscribe(feed=told["feed"])
    await count.done.wait()
    return {}


async def run(told):
    count = Count(told)
    further = await {"ccxt": ccxt, "sdk": sdk}.get(told["who"], nostro)(told, count)
    print(json.dumps(count.figures() | further), flush=True)


def main():
    asyncio.new_event_loop().run_until_complete(run(json.load(sys.stdin)))
    os._exit(0)  # the SDK's own end waits for one more message


if __name__ == "__main__":
    main()
