"""Shows that the venue's journal loses nothing that was answered, carries nothing out twice, and comes back to the same
state after a kill, a failed write and a restart from a snapshot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import apsw
import pytest

from nostro import limits, sqlite
from nostro.errors import Conflict, Corrupted, NotABook, SchemaTooOld, Unwritable
from nostro.link.commands import Accepted, CancelAll, MoveMargin, PlaceOrder, Rejected
from nostro.paper.host import discard
from nostro.paper.venue import journal as journals
from nostro.paper.venue.commands import Envelope
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.journal import Journal
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.venue import Venue
from paper.venue.scenario import PROFILE, START_NS
from paper.venue.workload import Workload

MARGIN = ("movements", "borrows", "repayments", "interest", "liquidations")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "venue.db"


def opened(path: Path, **options) -> Venue:
    return Venue.open(path, now_ns=lambda: START_NS, profile=PROFILE, **options)


def filled(venue: Venue, count: int, seed: int = 3) -> None:
    workload = Workload(seed)
    with venue.batch():
        for _ in range(count):
            envelope = workload.next()
            venue.carry_out(envelope.command, user=envelope.user, at_ns=envelope.at_ns)


def stored(venue: Venue) -> dict[str, list[object]]:
    """Every row of every table that a command leaves."""
    connection = venue._journal.connection
    tables = ("commands", "users", "orders", "fills", "entries", "trades", "transfers", "bars", *MARGIN)
    return {table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}


def test_what_is_stored_is_what_the_engine_said(path: Path) -> None:
    """Rows in the journal equal the rows of a fresh engine over the same commands, the latest state of each order,
    transfer and borrow."""
    with opened(path) as venue:
        filled(venue, 2_400)
        engine = Engine(PROFILE)
        orders, transfers, fills, entries = {}, {}, [], []
        margin = {name: {} for name in MARGIN}
        for envelope, answer in venue._journal.commands():
            outcome = engine.apply(envelope)
            assert outcome.answer == answer
            orders |= {order.id: order for order in outcome.orders}
            transfers |= {(row.direction, row.id): row for row in outcome.transfers}
            fills += outcome.fills
            entries += outcome.entries
            for name, rows in margin.items():
                rows |= {row.id: row for row in getattr(outcome, name)}
        users = range(1, 6)
        assert engine.state_hash() == venue.engine.state_hash()
        assert sorted((row for user in users for row in venue.orders(user)), key=lambda row: row.id) == [
            orders[number] for number in sorted(orders)
        ]
        assert sorted((row for user in users for row in venue.entries(user)), key=lambda row: row.id) == entries
        found = {(row.id, row.user): row for user in users for row in venue.fills(user)}
        assert found == {(row.id, row.user): row for row in fills}
        moved = [row for user in users for way in ("deposit", "withdrawal") for row in venue.transfers(user, way)]
        assert {(row.direction, row.id): row for row in moved} == transfers
        for name, rows in margin.items():
            found = sorted((row for user in users for row in getattr(venue, name)(user)), key=lambda row: row.id)
            assert found == list(rows.values()), name
        assert min(len(orders), len(fills), len(entries), len(transfers), *map(len, margin.values())) > 20


@pytest.mark.parametrize("every", [7, 100, 10_000])
def test_a_restart_comes_back_to_the_same_state(path: Path, monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    """With snapshots, with few, and with none; and no more of them are kept than said."""
    monkeypatch.setattr(limits, "SNAPSHOT_COMMANDS", every)
    monkeypatch.setattr(limits, "BATCH_COMMANDS", 50)
    with opened(path) as venue:
        filled(venue, 620)
        before = venue.engine.state_hash()
    with opened(path) as venue:
        assert venue.engine.state_hash() == before
        assert venue.last_command == 620
        kept = venue._journal.connection.execute("SELECT count(*) FROM snapshots").get
        assert kept == (0 if every == 10_000 else limits.SNAPSHOTS_KEPT)
        venue.submit(1, CancelAll())
        assert venue.last_command == 621


def test_a_repeated_command_is_answered_and_not_done_again(path: Path) -> None:
    """E14: accepted and refused ones, at once and after a restart."""
    command = PlaceOrder(
        wallet="spot", instrument="APPLE/COIN", side="buy", type="limit", amount=Decimal(1), price=Decimal(2)
    )
    with opened(path) as venue:
        filled(venue, 100)
        first = venue.carry_out(command, user=1, command_id=500)
        refused = venue.carry_out(command, user=77, command_id=501)
        assert isinstance(first.answer, Accepted)
        assert isinstance(refused.answer, Rejected)
        before = stored(venue)
        again = venue.carry_out(command, user=1, command_id=500)
        assert (again.answer, again.orders, again.entries) == (first.answer, [], [])
        assert venue.carry_out(command, user=77, command_id=501).answer == refused.answer
        assert stored(venue) == before
    with opened(path) as venue:
        assert venue.carry_out(command, user=1, command_id=500).answer == first.answer
        assert stored(venue) == before
        with pytest.raises(Conflict):
            venue.carry_out(command, user=1, command_id=400)


def test_a_write_that_fails_never_happened(path: Path) -> None:
    """The disk is full: the command raises, the engine goes back, and once there is space all goes on."""
    with opened(path) as venue:
        filled(venue, 300)
        before, rows = venue.engine.state_hash(), stored(venue)
        pages = venue._journal.connection.pragma("page_count")
        venue._journal.connection.pragma("max_page_count", pages)
        with pytest.raises(Unwritable):
            filled(venue, 3_000, seed=4)
        assert venue.engine.state_hash() == before
        assert stored(venue) == rows
        venue._journal.connection.pragma("max_page_count", 1_000_000)
        assert isinstance(venue.submit(1, CancelAll()), Accepted)
        after = venue.engine.state_hash()
    with opened(path) as venue:
        assert venue.engine.state_hash() == after


def test_a_write_that_is_interrupted_never_happened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends a commit, also what is no error of ours: the engine is what the journal has."""
    with opened(path) as venue:
        filled(venue, 300)
        before, rows, write = venue.engine.state_hash(), stored(venue), venue._journal._write

        def interrupted(engine: object) -> None:
            write(engine)
            raise KeyboardInterrupt

        monkeypatch.setattr(venue._journal, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            venue.deposit(1, "COIN", amount=Decimal(1))
        assert venue.engine.state_hash() == before
        assert stored(venue) == rows
        monkeypatch.undo()
        assert isinstance(venue.submit(1, CancelAll()), Accepted)
    with opened(path) as venue:
        venue.engine.check()


def test_a_second_writer_is_noticed(path: Path) -> None:
    with opened(path) as venue, opened(path) as other:
        filled(venue, 30)
        with pytest.raises(Conflict):
            other.tick()
        assert other.engine.state_hash() == venue.engine.state_hash()
        other.tick()


def test_a_refusal_that_is_worded_otherwise_by_now_is_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path) as venue:
        filled(venue, 60)
        before = venue.engine.state_hash()
    real, worded = Engine.apply, []

    def apply(engine: Engine, envelope: Envelope) -> Outcome:
        outcome = real(engine, envelope)
        if isinstance(outcome.answer, Rejected):
            worded.append(envelope.id)
            outcome.answer = Rejected(outcome.answer.reason, "in other words")
        return outcome

    monkeypatch.setattr(Engine, "apply", apply)
    with opened(path) as venue:
        assert venue.engine.state_hash() == before
    assert worded, "nothing was refused"


