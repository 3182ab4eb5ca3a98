"""Runs inside the environment of GRVT's own client, grvt-pysdk, which it uses unmodified: only its addresses are set.
It calls the raw class, synchronous and asynchronous, and the ccxt-style one, and writes what came back as JSON, one
entry a call.

Reads its orders from standard input: ``{"url", "key", "private_key", "sub_account_id", "price", "hour_ns"}``. It judges
nothing; test_grvt_pysdk.py does.
"""

import asyncio
import dataclasses
import json
import sys
import time
from enum import Enum

from eth_account import Account
from pysdk import grvt_ccxt_env, grvt_raw_base
from pysdk import grvt_raw_types as types
from pysdk.grvt_ccxt import GrvtCcxt
from pysdk.grvt_ccxt_env import GrvtEndpointType
from pysdk.grvt_ccxt_env import GrvtEnv as CcxtEnv
from pysdk.grvt_raw_async import GrvtRawAsync
from pysdk.grvt_raw_base import GrvtApiConfig
from pysdk.grvt_raw_env import GrvtEndpointConfig, GrvtEnv, GrvtEnvConfig
from pysdk.grvt_raw_signing import sign_order
from pysdk.grvt_raw_sync import GrvtRawSync

told = json.load(sys.stdin)
url, sub = told["url"], told["sub_account_id"]
here = GrvtEndpointConfig(url, None)
grvt_raw_base.get_env_config = lambda _: GrvtEnvConfig(edge=here, trade_data=here, market_data=here, chain_id=325)
grvt_ccxt_env.get_grvt_endpoint_domains = lambda _: dict.fromkeys(GrvtEndpointType, url)
BTC = "BTC_USDT_Perp"
answers = {}


