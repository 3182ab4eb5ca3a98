"""Shows what pages of frames add to a book (docs/live.md 4 to 7): rows that frames alone told, what becomes of them
when a history tells or denies them, what cannot be read, and that checks read as if there had been no frames. States
are in ``test_feed_states.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from book import fed, world
from book.fed import answered, at_ns, balance, fill, frame, heard, opened, order, position, spans, swept, totals
from book.world import ACCOUNT, Clock, entry, held
from nostro.book.book import Book
from nostro.book.judgement import BookLedger
from nostro.domain.records import Fact, Order
from nostro.link import segment
from nostro.link.declare import Claim, Page

ORDERS = world.ORDERS


def kept(path: Path, pages: Sequence[Page], number: int = 0) -> tuple[list[Fact], list[str]]:
    """What a book of those pages says of its orders, and what it found."""
    with opened(path / f"{number}.db") as book:
        book.append(held(book), pages)
        facts = [
            msgspec.structs.replace(each, page=0, offset=0, observed_ns=0) for each in book.facts("order", ACCOUNT)
        ]
        return facts, [found.what for found in book.findings(ACCOUNT)]


def only(book: Book, kind: str, **more: Any) -> Any:
    (fact,) = book.facts(kind, ACCOUNT, **more)
    return fact


def statuses(book: Book, **more: Any) -> list[str | None]:
    return [each.status for each in book.facts("order", ACCOUNT, **more) if isinstance(each, Order)]


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_that_a_frame_tells_is_there_and_proves_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "b.db") as book:
        told = book.append(
            held(book), [heard((2, frame("fills", fill("f", 1))), (2.5, frame("orders", order("o", "open"))))]
        )
        assert (told.new, told.findings) == (2, ())
        assert [row[:3] for row in fed.versions(book, "fill")] == [(1, 2, 0)]
        assert statuses(book) == ["open"]
        for stream in ("fills", "orders"):
            (tile,) = book.coverage(ACCOUNT, stream, since_ns=at_ns(0), until_ns=at_ns(9))
            assert (tile.status, tile.cause) == ("open", "")
        assert book.answer("fill", ACCOUNT, until_ns=at_ns(9)).complete_through_ns == at_ns(0)


def test_a_row_told_by_both_is_one_row_and_the_history_holds(tmp_path: Path) -> None:
    asked = world.fill(1, id="f", order="o", fee="0.25")
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [heard((2, frame("fills", fill("f", 1, maker=True, extra={"seq": "7"}))))])
        told = book.append(held(book), [swept("fills", asked, until_s=5, sent_s=20)])
        assert (told.new, told.changed, told.confirmed, told.findings) == (0, 0, 1, ())
        fact = only(book, "fill")
        assert (fact.order_id, str(fact.fee), fact.maker) == ("o", "0.25", True)
        assert only(book, "fill", histories=True).maker is None
        again = book.append(
            held(book), [swept("fills", asked, until_s=5, sent_s=30), heard((31, frame("fills", fill("f", 1))))]
        )
        assert (again.repeated, again.confirmed, again.new) == (2, 0, 0)
        assert book.supporting_pages(fact) == [1, 2, 3, 4]


@pytest.mark.parametrize("told_first", [True, False])
def test_what_only_a_frame_knows_is_kept_whoever_is_first(tmp_path: Path, told_first: bool) -> None:
    pages = [
        heard((2, frame("fills", fill("f", 1, maker=True)))),
        swept("fills", world.fill(1, id="f"), until_s=5, sent_s=20),
    ]
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), pages if told_first else pages[::-1])
        assert only(book, "fill").maker is True
        assert only(book, "fill", histories=True).maker is None


def test_a_contradiction_in_what_both_know_is_found(tmp_path: Path) -> None:
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [heard((2, frame("fills", fill("f", 1, price="101"))))])
        told = book.append(held(book), [swept("fills", world.fill(1, id="f"), until_s=5, sent_s=20)])
        assert [(found.what, found.detail) for found in told.findings] == [
            ("changed", "its frames and its history say otherwise of price")
        ]
        assert str(only(book, "fill").price) == "100"


def test_the_time_of_an_arrival_contradicts_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [heard((2, frame("orders", order("o", "open", None))))])
        assert only(book, "order").effective_ns == at_ns(2)
        told = book.append(held(book), [swept("orders", order("o", "open", 1), until_s=1.5, sent_s=20)])
        assert told.findings == ()
        assert only(book, "order").effective_ns == at_ns(1)


def test_a_frame_says_nothing_against_a_history_but_a_later_state(tmp_path: Path) -> None:
    with opened(tmp_path / "b.db") as book:
        asked = order("o", "partially_filled", filled="3", remaining="7", updated_ns=5)
        book.append(held(book), [swept("orders", asked, until_s=5, sent_s=20)])
        older = order("o", "open", filled="0", remaining="10", updated_ns=4)
        other = order("o", "partially_filled", filled="3", price="7", updated_ns=5)
        told = book.append(
            held(book), [heard((21, frame("orders", older)), (22, frame("orders", {**other, "side": "sell"})))]
        )
        assert (told.changed, told.repeated, told.confirmed, told.findings) == (0, 1, 1, ())
        assert (statuses(book), only(book, "order").side) == (["partially_filled"], "buy")
        later = {"native_id": "o", "instrument": "", "side": "", "type": "", "status": "canceled"}
        told = book.append(held(book), [heard((23, frame("orders", later)))])
        assert (told.changed, told.findings) == (1, ())
        fact = only(book, "order")
        assert (fact.status, fact.instrument, str(fact.price), fact.remaining) == ("canceled", "BTC/USDT", "7", None)
        assert statuses(book, histories=True) == ["partially_filled"]


def test_an_order_that_frames_carried_on_is_open_until_its_history_ends_it(tmp_path: Path) -> None:
    ended = order("o", "filled", filled="10", updated_ns=6)
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [heard((2, frame("orders", order("o", "open"))))])
        assert book.open_rows(ACCOUNT, ORDERS) == []
        book.append(held(book), [swept("orders", order("o", "open"), until_s=5, sent_s=20)])
        assert book.open_rows(ACCOUNT, ORDERS) == [(at_ns(1), "BTC/USDT")]
        book.append(held(book), [heard((21, frame("orders", ended)))])
        assert statuses(book) == ["filled"]
        assert book.open_rows(ACCOUNT, ORDERS) == [(at_ns(1), "BTC/USDT")]
        book.append(held(book), [swept("orders", ended, until_s=5, sent_s=30)])
        assert book.open_rows(ACCOUNT, ORDERS) == []


def test_an_older_answer_does_not_undo_what_a_frame_told(tmp_path: Path) -> None:
    ended = order("o", "filled", filled="10", updated_ns=6)
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [heard((2, frame("orders", ended)))])
        late = order("o", "open", filled="0", updated_ns=4, client_id="mine")
        told = book.append(held(book), [swept("orders", late, until_s=5, sent_s=20)])
        assert (told.confirmed, told.findings) == (1, ())
        assert (statuses(book), only(book, "order").client_id) == (["filled"], "mine")
        assert statuses(book, histories=True) == ["open"]
        assert book.open_rows(ACCOUNT, ORDERS) == [(at_ns(1), "BTC/USDT")]


def test_an_order_without_terms_that_nobody_knows_is_no_row(tmp_path: Path) -> None:
    bare = {"native_id": "o", "instrument": "", "side": "", "type": "", "status": "canceled"}
    nameless = order("", "open")
    del nameless["native_id"]
    with opened(tmp_path / "b.db") as book:
        told = book.append(held(book), [heard((2, frame("orders", bare)), (3, frame("orders", nameless)))])
        assert told.new == 0
        assert list(book.facts("order", ACCOUNT)) == []
        told = book.append(held(book), [swept("orders", order("o", "canceled"), until_s=5, sent_s=20)])
        assert (told.new, told.confirmed, told.findings) == (1, 0, ())


def test_what_happened_before_the_account_begins_is_no_row(tmp_path: Path) -> None:
    with opened(tmp_path / "b.db") as book:
        told = book.append(held(book), [heard((2, frame("entries", fed_entry("e", -5), fed_entry("f", 0))))])
        assert told.new == 1
        assert [each.native_id for each in book.facts("entry", ACCOUNT)] == ["f"]


def test_a_row_that_its_history_denies_vanishes_and_is_found(tmp_path: Path) -> None:
    with opened(tmp_path / "b.db") as book:
        frames = [heard((2, frame("fills", fill("f", 1), fill("g", 4.5))), (3, frame("entries", fed_entry("e", 1))))]
        book.append(held(book), frames)
        assert [str(each.amount) for each in book.ledger_sums(ACCOUNT)] == ["5"]
        told = book.append(held(book), [swept("fills", until_s=4, sent_s=20), swept("entries", until_s=4, sent_s=20)])
        assert [(found.what, found.detail) for found in told.findings] == 2 * [
            ("vanished", "frames told this row, and its history does not")
        ]
        assert [each.native_id for each in book.facts("fill", ACCOUNT)] == ["g"]
        assert list(book.ledger_sums(ACCOUNT)) == [] or [str(each.amount) for each in book.ledger_sums(ACCOUNT)] == [
            "0"
        ]
        again = book.append(held(book), frames)
        assert (again.new, again.changed, again.findings) == (0, 0, ())
        assert [found.finding.what for found in BookLedger(book, ACCOUNT).findings()] == ["vanished", "vanished"]


def fed_entry(native_id: str, at_s: float) -> world.Wire:
    return {
        "native_id": native_id,
        "effective_ns": at_ns(at_s),
        "asset": "BTC",
        "type": "trade",
        "amount": "5",
        "wallet": "spot",
    }


def test_a_stop_and_a_row_without_a_time_are_denied_by_no_history(tmp_path: Path) -> None:
    stop = order("s", "pending", type="stop_limit", stop_price="90")
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [heard((2, frame("orders", stop)), (2, frame("orders", order("o", "open", None))))])
        told = book.append(held(book), [swept("orders", until_s=4, sent_s=20), swept("orders", until_s=4, sent_s=30)])
        assert (told.vanished, told.findings) == (0, ())
        assert sorted(filter(None, statuses(book))) == ["open", "pending"]


def test_pages_of_one_account_end_in_the_same_rows_in_any_order(tmp_path: Path) -> None:
    asked = order("o", "filled", filled="10", remaining="0", canceled="0", updated_ns=9, client_id="c")
    parts = [
        heard((2, frame("orders", order("o", "open", filled="0", remaining="10", updated_ns=5, extra={"a": "1"})))),
        heard((3, frame("orders", order("o", "partially_filled", filled="4", remaining="6", updated_ns=6)))),
        heard((4, frame("orders", {**order("o", "filled", filled="10", remaining="0", updated_ns=9, post_only=True)}))),
        swept("orders", asked, until_s=5, sent_s=20),
    ]  # fmt: skip
    told = set()
    for number, arrival in enumerate(itertools.permutations(parts)):
        doubled = [*arrival, *arrival[::-1]] if number % 2 else [page for page in arrival for _ in range(2)]
        facts, findings = kept(tmp_path, doubled, number)
        told.add(str(([msgspec.structs.replace(each, extra={}) for each in facts], findings)))
    assert len(told) == 1
    assert "post_only=True" in told.pop()


# ── what cannot be read ──────────────────────────────────────────────────────────────────────────────────────────


def test_frames_that_cannot_be_read_hinder_nothing_and_are_found(tmp_path: Path) -> None:
    page = heard((10, b"{"), (10.1, frame("news")), (10.2, frame("balances", balance("A", "1"))), (10.3, b"["))
    binary = heard((11, b"\x00\xff"), binary=True)
    with opened(tmp_path / "b.db") as book:
        told = book.append(held(book), [page, binary])
        assert totals(book) == {"A": "1"}
        assert {found.what for found in told.findings} == {"unreadable"}
        noticed = [found.finding.detail for found in BookLedger(book, ACCOUNT).findings()]
        assert len(noticed) == 3
        assert "a frame is of the type 'news', which nostro does not know" in noticed
        again = msgspec.structs.replace(page, sent_ns=at_ns(12), received_ns=at_ns(12.5))
        book.append(held(book), [again])
        found = list(BookLedger(book, ACCOUNT).findings())
        assert sorted((each.since_ns, each.until_ns) for each in found) == [
            (at_ns(10), at_ns(12)), (at_ns(10), at_ns(12)), (at_ns(11), at_ns(11)),
        ]  # fmt: skip


def test_a_page_that_is_no_segment_is_quarantined(tmp_path: Path) -> None:
    claims = (Claim("proven", at_ns(9), at_ns(10), stream="balances"),)
    with opened(tmp_path / "b.db") as book:
        page = heard((10, frame("balances", balance("A", "1"))), claims=claims, body=b"1 text 900\n{}\n")
        told = book.append(held(book), [page])
        assert [found.what for found in told.findings] == ["quarantined"]
        assert (told.new, spans(book, "balances")) == (0, [(0, 100, "open", "")])
        told = book.append(held(book), [heard((11, frame("balances", balance("A", "2"))))])
        assert totals(book) == {"A": "2"}


# ── the whole ────────────────────────────────────────────────────────────────────────────────────────────────────


def life() -> list[Page]:
    """A bit of all of it."""
    return [
        swept("orders", order("o", "open", filled="0", updated_ns=1), until_s=5, sent_s=6),
        answered("balances", balance("A", "1"), balance("B", "1"), sent_s=6),
        heard((7, frame("orders", order("o", "filled", filled="10", updated_ns=7), order("p", "open", 6.5)))),
        heard(
            (8, frame("fills", fill("f", 7), fill("ghost", 7.5))), (8.1, frame("balances", balance("A", "2"))),
            (8.2, b"x"), claims=(Claim("proven", at_ns(7), at_ns(8.2), stream="balances"),),
        ),
        heard((9, frame("positions", position("1", mark_price="1"), whole=True)), (9, frame("positions", whole=True))),
        swept("fills", world.fill(7, id="f", fee="1"), until_s=12, sent_s=30),
        swept(
            "orders", order("o", "filled", filled="10", updated_ns=7, client_id="c"), order("p", "open", 6.5),
            until_s=12, sent_s=30,
        ),
        answered("balances", balance("A", "2", free="2"), sent_s=30),
        answered("positions", sent_s=30), swept("entries", entry(3, "e", "1"), until_s=12, sent_s=30),
    ]  # fmt: skip


def test_any_batches_a_rebuild_and_a_second_process_give_the_same_state(tmp_path: Path) -> None:
    hashes = set()
    for number, size in enumerate((1, 3, 100)):
        with opened(tmp_path / f"{number}.db") as book:
            pages = life()
            for start in range(0, len(pages), size):
                book.append(held(book), pages[start : start + size])  # forgets what was in memory
            before = book.state_hash()
            rebuilt = book.rebuild()
            assert (rebuilt.pages, rebuilt.changes) == (len(pages), ())
            hashes |= {before, book.state_hash()}
            book.verify()
    assert len(hashes) == 1


def test_what_checks_read_is_as_if_there_were_no_frames(tmp_path: Path) -> None:
    read = []
    for name, pages in (("both", life()), ("asked", [page for page in life() if page.stream != segment.FEED])):
        with opened(tmp_path / f"{name}.db") as book:
            book.append(held(book), pages)
            ledger = BookLedger(book, ACCOUNT)
            bounds = (at_ns(0), at_ns(100))
            told: list[Any] = [*ledger.fills(*bounds), *ledger.entries(*bounds), *ledger.order_versions(*bounds)]
            read.append([msgspec.structs.replace(each, page=0, offset=0, observed_ns=0) for each in told])
            seen = [(each.balance.asset, str(each.balance.total), each.sent_ns) for each in ledger.balances(*bounds)]
            read[-1].append(seen)
    assert read[0] == read[1]
    assert len(read[0]) == 6


def test_the_book_says_when_it_heard_last(tmp_path: Path) -> None:
    clock = Clock(at_ns(50))
    with opened(tmp_path / "b.db", clock=clock) as book:
        book.append(held(book), [answered("balances", sent_s=1)])
        assert book.heard(ACCOUNT) is None
        book.append(held(book), [heard((5, frame("balances")), (5.5, frame("balances")))])
        book.append(held(book), [answered("balances", sent_s=9)])
        assert book.heard(ACCOUNT) == at_ns(5.5)
        assert book.heard(ACCOUNT, stream="balances") == at_ns(9.1)
        assert book.heard(ACCOUNT, stream="balances", known_at_ns=at_ns(4)) == at_ns(1.1)
