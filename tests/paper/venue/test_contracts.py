"""Shows that the engine does what docs/contracts.md says of instruments, positions, margin, orders and time, in numbers
small enough to do by hand: each case is a story (the form is explained in perpetuals.py), with every invariant checked
after each of its lines. Liquidation is in test_forced.py."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from nostro.link.commands import Refusal
from nostro.paper.venue.commands import CreateUser, Envelope
from nostro.paper.venue.contracts import half_even
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.profile import Collateral, Profile
from paper.venue.perpetuals import MILL, Deal, HedgedDeal, tiers

TWO = """
    user alice
    user bob
    fund alice COIN 100 futures
    fund bob COIN 1000 futures
"""

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
    "funding comes before the checks are made again": """
        rate FLOUR 0.01
        bob sell 90 FLOUR at 10
        alice leverage FLOUR 10
        alice buy 90 FLOUR at 10             # 900 needs 90, and 91 are left after the fee of 9
        alice backed futures equity 91 initial 90
        at 2800
        alice buy 1 FLOUR at 8.5             -> 3
        funded alice -9 bob 9
        order 3 canceled 0 canceled 1
        alice futures COIN 82
    """,
    "who reduces needs no margin, and no more than there is": """
        bob sell 5 FLOUR at 10
        alice buy 5 FLOUR at 10
        alice sell 3 FLOUR at 12 reduce      -> 3
        alice sell 3 FLOUR at 12 reduce      -> reduce_too_large
        alice sell 2 FLOUR at 9 stop lte 9 reduce -> 4
        alice sell 1 FLOUR at 11 reduce      -> reduce_too_large
        alice buy 1 FLOUR at 9 reduce        -> no_position
        alice backed futures initial 5
    """,
    "what reduces too much by now is ended, the newest first": """
        bob sell 5 FLOUR at 10
        alice buy 5 FLOUR at 10
        alice sell 2 FLOUR at 12 reduce
        alice sell 2 FLOUR at 11.5 reduce
        alice sell 1 FLOUR at 9 stop lte 8.5 reduce -> 5
        bob buy 2 FLOUR at 10
        alice sell 2 FLOUR at 10
        order 5 canceled 0 canceled 1
        order 4 canceled 0 canceled 2
        order 3 open 0
        alice holds 3 FLOUR basis 30
    """,
    "a walk goes on anew where what it would have met has been ended": """
        bob sell 5 FLOUR at 10
        alice buy 5 FLOUR at 10
        alice sell 2 FLOUR at 10             -> 3
        alice sell 5 FLOUR at 10.1 reduce    -> 4
        bob sell 1 FLOUR at 10.2             -> 5
        user carol
        fund carol COIN 100 futures
        carol buy 5 FLOUR at 10.5 fok
        trades 2@10 1@10.2                   # the second order of alice reduces 5 of 3: ended whole
        order 4 canceled 0 canceled 5
        order 6 partially_canceled 3 canceled 2
    """,
    "an order that reduces is ended on its way where its position is gone": """
        bob sell 4 FLOUR at 10
        alice buy 4 FLOUR at 10
        alice sell 4 FLOUR at 8.5 stop lte 9 reduce
        user carol
        fund carol COIN 100 futures
        carol buy 4 FLOUR at 9
        bob buy 1 FLOUR at 9.5
        alice sell 4 FLOUR at 9
        trades 1@9.5 3@9
        order 3 canceled 0 canceled 4
        alice holds 0 FLOUR basis 0
    """,
    "a market order goes as far as the band": """
        bob sell 1 FLOUR at 12
        mark FLOUR 9
        bob sell 1 FLOUR at 10.8
        alice buy 2 FLOUR market
        trades 1@10.8
        order 3 partially_canceled 1 canceled 1
        alice buy 1 FLOUR at 10.9            -> price_out_of_band
        alice buy 1 FLOUR at 10.8            -> 4
        bob sell 1 FLOUR at 7.1              -> price_out_of_band
        bob sell 1 FLOUR at 7.2              -> 5
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
    "a stop by mark triggers with the mark": """
        alice buy 1 FLOUR at 11 stop gte 11 by mark -> 1
        alice buy 1 FLOUR at 11 stop gte 11  -> 2
        mark FLOUR 10.9
        order 1 pending 0
        mark FLOUR 11
        order 1 open 0
        order 2 pending 0
        bob sell 1 FLOUR at 11
        trades 1@11
        order 1 filled 1
        order 2 open 0
    """,
    "a stop by index triggers with either of its assets": """
        fund alice APPLE 10 futures:APPLE/COIN
        alice buy 10 APPLE at 10 stop gte 11 by index -> 1
        alice buy 10 APPLE at 10 stop lte 6 by index -> 2
        index COIN 0.92
        order 1 pending 0                    # 10.87
        index COIN 0.91
        order 1 open 0
        index APPLE 5
        order 2 open 0                       # 5.5
    """,
    "a stop that cannot be paid for when its time comes is ended": """
        bob sell 90 FLOUR at 10
        alice buy 50 FLOUR at 10 stop gte 10.5 by mark
        alice buy 60 FLOUR at 10
        mark FLOUR 10.5
        order 2 canceled 0 canceled 50
        alice sell 60 FLOUR stop lte 9 reduce by mark
        order 4 pending 0
        bob buy 20 FLOUR at 9.9
        alice sell 20 FLOUR at 9.9
        order 4 canceled 0 canceled 60
    """,
    "only the amount falls: the order keeps its turn": """
        user carol
        fund carol COIN 100 futures
        alice buy 5 FLOUR at 10              -> 1
        carol buy 5 FLOUR at 10              -> 2
        alice edit 1 amount 3                -> 1
        bob sell 2 FLOUR at 10
        order 1 partially_filled 2
        alice edit 1 amount 2                -> bad_amount
        alice edit 1 amount 4                -> 1
        order 1 partially_filled 2
        bob sell 5 FLOUR at 10
        order 1 partially_filled 2
        order 2 filled 5
        alice edit 1 price 9.5 amount 5      -> 1
        bob sell 1 FLOUR at 10
        order 5 open 0
        alice edit 1 price 10                -> 1
        trades 1@10
        order 1 partially_filled 3
        alice edit 1 price 12.1              -> price_out_of_band
        alice edit 1 price 10.05             -> bad_price
        alice edit 1 stop 10                 -> bad_stop
        alice edit 1 amount 2000             -> amount_too_large
        alice edit 1 amount 600              -> position_too_large
        alice edit 1 amount 90               -> 1
        alice edit 1 amount 120              -> insufficient_funds
        bob edit 1 amount 1                  -> unknown_order
        carol edit 2 amount 6                -> unknown_order
    """,
    "a stop that is edited waits for its new price": """
        alice buy 5 FLOUR at 11 stop gte 11 by mark -> 1
        alice edit 1 stop 10.5
        alice edit 1 price 12
        order 1 pending 0
        mark FLOUR 10.5
        order 1 open 0
        alice edit 1 stop 14                 -> 1
        order 1 open 0
    """,
    "a post-only order stays one when it is edited": """
        bob sell 5 FLOUR at 10
        alice buy 5 FLOUR at 9 post          -> 2
        alice edit 2 price 10                -> post_only_would_take
        alice buy 5 FLOUR at 10 post         -> post_only_would_take
        order 2 open 0
    """,
    "an edit of an order that ends by itself meanwhile is no error": """
        alice buy 5 FLOUR at 9 till 10       -> 1
        at 10
        alice edit 1 amount 6                -> 1
        order 1 expired 0 canceled 5
    """,
    "money moves between own wallets as far as it is not needed": """
        user carol of alice
        alice move COIN 50 futures spot      -> 1
        entries alice transfer transfer
        alice COIN 50
        alice move COIN 10 spot futures to carol -> 2
        carol futures COIN 10
        alice move COIN 5 futures spot from carol -> 3
        alice COIN 45
        carol move COIN 5 futures spot to alice -> not_your_account
        alice move COIN 5 futures futures    -> wallet_cannot_trade
        alice move COIN 5 cross_margin spot  -> wallet_cannot_trade
        alice move PLUM 5 futures spot       -> unknown_asset
        alice move COIN 5 spot futures:APPLE/COIN -> wrong_asset
        alice move COIN 0 spot futures       -> bad_amount
        alice move COIN 46 spot futures      -> insufficient_funds
        alice buy 20 FLOUR at 10             # needs 20 of 50
        alice move COIN 30.01 futures funding -> insufficient_funds
        alice move COIN 30 futures funding   -> 4
        alice funding COIN 30
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
    "how many orders may be open": """
        alice buy 1 FLOUR at 9
        alice buy 1 FLOUR at 9
        alice buy 1 FLOUR at 9
        alice buy 1 FLOUR at 9
        alice buy 1 FLOUR at 9 stop gte 12   -> 5
        alice buy 1 FLOUR at 9               -> too_many_orders
        alice buy 1 SILK at 9                -> 6
        alice cancel 5
        alice buy 1 FLOUR at 9               -> 7
    """,
    "contract orders hold nothing, and a coin may back several": """
        alice buy 50 FLOUR at 10
        alice sell 50 FLOUR at 11
        entries alice
        alice futures COIN 100
        alice backed futures initial 50
    """,
    "a margin wallet of spot and one of contracts are worlds apart": """
        alice add COIN 5 futures             -> wallet_cannot_trade
        alice borrow COIN 5 futures          -> wallet_cannot_trade
        alice add COIN 5 purse:FLOUR         -> wallet_cannot_trade
        alice add COIN 5 isolated:PLUM       -> unknown_instrument
        fund alice COIN 5 futures:APPLE/COIN -> wrong_asset
        fund alice COIN 5 purse:FLOUR        -> wallet_cannot_trade
        alice buy 5 APPLE at 10 fruit cross   -> insufficient_funds
        alice buy 1 FLOUR at 10 from spot    -> wallet_cannot_trade
        alice buy 10 APPLE at 10 from futures -> wallet_cannot_trade
        alice buy 1 APPLE at 10 fruit long    -> bad_position_side
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

