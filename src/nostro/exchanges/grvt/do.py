"""What can be done at GRVT in our words: how a command becomes the route's body, an order signed, and which facts the
answer acknowledges. It decides nothing about whether it happened (``link/writes.py``).

An order's end is its signature's, at most 30 days from now; an order without one gets that (Source: the exchange's
documentation of signatures). A fee for a third party, which others add to orders, is never added here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from nostro import errors
from nostro.domain import records
from nostro.domain.fact import Fact
from nostro.domain.values import DAY_NS, SECOND_NS, canonical
from nostro.exchanges.grvt import eip712, messages, read, requests, signing, words, written
from nostro.exchanges.grvt.accounts import PRIVATE_KEY
from nostro.exchanges.grvt.ask import order_id
from nostro.exchanges.grvt.orders import (
    Order,
    OrderLeg,
    OrderMetadata,
    TPSLOrderMetadata,
    TriggerOrderMetadata,
)
from nostro.exchanges.grvt.routes import Form, route
from nostro.link.commands import FUTURES, CancelAll, CancelOrders, PlaceOrder, SetLeverage
from nostro.link.declare import Credentials, Do, Given

LIFE_MAX_NS: Final = 30 * DAY_NS - 60 * SECOND_NS  # with a minute for clocks that differ
CLIENT_IDS_FROM: Final = 2**63  # Source: the range that is recommended to clients
CLIENT_IDS_END: Final = 2**64


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


def place(command: PlaceOrder, given: Given) -> requests.CreateOrder:
    """What the wire cannot say is refused here, because an exchange that ignores it would do something else."""
    _check_sayable(command)
    credentials = _credentials(given)
    listed = _listed(command.instrument, given.facts)
    order = _unsigned(command, given, sub_account=_member(credentials, "sub_account_id"))
    try:
        terms = signing.typed(order, lambda _: listed)
        signed = eip712.digest(eip712.order_hash(terms), eip712.CHAIN)
    except (ValueError, OverflowError) as error:
        raise errors.BadValue(
            f"the order cannot be signed: {error}", hint="nothing was sent", exchange="grvt"
        ) from None
    private_key = _member(credentials, PRIVATE_KEY)
    mark = eip712.sign(signed, private_key)
    signature = msgspec.structs.replace(
        order.signature, signer=eip712.address_of(private_key), r=mark.r, s=mark.s, v=mark.v
    )
    return requests.CreateOrder(order=msgspec.structs.replace(order, signature=signature))


def _unsigned(command: PlaceOrder, given: Given, *, sub_account: str) -> Order:
    ends = [end_ns for end_ns in (command.valid_till_ns, command.expire_after_ns) if end_ns is not None]
    ends_ns = min(ends, default=given.now_ns + LIFE_MAX_NS)
    if ends_ns > given.now_ns + LIFE_MAX_NS:
        raise _unsaid("an order that ends in more than 30 days")
    market = command.type in ("market", "stop_market")
    leg = OrderLeg(
        instrument=words.code(command.instrument),
        size=_text(command.amount or Decimal(0)),
        limit_price=_text(Decimal(0) if market else command.price or Decimal(0)),
        is_buying_asset=command.side == "buy",
    )
    return Order(
        sub_account_id=sub_account,
        is_market=market,
        time_in_force=words.TIMES_IN_FORCE_WRITTEN[command.time_in_force],
        post_only=command.post_only,
        reduce_only=command.reduce_only,
        legs=[leg],
        signature=messages.Signature(signer="", r="", s="", v=0, expiration=str(ends_ns), nonce=given.nonce),
        metadata=OrderMetadata(client_order_id=_client_id(command, given), trigger=_trigger(command)),
    )


def _text(amount: Decimal) -> msgspec.Raw:
    return msgspec.Raw(f'"{canonical(amount)}"'.encode())


def _client_id(command: PlaceOrder, given: Given) -> str:
    """A number of 64 bits; where none is given, one that follows from the time and from what nobody knows before."""
    text = command.client_id
    if not text:
        return str(CLIENT_IDS_FROM + ((given.now_ns << 8) + given.nonce % 256) % CLIENT_IDS_FROM)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < CLIENT_IDS_END):
        raise errors.BadValue(
            f"client_id is {text[:40]!a}, GRVT takes a positive whole number of 64 bits", hint="nothing was sent",
            exchange="grvt",
        )  # fmt: skip
    return text


def _trigger(command: PlaceOrder) -> TriggerOrderMetadata | None:
    if command.stop_price is None:
        return None
    kind = words.TRIGGER_TYPES[(command.side, command.stop_operator or "gte")]
    tpsl = TPSLOrderMetadata(
        trigger_by=words.TRIGGERS_WRITTEN[command.trigger], trigger_price=_text(command.stop_price),
        close_position=False, is_split_position=False,
    )  # fmt: skip
    return TriggerOrderMetadata(trigger_type=kind, tpsl=tpsl)


def _check_sayable(command: PlaceOrder) -> None:
    if command.wallet not in ("", FUTURES):
        raise _unsaid(f"the wallet {command.wallet[:40]}")
    if command.quote_amount is not None:
        raise _unsaid("an amount in quote units")
    if command.side_effect != "none":
        raise _unsaid("a side effect")
    if command.position_side != "both":
        raise _unsaid("a side of a position")


def _unsaid(what: str) -> errors.NotSupported:
    return errors.NotSupported(f"GRVT's wire cannot say {what}", hint="nothing was sent", exchange="grvt")


def _listed(instrument: str, facts: Sequence[Fact]) -> signing.Listed:
    """What a signature needs of the instrument. Raises `errors.NotFound`."""
    for fact in facts:
        if isinstance(fact, records.Instrument) and instrument in (fact.instrument, fact.code) and fact.hash:
            return signing.Listed(int(fact.hash, 16), int(fact.extra.get("base_decimals", "0")))
    raise errors.NotFound(
        f"GRVT lists no instrument {instrument[:40]!a}", hint="instruments() shows what it has; nothing was sent",
        exchange="grvt",
    )  # fmt: skip


def _credentials(given: Given) -> Credentials:
    if given.credentials is None:
        raise errors.Unauthorized("GRVT orders need a key", hint="open the account with key= and private_key=")
    return given.credentials


def _member(credentials: Credentials, name: str) -> str:
    value = credentials.extra.get(name)
    if not value:
        raise errors.BadValue(f"GRVT needs {name} for this", hint=f"open the account with {name}=", exchange="grvt")
    return value


def _sub_account(given: Given) -> str:
    return _member(_credentials(given), "sub_account_id")


def cancel(command: CancelOrders, given: Given) -> requests.ApiCancelOrderRequest:
    if len(command.order_ids) != 1:
        raise _unsaid("a cancel of several orders at once")
    named = command.order_ids[0]
    return requests.ApiCancelOrderRequest(
        sub_account_id=_sub_account(given),
        order_id=order_id(named) if isinstance(named, str) else written.order_id(named),
    )


def cancel_all(command: CancelAll, given: Given) -> requests.ApiCancelAllOrdersRequest:
    """Of one instrument by kind, base and quote: on the perpetuals that is the one."""
    if command.instrument is None:
        return requests.ApiCancelAllOrdersRequest(sub_account_id=_sub_account(given))
    code = words.code(command.instrument)
    if words.instrument(code) == code:
        raise _unsaid(f"all orders of {code[:40]} alone")
    base, quote, _ = code.split("_")
    return requests.ApiCancelAllOrdersRequest(
        sub_account_id=_sub_account(given), kind=["PERPETUAL"], base=[base], quote=[quote]
    )


def set_leverage(command: SetLeverage, given: Given) -> requests.SetInitialLeverage:
    if command.leverage is None:
        raise _unsaid("a leverage as high as possible")
    if command.position_side != "both":
        raise _unsaid("a leverage of one side")
    return requests.SetInitialLeverage(
        sub_account_id=_sub_account(given),
        instrument=words.code(command.instrument),
        leverage=_text(command.leverage),
    )


# ── what the answers acknowledge ─────────────────────────────────────────────────────────────────────────────────


def placed(_: PlaceOrder, answer: messages.Result[Order]) -> Iterator[records.Order]:
    """Accepted and without an id yet: that is learned from the lists and streams, by the client's."""
    yield read.order(answer.result)


def canceled(command: CancelOrders, _: messages.Result[messages.Ack]) -> Iterator[records.Order]:
    """That it was received is all that the answer says."""
    for named in command.order_ids:
        yield records.Order(native_id=str(named), wallet=FUTURES, instrument="", side="", type="")


def all_canceled(_: CancelAll, __: messages.Result[messages.Ack]) -> Iterator[records.Order]:
    """The answer names none of them."""
    yield from ()


def leverage_set(command: SetLeverage, answer: messages.Success) -> Iterator[records.Leverage]:
    if answer.success:
        yield records.Leverage(instrument=command.instrument, leverage=command.leverage)


def dos(form: Form) -> tuple[Do, ...]:
    """All that can be done, in the dialect's encoding."""
    return (
        Do(
            capability="place", route=route(form, "create_order"), request=place, read=placed, needs="instruments"
        ),
        Do(capability="cancel", route=route(form, "cancel_order"), request=cancel, read=canceled),
        Do(capability="cancel_all", route=route(form, "cancel_all_orders"), request=cancel_all, read=all_canceled),
        Do(
            capability="set_leverage", route=route(form, "set_initial_leverage"), request=set_leverage,
            read=leverage_set,
        ),
    )  # fmt: skip
