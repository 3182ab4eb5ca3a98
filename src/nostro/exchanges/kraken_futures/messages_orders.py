"""What Kraken Futures answers to orders, spelled as on the wire: the outcome of each write and the events that it
caused. It decides members only; what outcomes mean stands in ``refusals.py`` and ``do.py``.

Ids are called differently from call to call: ``order_id`` in send, cancel, batch and lists, ``orderId`` in edits, order
objects and statuses, ``uid`` in objects of triggers.
Source: Kraken Futures documentation, send-order, edit-order, cancel-order, cancel-all-orders, send-batch-order,
get-order-status; sample answers of python-kraken-sdk 3.5.1 and ccxt 4.5.90.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from nostro.domain.values import ABSENT
from nostro.exchanges.kraken_futures.messages import NULL, Done, Message, OptionalText


class OrderObject(Message, frozen=True, kw_only=True, rename="camel"):
    """``type``: lmt, ioc, post, liquidation, fok, ...; ``quantity`` is what is open (*believed*)."""

    order_id: str
    cli_ord_id: str | None
    type: str
    symbol: str
    side: str
    quantity: Raw
    filled: Raw
    limit_price: Raw
    reduce_only: bool
    timestamp: str
    last_update_timestamp: str


class TriggerObject(Message, frozen=True, kw_only=True, rename="camel"):
    """A stop that waits; ``type`` ``lmt`` with a limit, ``ioc`` without."""

    uid: str
    client_id: str | None
    type: str
    symbol: str
    side: str
    quantity: Raw
    limit_price: Raw
    trigger_price: Raw
    trigger_side: str
    trigger_signal: str
    reduce_only: bool
    timestamp: str
    last_update_timestamp: str
    start_time: OptionalText = UNSET
    limit_price_offset_value: Raw = ABSENT
    limit_price_offset_unit: OptionalText = UNSET


class Event(Message, frozen=True, kw_only=True, rename="camel"):
    """``type`` PLACE, EXECUTION, EDIT, CANCEL or REJECT says which members there are. ``orderPriorExecution``: the
    order before that fill."""

    type: str
    order: OrderObject | UnsetType = UNSET
    order_trigger: TriggerObject | UnsetType = UNSET
    reduced_quantity: Raw = ABSENT
    execution_id: str | UnsetType = UNSET
    price: Raw = ABSENT
    amount: Raw = ABSENT
    order_prior_edit: OrderObject | UnsetType | None = UNSET
    order_prior_execution: OrderObject | UnsetType | None = UNSET
    taker_reduced_quantity: Raw = ABSENT
    old: Any = UNSET  # an order or a trigger, which share too much to be told apart
    new: Any = UNSET
    uid: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class SendStatus(Message, frozen=True, kw_only=True, rename="camel"):
    """``status`` is ``placed``, or why not. The rest may be missing of an order that was refused before it got an
    id."""

    order_id: str | UnsetType = msgspec.field(default=UNSET, name="order_id")
    cli_ord_id: OptionalText = UNSET
    status: str
    received_time: str | UnsetType = UNSET
    order_events: list[Event] | UnsetType = UNSET


class Sent(Done, frozen=True, kw_only=True, rename="camel"):
    send_status: SendStatus


class EditStatus(Message, frozen=True, kw_only=True, rename="camel"):
    status: str
    order_id: str | UnsetType = UNSET
    cli_ord_id: OptionalText = UNSET
    received_time: str | UnsetType = UNSET
    order_events: list[Event] | UnsetType = UNSET


class Edited(Done, frozen=True, kw_only=True, rename="camel"):
    edit_status: EditStatus


class CancelStatus(Message, frozen=True, kw_only=True, rename="camel"):
    status: str
    order_id: str | UnsetType = msgspec.field(default=UNSET, name="order_id")
    cli_ord_id: OptionalText = UNSET
    received_time: str | UnsetType = UNSET
    order_events: list[Event] | UnsetType = UNSET


class Cancelled(Done, frozen=True, kw_only=True, rename="camel"):
    cancel_status: CancelStatus


class CancelledOrder(Message, frozen=True, kw_only=True, rename="camel"):
    order_id: str = msgspec.field(name="order_id")
    cli_ord_id: OptionalText = UNSET


class CancelAllStatus(Message, frozen=True, kw_only=True, rename="camel"):
    """``cancelOnly``: a symbol, or ``all``."""

    received_time: str
    cancel_only: str
    status: str
    cancelled_orders: list[CancelledOrder]
    order_events: list[Event] | UnsetType = UNSET


class CancelledAll(Done, frozen=True, kw_only=True, rename="camel"):
    cancel_status: CancelAllStatus


class Countdown(Message, frozen=True, kw_only=True, rename="camel"):
    """``triggerTime`` is ``"0"`` where nothing is armed."""

    current_time: str
    trigger_time: str


class CancelsAfter(Done, frozen=True, kw_only=True, rename="camel"):
    status: Countdown


class BatchItem(Message, frozen=True, kw_only=True, rename="camel"):
    """``order_tag`` as it was given, a text or a number. Items come in no promised order."""

    status: str
    order_tag: str | int | UnsetType = msgspec.field(default=UNSET, name="order_tag")
    order_id: str | UnsetType = msgspec.field(default=UNSET, name="order_id")
    cli_ord_id: OptionalText = UNSET
    date_time_received: str | UnsetType = UNSET
    order_events: list[Event]


class Batch(Done, frozen=True, kw_only=True, rename="camel"):
    batch_status: list[BatchItem]


# ── statuses ─────────────────────────────────────────────────────────────────────────────────────────────────────


class PriceTrigger(Message, frozen=True, kw_only=True, rename="camel"):
    """``triggerTime`` stands here, or in the order itself: sources differ."""

    trigger_price: Raw
    trigger_side: str
    trigger_signal: str
    trigger_time: OptionalText = UNSET


class StatusOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``type`` ORDER or TRIGGER_ORDER. What does not apply is null."""

    type: str
    order_id: str
    cli_ord_id: str | None = None
    symbol: str
    side: str
    quantity: Raw
    filled: Raw
    limit_price: Raw = NULL
    reduce_only: bool
    timestamp: str
    last_update_timestamp: str
    price_trigger_options: PriceTrigger | None = None
    trigger_time: str | None = None


class OrderStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    order: StatusOrder
    status: str
    update_reason: str | None = None
    error: str | None = None


class OrderStatuses(Done, frozen=True, kw_only=True, rename="camel"):
    orders: list[OrderStatus]
