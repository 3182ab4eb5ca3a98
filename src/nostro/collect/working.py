"""Where the book's work is carried out: in the thread that asks for it, or in one of its own. It decides nothing about
the work: one piece at a time, in the order given, so that of many accounts each has its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

ResultT = TypeVar("ResultT")


class Run(Protocol):
    """Carries out the book's work somewhere: one piece at a time, in the order given."""

    def __call__(self, work: Callable[[], ResultT]) -> Awaitable[ResultT]: ...


async def directly(work: Callable[[], ResultT]) -> ResultT:
    """Runs the book's work in this thread: for virtual time, and where nothing else waits."""
    return work()


class BookThread:
    """Carries out the book's work in one thread of its own, so that sockets are served meanwhile."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="book")

    async def __call__(self, work: Callable[[], ResultT]) -> ResultT:
        """Waits for the work even when we are canceled: what was begun is finished, and then we end."""
        running = asyncio.get_running_loop().run_in_executor(self._executor, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

    def close(self) -> None:
        self._executor.shutdown()
