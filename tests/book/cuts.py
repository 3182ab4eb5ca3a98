"""A book and a venue's journal under power cuts: programs that write to one, as a collector and a paper exchange do,
and say what is acknowledged; and what must be found on every disk that a cut may leave. The campaign and its small
version in the tests count and judge; what a disk forgets is decided in ``power.py``."""

from __future__ import annotations

import os
import random
import shutil
import sys
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from book import older, power
from book.world import ACCOUNT, T0, Clock, entry, exchange, fill, order, page, sweep
from nostro import errors
from nostro.book import anchor, proof
from nostro.book.anchor import Anchors
from nostro.book.backup import restore
from nostro.book.book import Book
from nostro.book.pages import decompress, page_of_ours, parse
from nostro.book.store import Store
from nostro.domain.values import SECOND_NS
from nostro.exchanges import exchange as known_exchange
from nostro.paper.venue.venue import Venue

BOOK: Final = "b.db"
VENUE: Final = "venue.db"
ROWS: Final = tuple(older.KNOWN["rows"].items())
ROUTE: Final = "nostro:decision"
LATER_NS: Final = T0 + 10**15
REBUILT_EVERY = 40  # image: folded again, to the same hash
CONTINUED_EVERY = 10  # image: appended to, closed, opened again and verified


# ── the programs that are recorded ───────────────────────────────────────────────────────────────────────────────────


def collect(folder: Path, *, seed: int, commits: int, synchronous: str, anchor_synced: bool) -> None:
    """Appends to a new book, and says each page when it is acknowledged. ``synchronous`` other than FULL, and an anchor
    that is not synced, are the controls."""
    chance = random.Random(f"cuts {seed}")
    if not anchor_synced:
        os.fsync = anchor.sync_data = lambda descriptor: None  # type: ignore[assignment]
    number = 0
    while number < commits:
        with Book.open(folder / BOOK, create=True, now_ns=Clock(T0 + number), registry=exchange) as book:
            book._store.engine.connection.pragma("synchronous", synchronous)
            book._store.engine.connection.pragma("wal_autocheckpoint", chance.choice((8, 30, 200)))
            if not book.accounts():
                book.add_account(ACCOUNT, "small", dialect="bare", since_ns=T0)
                say("account")
            lease = book.acquire(ACCOUNT, "cuts")
            for _ in range(min(commits - number, chance.randrange(3, 15))):
                number += 1
                appended = book.append(lease, some_pages(number, chance))
                say(f"{appended.head.seq} {appended.head.hash.hex()}")
                if chance.random() < 0.15:
                    book.leave(ACCOUNT, page_of_ours(ROUTE, f"left {number}".encode(), now_ns=T0), holder="other")
                    say(f"left {number}")
                if chance.random() < 0.15:
                    head = book.empty_inbox(lease).head
                    say(f"{head.seq} {head.hash.hex()}")
                if chance.random() < 0.02:
                    book.rebuild()


def trade(folder: Path, *, seed: int, commits: int, synchronous: str, anchor_synced: bool) -> None:
    """Carries out commands in a new venue, and says each when it is answered."""
    chance = random.Random(f"cuts {seed}")
    done = 0
    while done < commits:
        with Venue.open(folder / VENUE, now_ns=Clock(T0 + done), seed=seed) as venue:
            venue._journal.connection.pragma("synchronous", synchronous)
            venue._journal.connection.pragma("wal_autocheckpoint", chance.choice((8, 30, 200)))
            for _ in range(chance.randrange(3, 15)):
                done += 1
                if chance.random() < 0.3:
                    user = venue.create_login(f"user{done}", "user@example.com", permissions=["read"]).user
                    venue.deposit(user, "BTC", amount=Decimal(done))
                elif known := venue.logins():
                    venue.fund(chance.choice(known).user, "USDT", amount=Decimal(done))
                say(f"{venue.last_command}")


def migrate(folder: Path, *, seed: int, commits: int, synchronous: str, anchor_synced: bool) -> None:
    """Lays a book of the first release, and brings it to the present form."""
    older.lay(folder)
    for path in (folder / "book.db", *(folder / "book.db.anchor").iterdir(), folder / "book.db.anchor", folder):
        anchor.sync_folder(path)
    say("laid")
    with Book.open(folder / "book.db", now_ns=Clock(older.T1), registry=known_exchange) as book:
        assert book.migrated is not None
        say("migrated")


