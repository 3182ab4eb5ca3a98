"""The noun ``balances``: what the exchange reports, what the ledger's entries add up to, and what that leaves
unexplained. It decides at which instant the two are compared (one that both know), and which word says what came of
it; why they may differ is told by the breaks.

A balance is compared as it stood when the exchange says that it last changed, or when it was seen, if the entries up
to then are proven from the beginning; else nothing is computed, and its status names the cause. Of a past moment at
which nobody had looked yet there is no reported balance: then the entries alone say what it was, and they are proven
where all of them are there and none of their running balances is broken. What is not known is never 0.

Beside what is there stands what is owed of it, as the exchange last said, and what that leaves. What a margin wallet is
worth is not shown: that takes prices, and the exchanges here do not say it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from nostro.book.checks.terms import rules_for
from nostro.domain.answers import Answer
from nostro.domain.records import Balance, Borrow, Loan
from nostro.domain.values import EXACT, SECOND_NS
from nostro.exchanges import exchange
from nostro.views.breaks import lives_of
from nostro.views.facts import Question, together, unavailable
from nostro.views.view import Column, View

if TYPE_CHECKING:
    from nostro.book.book import Book, LedgerSum
    from nostro.book.breaks import BreakLife

PROVEN: Final = "proven"
SETTLING: Final = "settling"
_MARGIN: Final = ("cross_margin", "isolated_margin")

Scope = tuple[str, str, str]  # sub-account, wallet, asset
Sums = Mapping[Scope, Decimal]


class BalanceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One asset in one wallet, units of ``asset``. ``reported`` by the exchange, of it ``free`` and ``held``;
    ``computed``: the sum of the ledger's entries by ``compared_ns``; ``unexplained`` = reported - computed. None is
    not known. ``status``: proven, break, accepted, or unchecked with its ``cause``; ``break_id``, ``since_ns``,
    ``until_ns``: the first unexplained interval, where there is one. ``debt``: what the wallet owes of the asset,
    principal and interest, None where no debt is told; ``net`` = reported - debt."""

    account: str
    sub_account: str
    wallet: str
    asset: str
    reported: Decimal | None
    free: Decimal | None
    held: Decimal | None
    computed: Decimal | None
    unexplained: Decimal | None
    status: str
    cause: str = ""
    seen_ns: int | None = None
    compared_ns: int | None = None
    break_id: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    debt: Decimal | None = None
    net: Decimal | None = None

    @property
    def shown(self) -> str:
        return f"{self.status} ({self.cause})" if self.cause else self.status


COLUMNS: Final = (
    Column(name="asset", heading="asset"),
    Column(name="reported", heading="reported", kind="amount"),
    Column(name="free", heading="free", kind="amount", rank=3),
    Column(name="held", heading="held", kind="amount", rank=2),
    Column(name="debt", heading="owed", kind="amount"),
    Column(name="net", heading="net", kind="amount", rank=1),
    Column(name="computed", heading="computed", kind="amount"),
    Column(name="unexplained", heading="unexplained", kind="amount"),
    Column(name="shown", heading="status", kind="status"),
)


def balances(book: Book, accounts: Sequence[str], *, question: Question, zeros: bool = False) -> View:
    """Every balance of those accounts; without ``zeros`` those alone of which there is something."""
    told = {account: _Account(book, account, question) for account in accounts}
    wanted = question.where.get("sub_account")
    rows = [row for each in told.values() for row in each.lines() if wanted in (None, row.sub_account)]
    shown = [row for row in rows if zeros or row.reported or row.computed or row.held or row.unexplained or row.debt]
    notes = [_counted(rows)] if rows else []
    if any(row.reported is None and row.computed is not None for row in rows):
        notes.append("nobody had looked by then: computed from the exchange's ledger alone")
    margined = sorted({row.account for row in rows if row.wallet.startswith(_MARGIN)})
    notes += [
        f"{account}: what it owes cannot be read" for account in margined if _hidden(book, account, question=question)
    ]
    if len(shown) < len(rows):
        notes.append(f"{len(rows) - len(shown)} more at zero: --zeros shows them")
    return View(
        noun="balances", columns=_columns(shown), rows=shown, kind=BalanceLine, notes=tuple(notes),
        group=("account", *(("sub_account",) if len(_whose(rows)) > len(told) else ()), "wallet"),
        empty="nothing was ever reported" if question.as_of_ns is None else "no balance by then",
        as_of_ns=question.as_of_ns, known_at_ns=question.known_at_ns,
        **together({account: each.ledger for account, each in told.items()}),
    )  # fmt: skip


