"""How the paper exchange carries out the writes of BingX's swap API v1: they become commands of the venue, and its
outcome an answer. What the venue refuses is decided by the venue.

The account is in hedge mode: an order opens or closes the long or the short position of its contract. *Ours*: a closing
at one click first cancels the orders that would close the position; a take-profit or stop-loss that comes with an order
is set for what the order fills at once, and an order that may rest takes none.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, cast

from nostro.exchanges.bingx_v1 import given, messages, requests, words
from nostro.exchanges.bingx_v1.refusals import BAD_PARAMETER, FAILED, NO_ORDER, bad_parameter, refused
from nostro.link import commands
from nostro.link.contracts import VenuePosition
from nostro.link.declare import Call
from nostro.link.view import VenueInstrument, VenueView

_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_LISTED: Final = re.compile(r"[0-9\s,'\"\[\]]*", re.ASCII)


def trade(view: VenueView, call: Call) -> messages.Placed:
    asked: requests.Trade = call.message
    listed = given.instrument(view, asked.symbol)
    side = given.word(words.SIDES, asked.side, name="side")
    kind = given.word(words.TYPES, asked.tradeType, name="tradeType")
    opens = given.word({words.OPEN: "1", words.CLOSE: ""}, asked.action, name="action") != ""
    gain = given.optional_number(asked.takerProfitPrice, "takerProfitPrice")
    loss = given.optional_number(asked.stopLossPrice, "stopLossPrice")
    if opens and kind == "limit" and (gain or loss):
        raise bad_parameter("takerProfitPrice", "is taken with market orders; set it when the position is open")
    command = commands.PlaceOrder(
        wallet=listed.wallet,
        instrument=listed.symbol,
        side=cast("Any", side),
        type=cast("Any", kind),
        amount=given.number(asked.entrustVolume, "entrustVolume"),
        price=given.number(asked.entrustPrice, "entrustPrice") if kind == "limit" else None,
        position_side=cast("Any", words.POSITION_SIDES[side, opens]),
        reduce_only=not opens,
    )
    placed = given.ids(view, call, command=command)[0]
    made = view.order(given.user(call), placed)
    if opens and made is not None and made.filled:
        _stops(view, call, made.instrument, command.position_side, made.filled, gain=gain, loss=loss)
    return messages.Placed(orderId=str(placed))


def _stops(
    view: VenueView, call: Call, symbol: str, side: str, amount: Decimal, *, gain: Decimal | None, loss: Decimal | None
) -> list[int]:
    """Stop orders that close so much of a position, one for each price that is set."""
    listed = view.instrument(symbol)
    assert listed is not None
    long = side == "long"
    made: list[int] = []
    for price, operator in ((gain, "gte" if long else "lte"), (loss, "lte" if long else "gte")):
        if price is not None:
            command = commands.PlaceOrder(
                wallet=listed.wallet,
                instrument=symbol,
                side="sell" if long else "buy",
                type="stop_market",
                amount=amount,
                stop_price=price,
                stop_operator=cast("Any", operator),
                position_side=cast("Any", side),
                reduce_only=True,
                trigger="mark",
            )
            made += given.ids(view, call, command=command)
    return made


def stop_order(view: VenueView, call: Call) -> messages.Placed:
    """A new one, or another price for one that waits."""
    asked: requests.StopOrder = call.message
    gain = given.optional_number(asked.takeProfitPrice, "takeProfitPrice")
    loss = given.optional_number(asked.stopLossPrice, "stopLossPrice")
    if (gain is None) == (loss is None):
        raise bad_parameter("stopLossPrice", "exactly one of stopLossPrice and takeProfitPrice is taken")
    if asked.orderId and asked.orderId != "0":
        changed = commands.EditOrder(order_id=given.order_id(asked.orderId), stop_price=gain or loss)
        return messages.Placed(orderId=str(given.ids(view, call, command=changed)[0]))
    listed, held = given.position(view, call, wanted=asked.positionId)
    amount = given.number(asked.entrustVolume, "entrustVolume")
    made = _stops(view, call, listed.symbol, held.side, amount, gain=gain, loss=loss)
    return messages.Placed(orderId=str(made[0]))


def cancel(view: VenueView, call: Call) -> messages.Placed:
    asked: requests.OrderQuery = call.message
    wanted = given.order_id(asked.orderId)
    found = view.order(given.user(call), wanted)
    elsewhere = found is not None and asked.symbol and given.instrument(view, asked.symbol).symbol != found.instrument
    if found is None or not found.is_open or elsewhere:
        raise refused(NO_ORDER, f"order {wanted} does not exist, or is finished")
    if not given.ids(view, call, command=commands.CancelOrders(order_ids=(wanted,))):
        raise refused(NO_ORDER, f"order {wanted} was finished before it could be canceled")
    return messages.Placed(orderId=str(wanted))


def cancel_some(view: VenueView, call: Call) -> dict[str, str]:
    """What is not there any more is passed over. A list may come in the form that Python prints."""
    asked: requests.OrdersCancel = call.message
    listed = given.instrument(view, asked.symbol)
    if not asked.oids:
        given.ids(view, call, command=commands.CancelAll(instrument=listed.symbol))
        return {}
    if not _LISTED.fullmatch(asked.oids):
        raise bad_parameter("oids", "must be ids, with commas between")
    wanted = [given.order_id(text, "oids") for text in _DIGITS.findall(asked.oids)]
    mine = [order_id for order_id in wanted if _is_of(view, call, order_id, listed)]
    given.ids(view, call, command=commands.CancelOrders(order_ids=tuple(mine)))
    return {}


def _is_of(view: VenueView, call: Call, order_id: int, listed: VenueInstrument) -> bool:
    found = view.order(given.user(call), order_id)
    return found is not None and found.instrument == listed.symbol


def cancel_all(view: VenueView, call: Call) -> dict[str, str]:
    """Stop orders too (*ours*: not documented)."""
    given.ids(view, call, command=commands.CancelAll())
    return {}


def close(view: VenueView, call: Call) -> messages.Placed:
    asked: requests.PositionClose = call.message
    listed, held = given.position(view, call, wanted=asked.positionId)
    if given.instrument(view, asked.symbol).symbol != listed.symbol:
        raise refused(BAD_PARAMETER, f"symbol: position {asked.positionId} is of {words.symbol(listed.symbol)}")
    return messages.Placed(orderId=str(_closed(view, call, listed, held)))


def close_all(view: VenueView, call: Call) -> messages.ClosedAll:
    made: list[str | messages.Placed] = []
    for held in view.positions(given.user(call)):
        listed = view.instrument(held.instrument)
        if held.size and listed is not None:
            made.append(str(_closed(view, call, listed, held)))
    return messages.ClosedAll(orders=made)


def _closed(view: VenueView, call: Call, listed: VenueInstrument, held: VenuePosition) -> int:
    user = given.user(call)
    closing = [
        each.id
        for each in view.orders(user, symbol=listed.symbol, open_only=True)
        if each.position_side == held.side and each.reduce_only
    ]
    if closing:
        given.ids(view, call, command=commands.CancelOrders(order_ids=tuple(closing)))
    left = next(each for each in view.positions(user, symbol=listed.symbol) if each.side == held.side)
    if not left.size:
        raise refused(FAILED, "the position was closed meanwhile")
    command = commands.PlaceOrder(
        wallet=listed.wallet,
        instrument=listed.symbol,
        side="sell" if held.side == "long" else "buy",
        type="market",
        amount=abs(left.size),
        position_side=held.side,
        reduce_only=True,
    )
    return given.ids(view, call, command=command)[0]


def set_margin_mode(view: VenueView, call: Call) -> dict[str, str]:
    asked: requests.SetMarginMode = call.message
    mode = given.word(words.MARGIN_MODES, asked.marginMode.lower(), name="marginMode")
    listed = given.instrument(view, asked.symbol)
    given.ids(view, call, command=commands.SetMarginMode(instrument=listed.symbol, mode=cast("Any", mode)))
    return {}


def set_leverage(view: VenueView, call: Call) -> dict[str, str]:
    asked: requests.SetLeverage = call.message
    side = given.word(words.HEDGE_SIDES, asked.side.lower(), name="side")
    command = commands.SetLeverage(
        instrument=given.instrument(view, asked.symbol).symbol,
        position_side=cast("Any", side),
        leverage=given.number(asked.leverage, "leverage"),
    )
    given.ids(view, call, command=command)
    return {}
