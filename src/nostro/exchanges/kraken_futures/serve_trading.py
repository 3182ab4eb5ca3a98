"""How the paper exchange carries out Kraken Futures' orders: parameters become commands of the venue, and its outcome a
status with events; see ``serve.py``. What the venue refuses is decided by the venue; alone the checks that it has no
word for are made here: the time to process by, and the client's ids.

*Ours*: there are no trailing stops (`invalidOrderType`); an order that is at once canceled whole is refused, as
`iocWouldNotExecute`, or as `selfFill` where it would have rested; a limit relative to the stop price is rounded to the
tick. Source: Kraken Futures documentation, send-order, edit-order, cancel-order, send-batch-order.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, cast

import msgspec
from msgspec import UNSET, UnsetType

from nostro.domain.values import EXACT, ONE, SECOND_NS, number, quotient
from nostro.exchanges.kraken_futures import given, requests, serve_events, words, written
from nostro.exchanges.kraken_futures import messages_orders as messages
from nostro.exchanges.kraken_futures.codec import batch_items
from nostro.exchanges.kraken_futures.desk import desk
from nostro.exchanges.kraken_futures.given import login
from nostro.exchanges.kraken_futures.messages import NULL, Refused
from nostro.exchanges.kraken_futures.refusals import REASONS, STATUSES, invalid, missing, refused
from nostro.link import commands
from nostro.link.commands import Refusal, Rejected
from nostro.link.declare import Call, WireRefusal
from nostro.link.view import VenueFill, VenueInstrument, VenueOrder, VenueView

SUCCESS: Final = "success"
CLIENT_ID_CHARACTERS: Final = 100  # Source: send-order
TIMEOUT_MOST_S: Final = 86_400  # ours
LATE: Final = "wouldProcessAfterSpecifiedTime"
_LIMITED: Final = ("lmt", "post", "ioc", "fok")
_STOPS: Final = ("stp", "take_profit")
_BUY_SELL: Final[Mapping[str, str]] = {"buy": "buy", "sell": "sell"}


class _Turned(Exception):
    """An order that is not taken: its status."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Taken(msgspec.Struct, frozen=True):
    """What became of one order: status, ids and events."""

    status: str
    order_id: str | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    events: list[messages.Event] = []


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────


def send_order(view: VenueView, call: Call) -> messages.Sent:
    taken = send(view, login(call).user, asked=call.message)
    status = messages.SendStatus(
        order_id=taken.order_id, cli_ord_id=taken.client_id, status=taken.status, received_time=written.now(view),
        order_events=taken.events,
    )  # fmt: skip
    return messages.Sent(result=SUCCESS, server_time=written.now(view), send_status=status)


def send(view: VenueView, user: int, *, asked: requests.Send) -> Taken:
    """Raises `WireRefusal` for what is missing or no word of the wire."""
    client_id: str | UnsetType = asked.cli_ord_id or UNSET
    if not given.in_time(view, asked.process_before):
        return Taken(LATE, client_id=client_id)
    try:
        command = _order_of(view, user, asked)
    except _Turned as turned:
        return Taken(turned.status, client_id=client_id)
    outcome = view.submit(user, command)
    if isinstance(outcome, Rejected):
        return Taken(STATUSES.get(outcome.reason, "invalidArgument"), client_id=client_id)
    row = view.order(user, outcome.ids[0])
    assert row is not None
    return _placed(view, row)


