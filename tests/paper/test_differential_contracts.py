"""The paper exchange's engine and the naive engine, written apart from each other from docs/contracts.md, agree on
venues with contracts, made-up ones and those of the wires: on every answer, every row and every house account of random
commands, on all positions, collateral wallets, balances and books after every fifty."""

from __future__ import annotations

import pytest

from naive.contract_coverage import RULES
from naive.contract_grounds import CONTRACT_GROUNDS
from naive.coverage import Coverage
from paper.differential import run
from paper.wire_grounds import WIRE_GROUNDS

COMMANDS, WIRE_COMMANDS = 1_500, 400
GROUNDS = ("accounts", "mixed", "hedge", "vast")
SOME = ("contract", "fill", "liquidat", "funding", "edit", "closed", "trimmed", "stop triggered", "mode", "leverage")


@pytest.fixture(scope="module")
def coverage() -> Coverage:
    return Coverage()


@pytest.mark.parametrize("name", GROUNDS)
def test_both_engines_agree_on_contracts(name: str, coverage: Coverage) -> None:
    before = coverage.commands
    run(1, COMMANDS, coverage, CONTRACT_GROUNDS[name])
    assert coverage.commands == before + COMMANDS


@pytest.mark.parametrize("name", WIRE_GROUNDS)
def test_both_engines_agree_on_the_contracts_of_a_wire(name: str) -> None:
    coverage = Coverage()
    run(1, WIRE_COMMANDS, coverage, WIRE_GROUNDS[name])
    assert coverage.accepted >= 0.3 * WIRE_COMMANDS
    assert any(coverage.reached[f"fill of {kind}"] > 10 for kind in ("linear", "inverse"))


def test_that_was_no_formality(coverage: Coverage) -> None:
    assert coverage.accepted >= 0.3 * coverage.commands
    met = [rule for rule in RULES if coverage.reached[rule]]
    assert len(met) >= 0.8 * len(RULES)
    assert {some for some in SOME if not any(rule.startswith(some) for rule in met)} == set()
