"""From the paper exchange's rows to the answers of ALP.COM's public routes; see ``serve.py``.

*Ours*: the trades of the public come newest first; candles are those that start in [since, until).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import msgspec

from nostro.domain import values
from nostro.domain.values import EXACT, SECOND_NS, ZERO, number, quotient
from nostro.exchanges.alp import given, messages, requests, words, written
from nostro.exchanges.alp.dialects import Dialect
from nostro.exchanges.alp.refusals import bad_input
from nostro.link.commands import Refusal
from nostro.link.declare import Call
from nostro.link.view import VenueTicker, VenueView

CANDLES_MAX: Final = 500  # Source: 2026, default and most
TRADES_DEFAULT: Final = 100  # ours
TRADES_MAX: Final = 1_000  # ours
VERSION: Final = "v3"


def currencies(view: VenueView, _: Call) -> list[messages.Currency]:
    return [messages.Currency(sign=asset.sign, short_name=asset.code) for asset in view.assets()]


def pairs(view: VenueView, call: Call, *, dialect: Dialect) -> list[messages.Pair]:
    query: requests.PairsQuery = call.message
    return [
        messages.Pair(
            name=written.pair(dialect, each.symbol),
            currency1=each.base,
            currency2=each.quote,
            amount_precision=each.amount_digits,
            price_precision=each.price_digits,
            maximum_order_size=number(each.amount_max),
            minimum_order_size=number(each.amount_min),
            minimum_order_value=number(each.value_min),
        )
        for each in view.instruments()
        if query.currency1 in (None, each.base) and query.currency2 in (None, each.quote)
    ]


def ticker(view: VenueView, call: Call, *, dialect: Dialect) -> list[messages.Ticker] | messages.Ticker:
    """One pair's ticker is one object for the client and a list in the documents."""
    query: requests.TickerQuery = call.message
    chosen = given.instrument(view, query.pair)
    if chosen is None and query.pair_id is not None:
        chosen = next((each for each in view.instruments() if each.id == query.pair_id), None)
        if chosen is None:
            raise given.unknown(Refusal.UNKNOWN_INSTRUMENT, field="pair_id", value=str(query.pair_id))
    if chosen is None:
        rows = list(view.instruments())[query.offset or 0 :][: query.limit]
        return [_ticker(dialect, view.ticker(each.symbol)) for each in rows]
    row = _ticker(dialect, view.ticker(chosen.symbol))
    return row if dialect.one_ticker else [row]


def _ticker(dialect: Dialect, row: VenueTicker) -> messages.Ticker:
    diff = ZERO if row.last is None or row.open is None else EXACT.subtract(row.last, row.open)
    answer = messages.Ticker(
        pair=written.pair(dialect, row.instrument.symbol),
        last=written.price(row.last),
        vol=number(row.volume),
        buy=written.price(row.bid),
        sell=written.price(row.ask),
        high=written.price(row.high),
        low=written.price(row.low),
        diff=number(diff),
        timestamp=written.seconds(row.time_ns),
    )
    if not dialect.short:
        return answer
    percent = ZERO if not row.open else quotient(EXACT.scaleb(diff, 2), row.open, digits=2, rounding=ROUND_HALF_EVEN)
    return msgspec.structs.replace(
        answer,
        open=written.price(row.open),
        diff_percent=number(percent),
        price_precision=row.instrument.price_digits,
        amount_precision=row.instrument.amount_digits,
    )


def order_book(view: VenueView, call: Call) -> messages.OrderBook:
    query: requests.OrderBookQuery = call.message
    symbol = given.needed_instrument(view, query.pair).symbol
    grouped = query.group == 1
    return messages.OrderBook(
        buy=_levels(view.depth(symbol, "buy", levels=query.limit_buy, grouped=grouped)),
        sell=_levels(view.depth(symbol, "sell", levels=query.limit_sell, grouped=grouped)),
    )


def _levels(rows: Sequence[tuple[Decimal, Decimal]]) -> list[messages.Level]:
    return [messages.Level(amount=number(amount), price=number(price)) for price, amount in rows]


def charts(view: VenueView, call: Call) -> list[messages.Candle]:
    """``since`` inclusive, ``until`` exclusive; with ``since`` the first so many from there, else the last so many."""
    query: requests.ChartsQuery = call.message
    symbol = given.needed_instrument(view, query.pair).symbol
    if not query.interval:
        raise bad_input("interval", "is required")
    interval_s = words.INTERVALS_S.get(query.interval)
    if interval_s is None:
        raise bad_input("interval", f"expected one of {', '.join(words.INTERVALS_S)}")
    limit = min(CANDLES_MAX if query.limit is None else query.limit, CANDLES_MAX)
    step_ns = interval_s * SECOND_NS
    until_ns = view.now_ns() + 1 if query.until is None else min(query.until * SECOND_NS, given.STORABLE_NS)
    first_ns = (until_ns - 1) // step_ns * step_ns - (limit - 1) * step_ns
    since_ns = max(0, first_ns) if query.since is None else min(query.since * SECOND_NS, given.STORABLE_NS)
    rows = view.candles(symbol, interval_s, since_ns=since_ns, until_ns=until_ns)
    chosen = rows[len(rows) - min(limit, len(rows)) :] if query.since is None else rows[:limit]
    return [
        messages.Candle(
            open=number(row.open),
            close=number(row.close),
            high=number(row.high),
            low=number(row.low),
            volume=number(row.volume),
            time=written.seconds(row.start_ns),
        )
        for row in chosen
    ]


def trades(view: VenueView, call: Call, *, dialect: Dialect) -> list[messages.Trade]:
    query: requests.TradesQuery = call.message
    limit = min(TRADES_DEFAULT if query.limit is None else query.limit, TRADES_MAX)
    rows = view.trades(given.symbol(view, query.pair), limit=limit, offset=query.offset or 0)
    return [
        messages.Trade(
            id=row.id,
            account_id=row.user,
            pair=written.pair(dialect, row.instrument),
            amount=number(row.amount),
            price=number(row.price),
            timestamp=written.seconds(row.time_ns),
            type=row.side,
        )
        for row in rows
    ]


def version(_: VenueView, __: Call) -> str:
    return VERSION


def time(view: VenueView, _: Call) -> messages.ServerTime:
    return messages.ServerTime(serverTime=number(Decimal(view.now_ns() // SECOND_NS)))


def currency_rates(view: VenueView, _: Call) -> dict[str, str]:
    """Each currency's last price in USDT (*ours*: no document says in what); without a price it is left out."""
    rates = {"USDT": "1"} if any(asset.code == "USDT" for asset in view.assets()) else {}
    for each in view.instruments():
        last = view.ticker(each.symbol).last if each.quote == "USDT" else None
        if last is not None:
            rates[each.base] = values.canonical(last)
    return rates
