"""Shows that margin works as docs/venue.md says, rule by rule, in numbers small enough to do by hand: each case is a
short story (the form is explained in scenario.py). An hour of the venue ends 2800 seconds after a story begins."""

from __future__ import annotations

import pytest

from nostro.link.view import Refusal
from paper.venue.scenario import Scenario

START = """
    user alice
    user bob
    fund alice COIN 100
    fund bob APPLE 20
    fund bob COIN 200
"""

# alice has 99 coins in her cross wallet and owes 5 apples; last: order 2
SHORT = """
    alice add COIN 50 cross
    bob buy 5 APPLE at 10
    alice sell 5 APPLE market cross borrowing
    alice cross COIN 99
    alice cross owes APPLE 5
"""

# alice has 20 apples in her cross wallet and owes 100 coins; last: order 2
LONG = """
    fund alice APPLE 10.2
    alice add APPLE 10.2 cross
    alice borrow COIN 100 cross
    bob sell 10 APPLE at 10
    alice buy 10 APPLE at 10 cross
    alice cross APPLE 20
    alice cross owes COIN 100
"""

CASES = {
    "money moves between spot and another wallet": """
        alice add COIN 60 cross                 -> 1
        entries alice transfer transfer
        alice sub COIN 60.01 cross              -> insufficient_funds
        alice add COIN 40.01 cross              -> insufficient_funds
        alice sub COIN 10 cross                 -> 2
        alice add COIN 5 funding                -> 3
        alice sub COIN 1 funding                -> 4
        alice COIN 46
        alice cross COIN 50
        alice funding COIN 4
    """,
    "a wallet owes at most twice its equity": """
        alice add COIN 50 cross
        alice borrow COIN 100.01 cross          -> margin_limit
        alice borrow COIN 100 cross             -> 1
        entries alice borrow
        alice cross COIN 150
        alice cross owes COIN 100
        lent COIN 100
        alice borrow COIN 0.01 cross            -> margin_limit
        alice sub COIN 0.01 cross               -> margin_limit
        alice repay COIN 10 cross               -> 1
        alice sub COIN 5.01 cross               -> margin_limit
        alice sub COIN 5 cross                  -> 2
    """,
    "what is borrowed counts as had and as owed, at index prices": """
        alice add COIN 50 cross
        index APPLE 20
        alice borrow APPLE 5.01 cross           -> margin_limit
        alice borrow APPLE 5 cross              -> 1
    """,
    "without a debt all may leave": """
        alice add COIN 50 cross
        alice borrow COIN 20 cross
        alice repay COIN 20 cross
        alice sub COIN 50 cross
        alice COIN 100
    """,
    "interest accrues on the hour, on what is not repaid, rounded up": """
        alice add COIN 50 cross
        alice borrow COIN 33.33 cross           -> 1
        at 2799
        tick
        accrued
        at 2800
        tick
        accrued 0.14
        alice cross owes COIN 33.33 interest 0.14
        tick
        accrued
        at 13700
        tick
        accrued 0.14 0.14 0.14
        alice repay COIN 0.5 cross
        repaid 0.5+0
        fees COIN 0.5
        lent COIN 33.33
        alice repay COIN 10 cross
        repaid 0.06+9.94
        entries alice repay
        lent COIN 23.39
        at 17200
        tick
        accrued 0.1
        alice repay COIN 23.5 cross             -> more_than_owed
        alice repay COIN 23.49 cross            -> 3
        repaid 0.1+23.39
        alice cross owes COIN 0
        alice cross COIN 49.34
        alice repay COIN 0.01 cross             -> more_than_owed
        fees COIN 0.66
        lent COIN 0
    """,
    "an hour accrues before the command that finds it, and a new borrow waits for the next": """
        alice add COIN 50 cross
        at 2800
        alice borrow COIN 10 cross              -> 1
        accrued
        at 6400
        alice borrow COIN 10 cross              -> 2
        accrued 0.04
        at 10000
        tick
        accrued 0.04 0.04
    """,
    "a refused command lets no interest accrue": """
        alice add COIN 50 cross
        alice borrow COIN 10 cross
        at 2800
        alice borrow COIN 1000 cross            -> margin_limit
        alice cross owes COIN 10
        tick
        accrued 0.04
    """,
    "repaying goes to the interest of all borrows, then to their principal, the oldest first": """
        alice add COIN 50 cross
        alice borrow COIN 10 cross
        alice borrow COIN 20 cross
        at 2800
        tick
        accrued 0.04 0.08
        alice repay COIN 0.05 cross
        repaid 0.05+0
        alice repay COIN 10.05 cross
        repaid 0.07+9.98
        at 6400
        tick
        accrued 0.01 0.08
        alice repay COIN 0.11 cross
        repaid 0.09+0.02
        at 10000
        tick
        accrued 0.08
    """,
    "interest comes user by user": """
        alice add COIN 50 cross
        bob add COIN 50 cross
        bob borrow COIN 5 cross                 -> 1
        alice borrow COIN 10 cross              -> 2
        at 6400
        tick
        accrued 0.04 0.02 0.04 0.02
    """,
    "of each asset only so much is lent to all": """
        fund alice APPLE 200
        alice add APPLE 200 cross
        bob add COIN 200 cross
        alice borrow APPLE 300.01 cross         -> pool_empty
        alice borrow APPLE 299 cross            -> 1
        bob borrow APPLE 1.01 cross             -> pool_empty
        bob borrow APPLE 1 cross                -> 2
        lent APPLE 300
        alice repay APPLE 0.5 cross
        bob borrow APPLE 0.5 cross              -> 3
    """,
    "what is owed and not there cannot be repaid": SHORT
    + """
        alice repay APPLE 1 cross               -> insufficient_funds
        alice repay COIN 1 cross                -> more_than_owed
    """,
    "an order pays from its wallet, holds in it, and receives into it": """
        alice add COIN 50 cross
        bob sell 2 APPLE at 10
        alice buy 3 APPLE at 10 cross
        alice cross COIN 30 held 10
        alice cross APPLE 1.96
        alice COIN 50
        alice APPLE 0
        alice cancel 2                          -> 2
        alice cross COIN 30
        alice buy 2 APPLE at 10 isolated        -> insufficient_funds
        alice add COIN 20 isolated:APPLE
        alice buy 2 APPLE at 10 isolated        -> 3
        alice isolated:APPLE COIN 20 held 20
    """,
    "an order borrows what its hold misses, right before it holds": """
        alice add COIN 20 cross
        alice buy 5 APPLE at 10 cross           -> insufficient_funds
        alice buy 7 APPLE at 10 cross borrowing -> margin_limit
        alice buy 5 APPLE at 10 cross borrowing -> 1
        entries alice borrow hold
        alice cross COIN 50 held 50
        alice cross owes COIN 30
        alice buy 11 APPLE at 10 borrowing      -> insufficient_funds
    """,
    "an order that has enough borrows nothing": """
        alice add COIN 50 cross
        alice buy 5 APPLE at 10 cross borrowing
        entries alice hold
        alice cross owes COIN 0
    """,
    "a market order borrows what it would spend now": """
        alice add COIN 20 cross
        bob sell 2 APPLE at 10
        bob sell 1 APPLE at 11
        alice buy 9 APPLE market cross borrowing
        trades 2@10 1@11
        entries alice borrow trade trade fee trade trade fee
        alice cross owes COIN 11
        alice cross COIN 0
    """,
    "no more is borrowed for an order than the pool has": """
        fund alice APPLE 400
        alice add APPLE 400 cross
        fund bob COIN 3000
        alice sell 301 APPLE at 10 cross
        alice sell 400 APPLE at 11 cross borrowing -> pool_empty
        alice sell 399 APPLE at 11 cross borrowing -> 2
        lent APPLE 300
    """,
    "an order repays from what each of its fills brings, as taker and as maker": SHORT
    + """
        bob sell 3 APPLE at 9
        alice buy 4 APPLE at 9 cross repaying
        entries alice hold trade trade fee repay
        repaid 0+2.94
        alice cross owes APPLE 2.06
        bob sell 1 APPLE market
        entries alice trade trade fee repay
        repaid 0+0.99
        alice cross owes APPLE 1.07
        alice cross APPLE 0
        bob sell 2 APPLE at 9
        alice buy 2 APPLE at 9 cross repaying
        repaid 0+1.07
        alice cross APPLE 0.89
        alice cross owes APPLE 0
    """,
    "another order repays nothing": SHORT
    + """
        bob sell 3 APPLE at 9
        alice buy 3 APPLE at 9 cross borrowing
        repaid
        alice cross owes APPLE 5
        alice cross APPLE 2.94
    """,
    "an order whose loan interest has made too large is canceled whole": """
        alice add COIN 20 cross
        alice borrow COIN 20 cross
        at 2800
        alice buy 6 APPLE at 10 cross borrowing -> 1
        order 1 canceled 0 canceled 6
        alice cross owes COIN 20 interest 0.08
        alice cross COIN 40
    """,
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
    "a master acts for its sub-accounts, and for nobody else": """
        user carol of alice
        user dave of carol                      -> unknown_user
        user dave of nobody                     -> unknown_user
        fund carol COIN 50
        alice add COIN 50 cross for carol       -> 1
        alice borrow COIN 5 cross for carol     -> 1
        alice repay COIN 1 cross for carol      -> 1
        alice close cross for carol
        carol cross COIN 50
        carol add COIN 1 cross for alice        -> not_your_account
        bob borrow COIN 1 cross for carol       -> not_your_account
        bob repay COIN 1 cross for carol        -> not_your_account
        bob close cross for carol               -> not_your_account
        alice add COIN 1 cross for nobody       -> not_your_account
        carol add COIN 1 cross                  -> insufficient_funds
    """,
}

