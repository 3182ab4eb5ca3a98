"""One client of a paper exchange, in a process of its own and in whatever Python its pins need: it asks for the
balances again and again and prints how much processor time each of its HTTP requests took, as JSON. balance_call.py
runs it.

Reads its orders from standard input: ``{"exchange", "who", "url", "login", "calls", "warm"}``. ``who``: nostro (typed
and archived in a book on disk, durable at each call), nostro_typed (typed only), ccxt, or sdk, the exchange's own.
"""

import json
import sys
import time


def measured(ask, told):
    """``ask()`` makes one call and answers how many requests it took."""
    for _ in range(told["warm"]):
        ask()
    began_s = time.process_time()
    requests = sum(ask() for _ in range(told["calls"]))
    return (time.process_time() - began_s) / requests


# ── ours ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def nostro(told):
    import asyncio
    import random
    import tempfile
    from pathlib import Path

    from nostro.book.book import Book
    from nostro.exchanges import exchange
    from nostro.keys import Credentials
    from nostro.link.transport import AiohttpTransport, SystemClock
    from nostro.link.wire import WireSource

    clock, spoken, login = SystemClock(), exchange(told["exchange"]), dict(told["login"])
    credentials = Credentials(login.pop("key"), login.pop("secret"), extra=login)

    async def asked():
        source = WireSource(
            spoken, AiohttpTransport(), account="a", credentials=credentials, url=told["url"], clock=clock,
            randomness=random.Random(1),
        )  # fmt: skip
        with (
            tempfile.TemporaryDirectory() as folder,
            Book.open(Path(folder, "book.db"), create=True, now_ns=clock.now_ns, registry=exchange) as book,
        ):
            book.add_account("a", spoken.id, dialect=spoken.dialect, since_ns=spoken.opened_ns)
            lease = book.acquire("a", "benchmark")

            async def ask():
                reply = await source.ask("balances", {})
                assert reply.facts
                if told["who"] == "nostro":
                    book.append(lease, reply.steps)
                return len(reply.pages)

            for _ in range(told["warm"]):
                await ask()
            began_s = time.process_time()
            requests = 0
            for _ in range(told["calls"]):
                requests += await ask()
            taken_s = (time.process_time() - began_s) / requests
            await source.close()
            assert told["who"] == "nostro_typed" or book.head_seq("a") >= requests
            return taken_s

    return asyncio.run(asked())


# ── theirs ───────────────────────────────────────────────────────────────────────────────────────────────────────


def ccxt(told):
    import ccxt

    login, url = told["login"], told["url"]
    if told["exchange"] == "kraken_futures":
        client = ccxt.krakenfutures({"apiKey": login["key"], "secret": login["secret"], "enableRateLimit": False})
        client.urls["api"] = {
            name: f"{url}/{path}/"
            for name, path in {
                "public": "derivatives/api", "private": "derivatives/api", "charts": "api/charts",
                "history": "api/history", "feeschedules": "api/feeschedules",
            }.items()
        }  # fmt: skip
    else:
        client = ccxt.grvt({"privateKey": login["private_key"], "enableRateLimit": False})
        client.urls["api"] = dict.fromkeys(client.urls["api"], url + "/")
    client.load_markets()
    return measured(lambda: len([client.fetch_balance()]), told)


def kraken_sdk(told):
    from kraken.futures import User

    client = User(key=told["login"]["key"], secret=told["login"]["secret"], url=told["url"])
    return measured(lambda: len([client.get_wallets()["accounts"]]), told)


def grvt_sdk(told):
    """The two that a sub-account's and the main account's balances are asked with, as nostro does."""
    import logging

    from pysdk import grvt_raw_base
    from pysdk import grvt_raw_types as types
    from pysdk.grvt_raw_base import GrvtApiConfig
    from pysdk.grvt_raw_env import GrvtEndpointConfig, GrvtEnv, GrvtEnvConfig
    from pysdk.grvt_raw_sync import GrvtRawSync

    logging.disable(logging.INFO)
    login, here = told["login"], GrvtEndpointConfig(told["url"], None)
    grvt_raw_base.get_env_config = lambda _: GrvtEnvConfig(edge=here, trade_data=here, market_data=here, chain_id=325)
    client = GrvtRawSync(
        GrvtApiConfig(
            env=GrvtEnv.PROD, trading_account_id=login["sub_account_id"], private_key=login["private_key"],
            api_key=login["key"], logger=None,
        )
    )  # fmt: skip

    def ask():
        own = client.sub_account_summary_v1(types.ApiSubAccountSummaryRequest(sub_account_id=login["sub_account_id"]))
        return len([own.result, client.funding_account_summary_v1(types.EmptyRequest()).result])

    return measured(ask, told)


def bingx_sdk(told):
    from bingX.perpetual.v1.Perpetual import Perpetual

    client = Perpetual(told["login"]["key"], told["login"]["secret"])
    client.base_url = told["url"]

    def ask():
        assert "balance" in str(client.balance("USDT"))
        return 1

    return measured(ask, told)


def alp_sdk(told):
    from alpcom_api import factories

    client = factories.get_private_api(told["login"]["key"], told["login"]["secret"], url=told["url"]).accounts()
    return measured(lambda: len([len(client.balances())]), told)


SDKS = {"alp": alp_sdk, "kraken_futures": kraken_sdk, "grvt": grvt_sdk, "bingx_v1": bingx_sdk}


def main():
    told = json.load(sys.stdin)
    who = told["who"]
    taken_s = {"ccxt": ccxt, "sdk": SDKS[told["exchange"]]}.get(who, nostro)(told)
    print(json.dumps({"cpu_us": 1e6 * taken_s}))
