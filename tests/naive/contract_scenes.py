"""Short plays of contracts for the workload: what hardly ever happens by chance. Each gives commands with the seconds
that pass before them; whether they then come out as meant is for the coverage counters to say.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from naive.commands import Fund, SetFundingRate, SetMark, Tick
from naive.perpetual import Perpetual
from naive.scenes import Play
from naive.traders import Traders
from nostro.link.commands import CancelAll, EditOrder, PlaceOrder, PositionSide, SetLeverage, SetMarginMode, Side

HOUR_S: Final = 3600


class Stage:
    """A contract, users with means and without orders in it, prices and lots of usual size."""

    def __init__(self, traders: Traders) -> None:
        random = traders.random
        self.random = random
        self.traders = traders
        self.perpetual: Perpetual = random.choice(traders.perpetuals)
        self.users = random.sample(range(1, 6), 4)
        self.mark = traders.first_marks[self.perpetual.symbol]
        _, size = traders.ground.around[self.perpetual.symbol]
        self.lots = max(3, size // 2)
        self.hedge = traders.ground.profile.hedge
        self.play: Play = [(user, CancelAll(), 0) for user in range(1, len(traders.market.users) + 1)]
        self.set_mark(self.mark)
        for user in self.users:
            for wallet, asset, amount in traders.ground.backing:
                if wallet == self.perpetual.wallet:
                    self.play.append((None, Fund(user=user, wallet=wallet, asset=asset, amount=amount * 6), 0))

    def set_mark(self, ticks: int, pause_s: int = 1) -> None:
        price = self.perpetual.price(max(1, ticks))
        self.play.append((None, SetMark(instrument=self.perpetual.symbol, price=price), pause_s))

    def order(
        self, user: int, side: Side, lots: int, *, ticks: int | None = None, opens: bool = True, **more: object
    ) -> None:
        position_side: PositionSide = "both"
        if self.hedge:
            position_side = "long" if (side == "buy") == opens else "short"
        asked = PlaceOrder(
            wallet=self.perpetual.wallet, instrument=self.perpetual.symbol, side=side,
            type="market" if ticks is None else "limit", amount=self.perpetual.amount(max(1, lots)),
            price=None if ticks is None else self.perpetual.price(ticks), position_side=position_side,
            **more,  # type: ignore[arg-type]
        )  # fmt: skip
        self.play.append((user, asked, 1))

    def isolated(self, user: int) -> None:
        most = self.perpetual.instrument.tiers[-1].leverage_max
        self.play.append((user, SetMarginMode(instrument=self.perpetual.symbol, mode="isolated"), 1))
        for side in self.traders.positions.sides:
            self.play.append(
                (user, SetLeverage(instrument=self.perpetual.symbol, position_side=side, leverage=most), 1)
            )


def fok_under_trims(traders: Traders) -> Play:
    """An order that would be filled whole by a walk meets reduce-only orders that its own trades make too many."""
    stage = Stage(traders)
    maker, other, taker, _ = stage.users
    stage.order(other, "sell", stage.lots, ticks=stage.mark)
    stage.order(maker, "buy", stage.lots, ticks=stage.mark)
    third = max(1, stage.lots // 3)
    opens = stage.hedge  # in hedge mode a sell of `long` closes whatever it says
    stage.order(maker, "sell", stage.lots - third, ticks=stage.mark + 1, opens=False)
    stage.order(maker, "sell", third, ticks=stage.mark + 2, opens=not opens, reduce_only=True)
    stage.order(other, "sell", 1, ticks=stage.mark + 2)
    rule = traders.random.choice(("fok", "fok", "ioc", "gtc"))
    if not stage.hedge:
        # The first sells everything without saying that it reduces.
        stage.order(maker, "sell", stage.lots, ticks=stage.mark + 1)
    stage.order(taker, "buy", stage.lots + 1, ticks=stage.mark + 3, time_in_force=rule)
    return stage.play


def beyond_the_purse(traders: Traders) -> Play:
    """An isolated position whose mark price jumps: it loses more than its purse has."""
    stage = Stage(traders)
    loser, other, _, bidder = stage.users
    side: Side = traders.random.choice(("buy", "sell"))
    against: Side = "sell" if side == "buy" else "buy"
    stage.isolated(loser)
    stage.order(other, against, stage.lots, ticks=stage.mark)
    stage.order(loser, side, stage.lots, ticks=stage.mark)
    jump = stage.mark // traders.random.choice((3, 6, 10)) * (-1 if side == "buy" else 1)
    if traders.random.random() < 0.5:
        stage.order(bidder, side, stage.lots // 3, ticks=stage.mark)
    stage.set_mark(stage.mark + jump)
    stage.set_mark(stage.mark)
    return stage.play


def crash(traders: Traders) -> Play:
    """Everybody long or short with all that they have, and the mark price jumps: takeovers and deficits."""
    stage = Stage(traders)
    one, two, other, bidder = stage.users
    side: Side = traders.random.choice(("buy", "sell"))
    against: Side = "sell" if side == "buy" else "buy"
    lots = stage.lots * 2
    for loser in (one, two):
        stage.order(other, against, lots, ticks=stage.mark)
        stage.order(loser, side, lots, ticks=stage.mark)
    jump = stage.mark // traders.random.choice((4, 8, 12, 20)) * (-1 if side == "buy" else 1)
    if traders.random.random() < 0.6:
        stage.order(bidder, side, stage.lots, ticks=max(1, stage.mark + jump))
    stage.set_mark(stage.mark + jump)
    if traders.random.random() < 0.5:
        stage.set_mark(stage.mark + 2 * jump)
    stage.set_mark(stage.mark)
    return stage.play


def funding_and_idle_hours(traders: Traders) -> Play:
    """Several instants of funding in one command, until somebody has nothing left."""
    stage = Stage(traders)
    one, two, _, _ = stage.users
    stage.order(one, "sell", stage.lots, ticks=stage.mark)
    stage.order(two, "buy", stage.lots, ticks=stage.mark)
    rate = Decimal(traders.random.choice(("0.01", "-0.01", "0.000333333")))
    stage.play.append((None, SetFundingRate(instrument=stage.perpetual.symbol, rate=rate), 1))
    stage.play.append((None, Tick(), traders.random.choice((2, 9, 30)) * HOUR_S))
    stage.order(one, "buy", 1, ticks=stage.mark - 1, opens=False)
    stage.play.append((None, SetFundingRate(instrument=stage.perpetual.symbol, rate=Decimal(0)), 1))
    return stage.play


def edit_that_crosses(traders: Traders) -> Play:
    """A resting order is moved into the other side, with more or with fewer lots, and into an own one."""
    stage = Stage(traders)
    one, two, _, _ = stage.users
    stage.order(one, "sell", stage.lots, ticks=stage.mark + 1)
    stage.order(two, "buy", stage.lots, ticks=stage.mark - 1)
    number = traders.market.order_count + 2  # where both are taken
    amount = stage.perpetual.amount(traders.random.choice((stage.lots, stage.lots + 1, stage.lots // 2)))
    edit = EditOrder(order_id=number, price=stage.perpetual.price(stage.mark + 1), amount=amount)
    stage.play.append((two, edit, 1))
    return stage.play


def told_after_the_end(traders: Traders) -> Play:
    """An order expires, and with it the command that comes in the same moment loses what it was checked with: a
    position that a stop closes, a book that a stop moves."""
    stage = Stage(traders)
    random, perpetual = traders.random, stage.perpetual
    maker, holder, other, _ = stage.users
    stage.order(maker, "sell", stage.lots, ticks=stage.mark)
    stage.order(holder, "buy", stage.lots, ticks=stage.mark)
    # While it lives, the other cannot sell: it would meet its own order first, and stop there.
    until_ns = traders.now_ns + 30 * 1_000_000_000
    stage.order(other, "buy", 1, ticks=stage.mark + 1, valid_till_ns=until_ns)
    stage.order(maker, "buy", stage.lots, ticks=stage.mark)
    stage.play.append((None, SetFundingRate(instrument=perpetual.symbol, rate=Decimal("0.01")), 0))
    late = random.choice((40, 3 * HOUR_S, 30 * HOUR_S))
    kind = random.random()
    if kind < 0.4:
        stage.order(holder, "sell", stage.lots, ticks=stage.mark, opens=False, reduce_only=True)
        stage.play[-1] = (stage.play[-1][0], stage.play[-1][1], late)
    elif kind < 0.7:
        with_all = traders.largest(other, traders.order(perpetual, "sell"), perpetual)
        stage.play.append((other, with_all, late))
    else:
        edit = EditOrder(order_id=traders.market.order_count + 4, amount=perpetual.amount(stage.lots * 2))
        stage.play.append((maker, edit, late))
    stage.play.append((None, SetFundingRate(instrument=perpetual.symbol, rate=Decimal(0)), 0))
    return stage.play


SCENES: Final[tuple[Callable[[Traders], Play], ...]] = (
    fok_under_trims, beyond_the_purse, crash, funding_and_idle_hours, edit_that_crosses, told_after_the_end,
)  # fmt: skip
