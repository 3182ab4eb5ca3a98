"""Shows that coverage is the fold of its claims (B8): compared, for random claims, with a naive one that paints moment
by moment; that its intervals tile whatever is asked; and that what is kept folded is what folding again would give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.book import coverage
from nostro.book.coverage import Cover, Covers, folded
from nostro.link.declare import Claim

MOMENTS = 24
claims = st.builds(
    lambda status, since, length, cause: Claim(status, since, since + length, "" if status == "proven" else cause),
    st.sampled_from(["proven", "open", "unavailable"]), st.integers(0, MOMENTS), st.integers(0, 8),
    st.sampled_from(["error", "retention", "forbidden", ""]),
)  # fmt: skip


def painted(stated: list[Claim]) -> list[tuple[str, str]]:
    moments = [("open", "")] * (MOMENTS + 20)
    for claim in stated:
        for moment in range(claim.since_ns, claim.until_ns):
            if claim.status == "proven" or moments[moment][0] != "proven":
                moments[moment] = (claim.status, claim.cause)
    return moments


@settings(max_examples=500, deadline=None)
@given(stated=st.lists(claims, max_size=12), since=st.integers(0, MOMENTS), length=st.integers(0, MOMENTS // 2))
def test_the_fold_is_what_painting_moment_by_moment_gives(stated: list[Claim], since: int, length: int) -> None:
    cover, until = Cover(), since + length
    for number, claim in enumerate(stated):
        changed = painted(stated[: number + 1]) != painted(stated[:number])
        assert cover.apply(claim) is changed
    moments = painted(stated)
    tiles = list(cover.tiles(since, until))
    shown = [(tile.status, tile.cause) for tile in tiles for _ in range(tile.since_ns, tile.until_ns)]
    assert shown == moments[since:until]
    assert [tile.since_ns for tile in tiles[1:]] == [tile.until_ns for tile in tiles[:-1]]
    assert all(tile.since_ns < tile.until_ns for tile in tiles)
    for moment in range(MOMENTS):
        assert cover.is_proven(moment) is (moments[moment][0] == "proven")


@given(stated=st.lists(claims, max_size=12))
def test_spans_are_disjoint_sorted_and_as_few_as_can_be(stated: list[Claim]) -> None:
    cover = Cover()
    for claim in stated:
        cover.apply(claim)
    for left, right in zip(cover.spans, cover.spans[1:], strict=False):
        assert left.until_ns <= right.since_ns
        assert left.until_ns < right.since_ns or left[2:] != right[2:]


def test_a_failure_says_nothing_against_what_was_proven() -> None:
    cover = Cover()
    cover.apply(Claim("proven", 10, 20))
    assert cover.apply(Claim("open", 5, 25, "error"))
    assert [tuple(tile) for tile in cover.tiles(0, 30)] == [
        (0, 5, "open", ""), (5, 10, "open", "error"), (10, 20, "proven", ""), (20, 25, "open", "error"),
        (25, 30, "open", ""),
    ]  # fmt: skip


class Claims:
    """What a book holds of one stream: claims with their pages; how many were read."""

    def __init__(self, stated: list[tuple[int, Claim]]) -> None:
        self.stated, self.readers, self.read = stated, [("small", "bare", 1)], 0
        self.engine = self

    def all(self, _: str) -> list[tuple[Any, ...]]:
        return list(self.readers)

    def claims(self, _: int, __: str, *, after_seq: int, until_seq: int) -> Iterator[tuple[int, Claim]]:
        for seq, claim in self.stated:
            if after_seq < seq <= until_seq:
                self.read += 1
                yield seq, claim


@settings(max_examples=200, deadline=None)
@given(
    stated=st.lists(st.tuples(st.integers(0, 2), claims), max_size=60),
    asked=st.lists(st.integers(0, 70), min_size=1, max_size=12), step=st.integers(1, 9),
)  # fmt: skip
def test_what_is_kept_folded_is_what_folding_again_would_give(
    stated: list[tuple[int, Claim]], asked: list[int], step: int
) -> None:
    seq, pages = 0, []
    for apart, claim in stated:
        seq += apart
        pages.append((seq + 1, claim))
    book, covers = Claims(pages), Covers()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coverage, "CLAIMS_PER_COPY", step)
        for until_seq in asked:
            wanted = folded(claim for at_seq, claim in pages if at_seq <= until_seq)
            assert covers.at(book, 1, stream="fills", seq=until_seq).spans == wanted.spans


def test_a_question_reads_few_claims_and_a_newer_reader_all_of_them_again() -> None:
    polled = [(number, Claim("proven", number, number + 1)) for number in range(1, 5_001)]
    polled += [(6_000, Claim("open", 9_000, 9_001, "error"))]
    book, covers = Claims(polled), Covers()
    assert covers.at(book, 1, stream="fills", seq=6_000).is_proven(1, 5_001)
    assert book.read == 5_001
    for seq in (17, 2_000, 4_999, 6_000, 1):
        before = book.read
        assert covers.at(book, 1, stream="fills", seq=seq).is_proven(1, min(seq, 5_000) + 1)
        assert book.read - before <= 2 * coverage.CLAIMS_PER_COPY
    book.readers = [("small", "bare", 2)]
    book.stated = polled[:10]
    assert not covers.at(book, 1, stream="fills", seq=6_000).is_proven(11)
