"""How the paper GRVT takes orders and what else its clients do: a signed order becomes a command of the venue, and its
outcome an answer. It decides what an order may say and with which code it is refused; whether its signature holds is
decided in ``verified.py``, what the venue refuses by the venue. Its twin is ``do.py``.

An order is answered as the exchange answers: accepted (PENDING), without an id of its own yet; it is learned from the
lists and streams. *Ours*: an order that would take although it is post-only is answered REJECTED, all else that the
venue refuses with a code; an order ends when its signature does; of two ids the order's own wins; an unknown id is
acknowledged, as one that arrives too late; the switches for lost connections and for cancels that come before their
orders are off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, cast

import msgspec

from nostro.domain.values import EXACT, ONE, ZERO, Malformed
from nostro.exchanges.grvt import (
    accounts,
    cursors,
    eip712,
    given,
    messages,
    requests,
    signing,
    verified,
    words,
    written,
)
from nostro.exchanges.grvt import refusals as code
from nostro.exchanges.grvt import serve_account as account
from nostro.exchanges.grvt.messages import Ack, Result
from nostro.exchanges.grvt.orders import (
    BulkOrders,
    Order,
    OrderLeg,
    OrderMetadata,
    OrderState,
    TPSLOrderMetadata,
    TriggerOrderMetadata,
)
from nostro.exchanges.grvt.refusals import refused
from nostro.exchanges.grvt.serve_histories import newest_of, no_signature
from nostro.link import commands
from nostro.link.commands import Refusal, Rejected
from nostro.link.declare import Call
from nostro.link.view import VenueInstrument, VenueOrder, VenueView

TIME_TO_LIVE_MAX_MS: Final = 5_000
COUNTDOWN_MAX_MS: Final = 300_000
COUNTDOWN_MIN_MS: Final = 1_000
BULK_MAX: Final = 100
ENDED_BY: Final = {"ioc": "IOC_CANCEL", "fok": "FOK_CANCEL", "aon": "AON_CANCEL"}


# ── a new order ──────────────────────────────────────────────────────────────────────────────────────────────────


def create_order(view: VenueView, call: Call) -> Result[Order]:
    return Result(result=_created(view, call, call.message.order))


def _created(view: VenueView, call: Call, order: Order) -> Order:
    asked = accounts.login(call)
    user = _own(view, call, order)
    ends_ns = verified.order(view, order, login=asked, user=user)
    _check_form(order)
    listed = given.instrument(view, order.legs[0].instrument, unknown=code.UNSUPPORTED)
    command = _command(order, listed, ends_ns)
    if any(row.client_id == command.client_id for row in view.orders(user, open_only=True)):
        raise refused(code.CLIENT_ID_ACTIVE)
    outcome = view.submit(user, command)
    if isinstance(outcome, Rejected) and outcome.reason is not Refusal.POST_ONLY_WOULD_TAKE:
        raise code.rejected(outcome.reason, outcome.detail)
    reason = "FAIL_POST_ONLY" if isinstance(outcome, Rejected) else words.UNSPECIFIED
    return _accepted(order, command, now=written.time(view.now_ns()), reason=reason)


def _own(view: VenueView, call: Call, order: Order) -> int:
    """The user of the order's sub-account. Raises 2003 for one that is not the session's."""
    asked = accounts.login(call)
    found = next((user for user in accounts.sub_accounts(view, asked) if str(user) == str(order.sub_account_id)), None)
    if found is None:
        raise refused(code.NOT_YOURS)
    return found


def _check_form(order: Order) -> None:
    """What needs nothing but the order itself."""
    if order.order_id not in (None, "", words.NO_ADDRESS):
        raise refused(code.ORDER_ID_GIVEN)
    if order.state is not None:
        raise refused(code.STATE_GIVEN)
    if order.metadata.create_time not in (None, "", "0"):
        raise refused(code.METADATA_GIVEN)
    if not given.number(order.metadata.client_order_id, "client_order_id"):
        raise refused(code.NO_CLIENT_ID)
    if len(order.legs) != 1:
        raise refused(code.LEGS if order.legs else code.NO_LEG)
    lasting = words.member(words.TIME_IN_FORCE, order.time_in_force)
    if lasting not in ("GOOD_TILL_TIME", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"):
        raise refused(code.BAD_TIME_IN_FORCE)
    if order.post_only and lasting != "GOOD_TILL_TIME":
        raise refused(code.BAD_POST_ONLY)


def _command(order: Order, listed: VenueInstrument, ends_ns: int) -> commands.PlaceOrder:
    leg = order.legs[0]
    price = _amount(leg.limit_price, "limit_price")
    if order.is_market and price:
        raise refused(code.MARKET_WITH_PRICE)
    if not order.is_market and not price:
        raise refused(code.LIMIT_WITHOUT_PRICE)
    size = _amount(leg.size, "size")
    if size <= 0:
        raise refused(code.TOO_SMALL)
    side: commands.Side = "buy" if leg.is_buying_asset else "sell"
    stop = _stop(order, side)
    lasting = words.TIMES_IN_FORCE[words.member(words.TIME_IN_FORCE, order.time_in_force) or ""]
    return commands.PlaceOrder(
        wallet=listed.wallet,
        instrument=listed.symbol,
        side=side,
        type=cast("commands.OrderType", ("stop_" if stop else "") + ("market" if order.is_market else "limit")),
        time_in_force=cast("commands.TimeInForce", lasting),
        amount=size,
        price=None if order.is_market else price,
        expire_after_ns=ends_ns if ends_ns < given.STORABLE_NS else None,
        post_only=bool(order.post_only),
        client_id=str(given.number(order.metadata.client_order_id, "client_order_id")),
        reduce_only=bool(order.reduce_only),
        **stop,
    )


def _stop(order: Order, side: str) -> dict[str, Any]:
    """What makes a command a stop; nothing where the order has no trigger."""
    trigger = order.metadata.trigger
    kind = given.member(words.TRIGGER_TYPE, trigger.trigger_type, field="trigger_type") if trigger is not None else ""
    if trigger is None or kind == words.UNSPECIFIED:
        return {}
    if trigger.tpsl is None:
        raise refused(code.BAD_TRIGGER)
    watched = words.member(words.TRIGGER_BY, trigger.tpsl.trigger_by)
    if watched is None or watched == words.UNSPECIFIED:
        raise refused(code.BAD_TRIGGER_BY)
    if watched not in words.TRIGGERS:
        raise refused(code.TRIGGER_BY_UNSUPPORTED, watched)
    price = _amount(trigger.tpsl.trigger_price, "trigger_price")
    if not price:
        raise refused(code.NO_TRIGGER_PRICE)
    if trigger.tpsl.close_position and not order.reduce_only:
        raise refused(code.TRIGGER_NOT_REDUCING)
    return {
        "stop_price": price, "stop_operator": words.STOP_OPERATORS[(side, kind)], "trigger": words.TRIGGERS[watched],
    }  # fmt: skip


def _amount(raw: msgspec.Raw, field: str) -> Decimal:
    try:
        return signing.amount(raw, field)
    except Malformed as error:
        raise refused(code.MALFORMED, str(error)) from None


def _accepted(order: Order, command: commands.PlaceOrder, *, now: str, reason: str) -> Order:
    """The order as it came, its numbers in their one form."""
    size = command.amount or ZERO
    leg = OrderLeg(
        instrument=order.legs[0].instrument, size=written.amount(size), limit_price=written.amount(command.price),
        is_buying_asset=order.legs[0].is_buying_asset,
    )  # fmt: skip
    rejected = reason != words.UNSPECIFIED
    state = OrderState(
        status="REJECTED" if rejected else "PENDING", reject_reason=reason,
        book_size=[written.amount(ZERO if rejected else size)], traded_size=[written.amount(ZERO)],
        update_time=now, avg_fill_price=[written.amount(ZERO)],
    )  # fmt: skip
    return Order(
        order_id=words.NO_ADDRESS,
        sub_account_id=str(order.sub_account_id),
        is_market=bool(order.is_market),
        time_in_force=words.member(words.TIME_IN_FORCE, order.time_in_force) or "",
        post_only=bool(order.post_only),
        reduce_only=bool(order.reduce_only),
        legs=[leg],
        signature=_echoed(order.signature),
        metadata=OrderMetadata(
            client_order_id=command.client_id, create_time=now, trigger=_trigger(command), broker=words.UNSPECIFIED
        ),
        state=state,
        builder=order.builder or words.NO_ADDRESS,
        builder_fee=written.amount(_amount(order.builder_fee, "builder_fee")),
    )


def _echoed(signature: messages.Signature) -> messages.Signature:
    """Numbers as numbers, as captures of a created order show them."""
    return msgspec.structs.replace(
        signature, v=int(signature.v), nonce=int(signature.nonce), expiration=str(signature.expiration), chain_id="0"
    )


def _trigger(order: commands.PlaceOrder | VenueOrder) -> TriggerOrderMetadata:
    kind, watched = words.UNSPECIFIED, words.UNSPECIFIED
    if order.stop_price is not None:
        kind = words.TRIGGER_TYPES[(order.side, order.stop_operator or "gte")]
        watched = words.TRIGGERS_WRITTEN[order.trigger]
    return TriggerOrderMetadata(
        trigger_type=kind,
        tpsl=TPSLOrderMetadata(
            trigger_by=watched, trigger_price=written.amount(order.stop_price), close_position=False,
            is_split_position=False,
        ),
    )  # fmt: skip


# ── orders that there are ────────────────────────────────────────────────────────────────────────────────────────


def order_of(view: VenueView, row: VenueOrder, *, signer: str) -> Order:
    """As the venue has it; it keeps no signature, but its end. ``signer``: the main account, in the place of whose
    signature it was."""
    listed = account.contract(view, row.instrument)
    return Order(
        order_id=written.order_id(row.id),
        sub_account_id=str(row.user),
        is_market=row.type in ("market", "stop_market"),
        time_in_force=words.TIMES_IN_FORCE_WRITTEN[row.time_in_force],
        post_only=row.post_only,
        reduce_only=row.reduce_only,
        legs=[
            OrderLeg(
                instrument=written.code(listed), size=written.amount(row.amount), limit_price=written.amount(row.price),
                is_buying_asset=row.side == "buy",
            )
        ],
        signature=no_signature(signer, row.expire_after_ns or 0),
        metadata=OrderMetadata(
            client_order_id=row.client_id or "0", create_time=written.time(row.placed_ns), trigger=_trigger(row),
            broker=words.UNSPECIFIED,
        ),
        state=state_of(row),
        builder=words.NO_ADDRESS,
        builder_fee=written.amount(ZERO),
    )  # fmt: skip


def _signer(view: VenueView, call: Call) -> str:
    return accounts.account_id(view, accounts.login(call))


def state_of(row: VenueOrder) -> OrderState:
    average = account.EXACTLY.divide(row.cost, by=row.filled)
    return OrderState(
        status=words.ORDER_STATUSES_WRITTEN[row.status],
        reject_reason=_reason(row),
        book_size=[written.amount(EXACT.subtract(row.amount, row.filled) if row.is_open else ZERO)],
        traded_size=[written.amount(row.filled)],
        update_time=written.time(row.updated_ns),
        avg_fill_price=[written.price(average)],
    )


def _reason(row: VenueOrder) -> str:
    """Why an order ended, as far as the venue can tell: it keeps no reasons."""
    if row.status == "expired":
        return "EXPIRED"
    if row.status not in ("canceled", "partially_canceled"):
        return words.UNSPECIFIED
    if row.origin == "liquidation":
        return "LIQUIDATION"
    if row.time_in_force in ENDED_BY:
        return ENDED_BY[row.time_in_force]
    return "MARKET_CANCEL" if row.type in ("market", "stop_market") else "CLIENT_CANCEL"


def found(view: VenueView, user: int, *, message: Any) -> VenueOrder | None:
    """The order that a message names, by its id or, the newest first, by its client's. Raises 3021 for neither."""
    client_id = given.number(message.client_order_id, "client_order_id")
    if message.order_id not in (None, "", "0", words.NO_ADDRESS):
        number = written.order_number(message.order_id)
        return view.order(user, number) if number is not None else None
    if not client_id:
        raise refused(code.NO_ORDER_ID)
    opened = (row for row in view.orders(user, open_only=True) if row.client_id == str(client_id))
    ended = (row for row in newest_of(view.orders(user), given.LIMIT_MAX) if row.client_id == str(client_id))
    return next(opened, None) or next(ended, None)


