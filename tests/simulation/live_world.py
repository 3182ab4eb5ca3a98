"""Several exchanges that live at random, and one process that follows their accounts into a book, in virtual time. It
decides who is followed and what happens; what must hold stands with those who run it.

Time passes for all of them together (``virtual_time.py``), so that what happens at the same time does so here too.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from naive.workload import START_NS
from nostro.book.book import Book
from nostro.collect.backfill import Collector
from nostro.collect.live import Live
from nostro.domain.fact import Fact
from nostro.domain.records import Order
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.errors import NotSent, Unanswered
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.declare import Exchange
from nostro.link.events import AnyEvent, Ended, GapClosed, GapOpened, Update
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.listening import Listener
from nostro.link.transport import Connection, MemoryTransport
from nostro.link.view import VenueOrder
from nostro.link.wire import WireSource
from nostro.paper.faults import FaultPlan, Faults
from nostro.paper.feeds import Hub
from nostro.paper.server import Server
from nostro.paper.venue.venue import Venue
from paper.differential import venue_envelope
from simulation import truth
from simulation.pipe import Network
from simulation.plays import Play
from virtual_time import Clock

ResultT = TypeVar("ResultT")

OPENED_NS: Final = START_NS - DAY_NS
HOUR_NS: Final = 3600 * SECOND_NS
PAST: Final = 40  # commands before anybody listens
PORT: Final = 8000  # of the first exchange
LAST: Final = 200  # events of an account that are remembered
BEAT_S: Final = 5.0  # between two beats of a feed's hub
PATIENCE_S: Final = 60.0  # for an answer of an exchange that hangs


def registry(name: str, dialect: str) -> Exchange:
    """The exchange, which opened right before these lives began."""
    return msgspec.structs.replace(exchange(name, dialect), opened_ns=OPENED_NS)


class Place:
    """One exchange: its venue, its wire, who acts in it."""

    def __init__(
        self, number: int, play: Play, folder: Path, *, clock: Clock, seed: int, plan: FaultPlan
    ) -> None:  # fmt: skip
        self.name = name = f"{play.exchange}{number}"
        self.port = PORT + number
        self.play = play
        self.clock = clock
        self.random = random.Random(f"live {name} {seed}")
        self.exchange = registry(play.exchange, play.dialects[0])
        self.url = f"http://127.0.0.1:{self.port}{urlsplit(self.exchange.url).path.rstrip('/')}"
        self.workload = play.workload(random.Random(f"workload {name} {seed}"))
        self.faults = Faults(plan)
        self.venue = Venue.open(
            folder / f"{name}.db", now_ns=clock.now_ns, seed=7, profile=play.profile, issue=play.issue, create=True
        )
        self.server = Server(self.exchange, self.venue, faults=self.faults)
        self.hub = None
        self.network = None
        if self.exchange.feed is not None:
            self.hub = Hub(self.exchange.feed, self.venue, faults=self.faults)
            self.venue.listeners.append(self.hub.publish)
            self.network = Network(self.hub, self.random)
        self.hanging = asyncio.Event()  # set: nothing is answered
        self.refused: set[int] = set()  # users whose key is refused
        self._hour = clock.now_ns() // HOUR_NS
        self.commands = 0
        for _ in range(PAST):
            self.act()
        for user, permissions in play.collected.items():
            truth.give_key(self.venue, user, permissions)

    def accounts(self) -> dict[str, int]:
        """Who is followed here, and his user."""
        return {f"{self.name}-{user}": user for user in self.play.collected}

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────

    async def live(self, *, pause_s: float) -> None:
        """Random commands at random times, a ``pause_s`` apart on average."""
        while True:
            await self.clock.sleep(self.random.expovariate(1 / pause_s))
            self.act()

    def act(self) -> None:
        self._carry_out(self.workload.next)

    async def beat(self) -> None:
        """The hub's beats, and the exchange's hours, which nobody needs to be there for."""
        while True:
            await self.clock.sleep(BEAT_S)
            if (hour := self.clock.now_ns() // HOUR_NS) > self._hour:
                self._hour = hour
                self._carry_out(self.workload.let_pass)
            if self.hub is not None:
                self.hub.beat()

    def _carry_out(self, draw: Callable[[], object]) -> None:
        now_ns = self.workload.now_ns = self.clock.now_ns()
        envelope = venue_envelope(draw())
        outcome = self.venue.carry_out(envelope.command, user=envelope.user, command_id=envelope.id, at_ns=now_ns)
        self.workload.seen(outcome, at_ns=now_ns)
        self.commands += 1

    # ── how it is reached ────────────────────────────────────────────────────────────────────────────────────────

    def source(self, user: int) -> WireSource:
        login = self.venue.login_by_user(user)
        assert login is not None
        return WireSource(
            self.exchange, Wire(self, user), account=f"{self.name}-{user}", url=self.url, clock=self.clock,
            credentials=Credentials(login.key, login.secret, extra=login.extra),
            randomness=random.Random(f"source {self.name} {user}"),
        )  # fmt: skip

    def heal(self) -> None:
        """From now on nothing goes wrong any more."""
        self.faults.plan = FaultPlan()
        if self.network is not None:
            self.network.down = False

    def close(self) -> None:
        self.venue.close()


class Wire:
    """Carries requests to a place; each takes a moment."""

    def __init__(self, place: Place, user: int) -> None:
        self._place = place
        self._user = user
        self._memory = MemoryTransport(place.server.handle)

    async def send(self, request: HttpRequest) -> HttpAnswer:
        place = self._place
        await place.clock.sleep(place.random.uniform(0.001, 0.04))
        if place.network is not None and place.network.down:
            message = "no connection"
            raise NotSent(message)
        if place.hanging.is_set():
            await place.clock.sleep(PATIENCE_S)
            message = "no answer"
            raise Unanswered(message)
        if self._user in place.refused:
            return place.server.error(401, "no such key")
        answer = await self._memory.send(request)
        await place.clock.sleep(place.random.uniform(0.001, 0.04) + answer.delay_s)
        return answer

    async def close(self) -> None:
        return None


class Heard(msgspec.Struct, kw_only=True):
    """What the accounts' events said. ``open``: gaps that are, by account; ``why``: of all that were; ``numbers``: the
    last update's; ``last``: the last events."""

    events: Counter[str] = msgspec.field(default_factory=Counter)
    kinds: Counter[str] = msgspec.field(default_factory=Counter)
    open: dict[str, GapOpened] = msgspec.field(default_factory=dict)
    why: Counter[str] = msgspec.field(default_factory=Counter)
    gaps: list[tuple[str, GapClosed]] = msgspec.field(default_factory=list)
    ended: dict[str, str] = msgspec.field(default_factory=dict)
    numbers: dict[str, int] = msgspec.field(default_factory=dict)
    last: dict[str, deque[AnyEvent]] = msgspec.field(default_factory=dict)

    def take(self, event: AnyEvent) -> None:
        self.events[type(event).__name__] += 1
        self.last.setdefault(event.account, deque(maxlen=LAST)).append(event)
        if isinstance(event, Update):
            self.kinds[f"{event.fact.kind} {event.via}"] += 1
            assert event.number == self.numbers.get(event.account, 0) + 1
            self.numbers[event.account] = event.number
        elif isinstance(event, GapOpened):
            assert event.account not in self.open, event
            self.why[event.why] += 1
            self.open[event.account] = event
        elif isinstance(event, GapClosed):
            opened = self.open.pop(event.account)
            assert opened.since_ns == event.since_ns
            self.gaps.append((event.account, event))
        elif isinstance(event, Ended):
            self.ended[event.account] = event.why


