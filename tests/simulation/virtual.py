"""An event loop whose time passes when everybody waits: tasks run one after the other in one thread, as on a real one,
and a day takes as long as what happens in it. Whoever waits for what nobody will do is told so."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from nostro.domain.values import SECOND_NS

ResultT = TypeVar("ResultT")


class _Jumping(selectors.SelectSelector):
    """Waits for nothing but time, and for that not really."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            message = "everybody waits, and nobody for the time"
            raise RuntimeError(message)
        if not ready and timeout is not None and timeout > 0:
            self.passed_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed_s


class LoopClock:
    """The time of the loop that runs, which began at ``start_ns``."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns

    def now_ns(self) -> int:
        return self.start_ns + round(asyncio.get_running_loop().time() * SECOND_NS)

    async def sleep(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)


def run(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Runs the work in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