def _order_of(view: VenueView, user: int, asked: requests.Send) -> commands.PlaceOrder:
    """In the order of checks: arguments, contract, client's id. Raises `_Turned`."""
    _needed(view, asked)
    kind, time_in_force, post_only = given.word(view, words.SENT, raw=asked.order_type or "", name="orderType")
    side = given.word(view, _BUY_SELL, raw=asked.side or "", name="side")
    if kind == "trailing":
        raise _Turned("invalidOrderType")
    instrument = given.contract(view, asked.symbol)
    if instrument is None:
        raise _Turned(STATUSES[Refusal.UNKNOWN_INSTRUMENT])
    _client_id(view, user, asked.cli_ord_id or "")
    stop_price = given.amount(view, asked.stop_price, name="stopPrice")
    price = _limit(view, instrument, asked, stop_price)
    stops = kind == "stop"
    stop_kind = "stop_market" if price is None else "stop_limit"
    signal = given.word(view, words.TRIGGERS, raw=asked.trigger_signal or "last", name="triggerSignal")
    return commands.PlaceOrder(
        wallet=instrument.wallet,
        instrument=instrument.symbol,
        side=cast("Any", side),
        type=cast("Any", stop_kind if stops else kind),
        time_in_force=cast("Any", time_in_force),
        amount=given.needed_amount(view, asked.size, name="size"),
        price=None if kind == "market" else price,
        stop_price=stop_price if stops else None,
        stop_operator=cast("Any", _operator(side, asked.order_type or "") if stops else None),
        post_only=post_only,
        client_id=asked.cli_ord_id or "",
        reduce_only=given.flag(view, asked.reduce_only, name="reduceOnly"),
        trigger=cast("Any", signal if stops else "last"),
    )


def _needed(view: VenueView, asked: requests.Send) -> None:
    needed = [asked.order_type, asked.symbol, asked.side, asked.size]
    if asked.order_type in _LIMITED:
        needed.append(asked.limit_price)
    if asked.order_type in _STOPS:
        needed.append(asked.stop_price)
    if asked.order_type == "trailing_stop":
        needed += [asked.trailing_stop_max_deviation, asked.trailing_stop_deviation_unit]
    if not all(needed) or bool(asked.limit_price_offset_value) != bool(asked.limit_price_offset_unit):
        raise missing(written.now(view))


def _operator(side: str, order_type: str) -> str:
    return "gte" if (side == "buy") != (order_type == "take_profit") else "lte"


def stop_type(row: VenueOrder) -> str:
    """How the lists call a stop."""
    return "take_profit" if (row.side == "buy") == (row.stop_operator == "lte") else "stop"


def _limit(
    view: VenueView, instrument: VenueInstrument, asked: requests.Send, stop_price: Decimal | None
) -> Decimal | None:
    offset = given.amount(view, asked.limit_price_offset_value, name="limitPriceOffsetValue")
    if offset is None or stop_price is None:
        return given.amount(view, asked.limit_price, name="limitPrice")
    units = {"PERCENT": True, "QUOTE_CURRENCY": False}
    percent = given.word(view, units, raw=asked.limit_price_offset_unit or "", name="limitPriceOffsetUnit")
    moved = EXACT.scaleb(EXACT.multiply(stop_price, offset), -2) if percent else offset
    return quotient(EXACT.add(stop_price, moved), ONE, digits=instrument.price_digits, rounding=ROUND_HALF_EVEN)


def _client_id(view: VenueView, user: int, client_id: str) -> None:
    if len(client_id) > CLIENT_ID_CHARACTERS:
        raise _Turned("clientOrderIdTooLong")
    if client_id and any(row.client_id == client_id for row in view.orders(user, open_only=True)):
        raise _Turned("clientOrderIdAlreadyExist")


# ── what became of it ────────────────────────────────────────────────────────────────────────────────────────────


def _placed(view: VenueView, row: VenueOrder) -> Taken:
    """An immediate whole fill has EXECUTION events alone; what rests comes after them."""
    fills = [fill for fill in _fills(view, row) if not fill.maker]
    order_id, client_id = written.order_id(row.id), row.client_id or UNSET
    if not row.is_open and not row.filled:
        rests = row.time_in_force == "gtc" and row.type == "limit"
        status = "selfFill" if rests else "iocWouldNotExecute"
        event = messages.Event(type="REJECT", uid=order_id, reason=REASONS[status], order=_object(row, row.amount))
        return Taken(status, order_id=order_id, client_id=client_id, events=[event])
    events = [_executed(row, fill) for fill in fills]
    if row.status == "pending":
        events.append(messages.Event(type="PLACE", order_trigger=_trigger(row)))
    elif row.is_open:
        rest = EXACT.subtract(row.amount, row.filled)
        events.append(messages.Event(type="PLACE", order=_object(row, rest), reduced_quantity=NULL))
    return Taken(words.PLACED, order_id=order_id, client_id=client_id, events=events)


