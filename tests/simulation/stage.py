"""Where lies are told and found out: one true life of the paper venue per seed, and, for each trial, a fresh book
and one collector that asks a liar. It decides how a trial is held and what is read from the book; which lies there
are, and what must be found, is said in ``test_lies.py``.
"""

from __future__ import annotations

import asyncio
import atexit
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from naive.workload import START_NS
from nostro.book.book import Book
from nostro.book.breaks import Break
from nostro.book.judgement import judged, lives
from nostro.collect.backfill import Collector
from nostro.collect.reports import Report
from nostro.domain.records import Fact, Interest, content
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.commands import Accepted, RequestWithdrawal
from nostro.link.declare import Exchange
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.wire import WireSource
from nostro.paper.faults import FaultPlan
from nostro.paper.venue.commands import AdvanceDeposit, AdvanceWithdrawal, Deposit
from simulation import truth
from simulation.campaign import FASTEST
from simulation.lies import MARGIN, TABLES, WINDOW_NS, Asked, Liar, Row, amount, place, put, text, time
from simulation.world import URL, World

ResultT = TypeVar("ResultT")

USER: Final = 1
ACCOUNT: Final = str(USER)
OPENED_NS: Final = START_NS - START_NS % DAY_NS - DAY_NS  # nothing happened before
COMMANDS: Final = 500
LIVES: Final = 4
SPAN_NS: Final = 3 * WINDOW_NS // 2  # of a life, at least: several windows that may be cut, and a past to forget
ATTRIBUTES: Final = {"address": "a123", "memo": "x"}
LATENCY_NS: Final = 20_000_000
STATES: Final = ("balance", "loan")
KINDS: Final = ("order", "fill", "entry", "transfer", "borrow", "repayment", "interest", "liquidation", *STATES)


def opened(name: str, dialect: str) -> Exchange:
    """The exchange, which opened right before the life began: so its history is known from the beginning."""
    return msgspec.structs.replace(exchange(name, dialect), opened_ns=OPENED_NS)


