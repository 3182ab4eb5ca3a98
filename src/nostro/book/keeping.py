"""How what a page says is written: versions of rows, sums, findings. It decides what stands in a version; whether there
is one is decided elsewhere (``fold.py`` and its neighbours).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from nostro.book import sums
from nostro.book.found import Counts
from nostro.book.held import Held
from nostro.book.identity import Row
from nostro.domain.records import Entry, restore
from nostro.domain.subjects import SUBJECTS

if TYPE_CHECKING:
    from nostro.book.found import At
    from nostro.book.store import Store
    from nostro.domain.records import Fact
    from nostro.link.declare import Stream

# What `record.unsettled` says of a version. Of a state: whether frames have told of it.
SETTLED: Final = 0
OPEN: Final = 1  # it may still change
ALONE: Final = 2  # told by frames alone
ADDED: Final = 3  # what frames add to a row that a history told


class Keeping:
    """Writes into the derived tables, through one connection."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.counts = Counts()
        self._sums: sums.Latest = {}

    def forget(self) -> None:
        """Drops what is kept in memory."""
        self._sums = {}

    def insert(
        self, at: At, row: Row, *, before: Held | None, unsettled: int | None = None, vanished: bool = False
    ) -> Held:  # fmt: skip
        """A new version of a row, behind ``before``. ``unsettled``: None for what its stream says of it."""
        fact, words = row.fact, self.store.words
        version = 1 if before is None else before.version + 1
        name = getattr(fact, "instrument", None) or getattr(fact, "asset", None) or ""
        effective_ns = row.effective_ns
        if before is not None and fact.kind in SUBJECTS:  # what is told of a state later holds later
            effective_ns = max(effective_ns, before.effective_ns)
        if unsettled is None:
            unsettled = int(not vanished and may_change(fact, at.declared))
        native = row.native if before is None else before.native
        at.inserts.append((
            at.account.id, row.target, version, int(vanished), words.number(fact.kind), words.number(at.stream),
            int(native), unsettled, effective_ns, at.seq, fact.offset, words.number(name), words.number(fact.wallet),
            words.number(fact.sub_account), row.digest, row.content,
        ))  # fmt: skip
        if b'"unknown:' in row.content and not vanished:
            at.find_row("unknown", row, detail="the wire says a word that nostro does not know")
        if isinstance(fact, Entry):
            self._sum(at, row, before, vanished=vanished)
        return Held(
            row.target, version, vanished, effective_ns, fact.offset, native, row.digest, row.content, unsettled, at.seq
        )

    def _sum(self, at: At, row: Row, before: Held | None, *, vanished: bool) -> None:
        """Sums take the difference: the old amount away where there was one, the new one added. (A minus sign would
        round it to the 28 digits of Python's default context.)"""
        if before is not None and not before.vanished:
            old = restore(Entry.kind, before.content)
            assert isinstance(old, Entry)
            sums.add(at.changes, old, effective_ns=before.effective_ns, amount=old.amount.copy_negate())
        if not vanished:
            assert isinstance(row.fact, Entry)
            sums.add(at.changes, row.fact, effective_ns=row.effective_ns, amount=row.fact.amount)

    def vanish(self, at: At, held: Held, *, effective_ns: int, why: str) -> Held:
        """The row is no longer there; ``why``: in words, of what is no state."""
        kind = self.kind_of(at, held)
        at.gone += 1  # it stands nowhere in this page: its place is counted down from -1
        fact = msgspec.structs.replace(restore(kind, held.content), offset=-at.gone)
        row = Row(fact, held.identity, held.identity, held.native, effective_ns, held.content, held.digest)
        self.counts.vanished += 1
        if kind not in SUBJECTS:
            at.find_row("vanished", row, detail=why)
            return self.insert(at, row, before=held, vanished=True)
        return self.insert(at, row, before=held, vanished=True, unsettled=held.unsettled)

    def kind_of(self, at: At, held: Held) -> str:
        """The kind of a held row."""
        if at.declared is not None:
            return at.declared.kind
        self.flush(at)  # it may have come on this page
        query = "SELECT kind FROM record WHERE account = ? AND identity = ? AND version = 1"
        return self.store.words.text(self.store.engine.value(query, (at.account.id, held.identity)))

    def flush(self, at: At) -> None:
        """Rows so far are stored, so that what comes next in this page sees them."""
        self.store.engine.insert("record", at.inserts)
        at.inserts = []

    def write(self, at: At) -> None:
        """All that is still to be written of the page."""
        self.flush(at)
        words, insert = self.store.words, self.store.engine.insert
        sums.write(self.store, at.account.id, seq=at.seq, changes=at.changes, latest=self._sums)
        insert("finding", [
            (at.account.id, at.seq, ordinal, found.what, words.number(found.stream), found.kind, found.effective_ns,
             found.row_offset, found.detail)
            for ordinal, found in enumerate(at.findings)
        ])  # fmt: skip


def may_change(fact: Fact, stream: Stream | None) -> bool:
    """Whether the row may still change: its stream names statuses that end one, and this is none of them."""
    return bool(stream and stream.terminal) and getattr(fact, "status", None) not in (stream.terminal if stream else ())
