"""A collector that is killed with SIGKILL, again and again, by the process that started it. It decides when a kill
comes, where it struck, and what must hold after it; the campaign and its small version in the tests print and judge.

The processes are forked from one that has everything imported. They share a clock, which jumps where somebody waits,
and the byte that says what the collector is doing.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self

import msgspec

from nostro.book.book import Book
from nostro.book.store import Head, Place, Store
from nostro.collect.backfill import Collector
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.errors import BookError, Unreachable
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.transport import AiohttpTransport
from nostro.link.view import Login
from nostro.link.wire import WireSource
from nostro.paper.history import generate
from nostro.paper.listen import listen
from nostro.paper.server import Server
from nostro.paper.venue.venue import Venue
from servers import Server as BookServer
from simulation import truth

MONTHS: Final = 6
AIMED_SHARE: Final = 1 / 3
SERVER_SHARE: Final = 1 / 6  # of a server's book
STEPS_MAX: Final = 6  # an aimed kill comes at one of the first so many times that its stage is entered
ALP: Final = exchange("alp")


class Stage(IntEnum):
    """What the collector was doing."""

    OPENING = 0
    ASKING = 1
    READING = 2
    FOLDING = 3
    COMMITTING = 4
    COMMITTED = 5
    ANCHORING = 6
    ANCHORED = 7
    ACKNOWLEDGED = 8
    JUDGING = 9
    DONE = 10

    @property
    def shown(self) -> str:
        return _SHOWN[self]


_SHOWN: Final = {
    Stage.OPENING: "opening the book", Stage.ASKING: "waiting for an answer", Stage.READING: "reading an answer",
    Stage.FOLDING: "inside a transaction", Stage.COMMITTING: "in its commit", Stage.COMMITTED: "committed, no anchor",
    Stage.ANCHORING: "writing the anchor", Stage.ANCHORED: "anchored, not said", Stage.ACKNOWLEDGED: "acknowledged",
    Stage.JUDGING: "reconciling", Stage.DONE: "done",
}  # fmt: skip


class Seen(msgspec.Struct, kw_only=True):
    """What came of it. ``timed`` and ``aimed``: kills by stage; ``with_server``: those of the book's server too.
    ``lost``: acknowledged pages that are gone. ``doubled``: rows that the exchange does not have, or not so often.
    ``broken``: books that did not open or verify. ``unequal``: finished books that are not the exchange. ``faults``:
    what was said about these."""

    timed: Counter[Stage] = msgspec.field(default_factory=Counter)
    aimed: Counter[Stage] = msgspec.field(default_factory=Counter)
    with_server: Counter[Stage] = msgspec.field(default_factory=Counter)
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    broken: int = 0
    unequal: int = 0
    faults: list[str] = []
    books: int = 0
    rows: int = 0
    seconds: float = 0.0

    @property
    def kills(self) -> int:
        return self.timed.total() + self.aimed.total() + self.with_server.total()

    def stages_hit(self) -> int:
        return len(self.timed | self.aimed | self.with_server)


class Shared:
    """Memory that all processes see: the stage, and by how much the clock has jumped."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 4096)

    @property
    def stage(self) -> Stage:
        return Stage(self._memory[0])

    @stage.setter
    def stage(self, stage: Stage) -> None:
        self._memory[0] = stage

    @property
    def jumped_ns(self) -> int:
        return int.from_bytes(self._memory[8:16], "little")

    @jumped_ns.setter
    def jumped_ns(self, jumped_ns: int) -> None:
        self._memory[8:16] = jumped_ns.to_bytes(8, "little")

    def now_ns(self) -> int:
        return time.time_ns() + self.jumped_ns

    async def sleep(self, pause_s: float) -> None:
        self.jumped_ns += int(pause_s * SECOND_NS)
        await asyncio.sleep(0)


