"""What can be asked of BingX's swap API v1 in our words: how a question becomes the route's request, and how the one
history it has is paged. How answers are read stands in ``read.py``, what can be done in ``do.py``.

The wire has states and orders; it has no fills, no ledger, no transfers and no funding that was paid. Its history of
orders takes no times: the newest come first, and one goes on from the last id. What it holds, and how far back, no
document says; ``Pending`` is among the statuses of its rows (*ours*: all orders, from when they are placed on). One
that is not finished is read again until it is, and each pass reads a week again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from nostro import errors
from nostro.exchanges.bingx_v1 import read, requests, routes, words
from nostro.link.declare import Ask, Query, Route, Stream

PAGE_ROWS: Final = 100  # Source: documents, historyOrders: length at most 100
WEEK_S: Final = 7 * 86_400
MILLISECOND_NS: Final = 1_000_000

ORDERS: Final = Stream(
    name="orders", kind="order", page_size=PAGE_ROWS, order="descending", since="absent", until="absent",
    position="after_id", overlap_s=WEEK_S, terminal=words.ORDERS_END,
)  # fmt: skip


def _symbol(query: Query) -> str | None:
    instrument = query.where.get("instrument")
    return None if instrument is None else words.symbol(instrument)


def _needed(query: Query, condition: str) -> str:
    value = query.where.get(condition)
    if not value:
        raise errors.BadValue(f"BingX must be told which {condition}", hint=f"give {condition}=", exchange="bingx_v1")
    return value


def _nothing(_: Query) -> None:
    return None


def _balance(query: Query) -> requests.CurrencyQuery:
    return requests.CurrencyQuery(currency=query.where.get("asset", words.CURRENCY))


def _symbols(query: Query) -> requests.SymbolQuery:
    return requests.SymbolQuery(symbol=_symbol(query))


def _one_symbol(query: Query) -> requests.SymbolQuery:
    return requests.SymbolQuery(symbol=words.symbol(_needed(query, "instrument")))


def _history(query: Query) -> requests.HistoryQuery:
    length = min(query.limit or PAGE_ROWS, PAGE_ROWS)
    return requests.HistoryQuery(symbol=_symbol(query), lastOrderId=query.position, length=str(length))


def _order(query: Query) -> requests.OrderQuery:
    return requests.OrderQuery(orderId=_needed(query, "order_id"), symbol=_symbol(query))


def _depth(query: Query) -> requests.DepthQuery:
    level = None if query.limit is None else str(query.limit)
    return requests.DepthQuery(symbol=words.symbol(_needed(query, "instrument")), level=level)


def _candles(query: Query) -> requests.CandleQuery:
    interval_s = int(_needed(query, "interval_s"))
    name = words.INTERVALS_WRITTEN.get(interval_s)
    if name is None:
        known = ", ".join(map(str, sorted(words.INTERVALS_WRITTEN)))
        raise errors.BadValue(f"interval_s is {interval_s}, BingX has {known}", exchange="bingx_v1")
    return requests.CandleQuery(
        symbol=words.symbol(_needed(query, "instrument")),
        klineType=name,
        startTs=None if query.since_ns is None else str(-(-query.since_ns // MILLISECOND_NS)),
        endTs=None if query.until_ns is None else str(-(-query.until_ns // MILLISECOND_NS)),
    )


def _ask(capability: str, route: Route, request: Callable[[Query], msgspec.Struct | None], **more: object) -> Ask:
    settings: dict[str, object] = {"read": getattr(read, route.name)} | more
    return Ask(capability=capability, route=route, request=request, **settings)  # type: ignore[arg-type]


ASKS: Final = (
    _ask("balances", routes.BALANCE, _balance),
    _ask("margin", routes.BALANCE, _balance, read=read.margin),
    _ask("positions", routes.POSITIONS, _symbols),
    _ask("open_orders", routes.PENDING_ORDERS, _symbols),
    _ask("order", routes.ORDER, _order),
    _ask("orders", routes.HISTORY_ORDERS, _history, stream=ORDERS),
    _ask("leverage", routes.LEVERAGE, _one_symbol, part="leverages"),
    _ask("leverage", routes.MARGIN_MODE, _one_symbol, part="margin_modes"),
    _ask("server_time", routes.TIME, _nothing),
    _ask("instruments", routes.CONTRACTS, _nothing),
    _ask("currencies", routes.CONTRACTS, _nothing, read=read.currencies),
    _ask("ticker", routes.TICKER, _symbols, part="tickers"),
    _ask("order_book", routes.DEPTH, _depth),
    _ask("public_trades", routes.TRADES, _one_symbol),
    _ask("candles", routes.CANDLES, _candles),
)
