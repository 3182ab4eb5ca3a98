"""From Kraken Futures' answers about markets to our facts; see ``read.py``. Its twin is ``serve_public.py``.

The exchange lists no currencies: those that its contracts are made of are given. A funding rate is printed per
contract; as a ratio of the mark price it is rounded to `RATE_DIGITS`; what was printed stands in ``extra``.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Final

from msgspec import Raw

from nostro.domain import records
from nostro.domain.values import EXACT, ONE, Unknown, exact, exact_or_none, parse_time, quotient, token
from nostro.exchanges.kraken_futures import members, words
from nostro.exchanges.kraken_futures.messages_public import (
    Candles,
    Instrument,
    Instruments,
    MarginLevel,
    OrderBook,
    Ticker,
    Tickers,
    TradeHistory,
)
from nostro.link.declare import Query

HOUR_S: Final = 3_600  # Source: funding of perpetual contracts is paid each hour
RATE_DIGITS: Final = 18
_INVERSE: Final = "futures_inverse"


def currencies(_: Query, answer: Instruments) -> Iterator[records.Asset]:
    found: dict[str, None] = {}
    for row in answer.instruments:
        instrument = words.instrument(row.symbol)
        if not isinstance(instrument, Unknown):
            pair = instrument.partition(":")[0]
            found |= dict.fromkeys(pair.split("/"))
    for offset, asset in enumerate(sorted(found)):
        yield records.Asset(offset=offset, asset=asset)


def instruments(query: Query, answer: Instruments) -> Iterator[records.Instrument]:
    """Contracts; indices and options, which have no name of ours, are left out."""
    for offset, row in enumerate(answer.instruments):
        instrument = words.instrument(row.symbol)
        if isinstance(instrument, Unknown) or query.where.get("instrument", instrument) != instrument:
            continue
        yield _instrument(offset, instrument, row)


def _instrument(offset: int, instrument: str, row: Instrument) -> records.Instrument:
    pair, _, settle = instrument.partition(":")
    base, _, quote = pair.partition("/")
    precision, tick = row.contract_value_trade_precision, exact_or_none(row.tick_size, "tickSize")
    digits = precision if isinstance(precision, int) else 0
    return records.Instrument(
        offset=offset,
        instrument=instrument,
        base=base,
        quote=quote,
        amount_digits=digits,
        price_digits=0 if tick is None else _digits(tick),
        amount_min=Decimal(f"{Decimal(1).scaleb(-digits):f}"),
        type="inverse" if row.type == _INVERSE else "linear",
        settle=settle.partition("-")[0],
        multiplier=exact_or_none(row.contract_size, "contractSize"),
        code=row.symbol,
        price_step=tick,
        position_max=exact_or_none(row.max_position_size, "maxPositionSize"),
        leverage_max=_leverage_max(row.margin_levels if isinstance(row.margin_levels, list) else []),
        funding_interval_s=HOUR_S if members.optional(row.last_trading_time) is None else None,
        active=row.tradeable,
        extra=members.extra(
            type=row.type, opening_date=row.opening_date, last_trading_time=row.last_trading_time,
            impact_mid_size=row.impact_mid_size, fee_schedule_uid=row.fee_schedule_uid, isin=row.isin,
            category=row.category, funding_rate_coefficient=row.funding_rate_coefficient,
            max_relative_funding_rate=row.max_relative_funding_rate, underlying=row.underlying,
            post_only=members.true(row.post_only), tags=" ".join(row.tags) if isinstance(row.tags, list) else None,
        ),
    )  # fmt: skip


def _digits(step: Decimal) -> int:
    """Decimals of a price: 1 for steps of 0.5."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _leverage_max(levels: list[MarginLevel]) -> Decimal | None:
    first = exact_or_none(levels[0].initial_margin, "initialMargin") if levels else None
    return quotient(ONE, first, digits=2, rounding=ROUND_DOWN) if first else None


