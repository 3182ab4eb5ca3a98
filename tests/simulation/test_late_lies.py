"""Shows what becomes of lies that begin after the truth was told and proven: history that is edited, taken away or
added to is found at its row, and all is explained when it is as it was. And it shows which lies no evidence can find
when they are told from the beginning, and that even those are found when they come later.

NOSTRO_LIES raises the number of lives in which each lie is told.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import pytest

from nostro.domain.values import SECOND_NS, ZERO, add
from simulation import lies
from simulation.lies import TABLES, Lie, Row, amount, put, text, time
from simulation.stage import Stage, run, stage
from simulation.told import HOUR_NS, SHIFT, SIDES, ended, moves, pick
from simulation.verdicts import (
    BOOKING,
    CHAIN,
    FILLS,
    HISTORY,
    REPORTED,
    STATES,
    Want,
    judge,
    link,
)

LIVES: Final = int(os.environ.get("NOSTRO_LIES", "1"))
DONE: Final = {"deposits": ("CONFIRMED",), "withdrawals": ("DONE", "COMPLETED")}
AMOUNT: Final = {"activity": "balance_delta", "orders": "amount_canceled"}
NAMES: Final = {
    CHAIN: ("missing_row", "altered_row", "doubled_row", "extra_row"), REPORTED: ("unexplained_balance",),
    FILLS: ("missing_fill", "extra_fill"), STATES: ("status_differs",), **BOOKING,
}  # fmt: skip
HISTORIES: Final = tuple(name for name, table in TABLES.items() if table.stream != "balances")


def settled(table: str) -> Callable[[Row], bool]:
    if table == "orders":
        return ended
    if table == "activity":
        return moves
    return lambda row: table in SIDES or text(row, "status") in DONE[table]


def subjects(row: Row) -> tuple[str, ...]:
    pair = text(row, "pair")
    return (pair, *pair.split("/")) if "pair" in row else (text(row, "currency"),)


def edited(table: str, row: Row) -> tuple[Lie, tuple[str, ...]]:
    member = AMOUNT.get(table, "amount")
    names = ("vanished_row", "late_row") if table in ("buys", "sells") else ("history_changed",)
    return lies.altered(row, **{member: amount(row, member) + SHIFT}), names


def taken_away(table: str, row: Row) -> tuple[Lie, tuple[str, ...]]:
    return lies.deleted(row), ("vanished_row",)


def added_to(table: str, row: Row) -> tuple[Lie, tuple[str, ...]]:
    return lies.invented(put(row, "id", b"99999") if "id" in row else row), ("late_row",)


@pytest.mark.parametrize("how", [edited, taken_away, added_to])
@pytest.mark.parametrize("table", HISTORIES)
def test_history_that_changes_after_it_was_proven_is_found_at_its_row(
    table: str, how: Callable[[str, Row], tuple[Lie, tuple[str, ...]]]
) -> None:
    for life in range(LIVES):
        here = stage(life)
        row = pick(here.tables[table], random.Random(f"{table} {life} {how.__name__}"), where=settled(table))
        assert row is not None
        lie, names = how(table, row)
        at_ns = time(row)
        wants = [
            Want(check=HISTORY, names=(name,), subjects=(TABLES[table].stream,), within=(at_ns, at_ns))
            for name in names
        ]
        about = subjects(row)
        wants += [Want(check=check, names=each, subjects=about, needed=False) for check, each in NAMES.items()]
        with here.trial(knowing=True) as trial:
            assert not trial.open_breaks()
            trial.liar.lie(table, lie)
            trial.found_out(knowing=True)
            assert trial.liar.fired[table]
            found = judge(trial, wants)
            assert len([each for each in found if each.check == HISTORY]) == len(names)
            trial.told_the_truth()
            assert not trial.open_breaks(), [each.text for each in trial.open_breaks()]
            assert not trial.fresh_breaks()
            assert {each.id for each in found} <= {each.id for each in trial.explained()}
            assert trial.facts() == here.facts


def test_every_row_that_vanishes_is_a_break_of_its_own() -> None:
    here = stage(0)
    with here.trial(knowing=True) as trial:
        gone = [row for row in here.tables["orders"] if ended(row)][5:12]
        trial.liar.lie("orders", lambda rows: [row for row in rows if row not in gone])
        run(trial.again())
        found = [each for each in trial.open_breaks() if each.name == "vanished_row"]
        assert sorted(each.since_ns for each in found) == sorted(map(time, gone))
        trial.told_the_truth()
        assert not trial.open_breaks()


# ── windows that are cut, and filters that are not obeyed ────────────────────────────────────────────────────────


@pytest.mark.parametrize("newest", [1, 3])
def test_a_window_that_is_silently_cut_is_found_to_the_last_digit(newest: int) -> None:
    for life in range(LIVES):
        here = stage(life)
        with here.trial() as trial:
            trial.liar.answer("activity", lambda rows, asked: sorted(rows, key=time)[:-newest])
            trial.found_out(knowing=False)
            known = {fact.native_id for fact in trial.book.facts("entry", "1")}
            dropped = [row for row in here.tables["activity"] if text(row, "id") not in known]
            assert len(dropped) >= 2 * newest
            found = [each for each in trial.open_breaks() if each.check in (CHAIN, REPORTED)]
            for asset in {text(row, "currency") for row in dropped}:
                of_it = [row for row in dropped if text(row, "currency") == asset]
                missing = [each for each in found if each.scope.subject == asset]
                total = add(amount(row, "balance_delta") for row in of_it)
                assert add(each.missing or ZERO for each in missing) == total
                for each in missing:
                    assert any(each.since_ns <= time(row) <= each.until_ns for row in of_it if moves(row))
            trial.told_the_truth()
            assert not trial.open_breaks() or {each.name for each in trial.open_breaks()} == {"late_row"}
            assert trial.facts() == here.facts


def test_a_filter_that_is_not_obeyed_is_found() -> None:
    """Fills of both sides, whichever was asked for: each is once a fill too many."""
    here = stage(1)
    both = sorted([*here.tables["buys"], *here.tables["sells"]], key=time)
    with here.trial() as trial:
        trial.liar.lie("buys", lambda rows: both)
        trial.liar.lie("sells", lambda rows: both)
        trial.found_out(knowing=False)
        extra = [each for each in trial.open_breaks() if each.check == FILLS]
        assert {each.name for each in extra} == {"extra_fill"}
        assert -add(each.missing or ZERO for each in extra) == add(amount(row, "amount") for row in both)
        trial.told_the_truth()
        assert {each.name for each in trial.open_breaks()} == {"vanished_row"}
        assert trial.facts() == here.facts


def test_an_interval_that_is_proven_late_and_empty_is_judged() -> None:
    """First the row's second cannot be read, then it is said to be empty: the same collector finds the hole."""
    here = stage(2)
    entries = here.tables["activity"]

    def seconds(row: Row) -> list[Row]:
        return [each for each in entries if time(each) // SECOND_NS == time(row) // SECOND_NS]

    def counts(row: Row) -> bool:
        of_it = [amount(each, "balance_delta") for each in seconds(row) if subjects(each) == subjects(row)]
        return bool(link(here, row).after) and bool(add(of_it))

    row = pick(entries, random.Random(1), where=counts)
    assert row is not None
    others = seconds(row)
    with here.trial() as trial:
        trial.liar.lie("activity", lies.renamed(row, "currency"))
        run(trial.full_pass())
        assert [each.name for each in trial.open_breaks()] == ["quarantined_page"]
        trial.liar.repent()
        trial.liar.lie("activity", lambda rows: [each for each in rows if each not in others])
        run(trial.full_pass())
        assert not trial.holes()
        found = [each for each in trial.open_breaks() if each.check in (CHAIN, REPORTED)]
        for asset in {subjects(each) for each in others}:
            gone = add(amount(each, "balance_delta") for each in others if subjects(each) == asset)
            assert add(each.missing or ZERO for each in found if (each.scope.subject,) == asset) == gone
        assert any(each.since_ns <= time(row) <= each.until_ns for each in found)


# ── what nobody can find ─────────────────────────────────────────────────────────────────────────────────────────


def unfilled(row: Row) -> bool:
    return ended(row) and not amount(row, "amount_filled") and bool(amount(row, "price"))


Unseen = Callable[[Stage, random.Random], tuple[str, Row, Lie]]


def unseen(table: str, change: Callable[[Row], Lie], where: Callable[[Row], bool] = lambda row: True) -> Unseen:
    def teller(here: Stage, draw: random.Random) -> tuple[str, Row, Lie]:
        row = pick(here.tables[table], draw, where=where)
        assert row is not None
        return table, row, change(row)

    return teller


def pending(row: Row) -> bool:
    return text(row, "status") == "PENDING"


UNSEEN: Final[dict[str, Unseen]] = {
    # An order that never traded is known from one list alone.
    "an order without fills that is left out": unseen("orders", lies.deleted, unfilled),
    "an order without fills that never was": unseen(
        "orders", lambda row: lies.invented(put(row, "id", b"99999")), unfilled
    ),
    "an order without fills on the other side": unseen(
        "orders", lambda row: lies.altered(row, side="BID" if text(row, "side") == "ASK" else "ASK"), unfilled
    ),
    "the price of an order": unseen("orders", lambda row: lies.altered(row, price=amount(row, "price") * 2), unfilled),
    "an order placed earlier than it was": unseen("orders", lambda row: lies.moved(row, by_ns=-HOUR_NS), ended),
    # Words and rates of a fill that move no money.
    "whether a fill was a maker's": unseen(
        "buys", lambda row: lies.altered(row, is_maker=b"false" if text(row, "is_maker") == "true" else b"true")
    ),
    "the rate of a fee": unseen("sells", lambda row: lies.altered(row, fee_rate=Decimal("0.5"))),
    # A transfer that has not come to its end is in no other list.
    "a deposit under way that is left out": unseen("deposits", lies.deleted, pending),
    "the hash of a deposit": unseen("deposits", lambda row: lies.altered(row, tx_hash="0xbad"), settled("deposits")),
    # What a hold was called.
    "the word of an entry that moves no money": unseen(
        "activity", lambda row: lies.altered(row, type="WHATEVER"), lambda row: text(row, "type") == "HOLD"
    ),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_no_evidence_can_find_is_known_and_is_found_when_it_comes_later(name: str) -> None:
    here = stage(3)
    table, row, lie = UNSEEN[name](here, random.Random(name))
    with here.trial() as trial:
        trial.liar.lie(table, lie)
        trial.found_out(knowing=False)
        assert trial.liar.fired[table]
        assert not trial.open_breaks(), "there is evidence after all: tell this lie among the others"
        assert trial.facts() != here.facts
    with here.trial(knowing=True) as trial:
        trial.liar.lie(table, lie)
        run(trial.again())
        found = [each for each in trial.open_breaks() if each.check == HISTORY]
        assert found, "even later it is not found"
        assert all(abs(each.since_ns - time(row)) <= HOUR_NS for each in found)
        trial.told_the_truth()
        assert not trial.open_breaks()
        assert trial.facts() == here.facts
