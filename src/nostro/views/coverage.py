"""The noun ``coverage``: every history of every account as intervals that are proven, open, unavailable or settling.
It decides what is *settling* (younger than the last look at the account, and so not yet asked for), what is *open*, and
that a deadline is shown where there is one; when that is, ``book/retention.py`` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from nostro import limits
from nostro.book.retention import retention_deadline
from nostro.domain.answers import Interval
from nostro.domain.values import SECOND_NS, format_time
from nostro.exchanges import exchange
from nostro.link.declare import Exchange, Stream
from nostro.views.view import Column, CoverageLine, View

if TYPE_CHECKING:
    from nostro.book.book import Book

SETTLING: Final = "settling"
UNSUPPORTED: Final = "unsupported"
# States that a pass asks for before the histories: their answers tell when it looked at the account.
_LOOKED_AT: Final = ("balances", "fees", "currencies")

COLUMNS: Final = (
    Column(name="stream", heading="history"),
    Column(name="status", heading="status", kind="status"),
    Column(name="cause", heading="cause", rank=2),
    Column(name="since_ns", heading="from (UTC)", kind="time", rank=3),  # where the one before it ends
    Column(name="until_ns", heading="until (UTC)", kind="time", rank=1),
)
DEADLINE: Final = Column(name="deadline_ns", heading="deadline (UTC)", kind="time")


def coverage(book: Book, accounts: Sequence[str], *, now_ns: int, known_at_ns: int | None = None) -> View:
    """The intervals of every history of those accounts, whole, from its origin to now."""
    rows = [row for name in accounts for row in of_account(book, name, now_ns=now_ns, known_at_ns=known_at_ns)]
    counts = {status: sum(row.status == status for row in rows) for status in ("open", "unavailable")}
    note = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "nothing open or unavailable"
    settling = [row for row in rows if row.status == SETTLING]
    if settling:
        note += f"; settling: what is younger than the last look, of {len(settling)} histories"
    ending = [row.deadline_ns for row in rows if row.deadline_ns is not None]
    if ending:
        note += f"; soon forgotten if not read: {len(ending)}, the first from {format_time(min(ending), 0)}"
    through = [row.since_ns for row in rows if row.status in {"open", SETTLING}]
    return View(
        noun="coverage", columns=(*COLUMNS, DEADLINE) if ending else COLUMNS, rows=rows, kind=CoverageLine,
        drawn=[row for row in rows if row.status != SETTLING], group=("account",), notes=(note,),
        complete_through_ns=min(through, default=None),
        known_at_ns=known_at_ns, empty="the book has no accounts",
    )  # fmt: skip


def of_account(book: Book, name: str, *, now_ns: int, known_at_ns: int | None = None) -> list[CoverageLine]:
    """The intervals of every history of one account, in the order of its declaration; then, where it was ever followed,
    when the states that its feed tells were seen without a gap (of our clock), and when nobody knows them."""
    account = book.account(name)
    spoken = exchange(account.exchange, account.dialect)
    looked_ns = _looked_at(book, name, spoken=spoken, known_at_ns=known_at_ns)
    rows = []
    for stream in spoken.streams:
        intervals = book.coverage(
            name, stream.name, since_ns=account.since_ns, until_ns=now_ns, known_at_ns=known_at_ns
        )
        rows += [_line(name, each, stream, looked_ns, now_ns) for each in intervals]
    rows += [
        CoverageLine(
            account=name, stream=stream_name, since_ns=account.since_ns, until_ns=now_ns, status="unavailable",
            cause=UNSUPPORTED,
        )
        for stream_name in spoken.unsupported
    ]  # fmt: skip
    if spoken.feed is not None and book.heard(name, known_at_ns=known_at_ns) is not None:
        for state in spoken.feed.states:
            seen = book.coverage(name, state, since_ns=account.since_ns, until_ns=now_ns, known_at_ns=known_at_ns)
            rows += [_seen(name, each) for each in seen if each.status != "open"]
    return rows


def _seen(account: str, interval: Interval) -> CoverageLine:
    return CoverageLine(
        account=account, stream=interval.stream, since_ns=interval.since_ns, until_ns=interval.until_ns,
        status=interval.status, cause=interval.cause, evidence="feed",
    )  # fmt: skip


def _line(account: str, interval: Interval, stream: Stream, looked_ns: int, now_ns: int) -> CoverageLine:
    line = CoverageLine(
        account=account, stream=interval.stream, since_ns=interval.since_ns, until_ns=interval.until_ns,
        status=interval.status, cause=interval.cause, evidence=interval.evidence,
        deadline_ns=retention_deadline(interval, stream, now_ns=now_ns),
    )  # fmt: skip
    # Of an account that is followed, the states are asked for once more before its histories are, a minute later.
    edge_ns = looked_ns - (limits.PROBE_S + stream.settle_s + limits.CLOCK_SKEW_MAX_S) * SECOND_NS
    if line.status == "open" and not line.cause and line.until_ns == now_ns and 0 < edge_ns <= line.since_ns:
        return msgspec.structs.replace(line, status=SETTLING)
    return line


def _looked_at(book: Book, account: str, *, spoken: Exchange, known_at_ns: int | None) -> int:
    """When the account was last looked at; 0 for never."""
    asks = (ask for capability in _LOOKED_AT for ask in spoken.asks_for(capability))
    return max((book.heard(account, stream=ask.name, known_at_ns=known_at_ns) or 0 for ask in asks), default=0)
