"""Shows how wallets and purses that no longer cover their maintenance margin are liquidated, in numbers small enough to
do by hand: what is sold on the market, what the house takes over, and who pays for what is missing."""

from __future__ import annotations

import pytest

from paper.venue.perpetuals import Deal, HedgedDeal

# alice has 10 contracts of flour from 10 and 19 coins left, bob the other side and much more
START = """
    user alice
    user bob
    fund alice COIN 20 futures
    fund bob COIN 1000 futures
    bob sell 10 FLOUR at 10
    alice buy 10 FLOUR at 10
    alice futures COIN 19
"""

CASES = {
    "at the maintenance margin it ends, and the market gets the first look": """
        bob buy 4 FLOUR at 8                 -> 3
        alice sell 1 FLOUR at 11             -> 4
        alice dies FLOUR 8.6
        mark FLOUR 8.6                       # 19 - 14 > 4.3
        alice holds 10 FLOUR basis 100
        mark FLOUR 8.5                       # 19 - 15 < 4.25
        forced alice futures equity 4 maintenance 4.25 deficit 0 canceled 4 made 5
        order 4 canceled 0 canceled 1
        order 3 filled 4
        order 5 filled 10
        trades 4@8 6@8.5
        entries alice realized_pnl fee realized_pnl
        alice holds 0 FLOUR basis 0
        alice futures COIN 1.68              # 19 - 8 - 9 - 0.32
        closed alice FLOUR 10 realized -17 fees 1.32 liquidated True
        bob holds -6 FLOUR basis -60
        insurance COIN 0
    """,
    "what is missing the house pays, and shows": """
        mark FLOUR 7
        forced alice futures equity -11 maintenance 3.5 deficit 11 made 3
        trades 10@7
        entries alice realized_pnl liquidation
        alice futures COIN 0
        insurance COIN -11
        clearing COIN 30
        bob backed futures unrealized 30
    """,
    "the house's position is closed by the next that it takes over": """
        mark FLOUR 7
        insurance COIN -11
        user carol
        fund carol COIN 10 futures
        bob buy 5 FLOUR at 7
        carol sell 5 FLOUR at 7
        carol futures COIN 9.65
        mark FLOUR 8.6                       # 9.65 - 8 < 2.15
        forced carol futures equity 1.65 maintenance 2.15 deficit 0
        carol futures COIN 1.65
        insurance COIN -3                    # it bought for 7 what it sells for 8.6
        mark FLOUR 8
        rate FLOUR 0.001
        at 2800
        tick                                 # the house pays for the 5 that it still has
        funded bob 0.04
        insurance COIN -3.04
    """,
    "positions go in the order of contracts, until the rest is covered": """
        bob sell 200 SILK at 10
        alice buy 200 SILK at 10             # 20 of value, 0.2 of fee
        bob buy 200 SILK at 10               -> 5
        mark FLOUR 8.6                       # 18.8 - 14 < 4.3 + 1
        forced alice futures equity 4.8 maintenance 5.3 deficit 0 made 6
        trades 200@10
        alice holds 0 SILK basis 0
        alice holds 10 FLOUR basis 100       # 18.6 - 14 > 4.3
        alice futures COIN 18.6
        order 6 filled 200
    """,
    "a purse ends alone": """
        user carol
        fund carol COIN 20 futures
        carol isolate FLOUR
        carol leverage FLOUR 10
        bob sell 5 FLOUR at 10
        carol buy 5 FLOUR at 10
        carol purse:FLOUR COIN 5
        carol futures COIN 14.5
        carol sell 3 FLOUR at 11 reduce      -> 5
        carol buy 5 SILK at 9                -> 6
        mark FLOUR 9.4                       # 5 - 3 = 2 < 2.35
        forced carol isolated_margin:FLOUR/COIN:COIN equity 2 maintenance 2.35 deficit 0 canceled 5 made 7
        entries carol realized_pnl isolate isolate
        carol purse:FLOUR COIN 0
        carol futures COIN 16.5
        order 6 open 0
        alice holds 10 FLOUR basis 100
    """,
    "what a purse lacks the house pays, and its wallet does not": """
        user carol
        fund carol COIN 20 futures
        carol isolate FLOUR
        bob sell 5 FLOUR at 10
        carol buy 5 FLOUR at 10
        fund alice COIN 1000 futures
        mark FLOUR 7
        forced carol isolated_margin:FLOUR/COIN:COIN equity -10 maintenance 1.75 deficit 10
        entries carol realized_pnl insurance
        carol purse:FLOUR COIN 0
        carol futures COIN 14.5
        insurance COIN -10
    """,
    "an index price may be the end of a wallet, too": """
        user carol
        fund carol APPLE 2 futures
        bob sell 5 FLOUR at 10
        carol buy 5 FLOUR at 10
        carol backed futures equity 17.5 initial 5 maintenance 2.5
        index APPLE 2
        carol backed futures equity 3.1 maintenance 2.5
        index APPLE 1
        forced carol futures equity 1.3 maintenance 2.5 deficit 0
        carol futures COIN -0.5
        carol futures APPLE 2
        index APPLE 0.1                      # nothing is held, and nothing is taken
        carol backed futures assets -0.32
    """,
    "a wallet whose haircut value is negative is taken as a whole": """
        user carol
        fund carol APPLE 1 futures
        bob sell 5 FLOUR at 10
        carol buy 5 FLOUR at 10              # 0.5 of fee
        mark FLOUR 8                         # 10 less 10 % - 0.5 - 10 = -1.5
        forced carol futures equity -1.5 maintenance 2 deficit 0.5
        entries carol realized_pnl liquidation liquidation
        carol futures COIN 0
        carol futures APPLE 0
    """,
    "money that leaves by funding may be the end": """
        rate FLOUR 0.01
        mark FLOUR 8.7                       # 19 - 13 = 6 > 4.35
        at 6400
        tick                                 # 0.87 an hour: twice leaves 4.26
        funded alice -0.87 bob 0.87 alice -0.87 bob 0.87
        forced alice futures equity 4.26 maintenance 4.35 deficit 0 made 3
        trades 10@8.7
    """,
    "one liquidation may bring the next": """
        user carol
        fund carol COIN 14 futures
        bob sell 10 FLOUR at 9.5
        carol buy 10 FLOUR at 9.5
        carol futures COIN 13.05
        bob buy 20 FLOUR at 8                -> 5
        mark FLOUR 8.5
        forced alice futures equity 4 maintenance 4.25
        forced carol futures equity 3.05 maintenance 4.25
        trades 10@8 10@8
        alice futures COIN 0
        insurance COIN -4.55                 # 20 - 19 + 0.8 of alice, 15 - 13.05 + 0.8 of carol
    """,
}

