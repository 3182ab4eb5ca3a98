"""Deposits, withdrawals and funding of contracts against the entries that book them. It decides which transfer is
which entry, one to one, and what is left on either side.

A transfer that is done has one entry for its amount (``deposit``, ``withdrawal``) and one for its fee
(``withdrawal_fee``). It is credited when it is confirmed, so its entry is never earlier than its own date and may be
much later: entries take, in order, the earliest unmatched transfer of their amount. What is left over within a day of
the edge of what is proven (or of where the transfers begin), or was seen to be done after what is proven, is
``unchecked``: the other half may lie outside. So is an entry while a transfer of its amount was still under way when
it was last seen; not if that is a day after the entry.

Funding is due at an instant, and booked then or later: what a position's log says of it (where the exchange keeps none,
its list of payments) has one entry of the same amount, as a transfer has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Literal

import msgspec

from nostro.book.breaks import Break, Hypothesis, Scope, identify
from nostro.book.checks.terms import SETTLING, Proven, Result, Rules, pages_of, row_name, settled_in, signed
from nostro.domain import values
from nostro.domain.records import Entry, FundingPayment, PositionEvent, Transfer

CHECK: Final = "transfers"
FUNDING: Final = "funding"  # the check, and what its entries are said to book
EDGE_NS: Final = values.DAY_NS
MATCHED: Final = frozenset({"deposit", "withdrawal", "withdrawal_fee", FUNDING})  # what entries that are matched book
BOTH_WAYS: Final = "deposit_or_withdrawal"  # where a ledger calls both the same
ANOTHER_ACCOUNT: Final = "another_account"  # the exchange tells the transfers of the login alone
WHOSE_UNKNOWN: Final = "whose_unknown"  # which of the sub-accounts the login is has not been told yet
PENDING: Final = frozenset({"pending", "moderation", "approved", "suspended"})
STREAM: Final = {"deposit": "deposits", "withdrawal": "withdrawals", "withdrawal_fee": "withdrawals"}
Moved = Transfer | FundingPayment | PositionEvent


class Leg(msgspec.Struct, frozen=True):
    """One amount that a transfer or an entry moved, signed into the account. ``seen_ns``: when we saw it so."""

    booked: str
    asset: str
    at_ns: int
    amount: Decimal
    name: str
    pages: tuple[int, ...]
    seen_ns: int = 0
    sub_account: str = ""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What the next run needs: transfers from ``since_ns`` on, those of them whose legs are ``matched`` already, and
    the entries that are still alone. Entries before ``edge_ns`` are dealt with. ``unknown``: whether entries were left
    out because it was not known whose they are."""

    since_ns: int = 0
    edge_ns: int = 0
    matched: tuple[str, ...] = ()
    alone: tuple[Leg, ...] = ()
    unknown: bool = False


def is_matched(transfer: Transfer, carried: Carried) -> bool:
    """Whether an entry was found for it already."""
    name = _name(transfer)
    return any(each in (name, f"{name} fee") for each in carried.matched)


def _name(transfer: Transfer) -> str:
    return f"{transfer.direction} {row_name(transfer)}"


def _booked(entry: Entry, rules: Rules) -> str:
    """What an entry books; "" where it is nothing that is matched here."""
    booked = rules.booked_as(entry)
    if booked == BOTH_WAYS:
        return "deposit" if entry.amount > 0 else "withdrawal"
    return booked if booked in MATCHED else ""


def _status(row: Moved) -> str | None:
    """Funding is paid when it is told."""
    return row.status if isinstance(row, Transfer) else "done"


def _check(leg: Leg) -> str:
    return FUNDING if leg.booked == FUNDING else CHECK


