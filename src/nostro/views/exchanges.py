"""What an exchange can be asked, as its declaration says: the noun ``exchanges``, and its page in the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from nostro.domain.values import format_time
from nostro.link.declare import READS, WRITES, Exchange, Stream
from nostro.views.view import Column, View


class ExchangeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange. ``test_mode``: what stands in for it where nothing real may happen."""

    id: str
    name: str
    dialects: tuple[str, ...]
    test_mode: str
    reads: int
    writes: int
    histories: int
    url: str


class StreamLine(msgspec.Struct, frozen=True, kw_only=True):
    """One history of an exchange, and how it can be read. ``window``: the longest interval of one request;
    ``memory``: how far back the exchange remembers; ``page``: rows of one answer at the most; ``ids``: what names a
    row; ``permission``: what the key must be allowed; ``fallback``: which history is read where that is missing."""

    stream: str
    window: str
    memory: str
    page: str
    order: str
    ids: str
    sub_queries: str
    permission: str
    settles: str
    overlap: str
    fallback: str


EXCHANGE_COLUMNS: Final = (
    Column(name="id", heading="id"),
    Column(name="name", heading="exchange"),
    Column(name="test_mode", heading="test mode"),
    Column(name="dialects", heading="dialects", rank=1),
    Column(name="reads", heading="reads", kind="count"),
    Column(name="writes", heading="writes", kind="count"),
    Column(name="histories", heading="histories", kind="count"),
    Column(name="url", heading="live at", rank=2),
)
STREAM_COLUMNS: Final = (
    Column(name="stream", heading="history"),
    Column(name="window", heading="window"),
    Column(name="memory", heading="memory"),
    Column(name="page", heading="page"),
    Column(name="ids", heading="named by"),
    Column(name="permission", heading="permission", rank=1),
    Column(name="settles", heading="settles", rank=3),
    Column(name="overlap", heading="re-read", rank=3),
    Column(name="order", heading="order", rank=4),
    Column(name="sub_queries", heading="split by", rank=2),
    Column(name="fallback", heading="else from", rank=2),
)


def exchanges(spoken: Sequence[tuple[Exchange, tuple[str, ...]]]) -> View:
    """Every exchange, each with the names of its dialects."""
    lines = [
        ExchangeLine(
            id=exchange.id, name=exchange.name, dialects=dialects, test_mode=exchange.test_mode,
            reads=len(reads(exchange)), writes=len(writes(exchange)), histories=len(exchange.streams),
            url=exchange.url,
        )
        for exchange, dialects in spoken
    ]  # fmt: skip
    return View(
        noun="exchanges", columns=EXCHANGE_COLUMNS, rows=lines, kind=ExchangeLine,
        notes=("`nostro exchanges ID` shows the histories of one and what it can be asked.",),
    )  # fmt: skip


def exchange(spoken: Exchange) -> View:
    """The histories of one exchange, and in the notes all else that can be asked of it."""
    notes = (
        f"{spoken.name}, dialect {spoken.dialect}; live at {spoken.url}; test mode: {spoken.test_mode}",
        f"reads: {', '.join(reads(spoken))}",
        f"writes, each by a grant: {', '.join(writes(spoken)) or 'none'}",
        *(f"not in this dialect: {', '.join(spoken.unsupported)}" for _ in spoken.unsupported[:1]),
        f"history begins {format_time(spoken.opened_ns, 0)[:10]}: {spoken.opened_source}",
        f"source: {spoken.document}",
    )
    more = {
        "id": spoken.id, "name": spoken.name, "dialect": spoken.dialect, "url": spoken.url,
        "test_mode": spoken.test_mode,
        "reads": reads(spoken), "writes": {name: WRITES[name] for name in WRITES if name in spoken.capabilities},
        "unsupported": spoken.unsupported, "opened": format_time(spoken.opened_ns), "document": spoken.document,
    }  # fmt: skip
    return View(noun="exchange", columns=STREAM_COLUMNS, rows=streams(spoken), notes=notes, more=more)


def reads(spoken: Exchange) -> list[str]:
    return [name for name in READS if name in spoken.capabilities]


def writes(spoken: Exchange) -> list[str]:
    return [f"{name} ({grant})" for name, grant in WRITES.items() if name in spoken.capabilities]


def streams(spoken: Exchange) -> list[StreamLine]:
    """How each history is read."""
    lines = []
    for ask in spoken.asks:
        if ask.stream is None:
            continue
        stream = ask.stream
        lines.append(
            StreamLine(
                stream=stream.name, window=_window(stream), memory=duration(stream.retention_s, "for ever"),
                page="whole" if stream.page_size is None else f"{stream.page_size:,}",
                order=stream.order if stream.timed else "rows have no time",
                ids="its id" if stream.native_ids else "its content", sub_queries=", ".join(_sub_queries(stream)),
                permission=ask.route.permission, settles=duration(stream.settle_s, ""),
                overlap=duration(stream.overlap_s, ""), fallback=ask.fallback[0] if ask.fallback else "",
            )
        )  # fmt: skip
    return lines


def _sub_queries(stream: Stream) -> Iterator[str]:
    for name, values in stream.splits:
        yield f"{name} ({', '.join(values)})"
    if stream.keyed:
        yield f"every {stream.keyed}"


def _window(stream: Stream) -> str:
    if stream.newest is not None:
        return f"newest {stream.newest:,}"
    return duration(stream.window_s, "any")


def duration(seconds: int | None, unlimited: str) -> str:
    """``30 d``, ``48 h``, ``10 s``: in the largest unit that says it exactly, hours up to two days."""
    if seconds is None:
        return unlimited
    for unit, length_s, least in (("d", 86_400, 3 * 86_400), ("h", 3600, 3600), ("min", 60, 60)):
        if seconds >= least and seconds % length_s == 0:
            return f"{seconds // length_s} {unit}"
    return f"{seconds} s"
