"""From the paper exchange's rows to Kraken Futures' answers about markets; see ``serve.py``.

*Ours*: there is one schedule of fees, from the rules of whoever asks first; history of funding rates is the present
rate alone, because the venue keeps no other; a status never tells of a dislocation; open interest is not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from msgspec import UNSET, Raw

from nostro.domain.values import EXACT, SECOND_NS, ZERO, number, quotient
from nostro.exchanges.kraken_futures import given, requests, words, written
from nostro.exchanges.kraken_futures import messages_public as messages
from nostro.exchanges.kraken_futures.refusals import invalid
from nostro.link.contracts import VenueTier
from nostro.link.declare import Call
from nostro.link.view import VenueInstrument, VenueView

SUCCESS: Final = "success"
HISTORY_ROWS: Final = 100  # Source: get-history
CANDLES_MOST: Final = 2_000  # Source: ccxt, fetchOHLCV
HISTORY_NS: Final = 7 * 86_400 * SECOND_NS  # Source: get-history reaches seven days back
_PERCENT: Final = 2
# What no profile says, as the captures show it.
COEFFICIENT: Final = Raw(b"24")
OPENED: Final = "2018-08-31T00:00:00.000Z"


# ── contracts ────────────────────────────────────────────────────────────────────────────────────────────────────


def instruments(view: VenueView, _: Call) -> messages.Instruments:
    rows = [_instrument(each) for each in given.contracts(view)]
    return messages.Instruments(result=SUCCESS, server_time=written.now(view), instruments=rows)


def _instrument(row: VenueInstrument) -> messages.Instrument:
    inverse = row.kind == "inverse"
    levels = _levels(row)
    return messages.Instrument(
        symbol=written.symbol(row),
        pair=words.pair(row.symbol),
        base=words.currency(row.base),
        quote=words.currency(row.quote),
        type="futures_inverse" if inverse else "flexible_futures",
        underlying=f"rr_{words.currency(row.base)}{row.quote}".lower() if inverse else UNSET,
        tick_size=number(Decimal(1).scaleb(-row.price_digits)),
        contract_size=number(row.multiplier),
        tradeable=True,
        impact_mid_size=Raw(b"1000") if inverse else Raw(b"1"),
        max_position_size=number(row.amount_max if row.position_max is None else row.position_max),
        opening_date=OPENED,
        margin_levels=levels,
        retail_margin_levels=levels,
        margin_schedules={},
        funding_rate_coefficient=COEFFICIENT,
        max_relative_funding_rate=Raw(b"0.0025"),
        isin="",
        contract_value_trade_precision=row.amount_digits,
        post_only=False,
        fee_schedule_uid=written.uid(written.SCHEDULE, 1),
        category="",
        tags=[],
        tradfi=False,
        mtf=False,
    )


def _levels(row: VenueInstrument) -> list[messages.MarginLevel]:
    """A level begins where the one before it ends: for linear contracts in quote units, for inverse ones in the settle
    asset's (*ours*: the exchange counts contracts there)."""
    starts = [ZERO, *(tier.up_to for tier in row.tiers[:-1])]
    return [_level(row, start or ZERO, tier) for start, tier in zip(starts, row.tiers, strict=True)]


def _level(row: VenueInstrument, start: Decimal, tier: VenueTier) -> messages.MarginLevel:
    rates = (number(EXACT.scaleb(Decimal(ppm), -6)) for ppm in (tier.initial_ppm, tier.maintenance_ppm))
    initial, maintenance = rates
    if row.kind == "inverse":
        return messages.MarginLevel(contracts=number(start), initial_margin=initial, maintenance_margin=maintenance)
    return messages.MarginLevel(
        num_non_contract_units=number(start), initial_margin=initial, maintenance_margin=maintenance
    )


def statuses(view: VenueView, _: Call) -> messages.InstrumentStatuses:
    rows = [messages.InstrumentStatus(**_calm(each)) for each in given.contracts(view)]
    return messages.InstrumentStatuses(result=SUCCESS, server_time=written.now(view), instrument_status=rows)