def order(view: VenueView, call: Call) -> Result[Order]:
    row = found(view, accounts.sub_account(view, call), message=call.message)
    if row is None:
        raise refused(code.NOT_FOUND)
    return Result(result=order_of(view, row, signer=_signer(view, call)))


def open_orders(view: VenueView, call: Call) -> Result[list[Order]]:
    rows = _opened(view, call, accounts.sub_account(view, call))
    signer = _signer(view, call)
    return Result(result=[order_of(view, row, signer=signer) for row in rows])


def _opened(view: VenueView, call: Call, user: int) -> list[VenueOrder]:
    wanted = given.selected(view, call.message)
    return [row for row in view.orders(user, open_only=True) if wanted is None or row.instrument in wanted]


def order_history(view: VenueView, call: Call) -> messages.Paged[Order]:
    """By the time placed, the open ones among them (*ours*)."""
    user = accounts.sub_account(view, call)
    wanted = given.selected(view, call.message)
    place = given.place(call.message, history="order_history", of=str(user), now_ns=view.now_ns())

    def newest(since_ns: int, until_ns: int, count: int) -> Iterator[VenueOrder]:
        if wanted is None:
            return newest_of(view.orders(user, since_ns=since_ns, until_ns=until_ns, newest=count), count)
        rows = view.orders(user, since_ns=since_ns, until_ns=until_ns)
        return newest_of((row for row in rows if row.instrument in wanted), count)

    rows, onward = cursors.page(place, newest, when=lambda row: row.placed_ns)
    signer = _signer(view, call)
    return messages.Paged(result=[order_of(view, row, signer=signer) for row in rows], next=onward)


