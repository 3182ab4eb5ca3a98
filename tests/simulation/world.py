"""The whole system from one seed, on a virtual clock and in one thread: a paper venue that lives a random life, a wire
that fails, a collector that is killed and started again, and a book. It decides what happens; what must hold is in
``truth.py``.

Nothing here reads a real clock or real randomness, so that a seed always ends in the same hash.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from naive.workload import START_NS
from nostro.book.book import Book
from nostro.book.store import Place
from nostro.collect.backfill import Collector
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.errors import BookError, NostroError, Refused
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.commands import Accepted, Rejected
from nostro.link.declare import Exchange
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.transport import MemoryTransport, Transport
from nostro.link.wire import WireSource
from nostro.paper.faults import Fault, FaultPlan, Faults, Kind
from nostro.paper.server import Server
from nostro.paper.venue.audit import check_outcome
from nostro.paper.venue.audit_contracts import check_change
from nostro.paper.venue.commands import Envelope
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.venue import Venue
from paper.differential import venue_envelope
from simulation import invariants, truth
from simulation.plays import ALP, Play

ResultT = TypeVar("ResultT")

PASSES: Final = 8
ACCEPTED_MIN, FILLS_MIN, FAULT_KINDS_MIN = 200, 50, 5  # what a seed needs to count
KILLS_MAX: Final = 6
WHOLE_CHANCE: Final = 0.8  # of an exchange whose history is known from its opening on; else debts before it are not
OPENED_NS: Final = START_NS - DAY_NS
HOUR_NS: Final = 3600 * SECOND_NS
URL: Final = "http://127.0.0.1/api/v3"  # of ALP.COM
READER: Final = 2  # a collected user whose key may only read


def directly(path: Path) -> Place:
    """A book in the file of that path."""
    return path


class Killed(BaseException):
    """The process is gone: nothing that comes after it runs."""


class VirtualClock:
    """Time that passes when somebody waits for it."""

    def __init__(self, now_ns: int) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        return self._now_ns

    async def sleep(self, pause_s: float) -> None:
        self.pass_ns(int(pause_s * SECOND_NS))
        await asyncio.sleep(0)

    def pass_ns(self, pause_ns: int) -> None:
        self._now_ns += pause_ns


class Wire:
    """Carries requests to the server of the moment; every one takes some time, both ways."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def send(self, request: HttpRequest) -> HttpAnswer:
        world = self._world
        world.clock.pass_ns(world.random.randrange(1_000_000, 80_000_000))
        world.tick()
        answer = await MemoryTransport(world.server.handle).send(request)
        world.clock.pass_ns(world.random.randrange(1_000_000, 80_000_000) + int(answer.delay_s * SECOND_NS))
        if world.random.random() < world.bustle:
            world.live(1)  # something happens at the exchange between two pages
        return answer

    async def close(self) -> None:
        return None


class Seen(msgspec.Struct, kw_only=True):
    """What a run reached: for the counts that show that nothing was checked in vain."""

    accepted: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    fills: int = 0
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    kills: int = 0
    venue_restarts: int = 0
    failures: int = 0
    invariants: Counter[str] = msgspec.field(default_factory=Counter)
    rows: Counter[str] = msgspec.field(default_factory=Counter)
    hash: str = ""