def status(view: VenueView, call: Call) -> messages.OneStatus:
    row = given.needed(view, call.message.path_symbol)
    return messages.OneStatus(result=SUCCESS, server_time=written.now(view), **_calm(row))


def _calm(row: VenueInstrument) -> dict[str, Any]:
    return {
        "tradeable": written.symbol(row), "experiencing_dislocation": False, "price_dislocation_direction": None,
        "experiencing_extreme_volatility": False, "extreme_volatility_initial_margin_multiplier": Raw(b"1"),
    }  # fmt: skip


# ── prices ───────────────────────────────────────────────────────────────────────────────────────────────────────


def tickers(view: VenueView, call: Call) -> messages.Tickers:
    query: requests.Tickers = call.message
    asked = [given.needed(view, symbol) for symbol in query.symbol]
    rows = [_ticker(view, each) for each in asked or given.contracts(view)]
    return messages.Tickers(result=SUCCESS, server_time=written.now(view), tickers=rows)


def ticker(view: VenueView, call: Call) -> messages.OneTicker:
    row = _ticker(view, given.needed(view, call.message.path_symbol))
    return messages.OneTicker(result=SUCCESS, server_time=written.now(view), ticker=row)


def _ticker(view: VenueView, row: VenueInstrument) -> messages.Ticker:
    """Prices that are not there yet are left out."""
    now, mark, index = view.ticker(row.symbol), view.mark(row.symbol), view.index(row.symbol)
    last = next(iter(view.trades(row.symbol, limit=1, offset=0)), None)
    bid = next(iter(view.depth(row.symbol, "buy", levels=1, grouped=True)), None)
    ask = next(iter(view.depth(row.symbol, "sell", levels=1, grouped=True)), None)
    rate, _ = view.funding_rate(row.symbol)
    absolute = number(written.absolute_rate(row, rate=rate, price=mark))
    return messages.Ticker(
        symbol=written.symbol(row),
        tag="perpetual",
        pair=words.pair(row.symbol),
        mark_price=number(mark),
        index_price=number(index),
        bid=written.price(None if bid is None else bid[0]),
        bid_size=written.price(None if bid is None else bid[1]),
        ask=written.price(None if ask is None else ask[0]),
        ask_size=written.price(None if ask is None else ask[1]),
        vol24h=number(now.volume),
        volume_quote=number(now.volume if row.kind == "inverse" else EXACT.multiply(now.volume, mark)),
        open24h=written.price(now.open),
        high24h=written.price(now.high),
        low24h=written.price(now.low),
        last=written.price(now.last),
        last_time=UNSET if last is None else written.time(last.time_ns),
        last_size=written.price(None if last is None else last.amount),
        suspended=False,
        post_only=False,
        change24h=number(_percent(now.last, now.open)),
        funding_rate=absolute,
        funding_rate_prediction=absolute,
    )


def _percent(last: Decimal | None, opened: Decimal | None) -> Decimal:
    if last is None or not opened:
        return ZERO
    moved = EXACT.scaleb(EXACT.subtract(last, opened), 2)
    return quotient(moved, opened, digits=_PERCENT, rounding=ROUND_HALF_EVEN)


def order_book(view: VenueView, call: Call) -> messages.OrderBook:
    symbol = given.needed(view, call.message.symbol).symbol
    bids = view.depth(symbol, "buy", levels=None, grouped=True)
    asks = view.depth(symbol, "sell", levels=None, grouped=True)
    book = messages.Book(bids=_pairs(bids), asks=_pairs(asks))
    return messages.OrderBook(result=SUCCESS, server_time=written.now(view), order_book=book)


def _pairs(rows: Sequence[tuple[Decimal, Decimal]]) -> list[tuple[Raw, Raw]]:
    return [(number(price), number(amount)) for price, amount in rows]


