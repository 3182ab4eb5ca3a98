"""How the paper exchange's markets are written in Kraken Futures' public frames: tickers, trades, order books. It
decides what each member says; who hears which frame stands in ``feed_serve.py``. Its twin is ``feed_read.py``.

*Ours*: the change is that of 24 hours in percent, 0 where nothing traded; the open interest is not known, and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from msgspec import Raw

from nostro.domain.values import ABSENT, EXACT, ZERO, number, number_or_absent, product, quotient
from nostro.exchanges.kraken_futures import feed_messages as messages
from nostro.exchanges.kraken_futures import words, written
from nostro.link.commands import Side
from nostro.link.view import VenueInstrument, VenueTrade, VenueView

TRADES: Final = 100  # of a snapshot
DIGITS: Final = 12

Levels = Mapping[Decimal, Decimal]  # the amount at each price, best first


def ticker(view: VenueView, instrument: VenueInstrument, *, feed: str) -> messages.Ticker:
    """``ticker_lite`` has neither times nor prices but the best."""
    row, symbol = view.ticker(instrument.symbol), instrument.symbol
    change = ZERO
    if row.open and row.last is not None:
        moved = EXACT.scaleb(EXACT.subtract(row.last, row.open), 2)
        change = quotient(moved, row.open, digits=DIGITS, rounding=ROUND_HALF_EVEN)
    quote = row.volume if instrument.kind == "inverse" else product((row.volume, row.last or ZERO))
    lite = messages.Ticker(
        feed=feed,
        product_id=written.symbol(instrument),
        bid=number_or_absent(row.bid),
        ask=number_or_absent(row.ask),
        volume=number(row.volume),
        volumeQuote=number(quote),
        dtm=0,
        change=number(change),
        tag="perpetual",
        pair=words.pair(symbol),
        maturityTime=number(ZERO),
    )
    if feed == "ticker_lite":
        return lite
    rate, paid_ns = view.funding_rate(symbol)
    return messages.Ticker(
        **{name: getattr(lite, name) for name in lite.__struct_fields__ if getattr(lite, name) is not ABSENT}
        | {
            "time": written.milliseconds(view.now_ns()),
            "bid_size": _best(view, symbol, "buy"),
            "ask_size": _best(view, symbol, "sell"),
            "index": number(view.index(symbol)),
            "last": number_or_absent(row.last),
            "suspended": False,
            "markPrice": number(view.mark(symbol)),
            "post_only": False,
            "funding_rate": number(_absolute(view, instrument, rate)),
            "relative_funding_rate": number(rate),
            "next_funding_rate_time": written.milliseconds(paid_ns),
        }
    )


def _absolute(view: VenueView, instrument: VenueInstrument, rate: Decimal) -> Decimal:
    """Per contract: in quote assets of a linear one, in base assets of an inverse one."""
    mark = view.mark(instrument.symbol)
    if instrument.kind == "inverse":
        return quotient(rate, mark, digits=2 * DIGITS, rounding=ROUND_HALF_EVEN) if mark else ZERO
    return product((rate, mark))


def _best(view: VenueView, symbol: str, side: Side) -> Raw:
    best = view.depth(symbol, side, levels=1, grouped=True)
    return number(best[0][1]) if best else ABSENT


def trade(row: VenueTrade, feed: str) -> messages.Trade:
    return messages.Trade(
        feed=feed,
        product_id=words.symbol(row.instrument),
        uid=written.uid(written.EXECUTION, row.id),
        side=row.side,
        type="fill",
        seq=Raw(str(row.id).encode()),
        time=written.milliseconds(row.time_ns),
        qty=number(row.amount),
        price=number(row.price),
    )


def trades(view: VenueView, instrument: VenueInstrument) -> messages.Trades:
    rows = view.trades(instrument.symbol, limit=TRADES, offset=0)
    return messages.Trades(
        feed="trade_snapshot",
        product_id=written.symbol(instrument),
        trades=[trade(row, "trade") for row in rows],
    )


# ── books ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Books:
    """The books that are heard, as they were told last, and the number of the last frame of each."""

    def __init__(self, view: VenueView) -> None:
        self._view = view
        self._told: dict[str, dict[Side, Levels]] = {}
        self._numbers: dict[str, int] = {}

    def snapshot(self, instrument: VenueInstrument) -> messages.Book:
        """The book as those who hear it know it."""
        if instrument.symbol not in self._told:
            self._told[instrument.symbol] = self._sides(instrument.symbol)
        sides = self._told[instrument.symbol]
        return messages.Book(
            feed="book_snapshot",
            product_id=written.symbol(instrument),
            timestamp=written.milliseconds(self._view.now_ns()),
            seq=self._numbers.setdefault(instrument.symbol, 0),
            bids=[messages.Level(price=number(price), qty=number(qty)) for price, qty in sides["buy"].items()],
            asks=[messages.Level(price=number(price), qty=number(qty)) for price, qty in sides["sell"].items()],
        )

    def changes(self, instrument: VenueInstrument) -> Iterator[messages.BookLevel]:
        """What rests otherwise since it was told last."""
        before = self._told.get(instrument.symbol)
        if before is None:
            return
        now = self._told[instrument.symbol] = self._sides(instrument.symbol)
        for side in before:
            for price in sorted(before[side].keys() | now[side].keys()):
                qty = now[side].get(price, ZERO)
                if qty != before[side].get(price, ZERO):
                    yield self._level(instrument, side, price=price, qty=qty)

    def forget(self, instrument: VenueInstrument) -> None:
        """Nobody hears it any more."""
        self._told.pop(instrument.symbol, None)

    def _level(self, instrument: VenueInstrument, side: Side, *, price: Decimal, qty: Decimal) -> messages.BookLevel:
        self._numbers[instrument.symbol] += 1
        return messages.BookLevel(
            feed="book",
            product_id=written.symbol(instrument),
            side=side,
            seq=self._numbers[instrument.symbol],
            price=number(price),
            qty=number(qty),
            timestamp=written.milliseconds(self._view.now_ns()),
        )

    def _sides(self, symbol: str) -> dict[Side, Levels]:
        sides: tuple[Side, ...] = ("buy", "sell")
        return {side: dict(self._view.depth(symbol, side, levels=None, grouped=True)) for side in sides}
