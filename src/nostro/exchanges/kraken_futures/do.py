"""What can be done at Kraken Futures in our words: how a command becomes the route's parameters, and which facts the
answer acknowledges. It decides nothing about whether it happened (``link/writes.py``).

A leverage is a setting of isolated contracts alone: to set one isolates the contract, to set none makes it cross.
Source: Kraken Futures documentation, send-order, edit-order, send-batch-order, cancel-all-orders, leverage preferences,
transfer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from nostro import errors, limits
from nostro.domain import records
from nostro.domain.values import ZERO, Unknown, add, canonical, exact
from nostro.exchanges.kraken_futures import messages, messages_orders, requests, routes, words, written
from nostro.link.commands import (
    CancelAll,
    CancelOrders,
    EditOrder,
    MoveFunds,
    MoveMargin,
    PlaceOrder,
    SetLeverage,
    SetMarginMode,
)
from nostro.link.declare import Do, Given

_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_LIMITS: Final = {("gtc", False): "lmt", ("gtc", True): "post", ("ioc", False): "ioc", ("fok", False): "fok"}


def _unsaid(what: str) -> errors.NotSupported:
    return errors.NotSupported(
        f"Kraken Futures' wire cannot say {what}", hint="nothing was sent", exchange="kraken_futures"
    )


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else canonical(amount)


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def place(command: PlaceOrder, _: Given) -> requests.Send:
    """What the wire cannot say is refused here, because an exchange that ignores it would do something else."""
    if command.quote_amount is not None:
        raise _unsaid("an amount in quote units")
    if command.valid_till_ns or command.expire_after_ns:
        raise _unsaid("an end of an order")
    if command.side_effect != "none":
        raise _unsaid("a side effect")
    if command.position_side != "both":
        raise _unsaid("a side of a position: there is one position of a contract")
    if command.wallet not in ("", words.SPOT, words.wallet_of(command.instrument)):
        raise _unsaid(f"another wallet than {words.wallet_of(command.instrument)}, the instrument's own")
    stops = command.stop_price is not None
    return requests.Send(
        order_type=_stop_type(command) if stops else _order_type(command),
        symbol=words.symbol(command.instrument),
        side=command.side,
        size=_text(command.amount),
        limit_price=_text(command.price),
        stop_price=_text(command.stop_price),
        cli_ord_id=command.client_id or None,
        trigger_signal=words.TRIGGERS_WRITTEN[command.trigger] if stops else None,
        reduce_only="true" if command.reduce_only else None,
    )


def _order_type(command: PlaceOrder) -> str:
    if command.type == "market":
        if command.time_in_force not in ("gtc", "ioc") or command.post_only:
            raise _unsaid("a market order that is fok, aon or post-only")
        return "mkt"
    found = _LIMITS.get((command.time_in_force, command.post_only))
    if found is None:
        raise _unsaid(f"a limit order that is {command.time_in_force}" + (" and post-only" * command.post_only))
    return found


def _stop_type(command: PlaceOrder) -> str:
    """A stop goes with the market, one against it takes a profit."""
    if command.time_in_force != "gtc" or command.post_only:
        raise _unsaid("a stop that is post-only, or not gtc")
    against = command.stop_operator is not None and (command.side == "buy") != (command.stop_operator == "gte")
    return "take_profit" if against else "stp"


def edit(command: EditOrder, _: Given) -> requests.Edit:
    return requests.Edit(
        order_id=_order_id(command.order_id),
        size=_text(command.amount),
        limit_price=_text(command.price),
        stop_price=_text(command.stop_price),
        qty_mode=None if command.amount is None else "ABSOLUTE",
    )


def cancel(command: CancelOrders, _: Given) -> requests.Batch:
    items = [{"order": "cancel", "order_id": _order_id(order_id)} for order_id in command.order_ids]
    return requests.Batch(json=msgspec.json.encode({"batchOrder": items}).decode())


def _order_id(named: str | int) -> str:
    """Raises `errors.BadValue` for a text that is no id of this wire. Source: Kraken Futures documentation,
    *cancelorder*: ids are UUIDs."""
    text = named if isinstance(named, str) else written.order_id(named)
    if not _UUID.fullmatch(text):
        raise errors.BadValue(
            f"order_id is {text[:limits.SHOWN_CHARACTERS]!a}, those of Kraken Futures are UUIDs, 8-4-4-4-12 "
            "hexadecimal digits", hint="nothing was sent; `nostro orders` shows the ids", exchange="kraken_futures",
        )  # fmt: skip
    return text


def cancel_all(command: CancelAll, _: Given) -> requests.Symbol:
    return requests.Symbol(symbol=None if command.instrument is None else words.symbol(command.instrument))


# ── settings and money ───────────────────────────────────────────────────────────────────────────────────────────


def set_leverage(command: SetLeverage, _: Given) -> requests.SetLeverage:
    if command.position_side != "both":
        raise _unsaid("a leverage of one side")
    return requests.SetLeverage(symbol=words.symbol(command.instrument), max_leverage=_text(command.leverage))


def set_margin_mode(command: SetMarginMode, _: Given) -> requests.SetLeverage:
    if command.mode == "isolated":
        raise _unsaid("isolated without a leverage: set the leverage, which isolates")
    return requests.SetLeverage(symbol=words.symbol(command.instrument))


def transfer(command: MoveFunds | MoveMargin, _: Given) -> requests.Transfer:
    source, target = _ends(command)
    return requests.Transfer(
        amount=canonical(command.amount),
        from_account=words.account(source),
        to_account=words.account(target),
        unit=words.currency(command.asset),
    )


def _ends(command: MoveFunds | MoveMargin) -> tuple[str, str]:
    """From which wallet to which."""
    if isinstance(command, MoveFunds):
        if command.from_account != command.to_account:
            raise _unsaid("a transfer to another account by our ids")
        return command.from_wallet, command.to_wallet
    return (words.SPOT, command.wallet) if command.direction == "add" else (command.wallet, words.SPOT)


# ── what the answers acknowledge ─────────────────────────────────────────────────────────────────────────────────


def placed(command: PlaceOrder, answer: messages_orders.Sent) -> Iterator[records.Order]:
    """The new id, and what of it was executed at once."""
    sent = answer.send_status
    if sent.order_id is UNSET:
        return
    filled = _executed(sent.order_events)
    stops = command.stop_price is not None
    yield records.Order(
        wallet=words.wallet_of(command.instrument),
        native_id=sent.order_id,
        instrument=command.instrument,
        side=command.side,
        type=command.type,
        status="pending" if stops else "filled" if filled == command.amount else None,
        time_in_force="ioc" if command.type == "market" else command.time_in_force,
        amount=command.amount,
        filled=filled,
        price=command.price,
        stop_price=command.stop_price,
        stop_operator=command.stop_operator,
        client_id=command.client_id or None,
        post_only=command.post_only or None,
        reduce_only=command.reduce_only,
        trigger=command.trigger if stops else None,
    )


def _executed(events: list[messages_orders.Event] | UnsetType) -> Decimal:
    told = events if isinstance(events, list) else []
    amounts = [exact(event.amount, "amount") for event in told if event.type == "EXECUTION"]
    return Decimal(canonical(add(amounts))) if amounts else ZERO


def edited(command: EditOrder, answer: messages_orders.Edited) -> Iterator[records.Order]:
    """That it was changed; as what, the open orders say."""
    status = answer.edit_status
    yield records.Order(
        native_id=str(command.order_id) if status.order_id is UNSET else status.order_id,
        instrument="", side="", type="", amount=command.amount, price=command.price, stop_price=command.stop_price,
    )  # fmt: skip


def canceled(_: CancelOrders, answer: messages_orders.Batch) -> Iterator[records.Order]:
    """One row for each id that the answer names: canceled, or `Unknown` (``notFound``)."""
    for offset, item in enumerate(answer.batch_status):
        if item.order_id is not UNSET:
            yield _gone(offset, item.order_id, item.status)


def all_canceled(_: CancelAll, answer: messages_orders.CancelledAll) -> Iterator[records.Order]:
    for offset, row in enumerate(answer.cancel_status.cancelled_orders):
        yield _gone(offset, row.order_id, words.CANCELLED)


def _gone(offset: int, order_id: str, said: str) -> records.Order:
    """All else about the order is not in the answer."""
    status = "canceled" if said == words.CANCELLED else "filled" if said == words.FILLED else Unknown(f"unknown:{said}")
    return records.Order(offset=offset, native_id=order_id, instrument="", side="", type="", status=status)


def leverage_set(command: SetLeverage, _: messages.Done) -> Iterator[records.Leverage]:
    mode = "cross" if command.leverage is None else "isolated"
    yield records.Leverage(instrument=command.instrument, leverage=command.leverage, margin_mode=mode)


def mode_set(command: SetMarginMode, _: messages.Done) -> Iterator[records.Leverage]:
    yield records.Leverage(instrument=command.instrument, margin_mode=command.mode)


def transferred(command: MoveFunds | MoveMargin, _: messages.Done) -> Iterator[records.Transfer]:
    """The answer names nothing: that there is one means that it was done."""
    source, target = _ends(command)
    yield records.Transfer(
        wallet=target, direction="internal", asset=command.asset, amount=command.amount, status="done",
        from_wallet=source, to_wallet=target, note=command.note or None,
    )  # fmt: skip


def _do(capability: str, route: Any, request: Any, read: Any) -> Do:
    return Do(capability=capability, route=route, request=request, read=read)


DOS: Final = (
    _do("place", routes.SEND, place, placed),
    _do("edit", routes.EDIT, edit, edited),
    _do("cancel", routes.BATCH, cancel, canceled),
    _do("cancel_all", routes.CANCEL_ALL, cancel_all, all_canceled),
    _do("set_leverage", routes.SET_LEVERAGE, set_leverage, leverage_set),
    _do("set_margin_mode", routes.SET_LEVERAGE, set_margin_mode, mode_set),
    _do("transfer", routes.TRANSFER, transfer, transferred),
)