def _fills(view: VenueView, row: VenueOrder) -> list[VenueFill]:
    """Those of an order in this moment."""
    found = view.fills(row.user, symbol=row.instrument, since_ns=view.now_ns())
    return [fill for fill in found if fill.order_id == row.id]


def _executed(row: VenueOrder, fill: VenueFill, old: messages.OrderObject | None = None) -> messages.Event:
    before = EXACT.add(fill.order_unfilled, fill.amount)
    return messages.Event(
        type="EXECUTION",
        execution_id=written.fill_id(fill),
        price=number(fill.price),
        amount=number(fill.amount),
        order_prior_edit=old,
        order_prior_execution=_object(row, before, price=fill.price),
        taker_reduced_quantity=NULL,
    )


def _object(row: VenueOrder, rest: Decimal, *, price: Decimal | None = None) -> messages.OrderObject:
    """An order with so much of it open; one at the market is an immediate one with a limit (*ours*: its fill's)."""
    kind, limit = serve_events.order_type(row), row.price if row.price is not None else price
    return messages.OrderObject(
        order_id=written.order_id(row.id),
        cli_ord_id=row.client_id or None,
        type="ioc" if kind == "mkt" else kind,
        symbol=words.symbol(row.instrument),
        side=row.side,
        quantity=number(rest),
        filled=number(EXACT.subtract(row.amount, rest)),
        limit_price=NULL if limit is None else number(limit),
        reduce_only=row.reduce_only,
        timestamp=written.time(row.placed_ns),
        last_update_timestamp=written.time(row.updated_ns),
    )


def _trigger(row: VenueOrder) -> messages.TriggerObject:
    assert row.stop_price is not None
    return messages.TriggerObject(
        uid=written.order_id(row.id),
        client_id=row.client_id or None,
        type="ioc" if row.price is None else "lmt",
        symbol=words.symbol(row.instrument),
        side=row.side,
        quantity=number(row.amount),
        limit_price=NULL if row.price is None else number(row.price),
        trigger_price=number(row.stop_price),
        trigger_side=words.TRIGGER_SIDES[row.stop_operator or "gte"],
        trigger_signal=f"{words.TRIGGERS_WRITTEN[row.trigger]}_price",
        reduce_only=row.reduce_only,
        timestamp=written.time(row.placed_ns),
        last_update_timestamp=written.time(row.updated_ns),
        start_time=None,
    )


def _shown(row: VenueOrder) -> messages.OrderObject | messages.TriggerObject:
    return _trigger(row) if row.status == "pending" else _object(row, EXACT.subtract(row.amount, row.filled))


# ── editing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def edit_order(view: VenueView, call: Call) -> messages.Edited:
    asked: requests.Edit = call.message
    taken = edit(view, login(call).user, asked=asked, order_id=asked.order_id)
    status = messages.EditStatus(
        status=taken.status, order_id=taken.order_id, cli_ord_id=taken.client_id, received_time=written.now(view),
        order_events=taken.events,
    )  # fmt: skip
    return messages.Edited(result=SUCCESS, server_time=written.now(view), edit_status=status)


