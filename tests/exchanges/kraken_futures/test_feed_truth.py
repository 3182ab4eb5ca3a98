"""Shows that a client that follows Kraken Futures' private feeds knows the account: what it folds from our frames, read
by our own reader, is what the venue holds, in number and amount, after hundreds of random commands; and that a frame
which was lost on the way is noticed by the next one's number.
"""

from __future__ import annotations

import asyncio
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchanges.kraken_futures.feed_scene import INVERSE, LINEAR, WALLETS, Scene, scene, signing
from nostro.domain import records
from nostro.exchanges.kraken_futures import written
from nostro.exchanges.kraken_futures.feed import FEED
from nostro.exchanges.kraken_futures.feed_private import PRIVATE
from nostro.link import commands
from nostro.link.feed import FeedReader, Heard
from nostro.link.frames import News, Welcome
from nostro.paper.faults import FaultPlan, Faults, FrameFault, FrameKind

OPEN = ("open", "partially_filled", "pending")
PRICES = {INVERSE: ("63990.5", "64000", "64010.5"), LINEAR: ("63990", "64000", "64010")}


class VenueClock:
    def __init__(self, here: Scene) -> None:
        self._here = here

    def now_ns(self) -> int:
        return self._here.clock.now_ns

    async def sleep(self, pause_s: float) -> None:
        raise AssertionError(pause_s)


