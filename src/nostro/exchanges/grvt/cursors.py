"""The cursors of GRVT's histories, which are opaque to whoever gets them. It decides what they hold: whose rows of
which history, where to go on, where to end, how many at a time. That is all of a question: the exchange's own client
repeats none of it with a cursor.

Pages are read backwards in time. A cursor says until when, and how many rows of the last moment were given already.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

import msgspec

RowT = TypeVar("RowT")
# Whoever makes a cursor of his own gets no further than a venue keeps times in 64 bits.
_Time = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Rows = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """``history`` and ``of``: the route, and whose rows. ``since_ns`` and ``until_ns``: half-open, what is left.
    ``given``: rows of its last moment that were on earlier pages. ``limit``: rows of a page."""

    history: str
    of: str
    since_ns: _Time
    until_ns: _Time
    limit: _Rows
    given: _Rows = 0


def text(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def place(cursor: str) -> Place:
    """Raises ValueError for what is no cursor of ours."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor.encode()), type=Place)
    except (binascii.Error, UnicodeError, msgspec.DecodeError):
        raise ValueError("the cursor is none of this exchange") from None


def page(
    place: Place, newest: Callable[[int, int, int], Iterable[RowT]], *, when: Callable[[Any], int]
) -> tuple[list[RowT], str]:
    """The rows of one page, newest first, and the cursor of the rest, "" where there is none.

    ``newest(since_ns, until_ns, count)`` gives the last so many rows of [since_ns, until_ns), newest first; more does
    no harm."""
    wanted = place.given + place.limit
    rows = []
    for row in newest(place.since_ns, place.until_ns, wanted + 1):
        rows.append(row)
        if len(rows) > wanted:
            break
    shown, rest = rows[place.given : wanted], rows[wanted:]
    if not rest:
        return shown, ""
    last_ns = when(shown[-1])
    moment = sum(1 for row in rows[:wanted] if when(row) == last_ns)
    return shown, text(msgspec.structs.replace(place, until_ns=last_ns + 1, given=moment))
