"""From GRVT's answers about accounts, orders and markets as they are to our facts, one function per route. It decides
what each member means, in both encodings alike; histories stand in ``read_histories.py``, what writes answer in
``do.py``. Its twins are ``serve_account.py``, ``serve_trading.py`` and ``serve_markets.py``.

Facts come in the order of the answer, unstamped, with their ``offset``. What has no word of ours stands in ``extra``.
The funding account is the sub-account "0", as transfers call it; its wallet is `funding`, a sub-account's `futures`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from nostro.domain import records
from nostro.domain.values import EXACT, ZERO, add, canonical, exact, exact_or_none
from nostro.exchanges.grvt import members, messages, orders, words
from nostro.link.commands import FUTURES
from nostro.link.declare import Query

FUNDING: Final = "funding"
PERCENT: Final = 2  # digits between a percentage and a ratio
HOUR_S: Final = 3_600


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────


def balances(_: Query, answer: messages.Result[messages.SubAccount]) -> Iterator[records.Balance]:
    row = answer.result
    yield from spot_balances(row.spot_balances, sub_account=row.sub_account_id, time_ns=_event(row))


def _event(row: messages.SubAccount | messages.Positions) -> int | None:
    return members.time(row.event_time, "event_time")


def spot_balances(
    rows: list[messages.SpotBalance], *, sub_account: str, time_ns: int | None, wallet: str = FUTURES
) -> Iterator[records.Balance]:
    """What may be transferred is not what is free to trade with: nothing of a balance is held, collateral is shared."""
    for offset, row in enumerate(rows):
        yield records.Balance(
            offset=offset,
            effective_ns=time_ns,
            sub_account=sub_account,
            wallet=wallet,
            asset=row.currency,
            total=exact(row.balance, "balance"),
            index_price=exact(row.index_price, "index_price"),
            entry_price=exact_or_none(row.entry_price, "entry_price"),
            realized_pnl=exact_or_none(row.realized_pnl, "realized_pnl"),
            unrealized_pnl=exact_or_none(row.unrealized_pnl, "unrealized_pnl"),
            transferable=exact_or_none(row.available_to_transfer, "available_to_transfer"),
        )


def funding_balances(_: Query, answer: messages.FundingSummary) -> Iterator[records.Balance]:
    rows = answer.result.spot_balances
    yield from spot_balances(rows, sub_account=words.FUNDING_ACCOUNT, time_ns=None, wallet=FUNDING)


def margin(_: Query, answer: messages.Result[messages.SubAccount]) -> Iterator[records.MarginSummary]:
    yield summary(answer.result)


def summary(row: messages.SubAccount) -> records.MarginSummary:
    return records.MarginSummary(
        effective_ns=_event(row),
        sub_account=row.sub_account_id,
        wallet=FUTURES,
        scope="account",
        currency=row.settle_currency,
        equity=exact(row.total_equity, "total_equity"),
        unrealized_pnl=exact(row.unrealized_pnl, "unrealized_pnl"),
        initial_margin=exact(row.initial_margin, "initial_margin"),
        maintenance_margin=exact(row.maintenance_margin, "maintenance_margin"),
        available=exact(row.available_balance, "available_balance"),
        cross_equity=exact_or_none(row.total_cross_equity, "total_cross_equity"),
        cross_unrealized_pnl=exact_or_none(row.cross_unrealized_pnl, "cross_unrealized_pnl"),
        margin_balance=exact_or_none(row.margin_balance, "margin_balance"),
        derisk_margin=exact_or_none(row.derisk_margin, "derisk_margin"),
        derisk_ratio=exact_or_none(row.derisk_to_maintenance_margin_ratio, "derisk_to_maintenance_margin_ratio"),
        vault_margin_addition=exact_or_none(row.vault_im_additions, "vault_im_additions"),
        index_price=exact(row.settle_index_price, "settle_index_price"),
        mode=row.margin_type,
        extra=members.extra(is_vault=row.is_vault, sub_account_mode=row.sub_account_mode),
    )


def positions(_: Query, answer: messages.Result[list[messages.Positions]]) -> Iterator[records.Position]:
    for offset, row in enumerate(answer.result):
        yield position(row, offset)


def position(row: messages.Positions, offset: int = 0) -> records.Position:
    return records.Position(
        offset=offset,
        effective_ns=_event(row),
        sub_account=row.sub_account_id,
        wallet=FUTURES,
        instrument=words.instrument(row.instrument),
        side="both",
        size=exact(row.size, "size"),
        currency=quote(row.instrument),
        entry_price=members.positive(row.entry_price, "entry_price"),
        exit_price=members.positive(row.exit_price, "exit_price"),
        mark_price=exact(row.mark_price, "mark_price"),
        quote_index_price=exact(row.quote_index_price, "quote_index_price"),
        notional=exact(row.notional, "notional"),
        unrealized_pnl=exact(row.unrealized_pnl, "unrealized_pnl"),
        realized_pnl=exact(row.realized_pnl, "realized_pnl"),
        total_pnl=exact(row.total_pnl, "total_pnl"),
        roi=exact(row.roi, "roi"),
        fees=exact(row.cumulative_fee, "cumulative_fee"),
        funding=members.turned(exact(row.cumulative_realized_funding_payment, "cumulative_realized_funding_payment")),
        isolated_balance=exact_or_none(row.isolated_balance, "isolated_balance"),
        isolated_initial_margin=exact_or_none(row.isolated_im, "isolated_im"),
        isolated_maintenance_margin=exact_or_none(row.isolated_mm, "isolated_mm"),
        leverage=exact(row.leverage, "leverage"),
        liquidation_price=members.positive(row.est_liquidation_price, "est_liquidation_price"),
        margin_mode=_mode(row.margin_type),
    )


def _mode(margin_type: str | None) -> str | None:
    if margin_type is None:
        return None
    return words.word(words.POSITION_MARGIN_TYPE, words.MARGIN_MODES, raw=margin_type)


def quote(code: str) -> str | None:
    parts = code.split("_")
    return parts[1] if len(parts) > 1 else None


def sub_accounts(_: Query, answer: messages.SubAccounts) -> Iterator[records.SubAccount]:
    """The main account is named by none of them: it is 0, as transfers call it."""
    for offset, sub_account in enumerate(answer.sub_account_ids):
        yield records.SubAccount(
            offset=offset, native_id=sub_account, sub_account=sub_account, parent_id=words.FUNDING_ACCOUNT
        )


def leverage(query: Query, answer: messages.InitialLeverages) -> Iterator[records.Leverage]:
    for offset, row in enumerate(answer.results):
        if query.where.get("instrument") in (None, words.instrument(row.instrument)):
            yield records.Leverage(
                offset=offset,
                sub_account=query.where.get("sub_account", ""),
                instrument=words.instrument(row.instrument),
                leverage=exact(row.leverage, "leverage"),
                leverage_min=exact_or_none(row.min_leverage, "min_leverage"),
                leverage_max=exact_or_none(row.max_leverage, "max_leverage"),
                margin_mode=_mode(row.margin_type),
            )


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def open_orders(query: Query, answer: messages.Result[list[orders.Order]]) -> Iterator[records.Order]:
    """The lists of the request select by base and quote, and other kinds may share them."""
    for offset, row in enumerate(answer.result):
        found = order(row, offset)
        if query.where.get("instrument") in (None, found.instrument):
            yield found


def one_order(_: Query, answer: messages.Result[orders.Order]) -> Iterator[records.Order]:
    yield order(answer.result)


def order(row: orders.Order, offset: int = 0) -> records.Order:
    """Of its first leg: on the order book it has one. Its end is its signature's."""
    leg, trigger = row.legs[0], row.metadata.trigger
    state = state_of(row.state, size=exact(leg.size, "size"))
    tpsl = trigger.tpsl if trigger is not None and _is_stop(trigger) else None
    side = "buy" if leg.is_buying_asset else "sell"
    sizes = leg.size if len(row.legs) > 1 else None
    return records.Order(
        offset=offset,
        effective_ns=members.time(row.metadata.create_time, "create_time"),
        native_id=members.optional(row.order_id),
        sub_account=str(row.sub_account_id),
        wallet=FUTURES,
        instrument=words.instrument(leg.instrument),
        side=side,
        type=("stop_" if tpsl is not None else "") + ("market" if row.is_market else "limit"),
        time_in_force=words.word(words.TIME_IN_FORCE, words.TIMES_IN_FORCE, raw=row.time_in_force),
        price=None if row.is_market else exact_or_none(leg.limit_price, "limit_price"),
        stop_price=None if tpsl is None else exact(tpsl.trigger_price, "trigger_price"),
        stop_operator=None if trigger is None or tpsl is None else _operator(side, trigger),
        client_id=members.optional(row.metadata.client_order_id),
        expires_ns=members.time(row.signature.expiration, "expiration"),
        post_only=bool(row.post_only),
        reduce_only=bool(row.reduce_only),
        trigger=None if tpsl is None else words.word(words.TRIGGER_BY, words.TRIGGERS, raw=tpsl.trigger_by),
        extra=members.extra(builder=members.optional(row.builder), other_legs=sizes) | state.pop("extra"),
        **state,
    )


