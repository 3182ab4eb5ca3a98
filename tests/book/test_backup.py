"""Shows that a backup is the book of one moment, while it is written too; that a book made of it is proven, the same
and goes on; and that what is damaged, cut off, altered or foreign is refused, with the first bad page, and leaves
nothing."""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from book.cuts import some_pages
from book.flips import UNCLEAR
from book.test_power import campaign, strace
from book.world import ACCOUNT, Clock, contents, exchange, held, open_book
from nostro import errors
from nostro.book.anchor import Anchors
from nostro.book.backup import Restored, restore
from nostro.book.book import Book
from nostro.book.store import Place, Store
from servers import Server

KINDS = ("fill", "entry", "order", "balance")


def grown(path: Path, rounds: int = 8) -> None:
    chance = random.Random(rounds)
    with open_book(path) as book:
        for number in range(rounds):
            book.append(held(book), some_pages(number, chance))


def opened(place: Place) -> Book:
    return Book.open(place, now_ns=Clock(), registry=exchange)


def told(place: Place) -> Any:
    with opened(place) as book:
        return [contents(book.facts(kind, ACCOUNT)) for kind in KINDS], book.head(), book.state_hash()


def restored(source: Path, target: Place, **options: Any) -> Restored:
    return restore(source, target, registry=exchange, **options)


def leftovers(folder: Path, *expected: str) -> set[str]:
    return {path.name for path in folder.iterdir()} - set(expected)


@pytest.fixture
def book_path(tmp_path: Path) -> Path:
    grown(tmp_path / "b.db")
    return tmp_path / "b.db"


@pytest.fixture
def kept(book_path: Path) -> Path:
    with open_book(book_path) as book:
        book.backup(book_path.with_name("kept.db"))
    return book_path.with_name("kept.db")


def test_a_book_made_of_a_backup_is_the_same_and_goes_on(book_path: Path, kept: Path, tmp_path: Path) -> None:
    before = kept.read_bytes()
    made = restored(kept, tmp_path / "new.db")
    assert made.same_state
    assert told(tmp_path / "new.db") == told(book_path)
    assert made.proof.head == told(book_path)[1]
    assert Anchors(tmp_path / "new.db").read().keys() == {ACCOUNT}
    with open_book(tmp_path / "new.db") as book:
        book.append(held(book), some_pages(99, random.Random(1)))
        book.verify()
        assert not book.warnings
    assert kept.read_bytes() == before
    assert not leftovers(tmp_path, "b.db", "b.db.anchor", "kept.db", "new.db", "new.db.anchor")


def test_a_backup_is_the_book_of_one_moment_while_it_is_written(tmp_path: Path) -> None:
    """Pages are appended through another connection in the middle of the copying."""
    path, chance, appended = tmp_path / "b.db", random.Random(4), 0
    grown(path, rounds=3)
    for round_ in range(6):
        expected = told(path)
        with open_book(path) as book, open_book(path) as other:
            left = chance.randint(1, 3)

            def watch(what: str, done: int, *, whole: int, left: int = left) -> None:
                nonlocal appended
                if done // 8 == left or done == whole:
                    other.append(held(other), some_pages(10 + appended, chance))
                    appended += 1

            target = tmp_path / f"{round_}.db"
            assert book.backup(target, watcher=watch).head == expected[1]
        restored(target, tmp_path / f"{round_}-new.db")
        assert told(tmp_path / f"{round_}-new.db") == expected
    assert appended >= 6


@strace
def test_a_power_cut_leaves_a_whole_copy_or_none() -> None:
    seen = campaign("--images", "60", "--of", "copies")
    assert seen["images"] >= 60 and seen["continued"] and seen["rebuilt"]
    assert (seen["lost"], seen["refused"], seen["behind"], seen["wrong"]) == (0, {}, 0, 0)


