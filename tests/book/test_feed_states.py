"""Shows how states that answers and frames tell come together in a book (docs/live.md 8, 9, 16): whichever page is
stored first, the later one holds; versions, ages, what is gone, what follows from the mark price, and their coverage.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from book import fed, world
from book.fed import answered, at_ns, balance, fill, frame, heard, opened, position, spans, totals
from book.world import ACCOUNT, held
from nostro.book.book import Book
from nostro.domain.contracts import Position
from nostro.domain.records import Balance
from nostro.link import segment
from nostro.link.declare import Claim

# ── states ───────────────────────────────────────────────────────────────────────────────────────────────────────


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
