"""How the paper exchange's rows are written in ALP.COM's frames, one function per type of frame or part of one. It
decides what each element says; who hears which frame stands in ``feed_serve.py``. It reads the venue's own rows, never
our facts; its twin is ``feed_read.py``.

*Ours*, because no document says it: the quote volume is the base volume at the last price; a depth's totals are those
of the whole visible book; rates are crossed from last prices; what is unfilled and what was canceled are two things;
prices and amounts have 8 decimals where the document's examples have them, and all their digits where they have more.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

import msgspec

from nostro.domain.values import EXACT, ZERO, add, canonical, quotient
from nostro.exchanges.alp import feed_messages as messages
from nostro.exchanges.alp import words
from nostro.exchanges.alp.dialects import NULL, Dialect
from nostro.exchanges.alp.written import seconds, status
from nostro.link.view import VenueEntry, VenueOrder, VenueTicker, VenueTrade, VenueView

DECIMALS: Final = 8  # Source: the examples of the document
DEPTH: Final = 20  # levels of each side: as the exchange sends since 2026
BENCHMARKS: Final = ("USDT", "EUR", "USD", "BTC", "ETH")  # Source: the document, Rates

Levels = Mapping[Decimal, Decimal]  # the amount at each price, best first


def eight(amount: Decimal | None) -> str:
    """With 8 decimals, or as many as it has."""
    text = canonical(ZERO if amount is None else amount)
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(DECIMALS, '0')}"


def text(kind: str, time_ns: int, *elements: Any) -> str:
    """A frame: its type, its time in Unix seconds, its elements."""
    return msgspec.json.encode([kind, seconds(time_ns), *elements]).decode()


def message(struct: msgspec.Struct) -> str:
    return msgspec.json.encode(struct).decode()


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────


def wallet(row: VenueEntry) -> str:
    """A wallet as it is after its entry."""
    wallet_type, symbol = words.wallet_written(row.wallet)
    return message(
        messages.Wallet(
            time=seconds(row.time_ns),
            code=row.asset,
            wallet_type=wallet_type,
            symbol=words.pair(symbol or ""),
            balance=canonical(EXACT.add(row.total, row.total_delta)),
            reserve=canonical(EXACT.add(row.held, row.held_delta)),
        )
    )


def order(dialect: Dialect, row: VenueOrder) -> str:
    unfilled = EXACT.subtract(EXACT.subtract(row.amount, row.filled), row.canceled)
    average = quotient(row.cost, row.filled, digits=DECIMALS, rounding=ROUND_HALF_EVEN) if row.filled else None
    return message(
        messages.Order(
            time=seconds(row.updated_ns),
            order_id=row.id,
            symbol=words.pair(row.instrument),
            side=words.SIDES_WRITTEN[row.side],
            order_type=words.TYPES_WRITTEN[row.type],
            base_amount=canonical(row.amount),
            limit_price=canonical(row.price or ZERO),
            amount_unfilled=canonical(unfilled),
            amount_filled=canonical(row.filled),
            amount_cancelled=canonical(row.canceled),
            value_filled=canonical(row.cost),
            price_avg=_optional(average),
            done_at=NULL if row.done_ns is None else seconds(row.done_ns),
            status=status(dialect, row.status),
            quote_amount=_optional(row.quote_amount),
            wallet_type=words.wallet_written(row.wallet)[0],
            stop_price=_optional(row.stop_price),
            stop_operator="" if row.stop_operator is None else row.stop_operator.upper(),
        )
    )


def _optional(amount: Decimal | None) -> str | None:
    return None if amount is None else canonical(amount)


# ── public ───────────────────────────────────────────────────────────────────────────────────────────────────────


def trade(row: VenueTrade) -> str:
    return message(
        messages.Trade(
            time=seconds(row.time_ns),
            trade_id=row.id,
            pair=words.pair(row.instrument),
            amount=eight(row.amount),
            price=eight(row.price),
            direction=row.side,
        )
    )


def ticker_row(row: VenueTicker) -> messages.TickerRow:
    last, opened = row.last or ZERO, row.open or ZERO
    change = EXACT.scaleb(EXACT.subtract(last, opened), 2) if opened else ZERO
    return messages.TickerRow(
        symbol=words.pair(row.instrument.symbol),
        close=eight(row.last),
        base_vol=eight(row.volume),
        quote_vol=eight(EXACT.multiply(row.volume, last)),
        change=eight(quotient(change, opened, digits=DECIMALS, rounding=ROUND_HALF_EVEN) if opened else ZERO),
        high=eight(row.high),
        low=eight(row.low),
        bid=eight(row.bid),
        ask=eight(row.ask),
    )


def rate_rows(prices: Mapping[str, Decimal]) -> list[messages.RateRow]:
    """Of every asset in each benchmark, in which both have a price."""
    return [
        messages.RateRow(
            rate=eight(quotient(price, prices[benchmark], digits=DECIMALS, rounding=ROUND_HALF_EVEN)),
            base=asset,
            quote=benchmark,
        )
        for asset, price in prices.items()
        for benchmark in BENCHMARKS
        if benchmark in prices and benchmark != asset
    ]


def worths(view: VenueView) -> dict[str, Decimal]:
    """What each asset is worth in the first benchmark that is listed, by last prices: by an instrument whose other side
    is known, as far as 18 digits say it."""
    listed = {asset.code for asset in view.assets()}
    known: dict[str, Decimal] = dict.fromkeys([each for each in BENCHMARKS if each in listed][:1], Decimal(1))
    lasts = {(each.base, each.quote): view.ticker(each.symbol).last for each in view.instruments()}
    for _ in lasts:
        for (base, quote), last in lasts.items():
            if last and quote in known and base not in known:
                known[base] = _crossed(EXACT.multiply(last, known[quote]), Decimal(1))
            elif last and base in known and quote not in known:
                known[quote] = _crossed(known[base], last)
    return {asset: worth for asset, worth in known.items() if worth}


def _crossed(worth: Decimal, by: Decimal) -> Decimal:
    return quotient(worth, by, digits=18, rounding=ROUND_HALF_EVEN)


def levels(side: Levels) -> list[messages.Level]:
    return [messages.Level(price=eight(price), quantity=eight(amount)) for price, amount in list(side.items())[:DEPTH]]


def total(side: Levels) -> str:
    return eight(add(side.values()))


def differences(before: Levels, after: Levels) -> list[messages.Level]:
    """What must be added to the amounts of ``before`` to get those of ``after``, in the order of prices."""
    changes = (
        (price, EXACT.subtract(after.get(price, ZERO), before.get(price, ZERO))) for price in {**before, **after}
    )
    return [
        messages.Level(price=canonical(price), quantity=canonical(change))
        for price, change in sorted(changes)
        if change
    ]
