"""Shows of every wire with a feed that what its frames tell of an account and what requests tell of the same are the
same facts: of the same stream, with the same identity, and in no member that both know do they differ (live 5 to 8);
over random lives of a real venue. What may differ is said here by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import pytest

from conformance.feed_life import Life
from nostro.domain.fact import STAMP
from nostro.domain.records import Balance, Fact, Order, Position
from nostro.domain.subjects import leg, subject
from nostro.domain.values import EXACT

# With the commands of its life, and how often each state is compared at least; GRVT's two encodings share all but the
# names of members.
WIRES: Final = (
    ("alp", "cli", 250, 200), ("alp", "d23", 120, 100), ("alp", "d26", 120, 100), ("kraken_futures", "v3", 250, 100),
    ("grvt", "full", 350, 6), ("grvt", "lite", 200, 1),
)  # fmt: skip
EVENTS: Final = ("orders", "fills", "entries")
ENDS: Final = ("canceled", "partially_canceled", "expired", "rejected")
# Of an order that goes on: what a later state of it may say otherwise.
LATER: Final = frozenset({
    "status", "amount", "filled", "canceled", "remaining", "price", "stop_price", "average_price", "updated_ns",
    "done_ns", "opened_ns", "type", "quote_amount",
})  # fmt: skip
# An inverse contract's profit has more digits in frames than in lists.
ROUNDED: Final = {"unrealized_pnl"}

Key = tuple[object, ...]


def key(fact: Fact) -> Key:
    return (fact.kind, fact.native_id, leg(fact)) if fact.native_id is not None else (fact.kind, *subject(fact))


def known(value: object) -> bool:
    return value not in (None, "", {}, ())


def contradictions(told: Fact, asked: Fact, *, spared: frozenset[str] = frozenset()) -> Iterator[tuple[str, Any, Any]]:
    """The members that both know, and that differ."""
    assert type(told) is type(asked)
    for name in told.__struct_fields__:
        one, other = getattr(told, name), getattr(asked, name)
        if name == "extra":
            yield from ((f"extra.{each}", one[each], other[each]) for each in one.keys() & other.keys()
                        if one[each] != other[each])  # fmt: skip
        elif name not in {*STAMP, *spared} and known(one) and known(other) and one != other:
            close = name in ROUNDED and abs(EXACT.subtract(one, other)) < Decimal("0.00001")
            yield from () if close else ((name, one, other),)


@pytest.fixture(name="life", scope="module", params=WIRES, ids=lambda each: "-".join(each[:2]))
def life_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    wire, dialect, life_steps, life_least = request.param
    life = Life(tmp_path_factory.mktemp("venue"), wire, dialect, seed=3, user=1 if wire == "alp" else 2)
    life.connect()
    life.steps, life.least = life_steps, life_least
    yield life
    life.venue.close()


# ── the present ──────────────────────────────────────────────────────────────────────────────────────────────────


class Present:
    """The states as frames have told them, by stream; ``news``: those of the last frames."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._taken = 0
        self.states: dict[str, dict[Key, Fact]] = {each: {} for each in life.feed.states}
        self.news: set[Key] = set()

    def take(self) -> None:
        self.news = set()
        told, self._taken = self._life.told[self._taken :], len(self._life.told)
        for reading in (reading for frame in told for reading in frame.readings if reading.stream in self.states):
            if reading.whole:
                self.states[reading.stream].clear()
            for fact in reading.facts:
                self.states[reading.stream][key(fact)] = fact
                self.news.add(key(fact))