class Killing:
    """An exchange in a process of its own, and books that grow under fire, one after the other."""

    def __init__(
        self, folder: Path, rows: int, *, seed: int, early: bool = False, server: BookServer | None = None
    ) -> None:  # fmt: skip
        """``early``: the control, a collector that acknowledges before its commit. ``server``: where the books are, and
        what is killed with the collector now and then; None: in files."""
        self._folder = folder
        self._server = server
        self._early = early
        self._random = random.Random(f"kills {seed}")
        self._shared = Shared()
        self._seen = Seen()
        _in_child(lambda: _make_venue(folder, rows, until_ns=self._shared.now_ns()))
        with Venue.open(folder / "venue.db", now_ns=self._shared.now_ns, create=False) as venue:
            self._login = venue.logins()[0]
            self._truth = truth.of_venue(venue, self._login.user)
        self._origin = ""
        self._exchange = self._serve()
        self._book = 0
        self._span_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self._exchange, signal.SIGKILL)
        os.waitpid(self._exchange, 0)

    def run(self, kills: int) -> Seen:
        """Kills so often; every book that was begun is finished."""
        began_s = time.monotonic()
        self._calibrate()
        while self._seen.kills < kills:
            if self._strike():
                self._finish()
        while not self._pass(None, None):
            self._check()
        self._finish()
        self._seen.seconds = time.monotonic() - began_s
        return self._seen

    # ── one collector ────────────────────────────────────────────────────────────────────────────────────────────

    def _calibrate(self) -> None:
        """How long an undisturbed pass takes; its book counts as finished too."""
        began_s = time.monotonic()
        assert self._pass(None, None), "an undisturbed pass did not end"
        self._span_s = time.monotonic() - began_s
        self._finish()

    def _strike(self) -> bool:
        """A collector that is killed; whether it was done before."""
        if self._server is not None and self._random.random() < SERVER_SHARE:
            done = self._pass(None, self._random.uniform(0, self._span_s), server=True)
            kills = self._seen.with_server
        elif self._random.random() < AIMED_SHARE:
            stage = self._random.choice(list(Stage)[:-1])
            steps = 1 if stage in (Stage.OPENING, Stage.JUDGING) else self._random.randrange(1, STEPS_MAX)
            done = self._pass((stage, steps), None)
            kills = self._seen.aimed
        else:
            done = self._pass(None, self._random.uniform(0, self._span_s))
            kills = self._seen.timed
        if not done:
            kills[self._shared.stage] += 1
        self._check()
        return done

    def _pass(self, aimed: tuple[Stage, int] | None, after_s: float | None, *, server: bool = False) -> bool:
        """One collector process from its start to its end; whether it came to the end of its pass. ``server``: the
        server of the book is killed too, before it."""
        self._shared.stage = Stage.OPENING
        process = os.fork()
        if not process:
            staged = _Staged(self._shared, aimed, early=self._early)
            leave(lambda: self._collect(staged, server=server))
        if after_s is not None:
            time.sleep(after_s)
            if server:
                assert self._server is not None
                self._server.kill()
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        if server:
            assert self._server is not None
            self._server.start()
        if self._shared.stage is Stage.DONE:
            return True
        assert server or os.WIFSIGNALED(status), f"the collector failed with {status}"
        return False

    def _collect(self, staged: _Staged, *, server: bool) -> None:
        """``server``: it goes away meanwhile."""
        with suppress(Unreachable) if server else nullcontext():
            _collect(self._shared, self._place, self._log, origin=self._origin, login=self._login, staged=staged)

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._book}.db"

    @property
    def _place(self) -> Place:
        return self._path if self._server is None else self._server.place(self._path)

    @property
    def _log(self) -> Path:
        return self._path.with_suffix(".log")

    # ── what must hold ───────────────────────────────────────────────────────────────────────────────────────────

    def _check(self) -> None:
        """After a kill: what was acknowledged is there, nothing is there twice, and the chain holds."""
        lines = self._log.read_text().split("\n")[:-1] if self._log.exists() else []  # the last line may be half
        try:
            with self._opened(create=not lines) as book:
                if not book.accounts():
                    self._seen.lost += bool(lines)
                    return
                book.verify()
                rows = truth.held(book, str(self._login.user))
        except BookError as error:
            self._seen.faults.append(f"{self._path.name}: {error}")
            self._seen.broken += 1
            return
        self._seen.acknowledged += len(lines)
        self._seen.lost += self._missing(lines)
        self._seen.doubled += sum((rows[name] - self._truth[name]).total() for name in rows)

    def _missing(self, lines: list[str]) -> int:
        """How many acknowledged pages are not there, with the hash that was acknowledged."""
        with closing(Store(self._place, read_only=True)) as store, store.reading():
            stored = dict(store.rows("SELECT seq, hash FROM page"))
        said = [line.split() for line in lines]
        return sum(1 for seq, hashed in said if stored.get(int(seq), b"").hex() != hashed)

    def _finish(self) -> None:
        """A pass came to its end: the book is the exchange, and follows from its pages. Then begins another one."""
        with self._opened() as book:
            try:
                assert truth.held(book, str(self._login.user)) == self._truth
                before = book.state_hash()
                book.verify()
                assert not book.rebuild().changes
                assert book.state_hash() == before
                self._seen.rows += sum(count.total() for count in self._truth.values())
            except AssertionError as error:
                self._seen.faults.append(f"{self._path.name}: {error}")
                self._seen.unequal += 1
        for path in self._folder.glob(f"{self._book}.db*"):
            if path.is_file():
                path.unlink()
        if self._server is not None:
            self._server.forget()
        self._seen.books += 1
        self._book += 1

    def _opened(self, *, create: bool = False) -> Book:
        return Book.open(self._place, create=create, now_ns=self._shared.now_ns, registry=exchange)

    # ── the exchange ─────────────────────────────────────────────────────────────────────────────────────────────

    def _serve(self) -> int:
        """Starts the server in a process of its own, and waits for its address."""
        reading, writing = os.pipe()
        process = os.fork()
        if not process:
            os.close(reading)
            leave(lambda: asyncio.run(_serve(self._folder, self._shared, writing)))
        os.close(writing)
        with os.fdopen(reading) as said:
            self._origin = said.readline().strip()
        assert self._origin, "the exchange did not start"
        return process


