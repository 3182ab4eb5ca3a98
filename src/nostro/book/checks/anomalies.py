"""What went wrong at one place of a chain of running balances: a row missing, doubled, altered, out of order or
alien. It decides the name, the smallest interval and the exact missing amount from the few rows around; it settles
nothing.

The rule is parsimony: the explanation with the fewest faults that makes the rows on both sides tie. A deleted row
leaves one broken link; a row that does not belong leaves two, and taking it away mends both; rows out of order tie
again in another order, which keeps their sum. Hold and release repeat the same balances all day, so a repetition
alone is not a double: the row must also be of the same instant and type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from nostro.book.breaks import Break, Hypothesis, Scope, identify
from nostro.book.checks.terms import Rules, pages_of, row_name
from nostro.domain import values
from nostro.domain.records import Entry

REORDERED_ROWS_MAX: Final = 8  # rows next to each other that are tried in other orders: 8! is the most that is walked
LOOKAHEAD_ROWS: Final = REORDERED_ROWS_MAX + 1  # rows needed behind the first that does not follow


class State(msgspec.Struct, frozen=True, array_like=True):
    """A balance: its total and its held part; None where the wire does not say."""

    total: Decimal | None
    held: Decimal | None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the chain does not go on: the state reached after ``last`` (None: the beginning, at ``origin_ns``), the
    rows ``waiting``, the first of which does not follow. ``final``: no rows come after them. ``loose``: ``last`` is
    the only row before, and nothing proves what it started from. ``recent``: rows settled lately."""

    scope: Scope
    rules: Rules
    check: str
    state: State
    last: Entry | None
    origin_ns: int
    waiting: Sequence[Entry]
    final: bool
    loose: bool
    recent: Iterable[Entry]

    @property
    def since_ns(self) -> int:
        return self.origin_ns if self.last is None else self.last.effective_ns or 0


class Hole(msgspec.Struct, frozen=True):
    """A break whose rows are missing between two states."""

    found: Break
    start: State
    end: State


