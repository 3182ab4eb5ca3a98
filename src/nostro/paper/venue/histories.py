"""Reads the journal's histories: rows of one user in the order of time, page by page, so that a long history is never
in memory at once. It decides how a question becomes SQL, and adds nothing to what is stored.

A history is read in steps that each start after the last row given, so that rows which are added or changed meanwhile
neither disturb it nor keep a transaction open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nostro import limits, sqlite
from nostro.paper.venue.rows import (
    BORROW_COLUMNS,
    CLOSED_COLUMNS,
    ENTRY_COLUMNS,
    FILL_COLUMNS,
    FORCED_COLUMNS,
    FUNDING_COLUMNS,
    INTEREST_COLUMNS,
    LIQUIDATION_COLUMNS,
    MOVE_COLUMNS,
    MOVEMENT_COLUMNS,
    NOTED_COLUMNS,
    ORDER_COLUMNS,
    POSITION_COLUMNS,
    REPAYMENT_COLUMNS,
    TRADE_COLUMNS,
    TRANSFER_COLUMNS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from nostro.paper.venue.journal import Journal

Row = tuple["Any", ...]

_LAST_NS: Final = 2**63 - 1

# table: its columns, and the one with the time that a history goes by
_HISTORIES: Final = {
    "orders": (ORDER_COLUMNS, "placed_ns"),
    "fills": (FILL_COLUMNS + POSITION_COLUMNS, "time_ns"),
    "entries": (ENTRY_COLUMNS, "time_ns"),
    "transfers": (TRANSFER_COLUMNS, "time_ns"),
    "movements": (MOVEMENT_COLUMNS, "time_ns"),
    "borrows": (BORROW_COLUMNS, "time_ns"),
    "repayments": (REPAYMENT_COLUMNS, "time_ns"),
    "interest": (INTEREST_COLUMNS, "time_ns"),
    "liquidations": (LIQUIDATION_COLUMNS, "time_ns"),
    "funding": (FUNDING_COLUMNS, "time_ns"),
    "closed": (CLOSED_COLUMNS, "time_ns"),
    "moves": (MOVE_COLUMNS, "time_ns"),
    "noted": (NOTED_COLUMNS, "time_ns"),
    "forced": (FORCED_COLUMNS, "time_ns"),
}
_LOGINS: Final = (
    "SELECT users.id, name, email, key, secret, permissions, parent FROM logins JOIN users ON users.id = logins.user"
)


def history(
    journal: Journal,
    table: str,
    *,
    where: Mapping[str, object],
    since_ns: int | None,
    until_ns: int | None,
    newest: int | None = None,
) -> Iterator[Row]:
    """Rows of a table, oldest first, half-open [since_ns, until_ns). ``where``: columns that must have a value, None:
    any. ``newest``: only the last so many."""
    columns, time = _HISTORIES[table]
    conditions = [f"{name} = ?" for name, value in where.items() if value is not None]
    values = [value for value in where.values() if value is not None]
    if until_ns is not None:
        conditions.append(f"{time} < ?")
        values.append(until_ns)
    chosen = " AND ".join(conditions)
    select = f"SELECT {', '.join(columns)} FROM {table} WHERE {chosen}"  # noqa: S608 - our own names
    if newest is not None:
        sql = f"{select} AND {time} >= ? ORDER BY {time} DESC, id DESC LIMIT ?"
        yield from reversed(_rows(journal, sql, [*values, since_ns or 0, newest]))
        return
    sql = f"{select} AND ({time}, id) > (?, ?) ORDER BY {time}, id LIMIT ?"
    after = ((since_ns or 0) - 1, 2**63 - 1)
    place = columns.index(time)
    while rows := _rows(journal, sql, [*values, *after, limits.VENUE_PAGE_ROWS]):
        yield from rows
        after = (rows[-1][place], rows[-1][0])


def newest_first(
    journal: Journal, table: str, *, user: int, since_ns: int | None, until_ns: int | None
) -> Iterator[Row]:
    """A user's rows of a table, newest first, half-open [since_ns, until_ns)."""
    columns, time = _HISTORIES[table]
    sql = (
        f"SELECT {', '.join(columns)} FROM {table} WHERE user = ? AND {time} >= ?"  # noqa: S608 - our own names
        f" AND ({time}, id) < (?, ?) ORDER BY {time} DESC, id DESC LIMIT ?"
    )
    before = (_LAST_NS if until_ns is None else until_ns, 0)
    place = columns.index(time)
    while rows := _rows(journal, sql, [user, since_ns or 0, *before, limits.VENUE_PAGE_ROWS]):
        yield from rows
        before = (rows[-1][place], rows[-1][0])


def order(journal: Journal, order_id: int, *, user: int) -> Row | None:
    sql = f"SELECT {', '.join(ORDER_COLUMNS)} FROM orders WHERE id = ? AND user = ?"  # noqa: S608 - our own names
    rows = _rows(journal, sql, [order_id, user])
    return rows[0] if rows else None


def newest_trades(journal: Journal, instrument: int | None, *, limit: int, offset: int) -> list[Row]:
    """Public trades, newest first, of one instrument or of all."""
    select = f"SELECT {', '.join(TRADE_COLUMNS)} FROM trades"  # noqa: S608 - our own names
    if instrument is None:
        return _rows(journal, f"{select} ORDER BY id DESC LIMIT ? OFFSET ?", [limit, offset])
    sql = f"{select} WHERE instrument = ? ORDER BY time_ns DESC, id DESC LIMIT ? OFFSET ?"
    return _rows(journal, sql, [instrument, limit, offset])


def login(journal: Journal, *, key: str | None = None, user: int | None = None) -> Row | None:
    """(user, name, email, key, secret, permissions, parent) of a key, or of a user's first key."""
    column, value = ("key", key) if user is None else ("user", user)
    rows = _rows(journal, f"{_LOGINS} WHERE logins.{column} = ? ORDER BY key LIMIT 1", [value])
    return rows[0] if rows else None


def users_named(journal: Journal, name: str) -> list[int]:
    return [row[0] for row in _rows(journal, "SELECT id FROM users WHERE name = ? ORDER BY id", [name])]


def logins(journal: Journal) -> list[Row]:
    """Every login as in `login`, in the order of users."""
    return _rows(journal, f"{_LOGINS} ORDER BY users.id, key", [])


def _rows(journal: Journal, sql: str, values: list[Any]) -> list[Row]:
    with sqlite.translated(journal.path):
        return journal.connection.execute(sql, tuple(values)).fetchall()
