"""Shows that what the client reads over Kraken Futures' wire is what the real venue holds, row by row: the expectation
is built here from the venue's rows, by hand and in our words. Times are cut to milliseconds on this wire.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from conformance.wire_client import WireClient
from exchanges.kraken_futures.scene import DAY, ETHER, INVERSE, LINEAR, NOW, Scene
from nostro.exchanges.kraken_futures import EXCHANGE
from nostro.keys import Credentials
from nostro.link.declare import Query
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.wire import WireSource
from nostro.paper.server import Server

ORDER = "00000002-0000-4000-8000-{:012x}"
FILL = "00000003-0000-4000-8000-{:012x}"
ENDED = {"filled", "canceled", "partially_canceled", "expired"}
ZERO = Decimal(0)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    found = Scene(tmp_path_factory.mktemp("venue"))
    yield found
    found.close()


@pytest.fixture
def client(scene: Scene) -> WireClient:
    scene.wait(60)  # the budget of the key is full again
    return WireClient(EXCHANGE, Server(EXCHANGE, scene.venue).handle, scene.trader, now_ns=NOW)


def milli(time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns // 1_000_000 * 1_000_000


class Memory:
    """A transport without a socket."""

    def __init__(self, scene: Scene) -> None:
        self._handle = Server(EXCHANGE, scene.venue).handle
        self._scene = scene
        self.seen: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpAnswer:
        self.seen.append(request)
        self._scene.wait(30)
        return self._handle(request)

    async def close(self) -> None:
        return None


class Now:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def now_ns(self) -> int:
        return self._scene.clock.now_ns

    async def sleep(self, seconds: float) -> None:
        self._scene.wait(seconds)


def swept(scene: Scene, stream: str, since_ns: int, until_ns: int, **where: str) -> tuple[list[Any], list[Any], int]:
    """All that the source gives of a stream, what it claims, and how many pages it took."""
    transport = Memory(scene)
    source = WireSource(
        EXCHANGE, transport, account="a", credentials=Credentials(scene.trader.key, scene.trader.secret),
        url=EXCHANGE.url, clock=Now(scene), randomness=random.Random(1),
    )  # fmt: skip

    async def all_of_it() -> tuple[list[Any], list[Any]]:
        facts, claims = [], []
        async for step in source.sweep(stream, since_ns, until_ns, where):
            facts += step.facts
            claims += step.claims
        return facts, claims

    facts, claims = asyncio.run(all_of_it())
    return facts, claims, len(transport.seen)


# ── histories ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_orders(scene: Scene, client: WireClient) -> None:
    rows = {ORDER.format(row.id): row for row in scene.venue.orders(scene.trader.user)
            if row.stop_price is None or row.opened_ns != row.placed_ns}  # fmt: skip
    facts, claims, _ = swept(scene, "orders", NOW - 4 * DAY, NOW)
    assert {fact.native_id for fact in facts} == set(rows)
    assert len(facts) == len(rows) >= 12
    assert {fact.status for fact in facts} >= {"filled", "canceled", "open", "partially_canceled"}
    for fact in facts:
        row = rows[str(fact.native_id)]
        kind = {"stop_limit": "limit"}.get(row.type, row.type)
        assert (fact.instrument, fact.side, fact.type, fact.status) == (row.instrument, row.side, kind, row.status)
        assert (fact.amount, fact.filled, fact.canceled) == (row.amount, row.filled, row.canceled)
        assert fact.remaining == row.amount - row.filled - row.canceled
        assert (fact.price, fact.time_in_force, fact.client_id) == (row.price, row.time_in_force, row.client_id or None)
        assert (fact.effective_ns, fact.updated_ns) == (milli(row.opened_ns), milli(row.updated_ns))
        assert fact.done_ns == milli(row.done_ns)
        assert (fact.wallet, fact.reduce_only, bool(fact.post_only)) == (row.wallet, row.reduce_only, row.post_only)
        assert (fact.status in EXCHANGE.stream("orders").terminal) == (row.status in ENDED)  # type: ignore[union-attr]
    assert [(claim.status, claim.since_ns, claim.until_ns) for claim in claims] == [("proven", NOW - 4 * DAY, NOW)]


def test_open_orders(scene: Scene, client: WireClient) -> None:
    facts = client.ask("open_orders")
    rows = {ORDER.format(row.id): row for row in scene.venue.orders(scene.trader.user, open_only=True)}
    assert {fact.native_id for fact in facts} == set(rows)
    assert len(rows) >= 3
    for fact in facts:
        row = rows[str(fact.native_id)]
        assert (fact.type, fact.status, fact.price, fact.stop_price) == (
            row.type,
            row.status,
            row.price,
            row.stop_price,
        )
        assert (fact.stop_operator, fact.amount, fact.remaining) == (row.stop_operator, row.amount, row.amount)
        assert fact.trigger == (row.trigger if row.stop_price else None)
        assert client.ask("open_orders", Query(where={"instrument": row.instrument}))
    assert {"pending", "open"} == {fact.status for fact in facts}


def test_fills(scene: Scene, client: WireClient) -> None:
    facts, _, _ = swept(scene, "fills", NOW - 4 * DAY, NOW)
    rows = list(scene.venue.fills(scene.trader.user))
    assert [fact.native_id for fact in facts] == [FILL.format(row.id) for row in rows]
    assert {row.maker for row in rows} == {True, False}
    for fact, row in zip(facts, rows, strict=True):
        assert (fact.instrument, fact.side, fact.price, fact.amount) == (
            row.instrument, row.side, row.price, row.amount,
        )  # fmt: skip
        assert (fact.fee, fact.fee_asset, fact.maker) == (row.fee, row.fee_asset, row.maker)
        assert (fact.order_id, fact.mark_price, fact.wallet) == (ORDER.format(row.order_id), row.mark, row.wallet)
        assert (fact.effective_ns, fact.liquidation) == (milli(row.time_ns), row.liquidation)
        assert Decimal(fact.extra["position_size"]) == row.size_after
    of_one = client.ask("fills", Query(where={"instrument": INVERSE}))
    assert len(of_one) == sum(row.instrument == INVERSE for row in rows) >= 4


def test_entries_are_one_chain_and_hold_every_change(scene: Scene) -> None:
    facts, claims, _ = swept(scene, "entries", NOW - 4 * DAY, NOW)
    after: dict[tuple[str, str], Decimal] = {}
    for fact in facts:
        assert fact.before == after.get((fact.wallet, fact.asset), ZERO), fact
        assert fact.after == fact.before + fact.amount
        after[fact.wallet, fact.asset] = fact.after
    totals = {(row.wallet, row.asset): row.total for row in scene.venue.balances(scene.trader.user)}
    assert after == {key: total for key, total in totals.items() if key[0] != "funding"}
    rows = [row for row in scene.venue.entries(scene.trader.user) if row.wallet != "funding" and row.total_delta]
    assert sum(fact.amount for fact in facts) == sum(row.total_delta for row in rows)
    assert {fact.type for fact in facts} == {
        "admin transfer", "cross-exchange transfer", "transfer", "futures trade", "funding rate change",
    }  # fmt: skip
    assert claims[-1].until_ns == NOW


def test_what_an_entry_of_a_trade_says_adds_up(scene: Scene) -> None:
    """Before, plus profit, less the fee; and the profits are those of the fills."""
    facts, _, _ = swept(scene, "entries", NOW - 4 * DAY, NOW)
    profits: dict[str, Decimal] = {}
    trades = [fact for fact in facts if fact.type == "futures trade"]
    for fact in trades:
        pnl, fee = (Decimal(fact.extra.get(name, "0")) for name in ("realized_pnl", "fee"))
        assert fact.after == fact.before + pnl - fee
        profits[fact.extra["execution"]] = profits.get(fact.extra["execution"], ZERO) + pnl
    rows = scene.venue.fills(scene.trader.user)
    assert profits == {FILL.format(row.id): row.realized_pnl for row in rows}
    assert sum(profit != 0 for profit in profits.values()) >= 4


def test_funding_payments(scene: Scene) -> None:
    facts, _, _ = swept(scene, "funding_payments", NOW - 4 * DAY, NOW)
    rows = list(scene.venue.funding(scene.trader.user))
    assert [(fact.instrument, fact.asset, fact.amount, fact.mark_price) for fact in facts] == [
        (row.instrument, row.asset, row.amount, row.mark) for row in rows
    ]
    assert {row.instrument for row in rows} == {LINEAR, INVERSE}
    for fact, row in zip(facts, rows, strict=True):
        worth = row.rate * row.mark if row.instrument == LINEAR else row.rate / row.mark
        assert Decimal(fact.extra["funding_rate"]) == worth


def test_position_events(scene: Scene) -> None:
    facts, _, _ = swept(scene, "position_events", NOW - 4 * DAY, NOW)
    trades = [fact for fact in facts if fact.reason == "trade"]
    rows = list(scene.venue.fills(scene.trader.user))
    assert [(fact.size_before, fact.size, fact.price, fact.amount, fact.realized_pnl, fact.fee) for fact in trades] == [
        (row.size_before, row.size_after, row.price, row.amount, row.realized_pnl, row.fee) for row in rows
    ]
    assert {fact.extra["position_change"] for fact in trades} == {"open", "increase", "decrease", "reverse"}
    funded = [fact for fact in facts if fact.reason != "trade"]
    assert [(fact.instrument, fact.funding, fact.size) for fact in funded] == [
        (row.instrument, row.amount, row.size) for row in scene.venue.funding(scene.trader.user)
    ]
    last = {fact.instrument: fact.size for fact in facts}
    assert last == {row.instrument: row.size for row in scene.venue.positions(scene.trader.user) if row.size}


def test_transfers(scene: Scene) -> None:
    facts, _, _ = swept(scene, "transfers", NOW - 4 * DAY, NOW)
    inner = [(fact.asset, fact.amount, fact.from_wallet, fact.to_wallet) for fact in facts
             if fact.direction == "internal"]  # fmt: skip
    own = f"isolated_margin:{ETHER}"
    assert inner == [
        ("USDT", Decimal("50.25"), "spot", "futures"), ("USD", Decimal(620), "futures", own),
        ("USD", Decimal(300), own, "futures"),
    ]  # fmt: skip
    outer = [(fact.direction, fact.asset, fact.amount) for fact in facts if fact.direction != "internal"]
    assert ("deposit", "USDT", Decimal("250.5")) in outer
    assert ("withdrawal", "BTC", Decimal("0.125")) in outer
    assert all(fact.status == "done" for fact in facts)


# ── paging ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", ["orders", "fills", "entries", "funding_payments", "position_events", "transfers"])
def test_small_pages_show_the_same(scene: Scene, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, claims, pages = swept(scene, stream, NOW - 4 * DAY, NOW)
    monkeypatch.setattr("nostro.exchanges.kraken_futures.ask.PAGE_ROWS", 3)
    monkeypatch.setattr("nostro.exchanges.kraken_futures.ask.LOG_ROWS", 3)
    small, small_claims, more = swept(scene, stream, NOW - 4 * DAY, NOW)
    assert more > pages + 1
    assert strip(small) == strip(whole)
    assert sum(claim.until_ns - claim.since_ns for claim in small_claims) == 4 * DAY
    assert all(claim.status == "proven" for claim in (*claims, *small_claims))


@pytest.mark.parametrize("stream", ["orders", "fills", "entries", "funding_payments", "position_events", "transfers"])
def test_two_windows_show_what_one_shows(scene: Scene, stream: str) -> None:
    whole, _, _ = swept(scene, stream, NOW - 4 * DAY, NOW)
    middle = NOW - 3 * DAY + 3 * 3600 * 1_000_000_000 + 1_000_000
    first, _, _ = swept(scene, stream, NOW - 4 * DAY, middle)
    second, _, _ = swept(scene, stream, middle, NOW)
    assert first
    assert second
    assert strip(first + second) == strip(whole)


def strip(facts: list[Any]) -> list[tuple[Any, ...]]:
    """What tells rows, without the place on their page."""
    fields = ("native_id", "effective_ns", "instrument", "asset", "status", "amount", "filled", "after", "size")
    return sorted(tuple(str(getattr(fact, field, "")) for field in fields) for fact in facts)


# ── states ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_balances(scene: Scene, client: WireClient) -> None:
    facts = {(fact.wallet, fact.asset): fact for fact in client.ask("balances")}
    totals = {(row.wallet, row.asset): row.total for row in scene.venue.balances(scene.trader.user)}
    shown = {key: total for key, total in totals.items() if key[0] != "funding" and total}
    assert {key: fact.total for key, fact in facts.items() if fact.total} == shown
    assert {key[0] for key in shown} == {"spot", "futures", "futures:BTC/USD", f"isolated_margin:{ETHER}"}
    tether = facts["futures", "USDT"]
    kept = 1 - Decimal(scene.venue.haircut_ppm("USDT") or 0) / 1_000_000
    assert tether.value == tether.total * scene.venue.index_price("USDT")
    assert tether.collateral_value == tether.value * kept


def test_margin(scene: Scene, client: WireClient) -> None:
    facts = {fact.wallet: fact for fact in client.ask("margin")}
    rows = {row.wallet: row for row in scene.venue.collateral(scene.trader.user)}
    assert set(rows) == {"futures", "futures:BTC/USD"}
    for wallet, row in rows.items():
        fact = facts[wallet]
        assert (fact.unrealized_pnl, fact.initial_margin, fact.maintenance_margin, fact.available) == (
            row.unrealized, row.initial, row.maintenance, row.available,
        )  # fmt: skip
    flex, account = facts["futures"], facts["futures:BTC/USD"]
    assert (flex.scope, flex.margin_balance, flex.balance) == ("account", rows["futures"].equity, rows["futures"].gross)
    assert (flex.collateral_value, flex.currency) == (rows["futures"].assets, "USD")
    assert flex.order_margin == rows["futures"].initial - rows["futures"].initial_positions
    assert (account.scope, account.equity, account.currency) == (
        "margin_account", rows["futures:BTC/USD"].equity, "BTC",
    )  # fmt: skip
    assert account.equity == account.balance + account.unrealized_pnl
    purse = facts[f"isolated_margin:{ETHER}"]
    row = scene.venue.positions(scene.trader.user, symbol=ETHER)[0]
    assert (purse.scope, purse.balance, purse.equity) == ("isolated", row.purse, row.purse + row.unrealized)


def test_positions(scene: Scene, client: WireClient) -> None:
    facts = {fact.instrument: fact for fact in client.ask("positions")}
    rows = {row.instrument: row for row in scene.venue.positions(scene.trader.user) if row.size}
    assert set(facts) == set(rows) == {LINEAR, INVERSE, ETHER}
    for instrument, row in rows.items():
        fact = facts[instrument]
        assert (fact.size, fact.unrealized_pnl, fact.margin_mode) == (row.size, row.unrealized, row.mode)
        assert (fact.wallet, fact.updated_ns) == (row.wallet, milli(row.updated_ns))
        value = row.basis * fact.entry_price if instrument == INVERSE else row.size * fact.entry_price
        assert abs(value - (row.size if instrument == INVERSE else row.basis)) < Decimal("1e-8")
    assert facts[ETHER].leverage == 10
    assert facts[LINEAR].leverage is None


def test_leverage_and_sub_accounts(scene: Scene, client: WireClient) -> None:
    (leverage,) = client.ask("leverage")
    assert (leverage.instrument, leverage.leverage, leverage.margin_mode) == (ETHER, 10, "isolated")
    assert not client.ask("leverage", Query(where={"instrument": LINEAR}))
    master, desk = client.ask("sub_accounts")
    assert (desk.name, desk.email, desk.parent_id) == ("desk", "desk@example.org", master.native_id)


def test_the_market(scene: Scene, client: WireClient) -> None:
    where = {"instrument": LINEAR}
    facts = {fact.instrument: fact for fact in client.ask("instruments")}
    rows = {row.symbol: row for row in scene.venue.instruments()}
    assert set(facts) == set(rows)
    for symbol, row in rows.items():
        fact = facts[symbol]
        assert (fact.base, fact.quote, fact.settle, fact.code) == (row.base, row.quote, row.settle, row.code)
        assert (fact.amount_digits, fact.price_digits, fact.type) == (row.amount_digits, row.price_digits, row.kind)
        assert (fact.multiplier, fact.leverage_max) == (row.multiplier, row.tiers[0].leverage_max)
        assert (fact.funding_interval_s, fact.position_max) == (row.funding_interval_s, row.position_max)
    assert [fact.asset for fact in client.ask("currencies")] == ["BTC", "ETH", "SOL", "USD"]
    (book,) = client.ask("order_book", Query(where=where))
    assert book.asks == tuple(scene.venue.depth(LINEAR, "sell", levels=None, grouped=True))
    assert book.asks
    trades = client.ask("public_trades", Query(where=where))
    newest = scene.venue.trades(LINEAR, limit=100, offset=0)
    assert [(fact.native_id, fact.price, fact.amount, fact.side) for fact in trades] == [
        (FILL.format(row.id), row.price, row.amount, row.side) for row in newest
    ]
    tickers = {fact.instrument: fact for fact in client.ask("ticker")}
    for symbol, fact in tickers.items():
        truth = scene.venue.ticker(symbol)
        assert (fact.last, fact.bid, fact.ask, fact.volume) == (truth.last, truth.bid, truth.ask, truth.volume)
        assert (fact.mark, fact.index) == (scene.venue.mark(symbol), scene.venue.index(symbol))
        assert fact.funding_rate == scene.venue.funding_rate(symbol)[0]
    assert [fact.instrument for fact in client.ask("ticker", Query(where=where))] == [LINEAR]
    query = Query(since_ns=NOW - 4 * DAY, until_ns=NOW, where=where | {"interval_s": "3600"})
    candles = client.ask("candles", query)
    known = scene.venue.candles(LINEAR, 3600, since_ns=NOW - 4 * DAY, until_ns=NOW)
    assert [(fact.effective_ns, fact.open, fact.high, fact.low, fact.close, fact.volume) for fact in candles] == [
        (row.start_ns, row.open, row.high, row.low, row.close, row.volume) for row in known
    ]
    assert len(known) >= 2
