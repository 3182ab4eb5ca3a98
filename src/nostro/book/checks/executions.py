"""Orders against fills (docs/invariants.md B9), per sub-account, wallet, instrument and side. It decides whether the
fills can be those of the orders, and if not, where the smallest interval lies that cannot be right.

Where a fill names its order, it counts for that order. Where the wire names none, an order with ``filled`` units must
have been filled by fills of its side between its opening and its last change, and a fill must belong to an order that
was open then. The rule: there is a way to share the fills among the orders so that every order gets exactly what it
reports. Whether there is one is decided exactly by serving each fill to the open order that ends first. Between two
*quiet instants* (no order open) this says that the sums are equal; while orders overlap it is as sharp as the facts
allow, because unfilled amounts bound what a fill could have been part of.

- An order left short: the fills of some interval do not fill the orders that lived inside it. That interval, grown
  from the short order by whatever else its fills were shared with, is the smallest that contains the missing amount.
- A fill left over: the orders open at some instants cannot take the fills of those instants.

Every version that was seen of an order says how much it had got by then; one that is still open may take its
``remaining`` after it was last seen. Orders whose life touches an unproven interval of the fills, and fills after an
unproven interval of the orders, are ``unchecked``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from nostro.book.breaks import Break, Hypothesis, Scope, identify
from nostro.book.checks.sharing import Cut, Group, Life, Shares, joined, lives_of, serve
from nostro.book.checks.terms import Outcome, Proven, Result, Rules, pages_of, row_key, row_name
from nostro.domain import values
from nostro.domain.records import Fill, Order

CHECK: Final = "orders against fills"


class Executions:
    """The orders (every version) and fills of one scope. ``judge`` fills in ``results``, ``breaks`` and ``cut``."""

    def __init__(
        self,
        scope: Scope,
        orders: Iterable[Order],
        *,
        fills: Iterable[Fill],
        rules: Rules,
        fills_proven: Proven,
        orders_proven: Proven,
        cut: Cut | None = None,
    ) -> None:
        self.scope = scope
        self.results: list[Result] = []
        self.breaks: list[Break] = []
        self._rules = rules
        self._fills_proven = fills_proven
        self._orders_proven = orders_proven
        self._since_ns = cut.at_ns if cut else 0
        by_order: dict[str | None, list[Order]] = {}
        for version in orders:
            by_order.setdefault(version.native_id, []).append(version)
        lives = (life for each in by_order.values() for life in lives_of(each, rules) if life.end_ns >= self._since_ns)
        self._lives = sorted(lives, key=lambda each: (each.start_ns, each.end_ns))
        self._fills = [fill for fill in fills if (fill.effective_ns or 0) >= self._since_ns]
        self._times = [fill.effective_ns or 0 for fill in self._fills]
        self._inexact = False

    def judge(self, edge_ns: int) -> Cut:
        """Compares what lies before ``edge_ns``; answers where the next run may begin."""
        self._short()
        self._over()
        cut = self._cut(edge_ns)
        starts = [*(life.start_ns for life in self._lives[:1]), *self._times[:1]]
        if starts:
            first_ns = min(starts)
            for since_ns, until_ns in ((first_ns, min(cut.at_ns, edge_ns)), (max(first_ns, cut.at_ns), edge_ns)):
                if since_ns < until_ns:
                    self.results.append(self._result(since_ns, until_ns))
        return cut

    # ── orders left short ────────────────────────────────────────────────────────────────────────────────────────

    def _short(self) -> None:
        lives = []
        for life in self._lives:
            if not life.filled:
                continue
            cause = self._fills_proven.cause(life.start_ns, life.end_ns)
            if cause:
                self._unchecked(cause, life.start_ns, life.end_ns)
            else:
                lives.append(life)
        shares = serve(lives, self._fills)
        groups = [self._grow(lives, shares, position) for position, left in enumerate(shares.left) if left]
        for group in joined(groups):
            left = values.add(shares.left[position] or values.ZERO for position in group.orders)
            pieces = [lives[position] for position in sorted(group.orders)]
            fills = [self._fills[position] for position in sorted(group.fills)]
            if not self._within_quanta(left, pieces, fills):
                self.breaks.append(self._short_break(group, left, pieces, fills))

    def _grow(self, lives: Sequence[Life], shares: Shares, short: int) -> Group:
        """The smallest interval whose fills do not suffice for the orders that lived inside it, around one short
        order."""
        since_ns, until_ns = lives[short].start_ns, lives[short].end_ns
        low = high = bisect_left(self._times, since_ns)
        orders, fills = {short}, {*shares.served[short]}
        while True:
            new_low, new_high = bisect_left(self._times, since_ns), bisect_right(self._times, until_ns)
            fresh = [*range(new_low, low), *range(high, new_high)]
            low, high = new_low, new_high
            reached = {order for fill in fresh if not shares.tied[fill] for order in shares.pairs[fill]} - orders
            if not fresh:
                return Group(orders, fills, since_ns, until_ns, (since_ns, until_ns))
            for order in reached:
                orders.add(order)
                fills.update(shares.served[order])
                since_ns, until_ns = min(since_ns, lives[order].start_ns), max(until_ns, lives[order].end_ns)

    def _short_break(self, group: Group, left: Decimal, pieces: Sequence[Life], fills: Sequence[Fill]) -> Break:
        orders = _orders(pieces)
        names = _names(orders)
        expected = values.add(piece.filled for piece in pieces)
        text = f"{names} report {values.canonical(left)} more than the fills between them give"
        since_ns, until_ns = group.core or (group.since_ns, group.until_ns)
        fill_text = f"a fill of {values.canonical(left)} was never given"
        return Break(
            id=identify(CHECK, self.scope, anchor=f"short {_anchor(orders)}"),
            check=CHECK, name="missing_fill", scope=self.scope,
            since_ns=group.since_ns, until_ns=group.until_ns, expected=expected,
            actual=values.EXACT.subtract(expected, left), missing=left,
            rows=tuple(row_name(order) for order in orders), pages=pages_of([*orders, *fills]),
            text=f"{self.scope}: {text}",
            hypotheses=(
                Hypothesis(name="missing_row", text=fill_text, amount=left, since_ns=since_ns, until_ns=until_ns),
                Hypothesis(name="altered_row", text=f"{names} report too much, or a fill says too little", amount=left),
            ),
        )  # fmt: skip

    # ── fills left over ──────────────────────────────────────────────────────────────────────────────────────────

    def _over(self) -> None:
        shares = serve(self._lives, self._fills)
        groups = []
        for position, over in enumerate(shares.over):
            if not over:
                continue
            at_ns = self._times[position]
            cause = self._orders_proven.cause(self._rules.opened_ns, at_ns) or self._fills_proven.cause(at_ns, at_ns)
            if cause:
                self._unchecked(cause, at_ns, at_ns)
            else:
                groups.append(self._reach(shares, position))
        for group in joined(groups, by="fills"):
            over = values.add(shares.over[position] for position in group.fills)
            pieces = [self._lives[position] for position in sorted(group.orders)]
            fills = [self._fills[position] for position in sorted(group.fills)]
            if not self._within_quanta(over, pieces, fills):
                self.breaks.append(self._over_break(over, _orders(pieces), fills))

    def _reach(self, shares: Shares, over: int) -> Group:
        """The fills that share orders with one left over, however indirectly: the smallest set that cannot be right."""
        fills, orders = {over}, set[int]()
        unseen = list(range(len(self._lives)))
        queue = [over]
        while queue:
            at_ns, tied = self._times[queue[-1]], shares.tied[queue.pop()]
            if tied:
                orders.update(shares.pairs[over])
                continue
            open_then = [each for each in unseen if self._lives[each].start_ns <= at_ns <= self._lives[each].end_ns]
            if open_then:
                unseen = [
                    each for each in unseen if not self._lives[each].start_ns <= at_ns <= self._lives[each].end_ns
                ]
                orders.update(open_then)
                reached = {
                    fill for order in open_then for fill in shares.served[order] if not shares.tied[fill]
                } - fills
                fills |= reached
                queue += sorted(reached)
        times = [self._times[position] for position in fills]
        return Group(orders, fills, min(times), max(times))

    def _over_break(self, over: Decimal, orders: Sequence[Order], fills: Sequence[Fill]) -> Break:
        since_ns, until_ns = fills[0].effective_ns or 0, fills[-1].effective_ns or 0
        actual = values.add(fill.amount for fill in fills)
        amount = values.canonical(over)
        hypotheses = [
            Hypothesis(name="missing_row", text=f"an order filled with {amount} was never given", amount=over),
            Hypothesis(
                name="altered_row", text="a filled amount of an order is too low, or a fill's too high", amount=over
            ),
        ]
        doubled = next(
            (fill for fill, twin in _neighbours(fills) if fill.amount == over and _same_fill(fill, twin)), None
        )
        if doubled is not None:
            text = f"fill {row_name(doubled)} stands there twice"
            rows = (row_name(doubled),)
            hypotheses.insert(0, Hypothesis(name="doubled_row", text=text, amount=over, rows=rows))
        return Break(
            id=identify(CHECK, self.scope, anchor=f"over {row_name(fills[0])}"),
            check=CHECK, name="extra_fill", scope=self.scope,
            since_ns=since_ns, until_ns=until_ns, expected=values.EXACT.subtract(actual, over), actual=actual,
            missing=over.copy_negate(), rows=tuple(row_name(fill) for fill in fills), pages=pages_of([*orders, *fills]),
            text=f"{self.scope}: fills of {amount} belong to no order that was open then", hypotheses=tuple(hypotheses),
        )  # fmt: skip

    # ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _within_quanta(self, difference: Decimal, pieces: Iterable[Life], fills: Iterable[Fill]) -> bool:
        hidden = [*(piece.hidden for piece in pieces), *(self._rules.quantum(fill.amount) for fill in fills)]
        ties = difference <= values.add(hidden)
        self._inexact = self._inexact or ties
        return ties

    def _unchecked(self, cause: str, since_ns: int, until_ns: int) -> None:
        self.results.append(
            Result(
                check=CHECK, scope=self.scope, outcome="unchecked", cause=cause, terms=1,
                since_ns=since_ns, until_ns=until_ns,
            )
        )  # fmt: skip

    def _result(self, since_ns: int, until_ns: int) -> Result:
        broken = any(each.until_ns >= since_ns and each.since_ns < until_ns for each in self.breaks)
        outcome: Outcome = "break" if broken else "ties within its quanta" if self._inexact else "ties"
        terms = sum(since_ns <= life.start_ns < until_ns for life in self._lives)
        terms += bisect_left(self._times, until_ns) - bisect_left(self._times, since_ns)
        return Result(
            check=CHECK, scope=self.scope, outcome=outcome, since_ns=since_ns, until_ns=until_ns, terms=terms
        )  # fmt: skip

    def _cut(self, edge_ns: int) -> Cut:
        """The last instant before ``edge_ns`` that lies inside no piece of a life: what was filled before it is
        known."""
        at_ns = max(edge_ns, self._since_ns)
        for life in sorted(self._lives, key=lambda each: each.end_ns, reverse=True):
            if life.start_ns < at_ns <= life.end_ns:
                at_ns = life.start_ns
        at_ns = max(at_ns, self._since_ns)
        waiting = (life.order for life in self._lives if life.end_ns >= at_ns)
        placed = {order.native_id or "": order.effective_ns or 0 for order in waiting}
        return Cut(scope=self.scope, at_ns=at_ns, open=dict(sorted(placed.items())))


def scoped(
    orders: Iterable[Order], fills: Iterable[Fill], *, rules: Rules
) -> Mapping[Scope, tuple[list[Order], list[Fill]]]:
    """Orders and fills by scope; an order belongs where its last version says, and a fill that names a known order
    where its order does."""
    scopes: dict[Scope, tuple[list[Order], list[Fill]]] = {}
    versions = list(orders)
    homes = {order.native_id: rules.scope(order, order.instrument, side=order.side) for order in versions}
    for order in versions:
        scopes.setdefault(homes[order.native_id], ([], []))[0].append(order)
    for fill in fills:
        home = rules.scope(fill, fill.instrument, side=fill.side)
        if fill.order_id is not None:
            home = homes.get(fill.order_id, home)
        scopes.setdefault(home, ([], []))[1].append(fill)
    return scopes


def _orders(pieces: Iterable[Life]) -> list[Order]:
    """The orders that the pieces belong to, each once."""
    return list({piece.order.native_id: piece.order for piece in pieces}.values())


def _names(orders: Sequence[Order]) -> str:
    shown = ", ".join(row_name(order) for order in orders[:3])
    more = f" and {len(orders) - 3} more" if len(orders) > 3 else ""
    return f"orders {shown}{more}" if len(orders) > 1 else f"order {shown}"


def _anchor(orders: Sequence[Order]) -> str:
    return row_name(min(orders, key=lambda order: row_key(order.native_id)))


def _neighbours(fills: Sequence[Fill]) -> Iterable[tuple[Fill, Fill]]:
    ordered = sorted(fills, key=lambda fill: (fill.effective_ns or 0, fill.price, fill.amount))
    return pairwise(ordered)


def _same_fill(left: Fill, right: Fill) -> bool:
    return (left.effective_ns, left.price, left.amount, left.fee) == (
        right.effective_ns, right.price, right.amount, right.fee
    )  # fmt: skip
