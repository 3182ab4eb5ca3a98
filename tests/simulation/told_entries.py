"""Lies about the ledger: rows of activity that are deleted, doubled, altered, moved, forgotten, or consistently
false.
"""

from __future__ import annotations

import random
from decimal import Decimal

from nostro.domain.values import DAY_NS, ZERO
from simulation import lies
from simulation.lies import Row, amount, place, put, text, time
from simulation.stage import OPENED_NS, Stage
from simulation.told import HOUR_NS, SHIFT, TELLERS, Teller, Told, moves, own, pick, told
from simulation.verdicts import CHAIN, REPORTED, Want, booked, bookings, chain_of, gone, link

# ── the ledger ───────────────────────────────────────────────────────────────────────────────────────────────────


@told
def an_entry_deleted(here: Stage, draw: random.Random) -> Told | None:
    row = pick(here.tables["activity"], draw, where=moves)
    return row and Told({"activity": lies.deleted(row)}, gone(link(here, row)), [time(row)])


@told
def the_last_entry_of_a_chain_deleted(here: Stage, draw: random.Random) -> Told | None:
    row = pick(here.tables["activity"], draw, where=lambda row: moves(row) and link(here, row).after is None)
    return row and Told({"activity": lies.deleted(row)}, gone(link(here, row)), [time(row)])


@told
def an_entry_doubled_with_a_new_id(here: Stage, draw: random.Random) -> Told | None:
    row = pick(here.tables["activity"], draw, where=moves)
    if row is None:
        return None
    total, held = (each.copy_negate() + 0 for each in link(here, row).amounts)
    asset, at_ns = (text(row, "currency"),), time(row)
    names = {CHAIN: ("doubled_row", "missing_row", "extra_row"), REPORTED: ("unexplained_balance",)}
    wants = [
        Want(check=check, names=each, subjects=asset, at_ns=at_ns, missing=total, held=held, needed=False)
        for check, each in names.items()
    ]
    return Told({"activity": lies.doubled(row, new_id="99999")}, [*wants, *booked(row, needed=True)], [at_ns])


def altered_entry(member: str) -> Teller:
    def teller(here: Stage, draw: random.Random) -> Told | None:
        row = pick(here.tables["activity"], draw, where=moves)
        assert row is not None
        at_ns, asset = time(row), (text(row, "currency"),)
        lie = lies.altered(row, **{member: amount(row, member) + draw.choice((-7, 3, 100)) * SHIFT})
        moved = put(row, "balance_delta", ZERO)  # whatever its amount is now
        wants = [
            Want(check=CHAIN, names=("altered_row",), subjects=asset, within=(at_ns, at_ns)),
            Want(check=REPORTED, names=("unexplained_balance",), subjects=asset, at_ns=at_ns, needed=False),
        ]
        if member == "balance_delta":
            wants += bookings(*asset)
        return Told({"activity": lie}, [*wants, *booked(moved, needed=False)], [at_ns])

    return teller


for each in ("balance", "balance_delta", "balance_end", "reserve", "reserve_delta", "reserve_end"):
    TELLERS[f"an_entry_with_another_{each}"] = altered_entry(each)


def elsewhere(member: str, word: str) -> Teller:
    """An entry that says that it belongs to another chain."""

    def teller(here: Stage, draw: random.Random) -> Told | None:
        row = pick(here.tables["activity"], draw, where=moves)
        assert row is not None
        found, *others = gone(link(here, row))
        asset = (text(row, "currency"), word)
        wants = [found, *bookings(*asset)] + [
            Want(check=check, names=names, subjects=asset, needed=False)
            for check, names in ((CHAIN, ("missing_row",)), (REPORTED, ("unexplained_balance",)))
        ]
        if member == "wallet_type":
            wants.append(Want(check="history", names=("unknown_token",), subjects=("entries",), at_ns=time(row)))
        assert len(others) <= 1
        return Told({"activity": lies.altered(row, **{member: word})}, wants, [time(row)])

    return teller


TELLERS["an_entry_of_an_unknown_wallet"] = elsewhere("wallet_type", "VAULT")
TELLERS["an_entry_of_an_unknown_currency"] = elsewhere("currency", "ZZZ")


