"""Writes figures-margin.md: every figure of margin that an exchange published or somebody recorded, and what our
formulas make of it. ``make docs`` runs it; a test holds the page to it.

The figures stand in tests/recorded/*/figures.toml as they were printed; the formulas and what an exchange's printing
may hide are those of its policy (``nostro.domain.policies``).
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import msgspec

from nostro.domain.contracts import Position
from nostro.domain.margin import averaging, collateral, liquidation, profit
from nostro.domain.policies import POLICIES
from nostro.domain.policy import Around, check, verdicts
from nostro.domain.records import KINDS, Balance, Instrument
from nostro.domain.ties import Printed, Quantum, Tie, compare, hidden
from nostro.domain.values import canonical

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "figures-margin.md"
FORMULAS: Final[tuple[ModuleType, ...]] = (averaging, collateral, liquidation, profit)
STATUSES: Final = ("ties", "ties within its quanta", "does not tie", "unchecked")

HEAD: Final = """\
# Figures of margin

<!-- Written by `python docs/figures_margin.py`; edit tests/recorded/*/figures.toml instead. -->

What exchanges printed of margin, profit and liquidation, in documents and in answers that somebody kept, and what our
formulas make of it. *Published* figures are examples of a document, and some were never computed by anybody; *recorded*
ones came from the exchange.

A figure *ties* where it is what the formula gives, digit for digit; it *ties within its quanta* where the difference is
no more than what the printing of it and of its terms hides (a unit in the last place of a double, a unit of the last
decimal of a cut or rounded text), and nothing else is added; else it *does not tie*. *Unchecked* is what cannot be
computed, with the reason. A formula with a question mark is a hypothesis: no document says it, or none that its figures
keep. Where several formulas are tried for one figure, one that ties is enough, and it is the one that is counted.
"""


class Row(NamedTuple):
    """One figure of one sample."""

    title: str
    kind: str
    source: str
    tie: Tie


class Sample(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One fact as printed, and what is known beside it."""

    title: str
    kind: str
    source: str
    policy: str
    fact: str
    fields: dict[str, Any]
    contract: dict[str, str] | None = None
    given: dict[str, Decimal] = {}
    quanta: dict[str, Quantum] = {}
    amounts: Quantum | None = None
    balances: tuple[dict[str, Any], ...] | None = None
    positions: tuple[dict[str, Any], ...] | None = None


class Direct(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One amount and a formula that no fact has."""

    title: str
    kind: str
    source: str
    formula: str
    terms: dict[str, Decimal]
    reported: Decimal
    quantum: Quantum = "exact"


class Figures(msgspec.Struct, forbid_unknown_fields=True):
    """One file."""

    sample: tuple[Sample, ...] = ()
    direct: tuple[Direct, ...] = ()


def rows(exchange: str) -> Iterator[Row]:
    """Every figure recorded of an exchange, measured."""
    text = (ROOT / "tests" / "recorded" / exchange / "figures.toml").read_text("utf-8")
    figures = msgspec.convert(tomllib.loads(text), Figures)
    for sample in figures.sample:
        yield from (Row(sample.title, sample.kind, sample.source, tie) for tie in measured(sample))
    for direct in figures.direct:
        yield Row(direct.title, direct.kind, direct.source, alone(direct))


def measured(sample: Sample) -> list[Tie]:
    """Every figure of a sample that its policy knows."""
    policy = POLICIES[sample.policy]
    amounts = policy.amounts if sample.amounts is None else sample.amounts
    policy = msgspec.structs.replace(policy, quanta={**policy.quanta, **sample.quanta}, amounts=amounts)
    fact = msgspec.convert(sample.fields, KINDS[sample.fact])
    around = Around(
        given=sample.given,
        instruments={sample.fields["instrument"]: contract(sample.contract)} if sample.contract else {},
        balances=None if sample.balances is None else msgspec.convert(sample.balances, tuple[Balance, ...]),
        positions=None if sample.positions is None else msgspec.convert(sample.positions, tuple[Position, ...]),
    )
    return [tie for tie in check(policy, fact, around=around) if tie.reported is not None]


def contract(fields: Mapping[str, str]) -> Instrument:
    return msgspec.convert(
        {"instrument": "", "base": "", "quote": "", "amount_digits": 0, "price_digits": 0, **fields}, Instrument
    )  # fmt: skip


def alone(direct: Direct) -> Tie:
    formula = next(getattr(module, direct.formula) for module in FORMULAS if hasattr(module, direct.formula))
    return compare(
        Printed(direct.reported, (hidden(direct.reported, direct.quantum),)), figure=direct.formula,
        called=direct.formula.replace("_", " "), formula=formula, terms=direct.terms,
    )  # fmt: skip


def exchanges() -> list[str]:
    """Every exchange of which there are figures."""
    return sorted(path.parent.name for path in ROOT.glob("tests/recorded/*/figures.toml"))


