"""The answers of BingX's swap API v1, spelled as on the wire. It decides which members a row has and which of them may
be missing; what they mean stands in ``read.py``, the requests in ``requests.py``.

Numbers are kept as their own bytes (`Raw`): the wire prints them as numbers in one call and as texts in the next.
Every answer comes in an envelope, which ``codec.py`` takes off; `Whole` are those that are read with it.

Source: seed of this wire (Perpetual Swap, Account Interface), and its documents of 2020 to 2023.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from nostro.domain.values import ABSENT


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer of ours is in. Documents spell the sentence ``msg`` or ``message``: both are sent."""

    code: int = 0
    msg: str = ""
    message: str = ""
    ttl: int = 1
    data: object = {}


class Whole(Message, frozen=True, kw_only=True):
    """An answer whose members stand beside ``code``."""


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────


class Account(Message, frozen=True, kw_only=True):
    """Source: seed, Get Perpetual Swap Account Asset Information."""

    userId: str = ""  # noqa: N815 - the wire's spelling, here and below
    currency: str = ""
    balance: Raw = ABSENT
    equity: Raw = ABSENT
    unrealisedPNL: Raw = ABSENT  # noqa: N815
    realisedPNL: Raw = ABSENT  # noqa: N815
    availableMargin: Raw = ABSENT  # noqa: N815
    usedMargin: Raw = ABSENT  # noqa: N815
    freezedMargin: Raw = ABSENT  # noqa: N815
    longLeverage: Raw = ABSENT  # noqa: N815
    shortLeverage: Raw = ABSENT  # noqa: N815


class Balance(Account, frozen=True, kw_only=True):
    """The documents have the members at the top; since 2022 the wire has them within ``account``. The server sends
    both, the client reads ``account`` where it is there."""

    account: Account | None = None


class Position(Message, frozen=True, kw_only=True):
    """Source: seed, Perpetual Swap Positions. Its second example has no ``positionId``."""

    symbol: str
    positionSide: str  # noqa: N815
    volume: Raw
    currency: str = ""
    positionId: str = ""  # noqa: N815
    marginMode: str = ""  # noqa: N815
    availableVolume: Raw = ABSENT  # noqa: N815
    unrealisedPNL: Raw = ABSENT  # noqa: N815
    realisedPNL: Raw = ABSENT  # noqa: N815
    margin: Raw = ABSENT
    avgPrice: Raw = ABSENT  # noqa: N815
    liquidatedPrice: Raw = ABSENT  # noqa: N815
    leverage: Raw = ABSENT
    pnlRate: Raw = ABSENT  # noqa: N815


class Positions(Message, frozen=True, kw_only=True):
    positions: list[Position] | None = None


class Order(Message, frozen=True, kw_only=True):
    """``commission`` is negative when paid. The state is ``status`` in one call, ``orderStatus`` in another, and
    missing in the list of open orders."""

    orderId: str | int  # noqa: N815
    side: str
    tradeType: str  # noqa: N815
    action: str
    entrustTm: str  # noqa: N815
    entrustVolume: Raw  # noqa: N815
    entrustPrice: Raw = ABSENT  # noqa: N815
    avgFilledPrice: Raw = ABSENT  # noqa: N815
    filledVolume: Raw = ABSENT  # noqa: N815
    symbol: str = ""
    profit: Raw = ABSENT
    commission: Raw = ABSENT
    updateTm: str = ""  # noqa: N815
    status: str = ""
    orderStatus: str = ""  # noqa: N815


class Orders(Message, frozen=True, kw_only=True):
    orders: list[Order] | None = None


class Placed(Message, frozen=True, kw_only=True):
    """The document's sample of a one-click close has no id."""

    orderId: str | int = ""  # noqa: N815


class ClosedAll(Message, frozen=True, kw_only=True):
    """One document has a list of ids, another a list of objects with ``orderId``."""

    orders: list[str | Placed] | None = None


