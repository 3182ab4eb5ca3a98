"""The random life of a venue with contracts, each command carried out by the naive engine too: what the simulated venue
answers is what the rules say (E15)."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from naive.commands import Envelope, Operator, Ordered, SetIndex, Tick
from naive.contract_grounds import ContractGround
from naive.contract_workload import ContractWorkload
from naive.engine import NaiveEngine
from nostro.link.commands import Rejected

MONEY_CHANCE = 0.06  # of a deposit or withdrawal that begins or goes on


class ContractLife(ContractWorkload):
    def __init__(self, random: Random, ground: ContractGround) -> None:
        self.engine = NaiveEngine(ground.profile)
        super().__init__(random, ground, self.engine)
        self._last: Envelope | None = None

    def draw(self) -> tuple[int | None, Operator | Ordered]:
        if self.random.random() < MONEY_CHANCE:
            kinds = (self.deposit, self.step_in, self.step_in, self.withdraw, self.step_out, self.step_out)
            return self.random.choice(kinds)()
        user, command = super().draw()
        if isinstance(command, SetIndex) and command.asset == self.profile.quote_asset:
            return None, Tick()  # what prices are said in is worth one of itself
        return user, command

    def next(self) -> Envelope:
        self._last = super().next()
        return self._last

    def let_pass(self) -> Envelope:
        self.count += 1
        self._last = self.given = Envelope(id=self.count, at_ns=self.now_ns, user=None, command=Tick())
        return self._last

    def seen(self, outcome: Any, *, at_ns: int) -> None:
        assert self._last is not None
        expected = self.engine.apply(msgspec.structs.replace(self._last, at_ns=at_ns))
        found, wanted = (
            each.answer.reason if isinstance(each.answer, Rejected) else each.answer for each in (outcome, expected)
        )
        assert found == wanted, f"E15: the venue answers {found} to {self._last}, the rules {wanted}"
        super().seen(expected)
