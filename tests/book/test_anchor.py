"""Shows that what was acknowledged cannot be lost unnoticed: older copies of the file, lost WAL tails, altered, deleted
and reordered pages are found, located and named (B6, B7); that a book without anchors is read-only until new ones are
made; and that an accepted loss opens coverage again."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from pathlib import Path

import apsw
import pytest

from book.world import ACCOUNT, T0, Clock, entry, exchange, held, open_book, sweep
from nostro import errors
from nostro.book import anchor
from nostro.book.anchor import Anchor, Anchors
from nostro.book.book import ROLLED_BACK, Book
from nostro.book.store import Head, Store
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Page


def entries(first: int, last: int) -> list[Page]:
    rows = [entry(number, str(number), "1") for number in range(first, last)]
    return sweep(
        "entries", rows, since_ns=T0 + first * SECOND_NS, until_ns=T0 + last * SECOND_NS,
        received_ns=T0 + last * SECOND_NS,
    )  # fmt: skip


def proven_until_s(book: Book) -> list[tuple[str, int]]:
    tiles = book.coverage(ACCOUNT, "entries", since_ns=T0, until_ns=T0 + 20 * SECOND_NS)
    return [(tile.status, (tile.until_ns - T0) // SECOND_NS) for tile in tiles]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), entries(0, 5))
    shutil.copy(tmp_path / "b.db", tmp_path / "older.db")
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), entries(5, 10))
    return tmp_path / "b.db"


def opened(path: Path) -> apsw.Connection:
    """The book's database, behind the book's back."""
    connection = Store(path).engine.connection
    assert isinstance(connection, apsw.Connection)
    return connection


def raw(path: Path) -> apsw.Connection:
    """As `opened`, and nothing is append-only any more."""
    connection = opened(path)
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


def test_an_older_copy_is_refused_and_the_lost_pages_are_named(path: Path) -> None:
    shutil.copy(path.with_name("older.db"), path)
    with pytest.raises(errors.RolledBack, match="pages 3 to 4 of account main") as refused, open_book(path):
        pass
    assert "--accept-rollback" in refused.value.hint


def test_an_accepted_loss_is_on_the_record_and_what_it_proved_is_open_again(path: Path) -> None:
    with open_book(path) as book:
        assert proven_until_s(book) == [("proven", 10), ("open", 20)]
    shutil.copy(path.with_name("older.db"), path)
    with open_book(path, accept_rollback=True) as book:
        assert proven_until_s(book) == [("proven", 5), ("open", 20)]
        told = [json.loads(entered.page.body) for entered in book.journal(ACCOUNT, stream=ROLLED_BACK)]
        assert [(one["account"], one["first"], one["last"], one["head"]) for one in told] == [(ACCOUNT, 3, 4, 2)]
        again = book.append(held(book), entries(5, 10))
        assert (again.new, again.late) == (5, 0)
        assert proven_until_s(book) == [("proven", 10), ("open", 20)]
    with open_book(path) as book:
        book.verify()


def test_a_copy_without_the_account_is_refused_and_can_be_accepted(path: Path) -> None:
    other = path.with_name("other.db")
    Book.open(other, create=True, now_ns=Clock(), registry=exchange).close()
    shutil.copy(other, path)
    with pytest.raises(errors.RolledBack, match="pages 1 to 4 of account main"), open_book(path):
        pass
    with open_book(path, accept_rollback=True) as book:
        assert book.accounts() == []
        book.add_account(ACCOUNT, "small", dialect="bare", since_ns=T0)
        assert book.append(held(book), entries(0, 5)).new == 5


def test_a_wal_that_lost_its_tail_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    refused = 0
    with open_book(path) as book:
        lease = held(book)
        for number in range(8):
            book.append(lease, entries(number, number + 1))
        wal = path.with_name("b.db-wal").read_bytes()
        shutil.copy(path, tmp_path / "copy.db")
    shutil.copytree(tmp_path / "b.db.anchor", tmp_path / "copy.db.anchor")
    frame = 24 + 16_384
    for kept in range(1, (len(wal) - 32) // frame):
        copy = tmp_path / "copy.db"
        base = copy.read_bytes()
        flipped = bytearray(wal)
        flipped[32 + kept * frame + 100] ^= 1
        copy.with_name("copy.db-wal").write_bytes(flipped)
        try:
            with open_book(copy) as book:
                assert len(list(book.facts("entry", ACCOUNT))) == 8
        except errors.RolledBack:
            refused += 1
        for left in tmp_path.glob("copy.db-*"):
            left.unlink()
        copy.write_bytes(base)
    assert refused > 10


def test_a_book_without_anchors_opens_for_reading_until_it_gets_new_ones(path: Path) -> None:
    shutil.rmtree(path.with_name("b.db.anchor"))
    with open_book(path) as book:
        assert "no anchor" in book.warnings[0]
        assert len(list(book.facts("entry", ACCOUNT))) == 10
        for write in (lambda: held(book), book.rebuild, lambda: book.set_dialect(ACCOUNT, "named")):
            with pytest.raises(errors.NoAnchor, match="main has no anchor"):
                write()
        book.new_anchor()
        assert book.append(held(book), entries(10, 11)).new == 1
    with open_book(path) as book:
        assert book.warnings == []


def test_a_head_past_its_anchor_is_good(path: Path) -> None:
    folder = path.with_name("b.db.anchor")
    before = {file: file.read_bytes() for file in folder.iterdir()}
    with open_book(path) as book:
        book.append(held(book), entries(10, 11))
    for file, content in before.items():
        file.write_bytes(content)
    with open_book(path) as book:
        assert book.append(held(book), entries(11, 12)).new == 1


def test_an_anchor_that_is_none_is_named(path: Path) -> None:
    (path.with_name("b.db.anchor") / "main.json").write_text("{")
    with pytest.raises(errors.Corrupted, match=r"main\.json is no anchor"), open_book(path):
        pass


def hashed(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def told(number: int) -> Anchor:
    return Anchor(ACCOUNT, number, hashed(number).hex())


def test_a_write_that_is_torn_anywhere_leaves_the_anchor_before_it(tmp_path: Path) -> None:
    """Byte by byte, and byte by byte from the end: 512 bytes are the least that a disk writes at once, none is asked
    for."""
    anchors = Anchors(tmp_path / "b.db")
    for number in range(8, 12):  # of one digit and of two, and a head that went back
        anchors.write(ACCOUNT, Head(number, hashed(number)))
    (path,) = anchors.folder.iterdir()
    for number in (3, 4):
        before, was = path.read_bytes(), anchors.read()[ACCOUNT]
        anchors.write(ACCOUNT, Head(number, hashed(number)))
        after = path.read_bytes()
        assert anchors.read() == {ACCOUNT: told(number)}
        changed = [at for at in range(len(after)) if before[at] != after[at]]
        assert len(changed) > 60 and len(before) == len(after) and changed[-1] - changed[0] < 512
        seen = set()
        for at in range(changed[0], changed[-1] + 2):
            for torn in (after[:at] + before[at:], before[:at] + after[at:]):
                path.write_bytes(torn)
                found = anchors.read()[ACCOUNT]
                assert found in (was, told(number))
                seen.add(found)
                anchors.write(ACCOUNT, Head(99, hashed(99)))
                assert anchors.read() == {ACCOUNT: told(99)}
        assert len(seen) == 2
        path.write_bytes(after)


def test_one_who_was_paused_sees_that_his_anchor_is_not_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While he syncs his own, another writes two: the second lies in the place that he has chosen before."""
    anchors, syncs = Anchors(tmp_path / "b.db"), []
    anchors.write(ACCOUNT, Head(1, hashed(1)))
    pwrite = anchor.os.pwrite

    def paused(descriptor: int, line: bytes, offset: int) -> int:
        syncs.append(offset)
        if len(syncs) == 1:
            Anchors(tmp_path / "b.db").write(ACCOUNT, Head(2, hashed(2)))
            Anchors(tmp_path / "b.db").write(ACCOUNT, Head(3, hashed(3)))
        return pwrite(descriptor, line, offset)

    monkeypatch.setattr(anchor.os, "pwrite", paused)
    anchors.write(ACCOUNT, Head(4, hashed(4)))
    assert len(syncs) == 4  # his, the other's two, and his again
    assert anchors.read() == {ACCOUNT: told(4)}


