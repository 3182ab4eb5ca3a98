"""Shows that a collector brings a book to equal the exchange from wherever it was cut off: after a failure or a death
at every request of a sync, with forbidden histories, late and changed rows, a clock that is wrong, and a wire that
changes its dialect in mid-book. The truth is the venue's own rows; every fault counts that it fired."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collect.scene import START_NS, Scene, run, scene, struck
from nostro import errors, limits
from nostro.book.book import Book
from nostro.book.judgement import lives
from nostro.collect.backfill import Collector, Progress
from nostro.domain.values import DAY_NS, SECOND_NS, format_time
from nostro.link.declare import Page
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.paper.faults import Kind
from simulation import truth

YOUNG_NS = START_NS - 95 * DAY_NS  # where the past of these scenes begins: four windows


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as opened:
        yield opened


@pytest.fixture
def short(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path, rows=40, months=2) as opened:
        yield opened


def user(world: Scene, login: str = "trader") -> int:
    return world.login(login).user


def equal(book: Book, world: Scene, login: str = "trader") -> Counter[str]:
    counts = truth.compare(book, world.venue, user(world, login), now_ns=world.clock.now_ns())
    assert all(counts[name] > 0 for name in ("orders", "fills", "entries", "transfers", "balances"))
    return counts


def holes(book: Book, world: Scene, stream: str, login: str = "trader") -> list[tuple[str, str]]:
    """Status and cause of what is not proven and has settled."""
    name = str(user(world, login))
    until_ns = world.clock.now_ns() - 60 * SECOND_NS
    tiles = book.coverage(name, stream, since_ns=book.account(name).since_ns, until_ns=until_ns)
    return [(tile.status, tile.cause) for tile in tiles if tile.status != "proven"]


# ── whole passes ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", ["cli", "d23"])
@pytest.mark.parametrize("login", ["trader", "withdrawer", "reader"])
def test_a_pass_makes_the_book_the_exchange(tmp_path: Path, dialect: str, login: str) -> None:
    with scene(tmp_path, dialect=dialect) as world, world.book(login, since_ns=YOUNG_NS) as book:
        report = run(world.full_pass(book, world.source(login)))
        assert not report.failures
        counts = equal(book, world, login)
        assert report.rows >= counts["orders"] + counts["fills"] + counts["entries"]
        truth.prove(book)


def test_a_second_pass_changes_nothing(world: Scene) -> None:
    with world.book(since_ns=YOUNG_NS) as book:
        run(world.full_pass(book))
        before = list(book.facts("fill", str(user(world)))), list(book.facts("order", str(user(world))))
        world.clock.pass_s(3600)
        asked = len(world.wire.requests)
        report = run(world.full_pass(book))
        assert report.new == 0
        assert report.changed <= len(world.venue.instruments()), "tickers, which are of a later time now"
        assert len(world.wire.requests) - asked < 40, "what is proven is not asked again"
        assert before == (list(book.facts("fill", str(user(world)))), list(book.facts("order", str(user(world)))))


def test_polls_bring_what_is_new(world: Scene) -> None:
    async def live() -> None:
        collector = world.collector(book)
        await collector.start()
        await collector.full_pass()
        account = world.account(allow=("trade",))
        for number in range(6):
            world.market.advance(world.clock.now_ns())
            await account.place("BTC/USDT", "buy", type="market", quote_amount=20 + number)
            resting = await account.place("ETH/USDT", "buy", amount=1, price=100 + number)
            if number % 2:
                await account.cancel(str(resting.native_id))
            world.clock.pass_s(30)
            asked = len(world.wire.requests)
            report = await collector.poll()
            assert not report.failures
            assert len(world.wire.requests) - asked < 20
        await collector.stop()

    with world.book(since_ns=YOUNG_NS) as book:
        run(live())
        equal(book, world)


def test_an_origin_long_ago_is_asked_once(world: Scene) -> None:
    """Ten empty years are 130 windows of each history: they are asked for in the first pass, and never again."""
    with world.book() as book:
        run(world.full_pass(book))
        first = len(world.wire.requests)
        assert first > 600
        equal(book, world)
        run(world.full_pass(book))
        assert len(world.wire.requests) - first < 40


def test_who_watches_is_told_how_far_it_has_come(world: Scene) -> None:
    told: list[Progress] = []
    with world.book(since_ns=YOUNG_NS) as book:
        collector = Collector(book, world.source(), clock=world.clock, holder="tests", watcher=told.append)

        async def once() -> None:
            await collector.start()
            await collector.full_pass()
            await collector.stop()

        run(once())
    assert {each.stream for each in told} == {"orders", "fills", "entries", "deposits", "withdrawals"}
    assert all(each.since_ns <= each.reached_ns <= each.until_ns for each in told)
    assert any(each.rows > 0 for each in told)


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


# ── permissions ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_forbidden_history_is_unavailable(world: Scene) -> None:
    with world.book(since_ns=YOUNG_NS) as book:
        report = run(world.full_pass(book))
        assert not report.failures
        assert holes(book, world, "withdrawals") == [("unavailable", "forbidden")]
        assert holes(book, world, "deposits") == []
        asked = world.wire.count("/withdraw")
        assert asked <= 3, "a refusal is taken for an answer"


def test_a_permission_that_is_given_later_fills_the_hole(world: Scene) -> None:
    with world.book(since_ns=YOUNG_NS) as book:
        run(world.full_pass(book))
        world.venue.set_permissions(world.login().key, ("read", "trade", "withdraw"))
        world.clock.pass_s(86_400)
        run(world.full_pass(book))
        assert holes(book, world, "withdrawals") == []
        equal(book, world)


def test_a_permission_that_is_taken_away_takes_nothing_back(world: Scene) -> None:
    with world.book("withdrawer", since_ns=YOUNG_NS) as book:
        run(world.full_pass(book, world.source("withdrawer")))
        before = list(book.facts("transfer", str(user(world, "withdrawer"))))
        world.venue.set_permissions(world.login("withdrawer").key, ("read",))
        world.clock.pass_s(86_400)
        report = run(world.full_pass(book, world.source("withdrawer")))
        assert not report.failures
        assert holes(book, world, "withdrawals", "withdrawer") == [("unavailable", "forbidden")]
        tiles = book.coverage(
            str(user(world, "withdrawer")), "withdrawals", since_ns=YOUNG_NS, until_ns=START_NS - DAY_NS
        )
        assert [tile.status for tile in tiles] == ["proven"]
        assert list(book.facts("transfer", str(user(world, "withdrawer")))) == before


def test_a_key_that_may_read_nothing_claims_nothing(world: Scene) -> None:
    world.venue.set_permissions(world.login().key, ())
    with world.book(since_ns=YOUNG_NS) as book:
        report = run(world.full_pass(book))
        assert isinstance(report.failures["balances"], errors.Forbidden)
        for stream in ("orders", "fills", "entries", "deposits", "withdrawals"):
            assert holes(book, world, stream) == [("unavailable", "forbidden")]


def test_a_revoked_key_ends_the_pass(world: Scene) -> None:
    with world.book(since_ns=YOUNG_NS) as book:
        with pytest.raises(errors.Unauthorized):
            run(world.full_pass(book, world.source(secret="paper-wrong")))
        assert world.wire.count("/auth") <= limits.AUTH_FAILURES_MAX
        assert len(world.wire.requests) <= limits.AUTH_FAILURES_MAX
        assert book.head_seq(str(user(world))) == 0
        run(world.full_pass(book))
        equal(book, world)


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ahead_s", [-600.0, 600.0])
def test_a_clock_ten_minutes_off_claims_nothing(world: Scene, ahead_s: float) -> None:
    with world.book(since_ns=YOUNG_NS) as book:
        with pytest.raises(errors.ClockSkew) as caught:
            run(world.full_pass(book, world.source(ahead_s=ahead_s)))
        assert abs(caught.value.offset_s + ahead_s) < 2
        assert ("ahead of" if ahead_s > 0 else "behind") in str(caught.value)
        for stream in ("orders", "fills", "entries", "deposits", "withdrawals"):
            assert holes(book, world, stream) == [("open", "")]
        run(world.full_pass(book))
        equal(book, world)


@pytest.mark.parametrize("ahead_s", [-20.0, 20.0])
def test_a_clock_that_is_somewhat_off_costs_nothing(short: Scene, ahead_s: float) -> None:
    """Coverage is claimed of the exchange's time: what happens meanwhile is not missed."""
    with short.book(since_ns=YOUNG_NS) as book:
        source = short.source(ahead_s=ahead_s)
        collector = short.collector(book, source)

        async def live() -> None:
            await collector.start()
            account = short.account(allow=("trade",))
            for number in range(5):
                await account.place("BTC/USDT", "buy", type="market", quote_amount=20 + number)
                await collector.poll()
                short.clock.pass_s(7)
            short.clock.pass_s(60)
            await collector.poll()
            await collector.stop()

        run(live())
        account = str(user(short))
        assert len(list(book.facts("fill", account))) == len(list(short.venue.fills(user(short))))
        assert not [finding for finding in book.findings(account) if finding.what == "late"]


