"""A toy exchange for the tests of feeds: a truth of balances, positions, orders and fills that changes by steps, told
in frames of JSON to whoever is connected and shown in answers to whoever asks, in virtual time. What goes wrong on the
way, a test decides (`Server.tampers`, `Server.answers`, `Line.cut`). Its truth is kept in plain numbers.

Balances come as a numbered snapshot and then one by one, positions all of them in each numbered frame, orders and fills
by themselves. An order that ended says its id and its end alone.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self, cast

import msgspec

from link.toy_wire import ASSETS, CONTRACTS, SETTLE_S, Key, fact_of, toy_exchange
from nostro.domain.fact import Balance, Fact
from nostro.domain.records import Position
from nostro.domain.values import SECOND_NS
from nostro.errors import LinkError, NostroError
from nostro.link.declare import Page, Signing
from nostro.link.events import AnyEvent, Update
from nostro.link.frames import Arrival, Feed
from nostro.link.live import LiveFeed
from nostro.link.wire import WireSource
from virtual_time import Clock

# ── the truth ────────────────────────────────────────────────────────────────────────────────────────────────────


class Truth:
    """What is so, and the frame that each change makes, by topic."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.now_ns = now_ns
        self.balances = {asset: (1000, 0, now_ns()) for asset in ASSETS}
        self.positions: dict[str, int] = {}
        self.marks = dict.fromkeys(CONTRACTS, 100)
        self.orders: dict[str, tuple[int, int, int, int]] = {}  # amount, filled, placed, updated; what is open
        self.ended: dict[str, str] = {}
        self.fills: list[tuple[str, str, int, int]] = []
        self.placed: dict[str, list[Any]] = {}  # every order as it was last
        self.listeners: list[Callable[[str, list[list[Any]]], None]] = []
        self._number = 0

    def step(self, chance: random.Random) -> None:
        """Something happens."""
        chance.choice((self.move, self.move, self.place, self.fill, self.fill, self.cancel, self.hold, self.mark))(
            chance
        )

    def move(self, chance: random.Random) -> None:
        asset = chance.choice(ASSETS)
        total, used, _ = self.balances[asset]
        self._balance(asset, total + chance.randrange(1, 50), used)

    def hold(self, chance: random.Random) -> None:
        contract = chance.choice(CONTRACTS)
        size = self.positions.get(contract, 0) + chance.choice((-1, 1))
        if size:
            self.positions[contract] = size
        else:
            self.positions.pop(contract)
        self._tell("positions", self.rows("positions"))

    def mark(self, chance: random.Random) -> None:
        self.marks[chance.choice(CONTRACTS)] += chance.choice((-1, 1))
        self._tell("positions", self.rows("positions"))

    def place(self, chance: random.Random) -> None:
        self._number += 1
        now_ns = self.now_ns()
        self._order(f"o{self._number}", chance.randrange(2, 6), 0, now_ns, now_ns)

    def fill(self, chance: random.Random) -> None:
        if not self.orders:
            return self.place(chance)
        name = chance.choice(sorted(self.orders))
        amount, filled, placed_ns, _ = self.orders[name]
        row = (f"f{len(self.fills)}", name, 1, self.now_ns())
        self.fills.append(row)
        self._order(name, amount, filled + 1, placed_ns, self.now_ns())
        self._tell("fills", [["fill", *row[:2], str(row[2]), row[3]]])
        total, used, _ = self.balances["BTC"]
        self._balance("BTC", total + 1, used)
        return None

    def cancel(self, chance: random.Random) -> None:
        if not self.orders:
            return self.place(chance)
        name = chance.choice(sorted(self.orders))
        del self.orders[name]
        self.ended[name] = "canceled"
        self._tell("orders", [["end", name, "canceled"]])
        return None

    def _balance(self, asset: str, total: int, used: int) -> None:
        self.balances[asset] = (total, used, self.now_ns())
        self._tell("balances", [self._balance_row(asset)])

    def _order(self, name: str, amount: int, filled: int, placed_ns: int, updated_ns: int) -> None:
        row = ["order", name, str(amount), str(filled), placed_ns, updated_ns]
        self.placed[name] = row
        if filled == amount:
            self.orders.pop(name, None)
            self.ended[name] = "filled"
        else:
            self.orders[name] = (amount, filled, placed_ns, updated_ns)
        self._tell("orders", [row])

    def _tell(self, topic: str, rows: list[list[Any]]) -> None:
        for listener in self.listeners:
            listener(topic, rows)

    def _balance_row(self, asset: str) -> list[Any]:
        total, used, at_ns = self.balances[asset]
        return ["balance", asset, str(total), str(used), at_ns]

    def rows(self, topic: str) -> list[list[Any]]:
        """All that there is, as frames and answers have it."""
        if topic == "balances":
            return [self._balance_row(asset) for asset in ASSETS]
        if topic == "positions":
            return [["position", each, str(size), str(self.marks[each])] for each, size in self.positions.items()]
        return [self.placed[name] for name in self.orders]


