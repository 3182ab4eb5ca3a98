"""How values of the paper exchange are written on ALP.COM's wire: times, pairs, wallets, prices and statuses. It
decides their spelling only; which rows are answered stands in ``serve.py``.

*Ours*: times are cut to microseconds, and 0 stands for a price that is not there yet.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import UNSET, Raw, UnsetType

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


def wallet(name: str) -> str:
    """The wire's word; whose an isolated one is stands in `wallet_pair`."""
    return words.wallet_written(name)[0]


def wallet_pair(dialect: Dialect, name: str) -> str | UnsetType:
    """Left out but for isolated wallets. *Ours*: the documents' rows do not have it."""
    instrument = words.wallet_written(name)[1]
    return UNSET if instrument is None else pair(dialect, instrument)


def price(amount: Decimal | None) -> Raw:
    return number(ZERO if amount is None else amount)


def status(dialect: Dialect, word: str) -> str:
    return dialect.partially_canceled if word == "partially_canceled" else words.ORDER_STATUSES_WRITTEN[word]


def loan_type(dialect: Dialect, word: str) -> str:
    return f"{dialect.loan_prefix}{word.upper()}"
