"""What is asked of ALP.COM: query strings and JSON bodies, spelled as on the wire and in the order in which the
exchange's client writes them. It decides their members; ``ask.py`` fills them, ``serve.py`` reads them.

A member that is None is not sent. The server takes every member as absent, null, or (in a query) empty.
Source: API reference of 2023, the query and body tables; the Python client's request models.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Raw

from nostro.domain.values import ABSENT

Count = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
UnixSeconds = Annotated[int, msgspec.Meta(ge=0, le=32_503_680_000)]


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


# ── query strings ────────────────────────────────────────────────────────────────────────────────────────────────


class PairsQuery(Request, frozen=True, kw_only=True):
    """``currency1`` base, ``currency2`` quote (a number in the document, a mistake)."""

    currency1: str | None = None
    currency2: str | None = None


class TickerQuery(Request, frozen=True, kw_only=True):
    """``limit`` and ``offset`` are the client's alone."""

    pair: str | None = None
    pair_id: Id | None = None
    limit: Count | None = None
    offset: Count | None = None


class OrderBookQuery(Request, frozen=True, kw_only=True):
    """``group`` 1: orders of one price are one row."""

    pair: str | None = None
    group: Count | None = None
    limit_buy: Count | None = None
    limit_sell: Count | None = None


class ChartsQuery(Request, frozen=True, kw_only=True):
    pair: str | None = None
    interval: str | None = None
    since: UnixSeconds | None = None
    until: UnixSeconds | None = None
    limit: Count | None = None


class TradesQuery(Request, frozen=True, kw_only=True):
    pair: str | None = None
    limit: Count | None = None
    offset: Count | None = None


class AccountsQuery(Request, frozen=True, kw_only=True):
    include_subaccounts: bool | None = None


class CurrencyQuery(Request, frozen=True, kw_only=True):
    currency: str | None = None


class OrdersQuery(Request, frozen=True, kw_only=True):
    pair: str | None = None
    open_only: bool | None = None
    side: str | None = None
    start_time: str | None = None
    end_time: str | None = None


class AccountTradesQuery(Request, frozen=True, kw_only=True):
    """``limit`` is of 2026: at most 100."""

    pair: str | None = None
    side: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    limit: Count | None = None


class ActivityQuery(Request, frozen=True, kw_only=True):
    """``limit`` and ``offset`` are of 2026."""

    currency: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    limit: Count | None = None
    offset: Count | None = None


class TransfersQuery(Request, frozen=True, kw_only=True):
    currency: str | None = None
    start_time: str | None = None
    end_time: str | None = None


class LoansQuery(Request, frozen=True, kw_only=True):
    """Exactly one of the two is true."""

    isolated_margin: bool | None = None
    cross_margin: bool | None = None


class MarginQuery(Request, frozen=True, kw_only=True):
    """``pair`` is of an isolated wallet; the client sends it empty."""

    pair: str | None = None
    currency: str | None = None
    open_only: bool | None = None
    start_time: str | None = None
    end_time: str | None = None


class ClosedMarginQuery(Request, frozen=True, kw_only=True):
    """As `MarginQuery`, of rows that are never open."""

    pair: str | None = None
    currency: str | None = None
    start_time: str | None = None
    end_time: str | None = None


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────


class SignIn(Request, frozen=True, kw_only=True):
    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return "SignIn(...)"


class PlaceOrder(Request, frozen=True, kw_only=True):
    """Amounts are numbers (2023) or decimal strings (2026); ``post_only`` is of 2026."""

    pair: str
    order_side: str
    client_order_id: str | None = None
    wallet_type: str | None = None
    side_effect: str | None = None
    valid_till: str | None = None
    expire_after: str | None = None
    base_amount: Raw = ABSENT
    quote_amount: Raw = ABSENT
    limit_price: Raw = ABSENT
    stop_price: Raw = ABSENT
    stop_operator: str | None = None
    order_type: str
    tif: str | None = None
    post_only: bool | None = None


class CancelOrders(Request, frozen=True, kw_only=True):
    """Exactly one of the three; ``[]``, false, "" and null say nothing."""

    order_ids: list[Id] | None = None
    all: bool | None = None
    pair: str | None = None


class RequestWithdrawal(Request, frozen=True, kw_only=True):
    """``method``: the id of a withdraw method; ``attributes``: address, memo, ..., texts."""

    amount: Raw
    method: Id
    attributes: dict[str, str]
    client_order_id: str | None = None


class MarginTransfer(Request, frozen=True, kw_only=True):
    """Between the spot wallet and ``wallet_type``; an isolated one needs ``pair``, here and below."""

    account_id: Id
    wallet_type: str
    direction: str
    amount: Raw
    currency: str
    pair: str | None = None
    note: str | None = None


class Borrow(Request, frozen=True, kw_only=True):
    account_id: Id
    borrow: Raw
    currency: str
    wallet_type: str
    pair: str | None = None
    type: str | None = None


class Repay(Request, frozen=True, kw_only=True):
    """The document's table calls the amount ``borrow``, its example and the client ``amount``."""

    account_id: Id
    amount: Raw = ABSENT
    borrow: Raw = ABSENT
    currency: str
    wallet_type: str
    pair: str | None = None
    type: str | None = None


class ClosePosition(Request, frozen=True, kw_only=True):
    """``account_id`` is the client's alone."""

    account_id: Id | None = None
    wallet_type: str
    pair: str | None = None
