"""From the histories of Kraken Futures to our facts: orders, executions, positions, account log; see ``read.py``. Its
twin is ``serve_history.py``.

The history of orders tells events: each row is the order as it was right after one, newest first, and of an order that
an answer tells several times the newest is given. ``effective_ns`` is when the order was placed, ``updated_ns`` when it
became so. Of the log, what changed a position is not given: its ``asset`` is the contract, and what it says stands in
the executions and the position updates.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from nostro.domain import records
from nostro.domain.values import ZERO, Malformed, Unknown, exact, exact_or_none, parse_time, token
from nostro.exchanges.kraken_futures import members, words
from nostro.exchanges.kraken_futures.messages_history import (
    AccountLog,
    EventOrder,
    Executed,
    ExecutionEvents,
    LogEntry,
    OrderChange,
    OrderEvents,
    PositionEvents,
    PositionUpdate,
)
from nostro.link.declare import Query

# Which of an event's orders is the one after it, and whether nothing of it is open any more.
_ENDS: Final = {"OrderCancelled": "canceled", "OrderRejected": "rejected"}
_KNOWN: Final = frozenset({"OrderPlaced", "OrderUpdated", "OrderEdited", *_ENDS})


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def orders(query: Query, answer: OrderEvents) -> Iterator[records.Order]:
    told: set[str] = set()
    for offset, element in enumerate(answer.elements):
        for kind, change in element.event.items():
            row = change.new_order if isinstance(change.new_order, EventOrder) else change.order
            if not isinstance(row, EventOrder) or row.uid in told:
                continue
            told.add(row.uid)
            order = _order(offset, row, kind, change, updated_ns=members.moment(element.timestamp, "timestamp"))
            if query.where.get("instrument", order.instrument) == order.instrument:
                yield order


def _order(offset: int, row: EventOrder, kind: str, change: OrderChange, *, updated_ns: int) -> records.Order:
    rest, filled = exact(row.quantity, "quantity"), exact_or_none(row.filled, "filled") or ZERO
    ended = _ENDS.get(kind)
    canceled, remaining = (rest, ZERO) if ended else (ZERO, rest)
    status = _status(kind, filled=filled, canceled=canceled, remaining=remaining)
    instrument, placed_ns = words.instrument(row.tradeable), members.moment(row.timestamp, "timestamp")
    order_type = token(words.TYPES, row.order_type)
    return records.Order(
        offset=offset,
        wallet=words.wallet_of(instrument),
        native_id=row.uid,
        effective_ns=placed_ns,
        instrument=instrument,
        side=token(words.SIDES, row.direction),
        type=order_type,
        status=status,
        time_in_force=words.TIMES_IN_FORCE.get(row.order_type, "gtc"),
        amount=members.total(filled, rest),
        filled=filled,
        canceled=canceled,
        remaining=remaining,
        price=None if order_type == "market" else members.price(row.limit_price, "limitPrice"),
        client_id=members.optional(row.client_id),
        opened_ns=placed_ns,
        updated_ns=updated_ns,
        done_ns=updated_ns if status in words.ORDERS_END else None,
        post_only=row.order_type in ("Post", "post") or None,
        reduce_only=row.reduce_only,
        extra=members.extra(reason=change.reason, account_uid=row.account_uid),
    )


def _status(kind: str, *, filled: Decimal, canceled: Decimal, remaining: Decimal) -> str:
    if kind not in _KNOWN:
        return Unknown(f"unknown:{kind}")
    if kind == "OrderRejected":
        return "rejected"
    if remaining:
        return "partially_filled" if filled else "open"
    if canceled or kind in _ENDS:
        return "partially_canceled" if filled else "canceled"
    return "filled"


# ── executions ───────────────────────────────────────────────────────────────────────────────────────────────────


def executions(query: Query, answer: ExecutionEvents) -> Iterator[records.Fill]:
    """What version 2 says of both sides is taken as far as it says which of them is ours: the one with an account."""
    for offset, element in enumerate(answer.elements):
        for event in element.event.values():
            for row, maker in _sides(event.execution):
                fill = _fill(offset, event.execution, row, maker=maker)
                if query.where.get("instrument", fill.instrument) == fill.instrument:
                    yield fill


def _sides(row: Executed) -> Iterator[tuple[EventOrder, bool | None]]:
    if isinstance(row.order, EventOrder):
        yield row.order, words.MAKER.get(members.optional(row.execution_type) or "")
        return
    for order, maker in ((row.maker_order, True), (row.taker_order, False)):
        if isinstance(order, EventOrder) and isinstance(order.account_uid, str):
            yield order, maker


def _fill(offset: int, row: Executed, order: EventOrder, *, maker: bool | None) -> records.Fill:
    instrument = words.instrument(order.tradeable)
    data = row.order_data or (row.maker_order_data if maker else row.taker_order_data)
    fee = exact_or_none(data.fee, "fee") if data else None
    kind = members.optional(row.execution_type)
    return records.Fill(
        offset=offset,
        wallet=words.wallet_of(instrument),
        native_id=row.uid,
        effective_ns=members.moment(row.timestamp, "timestamp"),
        instrument=instrument,
        side=token(words.SIDES, order.direction),
        price=exact(row.price, "price"),
        amount=exact(row.quantity, "quantity"),
        fee=fee,
        fee_asset=None if fee is None else instrument.partition(":")[2].partition("-")[0],
        maker=maker,
        order_id=order.uid,
        order_type=token(words.TYPES, order.order_type),
        mark_price=exact_or_none(row.mark_price, "markPrice"),
        liquidation=None if kind is None else kind in words.FORCED,
        extra=members.extra(
            execution_type=kind if kind not in ("maker", "taker") else None, usd_value=row.usd_value,
            position_size=data.position_size if data else None, limit_filled=str(row.limit_filled).lower(),
        ),
    )  # fmt: skip


# ── positions ────────────────────────────────────────────────────────────────────────────────────────────────────


def positions(query: Query, answer: PositionEvents) -> Iterator[records.PositionEvent]:
    for offset, element in enumerate(answer.elements):
        for row in element.event.values():
            event = _position(offset, element.uid, row)
            if query.where.get("instrument", event.instrument) == event.instrument:
                yield event


def _position(offset: int, uid: str, row: PositionUpdate) -> records.PositionEvent:
    instrument = words.instrument(row.tradeable)
    funded_ns = members.moment_or_none(row.funding_realization_time, "fundingRealizationTime")
    currency = members.optional(row.fee_currency)
    return records.PositionEvent(
        offset=offset,
        wallet=words.wallet_of(instrument),
        native_id=uid,
        effective_ns=members.moment(row.timestamp, "timestamp"),
        instrument=instrument,
        reason=(members.optional(row.update_reason) or row.position_change).lower(),
        size_before=exact(row.old_position, "oldPosition"),
        size=exact(row.new_position, "newPosition"),
        entry_price_before=members.price(row.old_average_entry_price, "oldAverageEntryPrice"),
        entry_price=members.price(row.new_average_entry_price, "newAverageEntryPrice"),
        price=exact_or_none(row.execution_price, "executionPrice"),
        amount=exact_or_none(row.execution_size, "executionSize"),
        realized_pnl=exact_or_none(row.realized_pnl, "realizedPnL"),
        fee=exact_or_none(row.fee, "fee"),
        fee_asset=words.asset(currency) if currency else None,
        funding=exact_or_none(row.realized_funding, "realizedFunding"),
        fill_id=members.optional(row.execution_uid),
        extra=members.extra(position_change=row.position_change, trade_type=row.trade_type)
        | ({} if funded_ns is None else {"funding_realization_ns": str(funded_ns)}),
    )


# ── the account log ──────────────────────────────────────────────────────────────────────────────────────────────


def entries(query: Query, answer: AccountLog) -> Iterator[records.Entry]:
    for offset, row in enumerate(answer.logs):
        entry = log_entry(offset, row)
        if entry is not None and query.where.get("asset", entry.asset) == entry.asset:
            yield entry


def log_entry(offset: int, row: LogEntry) -> records.Entry | None:
    """A line of the ledger; None where it is about a position."""
    if _is_position(row):
        return None
    before, after = exact(row.old_balance, "old_balance"), exact(row.new_balance, "new_balance")
    return records.Entry(
        offset=offset,
        wallet=words.wallet(row.margin_account),
        native_id=str(row.id),
        effective_ns=parse_time(row.date, "date"),
        asset=words.asset(row.asset),
        type=row.info.lower(),
        amount=members.less(after, before),
        before=before,
        after=after,
        extra=members.extra(
            booking_uid=row.booking_uid, contract=row.contract, collateral=row.collateral, execution=row.execution,
            trade_price=row.trade_price, mark_price=row.mark_price, realized_pnl=row.realized_pnl, fee=row.fee,
            funding_rate=row.funding_rate, realized_funding=row.realized_funding,
            conversion_spread_percentage=row.conversion_spread_percentage, liquidation_fee=row.liquidation_fee,
            old_average_entry_price=row.old_average_entry_price, new_average_entry_price=row.new_average_entry_price,
            position_uid=row.position_uid,
        ),
    )  # fmt: skip


def _is_position(row: LogEntry) -> bool:
    return row.contract is not None and row.asset.lower() == row.contract.lower()


def funding(query: Query, answer: AccountLog) -> Iterator[records.FundingPayment]:
    """Lines of the log that paid funding. Without ``realized_funding`` it is what changed the balance."""
    for offset, row in enumerate(answer.logs):
        if row.info != words.FUNDING or _is_position(row):
            continue
        if row.contract is None:
            raise Malformed("contract", None, "the contract that funding is of")
        instrument = words.instrument(row.contract)
        if query.where.get("instrument", instrument) != instrument:
            continue
        moved = members.less(exact(row.new_balance, "new_balance"), exact(row.old_balance, "old_balance"))
        received = exact_or_none(row.realized_funding, "realized_funding")
        yield records.FundingPayment(
            offset=offset,
            wallet=words.wallet(row.margin_account),
            native_id=str(row.id),
            effective_ns=parse_time(row.date, "date"),
            instrument=instrument,
            asset=words.asset(row.asset),
            amount=moved if received is None else received,
            mark_price=exact_or_none(row.mark_price, "mark_price"),
            extra=members.extra(funding_rate=row.funding_rate, booking_uid=row.booking_uid),
        )


def transfers(query: Query, answer: AccountLog) -> Iterator[records.Transfer]:
    """Lines of the log that moved money; what the exchange books by hand is an entry alone. Between wallets of the
    account there are two, with one booking: the one where it arrives is given, and where it came from if the answer has
    the other."""
    left = {
        row.booking_uid: row.margin_account for row in answer.logs if _moved(row) < 0 and row.info == words.TRANSFER
    }
    for offset, row in enumerate(answer.logs):
        amount = _moved(row)
        if row.info not in words.MOVES or not amount or (row.info == words.TRANSFER and amount < 0):
            continue
        asset, wallet = words.asset(row.asset), words.wallet(row.margin_account)
        if query.where.get("asset", asset) != asset:
            continue
        inner = row.info in words.INNER_MOVES
        source = left.get(row.booking_uid)
        yield records.Transfer(
            offset=offset,
            wallet=wallet,
            native_id=row.booking_uid if row.info == words.TRANSFER else str(row.id),
            effective_ns=parse_time(row.date, "date"),
            direction="internal" if inner else "deposit" if amount > 0 else "withdrawal",
            asset=asset,
            amount=amount.copy_abs(),
            status="done",
            from_wallet=(None if source is None else words.wallet(source)) if amount > 0 else wallet,
            to_wallet=wallet if amount > 0 else None,
            extra=members.extra(info=row.info),
        )


def _moved(row: LogEntry) -> Decimal:
    return members.less(exact(row.new_balance, "new_balance"), exact(row.old_balance, "old_balance"))
