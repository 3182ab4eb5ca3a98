"""What goes wrong with feeds, each fault in every place: links that are cut, frames that are lost, doubled and counted
anew, events in every order, links that say nothing more. After each life the present must be the truth; what differs is
counted. Used by the tests with few lives, and by ``campaigns/feeds.py`` with many.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from typing import Any, Literal

import msgspec

from link.toy import Line, Scene, Truth
from link.toy_wire import CONTRACTS, fact_of, feed
from nostro import limits
from nostro.domain.fact import Balance, Fact
from nostro.domain.records import Fill
from nostro.domain.values import SECOND_NS
from nostro.link.events import GapClosed, GapOpened, Stale
from nostro.link.live_state import OPEN_ORDERS, LiveState
from nostro.link.segment import Reading
from virtual_time import START_NS, run

Tamper = Literal["dropped", "doubled", "reset"]
Silence = Literal["half_open", "silent", "frozen"]
QUIET_S = 200.0  # three probes, and a recheck: what can be noticed is, and is known again


class Found(msgspec.Struct):
    """What a number of faults led to: how many fired, what differed, and what of it deserves to be shown."""

    count: int = 0
    differences: int = 0
    shown: list[str] = []

    def add(self, what: str, wrong: Sequence[str], *, count: int = 1) -> None:
        self.count += count
        self.differences += bool(wrong)
        if wrong and len(self.shown) < 3:
            self.shown.append(f"{what}: {wrong[0]}"[:300])


# ── lives over connections that break ────────────────────────────────────────────────────────────────────────────


def cuts(count: int, *, seed: int = 1, lives: int = 10) -> Found:
    """``count`` links cut at random, ten in a life; half of them in the middle of a frame."""
    found = Found()
    for first in range(0, count, lives):
        many = min(lives, count - first)
        wrong = run(_cut_life(random.Random(f"cuts {seed} {first}"), many))
        found.add(f"life {first}", wrong, count=many)
    return found


async def _cut_life(chance: random.Random, many: int) -> list[str]:
    scene = Scene(feed(), seed=chance.randrange(10**6))
    fired = 0
    async with scene:
        while fired < many:
            await scene.live_on(chance.randrange(1, 60), pause_s=chance.choice((0.003, 0.1, 0.9)))
            line = scene.server.lines[-1] if scene.server.lines else None
            if line is not None and line.end is None and not line.closed:
                if line.waiting and chance.random() < 0.5:
                    last = line.waiting.pop()
                    line.put(last.body[: chance.randrange(len(last.body))])
                while line.waiting and chance.random() < 0.5:
                    line.waiting.pop()
                line.cut()
                fired += 1
        await scene.live_on(20)
        await scene.pass_s(QUIET_S)
        return scene.differences() + ordered(scene)


def ordered(scene: Scene) -> list[str]:
    """Gaps open and close in turns, and every cut opened one."""
    gaps = scene.keeper.of(GapOpened, GapClosed)
    wrong = [
        "gaps do not open and close in turns"
        for number, each in enumerate(gaps)
        if isinstance(each, GapOpened) != (number % 2 == 0)
    ]
    return wrong + (["a gap is still open"] if len(gaps) % 2 else [])


# ── one frame of a script tampered with ──────────────────────────────────────────────────────────────────────────


def positions(how: Tamper, places: Sequence[int], *, frames: int = 200, seed: int = 1) -> Found:
    """A script of so many frames once for each place, and the frame there is lost, doubled, or the first of numbers
    that begin anew without a word."""
    found = Found()
    for place in places:
        scene_wrong, fired = run(_tampered_life(how, place, frames, seed))
        found.add(f"{how} {place}", scene_wrong, count=fired)
    return found


async def _tampered_life(how: Tamper, place: int, frames: int, seed: int) -> tuple[list[str], int]:
    scene = Scene(feed(), seed=seed)
    told = fired = 0
    lost: list[tuple[Line, str]] = []
    missed: list[str] = []  # what must be noticed by its number

    def tamper(line: Line, text: str) -> Sequence[str]:
        nonlocal told, fired
        told += 1
        kind, series, _, _, whole, rows = json.loads(text)
        if told != place + 1:
            missed.extend([series] if how == "dropped" and (line, series) in lost else [])
            return [text]
        fired += 1
        if how == "dropped":
            lost.extend([(line, series)] if series else [])
            return []
        if how == "doubled":
            return [text, text]
        line.numbers.clear()
        line.numbers[series] = 0
        missed.extend([series] if series else [])
        return [json.dumps([kind, series, 0, False, whole, rows])]

    scene.server.tampers = tamper
    async with scene:
        await scene.pass_s(30)
        while told < frames:
            await scene.live_on(1, pause_s=0.2)
        await scene.pass_s(QUIET_S)
        noticed = any(each.why.startswith("a frame is missing") for each in scene.keeper.of(GapOpened))
        wrong = ["not noticed by its number"] if missed and not noticed else []
        return wrong + scene.differences() + ordered(scene), fired


# ── silence ──────────────────────────────────────────────────────────────────────────────────────────────────────


def silences(how: Silence, count: int, *, seed: int = 1) -> Found:
    """Links that say nothing more from a random moment on: every one is noticed in time, and mends once it may."""
    found = Found()
    for number in range(count):
        found.add(f"{how} {number}", run(_silent_life(how, random.Random(f"{how} {seed} {number}"))))
    return found


async def _silent_life(how: Silence, chance: random.Random) -> list[str]:
    scene = Scene(feed(), seed=chance.randrange(10**6))
    async with scene:
        await scene.live_on(chance.randrange(20, 90), pause_s=chance.uniform(0.5, 2))
        before = len(scene.keeper.of(Stale))
        line = scene.server.line
        if how == "silent":
            scene.server.tampers = lambda at, text: [] if at is line else [text]
        else:
            line.silent = True
            scene.server.asks = scene.server.opens = how != "frozen"
        scene.truth.move(scene.chance)
        since_ns = scene.clock.now_ns()
        within_s = limits.FEED_SILENCE_S + limits.PROBE_S
        while len(scene.keeper.of(Stale)) == before and scene.clock.now_ns() < since_ns + within_s * SECOND_NS:
            await scene.live_on(1, pause_s=0.5)
        wrong = [] if len(scene.keeper.of(Stale)) > before else [f"not noticed within {within_s} s"]
        scene.server.asks = scene.server.opens = True
        await scene.pass_s(QUIET_S)
        return wrong + scene.differences() + ordered(scene)


# ── events in every order ────────────────────────────────────────────────────────────────────────────────────────


def orders(scripts: int, *, seed: int = 1, events: int = 7) -> Found:
    """Every permutation of the events of scripts, each delivered to a present of its own. One event of each is an
    answer that was on its way all the time, and one comes twice."""
    found = Found()
    for number in range(scripts):
        truth, script = scripted(random.Random(f"orders {seed} {number}"), events)
        for order in permutations(range(len(script))):
            found.add(f"script {number} {order}", delivered(truth, [script[each] for each in order]))
    return found


class Said(msgspec.Struct, frozen=True):
    """An event of a script: a frame of rows, or an answer (``stream`` by ``stream`` all that there was)."""

    readings: tuple[tuple[str, tuple[Fact, ...]], ...]
    answer: bool = False


def scripted(chance: random.Random, events: int) -> tuple[Truth, list[Said]]:
    """So many frames about few things, an answer among them, one frame twice; and what is true in the end."""
    now_ns = START_NS
    truth = Truth(lambda: now_ns)
    said: list[Said] = []
    steps = (truth.move, truth.place, truth.fill, truth.fill, truth.cancel)

    def tell(topic: str, rows: list[list[Any]]) -> None:
        nonlocal now_ns
        said.append(Said(((topic, tuple(map(fact_of, rows))),)))
        now_ns += SECOND_NS

    truth.listeners.append(tell)
    answer_at = chance.randrange(1, events - 1)
    while len(said) < events - 1:
        chance.choice(steps)(chance)
    said[answer_at:answer_at] = [_answer(chance)]
    del said[events - 1 :]
    said.append(said[chance.choice([each for each in range(events - 1) if each != answer_at])])
    return _replayed(said), said


def _answer(chance: random.Random) -> Said:
    """What was true before anything of the script happened, asked for then, and under way for any time."""
    rows = [["balance", asset, str(1000 + chance.randrange(3)), "0", START_NS - SECOND_NS] for asset in ("BTC", "XMR")]
    return Said((("balances", tuple(map(fact_of, rows))), (OPEN_ORDERS, ())), answer=True)


def _replayed(said: Sequence[Said]) -> Truth:
    """What a naive reader of the script in its own order believes."""
    truth = Truth(lambda: START_NS)
    truth.balances = {}
    for each in said:
        for topic, facts in each.readings:
            for fact in facts:
                if topic == "balances" and isinstance(fact, Balance):
                    known = truth.balances.get(fact.asset)
                    at_ns = fact.effective_ns or 0
                    if known is None or at_ns >= known[2]:
                        truth.balances[fact.asset] = (int(fact.total or 0), int(fact.used or 0), at_ns)
                elif topic == "fills" and isinstance(fact, Fill):
                    truth.fills.append((fact.native_id or "", "", 1, 0))  # twice, where it comes twice
                elif topic == "orders":
                    _order(truth, fact)
    return truth


def _order(truth: Truth, fact: Any) -> None:
    name = fact.native_id
    if fact.status in ("filled", "canceled"):
        truth.ended[name] = fact.status
        truth.orders.pop(name, None)
    elif name not in truth.ended and (name not in truth.orders or fact.updated_ns >= truth.orders[name][3]):
        truth.orders[name] = (int(fact.amount), int(fact.filled), fact.effective_ns, fact.updated_ns)


def delivered(truth: Truth, script: Sequence[Said]) -> list[str]:
    """Where the present differs from the truth after these events."""
    state = LiveState("mine", frozenset({"balances", "orders"}))
    fills: Counter[str] = Counter()
    for said in script:
        for stream, facts in said.readings:
            if said.answer:
                state.answer(stream, facts, since_frame=0, now_ns=START_NS)
                continue
            new = state.hear(Reading(stream, facts, whole=False), START_NS, numbered=False)
            fills.update(fact.native_id or "" for fact in new if isinstance(fact, Fill))
    balances = {fact.asset: (fact.total, fact.used) for fact in state.of("balances") if isinstance(fact, Balance)}
    wrong = []
    if balances != {asset: each[:2] for asset, each in truth.balances.items()}:
        wrong.append(f"balances {balances}")
    if {name: (each.amount, each.filled) for name, each in state.orders.items()} != {
        name: each[:2] for name, each in truth.orders.items()
    }:
        wrong.append(f"orders {dict(state.orders)}")
    if fills != Counter({row[0] for row in truth.fills}):
        wrong.append(f"fills {fills}")
    return wrong


# ── an answer among deltas ───────────────────────────────────────────────────────────────────────────────────────


def interleavings() -> Found:
    """Every way in which an answer and four frames can meet: asked for when so many had been heard, true when so many
    had been told, heard when so many had been heard. The frames are of one asset or of two, in every way; or name all
    positions that there are."""
    found = Found()
    for subjects in range(16):
        for asked, true, heard in _meetings():
            found.add(f"{subjects:04b} {asked} {true} {heard}", _met(subjects, asked, true=true, heard=heard))
            found.add(f"all {subjects:04b} {asked} {true} {heard}", _met_all(subjects, asked, true=true, heard=heard))
    return found


def _meetings() -> Iterator[tuple[int, int, int]]:
    for asked in range(5):
        for true in range(asked, 5):
            for heard in range(asked, 5):
                yield asked, true, heard


def _met(subjects: int, asked: int, *, true: int, heard: int) -> list[str]:
    names = ["BTC" if subjects >> place & 1 else "ETH" for place in range(4)]
    rows = [["balance", name, str(place + 1), "0", START_NS + place] for place, name in enumerate(names)]
    start = {"BTC": "0", "ETH": "0", "USD": "7"}

    def told(many: int) -> dict[str, str]:
        return start | {row[1]: row[2] for row in rows[:many]}

    answer = [["balance", name, total, "0", START_NS] for name, total in told(true).items()]
    state = _meet("balances", [[row] for row in rows], answer, asked=asked, heard=heard)
    shown = {fact.asset: str(fact.total) for fact in state.of("balances") if isinstance(fact, Balance)}
    return [] if shown == told(4) else [f"{shown} is not {told(4)}"]


def _met_all(subjects: int, asked: int, *, true: int, heard: int) -> list[str]:
    """Each frame names the positions that there are: one comes and goes as the bits say."""
    frames = [
        [["position", contract, str(place + 1), "100"] for contract in CONTRACTS[: 1 + (subjects >> place & 1)]]
        for place in range(4)
    ]
    before = [["position", CONTRACTS[1], "9", "100"]]
    answer = ([before, *frames])[true]
    state = _meet("positions", frames, answer, asked=asked, heard=heard)
    shown = sorted(
        (str(getattr(fact, "instrument", "")), str(getattr(fact, "size", ""))) for fact in state.of("positions")
    )
    expected = sorted((row[1], row[2]) for row in frames[3])
    return [] if shown == expected else [f"{shown} is not {expected}"]


def _meet(stream: str, frames: list[Any], answer: list[Any], *, asked: int, heard: int) -> LiveState:
    state = LiveState("mine", frozenset({stream}))
    since = 0
    for place in range(5):
        since = state.frames if place == asked else since
        if place == heard:
            state.answer(stream, [fact_of(row) for row in answer], since_frame=since, now_ns=START_NS)
        if place < 4:
            facts = tuple(fact_of(row) for row in frames[place])
            state.hear(Reading(stream, facts, whole=stream == "positions"), START_NS, numbered=True)
    return state


# ── controls ─────────────────────────────────────────────────────────────────────────────────────────────────────


def plants() -> dict[str, Callable[[Any], None]]:
    """Mistakes that one could make, by name: each takes what sets an attribute (``monkeypatch.setattr``)."""
    return {"pongs": _count_pongs, "fill": _skip_fill, "reset": _ignore_resets, "older": _take_what_is_older}


def _count_pongs(put: Any) -> None:
    """The link gives signs of life, so the data must be right."""
    from nostro.link.live import LiveFeed

    async def trusting(self: LiveFeed, line: object) -> None:
        return None

    put(LiveFeed, "_probe", trusting)


def _skip_fill(put: Any) -> None:
    """After a reconnection the frames will tell."""
    from nostro.link.live import LiveFeed

    async def skipped(self: LiveFeed, until_ns: int) -> int:
        self._proven_ns = until_ns
        return 0

    put(LiveFeed, "_fill", skipped)


def _ignore_resets(put: Any) -> None:
    """`if number <= last: ignore`."""
    from nostro.link.feed import FeedState

    follows = FeedState._follows

    def ignoring(self: FeedState, news: Any, body: bytes) -> tuple[bool, bool]:
        last = self._last.get(news.series)
        if news.series and last is not None and not news.begins and news.number <= last[0]:
            return False, True
        return follows(self, news, body)

    put(FeedState, "_follows", ignoring)


def _take_what_is_older(put: Any) -> None:
    """Whatever comes last holds: frames older than an answer, answers older than frames."""
    from nostro.link import live_state, told

    put(live_state, "is_earlier", lambda fact, known: False)
    put(told, "is_older", lambda one, other: False)
    put(LiveState, "frame_of", lambda self, stream, of=None: 0)