# ── cancels ──────────────────────────────────────────────────────────────────────────────────────────────────────


def cancel_order(view: VenueView, call: Call) -> Result[Ack]:
    user = accounts.sub_account(view, call)
    if given.number(call.message.time_to_live_ms, "time_to_live_ms") > TIME_TO_LIVE_MAX_MS:
        raise refused(code.TIME_TO_LIVE)
    row = found(view, user, message=call.message)
    if row is not None and row.is_open:
        _cancel(view, user, [row.id])
    return Result(result=Ack(ack=True))


def _cancel(view: VenueView, user: int, numbers: Sequence[int]) -> None:
    if numbers:
        _do(view, user, commands.CancelOrders(order_ids=tuple(numbers)))


def cancel_all_orders(view: VenueView, call: Call) -> Result[Ack]:
    user = accounts.sub_account(view, call)
    _cancel(view, user, [row.id for row in _opened(view, call, user)])
    return Result(result=Ack(ack=True))


def cancel_on_disconnect(view: VenueView, call: Call) -> Result[Ack]:
    """Off is what it is; it cannot be switched on here."""
    accounts.sub_account(view, call)
    countdown_ms = given.number(call.message.countdown_time, "countdown_time")
    if countdown_ms > COUNTDOWN_MAX_MS:
        raise refused(code.TOO_LONG)
    if countdown_ms >= COUNTDOWN_MIN_MS:
        raise refused(code.SWITCHED_OFF)
    return Result(result=Ack(ack=True))


