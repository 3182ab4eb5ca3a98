"""Rows to which the wire gives no time: interest lies somewhere within the window that was asked for. It decides what
two such windows say together: the row is in both, so that each answer that returns it can only make its window
smaller, and any order of the answers ends in the same one. What follows for the book is the fold's.
"""

from __future__ import annotations

import msgspec

from nostro.domain.records import Fact, Interest, content

Window = tuple[int, int]


def window(fact: Fact) -> Window | None:
    """The half-open interval in which it happened, where only that is known; None for a row with a time."""
    if not isinstance(fact, Interest) or fact.until_ns is None or fact.effective_ns is None:
        return None
    return fact.effective_ns, fact.until_ns


def is_before(fact: Fact, time_ns: int) -> bool:
    """Whether it is certain to have happened before then: of a row without a time, if its whole window has."""
    known = window(fact)
    return known is None or known[1] <= time_ns


def narrowed(held: Fact, told: Fact) -> Fact:
    """What is told, within both windows; as it was told, where they do not meet or one of the rows has a time."""
    inside = _meeting(held, told)
    return told if inside is None else msgspec.structs.replace(told, effective_ns=inside[0], until_ns=inside[1])


def agree(held: Fact, told: Fact) -> bool:
    """Whether two rows without a time say the same, and their windows meet."""
    return _meeting(held, told) is not None and _timeless(held) == _timeless(told)


def _meeting(one: Fact, other: Fact) -> Window | None:
    left, right = window(one), window(other)
    if left is None or right is None:
        return None
    since_ns, until_ns = max(left[0], right[0]), min(left[1], right[1])
    return (since_ns, until_ns) if since_ns < until_ns else None


def _timeless(fact: Fact) -> bytes:
    return content(msgspec.structs.replace(fact, effective_ns=None, until_ns=None))
