"""Shows that the engine does what docs/contracts.md says of orders, edits, stops and money that moves, in numbers small
enough to do by hand: each case is a story (the form is explained in perpetuals.py), with every invariant checked after
each of its lines. And that what cannot be is refused, with the first reason."""

from __future__ import annotations

import pytest

from nostro.link.commands import Refusal
from paper.venue.perpetuals import TWO, Deal

CASES = {
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
