"""A small paper exchange with a past, and an account and a book on the other side of its wire, in one thread and on a
clock that jumps: for the tests of asking and collecting. What goes wrong is a plan of ``paper/faults.py`` or a hook of
the wire, and every request is kept, so that a test can count."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from nostro.account import AsyncAccount
from nostro.book.book import Book
from nostro.book.store import Place
from nostro.collect.backfill import Collector
from nostro.collect.reports import Report
from nostro.domain.values import DAY_NS, SECOND_NS, parse_time
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.transport import MemoryTransport
from nostro.link.view import Login
from nostro.link.wire import WireSource
from nostro.paper.faults import Fault, FaultPlan, Faults, Kind
from nostro.paper.history import generate
from nostro.paper.server import Server
from nostro.paper.venue.live import Market
from nostro.paper.venue.venue import Venue
from simulation import truth

ResultT = TypeVar("ResultT")

START_NS: Final = parse_time("2026-03-10T12:00:00.25Z")
URL: Final = "http://127.0.0.1/api/v3"
YOUNG_NS: Final = START_NS - 95 * DAY_NS  # where the past of these scenes begins: four windows
LATENCY_NS: Final = 20_000_000


class JumpingClock:
    """Time that passes when somebody waits for it. ``slept``: every pause, seconds."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.at_ns = now_ns
        self.slept: list[float] = []

    def now_ns(self) -> int:
        return self.at_ns

    async def sleep(self, pause_s: float) -> None:
        assert pause_s < 7 * 86_400, f"a pause of {pause_s} s"
        self.slept.append(pause_s)
        self.pass_s(pause_s)
        await asyncio.sleep(0)

    def pass_s(self, pause_s: float) -> None:
        self.at_ns += int(pause_s * SECOND_NS)


class SkewedClock:
    """Somebody else's clock, ``ahead_s`` ahead of the one true."""

    def __init__(self, clock: JumpingClock, ahead_s: float) -> None:
        self._clock = clock
        self._ahead_ns = int(ahead_s * SECOND_NS)

    def now_ns(self) -> int:
        return self._clock.now_ns() + self._ahead_ns

    async def sleep(self, pause_s: float) -> None:
        await self._clock.sleep(pause_s)


