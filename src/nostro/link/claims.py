"""What the parts of one window have shown, folded into claims. It decides when an interval is complete: when every
part has said something of it; the worst of what they said is then claimed, once. It does not decide what a part may
say (``pager.py``), nor keep anything (``book/coverage.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from nostro import limits
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Cause, Claim, Status

_WORSE: Final = {"proven": 0, "open": 1, "unavailable": 2}


class Tally:
    """Intervals are half-open and counted in cells of the stream's precision.

    ``agreed``: where set, claims are held back until it says True (as they are) or False (as open). ``outer``: where
    this tally is of the parts of a part, what takes its claims, and the tally whose claims a page carries."""

    def __init__(self, parts: int, outer: tuple[Callable[[Claim], None], Tally] | None = None) -> None:
        self.agreed: Callable[[], bool | None] | None = None
        self._said: list[list[Claim]] = [[] for _ in range(parts)]
        self._pending: list[Claim] = []
        self._outer = outer

    def report(self, part: int, interval: tuple[int, int], *, status: Status = "proven", cause: Cause = "") -> None:
        """A part says this of an interval; what it said of it before stands."""
        for left, right in list(self.gaps(part, interval)):
            claim = Claim(status, left, right, cause)
            self._said[part] = _merged([*self._said[part], claim])
            self._pending += self._complete(part, claim)

    def gaps(self, part: int, interval: tuple[int, int]) -> Iterator[tuple[int, int]]:
        """The intervals within this one of which the part has said nothing."""
        low, high = interval
        for claim in self._said[part]:
            if claim.until_ns > low and claim.since_ns < high:
                if claim.since_ns > low:
                    yield low, claim.since_ns
                low = claim.until_ns
        if low < high:
            yield low, high

    def complete(self, interval: tuple[int, int]) -> bool:
        return all(next(self.gaps(part, interval), None) is None for part in range(len(self._said)))

    def flush(self) -> None:
        """Hands what is complete to the outer tally."""
        if self._outer is not None:
            for claim in self._pending:
                self._outer[0](claim)
            self._pending.clear()

    def claims(self, cell_ns: int, *, since_ns: int, until_ns: int) -> tuple[Claim, ...]:
        """What became complete since the last call, in ns, within [since_ns, until_ns)."""
        if self._outer is not None:
            self.flush()
            return self._outer[1].claims(cell_ns, since_ns=since_ns, until_ns=until_ns)
        verdict = self.agreed() if self.agreed else True
        if verdict is None:
            return ()
        pending, self._pending = self._pending, []
        claims = []
        for claim in _merged(pending):
            since, until = max(claim.since_ns * cell_ns, since_ns), min(claim.until_ns * cell_ns, until_ns)
            if since < until:
                said = (claim.status, claim.cause) if verdict else ("open", "")
                claims.append(Claim(said[0], since, until, said[1]))
        return tuple(claims)

    def _complete(self, part: int, claim: Claim) -> list[Claim]:
        """The pieces of a new claim of which every other part has spoken too, each with the worst that was said."""
        pieces = [claim]
        for other, said in enumerate(self._said):
            if other == part:
                continue
            pieces = [
                _worse(piece, past)
                for piece in pieces
                for past in said
                if past.since_ns < piece.until_ns and piece.since_ns < past.until_ns
            ]
        return pieces


def _worse(one: Claim, two: Claim) -> Claim:
    worst = max(one, two, key=lambda claim: _WORSE[claim.status])
    return Claim(worst.status, max(one.since_ns, two.since_ns), min(one.until_ns, two.until_ns), worst.cause)


def _merged(claims: list[Claim]) -> list[Claim]:
    """In order of time, neighbours that say the same as one. The claims are disjoint."""
    merged: list[Claim] = []
    for claim in sorted(claims, key=lambda claim: claim.since_ns):
        last = merged[-1] if merged else None
        if last and last.until_ns == claim.since_ns and (last.status, last.cause) == (claim.status, claim.cause):
            merged[-1] = Claim(last.status, last.since_ns, claim.until_ns, last.cause)
        else:
            merged.append(claim)
    return merged


def remembered_since_ns(retention_s: int, now_ns: int) -> int:
    """What happened before then may be forgotten now, by an exchange that remembers so far back, ns: its clock and ours
    may differ."""
    return now_ns + (limits.CLOCK_SKEW_MAX_S - retention_s) * SECOND_NS


def remembered(claims: Iterable[Claim], *, since_ns: int) -> tuple[Claim, ...]:
    """The same claims where the exchange may have forgotten what happened before then: nothing of it is proven."""
    kept: list[Claim] = []
    for claim in claims:
        edge_ns = min(max(claim.since_ns, since_ns), claim.until_ns) if claim.status == "proven" else claim.since_ns
        if claim.since_ns < edge_ns:
            kept.append(Claim("unavailable", claim.since_ns, edge_ns, "retention"))
        if edge_ns < claim.until_ns:
            kept.append(Claim(claim.status, edge_ns, claim.until_ns, claim.cause))
    return tuple(kept)
