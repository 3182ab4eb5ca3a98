"""Shows what is PostgreSQL's own about a book on it: what belongs to another program is left alone, a missing grant is
named, a server that goes away at any statement loses and doubles nothing, one that comes back without what it
acknowledged is refused, writers of several accounts do not disturb each other, and flipped bits are not served."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from book import world
from book.world import ACCOUNT, T0, Clock, entry, exchange, fill, held, open_book, page, sweep
from nostro import errors, limits
from nostro.book import engine_postgres, schema
from nostro.book.book import Book
from nostro.book.engine_postgres import PostgresEngine
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Page
from nostro.postgres import address
from servers import Server


@pytest.fixture(autouse=True)
def on_the_server(engine: str, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "place", postgres.place)


def entries(first: int, last: int, **more: Any) -> list[Page]:
    rows = [entry(number, str(number), "1", **more) for number in range(first, last)]
    return sweep(
        "entries", rows, since_ns=T0 + first * SECOND_NS, until_ns=T0 + last * SECOND_NS,
        received_ns=T0 + last * SECOND_NS,
    )  # fmt: skip


def opened(postgres: Server, path: Path, name: str = "", **options: Any) -> Book:
    there = address(postgres.url(name), path.parent) if name else postgres.place(path)
    return Book.open(there, now_ns=Clock(), registry=exchange, **options)


def engine_of(book: Book) -> PostgresEngine:
    assert isinstance(book._store.engine, PostgresEngine)
    return book._store.engine


def behind(postgres: Server, path: Path, script: str) -> None:
    """Changes a book behind its back, and what is append-only too."""
    where = postgres.place(path).schema
    off = "".join(f"ALTER TABLE {table} DISABLE TRIGGER USER;" for table in ("page", *schema.DERIVED))
    postgres.say(f'SET search_path = "{where}"; {off} {script}')


# ── what is a book ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_database_without_a_book_is_told(postgres: Server, tmp_path: Path) -> None:
    for options in ({}, {"read_only": True}, {"read_only": True, "create": True}):
        with pytest.raises(errors.NotABook, match="holds no book"):
            opened(postgres, tmp_path / "b.db", **options)


def test_what_belongs_to_another_program_is_left_alone(postgres: Server, tmp_path: Path) -> None:
    where = postgres.place(tmp_path / "b.db").schema
    postgres.say(f"CREATE SCHEMA {where}; CREATE TABLE {where}.account (id BIGINT)")
    with pytest.raises(errors.NotABook, match="belongs to another program"):
        opened(postgres, tmp_path / "b.db", create=True)
    with postgres.connect() as connection:
        query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = %s"
        assert connection.execute(query, (where,)).fetchone() == (1,)
    postgres.say(f"CREATE TABLE {where}.form (application BIGINT, version BIGINT)")
    with pytest.raises(errors.NotABook, match="another program"):
        opened(postgres, tmp_path / "b.db", create=True)


def test_a_newer_book_is_left_alone(postgres: Server, tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db"):
        pass
    behind(postgres, tmp_path / "b.db", "UPDATE form SET version = version + 1")
    with pytest.raises(errors.SchemaTooNew, match=f"knows {schema.SCHEMA_VERSION}"):
        opened(postgres, tmp_path / "b.db", create=True)


def test_several_books_of_one_database_know_nothing_of_each_other(tmp_path: Path) -> None:
    with open_book(tmp_path / "a.db") as one, open_book(tmp_path / "b.db") as other:
        one.append(held(one), entries(0, 3))
        assert (len(list(one.facts("entry", ACCOUNT))), list(other.facts("entry", ACCOUNT))) == (3, [])
        assert one.path != other.path


def test_a_machine_keeps_its_anchors_in_its_home_however_the_book_is_addressed(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), entries(0, 3))
        folder = book.path.with_name(f"{book.path.name}.anchor")
        assert folder.parent == tmp_path
        assert [anchor.name for anchor in folder.iterdir()] == [f"{ACCOUNT}.json"]
    where = postgres.place(tmp_path / "b.db").schema
    monkeypatch.setenv("PGHOST", str(postgres.folder))
    monkeypatch.setenv("PGUSER", "postgres")
    there = address(f"postgresql:///postgres?schema={where}", tmp_path)
    with Book.open(there, now_ns=Clock(), registry=exchange) as again:
        assert (again.path, again.warnings) == (book.path, [])
    elsewhere = address(f"postgresql:///postgres?schema={where}", tmp_path / "elsewhere")
    with Book.open(elsewhere, now_ns=Clock(), registry=exchange) as other:
        assert "no anchor" in other.warnings[0]
        with pytest.raises(errors.NoAnchor):
            held(other)
        other.new_anchor()
        assert other.append(held(other), entries(3, 4)).new == 1
    with open_book(tmp_path / "b.db") as book:  # the first machine's anchor is behind, and the book good
        assert book.append(held(book), entries(4, 5)).new == 1


def test_two_processes_may_make_the_same_book(postgres: Server, tmp_path: Path) -> None:
    made: list[Book] = []
    makers = [
        threading.Thread(target=lambda: made.append(opened(postgres, tmp_path / "b.db", create=True))) for _ in range(4)
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert [book.accounts() for book in made] == [[]] * 4
    for book in made:
        book.close()


# ── grants ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_missing_grant_is_named_and_with_all_of_them_a_book_is_kept(postgres: Server, tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    where = postgres.place(path).schema
    there = address(postgres.url(where, user="clerk"), tmp_path)
    postgres.say("CREATE ROLE clerk LOGIN")
    granted = 0
    try:
        with pytest.raises(errors.Unwritable) as refused:
            Book.open(there, now_ns=Clock(), registry=exchange, create=True)
        assert 'GRANT CREATE ON DATABASE "postgres" TO "clerk"' in refused.value.hint
        with open_book(path):
            pass
        while True:
            try:
                book = Book.open(there, now_ns=Clock(), registry=exchange)
                break
            except errors.Unwritable as error:
                postgres.say(error.hint.removeprefix("let its owner say: ").partition(";")[0])
                granted += 1
        with book:
            assert book.append(held(book), entries(0, 9)).new == 9
            book.leave(ACCOUNT, page("motd", b"", received_ns=T0), holder="tests")
            book.empty_inbox(held(book))
            book.set_dialect(ACCOUNT, "named")
            book.verify()
            with pytest.raises(errors.Unwritable, match="lacks a grant"):
                book.rebuild()
        assert granted == 2 * len(schema.JOURNAL | schema.DERIVED) + 5
    finally:
        postgres.say("DROP OWNED BY clerk; DROP ROLE clerk")


# ── what is append-only, and what was changed all the same ───────────────────────────────────────────────────────


def test_the_tables_refuse_to_be_rewritten(tmp_path: Path) -> None:
    refused = 0
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), entries(0, 3))
        guarded = ("page", *(table for table in schema.DERIVED if table not in ("naming", "subject", "reader")))
        for table in guarded:
            for statement in (f"UPDATE {table} SET account = 1", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
                with pytest.raises(psycopg.errors.RaiseException, match="is append-only"):
                    engine_of(book).execute(statement)
                refused += 1
        book.verify()
    assert refused == 3 * len(guarded) > 15


ALTERED = (
    "UPDATE page SET content = (SELECT content FROM page WHERE seq = 1) WHERE seq = 2",
    "UPDATE page SET observed_ns = observed_ns + 1 WHERE seq = 2",
    "DELETE FROM page WHERE seq = 2",
    "DELETE FROM page WHERE seq = 4",
    "UPDATE page SET seq = -seq; UPDATE page SET seq = 5 + seq",
)


@pytest.mark.parametrize("statement", ALTERED)
def test_an_altered_deleted_or_reordered_page_is_named(postgres: Server, tmp_path: Path, statement: str) -> None:
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), entries(0, 12))
        assert book.head_seq(ACCOUNT) == 4
    behind(postgres, tmp_path / "b.db", statement)
    with pytest.raises((errors.ChainBroken, errors.RolledBack)), opened(postgres, tmp_path / "b.db") as book:
        book.verify()


def test_a_flipped_bit_is_refused_not_served(postgres: Server, tmp_path: Path) -> None:
    where = postgres.place(tmp_path / "b.db").schema
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), entries(0, 40))
        truth = repr(list(book.facts("entry", ACCOUNT)))
    with postgres.connect() as connection:
        connection.execute("CHECKPOINT")
        found = connection.execute(f"SELECT pg_relation_filepath('{where}.record')").fetchone()
    assert found is not None
    file = postgres.folder / found[0]
    chance, refused = random.Random(1), 0
    for _ in range(4):
        postgres.stop()
        kept = file.read_bytes()
        flipped = bytearray(kept)
        flipped[chance.randrange(len(kept) // 2, len(kept))] ^= 1 << chance.randrange(8)
        file.write_bytes(flipped)
        postgres.start()
        try:
            with opened(postgres, tmp_path / "b.db") as book:
                assert repr(list(book.facts("entry", ACCOUNT))) == truth
        except errors.Corrupted:
            refused += 1
        postgres.stop()
        file.write_bytes(kept)
        postgres.start()
    assert refused == 4


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_text_comes_back_in_the_order_of_its_bytes(tmp_path: Path) -> None:
    """NUL too, which PostgreSQL does not store, and whatever the server's locale thinks of letters."""
    texts = ["", "\x00", "\x00\x00", "\x00\x01", "\x01", "\x01\x00", "\x01\x02", "\x02", "B", "a", "b", "ä", "€", "😀"]
    with open_book(tmp_path / "b.db") as book:
        store = book._store
        with store.writing():
            for text in random.Random(1).sample(texts, len(texts)):
                store.words.number(text)
        engine = engine_of(book)
        assert [row[0] for row in engine.all("SELECT text FROM word WHERE id > 0 ORDER BY text")] == sorted(texts)
        for text in texts:
            number = engine.value("SELECT id FROM word WHERE text = ?", (text,))
            assert engine.value("SELECT text FROM word WHERE id = ?", (number,)) == text
        with store.writing():
            rows = [(1, 1, number, text, 1, "", 0, 0, text) for number, text in enumerate(texts)]
            engine.insert("finding", rows)  # by COPY
        found = engine.all("SELECT what, detail FROM finding ORDER BY ordinal")
        assert found == [(text, text) for text in texts]


