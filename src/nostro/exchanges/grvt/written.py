"""How values of the paper exchange are written on GRVT's wire: amounts, prices, times, ids. It decides their spelling
only; which rows are answered stands in ``serve*.py``.

Source: captures of the exchange: numbers are texts with the fewest digits but at least one decimal; amounts of the
quote currency are cut, not rounded, after 6 decimals, a return after 4, prices after 9. *Ours*: an order's id is 0x and
32 digits, the last 16 its number; hashes of instruments are made of the numbers of their currencies, which the
exchange's client and samples give for five of them.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Final

from msgspec import Raw

from nostro.domain.margin.places import Places, cut
from nostro.domain.values import ZERO, canonical
from nostro.exchanges.grvt import words
from nostro.exchanges.grvt.signing import Listed
from nostro.link.view import VenueInstrument, VenueView

QUOTE: Final = cut(6)
PRICE: Final = cut(9)
RETURN: Final = cut(4)
CURRENCY_IDS: Final = {"USD": 1, "USDC": 2, "USDT": 3, "ETH": 4, "BTC": 5}
FIRST_OTHER_ID: Final = 64
PERPETUAL: Final = 1
_ID_DIGITS: Final = 16
_ID_MAX: Final = 2**63 - 1  # a venue keeps its ids in 64 bits, signed


def amount(value: Decimal | None) -> Raw:
    """All its digits, at least one decimal; 0.0 for none."""
    text = canonical(value or ZERO)
    return Raw(f'"{text if "." in text else f"{text}.0"}"'.encode())


def quote(value: Decimal | None) -> Raw:
    return _cut(value, QUOTE)


def price(value: Decimal | None) -> Raw:
    return _cut(value, PRICE)


def percent(value: Decimal | None) -> Raw:
    return _cut(value, RETURN)


def _cut(value: Decimal | None, places: Places) -> Raw:
    exponent = value.as_tuple().exponent if value is not None else 0
    short = isinstance(exponent, int) and exponent >= -places.digits  # most amounts are: nothing is divided
    return amount(value if value is None or short else places.round(value))


def time(time_ns: int) -> str:
    return str(time_ns)


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


def code(instrument: VenueInstrument) -> str:
    return instrument.code or words.code(instrument.symbol)


def currency_id(view: VenueView, asset: str) -> int:
    codes = [each.code for each in view.assets()]
    return CURRENCY_IDS.get(asset) or FIRST_OTHER_ID + codes.index(asset)


def decimals(view: VenueView, asset: str) -> int:
    return next(each.digits for each in view.assets() if each.code == asset)


def listed(view: VenueView, instrument: VenueInstrument) -> Listed:
    """What its orders sign."""
    quote_id, base_id = currency_id(view, instrument.quote), currency_id(view, instrument.base)
    return Listed((quote_id << 16) + (base_id << 8) + PERPETUAL, decimals(view, instrument.base))


def instrument_hash(listed: Listed) -> str:
    return f"0x{listed.hash:06x}"


def order_id(number: int) -> str:
    return f"0x{1:0{_ID_DIGITS}x}{number:0{_ID_DIGITS}x}"


def order_number(order_id: str) -> int | None:
    """The venue's number, None for an id that is none of its."""
    digits = order_id.lower().removeprefix("0x")
    if len(digits) != 2 * _ID_DIGITS or not all(digit in "0123456789abcdef" for digit in digits):
        return None
    number = int(digits[_ID_DIGITS:], 16)
    return number if number <= _ID_MAX else None


def some_hash(*said: object) -> str:
    """32 bytes that follow from what is said: where the exchange shows a hash of a chain that is not there."""
    return f"0x{hashlib.sha256(' '.join(str(each) for each in said).encode()).hexdigest()}"
