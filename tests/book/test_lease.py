"""Shows that one process at a time appends to an account: a lease that was taken over writes nothing more, pages of
other processes come through the inbox, and readers see one moment of the book while it is written."""

from __future__ import annotations

import random
import resource
import threading
from pathlib import Path

import pytest

from book.world import ACCOUNT, T0, Clock, contents, entry, fill, held, open_book, page, sweep
from nostro import errors, limits
from nostro.book.pages import page_of_ours
from nostro.domain.values import SECOND_NS


def pages(number: int) -> list:  # type: ignore[type-arg]
    since_ns = T0 + number * SECOND_NS
    return sweep(
        "entries", [entry(number, str(number), "1")], since_ns=since_ns, until_ns=since_ns + SECOND_NS,
        received_ns=since_ns,
    )  # fmt: skip


def test_a_living_lease_keeps_others_out_until_it_ends(tmp_path: Path) -> None:
    clock = Clock()
    with open_book(tmp_path / "b.db", clock=clock) as one, open_book(tmp_path / "b.db", clock=clock) as other:
        lease = one.acquire(ACCOUNT, "one")
        with pytest.raises(errors.Conflict, match="being collected by one"):
            other.acquire(ACCOUNT, "other")
        one.release(lease)
        taken = other.acquire(ACCOUNT, "other")
        clock.now_ns += (limits.LEASE_S - 1) * SECOND_NS
        other.append(taken, pages(0))
        clock.now_ns += (limits.LEASE_S - 1) * SECOND_NS
        with pytest.raises(errors.Conflict):
            one.acquire(ACCOUNT, "one")
        renewed = other.renew(taken)
        assert renewed.expires_ns > taken.expires_ns
        clock.now_ns += (limits.LEASE_S + 1) * SECOND_NS
        assert one.acquire(ACCOUNT, "one").token > taken.token


def test_who_follows_a_book_sees_what_moved_and_who_may_move_it(tmp_path: Path) -> None:
    clock = Clock()
    with open_book(tmp_path / "b.db", clock=clock) as one, open_book(tmp_path / "b.db", clock=clock) as reader:
        assert [(each.account, each.seq, each.expires_ns) for each in reader.chains()] == [(ACCOUNT, 0, 0)]
        lease = one.acquire(ACCOUNT, "one")
        assert [(each.seq, each.holder, each.expires_ns) for each in reader.chains()] == [(0, "one", lease.expires_ns)]
        grown = one.append(lease, pages(0)).head.seq
        assert grown > 0
        assert [each.seq for each in reader.chains()] == [grown]
        one.release(lease)
        assert [(each.seq, each.expires_ns) for each in reader.chains()] == [(grown, 0)]


def test_a_paused_holder_is_fenced_and_writes_nothing(tmp_path: Path) -> None:
    clock, fenced = Clock(), 0
    with open_book(tmp_path / "b.db", clock=clock) as paused, open_book(tmp_path / "b.db", clock=clock) as other:
        lease = paused.acquire(ACCOUNT, "paused")
        paused.append(lease, pages(0))
        clock.now_ns += (limits.LEASE_S + 1) * SECOND_NS
        other.append(other.acquire(ACCOUNT, "other"), pages(1))
        for number in range(5):
            with pytest.raises(errors.Fenced, match="nothing was written"):
                paused.append(lease, pages(number))
            fenced += 1
        with pytest.raises(errors.Fenced):
            paused.renew(lease)
        paused.release(lease)
        with pytest.raises(errors.Conflict):
            paused.acquire(ACCOUNT, "paused")
        assert fenced == 5
        assert len(list(other.journal(ACCOUNT))) == 2
        assert len(contents(other.facts("entry", ACCOUNT))) == 2
        other.verify()
        clock.now_ns += (limits.LEASE_S + 1) * SECOND_NS
        again = paused.append(paused.acquire(ACCOUNT, "paused"), [*pages(0), *pages(1), *pages(2)])
        assert (again.new, again.repeated) == (1, 2)