def bulk_orders(view: VenueView, call: Call) -> BulkOrders:
    """Cancels first, then new orders; the first that is refused ends it."""
    message: requests.ApiBulkOrdersRequest = call.message
    user = accounts.sub_account(view, call)
    by_id = [*(message.order_i_ds or ()), *(message.order_ids or ())]
    by_client = [*(message.client_order_i_ds or ()), *(message.client_order_ids or ())]
    created = message.orders or []
    if by_id and by_client:
        raise refused(code.BULK_BOTH)
    if len(created) > BULK_MAX or len({leg.instrument for each in created for leg in each.legs}) > 1:
        raise refused(code.BULK_INSTRUMENTS)
    named = [
        *(requests.ApiGetOrderRequest(order_id=each) for each in by_id),
        *(requests.ApiGetOrderRequest(client_order_id=each) for each in by_client),
    ]
    rows = [row for each in named if (row := found(view, user, message=each)) is not None and row.is_open]
    _cancel(view, user, [row.id for row in rows])
    orders = [_created(view, call, each) for each in created]
    return BulkOrders(orders=orders, cancel_acks=[Ack(ack=True) for _ in named])


# ── what is set ──────────────────────────────────────────────────────────────────────────────────────────────────


def set_initial_leverage(view: VenueView, call: Call) -> messages.Success:
    user = accounts.sub_account(view, call)
    listed = given.instrument(view, call.message.instrument)
    _set_leverage(view, user, listed, _amount(call.message.leverage, "leverage"))
    return messages.Success(success=True)


