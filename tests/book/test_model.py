"""Shows, over random histories of rows that appear, change, vanish and come as twins, and over random sweeps of them,
that the book knows exactly what a naive book knows: facts, sums at any moment, coverage (B3, B5, B8); that later pages
never change an earlier answer (B18); and that any batches of the same pages, and a rebuild, give the same state (B20).
Every stored number passes the gate (B21)."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from book.naive_book import NaiveEntries, NaiveFills
from book.world import ACCOUNT, T0, Clock, contents, held, open_book, sweep
from nostro.book.book import Book
from nostro.domain.values import DAY_NS, SECOND_NS, canonical, decimal
from nostro.link.declare import Page

EXAMPLES = int(os.environ.get("NOSTRO_BOOK_EXAMPLES", "120"))
STEP_NS = DAY_NS // 3  # of the small times of a script: several steps a day, several days a script
LAST = 6
AMOUNTS = ("1", "-0.5", "0.000000000000000001", "12345678901234567890.123456789")

times = st.integers(0, LAST - 1)
sweeps = st.tuples(
    st.just("sweep"), st.sampled_from(["entries", "fills"]), times, st.integers(1, LAST), st.integers(1, 4)
)
changes = st.one_of(
    st.tuples(st.just("entry"), times, st.sampled_from(AMOUNTS), st.sampled_from(["BTC", "USDT"])),
    st.tuples(st.just("edit"), st.integers(0, 9), st.sampled_from(AMOUNTS)),
    st.tuples(st.just("lose"), st.integers(0, 9)),
    st.tuples(st.just("fill"), times, st.sampled_from(["1", "2"]), st.integers(1, 3)),
    st.tuples(st.just("lose fill"), st.integers(0, 9)),
)
whole = st.tuples(st.just("sweep"), st.sampled_from(["entries", "fills"]), st.just(0), st.just(LAST), st.integers(1, 4))
scripts = st.lists(st.one_of(changes, changes, whole, sweeps), min_size=6, max_size=30)
small = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class World:
    """The truth at the exchange, the naive book, and the pages of the sweeps so far."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.fills: list[dict[str, Any]] = []
        self.naive_entries, self.naive_fills = NaiveEntries(), NaiveFills()
        self.received_ns = T0 + LAST * STEP_NS

    def do(self, step: tuple[Any, ...]) -> list[Page]:
        """The pages of a step, none unless it is a sweep."""
        match step:
            case ("entry", at, amount, asset):
                self.entries.append({"t": at, "id": str(len(self.entries)), "amount": amount, "asset": asset})
            case ("edit", index, amount) if self.entries:
                row = self.entries[index % len(self.entries)]
                self.entries[self.entries.index(row)] = {**row, "amount": amount}
            case ("lose", index) if self.entries:
                lost = self.entries[index % len(self.entries)]
                self.entries[self.entries.index(lost)] = {**lost, "t": -1}
            case ("fill", at, amount, number):
                row = {"t": at, "symbol": "BTC/USDT", "side": "buy", "price": "3", "amount": amount}
                self.fills += [dict(row) for _ in range(number)]
            case ("lose fill", index) if self.fills:
                self.fills.pop(index % len(self.fills))
            case ("sweep", stream, since, length, rows):
                return self._sweep(stream, since, min(since + length, LAST), rows)
        return []

    def _sweep(self, stream: str, since: int, until: int, rows: int) -> list[Page]:
        truth = [dict(row) for row in (self.entries if stream == "entries" else self.fills)]
        (self.naive_entries if stream == "entries" else self.naive_fills).sweep(truth, since, until)
        self.received_ns += SECOND_NS
        return sweep(
            stream, [{**row, "t": T0 + row["t"] * STEP_NS} for row in truth], since_ns=T0 + since * STEP_NS,
            until_ns=T0 + until * STEP_NS, received_ns=self.received_ns, rows=rows,
        )  # fmt: skip


def answers(book: Book, as_of: int | None, known_at_ns: int | None) -> tuple[Any, ...]:
    """All that the book says of one moment, as known at another."""
    clocks: dict[str, Any] = {
        "as_of_ns": None if as_of is None else T0 + as_of * STEP_NS, "known_at_ns": known_at_ns,
    }  # fmt: skip
    return (
        contents(book.facts("entry", ACCOUNT, **clocks)),
        contents(book.facts("fill", ACCOUNT, **clocks)),
        {row.asset: row.amount for row in book.ledger_sums(ACCOUNT, **clocks) if row.amount},
        [
            str(tile) for stream in ("entries", "fills")
            for tile in book.coverage(
                ACCOUNT, stream, since_ns=T0, until_ns=T0 + LAST * STEP_NS, known_at_ns=known_at_ns
            )
        ],
    )  # fmt: skip


def expected(world: World, as_of: int | None) -> tuple[Any, ...]:
    entries = sorted((row["t"], row["id"], row["asset"], row["amount"]) for row in world.naive_entries.rows(as_of))
    sums = {asset: amount for asset, amount in world.naive_entries.sums(as_of).items() if amount}
    return entries, world.naive_fills.rows(as_of), sums


