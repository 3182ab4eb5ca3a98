"""How values of the paper exchange are written on ALP.COM's wire: times, pairs, prices and statuses. It decides their
spelling only; which rows are answered stands in ``serve.py``.

*Ours*: times are cut to microseconds, and 0 stands for a price that is not there yet.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Raw

from nostro.domain.values import EXACT, ZERO, format_time, number
from nostro.exchanges.alp import words
from nostro.exchanges.alp.dialects import Dialect

MICROSECOND_NS = 1_000


def time(time_ns: int) -> str:
    return format_time(time_ns // MICROSECOND_NS * MICROSECOND_NS)


def seconds(time_ns: int) -> Raw:
    """Unix seconds with at most six decimals."""
    return number(EXACT.scaleb(Decimal(time_ns // MICROSECOND_NS), -6))


def pair(dialect: Dialect, symbol: str) -> str:
    return words.pair(symbol, dialect.separator)


def price(amount: Decimal | None) -> Raw:
    return number(ZERO if amount is None else amount)


def status(dialect: Dialect, word: str) -> str:
    return dialect.partially_canceled if word == "partially_canceled" else words.ORDER_STATUSES_WRITTEN[word]
