"""Shows what is read of a book that is looked at again and again: nothing of an account whose chain stands where it
stood, its states where it moved, and what is dear to read only now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from cli.collected import Collected
from nostro.domain.values import SECOND_NS
from nostro.views.look import RESTING_S, SLOW_S, Look, looks


@pytest.fixture(name="home")
def collected(tmp_path: Path) -> Iterator[Collected]:
    found = Collected(tmp_path)
    yield found
    found.book.close()


def sizes(look: Look) -> list[Decimal]:
    return [fact.size for fact in look.facts if fact.kind == "position"]  # type: ignore[attr-defined]


def test_only_what_moved_is_read(home: Collected) -> None:
    now_ns = time.time_ns()
    first = looks(home.book, [], before={}, now_ns=now_ns)
    assert {name: (sizes(look), len(look.facts)) for name, look in first.items()} == {
        "main": ([Decimal("0.25")], 3), "second": ([Decimal("0.25")], 3),
    }  # fmt: skip
    again = looks(home.book, [], before=first, now_ns=now_ns)
    assert all(again[name].facts is first[name].facts for name in first)
    home.tell("main", balance="5", size="0.5", price="1")
    moved = looks(home.book, [], before=again, now_ns=now_ns)
    assert (sizes(moved["main"]), moved["second"].facts is first["second"].facts) == ([Decimal("0.5")], True)
    assert moved["main"].heard_ns > first["main"].heard_ns
    assert list(looks(home.book, ["second"], before={}, now_ns=now_ns)) == ["second"]


def test_who_collects_is_seen_without_reading_anything(home: Collected) -> None:
    now_ns = time.time_ns()
    first = looks(home.book, [], before={}, now_ns=now_ns)
    assert first["main"].leased_ns > now_ns
    home.end()
    ended = looks(home.book, [], before=first, now_ns=now_ns)
    assert (ended["main"].leased_ns, ended["main"].facts is first["main"].facts) == (0, True)


def test_what_is_dear_is_read_now_and_then(home: Collected) -> None:
    now_ns = time.time_ns()
    first = looks(home.book, [], before={}, now_ns=now_ns)["main"]
    assert first.slow_ns == now_ns
    assert first.open > 0  # nobody has asked for its histories
    home.tell("main", balance="5", size="0.5", price="1")
    times = []
    look = first
    for after_s in range(2 * RESTING_S):
        look = looks(home.book, ["main"], before={"main": look}, now_ns=now_ns + after_s * SECOND_NS)["main"]
        times.append((look.slow_ns - now_ns) // SECOND_NS)
    assert sorted(set(times)) == [0, SLOW_S, SLOW_S + RESTING_S]