def copy(folder: Path, *, seed: int, commits: int, synchronous: str, anchor_synced: bool) -> None:
    """Makes a small book, a backup of it, and a book of that; says the head of each when it is there."""
    chance = random.Random(f"cuts {seed}")
    with Book.open(folder / BOOK, create=True, now_ns=Clock(T0), registry=exchange) as book:
        book.add_account(ACCOUNT, "small", dialect="bare", since_ns=T0)
        book.append(book.acquire(ACCOUNT, "cuts"), [each for at in range(3) for each in some_pages(at, chance)])
        say(f"kept {book.backup(folder / 'kept.db').head}")
    say(f"made {restore(folder / 'kept.db', folder / 'made.db', registry=exchange).proof.head}")


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def some_pages(number: int, chance: random.Random) -> list[Any]:
    """Pages of one stretch of time: of every stream, few or many, small or large."""
    since_s = number * 100
    bounds: dict[str, Any] = {
        "since_ns": T0 + since_s * SECOND_NS, "until_ns": T0 + (since_s + 100) * SECOND_NS,
        "received_ns": T0 + (since_s + 200) * SECOND_NS, "rows": chance.choice((3, 50)),
    }  # fmt: skip
    fills = [fill(since_s + at, amount=f"{at + 1}.25") for at in range(chance.randrange(20))]
    entries = [entry(since_s + at, f"{number}-{at}", f"{at}.5") for at in range(chance.randrange(20))]
    orders = [order(since_s + at, f"{number}-{at}", "filled") for at in range(chance.randrange(5))]
    some = [
        *sweep("fills", fills, **bounds), *sweep("entries", entries, **bounds), *sweep("orders", orders, **bounds),
        page("balances", [{"asset": "BTC", "total": f"{number}.5"}], received_ns=bounds["received_ns"]),
    ]  # fmt: skip
    if chance.random() < 0.2:
        some.append(page("motd", chance.randbytes(chance.randrange(60_000)), received_ns=bounds["received_ns"]))
    return chance.sample(some, k=chance.randint(1, len(some)))


# ── what must be found ───────────────────────────────────────────────────────────────────────────────────────────────


class Seen(msgspec.Struct, kw_only=True):
    """What came of it. ``images``: disks that lack something which was written, each different in what is on it or in
    what was acknowledged. ``acknowledged``: pages, decisions and commands, summed over all disks. ``losing``: disks
    without all of them; ``lost``: how many. ``refused``: disks that did not open or verify, by error. ``behind``: with
    an anchor older than what was acknowledged, or an older form than was said. ``wrong``: whose facts do not follow
    from their pages. ``rebuilt`` and ``continued``: disks that were looked at so."""

    workloads: int = 0
    images: int = 0
    acknowledged: int = 0
    losing: int = 0
    lost: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    behind: int = 0
    wrong: int = 0
    rebuilt: int = 0
    continued: int = 0

    @property
    def good(self) -> bool:
        return not (self.losing or self.refused or self.behind or self.wrong)


class Cuts(ABC):
    """Disks after power cuts, one workload after the other, and what was found on them."""

    program: str  # the function of this module that is recorded

    def __init__(self, folder: Path, seen: Seen, *, synchronous: str = "FULL", anchor_synced: bool = True) -> None:
        self._folder = folder
        self._control = {"synchronous": synchronous, "anchor_synced": anchor_synced}
        self.seen = seen
        self.said: list[str] = []

    def run(self, images: int, *, seed: int, commits: int = 25) -> None:
        """One workload, and about so many disks of it."""
        folder = self._folder / f"recorded-{seed}"
        folder.mkdir()
        options = ", ".join(f"{name}={value!r}" for name, value in self._control.items())
        call = f"cuts.{self.program}(Path({os.fspath(folder)!r}), seed={seed}, commits={commits}, {options})"
        tests = os.fspath(Path(__file__).resolve().parent.parent)
        prepare = f"import sys; sys.path.insert(0, {tests!r}); from pathlib import Path; from book import cuts"
        events = power.record(folder, [sys.executable, "-c", f"{prepare}; {call}"])
        shutil.rmtree(folder)
        self.seen.workloads += 1
        self._replay(folder, events, images=images, chance=random.Random(f"cut {seed}"))

    def _replay(self, folder: Path, events: list[power.Event], *, images: int, chance: random.Random) -> None:
        disk, known, owed = power.Disk(folder), set[int](), 0.0
        self.said = []
        for event in events:
            disk.apply(event)
            if isinstance(event, power.Said):
                self.said.append(event.text)
            owed += images / len(events)
            while owed >= 1:
                owed -= 1
                image = disk.crashed(chance)
                key = hash((len(self.said), tuple(image.items())))
                if key not in known and image != disk.whole():  # a disk that lacks nothing is what a kill leaves
                    known.add(key)
                    self.seen.images += 1
                    self._look(image, chance)

    def _look(self, image: dict[str, bytes | None], chance: random.Random) -> None:
        self.seen.acknowledged += len(self.said)
        folder = self._folder / "disk"
        folder.mkdir()
        for name, content in image.items():
            if content is None:
                (folder / name).mkdir()
            else:
                (folder / name).write_bytes(content)
                if name.endswith("-wal") and chance.random() < 0.5:
                    (folder / name.replace("-wal", power.SHARED_MEMORY)).write_bytes(chance.randbytes(32_768))
        try:
            self.judge(folder)
        except errors.BookError as error:
            self.seen.refused[type(error).__name__] += 1
            self.refused(folder)
        finally:
            shutil.rmtree(folder)

    def lose(self, lost: int) -> None:
        self.seen.lost += lost
        self.seen.losing += bool(lost)

    @abstractmethod
    def judge(self, folder: Path) -> None:
        """Opens what is there as a user does, and looks for all that was said."""

    @abstractmethod
    def refused(self, folder: Path) -> None:
        """Counts what is lost where it did not open."""


