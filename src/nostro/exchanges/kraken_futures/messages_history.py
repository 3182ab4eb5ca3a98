"""The histories of Kraken Futures, spelled as on the wire: events of orders, triggers, executions and positions, and
the account log. It decides members only; what they mean stands in ``read_history.py``.

Numbers of events are texts, their times milliseconds, in captures as texts too.
Source: Kraken Futures documentation, history v2 and v3 (account-log, execution, order, trigger and position update
events, public execution events); sample answers of python-kraken-sdk 3.5.1 and ccxt 4.5.90.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, UnsetType

from nostro.domain.values import ABSENT
from nostro.exchanges.kraken_futures.messages import NULL, Message, OptionalText


class EventOrder(Message, frozen=True, kw_only=True, rename="camel"):
    """``quantity`` is what is open: 0 for an order that was filled at once. What is public has neither account nor
    client's id."""

    uid: str
    account_uid: str | UnsetType = UNSET
    tradeable: str
    direction: str
    quantity: Raw
    filled: Raw = ABSENT
    timestamp: Raw
    limit_price: Raw = ABSENT
    order_type: str
    client_id: OptionalText = UNSET
    reduce_only: bool
    last_update_timestamp: Raw


class TrailingOptions(Message, frozen=True, kw_only=True, rename="camel"):
    max_deviation: Raw
    unit: str


class TriggerOptions(Message, frozen=True, kw_only=True, rename="camel"):
    trigger_price: Raw
    trigger_side: str
    trigger_signal: str
    trailing_stop_options: TrailingOptions | UnsetType | None = UNSET


class EventTrigger(Message, frozen=True, kw_only=True, rename="camel"):
    uid: str
    account_uid: str
    account_id: Raw = ABSENT
    tradeable: str
    direction: str
    quantity: Raw
    timestamp: Raw
    limit_price: Raw = ABSENT
    order_type: str
    client_id: OptionalText = UNSET
    reduce_only: bool
    last_update_timestamp: Raw
    trigger_options: TriggerOptions | UnsetType = UNSET


class OrderChange(Message, frozen=True, kw_only=True, rename="camel"):
    """What happened to an order: it has ``order``, an update the order before and after."""

    order: EventOrder | UnsetType = UNSET
    new_order: EventOrder | UnsetType = UNSET
    old_order: EventOrder | UnsetType = UNSET
    reason: OptionalText = UNSET
    reduced_quantity: OptionalText = UNSET
    algo_id: OptionalText = UNSET


class TriggerChange(Message, frozen=True, kw_only=True, rename="camel"):
    order: EventTrigger
    reason: OptionalText = UNSET


class OrderElement(Message, frozen=True, kw_only=True):
    """``event``: one member, OrderPlaced, OrderUpdated, OrderCancelled, OrderRejected, ..."""

    uid: str
    timestamp: Raw
    event: dict[str, OrderChange]


class TriggerElement(Message, frozen=True, kw_only=True):
    """``event``: one member, OrderTriggerPlaced, OrderTriggerCancelled or OrderTriggerActivated."""

    uid: str
    timestamp: Raw
    event: dict[str, TriggerChange]


class OrderData(Message, frozen=True, kw_only=True, rename="camel"):
    position_size: Raw = ABSENT
    fee: Raw = ABSENT


class Executed(Message, frozen=True, kw_only=True, rename="camel"):
    """v3 has ``order``, ``orderData`` and ``executionType``; v2 and what is public the orders of maker and taker."""

    uid: str
    order: EventOrder | UnsetType = UNSET
    maker_order: EventOrder | UnsetType = UNSET
    taker_order: EventOrder | UnsetType = UNSET
    old_taker_order: EventOrder | UnsetType | None = UNSET
    timestamp: Raw
    quantity: Raw
    price: Raw
    mark_price: Raw = ABSENT
    limit_filled: bool
    execution_type: OptionalText = UNSET
    usd_value: Raw = ABSENT
    order_data: OrderData | UnsetType = UNSET
    maker_order_data: OrderData | UnsetType = UNSET
    taker_order_data: OrderData | UnsetType = UNSET