def edit(view: VenueView, user: int, *, asked: requests.Edit, order_id: str | None) -> Taken:
    if not order_id and not asked.cli_ord_id:
        raise missing(written.now(view))
    echoed = order_id or UNSET, asked.cli_ord_id or UNSET
    if not given.in_time(view, asked.process_before):
        return Taken(LATE, *echoed)
    row = _open(view, user, order_id, asked.cli_ord_id)
    if row is None:
        return Taken("orderForEditNotFound", *echoed)
    size, stop_price = (
        given.amount(view, asked.size, name="size"),
        given.amount(view, asked.stop_price, name="stopPrice"),
    )
    if stop_price is not None and row.stop_price is None:
        return Taken("orderForEditNotAStop", *echoed)
    modes = {"RELATIVE": True, "ABSOLUTE": False}
    relative = given.word(view, modes, raw=(asked.qty_mode or "RELATIVE").upper(), name="qtyMode")
    command = commands.EditOrder(
        order_id=row.id,
        amount=EXACT.add(row.filled, size) if relative and size is not None else size,
        price=given.amount(view, asked.limit_price, name="limitPrice"),
        stop_price=stop_price,
    )
    known = {fill.id for fill in _fills(view, row)}
    outcome = view.submit(user, command)
    if isinstance(outcome, Rejected):
        return Taken(STATUSES.get(outcome.reason, "invalidArgument"), *echoed)
    return _edited(view, row, known)


def _edited(view: VenueView, old: VenueOrder, known: set[int]) -> Taken:
    row = view.order(old.user, old.id)
    assert row is not None
    was = _shown(old)
    event = messages.Event(type="EDIT", old=was, new=_shown(row), reduced_quantity=NULL)
    fills = [fill for fill in _fills(view, row) if fill.id not in known and not fill.maker]
    prior = was if isinstance(was, messages.OrderObject) else None
    events = [event, *(_executed(row, fill, prior) for fill in fills)]
    return Taken(words.EDITED, written.order_id(row.id), row.client_id or UNSET, events)


def _open(view: VenueView, user: int, order_id: str | None, client_id: str | None) -> VenueOrder | None:
    """An open order by its id, or by the client's: then an id that is none says nothing (ccxt sends ``None``)."""
    number = None if not order_id else written.number_of(written.ORDER, order_id)
    if number is not None:
        row = view.order(user, number)
        return row if row is not None and row.is_open else None
    if client_id:
        return next((row for row in view.orders(user, open_only=True) if row.client_id == client_id), None)
    return None


# ── canceling ────────────────────────────────────────────────────────────────────────────────────────────────────


def cancel_order(view: VenueView, call: Call) -> messages.Cancelled:
    taken = cancel(view, login(call).user, asked=call.message)
    status = messages.CancelStatus(
        status=taken.status, order_id=taken.order_id, cli_ord_id=taken.client_id, received_time=written.now(view),
        order_events=taken.events or UNSET,
    )  # fmt: skip
    return messages.Cancelled(result=SUCCESS, server_time=written.now(view), cancel_status=status)


def cancel(view: VenueView, user: int, *, asked: requests.Cancel) -> Taken:
    if not asked.order_id and not asked.cli_ord_id:
        raise missing(written.now(view))
    if not given.in_time(view, asked.process_before):
        return Taken(LATE)
    row = _open(view, user, asked.order_id, asked.cli_ord_id)
    if row is None:
        number = written.number_of(written.ORDER, asked.order_id or "")
        done = None if number is None else view.order(user, number)
        filled = done is not None and done.status == "filled"
        return Taken(words.FILLED if filled else words.NOT_FOUND)
    outcome = view.submit(user, commands.CancelOrders(order_ids=(row.id,)))
    if isinstance(outcome, Rejected) or row.id not in outcome.ids:
        return Taken(words.NOT_FOUND)
    return Taken(words.CANCELLED, written.order_id(row.id), row.client_id or UNSET, [_cancel_event(row)])


def _cancel_event(row: VenueOrder) -> messages.Event:
    """``row``: as it was before."""
    shown, uid = _shown(row), written.order_id(row.id)
    if isinstance(shown, messages.TriggerObject):
        return messages.Event(type="CANCEL", uid=uid, order_trigger=shown)
    return messages.Event(type="CANCEL", uid=uid, order=shown)


