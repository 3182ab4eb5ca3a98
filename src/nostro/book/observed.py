"""States as they are observed, by answers and by frames (docs/live.md 8, 16). It decides when an observation is a new
version, what an answer and a frame say together, which of the two came later, and what is gone.

An answer may be older than a frame that was stored before it, and a frame than an answer: a frame is as late as its
arrival, an answer as the moment at which it was asked for. So any order of their pages ends in the same states. What
only one of them knows is kept for as long as they agree in all that does not follow from the mark price; what follows
from it is only ever known from the last to tell it.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from nostro.book.keeping import ALONE
from nostro.domain.marks import FOLLOWS, differences
from nostro.domain.records import KINDS, STAMP, Fact, MarginSummary, restore
from nostro.domain.subjects import SUBJECTS, is_empty, subject
from nostro.domain.values import SECOND_NS
from nostro.link.segment import FEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nostro.book.found import At, Shown
    from nostro.book.held import Held, HeldRows
    from nostro.book.identity import Row
    from nostro.book.keeping import Keeping
    from nostro.link.segment import Reading

MARKED_EVERY_NS: Final = 60 * SECOND_NS  # so often what follows from the mark price is kept, where nothing else changed
FactT = TypeVar("FactT", bound=Fact)
_SPARED: Final = frozenset({*STAMP, "extra", "effective_ns", "updated_ns"})
# Of the states of which there is one each, the members that do not follow from the mark price, and those that do.
_PARTS: Final = {
    kind: (
        attrgetter(*(name for name in KINDS[kind].__struct_fields__ if name not in _SPARED | follows)),
        attrgetter(*sorted(follows)),
    )
    for kind, follows in FOLLOWS.items()
}


class States:
    """The states of accounts, through one connection. ``shown(at, seq)`` is what a page told of the stream that ``at``
    stands at."""

    def __init__(
        self, keeping: Keeping, held: HeldRows, *, shown: Callable[[At, int], list[Shown]]
    ) -> None:  # fmt: skip
        self._keeping = keeping
        self._store = keeping.store
        self._rows = held
        self._shown = shown
        self.forget()

    def forget(self) -> None:
        """Drops what is kept in memory."""
        self._states: dict[tuple[int, str], dict[bytes, Held]] = {}

    def fold(self, at: At, found: Sequence[Row], *, reading: Reading) -> None:
        """Takes in what an answer or a frame says; what it leaves out of a whole is gone."""
        held, later, stirred = self._held(at), self._later(at, reading), at.stirred
        named = frozenset(row.identity for row in found)
        for row in found:
            self._observe(at, row, held, is_older=_is_told(row.identity, later))
        if reading.whole and not any(shown.whole for shown in later):
            effective_ns = reading.received_ns if at.is_feed else at.observed_ns
            for gone in self._gone(at, held, named, scopes=_scopes(found)):
                if not _is_told(gone.identity, later):
                    held[gone.identity] = self._keeping.vanish(at, gone, effective_ns=effective_ns, why="")
        said = at.said.setdefault(at.stream, {})
        if reading.whole:
            at.wholes.add(at.stream)
            said.clear()
        for fact in reading.facts:
            if fact.kind in _PARTS:
                said[fact.kind, subject(fact)] = (stirred, *_parts(fact))

    def repeats(self, at: At, reading: Reading) -> bool:
        """Whether a frame says of each state what another frame of this page said last, but for what follows from the
        mark price: then all that can become of it became of that one. Most frames of a busy account are such."""
        said = at.said.get(at.stream)
        if not said or at.told.get(at.stream) != []:
            return False
        if reading.whole and (at.stream not in at.wholes or len(said) != len(reading.facts)):
            return False
        return all(
            fact.kind in _PARTS and said.get((fact.kind, subject(fact))) == (at.stirred, *_parts(fact))
            for fact in reading.facts
        )

    def _observe(self, at: At, row: Row, held: dict[bytes, Held], *, is_older: bool) -> None:
        before, counts = held.get(row.identity), self._keeping.counts
        told = at.is_feed or (before is not None and before.unsettled == ALONE)
        if before is not None and not before.vanished and not self._says(at, row, before, told=told, is_older=is_older):
            counts.repeated += 1
            return
        is_gone = before is not None and before.vanished
        if (is_older and (before is None or is_gone)) or (at.is_feed and is_gone and is_empty(row.fact)):
            return  # what was told later did not name it; or that nothing is there is known
        if before is None:
            counts.new += 1
            key = (at.account.id, self._store.words.number(at.stream), self._store.words.number(row.fact.kind))
            self._store.engine.insert("subject", [(*key, row.identity)])
        else:
            counts.changed += 1
        held[row.identity] = self._keeping.insert(at, row, before=before, unsettled=ALONE if told else 0)

    def _says(self, at: At, row: Row, before: Held, *, told: bool, is_older: bool) -> bool:
        """Whether a row says something new of a held state; it says then what is known together. ``told``: frames have
        told of the state."""
        if row.digest == before.digest:
            return False
        if not told and not is_older:
            return True
        old = restore(row.fact.kind, before.content)
        fact = joined(old, row.fact) if is_older else joined(row.fact, old)
        if _timeless(fact) == _timeless(old):
            return False
        if at.is_feed:
            if follows_mark(fact, old) and self._is_recent(at, before):
                return False
            at.stirred = at.stirred or not follows_mark(fact, old)
        row.say(msgspec.structs.replace(fact, offset=row.fact.offset))
        return True

    def _is_recent(self, at: At, before: Held) -> bool:
        """Whether what follows from the mark price was kept within the minute; where something happened, it is kept
        once more with that."""
        if before.seq == at.seq or at.stirred:
            return before.seq == at.seq
        if before.seq not in at.moments:
            at.moments[before.seq] = self._store.journal.observed_ns(at.account.id, before.seq)
        return at.observed_ns - at.moments[before.seq] < MARKED_EVERY_NS

    def _held(self, at: At) -> dict[bytes, Held]:
        key = (at.account.id, at.stream)
        if key not in self._states:
            query = "SELECT identity FROM subject WHERE account = ? AND stream = ?"
            stream = self._store.words.number(at.stream)
            subjects = [row[0] for row in self._store.engine.all(query, (at.account.id, stream))]
            self._states[key] = self._rows.latest(at.account.id, subjects)
        return self._states[key]

    def _gone(
        self, at: At, held: dict[bytes, Held], named: frozenset[bytes], *, scopes: frozenset[str]
    ) -> Iterator[Held]:  # fmt: skip
        """What is held and was not named. Frames may tell that there is nothing, and summaries of scopes that answers
        never show: an answer says nothing against those."""
        for identity in sorted(held.keys() - named):
            there = held[identity]
            if there.vanished:
                continue
            if there.unsettled == ALONE and not at.is_feed:
                fact = restore(self._keeping.kind_of(at, there), there.content)
                if is_empty(fact) or (isinstance(fact, MarginSummary) and scopes and fact.scope not in scopes):
                    continue
            yield there

    # ── which came later ─────────────────────────────────────────────────────────────────────────────────────────

    def _later(self, at: At, reading: Reading) -> list[Shown]:
        """What pages before this one told of the stream, that is later than what this one says."""
        feed, since_ns = at.exchange.feed if at.exchange else None, at.page.sent_ns
        if feed is None or at.stream not in feed.states:
            return []
        if at.stream not in at.told:
            pages = (FEED, at.stream) if at.is_feed else (FEED,)
            at.told[at.stream] = [shown for each in pages for shown in self._told_since(at, each, since_ns=since_ns)]
        if at.is_feed:
            return [shown for shown in at.told[at.stream] if shown.at_ns > reading.received_ns]
        return [shown for shown in at.told[at.stream] if shown.at_ns >= since_ns]

    def _told_since(self, at: At, stream: str, *, since_ns: int) -> Iterator[Shown]:
        """What the pages of a stream told that were known at that time or later."""
        query = (
            "SELECT seq, observed_ns FROM page WHERE account = ? AND stream = ? AND seq < ? AND status = 200"
            " ORDER BY seq DESC LIMIT ?"
        )
        number, limit, before_seq = self._store.words.number(stream), 1, at.seq
        while True:
            bounds = (at.account.id, number, before_seq, limit)
            rows = self._store.engine.all(query, bounds)
            for seq, observed_ns in rows:
                if observed_ns < since_ns:
                    return
                yield from self._shown(at, seq)
            if len(rows) < limit:
                return
            before_seq, limit = rows[-1][0], 16


def joined(later: FactT, earlier: FactT) -> FactT:
    """What two observations of a state say together: where they agree, what only the earlier knew holds as well."""
    if differences(later, earlier):
        return later
    spared = {*STAMP, "extra", "effective_ns", *FOLLOWS.get(later.kind, ())}
    kept = {
        name: getattr(earlier, name)
        for name in later.__struct_fields__
        if name not in spared and getattr(later, name) is None and getattr(earlier, name) is not None
    }  # fmt: skip
    return msgspec.structs.replace(later, **kept) if kept else later


def follows_mark(fact: Fact, held: Fact) -> bool:
    """Whether a state differs from what is held in nothing but what follows from the mark price, of which all was known
    already, and in what has no word of ours."""
    follows = FOLLOWS.get(fact.kind, frozenset())
    changed = [
        name for name in fact.__struct_fields__ if name not in _SPARED and getattr(fact, name) != getattr(held, name)
    ]
    return all(name in follows and getattr(held, name) is not None for name in changed)


def _parts(fact: Fact) -> tuple[object, list[bool]]:
    """What of a state does not follow from the mark price; and of the rest, what is not known."""
    stays, moves = _PARTS[fact.kind]
    return stays(fact), [value is None for value in moves(fact)]


def _timeless(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, effective_ns=None, offset=0, page=0, observed_ns=0, exchange="", account="")


def _scopes(found: Sequence[Row]) -> frozenset[str]:
    return frozenset(row.fact.scope for row in found if isinstance(row.fact, MarginSummary))


def _is_told(identity: bytes, later: Sequence[Shown]) -> bool:
    return any(shown.whole or identity in shown.identities for shown in later)


assert FOLLOWS.keys() <= SUBJECTS.keys(), "what follows from a mark price is a state"
