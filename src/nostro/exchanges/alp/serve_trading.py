"""How the paper exchange carries out ALP.COM's writes: orders, cancels, withdrawals and what is done with margin become
commands of the venue, and its outcome an answer; see ``serve.py``. What the venue refuses is decided by the venue.

*Ours*: a position is closed with the ids of the orders that it took, because no document shows an answer.
"""

from __future__ import annotations

from typing import Any, cast

from nostro.exchanges.alp import given, requests, words
from nostro.exchanges.alp.dialects import Dialect
from nostro.exchanges.alp.given import login
from nostro.exchanges.alp.refusals import bad_input, rejected
from nostro.link import commands
from nostro.link.commands import BARE_ISOLATED
from nostro.link.declare import Call, WithoutBody
from nostro.link.view import VenueView


def _carried_out(view: VenueView, call: Call, command: commands.Command) -> tuple[int, ...]:
    outcome = view.submit(login(call).user, command)
    if isinstance(outcome, commands.Rejected):
        raise rejected(outcome)
    return outcome.ids


def place(view: VenueView, call: Call, *, dialect: Dialect) -> list[int]:
    """The new ids. ``client_order_id`` is not unique: the exchange's client sends "1" with every order."""
    return list(_carried_out(view, call, _order_of(dialect, call.message)))


def _order_of(dialect: Dialect, message: requests.PlaceOrder) -> commands.PlaceOrder:
    """What is left out has the client's defaults."""
    side = given.word(words.SIDES, message.order_side, field="order_side")
    kind = given.word(words.TYPES, message.order_type, field="order_type")
    base, quote = given.amount(message.base_amount, "base_amount"), given.amount(message.quote_amount, "quote_amount")
    if dialect.short and kind == "market" and (quote if side == "buy" else base) is None:
        field = "quote_amount" if side == "buy" else "base_amount"
        raise bad_input(field, f"a market order to {side} needs it")
    unsaid = message.tif in (None, "", words.NO_TIME_IN_FORCE)
    wallet = given.word(words.WALLETS, message.wallet_type or "SPOT", field="wallet_type")
    instrument = words.instrument(message.pair)
    return commands.PlaceOrder(
        wallet=f"{commands.ISOLATED}{instrument}" if wallet == BARE_ISOLATED else wallet,
        instrument=instrument,
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
        side_effect=cast(
            "Any", given.word(words.SIDE_EFFECTS, message.side_effect or "NO_SIDE_EFFECT", field="side_effect")
        ),
        client_id=message.client_order_id or "1",
    )


def cancel(view: VenueView, call: Call, *, dialect: Dialect) -> dict[str, str] | WithoutBody:
    """A map from id to what became of it. 2026 answers 202 without body where no ids were given."""
    message: requests.CancelOrders = call.message
    given_members = [bool(message.order_ids), bool(message.all), bool(message.pair)]
    if sum(given_members) != 1:
        raise bad_input("order_ids", "exactly one of order_ids, all and pair must be given")
    if message.order_ids:
        canceled = _carried_out(view, call, commands.CancelOrders(order_ids=tuple(message.order_ids)))
        said = dict.fromkeys(message.order_ids, words.ORDER_NOT_FOUND)
        said |= dict.fromkeys(canceled, words.CANCELED)
        return {str(order_id): what for order_id, what in said.items()}
    instrument = words.instrument(message.pair) if message.pair else None
    canceled = _carried_out(view, call, commands.CancelAll(instrument=instrument))
    return WithoutBody(202) if dialect.short else {str(order_id): words.CANCELED for order_id in canceled}


def withdraw(view: VenueView, call: Call) -> bool:
    """``true``: the document shows no answer, and the client calls it a truth."""
    message: requests.RequestWithdrawal = call.message
    command = commands.RequestWithdrawal(
        method=message.method,
        amount=given.needed_amount(message.amount, "amount"),
        attributes=message.attributes,
        client_id=message.client_order_id or "",
    )
    _carried_out(view, call, command)
    return True


# ── margin ───────────────────────────────────────────────────────────────────────────────────────────────────────


def transfer(view: VenueView, call: Call) -> int:
    """The movement's id."""
    message: requests.MarginTransfer = call.message
    command = commands.MoveMargin(
        account=message.account_id,
        wallet=given.wallet(view, message.wallet_type, pair=message.pair),
        direction=cast("Any", given.word(words.DIRECTIONS, message.direction, field="direction")),
        asset=message.currency,
        amount=given.needed_amount(message.amount, "amount"),
        note=message.note or "",
    )
    return _named(_carried_out(view, call, command))


def borrow(view: VenueView, call: Call) -> int:
    """The borrowing's id."""
    message: requests.Borrow = call.message
    command = commands.Borrow(
        account=message.account_id,
        wallet=given.wallet(view, message.wallet_type, pair=message.pair),
        asset=message.currency,
        amount=given.needed_amount(message.borrow, "borrow"),
        type=_loan_type(message.type),
    )
    return _named(_carried_out(view, call, command))


def repay(view: VenueView, call: Call, *, dialect: Dialect) -> int | list[int]:
    """The repayment's id, for the client in a list; 0 where nothing was owed any more."""
    message: requests.Repay = call.message
    unsaid = given.amount(message.amount, "amount") is None
    command = commands.Repay(
        account=message.account_id,
        wallet=given.wallet(view, message.wallet_type, pair=message.pair),
        asset=message.currency,
        amount=given.needed_amount(message.borrow if unsaid else message.amount, "amount"),
        type=_loan_type(message.type),
    )
    repayment = _named(_carried_out(view, call, command))
    return [repayment] if dialect.repays_list else repayment


def close_position(view: VenueView, call: Call) -> list[int]:
    """The document's form names no account: then it is the login's own."""
    message: requests.ClosePosition = call.message
    account = login(call).user if message.account_id is None else message.account_id
    wallet = given.wallet(view, message.wallet_type, pair=message.pair)
    return list(_carried_out(view, call, commands.ClosePosition(account=account, wallet=wallet)))


def _loan_type(raw: str | None) -> commands.LoanType:
    return cast("commands.LoanType", given.word(words.LOAN_TYPES, raw or "LOAN_MANUAL", field="type"))


def _named(ids: tuple[int, ...]) -> int:
    return ids[0] if ids else 0
