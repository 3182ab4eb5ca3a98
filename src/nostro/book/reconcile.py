"""Reconciliation: all checks over one account's facts. It decides what is read once and given to which check, and
from where the next run may carry on; what ties is decided in ``checks/``, what becomes of a break in ``breaks.py``.
It is pure: it reads a `Ledger` and returns values.

A run goes through the facts in order of time, in steps of ``step_ns``, so that its memory does not grow with the
history. Each step ends in a `Checkpoint`: what was found, and the states to carry on from. Reconciling after each
poll therefore reads the open end of the history alone. A checkpoint is good for as long as nothing that is effective
before its ``at_ns`` was learned since (orders and transfers that merely changed their status are no such thing);
otherwise an older one is, or none.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

import msgspec

from nostro import limits
from nostro.book.breaks import Break, Scope, identify
from nostro.book.checks import chain, daily, executions, figures, loans, movements, positions, reported, states
from nostro.book.checks.borrowings import Borrowings
from nostro.book.checks.chain import Chain, ChainState, Jump
from nostro.book.checks.executions import Executions
from nostro.book.checks.reported import Snapshots, Standing
from nostro.book.checks.sharing import Cut
from nostro.book.checks.terms import FactT, Ledger, Noticed, Proven, Result, Rules, Seen, merged, row_key
from nostro.book.contracts import Carried as CarriedContracts
from nostro.book.contracts import Contracts
from nostro.domain import values
from nostro.domain.records import Entry, Fact, Fill, FundingPayment, Order, PositionEvent, Snapshot

STEP_NS: Final = 7 * values.DAY_NS
STREAMS: Final = (
    "entries", "fills", "orders", "deposits", "withdrawals", "margin_transfers", "borrows", "repayments", "interest",
    "liquidations", "transfers", "snapshots", "funding_payments", "closed_positions", "position_events",
)  # fmt: skip
# What the store finds while it keeps a page, and the break that it becomes. (A claim that it could not believe
# is no break: coverage shows it as open.)
FINDINGS: Final = {
    "late": "late_row", "changed": "history_changed", "vanished": "vanished_row", "quarantined": "quarantined_page",
    "unknown": "unknown_token", "unreadable": "unreadable_frame",
}  # fmt: skip
HISTORY: Final = "history"
CONTRACTS: Final = (positions.CHECK, positions.EVENTS, figures.CHECK)  # judged once, for good


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where the next run carries on. ``at_ns``: it is good while nothing effective before this is newly learned."""

    at_ns: int
    entries_ns: int
    seen_ns: int
    day_ns: int
    chains: tuple[ChainState, ...] = ()
    cuts: tuple[Cut, ...] = ()
    movements: movements.Carried = movements.Carried()
    contracts: CarriedContracts = CarriedContracts()
    breaks: tuple[Break, ...] = ()
    results: tuple[Result, ...] = ()
    jumps: tuple[Jump, ...] = ()
    standings: tuple[Standing, ...] = ()


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run: every check's results, the breaks, where each balance stands, and what balances did where
    nothing is proven. ``until_ns``: facts from then on were not looked at."""

    until_ns: int
    results: tuple[Result, ...]
    breaks: tuple[Break, ...]
    standings: tuple[Standing, ...]
    jumps: tuple[Jump, ...]
    checkpoint: Checkpoint


def reconcile(
    ledger: Ledger,
    *,
    rules: Rules,
    until_ns: int,
    checkpoint: Checkpoint | None = None,
    step_ns: int = STEP_NS,
    passed: Callable[[int, int], None] | None = None,
) -> Judgement:
    """Runs every check on what is effective before ``until_ns``, from the checkpoint on or from the beginning.
    ``passed`` is told how many steps of how many are done."""
    judgement: Judgement | None = None
    ends = list(_ends(ledger, rules, until_ns, checkpoint, step_ns))
    for done, end_ns in enumerate(ends, start=1):
        judgement = _Run(ledger, rules, end_ns, checkpoint).judge()
        checkpoint = judgement.checkpoint
        if passed is not None:
            passed(done, len(ends))
    assert judgement is not None
    results, found = _debts(ledger, rules, until_ns)
    breaks = {each.id: each for each in (*judgement.breaks, *found, *_of_findings(rules, ledger.findings()))}
    return msgspec.structs.replace(
        judgement, breaks=_in_order(breaks.values()), results=tuple(merged([*judgement.results, *results]))
    )


def _debts(ledger: Ledger, rules: Rules, until_ns: int) -> tuple[list[Result], list[Break]]:
    """The checks of debts. They are few next to fills, and read from their beginning in every run."""
    proven = {
        stream: Proven.of(ledger, stream, since_ns=rules.origin_ns, until_ns=until_ns) for stream in loans.STREAMS
    }
    known = loans.debts(ledger, rules=rules, until_ns=until_ns)
    borrowings = Borrowings(known, rules=rules, proven=proven)
    borrowings.judge()
    owed = loans.Loans(known, rules=rules, proven=proven)
    look = ledger.owed(min(each.end_ns for each in proven.values()) - rules.skew_ns) or ledger.owed(until_ns)
    if look is not None:
        owed.judge(look)
    return [*borrowings.results, *owed.results], [*borrowings.breaks, *owed.breaks]


def _ends(ledger: Ledger, rules: Rules, until_ns: int, checkpoint: Checkpoint | None, step_ns: int) -> Iterator[int]:
    """Where the steps end: none before the first fact."""
    begin_ns = checkpoint.at_ns if checkpoint else _first_ns(ledger, rules, until_ns)
    end_ns = begin_ns + step_ns
    while end_ns < until_ns:
        yield end_ns
        end_ns += step_ns
    yield until_ns


def _first_ns(ledger: Ledger, rules: Rules, until_ns: int) -> int:
    readers: list[Callable[[int, int], Iterator[Fact]]] = [
        ledger.entries, ledger.fills, ledger.order_versions, ledger.transfers, ledger.borrows, ledger.movements,
    ]  # fmt: skip
    if rules.contracts:
        readers += [_reader(ledger, Snapshot), _reader(ledger, FundingPayment)]
    firsts = [next(iter(read(rules.opened_ns, until_ns)), None) for read in readers]
    return min((fact.effective_ns or 0 for fact in firsts if fact), default=until_ns)


def _reader(ledger: Ledger, kind: type[FactT]) -> Callable[[int, int], Iterator[FactT]]:
    """Reads the rows of a history, as the ledger's own methods do."""

    def read(since_ns: int, until_ns: int) -> Iterator[FactT]:
        return ledger.events(kind, since_ns=since_ns, until_ns=until_ns)

    return read


