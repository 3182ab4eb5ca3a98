"""Shows that no account takes more than its turn (``docs/live.md`` 17): after 200 frames, or 10 ms, it is the others';
what is more than 20,000 frames a second stays where it is; and what takes long to store slows its own reader alone."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from link.toy import Line, Scene
from link.toy_wire import feed
from nostro import limits
from nostro.domain.values import SECOND_NS
from nostro.link.events import Update
from nostro.link.frames import Arrival
from nostro.link.line import _Turn
from virtual_time import Clock, run


class Flood:
    """A line that always has a frame, and never waits."""

    def __init__(self, line: Line) -> None:
        self.read = 0
        self.line = line
        line.receive = self.receive  # type: ignore[method-assign]

    async def receive(self, _: float) -> Arrival:
        self.read += 1
        rows = [["order", f"o{self.read % 7}", "1000000000", str(self.read), 1, self.read]]
        return Arrival(json.dumps(["news", "", 0, False, [], rows]).encode())


class Counting(Clock):
    """Counts the turns that it was asked for, and takes so long for each frame."""

    def __init__(self, frame_ns: int = 0) -> None:
        super().__init__()
        self.turns = 0
        self.slept: list[float] = []
        self.frame_ns = frame_ns
        self.passed_ns = 0

    def now_ns(self) -> int:
        self.passed_ns += self.frame_ns
        return super().now_ns() + self.passed_ns

    async def sleep(self, pause_s: float) -> None:
        self.turns += 1
        self.slept.append(pause_s)
        await super().sleep(pause_s)


@pytest.mark.parametrize(("frame_ns", "frames", "turns"), [(0, 2_000, 10), (1_000_000, 2_000, 200), (0, 199, 0)])
def test_after_200_frames_or_10_ms_it_is_the_others_turn(frame_ns: int, frames: int, turns: int) -> None:
    async def life() -> None:
        clock = Counting(frame_ns)
        turn = _Turn(clock)
        for _ in range(frames):
            await turn.take()
        assert turns * 0.8 <= clock.turns <= turns * 1.1

    run(life())


def test_more_than_20_000_frames_a_second_are_not_read_and_the_others_hear_theirs_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert limits.FEED_FRAMES_A_SECOND == 20_000
    monkeypatch.setattr(limits, "FEED_FRAMES_A_SECOND", 1_000)  # as many as a test has time for

    async def life() -> None:
        loud, quiet = Scene(feed()), Scene(feed())
        async with loud, quiet:
            await loud.pass_s(30)
            flood = Flood(loud.server.line)
            await quiet.pass_s(12)  # the flood is read once the line wakes
            began, read = loud.clock.now_ns(), flood.read
            assert read
            late: list[int] = []
            for _ in range(5):
                before = len(quiet.keeper.events)
                quiet.truth.move(quiet.chance)
                told_ns = quiet.clock.now_ns()
                await quiet.pass_s(0.5)
                updates: list[Any] = [each for each in quiet.keeper.events[before:] if isinstance(each, Update)]
                late += [each.at_ns - told_ns for each in updates]
                await quiet.pass_s(0.5)
            took_s = (loud.clock.now_ns() - began) / SECOND_NS
            assert late == [0] * 5
            assert flood.read - read <= (took_s + 1) * limits.FEED_FRAMES_A_SECOND
            assert flood.read - read >= (took_s - 1) * limits.FEED_FRAMES_A_SECOND
            assert len(loud.live.state.orders) == 7
            assert not quiet.differences()

    run(life())


def test_what_takes_long_to_store_slows_its_own_reader_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEGMENT_BYTES", 1_000)  # a few frames: no more than that may wait

    async def life() -> None:
        slow, other = Scene(feed()), Scene(feed())
        slow.keeper.store_s = 20.0
        async with slow, other:
            for _ in range(200):
                await asyncio.sleep(1)
                slow.truth.step(slow.chance)
                other.truth.step(other.chance)
            await asyncio.sleep(1_500)
            longest_s = {
                scene: max(each.at_ns - each.fact.effective_ns for each in scene.keeper.rows("fills")) / SECOND_NS
                for scene in (slow, other)
            }
            assert longest_s[slow] >= 15
            assert longest_s[other] < 0.01
            assert not slow.differences()
            assert not other.differences()

    run(life())