class ExecutionEvent(Message, frozen=True, kw_only=True, rename="camel"):
    execution: Executed
    taker_reduced_quantity: OptionalText = UNSET


class ExecutionElement(Message, frozen=True, kw_only=True):
    """``event``: one member, ``Execution`` in v3 and captures, ``execution`` in the documents of v2."""

    uid: str
    timestamp: Raw
    event: dict[str, ExecutionEvent]


class PositionUpdate(Message, frozen=True, kw_only=True, rename="camel"):
    """Sizes are signed. ``fee`` and ``realizedPnL`` in ``feeCurrency``; ``positionChange``: open, close, increase,
    decrease, reverse."""

    account_uid: str
    tradeable: str
    old_position: Raw
    old_average_entry_price: Raw
    new_position: Raw
    new_average_entry_price: Raw
    fill_time: Raw = ABSENT
    fee: Raw = ABSENT
    fee_currency: OptionalText = UNSET
    realized_pnl: Raw = msgspec.field(default=ABSENT, name="realizedPnL")
    position_change: str
    execution_uid: OptionalText = UNSET
    execution_price: Raw = ABSENT
    execution_size: Raw = ABSENT
    trade_type: OptionalText = UNSET
    funding_realization_time: Raw = ABSENT
    realized_funding: Raw = ABSENT
    timestamp: Raw
    update_reason: OptionalText = UNSET


class PositionElement(Message, frozen=True, kw_only=True):
    """``event``: one member, ``PositionUpdate``."""

    uid: str
    timestamp: Raw
    event: dict[str, PositionUpdate]


class _Page(Message, frozen=True, kw_only=True, rename="camel"):
    """``len``: how many elements there are; ``continuationToken``: where the next page begins, absent on the last."""

    account_uid: str
    len: Raw
    server_time: str
    continuation_token: OptionalText = UNSET


class OrderEvents(_Page, frozen=True, kw_only=True, rename="camel"):
    elements: list[OrderElement]


class TriggerEvents(_Page, frozen=True, kw_only=True, rename="camel"):
    elements: list[TriggerElement]


class ExecutionEvents(_Page, frozen=True, kw_only=True, rename="camel"):
    elements: list[ExecutionElement]


class MarketExecutions(Message, frozen=True, kw_only=True, rename="camel"):
    """What everybody may see: a capture has neither account nor time."""

    elements: list[ExecutionElement]
    len: Raw = ABSENT
    server_time: str | UnsetType = UNSET
    continuation_token: OptionalText = UNSET


class PositionEvents(_Page, frozen=True, kw_only=True, rename="camel"):
    elements: list[PositionElement]


# ── the account log ──────────────────────────────────────────────────────────────────────────────────────────────


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the ledger: ``new_balance`` of ``asset`` in ``margin_account`` after ``old_balance``. A trade has one
    for the money and one for the position, whose ``asset`` is the ``contract``. ``fee`` is paid, ``realized_funding``
    received, where positive. What does not apply is null."""

    id: int
    date: str
    asset: str
    info: str
    booking_uid: str
    margin_account: str
    contract: str | None = None
    collateral: str | None = None
    old_balance: Raw
    new_balance: Raw
    old_average_entry_price: Raw = NULL
    new_average_entry_price: Raw = NULL
    trade_price: Raw = NULL
    mark_price: Raw = NULL
    realized_pnl: Raw = NULL
    fee: Raw = NULL
    execution: str | None = None
    funding_rate: Raw = NULL
    realized_funding: Raw = NULL
    conversion_spread_percentage: Raw = NULL
    liquidation_fee: Raw = NULL
    position_uid: str | None = None


class AccountLog(Message, frozen=True, kw_only=True, rename="camel"):
    account_uid: str
    logs: list[LogEntry]
