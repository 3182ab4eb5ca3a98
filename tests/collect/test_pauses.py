"""Shows, in a small version of the campaign, that a collector which is paused while another one takes over its lease is
refused when it wakes and writes nothing; and that the same pauses double windows where the head is moved without
looking whose the lease is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from servers import MISSING, has_pgserver

CAMPAIGN = Path(__file__).resolve().parents[2] / "campaigns" / "two_collectors.py"


def campaign(*options: str) -> dict[str, Any]:
    """In a process of its own: it forks, and this one may have threads."""
    done = subprocess.run(
        [sys.executable, str(CAMPAIGN), *options], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_woken_collector_writes_nothing(engine: str) -> None:
    if engine == "postgresql" and not has_pgserver():
        pytest.skip(MISSING)
    seen = campaign("--pauses", "12", "--seed", "2", "--engine", engine)
    assert seen["fenced"] == seen["takeovers"] >= 12
    assert seen["stages"] >= 4
    assert (seen["doubled"], seen["stale"], seen["lost"], seen["wrong"], seen["behind"]) == (0, 0, 0, 0, 0)


def test_without_the_fence_windows_are_doubled() -> None:
    assert campaign("--pauses", "8", "--without-fence")["doubled"] > 0
