"""Shows that a collector brings a book to equal the exchange: whole passes and polls, forbidden histories and
permissions that change, clocks that are wrong, and one collector at a time. The venue's own rows are the truth."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from collect.scene import START_NS, YOUNG_NS, Scene, equal, holes, run, scene, struck, user
from nostro import errors, limits
from nostro.collect.backfill import Collector
from nostro.collect.reports import Progress
from nostro.domain.values import DAY_NS
from nostro.paper.faults import Kind
from simulation import truth

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
        assert len(world.wire.requests) - asked < 45, "what is proven is not asked again"
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
        assert len(world.wire.requests) - first < 45


def test_who_watches_is_told_how_far_it_has_come(world: Scene) -> None:
    told: list[Progress] = []
    with world.book(since_ns=YOUNG_NS) as book:
        collector = Collector(book, world.source(), clock=world.clock, holder="tests", watcher=told.append)

        async def once() -> None:
            await collector.start()
            await collector.full_pass()
            await collector.stop()

        run(once())
    assert {each.stream for each in told} == {stream.name for stream in world.exchange.streams}
    assert all(each.since_ns <= each.reached_ns <= each.until_ns for each in told)
    assert any(each.rows > 0 for each in told)


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
            with pytest.raises(errors.Conflict, match="is being collected by another"):
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
