"""How the paper exchange carries out ALP.COM's writes: orders, cancels and withdrawals become commands of the venue,
and its outcome an answer; see ``serve.py``. What the venue refuses is decided by the venue.
"""

from __future__ import annotations

from typing import Any, cast

from nostro.exchanges.alp import given, requests, words
from nostro.exchanges.alp.dialects import Dialect
from nostro.exchanges.alp.given import login
from nostro.exchanges.alp.refusals import bad_input, rejected
from nostro.link import view as venue
from nostro.link.declare import Call, WithoutBody
from nostro.link.view import VenueView


def _carried_out(view: VenueView, call: Call, command: venue.Command) -> tuple[int, ...]:
    outcome = view.submit(login(call).user, command)
    if isinstance(outcome, venue.Rejected):
        raise rejected(outcome)
    return outcome.ids


def place(view: VenueView, call: Call, *, dialect: Dialect) -> list[int]:
    """The new ids. ``client_order_id`` is not unique: the exchange's client sends "1" with every order."""
    return list(_carried_out(view, call, _order_of(dialect, call.message)))


def _order_of(dialect: Dialect, message: requests.PlaceOrder) -> venue.PlaceOrder:
    """What is left out has the client's defaults."""
    if message.side_effect and message.side_effect not in words.SIDE_EFFECTS:
        raise bad_input("side_effect", f"expected one of {', '.join(sorted(words.SIDE_EFFECTS))}")
    side = given.word(words.SIDES, message.order_side, field="order_side")
    kind = given.word(words.TYPES, message.order_type, field="order_type")
    base, quote = given.amount(message.base_amount, "base_amount"), given.amount(message.quote_amount, "quote_amount")
    if dialect.short and kind == "market" and (quote if side == "buy" else base) is None:
        field = "quote_amount" if side == "buy" else "base_amount"
        raise bad_input(field, f"a market order to {side} needs it")
    unsaid = message.tif in (None, "", words.NO_TIME_IN_FORCE)
    return venue.PlaceOrder(
        wallet=given.word(words.WALLETS, message.wallet_type or "SPOT", field="wallet_type"),
        instrument=words.instrument(message.pair),
        side=cast("Any", side),
        type=cast("Any", kind),
        time_in_force=cast(
            "Any", "gtc" if unsaid else given.word(words.TIMES_IN_FORCE, message.tif or "", field="tif")
        ),
        amount=base,
        quote_amount=quote,
        price=given.amount(message.limit_price, "limit_price"),
        stop_price=given.amount(message.stop_price, "stop_price"),
        stop_operator=given.stop_operator(message.stop_operator),
        valid_till_ns=given.end(message.valid_till, "valid_till"),
        expire_after_ns=given.end(message.expire_after, "expire_after"),
        post_only=bool(message.post_only),
        client_id=message.client_order_id or "1",
    )


def cancel(view: VenueView, call: Call, *, dialect: Dialect) -> dict[str, str] | WithoutBody:
    """A map from id to what became of it. 2026 answers 202 without body where no ids were given."""
    message: requests.CancelOrders = call.message
    given_members = [bool(message.order_ids), bool(message.all), bool(message.pair)]
    if sum(given_members) != 1:
        raise bad_input("order_ids", "exactly one of order_ids, all and pair must be given")
    if message.order_ids:
        canceled = _carried_out(view, call, venue.CancelOrders(order_ids=tuple(message.order_ids)))
        said = dict.fromkeys(message.order_ids, words.ORDER_NOT_FOUND)
        said |= dict.fromkeys(canceled, words.CANCELED)
        return {str(order_id): what for order_id, what in said.items()}
    instrument = words.instrument(message.pair) if message.pair else None
    canceled = _carried_out(view, call, venue.CancelAll(instrument=instrument))
    return WithoutBody(202) if dialect.short else {str(order_id): words.CANCELED for order_id in canceled}


def withdraw(view: VenueView, call: Call) -> bool:
    """``true``: the document shows no answer, and the client calls it a truth."""
    message: requests.RequestWithdrawal = call.message
    command = venue.RequestWithdrawal(
        method=message.method,
        amount=given.needed_amount(message.amount, "amount"),
        attributes=message.attributes,
        client_id=message.client_order_id or "",
    )
    _carried_out(view, call, command)
    return True