# What is wrong with each line, in the order of the checks; the line is wrong in everything that comes after, too.
REFUSALS = {
    "carol buy 1 FLOUR at 10": Refusal.UNKNOWN_USER,
    "alice buy 1 PLUM at 10": Refusal.UNKNOWN_INSTRUMENT,
    "alice buy 1 FLOUR at 10 long aon from spot": Refusal.WALLET_CANNOT_TRADE,
    "alice buy 0 FLOUR at 10 long aon": Refusal.BAD_POSITION_SIDE,
    "alice buy 0 FLOUR at 10 aon": Refusal.BAD_TIME_IN_FORCE,
    "alice buy 0 FLOUR at 10 ioc post": Refusal.BAD_TIME_IN_FORCE,
    "alice buy worth 10 FLOUR": Refusal.BAD_AMOUNT,
    "alice buy 0.5 FLOUR at 10.05": Refusal.BAD_AMOUNT,
    "alice buy 1 FLOUR at 10.05 stop gte 0": Refusal.BAD_PRICE,
    "alice buy 2000 FLOUR at 13 stop gte 0": Refusal.BAD_STOP,
    "alice buy 2000 FLOUR at 13 till 0": Refusal.ALREADY_EXPIRED,
    "alice buy 2000 FLOUR at 13": Refusal.AMOUNT_TOO_LARGE,
    "alice buy 1 FLOUR at 13": Refusal.PRICE_OUT_OF_BAND,
    "alice sell 1 FLOUR at 7.9": Refusal.PRICE_OUT_OF_BAND,
    "alice buy 501 FLOUR at 10": Refusal.POSITION_TOO_LARGE,
    "alice buy 100 FLOUR at 10.1": Refusal.INSUFFICIENT_FUNDS,
    "alice sell 1 FLOUR at 10 reduce": Refusal.NO_POSITION,
    "carol edit 1 amount 1": Refusal.UNKNOWN_USER,
    "alice edit 1 amount 1": Refusal.UNKNOWN_ORDER,
    "carol leverage FLOUR 5": Refusal.UNKNOWN_USER,
    "alice leverage APPLE/COIN 5": Refusal.UNKNOWN_INSTRUMENT,
    "alice leverage FLOUR 5 long": Refusal.BAD_POSITION_SIDE,
    "alice leverage FLOUR 0": Refusal.BAD_LEVERAGE,
    "alice leverage FLOUR NaN": Refusal.BAD_LEVERAGE,
    "alice leverage FLOUR Infinity": Refusal.BAD_LEVERAGE,
    "alice leverage FLOUR 100": Refusal.LEVERAGE_TOO_HIGH,
    "carol isolate FLOUR": Refusal.UNKNOWN_USER,
    "alice isolate PLUM": Refusal.UNKNOWN_INSTRUMENT,
    "carol move COIN 1 futures spot": Refusal.UNKNOWN_USER,
    "alice move COIN 1 futures spot to bob": Refusal.NOT_YOUR_ACCOUNT,
    "alice move COIN 1 futures moon": Refusal.WALLET_CANNOT_TRADE,
    "mark PLUM 10": Refusal.UNKNOWN_INSTRUMENT,
    "mark APPLE/COIN 10": Refusal.UNKNOWN_INSTRUMENT,
    "mark FLOUR 0": Refusal.BAD_PRICE,
    "mark FLOUR -1": Refusal.BAD_PRICE,
    "mark FLOUR 10.05": Refusal.BAD_PRICE,
    "mark FLOUR NaN": Refusal.BAD_PRICE,
    "mark FLOUR 1E+30": Refusal.BAD_PRICE,
    "rate PLUM 0": Refusal.UNKNOWN_INSTRUMENT,
    "rate FLOUR 0.0100000001": Refusal.BAD_RATE,
    "rate FLOUR -0.010000001": Refusal.BAD_RATE,
    "rate FLOUR 0.0000000001": Refusal.BAD_RATE,
    "rate FLOUR NaN": Refusal.BAD_RATE,
    "fund alice PLUM 1 futures": Refusal.UNKNOWN_ASSET,
    "fund alice APPLE 0 moon": Refusal.WALLET_CANNOT_TRADE,
}


