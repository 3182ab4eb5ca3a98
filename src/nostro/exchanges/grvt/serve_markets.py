"""Instruments and markets as the paper GRVT tells them; nobody need be signed in. Its twin is ``read_markets.py``.

*Ours*, because no document says it or the venue does not keep it: all volume of a day is shown as bought; open
interest, the ratio of longs and rates of interest are 0; there is no history of funding rates; candles are of trades
alone. A rate of funding is in percent, as in a capture (the specification says hundredths of a basis point).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from itertools import groupby, islice, takewhile
from typing import Final

from nostro.domain.values import ABSENT, EXACT, SECOND_NS, ZERO, add, quotient
from nostro.exchanges.grvt import cursors, given, orders, words, written
from nostro.exchanges.grvt.messages import Paged, Result
from nostro.exchanges.grvt.refusals import BAD_DEPTH, BAD_INTERVAL, refused
from nostro.link.commands import Side
from nostro.link.declare import Call
from nostro.link.view import VenueCandle, VenueInstrument, VenueTrade, VenueView

DEPTHS: Final = (10, 50, 100, 500)
INSTRUMENTS_MAX: Final = 100_000
TRADES_AT_ONCE: Final = 1_000  # that are read of the venue at a time
HOUR_S: Final = 3_600
PPM: Final = 6


# ── instruments ──────────────────────────────────────────────────────────────────────────────────────────────────


def instrument(view: VenueView, call: Call) -> Result[orders.InstrumentDisplay]:
    return Result(result=_display(view, given.instrument(view, call.message.instrument)))


def all_instruments(view: VenueView, _: Call) -> Result[list[orders.InstrumentDisplay]]:
    """All are active."""
    return Result(result=[_display(view, each) for each in given.contracts(view)])


def instruments(view: VenueView, call: Call) -> Result[list[orders.InstrumentDisplay]]:
    wanted = given.selected(view, call.message)
    chosen = [each for each in given.contracts(view) if wanted is None or each.symbol in wanted]
    most = given.limit(call.message.limit, INSTRUMENTS_MAX)
    return Result(result=[_display(view, each) for each in chosen[:most]])


def _display(view: VenueView, each: VenueInstrument) -> orders.InstrumentDisplay:
    listed = written.listed(view, each)
    limit = Decimal("0.3")
    return orders.InstrumentDisplay(
        instrument=written.code(each),
        instrument_hash=written.instrument_hash(listed),
        base=each.base,
        quote=each.quote,
        kind="PERPETUAL",
        venues=["ORDERBOOK"],
        settlement_period="PERPETUAL",
        base_decimals=listed.base_decimals,
        quote_decimals=written.decimals(view, each.quote),
        tick_size=written.amount(Decimal(1).scaleb(-each.price_digits)),
        min_size=written.amount(each.amount_min),
        create_time=written.time(0),
        max_position_size=written.amount(each.position_max),
        funding_interval_hours=each.funding_interval_s // HOUR_S,
        adjusted_funding_rate_cap=written.amount(limit),
        adjusted_funding_rate_floor=written.amount(limit.copy_negate()),
        min_notional=written.amount(each.value_min),
    )


def currency(view: VenueView, _: Call) -> Result[list[orders.CurrencyDetail]]:
    return Result(
        result=[
            orders.CurrencyDetail(
                id=written.currency_id(view, asset.code),
                symbol=asset.code,
                balance_decimals=asset.digits,
                quantity_multiplier=str(10**asset.digits),
            )
            for asset in view.assets()
        ]
    )


def margin_rules(view: VenueView, call: Call) -> orders.MarginRules:
    """*Ours*: a position's margin has the one rate of its tier, so that nothing accumulates."""
    each = given.instrument(view, call.message.instrument)
    floors = [ZERO, *(tier.up_to or ZERO for tier in each.tiers)]
    return orders.MarginRules(
        instrument=written.code(each),
        max_position_size=written.amount(each.position_max),
        risk_brackets=[
            orders.RiskBracket(
                tier=number,
                notional_floor=written.amount(floors[number - 1]),
                notional_cap=ABSENT if tier.up_to is None else written.amount(tier.up_to),
                maintenance_margin_rate=written.amount(EXACT.scaleb(Decimal(tier.maintenance_ppm), -PPM)),
                initial_margin_rate=written.amount(EXACT.scaleb(Decimal(tier.initial_ppm), -PPM)),
                max_leverage=int(tier.leverage_max),
                cumulative_maintenance_amount=written.amount(ZERO),
            )
            for number, tier in enumerate(each.tiers, 1)
        ],
    )


