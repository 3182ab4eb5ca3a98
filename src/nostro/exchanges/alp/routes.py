"""The routes of ALP.COM's API, per dialect: method, path, messages, sign-in, permission. Both sides
read them from here; who may call what is decided nowhere else.

Source: API reference of 2023, the headings of Public API and Private API; permissions: its notes ("Can Withdraw",
"Margin").
That a key may lack `read` or `trade` is *ours*. `version` is in the client alone; `time` and `currency-rates` are of
2026.
"""

from __future__ import annotations

from typing import Any, Literal

from nostro.exchanges.alp import messages, requests
from nostro.exchanges.alp.dialects import Dialect
from nostro.link.declare import Route

SIGN_IN = Route(
    name="sign_in", method="POST", path="auth", request=requests.SignIn, answer=str, secret=True,
    unread="it is read by the sign-in itself",
)  # fmt: skip

CURRENCIES = Route(name="currencies", method="GET", path="currencies", answer=list[messages.Currency])
PAIRS = Route(
    name="pairs", method="GET", path="pairs", request=requests.PairsQuery, answer=list[messages.Pair]
)  # fmt: skip
TICKER = Route(
    name="ticker", method="GET", path="ticker", request=requests.TickerQuery,
    answer=list[messages.Ticker] | messages.Ticker,
)  # fmt: skip
CHARTS = Route(
    name="charts", method="GET", path="charts", request=requests.ChartsQuery, answer=list[messages.Candle]
)  # fmt: skip
TRADES = Route(
    name="trades", method="GET", path="trades", request=requests.TradesQuery, answer=list[messages.Trade]
)  # fmt: skip
VERSION = Route(
    name="version", method="GET", path="version", answer=Any, unread="no document says what it answers"
)  # fmt: skip
TIME = Route(name="time", method="GET", path="time", answer=messages.ServerTime)
CURRENCY_RATES = Route(
    name="currency_rates", method="GET", path="currency-rates", answer=dict[str, str],
    unread="no document says in what the rates are, and tickers give prices",
)  # fmt: skip


def order_book(dialect: Dialect) -> Route:
    other = "orderbook" if dialect.book_path == "order_book" else "order_book"
    return Route(
        name="order_book", method="GET", path=dialect.book_path, aliases=(other,),
        request=requests.OrderBookQuery, answer=messages.OrderBook,
    )  # fmt: skip


def _private(name: str, path: str, request: Any, row: Any, *, permission: str = "read", unread: str = "") -> Route:
    return Route(
        name=name, method="GET", path=path, request=request, answer=list[row], auth="token", permission=permission,
        unread=unread,
    )  # fmt: skip


ACCOUNTS = _private("accounts", "accounts/accounts", requests.AccountsQuery, messages.Account)
BALANCES = _private("balances", "accounts/balances", requests.CurrencyQuery, messages.Balance)
FEES = _private("fees", "accounts/feeinfo", None, messages.AccountFee)
ORDERS = _private("orders", "accounts/order", requests.OrdersQuery, messages.Order)
ACCOUNT_TRADES = _private(
    "account_trades", "accounts/trades", requests.AccountTradesQuery, messages.AccountTrade
)  # fmt: skip
SHORT_TRADES = _private(
    "account_trades", "accounts/trades", requests.AccountTradesQuery, messages.ShortTrade
)  # fmt: skip
ACTIVITY = _private("activity", "accounts/activity", requests.ActivityQuery, messages.Activity)
SHORT_ACTIVITY = _private(
    "activity", "accounts/activity", requests.ActivityQuery, messages.ShortActivity,
    unread="its rows have no id, no sign and no running balance: they prove nothing",
)  # fmt: skip
DEPOSIT_METHODS = _private(
    "deposit_methods", "deposit/methods", requests.CurrencyQuery, messages.DepositMethod
)  # fmt: skip
DEPOSITS = _private("deposits", "deposit", requests.TransfersQuery, messages.Deposit)
WITHDRAW_METHODS = _private(
    "withdraw_methods", "withdraw/methods", requests.CurrencyQuery, messages.WithdrawMethod, permission="withdraw"
)  # fmt: skip
WITHDRAWALS = _private("withdrawals", "withdraw", requests.TransfersQuery, messages.Withdrawal, permission="withdraw")

WITHDRAW = Route(
    name="withdraw", method="POST", path="withdraw", request=requests.RequestWithdrawal, answer=Any,
    auth="signed", permission="withdraw", writes=True,
)  # fmt: skip
PLACE = Route(
    name="place", method="POST", path="trading/order", request=requests.PlaceOrder, answer=list[int],
    auth="signed", permission="trade", writes=True,
)  # fmt: skip
CANCEL = Route(
    name="cancel", method="DELETE", path="trading/order", request=requests.CancelOrders, answer=dict[str, str],
    auth="signed", permission="trade", writes=True,
)  # fmt: skip


def _margin(name: str, path: str, request: Any, row: Any) -> Route:
    return _private(name, path, request, row, permission="margin")


LOANS = _margin("loans", "margin", requests.LoansQuery, messages.Loan)
MARGIN_TRANSFERS = _margin("margin_transfers", "margin/transfer", requests.MarginQuery, messages.MarginTransfer)
BORROWS = _margin("borrows", "margin/borrow", requests.MarginQuery, messages.Borrow)
REPAYS = _margin("repays", "margin/repay", requests.ClosedMarginQuery, messages.Repay)
INTERESTS = _margin("interests", "margin/interest", requests.ClosedMarginQuery, messages.Interest)
LIQUIDATIONS = _margin("liquidations", "margin/liquidation", requests.MarginQuery, messages.Liquidation)


def _margin_write(name: str, path: str, request: Any, answer: Any, *, method: Literal["POST", "DELETE"]) -> Route:
    return Route(
        name=name, method=method, path=path, request=request, answer=answer, auth="signed", permission="margin",
        writes=True,
    )  # fmt: skip


# An id, which the document shows alone; of repayments the client takes the first of a list.
TRANSFER = _margin_write("transfer", "margin/transfer", requests.MarginTransfer, int | list[int], method="POST")
BORROW = _margin_write("borrow", "margin/borrow", requests.Borrow, int | list[int], method="POST")
REPAY = _margin_write("repay", "margin/repay", requests.Repay, int | list[int], method="POST")
CLOSE_POSITION = _margin_write("close_position", "margin", requests.ClosePosition, Any, method="DELETE")


def routes(dialect: Dialect) -> tuple[Route, ...]:
    """All routes of a dialect; 2026 has no deposits, no withdrawals and no margin."""
    public = (SIGN_IN, CURRENCIES, PAIRS, TICKER, order_book(dialect), CHARTS, TRADES, VERSION)
    clock = (TIME, CURRENCY_RATES) if dialect.clock else ()
    account = (ACCOUNTS, BALANCES, FEES, ORDERS, PLACE, CANCEL)
    if dialect.short:
        return (*public, *clock, *account, SHORT_TRADES, SHORT_ACTIVITY)
    transfers = (DEPOSIT_METHODS, DEPOSITS, WITHDRAW_METHODS, WITHDRAWALS, WITHDRAW)
    debts = (LOANS, MARGIN_TRANSFERS, BORROWS, REPAYS, INTERESTS, LIQUIDATIONS)
    margin = (TRANSFER, BORROW, REPAY, CLOSE_POSITION, *debts)
    return (*public, *clock, *account, ACCOUNT_TRADES, ACTIVITY, *transfers, *margin)
