"""Random commands for property tests: few users, few prices, so that orders meet, stops trigger, ends come, money runs
out, and what was borrowed cannot be paid. Everything follows from the seed."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from nostro.link.commands import (
    Borrow,
    CancelAll,
    CancelOrders,
    ClosePosition,
    MoveMargin,
    PlaceOrder,
    Repay,
    RequestWithdrawal,
)
from nostro.paper.venue.commands import (
    AdvanceDeposit,
    AdvanceWithdrawal,
    AnyCommand,
    CreateUser,
    Deposit,
    Envelope,
    Fund,
    SetIndex,
    Tick,
)
from paper.venue.scenario import PROFILE, SECOND_NS, START_NS

USERS = 5
PARENTS = {4: 1, 5: 1}  # the fourth and fifth user are sub-accounts of the first
MARGIN_WALLETS = ("cross_margin", "isolated_margin:APPLE/COIN", "isolated_margin:PEAR/COIN")
WRONG_WALLETS = ("spot", "margin", "isolated_margin:PLUM/COIN")
STATUSES = ("confirmed", "verified", "moderation", "approved", "suspended", "done", "refused", "canceled", "rejected")


class Workload:
    """``next`` gives the next command; its ids count from 1."""

    profile = PROFILE

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.made = 0
        self.at_ns = START_NS
        self.orders = 0
        self.index = {"APPLE": 1_000, "PEAR": 1_000, "COIN": 100}
        self.scene: list[tuple[int, AnyCommand]] = []

    def next(self) -> Envelope:
        self.made += 1
        random = self.random
        self.at_ns += random.choice((0, 0, 1, SECOND_NS, 5 * SECOND_NS))
        if random.randrange(120) == 0:
            self.at_ns += random.choice((1, 1, 3)) * 3_600 * SECOND_NS
        if self.made <= USERS:
            fee = random.choice((None, 0, 1_000_000))
            command = CreateUser(name=f"user {self.made}", maker_ppm=fee, parent=PARENTS.get(self.made))
            return self._envelope(0, command)
        if self.made <= USERS * 7:
            asset = PROFILE.assets[self.made % 3].code
            return self._envelope(0, Fund(user=self._user(), wallet="spot", asset=asset, amount=self._amount(900, 2)))
        if not self.scene and random.randrange(20) == 0:
            self._speculate()
        if self.scene and random.randrange(3):
            return self._envelope(*self.scene.pop(0))
        if random.randrange(5) == 0:
            return self._margin()
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
            wallet=self._trading_wallet(instrument.symbol),
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
            side_effect=random.choice(("none", "none", "auto_borrow", "auto_repay")),
        )

    def _trading_wallet(self, symbol: str) -> str:
        if self.random.randrange(60) == 0:
            return "funding"
        return self.random.choice(("spot", "spot", "cross_margin", f"isolated_margin:{symbol}"))

    def _margin(self) -> Envelope:
        """Mostly of the own account or a sub-account, in a margin wallet that can hold the asset."""
        random, user = self.random, self._user()
        account = user if random.randrange(8) else random.randrange(1, USERS + 2)
        wallet = random.choice(MARGIN_WALLETS) if random.randrange(25) else random.choice(WRONG_WALLETS)
        asset = random.choice(("APPLE", "PEAR", "COIN", "COIN")) if random.randrange(25) else "PLUM"
        about = {"account": account, "wallet": wallet, "asset": asset}
        match random.choices(("move", "borrow", "repay", "close", "index"), (24, 40, 10, 3, 16))[0]:
            case "move":
                to = random.choice(("add", "add", "sub"))
                about["wallet"] = wallet if random.randrange(9) else "funding"
                return self._envelope(user, MoveMargin(direction=to, amount=self._amount(90, 2), note="n", **about))
            case "borrow":
                most = random.choice((8, 40, 150, 600))
                return self._envelope(user, Borrow(amount=self._amount(most, 2), **about))
            case "repay":
                return self._envelope(user, Repay(amount=self._amount(random.choice((1, 20)), 2), **about))
            case "close":
                return self._envelope(user, ClosePosition(account=account, wallet=wallet))
        return self._envelope(0, self._set_index(asset))

    def _speculate(self) -> None:
        """A user takes a loan of nearly all it can have, trades what it borrowed, and the price goes the wrong way."""
        random = self.random
        fruit, rises = random.choice(("APPLE", "PEAR")), random.randrange(2)
        symbol, price = f"{fruit}/COIN", max(5, self.index[fruit] * 100 // self.index["COIN"] // 100)
        wallet = random.choice(("cross_margin", f"isolated_margin:{symbol}"))
        user, other = random.sample(range(1, USERS + 1), 2)
        lots, taken = Decimal(random.randrange(20, 90)).scaleb(-1), random.choice(("borrow", "auto_borrow"))
        own, lent = ("COIN", fruit) if rises else (fruit, "COIN")
        worth = {"COIN": lots * price, fruit: lots}
        about = {"account": user, "wallet": wallet}
        side, against = ("sell", "buy") if rises else ("buy", "sell")
        trade = {"instrument": symbol, "amount": lots, "price": Decimal(price)}
        maker = PlaceOrder(wallet="spot", side=against, type="limit", **trade)
        taker = PlaceOrder(
            wallet=wallet, side=side, type="limit", time_in_force=random.choice(("ioc", "gtc")),
            side_effect="auto_borrow" if taken == "auto_borrow" else "none", **trade
        )  # fmt: skip
        moved = self.index[fruit] * (random.randrange(130, 200) if rises else random.randrange(45, 75)) // 100
        self.index[fruit] = max(60, min(2_500, moved))
        self.scene = [
            (user, MoveMargin(direction="add", asset=own, amount=worth[own] * 6 / 10, **about)),
            (other, maker),
            (user, taker),
            (0, SetIndex(asset=fruit, price=Decimal(self.index[fruit]).scaleb(-2))),
        ]
        if taken == "borrow":
            self.scene.insert(1, (user, Borrow(asset=lent, amount=worth[lent], **about)))

    def _set_index(self, asset: str) -> SetIndex:
        """It walks, and falls by up to half at a time."""
        price = self.index.get(asset, 100) * self.random.randrange(50, 180) // 100
        self.index[asset] = max(60, min(2_500, price))
        wrong = self.random.randrange(40) == 0
        return SetIndex(asset=asset, price=Decimal(-1) if wrong else Decimal(self.index[asset]).scaleb(-2))

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