def test_states_and_events_are_the_same_facts_as_those_of_requests(life: Life) -> None:
    present, compared, found = Present(life), Counter[str](), list[Any]()
    for step in range(life.steps):
        life.live(1)
        life.hear()
        life.hub.beat()  # what follows from marks alone is told now
        life.hear()
        present.take()
        if step % 7 == 0 or present.news:
            found += same_states(life, present, compared)
    found += same_events(life, compared)
    assert found == []
    for name in life.feed.states:
        assert compared[name] >= life.least, (name, compared)
    followed = {topic.partition(" ")[0] for topic in life.state.topics}
    assert life.series == {each.name for each in life.feed.topics if each.numbered and each.name in followed}
    told = {reading.stream for frame in life.told for reading in frame.readings}
    assert told <= {*life.feed.states, *EVENTS}
    assert all(compared[name] for name in told), compared


def nothing(told: Fact) -> bool:
    """Whether a frame says that nothing is there: requests then leave it out, or do not."""
    return not (told.size if isinstance(told, Position) else told.total if isinstance(told, Balance) else True)


def same_states(life: Life, present: Present, compared: Counter[str]) -> Iterator[Any]:
    for name, states in present.states.items():
        asked = {key(fact): fact for fact in life.ask(name)}
        for there, told in states.items():
            if there not in asked:
                if not nothing(told):
                    yield life.exchange.id, name, "requests do not know", told
                continue
            if life.exchange.id == "grvt" and there not in present.news:
                continue  # is told where something happened, not where a price moved
            compared[name] += 1
            for difference in contradictions(told, asked[there], spared=frozenset({"effective_ns"})):
                yield life.exchange.id, name, there, difference
        if name == "positions":  # of other states frames tell what is the login's own, and what has changed
            yield from (
                (life.exchange.id, "frames do not know", asked[there]) for there in asked.keys() - states.keys()
            )


# ── what happened ────────────────────────────────────────────────────────────────────────────────────────────────


def same_events(life: Life, compared: Counter[str]) -> Iterator[Any]:
    told: dict[str, dict[Key, list[tuple[Fact, bool]]]] = {name: {} for name in EVENTS}
    for frame in life.told:
        for reading in (each for each in frame.readings if each.stream in EVENTS):
            for fact in reading.facts:
                own_time = fact.effective_ns != frame.received_ns or (fact.kind, fact.offset) in frame.timed
                told[reading.stream].setdefault(key(fact), []).append((fact, own_time))
    for name, rows in told.items():
        if not rows:
            continue
        asked = {key(fact): fact for fact in life.history(name)}
        for there, facts in rows.items():
            if there not in asked:
                if not all(isinstance(fact, Order) and waited(fact) for fact, _ in facts):
                    yield life.exchange.id, name, "no history tells", facts
                continue
            compared[name] += 1
            for fact, own_time in facts:
                yield from same_event(fact, asked[there], timed=own_time)


def waited(told: Order) -> bool:
    """Whether it is a stop that waits, or says no more than that something ended: a history may begin later."""
    return told.status == "pending" or not told.instrument


def same_event(told: Fact, asked: Fact, *, timed: bool) -> Iterator[Any]:
    """Of an order the history has its last state: an earlier one may say otherwise what changes."""
    spared = frozenset() if timed else frozenset({"effective_ns"})
    if isinstance(told, Order) and isinstance(asked, Order):
        if told.filled is None and told.status in ENDS and asked.status in ENDS:
            spared |= {"status"}  # it says that nothing of it is open any more, and not how much of it was filled
        if told.updated_ns is None or told.updated_ns != asked.updated_ns:
            ended = told.done_ns is not None or told.updated_ns is None
            spared |= LATER - {"status"} if ended else LATER
    for difference in contradictions(told, asked, spared=spared):
        yield key(told), difference, told, asked


def test_the_comparison_has_teeth() -> None:
    told = Order(native_id="1", instrument="A/B", side="buy", type="limit", status="canceled", extra={"a": "1"})
    asked = Order(native_id="1", instrument="A/B", side="sell", type="limit", status="filled", extra={"a": "2"})
    assert {name for name, _, _ in contradictions(told, asked)} == {"side", "status", "extra.a"}
    assert {change[1][0] for change in same_event(told, asked, timed=True)} == {"side", "status", "extra.a"}