def test_a_journal_that_comes_to_other_answers_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path) as venue:
        filled(venue, 60)
    real = Engine._place
    monkeypatch.setattr(Engine, "_place", lambda self, command, user, at_ns: real(self, command, 77, at_ns))
    with pytest.raises(Corrupted):
        opened(path)


def test_the_seed_and_the_profile_belong_to_the_file(path: Path) -> None:
    with opened(path, seed=7) as venue:
        key = venue.create_login("ann", "ann@paper.example", permissions={"read"}).key
        token = venue.sign_tokens_with()
    with pytest.raises(Conflict):
        opened(path, seed=8)
    with Venue.open(path, now_ns=lambda: START_NS) as venue:
        assert venue.profile == PROFILE
        assert venue.login_by_key(key) is not None
        assert venue.sign_tokens_with() == token
    with pytest.raises(NotABook):
        opened(path.with_name("none.db"), create=False)
    assert not path.with_name("none.db").exists()


def test_no_amount_is_stored_as_a_floating_point_number(path: Path) -> None:
    with opened(path) as venue:
        filled(venue, 700)
        venue.fund(1, "COIN", amount=Decimal(10) ** 28, wallet="spot")
        connection = venue._journal.connection
        found, wide = 0, 0
        for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})").fetchall()]
            for row in connection.execute(f"SELECT {', '.join(f'typeof({name})' for name in columns)} FROM {table}"):
                assert "real" not in row
                found += 1
            wide += sum(isinstance(row[7], str) for row in connection.execute("SELECT * FROM entries").fetchall())
        assert found > 500
        assert wide
        assert list(venue.entries(1))[-1].total_delta == Decimal(10) ** 28
        about = {"account": 1, "wallet": "cross_margin", "asset": "COIN"}
        venue.submit(1, MoveMargin(direction="add", amount=Decimal(10) ** 28, **about))
        assert list(venue.movements(1))[-1].amount == Decimal(10) ** 28
        assert Engine.restore(PROFILE, venue.engine.snapshot()).state_hash() == venue.engine.state_hash()


