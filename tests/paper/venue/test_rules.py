"""Shows that the engine does what docs/venue.md says, rule by rule, in numbers small enough to do by hand: each case is
a short story with the balances expected in the end (the form is explained in scenario.py)."""

from __future__ import annotations

import pytest

from nostro.link.commands import Refusal
from paper.venue import test_contracts, test_liquidation, test_margin, test_positions
from paper.venue.scenario import Scenario

TWO = """
    user alice
    user bob
    fund alice COIN 100
    fund bob APPLE 10
"""

CASES = {
    "a limit order holds, trades at the resting price, and frees what it saved": """
        bob sell 2 APPLE at 10
        alice buy 3 APPLE at 12          -> 2
        entries alice hold trade trade fee
        entries bob trade trade fee
        trades 2@10
        order 1 filled 2
        order 2 partially_filled 2
        alice COIN 80 held 12
        alice APPLE 1.96
        bob COIN 19.8
        bob APPLE 8
        fees COIN 0.2
        fees APPLE 0.04
    """,
    "best price first, then first come": """
        user carol
        fund carol APPLE 10
        bob sell 1 APPLE at 11
        bob sell 1 APPLE at 10
        carol sell 1 APPLE at 10
        alice buy 2.5 APPLE at 11
        trades 1@10 1@10 0.5@11
        order 2 filled 1
        order 3 filled 1
        order 1 partially_filled 0.5
        bob APPLE 8.5 held 0.5
    """,
    "ioc leaves nothing, and its hold is released": """
        bob sell 1 APPLE at 10
        alice buy 3 APPLE at 12 ioc
        entries alice hold trade trade fee release
        order 2 partially_canceled 1 canceled 2
        alice COIN 90
    """,
    "fok is all or nothing": """
        bob sell 1 APPLE at 10
        alice buy 2 APPLE at 12 fok
        entries alice hold release
        order 2 canceled 0 canceled 2
        alice buy 1 APPLE at 12 fok
        order 3 filled 1
        alice COIN 90
    """,
    "aon rests out of sight until it can be filled wholly": """
        bob sell 1 APPLE at 10
        alice buy 3 APPLE at 10 aon
        order 2 open 0
        bob sell 1 APPLE at 10
        order 2 open 0
        bob sell 1 APPLE at 9
        trades 1@9 1@10 1@10
        order 2 filled 3
        alice COIN 71
    """,
    "nobody meets a hidden order": """
        alice buy 3 APPLE at 10 aon
        bob sell 1 APPLE market
        order 2 canceled 0 canceled 1
        bob sell 1 APPLE at 10 post
        order 3 open 0
    """,
    "an own order stops the walk and cancels the rest": """
        fund alice APPLE 5
        bob sell 1 APPLE at 9
        alice sell 1 APPLE at 10
        bob sell 1 APPLE at 11
        alice buy 3 APPLE at 11
        trades 1@9
        order 4 partially_canceled 1 canceled 2
        alice COIN 91
    """,
    "an own order in the way keeps a hidden one waiting, until it ends": """
        fund alice APPLE 5
        alice sell 1 APPLE at 9 till 10
        bob sell 2 APPLE at 10
        alice buy 2 APPLE at 10 aon
        order 3 open 0
        at 10
        tick
        order 1 expired 0 canceled 1
        order 3 filled 2
        alice COIN 80
    """,
    "a market order spends what it finds": """
        bob sell 1 APPLE at 10
        bob sell 1 APPLE at 20
        alice buy 5 APPLE market
        trades 1@10 1@20
        order 3 partially_canceled 2 canceled 3
        entries alice trade trade fee trade trade fee
        alice COIN 70
    """,
    "a market order that cannot pay for its walk is refused": """
        bob sell 1 APPLE at 100
        bob sell 1 APPLE at 101
        alice buy 1 APPLE market
        trades 1@100
        alice buy 1 APPLE market            -> insufficient_funds
        alice sell 2 APPLE market           -> insufficient_funds
    """,
    "funded in quote units: as many whole lots as it buys": """
        bob sell 1 APPLE at 10
        bob sell 5 APPLE at 20
        alice buy worth 25.99 APPLE
        trades 1@10 0.7@20
        order 3 filled 1.7
        alice COIN 76
    """,
    "funded in quote units and fok: the money must run out before the book does": """
        bob sell 1 APPLE at 10
        alice buy worth 15 APPLE fok
        order 2 canceled 0
        alice buy worth 9.5 APPLE fok
        trades 0.9@10
        order 3 filled 0.9
        alice COIN 91
    """,
    "a sale funded in quote units": """
        alice buy 3 APPLE at 10
        bob sell worth 15 APPLE
        trades 1.5@10
        bob APPLE 8.5
        bob COIN 14.7
    """,
    "less than a unit stays with the buyer": """
        fund bob PEAR 10
        bob sell 5.55 PEAR at 3.33
        alice buy 5.55 PEAR at 3.33
        alice COIN 81.52                     # 5.55 * 3.33 = 18.4815
        bob COIN 18.29                       # 18.48 less 1 %, rounded up
    """,
    "a hold is rounded up": """
        alice buy 5.55 PEAR at 3.33
        alice COIN 100 held 18.49
        alice cancel 1                       -> 1
        alice COIN 100
    """,
    "a stop waits for a trade, then takes; what it held too much is released": """
        bob sell 3 APPLE at 10
        alice buy 1 APPLE stop gte 10        -> 2
        order 2 pending 0
        alice COIN 100 held 10.5
        user carol
        fund carol COIN 50
        carol buy 1 APPLE market
        trades 1@10 1@10
        entries alice trade trade fee release
        order 2 filled 1
        alice COIN 90
    """,
    "a stop whose price was traded already triggers at once": """
        bob sell 3 APPLE at 10
        alice buy 1 APPLE market
        alice buy 1 APPLE at 11 stop lte 10
        order 3 filled 1
        alice COIN 80
    """,
    "a buy stop_market spends at most its hold": """
        bob sell 1 APPLE at 10
        bob sell 9 APPLE at 30
        alice buy 3 APPLE stop gte 10
        alice COIN 100 held 31.5
        alice buy 1 APPLE market ioc
        trades 1@10 1@30
        order 3 partially_canceled 1 canceled 2
        alice COIN 60
    """,
    "stops are triggered by their number, and one may trigger the next": """
        user carol
        fund carol APPLE 10
        alice buy 1 APPLE at 10
        alice buy 1 APPLE at 9
        alice buy 3 APPLE at 8
        carol sell 1 APPLE stop lte 9
        carol sell 1 APPLE stop lte 10
        bob sell 1 APPLE market
        trades 1@10 1@9 1@8
        order 4 filled 1
        order 5 filled 1
        carol COIN 16.66
    """,
    "a stop_limit rests after its trigger, at its own price": """
        bob sell 1 APPLE at 10
        alice buy 2 APPLE at 9 stop gte 10
        alice COIN 100 held 18
        alice buy 1 APPLE market
        order 2 open 0
        bob sell 1 APPLE at 9 ioc
        trades 1@9
        order 2 partially_filled 1
        alice COIN 81 held 9
    """,
    "the earlier end counts, and the order ends with the next accepted command": """
        alice buy 1 APPLE at 10 till 30 after 20
        at 19
        tick
        alice COIN 100 held 10
        at 20
        bob sell 1 APPLE at 10
        order 1 expired 0 canceled 1
        order 2 open 0
        alice COIN 100
    """,
    "a refused command ends nothing": """
        alice buy 10 APPLE at 10 till 20
        at 30
        alice buy 1 APPLE at 10              -> insufficient_funds
        alice COIN 100 held 100
        alice cancel 1                       ->
        order 1 expired 0 canceled 10
        alice COIN 100
    """,
    "what expires first may make an order too dear, which then ends untouched": """
        bob sell 1 APPLE at 10 till 10
        bob sell 1 APPLE at 200
        at 10
        alice buy 1 APPLE market             -> 3
        order 3 canceled 0 canceled 1
        alice COIN 100
    """,
    "post_only never takes, not even after what expired before it": """
        fund alice APPLE 5
        alice sell 1 APPLE at 9 till 10
        bob sell 2 APPLE at 10
        alice buy 2 APPLE at 10 aon
        user carol
        fund carol COIN 100
        fund carol APPLE 10
        carol sell 1 APPLE at 7.5 stop lte 10
        alice buy 1 APPLE at 9 post          -> post_only_would_take
        alice buy 1 APPLE at 8 post          -> 5
        alice cancel 5
        at 10
        alice buy 1 APPLE at 8 post          -> 6
        trades 2@10
        order 4 open 0
        order 6 canceled 0 canceled 1
    """,
    "cancel: each once, own and open only": """
        alice buy 1 APPLE at 3
        alice buy 1 APPLE at 4
        bob sell 1 APPLE at 9
        alice cancel 2 1 2 3 77              -> 2 1
        alice COIN 100
    """,
    "cancel all: of one instrument, or of all": """
        alice buy 1 APPLE at 3
        alice buy 1 PEAR at 4
        alice buy 1 APPLE at 1
        alice cancel all APPLE               -> 1 3
        alice cancel all                     -> 2
        alice cancel all PLUM                -> unknown_instrument
    """,
    "a deposit is credited when it is confirmed": """
        deposit alice COIN 5                 -> 1
        step deposit 1 moderation
        alice COIN 100
        step deposit 1 confirmed
        alice COIN 105
        step deposit 1 confirmed             -> bad_transition
        step deposit 2 confirmed             -> unknown_transfer
    """,
    "a withdrawal holds, and leaves with its fee": """
        alice withdraw 1 5 address=home      -> 1
        alice COIN 100 held 5.57             # 5 + 0.5 + 0.065, rounded up
        step withdrawal 1 confirmed
        step withdrawal 1 verified
        step withdrawal 1 done               -> bad_transition
        step withdrawal 1 moderation
        step withdrawal 1 suspended
        step withdrawal 1 approved
        step withdrawal 1 done
        entries alice withdrawal withdrawal_fee
        alice COIN 94.43
        fees COIN 0.57
    """,
    "a refused withdrawal is released": """
        alice withdraw 1 5 address=home
        step withdrawal 1 canceled
        entries alice release
        alice COIN 100
        step withdrawal 1 confirmed          -> bad_transition
    """,
    "funding is a wallet apart": """
        fund alice COIN 40 funding
        alice COIN 100
        alice buy 11 APPLE at 10             -> insufficient_funds
        alice buy 1 APPLE at 10 funding      -> wallet_cannot_trade
        fund alice COIN 40 margin            -> wallet_cannot_trade
    """,
}