# ── what carries it ──────────────────────────────────────────────────────────────────────────────────────────────


class Server:
    """Who is connected, and what they are told. ``pongs``: signs of life below the frames come every 10 s."""

    def __init__(self, truth: Truth, *, greeting: Sequence[str] = ('["hello"]',)) -> None:
        self.truth = truth
        self.greeting = list(greeting)
        self.lines: list[Line] = []
        self.opened: list[Mapping[str, str]] = []
        self.pings: list[int | None] = []
        self.opens = True
        self.pongs = True
        self.asks = True  # whether requests are answered
        self.latency_s = 0.01
        self.tampers: Callable[[Line, str], Sequence[str]] = lambda line, text: [text]  # what becomes of a frame
        self.answers: Callable[[Line, str], Sequence[str]] = plainly
        self.ended: Counter[str] = Counter()
        self.frames = 0
        truth.listeners.append(self._told)

    async def open(self, url: str, headers: Mapping[str, str], *, ping_every_s: int | None) -> Line:
        assert url == "ws://toy/ws"
        self.opened.append(headers)
        self.pings.append(ping_every_s)
        await asyncio.sleep(self.latency_s)
        if not self.opens:
            raise LinkError("nobody is there")
        line = Line(self)
        self.lines.append(line)
        for text in self.greeting:
            line.put(text)
        return line

    @property
    def line(self) -> Line:
        return self.lines[-1]

    def _told(self, topic: str, rows: list[list[Any]]) -> None:
        for line in self.lines:
            if topic in line.topics and line.end is None and not line.closed:
                self.frames += 1
                for text in self.tampers(line, line.news(topic, rows)):
                    line.put(text)


def plainly(line: Line, text: str) -> Sequence[str]:
    """What is answered to a message: a subscription is acknowledged, and begins with all that there is."""
    action, *said = json.loads(text)
    if action != "subscribe":
        return []
    topics = [each for each in said if isinstance(each, str)]
    line.topics.update(topics)
    began = [line.news(each, line.server.truth.rows(each), begins=True) for each in topics if each != "fills"]
    return [json.dumps(["subscribed", *topics]), *began]


