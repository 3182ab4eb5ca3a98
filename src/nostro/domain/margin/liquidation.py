"""At which price a position ends: where the equity that backs it is its maintenance margin. It decides the price; what
equity and margin are, is ``collateral.py``'s.

One formula for every mode. Take any price at which equity and maintenance margin are known: the mark price with an
account's reported totals (cross, and a margin account), or the entry price with what was put up (isolated). From
there both move with the price, the equity by the positions' sizes, the margin by the rate of the tier; other
positions stand still. One-way mode has one position of an instrument, hedge mode a long and a short one. A tier's
edge on the way is not seen: the price is that of the present tier, an estimate as the exchanges' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from nostro.domain.margin.places import FINE, Places
from nostro.domain.margin.profit import Kind, notional
from nostro.domain.values import EXACT, ONE, ZERO, add, product


def linear_liquidation_price(
    *,
    mark_price: Decimal,
    equity: Decimal,
    maintenance_margin: Decimal,
    sizes: Sequence[Decimal],
    maintenance_rate: Decimal = ZERO,
    multiplier: Decimal = ONE,
    places: Places = FINE,
) -> Decimal | None:
    """mark - (equity - maintenance) / (multiplier * (sum(size) - rate * sum(|size|))); linear and quanto contracts.
    None where no price above 0 is one. A rate of 0 holds the margin still, as GRVT's estimates do.

    Source: equity(p) = maintenance(p), solved; GRVT Positions.est_liquidation_price, whose captures keep every digit of
    the mark price and so divide by the size alone."""
    net, gross = add(sizes), add(EXACT.abs(size) for size in sizes)
    slope = EXACT.multiply(multiplier, EXACT.subtract(net, EXACT.multiply(maintenance_rate, gross)))
    apart = places.divide(EXACT.subtract(equity, maintenance_margin), by=slope)
    return None if apart is None else _positive(EXACT.subtract(mark_price, apart))


def inverse_liquidation_price(
    *,
    mark_price: Decimal,
    equity: Decimal,
    maintenance_margin: Decimal,
    sizes: Sequence[Decimal],
    maintenance_rate: Decimal = ZERO,
    multiplier: Decimal = ONE,
    places: Places = FINE,
) -> Decimal | None:
    """mark * k / (k + (equity - maintenance) * mark), k = multiplier * (sum(size) + rate * sum(|size|)). None where no
    price above 0 is one: a short inverse position that its collateral covers whole has none.

    Source: equity(p) = maintenance(p), solved; Kraken Futures support, *Equity Protection Process* (1000 contracts from
    8000 with 0.01 BTC: 7481), and its liquidation_threshold."""
    net, gross = add(sizes), add(EXACT.abs(size) for size in sizes)
    slope = EXACT.multiply(multiplier, EXACT.add(net, EXACT.multiply(maintenance_rate, gross)))
    by = EXACT.add(slope, EXACT.multiply(EXACT.subtract(equity, maintenance_margin), mark_price))
    price = places.divide(EXACT.multiply(mark_price, slope), by=by)
    return None if price is None else _positive(price)


def liquidation_price(
    kind: Kind,
    *,
    mark_price: Decimal,
    equity: Decimal,
    maintenance_margin: Decimal,
    sizes: Sequence[Decimal],
    unrealized_pnl: Decimal = ZERO,
    maintenance_rate: Decimal = ZERO,
    multiplier: Decimal = ONE,
    places: Places = FINE,
) -> Decimal | None:
    """Of any kind of contract; ``unrealized_pnl`` is added to the equity, where a balance alone is known. With a
    maintenance margin and rate of 0: the bankruptcy price. Where closing costs a fee, as on BingX, its rate is part
    of ``maintenance_rate``."""
    solved = inverse_liquidation_price if kind == "inverse" else linear_liquidation_price
    return solved(
        mark_price=mark_price, equity=EXACT.add(equity, unrealized_pnl), maintenance_margin=maintenance_margin,
        sizes=sizes, maintenance_rate=maintenance_rate, multiplier=multiplier, places=places,
    )  # fmt: skip


def liquidation_price_isolated(
    kind: Kind,
    *,
    size: Decimal,
    entry_price: Decimal,
    collateral: Decimal,
    maintenance_rate: Decimal = ZERO,
    multiplier: Decimal = ONE,
    places: Places = FINE,
) -> Decimal | None:
    """Of a position that was opened at ``entry_price`` with nothing but ``collateral`` behind it, in its settle asset.

    Source: BingX support, *Forced liquidation rules* (position margin <= maintenance margin + taker fee); Kraken
    Futures support, *Equity Protection Process*."""
    value = notional(kind, size=size, price=entry_price, multiplier=multiplier, places=places)
    if value is None:
        return None
    return liquidation_price(
        kind,
        mark_price=entry_price,
        equity=collateral,
        maintenance_margin=product((EXACT.abs(value), maintenance_rate)),
        sizes=(size,),
        maintenance_rate=maintenance_rate,
        multiplier=multiplier,
        places=places,
    )


def liquidation_price_alone(
    kind: Kind,
    *,
    size: Decimal,
    mark_price: Decimal,
    leverage: Decimal,
    maintenance_rate: Decimal,
    multiplier: Decimal = ONE,
    places: Places = FINE,
) -> Decimal | None:
    """Of a position that is alone with its equity, which its effective leverage tells: |notional| / leverage.

    Source: Kraken Futures open_positions, effective_leverage and liquidation_threshold of one row."""
    value = notional(kind, size=size, price=mark_price, multiplier=multiplier, places=places)
    equity = None if value is None else places.divide(EXACT.abs(value), by=leverage)
    if equity is None:
        return None
    return liquidation_price_isolated(
        kind, size=size, entry_price=mark_price, collateral=equity, maintenance_rate=maintenance_rate,
        multiplier=multiplier, places=places,
    )  # fmt: skip


def _positive(price: Decimal) -> Decimal | None:
    return price if price > 0 else None
