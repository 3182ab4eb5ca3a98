"""Checks of docs/venue.md that look at a command and at nothing else: numbers, prices, sizes, steps of a transfer. What
fails one is `Refused`.
"""

from __future__ import annotations

from decimal import Decimal

from naive.state import Transfer
from nostro.link.commands import PlaceOrder, Refusal, Rejected
from nostro.link.view import VenueInstrument

COUNT_MAX = 10**18  # of lots, ticks, and quote units of an order
UNITS_MAX = 10**30  # of a transfer
DEPOSIT_STEPS = {"pending": ("moderation", "confirmed", "rejected"), "moderation": ("confirmed", "rejected")}
WITHDRAWAL_STEPS = {
    "new": ("confirmed", "refused", "canceled"),
    "confirmed": ("verified", "refused", "canceled"),
    "verified": ("moderation", "approved", "refused", "canceled"),
    "moderation": ("approved", "refused", "suspended"),
    "suspended": ("approved", "refused"),
    "approved": ("done",),
}


class Refused(Exception):
    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.rejected = Rejected(reason, detail)


def countable(amount: Decimal, digits: int, most: int) -> bool:
    """A positive whole number of 10^-digits, at most ``most`` of them."""
    count = amount.scaleb(digits)
    return count > 0 and count == count.to_integral_value() and count <= most


def check_prices(instrument: VenueInstrument, asked: PlaceOrder) -> None:
    if (asked.price is not None) != (asked.type in ("limit", "stop_limit")):
        raise Refused(Refusal.BAD_PRICE, f"price {asked.price}")
    if asked.price is not None and not countable(asked.price, instrument.price_digits, COUNT_MAX):
        raise Refused(Refusal.BAD_PRICE, f"price {asked.price}")
    stop = asked.type in ("stop_limit", "stop_market")
    if (asked.stop_price is not None) != stop or (asked.stop_operator is not None) != stop:
        raise Refused(Refusal.BAD_STOP, f"stop {asked.stop_price} {asked.stop_operator}")
    if asked.stop_price is not None and not countable(asked.stop_price, instrument.price_digits, COUNT_MAX):
        raise Refused(Refusal.BAD_STOP, f"stop {asked.stop_price}")


def check_size(instrument: VenueInstrument, asked: PlaceOrder) -> None:
    if asked.amount is None:
        assert asked.quote_amount is not None
        value: Decimal | None = asked.quote_amount
    else:
        if asked.amount < instrument.amount_min:
            raise Refused(Refusal.AMOUNT_TOO_SMALL, f"amount {asked.amount}")
        if asked.amount > instrument.amount_max:
            raise Refused(Refusal.AMOUNT_TOO_LARGE, f"amount {asked.amount}")
        price = asked.stop_price if asked.type == "stop_market" else asked.price
        value = None if price is None else asked.amount * price
    if value is not None and value < instrument.value_min:
        raise Refused(Refusal.VALUE_TOO_SMALL, f"value {value}")


def check_step(transfers: list[Transfer], transfer_id: int, status: str, steps: dict[str, tuple[str, ...]]) -> None:
    if not 1 <= transfer_id <= len(transfers):
        raise Refused(Refusal.UNKNOWN_TRANSFER, f"transfer {transfer_id}")
    now = transfers[transfer_id - 1].status
    if status not in steps.get(now, ()):
        raise Refused(Refusal.BAD_TRANSITION, f"{now} to {status}")
