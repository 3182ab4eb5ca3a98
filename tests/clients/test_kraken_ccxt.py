"""Shows that ccxt's `krakenfutures`, unmodified but for its URLs, does with our paper exchange what it does with Kraken
Futures: it loads the markets, places, fills, edits and cancels orders, sets a leverage, moves money, and reads what the
venue holds.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterator

import pytest

from clients.kraken_run import Run, drive
from exchanges.kraken_futures.scene import ETHER, INVERSE, LINEAR, Scene

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ccxt") is None, reason="ccxt is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    scene = Scene(tmp_path_factory.mktemp("ccxt"))
    yield asyncio.run(drive(scene, "krakenccxt_driver.py"))
    scene.close()


def test_the_markets_are_the_venue_s(run: Run) -> None:
    markets = run.answers["markets"]
    assert {symbol: row["id"] for symbol, row in markets.items()} == {
        row.symbol: row.code for row in run.venue.instruments()
    }
    assert markets[LINEAR]["precision"] == {"amount": 0.0001, "price": 1.0}
    assert (markets[INVERSE]["inverse"], markets[LINEAR]["linear"]) == (True, True)


def test_orders_are_placed_filled_and_turned_down(run: Run) -> None:
    filled = run.answers["place and fill"]
    assert (filled["status"], filled["filled"], filled["average"], filled["cost"]) == ("closed", 0.02, 64000, 1280)
    assert run.answers["place"]["clientOrderId"] == "my id/1"
    assert (run.answers["place"]["status"], run.answers["place"]["amount"]) == ("open", 0.05)
    assert run.answers["place stop"]["triggerPrice"] == 50000
    turned = {name: row[0] for name, row in run.answers.items() if isinstance(row, list) and name.startswith("place ")
              and isinstance(row[0], str)}  # fmt: skip
    assert turned == {
        "place the same id": "DuplicateOrderId", "place ioc": "OrderNotFillable",
        "place post that takes": "OrderImmediatelyFillable", "place nothing to reduce": "ExchangeError",
        "place beyond the band": "InvalidOrder", "place too much": "InsufficientFunds",
        "place by the reader": "AuthenticationError",
    }  # fmt: skip
    assert run.answers["wrong secret"][0] == "AuthenticationError"
    assert sorted(str(row["status"]) for row in run.answers["place several"]) == ["open", "open", "rejected"]


def test_orders_are_edited_and_canceled(run: Run) -> None:
    assert (run.answers["edit"]["amount"], run.answers["edit"]["id"]) == (0.06, run.answers["place"]["id"])
    assert run.answers["edit nothing"][0] == "OrderNotFound"
    assert (run.answers["order"]["id"], run.answers["order"]["amount"]) == (run.answers["place"]["id"], 0.06)
    assert run.answers["order of nothing"][0] == "OrderNotFound"
    assert {row["id"] for row in run.answers["orders"]} == {run.answers[name]["id"] for name in ("place", "place stop")}
    assert {row["symbol"] for row in run.answers["open orders of one"]} == {INVERSE}
    assert run.answers["cancel"]["status"] == "canceled"
    assert run.answers["cancel again"][0] == "OrderNotFound"
    assert run.answers["cancel by client id"]["clientOrderId"] == "c/2"
    assert [row["status"] for row in run.answers["cancel several"]] == ["canceled"] * 2
    assert not list(run.venue.orders(run.user, open_only=True))


def test_settings_and_money(run: Run) -> None:
    assert run.answers["leverage of one"]["longLeverage"] == 5
    assert {symbol: row["longLeverage"] for symbol, row in run.answers["leverages"].items()} == {
        "ETH/USD:USD": 10, "SOL/USD:USD": 5,
    }  # fmt: skip
    assert run.answers["leverage of inverse"][0] == "BadRequest"
    assert run.answers["transfer too much"][0] == "InsufficientFunds"
    moves = [(row.from_wallet, row.to_wallet, float(row.amount)) for row in run.venue.moves(run.user)]
    assert moves[-2:] == [("spot", "futures", 10.5), ("spot", "funding", 1.5)]


def test_balances_and_positions_are_the_venue_s(run: Run) -> None:
    totals = {(row.wallet, row.asset): float(row.total) for row in run.venue.balances(run.user)}
    assert run.answers["balance"]["total"] == {
        asset: total for (wallet, asset), total in totals.items() if wallet == "futures"
    }
    cash = run.answers["balance of cash"]["total"]
    assert {asset: cash[asset] for asset in ("USD", "USDT", "BTC")} == {
        asset: totals["spot", asset] for asset in ("USD", "USDT", "BTC")
    }
    # It looks for `fi_XBTUSD` where the exchange says `fi_xbtusd`: the contract's name is in capitals by now.
    assert run.answers["balance of inverse"][0] == "BadRequest"
    held = {row["symbol"]: row["contracts"] * (1 if row["side"] == "long" else -1) for row in run.answers["positions"]}
    assert held == {row.instrument: float(row.size) for row in run.venue.positions(run.user) if row.size}


def test_histories_are_the_venue_s(run: Run) -> None:
    fills = list(run.venue.fills(run.user))
    trades = run.answers["my trades"]
    assert [(row["symbol"], row["side"], row["price"]) for row in trades] == [
        (row.instrument, row.side, float(row.price)) for row in fills
    ]
    for trade, row in zip(trades, fills, strict=True):  # the paper exchange charges what ccxt reckons with
        if row.instrument == LINEAR:
            assert trade["fee"]["cost"] == pytest.approx(float(row.fee), rel=1e-9)
    funding = [(row["symbol"], row["amount"]) for row in run.answers["funding history"]]
    assert funding == [(row.instrument, float(row.amount)) for row in run.venue.funding(run.user)]
    assert len(funding) > 5
    ledger = run.answers["ledger"]
    entries = [row for row in run.venue.entries(run.user) if row.total_delta and row.wallet != "funding"]
    assert {row["account"] for row in ledger} == {"flex", "f-xbt:usd", "pf_ethusd", "USD", "USDT", "XBT"}
    assert sum(row["after"] - row["before"] for row in ledger if row["currency"] == "USD") == pytest.approx(
        sum(float(row.total_delta) for row in entries if row.asset == "USD")
    )
    ended = {row["id"] for row in run.answers["canceled stops"]}
    assert {run.answers["place stop"]["id"], run.answers["place profit"]["id"]} <= ended
    (closed,) = run.answers["positions history"]
    assert (closed["symbol"], closed["contracts"], closed["side"]) == (ETHER, 1, "long")


def test_pages_go_on_from_one_to_the_next(run: Run) -> None:
    pages = run.answers["executions, paged"]
    assert [len(page["elements"]) for page in pages[:-1]] == [4] * (len(pages) - 1)
    uids = [row["event"]["execution"]["execution"]["uid"] for page in pages for row in page["elements"]]
    assert uids == [f"00000003-0000-4000-8000-{row.id:012x}" for row in run.venue.fills(run.user)]
    assert len(pages) > 3
    assert run.answers["token of another order"][0] == "BadRequest"


def test_the_market(run: Run) -> None:
    assert run.answers["ticker"]["markPrice"] == float(run.venue.mark(INVERSE))
    assert set(run.answers["tickers"]) == {row.symbol for row in run.venue.instruments()}
    trades = run.venue.trades(LINEAR, limit=100, offset=0)
    assert [row["price"] for row in run.answers["trades"]] == [float(row.price) for row in reversed(trades)]
    assert len(run.answers["trades before"]) == 5
    assert run.answers["candles"][0][3] == 63900
    assert run.answers["funding rates"][LINEAR]["fundingRate"] == pytest.approx(0.0001)
    assert run.answers["leverage tiers"][LINEAR][0]["maxLeverage"] == 50
    assert run.answers["fees"][LINEAR]["taker"] == 0.0005


def test_no_request_has_a_nonce(run: Run) -> None:
    signed = [request for request in run.seen if "Authent" in request.headers]
    assert len(signed) > 40
    assert not any("Nonce" in request.headers for request in signed)
