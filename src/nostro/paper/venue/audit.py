"""The venue's invariants as assertions: E1 to E7 and E16 of its page of invariants, with ``audit_margin.py`` those of
loans and with ``audit_contracts.py`` those of contracts. It looks at whole states, or at one
command with what it left behind, and counts the checks that had something to check, so that a test can show that none
was empty. It changes nothing and is never on the way of a served command.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from nostro.link.commands import Accepted, EditOrder, PlaceOrder, Rejected
from nostro.paper.venue import audit_contracts, audit_margin
from nostro.paper.venue.book import REDUCE_ONLY, TAKEOVER
from nostro.paper.venue.listing import PPM
from nostro.paper.venue.rows import FILL_COLUMNS
from nostro.paper.venue.wallets import COLLATERAL_FROM, PLACE_BITS, PLACE_MASK, SPOT, key_of

if TYPE_CHECKING:
    from nostro.paper.venue.book import Market, Order, Side
    from nostro.paper.venue.commands import Envelope
    from nostro.paper.venue.engine import Engine
    from nostro.paper.venue.rows import FillRow, Outcome

_GOES_ON = ("pending", "open", "partially_filled")


def check_state(engine: Engine) -> Counter[str]:
    """Asserts E1 to E6, E8 to E11 on the whole state."""
    counts: Counter[str] = Counter()
    _conservation(engine, counts)
    _holds(engine, counts)
    for order in engine.matching.orders.values():
        _open_order(order, counts)
    visible = sum(_book(market, counts) for market in engine.markets.values())
    elsewhere = sum(len(market.pending) + len(market.resting_hidden) for market in engine.markets.values())
    assert visible + elsewhere == len(engine.matching.orders), "E5: the books hold other orders than are open"
    assert sum(len(user.orders) for user in engine.users.values()) == len(engine.matching.orders)
    audit_margin.check_state(engine, counts)
    audit_contracts.check_state(engine, counts)
    return counts


def apply_checked(engine: Engine, envelope: Envelope) -> tuple[Outcome, Counter[str]]:
    """Applies a command, and asserts E1 to E11, E13 and E16 on what it did and on the state after it."""
    before, found = engine.snapshot(), audit_margin.Before(engine)
    outcome = engine.apply(envelope)
    counts = engine.check()
    if isinstance(outcome.answer, Rejected):
        assert engine.snapshot() == before, "E16: a refused command changed the state"
        rows = (outcome.order_rows, outcome.fill_rows, outcome.entry_rows, outcome.transfer_rows)
        assert not any((*rows, *outcome.margin_rows, *outcome.contract_rows))
        counts["E16"] += 1
        return outcome, counts
    counts += check_outcome(envelope, outcome)
    counts += audit_margin.check_change(engine, envelope, outcome=outcome, before=found)
    counts += audit_contracts.check_change(engine, envelope, outcome=outcome)
    return outcome, counts


def check_outcome(envelope: Envelope, outcome: Outcome) -> Counter[str]:
    """Asserts E4 to E7 on the rows of one command."""
    counts: Counter[str] = Counter()
    orders = {row[0]: row for row in outcome.order_rows}
    trimmed = any(row[24] & REDUCE_ONLY and row[9] for row in orders.values())  # it may end what a fok met, or is
    for row in outcome.order_rows:
        rest = row[7] - row[8] - row[9]
        assert rest > 0 if row[6] in _GOES_ON else rest == 0, f"E4: order {row[0]} does not add up"
        if row[5] == "ioc" or row[5] == "fok" or row[4] in ("market", "stop_market"):
            assert row[6] == "pending" or row[6] not in _GOES_ON, f"E6: order {row[0]} rests"
            counts["E6"] += 1
        if row[5] == "fok" and row[13] is None and not trimmed:
            assert row[8] in (0, row[7]), f"E6: order {row[0]} is fok and filled in part"
    command, answer = envelope.command, outcome.answer
    edited = command.order_id if isinstance(command, EditOrder) else None  # its price may be another since the trade
    traded = [row for row in outcome.fill_rows if not _taken_over(row)]
    for maker, taker in zip(traded[::2], traded[1::2], strict=True):
        _trade(maker, taker, counts)
        for fill in (maker, taker):
            limit = orders[fill[1]][10]
            within = limit is None or (fill[5] <= limit if fill[4] else fill[5] >= limit)
            assert within or fill[1] == edited, f"E5: fill beyond {limit}"
        assert maker[5] == orders[maker[1]][10] or maker[1] == edited, "E5: a trade is not at the maker's price"
        counts["E5"] += 1
    if isinstance(command, PlaceOrder) and command.post_only and isinstance(answer, Accepted):
        assert not any(fill[1] == answer.ids[0] and not fill[11] for fill in outcome.fill_rows), "E6: post_only took"
        counts["E6"] += 1
    _cash(outcome, counts)
    return counts


def _taken_over(fill: FillRow) -> bool:
    return len(fill) > len(FILL_COLUMNS) and bool(int(fill[-1]) & TAKEOVER)


def _trade(maker: FillRow, taker: FillRow, counts: Counter[str]) -> None:
    assert maker[0] == taker[0]
    assert maker[11]
    assert not taker[11]
    assert maker[6] == taker[6] > 0, "E4: maker and taker differ in amount"
    assert maker[5] == taker[5]
    assert maker[7] == taker[7]
    assert maker[4] != taker[4]
    assert maker[2] != taker[2], "E6: a user traded with itself"
    counts["E4"] += 1


def _cash(outcome: Outcome, counts: Counter[str]) -> None:
    """E7: what the fills say is what the ledger moved, by user, wallet and asset."""
    words, moved = outcome.words, defaultdict[tuple[int, int, str], int](int)
    for row in outcome.entry_rows:
        if row[5] in ("trade", "fee") and row[2] < COLLATERAL_FROM:
            moved[row[1], row[2], words.assets[row[4]][0]] += row[7]
    for fill in outcome.fill_rows:
        if len(fill) > len(FILL_COLUMNS):
            continue
        symbol, amount_digits = words.markets[fill[3]][:2]
        base, quote = symbol.split("/")
        lot = 10 ** (dict(words.assets)[base] - amount_digits)
        sign = 1 if fill[4] else -1
        moved[fill[2], fill[16], base] -= sign * fill[6] * lot
        moved[fill[2], fill[16], quote] += sign * fill[7]
        moved[fill[2], fill[16], words.assets[fill[9]][0]] += fill[8]
        received = fill[6] * lot if fill[4] else fill[7]
        assert words.assets[fill[9]][0] == (base if fill[4] else quote), "E7: the fee is not in the asset received"
        assert fill[8] * PPM >= received * fill[10] > (fill[8] - 1) * PPM, "E7: the fee is not the rate, rounded up"
        counts["E7"] += 1
    assert not any(moved.values()), f"E7: the ledger moved otherwise than the fills say: {dict(moved)}"


def _conservation(engine: Engine, counts: Counter[str]) -> None:
    """E1 and E2."""
    sums = [sum(accounts) for accounts in zip(*audit_margin.house(engine).values(), strict=True)]
    for user in engine.users.values():
        for key, wallet in user.wallets.items():
            sums[key >> PLACE_BITS] += wallet.total
            most = wallet.total if key & PLACE_MASK < COLLATERAL_FROM else 0
            assert 0 <= wallet.held <= most, f"E2: wallet {wallet.id} holds {wallet.held} of {wallet.total}"
            counts["E2"] += 1
    assert not any(sums), f"E1: the sums by asset are {sums}, and must be 0"
    counts["E1"] += sum(1 for house in engine.ledger.external if house)


def _holds(engine: Engine, counts: Counter[str]) -> None:
    """E3: what is held is what open orders and withdrawals hold, each by its own formula."""
    held = defaultdict[tuple[int, int], int](int)
    for order in engine.matching.orders.values():
        market, rest = order.market, order.lots - order.filled
        if order.position is not None:
            wanted = 0
        elif not order.buy:
            wanted = rest * market.lot
        elif order.price is not None:
            wanted = market.buy_hold(rest, order.price)
        else:
            assert order.stop is not None
            wanted = market.stop_market_hold(rest, order.stop)
        assert order.hold == wanted, f"E3: order {order.id} holds {order.hold}, and must hold {wanted}"
        held[order.user.id, key_of(market.quote if order.buy else market.base, order.place)] += wanted
    for withdrawal in engine.transfers.withdrawals.values():
        held[withdrawal.user.id, key_of(withdrawal.asset, SPOT)] += withdrawal.amount + withdrawal.fee
    for user in engine.users.values():
        for key, wallet in user.wallets.items():
            assert wallet.held == held.pop((user.id, key), 0), f"E3: wallet {wallet.id} holds {wallet.held}"
            counts["E3"] += wallet.held > 0
    assert not any(held.values()), "E3: something holds in a wallet that does not exist"


def _open_order(order: Order, counts: Counter[str]) -> None:
    assert order.canceled == 0, f"E4: order {order.id} is open and has canceled lots"
    assert 0 <= order.filled < order.lots, f"E4: order {order.id}"
    counts["E4"] += 1
    assert order.status == ("partially_filled" if order.filled else order.status)
    assert order.status in _GOES_ON
    if order.status != "pending":
        assert order.time_in_force in ("gtc", "aon"), f"E6: order {order.id} rests"
        assert order.price is not None
    if order.hidden:
        assert order.filled == 0, f"E6: order {order.id} is aon and filled in part"
    assert order.market.amount_min <= order.lots
    assert order.lots <= order.market.amount_max or order.position is not None  # one that was edited may be larger
    counts["E6"] += 1


def _book(market: Market, counts: Counter[str]) -> int:
    """E5: the book is not crossed, first come first in a level. How many orders it shows."""
    bid, ask = market.bids.best(), market.asks.best()
    if bid is not None and ask is not None:
        assert bid < ask, f"E5: {market.symbol} is crossed: {bid} and {ask}"
        counts["E5"] += 1
    return _side(market.bids) + _side(market.asks)


def _side(side: Side) -> int:
    count = 0
    assert side.keys == sorted(side.levels), "E5: the prices are not those of the levels"
    for key, level in side.levels.items():
        sequences = [order.sequence for order in level.values()]
        assert sequences, "E5: an empty level"
        assert sequences == sorted(set(sequences)), "E5: a level is not in the order of sequence"
        for order in level.values():
            assert order.price == abs(key), f"E5: order {order.id} stands at another price than its own"
            assert order.buy == side.buy, f"E5: order {order.id} stands on the other side"
            assert not order.hidden, f"E5: order {order.id} is hidden, and in the visible book"
        count += len(level)
    return count
