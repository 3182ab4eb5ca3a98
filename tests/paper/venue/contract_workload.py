"""Random commands of contracts for property tests: few users, few prices, thin wallets and a mark that wanders, so that
positions turn, orders reduce too much, wallets sink, and hours pass. Everything follows from the seed."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from nostro.link.commands import (
    CancelAll,
    CancelOrders,
    EditOrder,
    MoveFunds,
    PlaceOrder,
    SetLeverage,
    SetMarginMode,
)
from nostro.paper.venue.commands import CreateUser, Envelope, Fund, SetFundingRate, SetIndex, SetMark, Tick
from paper.venue.perpetuals import HEDGED, HOUR_NS, MILL, SYMBOLS, WALLETS
from paper.venue.scenario import SECOND_NS, START_NS

USERS = 5
MARKS = {"FLOUR": (100, 1), "APPLE": (100, 1), "SILK": (10, 0)}  # in ticks, and their digits
LOTS = {"FLOUR": 12, "APPLE": 300, "SILK": 400}
WANDER = {"FLOUR": 9, "APPLE": 8, "SILK": 2}
OTHER_WALLETS = ("spot", "funding", "futures", "futures", "futures", "futures:APPLE/COIN", "cross_margin")


class ContractWorkload:
    """``next`` gives the next command; its ids count from 1."""

    def __init__(self, seed: int, *, hedge: bool = False) -> None:
        self.random = Random(seed)
        self.profile = HEDGED if hedge else MILL
        self.sides = ("long", "short") if hedge else ("both",)
        self.marks = {name: mark for name, (mark, _) in MARKS.items()}
        self.made = self.orders = 0
        self.at_ns = START_NS

    def next(self) -> Envelope:
        self.made += 1
        random = self.random
        self.at_ns += random.choice((0, 0, 1, SECOND_NS, 5 * SECOND_NS))
        if random.randrange(60) == 0:
            self.at_ns += random.choice((1, 1, 3)) * HOUR_NS
            if random.randrange(2):
                self.at_ns -= self.at_ns % HOUR_NS
        if self.made <= USERS:
            parent, portfolio = 1 if self.made == USERS else None, self.made % 2 == 0
            return self._envelope(0, CreateUser(name=f"user {self.made}", parent=parent, portfolio=portfolio))
        if self.made <= USERS * 4:
            return self._envelope(0, self._fund(1 + self.made % USERS, 90))
        kinds = (self._place, self._edit, self._cancel, self._set, self._move, self._market, self._money)
        kind = random.choices(kinds, (60, 6, 6, 5, 6, 14, 3))[0]
        return self._envelope(*kind())

    def _envelope(self, user: int, command: object) -> Envelope:
        self.orders += isinstance(command, PlaceOrder)
        return Envelope(id=self.made, at_ns=self.at_ns, user=user, command=command)

    def _user(self) -> int:
        return self.random.randrange(1, USERS + 1) if self.random.randrange(60) else USERS + 1

    def _name(self) -> str:
        return self.random.choice(("FLOUR", "FLOUR", "FLOUR", "APPLE", "SILK"))

    def _side(self) -> str:
        return self.random.choice(self.sides) if self.random.randrange(60) else self.random.choice(("both", "long"))

    def _price(self, name: str, reach: int = 1) -> Decimal:
        digits, wander = MARKS[name][1], WANDER[name] * reach
        ticks = max(1, self.marks[name] + self.random.randrange(-wander, wander + 1))
        part = Decimal("0.005") if self.random.randrange(90) == 0 else 0
        return Decimal(ticks).scaleb(-digits) + part

    def _place(self) -> tuple[int, PlaceOrder]:
        random, name = self.random, self._name()
        kind = random.choices(("limit", "market", "stop_limit", "stop_market"), (60, 22, 9, 9))[0]
        stop = kind.startswith("stop")
        wrong = random.randrange(50) == 0
        most = LOTS[name] * random.choice((1, 1, 1, 2, 9))
        return self._user(), PlaceOrder(
            wallet=WALLETS[name] if random.randrange(60) else "spot",
            instrument=SYMBOLS[name] if random.randrange(80) else "PLUM/COIN:COIN",
            side=random.choice(("buy", "sell")),
            type=kind,
            time_in_force=random.choices(("gtc", "ioc", "fok", "aon"), (60, 15, 10, 1))[0],
            amount=None if wrong else Decimal(random.randrange(0, most) + 1),
            quote_amount=Decimal(5) if wrong and random.randrange(2) else None,
            price=self._price(name, random.choice((1, 1, 1, 4))) if kind in ("limit", "stop_limit") else None,
            stop_price=self._price(name, 2) if stop else None,
            stop_operator=random.choice(("gte", "lte")) if stop != (random.randrange(60) == 0) else None,
            valid_till_ns=self.at_ns + random.randrange(-2, 60) * SECOND_NS if random.randrange(9) == 0 else None,
            post_only=kind == "limit" and random.randrange(12) == 0,
            position_side=self._side(),
            reduce_only=random.randrange(5) == 0,
            trigger=random.choice(("last", "mark", "index")),
        )

    def _edit(self) -> tuple[int, EditOrder]:
        random, name = self.random, self._name()
        return self._user(), EditOrder(
            order_id=random.randrange(max(1, self.orders - 25), self.orders + 2),
            amount=Decimal(random.randrange(1, LOTS[name] * 2)) if random.randrange(2) else None,
            price=self._price(name) if random.randrange(2) else None,
            stop_price=self._price(name) if random.randrange(6) == 0 else None,
        )

    def _cancel(self) -> tuple[int, CancelOrders | CancelAll]:
        if self.random.randrange(8) == 0:
            return self._user(), CancelAll(instrument=self.random.choice((None, SYMBOLS["FLOUR"])))
        ids = tuple(self.random.randrange(max(1, self.orders - 30), self.orders + 2) for _ in range(6))
        return self._user(), CancelOrders(order_ids=ids)

    def _set(self) -> tuple[int, SetLeverage | SetMarginMode]:
        random, symbol = self.random, SYMBOLS[self._name()] if self.random.randrange(40) else "APPLE/COIN"
        if random.randrange(2):
            return self._user(), SetMarginMode(instrument=symbol, mode=random.choice(("cross", "isolated")))
        leverage = random.choice((None, "0.5", "1", "2.5", "5", "8", "10", "11", "3.333"))
        value = None if leverage is None else Decimal(leverage)
        return self._user(), SetLeverage(instrument=symbol, position_side=self._side(), leverage=value)

    def _move(self) -> tuple[int, MoveFunds]:
        random, user = self.random, self._user()
        whose = [user if random.randrange(4) else random.choice((1, 5)) for _ in range(2)]
        wallets = [random.choice(OTHER_WALLETS) for _ in range(2)]
        assets = ("APPLE", "PLUM") if "futures:APPLE/COIN" in wallets else ("COIN", "COIN", "APPLE")
        return user, MoveFunds(
            from_account=whose[0], from_wallet=wallets[0], to_account=whose[1],
            to_wallet=wallets[1], asset=random.choice(assets),
            amount=Decimal(random.randrange(0, 90)).scaleb(-1), note="n",
        )  # fmt: skip

    def _market(self) -> tuple[int, SetMark | SetIndex | SetFundingRate | Tick]:
        random, name = self.random, self._name()
        match random.choices(("mark", "index", "rate", "tick"), (60, 12, 12, 16))[0]:
            case "mark":
                first, digits = MARKS[name]
                moved = self.marks[name] + random.randrange(-WANDER[name], WANDER[name] + 1) * random.choice((1, 1, 2))
                self.marks[name] = max(first // 2, min(first * 2, moved))
                price = Decimal(self.marks[name]).scaleb(-digits) if random.randrange(40) else Decimal(0)
                return 0, SetMark(instrument=SYMBOLS[name], price=price)
            case "index":
                price = Decimal(random.randrange(600, 1_500)).scaleb(-2)
                return 0, SetIndex(asset="APPLE", price=price)
            case "rate":
                rate = Decimal(random.randrange(-105, 106)).scaleb(-4)
                return 0, SetFundingRate(instrument=SYMBOLS[name], rate=rate)
        return 0, Tick()

    def _money(self) -> tuple[int, Fund]:
        return 0, self._fund(self._user(), 40)

    def _fund(self, user: int, most: int) -> Fund:
        wallet = self.random.choice(("futures", "futures", "futures:APPLE/COIN"))
        right = ("APPLE",) if wallet.endswith("COIN") else ("COIN", "COIN", "APPLE")
        asset = self.random.choice(right) if self.random.randrange(30) else "COIN"
        amount = Decimal(self.random.randrange(1, most)) / (1 if asset == "COIN" else 10)
        return Fund(user=user, wallet=wallet, asset=asset, amount=amount)
