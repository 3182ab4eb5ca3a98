"""Random commands for property tests: few users, few prices, so that orders meet, stops trigger, ends come and money
runs out. Everything follows from the seed."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from nostro.link.view import CancelAll, CancelOrders, PlaceOrder, RequestWithdrawal
from nostro.paper.venue.commands import AdvanceDeposit, AdvanceWithdrawal, CreateUser, Deposit, Envelope, Fund, Tick
from paper.venue.scenario import PROFILE, SECOND_NS, START_NS

USERS = 5
STATUSES = ("confirmed", "verified", "moderation", "approved", "suspended", "done", "refused", "canceled", "rejected")


class Workload:
    """``next`` gives the next command; its ids count from 1."""

    profile = PROFILE

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.made = 0
        self.at_ns = START_NS
        self.orders = 0

    def next(self) -> Envelope:
        self.made += 1
        random = self.random
        self.at_ns += random.choice((0, 0, 1, SECOND_NS, 5 * SECOND_NS))
        if self.made <= USERS:
            return self._envelope(
                0, CreateUser(name=f"user {self.made}", maker_ppm=random.choice((None, 0, 1_000_000)))
            )
        if self.made <= USERS * 4:
            asset = PROFILE.assets[self.made % 3].code
            return self._envelope(0, Fund(user=self._user(), wallet="spot", asset=asset, amount=self._amount(400, 2)))
        kind = random.choices((self._place, self._cancel, self._money, self._advance, self._rest), (70, 8, 8, 12, 2))[0]
        return self._envelope(self._user(), kind())

    def _envelope(self, user, command) -> Envelope:
        late = self.random.randrange(10) == 0
        return Envelope(id=self.made, at_ns=self.at_ns - 7 * late, user=user, command=command)

    def _user(self) -> int:
        return self.random.randrange(1, USERS + 1) if self.random.randrange(50) else USERS + 1

    def _amount(self, most: int, digits: int) -> Decimal:
        wrong = self.random.randrange(40) == 0
        return Decimal(self.random.randrange(-1 if wrong else 1, most * 10**digits)).scaleb(-digits - wrong)

    def _place(self) -> PlaceOrder:
        random = self.random
        self.orders += 1
        instrument = random.choice(PROFILE.instruments)
        kind = random.choice(("limit", "limit", "limit", "market", "stop_limit", "stop_market"))
        by_quote = kind == "market" and random.randrange(2)
        price = Decimal(random.randrange(90, 112)).scaleb(-1)
        stop = kind.startswith("stop")
        return PlaceOrder(
            wallet="spot" if random.randrange(60) else "funding",
            instrument=instrument.symbol,
            side=random.choice(("buy", "sell")),
            type=kind,
            time_in_force=random.choice(("gtc", "gtc", "ioc", "fok", "aon")),
            amount=None if by_quote else self._amount(12, instrument.amount_digits),
            quote_amount=self._amount(90, 2) if by_quote else None,
            price=price if kind.endswith("limit") != (random.randrange(60) == 0) else None,
            stop_price=Decimal(random.randrange(90, 112)).scaleb(-1) if stop else None,
            stop_operator=random.choice(("gte", "lte")) if stop != (random.randrange(60) == 0) else None,
            valid_till_ns=self._end(),
            expire_after_ns=self._end(),
            post_only=random.randrange(10) == 0,
        )

    def _end(self) -> int | None:
        return self.at_ns + self.random.randrange(-2, 60) * SECOND_NS if self.random.randrange(3) == 0 else None

    def _cancel(self) -> CancelOrders | CancelAll:
        if self.random.randrange(8) == 0:
            return CancelAll(instrument=self.random.choice((None, "PEAR/COIN", "PLUM/COIN")))
        ids = [self.random.randrange(max(1, self.orders - 30), self.orders + 2) for _ in range(6)]
        return CancelOrders(order_ids=tuple(ids))

    def _money(self) -> Deposit | Fund | RequestWithdrawal:
        asset = self.random.choice(("APPLE", "PEAR", "COIN", "COIN", "PLUM"))
        if self.random.randrange(3) == 0:
            return Deposit(user=self._user(), asset=asset, amount=self._amount(300, 2))
        if self.random.randrange(3) == 0:
            wallet = self.random.choice(("spot", "funding", "margin"))
            return Fund(user=self._user(), wallet=wallet, asset=asset, amount=self._amount(100, 2))
        attributes = self.random.choice(({"address": "home"}, {"address": "home"}, {"address": "7"}, {}))
        method = self.random.choice((1, 1, 1, 2, 3))
        return RequestWithdrawal(method=method, amount=self._amount(60, 2), attributes=attributes)

    def _advance(self) -> AdvanceDeposit | AdvanceWithdrawal:
        number, status = self.random.randrange(1, self.made // 30 + 2), self.random.choice(STATUSES)
        if self.random.randrange(3) == 0:
            return AdvanceDeposit(deposit=number, status=status)
        return AdvanceWithdrawal(withdrawal=number, status=status)

    def _rest(self) -> Tick:
        self.at_ns += 30 * SECOND_NS
        return Tick()
