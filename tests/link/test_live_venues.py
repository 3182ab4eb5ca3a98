"""Shows that real venues, heard by real wires in virtual time, are followed without one false alarm:
whatever else an answer shows (other sub-accounts, wallets that no frame tells) is no disagreement; and that after cuts
the present is what the exchange answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nostro.domain.marks import differences
from nostro.domain.subjects import subject
from nostro.link.events import AnyEvent, GapClosed, GapOpened, Unreadable, Update
from nostro.link.live_state import OPEN_ORDERS
from nostro.link.watching import Watched
from nostro.paper.faults import FaultPlan
from simulation.contract_plays import PLAYS
from simulation.live_world import Place
from virtual_time import START_NS, Clock, run

STATES = ("balances", "positions", "margin", "loans")


@pytest.mark.parametrize(("wire", "cuts"), [("alp", 3), ("kraken_futures", 0), ("grvt", 3)])
def test_a_venue_is_followed_without_a_false_alarm(tmp_path: Path, wire: str, cuts: int) -> None:
    async def life() -> list[AnyEvent]:
        place = Place(0, PLAYS[wire], tmp_path, clock=Clock(START_NS), seed=4, plan=FaultPlan())
        assert place.network is not None
        watched = Watched(place.source(min(place.play.collected)), open_connection=place.network.open)
        told: list[AnyEvent] = []

        async def hear() -> None:
            async for event in watched:
                told.append(event)  # noqa: PERF401 - it is canceled, and what came before is kept

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in (place.live(pause_s=1), place.beat(), hear())]
            for _ in range(cuts + 1):
                await asyncio.sleep(600 / (cuts + 1))
                place.network.cut() if cuts else None
            tasks[0].cancel()
            await asyncio.sleep(200)
            same_as_answered(watched, await watched.probe())
            for task in tasks:
                task.cancel()
        await watched.aclose()
        place.close()
        return told

    told = run(life())
    gaps = [event.why for event in told if isinstance(event, GapOpened)]
    assert len(gaps) == 1 + (cuts + 1 if cuts else 0), gaps
    assert not [event for event in told if isinstance(event, Unreadable)]
    assert len([event for event in told if isinstance(event, GapClosed)]) == len(gaps)
    updates = [event for event in told if isinstance(event, Update)]
    assert {event.via for event in updates} == {"feed", "rest"}
    assert len(updates) > 50
    rows = [event.fact.native_id for event in updates if event.stream in ("fills", "entries") and event.fact.native_id]
    assert len(rows) == len(set(rows)), "a row is told once"


def same_as_answered(watched: Watched, answers: dict[str, object]) -> None:
    """The present is what the exchange answers, as far as both know."""
    for state in STATES:
        known = {subject(fact): fact for fact in watched.state.of(state)}
        for fact in answers.get(state, ()):  # type: ignore[attr-defined]
            assert not differences(fact, known[subject(fact)])
    listed = {order.native_id for order in answers[OPEN_ORDERS]}  # type: ignore[attr-defined]
    assert set(watched.state.orders) == listed
    assert watched.state.stale_since_ns is None