# ── how much is said ─────────────────────────────────────────────────────────────────────────────────────────────


class Statements:
    """What an engine says to its server. ``at``: the number of the one at which the connection is cut, ``before`` it is
    said or after."""

    def __init__(self, engine: PostgresEngine, *, at: int = 0, before: bool = True) -> None:
        self.said: list[str] = []
        self._engine, self._at, self._before = engine, at, before
        self._cursor = engine._cursor
        engine._cursor = self  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def _cut(self, statement: str, say: Callable[[], Any]) -> Any:
        self.said.append(statement)
        if len(self.said) != self._at:
            return say()
        if not self._before:
            say()
        self._engine._connection.pgconn.finish()
        raise psycopg.OperationalError("the line is cut")

    def execute(self, statement: str, *values: Any, **options: Any) -> Any:
        return self._cut(statement, lambda: self._cursor.execute(statement, *values, **options))

    def copy(self, statement: str) -> Any:
        return self._cut(statement, lambda: self._cursor.copy(statement))


def test_a_page_takes_few_statements_however_many_rows_it_has(tmp_path: Path) -> None:
    rows = [fill(number, amount=str(number + 1)) for number in range(300)]
    bounds = {"since_ns": T0, "until_ns": T0 + 400 * SECOND_NS, "rows": 1_000}
    with open_book(tmp_path / "b.db") as book:
        lease = held(book)
        for number, most in enumerate((60, 30, 30)):  # the first one gives names their numbers
            statements = Statements(engine_of(book))
            book.append(lease, sweep("fills", rows[number:], received_ns=T0 + (1 + number) * 10**12, **bounds))
            assert 5 < len(statements.said) < most, statements.said
            engine_of(book)._cursor = statements._cursor


