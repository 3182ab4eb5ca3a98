"""How values of the paper exchange are written on BingX's wire v1: times, prices, orders and their states. It decides
their spelling only; which rows are answered stands in ``serve.py``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from msgspec import Raw

from nostro.domain.values import ZERO, add, canonical, format_time, number, quotient
from nostro.exchanges.bingx_v1 import messages, words
from nostro.link.view import VenueFill, VenueOrder

PRICE_DIGITS: Final = 10  # *ours*: of averages, which no step bounds


def time(time_ns: int) -> str:
    return format_time(time_ns, 3)


def text(amount: Decimal | None) -> Raw:
    """A number as a text, as tickers have them."""
    return Raw(f'"{canonical(ZERO if amount is None else amount)}"'.encode())


def price(amount: Decimal | None) -> Raw:
    """0 where there is none."""
    return number(ZERO if amount is None else amount)


def average(value: Decimal, *, amount: Decimal) -> Decimal:
    """The price of ``amount`` at ``value``, rounded half to even; 0 for nothing."""
    return quotient(value, amount, digits=PRICE_DIGITS, rounding="ROUND_HALF_EVEN") if amount else ZERO


class Executed:
    """What came of orders: by order, what was paid and gained in its fills."""

    def __init__(self, fills: Iterable[VenueFill]) -> None:
        self._fills: dict[int, list[VenueFill]] = {}
        for fill in fills:
            self._fills.setdefault(fill.order_id, []).append(fill)

    def fees(self, order_id: int) -> Decimal:
        return add(fill.fee for fill in self._fills.get(order_id, ()))

    def profit(self, order_id: int) -> Decimal:
        return add(fill.realized_pnl for fill in self._fills.get(order_id, ()))


def action(order: VenueOrder) -> str:
    if order.origin == "liquidation":
        return words.LIQUIDATION
    return words.OPEN if words.POSITION_SIDES[order.side, True] == order.position_side else words.CLOSE


def order(row: VenueOrder, executed: Executed, *, marks: Mapping[str, Decimal]) -> messages.Order:
    """All members that any of the calls has. *Ours*: a market order's ``entrustPrice`` is the price that it was filled
    at, the mark price while it waits, and 0 where it ended with nothing: what is over changes no more."""
    average_price = average(row.cost, amount=row.filled)
    shown = row.price or average_price or (marks[row.instrument] if row.is_open else ZERO)
    status = words.ORDER_STATUSES_WRITTEN[row.status]
    return messages.Order(
        orderId=str(row.id),
        symbol=words.symbol(row.instrument),
        side=words.SIDES_WRITTEN[row.side],
        tradeType=words.TYPES_WRITTEN["limit" if row.price is not None else "market"],
        action=action(row),
        entrustTm=time(row.placed_ns),
        entrustPrice=number(shown),
        entrustVolume=number(row.amount),
        avgFilledPrice=number(average_price),
        filledVolume=number(row.filled),
        profit=number(executed.profit(row.id)),
        commission=number(executed.fees(row.id).copy_negate()),
        updateTm=time(row.updated_ns),
        status=status,
        orderStatus=status,
    )
