"""Shows that whatever goes wrong with a feed, the present is the truth in the end and every gap is named: a few lives
of each fault (``campaigns/feeds.py`` has the many), answers and frames in every order; and that the same lives find the
mistakes that one could make."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from link.feed_faults import Found, Tamper, cuts, interleavings, orders, plants, positions, silences


def test_links_that_are_cut_anywhere_lose_nothing() -> None:
    found = cuts(60)
    assert (found.count, found.differences) == (60, 0), found.shown


@pytest.mark.parametrize("how", ["dropped", "doubled", "reset"])
def test_a_frame_that_is_lost_doubled_or_counted_anew_changes_nothing(how: Tamper) -> None:
    found = positions(how, range(0, 200, 12))
    assert (found.count, found.differences) == (17, 0), found.shown


def test_events_in_every_order_are_the_same_present() -> None:
    found = orders(2)
    assert (found.count, found.differences) == (2 * 5040, 0), found.shown


def test_an_answer_that_meets_frames_in_any_way_undoes_none() -> None:
    found = interleavings()
    assert (found.count, found.differences) == (2 * 16 * 55, 0), found.shown


@pytest.mark.parametrize(
    ("mistake", "lives"),
    [
        ("pongs", lambda: silences("silent", 2)),
        ("fill", lambda: cuts(20)),
        ("reset", lambda: positions("reset", range(0, 60, 4))),
        ("older", lambda: orders(2)),
        ("older", interleavings),
    ],
)
def test_a_mistake_is_found(monkeypatch: pytest.MonkeyPatch, mistake: str, lives: Callable[[], Found]) -> None:
    plants()[mistake](monkeypatch.setattr)
    assert lives().differences > 0
