"""The venue's invariants of margin as assertions: E9 to E11 of its page of invariants, and that the house's accounts
moved by what the rows say. It computes values anew, in fractions, from the open borrows one by one; like ``audit.py``
it counts what it checked, and changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from nostro.link.commands import Borrow, MoveMargin, PlaceOrder
from nostro.paper.venue.commands import SetIndex
from nostro.paper.venue.wallets import COLLATERAL_FROM, MARGIN_FROM, PLACE_BITS, PLACE_MASK

if TYPE_CHECKING:
    from nostro.paper.venue.commands import Envelope
    from nostro.paper.venue.engine import Engine
    from nostro.paper.venue.rows import Outcome

_HOUR_NS: Final = 3_600_000_000_000
_LIQUIDATED: Final = Fraction(5, 100)
_LIMIT: Final = 2
_KEPT: Final = ("liquidation", "insurance", "realized_pnl", "funding")  # what the house pays or gets besides

Units = dict[tuple[int, int], int]  # (place, asset) of one user: units


class Before:
    """What a command found: house accounts, what margin wallets had and owed, and when open borrows were made."""

    def __init__(self, engine: Engine) -> None:
        self.at_ns = engine.ledger.at_ns
        self.house = house(engine)
        self.wallets = {user: has(engine, user) for user in engine.users}
        self.debts = {user: owes(engine, user) for user in engine.users}
        self.borrows = list(engine.loans.borrows)


def house(engine: Engine) -> dict[str, list[int]]:
    ledger = engine.ledger
    names = ("external", "fees", "lend", "insurance", "clearing", "rounding")
    return {name: list(getattr(ledger, name)) for name in names}


def has(engine: Engine, user: int) -> Units:
    wallets = engine.users[user].wallets
    return {(key & PLACE_MASK, key >> PLACE_BITS): wallet.total for key, wallet in wallets.items()}


def owes(engine: Engine, user: int) -> Units:
    """From the open borrows, one by one."""
    debts = defaultdict[tuple[int, int], int](int)
    for borrow in engine.loans.borrows.values():
        loan = borrow.loan
        if loan.user.id == user:
            debts[loan.place, loan.asset] += borrow.amount - borrow.repaid + borrow.accrued - borrow.paid
    return dict(debts)


def value(engine: Engine, units: Units, *, place: int) -> Fraction:
    """In quote assets."""
    total = Fraction(0)
    for (where, asset), count in units.items():
        if where == place:
            digits = engine.profile.assets[asset].digits
            total += Fraction(count * engine.index.prices[asset], 10 ** (digits + 8))
    return total


def check_state(engine: Engine, counts: Counter[str]) -> None:
    """E2, E10 and E11 on the whole state."""
    lent = [0] * len(engine.assets)
    open_borrows = set()
    for user in engine.users.values():
        for key, loan in user.loans.items():
            assert (loan.user, loan.asset << PLACE_BITS | loan.place) == (user, key), f"E11: loan {loan.id} is astray"
            assert loan.place >= MARGIN_FROM, f"E11: loan {loan.id} is of a wallet that cannot owe"
            borrows = loan.borrows.values()
            assert loan.principal == sum(each.amount - each.repaid for each in borrows), f"E11: loan {loan.id}"
            assert loan.interest == sum(each.accrued - each.paid for each in borrows), f"E11: loan {loan.id}"
            for borrow in borrows:
                assert 0 <= borrow.repaid < borrow.amount, f"E2: borrow {borrow.id}"
                assert 0 <= borrow.paid <= borrow.accrued, f"E2: borrow {borrow.id}"
                assert borrow.done_ns is None, f"E11: borrow {borrow.id} is done, and open"
                open_borrows.add(borrow.id)
            lent[loan.asset] += loan.principal
    assert open_borrows == engine.loans.borrows.keys(), "E11: the open borrows are others than those of the loans"
    assert [-units for units in engine.ledger.lend] == lent, f"E11: lent is {engine.ledger.lend}, and owed {lent}"
    counts["E11"] += len(open_borrows)
    indebted = set()
    for user_id in engine.users:
        debts, wallets = owes(engine, user_id), has(engine, user_id)
        for place in {place for (place, _), units in debts.items() if units}:
            owed, there = value(engine, debts, place=place), value(engine, wallets, place=place)
            assert there - owed > _LIQUIDATED * owed, f"E10: user {user_id} has {there} and owes {owed}, and lives on"
            indebted.add((user_id, place))
            counts["E10"] += 1
    known = {where for where, loans in engine.loans.indebted.items() if all(loan.debt for loan in loans)}
    assert indebted == known == engine.loans.indebted.keys(), "E11: other wallets owe something than are known to"
    assert {id(loan) for loans in engine.loans.indebted.values() for loan in loans} == {
        id(borrow.loan) for borrow in engine.loans.borrows.values()
    }, "E11: other debts are known than there are"


def check_change(engine: Engine, envelope: Envelope, *, outcome: Outcome, before: Before) -> Counter[str]:
    """E9 to E11 on what an accepted command did."""
    counts: Counter[str] = Counter()
    _house(engine, outcome, before)
    _accrued(engine, outcome, before, counts)
    _interest_first(engine, outcome, counts)
    _limit(engine, envelope, outcome, counts)
    _liquidated(engine, envelope, outcome, before, counts)
    return counts


def _house(engine: Engine, outcome: Outcome, before: Before) -> None:
    """The house's accounts moved by what entries and rows say."""
    changes = {name: [0] * len(engine.assets) for name in before.house}
    repaid, transferred = [0] * len(engine.assets), [0] * len(engine.assets)
    for row in outcome.entry_rows:
        asset, kind, delta = row[4], row[5], row[7]
        if kind in ("fee", "withdrawal_fee"):
            changes["fees"][asset] -= delta
        elif kind in ("deposit", "fund", "withdrawal"):
            changes["external"][asset] -= delta
        elif kind == "borrow":
            changes["lend"][asset] -= delta
        elif kind in _KEPT:
            changes["insurance"][asset] -= delta
        elif kind == "repay":
            repaid[asset] -= delta
        elif kind == "transfer":
            transferred[asset] += delta
    for repayment in outcome.margin_rows.repayments:
        changes["fees"][repayment[3]] += repayment[4]
        changes["lend"][repayment[3]] += repayment[5]
        repaid[repayment[3]] -= repayment[4] + repayment[5]
    assert not any(repaid), "E11: repayments are others than the ledger's"
    assert not any(transferred), "E1: what left a wallet did not reach the other"
    now = _together(house(engine))
    for name, accounts in _together(before.house).items():
        moved = [here - there for here, there in zip(now[name], accounts, strict=True)]
        assert moved == changes[name][: len(moved)], f"E1: {name} moved by {moved}, and the rows say {changes[name]}"