@told
def an_entry_moved_by_hours_past_its_neighbours(here: Stage, draw: random.Random) -> Told | None:
    by_ns = draw.choice((-30, -5, 5, 30)) * HOUR_NS
    latest_ns = here.now_ns - DAY_NS

    def passes(row: Row) -> bool:
        to_ns = time(row) + by_ns
        low, high = sorted((time(row), to_ns))
        between = [each for each in chain_of(here, row) if low < time(each) < high and moves(each)]
        return moves(row) and bool(between) and OPENED_NS < to_ns < latest_ns

    row = pick(here.tables["activity"], draw, where=passes)
    if row is None:
        return None
    asset = (text(row, "currency"),)
    names = {REPORTED: ("unexplained_balance",), CHAIN: ("missing_row", "extra_row", "doubled_row")}
    wants = [Want(check=check, names=each, subjects=asset, needed=False) for check, each in names.items()]
    wants += bookings(*asset)
    wants.append(Want(check=CHAIN, names=("reordered_rows", "missing_row"), subjects=asset))
    return Told({"activity": lies.moved(row, by_ns=by_ns)}, wants, [time(row), time(row) + by_ns])


@told
def two_entries_with_each_others_dates(here: Stage, draw: random.Random) -> Told | None:
    def followed(row: Row) -> bool:
        after = link(here, row).after
        beyond = after is not None and link(here, after).after
        return bool(after and beyond and moves(row) and moves(after) and time(row) < time(after))

    row = pick(here.tables["activity"], draw, where=followed)
    after = row and link(here, row).after
    if row is None or after is None:
        return None
    asset = (text(row, "currency"),)
    wants = [
        Want(check=CHAIN, names=("reordered_rows",), subjects=asset, at_ns=time(row)),
        *bookings(*asset),
    ]
    return Told({"activity": lies.dates_exchanged(row, after)}, wants, [time(row), time(after)])


@told
def a_ledger_that_forgets(here: Stage, draw: random.Random) -> Told | None:
    before_ns = draw.randrange(OPENED_NS + 20 * DAY_NS, here.now_ns - 10 * DAY_NS)
    rows = here.tables["activity"]
    lost = [row for row in rows if time(row) < before_ns]
    kept = [row for row in rows if time(row) >= before_ns]
    wants = [
        Want(
            check=CHAIN, names=("missing_row",), subjects=(text(row, "currency"),), missing=amount(row, "balance"),
            held=amount(row, "reserve"), within=(OPENED_NS, time(row)),
        )
        for row in kept
        if chain_of(here, row)[0] in lost and next(each for each in chain_of(here, row) if each in kept) is row
        and (amount(row, "balance") or amount(row, "reserve"))
    ]  # fmt: skip
    assets = tuple({text(row, "currency") for row in lost})
    wants += [Want(check=REPORTED, names=("unexplained_balance",), subjects=assets, needed=False), *bookings(*assets)]
    return Told({"activity": lies.forgotten(before_ns=before_ns)}, wants, [time(row) for row in lost], len(lost))


def lowered(row: Row, by: Decimal) -> Row:
    for member in ("balance", "balance_end"):
        row = put(row, member, amount(row, member) - by)
    return row


@told
def a_deposit_that_a_consistent_ledger_denies(here: Stage, draw: random.Random) -> Told | None:
    """The entry is gone, every later balance is lower, and so is the balance that is reported: only the deposit
    tells."""
    row = pick(here.tables["activity"], draw, where=lambda row: text(row, "type") == "DEPOSIT" and own(row))
    if row is None:
        return None
    moved, key = amount(row, "balance_delta"), place(row)
    later = chain_of(here, row)[chain_of(here, row).index(row) + 1 :]

    def ledger(rows: list[Row]) -> list[Row]:
        return [lowered(each, moved) if each in later else each for each in rows if each != row]

    def balances(rows: list[Row]) -> list[Row]:
        return [
            put(each, "balance", amount(each, "balance") - moved)
            if place(each) == key else each
            for each in rows
        ]  # fmt: skip

    times_ns = [time(row), *map(time, later)]
    told = {"activity": ledger, "balances": balances}
    return Told(told, booked(row, needed=True), times_ns, len(later) + 1)
