"""The routes of BingX's swap API v1: method, path, messages, who may call them. Both sides read them from here.

Source: seed of this wire; its documents of 2020 to 2023. Permissions of keys are *ours*: no document has any.
"""

from __future__ import annotations

from typing import Any, Final

from nostro.exchanges.bingx_v1 import messages, requests
from nostro.link.declare import Route


def _user(name: str, call: str, request: Any, answer: Any, **more: Any) -> Route:
    settings = {"permission": "read"} | more
    return Route(
        name=name, method="POST", path=f"api/v1/user/{call}", request=request, answer=answer, auth="signed", **settings
    )  # fmt: skip


def _write(name: str, call: str, request: Any, answer: Any, **more: Any) -> Route:
    return _user(name, call, request, answer, permission="trade", writes=True, **more)


def _market(name: str, call: str, request: Any, answer: Any, **more: Any) -> Route:
    return Route(name=name, method="GET", path=f"api/v1/market/{call}", request=request, answer=answer, **more)


BALANCE = _user("balance", "getBalance", requests.CurrencyQuery, messages.Balance)
POSITIONS = _user("positions", "getPositions", requests.SymbolQuery, messages.Positions)
PENDING_ORDERS = _user("pending_orders", "pendingOrders", requests.SymbolQuery, messages.Orders)
# The only connector on PyPI asks `user/orderInfo`, which no document names.
ORDER = _user(
    "order", "queryOrderStatus", requests.OrderQuery, messages.Order, aliases=("api/v1/user/orderInfo",)
)  # fmt: skip
HISTORY_ORDERS = _user("history_orders", "historyOrders", requests.HistoryQuery, messages.Orders)
FORCE_ORDERS = _user(
    "force_orders", "forceOrders", requests.HistoryQuery, messages.Orders,
    unread="its orders are in the history of orders too",
)  # fmt: skip
MARGIN_MODE = _user("margin_mode", "getMarginMode", requests.SymbolQuery, messages.MarginMode)
LEVERAGE = _user("leverage", "getLeverage", requests.SymbolQuery, messages.Leverage)

TRADE = _write("trade", "trade", requests.Trade, messages.Placed)
CANCEL = _write("cancel", "cancelOrder", requests.OrderQuery, messages.Placed)
CANCEL_SOME = _write(
    "cancel_some", "batchCancelOrders", requests.OrdersCancel, Any,
    unread="its answer does not say which orders were canceled; they are canceled one by one",
)  # fmt: skip
CANCEL_ALL = _write("cancel_all", "cancelAll", None, Any)
CLOSE = _write("close", "oneClickClosePosition", requests.PositionClose, messages.Placed)
CLOSE_ALL = _write(
    "close_all", "oneClickCloseAllPositions", None, messages.ClosedAll,
    unread="positions are closed one by one, so that each is meant",
)  # fmt: skip
SET_MARGIN_MODE = _write("set_margin_mode", "setMarginMode", requests.SetMarginMode, Any)
SET_LEVERAGE = _write("set_leverage", "setLeverage", requests.SetLeverage, Any)

_NO_STREAM = "stop orders of this wire are no orders of its history, and have no state that can be proven"
STOP_ORDER = _write("stop_order", "stopOrder", requests.StopOrder, messages.Placed, unread=_NO_STREAM)
CANCEL_STOP = _write("cancel_stop", "cancelStopOrder", requests.OrderQuery, Any, unread=_NO_STREAM)
PENDING_STOPS = _user(
    "pending_stops", "pendingStopOrders", requests.SymbolQuery, messages.StopOrders, unread=_NO_STREAM
)  # fmt: skip
HISTORY_STOPS = _user(
    "history_stops", "historyStopOrders", requests.HistoryQuery, messages.StopOrders, unread=_NO_STREAM
)  # fmt: skip
LISTEN_KEY = _user(
    "listen_key", "auth/userDataStream", None, messages.ListenKey, unread="its stream is not known well enough to read"
)  # fmt: skip

_NO_KEY = "its stream is not known well enough to read"
KEEP_KEY = Route(
    name="keep_key", method="PUT", path=LISTEN_KEY.path, request=requests.ListenKey, answer=messages.Nothing,
    auth="signed", permission="read", unread=_NO_KEY,
)  # fmt: skip
END_KEY = Route(
    name="end_key", method="DELETE", path=LISTEN_KEY.path, request=requests.ListenKey, answer=messages.Nothing,
    auth="signed", permission="read", unread=_NO_KEY,
)  # fmt: skip

TIME = Route(
    name="time", method="GET", path="api/v1/common/server/time", answer=messages.ServerTime,
    aliases=("api/v1/server/time",),
)  # fmt: skip
TIME_POSTED = Route(
    name="time_posted", method="POST", path="api/v1/common/server/time", answer=messages.ServerTime,
    aliases=("api/v1/server/time",), unread="the same as time: one client posts",
)  # fmt: skip
CONTRACTS = _market("contracts", "getAllContracts", None, list[messages.Contract])
LATEST_PRICE = _market(
    "latest_price", "getLatestPrice", requests.SymbolQuery, messages.LatestPrice,
    unread="the ticker has the last price; a mark price alone is no fact of ours",
)  # fmt: skip
TICKER = _market("ticker", "getTicker", requests.SymbolQuery, messages.Tickers)
DEPTH = _market("depth", "getMarketDepth", requests.DepthQuery, messages.Depth)
TRADES = _market("trades", "getMarketTrades", requests.SymbolQuery, messages.Trades)
LATEST_FUNDING = _market(
    "latest_funding", "getLatestFunding", requests.SymbolQuery, messages.LatestFunding,
    unread="it is a rate that may change until it is charged; what was charged is on no call of this wire",
)  # fmt: skip
LATEST_CANDLE = _market(
    "latest_candle", "getLatestKline", requests.CandleQuery, messages.LatestCandle,
    unread="the history of candles has it too",
)  # fmt: skip
CANDLES = _market("candles", "getHistoryKlines", requests.CandleQuery, messages.Candles)

ROUTES: Final = (
    BALANCE, POSITIONS, PENDING_ORDERS, ORDER, HISTORY_ORDERS, FORCE_ORDERS, MARGIN_MODE, LEVERAGE, TRADE, CANCEL,
    CANCEL_SOME, CANCEL_ALL, CLOSE, CLOSE_ALL, SET_MARGIN_MODE, SET_LEVERAGE, STOP_ORDER, CANCEL_STOP, PENDING_STOPS,
    HISTORY_STOPS, LISTEN_KEY, KEEP_KEY, END_KEY, TIME, TIME_POSTED, CONTRACTS,
    LATEST_PRICE, TICKER, DEPTH, TRADES, LATEST_FUNDING, LATEST_CANDLE, CANDLES,
)  # fmt: skip
