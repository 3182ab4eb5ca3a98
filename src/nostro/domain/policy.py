"""How the figures of one exchange hang together: a *policy* is a value that says, figure by figure, which formula
gives it and from which terms, and what the exchange's printing hides of each. It decides which figures of a fact can
be derived and measures them (``ties.py``); the policies themselves stand in ``policies/``, the formulas in
``margin/``.

A term is named by where it is found. ``size`` is a field of the fact itself, ``extra.haircut`` a member of the wire
that has no field; ``account.equity`` belongs to the collateral that backs it, ``positions.unrealized_pnl`` is of
every position there, ``cross.`` and ``isolated.`` of those in that mode, ``legs.`` of those of the same instrument
(one in one-way mode, up to two in hedge mode), ``balances.total`` of every balance; ``instrument.multiplier`` of the
contract; ``given.exit_size`` is what somebody knows from elsewhere. What is not there leaves the figure unchecked,
with that as its cause: it is never taken for zero.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, DecimalException
from typing import Final, NamedTuple

import msgspec

from nostro.domain.contracts import MarginSummary, Position, Snapshot
from nostro.domain.fact import Balance, Fact
from nostro.domain.margin.places import FINE
from nostro.domain.records import Instrument
from nostro.domain.ties import Formula, Printed, Quantum, Tie, amounts, compare, hidden
from nostro.domain.values import EXACT, ZERO, Malformed, decimal

NOT_REPORTED: Final = "not reported"
OWN_MODEL: Final = "the exchange's own portfolio model: reported only"
MANY: Final = ("positions", "cross", "isolated", "legs", "balances")


class Term(NamedTuple):
    """Where an argument is found: ``place`` as above, "" for the fact itself."""

    place: str
    name: str

    def __str__(self) -> str:
        return f"{self.place}.{self.name}" if self.place else self.name


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one kind of fact and the formula that gives it. ``name``: a field, or ``extra.`` and a member of
    the wire. ``called``: how the formula reads. ``only``: the values that other terms must have for it to apply.
    ``fixed``: arguments that are the same for every fact. ``rounded``: what its divisions lose. ``doubtful``: a
    hypothesis; where it does not tie, the figure may still be right. ``modelled``: not under portfolio margin."""

    name: str
    of: type[Fact]
    formula: Formula
    called: str
    source: str
    terms: Mapping[str, Term]
    only: tuple[tuple[Term, tuple[str, ...]], ...] = ()
    fixed: Mapping[str, object] = {}
    rounded: Decimal = ZERO
    doubtful: bool = False
    modelled: bool = False


def figure(
    name: str,
    formula: Formula,
    *,
    of: type[Fact],
    terms: str,
    called: str,
    source: str,
    only: Mapping[str, str | tuple[str, ...]] | None = None,
    fixed: Mapping[str, object] | None = None,
    doubtful: bool = False,
    modelled: bool = False,
) -> Figure:
    """A figure. ``terms``: the formula's arguments, ``argument=place.name`` or the argument alone where the fact has a
    field of that name; ``contract`` stands for the kind and multiplier of the instrument."""
    conditions = ((_term(at), (wanted,) if isinstance(wanted, str) else wanted) for at, wanted in (only or {}).items())
    divides = "places" in inspect.signature(formula).parameters
    return Figure(
        name=name, of=of, formula=formula, called=called, source=source, only=tuple(conditions), fixed=fixed or {},
        terms=dict(_arguments(terms)), rounded=FINE.quantum if divides else ZERO,
        doubtful=doubtful, modelled=modelled,
    )  # fmt: skip


def _arguments(text: str) -> Iterator[tuple[str, Term]]:
    for word in text.replace("contract", "kind=instrument.type multiplier=instrument.multiplier").split():
        argument, _, at = word.partition("=")
        yield argument, _term(at or argument)


