"""The routes of Kraken Futures: method, path, messages, sign-in, permission. Both sides read them from here; who may
call what is decided nowhere else, nor what a call costs (``costs.py``).

Histories are served as version 2 and 3, which share their messages; our client speaks version 3. Source: Kraken Futures
documentation, the headings of each call; which versions python-kraken-sdk 3.5.1 and ccxt 4.5.90 use. Permissions:
python-kraken-sdk ("Read Only", "Full Access", "Withdrawal API").
"""

from __future__ import annotations

from typing import Any, Final

from nostro.exchanges.kraken_futures import messages, messages_history, messages_orders, messages_public, requests
from nostro.link.declare import Route

API: Final = "derivatives/api/v3"
HISTORY: Final = "api/history/v3"
OLDER_HISTORY: Final = "api/history/v2"


def _public(name: str, path: str, request: Any, answer: Any, *, unread: str = "") -> Route:
    return Route(name=name, method="GET", path=f"{API}/{path}", request=request, answer=answer, unread=unread)


def _private(name: str, path: str, request: Any, answer: Any, *, unread: str = "") -> Route:
    return Route(
        name=name, method="GET", path=f"{API}/{path}", request=request, answer=answer, auth="signed",
        permission="read", unread=unread,
    )  # fmt: skip


def _history(name: str, request: Any, answer: Any, *, path: str = "", unread: str = "") -> Route:
    named = path or name
    return Route(
        name=name, method="GET", path=f"{HISTORY}/{named}", aliases=(f"{OLDER_HISTORY}/{named}",), request=request,
        answer=answer, auth="signed", permission="read", unread=unread,
    )  # fmt: skip


def _write(
    name: str, path: str, request: Any, answer: Any, *, method: Any = "POST", permission: str = "trade",
    unread: str = "",
) -> Route:  # fmt: skip
    return Route(
        name=name, method=method, path=f"{API}/{path}", request=request, answer=answer, auth="signed",
        permission=permission, writes=True, unread=unread,
    )  # fmt: skip


# ── public ───────────────────────────────────────────────────────────────────────────────────────────────────────

INSTRUMENTS: Final = _public("instruments", "instruments", None, messages_public.Instruments)
STATUSES: Final = _public(
    "instrument_statuses", "instruments/status", None, messages_public.InstrumentStatuses,
    unread="`instruments` says what is tradeable",
)  # fmt: skip
STATUS: Final = _public(
    "instrument_status", "instruments/{symbol}/status", requests.PathSymbol, messages_public.OneStatus,
    unread="`instruments` says what is tradeable",
)  # fmt: skip
TICKERS: Final = _public("tickers", "tickers", requests.Tickers, messages_public.Tickers)
TICKER: Final = _public(
    "ticker", "tickers/{symbol}", requests.PathSymbol, messages_public.OneTicker, unread="`tickers` answers one, too"
)
ORDER_BOOK: Final = _public("order_book", "orderbook", requests.Symbol, messages_public.OrderBook)
PUBLIC_HISTORY: Final = _public("history", "history", requests.PublicHistory, messages_public.TradeHistory)
FEE_SCHEDULES: Final = _public(
    "fee_schedules", "feeschedules", None, messages_public.FeeSchedules,
    unread="since June 2026 its values are not what is charged; fills say that",
)  # fmt: skip
FUNDING_RATES: Final = Route(
    name="funding_rates", method="GET", path="derivatives/api/v4/historicalfundingrates",
    aliases=(f"{API}/historicalfundingrates",), request=requests.Symbol, answer=messages_public.FundingRates,
    unread="rates are of a market; what was paid is in the account log",
)  # fmt: skip
MARKET_EXECUTIONS: Final = Route(
    name="market_executions", method="GET", path=f"{HISTORY}/market/{{symbol}}/executions",
    aliases=(f"{OLDER_HISTORY}/market/{{symbol}}/executions",), request=requests.Events,
    answer=messages_history.MarketExecutions,
    unread="`history` answers the newest, and the book keeps no public trades",
)  # fmt: skip
CANDLES: Final = Route(
    name="candles", method="GET", path="api/charts/v1/{type}/{symbol}/{resolution}", request=requests.Candles,
    answer=messages_public.Candles,
)  # fmt: skip

# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────

