"""Whether what an exchange reports agrees with what a formula gives. It decides how far apart they may be, and what
came of the comparison; which formula belongs to which figure is ``policy.py``'s.

A printed amount hides something: its *quantum*. An exact text hides nothing, the text of a double up to a unit of its
last place (docs/decisions/0005), a cut or rounded text up to a unit of its last digit. The tolerance of a comparison
is the sum of the quanta of its terms, each as far as it moves the result: the formula is computed again with every
printed term moved by its quantum, one by one, up and down. Nothing else is added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, DecimalException
from typing import Any, Final, Literal, NamedTuple

import msgspec

from nostro.domain.values import EXACT, ZERO, float_quantum, truncation_quantum

Outcome = Literal["ties", "ties within its quanta", "does not tie", "unchecked"]
Quantum = Literal["exact", "double"] | int  # an int: so many decimals are printed, cut or rounded
Amounts = Decimal | tuple[Decimal, ...]
Formula = Callable[..., Decimal | None]
UNDEFINED: Final = "the formula gives no number: a divisor is zero, or there is no such price"
MAY_BE_ZERO: Final = "a divisor is zero within what its printing hides"
TOO_LONG: Final = "more digits than exact arithmetic holds"


class Printed(NamedTuple):
    """An amount, or one of several things each, as printed, and what it may hide: so much of each, in its order."""

    amount: Amounts
    quanta: tuple[Decimal, ...]


class Tie(msgspec.Struct, frozen=True, kw_only=True):
    """One figure as ``reported`` and as ``computed`` by ``formula``. ``difference`` = reported - computed;
    ``tolerance``: the sum of the quanta, term by term until it is enough, of all of them where it is not.
    ``doubtful``: the formula is a hypothesis, and one that does not tie says more of it than of the figure. ``cause``
    says why something is unchecked: what is not known, or why nothing follows."""

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


def amounts(terms: Mapping[str, Printed | object]) -> dict[str, Any]:
    """The terms as a formula takes them."""
    return {name: term.amount if isinstance(term, Printed) else term for name, term in terms.items()}


def compare(
    reported: Printed,
    *,
    figure: str,
    called: str,
    formula: Formula,
    terms: Mapping[str, Printed | object],
) -> Tie:
    """The comparison of one amount with ``formula(**terms)``; terms that are not `Printed` are given as they are."""
    given = amounts(terms)
    amount = _single(reported)
    try:
        computed = formula(**given)
        if computed is None:
            return Tie(figure=figure, formula=called, outcome="unchecked", reported=amount, cause=UNDEFINED)
        difference = EXACT.subtract(amount, computed)
        apart, tolerance = EXACT.abs(difference), ZERO
        for step in _quanta(reported, computed, formula=formula, terms=terms, given=given):
            if tolerance >= apart:
                break
            if step is None:
                return Tie(figure=figure, formula=called, outcome="unchecked", reported=amount, cause=MAY_BE_ZERO)
            tolerance = EXACT.add(tolerance, step)
    except DecimalException:
        return Tie(figure=figure, formula=called, outcome="unchecked", reported=amount, cause=TOO_LONG)
    within: Outcome = "ties within its quanta" if apart <= tolerance else "does not tie"
    return Tie(
        figure=figure, formula=called, outcome=within if difference else "ties", reported=amount, computed=computed,
        difference=difference, tolerance=tolerance,
    )  # fmt: skip


def _single(printed: Printed) -> Decimal:
    assert isinstance(printed.amount, Decimal)
    return printed.amount


def _quanta(
    reported: Printed,
    computed: Decimal,
    *,
    formula: Formula,
    terms: Mapping[str, Printed | object],
    given: Mapping[str, Any],
) -> Iterator[Decimal | None]:
    """What each term may add to the difference, the reported amount first; None where a term may be what the formula
    gives no number for."""
    yield reported.quanta[0]
    for name, term in terms.items():
        for moved in _moved(term) if isinstance(term, Printed) else ():
            results = [formula(**{**given, name: each}) for each in moved]
            away = [EXACT.abs(EXACT.subtract(result, computed)) for result in results if result is not None]
            yield max(away) if len(away) == len(results) else None


def _moved(term: Printed) -> Iterator[list[Amounts]]:
    """The term with each of its amounts moved up and down by what it may hide, and to zero where that lies between."""
    if isinstance(term.amount, Decimal):
        if term.quanta[0]:
            yield [*_around(term.amount, quantum=term.quanta[0])]
        return
    for at, (amount, quantum) in enumerate(zip(term.amount, term.quanta, strict=True)):
        if quantum:
            yield [_with(term.amount, at, put=each) for each in _around(amount, quantum=quantum)]


def _around(amount: Decimal, *, quantum: Decimal) -> Iterator[Decimal]:
    yield EXACT.add(amount, quantum)
    yield EXACT.subtract(amount, quantum)
    if amount and quantum > EXACT.abs(amount):
        yield ZERO


def _with(amounts: tuple[Decimal, ...], at: int, *, put: Decimal) -> tuple[Decimal, ...]:
    return (*amounts[:at], put, *amounts[at + 1 :])
