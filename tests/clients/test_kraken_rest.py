"""Shows that python-kraken-sdk, unmodified but for its URL, does with our paper exchange what it does with Kraken
Futures: it places, fills, edits and cancels orders, moves money, and reads what the venue holds.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest

from clients.kraken_run import Run, drive
from exchanges.kraken_futures.scene import ETHER, INVERSE, LINEAR, Scene

pytestmark = pytest.mark.skipif(importlib.util.find_spec("kraken") is None, reason="python-kraken-sdk is not installed")
ORDER = "00000002-0000-4000-8000-{:012x}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    scene = Scene(tmp_path_factory.mktemp("kraken"))
    yield asyncio.run(drive(scene, "kraken_driver.py"))
    scene.close()


def status(run: Run, name: str) -> str:
    return str(run.answers[name]["sendStatus"]["status"])


def test_orders_are_placed_filled_and_turned_down(run: Run) -> None:
    assert {name: status(run, name) for name in run.answers
            if name.startswith("place") and isinstance(run.answers[name], dict)} == {
        "place": "placed", "place the same id": "clientOrderIdAlreadyExist", "place and fill": "placed",
        "place and fill inverse": "placed", "place reduce-only": "placed", "place stop": "placed",
        "place late": "wouldProcessAfterSpecifiedTime", "place post that takes": "postWouldExecute",
        "place beyond the band": "outsidePriceCollar", "place too fine": "invalidSize",
        "place nowhere": "marketInactive",
    }  # fmt: skip
    assert run.answers["place too much"][0] == "KrakenInsufficientAvailableFundsError"
    assert run.answers["place without a price"][0] == "KrakenRequiredArgumentMissingError"
    assert run.answers["place by the reader"][1].startswith("403")
    assert run.answers["wrong secret"][0] == "KrakenAuthenticationError"
    (event,) = run.answers["place and fill"]["sendStatus"]["orderEvents"]
    assert (event["type"], event["price"], event["amount"]) == ("EXECUTION", 64000, 0.02)
    assert event["orderPriorExecution"]["filled"] == 0
    (resting,) = run.answers["place"]["sendStatus"]["orderEvents"]
    assert (resting["type"], resting["order"]["quantity"], resting["order"]["cliOrdId"]) == ("PLACE", 0.05, "my id/1")
    (waiting,) = run.answers["place stop"]["sendStatus"]["orderEvents"]
    assert waiting["orderTrigger"]["triggerSide"] == "trigger_below"
    assert waiting["orderTrigger"]["triggerSignal"] == "spot_price"


def test_orders_are_edited_and_canceled(run: Run) -> None:
    edited = run.answers["edit"]["editStatus"]
    assert edited["status"] == "edited"
    (event,) = edited["orderEvents"]
    assert (event["old"]["quantity"], event["new"]["quantity"], event["new"]["limitPrice"]) == (0.05, 0.06, 60100)
    assert run.answers["edit by client id"]["editStatus"]["orderId"] == edited["orderId"]
    nothing = run.answers["edit nothing"]["editStatus"]
    assert (nothing["status"], nothing["orderEvents"]) == ("orderForEditNotFound", [])
    assert [row["order"]["orderId"] for row in run.answers["statuses"]["orders"]] == [edited["orderId"]]
    assert run.answers["statuses by client id"] | {"serverTime": ""} == run.answers["statuses"] | {"serverTime": ""}
    assert {run.answers[name]["cancelStatus"]["status"] for name in ("cancel", "cancel by client id")} == {"cancelled"}
    assert run.answers["cancel again"]["cancelStatus"]["status"] == "notFound"
    assert run.answers["batch"][0] == "KrakenNotFoundError"  # it raises for one item, whatever became of the others
    assert run.answers["cancel all of one"]["cancelStatus"]["cancelOnly"] == "PI_XBTUSD"
    assert run.answers["cancel all again"]["cancelStatus"]["status"] == "noOrdersToCancel"
    assert run.answers["switch"]["status"]["triggerTime"] > run.answers["switch"]["status"]["currentTime"]
    assert run.answers["switch off"]["status"]["triggerTime"] == "0"
    assert not list(run.venue.orders(run.user, open_only=True))


def test_what_the_batch_did_stands_in_the_venue(run: Run) -> None:
    rows = {row.client_id: row for row in run.venue.orders(run.user) if row.client_id}
    assert (rows["batch 1"].status, rows["batch 1"].price) == ("canceled", 59000)
    assert (rows["my id/1"].status, rows["my id/1"].amount) == ("canceled", rows["my id/1"].canceled)
    assert float(rows["my id/1"].amount) == 0.08


def test_settings_and_money(run: Run) -> None:
    assert {"symbol": "PF_SOLUSD", "maxLeverage": 5} in run.answers["leverages"]["leveragePreferences"]
    assert run.answers["leverages after"]["leveragePreferences"] == [{"symbol": "PF_ETHUSD", "maxLeverage": 10}]
    codes = {name: run.answers[name][1] for name in ("leverage of none", "leverage of inverse", "leverage too high")}
    assert [f'"code":{code}' in text for code, text in zip((87, 88, 11), codes.values(), strict=True)] == [True] * 3
    assert run.answers["pnl currencies"]["preferences"] == [{"symbol": "PF_XBTUSD", "pnlCurrency": "USDT"}]
    assert run.answers["transfer too much"]["error"] == "insufficientFunds"
    assert run.answers["transfer of nothing"][0] == "KrakenInvalidUnitError"
    assert run.answers["transfer to nowhere"][0] == "KrakenInvalidAccountError"
    moves = [(row.from_wallet, row.to_user, row.to_wallet, float(row.amount)) for row in run.venue.moves(run.user)]
    desk = run.scene.desk.user
    assert moves[-3:] == [
        ("spot", run.user, "futures", 10.5), ("spot", run.user, "funding", 1.5), ("futures", desk, "futures", 2.0),
    ]  # fmt: skip


def test_wallets_and_positions_are_the_venue_s(run: Run) -> None:
    accounts = run.answers["wallets"]["accounts"]
    totals = {(row.wallet, row.asset): float(row.total) for row in run.venue.balances(run.user)}
    assert accounts["cash"]["balances"]["usd"] == totals["spot", "USD"]
    assert accounts["fi_xbtusd"]["balances"]["xbt"] == totals["futures:BTC/USD", "BTC"]
    assert accounts["pf_ethusd"]["balances"]["usd"] == totals[f"isolated_margin:{ETHER}", "USD"]
    assert accounts["flex"]["currencies"]["USD"]["quantity"] == totals["futures", "USD"]
    flex = next(row for row in run.venue.collateral(run.user) if row.wallet == "futures")
    assert accounts["flex"]["marginEquity"] == float(flex.equity)
    assert accounts["flex"]["availableMargin"] == float(flex.available)
    held = {row["symbol"]: row["size"] * (1 if row["side"] == "long" else -1)
            for row in run.answers["positions"]["openPositions"]}  # fmt: skip
    truth = {row.instrument: float(row.size) for row in run.venue.positions(run.user) if row.size}
    codes = {"PF_XBTUSD": LINEAR, "PI_XBTUSD": INVERSE, "PF_ETHUSD": ETHER}
    assert {codes[symbol]: size for symbol, size in held.items()} == truth
    assert {row["symbol"] for row in run.answers["positions"]["openPositions"] if "maxFixedLeverage" in row} == {
        "PF_ETHUSD"
    }


def test_histories_are_the_venue_s(run: Run) -> None:
    fills = list(run.venue.fills(run.user))
    assert [row["price"] for row in run.answers["fills"]["fills"]] == [float(row.price) for row in reversed(fills)]
    before = run.answers["fills before"]["fills"]
    assert before == run.answers["fills"]["fills"][3:]
    executions = [row["event"]["execution"]["execution"] for row in run.answers["executions"]["elements"]]
    assert [float(row["quantity"]) for row in executions] == [float(row.amount) for row in reversed(fills)]
    assert {"makerOrder", "makerOrderData"} <= {name for row in executions for name in row}
    events = [next(iter(row["event"])) for row in run.answers["order events"]["elements"]]
    assert set(events) == {"OrderPlaced", "OrderUpdated", "OrderCancelled"}
    stops = [next(iter(row["event"])) for row in run.answers["trigger events"]["elements"]]
    assert set(stops) == {"OrderTriggerPlaced", "OrderTriggerActivated", "OrderTriggerCancelled"}


def chains(logs: list[dict[str, Any]]) -> int:
    """How many balances go on from the one before, of the same account and asset."""
    after: dict[tuple[str, str], float] = {}
    linked = 0
    for row in logs:
        key = (row["margin_account"], row["asset"])
        assert after.get(key, row["old_balance"]) == row["old_balance"], row
        linked += key in after
        after[key] = row["new_balance"]
    return linked


def test_the_account_log_is_one_chain_for_each_account(run: Run) -> None:
    logs = run.answers["log"]["logs"]
    assert chains(logs[::-1]) > 40
    assert [row["id"] for row in logs] == sorted({row["id"] for row in logs}, reverse=True)
    money = {(row["margin_account"], row["asset"]): row["new_balance"] for row in logs[::-1]}
    assert money["flex", "usd"] == run.answers["wallets"]["accounts"]["flex"]["currencies"]["USD"]["quantity"]
    assert money["flex", "pf_xbtusd"] == float(run.venue.positions(run.user, symbol=LINEAR)[0].size)
    funding = run.answers["log of funding"]["logs"]
    assert [row["info"] for row in funding] == ["funding rate change"] * 3
    assert [row["id"] for row in run.answers["log from an id"]["logs"]] == [row["id"] for row in logs[4::-1]]
    table = run.answers["log as a table"].splitlines()
    assert len(table) == 1 + len(logs)
    assert table[1].split(",")[0] == str(logs[0]["id"])


def test_the_market(run: Run) -> None:
    assert [row["symbol"] for row in run.answers["instruments"]["instruments"]] == [
        row.code for row in run.venue.instruments()
    ]
    assert run.answers["status of one"]["tradeable"] == "PI_XBTUSD"
    assert run.answers["book"]["orderBook"]["asks"] == [
        [float(price), float(amount)] for price, amount in run.venue.depth(LINEAR, "sell", levels=None, grouped=True)
    ]
    assert run.answers["book of nothing"]["error"].startswith("invalidArgument")
    trades = run.venue.trades(LINEAR, limit=100, offset=0)
    assert [row["trade_id"] for row in run.answers["history"]["history"]] == [row.id for row in trades]
    assert len(run.answers["public executions"]["elements"]) == len(trades)
    assert run.answers["candles"]["candles"][0]["low"] == "63900"


def test_every_request_was_signed_with_a_nonce(run: Run) -> None:
    signed = [request for request in run.seen if "Authent" in request.headers]
    assert len(signed) > 50
    assert len({request.headers["Nonce"] for request in signed}) == len(signed)