ACCOUNTS: Final = _private("accounts", "accounts", None, messages.Accounts)
OPEN_POSITIONS: Final = _private("open_positions", "openpositions", None, messages.OpenPositions)
OPEN_ORDERS: Final = _private("open_orders", "openorders", None, messages.OpenOrders)
FILLS: Final = _private(
    "fills", "fills", requests.Fills, messages.Fills,
    unread="`executions` say the same with fees and mark prices, and are paged by a cursor",
)  # fmt: skip
LEVERAGE: Final = _private(
    "leverage_preferences", "leveragepreferences", requests.Symbol, messages.LeveragePreferences
)  # fmt: skip
PNL: Final = _private(
    "pnl_preferences", "pnlpreferences", None, messages.PnlPreferences,
    unread="in which currency profit is paid shows in each entry",
)  # fmt: skip
STRATEGY: Final = _private(
    "self_trade_strategy", "self-trade-strategy", None, messages.SelfTradeStrategy, unread="a rule of the matching"
)
SUB_ACCOUNTS: Final = _private("subaccounts", "subaccounts", None, messages.SubAccounts)
NOTIFICATIONS: Final = _private(
    "notifications", "notifications", None, messages.Notifications, unread="words to people, not facts"
)
UNWIND_QUEUE: Final = _private(
    "unwind_queue", "unwindqueue", None, messages.UnwindQueue, unread="an estimate of the exchange's own"
)
VOLUMES: Final = _private(
    "volumes", "feeschedules/volumes", None, messages.Volumes, unread="the book sums fills itself"
)  # fmt: skip
INITIAL_MARGIN: Final = _private(
    "initial_margin", "initialmargin", requests.Margin, messages.InitialMargin, unread="about orders not yet sent"
)
MAX_ORDER_SIZE: Final = _private(
    "max_order_size", "initialmargin/maxordersize", requests.Margin, messages.MaxOrderSize,
    unread="about orders not yet sent",
)  # fmt: skip
_KNOWN_BY_ID: Final = "it knows open orders and the last five seconds; open orders and the histories know more"
STATUS_ASKED: Final = _private(
    "order_statuses", "orders/status", requests.Statuses, messages_orders.OrderStatuses, unread=_KNOWN_BY_ID
)
# Documented as POST, and asked so by python-kraken-sdk; ccxt asks with GET.
STATUS_POSTED: Final = Route(
    name="order_statuses_posted", method="POST", path=f"{API}/orders/status", request=requests.Statuses,
    answer=messages_orders.OrderStatuses, auth="signed", permission="read", unread=_KNOWN_BY_ID,
)  # fmt: skip

# ── histories ────────────────────────────────────────────────────────────────────────────────────────────────────

EXECUTIONS: Final = _history("executions", requests.Events, messages_history.ExecutionEvents)
ORDERS: Final = _history("orders", requests.Events, messages_history.OrderEvents)
TRIGGERS: Final = _history(
    "triggers", requests.Events, messages_history.TriggerEvents,
    unread="a stop that waits is an open order, and one that fired is in the history of orders",
)  # fmt: skip
POSITIONS: Final = _history("positions", requests.Events, messages_history.PositionEvents)
ACCOUNT_LOG: Final = _history("account_log", requests.AccountLog, messages_history.AccountLog, path="account-log")
ACCOUNT_LOG_CSV: Final = _history(
    "account_log_csv", requests.AccountLog, Any, path="accountlogcsv", unread="the same rows as a table"
)

# ── writes ───────────────────────────────────────────────────────────────────────────────────────────────────────

SEND: Final = _write("send_order", "sendorder", requests.Send, messages_orders.Sent)
EDIT: Final = _write("edit_order", "editorder", requests.Edit, messages_orders.Edited)
CANCEL: Final = _write(
    "cancel_order", "cancelorder", requests.Cancel, messages_orders.Cancelled,
    unread="a batch cancels one as well as several",
)  # fmt: skip
CANCEL_ALL: Final = _write("cancel_all_orders", "cancelallorders", requests.Symbol, messages_orders.CancelledAll)
CANCELS_AFTER: Final = _write(
    "cancel_all_orders_after", "cancelallordersafter", requests.CancelsAfter, messages_orders.CancelsAfter,
    unread="a switch for programs that trade by themselves",
)  # fmt: skip
BATCH: Final = _write("batch_order", "batchorder", requests.Batch, messages_orders.Batch)
SET_LEVERAGE: Final = _write(
    "set_leverage_preference", "leveragepreferences", requests.SetLeverage, messages.Done, method="PUT"
)
SET_PNL: Final = _write(
    "set_pnl_preference", "pnlpreferences", requests.SetPnl, messages.Done, method="PUT",
    unread="there is no such word of ours",
)  # fmt: skip
SET_STRATEGY: Final = _write(
    "set_self_trade_strategy", "self-trade-strategy", requests.Strategy, messages.SelfTradeStrategy, method="PUT",
    unread="there is no such word of ours",
)  # fmt: skip
TRANSFER: Final = _write("transfer", "transfer", requests.Transfer, messages.Done, permission="withdraw")
SUB_TRANSFER: Final = _write(
    "subaccount_transfer", "transfer/subaccount", requests.SubAccountTransfer, messages.Done, permission="withdraw",
    unread="uids of the exchange's accounts stand in no fact of ours",
)  # fmt: skip
WITHDRAWAL: Final = _write(
    "withdrawal", "withdrawal", requests.Withdrawal, messages.Done, permission="withdraw",
    unread="it moves money to the same person's spot account, by no method that could be named",
)  # fmt: skip

ROUTES: Final = (
    INSTRUMENTS, STATUSES, STATUS, TICKERS, TICKER, ORDER_BOOK, PUBLIC_HISTORY, FEE_SCHEDULES, FUNDING_RATES,
    MARKET_EXECUTIONS, CANDLES, ACCOUNTS, OPEN_POSITIONS, OPEN_ORDERS, FILLS, LEVERAGE, PNL, STRATEGY, SUB_ACCOUNTS,
    NOTIFICATIONS, UNWIND_QUEUE, VOLUMES, INITIAL_MARGIN, MAX_ORDER_SIZE, STATUS_ASKED, STATUS_POSTED, EXECUTIONS,
    ORDERS, TRIGGERS, POSITIONS, ACCOUNT_LOG, ACCOUNT_LOG_CSV, SEND, EDIT, CANCEL, CANCEL_ALL, CANCELS_AFTER, BATCH,
    SET_LEVERAGE, SET_PNL, SET_STRATEGY, TRANSFER, SUB_TRANSFER, WITHDRAWAL,
)  # fmt: skip
