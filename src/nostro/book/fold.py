"""From pages to what the book knows: the one fold. It decides what a page adds: new rows, new versions, rows that are
no longer there, claims, sums, findings; it does not decide who may append (``store.py``) nor how answers are asked.

It is a pure function of the pages in their order and of the readers of their exchanges, whatever the batches were: what
it keeps in memory are copies of what it could read again, dropped by `Fold.forget`.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from nostro import limits
from nostro.book import alias, identity, sums, undated
from nostro.book.coverage import Cover, Span, folded
from nostro.book.held import Held, HeldRows
from nostro.book.identity import Row
from nostro.book.pages import OURS, Entered
from nostro.domain.records import STAMP, Entry, Fact, restore
from nostro.domain.subjects import SUBJECTS
from nostro.domain.values import ZERO
from nostro.errors import Conflict, NostroError
from nostro.link.declare import Ask, Claim, Exchange, Page, Query, Stream, taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nostro.book.engine import Values
    from nostro.book.store import AccountRow, Store

OK: Final = 200  # the HTTP status of an answer
# What a reader may raise over bytes that are not what the route answers with: the page is kept, quarantined.
_UNREADABLE: Final = (
    NostroError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, msgspec.MsgspecError,
)  # fmt: skip


class Finding(NamedTuple):
    """Something about a page that a person should know: ``what`` is late (a new row in an interval that was proven),
    changed (of a row that no longer changes), vanished (from a complete re-read), unknown (a token of the wire),
    quarantined (a page that cannot be read) or unproven (a claim whose pages were not all readable)."""

    account: str
    seq: int
    what: str
    stream: str
    kind: str
    effective_ns: int
    row_offset: int
    detail: str


class Counts(msgspec.Struct):
    """What pages added. ``late`` rows are counted among the new ones, ``aliased`` rows and those of which only the time
    is known more narrowly (``narrowed``) among none of the others."""

    new: int = 0
    changed: int = 0
    repeated: int = 0
    aliased: int = 0
    narrowed: int = 0
    late: int = 0
    vanished: int = 0


class _At(msgspec.Struct):
    """Where the fold stands: one page of one account."""

    account: AccountRow
    seq: int
    observed_ns: int
    page: Page
    stream: Stream | None = None
    ask: Ask | None = None
    findings: list[Finding] = []
    inserts: list[Values] = []
    changes: sums.Changes = {}
    seen: set[bytes] = set()
    gone: int = 0

    def find(self, what: str, detail: str, *, kind: str = "", effective_ns: int = 0, row_offset: int = 0) -> None:
        name, stream = self.account.name, self.page.stream
        self.findings.append(Finding(name, self.seq, what, stream, kind, effective_ns, row_offset, detail))


class Fold:
    """Folds pages into the derived tables, through one connection. All writes belong to the caller's transaction."""

    def __init__(self, store: Store, registry: Callable[[str, str], Exchange]) -> None:
        self._store = store
        self._registry = registry
        self._held = HeldRows(store)
        self.counts = Counts()
        self.forget()

    def forget(self) -> None:
        """Drops what is kept in memory: after a rollback, and when another process may have written."""
        self._held.forget()
        self._sums: sums.Latest = {}
        self._covers: dict[tuple[int, str], Cover] = {}
        self._states: dict[tuple[int, str], dict[bytes, Held]] = {}
        self._quarantined: dict[tuple[int, str], int] = {}
        self._seen: OrderedDict[tuple[int, int], frozenset[bytes]] = OrderedDict()
        self._seen_rows = 0

    def page(self, account: AccountRow, entered: Entered, *, read: Sequence[Fact] | None = None) -> list[Finding]:
        """Folds the next page of an account; gives what a person should know about it. ``read``: the facts that its
        ask has just read from it, else it is read here."""
        page = entered.page
        at = _At(account, entered.seq, entered.observed_ns, page)
        facts = self._facts(at, read)
        if facts is not None:
            self._rows(at, facts)
            self._flush(at)
            self._claims(at)
        self._write(at)
        return at.findings

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _facts(self, at: _At, read: Sequence[Fact] | None = None) -> list[Fact] | None:
        """The facts of the page; None where it cannot be read: then nothing that it says counts."""
        page = at.page
        if page.exchange == OURS or page.secret:
            return []
        exchange = self._exchange(page)
        at.ask, at.stream = exchange.ask(page.stream), exchange.stream(page.stream)
        if read is not None and at.ask is not None and page.status == OK:
            return taken(page, read)
        try:
            return exchange.read(page)
        except _UNREADABLE as error:
            at.find("quarantined", f"{page.route} cannot be read: {error}")
            self._quarantined[at.account.id, page.stream] = at.seq
            return None

    def _exchange(self, page: Page) -> Exchange:
        """The page's exchange, whose reader must be the one of all pages so far. Raises `Conflict`. Looked up for each
        page: a newer program may have rebuilt the book while this one went on collecting."""
        key = (page.exchange, page.dialect)
        exchange = self._registry(*key)
        query = "SELECT version FROM reader WHERE exchange = ? AND dialect = ?"
        version = self._store.engine.value(query, key)
        if version is None:
            self._store.engine.alone()
            version = self._store.engine.value(query, key)
        if version is None:
            self._store.engine.insert("reader", [(*key, exchange.reader)])
        elif version != exchange.reader:
            message = f"the book was read with reader {version} of {page.exchange}, and this is {exchange.reader}"
            raise Conflict(message, hint="read its pages again: nostro rebuild", exchange=page.exchange)
        return exchange

    def _read_rows(self, at: _At, facts: Iterable[Fact]) -> list[Row]:
        name, page = at.account.name, at.page
        return list(
            identity.rows(
                facts, exchange=page.exchange, account=name, stream=page.stream, declared=at.stream,
                observed_ns=at.observed_ns,
            )
        )  # fmt: skip

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _rows(self, at: _At, facts: Iterable[Fact]) -> None:
        found = self._read_rows(at, facts)
        states = [row for row in found if row.fact.kind in SUBJECTS]
        if states or is_complete(at.page, at.ask):
            self._fold_states(at, states)
        events = [row for row in found if row.fact.kind not in SUBJECTS]
        if events:
            held = self._held.latest(at.account.id, [row.identity for row in events])
            mixed = self._held.resolve(at.account.id, at.page.stream, seq=at.seq, rows=events, held=held)
            for row in events:
                self._event(at, row, held, mixed=mixed)
        self._remember_seen(at)

    def _event(self, at: _At, row: Row, held: dict[bytes, Held], *, mixed: bool) -> None:
        before = held.get(row.target)
        at.seen.add(row.target)
        if before is None:
            self.counts.new += 1
            self._late(at, row)
        elif not before.vanished and (row.digest == before.digest or _is_older(row, before, at.stream)):
            self.counts.repeated += 1
            return
        elif not self._differs(at, row, before, mixed=mixed):
            return
        held[row.target] = self._insert(at, row, before)

    def _differs(self, at: _At, row: Row, before: Held, *, mixed: bool) -> bool:
        """Whether a row says something new of a held one, and counts it. Under two names, what they say together;
        without a time, within both windows."""
        old = restore(row.fact.kind, before.content)
        contradicted, agrees = True, undated.agree(old, row.fact)
        told = undated.narrowed(old, row.fact)
        if mixed and self._held.has_two_names(at.account.id, row, old=old):
            told, contradicted = alias.merge(old, told)
        if told is not row.fact:
            row.say(told)
            if row.digest == before.digest and not before.vanished:
                self.counts.repeated += 1
                return False
        if agrees and not before.vanished:
            self.counts.narrowed += 1
        elif contradicted or before.vanished:
            self.counts.changed += 1
            self._changed(at, row, old, was_vanished=before.vanished)
        else:
            self.counts.aliased += 1
        return True

    def _late(self, at: _At, row: Row) -> None:
        since_ns, until_ns = undated.window(row.fact) or (row.effective_ns, row.effective_ns + 1)
        if self.cover(at.account.id, at.page.stream).is_proven(since_ns, until_ns):
            self.counts.late += 1
            self._find_row(at, "late", row, "a new row in an interval that was proven")

    def _changed(self, at: _At, row: Row, old: Fact, *, was_vanished: bool) -> None:
        if was_vanished:
            self._find_row(at, "changed", row, "a row that had vanished is there again")
        elif not _unsettled(old, at.stream):
            before = undated.narrowed(row.fact, old)
            fields = [
                field for field in old.__struct_fields__
                if field not in (*STAMP, "extra") and getattr(before, field) != getattr(row.fact, field)
            ]  # fmt: skip
            # What has no word of ours may be a state of something else: the order's, printed in a row of its fill.
            if not fields:
                return
            self._find_row(at, "changed", row, f"a row that no longer changes has other {', '.join(fields)}")

    def _find_row(self, at: _At, what: str, row: Row, detail: str) -> None:
        fact = row.fact
        at.find(what, detail, kind=fact.kind, effective_ns=row.effective_ns, row_offset=fact.offset)

    def _insert(self, at: _At, row: Row, before: Held | None, *, vanished: bool = False) -> Held:
        fact, words = row.fact, self._store.words
        version = 1 if before is None else before.version + 1
        name = getattr(fact, "instrument", None) or getattr(fact, "asset", None) or ""
        effective_ns = row.effective_ns
        if before is not None and fact.kind in SUBJECTS:  # what is told of a state later holds later
            effective_ns = max(effective_ns, before.effective_ns)
        at.inserts.append((
            at.account.id, row.target, version, int(vanished), words.number(fact.kind), words.number(at.page.stream),
            int(row.native if before is None else before.native), int(not vanished and _unsettled(fact, at.stream)),
            effective_ns, at.seq, fact.offset, words.number(name), words.number(fact.wallet),
            words.number(fact.sub_account), row.digest, row.content,
        ))  # fmt: skip
        if b'"unknown:' in row.content and not vanished:
            self._find_row(at, "unknown", row, "the wire says a word that nostro does not know")
        if isinstance(fact, Entry):
            self._sum(at, row, before, vanished=vanished)
        native = row.native if before is None else before.native
        return Held(row.target, version, vanished, effective_ns, fact.offset, native, row.digest, row.content)

    def _sum(self, at: _At, row: Row, before: Held | None, *, vanished: bool) -> None:
        """Sums take the difference: the old amount away where there was one, the new one added. (A minus sign would
        round it to the 28 digits of Python's default context.)"""
        if before is not None and not before.vanished:
            old = restore(Entry.kind, before.content)
            assert isinstance(old, Entry)
            sums.add(at.changes, old, effective_ns=before.effective_ns, amount=old.amount.copy_negate())
        if not vanished:
            assert isinstance(row.fact, Entry)
            sums.add(at.changes, row.fact, effective_ns=row.effective_ns, amount=row.fact.amount)

    # ── states ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _fold_states(self, at: _At, found: Sequence[Row]) -> None:
        """A new observation of a state is a version if it differs; what a complete snapshot leaves out is gone."""
        held = self._held_states(at)
        present = set()
        for row in found:
            before = held.get(row.identity)
            present.add(row.identity)
            at.seen.add(row.identity)
            if before is not None and before.digest == row.digest and not before.vanished:
                self.counts.repeated += 1
                continue
            if before is None:
                self.counts.new += 1
                key = (at.account.id, self._store.words.number(at.page.stream), self._store.words.number(row.fact.kind))
                self._store.engine.insert("subject", [(*key, row.identity)])
            else:
                self.counts.changed += 1
            held[row.identity] = self._insert(at, row, before)
        if is_complete(at.page, at.ask):
            for before in [held[there] for there in sorted(held) if there not in present and not held[there].vanished]:
                held[before.identity] = self._vanish(at, before, effective_ns=at.observed_ns)

    def _held_states(self, at: _At) -> dict[bytes, Held]:
        key = (at.account.id, at.page.stream)
        if key not in self._states:
            query = "SELECT identity FROM subject WHERE account = ? AND stream = ?"
            stream = self._store.words.number(at.page.stream)
            subjects = [row[0] for row in self._store.engine.all(query, (at.account.id, stream))]
            self._states[key] = self._held.latest(at.account.id, subjects)
        return self._states[key]

    # ── claims and what is no longer there ───────────────────────────────────────────────────────────────────────

    def cover(self, account: int, stream: str) -> Cover:
        """The coverage of a stream, as far as it is folded."""
        key = (account, stream)
        if key not in self._covers:
            self._covers[key] = folded(claim for _, claim in self._store.claims(account, stream))
        return self._covers[key]

    def _claims(self, at: _At) -> None:
        cover = self.cover(at.account.id, at.page.stream)
        stream = self._store.words.number(at.page.stream)
        for ordinal, stated in enumerate(at.page.claims):
            claim = stated
            if claim.status == "proven" and at.page.exchange != OURS:
                proven = cover.proven(claim.since_ns, claim.until_ns)
                quarantined_seq = self._last_quarantined(at, stream)
                after_seq = self._sweep_start(at, claim) if proven or quarantined_seq else 0
                if quarantined_seq > after_seq and self._unread(at, claim, after_seq):
                    at.find("unproven", "a page of this interval could not be read", effective_ns=claim.since_ns)
                    claim = Claim("open", claim.since_ns, claim.until_ns, "error")
                else:
                    self._vanished(at, proven, after_seq)
            if cover.apply(claim):
                row = (at.account.id, stream, at.seq, ordinal)
                values = (claim.status, claim.cause, claim.since_ns, claim.until_ns)
                self._store.engine.insert("claim", [(*row, *values)])

    def _sweep_start(self, at: _At, claim: Claim) -> int:
        """The page before the first that speaks for this claim: the last that called a part of it proven, or that ended
        a reading of a part of the stream there (`Claim` open, for no cause)."""
        query = (
            "SELECT seq FROM page WHERE account = ? AND stream = ? AND seq < ?"
            " AND claims_since_ns < ? AND claims_until_ns > ? ORDER BY seq DESC"
        )
        bound = (at.account.id, self._store.words.number(at.page.stream), at.seq, claim.until_ns, claim.since_ns)
        for (seq,) in self._store.rows(query, bound):
            stated = self._store.journal.page(at.account.id, seq).claims
            if any((one.status == "proven" or one == _ended(one)) and _meet(one, claim) for one in stated):
                return int(seq)
        return 0

    def _last_quarantined(self, at: _At, stream: int) -> int:
        """The last page of the stream that could not be read, 0 where there is none."""
        key = (at.account.id, at.page.stream)
        if key not in self._quarantined:
            query = "SELECT max(seq) FROM finding WHERE account = ? AND stream = ? AND what = 'quarantined'"
            self._quarantined[key] = self._store.engine.value(query, (at.account.id, stream)) or 0
        return self._quarantined[key]

    def _unread(self, at: _At, claim: Claim, after_seq: int) -> bool:
        """Whether a page of the sweep is quarantined, and what it was asked of the claim's interval was not answered
        again, by the same question or by a wider one."""
        stream = self._store.words.number(at.page.stream)
        query = (
            "SELECT f.seq FROM finding f WHERE f.account = ? AND f.seq > ? AND f.seq < ? AND f.stream = ?"
            " AND f.what = 'quarantined' ORDER BY f.seq"
        )
        bound = (at.account.id, after_seq, at.seq, stream)
        return any(not self._answered(at, claim, int(seq)) for (seq,) in self._store.engine.all(query, bound))

    def _answered(self, at: _At, claim: Claim, quarantined_seq: int) -> bool:
        """Whether a later page, up to this one, could be read and answers what that page was asked of the interval."""
        asked = self._store.journal.page(at.account.id, quarantined_seq).query
        since_ns = claim.since_ns if asked.since_ns is None else max(claim.since_ns, asked.since_ns)
        until_ns = claim.until_ns if asked.until_ns is None else min(claim.until_ns, asked.until_ns)
        if since_ns >= until_ns:
            return True  # it was asked about another time
        query = (
            "SELECT p.seq FROM page p WHERE p.account = ? AND p.stream = ? AND p.seq > ? AND p.seq < ?"
            " AND p.status = 200 AND NOT EXISTS (SELECT 1 FROM finding f WHERE f.account = p.account"
            " AND f.seq = p.seq AND f.what = 'quarantined') ORDER BY p.seq DESC"
        )
        bound = (at.account.id, self._store.words.number(at.page.stream), quarantined_seq, at.seq)
        later = (self._store.journal.page(at.account.id, int(seq)).query for (seq,) in self._store.rows(query, bound))
        return any(
            given == asked or _answers(given, asked, since_ns=since_ns, until_ns=until_ns)
            for given in chain((at.page.query,), later)
        )

    def _vanished(self, at: _At, proven: Sequence[Span], after_seq: int) -> None:
        """Rows of intervals that were proven before, and that the pages of this sweep no longer show."""
        if not proven or at.stream is None:
            return
        seen: set[bytes] | None = None
        for span in proven:
            for held in self._held.live(
                at.account.id, at.page.stream, kind=at.stream.kind, since_ns=span.since_ns, until_ns=span.until_ns
            ):
                if held.identity in at.seen:
                    continue
                seen = self._sweep(at, after_seq) if seen is None else seen
                if held.identity not in seen and undated.is_before(
                    restore(at.stream.kind, held.content), span.until_ns
                ):
                    self._vanish(at, held, effective_ns=held.effective_ns)
            self._flush(at)

    def _vanish(self, at: _At, held: Held, *, effective_ns: int) -> Held:
        kind = self._kind(at, held)
        at.gone += 1  # it stands nowhere in this page: its place is counted down from -1
        fact = msgspec.structs.replace(restore(kind, held.content), offset=-at.gone)
        row = Row(fact, held.identity, held.identity, held.native, effective_ns, held.content, held.digest)
        self.counts.vanished += 1
        if kind not in SUBJECTS:
            self._find_row(at, "vanished", row, "a complete re-read no longer shows this row")
        return self._insert(at, row, held, vanished=True)

    def _kind(self, at: _At, held: Held) -> str:
        if at.stream is not None:
            return at.stream.kind
        query = "SELECT kind FROM record WHERE account = ? AND identity = ? AND version = 1"
        return self._store.words.text(self._store.engine.value(query, (at.account.id, held.identity)))

    def _sweep(self, at: _At, after_seq: int) -> set[bytes]:
        """The identities on the pages of the sweep that ends here, this page's included."""
        seen = set(at.seen)
        query = "SELECT seq FROM page WHERE account = ? AND stream = ? AND seq > ? AND seq < ? ORDER BY seq"
        bound = (at.account.id, self._store.words.number(at.page.stream), after_seq, at.seq)
        for seq in [int(row[0]) for row in self._store.engine.all(query, bound)]:
            known = self._seen.get((at.account.id, seq))
            seen |= self.identities(at.account, seq) if known is None else known
        return seen

    def identities(self, account: AccountRow, seq: int) -> frozenset[bytes]:
        """The identities under which the rows of a stored page are kept; empty where it cannot be read."""
        page = self._store.journal.page(account.id, seq)
        at = _At(account, seq, self._store.journal.observed_ns(account.id, seq), page)
        found = self._read_rows(at, self._facts(at) or [])
        self._held.follow(account.id, found, held={})
        return frozenset(row.target for row in found)

    def _remember_seen(self, at: _At) -> None:
        self._seen[at.account.id, at.seq] = frozenset(at.seen)
        self._seen_rows += len(at.seen)
        while self._seen_rows > limits.SEEN_ROWS:
            self._seen_rows -= len(self._seen.popitem(last=False)[1])

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _flush(self, at: _At) -> None:
        """Rows so far are stored, so that what comes next in this page sees them."""
        self._store.engine.insert("record", at.inserts)
        at.inserts = []

    def _write(self, at: _At) -> None:
        self._flush(at)
        words, insert = self._store.words, self._store.engine.insert
        sums.write(self._store, at.account.id, seq=at.seq, changes=at.changes, latest=self._sums)
        insert("finding", [
            (at.account.id, at.seq, ordinal, found.what, words.number(found.stream), found.kind, found.effective_ns,
             found.row_offset, found.detail)
            for ordinal, found in enumerate(at.findings)
        ])  # fmt: skip


