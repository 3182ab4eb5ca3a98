"""What is shown: rows, the columns of their table, and how far they can be trusted. It decides how a value becomes
plain text, the same for JSON, CSV and Parquet: amounts and ids are text, times are RFC 3339 in UTC, what is not known
is null."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from nostro.domain.values import canonical, format_time

Kind = Literal["text", "amount", "time", "count", "status", "stage"]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a table: the rows' member ``name`` under ``heading``. ``rank``: where the terminal is too narrow,
    the columns of the highest rank go first, and 0 never goes. ``short``: a long text may be cut in its middle.
    ``beside``: the member whose column it only makes sense with. A ``status`` may be bad news, as an open interval is;
    a ``stage`` is none: an open order is as it should be."""

    name: str
    heading: str
    kind: Kind = "text"
    rank: int = 0
    short: bool = False
    beside: str = ""


class CoverageLine(msgspec.Struct, frozen=True, kw_only=True):
    """One interval of one history of one account, half-open, and what is known of it. ``deadline_ns``: where it is open
    and the exchange will soon forget it, from when on (`book/retention.py`)."""

    account: str
    stream: str
    since_ns: int
    until_ns: int
    status: str
    cause: str = ""
    evidence: str = "rest"
    deadline_ns: int | None = None


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Rows (structs, all of one ``kind``) and what they rest on. ``group``: members whose change starts a new section
    of the table, headed by their values. ``notes``: sentences below the table. ``head``: the book's, as `verify`
    prints it. ``more``: what else the JSON document says. ``drawn``: the rows of the table, where they are fewer."""

    noun: str
    columns: tuple[Column, ...]
    rows: Sequence[msgspec.Struct]
    kind: type[msgspec.Struct] | None = None
    group: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    empty: str = "nothing here"
    complete_through_ns: int | None = None
    coverage: tuple[CoverageLine, ...] = ()
    as_of_ns: int | None = None
    known_at_ns: int | None = None
    reader: str = ""
    pages: int = 0
    head: str = ""
    more: dict[str, Any] = {}
    drawn: Sequence[msgspec.Struct] | None = None


def moment(time_ns: int | None) -> str | None:
    return None if time_ns is None else format_time(time_ns)


def plain(value: object) -> Any:
    """The value as JSON has it, without a float and without a number that a reader could round."""
    match value:
        case None | bool() | str():
            return value
        case Decimal():
            return canonical(value)
        case int():
            return value
        case bytes():
            return value.hex()
        case msgspec.Struct():
            return record(value)
        case dict():
            return {str(key): plain(member) for key, member in value.items()}
        case tuple() | list() | set() | frozenset():
            return [plain(member) for member in value]
        case _:
            return str(value)


def record(row: msgspec.Struct) -> dict[str, Any]:
    """A row as JSON has it: ``effective_ns`` becomes ``effective``, an RFC 3339 text."""
    shown: dict[str, Any] = {}
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if name.endswith("_ns"):
            shown[name.removesuffix("_ns")] = moment(value)
        else:
            shown[name] = plain(value)
    return shown


def about(view: View) -> dict[str, Any]:
    """What a view says of itself, as JSON has it."""
    return {
        "noun": view.noun,
        "complete_through": moment(view.complete_through_ns),
        "coverage": [record(interval) for interval in view.coverage],
        "as_of": moment(view.as_of_ns),
        "known_at": moment(view.known_at_ns),
        "reader": view.reader,
        "pages": view.pages,
        "head": view.head,
        **{name: plain(value) for name, value in view.more.items()},
    }
