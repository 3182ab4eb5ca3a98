"""Many seeds of the simulation, each lived twice: the same hash, and in total nothing checked in vain."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from nostro.book.store import Place
from simulation.plays import ALP, Play
from simulation.world import Seen, counts, directly, run

FASTEST: Final = Path("/dev/shm")


class Total(msgspec.Struct, kw_only=True):
    """What the seeds that counted reached, together."""

    seeds: int = 0
    passed_over: int = 0
    accepted: int = 0
    fills: int = 0
    kills: int = 0
    venue_restarts: int = 0
    failures: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    invariants: Counter[str] = msgspec.field(default_factory=Counter)
    rows: Counter[str] = msgspec.field(default_factory=Counter)

    def add(self, seen: Seen) -> None:
        self.seeds += 1
        for name in ("accepted", "fills", "kills", "venue_restarts", "failures"):
            setattr(self, name, getattr(self, name) + getattr(seen, name))
        for name in ("refused", "faults", "invariants", "rows"):
            getattr(self, name).update(getattr(seen, name))

    def check(self, refused_min: int, play: Play = ALP) -> None:
        """Asserts that nothing was checked in vain."""
        missing = [name for name in play.invariants if not self.invariants[name]]
        missing += [name for name in play.rows if not self.rows[name]]
        assert not missing, f"never checked: {missing}"
        rare = {
            each.value: self.refused[each.value] for each in play.refusals if self.refused[each.value] < refused_min
        }
        assert not rare, f"refused less than {refused_min} times: {rare}"


def live_twice(
    seed: int, *, places: Sequence[Callable[[Path], Place]] = (directly, directly), play: Play = ALP
) -> Seen:
    """One seed in two empty folders, its book once in each of the places. Raises AssertionError, with the seed."""
    hashes = []
    for place in places:
        with tempfile.TemporaryDirectory(dir=FASTEST if FASTEST.is_dir() else None) as folder:
            try:
                seen = run(seed, Path(folder), place=place, play=play)
            except AssertionError as error:
                error.add_note(f"simulation seed {seed}")
                raise
            hashes.append(seen.hash)
    assert hashes[0] == hashes[1], f"simulation seed {seed} ended in two hashes"
    return seen


def campaign(first: int, seeds: int, told: Callable[[int, Seen], None] | None = None, *, play: Play = ALP) -> Total:
    """Lives so many seeds that count, from ``first`` on."""
    total = Total()
    seed = first
    while total.seeds < seeds:
        seen = live_twice(seed, play=play)
        if counts(seen, play):
            total.add(seen)
        else:
            total.passed_over += 1
        assert total.passed_over <= seeds, "most seeds do not count"
        if told is not None:
            told(seed, seen)
        seed += 1
    return total
