"""One run of the exchange's own client against a paper server over a real socket: what the tests of it share."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from clients.install import ALPCOM
from clients.process import answers
from conformance.real_venue import ADDRESS, DAY, SECOND, Scene
from nostro.exchanges import exchange
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.paper.listen import listen
from nostro.paper.server import Server

DRIVER = Path(__file__).with_name("alpcom_driver.py")
Answers = dict[str, Any]


class Run:
    """One run of the driver: its answers, the venue as it is afterwards, and every request that the server saw."""

    def __init__(self, scene: Scene, answers: Answers, seen: list[HttpRequest]) -> None:
        self.scene, self.answers, self.seen = scene, answers, seen
        self.venue, self.user = scene.venue, scene.trader.user


async def drive(scene: Scene, folder: Path) -> Run:
    seen: list[HttpRequest] = []
    server = Server(exchange("alp"), scene.venue)

    def handle(request: HttpRequest) -> HttpAnswer:
        seen.append(request)
        scene.wait(0.001)
        return server.handle(request)

    listener = await listen(handle)
    orders = {
        "url": f"{listener.origin}/api/v3", "key": scene.trader.key, "secret": scene.trader.secret,
        "user": scene.trader.user, "reader": [scene.reader.key, scene.reader.secret],
        "master": [scene.master.key, scene.master.secret], "desk": scene.desk.user,
        "now": scene.end_ns // SECOND, "folder": str(folder),
        **ADDRESS,
    }  # fmt: skip
    try:
        return Run(scene, await answers(ALPCOM.python, DRIVER, orders=orders, timeout_s=60), seen)
    finally:
        await listener.close()


def when(text: str) -> int:
    """Microseconds of a time that the client parsed."""
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def wallet(row: Any) -> str:
    return str(row.wallet.partition(":")[0].upper())


def recent(run: Run, rows: Any, field: str = "time_ns") -> list[Any]:
    return [row for row in rows if getattr(row, field) >= run.scene.end_ns - 30 * DAY]