def _columns(rows: Sequence[BalanceLine]) -> tuple[Column, ...]:
    """What is owed is a column where something is."""
    owed = any(row.debt for row in rows)
    return tuple(column for column in COLUMNS if owed or column.name not in ("debt", "net"))


def _hidden(book: Book, account: str, *, question: Question) -> bool:
    """Whether the borrowings of an account could not be read, as known then."""
    as_of_ns, known_at_ns = question.as_of_ns, question.known_at_ns
    return bool(unavailable(book, Borrow.kind, account=account, as_of_ns=as_of_ns, known_at_ns=known_at_ns))


def _whose(rows: Sequence[BalanceLine]) -> set[tuple[str, str]]:
    return {(row.account, row.sub_account) for row in rows}


def _counted(rows: Sequence[BalanceLine]) -> str:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.shown] = counts.get(row.shown, 0) + 1
    return "balances: " + ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))


class _Account:
    """One account under the question's clocks."""

    def __init__(self, book: Book, account: str, question: Question) -> None:
        self._book = book
        self._account = account
        self._question = question
        row = book.account(account)
        self._since_ns = row.since_ns
        self._rules = rules_for(exchange(row.exchange, row.dialect), account, since_ns=row.since_ns)
        self.ledger = self._ledger(question.as_of_ns)
        self._sums_before = cache(self._sums)

    def lines(self) -> list[BalanceLine]:
        """Every balance that was reported, and every one that only the ledger knows."""
        reported = {_scope(fact): fact for fact in self._reported(self._question.as_of_ns)}
        judged = {_scope(fact): fact for fact in self._reported(self._through_ns)} if self._settled(reported) else {}
        broken, owed = self._broken(), self._owed()
        scopes = sorted({*reported, *owed, *(_scope(row) for row in self.ledger)})
        lines = [self._line(scope, reported.get(scope), judged.get(scope), broken.get(scope)) for scope in scopes]
        return [_with_debt(line, owed.get(scope)) for scope, line in zip(scopes, lines, strict=True)]

    @property
    def _through_ns(self) -> int | None:
        return self.ledger.complete_through_ns

    def _settled(self, reported: Mapping[Scope, Balance]) -> bool:
        """Whether some balance was seen after what is proven, so that an earlier look at it is compared."""
        through_ns = self._through_ns
        return through_ns is not None and any((fact.effective_ns or 0) >= through_ns for fact in reported.values())

    def _line(
        self, scope: Scope, latest: Balance | None, earlier: Balance | None, broken: BreakLife | None
    ) -> BalanceLine:
        compared, at_ns = self._comparable(latest, earlier)
        if compared is None and latest is None and self._is_whole():
            at_ns = self._question.as_of_ns or 0
        cause = "" if at_ns else self._cause(latest)
        computed = self._sums_before(at_ns).get(scope, Decimal(0)) if at_ns else None
        fact = compared or latest
        total = fact.total if fact is not None else None
        unexplained = EXACT.subtract(total, computed) if total is not None and computed is not None else None
        value = broken.value if broken is not None else None
        status = "unchecked" if cause else PROVEN
        if unexplained and total is not None and computed is not None and not self._rules.ties(computed, printed=total):
            status, cause = (_state(broken), "") if broken is not None else ("unchecked", "moving")
        elif total is None and computed is not None and broken is not None and broken.value.since_ns < at_ns:
            status = _state(broken)
        return BalanceLine(
            account=self._account, sub_account=scope[0], wallet=scope[1], asset=scope[2], reported=total,
            free=fact.free if fact else None, held=fact.used if fact else None, computed=computed,
            unexplained=unexplained, status=status, cause=cause,
            seen_ns=fact.effective_ns if fact else None, compared_ns=at_ns or None,
            break_id=value.id if value else None, since_ns=value.since_ns if value else None,
            until_ns=value.until_ns if value else None,
        )  # fmt: skip

    def _comparable(self, *looks: Balance | None) -> tuple[Balance | None, int]:
        """The latest look at a balance whose entries are proven, and the instant of which they must be taken."""
        through_ns = self._through_ns
        for look in looks:
            if look is None or through_ns is None:
                continue
            for at_ns in (_end_of(look.updated_ns), look.effective_ns):
                if at_ns is not None and self._since_ns < at_ns <= through_ns:
                    return look, at_ns
        return None, 0

    def _is_whole(self) -> bool:
        """Whether every entry before the past moment that is asked about is there."""
        as_of_ns = self._question.as_of_ns
        return as_of_ns is not None and self._through_ns is not None and self._since_ns < as_of_ns <= self._through_ns

    def _cause(self, latest: Balance | None) -> str:
        """Why nothing can be compared."""
        if latest is None:
            return "not reported"
        if self._through_ns is None:
            return "unsupported"
        hole = min(self.ledger.coverage, key=lambda each: each.since_ns, default=None)
        if hole is None or hole.since_ns > self._since_ns:
            return SETTLING
        return hole.cause or hole.status

    # ── the book ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _ledger(self, as_of_ns: int | None) -> Answer[LedgerSum]:
        return self._book.ledger_sums(self._account, as_of_ns=as_of_ns, known_at_ns=self._question.known_at_ns)

    def _sums(self, before_ns: int) -> Sums:
        return {_scope(row): row.amount for row in self._ledger(before_ns)}

    def _reported(self, as_of_ns: int | None) -> list[Balance]:
        facts = self._book.latest_states(
            Balance.kind, self._account, as_of_ns=as_of_ns, known_at_ns=self._question.known_at_ns
        )
        return [fact for fact in facts if isinstance(fact, Balance)]

    def _owed(self) -> dict[Scope, Decimal]:
        """What is owed, where principal and interest are both told."""
        facts = self._book.latest_states(
            Loan.kind, self._account, as_of_ns=self._question.as_of_ns, known_at_ns=self._question.known_at_ns
        )
        return {
            (fact.sub_account, fact.wallet, fact.asset): EXACT.add(fact.principal, fact.interest)
            for fact in facts
            if isinstance(fact, Loan) and fact.principal is not None and fact.interest is not None
        }

    def _broken(self) -> dict[Scope, BreakLife]:
        """The first break of each balance that is open, else accepted."""
        found: dict[Scope, BreakLife] = {}
        lives = lives_of(self._book, self._account, known_at_ns=self._question.known_at_ns)
        for life in sorted(lives, key=lambda each: (each.state != "open", each.value.since_ns)):
            scope = life.value.scope
            if life.state != "explained":
                found.setdefault((scope.sub_account, scope.wallet, scope.subject), life)
        return found


def _with_debt(line: BalanceLine, debt: Decimal | None) -> BalanceLine:
    if debt is None:
        return line
    net = None if line.reported is None else EXACT.subtract(line.reported, debt)
    return msgspec.structs.replace(line, debt=debt, net=net)


def _scope(row: Balance | LedgerSum) -> Scope:
    return row.sub_account, row.wallet, row.asset


def _end_of(updated_ns: int | None) -> int | None:
    """The end, exclusive, of the instant that the exchange names: all of its second where it names whole seconds."""
    if updated_ns is None:
        return None
    return updated_ns + (SECOND_NS if updated_ns % SECOND_NS == 0 else 1)


def _state(life: BreakLife) -> str:
    return "break" if life.state == "open" else life.state