def _answers(given: Query, asked: Query, *, since_ns: int, until_ns: int) -> bool:
    """Whether the answer to one question begins what another was asked of [since_ns, until_ns), and holds it where it
    is whole."""
    same = given.where == asked.where and given.position is None
    return same and (given.since_ns or 0) <= since_ns and (given.until_ns is None or until_ns <= given.until_ns)


def _ended(claim: Claim) -> Claim:
    return Claim("open", claim.since_ns, claim.until_ns)


def _meet(one: Claim, other: Claim) -> bool:
    return one.since_ns < other.until_ns and other.since_ns < one.until_ns


def _unsettled(fact: Fact, stream: Stream | None) -> bool:
    """Whether the row may still change: its stream names statuses that end one, and this is none of them."""
    return bool(stream and stream.terminal) and getattr(fact, "status", None) not in (stream.terminal if stream else ())


def _is_older(row: Row, held: Held, stream: Stream | None) -> bool:
    """Whether a row of a history of changes is an older state of what is held. In one moment more is filled later, and
    an end comes last."""
    if stream is None or not stream.changes:
        return False
    old = restore(row.fact.kind, held.content)
    seen, known = (
        (
            getattr(fact, "updated_ns", None) or 0, getattr(fact, "filled", None) or ZERO,
            not _unsettled(fact, stream),
        )
        for fact in (row.fact, old)
    )  # fmt: skip
    return seen < known


def is_complete(page: Page, ask: Ask | None) -> bool:
    """Whether a page of states shows all of them: it is an answer, unfiltered, and there is no further page."""
    query = page.query
    whole = not query.where and query.limit is None and query.position is None
    return ask is not None and ask.stream is None and ask.position is None and whole and page.status == OK
