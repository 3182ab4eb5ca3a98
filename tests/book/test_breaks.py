"""Shows the life of a break as a fold of two kinds of pages: opened, explained, accepted, reopened, and as known at any
earlier moment."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from nostro.book.breaks import (
    DECISION,
    RECONCILED,
    Break,
    Decision,
    Note,
    Scope,
    decide,
    identify,
    judge,
    lives,
    unexplained,
)
from nostro.domain.records import Entry
from nostro.errors import BadValue

SCOPE = Scope(account="mine", wallet="spot", subject="BTC")


def found(name: str, missing: str = "1") -> Break:
    return Break(
        id=identify("running balance", SCOPE, anchor=name), check="running balance", name="missing_row", scope=SCOPE,
        since_ns=100, until_ns=200, missing=Decimal(missing),
    )  # fmt: skip


class Chain:
    """The pages of an account, as far as breaks are concerned: page n is written at 1000 n."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def judged(self, *breaks: Break, arrived: tuple[Entry, ...] = ()) -> bool:
        body = judge(unexplained(lives(self.notes)), breaks, seq=len(self.notes), reader=1, arrived=arrived)
        return body is not None and self.add(RECONCILED, body)

    def decided(self, each: Break, action: str, reason: str = "a known fault") -> None:
        decision = Decision(break_id=each.id, action=action, author="Ada", reason=reason)
        self.add(DECISION, decide(lives(self.notes), decision))

    def add(self, route: str, body: bytes) -> bool:
        page = len(self.notes) + 1
        self.notes.append(Note(page=page, at_ns=1000 * page, route=route, body=body))
        return True

    def events(self, each: Break) -> list[str]:
        return [event.what for event in lives(self.notes)[each.id].events]


def test_judging_again_writes_nothing() -> None:
    chain = Chain()
    assert chain.judged(found("a"), found("b"))
    assert not chain.judged(found("a"), found("b"))
    assert not Chain().judged()
    assert {life.state for life in lives(chain.notes).values()} == {"open"}


def test_a_break_that_is_no_longer_found_is_explained_by_the_pages_that_reached_its_interval() -> None:
    chain, a = Chain(), found("a")
    chain.judged(a)
    entries = [
        Entry(asset="BTC", type="fund", amount=Decimal(1), effective_ns=at, page=at) for at in (99, 150, 200, 201)
    ]
    chain.judged(arrived=tuple(entries))
    life = lives(chain.notes)[a.id]
    assert (life.state, life.events[-1].what, life.events[-1].pages) == ("explained", "explained", (150, 200))


def test_an_accepted_break_stays_accepted_until_it_changes_or_is_reopened() -> None:
    chain, a = Chain(), found("a")
    chain.judged(a)
    chain.decided(a, "accept")
    assert not chain.judged(a)
    life = lives(chain.notes)[a.id]
    assert (life.state, life.events[-1].author, life.events[-1].reason) == ("accepted", "Ada", "a known fault")
    chain.decided(a, "reopen")
    chain.decided(a, "accept")
    assert chain.judged(found("a", "2"))
    assert lives(chain.notes)[a.id].state == "open"
    assert lives(chain.notes)[a.id].value.missing == Decimal(2)
    chain.judged()
    chain.judged(a)
    assert chain.events(a) == ["opened", "accepted", "reopened", "accepted", "reopened", "explained", "reopened"]


def test_an_open_break_that_grows_keeps_its_life() -> None:
    chain, a = Chain(), found("a")
    chain.judged(a)
    chain.judged(replace(a, until_ns=300))
    assert chain.events(a) == ["opened", "changed"]


def test_a_life_as_known_at_an_earlier_moment() -> None:
    chain, a = Chain(), found("a")
    chain.judged(a)
    chain.decided(a, "accept")
    chain.judged()
    states = [lives(chain.notes, known_at_ns=at).get(a.id) for at in (999, 1000, 1999, 2000, 3000)]
    assert [life and life.state for life in states] == [None, "open", "open", "accepted", "explained"]


def test_a_decision_that_makes_no_sense_is_refused() -> None:
    chain, a = Chain(), found("a")
    chain.judged(a)
    known = lives(chain.notes)
    for break_id, action, reason in (("nothing", "accept", "x"), (a.id, "reopen", "x"), (a.id, "accept", " ")):
        with pytest.raises(BadValue, match=break_id):
            decide(known, Decision(break_id=break_id, action=action, author="Ada", reason=reason))


def test_an_id_depends_on_what_and_where_alone() -> None:
    assert found("a", "1").id == found("a", "2").id != found("b").id
    assert identify("fees", SCOPE, anchor="a") != found("a").id
