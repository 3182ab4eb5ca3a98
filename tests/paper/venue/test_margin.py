"""Shows that money is moved, borrowed and repaid, and that interest accrues, as docs/venue.md says, rule by rule, in
numbers small enough to do by hand: each case is a short story (the form is explained in scenario.py). An hour of the
venue ends 2800 seconds after a story begins."""

from __future__ import annotations

from decimal import Decimal

import pytest

from nostro.link.commands import Refusal, Rejected
from paper.venue.positions import SHORT, START
from paper.venue.scenario import Scenario

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


@pytest.mark.parametrize(
    ("amount", "reason"), [("12.34", Refusal.MARGIN_LIMIT), ("10000000000000000000000000000", Refusal.POOL_EMPTY)]
)
def test_what_is_not_lent_is_said_in_amounts_of_the_asset(amount: str, reason: Refusal) -> None:
    scenario = Scenario()
    scenario.run(f"{START}\nalice borrow COIN {amount} cross -> {reason}\nalice COIN 100")
    assert scenario.last is not None
    assert isinstance(scenario.last.answer, Rejected)
    assert f"{Decimal(amount):.2f} COIN" in scenario.last.answer.detail


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
