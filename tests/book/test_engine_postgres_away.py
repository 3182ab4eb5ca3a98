"""Shows that a server which goes away at any statement loses and doubles nothing, that one which comes back without
what it acknowledged is refused, and that several writers of one book do not disturb each other."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from book import world
from book.onserver import Statements, behind, engine_of, entries, opened
from book.world import ACCOUNT, T0, Clock, held, open_book
from nostro import errors, limits
from nostro.book import engine_postgres
from nostro.domain.values import SECOND_NS
from servers import Server


@pytest.fixture(autouse=True)
def on_the_server(engine: str, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "place", postgres.place)


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
