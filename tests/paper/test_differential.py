"""The paper exchange's engine and the naive engine, written apart from each other from docs/venue.md, agree on every
answer, every row and every house account of random commands, and on all balances, loans, margin levels and the whole
depth after every fifty."""

from __future__ import annotations

import pytest

from naive.coverage import Coverage
from naive.grounds import NARROW, WIDE, Ground
from paper.differential import run

COMMANDS = 2_500


@pytest.mark.parametrize(
    ("seed", "ground"),
    [(1, NARROW), (2, NARROW), (3, NARROW), (4, WIDE)],
    ids=["narrow-1", "narrow-2", "narrow-3", "wide-4"],
)
def test_both_engines_agree_on_every_command(seed: int, ground: Ground) -> None:
    coverage = Coverage()
    run(seed, COMMANDS, coverage, ground)
    assert coverage.commands == COMMANDS
    assert coverage.accepted >= 0.3 * COMMANDS
    assert sum(coverage.placed.values()) >= 500
    assert sum(coverage.refused.values()) >= 200
    lent = ("accepted Borrow", "accepted Repay", "accepted ClosePosition", "interest accrues")
    assert min(coverage.reached[name] for name in lent) >= 5
    assert sum(coverage.reached[f"liquidation in {kind}"] for kind in ("cross_margin", "isolated_margin")) >= 1
