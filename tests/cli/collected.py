"""A home whose book a test keeps, as who collects does: two accounts at a wire whose answers are few and small."""

from __future__ import annotations

import json
import time
from pathlib import Path

from cli.home import Folder
from nostro.book.book import Book, Lease
from nostro.exchanges import exchange
from nostro.link.declare import Page, Query

SINCE_NS = 1_700_000_000 * 10**9
ACCOUNTS = ("main", "second")


class Collected:
    """A home whose book this test keeps, as a collector does."""

    def __init__(self, path: Path) -> None:
        path.chmod(0o700)
        self.folder = Folder(path)
        self.book = Book.open(path / "book.db", now_ns=time.time_ns, registry=exchange, create=True)
        self._leases: dict[str, Lease] = {}
        for name in ACCOUNTS:
            self.book.add_account(name, "bingx_v1", dialect="v1", since_ns=SINCE_NS)
            self._leases[name] = self.book.acquire(name, "tests")
            self.tell(name, balance="1000.5", size="0.25", price="61000.5")

    def tell(self, account: str, *, balance: str, size: str, price: str) -> None:
        """Stores what the exchange says now."""
        money = {"userId": "1", "currency": "USDT", "equity": 1100, "unrealisedPNL": 99.5, "realisedPNL": 0}
        money |= {
            "availableMargin": 900,
            "usedMargin": 100,
            "freezedMargin": 0,
            "longLeverage": 10,
            "shortLeverage": 10,
        }
        numbers = json.dumps({"code": 0, "msg": "", "data": money | {"balance": "@"}}).replace('"@"', balance)
        position = {
            "symbol": "BTC-USDT", "currency": "USDT", "positionId": "7", "positionSide": "Long", "marginMode": "Cross",
            "volume": "@", "availableVolume": 0.1, "unrealisedPNL": 99.5, "realisedPNL": 0, "margin": 100,
            "avgPrice": "#", "liquidatedPrice": 50000, "leverage": 10,
        }  # fmt: skip
        positions = json.dumps({"code": 0, "msg": "", "data": {"positions": [position]}})
        positions = positions.replace('"@"', size).replace('"#"', price)
        self.book.append(
            self._leases[account],
            [_page("balances", numbers, "balance"), _page("margin", numbers, "balance"), _page("positions", positions)],
        )

    def end(self) -> None:
        for lease in self._leases.values():
            self.book.release(lease)


def _page(stream: str, body: str, route: str = "") -> Page:
    now_ns = time.time_ns()
    return Page(
        exchange="bingx_v1", dialect="v1", capability=stream, stream=stream, route=route or stream, request="POST",
        query=Query(), sent_ns=now_ns, received_ns=now_ns, status=200, headers={}, body=body.encode(),
    )  # fmt: skip
