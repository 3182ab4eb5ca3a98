"""Which rows of the board are shown, and in which order. It decides what a filter's words are looked for in, and what
sorting by value, distance and freshness means for each kind of row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from nostro.domain.records import Position
from nostro.views.choices import Choices
from nostro.views.live import Board, Row, Standing, distance, is_something, value


class Order:
    """Which rows are shown, and in which order."""

    def __init__(self, board: Board, choices: Choices, *, standings: Sequence[Standing]) -> None:
        self._board = board
        self._choices = choices
        self._standings = {each.account: (place, each) for place, each in enumerate(standings)}
        self._words = choices.filter.casefold().split()
        self._nearest: dict[str, Decimal] = {}
        for row in board.rows(Position.kind):
            apart = distance(row.fact) if is_something(row.fact) else None
            if apart is not None:
                self._nearest[row.key[0]] = min(apart, self._nearest.get(row.key[0], apart))

    def rows(self, kind: str) -> list[Row]:
        rows = [row for row in self._board.rows(kind) if self._fits(row)]
        return sorted(rows, key=lambda row: (*self._place(row.key[0], row), *_named(row)))

    def accounts(self) -> list[Standing]:
        wanted = [each for _, each in self._standings.values() if self._has((each.account, each.exchange, each.word))]
        return sorted(wanted, key=lambda each: self._place(each.account, None))

    def _fits(self, row: Row) -> bool:
        if row.key[0] not in self._standings:
            return False
        shown = is_something(row.fact) or (self._choices.zeros and not isinstance(row.fact, Position))
        exchange = self._standings[row.key[0]][1].exchange
        return shown and self._has((row.key[0], exchange, *map(str, row.key[2:])))

    def _has(self, texts: Iterable[str]) -> bool:
        said = " ".join(texts).casefold()
        return all(word in said for word in self._words)

    def _place(self, account: str, row: Row | None) -> tuple[Any, ...]:
        place, standing = self._standings[account]
        match self._choices.sort:
            case "value":
                worth = value(row.fact) if row is not None else None
                return (worth is None, -abs(worth) if worth is not None else 0, place)
            case "distance":
                own = distance(row.fact) if row is not None and isinstance(row.fact, Position) else None
                nearest = own if row is not None and isinstance(row.fact, Position) else self._nearest.get(account)
                return (nearest is None, nearest or 0, place)
            case "freshness":
                worst = ("ended", "stale", "unknown", "fresh").index(standing.word)
                return (worst, standing.since_ns or standing.heard_ns or 0, place)
        return (place,)


def _named(row: Row) -> tuple[str, ...]:
    """The sub-account, the wallet, and what it is of."""
    return tuple(str(part or "") for part in row.key[2:])
