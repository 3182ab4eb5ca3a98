"""The enumerations of BingX's swap API v1 and our words for them, and its names of contracts. It decides which
spellings are read and which one each word is written with.

Source: the wire's documents of 2020 to 2023, tables of Place Order, of orders and of positions; positions were seen in
lower case where the documents have capitals, so that words of positions are read in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WALLET: Final = "futures"
CURRENCY: Final = "USDT"  # what contracts are settled in, all of them

SIDES: Final[Mapping[str, str]] = {"Bid": "buy", "Ask": "sell"}
SIDES_WRITTEN: Final[Mapping[str, str]] = {"buy": "Bid", "sell": "Ask"}
MAKER_SIDES: Final[Mapping[str, str]] = {"Buy": "sell", "Sell": "buy", "Bid": "sell", "Ask": "buy"}  # of the taker
MAKER_SIDES_WRITTEN: Final[Mapping[str, str]] = {"sell": "Buy", "buy": "Sell"}
TYPES: Final[Mapping[str, str]] = {"Limit": "limit", "Market": "market"}
TYPES_WRITTEN: Final[Mapping[str, str]] = {"limit": "Limit", "market": "Market"}

OPEN, CLOSE, LIQUIDATION = "Open", "Close", "Liquidation"
# Whose position an order is for, by its side and its action; an order that closes is on the other side of it.
POSITION_SIDES: Final[Mapping[tuple[str, bool], str]] = {
    ("buy", True): "long", ("sell", False): "long", ("sell", True): "short", ("buy", False): "short",
}  # fmt: skip

ORDER_STATUSES: Final[Mapping[str, str]] = {
    "Pending": "open", "PartiallyFilled": "partially_filled", "Filled": "filled", "Cancelled": "canceled",
    "Failed": "rejected",
}  # fmt: skip
ORDER_STATUSES_WRITTEN: Final[Mapping[str, str]] = {
    "pending": "Pending", "open": "Pending", "partially_filled": "PartiallyFilled", "filled": "Filled",
    "canceled": "Cancelled", "partially_canceled": "Cancelled", "expired": "Cancelled",
}  # fmt: skip
ORDERS_END: Final = frozenset({"filled", "canceled", "partially_canceled", "rejected"})

HEDGE_SIDES: Final[Mapping[str, str]] = {"long": "long", "short": "short"}
HEDGE_SIDES_WRITTEN: Final[Mapping[str, str]] = {"long": "Long", "short": "Short"}
MARGIN_MODES: Final[Mapping[str, str]] = {"cross": "cross", "isolated": "isolated"}
MARGIN_MODES_WRITTEN: Final[Mapping[str, str]] = {"cross": "Cross", "isolated": "Isolated"}

# Seconds of a candle's interval; case matters: 1M is a month.
INTERVALS_S: Final[Mapping[str, int]] = {
    "1": 60, "3": 180, "5": 300, "15": 900, "30": 1_800, "60": 3_600, "120": 7_200, "240": 14_400, "360": 21_600,
    "720": 43_200, "1D": 86_400, "1W": 604_800,
}  # fmt: skip
INTERVALS_WRITTEN: Final = {interval_s: name for name, interval_s in INTERVALS_S.items()}


def instrument(symbol: str) -> str:
    """Our name of a contract: ``BTC-USDT`` is ``BTC/USDT:USDT``. One sample of the documents has ``ETH_USDT``."""
    base, _, quote = symbol.replace("_", "-", 1).partition("-")
    return f"{base}/{quote}:{quote}" if base and quote else symbol


def symbol(instrument: str) -> str:
    """The wire's name of a contract of ours."""
    return instrument.partition(":")[0].replace("/", "-", 1)
