"""What feeds the board: the book, looked at again and again, and the events of who collects, where he is in this
process. It decides when the book is looked at, and that a book which cannot be read is said to be so and tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from nostro import errors
from nostro.link.transport import SystemClock
from nostro.views.live import Board
from nostro.views.look import Look, looks

if TYPE_CHECKING:
    from nostro.book.book import Book
    from nostro.collect.working import BookThread
    from nostro.link.listening import Listener

LOOK_PAUSE_S: Final = 1.0  # between two looks at the book


class Looking:
    """The board of some accounts (of all, where none is named), and what feeds it: a book, and who collects, where we
    hear him."""

    def __init__(self, book: Book, accounts: Sequence[str], *, thread: BookThread, told: bool = False) -> None:
        self.board = Board(accounts, told=told)
        self.now_ns = SystemClock().now_ns
        self.changed = asyncio.Event()
        self._hurried = asyncio.Event()
        self._book = book
        self._accounts = accounts
        self._thread = thread

    async def look_again(self) -> None:
        """Looks at the book again and again; where it cannot be read, that is said, and tried again."""
        before: Mapping[str, Look] = {}
        while True:
            now_ns = self.now_ns()
            try:
                before = await self._thread(lambda: looks(self._book, self._accounts, before=before, now_ns=now_ns))  # noqa: B023
                self.board.put(before, now_ns=self.now_ns())
                self.board.trouble = ""
            except errors.BookError as error:
                self.board.trouble = f"the book cannot be read: {error.message}"
            self.changed.set()
            await asyncio.sleep(LOOK_PAUSE_S)

    async def listening(self, listener: Listener) -> None:
        """Takes in what who collects tells."""
        while events := await listener.some():
            for event in events:
                self.board.take(event)
            self.changed.set()

    def hurry(self) -> None:
        """Somebody waits for what he sees."""
        self._hurried.set()
        self.changed.set()

    async def again(self, pause_s: float, *, at_least_s: float | None = None) -> None:
        """Until something changed, no sooner than after the pause unless somebody hurries; where ``at_least_s`` is
        given, until then at the latest."""
        if not await _is_set(self._hurried, pause_s):
            await _is_set(self.changed, at_least_s)
        self._hurried.clear()
        self.changed.clear()


async def _is_set(event: asyncio.Event, within_s: float | None) -> bool:
    """Whether the event is set, within that time."""
    try:
        return await asyncio.wait_for(event.wait(), within_s)
    except TimeoutError:
        return False
