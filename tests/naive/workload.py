"""Random commands for a venue, drawn from a given `random.Random`: few users, few prices, many collisions, so that
every rule and every refusal of docs/venue.md is reached. It looks at the outcomes only to aim (open orders, transfers);
it decides no outcome. What margin has of its own is in ``borrowers.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Final

import msgspec

from naive import margin_scenes, scenes
from naive.borrowers import Borrowers
from naive.commands import (
    AdvanceDeposit,
    AdvanceWithdrawal,
    CreateUser,
    Deposit,
    Envelope,
    Fund,
    Operator,
    Ordered,
    Outcome,
    Tick,
)
from naive.grounds import NARROW, Ground
from nostro.domain.values import EXACT
from nostro.link.commands import (
    ISOLATED,
    Accepted,
    CancelAll,
    CancelOrders,
    MoveMargin,
    PlaceOrder,
    RequestWithdrawal,
)
from nostro.link.view import VenueInstrument, VenueOrder

START_NS: Final = 1_700_000_000_000_000_000
SECOND_NS: Final = 1_000_000_000
HOUR_NS: Final = 3600 * SECOND_NS
USERS_MAX: Final = 8
SUB_ACCOUNT: Final = 6  # of user 1, from the opening on
SCENE_CHANCE: Final = 0.008  # of a scene to begin, where none is being played
OPEN_MAX: Final = 100  # more open orders than this are swept away: the naive engine looks through all of them

GOOD_ATTRIBUTES: Final = {11: {"address": "a123", "memo": "x"}, 12: {"iban": "DE1234"}, 13: {}}
TYPES: Final = ("limit",) * 8 + ("market",) * 2 + ("stop_limit",) * 3 + ("stop_market",) * 2
TIMES_IN_FORCE: Final = ("gtc", "gtc", "gtc", "ioc", "fok", "aon")
DEPOSIT_STATUSES: Final = ("moderation", "confirmed", "confirmed", "rejected", "pending", "done", "nonsense")
NEXT: Final = {
    "new": ("confirmed",) * 6 + ("refused", "canceled"),
    "confirmed": ("verified",) * 6 + ("refused", "canceled"),
    "verified": ("moderation", "moderation", "approved", "refused", "canceled"),
    "moderation": ("approved", "refused", "suspended"),
    "suspended": ("approved", "refused"),
    "approved": ("done",),
}
WITHDRAWAL_STATUSES: Final = (*NEXT, "done", "refused", "canceled", "nonsense")

Spoil = Callable[[PlaceOrder, VenueInstrument], PlaceOrder]


def lots(instrument: VenueInstrument, count: int) -> Decimal:
    return Decimal(count).scaleb(-instrument.amount_digits)


def ticks(instrument: VenueInstrument, count: int) -> Decimal:
    return Decimal(count).scaleb(-instrument.price_digits)


def changed(**fields: object) -> Spoil:
    return lambda order, _: msgspec.structs.replace(order, **fields)


# Ways to make an order wrong; each meets one check or another, depending on what it was before.
SPOILS: Final[tuple[Spoil, ...]] = (
    changed(wallet="funding"),
    changed(wallet="margin"),
    changed(wallet=f"{ISOLATED}CCC/AAA"),
    changed(wallet=f"{ISOLATED}nothing", instrument="nothing"),
    changed(instrument="AAA/CCC"),
    changed(instrument="nothing"),
    changed(post_only=True, time_in_force="ioc"),
    changed(post_only=True, type="market"),
    changed(post_only=True),
    changed(amount=None),
    changed(amount=Decimal(1), quote_amount=Decimal(1)),
    changed(amount=None, quote_amount=Decimal(1), type="limit"),
    changed(amount=None, quote_amount=Decimal("0.0000001"), type="market", price=None),
    changed(amount=Decimal(0)),
    changed(amount=Decimal(-1)),
    changed(amount=Decimal("0.00001")),
    changed(amount=Decimal(10) ** 19),
    changed(amount=Decimal(10) ** 12),
    changed(price=None),
    changed(price=Decimal(1)),
    changed(price=Decimal(0)),
    changed(price=Decimal(-3)),
    changed(price=Decimal("0.12345")),
    changed(price=Decimal(10) ** 19),
    changed(price=Decimal(10) ** 17),
    changed(stop_price=None),
    changed(stop_price=Decimal(1)),
    changed(stop_price=Decimal(0)),
    changed(stop_price=Decimal("0.12345")),
    changed(stop_price=Decimal(10) ** 19),
    changed(stop_price=Decimal(10) ** 17),
    changed(stop_operator=None),
    changed(stop_operator="gte"),
    changed(valid_till_ns=START_NS),
    changed(expire_after_ns=START_NS),
    changed(amount=Decimal(1), price=Decimal("0.1"), quote_amount=None, type="limit", stop_price=None,
            stop_operator=None),
    changed(amount=None, quote_amount=Decimal("0.01"), type="market", price=None, stop_price=None,
            stop_operator=None, post_only=False),
    lambda order, instrument: msgspec.structs.replace(order, amount=lots(instrument, 1), quote_amount=None),
    lambda order, instrument: msgspec.structs.replace(order, amount=instrument.amount_min / 2, quote_amount=None),
    lambda order, instrument: msgspec.structs.replace(
        order, amount=instrument.amount_max + lots(instrument, 1), quote_amount=None
    ),
    lambda order, instrument: msgspec.structs.replace(order, amount=instrument.amount_max, quote_amount=None),
)  # fmt: skip


class Workload:
    """``next`` gives the next command, ``seen`` is told what came of it."""

    def __init__(self, random: Random, ground: Ground = NARROW) -> None:
        self.random = random
        self.ground = ground
        self.profile = ground.profile
        self.spots = [one for one in self.profile.instruments if one.kind == "spot"]
        self.now_ns = START_NS
        self.count = 0
        self.users = 0
        self.open_orders: dict[int, VenueOrder] = {}
        self.order_count = 0
        self.deposits: dict[int, str] = {}
        self.withdrawals: dict[int, str] = {}
        self.waiting: scenes.Play = opening(ground)
        self.borrowers = Borrowers(random, ground)
        self.old: list[Envelope] = []
        self.given: Envelope | None = None  # the last command, None where its id was there before

    def next(self) -> Envelope:
        if self.old and self.random.random() < 0.01:
            self.given = None
            return self.again()
        if self.ground.plays and not self.waiting and self.users > 2 and self.random.random() < SCENE_CHANCE:
            self.waiting = self.scene()
        user, command, pause_s = self.waiting.pop(0) if self.waiting else (*self.draw(), None)
        self.count += 1
        envelope = Envelope(id=self.count, at_ns=self.time_ns(pause_s), user=user, command=command)
        self.old = [*self.old[-20:], envelope]
        self.given = envelope
        return envelope

    def seen(self, outcome: Outcome) -> None:
        for order in outcome.orders:
            self.order_count = max(self.order_count, order.id)
            self.open_orders.pop(order.id, None)
            if order.is_open:
                self.open_orders[order.id] = order
        for transfer in outcome.transfers:
            known = self.deposits if transfer.direction == "deposit" else self.withdrawals
            known[transfer.id] = transfer.status
        if self.given is not None:
            self.users += isinstance(self.given.command, CreateUser) and isinstance(outcome.answer, Accepted)
            self.borrowers.seen(self.given, outcome)

    def again(self) -> Envelope:
        """An id that was there, with the same command or another, later or earlier."""
        old = self.random.choice(self.old)
        other = self.random.choice(self.old)
        return Envelope(id=old.id, at_ns=self.time_ns(), user=other.user, command=other.command)

    def scene(self) -> scenes.Play:
        kind = self.random.randrange(4 + len(margin_scenes.SCENES))
        if kind < 2:
            asset, scene = (("USD", scenes.dearer_after_expiry), ("BBB", scenes.cheaper_after_expiry))[kind]
            return scene(self.random, self.now_ns, self.users, lambda user: self.borrowers.free(user, "spot", asset))
        if kind == 2:
            return scenes.crossed_after_expiry(self.random, self.now_ns, self.users)
        if kind == 3:
            return scenes.chain_of_stops(self.random, self.users)
        return margin_scenes.SCENES[kind - 4](self.borrowers, self.now_ns, self.users)

    def time_ns(self, pause_s: int | None = None) -> int:
        if pause_s is not None:
            self.now_ns += pause_s * SECOND_NS
            return self.now_ns
        kind = self.random.random()
        if kind < 0.15:
            return self.now_ns
        if kind < 0.2:
            return self.now_ns - self.random.randrange(20) * SECOND_NS
        if kind < 0.203:
            self.now_ns += self.random.choice((1, 1, 2, 5, 12, 30)) * HOUR_NS
        if kind > 0.998:
            self.now_ns = (self.now_ns // HOUR_NS + 1) * HOUR_NS  # an hour's first moment
            return self.now_ns
        self.now_ns += self.random.randrange(1, 4) * SECOND_NS
        return self.now_ns

    def draw(self) -> tuple[int | None, Operator | Ordered]:
        if len(self.open_orders) > OPEN_MAX:
            return self.random.randrange(1, self.users + 1), CancelAll()
        if self.random.random() < 0.2:
            kind = self.random.choices(("move", "borrow", "repay", "close", "index"), weights=(60, 60, 35, 15, 30))[0]
            return self.borrowers.drawn(kind, self.users)
        kinds = (self.place, self.cancel, self.cancel_all, self.withdraw, self.step_out, self.deposit, self.step_in,
                 self.fund, self.tick, self.create)  # fmt: skip
        kind = self.random.choices(kinds, weights=(660, 40, 10, 60, 70, 30, 40, 50, 13, 4))[0]
        return kind()

    def user(self) -> int:
        if self.random.random() < 0.01:
            return self.random.choice((0, -1, self.users + 1, 999))
        return self.random.randrange(1, self.users + 1)

    # ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────

    def place(self) -> tuple[int, PlaceOrder]:
        debts = list(self.borrowers.debts())
        if debts and self.random.random() < 0.12:
            return self.for_a_debt(*self.random.choice(debts))
        instrument = self.random.choice(self.spots)
        order = self.order(instrument)
        if self.random.random() < 0.2:
            order = self.random.choice(SPOILS)(order, instrument)
        return self.user(), order

    def for_a_debt(self, user: int, wallet: str, asset: str) -> tuple[int, PlaceOrder]:
        """An order that brings what a wallet owes, and mostly repays by itself."""
        symbol = wallet.removeprefix(ISOLATED)
        fit = [one for one in self.spots if asset in (one.base, one.quote)]
        instrument = self.random.choice([one for one in fit if symbol in ("cross_margin", one.symbol)])
        effect = self.random.choice(("auto_repay", "auto_repay", "none"))
        order = self.order(instrument, side="buy" if asset == instrument.base else "sell")
        return user, msgspec.structs.replace(order, wallet=wallet, side_effect=effect)

    def order(self, instrument: VenueInstrument, side: str | None = None) -> PlaceOrder:
        random = self.random
        kind = random.choice(TYPES)
        rule = random.choice(TIMES_IN_FORCE)
        _, _, size = self.ground.levels[instrument.symbol]
        side = side or random.choice(("buy", "sell"))
        in_quote = kind == "market" and random.random() < 0.5
        stop = kind.startswith("stop")
        effects = ("none", "auto_repay", "auto_borrow") + ("auto_borrow",) * 2 * (kind == "market")
        wallets = ("spot", "cross_margin", f"{ISOLATED}{instrument.symbol}")
        return PlaceOrder(
            wallet=random.choices(wallets, weights=(65, 20, 15))[0],
            instrument=instrument.symbol,
            side=side,  # type: ignore[arg-type]
            type=kind,  # type: ignore[arg-type]
            time_in_force=rule,  # type: ignore[arg-type]
            amount=None if in_quote else lots(instrument, random.randrange(1, size)),
            quote_amount=self.budget(instrument) if in_quote else None,
            price=self.price(instrument, side) if kind in ("limit", "stop_limit") else None,
            stop_price=self.price(instrument) if stop else None,
            stop_operator=random.choice(("gte", "lte")) if stop else None,
            valid_till_ns=self.end(),
            expire_after_ns=self.end(),
            post_only=kind == "limit" and rule == "gtc" and random.random() < 0.15,
            side_effect=random.choice(effects),  # type: ignore[arg-type]
            client_id=random.choice(("", "1", "x")),
        )

    def price(self, instrument: VenueInstrument, side: str | None = None) -> Decimal:
        """Near the middle, of an order rather on its own side of it."""
        middle, around, _ = self.ground.levels[instrument.symbol]
        away = self.random.randrange(-around, around + 1)
        if side is not None and self.random.random() < 0.4:
            away = -abs(away) if side == "buy" else abs(away)
        return ticks(instrument, middle + away)

    def budget(self, instrument: VenueInstrument) -> Decimal:
        """Of a market order: mostly what an order of usual size costs, sometimes hardly anything."""
        _, _, size = self.ground.levels[instrument.symbol]
        digits = next(asset.digits for asset in self.profile.assets if asset.code == instrument.quote)
        cost = EXACT.multiply(lots(instrument, self.random.randrange(1, size)), self.price(instrument))
        units = max(1, int(EXACT.scaleb(cost, digits)))
        units = min(units, 10**18)
        if self.random.random() < 0.2:
            units = self.random.randrange(1, 4)
        return Decimal(units).scaleb(-digits)

    def end(self) -> int | None:
        kind = self.random.random()
        if kind < 0.87:
            return None
        if kind < 0.88:
            return self.now_ns - self.random.randrange(3) * SECOND_NS
        return self.now_ns + self.random.randrange(1, 100) * SECOND_NS

    def cancel(self) -> tuple[int, CancelOrders]:
        random = self.random
        ids = [random.choice((0, self.order_count + 1, random.randrange(1, self.order_count + 2)))]
        user = self.user()
        mine = [order.id for order in self.open_orders.values() if order.user == user]
        ids += random.sample(mine, min(len(mine), random.randrange(1, 5)))
        if random.random() < 0.2:
            ids += ids[-2:]
        if random.random() < 0.2:
            ids += list(self.open_orders)[:2]
        return user, CancelOrders(order_ids=tuple(ids))

    def cancel_all(self) -> tuple[int, CancelAll]:
        symbols = [instrument.symbol for instrument in self.profile.instruments]
        return self.user(), CancelAll(instrument=self.random.choice((None, "AAA/CCC", *symbols)))

    # ── money ────────────────────────────────────────────────────────────────────────────────────────────────────

    def withdraw(self) -> tuple[int, RequestWithdrawal]:
        random = self.random
        method = random.choices((11, 12, 13, 99), weights=(20, 20, 3, 2))[0]
        attributes: dict[str, str] = dict(GOOD_ATTRIBUTES.get(method, {}))
        if random.random() < 0.15:
            attributes["address"] = random.choice(("", "a1234", "xa123", "b123"))
        if random.random() < 0.1:
            attributes.popitem() if attributes else None
        amount = Decimal(random.randrange(1, 12)) / 2
        if random.random() < 0.3:
            amount = Decimal(random.choice(("0", "-1", "0.000000001", "1e31", "0.1", "1e29", "30", "200", "1.23")))
        return self.user(), RequestWithdrawal(
            method=method, amount=amount, attributes=attributes, client_id=random.choice(("", "7"))
        )

    def step_out(self) -> tuple[None, AdvanceWithdrawal]:
        random = self.random
        moving = [one for one, status in self.withdrawals.items() if status in NEXT]
        if moving and random.random() < 0.8:
            one = random.choice(moving)
            return None, AdvanceWithdrawal(withdrawal=one, status=random.choice(NEXT[self.withdrawals[one]]))
        one = random.choice((0, random.randrange(0, len(self.withdrawals) + 2), len(self.withdrawals) + 1))
        return None, AdvanceWithdrawal(withdrawal=one, status=random.choice(WITHDRAWAL_STATUSES))

    def step_in(self) -> tuple[None, AdvanceDeposit]:
        random = self.random
        moving = [one for one, status in self.deposits.items() if status in ("pending", "moderation")]
        one = random.choice((0, random.randrange(0, len(self.deposits) + 2), len(self.deposits) + 1))
        if moving and random.random() < 0.8:
            one = random.choice(moving)
        return None, AdvanceDeposit(deposit=one, status=random.choice(DEPOSIT_STATUSES))

    def deposit(self) -> tuple[None, Deposit]:
        asset, amount = self.riches()
        return None, Deposit(user=self.user(), asset=asset, amount=amount, tx_hash=f"0x{self.count:x}")

    def fund(self) -> tuple[None, Fund]:
        asset, amount = self.riches()
        wallet = self.random.choices(("spot", "funding", "cross_margin"), weights=(10, 2, 1))[0]
        return None, Fund(user=self.user(), wallet=wallet, asset=asset, amount=amount)

    def riches(self) -> tuple[str, Decimal]:
        asset = self.random.choice(list(self.ground.riches))
        amount = self.ground.riches[asset] / self.random.choice((4, 8, 16))
        if self.random.random() < 0.05:
            asset = "NONE"
        if self.random.random() < 0.08:
            amount = self.random.choice((Decimal(0), Decimal(-1), Decimal("0.123456789"), Decimal(10) ** 31))
        return asset, amount

    def tick(self) -> tuple[None, Tick]:
        return None, Tick()

    def create(self) -> tuple[None, CreateUser]:
        """Where there are enough, one whose parent is none."""
        parents = (0, -1, self.users + 1, SUB_ACCOUNT) if self.users >= USERS_MAX else (None, None, 1, SUB_ACCOUNT)
        return None, CreateUser(name="late", email="late@example.org", parent=self.random.choice(parents))


def opening(ground: Ground) -> scenes.Play:
    """Users of all rates, most with some of everything, the last one a sub-account of the first."""
    rates = ((None, None), (0, 0), (300_000, 1_000_000), (1, 1), (1_000, 50_000))
    play: scenes.Play = [
        (None, CreateUser(name=f"u{n}", email=f"u{n}@example.org", maker_ppm=maker, taker_ppm=taker), 1)
        for n, (maker, taker) in enumerate(rates)
    ]
    play.append((None, CreateUser(name="sub", email="", parent=1), 1))
    for user in (1, 2, 3, 4, SUB_ACCOUNT):
        for asset, amount in ground.riches.items():
            play.append((None, Fund(user=user, wallet="spot", asset=asset, amount=amount), 1))
            moved = MoveMargin(account=user, wallet="cross_margin", direction="add", asset=asset, amount=amount / 4)
            play.append((user, moved, 1))
    return play
