"""Debts against what made them (docs/invariants.md B13), per sub-account, wallet and asset. It decides whether what an
exchange says is owed is what was borrowed and not repaid, and what interest accrued and was not paid; borrowings by
themselves are another check's (``borrowings.py``).

A debt is looked at between two instants, and what happened meanwhile may be in it or not; of interest without a time
only a window is known. So what it should be is a range: outside it is a break; inside a range of more than one amount
it is ``unchecked``, until a later look. Only the last look that lies before the end of what is proven is judged: a
debt that was wrong once and is right now is right.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from nostro.book.breaks import Break, Hypothesis, Scope, identify
from nostro.book.checks.terms import (
    NOT_TOLD,
    SETTLING,
    Followed,
    Ledger,
    Outcome,
    Owed,
    Proven,
    Result,
    Rules,
    pages_of,
    row_name,
)
from nostro.domain import values
from nostro.domain.records import Interest, Loan, Repayment

PRINCIPAL: Final = "loan principal"
INTEREST: Final = "loan interest"
STREAMS: Final = ("borrows", "repayments", "interest")
CLOSED: Final = "closed"  # of a borrowing of which nothing is owed any more


class Line:
    """Amounts and when they came, for sums up to an instant."""

    def __init__(self, rows: Iterable[tuple[int, Decimal]]) -> None:
        ordered = sorted(rows, key=lambda row: row[0])
        self._times = [at_ns for at_ns, _ in ordered]
        self._sums = list(accumulate((amount for _, amount in ordered), values.EXACT.add, initial=values.ZERO))

    def before(self, at_ns: int) -> Decimal:
        """The sum of what came earlier."""
        return self._sums[bisect_left(self._times, at_ns)]


class Range(NamedTuple):
    """What an amount may be: at least and at most."""

    low: Decimal
    high: Decimal

    def nearest(self, amount: Decimal) -> Decimal:
        """The amount itself where it lies inside, else the end that it lies beyond."""
        return min(max(amount, self.low), self.high)

    def outcome(self, amount: Decimal, *, tolerance: Decimal) -> Outcome:
        """What an amount that should lie inside shows: within a range of more than one amount, nothing."""
        beyond = values.EXACT.subtract(amount, self.nearest(amount)).copy_abs()
        if beyond > tolerance:
            return "break"
        if self.low != self.high:
            return "unchecked"
        return "ties within its quanta" if beyond else "ties"


class Accrual(NamedTuple):
    """One row of interest: when it came, at the earliest and at the latest (exclusive), how much, at which rate, and
    what names it."""

    since_ns: int
    until_ns: int
    amount: Decimal
    rate: Decimal | None
    name: str
    page: int


class Paid(NamedTuple):
    """One repayment."""

    at_ns: int
    principal: Decimal
    interest: Decimal


class Debt(msgspec.Struct):
    """What is known of one scope, and of each of its borrowings the rows of interest. ``unknown``: whether the parts of
    some repayment are not known."""

    borrows: list[Followed] = []
    repayments: list[Paid] = []
    accruals: dict[str, list[Accrual]] = {}
    unknown: bool = False

    def add(self, fact: Followed | Repayment | Interest) -> None:
        if isinstance(fact, Followed):
            self.borrows.append(fact)
        elif isinstance(fact, Interest):
            since_ns = fact.effective_ns or 0
            until_ns = since_ns + 1 if fact.until_ns is None else fact.until_ns
            row = Accrual(since_ns, until_ns, fact.accrued, fact.rate, row_name(fact), fact.page)
            self.accruals.setdefault(fact.borrow_id or "", []).append(row)
        elif fact.principal is None or fact.interest is None:
            self.unknown = True
        else:
            self.repayments.append(Paid(fact.effective_ns or 0, fact.principal, fact.interest))

    @property
    def first_ns(self) -> int:
        """When it began; 0 where nothing is known."""
        borrowed = (each.borrow.effective_ns or 0 for each in self.borrows)
        return min((*borrowed, *(each.at_ns for each in self.repayments)), default=0)


class Lines:
    """A scope's sums by time."""

    def __init__(self, debt: Debt) -> None:
        rows = [row for each in debt.accruals.values() for row in each]
        self.borrowed = Line((each.borrow.effective_ns or 0, each.borrow.amount) for each in debt.borrows)
        self.principal = Line((each.at_ns, each.principal) for each in debt.repayments)
        self.interest = Line((each.at_ns, each.interest) for each in debt.repayments)
        self.certain = Line((row.until_ns - 1, row.amount) for row in rows)
        self.possible = Line((row.since_ns, row.amount) for row in rows)

    def owed(self, low_ns: int, high_ns: int) -> tuple[Range, Range]:
        """The principal and the interest that may have been owed at some instant of the closed interval."""
        end_ns = high_ns + 1
        return (
            _range(self.borrowed, self.borrowed, self.principal, low_ns, end_ns),
            _range(self.certain, self.possible, self.interest, low_ns, end_ns),
        )


def _range(certain: Line, possible: Line, paid: Line, low_ns: int, end_ns: int) -> Range:
    return Range(
        values.EXACT.subtract(certain.before(low_ns), paid.before(end_ns)),
        values.EXACT.subtract(possible.before(end_ns), paid.before(low_ns)),
    )


