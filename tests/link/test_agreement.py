"""Shows when an answer and the feed disagree (``docs/live.md`` 14): where two answers say the same of one state against
it, with no frame of it in between, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import pytest

from link.toy import Clock
from nostro.domain.fact import Balance, Fact
from nostro.link.agreement import Agreement, Disagreement
from nostro.link.live_state import LiveState
from nostro.link.segment import Reading
from virtual_time import run


def balance(asset: str, total: int) -> Balance:
    return Balance(wallet="spot", asset=asset, total=Decimal(total))


def frame(state: LiveState, *facts: Fact) -> None:
    state.hear(Reading("balances", facts, whole=False), 1, numbered=True)


def held_against(*answers: Sequence[Fact], meanwhile: Callable[[LiveState], None] = lambda _: None) -> LiveState:
    """The feed says A 1, B 1; these are the answers, one after the other, and ``meanwhile`` happens between them."""
    state, left = LiveState("mine", frozenset({"balances"})), list(answers)

    async def probe() -> Mapping[str, Sequence[Fact]]:
        return {"balances": left.pop(0)}

    async def drain() -> None:
        return None

    async def life() -> None:
        clock = Clock()
        frame(state, balance("A", 1), balance("B", 1))
        agreement = Agreement(state, probe=probe, tell=lambda *_: None, clock=clock, is_told=lambda _: True)
        asyncio.get_running_loop().call_later(0.1, meanwhile, state)
        await agreement.verify(drain)
        assert agreement.agreed_ns is not None

    run(life())
    assert not left, "each was asked for"
    return state


def test_the_same_difference_twice_is_a_disagreement() -> None:
    with pytest.raises(Disagreement, match="balances spot A"):
        held_against([balance("A", 2), balance("B", 1)], [balance("A", 2), balance("B", 1)])


def test_two_different_differences_are_none() -> None:
    held_against([balance("A", 2), balance("B", 1)], [balance("A", 1), balance("B", 2)])


def test_a_frame_of_the_state_between_the_answers_is_none() -> None:
    late = [balance("A", 2), balance("B", 1)]
    held_against(late, late, meanwhile=lambda state: frame(state, balance("A", 3)))
    with pytest.raises(Disagreement):
        held_against(late, late, meanwhile=lambda state: frame(state, balance("B", 3)))