def history(view: VenueView, call: Call) -> messages.TradeHistory:
    """The hundred trades before ``lastTime``, newest first, as far as seven days back."""
    query: requests.PublicHistory = call.message
    symbol = given.needed(view, query.symbol).symbol
    before_ns = given.moment(view, query.last_time, name="lastTime") or view.now_ns() + 1
    found: list[messages.PublicTrade] = []
    offset = 0
    while len(found) < HISTORY_ROWS:
        rows = view.trades(symbol, limit=HISTORY_ROWS, offset=offset)
        offset += len(rows)
        fresh = [row for row in rows if row.time_ns >= view.now_ns() - HISTORY_NS]
        found += [
            messages.PublicTrade(
                time=written.time(row.time_ns), trade_id=row.id, price=number(row.price), size=number(row.amount),
                side=row.side, type="fill", uid=written.uid(written.EXECUTION, row.id),
            )
            for row in fresh
            if row.time_ns < before_ns
        ]  # fmt: skip
        if len(fresh) < HISTORY_ROWS:
            break
    return messages.TradeHistory(result=SUCCESS, server_time=written.now(view), history=found[:HISTORY_ROWS])


def candles(view: VenueView, call: Call) -> messages.Candles:
    """``from`` and ``to`` in seconds, both inclusive: the first so many of what was asked, or the last without
    ``from``. *Ours*: marks and indices have the candles of trades."""
    query: requests.Candles = call.message
    symbol = given.needed(view, query.path_symbol).symbol
    now = written.now(view)
    if query.path_type not in ("trade", "mark", "spot"):
        raise invalid("tick_type", now)
    interval_s = words.INTERVALS_S.get(query.path_resolution or "")
    if interval_s is None:
        raise invalid("resolution", now)
    step_ns = interval_s * SECOND_NS
    until_ns = view.now_ns() + 1 if not query.to else _seconds(view, query.to, "to") + 1
    first_ns = max(0, (until_ns - 1) // step_ns * step_ns - (CANDLES_MOST - 1) * step_ns)
    since_ns = first_ns if not query.from_ else _seconds(view, query.from_, "from")
    rows = view.candles(symbol, interval_s, since_ns=since_ns, until_ns=max(since_ns, until_ns))
    found = [
        messages.Candle(
            time=written.milliseconds(row.start_ns), open=written.text(row.open), high=written.text(row.high),
            low=written.text(row.low), close=written.text(row.close), volume=written.text(row.volume),
        )
        for row in rows[:CANDLES_MOST]
    ]  # fmt: skip
    return messages.Candles(candles=found, more_candles=len(rows) > CANDLES_MOST)


def _seconds(view: VenueView, text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise invalid(name, written.now(view))
    return int(text) * SECOND_NS


# ── fees and funding ─────────────────────────────────────────────────────────────────────────────────────────────


def fee_schedules(view: VenueView, _: Call) -> messages.FeeSchedules:
    """Fees in percent. *Ours*: one level, what the first user's rules say."""
    rules = next((rules for user in (1, 2) if (rules := view.fee_rules(user))), [])
    maker, taker = (rules[0].maker_rate, rules[0].taker_rate) if rules else (ZERO, ZERO)
    tier = messages.FeeTier(
        maker_fee=number(EXACT.scaleb(maker, 2)), taker_fee=number(EXACT.scaleb(taker, 2)), usd_volume=Raw(b"0")
    )
    schedule = messages.FeeSchedule(uid=written.uid(written.SCHEDULE, 1), name="Paper", tiers=[tier])
    return messages.FeeSchedules(result=SUCCESS, server_time=written.now(view), fee_schedules=[schedule])


def funding_rates(view: VenueView, call: Call) -> messages.FundingRates:
    row = given.needed(view, call.message.symbol)
    rate, next_ns = view.funding_rate(row.symbol)
    paid_ns = next_ns - row.funding_interval_s * SECOND_NS
    absolute = written.absolute_rate(row, rate=rate, price=view.mark(row.symbol))
    present = messages.FundingRate(
        timestamp=written.time(paid_ns), funding_rate=number(absolute), relative_funding_rate=number(rate)
    )
    return messages.FundingRates(result=SUCCESS, server_time=written.now(view), rates=[present])
