"""Shows that the state machine of a feed answers pings, matches acknowledgements and refusals with what was asked,
keeps every frame as received, goes on after one that breaks the protocol and says which, and takes silence for death
when the server would: on the welcome's own intervals, in virtual time.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque

import msgspec
import pytest

from nostro import limits
from nostro.domain.values import SECOND_NS
from nostro.errors import LinkError, NostroError, Undecodable
from nostro.exchanges import exchange
from nostro.link.declare import Signing
from nostro.link.feed import FeedReader, FeedState, Heard
from nostro.link.frames import Acknowledged, Arrival, Complaint, News, Ping, Unread, Welcome

FEED = exchange("alp").feed
assert FEED is not None
START_NS = 1_700_000_000 * SECOND_NS
WELCOME = b'["welcome", 1700000000, 20000000000, 30000000000, "5c00d9c2-607e-4c7f-927b-b204b29e387b"]'
WALLET = b'["w", 1700000000, "USDT", "SPOT", "", "5.0", "1.0"]'


class Clock:
    def __init__(self) -> None:
        self.time_ns = START_NS

    def now_ns(self) -> int:
        return self.time_ns

    async def sleep(self, pause_s: float) -> None:
        self.time_ns += int(pause_s * SECOND_NS)


class Script:
    """A connection that plays (seconds from the last, what comes); at its end it is silent, or ends where ``ends``."""

    def __init__(self, clock: Clock, *played: tuple[float, bytes | Arrival], ends: bool = False) -> None:
        self.clock = clock
        self.left = deque(played)
        self.due_ns = clock.time_ns
        self.ends = ends
        self.sent: list[str] = []
        self.closed = False

    async def send(self, text: str) -> None:
        self.sent.append(text)

    async def receive(self, wait_s: float) -> Arrival | None:
        if not self.left and self.ends:
            raise LinkError("the connection ended")
        pause_s, body = self.left[0] if self.left else (10**6, b"")
        came_ns = self.due_ns + int(pause_s * SECOND_NS)
        if came_ns > self.clock.time_ns + int(wait_s * SECOND_NS):
            await self.clock.sleep(wait_s)
            return None
        self.left.popleft()
        self.due_ns = came_ns
        self.clock.time_ns = max(self.clock.time_ns, came_ns)
        return body if isinstance(body, Arrival) else Arrival(body)

    async def close(self) -> None:
        self.closed = True


def played(*frames: tuple[float, bytes | Arrival], ends: bool = True) -> tuple[list[Heard], FeedReader, Script, str]:
    """What a reader hears of a script, and the error at its end."""
    clock = Clock()
    script = Script(clock, *frames, ends=ends)
    reader = FeedReader(FEED, script, clock=clock)
    heard: list[Heard] = []

    async def run() -> str:
        try:
            async for each in reader.frames():
                heard.append(each)  # noqa: PERF401 - what came before the error is kept
        except NostroError as error:
            return str(error)
        return ""

    return heard, reader, script, asyncio.run(run())


# ── frames ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_frame_is_kept_as_received_with_its_number_and_time() -> None:
    frames = [WELCOME, b"1", b'[ "w" ,1700000000.25,"USDT","SPOT",null,"5.0","1.0" ]', b'["ta",1,2]', b"nonsense"]
    heard, reader, _, _ = played(*((1, frame) for frame in frames))
    assert [each.body for each in heard] == frames
    assert [each.number for each in heard] == [1, 2, 3, 4, 5]
    assert [each.received_ns for each in heard] == [START_NS + number * SECOND_NS for number in range(1, 6)]
    kinds = (Welcome, Ping, News, Unread, Undecodable)
    assert all(isinstance(each.meaning, kind) for each, kind in zip(heard, kinds, strict=True))
    assert (reader.state.heard, reader.state.broken) == (5, 1)


def test_pings_are_answered_and_nothing_else_is() -> None:
    _, _, script, _ = played((0, WELCOME), (20, b"1"), (5, WALLET), (15, b"1"), (1, b"2"), (1, Arrival(b"", "ping")))
    assert script.sent == ["2", "2"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'["w", 1, "USDT", "SPOT", "", "5.0", "1.0", "x"]', "'w' has 7 elements, and here 8"),
        (b'["w", 1, "USDT", "SPOT", "", "5.0"]', "'w' has 7 elements, and here 6"),
        (b'["o", 1, 5]', "'o' has 19 elements, and here 3"),
        (b'["w", 1, "USDT", "SPOT", "", 5.0, "1.0"]', "Expected `str`"),
        (b'["w", 1700000000, "USDT", "SPOT", "", "NaN", "1.0"]', "balance"),
        (b'["w", 17, "USDT", "SPOT", "", "1", "1.0"]', "between 2009 and 3000"),
        (b"\xff", "feed"),
        (Arrival(b"[]", "binary"), "binary"),
    ],
)
def test_a_frame_that_breaks_the_protocol_is_named_and_the_feed_goes_on(body: bytes | Arrival, says: str) -> None:
    heard, reader, _, end = played((0, WELCOME), (1, WALLET), (1, body), (1, WALLET))
    error = heard[2].meaning
    assert isinstance(error, Undecodable)
    assert "frame 3 of the feed" in error.message
    assert says in error.message
    assert isinstance(heard[3].meaning, News)
    assert (reader.state.broken, end) == (1, "the connection ended")


def test_no_bytes_at_all_raise_anything_else() -> None:
    """Samples with bytes changed, taken out and put in, from a seed."""
    draw = random.Random(7)
    order = b'["o",1,5,"A_B","ASK","LIMIT","0.5","0","0.2","0.3","0.0","1",null,null,"OPEN",null,"SPOT",null,""]'
    ticker = b'["tk",1700000000,["A_B","1","1","1","1","1","1","1","1"]]'
    depth = b'["p",1700000000,{"Asks":[["1","2"]],"Bids":[],"Symbol":"A_B","TotalAsks":"2","TotalBids":"0"}]'
    good = [WELCOME, WALLET, order, ticker, depth, b'["error",1,"no"]']
    state = FeedState(FEED, START_NS)
    for _ in range(20_000):
        body = bytearray(draw.choice(good))
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(len(body))
            body[at : at + draw.randrange(3)] = draw.randbytes(draw.randrange(3))
        assert state.receive(Arrival(bytes(body)), START_NS) is not None
    assert 1_000 < state.broken < 19_999


# ── what was asked ───────────────────────────────────────────────────────────────────────────────────────────────


def asked(*frames: bytes) -> FeedState:
    state = FeedState(FEED, START_NS)
    state.subscribe("ticker.*", "trade.*")
    state.subscribe("diff.BTC_USDT")
    state.unsubscribe("ticker.*")
    for frame in frames:
        state.receive(Arrival(frame), START_NS)
    return state


def test_acknowledgements_meet_their_requests() -> None:
    state = asked()
    assert [*state.outgoing] == [
        '["subscribe", "ticker.*", "trade.*"]', '["subscribe", "diff.BTC_USDT"]', '["unsubscribe", "ticker.*"]'
    ]  # fmt: skip
    assert len(state.unanswered) == 3
    state = asked(b'["subscribe",1,"trade.*","ticker.*"]')
    assert (state.topics, len(state.unanswered)) == ({"ticker.*", "trade.*"}, 2)
    state = asked(
        b'["subscribe",1,"ticker.*","trade.*"]', b'["subscribe",1,"diff.BTC_USDT"]', b'["unsubscribe",1,"ticker.*"]'
    )
    assert (state.topics, state.unanswered) == ({"trade.*", "diff.BTC_USDT"}, ())


def test_a_refusal_takes_the_oldest_request_of_its_kind() -> None:
    state = asked(b'["subscribe",1,"ticker.*","trade.*"]', b'["error",1,"Topic does not exist"]')
    assert state.unanswered == (("unsubscribe", frozenset({"ticker.*"})),)
    state = asked(b'["error",1,"not this","unsubscribe"]')
    assert [action for action, _ in state.unanswered] == ["subscribe", "subscribe"]
    heard = FeedState(FEED, START_NS).receive(Arrival(b'["error",1,"Topic does not exist"]'), START_NS)
    assert heard is not None
    assert heard.meaning == Complaint("Topic does not exist"), "without a request it is heard all the same"


def test_a_topic_that_does_not_exist_may_have_been_unsubscribed() -> None:
    state = FeedState(FEED, START_NS)
    state.unsubscribe("ticker.A_B")
    state.subscribe("trade.*")
    state.receive(Arrival(b'["error",1,"Topic does not exist"]'), START_NS)
    assert state.unanswered == (("subscribe", frozenset({"trade.*"})),)


@pytest.mark.parametrize("sentence", ["Unauthorized", "Forbidden"])
def test_a_sign_in_that_is_refused_takes_no_subscription_with_it(sentence: str) -> None:
    state = FeedState(FEED, START_NS)
    state.sign_in(Signing(None, "a.b.c", 0))
    state.subscribe("trade.*")
    state.receive(Arrival(f'["error",1,"{sentence}"]'.encode()), START_NS)
    assert state.signed_in == "refused"
    assert state.unanswered == (("subscribe", frozenset({"trade.*"})),)


def test_an_acknowledgement_that_nobody_asked_for_is_believed() -> None:
    state = FeedState(FEED, START_NS)
    heard = state.receive(Arrival(b'["subscribe",1,"trade.*"]'), START_NS)
    assert heard is not None
    assert heard.meaning == Acknowledged("subscribe", ("trade.*",))
    assert state.topics == {"trade.*"}


def test_a_sign_in_is_asked_until_the_account_is_told_or_it_is_refused() -> None:
    state = FeedState(FEED, START_NS)
    assert state.signed_in == "no"
    state.sign_in(Signing(None, "a.b.c", 0))
    assert [*state.outgoing] == ['["auth", "a.b.c"]']
    for frame in (b'["t",1700000000,2,"A_B","1","1","buy"]', b'["subscribe",1,"trade.*"]', b'["w",1]'):
        state.receive(Arrival(frame), START_NS)
        assert state.signed_in == "asked"
    told = msgspec.structs.replace(Arrival(WALLET))
    state.receive(told, START_NS)
    assert state.signed_in == "yes"
    other = FeedState(FEED, START_NS)
    other.sign_in(Signing(None, "a.b.c", 0))
    other.receive(Arrival(b'["error",1,"Unauthorized"]'), START_NS)
    assert other.signed_in == "refused"


# ── silence ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("interval_s", "timeout_s", "stale_s", "dead_s"), [(20, 30, 25, 30), (30, 65, 37.5, 65), (30, 20, 37.5, 50)]
)
def test_silence_is_stale_and_then_dead_as_the_welcome_says(
    interval_s: int, timeout_s: int, stale_s: float, dead_s: int
) -> None:
    state = FeedState(FEED, START_NS)
    welcome = f'["welcome",1,{interval_s * SECOND_NS},{timeout_s * SECOND_NS},"x"]'.encode()
    state.receive(Arrival(welcome), START_NS)
    for silent_s, expected in (
        (stale_s, "fresh"),
        (stale_s + 0.001, "stale"),
        (dead_s - 0.001, "stale"),
        (dead_s, "dead"),
    ):
        assert state.liveness(START_NS + int(silent_s * SECOND_NS)) == expected, silent_s
    assert state.silence_left_s(START_NS) == dead_s
    assert state.silence_left_s(START_NS + 10**12) == 0


@pytest.mark.parametrize("last", [b"1", WALLET, b"nonsense", Arrival(b"", "ping"), Arrival(b"", "binary")])
def test_whatever_comes_is_a_sign_of_life_and_its_end_is_noticed_in_time(last: bytes | Arrival) -> None:
    frames = [(0, WELCOME), *((29, last) for _ in range(10))]
    heard, reader, script, end = played(*frames, ends=False)
    assert end.startswith("the feed fell silent")
    assert script.clock.time_ns - START_NS == (290 + 30) * SECOND_NS
    assert len(heard) >= 1
    assert reader.liveness() == "dead"


def test_a_connection_without_a_welcome_is_given_up() -> None:
    heard, reader, script, end = played(ends=False)
    assert (heard, end.startswith("the feed fell silent")) == ([], True)
    assert script.clock.time_ns - START_NS == limits.FEED_WELCOME_S * SECOND_NS
    asyncio.run(reader.close())
    assert script.closed