def test_an_anchor_of_an_earlier_release_is_read_and_replaced(tmp_path: Path) -> None:
    anchors = Anchors(tmp_path / "b.db")
    anchors.folder.mkdir()
    path = anchors.folder / f"{ACCOUNT}.json"
    path.write_text(json.dumps({"account": ACCOUNT, "seq": 7, "hash": hashed(7).hex()}))
    assert anchors.read() == {ACCOUNT: told(7)}
    anchors.write(ACCOUNT, Head(8, hashed(8)))
    assert anchors.read() == {ACCOUNT: told(8)} and list(anchors.folder.iterdir()) == [path]


def test_the_chain_is_what_the_documents_say(path: Path) -> None:
    with open_book(path) as book:
        proof = book.verify()
        stored = [entered.page for entered in book.journal(ACCOUNT)]
    import msgspec

    hashed = bytes(32)
    for each in stored:
        envelope = msgspec.json.encode(msgspec.structs.replace(each, body=b""), order="deterministic")
        hashed = hashlib.sha256(hashed + struct.pack(">Q", len(envelope)) + envelope + each.body).digest()
    assert (proof.accounts[0].hash, proof.accounts[0].pages) == (hashed.hex(), len(stored))
    heads = msgspec.json.encode([ACCOUNT, len(stored), hashed.hex()])
    assert proof.head == hashlib.sha256(heads).hexdigest()


