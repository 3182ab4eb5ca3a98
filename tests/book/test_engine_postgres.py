"""Shows what is PostgreSQL's own about a book on it: what belongs to another program is left alone, a missing grant is
named, what was changed behind its back is found, texts keep their order, few words are said, and flipped bits are not
served."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import psycopg
import pytest

from book import world
from book.onserver import Statements, behind, engine_of, entries, opened
from book.world import ACCOUNT, T0, Clock, exchange, fill, held, open_book, page, sweep
from nostro import errors, limits
from nostro.book import schema
from nostro.book.book import Book
from nostro.domain.values import SECOND_NS
from nostro.postgres import address
from servers import Server


@pytest.fixture(autouse=True)
def on_the_server(engine: str, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "place", postgres.place)


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
