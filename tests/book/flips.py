"""Flips single bits in the files of a book and looks what is served: the trial behind ``campaigns/flips.py`` and
``test_flips.py``. A flip must be detected (one of our errors) or harmless (every answer identical); an answer that
differs without an error was served silently, and any other exception is no clear error."""

from __future__ import annotations

import hashlib
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec
import zstandard

from book.world import ACCOUNT, T0, Clock, entry, exchange, fill, held, open_book, order, page, sweep
from nostro import errors, sqlite
from nostro.book.book import Book
from nostro.domain.values import SECOND_NS

PLACES = ("table", "index", "freelist", "overflow", "wal")
KINDS = ("fill", "order", "entry", "balance")
ROUNDS = 12
# What flipped bytes raise in the code that meets them, where nothing turned it into a clear error.
UNCLEAR = (
    apsw.Error,
    zstandard.ZstdError,
    msgspec.MsgspecError,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OSError,
)
_PAGE_TYPES = {2: "index", 10: "index", 5: "table", 13: "table"}


@contextmanager
def plain_files() -> Iterator[None]:
    """SQLite as it comes: no checksums, nothing asserted. The control: here bits must be served silently."""
    kept = (sqlite.VFS, sqlite.RESERVED_BYTES, sqlite._configure)
    sqlite.VFS, sqlite.RESERVED_BYTES = "unix", 0  # type: ignore[misc]
    sqlite._configure = lambda connection, path, read_only: None
    try:
        yield
    finally:
        sqlite.VFS, sqlite.RESERVED_BYTES, sqlite._configure = kept  # type: ignore[misc]


class Trial:
    """A book in two states, checkpointed and with a full WAL, and the answers that it gives unharmed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wal_copy, self.db_copy = folder / "wal", folder / "db"
        self._build(folder / "built")
        self.truth = {copy: self._truth(copy) for copy in (self.db_copy, self.wal_copy)}
        self.pages = pages_by_type((self.db_copy / "b.db").read_bytes())

    def _build(self, built: Path) -> None:
        built.mkdir()
        with open_book(built / "b.db", clock=Clock()) as book:
            lease = held(book)
            for number in range(ROUNDS):
                book.append(lease, _round(number))
                if number == ROUNDS - 2:
                    book.rebuild()
            self.wal_copy.mkdir()
            for name in ("b.db", "b.db-wal"):
                shutil.copy(built / name, self.wal_copy / name)
        shutil.copytree(built / "b.db.anchor", self.wal_copy / "b.db.anchor")
        shutil.copytree(built, self.db_copy)

    def _truth(self, source: Path) -> str:
        """Asked of a copy: who opens a book checkpoints its WAL."""
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(source, Path(folder) / "copy")
            return asked(copy / "b.db")

    def flip(self, place: str, chance: random.Random) -> str:
        """Flips one bit in a place; what became of it: detected, verified (detected by verify alone), harmless, silent
        or unclear."""
        source = self.wal_copy if place == "wal" else self.db_copy
        copy = self.folder / "flipped"
        shutil.copytree(source, copy)
        try:
            file = copy / ("b.db-wal" if place == "wal" else "b.db")
            stored = bytearray(file.read_bytes())
            stored[self._byte(place, stored, chance)] ^= 1 << chance.randrange(8)
            file.write_bytes(stored)
            return self._judge(copy / "b.db", self.truth[source])
        finally:
            shutil.rmtree(copy)

    def _byte(self, place: str, stored: bytearray, chance: random.Random) -> int:
        if place == "wal":
            return chance.randrange(len(stored))
        size = int.from_bytes(stored[16:18], "big")
        number = chance.choice(self.pages[place])
        # Much of a page is unused, where a flip harms nobody: look for a byte that says something.
        for _ in range(200):
            at = number * size + chance.randrange(size)
            if stored[at]:
                return at
        return number * size

    def _judge(self, path: Path, truth: str) -> str:
        try:
            told = asked(path)
        except errors.BookError:
            return "detected"
        except UNCLEAR:
            return "unclear"
        if told != truth:
            return "silent"
        try:
            with Book.open(path, now_ns=Clock(), registry=exchange) as book:
                book.verify()
        except errors.BookError:
            return "verified"
        return "harmless"


def _round(number: int) -> list[Any]:
    """Pages of every stream of one stretch of time, with bodies large enough to overflow a page of the database."""
    since_s = number * 100
    bounds = {
        "since_ns": T0 + since_s * SECOND_NS, "until_ns": T0 + (since_s + 100) * SECOND_NS,
        "received_ns": T0 + (since_s + 200) * SECOND_NS, "rows": 200,
    }  # fmt: skip
    noise = random.Random(number).randbytes(30_000).hex()
    return [
        *sweep("entries", [entry(since_s + at, f"{number}-{at}", f"{at}.5") for at in range(90)], **bounds),
        *sweep("fills", [fill(since_s + at, amount=f"{at + 1}.25") for at in range(90)], **bounds),
        *sweep("orders", [order(since_s + at, f"{number}-{at}", "filled") for at in range(30)], **bounds),
        page("balances", [{"asset": "BTC", "total": f"{number}.5"}], received_ns=bounds["received_ns"]),
        page("motd", noise.encode(), received_ns=bounds["received_ns"]),
    ]


def asked(path: Path) -> str:
    """One hash over everything that a book answers."""
    told = hashlib.sha256()
    with Book.open(path, now_ns=Clock(), registry=exchange) as book:
        for kind in KINDS:
            for fact in book.facts(kind, ACCOUNT):
                told.update(repr(fact).encode())
        for stream in ("fills", "orders", "entries"):
            told.update(repr(book.coverage(ACCOUNT, stream, since_ns=T0, until_ns=T0 + 10**13)).encode())
        told.update(repr([*book.ledger_sums(ACCOUNT), *book.latest_states("balance", ACCOUNT)]).encode())
        told.update(repr([*book.findings(ACCOUNT), *book.accounts()]).encode())
        for entered in book.journal(ACCOUNT):
            told.update(repr(entered).encode())
    return told.hexdigest()


def pages_by_type(stored: bytes) -> dict[str, list[int]]:
    """The numbers (from 0) of a database's pages by what they hold.

    Source: sqlite.org/fileformat.html, sections 1.5 and 1.6."""
    size = int.from_bytes(stored[16:18], "big")
    free = set(_freelist(stored, size))
    pages: dict[str, list[int]] = {"table": [], "index": [], "freelist": sorted(free), "overflow": []}
    for number in range(len(stored) // size):
        kind = stored[number * size + (100 if number == 0 else 0)]
        if number not in free:
            pages[_PAGE_TYPES.get(kind, "overflow")].append(number)
    return pages


def _freelist(stored: bytes, size: int) -> Iterator[int]:
    trunk = int.from_bytes(stored[32:36], "big")
    while trunk:
        yield trunk - 1
        words = stored[(trunk - 1) * size : trunk * size]
        leaves = int.from_bytes(words[4:8], "big")
        yield from (int.from_bytes(words[8 + 4 * leaf : 12 + 4 * leaf], "big") - 1 for leaf in range(leaves))
        trunk = int.from_bytes(words[:4], "big")


def run(folder: Path, flips: int, *, seed: int) -> dict[str, Counter[str]]:
    """So many flips in turn over all places; the outcomes by place."""
    trial, chance = Trial(folder), random.Random(seed)
    outcomes: dict[str, Counter[str]] = {place: Counter() for place in PLACES}
    for number in range(flips):
        place = PLACES[number % len(PLACES)]
        outcomes[place][trial.flip(place, chance)] += 1
    return outcomes
