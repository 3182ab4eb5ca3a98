"""What can be done at ALP.COM in our words: how a command becomes the route's body, and which facts the answer
acknowledges. It decides nothing about whether it happened (``link/writes.py``).

Source: API reference of 2023, the body tables and examples from Withdraw Request to Close Position.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any, Final

from msgspec import Raw

from nostro import errors
from nostro.domain import records
from nostro.domain.values import ABSENT, LATEST_NS, canonical, format_time, number, number_or_absent, token
from nostro.exchanges.alp import requests, routes, words
from nostro.exchanges.alp.dialects import Dialect
from nostro.link import commands
from nostro.link.commands import BARE_ISOLATED, CancelAll, CancelOrders, PlaceOrder, RequestWithdrawal
from nostro.link.declare import Do, Given

ISOLATED_TYPE: Final = words.WALLETS_WRITTEN[BARE_ISOLATED]

# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


def place(command: PlaceOrder, _: Given, *, dialect: Dialect) -> requests.PlaceOrder:
    """What the wire cannot say is refused here, because an exchange that ignores it would do something else."""
    written = _text_number if dialect.text_amounts else number_or_absent
    if command.post_only and not dialect.short:
        raise _unsaid("post_only")
    if dialect.short and command.time_in_force == "aon":
        raise _unsaid("the time in force aon")
    if dialect.short and (command.valid_till_ns or command.expire_after_ns):
        raise _unsaid("an end of an order")
    if dialect.short and command.side_effect != "none":
        raise _unsaid("a side effect")
    wallet_type, of_wallet = words.wallet_written(command.wallet)
    if wallet_type == ISOLATED_TYPE and of_wallet != command.instrument:
        raise _unsaid("another isolated wallet than the order's own instrument's")
    return requests.PlaceOrder(
        pair=words.pair(command.instrument),
        order_side=words.SIDES_WRITTEN[command.side],
        client_order_id=command.client_id or "1",
        wallet_type=wallet_type,
        side_effect=None if dialect.short else words.SIDE_EFFECTS_WRITTEN[command.side_effect],
        valid_till=None if command.valid_till_ns is None else format_time(command.valid_till_ns),
        expire_after=None if dialect.short else format_time(command.expire_after_ns or LATEST_NS),
        base_amount=written(command.amount),
        quote_amount=written(command.quote_amount),
        limit_price=written(command.price),
        stop_price=written(command.stop_price),
        stop_operator=None if command.stop_operator is None else command.stop_operator.upper(),
        order_type=words.TYPES_WRITTEN[command.type],
        tif=_time_in_force(dialect, command),
        post_only=command.post_only or None,
    )


def _time_in_force(dialect: Dialect, command: PlaceOrder) -> str | None:
    """As the client: market orders do not say it, unless they must; in 2026 what is not said is GTC."""
    if command.time_in_force == "gtc" and (dialect.short or command.type == "market"):
        return None
    return words.TIMES_IN_FORCE_WRITTEN[command.time_in_force]


def _text_number(amount: Decimal | None) -> Raw:
    return ABSENT if amount is None else Raw(f'"{canonical(amount)}"'.encode())


def _unsaid(what: str) -> errors.NotSupported:
    return errors.NotSupported(f"ALP.COM's wire cannot say {what}", hint="nothing was sent", exchange="alp")


def cancel(command: CancelOrders, _: Given) -> requests.CancelOrders:
    if wrong := [order_id for order_id in command.order_ids if not str(order_id).isdecimal()]:
        raise errors.BadValue(f"order_id is {wrong[0]!r}, expected a whole number", exchange="alp")
    return requests.CancelOrders(order_ids=[int(order_id) for order_id in command.order_ids])


def cancel_all(command: CancelAll, _: Given) -> requests.CancelOrders:
    if command.instrument is None:
        return requests.CancelOrders(all=True)
    return requests.CancelOrders(pair=words.pair(command.instrument))


def withdraw(command: RequestWithdrawal, _: Given) -> requests.RequestWithdrawal:
    return requests.RequestWithdrawal(
        amount=number(command.amount),
        method=command.method,
        attributes=command.attributes,
        client_order_id=command.client_id or None,
    )


def transfer(command: commands.MoveMargin, _: Given) -> requests.MarginTransfer:
    wallet_type, pair = _wallet(command.wallet)
    return requests.MarginTransfer(
        account_id=command.account,
        wallet_type=wallet_type,
        direction=words.DIRECTIONS_WRITTEN[command.direction],
        amount=number(command.amount),
        currency=command.asset,
        pair=pair,
        note=command.note or None,
    )


def borrow(command: commands.Borrow, _: Given) -> requests.Borrow:
    wallet_type, pair = _wallet(command.wallet)
    return requests.Borrow(
        account_id=command.account, borrow=number(command.amount), currency=command.asset, wallet_type=wallet_type,
        pair=pair, type=words.LOAN_TYPES_WRITTEN[command.type],
    )  # fmt: skip


def repay(command: commands.Repay, _: Given) -> requests.Repay:
    wallet_type, pair = _wallet(command.wallet)
    return requests.Repay(
        account_id=command.account, amount=number(command.amount), currency=command.asset, wallet_type=wallet_type,
        pair=pair, type=words.LOAN_TYPES_WRITTEN[command.type],
    )  # fmt: skip


def close_position(command: commands.ClosePosition, _: Given) -> requests.ClosePosition:
    wallet_type, pair = _wallet(command.wallet)
    return requests.ClosePosition(account_id=command.account, wallet_type=wallet_type, pair=pair)


def _wallet(wallet: str) -> tuple[str, str | None]:
    wallet_type, instrument = words.wallet_written(wallet)
    return wallet_type, None if instrument is None else words.pair(instrument)


# ── what the answers acknowledge ─────────────────────────────────────────────────────────────────────────────────


def placed(command: PlaceOrder, answer: list[int]) -> Iterator[records.Order]:
    """The new ids; that the order was taken is all that is known of its state."""
    for offset, order_id in enumerate(answer):
        yield records.Order(
            offset=offset,
            wallet=command.wallet,
            native_id=str(order_id),
            instrument=command.instrument,
            side=command.side,
            type=command.type,
            time_in_force=command.time_in_force,
            amount=command.amount,
            quote_amount=command.quote_amount,
            price=command.price,
            stop_price=command.stop_price,
            stop_operator=command.stop_operator,
            client_id=command.client_id or None,
            expires_ns=min(filter(None, (command.valid_till_ns, command.expire_after_ns)), default=None),
        )


def canceled(_: CancelOrders | CancelAll, answer: dict[str, str]) -> Iterator[records.Order]:
    """One row for each id that the answer names: canceled, or `Unknown` ("order not found"). All else about the order
    is not in the answer."""
    for offset, (order_id, said) in enumerate(answer.items()):
        status = token(words.ORDER_STATUSES, said)
        yield records.Order(offset=offset, native_id=order_id, instrument="", side="", type="", status=status)


def requested(command: RequestWithdrawal, _: Any) -> Iterator[records.Transfer]:
    """The answer is not documented; that there is one means that the request was taken. It names no id and no asset."""
    yield records.Transfer(
        direction="withdrawal",
        asset="",
        amount=command.amount,
        status="pending",
        client_id=command.client_id or None,
        extra={"method": canonical(Decimal(command.method))},
    )


def transferred(command: commands.MoveMargin, answer: int | list[int]) -> Iterator[records.Transfer]:
    ends = ("spot", command.wallet) if command.direction == "add" else (command.wallet, "spot")
    for native_id in _named(answer):
        yield records.Transfer(
            sub_account=str(command.account),
            wallet=command.wallet,
            native_id=native_id,
            direction="internal",
            asset=command.asset,
            amount=command.amount,
            status="done",
            from_wallet=ends[0],
            to_wallet=ends[1],
            note=command.note or None,
        )


def borrowed(command: commands.Borrow, answer: int | list[int]) -> Iterator[records.Borrow]:
    for native_id in _named(answer):
        yield records.Borrow(
            sub_account=str(command.account),
            wallet=command.wallet,
            native_id=native_id,
            asset=command.asset,
            amount=command.amount,
            type=command.type,
            status="open",
        )


def repaid(command: commands.Repay, answer: int | list[int]) -> Iterator[records.Repayment]:
    """How much of it was interest is not in the answer."""
    for native_id in _named(answer):
        yield records.Repayment(
            sub_account=str(command.account),
            wallet=command.wallet,
            native_id=native_id,
            asset=command.asset,
            type=command.type,
        )


def closed(command: commands.ClosePosition, answer: Any) -> Iterator[records.Order]:
    """The answer is not documented: a list of numbers is taken for the orders that it made (*ours*), and anything else
    for a yes."""
    made = answer if isinstance(answer, list) else []
    for offset, order_id in enumerate(each for each in made if isinstance(each, int)):
        yield records.Order(
            offset=offset, sub_account=str(command.account), wallet=command.wallet, native_id=str(order_id),
            instrument="", side="", type="",
        )  # fmt: skip


def _named(answer: int | list[int]) -> list[str]:
    """The ids that an answer names: the document shows one, the client needs a list of one; 0 is none."""
    return [str(number) for number in (answer if isinstance(answer, list) else [answer]) if number]


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────


def dos(dialect: Dialect) -> tuple[Do, ...]:
    """All that can be done in a dialect."""
    trading = (
        Do(capability="place", route=routes.PLACE, request=partial(place, dialect=dialect), read=placed),
        Do(capability="cancel", route=routes.CANCEL, request=cancel, read=canceled),
        Do(capability="cancel_all", route=routes.CANCEL, request=cancel_all, read=canceled),
    )
    if dialect.short:
        return trading
    return (
        *trading,
        Do(capability="withdraw", route=routes.WITHDRAW, request=withdraw, read=requested),
        Do(capability="transfer", route=routes.TRANSFER, request=transfer, read=transferred),
        Do(capability="borrow", route=routes.BORROW, request=borrow, read=borrowed),
        Do(capability="repay", route=routes.REPAY, request=repay, read=repaid),
        Do(capability="close_position", route=routes.CLOSE_POSITION, request=close_position, read=closed),
    )
