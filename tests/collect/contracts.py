"""A paper exchange of contracts with a short past, and an account and a book on the other side of its wire, on a clock
that jumps."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from collect.scene import START_NS, JumpingClock, SkewedClock, Wire
from nostro.book.book import Book
from nostro.book.reconcile import Judgement
from nostro.collect.backfill import Collector
from nostro.collect.reports import Report
from nostro.domain.values import DAY_NS
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.view import Login
from nostro.link.wire import WireSource
from nostro.paper.faults import FaultPlan, Faults
from nostro.paper.history import generate
from nostro.paper.profiles import opening
from nostro.paper.server import Server
from nostro.paper.venue.live import Market
from nostro.paper.venue.venue import Venue

SINCE_NS = START_NS - 40 * DAY_NS
ACCOUNT = "mine"


class Contracts:
    """``rows``: about how many fills the trader's past of a month has."""

    def __init__(self, folder: Path, exchange_id: str, *, rows: int = 40) -> None:
        opens = opening(exchange_id)
        self.folder = folder
        self.clock = JumpingClock()
        self.venue = Venue.open(
            folder / "venue.db", now_ns=self.clock.now_ns, seed=7, profile=opens.profile, issue=opens.issue
        )
        generate(self.venue, until_ns=START_NS, months=1, rows=rows)
        self.market = Market(self.venue)
        self.clock.pass_s(60)
        self.exchange = exchange(exchange_id)
        self.server = Server(self.exchange, self.venue)
        self.server.faults = Faults(FaultPlan(faults=()))
        self.wire = Wire(self)  # type: ignore[arg-type]

    def login(self, name: str = "trader") -> Login:
        return next(each for each in self.venue.logins() if each.name == name)

    def user(self, name: str = "trader") -> int:
        """Who trades with that key: a sub-account of its login, where the wire's keys are of one."""
        login = self.login(name)
        return int(login.extra.get("sub_account_id", login.user))

    def live(self, minutes: int) -> None:
        for _ in range(minutes):
            self.clock.pass_s(60)
            self.market.advance(self.clock.now_ns())

    def source(self, login: str = "trader") -> WireSource:
        known = self.login(login)
        return WireSource(
            self.exchange, self.wire, account=ACCOUNT, url="http://127.0.0.1",
            credentials=Credentials(known.key, known.secret, extra=dict(known.extra)),
            clock=SkewedClock(self.clock, 0), randomness=random.Random(1),
        )  # fmt: skip

    def collector(self, book: Book, login: str = "trader") -> Collector:
        source = self.source(login)
        return Collector(book, source, clock=source.clock, holder="tests")

    async def collected(self, book: Book, *, polls: int, login: str = "trader") -> tuple[list[Report], Judgement]:
        """A pass, and polls minutes apart."""
        collector = self.collector(book, login)
        await collector.start()
        reports = [await collector.full_pass()]
        for _ in range(polls):
            self.live(7)
            reports.append(await collector.poll())
        await collector.stop()
        latest = collector._judge.latest
        assert latest is not None
        return reports, latest

    def altering(self, path: str, change: Callable[[bytes], bytes]) -> list[int]:
        """From now on answers of that path are other ones; how often one was, as a list that grows."""
        changed: list[int] = []

        def altered(request: HttpRequest) -> HttpAnswer | None:
            if not request.path.endswith(path):
                return None
            answer = self.server.handle(request)
            body = change(answer.body)
            if body != answer.body:
                changed.append(len(body))
            return HttpAnswer(status=answer.status, headers=answer.headers, body=body)

        self.wire.before = altered
        return changed

    @contextmanager
    def book(self) -> Iterator[Book]:
        with Book.open(self.folder / "book.db", create=True, now_ns=self.clock.now_ns, registry=exchange) as book:
            if not book.accounts():
                book.add_account(ACCOUNT, self.exchange.id, dialect=self.exchange.dialect, since_ns=SINCE_NS)
            yield book


@contextmanager
def contracts(folder: Path, exchange_id: str, *, rows: int = 40) -> Iterator[Contracts]:
    opened = Contracts(folder, exchange_id, rows=rows)
    try:
        yield opened
    finally:
        opened.venue.close()
