"""From ALP.COM's answers about margin to our facts, one function per route; see ``read.py``. Its twin is
``serve_margin.py``.

*Ours*: the status of a borrowing and of a liquidation, which rows do not have; and where a row of an isolated wallet
does not say whose it is, all such wallets of an account are one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from nostro.domain import records
from nostro.domain.values import exact, parse_time, token
from nostro.exchanges.alp import members, messages, words
from nostro.link.commands import BARE_ISOLATED
from nostro.link.declare import Query

StateT = TypeVar("StateT", records.Balance, records.Loan)  # a state of one asset in one wallet


def added_up(states: Iterable[StateT], both: Callable[[StateT, StateT], StateT]) -> Iterable[StateT]:
    """The states, where those of isolated wallets that cannot be told apart are one: what they come to together is all
    that the rows say, and none of them may take another's place."""
    found: dict[object, StateT] = {}
    for state in states:
        bare = state.wallet == BARE_ISOLATED
        key: object = (state.sub_account, state.asset) if bare else state.offset
        before = found.get(key)
        found[key] = state if before is None else both(before, state)
    return found.values()


def loans(_: Query, answer: list[messages.Loan]) -> Iterator[records.Loan]:
    yield from added_up(_loans(answer), _both)


def _both(one: records.Loan, other: records.Loan) -> records.Loan:
    """Two debts as one, which has no id of its own."""
    return msgspec.structs.replace(
        one,
        native_id=None,
        principal=members.total(one.principal, other.principal),
        interest=members.total(one.interest, other.interest),
    )


def _loans(answer: list[messages.Loan]) -> Iterator[records.Loan]:
    for offset, row in enumerate(answer):
        yield records.Loan(
            offset=offset,
            sub_account=str(row.account_id),
            wallet=words.wallet(row.wallet_type, row.pair),
            native_id=str(row.id),
            asset=row.currency,
            principal=exact(row.borrowed, "borrowed"),
            interest=exact(row.interest, "interest"),
        )


def transfers(_: Query, answer: list[messages.MarginTransfer]) -> Iterator[records.Transfer]:
    """Between the spot wallet and the row's. A row is there once the money has moved."""
    for offset, row in enumerate(answer):
        wallet = words.wallet(row.wallet_type, row.pair)
        direction = token(words.DIRECTIONS, row.direction)
        ends = {"add": ("spot", wallet), "sub": (wallet, "spot")}.get(direction, (None, None))
        yield records.Transfer(
            offset=offset,
            sub_account=str(row.account_id),
            wallet=wallet,
            native_id=str(row.id),
            effective_ns=parse_time(row.date, "date"),
            direction="internal",
            asset=row.currency,
            amount=exact(row.amount, "amount"),
            status="done",
            from_wallet=ends[0],
            to_wallet=ends[1],
            note=members.optional(row.note),
            extra=members.extra(direction=row.direction, pair=None if ":" in wallet else row.pair),
        )


def borrows(query: Query, answer: list[messages.Borrow]) -> Iterator[records.Borrow]:
    """The asset is the one asked for. ``opened_at`` and ``date`` of a borrowing are both given, and not explained."""
    asset = query.where["asset"]
    for offset, row in enumerate(answer):
        amount, repaid = exact(row.borrowed, "borrowed"), exact(row.repaid, "repaid")
        accrued, paid = exact(row.interest_accrued, "interest_accrued"), exact(row.interest_paid, "interest_paid")
        yield records.Borrow(
            offset=offset,
            sub_account=str(row.account_id),
            wallet=words.wallet(row.wallet_type, row.pair),
            native_id=str(row.id),
            effective_ns=parse_time(row.date, "date"),
            asset=asset,
            amount=amount,
            repaid=repaid,
            interest_accrued=accrued,
            interest_paid=paid,
            interest_rate=exact(row.interest_rate, "interest_rate"),
            type=token(words.LOAN_TYPES, row.type),
            status="closed" if repaid >= amount and paid >= accrued else "open",
            opened_ns=parse_time(row.opened_at, "opened_at"),
            last_interest_ns=members.time(row.last_interest_at, "last_interest_at"),
        )


def repays(_: Query, answer: list[messages.Repay]) -> Iterator[records.Repayment]:
    for offset, row in enumerate(answer):
        yield records.Repayment(
            offset=offset,
            sub_account=str(row.account_id),
            wallet=words.wallet(row.wallet_type, row.pair),
            native_id=str(row.id),
            effective_ns=parse_time(row.date, "date"),
            asset=row.currency,
            principal=exact(row.principal_amount, "principal_amount"),
            interest=exact(row.interest_amount, "interest_amount"),
            type=token(words.LOAN_TYPES, row.type),
        )


def interests(query: Query, answer: list[messages.Interest]) -> Iterator[records.Interest]:
    """The time is somewhere in the window asked for."""
    for offset, row in enumerate(answer):
        yield records.Interest(
            offset=offset,
            sub_account=str(row.account_id),
            wallet=words.wallet(row.wallet_type, row.pair),
            native_id=str(row.id),
            effective_ns=query.since_ns,
            until_ns=query.until_ns,
            asset=row.currency,
            accrued=exact(row.interest_accrued, "interest_accrued"),
            paid=exact(row.interest_paid, "interest_paid"),
            rate=exact(row.interest_rate, "interest_rate"),
            borrow_id=str(row.borrow_id),
        )


def liquidations(_: Query, answer: list[messages.Liquidation]) -> Iterator[records.Liquidation]:
    for offset, row in enumerate(answer):
        pair = members.optional(row.pair)
        closed_ns = members.time(row.closed_at, "closed_at")
        yield records.Liquidation(
            offset=offset,
            sub_account=str(row.account_id),
            wallet=words.wallet(row.wallet_type, pair),
            native_id=str(row.id),
            effective_ns=parse_time(row.created_at, "created_at"),
            asset=row.currency,
            amount=exact(row.amount, "amount"),
            fund_amount=exact(row.fund_amount, "fund_amount"),
            margin_level=exact(row.margin_level, "margin_level"),
            instrument=None if pair is None else words.instrument(pair),
            status="open" if closed_ns is None else "closed",
            closed_ns=closed_ns,
            orders_closed=members.ids(row.order_closed),
            orders_created=members.ids(row.order_created),
            borrows_closed=members.ids(row.borrow_closed),
            repayments_created=members.ids(row.repay_created),
        )