def known(book: Book, as_of: int | None) -> tuple[Any, ...]:
    """What the book knows, in the naive book's words."""
    as_of_ns = None if as_of is None else T0 + as_of * STEP_NS
    entries = sorted(
        ((fact.effective_ns - T0) // STEP_NS, fact.native_id, fact.asset, canonical(fact.amount))
        for fact in book.facts("entry", ACCOUNT, as_of_ns=as_of_ns)
    )
    fills = Counter(
        ((fact.effective_ns - T0) // STEP_NS, fact.instrument, fact.side, canonical(fact.price), canonical(fact.amount))
        for fact in book.facts("fill", ACCOUNT, as_of_ns=as_of_ns)
    )
    sums = {row.asset: row.amount for row in book.ledger_sums(ACCOUNT, as_of_ns=as_of_ns) if row.amount}
    return entries, fills, sums


def proven(book: Book, stream: str) -> set[int]:
    """The steps of the script that are proven, from intervals that must tile the whole."""
    tiles = book.coverage(ACCOUNT, stream, since_ns=T0, until_ns=T0 + LAST * STEP_NS)
    assert [tiles[0].since_ns, *(tile.until_ns for tile in tiles)] == [
        *(tile.since_ns for tile in tiles), T0 + LAST * STEP_NS,
    ]  # fmt: skip
    return {
        step for tile in tiles if tile.status == "proven"
        for step in range((tile.since_ns - T0) // STEP_NS, (tile.until_ns - T0) // STEP_NS)
    }  # fmt: skip


@small
@given(script=scripts, as_of=times)
def test_the_book_knows_what_a_naive_book_knows(script: list[tuple[Any, ...]], as_of: int) -> None:
    world = World()
    with tempfile.TemporaryDirectory() as folder, open_book(Path(folder) / "b.db") as book:
        lease = held(book)
        for step in script:
            if pages := world.do(step):
                book.append(lease, pages)
        for moment in (None, as_of):
            assert known(book, moment) == expected(world, moment)
        assert proven(book, "entries") == world.naive_entries.proven
        assert proven(book, "fills") == world.naive_fills.proven
        book.verify()


@small
@given(script=scripts, as_of=times)
def test_later_pages_never_change_an_earlier_answer(script: list[tuple[Any, ...]], as_of: int) -> None:
    world, told = World(), []
    with tempfile.TemporaryDirectory() as folder, open_book(Path(folder) / "b.db") as book:
        lease = held(book)
        for step in script:
            if pages := world.do(step):
                book.append(lease, pages)
                told.append((world.received_ns, answers(book, as_of, None)))
        for received_ns, answer in told:
            assert answers(book, as_of, received_ns) == answer


@small
@given(script=scripts, cuts=st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_any_batches_and_a_rebuild_give_the_same_state(script: list[tuple[Any, ...]], cuts: list[int]) -> None:
    world = World()
    pages = [page for step in script for page in world.do(step)]
    with tempfile.TemporaryDirectory() as folder:
        hashes = []
        for name, sizes in (("whole", [len(pages) or 1]), ("cut", cuts)):
            with open_book(Path(folder) / f"{name}.db", clock=Clock()) as book:
                left, turn = list(pages), 0
                while left:
                    size = sizes[turn % len(sizes)]
                    book.append(held(book), left[:size])
                    left, turn = left[size:], turn + 1
                hashes.append((book.state_hash(), book.verify().head))
                rebuilt = book.rebuild()
                assert (rebuilt.pages, rebuilt.changes) == (len(pages), ())
                hashes.append((book.state_hash(), book.verify().head))
        assert len(set(hashes)) == 1


@small
@given(script=scripts)
def test_every_stored_number_passes_the_gate(script: list[tuple[Any, ...]]) -> None:
    world = World()
    with tempfile.TemporaryDirectory() as folder, open_book(Path(folder) / "b.db") as book:
        for step in script:
            if pages := world.do(step):
                book.append(held(book), pages)
        connection = book._store.engine.connection
        for (amount,) in connection.execute("SELECT amount FROM period_sum"):
            assert canonical(decimal(amount)) == amount
        for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            types = {row[2] for row in connection.execute(f"PRAGMA table_info({table})")}
            assert types <= {"INTEGER", "TEXT", "BLOB"}, table


@pytest.mark.parametrize("seed", range(4))
def test_the_model_scripts_reach_what_they_are_for(seed: int) -> None:
    """A fixed script vanishes, edits, doubles and re-reads: the generator's rules are alive."""
    script = [
        ("entry", 1, "1", "BTC"), ("entry", 5, "2", "BTC"), ("fill", 3, "1", 2 + seed),
        ("sweep", "entries", 0, LAST, 1), ("sweep", "fills", 0, LAST, 2),
        ("edit", 0, "-0.5"), ("lose", 1), ("lose fill", 0),
        ("sweep", "entries", 0, LAST, 2), ("sweep", "fills", 0, LAST, 3),
    ]  # fmt: skip
    world = World()
    with tempfile.TemporaryDirectory() as folder, open_book(Path(folder) / "b.db") as book:
        counts: Counter[str] = Counter()
        for step in script:
            if pages := world.do(step):
                appended = book.append(held(book), pages)
                counts.update(new=appended.new, changed=appended.changed, vanished=appended.vanished)
        assert counts == {"new": 4 + seed, "changed": 1, "vanished": 2}
        assert known(book, None) == expected(world, None)
