"""Shows that what the client reads over each dialect's wire is what the real venue holds, row by row: the expectation
is built here from the venue's rows, by hand and in our words. Times are cut to microseconds on this wire.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from conformance.real_venue import DAY, SECOND, Scene
from conformance.wire_client import WireClient
from nostro.exchanges import exchange
from nostro.link.declare import Query
from nostro.paper.server import Server

NOW = 1_767_225_600 * SECOND
ENDED = {"filled", "canceled", "partially_canceled", "expired"}
WITHDRAWALS = {"new": "pending", "confirmed": "pending", "done": "done", "refused": "rejected"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    found = Scene(tmp_path_factory.mktemp("venue"), NOW)
    yield found
    found.close()


def client(scene: Scene, dialect: str) -> WireClient:
    spoken = exchange("alp", dialect)
    return WireClient(spoken, Server(spoken, scene.venue).handle, scene.trader)


def sweep(asked: WireClient, stream: str, **where: str) -> list[Any]:
    """Window by window from the beginning, as the 30 days allow."""
    found = []
    for month in (2, 1):
        bounds = {"since_ns": NOW - month * 20 * DAY, "until_ns": NOW - (month - 1) * 20 * DAY}
        found += asked.ask(stream, Query(**bounds, where=where))
    return found


def micro(time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns // 1000 * 1000


@pytest.mark.parametrize("dialect", ["cli", "d23", "d26"])
def test_orders(scene: Scene, dialect: str) -> None:
    rows = list(scene.venue.orders(scene.trader.user))
    facts = client(scene, dialect).ask("orders") if dialect == "d26" else sweep(client(scene, dialect), "orders")
    if dialect == "d26":
        facts.reverse()
    assert len(facts) == len(rows) >= 7
    assert {row.status for row in rows} >= {"filled", "canceled", "open", "pending"}
    for fact, row in zip(facts, rows, strict=True):
        assert fact.native_id == str(row.id)
        assert (fact.instrument, fact.side, fact.type, fact.status) == (row.instrument, row.side, row.type, row.status)
        assert (fact.amount, fact.filled, fact.canceled) == (row.amount, row.filled, row.canceled)
        assert fact.remaining == row.amount - row.filled - row.canceled
        assert (fact.price, fact.stop_price, fact.time_in_force) == (row.price, row.stop_price, row.time_in_force)
        assert (fact.effective_ns, fact.opened_ns) == (micro(row.placed_ns), micro(row.opened_ns))
        assert (fact.updated_ns, fact.done_ns) == (micro(row.updated_ns), micro(row.done_ns))
        assert fact.expires_ns == micro(row.expire_after_ns)
        assert (fact.status in exchange("alp").stream("orders").terminal) == (row.status in ENDED)  # type: ignore[union-attr]


@pytest.mark.parametrize("dialect", ["cli", "d23", "d26"])
def test_fills(scene: Scene, dialect: str) -> None:
    asked = client(scene, dialect)
    seen = 0
    for side in ("buy", "sell"):
        rows = list(scene.venue.fills(scene.trader.user, side=side))  # type: ignore[arg-type]
        facts = sorted(sweep(asked, "fills", side=side), key=lambda fact: (fact.effective_ns, int(fact.native_id or 0)))
        assert len(facts) == len(rows)
        seen += len(rows)
        for fact, row in zip(facts, rows, strict=True):
            assert (fact.instrument, fact.side, fact.price, fact.amount) == (
                row.instrument,
                side,
                row.price,
                row.amount,
            )
            wallet = "spot" if dialect == "d26" else row.wallet  # 2026 has no other, and does not say it
            assert (fact.fee, fact.effective_ns, fact.wallet) == (row.fee, micro(row.time_ns), wallet)
            if dialect == "d26":
                assert (fact.native_id, fact.order_id) == (str(row.id), str(row.order_id))
            else:
                assert (fact.native_id, fact.order_id, fact.sub_account) == (None, None, str(row.user))
                assert (fact.fee_asset, fact.fee_rate, fact.maker) == (row.fee_asset, row.fee_rate, row.maker)
                assert fact.order_type == row.order_type
                assert Decimal(fact.extra["amount_unfilled"]) == row.order_unfilled
    assert seen >= 4


@pytest.mark.parametrize("dialect", ["cli", "d23"])
def test_entries_chain(scene: Scene, dialect: str) -> None:
    facts = sweep(client(scene, dialect), "entries")
    rows = list(scene.venue.entries(scene.trader.user))
    assert [fact.native_id for fact in facts] == [str(row.id) for row in rows]
    assert {row.type for row in rows} >= {"deposit", "fund", "hold", "release", "trade", "fee", "withdrawal"}
    after: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for fact, row in zip(facts, rows, strict=True):
        assert (fact.asset, fact.wallet, fact.type, fact.effective_ns) == (
            row.asset,
            row.wallet,
            row.type,
            micro(row.time_ns),
        )
        assert (fact.amount, fact.held_amount) == (row.total_delta, row.held_delta)
        assert (fact.before, fact.held_before) == after.get((fact.wallet, fact.asset), (0, 0))
        after[fact.wallet, fact.asset] = (fact.after, fact.held_after)
    reported = {(fact.wallet, fact.asset): (fact.total, fact.used) for fact in client(scene, dialect).ask("balances")}
    assert after == reported


@pytest.mark.parametrize("dialect", ["cli", "d23", "d26"])
def test_balances(scene: Scene, dialect: str) -> None:
    facts = client(scene, dialect).ask("balances")
    rows = scene.venue.balances(scene.trader.user)
    assert [(fact.wallet, fact.asset, fact.total, fact.used, fact.free, fact.updated_ns) for fact in facts] == [
        (row.wallet, row.asset, row.total, row.held, row.total - row.held, micro(row.updated_ns)) for row in rows
    ]
    isolated = {f"isolated_margin:{pair}" for pair in ("BTC/USDT", "ETH/USDT")}
    assert {fact.wallet for fact in facts} == {"spot", "funding", "cross_margin", *isolated}


@pytest.mark.parametrize("dialect", ["cli", "d23"])
def test_transfers(scene: Scene, dialect: str) -> None:
    asked = client(scene, dialect)
    for stream, direction in (("deposits", "deposit"), ("withdrawals", "withdrawal")):
        facts = sweep(asked, stream)
        rows = list(scene.venue.transfers(scene.trader.user, direction))  # type: ignore[arg-type]
        assert len(rows) == 3
        for fact, row in zip(facts, rows, strict=True):
            status = (
                WITHDRAWALS.get(row.status) if direction == "withdrawal" else row.status.replace("confirmed", "done")
            )
            assert (fact.native_id, fact.direction, fact.asset) == (str(row.id), direction, row.asset)
            assert (fact.amount, fact.status, fact.tx_hash) == (row.amount, status, row.tx_hash)
            assert fact.effective_ns == micro(row.time_ns)
            if direction == "withdrawal":
                assert (fact.fee, fact.fee_asset) == (row.fee, row.asset)


def test_a_withdrawal_that_may_not_be_read_is_found_in_the_ledger(scene: Scene) -> None:
    asked = client(scene, "cli")
    name, convert = asked.exchange.ask("withdrawals").fallback  # type: ignore[union-attr, misc]
    found = [fact for entry in sweep(asked, name) if (fact := convert(entry)) is not None]
    done = [fact for fact in sweep(asked, "withdrawals") if fact.status == "done"]
    assert [(fact.asset, fact.amount, fact.status, fact.direction) for fact in found] == [
        (fact.asset, fact.amount, "done", "withdrawal") for fact in done
    ]
    assert all(fact.native_id.startswith("entry:") for fact in found)
    assert found


@pytest.mark.parametrize("dialect", ["cli", "d23", "d26"])
def test_the_market(scene: Scene, dialect: str) -> None:
    asked, venue = client(scene, dialect), scene.venue
    where = {"instrument": "BTC/USDT"}
    assert [fact.asset for fact in asked.ask("currencies")] == [asset.code for asset in venue.assets()]
    instruments = asked.ask("instruments")
    assert [(fact.instrument, fact.amount_digits, fact.price_digits) for fact in instruments] == [
        (row.symbol, row.amount_digits, row.price_digits) for row in venue.instruments()
    ]
    (book,) = asked.ask("order_book", Query(where=where))
    assert book.bids == tuple(venue.depth("BTC/USDT", "buy", levels=None, grouped=True))
    assert book.asks == tuple(venue.depth("BTC/USDT", "sell", levels=None, grouped=True))
    assert book.bids
    trades = asked.ask("public_trades", Query(where=where))
    rows = venue.trades("BTC/USDT", limit=100, offset=0)
    assert [(fact.native_id, fact.price, fact.amount, fact.side) for fact in trades] == [
        (str(row.id), row.price, row.amount, row.side) for row in rows
    ]
    assert len(rows) >= 4
    (ticker,) = asked.ask("ticker", Query(where=where))
    truth = venue.ticker("BTC/USDT")
    assert (ticker.last, ticker.bid, ticker.ask, ticker.volume) == (truth.last, truth.bid, truth.ask, truth.volume)
    query = Query(since_ns=NOW - 40 * DAY, until_ns=NOW, where=where | {"interval_s": "3600"})
    candles = asked.ask("candles", query)
    known = venue.candles("BTC/USDT", 3600, since_ns=NOW - 40 * DAY, until_ns=NOW)
    assert [(fact.effective_ns, fact.open, fact.high, fact.low, fact.close, fact.volume) for fact in candles] == [
        (row.start_ns, row.open, row.high, row.low, row.close, row.volume) for row in known
    ]
    assert len(known) >= 2
