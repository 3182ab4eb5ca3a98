"""Shows that positions are closed and wallets liquidated as docs/venue.md says, rule by rule, in numbers small enough
to do by hand: each case is a short story (the form is explained in scenario.py). An hour of the venue ends 2800 seconds
after a story begins."""

from __future__ import annotations

import pytest

from paper.venue.positions import LONG, SHORT, START
from paper.venue.scenario import Scenario

CASES = {
    "closing a position buys back what is owed, fee and all, and repays it": SHORT
    + """
        alice buy 1 APPLE at 5 cross
        bob sell 10 APPLE at 9
        alice close cross                       -> 5
        entries alice release trade trade fee repay
        trades 5.2@9
        order 3 canceled 0 canceled 1
        order 5 filled 5.2
        repaid 0+5
        alice cross COIN 52.2
        alice cross APPLE 0.09
        alice cross owes APPLE 0
        alice close cross                       -> no_position
    """,
    "closing a position sells no more than it must": LONG
    + """
        bob buy 20 APPLE at 8
        alice close cross                       -> 4
        trades 12.8@8
        order 4 partially_canceled 12.8 canceled 7.2
        repaid 0+100
        alice cross COIN 0.35
        alice cross APPLE 7.2
    """,
    "a covering order has at most 10^18 lots": """
        fund alice APPLE 200000000000000000
        alice add APPLE 200000000000000000 cross
        alice borrow COIN 100 cross
        bob sell 10 APPLE at 10
        alice buy 10 APPLE at 10 cross
        bob buy 20 APPLE at 8
        alice close cross                       -> 4
        order 4 partially_canceled 12.8 canceled 99999999999999987.2
    """,
    "what is there is repaid first": SHORT
    + """
        fund alice APPLE 5
        alice add APPLE 3 cross
        bob sell 10 APPLE at 9
        alice close cross                       -> 4
        repaid 0+3 0+2
        trades 2.1@9
    """,
    "a thin book covers what it can": SHORT
    + """
        bob sell 2 APPLE at 9
        alice close cross                       -> 4
        order 4 partially_canceled 2 canceled 3.2
        repaid 0+1.96
        alice cross owes APPLE 3.04
        alice close cross                       -> 5
        order 5 canceled 0 canceled 3.2
        repaid
    """,
    "without a bid no order is made": LONG
    + """
        alice close cross
        order 2 filled 10
        alice cross owes COIN 100
    """,
    "an own order in the way ends a covering order": SHORT
    + """
        fund alice APPLE 5
        alice sell 1 APPLE at 9
        bob sell 10 APPLE at 9
        alice close cross                       -> 5
        order 5 canceled 0 canceled 5.2
    """,
    "a wallet above 0.05 is left alone, one at or below it is liquidated": SHORT
    + """
        bob sell 10 APPLE at 9
        index APPLE 18.8
        alice cross owes APPLE 5
        index APPLE 18.9
        liquidated alice cross APPLE 5 fund 0 level 0.04761904 made 4 borrows 1 repayments 1
        trades 5.2@9
        alice cross owes APPLE 0
        alice cross COIN 52.2
        insurance APPLE 0
    """,
    "at 0.05 exactly it is time": LONG
    + """
        index APPLE 5.26
        alice cross owes COIN 100
        index APPLE 5.25
        liquidated alice cross COIN 100 fund 100 level 0.05
    """,
    "the fund takes what it pays for at index prices, and leaves the rest": SHORT
    + """
        index APPLE 19
        entries alice liquidation liquidation repay
        liquidated alice cross APPLE 5 fund 5 level 0.04210526 made 3 borrows 1 repayments 1
        order 3 canceled 0 canceled 5.2
        alice cross COIN 4
        insurance COIN 95
        insurance APPLE -5
        lent APPLE 0
    """,
    "what the wallet cannot give, the fund bears": SHORT
    + """
        index APPLE 25
        liquidated alice cross APPLE 5 fund 5 level -0.208
        alice cross COIN 0
        insurance COIN 99
        insurance APPLE -5
    """,
    "what the fund takes is rounded up, and never more than there is": SHORT
    + """
        index COIN 3
        index APPLE 58
        liquidated alice cross APPLE 5 fund 5 level 0.02413793
        alice cross COIN 2.33
        insurance COIN 96.67
    """,
    "its orders are canceled first, and only its own": SHORT
    + """
        alice buy 1 APPLE at 5 cross
        alice buy 2 APPLE at 5 cross
        alice buy 1 APPLE at 5
        index APPLE 25
        liquidated alice cross APPLE 5 closed 3,4 made 6 fund 5
        order 3 canceled 0 canceled 1
        order 5 open 0
        insurance COIN 99
    """,
    "each debt has its row, and the first names the orders that were closed": """
        fund alice PEAR 9
        alice add PEAR 9 cross
        alice add COIN 10 cross
        alice borrow APPLE 5 cross              -> 1
        alice borrow COIN 30 cross              -> 2
        alice borrow APPLE 1 cross              -> 3
        bob buy 6 APPLE at 10
        alice sell 6 APPLE at 10 cross
        alice buy 1 APPLE at 1 cross
        alice cross COIN 98.8 held 1
        bob sell 2 APPLE at 12
        at 2800
        index PEAR 1
        accrued 0.01 0.12 0.01
        index APPLE 30
        liquidated alice cross APPLE 6.02 fund 4.06 level -0.48842066 closed 3 made 5 borrows 1,3 repayments 1,3
        liquidated alice cross COIN 30.12 fund 0 borrows 2 repayments 2
        repaid 0.02+1.94 0.12+30 0+4.06
        insurance PEAR 9
        insurance COIN 44.68
        insurance APPLE -4.06
    """,
    "an isolated wallet falls alone": """
        alice add COIN 20 isolated:APPLE
        alice add COIN 20 isolated:PEAR
        alice add COIN 20 cross
        alice borrow COIN 10 cross
        bob buy 3 APPLE at 10
        alice sell 3 APPLE market isolated borrowing
        alice borrow PEAR 3 isolated:PEAR
        index APPLE 17
        liquidated alice isolated:APPLE APPLE 3 fund 3 level -0.03137255
        alice isolated:APPLE COIN 0
        alice isolated:PEAR COIN 20
        alice isolated:PEAR owes PEAR 3
        alice cross COIN 30
        alice cross owes COIN 10
    """,
    "a cross wallet stands for all its debts": """
        alice add COIN 50 cross
        bob buy 3 APPLE at 10
        alice sell 3 APPLE market cross borrowing
        alice borrow PEAR 3 cross
        index APPLE 17
        alice cross owes APPLE 3
        alice cross owes PEAR 3
    """,
    "interest alone can bring a wallet down": SHORT
    + """
        index APPLE 18.8
        at 17200
        tick
        accrued 0.01 0.01 0.01 0.01 0.01
        liquidated alice cross APPLE 5.05 fund 5.05 level 0.04276385
    """,
    "one liquidation can bring about another": LONG
    + """
        user carol
        fund carol APPLE 20
        carol add APPLE 20 cross
        carol borrow COIN 100 cross
        bob sell 10 APPLE at 10
        carol buy 10 APPLE at 10 cross
        carol cross APPLE 29.8
        carol sell 29 APPLE cross stop lte 4    -> 5
        bob buy 5 APPLE at 4
        bob buy 40 APPLE at 1
        index APPLE 5.25
        trades 5@4 15@1 25@1
        order 5 partially_canceled 25 canceled 4
        liquidated alice cross COIN 100 fund 65.7 level 0.05 made 8
        liquidated carol cross COIN 100 fund 75.5 level -0.503 repayments 3,4
        carol cross COIN 0
        carol cross APPLE 0
        insurance COIN -141.2
        insurance APPLE 4.8
    """,
}


@pytest.mark.parametrize("story", CASES.values(), ids=CASES.keys())
def test_a_story_ends_as_the_page_says(story: str) -> None:
    Scenario().run(START + story)


def test_a_liquidation_that_is_told_otherwise_fails() -> None:
    with pytest.raises(AssertionError):
        Scenario().run(f"{START}\n{SHORT}\nindex APPLE 19\nliquidated alice cross APPLE 5 fund 4")
