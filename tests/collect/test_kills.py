"""Shows, in a small version of the campaign, that kill -9 loses nothing that was acknowledged and doubles nothing, and
that the same campaign finds the loss where a collector acknowledges before its commit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CAMPAIGN = Path(__file__).resolve().parents[2] / "campaigns" / "kills.py"


def campaign(*options: str) -> dict[str, Any]:
    """In a process of its own: it forks, and this one may have threads."""
    command = [sys.executable, str(CAMPAIGN), "--rows", "100", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def test_kills_lose_and_double_nothing() -> None:
    seen = campaign("--kills", "12", "--seed", "3")
    assert seen["kills"] == 12
    assert seen["stages"] >= 4
    assert seen["books"] >= 2
    assert seen["acknowledged"] > 0
    assert (seen["lost"], seen["doubled"], seen["broken"], seen["unequal"]) == (0, 0, 0, 0)


def test_the_campaign_has_teeth() -> None:
    assert campaign("--kills", "15", "--early")["lost"] > 0
