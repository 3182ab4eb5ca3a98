"""Runs ccxt.pro's GRVT, unmodified: only its addresses are set. It watches an account and a market while it trades, and
writes what came as JSON, one entry a thing that was watched.

Reads its orders from standard input: ``{"url", "private_key", "price"}``. It judges nothing; test_grvt_ccxt.py does.
"""

import asyncio
import json
import sys

import ccxt.pro

told = json.load(sys.stdin)
BTC = "BTC/USDT:USDT"
WAIT_S = 30
seen = {}


def made():
    """An exchange of its own for each thing that is watched: it takes two streams with one selector for the same."""
    exchange = ccxt.pro.grvt({"privateKey": told["private_key"], "enableRateLimit": False})
    socket = told["url"].replace("http", "ws", 1) + "/ws/full"
    names = ("privateEdge", "privateTrading", "publicMarket")
    exchange.urls["api"] = dict.fromkeys(names, told["url"] + "/") | {"ws": dict.fromkeys(names, socket)}
    return exchange


async def watch(name, method, *arguments, holds=lambda _: True):
    """What is watched, once it holds."""
    exchange = made()
    try:
        await exchange.load_markets()
        async with asyncio.timeout(WAIT_S):
            while name not in seen:
                got = await getattr(exchange, f"watch_{method}")(*arguments)
                if holds(got):
                    seen[name] = json.loads(json.dumps(got, default=str))
    finally:
        await exchange.close()


def closed(rows):
    return any(row["status"] == "closed" and row["clientOrderId"] == seen.get("taken") for row in rows)


async def main():
    low, high = round(told["price"] * 0.95), round(told["price"] * 1.05)
    trader = made()
    await trader.load_markets()
    await asyncio.gather(
        watch("ticker", "ticker", BTC), watch("book", "order_book", BTC), watch("trades", "trades", BTC),
        watch("candles", "ohlcv", BTC, "1m"), watch("positions", "positions", [BTC]),
    )  # fmt: skip
    account = [
        asyncio.create_task(watch("orders", "orders", holds=closed)),
        asyncio.create_task(watch("fills", "my_trades")),
    ]
    await asyncio.sleep(1.5)
    try:
        seen["placed"] = (await trader.create_order(BTC, "limit", "buy", 0.01, low))["clientOrderId"]
        await trader.cancel_all_orders()
        taking = trader.create_order(BTC, "limit", "buy", 0.02, high, {"timeInForce": "IOC", "clientOrderId": "91"})
        seen["taken"] = "91"
        await taking
        await asyncio.gather(*account)
    finally:
        await trader.close()
    print(json.dumps(seen, default=str))  # noqa: T201 - a program


asyncio.run(main())