def debts(ledger: Ledger, *, rules: Rules, until_ns: int) -> dict[Scope, Debt]:
    """Everything about debts before then, by scope."""
    known: dict[Scope, Debt] = {}
    for borrow in ledger.borrows(rules.opened_ns, until_ns):
        seen_ns = borrow.observed_ns if borrow.status == CLOSED else ledger.seen_ns(borrow)
        known.setdefault(rules.scope(borrow, borrow.asset), Debt()).add(Followed(borrow, seen_ns))
    for repayment in ledger.repayments(rules.opened_ns, until_ns):
        known.setdefault(rules.scope(repayment, repayment.asset), Debt()).add(repayment)
    for row in ledger.interest(rules.opened_ns, until_ns):
        known.setdefault(rules.scope(row, row.asset), Debt()).add(row)
    return known


class Loans:
    """Holds one look at the debts against what made them."""

    def __init__(self, known: Mapping[Scope, Debt], *, rules: Rules, proven: Mapping[str, Proven]) -> None:
        self.results: list[Result] = []
        self.breaks: list[Break] = []
        self._known = known
        self._rules = rules
        self._proven = proven

    def judge(self, look: Owed) -> None:
        """``look``: the last one that can be judged."""
        reported = {self._rules.scope(loan, loan.asset): loan for loan in look.loans}
        for scope in sorted({*self._known, *reported}):
            self._judge(scope, reported.get(scope), look)

    def _judge(self, scope: Scope, loan: Loan | None, look: Owed) -> None:
        """What a whole answer does not list is not owed."""
        low_ns, high_ns = look.sent_ns - self._rules.skew_ns, look.received_ns + self._rules.skew_ns
        debt = self._known.get(scope, Debt())
        principal, interest = Lines(debt).owed(low_ns, high_ns)
        for check, streams, told, allowed, terms in (
            (PRINCIPAL, ("borrows", "repayments"), loan.principal if loan else values.ZERO, principal, _lent(debt)),
            (INTEREST, ("interest", "repayments"), loan.interest if loan else values.ZERO, interest, _accrued(debt)),
        ):
            causes = (self._proven[name].cause(self._rules.opened_ns, high_ns) for name in streams)
            cause = NOT_TOLD if told is None or debt.unknown else next(filter(None, causes), "")
            if cause or told is None:
                self._result(check, scope, "unchecked", look, cause=cause)
                continue
            tolerance = self._rules.allowed([*terms, told])
            outcome = allowed.outcome(told, tolerance=tolerance)
            negative = told < 0 or values.EXACT.add(allowed.high, tolerance) < 0
            if negative:
                outcome = "break"
            cause = SETTLING if outcome == "unchecked" else ""
            self._result(check, scope, outcome, look, cause=cause, terms=len(terms), tolerance=tolerance)
            if outcome == "break":
                name = "negative_debt" if negative else f"{check.removeprefix('loan ')}_differs"
                self._break(check, scope, loan, look, name=name, told=told, computed=allowed.nearest(told))

    def _break(
        self, check: str, scope: Scope, loan: Loan | None, look: Owed, *, name: str, told: Decimal, computed: Decimal
    ) -> None:
        what = check.removeprefix("loan ")
        missing = values.EXACT.subtract(told, computed)
        first_ns = self._known[scope].first_ns if scope in self._known else look.sent_ns
        said, expected = values.canonical(told), values.canonical(computed)
        self.breaks.append(
            Break(
                id=identify(check, scope, anchor=name), check=check, name=name, scope=scope,
                since_ns=min(first_ns, look.received_ns), until_ns=look.received_ns, expected=computed, actual=told,
                missing=missing, rows=(loan.native_id,) if loan and loan.native_id else (),
                pages=pages_of([loan] if loan else []),
                text=f"{scope}: {said} of {what} is said to be owed, and what made the debt leads to {expected}",
                hypotheses=_hypotheses(check, missing),
            )
        )  # fmt: skip

    def _result(
        self, check: str, scope: Scope, outcome: Outcome, look: Owed, *, cause: str, terms: int = 1,
        tolerance: Decimal = values.ZERO,
    ) -> None:  # fmt: skip
        self.results.append(
            Result(
                check=check, scope=scope, outcome=outcome, cause=cause, since_ns=look.sent_ns,
                until_ns=look.received_ns, terms=terms, tolerance=tolerance,
            )
        )  # fmt: skip


def _lent(debt: Debt) -> list[Decimal]:
    return [*(each.borrow.amount for each in debt.borrows), *(each.principal for each in debt.repayments)]


def _accrued(debt: Debt) -> list[Decimal]:
    accrued = [row.amount for rows in debt.accruals.values() for row in rows]
    return [*accrued, *(each.interest for each in debt.repayments)]


def _hypotheses(check: str, missing: Decimal) -> tuple[Hypothesis, ...]:
    made = "borrowing" if check == PRINCIPAL else "row of interest"
    less, more = (made, "repayment") if missing > 0 else ("repayment", made)
    amount = missing.copy_abs()
    return (
        Hypothesis(name="missing_row", text=f"a {less} was never given", amount=amount),
        Hypothesis(name="doubled_row", text=f"a {more} is a double, or does not belong here", amount=amount),
    )