class Histories:
    """A book without what frames alone told: some wires tell more in frames than in any history."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def __getattr__(self, name: str) -> object:
        return getattr(self._book, name)

    def facts(self, *given: str, **more: object) -> Iterator[Fact]:
        return self._book.facts(*given, **more | {"histories": True})  # type: ignore[arg-type]


class LiveWorld:
    """``plays``: an exchange for each. Make it inside a virtual loop."""

    def __init__(
        self, plays: Sequence[Play], folder: Path, *, seed: int, plan: Callable[[int], FaultPlan]
    ) -> None:  # fmt: skip
        self.random = random.Random(f"live world {seed}")
        self.folder = folder
        self.clock = Clock(START_NS)
        self.heard = Heard()
        self.failed: Counter[str] = Counter()
        self.awake: dict[str, asyncio.Event] = {}  # by process: cleared, it does nothing to the book
        self.places = [
            Place(number, play, folder, clock=self.clock, seed=seed, plan=plan(number))
            for number, play in enumerate(plays)
        ]  # fmt: skip

    def open_book(self) -> Book:
        book = Book.open(self.folder / "book.db", now_ns=self.clock.now_ns, registry=registry, create=True)
        known = {each.name for each in book.accounts()}
        for place in self.places:
            for name in place.accounts():
                if name not in known:
                    book.add_account(name, place.exchange.id, dialect=place.exchange.dialect, since_ns=OPENED_NS)
        return book

    async def lives(self, *, pause_s: float) -> None:
        """All exchanges live, until it is canceled."""
        async with asyncio.TaskGroup() as group:
            for place in self.places:
                group.create_task(place.live(pause_s=pause_s))
                group.create_task(place.beat())

    async def follow(
        self, book: Book, *, names: Sequence[str] | None = None, holder: str = "process 1", heard: Heard | None = None
    ) -> None:  # fmt: skip
        """Follows accounts, all where none are named, as one process does, until it is canceled: then it has ended in
        order."""
        awake = self.awake[holder] = asyncio.Event()
        awake.set()

        async def run(work: Callable[[], ResultT]) -> ResultT:
            await awake.wait()
            return work()

        wanted = [
            (place, name, user) for place in self.places for name, user in place.accounts().items()
            if names is None or name in names
        ]  # fmt: skip
        collectors = [
            Collector(book, place.source(user), clock=self.clock, holder=holder, run=run) for place, _, user in wanted
        ]
        for collector in collectors:
            await collector.start()
        live = Live(
            collectors, open_connection=self.open, clock=self.clock, randomness=random.Random("live"),
            looked=lambda report: self.failed.update([type(report).__name__] + [
                type(each).__name__ for each in getattr(report, "failures", {}).values()
            ]),
        )  # fmt: skip
        listener = live.listen()
        hearing = asyncio.create_task(self._hear(listener, self.heard if heard is None else heard))
        try:
            await live.run()
        finally:
            await hearing
            for collector in collectors:
                await collector.stop()

    async def _hear(self, listener: Listener, heard: Heard) -> None:
        async for event in listener:
            heard.take(event)

    async def open(self, url: str, headers: Mapping[str, str], *, ping_every_s: int | None) -> Connection:
        """The feed at an address: every exchange has its own port."""
        network = self.places[(urlsplit(url).port or PORT) - PORT].network
        assert network is not None
        return await network.open(url, headers, ping_every_s=ping_every_s)

    def compare(self, book: Book, name: str) -> Mapping[str, int]:
        """Asserts that an account's book is what its venue holds, and that what frames alone told of orders happened
        there; counts what was compared."""
        place = next(each for each in self.places if name in each.accounts())
        user = place.accounts()[name]
        placed = {(each.instrument, each.side, each.amount) for each in self._orders(place, user)}
        for order in book.facts("order", name):
            assert isinstance(order, Order)
            assert (order.instrument, order.side, order.amount) in placed, order
        histories = Histories(book)
        return place.play.compare(histories, place.venue, user, now_ns=self.clock.now_ns(), account=name)

    def compare_all(self, book: Book) -> Counter[str]:
        """As `compare`, of every account."""
        return sum(
            (Counter(self.compare(book, name)) for place in self.places for name in place.accounts()), start=Counter()
        )  # fmt: skip

    @staticmethod
    def _orders(place: Place, user: int) -> list[VenueOrder]:
        return [order for each in (user, *place.venue.sub_accounts(user)) for order in place.venue.orders(each)]

    @contextmanager
    def opened(self) -> Iterator[Book]:
        book = self.open_book()
        try:
            yield book
        finally:
            book.close()

    def close(self) -> None:
        for place in self.places:
            place.close()
