"""Shows on random lives of a venue, margin included, that every frame satisfies a client as strict as the exchange's
own, and ours; that both are told what the venue's rows say, digit by digit; and that what was told, folded upon what
the account said before, is what requests answer once all is quiet (E13).
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from conformance.feed_line import Line, hub_of, token
from conformance.real_venue import Clock
from conformance.strict_feed import Refused, StrictClient
from conformance.wire_client import WireClient
from naive.grounds import NARROW, WIDE, Ground
from naive.workload import START_NS, Workload
from nostro.domain.records import Balance, Order, PublicTrade
from nostro.exchanges import exchange
from nostro.link.declare import Query, Signing
from nostro.link.feed import FeedReader, Heard
from nostro.link.frames import BookChange, News
from nostro.link.view import VenueOrder
from nostro.paper.server import Server
from nostro.paper.venue.venue import Venue
from paper.differential import venue_envelope, venue_profile

ALP = exchange("alp")
TOPICS = ("trade.*", "ticker.*", "rates.*")
OPENING = 120  # commands before anybody listens
WATCHED = (1, 2, 6)  # a master, one without sub-accounts, a sub-account of the first


class Life:
    """A venue that lives a workload, and a hub over it."""

    def __init__(self, folder: Path, seed: int, ground: Ground = NARROW) -> None:
        self.workload = Workload(random.Random(seed), ground)
        self.clock = Clock(START_NS)
        self.profile = venue_profile(ground.profile)
        self.venue = Venue.open(folder / "venue.db", now_ns=self.clock, profile=self.profile)
        self.trades: dict[int, tuple[str, Decimal, Decimal, str]] = {}
        self.orders: dict[int, VenueOrder] = {}
        self.live(OPENING)
        self.logins = {
            user: self.venue.create_key(user, f"key {user}", permissions=("read", "trade", "margin"))
            for user in WATCHED
        }
        self.hub = hub_of(self.venue)
        self.server = Server(ALP, self.venue)

    def live(self, commands: int) -> None:
        for _ in range(commands):
            envelope = venue_envelope(self.workload.next())
            self.clock.now_ns = max(self.clock.now_ns, envelope.at_ns)
            outcome = self.venue.carry_out(
                envelope.command, user=envelope.user, at_ns=envelope.at_ns, command_id=envelope.id
            )
            self.workload.seen(outcome)
            self.trades |= {row.id: (row.instrument.replace("/", "_"), row.amount, row.price, row.side)
                            for row in outcome.trades}  # fmt: skip
            self.orders |= {row.id: row for row in outcome.orders}

    def client(self, user: int) -> WireClient:
        return WireClient(ALP, self.server.handle, self.logins[user])

    def topics(self) -> list[str]:
        pairs = [each.symbol.replace("/", "_") for each in self.venue.instruments()]
        return [*TOPICS, *(f"{name}.{pair}" for name in ("diff", "market_depth", "ticker") for pair in pairs)]


@pytest.fixture(name="life", params=[1, 2, 4])
def life_of(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Life]:
    life = Life(tmp_path, request.param, WIDE if request.param == 4 else NARROW)
    yield life
    life.venue.close()


def balances(life: Life, user: int) -> dict[tuple[str, str], tuple[Decimal | None, Decimal | None]]:
    """What requests answer of the user itself."""
    facts = life.client(user).ask("balances")
    return {(fact.wallet, fact.asset): (fact.total, fact.used) for fact in facts
            if isinstance(fact, Balance) and fact.sub_account == str(user)}  # fmt: skip


def open_orders(life: Life, user: int) -> dict[str, tuple[object, ...]]:
    query = Query(where={"open_only": "true"}, since_ns=life.clock() - 29 * 86_400 * 10**9, until_ns=life.clock() + 1)
    facts = life.client(user).ask("orders", query)
    return {str(fact.native_id): state(fact) for fact in facts
            if isinstance(fact, Order) and fact.sub_account == str(user)}  # fmt: skip


def books(life: Life) -> dict[str, list[dict[Decimal, Decimal]]]:
    """Asks and bids of every instrument, whole."""
    return {
        each.symbol: [dict(life.venue.depth(each.symbol, side, levels=None, grouped=True)) for side in ("sell", "buy")]
        for each in life.venue.instruments()
    }


def state(order: Order) -> tuple[object, ...]:
    return (
        order.instrument, order.side, order.type, order.status, order.amount, order.filled, order.canceled,
        order.remaining, order.price, order.stop_price, order.updated_ns,
    )  # fmt: skip


def test_the_strictest_client_takes_every_frame_and_is_told_the_truth(life: Life) -> None:
    lines = {user: Line(life.hub, life.clock) for user in WATCHED}
    clients = {user: StrictClient() for user in WATCHED}
    for user, line in lines.items():
        life.hub.receive(line.session, json.dumps(["auth", token(life.venue, life.logins[user])]))
        life.hub.receive(line.session, json.dumps(["subscribe", *life.topics()]))
        clients[user].books = {symbol.replace("/", "_"): tuple(book) for symbol, book in books(life).items()}  # type: ignore[misc]
    before = set(life.trades)
    for _ in range(200):
        life.live(6)
        life.hub.beat()
        for user, line in lines.items():
            for frame in line.taken():
                clients[user].receive(frame)
            for answer in clients[user].answers:
                life.hub.receive(line.session, answer)
            clients[user].answers.clear()
    life.hub.beat()
    for user, line in lines.items():
        for frame in line.taken():
            clients[user].receive(frame)
        same_as_the_venue(life, user, clients[user], before)
    heard = sum((client.heard for client in clients.values()), start=Counter())
    assert sum(heard.values()) > 3_000
    assert all(heard[kind] >= 10 for kind in ("tk", "t", "r", "d", "p", "w", "o")), heard
    wallets = {kind for client in clients.values() for _, kind, _ in client.wallets}
    assert wallets >= {"SPOT", "CROSS_MARGIN", "ISOLATED_MARGIN"}


def same_as_the_venue(life: Life, user: int, client: StrictClient, before: set[int]) -> None:
    """Every row that the client was told is the venue's, digit by digit."""
    written = {
        "spot": "SPOT",
        "funding": "FUNDING",
        "cross_margin": "CROSS_MARGIN",
        "isolated_margin": "ISOLATED_MARGIN",
    }
    rows = {}
    for row in life.venue.balances(user):
        kind, _, symbol = row.wallet.partition(":")
        rows[(row.asset, written[kind], symbol.replace("/", "_"))] = row.total, row.held
    assert client.wallets
    assert client.wallets.items() <= rows.items()
    assert client.trades == {number: trade for number, trade in life.trades.items() if number not in before}
    assert client.orders
    for number, told in client.orders.items():
        order = life.orders[number]
        assert order.user == user
        assert (told["amount"], told["filled"], told["canceled"], told["value"]) == (
            order.amount, order.filled, order.canceled, order.cost
        )  # fmt: skip
        assert told["unfilled"] == order.amount - order.filled - order.canceled
        assert (told["price"], told["stop_price"], told["quote_amount"]) == (
            order.price or 0, order.stop_price, order.quote_amount
        )  # fmt: skip
        assert (told["done_at"] is None) == order.is_open
        assert (told["average"] is None) == (not order.filled)
        if order.filled:
            assert abs(Fraction(told["average"]) - Fraction(order.cost) / Fraction(order.filled)) <= Fraction(
                1, 2 * 10**8
            )
    for symbol, (asks, bids) in books(life).items():
        name = symbol.replace("/", "_")
        assert client.books[name] == (asks, bids)
        if name in client.depths:
            depth = client.depths[name]
            assert dict(depth["asks"]) == dict([*asks.items()][:20])
            assert dict(depth["bids"]) == dict([*bids.items()][:20])
            assert depth["totals"] == (sum(asks.values()), sum(bids.values()))


