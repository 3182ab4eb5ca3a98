"""What is proven: the fold of all claims of a stream into disjoint half-open intervals. It decides which of two claims
about the same moment holds; pages make the claims (``link/pager.py``), and it does not ask why.

What was once proven stays proven: a later failure to read an interval again says nothing against it. Among claims
that prove nothing the later one holds. What nobody claimed is open.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from nostro.link.declare import Cause, Claim, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nostro.book.store import Store

CLAIMS_PER_COPY: Final = 64  # of a stream, between two copies of its coverage


class Span(NamedTuple):
    """The half-open interval [since_ns, until_ns) of a stream has this status, for this cause."""

    since_ns: int
    until_ns: int
    status: Status
    cause: Cause = ""

    def cut(self, since_ns: int, until_ns: int) -> Span:
        return self._replace(since_ns=max(self.since_ns, since_ns), until_ns=min(self.until_ns, until_ns))

    def meets(self, later: Span) -> bool:
        """Whether both say the same, and ``later`` begins within this one or where it ends."""
        return self[2:] == later[2:] and self.since_ns <= later.since_ns <= self.until_ns


class Cover:
    """The coverage of one stream. ``spans`` are sorted and disjoint; between them it is open."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self.spans: list[Span] = list(spans)

    def apply(self, claim: Claim) -> bool:
        """Adds a claim; whether it changed anything."""
        if claim.since_ns >= claim.until_ns:
            return False
        new = Span(claim.since_ns, claim.until_ns, claim.status, claim.cause)
        if self.spans and new.status == "proven" and self.spans[-1].meets(new):
            return self._grown(new)
        low, high = self._touching(claim.since_ns, claim.until_ns)
        old = self.spans[low:high]
        pieces = [span.cut(span.since_ns, new.since_ns) for span in old if span.since_ns < new.since_ns]
        pieces += self._laid(new, [span.cut(new.since_ns, new.until_ns) for span in old])
        pieces += [span.cut(new.until_ns, span.until_ns) for span in old if span.until_ns > new.until_ns]
        joined = _joined(pieces)
        self.spans[low:high] = joined
        return joined != old

    def _grown(self, new: Span) -> bool:
        """The last span is proven as far as ``new`` goes: what is polled grows at its end, many times a day."""
        last = self.spans[-1]
        if new.until_ns <= last.until_ns:
            return False
        self.spans[-1] = Span(last.since_ns, new.until_ns, "proven")
        return True

    def _touching(self, since_ns: int, until_ns: int) -> tuple[int, int]:
        """The range of spans that meet [since_ns, until_ns], neighbours included, so that equal ones can be joined."""
        low = bisect_left(self.spans, since_ns, key=lambda span: span.until_ns)
        high = bisect_right(self.spans, until_ns, key=lambda span: span.since_ns)
        return low, high

    def _laid(self, new: Span, under: list[Span]) -> list[Span]:
        """``new`` with the proven parts of what lies under it showing through."""
        if new.status == "proven":
            return [new]
        pieces, at_ns = [], new.since_ns
        for span in under:
            if span.status == "proven" and span.since_ns < span.until_ns:
                pieces += [new.cut(at_ns, span.since_ns), span]
                at_ns = span.until_ns
        return [piece for piece in [*pieces, new.cut(at_ns, new.until_ns)] if piece.since_ns < piece.until_ns]

    def tiles(self, since_ns: int, until_ns: int) -> Iterator[Span]:
        """[since_ns, until_ns) whole: the spans in it, and open between them."""
        at_ns = since_ns
        low, high = self._touching(since_ns, until_ns)
        for span in self.spans[low:high]:
            inside = span.cut(since_ns, until_ns)
            if inside.since_ns < inside.until_ns:
                if at_ns < inside.since_ns:
                    yield Span(at_ns, inside.since_ns, "open")
                yield inside
                at_ns = inside.until_ns
        if at_ns < until_ns:
            yield Span(at_ns, until_ns, "open")

    def proven(self, since_ns: int, until_ns: int) -> list[Span]:
        """The proven parts of [since_ns, until_ns)."""
        return [span for span in self.tiles(since_ns, until_ns) if span.status == "proven"]

    def is_proven(self, since_ns: int, until_ns: int | None = None) -> bool:
        """Whether all of [since_ns, until_ns) is proven; without an end, that one moment."""
        index = bisect_right(self.spans, since_ns, key=lambda span: span.since_ns) - 1
        end_ns = since_ns + 1 if until_ns is None else until_ns
        return index >= 0 and self.spans[index].status == "proven" and end_ns <= self.spans[index].until_ns


def folded(claims: Iterable[Claim], cover: Cover | None = None) -> Cover:
    """The coverage that follows from claims in the order in which they were made, after those of ``cover``."""
    cover = Cover() if cover is None else cover
    for claim in claims:
        cover.apply(claim)
    return cover


class Covers:
    """The coverage of streams as of any page, each claim folded about once: what was folded stays at hand, with a copy
    every so many claims, from which the coverage of an earlier page is folded again."""

    def __init__(self) -> None:
        self._readers: object = None
        self._folds: dict[tuple[int, str], _Folded] = {}

    def at(self, store: Store, account: int, *, stream: str, seq: int) -> Cover:
        """The coverage of a stream by its pages up to ``seq``; it is not to be changed."""
        readers = store.engine.all("SELECT exchange, dialect, version FROM reader ORDER BY exchange, dialect")
        if readers != self._readers:  # somebody folded the pages again, with newer readers
            self._readers = readers
            self._folds.clear()
        found = self._folds.pop((account, stream), None) or _Folded()
        cover = found.at(seq, lambda after_seq: store.claims(account, stream, after_seq=after_seq, until_seq=seq))
        self._folds[account, stream] = found  # not where reading was cut off
        return cover


class _Folded:
    """One stream's: its coverage by page ``seq``, and copies of earlier ones in the order of their pages."""

    def __init__(self) -> None:
        self.seq = 0
        self.cover = Cover()
        self.copies: list[tuple[int, list[Span]]] = [(0, [])]
        self.fresh = 0  # claims since the last copy

    def at(self, seq: int, claims: Callable[[int], Iterable[tuple[int, Claim]]]) -> Cover:
        if seq < self.seq:
            from_seq, spans = self.copies[bisect_right(self.copies, seq, key=lambda copy: copy[0]) - 1]
            return folded((claim for _, claim in claims(from_seq)), Cover(spans))
        for at_seq, claim in claims(self.seq):
            if at_seq > self.seq and self.fresh >= max(CLAIMS_PER_COPY, len(self.cover.spans)):
                self.copies.append((self.seq, list(self.cover.spans)))
                self.fresh = 0
            self.cover.apply(claim)
            self.seq = at_seq
            self.fresh += 1
        self.seq = seq
        return self.cover


def _joined(pieces: list[Span]) -> list[Span]:
    """Neighbours of one status and cause as one span; an open span without a cause is no span."""
    joined: list[Span] = []
    for piece in pieces:
        if piece.status == "open" and not piece.cause:
            continue
        last = joined[-1] if joined else None
        if last is not None and last.until_ns == piece.since_ns and last[2:] == piece[2:]:
            joined[-1] = last._replace(until_ns=piece.until_ns)
        else:
            joined.append(piece)
    return joined
