"""Shows that the client of BingX v1 on the package index, bingX-connector 0.0.7, unmodified and with only its URL set,
runs against our paper server: what it reads is what the venue holds, and what it does is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from clients.bingx_run import Run, drive
from clients.install import BINGX

pytestmark = pytest.mark.skipif(
    not BINGX.done.exists(), reason=f"{BINGX.package} is not set up: run `make clients` with Python 3.11 or later"
)
BTC = "BTC/USDT:USDT"


@pytest.fixture(scope="module")
def bingx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    host, run = asyncio.run(drive(tmp_path_factory.mktemp("bingx")))
    yield run
    host.close()


def near(number: Any, expected: Decimal) -> bool:
    return abs(Decimal(str(number)) - expected) <= abs(expected) * Decimal("1e-12") + Decimal("1e-9")


def order(run: Run, name: str) -> Any:
    found = run.venue.order(run.user, int(run.answers[name]["orderId"]))
    assert found is not None
    return found


def test_the_market(bingx: Run) -> None:
    said = bingx.answers
    assert said["time"]["currentTime"] == said["time"]["data"]["currentTime"] > 1_700_000_000_000
    listed = bingx.venue.instruments()
    assert [row["symbol"] for row in said["contracts"]] == [
        each.symbol.partition(":")[0].replace("/", "-") for each in listed
    ]
    assert all(row["feeRate"] == float(bingx.venue.usual_fees()[1]) > 0 for row in said["contracts"])
    price = Decimal(said["price"]["fairPrice"])
    assert abs(price - bingx.venue.mark(BTC)) < price / 50, "it moves a little while one looks"
    assert said["depth"]["bids"][0]["p"] < float(price) < said["depth"]["asks"][0]["p"]
    assert [row["p"] for row in said["depth"]["asks"]] == sorted(row["p"] for row in said["depth"]["asks"])
    assert 0 < len(said["trades"]["trades"]) <= 100
    assert [row["symbol"] for row in said["ticker"]["tickers"]] == ["BTC-USDT"]
    assert len(said["tickers"]["tickers"]) == len(listed)
    assert 0 < int(said["funding"]["leftSeconds"]) <= 28_800
    assert said["candles"]["klines"]
    assert said["candle"]["kline"]["high"] >= said["candle"]["kline"]["low"]


def test_the_account_adds_up_at_each_look(bingx: Run) -> None:
    for name in ("balance before", "balance resting", "balance", "balance after"):
        row = bingx.answers[name]
        flat = {key: value for key, value in row.items() if key != "account"}
        assert flat == row["account"], "both forms are sent"
        exact = {key: Decimal(str(value)) for key, value in flat.items() if key not in ("userId", "currency")}
        assert near(exact["equity"], exact["balance"] + exact["unrealisedPNL"])
        assert near(exact["availableMargin"], exact["equity"] - exact["usedMargin"] - exact["freezedMargin"])
    held = bingx.answers["positions before"]["positions"]
    assert held
    unrealized = sum(Decimal(str(row["unrealisedPNL"])) for row in held)
    assert near(bingx.answers["balance before"]["unrealisedPNL"], unrealized)


def test_an_order_rests_is_seen_and_canceled(bingx: Run) -> None:
    said = bingx.answers
    number = said["place"]["orderId"]
    (pending,) = [row for row in said["pending"]["orders"] if row["orderId"] == number]
    assert (pending["status"], pending["action"], pending["side"], pending["entrustVolume"]) == (
        "Pending", "Open", "Bid", 0.01,
    )  # fmt: skip
    assert said["details"] == pending
    assert said["balance resting"]["freezedMargin"] > said["balance before"]["freezedMargin"]
    assert (said["cancel"], said["details canceled"]["status"]) == ({"orderId": number}, "Cancelled")
    assert said["cancel again"][0] == 80016
    for name in ("place a", "place b", "place c"):
        assert order(bingx, name).status == "canceled"
    assert (said["cancel two"], said["cancel all"], said["pending none"]) == ({}, {}, {"orders": []})


def test_orders_fill_on_both_sides_of_a_hedged_account(bingx: Run) -> None:
    said = bingx.answers
    bought = order(bingx, "buy")
    assert (said["bought"]["status"], said["bought"]["filledVolume"]) == ("Filled", 0.02)
    assert near(said["bought"]["avgFilledPrice"], bought.cost / bought.filled)
    fees = sum(fill.fee for fill in bingx.venue.fills(bingx.user) if fill.order_id == bought.id)
    assert fees > 0
    assert near(said["bought"]["commission"], -fees)
    before = {(row["symbol"], row["positionSide"]): row for row in said["positions before"]["positions"]}
    after = {(row["symbol"], row["positionSide"]): row for row in said["positions"]["positions"]}
    for side, more in (("Long", 0.02), ("Short", 0.01)):
        volume = before.get(("BTC-USDT", side), {"volume": 0})["volume"]
        assert after["BTC-USDT", side]["volume"] == pytest.approx(volume + more)
    assert (after["BTC-USDT", "Long"]["leverage"], after["BTC-USDT", "Short"]["leverage"]) == (10, 5)
    assert order(bingx, "close part").reduce_only
    assert said["close too much"][0] == 80017
    assert order(bingx, "close").filled == Decimal(str(after["BTC-USDT", "Long"]["volume"])) - Decimal("0.005")
    assert said["close again"][0] == 80017
    assert said["positions after"] == {"positions": []}
    assert len(said["close all"]["orders"]) == len(before) + len(set(after) - set(before)) - 1
    assert (said["balance after"]["usedMargin"], said["balance after"]["unrealisedPNL"]) == (0, 0)


def test_stops_leverage_and_mode(bingx: Run) -> None:
    said = bingx.answers
    (stop,) = [row for row in said["stops"]["orders"] if row["orderId"] == said["stop"]["orderId"]]
    assert (stop["entrustVolume"], stop["takeProfitPrice"], stop["side"]) == (0.005, 0, "Ask")
    assert said["stops history"]["orders"][0]["orderStatus"] == "Cancelled"
    assert (said["leverage long"]["code"], said["leverage"]) == (0, {"longLeverage": 10, "shortLeverage": 5})
    assert said["leverage too high"][0] == 80014
    assert (said["mode isolated"], said["mode of ETH"]) == ({}, {"marginMode": "Isolated"})
    assert (said["mode cross"], said["mode of ETH again"]) == ({}, {"marginMode": "Cross"})


def test_the_history_is_paged_by_ids(bingx: Run) -> None:
    said = bingx.answers
    numbers = [int(row["orderId"]) for row in said["history"]["orders"]]
    assert numbers == sorted(numbers, reverse=True)
    finished = [
        each for each in bingx.venue.orders(bingx.user, symbol=BTC) if not each.is_open and "stop" not in each.type
    ]
    assert set(numbers) >= {each.id for each in finished[-50:]}
    pages = said["history page"]["orders"] + said["history next page"]["orders"]
    assert [int(row["orderId"]) for row in pages] == numbers[:6]
    assert said["forced"] == {"orders": []}
    assert (len(said["listen key"]["listenKey"]), said["listen key kept"], said["listen key ended"]) == (64, {}, {})


def test_what_is_refused_changes_nothing(bingx: Run) -> None:
    said = bingx.answers
    codes = {
        "unknown symbol": 80014, "too far": 100440, "too fine": 80014, "too much": 80014, "wrong secret": 80014,
        "wrong key": 100001, "reader trades": 403,
    }  # fmt: skip
    assert {name: said[name][0] for name in codes} == codes
    assert said["wrong secret"][1] == "signature not match"
    assert "positions" in said["reader"]