# ── prices ───────────────────────────────────────────────────────────────────────────────────────────────────────


def ticker(view: VenueView, call: Call) -> Result[orders.Ticker]:
    return Result(result=ticker_of(view, given.instrument(view, call.message.instrument)))


def ticker_of(view: VenueView, each: VenueInstrument) -> orders.Ticker:
    row = view.ticker(each.symbol)
    rate, next_ns = view.funding_rate(each.symbol)
    percent = written.amount(EXACT.scaleb(rate, 2))
    nothing = written.amount(ZERO)
    volume = EXACT.multiply(row.volume, row.last or ZERO)
    bid, ask = _best(view, each, "buy"), _best(view, each, "sell")
    return orders.Ticker(
        event_time=written.time(view.now_ns()),
        instrument=written.code(each),
        mark_price=written.price(view.mark(each.symbol)),
        index_price=written.price(view.index(each.symbol)),
        last_price=written.price(row.last),
        last_size=written.amount(next((trade.amount for trade in view.trades(each.symbol, limit=1, offset=0)), None)),
        mid_price=written.price(_middle(bid[0], ask[0])),
        best_bid_price=written.price(bid[0]),
        best_bid_size=written.amount(bid[1]),
        best_ask_price=written.price(ask[0]),
        best_ask_size=written.amount(ask[1]),
        funding_rate_8h_curr=percent,
        funding_rate_8h_avg=percent,
        interest_rate=nothing,
        forward_price=nothing,
        buy_volume_24h_b=written.amount(row.volume),
        sell_volume_24h_b=nothing,
        buy_volume_24h_q=written.quote(volume),
        sell_volume_24h_q=nothing,
        high_price=written.price(row.high),
        low_price=written.price(row.low),
        open_price=written.price(row.open),
        open_interest=nothing,
        long_short_ratio=nothing,
        funding_rate=percent,
        next_funding_time=written.time(next_ns),
    )


def _best(view: VenueView, each: VenueInstrument, side: Side) -> tuple[Decimal, Decimal]:
    return next(iter(view.depth(each.symbol, side, levels=1, grouped=True)), (ZERO, ZERO))


def _middle(bid: Decimal, ask: Decimal) -> Decimal:
    """0 where one of them is missing."""
    return quotient(EXACT.add(bid, ask), Decimal(2), digits=9, rounding=ROUND_DOWN) if bid and ask else ZERO


def mini(view: VenueView, call: Call) -> Result[orders.MiniTicker]:
    return Result(result=mini_of(view, given.instrument(view, call.message.instrument)))


def mini_of(view: VenueView, each: VenueInstrument) -> orders.MiniTicker:
    whole = ticker_of(view, each)
    return orders.MiniTicker(**{name: getattr(whole, name) for name in orders.MiniTicker.__struct_fields__})


def book(view: VenueView, call: Call) -> Result[orders.OrderbookLevels]:
    each = given.instrument(view, call.message.instrument)
    depth = given.number(call.message.depth, "depth") or DEPTHS[-1]
    if depth not in DEPTHS:
        raise refused(BAD_DEPTH, f"expected one of {', '.join(str(known) for known in DEPTHS)}")
    return Result(result=book_of(view, each, depth=depth))


def book_of(view: VenueView, each: VenueInstrument, *, depth: int) -> orders.OrderbookLevels:
    return orders.OrderbookLevels(
        event_time=written.time(view.now_ns()),
        instrument=written.code(each),
        bids=levels(view, each, side="buy", depth=depth),
        asks=levels(view, each, side="sell", depth=depth),
    )


def levels(view: VenueView, each: VenueInstrument, *, side: Side, depth: int) -> list[orders.OrderbookLevel]:
    """Best first."""
    rows = view.depth(each.symbol, side, levels=None, grouped=False)
    return [
        level(price, [amount for _, amount in same])
        for price, same in islice(groupby(rows, key=lambda row: row[0]), depth)
    ]


