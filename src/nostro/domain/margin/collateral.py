"""What an account has and what its positions need: equity, initial and maintenance margin, what is available,
leverage. It decides nothing about single positions' profit (``profit.py``) nor about when they are liquidated
(``liquidation.py``).

All amounts of one call are in one currency, which is the result's: a wallet's asset, a settle currency, or USD.
Requirements are positive. Formulas that an exchange prints and does not keep, or that nobody could verify, are here
as printed, each under a name of its own; what arrives decides between them (``domain/policies`` marks them
doubtful).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from nostro.domain.margin.places import FINE, Places
from nostro.domain.margin.profit import Kind, notional
from nostro.domain.values import EXACT, ONE, ZERO, add, product

# ── what there is ────────────────────────────────────────────────────────────────────────────────────────────────


def equity(*, balance: Decimal, unrealized_pnl: Decimal, unrealized_funding: Decimal = ZERO) -> Decimal:
    """What is left if every position were closed at its mark price: balance + profit (+ accrued funding). Exact.

    Source: BingX support, *Account structure* (equity = balance + unrealized PnL); Kraken Futures
    account_balances_and_margins, pv = balance + pnl, and in its feed ``balances`` with unrealized funding; its margin
    equity is the same of the collateral value and of what of the profit counts as margin."""
    return add((balance, unrealized_pnl, unrealized_funding))


def converted(
    *, amounts: Sequence[Decimal], index_prices: Sequence[Decimal], settle_index_price: Decimal, places: Places = FINE
) -> Decimal | None:
    """Amounts of several currencies in units of the settle currency: sum(amount * index) / settle_index, as one
    division; None where the settle currency has no price. The prices are in USD, one for each amount.

    Source: GRVT SubAccount.unrealized_pnl = sum(position.unrealized_pnl * position.quote_index_price) /
    settle_index_price."""
    worth = add(EXACT.multiply(amount, index) for amount, index in zip(amounts, index_prices, strict=True))
    return places.divide(worth, by=settle_index_price)


def without_isolated(
    *,
    total_equity: Decimal,
    balances: Sequence[Decimal],
    unrealized_pnls: Sequence[Decimal],
    index_prices: Sequence[Decimal],
    settle_index_price: Decimal,
    places: Places = FINE,
) -> Decimal | None:
    """Equity without isolated positions: less what is set aside for each of them and its unrealized profit.

    Source: GRVT SubAccount.total_cross_equity, from its name; *ours*."""
    apart = tuple(EXACT.add(balance, pnl) for balance, pnl in zip(balances, unrealized_pnls, strict=True))
    worth = converted(amounts=apart, index_prices=index_prices, settle_index_price=settle_index_price, places=places)
    return None if worth is None else EXACT.subtract(total_equity, worth)


def total_equity(
    *,
    balances: Sequence[Decimal],
    index_prices: Sequence[Decimal],
    settle_index_price: Decimal,
    unrealized_pnl: Decimal,
    places: Places = FINE,
) -> Decimal | None:
    """Spot balances in the settle currency, and unrealized profit.

    Source: GRVT SubAccount.total_equity = sum(spot_balance.balance * spot_balance.index_price) / settle_index_price +
    unrealized_pnl."""
    worth = converted(
        amounts=balances, index_prices=index_prices, settle_index_price=settle_index_price, places=places
    )  # fmt: skip
    return None if worth is None else EXACT.add(worth, unrealized_pnl)


def after_haircut(*, value: Decimal, haircut: Decimal = ZERO, conversion_spread: Decimal = ZERO) -> Decimal:
    """What collateral counts: value * (1 - haircut) * (1 - conversion spread), both ratios. Exact.

    Source: Kraken Futures, flex: its pages have the haircut alone; the collateral values of its samples are the value
    times 0.98 * 0.9975 and 0.95 * 0.9975, to the last digit of a double."""
    return product((value, EXACT.subtract(ONE, haircut), EXACT.subtract(ONE, conversion_spread)))


# ── what is free ─────────────────────────────────────────────────────────────────────────────────────────────────


def available(*, equity: Decimal, initial_margin: Decimal, order_margin: Decimal = ZERO) -> Decimal:
    """For new positions: equity - margin of positions - margin of orders; negative where there is too little. Exact.

    Source: Kraken Futures, am = pv - im and available_margin = margin_equity - initial_margin, both margins with
    orders; BingX support, *Account structure* (free margin = account equity - used margin - frozen margin)."""
    return EXACT.subtract(EXACT.subtract(equity, initial_margin), order_margin)


def available_balance(
    *, total_equity: Decimal, initial_margin: Decimal, unrealized_pnl: Decimal, term: Literal["min", "max"] = "min"
) -> Decimal:
    """What may be transferred out: total_equity - initial_margin - ``term``(unrealized_pnl, 0). Exact.

    GRVT prints ``min``, by which a loss, already in the equity, is added back. ``max``, by which an unrealized profit
    cannot be taken out, is the usual rule. Which one it applies no figure at hand shows: both are measured.
    Source: GRVT SubAccount.available_balance."""
    bounded = min(unrealized_pnl, ZERO) if term == "min" else max(unrealized_pnl, ZERO)
    return EXACT.subtract(EXACT.subtract(total_equity, initial_margin), bounded)


# ── what is needed ───────────────────────────────────────────────────────────────────────────────────────────────


def margin(*, value: Decimal, rate: Decimal, deduction: Decimal = ZERO) -> Decimal:
    """|value| * rate - deduction, in the value's unit: initial with the initial rate (1 / leverage, where that is
    set and higher), maintenance with the maintenance rate. Exact.

    Source: Kraken Futures support, *Leverage and margining* (IM from 2 %, MM from 1 %); GRVT help, *Margin
    requirements*."""
    return EXACT.subtract(EXACT.multiply(EXACT.abs(value), rate), deduction)


def margin_at(
    kind: Kind,
    *,
    size: Decimal,
    price: Decimal,
    rate: Decimal,
    multiplier: Decimal = ONE,
    deduction: Decimal = ZERO,
    places: Places = FINE,
) -> Decimal | None:
    """`margin` of a position's value at a price, in its settle asset.

    Source: Kraken Futures open_positions: in its captures a linear contract's margins are those of the entry price, an
    inverse one's those of the mark price."""
    value = notional(kind, size=size, price=price, multiplier=multiplier, places=places)
    return None if value is None else margin(value=value, rate=rate, deduction=deduction)