# ── in processes of their own ────────────────────────────────────────────────────────────────────────────────────────


def leave(work: Callable[[], Any]) -> NoReturn:
    """Does the work of a forked process, and ends it without anything of its parent's."""
    status = 1
    try:
        work()
        status = 0
    except BaseException:  # noqa: BLE001 - it is shown, and the parent fails
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


def _in_child(work: Callable[[], None]) -> None:
    process = os.fork()
    if not process:
        leave(work)
    _, status = os.waitpid(process, 0)
    assert status == 0


def _make_venue(folder: Path, rows: int, *, until_ns: int) -> None:
    with Venue.open(folder / "venue.db", now_ns=time.time_ns, seed=7) as venue:
        generate(venue, until_ns=until_ns - 600 * SECOND_NS, months=MONTHS, rows=rows)


async def _serve(folder: Path, shared: Shared, writing: int) -> None:
    venue = Venue.open(folder / "venue.db", now_ns=shared.now_ns, create=False)
    listener = await listen(Server(ALP, venue).handle)
    os.write(writing, f"{listener.origin}\n".encode())
    os.close(writing)
    await asyncio.Event().wait()


class _Staged:
    """Says what the collector does, and kills it at an aimed step."""

    def __init__(self, shared: Shared, aimed: tuple[Stage, int] | None, *, early: bool) -> None:
        self._shared = shared
        self._early = early
        self._stage, self._steps = aimed or (None, 0)

    def __call__(self, stage: Stage) -> None:
        self._shared.stage = stage
        if stage is self._stage:
            self._steps -= 1
            if self._steps == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, book: Book, log: int) -> None:
        """Stages inside the book; each append is acknowledged in the log once it has returned."""
        store, append = book._store, book.append
        move_head = store.move_head

        def acknowledge(head: Head) -> None:
            os.write(log, f"{head.seq} {head.hash.hex()}\n".encode())

        def watched_append(*given: Any) -> Any:
            appended = append(*given)
            acknowledge(appended.head)
            self(Stage.ACKNOWLEDGED)
            return appended

        def early_move_head(*given: Any, **named: Any) -> None:
            move_head(*given, **named)
            acknowledge(named["new"])

        book.append = watched_append  # type: ignore[method-assign]
        if self._early:
            store.move_head = early_move_head  # type: ignore[method-assign]
        watch(book, self)


def watch(book: Book, pass_by: Callable[[Stage], object]) -> None:
    """Has the stages of a book's write transactions said, each when it begins."""
    store, anchors = book._store, book._anchors
    writing, write, commit = store.writing, anchors.write, store.engine.commit

    @contextmanager
    def watched_writing() -> Iterator[None]:
        with writing():
            pass_by(Stage.FOLDING)
            yield
        pass_by(Stage.COMMITTED)

    def watched_write(*given: Any) -> None:
        pass_by(Stage.ANCHORING)
        write(*given)
        pass_by(Stage.ANCHORED)

    def watched_commit() -> None:
        pass_by(Stage.COMMITTING)
        commit()

    store.writing = watched_writing  # type: ignore[method-assign]
    anchors.write = watched_write  # type: ignore[method-assign]
    store.engine.commit = watched_commit  # type: ignore[method-assign]


class _StagedTransport(AiohttpTransport):
    def __init__(self, staged: _Staged) -> None:
        super().__init__()
        self._staged = staged

    async def send(self, request: HttpRequest) -> HttpAnswer:
        self._staged(Stage.ASKING)
        answer = await super().send(request)
        self._staged(Stage.READING)
        return answer


def _collect(shared: Shared, place: Place, said: Path, *, origin: str, login: Login, staged: _Staged) -> None:
    staged(Stage.OPENING)
    book = Book.open(place, create=True, now_ns=shared.now_ns, registry=exchange)
    log = os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    staged.watch(book, log)
    name = str(login.user)
    if not book.accounts():
        since_ns = shared.now_ns() - (MONTHS * 30 + 2) * DAY_NS
        book.add_account(name, ALP.id, dialect=ALP.dialect, since_ns=since_ns)
    source = WireSource(
        ALP, _StagedTransport(staged), account=name, credentials=Credentials(login.key, login.secret),
        url=f"{origin}/api/v3", clock=shared, randomness=random.Random(1),
    )  # fmt: skip
    collector = Collector(book, source, clock=shared, holder="kills")
    judge = collector._judge.judge

    def watched_judge(*given: Any, **named: Any) -> Any:
        staged(Stage.JUDGING)
        return judge(*given, **named)

    collector._judge.judge = watched_judge  # type: ignore[method-assign]
    asyncio.run(_whole(collector, source))
    book.close()
    with suppress(OSError):
        os.close(log)
    staged(Stage.DONE)


async def _whole(collector: Collector, source: WireSource) -> None:
    await collector.start()
    report = await collector.full_pass()
    assert not report.failures, report.failures
    await collector.stop()
    await source.close()
