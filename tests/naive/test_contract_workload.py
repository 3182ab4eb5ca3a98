"""The random commands of contracts reach nearly every rule and refusal that docs/contracts.md has in a short run; the
same seed gives the same commands."""

from __future__ import annotations

from random import Random

from naive.commands import Envelope
from naive.contract_coverage import REFUSALS, RULES
from naive.contract_grounds import CONTRACT_GROUNDS, MIXED, ContractGround
from naive.contract_workload import ContractWorkload
from naive.coverage import Coverage
from naive.engine import NaiveEngine

COMMANDS = 1_200
RARE = 0.2  # of the rules are not met in so few commands


def drawn(seed: int, count: int, coverage: Coverage, ground: ContractGround = MIXED) -> list[Envelope]:
    engine = NaiveEngine(ground.profile)
    workload = ContractWorkload(Random(seed), ground, engine)
    envelopes = []
    coverage.start()
    for _ in range(count):
        envelope = workload.next()
        outcome = engine.apply(envelope)
        workload.seen(outcome)
        coverage.add(envelope, outcome)
        envelopes.append(envelope)
    coverage.reached.update(engine.market.ledger.reached)
    return envelopes


def test_the_same_seed_gives_the_same_commands() -> None:
    assert drawn(5, 400, Coverage()) == drawn(5, 400, Coverage())
    assert drawn(5, 400, Coverage()) != drawn(6, 400, Coverage())


def test_nearly_every_rule_and_refusal_is_met() -> None:
    coverage = Coverage()
    for name in ("accounts", "mixed", "hedge"):
        drawn(1, COMMANDS, coverage, CONTRACT_GROUNDS[name])
    assert coverage.accepted >= 0.3 * coverage.commands
    missing = [name for name in (*RULES, *REFUSALS) if not coverage.reached[name]]
    assert len(missing) <= RARE * len((*RULES, *REFUSALS)), missing
