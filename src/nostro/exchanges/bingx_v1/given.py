"""What a request to the paper server gives: who asks, contracts, numbers, ids, words, checked one member at a time. It
decides what is taken and what is refused; what is answered stands in ``serve.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from nostro.domain import values
from nostro.exchanges.bingx_v1 import words
from nostro.exchanges.bingx_v1.refusals import NO_POSITION, UNAUTHORIZED, bad_parameter, refused, rejected
from nostro.link import commands
from nostro.link.contracts import VenuePosition
from nostro.link.declare import Call
from nostro.link.view import VenueInstrument, VenueView

_ID: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_SIDES: Final[Mapping[commands.PositionSide, str]] = {"long": "1", "short": "2", "both": "0"}


def user(call: Call) -> int:
    """Who asks; `verify` has seen to it that somebody does."""
    if call.login is None:
        raise refused(UNAUTHORIZED, "this call is signed")
    return call.login.user


def ids(view: VenueView, call: Call, *, command: commands.Command) -> tuple[int, ...]:
    """What came of a command. Raises the wire's refusal."""
    outcome = view.submit(user(call), command)
    if isinstance(outcome, commands.Rejected):
        raise rejected(outcome)
    return outcome.ids


def instrument(view: VenueView, symbol: str | None) -> VenueInstrument:
    """The contract. Raises where there is none, or none is named."""
    found = view.instrument(words.instrument(symbol)) if symbol and len(symbol) <= 40 else None
    if found is None:
        raise bad_parameter("symbol", f"{symbol or 'none'} is not listed; a symbol is like BTC-USDT")
    return found


def optional_symbol(view: VenueView, symbol: str | None) -> str | None:
    """Our name of the contract; None, for every one, where none is named."""
    return instrument(view, symbol).symbol if symbol else None


def number(text: str | None, name: str) -> Decimal:
    """A number above zero."""
    found = optional_number(text, name)
    if found is None:
        raise bad_parameter(name, "is required, and above zero")
    return found


def optional_number(text: str | None, name: str) -> Decimal | None:
    """A number above zero, None for none; 0 is none too: a client leaves it out."""
    if not text:
        return None
    try:
        found = values.decimal(text, name)
    except values.Malformed as error:
        raise bad_parameter(name, str(error)) from None
    if found < 0:
        raise bad_parameter(name, f"is {text}, and must be above zero")
    return found or None


def order_id(text: str | None, name: str = "orderId") -> int:
    if text is None or not _ID.fullmatch(text):
        raise bad_parameter(name, "must be an id, digits alone")
    return int(text)


def word(aliases: Mapping[str, str], text: str, *, name: str) -> str:
    found = aliases.get(text)
    if found is None:
        raise bad_parameter(name, f"is {text[:20]!r}, and can be {', '.join(aliases)}")
    return found


def position_id(position: VenuePosition, number: int) -> str:
    """*Ours*: the account's number, the contract's and the side's; it outlives the position."""
    return f"{position.user}{number:05d}{_SIDES[position.side]}"


def position(view: VenueView, call: Call, *, wanted: str) -> tuple[VenueInstrument, VenuePosition]:
    """The open position of that id. Raises where there is none."""
    for held in view.positions(user(call)):
        listed = view.instrument(held.instrument)
        if held.size and listed is not None and position_id(held, listed.id) == wanted:
            return listed, held
    raise refused(NO_POSITION, f"position {wanted[:24]} does not exist")