# ── from engine to engine ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_backup_goes_from_engine_to_engine(book_path: Path, kept: Path, tmp_path: Path, postgres: Server) -> None:
    """From a file into a server, from there into a backup, and into a file again."""
    expected = told(book_path)
    there = postgres.place(tmp_path / "there")
    assert restored(kept, there).same_state
    with pytest.raises(errors.Conflict, match="holds a book already"):
        restored(kept, there)
    with pytest.raises(errors.Conflict, match="is not a file"):
        restored(kept, there, replace=True)
    assert told(there) == expected
    with opened(there) as book, opened(there) as other:

        def watch(what: str, done: int, *, whole: int) -> None:
            if done == whole:
                other.append(held(other), some_pages(60, random.Random(8)))

        assert book.backup(tmp_path / "second.db", watcher=watch).head == expected[1]
        assert book.head() != expected[1]
        book.verify()
    assert restored(tmp_path / "second.db", tmp_path / "again.db").same_state
    assert told(tmp_path / "again.db") == expected


def test_a_restore_into_a_server_that_fails_leaves_no_account(kept: Path, tmp_path: Path, postgres: Server) -> None:
    there = postgres.place(tmp_path / "there")
    with pytest.raises(Interrupted):
        restored(kept, there, watcher=interrupt)
    with closing(Store(there, read_only=True)) as store:
        assert not store.accounts()
    assert restored(kept, there).same_state


def test_a_holder_from_before_is_fenced(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    with open_book(path) as book:
        lease = held(book)
        book.append(lease, some_pages(1, random.Random(1)))
        book.backup(tmp_path / "kept.db")
    restored(tmp_path / "kept.db", path, replace=True)
    with open_book(path) as book, pytest.raises(errors.Fenced):
        book.append(lease, some_pages(2, random.Random(2)))


def test_a_file_that_exists_is_not_overwritten(book_path: Path, kept: Path) -> None:
    with open_book(book_path) as book:
        for target in (kept, book_path):
            with pytest.raises(errors.Conflict, match="exists"):
                book.backup(target)
    expected = told(book_path)
    with pytest.raises(errors.Conflict, match="holds a book already"):
        restored(kept, book_path)
    assert told(book_path) == expected


def test_a_book_that_is_replaced_is_set_aside_with_its_wal(book_path: Path, kept: Path, tmp_path: Path) -> None:
    expected = told(book_path)
    with open_book(book_path) as book:
        book.append(held(book), some_pages(50, random.Random(5)))
        newer = book.head()
        assert book_path.with_name("b.db-wal").stat().st_size
        restored(kept, book_path, replace=True)
    assert told(book_path) == expected
    with open_book(tmp_path / "b.db.replaced") as book:
        assert book.head() == newer
    restored(kept, book_path, replace=True)
    assert (tmp_path / "b.db.replaced1").exists()


def test_what_lay_beside_a_book_that_was_lost_is_set_aside(book_path: Path, kept: Path, tmp_path: Path) -> None:
    expected = told(book_path)
    with open_book(book_path) as book:
        book.add_account("second", "small", dialect="bare", since_ns=0)
        book.append(held(book), some_pages(50, random.Random(5)))
        shutil.copytree(tmp_path, tmp_path / "live")
    lost = tmp_path / "live" / "b.db"
    lost.unlink()
    assert lost.with_name("b.db-wal").stat().st_size and len(Anchors(lost).read()) == 2
    restored(kept, lost)
    assert told(lost) == expected
    assert (tmp_path / "live" / "b.db.replaced-wal").exists() and (tmp_path / "live" / "b.db.replaced.anchor").exists()


def test_a_flipped_bit_is_refused_or_harmless(kept: Path, tmp_path: Path) -> None:
    stored, chance, refused = kept.read_bytes(), random.Random(6), 0
    head = restored(kept, tmp_path / "good.db").proof.head
    for number in range(40):
        flipped = bytearray(stored)
        at = chance.randrange(len(stored))
        while not flipped[at]:
            at = chance.randrange(len(stored))
        flipped[at] ^= 1 << chance.randrange(8)
        kept.write_bytes(flipped)
        target = tmp_path / f"{number}.db"
        try:
            assert restored(kept, target).proof.head == head
            with open_book(target) as book:
                book.verify()
        except errors.BookError:
            refused += 1
            assert not target.exists()
        except UNCLEAR as error:
            raise AssertionError(f"no clear error for byte {at}") from error
    assert refused > 5


def altered(kept: Path, statement: str) -> None:
    """Behind the book's back, with checksums that match."""
    connection = Store(kept).engine.connection  # type: ignore[attr-defined]
    assert isinstance(connection, apsw.Connection)
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement)
    assert connection.changes()
    connection.close()


