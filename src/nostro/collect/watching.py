"""Accounts that are followed into a book for whoever listens, as a library has it: leases taken, followed, given back.
It decides their order; the book is one of its own, so that the listener's may be asked meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from nostro.book.book import Book
from nostro.collect.backfill import Collector
from nostro.collect.live import Live
from nostro.collect.reports import Report
from nostro.collect.working import BookThread
from nostro.errors import NostroError
from nostro.link.listening import Listener
from nostro.link.live import Open
from nostro.link.transport import Clock
from nostro.link.wire import WireSource


@asynccontextmanager
async def following(
    open_book: Callable[[], Book], sources: Iterable[WireSource], *, holder: str, open_connection: Open, clock: Clock,
    randomness: random.Random,
) -> AsyncIterator[Listener]:  # fmt: skip
    """Follows those accounts while it lasts; whoever listens hears no more once none of them is followed. Raises
    `errors.Conflict` where another process collects one of them, and at its end what ended it otherwise."""
    async with AsyncExitStack() as stack:
        thread = BookThread()
        stack.callback(thread.close)
        book = await thread(open_book)
        stack.push_async_callback(thread, book.close)
        collectors = [Collector(book, each, clock=clock, holder=holder, run=thread) for each in sources]
        for collector in collectors:
            await collector.start()
            stack.push_async_callback(collector.stop)
        live = Live(collectors, open_connection=open_connection, clock=clock, randomness=randomness, looked=_unlooked)
        listener = live.listen()
        running = asyncio.create_task(live.run())
        try:
            yield listener
        finally:
            running.cancel()
            await asyncio.wait([running])
        if not running.cancelled():
            running.result()


def _unlooked(_: Report | NostroError) -> None:
    """What cannot be read, events and coverage say."""
