"""Shows that the engine keeps E1 to E13 and E16 after every command of random workloads, that the checks had something
to check, and that each of them notices a planted fault."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from nostro.link.commands import Accepted, Refusal, Rejected
from nostro.paper.venue import audit
from nostro.paper.venue.commands import Envelope, Tick
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.index import Index
from nostro.paper.venue.loans import Borrow, Loans
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.wallets import SPOT, key_of
from paper.venue.scenario import PROFILE, Scenario
from paper.venue.workload import Workload

SEEDS = int(os.environ.get("NOSTRO_VENUE_SEEDS", "6"))
COMMANDS = 1_200
COINS = key_of(2, SPOT)
OF_CONTRACTS = {
    Refusal.BAD_POSITION_SIDE, Refusal.PRICE_OUT_OF_BAND, Refusal.TOO_MANY_ORDERS, Refusal.REDUCE_TOO_LARGE,
    Refusal.POSITION_TOO_LARGE, Refusal.LEVERAGE_TOO_HIGH, Refusal.BAD_LEVERAGE, Refusal.POSITION_OPEN,
    Refusal.UNKNOWN_ORDER, Refusal.BAD_RATE,
}  # fmt: skip
STATUSES = {"pending", "open", "partially_filled", "filled", "canceled", "partially_canceled", "expired"}


def test_every_invariant_holds_after_every_command() -> None:
    counts, statuses, refused, hidden, cascades = Counter[str](), Counter[str](), Counter[str](), 0, 0
    for seed in range(SEEDS):
        workload, engine = Workload(seed), Engine(PROFILE)
        for _ in range(COMMANDS):
            outcome, checked = audit.apply_checked(engine, workload.next())
            counts += checked
            statuses.update(order.status for order in outcome.orders)
            if isinstance(outcome.answer, Rejected):
                refused[outcome.answer.reason] += 1
            cascades += len({(row.user, row.wallet) for row in outcome.liquidations}) > 1
            hidden += sum(len(market.resting_hidden) for market in engine.markets.values())
    rules = {f"E{n}" for n in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 16)} | {"E11 interest", "E11 repaid"}
    assert {name for name, count in counts.items() if count >= 100} == rules
    assert min(counts[name] for name in ("E10 liquidated", "E10 level", "E10 fund")) >= 20
    assert cascades
    assert set(statuses) == STATUSES
    assert min(statuses.values()) >= 40
    assert set(refused) == set(Refusal) - OF_CONTRACTS
    assert hidden > 100


@pytest.mark.parametrize("seed", range(3))
def test_a_snapshot_and_the_commands_after_it_give_the_same_state(seed: int) -> None:
    """E12: replay, and snapshot and tail."""
    workload = Workload(seed)
    envelopes = [workload.next() for _ in range(COMMANDS)]
    engine, again = Engine(PROFILE), Engine(PROFILE)
    outcomes = []
    for index, envelope in enumerate(envelopes):
        outcomes.append(engine.apply(envelope))
        if index % 37 == 0:
            again = Engine.restore(PROFILE, again.snapshot())
        assert shown(again.apply(envelope)) == shown(outcomes[-1])
    assert again.state_hash() == engine.state_hash()
    assert engine.matching.orders
    assert engine.loans.borrows
    assert engine.liquidation.made
    assert sum(isinstance(outcome.answer, Accepted) for outcome in outcomes) > COMMANDS // 3
    again.check()


def shown(outcome: Outcome) -> object:
    return outcome.answer, [getattr(outcome, name) for name in Outcome.__slots__ if name.endswith("_rows")]


HASH = """
import sys
from nostro.paper.venue.engine import Engine
from paper.venue.workload import Workload
engine, workload = Engine(Workload.profile), Workload(11)
for _ in range(800):
    engine.apply(workload.next())
