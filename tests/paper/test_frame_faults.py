"""Shows that each fault of a feed does what its name says and counts when it does: links that break within a frame,
frames that come in another order, late, many times or never, channels that fall silent, links that are half open, and
numbers that begin again; in the hub, and over real sockets where bytes matter.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from conformance.feed_line import Line, hub_of, token
from conformance.real_venue import SECOND, Scene
from exchanges.grvt.test_feed import Sockets, subscribe
from exchanges.kraken_futures.feed_scene import frames, scene, subscribed
from nostro.domain.values import parse_time
from nostro.link.declare import Query
from nostro.paper.faults import Fault, FaultPlan, Faults, FrameFault, FrameKind, Kind, parse_plan
from nostro.paper.feeds import Hub
from nostro.paper.listen import Listener, listen
from nostro.paper.server import Server

NOW_NS = parse_time("2026-03-01T12:00:00Z")


@pytest.fixture(name="here")
def scene_of(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path, NOW_NS)
    yield made
    made.close()


def struck(here: Scene, *faults: FrameFault, seed: int = 0) -> tuple[Line, Hub, Faults]:
    """One who is signed in, and has been welcomed before anything goes wrong."""
    at_work = Faults(FaultPlan(seed=seed, frames=faults))
    hub = hub_of(here.venue, faults=at_work)
    line = Line(hub, here.clock)
    line.ask(json.dumps(["auth", token(here.venue, here.trader)]))
    at_work.fired.clear()
    return line, hub, at_work


def place(here: Scene, count: int = 1) -> None:
    """Each order is two frames: the order's own, and the wallet's."""
    for _ in range(count):
        here.place(here.trader, "buy", amount="0.001", price="50000")


def kinds(line: Line) -> list[str]:
    return ["1" if text == "1" else json.loads(text)[0] for text in line.taken()]


def fault(kind: FrameKind, **more: object) -> FrameFault:
    """Strikes the second frame after the welcome, which is the first order's."""
    return FrameFault(kind=kind, **({"at": (2,)} | more))  # type: ignore[arg-type]


def test_a_reordered_frame_comes_behind_the_next_or_with_the_next_beat(here: Scene) -> None:
    line, hub, faults = struck(here, fault(FrameKind.REORDERED, at=(2, 5)))
    place(here, 1)
    assert kinds(line) == ["w", "o"]
    place(here, 2)
    assert kinds(line) == ["o", "o", "w", "w"], "the fifth is the second order's wallet"
    line2 = Line(hub, here.clock)
    assert kinds(line2) == ["welcome"]
    assert faults.fired == {FrameKind.REORDERED: 2}
    only = Faults(FaultPlan(frames=(FrameFault(kind=FrameKind.REORDERED, share=1),)))
    hub = hub_of(here.venue, faults=only)
    alone = Line(hub, here.clock)
    assert alone.taken() == []
    hub.beat()
    assert kinds(alone) == ["welcome"]


def test_a_stale_frame_comes_again_behind_newer_ones(here: Scene) -> None:
    line, hub, faults = struck(here, fault(FrameKind.REPEATED_LATE, at=(3,), delay_s=2))
    place(here, 2)
    assert kinds(line) == ["o", "w", "o", "w"]
    here.clock.now_ns += SECOND
    hub.beat()
    assert line.taken() == []
    place(here, 1)
    newest = line.taken()[-1]
    here.clock.now_ns += 2 * SECOND
    hub.beat()
    (old,) = line.taken()
    assert json.loads(old)[0] == json.loads(newest)[0] == "w"
    assert float(json.loads(old)[1]) < float(json.loads(newest)[1]), "as old as it was"
    assert faults.fired == {FrameKind.REPEATED_LATE: 1}


def test_a_flood_is_one_frame_many_times(here: Scene) -> None:
    line, _, faults = struck(here, fault(FrameKind.FLOOD, times=5_000))
    place(here, 1)
    assert kinds(line) == ["o"] * 5_000 + ["w"]
    assert faults.fired == {FrameKind.FLOOD: 1}
    line, _, faults = struck(here, fault(FrameKind.FLOOD, times=1_000_000))
    place(here, 1)
    assert (line.session.cut, line.session.ended) == (True, (1008, "too slow")), "more than a queue holds is a cut"