class _Run:
    """One step: from a checkpoint to ``until_ns``."""

    def __init__(self, ledger: Ledger, rules: Rules, until_ns: int, checkpoint: Checkpoint | None) -> None:
        self._ledger = ledger
        self._rules = rules
        self._until_ns = until_ns
        self._from = checkpoint or Checkpoint(at_ns=0, entries_ns=0, seen_ns=0, day_ns=0)
        self._proven = {
            stream: Proven.of(ledger, stream, since_ns=rules.origin_ns, until_ns=until_ns) for stream in STREAMS
        }
        self._entries_edge = self._proven["entries"].end_ns
        ends = (self._proven["fills"].end_ns, self._proven["orders"].end_ns)
        self._fills_edge = min((end_ns for end_ns in ends if end_ns), default=0)
        # The end is judged once more next time: snapshots of the last minutes may still match entries to come.
        again_ns = 2 * rules.skew_ns + 2 * limits.REQUEST_TIMEOUT_S * values.SECOND_NS
        self._freeze_ns = max(self._entries_edge - again_ns, self._from.entries_ns)
        self._carried = {state.scope: state for state in self._from.chains}
        self._chains: dict[Scope, Chain] = {}
        self._snapshots: dict[Scope, Snapshots] = {}
        self._frozen: tuple[int, list[ChainState], list[Result], list[Jump]] | None = None
        self._fills: list[Fill] = []
        booked = {"entries", *(kind.stream for kind in daily.CHECKS.values())}
        edges = (self._proven[stream].end_ns for stream in booked)
        self._days_edge = min((end_ns for end_ns in edges if end_ns), default=0)
        self._days = daily.Days(rules=rules, proven=self._proven, edge_ns=self._days_edge)
        self._movements = movements.Movements(rules=rules, carried=self._from.movements)
        self._contracts = Contracts(
            ledger, rules=rules, until_ns=until_ns, proven=self._proven, carried=self._from.contracts,
            known=[each.id for each in self._from.breaks],
        )  # fmt: skip
        self._cuts = {cut.scope: cut for cut in self._from.cuts}
        self._fills_from = min((cut.at_ns for cut in self._from.cuts), default=self._from.day_ns)

    def judge(self) -> Judgement:
        self._read_snapshots()
        for row in self._rows():
            self._take(row)
        if self._frozen is None:
            self._freeze()
        for scope, line in self._chains.items():
            for settled in line.close():
                self._snapshots[scope].settle(settled)
        for snapshots in self._snapshots.values():
            snapshots.close()
        self._days.close()
        return self._conclude()

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _read_snapshots(self) -> None:
        by_scope: dict[Scope, list[Seen]] = {}
        for seen in self._ledger.balances(self._from.seen_ns, self._until_ns):
            by_scope.setdefault(self._rules.scope(seen.balance, seen.balance.asset), []).append(seen)
        for scope in sorted({*by_scope, *self._carried}):
            self._snapshots[scope] = self._snapshots_of(scope, by_scope.get(scope, []))

    def _snapshots_of(self, scope: Scope, seen: Iterable[Seen] = ()) -> Snapshots:
        if scope not in self._snapshots:
            carried = self._carried.get(scope)
            self._snapshots[scope] = Snapshots(
                scope, list(seen), rules=self._rules, proven=self._proven["entries"],
                carried=carried.settled if carried else None,
            )  # fmt: skip
        return self._snapshots[scope]

    def _rows(self) -> Iterator[daily.Row]:
        """Entries and what they book in order of time, the entries of one instant in order of their ids."""
        entries_from = min(self._from.entries_ns, self._from.day_ns)
        entries = self._ledger.entries(entries_from, self._entries_edge)
        by_time = (
            entry
            for _, group in groupby(entries, key=lambda entry: entry.effective_ns)
            for entry in sorted(group, key=lambda entry: row_key(entry.native_id))
        )
        fills = self._ledger.fills(min(self._fills_from, self._from.day_ns), self._proven["fills"].end_ns)
        ledger, since_ns = self._ledger, self._from.day_ns
        booked = (
            read(since_ns, self._days_edge)
            for read in (
                ledger.borrows, ledger.repayments, ledger.movements, ledger.liquidations,
                _reader(ledger, PositionEvent),
            )
        )  # fmt: skip
        return heapq.merge(by_time, fills, *booked, key=lambda row: row.effective_ns or 0)

    def _take(self, row: daily.Row) -> None:
        at_ns = row.effective_ns or 0
        if isinstance(row, Entry):
            if at_ns >= self._freeze_ns and self._frozen is None:
                self._freeze()
            if at_ns >= self._from.entries_ns:
                self._movements.add(row)
                self._chain(row)
        elif isinstance(row, Fill):
            self._fills.append(row)
        if at_ns >= self._from.day_ns:
            self._days.add(row)

    def _chain(self, entry: Entry) -> None:
        scope = self._rules.scope(entry, entry.asset)
        line = self._chain_of(scope)
        snapshots = self._snapshots_of(scope)
        for settled in line.feed(entry):
            snapshots.settle(settled)

    def _chain_of(self, scope: Scope) -> Chain:
        if scope not in self._chains:
            self._chains[scope] = Chain(
                scope, rules=self._rules, proven=self._proven["entries"], carried=self._carried.get(scope)
            )
        return self._chains[scope]

    def _freeze(self) -> None:
        """Keeps what the next run carries on from: every chain as it stands where it will be taken up again."""
        entries_ns = self._freeze_ns
        kept = [state for scope, state in self._carried.items() if scope not in self._chains]
        results, jumps = list[Result](), list[Jump]()
        for line in self._chains.values():
            entries_ns = min(entries_ns, entries_ns if line.resume_ns is None else line.resume_ns)
            state = line.carry()
            if state is not None:
                kept.append(state)
                results += [*line.results, *([line.segment] if line.segment else [])]
                jumps += line.jumps
        self._frozen = (entries_ns, kept, results, jumps)

    # ── concluding ───────────────────────────────────────────────────────────────────────────────────────────────

    def _conclude(self) -> Judgement:
        carried_movements, carried_contracts = self._judge_movements(), self._contracts.judge()
        versions = list(self._ledger.order_versions(self._fills_from, self._until_ns, also=self._open_orders()))
        order_results, order_breaks = states.check_orders(versions, rules=self._rules)
        cuts, lived = self._judge_executions(versions)
        lines, snapshots = self._chains.values(), self._snapshots.values()
        old = self._from
        fresh_results = [
            *(result for line in lines for result in line.results),
            *(result for each in snapshots for result in each.results),
            *(result for each in lived for result in each.results),
            *self._days.results, *self._movements.results, *order_results, *self._contracts.results,
        ]  # fmt: skip
        fresh_breaks = [
            *(found for scope in sorted({*self._chains, *self._carried}) for found in self._chain_of(scope).breaks),
            *(found for each in snapshots for found in each.breaks),
            *(found for each in lived for found in each.breaks),
            *self._days.breaks, *self._movements.breaks, *order_breaks, *self._contracts.breaks,
        ]  # fmt: skip
        standings = {each.scope: each for each in old.standings}
        standings |= {each.scope: each.standing for each in snapshots if each.standing}
        jumps = (*old.jumps, *(jump for line in lines for jump in line.jumps))
        checkpoint = self._checkpoint(cuts, carried_movements, fresh_results, fresh_breaks)
        return Judgement(
            until_ns=self._until_ns,
            results=tuple(merged([*old.results, *fresh_results])),
            breaks=_in_order(_once(_outlived(_joined(old.breaks, fresh_breaks), standings))),
            standings=tuple(standings[scope] for scope in sorted(standings)),
            jumps=tuple(sorted(set(jumps), key=lambda jump: (jump.at_ns, jump.scope))),
            checkpoint=msgspec.structs.replace(
                checkpoint,
                standings=tuple(standings.values()),
                contracts=carried_contracts,
                at_ns=max(checkpoint.at_ns, carried_contracts.sized_ns),
            ),
        )

    def _judge_movements(self) -> movements.Carried:
        since_ns, until_ns = self._from.movements.since_ns, self._until_ns
        moved: list[movements.Moved] = list(self._ledger.transfers(since_ns, until_ns))
        if self._rules.funding:
            kind = PositionEvent if self._rules.funding == "position_events" else FundingPayment
            moved += self._ledger.events(kind, since_ns=since_ns, until_ns=until_ns)
        return self._movements.judge(
            moved, entries_proven=self._proven["entries"], proven=self._proven, edge_ns=self._entries_edge
        )

    def _open_orders(self) -> dict[str, int]:
        return {order_id: at_ns for cut in self._cuts.values() for order_id, at_ns in cut.open.items()}

    def _judge_executions(self, versions: list[Order]) -> tuple[list[Cut], list[Executions]]:
        scopes = executions.scoped(versions, self._fills, rules=self._rules)
        cuts, judged = dict(self._cuts), list[Executions]()
        for scope, (known, fills) in sorted(scopes.items()):
            each = Executions(
                scope, known, fills=fills, rules=self._rules, fills_proven=self._proven["fills"],
                orders_proven=self._proven["orders"], cut=self._cuts.get(scope),
            )  # fmt: skip
            cuts[scope] = each.judge(self._fills_edge)
            judged.append(each)
        for scope, cut in cuts.items():  # where nothing was open and nothing happened, nothing is needed
            if scope not in scopes and not cut.open:
                cuts[scope] = msgspec.structs.replace(cut, at_ns=max(cut.at_ns, self._fills_edge))
        return list(cuts.values()), judged

    def _checkpoint(
        self, cuts: list[Cut], carried: movements.Carried, results: list[Result], breaks: list[Break]
    ) -> Checkpoint:
        assert self._frozen is not None
        entries_ns, chains, chain_results, jumps = self._frozen
        seen_ns = self._freeze_ns + self._rules.skew_ns + limits.REQUEST_TIMEOUT_S * values.SECOND_NS
        if not self._entries_edge:  # no entries, nothing that a later entry could explain
            seen_ns = self._until_ns
        day_ns = max(self._days_edge - self._days_edge % values.DAY_NS, self._from.day_ns)
        cut_by_scope = {cut.scope: cut.at_ns for cut in cuts}
        passed = {chain.CHECK: 0, reported.CHECK: seen_ns, reported.PARTS: seen_ns} | dict.fromkeys(
            daily.CHECKS, day_ns
        )

        def done(check: str, scope: Scope, until_ns: int) -> bool:
            """Whether the next run will not judge this again."""
            if check == executions.CHECK:
                return until_ns <= cut_by_scope.get(scope, 0)
            return check in (states.CHECK, *CONTRACTS) or until_ns < passed.get(check, 0)

        old = self._from
        kept_results = [each for each in results if done(each.check, each.scope, each.until_ns)]
        matched = (movements.CHECK, movements.FUNDING)
        kept_results += [each for each in results if each.check in matched and each.outcome == "ties"]
        kept_breaks = [each for each in breaks if done(each.check, each.scope, each.until_ns)]
        return Checkpoint(
            at_ns=max([entries_ns, day_ns, *cut_by_scope.values()]),
            entries_ns=entries_ns, seen_ns=max(seen_ns, old.seen_ns), day_ns=day_ns, chains=tuple(chains),
            cuts=tuple(cuts), movements=carried, breaks=tuple(_joined(old.breaks, kept_breaks)),
            results=tuple(merged([*old.results, *chain_results, *kept_results])),
            jumps=tuple(dict.fromkeys([*old.jumps, *jumps])),
        )  # fmt: skip


