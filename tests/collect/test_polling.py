"""Shows what a poll asks: nothing but the balances while they do not move, everything that is new once they do; and
that a pass over an exchange that cannot be reached ends with the first question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collect.scene import START_NS, Scene, run, scene, user
from nostro import errors
from nostro.book.book import Book
from nostro.book.pages import page_of_ours
from nostro.collect.backfill import QUIET_S, Collector
from nostro.domain.values import DAY_NS, decimal
from nostro.link.http import HttpRequest
from nostro.paper.venue.commands import Fund

YOUNG_NS = START_NS - 5 * DAY_NS


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path, rows=20, months=1) as opened:
        yield opened


async def settled(world: Scene, book: Book) -> Collector:
    """A collector whose first pass and first poll are done."""
    collector = world.collector(book)
    await collector.start()
    await collector.full_pass()
    world.clock.pass_s(30)
    await collector.poll()
    return collector


def test_while_balances_stand_still_only_they_are_asked_and_nothing_is_kept(world: Scene) -> None:
    async def story(book: Book) -> None:
        collector = await settled(world, book)
        head, asked = book.head_seq(collector.account), len(world.wire.requests)
        for _ in range(3):
            world.clock.pass_s(5)
            assert (await collector.poll()).pages == 0
        assert [each.path.rpartition("/")[2] for each in world.wire.requests[asked:]] == ["balances"] * 3
        assert book.head_seq(collector.account) == head
        world.clock.pass_s(QUIET_S)
        assert (await collector.poll()).pages > 1
        await collector.stop()

    with world.book(since_ns=YOUNG_NS) as book:
        run(story(book))


def test_a_balance_that_moves_is_followed_at_once(world: Scene) -> None:
    async def story(book: Book) -> None:
        collector = await settled(world, book)
        world.clock.pass_s(5)
        assert (await collector.poll()).pages == 0
        user = world.login().user
        world.venue.carry_out(Fund(user=user, wallet="spot", asset="BTC", amount=decimal("0.5")))
        world.clock.pass_s(15)
        report = await collector.poll()
        assert report.new >= 1
        assert any(getattr(entry, "type", "") == "fund" for entry in book.facts("entry", collector.account))
        await collector.stop()

    with world.book(since_ns=YOUNG_NS) as book:
        run(story(book))


def test_an_exchange_that_cannot_be_reached_is_not_asked_twice(world: Scene) -> None:
    paths: list[str] = []

    def unreachable(request: HttpRequest) -> None:
        paths.append(request.path)
        raise errors.NotSent("no connection")

    async def story(book: Book) -> None:
        world.wire.before = unreachable
        collector = world.collector(book)
        await collector.start()
        with pytest.raises(errors.NotSent):
            await collector.full_pass()
        await collector.stop()

    with world.book(since_ns=YOUNG_NS) as book:
        run(story(book))
    assert len(set(paths)) == 1


def test_a_lease_that_ran_out_is_taken_anew_after_another_wrote(world: Scene) -> None:
    async def story(book: Book) -> None:
        collector = await settled(world, book)
        world.clock.pass_s(120)  # an outage
        note = page_of_ours("nostro:note", b"{}", now_ns=world.clock.now_ns())
        assert book.leave(collector.account, note, holder="a person")
        head = book.head_seq(collector.account)
        assert (await collector.poll()).pages > 0
        assert book.head_seq(collector.account) > head
        await collector.stop()

    with world.book(since_ns=YOUNG_NS) as book:
        run(story(book))


def test_an_open_borrowing_is_asked_for_by_its_own_asset(world: Scene) -> None:
    """A borrowing does not say its currency: the tail is asked in every asset, a row that may still change only in its
    own; and what was asked so proves nothing of the other assets."""
    world.venue.set_permissions(world.login().key, ("read", "trade", "margin"))
    account = world.account(allow=("margin", "transfer"))
    assets = len(world.venue.assets())

    async def live() -> None:
        await account.transfer("USDT", 1000, from_wallet="spot", to_wallet="cross_margin")
        borrowed = await account.borrow("USDT", 100, wallet="cross_margin")
        world.clock.pass_s(3 * 86_400)
        collector = world.collector(book)
        await collector.start()
        await collector.full_pass()
        for repaid in (40, 60):
            world.clock.pass_s(90)
            asked = len(world.wire.requests)
            await account.repay("USDT", repaid, wallet="cross_margin")
            report = await collector.poll()
            assert not report.failures
            seen = [each.query for each in world.wire.requests[asked:] if each.path.endswith("/margin/borrow")]
            assert len(seen) == assets + 1
            (fact,) = book.facts("borrow", str(user(world)))
            (row,) = world.venue.borrows(user(world))
            assert (fact.native_id, fact.repaid) == (borrowed.native_id, row.repaid)
        await collector.stop()

    with world.book(since_ns=YOUNG_NS) as book:
        run(live())
        stream = world.exchange.stream("borrows")
        assert stream is not None
        assert [name for _, name in book.open_rows(str(user(world)), stream)] == ["USDT"]