class Line:
    """One connection in memory. ``cut`` ends it; ``silent``: it says nothing any more, and does not end."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.topics: set[str] = set()
        self.sent: list[str] = []
        self.end: str | None = None
        self.closed = False
        self.silent = False
        self.numbers: Counter[str] = Counter()
        self.waiting: deque[Arrival] = deque()
        self._woken = asyncio.Event()
        self._pong_s = asyncio.get_running_loop().time() + 10

    def news(self, topic: str, rows: list[list[Any]], *, begins: bool = False) -> str:
        numbered = topic in ("balances", "positions")
        number = 0 if begins or topic not in self.numbers else self.numbers[topic] + 1
        self.numbers[topic] = number
        whole = ["positions"] if topic == "positions" else []
        return json.dumps(["news", topic if numbered else "", number, numbered and begins, whole, rows])

    def put(self, text: str | bytes, kind: Any = "text") -> None:
        if not self.silent and self.end is None:
            self.waiting.append(Arrival(text.encode() if isinstance(text, str) else text, kind))
            self._woken.set()

    def cut(self, why: str = "the link broke") -> None:
        self.end = self.end or why
        self.server.ended[why] += 1
        self._woken.set()

    # ── what the client does with it ─────────────────────────────────────────────────────────────────────────────

    async def send(self, text: str) -> None:
        if self.end is not None:
            raise LinkError(self.end)
        self.sent.append(text)
        for answer in self.server.answers(self, text):
            self.put(answer)

    async def receive(self, wait_s: float) -> Arrival | None:
        until_s = asyncio.get_running_loop().time() + wait_s
        while True:
            if self.waiting:
                return self.waiting.popleft()
            if self.end is not None:
                raise LinkError(self.end)
            now_s = asyncio.get_running_loop().time()
            if self.server.pongs and not self.silent and now_s >= self._pong_s:
                self._pong_s = now_s + 10
                return Arrival(b"", "ping")
            if now_s >= until_s:
                return None
            self._woken.clear()
            due_s = min(until_s, self._pong_s) if self.server.pongs and not self.silent else until_s
            try:
                async with asyncio.timeout_at(max(due_s, now_s + 1e-9)):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def close(self) -> None:
        self.closed = True


class Source:
    """What `LiveFeed` wants of a `WireSource`."""

    def __init__(self, feed: Feed | None, clock: Clock) -> None:
        self.exchange = toy_exchange(feed)
        self.account = "mine"
        self.clock = clock
        self.ahead_ns = 0
        self.token = ""
        self.token_ends_ns: int | None = None
        self.life_s = 0
        self.signed: list[str] = []
        self.refused = 0
        self.refuses: NostroError | None = None

    async def feed_signing(self) -> Signing:
        await asyncio.sleep(0.01)
        if self.refuses is not None:
            raise self.refuses
        if self.life_s and (not self.token or self.clock.now_ns() > (self.token_ends_ns or 0) - 60 * SECOND_NS):
            self.signed.append(f"token-{len(self.signed)}-of-this-account")
            self.token = self.signed[-1]
            self.token_ends_ns = self.clock.now_ns() + self.life_s * SECOND_NS
        return Signing(Key(), self.token, self.clock.now_ns())

    async def feed_facts(self) -> tuple[Fact, ...]:
        return ()

    def refuse_token(self) -> None:
        self.refused += 1
        self.token = ""


class Keeper:
    """Keeps what it is told; answers from the truth. ``stores``: whether pages get numbers."""

    def __init__(self, server: Server, clock: Clock, *, stores: bool = True) -> None:
        self.server = server
        self.clock = clock
        self.keeps = stores
        self.events: list[AnyEvent] = []
        self.pages: list[Page] = []
        self.filled: list[tuple[int, int]] = []
        self.probed: list[int] = []
        self.live: LiveFeed | None = None
        self.fails: NostroError | None = None
        self.shows: Callable[[dict[str, list[Fact]]], Mapping[str, Sequence[Fact]]] = lambda found: found
        self.store_s = 0.0

    def tell(self, event: AnyEvent) -> None:
        self.events.append(event)

    async def keep(self, page: Page) -> int | None:
        await asyncio.sleep(self.store_s)
        self.pages.append(page)
        return len(self.pages) if self.keeps else None

    async def fill(self, since_ns: int, until_ns: int) -> int:
        await self._asked()
        left_s = (until_ns - self.clock.now_ns()) / SECOND_NS + SETTLE_S
        await asyncio.sleep(max(0, left_s))
        self.filled.append((since_ns, until_ns))
        assert self.live is not None
        truth = self.server.truth
        fills = [["fill", *row[:2], str(row[2]), row[3]] for row in truth.fills if since_ns <= row[3] < until_ns]
        orders = [
            row for row in truth.placed.values() if since_ns <= row[4] < until_ns or row[1] in self.live.state.lost
        ]
        return self.live.learn("orders", [self._order(row) for row in orders]) + self.live.learn(
            "fills", [self._stamped(fact_of(row)) for row in fills]
        )

    def _order(self, row: list[Any]) -> Fact:
        """An order as its history has it: canceled ones say so."""
        fact, truth = fact_of(row), self.server.truth
        if truth.ended.get(row[1]) == "canceled":
            fact = msgspec.structs.replace(fact, status="canceled")
        assert self.live is not None
        self.live.state.lost.pop(row[1], None)
        return self._stamped(fact)

    async def probe(self) -> Mapping[str, Sequence[Fact]]:
        await self._asked()
        self.probed.append(self.clock.now_ns())
        truth = self.server.truth
        topics = {"balances": "balances", "positions": "positions", "open_orders": "orders"}
        found = {name: [self._stamped(fact_of(row)) for row in truth.rows(topic)] for name, topic in topics.items()}
        await asyncio.sleep(self.server.latency_s)
        return self.shows(found)

    async def _asked(self) -> None:
        await asyncio.sleep(self.server.latency_s)
        if not self.server.asks:
            await asyncio.sleep(60)
            raise LinkError("no answer within 60 s")
        if self.fails is not None:
            raise self.fails

    def _stamped(self, fact: Fact) -> Fact:
        at_ns = self.clock.now_ns()
        effective_ns = at_ns if fact.effective_ns is None else fact.effective_ns
        return msgspec.structs.replace(
            fact, exchange="alp", account="mine", observed_ns=at_ns, effective_ns=effective_ns
        )

    # ── what was told ────────────────────────────────────────────────────────────────────────────────────────────

    def of(self, *kinds: type) -> list[Any]:
        return [each for each in self.events if isinstance(each, kinds)]

    def names(self) -> list[str]:
        """The kinds of events but updates and what is stored, in order."""
        return [type(each).__name__ for each in self.events if type(each).__name__ not in ("Update", "Stored")]

    def rows(self, stream: str) -> Iterator[Update]:
        return (each for each in self.of(Update) if each.stream == stream)


class Scene:
    """An account at the toy exchange, followed. Begin with `start`, in a running loop."""

    def __init__(
        self, feed: Feed | None, *, heard_ns: int | None = None, seed: int = 1, stores: bool = True,
        greeting: Sequence[str] = ('["hello"]',),
    ) -> None:  # fmt: skip
        self.clock = Clock()
        self.chance = random.Random(seed)
        self.truth = Truth(self.clock.now_ns)
        self.server = Server(self.truth, greeting=greeting)
        self.keeper = Keeper(self.server, self.clock, stores=stores)
        self.source = Source(feed, self.clock)
        self.live = LiveFeed(
            cast("WireSource", self.source), url="ws://toy/ws", open_connection=self.server.open, clock=self.clock,
            randomness=random.Random(seed), keeper=self.keeper, heard_ns=heard_ns,
        )  # fmt: skip
        self.keeper.live = self.live
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.live.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])
        if not self.task.cancelled():
            self.task.result()

    async def pass_s(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)

    async def live_on(self, steps: int, pause_s: float = 1.0) -> None:
        for _ in range(steps):
            await asyncio.sleep(pause_s)
            self.truth.step(self.chance)
        await asyncio.sleep(0.001)  # the last frame is heard

    def differences(self) -> list[str]:
        """Where the present differs from the truth."""
        state, truth = self.live.state, self.truth
        balances = {each.asset: (each.total, each.used) for each in state.of("balances") if isinstance(each, Balance)}
        positions = {each.instrument: each.size for each in state.of("positions") if isinstance(each, Position)}
        orders = {name: (order.amount, order.filled) for name, order in state.orders.items()}
        expected = (
            {asset: (total, used) for asset, (total, used, _) in truth.balances.items()}, truth.positions,
            {name: order[:2] for name, order in truth.orders.items()},
        )  # fmt: skip
        found = (balances, positions, orders)
        wrong = [f"{one} is not {other}" for one, other in zip(found, expected, strict=True) if one != other]
        told = Counter(each.fact.native_id for each in self.keeper.rows("fills"))
        known_ns = self.keeper.events[0].at_ns
        happened = Counter(row[0] for row in truth.fills if row[3] >= known_ns)
        wrong += [f"fills told {told - happened}, untold {happened - told}"] if told != happened else []
        numbers = [each.number for each in self.keeper.of(Update)]
        wrong += ["updates are not counted one by one"] if numbers != list(range(1, len(numbers) + 1)) else []
        return wrong