REFUSALS = {
    "nobody borrow COIN 1 cross": Refusal.UNKNOWN_USER,
    "nobody close cross": Refusal.UNKNOWN_USER,
    "alice borrow COIN 1 spot": Refusal.WALLET_CANNOT_TRADE,
    "alice borrow COIN 1 funding": Refusal.WALLET_CANNOT_TRADE,
    "alice add COIN 1 spot": Refusal.WALLET_CANNOT_TRADE,
    "alice close nowhere": Refusal.WALLET_CANNOT_TRADE,
    "alice add COIN 1 isolated:PLUM": Refusal.UNKNOWN_INSTRUMENT,
    "alice borrow PLUM 1 cross": Refusal.UNKNOWN_ASSET,
    "alice borrow PEAR 1 isolated:APPLE": Refusal.WRONG_ASSET,
    "alice add PEAR 1 isolated:APPLE": Refusal.WRONG_ASSET,
    "alice repay PEAR 1.001 isolated:APPLE": Refusal.WRONG_ASSET,
    "alice borrow COIN 0 cross": Refusal.BAD_AMOUNT,
    "alice add COIN -1 cross": Refusal.BAD_AMOUNT,
    "alice repay COIN 0.001 cross": Refusal.BAD_AMOUNT,
    "alice borrow COIN 10000000000000000000000000000.01 cross": Refusal.BAD_AMOUNT,
    "alice borrow COIN 10000000000000000000000000000 cross": Refusal.POOL_EMPTY,
    "alice borrow COIN 0.01 cross": Refusal.MARGIN_LIMIT,
    "alice repay COIN 0.01 cross": Refusal.MORE_THAN_OWED,
    "alice close cross": Refusal.NO_POSITION,
    "alice add COIN 100.01 cross": Refusal.INSUFFICIENT_FUNDS,
    "index PLUM 3": Refusal.UNKNOWN_ASSET,
    "index COIN 0": Refusal.BAD_PRICE,
    "index COIN 0.000000001": Refusal.BAD_PRICE,
    "index COIN 10000000000.00000001": Refusal.BAD_PRICE,
    "alice buy 1 APPLE at 10 isolated:PEAR": Refusal.WALLET_CANNOT_TRADE,
    "alice buy 1 PLUM at 10 isolated": Refusal.UNKNOWN_INSTRUMENT,
    "fund alice COIN 1 cross": Refusal.WALLET_CANNOT_TRADE,
}


@pytest.mark.parametrize("story", CASES.values(), ids=CASES.keys())
def test_a_story_ends_as_the_page_says(story: str) -> None:
    Scenario().run(START + story)


@pytest.mark.parametrize(("event", "reason"), REFUSALS.items(), ids=REFUSALS.keys())
def test_what_cannot_be_is_refused_with_its_reason(event: str, reason: Refusal) -> None:
    Scenario().run(f"{START}\n{event} -> {reason}\nalice COIN 100\nbob APPLE 20")


@pytest.mark.parametrize(
    "wrong",
    [
        "alice cross owes APPLE 4",
        "alice cross COIN 98",
        "alice cross COIN 99 held 1",
        "lent APPLE 4",
        "insurance APPLE 1",
        "accrued 0.01",
        "repaid 0+1",
    ],
)
def test_a_story_with_another_end_fails(wrong: str) -> None:
    with pytest.raises(AssertionError):
        Scenario().run(f"{START}\n{SHORT}\n{wrong}")


def test_a_liquidation_that_is_told_otherwise_fails() -> None:
    with pytest.raises(AssertionError):
        Scenario().run(f"{START}\n{SHORT}\nindex APPLE 19\nliquidated alice cross APPLE 5 fund 4")
