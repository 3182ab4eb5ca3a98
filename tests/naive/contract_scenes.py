"""Short plays of contracts for the workload: what hardly ever happens by chance. Each gives commands with the seconds
that pass before them; whether they then come out as meant is for the coverage counters to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import partial
from typing import Final

from naive.collateral import Wish
from naive.commands import Fund, SetFundingRate, SetIndex, SetMark, Tick
from naive.perpetual import Perpetual
from naive.scenes import Play
from naive.state import EXACT
from naive.traders import Traders
from nostro.link.commands import (
    FUTURES,
    CancelAll,
    EditOrder,
    MoveFunds,
    PlaceOrder,
    PositionSide,
    SetLeverage,
    SetMarginMode,
    Side,
)

HOUR_S: Final = 3600
SECOND_NS: Final = 1_000_000_000


class Stage:
    """A contract, users with means and without orders in it, prices and lots of usual size."""

    def __init__(self, traders: Traders, riches: int = 6) -> None:
        random = traders.random
        self.random = random
        self.traders = traders
        # Where most have no position, and those first.
        held = {(one.user, one.perpetual.id) for one in traders.held()}
        busy = {one.id: sum((user, one.id) in held for user in range(1, 6)) for one in traders.perpetuals}
        free = [one for one in traders.perpetuals if busy[one.id] == min(busy.values())]
        self.perpetual = random.choice(free if random.random() < 0.7 else traders.perpetuals)
        users = random.sample(range(1, 6), 5)
        self.users = sorted(users, key=lambda user: (user, self.perpetual.id) in held)[:4]
        self.turn(self.perpetual)
        self.hedge = traders.ground.profile.hedge
        self.play: Play = [(user, CancelAll(), 0) for user in range(1, len(traders.market.users) + 1)]
        self.set_mark(self.mark)
        for user in self.users:
            for wallet, asset, amount in traders.ground.backing:
                if wallet == self.perpetual.wallet and riches:
                    self.play.append((None, Fund(user=user, wallet=wallet, asset=asset, amount=amount * riches), 0))

    def turn(self, perpetual: Perpetual) -> None:
        """What follows is of this contract."""
        self.perpetual = perpetual
        self.mark = self.traders.first_marks[perpetual.symbol]
        _, size = self.traders.ground.around[perpetual.symbol]
        self.least = max(perpetual.lots(perpetual.instrument.amount_min), self.worth())
        self.lots = max(4 * self.least, size // 2)

    def worth(self) -> int:
        """The lots that are worth the least that an order must be, and some more."""
        least = self.perpetual.value_min / abs(self.perpetual.exact_value(1, self.mark))
        return math.ceil(least * Fraction(11, 10))

    def set_mark(self, ticks: int, pause_s: int = 1) -> None:
        price = self.perpetual.price(max(1, ticks))
        self.play.append((None, SetMark(instrument=self.perpetual.symbol, price=price), pause_s))

    def order(self, user: int, side: Side, lots: int, **more: object) -> None:
        self.play.append((user, self.asked(side, lots, **more), 1))  # type: ignore[arg-type]

    def asked(
        self, side: Side, lots: int, *, ticks: int | None = None, opens: bool = True, **more: object
    ) -> PlaceOrder:
        position_side: PositionSide = "both"
        if self.hedge:
            position_side = "long" if (side == "buy") == opens else "short"
        more.setdefault("type", "market" if ticks is None else "limit")
        return PlaceOrder(
            wallet=self.perpetual.wallet, instrument=self.perpetual.symbol, side=side,
            amount=self.perpetual.amount(max(1, lots)), price=None if ticks is None else self.perpetual.price(ticks),
            position_side=position_side, **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def later(self, user: int, draw: Callable[[], PlaceOrder], pause_s: int = 1) -> None:
        """A command that is aimed when it is its turn."""
        self.play.append((user, draw, pause_s))  # type: ignore[arg-type]

    def isolated(self, user: int) -> None:
        value = self.perpetual.value(self.lots, self.mark)
        most = self.perpetual.tier(value).leverage_max
        self.play.append((user, SetMarginMode(instrument=self.perpetual.symbol, mode="isolated"), 1))
        self.lever(user, most)

    def lever(self, user: int, leverage: Decimal) -> None:
        for side in self.traders.positions.sides:
            asked = SetLeverage(instrument=self.perpetual.symbol, position_side=side, leverage=leverage)
            self.play.append((user, asked, 1))


def fok_under_trims(traders: Traders) -> Play:
    """An order that would be filled whole by a walk meets reduce-only orders that its own trades make too many."""
    stage = Stage(traders)
    maker, other, taker, _ = stage.users
    stage.order(other, "sell", stage.lots, ticks=stage.mark)
    stage.order(maker, "buy", stage.lots, ticks=stage.mark)
    third = max(1, stage.lots // 3)
    two = traders.random.random() < 0.5  # of which one is too many
    if traders.random.random() < 0.4:
        stage.order(maker, "sell", third, ticks=stage.mark + 2, opens=False, reduce_only=True)
        stage.order(taker, "buy", max(1, third // 2), ticks=stage.mark + 2)
    # The first sells everything without saying that it reduces; in hedge mode it says so itself.
    stage.order(maker, "sell", stage.lots - third if two else stage.lots, ticks=stage.mark + 1, opens=False)
    for _ in range(1 + two):
        stage.order(maker, "sell", third, ticks=stage.mark + 2, opens=False, reduce_only=True)
    if traders.random.random() < 0.3:
        stage.order(other, "sell", stage.least, ticks=stage.mark + 2)
    rule = traders.random.choice(("fok", "fok", "ioc", "gtc"))
    stage.order(taker, "buy", stage.lots + third, ticks=stage.mark + 3, time_in_force=rule)
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
        # What the liquidation sells here triggers a stop, and is sold on.
        there, operator = max(1, stage.mark + jump), "lte" if jump < 0 else "gte"
        stage.order(bidder, side, stage.lots, ticks=there)
        price = stage.perpetual.price(there)
        stop = {"type": "stop_market", "stop_price": price, "stop_operator": operator}
        stage.order(other, against, stage.least, opens=True, **stop)
    stage.set_mark(stage.mark + jump)
    if traders.random.random() < 0.5:
        stage.set_mark(stage.mark + 2 * jump)
    stage.set_mark(stage.mark)
    return stage.play


def funding_and_idle_hours(traders: Traders) -> Play:
    """Several instants of funding in one command, until somebody has nothing left."""
    stage = Stage(traders, riches=traders.random.choice((1, 6)))
    one, two, _, _ = stage.users
    stage.order(one, "sell", stage.lots, ticks=stage.mark)
    stage.order(two, "buy", stage.lots, ticks=stage.mark)
    rate = Decimal(traders.random.choice(("0.01", "0.01", "-0.01", "-0.01", "0.000333333")))
    stage.play.append((None, SetFundingRate(instrument=stage.perpetual.symbol, rate=rate), 1))
    stage.play.append((None, Tick(), traders.random.choice((2, 9, 30, 30)) * HOUR_S))
    stage.order(one, "buy", stage.least, ticks=stage.mark - 1, opens=False)
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


def funding_comes_first(traders: Traders) -> Play:
    """What is asked when hours have passed is checked before funding is paid, and with all that there is: after it,
    it is too much."""
    stage = Stage(traders, riches=2)
    random, perpetual = traders.random, stage.perpetual
    payer, other, _, _ = stage.users
    stage.lever(payer, Decimal(random.choice((1, 2, 5))))
    stage.order(other, "sell", stage.lots, ticks=stage.mark)
    stage.order(payer, "buy", stage.lots, ticks=stage.mark)
    stage.order(payer, "buy", stage.least, ticks=stage.mark - 2)
    stage.play.append((None, SetFundingRate(instrument=perpetual.symbol, rate=Decimal("0.003")), 0))
    late = random.choice((9, 30)) * HOUR_S

    def place() -> PlaceOrder:
        asked = stage.asked("buy", stage.least, ticks=stage.mark - 1)
        return traders.largest(payer, asked, perpetual, more=0)

    def edit() -> EditOrder:
        mine = [one for one in traders.open_orders() if one.user == payer]
        if not mine:
            return EditOrder(order_id=1)
        return traders.largest_edit(EditOrder(order_id=mine[-1].id), mine[-1], more=0)

    def move(asset: str = perpetual.settle, part: int = 100) -> MoveFunds:
        digits = traders.market.digits(asset)
        units = int(traders.spare(payer, perpetual.wallet, asset).scaleb(digits)) * part // 100
        return MoveFunds(
            from_account=payer, from_wallet=perpetual.wallet, to_account=payer, to_wallet="funding", asset=asset,
            amount=Decimal(max(1, units)).scaleb(-digits),
        )  # fmt: skip

    for asset in traders.collateral.takes(perpetual.wallet):
        stage.play.append((payer, partial(move, asset, 96), 1))
    stage.play.append((payer, random.choice((place, edit, move)), late))
    stage.play.append((None, SetFundingRate(instrument=perpetual.symbol, rate=Decimal(0)), 0))
    return stage.play


def woken_by_an_end(traders: Traders) -> Play:
    """A takeover leaves a last price that no stop has been told of. An order ends in the moment of the next command:
    the instrument is settled before it, the stops trade, and what it was checked with is gone."""
    stage = Stage(traders)
    random, low = traders.random, stage.mark - max(2, stage.mark // 25)
    closer, victim, seller, maker = stage.users
    stage.isolated(victim)
    stage.order(maker, "sell", stage.lots, ticks=stage.mark)
    stage.order(victim, "buy", stage.lots, ticks=stage.mark)
    few = max(2 * stage.least, stage.lots // 4)
    stage.order(seller, "buy", few, ticks=stage.mark)
    stage.order(closer, "sell", few, ticks=stage.mark)
    until_ns = traders.now_ns + 600 * SECOND_NS
    stage.order(maker, "sell", stage.least, ticks=stage.mark + 3, valid_till_ns=until_ns)
    part = random.choice((1, 2))  # of the closer's position
    stop = {"type": "stop_limit", "stop_price": stage.perpetual.price(low + 1), "stop_operator": "lte"}
    opens = not stage.hedge
    post_only = random.random() < 0.3

    def held() -> int:
        found = [one for one in traders.held() if (one.user, one.perpetual) == (closer, stage.perpetual)]
        return max((abs(one.size) for one in found if one.size < 0), default=few)

    stage.order(seller, "sell", few, ticks=low, opens=opens, **stop)
    if not post_only:
        stage.later(closer, lambda: stage.asked("buy", held() // part, ticks=low + 1, opens=opens, **stop))
    stage.set_mark(low)
    if post_only:
        stage.order(maker, "buy", stage.least, ticks=low + 1, post_only=True)
        user, command, _ = stage.play.pop()
        stage.play.append((user, command, 700))
    else:
        again = held if opens else lambda: max(1, held() - held() // part)
        stage.later(closer, lambda: stage.asked("buy", again(), ticks=low, opens=False, reduce_only=True), 700)
    stage.set_mark(stage.mark)
    return stage.play


def mortgaged(traders: Traders) -> Play:
    """Everything that backs positions is worth little of a sudden."""
    stage = Stage(traders, riches=0)
    random = traders.random
    long, short, _, _ = stage.users
    stage.order(short, "sell", stage.lots, ticks=stage.mark)
    stage.order(long, "buy", stage.lots, ticks=stage.mark)
    stage.play.append((long, partial(all_spare, traders, long, stage.perpetual.wallet, stage.perpetual.settle), 1))
    stage.play.append((short, partial(all_spare, traders, short, stage.perpetual.wallet, stage.perpetual.settle), 1))
    for asset, first in traders.first_index.items():
        percent = random.choice((1, 3, 8, 20))
        price = Decimal(max(1, int(first.scaleb(8)) * percent // 100)).scaleb(-8)
        stage.play.append((None, SetIndex(asset=asset, price=price), 1))
        stage.play.append((None, SetIndex(asset=asset, price=first), 1))
    return stage.play


def edited_too_late(traders: Traders) -> Play:
    """An order ends in the moment in which it is edited."""
    stage = Stage(traders)
    one, two, _, _ = stage.users
    stage.order(one, "sell", stage.lots, ticks=stage.mark + 1, valid_till_ns=traders.now_ns + 100 * SECOND_NS)
    stage.order(two, "buy", stage.least, ticks=stage.mark + traders.random.randrange(2))

    def edit() -> EditOrder:
        mine = [order for order in traders.open_orders() if order.user == one]
        return EditOrder(order_id=mine[-1].id if mine else 0, amount=stage.perpetual.amount(stage.lots + 1))

    stage.play.append((one, edit, 200))
    return stage.play


def one_too_many(traders: Traders) -> Play:
    """As many orders as may be open, and one more."""
    stage = Stage(traders)
    user = stage.users[0]
    for n in range(stage.perpetual.instrument.orders_max + 1):
        stage.order(user, "buy", stage.least, ticks=stage.mark - 1 - n)
    return stage.play


def to_the_unit(traders: Traders) -> Play:
    """An order that needs all of the equity, to the unit."""
    stage = Stage(traders, riches=1)
    user, perpetual = stage.users[0], stage.perpetual
    asked = stage.asked("buy", 2 * stage.least, ticks=stage.mark - 1)

    def move() -> MoveFunds:
        collateral = traders.collateral
        wish = Wish(perpetual, asked.position_side, buys=2 * stage.least)
        with localcontext(EXACT):
            need = collateral.initial(user, perpetual.wallet, wish)
            spare = collateral.equity(user, perpetual.wallet) - need
            units = int(Fraction(spare) / Fraction(collateral.money_value(perpetual, 1)))
        return MoveFunds(
            from_account=user, from_wallet=perpetual.wallet, to_account=user, to_wallet="spot",
            asset=perpetual.settle, amount=perpetual.money(max(1, units)),
        )  # fmt: skip

    stage.play += [(user, move, 1), (user, asked, 1)]
    return stage.play


def less_than_enough(traders: Traders) -> Play:
    """A wallet has less than its initial margin by now: what raises it is refused, what does not is not."""
    stage = Stage(traders, riches=1)
    one, other, _, _ = stage.users
    stage.order(other, "sell", stage.lots, ticks=stage.mark)
    stage.order(one, "buy", stage.lots, ticks=stage.mark)
    for asset in traders.collateral.takes(stage.perpetual.wallet):
        stage.play.append((one, partial(all_spare, traders, one, stage.perpetual.wallet, asset, part=100), 1))
    stage.set_mark(stage.mark - max(1, stage.mark // 200))
    stage.order(one, "buy", stage.least, ticks=stage.mark - 5)
    stage.order(one, "sell", stage.least, ticks=stage.mark + 5, opens=False)
    stage.set_mark(stage.mark)
    return stage.play


def kept_place(traders: Traders) -> Play:
    """Two wait at one price; the first wants less, or as much, or more, and somebody takes the first one."""
    stage = Stage(traders)
    one, two, taker, _ = stage.users
    stage.order(one, "sell", 3 * stage.least, ticks=stage.mark)
    stage.order(two, "sell", 2 * stage.least, ticks=stage.mark)
    lots = stage.random.choice((2, 2, 2, 3, 4)) * stage.least

    def edit() -> EditOrder:
        mine = [order for order in traders.open_orders() if order.user == one]
        return EditOrder(order_id=mine[-1].id if mine else 0, amount=stage.perpetual.amount(lots))

    stage.play.append((one, edit, 1))
    stage.order(taker, "buy", stage.least, ticks=stage.mark)
    return stage.play


def well_again(traders: Traders) -> Play:
    """One position loses what the other one gains, until the wallet must be sold; without the first it is well,
    though all that it has is the profit of the second."""
    stage = Stage(traders, riches=1)
    random = traders.random
    one, first, second, _ = stage.users
    pairs = [each for each in traders.perpetuals if each.wallet == stage.perpetual.wallet]
    wallets = sorted(pairs, key=lambda each: each.id)[:2]
    for perpetual, other, side in zip(wallets, (first, second), ("buy", "sell"), strict=False):
        stage.turn(perpetual)
        stage.order(other, "sell" if side == "buy" else "buy", stage.lots * 2, ticks=stage.mark)
        stage.order(one, side, stage.lots * 2, ticks=stage.mark)
    for asset in traders.collateral.takes(stage.perpetual.wallet):
        stage.play.append((one, partial(all_spare, traders, one, stage.perpetual.wallet, asset), 1))
    for perpetual in reversed(wallets):
        stage.turn(perpetual)
        stage.set_mark(stage.mark - max(1, stage.mark // random.choice((10, 20, 30))))

    def aim() -> SetMark:
        mine = [each for each in traders.held() if each.user == one and each.perpetual is wallets[0]]
        symbol = wallets[0].symbol
        return traders.aimed(mine[0]) if mine else SetMark(instrument=symbol, price=wallets[0].price(stage.mark))

    stage.play.append((None, aim, 1))
    for perpetual in wallets:
        stage.turn(perpetual)
        stage.set_mark(stage.mark)
    return stage.play


def offset(traders: Traders) -> Play:
    """Who is margined on the grid holds two sides of an underlying, and has little: one side asks for more, or goes."""
    stage = Stage(traders, riches=2)
    random = traders.random
    one = next(user for user in stage.users if traders.market.users[user - 1].portfolio)
    other, bidder = [user for user in stage.users if user != one][:2]
    common = [each for each in traders.perpetuals if each.wallet == FUTURES]
    pairs = [(first, second) for first in common for second in common if alike(first, second, hedge=stage.hedge)]
    if not pairs:
        return stage.play
    worth = Fraction(0)
    sides: tuple[Side, Side] = random.choice((("buy", "sell"), ("sell", "buy")))
    for perpetual, side in zip(random.choice(pairs), sides, strict=True):
        stage.turn(perpetual)
        with localcontext(EXACT):
            unit = Fraction(traders.collateral.money_value(perpetual, perpetual.value(stage.lots, stage.mark)))
        lots = min(int(stage.lots * worth / unit), 2 * stage.lots) if worth else stage.lots
        worth = worth or unit
        stage.play.append((one, SetMarginMode(instrument=perpetual.symbol, mode="cross"), 1))
        stage.set_mark(stage.mark)
        stage.order(other, "sell" if side == "buy" else "buy", lots, ticks=stage.mark)
        stage.order(one, side, lots, ticks=stage.mark)
    for asset in traders.collateral.takes(FUTURES):
        stage.play.append((one, partial(all_spare, traders, one, FUTURES, asset), 1))
    stage.order(one, sides[1], stage.least, ticks=stage.mark + (5 if sides[1] == "sell" else -5))
    stage.order(one, sides[0], stage.least, ticks=stage.mark + (5 if sides[0] == "sell" else -5), opens=stage.hedge)
    if random.random() < 0.6:
        stage.order(bidder, sides[1], max(stage.least, lots // 2), ticks=stage.mark)
        stage.order(one, sides[0], max(1, lots // 2), ticks=stage.mark, opens=False, reduce_only=True)
    stage.set_mark(stage.mark + max(1, stage.mark // 50) * random.choice((-1, 1)))
    stage.set_mark(stage.mark)
    return stage.play


def alike(first: Perpetual, second: Perpetual, *, hedge: bool) -> bool:
    """Whether positions in them can offset each other."""
    return first.instrument.base == second.instrument.base and (first is not second or hedge)


def all_spare(traders: Traders, user: int, wallet: str, asset: str, *, part: int = 97) -> MoveFunds:
    """So many parts of a hundred of what may leave."""
    digits = traders.market.digits(asset)
    units = int(traders.spare(user, wallet, asset).scaleb(digits)) * part // 100
    return MoveFunds(
        from_account=user, from_wallet=wallet, to_account=user, to_wallet="funding", asset=asset,
        amount=Decimal(max(1, units)).scaleb(-digits),
    )  # fmt: skip


SCENES: Final[tuple[Callable[[Traders], Play], ...]] = (
    fok_under_trims, beyond_the_purse, crash, funding_and_idle_hours, edit_that_crosses, funding_comes_first,
    woken_by_an_end, mortgaged, kept_place, well_again, edited_too_late, offset,
    one_too_many, to_the_unit, less_than_enough,
)  # fmt: skip
