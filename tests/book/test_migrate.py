"""Shows that a book of the first release is brought to the present form with every row that it had, whole or not at
all, wherever it is killed; that it is kept as it was; and that one which is damaged, rolled back, only read, newer, or
would be read otherwise by the same reader is left untouched."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from book.older import KNOWN, STORED, T1, lay
from book.test_power import campaign, strace
from nostro import errors
from nostro.book import proof, schema
from nostro.book.anchor import Anchors
from nostro.book.backup import restore
from nostro.book.book import Book
from nostro.book.engine_sqlite import SqliteEngine
from nostro.book.pages import page_of_ours
from nostro.book.store import Head, Place, Store
from nostro.exchanges import exchange
from nostro.link.declare import Exchange
from servers import Server

TESTS = Path(__file__).resolve().parents[1]


def opened(place: Place, **options: Any) -> Book:
    return Book.open(place, now_ns=lambda: T1, registry=exchange, **options)


def raw(path: Path) -> apsw.Connection:
    connection = Store(path).engine.connection  # type: ignore[attr-defined]
    assert isinstance(connection, apsw.Connection)
    return connection


def tables(path: Path) -> dict[str, list[Any]]:
    """Everything that is stored, by table."""
    with closing(raw(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in names}


def form(path: Path) -> tuple[int, set[tuple[str, str]]]:
    """The version, and every table, index and trigger."""
    with closing(raw(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
        return connection.pragma("user_version"), set(rows)


def facts_hash(store: Store) -> str:
    hashed = proof.hashlib.sha256()
    for row in proof._canonical_rows(store, "record"):
        hashed.update(msgspec.json.encode([part.hex() if isinstance(part, bytes) else part for part in row]))
    return hashed.hexdigest()


def is_present(path: Path) -> None:
    """The book in the present form, with all that it held in the first."""
    with opened(path) as book:
        assert book.migrated is None
        assert book.verify().head == KNOWN["head"]
        for account, rows in KNOWN["rows"].items():
            assert {kind: sum(1 for _ in book.facts(kind, account)) for kind in rows} == rows
        assert facts_hash(book._store) == KNOWN["facts"]
        before = book.state_hash()
        assert not book.rebuild().changes
        assert book.state_hash() == before


@pytest.fixture
def older(tmp_path: Path) -> Path:
    return lay(tmp_path)


def test_a_book_of_the_first_release_is_brought_to_the_present_form(older: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with opened(older, watcher=lambda what, done, *, whole: told.append((what, done, whole))) as book:
        migrated = book.migrated
        assert migrated is not None
        assert (migrated.before, migrated.after, migrated.pages, migrated.changes) == (
            1,
            schema.SCHEMA_VERSION,
            101,
            (),
        )
        lease = book.acquire("trader", "tests")
        book.append(lease, [page_of_ours("nostro:decision", b"it goes on", now_ns=T1)])
        book.release(lease)
        assert Anchors(older).read()["trader"].seq == 53
    assert told[-1] == ("read", 101, 101)
    with opened(older, read_only=True) as book:
        book.verify()


def test_every_row_and_the_head_stay(older: Path) -> None:
    opened(older).close()
    is_present(older)


def test_its_form_is_that_of_a_new_book(older: Path, tmp_path: Path) -> None:
    opened(older).close()
    opened(tmp_path / "new.db", create=True).close()
    assert form(older) == form(tmp_path / "new.db")


def test_one_of_the_second_form_gets_its_index_and_no_page_of_it_is_read_again(tmp_path: Path) -> None:
    older, new = lay(tmp_path, schema=2), tmp_path / "new.db"
    before = tables(older)
    with opened(older) as book:
        migrated = book.migrated
        assert migrated is not None
        assert (migrated.before, migrated.after, migrated.pages, migrated.changes) == (2, schema.SCHEMA_VERSION, 0, ())
    opened(new, create=True).close()
    assert form(older) == form(new) and tables(older) == before == tables(migrated.kept)
    assert form(migrated.kept)[0] == 2
    is_present(older)


def test_it_is_kept_as_it_was(older: Path, tmp_path: Path) -> None:
    untouched = lay(tmp_path, "untouched.db")
    opened(older).close()
    kept = tmp_path / "book.db.schema1"
    assert form(kept) == form(untouched)
    assert tables(kept) == tables(untouched)
    assert {path.name for path in tmp_path.iterdir()} == {
        "book.db", "book.db.anchor", "book.db.schema1", "untouched.db", "untouched.db.anchor",
    }  # fmt: skip


def test_what_was_kept_is_restored(older: Path, tmp_path: Path) -> None:
    opened(older).close()
    made = restore(tmp_path / "book.db.schema1", tmp_path / "new.db", registry=exchange)
    assert made.proof.head == KNOWN["head"]
    is_present(tmp_path / "new.db")


def test_who_only_reads_it_is_told_what_to_do(older: Path) -> None:
    with pytest.raises(errors.SchemaTooOld, match=r"has schema 1, and this program reads \d") as told:
        opened(older, read_only=True)
    assert "nostro rebuild" in told.value.hint
    assert older.read_bytes() == STORED


def test_a_newer_book_is_refused_untouched(older: Path) -> None:
    with closing(raw(older)) as connection:
        connection.pragma("user_version", schema.SCHEMA_VERSION + 1)
    stored = older.read_bytes()
    for options in ({}, {"read_only": True}, {"create": True}):
        with pytest.raises(errors.SchemaTooNew):
            opened(older, **options)
    assert older.read_bytes() == stored


def test_a_damaged_one_is_refused(older: Path) -> None:
    with closing(raw(older)) as connection:
        connection.execute("DROP TRIGGER page_no_update")
        connection.execute("UPDATE page SET observed_ns = observed_ns + 1 WHERE account = 1 AND seq = 9")
    with pytest.raises(errors.ChainBroken, match="page 9 of account trader"):
        opened(older)
    assert form(older)[0] == 1


def test_one_that_was_rolled_back_is_refused(older: Path) -> None:
    Anchors(older).write("trader", Head(60, bytes(32)))
    with pytest.raises(errors.RolledBack, match="pages 53 to 60 of account trader"):
        opened(older)
    assert older.read_bytes() == STORED


def test_a_row_that_the_same_reader_reads_otherwise_is_refused(older: Path) -> None:
    def dropping(id_: str, dialect: str | None = None, *, reader: int) -> Exchange:
        """Reads no fills of the trader's first side."""
        known = exchange(id_, dialect)
        read = known.ask("fills").read  # type: ignore[union-attr]
        asks = tuple(
            msgspec.structs.replace(ask, read=lambda query, answer: list(read(query, answer))[1:])
            if ask.stream is not None and ask.stream.name == "fills" else ask
            for ask in known.asks
        )  # fmt: skip
        return msgspec.structs.replace(known, asks=asks, reader=reader)

    with pytest.raises(errors.Conflict, match="would be read differently, by the same reader"):
        Book.open(older, now_ns=lambda: T1, registry=lambda *given: dropping(*given, reader=1))
    assert form(older)[0] == 1
    with Book.open(older, now_ns=lambda: T1, registry=lambda *given: dropping(*given, reader=99)) as book:
        assert book.migrated is not None
        assert {change.kind for change in book.migrated.changes} == {"fill"}


