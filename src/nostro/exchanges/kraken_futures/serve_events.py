"""The events of the paper exchange, as the histories of Kraken Futures tell them: of orders, triggers, executions and
positions, each with its time and its place among those of that time. It decides which events the venue's rows stand
for; how they are paged stands in ``serve_history.py``.

The venue keeps what an order is, not what it was: it was placed with what it took at once, was updated by each later
fill, and was edited where something changed it last. *Ours*: an edit shows once, and its price in every event.
Source: Kraken Futures documentation, order-events, trigger-events, execution-events, position-update-events; ccxt
4.5.90 for spellings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

import msgspec
from msgspec import UNSET

from nostro.domain.values import EXACT, ONE, ZERO
from nostro.exchanges.kraken_futures import messages_history as messages
from nostro.exchanges.kraken_futures import words, written
from nostro.exchanges.kraken_futures.serve_log import payments
from nostro.link.contracts import VenueFunding
from nostro.link.view import VenueEntry, VenueFill, VenueOrder, VenueView

_CHANGES: Final = {
    "open": "opened", "close": "closed", "increase": "increased", "decrease": "decreased", "reverse": "reversed",
    "noChange": "no_change",
}  # fmt: skip
PLACED, UPDATED, ENDED = range(3)


class Moment(msgspec.Struct, frozen=True):
    """An event: when, where among those of that time, and what is told."""

    time_ns: int
    place: tuple[int, int]
    element: Callable[[], Any]


def _is_contract(symbol: str) -> bool:
    return ":" in symbol


def _event_uid(step: int, number: int) -> str:
    return written.uid(written.EVENT, number * 4 + step)


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def order_type(row: VenueOrder) -> str:
    """How orders are called in lists and events: lmt, post, ioc, fok, mkt, liquidation."""
    if row.origin == "liquidation":
        return "liquidation"
    if row.type in ("market", "stop_market"):
        return "mkt"
    return "post" if row.post_only else {"ioc": "ioc", "fok": "fok"}.get(row.time_in_force, "lmt")


def fired_ns(row: VenueOrder) -> int | None:
    """When an order came to the market: a stop when it was triggered. None where it never did."""
    if row.stop_price is None:
        return row.placed_ns
    return row.opened_ns if row.triggered else None


def orders(
    view: VenueView, user: int, *, symbol: str | None, since_ns: int, until_ns: int
) -> Iterator[Moment]:  # fmt: skip
    """Oldest first. An order's events are looked for in all orders that were placed before the end of the question:
    nothing says which of them changed lately."""
    fills: dict[int, list[VenueFill]] = defaultdict(list)
    for fill in view.fills(user, symbol=symbol, since_ns=since_ns, until_ns=until_ns):
        fills[fill.order_id].append(fill)
    found: list[Moment] = []
    for row in view.orders(user, symbol=symbol, until_ns=until_ns):
        if _is_contract(row.instrument) and (row.updated_ns >= since_ns or row.placed_ns >= since_ns):
            found += (each for each in _of_order(row, fills[row.id]) if since_ns <= each.time_ns < until_ns)
    found.sort(key=lambda each: (each.time_ns, each.place))
    return iter(found)


def _of_order(row: VenueOrder, fills: list[VenueFill]) -> Iterator[Moment]:
    """``fills``: those of the order in the time asked for."""
    begins_ns = fired_ns(row)
    if begins_ns is None:
        return
    last_ns = begins_ns
    at_once = [fill for fill in fills if fill.time_ns == begins_ns and not fill.maker]
    rest = at_once[-1].order_unfilled if at_once else row.amount
    yield _moment(row, begins_ns, PLACED, 0, "OrderPlaced", rest=rest, reason="new_user_order")
    for fill in fills:
        if fill in at_once:
            continue
        full = not fill.order_unfilled
        reason, last_ns = "full_fill" if full else "partial_fill", fill.time_ns
        yield _moment(row, fill.time_ns, UPDATED, fill.id, "OrderUpdated", rest=fill.order_unfilled, reason=reason)
    if row.canceled and row.done_ns is not None:
        reason = "liquidation" if row.origin == "liquidation" else "cancelled_by_user"
        yield _moment(row, row.done_ns, ENDED, 0, "OrderCancelled", rest=row.canceled, reason=reason)
    elif row.is_open and row.updated_ns > last_ns:
        left = EXACT.subtract(row.amount, row.filled)
        yield _moment(row, row.updated_ns, UPDATED, 0, "OrderUpdated", rest=left, reason="edited_by_user")


def _moment(
    row: VenueOrder, time_ns: int, step: int, part: int, kind: str, *, rest: Decimal, reason: str
) -> Moment:  # fmt: skip
    def element() -> messages.OrderElement:
        order = event_order(row, rest=rest, updated_ns=time_ns)
        change = messages.OrderChange(order=order, reason=reason, reduced_quantity="", algo_id="")
        if step == UPDATED:
            change = messages.OrderChange(new_order=order, reason=reason, reduced_quantity="", algo_id="")
        return messages.OrderElement(
            uid=_event_uid(step, part or row.id), timestamp=written.milliseconds(time_ns), event={kind: change}
        )

    return Moment(time_ns, (row.id, step * (1 << 48) + part), element)


def event_order(row: VenueOrder, *, rest: Decimal, updated_ns: int, public: bool = False) -> messages.EventOrder:
    """An order with so much of it open; a stop's begins when it was triggered. What everybody may see has neither
    account nor client's id."""
    filled = EXACT.subtract(row.amount, rest)
    kind = order_type(row)
    return messages.EventOrder(
        uid=written.order_id(row.id),
        account_uid=UNSET if public else written.uid(written.ACCOUNT, row.user),
        tradeable=words.symbol(row.instrument),
        direction=words.DIRECTIONS_WRITTEN[row.side],
        quantity=written.text(rest),
        filled=written.text(max(filled, ZERO)),
        timestamp=written.milliseconds(fired_ns(row) or row.placed_ns),
        limit_price=written.text(row.price),
        order_type=words.HISTORY_TYPES_WRITTEN[kind],
        client_id=UNSET if public else row.client_id,
        reduce_only=row.reduce_only,
        last_update_timestamp=written.milliseconds(updated_ns),
    )


