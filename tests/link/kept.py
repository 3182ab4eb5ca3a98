"""An account that is followed over real sockets, and whose events and segments are kept in memory."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

from nostro.domain.fact import Fact
from nostro.keys import Credentials
from nostro.link import segment
from nostro.link.declare import Exchange, Page
from nostro.link.events import AnyEvent, Stale
from nostro.link.live import LiveFeed
from nostro.link.transport import AiohttpTransport, SystemClock, open_feed
from nostro.link.wire import WireSource


class Kept:
    """A `Keeper` whose histories have nothing new. ``url``: where requests go. ``told``: set with every event."""

    keeps = False

    def __init__(self, exchange: Exchange, name: str, *, credentials: Credentials, url: str) -> None:
        assert exchange.feed is not None
        self.name = name
        self.events: list[AnyEvent] = []
        self.pages: list[Page] = []
        self.told = asyncio.Event()
        self.source = WireSource(
            exchange, AiohttpTransport(), account=name, credentials=credentials, url=url, clock=SystemClock(),
            randomness=random.Random(1),
        )  # fmt: skip
        self._states = exchange.feed.states

    def tell(self, event: AnyEvent) -> None:
        self.events.append(event)
        self.told.set()

    async def keep(self, page: Page) -> int | None:
        self.pages.append(page)
        return None

    async def fill(self, since_ns: int, until_ns: int) -> int:
        return 0

    async def probe(self) -> Mapping[str, Sequence[Fact]]:
        return {state: (await self.source.ask(state, {})).facts for state in self._states}

    async def live(self, url: str) -> None:
        """Follows the feed at ``url``."""
        live = LiveFeed(
            self.source, url=url, open_connection=open_feed, clock=SystemClock(), randomness=random.Random(2),
            keeper=self, heard_ns=None,
        )  # fmt: skip
        await live.run()

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def why(self) -> str:
        return " / ".join(event.why for event in self.of(Stale))

    @property
    def bodies(self) -> list[bytes]:
        """Every frame that was kept."""
        return [each.body for page in self.pages for each in segment.frames(page.body)]