class Stage:
    """One life of the venue, and the book of one who was told the truth. Nothing happens there any more."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.world = World(seed, folder)
        self.world.faults.plan = FaultPlan()
        self.world.live(40)
        truth.give_key(self.world.venue, USER, ("read", "trade", "margin", "withdraw"))
        for number in range(LIVES):
            self.world.live(COMMANDS // LIVES)
            self._move_money(number)
            self._pause(OPENED_NS + (number + 1) * SPAN_NS // LIVES)
        self.world.clock.pass_ns(3 * DAY_NS)
        self.world.live(60)
        self.world.clock.pass_ns(600 * SECOND_NS)
        self.now_ns = self.world.clock.now_ns()
        self.exchange = opened("alp", self.world.exchange.dialect)
        self.folder = folder
        self._trials = 0
        self.margin: dict[str, list[Row]] = {name: [] for name in MARGIN}
        with self.trial() as trial:
            for name in MARGIN:
                trial.liar.answer(name, partial(self._remember, name))
            run(trial.full_pass())
            trial.liar.repent()
            assert not trial.open_breaks(), [each.text for each in trial.open_breaks()]
            self.facts = trial.facts()
            self.tables = {name: trial.table(name) for name in TABLES}
        self.chains: dict[tuple[str, ...], list[Row]] = {}
        for row in sorted(self.tables["activity"], key=lambda each: (time(each), int(text(each, "id")))):
            self.chains.setdefault(place(row), []).append(row)

    def _remember(self, table: str, rows: list[Row], asked: Asked) -> list[Row]:
        """Keeps every row once, with the asset that was asked for where it says none."""
        known = {text(row, "id") for row in self.margin[table]}
        for row in rows:
            if text(row, "id") not in known:
                self.margin[table].append(row if "currency" in row else put(row, "currency", asked["currency"]))
        return rows

    def _move_money(self, number: int) -> None:
        """A deposit and a withdrawal that come to their end, each of its own amount, and a deposit that does not."""
        more = Decimal(number) / 8
        deposit = self._done(Deposit(user=USER, asset="AAA", amount=more + 3, tx_hash=f"0x{number}"))
        self._done(AdvanceDeposit(deposit=deposit, status="confirmed"))
        leaving = RequestWithdrawal(method=11, amount=more + Decimal("0.75"), attributes=ATTRIBUTES)
        withdrawal = self._done(leaving, user=USER)
        for status in ("confirmed", "verified", "approved", "done"):
            self._done(AdvanceWithdrawal(withdrawal=withdrawal, status=status))
        self._done(Deposit(user=USER, asset="USD", amount=Decimal(number + 1)))

    def _pause(self, until_ns: int) -> None:
        """Nothing happens until then, where that is not over."""
        self.world.clock.pass_ns(max(0, until_ns - self.world.clock.now_ns()))

    def _done(self, command: Any, *, user: int = 0) -> int:
        """Carried out an hour later; the id of what it began."""
        self.world.clock.pass_ns(3600 * SECOND_NS)
        self.world.workload.count += 1
        answer = self.world.venue.carry_out(command, user=user, command_id=self.world.workload.count).answer
        assert isinstance(answer, Accepted), answer
        return answer.ids[0] if answer.ids else 0

    @contextmanager
    def trial(self, *, knowing: bool = False) -> Iterator[Trial]:
        """A trial from the beginning, or, ``knowing``, from the book of one who was told the truth so far."""
        folder = self.folder / (f"trial {self._trials}" if self._trials else "true")
        self._trials += 1
        folder.mkdir()
        if knowing:
            for each in (self.folder / "true").iterdir():
                (shutil.copytree if each.is_dir() else shutil.copy)(each, folder / each.name)
        trial = Trial(self, folder)
        try:
            run(trial.collector.start())
            yield trial
            run(trial.collector.stop())
        finally:
            trial.book.close()
            if folder.name != "true":
                shutil.rmtree(folder)


class Wire:
    """Carries requests to the liar; each takes a moment."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    async def send(self, request: HttpRequest) -> HttpAnswer:
        clock = self._trial.stage.world.clock
        self._trial.requests += 1
        interruption = self._trial.interruptions.pop(self._trial.requests, None)
        if interruption is not None:
            await interruption()
        clock.pass_ns(LATENCY_NS)
        answer = self._trial.liar.handle(request)
        clock.pass_ns(LATENCY_NS)
        return answer

    async def close(self) -> None:
        return None


