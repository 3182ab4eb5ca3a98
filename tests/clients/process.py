"""A client of an exchange in a process of its own, as our tests drive it. It decides in which environment the client
runs (no proxy and no path of ours) and that it has ended when the test goes on; what it is told, as one JSON document,
and what its answers must be is for others.
"""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any


@asynccontextmanager
async def started(python: str | Path, driver: Path, **environ: str) -> AsyncIterator[Process]:
    """The driver, run by that Python, with its three streams as pipes; it is killed where it did not end by itself."""
    bare = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and name != "PYTHONPATH"}
    process = await asyncio.create_subprocess_exec(
        str(python), str(driver), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=bare | {"NO_PROXY": "*"} | environ
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def answers(python: str | Path, driver: Path, *, orders: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """What the driver printed when it had done what it was told."""
    async with started(python, driver) as process:
        out, err = await asyncio.wait_for(process.communicate(json.dumps(orders).encode()), timeout_s)
    assert process.returncode == 0, err.decode()[-4_000:]
    found: dict[str, Any] = json.loads(out)
    return found