def _term(text: str) -> Term:
    place, _, name = text.rpartition(".")
    return Term(place, name)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange's figures. ``amounts``: how it prints an amount where ``quanta`` names no other way for a field;
    ``evidence``: how that is known. ``hedge``: whether a contract may have a long and a short position at once.
    ``modes``: how collateral is held there (cross, isolated, margin_account). ``portfolio``: the words of
    `MarginSummary.mode` under which requirements come from a model of the exchange's own. ``reported``: figures, by
    kind and field, that nothing here derives, and why."""

    name: str
    amounts: Quantum
    evidence: str
    figures: tuple[Figure, ...]
    quanta: Mapping[str, Quantum] = {}
    hedge: bool = False
    modes: tuple[str, ...] = ("cross",)
    portfolio: tuple[str, ...] = ()
    reported: Mapping[str, str] = {}


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside a fact: the collateral that backs it, the positions and balances there (None: not known,
    which is not none), contracts by name, and amounts from elsewhere."""

    margin: MarginSummary | None = None
    positions: tuple[Position, ...] | None = None
    balances: tuple[Balance, ...] | None = None
    instruments: Mapping[str, Instrument] = {}
    given: Mapping[str, Decimal] = {}


ALONE: Final = Around()


def check(policy: Policy, fact: Fact, *, around: Around = ALONE) -> list[Tie]:
    """Every figure of a fact that the policy knows, measured; figures that nothing derives come last, unchecked with
    their cause, where they are reported."""
    applying = [each for each in policy.figures if isinstance(fact, each.of) and _applies(each, fact, around)]
    return [_measure(policy, each, fact=fact, around=around) for each in applying] + [
        Tie(figure=name, formula="", outcome="unchecked", reported=amount, cause=cause)
        for name, cause in _underived(policy, fact, around)
        if isinstance(amount := getattr(fact, name, None), Decimal)
    ]


def check_snapshot(
    policy: Policy, snapshot: Snapshot, *, instruments: Mapping[str, Instrument] | None = None
) -> Iterator[tuple[Fact, Tie]]:
    """Every figure of a snapshot: its collateral's, then each position's and balance's, each beside its fact."""
    around = Around(
        margin=snapshot.margin, positions=snapshot.positions, balances=snapshot.balances, instruments=instruments or {}
    )  # fmt: skip
    for fact in (snapshot.margin, *snapshot.positions, *snapshot.balances):
        yield from ((fact, tie) for tie in check(policy, fact, around=around))


def verdicts(ties: Sequence[Tie]) -> list[Tie]:
    """One for each figure, where several formulas claim it: the best of them, since only one can be the exchange's; of
    those that do not tie the first that is no hypothesis."""
    best: dict[str, Tie] = {}
    for tie in ties:
        known = best.get(tie.figure)
        if known is None or _rank(tie) < _rank(known):
            best[tie.figure] = tie
    return list(best.values())


def _rank(tie: Tie) -> tuple[int, bool]:
    return ("ties", "ties within its quanta", "does not tie", "unchecked").index(tie.outcome), tie.doubtful


def _underived(policy: Policy, fact: Fact, around: Around) -> Iterator[tuple[str, str]]:
    by_model = _by_model(policy, fact, around)
    for named, cause in policy.reported.items():
        kind, _, name = named.partition(".")
        if kind == fact.kind:
            yield name, OWN_MODEL if by_model and name in ("initial_margin", "maintenance_margin") else cause


def _by_model(policy: Policy, fact: Fact, around: Around) -> bool:
    """Whether requirements come from a model of the exchange's own (portfolio margin)."""
    margin = fact if isinstance(fact, MarginSummary) else around.margin
    return margin is not None and (margin.mode in policy.portfolio or margin.portfolio is not None)


def _applies(figure: Figure, fact: Fact, around: Around) -> bool:
    return all(_raw(at, fact=fact, around=around) in wanted for at, wanted in figure.only)


def _measure(policy: Policy, figure: Figure, *, fact: Fact, around: Around) -> Tie:
    found = _reported(policy, figure, fact)
    terms, cause = _terms(policy, figure, fact=fact, around=around)
    if figure.modelled and _by_model(policy, fact, around):
        cause = OWN_MODEL
    if cause or found is None:
        amount = found.amount if found is not None and isinstance(found.amount, Decimal) else None
        tie = Tie(
            figure=figure.name, formula=figure.called, outcome="unchecked", reported=amount,
            computed=None if cause else _computed(figure, terms), cause=cause or NOT_REPORTED,
        )  # fmt: skip
    else:
        tie = compare(
            found, figure=figure.name, called=figure.called, formula=figure.formula,
            terms={**figure.fixed, **terms},
        )  # fmt: skip
    return msgspec.structs.replace(tie, doubtful=True) if figure.doubtful else tie