class Extra(msgspec.Struct, frozen=True):
    """A break whose row belongs elsewhere or nowhere."""

    found: Break
    row: Entry


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What it is. ``consumed``: the rows dealt with, in the order that ties, with the state after each. ``restarts``:
    the row settled before that is among them. ``hole``: nothing is consumed, the chain goes on from the next row's
    start."""

    found: Break
    consumed: tuple[Entry, ...] = ()
    states: tuple[State, ...] = ()
    hole: Hole | None = None
    extra: Extra | None = None
    restarts: Entry | None = None


def before(row: Entry) -> State:
    return State(row.before, row.held_before)


def after(row: Entry) -> State:
    return State(row.after, row.held_after)


def _equal(rules: Rules, left: State, right: State) -> bool:
    """Whether two states are equal in the parts that both know."""
    return _same(rules, left.total, right.total) and _same(rules, left.held, right.held)


def diagnose(place: Place) -> Verdict:
    """What is wrong with the first waiting row."""
    row = place.waiting[0]
    if _equal(place.rules, place.state, before(row)) or not _own(place.rules, row):
        altered = _altered(place, row)
        if altered is not None:
            return altered
        return _hole(place, row)
    return _doubled(place, row) or _reordered(place) or _extra(place, row) or _hole(place, row)


def moved(breaks: Sequence[Break], *, holes: Sequence[Hole], extras: Sequence[Extra]) -> list[Break]:
    """The same breaks, a row that is missing in one place and too many in another being one row out of order."""
    replaced: dict[str, Break | None] = {}
    free = list(holes)
    for extra in extras:
        hole = next((each for each in free if each.start == before(extra.row) and each.end == after(extra.row)), None)
        if hole is not None:
            free.remove(hole)
            replaced[hole.found.id] = None
            replaced[extra.found.id] = _moved(hole.found, extra)
    chosen = (replaced.get(each.id, each) for each in breaks)
    return [each for each in chosen if each is not None]


# ── the cases ────────────────────────────────────────────────────────────────────────────────────────────────────


def _altered(place: Place, row: Entry) -> Verdict | None:
    """The row does not tie within itself: which member is it, as its neighbours tell? None where a row is missing
    too."""
    if _equal(place.rules, place.state, before(row)):
        following = before(place.waiting[1]) if len(place.waiting) > 1 else None
        if following is not None and not _equal(place.rules, after(row), following):
            computed = advance(before(row), row)
            if _equal(place.rules, computed, following):
                return _altered_member(place, row, "after", computed)
        return _altered_member(place, row, "amount", after(row))
    if _equal(place.rules, advance(place.state, row), after(row)):
        return _altered_member(place, row, "before", after(row))
    return None


def _altered_member(place: Place, row: Entry, member: str, state: State) -> Verdict:
    """``member`` is the part that disagrees; where that is the held part, its name begins with ``held_``."""
    total_differs = not _same(place.rules, _plus(row.before, row.amount), row.after)
    if member == "before":
        total_differs = not _same(place.rules, place.state.total, row.before)
    held = "" if total_differs else "held_"
    known, printed = {
        "before": (place.state, before(row)),
        "after": (state, after(row)),
        "amount": (_change(before(row), after(row)), State(row.amount, row.held_amount)),
    }[member]
    expected, actual = (known.total, printed.total) if total_differs else (known.held, printed.held)
    missing = _change(printed, known) if member == "amount" else State(values.ZERO, values.ZERO)
    at_ns = row.effective_ns or 0
    text = f"row {row_name(row)} says {held}{member} {_text(actual)}, and its neighbours say {_text(expected)}"
    found = _break(
        place, "altered_row", anchor=row_name(row), since_ns=at_ns, until_ns=at_ns, rows=(row,), text=text,
        expected=expected, actual=actual, missing=missing,
        hypotheses=(
            Hypothesis(
                name="altered_row", text=f"{held}{member} of row {row_name(row)} was changed after it was computed",
                amount=_minus(actual, expected), rows=(row_name(row),),
            ),
        ),
    )  # fmt: skip
    return Verdict(found=found, consumed=(row,), states=(state,))


def _doubled(place: Place, row: Entry) -> Verdict | None:
    """The row before, once more: same instant, type and amounts."""
    if place.last is None or not _twins(place.last, row) or place.last.effective_ns != row.effective_ns:
        return None
    return _extra_verdict(place, row, original=place.last)


def _extra(place: Place, row: Entry) -> Verdict | None:
    """A row between two broken links that mend when it is taken away."""
    if len(place.waiting) < 2:
        return None
    following = before(place.waiting[1])
    if _equal(place.rules, after(row), following) or not _equal(place.rules, place.state, following):
        return None
    original = next((each for each in place.recent if _twins(each, row)), None)
    return _extra_verdict(place, row, original=original)


def _extra_verdict(place: Place, row: Entry, *, original: Entry | None) -> Verdict:
    at_ns = row.effective_ns or 0
    name = "extra_row" if original is None else "doubled_row"
    says = "fits nowhere here" if original is None else f"repeats row {row_name(original)}"
    text = f"row {row_name(row)} of {_text(row.amount)}{_held_text(row.held_amount)} {says}; without it the chain ties"
    found = _break(
        place, name, anchor=row_name(row), since_ns=at_ns, until_ns=at_ns,
        rows=(row,) if original is None else (original, row), text=text,
        expected=place.state.total, actual=row.before,
        missing=State(row.amount.copy_negate(), None if row.held_amount is None else row.held_amount.copy_negate()),
        hypotheses=(
            Hypothesis(name=name, text=f"row {row_name(row)} {says}", amount=row.amount, rows=(row_name(row),)),
            Hypothesis(name="missing_row", text="two rows are missing, one on either side of it"),
        ),
    )  # fmt: skip
    # The state stays what it was, and the row counts in the sum of the entries: the break says by how much.
    return Verdict(found=found, consumed=(row,), states=(place.state,), extra=Extra(found, row))


def _reordered(place: Place) -> Verdict | None:
    """The next few rows tie in another order."""
    first = [place.last] if place.loose and place.last is not None else []
    rows = [*first, *place.waiting]
    for count in range(2, min(len(rows), REORDERED_ROWS_MAX) + 1):
        tried, following = rows[:count], rows[count] if count < len(rows) else None
        if following is None and not place.final:
            return None
        if not _own_all(place.rules, tried) or _broken(place, tried, following, free=bool(first)) < 2:
            continue
        end = before(following) if following is not None else None
        ordered = _walk(place.rules, None if first else place.state, tried, end)
        if ordered is not None:
            return _reordered_verdict(place, tried, ordered, first)
    return None


def _reordered_verdict(place: Place, rows: list[Entry], ordered: list[Entry], first: list[Entry]) -> Verdict:
    wrong = [row for row, right in zip(rows, ordered, strict=True) if row is not right]
    times = [row.effective_ns or 0 for row in wrong]
    names = ", ".join(row_name(row) for row in wrong)
    right = ", ".join(row_name(row) for row in ordered if row in wrong)
    found = _break(
        place, "reordered_rows", anchor=row_name(min(wrong, key=row_name)), since_ns=min(times), until_ns=max(times),
        rows=wrong, text=f"rows {names} tie in the order {right}", missing=State(values.ZERO, values.ZERO),
        hypotheses=(
            Hypothesis(name="reordered_rows", text=f"times or ids of rows {names} are not as they happened"),
        ),
    )  # fmt: skip
    return Verdict(
        found=found, consumed=tuple(ordered), states=tuple(after(row) for row in ordered),
        restarts=first[0] if first else None,
    )  # fmt: skip


def _hole(place: Place, row: Entry) -> Verdict:
    """Something is missing between the last row and this one."""
    start, end = place.state, before(row)
    missing = _change(start, end)
    amounts = f"{_text(missing.total)}{_held_text(missing.held)}"
    left = "the beginning" if place.last is None else f"row {row_name(place.last)}"
    hypotheses = [
        Hypothesis(
            name="missing_row", text=f"a row of {amounts} between {left} and row {row_name(row)} was never given",
            amount=missing.total, held=missing.held, since_ns=place.since_ns, until_ns=row.effective_ns or 0,
        )
    ]  # fmt: skip
    # What the next row or the last one repeats may be too many as well as something may be missing.
    for one, others in ((row, [place.last]), (place.last, [each for each in place.recent if each is not place.last])):
        twin = next((each for each in others if each and one and _twins(each, one)), None)
        if one is not None and twin is not None and (one is row or twin.effective_ns == one.effective_ns):
            text = f"row {row_name(one)} repeats row {row_name(twin)}"
            hypotheses.append(Hypothesis(name="doubled_row", text=text, amount=one.amount, rows=(row_name(one),)))
    found = _break(
        place, "missing_row", anchor=f"after {row_name(place.last) if place.last else place.since_ns}",
        since_ns=place.since_ns, until_ns=row.effective_ns or 0, rows=(place.last, row) if place.last else (row,),
        expected=start.total, actual=end.total, missing=missing,
        text=f"{amounts} is missing between {left} and row {row_name(row)}", hypotheses=tuple(hypotheses),
    )  # fmt: skip
    return Verdict(found=found, hole=Hole(found, start, end))


def _moved(hole: Break, extra: Extra) -> Break:
    name = row_name(extra.row)
    since_ns, until_ns = min(hole.since_ns, extra.found.since_ns), max(hole.until_ns, extra.found.until_ns)
    text = f"row {name} stands where it does not tie, and is missing between rows {' and '.join(hole.rows)}"
    return msgspec.structs.replace(
        extra.found,
        name="reordered_rows", since_ns=since_ns, until_ns=until_ns, missing=values.ZERO, held_missing=values.ZERO,
        rows=(name, *hole.rows), pages=tuple(sorted({*extra.found.pages, *hole.pages})), text=text,
        expected=None, actual=None,
        hypotheses=(Hypothesis(name="reordered_rows", text=f"the time or id of row {name} is wrong", rows=(name,)),),
    )  # fmt: skip


# ── arithmetic ───────────────────────────────────────────────────────────────────────────────────────────────────


def _walk(rules: Rules, state: State | None, rows: Sequence[Entry], end: State | None) -> list[Entry] | None:
    """The rows in an order in which each follows the one before, from ``state`` to ``end``; None where there is
    none."""
    if not rows:
        return [] if state is None or end is None or _equal(rules, state, end) else None
    for position, row in enumerate(rows):
        if state is None or _equal(rules, state, before(row)):
            rest = _walk(rules, after(row), [*rows[:position], *rows[position + 1 :]], end)
            if rest is not None:
                return [row, *rest]
    return None


def _broken(place: Place, rows: Sequence[Entry], following: Entry | None, *, free: bool) -> int:
    """How many links do not tie, from the state through the rows to the one that follows."""
    states = [*([] if free else [place.state])] + [after(row) for row in rows]
    starts = [before(row) for row in (rows[1:] if free else rows)] + ([before(following)] if following else [])
    return sum(not _equal(place.rules, state, start) for state, start in zip(states, starts, strict=False))


def _own(rules: Rules, row: Entry) -> bool:
    """Whether before + amount = after in this row alone."""
    total = _plus(row.before, row.amount)
    held = _plus(row.held_before, row.held_amount)
    fits = (
        total is None
        or row.after is None
        or rules.ties(total, printed=row.after, terms=(row.before or values.ZERO, row.amount, row.after))
    )
    if not fits or held is None or row.held_after is None or row.held_before is None or row.held_amount is None:
        return fits
    return rules.ties(held, printed=row.held_after, terms=(row.held_before, row.held_amount, row.held_after))


def _own_all(rules: Rules, rows: Iterable[Entry]) -> bool:
    return all(_own(rules, row) for row in rows)


def _twins(left: Entry, right: Entry) -> bool:
    return (left.type, left.amount, left.before, left.after, left.held_amount, left.held_before, left.held_after) == (
        right.type, right.amount, right.before, right.after, right.held_amount, right.held_before, right.held_after
    )  # fmt: skip


def advance(state: State, row: Entry) -> State:
    """The state after the row, computed; None stays None."""
    return State(_plus(state.total, row.amount), _plus(state.held, row.held_amount))


def _change(start: State, end: State) -> State:
    return State(_minus(end.total, start.total), _minus(end.held, start.held))


def _plus(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    return None if left is None or right is None else values.EXACT.add(left, right)


def _minus(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    return None if left is None or right is None else values.EXACT.subtract(left, right)


def _same(rules: Rules, left: Decimal | None, right: Decimal | None) -> bool:
    return left is None or right is None or rules.ties(left, printed=right)


def _text(amount: Decimal | None) -> str:
    return "an unknown amount" if amount is None else values.canonical(amount)


def _held_text(held: Decimal | None) -> str:
    return f" (held {values.canonical(held)})" if held else ""


def _break(
    place: Place,
    name: str,
    *,
    anchor: str,
    since_ns: int,
    until_ns: int,
    rows: Iterable[Entry],
    text: str,
    missing: State,
    hypotheses: tuple[Hypothesis, ...],
    expected: Decimal | None = None,
    actual: Decimal | None = None,
) -> Break:
    evidence = list(rows)
    return Break(
        id=identify(place.check, place.scope, anchor=anchor), check=place.check, name=name, scope=place.scope,
        since_ns=since_ns, until_ns=until_ns, expected=expected, actual=actual, missing=missing.total,
        held_missing=missing.held, rows=tuple(row_name(row) for row in evidence), pages=pages_of(evidence),
        text=f"{place.scope}: {text}", hypotheses=hypotheses,
    )  # fmt: skip
