"""Shows that rows to which the wire gives no time are known as narrowly as the answers that returned them allow, the
same for any order of the answers and any batches; that they count as past only when that is certain; and that what
truly changed is found."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

from book.world import ACCOUNT, T0, Clock, Wire, held, interest, open_book, sweep
from nostro.book.book import Book
from nostro.domain.records import Interest
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Page

TRUTH = [interest(5, "a"), interest(25, "b", "2"), interest(45, "c", "3")]


def swept(since_s: int, until_s: int, truth: Sequence[Wire] = TRUTH, *, received_s: int = 100) -> list[Page]:
    return sweep(
        "interest", truth, since_ns=T0 + since_s * SECOND_NS, until_ns=T0 + until_s * SECOND_NS,
        received_ns=T0 + received_s * SECOND_NS, rows=50,
    )  # fmt: skip


def windows(book: Book, **asked: int) -> dict[str, tuple[float, float]]:
    found = {}
    for fact in book.answer("interest", ACCOUNT, **asked):
        assert isinstance(fact, Interest) and fact.effective_ns is not None and fact.until_ns is not None
        found[str(fact.native_id)] = ((fact.effective_ns - T0) / SECOND_NS, (fact.until_ns - T0) / SECOND_NS)
    return found


def test_a_repetition_makes_the_window_smaller_and_nothing_else(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        first = book.append(held(book), swept(0, 60))
        assert (first.new, first.narrowed) == (3, 0)
        assert windows(book) == {"a": (0, 60), "b": (0, 60), "c": (0, 60)}
        again = book.append(held(book), swept(20, 50))
        assert (again.new, again.narrowed, again.changed, again.late, again.vanished) == (0, 2, 0, 0, 0)
        assert windows(book) == {"a": (0, 60), "b": (20, 50), "c": (20, 50)}
        wider = book.append(held(book), swept(10, 60))
        assert (wider.repeated, wider.narrowed, wider.changed) == (2, 0, 0)
        assert windows(book) == {"a": (0, 60), "b": (20, 50), "c": (20, 50)}
        overlapping = book.append(held(book), swept(40, 60))
        assert (overlapping.narrowed, overlapping.findings) == (1, ())
        assert windows(book)["c"] == (40, 50)
        assert not list(book.findings(ACCOUNT))


def test_any_order_of_answers_and_any_batches_end_in_the_same(tmp_path: Path) -> None:
    sweeps = [swept(0, 60), swept(20, 50), swept(40, 70), swept(0, 30)]
    told = set()
    for number, arrival in enumerate(itertools.permutations(sweeps)):
        with open_book(tmp_path / f"{number}.db") as book:
            for pages in arrival:
                book.append(held(book), pages)
            told.add(str(windows(book)))
    assert told == {str({"a": (0.0, 30.0), "b": (20.0, 30.0), "c": (40.0, 50.0)})}
    for split in range(1, 4):
        with open_book(tmp_path / f"split {split}.db") as book:
            for part in (sweeps[:split], sweeps[split:]):
                book.append(held(book), [page for pages in part for page in pages])
            before = book.state_hash()
            assert not book.rebuild().changes
            assert book.state_hash() == before


def test_what_may_be_later_is_left_out_and_said_to_be(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db", clock=Clock(T0 + 100 * SECOND_NS)) as book:
        book.append(held(book), swept(0, 30) + swept(30, 60))
        moment_ns = T0 + 40 * SECOND_NS
        answer = book.answer("interest", ACCOUNT, as_of_ns=moment_ns)
        assert [fact.native_id for fact in answer] == ["a", "b"]
        [hole] = answer.coverage
        assert (hole.since_ns, hole.until_ns, hole.status, hole.cause) == (
            T0 + 30 * SECOND_NS, moment_ns, "open", "no_time"
        )  # fmt: skip
        assert answer.complete_through_ns == T0 + 30 * SECOND_NS
        whole = book.answer("interest", ACCOUNT, as_of_ns=T0 + 60 * SECOND_NS)
        assert len(whole) == 3 and not whole.coverage


def test_what_was_known_then_is_not_changed_by_a_narrower_window(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), swept(0, 60))
        known_at_ns = max(entered.observed_ns for entered in book.journal(ACCOUNT))
        before = windows(book, known_at_ns=known_at_ns)
        book.append(held(book), swept(20, 50, received_s=200))
        assert windows(book, known_at_ns=known_at_ns) == before != windows(book)


def test_late_vanished_changed_and_moved_rows_are_found(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), swept(0, 30, TRUTH[:1]) + swept(30, 60))
        late = book.append(held(book), swept(10, 30))
        assert [found.what for found in late.findings] == ["late"]
        gone = book.append(held(book), swept(0, 30, TRUTH[:1]))
        assert [found.what for found in gone.findings] == ["vanished"]
        other = book.append(held(book), swept(30, 60, [interest(45, "c", "9")]))
        assert [(found.what, "accrued" in found.detail) for found in other.findings] == [("changed", True)]
        assert not any("effective" in found.detail for found in other.findings)
        moved = book.append(held(book), swept(60, 90, [interest(70, "c", "9")]))
        assert [(found.what, "until_ns" in found.detail) for found in moved.findings] == [("changed", True)]
        assert windows(book)["c"] == (60, 90)


def test_a_new_row_behind_what_was_proven_is_not_late(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), swept(0, 30))
        overlapping = book.append(held(book), swept(10, 60))
        assert (overlapping.new, overlapping.late, overlapping.findings) == (1, 0, ())


def test_a_row_whose_window_reaches_beyond_a_sweep_has_not_vanished(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), swept(0, 60))
        part = book.append(held(book), swept(0, 20))
        assert (part.vanished, part.findings) == (0, ())
        assert windows(book)["b"] == (0, 60)


def test_random_windows_end_in_their_intersection(tmp_path: Path) -> None:
    draw = random.Random(3)
    narrowed = 0
    with open_book(tmp_path / "b.db") as book:
        truth = [interest(draw.randrange(0, 100), str(number)) for number in range(12)]
        expected: dict[str, tuple[float, float]] = {}
        for _ in range(60):
            since_s, until_s = sorted(draw.sample(range(101), 2))
            narrowed += book.append(held(book), swept(since_s, until_s, truth)).narrowed
            for row in truth:
                if since_s <= (row["t"] - T0) / SECOND_NS < until_s:
                    low, high = expected.get(row["id"], (0, 100))
                    expected[row["id"]] = max(low, since_s), min(high, until_s)
            assert windows(book) == expected
        assert narrowed > 20
        assert {found.what for found in book.findings(ACCOUNT)} <= {"late"}
