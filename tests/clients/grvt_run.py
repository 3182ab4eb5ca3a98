"""One run of a real client against the paper GRVT over a real socket: what the tests of them share. It decides in which
environment the client runs and what it is told; what its answers must be is in the tests.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from nostro.exchanges import exchange
from nostro.link.view import Login, VenueView
from nostro.paper.host import PaperExchange
from nostro.paper.listen import listen

HISTORY_ROWS = 300
BTC = "BTC/USDT:USDT"


class Run:
    """What the client answered, the venue as it is afterwards, and who asked. ``user``: the sub-account's."""

    def __init__(self, answers: dict[str, Any], venue: VenueView, login: Login) -> None:
        self.answers, self.venue, self.login = answers, venue, login
        self.user = int(login.extra["sub_account_id"])


async def drive(folder: Path, python: str, driver: Path) -> tuple[PaperExchange, Run]:
    host = PaperExchange(folder, exchange("grvt"), now_ns=time.time_ns, seed=11, rows=HISTORY_ROWS)
    login = next(each for each in host.logins() if each.name == "trader")
    listener = await listen(host.handle, hub=host.hub)
    orders = {
        "url": listener.origin, "key": login.key, **login.extra, "price": float(host.venue.mark(BTC)),
    }  # fmt: skip
    bare = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and name != "PYTHONPATH"}
    process = await asyncio.create_subprocess_exec(
        python, str(driver), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env=bare | {"NO_PROXY": "*"},
    )  # fmt: skip
    beats = asyncio.create_task(_beat(host))
    try:
        out, err = await asyncio.wait_for(process.communicate(json.dumps(orders).encode()), timeout=120)
    finally:
        beats.cancel()
        if process.returncode is None:
            process.kill()
        await listener.close()
    assert process.returncode == 0, err.decode()[-4_000:]
    return host, Run(json.loads(out), host.venue, login)


async def _beat(host: PaperExchange) -> None:
    """What the market streams tell of, while nobody else trades."""
    assert host.hub is not None
    while True:
        host.hub.beat()
        await asyncio.sleep(0.2)
