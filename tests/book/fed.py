"""A feed for the book's small exchange: frames of plain JSON that tell rows of its streams, and the pages that keep
them. A frame: ``{"of": stream, "rows": [...], "whole": bool, "ns": its own time, or none}``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import Any

import msgspec

from book import world
from book.world import ACCOUNT, T0, Wire
from nostro import errors
from nostro.book.book import Book
from nostro.domain.contracts import MarginSummary, Position
from nostro.domain.records import Balance, Entry, Fact, Fill, Order
from nostro.domain.values import SECOND_NS, decimal
from nostro.link import segment
from nostro.link.declare import Ask, Claim, Exchange, Page, Query, Route
from nostro.link.frames import Feed, Meaning, News, Unread

STREAMS = {
    "fill": "fills", "order": "orders", "entry": "entries", "balance": "balances", "position": "positions",
    "margin_summary": "margin",
}  # fmt: skip
KINDS = {
    "fills": Fill, "orders": Order, "entries": Entry, "balances": Balance, "positions": Position,
    "margin": MarginSummary,
}  # fmt: skip
AMOUNTS = {
    "amount", "price", "fee", "total", "free", "size", "unrealized_pnl", "mark_price", "filled", "remaining", "equity",
    "liquidation_price", "stop_price", "entry_price", "canceled",
}  # fmt: skip


def fact(stream: str, offset: int, row: Mapping[str, Any]) -> Fact:
    """A row as it stands: members named as ours."""
    made = {name: decimal(value) if name in AMOUNTS and value is not None else value for name, value in row.items()}
    return KINDS[stream](offset=offset, **made)


def read(body: bytes) -> Meaning:
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise errors.Undecodable(f"small feed: {error}") from None
    if said["of"] not in KINDS:
        return Unread(said["of"])
    rows = tuple(fact(said["of"], offset, row) for offset, row in enumerate(said["rows"]))
    return News(rows, whole=(said["of"],) if said.get("whole") else ())


def _told(name: str) -> Ask:
    """A state that an answer tells in the same members as a frame."""
    route = Route(name=name, method="GET", path=name, answer=list[dict[str, Any]])

    def rows(_: Query, answer: list[Wire]) -> Iterable[Fact]:
        return (fact(name, offset, row) for offset, row in enumerate(answer))

    return Ask(capability=name, route=route, request=lambda query: None, read=rows)


@cache
def exchange(id: str = "small", dialect: str = "bare") -> Exchange:  # noqa: A002
    """The small exchange with states as a feed tells them, and the feed. Its orders say all members of ours."""
    nothing: Any = None
    plain = world.exchange(id, dialect)
    feed = Feed(
        url="", paths=(), topics=(), private=(), topic=nothing, ask=nothing, sign_in=nothing, read=read, serve=nothing,
        watched=nothing, stream=lambda fact: STREAMS[fact.kind], states=("balances", "positions", "margin"),
    )  # fmt: skip
    asks = [each for each in plain.asks if each.name not in ("balances", "orders")]
    orders = msgspec.structs.replace(_told("orders"), stream=world.ORDERS)
    asks += [orders, _told("balances"), _told("positions"), _told("margin")]
    return msgspec.structs.replace(plain, asks=tuple(asks), feed=feed)


opened = partial(world.open_book, registry=exchange)


def at_ns(at_s: float) -> int:
    return T0 + int(at_s * SECOND_NS)


def frame(stream: str, *rows: Wire, whole: bool = False) -> bytes:
    return json.dumps({"of": stream, "rows": rows, "whole": whole}).encode()


def heard(
    *frames: tuple[float, bytes], claims: tuple[Claim, ...] = (), body: bytes | None = None, binary: bool = False
) -> Page:  # fmt: skip
    """The page of these frames, each with the second of its arrival."""
    kept = [segment.Frame(at_ns(at_s), "binary" if binary else "text", said) for at_s, said in frames]
    return Page(
        exchange="small", dialect="named", capability=segment.FEED, stream=segment.FEED, route=segment.FEED, request="",
        query=Query(), sent_ns=at_ns(frames[0][0]), received_ns=at_ns(frames[-1][0]), status=200, headers={},
        body=segment.encode(kept) if body is None else body, claims=claims,
    )  # fmt: skip


def answered(stream: str, *rows: Wire, sent_s: float, took_s: float = 0.1, **more: Any) -> Page:
    """The page of an answer to a question that was asked then."""
    page = world.page(stream, rows, received_ns=at_ns(sent_s + took_s), dialect="named", **more)
    return msgspec.structs.replace(page, sent_ns=at_ns(sent_s))


def swept(stream: str, *rows: Wire, since_s: float = 0, until_s: float, sent_s: float, **more: Any) -> Page:
    """The only page of a complete reading."""
    claims = (Claim("proven", at_ns(since_s), at_ns(until_s)),)
    bounds = {"since_ns": at_ns(since_s), "until_ns": at_ns(until_s)}
    return answered(stream, *rows, sent_s=sent_s, claims=claims, **bounds, **more)


def order(native_id: str, status: str, at_s: float | None = 1, **more: Any) -> Wire:
    """An order placed then; without a time where a frame says none."""
    placed = {} if at_s is None else {"effective_ns": at_ns(at_s)}
    terms = {"instrument": "BTC/USDT", "side": "buy", "type": "limit", "amount": "10"}
    return {"native_id": native_id, "status": status, **placed, **terms, **more}


def fill(native_id: str, at_s: float | None = 1, **more: Any) -> Wire:
    """A fill as a frame tells it."""
    timed = {} if at_s is None else {"effective_ns": at_ns(at_s)}
    said = {"instrument": "BTC/USDT", "side": "buy", "price": "100", "amount": "1", "wallet": "spot"}
    return {"native_id": native_id, **timed, **said, **more}


def versions(book: Book, kind: str) -> list[tuple[int, int, int, bytes]]:
    """Every version of the rows of a kind: number, unsettled, vanished, content."""
    query = (
        "SELECT r.version, r.unsettled, r.vanished, r.content FROM record r JOIN word w ON w.id = r.kind"
        " WHERE w.text = ? ORDER BY r.identity, r.version"
    )
    return [tuple(row) for row in book._store.engine.all(query, (kind,))]


def balance(asset: str, total: str, **more: Any) -> Wire:
    return {"wallet": "spot", "asset": asset, "total": total, **more}


def position(size: str, **more: Any) -> Wire:
    return {"wallet": "futures", "instrument": "BTC/USD:USD", "side": "both", "size": size, **more}


def totals(book: Book, **more: Any) -> dict[str, str]:
    states = book.latest_states("balance", ACCOUNT, **more)
    return {each.asset: str(each.total) for each in states if isinstance(each, Balance)}


def spans(book: Book, stream: str, **more: Any) -> list[tuple[float, float, str, str]]:
    tiles = book.coverage(ACCOUNT, stream, since_ns=at_ns(0), until_ns=at_ns(100), **more)
    return [((tile.since_ns - at_ns(0)) / SECOND_NS, (tile.until_ns - at_ns(0)) / SECOND_NS, tile.status, tile.cause)
            for tile in tiles]  # fmt: skip