def _together(accounts: dict[str, list[int]]) -> dict[str, list[int]]:
    """What the house keeps or owes of positions is in three accounts; its own positions move money among them."""
    kept = [accounts[name] for name in ("insurance", "clearing", "rounding")]
    return accounts | {"insurance": [sum(units) for units in zip(*kept, strict=True)], "clearing": [], "rounding": []}


def _accrued(engine: Engine, outcome: Outcome, before: Before, counts: Counter[str]) -> None:
    """Every borrow that was open once for every hour that passed, and nothing else."""
    hours = range(before.at_ns // _HOUR_NS + 1, engine.ledger.at_ns // _HOUR_NS + 1) if before.borrows else ()
    wanted = {(borrow, hour * _HOUR_NS) for hour in hours for borrow in before.borrows}
    found = [(row[3], row[8]) for row in outcome.margin_rows.interest]
    assert len(found) == len(wanted), "E11: interest accrued twice, or not"
    assert set(found) == wanted, "E11: interest accrued twice, or not"
    order = [(row[8], row[1], row[3]) for row in outcome.margin_rows.interest]
    assert order == sorted(order), "E11: interest is out of order"
    counts["E11 interest"] += len(found)


def _interest_first(engine: Engine, outcome: Outcome, counts: Counter[str]) -> None:
    for row in outcome.margin_rows.repayments:
        if row[5]:
            loan = engine.users[row[1]].loans[row[3] << PLACE_BITS | row[2]]
            assert loan.interest == 0, f"E11: principal of loan {loan.id} was repaid before its interest"
            counts["E11 repaid"] += 1
    for borrow in outcome.margin_rows.borrows:
        if borrow[12] is not None:
            assert (borrow[4], borrow[6]) == (borrow[5], borrow[7]), f"E11: borrow {borrow[0]} is done, and owes"


def _limit(engine: Engine, envelope: Envelope, outcome: Outcome, counts: Counter[str]) -> None:
    """E9: what made a debt larger, or its cover smaller, left it within its limit. Only where nothing else happened."""
    command, made = envelope.command, {row[0] for row in outcome.margin_rows.borrows if row[10] == engine.ledger.at_ns}
    if outcome.fill_rows or outcome.margin_rows.interest or outcome.margin_rows.liquidations:
        return
    if isinstance(command, Borrow | MoveMargin):
        user, place = command.account, engine.words.places[command.wallet]
    elif isinstance(command, PlaceOrder) and made:
        user, place = envelope.user, engine.words.places[command.wallet]
    else:
        return
    debts = owes(engine, user)
    owed, there = value(engine, debts, place=place), value(engine, has(engine, user), place=place)
    if owed and not (isinstance(command, MoveMargin) and command.direction == "add"):
        assert owed <= _LIMIT * (there - owed), f"E9: {there} is there and {owed} owed"
        counts["E9"] += 1


def _liquidated(
    engine: Engine, envelope: Envelope, outcome: Outcome, before: Before, counts: Counter[str]
) -> None:  # fmt: skip
    funds = [0] * len(engine.assets)
    for row in outcome.margin_rows.liquidations:
        assert row[6] <= _LIQUIDATED * 10**8, f"E10: wallet {row[2]} of user {row[1]} was liquidated at {row[6]}"
        assert not any(units for (place, _), units in owes(engine, row[1]).items() if place == row[2])
        assert row[5] <= row[4], "E10: the fund paid more than was owed"
        funds[row[3]] += row[5]
        counts["E10 liquidated"] += 1
        counts["E10 fund"] += row[5] > 0
    for entry in outcome.entry_rows:
        if entry[5] == "liquidation" and entry[7] > 0 and entry[2] < COLLATERAL_FROM:
            funds[entry[4]] -= entry[7]
    assert not any(funds), "E10: what the fund paid is not what the ledger says"
    rows = outcome.margin_rows.liquidations
    if rows and isinstance(envelope.command, SetIndex) and not outcome.margin_rows.interest:
        user, place = rows[0][1], rows[0][2]
        if not any(order[6] == "expired" for order in outcome.order_rows):
            owed = value(engine, before.debts[user], place=place)
            level = (value(engine, before.wallets[user], place=place) - owed) / owed
            assert rows[0][6] == level * 10**8 // 1, f"E10: the level was {level}"
            counts["E10 level"] += 1
