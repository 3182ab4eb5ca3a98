"""Works that belong together: where one ends, or fails, the others are canceled and have ended too before anything goes
on. It decides whose error is raised: that of the work that failed first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

Work = Coroutine[Any, Any, object]


async def first(*works: Work) -> None:
    """Until one of them has ended. Raises what it raised."""
    await _until(works, asyncio.FIRST_COMPLETED)


async def every(*works: Work) -> None:
    """Until all of them have ended, or one has failed. Raises what it raised."""
    await _until(works, asyncio.FIRST_EXCEPTION)


async def _until(works: tuple[Work, ...], when: str) -> None:
    tasks = [asyncio.create_task(each) for each in works]
    ended: set[asyncio.Task[object]] = set()
    try:
        if tasks:
            ended, _ = await asyncio.wait(tasks, return_when=when)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in sorted(tasks, key=lambda each: each not in ended):
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
