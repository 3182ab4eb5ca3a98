"""Rows that frames tell (docs/live.md 5-7). It decides what a frame adds to what is held of a row, what is left of it
when a history tells the row, where the two contradict each other, and which rows a history denies. It reads and writes
nothing.

What a history says stands in versions of its own, as if there were no frames; what frames add stands on top of them
(`keeping.ADDED`). So nothing that is proven or compared depends on a frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from nostro.book.alias import same_time
from nostro.domain.overlay import has_ended, has_terms, is_older, overlaid
from nostro.domain.records import STAMP, Fact, Order, content

if TYPE_CHECKING:
    from nostro.link.declare import Stream

_UNCOMPARED: Final = (*STAMP, "extra", "effective_ns")
_OF_ORDERS: Final = ("sub_account", "instrument", "side")  # what no state of an order changes


def is_row(fact: Fact, stream: Stream | None, *, since_ns: int) -> bool:
    """Whether what a frame says of a row that is not known makes a row: it says what the row is about, names it as its
    history does, and it is none from before the account's beginning. What it does not, the history brings."""
    if stream is None or (fact.effective_ns is not None and fact.effective_ns < since_ns):
        return False
    return has_terms(fact) and (fact.native_id is not None or not stream.native_ids)


def followed(fact: Fact, held: Fact) -> tuple[Fact, bool]:
    """What is known of a row after a frame, and whether it is a later state of it."""
    is_later = is_older(held, fact)
    merged = overlaid(fact, held) if is_later else overlaid(held, fact)
    return msgspec.structs.replace(merged, offset=fact.offset), is_later


def confirmed(fact: Fact, held: Fact) -> Fact | None:
    """What frames add to a row that a history tells as ``fact``, of which ``held`` was known before; None for nothing.
    Where both know, the history holds, unless frames told a later state."""
    merged = overlaid(held, fact) if is_older(fact, held) else overlaid(fact, held)
    return msgspec.structs.replace(merged, offset=fact.offset) if adds(merged, fact, extra=False) else None


def adds(merged: Fact, held: Fact, *, extra: bool) -> bool:
    """Whether more is known than was; ``extra``: also where it has no word of ours."""
    return content(merged if extra else msgspec.structs.replace(merged, extra=held.extra)) != content(held)


def contradictions(one: Fact, other: Fact) -> list[str]:
    """The members that both know of a row, and say otherwise. Of an order what never changes, and of one that has ended
    how much was filled; a stop is placed at one time and reaches the market at another."""
    if isinstance(one, Order):
        ended = ("filled",) if has_ended(one) and has_ended(other) else ()
        return [name for name in (*_OF_ORDERS, *ended) if _differ(getattr(one, name), getattr(other, name))]
    names = (name for name in one.__struct_fields__ if name not in _UNCOMPARED)
    found = [name for name in names if _differ(getattr(one, name), getattr(other, name))]
    times = (one.effective_ns, other.effective_ns)
    if times[0] is not None and times[1] is not None and not same_time(times[0], times[1]):
        found.append("effective_ns")
    return found


def _differ(one: object, other: object) -> bool:
    return one not in (None, "") and other not in (None, "") and one != other


def is_denied(fact: Fact) -> bool:
    """Whether a history that is proven where the row lies, and does not show it, says that there is none: it says when
    it happened, and it is no stop (which a history may show from its trigger on: *ours*, as Kraken Futures' does)."""
    return fact.effective_ns is not None and not (isinstance(fact, Order) and _is_stop(fact))


def _is_stop(order: Order) -> bool:
    return order.stop_price is not None or order.type.startswith("stop")