class Wire:
    """Carries requests to the scene's server; each takes a moment. ``before`` may raise instead, or answer itself."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.requests: list[HttpRequest] = []
        self.times_ns: list[int] = []
        self.before: Callable[[HttpRequest], HttpAnswer | None] = lambda request: None

    async def send(self, request: HttpRequest) -> HttpAnswer:
        self._scene.clock.at_ns += LATENCY_NS
        self.requests.append(request)
        self.times_ns.append(self._scene.clock.at_ns)
        answer = self.before(request)
        if answer is None:
            answer = await MemoryTransport(self._scene.server.handle).send(request)
        self._scene.clock.at_ns += LATENCY_NS + int(answer.delay_s * SECOND_NS)
        return answer

    async def close(self) -> None:
        return None

    def count(self, path: str, method: str | None = None) -> int:
        """The requests whose path ends so."""
        return sum(1 for each in self.requests if each.path.endswith(path) and method in (None, each.method))


class Scene:
    """``rows``: about how many fills the trader's past has, over ``months``; 0: four logins and no past."""

    def __init__(
        self, folder: Path, *, dialect: str = "cli", rows: int = 60, months: int = 3, faults: Iterable[Fault] = ()
    ) -> None:
        self.folder = folder
        self.name = "book.db"
        self.place: Callable[[Path], Place] = lambda path: path  # a test may keep its books on a server
        self.clock = JumpingClock()
        self.venue = Venue.open(folder / "venue.db", now_ns=self.clock.now_ns, seed=7)
        generate(self.venue, until_ns=START_NS, months=months, rows=rows)
        self.market = Market(self.venue)
        self.clock.pass_s(60)
        self.wire = Wire(self)
        self.serve(dialect)
        self.strike(*faults)

    def serve(self, dialect: str) -> None:
        """From now on the exchange speaks this dialect."""
        self.exchange = exchange("alp", dialect)
        self.server = Server(self.exchange, self.venue)

    def strike(self, *faults: Fault) -> Faults:
        """From now on these faults happen; they count what they did."""
        self.faults = Faults(FaultPlan(faults=faults))
        self.server.faults = self.faults
        return self.faults

    def login(self, name: str = "trader") -> Login:
        return next(each for each in self.venue.logins() if each.name == name)

    def source(
        self, login: str = "trader", *, key: str | None = None, secret: str | None = None, ahead_s: float = 0
    ) -> WireSource:
        """The account, called by its user's number, as the collector asks it."""
        known = self.login(login)
        return WireSource(
            self.exchange, self.wire, account=str(known.user),
            credentials=Credentials(key or known.key, secret or known.secret), url=URL,
            clock=SkewedClock(self.clock, ahead_s), randomness=random.Random(1),
        )  # fmt: skip

    def account(self, login: str = "trader", *, allow: Iterable[str] = (), **more: Any) -> AsyncAccount:
        return AsyncAccount(self.source(login, **more), clock=self.clock, allow=allow)

    @contextmanager
    def book(self, *logins: str, since_ns: int | None = None) -> Iterator[Book]:
        """The scene's book, made where there is none, with the accounts of these logins."""
        place = self.place(self.folder / self.name)
        with Book.open(place, create=True, now_ns=self.clock.now_ns, registry=exchange) as book:
            known = {each.name for each in book.accounts()}
            for name in (str(self.login(login).user) for login in logins or ("trader",)):
                if name not in known:
                    start_ns = self.exchange.opened_ns if since_ns is None else since_ns
                    book.add_account(name, "alp", dialect=self.exchange.dialect, since_ns=start_ns)
            yield book

    def collector(self, book: Book, source: WireSource | None = None) -> Collector:
        source = source or self.source()
        return Collector(book, source, clock=source.clock, holder="tests")

    async def full_pass(self, book: Book, source: WireSource | None = None) -> Report:
        """One pass of a collector that starts and stops."""
        collector = self.collector(book, source)
        await collector.start()
        try:
            return await collector.full_pass()
        finally:
            await collector.stop()

    def close(self) -> None:
        self.venue.close()


@contextmanager
def scene(folder: Path, **options: Any) -> Iterator[Scene]:
    opened = Scene(folder, **options)
    try:
        yield opened
    finally:
        opened.close()


def run(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    return asyncio.run(work)


def struck(kind: Kind, *at: int, routes: tuple[str, ...] = (), share: float = 0.0, **more: Any) -> Fault:
    """A fault that strikes these of the requests that fit, counted from 1."""
    return Fault(kind=kind, at=at, routes=routes, share=share, **more)


# ── what the book holds, beside what the venue holds ─────────────────────────────────────────────────────────────────


def user(world: Scene, login: str = "trader") -> int:
    return world.login(login).user


def equal(book: Book, world: Scene, login: str = "trader") -> Counter[str]:
    """Asserts that the book is the exchange, with rows of every stream; how many."""
    counts = truth.compare(book, world.venue, user(world, login), now_ns=world.clock.now_ns())
    assert all(counts[name] > 0 for name in ("orders", "fills", "entries", "transfers", "balances"))
    return counts


def holes(book: Book, world: Scene, stream: str, login: str = "trader") -> list[tuple[str, str]]:
    """Status and cause of what is not proven and has settled."""
    name = str(user(world, login))
    until_ns = world.clock.now_ns() - 60 * SECOND_NS
    tiles = book.coverage(name, stream, since_ns=book.account(name).since_ns, until_ns=until_ns)
    return [(tile.status, tile.cause) for tile in tiles if tile.status != "proven"]