def _is_stop(trigger: orders.TriggerOrderMetadata) -> bool:
    return words.member(words.TRIGGER_TYPE, trigger.trigger_type) not in (None, words.UNSPECIFIED)


def _operator(side: str, trigger: orders.TriggerOrderMetadata) -> str | None:
    name = words.member(words.TRIGGER_TYPE, trigger.trigger_type)
    return words.STOP_OPERATORS.get((side, name or ""))


def state_of(state: orders.OrderState | None, *, size: Decimal) -> dict[str, Any]:
    """The members of an `Order` that its state tells; nothing is known without one."""
    if state is None:
        return {"amount": size, "extra": {}}
    filled = exact(state.traded_size[0], "traded_size")
    status = words.member(words.ORDER_STATUS, state.status) or str(state.status)
    reason = words.member(words.ORDER_REJECT_REASON, state.reject_reason) or str(state.reject_reason)
    rest = Decimal(canonical(EXACT.subtract(size, filled)))
    ended = status in ("FILLED", "REJECTED", "CANCELLED")
    return {
        "status": words.order_status(status, reason=reason, partly=ZERO < filled < size),
        "amount": size,
        "filled": filled,
        "canceled": rest if ended else ZERO,
        "remaining": ZERO if ended else rest,
        "average_price": members.positive(state.avg_fill_price[0], "avg_fill_price"),
        "updated_ns": members.time(state.update_time, "update_time"),
        "done_ns": members.time(state.update_time, "update_time") if ended else None,
        "extra": {} if reason == words.UNSPECIFIED else {"reject_reason": reason},
    }


