"""Admission of contract orders: the checks of `PlaceOrder`, `EditOrder` and triggered stops that look at prices,
positions and collateral, in the order of ``docs/contracts.md``. It changes nothing; the checks that need the command
alone are ``placing.py``'s.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from nostro.domain.values import canonical
from nostro.link.commands import Refusal, Rejected
from nostro.paper.venue.book import POST_ONLY, REDUCE_ONLY, Match, Order
from nostro.paper.venue.contracts import limit_of
from nostro.paper.venue.listing import LEVERAGE_DIGITS
from nostro.paper.venue.numbers import amount_of

if TYPE_CHECKING:
    from nostro.paper.venue.collateral import Collateral
    from nostro.paper.venue.contracts import Contract
    from nostro.paper.venue.positions import Position


def bounded(order: Order) -> Rejected | None:
    """Checks 10 and 11: the band, and the smallest value."""
    assert order.position is not None
    contract, rest = order.position.contract, order.lots - order.filled
    if order.type == "limit":
        assert order.price is not None
        limit = contract.limit(buy=order.buy)
        if order.price > limit if order.buy else order.price < limit:
            return _refused(Refusal.PRICE_OUT_OF_BAND, f"a {_side(order)} beyond the band of the mark price ends at",
                            amount_of(limit, contract.price_digits))  # fmt: skip
    price = contract.mark if order.price is None else order.price
    if not order.traits & REDUCE_ONLY and contract.value(rest, price) < contract.value_least:
        return _refused(Refusal.VALUE_TOO_SMALL, "the order is worth too little of the settle asset, at",
                        amount_of(price, contract.price_digits))  # fmt: skip
    return None


def backed(order: Order, collateral: Collateral, *, standing: Order | None = None) -> Rejected | None:
    """Checks 13 to 17 as things are now. ``standing``: the open order that this one is or replaces, which does not
    count."""
    position = order.position
    assert position is not None
    contract, waits, rest = position.contract, order.status == "pending", order.lots - order.filled
    if order.traits & POST_ONLY and _takes(order, contract):
        assert order.price is not None
        at = amount_of(order.price, contract.price_digits)
        return _refused(Refusal.POST_ONLY_WOULD_TAKE, "post_only at this price would match now", at)
    if order.traits & REDUCE_ONLY:
        return _reduces(order, position, rest=rest, standing=standing)
    if waits:
        return None
    bids, asks, loss = _others(position, standing)
    more_bids, more_asks = (bids + rest, asks) if order.buy else (bids, asks + rest)
    worst = position.worst(bids=more_bids, asks=more_asks)
    if worst > contract.position_max:
        most = amount_of(contract.position_max, contract.amount_digits)
        return _refused(Refusal.POSITION_TOO_LARGE, "the position could become larger than", most)
    refused = too_high(position, worst, leverage=position.leverage)
    if refused is not None:
        return refused
    losing = _own_loss(order, contract, rest)
    as_large = worst == position.worst(bids=bids, asks=asks)
    if as_large and not losing and not collateral.together(position.user, position.place):
        return None
    needed = collateral.needs(position, bids=more_bids, asks=more_asks, loss=loss + losing)
    if needed > collateral.needs(position, bids=bids, asks=asks, loss=loss):
        needed += collateral.initial(position.user, position.place, but=position)
        return enough(position, collateral, needed=needed)
    return None


def enough(position: Position, collateral: Collateral, *, needed: int) -> Rejected | None:
    """Whether the wallet's equity covers so much initial margin."""
    equity = collateral.equity(position.user, position.place)
    if equity >= needed:
        return None
    digits = collateral.digits(position.place, position.contract.quote)
    said = f"the wallet would need {canonical(amount_of(needed, digits))} as margin, and its equity is"
    return _refused(Refusal.INSUFFICIENT_FUNDS, said, Decimal(canonical(amount_of(equity, digits))))


def too_high(position: Position, lots: int, *, leverage: int | None) -> Rejected | None:
    """Whether a leverage is above what the tier of so many lots allows."""
    if leverage is None:
        return None
    contract = position.contract
    most = contract.tier(contract.value(lots, contract.mark)).leverage_max
    if leverage <= most:
        return None
    said = f"leverage {amount_of(leverage, LEVERAGE_DIGITS):f} is above what this size allows:"
    return _refused(Refusal.LEVERAGE_TOO_HIGH, said, amount_of(most, LEVERAGE_DIGITS))


def _reduces(order: Order, position: Position, *, rest: int, standing: Order | None) -> Rejected | None:
    closable = position.closable(buy=order.buy)
    digits = position.contract.amount_digits
    if not closable:
        return _refused(Refusal.NO_POSITION, f"there is nothing that a {_side(order)} could reduce, and size is",
                        amount_of(position.size, digits))  # fmt: skip
    taken = position.reduce_bids if order.buy else position.reduce_asks
    if standing is not None:
        taken -= standing.lots - standing.filled
    if rest > closable - taken:
        said = "amount is more than what no other reduce-only order reduces"
        return _refused(Refusal.REDUCE_TOO_LARGE, said, amount_of(closable - taken, digits))
    return None


def _others(position: Position, standing: Order | None) -> tuple[int, int, int]:
    """Lots that buy and sell in the visible book, and the order loss, of the other orders."""
    bids, asks, loss = position.bids, position.asks, position.loss()
    if standing is None or not standing.sequence:
        return bids, asks, loss
    rest = standing.lots - standing.filled
    return (bids - rest, asks, loss - standing.loss) if standing.buy else (bids, asks - rest, loss - standing.loss)


def _own_loss(order: Order, contract: Contract, rest: int) -> int:
    """What an order would lose at the mark by what it would match now and by resting with what is left."""
    loss, matches = 0, list[Match]()
    if _takes(order, contract):
        matches, _ = contract.walk(order.user, buy=order.buy, price=limit_of(order), lots=rest, funds=None)
    for maker, lots, _ in matches:
        assert maker.price is not None
        loss += contract.loss(lots, maker.price, buy=order.buy)
        rest -= lots
    if rest and order.price is not None and order.time_in_force == "gtc":
        loss += contract.loss(rest, order.price, buy=order.buy)
    return loss


def _takes(order: Order, contract: Contract) -> bool:
    """Whether the best price of the other side is within the order's limit."""
    best, limit = (contract.asks if order.buy else contract.bids).best(), limit_of(order)
    if best is None or limit is None:
        return best is not None
    return best <= limit if order.buy else best >= limit


def _side(order: Order) -> str:
    return "buy" if order.buy else "sell"


def _refused(reason: Refusal, sentence: str, value: Decimal) -> Rejected:
    return Rejected(reason, f"{sentence} {value:f}")