class BookCuts(Cuts):
    program = "collect"

    def judge(self, folder: Path) -> None:
        path, pages = folder / BOOK, self._pages()
        with Book.open(path, create=not self.said, now_ns=Clock(LATER_NS), registry=exchange) as book:
            if not book.accounts():
                self.lose(len(self.said))
                return
            book.verify()
            self._count(book._store)
            anchored = Anchors(path).read().get(ACCOUNT)
            self.seen.behind += bool(pages) and (anchored is None or anchored.seq < max(pages))
            if self.seen.images % REBUILT_EVERY == 0:
                before = book.state_hash()
                self.seen.wrong += bool(book.rebuild().changes) or book.state_hash() != before
                self.seen.rebuilt += 1
        if self.seen.images % CONTINUED_EVERY == 0:
            self._go_on(path)
            self.seen.continued += 1

    def _go_on(self, path: Path) -> None:
        """What is appended now comes behind the pages that are there."""
        with Book.open(path, now_ns=Clock(LATER_NS), registry=exchange) as book:
            book.append(book.acquire(ACCOUNT, "cuts"), some_pages(10**6, random.Random(self.seen.images)))
        with Book.open(path, now_ns=Clock(LATER_NS), registry=exchange) as book:
            book.verify()
            self._count(book._store)

    def refused(self, folder: Path) -> None:
        try:
            with closing(Store(folder / BOOK, read_only=True)) as store, store.reading():
                self._count(store)
        except errors.BookError:
            self.lose(len(self.said))

    def _pages(self) -> dict[int, str]:
        """The acknowledged pages with their hashes."""
        said = (text.split() for text in self.said)
        return {int(first): rest[0] for first, *rest in said if first.isdigit()}

    def _count(self, store: Store) -> None:
        """What was acknowledged and is not there, or is another."""
        accounts = store.accounts()
        if not accounts:
            self.lose(len(self.said))
            return
        stored = dict(store.rows("SELECT seq, hash FROM page"))
        lost = sum(1 for seq, hashed in self._pages().items() if stored.get(seq, b"").hex() != hashed)
        left = [text for text in self.said if text.startswith("left")]
        if left:
            walked = store.journal.walk(accounts[0].id, stream=ROUTE)
            there = {entered.page.body.decode() for entered in walked}
            there |= {parse(decompress(row[0])).body.decode() for row in store.rows("SELECT content FROM inbox")}
            lost += sum(1 for text in left if text not in there)
        self.lose(lost)


class MigrationCuts(Cuts):
    program = "migrate"

    def judge(self, folder: Path) -> None:
        """The book is what it was: in the older form and brought to the present one now, or in the present one."""
        if not self.said:
            return
        with Book.open(folder / "book.db", now_ns=Clock(older.T1), registry=known_exchange) as book:
            self.lose(book.verify().head != older.KNOWN["head"])
            self.seen.behind += self.said[-1] == "migrated" and book.migrated is not None
            rows = {name: {kind: sum(1 for _ in book.facts(kind, name)) for kind in kinds} for name, kinds in ROWS}
            self.seen.wrong += rows != dict(ROWS)
            self.seen.continued += book.migrated is not None
            self.seen.rebuilt += 1

    def refused(self, folder: Path) -> None:
        self.lose(1)


class CopyCuts(Cuts):
    program = "copy"

    def judge(self, folder: Path) -> None:
        """A copy is there as it was said, or is whole before it was said, or is not there."""
        said = dict(text.split() for text in self.said)
        for name, head in said.items():
            self.lose(not (folder / f"{name}.db").exists())
            self.seen.rebuilt += bool(head)
        if (folder / "kept.db").exists():
            with closing(Store(folder / "kept.db")) as kept, kept.reading():
                self.lose(proof.verify(kept).head != said.get("kept", proof.book_head(kept)))
                self.seen.wrong += not kept.accounts()
        if (folder / "made.db").exists():
            with Book.open(folder / "made.db", create=True, now_ns=Clock(LATER_NS), registry=exchange) as book:
                self.lose(book.verify().head != said.get("made", book.head()))
                self.seen.behind += "made" in said and bool(book.warnings)
                self.seen.continued += bool(book.accounts())

    def refused(self, folder: Path) -> None:
        self.lose(1)


class VenueCuts(Cuts):
    program = "trade"

    def judge(self, folder: Path) -> None:
        with Venue.open(folder / VENUE, create=not self.said, now_ns=Clock(LATER_NS)) as venue:
            answered = max(map(int, self.said), default=0)
            self.lose(max(0, answered - venue.last_command))
            if self.seen.images % REBUILT_EVERY == 0:
                self.seen.wrong += any(venue._journal.answer(each + 1) is None for each in range(answered))
                self.seen.rebuilt += 1

    def refused(self, folder: Path) -> None:
        self.lose(len(self.said))
