"""Time that jumps to the next thing that anybody waits for: an event loop in which a day passes in a moment, timeouts
of asyncio among it. Who waits for what nobody will do is told so, instead of waiting for ever."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from nostro.domain.values import SECOND_NS, parse_time

ResultT = TypeVar("ResultT")

START_NS: Final = parse_time("2026-03-10T12:00:00Z")


class _Jumping(selectors.DefaultSelector):
    """Waits for no socket, and for no time."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if found := super().select(0):
            return found
        assert timeout is not None, "nothing will ever happen again"
        self.now_s += max(0.0, timeout)
        return []


class Loop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, from 0 s."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


class Clock:
    """The loop's time as ours: `link.transport.Clock`."""

    def __init__(self, start_ns: int = START_NS) -> None:
        self._start_ns = start_ns

    def now_ns(self) -> int:
        return self._start_ns + round(asyncio.get_running_loop().time() * SECOND_NS)

    async def sleep(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)


def run(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Runs it in virtual time; nothing that it began may be left behind."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(_alone(work))


async def _alone(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    result = await work
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"left running: {left}"
    return result
