"""Admission: whether a `PlaceOrder` is accepted, in the order of ``docs/venue.md``'s checks, and the order it becomes.
It changes nothing; ``matching.py`` carries the order out. Of an order of a contract it makes the checks that need the
command alone; the others are ``admission.py``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nostro.domain.values import format_time
from nostro.link.commands import PlaceOrder, Refusal, Rejected
from nostro.paper.venue.book import (
    BY_INDEX,
    BY_MARK,
    LONG_SIDE,
    POST_ONLY,
    REDUCE_ONLY,
    SHORT_SIDE,
    Market,
    Order,
)
from nostro.paper.venue.numbers import amount_of, whole
from nostro.paper.venue.wallets import MARGIN_FROM, key_of

if TYPE_CHECKING:
    from nostro.paper.venue.loans import Loans
    from nostro.paper.venue.wallets import User

COUNT_MAX: Final = 10**18  # lots, ticks, or quote units of one order

_LIMITED: Final = frozenset(("limit", "stop_limit"))
_STOPS: Final = frozenset(("stop_limit", "stop_market"))
_TRIGGERS: Final = {"last": 0, "mark": BY_MARK, "index": BY_INDEX}
_SIDES: Final = {"both": 0, "long": LONG_SIDE, "short": SHORT_SIDE}


def draft(command: PlaceOrder, user: User, *, market: Market, at_ns: int) -> Order | Rejected:
    """The order that the command describes, without an id and not yet entered; or the first reason, of those that need
    no look at the book or the wallets, why it cannot be."""
    if command.position_side != "both":
        return _refused(Refusal.BAD_POSITION_SIDE, "a spot order has no position side", command.position_side)
    if command.post_only and (command.type != "limit" or command.time_in_force != "gtc"):
        return _refused(Refusal.BAD_TIME_IN_FORCE, "post_only is for limit orders that are gtc", command.time_in_force)
    order = _sketch(command, user, market=market, at_ns=at_ns)
    if isinstance(order, Rejected):
        return order
    problem = _value(order, command, market)
    if problem is not None:
        return problem
    order.hold = _hold(order, market)
    order.traits = POST_ONLY if command.post_only else 0
    order.position = None
    return order


def contract_draft(command: PlaceOrder, user: User, *, market: Market, at_ns: int) -> Order | Rejected:
    """As `draft`, of a contract; checks 4 to 9. Its position is still to be set."""
    if command.time_in_force == "aon":
        return _refused(Refusal.BAD_TIME_IN_FORCE, "contracts have no orders that are", command.time_in_force)
    if command.post_only and (command.type != "limit" or command.time_in_force != "gtc"):
        return _refused(Refusal.BAD_TIME_IN_FORCE, "post_only is for limit orders that are gtc", command.time_in_force)
    if command.amount is None:
        return _refused(Refusal.BAD_AMOUNT, "an order of a contract has an amount", command.amount)
    order = _sketch(command, user, market=market, at_ns=at_ns)
    if isinstance(order, Rejected):
        return order
    order.hold = 0
    order.traits = _SIDES[command.position_side] | _TRIGGERS[command.trigger]
    if command.post_only:
        order.traits |= POST_ONLY
    if command.reduce_only or command.position_side == ("short" if order.buy else "long"):
        order.traits |= REDUCE_ONLY
    return order


def _sketch(command: PlaceOrder, user: User, *, market: Market, at_ns: int) -> Order | Rejected:
    """The checks from the amount to the bounds of the amount, and what the order has of the command."""
    order = Order()
    order.type = command.type
    order.buy = command.side == "buy"
    order.market = market
    order.user = user
    order.side_effect = command.side_effect
    order.id = order.filled = order.canceled = order.cost = order.sequence = 0
    problem = _numbers(order, command, market)
    if problem is not None:
        return problem
    order.time_in_force = command.time_in_force
    order.valid_till_ns = command.valid_till_ns
    order.expire_after_ns = command.expire_after_ns
    if order.valid_till_ns is not None or order.expire_after_ns is not None:
        end_ns = order.end_ns
        if end_ns is not None and end_ns <= at_ns:
            return _refused(Refusal.ALREADY_EXPIRED, "the order would end before it begins, at", format_time(end_ns))
    if order.quote is None and not market.amount_min <= order.lots <= market.amount_max:
        return out_of_bounds(order.lots, market)
    order.client_id = command.client_id
    order.status = "open" if order.stop is None else "pending"
    order.done_ns = None
    return order


def affordable(order: Order, command: PlaceOrder, *, loans: Loans) -> Rejected | int:
    """The checks against the book and the wallet as they are now: post-only, and the free balance. What is to be
    borrowed for the order, in units of what it pays with; 0 if it needs no loan."""
    market = order.market
    if command.post_only:
        assert order.price is not None
        best = (market.asks if order.buy else market.bids).best()
        if best is not None and (best <= order.price if order.buy else best >= order.price):
            return _refused(Refusal.POST_ONLY_WOULD_TAKE, "post_only at this price would match now", command.price)
    need = order.hold or _market_need(order)
    asset = market.quote if order.buy else market.base
    free = order.user.free(asset, order.place)
    if free < need:
        if order.side_effect == "auto_borrow" and order.place >= MARGIN_FROM:
            refused = loans.refused(order.user, key_of(asset, order.place), units=need - free)
            return need - free if refused is None else refused
        digits = market.quote_digits if order.buy else market.base_digits
        needed, there = (f"{amount_of(units, digits):f}" for units in (need, free))
        code = market.symbol.split("/")[order.buy]
        return _refused(Refusal.INSUFFICIENT_FUNDS, f"the order needs {needed} {code}, and free is", there)
    return 0


def _numbers(order: Order, command: PlaceOrder, market: Market) -> Rejected | None:
    """Sets lots, quote, price and stop, or says which of them is wrong."""
    by_quote = command.type == "market" and command.amount is None
    order.quote = whole(command.quote_amount, market.quote_digits, at_most=COUNT_MAX) if by_quote else None
    lots = 0 if by_quote else whole(command.amount, market.amount_digits, at_most=COUNT_MAX)
    if lots is None or (order.quote is None if by_quote else command.quote_amount is not None):
        given = command.quote_amount if by_quote else command.amount
        return _refused(Refusal.BAD_AMOUNT, f"amount or quote_amount of a {command.type} order is wrong", given)
    order.lots = lots
    order.price = whole(command.price, market.price_digits, at_most=COUNT_MAX)
    if (order.price is None) if command.type in _LIMITED else (command.price is not None):
        return _refused(Refusal.BAD_PRICE, f"price of a {command.type} order is wrong", command.price)
    order.stop = whole(command.stop_price, market.price_digits, at_most=COUNT_MAX)
    order.operator = command.stop_operator
    if command.type in _STOPS:
        if order.stop is None or order.operator is None:
            return _refused(Refusal.BAD_STOP, "a stop needs stop_price and stop_operator", command.stop_price)
    elif command.stop_price is not None or order.operator is not None:
        return _refused(Refusal.BAD_STOP, "stop_price and stop_operator are for stops", command.stop_price)
    return None


def out_of_bounds(lots: int, market: Market) -> Rejected:
    """The refusal of an amount that is not within the instrument's bounds."""
    small = lots < market.amount_min
    reason = Refusal.AMOUNT_TOO_SMALL if small else Refusal.AMOUNT_TOO_LARGE
    return _refused(reason, f"amount is too {'small' if small else 'large'}", amount_of(lots, market.amount_digits))


