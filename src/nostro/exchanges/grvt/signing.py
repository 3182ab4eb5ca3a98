"""Which numbers of an order are signed: from its texts to whole scaled numbers, exactly, for both sides. It decides how
a text becomes a number and what cannot become one; digests and signatures are ``eip712.py``'s.

Source: the exchange's ``grvt-pysdk`` (sizes times 10^base_decimals, prices times 10^9, a builder's fee times 10^4 cut
to whole). That excess digits of sizes and prices are refused, and not cut, is *ours*: text and signature would differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Final, NamedTuple

from msgspec import Raw

from nostro import limits
from nostro.domain.values import EXACT, ZERO, Malformed
from nostro.exchanges.grvt import words
from nostro.exchanges.grvt.eip712 import TypedLeg, TypedOrder
from nostro.exchanges.grvt.orders import Order, OrderLeg

PRICE_DIGITS: Final = 9  # of every instrument
FEE_DIGITS: Final = 4
_NUMBER: Final = re.compile(r"-?[0-9]{1,39}(\.[0-9]{0,36})?([eE][+-]?[0-9]{1,2})?", re.ASCII)


class Listed(NamedTuple):
    """What a signature must know of an instrument."""

    hash: int
    base_decimals: int


class Unscalable(ValueError):
    """A number has more digits than its instrument takes. ``field``: size or limit_price."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field} is {text[:40]!a}, which has too many digits")
        self.field = field


def amount(number: Raw, field: str) -> Decimal:
    """A number as clients write it: text, also with an exponent (``1E-9``, ``0E-9``) or leading zeros; 0 for what is
    absent, null or empty. Raises `Malformed`."""
    text = bytes(number).decode("utf-8", "replace").strip('"')
    if text in ("", "null"):
        return ZERO
    if len(text) > limits.AMOUNT_CHARACTERS or _NUMBER.fullmatch(text) is None:
        raise Malformed(field, text, "a decimal number")
    return EXACT.create_decimal(text)


def whole(amount: Decimal, digits: int, *, field: str) -> int:
    """``amount`` times 10^digits. Raises `Unscalable` where that is not whole."""
    scaled = EXACT.scaleb(amount, digits)
    if scaled != scaled.to_integral_value():
        raise Unscalable(field, f"{amount:f}")
    return int(scaled)


def number(raw: int | str | None, field: str) -> int:
    """A whole number, as such or as text; 0 for what is absent or empty. Raises `Malformed`."""
    text = str(raw if raw is not None else "0") or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise Malformed(field, text, "a whole number")
    return int(text)


def address(text: str | None, field: str) -> int:
    """An address as a number; 0 for none, which is also written ``0x00``. Raises `Malformed`."""
    digits = (text or "0").lower().removeprefix("0x") or "0"
    if len(digits) > 40 or not all(digit in "0123456789abcdef" for digit in digits):
        raise Malformed(field, text, "an address")
    return int(digits, 16)


def typed(order: Order, of: Callable[[str], Listed]) -> TypedOrder:
    """What an order's signature covers. ``of`` gives its instrument, and raises for one that it does not know. Raises
    `Unscalable` and `Malformed`."""
    return TypedOrder(
        sub_account=number(order.sub_account_id, "sub_account_id"),
        market=bool(order.is_market),
        # What is no time in force is signed as 0 by ccxt, and refused for what it is later.
        time_in_force=words.TIME_IN_FORCE.get(words.member(words.TIME_IN_FORCE, order.time_in_force) or "", 0),
        post_only=bool(order.post_only),
        reduce_only=bool(order.reduce_only),
        legs=tuple(_leg(leg, of(leg.instrument)) for leg in order.legs),
        nonce=number(order.signature.nonce, "nonce"),
        expiration=number(order.signature.expiration, "expiration"),
        builder=address(order.builder, "builder"),
        builder_fee=fee_rate(order.builder_fee, "builder_fee"),
    )


def fee_rate(rate: Raw, field: str) -> int:
    """A builder's fee in percent, scaled and cut. Raises `Malformed`."""
    return int(EXACT.scaleb(amount(rate, field), FEE_DIGITS).to_integral_value(ROUND_DOWN))


def _leg(leg: OrderLeg, listed: Listed) -> TypedLeg:
    return TypedLeg(
        asset=listed.hash,
        size=whole(amount(leg.size, "size"), listed.base_decimals, field="size"),
        price=whole(amount(leg.limit_price, "limit_price"), PRICE_DIGITS, field="limit_price"),
        buying=leg.is_buying_asset,
    )
