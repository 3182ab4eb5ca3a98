"""Rows that move money against the entries that book them (docs/invariants.md B15, B16, B17), per sub-account, wallet,
asset and UTC day: the fees of the fills are the fee entries, what the fills moved is what the trade entries moved, and
so with borrowings, repayments, transfers between wallets (out of one and into the other) and what the exchange's fund
paid in liquidations. It decides where the sums of a day differ and between which rows; a row's own truth is another
check's (``executions.py``, ``borrowings.py``). What the fund took in a liquidation no row tells: those entries are
``unchecked``, and a break only where the wallet was not liquidated that day.

A fill of a contract moves no base and no quote. What moves is profit that was realized, and the fee, in the asset that
the contract is settled in; where the exchange logs positions and keeps a ledger, what the log says of them is what the
entries book, over all wallets of a sub-account. Funding alone is booked later than it is due (``movements.py``).

A fill moves its amount in the base asset, exactly, and price times amount in the quote asset, which the exchange cuts
to the asset's smallest unit in a direction that no document states: the tolerance of a fill's quote leg is one such
unit, whose evidence is the declared digits of the asset or, where none are declared, the most decimals among the
trade entries themselves (noise of a double beyond 15 digits not counted). Where sums differ, rows are paired from
both ends of the day, and the break lies in what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from nostro.book.breaks import Break, Hypothesis, Scope, identify
from nostro.book.checks.terms import (
    NOT_TOLD,
    WHICH_WALLET,
    Outcome,
    Proven,
    Result,
    Rules,
    decimals,
    is_bare,
    is_contract,
    pages_of,
    row_name,
    settled_in,
    signed,
)
from nostro.domain import values
from nostro.domain.records import Borrow, Entry, Fill, Liquidation, PositionEvent, Repayment, Transfer
from nostro.link.commands import BARE_ISOLATED

FEES: Final = "fees"
TRADES: Final = "trades"
BORROWED: Final = "borrowings"
REPAID: Final = "repayments"
MOVED: Final = "transfers between wallets"
LIQUIDATED: Final = "liquidations"
TAKEN: Final = "taken in liquidations"
REALIZED: Final = "realized by contracts"


class Kind(NamedTuple):
    """Of a check: the stream of its rows, the type of the entries that book them, and what the rows are called."""

    stream: str
    entry: str
    rows: str
    break_name: str


CHECKS: Final[Mapping[str, Kind]] = {
    FEES: Kind("fills", "fee", "fills", "fees_differ"),
    TRADES: Kind("fills", "trade", "fills", "trades_differ"),
    BORROWED: Kind("borrows", "borrow", "borrowings", "borrowings_differ"),
    REPAID: Kind("repayments", "repay", "repayments", "repayments_differ"),
    MOVED: Kind("margin_transfers", "transfer", "transfers", "transfers_differ"),
    LIQUIDATED: Kind("liquidations", "liquidation", "liquidations", "liquidations_differ"),
    TAKEN: Kind("liquidations", "liquidation", "liquidations", "entry_without_liquidation"),
    REALIZED: Kind("position_events", "realized_pnl", "position events", "realized_differs"),
}
_BOOKS: Final = {kind.entry: check for check, kind in CHECKS.items() if check != TAKEN}
Row = Fill | Entry | Borrow | Repayment | Transfer | Liquidation | PositionEvent
NO_WALLET: Final = "no_wallet"  # fills do not say whose they are, entries do: which belong together is not known
NO_FEE: Final = "no_fee"  # the wire does not say what a fill cost


class Leg(msgspec.Struct, frozen=True):
    """One amount, signed into the account. ``cut``: whether the exchange cut it to a whole number of the smallest
    unit."""

    at_ns: int
    amount: Decimal
    row: Row
    cut: bool = False


class Day(msgspec.Struct):
    """The legs of one check, scope and day from both sides. ``unknown``: why a row's amount is not known."""

    rows: list[Leg] = []
    entries: list[Leg] = []
    unknown: str = ""


