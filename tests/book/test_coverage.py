"""Shows that coverage is the fold of its claims (B8): compared, for random claims, with a naive one that paints moment
by moment; and that its intervals tile whatever is asked."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.book.coverage import Cover
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
