"""From the answers of BingX's swap API v1 to our facts, one function per route. It decides what each member means; its
twin is ``serve.py``, function by function.

Facts come in the order of the answer, unstamped. What has no word of ours stands in ``extra``. A member that says
something impossible raises `values.Malformed`, which names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from msgspec import Raw

from nostro.domain import records
from nostro.domain.values import ABSENT, ZERO, canonical, exact, exact_or_none, in_range, parse_time, token
from nostro.exchanges.bingx_v1 import messages, words
from nostro.link.declare import Query

MILLISECOND_NS: Final = 1_000_000


def _account(answer: messages.Balance) -> messages.Account:
    return answer if answer.account is None else answer.account


def balance(_: Query, answer: messages.Balance) -> Iterator[records.Balance]:
    """``balance`` is money without unrealized profit. What of it is free the wire does not say: ``availableMargin``
    counts that profit too."""
    row = _account(answer)
    yield records.Balance(wallet=words.WALLET, asset=row.currency, total=exact_or_none(row.balance, "balance"))


def margin(_: Query, answer: messages.Balance) -> Iterator[records.MarginSummary]:
    row = _account(answer)
    yield records.MarginSummary(
        wallet=words.WALLET,
        scope="account",
        currency=row.currency,
        balance=exact_or_none(row.balance, "balance"),
        equity=exact_or_none(row.equity, "equity"),
        unrealized_pnl=exact_or_none(row.unrealisedPNL, "unrealisedPNL"),
        realized_pnl=exact_or_none(row.realisedPNL, "realisedPNL"),
        available=exact_or_none(row.availableMargin, "availableMargin"),
        used=exact_or_none(row.usedMargin, "usedMargin"),
        order_margin=exact_or_none(row.freezedMargin, "freezedMargin"),
        leverage_long=exact_or_none(row.longLeverage, "longLeverage"),
        leverage_short=exact_or_none(row.shortLeverage, "shortLeverage"),
        extra={"userId": row.userId} if row.userId else {},
    )


def positions(_: Query, answer: messages.Positions) -> Iterator[records.Position]:
    """``volume`` is positive on both sides; a short position's size is negative here. A liquidation price of 0 is
    none."""
    for offset, row in enumerate(answer.positions or ()):
        side = token(words.HEDGE_SIDES, row.positionSide.lower())
        volume, closable = exact(row.volume, "volume"), exact_or_none(row.availableVolume, "availableVolume")
        yield records.Position(
            offset=offset,
            wallet=words.WALLET,
            native_id=row.positionId or None,
            instrument=words.instrument(row.symbol),
            side=side,
            size=volume.copy_negate() if side == "short" and volume else volume,
            closable_size=closable.copy_negate() if side == "short" and closable else closable,
            currency=row.currency or None,
            entry_price=exact_or_none(row.avgPrice, "avgPrice"),
            unrealized_pnl=exact_or_none(row.unrealisedPNL, "unrealisedPNL"),
            realized_pnl=exact_or_none(row.realisedPNL, "realisedPNL"),
            margin=exact_or_none(row.margin, "margin"),
            leverage=exact_or_none(row.leverage, "leverage"),
            liquidation_price=exact_or_none(row.liquidatedPrice, "liquidatedPrice") or None,
            margin_mode=token(words.MARGIN_MODES, row.marginMode.lower()) if row.marginMode else None,
            extra=_extra(pnlRate=row.pnlRate),
        )


def pending_orders(query: Query, answer: messages.Orders) -> Iterator[records.Order]:
    """Rows say no state: they are open, or partly filled."""
    yield from _orders(query, answer)


def history_orders(query: Query, answer: messages.Orders) -> Iterator[records.Order]:
    yield from _orders(query, answer)


def _orders(query: Query, answer: messages.Orders) -> Iterator[records.Order]:
    for offset, row in enumerate(answer.orders or ()):
        yield _order(row, offset, asked=query.where.get("instrument"))


def order(query: Query, answer: messages.Order) -> Iterator[records.Order]:
    """The answer does not name its symbol: it is the one asked for."""
    yield _order(answer, 0, asked=query.where.get("instrument"))


def _order(row: messages.Order, offset: int, *, asked: str | None) -> records.Order:
    amount, filled = exact(row.entrustVolume, "entrustVolume"), exact_or_none(row.filledVolume, "filledVolume")
    status = _status(row, filled)
    ended = status in words.ORDERS_END
    rest = None if filled is None else Decimal(canonical(amount - filled))
    side = token(words.SIDES, row.side)
    if status == "canceled" and filled:
        status = "partially_canceled"
    kind = token(words.TYPES, row.tradeType)
    price = exact_or_none(row.entrustPrice, "entrustPrice")
    opens = row.action == words.OPEN
    return records.Order(
        offset=offset,
        wallet=words.WALLET,
        native_id=str(row.orderId),
        effective_ns=parse_time(row.entrustTm, "entrustTm"),
        instrument=words.instrument(row.symbol) if row.symbol else asked or "",
        side=side,
        type=kind,
        status=status,
        amount=amount,
        filled=filled,
        canceled=rest if ended else ZERO if filled is not None else None,
        remaining=ZERO if ended and filled is not None else rest,
        price=None if kind == "market" else price,
        average_price=exact_or_none(row.avgFilledPrice, "avgFilledPrice") or None,
        updated_ns=parse_time(row.updateTm, "updateTm") if row.updateTm else None,
        done_ns=parse_time(row.updateTm, "updateTm") if row.updateTm and ended else None,
        reduce_only=not opens,
        position_side=words.POSITION_SIDES.get((side, opens)),
        extra=_extra(
            action=row.action,
            profit=row.profit,
            commission=row.commission,
            entrustPrice=row.entrustPrice if kind == "market" else ABSENT,
        ),
    )


def _status(row: messages.Order, filled: Decimal | None) -> str | None:
    said = row.status or row.orderStatus
    if said:
        return token(words.ORDER_STATUSES, said)
    return "partially_filled" if filled else "open"


def leverage(query: Query, answer: messages.Leverage) -> Iterator[records.Leverage]:
    yield records.Leverage(
        instrument=query.where["instrument"],
        long=exact(answer.longLeverage, "longLeverage"),
        short=exact(answer.shortLeverage, "shortLeverage"),
    )


def margin_mode(query: Query, answer: messages.MarginMode) -> Iterator[records.Leverage]:
    mode = token(words.MARGIN_MODES, answer.marginMode.lower())
    yield records.Leverage(instrument=query.where["instrument"], margin_mode=mode)


# ── public ───────────────────────────────────────────────────────────────────────────────────────────────────────


def time(_: Query, answer: messages.ServerTime) -> Iterator[records.ServerTime]:
    """To the millisecond."""
    inner = answer.data.currentTime if answer.data is not None else None
    milliseconds = answer.currentTime if inner is None else inner
    if milliseconds is None:
        message = "currentTime is missing"
        raise ValueError(message)
    now_ns = in_range(milliseconds * MILLISECOND_NS, "currentTime")
    yield records.ServerTime(effective_ns=now_ns, uncertainty_s=Decimal("0.001"))


def contracts(_: Query, answer: list[messages.Contract]) -> Iterator[records.Instrument]:
    """Amounts of orders are base units, whole multiples of ``size``: contracts of one base unit, in our words."""
    for offset, row in enumerate(answer):
        size, step = exact(row.size, "size"), exact(row.minStep, "minStep")
        yield records.Instrument(
            offset=offset,
            instrument=words.instrument(row.symbol),
            base=row.asset,
            quote=row.currency,
            settle=row.currency,
            type="linear",
            multiplier=Decimal(1),
            amount_digits=_digits(size),
            price_digits=_digits(step),
            price_step=step,
            amount_min=Decimal(canonical(size * exact(row.tradeMinLimit, "tradeMinLimit"))),
            leverage_max=exact_or_none(row.maxLongLeverage, "maxLongLeverage"),
            code=row.symbol,
            extra=_extra(
                contractId=row.contractId,
                name=row.name,
                size=row.size,
                feeRate=row.feeRate,
                volumePrecision=str(row.volumePrecision),
                pricePrecision=str(row.pricePrecision),
                quantityPrecision="" if row.quantityPrecision is None else str(row.quantityPrecision),
                maxShortLeverage=row.maxShortLeverage,
            ),
        )


def currencies(_: Query, answer: list[messages.Contract]) -> Iterator[records.Asset]:
    """What contracts are settled in: nothing else is ever on an account here."""
    for offset, code in enumerate(dict.fromkeys(row.currency for row in answer)):
        yield records.Asset(offset=offset, asset=code)


def ticker(_: Query, answer: messages.Tickers) -> Iterator[records.Ticker]:
    rows: list[messages.Ticker] = ([answer] if answer.symbol else []) if answer.tickers is None else answer.tickers
    for offset, row in enumerate(rows):
        yield records.Ticker(
            offset=offset,
            instrument=words.instrument(row.symbol),
            last=exact_or_none(row.lastPrice, "lastPrice"),
            high=exact_or_none(row.highPrice, "highPrice"),
            low=exact_or_none(row.lowPrice, "lowPrice"),
            change=exact_or_none(row.priceChange, "priceChange"),
            volume=exact_or_none(row.volume, "volume"),
            extra=_extra(
                priceChangePercent=row.priceChangePercent,
                lastVolume=row.lastVolume,
                dayVolume=row.dayVolume,
                openPrice=row.openPrice,
            ),
        )


def depth(query: Query, answer: messages.Depth) -> Iterator[records.OrderBook]:
    yield records.OrderBook(
        instrument=query.where["instrument"], bids=_levels(answer.bids, "bids"), asks=_levels(answer.asks, "asks")
    )


def _levels(levels: list[messages.Level], side: str) -> records.Amounts:
    return tuple((exact(row.p, f"{side}.p"), exact(row.v, f"{side}.v")) for row in levels)


def trades(query: Query, answer: messages.Trades) -> Iterator[records.PublicTrade]:
    for offset, row in enumerate(answer.trades):
        yield records.PublicTrade(
            offset=offset,
            effective_ns=parse_time(row.time, "time"),
            instrument=query.where["instrument"],
            side=token(words.MAKER_SIDES, row.makerSide),
            price=exact(row.price, "price"),
            amount=exact(row.volume, "volume"),
        )


def candles(query: Query, answer: messages.Candles) -> Iterator[records.Candle]:
    for offset, row in enumerate(answer.klines):
        yield records.Candle(
            offset=offset,
            effective_ns=in_range(int(exact(row.ts, "ts")) * MILLISECOND_NS, "ts"),
            instrument=query.where["instrument"],
            interval_s=int(query.where["interval_s"]),
            open=exact(row.open, "open"),
            high=exact(row.high, "high"),
            low=exact(row.low, "low"),
            close=exact(row.close, "close"),
            volume=exact(row.volume, "volume"),
        )


def _digits(step: Decimal) -> int:
    """Decimals of a step."""
    exponent = Decimal(canonical(step)).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _extra(**members: Raw | str) -> dict[str, str]:
    """Members without a word of ours, as text; what is missing is left out."""
    shown = {
        name: bytes(value).decode().strip('"') if isinstance(value, Raw) else value for name, value in members.items()
    }
    return {name: value for name, value in shown.items() if value not in ("", "null")}
