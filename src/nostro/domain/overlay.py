"""What two statements about one row say together: a frame and a history, or an order's earlier and later state. It
decides which of two states of an order is the later one and what each adds to the other; which of them holds is decided
by who asks (``link/told.py``, ``book/heard.py``).
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from nostro.domain.fact import STAMP, Fact
from nostro.domain.records import Order

FactT = TypeVar("FactT", bound=Fact)

ENDS: Final = frozenset({"canceled", "expired", "filled", "partially_canceled", "rejected"})  # after which none changes
_AT_THE_END: Final = ("filled", "canceled", "remaining", "average_price")


def has_terms(fact: Fact) -> bool:
    """Whether it says what it is about; an order's frame may name its id alone."""
    return not isinstance(fact, Order) or bool(fact.instrument)


def has_ended(fact: Fact) -> bool:
    """Whether it is an order that no longer changes."""
    return isinstance(fact, Order) and fact.status in ENDS


def is_older(one: Fact, other: Fact) -> bool:
    """Whether an order's state is an earlier one than another: an end comes last, then later changes, then more that is
    filled; as far as both say. Rows that are no orders have one state."""
    if not isinstance(one, Order) or not isinstance(other, Order):
        return False
    if has_ended(one) != has_ended(other):
        return has_ended(other)
    for left, right in ((one.updated_ns, other.updated_ns), (one.filled, other.filled)):
        if left is not None and right is not None and left != right:
            return left < right
    return False


def overlaid(over: FactT, under: FactT) -> FactT:
    """All that is known: what the first says, and what only the second does. How much of an order was filled when it
    ended, the state before its end does not know."""
    missing = [name for name in over.__struct_fields__ if getattr(over, name) in (None, "") and name not in STAMP]
    if has_ended(over) and not has_ended(under):
        missing = [name for name in missing if name not in _AT_THE_END]
    known = {name: getattr(under, name) for name in missing}
    return msgspec.structs.replace(over, **known, extra=under.extra | over.extra)
