"""Shows that an account without a feed is told of as if it had one (``docs/live.md`` 19): states and histories every
five seconds, gaps where no answer came."""

from __future__ import annotations

from link.toy import Scene
from nostro import limits
from nostro.domain.values import SECOND_NS
from nostro.errors import Failing, Unauthorized
from nostro.link.events import GapClosed, GapOpened, Update
from virtual_time import run


def test_states_and_histories_are_asked_for_every_five_seconds() -> None:
    async def life() -> None:
        async with Scene(None) as scene:
            await scene.live_on(600)
            await scene.pass_s(30)
            assert scene.keeper.names() == ["GapOpened", "Stale", "GapClosed", "Resumed"]
            assert not scene.server.opened
            assert not scene.keeper.pages
            assert 600 / limits.POLL_S - 5 <= len(scene.keeper.probed) <= 640 / limits.POLL_S
            updates = scene.keeper.of(Update)
            assert {each.via for each in updates} == {"rest"}
            assert {each.stream for each in updates} == {"balances", "positions", "orders", "fills"}
            assert not scene.differences()

    run(life())


def test_where_no_answer_comes_a_gap_is_open_until_the_histories_are_read() -> None:
    async def life() -> None:
        async with Scene(None) as scene:
            await scene.live_on(60)
            asked_ns = scene.keeper.probed[-1]
            scene.keeper.fails = Failing("maintenance")
            await scene.live_on(100)
            gap = scene.keeper.of(GapOpened)[-1]
            assert (gap.why, scene.live.state.stale_since_ns) == ("maintenance", gap.since_ns)
            assert abs(gap.since_ns - asked_ns) < SECOND_NS, "it was known to be so when it was asked"
            scene.keeper.fails = None
            await scene.live_on(120)
            await scene.pass_s(30)
            closed = scene.keeper.of(GapClosed)[-1]
            assert closed.since_ns == gap.since_ns
            assert set(closed.unknown) == {"balances", "positions"}
            assert not scene.differences()

    run(life())


def test_a_refused_key_ends_it() -> None:
    async def life() -> None:
        async with Scene(None) as scene:
            await scene.pass_s(20)
            scene.keeper.fails = Unauthorized("the key is wrong")
            await scene.pass_s(20)
            assert scene.keeper.names()[-1] == "Ended"

    run(life())
