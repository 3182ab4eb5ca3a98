"""What a lie is in a trial: how it is told, what it must cause, and which rows the exchange takes back when it
tells the truth again. The tellers (``told_*.py``) choose a row of a life at random and say all three; here they are
gathered by name.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from nostro.domain.values import DAY_NS
from simulation.lies import Asked, Lie, Row, amount, text
from simulation.stage import ACCOUNT, Stage
from simulation.verdicts import Want

SHIFT: Final = Decimal("0.01")
HOUR_NS: Final = DAY_NS // 24
SIDES: Final = {"buys": "buy", "sells": "sell"}
ENDED: Final = ("FILLED", "CANCELLED", "CANCELED", "PARTIAL_CANCELLED", "EXPIRED")


class Told(NamedTuple):
    """Lies by table, what they must cause, and the rows (by time) that the exchange takes back when it repents.
    ``answers``: lies that are told answer by answer; ``dated``: whether those rows have a time."""

    lies: dict[str, Lie]
    wants: Sequence[Want]
    times_ns: Sequence[int]
    rows: int = 2
    answers: dict[str, Callable[[list[Row], Asked], list[Row]]] = {}  # noqa: RUF012 - a tuple's default
    dated: bool = True


Teller = Callable[[Stage, random.Random], Told | None]
TELLERS: dict[str, Teller] = {}


def told(teller: Teller) -> Teller:
    TELLERS[teller.__name__] = teller
    return teller


def pick(rows: Iterable[Row], draw: random.Random, *, where: Callable[[Row], bool] = lambda row: True) -> Row | None:
    fitting = [row for row in rows if where(row)]
    return draw.choice(fitting) if fitting else None


def moves(row: Row) -> bool:
    return bool(amount(row, "balance_delta") or amount(row, "reserve_delta"))


def own(row: Row) -> bool:
    """Whether it is the login's own, and not a sub-account's."""
    return text(row, "account_id") == ACCOUNT


def ended(row: Row) -> bool:
    return text(row, "status") in ENDED and bool(amount(row, "amount"))


def filled(row: Row) -> bool:
    return ended(row) and bool(amount(row, "amount_filled"))
