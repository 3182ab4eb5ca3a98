"""Shows that silence is never taken for quiet (``docs/live.md`` 14 to 16): a link that is half open, a subscription
that says nothing, a server that hangs are noticed in time, and nothing is noticed where nothing is wrong; an answer
does not undo a frame that overtook it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

import msgspec
import pytest

from link.feed_faults import Silence, silences
from link.toy import Scene
from link.toy_wire import feed
from nostro import limits
from nostro.domain.fact import Balance, Fact
from nostro.domain.records import Position
from nostro.domain.values import SECOND_NS
from nostro.errors import Failing
from nostro.link.events import GapOpened, Resumed, Stale
from virtual_time import run


@pytest.mark.parametrize("how", ["half_open", "silent", "frozen"])
def test_silence_of_every_kind_is_noticed_in_time_and_mended(how: Silence) -> None:
    found = silences(how, 6)
    assert (found.count, found.differences) == (6, 0), found.shown


def test_where_nothing_happens_nothing_is_noticed() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.pass_s(6 * 3600)
            assert scene.keeper.names() == ["GapOpened", "Stale", "GapClosed", "Resumed"]
            assert len(scene.keeper.probed) >= 6 * 60 - 1
            assert scene.server.pings == [limits.FEED_PING_S]

    run(life())


def test_a_busy_account_never_disagrees_with_itself() -> None:
    async def life() -> None:
        scene = Scene(feed())
        scene.server.latency_s = 2.0  # frames overtake answers all the time
        async with scene:
            await scene.live_on(2000, pause_s=0.3)
            await scene.pass_s(30)
            assert scene.keeper.names() == ["GapOpened", "Stale", "GapClosed", "Resumed"]
            assert not scene.differences()

    run(life())


def test_thirty_seconds_without_any_sign_of_life_are_the_end() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.live_on(45)
            line = scene.server.line
            line.silent = True
            silent_ns = scene.clock.now_ns()
            await scene.pass_s(29)
            assert not line.closed
            await scene.pass_s(2)
            assert line.closed
            gap = scene.keeper.of(GapOpened)[-1]
            assert gap.why == "nothing was heard for 30 s"
            assert gap.since_ns <= silent_ns

    run(life())


@pytest.mark.parametrize("topic", ["balances", "positions", "orders", "fills"])
def test_one_silent_subscription_among_others_is_noticed(topic: str) -> None:
    async def life() -> None:
        scene = Scene(feed())
        async with scene:
            await scene.live_on(100)
            line = scene.server.line
            scene.server.tampers = lambda at, text: [] if at is line and f'"{kind}"' in text else [text]
            kind = {"balances": "balance", "positions": "position", "orders": "order", "fills": "fill"}[topic]
            for _ in range(180):
                await scene.live_on(1)
                if line.closed:
                    break
            assert line.closed
            await scene.pass_s(200)
            assert not scene.differences()

    run(life())


def test_a_mark_that_moves_in_answers_alone_is_no_disagreement() -> None:
    def moved(found: dict[str, list[Fact]]) -> Mapping[str, Sequence[Fact]]:
        moves = [
            msgspec.structs.replace(each, mark_price=each.mark_price + 1) if isinstance(each, Position) else each
            for each in found["positions"]
        ]
        return found | {"positions": moves}

    async def life() -> None:
        scene = Scene(feed())
        scene.keeper.shows = moved
        scene.truth.hold(scene.chance)
        async with scene:
            await scene.pass_s(1000)
            assert len(scene.server.lines) == 1
            assert scene.live.state.of("positions")

    run(life())


def test_an_answer_that_differs_once_is_asked_again_and_nothing_is_told() -> None:
    wrong: list[bool] = []

    def odd(found: dict[str, list[Fact]]) -> Mapping[str, Sequence[Fact]]:
        if len(scene.keeper.probed) % 2 == 0:
            return found
        wrong.append(True)
        balances = [
            msgspec.structs.replace(each, total=each.total + 1) if isinstance(each, Balance) and each.total else each
            for each in found["balances"]
        ]
        return found | {"balances": balances}

    async def life() -> None:
        async with scene:
            await scene.pass_s(20)
            scene.keeper.shows = odd
            await scene.pass_s(1000)
            assert len(scene.server.lines) == 1
            assert len(wrong) > 5
            assert not scene.differences(), "what the feed told is shown until an answer says it twice"

    async def begin() -> None:
        nonlocal scene
        scene = Scene(feed())
        await life()

    scene: Scene
    run(begin())


def test_probes_without_an_answer_make_it_stale_and_one_with_an_answer_fresh() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.live_on(100)
            scene.keeper.fails = Failing("maintenance")
            await scene.live_on(200)
            stale = scene.keeper.of(Stale)[-1]
            assert "maintenance" in stale.why
            assert len(scene.server.lines) == 1, "the link is not to blame"
            assert stale.at_ns - stale.since_ns <= 4 * limits.PROBE_S * SECOND_NS
            scene.keeper.fails = None
            await scene.live_on(100)
            assert isinstance(scene.keeper.of(Stale, Resumed)[-1], Resumed)
            assert not scene.differences()

    run(life())


def test_probes_that_fail_now_and_then_make_nothing_stale() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.pass_s(30)
            asked = count()

            def every_other(found: dict[str, list[Fact]]) -> Mapping[str, Sequence[Fact]]:
                if next(asked) % 2:
                    raise Failing("maintenance")
                return found

            scene.keeper.shows = every_other
            await scene.pass_s(20 * limits.PROBE_S)
            assert next(asked) > 15
            assert scene.keeper.names() == ["GapOpened", "Stale", "GapClosed", "Resumed"]

    run(life())


def test_what_one_silent_topic_hid_is_missing_since_they_agreed_though_others_were_heard() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.live_on(100)
            line = scene.server.line
            scene.server.tampers = lambda at, text: [] if at is line and '"balance"' in text else [text]
            await scene.live_on(150)
            gap = scene.keeper.of(GapOpened)[-1]
            assert "disagree" in gap.why
            assert gap.at_ns - gap.since_ns >= 20 * SECOND_NS

    run(life())


def test_a_gap_after_a_disagreement_begins_where_they_agreed_last() -> None:
    async def life() -> None:
        scene = Scene(feed())
        async with scene:
            await scene.live_on(100)
            line = scene.server.line
            agreed_ns = scene.keeper.probed[-1]
            scene.server.tampers = lambda at, text: [] if at is line else [text]
            await scene.live_on(90)
            gap = scene.keeper.of(GapOpened)[-1]
            assert "disagree" in gap.why
            assert agreed_ns - SECOND_NS <= gap.since_ns <= scene.clock.now_ns() - 20 * SECOND_NS

    run(life())


def test_ages_are_those_of_the_last_word() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            assert scene.live.state.age_s("balances", scene.clock.now_ns()) is None
            await scene.pass_s(1000)
            age_s = scene.live.state.age_s("balances", scene.clock.now_ns())
            assert age_s is not None
            assert age_s <= limits.PROBE_S + limits.RECHECK_S + 11
            scene.keeper.fails = Failing("maintenance")
            await scene.pass_s(600)
            later_s = scene.live.state.age_s("balances", scene.clock.now_ns())
            assert later_s is not None
            assert later_s >= 600, "a sign of life says nothing of numbers"

    run(life())
