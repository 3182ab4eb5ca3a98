"""Runs python-kraken-sdk's clients of Kraken Futures' REST API, unmodified: only the URL is set. It calls what they
have and writes what came back as JSON, one entry a call.

Reads its orders from standard input: ``{"url", "key", "secret", "reader": [key, secret], "since", "now"}``, times in
milliseconds. It judges nothing; test_kraken_rest.py does.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import requests
from kraken.futures import Funding, Market, Trade, User

told = json.load(sys.stdin)
url = told["url"]
answers = {}
pool = ThreadPoolExecutor(1)


def call(name, method, *args, **kwargs):
    """It raises plain exceptions, of no class of its own, where the HTTP status is not 200."""
    assert name not in answers, name
    outcome = pool.submit(method, *args, **kwargs)
    error = outcome.exception()
    if error is not None:
        answers[name] = [type(error).__name__, str(error)]
    else:
        answer = outcome.result()
        answers[name] = answer.text if isinstance(answer, requests.Response) else answer
    return answers[name]


keys = {"key": told["key"], "secret": told["secret"], "url": url}
user, trade, market, funding = User(**keys), Trade(**keys), Market(**keys), Funding(**keys)
reader = Trade(key=told["reader"][0], secret=told["reader"][1], url=url)
public = Market(url=url)
SPAN = {"since": told["since"], "before": told["now"]}

# ── trading: what is written comes first, so that all that is read afterwards is the end ────────────────────────────

wrong = User(key=told["key"], secret=told["reader"][1], url=url)
call("wrong secret", wrong.get_wallets)
placed = call("place", trade.create_order, "lmt", 0.05, "PF_XBTUSD", "buy", limitPrice=60000, cliOrdId="my id/1")
call("place the same id", trade.create_order, "lmt", 0.05, "PF_XBTUSD", "buy", limitPrice=60000, cliOrdId="my id/1")
call("place and fill", trade.create_order, "mkt", 0.02, "PF_XBTUSD", "buy")
call("place and fill inverse", trade.create_order, "ioc", 100, "pi_xbtusd", "buy", limitPrice=64200)
call("place reduce-only", trade.create_order, "lmt", 0.02, "PF_XBTUSD", "sell", limitPrice=70000, reduceOnly=True)
stop = call("place stop", trade.create_order, "stp", 0.03, "PF_XBTUSD", "sell", stopPrice=50000, triggerSignal="spot")
call("place late", trade.create_order, "mkt", 1, "PF_XBTUSD", "buy", processBefore="2020-01-01T00:00:00.000Z")
call("place post that takes", trade.create_order, "post", 0.01, "PF_XBTUSD", "buy", limitPrice=65000)
call("place beyond the band", trade.create_order, "lmt", 0.01, "PF_XBTUSD", "buy", limitPrice=99000)
call("place too fine", trade.create_order, "lmt", 0.00001, "PF_XBTUSD", "buy", limitPrice=60000)
call("place too much", trade.create_order, "lmt", 90, "PF_XBTUSD", "buy", limitPrice=60000)
call("place nowhere", trade.create_order, "mkt", 1, "PF_NOPEUSD", "buy")
call("place without a price", trade.create_order, "lmt", 1, "PF_XBTUSD", "buy")
call("place by the reader", reader.create_order, "mkt", 1, "PF_XBTUSD", "buy")
order_id = placed["sendStatus"]["order_id"]
call("edit", trade.edit_order, orderId=order_id, limitPrice=60100, size=0.06)
call("edit by client id", trade.edit_order, cliOrdId="my id/1", size=0.07)
call("edit nothing", trade.edit_order, orderId="61ca5732-3478-42fe-8362-abbfd9465294", size=1)
call("statuses", trade.get_orders_status, orderIds=[order_id, "b"])
call("statuses by client id", trade.get_orders_status, cliOrdIds=["my id/1", "c2"])
call("open orders", user.get_open_orders)
batch = [
    {
        "order": "send",
        "order_tag": "1",
        "orderType": "lmt",
        "symbol": "PF_XBTUSD",
        "side": "buy",
        "size": 0.01,
        "limitPrice": 59000,
        "cliOrdId": "batch 1",
    },
    {"order": "edit", "order_id": order_id, "size": 0.08},
    {"order": "cancel", "order_id": order_id},
    {"order": "cancel", "cliOrdId": "nobody's"},
    {"order": "send", "order_tag": "2", "orderType": "lmt", "symbol": "PF_XBTUSD", "side": "buy", "size": 0.01},
]
call("batch", trade.create_batch_order, batch)
call("cancel", trade.cancel_order, order_id=stop["sendStatus"]["order_id"])
call("cancel again", trade.cancel_order, order_id=stop["sendStatus"]["order_id"])
call("cancel by client id", trade.cancel_order, cliOrdId="batch 1")
call("switch", trade.dead_mans_switch, 60)
call("switch off", trade.dead_mans_switch, 0)
call("cancel all of one", trade.cancel_all_orders, symbol="PI_XBTUSD")
call("cancel all", trade.cancel_all_orders)
call("cancel all again", trade.cancel_all_orders)

# ── settings and money ───────────────────────────────────────────────────────────────────────────────────────────

call("leverage", market.set_leverage_preference, "PF_SOLUSD", maxLeverage=5)
call("leverage of none", market.set_leverage_preference, "PF_NOPEUSD", maxLeverage=5)
call("leverage of inverse", market.set_leverage_preference, "PI_XBTUSD", maxLeverage=5)
call("leverage too high", market.set_leverage_preference, "PF_SOLUSD", maxLeverage=999)
call("leverages", market.get_leverage_preference)
call("leverage cross", market.set_leverage_preference, "PF_SOLUSD")
call("leverages after", market.get_leverage_preference)
call("pnl currency", market.set_pnl_preference, "PF_XBTUSD", "USDT")
call("pnl currencies", market.get_pnl_preference)
call("transfer", funding.initiate_wallet_transfer, 10.5, "cash", "flex", "usd")
call("transfer too much", funding.initiate_wallet_transfer, 10**9, "cash", "flex", "usd")
call("transfer of nothing", funding.initiate_wallet_transfer, 1, "cash", "flex", "nope")
call("transfer to nowhere", funding.initiate_wallet_transfer, 1, "cash", "fi_nope", "usd")
call("withdraw", funding.initiate_withdrawal_to_spot_wallet, 1.5, "usd")
subaccounts = call("subaccounts", user.get_subaccounts)
call(
    "transfer to a sub-account",
    funding.initiate_subaccount_transfer,
    2,
    "flex",
    subaccounts["masterAccountUid"],
    "flex",
    subaccounts["subaccounts"][0]["accountUid"],
    "usd",
)

# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────

call("wallets", user.get_wallets)
call("positions", user.get_open_positions)
call("fills", trade.get_fills)
call("fills before", trade.get_fills, lastFillTime=answers["fills"]["fills"][2]["fillTime"])
call("notifications", user.get_notifications)
call("log", user.get_account_log, **SPAN)
call("log of funding", user.get_account_log, info="funding rate change", sort="asc", count=3)
call("log from an id", user.get_account_log, from_=answers["log"]["logs"][4]["id"], sort="asc")
call("log of nothing", user.get_account_log, count=0)
call("log as a table", user.get_account_log_csv)
call("executions", user.get_execution_events, **SPAN)
call("executions of one", user.get_execution_events, tradeable="PI_XBTUSD", sort="asc")
call("order events", user.get_order_events, **SPAN)
call("trigger events", user.get_trigger_events, **SPAN)
call("volumes", market.get_fee_schedules_vol)
call("unwind queue", user.get_unwind_queue)

# ── public ───────────────────────────────────────────────────────────────────────────────────────────────────────

call("instruments", public.get_instruments)
call("statuses of all", public.get_instruments_status)
call("status of one", public.get_instruments_status, instrument="PI_XBTUSD")
call("tickers", public.get_tickers)
call("book", public.get_orderbook, symbol="PF_XBTUSD")
call("book of nothing", public.get_orderbook, symbol="PF_NOPEUSD")
call("history", public.get_trade_history, symbol="PF_XBTUSD")
call("public executions", public.get_public_execution_events, tradeable="PF_XBTUSD")
call("fee schedules", public.get_fee_schedules)
call("funding rates", public.get_historical_funding_rates, "PF_XBTUSD")
call("candles", public.get_ohlc, "trade", "PF_XBTUSD", "1h", from_=told["since"] // 1000, to=told["now"] // 1000)

json.dump(answers, sys.stdout)