def test_balances_that_cannot_be_read_stop_no_history(short: Scene) -> None:
    with short.book(since_ns=YOUNG_NS) as book:
        faults = short.strike(struck(Kind.FAILED, share=1.0, routes=("balances",)))
        report = run(short.full_pass(book))
        assert faults.fired[Kind.FAILED] > 0
        assert list(report.failures) == ["balances"]
        assert holes(book, short, "entries") == []


# ── rows that come late or change ────────────────────────────────────────────────────────────────────────────────


class Hidden:
    """Takes rows out of the server's answers: what an exchange shows late, or no more."""

    def __init__(self, world: Scene, path: str, wanted: str) -> None:
        self.hidden = 0
        handle = world.server.handle

        def answer(request: HttpRequest) -> HttpAnswer:
            given = handle(request)
            if not request.path.endswith(path) or given.status != 200:
                return given
            rows = msgspec.json.decode(given.body, type=list[msgspec.Raw])
            kept = [row for row in rows if wanted not in bytes(row).decode()]
            self.hidden += len(rows) - len(kept)
            return HttpAnswer(given.status, given.headers, msgspec.json.encode(kept))

        world.server.handle = answer  # type: ignore[method-assign]
        self.restore = lambda: setattr(world.server, "handle", handle)


def test_a_late_row_is_kept_and_said(short: Scene) -> None:
    """Within the overlap it is simply new; behind it, read once more on purpose, it is a break."""
    number = user(short)
    rows = list(short.venue.entries(number))
    old = rows[len(rows) // 3]
    with short.book(since_ns=YOUNG_NS) as book:
        hidden = Hidden(short, "/activity", f'"id":{old.id},')
        run(short.full_pass(book))
        assert hidden.hidden >= 1
        hidden.restore()
        ids = {fact.native_id for fact in book.facts("entry", str(number))}
        assert str(old.id) not in ids
        assert any(life.state == "open" for life in lives(book, str(number)).values()), "the chain has a hole"
        collector = short.collector(book)

        async def again() -> None:
            await collector.start()
            await collector.again(old.time_ns - DAY_NS, old.time_ns + DAY_NS)
            await collector.stop()

        run(again())
        assert len(list(book.facts("entry", str(number)))) == len(rows)
        states = Counter((life.value.name, life.state) for life in lives(book, str(number)).values())
        assert states["late_row", "open"] == 1, states
        assert not any(state == "open" for name, state in states if name != "late_row"), states


def test_a_row_that_is_no_longer_shown_is_marked(short: Scene) -> None:
    number = user(short)
    rows = list(short.venue.fills(number))
    gone = rows[-1]
    with short.book(since_ns=YOUNG_NS) as book:
        run(short.full_pass(book))
        second = format_time(gone.time_ns, 0).removesuffix("Z")
        hidden = Hidden(short, "/accounts/trades", f'"date":"{second}')
        run(short.full_pass(book))
        assert hidden.hidden >= 1
        assert len(list(book.facts("fill", str(number), vanished=True))) >= 1
        assert "vanished" in {finding.what for finding in book.findings(str(number))}


def test_old_open_orders_are_followed_to_their_end(short: Scene) -> None:
    with short.book(since_ns=YOUNG_NS) as book:
        account = short.account(allow=("trade",))
        order_id = str(run(account.place("BTC/USDT", "buy", amount=1, price=2)).native_id)
        run(short.full_pass(book))
        short.clock.pass_s(20 * 86_400)
        run(short.full_pass(book))
        run(account.cancel(order_id))
        short.clock.pass_s(60)
        collector = short.collector(book)

        async def poll() -> None:
            await collector.start()
            await collector.poll()
            await collector.stop()

        run(poll())
        found = {fact.native_id: fact for fact in book.facts("order", str(user(short)))}
        assert found[order_id].status == "canceled"  # type: ignore[attr-defined]
        equal(book, short)


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


# ── 2026, and the change to it ───────────────────────────────────────────────────────────────────────────────────


def fills_of(book: Book, account: str) -> Counter[tuple[Any, ...]]:
    return Counter(
        (fact.instrument, fact.side, fact.price, fact.amount, fact.fee, fact.effective_ns // SECOND_NS)  # type: ignore[attr-defined]
        for fact in book.facts("fill", account)
    )


def venue_fills(world: Scene) -> Counter[tuple[Any, ...]]:
    return Counter(
        (row.instrument, row.side, row.price, row.amount, row.fee, row.time_ns // SECOND_NS)
        for row in world.venue.fills(user(world))
    )


def test_what_2026_can_prove(tmp_path: Path) -> None:
    with scene(tmp_path, dialect="d26", rows=160) as world, world.book(since_ns=YOUNG_NS) as book:
        report = run(world.full_pass(book))
        assert not report.failures
        account = str(user(world))
        assert fills_of(book, account) == venue_fills(world)
        assert holes(book, world, "fills") == []
        assert holes(book, world, "orders") == [("unavailable", "retention")]
        assert len(list(book.facts("order", account))) == 100
        balances = {(row.asset, row.total) for row in book.latest_states("balance", account)}  # type: ignore[attr-defined]
        assert balances == {(row.asset, row.total) for row in world.venue.balances(user(world))}
        assert not list(book.facts("entry", account))
        assert not [life for life in lives(book, account).values() if life.state == "open"]


def test_a_wire_that_changes_its_dialect_doubles_nothing(tmp_path: Path) -> None:
    """From `cli`, whose fills have no ids, to `d26`, whose fills have: the ids become names of rows that are held."""
    with scene(tmp_path, rows=160) as world, world.book(since_ns=YOUNG_NS) as book:
        account = str(user(world))
        run(world.full_pass(book))
        equal(book, world)
        entries, orders = len(list(book.facts("entry", account))), len(list(book.facts("order", account)))
        held = len(list(book.facts("fill", account)))

        world.serve("d26")
        book.set_dialect(account, "d26")
        world.clock.pass_s(120)
        trader = world.account(allow=("trade",))
        world.market.advance(world.clock.now_ns())
        run(trader.place("BTC/USDT", "buy", type="market", quote_amount=50))
        world.clock.pass_s(60)
        report = run(world.full_pass(book))
        assert not report.failures
        collector = world.collector(book)

        async def again() -> None:
            await collector.start()
            await collector.again(YOUNG_NS, world.clock.now_ns())
            await collector.stop()

        run(again())
        fills = list(book.facts("fill", account))
        assert fills_of(book, account) == venue_fills(world)
        assert len(fills) > held
        assert {fact.native_id for fact in fills} == {str(row.id) for row in world.venue.fills(user(world))}
        assert sum(1 for fact in fills if fact.fee_asset) >= held, "what the older rows said is kept"  # type: ignore[attr-defined]
        assert all(fact.order_id for fact in fills), "and what the newer ones say is added"  # type: ignore[attr-defined]
        assert len(list(book.facts("entry", account))) == entries, "nothing is taken back"
        assert len(list(book.facts("order", account))) > orders
        assert not list(book.facts("fill", account, vanished=True))
        assert [tile.status for tile in book.coverage(account, "orders", since_ns=YOUNG_NS, until_ns=START_NS)] == [
            "proven"
        ], "what was proven stays proven"
        assert not [life for life in lives(book, account).values() if life.state == "open"]
        truth.prove(book)


def test_back_again(tmp_path: Path) -> None:
    with scene(tmp_path, dialect="d26", rows=60) as world, world.book(since_ns=YOUNG_NS) as book:
        account = str(user(world))
        run(world.full_pass(book))
        world.serve("cli")
        book.set_dialect(account, "cli")
        world.clock.pass_s(120)
        run(world.full_pass(book))
        collector = world.collector(book)

        async def again() -> None:
            await collector.start()
            await collector.again(YOUNG_NS, world.clock.now_ns())
            await collector.stop()

        run(again())
        assert fills_of(book, account) == venue_fills(world)
        assert all(fact.native_id for fact in book.facts("fill", account))
        assert truth.held(book, account) == truth.of_venue(world.venue, user(world))
        assert not [life for life in lives(book, account).values() if life.state == "open"]


# ── one collector at a time ──────────────────────────────────────────────────────────────────────────────────────


def test_another_collector_is_kept_out(world: Scene) -> None:
    with world.book(since_ns=YOUNG_NS) as book:
        first = world.collector(book)
        second = Collector(book, world.source(), clock=world.clock, holder="another")

        async def both() -> None:
            await first.start()
            with pytest.raises(errors.Conflict, match="is being collected by tests"):
                await second.start()
            world.clock.pass_s(limits.LEASE_S + 1)
            await second.start()
            with pytest.raises(errors.Fenced):
                await first.poll()
            await second.poll()

        run(both())
        with pytest.raises(errors.Fenced, match="start the collector first"):
            run(world.collector(book).poll())


def test_amounts_are_what_the_venue_has(world: Scene) -> None:
    """To the last of eighteen digits."""
    with world.book("withdrawer", since_ns=YOUNG_NS) as book:
        run(world.full_pass(book, world.source("withdrawer")))
        number = user(world, "withdrawer")
        dai = [fact for fact in book.facts("entry", str(number)) if fact.asset == "DAI"]  # type: ignore[attr-defined]
        assert sum((fact.amount for fact in dai), Decimal(0)) == next(  # type: ignore[attr-defined]
            row.total for row in world.venue.balances(number) if row.asset == "DAI"
        )
        assert any(-fact.amount.as_tuple().exponent > 12 for fact in dai)  # type: ignore[attr-defined]
