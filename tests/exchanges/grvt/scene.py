"""The paper GRVT without a socket: a trader and a maker, each a main account with one sub-account that trades, a desk
with two, one who may only read; the server in front of the venue, and accounts of ours that ask it, on a clock that the
test moves.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Coroutine, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from nostro.exchanges.grvt import EXCHANGES
from nostro.keys import Credentials
from nostro.link import commands
from nostro.link.commands import Accepted
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.transport import MemoryTransport
from nostro.link.view import Login
from nostro.link.wire import WireSource
from nostro.paper.profiles import grvt
from nostro.paper.server import Server
from nostro.paper.venue.commands import Fund, SetMark
from nostro.paper.venue.profile import Profile
from nostro.paper.venue.venue import Venue

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
START_NS = 1_772_366_400 * SECOND
URL = "http://127.0.0.1"
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
BTC_CODE = "BTC_USDT_Perp"
ResultT = TypeVar("ResultT")


class Clock:
    """A millisecond passes whenever it is looked at."""

    def __init__(self) -> None:
        self.time_ns = START_NS

    def now_ns(self) -> int:
        self.time_ns += 1_000_000
        return self.time_ns

    async def sleep(self, pause_s: float) -> None:
        self.time_ns += int(pause_s * SECOND)


class Scene:
    """``subs``: the user of each name's first sub-account."""

    def __init__(
        self, folder: Path, *, now_ns: int = START_NS, profile: Profile = grvt.PROFILE, **options: Any
    ) -> None:
        self.clock = Clock()
        self.clock.time_ns = now_ns
        self.venue = Venue.open(folder / "venue.db", now_ns=self.clock.now_ns, seed=7, profile=profile, issue=grvt.keys)
        self.logins: dict[str, Login] = {}
        self.subs: dict[str, int] = {}
        for name, subs, permissions in (
            ("trader", ("trader-1",), ("read", "trade")),
            ("maker", ("maker-1",), ("read", "trade")),
            ("desk", ("desk-1", "desk-2"), ("read", "trade")),
            ("reader", ("reader-1",), ("read",)),
        ):
            main = self.venue.create_login(name, f"{name}@example.org", permissions=())
            for sub in subs:
                made = self.venue.create_login(sub, f"{sub}@example.org", permissions=(), parent=main.user)
                self.subs[sub] = made.user
                self.fund(made.user, "100000")
            self.venue.set_permissions(main.key, permissions)
            self.fund(main.user, "500", wallet="funding")
            self.logins[name] = self._login(main.key)
        self.server = Server(EXCHANGES["full"], self.venue, **options)

    def _login(self, key: str) -> Login:
        login = self.venue.login_by_key(key)
        assert login is not None
        return login

    # ── the venue ────────────────────────────────────────────────────────────────────────────────────────────────

    @staticmethod
    def done(answer: Any) -> int:
        assert isinstance(answer, Accepted), answer
        return answer.ids[0] if answer.ids else 0

    def fund(self, user: int, amount: str, *, wallet: str = "futures", asset: str = "USDT") -> None:
        self.done(self.venue.carry_out(Fund(user=user, wallet=wallet, asset=asset, amount=Decimal(amount))).answer)

    def place(self, sub: str, side: Any, amount: str, price: str | None, instrument: str = BTC, **more: Any) -> int:
        kind = {"type": "limit" if price else "market", "time_in_force": "gtc" if price else "ioc"} | more
        return self.done(self.venue.submit(self.subs[sub], commands.PlaceOrder(
            wallet="futures", instrument=instrument, side=side, amount=Decimal(amount),
            price=None if price is None else Decimal(price), **kind,
        )))  # fmt: skip

    def trade(self, amount: str, price: str, *, side: Any = "buy", instrument: str = BTC) -> None:
        """The trader takes this of the maker."""
        self.place("maker-1", "sell" if side == "buy" else "buy", amount, price, instrument)
        self.place("trader-1", side, amount, price, instrument)

    def mark(self, price: str, instrument: str = BTC) -> None:
        self.done(self.venue.carry_out(SetMark(instrument=instrument, price=Decimal(price))).answer)

    def wait(self, pause_ns: int) -> None:
        self.clock.time_ns += pause_ns
        self.venue.tick()

    # ── the wire ─────────────────────────────────────────────────────────────────────────────────────────────────

    def post(
        self, path: str, body: Any = None, *, session: Mapping[str, str] | None = None, raw: bytes | None = None
    ) -> HttpAnswer:
        sent = raw if raw is not None else json.dumps(body or {}).encode()
        return self.server.handle(HttpRequest(method="POST", path=path, headers=dict(session or {}), body=sent))

    def session(self, name: str = "trader") -> dict[str, str]:
        """The headers of a signed-in caller."""
        answer = self.post("/auth/api_key/login", {"api_key": self.logins[name].key})
        assert answer.status == 200, answer.body
        return {
            "Cookie": answer.headers["Set-Cookie"].partition(";")[0],
            "X-Grvt-Account-Id": answer.headers["X-Grvt-Account-Id"],
        }

    def ask(self, route: str, body: Any = None, *, name: str = "trader", form: str = "full", status: int = 200) -> Any:
        """The answer of a route; ``sub_account_id`` is said where the body has a place for it and does not."""
        answer = self.post(f"/{form}/v1/{route}", body, session=self.session(name))
        assert answer.status == status, answer.body
        return json.loads(answer.body)

    def source(self, name: str = "trader", *, form: str = "full", **extra: str) -> WireSource:
        login = self.logins[name]
        return WireSource(
            EXCHANGES[form], MemoryTransport(self.server.handle), account=name,
            credentials=Credentials(login.key, "", extra={**login.extra, "sub_account_id": self.sub(name), **extra}),
            url=URL, clock=self.clock, randomness=random.Random(7),
        )  # fmt: skip

    def sub(self, name: str = "trader") -> str:
        return str(self.subs[f"{name}-1"])


def run(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    return asyncio.run(work)
