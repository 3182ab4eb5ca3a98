"""Sharing fills among orders: who served whom, and what cannot be served. It decides how an order's life bounds the
fills that it may have had, and finds the sharing that serves as much as can be served; what follows from what is left
is decided in ``executions.py``.

Every order is an interval of time and an amount, every fill an instant and an amount. Giving each fill to the open
order that ends first serves the most that any sharing can.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, Literal

import msgspec

from nostro.book.breaks import Scope
from nostro.book.checks.terms import TERMINAL, Rules
from nostro.domain import values
from nostro.domain.records import Fill, Order

FOREVER_NS: Final = values.LATEST_NS


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """An instant at which every open order's filled amount is known, so that nothing before it is needed any more.
    ``open``: the orders that may still be filled, by id, and when each was placed."""

    scope: Scope
    at_ns: int
    open: dict[str, int] = {}


class Life(msgspec.Struct, frozen=True):
    """A piece of an order's life as its versions tell it: in the closed interval it got exactly ``filled`` more, or,
    where nobody knows yet, anything up to ``spare`` (None: any amount). Base units; ``hidden``: the quanta of the
    printed amounts that ``filled`` comes from."""

    order: Order
    start_ns: int
    end_ns: int
    filled: Decimal
    spare: Decimal | None
    hidden: Decimal

    @property
    def capacity(self) -> Decimal | None:
        return None if self.spare is None else values.EXACT.add(self.filled, self.spare)


class Shares(msgspec.Struct):
    """Which fill went to which order: ``left`` per order what it still lacks (None: no bound), ``over`` per fill what
    no order could take, ``pairs`` per fill the orders that share it, ``served`` per order its fills. ``tied`` fills
    name their order and cannot move."""

    left: list[Decimal | None]
    over: list[Decimal]
    pairs: list[list[int]]
    served: list[list[int]]
    tied: list[bool]


class Group(msgspec.Struct):
    """Orders and fills that together do not tie, by position, and where."""

    orders: set[int]
    fills: set[int]
    since_ns: int
    until_ns: int
    core: tuple[int, int] | None = None


def lives_of(versions: Sequence[Order], rules: Rules) -> list[Life]:
    """The pieces of one order's life, from its versions in the order they were learned: what came to ``filled`` from
    one to the next came after the earlier was last seen so and until the later changed. What a later version takes
    back was never so."""
    pieces: list[Life] = []
    last = versions[-1]
    start_ns, before, hidden = last.effective_ns or 0, values.ZERO, values.ZERO
    for version in _believed(versions):
        closed = version.status in TERMINAL
        seen_ns = version.observed_ns - rules.skew_ns
        changed_ns = (version.done_ns if closed else None) or version.updated_ns or version.observed_ns + rules.skew_ns
        start_ns = max(start_ns, min(version.opened_ns or start_ns, changed_ns))
        end_ns = max(start_ns, changed_ns)
        if version.filled is None:
            spare_ns = end_ns if closed else FOREVER_NS
            pieces.append(Life(version, start_ns, spare_ns, values.ZERO, None, values.ZERO))
            continue
        gained, quantum = values.EXACT.subtract(version.filled, before), rules.quantum(version.filled)
        if gained > 0:
            allowed = values.add((hidden, quantum))
            pieces.append(Life(version, start_ns, end_ns, gained, values.ZERO, allowed))
            before, hidden = version.filled, quantum
        start_ns = max(start_ns, changed_ns if version.updated_ns else seen_ns, seen_ns)
    if last.status not in TERMINAL and last.filled is not None and last.remaining != 0:
        pieces.append(Life(last, start_ns, FOREVER_NS, values.ZERO, last.remaining, values.ZERO))
    return pieces


def _believed(versions: Sequence[Order]) -> list[Order]:
    """The versions without those that the exchange took back: more was filled than later, or the order had ended."""
    believed: list[Order] = []
    least: Decimal | None = None
    for version in reversed(versions):
        filled = version.filled
        shrank = filled is not None and least is not None and filled > least
        if not believed or not (shrank or version.status in TERMINAL):
            believed.append(version)
            least = filled if filled is not None else least
    return believed[::-1]


def serve(lives: Sequence[Life], fills: Sequence[Fill]) -> Shares:
    """Shares the fills among the orders: to the order that a fill names, else to the open order that ends first, which
    serves as much as can be served. ``lives`` by start."""
    shares = Shares(
        left=[life.capacity for life in lives], over=[values.ZERO] * len(fills), pairs=[[] for _ in fills],
        served=[[] for _ in lives], tied=[fill.order_id is not None for fill in fills],
    )  # fmt: skip
    by_id: dict[str | None, list[int]] = {}
    for position, life in enumerate(lives):
        by_id.setdefault(life.order.native_id, []).append(position)
    for position, fill in enumerate(fills):
        if fill.order_id is not None:
            shares.over[position] = fill.amount
            at_ns = fill.effective_ns or 0
            for order in sorted(by_id.get(fill.order_id, ()), key=lambda each: not _spans(lives[each], at_ns)):
                shares.over[position] = _give(shares, position, order, shares.over[position])
    waiting: list[tuple[int, int]] = []
    coming = 0
    for position, fill in enumerate(fills):
        if fill.order_id is not None:
            continue
        at_ns, need = fill.effective_ns or 0, fill.amount
        while coming < len(lives) and lives[coming].start_ns <= at_ns:
            heapq.heappush(waiting, (lives[coming].end_ns, coming))
            coming += 1
        while waiting and need:
            end_ns, order = waiting[0]
            if end_ns < at_ns or shares.left[order] == 0:
                heapq.heappop(waiting)
                continue
            need = _give(shares, position, order, need)
        shares.over[position] = need
    return shares


def _spans(life: Life, at_ns: int) -> bool:
    return life.start_ns <= at_ns <= life.end_ns


def _give(shares: Shares, fill: int, order: int, amount: Decimal) -> Decimal:
    """Gives what the order can take; answers what is left of the fill."""
    left = shares.left[order]
    taken = amount if left is None else min(left, amount)
    if taken:
        shares.left[order] = None if left is None else values.EXACT.subtract(left, taken)
        shares.pairs[fill].append(order)
        shares.served[order].append(fill)
    return values.EXACT.subtract(amount, taken)


def joined(groups: Iterable[Group], *, by: Literal["orders", "fills"] = "orders") -> list[Group]:
    """Groups that share an order (or a fill), as one; its core is where all of them overlap."""
    whole: list[Group] = []
    for each in groups:
        group = each
        for other in [other for other in whole if getattr(other, by) & getattr(group, by)]:
            whole.remove(other)
            core = None
            if group.core and other.core:
                core = (max(group.core[0], other.core[0]), min(group.core[1], other.core[1]))
            group = Group(
                group.orders | other.orders, group.fills | other.fills,
                min(group.since_ns, other.since_ns), max(group.until_ns, other.until_ns),
                core if core and core[0] <= core[1] else None,
            )  # fmt: skip
        whole.append(group)
    return whole