def level(price: Decimal, amounts: list[Decimal]) -> orders.OrderbookLevel:
    return orders.OrderbookLevel(price=written.price(price), size=written.amount(add(amounts)), num_orders=len(amounts))


# ── what was traded ──────────────────────────────────────────────────────────────────────────────────────────────


def trade(view: VenueView, call: Call) -> Result[list[orders.Trade]]:
    """Newest first."""
    each = given.instrument(view, call.message.instrument)
    rows = view.trades(each.symbol, limit=given.limit(call.message.limit), offset=0)
    return Result(result=[trade_of(view, row) for row in rows])


def trade_history(view: VenueView, call: Call) -> Paged[orders.Trade]:
    each = given.instrument(view, call.message.instrument)
    place = given.place(call.message, history="trade_history", of=each.symbol, now_ns=view.now_ns())

    def newest(since_ns: int, until_ns: int, count: int) -> Iterator[VenueTrade]:
        rows = (row for row in _trades(view, each.symbol) if row.time_ns < until_ns)
        return islice(takewhile(lambda row: row.time_ns >= since_ns, rows), count)

    rows, onward = cursors.page(place, newest, when=lambda row: row.time_ns)
    return Paged(result=[trade_of(view, row) for row in rows], next=onward)


def _trades(view: VenueView, symbol: str) -> Iterator[VenueTrade]:
    """Newest first, so many at a time."""
    offset = 0
    while rows := view.trades(symbol, limit=TRADES_AT_ONCE, offset=offset):
        yield from rows
        offset += len(rows)


def trade_of(view: VenueView, row: VenueTrade) -> orders.Trade:
    code = next(written.code(each) for each in given.contracts(view) if each.symbol == row.instrument)
    return orders.Trade(
        event_time=written.time(row.time_ns),
        instrument=code,
        is_taker_buyer=row.side == "buy",
        size=written.amount(row.amount),
        price=written.price(row.price),
        mark_price=written.price(row.price),
        index_price=written.price(row.price),
        interest_rate=written.amount(ZERO),
        forward_price=written.amount(ZERO),
        trade_id=f"{row.id}-1",
        venue="ORDERBOOK",
        is_rpi=False,
    )


def kline(view: VenueView, call: Call) -> Paged[orders.Candlestick]:
    message = call.message
    each = given.instrument(view, message.instrument)
    interval = words.member(words.CANDLESTICK_INTERVAL, message.interval or "")
    kind = words.member(words.CANDLESTICK_TYPE, message.type or "")
    if interval is None or kind != "TRADE":
        raise refused(BAD_INTERVAL)
    step_ns = words.INTERVALS_S[interval] * SECOND_NS
    place = given.place(message, history=f"kline {interval}", of=each.symbol, now_ns=view.now_ns())

    def newest(since_ns: int, until_ns: int, count: int) -> list[VenueCandle]:
        span_ns = (count + 1) * step_ns
        while True:  # an interval without a trade has no candle: look further back until there are enough
            first_ns = max(since_ns, until_ns - span_ns)
            rows = view.candles(each.symbol, step_ns // SECOND_NS, since_ns=first_ns, until_ns=until_ns)
            if len(rows) >= count or first_ns == since_ns:
                return list(reversed(rows))
            span_ns *= 8

    rows, onward = cursors.page(place, newest, when=lambda row: row.start_ns)
    return Paged(result=[candle(written.code(each), row, step_ns=step_ns) for row in rows], next=onward)


def candle(code: str, row: VenueCandle, *, step_ns: int) -> orders.Candlestick:
    return orders.Candlestick(
        open_time=written.time(row.start_ns),
        close_time=written.time(row.start_ns + step_ns),
        open=written.price(row.open),
        close=written.price(row.close),
        high=written.price(row.high),
        low=written.price(row.low),
        volume_b=written.amount(row.volume),
        volume_q=written.quote(EXACT.multiply(row.volume, row.close)),
        trades=0,
        instrument=code,
    )


def funding(view: VenueView, call: Call) -> Paged[orders.FundingRate]:
    """The venue keeps no history of rates."""
    given.instrument(view, call.message.instrument)
    return Paged(result=[], next="")
