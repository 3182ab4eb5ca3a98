"""A paper exchange in a process of its own that is stopped and goes on (SIGSTOP, SIGCONT), as a frozen exchange would:
its sockets stay, and nothing comes of them. It measures when whoever follows an account there says so.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from link.kept import Kept
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.events import GapClosed, Resumed, Stale

TRADER = "trader"


class Stopped(NamedTuple):
    """Seconds from the stop until the account was called stale, and from its end until it was fresh; ``why``: what was
    said first."""

    noticed_s: float
    resumed_s: float
    why: str


async def until(kept: Kept, kind: type, *, before: int, within_s: float) -> float:
    """Waits for another such event; how long it took, seconds."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with asyncio.timeout(within_s):
        while len(kept.of(kind)) <= before:
            kept.told.clear()
            await kept.told.wait()
    return loop.time() - began_s


def stopped(wire: str, home: Path, *, within_s: float) -> Stopped:
    """Follows an account, stops its exchange until that is noticed, and lets it go on until that is too. Raises
    TimeoutError where either takes longer than ``within_s``."""
    command = [sys.executable, "-m", "nostro.cli", "paper", "serve", wire, "--port", "0", "--history", "0"]
    with subprocess.Popen(
        [*command, "--home", str(home)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            return asyncio.run(_followed(wire, process, json.loads(process.stdout.readline()), within_s=within_s))
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()


async def _followed(
    wire: str, process: subprocess.Popen[str], ready: dict[str, Any], *, within_s: float
) -> Stopped:  # fmt: skip
    given = next(each for each in ready["accounts"] if each["name"] == TRADER)
    extra = {name: text for name, text in given.items() if name not in ("name", "permissions", "key", "secret")}
    credentials = Credentials(given["key"], given.get("secret", ""), extra=extra)
    kept = Kept(exchange(wire), TRADER, credentials=credentials, url=ready["urls"]["rest"])
    following = asyncio.create_task(kept.live(ready["urls"]["ws"]))
    try:
        await until(kept, GapClosed, before=0, within_s=60)
        stale, fresh = len(kept.of(Stale)), len(kept.of(Resumed))
        process.send_signal(signal.SIGSTOP)
        noticed_s = await until(kept, Stale, before=stale, within_s=within_s)
        why = kept.of(Stale)[stale].why
        process.send_signal(signal.SIGCONT)
        resumed_s = await until(kept, Resumed, before=fresh, within_s=within_s)
        return Stopped(noticed_s, resumed_s, why)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await kept.source.close()