class VenueClock:
    """The venue's time as ours."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now_ns(self) -> int:
        return self._clock()

    async def sleep(self, pause_s: float) -> None:
        self._clock.now_ns += int(pause_s * 10**9)


async def collected(reader: FeedReader, line: Line) -> list[Heard]:
    """What our client hears until nothing waits."""
    heard = []
    frames = reader.frames()
    while line.session.outgoing:
        heard.append(await anext(frames))
    await frames.aclose()  # type: ignore[attr-defined]
    return heard


class Folded:
    """What requests answered once, and since then only what our client heard."""

    def __init__(self, life: Life, user: int) -> None:
        self.money, self.orders = balances(life, user), open_orders(life, user)
        self.books = books(life)
        self.trades: set[int] = set()
        self.told: Counter[str] = Counter()

    def add(self, heard: Heard) -> None:
        assert not isinstance(heard.meaning, Exception), heard
        for item in heard.meaning.items if isinstance(heard.meaning, News) else ():
            self.told[type(item).__name__] += 1
            if isinstance(item, Balance):
                self.money[(item.wallet, item.asset)] = item.total, item.used
            elif isinstance(item, Order):
                self.orders.pop(str(item.native_id), None)
                if item.status in ("pending", "open", "partially_filled"):
                    self.orders[str(item.native_id)] = state(item)
            elif isinstance(item, PublicTrade):
                self.trades.add(int(item.native_id or 0))
            elif isinstance(item, BookChange):
                self.change(item)

    def change(self, item: BookChange) -> None:
        for side, levels in zip(self.books[item.instrument], (item.asks, item.bids), strict=True):
            for price, change in levels:
                side[price] = side.get(price, Decimal(0)) + change
                if not side[price]:
                    del side[price]


def test_our_client_folds_to_what_requests_answer(life: Life) -> None:
    """E13: balances, open orders and books."""

    async def run() -> None:
        assert ALP.feed is not None
        line, user = Line(life.hub, life.clock), WATCHED[0]
        reader = FeedReader(ALP.feed, line, clock=VenueClock(life.clock))
        await reader.sign_in(Signing(None, token(life.venue, life.logins[user]), 0))
        await reader.subscribe(*life.topics())
        folded, before = Folded(life, user), set(life.trades)
        for _ in range(120):
            life.live(6)
            life.hub.beat()
            for heard in await collected(reader, line):
                folded.add(heard)
        assert folded.money == balances(life, user)
        assert folded.orders == open_orders(life, user)
        assert folded.books == books(life)
        assert folded.trades == set(life.trades) - before
        kinds = ("Balance", "Order", "PublicTrade", "BookChange", "OrderBook", "Ticker", "Rate")
        assert all(folded.told[kind] > 10 for kind in kinds), folded.told
        assert (reader.state.signed_in, reader.state.broken) == ("yes", 0)
        assert reader.state.topics == set(life.topics())

    asyncio.run(run())


def test_the_strict_client_has_teeth() -> None:
    good = {
        "w": ["w", 1, "USDT", "SPOT", "", "5.0", "1.0"],
        "o": ["o", 1, 5, "A_B", "ASK", "LIMIT", "0.5", "0", "0.2", "0.3", "0.0", "1", None, None, "OPEN", None, "SPOT",
              None, ""],
    }  # fmt: skip
    for frame in good.values():
        StrictClient().receive(json.dumps(frame))
        for bad in (frame[:-1], [*frame, ""], [*frame[:6], 0.5, *frame[7:]], [*frame[:6], None, *frame[7:]], frame[:2]):
            with pytest.raises((Refused, TypeError)):
                StrictClient().receive(json.dumps(bad))
    for place in (7, 18):  # the price of a market order, the operator of an order that is no stop
        with pytest.raises(Refused):
            StrictClient().receive(json.dumps([*good["o"][:place], None, *good["o"][place + 1 :]]))