class Movements:
    """Takes entries in order of time; ``judge`` matches them with the transfers."""

    def __init__(self, *, rules: Rules, carried: Carried | None = None) -> None:
        self.results: list[Result] = []
        self.breaks: list[Break] = []
        self._rules = rules
        self._matched = set(carried.matched) if carried else set[str]()
        self._entries: list[Leg] = list(carried.alone) if carried else []
        self._edge_ns = carried.edge_ns if carried else 0
        self._unknown = carried.unknown if carried else False

    def add(self, entry: Entry) -> None:
        at_ns, booked = entry.effective_ns or 0, _booked(entry, self._rules)
        if not booked or at_ns < self._edge_ns or (booked == FUNDING and not self._rules.funding):
            return
        if booked == FUNDING:
            leg = Leg(FUNDING, entry.asset, at_ns, entry.amount, row_name(entry), pages_of([entry]))
            self._entries.append(msgspec.structs.replace(leg, sub_account=entry.sub_account))
        elif entry.sub_account not in ("", self._rules.own):
            scope = self._rules.scope(entry, entry.asset)
            cause = ANOTHER_ACCOUNT if self._rules.own else WHOSE_UNKNOWN
            self._unknown = self._unknown or not self._rules.own
            self.results.append(
                Result(
                    check=CHECK, scope=scope, outcome="unchecked", cause=cause, since_ns=at_ns, until_ns=at_ns, terms=1
                )
            )
        else:
            self._entries.append(Leg(booked, entry.asset, at_ns, entry.amount, row_name(entry), pages_of([entry])))

    def judge(
        self, transfers: Iterable[Moved], *, entries_proven: Proven, proven: dict[str, Proven], edge_ns: int
    ) -> Carried:
        """Matches, and answers what to carry. ``proven``: the coverage of streams."""
        known = sorted(transfers, key=lambda each: each.effective_ns or 0)
        done = [each for each in known if _status(each) == "done"]
        under_way = [leg for each in known if _status(each) in PENDING for leg in self._legs(each)]
        legs = [leg for transfer in done for leg in self._legs(transfer) if leg.name not in self._matched]
        pairs, left, alone = self._match(legs, self._entries)
        for leg in left:
            self._judge_transfer(leg, entries_proven, edge_ns)
        for leg in alone:
            awaited = any(self._near(each, leg) and self._may_book(each, leg) for each in under_way)
            self._judge_entry(leg, proven[self._stream(leg)], edge_ns, awaited=awaited)
        for transfer_leg, entry_leg in pairs:
            self.results.append(self._result(transfer_leg, "ties", transfer_leg.at_ns, entry_leg.at_ns))
        waiting = [each.effective_ns or 0 for each in known if _status(each) in PENDING] + [leg.at_ns for leg in left]
        since_ns = min([*waiting, edge_ns])
        matched = self._matched | {leg.name for leg, _ in pairs}
        kept = {leg.name for each in done if (each.effective_ns or 0) >= since_ns for leg in self._legs(each)}
        return Carried(
            since_ns=since_ns,
            edge_ns=edge_ns,
            matched=tuple(sorted(matched & kept)),
            alone=tuple(alone),
            unknown=self._unknown,
        )

    def _stream(self, leg: Leg) -> str:
        """The history that an entry's other half stands in. One of both directions does not tell fees."""
        if leg.booked == FUNDING:
            return self._rules.funding
        both = self._rules.transfers if leg.booked in ("deposit", "withdrawal") else ""
        return both or STREAM[leg.booked]

    def _legs(self, transfer: Moved) -> list[Leg]:
        """The entries that a transfer has once it is done."""
        if not isinstance(transfer, Transfer):
            return self._funded(transfer)
        if transfer.direction not in ("deposit", "withdrawal"):
            return []
        at_ns, pages, seen_ns = transfer.effective_ns or 0, pages_of([transfer]), transfer.observed_ns
        name = _name(transfer)
        amount = signed(transfer.amount, transfer.direction == "deposit")
        legs = [Leg(transfer.direction, transfer.asset, at_ns, amount, name, pages, seen_ns)]
        if transfer.fee:
            asset = transfer.fee_asset or transfer.asset
            fee = transfer.fee.copy_negate()
            legs.append(Leg(f"{transfer.direction}_fee", asset, at_ns, fee, f"{name} fee", pages, seen_ns))
        return legs

    def _funded(self, row: FundingPayment | PositionEvent) -> list[Leg]:
        """Of a position's log the events that are funding alone: what comes with a trade is booked with it."""
        if isinstance(row, FundingPayment):
            amount, asset = row.amount, row.asset
        else:
            alone = row.realized_pnl is None and row.fee is None and row.price is None
            amount, asset = (alone and row.funding) or values.ZERO, settled_in(row.instrument)
        if not amount:
            return []
        name = f"{FUNDING} {row_name(row)}"
        return [Leg(FUNDING, asset, row.effective_ns or 0, amount, name, pages_of([row]), 0, row.sub_account)]

    def _match(
        self, transfers: Iterable[Leg], entries: Iterable[Leg]
    ) -> tuple[list[tuple[Leg, Leg]], list[Leg], list[Leg]]:
        """Pairs in order of the entries, transfers left, entries left. First equal amounts, then within their
        quanta."""
        waiting: dict[tuple[str, str, str, Decimal], deque[Leg]] = {}
        for leg in transfers:
            waiting.setdefault((leg.booked, leg.asset, leg.sub_account, leg.amount), deque()).append(leg)
        pairs: list[tuple[Leg, Leg]] = []
        alone: list[Leg] = []
        for entry in entries:
            candidates = waiting.get((entry.booked, entry.asset, entry.sub_account, entry.amount))
            if candidates and candidates[0].at_ns <= entry.at_ns:
                pairs.append((candidates.popleft(), entry))
            else:
                alone.append(entry)
        left = [leg for candidates in waiting.values() for leg in candidates]
        for entry in list(alone):
            near = next((leg for leg in left if self._near(leg, entry)), None)
            if near is not None:
                pairs.append((near, entry))
                left.remove(near)
                alone.remove(entry)
        return pairs, left, alone

    def _near(self, leg: Leg, entry: Leg) -> bool:
        same = (leg.booked, leg.asset, leg.sub_account) == (entry.booked, entry.asset, entry.sub_account)
        return same and leg.at_ns <= entry.at_ns and self._rules.ties(leg.amount, printed=entry.amount)

    def _may_book(self, leg: Leg, entry: Leg) -> bool:
        """Whether a transfer may have come to its end since it was last seen under way, which the entry says it did."""
        return leg.seen_ns <= entry.at_ns + EDGE_NS

    # ── what is left ─────────────────────────────────────────────────────────────────────────────────────────────

    def _judge_transfer(self, leg: Leg, entries_proven: Proven, edge_ns: int) -> None:
        until_ns = max(leg.at_ns + EDGE_NS, leg.seen_ns + self._rules.skew_ns)
        cause = entries_proven.cause(leg.at_ns, min(until_ns, edge_ns - 1))
        unknown = self._unknown and leg.booked != FUNDING
        cause = cause or (SETTLING if until_ns >= edge_ns else WHOSE_UNKNOWN if unknown else "")
        if cause:
            self.results.append(self._result(leg, "unchecked", leg.at_ns, leg.at_ns, cause))
            return
        amount = values.canonical(leg.amount)
        self._break(
            leg, "unbooked_transfer", leg.at_ns, until_ns, expected=leg.amount, actual=values.ZERO, missing=leg.amount,
            text=f"{leg.name} of {amount} is done, and no {leg.booked} entry books it",
            hypotheses=(
                Hypothesis(name="missing_row", text=f"its {leg.booked} entry was never given", amount=leg.amount),
                Hypothesis(name="altered_row", text="its entry has another amount", rows=(leg.name,)),
            ),
        )  # fmt: skip

    def _judge_entry(self, leg: Leg, proven: Proven, edge_ns: int, *, awaited: bool) -> None:
        since_ns = max(leg.at_ns - EDGE_NS, self._rules.opened_ns)
        cause = proven.cause(since_ns, leg.at_ns)
        cause = cause or (SETTLING if awaited or leg.at_ns + EDGE_NS >= edge_ns else "")
        if cause:
            self.results.append(self._result(leg, "unchecked", leg.at_ns, leg.at_ns, cause))
            return
        amount = values.canonical(leg.amount)
        what = "withdrawal" if leg.booked == "withdrawal_fee" else leg.booked
        self._break(
            leg, "entry_without_transfer", since_ns, leg.at_ns,
            expected=values.ZERO, actual=leg.amount, missing=leg.amount.copy_negate(),
            text=f"entry {leg.name} books a {leg.booked} of {amount}, and no {what} is known for it",
            hypotheses=(
                Hypothesis(name="missing_row", text=f"the {what} of {amount} was never given", amount=leg.amount),
                Hypothesis(name="doubled_row", text=f"entry {leg.name} is a double", rows=(leg.name,)),
            ),
        )  # fmt: skip

    def _break(
        self, leg: Leg, name: str, since_ns: int, until_ns: int, *,
        expected: Decimal, actual: Decimal, missing: Decimal, text: str, hypotheses: tuple[Hypothesis, ...],
    ) -> None:  # fmt: skip
        scope, check = self._scope(leg), _check(leg)
        self.results.append(self._result(leg, "break", since_ns, until_ns))
        self.breaks.append(
            Break(
                id=identify(check, scope, anchor=f"{name} {leg.name}"), check=check, name=name, scope=scope,
                since_ns=since_ns, until_ns=until_ns, expected=expected, actual=actual, missing=missing,
                rows=(leg.name,), pages=leg.pages, text=f"{scope}: {text}", hypotheses=hypotheses,
            )
        )  # fmt: skip

    def _scope(self, leg: Leg) -> Scope:
        """Transfers do not say which wallet they reach: the scope is the account's asset."""
        return Scope(account=self._rules.account, sub_account=leg.sub_account, subject=leg.asset)

    def _result(
        self, leg: Leg, outcome: Literal["ties", "break", "unchecked"], since_ns: int, until_ns: int, cause: str = ""
    ) -> Result:
        return Result(
            check=_check(leg), scope=self._scope(leg), outcome=outcome, cause=cause, terms=1,
            since_ns=since_ns, until_ns=until_ns,
        )  # fmt: skip
