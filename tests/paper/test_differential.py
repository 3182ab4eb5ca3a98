"""The paper exchange's engine and the naive engine, written apart from each other from docs/venue.md, agree on every
answer and every row of random commands, and on all balances and the whole depth after every fifty."""

from __future__ import annotations

import pytest

from naive.coverage import Coverage
from paper.differential import run

COMMANDS = 2_500


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_both_engines_agree_on_every_command(seed: int) -> None:
    coverage = Coverage()
    run(seed, COMMANDS, coverage)
    assert coverage.commands == COMMANDS
    assert coverage.accepted >= 0.3 * COMMANDS
    assert sum(coverage.placed.values()) >= 500
    assert sum(coverage.refused.values()) >= 200
