"""Shows what the state machine of a feed does where a wire wants more than a token: a challenge that is signed before
private topics are asked for, one message for each topic, frames that are numbered, and a server that never pings, so
that we do. The feed is made up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from nostro import limits
from nostro.domain.values import SECOND_NS
from nostro.keys import Credentials
from nostro.link.declare import Signing
from nostro.link.feed import FeedState
from nostro.link.frames import Acknowledged, Arrival, Challenged, Complaint, Feed, Meaning, News, Topic, Welcome

START_NS = 1_700_000_000 * SECOND_NS
SIGNING = Signing(Credentials("key", "secret"), "", 0)


def read(body: bytes) -> Meaning:
    said: Any = msgspec.json.decode(body)
    match said[0]:
        case "hello":
            return Welcome()
        case "challenge":
            return Challenged(said[1])
        case "ok":
            return Acknowledged("subscribe", (said[1],))
        case "no":
            return Complaint("no", "sign_in")
    return News((), series=said[1], number=said[2], begins=said[0] == "all")


def ask(action: str, topics: Sequence[str], proof: Mapping[str, str]) -> list[str]:
    return [f"{action} {topic} {proof.get('signed', '')}".strip() for topic in topics]


FEED = Feed(
    watched=lambda _: (),
    stream=lambda fact: fact.kind,
    states=(),
    url="", paths=("/",), topics=(Topic(name="orders", of="account", all=True, gives="order", private=True),),
    private=("order",), topic=lambda name, of: name, ask=ask, sign_in=lambda signing: f"I am {signing.credentials.key}",
    read=read, serve=lambda view: None, prove=lambda text, signing: {"signed": text + signing.credentials.secret},
    ping_every_s=30,
)  # fmt: skip


def state_of(*frames: bytes, feed: Feed = FEED) -> FeedState:
    state = FeedState(feed, START_NS)
    for frame in frames:
        state.receive(Arrival(frame), START_NS)
    return state


def test_what_is_asked_for_waits_until_the_challenge_is_signed() -> None:
    state = FeedState(FEED, START_NS)
    state.subscribe("ticker")
    state.sign_in(SIGNING)
    state.subscribe("orders", "fills")
    assert list(state.outgoing) == ["subscribe ticker", "I am key"]
    state.outgoing.clear()
    state.receive(Arrival(b'["challenge","abc"]'), START_NS)
    assert list(state.outgoing) == ["subscribe orders abcsecret", "subscribe fills abcsecret"]
    state.outgoing.clear()
    state.unsubscribe("fills")
    assert list(state.outgoing) == ["unsubscribe fills abcsecret"]


def test_each_message_is_a_request_of_its_own() -> None:
    state = FeedState(FEED, START_NS)
    state.subscribe("ticker", "trades")
    assert [topics for _, topics in state.unanswered] == [{"ticker"}, {"trades"}]
    state.receive(Arrival(b'["ok","trades"]'), START_NS)
    assert [topics for _, topics in state.unanswered] == [{"ticker"}]
    assert state.topics == {"trades"}


def test_a_challenge_that_nobody_asked_for_signs_nothing() -> None:
    state = state_of(b'["challenge","abc"]')
    assert not state.outgoing
    state.subscribe("orders")
    assert list(state.outgoing) == ["subscribe orders"]


def test_a_refused_sign_in_asks_for_what_waited_no_more() -> None:
    state = FeedState(FEED, START_NS)
    state.sign_in(SIGNING)
    state.subscribe("orders")
    state.receive(Arrival(b'["no"]'), START_NS)
    assert state.signed_in == "refused"
    assert list(state.outgoing) == ["I am key"]


@pytest.mark.parametrize(
    ("frames", "gaps"),
    [
        ([("part", "a", 7), ("part", "a", 8)], [False, False]),
        ([("all", "a", 0), ("part", "a", 1), ("part", "a", 3), ("part", "a", 4)], [False, False, True, False]),
        ([("all", "a", 0), ("part", "b", 9), ("part", "a", 1), ("part", "b", 10)], [False] * 4),
        ([("part", "a", 5), ("part", "a", 5)], [False, False]),
        ([("part", "a", 5), ("all", "a", 5), ("part", "a", 5)], [False, False, True]),
        ([("part", "a", 5), ("part", "a", 4)], [False, True]),
        ([("part", "a", 5), ("all", "a", 0), ("part", "a", 1)], [False] * 3),
        ([("part", "", 5), ("part", "", 9)], [False, False]),
    ],
)
def test_a_frame_that_does_not_follow_the_last_of_its_series_is_a_gap(frames: Any, gaps: list[bool]) -> None:
    state = FeedState(FEED, START_NS)
    heard = [state.receive(Arrival(msgspec.json.encode(frame)), START_NS) for frame in frames]
    assert [each.gap for each in heard if each is not None] == gaps


def test_the_last_frame_once_more_is_a_repetition_and_whatever_else_has_its_number_is_none() -> None:
    state = FeedState(FEED, START_NS)
    frames = [("part", "a", 5), ("part", "a", 5), ("part", "b", 5), ("part", "a", 6), ("part", "a", 5), ("part", "", 5)]
    heard = [state.receive(Arrival(msgspec.json.encode(frame)), START_NS) for frame in frames]
    assert [each.repeated for each in heard if each is not None] == [False, True, False, False, False, False]
    assert [each.gap for each in heard if each is not None] == [False, False, False, False, True, False]


def test_where_we_ping_two_intervals_without_a_sign_are_the_end() -> None:
    for state in (state_of(), state_of(b'["hello"]')):
        for silent_s, expected in ((37.5, "fresh"), (37.6, "stale"), (59.9, "stale"), (60, "dead")):
            assert state.liveness(START_NS + int(silent_s * SECOND_NS)) == expected, silent_s
    state = state_of(b'["hello"]')
    state.receive(Arrival(b"", "ping"), START_NS + 50 * SECOND_NS)
    assert state.liveness(START_NS + 80 * SECOND_NS) == "fresh"
    unheard = state_of(feed=msgspec.structs.replace(FEED, ping_every_s=None))
    assert unheard.silence_left_s(START_NS) == limits.FEED_WELCOME_S
