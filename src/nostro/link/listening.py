"""Who listens to the events of accounts: a queue with an end. It decides what is told to somebody who is too slow, and
nothing about what happens (``live.py``).

Whoever tells never waits. Updates that do not fit are counted and told as `Dropped`; of what says how an account is
followed (gaps, staleness, what is stored, its end) the last word is kept, so that who catches up knows what is so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from nostro import limits
from nostro.link.events import AnyEvent, Deadline, Dropped, Ended, GapClosed, GapOpened, Resumed, Stale, Stored, Update

# Of these the last one holds.
WORD: Final = {
    GapOpened: "gap", GapClosed: "gap", Stale: "stale", Resumed: "stale", Stored: "stored", Ended: "ended",
    Deadline: "deadline",
}  # fmt: skip


class Listener:
    """The events of one or many accounts, in their order: an async iterator that ends with `close`. At most ``room``
    events wait."""

    def __init__(self, room: int = limits.LISTENER_EVENTS_MAX) -> None:
        self._room = room
        self._waiting: deque[AnyEvent] = deque()
        self._missed: dict[str, _Missed] = {}
        self._woken = asyncio.Event()
        self.closed = False

    def tell(self, event: AnyEvent) -> None:
        if len(self._waiting) >= self._room:
            self._missed.setdefault(event.account, _Missed()).add(event)
        else:
            self._catch_up(event.account)
            self._waiting.append(event)
        self._woken.set()

    def close(self) -> None:
        """What waits is still handed out, and then it ends."""
        self.closed = True
        self._woken.set()

    async def some(self) -> list[AnyEvent]:
        """All that waits, at least one event; none once it is closed."""
        while not (self._waiting or self._missed or self.closed):
            self._woken.clear()
            await self._woken.wait()
        for account in list(self._missed):
            self._catch_up(account)
        found = list(self._waiting)
        self._waiting.clear()
        return found

    async def __aiter__(self) -> AsyncIterator[AnyEvent]:
        while found := await self.some():
            for event in found:
                yield event

    def _catch_up(self, account: str) -> None:
        missed = self._missed.pop(account, None)
        if missed is not None:
            self._waiting.extend(missed.told(account))


class _Missed:
    """What of one account did not fit."""

    def __init__(self) -> None:
        self._after = self._count = self._at_ns = 0
        self._words: dict[tuple[str, str], AnyEvent] = {}

    def add(self, event: AnyEvent) -> None:
        self._at_ns = event.at_ns
        if isinstance(event, Update):
            self._after = self._after if self._count else event.number - 1
            self._count += 1
        elif word := WORD.get(type(event)):
            subject = (word, event.stream if isinstance(event, Deadline) else "")
            self._words.pop(subject, None)  # the last word comes last
            self._words[subject] = event

    def told(self, account: str) -> list[AnyEvent]:
        dropped = Dropped(account=account, at_ns=self._at_ns, after=self._after, count=self._count)
        return [*([dropped] if self._count else []), *self._words.values()]