def page() -> str:
    """The whole page."""
    found = {exchange: list(rows(exchange)) for exchange in exchanges()}
    every = [row for of_one in found.values() for row in of_one]
    parts = [HEAD, *counts(every)]
    for exchange, of_one in found.items():
        parts += ["", f"## {exchange}", "", *claims(exchange), *table(of_one)]
    return "\n".join(parts) + "\n"


def claims(exchange: str) -> Iterator[str]:
    """What is said of an exchange's printing and of how it holds collateral, policy by policy."""
    for policy in POLICIES.values():
        if policy.name.removesuffix("_v1") != exchange:
            continue
        printed = {"exact": "exactly", "double": "as doubles"}.get(
            str(policy.amounts), f"with {policy.amounts} decimals"
        )
        sides = "a long and a short position of a contract" if policy.hedge else "one position of a contract"
        yield f"- `{policy.name}`: amounts {printed} ({policy.evidence}); {', '.join(policy.modes)}; {sides}."


def verdict(every: list[Row]) -> Iterator[Row]:
    """One row for each figure of each sample: of several formulas the one that ties."""
    by_title: dict[str, list[Row]] = {}
    for row in every:
        by_title.setdefault(f"{row.source} {row.title}", []).append(row)
    for of_one in by_title.values():
        yield from (of_one[0]._replace(tie=tie) for tie in verdicts([row.tie for row in of_one]))


def tried(every: list[Row]) -> list[Row]:
    """Every formula that said something, and where none did, the first with its reason."""
    checked = {(row.title, row.tie.figure) for row in every if row.tie.outcome != "unchecked"}
    kept: list[Row] = []
    for row in every:
        name = (row.title, row.tie.figure)
        if row.tie.outcome != "unchecked" or name not in checked:
            kept.append(row)
            checked.add(name)
    return kept


def counts(every: list[Row]) -> Iterator[str]:
    by = Counter((row.kind, row.tie.outcome) for row in verdict(every))
    yield "| figures | " + " | ".join(STATUSES) + " |"
    yield "|---|" + "---|" * len(STATUSES)
    for kind in ("published", "recorded"):
        yield f"| {kind} | " + " | ".join(str(by[kind, status]) for status in STATUSES) + " |"


def table(of_one: list[Row]) -> Iterator[str]:
    title = ""
    for row in tried(of_one):
        if row.title != title:
            title = row.title
            yield from ("", f"**{title}** ({row.kind}: {row.source})", "")
            yield "| figure | reported | formula | difference | allowed | status |"
            yield "|---|---|---|---|---|---|"
        yield line(row.tie)


def line(tie: Tie) -> str:
    status = f"unchecked: {tie.cause}" if tie.outcome == "unchecked" else tie.outcome
    away = "" if tie.difference is None else short(tie.difference)
    at_most = short(tie.tolerance) if tie.difference else ""
    called = tie.formula.replace("|", "&#124;") + (" ?" if tie.doubtful else "")
    reported = "" if tie.reported is None else canonical(tie.reported)
    return f"| {tie.figure} | {reported} | {called} | {away} | {at_most} | {status} |"


def short(amount: Decimal) -> str:
    """Three digits: enough to see how far apart two amounts are."""
    return f"{amount:.3g}" if amount else "0"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