@pytest.mark.parametrize(
    ("statement", "page"),
    [
        ("UPDATE page SET content = (SELECT content FROM page WHERE seq = 3) WHERE seq = 5", 5),
        ("UPDATE page SET content = x'00' WHERE seq = 4", 4),
        ("UPDATE page SET content = substr(content, 1, length(content) - 3) WHERE seq = 4", 4),
        ("UPDATE page SET hash = zeroblob(32) WHERE seq = 6", 6),
        ("UPDATE page SET observed_ns = observed_ns + 1 WHERE seq = 2", 2),
        ("DELETE FROM page WHERE seq = 7", 7),
        ("UPDATE chain SET seq = seq + 1", None),
        ("DELETE FROM page WHERE seq = (SELECT max(seq) FROM page)", None),
    ],
)
def test_an_altered_backup_is_refused_by_its_first_bad_page(
    kept: Path, tmp_path: Path, statement: str, page: int | None
) -> None:
    altered(kept, statement)
    with pytest.raises(errors.ChainBroken, match=f"page {page} of account main" if page else r"page \d+ of account"):
        restored(kept, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


def test_rows_that_were_altered_are_not_used(book_path: Path, kept: Path, tmp_path: Path) -> None:
    altered(kept, "DELETE FROM claim")
    assert not restored(kept, tmp_path / "new.db").same_state
    assert told(tmp_path / "new.db") == told(book_path)


def test_an_altered_book_makes_no_backup(book_path: Path, tmp_path: Path) -> None:
    altered(book_path, "UPDATE page SET hash = zeroblob(32) WHERE seq = 3")
    with open_book(book_path) as book, pytest.raises(errors.ChainBroken, match="page 3 of account main"):
        book.backup(tmp_path / "kept.db")
    assert not leftovers(tmp_path, "b.db", "b.db.anchor", "b.db-wal", "b.db-shm")


class Interrupted(Exception):
    """Ctrl-C in the middle."""


def interrupt(what: str, done: int, *, whole: int) -> None:
    if done >= whole // 2:
        raise Interrupted


def test_an_interrupted_backup_leaves_nothing(book_path: Path, tmp_path: Path) -> None:
    with open_book(book_path) as book, pytest.raises(Interrupted):
        book.backup(tmp_path / "kept.db", watcher=interrupt)
    assert not leftovers(tmp_path, "b.db", "b.db.anchor", "b.db-wal", "b.db-shm")


def test_an_interrupted_restore_is_begun_again(book_path: Path, kept: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(Interrupted):
            restored(kept, tmp_path / "new.db", watcher=interrupt)
    restored(kept, tmp_path / "new.db")
    assert told(tmp_path / "new.db") == told(book_path)


def test_what_is_no_backup_is_refused(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.NotABook, match="does not exist"):
        restored(tmp_path / "none.db", tmp_path / "new.db")
    (tmp_path / "text.db").write_text("not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(errors.NotABook):
        restored(tmp_path / "text.db", tmp_path / "new.db")
    with open_book(tmp_path / "empty.db"):
        pass
    altered(tmp_path / "empty.db", "DELETE FROM chain")
    altered(tmp_path / "empty.db", "DELETE FROM account")
    with pytest.raises(errors.NotABook, match="holds no account"):
        restored(tmp_path / "empty.db", tmp_path / "new.db")
    whole = kept.read_bytes()
    for part in (0, 100, len(whole) // 2, len(whole) - 16_384):
        kept.write_bytes(whole[:part])
        with pytest.raises(errors.BookError):
            restored(kept, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()
