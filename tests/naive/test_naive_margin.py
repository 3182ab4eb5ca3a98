"""The naive engine's margin against figures calculated by hand from docs/venue.md: limits, pools, interest, auto borrow
and auto repay, closing, liquidation and the insurance fund, and the order of the refusals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from naive.commands import CreateUser, Fund, Outcome, SetIndex, Tick
from naive.margin_scenes import limit
from naive.script import Script
from nostro.link.commands import (
    Accepted,
    Borrow,
    ClosePosition,
    Command,
    MoveMargin,
    Refusal,
    Rejected,
    Repay,
)
from nostro.link.view import VenueEntry

D = Decimal
CROSS = "cross_margin"
HERE = "isolated_margin:BBB/USD"
HOUR_S = 3600
HOUR_NS = HOUR_S * 1_000_000_000


def add(asset: str, amount: str, *, wallet: str = CROSS, account: int = 1, direction: str = "add") -> MoveMargin:
    return MoveMargin(
        account=account, wallet=wallet, direction=direction, asset=asset, amount=D(amount)  # type: ignore[arg-type]
    )  # fmt: skip


def borrow(asset: str, amount: str, *, wallet: str = CROSS, account: int = 1) -> Borrow:
    return Borrow(account=account, wallet=wallet, asset=asset, amount=D(amount))


def repay(asset: str, amount: str, *, wallet: str = CROSS) -> Repay:
    return Repay(account=1, wallet=wallet, asset=asset, amount=D(amount))


def refused(outcome: Outcome) -> Refusal:
    assert isinstance(outcome.answer, Rejected)
    return outcome.answer.reason


def told(entries: tuple[VenueEntry, ...], wallet: str) -> list[tuple[str, str, Decimal, Decimal]]:
    return [(one.type, one.asset, one.total_delta, one.held_delta) for one in entries if one.wallet == wallet]


def test_debts_may_be_worth_twice_the_equity_and_no_unit_more() -> None:
    script = Script()
    moved = script(1, add("BBB", "1"))
    assert moved.answer == Accepted((1,))
    assert [(one.wallet, one.type, one.total_delta) for one in moved.entries] == [
        ("spot", "transfer", D(-1)),
        (CROSS, "transfer", D(1)),
    ]
    # 1 BBB is worth 100 USD.
    assert refused(script(1, borrow("USD", "200.01"))) is Refusal.MARGIN_LIMIT
    assert script(1, borrow("USD", "200")).answer == Accepted((1,))
    assert refused(script(1, borrow("USD", "0.01"))) is Refusal.MARGIN_LIMIT
    assert refused(script(1, add("USD", "0.01", direction="sub"))) is Refusal.MARGIN_LIMIT
    assert script(1, repay("USD", "2")).answer == Accepted((1,))
    # 198 against 298: one more may leave.
    assert script(1, add("USD", "1", direction="sub")).answer == Accepted((2,))
    assert refused(script(1, add("USD", "0.01", direction="sub"))) is Refusal.MARGIN_LIMIT
    (wallet,) = script.engine.margins(1)
    assert (wallet.assets, wallet.debt, wallet.level, wallet.state) == (D(297), D(198), D("0.5"), "healthy")


def test_a_pool_is_lent_once() -> None:
    script = Script()
    for user in (1, 2):
        script(None, Fund(user=user, wallet="spot", asset="BBB", amount=D(20)))
        script(user, add("BBB", "30", account=user))
    assert script(1, borrow("BBB", "39.999")).answer == Accepted((1,))
    assert refused(script(2, borrow("BBB", "0.002", account=2))) is Refusal.POOL_EMPTY
    assert script(2, borrow("BBB", "0.001", account=2)).answer == Accepted((2,))
    script(1, repay("BBB", "5"))
    assert script(2, borrow("BBB", "5", account=2)).answer == Accepted((3,))
    assert refused(script(2, borrow("BBB", "0.001", account=2))) is Refusal.POOL_EMPTY


def test_interest_is_accrued_on_the_hour_and_paid_first() -> None:
    script = Script()
    script(1, add("BBB", "1"))
    script(1, borrow("BBB", "1"))
    borrowed_ns = script.engine.clock_ns
    outcome = script(None, Tick(), after_s=3 * HOUR_S)
    # 50 in a million an hour of 1 BBB are 0.00005: a unit is 0.001.
    first_ns = (borrowed_ns // HOUR_NS + 1) * HOUR_NS
    assert [(row.borrow, row.accrued, row.paid, row.time_ns) for row in outcome.interest] == [
        (1, D("0.001"), D(0), first_ns + n * HOUR_NS) for n in range(3)
    ]
    assert outcome.entries == ()
    assert [(row.accrued, row.interest_ns) for row in outcome.borrows] == [(D("0.003"), first_ns + 2 * HOUR_NS)]
    assert refused(script(1, repay("BBB", "1.004"))) is Refusal.MORE_THAN_OWED
    (row,) = script(1, repay("BBB", "0.002")).repayments
    assert (row.interest, row.principal) == (D("0.002"), D(0))
    outcome = script(1, repay("BBB", "0.501"))
    assert [(one.interest, one.principal) for one in outcome.repayments] == [(D("0.001"), D("0.5"))]
    assert outcome.borrows[0].done_ns is None
    outcome = script(1, repay("BBB", "0.5"))
    assert outcome.borrows[0].done_ns == outcome.repayments[0].time_ns
    assert script(None, Tick(), after_s=HOUR_S).interest == ()
    assert script.engine.houses()["fees", "BBB"] == D("0.003")
    assert script.engine.loans(1) == []


def test_several_borrows_pay_all_interest_before_any_principal() -> None:
    script = Script()
    script(1, add("BBB", "2"))
    script(1, borrow("BBB", "1"))
    script(1, borrow("BBB", "0.5"))
    script(None, Tick(), after_s=HOUR_S)
    (row,) = script.engine.loans(1)
    assert (row.id, row.principal, row.interest) == (1, D("1.5"), D("0.002"))
    outcome = script(1, repay("BBB", "1.102"))
    assert [(one.id, one.paid, one.repaid, one.done_ns is None) for one in outcome.borrows] == [
        (1, D("0.001"), D(1), False),
        (2, D("0.001"), D("0.1"), True),
    ]


def test_an_order_borrows_what_is_missing_and_another_repays_what_it_gets() -> None:
    script = Script()
    script(1, add("BBB", "1"))
    script(1, add("USD", "10"))
    outcome = script(1, limit("buy", "0.5", "100", wallet=CROSS, side_effect="auto_borrow"))
    assert told(outcome.entries, CROSS) == [("borrow", "USD", D(40), D(0)), ("hold", "USD", D(0), D(50))]
    assert [(row.type, row.amount) for row in outcome.borrows] == [("auto", D(40))]
    assert refused(script(1, limit("buy", "0.5", "100", wallet=CROSS))) is Refusal.INSUFFICIENT_FUNDS
    # Of 51 USD are 0.13 the fee; 40 are owed.
    script(2, limit("buy", "0.1", "101"))
    script(2, limit("buy", "0.4", "101"))
    outcome = script(1, limit("sell", "0.5", "101", wallet=CROSS, side_effect="auto_repay"))
    assert told(outcome.entries, CROSS) == [
        ("hold", "BBB", D(0), D("0.5")),
        ("trade", "BBB", D("-0.1"), D("-0.1")),
        ("trade", "USD", D("10.10"), D(0)),
        ("fee", "USD", D("-0.03"), D(0)),
        ("repay", "USD", D("-10.07"), D(0)),
        ("trade", "BBB", D("-0.4"), D("-0.4")),
        ("trade", "USD", D("40.40"), D(0)),
        ("fee", "USD", D("-0.11"), D(0)),
        ("repay", "USD", D("-29.93"), D(0)),
    ]
    assert [row.principal for row in outcome.repayments] == [D("10.07"), D("29.93")]


def test_closing_a_short_buys_what_is_owed_and_the_fee() -> None:
    script = Script()
    script(1, add("USD", "30"))
    script(1, borrow("BBB", "0.1"))
    script(1, add("BBB", "0.1", direction="sub"))
    script(2, limit("sell", "0.06", "100"))
    script(2, limit("sell", "0.1", "102"))
    outcome = script(1, ClosePosition(account=1, wallet=CROSS))
    # 100 units / 0.9975 are 101 lots: 60 at 100, 41 at 102. Each fee is rounded up to a unit: 99 come, 1 stays owed.
    assert outcome.answer == Accepted((3,))
    order = script.order(3, outcome)
    assert (order.amount, order.filled, order.cost, order.status) == (D("0.101"), D("0.101"), D("10.18"), "filled")
    assert [(row.principal, row.type) for row in outcome.repayments] == [(D("0.099"), "manual")]
    assert [row.principal for row in script.engine.loans(1)] == [D("0.001")]


def test_closing_a_long_sells_no_more_than_it_needs() -> None:
    script = Script()
    script(1, add("BBB", "1"))
    script(1, borrow("USD", "50"))
    script(1, add("USD", "50", direction="sub"))
    script(2, limit("buy", "0.3", "99.9"))
    script(2, limit("buy", "1", "99"))
    script(1, limit("sell", "0.2", "110", wallet=CROSS))
    outcome = script(1, ClosePosition(account=1, wallet=CROSS))
    # 50 / 0.9975 are 50.13, and the cost of a lot, 0.09: 29.97 for 0.3, and 20.19 for 0.204 of the 20.25 that are left.
    order = script.order(4, outcome)
    assert (order.amount, order.filled, order.cost) == (D(1), D("0.504"), D("50.16"))
    assert script.order(3, outcome).status == "canceled"
    # The fees are 0.08 and 0.06.
    assert [row.principal for row in outcome.repayments] == [D(50)]
    assert script.engine.market.ledger.free(1, CROSS, "USD") == D("0.02")
    assert refused(script(1, ClosePosition(account=1, wallet=CROSS))) is Refusal.NO_POSITION


def fallen(script: Script) -> Outcome:
    """A long of 1.098 BBB on 60 USD of credit, when a BBB is worth 50, and somebody buys 0.4 for 52."""
    script(1, add("BBB", "0.5", wallet=HERE))
    script(1, borrow("USD", "60", wallet=HERE))
    script(2, limit("sell", "0.6", "100"))
    script(1, limit("buy", "0.6", "100", wallet=HERE))
    script(2, limit("buy", "0.4", "52"))
    script(1, limit("sell", "0.1", "120", wallet=HERE))
    return script(None, SetIndex(asset="BBB", price=D(50)))


def test_the_fund_takes_what_there_is_and_pays_what_is_missing() -> None:
    script = Script()
    outcome = fallen(script)
    (row,) = outcome.liquidations
    # (54.9 - 60) / 60. The sale brings 20.80 less 0.06; then 39.26 are owed, and 0.698 BBB are worth 34.90.
    assert (row.level, row.amount, row.fund) == (D("-0.085"), D(60), D("39.26"))
    assert (row.orders_closed, row.orders_created, row.borrows_closed, row.repayments_created) == (
        (4,), (5,), (1,), (1, 2),
    )  # fmt: skip
    order = script.order(5, outcome)
    assert (order.amount, order.filled, order.canceled) == (D("1.098"), D("0.4"), D("0.698"))
    assert told(outcome.entries, HERE) == [
        ("release", "BBB", D(0), D("-0.1")),
        ("trade", "BBB", D("-0.4"), D(0)),
        ("trade", "USD", D("20.80"), D(0)),
        ("fee", "USD", D("-0.06"), D(0)),
        ("repay", "USD", D("-20.74"), D(0)),
        ("liquidation", "BBB", D("-0.698"), D(0)),
        ("liquidation", "USD", D("39.26"), D(0)),
        ("repay", "USD", D("-39.26"), D(0)),
    ]
    houses = script.engine.houses()
    assert (houses["insurance", "USD"], houses["insurance", "BBB"]) == (D("-39.26"), D("0.698"))
    assert ("lend", "USD") not in houses
    (wallet,) = script.engine.margins(1)
    assert (wallet.assets, wallet.debt, wallet.level, wallet.state) == (D(0), D(0), None, "clear")


@pytest.mark.parametrize(("price", "goes"), [("65.62500001", False), ("65.625", True)])
def test_the_edge_is_liquidation_too(price: str, goes: bool) -> None:
    script = Script()
    script(1, add("BBB", "0.32", wallet=HERE))
    script(1, borrow("USD", "20", wallet=HERE))
    script(1, add("USD", "20", wallet=HERE, direction="sub"))
    # 0.32 BBB at 65.625 are 21: (21 - 20) / 20.
    outcome = script(None, SetIndex(asset="BBB", price=D(price)))
    assert [row.level for row in outcome.liquidations] == [D("0.05")] * goes
    if goes:
        # Nobody buys: the fund takes 305 lots, the first number that is worth 20, and pays 20.
        assert outcome.orders == ()
        assert outcome.liquidations[0].fund == D(20)
        assert script.engine.market.ledger.free(1, HERE, "BBB") == D("0.015")
    else:
        assert script.engine.margins(1)[0].state == "warning"


def test_the_wallets_fall_in_order_and_each_once() -> None:
    script = Script()
    for user, wallet in ((2, CROSS), (1, HERE), (1, CROSS)):
        script(user, add("BBB", "0.32", wallet=wallet, account=user))
        script(user, borrow("USD", "20", wallet=wallet, account=user))
        script(user, add("USD", "20", wallet=wallet, account=user, direction="sub"))
    outcome = script(None, SetIndex(asset="BBB", price=D(60)))
    assert [(row.user, row.wallet) for row in outcome.liquidations] == [(1, CROSS), (1, HERE), (2, CROSS)]
    assert script(None, Tick()).liquidations == ()


def test_what_a_master_may_do_for_its_sub_account() -> None:
    script = Script()
    assert script(None, CreateUser(name="sub", email="", parent=1)).answer == Accepted((4,))
    assert refused(script(None, CreateUser(name="sub", email="", parent=4))) is Refusal.UNKNOWN_USER
    assert refused(script(None, CreateUser(name="sub", email="", parent=9))) is Refusal.UNKNOWN_USER
    script(None, Fund(user=4, wallet="spot", asset="BBB", amount=D(1)))
    moved = script(1, add("BBB", "1", account=4))
    assert moved.movements[0].user == 4
    for asker in (2, 4):
        assert refused(script(asker, borrow("USD", "1", account=1))) is Refusal.NOT_YOUR_ACCOUNT
    assert script(4, borrow("USD", "1", account=4)).answer == Accepted((1,))


ORDERED: list[tuple[int, Command, Refusal]] = [
    (9, borrow("NONE", "0", wallet="x", account=9), Refusal.UNKNOWN_USER),
    (1, borrow("NONE", "0", wallet="x", account=9), Refusal.NOT_YOUR_ACCOUNT),
    (1, borrow("NONE", "0", wallet="funding"), Refusal.WALLET_CANNOT_TRADE),
    (1, add("BBB", "1", wallet="spot"), Refusal.WALLET_CANNOT_TRADE),
    (1, ClosePosition(account=1, wallet="isolated_margin"), Refusal.WALLET_CANNOT_TRADE),
    (1, borrow("NONE", "0", wallet="isolated_margin:BBB/EUR"), Refusal.UNKNOWN_INSTRUMENT),
    (1, borrow("NONE", "0", wallet=HERE), Refusal.UNKNOWN_ASSET),
    (1, borrow("AAA", "0", wallet=HERE), Refusal.WRONG_ASSET),
    (1, borrow("USD", "0.001", wallet=HERE), Refusal.BAD_AMOUNT),
    (1, borrow("USD", "1000", wallet=HERE), Refusal.POOL_EMPTY),
    (1, borrow("USD", "1", wallet=HERE), Refusal.MARGIN_LIMIT),
    (1, repay("USD", "5000"), Refusal.MORE_THAN_OWED),
    (1, add("USD", "5000"), Refusal.INSUFFICIENT_FUNDS),
    (1, limit("buy", "0.1", "100", wallet="isolated_margin:AAA/USD"), Refusal.WALLET_CANNOT_TRADE),
    (1, limit("buy", "0.1", "100", wallet=HERE, side_effect="auto_borrow"), Refusal.MARGIN_LIMIT),
    (1, limit("buy", "1.9", "1000", wallet=HERE, side_effect="auto_borrow"), Refusal.POOL_EMPTY),
]


@pytest.mark.parametrize(("user", "command", "reason"), ORDERED)
def test_the_first_reason_counts(user: int, command: Command, reason: Refusal) -> None:
    assert refused(Script()(user, command)) is reason
