"""Many seeds of the simulation, each lived twice: the same hash, and in total nothing checked in vain."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from nostro.book.store import Place
from nostro.exchanges.alp.refusals import REFUSALS
from simulation.invariants import DEBTS
from simulation.world import Seen, counts, directly, run

# Every invariant that this simulation reaches; the others belong to derivatives (B10, B12, E8) and to feeds (E13), and
# E15 to tests/paper/test_differential.py. Of margin each check must have tied somewhere.
INVARIANTS: Final = (
    "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B11", "B13", "B14", "B15", "B16", "B17", "B18", "B19", "B20",
    "B21", "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E10", "E11", "E12", "E14", "E16", "E17",
    *(f"B13: {check}" for check in DEBTS), "B15: transfers between wallets", "B16: borrowings", "B16: repayments",
)  # fmt: skip
ROWS: Final = ("orders", "fills", "entries", "transfers", "balances", "loans", "borrows", "repayments", "interest",
               "liquidations")  # fmt: skip
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

    def check(self, refused_min: int) -> None:
        """Asserts that nothing was checked in vain."""
        missing = [name for name in INVARIANTS if not self.invariants[name]]
        missing += [name for name in ROWS if not self.rows[name]]
        missing += [f"{name} of sub-accounts" for name in ROWS[:-1] if not self.rows[f"{name} of sub-accounts"]]
        assert not missing, f"never checked: {missing}"
        rare = {
            reason.value: self.refused[reason.value] for reason in REFUSALS if self.refused[reason.value] < refused_min
        }
        assert not rare, f"refused less than {refused_min} times: {rare}"


def live_twice(seed: int, *, places: Sequence[Callable[[Path], Place]] = (directly, directly)) -> Seen:
    """One seed in two empty folders, its book once in each of the places. Raises AssertionError, with the seed."""
    hashes = []
    for place in places:
        with tempfile.TemporaryDirectory(dir=FASTEST if FASTEST.is_dir() else None) as folder:
            try:
                seen = run(seed, Path(folder), place=place)
            except AssertionError as error:
                error.add_note(f"simulation seed {seed}")
                raise
            hashes.append(seen.hash)
    assert hashes[0] == hashes[1], f"simulation seed {seed} ended in two hashes"
    return seen


def campaign(first: int, seeds: int, told: Callable[[int, Seen], None] | None = None) -> Total:
    """Lives so many seeds that count, from ``first`` on."""
    total = Total()
    seed = first
    while total.seeds < seeds:
        seen = live_twice(seed)
        if counts(seen):
            total.add(seen)
        else:
            total.passed_over += 1
        assert total.passed_over <= seeds, "most seeds do not count"
        if told is not None:
            told(seed, seen)
        seed += 1
    return total
