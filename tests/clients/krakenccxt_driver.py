"""Runs ccxt's `krakenfutures`, unmodified: only the URLs are set. It calls what there is of it and writes what came
back as JSON, one entry a call.

Reads its orders from standard input: ``{"url", "key", "secret", "reader": [key, secret], "since", "now"}``, times in
milliseconds. It judges nothing; test_kraken_ccxt.py does.
"""

import json
import sys

import ccxt

told = json.load(sys.stdin)
answers = {}
LINEAR, INVERSE, ETHER = "BTC/USD:USD", "BTC/USD:BTC", "ETH/USD:USD"


def opened(key, secret):
    exchange = ccxt.krakenfutures({"apiKey": key, "secret": secret, "enableRateLimit": False})
    origin = told["url"]
    exchange.urls["api"] = {
        "public": f"{origin}/derivatives/api/", "private": f"{origin}/derivatives/api/",
        "charts": f"{origin}/api/charts/", "history": f"{origin}/api/history/",
        "feeschedules": f"{origin}/api/feeschedules/",
    }  # fmt: skip
    return exchange


def plain(value):
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items() if name != "info"}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def call(name, method, *args, **kwargs):
    assert name not in answers, name
    try:
        answers[name] = plain(method(*args, **kwargs))
    except ccxt.BaseError as error:
        answers[name] = [type(error).__name__, str(error)]
    return answers[name]


exchange = opened(told["key"], told["secret"])
reader = opened(*told["reader"])
call("markets", exchange.load_markets)
reader.load_markets()

# ── trading: what is written comes first, so that all that is read afterwards is the end ────────────────────────────

call("wrong secret", opened(told["key"], told["reader"][1]).fetch_balance)
placed = call("place", exchange.create_order, LINEAR, "limit", "buy", 0.05, 60000.4, {"clientOrderId": "my id/1"})
call("place the same id", exchange.create_order, LINEAR, "limit", "buy", 0.05, 60000, {"clientOrderId": "my id/1"})
call("place and fill", exchange.create_order, LINEAR, "market", "buy", 0.02)
call("place and fill inverse", exchange.create_order, INVERSE, "market", "buy", 100)
call("close", exchange.create_order, ETHER, "limit", "sell", 1, 3080, {"reduceOnly": True, "timeInForce": "ioc"})
call("place ioc", exchange.create_order, LINEAR, "limit", "buy", 0.01, 61000, {"timeInForce": "ioc"})
call("place post that takes", exchange.create_order, LINEAR, "limit", "buy", 0.01, 65000, {"postOnly": True})
call("place post", exchange.create_order, LINEAR, "limit", "buy", 0.01, 60000, {"postOnly": True})
call("place reduce-only", exchange.create_order, LINEAR, "limit", "sell", 0.01, 70000, {"reduceOnly": True})
call("place nothing to reduce", exchange.create_order, "SOL/USD:USD", "limit", "sell", 1, 150, {"reduceOnly": True})
stop = call("place stop", exchange.create_order, LINEAR, "limit", "sell", 0.02, 49000, {"triggerPrice": 50000})
profit = call("place profit", exchange.create_order, LINEAR, "market", "sell", 0.02, None, {"takeProfitPrice": 90000})
call("place beyond the band", exchange.create_order, LINEAR, "limit", "buy", 0.01, 99000)
call("place too much", exchange.create_order, LINEAR, "limit", "buy", 90, 60000)
call("place by the reader", reader.create_order, LINEAR, "market", "buy", 0.01)
call("edit", exchange.edit_order, placed["id"], LINEAR, "limit", "buy", 0.06, 60100)
call("edit nothing", exchange.edit_order, "61ca5732-3478-42fe-8362-abbfd9465294", LINEAR, "limit", "buy", 1, 60000)
call("order", exchange.fetch_order, placed["id"], LINEAR)
call("order of nothing", exchange.fetch_order, "61ca5732-3478-42fe-8362-abbfd9465294", LINEAR)
call("orders", exchange.fetch_orders, LINEAR, params={"orderIds": [placed["id"], stop["id"]]})
call("open orders", exchange.fetch_open_orders)
call("open orders of one", exchange.fetch_open_orders, INVERSE)
call(
    "place several",
    exchange.create_orders,
    [
        {"symbol": LINEAR, "type": "limit", "side": "buy", "amount": 0.01, "price": 59000},
        {"symbol": LINEAR, "type": "limit", "side": "buy", "amount": 0.02, "price": 59001,
         "params": {"clientOrderId": "c/2"}},
        {"symbol": LINEAR, "type": "limit", "side": "buy", "amount": 0.01, "price": 99000},
    ],
)  # fmt: skip
call("cancel", exchange.cancel_order, placed["id"], LINEAR)
call("cancel again", exchange.cancel_order, placed["id"], LINEAR)
call("cancel by client id", exchange.cancel_order, None, LINEAR, {"cliOrdId": "c/2"})
call("cancel several", exchange.cancel_orders, [stop["id"], profit["id"]], LINEAR)
call("switch", exchange.cancel_all_orders_after, 60000)
call("switch off", exchange.cancel_all_orders_after, 0)
call("cancel all of one", exchange.cancel_all_orders, INVERSE)
call("cancel all", exchange.cancel_all_orders)
call("leverage", exchange.set_leverage, 5, "SOL/USD:USD")
call("leverage of one", exchange.fetch_leverage, "SOL/USD:USD")
call("leverages", exchange.fetch_leverages)
call("leverage of inverse", exchange.set_leverage, 5, INVERSE)
call("transfer", exchange.transfer, "USD", 10.5, "cash", "flex")
call("transfer too much", exchange.transfer, "USD", 10**9, "cash", "flex")
call("transfer out", exchange.transfer_out, "USD", 1.5)

# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────

call("balance", exchange.fetch_balance)
call("balance of cash", exchange.fetch_balance, {"type": "cash"})
call("balance of inverse", exchange.fetch_balance, {"symbol": INVERSE})
call("positions", exchange.fetch_positions)
call("my trades", exchange.fetch_my_trades)
call("my trades of one", exchange.fetch_my_trades, LINEAR)
call("ledger", exchange.fetch_ledger, None, told["since"])
call("funding history", exchange.fetch_funding_history, None, told["since"])
call("closed orders", exchange.fetch_closed_orders)
call("canceled orders", exchange.fetch_canceled_orders)
call("canceled stops", exchange.fetch_canceled_orders, params={"trigger": True})
call("positions history", exchange.fetch_positions_history, None, told["since"])
first = exchange.historyGetExecutions({"count": 4, "sort": "asc"})
pages = [first]
while "continuationToken" in pages[-1]:
    pages.append(exchange.historyGetExecutions(
        {"count": 4, "sort": "asc", "continuationToken": pages[-1]["continuationToken"]}
    ))  # fmt: skip
answers["executions, paged"] = pages
call("token of another order", exchange.historyGetExecutions, {"continuationToken": first["continuationToken"]})

# ── public ───────────────────────────────────────────────────────────────────────────────────────────────────────

call("ticker", exchange.fetch_ticker, INVERSE)
call("tickers", exchange.fetch_tickers)
call("book", exchange.fetch_order_book, LINEAR)
call("trades", exchange.fetch_trades, LINEAR)
call("trades before", exchange.fetch_trades, LINEAR, None, 5, {"method": "publicGetHistory", "until": told["now"]})
call("candles", exchange.fetch_ohlcv, LINEAR, "1h", told["since"], 200)
call("funding rates", exchange.fetch_funding_rates)
call("funding rate history", exchange.fetch_funding_rate_history, LINEAR)
call("leverage tiers", exchange.fetch_leverage_tiers)
call("fees", exchange.fetch_trading_fees)

json.dump(answers, sys.stdout)
