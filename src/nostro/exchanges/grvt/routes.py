"""Every route of GRVT, shared by both sides: host, path, messages, who may call it. It decides what there is, in both
encodings: a route of the dialect's own is asked, its twin in the other is served alone. How each is asked stands in
``ask.py`` and ``do.py``, how it is answered in ``serve.py``.

Source: the exchange's ``api-spec`` (May 2026). A route has the version 1, but for ``bulk_orders``.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from nostro.exchanges.grvt import messages, orders, requests
from nostro.exchanges.grvt.lite import lite
from nostro.link.declare import Route

Form = Literal["full", "lite"]
EDGE: Final = "edge"
MARKET: Final = "market_data"
OTHER: Final = "the other encoding, which the other dialect asks"
NOT_ASKED: Final = "served for other clients; nothing of ours needs it"
NEVER: Final = "gives a third party a fee of every order: never asked on our side"

API_KEY_LOGIN: Final = Route(
    name="api_key_login", method="POST", host=EDGE, path="auth/api_key/login", request=requests.ApiKeyLogin,
    answer=messages.SignedIn, secret=True, unread="its cookie comes in the headers: signs in for all others",
)  # fmt: skip
WALLET_LOGIN: Final = Route(
    name="wallet_login", method="POST", host=EDGE, path="auth/wallet/login", request=requests.WalletLogin,
    answer=messages.SignedIn, secret=True, unread="a session by a wallet's signature: we sign in with the API key",
)  # fmt: skip


def _read(name: str, request: type[msgspec.Struct], answer: Any, *, unread: str = "") -> Route:
    return Route(
        name=name, method="POST", path=f"v1/{name}", request=request, answer=answer, auth="token", permission="read",
        unread=unread,
    )  # fmt: skip


def _write(name: str, request: type[msgspec.Struct], answer: Any, *, unread: str = "") -> Route:
    version = "v2" if name == "bulk_orders" else "v1"
    return Route(
        name=name, method="POST", path=f"{version}/{name}", request=request, answer=answer, auth="signed",
        permission="trade", writes=True, unread=unread,
    )  # fmt: skip


def _market(name: str, request: type[msgspec.Struct], answer: Any, *, unread: str = "") -> Route:
    return Route(
        name=name, method="POST", host=MARKET, path=f"v1/{name}", request=request, answer=answer, unread=unread
    )  # fmt: skip


ACCOUNT: Final = (
    _read("account_history", requests.History, messages.Paged[messages.SubAccount]),
    _read("account_summary", requests.OfSubAccount, messages.Result[messages.SubAccount]),
    _read("spot_account_summary", requests.OfSubAccount, messages.Result[messages.SpotSubAccount], unread=NOT_ASKED),
    _read("positions", requests.ApiPositionsRequest, messages.Result[list[messages.Positions]]),
    _read("position_history", requests.ApiPositionHistoryRequest, messages.Paged[messages.ApiPositionHistory]),
    _read("fill_history", requests.ApiFillHistoryRequest, messages.Paged[messages.Fill]),
    _read(
        "funding_payment_history", requests.ApiFundingPaymentHistoryRequest, messages.Paged[messages.FundingPayment]
    ),
    _read("deposit_history", requests.ApiDepositHistoryRequest, messages.Paged[messages.DepositHistory]),
    _read("withdrawal_history", requests.ApiWithdrawalHistoryRequest, messages.Paged[messages.WithdrawalHistory]),
    _read("transfer_history", requests.ApiTransferHistoryRequest, messages.Paged[messages.TransferHistory]),
    _read(
        "aggregated_account_summary", requests.Nothing, messages.Result[messages.AggregatedAccountSummary],
        unread=NOT_ASKED,
    ),
    _read("funding_account_summary", requests.Nothing, messages.FundingSummary),
    _read("get_sub_accounts", requests.Nothing, messages.SubAccounts),
    _read("get_authorized_builders", requests.Nothing, messages.Builders, unread=NOT_ASKED),
    _read("order", requests.ApiGetOrderRequest, messages.Result[orders.Order]),
    _read("open_orders", requests.ApiOpenOrdersRequest, messages.Result[list[orders.Order]]),
    _read("order_history", requests.ApiOrderHistoryRequest, messages.Paged[orders.Order]),
    _read("get_all_initial_leverage", requests.OfSubAccount, messages.InitialLeverages),
)  # fmt: skip
WRITES: Final = (
    _write("authorize_builder", requests.AuthorizeBuilder, messages.Result[messages.Ack], unread=NEVER),
    _write("create_order", requests.CreateOrder, messages.Result[orders.Order]),
    _write("cancel_order", requests.ApiCancelOrderRequest, messages.Result[messages.Ack]),
    _write("cancel_all_orders", requests.ApiCancelAllOrdersRequest, messages.Result[messages.Ack]),
    _write(
        "cancel_on_disconnect", requests.ApiCancelOnDisconnectRequest, messages.Result[messages.Ack], unread=NOT_ASKED
    ),
    _write("bulk_orders", requests.ApiBulkOrdersRequest, orders.BulkOrders, unread=NOT_ASKED),
    _write("set_initial_leverage", requests.SetInitialLeverage, messages.Success),
    _write("set_position_config", requests.SetPositionConfig, messages.Ack, unread=NOT_ASKED),
)  # fmt: skip
MARKETS: Final = (
    _market("instrument", requests.OfInstrument, messages.Result[orders.InstrumentDisplay], unread=NOT_ASKED),
    _market(
        "all_instruments", requests.ApiGetAllInstrumentsRequest, messages.Result[list[orders.InstrumentDisplay]]
    ),
    _market(
        "instruments", requests.ApiGetFilteredInstrumentsRequest, messages.Result[list[orders.InstrumentDisplay]],
        unread=NOT_ASKED,
    ),
    _market("currency", requests.Nothing, messages.Result[list[orders.CurrencyDetail]]),
    _market("ticker", requests.OfInstrument, messages.Result[orders.Ticker]),
    _market("mini", requests.OfInstrument, messages.Result[orders.MiniTicker], unread=NOT_ASKED),
    _market("book", requests.ApiOrderbookLevelsRequest, messages.Result[orders.OrderbookLevels]),
    _market("trade", requests.ApiTradeRequest, messages.Result[list[orders.Trade]]),
    _market("trade_history", requests.ApiTradeHistoryRequest, messages.Paged[orders.Trade], unread=NOT_ASKED),
    _market("kline", requests.ApiCandlestickRequest, messages.Paged[orders.Candlestick]),
    _market("funding", requests.ApiFundingRateRequest, messages.Paged[orders.FundingRate], unread=NOT_ASKED),
    _market("margin_rules", requests.OfInstrument, orders.MarginRules, unread=NOT_ASKED),
)  # fmt: skip
CALLS: Final = (*ACCOUNT, *WRITES, *MARKETS)  # those that have two encodings, and can be called over a socket


def route(form: Form, name: str) -> Route:
    """The route of that name as the dialect asks it."""
    return next(each for each in routes(form) if each.name == name)


def routes(form: Form) -> tuple[Route, ...]:
    """All that a dialect has: its own encoding under the routes' names, the other's behind them."""
    other: Form = "lite" if form == "full" else "full"
    own = tuple(in_form(each, form) for each in CALLS)
    others = (in_form(each, other) for each in CALLS)
    twins = tuple(
        msgspec.structs.replace(each, name=f"{each.name}_{other}", unread=each.unread or OTHER) for each in others
    )
    return (API_KEY_LOGIN, WALLET_LOGIN, *own, *twins)


def in_form(route: Route, form: Form) -> Route:
    """A call in one encoding."""
    if form == "full":
        return msgspec.structs.replace(route, path=f"full/{route.path}")
    return msgspec.structs.replace(
        route, path=f"lite/{route.path}", request=lite(route.request), answer=lite(route.answer)
    )


def is_lite(path: str) -> bool:
    """Whether a path is one of the lite encoding."""
    return path.lstrip("/").startswith("lite/")