# ── triggers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def triggers(
    view: VenueView, user: int, *, symbol: str | None, since_ns: int, until_ns: int
) -> Iterator[Moment]:  # fmt: skip
    """Stops that were placed, fired, or were canceled while they waited."""
    found: list[Moment] = []
    for row in view.orders(user, symbol=symbol, until_ns=until_ns):
        if _is_contract(row.instrument) and row.stop_price is not None:
            found += (each for each in _of_trigger(row) if since_ns <= each.time_ns < until_ns)
    found.sort(key=lambda each: (each.time_ns, each.place))
    return iter(found)


def _of_trigger(row: VenueOrder) -> Iterator[Moment]:
    yield _trigger(row, row.placed_ns, PLACED, "OrderTriggerPlaced", "new_user_order")
    fired = fired_ns(row)
    if fired is not None:
        yield _trigger(row, fired, UPDATED, "OrderTriggerActivated", "stop_order_triggered")
    elif row.done_ns is not None:
        yield _trigger(row, row.done_ns, ENDED, "OrderTriggerCancelled", "cancelled_by_user")


def _trigger(row: VenueOrder, time_ns: int, step: int, kind: str, reason: str) -> Moment:
    def element() -> messages.TriggerElement:
        change = messages.TriggerChange(order=_event_trigger(row, time_ns), reason=reason)
        return messages.TriggerElement(
            uid=_event_uid(step, row.id), timestamp=written.milliseconds(time_ns), event={kind: change}
        )

    return Moment(time_ns, (row.id, step), element)


def _event_trigger(row: VenueOrder, updated_ns: int) -> messages.EventTrigger:
    return messages.EventTrigger(
        uid=written.order_id(row.id),
        account_uid=written.uid(written.ACCOUNT, row.user),
        tradeable=words.symbol(row.instrument),
        direction=words.DIRECTIONS_WRITTEN[row.side],
        quantity=written.text(row.amount),
        timestamp=written.milliseconds(row.placed_ns),
        limit_price=written.text(row.price),
        order_type="lmt" if row.price is not None else "mkt",
        client_id=row.client_id,
        reduce_only=row.reduce_only,
        last_update_timestamp=written.milliseconds(updated_ns),
        trigger_options=messages.TriggerOptions(
            trigger_price=written.text(row.stop_price),
            trigger_side=words.TRIGGER_SIDES[row.stop_operator or "gte"],
            trigger_signal=f"{words.TRIGGERS_WRITTEN[row.trigger]}_price",
        ),
    )


# ── executions ───────────────────────────────────────────────────────────────────────────────────────────────────


def executions(
    view: VenueView, user: int, *, symbol: str | None, version: str, since_ns: int, until_ns: int
) -> Iterator[Moment]:
    for row in view.fills(user, symbol=symbol, since_ns=since_ns, until_ns=until_ns):
        if _is_contract(row.instrument):
            yield Moment(row.time_ns, (row.id, 0), _execution(view, row, version))


def _execution(view: VenueView, row: VenueFill, version: str) -> Callable[[], messages.ExecutionElement]:
    def element() -> messages.ExecutionElement:
        order = view.order(row.user, row.order_id)
        assert order is not None
        shown = event_order(order, rest=row.order_unfilled, updated_ns=row.time_ns)
        data = messages.OrderData(position_size=written.text(row.size_after), fee=written.text(row.fee))
        side = "maker" if row.maker else "taker"
        of_version: dict[str, Any] = {"order": shown, "order_data": data, "execution_type": written.fill_type(row)}
        if version == "v2":
            of_version = {f"{side}_order": shown, f"{side}_order_data": data}
        executed = messages.Executed(
            uid=written.fill_id(row),
            timestamp=written.milliseconds(row.time_ns),
            quantity=written.text(row.amount),
            price=written.text(row.price),
            mark_price=written.text(row.mark),
            limit_filled=row.maker and not row.order_unfilled,
            usd_value=written.text(usd_value(row)),
            **of_version,
        )
        event = messages.ExecutionEvent(execution=executed, taker_reduced_quantity="")
        return messages.ExecutionElement(
            uid=_event_uid(3, row.id), timestamp=written.milliseconds(row.time_ns),
            event={"execution" if version == "v2" else "Execution": event},
        )  # fmt: skip

    return element


