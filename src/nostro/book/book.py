"""The book of your accounts: what was received, what is known from it, and how far it is complete. It decides in which
order things are written (pages and all that follows from them in one transaction, then the anchor) and that nothing is
written unfenced; what pages mean is the fold's (``fold.py``), what is asked of it the answers' (``answers.py``).

A `Book` is used from one thread. Its answers come from connections of their own, each in one read transaction, so that
they are consistent while this or another process goes on writing.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Final, Self

import msgspec

from nostro import limits
from nostro.book import proof
from nostro.book.anchor import Anchors, Loss, losses, unanchored
from nostro.book.answers import ALWAYS_NS, Answers, Clocks, LedgerSum
from nostro.book.backup import backup
from nostro.book.coverage import Covers
from nostro.book.fold import Fold
from nostro.book.found import Appended, Finding
from nostro.book.migrate import Migrated, migrate, refuse_older
from nostro.book.pages import Entered, page_of_ours
from nostro.book.proof import Proof
from nostro.book.rebuild import Rebuilt, rebuild
from nostro.book.store import AccountRow, Chain, Head, Lease, Store
from nostro.book.watching import Watcher, unwatched
from nostro.domain.answers import Answer, Interval
from nostro.domain.records import Interest
from nostro.domain.values import SECOND_NS
from nostro.errors import Conflict, Fenced, NoAnchor, RolledBack, Uncertain, Unreachable, Unwritable
from nostro.link.declare import Page
from nostro.link.segment import FEED
from nostro.link.source import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from nostro.book.store import Place
    from nostro.domain.records import Fact
    from nostro.link.declare import Exchange, Stream

ROLLED_BACK: Final = "nostro:rollback"  # the route of the page that says that a loss was accepted

__all__ = ["AccountRow", "Appended", "Book", "Chain", "Entered", "Finding", "Lease", "LedgerSum", "Proof", "Rebuilt"]


class Book:
    """An open book. Use `Book.open`; close it, or use it as a context manager."""

    def __init__(
        self, place: Place, *, store: Store, anchors: Anchors, now_ns: Callable[[], int],
        registry: Callable[[str, str], Exchange], read_only: bool, missing: list[str],
    ) -> None:  # fmt: skip
        self.path = store.engine.path  # of the file, or where this machine keeps what belongs to a book on a server
        self.name = store.engine.name
        self.place = place
        self.warnings = [f"account {name} has no anchor: the book opens for reading only" for name in missing]
        self.migrated: Migrated | None = None
        self._store = store
        self._anchors = anchors
        self._now_ns = now_ns
        self._registry = registry
        self._read_only = read_only
        self._unanchored = missing
        self._fold = Fold(store, registry)
        self._heads: dict[int, Head] = {}
        self._covers = Covers()
        self._readers: list[Store] = []
        self._free: list[Store] = []

    @classmethod
    def open(
        cls, place: Place, *, now_ns: Callable[[], int], registry: Callable[[str, str], Exchange], create: bool = False,
        read_only: bool = False, accept_rollback: bool = False, watcher: Watcher = unwatched,
    ) -> Self:  # fmt: skip
        """The book in that file, or at that address of a server. ``registry`` gives the exchange of an id and a
        dialect, ``now_ns`` the time. A book of an older form is brought to the present one, where it may be written:
        then ``watcher`` is told how far that is, and `migrated` what was done.

        Raises `RolledBack` where the book lies behind its anchors, unless that is accepted: then the loss is recorded
        on each account's chain, and what the lost pages proved is open again. Raises what `open_database` or
        `PostgresEngine` raises, `SchemaTooOld` where it is only read, and what `migrate` raises."""
        store = Store(place, create=create, read_only=read_only)
        try:
            anchors = Anchors(store.engine.path)
            anchored = anchors.read()
            with store.reading():
                store.check_heads()
                lost = losses(store, anchored)
                missing = unanchored(store, anchored)
            if not accept_rollback:
                _refuse(store, lost)
            if read_only:
                refuse_older(store)
            migrated = None if read_only else migrate(store, place, registry=registry, watcher=watcher)
            book = cls(
                place, store=store, anchors=anchors, now_ns=now_ns, registry=registry, read_only=read_only,
                missing=missing,
            )  # fmt: skip
            book.migrated = migrated
            for loss in lost:
                book._accept(loss)
        except BaseException:
            store.close()
            raise
        return book

    def close(self) -> None:
        for store in [*self._readers, self._store]:
            store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ── accounts and leases ──────────────────────────────────────────────────────────────────────────────────────

    def accounts(self) -> list[AccountRow]:
        with self._answering() as answers:
            return answers.store.accounts()

    def account(self, name: str) -> AccountRow:
        """Raises `BadValue` where the book has no such account."""
        with self._answering() as answers:
            return answers.store.account(name)

    def add_account(self, name: str, exchange: str, *, dialect: str, since_ns: int) -> AccountRow:
        """Adds an account whose history is asked from ``since_ns`` on. Raises `Conflict` where the name is taken."""
        self._check_writable()
        with self._store.writing():
            self._store.add_account(name, exchange, dialect=dialect, since_ns=since_ns)
            account = self._store.account(name)
            # Before the commit, so that a process that dies between the two leaves no account without an anchor.
            self._anchor(account, self._store.head(account.id))
        return account

    def set_dialect(self, account: str, dialect: str) -> None:
        """From now on the account's wire is spoken so; pages keep the dialect that they were received in."""
        self._check_writable()
        with self._store.writing():
            self._store.engine.execute("UPDATE account SET dialect = ? WHERE name = ?", (dialect, account))

    def acquire(self, account: str, holder: str) -> Lease:
        """The right to append to an account. Every append renews it. Raises `Conflict` while another holder has it."""
        self._check_writable()
        self._fold.forget()
        return self._store.acquire(self._store.account(account), holder, now_ns=self._now_ns())

    def renew(self, lease: Lease) -> Lease:
        """Raises `Fenced` where another process took over."""
        renewed = lease._replace(expires_ns=self._now_ns() + limits.LEASE_S * SECOND_NS)
        self._store.extend(self._store.account(lease.account), lease, expires_ns=renewed.expires_ns)
        return renewed

    def release(self, lease: Lease) -> None:
        """Gives a lease back; one that another process took over is no longer ours to give, and where the server does
        not answer it ends by itself."""
        with suppress(Fenced, Unreachable):
            self._store.extend(self._store.account(lease.account), lease, expires_ns=0)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def append(self, lease: Lease, pages: Iterable[Page | Step]) -> Appended:
        """Stores pages with all that follows from them, whole or not at all; on return they are on the disk, anchored.
        A page that cannot be read is stored alone, quarantined. Raises `Fenced`, `Unwritable`, `Conflict`."""
        self._check_writable()
        with self._folding(lease.account) as (account, head):
            return self._append(account, lease, pages, old=head)

    def empty_inbox(self, lease: Lease) -> Appended:
        """Appends what other processes left for the holder of this lease."""
        self._check_writable()
        with self._folding(lease.account) as (account, head):
            return self._append(account, lease, self._store.empty_inbox(account), old=head)

    def leave(self, account: str, page: Page, *, holder: str) -> bool:
        """Gets a page of a route of ours onto an account's chain, from a process that does not collect it: appended now
        where nobody holds the lease (True), otherwise left in the inbox for its holder (False)."""
        try:
            lease = self.acquire(account, holder)
        except Conflict:
            self._store.leave(self._store.account(account), page)
            return False
        try:
            self.append(lease, [page])
        finally:
            self.release(lease)
        return True

    def _append(self, account: AccountRow, lease: Lease, pages: Iterable[Page | Step], *, old: Head) -> Appended:
        """Inside `_folding`: the commit and the anchor follow."""
        head = old
        observed_ns = self._store.journal.observed_ns(account.id, head.seq)
        before, found = msgspec.structs.replace(self._fold.counts), list[Finding]()
        for step in pages:
            page, read = (step.page, step.read) if isinstance(step, Step) else (step, None)
            seq, observed_ns = head.seq + 1, max(observed_ns, page.received_ns)
            hashed = self._store.journal.insert(account.id, page, seq=seq, observed_ns=observed_ns, previous=head.hash)
            head = Head(seq, hashed)
            found += self._fold.page(account, Entered(seq, observed_ns, page), read=read)
        self._store.move_head(account, lease, old=old, new=head, now_ns=self._now_ns())
        return Appended.between(before, self._fold.counts, head=head, findings=found)

    @contextmanager
    def _folding(self, name: str) -> Iterator[tuple[AccountRow, Head]]:
        """A write transaction of the fold on an account, whose head is held, and the anchor after it where its chain
        grew."""
        head = None
        try:
            with self._store.writing():
                account = self._store.account(name)
                before = self._store.hold_head(account.id)
                self._check_behind(account, before)
                yield account, before
                head = self._store.head(account.id)
        except Uncertain:
            self._fold.forget()
            if head is None or not self._arrived(account, head):
                raise
        except BaseException:
            self._fold.forget()
            raise
        if head != before:
            self._anchor(account, head)
        self._heads[account.id] = head

    def _check_behind(self, account: AccountRow, head: Head) -> None:
        """A server may come back without what it had acknowledged. Raises `RolledBack`."""
        known = self._heads.get(account.id, head)
        if known != head and self._store.hash_at(account.id, known.seq) != known.hash:
            _refuse(self._store, losses(self._store, self._anchors.read()))

    def _arrived(self, account: AccountRow, head: Head) -> bool:
        """Whether a page is there whose commit was not answered: as long as somebody is writing it, we wait for him.
        Raises `Unreachable` where it is not; False where nobody can say."""
        try:
            with self._store.writing():
                self._store.hold_head(account.id)
                arrived = self._store.hash_at(account.id, head.seq) == head.hash
        except Unreachable:
            return False
        if not arrived:
            message = f"{self.name} went away before it had committed"
            raise Unreachable(message, hint="nothing was written; do it again", account=account.name)
        return True

    def _anchor(self, account: AccountRow, head: Head) -> None:
        """A process that was paused here must not leave an older anchor where another one went on."""
        with self._store.translated():
            anchored = None
            while anchored != head:
                self._anchors.write(account.name, head)
                anchored, head = head, self._store.head(account.id)

    def _check_writable(self) -> None:
        if self._read_only:
            raise Unwritable(f"{self.name} was opened for reading only", hint="open it for writing")
        if self._unanchored:
            message = f"account {self._unanchored[0]} has no anchor beside {self.name}"
            hint = "restore the folder of anchors, or accept this state: nostro verify --new-anchor"
            raise NoAnchor(message, hint=hint)

    def _accept(self, loss: Loss) -> None:
        """Records an accepted loss on the account's chain; coverage follows from the pages that are there."""
        if loss.head is None:
            self._anchors.forget(loss.account)
            return
        now_ns = self._now_ns()
        account = self._store.account(loss.account)
        # The lease in an older copy is an older one: it says nothing about who writes now.
        lease = self._store.acquire(account, ROLLED_BACK, now_ns=now_ns, force=True)
        said = page_of_ours(ROLLED_BACK, msgspec.json.encode(loss), now_ns=now_ns)
        with self._folding(loss.account) as (_, head):
            self._append(account, lease, [said], old=head)
        self.release(lease)

    # ── proof ────────────────────────────────────────────────────────────────────────────────────────────────────

    def verify(self, *, watcher: Watcher = unwatched) -> Proof:
        """Walks all chains, digests and anchors. Raises `ChainBroken`, `Corrupted` or `RolledBack`."""
        anchored = self._anchors.read()
        with self._answering() as answers:
            _refuse(answers.store, losses(answers.store, anchored))
            return proof.verify(answers.store, watcher=watcher)

    def head(self) -> str:
        """The hash that stands for every byte of every page, as `verify` prints it; nothing is walked for it."""
        with self._answering() as answers:
            return proof.book_head(answers.store)

    def new_anchor(self, *, watcher: Watcher = unwatched) -> Proof:
        """Verifies the book and makes its present state the one that is anchored."""
        with self._answering() as answers:
            proven = proof.verify(answers.store, watcher=watcher)
            for account in answers.store.accounts():
                self._anchors.write(account.name, answers.store.head(account.id))
        self._unanchored, self.warnings = [], []
        return proven

    def state_hash(self) -> str:
        """One hash of all that is derived from the pages."""
        with self._answering() as answers:
            return proof.state_hash(answers.store)

    def backup(self, target: Path, *, watcher: Watcher = unwatched) -> Proof:
        """Copies the book, as it is at this moment, to a new file, and verifies the copy."""
        with self._answering() as answers:
            return backup(answers.store, target, watcher=watcher)

    def rebuild(self, *, watcher: Watcher = unwatched) -> Rebuilt:
        """Reads all pages again with the readers of the registry, and reports every row that changed."""
        self._check_writable()
        self._fold.forget()
        return rebuild(self._store, self._registry, watcher=watcher)

    # ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────

    def facts(
        self, kind: str, account: str, *, since_ns: int = 0, until_ns: int = ALWAYS_NS, as_of_ns: int | None = None,
        known_at_ns: int | None = None, where: Mapping[str, str] | None = None, vanished: bool = False,
        versions: bool = False, histories: bool = False,
    ) -> Iterator[Fact]:  # fmt: skip
        """Facts with a time in [since_ns, until_ns), stamped, in the order of their times, one by one: the latest
        version known at ``known_at_ns`` of those effective before ``as_of_ns``, or every version with ``versions``. Of
        states, every version. ``vanished``: the rows that are no longer there, instead. ``histories``: of events only
        what histories told, as if there had been no frames."""
        with self._asking(account, as_of_ns=as_of_ns, known_at_ns=known_at_ns) as (answers, clocks):
            yield from answers.facts(
                kind, clocks, since_ns=since_ns, until_ns=until_ns, where=where, vanished=vanished, versions=versions,
                histories=histories,
            )  # fmt: skip

    def learned(self, account: str, *, after_seq: int) -> Iterator[Fact]:
        """Every version of every row that a page after ``after_seq`` introduced, in the order of pages; of events what
        histories told."""
        with self._asking(account, as_of_ns=None, known_at_ns=None) as (answers, clocks):
            yield from answers.learned(clocks, after_seq=after_seq)

    def heard(self, account: str, *, stream: str = FEED, known_at_ns: int | None = None) -> int | None:
        """When the last frames of an account, or the last answer of that stream, were received; None where none were:
        ns of our clock."""
        with self._asking(account, as_of_ns=None, known_at_ns=known_at_ns) as (answers, clocks):
            return answers.heard_ns(stream, clocks)

    def answer(
        self, kind: str, account: str, *, since_ns: int | None = None, until_ns: int | None = None,
        as_of_ns: int | None = None, known_at_ns: int | None = None, where: Mapping[str, str] | None = None,
        newest: int | None = None,
    ) -> Answer[Fact]:  # fmt: skip
        """As `facts`, all at once, with how complete it is; its coverage lists what is not proven. ``newest``: the last
        so many rows alone, and no more are read."""
        with self._asking(account, as_of_ns=as_of_ns, known_at_ns=known_at_ns) as (answers, clocks):
            end_ns = ALWAYS_NS if until_ns is None else until_ns
            later: list[Fact] = []
            found = answers.facts(
                kind, clocks, since_ns=since_ns or 0, until_ns=end_ns, where=where, left_out=later,
                newest_first=newest is not None,
            )  # fmt: skip
            # Of rows without a time all are looked at: which of them are left out is part of the answer.
            rows = list(islice(found, None if kind == Interest.kind else newest))
            if newest is not None:
                rows = rows[:newest][::-1]
            from_ns = clocks.account.since_ns if since_ns is None else since_ns
            through_ns = self._now_ns() if until_ns is None else until_ns
            return answers.complete(rows, clocks, kind=kind, since_ns=from_ns, until_ns=through_ns, left_out=later)

    def latest_states(
        self, kind: str, account: str, *, as_of_ns: int | None = None, known_at_ns: int | None = None,
        where: Mapping[str, str] | None = None,
    ) -> Answer[Fact]:  # fmt: skip
        """The states of a kind (balances, fee rules, ...) as they were last observed before ``as_of_ns``. Their time is
        when they were last seen so; their page is the first that said so."""
        with self._asking(account, as_of_ns=as_of_ns, known_at_ns=known_at_ns) as (answers, clocks):
            return answers.plain(answers.states(kind, clocks, where=where), clocks)

    def ledger_sums(
        self, account: str, *, as_of_ns: int | None = None, known_at_ns: int | None = None
    ) -> Answer[LedgerSum]:
        """What the ledger's entries before ``as_of_ns`` add up to, by sub-account, wallet and asset."""
        with self._asking(account, as_of_ns=as_of_ns, known_at_ns=known_at_ns) as (answers, clocks):
            since_ns, until_ns = clocks.account.since_ns, self._now_ns()
            return answers.complete(
                answers.ledger_sums(clocks), clocks, kind="entry", since_ns=since_ns, until_ns=until_ns
            )

    def coverage(
        self, account: str, stream: str, *, since_ns: int, until_ns: int, known_at_ns: int | None = None
    ) -> list[Interval]:
        """[since_ns, until_ns) of a stream as disjoint half-open intervals in order: proven, open or unavailable."""
        with self._asking(account, as_of_ns=None, known_at_ns=known_at_ns) as (answers, clocks):
            return answers.coverage(stream, clocks, since_ns=since_ns, until_ns=until_ns)

    def open_rows(self, account: str, stream: Stream) -> list[tuple[int, str]]:
        """The times of the rows of a stream that may still change, and of which instrument, asset or (where the stream
        is keyed by that) sub-account they are; each once, in order of time."""
        with self._asking(account, as_of_ns=None, known_at_ns=None) as (answers, clocks):
            return answers.open_rows(clocks.account, stream)

    def findings(self, account: str, *, after_seq: int = 0, known_at_ns: int | None = None) -> Iterator[Finding]:
        """What pages were found to say that a person should know, in their order."""
        with self._asking(account, as_of_ns=None, known_at_ns=known_at_ns) as (answers, clocks):
            yield from answers.findings(clocks, after_seq=after_seq)

    def undone(self, found: Finding, *, known_at_ns: int | None = None) -> bool:
        """Whether what a page was found to say of a row (`findings`) holds no more."""
        with self._asking(found.account, as_of_ns=None, known_at_ns=known_at_ns) as (answers, clocks):
            return answers.undone(found, clocks)

    def last_seen(self, account: str, stream: str, *, effective_ns: int, known_at_ns: int | None = None) -> int:
        """Until when at least a row of this moment was as the book holds it, ns of our clock; 0 where nobody looked."""
        with self._asking(account, as_of_ns=None, known_at_ns=known_at_ns) as (answers, clocks):
            return answers.last_seen(stream, clocks, effective_ns=effective_ns)

    def journal(
        self, account: str, *, after_seq: int = 0, known_at_ns: int | None = None, stream: str | None = None
    ) -> Iterator[Entered]:
        """The pages of an account, or of one stream or route of ours, as they were received, in their order."""
        with self._asking(account, as_of_ns=None, known_at_ns=known_at_ns) as (answers, clocks):
            yield from answers.store.journal.walk(
                clocks.account.id, after_seq=after_seq, until_seq=clocks.seq, stream=stream
            )

    def supporting_pages(self, fact: Fact) -> list[int]:
        """The numbers of all pages that show the row of a fact of this book. Reads every page of the row's stream."""
        with self._asking(fact.account, as_of_ns=None, known_at_ns=None) as (answers, clocks):
            return answers.supporting_pages(fact, clocks)

    def head_seq(self, account: str, *, known_at_ns: int | None = None) -> int:
        """The number of an account's last page, or of the last that was known at that time."""
        with self._asking(account, as_of_ns=None, known_at_ns=known_at_ns) as (_, clocks):
            return clocks.seq

    def chains(self) -> list[Chain]:
        """Every account's chain: one that stands where it stood has nothing new to read."""
        with self._answering() as answers:
            return answers.store.chains()

    def exchange(self, account: str) -> Exchange:
        """The wire that an account speaks now."""
        row = self.account(account)
        return self._registry(row.exchange, row.dialect)

    def exchange_of(self, page: Page) -> Exchange:
        """The wire that a page was received on."""
        return self._registry(page.exchange, page.dialect)

    def read(self, page: Page) -> list[Fact]:
        """The unstamped facts of a page."""
        return self.exchange_of(page).read(page)

    # ── connections for answers ──────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _answering(self) -> Iterator[Answers]:
        """One read transaction of a connection of its own: an answer sees one moment of the book."""
        if self._free:
            store = self._free.pop()
        else:
            store = Store(self.place, read_only=True)
            self._readers.append(store)
        try:
            with store.reading():
                yield Answers(store, self._registry, covers=self._covers)
        finally:
            self._free.append(store)

    @contextmanager
    def _asking(
        self, account: str, *, as_of_ns: int | None, known_at_ns: int | None
    ) -> Iterator[tuple[Answers, Clocks]]:
        with self._answering() as answers:
            yield answers, answers.clocks(account, as_of_ns=as_of_ns, known_at_ns=known_at_ns)


def _refuse(store: Store, lost: list[Loss]) -> None:
    if lost:
        message = f"{store.engine.name} is not what was acknowledged: {'; '.join(map(str, lost))} are missing or others"
        hint = "restore a newer backup, or go on without them with --accept-rollback: what they proved is asked again"
        raise RolledBack(message, hint=hint, account=lost[0].account)
