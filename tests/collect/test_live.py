"""Shows how accounts are followed into a book, in virtual time over the paper exchanges' own feeds: what was missed is
asked for and named, an account that is refused ends alone, one that hangs slows nobody, two processes never write the
same account, and the end is in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from nostro import limits
from nostro.book.book import Book
from nostro.domain.values import SECOND_NS
from nostro.link.events import Stored, Update
from nostro.link.segment import FEED
from nostro.paper.faults import Fault, FaultPlan, FrameFault, FrameKind, Kind
from simulation import truth
from simulation.contract_plays import PLAYS
from simulation.live_world import Heard, LiveWorld
from virtual_time import run

MINUTE_S = 60.0
TRUE = FaultPlan()
# A page of these is explained by the next pass over everything, an hour later; and a token that ends is not seen twice.
SPOILING = {Kind.HTML, Kind.TRUNCATED, Kind.EMPTY, Kind.EXPIRED_TOKEN}
Story = Callable[[LiveWorld, Book], Awaitable[None]]


def told(folder: Path, story: Story, *plays: str, seed: int = 1, plan: FaultPlan = TRUE) -> LiveWorld:
    """The story in a world of these exchanges; afterwards the book is proven."""

    async def whole() -> LiveWorld:
        world = LiveWorld([PLAYS[name] for name in plays], folder, seed=seed, plan=lambda _: plan)
        try:
            with world.opened() as book:
                await story(world, book)
                truth.prove(book)
        finally:
            world.close()
        return world

    return run(whole())


async def ends(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def lived(world: LiveWorld, *, minutes: int, pause_s: float = 10) -> None:
    """Exchanges live for a while; what happened last has settled."""
    living = asyncio.create_task(world.lives(pause_s=pause_s))
    await world.clock.sleep(minutes * MINUTE_S)
    assert not living.done()
    await ends(living)
    await world.clock.sleep(3 * MINUTE_S)


def same(world: LiveWorld, book: Book) -> None:
    """Every account is what its venue holds, proven to its end, without a break."""
    assert world.compare_all(book)["checks that tie"] > 0


def segments(book: Book, account: str) -> int:
    return sum(1 for _ in book.journal(account, stream=FEED))


@pytest.mark.parametrize("exchange", ["alp", "kraken_futures", "grvt", "bingx_v1"])
def test_what_frames_and_answers_tell_ends_in_the_book_of_the_exchange(exchange: str, tmp_path: Path) -> None:
    async def story(world: LiveWorld, book: Book) -> None:
        following = asyncio.create_task(world.follow(book))
        await lived(world, minutes=6)
        assert not following.done()
        await ends(following)
        same(world, book)
        kept = sum(segments(book, name) for name in world.places[0].accounts())
        assert (kept > 0) == (world.places[0].hub is not None)
        assert not world.heard.open
        assert not world.failed.keys() - {"Report"}

    world = told(tmp_path, story, exchange)
    assert world.heard.events["GapClosed"] >= 3
    assert sum(count for kind, count in world.heard.kinds.items() if not kind.startswith("balance")) > 0


def test_links_that_break_are_gaps_that_close_once_answers_have_filled_them(tmp_path: Path) -> None:
    async def story(world: LiveWorld, book: Book) -> None:
        following = asyncio.create_task(world.follow(book))
        living = asyncio.create_task(world.lives(pause_s=5))
        for _ in range(4):
            await world.clock.sleep(45)
            for place in world.places:
                place.network.cut()
                place.network.down = True
            for _ in range(3):
                place.act()  # while nobody listens
            await world.clock.sleep(20)
            assert set(world.heard.open) == {name for place in world.places for name in place.accounts()}
            for place in world.places:
                place.network.down = False
        await ends(living)
        await world.clock.sleep(5 * MINUTE_S)
        await ends(following)
        assert not world.heard.open
        same(world, book)
        for account, gap in world.heard.gaps:
            assert gap.since_ns < gap.until_ns
            states = book.exchange(account).feed.states
            assert set(gap.unknown) <= set(states)

    world = told(tmp_path, story, "kraken_futures", "alp")
    assert len(world.heard.gaps) >= 6 * 4
    assert sum(len(gap.unknown) > 0 for _, gap in world.heard.gaps) >= 6 * 3


def test_a_refused_key_ends_its_account_and_no_other(tmp_path: Path) -> None:
    async def story(world: LiveWorld, book: Book) -> None:
        following = asyncio.create_task(world.follow(book))
        place = world.places[0]
        await world.clock.sleep(2 * MINUTE_S)
        refused, *others = place.accounts()
        place.refused.add(place.accounts()[refused])
        place.network.cut()
        living = asyncio.create_task(world.lives(pause_s=10))
        await world.clock.sleep(10 * MINUTE_S)
        await ends(living)
        assert set(world.heard.ended) == {refused}
        assert not following.done()
        await world.clock.sleep(3 * MINUTE_S)
        await ends(following)
        for name in others:
            world.compare(book, name)

    told(tmp_path, story, "alp")


def test_an_exchange_that_hangs_slows_no_other_one(tmp_path: Path) -> None:
    async def story(world: LiveWorld, book: Book) -> None:
        following = asyncio.create_task(world.follow(book))
        hanging, other = world.places
        await world.clock.sleep(2 * MINUTE_S)
        hanging.hanging.set()
        hanging.network.freeze()
        before = dict(world.heard.numbers)
        await lived(world, minutes=6)
        assert set(world.heard.open) == set(hanging.accounts())
        assert any(world.heard.numbers[name] > before.get(name, 0) for name in other.accounts())
        for name in other.accounts():
            world.compare(book, name)
        hanging.hanging.clear()
        hanging.network.thaw()
        await world.clock.sleep(8 * MINUTE_S)
        assert not world.heard.open
        await ends(following)
        same(world, book)

    told(tmp_path, story, "kraken_futures", "grvt")


def test_everything_at_once(tmp_path: Path) -> None:
    """Frames that are lost, doubled, late, cut; requests that fail in every way: nothing of it is in the book."""
    plan = FaultPlan(
        seed=3, faults=tuple(Fault(kind=kind, share=0.004) for kind in Kind if kind not in SPOILING),
        frames=(
            FrameFault(kind=FrameKind.CUT, share=0.04), FrameFault(kind=FrameKind.DROPPED, share=0.05),
            FrameFault(kind=FrameKind.DOUBLED, share=0.05), FrameFault(kind=FrameKind.DELAYED, share=0.05, delay_s=3),
        ),
    )  # fmt: skip

    async def story(world: LiveWorld, book: Book) -> None:
        following = asyncio.create_task(world.follow(book))
        living = asyncio.create_task(world.lives(pause_s=6))
        await world.clock.sleep(8 * MINUTE_S)
        await ends(living)
        for place in world.places:
            place.heal()
        await world.clock.sleep(5 * MINUTE_S)
        await ends(following)
        assert not world.heard.open
        same(world, book)

    world = told(tmp_path, story, "kraken_futures", "alp", plan=plan)
    fired = sum((place.faults.fired for place in world.places), start=type(world.failed)())
    assert {FrameKind.CUT, FrameKind.DROPPED, FrameKind.DOUBLED} <= fired.keys()
    assert len(fired.keys() & set(Kind)) >= 5


def test_start_is_recovery(tmp_path: Path) -> None:
    """A process that ended is gone on from where its last frame was."""

    async def story(world: LiveWorld, book: Book) -> None:
        following = asyncio.create_task(world.follow(book))
        await lived(world, minutes=3)
        await ends(following)
        heard = {name: book.heard(name) for name in world.places[0].accounts()}
        await lived(world, minutes=3)
        gaps = len(world.heard.gaps)
        world.heard.numbers.clear()
        following = asyncio.create_task(world.follow(book, holder="process 2"))
        await world.clock.sleep(2 * MINUTE_S)
        for account, gap in world.heard.gaps[gaps:]:
            assert gap.since_ns == heard[account]
        assert len(world.heard.gaps) >= gaps + 3
        await ends(following)
        same(world, book)

    told(tmp_path, story, "grvt")


def test_a_pass_over_everything_comes_every_hour_whatever_the_probes_read(tmp_path: Path) -> None:
    async def story(world: LiveWorld, book: Book) -> None:
        (name, *_) = world.places[0].accounts()
        following = asyncio.create_task(world.follow(book, names=[name]))
        await world.clock.sleep(2.5 * 3600)
        await ends(following)
        assert sum(1 for _ in book.journal(name, stream="instruments")) == 3

    told(tmp_path, story, "grvt")


def test_the_end_is_in_order(tmp_path: Path) -> None:
    """Who is canceled has stored what was told, and holds nothing any more."""

    async def story(world: LiveWorld, book: Book) -> None:
        following = asyncio.create_task(world.follow(book))
        living = asyncio.create_task(world.lives(pause_s=0.5))
        await world.clock.sleep(2 * MINUTE_S)
        began_ns = world.clock.now_ns()
        await ends(following)
        assert world.clock.now_ns() - began_ns < 5 * SECOND_NS
        await ends(living)
        assert not any(place.network.opened for place in world.places), "a connection is open"
        assert not any(place.hub.sessions for place in world.places)
        for name, number in world.heard.numbers.items():
            last = [event for event in world.heard.last[name] if isinstance(event, Stored | Update)]
            feed = [event.number for event in last if isinstance(event, Update) and event.via == "feed"]
            stored = [event.through for event in last if isinstance(event, Stored)]
            assert not feed or stored[-1] >= feed[-1], "what a frame told is not stored"
            assert number > 0
            assert book.acquire(name, "somebody else").token > 1, "the lease was given back"

    told(tmp_path, story, "kraken_futures", "grvt")


def test_who_was_away_too_long_says_so_and_writes_nothing(tmp_path: Path) -> None:
    """Of two processes one is paused, and the other one takes over; the woken one is told so, and stops."""

    async def story(world: LiveWorld, book: Book) -> None:
        place = world.places[0]
        (name, *_) = place.accounts()
        first = asyncio.create_task(world.follow(book, names=[name], holder="the first"))
        living = asyncio.create_task(world.lives(pause_s=3))
        await world.clock.sleep(MINUTE_S)
        world.awake["the first"].clear()
        await world.clock.sleep(limits.LEASE_S + 5)
        second = asyncio.create_task(world.follow(book, names=[name], holder="the second", heard=Heard()))
        await world.clock.sleep(MINUTE_S)
        pages = book.head_seq(name)
        world.awake["the first"].set()
        await world.clock.sleep(0)
        assert book.head_seq(name) == pages
        await world.clock.sleep(MINUTE_S)
        assert "the second" in world.heard.ended[name]
        assert first.done()
        assert not second.done()
        await ends(living)
        await world.clock.sleep(3 * MINUTE_S)
        await ends(second)
        world.compare(book, name)

    told(tmp_path, story, "kraken_futures")
