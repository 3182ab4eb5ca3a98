"""What a request to the paper server gives: contracts, sides, times, numbers and tokens, checked one member at a time.
It decides what is taken and in which words the rest is refused; it does not decide what is answered (``serve.py``).

Source: Kraken Futures documentation, *Errors*: `requiredArgumentMissing`, `invalidArgument` with the argument, 400 with
the code 11 for a value of none of the kinds. Which of them answers what is *ours* where no capture shows it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from nostro.domain import values
from nostro.domain.values import SECOND_NS
from nostro.exchanges.kraken_futures import words, written
from nostro.exchanges.kraken_futures.refusals import bad_request, invalid, missing, refused
from nostro.link.declare import Call
from nostro.link.view import Login, VenueInstrument, VenueView

# 2262-01-01: no row is later, and a venue keeps its times in 64 bits.
STORABLE_NS: Final = 9_214_646_400 * SECOND_NS
_DIGITS: Final = re.compile(r"[0-9]{1,16}", re.ASCII)
_COUNT: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
# *Ours*: so many digits on either side of the point, so that a value and its margin are exact.
_AMOUNT_DIGITS: Final = 16
_AMOUNT_END: Final = Decimal(10) ** _AMOUNT_DIGITS
WordT = TypeVar("WordT")


def login(call: Call) -> Login:
    """Who asks; `verify` has seen to it that there is one."""
    assert call.login is not None
    return call.login


# ── contracts ────────────────────────────────────────────────────────────────────────────────────────────────────


def contracts(view: VenueView) -> list[VenueInstrument]:
    return [each for each in view.instruments() if each.kind != "spot"]


def contract(view: VenueView, symbol: str | None) -> VenueInstrument | None:
    """The contract of that symbol, in any case; None for none."""
    upper = (symbol or "").upper()
    return next((each for each in contracts(view) if written.symbol(each) == upper), None)


def listed(view: VenueView, symbol: str | None) -> VenueInstrument | None:
    """None for no symbol. Raises `invalidArgument` for one that is not listed."""
    if not symbol:
        return None
    found = contract(view, symbol)
    if found is None:
        raise invalid("symbol", written.now(view))
    return found


def needed(view: VenueView, symbol: str | None) -> VenueInstrument:
    """Raises `requiredArgumentMissing` and `invalidArgument`."""
    found = listed(view, symbol)
    if found is None:
        raise missing(written.now(view))
    return found


def tradeable(view: VenueView, symbol: str | None) -> str | None:
    """Our name of the contract that a history is asked for; None for all, and for one not listed, which has no rows,
    its own name."""
    if not symbol:
        return None
    found = contract(view, symbol)
    return words.instrument(symbol) if found is None else found.symbol


# ── words and numbers ────────────────────────────────────────────────────────────────────────────────────────────


def word(view: VenueView, known: Mapping[str, WordT], *, raw: str, name: str) -> WordT:
    """Raises 400 where it is none of them."""
    if raw not in known:
        raise bad_request((11, f"Argument invalid: {name}"), written.now(view))
    return known[raw]


def amount(view: VenueView, text: str | None, *, name: str) -> Decimal | None:
    """A decimal, with an exponent or without. Raises `invalidArgument`."""
    if not text:
        return None
    try:
        found = values.decimal(text.strip(), name)
    except values.Malformed:
        raise invalid(name, written.now(view)) from None
    if found.copy_abs() >= _AMOUNT_END or int(found.as_tuple().exponent) < -_AMOUNT_DIGITS:
        raise invalid(name, written.now(view))
    return found


def needed_amount(view: VenueView, text: str | None, *, name: str) -> Decimal:
    found = amount(view, text, name=name)
    if found is None:
        raise missing(written.now(view))
    return found


def flag(view: VenueView, text: str | None, *, name: str) -> bool:
    """``true`` and ``false`` in any case, as clients write them; false where it is missing."""
    return word(view, {"true": True, "false": False, "1": True, "0": False}, raw=(text or "false").lower(), name=name)


def count(view: VenueView, text: str | None, *, default: int, most: int) -> int:
    """How many rows at the most. Raises `invalidArgument` for what is no positive whole number; more than ``most`` is
    ``most``."""
    if not text:
        return default
    if not _COUNT.fullmatch(text) or int(text) == 0:
        raise invalid("count", written.now(view))
    return min(int(text), most)


def descends(view: VenueView, sort: str | None) -> bool:
    return word(view, {"desc": True, "asc": False}, raw=(sort or "desc").lower(), name="sort")


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────


def moment(view: VenueView, text: str | None, *, name: str) -> int | None:
    """A time in milliseconds, or in ISO 8601. Raises `invalidArgument`."""
    if not text:
        return None
    if _DIGITS.fullmatch(text):
        return min(int(text) * written.MILLISECOND_NS, STORABLE_NS)
    try:
        return min(values.parse_time(text, name), STORABLE_NS)
    except values.Malformed:
        raise invalid(name, written.now(view)) from None


def in_time(view: VenueView, text: str | None) -> bool:
    """Whether it is processed before the time that it names (`processBefore`)."""
    until_ns = moment(view, text, name="processBefore")
    return until_ns is None or view.now_ns() < until_ns


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Behind which row a page begins: of whom, which way, the row's time and its place among those of that time."""

    user: int
    descends: bool
    time_ns: int
    place: tuple[int, int]


def cursor_text(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode()


def cursor(view: VenueView, text: str | None, *, user: int, descends: bool) -> Cursor | None:
    """Raises `invalidArgument` for one that this server gave to nobody, to another account, or for the other order."""
    if not text:
        return None
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(text.encode()), type=Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise invalid("continuation_token", written.now(view)) from None
    if (found.user, found.descends) != (user, descends):
        raise invalid("continuation_token", written.now(view))
    return found


# ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────


def wallet(view: VenueView, account: str | None) -> str:
    """Our wallet of an account of `accounts`. Raises `requiredArgumentMissing` and `invalidAccount`."""
    if not account:
        raise missing(written.now(view))
    found = words.wallet(account)
    if isinstance(found, values.Unknown) or words.account(found) != account.lower():
        raise refused("invalidAccount", written.now(view))
    return found


def currency(view: VenueView, unit: str | None) -> str:
    """Our asset. Raises `requiredArgumentMissing` and `invalidUnit`."""
    if not unit:
        raise missing(written.now(view))
    found = words.asset(unit)
    if all(asset.code != found for asset in view.assets()):
        raise refused("invalidUnit", written.now(view))
    return found