class StopOrder(Message, frozen=True, kw_only=True):
    """A price of 0 is not set. The spelling here is ``takeProfitPrice``."""

    orderId: str | int  # noqa: N815
    symbol: str
    positionId: str  # noqa: N815
    stopLossPrice: Raw  # noqa: N815
    takeProfitPrice: Raw  # noqa: N815
    entrustVolume: Raw  # noqa: N815
    side: str
    entrustTm: str  # noqa: N815
    userId: str = ""  # noqa: N815
    orderStatus: str = ""  # noqa: N815
    triggerTm: str = ""  # noqa: N815


class StopOrders(Message, frozen=True, kw_only=True):
    orders: list[StopOrder] | None = None


class MarginMode(Message, frozen=True, kw_only=True):
    marginMode: str  # noqa: N815


class Leverage(Message, frozen=True, kw_only=True):
    longLeverage: Raw  # noqa: N815
    shortLeverage: Raw  # noqa: N815


class ListenKey(Whole, frozen=True, kw_only=True):
    """Without an envelope."""

    listenKey: str  # noqa: N815


class Nothing(Whole, frozen=True, kw_only=True):
    """Without an envelope, and empty: a client reads a body as JSON."""


# ── public ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Time(Message, frozen=True, kw_only=True):
    """Milliseconds."""

    currentTime: int | None = None  # noqa: N815


class ServerTime(Whole, frozen=True, kw_only=True):
    """The documents have the time beside ``code``, one client reads it within ``data``."""

    code: int = 0
    msg: str = ""
    message: str = ""
    currentTime: int | None = None  # noqa: N815
    data: Time | None = None


class Contract(Message, frozen=True, kw_only=True):
    """``size``: base units of a contract, of which every volume is a multiple; ``minStep``: of prices."""

    contractId: str  # noqa: N815
    symbol: str
    name: str
    size: Raw
    minStep: Raw  # noqa: N815
    volumePrecision: int  # noqa: N815
    pricePrecision: int  # noqa: N815
    feeRate: Raw  # noqa: N815
    tradeMinLimit: Raw  # noqa: N815
    currency: str
    asset: str
    maxLongLeverage: Raw = ABSENT  # noqa: N815
    maxShortLeverage: Raw = ABSENT  # noqa: N815
    quantityPrecision: int | None = None  # noqa: N815


class LatestPrice(Message, frozen=True, kw_only=True):
    """``fairPrice``: the mark price."""

    tradePrice: Raw  # noqa: N815
    indexPrice: Raw  # noqa: N815
    fairPrice: Raw  # noqa: N815


class Ticker(Message, frozen=True, kw_only=True):
    symbol: str = ""
    priceChange: Raw = ABSENT  # noqa: N815
    priceChangePercent: Raw = ABSENT  # noqa: N815
    lastPrice: Raw = ABSENT  # noqa: N815
    lastVolume: Raw = ABSENT  # noqa: N815
    highPrice: Raw = ABSENT  # noqa: N815
    lowPrice: Raw = ABSENT  # noqa: N815
    volume: Raw = ABSENT
    dayVolume: Raw = ABSENT  # noqa: N815
    openPrice: Raw = ABSENT  # noqa: N815


class Tickers(Ticker, frozen=True, kw_only=True):
    """On the wire a list, also for one symbol; in the documents the members of the row itself."""

    tickers: list[Ticker] | None = None


class Level(Message, frozen=True, kw_only=True):
    p: Raw
    v: Raw


class Depth(Message, frozen=True, kw_only=True):
    asks: list[Level]
    bids: list[Level]


class Trade(Message, frozen=True, kw_only=True):
    """``makerSide`` names the maker: the taker was on the other side."""

    time: str
    makerSide: str  # noqa: N815
    price: Raw
    volume: Raw


class Trades(Message, frozen=True, kw_only=True):
    trades: list[Trade]


class LatestFunding(Message, frozen=True, kw_only=True):
    fundingRate: Raw  # noqa: N815
    fairPrice: Raw  # noqa: N815
    leftSeconds: Raw  # noqa: N815


class Candle(Message, frozen=True, kw_only=True):
    """``ts``: its start, milliseconds."""

    ts: Raw
    open: Raw
    close: Raw
    high: Raw
    low: Raw
    volume: Raw


class Candles(Message, frozen=True, kw_only=True):
    klines: list[Candle]


class LatestCandle(Message, frozen=True, kw_only=True):
    kline: Candle | None = None
