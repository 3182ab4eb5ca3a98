"""What a position is worth and what it gains: notional, profit and loss, return, fee and funding of linear, inverse and
quanto contracts. It decides no averages (``averaging.py``) and no margin (``collateral.py``).

The profit of a position is realized where its price is the one at which it was closed, and its size what was closed
of it; unrealized where they are the mark price and what is left.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal

from nostro.domain.margin.places import FINE, Places
from nostro.domain.values import EXACT, ONE, ZERO, add, product

Kind = Literal["linear", "inverse", "quanto"]
HUNDRED: Final = Decimal(100)


def linear_notional(*, size: Decimal, price: Decimal, multiplier: Decimal = ONE) -> Decimal:
    """The value of a linear position in quote assets, of a quanto one in settle assets; signed like ``size``. Exact.

    Source: GRVT Positions.notional (negative for shorts), from its captures: mark_price * size."""
    return product((size, price, multiplier))


def inverse_notional(
    *, size: Decimal, price: Decimal, multiplier: Decimal = ONE, places: Places = FINE
) -> Decimal | None:
    """The value of an inverse position in base assets, signed like ``size``; None at a price of zero.

    Source: Kraken Futures support, *Equity Protection Process* (1000 / 8000 = 0.125 BTC)."""
    return places.divide(EXACT.multiply(size, multiplier), by=price)


def notional(
    kind: Kind, *, size: Decimal, price: Decimal, multiplier: Decimal = ONE, places: Places = FINE
) -> Decimal | None:
    """The value of a position of any kind in its settle asset (linear: quote), signed like ``size``."""
    if kind == "inverse":
        return inverse_notional(size=size, price=price, multiplier=multiplier, places=places)
    return linear_notional(size=size, price=price, multiplier=multiplier)


def linear_pnl(*, size: Decimal, entry_price: Decimal, price: Decimal, multiplier: Decimal = ONE) -> Decimal:
    """(price - entry) * size: linear in quote assets, quanto in settle assets. Exact.

    Source: GRVT Positions.unrealized_pnl, realized_pnl; Kraken Futures support, *Calculation of profit and loss*;
    BitMEX ETHUSD, where a contract is 100 satoshi per dollar of price."""
    return product((EXACT.subtract(price, entry_price), size, multiplier))


def inverse_pnl(
    *, size: Decimal, entry_price: Decimal, price: Decimal, multiplier: Decimal = ONE, places: Places = FINE
) -> Decimal | None:
    """(1 / entry - 1 / price) * size in base assets, as one division; None where a price is zero.

    Source: Kraken Futures support, *Calculation of profit and loss*; BitMEX XBTUSD."""
    gained = product((EXACT.subtract(price, entry_price), size, multiplier))
    return places.divide(gained, by=EXACT.multiply(entry_price, price))


def pnl(
    kind: Kind,
    *,
    size: Decimal,
    entry_price: Decimal,
    price: Decimal,
    multiplier: Decimal = ONE,
    places: Places = FINE,
) -> Decimal | None:
    """The profit of a position of any kind in its settle asset (linear: quote)."""
    if kind == "inverse":
        return inverse_pnl(size=size, entry_price=entry_price, price=price, multiplier=multiplier, places=places)
    return linear_pnl(size=size, entry_price=entry_price, price=price, multiplier=multiplier)


def total_pnl(*, realized_pnl: Decimal, unrealized_pnl: Decimal) -> Decimal:
    """Their sum, in their unit. Exact.

    Source: GRVT Positions.total_pnl."""
    return EXACT.add(realized_pnl, unrealized_pnl)


def roi(*, total_pnl: Decimal, entry_price: Decimal, size: Decimal, places: Places = FINE) -> Decimal | None:
    """Return on the value at entry, in percent: total / (entry * |size|) * 100; None without such a value.

    Source: GRVT Positions.roi, which prints a stray ``^`` behind the hundred."""
    return places.divide(EXACT.multiply(total_pnl, HUNDRED), by=EXACT.multiply(entry_price, EXACT.abs(size)))


def return_on(*, amount: Decimal, by: Decimal, places: Places = FINE) -> Decimal | None:
    """A ratio (0.01 = 1 %): profit on margin, profit on cost.

    Source: Kraken Futures open_positions, return_on_equity = pnl / initial_margin in its captures, although one page
    says percent; BitMEX unrealisedPnlPcnt and unrealisedRoePcnt, which are ratios too."""
    return places.divide(amount, by=by)


def fee(*, price: Decimal, size: Decimal, rate: Decimal, multiplier: Decimal = ONE) -> Decimal:
    """Of a trade of a linear contract, in quote assets: price * |size| * rate, the rate a ratio; negative for a rebate.

    Source: GRVT Fill.fee and fee_rate (percent there: 0.045 is 0.00045), from its captures."""
    return product((price, EXACT.abs(size), rate, multiplier))


def funding_received(
    kind: Kind, *, size: Decimal, price: Decimal, rate: Decimal, multiplier: Decimal = ONE, places: Places = FINE
) -> Decimal | None:
    """Of one interval, in the settle asset: -(value at the mark price) * rate. Where the rate is positive a long
    position pays, and receives a negative amount.

    Source: GRVT help, *What is a funding rate*: position size * mark price * funding rate of the interval; Kraken
    Futures, perpetual contract specifications."""
    value = notional(kind, size=size, price=price, multiplier=multiplier, places=places)
    return None if value is None else EXACT.minus(EXACT.multiply(value, rate))


def balance_after(
    *, balance: Decimal, realized_pnl: Decimal = ZERO, realized_funding: Decimal = ZERO, fee: Decimal = ZERO
) -> Decimal:
    """A wallet after a line of its log: before + profit + funding - fee, all in one asset. Exact.

    Source: Kraken Futures account log (old_balance, new_balance)."""
    return add((balance, realized_pnl, realized_funding, fee.copy_negate()))