def margin_at_leverage(
    kind: Kind,
    *,
    size: Decimal,
    price: Decimal,
    leverage: Decimal,
    multiplier: Decimal = ONE,
    unrealized_pnl: Decimal = ZERO,
    places: Places = FINE,
) -> Decimal | None:
    """|value| / leverage (+ unrealized profit), in the settle asset: the initial margin where a leverage is set, and
    what a position's margin is worth with its profit. One division: for an inverse contract by price * leverage.

    Source: BingX support, *Account structure* (initial margin = position amount / leverage; position margin = initial
    margin + unrealized profit + what was added); GRVT help, *Margin requirements* (IM = size / leverage)."""
    worth = EXACT.multiply(EXACT.abs(size), multiplier)
    by = EXACT.multiply(leverage, price) if kind == "inverse" else leverage
    needed = places.divide(worth if kind == "inverse" else EXACT.multiply(worth, price), by=by)
    return None if needed is None else EXACT.add(needed, unrealized_pnl)


def margin_return(
    kind: Kind,
    *,
    unrealized_pnl: Decimal,
    size: Decimal,
    price: Decimal,
    rate: Decimal,
    multiplier: Decimal = ONE,
    places: Places = FINE,
) -> Decimal | None:
    """Profit on `margin_at`, a ratio; None without a margin. With a rate of 1: profit on the value itself.

    Source: Kraken Futures open_positions, return_on_equity of inverse contracts; BitMEX unrealisedPnlPcnt and
    unrealisedRoePcnt."""
    needed = margin_at(kind, size=size, price=price, rate=rate, multiplier=multiplier, places=places)
    return None if needed is None else places.divide(unrealized_pnl, by=needed)


def largest_size(*, size: Decimal, buying: Decimal, selling: Decimal) -> Decimal:
    """The largest position, without sign, that can come of a position and its open orders (amounts without sign), where
    orders of the other side do not reduce first: max(max(size, 0) + buying, max(-size, 0) + selling).

    Source: GRVT help, *Margin requirements*, whose example is long 1, buying 1.5, selling 2.6: 2.6."""
    long = EXACT.add(max(size, ZERO), buying)
    return max(long, EXACT.add(max(size.copy_negate(), ZERO), selling))


def order_adjusted_size(*, size: Decimal, buying: Decimal, selling: Decimal) -> Decimal:
    """The same where they do: max(|size|, |size + buying|, |size - selling|).

    Source: GRVT help, *IMR and MMR* (order-adjusted position size); docs/contracts.md, the worst size."""
    return max(EXACT.abs(size), EXACT.abs(EXACT.add(size, buying)), EXACT.abs(EXACT.subtract(size, selling)))


def derisk_margin(*, maintenance_margin: Decimal, ratio: Decimal) -> Decimal:
    """maintenance margin * ratio. Exact.

    Source: GRVT SubAccount.derisk_margin and derisk_to_maintenance_margin_ratio, from their names."""
    return EXACT.multiply(maintenance_margin, ratio)


def effective_leverage(
    kind: Kind, *, size: Decimal, price: Decimal, equity: Decimal, multiplier: Decimal = ONE, places: Places = FINE
) -> Decimal | None:
    """|value| at the mark price / equity; None without equity.

    Source: Kraken Futures support, *Effective leverage* ((size * value of a contract) / (portfolio value * mark
    price))."""
    return margin_at_leverage(kind, size=size, price=price, leverage=equity, multiplier=multiplier, places=places)


def position_margin(
    *, initial: Decimal, cross: Decimal = ZERO, loss: Decimal = ZERO, commission: Decimal = ZERO
) -> Decimal:
    """initial + cross - loss + commission: what is set aside for one position. Exact.

    Source: BitMEX posMargin = posInit + posCross - posLoss + posComm, from its positions; BingX support, *Account
    structure* (position margin = initial margin + unrealized profit + what was added)."""
    return add((initial, cross, loss.copy_negate(), commission))


def margin_of_position(*, position_margin: Decimal, unrealized_pnl: Decimal) -> Decimal:
    """What a position is worth as collateral now: its margin and its unrealized profit. Exact.

    Source: BitMEX maintMargin = posMargin + unrealisedPnl, from its positions."""
    return EXACT.add(position_margin, unrealized_pnl)
