"""Shows, statement by statement, what each check finds, where it says the fault lies, and what it refuses to judge."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from book.statements import DAY, SECOND, START, Told, check, judged, moment, shown
from nostro.book.checks.terms import Seen
from nostro.book.fold import Finding


def outcomes(judgement) -> set[tuple[str, str]]:
    return {(each.check, each.outcome) for each in judgement.results}


# ── the chain of running balances ────────────────────────────────────────────────────────────────────────────────


def test_a_clean_statement_ties_everywhere() -> None:
    judgement = check("""
        proven all 00:00 3/00:00
        deposit 1 01:00 USDT 1000 done
        entry 1 01:00 USDT deposit 1000 0 1000
        order 1 02:00 buy BTC/USDT 2 filled 2 done 02:30
        entry 2 02:00 USDT hold 0 1000 1000 held 200 0 200
        fill 02:30 buy BTC/USDT 2 @ 100 fee 0.002 BTC
        entry 3 02:30 USDT trade -200 1000 800 held -200 200 0
        entry 4 02:30 BTC trade 2 0 2
        entry 5 02:30 BTC fee -0.002 2 1.998
        withdrawal 1 04:00 USDT 50 fee 1 done
        entry 6 04:00 USDT hold 0 800 800 held 51 0 51
        entry 7 05:00 USDT withdrawal -50 800 750 held -50 51 1
        entry 8 05:00 USDT withdrawal_fee -1 750 749 held -1 1 0
        balance 06:00 USDT 749
        balance 06:00 BTC 1.998
        = standing USDT 749 unexplained 0
        = standing BTC 1.998 unexplained 0
    """)
    checks = {"running balance", "reported balance", "balance parts", "orders against fills", "order states", "fees"}
    assert outcomes(judgement) == {(name, "ties") for name in checks | {"trades", "transfers"}}


def test_a_missing_row_is_a_hole_with_its_exact_amounts() -> None:
    judgement = check("""
        proven all 00:00 3/00:00
        entry 1 01:00 BTC fund 5 0 5
        # entry 2 02:00 BTC fund -1.25 5 3.75 held 0.5 0 0.5
        entry 3 03:00 BTC fund 1 3.75 4.75 held 0 0.5 0.5
        entry 4 04:00 BTC fund 1 4.75 5.75 held -0.5 0.5 0
        balance 05:00 BTC 5.75
        = break missing_row BTC 01:00..03:00 missing -1.25 held 0.5
        = standing BTC 5.75 unexplained -1.25
    """)
    [found] = judgement.breaks
    assert (found.rows, found.pages) == (("1", "3"), (1, 3))
    assert (found.hypotheses[0].name, found.hypotheses[0].amount) == ("missing_row", Decimal("-1.25"))
    assert "-1.25 (held 0.5) is missing between row 1 and row 3" in found.text


def test_a_missing_first_row_is_found_because_an_account_opens_empty() -> None:
    check("""
        proven all 00:00 3/00:00
        entry 2 02:00 BTC fund 1 5 6
        = break missing_row BTC 00:00..02:00 missing 5
    """)


def test_a_doubled_row_is_named_and_does_not_count() -> None:
    check("""
        proven all 00:00 3/00:00
        entry 1 01:00 BTC fund 5 0 5
        entry 2 01:00 BTC fund 5 0 5
        entry 3 02:00 BTC fund 1 5 6
        balance 03:00 BTC 6
        = break doubled_row BTC 01:00..01:00 missing -5
        = standing BTC 6 unexplained -5
    """)


def test_a_double_that_was_put_elsewhere_is_named_too() -> None:
    check("""
        proven all 00:00 3/00:00
        entry 1 01:00 BTC fund 5 0 5
        entry 2 02:00 BTC fund 1 5 6
        entry 3 03:00 BTC fund 5 0 5
        entry 4 04:00 BTC fund 1 6 7
        = break doubled_row BTC 03:00..03:00 missing -5
    """)


def test_a_hold_that_repeats_is_no_double_but_a_missing_release() -> None:
    judgement = check("""
        proven all 00:00 3/00:00
        entry 1 01:00 BTC fund 5 0 5
        entry 2 02:00 BTC hold 0 5 5 held 2 0 2
        # entry 3 03:00 BTC release 0 5 5 held -2 2 0
        entry 4 04:00 BTC hold 0 5 5 held 2 0 2
        entry 5 05:00 BTC release 0 5 5 held -2 2 0
        = break missing_row BTC 02:00..04:00 held -2
    """)
    assert [each.name for each in judgement.breaks[0].hypotheses] == ["missing_row", "doubled_row"]


@pytest.mark.parametrize(
    ("row", "missing", "expected", "actual"),
    [
        ("entry 2 02:00 BTC fund 7 5 6", " missing -6", "1", "7"),  # the amount
        ("entry 2 02:00 BTC fund 1 8 6", "", "5", "8"),  # before
        ("entry 2 02:00 BTC fund 1 5 9", "", "6", "9"),  # after
        ("entry 2 02:00 BTC fund 1 5 6 held 3 0 0", " held -3", "0", "3"),
        ("entry 2 02:00 BTC fund 1 5 6 held 0 4 0", "", "0", "4"),
        ("entry 2 02:00 BTC fund 1 5 6 held 0 0 4", "", "0", "4"),
    ],
)
def test_an_altered_row_is_told_from_a_hole_by_its_neighbours(
    row: str, missing: str, expected: str, actual: str
) -> None:
    judgement = check(f"""
        proven all 00:00 3/00:00
        entry 1 01:00 BTC fund 5 0 5
        {row}
        entry 3 03:00 BTC fund 1 6 7
        balance 04:00 BTC 7
        = break altered_row BTC 02:00..02:00{missing}
    """)
    [found] = judgement.breaks
    assert (found.rows, found.expected, found.actual) == (("2",), Decimal(expected), Decimal(actual))


def test_rows_out_of_order_tie_in_another_order() -> None:
    judgement = check("""
        proven all 00:00 3/00:00
        entry 1 01:00 BTC fund 5 0 5
        entry 2 03:00 BTC fund 1 5 6
        entry 3 02:00 BTC fund 2 6 8
        entry 4 04:00 BTC fund 4 8 12
        balance 05:00 BTC 12
        = break reordered_rows BTC 02:00..03:00
        = standing BTC 12 unexplained 0
    """)
    assert set(judgement.breaks[0].rows) == {"2", "3"}


def test_a_row_that_went_far_away_is_one_fault_not_two() -> None:
    rows = "\n".join(f"entry {n} {n:02}:00 BTC fund {n} {n * (n - 1) // 2} {n * (n + 1) // 2}" for n in range(3, 20))
    check(f"""
        proven all 00:00 3/00:00
        entry 1 01:00 BTC fund 1 0 1
        entry 2 17:30 BTC fund 2 1 3
        {rows}
        = break reordered_rows BTC 01:00..17:30
    """)


def test_rows_of_one_instant_are_ordered_by_the_number_of_their_id() -> None:
    check("""
        proven all 00:00 3/00:00
        entry 10 01:00 BTC fund 2 5 7
        entry 9 01:00 BTC fund 5 0 5
    """)


def test_two_faults_next_to_each_other_are_two_breaks() -> None:
    check("""
        proven all 00:00 3/00:00
        entry 1 01:00 BTC fund 5 0 5
        entry 2 02:00 BTC fund 3 7 11
        entry 3 03:00 BTC fund 1 11 12
        = break missing_row BTC 01:00..02:00 missing 2
        = break altered_row BTC 02:00..02:00 missing 1
    """)


# ── what is not proven ───────────────────────────────────────────────────────────────────────────────────────────


def test_across_a_gap_of_coverage_nothing_is_judged_and_the_difference_is_unexplained() -> None:
    judgement = check("""
        proven all 00:00 02:00
        unavailable entries 02:00 05:00 retention
        proven all 05:00 3/00:00
        entry 1 01:00 BTC fund 5 0 5
        entry 2 06:00 BTC fund 1 8 9
        balance 07:00 BTC 9
        = unchecked running_balance BTC retention
        = standing BTC 9 unexplained 3
    """)
    assert [(jump.amount, jump.opening, jump.cause) for jump in judgement.jumps] == [(Decimal(3), False, "retention")]


def test_a_history_that_begins_late_has_an_opening_balance_and_no_break() -> None:
    judgement = check(
        """
        proven all 02:00 3/00:00
        entry 1 03:00 BTC fund 1 5 6
        balance 04:00 BTC 6
        = standing BTC 6 unexplained 5
    """,
        origin_ns=moment("02:00"),
    )
    assert [(jump.amount, jump.opening, jump.cause) for jump in judgement.jumps] == [
        (Decimal(5), True, "before_origin")
    ]


def test_a_row_in_the_settling_tail_waits() -> None:
    check("""
        proven all 00:00 03:00
        entry 1 01:00 BTC fund 5 0 5
        entry 2 04:00 BTC fund 1 7 8
        balance 04:00 BTC 7
        = unchecked reported_balance BTC settling
    """)


def test_an_asset_that_never_moved_must_be_zero() -> None:
    check("""
        proven all 00:00 3/00:00
        balance 04:00 BTC 0
        balance 04:00 ETH 2
        = break unexplained_balance ETH 00:00..04:00 missing 2
        = standing BTC 0 unexplained 0
    """)


def test_entries_that_the_wire_lacks_leave_balances_unchecked() -> None:
    check("""
        proven fills 00:00 3/00:00
        proven orders 00:00 3/00:00
        unavailable entries 00:00 3/00:00 unsupported
        fill 02:30 buy BTC/USDT 2 @ 100 fee 0.002 BTC
        order 1 02:00 buy BTC/USDT 2 filled 2 done 02:30
        balance 04:00 BTC 2
        = unchecked reported_balance BTC unsupported
        = unchecked fees BTC unsupported
        = standing BTC 2 unexplained ?
    """)


# ── reported balances ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_balance_without_its_entry_lies_after_the_last_one() -> None:
    judgement = check("""
        proven all 00:00 3/00:00
        entry 1 01:00 BTC fund 5 0 5
        balance 02:00 BTC 5
        balance 04:00 BTC 7 used 1
        balance 05:00 BTC 7 used 1
        = break unexplained_balance BTC 01:00..04:00 missing 2 held 1
    """)
    assert judgement.breaks[0].rows == ("1",)


def test_entries_inside_the_bracket_make_several_balances_acceptable() -> None:
    statement = """
        proven all 00:00 3/00:00
        entry 1 01:00 BTC fund 5 0 5
        entry 2 02:00 BTC fund 1 5 6
        balance 02:00 BTC {}
    """
    check(statement.format(5))
    check(statement.format(6))
    check(statement.format(7) + "= break unexplained_balance BTC 02:00..02:00 missing 1")


def test_the_exchanges_own_time_of_change_needs_no_entries_beyond_it() -> None:
    statement = """
        proven all 00:00 03:00
        entry 1 01:00 BTC fund 5 0 5
        balance 03:00 BTC {} updated 01:00
    """
    assert ("reported balance", "ties") in outcomes(check(statement.format(5)))
    check(statement.format(6) + "= break unexplained_balance BTC 01:00..03:00 missing 1")
    now = statement.replace("updated 01:00", "updated 03:00")
    check(now.format(6) + "= unchecked reported_balance BTC settling")


def test_an_old_balance_with_its_old_time_is_not_the_balance_of_now() -> None:
    statement = """
        proven all 00:00 04:00
        entry 1 01:00 BTC fund 5 0 5
        entry 2 02:00 BTC fund 1 5 6
        balance 04:00 BTC {} updated {}
    """
    assert ("reported balance", "ties") in outcomes(check(statement.format(6, "02:00")))
    check(statement.format(5, "01:00") + "= break unexplained_balance BTC 02:00..04:00 missing -1")
    # What is held may have changed without a new time: that waits until the entries are proven.
    check(statement.format("6 used 1", "02:00") + "= unchecked reported_balance BTC settling")


def test_negative_balances_are_kept_and_parts_must_add_up() -> None:
    told = Told()
    for line in ("proven all 00:00 3/00:00", "entry 1 01:00 BTC fund -5 0 -5", "balance 02:00 BTC -5 used 1"):
        told.tell(line)
    balance = told.seen_rows[0].balance
    found = judged(told)
    assert [each.name for each in found.breaks] == ["unexplained_balance"]  # held: 1 reported, 0 in the entries
    assert found.standings[0].reported == Decimal(-5)
    [seen] = told.seen_rows
    told.seen_rows = [Seen(replace(balance, free=Decimal(0), used=Decimal(0)), seen.sent_ns, seen.received_ns)]
    assert [(each.name, each.missing) for each in judged(told).breaks] == [("parts_differ", Decimal(-5))]


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_store_noticed_becomes_a_break() -> None:
    told = Told()
    told.tell("proven all 00:00 3/00:00")
    kinds = ("late", "changed", "vanished", "quarantined", "unknown", "unproven")
    told.found = [Finding("mine", page, what, "fills", "fill", START, 0, what) for page, what in enumerate(kinds)]
    names = {each.name for each in judged(told).breaks}
    assert names == {"late_row", "history_changed", "vanished_row", "quarantined_page", "unknown_token"}


def test_wide_amounts_keep_every_digit() -> None:
    """Python's own minus would round to 28 digits."""
    big, small = "123456789012345678901234567890", "0.123456789012345678901234567891"
    check(f"""
        proven all 00:00 3/00:00
        entry 1 01:00 BTC fund {big} 0 {big}
        entry 2 02:00 BTC fund -{small} {big} 123456789012345678901234567889.876543210987654321098765432109
        entry 3 02:00 BTC fund -{small} {big} 123456789012345678901234567889.876543210987654321098765432109
        = break doubled_row BTC 02:00..02:00 missing {small}
    """)


def test_the_shape_of_a_step_does_not_change_what_is_found() -> None:
    told = Told()
    told.prove(START, START + 40 * DAY)
    for n in range(40):
        told.tell(f"entry {n + 1} {n + 1}/05:00 BTC fund 1 {n} {n + 1}")
    del told.entry_rows[20]
    told.see("BTC", Decimal(40), used=Decimal(0), at_ns=START + 40 * DAY - 3600 * SECOND)
    assert shown(judged(told))["break"] == ["missing_row BTC 20/05:00..22/05:00 missing 1"]
