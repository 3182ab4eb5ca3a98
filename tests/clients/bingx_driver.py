"""Runs inside the environment of bingX-connector, and nowhere else: every method of its client of the swap API v1, with
only the URL set, and prints what each answered as JSON. What it raised is its error's number and sentence."""

import json
import sys

from bingX import ClientError
from bingX.perpetual.v1.Perpetual import Perpetual

ORDERS = json.load(sys.stdin)
ANSWERS = {}


def client(key, secret):
    made = Perpetual(key, secret)
    made.base_url = ORDERS["url"]
    return made


def ask(name, call, *arguments, **named):
    try:
        ANSWERS[name] = call(*arguments, **named)
    except ClientError as error:
        ANSWERS[name] = [error.error_code, error.error_msg]
    return ANSWERS[name]


mine = client(ORDERS["key"], ORDERS["secret"])
symbol, price = "BTC-USDT", ORDERS["price"]
ask("time", mine.server_time)
ask("contracts", mine.contracts)
ask("price", mine.latest_price, symbol)
ask("depth", mine.market_depth, symbol, 10)
ask("trades", mine.latest_trade, symbol)
ask("funding", mine.current_funding_rate, symbol)
ask("candle", mine.kline_data, symbol, "1")
ask("candles", mine.kline_data_history, symbol, "60", ORDERS["now_ms"] - 86_400_000, ORDERS["now_ms"])
ask("ticker", mine.ticker, symbol)
ask("tickers", mine.ticker)
ask("balance before", mine.balance, "USDT")
ask("positions before", mine.positions, "")
ask("leverage before", mine.leverage, symbol)
ask("leverage long", mine.switch_leverage, symbol, "Long", 10)
ask("leverage short", mine.switch_leverage, symbol, "Short", 5)
ask("leverage", mine.leverage, symbol)
ask("leverage too high", mine.switch_leverage, symbol, "Long", 100000)

# An order that rests, is seen, and is canceled.
far = round(price * 0.95)
resting = ask("place", mine.place_order, symbol, "Bid", far, 0.01, "Limit", "Open")
number = resting["orderId"]
ask("pending", mine.unfilled_order_acquisition, symbol)
ask("details", mine.order_details, symbol, number)
ask("balance resting", mine.balance, "USDT")
ask("cancel", mine.cancel_order, symbol, number)
ask("details canceled", mine.order_details, symbol, number)
ask("cancel again", mine.cancel_order, symbol, number)
two = [ask(f"place {each}", mine.place_order, symbol, "Bid", far, 0.01, "Limit", "Open")["orderId"] for each in "ab"]
ask("cancel two", mine.cancel_orders, symbol, two)
ask("place c", mine.place_order, symbol, "Bid", far, 0.01, "Limit", "Open")
ask("cancel all", mine.cancel_all_orders)
ask("pending none", mine.unfilled_order_acquisition, symbol)

# One that fills, in both directions at once: the account is in hedge mode.
bought = ask("buy", mine.place_order, symbol, "Bid", 0, 0.02, "Market", "Open")
ask("bought", mine.order_details, symbol, bought["orderId"])
ask("sell", mine.place_order, symbol, "Ask", 0, 0.01, "Market", "Open")
held = ask("positions", mine.positions, symbol)["positions"]
ask("balance", mine.balance, "USDT")
long = next(row for row in held if row["positionSide"] == "Long")
ask("stop", mine.place_a_stop_order, long["positionId"], 0.005, stopLossPrice=round(price * 0.9))
ask("stops", mine.stop_orders, symbol)
ask("stop canceled", mine.cancel_stop_order, ANSWERS["stop"]["orderId"])
ask("stops history", mine.stop_orders_history, symbol, 0, 100)
ask("close part", mine.place_order, symbol, "Ask", 0, 0.005, "Market", "Close")
ask("close too much", mine.place_order, symbol, "Ask", 0, 5, "Market", "Close")
ask("close", mine.close_position, symbol, long["positionId"])
ask("close again", mine.close_position, symbol, long["positionId"])
ask("close all", mine.close_all_positions)
ask("positions after", mine.positions, "")
ask("mode isolated", mine.switch_margin_mode, "ETH-USDT", "Isolated")
ask("mode of ETH", mine.margin_mode, "ETH-USDT")
ask("mode cross", mine.switch_margin_mode, "ETH-USDT", "Cross")
ask("mode of ETH again", mine.margin_mode, "ETH-USDT")
ask("balance after", mine.balance, "USDT")
ask("history", mine.orders_history, symbol, 0, 100)
page = ask("history page", mine.orders_history, symbol, 0, 3)
ask("history next page", mine.orders_history, symbol, page["orders"][-1]["orderId"], 3)
ask("forced", mine.force_orders, symbol, "LIQUIDATION", 0, 100)
key = ask("listen key", mine.generate_listen_key)["listenKey"]
ask("listen key kept", mine.extend_listen_key, key)
ask("listen key ended", mine.delete_listen_key, key)

# What is refused.
ask("unknown symbol", mine.latest_price, "DOGE-EUR")
ask("too much", mine.place_order, symbol, "Bid", 0, 900, "Market", "Open")
ask("too far", mine.place_order, symbol, "Bid", round(price * 2), 0.01, "Limit", "Open")
ask("too fine", mine.place_order, symbol, "Bid", far, 0.0000001, "Limit", "Open")
ask("wrong secret", client(ORDERS["key"], "wrong").balance, "USDT")
ask("wrong key", client("nobody", ORDERS["secret"]).balance, "USDT")
reader = client(*ORDERS["reader"])
ask("reader", reader.positions, "")
ask("reader trades", reader.place_order, symbol, "Bid", 0, 0.01, "Market", "Open")
json.dump(ANSWERS, sys.stdout)
