"""What a request to the paper GRVT gives: times, limits, cursors, selections of instruments, words, checked one member
at a time. It decides what is taken and what is refused; it does not decide what is answered (``serve*.py``).

Source: the exchange's ``api-spec``: a limit is 500 where none is said and 1000 at the most. Its own client sends larger
ones: they are cut. *Ours*: 0 is none said, bounds are inclusive.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from nostro.domain.values import Malformed
from nostro.exchanges.grvt import cursors, signing, words, written
from nostro.exchanges.grvt.messages import Number, Word
from nostro.exchanges.grvt.refusals import BAD_INSTRUMENT, MALFORMED, NOT_FOUND, refused
from nostro.link.declare import WireRefusal
from nostro.link.view import VenueInstrument, VenueView

LIMIT_DEFAULT: Final = 500
LIMIT_MAX: Final = 1_000
# 2262-01-01: no row is later, and a venue keeps its times in 64 bits.
STORABLE_NS: Final = 9_214_646_400_000_000_000
RowT = TypeVar("RowT")


def malformed(field: str, message: str) -> WireRefusal:
    return refused(MALFORMED, f"{field} {message}")


def number(raw: Number | None, field: str) -> int:
    """0 where it is absent. Raises 1003."""
    try:
        return signing.number(raw, field)
    except Malformed as error:
        raise refused(MALFORMED, str(error)) from None


def limit(raw: Number | None, most: int = LIMIT_MAX) -> int:
    """Rows of a page; what is not positive is the default."""
    text = str(raw if raw is not None else 0)
    if text.removeprefix("-").isdecimal() and text.startswith("-"):
        return LIMIT_DEFAULT
    return min(number(raw, "limit") or LIMIT_DEFAULT, most)


def place(message: Any, *, history: str, of: str, now_ns: int) -> cursors.Place:
    """Where a history is asked for: the cursor decides alone where there is one. Raises 1003 for a cursor of another
    history or account, and for one that is none."""
    if message.cursor:
        try:
            place = cursors.place(message.cursor)
        except ValueError as error:
            raise malformed("cursor", str(error)) from None
        if (place.history, place.of) != (history, of) or not 0 < place.limit <= LIMIT_MAX:
            raise malformed("cursor", "is of another account or history")
        return place
    end_ns = min(number(message.end_time, "end_time") or now_ns, STORABLE_NS)
    since_ns = min(number(message.start_time, "start_time"), STORABLE_NS)
    return cursors.Place(history, of, since_ns, end_ns + 1, limit(message.limit))


def member(enumeration: words.Enumeration, raw: Word | None, *, field: str) -> str:
    """The name of a member of an enumeration. Raises 1003."""
    found = words.member(enumeration, raw) if raw is not None else None
    if found is None:
        raise malformed(field, f"is {str(raw)[:40]!a}, expected one of {', '.join(enumeration)}")
    return found


def members(enumeration: words.Enumeration, raw: Iterable[Word] | None, *, field: str) -> frozenset[str]:
    """Those of a list; none where there is no list."""
    return frozenset(member(enumeration, each, field=field) for each in raw or ())


# ── instruments ──────────────────────────────────────────────────────────────────────────────────────────────────


def contracts(view: VenueView) -> list[VenueInstrument]:
    return [each for each in view.instruments() if each.settle]


def settle(view: VenueView) -> str:
    """The currency that sub-accounts are reported in: what the contracts are settled in."""
    return next(each.settle for each in contracts(view))


def selected(view: VenueView, message: Any) -> frozenset[str] | None:
    """The symbols that lists of kinds, bases and quotes select, all of them together; None where they select all.
    Raises 1003 for a kind that is none."""
    kinds = members(words.KIND, message.kind, field="kind")
    listed = contracts(view)
    found = frozenset(
        each.symbol
        for each in listed
        if (not kinds or "PERPETUAL" in kinds)
        and (not message.base or each.base in message.base)
        and (not message.quote or each.quote in message.quote)
    )
    return None if len(found) == len(listed) else found


def instrument(view: VenueView, code: str | None, *, unknown: int = NOT_FOUND) -> VenueInstrument:
    """The contract of that name. Raises 1004, or the code given; 3000 for no name."""
    if not code:
        raise refused(BAD_INSTRUMENT)
    found = next((each for each in contracts(view) if written.code(each) == code), None)
    if found is None:
        raise refused(unknown, ascii(code[:40]))
    return found


def symbol(view: VenueView, code: str | None) -> str | None:
    """The symbol of a contract, None for no name."""
    return instrument(view, code).symbol if code else None
