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
from typing import Literal

import msgspec

from nostro.book.breaks import Scope
from nostro.book.checks.terms import TERMINAL, Rules
from nostro.domain import values
from nostro.domain.records import Fill, Order


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """An instant at which every open order's filled amount is known, so that nothing before it is needed any more.
    ``filled``: of the orders open then, by id, base units."""

    scope: Scope
    at_ns: int
    filled: dict[str, Decimal]


class Life(msgspec.Struct):
    """An order as this check sees it: between ``start_ns`` and ``end_ns`` it got ``filled``; if it is not ``closed``
    it may take ``spare`` later (None: nobody knows how much). Base units, what was filled before the cut taken
    off."""

    order: Order
    start_ns: int
    end_ns: int
    filled: Decimal
    spare: Decimal | None
    closed: bool
    known: bool


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


def life_of(order: Order, rules: Rules, *, cut: Cut | None) -> Life | None:
    """The order's life after the cut; None where it ended before."""
    placed_ns = order.effective_ns or 0
    closed = order.status in TERMINAL
    changed_ns = (order.done_ns if closed else None) or order.updated_ns or order.observed_ns + rules.skew_ns
    start_ns, end_ns = max(placed_ns, min(order.opened_ns or placed_ns, changed_ns)), max(changed_ns, placed_ns)
    before = values.ZERO
    if cut is not None and start_ns < cut.at_ns:
        if order.native_id not in cut.filled:
            return None
        before = cut.filled[order.native_id]
        start_ns, end_ns = cut.at_ns, max(end_ns, cut.at_ns)
    known = order.filled is not None
    filled = values.EXACT.subtract(order.filled or values.ZERO, before) if known else values.ZERO
    spare = None if not known else values.ZERO if closed else order.remaining
    return Life(order, start_ns, end_ns, max(filled, values.ZERO), spare, closed, known)


def serve(
    lives: Sequence[Life], fills: Sequence[Fill], *, capacities: Sequence[Decimal | None], ends: Sequence[int]
) -> Shares:
    """Shares the fills among the orders: to the order that a fill names, else to the open order that ends first, which
    serves as much as can be served. ``lives`` by start; a capacity of None has no bound."""
    shares = Shares(
        left=list(capacities), over=[values.ZERO] * len(fills), pairs=[[] for _ in fills],
        served=[[] for _ in lives], tied=[fill.order_id is not None for fill in fills],
    )  # fmt: skip
    by_id = {life.order.native_id: position for position, life in enumerate(lives)}
    for position, fill in enumerate(fills):
        if fill.order_id is not None:
            order = by_id.get(fill.order_id)
            shares.over[position] = fill.amount if order is None else _give(shares, position, order, fill.amount)
    waiting: list[tuple[int, int]] = []
    coming = 0
    for position, fill in enumerate(fills):
        if fill.order_id is not None:
            continue
        at_ns, need = fill.effective_ns or 0, fill.amount
        while coming < len(lives) and lives[coming].start_ns <= at_ns:
            heapq.heappush(waiting, (ends[coming], coming))
            coming += 1
        while waiting and need:
            end_ns, order = waiting[0]
            if end_ns < at_ns or shares.left[order] == 0:
                heapq.heappop(waiting)
                continue
            need = _give(shares, position, order, need)
        shares.over[position] = need
    return shares


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
