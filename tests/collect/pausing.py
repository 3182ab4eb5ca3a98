"""Two collectors of one account, of which one is paused with SIGSTOP and woken after the other has taken over its
lease. It decides when a pause comes, and what must hold after it; the campaign and its small version in the tests print
and judge.

Each collector looks how far the book goes, asks for what comes next (a window of a small exchange, two pages), and
appends it. One that is paused anywhere between these steps and goes on as if nothing had happened would append windows
that are there already. The processes share a clock, which jumps over the lease while one of them is paused.
"""

from __future__ import annotations

import mmap
import os
import random
import select
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from book.world import ACCOUNT, T0, entry, fill, sweep
from collect.killing import Shared, Stage, leave, watch
from nostro import limits
from nostro.book import anchor
from nostro.book.anchor import Anchors
from nostro.book.book import Book, Lease
from nostro.book.store import AccountRow, Store
from nostro.domain.values import SECOND_NS
from nostro.errors import Conflict, Fenced

AIMED_SHARE: Final = 1 / 2
# Each with how often it is passed by in one round: an anchor is opened, written, synced.
AIMS: Final = (
    (Stage.ASKING, 1), (Stage.FOLDING, 1), (Stage.COMMITTING, 1), (Stage.COMMITTED, 1), (Stage.ANCHORING, 3),
    (Stage.ANCHORED, 1), (Stage.ACKNOWLEDGED, 1),
)  # fmt: skip
WAIT_S: Final = 20.0  # for anything that must come
LOCKED_OUT_S: Final = 0.15  # after which a paused holder is taken to keep the other one out
WINDOW_PAGES: Final = 2
WINDOW_S: Final = 6 * 3_600

Opened = Callable[[Callable[[], int]], Book]  # the book of the trial, made if it is not there, on a clock


class Seen(msgspec.Struct, kw_only=True):
    """What came of it. ``pauses`` by what the collector was doing; ``takeovers``: those in which the other one took the
    lease; ``fenced``: those after which the woken one was refused and had written nothing; ``locked_out``: those that
    kept the other one out until they ended. ``doubled``: windows more than once in the journal; ``stale``: pages of an
    older lease behind those of a newer one; ``lost``: acknowledged pages that are gone; ``wrong``: rows too many, too
    few, or not as their pages say; ``behind``: how often the anchor was older than what both had acknowledged."""

    pauses: Counter[str] = msgspec.field(default_factory=Counter)
    takeovers: int = 0
    fenced: int = 0
    locked_out: int = 0
    windows: int = 0
    acknowledged: int = 0
    doubled: int = 0
    stale: int = 0
    lost: int = 0
    wrong: int = 0
    behind: int = 0
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return self.fenced == self.takeovers and not (
            self.doubled or self.stale or self.lost or self.wrong or self.behind
        )


class Said(msgspec.Struct):
    """One line of a collector: ``took`` a lease, ``wrote`` a window, or was ``fenced``."""

    what: str
    token: int
    seq: int = 0
    hash: str = ""