# ── breaks ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _joined(old: Iterable[Break], new: Iterable[Break]) -> Iterable[Break]:
    """Each break once, as it was found last; a balance that was wrong already keeps the instant that showed it first,
    and, while it is wrong by the same, its evidence: what a person accepted does not change by being said again."""
    known = {each.id: each for each in old}
    for each in new:
        before = known.get(each.id, each)
        known[each.id] = each
        if each.check == reported.CHECK:
            same = reported.same_difference(before, missing=each.missing, held=each.held_missing)
            since_ns, until_ns = min(before.since_ns, each.since_ns), min(before.until_ns, each.until_ns)
            kept = before if same and before.until_ns <= each.until_ns else each
            known[each.id] = msgspec.structs.replace(kept, since_ns=since_ns, until_ns=until_ns)
    return known.values()


def _outlived(breaks: Iterable[Break], standings: Mapping[Scope, Standing]) -> Iterable[Break]:
    """The breaks without the balances that were wrong once, and right when they were reported again."""
    for each in breaks:
        standing = standings.get(each.scope)
        right = standing is not None and standing.outcome.startswith("ties") and standing.at_ns > each.until_ns
        if each.check != reported.CHECK or not right:
            yield each


def _once(breaks: Iterable[Break]) -> list[Break]:
    """The breaks without the balances that were only wrong because of a hole in their chain behind the same row: the
    hole says the same, and more exactly."""
    known = list(breaks)
    holes = {(each.scope, each.rows[:-1]) for each in known if each.check == chain.CHECK and each.name == "missing_row"}
    return [each for each in known if each.check != reported.CHECK or (each.scope, each.rows) not in holes]


def _in_order(breaks: Iterable[Break]) -> tuple[Break, ...]:
    return tuple(sorted(breaks, key=lambda each: (each.since_ns, each.scope, each.check, each.id)))


def _of_findings(rules: Rules, findings: Iterable[Noticed]) -> Iterator[Break]:
    """What the store noticed, as breaks: one for each row, and for each interval that no readable page covers."""
    for found, since_ns, until_ns in findings:
        name = FINDINGS.get(found.what)
        if name is None:
            continue
        scope = Scope(account=rules.account, subject=found.stream)
        place = f"page {found.seq} row {found.row_offset}" if found.kind else f"at {since_ns}"
        if found.what == "unreadable":
            place = f"page {found.seq} place {found.row_offset}"
        yield Break(
            id=identify(HISTORY, scope, anchor=f"{name} {place}"), check=HISTORY, name=name, scope=scope,
            since_ns=since_ns, until_ns=until_ns,
            rows=(f"{found.seq}.{found.row_offset}",), pages=(found.seq,), text=f"{scope}: {found.detail}",
        )  # fmt: skip
