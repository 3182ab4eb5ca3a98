"""The nouns that are facts of one kind: orders, fills, entries, transfers, fees, debts and all that made them. It
decides which of their members a table shows, and that an answer about several accounts is as complete as the least
complete of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypedDict

import msgspec

from nostro.domain.answers import Answer, Interval
from nostro.domain.records import KINDS, Fact
from nostro.views.view import Column, CoverageLine, View

if TYPE_CHECKING:
    from nostro.book.book import Book

__all__ = ["FEES", "NOUNS", "ORDERS", "CoverageLine", "Noun", "Question", "facts", "shown_now", "together"]

SHOWN_ROWS: Final = 50  # of a table where nobody says how many: the newest; files and pipes get all


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the book, beside the noun. ``since_ns``, ``until_ns``: the half-open interval of effective
    times; ``as_of_ns``, ``known_at_ns``: the two clocks, None for now; ``where``: members that must equal a text."""

    since_ns: int | None = None
    until_ns: int | None = None
    as_of_ns: int | None = None
    known_at_ns: int | None = None
    where: dict[str, str] = {}


class Noun(msgspec.Struct, frozen=True, kw_only=True):
    """A noun: the kind of its facts, whether they are states (the latest holds) or events, and its table. ``made_by``:
    of states, the kind of the events behind them; where those may not be read, no state is no news."""

    name: str
    kind: str
    state: bool
    columns: tuple[Column, ...]
    made_by: str = ""


# Whose row it is: shown where there are several.
SUB_ACCOUNT: Final = Column(name="sub_account", heading="sub-account", rank=1)