# ── markets ──────────────────────────────────────────────────────────────────────────────────────────────────────


def currencies(_: Query, answer: messages.Result[list[orders.CurrencyDetail]]) -> Iterator[records.Asset]:
    for offset, row in enumerate(answer.result):
        yield records.Asset(
            offset=offset,
            asset=row.symbol,
            extra=members.extra(id=row.id, balance_decimals=row.balance_decimals),
        )


def instruments(_: Query, answer: messages.Result[list[orders.InstrumentDisplay]]) -> Iterator[records.Instrument]:
    """Amounts are base units: a contract is one of them."""
    for offset, row in enumerate(answer.result):
        tick, size_min = exact(row.tick_size, "tick_size"), exact(row.min_size, "min_size")
        perpetual = words.member(words.KIND, row.kind) != "SPOT_SWAP"
        hours = row.funding_interval_hours
        yield records.Instrument(
            offset=offset,
            instrument=words.instrument(row.instrument),
            base=row.base,
            quote=row.quote,
            amount_digits=_digits(size_min),
            price_digits=_digits(tick),
            amount_min=size_min,
            cost_min=exact_or_none(row.min_notional, "min_notional"),
            type="linear" if perpetual else "spot",
            settle=row.quote if perpetual else None,
            multiplier=Decimal(1) if perpetual else None,
            code=row.instrument,
            hash=row.instrument_hash,
            price_step=tick,
            position_max=members.positive(row.max_position_size, "max_position_size"),
            funding_interval_s=None if hours is None else members.whole(hours, "funding_interval_hours") * HOUR_S,
            extra=members.extra(
                kind=row.kind, base_decimals=row.base_decimals, quote_decimals=row.quote_decimals,
                settlement_period=row.settlement_period,
            ),
        )  # fmt: skip


