"""Runs inside the environment of GRVT's own client: its socket class follows an account and a market over all four
sockets, and trades over one of them. It is unmodified: only its addresses are set. It writes what its callbacks got as
JSON, by stream, and whether its answers came.

Reads its orders from standard input: ``{"url", "key", "private_key", "sub_account_id", "price"}``. It judges nothing;
test_grvt_pysdk.py does.
"""

import asyncio
import json
import os
import sys
from functools import partial

from pysdk import grvt_ccxt_env, grvt_ccxt_ws
from pysdk.grvt_ccxt_env import GrvtEndpointType, GrvtEnv, GrvtWSEndpointType
from pysdk.grvt_ccxt_ws import GrvtCcxtWS

told = json.load(sys.stdin)
url, sub = told["url"], told["sub_account_id"]
grvt_ccxt_env.get_grvt_endpoint_domains = lambda _: dict.fromkeys(GrvtEndpointType, url)
grvt_ccxt_ws.get_grvt_ws_endpoint = lambda _, kind: (
    url.replace("http", "ws", 1) + ("/ws/full" if kind.value.endswith("full") else "/ws")
)
BTC = "BTC_USDT_Perp"
RPC = GrvtWSEndpointType.TRADE_DATA_RPC_FULL
WAIT_S = 40
heard = {}


async def keep(name, message):
    heard.setdefault(name, []).append(message)


async def until(holds):
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110 - the client says nothing when it has something
            await asyncio.sleep(0.05)


def states(name, client_id):
    return [
        each["feed"]["state"]["status"] for each in heard.get(name, ())
        if each["feed"]["metadata"]["client_order_id"] == str(client_id)
    ]  # fmt: skip


async def main():
    parameters = {"api_key": told["key"], "trading_account_id": sub, "private_key": told["private_key"]}
    client = GrvtCcxtWS(env=GrvtEnv.PROD, loop=asyncio.get_running_loop(), parameters=parameters)
    await client.initialize()
    await until(lambda: client.are_endpoints_connected(client.endpoint_types))
    for stream in ("order", "state", "position", "fill"):
        await client.subscribe(stream, partial(keep, stream))
    await client.subscribe("order", partial(keep, "rpc order"), ws_end_point_type=RPC)
    await client.subscribe("transfer", partial(keep, "transfer"))
    for stream in ("mini.s", "mini.d", "ticker.s", "ticker.d", "book.s", "book.d", "trade", "candle"):
        await client.subscribe(stream, partial(keep, stream), params={"instrument": BTC})
    await until(lambda: {"position", "mini.s", "ticker.s", "book.s", "book.d", "trade", "candle"} <= set(heard))
    low, high = str(int(told["price"] * 0.95)), str(int(told["price"] * 1.05))
    await client.rpc_create_limit_order(BTC, "buy", "0.01", low, params={"client_order_id": 501})
    await until(lambda: "OPEN" in states("order", 501) and "OPEN" in states("rpc order", 501))
    await client.rpc_fetch_open_orders({"kind": "PERPETUAL"})
    await client.rpc_cancel_order(params={"client_order_id": 501})
    await until(lambda: "CANCELLED" in states("order", 501))
    fast = {"client_order_id": 502, "time_in_force": "IMMEDIATE_OR_CANCEL"}
    await client.rpc_create_limit_order(BTC, "buy", "0.02", high, params=fast)
    await until(lambda: "FILLED" in states("order", 502) and heard.get("fill") and len(heard["position"]) > 1)
    print(json.dumps(heard), flush=True)  # noqa: T201 - a program
    os._exit(0)  # its tasks have no end


asyncio.run(main())