print(engine.state_hash())
"""


def test_the_state_is_the_same_in_every_process() -> None:
    """E12: whatever order a process gives its sets and dicts."""
    found = set()
    for seed in ("0", "1", "4242"):
        paths = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        ran = subprocess.run([sys.executable, "-c", HASH], env=environment, capture_output=True, text=True, check=True)
        found.add(ran.stdout.strip())
    assert len(found) == 1
    assert len(found.pop()) == 64


# ── planted faults: a check that cannot fail shows nothing ───────────────────────────────────────────────────────


def busy() -> Scenario:
    """Open orders of every kind, a withdrawal, a debt, and both sides of a book with two orders on a level."""
    scenario = Scenario()
    scenario.run("""
        user alice
        user bob
        user carol
        fund alice COIN 500
        fund bob APPLE 50
        fund carol COIN 100
        carol add COIN 100 cross
        bob sell 1 APPLE at 10
        alice buy 2 APPLE at 10
        bob sell 2 APPLE at 12
        bob sell 2 APPLE at 12
        alice buy 2 APPLE at 9
        alice buy 9 APPLE at 11 aon
        alice buy 1 APPLE stop gte 14
        alice withdraw 1 5 address=home
        carol borrow APPLE 2 cross
        alice COIN 490 held 147.27
    """)
    return scenario


def lose_money(engine: Engine) -> None:
    engine.users[1].wallets[COINS].total -= 1


def hold_too_much(engine: Engine) -> None:
    engine.users[1].wallets[COINS].held += 1


def hold_more_than_all(engine: Engine) -> None:
    wallet = engine.users[1].wallets[COINS]
    wallet.held = wallet.total + 1


def forget_a_hold(engine: Engine) -> None:
    engine.matching.orders[2].hold -= 1


def cancel_in_the_dark(engine: Engine) -> None:
    engine.matching.orders[2].canceled = 1


def fill_too_much(engine: Engine) -> None:
    engine.matching.orders[2].filled = engine.matching.orders[2].lots


def cross_the_book(engine: Engine) -> None:
    order = engine.matching.orders[3]
    book = engine.markets["APPLE/COIN"].asks
    book.remove(order)
    order.price = 80
    book.add(order)


def jump_the_queue(engine: Engine) -> None:
    order = engine.matching.orders[3]
    order.sequence = 1_000


def show_the_hidden(engine: Engine) -> None:
    order = next(iter(engine.markets["APPLE/COIN"].resting_hidden.values()))
    engine.markets["APPLE/COIN"].bids.add(order)


def lose_an_order(engine: Engine) -> None:
    engine.markets["APPLE/COIN"].asks.remove(engine.matching.orders[4])


def rest_an_ioc(engine: Engine) -> None:
    engine.matching.orders[3].time_in_force = "ioc"


def forget_a_debt(engine: Engine) -> None:
    engine.loans.borrows[1].repaid += 1


def owe_more_in_sum(engine: Engine) -> None:
    engine.loans.borrows[1].loan.interest += 1


def lend_without_a_borrow(engine: Engine) -> None:
    engine.ledger.lend[0] -= 1
    engine.ledger.insurance[0] += 1


def pay_interest_that_is_not_owed(engine: Engine) -> None:
    borrow = engine.loans.borrows[1]
    borrow.paid += 1
    borrow.loan.interest -= 1


def forget_who_owes(engine: Engine) -> None:
    engine.loans.indebted.clear()


def let_a_wallet_sink(engine: Engine) -> None:
    engine.index.set(2, 1)


FAULTS = {
    forget_a_debt: "E11",
    owe_more_in_sum: "E11",
    lend_without_a_borrow: "E11",
    pay_interest_that_is_not_owed: "E2",
    forget_who_owes: "E11",
    let_a_wallet_sink: "E10",
    lose_money: "E1",
    hold_too_much: "E3",
    hold_more_than_all: "E2",
    forget_a_hold: "E3",
    cancel_in_the_dark: "E4",
    fill_too_much: "E",
    cross_the_book: "E5",
    jump_the_queue: "E5",
    show_the_hidden: "E5",
    lose_an_order: "E5",
    rest_an_ioc: "E6",
}


@pytest.mark.parametrize(("plant", "invariant"), FAULTS.items(), ids=[plant.__name__ for plant in FAULTS])
def test_a_planted_fault_of_the_state_is_found(plant: Callable[[Engine], None], invariant: str) -> None:
    engine = busy().engine
    assert engine.check()["E3"] >= 2
    plant(engine)
    with pytest.raises(AssertionError) as caught:
        engine.check()
    assert invariant in str(caught.value)


def rows_of_a_trade() -> tuple[object, Outcome]:
    scenario = busy()
    scenario.run("bob sell 1 APPLE at 9 ioc -> 8")
    assert scenario.last is not None
    return Envelope(id=99, at_ns=0, command=Tick()), scenario.last


@pytest.mark.parametrize(("column", "change"), [(5, 1), (6, 1), (7, 1), (8, 1), (4, None), (2, None)])
def test_a_planted_fault_of_a_fill_is_found(column: int, change: int | None) -> None:
    """Price, lots, cost, fee, side and user of the taker's row, one at a time."""
    envelope, outcome = rows_of_a_trade()
    assert audit.check_outcome(envelope, outcome)["E7"] == 2
    maker, taker = outcome.fill_rows
    changed = list(taker)
    changed[column] = maker[column] if change is None else taker[column] + change
    outcome.fill_rows = [maker, tuple(changed)]
    with pytest.raises(AssertionError):
        audit.check_outcome(envelope, outcome)


