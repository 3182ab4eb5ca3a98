"""Shows that every example runs as it stands, against a paper exchange of its own, and prints what it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
EXPECTED = {
    "balances.py": r"BTC +total \d.*\n(.*\n)*one answer with [1-9]\d* balances",
    "book.py": r"kept [1-9]\d+ new .*\n(.*\n)*withdrawals is unavailable: forbidden\n(.*\n)*0 breaks; .* [0-9a-f]{64}",
    "fees_by_month.py": r"missing: nothing\n(\d{4}-\d\d  \d[\d.]* [A-Z]+\n){6,}",
    "place_and_cancel.py": r"placed +\d+ buy 0.001 at 20000\nthen it is canceled with 0.001 canceled",
    "watch.py": r"from now on .*\nall is known, 0 rows .*\n(.*\n)*order \d+ is open\n(.*\n)*order \d+ is canceled",
    "side_by_side.py": r"BTC/USDT last \d.*\n(.*\n)*\d+ open orders; fees of 0.0015 and 0.002",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run, one after the other: the paper exchange is made once."""
    return tmp_path_factory.mktemp("examples")


def test_every_example_is_run() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", EXPECTED)
def test_the_example_prints_what_it_says(name: str, folder: Path) -> None:
    environment = {**os.environ, "NOSTRO_HOME": str(folder / "home"), "PYTHONWARNINGS": "error"}
    command = [sys.executable, EXAMPLES / name]
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(EXPECTED[name], done.stdout), done.stdout
