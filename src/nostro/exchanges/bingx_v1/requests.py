"""The requests of BingX's swap API v1, spelled as on the wire; what each call does stands in ``routes.py``. All
values are texts, because they are signed as they are written.

Source: seed of this wire, and its documents of 2020 to 2023 (User, Trade, Market).
"""

from __future__ import annotations

import msgspec


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """All values are texts: a server merges what came in query, form and JSON. ``apiKey``, ``timestamp`` and ``sign``
    are added and taken off by ``auth.py``."""


class CurrencyQuery(Request, frozen=True, kw_only=True):
    currency: str | None = None


class SymbolQuery(Request, frozen=True, kw_only=True):
    symbol: str | None = None


class Trade(Request, frozen=True, kw_only=True):
    """``takerProfitPrice`` is the documents' spelling."""

    symbol: str
    side: str
    tradeType: str  # noqa: N815 - the wire's spelling, here and below
    action: str
    entrustVolume: str  # noqa: N815
    entrustPrice: str | None = None  # noqa: N815
    takerProfitPrice: str | None = None  # noqa: N815
    stopLossPrice: str | None = None  # noqa: N815


class OrderQuery(Request, frozen=True, kw_only=True):
    orderId: str  # noqa: N815
    symbol: str | None = None


class OrdersCancel(Request, frozen=True, kw_only=True):
    """``oids``: ids joined by commas; absent: all of the symbol."""

    symbol: str
    oids: str | None = None


class HistoryQuery(Request, frozen=True, kw_only=True):
    """``lastOrderId`` 0 or absent: the newest ``length`` orders; else those before it."""

    symbol: str | None = None
    lastOrderId: str | None = None  # noqa: N815
    length: str | None = None
    autoCloseType: str | None = None  # noqa: N815


class StopOrder(Request, frozen=True, kw_only=True):
    """``orderId``: the stop order that is changed, absent for a new one."""

    positionId: str  # noqa: N815
    entrustVolume: str  # noqa: N815
    stopLossPrice: str | None = None  # noqa: N815
    takeProfitPrice: str | None = None  # noqa: N815
    orderId: str | None = None  # noqa: N815


class PositionClose(Request, frozen=True, kw_only=True):
    symbol: str
    positionId: str  # noqa: N815


class SetMarginMode(Request, frozen=True, kw_only=True):
    symbol: str
    marginMode: str  # noqa: N815


class SetLeverage(Request, frozen=True, kw_only=True):
    symbol: str
    side: str
    leverage: str


class DepthQuery(Request, frozen=True, kw_only=True):
    symbol: str
    level: str | None = None


class CandleQuery(Request, frozen=True, kw_only=True):
    """``startTs`` and ``endTs``: milliseconds."""

    symbol: str
    klineType: str  # noqa: N815
    startTs: str | None = None  # noqa: N815
    endTs: str | None = None  # noqa: N815


class ListenKey(Request, frozen=True, kw_only=True):
    listenKey: str  # noqa: N815
