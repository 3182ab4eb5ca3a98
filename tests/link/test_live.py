"""Shows that an account that is followed begins, ends and begins again in the order of ``docs/live.md`` 10 to 13, tells
each thing once, takes the next token before the present one ends, and gives up a refused key alone: on a toy exchange,
in virtual time."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from link.toy import Line, Scene, plainly
from link.toy_wire import feed, prove
from nostro.domain.values import SECOND_NS
from nostro.errors import BadValue, Failing, Fenced, Unauthorized
from nostro.link.events import Ended, GapClosed, GapOpened, Resumed, Stale, Stored, Update
from nostro.link.live import _Pauses
from virtual_time import START_NS, run

CONNECTION = ["GapOpened", "Stale", "GapClosed", "Resumed"]


def after_s(at_ns: int) -> float:
    return (at_ns - START_NS) / SECOND_NS


# ── beginning ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_begins_with_signing_in_subscribing_the_states_the_histories_and_then_the_gap_is_closed() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.pass_s(20)
            keeper, line = scene.keeper, scene.server.line
            assert [json.loads(each)[0] for each in line.sent] == ["auth", "subscribe"]
            assert line.topics == {"balances", "positions", "orders", "fills"}
            assert keeper.names() == CONNECTION
            opened, closed = keeper.of(GapOpened)[0], keeper.of(GapClosed)[0]
            assert (opened.since_ns, closed.since_ns, closed.unknown) == (START_NS, START_NS, ())
            assert keeper.probed[0] < closed.at_ns
            assert keeper.filled[0] == (START_NS, closed.until_ns), "the histories are proven through the connection"
            assert closed.until_ns + 10 * SECOND_NS <= closed.at_ns, "what is younger than ten seconds may be missing"
            first = keeper.of(Update, GapClosed)
            assert {each.fact.kind for each in first[: first.index(closed)]} == {"balance"}
            assert scene.live.state.stale_since_ns is None
            assert not scene.differences()

    run(life())


def test_a_new_account_and_one_that_was_left_say_since_when_nobody_told() -> None:
    async def life() -> None:
        heard_ns = START_NS - 3600 * SECOND_NS
        async with Scene(feed(), heard_ns=heard_ns) as scene:
            await scene.pass_s(20)
            opened, closed = scene.keeper.of(GapOpened)[0], scene.keeper.of(GapClosed)[0]
            assert (opened.since_ns, opened.why) == (heard_ns, "nobody listened")
            assert (closed.since_ns, closed.unknown) == (heard_ns, ("balances", "positions"))
            assert scene.keeper.filled[0][0] == heard_ns

    run(life())


def test_what_snapshots_tell_of_before_is_no_news() -> None:
    def answers(line: Line, text: str) -> Sequence[str]:
        old = ["fill", "old", "o0", "1", START_NS - 60 * SECOND_NS]
        return [*plainly(line, text), line.news("fills", [old])] if "subscribe" in text else []

    async def life() -> None:
        scene = Scene(feed())
        scene.server.answers = answers
        async with scene:
            await scene.live_on(60)
            told = {each.fact.native_id for each in scene.keeper.rows("fills")}
            assert len(told) > 5
            assert "old" not in told

    run(life())


def test_a_challenge_is_answered_before_anything_is_subscribed() -> None:
    def answers(line: Line, text: str) -> Sequence[str]:
        if json.loads(text)[0] == "auth":
            return ['["challenge", "abc"]']
        assert json.loads(text)[-1] == {"proof": "cba"}
        return plainly(line, text)

    async def life() -> None:
        scene = Scene(feed(prove=prove))
        scene.server.answers = answers
        async with scene:
            await scene.pass_s(20)
            assert scene.keeper.names() == CONNECTION

    run(life())


@pytest.mark.parametrize(
    ("silent", "why"),
    [("auth", "the sign-in was not answered within 10 s"), ("subscribe", "was not answered within 10 s")],
)
def test_a_challenge_or_an_acknowledgement_that_never_comes_ends_the_connection(silent: str, why: str) -> None:
    async def life() -> None:
        scene = Scene(feed(prove=prove))
        scene.server.answers = lambda line, text: [] if silent in text else ['["challenge", "abc"]']
        async with scene:
            await scene.pass_s(11)
            assert why in scene.keeper.of(Stale)[-1].why
            assert scene.keeper.names() == ["GapOpened", "Stale", "Stale"], "the gap stays open, and is opened once"
            assert scene.server.lines[0].closed
            scene.server.answers = lambda line, text: (
                ['["challenge", "abc"]'] if "auth" in text else plainly(line, text)
            )
            await scene.pass_s(40)
            assert scene.keeper.names()[-2:] == ["GapClosed", "Resumed"]

    run(life())


def test_a_refused_subscription_is_told_and_tried_again() -> None:
    def answers(line: Line, text: str) -> Sequence[str]:
        return ['["refused", "subscribe", "there is no such feed"]'] if "subscribe" in text else []

    async def life() -> None:
        scene = Scene(feed())
        scene.server.answers = answers
        async with scene:
            await scene.pass_s(30)
            assert scene.keeper.of(Stale)[-1].why == "the feed refused a subscription: there is no such feed"
            assert len(scene.server.lines) >= 3
            scene.server.answers = plainly
            await scene.pass_s(60)
            assert scene.keeper.names()[-2:] == ["GapClosed", "Resumed"]

    run(life())


# ── ending, and beginning again ──────────────────────────────────────────────────────────────────────────────────


def test_an_end_opens_a_gap_at_the_last_frame_and_the_histories_close_it() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.live_on(40)
            last_ns = scene.live.state.heard_ns
            await scene.pass_s(3)
            scene.server.line.cut("the link broke")
            await scene.pass_s(0.3)
            assert scene.live.state.stale_since_ns == last_ns, "it is stale at once"
            for _ in range(30):  # while nobody tells
                scene.truth.fill(scene.chance)
            before = len(scene.keeper.of(Update))
            await scene.pass_s(30)
            assert scene.keeper.names() == CONNECTION * 2
            opened, closed = scene.keeper.of(GapOpened)[1], scene.keeper.of(GapClosed)[1]
            assert (opened.since_ns, opened.why) == (last_ns, "the link broke")
            assert (closed.since_ns, closed.unknown) == (last_ns, ("balances", "positions"))
            assert closed.rows >= 30
            filled = scene.keeper.of(Update)[before:]
            assert {each.via for each in filled if each.stream == "fills"} == {"rest"}
            assert all(each.at_ns <= closed.at_ns for each in filled), "rows of the gap come before its end"
            assert not scene.differences()

    run(life())


@pytest.mark.parametrize("topic", ["balances", "positions"])
def test_a_number_that_is_not_the_next_ends_the_connection_and_its_frame_is_kept(topic: str) -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.live_on(30)
            line = scene.server.line
            line.numbers[topic] += 1
            scene.truth._balance("BTC", 7, 0) if topic == "balances" else scene.truth.mark(random.Random(1))
            await scene.pass_s(0.5)
            assert line.closed
            said = scene.keeper.of(GapOpened)[-1].why
            assert said.startswith("a frame is missing")
            assert topic in said
            frame = f'"{topic}", {line.numbers[topic]}, false'.encode()
            assert any(frame in page.body for page in scene.keeper.pages)
            await scene.pass_s(30)
            assert len(scene.server.lines) == 2
            assert not scene.differences()

    run(life())


def test_a_repeated_frame_ends_nothing_and_tells_nothing() -> None:
    async def life() -> None:
        scene = Scene(feed())
        scene.server.tampers = lambda line, text: [text, text]
        async with scene:
            await scene.live_on(100)
            await scene.pass_s(1)
            assert len(scene.server.lines) == 1
            told = [(each.stream, each.fact) for each in scene.keeper.of(Update)]
            assert all(one != other for one, other in pairwise(told))
            assert not scene.differences()

    run(life())


def test_a_series_that_begins_anew_with_all_that_there_is_is_no_gap_and_without_it_is_one() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.live_on(30)
            line = scene.server.line
            line.put(line.news("balances", scene.truth.rows("balances"), begins=True))
            await scene.live_on(30)
            assert len(scene.server.lines) == 1
            line.numbers["balances"] = -1
            scene.truth.move(scene.chance)
            await scene.live_on(30)
            assert len(scene.server.lines) == 2
            assert not scene.differences()

    run(life())


def test_pauses_double_up_to_a_minute_with_jitter_and_begin_anew() -> None:
    pauses = _Pauses(random.Random(1))
    paused = [pauses.next_s() for _ in range(12)]
    for pause_s, least_s in zip(paused, (0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30), strict=True):
        assert least_s <= pause_s <= 2 * least_s
    assert len(set(paused)) == 12
    pauses.begin()
    assert pauses.next_s() <= 0.5

    async def life() -> None:
        scene = Scene(feed())
        scene.server.opens = False
        async with scene:
            await scene.pass_s(600)
            assert 12 <= len(scene.server.opened) <= 25, "no more than one attempt a minute in the end"
            scene.server.opens = True
            await scene.pass_s(180)
            assert scene.keeper.names()[-1] == "Resumed"
            opened = len(scene.server.opened)
            scene.server.line.cut()
            await scene.pass_s(2)
            assert len(scene.server.opened) == opened + 1, "it lived for a minute"

    run(life())


# ── keys and tokens ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_that_is_refused_twice_ends_the_account() -> None:
    async def life() -> None:
        scene = Scene(feed())
        scene.source.refuses = Unauthorized("the key is wrong")
        async with scene:
            await scene.pass_s(60)
            assert scene.task is not None
            assert scene.task.done()
            assert [each.why for each in scene.keeper.of(Ended)] == ["the key is wrong"]
            assert scene.keeper.names()[-1] == "Ended"
            assert scene.live.state.ended == "the key is wrong"
            assert scene.source.refused == 2

    run(life())


def test_a_sign_in_that_the_feed_refuses_gets_another_token_first() -> None:
    async def life(refusals: int) -> list[str]:
        scene = Scene(feed())
        scene.source.life_s = 3600

        def answers(line: Line, text: str) -> Sequence[str]:
            if "auth" in text and len(scene.server.lines) <= refusals:
                return ['["refused", "sign_in", "unknown token"]']
            return plainly(line, text)

        scene.server.answers = answers
        async with scene:
            await scene.pass_s(60)
            assert len(set(scene.source.signed)) == len(scene.source.signed) == refusals + (refusals < 2)
            return scene.keeper.names()

    assert run(life(1))[-2:] == ["GapClosed", "Resumed"]
    assert run(life(2))[-1] == "Ended"


def test_what_was_typed_wrongly_ends_the_account_at_once() -> None:
    async def life() -> None:
        scene = Scene(feed())
        scene.source.refuses = BadValue("the secret is no base64")
        async with scene:
            await scene.pass_s(5)
            assert [each.why for each in scene.keeper.of(Ended)] == ["the secret is no base64"]

    run(life())


def test_a_book_that_refuses_is_nobody_elses_business() -> None:
    async def life() -> None:
        scene = Scene(feed())

        async def fenced(_: object) -> int:
            raise Fenced("another process took the lease")

        scene.keeper.keep = fenced  # type: ignore[method-assign]
        with pytest.raises(Fenced):
            async with scene:
                await scene.pass_s(30)

    run(life())


def test_the_next_token_is_taken_before_the_present_one_ends_on_the_same_connection() -> None:
    async def life() -> None:
        scene = Scene(feed())
        scene.source.life_s = 600
        async with scene:
            await scene.live_on(2000)
            assert len(scene.server.lines) == 1
            auths = [json.loads(each)[1] for each in scene.server.line.sent if "auth" in each]
            assert auths == scene.source.signed
            assert len(auths) == 4
            assert scene.keeper.names() == CONNECTION
            assert not scene.differences()

    run(life())


def test_where_headers_sign_in_the_connection_is_made_anew_with_the_next_token() -> None:
    async def life() -> None:
        scene = Scene(feed(sign_in=lambda signing: ""))
        scene.source.life_s = 600
        async with scene:
            await scene.live_on(700)
            assert [each["Session"] for each in scene.server.opened] == scene.source.signed
            assert len(scene.server.lines) == 2
            assert "session ends" in scene.keeper.of(GapOpened)[1].why
            assert after_s(scene.keeper.of(GapOpened)[1].at_ns) < 600, "before it ended"
            assert not scene.differences()

    run(life())


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_while_histories_cannot_be_read_the_gap_stays_open_and_frames_are_told_all_the_same() -> None:
    async def life() -> None:
        scene = Scene(feed())
        async with scene:
            await scene.live_on(20)
            scene.keeper.fails = Failing("maintenance")
            scene.server.line.cut()
            before = len(scene.keeper.of(Update))
            await scene.live_on(100)
            assert scene.keeper.names().count("GapClosed") == 1
            assert (scene.live.state.why, len(scene.server.lines)) == ("maintenance", 2)
            assert len(scene.keeper.of(Update)) > before + 30
            scene.keeper.fails = None
            await scene.pass_s(90)
            assert scene.keeper.names()[-2:] == ["GapClosed", "Resumed"]
            assert not scene.differences()

    run(life())


@pytest.mark.parametrize("stores", [True, False])
def test_what_frames_tell_is_provisional_until_it_is_stored(stores: bool) -> None:
    async def life() -> None:
        async with Scene(feed(), stores=stores) as scene:
            await scene.live_on(100)
            scene.server.line.cut()
            await scene.live_on(30)
            await scene.pass_s(30)
            updates, stored = scene.keeper.of(Update), scene.keeper.of(Stored)
            assert all(each.provisional for each in updates if each.via == "feed")
            assert {each.provisional for each in updates if each.via == "rest"} == {not stores}
            assert bool(stored) == stores
            if stores:
                through = [each.through for each in stored]
                assert through == sorted(through)
                assert [each.page for each in stored] == list(range(1, len(stored) + 1))
                heard = scene.keeper.of(Update, Stored)
                for each in stored:
                    told = [one for one in heard[: heard.index(each)] if isinstance(one, Update)]
                    assert each.through <= told[-1].number, "nothing is called stored before it was told"
                assert through[-1] >= max(each.number for each in updates if each.via == "feed")

    run(life())


def test_what_is_told_while_a_segment_is_being_stored_is_stored_with_the_next_one() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            scene.keeper.store_s = 0.9
            await scene.live_on(100, pause_s=0.1)
            await scene.pass_s(5)
            told = [each for each in scene.keeper.of(Update) if each.via == "feed"]
            stored = scene.keeper.of(Stored)
            assert len(stored) >= 5
            for each in stored:
                page = scene.keeper.pages[each.page - 1]
                assert all(one.at_ns <= page.received_ns for one in told if one.number <= each.through)

    run(life())


def test_an_order_that_ended_while_nobody_told_is_open_no_more() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            scene.truth.place(scene.chance)
            await scene.pass_s(20)
            assert list(scene.live.state.orders) == ["o1"]
            scene.server.line.cut()
            await scene.pass_s(0.001)
            scene.truth.cancel(scene.chance)
            await scene.pass_s(30)
            assert not scene.live.state.orders
            said: list[Any] = [each.fact.status for each in scene.keeper.rows("orders")]
            assert said[-1] == "canceled"
            assert not scene.live.state.lost

    run(life())


def test_being_stale_is_told_with_since_when_and_ends_with_resumed() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.live_on(30)
            scene.server.line.cut()
            await scene.live_on(30)
            told = scene.keeper.of(Stale, Resumed)
            assert [type(each).__name__ for each in told] == ["Stale", "Resumed"] * 2
            assert told[2].since_ns == scene.keeper.of(GapOpened)[1].since_ns

    run(life())