class Collector:
    """A process, its lines, and what it is doing: a byte of memory that it shares; two more say where it is to stop."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process = 0
        self.lines = b""
        self.reading = -1
        self._memory = mmap.mmap(-1, 4096)

    @property
    def stage(self) -> Stage:
        return Stage(self._memory[0])

    def stop_at(self, stage: Stage, steps: int) -> None:
        """It stops itself when it comes to this stage for the so manieth time."""
        self._memory[2] = steps
        self._memory[1] = 1 + stage

    def pass_by(self, stage: Stage) -> None:
        self._memory[0] = stage
        if self._memory[1] == 1 + stage:
            self._memory[2] -= 1
            if not self._memory[2]:
                self._memory[1] = 0
                os.kill(os.getpid(), signal.SIGSTOP)

    def said(self, *, timeout_s: float) -> Said | None:
        """Its next line; None where there is none in time."""
        until_s = time.monotonic() + timeout_s
        while b"\n" not in self.lines:
            ready, _, _ = select.select([self.reading], [], [], max(0.0, until_s - time.monotonic()))
            read = os.read(self.reading, 65_536) if ready else b""
            if not read:
                return None
            self.lines += read
        line, _, self.lines = self.lines.partition(b"\n")
        return msgspec.json.decode(line, type=Said)

    def take_back(self, said: Said) -> None:
        """It is its next line again."""
        self.lines = msgspec.json.encode(said) + b"\n" + self.lines


class Pausing:
    """Two collectors of one book, and one pause after the other."""

    def __init__(self, opened: Opened, path: Path, *, seed: int, fence: bool = True) -> None:
        """``path``: where the book's anchors are. ``fence``: False for the control, which moves the head without
        looking whose the lease is."""
        self._opened = opened
        self._path = path
        self._fence = fence
        self._random = random.Random(f"pausing {seed}")
        self._clock = Shared()
        self._seen = Seen()
        self._acknowledged: dict[int, str] = {}
        with opened(self._now_ns) as book:
            book.add_account(ACCOUNT, "small", dialect="bare", since_ns=T0)
        self._both = (Collector(0), Collector(1))
        for each in self._both:
            self._start(each)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._both:
            self._end(each)

    def _now_ns(self) -> int:
        return self._clock.now_ns()

    def run(self, pauses: int) -> Seen:
        """So many pauses in which the other one takes over; those that lock it out come on top."""
        began_s = time.monotonic()
        holder = self._first()
        while self._seen.takeovers < pauses:
            holder = self._pause(holder)
        for each in self._both:
            self._end(each)
        self._judge()
        self._seen.seconds = time.monotonic() - began_s
        return self._seen

    def _first(self) -> Collector:
        """Who came first."""
        reading = [each.reading for each in self._both]
        ready, _, _ = select.select(reading, [], [], WAIT_S)
        first = self._both[reading.index(ready[0])]
        self._must(first, "took")
        return first

    # ── one pause ────────────────────────────────────────────────────────────────────────────────────────────────

    def _pause(self, holder: Collector) -> Collector:
        """Pauses who holds the lease; who holds it afterwards."""
        other = self._both[1 - holder.number]
        self._must(holder, "wrote")
        self._stop(holder)
        self._seen.pauses[holder.stage.shown] += 1
        self._clock.jumped_ns += (limits.LEASE_S + 1) * SECOND_NS
        took = other.said(timeout_s=LOCKED_OUT_S)
        if took is not None:
            self._note(took, "took")
            for _ in range(self._random.randint(1, 3)):
                self._must(other, "wrote")
        os.kill(holder.process, signal.SIGCONT)
        if took is None and self._stays(holder, other):
            self._seen.locked_out += 1
            return holder
        self._seen.takeovers += 1
        self._woken(holder)
        self._seen.behind += Anchors(self._path).read()[ACCOUNT].seq < max(self._acknowledged)
        return other

    def _stop(self, holder: Collector) -> None:
        if self._random.random() < AIMED_SHARE:
            stage, steps = self._random.choice(AIMS)
            holder.stop_at(stage, self._random.randint(1, steps))
        else:
            time.sleep(self._random.uniform(0, 0.01))
            os.kill(holder.process, signal.SIGSTOP)
        _, status = os.waitpid(holder.process, os.WUNTRACED)
        assert os.WIFSTOPPED(status), f"a collector ended with {status}"
        while said := holder.said(timeout_s=0):
            self._note(said, "wrote")

    def _stays(self, holder: Collector, other: Collector) -> bool:
        """Whether one that kept the other one out while it was paused has the lease still: its first page renews it,
        its second shows that it was renewed in time."""
        wrote = 0
        while wrote < 2:
            if (said := other.said(timeout_s=0.005)) is not None:
                self._note(said, "took")
                return False
            if (said := holder.said(timeout_s=0.005)) is not None:
                if said.what == "fenced":  # what the other one says of it is on its way
                    self._must(other, "took")
                    holder.take_back(said)
                    return False
                self._note(said, "wrote")
                wrote += 1
        return True

    def _woken(self, woken: Collector) -> None:
        """It may still say what it wrote before the other one took over; then it must find out. The control does not,
        and would write on for ever."""
        wrote = 0
        while (said := woken.said(timeout_s=WAIT_S)) is not None:
            if said.what == "fenced":
                self._seen.fenced += 1
                return
            self._note(said, "wrote")
            wrote += 1
            if wrote == 2:
                self._end(woken)
                self._start(woken)
                return
        message = "a woken collector says nothing"
        raise AssertionError(message)

    def _must(self, collector: Collector, what: str) -> None:
        said = collector.said(timeout_s=WAIT_S)
        assert said is not None, f"{what} was expected, and nothing came"
        self._note(said, what)

    def _note(self, said: Said, expected: str) -> None:
        assert said.what == expected, f"{expected} was expected, not {said}"
        if said.what == "wrote":
            self._acknowledged[said.seq] = said.hash

    # ── what must hold ───────────────────────────────────────────────────────────────────────────────────────────

    def _judge(self) -> None:
        """The book has every window once, in the order of the leases, and every acknowledged page."""
        windows, token, stored = Counter[int](), 0, dict[int, str]()
        with self._opened(self._now_ns) as book:
            book.verify()
            with book._store.reading():
                stored = {seq: hashed.hex() for seq, hashed in book._store.rows("SELECT seq, hash FROM page")}
            for entered in book.journal(ACCOUNT):
                first = msgspec.json.decode(entered.page.body)[0]
                self._seen.stale += first["token"] < token
                token = first["token"]
                windows[first["window"]] += 1
            for kind, rows in (("entry", _entries), ("fill", _fills)):
                expected = sum(len(rows(window)) for window in windows)
                self._seen.wrong += abs(sum(1 for _ in book.facts(kind, ACCOUNT)) - expected)
            before = book.state_hash()
            self._seen.wrong += bool(book.rebuild().changes) or book.state_hash() != before
        self._seen.windows = len(windows)
        self._seen.acknowledged = len(self._acknowledged)
        self._seen.doubled = sum(pages - WINDOW_PAGES for pages in windows.values() if pages > WINDOW_PAGES)
        self._seen.lost = sum(1 for seq, hashed in self._acknowledged.items() if stored.get(seq) != hashed)
        self._seen.lost += len(set(range(max(windows))) - windows.keys())

    # ── the processes ────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, collector: Collector) -> None:
        collector.reading, writing = os.pipe()
        collector.lines = b""
        collector.process = os.fork()
        if not collector.process:
            leave(lambda: self._collect(collector, writing))
        os.close(writing)

    def _end(self, collector: Collector) -> None:
        if collector.process:
            os.kill(collector.process, signal.SIGKILL)
            os.waitpid(collector.process, 0)
            os.close(collector.reading)
            collector.process = 0

    def _collect(self, collector: Collector, writing: int) -> None:
        def say(said: Said) -> None:
            os.write(writing, msgspec.json.encode(said) + b"\n")

        chance = random.Random(collector.number)
        with self._opened(self._now_ns) as book:
            watch(book, collector.pass_by)
            sync_data = anchor.sync_data

            def synced(descriptor: int) -> None:
                collector.pass_by(Stage.ANCHORING)
                sync_data(descriptor)
                collector.pass_by(Stage.ANCHORING)

            anchor.sync_data = synced
            if not self._fence:
                unfenced(book._store)
            while True:
                try:
                    lease = book.acquire(ACCOUNT, f"collector {collector.number}")
                except Conflict:
                    time.sleep(0.002)
                    continue
                say(Said("took", lease.token))
                try:
                    while True:
                        window = book.head_seq(ACCOUNT) // WINDOW_PAGES
                        collector.pass_by(Stage.ASKING)
                        time.sleep(chance.uniform(0, 0.003))
                        head = book.append(lease, pages(window, lease.token)).head
                        say(Said("wrote", lease.token, head.seq, head.hash.hex()))
                        collector.pass_by(Stage.ACKNOWLEDGED)
                except Fenced:
                    say(Said("fenced", lease.token))


def unfenced(store: Store) -> None:
    """The control: the head is moved whosever the lease is."""
    move_head = store.move_head

    def moved(account: AccountRow, lease: Lease, **named: Any) -> None:
        token = store._chain("token", account.id)[0]
        move_head(account, lease._replace(token=token), **named)

    store.move_head = moved  # type: ignore[method-assign]


def pages(window: int, token: int) -> list[Any]:
    """What the exchange answers for one window: rows with ids, and rows without."""
    since_ns, until_ns = (T0 + number * WINDOW_S * SECOND_NS for number in (window, window + 1))
    bounds: dict[str, Any] = {"since_ns": since_ns, "until_ns": until_ns, "received_ns": until_ns, "rows": 50}
    marks = {"window": window, "token": token}
    return [
        page
        for stream, rows in (("entries", _entries(window)), ("fills", _fills(window)))
        for page in sweep(stream, [row | marks for row in rows], **bounds)
    ]


def _entries(window: int) -> list[dict[str, Any]]:
    return [entry(window * WINDOW_S + at, f"{window}-{at}", "1.5") for at in range(3)]


def _fills(window: int) -> list[dict[str, Any]]:
    return [fill(window * WINDOW_S + 5, amount="2") for _ in range(2)]
