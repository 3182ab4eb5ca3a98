"""Shows what numbered frames prove of states (``docs/live.md`` 9) where several topics tell one state, where one of
them was never heard, and where a series begins anew: no more than all of them know."""

from __future__ import annotations

from collections.abc import Sequence

from nostro.link.declare import Claim
from nostro.link.frames import News
from nostro.link.gathering import Continuity

STATES = frozenset({"balances", "margin"})


def numbered(*topics: str) -> Continuity:
    return Continuity(STATES, topics)


def hear(
    seen: Continuity, series: str, at_ns: int, *, tells: Sequence[str] = ("balances",), begins: bool = False
) -> None:
    seen.hear(News((), series=series, begins=begins), frozenset(tells), received_ns=at_ns)


def proven(since_ns: int, until_ns: int, stream: str = "balances") -> Claim:
    return Claim("proven", since_ns, until_ns, stream=stream)


def test_a_state_of_several_topics_is_proven_as_far_as_all_of_them_know() -> None:
    seen = numbered("sums 1", "sums 2")
    hear(seen, "sums 1", 10)
    hear(seen, "sums 1", 20)
    assert not seen.claims(), "of the other one nobody knows"
    hear(seen, "sums 2", 15)
    hear(seen, "sums 2", 40)
    assert seen.claims() == [proven(15, 20)]
    assert seen.heard_ns("balances") == 20
    assert not seen.claims(), "it is claimed once"
    hear(seen, "sums 1", 30)
    assert seen.claims() == [proven(20, 30)]


def test_topics_that_tell_something_else_are_not_waited_for() -> None:
    seen = numbered("sums 1", "orders 1")
    hear(seen, "sums 1", 10)
    hear(seen, "sums 1", 20)
    assert seen.claims() == [proven(10, 20)]


def test_a_series_that_begins_anew_proves_from_there_and_nothing_before() -> None:
    seen = numbered("sums 1")
    hear(seen, "sums 1", 10, tells=("balances", "margin"))
    hear(seen, "sums 1", 20)
    assert seen.claims() == [proven(10, 20), proven(10, 20, "margin")]
    hear(seen, "sums 1", 30, begins=True)
    hear(seen, "sums 1", 40)
    assert seen.claims() == [proven(30, 40), proven(30, 40, "margin")], "it tells margin still, though not each time"


def test_what_nothing_numbered_told_is_never_known() -> None:
    seen = numbered("sums 1")
    hear(seen, "", 10)
    assert not seen.claims()
    assert seen.heard_ns("balances") is None