ALTERED = (
    ("UPDATE page SET content = (SELECT content FROM page WHERE seq = 1) WHERE seq = 2", 2),
    ("UPDATE page SET observed_ns = observed_ns + 1 WHERE seq = 2", 2),
    ("UPDATE page SET status = 404 WHERE seq = 3", 3),
    ("UPDATE page SET claims_until_ns = 1 WHERE seq = 2", 2),
    ("DELETE FROM page WHERE seq = 2", 2),
    ("DELETE FROM page WHERE seq = 1", 1),
    ("UPDATE page SET seq = -seq; UPDATE page SET seq = 5 + seq", 1),
)


@pytest.mark.parametrize(("statement", "seq"), ALTERED)
def test_an_altered_deleted_or_reordered_page_is_named(path: Path, statement: str, seq: int) -> None:
    connection = raw(path)
    connection.execute(statement)
    assert connection.total_changes() > 0
    connection.close()
    with pytest.raises((errors.ChainBroken, errors.RolledBack)) as found, open_book(path) as book:
        book.verify()
    assert f"page {seq}" in str(found.value) or "head" in str(found.value) or "pages 1" in str(found.value)


def test_a_deleted_last_page_is_found_at_open(path: Path) -> None:
    connection = raw(path)
    connection.execute("DELETE FROM page WHERE seq = 4")
    connection.close()
    with pytest.raises(errors.ChainBroken, match="head of account main"), open_book(path):
        pass


def test_an_altered_record_is_named(path: Path) -> None:
    connection = raw(path)
    altered = "CAST(replace(CAST(content AS TEXT), '\"1\"', '\"9\"') AS BLOB)"
    connection.execute(f"UPDATE record SET content = {altered} WHERE row_offset = 1 AND seq = 3")
    assert connection.changes() == 1
    connection.close()
    with open_book(path) as book:
        with pytest.raises(errors.Corrupted, match="row 1 of page 3 of account main"):
            book.verify()
        assert len(book.rebuild().changes) == 0
        book.verify()


def test_the_tables_refuse_to_be_rewritten(path: Path) -> None:
    connection = opened(path)
    for table in ("page", "record", "claim", "period_sum", "finding", "alias"):
        connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    for table in ("page", "record", "claim", "period_sum"):
        for statement in (f"UPDATE {table} SET seq = 1", f"DELETE FROM {table}"):
            with pytest.raises(apsw.ConstraintError, match=f"{table} is append-only"):
                connection.execute(statement)
    connection.close()


def test_two_accounts_have_chains_of_their_own(path: Path) -> None:
    with open_book(path) as book:
        book.add_account("second/one", "small", dialect="bare", since_ns=T0)
        book.append(book.acquire("second/one", "tests"), entries(0, 3))
        before = book.verify()
        assert [(one.account, one.pages) for one in before.accounts] == [(ACCOUNT, 4), ("second/one", 1)]
        book.append(held(book), entries(10, 11))
        assert book.verify().head != before.head
    anchors = sorted(anchor.name for anchor in path.with_name("b.db.anchor").iterdir())
    assert anchors == ["main.json", "second%2Fone.json"]
