"""The rows of an account that were told while it is followed: which of them is new, which a later state of a known one,
which nothing new. It decides what two statements about one row say together; states have no rows (``live_state.py``).

A row that frames and answers both tell is told once. Frames may come twice or late, and say less than an answer: what
only one knows is kept, an order's older state says nothing, an end comes last.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

import msgspec

from nostro import limits
from nostro.domain.fact import STAMP, Fact
from nostro.domain.overlay import has_ended, has_terms, is_older, overlaid
from nostro.domain.records import Order, content
from nostro.domain.subjects import leg

Key = tuple[object, ...]

# What makes a state of an order another one, where it becomes known too. Of other rows: any member that both know.
_SAYS: Final = ("status", "amount", "filled", "canceled", "remaining", "price", "stop_price")
_SILENT: Final = frozenset({*STAMP, "extra", "effective_ns", "updated_ns", "opened_ns", "done_ns"})


class Told:
    """The rows told last, `limits.ROWS_TOLD` of them, and every order that is open."""

    def __init__(self) -> None:
        self._rows: OrderedDict[Key, Fact] = OrderedDict()
        self.orders: dict[str, Order] = {}

    def take(self, facts: Iterable[Fact]) -> list[Fact]:
        """The rows that say something new, each with all that is known of it. Rows without an id that are alike within
        one call are as many."""
        alike: Counter[Key] = Counter()
        new: list[Fact] = []
        for fact in facts:
            said = self._take(_key(fact, alike), fact)
            if said is not None:
                new.append(said)
        return new

    def knows(self, fact: Fact) -> bool:
        """Whether a row with an id of the exchange was told."""
        return row_key(fact) in self._rows or (isinstance(fact, Order) and fact.native_id in self.orders)

    def close(self, native_id: str) -> Order:
        """The order is open no more, and nobody said why; what was known of it."""
        return self.orders.pop(native_id)

    def _take(self, key: Key, fact: Fact) -> Fact | None:
        known = self._rows.get(key)
        if known is None and isinstance(fact, Order) and fact.native_id in self.orders:
            known = self.orders[fact.native_id]  # longer open than rows are remembered
        if known is None:
            self._remember(key, fact)
            return fact if has_terms(fact) else None
        both = _joined(known, fact) if is_older(fact, known) else _joined(fact, known)
        self._remember(key, both)
        return both if has_terms(both) and _says_more(both, fact, known) else None

    def _remember(self, key: Key, fact: Fact) -> None:
        self._rows[key] = fact
        self._rows.move_to_end(key)
        if len(self._rows) > limits.ROWS_TOLD:
            self._rows.popitem(last=False)
        if isinstance(fact, Order) and fact.native_id is not None and has_terms(fact):
            if has_ended(fact):
                self.orders.pop(fact.native_id, None)
            else:
                self.orders[fact.native_id] = fact


def row_key(fact: Fact) -> Key:
    """What names a row that has an id of the exchange."""
    return (fact.kind, fact.native_id, leg(fact))


def _key(fact: Fact, alike: Counter[Key]) -> Key:
    if fact.native_id is not None:
        return row_key(fact)
    said = (fact.kind, content(fact))
    alike[said] += 1
    return (*said, alike[said])


def _joined(over: Fact, under: Fact) -> Fact:
    """All that is known. Of two times the earlier one: a frame without a time of its own has that of its arrival."""
    both = overlaid(over, under)
    moments = [each.effective_ns for each in (over, under) if each.effective_ns is not None]
    return msgspec.structs.replace(both, effective_ns=min(moments)) if len(moments) > 1 else both


def _says_more(both: Fact, fact: Fact, known: Fact) -> bool:
    """Whether a row says something else than was known of it; of an order, whether its state is another one."""
    if isinstance(known, Order):
        return not has_terms(known) or any(getattr(both, name) != getattr(known, name) for name in _SAYS)
    return any(
        (was := getattr(known, name)) is not None and (said := getattr(fact, name)) is not None and was != said
        for name in fact.__struct_fields__
        if name not in _SILENT
    )