def cancel_all_orders(view: VenueView, call: Call) -> messages.CancelledAll:
    user, instrument = login(call).user, given.listed(view, call.message.symbol)
    symbol = None if instrument is None else instrument.symbol
    rows = {row.id: row for row in view.orders(user, symbol=symbol, open_only=True)}
    outcome = view.submit(user, commands.CancelAll(instrument=symbol))
    gone = [] if isinstance(outcome, Rejected) else [rows[number] for number in outcome.ids if number in rows]
    status = messages.CancelAllStatus(
        received_time=written.now(view),
        cancel_only="all" if instrument is None else written.symbol(instrument),
        status=words.CANCELLED if gone else words.NO_ORDERS,
        cancelled_orders=[
            messages.CancelledOrder(order_id=written.order_id(row.id), cli_ord_id=row.client_id or UNSET)
            for row in gone
        ],
        order_events=[_cancel_event(row) for row in gone],
    )
    return messages.CancelledAll(result=SUCCESS, server_time=written.now(view), cancel_status=status)


def cancel_all_orders_after(view: VenueView, call: Call) -> messages.CancelsAfter:
    """Each call starts the countdown anew; 0 ends it."""
    text, user = call.message.timeout, login(call).user
    if not text:
        raise missing(written.now(view))
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= TIMEOUT_MOST_S):
        raise invalid("timeout", written.now(view))
    switches, at_ns = desk(view).switches, view.now_ns() + int(text) * SECOND_NS
    if int(text):
        switches[user] = at_ns
    else:
        switches.pop(user, None)
    countdown = messages.Countdown(
        current_time=written.now(view), trigger_time=written.time(at_ns) if int(text) else "0"
    )
    return messages.CancelsAfter(result=SUCCESS, server_time=written.now(view), status=countdown)


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────


def batch_order(view: VenueView, call: Call) -> messages.Batch:
    """Each item alone: what is wrong with one is its own status."""
    asked: requests.Batch = call.message
    if not asked.json:
        raise missing(written.now(view))
    try:
        items = batch_items(asked.json)
    except ValueError:
        raise refused("Json Parse Error", written.now(view)) from None
    late = not given.in_time(view, asked.process_before or asked.documented_before)
    found = [_item(view, login(call).user, item, late=late) for item in items]
    return messages.Batch(result=SUCCESS, server_time=written.now(view), batch_status=found)


def _item(view: VenueView, user: int, item: Mapping[str, str | int], *, late: bool) -> messages.BatchItem:
    tag: str | int | UnsetType = item.get("order_tag", UNSET)
    try:
        taken = Taken(LATE) if late else _carried_out(view, user, item)
    except WireRefusal as refusal:
        taken = Taken(_code(refusal))
    return messages.BatchItem(
        status=taken.status, order_tag=tag, order_id=taken.order_id, cli_ord_id=taken.client_id,
        date_time_received=written.now(view), order_events=taken.events,
    )  # fmt: skip


def _carried_out(view: VenueView, user: int, item: Mapping[str, str | int]) -> Taken:
    kind = item.get("order")
    texts = {name: str(value) for name, value in item.items() if name not in ("order", "order_tag") and value != ""}
    if kind == "send":
        if "order_tag" not in item:
            raise missing(written.now(view))
        return send(view, user, asked=msgspec.convert(texts, requests.Send))
    if kind == "edit":
        asked = msgspec.convert(texts, requests.Edit)
        return edit(view, user, asked=asked, order_id=asked.batch_order_id or asked.order_id)
    if kind == "cancel":
        taken = cancel(view, user, asked=msgspec.convert(texts, requests.Cancel))
        return taken if taken.order_id is not UNSET else Taken(taken.status, texts.get("order_id", UNSET))
    raise missing(written.now(view))


def _code(refusal: WireRefusal) -> str:
    """What an item is refused with: the code, or the status for a word of none of the kinds."""
    body = refusal.body
    code = body.error if isinstance(body, Refused) else "invalidArgument"
    return {"Argument invalid: orderType": "invalidOrderType", "Argument invalid: side": "invalidSide"}.get(code, code)
