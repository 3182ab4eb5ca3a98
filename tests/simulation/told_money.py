"""Lies about deposits, withdrawals and balances: what crosses the account's edge, and what is there."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

from nostro.domain.values import ZERO
from simulation import lies
from simulation.lies import Row, amount, place, put, text, time
from simulation.stage import Stage
from simulation.told import HOUR_NS, SHIFT, TELLERS, Teller, Told, own, pick, told
from simulation.verdicts import REPORTED, TRANSFERS, Want

DONE = ("CONFIRMED", "DONE", "COMPLETED")
UNIT = Decimal("0.00000001")
ALONE, UNBOOKED = ("entry_without_transfer",), ("unbooked_transfer",)


def done(row: Row) -> bool:
    return text(row, "status") in DONE


def settled(here: Stage, row: Row) -> bool:
    """Whether it was booked within a day, and more than two days ago: what is younger may still be on its way."""
    return any(
        amount(each, "balance_delta").copy_abs() == amount(row, "amount")
        and text(each, "currency") == text(row, "currency")
        and time(row) <= time(each) <= min(time(row) + 24 * HOUR_NS, here.now_ns - 60 * HOUR_NS)
        for each in here.tables["activity"]
    )


def legs(row: Row) -> list[Decimal]:
    """The sizes of the entries that book a transfer."""
    fee = amount(row, "fee_amount") if "fee_amount" in row else ZERO
    return [amount(row, "amount"), *([fee] if fee else [])]


def wanted(row: Row, names: tuple[str, ...], *, sizes: list[Decimal], asset: str | None = None) -> list[Want]:
    subjects = (asset or text(row, "currency"),)
    return [Want(check=TRANSFERS, names=names, subjects=subjects, size=size) for size in sizes]


def transfer(table: str, tell: Callable[[Row, random.Random], tuple[lies.Lie, list[Want]]]) -> Teller:
    def teller(here: Stage, draw: random.Random) -> Told | None:
        row = pick(here.tables[table], draw, where=lambda row: done(row) and settled(here, row))
        if row is None:
            return None
        lie, wants = tell(row, draw)
        return Told({table: lie}, wants, [time(row), time(row) + 30 * HOUR_NS])

    return teller


def _deleted(row: Row, draw: random.Random) -> tuple[lies.Lie, list[Want]]:
    return lies.deleted(row), wanted(row, ALONE, sizes=legs(row))


def _doubled(row: Row, draw: random.Random) -> tuple[lies.Lie, list[Want]]:
    return lies.doubled(row, new_id="99999"), wanted(row, UNBOOKED, sizes=legs(row))


def _altered(row: Row, draw: random.Random) -> tuple[lies.Lie, list[Want]]:
    more = amount(row, "amount") + draw.choice((-1, 1, 100)) * SHIFT
    said = wanted(row, UNBOOKED, sizes=[more]) + wanted(row, ALONE, sizes=[amount(row, "amount")])
    return lies.altered(row, amount=more), said


def _negative(row: Row, draw: random.Random) -> tuple[lies.Lie, list[Want]]:
    size = amount(row, "amount")
    said = wanted(row, UNBOOKED, sizes=[size]) + wanted(row, ALONE, sizes=[size])
    return lies.altered(row, amount=size.copy_negate()), said


def _renamed(row: Row, draw: random.Random) -> tuple[lies.Lie, list[Want]]:
    size = amount(row, "amount")
    said = wanted(row, UNBOOKED, sizes=[size], asset="ZZZ") + wanted(row, ALONE, sizes=[size])
    return lies.altered(row, currency="ZZZ"), said


def _late(row: Row, draw: random.Random) -> tuple[lies.Lie, list[Want]]:
    said = wanted(row, UNBOOKED, sizes=legs(row)) + wanted(row, ALONE, sizes=legs(row))
    return lies.moved(row, by_ns=30 * HOUR_NS), said


def _never_done(row: Row, draw: random.Random) -> tuple[lies.Lie, list[Want]]:
    return lies.altered(row, status="PENDING" if "fee_amount" not in row else "APPROVED"), wanted(
        row, ALONE, sizes=legs(row)
    )


def _unknown(row: Row, draw: random.Random) -> tuple[lies.Lie, list[Want]]:
    stream = "withdrawals" if "fee_amount" in row else "deposits"
    token = Want(check="history", names=("unknown_token",), subjects=(stream,), at_ns=time(row))
    return lies.altered(row, status="HAUNTED"), [token, *wanted(row, ALONE, sizes=legs(row))]


def _other_fee(row: Row, draw: random.Random) -> tuple[lies.Lie, list[Want]]:
    fee = amount(row, "fee_amount")
    said = wanted(row, UNBOOKED, sizes=[fee + SHIFT]) + wanted(row, ALONE, sizes=[fee])
    return lies.altered(row, fee_amount=fee + SHIFT), said


for table, what in (("deposits", "a_deposit"), ("withdrawals", "a_withdrawal")):
    TELLERS[f"{what}_deleted"] = transfer(table, _deleted)
    TELLERS[f"{what}_doubled_with_a_new_id"] = transfer(table, _doubled)
    TELLERS[f"{what}_of_another_amount"] = transfer(table, _altered)
    TELLERS[f"{what}_of_a_negative_amount"] = transfer(table, _negative)
    TELLERS[f"{what}_of_an_unknown_currency"] = transfer(table, _renamed)
    TELLERS[f"{what}_dated_after_its_entry"] = transfer(table, _late)
    TELLERS[f"{what}_that_never_ends"] = transfer(table, _never_done)
    TELLERS[f"{what}_of_an_unknown_status"] = transfer(table, _unknown)
TELLERS["a_withdrawal_of_another_fee"] = transfer("withdrawals", _other_fee)


@told
def a_deposit_that_never_came(here: Stage, draw: random.Random) -> Told | None:
    """One under way is said to be done."""
    row = pick(here.tables["deposits"], draw, where=lambda row: text(row, "status") == "PENDING")
    if row is None:
        return None
    wants = wanted(row, UNBOOKED, sizes=[amount(row, "amount")])
    return Told({"deposits": lies.altered(row, status="CONFIRMED")}, wants, [time(row)])


# ── balances ─────────────────────────────────────────────────────────────────────────────────────────────────────


def balance(change: Callable[[Row], Row | None], *, twice: bool = False) -> Teller:
    """A balance that is reported otherwise (None: not at all)."""

    def teller(here: Stage, draw: random.Random) -> Told | None:
        row = pick(here.tables["balances"], draw, where=lambda row: amount(row, "balance") > 1)
        assert row is not None
        other = change(row)
        lie = lies.changed(row, lambda row: [] if other is None else [other, row] if twice else [other])
        total = ZERO if other is None else amount(other, "balance")
        held = ZERO if other is None else amount(other, "reserve")
        wants = [
            Want(
                check=REPORTED, names=("unexplained_balance",), subjects=(text(row, "currency"),), at_ns=here.now_ns,
                missing=total - amount(row, "balance"), held=held - amount(row, "reserve"),
            )
        ]  # fmt: skip
        return Told({"balances": lie}, wants, [])

    return teller


TELLERS["a_balance_off_by_one_unit"] = balance(lambda row: put(row, "balance", amount(row, "balance") + UNIT))
TELLERS["a_balance_that_is_negative"] = balance(lambda row: put(row, "balance", amount(row, "balance").copy_negate()))
TELLERS["a_reserve_off_by_one_unit"] = balance(lambda row: put(row, "reserve", amount(row, "reserve") + UNIT))
TELLERS["a_balance_that_is_not_listed"] = balance(lambda row: None)
TELLERS["a_balance_listed_twice_with_two_amounts"] = balance(
    lambda row: put(row, "balance", amount(row, "balance") + 5), twice=True
)


def strange_balance(member: str, word: str) -> Teller:
    def teller(here: Stage, draw: random.Random) -> Told | None:
        row = pick(here.tables["balances"], draw, where=lambda row: amount(row, "balance") > 1)
        assert row is not None
        total = amount(row, "balance")
        wants = [Want(check=REPORTED, names=("unexplained_balance",), missing=missing) for missing in (total, -total)]
        if member == "wallet_type":
            wants.append(Want(check="history", names=("unknown_token",), subjects=("balances",)))
        return Told({"balances": lies.altered(row, **{member: word})}, wants, [])

    return teller


TELLERS["a_balance_of_an_unknown_wallet"] = strange_balance("wallet_type", "VAULT")
TELLERS["a_balance_of_an_unknown_currency"] = strange_balance("currency", "ZZZ")


@told
def a_balance_of_last_week_with_its_old_date(here: Stage, draw: random.Random) -> Told | None:
    """The state behind an older entry, dated as that entry is."""
    rows = [row for row in here.tables["activity"] if amount(row, "balance_delta")]
    old = pick(rows, draw, where=lambda row: _now(here, row) != amount(row, "balance_end"))
    if old is None:
        return None
    now = next(each for each in here.tables["balances"] if _key(each) == _key(old))
    lie = lies.altered(
        now, balance=amount(old, "balance_end"), reserve=amount(old, "reserve_end"), last_update_at=text(old, "date")
    )
    missing = amount(old, "balance_end") - amount(now, "balance")
    wants = [Want(check=REPORTED, names=("unexplained_balance",), subjects=(text(old, "currency"),), missing=missing)]
    return Told({"balances": lie}, wants, [])


def _key(row: Row) -> tuple[str, ...]:
    return place(row)


def _now(here: Stage, row: Row) -> Decimal | None:
    return next((amount(each, "balance") for each in here.tables["balances"] if _key(each) == _key(row)), None)


@told
def the_last_entry_and_its_balance(here: Stage, draw: random.Random) -> Told | None:
    """A fee that was taken last, neither in the ledger nor in the balance: the fill tells."""
    last = {
        _key(row): row
        for row in here.tables["activity"]
        if (amount(row, "balance_delta") or amount(row, "reserve_delta")) and own(row)
    }
    row = pick(last.values(), draw, where=lambda row: text(row, "type") in ("FEE", "DEPOSIT", "WITHDRAWAL_FEE"))
    if row is None:
        return None
    now = next(each for each in here.tables["balances"] if _key(each) == _key(row))
    before = lies.altered(now, balance=amount(row, "balance"), reserve=amount(row, "reserve"))
    size = amount(row, "balance_delta").copy_abs()
    names, check = ("fees_differ", "unbooked_transfer"), "fees" if text(row, "type") == "FEE" else TRANSFERS
    wants = [Want(check=check, names=names, subjects=(text(row, "currency"),), size=size)]
    return Told({"activity": lies.deleted(row), "balances": before}, wants, [time(row)])
