"""What traded, by the minute: from it come tickers and candles without reading every trade. It decides the form of
these sums; the trades themselves are in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import apsw

MINUTE_NS: Final = 60_000_000_000
_INTEGER_MAX: Final = 2**63 - 1

SCHEMA: Final = """
CREATE TABLE bars (instrument INTEGER NOT NULL, start_ns INTEGER NOT NULL, open INTEGER NOT NULL, high INTEGER NOT NULL,
  low INTEGER NOT NULL, close INTEGER NOT NULL, lots ANY NOT NULL,
  PRIMARY KEY (instrument, start_ns)) STRICT, WITHOUT ROWID;
"""


class Bar:
    """``open, high, low, close`` in ticks, ``lots`` traded."""

    __slots__ = ("close", "high", "lots", "low", "open")

    def __init__(self, price: int) -> None:
        self.open = self.high = self.low = self.close = price
        self.lots = 0

    def take(self, *, high: int, low: int, close: int, lots: int) -> None:
        """Adds what came after."""
        self.high = max(self.high, high)
        self.low = min(self.low, low)
        self.close = close
        self.lots += lots


def add(connection: apsw.Connection, trades: Sequence[Sequence[Any]]) -> None:
    """Adds trades, in order of time, to the minutes they belong to; part of the transaction under way."""
    minutes: dict[tuple[int, int], Bar] = {}
    for _, instrument, price, lots, _, _, time_ns in trades:
        place = (instrument, time_ns - time_ns % MINUTE_NS)
        bar = minutes.get(place)
        if bar is None:
            known = _load(connection, place)
            bar = minutes[place] = known if known is not None else Bar(price)
        bar.take(high=price, low=price, close=price, lots=lots)
    connection.executemany(
        "INSERT OR REPLACE INTO bars VALUES (?, ?, ?, ?, ?, ?, ?)",
        (stored((*place, bar.open, bar.high, bar.low, bar.close, bar.lots), (6,)) for place, bar in minutes.items()),
    )


def within(
    connection: apsw.Connection, instrument: int, *, since_ns: int, until_ns: int, interval_ns: int
) -> Iterator[tuple[int, Bar]]:
    """(start, bar) of every interval in which something traded; the bounds are whole minutes, half-open."""
    start_ns, bar = -1, None
    rows: list[Any] = connection.execute(
        "SELECT start_ns, open, high, low, close, lots FROM bars"
        " WHERE instrument = ? AND start_ns >= ? AND start_ns < ? ORDER BY start_ns",
        (instrument, since_ns, until_ns),
    ).fetchall()
    for row in rows:
        begins_ns = row[0] - row[0] % interval_ns
        if begins_ns != start_ns:
            if bar is not None:
                yield start_ns, bar
            start_ns, bar = begins_ns, Bar(row[1])
        assert bar is not None
        bar.take(high=row[2], low=row[3], close=row[4], lots=int(row[5]))
    if bar is not None:
        yield start_ns, bar


def since(connection: apsw.Connection, instrument: int, *, since_ns: int) -> Bar | None:
    """What traded from a moment until now, exactly: the trades of its minute, and the bars after it."""
    first_ns = since_ns + -since_ns % MINUTE_NS
    total: Bar | None = None
    trades: list[Any] = connection.execute(
        "SELECT price, lots FROM trades WHERE instrument = ? AND time_ns >= ? AND time_ns < ? ORDER BY time_ns, id",
        (instrument, since_ns, first_ns),
    ).fetchall()
    for price, lots in trades:
        total = total or Bar(price)
        total.take(high=price, low=price, close=price, lots=lots)
    for _, bar in within(connection, instrument, since_ns=first_ns, until_ns=_INTEGER_MAX, interval_ns=MINUTE_NS):
        total = total or Bar(bar.open)
        total.take(high=bar.high, low=bar.low, close=bar.close, lots=bar.lots)
    return total


def stored(row: Sequence[Any], columns: Sequence[int]) -> Sequence[Any]:
    """The row as it can be stored: what 64 bits do not hold as text. ``columns``: where such integers may be."""
    for column in columns:
        if not -_INTEGER_MAX <= row[column] <= _INTEGER_MAX:
            return tuple(
                str(value) if place in columns and not -_INTEGER_MAX <= value <= _INTEGER_MAX else value
                for place, value in enumerate(row)
            )
    return row


def _load(connection: apsw.Connection, place: tuple[int, int]) -> Bar | None:
    row: list[Any] = connection.execute(
        "SELECT open, high, low, close, lots FROM bars WHERE instrument = ? AND start_ns = ?", place
    ).fetchall()
    if not row:
        return None
    bar = Bar(row[0][0])
    bar.take(high=row[0][1], low=row[0][2], close=row[0][3], lots=int(row[0][4]))
    return bar
