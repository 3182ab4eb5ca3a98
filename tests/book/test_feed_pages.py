"""Shows what pages of frames add to a book (docs/live.md 4 to 9): rows that frames alone told, what becomes of them
when a history tells or denies them, states by frame and by answer in any order, and that no frame proves a history.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from book import fed, world
from book.fed import answered, at_ns, fill, frame, heard, order, swept
from book.world import ACCOUNT, Clock, entry, held
from nostro.book.book import Book
from nostro.book.judgement import BookLedger
from nostro.domain.contracts import Position
from nostro.domain.records import Balance, Fact, Order
from nostro.domain.values import SECOND_NS
from nostro.link import segment
from nostro.link.declare import Claim, Page

opened = partial(world.open_book, registry=fed.exchange)
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


# ── states ───────────────────────────────────────────────────────────────────────────────────────────────────────


def balance(asset: str, total: str, **more: Any) -> world.Wire:
    return {"wallet": "spot", "asset": asset, "total": total, **more}


def position(size: str, **more: Any) -> world.Wire:
    return {"wallet": "futures", "instrument": "BTC/USD:USD", "side": "both", "size": size, **more}


def totals(book: Book, **more: Any) -> dict[str, str]:
    states = book.latest_states("balance", ACCOUNT, **more)
    return {each.asset: str(each.total) for each in states if isinstance(each, Balance)}


def place_of(book: Book) -> Position:
    (found,) = book.latest_states("position", ACCOUNT)
    assert isinstance(found, Position)
    return found


def test_states_of_frames_are_versions_with_an_age_of_their_own(tmp_path: Path) -> None:
    with opened(tmp_path / "b.db") as book:
        pages = [
            answered("balances", balance("A", "1"), balance("B", "2"), sent_s=10),
            heard((11, frame("balances", balance("A", "3"))), (11.5, frame("balances", balance("A", "4")))),
        ]
        told = book.append(held(book), pages)
        assert (told.new, told.changed) == (2, 2)
        ages = {
            each.asset: each.effective_ns
            for each in book.latest_states("balance", ACCOUNT)
            if isinstance(each, Balance)
        }
        assert ages == {"A": at_ns(11.5), "B": at_ns(10.1)}
        assert totals(book) == {"A": "4", "B": "2"}
        assert totals(book, known_at_ns=at_ns(10.5)) == {"A": "1", "B": "2"}


def test_only_a_frame_that_names_all_says_that_the_others_are_gone(tmp_path: Path) -> None:
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [answered("balances", balance("A", "1"), balance("B", "2"), sent_s=10)])
        told = book.append(held(book), [heard((11, frame("balances", balance("A", "3"))))])
        assert (told.vanished, totals(book)) == (0, {"A": "3", "B": "2"})
        told = book.append(held(book), [heard((12, frame("balances", balance("A", "3"), whole=True)))])
        assert (told.vanished, told.findings, totals(book)) == (1, (), {"A": "3"})
        book.append(held(book), [heard((13, frame("balances", whole=True)))])
        assert totals(book) == {}


def test_what_follows_from_the_mark_price_is_kept_once_a_minute(tmp_path: Path) -> None:
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [heard((10, frame("positions", position("1", unrealized_pnl="0", mark_price="100"))))])
        for at_s in range(11, 191):
            moved = position("1", unrealized_pnl=str(at_s), mark_price=str(100 + at_s))
            book.append(held(book), [heard((at_s, frame("positions", moved)))])
        assert [row[0] for row in fed.versions(book, "position")] == [1, 2, 3, 4]
        assert place_of(book).effective_ns == at_ns(190)
        told = book.append(
            held(book), [heard((190.5, frame("positions", position("2", unrealized_pnl="9", mark_price="1"))))]
        )
        assert (told.changed, str(place_of(book).size)) == (1, "2")


def test_what_was_not_known_of_a_mark_is_kept_at_once(tmp_path: Path) -> None:
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [answered("positions", position("1", margin_mode="cross"), sent_s=10)])
        told = book.append(held(book), [heard((11, frame("positions", position("1", liquidation_price="50"))))])
        assert (told.changed, str(place_of(book).liquidation_price)) == (1, "50")
        assert place_of(book).margin_mode == "cross"


def test_where_something_happened_the_margin_is_kept_with_it(tmp_path: Path) -> None:
    def summary(equity: str) -> bytes:
        return frame("margin", {"wallet": "futures", "scope": "account", "currency": "USD", "equity": equity})

    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [heard((10, summary("1")))])
        assert book.append(held(book), [heard((11, summary("2")))]).changed == 0
        told = book.append(
            held(book), [heard((12, frame("fills", fill("f", 12))), (12, summary("3")), (12.1, summary("4")))]
        )
        assert (told.new, told.changed) == (1, 1)
        assert [str(each.equity) for each in book.latest_states("margin_summary", ACCOUNT)] == ["3"]  # type: ignore[attr-defined]


def test_what_only_one_knows_is_kept_while_they_agree(tmp_path: Path) -> None:
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [answered("positions", position("1", entry_price="9", margin_mode="cross"), sent_s=10)])
        book.append(held(book), [heard((11, frame("positions", position("1", mark_price="7"))))])
        assert (place_of(book).margin_mode, str(place_of(book).mark_price)) == ("cross", "7")
        book.append(held(book), [heard((12, frame("positions", position("2", mark_price="7"))))])
        assert (place_of(book).margin_mode, place_of(book).entry_price) == (None, None)


def test_an_answer_does_not_undo_a_frame_that_came_while_it_was_on_its_way(tmp_path: Path) -> None:
    frames = heard(
        (9, frame("balances", balance("A", "8"))), (10.1, frame("balances", balance("A", "9"), balance("C", "1")))
    )
    answer = answered("balances", balance("A", "8", free="8"), balance("B", "2"), sent_s=10, took_s=0.3)
    for number, pages in enumerate(([frames, answer], [answer, frames])):
        with opened(tmp_path / f"{number}.db") as book:
            book.append(held(book), pages)
            assert totals(book) == {"A": "9", "B": "2", "C": "1"}
            book.append(held(book), [answered("balances", balance("A", "9"), sent_s=20)])
            assert totals(book) == {"A": "9"}


def test_a_frame_from_before_an_answer_does_not_undo_it(tmp_path: Path) -> None:
    frames = heard(
        (9.2, frame("balances", balance("A", "8"), balance("C", "1"))), (9.9, frame("balances", balance("A", "7")))
    )
    answer = answered("balances", balance("A", "9"), sent_s=10)
    for number, pages in enumerate(([frames, answer], [answer, frames], [answer, frames, frames])):
        with opened(tmp_path / f"{number}.db") as book:
            book.append(held(book), pages)
            assert totals(book) == {"A": "9"}


def test_answers_and_frames_of_states_end_alike_in_any_order(tmp_path: Path) -> None:
    parts = [
        heard((10, frame("positions", position("1", mark_price="5"), whole=True))),
        answered("positions", position("1", margin_mode="cross"), sent_s=11),
        heard((12, frame("positions", position("2", mark_price="6"), whole=True))),
        answered("positions", position("2", margin_mode="cross"), sent_s=13),
        heard((13.05, frame("positions", whole=True)), (14, frame("positions", position("3", entry_price="4")))),
    ]  # fmt: skip
    told = set()
    for number, arrival in enumerate(itertools.permutations([*parts, parts[2]])):
        if number % 11:
            continue
        asked = [page for page in arrival if page.stream != segment.FEED]
        if asked != sorted(asked, key=lambda page: page.sent_ns):
            continue  # answers are kept in the order of their questions
        with opened(tmp_path / f"{number}.db") as book:
            book.append(held(book), arrival)
            state = place_of(book)
            told.add((str(state.size), str(state.entry_price), state.margin_mode))
    assert told == {("3", "4", None)}


def test_nothing_in_a_frame_is_the_same_as_none_in_an_answer(tmp_path: Path) -> None:
    nothing = frame("balances", balance("A", "0"), balance("B", "1"))
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [answered("balances", balance("A", "3"), balance("B", "1"), sent_s=9)])
        book.append(held(book), [heard((10, nothing))])
        for at_s in (11, 13, 15):
            told = [
                book.append(held(book), [answered("balances", balance("B", "1"), sent_s=at_s)]),
                book.append(held(book), [heard((at_s + 1, nothing))]),
            ]
            assert [(each.vanished, each.changed, each.new) for each in told] == [(0, 0, 0), (0, 0, 0)]
            assert totals(book) == {"A": "0", "B": "1"}
        book.append(held(book), [heard((20, frame("balances", balance("B", "1"), whole=True)))])
        assert totals(book) == {"B": "1"}
        assert book.append(held(book), [heard((21, nothing))]).changed == 0
        assert totals(book) == {"B": "1"}


def test_summaries_that_answers_never_show_are_not_denied_by_them(tmp_path: Path) -> None:
    def summary(scope: str) -> world.Wire:
        return {"wallet": "futures", "scope": scope, "currency": "USD", "equity": "1"}

    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [heard((10, frame("margin", summary("account"), summary("cross"))))])
        told = book.append(held(book), [answered("margin", summary("account"), sent_s=11)])
        assert told.vanished == 0
        assert len(book.latest_states("margin_summary", ACCOUNT)) == 2


# ── claims ───────────────────────────────────────────────────────────────────────────────────────────────────────


def spans(book: Book, stream: str, **more: Any) -> list[tuple[float, float, str, str]]:
    tiles = book.coverage(ACCOUNT, stream, since_ns=at_ns(0), until_ns=at_ns(100), **more)
    return [((tile.since_ns - at_ns(0)) / SECOND_NS, (tile.until_ns - at_ns(0)) / SECOND_NS, tile.status, tile.cause)
            for tile in tiles]  # fmt: skip


def test_a_page_claims_of_states_when_they_were_seen(tmp_path: Path) -> None:
    seen = (Claim("proven", at_ns(10), at_ns(11), stream="balances"),)
    again = (
        Claim("unavailable", at_ns(11), at_ns(30), "no_history", "balances"),
        Claim("proven", at_ns(30), at_ns(31), stream="balances"),
    )
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [answered("balances", balance("A", "1"), sent_s=9)])
        book.append(held(book), [heard((10, frame("balances", balance("A", "2"))), claims=seen)])
        told = book.append(held(book), [heard((30, frame("balances", balance("A", "3"))), claims=again)])
        assert (told.vanished, told.findings) == (0, ())
        assert spans(book, "balances") == [
            (0, 10, "open", ""), (10, 11, "proven", ""), (11, 30, "unavailable", "no_history"), (30, 31, "proven", ""),
            (31, 100, "open", ""),
        ]  # fmt: skip
        assert spans(book, "balances", known_at_ns=at_ns(12))[-1] == (11, 100, "open", "")
        assert spans(book, segment.FEED) == [(0, 100, "open", "")]


def test_a_frame_proves_nothing_of_a_history(tmp_path: Path) -> None:
    claims = (Claim("proven", at_ns(0), at_ns(10), stream="fills"), Claim("proven", at_ns(0), at_ns(10)))
    with opened(tmp_path / "b.db") as book:
        told = book.append(held(book), [heard((10, frame("fills", fill("f", 1))), claims=claims)])
        assert [found.what for found in told.findings] == ["unproven", "unproven"]
        assert spans(book, "fills") == [(0, 100, "open", "")]


def test_an_answer_may_say_of_other_states_that_nobody_knows(tmp_path: Path) -> None:
    lost = (Claim("unavailable", at_ns(5), at_ns(20), "no_history", "positions"),)
    with opened(tmp_path / "b.db") as book:
        book.append(held(book), [answered("balances", balance("A", "1"), sent_s=20, claims=lost)])
        assert spans(book, "positions")[1] == (5, 20, "unavailable", "no_history")
        assert spans(book, "balances") == [(0, 100, "open", "")]


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