def test_many_rows_are_fetched_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_book(tmp_path / "b.db") as book:
        rows = [fill(number, amount=str(number + 1)) for number in range(700)]
        book.append(held(book), sweep(
            "fills", rows, since_ns=T0, until_ns=T0 + 800 * SECOND_NS, received_ns=T0 + 10**12, rows=1_000
        ))  # fmt: skip
        engine = engine_of(book)
        with book._store.reading():
            statements = Statements(engine)
            walk = engine.rows("SELECT content FROM record ORDER BY effective_ns")
            next(walk)
            assert sum(said.startswith("FETCH") for said in statements.said) == 1
            assert engine._cursor.rowcount == limits.FETCHED_FIRST
            assert len(list(walk)) == 699
            fetched = [said for said in statements.said if said.startswith("FETCH")]
            assert 3 < len(fetched) < 8
            assert statements.said[-1].startswith("CLOSE")


# ── a server that goes away ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("before", [True, False])
def test_a_line_cut_at_any_statement_loses_and_doubles_nothing(tmp_path: Path, before: bool) -> None:
    """Before the statement is said, or after it was carried out; that of the commit too."""
    cuts = written = refused = 0
    with open_book(tmp_path / "b.db") as book:
        while True:
            lease, number = held(book), cuts * 5
            statements = Statements(engine_of(book), at=cuts + 1, before=before)
            before_seq = book.head_seq(ACCOUNT)
            try:
                appended = book.append(lease, entries(number, number + 5))
            except errors.Unreachable as error:
                refused += not isinstance(error, errors.Uncertain)
                assert book.head_seq(ACCOUNT) == before_seq
                assert book.append(held(book), entries(number, number + 5)).new == 5
            else:
                written += 1
                assert appended.new == 5
            cuts += 1
            assert book.head_seq(ACCOUNT) == before_seq + 2
            if engine_of(book)._cursor is statements:
                break  # the append ended before the cut
        assert len(list(book.facts("entry", ACCOUNT))) == cuts * 5
        book.verify()
        state = book.state_hash()
        assert (book.rebuild().changes, book.state_hash()) == ((), state)
    assert (refused + written, refused > 10) == (cuts, True)
    assert written < 8  # what is said outside the transaction is said again, and a commit is looked for


