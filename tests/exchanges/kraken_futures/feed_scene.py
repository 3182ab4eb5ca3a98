"""A venue with Kraken Futures' contracts behind its WebSocket, without a socket: two who trade, one who may not read,
and lines to them on a clock that the test moves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from conformance.feed_line import Line
from nostro.exchanges.kraken_futures.feed import FEED
from nostro.keys import Credentials
from nostro.link import commands
from nostro.link.commands import Accepted
from nostro.link.declare import Signing
from nostro.link.view import Login
from nostro.paper.feeds import Hub
from nostro.paper.profiles import kraken_futures
from nostro.paper.venue.commands import Fund, SetMark
from nostro.paper.venue.venue import Venue

SECOND = 1_000_000_000
START_NS = 1_772_366_400 * SECOND
INVERSE, LINEAR = "BTC/USD:BTC", "BTC/USD:USD"
WALLETS = {INVERSE: "futures:BTC/USD", LINEAR: "futures"}
MONEY = (("spot", "BTC", "1.5"), ("futures", "USD", "100000"), ("futures:BTC/USD", "BTC", "9.99730211055"))


class Clock:
    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns


class Scene:
    def __init__(self, folder: Path, **options: Any) -> None:
        self.clock = Clock()
        self.venue = Venue.open(
            folder / "venue.db", now_ns=self.clock, seed=7, profile=kraken_futures.PROFILE, issue=kraken_futures.keys
        )
        self.trader, self.maker, self.writer = (
            self.venue.create_login(name, f"{name}@example.org", permissions=permissions)
            for name, permissions in (
                ("trader", ("read", "trade")),
                ("maker", ("read", "trade")),
                ("writer", ("trade",)),
            )
        )
        for login in (self.trader, self.maker):
            for wallet, asset, amount in MONEY:
                self.done(
                    self.venue.carry_out(
                        Fund(user=login.user, wallet=wallet, asset=asset, amount=Decimal(amount))
                    ).answer
                )
        self.hub = Hub(FEED, self.venue, **options)
        self.venue.listeners.append(self.hub.publish)

    @staticmethod
    def done(answer: Any) -> int:
        assert isinstance(answer, Accepted), answer
        return answer.ids[0] if answer.ids else 0

    def place(
        self, login: Login, side: Any, amount: str, price: str | None, instrument: str = INVERSE, **more: Any
    ) -> int:
        kind = {"type": "limit" if price else "market", "time_in_force": "gtc" if price else "ioc"} | more
        return self.done(self.venue.submit(login.user, commands.PlaceOrder(
            wallet=WALLETS[instrument], instrument=instrument, side=side, amount=Decimal(amount),
            price=None if price is None else Decimal(price), **kind,
        )))  # fmt: skip

    def mark(self, instrument: str, price: str) -> None:
        self.done(self.venue.carry_out(SetMark(instrument=instrument, price=Decimal(price))).answer)

    def line(self) -> Line:
        return Line(self.hub, self.clock)


@contextmanager
def scene(folder: Path, **options: Any) -> Iterator[Scene]:
    made = Scene(folder, **options)
    try:
        yield made
    finally:
        made.venue.close()


def signing(login: Login) -> Signing:
    return Signing(Credentials(login.key, login.secret), "", 0)


def frames(texts: list[str]) -> list[dict[str, Any]]:
    return [json.loads(text, parse_float=Decimal) for text in texts]


def asked(line: Line, **request: Any) -> list[dict[str, Any]]:
    return frames(line.ask(json.dumps(request)))


def proof(line: Line, login: Login) -> dict[str, str]:
    """What a private request carries: a challenge asked for and signed."""
    (given,) = asked(line, event="challenge", api_key=login.key)
    assert given["event"] == "challenge"
    assert FEED.prove is not None
    return dict(FEED.prove(given["message"], signing(login)))


def subscribed(line: Line, login: Login, feed: str, **more: Any) -> list[dict[str, Any]]:
    return asked(line, event="subscribe", feed=feed, **proof(line, login), **more)
