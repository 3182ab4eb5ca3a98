"""Shows that positions which began in one moment on one side, as they do where stops fire together, are rows of
their own in a book, twins too, and are the same rows when they are read again.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nostro.book.identity import rows
from nostro.domain.records import ClosedPosition
from nostro.exchanges.grvt.ask import CLOSED_POSITIONS


def life(**more: Any) -> ClosedPosition:
    fields: dict[str, Any] = {
        "effective_ns": 2, "sub_account": "4", "instrument": "BTC/USDT:USDT", "side": "short", "opened_ns": 1,
        "closed_ns": 2, "status": "closed", "closed_size": Decimal("0.04"), "realized_pnl": Decimal(-1),
    }  # fmt: skip
    return ClosedPosition(**fields | more)


def test_lives_of_one_moment_are_rows_of_their_own() -> None:
    lives = [life(), life(closed_size=Decimal("0.05")), life(effective_ns=3, closed_ns=3), life(side="long"), life()]
    named = [
        row.identity
        for row in rows(
            lives, exchange="grvt", account="a", stream="closed_positions", declared=CLOSED_POSITIONS, observed_ns=9
        )
    ]
    assert len(set(named)) == len(lives)
    again = rows(
        lives, exchange="grvt", account="a", stream="closed_positions", declared=CLOSED_POSITIONS, observed_ns=10
    )
    assert [row.identity for row in again] == named
