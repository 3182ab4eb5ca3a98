"""When an exchange forgets what the book never read of it: the *retention deadline*. It decides from which age on the
unread is in danger, and until when reading it still helps; what is already forgotten is for coverage to say, once
somebody asked for it.

A deadline is the last moment at which an answer could prove the interval from its beginning: nothing is claimed of what
the exchange may have forgotten while it answered (`claims.remembered_since_ns`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nostro import limits
from nostro.domain.answers import Interval
from nostro.domain.values import SECOND_NS
from nostro.link.claims import remembered_since_ns
from nostro.link.declare import Stream
from nostro.link.events import Deadline

if TYPE_CHECKING:
    from nostro.book.book import Book


def retention_deadline(interval: Interval, stream: Stream, *, now_ns: int) -> int | None:
    """When the exchange begins to forget what of an interval of that stream is open and could still be read, ns; now
    where its beginning is forgotten already. None where nobody forgets it, where nothing of it is open or can be read
    any more, and while all of it is younger than the last quarter of the time for which it is remembered."""
    if stream.retention_s is None or interval.status != "open":
        return None
    since_ns = _readable_since_ns(interval, stream.retention_s, now_ns)
    safe_ns = limits.UNREAD_QUARTERS_MAX * stream.retention_s * SECOND_NS // 4
    if since_ns >= interval.until_ns or now_ns - since_ns < safe_ns:
        return None
    return now_ns + since_ns - remembered_since_ns(stream.retention_s, now_ns)


def _readable_since_ns(interval: Interval, retention_s: int, now_ns: int) -> int:
    return max(interval.since_ns, remembered_since_ns(retention_s, now_ns))


def deadlines(book: Book, account: str, *, now_ns: int) -> list[Deadline]:
    """The next deadline of each history of an account that has one, in the order of its declaration."""
    found = []
    since_ns = book.account(account).since_ns
    for stream in book.exchange(account).streams:
        if stream.retention_s is None:
            continue
        for interval in book.coverage(account, stream.name, since_ns=since_ns, until_ns=now_ns):
            deadline_ns = retention_deadline(interval, stream, now_ns=now_ns)
            if deadline_ns is not None:
                readable_ns = _readable_since_ns(interval, stream.retention_s, now_ns)
                found.append(Deadline(
                    account=account, at_ns=now_ns, stream=stream.name, since_ns=readable_ns, deadline_ns=deadline_ns,
                ))  # fmt: skip
                break  # the intervals are in order: of those behind it more time is left
    return found
