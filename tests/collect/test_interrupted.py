"""Shows that a collector goes on from wherever it was cut off: after a failure or a death at every request of a sync,
and after every kind of spoiled answer, the next pass ends in the venue's own rows. Every fault counts that it fired."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from collect.scene import START_NS, YOUNG_NS, Scene, equal, run, scene, struck, user
from nostro import errors
from nostro.book.book import Book
from nostro.domain.values import DAY_NS
from nostro.link.declare import Page
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.paper.faults import Kind
from simulation import truth

# ── cut off anywhere ─────────────────────────────────────────────────────────────────────────────────────────────


class Killed(BaseException):
    """The process is gone."""


def spoiled(how: str) -> HttpAnswer | None:
    if how == "killed":
        raise Killed
    if how == "cut":
        raise errors.Unanswered("the line is dead")
    return HttpAnswer(200, {}, b"<html>")


async def interrupted(world: Scene, book: Book, how: str, at: int) -> bool:
    """A pass in which the request number ``at`` goes wrong, for good where the line is dead; whether it got there."""
    start, reached = len(world.wire.requests), False

    def before(request: HttpRequest) -> HttpAnswer | None:
        nonlocal reached
        number = len(world.wire.requests) - start
        if number == at or (how == "cut" and number > at):
            reached = True
            return spoiled(how)
        return None

    world.wire.before = before
    collector = world.collector(book)
    await collector.start()
    try:
        await collector.full_pass()
    except (Killed, errors.NostroError):
        pass
    finally:
        world.wire.before = lambda request: None
    return reached


@pytest.mark.parametrize("how", ["killed", "cut", "html"])
def test_resumed_after_every_request(tmp_path: Path, how: str) -> None:
    """One book for each request of the sync; the next pass ends in what an undisturbed one ends in."""
    reached = 0
    with scene(tmp_path, rows=15, months=1) as world:
        while run(resumed(world, how, reached + 1)):
            reached += 1
    assert 20 < reached < 60


async def resumed(world: Scene, how: str, at: int) -> bool:
    """Whether a sync in a new book was interrupted at that request, and went on to its end in another process."""
    world.name = f"{at}.db"
    with world.book(since_ns=START_NS - 32 * DAY_NS) as book:
        if not await interrupted(world, book, how, at):
            return False
    with world.book() as book:
        await world.full_pass(book)
        equal(book, world)
        book.verify()
    return True


def test_one_book_survives_them_all(short: Scene) -> None:
    """The same book, cut off again and again a request later each time."""
    with short.book(since_ns=YOUNG_NS) as book:
        for number, how in enumerate(["killed", "cut", "html", "killed"] * 6, start=2):
            run(interrupted(short, book, how, number))
        run(short.full_pass(book))
        equal(book, short)
        truth.prove(book)


def test_what_came_before_a_failure_is_kept(world: Scene) -> None:
    with world.book() as book:
        faults = world.strike(struck(Kind.HTML, 100, routes=("orders",)))
        report = run(world.full_pass(book))
        assert faults.fired[Kind.HTML] == 1
        assert list(report.failures) == ["orders"]
        before = world.wire.count("/accounts/order")
        run(world.full_pass(book))
        assert world.wire.count("/accounts/order") - before < 40, "the first 99 windows are not asked for again"
        equal(book, world)


def test_a_cancelled_pass_loses_nothing(world: Scene) -> None:
    """Ctrl-C: the task is cancelled while it waits."""
    with world.book(since_ns=YOUNG_NS) as book:

        async def stopped() -> None:
            task = asyncio.current_task()
            assert task is not None

            def before(request: HttpRequest) -> None:
                if len(world.wire.requests) == 12:
                    task.cancel()

            world.wire.before = before
            await world.full_pass(book)

        with pytest.raises(asyncio.CancelledError):
            run(stopped())
        world.wire.before = lambda request: None
        assert len(world.wire.requests) >= 12
        run(world.full_pass(book))
        equal(book, world)


# ── what goes wrong with one answer ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.TRUNCATED, Kind.EMPTY])
@pytest.mark.parametrize("route", ["orders", "account_trades", "activity", "deposits", "balances", "pairs"])
def test_a_spoiled_answer_is_kept_and_asked_again(short: Scene, kind: Kind, route: str) -> None:
    with short.book(since_ns=YOUNG_NS) as book:
        faults = short.strike(struck(kind, 1, routes=(route,)))
        run(short.full_pass(book))
        assert faults.fired[kind] == 1
        if not (route == "pairs" and kind is Kind.EMPTY):  # no body at all is an empty list on public routes
            pages = [entered.page for entered in book.journal(str(user(short)))]
            assert any(_is_spoiled(page, route) for page in pages), "the bytes are kept"
        short.clock.pass_s(60)
        run(short.full_pass(book))
        equal(book, short)


def _is_spoiled(page: Page, route: str) -> bool:
    if page.route != route:
        return False
    try:
        msgspec.json.decode(page.body)
    except msgspec.DecodeError:
        return True
    return False