class Trial:
    """One book, one collector, one liar."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        clock = stage.world.clock
        clock.pass_ns(stage.now_ns - clock.now_ns())
        self.requests = 0
        self.interruptions: dict[int, Callable[[], Awaitable[None]]] = {}  # before the request of that number
        self.liar = Liar(stage.world.server, since_ns=OPENED_NS, now_ns=clock.now_ns)
        self.book = self.open_book()
        self.collector = self.collect("trial")

    def open_book(self) -> Book:
        path = self.folder / "book.db"
        book = Book.open(path, now_ns=self.stage.world.clock.now_ns, registry=opened, create=True)
        if not book.accounts():
            book.add_account(ACCOUNT, "alp", dialect=self.stage.exchange.dialect, since_ns=OPENED_NS)
        return book

    def collect(self, holder: str, book: Book | None = None) -> Collector:
        return Collector(book or self.book, self.source(), clock=self.stage.world.clock, holder=holder)

    def source(self) -> WireSource:
        login = self.stage.world.venue.login_by_user(USER)
        assert login is not None
        return WireSource(
            self.stage.exchange, Wire(self), account=ACCOUNT, credentials=Credentials(login.key, login.secret), url=URL,
            clock=self.stage.world.clock, randomness=random.Random(1),
        )  # fmt: skip

    def table(self, name: str) -> list[Row]:
        """The exchange's true rows."""
        self.liar.lie(name, lambda rows: rows)
        ask = self.stage.exchange.ask(TABLES[name].stream)
        assert ask is not None
        side = {"BID": "buy", "ASK": "sell"}.get(TABLES[name].side)
        where = {"side": side} if side else {}
        run(self.source().ask(ask.capability, where) if ask.stream is None else self._sweep(ask.stream.name))
        self.liar.repent()
        return [dict(row) for row in self.liar._tables[name]]

    async def _sweep(self, stream: str) -> None:
        now_ns = self.stage.world.clock.now_ns()
        async for _ in self.source().sweep(stream, now_ns - SECOND_NS, now_ns, {}):
            pass

    # ── what is done ─────────────────────────────────────────────────────────────────────────────────────────────

    async def full_pass(self) -> Report:
        return await self.collector.full_pass()

    async def again(self) -> Report:
        """Reads everything once more."""
        return await self.collector.again(OPENED_NS, self.stage.world.clock.now_ns())

    def found_out(self, *, knowing: bool) -> None:
        """The collector goes on while the exchange lies, until all that was said has settled: a transfer's entry may
        come a day after it, and a borrowing that is open may say more or less than the rows of its last day until it is
        seen once more."""
        run(self.again() if knowing else self.full_pass())
        self.stage.world.clock.pass_ns(26 * 3600 * SECOND_NS)
        run(self.collector.poll())
        for row in self.stage.margin["borrows"]:
            if amount(row, "repaid") < amount(row, "borrowed"):
                run(self.collector.again(time(row), time(row) + SECOND_NS))

    def told_the_truth(self) -> None:
        """The exchange repents, and everything is read once more."""
        self.liar.repent()
        run(self.again())
        self.stage.world.clock.pass_ns(300 * SECOND_NS)
        run(self.collector.poll())

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────

    def open_breaks(self) -> list[Break]:
        return [life.value for life in lives(self.book, ACCOUNT).values() if life.state == "open"]

    def explained(self) -> list[Break]:
        return [life.value for life in lives(self.book, ACCOUNT).values() if life.state == "explained"]

    def fresh_breaks(self) -> list[Break]:
        """What one finds who never judged before."""
        return list(judged(self.book, ACCOUNT, until_ns=self.stage.world.clock.now_ns()).breaks)

    def facts(self) -> Counter[tuple[str, bytes]]:
        """The content of every live row, however it was learned."""
        found: Counter[tuple[str, bytes]] = Counter()
        for kind in KINDS:
            rows: Any = self.book.latest_states(kind, ACCOUNT) if kind in STATES else self.book.facts(kind, ACCOUNT)
            found.update((kind, _content(row)) for row in rows)
        return found

    def holes(self) -> list[tuple[str, int, int]]:
        """What is not proven, but for the last minute."""
        until_ns = self.stage.now_ns - 60 * SECOND_NS
        return [
            (tile.stream, tile.since_ns, tile.until_ns)
            for stream in self.stage.exchange.streams
            for tile in self.book.coverage(ACCOUNT, stream.name, since_ns=OPENED_NS, until_ns=until_ns)
            if tile.status != "proven"
        ]


def _content(fact: Fact) -> bytes:
    """All but when a state was seen, and how narrowly it is known when interest accrued."""
    if isinstance(fact, Interest):
        fact = msgspec.structs.replace(fact, effective_ns=0, until_ns=0)
    return content(msgspec.structs.replace(fact, effective_ns=0) if fact.kind in STATES else fact)


def run(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    return asyncio.run(work)


@cache
def stage(seed: int) -> Stage:
    """The life of that seed, lived once for all tests of this process; its folder goes when the process does."""
    folder = Path(tempfile.mkdtemp(prefix="nostro-stage-", dir=FASTEST if FASTEST.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Stage(seed, folder)