REFUSALS = {
    "carol buy 1 APPLE at 10": Refusal.UNKNOWN_USER,
    "carol cancel 1": Refusal.UNKNOWN_USER,
    "carol cancel all": Refusal.UNKNOWN_USER,
    "carol withdraw 1 5 address=home": Refusal.UNKNOWN_USER,
    "fund carol COIN 1": Refusal.UNKNOWN_USER,
    "deposit alice PLUM 1": Refusal.UNKNOWN_ASSET,
    "alice buy 1 PLUM at 10": Refusal.UNKNOWN_INSTRUMENT,
    "alice buy 1 APPLE at 10 ioc post": Refusal.BAD_TIME_IN_FORCE,
    "alice buy 0.01 APPLE at 10": Refusal.BAD_AMOUNT,
    "alice buy -1 APPLE at 10": Refusal.BAD_AMOUNT,
    "alice buy NaN APPLE at 10": Refusal.BAD_AMOUNT,
    "alice buy Infinity APPLE": Refusal.BAD_AMOUNT,
    "alice buy 1E+900000 APPLE at 10": Refusal.BAD_AMOUNT,
    "alice buy 1E-900000 APPLE at 10": Refusal.BAD_AMOUNT,
    "alice buy worth 10.001 APPLE": Refusal.BAD_AMOUNT,
    "alice buy worth 10 APPLE at 10": Refusal.BAD_AMOUNT,
    "alice buy 1 APPLE at 10.01": Refusal.BAD_PRICE,
    "alice buy 1 APPLE at 10 market": Refusal.BAD_PRICE,
    "alice buy 1 APPLE at 10 stop gte 10.01": Refusal.BAD_STOP,
    "alice buy 1 APPLE market stop gte 10": Refusal.BAD_STOP,
    "alice buy 1 APPLE at 10 till 0": Refusal.ALREADY_EXPIRED,
    "alice buy 1001 APPLE at 10": Refusal.AMOUNT_TOO_LARGE,
    "alice buy 0.09 PEAR at 10": Refusal.AMOUNT_TOO_SMALL,
    "alice buy 0.1 APPLE at 9.9": Refusal.VALUE_TOO_SMALL,
    "alice buy 0.1 APPLE stop gte 9.9": Refusal.VALUE_TOO_SMALL,
    "alice buy worth 0.99 APPLE": Refusal.VALUE_TOO_SMALL,
    "alice buy 10.1 APPLE at 10": Refusal.INSUFFICIENT_FUNDS,
    "alice buy 10 APPLE stop gte 10": Refusal.INSUFFICIENT_FUNDS,
    "alice buy worth 100.01 APPLE": Refusal.INSUFFICIENT_FUNDS,
    "alice withdraw 3 5 address=home": Refusal.UNKNOWN_METHOD,
    "alice withdraw 2 5 address=home": Refusal.METHOD_DISABLED,
    "alice withdraw 1 5.001 address=home": Refusal.BAD_AMOUNT,
    "alice withdraw 1 5": Refusal.BAD_ATTRIBUTES,
    "alice withdraw 1 5 address=Home": Refusal.BAD_ATTRIBUTES,
    "alice withdraw 1 5 address=home memo=1": Refusal.BAD_ATTRIBUTES,
    "alice withdraw 1 0.99 address=home": Refusal.AMOUNT_TOO_SMALL,
    "alice withdraw 1 50.01 address=home": Refusal.AMOUNT_TOO_LARGE,
    "bob withdraw 1 5 address=home": Refusal.INSUFFICIENT_FUNDS,
    "step withdrawal 1 confirmed": Refusal.UNKNOWN_TRANSFER,
}


