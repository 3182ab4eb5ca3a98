"""Figures that an exchange reports of contracts (margin, equity, profit, notional, funding, liquidation prices)
against the formulas of its policy (``domain/policies``), fact by fact. It decides which facts are looked at together
and what becomes of a figure that does not tie; what ties, and within what, is decided in ``domain/policy.py``.

Only what one answer or one snapshot said together is compared: between two answers the mark price has moved. A figure
whose formula nobody could verify (*doubtful*) is measured and named, and is no break where it does not tie: the
formula may be wrong. One that breaks, breaks once for each thing that it is said of, with the first row that shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from nostro.book.breaks import Break, Scope, identify
from nostro.book.checks.terms import Look, Outcome, Result, Rules, row_name
from nostro.domain import values
from nostro.domain.policy import Around, Policy, check, check_snapshot, verdicts
from nostro.domain.records import Balance, Fact, Instrument, MarginSummary, Position, Snapshot
from nostro.domain.ties import Tie

CHECK: Final = "figures"
DOUBTFUL: Final = "the formula is doubtful, and does not tie"


class Figures:
    """Measures facts as they come. ``known``: the ids of breaks that were found before."""

    def __init__(
        self, policy: Policy, *, rules: Rules, instruments: Mapping[str, Instrument], known: Iterable[str] = ()
    ) -> None:
        self.breaks: list[Break] = []
        self._policy = policy
        self._rules = rules
        self._instruments = instruments
        self._known = set(known)
        self._counted: dict[tuple[str, Outcome, str], Result] = {}

    @property
    def results(self) -> list[Result]:
        """One for each figure and what came of it; ``terms``: of how many facts."""
        return [self._counted[key] for key in sorted(self._counted)]

    def look(self, look: Look) -> None:
        """The states that one answer gave, each beside the others of its sub-account."""
        for sub_account in sorted({fact.sub_account for fact in look.facts}):
            mine = [fact for fact in look.facts if fact.sub_account == sub_account]
            around = self._around(mine)
            for fact in mine:
                if isinstance(fact, MarginSummary | Position | Balance):
                    beside = around if around.margin is not None else self._backed(around, fact, mine)
                    self._count(fact, check(self._policy, fact, around=beside), at_ns=look.received_ns, page=look.page)

    def fact(self, fact: Fact) -> None:
        """A row of a history: a snapshot with all that is in it, or one that stands for itself."""
        at_ns, page = fact.effective_ns or 0, fact.page
        if isinstance(fact, Snapshot):
            found: dict[int, tuple[Fact, list[Tie]]] = {}
            for each, tie in check_snapshot(self._policy, fact, instruments=self._instruments):
                found.setdefault(id(each), (each, []))[1].append(tie)
            for each, ties in found.values():
                self._count(msgspec.structs.replace(each, sub_account=fact.sub_account), ties, at_ns=at_ns, page=page)
        else:
            around = Around(instruments=self._instruments)
            self._count(fact, check(self._policy, fact, around=around), at_ns=at_ns, page=page)

    def _around(self, facts: Iterable[Fact]) -> Around:
        """What an answer says beside each of its facts; what it does not list at all is not known."""
        margins = [fact for fact in facts if isinstance(fact, MarginSummary)]
        positions = tuple(fact for fact in facts if isinstance(fact, Position))
        balances = tuple(fact for fact in facts if isinstance(fact, Balance))
        return Around(
            margin=margins[0] if len(margins) == 1 else None, positions=positions or None, balances=balances or None,
            instruments=self._instruments,
        )  # fmt: skip

    def _backed(self, around: Around, fact: Fact, facts: Iterable[Fact]) -> Around:
        """Of several margin accounts the one of the fact's own wallet."""
        mine = [each for each in facts if isinstance(each, MarginSummary) and each.wallet == fact.wallet]
        return msgspec.structs.replace(around, margin=mine[0] if len(mine) == 1 else None)

    def _count(self, fact: Fact, ties: Iterable[Tie], *, at_ns: int, page: int) -> None:
        for tie in verdicts(list(ties)):
            name = f"{fact.kind}.{tie.figure}"
            outcome, cause = _outcome(tie)
            if outcome == "break":
                self._break(fact, tie, name=name, at_ns=at_ns, page=page)
            known = self._counted.get((name, outcome, cause))
            self._counted[name, outcome, cause] = Result(
                check=CHECK, scope=Scope(account=self._rules.account, subject=name), outcome=outcome, cause=cause,
                since_ns=min(at_ns, known.since_ns) if known else at_ns,
                until_ns=max(at_ns, known.until_ns) if known else at_ns, terms=1 + (known.terms if known else 0),
                tolerance=max(tie.tolerance, known.tolerance) if known else tie.tolerance,
            )  # fmt: skip

    def _break(self, fact: Fact, tie: Tie, *, name: str, at_ns: int, page: int) -> None:
        subject = getattr(fact, "instrument", None) or getattr(fact, "asset", None) or getattr(fact, "currency", "")
        scope = Scope(self._rules.account, fact.sub_account, fact.wallet, str(subject))
        break_id = identify(CHECK, scope, anchor=name)
        if break_id in self._known:
            return
        self._known.add(break_id)
        assert tie.reported is not None
        assert tie.computed is not None
        self.breaks.append(
            Break(
                id=break_id, check=CHECK, name="figure_differs", scope=scope, since_ns=at_ns, until_ns=at_ns,
                expected=tie.computed, actual=tie.reported, rows=(row_name(fact),),
                missing=values.EXACT.subtract(tie.reported, tie.computed),
                pages=(page,) if page else (),
                text=(
                    f"{scope}: {name} is reported as {values.canonical(tie.reported)}, and {tie.formula} gives "
                    f"{values.canonical(tie.computed)}"
                ),
            )
        )  # fmt: skip


def _outcome(tie: Tie) -> tuple[Outcome, str]:
    if tie.outcome == "does not tie":
        return ("unchecked", DOUBTFUL) if tie.doubtful else ("break", "")
    return tie.outcome, tie.cause