def test_where_nobody_can_say_whether_it_was_written_the_next_call_looks(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_book(tmp_path / "b.db") as book:
        lease = held(book)
        for number, commits in enumerate((True, False)):
            engine = engine_of(book)
            run = engine._run

            def dying(statement: str, *values: Any, run: Any = run, commits: bool = commits, **options: Any) -> Any:
                if not options.get("committing"):
                    return run(statement, *values, **options)
                if commits:
                    run(statement, *values, **options)
                postgres.stop("immediate")
                return run("SELECT 1", **options)

            with monkeypatch.context() as patch:
                patch.setattr(engine, "_run", dying)
                with pytest.raises(errors.Uncertain, match="told to commit") as raised:
                    book.append(lease, entries(number, number + 1))
            assert (raised.value.happened, raised.value.repeat) == ("maybe", True)
            with pytest.raises(errors.Unreachable, match="cannot be reached"):
                book.append(lease, entries(number, number + 1))
            postgres.start()
            again = book.append(lease, entries(number, number + 1))
            assert (again.new, again.repeated) == ((0, 1) if commits else (1, 0))
        assert len(list(book.facts("entry", ACCOUNT))) == 2
        book.verify()
    with open_book(tmp_path / "b.db") as book:
        book.verify()


def test_a_restart_between_two_calls_is_not_noticed(postgres: Server, tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        lease = held(book)
        book.append(lease, entries(0, 3))
        streaming = book.facts("entry", ACCOUNT)
        next(streaming)
        postgres.restart()
        assert book.append(lease, entries(3, 6)).new == 3
        postgres.restart("immediate")
        assert len(list(book.facts("entry", ACCOUNT))) == 6
        streaming.close()
        book.verify()


def test_a_server_that_comes_back_without_what_it_acknowledged_is_refused(postgres: Server, tmp_path: Path) -> None:
    """As one does that failed over to a copy that was behind."""
    with open_book(tmp_path / "b.db") as book:
        lease = held(book)
        book.append(lease, entries(0, 3))
        before = book._store.head(1)
        book.append(lease, entries(3, 9))
        behind(
            postgres,
            tmp_path / "b.db",
            f"""
            DELETE FROM page WHERE seq > {before.seq}; DELETE FROM record WHERE seq > {before.seq};
            DELETE FROM claim WHERE seq > {before.seq}; DELETE FROM period_sum WHERE seq > {before.seq};
            UPDATE chain SET seq = {before.seq}, hash = '\\x{before.hash.hex()}'""",
        )
        with pytest.raises(errors.RolledBack, match="pages 2 to 3 of account main"):
            book.append(lease, entries(9, 12))
    with pytest.raises(errors.RolledBack, match="pages 2 to 3 of account main"):
        opened(postgres, tmp_path / "b.db")
    with open_book(tmp_path / "b.db", accept_rollback=True) as book:
        assert book.append(held(book), entries(3, 9)).new == 6
        book.verify()


# ── several writers ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_writer_that_is_paused_half_way_loses_its_account_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the row of its head; the server ends it when its lease would have ended."""
    short = engine_postgres._WRITE.replace(str(limits.LEASE_S * 1_000), "300")
    assert short != engine_postgres._WRITE
    monkeypatch.setattr(engine_postgres, "_WRITE", short)
    clock = Clock()
    with open_book(tmp_path / "b.db", clock=clock) as paused, open_book(tmp_path / "b.db", clock=clock) as other:
        lease = paused.acquire(ACCOUNT, "paused")

        def while_paused() -> Any:
            yield entries(0, 1)[0]
            clock.now_ns += (limits.LEASE_S + 1) * SECOND_NS
            other.append(other.acquire(ACCOUNT, "other"), entries(5, 6))
            yield entries(1, 2)[0]

        with pytest.raises(errors.Unreachable):
            paused.append(lease, while_paused())
        with pytest.raises(errors.Fenced, match="nothing was written"):
            paused.append(lease, entries(0, 1))
        assert [fact.native_id for fact in other.facts("entry", ACCOUNT)] == ["5"]
        other.verify()


def test_writers_of_several_accounts_do_not_disturb_each_other(postgres: Server, tmp_path: Path) -> None:
    """Each gives numbers to words that the others give at the same time."""
    names, failed = [f"a{number}" for number in range(3)], []
    with open_book(tmp_path / "b.db") as book:
        for name in names:
            book.add_account(name, "small", dialect="bare", since_ns=T0)

    def write(name: str) -> None:
        with opened(postgres, tmp_path / "b.db") as book:
            lease = book.acquire(name, name)
            for number in range(12):
                try:
                    book.append(lease, entries(number, number + 1, asset=f"WORD{number}"))
                except (errors.NostroError, psycopg.Error) as error:
                    failed.append(error)

    writers = [threading.Thread(target=write, args=(name,)) for name in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed
    with open_book(tmp_path / "b.db") as book:
        for name in names:
            assert [fact.asset for fact in book.facts("entry", name)] == [f"WORD{n}" for n in range(12)]  # type: ignore[attr-defined]
        before = book.state_hash()
        assert (book.rebuild().changes, book.state_hash()) == ((), before)
        book.verify()


def test_two_that_take_an_ended_lease_at_once_do_not_both_get_it(postgres: Server, tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db"):
        pass
    leases, refused, start = [], [], threading.Barrier(4)

    def take(number: int) -> None:
        with opened(postgres, tmp_path / "b.db") as book:
            start.wait()
            try:
                leases.append(book.acquire(ACCOUNT, f"holder {number}"))
            except errors.Conflict as error:
                refused.append(error)

    takers = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert (len(leases), len(refused)) == (1, 3)


def test_who_waits_too_long_for_another_is_told(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as one, open_book(tmp_path / "b.db") as other:
        engine_of(other).run("SET lock_timeout = 100")
        with one._store.writing():
            one._store.hold_head(1)
            with pytest.raises(errors.Conflict, match="another process"):
                held(other)
        assert held(other)
