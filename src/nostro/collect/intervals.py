"""Which intervals of a history are asked for: how near ones are joined, which are left out, how one is halved. Pure;
which of them are wanted at all is the collector's (``backfill.py``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nostro.domain.values import SECOND_NS
from nostro.link.declare import Stream

NEAR_NS: Final = 3600 * SECOND_NS  # open rows this near to each other are re-read by one request

Bounds = tuple[int, int]  # [since_ns, until_ns)


def cell(stream: Stream, effective_ns: int) -> Bounds:
    """The shortest interval that can be asked around a time."""
    precision_ns = max(stream.precision_ns, 1)
    start_ns = effective_ns - effective_ns % precision_ns
    return start_ns, start_ns + precision_ns


def halves(stream: Stream, *, since_ns: int, until_ns: int) -> list[Bounds]:
    """An interval as two that can be asked for; none where it is the shortest already."""
    middle_ns = (since_ns + until_ns) // 2
    middle_ns -= middle_ns % max(stream.precision_ns, 1)
    return [(since_ns, middle_ns), (middle_ns, until_ns)] if since_ns < middle_ns < until_ns else []


def without(intervals: Sequence[Bounds], taken: Sequence[Bounds]) -> list[Bounds]:
    """What is left of the intervals outside others, both in order."""
    left: list[Bounds] = []
    for interval in intervals:
        since_ns, until_ns = interval
        for start_ns, end_ns in taken:
            if since_ns < end_ns and start_ns < until_ns:
                left.append((since_ns, start_ns))
                since_ns = end_ns
        left.append((since_ns, until_ns))
    return [(start, end) for start, end in left if start < end]


def merged(intervals: Sequence[Bounds]) -> list[Bounds]:
    """The same times as disjoint intervals in order; what is near is joined, so that one request serves both."""
    joined: list[Bounds] = []
    for since_ns, until_ns in sorted(intervals):
        if joined and since_ns <= joined[-1][1] + NEAR_NS:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until_ns))
        else:
            joined.append((since_ns, until_ns))
    return joined
