"""What the book answers, under two clocks: facts that were effective before one moment, as they were known at another.
It decides which version of which row an answer holds and how far it is complete; it writes nothing.

Every answer is a pure function of the pages that were observed by ``known_at`` and of the readers that read them: each
table carries the number of the page that wrote a row, and an answer looks at no row of a later page.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from nostro.book import sums, undated
from nostro.book.fold import Finding, Fold, is_complete
from nostro.book.schema import DAY
from nostro.domain.answers import Answer, Interval
from nostro.domain.records import KINDS, Entry, Fact, restore, stamped
from nostro.domain.subjects import SUBJECTS
from nostro.domain.values import DAY_NS, EXACT, ZERO
from nostro.errors import BadValue
from nostro.link.segment import FEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from nostro.book.coverage import Covers
    from nostro.book.store import AccountRow, Store
    from nostro.link.declare import Exchange, Stream

ALWAYS_NS: Final = 2**62  # after every time that there is
NO_TIME: Final = (
    "no_time"  # the wire does not say when a row happened, and the window that it lies in is not over by then
)
T = TypeVar("T")
_NEWER: Final = (
    "NOT EXISTS (SELECT 1 FROM record n WHERE n.account = r.account AND n.identity = r.identity"
    " AND n.version = r.version + 1 AND n.seq <= ?)"
)
_NEWER_HISTORY: Final = (
    "NOT EXISTS (SELECT 1 FROM record n WHERE n.account = r.account AND n.identity = r.identity"
    " AND n.version > r.version AND n.unsettled < 2 AND n.seq <= ?)"
)

# Of each subject of a kind the last version that was known and effective, by bisection: along its versions neither the
# numbers of their pages nor their times fall. (A cross join is done in the order in which it is written.)
_FITS: Final = "r.seq <= ? AND r.effective_ns < ?"
_STATES: Final = (
    "WITH RECURSIVE found (stream, identity, low, high) AS (SELECT s.stream, s.identity, CAST(0 AS BIGINT),"
    " (SELECT max(r.version) FROM record r WHERE r.account = s.account AND r.identity = s.identity) FROM subject s"
    " WHERE s.account = ? AND s.kind = ? UNION ALL SELECT f.stream, f.identity,"
    f" CASE WHEN {_FITS} THEN r.version ELSE f.low END, CASE WHEN {_FITS} THEN f.high ELSE r.version - 1 END"
    " FROM found f CROSS JOIN record r WHERE f.low < f.high AND r.account = ? AND r.identity = f.identity"
    " AND r.version = (f.low + f.high + 1) / 2) SELECT f.stream, r.content, r.seq, r.row_offset, r.effective_ns"
    " FROM found f CROSS JOIN record r WHERE f.low = f.high AND r.account = ? AND r.identity = f.identity"
    " AND r.version = f.low AND r.vanished = 0 ORDER BY f.stream, f.identity"
)


class LedgerSum(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of all ledger entries of an asset in a wallet, units of ``asset``, signed."""

    sub_account: str
    wallet: str
    asset: str
    amount: Decimal


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it is asked about: what was effective before ``as_of_ns`` and known at ``known_at_ns`` (None: now),
    that is by page ``seq``."""

    account: AccountRow
    as_of_ns: int | None
    known_at_ns: int | None
    seq: int

    @property
    def before_ns(self) -> int:
        return ALWAYS_NS if self.as_of_ns is None else self.as_of_ns


class Answers:
    """Reads through one connection; what belongs to one answer is read inside one read transaction of it."""

    def __init__(self, store: Store, registry: Callable[[str, str], Exchange], *, covers: Covers) -> None:
        self.store = store
        self._registry = registry
        self._covers = covers

    def clocks(self, account: str, *, as_of_ns: int | None, known_at_ns: int | None) -> Clocks:
        """Raises `BadValue` where the book has no such account."""
        found = self.store.account(account)
        head = self.store.head(found.id).seq
        seq = self.store.journal.known_seq(found.id, known_at_ns, head=head)
        return Clocks(account=found, as_of_ns=as_of_ns, known_at_ns=known_at_ns, seq=seq)

    # ── what an answer says of itself ────────────────────────────────────────────────────────────────────────────

    def plain(
        self, rows: Iterable[T], clocks: Clocks, *, through_ns: int | None = None, coverage: Sequence[Interval] = ()
    ) -> Answer[T]:
        exchange = self._registry(clocks.account.exchange, clocks.account.dialect)
        return Answer(
            rows, complete_through_ns=through_ns, coverage=coverage, as_of_ns=clocks.as_of_ns,
            known_at_ns=clocks.known_at_ns, reader=f"{exchange.id}/{exchange.reader}", pages=clocks.seq,
        )  # fmt: skip

    def complete(
        self, rows: Iterable[T], clocks: Clocks, *, kind: str, since_ns: int, until_ns: int,
        left_out: Sequence[Fact] = (),
    ) -> Answer[T]:  # fmt: skip
        """An answer of events, with the intervals of its streams in [since_ns, until_ns) that are not proven, or in
        which rows were ``left_out`` because they may have happened later."""
        exchange = self._registry(clocks.account.exchange, clocks.account.dialect)
        end_ns = min(until_ns, clocks.before_ns)
        tiles = {
            stream.name: self.coverage(stream.name, clocks, since_ns=since_ns, until_ns=end_ns)
            for stream in exchange.streams if stream.kind == kind
        }  # fmt: skip
        holes = [tile for found in tiles.values() for tile in found if tile.status != "proven"]
        if left_out:
            first_ns = max(min(fact.effective_ns or 0 for fact in left_out), since_ns)
            holes += [
                Interval(stream=name, since_ns=first_ns, until_ns=end_ns, status="open", cause=NO_TIME)
                for name in tiles if first_ns < end_ns
            ]  # fmt: skip
        through_ns = min((hole.since_ns for hole in holes), default=end_ns) if tiles else None
        return self.plain(rows, clocks, through_ns=through_ns, coverage=holes)

    # ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────

    def facts(
        self,
        kind: str,
        clocks: Clocks,
        *,
        since_ns: int = 0,
        until_ns: int = ALWAYS_NS,
        where: Mapping[str, str] | None = None,
        vanished: bool = False,
        versions: bool = False,
        histories: bool = False,
        left_out: list[Fact] | None = None,
        newest_first: bool = False,
    ) -> Iterator[Fact]:
        """The facts of a kind, stamped, in the order of their times: of events the latest version known (all of them,
        in the order they were learned, with ``versions``), of states each version. ``where``: fields that must equal a
        text. ``vanished``: the rows that vanished, instead. ``histories``: of events only what histories told. Rows
        without a time that may have happened later than the moment asked about are not among them; they are added to
        ``left_out``. ``newest_first``: the other way round."""
        conditions, values = self._conditions(kind, where or {})
        if kind not in SUBJECTS and histories:
            conditions += " AND r.unsettled < 2"
        if kind not in SUBJECTS and not versions:
            conditions += f" AND {_NEWER_HISTORY if histories else _NEWER}"
            values.append(clocks.seq)
        order = " DESC" if newest_first else ""
        query = (
            "SELECT r.content, r.seq, r.row_offset, r.effective_ns FROM record r WHERE r.account = ? AND r.kind = ?"
            f" AND r.effective_ns >= ? AND r.effective_ns < ? AND r.seq <= ? AND r.vanished = ?{conditions}"
            f" ORDER BY {', '.join(f'r.{column}{order}' for column in ('effective_ns', 'seq', 'row_offset'))}"
        )
        number = self.store.words.number_or_none(kind) or 0
        stretches = self._stretches(clocks, number, since_ns=since_ns, until_ns=min(until_ns, clocks.before_ns))
        observed: dict[int, int] = defaultdict(int)
        for bounds in reversed(stretches) if newest_first else stretches:
            asked = (clocks.account.id, number, *bounds, clocks.seq, int(vanished), *values)
            for content, seq, row_offset, effective_ns in self.store.rows(query, asked):
                fact = restore(kind, content)
                if where and any(getattr(fact, field) != value for field, value in where.items()):
                    continue
                if not undated.is_before(fact, clocks.before_ns):
                    if left_out is not None:
                        left_out.append(fact)
                    continue
                if seq not in observed:
                    observed[seq] = self.store.journal.observed_ns(clocks.account.id, seq)
                yield self._stamped(
                    fact, clocks.account, observed_ns=observed[seq], seq=seq, row_offset=row_offset,
                    effective_ns=effective_ns,
                )  # fmt: skip

    def _stretches(self, clocks: Clocks, kind: int, *, since_ns: int, until_ns: int) -> list[tuple[int, int]]:
        """The parts of [since_ns, until_ns), in their order, outside of which no row of a kind was known: as known by
        an early page, what later ones brought is not passed over row by row, but day by day."""
        if clocks.seq == self.store.head(clocks.account.id).seq:
            return [(since_ns, until_ns)]
        of = f"FROM record r WHERE r.account = ? AND r.kind = ? AND r.{DAY}"
        query = (
            f"WITH RECURSIVE days (day) AS (SELECT min(r.{DAY}) {of} >= ? UNION ALL SELECT (SELECT min(r.{DAY}) {of} >"
            " days.day) FROM days WHERE days.day <= ?) SELECT days.day FROM days WHERE days.day <= ? AND EXISTS (SELECT"
            f" 1 {of} = days.day AND r.seq <= ?) ORDER BY days.day"
        )
        known, first, last = (clocks.account.id, kind), since_ns // DAY_NS, until_ns // DAY_NS
        found: list[tuple[int, int]] = []
        for (day,) in self.store.engine.all(query, (*known, first, *known, last, last, *known, clocks.seq)):
            start_ns, end_ns = max(day * DAY_NS, since_ns), min((day + 1) * DAY_NS, until_ns)
            if found and found[-1][1] == start_ns:
                start_ns = found.pop()[0]
            found.append((start_ns, end_ns))
        return found

    def learned(self, clocks: Clocks, *, after_seq: int) -> Iterator[Fact]:
        """Every version of every row that a page after ``after_seq`` introduced, in the order of pages; of events what
        histories told."""
        query = (
            "SELECT w.text, r.content, r.seq, r.row_offset, r.effective_ns FROM record r JOIN word w ON w.id = r.kind"
            " WHERE r.account = ? AND r.seq > ? AND r.seq <= ? AND r.unsettled < 2 ORDER BY r.seq, r.row_offset"
        )
        for kind, content, seq, row_offset, effective_ns in self.store.rows(
            query, (clocks.account.id, after_seq, clocks.seq)
        ):
            observed_ns = self.store.journal.observed_ns(clocks.account.id, seq)
            yield self._stamped(
                restore(kind, content), clocks.account, observed_ns=observed_ns, seq=seq, row_offset=row_offset,
                effective_ns=effective_ns,
            )  # fmt: skip

    def _conditions(self, kind: str, where: Mapping[str, str]) -> tuple[str, list[int]]:
        """The part of ``where`` that stands in columns. Raises `BadValue` for a field that the kind does not have."""
        fields = KINDS[kind].__struct_fields__ if kind in KINDS else ()
        if unknown := [field for field in where if field not in fields]:
            message = f"{kind} has no field {unknown[0]!r}"
            raise BadValue(message, hint=f"it has {', '.join(fields)}")
        columns = {"wallet": "wallet", "sub_account": "sub_account"}
        columns |= {"instrument": "name"} if "instrument" in fields else {"asset": "name"}
        there = [(columns[field], value) for field, value in where.items() if field in columns]
        numbers = [self.store.words.number_or_none(value) or 0 for _, value in there]
        return "".join(f" AND r.{column} = ?" for column, _ in there), numbers

    @staticmethod
    def _stamped(
        fact: Fact, account: AccountRow, *, observed_ns: int, seq: int, row_offset: int, effective_ns: int
    ) -> Fact:
        known = fact if fact.effective_ns is not None else msgspec.structs.replace(fact, effective_ns=effective_ns)
        return stamped(
            known, exchange=account.exchange, account=account.name, observed_ns=observed_ns, page=seq, offset=row_offset
        )

    def states(self, kind: str, clocks: Clocks, *, where: Mapping[str, str] | None = None) -> list[Fact]:
        """The states of a kind as the latest observations before the moment show them, in the order of their subjects.
        Their time is when they were last seen so; their page is the first that said so."""
        number, account = self.store.words.number_or_none(kind) or 0, clocks.account.id
        by = (clocks.seq, clocks.before_ns)
        found: list[Fact] = []
        seen: dict[int, tuple[int, int]] = {}
        for stream, content, seq, row_offset, effective_ns in self.store.engine.all(
            _STATES, (account, number, *by, *by, account, account)
        ):
            if stream not in seen:
                seen[stream] = self._snapshot(stream, clocks)
            fact = restore(kind, content)
            if where and any(getattr(fact, field) != value for field, value in where.items()):
                continue
            seen_seq, seen_ns = seen[stream] if seen[stream][0] >= seq else (seq, effective_ns)
            observed_ns = self.store.journal.observed_ns(account, seen_seq)
            found.append(
                self._stamped(
                    fact, clocks.account, observed_ns=observed_ns, seq=seq, row_offset=row_offset,
                    effective_ns=seen_ns,
                )
            )  # fmt: skip
        return sorted(found, key=_by_subject)

    def _snapshot(self, stream: int, clocks: Clocks) -> tuple[int, int]:
        """Number and time of the latest complete observation before the moment; (0, 0) where there is none."""
        query = (
            "SELECT p.seq, p.observed_ns FROM page p WHERE p.account = ? AND p.stream = ? AND p.seq <= ?"
            " AND p.status = 200 AND NOT EXISTS (SELECT 1 FROM finding f"
            " WHERE f.account = p.account AND f.seq = p.seq AND f.what = 'quarantined') ORDER BY p.seq DESC"
        )
        last_seq = self.store.journal.known_seq(clocks.account.id, clocks.before_ns - 1, head=clocks.seq)
        for seq, observed_ns in self.store.rows(query, (clocks.account.id, stream, last_seq)):
            page = self.store.journal.page(clocks.account.id, seq)
            if is_complete(page, self._registry(page.exchange, page.dialect).ask(page.stream)):
                return seq, observed_ns
        return 0, 0

    # ── sums ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def ledger_sums(self, clocks: Clocks) -> list[LedgerSum]:
        """What the entries add up to: the sums of whole periods, and the rows of the last one."""
        totals, since_ns = sums.before(self.store, clocks.account.id, until_ns=clocks.before_ns, seq=clocks.seq)
        for entry in self.facts(Entry.kind, clocks, since_ns=since_ns):
            assert isinstance(entry, Entry)
            key = entry.sub_account, entry.wallet, entry.asset
            totals[key] = EXACT.add(totals.get(key, ZERO), entry.amount)
        return [
            LedgerSum(sub_account=key[0], wallet=key[1], asset=key[2], amount=amount)
            for key, amount in sorted(totals.items())
        ]

    # ── coverage and findings ────────────────────────────────────────────────────────────────────────────────────

    def coverage(self, stream: str, clocks: Clocks, *, since_ns: int, until_ns: int) -> list[Interval]:
        """[since_ns, until_ns) of a stream, whole, as disjoint half-open intervals in order."""
        cover = self._covers.at(self.store, clocks.account.id, stream=stream, seq=clocks.seq)
        return [
            Interval(stream=stream, since_ns=start_ns, until_ns=end_ns, status=status, cause=cause)
            for start_ns, end_ns, status, cause in cover.tiles(since_ns, until_ns)
        ]

    def open_rows(self, account: AccountRow, stream: Stream) -> list[tuple[int, str]]:
        """The times of the rows of a stream that may still change, and of which instrument, asset or (where the stream
        is keyed by that) sub-account they are; each once, in order of time."""
        key = "sub_account" if stream.keyed == "sub_account" else "name"
        query = (
            f"SELECT DISTINCT r.effective_ns, r.{key} FROM record r WHERE r.account = ? AND r.stream = ?"
            " AND r.unsettled = 1 AND NOT EXISTS (SELECT 1 FROM record n WHERE n.account = r.account"
            " AND n.identity = r.identity AND n.version > r.version AND n.unsettled < 2)"
            f" ORDER BY r.effective_ns, r.{key}"
        )
        number, text = self.store.words.number_or_none(stream.name) or 0, self.store.words.text
        return [(int(row[0]), text(row[1])) for row in self.store.engine.all(query, (account.id, number))]

    def findings(self, clocks: Clocks, *, after_seq: int = 0) -> Iterator[Finding]:
        query = (
            "SELECT seq, what, stream, kind, effective_ns, row_offset, detail FROM finding WHERE account = ?"
            " AND seq > ? AND seq <= ? ORDER BY seq, ordinal"
        )
        text = self.store.words.text
        for seq, what, stream, *rest in self.store.rows(query, (clocks.account.id, after_seq, clocks.seq)):
            yield Finding(clocks.account.name, seq, what, text(stream), *rest)

    def undone(self, found: Finding, clocks: Clocks) -> bool:
        """Whether what a page was found to say of a row holds no more: a changed row is again what it was, a vanished
        one is there again, a late one is gone, a word that nobody knew was replaced."""
        account = clocks.account.id
        query = "SELECT identity, version FROM record WHERE account = ? AND seq = ? AND row_offset = ? AND kind = ?"
        place = (account, found.seq, found.row_offset, self.store.words.number_or_none(found.kind) or 0)
        row = self.store.engine.row(query, place)
        if row is None:
            return False
        identity, version = row
        query = (
            "SELECT vanished, content FROM record WHERE account = ? AND identity = ? AND +seq <= ?"
            " ORDER BY version DESC LIMIT 1"
        )
        gone, last = self.store.engine.all(query, (account, identity, clocks.seq))[0]
        if found.what == "unknown":
            return bool(gone) or b'"unknown:' not in last
        if found.what != "vanished" and gone:
            return True
        first = self._before_findings(account, identity, until=version)
        if found.what == "vanished":
            return not gone or first is None
        return found.what == "changed" and first is not None and _same(found.kind, first, last)

    def _before_findings(self, account: int, identity: bytes, *, until: int) -> bytes | None:
        """The content of a row before anything was found of it; None where its first version was found late."""
        query = (
            "SELECT min(r.version) FROM record r JOIN finding f ON f.account = r.account AND f.seq = r.seq"
            " AND f.row_offset = r.row_offset AND f.what IN ('late', 'changed', 'vanished')"
            " WHERE r.account = ? AND r.identity = ?"
        )
        version = min(self.store.engine.value(query, (account, identity)) or until, until)
        query = "SELECT content FROM record WHERE account = ? AND identity = ? AND version = ?"
        found: bytes | None = self.store.engine.value(query, (account, identity, version - 1))
        return found

    def last_seen(self, stream: str, clocks: Clocks, *, effective_ns: int) -> int:
        """When the rows of this moment of a stream were last looked at, ns of our clock: when the last sweep that
        showed all of them began; 0 where none did. What was not changed by it was so until then."""
        number = self.store.words.number_or_none(stream) or 0
        query = (
            "SELECT seq FROM page WHERE account = ? AND stream = ? AND seq <= ? AND claims_since_ns <= ?"
            " AND claims_until_ns > ? ORDER BY seq DESC"
        )
        bounds = (clocks.account.id, number, clocks.seq, effective_ns, effective_ns)
        for (seq,) in self.store.rows(query, bounds):
            claims = self.store.journal.page(clocks.account.id, seq).claims
            if any(one.status == "proven" and one.since_ns <= effective_ns < one.until_ns for one in claims):
                return self._sweep_began(clocks.account.id, number, claimed_seq=seq)
        return 0

    def heard_ns(self, stream: str, clocks: Clocks) -> int | None:
        """When the last answer of a stream, or its last page of frames, was received; None where there is none."""
        query = (
            "SELECT seq FROM page WHERE account = ? AND stream = ? AND seq <= ? AND status = 200"
            " ORDER BY seq DESC LIMIT 1"
        )
        bounds = (clocks.account.id, self.store.words.number_or_none(stream) or 0, clocks.seq)
        seq = self.store.engine.value(query, bounds)
        return None if seq is None else self.store.journal.page(clocks.account.id, seq).received_ns

    def _sweep_began(self, account: int, stream: int, *, claimed_seq: int) -> int:
        """When the first page was asked for after the last one that claimed anything before this one."""
        query = (
            "SELECT min(seq) FROM page WHERE account = ? AND stream = ? AND seq <= ? AND seq >"
            " (SELECT coalesce(max(seq), 0) FROM page WHERE account = ? AND stream = ? AND seq < ?"
            " AND claims_since_ns IS NOT NULL)"
        )
        bounds = (account, stream, claimed_seq, account, stream, claimed_seq)
        return self.store.journal.page(account, self.store.engine.value(query, bounds)).sent_ns

    # ── what supports a row ──────────────────────────────────────────────────────────────────────────────────────

    def supporting_pages(self, fact: Fact, clocks: Clocks) -> list[int]:
        """The numbers of all pages that show the row of a fact. It reads every page of the row's stream and of
        frames."""
        query = (
            "SELECT identity, stream FROM record WHERE account = ? AND kind = ? AND seq = ? AND row_offset = ?"
            " AND vanished = 0"
        )
        account = clocks.account
        place = (account.id, self.store.words.number_or_none(fact.kind) or 0, fact.page, fact.offset)
        row = self.store.engine.row(query, place)
        if row is None:
            message = f"the book has no {fact.kind} at row {fact.offset} of page {fact.page} of account {account.name}"
            raise BadValue(message, hint="ask with a fact that this book answered", account=account.name)
        identity, stream = row
        fold = Fold(self.store, self._registry)
        query = "SELECT seq FROM page WHERE account = ? AND stream = ? AND seq <= ?"
        streams = (stream, self.store.words.number_or_none(FEED) or 0)
        found = (self.store.engine.all(query, (account.id, each, clocks.seq)) for each in streams)
        pages = sorted(int(seq) for rows in found for (seq,) in rows)
        return [seq for seq in pages if identity in fold.identities(account, seq)]


def _same(kind: str, one: bytes, other: bytes) -> bool:
    """Whether two versions say the same, but for what has no word of ours."""
    if one == other:
        return True
    left, right = (msgspec.structs.replace(restore(kind, stored), extra={}) for stored in (one, other))
    return left == right or undated.agree(left, right)


def _by_subject(fact: Fact) -> list[Any]:
    return [str(getattr(fact, field)) for field in (*SUBJECTS[fact.kind], "native_id", "offset")]