class World:
    """One run in an empty folder."""

    def __init__(self, seed: int, folder: Path, *, place: Callable[[Path], Place] = directly, play: Play = ALP) -> None:
        self.play = play
        self.random = random.Random(f"simulation {seed}")
        self._place = place
        self.folder = folder
        self.clock = VirtualClock(START_NS)
        self.dialect = self.random.choice(play.dialects)
        self.is_whole = self.random.random() < WHOLE_CHANCE
        self.exchange = self.registry(play.exchange, self.dialect)
        self.url = f"http://127.0.0.1{urlsplit(self.exchange.url).path.rstrip('/')}"
        self.workload = play.workload(random.Random(f"workload {seed}"))
        self.faults = Faults(self._plan(seed))
        self.seen = Seen()
        self.quiet_ns = 0  # from then on nothing happens any more
        self.bustle = 0.02  # the chance that something happens at the exchange between two requests
        self._kills_left = self.random.randrange(1, KILLS_MAX + 1)
        self._starts = 0
        self._hour = 0
        self._answers: dict[int, Accepted | Rejected] = {}
        self._known: list[tuple[str, int, bytes]] = []
        self._open_venue()
        self.book: Book | None = None

    def registry(self, name: str, dialect: str) -> Exchange:
        """The exchange; where its history is known whole, it opened right before this life began."""
        found = exchange(name, dialect)
        return msgspec.structs.replace(found, opened_ns=OPENED_NS) if self.is_whole else found

    # ── the exchange ─────────────────────────────────────────────────────────────────────────────────────────────

    def _open_venue(self) -> None:
        self.venue = Venue.open(
            self.folder / "venue.db", now_ns=self.clock.now_ns, seed=7, profile=self.play.profile,
            issue=self.play.issue, create=True,
        )  # fmt: skip
        self.server = Server(self.exchange, self.venue, faults=self.faults)

    def restart_venue(self) -> None:
        before = self.venue.engine.state_hash()
        self.venue.close()
        self._open_venue()
        assert self.venue.engine.state_hash() == before, "E12: the venue came back as another"
        self.seen.venue_restarts += 1
        self.seen.invariants["E12"] += 1

    def live(self, commands: int) -> None:
        """So many random commands, now and then with days between them."""
        with self.venue.batch():
            for _ in range(commands):
                if self.random.random() < self.play.jump_chance:
                    unit_ns = self.random.choice((HOUR_NS, HOUR_NS, HOUR_NS, DAY_NS))
                    self.workload.now_ns += self.random.randrange(4, 40) * unit_ns // 8
                self.workload.now_ns = max(self.workload.now_ns, self.clock.now_ns())
                envelope = venue_envelope(self.workload.next())
                self.clock.pass_ns(max(0, envelope.at_ns - self.clock.now_ns()))
                is_new = envelope.id not in self._answers
                outcome = self._carry_out(envelope)
                if not is_new:
                    assert outcome.answer == self._answers[envelope.id], "E14"
                    assert not any((outcome.orders, outcome.fills, outcome.entries, outcome.transfers)), "E14"
                    self.seen.invariants["E14"] += 1
                    continue
                self.seen.invariants.update(check_outcome(envelope, outcome))
                self.seen.invariants.update(check_change(self.venue.engine, envelope, outcome=outcome))
                self._count(outcome)
        self.seen.invariants.update(self.venue.engine.check())

    def _carry_out(self, envelope: Envelope) -> Outcome:
        """At the exchange's own time; the workload hears what came of it."""
        at_ns, is_new = self.clock.now_ns(), envelope.id not in self._answers
        outcome = self.venue.carry_out(envelope.command, user=envelope.user, command_id=envelope.id, at_ns=at_ns)
        if is_new:
            self._answers[envelope.id] = outcome.answer
            self.workload.seen(outcome, at_ns=at_ns)
        return outcome

    def tick(self) -> None:
        """Lets the exchange notice that an hour has begun, as one that is alive does: interest accrues with its next
        command, and would come late where there is none."""
        hour = self.clock.now_ns() // HOUR_NS
        if hour > self._hour:
            self._hour = hour
            self._carry_out(venue_envelope(self.workload.let_pass()))

    def _count(self, outcome: Outcome) -> None:
        if isinstance(outcome.answer, Accepted):
            self.seen.accepted += 1
        elif isinstance(outcome.answer, Rejected):
            self.seen.refused[outcome.answer.reason.value] += 1
            self.seen.invariants["E16"] += 1
        self.seen.fills += sum(1 for fill in outcome.fills if fill.user in self.play.collected)

    def _plan(self, seed: int) -> FaultPlan:
        share = self.random.choice((0.01, 0.02, 0.03))
        faults = [Fault(kind=kind, share=share, retry_after_s=self.random.randrange(1, 20)) for kind in Kind]
        return FaultPlan(seed=seed, faults=tuple(faults))

    async def forbidden_write(self) -> None:
        """A key that may only read sends an order: nothing of it reaches the engine (E17)."""
        before = self.venue.last_command
        transport = MemoryTransport(Server(self.exchange, self.venue).handle)
        try:
            await self.source(READER, transport).do("place", self.play.order)
        except Refused:
            self.seen.invariants["E17"] += 1
        assert self.seen.invariants["E17"], "E17: an order was taken from a key that may only read"
        assert self.venue.last_command == before, "E17: a key without the permission reached the engine"

    # ── what was known ───────────────────────────────────────────────────────────────────────────────────────────

    def remember(self) -> None:
        """What the book says now, to be asked again at the end (B18)."""
        book = self.open_book()
        now_ns = self.clock.now_ns()
        for user in self.play.collected:
            if self.random.random() < 0.5:
                self._known.append((str(user), now_ns, invariants.known(book, str(user), known_at_ns=now_ns)))
        book.close()
        self.book = None

    def recall(self, book: Book) -> None:
        for account, known_at_ns, answer in self._known:
            assert invariants.known(book, account, known_at_ns=known_at_ns) == answer, "B18"
            self.seen.invariants["B18"] += 1

    # ── the collector ────────────────────────────────────────────────────────────────────────────────────────────

    def open_book(self) -> Book:
        place = self._place(self.folder / "book.db")
        self.book = Book.open(place, now_ns=self.clock.now_ns, registry=self.registry, create=True)
        for user in self.play.collected:
            if str(user) not in [account.name for account in self.book.accounts()]:
                self.book.add_account(str(user), self.exchange.id, dialect=self.exchange.dialect, since_ns=OPENED_NS)
        return self.book

    async def collect(self, *, whole: bool, mortal: bool) -> bool:
        """A pass or a poll over all accounts in a process of its own; whether all of them came to their end. Raises
        nothing: a kill or a failure leaves what it leaves."""
        self._starts += 1
        self._mortal = mortal
        book = self.open_book()
        done = True
        try:
            for user in self.play.collected:
                done &= await self._collect_account(book, user, whole=whole)
        except Killed:
            self.seen.kills += 1
            done = False
        finally:
            book.close()
            self.book = None
        if not done:
            self.clock.pass_ns(60 * SECOND_NS)  # until the lease of the dead is over
        return done

    async def _collect_account(self, book: Book, user: int, *, whole: bool) -> bool:
        collector = Collector(
            book, self.source(user), clock=self.clock, holder=f"process {self._starts}", run=self._run
        )
        try:
            await collector.start()
            report = await (collector.full_pass() if whole else collector.poll())
            await collector.stop()
        except BookError:
            raise
        except NostroError:
            self.seen.failures += 1
            await collector.stop()
            return False
        self.seen.failures += len(report.failures)
        return not report.failures

    def source(self, user: int, transport: Transport | None = None) -> WireSource:
        login = self.venue.login_by_user(user)
        assert login is not None
        return WireSource(
            self.exchange, transport or Wire(self), account=str(user), url=self.url, clock=self.clock,
            credentials=Credentials(login.key, login.secret, extra=login.extra),
            randomness=random.Random(self._starts),
        )  # fmt: skip

    async def _run(self, work: Callable[[], ResultT]) -> ResultT:
        """The book's work; the process may die right before it, or right after it."""
        self._die()
        result = work()
        self._die()
        return result

    def _die(self) -> None:
        if self._mortal and self._kills_left and self.random.random() < 0.01:
            self._kills_left -= 1
            raise Killed