def plain(value):
    if dataclasses.is_dataclass(value):
        members = {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
        return {type(value).__name__: members}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [plain(each) for each in value]
    return {name: plain(each) for name, each in value.items()} if isinstance(value, dict) else value


def keep(name, value):
    assert name not in answers, name
    answers[name] = plain(value)
    return value


# ── the raw class ────────────────────────────────────────────────────────────────────────────────────────────────


def config(key=told["key"]):
    return GrvtApiConfig(
        env=GrvtEnv.PROD, trading_account_id=sub, private_key=told["private_key"], api_key=key, logger=None
    )


def signed(instruments, *, size, price, client_id, buying=True, market=False, lasts="GOOD_TILL_TIME", **more):
    order = types.Order(
        sub_account_id=sub,
        time_in_force=types.TimeInForce(lasts),
        legs=[types.OrderLeg(instrument=BTC, size=size, is_buying_asset=buying, limit_price=price)],
        signature=types.Signature(
            signer="", r="", s="", v=0, expiration=str(time.time_ns() + 3_600 * 10**9), nonce=int(client_id) % 2**32
        ),
        metadata=types.OrderMetadata(client_order_id=client_id),
        is_market=market,
        **more,
    )
    made = sign_order(order, config(), Account.from_key(told["private_key"]), instruments)
    return types.ApiCreateOrderRequest(order=made)


def questions():
    """The reads that both raw classes are asked, by the name of their method."""
    return {
        "get_instrument_v1": types.ApiGetInstrumentRequest(instrument=BTC),
        "get_all_instruments_v1": types.ApiGetAllInstrumentsRequest(is_active=True),
        "get_filtered_instruments_v1": types.ApiGetFilteredInstrumentsRequest(
            kind=[types.Kind.PERPETUAL], base=["BTC"], quote=["USDT"]
        ),
        "get_currency_v1": types.ApiGetCurrencyRequest(),
        "mini_ticker_v1": types.ApiMiniTickerRequest(instrument=BTC),
        "ticker_v1": types.ApiTickerRequest(instrument=BTC),
        "orderbook_levels_v1": types.ApiOrderbookLevelsRequest(instrument=BTC, depth=10),
        "trade_v1": types.ApiTradeRequest(instrument=BTC, limit=5),
        "trade_history_v1": types.ApiTradeHistoryRequest(instrument=BTC, limit=5),
        "candlestick_v1": types.ApiCandlestickRequest(
            instrument=BTC, interval=types.CandlestickInterval.CI_1_H, type=types.CandlestickType.TRADE, limit=3
        ),
        "open_orders_v1": types.ApiOpenOrdersRequest(sub_account_id=sub),
        "order_history_v1": types.ApiOrderHistoryRequest(sub_account_id=sub, limit=10),
        "fill_history_v1": types.ApiFillHistoryRequest(sub_account_id=sub, limit=10),
        "positions_v1": types.ApiPositionsRequest(sub_account_id=sub),
        "funding_payment_history_v1": types.ApiFundingPaymentHistoryRequest(sub_account_id=sub, limit=10),
        "deposit_history_v1": types.ApiDepositHistoryRequest(currency=[]),
        "withdrawal_history_v1": types.ApiWithdrawalHistoryRequest(currency=[]),
        "transfer_history_v1": types.ApiTransferHistoryRequest(currency=[]),
        "sub_account_summary_v1": types.ApiSubAccountSummaryRequest(sub_account_id=sub),
        "sub_account_history_v1": types.ApiSubAccountHistoryRequest(sub_account_id=sub, limit=3),
        "aggregated_account_summary_v1": types.EmptyRequest(),
        "funding_account_summary_v1": types.EmptyRequest(),
        "get_all_initial_leverage_v1": types.ApiGetAllInitialLeverageRequest(sub_account_id=sub),
    }


raw = GrvtRawSync(config())
for method, request in questions().items():
    keep(f"raw {method}", getattr(raw, method)(request))
history = types.ApiSubAccountHistoryRequest(sub_account_id=sub, cursor=answers["raw sub_account_history_v1"][
    "ApiSubAccountHistoryResponse"]["next"])  # fmt: skip
keep("raw next page", raw.sub_account_history_v1(history))
keep("raw wrong key", GrvtRawSync(config("nobody")).positions_v1(types.ApiPositionsRequest(sub_account_id=sub)))
keep("raw another's", raw.positions_v1(types.ApiPositionsRequest(sub_account_id="1")))
keep("raw set leverage", raw.set_initial_leverage_v1(types.ApiSetInitialLeverageRequest(sub, BTC, "20")))

listed = {each.instrument: each for each in raw.get_all_instruments_v1(types.ApiGetAllInstrumentsRequest()).result}
low, high = str(int(told["price"] * 0.95)), str(int(told["price"] * 1.05))
keep("raw place", raw.create_order_v1(signed(listed, size="0.01", price=low, client_id="9223372036854775901")))
keep("raw open", raw.open_orders_v1(types.ApiOpenOrdersRequest(sub_account_id=sub)))
found = keep("raw order", raw.get_order_v1(types.ApiGetOrderRequest(sub, client_order_id="9223372036854775901")))
keep("raw place again", raw.create_order_v1(signed(listed, size="0.01", price=low, client_id="9223372036854775901")))
keep("raw cancel", raw.cancel_order_v1(types.ApiCancelOrderRequest(sub, order_id=found.result.order_id)))
keep("raw canceled", raw.get_order_v1(types.ApiGetOrderRequest(sub, order_id=found.result.order_id)))
bought = signed(listed, size="0.02", price=high, client_id="9223372036854775902", lasts="IMMEDIATE_OR_CANCEL")
keep("raw take", raw.create_order_v1(bought))
keep("raw taken", raw.get_order_v1(types.ApiGetOrderRequest(sub, client_order_id="9223372036854775902")))
sold = signed(listed, size="0.02", price="0", client_id="9223372036854775903", buying=False, market=True)
keep("raw market", raw.create_order_v1(sold))
keep("raw marketed", raw.get_order_v1(types.ApiGetOrderRequest(sub, client_order_id="9223372036854775903")))
stop = signed(listed, size="0.01", price="0", client_id="9223372036854775904", buying=False, market=True)
stop.order.metadata.trigger = types.TriggerOrderMetadata(
    trigger_type=types.TriggerType.STOP_LOSS,
    tpsl=types.TPSLOrderMetadata(trigger_by=types.TriggerBy.MARK, trigger_price=low, close_position=False),
)
keep("raw stop", raw.create_order_v1(stop))
keep("raw stop waits", raw.get_order_v1(types.ApiGetOrderRequest(sub, client_order_id="9223372036854775904")))
crossing = signed(listed, size="0.02", price=high, client_id="9223372036854775905", post_only=True)
keep("raw post only", raw.create_order_v1(crossing))
forged = signed(listed, size="0.01", price=low, client_id="9223372036854775906")
forged.order.legs[0].size = "0.02"
keep("raw forged", raw.create_order_v1(forged))
keep("raw too fine", raw.create_order_v1(signed(listed, size="0.0101", price=low, client_id="9223372036854775907")))
keep("raw too small", raw.create_order_v1(signed(listed, size="0.001", price=low, client_id="9223372036854775908")))
keep("raw cancel all", raw.cancel_all_orders_v1(types.ApiCancelAllOrdersRequest(sub_account_id=sub)))
keep("raw open none", raw.open_orders_v1(types.ApiOpenOrdersRequest(sub_account_id=sub)))


async def asynchronously():
    raw = GrvtRawAsync(config())
    for method, request in questions().items():
        keep(f"async {method}", await getattr(raw, method)(request))
    resting = signed(listed, size="0.01", price=low, client_id="9223372036854775911")
    keep("async place", await raw.create_order_v1(resting))
    client_id = types.ApiCancelOrderRequest(sub, client_order_id="9223372036854775911")
    keep("async cancel", await raw.cancel_order_v1(client_id))
    taking = signed(listed, size="0.01", price=high, client_id="9223372036854775912", lasts="IMMEDIATE_OR_CANCEL")
    keep("async take", await raw.create_order_v1(taking))
    keep("async taken", await raw.get_order_v1(types.ApiGetOrderRequest(sub, client_order_id="9223372036854775912")))
    await raw._session.close()


asyncio.run(asynchronously())


# ── the ccxt-style class ─────────────────────────────────────────────────────────────────────────────────────────

parameters = {"api_key": told["key"], "trading_account_id": sub, "private_key": told["private_key"]}
styled = GrvtCcxt(env=CcxtEnv.PROD, parameters=parameters)
keep("styled markets", sorted(styled.markets))
keep("styled balance", styled.fetch_balance())
keep("styled summary", styled.get_account_summary("sub-account"))
keep("styled positions", styled.fetch_positions())
keep("styled my trades", styled.fetch_my_trades(BTC, limit=5))
keep("styled history", styled.fetch_account_history(limit=2))
keep("styled ticker", styled.fetch_ticker(BTC))
keep("styled book", styled.fetch_order_book(BTC, limit=10))
keep("styled candles", styled.fetch_ohlcv(BTC, timeframe="1h", limit=3))
placed = keep("styled place", styled.create_order(BTC, "limit", "buy", 0.01, low, {"client_order_id": 77}))
keep("styled open", styled.fetch_open_orders(symbol=BTC, params={"kind": "PERPETUAL"}))
keep("styled cancel", styled.cancel_order(params={"client_order_id": 77}))
keep("styled market", styled.create_order(BTC, "market", "buy", 0.01, params={"client_order_id": 78}))
keep("styled order", styled.fetch_order(params={"client_order_id": 78}))
keep("styled cancel all", styled.cancel_all_orders())
keep("styled orders", styled.fetch_order_history({"limit": 3}))

print(json.dumps(answers))  # noqa: T201 - a program
