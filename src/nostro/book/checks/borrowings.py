"""Borrowings as they say of themselves, against the rows that made them so (docs/invariants.md B13). It decides, per
sub-account, wallet and asset, whether what is repaid and paid is what was repaid and paid, and, per borrowing,
whether its interest is the sum of its rows, and each row what an hour of its principal costs; what is owed in all is
another check's (``loans.py``).

A borrowing that is open may have changed since it was last seen, and what it says may be newer than the rows that are
proven. So what it should say is a range, as in ``loans.py``. The principal on which a row accrued lies between what is
left of it and the whole of it: a row is a break only where no principal between them makes it. An exchange rounds it
to the asset's smallest unit in a direction that no document states: one such unit is its tolerance, whose evidence is
the declared digits of the asset or else the most decimals among the rows of the scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from nostro.book.breaks import Break, Hypothesis, Scope, identify
from nostro.book.checks.loans import CLOSED, Accrual, Debt, Line, Range
from nostro.book.checks.terms import (
    NOT_TOLD,
    SETTLING,
    Followed,
    Ledger,
    Outcome,
    Proven,
    Result,
    Rules,
    decimals,
    merged,
    pages_of,
    row_name,
)
from nostro.domain import values
from nostro.domain.records import Borrow, Interest

REPAID: Final = "repaid principal"
PAID: Final = "paid interest"
ACCRUED: Final = "accrued interest"
RATE: Final = "interest rate"
RESULTS_MAX: Final = 5_000  # kept apart before those that follow each other are made one


class Borrowings:
    """The checks of every borrowing of one account."""

    def __init__(self, known: Mapping[Scope, Debt], *, rules: Rules, proven: Mapping[str, Proven]) -> None:
        self.results: list[Result] = []
        self.breaks: list[Break] = []
        self._known = known
        self._rules = rules
        self._proven = proven

    def judge(self) -> None:
        for scope, debt in sorted(self._known.items()):
            self._judge_paid(scope, debt)
            for each in debt.borrows:
                self._judge_own(scope, each.borrow)
                self._judge_accrued(scope, each, debt.accruals.get(each.borrow.native_id or "", []))
            self._judge_strays(scope, debt)

    def judge_rows(self, rows: Iterable[Interest], *, digits: Mapping[Scope, int]) -> None:
        """Each row of interest against an hour of its borrowing's principal."""
        borrows = {each.borrow.native_id: each.borrow for debt in self._known.values() for each in debt.borrows}
        for row in rows:
            borrow = borrows.get(row.borrow_id)
            scope = self._rules.scope(row, row.asset)
            self._judge_row(scope, row, borrow, unit=values.truncation_quantum(digits.get(scope, 0)))
            if len(self.results) > RESULTS_MAX:
                self.results = merged(self.results)

    # ── what was paid ────────────────────────────────────────────────────────────────────────────────────────────

    def _judge_paid(self, scope: Scope, debt: Debt) -> None:
        borrows = [each.borrow for each in debt.borrows]
        for check, said, rows in (
            (REPAID, [each.repaid for each in borrows], [(each.at_ns, each.principal) for each in debt.repayments]),
            (PAID, [each.interest_paid for each in borrows], [(each.at_ns, each.interest) for each in debt.repayments]),
        ):
            told = [amount for amount in said if amount is not None]
            cause = NOT_TOLD if debt.unknown or len(told) < len(said) else self._unknown("repayments", debt.borrows)
            allowed = self._paid(debt.borrows, Line(rows))
            terms = [*told, *(amount for _, amount in rows)]
            first_ns, last_ns = self._life(debt)
            self._compare(
                check, scope, values.add(told), allowed=allowed, terms=terms, cause=cause, since_ns=first_ns,
                until_ns=last_ns, about=borrows, what="of the borrowings", row="repayment",
            )  # fmt: skip

    def _paid(self, borrows: Iterable[Followed], line: Line) -> Range:
        """What repayments may be in borrowings of which the open ones were last seen so."""
        seen = [each.seen_ns - self._rules.skew_ns for each in borrows if each.borrow.status != CLOSED]
        low_ns = min([*seen, self._proven["borrows"].end_ns])  # later ones may be of borrowings not known yet
        return Range(line.before(low_ns), line.before(values.LATEST_NS))

    def _unknown(self, stream: str, borrows: Iterable[Followed]) -> str:
        """Why rows of the stream may be missing that the borrowings know of already."""
        opened_ns = self._rules.opened_ns
        learned_ns = max((each.borrow.observed_ns for each in borrows), default=0) + self._rules.skew_ns
        cause = self._proven["borrows"].cause(opened_ns, opened_ns)
        return cause or self._proven[stream].cause(opened_ns, max(learned_ns, opened_ns))

    def _life(self, debt: Debt) -> tuple[int, int]:
        times = [each.borrow.effective_ns or 0 for each in debt.borrows] + [each.at_ns for each in debt.repayments]
        return min(times, default=0), max(times, default=0)

    # ── one borrowing ────────────────────────────────────────────────────────────────────────────────────────────

    def _judge_own(self, scope: Scope, borrow: Borrow) -> None:
        """0 <= repaid <= amount, 0 <= paid <= accrued."""
        at_ns, name = borrow.effective_ns or 0, row_name(borrow)
        for check, part, whole in (
            (REPAID, borrow.repaid, borrow.amount), (PAID, borrow.interest_paid, borrow.interest_accrued),
        ):  # fmt: skip
            if part is None or whole is None:
                continue
            if part < 0 or whole < 0 or (part > whole and not self._rules.ties(part, printed=whole)):
                text = (
                    f"of borrowing {name} {values.canonical(part)} of {values.canonical(whole)} is {check.split()[0]}"
                )
                self._break(
                    check, scope, "negative_debt", anchor=name, about=[borrow], since_ns=at_ns, until_ns=at_ns,
                    expected=whole, actual=part, text=text,
                )  # fmt: skip

    def _judge_accrued(self, scope: Scope, followed: Followed, rows: list[Accrual]) -> None:
        borrow, told = followed.borrow, followed.borrow.interest_accrued
        cause = NOT_TOLD if told is None else self._unknown("interest", [followed])
        edge_ns = values.LATEST_NS if borrow.status == CLOSED else followed.seen_ns - self._rules.skew_ns
        certain = values.add(row.amount for row in rows if row.until_ns <= edge_ns)
        allowed = Range(certain, values.add(row.amount for row in rows))
        at_ns = borrow.effective_ns or 0
        last_ns = max(at_ns, borrow.last_interest_ns or 0, *(row.until_ns - 1 for row in rows))
        self._compare(
            ACCRUED, scope, told or values.ZERO, allowed=allowed, cause=cause, since_ns=at_ns, until_ns=last_ns,
            terms=[told or values.ZERO, *(row.amount for row in rows)], about=[borrow], row="row of interest",
            what=f"of borrowing {row_name(borrow)}", anchor=row_name(borrow),
        )  # fmt: skip

    def _judge_strays(self, scope: Scope, debt: Debt) -> None:
        """Rows of interest of borrowings that are not there."""
        known = {each.borrow.native_id for each in debt.borrows}
        for borrow_id, rows in sorted(debt.accruals.items()):
            if borrow_id in known:
                continue
            since_ns, until_ns = min(row.since_ns for row in rows), max(row.until_ns for row in rows)
            cause = self._proven["borrows"].cause(self._rules.opened_ns, until_ns)
            self._compare(
                ACCRUED, scope, values.ZERO, allowed=Range(total := values.add(row.amount for row in rows), total),
                terms=[row.amount for row in rows], cause=cause, since_ns=since_ns, until_ns=until_ns, about=[],
                what=f"of borrowing {borrow_id}, which is not there,", row="borrowing", anchor=f"stray {borrow_id}",
            )  # fmt: skip

    def _judge_row(self, scope: Scope, row: Interest, borrow: Borrow | None, *, unit: Decimal) -> None:
        at_ns = row.effective_ns or 0
        rate = row.rate if row.rate is not None else borrow.interest_rate if borrow else None
        if borrow is None or rate is None or borrow.repaid is None:
            self._result(RATE, scope, "unchecked", NOT_TOLD, at_ns, at_ns)
            return
        left = values.EXACT.subtract(borrow.amount, borrow.repaid)
        hidden = values.EXACT.add(
            values.EXACT.multiply(self._rules.quantum(borrow.amount), rate),
            values.EXACT.multiply(borrow.amount, self._rules.quantum(rate)),
        )
        allowed = Range(values.EXACT.multiply(left, rate), values.EXACT.multiply(borrow.amount, rate))
        tolerance = values.add((unit, hidden, self._rules.quantum(row.accrued)))
        beyond = values.EXACT.subtract(row.accrued, allowed.nearest(row.accrued))
        if beyond.copy_abs() <= tolerance and row.accrued >= 0:
            self._result(RATE, scope, "ties within its quanta" if beyond else "ties", "", at_ns, at_ns, tolerance)
            return
        self._result(RATE, scope, "break", "", at_ns, at_ns, tolerance)
        self._break(
            RATE, scope, "accrual_differs", anchor=row_name(row), about=[row], since_ns=at_ns,
            until_ns=max(at_ns, (row.until_ns or 0) - 1), expected=allowed.nearest(row.accrued), actual=row.accrued,
            text=f"row {row_name(row)} accrues {values.canonical(row.accrued)}, and an hour of borrowing "
            f"{row_name(borrow)} costs {values.canonical(allowed.nearest(row.accrued))}",
        )  # fmt: skip

    # ── results ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _compare(
        self, check: str, scope: Scope, told: Decimal, *, allowed: Range, terms: list[Decimal], cause: str,
        since_ns: int, until_ns: int, about: list[Borrow], what: str, row: str, anchor: str = "",
    ) -> None:  # fmt: skip
        tolerance = self._rules.allowed(terms)
        outcome: Outcome = "unchecked" if cause else allowed.outcome(told, tolerance=tolerance)
        cause = cause or (SETTLING if outcome == "unchecked" else "")
        self._result(check, scope, outcome, cause, since_ns, until_ns, tolerance, terms=max(len(terms), 1))
        if outcome != "break":
            return
        computed = allowed.nearest(told)
        missing = values.EXACT.subtract(told, computed)
        amount = missing.copy_abs()
        name, given = ("missing_row", "was never given") if missing > 0 else ("doubled_row", "was given twice")
        self._break(
            check, scope, f"{check.replace(' ', '_')}_differs", anchor=anchor or check, about=about, since_ns=since_ns,
            until_ns=until_ns, expected=computed, actual=told,
            text=f"the {check} {what} is {values.canonical(told)}, and its rows make {values.canonical(computed)}",
            hypotheses=(
                Hypothesis(name=name, text=f"a {row} {given}", amount=amount),
                Hypothesis(name="altered_row", text="a borrowing, or one of its rows, was changed", amount=amount),
            ),
        )  # fmt: skip

    def _result(
        self, check: str, scope: Scope, outcome: Outcome, cause: str, since_ns: int, until_ns: int,
        tolerance: Decimal = values.ZERO, terms: int = 1,
    ) -> None:  # fmt: skip
        self.results.append(
            Result(
                check=check, scope=scope, outcome=outcome, cause=cause, since_ns=since_ns, until_ns=until_ns,
                terms=terms, tolerance=tolerance,
            )
        )  # fmt: skip

    def _break(
        self, check: str, scope: Scope, name: str, *, anchor: str, about: list[Borrow] | list[Interest], since_ns: int,
        until_ns: int, expected: Decimal, actual: Decimal, text: str, hypotheses: tuple[Hypothesis, ...] = (),
    ) -> None:  # fmt: skip
        self.breaks.append(
            Break(
                id=identify(check, scope, anchor=f"{name} {anchor}"), check=check, name=name, scope=scope,
                since_ns=since_ns, until_ns=until_ns, expected=expected, actual=actual,
                missing=values.EXACT.subtract(actual, expected), rows=tuple(row_name(each) for each in about),
                pages=pages_of(about), text=f"{scope}: {text}", hypotheses=hypotheses,
            )
        )  # fmt: skip


def digits_of(ledger: Ledger, *, rules: Rules, until_ns: int) -> dict[Scope, int]:
    """Decimals of the smallest unit by scope: declared, else the most that its rows of interest print."""
    found: dict[Scope, int] = {}
    for row in ledger.interest(rules.opened_ns, until_ns):
        scope = rules.scope(row, row.asset)
        declared = rules.digits.get(row.asset)
        found[scope] = max(found.get(scope, 0), decimals(row.accrued)) if declared is None else declared
    return found
