"""Shows that the engine does what docs/contracts.md says of positions, margin, collateral and time, in numbers small
enough to do by hand: each case is a story (the form is explained in perpetuals.py), with every invariant checked after
each of its lines. Liquidation is in test_forced.py."""

from __future__ import annotations

import pytest

from paper.venue.perpetuals import TWO, Deal, HedgedDeal

CASES = {
    "a position opens, closes and realizes; the taker pays of the value": """
        bob sell 5 FLOUR at 10
        alice buy 5 FLOUR at 10
        entries alice fee
        entries bob
        alice futures COIN 99.5
        alice holds 5 FLOUR basis 50
        alice backed futures equity 99.5 initial 5 initial_positions 5 maintenance 2.5 available 94.5
        mark FLOUR 11
        alice backed futures equity 104.5 unrealized 5 initial 5.5 maintenance 2.75
        bob backed futures equity 995 unrealized -5
        bob buy 2 FLOUR at 11
        alice sell 2 FLOUR at 11
        entries alice realized_pnl fee
        entries bob realized_pnl
        alice holds 3 FLOUR basis 30
        alice futures COIN 101.28
        bob futures COIN 998
        clearing COIN 0
        fees COIN 0.72
    """,
    "clearing is what of profits is not yet paid by losses": """
        user carol
        fund carol COIN 100 futures
        bob sell 5 FLOUR at 10
        alice buy 5 FLOUR at 10
        carol buy 5 FLOUR at 12
        alice sell 5 FLOUR at 12
        alice futures COIN 108.9
        clearing COIN -10
        carol holds 5 FLOUR basis 60
    """,
    "a fill that turns a position closes first, and pays its fee in what it closes": """
        bob sell 5 FLOUR at 10
        alice buy 5 FLOUR at 10
        bob buy 8 FLOUR at 11
        alice sell 8 FLOUR at 11
        closed alice FLOUR 5 realized 5 fees 1.38 exit_value 55 exit_basis 50 size_max 5 long True liquidated False
        alice holds -3 FLOUR basis -33
        bob holds 3 FLOUR basis 33
        entries alice realized_pnl fee
        alice futures COIN 103.62
    """,
    "what a part of an uneven basis costs is rounded half to even": """
        fund bob APPLE 10 futures:APPLE/COIN
        fund alice APPLE 10 futures:APPLE/COIN
        bob sell 30 APPLE at 9.2             # 3.26 apples
        alice buy 30 APPLE at 9.2
        alice holds 30 APPLE basis 3.26
        bob buy 7 APPLE at 9.2
        alice sell 7 APPLE at 9.2            # 0.76 at exit, 326 * 7 / 30 = 76.07 of the basis
        alice holds 23 APPLE basis 2.5
    """,
    "an inverse contract gains in its base what its price falls for a short one": """
        fund alice APPLE 10 futures:APPLE/COIN
        fund bob APPLE 10 futures:APPLE/COIN
        bob buy 100 APPLE at 10
        alice sell 100 APPLE at 10
        alice holds -100 APPLE basis -10
        alice futures:APPLE/COIN APPLE 9.9
        mark APPLE 8
        alice backed futures:APPLE/COIN equity 12.4 unrealized 2.5 initial 1.25 maintenance 0.63
        bob backed futures:APPLE/COIN equity 7.5 unrealized -2.5
        bob sell 100 APPLE at 8
        alice buy 100 APPLE at 8
        closed alice APPLE 100 realized 2.5 fees 0.23 exit_value 12.5 exit_basis 10 long False
        closed bob APPLE 100 realized -2.5 fees 0 long True
        alice futures:APPLE/COIN APPLE 12.27
    """,
    "a quanto contract pays cents for ticks": """
        bob sell 100 SILK at 10
        alice buy 100 SILK at 10             # 1000 cents
        alice holds 100 SILK basis 10
        mark SILK 13
        alice backed futures equity 102.9 unrealized 3
        bob backed futures unrealized -3
        rate SILK 0.001
        at 2800
        tick                                 # 1300 cents at a thousandth: 1.3
        funded alice -0.02 bob 0.01
        rounding COIN 0.01
    """,
    "haircuts count for what is there, not for what is missing": """
        fund alice APPLE 2 futures
        alice backed futures gross 120 assets 118 equity 118
        index APPLE 5
        alice backed futures gross 110 assets 109
        alice move COIN 100 futures spot
        alice backed futures gross 10 assets 9
        bob sell 8 FLOUR at 10
        alice buy 8 FLOUR at 10              # the fee is owed: 0.8
        alice futures COIN -0.8
        alice backed futures gross 9.2 assets 8.2
    """,
    "funding is paid for every instant that passed, up, and received down": """
        rate FLOUR 0.0015
        bob sell 5 FLOUR at 10
        alice buy 5 FLOUR at 10
        at 2799
        tick
        funded
        at 2800
        tick                                 # 50 at 0.0015: 0.075
        funded alice -0.08 bob 0.07
        rounding COIN 0.01
        at 10000
        tick
        funded alice -0.08 bob 0.07 alice -0.08 bob 0.07
        entries alice funding funding
        alice futures COIN 99.26
        rate FLOUR -0.001
        at 13600
        tick
        funded alice 0.05 bob -0.05
        bob buy 5 FLOUR at 10
        alice sell 5 FLOUR at 10
        closed alice FLOUR 5 realized 0 fees 1 funding -0.19
    """,
    "an order far from the mark needs what it would lose": """
        alice buy 80 FLOUR at 10
        alice backed futures initial 80
        alice buy 15 FLOUR at 12             -> insufficient_funds
        bob sell 1 FLOUR at 12
        alice buy 5 FLOUR at 12              -> 3        # 85 at 10 needs 85, and 5 lose 10
        trades 1@12
        alice backed futures equity 97.88 initial 93
    """,
    "only what could be the larger side counts": """
        bob sell 5 FLOUR at 10
        alice buy 5 FLOUR at 10
        alice sell 10 FLOUR at 11
        alice backed futures initial 5
        alice sell 1 FLOUR at 11
        alice backed futures initial 6
        alice buy 2 FLOUR at 9
        alice backed futures initial 7
        bob backed futures initial 5
    """,
    "a tier belongs to the whole position": """
        fund alice COIN 1000 futures
        bob sell 101 FLOUR at 10
        alice buy 100 FLOUR at 10
        alice backed futures initial 100 maintenance 50
        alice buy 1 FLOUR at 10
        alice backed futures initial 202 maintenance 101
    """,
    "leverage is an own lower bound of margin": """
        alice leverage FLOUR 11              -> leverage_too_high
        alice leverage FLOUR 0.99            -> bad_leverage
        alice leverage FLOUR 2.505           -> bad_leverage
        alice leverage FLOUR 2.5
        bob sell 10 FLOUR at 10
        alice buy 10 FLOUR at 10
        alice backed futures initial 40
        alice leverage FLOUR 1               -> insufficient_funds
        alice leverage FLOUR 1.1
        alice backed futures equity 99 initial 90.91
        alice buy 1 FLOUR at 9               -> insufficient_funds
        alice leverage FLOUR none
        alice backed futures initial 10
    """,
    "a leverage must be affordable, and within the tier of what may become": """
        alice buy 40 FLOUR at 10
        alice leverage FLOUR 4
        alice leverage FLOUR 3.99            -> insufficient_funds
        fund alice COIN 400 futures
        alice buy 70 FLOUR at 10
        alice leverage FLOUR 5.01            -> leverage_too_high
        bob leverage FLOUR 10
        bob sell 101 FLOUR at 12             -> leverage_too_high
    """,
    "an isolated position has a purse": """
        alice isolate FLOUR
        alice leverage FLOUR 5
        bob sell 5 FLOUR at 10
        alice buy 5 FLOUR at 10
        entries alice fee isolate isolate
        alice futures COIN 89.5
        alice purse:FLOUR COIN 10
        alice backed futures equity 89.5 initial 0 maintenance 0
        alice dies FLOUR 8.5                 # 10 + 5 (p - 10) = 0.25 p at 8.42
        bob buy 2 FLOUR at 9
        alice sell 2 FLOUR at 9
        entries alice realized_pnl fee isolate isolate
        alice purse:FLOUR COIN 4.8           # 10 - 2, less two fifths
        alice futures COIN 92.52
        alice holds 3 FLOUR basis 30
        bob buy 5 FLOUR at 9.5
        alice sell 5 FLOUR at 9.5
        entries alice realized_pnl fee isolate isolate isolate isolate
        alice holds -2 FLOUR basis -19
        alice purse:FLOUR COIN 3.8
        alice futures COIN 91.54             # 92.52 - 0.475 + 3.3 - 3.8, the fee rounded up
        alice leverage FLOUR 4               -> position_open
        alice cross FLOUR                    -> position_open
    """,
    "funding of an isolated position is paid from its purse": """
        rate FLOUR 0.01
        alice isolate FLOUR
        bob sell 5 FLOUR at 10
        alice buy 5 FLOUR at 10
        alice purse:FLOUR COIN 5
        at 2800
        tick
        funded alice -0.5 bob 0.5
        alice purse:FLOUR COIN 4.5
        alice futures COIN 94.5
    """,
    "the mode is set where nothing is open": """
        alice buy 1 FLOUR at 9               -> 1
        alice isolate FLOUR                  -> position_open
        alice cancel 1
        alice isolate FLOUR
        alice leverage FLOUR none            -> bad_leverage
        alice cross FLOUR
        alice leverage FLOUR none
    """,
    "an isolated order needs margin for what it would add": """
        alice isolate FLOUR
        bob sell 50 FLOUR at 10
        alice buy 50 FLOUR at 10
        alice futures COIN 45
        alice sell 50 FLOUR at 11            # closes
        alice backed futures equity 45 initial 0
        alice sell 50 FLOUR at 11            # could turn it: 0 more
        alice backed futures initial 0
        alice sell 40 FLOUR at 11
        alice backed futures initial 40
        alice sell 6 FLOUR at 11             -> insufficient_funds
        alice buy 1 FLOUR at 9
        alice backed futures initial 40
    """,
    "what time takes is not moved": """
        rate FLOUR 0.01
        bob sell 50 FLOUR at 10
        alice buy 50 FLOUR at 10
        alice futures COIN 95
        at 2800
        alice move COIN 45 futures spot
        entries alice funding
        alice futures COIN 90
    """,
    "snapshots are of those who did something": """
        user carol
        fund carol COIN 5
        at 2799
        tick
        noted
        at 2800
        tick
        noted alice 3600 bob 3600
        at 10000
        tick
        noted
        fund carol COIN 5
        carol move COIN 5 spot futures
        alice buy 1 FLOUR at 9
        at 17200
        tick
        noted alice 14400 carol 14400
        rate FLOUR 0.01
        bob sell 1 FLOUR at 9
        at 24400
        tick
        noted alice 21600 bob 21600 alice 25200 bob 25200
        funded alice -0.1 bob 0.1 alice -0.1 bob 0.1
    """,
}

