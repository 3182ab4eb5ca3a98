"""The frames of ALP.COM's WebSocket that have a fixed number of elements, spelled as on the wire: arrays whose first
element is the type and whose second is a time in Unix seconds. It decides which elements there are; what they mean
stands in ``feed_read.py``. Frames without a fixed number (tickers, acknowledgements) are written and read there.

The exchange's own client takes the elements of `Wallet` and `Order` by position: one more or one less ends it, and so
does an amount that is no string. Of all others it ignores what comes after the last that it knows.

Source: API reference of 2023, section WebSocket API, the tables and examples of each message; the Python client's
handlers (which may be null). `Error.about` stands in no document: the exchange has sent it since.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw


class Welcome(msgspec.Struct, frozen=True, array_like=True, tag="welcome"):
    """Both intervals in nanoseconds; ``client_id`` a UUID."""

    time: Raw
    ping_interval: int
    ping_timeout: int
    client_id: str


class Error(msgspec.Struct, frozen=True, array_like=True, tag="error"):
    time: Raw
    message: str
    about: str = ""


class TickerRow(msgspec.Struct, frozen=True, array_like=True):
    """One of the arrays of a ``tk`` frame. ``change`` in percent."""

    symbol: str
    close: str
    base_vol: str
    quote_vol: str
    change: str
    high: str
    low: str
    bid: str
    ask: str


class Trade(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """``direction``: buy or sell."""

    time: Raw
    trade_id: int
    pair: str
    amount: str
    price: str
    direction: str


class RateRow(msgspec.Struct, frozen=True, array_like=True):
    rate: str
    base: str
    quote: str


class Rates(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    time: Raw
    rates: list[RateRow]


class Level(msgspec.Struct, frozen=True, array_like=True):
    """``quantity`` of a ``d`` frame is a difference."""

    price: str
    quantity: str


class Sides(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    asks: list[Level]
    bids: list[Level]


class Diff(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    time: Raw
    symbol: str
    sides: Sides


class Book(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    asks: list[Level]
    bids: list[Level]
    symbol: str
    total_asks: str
    total_bids: str


class Depth(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    time: Raw
    book: Book


class Wallet(msgspec.Struct, frozen=True, array_like=True, tag="w"):
    """``symbol``: the pair of an isolated margin wallet, else empty."""

    time: Raw
    code: str
    wallet_type: str
    symbol: str | None
    balance: str
    reserve: str


class Order(msgspec.Struct, frozen=True, array_like=True, tag="o"):
    """``done_at``: Unix seconds or null."""

    time: Raw
    order_id: int
    symbol: str
    side: str
    order_type: str
    base_amount: str
    limit_price: str
    amount_unfilled: str
    amount_filled: str
    amount_cancelled: str
    value_filled: str
    price_avg: str | None
    done_at: Raw
    status: str
    quote_amount: str | None
    wallet_type: str
    stop_price: str | None
    stop_operator: str
