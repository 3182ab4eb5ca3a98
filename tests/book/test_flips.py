"""Shows that a flipped bit in a book's database or WAL is detected or harmless, never served; and that the same trial
finds silently served bits where the checksums are missing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from book.flips import PLACES, Trial, plain_files, run

FLIPS = 60


def total(outcomes: dict[str, Counter[str]]) -> Counter[str]:
    return sum(outcomes.values(), Counter())


def test_no_flipped_bit_is_served(tmp_path: Path) -> None:
    outcomes = run(tmp_path, FLIPS, seed=1)
    found = total(outcomes)
    assert found.total() == FLIPS
    assert all(outcomes[place].total() for place in PLACES)
    assert (found["silent"], found["unclear"]) == (0, 0), outcomes
    assert found["detected"] > FLIPS // 3, outcomes


def test_without_checksums_bits_are_served_silently(tmp_path: Path) -> None:
    with plain_files():
        outcomes = run(tmp_path, FLIPS, seed=1)
    assert total(outcomes)["silent"] > 0, outcomes


def test_the_trial_reaches_every_place(tmp_path: Path) -> None:
    pages = Trial(tmp_path).pages
    assert {place: bool(numbers) for place, numbers in pages.items()} == dict.fromkeys(pages, True)