@pytest.mark.parametrize("story", CASES.values(), ids=CASES.keys())
def test_a_story_ends_as_the_page_says(story: str) -> None:
    Deal().run(TWO + story)


@pytest.mark.parametrize("story", HEDGED.values(), ids=HEDGED.keys())
def test_a_story_of_two_sides_ends_as_the_page_says(story: str) -> None:
    HedgedDeal().run(TWO + story)


@pytest.mark.parametrize(("event", "reason"), REFUSALS.items(), ids=REFUSALS.keys())
def test_what_cannot_be_is_refused_with_its_reason(event: str, reason: Refusal) -> None:
    deal = Deal()
    deal.run(f"{TWO}\n{event} -> {reason}\nalice futures COIN 100\nbob futures COIN 1000")
    assert deal.checked == 3


@pytest.mark.parametrize(
    "wrong",
    [
        "alice holds 5 FLOUR basis 51",
        "alice holds -5 FLOUR basis 50",
        "alice dies FLOUR 9",
        "alice backed futures equity 99",
        "funded alice 1",
        "noted alice 3600",
        "clearing COIN 1",
        "rounding COIN 1",
        "alice futures COIN 99",
    ],
)
def test_a_story_with_another_end_fails(wrong: str) -> None:
    happened = "bob sell 5 FLOUR at 10\nalice buy 5 FLOUR at 10\n"
    Deal().run(f"{TWO}\n{happened}\nalice holds 5 FLOUR basis 50")
    with pytest.raises(AssertionError):
        Deal().run(f"{TWO}\n{happened}\n{wrong}")


