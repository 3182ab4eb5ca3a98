"""From the paper exchange's rows to ALP.COM's answers about margin, one function per route; see ``serve.py``. Its twin
is ``read_margin.py``.

*Ours*, because no document says it: a pair asks for its isolated wallet; a history is by the time of its rows, interest
by the hour for which it accrued; a movement is never open; rows of isolated wallets say their pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from nostro.domain.values import number
from nostro.exchanges.alp import given, messages, requests, words, written
from nostro.exchanges.alp.dialects import Dialect
from nostro.exchanges.alp.refusals import bad_input
from nostro.link.commands import ISOLATED
from nostro.link.declare import Call
from nostro.link.view import VenueLiquidation, VenueView

RowT = TypeVar("RowT")


def loans(view: VenueView, call: Call, *, dialect: Dialect) -> list[messages.Loan]:
    query: requests.LoansQuery = call.message
    if bool(query.isolated_margin) == bool(query.cross_margin):
        raise bad_input("isolated_margin", "exactly one of isolated_margin and cross_margin must be true")
    return [
        messages.Loan(
            id=row.id,
            account_id=row.user,
            borrowed=number(row.principal),
            interest=number(row.interest),
            currency=row.asset,
            wallet_type=written.wallet(row.wallet),
            pair=written.wallet_pair(dialect, row.wallet),
        )
        for user in given.users(view, call)
        for row in view.loans(user)
        if row.wallet.startswith(ISOLATED) == bool(query.isolated_margin)
    ]


def _history(view: VenueView, call: Call, rows: Callable[..., Iterator[RowT]], **more: Any) -> Iterator[RowT]:
    """The rows of one list in its window and of its filters."""
    query: requests.MarginQuery | requests.ClosedMarginQuery = call.message
    since_ns, until_ns = given.window(query.start_time, query.end_time, now_ns=view.now_ns())
    symbol, asset = given.symbol(view, query.pair), given.asset(view, query.currency)
    wallet = None if symbol is None else f"{ISOLATED}{symbol}"
    asked = partial(rows, wallet=wallet, asset=asset, since_ns=since_ns, until_ns=until_ns, **more)
    return given.by_time(view, call, rows=asked)


def transfers(view: VenueView, call: Call, *, dialect: Dialect) -> Iterator[messages.MarginTransfer]:
    """``note`` and ``pair`` are empty where there are none: the client needs both."""
    if call.message.open_only:
        return iter(())
    return (
        messages.MarginTransfer(
            id=row.id,
            account_id=row.user,
            amount=number(row.amount),
            currency=row.asset,
            date=written.time(row.time_ns),
            direction=words.DIRECTIONS_WRITTEN[row.direction],
            wallet_type=written.wallet(row.wallet),
            note=row.note,
            pair=written.wallet_pair(dialect, row.wallet) or "",
        )
        for row in _history(view, call, view.movements)
    )


def borrows(view: VenueView, call: Call, *, dialect: Dialect) -> Iterator[messages.Borrow]:
    return (
        messages.Borrow(
            id=row.id,
            account_id=row.user,
            borrowed=number(row.amount),
            date=written.time(row.time_ns),
            interest_accrued=number(row.accrued),
            interest_paid=number(row.paid),
            interest_rate=number(row.rate),
            repaid=number(row.repaid),
            last_interest_at=dialect.no_text if row.interest_ns is None else written.time(row.interest_ns),
            opened_at=written.time(row.time_ns),
            type=written.loan_type(dialect, row.type),
            wallet_type=written.wallet(row.wallet),
            pair=written.wallet_pair(dialect, row.wallet),
        )
        for row in _history(view, call, view.borrows, open_only=bool(call.message.open_only))
    )


def repays(view: VenueView, call: Call, *, dialect: Dialect) -> Iterator[messages.Repay]:
    return (
        messages.Repay(
            id=row.id,
            account_id=row.user,
            interest_amount=number(row.interest),
            principal_amount=number(row.principal),
            currency=row.asset,
            date=written.time(row.time_ns),
            type=written.loan_type(dialect, row.type),
            wallet_type=written.wallet(row.wallet),
            pair=written.wallet_pair(dialect, row.wallet),
        )
        for row in _history(view, call, view.repayments)
    )


def interests(view: VenueView, call: Call, *, dialect: Dialect) -> Iterator[messages.Interest]:
    return (
        messages.Interest(
            id=row.id,
            account_id=row.user,
            borrow_id=row.borrow,
            currency=row.asset,
            interest_accrued=number(row.accrued),
            interest_paid=number(row.paid),
            interest_rate=number(row.rate),
            wallet_type=written.wallet(row.wallet),
            pair=written.wallet_pair(dialect, row.wallet),
        )
        for row in _history(view, call, view.interest)
    )


def liquidations(view: VenueView, call: Call, *, dialect: Dialect) -> Iterator[messages.Liquidation]:
    return (
        _liquidation(dialect, row)
        for row in _history(view, call, view.liquidations)
        if row.done_ns is None or not call.message.open_only
    )


def _liquidation(dialect: Dialect, row: VenueLiquidation) -> messages.Liquidation:
    """The document shows an empty ``closed_at`` and whole lists; the client takes neither an empty time nor a null."""

    def ids(numbers: tuple[int, ...]) -> list[int] | UnsetType:
        return list(numbers) if numbers or dialect.shows_nulls else UNSET

    unclosed = "" if dialect.shows_nulls else UNSET
    return messages.Liquidation(
        id=row.id,
        account_id=row.user,
        created_at=written.time(row.time_ns),
        wallet_type=written.wallet(row.wallet),
        margin_level=number(row.level),
        closed_at=unclosed if row.done_ns is None else written.time(row.done_ns),
        amount=number(row.amount),
        fund_amount=number(row.fund),
        currency=row.asset,
        pair=written.wallet_pair(dialect, row.wallet),
        order_closed=ids(row.orders_closed),
        order_created=ids(row.orders_created),
        borrow_closed=ids(row.borrows_closed),
        repay_created=ids(row.repayments_created),
    )
