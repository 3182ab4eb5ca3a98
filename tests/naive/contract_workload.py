"""The workload of a venue with contracts: what ``traders.py`` draws, now and then a command of spot, and more hours
that pass. It decides no outcome."""

from __future__ import annotations

from decimal import localcontext
from random import Random
from typing import Final

import msgspec

from naive import contract_scenes, scenes
from naive.commands import CreateUser, Envelope, Fund, Operator, Ordered, Tick
from naive.contract_grounds import ContractGround
from naive.engine import NaiveEngine
from naive.state import EXACT
from naive.traders import KINDS, Traders
from naive.workload import HOUR_NS, SUB_ACCOUNT, Workload
from nostro.link.commands import CancelAll, PlaceOrder

SPOT_CHANCE: Final = 0.05
HOURS_CHANCE: Final = 0.006
SCENE_CHANCE: Final = 0.02
OPEN_MAX: Final = 70


class ContractWorkload(Workload):
    def __init__(self, random: Random, ground: ContractGround, engine: NaiveEngine) -> None:
        super().__init__(random, ground)
        self.traders = Traders(random, ground, engine)
        self.waiting = opening(ground)

    def next(self) -> Envelope:
        """A command of a play that can only be aimed when it is its turn, is a function."""
        with localcontext(EXACT):
            if self.waiting and callable(self.waiting[0][1]):
                user, draw, pause_s = self.waiting[0]
                self.traders.now_ns = self.now_ns
                self.waiting[0] = (user, draw(), pause_s)
            return super().next()

    def draw(self) -> tuple[int | None, Operator | Ordered]:
        random = self.random
        self.traders.now_ns = self.now_ns
        if len(self.open_orders) > OPEN_MAX:
            return random.randrange(1, self.users + 1), CancelAll()
        if random.random() < SCENE_CHANCE:
            self.waiting = random.choice(contract_scenes.SCENES)(self.traders)
            return None, Tick()
        if self.ground.levels and random.random() < SPOT_CHANCE:
            user, command = super().draw()
            if isinstance(command, PlaceOrder) and random.random() < 0.05:
                command = msgspec.structs.replace(command, position_side=random.choice(("long", "short")))
            elif isinstance(command, PlaceOrder):  # they mean nothing here
                trigger = random.choice(("last", "mark", "index"))
                command = msgspec.structs.replace(command, reduce_only=random.random() < 0.5, trigger=trigger)
            return user, command
        if random.random() < 0.01:
            return None, Tick()
        names, weights = zip(*KINDS, strict=True)
        kind = random.choices(names, weights=weights)[0]
        user, command = getattr(self.traders, kind)()
        return user, command

    def time_ns(self, pause_s: int | None = None) -> int:
        if pause_s is None and self.random.random() < HOURS_CHANCE:
            self.now_ns += self.random.choice((1, 1, 1, 2, 9, 25)) * HOUR_NS
            if self.random.random() < 0.5:
                self.now_ns = self.now_ns // HOUR_NS * HOUR_NS
            return self.now_ns
        return super().time_ns(pause_s)


def opening(ground: ContractGround) -> scenes.Play:
    """Users of all rates, every other one in portfolio mode, all with collateral, the last one a sub-account of the
    first."""
    rates = ((None, None), (0, 0), (5_000, 10_000), (1, 1), (100, 50_000))
    play: scenes.Play = [
        (None, CreateUser(
            name=f"u{n}", email=f"u{n}@example.org", maker_ppm=maker, taker_ppm=taker, portfolio=n % 2 == 1
        ), 1)
        for n, (maker, taker) in enumerate(rates)
    ]  # fmt: skip
    play.append((None, CreateUser(name="sub", email="", parent=1), 1))
    for user in range(1, SUB_ACCOUNT + 1):
        for asset, amount in ground.riches.items():
            play.append((None, Fund(user=user, wallet="spot", asset=asset, amount=amount), 1))
        for wallet, asset, amount in ground.backing:
            play.append((None, Fund(user=user, wallet=wallet, asset=asset, amount=amount * 2), 1))
    return play
