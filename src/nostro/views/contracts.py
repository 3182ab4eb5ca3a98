"""The nouns of contracts: ``margin`` and ``positions`` (as they are), ``funding`` (what was paid), and ``history``
(moments that the exchange kept, and lives of positions that ended). It decides what a table shows of them, and says
of each row what came of its figures: whether the exchange's own formulas give what it reports
(``domain/policies``). What ties within which tolerance is in the JSON document, figure by figure.

A row is measured by itself: what other answers said at other moments has other prices in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nostro.domain.policies import POLICIES
from nostro.domain.policy import Around, Policy, check, check_snapshot, verdicts
from nostro.domain.records import Fact, Instrument, Snapshot
from nostro.domain.ties import Tie
from nostro.views.facts import Noun
from nostro.views.view import Column, View

if TYPE_CHECKING:
    from nostro.book.book import Book

STATUS: Final = Column(name="status", heading="figures", kind="status", rank=1)
MARGIN: Final = Noun(
    name="margin",
    kind="margin_summary",
    state=True,
    columns=(
        Column(name="wallet", heading="wallet", rank=7),
        Column(name="scope", heading="scope", rank=8),
        Column(name="instrument", heading="pair", rank=6),
        Column(name="currency", heading="in"),
        Column(name="balance", heading="balance", kind="amount", rank=5),
        Column(name="unrealized_pnl", heading="unrealized", kind="amount", rank=3),
        Column(name="equity", heading="equity", kind="amount"),
        Column(name="initial_margin", heading="initial", kind="amount", rank=4),
        Column(name="maintenance_margin", heading="maintenance", kind="amount", rank=2),
        Column(name="available", heading="available", kind="amount"),
    ),
)
POSITIONS: Final = Noun(
    name="positions",
    kind="position",
    state=True,
    columns=(
        Column(name="instrument", heading="contract"),
        Column(name="side", heading="side"),
        Column(name="size", heading="size", kind="amount"),
        Column(name="entry_price", heading="entry", kind="amount", rank=1),
        Column(name="mark_price", heading="mark", kind="amount", rank=2),
        Column(name="unrealized_pnl", heading="unrealized", kind="amount"),
        Column(name="currency", heading="in", beside="unrealized_pnl", rank=3),
        Column(name="realized_pnl", heading="realized", kind="amount", rank=6),
        Column(name="liquidation_price", heading="liquidation", kind="amount", rank=4),
        Column(name="leverage", heading="leverage", kind="amount", rank=5),
        Column(name="margin_mode", heading="mode", rank=5),
        Column(name="notional", heading="notional", kind="amount", rank=7),
    ),
)
FUNDING: Final = Noun(
    name="funding",
    kind="funding_payment",
    state=False,
    columns=(
        Column(name="effective_ns", heading="time (UTC)", kind="time"),
        Column(name="instrument", heading="contract"),
        Column(name="position_side", heading="side", rank=3),
        Column(name="amount", heading="received", kind="amount"),
        Column(name="asset", heading="in", beside="amount"),
        Column(name="rate", heading="rate", kind="amount", rank=1),
        Column(name="size", heading="size", kind="amount", rank=2),
        Column(name="mark_price", heading="mark", kind="amount", rank=4),
        Column(name="native_id", heading="id", short=True, rank=5),
    ),
)
SNAPSHOTS: Final = Noun(
    name="snapshots",
    kind="snapshot",
    state=False,
    columns=(
        Column(name="effective_ns", heading="time (UTC)", kind="time"),
        Column(name="currency", heading="in"),
        Column(name="balance", heading="balance", kind="amount", rank=4),
        Column(name="unrealized_pnl", heading="unrealized", kind="amount", rank=3),
        Column(name="equity", heading="equity", kind="amount"),
        Column(name="initial_margin", heading="initial", kind="amount", rank=5),
        Column(name="maintenance_margin", heading="maintenance", kind="amount", rank=2),
        Column(name="available", heading="available", kind="amount", rank=6),
        Column(name="count", heading="positions", kind="count", rank=2),
    ),
)
CLOSED: Final = Noun(
    name="closed_positions",
    kind="closed_position",
    state=False,
    columns=(
        Column(name="effective_ns", heading="ended (UTC)", kind="time"),
        Column(name="instrument", heading="contract"),
        Column(name="side", heading="side"),
        Column(name="closed_size", heading="size", kind="amount", rank=2),
        Column(name="entry_price", heading="entry", kind="amount", rank=4),
        Column(name="exit_price", heading="exit", kind="amount", rank=4),
        Column(name="realized_pnl", heading="realized", kind="amount"),
        Column(name="fees", heading="fees", kind="amount", rank=5),
        Column(name="funding", heading="funding", kind="amount", rank=6),
        Column(name="opened_ns", heading="opened (UTC)", kind="time", rank=7),
        Column(name="stage", heading="status", kind="stage", rank=3),
    ),
)
EVENTS: Final = Noun(
    name="position_events",
    kind="position_event",
    state=False,
    columns=(
        Column(name="effective_ns", heading="time (UTC)", kind="time"),
        Column(name="instrument", heading="contract"),
        Column(name="reason", heading="reason"),
        Column(name="size_before", heading="before", kind="amount", rank=3),
        Column(name="size", heading="after", kind="amount", rank=1),
        Column(name="price", heading="price", kind="amount", rank=4),
        Column(name="realized_pnl", heading="realized", kind="amount", rank=2),
        Column(name="fee", heading="fee", kind="amount", rank=5),
        Column(name="funding", heading="funding", kind="amount", rank=6),
    ),
)
NOUNS: Final = {noun.name: noun for noun in (MARGIN, POSITIONS, FUNDING, SNAPSHOTS, CLOSED, EVENTS)}
MEASURED: Final = frozenset({"margin_summary", "position", "snapshot", "closed_position"})


class FigureLine(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one row: as reported and as its formula gives it, and what came of that. ``row``: the number of the
    row, from 0. ``of``: what it is a figure of (an instrument, an asset), "" for the row itself."""

    row: int
    of: str
    figure: str
    formula: str
    outcome: str
    reported: Decimal | None
    computed: Decimal | None
    difference: Decimal | None
    tolerance: Decimal
    doubtful: bool
    cause: str


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a table: a fact, and what is not among its members."""

    fact: Fact
    status: str = ""

    def __getattr__(self, name: str) -> Any:
        fact = self.fact
        if name == "stage":
            return getattr(fact, "status", None)
        if isinstance(fact, Snapshot) and not hasattr(fact, name):
            return len(fact.positions) if name == "count" else getattr(fact.margin, name)
        return getattr(fact, name)


def measured(book: Book, view: View, *, noun: Noun) -> View:
    """The view of that noun with its figures measured, where they have formulas: a column of its table, and lines of
    its JSON document."""
    if noun.kind not in MEASURED:
        return view
    if noun is MARGIN:
        view = msgspec.structs.replace(view, empty="no collateral is known")
    rows = [row for row in view.rows if isinstance(row, Fact)]
    policies = {account: POLICIES.get(book.account(account).exchange) for account in {row.account for row in rows}}
    instruments = {account: _instruments(book, account, view) for account in policies}
    lines, drawn = list[FigureLine](), list[Drawn]()
    for number, row in enumerate(rows):
        found = _ties(row, policies[row.account], instruments=instruments[row.account])
        drawn.append(Drawn(fact=row, status=summary([tie for _, tie in found])))
        lines += [_line(number, of, tie) for of, tie in found]
    told = {each.name for each in view.columns if any(getattr(row, each.name) not in (None, "") for row in drawn)}
    kept = tuple(column for column in view.columns if column.name in told or not column.rank or not drawn)
    return msgspec.structs.replace(view, columns=(*kept, STATUS), drawn=drawn, more={**view.more, "figures": lines})


def summary(ties: Sequence[Tie]) -> str:
    """What came of all figures of a row, in a few words: the worst, and of how many."""
    if wrong := sorted({tie.figure for tie in ties if tie.outcome == "does not tie" and not tie.doubtful}):
        return f"does not tie ({', '.join(wrong)})"
    tied = [tie.outcome for tie in ties if tie.outcome.startswith("ties")]
    if not tied:
        return "unchecked"
    return f"{'ties' if set(tied) == {'ties'} else 'ties within its quanta'} ({len(tied)})"


def _ties(fact: Fact, policy: Policy | None, *, instruments: dict[str, Instrument]) -> list[tuple[str, Tie]]:
    """Each figure of a fact once, with what it is of."""
    if policy is None:
        return []
    if not isinstance(fact, Snapshot):
        return [("", tie) for tie in verdicts(check(policy, fact, around=Around(instruments=instruments)))]
    found: dict[str, list[Tie]] = {}
    for each, tie in check_snapshot(policy, fact, instruments=instruments):
        of = getattr(each, "instrument", None) or getattr(each, "asset", "")
        found.setdefault(f"{of} {getattr(each, 'side', '')}".strip(), []).append(tie)
    return [(of, tie) for of, ties in found.items() for tie in verdicts(ties)]


def _instruments(book: Book, account: str, view: View) -> dict[str, Instrument]:
    known = book.latest_states(Instrument.kind, account, known_at_ns=view.known_at_ns)
    return {fact.instrument: fact for fact in known if isinstance(fact, Instrument)}


def _line(row: int, of: str, tie: Tie) -> FigureLine:
    return FigureLine(
        row=row, of=of, figure=tie.figure, formula=tie.formula, outcome=tie.outcome, reported=tie.reported,
        computed=tie.computed, difference=tie.difference, tolerance=tie.tolerance, doubtful=tie.doubtful,
        cause=tie.cause,
    )  # fmt: skip
