"""A second book, as slow and as plain as can be: it remembers every row that each sweep saw, second by second, and
derives what must be known from the rules of the documents alone. It imports nothing of what it checks."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

Wire = dict[str, Any]


class NaiveEntries:
    """Rows with ids: the last sweep that reached a row's second decides what it says, and whether it is still there."""

    def __init__(self) -> None:
        self.known: dict[str, Wire] = {}
        self.gone: set[str] = set()
        self.proven: set[int] = set()

    def sweep(self, truth: list[Wire], since: int, until: int) -> None:
        seen = {row["id"] for row in truth if since <= row["t"] < until}
        for native_id, row in self.known.items():
            second = row["t"]
            if since <= second < until and second in self.proven and native_id not in seen:
                self.gone.add(native_id)
        for row in truth:
            if row["id"] in seen:
                self.known[row["id"]] = row
                self.gone.discard(row["id"])
        self.proven |= set(range(since, until))

    def rows(self, before: int | None = None) -> list[Wire]:
        return [
            row for native_id, row in self.known.items()
            if native_id not in self.gone and (before is None or row["t"] < before)
        ]  # fmt: skip

    def sums(self, before: int | None = None) -> dict[str, Fraction]:
        sums: dict[str, Fraction] = {}
        for row in self.rows(before):
            sums[row["asset"]] = sums.get(row["asset"], Fraction(0)) + Fraction(row["amount"])
        return sums


class NaiveFills:
    """Rows without ids: of each second, how many of each kind there are."""

    def __init__(self) -> None:
        self.known: dict[int, Counter[tuple[str, ...]]] = {}
        self.proven: set[int] = set()

    def sweep(self, truth: list[Wire], since: int, until: int) -> None:
        for second in range(since, until):
            now = Counter(told(row) for row in truth if row["t"] == second)
            before = self.known.get(second, Counter())
            self.known[second] = now if second in self.proven else now | before
        self.proven |= set(range(since, until))

    def rows(self, before: int | None = None) -> Counter[tuple[Any, ...]]:
        return Counter({
            (second, *row): number for second, rows in self.known.items() if before is None or second < before
            for row, number in rows.items()
        })  # fmt: skip


def told(row: Wire) -> tuple[str, ...]:
    return tuple(row[field] for field in ("symbol", "side", "price", "amount"))
