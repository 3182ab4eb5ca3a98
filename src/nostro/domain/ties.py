"""Whether what an exchange reports agrees with what a formula gives. It decides how far apart they may be, and what
came of the comparison; which formula belongs to which figure is ``policy.py``'s.

A printed amount hides something: its *quantum*. An exact text hides nothing, the text of a double up to a unit of its
last place (docs/decisions/0005), a cut or rounded text up to a unit of its last digit. The tolerance of a comparison
is the sum of the quanta of its terms, each as far as it moves the result: the formula is computed again with every
printed term moved by its quantum, one by one, up and down. Nothing else is added, and where both sides are equal
nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, DecimalException
from typing import Final, Literal, NamedTuple

import msgspec

from nostro.domain.values import EXACT, ZERO, float_quantum, truncation_quantum

Outcome = Literal["ties", "ties within its quanta", "does not tie", "unchecked"]
Quantum = Literal["exact", "double"] | int  # an int: so many decimals are printed, cut or rounded
Amounts = Decimal | tuple[Decimal, ...]
Formula = Callable[..., Decimal | None]
UNDEFINED: Final = "the formula gives no number: a divisor is zero, or there is no such price"
TOO_LONG: Final = "more digits than exact arithmetic holds"


class Printed(NamedTuple):
    """An amount, or one of several things each, as printed, and what it may hide: so much of each, in its order."""

    amount: Amounts
    quanta: tuple[Decimal, ...]


class Tie(msgspec.Struct, frozen=True, kw_only=True):
    """One figure as ``reported`` and as ``computed`` by ``formula``. ``difference`` = reported - computed;
    ``tolerance`` the sum of the quanta, 0 where nothing needed it. ``doubtful``: the formula is a hypothesis, and one
    that does not tie says more of it than of the figure. ``cause`` says why something is unchecked: what is not
    known, or why nothing follows."""

    figure: str
    formula: str
    outcome: Outcome
    reported: Decimal | None = None
    computed: Decimal | None = None
    difference: Decimal | None = None
    tolerance: Decimal = ZERO
    doubtful: bool = False
    cause: str = ""


def hidden(amount: Decimal, quantum: Quantum) -> Decimal:
    """What the text of an amount may hide, printed so. Units of the amount, not negative."""
    if quantum == "exact":
        return ZERO
    return float_quantum(amount) if quantum == "double" else truncation_quantum(quantum)


def compare(
    reported: Printed,
    *,
    figure: str,
    called: str,
    formula: Formula,
    terms: Mapping[str, Printed | object],
    rounded: Decimal = ZERO,
) -> Tie:
    """The comparison of one amount with ``formula(**terms)``; terms that are not `Printed` are given as they are.
    ``rounded``: what the formula's own divisions may lose."""
    given = {name: term.amount if isinstance(term, Printed) else term for name, term in terms.items()}
    try:
        computed = formula(**given)
        if computed is None:
            return Tie(figure=figure, formula=called, outcome="unchecked", reported=_single(reported), cause=UNDEFINED)
        difference = EXACT.subtract(_single(reported), computed)
        allowed = EXACT.add(reported.quanta[0], rounded)
        tolerance = _moves(computed, allowed, formula=formula, terms=terms, given=given) if difference else ZERO
    except DecimalException:
        return Tie(figure=figure, formula=called, outcome="unchecked", reported=_single(reported), cause=TOO_LONG)
    if not difference:
        outcome: Outcome = "ties"
    else:
        outcome = "ties within its quanta" if EXACT.abs(difference) <= tolerance else "does not tie"
    return Tie(
        figure=figure, formula=called, outcome=outcome, reported=_single(reported), computed=computed,
        difference=difference, tolerance=tolerance,
    )  # fmt: skip


def _single(reported: Printed) -> Decimal:
    assert isinstance(reported.amount, Decimal)
    return reported.amount


def _moves(
    computed: Decimal,
    allowed: Decimal,
    *,
    formula: Formula,
    terms: Mapping[str, Printed | object],
    given: Mapping[str, object],
) -> Decimal:
    """``allowed``, and how far each printed term moves the result within what it hides."""
    for name, term in terms.items():
        if not isinstance(term, Printed):
            continue
        for moved in _moved(term):
            results = (formula(**{**given, name: each}) for each in moved)
            away = [EXACT.abs(EXACT.subtract(result, computed)) for result in results if result is not None]
            allowed = EXACT.add(allowed, max(away, default=ZERO))
    return allowed


def _moved(term: Printed) -> Iterator[tuple[Amounts, Amounts]]:
    """The term with each of its amounts moved up and down by what it may hide."""
    if isinstance(term.amount, Decimal):
        if term.quanta[0]:
            yield EXACT.add(term.amount, term.quanta[0]), EXACT.subtract(term.amount, term.quanta[0])
        return
    for at, (amount, quantum) in enumerate(zip(term.amount, term.quanta, strict=True)):
        if quantum:
            up, down = EXACT.add(amount, quantum), EXACT.subtract(amount, quantum)
            yield _with(term.amount, at, put=up), _with(term.amount, at, put=down)


def _with(amounts: tuple[Decimal, ...], at: int, *, put: Decimal) -> tuple[Decimal, ...]:
    return (*amounts[:at], put, *amounts[at + 1 :])