@pytest.fixture
def indebted() -> Scenario:
    """Carol owes two apples, and an hour ends 2800 seconds after the start."""
    return busy()


def test_interest_that_accrues_twice_is_found(indebted: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    accrue = indebted.engine.loans._accrue

    def twice(borrow: Borrow, hour_ns: int) -> None:
        accrue(borrow, hour_ns)
        accrue(borrow, hour_ns)

    monkeypatch.setattr(Loans, "_accrue", lambda _, borrow, hour_ns: twice(borrow, hour_ns))
    with pytest.raises(AssertionError, match="E11: interest accrued twice"):
        indebted.run("at 2800\ntick\naccrued 0.01 0.01")


def test_principal_repaid_before_interest_is_found(indebted: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    indebted.run("at 2800\ntick\naccrued 0.01")
    monkeypatch.setattr(Loans, "_pay_interest", lambda *_: 0)
    with pytest.raises(AssertionError, match="E11: principal"):
        indebted.run("carol repay APPLE 1 cross\nrepaid 0+1")


def test_a_limit_that_nobody_looks_at_is_found(indebted: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Index, "keeps_limit", lambda *_, **__: True)
    with pytest.raises(AssertionError, match="E9"):
        indebted.run("carol borrow APPLE 100 cross\ncarol cross owes APPLE 102")


def test_a_healthy_wallet_that_is_liquidated_is_found(indebted: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Index, "must_go", lambda *_, **__: True)
    with pytest.raises(AssertionError, match="E10: wallet"):
        indebted.run("index PEAR 11\ncarol cross owes APPLE 0")


def test_a_wallet_that_nobody_liquidates_is_found(indebted: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Index, "must_go", lambda *_, **__: False)
    with pytest.raises(AssertionError, match="E10: user"):
        indebted.run("index APPLE 1000\ncarol cross owes APPLE 2")


def test_a_refusal_that_changes_something_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """E16 is noticed: here by a refusal that lets time pass."""
    scenario = busy()
    place = scenario.engine._place

    def leaky(command, user, at_ns):
        answer = place(command, user, at_ns)
        scenario.engine.ledger.at_ns = at_ns
        return answer

    monkeypatch.setitem(scenario.engine._handlers, type(scenario._command(["bob", "sell", "1", "APPLE"])[1]), leaky)
    with pytest.raises(AssertionError, match="E16"):
        scenario.run("at 5\nbob sell 999 APPLE at 10 -> insufficient_funds")
