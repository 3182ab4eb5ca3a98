"""The market of the paper exchange in the answers of BingX's swap API v1; see ``serve.py``."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from nostro.domain.values import SECOND_NS, ZERO, canonical, number, product, quotient
from nostro.exchanges.bingx_v1 import given, messages, requests, words, written
from nostro.exchanges.bingx_v1.refusals import bad_parameter
from nostro.link.declare import Call
from nostro.link.view import VenueCandle, VenueInstrument, VenueView

MILLISECOND_NS: Final = 1_000_000
LEVELS: Final = 5  # Source: documents, getMarketDepth: level, default 5
TRADES: Final = 100
CANDLES_MAX: Final = 1_440
PPM: Final = 1_000_000


def time(view: VenueView, _: Call) -> messages.ServerTime:
    now = view.now_ns() // MILLISECOND_NS
    return messages.ServerTime(currentTime=now, data=messages.Time(currentTime=now))


def contracts(view: VenueView, _: Call) -> list[messages.Contract]:
    taker_rate = view.usual_fees()[1]
    return [_contract(each, taker_rate) for each in view.instruments()]


def _contract(listed: VenueInstrument, taker_rate: Decimal) -> messages.Contract:
    size = Decimal(1).scaleb(-listed.amount_digits)
    most = number(listed.tiers[0].leverage_max)
    return messages.Contract(
        contractId=str(listed.id),
        symbol=words.symbol(listed.symbol),
        name=f"{listed.base} {listed.quote}",
        size=written.text(size),
        minStep=written.text(Decimal(1).scaleb(-listed.price_digits)),
        volumePrecision=0,
        pricePrecision=listed.price_digits,
        quantityPrecision=listed.amount_digits,
        feeRate=number(taker_rate),
        tradeMinLimit=number(Decimal(canonical(quotient(listed.amount_min, size, digits=0, rounding="ROUND_UP")))),
        currency=listed.settle,
        asset=listed.base,
        maxLongLeverage=most,
        maxShortLeverage=most,
    )


def latest_price(view: VenueView, call: Call) -> messages.LatestPrice:
    symbol = given.instrument(view, call.message.symbol).symbol
    mark = view.mark(symbol)
    return messages.LatestPrice(
        tradePrice=written.text(view.ticker(symbol).last or mark),
        indexPrice=written.text(view.index(symbol)),
        fairPrice=written.text(mark),
    )


def ticker(view: VenueView, call: Call) -> messages.Tickers:
    """*Ours*: always the list, as the wire was seen to answer for one symbol too."""
    symbol = given.optional_symbol(view, call.message.symbol)
    listed = [each.symbol for each in view.instruments() if symbol in (None, each.symbol)]
    return messages.Tickers(tickers=[_ticker(view, each) for each in listed])


def _ticker(view: VenueView, symbol: str) -> messages.Ticker:
    row = view.ticker(symbol)
    newest = view.trades(symbol, limit=1, offset=0)
    last, opened = row.last or ZERO, row.open or ZERO
    change = last - opened
    percent = quotient(change * 100, opened, digits=4, rounding="ROUND_HALF_EVEN") if opened else ZERO
    return messages.Ticker(
        symbol=words.symbol(symbol),
        priceChange=written.text(change),
        priceChangePercent=written.text(percent),
        lastPrice=written.text(row.last),
        lastVolume=written.text(newest[0].amount if newest else None),
        highPrice=written.text(row.high),
        lowPrice=written.text(row.low),
        volume=written.text(row.volume),
        dayVolume=written.text(product((row.volume, last))),
        openPrice=written.text(row.open),
    )


def depth(view: VenueView, call: Call) -> messages.Depth:
    query: requests.DepthQuery = call.message
    symbol = given.instrument(view, query.symbol).symbol
    wanted = query.level or str(LEVELS)
    if not wanted.isascii() or not wanted.isdecimal() or not 1 <= int(wanted[:6]) <= 1_000:
        raise bad_parameter("level", f"is {wanted[:12]!r}, and must be between 1 and 1000")
    sides = [view.depth(symbol, side, levels=int(wanted), grouped=True) for side in ("sell", "buy")]
    asks, bids = ([messages.Level(p=number(price), v=number(amount)) for price, amount in side] for side in sides)
    return messages.Depth(asks=asks, bids=bids)


def trades(view: VenueView, call: Call) -> messages.Trades:
    symbol = given.instrument(view, call.message.symbol).symbol
    rows = [
        messages.Trade(
            time=written.time(row.time_ns),
            makerSide=words.MAKER_SIDES_WRITTEN[row.side],
            price=written.text(row.price),
            volume=written.text(row.amount),
        )
        for row in view.trades(symbol, limit=TRADES, offset=0)
    ]
    return messages.Trades(trades=rows)


def latest_funding(view: VenueView, call: Call) -> messages.LatestFunding:
    symbol = given.instrument(view, call.message.symbol).symbol
    rate, next_ns = view.funding_rate(symbol)
    return messages.LatestFunding(
        fundingRate=written.text(rate),
        fairPrice=written.text(view.mark(symbol)),
        leftSeconds=written.text(Decimal((next_ns - view.now_ns()) // SECOND_NS)),
    )


def candles(view: VenueView, call: Call) -> messages.Candles:
    """Oldest first, at most `CANDLES_MAX`."""
    query: requests.CandleQuery = call.message
    interval_s = _interval_s(query.klineType)
    until_ns = _bound(query.endTs, "endTs") or view.now_ns() + 1
    since_ns = _bound(query.startTs, "startTs") or until_ns - CANDLES_MAX * interval_s * SECOND_NS
    symbol = given.instrument(view, query.symbol).symbol
    since_ns = max(since_ns, until_ns - CANDLES_MAX * interval_s * SECOND_NS)
    rows = view.candles(symbol, interval_s, since_ns=since_ns, until_ns=until_ns)
    return messages.Candles(klines=[_candle(row) for row in rows[-CANDLES_MAX:]])


def latest_candle(view: VenueView, call: Call) -> messages.LatestCandle:
    query: requests.CandleQuery = call.message
    interval_s = _interval_s(query.klineType)
    now_ns = view.now_ns() + 1
    symbol = given.instrument(view, query.symbol).symbol
    rows = view.candles(symbol, interval_s, since_ns=now_ns - 2 * interval_s * SECOND_NS, until_ns=now_ns)
    return messages.LatestCandle(kline=_candle(rows[-1]) if rows else None)


def _interval_s(name: str) -> int:
    if name not in words.INTERVALS_S:
        raise bad_parameter("klineType", f"is {name[:8]!r}, and can be {', '.join(words.INTERVALS_S)}")
    return words.INTERVALS_S[name]


def _bound(text: str | None, name: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 13:
        raise bad_parameter(name, "must be milliseconds since 1970")
    return int(text) * MILLISECOND_NS


def _candle(row: VenueCandle) -> messages.Candle:
    return messages.Candle(
        ts=number(Decimal(row.start_ns // MILLISECOND_NS)),
        open=number(row.open),
        close=number(row.close),
        high=number(row.high),
        low=number(row.low),
        volume=number(row.volume),
    )
