"""What can be done at BingX's swap API v1 in our words: how a command becomes the route's request, and which facts the
answer acknowledges. Whether it happened is decided in ``link/writes.py``.

The wire has limit orders that rest and market orders, no time in force, no client id and no reduce-only flag: an order
opens or closes one side's position. What it cannot say is refused here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from nostro import errors
from nostro.domain import records
from nostro.domain.values import canonical
from nostro.exchanges.bingx_v1 import messages, requests, routes, words
from nostro.link import commands
from nostro.link.declare import Do, Given


def _unsaid(what: str) -> errors.NotSupported:
    return errors.NotSupported(f"BingX's wire cannot say {what}", hint="nothing was sent", exchange="bingx_v1")


def place(command: commands.PlaceOrder, _: Given) -> requests.Trade:
    if command.type not in words.TYPES_WRITTEN:
        raise _unsaid(f"an order of type {command.type}")
    if command.time_in_force != "gtc" or command.post_only:
        raise _unsaid("post-only, or a time in force")
    if command.valid_till_ns or command.expire_after_ns:
        raise _unsaid("an end of an order")
    if command.amount is None:
        raise _unsaid("an order without an amount")
    opens = words.POSITION_SIDES.get((command.side, True)) == command.position_side
    if command.position_side == "both":
        raise _unsaid("whose position an order is for, unless position_side is long or short")
    if opens and command.reduce_only:
        raise _unsaid("an order that opens and only reduces")
    return requests.Trade(
        symbol=words.symbol(command.instrument),
        side=words.SIDES_WRITTEN[command.side],
        tradeType=words.TYPES_WRITTEN[command.type],
        action=words.OPEN if opens else words.CLOSE,
        entrustVolume=canonical(command.amount),
        entrustPrice=None if command.price is None else canonical(command.price),
    )


def placed(command: commands.PlaceOrder, answer: messages.Placed) -> Iterator[records.Order]:
    """The new id; that the order was taken is all that is known of its state."""
    yield records.Order(
        wallet=words.WALLET,
        native_id=str(answer.orderId),
        instrument=command.instrument,
        side=command.side,
        type=command.type,
        amount=command.amount,
        price=command.price,
        position_side=command.position_side,
    )


def cancel(command: commands.CancelOrders, _: Given) -> requests.OrderQuery:
    if len(command.order_ids) != 1:
        raise _unsaid("more than one order to cancel, and which of them were")
    return requests.OrderQuery(orderId=str(command.order_ids[0]))


def canceled(command: commands.CancelOrders, _: messages.Placed) -> Iterator[records.Order]:
    for order_id in command.order_ids:
        yield records.Order(native_id=str(order_id), instrument="", side="", type="", status="canceled")


def cancel_all(command: commands.CancelAll, _: Given) -> requests.Request:
    if command.instrument is not None:
        raise _unsaid("one instrument alone, and which orders were canceled")
    return requests.Request()


def all_canceled(_: commands.CancelAll, __: Any) -> Iterator[records.Order]:
    """The answer does not say which."""
    yield from ()


def close(command: commands.ClosePosition, _: Given) -> requests.PositionClose:
    if not command.position or not command.instrument:
        raise errors.BadValue(
            "BingX closes one position by its id", hint="give instrument= and position= as positions() shows them",
            exchange="bingx_v1",
        )  # fmt: skip
    return requests.PositionClose(symbol=words.symbol(command.instrument), positionId=command.position)


def closed(command: commands.ClosePosition, answer: messages.Placed) -> Iterator[records.Order]:
    if answer.orderId:
        yield records.Order(
            wallet=words.WALLET, native_id=str(answer.orderId), instrument=command.instrument, side="", type="market"
        )  # fmt: skip


def set_leverage(command: commands.SetLeverage, _: Given) -> requests.SetLeverage:
    if command.leverage is None or command.position_side == "both":
        raise _unsaid("no leverage, or one for both sides: give each side its own")
    return requests.SetLeverage(
        symbol=words.symbol(command.instrument),
        side=words.HEDGE_SIDES_WRITTEN[command.position_side],
        leverage=canonical(command.leverage),
    )


def leverage_set(command: commands.SetLeverage, _: Any) -> Iterator[records.Leverage]:
    long = command.leverage if command.position_side == "long" else None
    short = command.leverage if command.position_side == "short" else None
    yield records.Leverage(instrument=command.instrument, long=long, short=short)


def set_margin_mode(command: commands.SetMarginMode, _: Given) -> requests.SetMarginMode:
    return requests.SetMarginMode(
        symbol=words.symbol(command.instrument), marginMode=words.MARGIN_MODES_WRITTEN[command.mode]
    )


def margin_mode_set(command: commands.SetMarginMode, _: Any) -> Iterator[records.Leverage]:
    yield records.Leverage(instrument=command.instrument, margin_mode=command.mode)


DOS: Final = (
    Do(capability="place", route=routes.TRADE, request=place, read=placed),
    Do(capability="cancel", route=routes.CANCEL, request=cancel, read=canceled),
    Do(capability="cancel_all", route=routes.CANCEL_ALL, request=cancel_all, read=all_canceled),
    Do(capability="close_position", route=routes.CLOSE, request=close, read=closed),
    Do(capability="set_leverage", route=routes.SET_LEVERAGE, request=set_leverage, read=leverage_set),
    Do(capability="set_margin_mode", route=routes.SET_MARGIN_MODE, request=set_margin_mode, read=margin_mode_set),
)
