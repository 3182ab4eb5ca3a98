"""What can be asked of Kraken Futures in our words: how a question becomes the route's request, and how the histories
are paged. It decides bounds, cursors and what ends a row's changes; how answers are read stands in ``read.py`` and its
neighbours, what can be done in ``do.py``.

The account log goes on by its ids, the other histories by the token that an answer names. The history of orders tells
events by their time, and a question is about when an order was placed: it is asked from there on without an end, newest
first, so that an order's last state comes first.
Source: Kraken Futures documentation, history v3: since, before, sort, count, from, continuation_token. That ``since``
is inclusive and ``before`` exclusive is *believed*; no page says how far back the histories go.
"""

from __future__ import annotations

from typing import Any, Final

from nostro import errors
from nostro.domain.values import SECOND_NS
from nostro.exchanges.kraken_futures import read, read_history, read_public, requests, routes, words
from nostro.exchanges.kraken_futures.messages_history import AccountLog
from nostro.link.declare import Ask, Query, Stream

MILLISECOND_NS: Final = 1_000_000
PAGE_ROWS: Final = 1_000  # of events; a capture shows pages of so many
LOG_ROWS: Final = 1_000  # of the log: the most for three tokens of the hundred that ten minutes give

ORDERS: Final = Stream(
    name="orders", kind="order", page_size=PAGE_ROWS, order="any", until="absent", position="cursor",
    precision_ns=MILLISECOND_NS, empty_ends=False, terminal=words.ORDERS_END, changes=True,
)  # fmt: skip
FILLS: Final = Stream(
    name="fills", kind="fill", page_size=PAGE_ROWS, position="cursor", precision_ns=MILLISECOND_NS, empty_ends=False
)
POSITIONS: Final = Stream(
    name="position_events", kind="position_event", page_size=PAGE_ROWS, position="cursor",
    precision_ns=MILLISECOND_NS, empty_ends=False,
)  # fmt: skip


def _log(name: str, kind: str, **more: Any) -> Stream:
    return Stream(
        name=name, kind=kind, page_size=LOG_ROWS, position="cursor", precision_ns=MILLISECOND_NS, empty_ends=False,
        **more,
    )  # fmt: skip


ENTRIES: Final = _log("entries", "entry")
FUNDING: Final = _log("funding_payments", "funding_payment")
TRANSFERS: Final = _log("transfers", "transfer", terminal=frozenset({"done"}))


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────


def _symbol(query: Query) -> str | None:
    instrument = query.where.get("instrument")
    return None if instrument is None else words.symbol(instrument)


def _needed(query: Query, condition: str) -> str:
    value = query.where.get(condition)
    if not value:
        message = f"Kraken Futures must be told which {condition}"
        raise errors.BadValue(message, hint=f"give {condition}=", exchange="kraken_futures")
    return value


