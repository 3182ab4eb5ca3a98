"""When a stream changes how it names its rows: an account's wire begins to give native ids for rows that are held
without, or no longer gives them. It decides which held row a newly named row is, and what the two say together; it
reads and writes nothing.

A row is matched by the fields that both carry, its time cut to the coarser of the two precisions, the n-th to the n-th
among identical rows. The second name becomes an alias of the held identity, and nothing doubles.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from nostro.domain.records import STAMP, Fact
from nostro.domain.values import SECOND_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nostro.book.identity import Row

# What every wire prints of such a row, whatever else it leaves out.
MATCHED: Final[Mapping[str, tuple[str, ...]]] = {
    "fill": ("instrument", "side", "price", "amount"),
    "entry": ("asset", "type", "amount"),
    "transfer": ("direction", "asset", "amount"),
    "order": ("instrument", "side", "type", "amount", "price"),
}
_PRECISIONS_NS: Final = (SECOND_NS, 1_000_000, 1_000, 1)
FactT = TypeVar("FactT", bound=Fact)


class Candidate(msgspec.Struct):
    """A held row of the other naming that no alias points to yet."""

    identity: bytes
    effective_ns: int
    fact: Fact


def precision(time_ns: int) -> int:
    """The coarsest of second, millisecond, microsecond and nanosecond that a time may have been written in."""
    return next(step for step in _PRECISIONS_NS if time_ns % step == 0)


def same_time(one_ns: int, other_ns: int) -> bool:
    """Whether two times agree when cut to the coarser of their precisions."""
    step = max(precision(one_ns), precision(other_ns))
    return one_ns // step == other_ns // step


def match(rows: Sequence[Row], candidates: Iterable[Candidate]) -> list[tuple[Row, Candidate]]:
    """Pairs of a newly named row and the held row that it is; each candidate is taken once. Candidates come in the
    order of their times."""
    held: dict[tuple[Any, ...], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        held[_key(candidate.fact, candidate.effective_ns)].append(candidate)
    pairs: list[tuple[Row, Candidate]] = []
    left = sorted(rows, key=_in_order)
    # What agrees in all that both know comes first, and among that what agrees in its exact time: a row finds its own
    # before another may take it.
    for exactly, agreeing in ((True, True), (False, True), (True, False), (False, False)):
        unmatched = []
        for row in left:
            there = held.get(_key(row.fact, row.effective_ns), [])
            best = _best(row, there, exactly=exactly, agreeing=agreeing)
            if best is None:
                unmatched.append(row)
            else:
                there.remove(best)
                pairs.append((row, best))
        left = unmatched
    return pairs


def _best(row: Row, there: list[Candidate], *, exactly: bool, agreeing: bool) -> Candidate | None:
    """The first candidate with the fewest disagreements, where there is one as strict as asked."""
    fitting = [
        (_disagreements(found.fact, row.fact), number)
        for number, found in enumerate(there)
        if (found.effective_ns == row.effective_ns if exactly else same_time(found.effective_ns, row.effective_ns))
    ]
    disagreements, number = min(fitting, default=(0, -1))
    return None if number < 0 or (agreeing and disagreements) else there[number]


def _key(fact: Fact, effective_ns: int) -> tuple[Any, ...]:
    fields = (getattr(fact, field) for field in MATCHED.get(fact.kind, ()))
    return (fact.kind, effective_ns // SECOND_NS, *fields)


def _in_order(row: Row) -> tuple[int, int, str]:
    native = row.fact.native_id or ""
    return row.effective_ns, len(native), native


def _disagreements(one: Fact, other: Fact) -> int:
    """In how many fields two rows differ that both of them know: among rows that could be it, the nearest is."""
    pairs = ((getattr(one, field), getattr(other, field)) for field in _compared(one))
    return sum(1 for left, right in pairs if left != right and _known(left) and _known(right))


def _compared(fact: Fact) -> list[str]:
    return [field for field in fact.__struct_fields__ if field not in (*STAMP, "extra", "effective_ns", "native_id")]


def _known(value: object) -> bool:
    return value is not None and value != ""


def merge(held: FactT, new: FactT) -> tuple[FactT, bool]:
    """What two namings of one row say together, and whether they contradict each other in a field that both know. What
    only one knows is kept; where they differ the new one holds; of two times the finer."""
    changes: dict[str, Any] = {}
    contradicted = False
    for field in _compared(held):
        before, after = getattr(held, field), getattr(new, field)
        if _known(after) and before != after:
            changes[field] = after
            contradicted = contradicted or _known(before)
    if held.native_id is None:
        changes["native_id"] = new.native_id
    if held.effective_ns is not None and new.effective_ns is not None:
        if not same_time(held.effective_ns, new.effective_ns):
            changes["effective_ns"] = new.effective_ns
            contradicted = True
        elif precision(new.effective_ns) < precision(held.effective_ns):
            changes["effective_ns"] = new.effective_ns
    changes["extra"] = {**new.extra, **held.extra}
    return msgspec.structs.replace(held, **changes), contradicted
