"""The streams of GRVT's sockets: which there are, what selects in them, what each frame carries. It decides what a
selector may say, for both sides; who hears what is decided in ``feed_serve.py``.

Source: the exchange's ``api-spec``, streams, with their selectors, rates, depths and codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from nostro.exchanges.grvt import messages, orders, words

BAD_SELECTOR: Final = 1101  # not primary@secondary
BAD_PRIMARY: Final = 1102  # the wrong number of parts before the @
BAD_SECONDARY: Final = 1103  # after it
BAD_SUB_ACCOUNT: Final = 3020  # not a number
BAD_INSTRUMENT: Final = 3000
BAD_RATE: Final = 3030
BAD_DEPTH: Final = 3031
BAD_LIMIT: Final = 3011
BAD_CANDLE: Final = 3040
UNKNOWN_STREAM: Final = 1003

RATES: Final[Mapping[str, tuple[int, ...]]] = {
    "v1.mini.s": (200, 500, 1_000, 5_000), "v1.mini.d": (0, 50, 100, 200, 500, 1_000, 5_000),
    "v1.ticker.s": (500, 1_000, 5_000), "v1.ticker.d": (100, 200, 500, 1_000, 5_000),
    "v1.book.s": (500, 1_000), "v1.book.d": (50, 100, 500, 1_000),
}  # fmt: skip
LIMITS: Final = (50, 200, 500, 1_000)  # of v1.trade
DEPTHS: Final = (10, 50, 100, 500)
CANDLES: Final = 5  # that a subscription begins with

# What a frame of each stream carries.
TRADING: Final[Mapping[str, Any]] = {
    "v1.order": orders.Order, "v1.state": orders.OrderStateFeed, "v1.position": messages.Positions,
    "v1.fill": messages.Fill, "v1.cancel": orders.CancelStatusFeed, "v1.transfer": messages.TransferHistory,
    "v1.deposit": orders.Deposit, "v1.withdrawal": orders.Withdrawal,
}  # fmt: skip
MARKET: Final[Mapping[str, Any]] = {
    "v1.mini.s": orders.MiniTicker, "v1.mini.d": orders.MiniTicker, "v1.ticker.s": orders.Ticker,
    "v1.ticker.d": orders.Ticker, "v1.book.s": orders.OrderbookLevels, "v1.book.d": orders.OrderbookLevels,
    "v1.trade": orders.Trade, "v1.candle": orders.Candlestick,
}  # fmt: skip
OF_MAIN: Final = ("v1.transfer", "v1.deposit", "v1.withdrawal")  # selected by main account


class BadSelector(ValueError):
    """A selector is not of the form of its stream. ``code``: the exchange's."""

    def __init__(self, code: int, selector: str) -> None:
        super().__init__(f"selector {selector[:60]!a}")
        self.code = code


class Selected(NamedTuple):
    """What a selector selects. ``primary``: an instrument's code, a sub-account or a main account; ``of``: what of it:
    an instrument's code or a sub-account, "" for all; ``rate``, ``depth``, ``limit``, ``interval``: of markets."""

    primary: str
    of: str = ""
    rate: int = 0
    depth: int = 0
    limit: int = 0
    interval: str = ""


def selected(stream: str, selector: str) -> Selected:
    """Raises `BadSelector`."""
    if stream in MARKET:
        return _of_market(stream, selector)
    if stream not in TRADING:
        raise BadSelector(UNKNOWN_STREAM, stream)
    primary, _, of = selector.partition("-")
    if "@" in selector or "-" in of or (of and stream == "v1.cancel"):
        raise BadSelector(BAD_PRIMARY, selector)
    if stream not in OF_MAIN and primary and not primary.isdecimal():
        raise BadSelector(BAD_SUB_ACCOUNT, selector)
    return Selected(primary, of)


def _of_market(stream: str, selector: str) -> Selected:
    primary, at, secondary = selector.partition("@")
    first, dash, second = secondary.partition("-")
    if not at or not primary:
        raise BadSelector(BAD_SELECTOR, selector)
    if bool(dash) != (stream in ("v1.book.s", "v1.candle")):
        raise BadSelector(BAD_SECONDARY, selector)
    if stream == "v1.candle":
        if words.member(words.CANDLESTICK_INTERVAL, first) is None or second != "TRADE":
            raise BadSelector(BAD_CANDLE, selector)
        return Selected(primary, interval=first)
    if stream == "v1.trade":
        return Selected(primary, limit=_one_of(LIMITS, first, code=BAD_LIMIT))
    rate = _one_of(RATES[stream], first, code=BAD_RATE)
    depth = _one_of(DEPTHS, second, code=BAD_DEPTH) if stream == "v1.book.s" else 0
    return Selected(primary, rate=rate, depth=depth)


def _one_of(known: tuple[int, ...], text: str, *, code: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and int(text) in known):
        raise BadSelector(code, text)
    return int(text)