class Follower:
    """What one client knows of an account: the latest of each state, every fill and line, each order's last row."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.balances: dict[tuple[str, str], Decimal | None] = {}
        self.margins: dict[tuple[str, str], records.MarginSummary] = {}
        self.positions: dict[str, records.Position] = {}
        self.orders: dict[str | None, str | None] = {}
        self.fills: dict[str | None, records.Fill] = {}
        self.entries: dict[str | None, records.Entry] = {}

    def take(self, heard: Heard) -> None:
        self.heard.append(heard)
        if not isinstance(heard.meaning, News):
            return
        feed = json.loads(heard.body)["feed"]
        if feed == "open_positions":
            self.positions.clear()
        if feed == "account_balances_and_margins":
            return  # the same figures again: `balances` is what is folded here
        for item in heard.meaning.items:
            if isinstance(item, records.Balance):
                self.balances[item.wallet, item.asset] = item.total
            elif isinstance(item, records.MarginSummary):
                self.margins[item.scope, item.wallet] = item
            elif isinstance(item, records.Position):
                self.positions[item.instrument] = item
            elif isinstance(item, records.Order):
                self.orders[item.native_id] = item.status
            elif isinstance(item, records.Fill):
                self.fills[item.native_id] = item
            elif isinstance(item, records.Entry):
                self.entries[item.native_id] = item


async def followed(here: Scene, work: Any) -> tuple[Follower, FeedReader]:
    """A client that hears all while ``work`` is done, and until it is silent."""
    line = here.line()
    reader, follower = FeedReader(FEED, line, clock=VenueClock(here)), Follower()
    await reader.sign_in(signing(here.trader))
    await reader.subscribe(*PRIVATE)

    async def hear() -> None:
        frames = reader.frames()
        while line.session.outgoing:
            follower.take(await anext(frames))

    await hear()
    for _ in work(here):
        await hear()
    here.hub.beat()
    await hear()
    return follower, reader


def randomly(here: Scene, seed: int, steps: int = 150) -> Any:
    """Orders, cancels, edits and marks of two users."""
    draw = random.Random(seed)
    for _ in range(steps):
        instrument = draw.choice((INVERSE, LINEAR))
        login = draw.choice((here.trader, here.maker))
        what = draw.random()
        if what < 0.6:
            price = draw.choice((*PRICES[instrument], None))
            amount = str(draw.randint(1, 500)) if instrument == INVERSE else f"0.{draw.randint(1, 99):02d}"
            here.venue.submit(login.user, commands.PlaceOrder(
                wallet=WALLETS[instrument], instrument=instrument, side=draw.choice(("buy", "sell")),
                type="limit" if price else "market", time_in_force="gtc" if price else "ioc", amount=Decimal(amount),
                price=None if price is None else Decimal(price),
            ))  # fmt: skip
        elif what < 0.8:
            rows = list(here.venue.orders(login.user, open_only=True))
            if rows and draw.random() < 0.5:
                here.venue.submit(login.user, commands.CancelOrders(order_ids=(draw.choice(rows).id,)))
            elif rows:
                row = draw.choice(rows)
                here.venue.submit(login.user, commands.EditOrder(order_id=row.id, amount=row.amount * 2))
        else:
            here.mark(instrument, draw.choice(("63500", "64000", "64500")))
        if draw.random() < 0.2:
            here.hub.beat()
        yield


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_told_is_what_the_venue_holds(tmp_path: Path, seed: int) -> None:
    with scene(tmp_path) as here:
        follower, reader = asyncio.run(followed(here, lambda here: randomly(here, seed)))
        user = here.trader.user
        assert isinstance(follower.heard[0].meaning, Welcome)
        assert reader.state.broken == 0
        assert not any(heard.gap for heard in follower.heard)
        assert reader.state.signed_in == "yes"
        assert reader.state.topics == set(PRIVATE)
        assert reader.state.unanswered == ()
        held = {(row.wallet, row.asset): row.total for row in here.venue.balances(user)}
        assert held
        assert {place: total for place, total in follower.balances.items() if place in held} == held
        assert not any(total for place, total in follower.balances.items() if place not in held)
        collateral = {row.wallet: row for row in here.venue.collateral(user)}
        cross, inverse = follower.margins["cross", "futures"], follower.margins["margin_account", "futures:BTC/USD"]
        for told, row in ((cross, collateral["futures"]), (inverse, collateral["futures:BTC/USD"])):
            assert (told.initial_margin, told.maintenance_margin, told.available, told.unrealized_pnl) == (
                row.initial, row.maintenance, row.available, row.unrealized,
            )  # fmt: skip
        assert {name: row.size for name, row in follower.positions.items()} == {
            row.instrument: row.size for row in here.venue.positions(user) if row.size
        }
        assert follower.fills.keys() == {written.fill_id(row) for row in here.venue.fills(user)}
        assert len(follower.fills) > 10
        rows = {written.order_id(row.id): row for row in here.venue.orders(user)}
        open_now = {order_id for order_id, row in rows.items() if row.is_open}
        assert {order_id for order_id, status in follower.orders.items() if status in OPEN} == open_now
        filled = {order_id for order_id, row in rows.items() if row.status == "filled"}
        assert {order_id for order_id, status in follower.orders.items() if status == "filled"} == filled
        assert filled
        for (wallet, asset), total in held.items():
            lines = [entry for entry in follower.entries.values() if (entry.wallet, entry.asset) == (wallet, asset)]
            assert max(lines, key=lambda entry: int(entry.native_id or 0)).after == total


def test_a_lost_frame_is_noticed_by_the_next_number(tmp_path: Path) -> None:
    """The twenty-fourth frame is what ``balances`` tells of the second order."""
    lost = FaultPlan(frames=(FrameFault(kind=FrameKind.DROPPED, at=(24,)),))

    def orders(here: Scene) -> Any:
        for price in ("60000", "60001", "60002", "60003"):
            here.place(here.trader, "buy", "10", price)
            yield

    with scene(tmp_path, faults=Faults(lost)) as here:
        follower, _ = asyncio.run(followed(here, orders))
        assert here.hub._faults is not None
        assert here.hub._faults.fired[FrameKind.DROPPED] == 1
        gaps = [heard for heard in follower.heard if heard.gap]
        assert len(gaps) == 1
        assert isinstance(gaps[0].meaning, News)
        assert (gaps[0].meaning.series, gaps[0].meaning.number) == ("balances", 3)
