"""Shows who hears what over the paper exchange's feed and when a connection ends, without a socket: subscriptions, the
sign-in, pings on the venue's clock, readers that are too slow, messages that are none, and faults.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from conformance.feed_line import UPGRADE, Line, hub_of, token
from conformance.real_venue import SECOND, Scene
from nostro import limits
from nostro.domain.values import parse_time
from nostro.paper.faults import FaultPlan, Faults, FrameFault, FrameKind, parse_plan
from nostro.paper.feeds import Hub
from nostro.paper.venue.commands import Tick

NOW_NS = parse_time("2026-03-01T12:00:00.123456789Z")


@pytest.fixture(name="scene")
def scene_of(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path, NOW_NS)
    yield scene
    scene.close()


def opened(scene: Scene, **options) -> tuple[Hub, Line]:
    hub = hub_of(scene.venue, **options)
    return hub, Line(hub, scene.clock)


def kinds(frames: list[str]) -> Counter[str]:
    return Counter("1" if frame == "1" else json.loads(frame)[0] for frame in frames)


def complaint(frames: list[str]) -> str:
    (frame,) = frames
    kind, _, message = json.loads(frame)
    assert kind == "error"
    return message


# ── what is asked for ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_connection_begins_with_its_welcome_and_no_two_have_one_name(scene: Scene) -> None:
    hub, line = opened(scene)
    kind, at, interval, timeout, name = json.loads(line.taken()[0])
    assert (kind, at, interval, timeout) == ("welcome", 1772366400.123456, 20 * SECOND, 30 * SECOND)
    assert uuid.UUID(name).version == 4
    others = {Line(hub, scene.clock).session.client for _ in range(50)}
    assert len(others) == 50
    assert name not in others
    again = hub_of(scene.venue)
    assert Line(again, scene.clock).session.client == name, "a venue that is run again gives the same names"


@pytest.mark.parametrize(
    "topics",
    [["ticker.*"], ["ticker.BTC_USDT", "trade.*"], ["rates.*", "rates.DAI", "rates.BTC_EUR"], ["diff.ETH_BTC"],
     ["market_depth.DAI_USDT", "market_depth.DAI_USDT"]],
)  # fmt: skip
def test_a_subscription_is_acknowledged_as_it_was_asked(scene: Scene, topics: list[str]) -> None:
    _, line = opened(scene)
    for command, left in (("subscribe", set(topics)), ("unsubscribe", set())):
        (frame,) = line.ask(json.dumps([command, *topics]))
        assert json.loads(frame) == [command, 1772366400.123456, *topics]
        assert line.session.topics == left


@pytest.mark.parametrize(
    "topic",
    ["diff.*", "market_depth.*", "ticker.btc_usdt", "ticker.BTC/USDT", "trade.", "", "nothing.BTC_USDT", "rates.XRP",
     "rates.BTC_DAI", "ticker.BTC_USDT ", "diff.NO_PAIR"],
)  # fmt: skip
def test_one_bad_topic_refuses_the_whole_request(scene: Scene, topic: str) -> None:
    _, line = opened(scene)
    assert complaint(line.ask(json.dumps(["subscribe", "trade.*", topic]))) == "Topic does not exist"
    assert line.session.topics == set()


def test_2026_has_no_rates(scene: Scene) -> None:
    _, line = opened(scene, dialect="d26")
    assert complaint(line.ask('["subscribe", "rates.*"]')) == "Topic does not exist"
    assert kinds(line.ask('["subscribe", "ticker.*"]')) == {"subscribe": 1}


@pytest.mark.parametrize(
    "message",
    ["hello", "", "{}", "[]", "null", "1", "3", '"2"', '["subscribe", 5]', '["subscribe", ["ticker.*"]]',
     '["subscribe"]', '["unsubscribe"]', '[["subscribe"]]', '["Subscribe", "ticker.*"]', '["auth"',
     '["auth", 5]', '["auth", null]', '["welcome", "x"]', "[" * 50_000,
     '["\\ud800", "\\ud800"]', '["subscribe", "\\ud800"]', "\x00",
     b'["subscribe", "trade.*"]', b"2", b"\xff"],
    ids=lambda message: repr(message[:24]),
)  # fmt: skip
def test_what_is_no_message_is_an_error_and_the_connection_lives(scene: Scene, message: str | bytes) -> None:
    _, line = opened(scene)
    assert complaint(line.ask(message))
    assert line.session.topics == set()
    assert line.session.user is None
    assert line.session.ended is None
    assert kinds(line.ask('["subscribe", "trade.*"]')) == {"subscribe": 1}


# ── the sign-in ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_taken_in_silence_and_then_the_account_is_told(scene: Scene) -> None:
    _, line = opened(scene)
    scene.place(scene.trader, "buy", amount="0.01", price="63000")
    assert kinds(line.taken()) == {"welcome": 1}, "nothing of an account before the sign-in"
    assert line.ask(json.dumps(["auth", token(scene.venue, scene.trader)])) == []
    scene.place(scene.trader, "buy", amount="0.01", price="63000")
    assert kinds(line.taken()) == {"o": 1, "w": 1}
    scene.place(scene.maker, "buy", amount="0.01", price="63000")
    assert line.taken() == [], "nobody else's"


def test_a_token_that_is_none_or_over_or_of_a_key_that_may_not_read_changes_nothing(scene: Scene) -> None:
    _, line = opened(scene)
    good, over = token(scene.venue, scene.trader), token(scene.venue, scene.trader, life_s=-1)
    head, claims, signature = good.split(".")
    stranger = ".".join((head, claims, signature[::-1]))
    for bad in (over, stranger, "", "x", "a.b.c", "é.é.é", "x" * 10_000, good + ".x"):
        assert complaint(line.ask(json.dumps(["auth", bad]))) == "Unauthorized"
    assert complaint(line.ask(json.dumps(["auth", good, "more"]))) == "Unauthorized"
    assert complaint(line.ask('["auth"]')) == "Unauthorized"
    scene.venue.set_permissions(scene.reader.key, ["trade"])
    assert complaint(line.ask(json.dumps(["auth", token(scene.venue, scene.reader)]))) == "Forbidden"
    assert line.session.user is None
    assert line.ask(json.dumps(["auth", good])) == []
    assert complaint(line.ask(json.dumps(["auth", over]))) == "Unauthorized"
    assert line.session.user == scene.trader.user


def test_who_signs_in_again_is_who_came_last(scene: Scene) -> None:
    _, line = opened(scene)
    for login in (scene.trader, scene.reader, scene.trader):
        assert line.ask(json.dumps(["auth", token(scene.venue, login)])) == []
        assert line.session.user == login.user
    assert scene.reader.user != scene.trader.user


# ── who hears what ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_trade_is_told_at_once_and_the_market_with_the_beat(scene: Scene) -> None:
    hub, line = opened(scene)
    other = Line(hub, scene.clock)
    line.ask(
        '["subscribe", "trade.*", "trade.BTC_USDT", "ticker.*", "market_depth.BTC_USDT", "diff.BTC_USDT", "rates.*"]'
    )
    other.ask('["subscribe", "trade.ETH_USDT", "ticker.ETH_USDT", "diff.ETH_USDT"]')
    scene.place(scene.trader, "buy", amount="0.01", price="64100.5")
    assert kinds(line.taken()) == {"t": 1}
    hub.beat()
    assert kinds(line.taken()) == {"tk": 1, "p": 1, "d": 1, "r": 1}
    hub.beat()
    assert line.taken() == [], "nothing moved"
    scene.place(scene.trader, "buy", amount="0.01", price="50000")
    hub.beat()
    assert kinds(line.taken()) == {"tk": 1, "p": 1, "d": 1}, "no trade, no other rate"
    line.ask(
        '["unsubscribe", "trade.*", "trade.BTC_USDT", "ticker.*", "market_depth.BTC_USDT", "diff.BTC_USDT", "rates.*"]'
    )
    scene.place(scene.trader, "buy", amount="0.01", price="64100.5")
    hub.beat()
    assert line.taken() == []
    assert other.taken() == []


def test_differences_count_from_the_subscription(scene: Scene) -> None:
    hub, first = opened(scene)
    second = Line(hub, scene.clock)
    first.ask('["subscribe", "diff.BTC_USDT"]')
    scene.place(scene.trader, "buy", amount="0.01", price="50000")
    second.ask('["subscribe", "diff.BTC_USDT"]')
    assert json.loads(first.taken()[0])[2:] == ["BTC_USDT", [[], [["50000", "0.01"]]]], "told before the other came"
    scene.place(scene.trader, "buy", amount="0.02", price="50000")
    hub.beat()
    for line in (first, second):
        assert json.loads(line.taken()[0])[2:] == ["BTC_USDT", [[], [["50000", "0.02"]]]]


def test_a_sub_account_is_told_to_itself_and_not_to_its_master(scene: Scene) -> None:
    venue = scene.venue
    sub = venue.create_login("sub", "sub@example.org", permissions=["read"], parent=scene.trader.user)
    hub, master = opened(scene)
    own = Line(hub, scene.clock)
    master.ask(json.dumps(["auth", token(venue, scene.trader)]))
    own.ask(json.dumps(["auth", token(venue, sub)]))
    scene.done(venue.fund(sub.user, "EUR", amount=Decimal(5)))
    assert (master.taken(), kinds(own.taken())) == ([], {"w": 1})


# ── pings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def live(hub: Hub, line: Line, seconds: int, *, answers: bool) -> int:
    """Beats for so long; how many pings came."""
    pings = 0
    for _ in range(seconds):
        line.clock.now_ns += SECOND
        hub.beat()
        came = kinds(line.taken())["1"]
        pings += came
        if came and answers:
            assert line.ask("2") == []
    return pings


def test_who_answers_pings_stays_and_who_does_not_is_left_after_the_timeout(scene: Scene) -> None:
    hub, line = opened(scene)
    assert live(hub, line, 200, answers=True) == 10
    assert line.session.ended is None
    assert live(hub, line, 49, answers=False) == 2
    assert line.session.ended is None, "the ping of second 20 may be answered until second 50"
    live(hub, line, 1, answers=False)
    assert line.session.ended == (1008, "no answer to a ping")
    assert not line.session.cut
    live(hub, line, 1, answers=False)
    assert line.session.cut, "who does not take leave is cut off"


def test_a_late_answer_counts_for_all_pings(scene: Scene) -> None:
    hub, line = opened(scene)
    live(hub, line, 49, answers=False)
    line.ask("2")
    assert live(hub, line, 30, answers=False) == 1
    assert line.session.ended is None


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reader_that_is_too_slow_is_cut_off_and_nobody_else(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FEED_QUEUE_BYTES_MAX", 3_000)
    hub, slow = opened(scene)
    quick = Line(hub, scene.clock)
    for line in (slow, quick):
        line.ask(json.dumps(["auth", token(scene.venue, scene.trader)]))
    told = 0
    for _ in range(30):
        scene.place(scene.trader, "buy", amount="0.001", price="50000")
        told += len(quick.taken())
    assert told == 60
    assert (slow.session.ended, slow.session.cut, len(slow.session.outgoing)) == ((1008, "too slow"), True, 0)
    assert quick.session.ended is None


def test_connections_are_counted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FEED_SESSIONS_MAX", 2)
    hub, line = opened(scene)
    Line(hub, scene.clock)
    assert hub.open(UPGRADE, lambda _: None) is None
    hub.close(line.session)
    assert hub.open(UPGRADE, lambda _: None) is not None


def test_when_the_server_ends_everybody_is_told(scene: Scene) -> None:
    hub, line = opened(scene)
    hub.end()
    assert line.session.ended == (1001, "the server ends")
    assert kinds(line.taken()) == {"welcome": 1}, "what waited is still sent"


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────────


def struck(scene: Scene, *faults: FrameFault, seed: int = 0) -> tuple[list[str], Line, Faults]:
    """What comes of 40 orders, after the welcome."""
    at_work = Faults(FaultPlan(seed=seed, frames=faults))
    _, line = opened(scene, faults=at_work)
    line.session.user = scene.trader.user
    for _ in range(40):
        scene.place(scene.trader, "buy", amount="0.001", price="50000")
    return [text for text, _ in line.session.outgoing][1:], line, at_work


@pytest.mark.parametrize("kind", [FrameKind.DROPPED, FrameKind.DOUBLED, FrameKind.DELAYED])
def test_frames_are_struck_and_no_other_is_changed(scene: Scene, kind: FrameKind) -> None:
    frames, line, faults = struck(scene, FrameFault(kind=kind, share=0.25, delay_s=3))
    fired = faults.fired[kind]
    assert fired >= 10
    assert len(frames) == 80 + {FrameKind.DROPPED: -fired, FrameKind.DOUBLED: fired}.get(kind, 0)
    delayed = sum(delay_s == 3 for _, delay_s in line.session.outgoing)
    assert delayed == (fired if kind is FrameKind.DELAYED else 0)
    assert all(len(json.loads(frame)) in (7, 19) for frame in frames)


def test_a_cut_ends_the_connection_and_what_waited_is_lost(scene: Scene) -> None:
    frames, line, faults = struck(scene, FrameFault(kind=FrameKind.CUT, at=(30,)))
    assert faults.fired == {FrameKind.CUT: 1}
    assert (line.session.cut, line.session.ended, frames) == (True, (1006, "cut"), [])


def test_the_same_seed_strikes_the_same_frames() -> None:
    def strikes(seed: int) -> list[FrameKind | None]:
        plan = FaultPlan(seed=seed, frames=tuple(FrameFault(kind=kind, share=0.1) for kind in FrameKind))
        faults = Faults(plan)
        return [fault and fault.kind for fault in (faults.frame() for _ in range(500))]

    assert strikes(5) == strikes(5) != strikes(6)
    assert set(strikes(5)) == {None, *FrameKind}


def test_a_plan_may_name_frames() -> None:
    plan = parse_plan(b'{"frames": [{"kind": "cut", "at": [3], "most": 1}]}', "plan.json")
    faults = Faults(plan)
    assert [faults.frame() is not None for _ in range(6)] == [False, False, True, False, False, False]
    assert faults.fired == {FrameKind.CUT: 1}


def test_a_command_that_changes_nothing_tells_nothing(scene: Scene) -> None:
    hub, line = opened(scene)
    line.ask(json.dumps(["auth", token(scene.venue, scene.trader)]))
    line.ask('["subscribe", "ticker.*", "trade.*"]')
    scene.venue.carry_out(Tick())
    hub.beat()
    assert line.taken() == []
