"""What the book must hold of margin, told by the venue alone: see ``truth.py``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from nostro.book.book import Book
from nostro.domain.records import Fact, Interest
from nostro.domain.values import canonical
from nostro.paper.venue.venue import Venue


def number(amount: object) -> str:
    return "" if amount is None else canonical(amount)  # type: ignore[arg-type]


def held(book: Book, account: str, name: str) -> Counter[tuple[str, ...]]:
    """The rows of one kind that the book holds of an account."""
    kind = KINDS[name]
    facts: Iterable[Fact] = book.latest_states(kind, account) if kind == "loan" else book.facts(kind, account)
    return Counter(ROWS[name](fact) for fact in facts)


def _of(fact: Any, *fields: str) -> tuple[str, ...]:
    shown = (getattr(fact, field) for field in fields)
    texts = (number(value) if isinstance(value, Decimal | None) else str(value) for value in shown)
    return (fact.sub_account, fact.wallet, str(fact.native_id), fact.asset, *texts)


def _time(time_ns: int | None) -> str:
    return "" if time_ns is None else str(time_ns // 1000)


# Each row as (whose, wallet, id, asset, ...); of interest without its time.
ROWS: dict[str, Callable[[Any], tuple[str, ...]]] = {
    "loans": lambda fact: _of(fact, "principal", "interest"),
    "borrows": lambda fact: (
        *_of(fact, "amount", "repaid", "interest_accrued", "interest_paid", "interest_rate", "type", "status"),
        _time(fact.effective_ns), _time(fact.last_interest_ns),
    ),
    "repayments": lambda fact: (*_of(fact, "principal", "interest", "type"), _time(fact.effective_ns)),
    "interest": lambda fact: _of(fact, "accrued", "paid", "rate", "borrow_id"),
    "liquidations": lambda fact: (
        *_of(fact, "amount", "fund_amount", "margin_level", "status", "orders_closed", "orders_created",
             "borrows_closed", "repayments_created"),
        _time(fact.effective_ns), _time(fact.closed_ns),
    ),
}  # fmt: skip
KINDS = {
    "loans": "loan", "borrows": "borrow", "repayments": "repayment", "interest": "interest",
    "liquidations": "liquidation",
}  # fmt: skip
STREAMS = ("margin_transfers", "borrows", "repayments", "interest", "liquidations")


def of_user(venue: Venue, user: int) -> dict[str, list[tuple[str, ...]]]:
    def shown(row: Any, *values: object) -> tuple[str, ...]:
        texts = (number(value) if isinstance(value, Decimal) else str(value) for value in values)
        return (str(row.user), row.wallet, str(row.id), row.asset, *texts)

    def ids(numbers: Iterable[int]) -> tuple[str, ...]:
        return tuple(str(each) for each in numbers)

    return {
        "loans": [shown(row, row.principal, row.interest) for row in venue.loans(user)],
        "borrows": [
            shown(row, row.amount, row.repaid, row.accrued, row.paid, row.rate, row.type,
                  "open" if row.done_ns is None else "closed", _time(row.time_ns), _time(row.interest_ns))
            for row in venue.borrows(user)
        ],
        "repayments": [
            shown(row, row.principal, row.interest, row.type, _time(row.time_ns)) for row in venue.repayments(user)
        ],
        "interest": [shown(row, row.accrued, row.paid, row.rate, row.borrow) for row in venue.interest(user)],
        "liquidations": [
            shown(row, row.amount, row.fund, row.level, "open" if row.done_ns is None else "closed",
                  ids(row.orders_closed), ids(row.orders_created), ids(row.borrows_closed),
                  ids(row.repayments_created), _time(row.time_ns), _time(row.done_ns))
            for row in venue.liquidations(user)
        ],
        "movements": [
            (str(user), str(row.id), "internal", row.asset, number(row.amount), "done", "None",
             *(("spot", row.wallet) if row.direction == "add" else (row.wallet, "spot")), _time(row.time_ns))
            for row in venue.movements(user)
        ],
    }  # fmt: skip


def inside(book: Book, venue: Venue, user: int, *, account: str) -> None:
    """Asserts that every row of interest came within the window in which the book says that it did."""
    times = {str(row.id): row.time_ns for each in (user, *venue.sub_accounts(user)) for row in venue.interest(each)}
    for row in book.facts("interest", account):
        assert isinstance(row, Interest) and row.effective_ns is not None and row.until_ns is not None
        assert row.effective_ns <= times[str(row.native_id)] < row.until_ns, row
