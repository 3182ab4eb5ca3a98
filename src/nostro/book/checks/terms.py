"""What all checks share: the facts they are given, what is proven of them, the quanta of their terms, and the form of a
result. It decides when two amounts are equal and when an interval is proven; it compares nothing itself.

A check's tolerance is the sum of the quanta of its terms and nothing else (0 where the wire prints exact text, one ulp
of each printed value where it prints doubles), so that it never grows along a chain.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from nostro import limits
from nostro.book.breaks import Scope
from nostro.book.coverage import Span
from nostro.domain import values
from nostro.domain.policies import POLICIES
from nostro.domain.policy import Policy
from nostro.domain.records import (
    Balance,
    Borrow,
    Entry,
    Fact,
    Fill,
    Instrument,
    Interest,
    Liquidation,
    Loan,
    Order,
    Repayment,
    Transfer,
)
from nostro.link.commands import BARE_ISOLATED
from nostro.link.declare import Exchange

if TYPE_CHECKING:
    from nostro.book.fold import Finding

Outcome = Literal["ties", "ties within its quanta", "break", "unchecked"]
FactT = TypeVar("FactT", bound=Fact)

SETTLING: Final = "settling"  # younger than what is proven: it will be checked by a later pass
OPEN: Final = "open"  # not read yet, or reading failed
UNSUPPORTED: Final = "unsupported"  # the wire has no such history
BEFORE_ORIGIN: Final = "before_origin"  # nobody was asked about what happened before the book's origin
NO_RUNNING_BALANCE: Final = "no_running_balance"  # the rows carry none
WHICH_WALLET: Final = "which_wallet"  # rows of an isolated wallet do not say of which
NOT_TOLD: Final = "not_told"  # the wire does not say the amount
OF_CONTRACTS: Final = ("positions", "margin", "snapshots")
OF_BOTH_WAYS: Final = "transfers"
OF_FUNDING: Final = ("position_events", "funding_payments")  # a ledger's own lines may be told as payments too
DOUBLE_DIGITS: Final = 15  # significant digits that a double always keeps
TERMINAL: Final = frozenset({"filled", "canceled", "partially_canceled", "expired", "rejected"})


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks must know of one account's wire. ``opened_ns``: before it nothing can have happened there;
    ``origin_ns``: from when on its history is asked for, which is never earlier. ``skew_ns``: by how much the
    exchange's clock may differ from ours. ``digits``: decimals of an asset's smallest unit where they are declared;
    elsewhere the printed entries show them. ``own``: the sub-account that the login itself is, "" where that is not
    known: deposits and withdrawals do not say whose they are, and are the login's own. ``contracts``: whether the wire
    shows positions; ``policy``: by which formulas its figures of them hang together, None where nobody said;
    ``funding``: the history that says what was paid of funding, "" where there is none; ``transfers``: the one that has
    deposits and withdrawals both, "" where each has its own; ``booked``: what its words for entries mean in ours."""

    exchange: str
    account: str
    amounts: Literal["text", "double"] = "text"
    opened_ns: int = values.EARLIEST_NS
    origin_ns: int = values.EARLIEST_NS
    skew_ns: int = limits.CLOCK_SKEW_MAX_S * values.SECOND_NS
    digits: dict[str, int] = {}
    own: str = ""
    contracts: bool = False
    policy: Policy | None = None
    funding: str = ""
    transfers: str = ""
    booked: Mapping[str, str] = {}

    def booked_as(self, entry: Entry) -> str:
        """What an entry books, in our words (``book/postings.py``)."""
        return self.booked.get(entry.type, entry.type)

    def scope(self, fact: Fact, subject: str, *, side: str = "") -> Scope:
        """Entries of an isolated wallet that do not say which it is are told apart by the exchange's id of it."""
        wallet, wallet_id = fact.wallet, fact.extra.get("wallet_id") if fact.wallet == BARE_ISOLATED else None
        return Scope(self.account, fact.sub_account, f"{wallet}#{wallet_id}" if wallet_id else wallet, subject, side)

    def quantum(self, printed: Decimal) -> Decimal:
        """What the wire may have hidden of this printed amount, positive: nothing where it prints exact text."""
        return values.ZERO if self.amounts == "text" else values.float_quantum(printed)

    def ties(self, computed: Decimal, *, printed: Decimal, terms: Collection[Decimal] = ()) -> bool:
        """Whether two amounts are equal within the quanta of the terms they were made of: themselves, or ``terms``."""
        if computed == printed:
            return True
        if self.amounts == "text":
            return False
        return values.EXACT.subtract(computed, printed).copy_abs() <= self.allowed(terms or (computed, printed))

    def allowed(self, terms: Iterable[Decimal]) -> Decimal:
        """The sum of the quanta of the terms."""
        return values.ZERO if self.amounts == "text" else values.add(self.quantum(term) for term in terms)


