"""Shows that nothing doubles when a stream changes how it names its rows, in either direction and back, with whole or
fractional seconds, twins and edited rows; and that two names together say what either knows."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from book.world import ACCOUNT, T0, contents, fill, held, open_book, sweep
from nostro.book.alias import merge, same_time
from nostro.book.book import Appended, Book
from nostro.domain.records import Fill
from nostro.domain.values import SECOND_NS

UNTIL_NS = T0 + 60 * SECOND_NS


def put(book: Book, rows: list[dict[str, Any]], dialect: str, *, pass_number: int = 0) -> Appended:
    received_ns = UNTIL_NS + pass_number * SECOND_NS
    return book.append(held(book), sweep(
        "fills", rows, since_ns=T0, until_ns=UNTIL_NS, received_ns=received_ns, dialect=dialect, rows=4
    ))  # fmt: skip


def bare(seed: int, *, number: int = 40) -> list[dict[str, Any]]:
    """Fills of few kinds in few seconds, so that many are twins and many differ by their fraction alone."""
    chance = random.Random(seed)
    return [
        fill(
            chance.randrange(6) + chance.choice([0, 0.25, 0.5]), amount=chance.choice("12"),
            side=chance.choice(["buy", "sell"]), fee=chance.choice(["0.1", "0.2"]), maker=chance.random() < 0.5,
        )
        for _ in range(number)
    ]  # fmt: skip


def named(rows: list[dict[str, Any]], seed: int, *, whole: bool) -> list[dict[str, Any]]:
    """The same fills as the later wire prints them: ids, no maker, perhaps whole seconds, in another order."""
    shown = [
        {**{key: value for key, value in row.items() if key != "maker"}, "id": str(number), "order": f"o{number}",
         "t": row["t"] // SECOND_NS * SECOND_NS if whole else row["t"]}
        for number, row in enumerate(rows)
    ]  # fmt: skip
    random.Random(seed + 1).shuffle(shown)
    return shown


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_rows_that_get_ids_are_the_rows_that_are_held(tmp_path: Path, seed: int, whole: bool) -> None:
    rows = bare(seed)
    with open_book(tmp_path / "b.db") as book:
        put(book, rows, "bare")
        before = [fact[2:] for fact in contents(book.facts("fill", ACCOUNT))]
        switched = put(book, named(rows, seed, whole=whole), "named", pass_number=1)
        assert (switched.new, switched.changed, switched.vanished, switched.aliased) == (0, 0, 0, len(rows))
        assert not switched.findings
        again = put(book, named(rows, seed, whole=whole), "named", pass_number=2)
        back = put(book, rows, "bare", pass_number=3)
        assert again.repeated == back.repeated == len(rows)
        facts = list(book.facts("fill", ACCOUNT))
        assert sorted(fact[2:] for fact in contents(facts)) == sorted(before)
        assert sorted(int(fact.native_id or -1) for fact in facts) == list(range(len(rows)))
        assert all(isinstance(fact, Fill) and fact.order_id and fact.maker is not None for fact in facts)
        book.verify()
        before_hash = book.state_hash()
        assert book.rebuild().changes == ()
        assert book.state_hash() == before_hash


@pytest.mark.parametrize("seed", range(4))
def test_rows_that_lose_their_ids_are_the_rows_that_are_held(tmp_path: Path, seed: int) -> None:
    rows = bare(seed)
    with open_book(tmp_path / "b.db") as book:
        put(book, named(rows, seed, whole=True), "named")
        back = put(book, rows, "bare", pass_number=1)
        assert (back.new, back.changed, back.vanished, back.aliased) == (0, 0, 0, len(rows))
        again = put(book, named(rows, seed, whole=True), "named", pass_number=2)
        assert again.repeated == len(rows)
        facts = list(book.facts("fill", ACCOUNT))
        assert len(facts) == len(rows)
        # The finer time is kept, whichever name brought it.
        assert sorted(fact.effective_ns for fact in facts) == sorted(row["t"] for row in rows)


def test_a_row_that_only_the_new_wire_has_is_new_and_one_that_it_lacks_vanishes(tmp_path: Path) -> None:
    rows = bare(1, number=10)
    with open_book(tmp_path / "b.db") as book:
        put(book, rows[:9], "bare")
        switched = put(book, named(rows, 1, whole=False)[:], "named", pass_number=1)
        assert (switched.new, switched.late, switched.aliased) == (1, 1, 9)
        lacking = [row for row in named(rows, 1, whole=False) if row["id"] != "3"]
        gone = put(book, lacking, "named", pass_number=2)
        assert (gone.vanished, gone.repeated) == (1, 9)
        assert [found.what for found in gone.findings] == ["vanished"]


def test_a_contradiction_under_two_names_is_a_change(tmp_path: Path) -> None:
    rows = [fill(1.5, fee="0.1")]
    with open_book(tmp_path / "b.db") as book:
        put(book, rows, "bare")
        switched = put(book, [{**rows[0], "id": "1", "fee": "0.3"}], "named", pass_number=1)
        assert (switched.changed, switched.new, switched.vanished) == (1, 0, 0)
        assert [found.what for found in switched.findings] == ["changed"]
        assert [str(fact.fee) for fact in book.facts("fill", ACCOUNT)] == ["0.3"]


def test_a_merge_is_idempotent_and_keeps_what_one_side_knows() -> None:
    held_fill = Fill(
        effective_ns=T0 + 250_000_000, instrument="BTC/USDT", side="buy", price=1, amount=2, maker=True,
        extra={"status": "filled"},
    )  # type: ignore[arg-type]  # fmt: skip
    new = Fill(
        native_id="7", effective_ns=T0, instrument="BTC/USDT", side="buy", price=1, amount=2, order_id="9",
        extra={"status": "open", "more": "x"},
    )  # type: ignore[arg-type]  # fmt: skip
    merged, contradicted = merge(held_fill, new)
    assert not contradicted
    assert (merged.maker, merged.native_id, merged.order_id, merged.effective_ns) == (True, "7", "9", T0 + 250_000_000)
    assert merged.extra == {"status": "filled", "more": "x"}
    assert merge(merged, new) == (merged, False)
    assert merge(merged, held_fill) == (merged, False)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(0, 999_999_999, True), (0, SECOND_NS, False), (1_000_000, 2_000_000, False), (1_000_000, 1_999_999, True)],
)
def test_times_agree_at_the_coarser_precision(one: int, other: int, same: bool) -> None:
    assert same_time(T0 + one, T0 + other) is same
    assert same_time(T0 + other, T0 + one) is same
