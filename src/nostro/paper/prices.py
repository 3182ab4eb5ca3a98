"""Where the paper market's prices come from: a seeded process of integers, or a file of recorded trades or candles. It
decides prices, sizes, and what a contract costs its holders; who quotes and trades them is ``makers.py``'s.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import isqrt
from pathlib import Path
from random import Random
from typing import Final, Literal

import msgspec

from nostro.domain.values import EXACT, ZERO, decimal, seconds_to_ns
from nostro.errors import BadValue
from nostro.paper.venue.numbers import at_most
from nostro.paper.venue.profile import Profile

MICRO: Final = 1_000_000  # a dollar in the process' own unit
_HOUR_S: Final = 3_600
# How far prices are drawn back to where they began: by a thousandth of the gap in an hour. Without it, months of a
# seeded walk end at prices that nobody would recognise.
_RETURN_PPM: Final = 1_000

_SIDES: Final[Mapping[str, Literal["buy", "sell"]]] = {"buy": "buy", "sell": "sell"}

# *ours*: what an hour moves a price, parts per million (one standard deviation). What is not here does not move, and
# neither does what prices are said in.
MOVES_PPM: Final[Mapping[str, int]] = {
    "BTC": 6_000, "ETH": 8_000, "SOL": 12_000, "EUR": 700, "DAI": 200, "XRP": 11_000, "USDT": 100,
}  # fmt: skip
# *ours*: a contract's price lies above or below its index by the basis, which an hour moves by so many parts per
# million, and of which it loses one part in so many.
BASIS_MOVE_PPM: Final = 120
BASIS_LOST: Final = 3
BASIS_PPB_MAX: Final = 4_000_000
# *ours*: what funding takes of a position in eight hours: a little always, and the basis, within bounds.
FUNDING_USUAL_PPB: Final = 50_000
FUNDING_PPB_MAX: Final = 3_000_000
FUNDING_S: Final = 28_800


class Prices:
    """A random walk of each asset's price in millionths of a dollar, and of each contract's basis. The same seeds and
    steps give the same prices."""

    def __init__(self, profile: Profile, random: Random) -> None:
        self._random = random
        self._start = {asset: at_most(price, 6) for asset, price in profile.start_prices}
        self._now = dict(self._start)
        self._markets = {each.symbol: each for each in profile.instruments}
        self._moving = {
            asset: move for asset, move in MOVES_PPM.items() if asset in self._now and asset != profile.quote_asset
        }
        self._basis_ppb = {each.symbol: 0 for each in profile.instruments if each.settle}

    def step(self, seconds: int) -> None:
        """Time passes, and every price moves: noise by the square root of time, and a pull back to its start."""
        scale = isqrt(seconds * MICRO * MICRO // _HOUR_S)
        for asset, move_ppm in self._moving.items():
            price, start = self._now[asset], self._start[asset]
            price += price * self._noise() * move_ppm * scale // (1_000 * MICRO * MICRO)
            price += (start - price) * _RETURN_PPM * min(seconds, _HOUR_S) // (MICRO * _HOUR_S)
            self._now[asset] = max(start // 10, min(start * 10, price))
        for symbol, basis in self._basis_ppb.items():
            lost = basis * min(seconds, _HOUR_S) // (BASIS_LOST * _HOUR_S)
            moved = self._noise() * BASIS_MOVE_PPM * min(scale, MICRO) // MICRO
            self._basis_ppb[symbol] = max(-BASIS_PPB_MAX, min(BASIS_PPB_MAX, basis - lost + moved))

    def _noise(self) -> int:
        """Of a deviation of 1,000: that of 256 coins is 8."""
        return (self._random.getrandbits(256).bit_count() - 128) * 125

    def ticks(self, symbol: str) -> int:
        """The reference price of an instrument, in its ticks; at least 1. Of a contract: its mark price."""
        market = self._markets[symbol]
        basis_ppb = self._basis_ppb.get(symbol, 0)
        price: int = self._now[market.base] * 10**market.price_digits // self._now[market.quote]
        return max(1, price + price * basis_ppb // 10**9)

    def take(self, symbol: str, ticks: int) -> None:
        """The market traded at that price: the base's price in dollars follows it."""
        market = self._markets[symbol]
        self._now[market.base] = max(1, ticks * self._now[market.quote] // 10**market.price_digits)

    def resume(self, asset: str, price: Decimal) -> None:
        """Goes on from a price, in dollars."""
        self._now[asset] = max(1, at_most(price, 6))

    def lean(self, symbol: str, ticks: int) -> None:
        """Goes on from a contract's mark price: what lies between it and the index is the basis."""
        market = self._markets[symbol]
        index = max(1, self._now[market.base] * 10**market.price_digits // self._now[market.quote])
        self._basis_ppb[symbol] = max(-BASIS_PPB_MAX, min(BASIS_PPB_MAX, (ticks - index) * 10**9 // index))

    def lots(self, symbol: str, worth: int) -> int:
        """How many lots of an instrument are worth so many millionths of a dollar, rounded down."""
        market = self._markets[symbol]
        asset = market.quote if market.kind == "inverse" else market.base
        numerator, denominator = market.multiplier.as_integer_ratio()
        lots: int = worth * 10**market.amount_digits * denominator // (self._now[asset] * numerator)
        return lots

    def least(self, symbol: str) -> int:
        """What an order of an instrument must be worth, and a fifth more, in millionths of a dollar."""
        market = self._markets[symbol]
        return at_most(market.value_min, 6) * self._now[market.settle or market.quote] * 6 // (5 * MICRO)

    def funding_ppb(self, symbol: str) -> int:
        """The funding rate of one interval as things are, in parts per 10^9: who is long pays what is positive."""
        rate = FUNDING_USUAL_PPB + self._basis_ppb[symbol]
        return max(-FUNDING_PPB_MAX, min(FUNDING_PPB_MAX, rate)) * self._markets[symbol].funding_interval_s // FUNDING_S

    def dollars(self, asset: str) -> int:
        """Millionths of a dollar for one of the asset."""
        return self._now[asset]


class Print(msgspec.Struct, frozen=True):
    """A recorded trade, or what is known of it: quote per base, base units (0: a price without a trade), the taker's
    side."""

    time_ns: int
    price: Decimal
    amount: Decimal
    side: Literal["buy", "sell"]


def recorded(path: Path) -> Iterator[Print]:
    """The prints of a CSV file with columns ``time_s,price,amount,side`` (trades) or ``time_s,open,high,low,close,vwap,
    volume,count`` (candles of a minute: four prints each, a quarter of the volume; one without a trade where nothing
    traded). Raises `BadValue` for another file or side, `Malformed` for a number or time that is none."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        columns = set(rows.fieldnames or ())
        if {"time_s", "price", "amount", "side"} <= columns:
            yield from map(_trade, rows)
        elif {"time_s", "open", "high", "low", "close", "volume"} <= columns:
            for row in rows:
                yield from _candle(row)
        else:
            message = f"{path} has the columns {', '.join(sorted(columns)) or '(none)'}"
            raise BadValue(message, hint="give a CSV file of trades (time_s,price,amount,side) or of candles")


def _trade(row: Mapping[str, str]) -> Print:
    side = _SIDES.get(row["side"])
    if side is None:
        raise BadValue(f"side is {row['side']!r}, expected buy or sell", hint="give the taker's side")
    time_ns = seconds_to_ns(decimal(row["time_s"], "time_s"), "time_s")
    return Print(time_ns, decimal(row["price"], "price"), decimal(row["amount"], "amount"), side)


def _candle(row: Mapping[str, str]) -> Iterator[Print]:
    """Open, the extreme that lies against the candle's direction, the other one, close: 0, 15, 30 and 45 seconds in."""
    start_ns = seconds_to_ns(decimal(row["time_s"], "time_s"), "time_s")
    first, high, low, last = (decimal(row[name], name) for name in ("open", "high", "low", "close"))
    volume = decimal(row["volume"], "volume")
    if not volume:
        yield Print(start_ns, last, ZERO, "buy")
        return
    rises = last >= first
    before = first
    for quarter, price in enumerate((first, low if rises else high, high if rises else low, last)):
        side: Literal["buy", "sell"] = "buy" if price >= before else "sell"
        yield Print(start_ns + quarter * 15_000_000_000, price, EXACT.divide(volume, Decimal(4)), side)
        before = price