def _value(order: Order, command: PlaceOrder, market: Market) -> Rejected | None:
    """The instrument's smallest value."""
    if order.quote is not None:
        if order.quote < market.quote_min:
            return _refused(Refusal.VALUE_TOO_SMALL, "quote_amount is too small", command.quote_amount)
        return None
    price = order.price if order.price is not None else order.stop
    if price is not None and order.lots * price < market.value_min:
        return _refused(Refusal.VALUE_TOO_SMALL, "amount times price is too small", command.amount)
    return None


def _hold(order: Order, market: Market) -> int:
    if order.type == "market":
        return 0
    if not order.buy:
        return order.lots * market.lot
    if order.price is not None:
        return market.buy_hold(order.lots, order.price)
    assert order.stop is not None
    return market.stop_market_hold(order.lots, order.stop)


def _market_need(order: Order) -> int:
    """What a market order will spend of the book as it is now, in units of what it pays with."""
    market = order.market
    if order.buy and order.quote is not None:
        return order.quote
    if not order.buy and order.quote is None:
        return order.lots * market.lot
    lots = order.lots if order.quote is None else None
    matches, _ = market.walk(order.user, buy=order.buy, price=None, lots=lots, funds=order.quote)
    if order.buy:
        return sum(cost for _, _, cost in matches)
    return sum(lots for _, lots, _ in matches) * market.lot


def _refused(reason: Refusal, sentence: str, value: object) -> Rejected:
    return Rejected(reason, f"{sentence}: {'none was given' if value is None else value}")