KILLED = """
import sys, time
from pathlib import Path
from nostro.paper.venue.venue import Venue
from paper.venue.scenario import PROFILE
from paper.venue.workload import Workload
venue, workload = Venue.open(Path(sys.argv[1]), now_ns=lambda: 0, profile=PROFILE), Workload(int(sys.argv[2]))
while True:
    envelope = workload.next()
    outcome = venue.carry_out(envelope.command, user=envelope.user, at_ns=envelope.at_ns)
    print(venue.last_command, flush=True)
"""


def acknowledged(path: Path, seed: int, least: int) -> Iterator[int]:
    """Command numbers that a writing process answered, until it is killed in the middle of its work."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
    }
    writer = [sys.executable, "-c", KILLED, str(path), str(seed)]
    with subprocess.Popen(writer, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield int(line)
            if int(line) == least:
                process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("seed", range(int(os.environ.get("NOSTRO_VENUE_KILLS", "3"))))
def test_nothing_answered_is_lost_by_a_kill(path: Path, seed: int) -> None:
    numbers = list(acknowledged(path, seed, 150 + 61 * seed))
    assert len(numbers) >= 150
    with opened(path) as venue:
        assert venue.last_command >= numbers[-1]
        assert venue.last_command - numbers[-1] <= 1
        engine, entries = Engine(PROFILE), 0
        for envelope, _ in venue._journal.commands():
            entries += len(engine.apply(envelope).entries)
        assert engine.state_hash() == venue.engine.state_hash()
        assert venue._journal.connection.execute("SELECT count(*) FROM entries").get == entries > 0


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_a_venue_of_an_older_schema_is_refused_until_it_is_reset(path: Path, schema: int) -> None:
    """The first had no margin, the second no contracts, the third no portfolio margin; its past is made up, and so is a
    new one."""
    opened(path).close()
    connection = apsw.Connection(str(path), vfs=sqlite.VFS)
    connection.pragma("user_version", schema)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(SchemaTooOld, match=f"schema {schema}") as caught:
        opened(path)
    assert "nostro paper reset" in caught.value.hint
    assert path.read_bytes() == before
    discard(path.parent)  # what the command does
    assert not path.parent.exists()


def test_a_file_of_another_program_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database, and longer than a header of one must be: " * 20)
    with pytest.raises(NotABook):
        Journal(path, create=True)
    assert journals.APPLICATION_ID
