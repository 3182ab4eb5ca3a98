"""Shows that `nostro paper serve --tls` serves the feed as the exchange's client needs it: encrypted, beside the plain
one, under a certificate that it names; with a token from its own sign-in, or its challenge, and a market that moves by
itself.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest

from cli.home import Folder
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.declare import Signing
from nostro.link.feed import FeedReader
from nostro.link.frames import News
from nostro.link.http import HttpRequest
from nostro.link.transport import AiohttpConnection, AiohttpTransport, SystemClock

ALP = exchange("alp")


async def signed_in(ready: dict[str, Any], tls: ssl.SSLContext) -> str:
    """A token, asked for over TLS."""
    sign_in, account = ALP.auth.sign_in, ready["accounts"][0]
    assert sign_in is not None
    credentials = Credentials(account["key"], account["secret"])
    carried = ALP.encode_request(sign_in.route, sign_in.request(credentials))
    origin = ready["urls"]["rest_tls"].removesuffix("/api/v3")
    request = HttpRequest(method="POST", origin=origin, path="/api/v3/auth", body=carried.body)
    transport = AiohttpTransport(tls=tls)
    try:
        answer = await transport.send(ALP.auth.sign(sign_in.route, request, Signing(credentials, "", 0)))
    finally:
        await transport.close()
    return sign_in.token(ALP.decode(sign_in.route, answer.body), answer.headers)[0]


async def first_news(ready: dict[str, Any], url: str, tls: ssl.SSLContext | None) -> News:
    assert ALP.feed is not None
    reader = FeedReader(ALP.feed, await AiohttpConnection.open(url, tls), clock=SystemClock())
    if tls is not None:
        await reader.sign_in(Signing(None, await signed_in(ready, tls), 0))
    await reader.subscribe("ticker.*", *(f"market_depth.{pair}" for pair in ("BTC_USDT", "ETH_BTC", "SOL_USDT")))
    try:
        async with asyncio.timeout(60):
            async for heard in reader.frames():
                if isinstance(heard.meaning, News):
                    return heard.meaning
    finally:
        await reader.close()
    raise AssertionError


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate with")
def test_the_feed_over_tls_and_plain(tmp_path: Path) -> None:
    with Folder(tmp_path).exchange("--history", "5", "--tls") as ready:
        assert set(ready["urls"]) == {"rest", "ws", "rest_tls", "ws_tls"}
        tls = ssl.create_default_context(cafile=ready["certificate"])
        for url, trust in ((ready["urls"]["ws_tls"], tls), (ready["urls"]["ws"], None)):
            assert asyncio.run(first_news(ready, url, trust)).items


async def signed_by_challenge(ready: dict[str, Any], tls: ssl.SSLContext) -> dict[str, list[Any]]:
    """What Kraken Futures' feed tells of an account and of a market until it has told both, by kind."""
    feed, account = exchange("kraken_futures").feed, ready["accounts"][0]
    assert feed is not None
    connection = await AiohttpConnection.open(ready["urls"]["ws_tls"], tls, ping_every_s=feed.ping_every_s)
    reader = FeedReader(feed, connection, clock=SystemClock())
    await reader.sign_in(Signing(Credentials(account["key"], account["secret"]), "", 0))
    await reader.subscribe("balances", "open_positions", feed.topic("ticker", "BTC/USD:BTC"))
    told: dict[str, list[Any]] = {}
    try:
        async with asyncio.timeout(60):
            async for heard in reader.frames():
                if isinstance(heard.meaning, News):
                    for item in heard.meaning.items:
                        told.setdefault(getattr(item, "kind", ""), []).append(item)
                if {"balance", "margin_summary", "ticker"} <= told.keys():
                    assert reader.state.signed_in == "yes"
                    return told
    finally:
        await reader.close()
    raise AssertionError


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate with")
def test_a_feed_that_challenges(tmp_path: Path) -> None:
    with Folder(tmp_path).exchange("--history", "5", "--tls", name="kraken_futures") as ready:
        tls = ssl.create_default_context(cafile=ready["certificate"])
        told = asyncio.run(signed_by_challenge(ready, tls))
        assert {fact.wallet for fact in told["balance"]} >= {"spot", "futures", "futures:BTC/USD"}
        assert told["ticker"][0].last
