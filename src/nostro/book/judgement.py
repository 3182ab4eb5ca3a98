"""Where the book and its checks meet: reads an account's facts for reconciliation, and keeps what came of it. It
decides when a checkpoint still holds and what is written; what ties is decided in ``checks/``, what becomes of a break
in ``breaks.py``.

A judgement that changes nothing writes nothing. One that does is a page of a route of ours on the account's chain, so
that the life of every break can be proven and rebuilt like all else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar, cast

import msgspec

from nostro.book import breaks
from nostro.book.breaks import BreakLife, Note
from nostro.book.checks.terms import Seen, rules_for
from nostro.book.coverage import Span
from nostro.book.pages import page_of_ours
from nostro.book.reconcile import Checkpoint, Judgement, reconcile
from nostro.domain.records import Balance, Entry, Fact, Fill, Order, Transfer
from nostro.domain.values import ZERO
from nostro.link.declare import Status

if TYPE_CHECKING:
    from nostro.book.book import Book, Entered, Finding, Lease

FactT = TypeVar("FactT", bound=Fact)

QUARANTINED: Final = "quarantined"


class BookLedger:
    """The facts of one account of a book, as they were known at ``known_at_ns`` (None: now), for the checks."""

    def __init__(self, book: Book, account: str, *, known_at_ns: int | None = None) -> None:
        self._book = book
        self._account = account
        self._known_at_ns = known_at_ns

    def entries(self, since_ns: int, until_ns: int) -> Iterator[Entry]:
        return self._facts(Entry, since_ns, until_ns)

    def fills(self, since_ns: int, until_ns: int) -> Iterator[Fill]:
        return self._facts(Fill, since_ns, until_ns)

    def transfers(self, since_ns: int, until_ns: int) -> Iterator[Transfer]:
        return self._facts(Transfer, since_ns, until_ns)

    def orders(self, since_ns: int, until_ns: int, also: Collection[str] = ()) -> Iterator[Order]:
        return self._orders(since_ns, until_ns, also, versions=False)

    def order_versions(self, since_ns: int, until_ns: int, also: Collection[str] = ()) -> Iterator[Order]:
        return self._orders(since_ns, until_ns, also, versions=True)

    def balances(self, since_ns: int, until_ns: int) -> Iterator[Seen]:
        """From the pages themselves: what was reported, each time that it was."""
        held: dict[tuple[str, str, str], Balance] = {}
        after_seq = self._book.head_seq(self._account, known_at_ns=since_ns - 1)
        unreadable = {found.seq for found in self._found() if found.what == QUARANTINED}
        for entered in self._book.journal(
            self._account, stream="balances", after_seq=after_seq, known_at_ns=self._known_at_ns
        ):
            page = entered.page
            if entered.seq in unreadable or page.status != 200:
                continue
            if not since_ns <= page.received_ns < until_ns:
                continue
            for balance in self._listed(entered, held):
                yield Seen(balance, page.sent_ns, page.received_ns)

    def findings(self) -> Iterable[Finding]:
        """All but the pages that could not be read and of which another answer to the same question could."""
        found = list(self._found())
        unreadable = {each.seq for each in found if each.what == QUARANTINED}
        return [each for each in found if each.what != QUARANTINED or not self._read_since(each, unreadable)]

    def covered(self, stream: str, since_ns: int, until_ns: int) -> Iterable[Span]:
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

    def _read_since(self, finding: Finding, unreadable: Collection[int]) -> bool:
        """Whether what an unreadable page was asked for is known now: of a history, that its interval is no longer
        open; of a state, that a later page could be read."""
        pages = self._book.journal(
            self._account, stream=finding.stream, after_seq=finding.seq - 1, known_at_ns=self._known_at_ns
        )
        asked = next(iter(pages)).page.query
        if asked.since_ns is not None and asked.until_ns is not None:
            # The wire counts in whole seconds, perhaps: nothing before the account's beginning is ever claimed.
            since_ns = max(asked.since_ns, self._book.account(self._account).since_ns)
            spans = self.covered(finding.stream, since_ns, asked.until_ns)
            known_ns = sum(span.until_ns - span.since_ns for span in spans if span.status != "open")
            return known_ns == asked.until_ns - since_ns
        return any(later.seq not in unreadable and later.page.status == 200 for later in pages)

    def _facts(self, kind: type[FactT], since_ns: int, until_ns: int, *, versions: bool = False) -> Iterator[FactT]:
        facts = self._book.facts(
            kind.kind, self._account, since_ns=since_ns, until_ns=until_ns, known_at_ns=self._known_at_ns,
            versions=versions,
        )  # fmt: skip
        return cast("Iterator[FactT]", facts)

    def _orders(self, since_ns: int, until_ns: int, also: Collection[str], *, versions: bool) -> Iterator[Order]:
        """Those named in ``also`` were placed before ``since_ns``: they were open when the last run ended."""
        wanted = set(also)
        if wanted:
            for order in self._facts(Order, 0, since_ns, versions=versions):
                if order.native_id in wanted:
                    yield order
        yield from self._facts(Order, since_ns, until_ns, versions=versions)

    def _listed(self, entered: Entered, held: dict[tuple[str, str, str], Balance]) -> Iterator[Balance]:
        """The balances of a snapshot, and zero for what an earlier one listed and this one does not."""
        listed = {
            (fact.sub_account, fact.wallet, fact.asset): fact
            for fact in self._book.read(entered.page)
            if isinstance(fact, Balance)
        }
        for key, balance in held.items():
            if key not in listed:
                gone = msgspec.structs.replace(balance, total=ZERO, free=ZERO, used=ZERO, updated_ns=None)
                listed[key] = gone
        held.update(listed)
        for balance in listed.values():
            yield msgspec.structs.replace(balance, page=entered.seq)


class Judge:
    """Reconciles one account, again and again, each time from where the last run can be trusted."""

    def __init__(self, book: Book, account: str) -> None:
        self._book = book
        self._account = account
        self._checkpoint: Checkpoint | None = None
        self._judged_seq = 0
        self.latest: Judgement | None = None

    def judge(self, lease: Lease, *, now_ns: int) -> Judgement:
        """Runs all checks on what is known now, and writes what changed among the breaks."""
        head_seq = self._book.head_seq(self._account)
        arrived = self._arrived()
        if self._checkpoint is not None and any(self._undoes(fact, self._checkpoint) for fact in arrived):
            self._checkpoint = None
        judgement = judged(self._book, self._account, until_ns=now_ns, checkpoint=self._checkpoint)
        self._checkpoint = judgement.checkpoint
        self.latest = judgement
        reader = self._book.exchange(self._account).reader
        body = breaks.judge(
            breaks.unexplained(lives(self._book, self._account)), judgement.breaks,
            seq=head_seq, reader=reader, arrived=arrived,
        )  # fmt: skip
        if body is not None:
            self._book.append(lease, [page_of_ours(breaks.RECONCILED, body, now_ns=now_ns)])
        self._judged_seq = head_seq
        return judgement

    def _arrived(self) -> list[Fact]:
        """The facts that were learned since the last judgement."""
        return list(self._book.learned(self._account, after_seq=self._judged_seq)) if self._checkpoint else []

    @staticmethod
    def _undoes(fact: Fact, checkpoint: Checkpoint) -> bool:
        """Whether a fact that was just learned reaches behind the checkpoint. An order or a transfer that merely went
        on does not."""
        return not isinstance(fact, Order | Transfer | Balance) and (fact.effective_ns or 0) < checkpoint.at_ns


def judged(
    book: Book, account: str, *, until_ns: int, known_at_ns: int | None = None, checkpoint: Checkpoint | None = None
) -> Judgement:
    """What the checks say of an account's facts effective before ``until_ns`` and known at ``known_at_ns``. Writes
    nothing."""
    row = book.account(account)
    return reconcile(
        BookLedger(book, account, known_at_ns=known_at_ns),
        rules=rules_for(book.exchange(account), account, since_ns=row.since_ns),
        until_ns=until_ns,
        checkpoint=checkpoint,
    )


def lives(book: Book, account: str, *, known_at_ns: int | None = None) -> dict[str, BreakLife]:
    """Every break of an account and its life, by id."""
    notes = (
        Note(page=entered.seq, at_ns=entered.observed_ns, route=entered.page.stream, body=entered.page.body)
        for stream in (breaks.RECONCILED, breaks.DECISION)
        for entered in book.journal(account, stream=stream, known_at_ns=known_at_ns)
    )
    return breaks.lives(sorted(notes, key=lambda note: note.page))
