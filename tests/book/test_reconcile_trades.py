"""Shows, statement by statement, how orders are held against fills, and fills and transfers against entries."""

from __future__ import annotations

from book.statements import Told, check, judged

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
    told.tell("order 3 01:00 buy BTC/USDT 5 updated 02:00 status open")
    told.tell("order 3 01:00 buy BTC/USDT 5 updated 03:00 status pending")
    told.tell("order 4 01:00 buy BTC/USDT 5 updated 03:00 status canceled")
    told.tell("order 5 01:00 buy BTC/USDT 5 done 03:00 status open")
    told.tell("order 6 01:00 buy BTC/USDT 5 done 03:00 status filled")
    told.tell("order 7 04:00 buy BTC/USDT 5 done 03:00 status canceled")
    told.tell("order 8 01:00 buy BTC/USDT -5 done 03:00 status canceled")
    told.tell("order 9 01:00 buy BTC/USDT 5 filled 1 done 03:00 status filled")  # what came after its end
    told.tell("order 9 01:00 buy BTC/USDT 5 done 03:00 status canceled")  # is history that was changed
    found = {(each.rows[0], each.name) for each in judged(told).breaks if each.check == "order states"}
    assert found == {
        ("1", "filled_out_of_range"), ("2", "filled_shrank"), ("3", "status_went_back"), ("4", "status_differs"),
        ("5", "status_differs"), ("6", "status_differs"), ("7", "times_differ"), ("8", "negative_amount"),
        ("8", "filled_out_of_range"),
    }  # fmt: skip


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
