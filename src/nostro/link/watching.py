"""An account that is watched without a book: nothing is kept, so that every history is asked for as far as it may have
been missed. It decides what is asked of an exchange for that; what is told, and when, is ``live.py``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from nostro import errors
from nostro.domain.fact import Fact
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.link.declare import Page, Stream
from nostro.link.events import AnyEvent
from nostro.link.listening import Listener
from nostro.link.live import LiveFeed, Open
from nostro.link.live_state import OPEN_ORDERS, ORDERS, LiveState
from nostro.link.source import Source
from nostro.link.transport import open_feed
from nostro.link.wire import WireSource

STATES: Final = ("balances", "margin", "positions", "loans", OPEN_ORDERS)
OPEN_SINCE_NS: Final = 30 * DAY_NS  # *ours*: where no answer lists open orders, older ones are told when they change


def watched(source: Source) -> Watched:
    """The events of this account, over the network. Raises `NotSupported` for a source that is no wire of ours."""
    if not isinstance(source, WireSource):
        raise errors.NotSupported(f"{source.exchange.name} cannot be watched", exchange=source.exchange.id)
    return Watched(source, open_connection=open_feed)


class Watched:
    """The events of one account, from the first one that is asked for until `aclose`: an async iterator."""

    def __init__(self, source: WireSource, *, open_connection: Open) -> None:
        self._listener = Listener()
        self._source = source
        self._live = LiveFeed(
            source, url=source.feed_url, open_connection=open_connection, clock=source.clock,
            randomness=source.randomness, keeper=self, heard_ns=None,
        )  # fmt: skip
        self._following: asyncio.Task[None] | None = None

    @property
    def state(self) -> LiveState:
        """The present of the account."""
        return self._live.state

    async def __aiter__(self) -> AsyncIterator[AnyEvent]:
        try:
            while events := await self.some():
                for event in events:
                    yield event
        finally:
            await self.aclose()

    async def some(self) -> list[AnyEvent]:
        """All that waits, at least one event; none once it is closed or the account has ended. Raises what ended it
        otherwise."""
        if self._following is None and not self._listener.closed:
            self._following = asyncio.create_task(self._live.run())
            self._following.add_done_callback(lambda _: self._listener.close())
        events = await self._listener.some()
        if not events and self._following is not None and not self._following.cancelled():
            self._following.result()
        return events

    async def aclose(self) -> None:
        """Ends the connection. What waits is not told any more."""
        self._listener.close()
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])

    # ── what the feed asks of us ─────────────────────────────────────────────────────────────────────────────────

    keeps: Final = False

    def tell(self, event: AnyEvent) -> None:
        self._listener.tell(event)

    async def keep(self, _: Page) -> int | None:
        return None

    async def fill(self, since_ns: int, until_ns: int) -> int:
        """Of our clock, which the exchange's may be ahead of or behind."""
        ahead_ns, rows = self._source.ahead_ns, 0
        for stream in self._source.exchange.streams:
            await self._settled(stream, until_ns)
            rows += await self._sweep(stream, since_ns + min(ahead_ns, 0), until_ns + max(ahead_ns, 0))
        return rows + await self._ends()

    async def _settled(self, stream: Stream, until_ns: int) -> None:
        """What is younger may still be missing."""
        left_ns = until_ns + stream.settle_s * SECOND_NS - self._source.clock.now_ns()
        if left_ns > 0:
            await self._source.clock.sleep(left_ns / SECOND_NS)

    async def _ends(self) -> int:
        """What became of orders that were placed before: their history has them where they were placed."""
        stream, rows = self._source.exchange.stream(ORDERS), 0
        lost = self.state.lost
        while lost and stream is not None:
            order = next(iter(lost.values()))
            if not stream.changes and (placed_ns := order.effective_ns) is not None:
                start_ns = placed_ns - placed_ns % max(stream.precision_ns, 1)
                rows += await self._sweep(stream, start_ns, start_ns + max(stream.precision_ns, 1))
            lost.pop(order.native_id or "")
        return rows

    async def _sweep(self, stream: Stream, since_ns: int, until_ns: int) -> int:
        facts: list[Fact] = []
        try:
            async for step in self._source.sweep(stream.name, since_ns, until_ns, {}):
                facts += step.facts
        except errors.BadValue:
            return 0  # this wire answers it for one thing at a time, and nobody asked about one
        return self._live.learn(stream.name, facts)

    async def probe(self) -> dict[str, Sequence[Fact]]:
        found: dict[str, Sequence[Fact]] = {}
        for state in STATES:
            if not self._source.exchange.asks_for(state):
                continue
            try:
                found[state] = (await self._source.ask(state, {})).facts
            except (errors.BadValue, errors.Forbidden):
                continue  # it is answered for one thing at a time, or not to this key
        if OPEN_ORDERS not in found and self._source.exchange.stream(ORDERS):
            found[OPEN_ORDERS] = await self._open_orders()
        return found

    async def _open_orders(self) -> list[Fact]:
        now_ns = self._source.clock.now_ns()
        placed = [order.effective_ns or now_ns for order in self.state.orders.values()]
        since_ns = min([now_ns - OPEN_SINCE_NS, *placed])
        steps = self._source.sweep(ORDERS, since_ns, now_ns + SECOND_NS, {"open_only": "true"})
        return [fact async for step in steps for fact in step.facts]
