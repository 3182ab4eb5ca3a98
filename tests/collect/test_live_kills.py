"""Shows, in a small version of the campaign, that kill -9 of a process that follows an account loses the open segment
at the most: what was said to be stored is there, the next process goes on from the last stored frame, and answers fill
what nobody heard."""

from __future__ import annotations

import asyncio
from pathlib import Path

from collect.live_killing import SEGMENT_S, Killing


def test_a_kill_loses_the_open_segment_at_the_most(tmp_path: Path) -> None:
    with Killing(tmp_path, seed=1) as killing:
        seen = asyncio.run(killing.run(2))
    assert seen.kills == 2
    assert seen.stored > 0
    assert (seen.lost, seen.unequal) == (0, [])
    assert seen.reopened == seen.kills
    assert seen.beyond_s < 3 * SEGMENT_S, "frames every twentieth of a second: more than a segment was lost"
