"""Shows that python-kraken-sdk's futures WebSocket client, unmodified and with only its URL set, follows our paper
exchange over TLS: it signs our challenge, hears what happens to its account and in the markets, and ends its
subscriptions.
"""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
from pathlib import Path

import msgspec
import pytest

from clients.kraken_feed_run import Client, with_client
from exchanges.kraken_futures.feed_scene import scene
from nostro.exchanges.kraken_futures.feed_private import PRIVATE
from nostro.exchanges.kraken_futures.feed_serve import MARKETS
from nostro.link import commands

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("kraken") is None, reason="python-kraken-sdk is not installed"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate with"),
]


def test_the_exchange_s_sdk_follows_its_account(tmp_path: Path) -> None:
    with scene(tmp_path) as here:

        async def work(client: Client) -> None:
            for feed in PRIVATE:
                await client.subscribe(feed)
            for feed in MARKETS:
                await client.subscribe(feed, "PI_XBTUSD")
            first = await client.until(lambda said: said.get("feed") == "book_snapshot")
            assert (first["bids"], first["asks"]) == ([], [])
            order = here.place(here.trader, "buy", "10", "64000", client_id="mine")
            placed = await client.until(lambda said: said.get("feed") == "open_orders")
            assert (placed["order"]["cli_ord_id"], placed["reason"]) == ("mine", "new_placed_order_by_user")
            here.place(here.maker, "sell", "4", None)
            filled = await client.until(lambda said: said.get("feed") == "fills")
            assert (filled["fills"][0]["qty"], filled["fills"][0]["fill_type"]) == (4, "maker")
            here.hub.beat()
            await client.until(lambda said: said.get("feed") == "ticker")
            here.venue.submit(here.trader.user, commands.CancelOrders(order_ids=(order,)))
            gone = await client.until(lambda said: said.get("feed") == "open_orders" and said["is_cancel"])
            assert (gone["order_id"], gone["reason"]) == (placed["order"]["order_id"], "cancelled_by_user")
            client.say(do="unsubscribe", feed="balances")
            await client.until(lambda said: said.get("event") == "unsubscribed")
            last = await client.end()
            assert last["error"] is False
            kept = [(each["feed"], each.get("product_ids")) for each in last["subscriptions"]]
            assert kept == [(feed, None) for feed in PRIVATE if feed != "balances"] + [
                (feed, ["PI_XBTUSD"]) for feed in MARKETS
            ]
            feeds = {str(said.get("feed")) for said in client.heard if "event" not in said}
            assert feeds >= {
                "account_balances_and_margins", "balances_snapshot", "balances", "open_positions", "fills_snapshot",
                "open_orders_snapshot", "open_orders_verbose", "account_log_snapshot", "account_log",
                "notifications_auth", "trade_snapshot", "trade", "book", "ticker_lite",
            }  # fmt: skip
            margins = [said for said in client.heard if "margin_accounts" in said]
            numbers = [said["seq"] for said in margins]
            assert numbers == list(range(len(numbers)))
            assert len(numbers) >= 4

        asyncio.run(with_client(here, tmp_path, work))


def test_a_wrong_secret_is_told_to_the_sdk(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        here.trader = msgspec.structs.replace(here.trader, secret=here.maker.secret)

        async def work(client: Client) -> None:
            client.say(do="subscribe", feed="balances", products=None)
            alert = await client.until(lambda said: said.get("event") == "alert")
            assert alert["message"] == "Failed to subscribe to authenticated feed"
            await client.until(lambda said: said.get("event") == "subscribed_failed")
            assert (await client.end())["subscriptions"] == []

        asyncio.run(with_client(here, tmp_path, work))
