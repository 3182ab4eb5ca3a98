"""Shows that a book which hears an account on both ways, by the frames of a real venue's feed and by requests, ends in
the same rows and states whatever the order of their pages is, says nothing that the exchange's histories do not, finds
nothing wrong, and gives its checks what it would give them without frames; over random lives behind three wires.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from itertools import filterfalse, zip_longest
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from book.world import Clock
from conformance.feed_life import DAY_NS, Life
from naive.workload import START_NS
from nostro.book.book import Book
from nostro.book.judgement import judged
from nostro.domain.marks import FOLLOWS, differences
from nostro.domain.records import Fact
from nostro.domain.subjects import is_empty, subject
from nostro.exchanges import exchange
from nostro.link import segment
from nostro.link.declare import Claim, Page, Query
from nostro.views.coverage import of_account

WIRES: Final = (("alp", "cli", 150), ("alp", "d26", 150), ("kraken_futures", "v3", 80), ("grvt", "full", 200))
EVENTS: Final = {"orders": "order", "fills": "fill", "entries": "entry"}
STATES: Final = {"balances": "balance", "margin": "margin_summary", "positions": "position"}
ACCOUNT: Final = "a"
PHASES: Final = 4

Ended = tuple[dict[str, list[Fact]], dict[tuple[object, ...], Fact]]


class Heard(NamedTuple):
    """``frames``: the segments of each phase; ``answers``: the pages of requests after it; ``last``: the states that
    were asked for at the end."""

    wire: str
    dialect: str
    frames: list[list[Page]]
    answers: list[list[Page]]
    last: dict[str, list[Fact]]


def segments(life: Life, first: int) -> Iterator[Page]:
    """What was told since, a page for every few frames."""
    told = life.told[first:]
    for start in range(0, len(told), 12):
        frames = [segment.Frame(each.received_ns, "text", each.body) for each in told[start : start + 12]]
        yield Page(
            exchange=life.exchange.id, dialect=life.exchange.dialect, capability=segment.FEED, stream=segment.FEED,
            route=segment.FEED, request="", query=Query(where={"sub_account": life.own} if life.own else {}),
            sent_ns=frames[0].received_ns, received_ns=frames[-1].received_ns, status=200, headers={},
            body=segment.encode(frames),
        )  # fmt: skip


async def swept(life: Life, stream: str) -> list[Page]:
    """Its whole history so far, with what that proves."""
    declared = life.exchange.stream(stream)
    assert declared is not None
    until_ns = life.clock.time_ns - life.clock.time_ns % declared.precision_ns
    return [step.page async for step in life.source.sweep(stream, START_NS - DAY_NS, until_ns, {})]


async def asked(life: Life) -> list[Page]:
    """What requests say of the states, and of the histories."""
    found: list[Page] = []
    for capability in ("sub_accounts", *life.feed.states):
        reply = await life.source.ask(capability, {})
        found += reply.pages
    for stream in EVENTS:
        if life.exchange.stream(stream) is not None:
            found += await swept(life, stream)
    return found


@pytest.fixture(name="heard", scope="module", params=WIRES, ids=lambda each: "-".join(each[:2]))
def heard_by(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Heard:
    wire, dialect, commands = request.param
    life = Life(tmp_path_factory.mktemp("venue"), wire, dialect, seed=5, user=1 if wire == "alp" else 2)
    life.connect()
    found = Heard(wire, dialect, [], [], {})
    first = 0
    for _ in range(PHASES):
        for _ in range(commands):
            life.live(1)
            life.hear()
        life.hub.beat()
        life.hear()
        found.frames.append(list(segments(life, first)))
        first = len(life.told)
        life.clock.time_ns += 1  # what is asked for now was told before
        found.answers.append(asyncio.run(asked(life)))
    for name in life.feed.states:
        found.last[name] = life.ask(name)
    life.venue.close()
    assert sum(map(len, found.frames)) > PHASES
    return found


def book_of(folder: Path, heard: Heard, pages: Sequence[Page]) -> Book:
    folder.mkdir()
    book = Book.open(folder / "b.db", now_ns=Clock(), registry=exchange, create=True)
    book.add_account(ACCOUNT, heard.wire, dialect=heard.dialect, since_ns=START_NS - DAY_NS)
    lease = book.acquire(ACCOUNT, "tests")
    for start in range(0, len(pages), 7):
        book.append(lease, pages[start : start + 7])
    return book


def plain(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, page=0, offset=0, observed_ns=0, extra={})


def rows(book: Book, **more: Any) -> dict[str, list[Fact]]:
    return {
        kind: sorted(
            (plain(each) for each in book.facts(kind, ACCOUNT, **more)),
            key=lambda each: (each.native_id or "", str(each)),
        )
        for kind in EVENTS.values()
    }


def states(book: Book) -> dict[tuple[object, ...], Fact]:
    """Without times, what follows from the mark price, and what is not there."""
    found: dict[tuple[object, ...], Fact] = {}
    for kind in STATES.values():
        for fact in filterfalse(is_empty, book.latest_states(kind, ACCOUNT)):
            spared = dict.fromkeys(FOLLOWS[kind]) | {"effective_ns": None, "updated_ns": None}
            known = {name: None for name in spared if name in fact.__struct_fields__}
            found[(kind, *subject(fact))] = msgspec.structs.replace(plain(fact), **known)
    return found


def arrivals(heard: Heard, count: int) -> Iterator[list[Page]]:
    """As it was; then in random orders, in which answers follow each other as frames do, and some pages of frames come
    again later."""
    answers = [page for phase in heard.answers for page in phase]
    frames = [page for phase in heard.frames for page in phase]
    yield [page for told, said in zip(heard.frames, heard.answers, strict=True) for page in (*told, *said)]
    yield [*frames, *answers]
    yield [*answers, *frames]
    for seed in range(count):
        chance = random.Random(seed)
        places = set(chance.sample(range(len(answers) + len(frames)), k=len(answers)))
        told, said = iter(frames), iter(answers)
        mixed = [next(said) if place in places else next(told) for place in range(len(answers) + len(frames))]
        for page in chance.sample(frames, k=len(frames) // 3):
            mixed.insert(chance.randint(mixed.index(page) + 1, len(mixed)), page)
        yield mixed


def unlike(one: Ended, other: Ended) -> list[Any]:
    """What differs between two books."""
    pairs = [(each, other[0][kind]) for kind, each in one[0].items()] + [([*one[1].values()], [*other[1].values()])]
    told = [(left, right) for lefts, rights in pairs for left, right in zip_longest(lefts, rights) if left != right]
    return [
        (left.kind, left.native_id, [
            (name, getattr(left, name), getattr(right, name))
            for name in left.__struct_fields__ if getattr(left, name) != getattr(right, name, None)
        ]) if left is not None and right is not None else (left, right)
        for left, right in told
    ]  # fmt: skip


def test_any_order_of_frames_and_answers_ends_in_the_same_book(tmp_path: Path, heard: Heard) -> None:
    answers = [page for phase in heard.answers for page in phase]
    alone = book_of(tmp_path / "alone", heard, answers)
    with alone:
        truth, asked_states = rows(alone), states(alone)
        assert list(alone.findings(ACCOUNT)) == []
    ended: list[Ended] = []
    for number, pages in enumerate(arrivals(heard, 6)):
        with book_of(tmp_path / str(number), heard, pages) as book:
            assert rows(book, histories=True) == truth
            found = rows(book)
            ended.append((found, states(book)))
            assert all(len(found[kind]) >= len(truth[kind]) for kind in truth)
            assert list(book.findings(ACCOUNT)) == [], number
            told = book._store.engine.value("SELECT count(*) FROM record WHERE unsettled > 1")
            assert told > 20 or number != 1, "frames told much before the answers did"
            for name, facts in heard.last.items():
                now = {subject(each): each for each in book.latest_states(STATES[name], ACCOUNT)}
                for fact in facts:
                    assert differences(now[subject(fact)], fact) == (), (number, name)
    for number, each in enumerate(ended[1:], 1):
        assert unlike(ended[0], each) == [], number
    assert asked_states.keys() <= ended[0][1].keys()


def test_checks_do_not_know_that_there_were_frames(tmp_path: Path, heard: Heard) -> None:
    answers = [page for phase in heard.answers for page in phase]
    said = []
    for name, pages in (("alone", answers), ("both", next(arrivals(heard, 0)))):
        with book_of(tmp_path / name, heard, pages) as book:
            found = judged(book, ACCOUNT, until_ns=answers[-1].received_ns)
            said.append((
                [(each.check, each.scope, each.since_ns, each.until_ns, each.outcome) for each in found.results],
                [(each.name, each.scope, each.missing) for each in found.breaks], found.jumps,
            ))  # fmt: skip
    assert said[0] == said[1]
    assert said[0][0]


def test_coverage_says_when_states_were_seen_and_when_nobody_knows_them(tmp_path: Path, heard: Heard) -> None:
    spoken = exchange(heard.wire, heard.dialect)
    feed = spoken.feed
    assert feed is not None
    pages = next(arrivals(heard, 0))
    told = [page for page in pages if page.stream == segment.FEED]
    since_ns, lost_ns, until_ns = told[0].sent_ns, told[0].received_ns, told[-1].sent_ns
    claims = tuple(
        claim
        for name in feed.states
        for claim in (
            Claim("proven", since_ns, lost_ns, stream=name),
            Claim("unavailable", lost_ns, until_ns, "no_history", name),
        )
    )
    pages[pages.index(told[-1])] = msgspec.structs.replace(told[-1], claims=claims)
    with book_of(tmp_path / "book", heard, pages) as book:
        lines = of_account(book, ACCOUNT, now_ns=until_ns + 1)
        early = of_account(book, ACCOUNT, now_ns=until_ns + 1, known_at_ns=told[0].received_ns)
    seen = [line for line in lines if line.evidence == "feed"]
    assert [(line.stream, line.status, line.cause, line.since_ns, line.until_ns) for line in seen] == [
        (claim.stream, claim.status, claim.cause, claim.since_ns, claim.until_ns)
        for claim in claims if claim.since_ns < claim.until_ns
    ]  # fmt: skip
    assert not [line for line in early if line.evidence == "feed"]
    assert {line.stream for line in lines if line.evidence == "rest"} >= {stream.name for stream in spoken.streams}


def test_frames_that_cannot_be_read_are_one_break_for_each_reason(tmp_path: Path, heard: Heard) -> None:
    pages = next(arrivals(heard, 0))
    good = next(page for page in pages if page.stream == segment.FEED)
    until_ns = pages[-1].received_ns
    bad = [
        msgspec.structs.replace(good, body=segment.encode([segment.Frame(until_ns + number, "text", said)]))
        for number, said in enumerate((b"{", b"{", b"nonsense"))
    ]  # fmt: skip
    with book_of(tmp_path / "book", heard, [*pages, *bad]) as book:
        found = judged(book, ACCOUNT, until_ns=until_ns)
    names = [each.name for each in found.breaks if each.check == "history"]
    assert names == ["unreadable_frame"] * 2


def test_a_rebuild_reads_the_same(tmp_path: Path, heard: Heard) -> None:
    with book_of(tmp_path / "book", heard, next(arrivals(heard, 0))) as book:
        before = book.state_hash()
        assert book.rebuild().changes == ()
        assert book.state_hash() == before
