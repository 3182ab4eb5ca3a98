"""One run of a client of Kraken Futures' REST API against a paper server over a real socket: what the tests of it
share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from clients.process import answers
from exchanges.kraken_futures.scene import DAY, Scene
from nostro.exchanges import exchange
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.paper.listen import listen
from nostro.paper.server import Server

MILLISECOND = 1_000_000
PAUSE_S = 0.5  # of the venue's time between two calls: the budget of a key fills up meanwhile


class Run:
    """One run of a driver: its answers, the venue as it is afterwards, and every request that the server saw."""

    def __init__(self, scene: Scene, answers: dict[str, Any], seen: list[HttpRequest]) -> None:
        self.scene, self.answers, self.seen = scene, answers, seen
        self.venue, self.user = scene.venue, scene.trader.user


async def drive(scene: Scene, driver: str) -> Run:
    """``driver``: the program beside this file."""
    seen: list[HttpRequest] = []
    server = Server(exchange("kraken_futures"), scene.venue)

    def handle(request: HttpRequest) -> HttpAnswer:
        seen.append(request)
        scene.wait(PAUSE_S)
        return server.handle(request)

    listener = await listen(handle)
    orders = {
        "url": listener.origin, "key": scene.trader.key, "secret": scene.trader.secret,
        "reader": [scene.reader.key, scene.reader.secret], "since": (scene.end_ns - 4 * DAY) // MILLISECOND,
        "now": (scene.end_ns + DAY) // MILLISECOND,
    }  # fmt: skip
    try:
        path = Path(__file__).with_name(driver)
        return Run(scene, await answers(sys.executable, path, orders=orders, timeout_s=90), seen)
    finally:
        await listener.close()
