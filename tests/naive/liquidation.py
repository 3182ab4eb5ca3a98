"""Covering debts on the market, and liquidation, as docs/venue.md words them. It decides which wallets are liquidated,
what is sold and bought for it, and what the insurance fund takes and pays.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from naive.checks import COUNT_MAX
from naive.loans import LIQUIDATION, WARNING, shown_level
from naive.matching import Market
from naive.state import ZERO, Order, down, up
from nostro.link.commands import LoanType, PlaceOrder
from nostro.link.view import VenueInstrument, VenueLiquidation

MILLION = 1_000_000


def cancel_orders(market: Market, user: int, wallet: str) -> list[int]:
    orders = [order for order in market.open_orders if (order.user, order.asked.wallet) == (user, wallet)]
    return market.cancel_together(orders)


# ── covering ─────────────────────────────────────────────────────────────────────────────────────────────────────


def cover(market: Market, user: int, wallet: str, *, loan_type: LoanType) -> list[tuple[str, Order]]:
    """The orders that it took, with the asset that each was to bring."""
    orders = []
    for owed in market.profile.assets:
        repay_free(market, user, wallet, owed.code, loan_type=loan_type)
        for other in market.profile.assets:
            if not market.loans.debt(user, wallet, owed.code):
                break
            if other.code == owed.code or not market.ledger.free(user, wallet, other.code):
                continue
            order = covering_order(market, user, wallet, owed=owed.code, other=other.code)
            if order is None:
                continue
            orders.append((owed.code, order))
            market.enter(order)
            market.carry_out(order)
            market.settle(order.asked.instrument)
            repay_free(market, user, wallet, owed.code, loan_type=loan_type)
    return orders


def repay_free(market: Market, user: int, wallet: str, asset: str, *, loan_type: LoanType) -> None:
    amount = min(market.ledger.free(user, wallet, asset), market.loans.debt(user, wallet, asset))
    market.loans.repay(user, wallet, asset, amount=amount, loan_type=loan_type)


def between(market: Market, one: str, other: str) -> VenueInstrument | None:
    found = [
        instrument
        for instrument in market.profile.instruments
        if instrument.kind == "spot" and {instrument.base, instrument.quote} == {one, other}
    ]
    market.ledger.reached["two instruments between"] += len(found) > 1
    return min(found, key=lambda instrument: instrument.id, default=None)


def covering_order(market: Market, user: int, wallet: str, *, owed: str, other: str) -> Order | None:
    instrument = between(market, owed, other)
    taker_ppm = market.users[user - 1].taker_ppm
    if instrument is None:
        return None
    if taker_ppm == MILLION:
        market.ledger.reached["no covering order: the fee takes all"] += 1
        return None
    debt = market.loans.debt(user, wallet, owed)
    unit = Fraction(1, 10 ** market.digits(owed))
    gross = math.ceil(Fraction(debt) / unit * MILLION / (MILLION - taker_ppm))
    needed = Decimal(gross).scaleb(-market.digits(owed))
    free = market.ledger.free(user, wallet, other)
    if instrument.base == owed:
        return new_order(market, user, wallet, instrument, lots=up(needed, instrument.amount_digits), quote_max=free)
    bids = market.depth(instrument.symbol, "buy")
    if not bids:
        market.ledger.reached["no covering order: no bid"] += 1
        return None
    amount = down(free, instrument.amount_digits)
    if amount == 0:
        market.ledger.reached["no covering order: less than a lot"] += 1
        return None
    one_lot = market.cost(instrument, Decimal(1).scaleb(-instrument.amount_digits), bids[0][0])
    return new_order(market, user, wallet, instrument, lots=amount, quote_max=needed + one_lot, side="sell")


def new_order(
    market: Market,
    user: int,
    wallet: str,
    instrument: VenueInstrument,
    *,
    lots: Decimal,
    quote_max: Decimal,
    side: str = "buy",
) -> Order:
    lots = min(lots, Decimal(COUNT_MAX).scaleb(-instrument.amount_digits))
    asked = PlaceOrder(
        wallet=wallet,
        instrument=instrument.symbol,
        side=side,  # type: ignore[arg-type]
        type="market",
        time_in_force="ioc",
        amount=lots,
    )
    return Order(0, user, asked, instrument, market.ledger.now_ns, lots, quote_max=quote_max)


# ── liquidation ──────────────────────────────────────────────────────────────────────────────────────────────────


def liquidate_all(market: Market) -> None:
    while True:
        due = [key for key in market.loans.debtors() if is_due(market, *key)]
        if not due:
            break
        liquidate(market, *due[0])
        assert due[0] not in market.loans.debtors()


def is_due(market: Market, user: int, wallet: str) -> bool:
    level = market.loans.level(user, wallet)
    assert level is not None
    if LIQUIDATION < level <= WARNING:
        market.ledger.reached["in warning"] += 1
    return level <= LIQUIDATION


def liquidate(market: Market, user: int, wallet: str) -> None:
    loans, rows = market.loans, market.ledger.rows
    level, debts = loans.level(user, wallet), loans.debts(user, wallet)
    assert level is not None
    borrows = {asset: loans.owed(user, wallet, asset) for asset in debts}
    repayments_before = loans.repayment_count
    closed = cancel_orders(market, user, wallet)
    orders = cover(market, user, wallet, loan_type="auto")
    fund = {asset: settle_with_fund(market, user, wallet, asset) for asset in debts}
    for asset, debt in debts.items():
        market.liquidation_count += 1
        repaid = [
            row.id
            for row in rows.repayments
            if row.id > repayments_before and (row.user, row.wallet, row.asset) == (user, wallet, asset)
        ]
        rows.liquidations.append(
            VenueLiquidation(
                id=market.liquidation_count,
                user=user,
                wallet=wallet,
                asset=asset,
                amount=debt,
                fund=fund[asset],
                level=shown_level(level),
                orders_closed=tuple(closed),
                orders_created=tuple(order.id for owed, order in orders if owed == asset),
                borrows_closed=tuple(one.id for one in borrows[asset] if one.done_ns is not None),
                repayments_created=tuple(repaid),
                time_ns=market.ledger.now_ns,
                done_ns=market.ledger.now_ns,
            )
        )
        closed = []


def settle_with_fund(market: Market, user: int, wallet: str, owed: str) -> Decimal:
    """What the insurance fund pays of the debt, after it took what the wallet has, for as much value."""
    loans, ledger = market.loans, market.ledger
    debt = loans.debt(user, wallet, owed)
    if debt == 0:
        return ZERO
    needed = loans.value(owed, debt)
    for asset in market.profile.assets:
        free = ledger.free(user, wallet, asset.code)
        if asset.code == owed or free == 0 or needed == 0:
            continue
        unit = Decimal(1).scaleb(-asset.digits)
        units = math.ceil(Fraction(needed) / Fraction(loans.value(asset.code, unit)))
        taken = min(free, Decimal(units).scaleb(-asset.digits))
        ledger.move(user, asset.code, kind="liquidation", wallet=wallet, total=-taken)
        ledger.to_house("insurance", asset.code, taken)
        needed = max(ZERO, needed - loans.value(asset.code, taken))
    ledger.to_house("insurance", owed, -debt)
    ledger.move(user, owed, kind="liquidation", wallet=wallet, total=debt)
    loans.repay(user, wallet, owed, amount=debt, loan_type="auto")
    return debt
