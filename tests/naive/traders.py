"""Random commands of contracts for the workload: who trades, edits, levers, moves funds, and where marks, index prices
and funding rates go. It looks at the naive engine only to aim (at a limit, at a liquidation); it decides no outcome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal, localcontext
from random import Random
from typing import Final

import msgspec

from naive.commands import Fund, Operator, Ordered, SetFundingRate, SetIndex, SetMark
from naive.contract_grounds import ContractGround
from naive.contract_market import STOPS
from naive.engine import NaiveEngine
from naive.perpetual import Perpetual
from naive.positions import Position, place
from naive.state import EXACT, Order
from nostro.link.commands import (
    ISOLATED,
    CancelAll,
    CancelOrders,
    EditOrder,
    MoveFunds,
    PlaceOrder,
    PositionSide,
    SetLeverage,
    SetMarginMode,
    Side,
)

SECOND_NS: Final = 1_000_000_000
Drawn = tuple[int | None, Operator | Ordered]
Spoil = Callable[[PlaceOrder, Perpetual], PlaceOrder]
LEVERAGES: Final = ("1", "1.01", "2", "3", "5", "7.77", "10", "15", "20", "25", "40", "50", "100")
LEVERAGES_WRONG: Final = ("0", "0.99", "-5", "2.005", "1000", "1e30")
RATES: Final = ("0", "0.0001", "-0.0001", "0.000333333", "-0.000777", "0.01", "-0.01", "0.000000001", "0.005")
RATES_WRONG: Final = ("0.010000001", "-0.010000001", "0.0000000001", "1", "0.00123456789123")
PRICES_WRONG: Final = ("0", "-1", "0.00001", "1e19")


def changed(**fields: object) -> Spoil:
    return lambda order, _: msgspec.structs.replace(order, **fields)


def other_band(order: PlaceOrder, perpetual: Perpetual) -> PlaceOrder:
    """A limit order right beyond the band, or right at its end."""
    ticks = perpetual.ticks(order.price) if order.price is not None else 1
    far = ticks * (3 if order.side == "buy" else 0) + 1
    return msgspec.structs.replace(order, type="limit", price=perpetual.price(far), stop_price=None, stop_operator=None)


def little(order: PlaceOrder, perpetual: Perpetual) -> PlaceOrder:
    """Worth less than the least, and more than the least amount."""
    return msgspec.structs.replace(order, amount=perpetual.instrument.amount_min, reduce_only=False)


SPOILS: Final[tuple[Spoil, ...]] = (
    changed(instrument="AAA/USD:NONE"),
    changed(instrument="AAA/USD:NONE", wallet="spot"),
    changed(wallet="spot"),
    changed(wallet="futures:XXX/USD"),
    changed(wallet="funding"),
    changed(position_side="both"),
    changed(position_side="long"),
    changed(position_side="short"),
    changed(time_in_force="aon"),
    changed(post_only=True, time_in_force="ioc"),
    changed(post_only=True, type="market"),
    changed(post_only=True),
    changed(amount=None),
    changed(quote_amount=Decimal(1)),
    changed(amount=None, quote_amount=Decimal(1), type="market", price=None),
    changed(amount=Decimal(0)),
    changed(amount=Decimal(-1)),
    changed(amount=Decimal("0.00001")),
    changed(amount=Decimal(10) ** 19),
    changed(amount=Decimal(10) ** 12),
    changed(price=None),
    changed(price=Decimal(1)),
    changed(price=Decimal(-3)),
    changed(price=Decimal("0.12345")),
    changed(price=Decimal(10) ** 19),
    changed(stop_price=None),
    changed(stop_price=Decimal(1)),
    changed(stop_price=Decimal("0.12345")),
    changed(stop_operator=None),
    changed(stop_operator="gte"),
    changed(valid_till_ns=1_700_000_000_000_000_000),
    changed(expire_after_ns=1_700_000_000_000_000_000),
    changed(reduce_only=True),
    lambda order, one: msgspec.structs.replace(order, amount=one.amount(1)),
    lambda order, one: msgspec.structs.replace(order, amount=one.instrument.amount_max + one.amount(1)),
    lambda order, one: msgspec.structs.replace(order, amount=one.instrument.amount_max),
    other_band,
    other_band,
    other_band,
    little,
    little,
    little,
    little,
)


class Traders:
    """Each of the methods of `KINDS` draws a command and who asks."""

    def __init__(self, random: Random, ground: ContractGround, engine: NaiveEngine) -> None:
        self.random = random
        self.ground = ground
        self.engine = engine
        self.market = engine.market
        self.collateral = engine.market.collateral
        self.positions = engine.market.positions
        self.perpetuals = list(engine.market.perpetuals.values())
        self.first_marks = dict(self.collateral.marks)
        self.first_index = dict(ground.profile.start_prices)
        self.away: list[str] = []  # contracts whose mark price is to come back
        self.now_ns = 0

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────

    def user(self) -> int:
        if self.random.random() < 0.015:
            return self.random.choice((0, -1, 99))
        return self.random.randrange(1, len(self.market.users) + 1)

    def held(self) -> list[Position]:
        held = [one for one in self.positions.all.values() if one.size and one.user]
        return sorted(held, key=lambda one: (one.user, *place(one)))

    def open_orders(self) -> list[Order]:
        return [one for one in self.market.open_orders if one.asked.instrument in self.market.perpetuals]

    def mark(self, perpetual: Perpetual) -> int:
        return self.collateral.marks[perpetual.symbol]

    # ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────

    def place(self) -> Drawn:
        user, perpetual = self.user(), self.random.choice(self.perpetuals)
        kind = self.random.random()
        held = self.held()
        if held and kind < 0.3:
            return self.closing(self.random.choice(held))
        if kind < 0.34:
            user, perpetual = self.crowded(user, perpetual)
        order = self.order(perpetual)
        if kind > 0.86:
            order = self.random.choice(SPOILS)(order, perpetual)
        elif kind > 0.8 and self.market.known(user):
            order = self.largest(user, order, perpetual)
        return user, order

    def crowded(self, user: int, perpetual: Perpetual) -> tuple[int, Perpetual]:
        """Who has most open orders in a contract."""
        counted = Counter((order.user, order.asked.instrument) for order in self.open_orders())
        if not counted:
            return user, perpetual
        (user, symbol), _ = counted.most_common(1)[0]
        return user, self.market.perpetuals[symbol]

    def order(self, perpetual: Perpetual, side: Side | None = None) -> PlaceOrder:
        random = self.random
        _, size = self.ground.around[perpetual.symbol]
        kind = random.choices(("limit", "market", "stop_limit", "stop_market"), weights=(60, 14, 12, 8))[0]
        rule = random.choices(("gtc", "ioc", "fok"), weights=(6, 1, 2))[0]
        side = side or random.choice(("buy", "sell"))
        if self.ground.profile.hedge:
            position_side: PositionSide = "long" if (side == "buy") == (random.random() < 0.75) else "short"
        else:
            position_side = "both"
        stop = kind in STOPS
        return PlaceOrder(
            wallet=perpetual.wallet,
            instrument=perpetual.symbol,
            side=side,
            type=kind,  # type: ignore[arg-type]
            time_in_force=rule,  # type: ignore[arg-type]
            amount=perpetual.amount(random.randrange(1, size)),
            price=self.price(perpetual, side) if kind in ("limit", "stop_limit") else None,
            stop_price=self.price(perpetual) if stop else None,
            stop_operator=random.choice(("gte", "lte")) if stop else None,
            valid_till_ns=self.end(),
            expire_after_ns=self.end(),
            post_only=kind == "limit" and rule == "gtc" and random.random() < 0.15,
            position_side=position_side,
            reduce_only=random.random() < 0.04,
            trigger=random.choice(("last", "mark", "index")),
            client_id=random.choice(("", "1")),
            side_effect=random.choice(("none", "none", "none", "auto_borrow")),
        )

    def closing(self, position: Position) -> Drawn:
        """Of a position, reduce-only mostly, now and then more than it is."""
        random, perpetual = self.random, position.perpetual
        side: Side = "sell" if position.size > 0 else "buy"
        size = abs(position.size)
        lots = max(
            1, random.choice((size, size, size // 2, size // 3, size + 1, 2 * size, random.randrange(1, size + 1)))
        )
        lots = min(lots, perpetual.lots(perpetual.instrument.amount_max)) if random.random() < 0.9 else lots
        order = self.order(perpetual, side)
        return position.user, msgspec.structs.replace(
            order, amount=perpetual.amount(lots), position_side=position.side, reduce_only=random.random() < 0.7
        )

    def largest(self, user: int, order: PlaceOrder, perpetual: Perpetual, *, more: int = 1) -> PlaceOrder:
        """As much as the venue takes of it, or one lot ``more``."""
        order = msgspec.structs.replace(order, reduce_only=False)

        def takes(lots: int) -> bool:
            asked = msgspec.structs.replace(order, amount=perpetual.amount(lots))
            with localcontext(EXACT):
                return self.market.why_not(self.engine.contracts.new_order(user, asked)) is None

        lots = most(takes, perpetual.lots(perpetual.instrument.amount_max))
        return msgspec.structs.replace(order, amount=perpetual.amount(max(1, lots + more * self.random.randrange(2))))

    def price(self, perpetual: Perpetual, side: str | None = None) -> Decimal:
        around, _ = self.ground.around[perpetual.symbol]
        away = self.random.randrange(-around, around + 1)
        if side is not None and self.random.random() < 0.5:
            away = -abs(away) if side == "buy" else abs(away)
        if self.random.random() < 0.04:
            away *= 10
        if side is not None and self.random.random() < 0.02:
            bound = perpetual.bound(side, self.mark(perpetual))
            return perpetual.price(max(1, bound + self.random.randrange(-1, 2)))
        return perpetual.price(max(1, self.mark(perpetual) + away))

    def end(self) -> int | None:
        kind = self.random.random()
        if kind < 0.93:
            return None
        return self.now_ns + self.random.randrange(-1, 200) * SECOND_NS

    def edit(self) -> Drawn:
        random, orders = self.random, self.open_orders()
        if not orders or random.random() < 0.03:
            one = random.choice((0, -1, self.market.order_count, self.market.order_count + 1))
            return self.user(), EditOrder(order_id=one, amount=Decimal(1))
        order = random.choice(orders)
        perpetual, asked = self.market.perpetuals[order.asked.instrument], order.asked
        edit = EditOrder(order_id=order.id)
        if random.random() < 0.6:
            rest = perpetual.lots(order.rest)
            lots = perpetual.lots(order.filled) + max(
                1, random.choice((rest - 1, rest // 2, rest, rest + 1, 2 * rest, 1))
            )
            edit = msgspec.structs.replace(edit, amount=perpetual.amount(lots))
        if asked.price is not None and random.random() < 0.5:
            side = random.choice((None, None, asked.side))
            edit = msgspec.structs.replace(edit, price=self.price(perpetual, side))
        if asked.type in STOPS and random.random() < 0.5:
            edit = msgspec.structs.replace(edit, stop_price=self.price(perpetual))
        kind = random.random()
        if kind < 0.15:
            edit = self.spoiled_edit(edit, order)
        elif kind < 0.3:
            edit = self.largest_edit(edit, order)
        return order.user if random.random() < 0.93 else random.choice((0, 99, self.user())), edit

    def largest_edit(self, edit: EditOrder, order: Order, *, more: int = 1) -> EditOrder:
        """As much as the venue takes of it, or one lot ``more``."""
        perpetual = self.market.perpetuals[order.asked.instrument]

        def takes(lots: int) -> bool:
            would = self.engine.contracts.as_it_would_be(order, sized(lots))
            with localcontext(EXACT):
                return self.market.why_not(would, without=order) is None

        def sized(lots: int) -> EditOrder:
            amount = EXACT.add(order.filled, perpetual.amount(lots))
            return msgspec.structs.replace(edit, amount=amount)

        lots = most(takes, perpetual.lots(perpetual.instrument.amount_max))
        return sized(max(1, lots + more * self.random.randrange(2)))

    def spoiled_edit(self, edit: EditOrder, order: Order) -> EditOrder:
        random, wrong = self.random, Decimal(self.random.choice(PRICES_WRONG))
        perpetual = self.market.perpetuals[order.asked.instrument]
        amounts = (order.filled, Decimal(0), Decimal("0.00001"), Decimal(10) ** 19, perpetual.instrument.amount_max * 2)
        beyond = perpetual.price(self.mark(perpetual) * (3 if order.asked.side == "buy" else 0) + 1)
        fields = random.choice(
            ({"price": wrong}, {"stop_price": wrong}, {"price": perpetual.price(5), "stop_price": perpetual.price(5)},
             {"amount": random.choice(amounts)}, {"amount": order.filled + perpetual.amount(1)}, {"price": beyond})
        )  # fmt: skip
        return msgspec.structs.replace(edit, **fields)

    def cancel(self) -> Drawn:
        orders = self.open_orders()
        if not orders:
            return self.user(), CancelOrders(order_ids=(1, 2))
        some = self.random.sample(orders, min(len(orders), self.random.randrange(1, 4)))
        return some[0].user, CancelOrders(order_ids=tuple(one.id for one in some))

    def cancel_all(self) -> Drawn:
        symbols = [None, *(one.symbol for one in self.perpetuals)]
        return self.user(), CancelAll(instrument=self.random.choice(symbols))

    # ── leverage, mode, money ────────────────────────────────────────────────────────────────────────────────────

    def leverage(self) -> Drawn:
        random, perpetual, user = self.random, self.random.choice(self.perpetuals), self.user()
        kind = random.random()
        text = random.choice(LEVERAGES if kind < 0.85 else LEVERAGES_WRONG)
        sides = self.positions.sides if random.random() < 0.93 else ("both", "long", "short")
        orders = self.open_orders()
        if orders and random.random() < 0.5:
            order = random.choice(orders)
            user, perpetual, sides = (
                order.user,
                self.market.perpetuals[order.asked.instrument],
                (order.asked.position_side,),
            )
        symbol = perpetual.symbol if random.random() < 0.96 else random.choice(("BBB/USD", "nothing", "AAA/USD:NONE"))
        return user, SetLeverage(
            instrument=symbol,
            position_side=random.choice(sides),
            leverage=None if random.random() < 0.2 else Decimal(text),
        )

    def mode(self) -> Drawn:
        random = self.random
        symbol = random.choice(self.perpetuals).symbol
        if random.random() < 0.06:
            symbol = random.choice(("BBB/USD", "nothing", "AAA/USD:NONE"))
        return self.user(), SetMarginMode(instrument=symbol, mode=random.choice(("isolated", "isolated", "cross")))

    def fund(self) -> Drawn:
        """Mostly who has least."""
        random = self.random
        wallet, asset, amount = random.choice(self.ground.backing)
        user = self.user()
        if random.random() < 0.7 and self.market.users:
            users = [one.id for one in self.market.users]
            user = min(users, key=lambda one: (self.market.ledger.total(one, wallet, asset), one))
        if random.random() < 0.12:
            asset = random.choice(("NONE", *(one.code for one in self.ground.profile.assets)))
        if random.random() < 0.06:
            wallet = random.choice(
                ("futures:XXX/USD", "futures:", f"{ISOLATED}{self.perpetuals[0].symbol}", "cross_margin")
            )
        amount *= random.choice((Decimal(1), Decimal("0.5"), Decimal(2)))
        return None, Fund(user=user, wallet=wallet, asset=asset, amount=self.spoiled(amount))

    def spoiled(self, amount: Decimal) -> Decimal:
        if self.random.random() < 0.03:
            return self.random.choice((Decimal(0), Decimal(-1), Decimal("0.1234567890123456789"), Decimal(10) ** 31))
        return amount

    def move(self) -> Drawn:
        random, market = self.random, self.market
        wallet, asset, _ = random.choice(self.ground.backing)
        user = self.user()
        family = [one.id for one in market.users if user in (one.id, one.parent)] or [user]
        give, get = random.choice(family), random.choice(family)
        source, target = random.choice(
            ((wallet, "spot"), ("spot", wallet), (wallet, "funding"), ("funding", wallet),
             (wallet, random.choice(self.ground.backing)[0]))
        )  # fmt: skip
        if (give, source) == (get, target) and random.random() < 0.8:
            target = "funding" if source == "spot" else "spot"
        total = market.ledger.total(give, source, asset)
        digits = market.digits(asset)
        unit = Decimal(1).scaleb(-digits)
        amount = total * random.choice((1, Decimal("0.5"), Decimal("0.25"), Decimal("0.1")))
        if source in self.collateral.wallets and random.random() < 0.6:
            amount = self.spare(give, source, asset) + unit * random.randrange(2)
        amount = max(unit, EXACT.quantize(Decimal(int(amount.scaleb(digits))).scaleb(-digits), unit))
        kind = random.random()
        if kind < 0.02:
            give = random.choice((0, 1, 2, 3, 99))
        elif kind < 0.04:
            source = random.choice(("cross_margin", f"{ISOLATED}{self.perpetuals[0].symbol}", "nothing"))
        elif kind < 0.09:
            asset = random.choice(("NONE", *(one.code for one in self.ground.profile.assets)))
        return user, MoveFunds(
            from_account=give, from_wallet=source, to_account=get, to_wallet=target, asset=asset,
            amount=self.spoiled(amount), note=random.choice(("", "n")),
        )  # fmt: skip

    def spare(self, user: int, wallet: str, asset: str) -> Decimal:
        """The most that may leave, about."""
        digits, total = self.market.digits(asset), self.market.ledger.total(user, wallet, asset)
        if not self.market.known(user) or total <= 0:
            return Decimal(0)

        def leaves(units: int) -> bool:
            with localcontext(EXACT):
                return self.engine.contracts.movable(user, wallet, asset, amount=Decimal(units).scaleb(-digits))

        return Decimal(most(leaves, int(total.scaleb(digits)))).scaleb(-digits)

    # ── prices ───────────────────────────────────────────────────────────────────────────────────────────────────

    def set_mark(self) -> Drawn:
        random = self.random
        if self.away and random.random() < 0.5:
            symbol = self.away.pop(0)
            perpetual = self.market.perpetuals[symbol]
            return None, SetMark(instrument=symbol, price=perpetual.price(self.first_marks[symbol]))
        held = self.held()
        if held and random.random() < 0.35:
            return None, self.aimed(random.choice(held))
        perpetual = random.choice(self.perpetuals)
        if random.random() < 0.08:
            symbol = random.choice((perpetual.symbol, perpetual.symbol, "BBB/USD", "nothing"))
            return None, SetMark(instrument=symbol, price=Decimal(random.choice((*PRICES_WRONG, "1"))))
        first, now = self.first_marks[perpetual.symbol], self.mark(perpetual)
        step = random.randrange(-3, 4) + (first > now) - (first < now)
        return None, SetMark(instrument=perpetual.symbol, price=perpetual.price(max(1, now + step)))

    def aimed(self, position: Position) -> SetMark:
        """Where its wallet or purse is to be liquidated, or next to it, or far beyond."""
        random, perpetual = self.random, position.perpetual
        now = self.mark(perpetual)
        worse = -1 if position.size > 0 else 1
        # In steps that grow, then back by halves: the first tick where it is due.
        low, high = 0, 1
        while high < now and not self.due_at(position, now + worse * high):
            low, high = high, high * 2
        high = min(high, now - 1) if worse < 0 else high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.due_at(position, now + worse * middle) else (middle, high)
        away = random.choice((high, high, high, low, high + 1, high + high // 2, 2 * high))
        if perpetual.symbol not in self.away:
            self.away.append(perpetual.symbol)
        return SetMark(instrument=perpetual.symbol, price=perpetual.price(max(1, now + worse * max(1, away))))

    def due_at(self, position: Position, ticks: int) -> bool:
        symbol, user = position.perpetual.symbol, position.user
        before = self.collateral.marks[symbol]
        self.collateral.marks[symbol] = max(1, ticks)
        with localcontext(EXACT):
            victims = [one for one in self.engine.forced.victims() if one.user == user]
            due = any(
                self.engine.forced.is_due(one)
                for one in victims
                if one.position is position or (one.position is None and one.wallet == position.perpetual.wallet)
            )
        self.collateral.marks[symbol] = before
        return due

    def set_index(self) -> Drawn:
        random = self.random
        asset = random.choice([one.code for one in self.ground.profile.assets])
        percent = random.choice((100, 100, 100, 99, 101, 97, 103, 90, 110, 70, 45, 25))
        price = Decimal(int(self.first_index[asset].scaleb(8)) * percent // 100).scaleb(-8)
        return None, SetIndex(asset=asset, price=price)

    def set_rate(self) -> Drawn:
        random = self.random
        symbol = random.choice(self.perpetuals).symbol
        if random.random() < 0.05:
            symbol = random.choice(("BBB/USD", "nothing"))
        rate = random.choice(RATES if random.random() < 0.85 else RATES_WRONG)
        return None, SetFundingRate(instrument=symbol, rate=Decimal(rate))


def most(goes: Callable[[int], bool], limit: int) -> int:
    """The most, up to a limit, that goes, where all that is less goes too."""
    low, high = 0, limit + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if goes(middle) else (low, middle)
    return low


KINDS: Final = (
    ("place", 560), ("edit", 90), ("cancel", 40), ("cancel_all", 6), ("leverage", 45), ("mode", 45), ("fund", 35),
    ("move", 60), ("set_mark", 110), ("set_index", 25), ("set_rate", 12),
)  # fmt: skip
