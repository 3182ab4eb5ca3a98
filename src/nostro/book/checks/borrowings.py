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

import msgspec

from nostro.book.breaks import Break, Hypothesis, Scope, identify
from nostro.book.checks.loans import CLOSED, Accrual, Debt, Line, Range
from nostro.book.checks.terms import (
    NOT_TOLD,
    SETTLING,
    Followed,
    Outcome,
    Proven,
    Result,
    Rules,
    decimals,
    pages_of,
    row_name,
)
from nostro.domain import values
from nostro.domain.records import Borrow

REPAID: Final = "repaid principal"
PAID: Final = "paid interest"
ACCRUED: Final = "accrued interest"
RATE: Final = "interest rate"


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
            self._judge_rates(scope, debt)

    # ── what was paid ────────────────────────────────────────────────────────────────────────────────────────────

    def _judge_paid(self, scope: Scope, debt: Debt) -> None:
        borrows = [each.borrow for each in debt.borrows]
        for check, said, rows in (
            (REPAID, [each.repaid for each in borrows], [(each.at_ns, each.principal) for each in debt.repayments]),
            (PAID, [each.interest_paid for each in borrows], [(each.at_ns, each.interest) for each in debt.repayments]),
        ):
            told = [amount for amount in said if amount is not None]
            cause = self._unknown("repayments", debt.borrows, since_ns=self._rules.opened_ns)
            if debt.unknown or len(told) < len(said):
                cause = NOT_TOLD
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
        # Later ones may be of borrowings that are not known yet, or lie in a hole of what is.
        low_ns = min([*seen, self._proven["borrows"].proven_until(self._rules.opened_ns)])
        return Range(line.before(low_ns), line.before(values.LATEST_NS))

    def _unknown(self, stream: str, borrows: Iterable[Followed], *, since_ns: int) -> str:
        """Why rows of the stream may be missing that the borrowings know of already."""
        learned_ns = max((each.borrow.observed_ns for each in borrows), default=0) + self._rules.skew_ns
        cause = self._proven["borrows"].cause(since_ns, since_ns)
        return cause or self._proven[stream].cause(since_ns, max(learned_ns, since_ns))

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
        since_ns = borrow.effective_ns or self._rules.opened_ns
        cause = NOT_TOLD if told is None else self._unknown("interest", [followed], since_ns=since_ns)
        certain = values.add(row.amount for row in rows if row.until_ns <= self._edge_ns(followed))
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

    def _judge_rates(self, scope: Scope, debt: Debt) -> None:
        """Each row of interest against an hour of its borrowing's principal."""
        rows = [row for each in debt.accruals.values() for row in each]
        digits = self._rules.digits.get(scope.subject)
        if digits is None:
            digits = max((decimals(row.amount) for row in rows), default=0)
        unit = values.truncation_quantum(digits)
        for each in debt.borrows:
            alike: dict[tuple[Decimal, Decimal | None, bool], list[Accrual]] = {}
            edge_ns = self._edge_ns(each)
            for row in debt.accruals.get(each.borrow.native_id or "", []):
                alike.setdefault((row.amount, row.rate, row.until_ns <= edge_ns), []).append(row)
            for (*_, known), same in alike.items():  # while nothing is repaid, every hour costs the same
                self._judge_rate(scope, same, each.borrow, unit=unit, known=known)

    def _edge_ns(self, followed: Followed) -> int:
        """Until when all that happened to a borrowing is known."""
        return values.LATEST_NS if followed.borrow.status == CLOSED else followed.seen_ns - self._rules.skew_ns

    def _judge_rate(
        self, scope: Scope, rows: list[Accrual], borrow: Borrow, *, unit: Decimal, known: bool
    ) -> None:  # fmt: skip
        """Rows of one amount and rate. Not ``known``: later ones than the borrowing was seen, of which more may have
        been repaid by then."""
        amount, since_ns = rows[0].amount, min(row.since_ns for row in rows)
        last_ns = max(row.since_ns for row in rows)
        rate = borrow.interest_rate if rows[0].rate is None else rows[0].rate
        if rate is None or borrow.repaid is None:
            self._result(RATE, scope, "unchecked", NOT_TOLD, since_ns, last_ns, terms=len(rows))
            return
        left = values.EXACT.subtract(borrow.amount, borrow.repaid)
        hidden = values.EXACT.add(
            values.EXACT.multiply(self._rules.quantum(borrow.amount), rate),
            values.EXACT.multiply(borrow.amount, self._rules.quantum(rate)),
        )
        allowed = Range(values.EXACT.multiply(left, rate), values.EXACT.multiply(borrow.amount, rate))
        tolerance = values.add((unit, hidden, self._rules.quantum(amount)))
        nearest = allowed.nearest(amount)
        beyond = values.EXACT.subtract(amount, nearest)
        if not known and 0 <= amount < nearest and beyond.copy_abs() > tolerance:
            self._result(RATE, scope, "unchecked", SETTLING, since_ns, last_ns, terms=len(rows))
            return
        if beyond.copy_abs() <= tolerance and amount >= 0:
            outcome: Outcome = "ties within its quanta" if beyond else "ties"
            self._result(RATE, scope, outcome, "", since_ns, last_ns, tolerance, terms=len(rows))
            return
        for row in rows:
            self._result(RATE, scope, "break", "", row.since_ns, row.since_ns, tolerance)
            self._break_row(scope, row, borrow, nearest=nearest)

    def _break_row(self, scope: Scope, row: Accrual, borrow: Borrow, *, nearest: Decimal) -> None:
        found = self._break(
            RATE, scope, "accrual_differs", anchor=row.name, about=[borrow], since_ns=row.since_ns,
            until_ns=row.until_ns - 1, expected=nearest, actual=row.amount,
            text=f"row {row.name} accrues {values.canonical(row.amount)}, and an hour of borrowing "
            f"{row_name(borrow)} costs {values.canonical(nearest)}",
        )  # fmt: skip
        pages = tuple(sorted({*found.pages, *([row.page] if row.page else [])}))
        self.breaks[-1] = msgspec.structs.replace(found, rows=(row.name, *found.rows), pages=pages)

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
        self, check: str, scope: Scope, name: str, *, anchor: str, about: list[Borrow], since_ns: int, until_ns: int,
        expected: Decimal, actual: Decimal, text: str, hypotheses: tuple[Hypothesis, ...] = (),
    ) -> Break:  # fmt: skip
        found = Break(
            id=identify(check, scope, anchor=f"{name} {anchor}"), check=check, name=name, scope=scope,
            since_ns=since_ns, until_ns=until_ns, expected=expected, actual=actual,
            missing=values.EXACT.subtract(actual, expected), rows=tuple(row_name(each) for each in about),
            pages=pages_of(about), text=f"{scope}: {text}", hypotheses=hypotheses,
        )  # fmt: skip
        self.breaks.append(found)
        return found