def _set_leverage(view: VenueView, user: int, listed: VenueInstrument, leverage: Decimal) -> None:
    if leverage < ONE:
        raise refused(code.LEVERAGE_LOW)
    outcome = view.submit(user, commands.SetLeverage(instrument=listed.symbol, leverage=leverage))
    if isinstance(outcome, Rejected):
        high = outcome.reason is Refusal.LEVERAGE_TOO_HIGH
        raise refused(code.LEVERAGE_HIGH, outcome.detail) if high else code.rejected(outcome.reason, outcome.detail)


def set_position_config(view: VenueView, call: Call) -> Ack:
    """*Ours*: its signature is not verified, because no client shows what it covers."""
    message: requests.SetPositionConfig = call.message
    user = accounts.sub_account(view, call)
    listed = given.instrument(view, message.instrument)
    mode = words.MARGIN_MODES[given.member(words.POSITION_MARGIN_TYPE, message.margin_type, field="margin_type")]
    _do(view, user, commands.SetMarginMode(instrument=listed.symbol, mode=cast("commands.MarginMode", mode)))
    if leverage := _amount(message.leverage, "leverage"):
        _set_leverage(view, user, listed, leverage)
    return Ack(ack=True)


def _do(view: VenueView, user: int, command: commands.Command) -> None:
    outcome = view.submit(user, command)
    if isinstance(outcome, Rejected):
        raise code.rejected(outcome.reason, outcome.detail)


def get_authorized_builders(view: VenueView, call: Call) -> messages.Builders:
    """None: the venue knows no builders."""
    accounts.main_account(view, call)
    return messages.Builders(results=[])


def authorize_builder(view: VenueView, call: Call) -> Result[Ack]:
    """Acknowledged where it is signed, and then forgotten: no order's fee is shared here."""
    message: requests.AuthorizeBuilder = call.message
    accounts.main_account(view, call)
    try:
        struct_hash = eip712.authorize_hash(
            main=signing.address(message.main_account_id, "main_account_id"),
            builder=signing.address(message.builder_account_id, "builder_account_id"),
            rates=(
                signing.fee_rate(message.max_futures_fee_rate, "max_futures_fee_rate"),
                signing.fee_rate(message.max_spot_fee_rate, "max_spot_fee_rate"),
            ),
            nonce=signing.number(message.signature.nonce, "nonce"),
            expiration=signing.number(message.signature.expiration, "expiration"),
        )
    except (Malformed, OverflowError) as error:
        raise refused(code.MALFORMED, str(error)) from None
    verified.builder(view, struct_hash, signature=message.signature, login=accounts.login(call))
    return Result(result=Ack(ack=True))
