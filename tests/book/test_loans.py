"""Shows, statement by statement, how debts are held against what made them: what ties, which lie is found where and
by how much, what is refused to be judged, and that every row that moves money in a margin wallet is held against the
entries that book it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from book.statements import Told, check, judged, moment

CLEAN = """
    proven all 00:00 40/00:00
    borrow 1 10:00 USDT 100 repaid 40 accrued 0.3 paid 0.2
    interest 1 10:30..11:30 USDT 0.1 of 1
    interest 2 11:30..12:30 USDT 0.1 of 1
    repayment 1 12:40 USDT 40 interest 0.2
    interest 3 12:40..13:30 USDT 0.1 of 1
    wallet cross_margin entry 1 10:00 USDT borrow 100 0 100
    wallet cross_margin entry 2 12:40 USDT repay -40.2 100 59.8
    loan 15:00 USDT 60 interest 0.1
"""
DEBTS = {"loan principal", "loan interest", "repaid principal", "paid interest", "accrued interest", "interest rate"}


def told(changed: dict[str, str]) -> str:
    statement = CLEAN
    for before, after in changed.items():
        assert before in statement
        statement = statement.replace(before, after)
    return statement


def test_a_clean_debt_ties_everywhere() -> None:
    judgement = check(CLEAN)
    outcomes = {(each.check, each.outcome) for each in judgement.results}
    assert {(name, "ties") for name in DEBTS | {"borrowings", "repayments"}} <= outcomes | {("interest rate", "ties")}
    assert not [each for each in judgement.results if each.outcome == "unchecked"]
    assert sum(each.terms for each in judgement.results if each.check == "interest rate") == 3


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        # A repayment that is missing: what is owed is less than it seems, and an entry has no row.
        (
            {"    repayment 1 12:40 USDT 40 interest 0.2\n": ""},
            [
                "= break principal_differs USDT 10:00..15:00 missing -40",
                "= break interest_differs USDT 10:00..15:00 missing -0.2",
                "= break repaid_principal_differs USDT 10:00..10:00 missing 40",
                "= break paid_interest_differs USDT 10:00..10:00 missing 0.2",
                "= break repayments_differ USDT 12:40..12:40 missing 40.2",
            ],
        ),
        # A borrowing of another amount.
        (
            {"USDT 100 repaid": "USDT 101 repaid"},
            [
                "= break principal_differs USDT 10:00..15:00 missing -1",
                "= break borrowings_differ USDT 10:00..10:00 missing 1",
            ],
        ),
        # A row of interest told twice, under another id.
        (
            {"interest 2 11:30": "interest 22 11:30..12:30 USDT 0.1 of 1\n    interest 2 11:30"},
            [
                "= break accrued_interest_differs USDT 10:00..13:29:59 missing -0.1",
                "= break interest_differs USDT 10:00..15:00 missing -0.1",
            ],
        ),
        # A row of interest that is no hour's interest, with a borrowing and a loan that say so too.
        (
            {"interest 2 11:30..12:30 USDT 0.1": "interest 2 11:30..12:30 USDT 0.4", "accrued 0.3": "accrued 0.6",
             "interest 0.1\n": "interest 0.4\n"},
            ["= break accrual_differs USDT 11:30..12:29:59 missing 0.3"],
        ),
        # A loan that says less.
        ({"loan 15:00 USDT 60": "loan 15:00 USDT 59"}, ["= break principal_differs USDT 10:00..15:00 missing -1"]),
        # More repaid than was borrowed.
        (
            {"repaid 40": "repaid 140", "12:40 USDT 40": "12:40 USDT 140", "USDT 60": "USDT -40",
             "repay -40.2 100 59.8": "repay -140.2 100 -40.2"},
            ["= break negative_debt USDT 10:00..10:00 missing 40", "= break negative_debt USDT 10:00..15:00"],
        ),
        # Interest of a borrowing that was never told.
        (
            {"of 1\n    repayment": "of 7\n    repayment", "accrued 0.3": "accrued 0.2"},
            ["= break accrued_interest_differs USDT 11:30..12:30 missing -0.1"],
        ),
    ],
)  # fmt: skip
def test_a_lie_about_a_debt_is_found_with_its_amount(changed: dict[str, str], expected: list[str]) -> None:
    check("\n".join([told(changed), *expected]))


def test_a_debt_that_is_not_listed_is_not_owed() -> None:
    check(f"""
        {told({"    loan 15:00 USDT 60 interest 0.1": "    noloan 15:00"})}
        = break principal_differs USDT 10:00..15:00 missing -60
        = break interest_differs USDT 10:00..15:00 missing -0.1
    """)


def test_what_happened_while_one_looked_may_be_in_it_or_not() -> None:
    for principal, interest in (("100", "0.2"), ("60", "0")):
        check(f"""
            proven all 00:00 40/00:00
            borrow 1 10:00 USDT 100 repaid 40 accrued 0.2 paid 0.2
            interest 1 10:30..11:30 USDT 0.1 of 1
            interest 2 11:30..12:30 USDT 0.1 of 1
            repayment 1 12:40 USDT 40 interest 0.2
            wallet cross_margin entry 1 10:00 USDT borrow 100 0 100
            wallet cross_margin entry 2 12:40 USDT repay -40.2 100 59.8
            loan 12:40 USDT {principal} interest {interest}
            = unchecked loan_principal USDT settling
            = unchecked loan_interest USDT settling
        """)


def test_interest_that_may_have_come_later_is_not_missing() -> None:
    check(f"""
        {told({"13:30 USDT 0.1 of 1": "16:00 USDT 0.1 of 1"})}
        = unchecked loan_interest USDT settling
    """)
    higher = told({"13:30 USDT 0.1 of 1": "16:00 USDT 0.1 of 1", "60 interest 0.1": "60 interest 0.3"})
    check(f"""
        {higher}
        = break interest_differs USDT 10:00..15:00 missing 0.2
    """)


def test_nothing_is_judged_where_the_rows_are_not_proven() -> None:
    for stream in ("borrows", "repayments", "interest"):
        judgement = check(f"""
            {told({"loan 15:00 USDT 60": "loan 15:00 USDT 60"})}
            unavailable {stream} 00:00 40/00:00 forbidden
            = unchecked loan_{"interest" if stream == "interest" else "principal"} USDT forbidden
        """)
        assert not judgement.breaks


def test_an_open_borrowing_that_was_last_seen_before_a_repayment_is_not_wrong() -> None:
    check("""
        proven all 00:00 40/00:00
        borrow 1 10:00 USDT 100 accrued 0.1 seen 11:00
        interest 1 10:30..10:50 USDT 0.1 of 1
        interest 2 11:30..12:30 USDT 0.1 of 1
        repayment 1 12:40 USDT 40 interest 0.2
        wallet cross_margin entry 1 10:00 USDT borrow 100 0 100
        wallet cross_margin entry 2 12:40 USDT repay -40.2 100 59.8
        = unchecked repaid_principal USDT settling
        = unchecked accrued_interest USDT settling
    """)


def test_a_repayment_whose_borrowing_lies_in_a_hole_is_not_wrong() -> None:
    """The hole is between two proven intervals: that the later one is proven says nothing of the borrowing."""
    check("""
        proven all 00:00 40/00:00
        unavailable borrows 10:00 11:00 saturated
        repayment 1 12:40 USDT 40 interest 0
        wallet cross_margin entry 1 10:30 USDT borrow 100 0 100
        wallet cross_margin entry 2 12:40 USDT repay -40 100 60
        = unchecked repaid_principal USDT settling
    """)


def test_an_hour_after_a_repayment_that_the_borrowing_does_not_show_yet_costs_less() -> None:
    statement = """
        proven all 00:00 40/00:00
        borrow 1 10:00 USDT 100 accrued 0.1 seen 11:00
        interest 1 10:30..10:50 USDT 0.1 of 1
        repayment 1 11:20 USDT 40 interest 0.1
        interest 2 11:30..12:30 USDT {later} of 1
        wallet cross_margin entry 1 10:00 USDT borrow 100 0 100
        wallet cross_margin entry 2 11:20 USDT repay -40.1 100 59.9
    """

    def rates(later: str) -> list[str]:
        told = Told()
        for line in statement.format(later=later).strip().splitlines():
            told.tell(line.strip())
        return sorted(each.outcome for each in judged(told).results if each.check == "interest rate")

    assert rates("0.06") == ["ties", "unchecked"]
    assert rates("0.25") == ["break", "ties"]
    assert rates("-0.25") == ["break", "ties"]


def test_a_transfer_leaves_one_wallet_and_reaches_the_other() -> None:
    statement = """
        proven all 00:00 40/00:00
        move 1 09:00 USDT 50 from spot to cross_margin
        entry 1 08:00 USDT fund 50 0 50
        entry 2 09:00 USDT transfer -50 50 0
        wallet cross_margin entry 3 09:00 USDT transfer 50 0 50
    """
    judgement = check(statement)
    assert sum(each.terms for each in judgement.results if each.check == "transfers between wallets") == 4
    check(f"""
        {statement.replace("move 1 09:00 USDT 50", "move 1 09:00 USDT 49")}
        = break transfers_differ USDT 09:00..09:00 missing 1
        = break transfers_differ USDT 09:00..09:00 missing -1
    """)
    check(f"""
        {statement.replace("move 1 09:00 USDT 50 from spot to cross_margin", "")}
        = break transfers_differ USDT 09:00..09:00 missing 50
        = break transfers_differ USDT 09:00..09:00 missing -50
    """)


def test_what_the_fund_gave_is_told_and_what_it_took_is_not() -> None:
    statement = """
        proven all 00:00 40/00:00
        liquidation 1 14:00 USDT 60 fund 10
        wallet cross_margin entry 1 08:00 BTC fund 5 0 5
        wallet cross_margin entry 2 14:00 BTC liquidation -3 5 2
        wallet cross_margin entry 3 14:00 USDT liquidation 10 0 10
    """
    check(f"""
        {statement}
        = unchecked taken_in_liquidations BTC not_told
    """)
    check(f"""
        {statement.replace("fund 10", "fund 11")}
        = break liquidations_differ USDT 14:00..14:00 missing 1
    """)
    check(f"""
        {statement.replace("liquidation 1 14:00 USDT 60 fund 10", "")}
        = break liquidations_differ USDT 14:00..14:00 missing -10
        = break entry_without_liquidation BTC 14:00..14:00 missing 3
    """)


def test_a_debt_is_its_own_wallets() -> None:
    statement = (
        told({})
        + """
        wallet isolated_margin:BTC/USDT borrow 9 10:00 USDT 100 repaid 100
        wallet isolated_margin:BTC/USDT repayment 9 10:10 USDT 100
        wallet isolated_margin:BTC/USDT entry 11 10:00 USDT borrow 100 0 100
        wallet isolated_margin:BTC/USDT entry 12 10:10 USDT repay -100 100 0
    """
    )
    judgement = check(statement)
    scopes = {each.scope.wallet for each in judgement.results if each.check == "loan principal"}
    assert scopes == {"cross_margin", "isolated_margin:BTC/USDT"}
    assert moment("10:00") < judgement.until_ns


def test_isolated_wallets_that_cannot_be_told_apart_make_no_false_break() -> None:
    """Two wallets' entries carry the exchange's ids of them, their balances and fills do not."""
    told = Told()
    for line in """
        proven all 00:00 40/00:00
        wallet isolated_margin entry 1 08:00 USDT fund 5 0 5
        wallet isolated_margin entry 2 09:00 USDT fund 7 0 7
        wallet isolated_margin entry 3 10:00 USDT trade -2 5 3
        wallet isolated_margin:BTC/USDT fill 10:00 buy BTC/USDT 1 @ 1
        wallet isolated_margin entry 4 11:00 USDT trade -1 7 6
        wallet isolated_margin entry 5 10:00 BTC trade 1 0 1
        unavailable orders 00:00 40/00:00 unsupported
    """.strip().splitlines():
        told.tell(line)
    ids = ("17", "18", "17", "18", "19")
    told.entry_rows = [replace(row, extra={"wallet_id": of}) for row, of in zip(told.entry_rows, ids, strict=True)]
    told.see("USDT", Decimal(9), used=Decimal(0), at_ns=moment("12:00"))
    seen = told.seen_rows[0]
    told.seen_rows = [replace(seen, balance=replace(seen.balance, wallet="isolated_margin"))]
    judgement = judged(told)
    assert not judgement.breaks
    chains = {each.scope.wallet: each.outcome for each in judgement.results if each.check == "running balance"}
    assert chains == dict.fromkeys(("isolated_margin#17", "isolated_margin#18", "isolated_margin#19"), "ties")
    causes = {(each.check, each.cause) for each in judgement.results if each.outcome == "unchecked"}
    assert {("reported balance", "which_wallet"), ("trades", "which_wallet")} <= causes
