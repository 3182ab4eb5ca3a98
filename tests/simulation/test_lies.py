"""Shows that a lying or forgetful exchange is found out: each lie in a JSON body, told again and
again, ends as a break with the right name, at the right place and with the exact amount, and nothing else is reported;
what is harmless changes nothing; and when the exchange tells the truth again, the breaks are explained and nothing is
lost.

NOSTRO_LIES raises the number of lives in which each lie is told. The lies that no evidence can find stand in a test
of their own, so that it is known which they are.
"""

from __future__ import annotations

import os
import random
from typing import Final

import pytest

from simulation import told_entries, told_margin, told_money, told_trading
from simulation.stage import stage
from simulation.told import TELLERS
from simulation.verdicts import corrected, judge

LIVES: Final = int(os.environ.get("NOSTRO_LIES", "2"))
TOLD_IN: Final = (told_entries, told_margin, told_money, told_trading)


@pytest.mark.parametrize("name", TELLERS)
def test_a_lie_is_found_located_and_named_and_explained_by_the_truth(name: str) -> None:
    fired = 0
    for life in range(8):
        here, draw = stage(life), random.Random(f"{name} {life}")
        told = TELLERS[name](here, draw)
        if told is None:
            continue
        with here.trial() as trial:
            for table, lie in told.lies.items():
                trial.liar.lie(table, lie)
            for table, change in told.answers.items():
                trial.liar.answer(table, change)
            trial.found_out(knowing=False)
            assert all(trial.liar.fired[table] for table in (*told.lies, *told.answers))
            judge(trial, told.wants)
            trial.told_the_truth()
            corrected(trial, told.times_ns, rows=told.rows, dated=told.dated)
        fired += 1
        if fired == LIVES:
            break
    assert fired == LIVES, f"told in {fired} lives only"
