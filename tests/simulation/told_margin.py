"""Lies about debts: rows of borrowings, repayments, interest, transfers between wallets, liquidations and loans that
are deleted, doubled or altered. They are told answer by answer, by the row's id: some of these rows say neither when
they are of nor in which asset."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

from nostro.domain.values import ZERO
from simulation.lies import Asked, Row, amount, put, text, time
from simulation.stage import Stage
from simulation.told import TELLERS, Teller, Told, pick
from simulation.verdicts import (
    ACCRUED,
    BORROWED,
    LIQUIDATED,
    MOVED,
    OWED_INTEREST,
    OWED_PRINCIPAL,
    PAID,
    RATE,
    REPAID,
    REPAID_PRINCIPAL,
    TAKEN,
    Want,
)

NEW_ID = "99999"
Change = Callable[[Row], list[Row]]


def each_time(victim: Row, change: Change) -> Callable[[list[Row], Asked], list[Row]]:
    """The row with the victim's id becomes these, in every answer."""

    def told(rows: list[Row], asked: Asked) -> list[Row]:
        return [other for row in rows for other in (change(row) if text(row, "id") == text(victim, "id") else [row])]

    return told


def gone(row: Row) -> list[Row]:
    return []


def twice(row: Row) -> list[Row]:
    return [row, put(row, "id", NEW_ID.encode())]


def other(member: str, more: Decimal) -> Change:
    return lambda row: [put(row, member, amount(row, member) + more)]


def want(check: str, name: str, asset: str, *, needed: bool = True, size: Decimal | None = None) -> Want:
    return Want(check=check, names=(name, "negative_debt"), subjects=(asset,), needed=needed, size=size)


def teller(
    table: str, change: Callable[[Row], Change], wants: Callable[[Row], list[Want]], *, where: Callable[[Row], bool],
    dated: str = "date",
) -> Teller:  # fmt: skip
    def tell(here: Stage, draw: random.Random) -> Told | None:
        row = pick(here.margin[table], draw, where=where)
        if row is None:
            return None
        times = [time(row, dated)] if dated else []
        answers = {table: each_time(row, change(row))}
        return Told({}, wants(row), times, answers=answers, dated=bool(dated))

    return tell


def asset_of(row: Row) -> str:
    return text(row, "currency")


def any_debt(row: Row) -> list[Want]:
    """Anything about debts in this asset, and nothing else."""
    asset = asset_of(row)
    names = {
        OWED_PRINCIPAL: "principal_differs", OWED_INTEREST: "interest_differs",
        REPAID_PRINCIPAL: "repaid_principal_differs", PAID: "paid_interest_differs",
        ACCRUED: "accrued_interest_differs", RATE: "accrual_differs",
    }  # fmt: skip
    return [want(check, name, asset, needed=False) for check, name in names.items()]


# ── repayments ───────────────────────────────────────────────────────────────────────────────────────────────────


def paid(row: Row) -> Decimal:
    return amount(row, "principal_amount") + amount(row, "interest_amount")


def repaid_otherwise(row: Row) -> list[Want]:
    principal, asset = amount(row, "principal_amount"), asset_of(row)
    return [
        want(OWED_PRINCIPAL, "principal_differs", asset, size=principal),
        want(REPAID_PRINCIPAL, "repaid_principal_differs", asset, size=principal),
        want(REPAID, "repayments_differ", asset, size=paid(row)), *any_debt(row),
    ]  # fmt: skip


def repaid_more(row: Row) -> list[Want]:
    asset = asset_of(row)
    return [
        want(OWED_PRINCIPAL, "principal_differs", asset, size=Decimal(1)),
        want(REPAID_PRINCIPAL, "repaid_principal_differs", asset, size=Decimal(1)),
        want(REPAID, "repayments_differ", asset, size=Decimal(1)), *any_debt(row),
    ]  # fmt: skip


def of_principal(row: Row) -> bool:
    return bool(amount(row, "principal_amount"))


TELLERS["a_repayment_deleted"] = teller("repays", lambda row: gone, repaid_otherwise, where=of_principal)
TELLERS["a_repayment_doubled_with_a_new_id"] = teller("repays", lambda row: twice, repaid_otherwise, where=of_principal)
TELLERS["a_repayment_of_another_amount"] = teller(
    "repays", lambda row: other("principal_amount", Decimal(1)), repaid_more, where=of_principal
)


# ── borrowings ───────────────────────────────────────────────────────────────────────────────────────────────────


def borrowed_otherwise(size: Callable[[Row], Decimal]) -> Callable[[Row], list[Want]]:
    return lambda row: [
        want(BORROWED, "borrowings_differ", asset_of(row), size=size(row)),
        want(OWED_PRINCIPAL, "principal_differs", asset_of(row), size=size(row)), *any_debt(row),
    ]  # fmt: skip


