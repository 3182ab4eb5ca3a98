"""The venue's invariants of contracts as assertions: E7 to E10 and E13 of its page of invariants, as
``docs/contracts.md`` means them. Values and margins are computed anew (``audit_collateral.py``), open orders looked at
one by one; like ``audit.py`` it counts what it checked, and changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from nostro.link.commands import Accepted, PlaceOrder
from nostro.paper.venue.audit_collateral import Margins, Numbers, ceil
from nostro.paper.venue.book import FORCED, LONG_SIDE, REDUCE_ONLY, SHORT_SIDE, TAKEOVER
from nostro.paper.venue.commands import Tick
from nostro.paper.venue.wallets import COLLATERAL_FROM, PURSE_FROM

if TYPE_CHECKING:
    from nostro.paper.venue.commands import Envelope
    from nostro.paper.venue.engine import Engine
    from nostro.paper.venue.positions import Position
    from nostro.paper.venue.rows import FillRow, Outcome

_PLAIN: Final = 17  # columns of a fill of spot
_MILLION: Final = 10**6
_SIDES: Final = {0: 0, LONG_SIDE: 1, SHORT_SIDE: 2}


def check_state(engine: Engine, counts: Counter[str]) -> None:
    """E8, E9 and what is kept about open orders, on the whole state."""
    if not engine.futures.contracts:
        return
    numbers, cleared = Numbers(engine), [0] * len(engine.assets)
    sizes, holders = defaultdict[int, int](int), set[tuple[int, int, int]]()
    for user in (engine.matching.clearing.house, *engine.users.values()):
        for key, position in user.positions.items():
            contract = position.contract
            assert key == contract.id << 2 | position.side, "E8: a position is astray"
            assert position.side == 0 or not position.size or (position.size > 0) == (position.side == 1), "E8: side"
            assert (position.size == 0) <= (position.basis == 0), f"E8: nothing is held, and worth {position.basis}"
            sizes[contract.id] += position.size
            cleared[contract.quote] -= numbers.direction(contract.id) * position.basis
            if position.size:
                holders.add((contract.id, user.id, position.side))
                counts["E8"] += 1
            _orders(numbers, position, counts)
            _purse(numbers, position, counts)
    assert not any(sizes.values()), f"E8: positions sum to {dict(sizes)}"
    assert engine.ledger.clearing == cleared, f"E8: clearing is {engine.ledger.clearing}, and must be {cleared}"
    kept = {(each.id, *who) for each in engine.futures.contracts.values() for who in each.holders}
    assert kept == holders, "E8: others hold positions than are known to"


def _orders(numbers: Numbers, position: Position, counts: Counter[str]) -> None:
    """What a key knows of its open orders is what they are; reduce-only ones reduce no more than there is."""
    own = [order for order in position.user.orders.values() if order.position is position]
    assert {order.id for order in own} == position.orders.keys(), "E9: other orders are open than the position knows"
    bids = asks = loss = 0
    reduces = {True: 0, False: 0}
    for order in own:
        rest = order.lots - order.filled
        if order.traits & REDUCE_ONLY:
            reduces[order.buy] += rest
        elif order.status != "pending":
            bids, asks = (bids + rest, asks) if order.buy else (bids, asks + rest)
            loss += numbers.loss(order)
    found = (position.bids, position.asks, position.loss(), position.reduce_bids, position.reduce_asks)
    assert found == (bids, asks, loss, reduces[True], reduces[False]), f"E9: open orders are {found}"
    assert reduces[True] <= max(0, -position.size), "E9: orders reduce more than there is"
    assert reduces[False] <= max(0, position.size), "E9: orders reduce more than there is"
    counts["E9 reducing"] += bool(reduces[True] or reduces[False])
    counts["E9 loss"] += loss > 0


def _purse(numbers: Numbers, position: Position, counts: Counter[str]) -> None:
    total = position.user.total(position.purse)
    if not (position.isolated and position.size):
        assert total == 0, f"E9: a purse without a position has {total}"
        return
    counts["E9 purse"] += 1
    assert total + numbers.unrealized(position) >= 0, f"E9: a purse is worth less than nothing: {total}"


def sinking(engine: Engine) -> set[tuple[int, int]]:
    """(user id, place) of every collateral wallet and purse that does not cover its maintenance margin."""
    found, numbers = set[tuple[int, int]](), Numbers(engine)
    for user in engine.users.values():
        for position in user.positions.values():
            contract = position.contract
            if not position.size:
                continue
            if position.isolated:
                if user.total(position.purse) + numbers.unrealized(position) <= numbers.maintenance(position):
                    found.add((user.id, contract.purse(position.side)))
            else:
                margins = Margins(engine, user, place=contract.place)
                if margins.equity <= margins.maintenance:
                    found.add((user.id, contract.place))
    return found


# ── what a command did ───────────────────────────────────────────────────────────────────────────────────────────────


def check_change(engine: Engine, envelope: Envelope, *, outcome: Outcome) -> Counter[str]:
    """E7 to E10 and E13 on what an accepted command did."""
    counts: Counter[str] = Counter()
    if engine.futures.contracts:
        numbers = Numbers(engine)
        fills = [row for row in outcome.fill_rows if len(row) > _PLAIN]
        for fill in fills:
            _fill(numbers, fill, counts)
        _chained(fills)
        _entries(outcome, fills, counts)
        _funded(numbers, outcome, counts)
        _accepted(engine, envelope, outcome, counts)
        _forced(engine, outcome, counts)
        _noted(engine, envelope, outcome, counts)
    return counts


def _fill(numbers: Numbers, fill: FillRow, counts: Counter[str]) -> None:
    """E7: value, fee, size, basis and profit of one side of a trade of contracts."""
    number, buy, price, lots, value, fee, rate = fill[3], fill[4], fill[5], fill[6], fill[7], fill[8], fill[10]
    size, after, basis, basis_after, realized = fill[17:22]  # type: ignore[misc]  # rows of contracts have more
    sign = 1 if buy else -1
    assert value == numbers.value(number, lots, at=price), f"E7: {lots} lots at {price} are not worth {value}"
    assert fee * _MILLION >= value * rate > (fee - 1) * _MILLION, "E7: the fee is not the rate, rounded up"
    assert after == size + sign * lots, "E7: a fill changed a position by other lots than its own"
    closed = min(lots, abs(size)) if size * sign < 0 else 0
    out = value if closed == lots else numbers.value(number, closed, at=price) if closed else 0
    released = round(Fraction(abs(basis) * closed, abs(size))) if closed else 0
    expected = numbers.direction(number) * sign * (released - out)
    assert realized == expected, f"E7: a fill realized {realized}, and must {expected}"
    assert basis_after == basis + sign * (released + value - out), "E7: the basis is another"
    counts["E7 closing"] += closed > 0
    counts["E7 flip"] += 0 < closed < lots
    counts["E7 contract"] += 1


def _chained(fills: list[FillRow]) -> None:
    """Each fill finds the position as the one before it left it."""
    known: dict[tuple[int, int, int], tuple[int, int]] = {}
    for fill in fills:
        traits = fill[-1]
        assert isinstance(traits, int)
        key = (fill[2], fill[3], _SIDES[traits & (LONG_SIDE | SHORT_SIDE)])
        before = (fill[17], fill[19])  # type: ignore[misc]
        assert known.get(key, before) == before, "E7: a fill found another position than the one before it left"
        known[key] = (fill[18], fill[20])  # type: ignore[misc]


def _entries(outcome: Outcome, fills: list[FillRow], counts: Counter[str]) -> None:
    """E7: profit and fees of fills are those of the ledger; what leaves a wallet for a purse arrives there."""
    moved = defaultdict[tuple[str, int, int], int](int)
    for row in outcome.entry_rows:
        if row[2] >= COLLATERAL_FROM:
            assert row[8] == row[9] == 0, "E2: something is held in a collateral wallet"
            if row[5] in ("realized_pnl", "fee", "isolate"):
                moved[row[5], row[1], row[4]] += row[7]
    for fill in fills:
        moved["realized_pnl", fill[2], fill[9]] -= fill[21]  # type: ignore[misc]
        moved["fee", fill[2], fill[9]] += fill[8]
    assert not any(moved.values()), f"E7: the ledger moved otherwise than fills of contracts say: {dict(moved)}"
    counts["E7 ledger"] += bool(fills)


def _funded(numbers: Numbers, outcome: Outcome, counts: Counter[str]) -> None:
    """E8: who paid what, by its own position; and the rows are the ledger's."""
    paid = Counter[tuple[int, int, int]]()
    for row in outcome.contract_rows.funding:
        due = Fraction(numbers.value(row[3], row[5], at=row[6]) * row[7], 10**9)
        assert row[9] == -ceil(due), f"E8: {row[9]} was paid for funding of {due}"
        assert row[10] % (numbers.listed[row[3]].funding_interval_s * 10**9) == 0, "E8: funding between its instants"
        paid[row[1], row[2], row[8]] += row[9]
        counts["E8 funding"] += 1
    for entry in outcome.entry_rows:
        if entry[5] == "funding":
            paid[entry[1], entry[2], entry[4]] -= entry[7]
    assert not any(paid.values()), "E8: the ledger shows other funding than the rows"