def test_pages_of_other_processes_come_through_the_inbox(tmp_path: Path) -> None:
    clock = Clock()
    with open_book(tmp_path / "b.db", clock=clock) as one, open_book(tmp_path / "b.db", clock=clock) as other:
        note = page_of_ours("nostro:decision", b'{"why": "a person says so"}', now_ns=T0)
        assert other.leave(ACCOUNT, note, holder="cli") is True
        lease = one.acquire(ACCOUNT, "one")
        assert other.leave(ACCOUNT, note, holder="cli") is False
        assert other.leave(ACCOUNT, note, holder="cli") is False
        assert len(list(one.journal(ACCOUNT))) == 1
        assert one.empty_inbox(lease).head.seq == 3
        assert one.empty_inbox(lease).head.seq == 3
        assert [entered.page for entered in one.journal(ACCOUNT, stream="nostro:decision")] == [note] * 3
        large = page_of_ours("nostro:decision", bytes(limits.INBOX_BYTES_MAX), now_ns=T0)
        with pytest.raises(errors.BadValue, match="too large"):
            other.leave(ACCOUNT, large, holder="cli")


def test_an_answer_sees_one_moment_of_the_book(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book, open_book(tmp_path / "b.db", read_only=True) as reader:
        lease = held(book)
        book.append(lease, pages(0))
        streaming = reader.facts("entry", ACCOUNT)
        first = next(streaming)
        book.append(lease, [*pages(1), *pages(2)])
        assert [first.native_id, *(fact.native_id for fact in streaming)] == ["0"]
        assert len(list(reader.facts("entry", ACCOUNT))) == 3
        abandoned = reader.facts("entry", ACCOUNT)
        next(abandoned)
        abandoned.close()
        assert len(reader._readers) == 1


def test_reports_add_up_while_the_book_is_written(tmp_path: Path) -> None:
    """The banker's check: each page moves an amount from one asset to another, so every answer must sum to zero."""
    path, wrong, asked, done = tmp_path / "b.db", [], 0, threading.Event()

    def write() -> None:
        with open_book(path) as book:
            for number in range(60):
                at_ns = T0 + number * SECOND_NS
                rows = [entry(number, f"a{number}", "1.5"), entry(number, f"b{number}", "-1.5", asset="USDT")]
                book.append(held(book), sweep(
                    "entries", rows, since_ns=at_ns, until_ns=at_ns + SECOND_NS, received_ns=at_ns
                ))  # fmt: skip
        done.set()

    with open_book(path):
        pass
    writer = threading.Thread(target=write)
    writer.start()
    with open_book(path, read_only=True) as reader:
        while not done.is_set():
            asked += 1
            if sum(row.amount for row in reader.ledger_sums(ACCOUNT)):
                wrong.append(asked)
    writer.join()
    assert asked > 5
    assert not wrong


def test_a_read_only_book_refuses_to_write(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db"):
        pass
    with open_book(tmp_path / "b.db", read_only=True) as book:
        with pytest.raises(errors.Unwritable, match="for reading only"):
            held(book)
        with pytest.raises(errors.BadValue, match="no account 'other'"):
            list(book.facts("fill", "other"))


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book, pytest.raises(errors.Conflict, match="already has an account 'main'"):
        book.add_account(ACCOUNT, "small", dialect="bare", since_ns=T0)


def test_a_reader_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        lease = held(book)
        good = sweep("fills", [fill(1)], since_ns=T0, until_ns=T0 + SECOND_NS * 9, received_ns=T0)

        def interrupted():  # type: ignore[no-untyped-def]
            yield good[0]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            book.append(lease, interrupted())
        assert list(book.journal(ACCOUNT)) == []
        assert book.append(lease, good).new == 1
        book.verify()


@pytest.mark.files
def test_a_full_disk_loses_nothing_and_goes_on_when_there_is_space(tmp_path: Path) -> None:
    """The kernel refuses to let files grow, as a full disk does."""
    noise = random.Random(1)
    with open_book(tmp_path / "b.db") as book:
        lease = held(book)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        acknowledged = refused = 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
        try:
            for number in range(60):
                large = page("motd", noise.randbytes(60_000), received_ns=T0)
                try:
                    book.append(lease, [*pages(number), large])
                    acknowledged += 1
                except errors.Unwritable as error:
                    refused += "free space" in error.hint
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert acknowledged, "nothing fitted on the disk"
        assert refused, "the disk was never full"
        assert len(list(book.journal(ACCOUNT))) == 2 * acknowledged
        book.verify()
        assert book.append(lease, pages(100)).new == 1
    with open_book(tmp_path / "b.db") as book:
        assert len(list(book.facts("entry", ACCOUNT))) == acknowledged + 1
        before = book.state_hash()
        assert (book.rebuild().changes, book.state_hash()) == ((), before)