async def _life(world: World) -> None:
    play = world.play
    world.live(40)
    for user, permissions in play.collected.items():
        truth.give_key(world.venue, user, permissions)
    for number in range(PASSES):
        world.live(world.random.randrange(play.commands // PASSES // 2, play.commands * 3 // PASSES // 2))
        if world.random.random() < 0.25:
            world.restart_venue()
        await world.collect(whole=number % 3 == 0 or world.random.random() < 0.3, mortal=True)
        world.remember()
        await world.forbidden_write()
    if not world.seen.kills:  # at least one: nobody learns anything from a process that always ends well
        world.seen.kills += 1
        world.open_book().close()
    world.faults.plan = FaultPlan()
    world.seen.faults = Counter({str(kind): count for kind, count in world.faults.fired.items()})
    world.server = Server(world.exchange, world.venue)
    world.bustle = 0
    world.clock.pass_ns(120 * SECOND_NS)
    left_ns = HOUR_NS - world.clock.now_ns() % HOUR_NS
    if left_ns < HOUR_NS // 2:  # no interest accrues between the last look at the exchange and the comparison with it
        world.clock.pass_ns(left_ns + SECOND_NS)
    world.tick()
    world.quiet_ns = world.clock.now_ns()
    for _ in range(3):
        if await world.collect(whole=True, mortal=False):
            break


def counts(seen: Seen, play: Play = ALP) -> bool:
    """Whether a run had enough in it to show something."""
    return (
        seen.accepted >= ACCEPTED_MIN and seen.fills >= FILLS_MIN and all(seen.rows[name] for name in play.needed)
        and len(seen.faults) >= FAULT_KINDS_MIN and seen.kills + seen.venue_restarts >= 1
    )  # fmt: skip


def run(seed: int, folder: Path, *, place: Callable[[Path], Place] = directly, play: Play = ALP) -> Seen:
    """Lives one seed to its end, and asserts that the book is the venue. ``place``: where the book of a path is. Raises
    AssertionError."""
    world = World(seed, folder, place=place, play=play)
    try:
        asyncio.run(_life(world))
        book = world.open_book()
        state = hashlib.sha256()
        world.recall(book)
        for user in play.collected:
            world.seen.rows.update(play.compare(book, world.venue, user, now_ns=world.clock.now_ns()))
        world.seen.invariants.update(truth.prove(book))
        world.seen.invariants.update(invariants.check(book, world.random, now_ns=world.clock.now_ns()))
        for user in play.collected:
            world.seen.invariants.update(invariants.repeated(book, str(user), since_ns=world.quiet_ns))
        state.update(book.state_hash().encode())
        state.update(book.verify().head.encode())
        state.update(str(world.venue.engine.state_hash()).encode())
        world.seen.hash = state.hexdigest()
        book.close()
    finally:
        world.venue.close()
    return world.seen
