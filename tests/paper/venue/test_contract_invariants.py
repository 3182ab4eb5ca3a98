"""Shows that the engine keeps the invariants of contracts, E7 to E10 and E13 among them, after every command of random
workloads, that the checks had something to check, and that each of them notices a planted fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from nostro.link.commands import Rejected
from nostro.paper.venue import audit, audit_contracts
from nostro.paper.venue.collateral import Collateral
from nostro.paper.venue.commands import Envelope, Tick
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.funding import Hours
from paper.venue.contract_workload import ContractWorkload
from paper.venue.perpetuals import Deal
from paper.venue.test_invariants import COMMANDS, OF_CONTRACTS, SEEDS, STATUSES, shown

MANY = {
    "E7 contract", "E7 closing", "E7 ledger", "E8", "E8 funding", "E9 loss", "E9 order", "E9 purse", "E9 reducing",
    "E13",
}  # fmt: skip
FEW = {
    "E7 flip", "E9 portfolio", "E10 deficit", "E10 portfolio", "E10 purse", "E10 sold", "E10 takeover", "E10 wallet",
}  # fmt: skip


def test_every_invariant_of_contracts_holds_after_every_command() -> None:
    counts, statuses, refused = Counter[str](), Counter[str](), Counter[str]()
    for seed in range(SEEDS):
        workload = ContractWorkload(seed, hedge=seed % 3 == 2)
        engine = Engine(workload.profile)
        for _ in range(COMMANDS):
            outcome, checked = audit.apply_checked(engine, workload.next())
            counts += checked
            statuses.update(order.status for order in outcome.orders)
            if isinstance(outcome.answer, Rejected):
                refused[outcome.answer.reason] += 1
    assert {name for name, count in counts.items() if count >= 100} >= {"E1", "E2", "E4", "E5", "E6", "E16"} | MANY
    assert {name for name, count in counts.items() if count >= 10} >= FEW
    assert counts["E13 state"]
    assert set(statuses) == STATUSES
    assert min(statuses.values()) >= 20
    assert set(refused) >= OF_CONTRACTS


@pytest.mark.parametrize("hedge", [False, True])
def test_a_snapshot_of_contracts_and_the_commands_after_it_give_the_same_state(hedge: bool) -> None:
    """E12, with positions, purses, stops, funding and users that are to be noted down."""
    workload = ContractWorkload(7, hedge=hedge)
    engine, again, purses = Engine(workload.profile), Engine(workload.profile), 0
    for index in range(COMMANDS):
        envelope = workload.next()
        if index % 23 == 0:
            again = Engine.restore(workload.profile, again.snapshot())
        assert shown(again.apply(envelope)) == shown(engine.apply(envelope))
        if index % 23 == 0:
            assert again.snapshot() == engine.snapshot()
            purses += any(each.isolated for user in engine.users.values() for each in user.positions.values())
    assert again.state_hash() == engine.state_hash()
    assert engine.forced.made
    assert engine.hours.noted_made
    assert engine.matching.clearing.closed_made
    assert purses
    again.check()


# ── planted faults: a check that cannot fail shows nothing ───────────────────────────────────────────────────────────


def dealing() -> Deal:
    """Positions, one with a purse; orders that rest, wait and reduce, one at a loss; a rate of funding."""
    deal = Deal()
    deal.run("""
        user alice
        user bob
        user carol
        fund alice COIN 100 futures
        fund bob COIN 100 futures
        fund carol COIN 20 futures
        carol isolate FLOUR
        bob sell 6 FLOUR at 10
        alice buy 5 FLOUR at 10
        carol buy 1 FLOUR at 10
        rate FLOUR 0.001
        alice sell 5 FLOUR at 11 reduce
        bob buy 1 FLOUR at 10.5
        bob buy 1 SILK at 9
        carol buy 1 FLOUR stop gte 11
        alice holds 5 FLOUR basis 50
    """)
    return deal


def held(engine: Engine, user: int):
    return next(position for position in engine.users[user].positions.values() if position.size)


def lose_a_lot(engine: Engine) -> None:
    held(engine, 2).size -= 1


def value_a_position_anew(engine: Engine) -> None:
    held(engine, 1).basis += 1


def keep_a_profit(engine: Engine) -> None:
    engine.ledger.clearing[1] += 1
    engine.ledger.insurance[1] -= 1


def forget_an_order(engine: Engine) -> None:
    held(engine, 1).bids -= 1


def forget_a_loss(engine: Engine) -> None:
    held(engine, 1)._loss -= 1


def reduce_more_than_there_is(engine: Engine) -> None:
    position = held(engine, 1)
    order = next(order for order in position.orders.values() if not order.buy)
    order.lots += 1
    position.reduce_asks += 1


def forget_a_holder(engine: Engine) -> None:
    engine.futures.contracts["FLOUR/COIN:COIN"].holders.popitem()


def leave_money_in_a_purse(engine: Engine) -> None:
    position = held(engine, 3)
    engine.users[3].wallets[position.purse].total += 1
    engine.ledger.external[1] -= 1
    position.isolated = False


def empty_a_purse(engine: Engine) -> None:
    engine.users[3].wallets[held(engine, 3).purse].total -= 101
    engine.ledger.external[1] += 101


def hold_in_a_collateral_wallet(engine: Engine) -> None:
    engine.users[1].wallets[held(engine, 1).key].held = 1


CONTRACT_FAULTS = {
    lose_a_lot: "E8",
    value_a_position_anew: "E8",
    keep_a_profit: "E8",
    forget_an_order: "E9",
    forget_a_loss: "E9",
    reduce_more_than_there_is: "E9",
    forget_a_holder: "E8",
    leave_money_in_a_purse: "E9",
    empty_a_purse: "E9",
    hold_in_a_collateral_wallet: "E2",
}


@pytest.mark.parametrize(
    ("plant", "invariant"), CONTRACT_FAULTS.items(), ids=[plant.__name__ for plant in CONTRACT_FAULTS]
)
def test_a_planted_fault_of_contracts_is_found(plant: Callable[[Engine], None], invariant: str) -> None:
    engine = dealing().engine
    counts = engine.check()
    assert min(counts[name] for name in ("E8", "E9 loss", "E9 purse", "E9 reducing")) >= 1
    plant(engine)
    with pytest.raises(AssertionError) as caught:
        engine.check()
    assert invariant in str(caught.value)


def test_a_wallet_that_is_let_live_on_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    deal = dealing()
    monkeypatch.setattr(Collateral, "sinks", lambda *_: False)
    with pytest.raises(AssertionError, match="and live on"):
        deal.run("fund bob COIN 5 futures\nmark FLOUR 30\nbob holds -6 FLOUR basis -60")


def test_a_wallet_that_is_liquidated_without_need_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    deal = dealing()
    monkeypatch.setattr(Collateral, "sinks", lambda self, user, place: self.crossed(user, place))
    with pytest.raises(AssertionError, match="was liquidated with"):
        deal.run("mark FLOUR 10.1\nbob holds 0 FLOUR basis 0")


def test_an_order_that_nothing_backs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    deal = dealing()
    monkeypatch.setattr(Collateral, "equity", lambda *_: 10**40)
    with pytest.raises(AssertionError, match=" backs "):
        deal.run("bob sell 110 FLOUR at 11 -> 8\nbob holds -6 FLOUR basis -60\nbob buy 200 SILK at 9")


def test_funding_of_another_amount_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    deal = dealing()
    pay = Hours._pay
    monkeypatch.setattr(
        Hours, "_pay", lambda self, position, amount, at_ns: pay(self, position, amount + 1, at_ns=at_ns)
    )
    with pytest.raises(AssertionError, match="E"):
        deal.run("at 2800\ntick\nfunded alice -0.05")


def test_a_snapshot_of_another_state_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    deal = dealing()
    note = Hours._note

    def late(self: Hours, at_ns: int) -> None:
        note(self, at_ns)
        self._engine.futures.contracts["FLOUR/COIN:COIN"].mark += 1

    monkeypatch.setattr(Hours, "_note", late)
    with pytest.raises(AssertionError, match="E13"):
        deal.run("at 2800\ntick\nnoted alice 3600")


@pytest.mark.parametrize("column", [5, 6, 7, 8, 17, 18, 19, 20, 21])
def test_a_planted_fault_of_a_fill_of_a_contract_is_found(column: int) -> None:
    """Price, lots, value and fee of the taker's row, and what it says of the position, one at a time."""
    deal = dealing()
    deal.run("alice sell 1 FLOUR at 10 -> 8")
    envelope, outcome = Envelope(id=99, at_ns=0, command=Tick()), deal.last
    assert outcome is not None
    assert audit_contracts.check_change(deal.engine, envelope, outcome=outcome)["E7 contract"] == 2
    maker, taker = outcome.fill_rows
    changed = list(taker)
    changed[column] += 1
    outcome.fill_rows = [maker, tuple(changed)]
    with pytest.raises(AssertionError):
        audit_contracts.check_change(deal.engine, envelope, outcome=outcome)
