"""Shows how debts are collected: with the balances, in every poll; without the permission as a hole and no failure;
rows of interest, which have no time, day by day; and borrowings until nothing is owed of them any more."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from collect.scene import YOUNG_NS, Scene, equal, holes, run, scene, user
from nostro.book.book import Book
from nostro.book.judgement import judged
from nostro.domain.records import Borrow, Interest, Loan
from nostro.domain.values import DAY_NS
from nostro.link import commands
from nostro.link.commands import Accepted
from nostro.paper.venue.commands import Tick

MARGIN = ("margin_transfers", "borrows", "repayments", "interest", "liquidations")
CROSS = "cross_margin"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path, rows=40) as opened:
        yield opened


def may_borrow(world: Scene) -> None:
    world.venue.set_permissions(world.login().key, ("read", "trade", "margin"))


def done(world: Scene, command: commands.Command) -> None:
    outcome = world.venue.carry_out(command, user=user(world))
    assert isinstance(outcome.answer, Accepted), outcome.answer


def borrow(world: Scene, amount: int = 100) -> None:
    """Some of the trader's money goes to a margin wallet, which borrows."""
    trader = user(world)
    for command in (
        commands.MoveMargin(account=trader, wallet=CROSS, direction="add", asset="USDT", amount=Decimal(amount)),
        commands.Borrow(account=trader, wallet=CROSS, asset="USDT", amount=Decimal(amount)),
    ):
        done(world, command)


def hours(world: Scene, count: int) -> None:
    """Time passes, and the exchange notices each hour."""
    for _ in range(count):
        world.clock.pass_s(3600)
        world.venue.carry_out(Tick())


def known(book: Book, world: Scene, kind: str) -> list:
    return list(book.facts(kind, str(user(world))))


def test_a_key_without_the_permission_leaves_holes_and_no_failure(world: Scene) -> None:
    with world.book(since_ns=YOUNG_NS) as book:
        report = run(world.full_pass(book))
        assert not report.failures
        for stream in MARGIN:
            assert holes(book, world, stream) == [("unavailable", "forbidden")]
        asked = world.wire.count("/margin")
        assert asked == 1
        run(_polled(world, book))
        assert world.wire.count("/margin") <= asked + 1, "a refusal is asked for again in every poll"


async def _polled(world: Scene, book: Book) -> None:
    collector = world.collector(book)
    await collector.start()
    for _ in range(5):
        world.clock.pass_s(120)
        await collector.poll()
    await collector.stop()


def test_a_permission_that_is_given_later_fills_the_holes(world: Scene) -> None:
    with world.book(since_ns=YOUNG_NS) as book:
        run(world.full_pass(book))
        may_borrow(world)
        borrow(world)
        world.clock.pass_s(86_400)
        run(world.full_pass(book))
        for stream in MARGIN:
            assert holes(book, world, stream) == []
        assert [(row.wallet, row.principal) for row in _loans(book, world)] == [(CROSS, Decimal(100))]
        equal(book, world)


def _loans(book: Book, world: Scene) -> list[Loan]:
    return [row for row in book.latest_states("loan", str(user(world))) if isinstance(row, Loan)]


def test_every_row_of_interest_is_of_one_day(world: Scene) -> None:
    may_borrow(world)
    borrow(world)
    hours(world, 24 * 5)
    world.clock.pass_s(60)
    with world.book(since_ns=YOUNG_NS) as book:
        run(world.full_pass(book))
        rows = [row for row in known(book, world, "interest") if isinstance(row, Interest)]
        assert len(rows) == 24 * 5
        for row in rows:
            assert row.effective_ns is not None and row.until_ns is not None
            assert row.effective_ns // DAY_NS == (row.until_ns - 1) // DAY_NS, "a window reaches over midnight"
        days = {row.effective_ns // DAY_NS for row in rows if row.effective_ns is not None}
        assert len(days) == 6
        for day in sorted(days):
            counted = book.answer("interest", str(user(world)), as_of_ns=day * DAY_NS)
            true = [row for row in world.venue.interest(user(world)) if row.time_ns < day * DAY_NS]
            assert len(counted) == len(true) and not [hole for hole in counted.coverage if hole.cause == "no_time"]
        asked = world.wire.count("/margin/interest")
        world.clock.pass_s(120)
        run(world.full_pass(book))
        assert world.wire.count("/margin/interest") <= asked + 2, "what is of one day is asked for day by day again"
        equal(book, world)


def test_a_borrowing_is_read_again_until_nothing_is_owed_of_it(world: Scene) -> None:
    may_borrow(world)
    borrow(world)
    world.clock.pass_s(60)
    with world.book(since_ns=YOUNG_NS) as book:
        run(world.full_pass(book))
        hours(world, 24 * 4)
        run(world.full_pass(book))
        [open_one] = known(book, world, "borrow")
        assert isinstance(open_one, Borrow) and (open_one.status, open_one.interest_accrued) != ("closed", Decimal(0))
        [loan] = _loans(book, world)
        assert loan.principal is not None and loan.interest is not None
        owed = loan.principal + loan.interest
        done(world, commands.Repay(account=user(world), wallet=CROSS, asset="USDT", amount=owed))
        world.clock.pass_s(60)
        run(world.full_pass(book))
        [closed] = known(book, world, "borrow")
        assert (closed.status, closed.repaid, closed.interest_paid) == ("closed", Decimal(100), loan.interest)
        assert _loans(book, world) == []
        world.clock.pass_s(60)
        run(_polled(world, book))
        name = str(user(world))
        judgement = judged(book, name, until_ns=world.clock.now_ns())
        assert not judgement.breaks
        ties = {each.check for each in judgement.results if each.outcome.startswith("ties")}
        assert {"borrowings", "repayments", "transfers between wallets", "accrued interest", "interest rate"} <= ties
        equal(book, world)
