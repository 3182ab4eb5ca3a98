"""Shows, statement by statement, what each check finds, where it says the fault lies, and what it refuses to judge."""

from __future__ import annotations

from decimal import Decimal

import pytest
from book.statements import DAY, SECOND, START, Told, check, judged, moment, shown

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
    check(statement.format(6) + "= unchecked reported_balance BTC settling")


def test_negative_balances_are_kept_and_parts_must_add_up() -> None:
    told = Told()
    for line in ("proven all 00:00 3/00:00", "entry 1 01:00 BTC fund -5 0 -5", "balance 02:00 BTC -5 used 1"):
        told.tell(line)
    balance = told.seen_rows[0].balance
    found = judged(told)
    assert [each.name for each in found.breaks] == ["unexplained_balance"]  # held: 1 reported, 0 in the entries
    assert found.standings[0].reported == Decimal(-5)
    told.seen_rows = [type(told.seen_rows[0])(type(balance)(
        account="mine", wallet="spot", effective_ns=balance.effective_ns, asset="BTC", total=Decimal(-5), free=Decimal(0),
        used=Decimal(0),
    ), moment("02:00"), moment("02:00"))]  # fmt: skip
    assert [(each.name, each.missing) for each in judged(told).breaks] == [("parts_differ", Decimal(-5))]


# ── orders and fills ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_missing_fill_lies_in_the_life_of_its_order() -> None:
    judgement = check("""
        proven all 00:00 3/00:00
        unavailable entries 00:00 3/00:00 unsupported
        order 1 01:00 buy BTC/USDT 5 filled 5 done 02:00
        order 2 03:00 buy BTC/USDT 7 filled 4 done 05:00
        fill 01:30 buy BTC/USDT 5 @ 100
        fill 03:30 buy BTC/USDT 1 @ 100
        = break missing_fill BTC/USDT buy 03:00..05:00 missing 3
    """)
    assert judgement.breaks[0].rows == ("2",)


def test_overlapping_orders_narrow_the_interval_as_far_as_the_facts_allow() -> None:
    """Order 1 could have had any of the fills, order 2 only those up to 02:00: the missing one was before 02:00."""
    check("""
        proven all 00:00 3/00:00
        unavailable entries 00:00 3/00:00 unsupported
        order 1 00:30 buy BTC/USDT 5 filled 5 done 05:00
        order 2 01:00 buy BTC/USDT 3 filled 3 done 02:00
        fill 01:30 buy BTC/USDT 1 @ 100
        fill 03:00 buy BTC/USDT 5 @ 100
        = break missing_fill BTC/USDT buy 01:00..02:00 missing 2
    """)


def test_a_fill_without_an_order_is_left_over() -> None:
    judgement = check("""
        proven all 00:00 3/00:00
        unavailable entries 00:00 3/00:00 unsupported
        order 1 01:00 sell BTC/USDT 5 filled 5 done 02:00
        fill 01:30 sell BTC/USDT 5 @ 100
        fill 03:30 sell BTC/USDT 1 @ 100
        = break extra_fill BTC/USDT sell 03:30..03:30 missing -1
    """)
    assert judgement.breaks[0].hypotheses[0].text == "an order filled with 1 was never given"


def test_a_doubled_fill_is_the_likeliest_reason_where_two_are_alike() -> None:
    judgement = check("""
        proven all 00:00 3/00:00
        unavailable entries 00:00 3/00:00 unsupported
        order 1 01:00 buy BTC/USDT 5 filled 5 done 02:00
        fill 01:30 buy BTC/USDT 2 @ 100
        fill 01:30 buy BTC/USDT 2 @ 100
        fill 01:40 buy BTC/USDT 3 @ 100
        = break extra_fill BTC/USDT buy 01:30..01:40 missing -2
    """)
    assert judgement.breaks[0].hypotheses[0].name == "doubled_row"


def test_fills_that_name_their_order_are_compared_order_by_order() -> None:
    check("""
        proven all 00:00 3/00:00
        unavailable entries 00:00 3/00:00 unsupported
        order 1 01:00 buy BTC/USDT 5 filled 5 done 02:00
        order 2 01:00 buy BTC/USDT 5 filled 5 done 02:00
        fill 01:30 buy BTC/USDT 6 @ 100 order 1
        fill 01:30 buy BTC/USDT 4 @ 100 order 2
        = break extra_fill BTC/USDT buy 01:30..01:30 missing -1
        = break missing_fill BTC/USDT buy 01:00..02:00 missing 1
    """)


def test_an_open_order_may_fill_later_but_not_beyond_its_remainder() -> None:
    statement = """
        proven all 00:00 3/00:00
        unavailable entries 00:00 3/00:00 unsupported
        order 1 01:00 buy BTC/USDT 5 filled 2 updated 02:00
        fill 01:30 buy BTC/USDT 2 @ 100
        fill 03:30 buy BTC/USDT {} @ 100
    """
    check(statement.format(3))
    check(statement.format(4) + "= break extra_fill BTC/USDT buy 03:30..03:30 missing -1")