def test_a_silent_feed_answers_pings_and_requests_and_tells_nothing(here: Scene) -> None:
    line, hub, faults = struck(here, fault(FrameKind.SILENT, for_s=60))
    place(here, 3)
    assert kinds(line) == ["o"], "the frame that it began with"
    assert json.loads(line.ask('["subscribe", "trade.*"]')[0])[0] == "subscribe"
    for _ in range(59):
        here.clock.now_ns += SECOND
        hub.beat()
        if "1" in kinds(line):
            line.ask("2")
    assert line.session.ended is None
    place(here, 1)
    assert line.taken() == []
    here.clock.now_ns += 2 * SECOND
    place(here, 1)
    assert kinds(line) == ["o", "w"]
    assert faults.fired == {FrameKind.SILENT: 1}


def test_one_channel_alone_may_fall_silent(here: Scene) -> None:
    line, _, faults = struck(here, FrameFault(kind=FrameKind.SILENT, holding='["w"', at=(1,)))
    place(here, 3)
    assert kinds(line) == ["o", "w", "o", "o"]
    assert faults.fired == {FrameKind.SILENT: 1}


def test_a_half_open_link_is_there_and_nothing_comes_of_it(here: Scene) -> None:
    line, hub, faults = struck(here, fault(FrameKind.HALF_OPEN))
    place(here, 2)
    other = Line(hub, here.clock)
    assert line.taken() == []
    assert line.ask('["subscribe", "trade.*"]') == []
    for _ in range(100):
        here.clock.now_ns += SECOND
        hub.beat()
        other.ask("2")
    assert (line.session.ended, line.taken()) == (None, [])
    assert other.session.ended is None
    assert faults.fired == {FrameKind.HALF_OPEN: 1}


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_kraken_s_numbers_begin_again_at_1(tmp_path: Path) -> None:
    faults = Faults(FaultPlan(frames=(FrameFault(kind=FrameKind.RESTARTED, holding='"feed":"balances"', at=(4, 5)),)))
    with scene(tmp_path, faults=faults) as here:
        line = here.line()
        subscribed(line, here.trader, "balances")
        told = []
        for price in range(60_000, 60_005):
            here.place(here.trader, "buy", "10", str(price))
            told += [frame["seq"] for frame in frames(line.taken())]
        # of the acknowledgement and four frames the last two were struck; the second time nothing was left to reset
        assert told == [1, 2, 3, 1, 1]
        assert faults.fired == {FrameKind.RESTARTED: 2}


def test_grvt_s_numbers_begin_again_at_1_and_alp_has_none(tmp_path: Path, here: Scene) -> None:
    sockets = Sockets(tmp_path / "grvt") if (tmp_path / "grvt").mkdir() is None else None
    assert sockets is not None
    try:
        faults = Faults(FaultPlan(frames=(FrameFault(kind=FrameKind.RESTARTED, at=(4,)),)))
        sockets.hub._faults = faults
        line = sockets.line()
        subscribe(line, "v1.fill", sockets.scene.sub())
        for _ in range(5):
            sockets.scene.trade("0.01", "64000")
        told = [json.loads(text)["sequence_number"] for text in line.taken()]
        assert told == ["1", "2", "3", "1", "2"]
        assert faults.fired == {FrameKind.RESTARTED: 1}
    finally:
        sockets.scene.venue.close()
    line, _, faults = struck(here, FrameFault(kind=FrameKind.RESTARTED, share=1))
    place(here, 5)
    assert kinds(line) == ["o", "w"] * 5
    assert not faults.fired


# ── over sockets ─────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def served(here: Scene, *faults: FrameFault, seed: int) -> AsyncIterator[tuple[Listener, Hub, Faults]]:
    at_work = Faults(FaultPlan(seed=seed, frames=faults))
    hub = hub_of(here.venue, faults=at_work)
    listener = await listen(lambda request: pytest.fail(f"nobody asks {request}"), hub=hub)
    try:
        yield listener, hub, at_work
    finally:
        await listener.close()


