"""How values of the paper exchange are written on the wire of Kraken Futures: uids, times, amounts, and prices of a
position. It decides their spelling only; which rows are answered stands in ``serve.py`` and its neighbours.

*Ours*: the uids are the venue's own numbers, in a form that says of what; times are cut to milliseconds, as the
exchange prints them.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from msgspec import Raw

from nostro.domain.values import EXACT, ZERO, canonical, format_time, number_or_absent, quotient
from nostro.exchanges.kraken_futures import words
from nostro.link.view import VenueFill, VenueInstrument, VenueView

MILLISECOND_NS: Final = 1_000_000
ACCOUNT, ORDER, EXECUTION, BOOKING, EVENT, SCHEDULE = range(1, 7)
_UID: Final = re.compile(r"0000000([1-6])-0000-4000-8000-([0-9a-f]{12})", re.ASCII)
PRICE_DIGITS: Final = 12  # of averages, which are no whole ticks
RATE_DIGITS: Final = 18


def uid(kind: int, number: int) -> str:
    """A uid of one of the venue's numbers."""
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


def number_of(kind: int, uid: str) -> int | None:
    """The venue's number, None for another's uid or no uid."""
    found = _UID.fullmatch(uid.lower())
    return int(found[2], 16) if found is not None and int(found[1]) == kind else None


def time(time_ns: int) -> str:
    return format_time(time_ns, 3)


def now(view: VenueView) -> str:
    return time(view.now_ns())


def milliseconds(time_ns: int) -> Raw:
    return Raw(str(time_ns // MILLISECOND_NS).encode())


def text(amount: Decimal | None) -> Raw:
    """A number in quotes, as the histories write them; ``""`` for none."""
    return Raw(b'""' if amount is None else f'"{canonical(amount)}"'.encode())


def price(amount: Decimal | None) -> Raw:
    """Left out where there is none."""
    return number_or_absent(amount)


def symbol(row: VenueInstrument) -> str:
    return row.code or words.symbol(row.symbol)


def order_id(number: int) -> str:
    return uid(ORDER, number)


def fill_id(row: VenueFill) -> str:
    """That of the trade: both its parties have it."""
    return uid(EXECUTION, row.id)


def fill_type(row: VenueFill) -> str:
    if row.takeover:
        return "assignor"
    return "liquidation" if row.liquidation else "maker" if row.maker else "taker"


def entry_price(instrument: VenueInstrument, *, size: Decimal, basis: Decimal) -> Decimal:
    """The average price of a position: at which its size is worth its basis. 0 without a position."""
    if not size or not basis:
        return ZERO
    of, by = size.copy_abs(), basis.copy_abs()
    worth = EXACT.multiply(of, instrument.multiplier)
    if instrument.kind == "inverse":
        return quotient(worth, by, digits=PRICE_DIGITS, rounding=ROUND_HALF_EVEN)
    return quotient(by, worth, digits=PRICE_DIGITS, rounding=ROUND_HALF_EVEN)


def absolute_rate(instrument: VenueInstrument, *, rate: Decimal, price: Decimal) -> Decimal:
    """A funding rate as the wire prints it: per contract, in quote units of a linear one, in base units of an inverse
    one."""
    worth = EXACT.multiply(rate, instrument.multiplier)
    if instrument.kind == "inverse":
        return quotient(worth, price, digits=RATE_DIGITS, rounding=ROUND_HALF_EVEN)
    return Decimal(canonical(EXACT.multiply(worth, price)))


def whole(count: int) -> Raw:
    return Raw(str(count).encode())
