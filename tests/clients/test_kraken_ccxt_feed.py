"""Shows that ccxt.pro's client of Kraken Futures, unmodified and with only its URLs set, watches our paper exchange:
its balance, its positions, its orders and its fills, and a market, while it places orders of its own over REST.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from exchanges.kraken_futures.feed_scene import INVERSE, LINEAR, Scene, scene
from nostro.exchanges.kraken_futures import EXCHANGE
from nostro.paper.listen import listen
from nostro.paper.server import Server

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ccxt") is None, reason="ccxt is not installed")
WAIT_S = 30


def watched(here: Scene, work: Callable[[Any], Awaitable[None]], **options: Any) -> None:
    """Does ``work`` with a client of ccxt.pro that is connected to the scene."""
    import ccxt.pro

    async def run() -> None:
        listener = await listen(Server(EXCHANGE, here.venue).handle, hub=here.hub)
        client = ccxt.pro.krakenfutures({"apiKey": here.trader.key, "secret": here.trader.secret} | options)
        client.aiohttp_trust_env = False
        for name, url in client.urls["api"].items():
            origin = listener.origin.replace("http", "ws", 1) if name == "ws" else listener.origin
            client.urls["api"][name] = f"{origin}/{url.split('/', 3)[3]}"
        try:
            async with asyncio.timeout(WAIT_S):
                await client.load_markets()
                await work(client)
        finally:
            await client.close()
            await listener.close()

    asyncio.run(run())


def test_its_balance_of_each_kind_is_watched(tmp_path: Path) -> None:
    with scene(tmp_path) as here:

        async def work(client: Any) -> None:
            cash = await client.watch_balance()
            assert (cash["BTC"]["total"], cash["USD"]["total"]) == (1.5, 0)
            margin, flex = client.balance["margin"], client.balance["flex"]
            assert margin["F-XBT:USD"]["BTC"]["total"] == "9.99730211055"
            assert flex["USD"]["total"] == 100_000
            waiting = asyncio.ensure_future(client.watch_balance())
            await asyncio.sleep(0)
            here.place(here.trader, "buy", "0.5", "60000", LINEAR)
            assert (await waiting)["USD"]["free"] < 100_000

        watched(here, work)


def test_its_positions_are_watched(tmp_path: Path) -> None:
    with scene(tmp_path) as here:

        async def work(client: Any) -> None:
            assert await client.watch_positions() == []
            here.place(here.maker, "sell", "500", "64000")
            waiting = asyncio.ensure_future(client.watch_positions([INVERSE]))
            await asyncio.sleep(0)
            here.place(here.trader, "buy", "500", None)
            (position,) = await waiting
            assert (position["symbol"], position["side"], position["contracts"], position["entryPrice"]) == (
                INVERSE, "long", 500, 64_000,
            )  # fmt: skip
            assert position["initialMargin"] == pytest.approx(500 / 64_000 * 0.02, rel=1e-6)

        watched(here, work)


@pytest.mark.parametrize("verbose", [False, True])
def test_its_orders_are_watched_from_placing_to_their_end(tmp_path: Path, verbose: bool) -> None:
    with scene(tmp_path) as here:

        async def work(client: Any) -> None:
            here.place(here.trader, "buy", "1", "50000", LINEAR)
            first = await client.watch_orders()
            assert [(order["symbol"], order["remaining"]) for order in first] == [(LINEAR, 1)]
            waiting = asyncio.ensure_future(client.watch_orders(INVERSE))
            placed = await client.create_order(INVERSE, "limit", "buy", 10, 64_000)
            order = next(each for each in await waiting if each["id"] == placed["id"])
            assert (order["side"], order["price"], order["remaining"], order["filled"]) == ("buy", 64_000, 10, 0)
            waiting = asyncio.ensure_future(client.watch_orders(INVERSE))
            await asyncio.sleep(0)
            here.place(here.maker, "sell", "4", None)
            order = next(each for each in await waiting if each["id"] == placed["id"])
            assert (order["filled"], order["remaining"]) == (4, 6)
            waiting = asyncio.ensure_future(client.watch_orders(INVERSE))
            await client.cancel_order(placed["id"], INVERSE)
            order = next(each for each in await waiting if each["id"] == placed["id"])
            assert order["status"] == "canceled"

        watched(here, work, options={"watchOrdersVerbose": verbose})


def test_its_fills_are_watched(tmp_path: Path) -> None:
    with scene(tmp_path) as here:

        async def work(client: Any) -> None:
            here.place(here.maker, "sell", "0.5", "64000", LINEAR)
            here.place(here.trader, "buy", "0.2", None, LINEAR)
            (fill,) = await client.watch_my_trades()
            assert (fill["symbol"], fill["side"], fill["amount"], fill["takerOrMaker"]) == (LINEAR, "buy", 0.2, "taker")
            assert fill["fee"] == {"currency": "USD", "cost": 6.4}  # 0.05 % of 12,800
            waiting = asyncio.ensure_future(client.watch_my_trades())
            placed = await client.create_order(LINEAR, "market", "buy", 0.3)
            newest = (await waiting)[-1]
            assert (newest["order"], newest["amount"], newest["price"]) == (placed["info"]["order_id"], 0.3, 64_000)

        watched(here, work)


def test_a_market_is_watched(tmp_path: Path) -> None:
    with scene(tmp_path) as here:

        async def work(client: Any) -> None:
            here.place(here.maker, "sell", "5", "64010")
            book = await client.watch_order_book(INVERSE)
            assert (book["asks"], book["bids"]) == ([[64_010, 5]], [])
            ticker = await client.watch_ticker(INVERSE)
            assert (ticker["ask"], ticker["markPrice"]) == (64_010, 64_000)
            waiting = asyncio.ensure_future(client.watch_trades(INVERSE))
            await asyncio.sleep(0.2)
            here.place(here.trader, "buy", "2", None)
            trade = (await waiting)[-1]
            assert (trade["side"], trade["amount"], trade["price"]) == ("buy", 2, 64_010)
            here.hub.beat()
            while client.orderbooks[INVERSE]["asks"] != [[64_010, 3]]:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

        watched(here, work)


def test_a_wrong_secret_fails_at_once(tmp_path: Path) -> None:
    import ccxt

    with scene(tmp_path) as here:

        async def work(client: Any) -> None:
            client.secret = here.maker.secret
            with pytest.raises(ccxt.ExchangeError, match="Failed to subscribe to authenticated feed"):
                await client.watch_balance()

        watched(here, work)