def rules_for(exchange: Exchange, account: str, *, since_ns: int) -> Rules:
    """The rules of an account whose history is asked for from ``since_ns`` on."""
    return Rules(
        exchange=exchange.id, account=account, amounts=exchange.amounts,
        opened_ns=exchange.opened_ns, origin_ns=max(exchange.opened_ns, since_ns),
        contracts=not exchange.capabilities.isdisjoint(OF_CONTRACTS), policy=POLICIES.get(exchange.id),
        funding=next((each for each in OF_FUNDING if exchange.stream(each)), ""),
        transfers=OF_BOTH_WAYS if exchange.stream(OF_BOTH_WAYS) else "", booked=exchange.booked,
    )  # fmt: skip


def is_contract(instrument: str) -> bool:
    """A contract is named ``BASE/QUOTE:SETTLE``."""
    return ":" in instrument


def settled_in(instrument: str) -> str:
    """The asset in which a contract is settled; of a dated one, ``BASE/QUOTE:SETTLE-DATE``, without the date."""
    return instrument.partition(":")[2].partition("-")[0]


def is_bare(wallet: str) -> bool:
    """Whether it is an isolated wallet that may be any of several."""
    return wallet == BARE_ISOLATED or wallet.startswith(f"{BARE_ISOLATED}#")


class Seen(msgspec.Struct, frozen=True):
    """A balance as reported, and the instants (our clock) between which the exchange looked at it."""

    balance: Balance
    sent_ns: int
    received_ns: int


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One answer about the states of contracts, and the instants (our clock) between which the exchange looked at them.
    ``whole``: what it does not list is not there."""

    capability: str
    sent_ns: int
    received_ns: int
    page: int
    whole: bool
    facts: tuple[Fact, ...]


class Owed(msgspec.Struct, frozen=True):
    """All debts as reported, and the instants (our clock) between which the exchange looked at them: what is not listed
    is not owed."""

    sent_ns: int
    received_ns: int
    loans: tuple[Loan, ...]


class Followed(NamedTuple):
    """A borrowing in its latest state: first seen so when it was observed, and last at ``seen_ns``."""

    borrow: Borrow
    seen_ns: int


class Noticed(NamedTuple):
    """Something that the store noticed and that still holds, and the closed interval that it speaks of."""

    finding: Finding
    since_ns: int
    until_ns: int


class Ledger(Protocol):
    """The facts of one account, live versions only, in order of `effective_ns`, in half-open [since_ns, until_ns)."""

    def entries(self, since_ns: int, until_ns: int) -> Iterator[Entry]: ...

    def fills(self, since_ns: int, until_ns: int) -> Iterator[Fill]: ...

    def order_versions(self, since_ns: int, until_ns: int, *, also: Mapping[str, int] | None = None) -> Iterator[Order]:
        """Orders placed in the interval, and those in ``also``, by id, with when they were placed: every version,
        those of one order in the order they were learned. ``observed_ns`` is when a version was last seen so, for all
        that is known."""
        ...

    def transfers(self, since_ns: int, until_ns: int) -> Iterator[Transfer]:
        """Deposits and withdrawals."""
        ...

    def movements(self, since_ns: int, until_ns: int) -> Iterator[Transfer]:
        """Between wallets of the account."""
        ...

    def borrows(self, since_ns: int, until_ns: int) -> Iterator[Borrow]: ...

    def seen_ns(self, borrow: Borrow) -> int:
        """When a borrowing was last seen as it is; `observed_ns` is when it first was."""
        ...

    def repayments(self, since_ns: int, until_ns: int) -> Iterator[Repayment]: ...

    def interest(self, since_ns: int, until_ns: int) -> Iterator[Interest]: ...

    def liquidations(self, since_ns: int, until_ns: int) -> Iterator[Liquidation]: ...

    def owed(self, before_ns: int) -> Owed | None:
        """The debts as the last look before then showed them; None where there was none."""
        ...

    def balances(self, since_ns: int, until_ns: int) -> Iterator[Seen]:
        """By ``received_ns``. An asset that a complete snapshot no longer lists is given as a balance of zero."""
        ...

    def looked(self, since_ns: int, until_ns: int) -> Iterator[Look]:
        """What answers about positions and their collateral said, by ``received_ns``."""
        ...

    def events(self, kind: type[FactT], *, since_ns: int, until_ns: int) -> Iterator[FactT]:
        """The rows of any history."""
        ...

    def instruments(self) -> Mapping[str, Instrument]:
        """What can be traded, by its name."""
        ...

    def findings(self) -> Iterable[Noticed]:
        """What the store noticed and nothing has undone since."""
        ...

    def covered(self, stream: str, *, since_ns: int, until_ns: int) -> Iterable[Span]:
        """What is known of the stream there, disjoint and ascending; what no claim covers is not proven."""
        ...


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of one check, in one scope, over one closed interval. ``terms``: how many links, orders or rows were
    compared. ``tolerance``: the widest that was allowed to one comparison. ``cause``: why it is unchecked."""

    check: str
    scope: Scope
    outcome: Outcome
    since_ns: int
    until_ns: int
    cause: str = ""
    terms: int = 0
    tolerance: Decimal = values.ZERO


