"""What a request to the paper server gives: whose rows it sees, pairs, sides, times, windows and numbers, checked one
member at a time. It decides what is taken and what is refused with 400; it does not decide what is answered
(``serve.py``).

Source: API reference of 2023, the query tables and the note on windows; 2026 gives times as Unix seconds.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Literal, TypeVar, cast

from msgspec import Raw

from nostro.domain import values
from nostro.domain.values import SECOND_NS
from nostro.exchanges.alp import messages, words
from nostro.exchanges.alp.ask import WINDOW_S
from nostro.exchanges.alp.refusals import REFUSALS, bad_input, unauthorized
from nostro.link.commands import BARE_ISOLATED, ISOLATED, Refusal, Side
from nostro.link.declare import Call, WireRefusal
from nostro.link.view import Login, VenueInstrument, VenueView

WINDOW_NS: Final = WINDOW_S * SECOND_NS
# 2262-01-01: no row is later, and a venue keeps its times in 64 bits, which end a hundred days after it: a window that
# begins here still has an end.
STORABLE_NS: Final = 9_214_646_400 * SECOND_NS
_SECONDS: Final = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9]{1,20}[_/][A-Za-z0-9]{1,20}", re.ASCII)

Window = tuple[int | None, int | None]
RowT = TypeVar("RowT")


def _happened(row: Any) -> tuple[int, int]:
    return row.time_ns, row.id


def login(call: Call) -> Login:
    """Who asks. Raises 401 for nobody, which `verify` has seen to."""
    if call.login is None:
        raise unauthorized("this needs a login")
    return call.login


def users(view: VenueView, call: Call) -> tuple[int, ...]:
    """Whose rows the login sees: its own, and its sub-accounts'."""
    user = login(call).user
    return (user, *view.sub_accounts(user))


def by_time(
    view: VenueView, call: Call, *, rows: Callable[[int], Iterator[RowT]], when: Callable[[RowT], object] = _happened
) -> Iterator[RowT]:
    """The rows of all that the login sees, each user's in order, in one order."""
    runs = [rows(user) for user in users(view, call)]
    return heapq.merge(*runs, key=cast("Any", when)) if len(runs) > 1 else runs[0]


def instrument(view: VenueView, pair: str | None) -> VenueInstrument | None:
    """The instrument of a pair in either spelling; None for no pair. Raises 400 for one that is not traded here."""
    if not pair:
        return None
    found = view.instrument(words.instrument(pair)) if _NAME.fullmatch(pair) else None
    if found is None:
        raise unknown(Refusal.UNKNOWN_INSTRUMENT, field="pair", value=pair)
    return found


def needed_instrument(view: VenueView, pair: str | None) -> VenueInstrument:
    found = instrument(view, pair)
    if found is None:
        raise bad_input("pair", "is required")
    return found


def symbol(view: VenueView, pair: str | None) -> str | None:
    found = instrument(view, pair)
    return None if found is None else found.symbol


def asset(view: VenueView, currency: str | None) -> str | None:
    """Raises 400 for a currency that is not here."""
    if not currency:
        return None
    if all(each.code != currency for each in view.assets()):
        raise unknown(Refusal.UNKNOWN_ASSET, field="currency", value=currency)
    return currency


def needed_asset(view: VenueView, currency: str | None) -> str:
    found = asset(view, currency)
    if found is None:
        raise bad_input("currency", "is required")
    return found


def unknown(reason: Refusal, *, field: str, value: str) -> WireRefusal:
    code, sentence, _ = REFUSALS[reason]
    shown = ascii(value[:40])
    return WireRefusal(
        400, messages.ErrorBody(code=code, message=f"{sentence}: {shown}", formErrors={field: [f"{sentence}: {shown}"]})
    )


def wallet(view: VenueView, raw: str, *, pair: str | None) -> str:
    """The venue's wallet; an isolated one is that of a pair, which means nothing with the others (*ours*). Raises
    400."""
    named = word(words.WALLETS, raw, field="wallet_type")
    return f"{ISOLATED}{needed_instrument(view, pair).symbol}" if named == BARE_ISOLATED else named


def side(raw: str | None) -> Side | None:
    return cast("Side", word(words.SIDES, raw, field="side")) if raw else None


def word(aliases: Mapping[str, str], raw: str, *, field: str) -> str:
    """Our word for one of the wire's. Raises 400 where it is none of them."""
    found = aliases.get(raw)
    if found is None:
        raise bad_input(field, f"is {raw[:40]!a}, expected one of {', '.join(aliases)}")
    return found


def moment(text: str | None, field: str) -> int | None:
    """A time in RFC 3339 with ``Z`` or an offset, or in Unix seconds, at most `STORABLE_NS`. A ``+`` that was sent
    without encoding has become a space. Raises 400."""
    if not text:
        return None
    try:
        if _SECONDS.fullmatch(text):
            return min(values.seconds_to_ns(values.decimal(text, field), field), STORABLE_NS)
        return min(values.parse_time(text[:11] + text[11:].replace(" ", "+"), field), STORABLE_NS)
    except values.Malformed as error:
        raise bad_input(field, f"is {text[:40]!a}, expected {error.expected}") from None


def window(start_time: str | None, end_time: str | None, *, now_ns: int) -> Window:
    """The half-open window of a history. Raises 400 for one of more than 30 days, or that ends before it starts.

    With one bound missing it is 30 days from or to the other; with both, the last 30 days, what happens right
    now included."""
    since_ns, until_ns = moment(start_time, "start_time"), moment(end_time, "end_time")
    if since_ns is None and until_ns is None:
        return now_ns - WINDOW_NS, None
    if since_ns is None:
        return cast("int", until_ns) - WINDOW_NS, until_ns
    if until_ns is None:
        return since_ns, since_ns + WINDOW_NS
    if until_ns < since_ns:
        raise bad_input("end_time", "is before start_time")
    if until_ns - since_ns > WINDOW_NS:
        raise bad_input("end_time", "is more than 30 days after start_time")
    return since_ns, until_ns


def amount(number: Raw, field: str) -> Decimal | None:
    """A number or a numeric text; None where it is absent, null or empty. Raises 400."""
    try:
        return values.exact_or_none(number, field)
    except values.Malformed as error:
        raise bad_input(field, f"is {_shown(number)}, expected {error.expected}") from None


def needed_amount(number: Raw, field: str) -> Decimal:
    found = amount(number, field)
    if found is None:
        raise bad_input(field, "is required")
    return found


def _shown(number: Raw) -> str:
    return ascii(bytes(number)[:60].decode("utf-8", "replace"))


def end(text: str | None, field: str) -> int | None:
    """When an order ends; from `STORABLE_NS` on never. The client's default is the year 3000."""
    ends_ns = moment(text, field)
    return None if ends_ns == STORABLE_NS else ends_ns


def stop_operator(raw: str | None) -> Literal["gte", "lte"] | None:
    return cast("Any", word(words.STOP_OPERATORS, raw, field="stop_operator")) if raw else None
