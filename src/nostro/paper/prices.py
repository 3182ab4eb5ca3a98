"""Where the paper market's prices come from: a seeded process of integers, or a file of recorded trades or candles. It
decides prices and sizes; who quotes and trades them is ``makers.py``'s.
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

# *ours*: what an hour moves a price, parts per million (one standard deviation). What is not here does not move.
MOVES_PPM: Final[Mapping[str, int]] = {"BTC": 6_000, "ETH": 8_000, "SOL": 12_000, "EUR": 700, "DAI": 200}


class Prices:
    """A random walk of each asset's price in millionths of a dollar. The same seeds and steps give the same prices."""

    def __init__(self, profile: Profile, random: Random) -> None:
        self._random = random
        self._start = {asset: at_most(price, 6) for asset, price in profile.start_prices}
        self._now = dict(self._start)
        self._markets: dict[str, tuple[str, str, int]] = {
            each.symbol: (each.base, each.quote, 10**each.price_digits) for each in profile.instruments
        }

    def step(self, seconds: int) -> None:
        """Time passes, and every price moves: noise by the square root of time, and a pull back to its start."""
        scale = isqrt(seconds * MICRO * MICRO // _HOUR_S)
        for asset, move_ppm in MOVES_PPM.items():
            if asset not in self._now:
                continue
            price, start = self._now[asset], self._start[asset]
            noise = (self._random.getrandbits(256).bit_count() - 128) * 125  # deviation 1,000: of 256 coins it is 8
            price += price * noise * move_ppm * scale // (1_000 * MICRO * MICRO)
            price += (start - price) * _RETURN_PPM * min(seconds, _HOUR_S) // (MICRO * _HOUR_S)
            self._now[asset] = max(start // 10, min(start * 10, price))

    def ticks(self, symbol: str) -> int:
        """The reference price of an instrument, in its ticks; at least 1."""
        base, quote, scale = self._markets[symbol]
        return max(1, self._now[base] * scale // self._now[quote])

    def take(self, symbol: str, ticks: int) -> None:
        """The market traded at that price: the base's price in dollars follows it."""
        base, quote, scale = self._markets[symbol]
        self._now[base] = max(1, ticks * self._now[quote] // scale)

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
