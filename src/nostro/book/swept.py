"""What pages prove: claims, and the rows that a complete re-read no longer shows. It decides which claim is believed,
which rows have vanished, and that a frame proves nothing of a history (docs/live.md 5, 9).
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from nostro.book import heard, undated
from nostro.book.coverage import Cover, Span, folded
from nostro.book.keeping import ALONE
from nostro.book.pages import OURS
from nostro.domain.records import restore
from nostro.link.declare import Claim, Query
from nostro.link.segment import FEED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nostro.book.found import At
    from nostro.book.held import HeldRows
    from nostro.book.keeping import Keeping
    from nostro.book.store import AccountRow

_AGAIN = "a complete re-read no longer shows this row"
_NEVER = "frames told this row, and its history does not"


class Sweeps:
    """The claims of pages and what follows from them, through one connection. ``shown(account, seq)``: under which
    identities the rows of a page are kept."""

    def __init__(
        self, keeping: Keeping, held: HeldRows, *, shown: Callable[[AccountRow, int], frozenset[bytes]]
    ) -> None:  # fmt: skip
        self._keeping = keeping
        self._store = keeping.store
        self._held = held
        self._shown = shown
        self.forget()

    def forget(self) -> None:
        """Drops what is kept in memory."""
        self._covers: dict[tuple[int, str], Cover] = {}
        self._quarantined: dict[tuple[int, str], int] = {}
        self._fed: dict[int, bool] = {}

    def cover(self, account: int, stream: str) -> Cover:
        """The coverage of a stream, as far as it is folded."""
        key = (account, stream)
        if key not in self._covers:
            self._covers[key] = folded(claim for _, claim in self._store.claims(account, stream))
        return self._covers[key]

    def quarantine(self, at: At) -> None:
        """The page cannot be read."""
        self._quarantined[at.account.id, at.stream] = at.seq

    def claims(self, at: At) -> None:
        """Takes in what the page claims, of its own stream or of another."""
        if at.is_feed:
            self._fed[at.account.id] = True
        for ordinal, stated in enumerate(at.page.claims):
            stream = stated.stream or at.page.stream
            at.turn_to(stream)
            claim = self._believed(at, stated)
            if claim is not None and self.cover(at.account.id, stream).apply(claim):
                row = (at.account.id, self._store.words.number(stream), at.seq, ordinal)
                values = (claim.status, claim.cause, claim.since_ns, claim.until_ns)
                self._store.engine.insert("claim", [(*row, *values)])

    def _believed(self, at: At, claim: Claim) -> Claim | None:
        """The claim as far as it holds; rows that it denies are gone then."""
        if at.is_feed and (at.declared is not None or not claim.stream):
            at.find("unproven", "a frame proves nothing of a history", effective_ns=claim.since_ns)
            return None
        if claim.status != "proven" or at.page.exchange == OURS or claim.stream:
            return claim
        proven = self.cover(at.account.id, at.stream).proven(claim.since_ns, claim.until_ns)
        quarantined_seq = self._last_quarantined(at)
        after_seq = self._sweep_start(at, claim) if proven or quarantined_seq else 0
        if quarantined_seq > after_seq and self._unread(at, claim, after_seq):
            at.find("unproven", "a page of this interval could not be read", effective_ns=claim.since_ns)
            return Claim("open", claim.since_ns, claim.until_ns, "error")
        self._denied(at, claim)
        self._vanished(at, proven, after_seq)
        return claim

    def _sweep_start(self, at: At, claim: Claim) -> int:
        """The page before the first that speaks for this claim: the last that called a part of it proven, or that ended
        a reading of a part of the stream there (`Claim` open, for no cause)."""
        query = (
            "SELECT seq FROM page WHERE account = ? AND stream = ? AND seq < ?"
            " AND claims_since_ns < ? AND claims_until_ns > ? ORDER BY seq DESC"
        )
        bound = (at.account.id, self._number(at), at.seq, claim.until_ns, claim.since_ns)
        for (seq,) in self._store.rows(query, bound):
            stated = self._store.journal.page(at.account.id, seq).claims
            if any((one.status == "proven" or one == _ended(one)) and _meet(one, claim) for one in stated):
                return int(seq)
        return 0

    def _number(self, at: At) -> int:
        return self._store.words.number(at.stream)

    # ── pages that could not be read ─────────────────────────────────────────────────────────────────────────────

    def _last_quarantined(self, at: At) -> int:
        """The last page of the stream that could not be read, 0 where there is none."""
        key = (at.account.id, at.stream)
        if key not in self._quarantined:
            query = "SELECT max(seq) FROM finding WHERE account = ? AND stream = ? AND what = 'quarantined'"
            self._quarantined[key] = self._store.engine.value(query, (at.account.id, self._number(at))) or 0
        return self._quarantined[key]

    def _unread(self, at: At, claim: Claim, after_seq: int) -> bool:
        """Whether a page of the sweep is quarantined, and what it was asked of the claim's interval was not answered
        again, by the same question or by a wider one."""
        query = (
            "SELECT f.seq FROM finding f WHERE f.account = ? AND f.seq > ? AND f.seq < ? AND f.stream = ?"
            " AND f.what = 'quarantined' ORDER BY f.seq"
        )
        bound = (at.account.id, after_seq, at.seq, self._number(at))
        return any(not self._answered(at, claim, int(seq)) for (seq,) in self._store.engine.all(query, bound))

    def _answered(self, at: At, claim: Claim, quarantined_seq: int) -> bool:
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
        bound = (at.account.id, self._number(at), quarantined_seq, at.seq)
        later = (self._store.journal.page(at.account.id, int(seq)).query for (seq,) in self._store.rows(query, bound))
        return any(
            given == asked or _answers(given, asked, since_ns=since_ns, until_ns=until_ns)
            for given in chain((at.page.query,), later)
        )

    # ── rows that are not there ──────────────────────────────────────────────────────────────────────────────────

    def _denied(self, at: At, claim: Claim) -> None:
        """Rows that frames alone have told, in an interval that is proven without them."""
        if at.declared is None or not self._is_fed(at):
            return
        for held in self._held.live(
            at.account.id, at.stream, kind=at.declared.kind, since_ns=claim.since_ns, until_ns=claim.until_ns,
            also=" AND r.unsettled = ?", values=(ALONE,),
        ):  # fmt: skip
            if heard.is_denied(restore(at.declared.kind, held.content)):
                self._keeping.vanish(at, held, effective_ns=held.effective_ns, why=_NEVER)
        self._keeping.flush(at)

    def _is_fed(self, at: At) -> bool:
        """Whether the account has pages of frames."""
        if at.account.id not in self._fed:
            query = "SELECT 1 FROM page WHERE account = ? AND stream = ? AND seq < ? LIMIT 1"
            bound = (at.account.id, self._store.words.number(FEED), at.seq)
            self._fed[at.account.id] = self._store.engine.value(query, bound) is not None
        return self._fed[at.account.id]

    def _vanished(self, at: At, proven: Sequence[Span], after_seq: int) -> None:
        """Rows of intervals that were proven before, and that the pages of this sweep no longer show."""
        if not proven or at.declared is None:
            return
        seen: set[bytes] | None = None
        for span in proven:
            for held in self._held.live(
                at.account.id, at.stream, kind=at.declared.kind, since_ns=span.since_ns, until_ns=span.until_ns
            ):
                if held.identity in at.seen or held.unsettled == ALONE:
                    continue
                seen = self._sweep(at, after_seq) if seen is None else seen
                if held.identity not in seen and undated.is_before(
                    restore(at.declared.kind, held.content), span.until_ns
                ):
                    self._keeping.vanish(at, held, effective_ns=held.effective_ns, why=_AGAIN)
            self._keeping.flush(at)

    def _sweep(self, at: At, after_seq: int) -> set[bytes]:
        """The identities on the pages of the sweep that ends here, this page's included."""
        seen = set(at.seen)
        query = "SELECT seq FROM page WHERE account = ? AND stream = ? AND seq > ? AND seq < ? ORDER BY seq"
        bound = (at.account.id, self._number(at), after_seq, at.seq)
        for seq in [int(row[0]) for row in self._store.engine.all(query, bound)]:
            seen |= self._shown(at.account, seq)
        return seen


def _answers(given: Query, asked: Query, *, since_ns: int, until_ns: int) -> bool:
    """Whether the answer to one question begins what another was asked of [since_ns, until_ns), and holds it where it
    is whole."""
    same = given.where == asked.where and given.position is None
    return same and (given.since_ns or 0) <= since_ns and (given.until_ns is None or until_ns <= given.until_ns)


def _ended(claim: Claim) -> Claim:
    return Claim("open", claim.since_ns, claim.until_ns)


def _meet(one: Claim, other: Claim) -> bool:
    return one.since_ns < other.until_ns and other.since_ns < one.until_ns