def test_a_gap_in_the_fills_leaves_the_orders_that_lived_there_unchecked() -> None:
    check("""
        proven all 00:00 04:00
        unavailable fills 04:00 05:00 error
        proven fills 05:00 3/00:00
        proven orders 04:00 3/00:00
        unavailable entries 04:00 3/00:00 unsupported
        order 1 03:00 buy BTC/USDT 5 filled 5 done 06:00
        order 2 07:00 buy BTC/USDT 5 filled 5 done 08:00
        fill 07:30 buy BTC/USDT 4 @ 100
        = unchecked orders_against_fills BTC/USDT error
        = break missing_fill BTC/USDT buy 07:00..08:00 missing 1
    """)


def test_orders_that_contradict_themselves_or_go_back() -> None:
    told = Told()
    told.tell("proven all 00:00 3/00:00")
    told.tell("order 1 01:00 buy BTC/USDT 5 filled 7 done 02:00")
    told.tell("order 2 01:00 buy BTC/USDT 5 filled 3 updated 02:00")
    told.tell("order 2 01:00 buy BTC/USDT 5 filled 2 done 03:00 status canceled")
    told.tell("order 3 01:00 buy BTC/USDT 5 done 03:00 status canceled")
    told.tell("order 3 01:00 buy BTC/USDT 5 done 03:00 status expired")
    found = {(each.rows[0], each.name) for each in judged(told).breaks if each.check == "order states"}
    assert found == {("1", "filled_out_of_range"), ("2", "filled_shrank"), ("3", "status_went_back")}


# ── days, deposits, withdrawals ──────────────────────────────────────────────────────────────────────────────────


def test_a_fee_that_no_entry_books_is_found_on_its_day_and_between_its_rows() -> None:
    statement = """
        proven all 00:00 3/00:00
        order 1 01:00 sell BTC/USDT 3 filled 3 done 22:00
        entry 1 00:30 BTC fund 3 0 3
        fill 01:30 sell BTC/USDT 1 @ 100 fee 0.1 USDT
        entry 2 01:30 BTC trade -1 3 2
        entry 3 01:30 USDT trade 100 0 100
        entry 4 01:30 USDT fee -0.1 100 99.9
        fill 01:40 sell BTC/USDT 1 @ 100 fee {} USDT
        entry 5 01:40 BTC trade -1 2 1
        entry 6 01:40 USDT trade 100 99.9 199.9
        entry 7 01:40 USDT fee -0.2 199.9 199.7
        fill 22:00 sell BTC/USDT 1 @ 100 fee 0.3 USDT
        entry 8 22:00 BTC trade -1 1 0
        entry 9 22:00 USDT trade 100 199.7 299.7
        entry 10 22:00 USDT fee -0.3 299.7 299.4
    """
    check(statement.format("0.2"))
    check(statement.format("0.25") + "= break fees_differ USDT 01:40..01:40 missing -0.05")


def test_a_trade_entry_may_be_cut_by_one_unit_and_no_more() -> None:
    statement = """
        proven all 00:00 3/00:00
        unavailable fills 2/00:00 3/00:00 error
        order 1 01:00 buy BTC/USDT 0.333 filled 0.333 done 01:30
        entry 1 00:30 USDT fund 100 0 100
        fill 01:30 buy BTC/USDT 0.333 @ 33.33
        entry 2 01:30 USDT trade -{} 100 {}
        entry 3 01:30 BTC trade 0.333 0 0.333
    """
    check(statement.format("11.09", "88.91"))  # 11.09889, rounded down to a cent
    check(statement.format("11.08", "88.92") + "= break trades_differ USDT 01:30..01:30 missing -0.01889")


def test_deposits_and_withdrawals_without_their_other_half() -> None:
    check("""
        proven all 00:00 9/00:00
        deposit 1 01:00 BTC 5 done
        deposit 2 02:00 BTC 5 pending
        deposit 3 2/02:00 BTC 7 done
        entry 1 03:00 BTC deposit 5 0 5
        withdrawal 1 4/03:00 BTC 1 fee 0.1 done
        entry 2 4/04:00 BTC withdrawal -1 5 4
        entry 3 4/04:00 BTC withdrawal_fee -0.2 4 3.8
        entry 4 5/00:00 BTC deposit 9 3.8 12.8
        deposit 4 8/12:00 BTC 2 done
        = break unbooked_transfer BTC 2/02:00..3/02:00 missing 7
        = break unbooked_transfer BTC 4/03:00..5/03:00 missing -0.1
        = break entry_without_transfer BTC 3/04:00..4/04:00 missing 0.2
        = break entry_without_transfer BTC 4/00:00..5/00:00 missing -9
        = unchecked transfers BTC settling
    """)


def test_a_deposit_may_be_credited_days_after_its_date_and_out_of_order() -> None:
    check("""
        proven all 00:00 9/00:00
        deposit 1 01:00 BTC 5 done
        deposit 2 02:00 BTC 7 done
        entry 1 03:00 BTC deposit 7 0 7
        entry 2 4/03:00 BTC deposit 5 7 12
    """)


def test_a_key_that_may_not_read_withdrawals_leaves_their_fees_unchecked() -> None:
    check("""
        proven entries 00:00 9/00:00
        proven deposits 00:00 9/00:00
        unavailable withdrawals 00:00 9/00:00 forbidden
        deposit 1 01:00 BTC 5 done
        entry 1 03:00 BTC deposit 5 0 5
        entry 2 04:00 BTC withdrawal -1 5 4
        withdrawal 1 04:00 BTC 1 done
        entry 3 04:00 BTC withdrawal_fee -0.2 4 3.8
        = unchecked transfers BTC forbidden
    """)


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