UPGRADE = (
    b"GET /alp-ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def test_a_torn_link_ends_within_a_frame_at_any_byte(here: Scene) -> None:
    """The whole frame's length is said, and a part of it is sent, and never all."""

    async def run() -> set[int]:
        sizes = set()
        for seed in range(25):
            async with served(here, FrameFault(kind=FrameKind.TORN, at=(1,)), seed=seed) as (listener, _, faults):
                reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
                writer.write(UPGRADE)
                await reader.readuntil(b"\r\n\r\n")
                came = await asyncio.wait_for(reader.read(), 5)
                writer.close()
                assert faults.fired == {FrameKind.TORN: 1}
                assert came[0] == 0x81
                size, body = came[1], came[2:]
                assert len(body) < size < 126
                assert b'["welcome"'.startswith(body[:10])
                sizes.add(len(body))
        return sizes

    sizes = asyncio.run(run())
    assert len(sizes) > 12
    assert min(sizes) < 15


def test_pings_below_the_frames_are_answered_by_a_silent_feed_and_not_by_a_half_open_one(here: Scene) -> None:
    async def run(kind: FrameKind) -> bool:
        async with (
            served(here, FrameFault(kind=kind, at=(1,)), seed=0) as (listener, hub, _),
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://127.0.0.1:{listener.port}/alp-ws", autoping=False) as socket,
        ):
            if kind is FrameKind.SILENT:
                assert (await socket.receive(5)).type is aiohttp.WSMsgType.TEXT
            await socket.ping(b"there?")
            try:
                came = await socket.receive(0.5)
            except TimeoutError:
                return False
            finally:
                assert [each.half_open for each in hub.sessions.values()] == [kind is FrameKind.HALF_OPEN]
            return came.type is aiohttp.WSMsgType.PONG

    assert asyncio.run(run(FrameKind.SILENT))
    assert not asyncio.run(run(FrameKind.HALF_OPEN))


# ── answers that are old ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_stale_answer_is_the_one_before_of_the_same_question(here: Scene) -> None:
    from conformance.wire_client import WireClient
    from nostro.exchanges import exchange

    faults = Faults(FaultPlan(faults=(Fault(kind=Kind.STALE, at=(2, 3, 6), delay_s=30),)))
    alp = exchange("alp")
    client = WireClient(alp, Server(alp, here.venue).handle, here.trader)
    other = WireClient(alp, Server(alp, here.venue).handle, here.maker)
    client.handle = other.handle = Server(alp, here.venue, faults=faults).handle

    def total(asked: WireClient) -> Decimal:
        found = [each for each in asked.ask("balances", Query()) if (each.wallet, each.asset) == ("funding", "EUR")]  # type: ignore[attr-defined]
        return sum((each.total for each in found), Decimal(0))  # type: ignore[attr-defined]

    first = total(client)
    here.done(here.venue.fund(here.trader.user, "EUR", amount=Decimal(7)))
    assert total(other) == 0, "another's question was not asked before: nothing is stale"
    assert total(client) == first
    assert total(client) == first + 7
    here.clock.now_ns += 31 * SECOND
    here.done(here.venue.fund(here.trader.user, "EUR", amount=Decimal(7)))
    assert total(client) == first + 14
    assert faults.fired == {Kind.STALE: 1}


def test_the_document_names_them_all_and_its_plan_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "faults.md").read_text("utf-8")
    plan = parse_plan(text.partition("```toml\n")[2].partition("```")[0].encode(), "plan.toml")
    assert (len(plan.faults), len(plan.frames)) == (1, 1)
    kinds_of = (line.split("|")[1].split("`")[1::2] for line in text.splitlines() if line.startswith("| `"))
    assert {each for row in kinds_of for each in row} == {*Kind, *FrameKind}


def test_a_plan_names_them_all() -> None:
    text = {"frames": [{"kind": kind, "share": 0.1} for kind in FrameKind], "faults": [{"kind": "stale", "share": 1}]}
    plan = parse_plan(json.dumps(text).encode(), "plan.json")
    assert [each.kind for each in plan.frames] == list(FrameKind)
    assert plan.faults[0].kind is Kind.STALE