class Days:
    """Takes rows and entries in order of time, and judges each day when the next begins; ``close`` judges the last,
    which ends at ``edge_ns``: what is later is left for another run. ``proven``: by stream."""

    def __init__(self, *, rules: Rules, proven: Mapping[str, Proven], edge_ns: int) -> None:
        self.results: list[Result] = []
        self.breaks: list[Break] = []
        self._rules = rules
        self._edge_ns = edge_ns
        self._proven = proven
        self._day: dict[tuple[str, Scope], Day] = {}
        self._liquidated: set[tuple[str, str]] = set()
        self._since_ns = 0

    def add(self, row: Row) -> None:
        at_ns = row.effective_ns or 0
        if at_ns >= self._edge_ns:
            return
        if at_ns >= self._since_ns + values.DAY_NS:
            self._judge_day(self._since_ns + values.DAY_NS)
            self._since_ns = at_ns - at_ns % values.DAY_NS
        match row:
            case Fill():
                self._add_fill(row, at_ns)
            case Entry():
                self._add_entry(row, at_ns)
            case Borrow():
                self._add(BORROWED, row, row.amount)
            case Repayment():
                owed = (
                    None if row.principal is None or row.interest is None else values.add((row.principal, row.interest))
                )
                self._add(REPAID, row, None if owed is None else owed.copy_negate())
            case Transfer():
                self._add_transfer(row)
            case PositionEvent():
                self._add_event(row)
            case Liquidation():
                self._liquidated.add((row.sub_account, row.wallet))
                self._add(LIQUIDATED, row, row.fund_amount)

    def close(self) -> None:
        self._judge_day(min(self._edge_ns, self._since_ns + values.DAY_NS))

    def _of(self, check: str, scope: Scope) -> Day:
        return self._day.setdefault((check, scope), Day())

    def _add(self, check: str, row: Row, amount: Decimal | None, *, wallet: str | None = None) -> None:
        """A row that is booked by one entry; None where the wire does not say by how much."""
        assert not isinstance(row, Fill | PositionEvent)
        scope = self._rules.scope(row, row.asset)
        day = self._of(check, scope if wallet is None else msgspec.structs.replace(scope, wallet=wallet))
        if amount is None:
            day.unknown = NOT_TOLD
        elif amount:
            day.rows.append(Leg(row.effective_ns or 0, amount, row))

    def _add_transfer(self, transfer: Transfer) -> None:
        if transfer.direction != "internal" or transfer.status != "done":
            return
        for wallet, into in ((transfer.from_wallet, False), (transfer.to_wallet, True)):
            if wallet is not None:
                self._add(MOVED, transfer, signed(transfer.amount, into), wallet=wallet)

    def _add_event(self, event: PositionEvent) -> None:
        """All that a change of a position realized, whichever wallet it came into; funding alone is none of it."""
        if event.realized_pnl is None and event.fee is None and event.price is None:
            return
        fee = None if event.fee is None else event.fee.copy_negate()
        settle = settled_in(event.instrument)
        parts = ((settle, event.realized_pnl), (settle, event.funding), (event.fee_asset or settle, fee))
        for asset, amount in parts:
            if amount:
                self._realized(event, asset).rows.append(Leg(event.effective_ns or 0, amount, event))

    def _realized(self, row: Entry | PositionEvent, asset: str) -> Day:
        return self._of(REALIZED, Scope(self._rules.account, row.sub_account, "", asset))

    def _add_entry(self, entry: Entry, at_ns: int) -> None:
        check = _BOOKS.get(self._rules.booked_as(entry))
        if check is None:
            return
        if check == REALIZED:
            if self._rules.contracts and not is_contract(entry.asset):
                self._realized(entry, entry.asset).entries.append(Leg(at_ns, entry.amount, entry))
            return
        if check == LIQUIDATED and entry.amount < 0:
            check = TAKEN
        self._of(check, self._rules.scope(entry, entry.asset)).entries.append(Leg(at_ns, entry.amount, entry))

    def _add_fill(self, fill: Fill, at_ns: int) -> None:
        if is_contract(fill.instrument):
            return
        base, _, quote = fill.instrument.partition("/")
        bought = fill.side == "buy"
        cost = values.EXACT.multiply(fill.price, fill.amount)
        self._of(TRADES, self._rules.scope(fill, base)).rows.append(Leg(at_ns, signed(fill.amount, bought), fill))
        self._of(TRADES, self._rules.scope(fill, quote)).rows.append(
            Leg(at_ns, signed(cost, not bought), fill, cut=True)
        )
        if fill.fee is None or fill.fee_asset is None:
            for asset in (base, quote):
                self._of(FEES, self._rules.scope(fill, asset)).unknown = NO_FEE
        elif fill.fee:
            self._of(FEES, self._rules.scope(fill, fill.fee_asset)).rows.append(
                Leg(at_ns, fill.fee.copy_negate(), fill)
            )

    # ── one day ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _judge_day(self, until_ns: int) -> None:
        named = Counter((check, scope.subject, bool(scope.sub_account)) for check, scope in self._day)
        bare = {(check, scope.sub_account, scope.subject) for check, scope in self._day if is_bare(scope.wallet)}
        for (check, scope), day in sorted(self._day.items()):
            mixed = bool(named[check, scope.subject, not scope.sub_account])
            taken = check == TAKEN and (scope.sub_account, scope.wallet) in self._liquidated
            unknown = day.unknown or (NOT_TOLD if taken else "")
            if scope.wallet.startswith(BARE_ISOLATED) and (check, scope.sub_account, scope.subject) in bare:
                unknown = WHICH_WALLET
            self._judge(check, scope, day, until_ns, cause=NO_WALLET if mixed else unknown)
        self._day, self._liquidated = {}, set()

    def _judge(self, check: str, scope: Scope, day: Day, until_ns: int, *, cause: str) -> None:
        since_ns, last_ns = self._since_ns, until_ns - 1
        streams = (CHECKS[check].stream, "entries")
        proven = next(filter(None, (self._proven[stream].cause(since_ns, last_ns) for stream in streams)), "")
        cause = proven or cause
        outcome: Outcome = "unchecked"
        allowed = values.ZERO
        if not cause:
            unit = self._unit(scope, day)
            rows, entries = _sum(day.rows), _sum(day.entries)
            allowed = values.add((self._tolerance(day.rows, unit), self._tolerance(day.entries, unit)))
            difference = values.EXACT.subtract(rows, entries)
            outcome = (
                "ties" if not difference else "ties within its quanta" if difference.copy_abs() <= allowed else "break"
            )
            if outcome == "break":
                self.breaks.append(self._break(check, scope, day, unit, expected=rows, actual=entries))
        self.results.append(
            Result(
                check=check, scope=scope, outcome=outcome, cause=cause, since_ns=since_ns, until_ns=last_ns,
                terms=len(day.rows) + len(day.entries), tolerance=allowed,
            )
        )  # fmt: skip

    def _unit(self, scope: Scope, day: Day) -> Decimal:
        """The smallest unit of the asset: declared, else the most decimals that its trade entries print."""
        digits = self._rules.digits.get(scope.subject)
        if digits is None:
            digits = max((decimals(leg.amount) for leg in day.entries), default=0)
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
        rows, entries = self._unpaired(day.rows, day.entries, unit)
        legs = sorted([*rows, *entries], key=lambda leg: leg.at_ns) or [*day.rows, *day.entries]
        missing = values.EXACT.subtract(expected, actual)
        day_text = values.format_time(self._since_ns)[:10]
        kind = CHECKS[check]
        amounts = [values.canonical(amount) for amount in (expected, actual, missing)]
        return Break(
            id=identify(check, scope, anchor=day_text), check=check, name=kind.break_name, scope=scope,
            since_ns=legs[0].at_ns, until_ns=legs[-1].at_ns, expected=expected, actual=actual, missing=missing,
            rows=tuple(row_name(leg.row) for leg in legs), pages=pages_of(leg.row for leg in legs),
            text=(
                f"{scope}: on {day_text} the {kind.rows} say {check} of {amounts[0]}, the entries {amounts[1]}: "
                f"{amounts[2]} is not booked"
            ),
            hypotheses=_hypotheses(rows, entries, missing, kind=kind),
        )  # fmt: skip

    def _unpaired(self, rows: Sequence[Leg], entries: Sequence[Leg], unit: Decimal) -> tuple[list[Leg], list[Leg]]:
        """What is left of both sides when equal legs are paired: those of one second, so that of two of one amount the
        right one is left; then those left from the beginning and from the end."""
        seconds: dict[int, list[Leg]] = {}
        for entry in _in_order(entries):
            seconds.setdefault(entry.at_ns // values.SECOND_NS, []).append(entry)
        left: list[Leg] = []
        for row in _in_order(rows):
            there = seconds.get(row.at_ns // values.SECOND_NS, [])
            number = next((number for number, each in enumerate(there) if self._pair(row, each, unit)), None)
            if number is None:
                left.append(row)
            else:
                there.pop(number)
        right = [entry for there in seconds.values() for entry in there]
        for end in (0, -1):
            while left and right and self._pair(left[end], right[end], unit):
                left.pop(end)
                right.pop(end)
        return left, right

    def _pair(self, row: Leg, entry: Leg, unit: Decimal) -> bool:
        allowed = values.add((self._allowed(row, unit), self._allowed(entry, unit)))
        return values.EXACT.subtract(row.amount, entry.amount).copy_abs() <= allowed


def _hypotheses(rows: Sequence[Leg], entries: Sequence[Leg], missing: Decimal, *, kind: Kind) -> tuple[Hypothesis, ...]:
    found = []
    if len(rows) > len(entries):
        found.append(Hypothesis(name="missing_row", text="an entry was never given", amount=missing))
    elif len(entries) > len(rows):
        text = f"a {kind.rows.removesuffix('s')} was never given"
        found.append(Hypothesis(name="missing_row", text=text, amount=missing.copy_negate()))
    else:
        names = tuple(row_name(leg.row) for leg in (*rows, *entries))
        text = "one of these amounts was changed"
        found.append(Hypothesis(name="altered_row", text=text, amount=missing, rows=names))
    return tuple(found)


def _in_order(legs: Iterable[Leg]) -> list[Leg]:
    return sorted(legs, key=lambda leg: (leg.at_ns, leg.amount))


def _sum(legs: Iterable[Leg]) -> Decimal:
    return values.add(leg.amount for leg in legs)
