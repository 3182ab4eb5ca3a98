"""One run of a real client against the paper GRVT over a real socket: what the tests of them share. It decides what the
client is told; what its answers must be is in the tests.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from clients.process import answers
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
    beats = asyncio.create_task(_beat(host))
    try:
        return host, Run(await answers(python, driver, orders=orders, timeout_s=120), host.venue, login)
    finally:
        beats.cancel()
        await listener.close()


async def _beat(host: PaperExchange) -> None:
    """What the market streams tell of, while nobody else trades."""
    assert host.hub is not None
    while True:
        host.hub.beat()
        await asyncio.sleep(0.2)