def _digits(step: Decimal) -> int:
    exponent = Decimal(canonical(step)).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def ticker(_: Query, answer: messages.Result[orders.Ticker]) -> Iterator[records.Ticker]:
    """The rate of funding is kept as it is printed: percent or hundredths of a basis point, which is not known."""
    row = answer.result
    volumes = (exact_or_none(row.buy_volume_24h_b, "buy"), exact_or_none(row.sell_volume_24h_b, "sell"))
    known = [volume for volume in volumes if volume is not None]
    yield records.Ticker(
        effective_ns=members.time(row.event_time, "event_time"),
        instrument=words.instrument(row.instrument or ""),
        last=members.positive(row.last_price, "last_price"),
        bid=members.positive(row.best_bid_price, "best_bid_price"),
        ask=members.positive(row.best_ask_price, "best_ask_price"),
        high=members.positive(row.high_price, "high_price"),
        low=members.positive(row.low_price, "low_price"),
        volume=Decimal(canonical(add(known))) if known else None,
        mark=members.positive(row.mark_price, "mark_price"),
        index=members.positive(row.index_price, "index_price"),
        next_funding_ns=members.time(row.next_funding_time, "next_funding_time"),
        open_interest=exact_or_none(row.open_interest, "open_interest"),
        extra=members.extra(
            funding_rate=row.funding_rate, open=row.open_price, mid=row.mid_price, last_size=row.last_size,
            long_short_ratio=row.long_short_ratio,
        ),
    )  # fmt: skip


def order_book(_: Query, answer: messages.Result[orders.OrderbookLevels]) -> Iterator[records.OrderBook]:
    row = answer.result
    yield records.OrderBook(
        effective_ns=members.time(row.event_time, "event_time"),
        instrument=words.instrument(row.instrument),
        bids=_levels(row.bids, "bids"),
        asks=_levels(row.asks, "asks"),
    )


def _levels(levels: list[orders.OrderbookLevel], side: str) -> records.Amounts:
    return tuple((exact(row.price, f"{side}.price"), exact(row.size, f"{side}.size")) for row in levels)


def public_trades(_: Query, answer: messages.Result[list[orders.Trade]]) -> Iterator[records.PublicTrade]:
    for offset, row in enumerate(answer.result):
        yield records.PublicTrade(
            offset=offset,
            native_id=row.trade_id,
            effective_ns=members.time(row.event_time, "event_time"),
            instrument=words.instrument(row.instrument),
            side="buy" if row.is_taker_buyer else "sell",
            price=exact(row.price, "price"),
            amount=exact(row.size, "size"),
            extra=members.extra(mark_price=row.mark_price, index_price=row.index_price, venue=row.venue),
        )


def candles(query: Query, answer: messages.Paged[orders.Candlestick]) -> Iterator[records.Candle]:
    """Newest first on the wire, oldest first here."""
    for offset, row in enumerate(reversed(answer.result)):
        yield records.Candle(
            offset=offset,
            effective_ns=members.needed_time(row.open_time, "open_time"),
            instrument=words.instrument(row.instrument),
            interval_s=int(query.where["interval_s"]),
            open=exact(row.open, "open"),
            high=exact(row.high, "high"),
            low=exact(row.low, "low"),
            close=exact(row.close, "close"),
            volume=exact(row.volume_b, "volume_b"),
        )
