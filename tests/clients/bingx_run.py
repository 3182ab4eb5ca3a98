"""One run of the client of BingX v1 against a paper exchange over a real socket: what the tests of it share."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from clients.install import BINGX
from nostro.exchanges import exchange
from nostro.link.view import Login, VenueView
from nostro.paper.host import PaperExchange
from nostro.paper.listen import listen

DRIVER = Path(__file__).with_name("bingx_driver.py")
HISTORY_ROWS = 200


class Run:
    """What the client answered, the venue as it is afterwards, and who asked."""

    def __init__(self, answers: dict[str, Any], venue: VenueView, login: Login) -> None:
        self.answers, self.venue, self.user = answers, venue, login.user


async def drive(folder: Path) -> tuple[PaperExchange, Run]:
    host = PaperExchange(folder, exchange("bingx_v1"), now_ns=time.time_ns, seed=11, rows=HISTORY_ROWS)
    logins = {login.name: login for login in host.logins()}
    listener = await listen(host.handle)
    orders = {
        "url": listener.origin, "key": logins["trader"].key, "secret": logins["trader"].secret,
        "reader": [logins["reader"].key, logins["reader"].secret],
        "price": float(host.venue.mark("BTC/USDT:USDT")), "now_ms": time.time_ns() // 1_000_000,
    }  # fmt: skip
    bare = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and name != "PYTHONPATH"}
    process = await asyncio.create_subprocess_exec(
        str(BINGX.python), str(DRIVER), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env=bare | {"NO_PROXY": "*"},
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(json.dumps(orders).encode()), timeout=60)
    finally:
        if process.returncode is None:
            process.kill()
        await listener.close()
    assert process.returncode == 0, err.decode()
    return host, Run(json.loads(out), host.venue, logins["trader"])
