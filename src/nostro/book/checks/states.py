"""Orders as they say of themselves (docs/invariants.md B9): 0 <= filled <= amount, filled + remaining + canceled =
amount in one unit, what is filled never shrinks from one version to the next, and the status only moves forward. It
decides which version of which order contradicts itself or the one before; fills are another check's
(``executions.py``)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Final

from nostro.book.breaks import Break, identify
from nostro.book.checks.terms import TERMINAL, Result, Rules, pages_of, row_name
from nostro.domain import values
from nostro.domain.records import Order

CHECK: Final = "order states"
ALIVE: Final = frozenset({"pending", "open", "partially_filled"})  # something is still to come
CUT: Final = frozenset({"canceled", "partially_canceled"})  # something never came
# How far along its life each status is; from the last rank no other status follows.
RANK: Final = {"pending": 0, "open": 1, "partially_filled": 2, **dict.fromkeys(TERMINAL, 3)}


def check_orders(versions: Iterable[Order], *, rules: Rules) -> tuple[list[Result], list[Break]]:
    """What comes of every version of every order; those of one order come in the order they were learned."""
    by_order: dict[tuple[str, str], list[Order]] = {}
    for version in versions:
        by_order.setdefault((version.sub_account, row_name(version)), []).append(version)
    results: list[Result] = []
    breaks: list[Break] = []
    for versions_of_one in by_order.values():
        order = versions_of_one[-1]
        faults = [_break(rules, order, *fault) for fault in (*_amounts(rules, order), *_words(rules, order))]
        for earlier, later in pairwise(versions_of_one):
            if earlier.status not in TERMINAL:
                faults += [_break(rules, later, *fault) for fault in _progress(rules, earlier, later)]
        breaks += faults
        results.append(_result(rules, versions_of_one, broken=bool(faults)))
    return results, list({each.id: each for each in breaks}.values())


Fault = tuple[str, str, Decimal | None, Decimal | None]


def _amounts(rules: Rules, order: Order) -> list[Fault]:
    """Faults of one version by itself: name, sentence, expected, actual."""
    amount, filled = order.amount, order.filled
    faults: list[Fault] = []
    if filled is not None and (filled < 0 or (amount is not None and filled > amount)):
        text = f"{values.canonical(filled)} is filled of {'?' if amount is None else values.canonical(amount)}"
        faults.append(("filled_out_of_range", text, amount, filled))
    if amount is None or filled is None or order.remaining is None or order.canceled is None:
        return faults
    parts = values.add((filled, order.remaining, order.canceled))
    if not rules.ties(parts, printed=amount, terms=(filled, order.remaining, order.canceled, amount)):
        shown = " + ".join(values.canonical(part) for part in (filled, order.remaining, order.canceled))
        faults.append(
            ("parts_differ", f"filled + remaining + canceled = {shown}, not {values.canonical(amount)}", amount, parts)
        )
    return faults


def _words(rules: Rules, order: Order) -> list[Fault]:
    """Faults between what one version says in words, signs and times, and its amounts."""
    amount, canceled, left, status = order.amount, order.canceled, order.remaining, order.status
    faults: list[Fault] = []
    for name, value in (("amount", amount), ("price", order.price), ("stop_price", order.stop_price)):
        if value is not None and value < 0:
            faults.append(("negative_amount", f"its {name} is {values.canonical(value)}", None, value))
    ended_ns = order.done_ns if status in TERMINAL else None
    if ended_ns is not None and order.effective_ns is not None and ended_ns < order.effective_ns:
        text = f"it ended at {values.format_time(ended_ns)} and was placed at {values.format_time(order.effective_ns)}"
        faults.append(("times_differ", text, None, None))
    if not amount or left is None or canceled is None:
        return faults
    terms = (order.filled or values.ZERO, canceled, amount)
    none_left = rules.ties(left, printed=values.ZERO, terms=terms)
    if status in TERMINAL and not none_left:
        text = f"it is {status} with {values.canonical(left)} of {values.canonical(amount)} neither filled nor canceled"
        faults.append(("status_differs", text, values.ZERO, left))
    elif (status in ALIVE and none_left) or (status == "filled" and canceled) or (status in CUT and not canceled):
        filled, whole = values.canonical(order.filled or values.ZERO), values.canonical(amount)
        text = f"it is {status} with {filled} of {whole} filled and {values.canonical(canceled)} canceled"
        faults.append(("status_differs", text, None, None))
    return faults


def _progress(rules: Rules, earlier: Order, later: Order) -> list[Fault]:
    """Faults between two versions."""
    faults: list[Fault] = []
    before, after = earlier.filled, later.filled
    if before is not None and after is not None and after < before and not rules.ties(before, printed=after):
        text = f"filled went back from {values.canonical(before)} to {values.canonical(after)}"
        faults.append(("filled_shrank", text, before, after))
    ranks = RANK.get(earlier.status or ""), RANK.get(later.status or "")
    backwards = ranks[0] is not None and ranks[1] is not None and ranks[1] < ranks[0]
    if backwards:
        faults.append(("status_went_back", f"the status went from {earlier.status} to {later.status}", None, None))
    return faults


def _break(rules: Rules, order: Order, name: str, text: str, expected: Decimal | None, actual: Decimal | None) -> Break:
    scope = rules.scope(order, order.instrument, side=order.side)
    since_ns = order.effective_ns or 0
    missing = None if expected is None or actual is None else values.EXACT.subtract(expected, actual)
    return Break(
        id=identify(CHECK, scope, anchor=f"{name} {row_name(order)}"), check=CHECK, name=name, scope=scope,
        since_ns=since_ns, until_ns=max(since_ns, order.done_ns or order.updated_ns or since_ns),
        expected=expected, actual=actual, missing=missing, rows=(row_name(order),), pages=pages_of([order]),
        text=f"{scope}: order {row_name(order)}: {text}",
    )  # fmt: skip


def _result(rules: Rules, versions: list[Order], *, broken: bool) -> Result:
    first = versions[0]
    at_ns = first.effective_ns or 0
    return Result(
        check=CHECK, scope=rules.scope(first, first.instrument, side=first.side), outcome="break" if broken else "ties",
        since_ns=at_ns, until_ns=at_ns, terms=len(versions),
    )  # fmt: skip
