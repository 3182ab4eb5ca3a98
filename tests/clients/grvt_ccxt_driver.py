"""Runs ccxt's GRVT, unmodified: only its addresses are set. It calls what reads and what trades, and writes what came
back as JSON, one entry a call.

Reads its orders from standard input: ``{"url", "private_key", "sub_account_id", "price"}``. It judges nothing;
test_grvt_ccxt.py does.
"""

import json
import sys

import ccxt

told = json.load(sys.stdin)
BTC = "BTC/USDT:USDT"
answers = {}


def keep(name, value):
    assert name not in answers, name
    answers[name] = value
    return value


def call(name, method, *arguments, **more):
    try:
        return keep(name, method(*arguments, **more))
    except ccxt.BaseError as error:
        return keep(name, [type(error).__name__, str(error)])


def here(made):
    """The exchange at our address."""
    made.urls["api"] = dict.fromkeys(made.urls["api"], told["url"] + "/")
    return made


low, high = round(told["price"] * 0.95), round(told["price"] * 1.05)
exchange = ccxt.grvt({"privateKey": told["private_key"], "enableRateLimit": False})
here(exchange)
markets = exchange.load_markets()
keep("markets", sorted(markets))
keep("listed", {name: markets[BTC][name] for name in ("type", "base", "quote", "settle", "precision", "limits")})
for name in ("balance", "positions", "open_orders"):
    call(name, getattr(exchange, f"fetch_{name}"))
call("my trades", exchange.fetch_my_trades, BTC, None, 5)
call("orders", exchange.fetch_orders, BTC, None, 5)
call("ticker", exchange.fetch_ticker, BTC)
call("book", exchange.fetch_order_book, BTC, 5)
call("trades", exchange.fetch_trades, BTC, None, 5)
call("candles", exchange.fetch_ohlcv, BTC, "1h", None, 3)
call("transfers", exchange.fetch_transfers, "USDT", None, 5)
call("funding history", exchange.fetch_funding_history, BTC, None, 5)
call("leverages", exchange.fetch_leverages)
call("set leverage", exchange.set_leverage, 20, BTC)

placed = call("place", exchange.create_order, BTC, "limit", "buy", 0.01, low)
call("open after", exchange.fetch_open_orders, BTC)
client = placed["clientOrderId"]
call("order", exchange.fetch_order, None, BTC, {"clientOrderId": client})
found = answers["order"]
call("cancel", exchange.cancel_order, found["id"], BTC)
call("canceled", exchange.fetch_order, found["id"], BTC)
call("market", exchange.create_order, BTC, "market", "buy", 0.01)
call("marketed", exchange.fetch_order, None, BTC, {"clientOrderId": answers["market"]["clientOrderId"]})
call("market with a price", exchange.create_order, BTC, "market", "buy", 0.01, low)
call("too small", exchange.create_order, BTC, "limit", "buy", 0.001, low)
call("too much", exchange.create_order, BTC, "limit", "buy", 90, low)
call("unknown time in force", exchange.create_order, BTC, "limit", "buy", 0.01, low, {"timeInForce": "PO"})
call("place again", exchange.create_order, BTC, "limit", "sell", 0.01, high, {"postOnly": True})
call("cancel all", exchange.cancel_all_orders)
call("open none", exchange.fetch_open_orders)

plain = ccxt.grvt({"privateKey": told["private_key"], "enableRateLimit": False, "options": {"builderFee": False}})
here(plain)
call("without a builder", plain.create_order, BTC, "limit", "buy", 0.01, low, {"clientOrderId": "9501"})
call("and canceled", plain.cancel_all_orders)

print(json.dumps(answers, default=str))  # noqa: T201 - a program