ORDERS: Final = Noun(
    name="orders",
    kind="order",
    state=False,
    columns=(
        Column(name="effective_ns", heading="placed (UTC)", kind="time"),
        Column(name="native_id", heading="id", short=True),
        Column(name="wallet", heading="wallet", rank=7),
        Column(name="instrument", heading="pair"),
        Column(name="side", heading="side"),
        Column(name="type", heading="type", rank=3),
        Column(name="time_in_force", heading="in force", rank=5),
        Column(name="price", heading="price", kind="amount"),
        Column(name="stop_price", heading="stop", kind="amount", rank=6),
        Column(name="amount", heading="amount", kind="amount", rank=1),
        Column(name="filled", heading="filled", kind="amount", rank=2),
        Column(name="remaining", heading="remaining", kind="amount", rank=4),
        Column(name="status", heading="status", kind="stage"),
    ),
)
FILLS: Final = Noun(
    name="fills",
    kind="fill",
    state=False,
    columns=(
        Column(name="effective_ns", heading="time (UTC)", kind="time"),
        Column(name="native_id", heading="id", short=True, rank=5),
        Column(name="wallet", heading="wallet", rank=4),
        Column(name="instrument", heading="pair"),
        Column(name="side", heading="side"),
        Column(name="price", heading="price", kind="amount"),
        Column(name="amount", heading="amount", kind="amount"),
        Column(name="fee", heading="fee", kind="amount", rank=1),
        Column(name="fee_asset", heading="in", beside="fee"),
        Column(name="maker", heading="maker", rank=2),
        Column(name="order_type", heading="order", rank=3),
    ),
)
ENTRIES: Final = Noun(
    name="entries",
    kind="entry",
    state=False,
    columns=(
        Column(name="effective_ns", heading="time (UTC)", kind="time"),
        Column(name="native_id", heading="id", short=True, rank=4),
        Column(name="wallet", heading="wallet", rank=3),
        Column(name="asset", heading="asset"),
        Column(name="type", heading="type"),
        Column(name="amount", heading="amount", kind="amount"),
        Column(name="after", heading="balance", kind="amount", rank=1),
        Column(name="held_amount", heading="held", kind="amount", rank=2),
        Column(name="held_after", heading="held after", kind="amount", rank=5),
    ),
)
TRANSFERS: Final = Noun(
    name="transfers",
    kind="transfer",
    state=False,
    columns=(
        Column(name="effective_ns", heading="time (UTC)", kind="time"),
        Column(name="native_id", heading="id", short=True, rank=3),
        Column(name="direction", heading="direction"),
        Column(name="from_wallet", heading="from", rank=2),
        Column(name="to_wallet", heading="to", rank=2),
        Column(name="asset", heading="asset"),
        Column(name="amount", heading="amount", kind="amount"),
        Column(name="fee", heading="fee", kind="amount", rank=1),
        Column(name="tx_hash", heading="transaction", short=True, rank=4),
        Column(name="status", heading="status", kind="stage"),
    ),
)
FEES: Final = Noun(
    name="fees",
    kind="fee_rate",
    state=True,
    columns=(
        Column(name="instrument", heading="pair"),
        Column(name="asset", heading="asset", rank=2),
        Column(name="maker_rate", heading="maker", kind="amount"),
        Column(name="taker_rate", heading="taker", kind="amount"),
        Column(name="fee_asset", heading="paid in"),
        Column(name="priority", heading="priority", kind="count", rank=1),
        Column(name="valid_from_ns", heading="from (UTC)", kind="time", rank=3),
        Column(name="valid_until_ns", heading="until (UTC)", kind="time", rank=3),
    ),
)
LOANS: Final = Noun(
    name="loans",
    kind="loan",
    state=True,
    columns=(
        Column(name="wallet", heading="wallet"),
        Column(name="asset", heading="asset"),
        Column(name="principal", heading="principal", kind="amount"),
        Column(name="interest", heading="interest", kind="amount"),
        Column(name="native_id", heading="id", short=True, rank=2),
        Column(name="effective_ns", heading="seen (UTC)", kind="time", rank=1),
    ),
    made_by="borrow",
)
BORROWS: Final = Noun(
    name="borrows",
    kind="borrow",
    state=False,
    columns=(
        Column(name="effective_ns", heading="time (UTC)", kind="time"),
        Column(name="native_id", heading="id", short=True),
        Column(name="wallet", heading="wallet", rank=5),
        Column(name="asset", heading="asset"),
        Column(name="amount", heading="amount", kind="amount"),
        Column(name="repaid", heading="repaid", kind="amount"),
        Column(name="interest_accrued", heading="interest", kind="amount", rank=1),
        Column(name="interest_paid", heading="paid", kind="amount", rank=2),
        Column(name="interest_rate", heading="rate", kind="amount", rank=3),
        Column(name="type", heading="type", rank=4),
        Column(name="status", heading="status", kind="stage"),
    ),
)
REPAYMENTS: Final = Noun(
    name="repayments",
    kind="repayment",
    state=False,
    columns=(
        Column(name="effective_ns", heading="time (UTC)", kind="time"),
        Column(name="native_id", heading="id", short=True, rank=3),
        Column(name="wallet", heading="wallet", rank=1),
        Column(name="asset", heading="asset"),
        Column(name="principal", heading="principal", kind="amount"),
        Column(name="interest", heading="interest", kind="amount"),
        Column(name="type", heading="type", rank=2),
    ),
)
INTEREST: Final = Noun(
    name="interest",
    kind="interest",
    state=False,
    columns=(
        Column(name="effective_ns", heading="from (UTC)", kind="time"),
        Column(name="until_ns", heading="until (UTC)", kind="time", rank=2),
        Column(name="native_id", heading="id", short=True, rank=4),
        Column(name="wallet", heading="wallet", rank=1),
        Column(name="asset", heading="asset"),
        Column(name="accrued", heading="accrued", kind="amount"),
        Column(name="borrow_id", heading="of borrowing", short=True),
        Column(name="rate", heading="rate", kind="amount", rank=3),
    ),
)
LIQUIDATIONS: Final = Noun(
    name="liquidations",
    kind="liquidation",
    state=False,
    columns=(
        Column(name="effective_ns", heading="time (UTC)", kind="time"),
        Column(name="native_id", heading="id", short=True, rank=3),
        Column(name="wallet", heading="wallet", rank=1),
        Column(name="asset", heading="asset"),
        Column(name="amount", heading="owed", kind="amount"),
        Column(name="fund_amount", heading="paid by the fund", kind="amount"),
        Column(name="margin_level", heading="margin level", kind="amount", rank=2),
        Column(name="status", heading="status", kind="stage"),
    ),
)
SUB_ACCOUNTS: Final = Noun(
    name="sub_accounts",
    kind="sub_account",
    state=True,
    columns=(
        Column(name="sub_account", heading="sub-account"),
        Column(name="name", heading="name"),
        Column(name="email", heading="email", rank=1),
        Column(name="parent_id", heading="below", rank=2),
    ),
)
NOUNS: Final[Mapping[str, Noun]] = {
    noun.name: noun
    for noun in (
        ORDERS, FILLS, ENTRIES, TRANSFERS, FEES, LOANS, BORROWS, REPAYMENTS, INTEREST, LIQUIDATIONS, SUB_ACCOUNTS,
    )
}  # fmt: skip