HEDGED = {
    "in hedge mode a long and a short position live side by side": """
        bob sell 5 FLOUR at 10 short
        alice buy 5 FLOUR at 10 long
        bob buy 4 FLOUR at 10 long
        alice sell 4 FLOUR at 10 short
        alice holds 5 FLOUR basis 50 long
        alice holds -4 FLOUR basis -40 short
        alice backed futures initial 9 maintenance 4.5
        mark FLOUR 11
        alice backed futures unrealized 1
        alice sell 6 FLOUR at 11 long        -> reduce_too_large
        alice sell 5 FLOUR at 11 long        -> 5
        alice buy 1 FLOUR at 9 long reduce   -> no_position
        alice buy 5 FLOUR at 11 short        -> reduce_too_large
        alice buy 4 FLOUR at 10 short        -> 6
        alice buy 4 FLOUR at 10              -> bad_position_side
        bob sell 4 FLOUR at 10 short
        alice holds 0 FLOUR basis 0 short
        alice holds 5 FLOUR basis 50 long
        alice backed futures initial 5.5
    """,
    "each side has its own leverage and purse": """
        alice isolate FLOUR
        alice leverage FLOUR 5 short
        bob sell 5 FLOUR at 10 short
        alice buy 5 FLOUR at 10 long
        bob buy 5 FLOUR at 10 long
        alice sell 5 FLOUR at 10 short
        alice purse:FLOUR:long COIN 5
        alice purse:FLOUR:short COIN 10
        alice futures COIN 84
        alice leverage FLOUR 4               -> bad_position_side
    """,
}


@pytest.mark.parametrize("story", CASES.values(), ids=CASES.keys())
def test_a_story_ends_as_the_page_says(story: str) -> None:
    Deal().run(TWO + story)


@pytest.mark.parametrize("story", HEDGED.values(), ids=HEDGED.keys())
def test_a_story_of_two_sides_ends_as_the_page_says(story: str) -> None:
    HedgedDeal().run(TWO + story)