@pytest.mark.parametrize(
    ("above", "below", "whole"),
    [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (-1, 2, 0), (1, 3, 0), (2, 3, 1), (-2, 3, -1), (9, 3, 3), (0, 7, 0)],
)
def test_a_quotient_is_rounded_half_to_even_on_both_sides_of_zero(above: int, below: int, whole: int) -> None:
    assert half_even(above, below) == whole


def changed(symbol: str, **fields: object) -> dict[str, object]:
    found = [each for each in MILL.instruments if each.symbol == symbol]
    assert found
    return {
        "instruments": tuple(
            msgspec.structs.replace(each, **fields) if each.symbol == symbol else each for each in MILL.instruments
        )
    }


FLOUR = "FLOUR/COIN:COIN"
WRONG_PROFILES = {
    "of flour's value a part of a cent": changed(FLOUR, multiplier=Decimal("0.01")),
    "a linear contract is settled in its quote": changed(FLOUR, quote="SALT"),
    "an inverse contract is settled in its base": changed(FLOUR, kind="inverse"),
    "it is a contract and called spot": changed(FLOUR, kind="spot"),
    "a wallet of another pair": changed(FLOUR, wallet="futures:APPLE/COIN"),
    "no tier": changed(FLOUR, tiers=()),
    "tiers that end": changed(FLOUR, tiers=tiers(("5", 1_000, 1_000, "5"))),
    "tiers that fall": changed(FLOUR, tiers=tiers(("5", 1, 1, "5"), ("4", 1, 1, "5"), (None, 1, 1, "5"))),
    "more maintenance than initial margin": changed(FLOUR, tiers=tiers((None, 1, 2, "5"))),
    "leverage below 1": changed(FLOUR, tiers=tiers((None, 2, 1, "0.99"))),
    "leverage of thousandths": changed(FLOUR, tiers=tiers((None, 2, 1, "5.001"))),
    "no orders": changed(FLOUR, orders_max=0),
    "no positions": changed(FLOUR, position_max=Decimal(0)),
    "a band of everything": changed(FLOUR, band_ppm=1_000_000),
    "no interval": changed(FLOUR, funding_interval_s=0),
    "a multiplier of nothing": changed(FLOUR, multiplier=Decimal(0)),
    "no first mark": {"start_marks": ()},
    "a mark of what is not there": {"start_marks": (*MILL.start_marks, ("PLUM/COIN:COIN", Decimal(1)))},
    "a mark between ticks": {"start_marks": ((FLOUR, Decimal("10.05")), MILL.start_marks[1])},
    "collateral that is no asset": {"collateral": (*MILL.collateral, Collateral("PLUM"))},
    "a haircut of more than everything": {"collateral": (Collateral("COIN", 1_000_001), Collateral("APPLE"))},
    "a settle asset that is no collateral": {"collateral": (Collateral("APPLE"),)},
}


@pytest.mark.parametrize("wrong", WRONG_PROFILES.values(), ids=WRONG_PROFILES.keys())
def test_a_profile_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="."):
        msgspec.structs.replace(MILL, **wrong)


def test_a_first_mark_that_is_not_given_is_the_index_price() -> None:
    engine = Engine(msgspec.convert(msgspec.to_builtins(MILL), Profile))
    engine.apply(Envelope(id=1, at_ns=1, command=CreateUser(name="ann")))
    assert engine.futures.contracts["APPLE/COIN:APPLE"].mark == 100