HEDGED = """
    user alice
    user bob
    fund alice COIN 13 futures
    fund bob COIN 1000 futures
    bob sell 10 FLOUR at 10 short
    alice buy 10 FLOUR at 10 long
    bob buy 2 FLOUR at 10 long
    alice sell 2 FLOUR at 10 short
    alice futures COIN 11.8
    mark FLOUR 9.3                           # 11.8 - 7 + 1.4 = 6.2 > 5.58
    alice holds 10 FLOUR basis 100 long
    mark FLOUR 9.2                           # 11.8 - 8 + 1.6 = 5.4 < 4.6 + 0.92
    forced alice futures equity 5.4 maintenance 5.52 deficit 0 made 5
    alice holds 0 FLOUR basis 0 long
    alice holds -2 FLOUR basis -20 short
    alice backed futures equity 5.4 maintenance 0.92
"""


@pytest.mark.parametrize("story", CASES.values(), ids=CASES.keys())
def test_a_story_ends_as_the_page_says(story: str) -> None:
    Deal().run(START + story)


def test_of_two_sides_the_long_one_goes_first_and_the_house_holds_it() -> None:
    deal = HedgedDeal()
    deal.run(HEDGED)
    (held,) = deal.engine.matching.clearing.house.positions.values()
    assert (held.side, held.size) == (1, 10)