class Interrupted(Exception):
    """Ctrl-C in the middle."""


def test_on_a_server_too(older: Path, tmp_path: Path, postgres: Server) -> None:
    """No older form was ever on a server: it is made here, of the present one."""
    there = postgres.place(tmp_path / "there")
    opened(older).close()
    restore(tmp_path / "book.db.schema1", there, registry=exchange)
    where = f'SET search_path = "{there.schema}"; '
    made = "DROP INDEX record_by_day; DROP TABLE period_sum; CREATE TABLE day_sum (day BIGINT);"
    postgres.say(f"{where}{made} UPDATE form SET version = 1")

    def interrupt(what: str, done: int, *, whole: int) -> None:
        if what == "read" and done > 50:
            raise Interrupted

    with pytest.raises(errors.SchemaTooOld):
        opened(there, read_only=True)
    with pytest.raises(Interrupted):
        opened(there, watcher=interrupt)
    with opened(there) as book:
        assert book.migrated is not None
        assert (book.migrated.before, book.migrated.pages, book.migrated.changes) == (1, 101, ())
        kept = book.migrated.kept
        assert book.verify().head == KNOWN["head"]
    with opened(there) as book:
        assert book.migrated is None
    assert restore(kept, tmp_path / "new.db", registry=exchange).proof.head == KNOWN["head"]
    is_present(tmp_path / "new.db")


# ── killed anywhere ──────────────────────────────────────────────────────────────────────────────────────────────────

DYING = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from book.test_migrate import dying
print(dying(Path({path!r}), {steps}))
"""


def dying(path: Path, steps: int) -> int:
    """Opens the book, and dies after that step of the engine; how many there are in all."""
    taken = 0
    for name in ("begin", "commit", "execute", "insert", "run", "set_version", "copy", "value", "all", "row"):
        step = getattr(SqliteEngine, name)

        def stepped(self: Any, *given: Any, step: Any = step, **named: Any) -> Any:
            nonlocal taken
            done = step(self, *given, **named)
            taken += 1
            if taken == steps:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        setattr(SqliteEngine, name, stepped)
    opened(path).close()
    return taken


def die(path: Path, steps: int) -> subprocess.CompletedProcess[str]:
    program = DYING.format(tests=os.fspath(TESTS), path=os.fspath(path), steps=steps)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)


def test_killed_at_any_step_it_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = int(die(lay(tmp_path / "whole"), 0).stdout)
    chance, found = random.Random(1), {1: 0, schema.SCHEMA_VERSION: 0}
    for steps in [*chance.sample(range(1, whole - 1), 4), whole - 1, whole]:
        folder = tmp_path / str(steps)
        folder.mkdir()
        path = lay(folder)
        assert die(path, steps).returncode == -signal.SIGKILL
        version = form(path)[0]
        found[version] += 1
        opened(path).close()
        is_present(path)
        shutil.rmtree(folder)
    assert all(found.values()), "before and after the commit"


@strace
def test_a_power_cut_leaves_the_older_form_or_the_present_one() -> None:
    seen = campaign("--images", "40", "--of", "migration")
    assert seen["images"] >= 40
    assert (seen["lost"], seen["refused"], seen["wrong"]) == (0, {}, 0)
