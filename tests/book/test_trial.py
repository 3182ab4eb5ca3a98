"""Shows that an account's facts, posted in double entry, hold what the exchange holds, and that nothing is invented
where the exchange has no ledger."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from collect.scene import START_NS, Scene, run, scene
from nostro.book.postings import EXTERNAL, FEES, OWN, UNRECONCILED
from nostro.book.trial import Trial, trial_balance
from nostro.domain.values import DAY_NS, add
from nostro.paper.venue.venue import Venue


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path, rows=40, months=2) as opened:
        yield opened


def tried(world: Scene, dialect: str = "cli") -> Trial:
    world.serve(dialect)
    with world.book(since_ns=START_NS - 70 * DAY_NS) as book:
        run(world.full_pass(book))
        return trial_balance(book, str(world.login().user), now_ns=world.clock.now_ns())


def held(venue: Venue, user: int) -> dict[str, Decimal]:
    return {row.asset: row.total for row in venue.balances(user) if row.wallet == "spot"}


def side(trial: Trial, name: str) -> dict[str, Decimal]:
    return {line.asset: line.amount for line in trial.lines if line.side == name}


def test_our_side_is_what_the_exchange_holds_for_us(world: Scene) -> None:
    trial = tried(world)
    user = world.login().user
    assert trial.transactions > 100
    assert side(trial, OWN) == held(world.venue, user)
    assert not side(trial, UNRECONCILED)
    fees: dict[str, list[Decimal]] = {}
    for entry in world.venue.entries(user):
        if entry.type in ("fee", "withdrawal_fee"):
            fees.setdefault(entry.asset, []).append(entry.total_delta.copy_negate())
    assert side(trial, FEES) == {asset: add(amounts) for asset, amounts in fees.items()}
    assert set(side(trial, EXTERNAL)) == set(held(world.venue, user))
    assert set(trial.explained.values()) == {Decimal(1)}


def test_every_asset_sums_to_zero(world: Scene) -> None:
    trial = tried(world)
    for asset in side(trial, OWN):
        assert add(line.amount for line in trial.lines if line.asset == asset) == 0


def test_where_there_is_no_ledger_fills_post_and_the_rest_is_not_invented(world: Scene) -> None:
    trial = tried(world, "d26")
    bought = {fill.instrument for fill in world.venue.fills(world.login().user)}
    assert trial.transactions == sum(1 for _ in world.venue.fills(world.login().user))
    assert {asset for pair in bought for asset in pair.split("/")} == set(side(trial, OWN))
    assert not side(trial, UNRECONCILED)


def test_who_watches_is_told_how_far_it_is(world: Scene) -> None:
    told: dict[str, list[int]] = {}

    def watch(what: str, done: int, *, whole: int) -> None:
        assert 0 <= done <= whole == pages
        told.setdefault(what, []).append(done)

    with world.book(since_ns=START_NS - 70 * DAY_NS) as book:
        run(world.full_pass(book))
        name = str(world.login().user)
        pages = book.head_seq(name)
        trial_balance(book, name, now_ns=world.clock.now_ns(), watcher=watch)
    assert {what: done[-1] for what, done in told.items()} == {"reconciled": pages, "added up": pages}
    assert all(done == sorted(done) and len(done) > 1 for done in told.values())
