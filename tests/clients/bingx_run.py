"""One run of the client of BingX v1 against a paper exchange over a real socket: what the tests of it share."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from clients.install import BINGX
from clients.process import answers
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
    try:
        found = await answers(BINGX.python, DRIVER, orders=orders, timeout_s=60)
    finally:
        await listener.close()
    return host, Run(found, host.venue, logins["trader"])