def _computed(figure: Figure, terms: Mapping[str, Printed | object]) -> Decimal | None:
    """What would be expected of a figure that is not reported."""
    try:
        return figure.formula(**amounts({**figure.fixed, **terms}))
    except DecimalException:
        return None


def _reported(policy: Policy, figure: Figure, fact: Fact) -> Printed | None:
    amount = _amount(_term(figure.name), fact)
    if amount is None:
        return None
    return Printed(amount, (EXACT.add(_hidden(policy, figure.name, amount), figure.rounded),))


# ── finding terms ────────────────────────────────────────────────────────────────────────────────────────────────


def _terms(policy: Policy, figure: Figure, *, fact: Fact, around: Around) -> tuple[dict[str, Printed | object], str]:
    """The arguments of the formula, and "" or what of them is not known."""
    terms: dict[str, Printed | object] = {}
    for argument, at in figure.terms.items():
        if at.place in MANY:
            several = _several(at.place, fact=fact, around=around)
            each = [getattr(one, at.name) for one in several or ()]
            if several is None or None in each:
                return terms, f"{at} is not known"
            terms[argument] = Printed(tuple(each), tuple(_hidden(policy, at.name, amount) for amount in each))
            continue
        found = _raw(at, fact=fact, around=around)
        if found is None:
            return terms, f"{at} is not known"
        if isinstance(found, Decimal):
            exact = at.place in ("given", "instrument")
            terms[argument] = Printed(found, (ZERO if exact else _hidden(policy, _key(at), found),))
        else:
            terms[argument] = found
    return terms, ""


def _several(place: str, *, fact: Fact, around: Around) -> Sequence[Fact] | None:
    if place == "balances":
        return None if around.balances is None else [each for each in around.balances if _beside(each, fact)]
    if around.positions is None:  # one-way mode has no other leg; in hedge mode nobody knows it
        return (fact,) if place == "legs" and getattr(fact, "side", "") == "both" else None
    positions = [each for each in around.positions if _beside(each, fact)]
    if place in ("cross", "isolated"):
        return [each for each in positions if each.margin_mode == place]
    if place == "legs":
        return [each for each in positions if isinstance(fact, Position) and _together(each, fact)] or [fact]
    return positions


def _beside(one: Fact, fact: Fact) -> bool:
    """Whether two facts are of one wallet, as far as both say which."""
    return not one.wallet or not fact.wallet or one.wallet == fact.wallet


def _together(position: Position, other: Position) -> bool:
    """Whether two positions move together and share what backs them: an isolated one has its own."""
    if other.margin_mode == "isolated":
        return position is other
    return position.instrument == other.instrument and position.margin_mode == other.margin_mode


def _raw(at: Term, *, fact: Fact, around: Around) -> object:
    """What stands there: an amount, a word, or None where it is not known."""
    if at.place == "given":
        return around.given.get(at.name)
    if at.place == "instrument":
        contract = around.instruments.get(getattr(fact, "instrument", None) or "")
        return None if contract is None else getattr(contract, at.name)
    if at.place == "account":
        return None if around.margin is None else getattr(around.margin, at.name)
    return _amount(at, fact) if at.place == "extra" else getattr(fact, at.name)


def _amount(at: Term, fact: Fact) -> Decimal | None:
    if at.place != "extra":
        found = getattr(fact, at.name)
        assert found is None or isinstance(found, Decimal), f"{at} is no amount"
        return found
    try:
        return decimal(fact.extra[at.name], at.name) if at.name in fact.extra else None
    except Malformed:
        return None  # a member that should be a number and is none: kept as it came, and not known


def _key(at: Term) -> str:
    return str(at) if at.place == "extra" else at.name


def _hidden(policy: Policy, name: str, amount: Decimal) -> Decimal:
    return hidden(amount, policy.quanta.get(name, policy.amounts))
