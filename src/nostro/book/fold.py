"""From pages to what the book knows: the one fold. It decides what a page adds: new rows, new versions, findings. What
becomes of rows that frames tell is decided in ``heard.py``, of states in ``observed.py``, of claims and of what is no
longer there in ``swept.py``; who may append in ``store.py``; how answers are asked is no concern of it.

An answer is of one stream, a page of frames of several, each folded under its own name. The fold is a pure function of
the pages in their order and of the readers of their exchanges, whatever the batches were: what it keeps in memory are
copies of what it could read again, dropped by `Fold.forget`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

from nostro import limits
from nostro.book import alias, heard, identity, undated
from nostro.book.found import At, Counts, Finding, Shown
from nostro.book.held import Held, HeldRows
from nostro.book.identity import Row
from nostro.book.keeping import ADDED, ALONE, Keeping, may_change
from nostro.book.observed import States
from nostro.book.pages import OURS, Entered
from nostro.book.swept import Sweeps
from nostro.domain.records import STAMP, Fact, restore
from nostro.domain.subjects import SUBJECTS
from nostro.domain.values import ZERO
from nostro.errors import Conflict, NostroError
from nostro.link import segment
from nostro.link.declare import Ask, Exchange, Page, Stream, taken
from nostro.link.segment import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nostro.book.store import AccountRow, Store

__all__ = ["Counts", "Finding", "Fold", "is_complete"]

OK: Final = 200  # the HTTP status of an answer
# What a reader may raise over bytes that are not what the route answers with: the page is kept, quarantined.
_UNREADABLE: Final = (
    NostroError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, msgspec.MsgspecError,
)  # fmt: skip


class Fold:
    """Folds pages into the derived tables, through one connection. All writes belong to the caller's transaction."""

    def __init__(self, store: Store, registry: Callable[[str, str], Exchange]) -> None:
        self._store = store
        self._registry = registry
        self._held = HeldRows(store)
        self._keeping = Keeping(store)
        self._states = States(self._keeping, self._held, shown=self._shown)
        self._sweeps = Sweeps(self._keeping, self._held, shown=self._known)
        self.counts = self._keeping.counts
        self.forget()

    def forget(self) -> None:
        """Drops what is kept in memory: after a rollback, and when another process may have written."""
        for part in (self._held, self._keeping, self._states, self._sweeps):
            part.forget()
        self._seen: OrderedDict[tuple[int, int], frozenset[bytes]] = OrderedDict()
        self._seen_rows = 0

    def page(self, account: AccountRow, entered: Entered, *, read: Sequence[Fact] | None = None) -> list[Finding]:
        """Folds the next page of an account; gives what a person should know about it. ``read``: the facts that its
        ask has just read from it, else it is read here."""
        at = At(account, entered.seq, entered.observed_ns, entered.page, entered.page.stream)
        readings = self._readings(at, read)
        if readings is not None:
            for reading in readings:
                self._reading(at, reading)
            if not at.is_feed:
                self._remember_seen(at)
            self._keeping.flush(at)
            self._sweeps.claims(at)
        else:
            self._sweeps.quarantine(at)
        self._keeping.write(at)
        return at.findings

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _readings(self, at: At, read: Sequence[Fact] | None = None) -> Sequence[Reading] | None:
        """What the page says, stream by stream; None where it cannot be read: then nothing that it says counts."""
        page = at.page
        if page.exchange == OURS or page.secret:
            return []
        at.exchange = self._exchange(page)
        at.turn_to(page.stream)
        try:
            if at.is_feed:
                return self._frames(at)
            return [Reading(page.stream, tuple(self._facts(at, read)), is_complete(page, at.ask))]
        except _UNREADABLE as error:
            at.find("quarantined", f"{page.route} cannot be read: {error}")
            return None

    def _facts(self, at: At, read: Sequence[Fact] | None) -> Iterable[Fact]:
        assert at.exchange is not None
        if read is not None and at.ask is not None and at.page.status == OK:
            return taken(at.page, read)
        return at.exchange.read(at.page)

    def _frames(self, at: At) -> Sequence[Reading]:
        """What cannot be read of a page of frames hinders nothing else of it."""
        feed = at.exchange.feed if at.exchange else None
        if feed is None:
            raise ValueError("this dialect has no feed")
        unread: list[str] = []
        readings = list(segment.read(feed, at.page, unread=unread))
        for place, why in enumerate(dict.fromkeys(unread)):
            at.find("unreadable", why, effective_ns=at.page.sent_ns, row_offset=place)
        return readings

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

    def _read_rows(self, at: At, reading: Reading) -> list[Row]:
        """The rows of a reading. A fact whose time is that of its arrival says none."""
        facts, observed_ns = reading.facts, at.observed_ns
        if at.is_feed:
            observed_ns = reading.received_ns
            if not reading.timed:
                facts = tuple(_untimed(fact, observed_ns) for fact in facts)
        return list(
            identity.rows(
                facts, exchange=at.page.exchange, account=at.account.name, stream=at.stream, declared=at.declared,
                observed_ns=observed_ns,
            )
        )  # fmt: skip

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _reading(self, at: At, reading: Reading) -> None:
        if at.stream != reading.stream:
            at.turn_to(reading.stream)
        if at.is_feed and self._states.repeats(at, reading):
            self.counts.repeated += len(reading.facts)
            return
        found = self._read_rows(at, reading)
        states = [row for row in found if row.fact.kind in SUBJECTS]
        if states or reading.whole:
            self._states.fold(at, states, reading=reading)
            at.seen.update(row.identity for row in states)
        events = [row for row in found if row.fact.kind not in SUBJECTS]
        if events and at.is_feed:
            events = [row for row in events if at.declared is not None]
        if events:
            unknown = [row.identity for row in events if row.identity not in at.held]
            at.held.update(self._held.latest(at.account.id, unknown))
            mixed = self._held.resolve(at.account.id, at.stream, seq=at.seq, rows=events, held=at.held)
            for row in events:
                if at.is_feed:
                    self._hear(at, row)
                else:
                    self._event(at, row, mixed=mixed)

    def _event(self, at: At, row: Row, *, mixed: bool) -> None:
        """A row that a history tells: compared with what histories told before, as if there were no frames."""
        latest = at.held.get(row.target)
        before = latest
        if latest is not None and latest.unsettled in (ALONE, ADDED):
            before = self._held.by_histories(at.account.id, latest)
        at.seen.add(row.target)
        if before is None:
            self.counts.new += latest is None
            self.counts.confirmed += latest is not None
            self._late(at, row)
        elif not before.vanished and (row.digest == before.digest or _is_older(row, before, at.declared)):
            self.counts.repeated += 1
            return
        elif not self._differs(at, row, before, mixed=mixed):
            return
        told = self._keeping.insert(at, row, before=latest)
        at.held[row.target] = told if latest is before or latest is None else self._with_frames(at, row, told, latest)

    def _with_frames(self, at: At, row: Row, told: Held, latest: Held) -> Held:
        """What frames told of a row that a history has just told stands on top of it."""
        old = restore(row.fact.kind, latest.content)
        if latest.unsettled == ALONE and (fields := heard.contradictions(old, row.fact)):
            at.find_row("changed", row, detail=f"its frames and its history say otherwise of {', '.join(fields)}")
        merged = heard.confirmed(row.fact, old)
        if merged is None:
            return told
        row.say(merged)
        return self._keeping.insert(at, row, before=told, unsettled=ADDED)

    def _hear(self, at: At, row: Row) -> None:
        """A row that a frame tells."""
        latest = at.held.get(row.target)
        if latest is None:
            if heard.is_row(row.fact, at.declared, since_ns=at.account.since_ns):
                self.counts.new += 1
                at.stirred = True
                at.held[row.target] = self._keeping.insert(at, row, before=None, unsettled=ALONE)
            return
        if latest.vanished or latest.digest == row.digest:
            self.counts.repeated += 1
            return
        old = restore(row.fact.kind, latest.content)
        said, is_later = heard.followed(row.fact, old)
        alone = latest.unsettled == ALONE
        if not is_later and alone and (fields := heard.contradictions(old, row.fact)):
            at.find_row("changed", row, detail=f"its frames say otherwise of {', '.join(fields)}")
        if not heard.adds(said, old, extra=alone):
            self.counts.repeated += 1
            return
        if said.effective_ns is None:
            row.effective_ns = min(row.effective_ns, latest.effective_ns)
        row.say(said)
        self.counts.changed += is_later
        self.counts.confirmed += not is_later
        at.stirred = True
        at.held[row.target] = self._keeping.insert(at, row, before=latest, unsettled=ALONE if alone else ADDED)

    def _differs(self, at: At, row: Row, before: Held, *, mixed: bool) -> bool:
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

    def _late(self, at: At, row: Row) -> None:
        since_ns, until_ns = undated.window(row.fact) or (row.effective_ns, row.effective_ns + 1)
        if self._sweeps.cover(at.account.id, at.stream).is_proven(since_ns, until_ns):
            self.counts.late += 1
            at.find_row("late", row, detail="a new row in an interval that was proven")

    def _changed(self, at: At, row: Row, old: Fact, *, was_vanished: bool) -> None:
        if was_vanished:
            at.find_row("changed", row, detail="a row that had vanished is there again")
        elif not may_change(old, at.declared):
            before = undated.narrowed(row.fact, old)
            fields = [
                field for field in old.__struct_fields__
                if field not in (*STAMP, "extra") and getattr(before, field) != getattr(row.fact, field)
            ]  # fmt: skip
            # What has no word of ours may be a state of something else: the order's, printed in a row of its fill.
            if not fields:
                return
            at.find_row("changed", row, detail=f"a row that no longer changes has other {', '.join(fields)}")

    # ── what pages show ──────────────────────────────────────────────────────────────────────────────────────────

    def identities(self, account: AccountRow, seq: int) -> frozenset[bytes]:
        """The identities under which the rows of a stored page are kept; empty where it cannot be read."""
        at, readings = self._again(account, seq)
        found: list[Row] = []
        for reading in readings:
            at.turn_to(reading.stream)
            found += self._read_rows(at, reading)
        self._held.follow(account.id, found, held={})
        return frozenset(row.target for row in found)

    def _shown(self, at: At, seq: int) -> list[Shown]:
        """What a stored page told of the stream that ``at`` stands at."""
        there, readings = self._again(at.account, seq)
        there.turn_to(at.stream)
        return [
            Shown(
                each.received_ns if there.is_feed else there.page.sent_ns,
                frozenset(row.identity for row in self._read_rows(there, each)), each.whole,
            )
            for each in readings if each.stream == at.stream
        ]  # fmt: skip

    def _again(self, account: AccountRow, seq: int) -> tuple[At, Sequence[Reading]]:
        page = self._store.journal.page(account.id, seq)
        at = At(account, seq, self._store.journal.observed_ns(account.id, seq), page, page.stream)
        return at, self._readings(at) or ()

    def _known(self, account: AccountRow, seq: int) -> frozenset[bytes]:
        known = self._seen.get((account.id, seq))
        return self.identities(account, seq) if known is None else known

    def _remember_seen(self, at: At) -> None:
        self._seen[at.account.id, at.seq] = frozenset(at.seen)
        self._seen_rows += len(at.seen)
        while self._seen_rows > limits.SEEN_ROWS:
            self._seen_rows -= len(self._seen.popitem(last=False)[1])


def _untimed(fact: Fact, received_ns: int) -> Fact:
    return msgspec.structs.replace(fact, effective_ns=None) if fact.effective_ns == received_ns else fact


def _is_older(row: Row, held: Held, stream: Stream | None) -> bool:
    """Whether a row of a history of changes is an older state of what is held. In one moment more is filled later, and
    an end comes last."""
    if stream is None or not stream.changes:
        return False
    old = restore(row.fact.kind, held.content)
    seen, known = (
        (
            getattr(fact, "updated_ns", None) or 0, getattr(fact, "filled", None) or ZERO,
            not may_change(fact, stream),
        )
        for fact in (row.fact, old)
    )  # fmt: skip
    return seen < known


def is_complete(page: Page, ask: Ask | None) -> bool:
    """Whether a page of states shows all of them: it is an answer, unfiltered, and there is no further page."""
    query = page.query
    whole = not query.where and query.limit is None and query.position is None
    return ask is not None and ask.stream is None and ask.position is None and whole and page.status == OK
