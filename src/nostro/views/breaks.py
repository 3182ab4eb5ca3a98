"""The noun ``breaks``: each difference between what was reported and what was computed, its interval, its exact
amount, and its life. It decides how a break is told; what is one, and what becomes of it, is the book's
(``book/breaks.py``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nostro.domain.values import canonical, format_time
from nostro.views.view import Column, View, plain

if TYPE_CHECKING:
    from nostro.book.book import Book
    from nostro.book.breaks import BreakLife, Hypothesis


class BreakLine(msgspec.Struct, frozen=True, kw_only=True):
    """One break. ``missing``: what would have to be added to the facts for the check to tie, units of ``subject``."""

    id: str
    account: str
    state: str
    check: str
    name: str
    sub_account: str
    wallet: str
    subject: str
    side: str
    since_ns: int
    until_ns: int
    missing: Decimal | None
    held_missing: Decimal | None
    opened_ns: int | None
    text: str


COLUMNS: Final = (
    Column(name="id", heading="break"),
    Column(name="state", heading="state", kind="status"),
    Column(name="name", heading="looks like"),
    Column(name="sub_account", heading="sub-account", rank=4),
    Column(name="wallet", heading="wallet", rank=2),
    Column(name="subject", heading="in"),
    Column(name="missing", heading="missing", kind="amount"),
    Column(name="since_ns", heading="from (UTC)", kind="time"),
    Column(name="until_ns", heading="until (UTC)", kind="time", rank=1),
    Column(name="check", heading="check", rank=3),
)


class StepLine(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a break's life: what happened, when, on which page, by whom and why."""

    at_ns: int
    what: str
    page: int
    author: str
    reason: str


STEP_COLUMNS: Final = (
    Column(name="at_ns", heading="at (UTC)", kind="time"),
    Column(name="what", heading="what", kind="status"),
    Column(name="page", heading="page", kind="count"),
    Column(name="author", heading="by"),
    Column(name="reason", heading="why"),
)


def breaks(
    lives: Iterable[BreakLife], *, known_at_ns: int | None = None, everything: bool = False,
    sub_account: str | None = None,
) -> View:  # fmt: skip
    """The breaks that are open or accepted, or all of them, of one sub-account or all, oldest interval first within
    each account."""
    rows = [line(life) for life in lives if everything or life.state != "explained"]
    rows = [row for row in rows if sub_account in (None, row.sub_account)]
    rows.sort(key=lambda row: (row.account, row.since_ns, row.id))
    count = sum(row.state == "open" for row in rows)
    notes = ("`nostro breaks show ID` says more, `nostro breaks explain ID` what may have happened",) if rows else ()
    return View(
        noun="breaks", columns=_columns(rows), rows=rows, kind=BreakLine, group=("account",), notes=notes,
        known_at_ns=known_at_ns, empty="no breaks: what was reported is what was computed", more={"open": count},
    )  # fmt: skip


def _columns(rows: Sequence[BreakLine]) -> tuple[Column, ...]:
    """Whose break it is, where there are several."""
    several = len({row.sub_account for row in rows}) > 1
    return tuple(column for column in COLUMNS if several or column.name != "sub_account")


def lives_of(book: Book, account: str, *, known_at_ns: int | None = None) -> list[BreakLife]:
    """Every break of an account with its life."""
    from nostro.book.judgement import lives

    return list(lives(book, account, known_at_ns=known_at_ns).values())


def line(life: BreakLife) -> BreakLine:
    value = life.value
    return BreakLine(
        id=value.id, account=value.scope.account, state=life.state, check=value.check, name=value.name,
        sub_account=value.scope.sub_account, wallet=value.scope.wallet, subject=value.scope.subject,
        side=value.scope.side, since_ns=value.since_ns, until_ns=value.until_ns, missing=value.missing,
        held_missing=value.held_missing, opened_ns=life.events[0].at_ns if life.events else None, text=value.text,
    )  # fmt: skip


def one(life: BreakLife) -> View:
    """One break: its life as rows, and what it is in the notes."""
    value = life.value
    rows = [
        StepLine(at_ns=event.at_ns, what=event.what, page=event.page, author=event.author, reason=event.reason)
        for event in life.events
    ]
    notes = (
        f"break {value.id} of account {value.scope.account}: {value.name}, found by the check of {value.check}",
        *([value.text] if value.text else []),
        f"between {format_time(value.since_ns)} and {format_time(value.until_ns)}",
        *_amounts(value.expected, value.actual, value.missing, value.held_missing),
        *([f"rows {', '.join(value.rows[:20])}"] if value.rows else []),
        *([f"pages {', '.join(map(str, value.pages[:20]))}"] if value.pages else []),
    )
    return View(noun="break", columns=STEP_COLUMNS, rows=rows, notes=notes, more=_whole(life))


def _whole(life: BreakLife) -> dict[str, Any]:
    return {"state": life.state, "break": plain(life.value)}


def _amounts(
    expected: Decimal | None, actual: Decimal | None, missing: Decimal | None, held_missing: Decimal | None
) -> list[str]:
    named = {"expected": expected, "actual": actual, "missing": missing, "missing of the held part": held_missing}
    said = [f"{name} {canonical(amount)}" for name, amount in named.items() if amount is not None]
    return [", ".join(said)] if said else []


HYPOTHESIS_COLUMNS: Final = (
    Column(name="name", heading="hypothesis"),
    Column(name="amount", heading="amount", kind="amount"),
    Column(name="since_ns", heading="from (UTC)", kind="time", rank=1),
    Column(name="until_ns", heading="until (UTC)", kind="time", rank=2),
    Column(name="text", heading="what may have happened"),
)


def explanations(life: BreakLife) -> View:
    """What may have caused a break, the likeliest first."""
    hypotheses: Sequence[Hypothesis] = life.value.hypotheses
    notes = (life.value.text,) if life.value.text else ()
    return View(
        noun="explanations", columns=HYPOTHESIS_COLUMNS, rows=hypotheses, notes=notes, more=_whole(life),
        empty="nothing is known that would explain it",
    )  # fmt: skip