@pytest.mark.parametrize("story", CASES.values(), ids=CASES.keys())
def test_a_story_ends_as_the_page_says(story: str) -> None:
    Scenario().run(TWO + story)


@pytest.mark.parametrize(("event", "reason"), REFUSALS.items(), ids=REFUSALS.keys())
def test_what_cannot_be_is_refused_with_its_reason(event: str, reason: Refusal) -> None:
    scenario = Scenario()
    scenario.run(f"{TWO}\n{event} -> {reason}\nalice COIN 100\nbob APPLE 10")
    assert scenario.checked == 3


def test_every_reason_is_shown() -> None:
    pages = (test_margin, test_liquidation, test_contracts, test_positions)
    stories = (CASES, test_positions.HEDGED, *(page.CASES for page in pages))
    text = " ".join(story for cases in stories for story in cases.values())
    shown = {*REFUSALS.values(), *test_margin.REFUSALS.values(), *test_contracts.REFUSALS.values()}
    shown |= {reason for reason in Refusal if f"-> {reason}" in text}
    assert shown == set(Refusal)


@pytest.mark.parametrize(
    "wrong",
    [
        "alice COIN 79",
        "alice COIN 80 held 1",
        "trades 1@10",
        "order 1 filled 1",
        "order 2 open 0",
        "fees COIN 0.1",
        "entries bob trade fee",
        "alice cancel 2 -> 1",
    ],
)
def test_a_story_with_another_end_fails(wrong: str) -> None:
    happened = "bob sell 2 APPLE at 10\nalice buy 2 APPLE at 10\n"
    Scenario().run(f"{TWO}\n{happened}\nalice COIN 80\ntrades 2@10")
    with pytest.raises(AssertionError):
        Scenario().run(f"{TWO}\n{happened}\n{wrong}")


def test_numbers_as_large_as_the_page_allows_stay_exact() -> None:
    scenario = Scenario()
    scenario.run(f"{TWO}\nfund alice COIN 9999999999999999999999999999.99\nalice COIN {10**28 + 99}.99")
    scenario.run(f"alice buy 1000 APPLE at 99999999999999999.9 -> 1\nalice COIN {10**28 + 99}.99 held {10**20 - 100}")
    scenario.run("fund alice COIN 10000000000000000000000000000.01 -> bad_amount")
