"""Fills against the entries that book them (docs/invariants.md B17), per sub-account, wallet, asset and UTC day: the
fees of the fills are the fee entries, and what the fills moved is what the trade entries moved. It decides where the
sums of a day differ and between which rows; a fill's own truth is another check's (``executions.py``).

A fill moves its amount in the base asset, exactly, and price times amount in the quote asset, which the exchange cuts
to the asset's smallest unit in a direction that no document states: the tolerance of a fill's quote leg is one such
unit, whose evidence is the declared digits of the asset or, where none are declared, the most decimals among the
trade entries themselves (noise of a double beyond 15 digits not counted). Where sums differ, rows are paired from
both ends of the day, and the break lies in what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from nostro.book.breaks import Break, Hypothesis, Scope, identify
from nostro.book.checks.terms import Outcome, Proven, Result, Rules, pages_of, row_name, signed
from nostro.domain import values
from nostro.domain.records import Entry, Fill

FEES: Final = "fees"
TRADES: Final = "trades"
NO_WALLET: Final = "no_wallet"  # fills do not say whose they are, entries do: which belong together is not known
NO_FEE: Final = "no_fee"  # the wire does not say what a fill cost
DOUBLE_DIGITS: Final = 15  # significant digits that a double always keeps


class Leg(msgspec.Struct, frozen=True):
    """One amount, signed into the account. ``cut``: whether the exchange cut it to a whole number of the smallest
    unit."""

    at_ns: int
    amount: Decimal
    row: Fill | Entry
    cut: bool = False


class Day(msgspec.Struct):
    """The legs of one check, scope and day from both sides."""

    fills: list[Leg] = []
    entries: list[Leg] = []
    unknown: bool = False


class Days:
    """Takes fills and entries in order of time, and judges each day when the next begins; ``close`` judges the last,
    which ends at ``edge_ns``: what is later is left for another run."""

    def __init__(self, *, rules: Rules, fills_proven: Proven, entries_proven: Proven, edge_ns: int) -> None:
        self.results: list[Result] = []
        self.breaks: list[Break] = []
        self._rules = rules
        self._edge_ns = edge_ns
        self._fills_proven = fills_proven
        self._entries_proven = entries_proven
        self._day: dict[tuple[str, Scope], Day] = {}
        self._since_ns = 0

    def add(self, row: Fill | Entry) -> None:
        at_ns = row.effective_ns or 0
        if at_ns >= self._edge_ns:
            return
        if at_ns >= self._since_ns + values.DAY_NS:
            self._judge_day(self._since_ns + values.DAY_NS)
            self._since_ns = at_ns - at_ns % values.DAY_NS
        if isinstance(row, Fill):
            self._add_fill(row, at_ns)
        elif row.type in ("trade", "fee"):
            check = FEES if row.type == "fee" else TRADES
            self._of(check, self._rules.scope(row, row.asset)).entries.append(Leg(at_ns, row.amount, row))

    def close(self) -> None:
        self._judge_day(min(self._edge_ns, self._since_ns + values.DAY_NS))

    def _of(self, check: str, scope: Scope) -> Day:
        return self._day.setdefault((check, scope), Day())

    def _add_fill(self, fill: Fill, at_ns: int) -> None:
        base, _, quote = fill.instrument.partition("/")
        bought = fill.side == "buy"
        cost = values.EXACT.multiply(fill.price, fill.amount)
        self._of(TRADES, self._rules.scope(fill, base)).fills.append(Leg(at_ns, signed(fill.amount, bought), fill))
        self._of(TRADES, self._rules.scope(fill, quote)).fills.append(
            Leg(at_ns, signed(cost, not bought), fill, cut=True)
        )
        if fill.fee is None or fill.fee_asset is None:
            for asset in (base, quote):
                self._of(FEES, self._rules.scope(fill, asset)).unknown = True
        elif fill.fee:
            self._of(FEES, self._rules.scope(fill, fill.fee_asset)).fills.append(
                Leg(at_ns, fill.fee.copy_negate(), fill)
            )

    # ── one day ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _judge_day(self, until_ns: int) -> None:
        named = Counter((check, scope.subject, bool(scope.sub_account)) for check, scope in self._day)
        for (check, scope), day in sorted(self._day.items()):
            mixed = bool(named[check, scope.subject, not scope.sub_account])
            self._judge(check, scope, day, until_ns, cause=NO_WALLET if mixed else NO_FEE if day.unknown else "")
        self._day = {}

    def _judge(self, check: str, scope: Scope, day: Day, until_ns: int, *, cause: str) -> None:
        since_ns, last_ns = self._since_ns, until_ns - 1
        proven = self._fills_proven.cause(since_ns, last_ns) or self._entries_proven.cause(since_ns, last_ns)
        cause = proven or cause
        outcome: Outcome = "unchecked"
        allowed = values.ZERO
        if not cause:
            unit = self._unit(scope, day)
            fills, entries = _sum(day.fills), _sum(day.entries)
            allowed = values.add((self._tolerance(day.fills, unit), self._tolerance(day.entries, unit)))
            difference = values.EXACT.subtract(fills, entries)
            outcome = (
                "ties" if not difference else "ties within its quanta" if difference.copy_abs() <= allowed else "break"
            )
            if outcome == "break":
                self.breaks.append(self._break(check, scope, day, unit, expected=fills, actual=entries))
        self.results.append(
            Result(
                check=check, scope=scope, outcome=outcome, cause=cause, since_ns=since_ns, until_ns=last_ns,
                terms=len(day.fills) + len(day.entries), tolerance=allowed,
            )
        )  # fmt: skip

    def _unit(self, scope: Scope, day: Day) -> Decimal:
        """The smallest unit of the asset: declared, else the most decimals that its trade entries print."""
        digits = self._rules.digits.get(scope.subject)
        if digits is None:
            digits = max((_decimals(leg.amount) for leg in day.entries), default=0)
        return values.truncation_quantum(digits)

    def _tolerance(self, legs: Iterable[Leg], unit: Decimal) -> Decimal:
        return values.add(self._allowed(leg, unit) for leg in legs)

    def _allowed(self, leg: Leg, unit: Decimal) -> Decimal:
        if not leg.cut:
            return self._rules.quantum(leg.amount)
        fill = leg.row
        if self._rules.amounts == "text" or not isinstance(fill, Fill):
            return unit
        # What the two printed factors may hide, carried through their product.
        hidden = (
            values.EXACT.multiply(fill.price, self._rules.quantum(fill.amount)),
            values.EXACT.multiply(fill.amount, self._rules.quantum(fill.price)),
        )
        return values.add((unit, *hidden))

    def _break(self, check: str, scope: Scope, day: Day, unit: Decimal, *, expected: Decimal, actual: Decimal) -> Break:
        fills, entries = self._unpaired(day.fills, day.entries, unit)
        legs = sorted([*fills, *entries], key=lambda leg: leg.at_ns) or [*day.fills, *day.entries]
        missing = values.EXACT.subtract(expected, actual)
        day_text = values.format_time(self._since_ns)[:10]
        amount = values.canonical(missing)
        what = "fees" if check == FEES else "trades"
        return Break(
            id=identify(check, scope, anchor=day_text), check=check, name=f"{what}_differ", scope=scope,
            since_ns=legs[0].at_ns, until_ns=legs[-1].at_ns, expected=expected, actual=actual, missing=missing,
            rows=tuple(row_name(leg.row) for leg in legs), pages=pages_of(leg.row for leg in legs),
            text=(
                f"{scope}: on {day_text} the fills say {what} of {values.canonical(expected)}, the entries "
                f"{values.canonical(actual)}: {amount} is not booked"
            ),
            hypotheses=_hypotheses(fills, entries, missing),
        )  # fmt: skip

    def _unpaired(self, fills: Sequence[Leg], entries: Sequence[Leg], unit: Decimal) -> tuple[list[Leg], list[Leg]]:
        """What is left of both sides when equal legs are paired from the beginning and from the end."""
        left, right = _in_order(fills), _in_order(entries)
        for end in (0, -1):
            while left and right and self._pair(left[end], right[end], unit):
                left.pop(end)
                right.pop(end)
        return left, right

    def _pair(self, fill: Leg, entry: Leg, unit: Decimal) -> bool:
        allowed = values.add((self._allowed(fill, unit), self._allowed(entry, unit)))
        return values.EXACT.subtract(fill.amount, entry.amount).copy_abs() <= allowed


def _hypotheses(fills: Sequence[Leg], entries: Sequence[Leg], missing: Decimal) -> tuple[Hypothesis, ...]:
    found = []
    if len(fills) > len(entries):
        found.append(Hypothesis(name="missing_row", text="an entry was never given", amount=missing))
    elif len(entries) > len(fills):
        found.append(Hypothesis(name="missing_row", text="a fill was never given", amount=missing.copy_negate()))
    else:
        rows = tuple(row_name(leg.row) for leg in (*fills, *entries))
        found.append(Hypothesis(name="altered_row", text="one of these amounts was changed", amount=missing, rows=rows))
    return tuple(found)


def _in_order(legs: Iterable[Leg]) -> list[Leg]:
    return sorted(legs, key=lambda leg: (leg.at_ns, leg.amount))


def _sum(legs: Iterable[Leg]) -> Decimal:
    return values.add(leg.amount for leg in legs)


def _decimals(amount: Decimal) -> int:
    """Decimals of a printed amount; 0 for one with so many digits that a double's noise is among them."""
    _, digits, exponent = amount.as_tuple()
    return -exponent if isinstance(exponent, int) and exponent < 0 and len(digits) <= DOUBLE_DIGITS else 0