class Proven:
    """The proven intervals of one stream, merged, for many questions about closed intervals."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans: list[Span] = []
        for span in spans:
            last = self._spans[-1] if self._spans else None
            if last and last.status == span.status == "proven" and last.until_ns == span.since_ns:
                self._spans[-1] = last._replace(until_ns=span.until_ns)
            elif span.since_ns < span.until_ns:
                self._spans.append(span)
        self._starts = [span.since_ns for span in self._spans]

    @classmethod
    def of(cls, ledger: Ledger, stream: str, *, since_ns: int, until_ns: int) -> Proven:
        """As the ledger says, cut to [since_ns, until_ns); what the wire does not have it never had."""
        spans = ledger.covered(stream, since_ns=since_ns, until_ns=until_ns)
        return cls(span if span.cause == UNSUPPORTED else span.cut(since_ns, until_ns) for span in spans)

    @property
    def end_ns(self) -> int:
        """Where the last proven interval ends (exclusive); 0 where nothing is proven."""
        return next((span.until_ns for span in reversed(self._spans) if span.status == "proven"), 0)

    def cause(self, since_ns: int, until_ns: int) -> str:
        """Why not all of the closed interval is proven: the cause of its first piece that is not; "" where it is."""
        at_ns = since_ns
        while True:
            position = bisect_right(self._starts, at_ns) - 1
            span = self._spans[position] if position >= 0 else None
            if span is None:
                return BEFORE_ORIGIN if self._spans else OPEN
            if span.until_ns <= at_ns:
                return SETTLING if position == len(self._spans) - 1 else OPEN
            if span.status != "proven":
                return span.cause or span.status
            if until_ns < span.until_ns:
                return ""
            at_ns = span.until_ns

    def proven_until(self, since_ns: int) -> int:
        """The end (exclusive) of the proven interval that contains ``since_ns``; ``since_ns`` itself where none
        does."""
        position = bisect_right(self._starts, since_ns) - 1
        span = self._spans[position] if position >= 0 else None
        return span.until_ns if span and span.status == "proven" and since_ns < span.until_ns else since_ns


def merged(results: Iterable[Result]) -> list[Result]:
    """The same results, those of one check, scope, outcome and cause that overlap or follow each other in one."""
    whole: dict[tuple[str, Scope], list[Result]] = {}
    for result in sorted(results, key=lambda each: (each.since_ns, each.until_ns)):
        line = whole.setdefault((result.check, result.scope), [])
        if line and (line[-1].outcome, line[-1].cause) == (result.outcome, result.cause):
            line[-1] = msgspec.structs.replace(
                line[-1],
                until_ns=max(line[-1].until_ns, result.until_ns),
                terms=line[-1].terms + result.terms,
                tolerance=max(line[-1].tolerance, result.tolerance),
            )
        else:
            line.append(result)
    return [result for key in sorted(whole) for result in whole[key]]


def row_key(native_id: str | None) -> tuple[int, int, str]:
    """The order of rows of one instant: numeric ids by number, before all others by text."""
    text = native_id or ""
    if text.isascii() and text.isdigit() and len(text) <= limits.AMOUNT_CHARACTERS:
        return 0, int(text), ""
    return 1, 0, text


def row_name(fact: Fact) -> str:
    """How a row is named in a break: by its native id, else by its page and place."""
    return fact.native_id or f"{fact.page}.{fact.offset}"


def signed(amount: Decimal, positive: bool) -> Decimal:  # noqa: FBT001 - it reads as the sign
    """The amount or its negative, exactly: Python's own minus would round to its default context."""
    return amount if positive else amount.copy_negate()


def decimals(amount: Decimal) -> int:
    """Decimals of a printed amount; 0 for one with so many digits that a double's noise is among them."""
    _, digits, exponent = amount.as_tuple()
    return -exponent if isinstance(exponent, int) and exponent < 0 and len(digits) <= DOUBLE_DIGITS else 0


def pages_of(facts: Iterable[Fact]) -> tuple[int, ...]:
    return tuple(sorted({fact.page for fact in facts if fact.page}))