def usd_value(row: VenueFill) -> Decimal:
    """Contracts of a dollar are worth their number, others their price."""
    inverse = row.instrument.endswith(f":{row.instrument.partition('/')[0]}")
    return EXACT.multiply(row.amount, ONE if inverse else row.price)


# ── positions ────────────────────────────────────────────────────────────────────────────────────────────────────


def positions(
    view: VenueView, user: int, *, symbol: str | None, wanted: frozenset[str], since_ns: int, until_ns: int
) -> Iterator[Moment]:
    """Fills and funding, oldest first; of ``wanted`` kinds, all where none is named. Funding is told when it was
    booked, which may be later than it was due."""
    fills = view.fills(user, symbol=symbol, since_ns=since_ns, until_ns=until_ns)
    traded = [_traded(view, row) for row in fills if _is_contract(row.instrument) and _is_wanted(row, wanted)]
    funded: list[Moment] = []
    if not wanted or "funding_realization" in wanted:
        entries = (row for row in view.entries(user, since_ns=since_ns, until_ns=until_ns) if row.type == "funding")
        for time_ns, group in groupby(entries, key=lambda row: row.time_ns):
            booked = list(group)
            due = payments(view, user, time_ns=time_ns, count=len(booked))
            funded += (
                _funded(row, entry) for row, entry in zip(due, booked, strict=True) if symbol in (None, row.instrument)
            )
    yield from sorted(traded + funded, key=lambda each: (each.time_ns, each.place))


def _is_wanted(row: VenueFill, wanted: frozenset[str]) -> bool:
    return (
        not wanted
        or "trades" in wanted
        or _CHANGES[position_change(before=row.size_before, after=row.size_after)] in wanted
    )


def position_change(*, before: Decimal, after: Decimal) -> str:
    if before == after:
        return "noChange"
    if not before:
        return "open"
    if not after:
        return "close"
    if (before > 0) != (after > 0):
        return "reverse"
    return "increase" if after.copy_abs() > before.copy_abs() else "decrease"


def _traded(view: VenueView, row: VenueFill) -> Moment:
    def element() -> messages.PositionElement:
        instrument = view.instrument(row.instrument)
        assert instrument is not None
        update = messages.PositionUpdate(
            account_uid=written.uid(written.ACCOUNT, row.user),
            tradeable=written.symbol(instrument),
            old_position=written.text(row.size_before),
            old_average_entry_price=written.text(
                written.entry_price(instrument, size=row.size_before, basis=row.basis_before)
            ),
            new_position=written.text(row.size_after),
            new_average_entry_price=written.text(
                written.entry_price(instrument, size=row.size_after, basis=row.basis_after)
            ),
            fill_time=written.milliseconds(row.time_ns),
            fee=written.text(row.fee),
            fee_currency=words.currency(row.fee_asset),
            realized_pnl=written.text(row.realized_pnl),
            position_change=position_change(before=row.size_before, after=row.size_after),
            execution_uid=written.fill_id(row),
            execution_price=written.text(row.price),
            execution_size=written.text(row.amount),
            trade_type="liquidation" if row.liquidation or row.takeover else "userExecution",
            timestamp=written.milliseconds(row.time_ns),
            update_reason="trade",
        )
        return _position_element(_event_uid(0, row.id), row.time_ns, update)

    return Moment(row.time_ns, (1, row.id), element)


def _funded(row: VenueFunding, entry: VenueEntry) -> Moment:
    """Its uid is that of the line in the log."""
    booked_ns = entry.time_ns

    def element() -> messages.PositionElement:
        update = messages.PositionUpdate(
            account_uid=written.uid(written.ACCOUNT, row.user),
            tradeable=words.symbol(row.instrument),
            old_position=written.text(row.size),
            old_average_entry_price=written.text(None),
            new_position=written.text(row.size),
            new_average_entry_price=written.text(None),
            position_change="noChange",
            funding_realization_time=written.milliseconds(row.time_ns),
            realized_funding=written.text(row.amount),
            timestamp=written.milliseconds(booked_ns),
            update_reason="fundingRealization",
        )
        return _position_element(written.uid(written.BOOKING, entry.id), booked_ns, update)

    return Moment(booked_ns, (0, row.id), element)  # time passes before a command does anything else


def _position_element(uid: str, time_ns: int, update: messages.PositionUpdate) -> messages.PositionElement:
    return messages.PositionElement(
        uid=uid, timestamp=written.milliseconds(time_ns), event={"PositionUpdate": update}
    )  # fmt: skip