def _milliseconds(time_ns: int | None) -> str | None:
    """The declared precision makes them whole."""
    return None if time_ns is None else str(time_ns // MILLISECOND_NS)


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


def nothing(_: Query) -> None:
    return None


def tickers(query: Query) -> requests.Tickers:
    symbol = _symbol(query)
    return requests.Tickers(symbol=[] if symbol is None else [symbol])


def order_book(query: Query) -> requests.Symbol:
    return requests.Symbol(symbol=words.symbol(_needed(query, "instrument")))


def public_trades(query: Query) -> requests.PublicHistory:
    return requests.PublicHistory(symbol=words.symbol(_needed(query, "instrument")))


def candles(query: Query) -> requests.Candles:
    """Candles that start in [since, until): the wire takes whole seconds, and the end inclusive."""
    interval_s = int(_needed(query, "interval_s"))
    resolution = next((name for name, span_s in words.INTERVALS_S.items() if span_s == interval_s), None)
    if resolution is None:
        known = ", ".join(str(each) for each in words.INTERVALS_S.values())
        raise errors.BadValue(
            f"interval_s is {interval_s}, Kraken Futures has {known}", exchange="kraken_futures"
        )  # fmt: skip
    since_s = None if query.since_ns is None else -(-query.since_ns // SECOND_NS)
    last_s = None if query.until_ns is None else -(-query.until_ns // SECOND_NS) - 1
    return requests.Candles(
        path_type="trade", path_symbol=words.symbol(_needed(query, "instrument")), path_resolution=resolution,
        from_=None if since_s is None else str(since_s), to=None if last_s is None else str(last_s),
    )  # fmt: skip


def leverage(query: Query) -> requests.Symbol:
    return requests.Symbol(symbol=_symbol(query))


def events(query: Query) -> requests.Events:
    return requests.Events(
        since=_milliseconds(query.since_ns), before=_milliseconds(query.until_ns), sort="asc",
        count=_count(query, PAGE_ROWS), tradeable=_symbol(query), continuation_token=query.position,
    )  # fmt: skip


def order_events(query: Query) -> requests.Events:
    return requests.Events(
        since=_milliseconds(query.since_ns), sort="desc", count=_count(query, PAGE_ROWS), tradeable=_symbol(query),
        continuation_token=query.position,
    )  # fmt: skip


def log(query: Query) -> requests.AccountLog:
    return requests.AccountLog(
        since=_milliseconds(query.since_ns), before=_milliseconds(query.until_ns), from_=query.position, sort="asc",
        count=_count(query, LOG_ROWS),
    )  # fmt: skip


def funding(query: Query) -> requests.AccountLog:
    return _with_info(log(query), [words.FUNDING])


def transfers(query: Query) -> requests.AccountLog:
    return _with_info(log(query), sorted(words.MOVES))


def _with_info(request: requests.AccountLog, info: list[str]) -> requests.AccountLog:
    return requests.AccountLog(
        since=request.since, before=request.before, from_=request.from_, sort=request.sort, count=request.count,
        info=info,
    )  # fmt: skip


def _count(query: Query, most: int) -> str:
    return str(min(query.limit or most, most))


# ── going on ─────────────────────────────────────────────────────────────────────────────────────────────────────


def token(answer: Any) -> str | None:
    """The token of the next page, None on the last."""
    return answer.continuation_token or None


def next_id(answer: AccountLog) -> str | None:
    """The log names no token: it goes on behind the last id, until an answer is empty."""
    return str(answer.logs[-1].id + 1) if answer.logs else None


ASKS: Final = (
    Ask(capability="currencies", route=routes.INSTRUMENTS, request=nothing, read=read_public.currencies),
    Ask(capability="instruments", route=routes.INSTRUMENTS, request=nothing, read=read_public.instruments),
    Ask(capability="ticker", route=routes.TICKERS, request=tickers, read=read_public.ticker),
    Ask(capability="order_book", route=routes.ORDER_BOOK, request=order_book, read=read_public.order_book),
    Ask(capability="candles", route=routes.CANDLES, request=candles, read=read_public.candles),
    Ask(
        capability="public_trades", route=routes.PUBLIC_HISTORY, request=public_trades,
        read=read_public.public_trades,
    ),
    Ask(capability="balances", route=routes.ACCOUNTS, request=nothing, read=read.balances),
    Ask(capability="margin", route=routes.ACCOUNTS, request=nothing, read=read.margin),
    Ask(capability="positions", route=routes.OPEN_POSITIONS, request=nothing, read=read.positions),
    Ask(capability="open_orders", route=routes.OPEN_ORDERS, request=nothing, read=read.open_orders),
    Ask(capability="leverage", route=routes.LEVERAGE, request=leverage, read=read.leverage),
    Ask(capability="sub_accounts", route=routes.SUB_ACCOUNTS, request=nothing, read=read.sub_accounts),
    Ask(
        capability="orders", route=routes.ORDERS, request=order_events, read=read_history.orders, stream=ORDERS,
        position=token,
    ),
    Ask(
        capability="fills", route=routes.EXECUTIONS, request=events, read=read_history.executions, stream=FILLS,
        position=token,
    ),
    Ask(
        capability="position_events", route=routes.POSITIONS, request=events, read=read_history.positions,
        stream=POSITIONS, position=token,
    ),
    Ask(
        capability="entries", route=routes.ACCOUNT_LOG, request=log, read=read_history.entries, stream=ENTRIES,
        position=next_id,
    ),
    Ask(
        capability="funding_payments", route=routes.ACCOUNT_LOG, request=funding, read=read_history.funding,
        stream=FUNDING, position=next_id,
    ),
    Ask(
        capability="transfers", route=routes.ACCOUNT_LOG, request=transfers, read=read_history.transfers,
        stream=TRANSFERS, position=next_id,
    ),
)  # fmt: skip