def _accepted(engine: Engine, envelope: Envelope, outcome: Outcome, counts: Counter[str]) -> None:
    """E9: an order that was accepted is backed. Only where nothing else happened, and it rests."""
    command, rows = envelope.command, outcome.contract_rows
    if not isinstance(command, PlaceOrder) or ":" not in command.instrument or len(outcome.order_rows) != 1:
        return
    assert isinstance(outcome.answer, Accepted)
    order = engine.matching.orders.get(outcome.answer.ids[0])
    if order is None or order.traits & REDUCE_ONLY or order.status == "pending" or rows.funding or rows.forced:
        return
    margins = Margins(engine, order.user, place=order.place)
    if margins.initial > Margins(engine, order.user, place=order.place, without=order).initial:
        assert margins.equity >= margins.initial, f"E9: {margins.equity} backs {margins.initial}"
        counts["E9 order"] += 1
        counts["E9 portfolio"] += order.user.portfolio and order.place == COLLATERAL_FROM


def _forced(engine: Engine, outcome: Outcome, counts: Counter[str]) -> None:
    """E10: who did not cover the maintenance margin, and nobody else, was liquidated."""
    rows = outcome.contract_rows.forced
    done = {(row[1], row[2]) for row in rows}
    assert len(done) == len(rows), "E10: something was liquidated twice by one command"
    left = sinking(engine) - done
    assert not left, f"E10: {left} do not cover their maintenance margin, and live on"
    for row in rows:
        assert row[3] <= row[4], f"E10: {row[2]} of user {row[1]} was liquidated with {row[3]} for {row[4]}"
        counts["E10 purse" if row[2] >= PURSE_FROM else "E10 wallet"] += 1
        counts["E10 deficit"] += row[5] > 0
        counts["E10 portfolio"] += engine.users[row[1]].portfolio and row[2] == COLLATERAL_FROM
    for fill in outcome.fill_rows:
        traits = fill[-1]
        if len(fill) > _PLAIN and isinstance(traits, int) and traits & FORCED:
            before, after = fill[17:19]  # type: ignore[misc]
            assert abs(after) < abs(before), "E10: a liquidation made a position larger"
            assert before * after >= 0, "E10: a liquidation turned a position"
            counts["E10 takeover" if traits & TAKEOVER else "E10 sold"] += 1


def _noted(engine: Engine, envelope: Envelope, outcome: Outcome, counts: Counter[str]) -> None:
    """E13: a snapshot is the state, where nothing happened after it."""
    rows = outcome.contract_rows
    last_ns = max((row[10] for row in rows.funding), default=0)
    changed = rows.forced or outcome.order_rows
    for row in rows.noted:
        assert row[2] % (3_600 * 10**9) == 0, "E13: a snapshot between hours"
        counts["E13"] += 1
        if isinstance(envelope.command, Tick) and not changed and row[2] >= last_ns:
            shown = engine.shown.snapshot(engine.users[row[1]], number=row[0], at_ns=row[2])
            assert outcome.words.noted(row) == shown, f"E13: the snapshot of user {row[1]} is not the state"
            counts["E13 state"] += 1