def ticker(query: Query, answer: Tickers) -> Iterator[records.Ticker]:
    for offset, row in enumerate(answer.tickers):
        instrument = words.instrument(row.symbol)
        if isinstance(instrument, Unknown) or query.where.get("instrument", instrument) != instrument:
            continue
        yield _ticker(offset, instrument, row)


def _ticker(offset: int, instrument: str, row: Ticker) -> records.Ticker:
    """``vol24h`` is in contracts."""
    last, opened = members.price(row.last, "last"), members.price(row.open24h, "open24h")
    mark = members.price(row.mark_price, "markPrice")
    return records.Ticker(
        offset=offset,
        instrument=instrument,
        last=last,
        bid=members.price(row.bid, "bid"),
        ask=members.price(row.ask, "ask"),
        high=members.price(row.high24h, "high24h"),
        low=members.price(row.low24h, "low24h"),
        change=None if last is None or opened is None else members.less(last, opened),
        volume=exact_or_none(row.vol24h, "vol24h"),
        mark=mark,
        index=members.price(row.index_price, "indexPrice"),
        funding_rate=_rate(instrument, row.funding_rate, mark),
        open_interest=exact_or_none(row.open_interest, "openInterest"),
        extra=members.extra(
            funding_rate=row.funding_rate, funding_rate_prediction=row.funding_rate_prediction, bid_size=row.bid_size,
            ask_size=row.ask_size, last_time=row.last_time, last_size=row.last_size, volume_quote=row.volume_quote,
            open24h=row.open24h, change24h=row.change24h, tag=row.tag, extrinsic_value=row.extrinsic_value,
            suspended=members.true(row.suspended), post_only=members.true(row.post_only), pair=row.pair,
        ),
    )  # fmt: skip


def _rate(instrument: str, printed: Raw, mark: Decimal | None) -> Decimal | None:
    """Of a linear contract it is printed in quote units a contract, of an inverse one in base units a dollar."""
    rate = exact_or_none(printed, "fundingRate")
    if rate is None or mark is None:
        return None
    if words.wallet_of(instrument) == words.wallet(words.FLEX):
        return quotient(rate, mark, digits=RATE_DIGITS, rounding=ROUND_HALF_EVEN)
    return quotient(EXACT.multiply(rate, mark), ONE, digits=RATE_DIGITS, rounding=ROUND_HALF_EVEN)


def order_book(query: Query, answer: OrderBook) -> Iterator[records.OrderBook]:
    """The answer does not name its contract: it is the one asked for."""
    book = answer.order_book
    yield records.OrderBook(
        instrument=query.where["instrument"], bids=_levels(book.bids, "bids"), asks=_levels(book.asks, "asks")
    )


def _levels(levels: list[tuple[Raw, Raw]], side: str) -> records.Amounts:
    return tuple((exact(price, f"{side}.price"), exact(amount, f"{side}.size")) for price, amount in levels)


def public_trades(query: Query, answer: TradeHistory) -> Iterator[records.PublicTrade]:
    for offset, row in enumerate(answer.history):
        yield records.PublicTrade(
            offset=offset,
            native_id=members.optional(row.uid) or str(row.trade_id),
            effective_ns=parse_time(row.time, "time"),
            instrument=query.where["instrument"],
            side=token(words.SIDES, members.optional(row.side) or ""),
            price=exact(row.price, "price"),
            amount=exact(row.size, "size"),
            extra=members.extra(
                trade_id=row.trade_id, type=row.type, isin=row.isin, execution_venue=row.execution_venue
            ),
        )


def candles(query: Query, answer: Candles) -> Iterator[records.Candle]:
    for offset, row in enumerate(answer.candles):
        yield records.Candle(
            offset=offset,
            effective_ns=members.moment(row.time, "time"),
            instrument=query.where["instrument"],
            interval_s=int(query.where["interval_s"]),
            open=exact(row.open, "open"),
            high=exact(row.high, "high"),
            low=exact(row.low, "low"),
            close=exact(row.close, "close"),
            volume=exact(row.volume, "volume"),
        )