def always(row: Row) -> bool:
    return True


TELLERS["a_borrowing_deleted"] = teller(
    "borrows", lambda row: gone, borrowed_otherwise(lambda row: amount(row, "borrowed")), where=always
)
TELLERS["a_borrowing_doubled_with_a_new_id"] = teller(
    "borrows", lambda row: twice, borrowed_otherwise(lambda row: amount(row, "borrowed")), where=always
)
TELLERS["a_borrowing_of_another_amount"] = teller(
    "borrows", lambda row: other("borrowed", Decimal(3)), borrowed_otherwise(lambda row: Decimal(3)), where=always
)
TELLERS["a_borrowing_of_which_more_is_repaid"] = teller(
    "borrows", lambda row: other("repaid", Decimal(3)),
    lambda row: [want(REPAID_PRINCIPAL, "repaid_principal_differs", asset_of(row), size=Decimal(3)), *any_debt(row)],
    where=always,
)  # fmt: skip
TELLERS["a_borrowing_of_which_more_interest_is_paid"] = teller(
    "borrows", lambda row: other("interest_paid", Decimal(3)),
    lambda row: [want(PAID, "paid_interest_differs", asset_of(row), size=Decimal(3)), *any_debt(row)],
    where=always,
)  # fmt: skip
TELLERS["a_borrowing_of_which_more_interest_accrued"] = teller(
    "borrows", lambda row: other("interest_accrued", Decimal(3)),
    lambda row: [want(ACCRUED, "accrued_interest_differs", asset_of(row), size=Decimal(3)), *any_debt(row)],
    where=always,
)  # fmt: skip


# ── interest ─────────────────────────────────────────────────────────────────────────────────────────────────────


def accrued_otherwise(row: Row) -> list[Want]:
    size = amount(row, "interest_accrued")
    return [want(ACCRUED, "accrued_interest_differs", asset_of(row), size=size), *any_debt(row)]


def accrues(row: Row) -> bool:
    return bool(amount(row, "interest_accrued"))


TELLERS["a_row_of_interest_deleted"] = teller("interests", lambda row: gone, accrued_otherwise, where=accrues, dated="")
TELLERS["a_row_of_interest_doubled_with_a_new_id"] = teller(
    "interests", lambda row: twice, accrued_otherwise, where=accrues, dated=""
)
TELLERS["a_row_of_interest_of_twice_the_amount"] = teller(
    "interests", lambda row: other("interest_accrued", amount(row, "interest_accrued")), accrued_otherwise,
    where=accrues, dated="",
)  # fmt: skip


# ── transfers, liquidations, loans ───────────────────────────────────────────────────────────────────────────────


def moved_otherwise(size: Callable[[Row], Decimal]) -> Callable[[Row], list[Want]]:
    return lambda row: [want(MOVED, "transfers_differ", asset_of(row), size=size(row))]


TELLERS["a_transfer_between_wallets_deleted"] = teller(
    "margin_transfers", lambda row: gone, moved_otherwise(lambda row: amount(row, "amount")), where=always
)
TELLERS["a_transfer_between_wallets_of_another_amount"] = teller(
    "margin_transfers", lambda row: other("amount", Decimal(2)), moved_otherwise(lambda row: Decimal(2)), where=always
)


def paid_by_fund(row: Row) -> list[Want]:
    taken = Want(check=TAKEN, names=("entry_without_liquidation",), needed=False)
    return [want(LIQUIDATED, "liquidations_differ", asset_of(row)), taken]


TELLERS["a_liquidation_deleted"] = teller(
    "liquidations", lambda row: gone, paid_by_fund, where=lambda row: bool(amount(row, "fund_amount")),
    dated="created_at",
)  # fmt: skip
TELLERS["a_liquidation_for_which_the_fund_paid_more"] = teller(
    "liquidations", lambda row: other("fund_amount", Decimal(2)), paid_by_fund, where=always, dated="created_at"
)


def owed_otherwise(size: Callable[[Row], Decimal]) -> Callable[[Row], list[Want]]:
    return lambda row: [
        want(OWED_PRINCIPAL, "principal_differs", asset_of(row), size=size(row)),
        want(OWED_INTEREST, "interest_differs", asset_of(row), needed=False),
    ]


def owes(row: Row) -> bool:
    return amount(row, "borrowed") > ZERO


TELLERS["a_loan_that_is_not_listed"] = teller(
    "loans", lambda row: gone, owed_otherwise(lambda row: amount(row, "borrowed")), where=owes, dated=""
)
TELLERS["a_loan_of_another_amount"] = teller(
    "loans", lambda row: other("borrowed", Decimal(1)), owed_otherwise(lambda row: Decimal(1)), where=owes, dated=""
)
