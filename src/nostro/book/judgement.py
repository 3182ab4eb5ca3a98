"""Where the book and its checks meet: reads an account's facts for reconciliation, and keeps what came of it. It
decides when a checkpoint still holds and what is written; what ties is decided in ``checks/``, what becomes of a break
in ``breaks.py``.

A judgement that changes nothing writes nothing. One that does is a page of a route of ours on the account's chain, so
that the life of every break can be proven and rebuilt like all else.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeVar, cast

import msgspec

from nostro.book import breaks
from nostro.book.answers import ALWAYS_NS
from nostro.book.breaks import Break, BreakLife, Note
from nostro.book.checks import borrowings, loans, movements
from nostro.book.checks.terms import TERMINAL, UNSUPPORTED, Look, Noticed, Owed, Rules, Seen, rules_for
from nostro.book.coverage import Span
from nostro.book.fold import is_complete
from nostro.book.pages import page_of_ours
from nostro.book.reconcile import STEP_NS, STREAMS, Checkpoint, Judgement, reconcile
from nostro.book.watching import Watcher, unwatched
from nostro.domain.records import (
    Balance,
    Borrow,
    Entry,
    Fact,
    Fill,
    Instrument,
    Interest,
    Leverage,
    Liquidation,
    Loan,
    MarginSummary,
    Order,
    Position,
    Repayment,
    SubAccount,
    Transfer,
)
from nostro.domain.values import DAY_NS, EARLIEST_NS, LATEST_NS, ZERO
from nostro.link.declare import Status

if TYPE_CHECKING:
    from nostro.book.book import Book, Entered, Finding, Lease
    from nostro.link.declare import Page

FactT = TypeVar("FactT", bound=Fact)

DEBTS: Final = (loans.PRINCIPAL, loans.INTEREST, borrowings.REPAID, borrowings.PAID, borrowings.ACCRUED)
QUARANTINED: Final = "quarantined"
UNREADABLE: Final = "unreadable"
SETTLES: Final = (200, 403)  # an answer, or that the key may not have one
LOOKED_AT: Final = ("positions", "margin", "balances")  # states that figures of contracts are told in
LOOK_BACK_NS: Final = DAY_NS  # within which the last answer about debts is looked for first


class BookLedger:
    """The facts of one account of a book, as they were known at ``known_at_ns`` (None: now), for the checks: what
    answers told, as if there were no frames (docs/live.md 5)."""

    def __init__(self, book: Book, account: str, *, known_at_ns: int | None = None) -> None:
        self._book = book
        self._account = account
        self._known_at_ns = known_at_ns

    def entries(self, since_ns: int, until_ns: int) -> Iterator[Entry]:
        return self._facts(Entry, since_ns, until_ns)

    def fills(self, since_ns: int, until_ns: int) -> Iterator[Fill]:
        return self._facts(Fill, since_ns, until_ns)

    def borrows(self, since_ns: int, until_ns: int) -> Iterator[Borrow]:
        return self._facts(Borrow, since_ns, until_ns)

    def seen_ns(self, borrow: Borrow) -> int:
        return self._last_seen(borrow, "borrows").observed_ns

    def repayments(self, since_ns: int, until_ns: int) -> Iterator[Repayment]:
        return self._facts(Repayment, since_ns, until_ns)

    def interest(self, since_ns: int, until_ns: int) -> Iterator[Interest]:
        return self._facts(Interest, since_ns, until_ns)

    def liquidations(self, since_ns: int, until_ns: int) -> Iterator[Liquidation]:
        return self._facts(Liquidation, since_ns, until_ns)

    def owed(self, before_ns: int) -> Owed | None:
        """From the last pages before then that could be read, one of each part of the answer."""
        unreadable = {found.seq for found in self._found() if found.what == QUARANTINED}
        parts = [ask.name for ask in self._book.exchange(self._account).asks_for("loans")]
        pages = [self._last_page(part, before_ns, unreadable=unreadable) for part in parts]
        looked = [entered for entered in pages if entered is not None]
        if not parts or len(looked) < len(parts):
            return None
        loans = [
            msgspec.structs.replace(fact, page=entered.seq)
            for entered in looked for fact in self._book.read(entered.page) if isinstance(fact, Loan)
        ]  # fmt: skip
        sent_ns, received_ns = (
            min(each.page.sent_ns for each in looked),
            max(each.page.received_ns for each in looked),
        )
        return Owed(sent_ns, received_ns, tuple(loans))

    def _last_page(self, stream: str, before_ns: int, *, unreadable: Collection[int]) -> Entered | None:
        """Looked for near the end first: mostly it is there."""
        known_at_ns = before_ns - 1 if self._known_at_ns is None else min(before_ns - 1, self._known_at_ns)
        for back_ns in (LOOK_BACK_NS, LATEST_NS):
            after_seq = self._book.head_seq(self._account, known_at_ns=max(known_at_ns - back_ns, 0))
            found = None
            for entered in self._book.journal(
                self._account, stream=stream, after_seq=after_seq, known_at_ns=known_at_ns
            ):
                if entered.seq not in unreadable and entered.page.status == 200:
                    found = entered
            if found is not None:
                return found
        return None

    def movements(self, since_ns: int, until_ns: int) -> Iterator[Transfer]:
        facts = self._facts(Transfer, since_ns, until_ns)
        return (transfer for transfer in facts if transfer.direction == "internal")

    def transfers(self, since_ns: int, until_ns: int) -> Iterator[Transfer]:
        for transfer in self._facts(Transfer, since_ns, until_ns):
            if transfer.direction == "internal":
                continue
            if transfer.status in movements.PENDING and transfer.direction in movements.STREAM:
                yield self._last_seen(transfer, movements.STREAM[transfer.direction])
            else:
                yield transfer

    def order_versions(self, since_ns: int, until_ns: int, *, also: Mapping[str, int] | None = None) -> Iterator[Order]:
        """Of the orders that are still there. Those in ``also`` were open when the last run ended: only they are read
        from before ``since_ns``."""
        for placed_ns in sorted({at_ns for at_ns in (also or {}).values() if at_ns < since_ns}):
            yield from self._versions(placed_ns, placed_ns + 1, among=also)
        first = next(iter(self._facts(Order, since_ns, until_ns)), None)
        first_ns = until_ns if first is None else first.effective_ns or since_ns
        for start_ns in range(first_ns, until_ns, STEP_NS):  # in steps, so that memory does not grow with the history
            yield from self._versions(start_ns, min(start_ns + STEP_NS, until_ns))

    def balances(self, since_ns: int, until_ns: int) -> Iterator[Seen]:
        """From the pages themselves: what was reported, each time that it was."""
        asks = self._book.exchange(self._account).asks_for("balances")
        held = self._booked() if len(asks) == 1 else {}  # which part of an answer shows it, nobody says
        seen = [self._balances(ask.name, since_ns, until_ns, held=dict(held)) for ask in asks]
        return heapq.merge(*seen, key=lambda each: each.received_ns)

    def _balances(
        self, stream: str, since_ns: int, until_ns: int, *, held: dict[tuple[str, str, str], Balance]
    ) -> Iterator[Seen]:
        for entered in self._answers(stream, since_ns, until_ns):
            for balance in self._listed(entered, held):
                yield Seen(balance, entered.page.sent_ns, entered.page.received_ns)

    def _answers(self, stream: str, since_ns: int, until_ns: int) -> Iterator[Entered]:
        """The pages of states that were received in the interval and could be read."""
        after_seq = self._book.head_seq(self._account, known_at_ns=since_ns - 1)
        unreadable = {found.seq for found in self._found() if found.what == QUARANTINED}
        for entered in self._book.journal(
            self._account, stream=stream, after_seq=after_seq, known_at_ns=self._known_at_ns
        ):
            page = entered.page
            if entered.seq not in unreadable and page.status == 200 and since_ns <= page.received_ns < until_ns:
                yield entered

    def looked(self, since_ns: int, until_ns: int) -> Iterator[Look]:
        """From the pages themselves, as `balances`."""
        for capability in LOOKED_AT:
            asks = self._book.exchange(self._account).asks_for(capability)
            for ask in asks:
                for entered in self._answers(ask.name, since_ns, until_ns):
                    page = entered.page
                    yield Look(
                        capability=capability, sent_ns=page.sent_ns, received_ns=page.received_ns, page=entered.seq,
                        whole=len(asks) == 1 and is_complete(page, ask), facts=tuple(self._told(page)),
                    )  # fmt: skip

    def _told(self, page: Page) -> Iterator[Fact]:
        """What an answer says of states: where several asks of ours share its route, what each of them reads."""
        exchange = self._book.exchange_of(page)
        own = exchange.ask(page.stream)
        for ask in exchange.asks:
            if own is not None and ask.stream is None and ask.route == own.route:
                yield from self._book.read(msgspec.structs.replace(page, stream=ask.name))

    def events(self, kind: type[FactT], *, since_ns: int, until_ns: int) -> Iterator[FactT]:
        return self._facts(kind, since_ns, until_ns)

    def instruments(self) -> Mapping[str, Instrument]:
        known = self._book.latest_states(Instrument.kind, self._account, known_at_ns=self._known_at_ns)
        return {fact.instrument: fact for fact in known if isinstance(fact, Instrument)}

    def findings(self) -> Iterable[Noticed]:
        """All that still holds. Of pages that could not be read, those to whose question no other answer could be
        read, and of several that leave the same unknown the last; of frames that cannot be read for one reason the
        first, until the last."""
        found = list(self._found())
        unreadable = {each.seq for each in found if each.what == QUARANTINED}
        known: dict[str, list[Span]] = {}
        noticed: dict[tuple[str, int, int], Noticed] = {}
        unread: dict[str, Finding] = {}
        for each in found:
            key = (each.stream, each.seq, each.row_offset)
            if each.what == QUARANTINED:
                if each.stream not in known:
                    spans = self.covered(each.stream, 0, LATEST_NS)
                    known[each.stream] = [span for span in spans if span.status != "open"]
                left = self._unread(each, unreadable, known=known[each.stream])
                if left is not None:
                    noticed[each.stream, left[0], 0] = Noticed(each, *left)
            elif each.what == UNREADABLE:
                alike = unread.setdefault(each.detail.partition(" (byte")[0], each)  # not each place is another fault
                key = (each.stream, alike.seq, alike.row_offset)
                noticed[key] = Noticed(alike, alike.effective_ns, each.effective_ns)
            elif not self._book.undone(each, known_at_ns=self._known_at_ns):
                noticed[key] = Noticed(each, each.effective_ns, each.effective_ns)
        return noticed.values()

    def covered(self, stream: str, since_ns: int, until_ns: int) -> Iterable[Span]:
        if self._book.exchange(self._account).stream(stream) is None:
            return [Span(EARLIEST_NS, LATEST_NS, "unavailable", UNSUPPORTED)]
        tiles = self._book.coverage(
            self._account, stream, since_ns=since_ns, until_ns=until_ns, known_at_ns=self._known_at_ns
        )
        return [
            Span(tile.since_ns, tile.until_ns, cast("Status", tile.status), tile.cause)  # type: ignore[arg-type]
            for tile in tiles
            if tile.status == "proven" or tile.cause
        ]

    def _found(self) -> Iterable[Finding]:
        return self._book.findings(self._account, known_at_ns=self._known_at_ns)

    def _unread(
        self, finding: Finding, unreadable: Collection[int], *, known: Sequence[Span]
    ) -> tuple[int, int] | None:
        """The closed interval that an unreadable page leaves unknown: of a history, what is still open of that which
        it was asked for; of a state, from then on until a later page can be read. None where nothing is."""
        pages = self._book.journal(
            self._account, stream=finding.stream, after_seq=finding.seq - 1, known_at_ns=self._known_at_ns
        )
        asked = next(iter(pages)).page.query
        if asked.since_ns is None or asked.until_ns is None:
            return self._unread_state(finding, unreadable)
        # The wire counts in whole seconds, perhaps: nothing before the account's beginning is ever claimed.
        at_ns = since_ns = max(asked.since_ns, self._book.account(self._account).since_ns)
        left: list[int] = []
        for span in known[bisect_right(known, since_ns, key=lambda span: span.until_ns) :]:
            if span.since_ns >= asked.until_ns:
                break
            if at_ns < span.since_ns:
                left += [at_ns, span.since_ns - 1]
            at_ns = span.until_ns
        if at_ns < asked.until_ns:
            left += [at_ns, asked.until_ns - 1]
        return (left[0], left[-1]) if left else None

    def _unread_state(self, finding: Finding, unreadable: Collection[int]) -> tuple[int, int] | None:
        since_ns = until_ns = 0
        for later in self._book.journal(self._account, stream=finding.stream, known_at_ns=self._known_at_ns):
            if later.page.status in SETTLES and later.seq not in unreadable:
                if later.seq > finding.seq:
                    return None
                since_ns = 0
            elif later.seq in unreadable:
                since_ns, until_ns = since_ns or later.page.sent_ns, later.page.received_ns
        return since_ns, until_ns

    def _facts(self, kind: type[FactT], since_ns: int, until_ns: int, *, versions: bool = False) -> Iterator[FactT]:
        facts = self._book.facts(
            kind.kind, self._account, since_ns=since_ns, until_ns=until_ns, known_at_ns=self._known_at_ns,
            versions=versions, histories=True,
        )  # fmt: skip
        return cast("Iterator[FactT]", facts)

    def _versions(self, since_ns: int, until_ns: int, among: Collection[str] | None = None) -> Iterator[Order]:
        """Every version of the orders that are still there at that time, one instant in memory."""
        latest = groupby(self._facts(Order, since_ns, until_ns), key=_time_ns)
        at_ns, there = next(latest, (ALWAYS_NS, iter(())))
        for time_ns, versions in groupby(self._facts(Order, since_ns, until_ns, versions=True), key=_time_ns):
            while at_ns < time_ns:
                at_ns, there = next(latest, (ALWAYS_NS, iter(())))
            last = {order.native_id: order for order in there} if at_ns == time_ns else {}
            for order in versions:
                known = last.get(order.native_id)
                if known is None or (among is not None and order.native_id not in among):
                    continue  # it is no longer there, or its time is another now
                newest = (order.page, order.offset) == (known.page, known.offset)
                yield self._last_seen(order, "orders") if newest and order.status not in TERMINAL else order

    def _last_seen(self, fact: FactT, stream: str) -> FactT:
        """A fact that may still change, observed when it was last seen unchanged."""
        seen_ns = self._book.last_seen(
            self._account, stream, effective_ns=fact.effective_ns or 0, known_at_ns=self._known_at_ns
        )
        return msgspec.structs.replace(fact, observed_ns=max(fact.observed_ns, seen_ns))

    def _listed(self, entered: Entered, held: dict[tuple[str, str, str], Balance]) -> Iterator[Balance]:
        """The balances of a snapshot, and zero for what it does not list, of what was listed or booked before. One
        that is listed twice is given twice."""
        listed = [fact for fact in self._book.read(entered.page) if isinstance(fact, Balance)]
        there = {(fact.sub_account, fact.wallet, fact.asset): fact for fact in listed}
        if is_complete(entered.page, self._book.exchange(self._account).ask(entered.page.stream)):
            for key in held.keys() - there.keys():
                gone = msgspec.structs.replace(held[key], total=ZERO, free=ZERO, used=ZERO, updated_ns=None)
                listed.append(gone)
        held.update(there)
        for balance in listed:
            yield msgspec.structs.replace(balance, page=entered.seq)

    def _booked(self) -> dict[tuple[str, str, str], Balance]:
        """A balance of zero for all that has entries: what a snapshot does not list is zero."""
        sums = self._book.ledger_sums(self._account, known_at_ns=self._known_at_ns)
        return {
            (each.sub_account, each.wallet, each.asset): Balance(
                exchange=self._book.account(self._account).exchange, account=self._account,
                sub_account=each.sub_account, wallet=each.wallet, asset=each.asset,
            )
            for each in sums
        }  # fmt: skip


class Judge:
    """Reconciles one account, again and again, each time from where the last run can be trusted."""

    def __init__(self, book: Book, account: str) -> None:
        self._book = book
        self._account = account
        self._checkpoint: Checkpoint | None = None
        self._covered: dict[str, list[Span]] = {}
        self._own = ""
        self._judged_seq = 0
        self.latest: Judgement | None = None

    def judge(self, lease: Lease, *, now_ns: int) -> Judgement:
        """Runs all checks on what is known now, and writes what changed among the breaks."""
        head_seq = self._book.head_seq(self._account)
        arrived = self._arrived()
        if self._checkpoint is not None and not self._holds(self._checkpoint, arrived):
            self._checkpoint = None
        judgement = judged(self._book, self._account, until_ns=now_ns, checkpoint=self._checkpoint)
        self._checkpoint = judgement.checkpoint
        self._covered = self._coverage(judgement.checkpoint)
        self._own = own_account(self._book, self._account)
        self.latest = judgement
        reader = self._book.exchange(self._account).reader
        known = breaks.unexplained(lives(self._book, self._account))
        body = breaks.judge(
            known, [_as_known(each, known.get(each.id)) for each in judgement.breaks],
            seq=head_seq, reader=reader, arrived=arrived,
        )  # fmt: skip
        if body is not None:
            self._book.append(lease, [page_of_ours(breaks.RECONCILED, body, now_ns=now_ns)])
        self._judged_seq = head_seq
        return judgement

    def _arrived(self) -> list[Fact]:
        """The facts that were learned since the last judgement."""
        return list(self._book.learned(self._account, after_seq=self._judged_seq)) if self._checkpoint else []

    def _holds(self, checkpoint: Checkpoint, arrived: Iterable[Fact]) -> bool:
        """Whether nothing was learned that reaches behind the checkpoint: no fact, and no interval that was not proven
        and is now, even if it is empty."""
        row = self._book.account(self._account)
        rules = rules_for(self._book.exchange(self._account), self._account, since_ns=row.since_ns)
        if self._coverage(checkpoint) != self._covered or own_account(self._book, self._account) != self._own:
            return False
        return not any(_undoes(fact, checkpoint, rules=rules) and not self._went_on(fact) for fact in arrived)

    def _went_on(self, fact: Fact) -> bool:
        """Whether it is a borrowing that was known already, is still there, and of the same amount: all else of it is
        looked at anyway."""
        if not isinstance(fact, Borrow):
            return False
        found = self._book.findings(self._account, after_seq=self._judged_seq)
        if any((each.seq, each.row_offset) == (fact.page, fact.offset) for each in found):
            return False
        known = [each for each in self._borrowings(fact, versions=True) if each.page <= self._judged_seq]
        now = self._borrowings(fact, versions=False)
        return bool(known) and [each.amount for each in now] == [known[-1].amount]

    def _borrowings(self, fact: Borrow, *, versions: bool) -> list[Borrow]:
        at_ns = fact.effective_ns or 0
        rows = self._book.facts(Borrow.kind, self._account, since_ns=at_ns, until_ns=at_ns + 1, versions=versions)
        return [each for each in rows if isinstance(each, Borrow) and each.native_id == fact.native_id]

    def _coverage(self, checkpoint: Checkpoint) -> dict[str, list[Span]]:
        ledger = BookLedger(self._book, self._account)
        return {stream: list(ledger.covered(stream, 0, checkpoint.at_ns)) for stream in STREAMS}


def _as_known(found: Break, known: Break | None) -> Break:
    """A debt that stays wrong by the same is the same break, however often it is looked at: what a person accepted does
    not change by being said again."""
    said_again = known is not None and found.check in DEBTS and known.missing == found.missing
    return known if known is not None and said_again else found


def _undoes(fact: Fact, checkpoint: Checkpoint, *, rules: Rules) -> bool:
    """Whether a fact that was just learned reaches behind the checkpoint. An order or a transfer that was under way and
    merely went on does not: it is looked at again anyway, and so are debts."""
    at_ns = fact.effective_ns or 0
    if isinstance(fact, Balance | Loan | Interest | Position | MarginSummary | Leverage):
        return False
    if checkpoint.contracts.undone_by(fact):
        return True
    if isinstance(fact, Transfer) and fact.direction != "internal":
        return at_ns < checkpoint.movements.since_ns or movements.is_matched(fact, checkpoint.movements)
    if isinstance(fact, Order):
        cuts = {cut.scope: cut for cut in checkpoint.cuts}
        cut = cuts.get(rules.scope(fact, fact.instrument, side=fact.side))
        if cut is not None and cut.open.get(fact.native_id or "") == at_ns:
            return False
        return at_ns < (cut.at_ns if cut else checkpoint.at_ns)
    return at_ns < checkpoint.at_ns


def judged(
    book: Book, account: str, *, until_ns: int, known_at_ns: int | None = None, checkpoint: Checkpoint | None = None,
    watcher: Watcher = unwatched,
) -> Judgement:  # fmt: skip
    """What the checks say of an account's facts effective before ``until_ns`` and known at ``known_at_ns``. Writes
    nothing. ``watcher`` is told of about how many pages."""
    row, pages = book.account(account), book.head_seq(account, known_at_ns=known_at_ns)
    rules = rules_for(book.exchange(account), account, since_ns=row.since_ns)
    return reconcile(
        BookLedger(book, account, known_at_ns=known_at_ns),
        rules=msgspec.structs.replace(rules, own=own_account(book, account, known_at_ns=known_at_ns)),
        until_ns=until_ns,
        checkpoint=checkpoint,
        passed=lambda done, whole: watcher("reconciled", pages * done // whole, whole=pages),
    )


def own_account(book: Book, account: str, *, known_at_ns: int | None = None) -> str:
    """The sub-account that the login itself is: the root of the tree that the exchange showed; "" where it is not
    known."""
    rows = list(book.latest_states("sub_account", account, known_at_ns=known_at_ns))
    known = {each.native_id for each in rows}
    roots = [each for each in rows if isinstance(each, SubAccount) and each.parent_id not in known]
    return roots[0].sub_account if len(roots) == 1 else ""


def lives(book: Book, account: str, *, known_at_ns: int | None = None) -> dict[str, BreakLife]:
    """Every break of an account and its life, by id."""
    notes = (
        Note(page=entered.seq, at_ns=entered.observed_ns, route=entered.page.stream, body=entered.page.body)
        for stream in (breaks.RECONCILED, breaks.DECISION)
        for entered in book.journal(account, stream=stream, known_at_ns=known_at_ns)
    )
    return breaks.lives(sorted(notes, key=lambda note: note.page))


def _time_ns(fact: Fact) -> int:
    return fact.effective_ns or 0