def facts(
    book: Book, noun: Noun, *, accounts: Sequence[str], question: Question, newest: int | None = None
) -> View:  # fmt: skip
    """The facts of that kind of those accounts, account by account, each in the order of time. ``newest``: of each
    account the last so many alone. Raises `BadValue`."""
    answers = {account: _asked(book, noun, account, question=question, newest=newest) for account in accounts}
    rows = [row for answer in answers.values() for row in answer]
    return View(
        noun=noun.name,
        columns=_columns(noun, rows),
        rows=rows,
        kind=KINDS[noun.kind],
        group=("account",),
        empty=f"no {noun.name.replace('_', '-')} {'are known' if noun.state else 'in this interval'}",
        **together(answers),
        as_of_ns=question.as_of_ns,
        known_at_ns=question.known_at_ns,
    )


def _columns(noun: Noun, rows: Sequence[Fact]) -> tuple[Column, ...]:
    """The noun's, and whose row it is where some account has rows of several."""
    whose = {(row.account, row.sub_account) for row in rows}
    several = len(whose) > len({account for account, _ in whose})
    return (SUB_ACCOUNT, *noun.columns) if several and SUB_ACCOUNT.name not in _names(noun) else noun.columns


def _names(noun: Noun) -> set[str]:
    return {column.name for column in noun.columns}


def _asked(book: Book, noun: Noun, account: str, *, question: Question, newest: int | None) -> Answer[Fact]:
    as_of_ns, known_at_ns, where = question.as_of_ns, question.known_at_ns, question.where
    if noun.state:
        states = book.latest_states(noun.kind, account, where=where, as_of_ns=as_of_ns, known_at_ns=known_at_ns)
        return _with_unavailable(book, noun, account, states=states) if noun.made_by else states
    return book.answer(
        noun.kind, account, since_ns=question.since_ns, until_ns=question.until_ns, where=where, as_of_ns=as_of_ns,
        known_at_ns=known_at_ns, newest=newest,
    )  # fmt: skip


def _with_unavailable(book: Book, noun: Noun, account: str, *, states: Answer[Fact]) -> Answer[Fact]:
    """The states, with the intervals in which what made them cannot be read."""
    as_of_ns, known_at_ns = states.as_of_ns, states.known_at_ns
    return Answer(
        states, complete_through_ns=states.complete_through_ns,
        coverage=unavailable(book, noun.made_by, account=account, as_of_ns=as_of_ns, known_at_ns=known_at_ns),
        as_of_ns=as_of_ns, known_at_ns=known_at_ns, reader=states.reader, pages=states.pages,
    )  # fmt: skip


def unavailable(
    book: Book, kind: str, *, account: str, as_of_ns: int | None, known_at_ns: int | None
) -> list[Interval]:  # fmt: skip
    """The intervals in which events of that kind cannot be had of an account, as known then."""
    told = book.answer(kind, account, where={}, as_of_ns=as_of_ns, known_at_ns=known_at_ns, newest=1)
    return [hole for hole in told.coverage if hole.status == "unavailable"]


def shown_now(noun: Noun, answer: Answer[Any], *, notes: tuple[str, ...] = ()) -> View:
    """Facts as an exchange just gave them, not from the book: a table of what it said of them, and no more."""
    told = [each for each in noun.columns if any(getattr(row, each.name) not in (None, "") for row in answer)]
    return View(
        noun=noun.name,
        columns=tuple(told) or noun.columns,
        notes=notes,
        rows=answer,
        kind=KINDS[noun.kind],
        group=("account",),
        empty=f"no {noun.name}",
    )


class Said(TypedDict):
    """What several answers say of themselves as one."""

    complete_through_ns: int | None
    coverage: tuple[CoverageLine, ...]
    reader: str
    pages: int


def together(answers: Mapping[str, Answer[Any]]) -> Said:
    """What the answers by account say as one: complete through the earliest, unproven where any is."""
    through = [answer.complete_through_ns for answer in answers.values()]
    known = [each for each in through if each is not None]
    return {
        "complete_through_ns": min(known) if known and len(known) == len(through) else None,
        "coverage": tuple(_line(account, each) for account, answer in answers.items() for each in answer.coverage),
        "reader": ", ".join(sorted({answer.reader for answer in answers.values() if answer.reader})),
        "pages": sum(answer.pages for answer in answers.values()),
    }


def _line(account: str, interval: Interval) -> CoverageLine:
    return CoverageLine(
        account=account,
        stream=interval.stream,
        since_ns=interval.since_ns,
        until_ns=interval.until_ns,
        status=interval.status,
        cause=interval.cause,
        evidence=interval.evidence,
    )
