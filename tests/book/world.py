"""A small exchange for the book's tests: four streams and a state in plain JSON, a truth that can be edited, and a
sweep that pages it. It stands for any exchange; nothing of it knows the book's tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from nostro import errors
from nostro.book.book import Book, Lease
from nostro.domain.records import Balance, Entry, Fact, Fill, Interest, Order
from nostro.domain.values import SECOND_NS, decimal
from nostro.link.declare import Ask, Claim, Exchange, Page, Query, Route, Stream

if TYPE_CHECKING:
    from nostro.book.store import Place

T0 = 1_700_000_000 * SECOND_NS
ACCOUNT = "main"
FILL_FIELDS = ("instrument", "side", "price", "amount", "fee")

FILLS_BARE = Stream(name="fills", kind="fill", native_ids=False, identity=FILL_FIELDS, overlap_s=3600)
FILLS_NAMED = Stream(name="fills", kind="fill", overlap_s=3600)
ORDERS = Stream(name="orders", kind="order", terminal=frozenset({"filled", "canceled"}))
ENTRIES = Stream(name="entries", kind="entry")
INTEREST = Stream(name="interest", kind="interest")

Wire = dict[str, Any]


def read_fills(query: Query, answer: list[Wire]) -> Iterator[Fact]:
    for offset, row in enumerate(answer):
        yield Fill(
            offset=offset, native_id=row.get("id"), effective_ns=row["t"], instrument=row["symbol"], side=row["side"],
            price=decimal(row["price"]), amount=decimal(row["amount"]), maker=row.get("maker"), wallet="spot",
            fee=decimal(row["fee"]) if "fee" in row else None, order_id=row.get("order"),
        )  # fmt: skip


def read_orders(query: Query, answer: list[Wire]) -> Iterator[Fact]:
    for offset, row in enumerate(answer):
        yield Order(
            offset=offset, native_id=row["id"], effective_ns=row["t"], instrument=row["symbol"], side="buy",
            type="limit", status=row["status"], amount=Decimal(1),
        )  # fmt: skip


def read_entries(query: Query, answer: list[Wire]) -> Iterator[Fact]:
    for offset, row in enumerate(answer):
        yield Entry(
            offset=offset, native_id=row["id"], effective_ns=row["t"], wallet="spot", asset=row["asset"],
            type=row.get("type", "trade"), amount=decimal(row["amount"]),
        )  # fmt: skip


def read_balances(query: Query, answer: list[Wire]) -> Iterator[Fact]:
    for offset, row in enumerate(answer):
        yield Balance(offset=offset, wallet="spot", asset=row["asset"], total=decimal(row["total"]))


def read_interest(query: Query, answer: list[Wire]) -> Iterator[Fact]:
    """The wire gives no time: only the window that was asked for is known."""
    for offset, row in enumerate(answer):
        yield Interest(
            offset=offset, native_id=row["id"], effective_ns=query.since_ns, until_ns=query.until_ns,
            wallet="cross_margin", asset="USDT", accrued=decimal(row["accrued"]), borrow_id=row.get("borrow"),
        )  # fmt: skip


READERS = {
    "fills": read_fills, "orders": read_orders, "entries": read_entries, "balances": read_balances,
    "interest": read_interest,
}  # fmt: skip


def _ask(name: str, stream: Stream | None) -> Ask:
    route = Route(name=name, method="GET", path=name, answer=list[dict[str, Any]])
    return Ask(capability=name, route=route, request=lambda query: None, read=READERS[name], stream=stream)


def decode(route: Route, body: bytes) -> Any:
    try:
        return msgspec.json.decode(body, type=route.answer)
    except msgspec.DecodeError as error:
        raise errors.Undecodable(str(error)) from error


def exchange(id: str = "small", dialect: str = "bare", *, reader: int = 1) -> Exchange:  # noqa: A002
    """``bare``: fills have no ids. ``named``: they do."""
    fills = FILLS_BARE if dialect == "bare" else FILLS_NAMED
    asks = (_ask("fills", fills), _ask("orders", ORDERS), _ask("entries", ENTRIES), _ask("interest", INTEREST),
            _ask("balances", None))  # fmt: skip
    nothing: Any = None
    return Exchange(
        id=id, name="Small", dialect=dialect, reader=reader, url="", opened_ns=T0, opened_source="", document="",
        routes=tuple(ask.route for ask in asks), asks=asks, dos=(), serves=(), auth=nothing,
        errors=nothing, decode=decode, encode_request=nothing, decode_request=nothing, encode_answer=nothing,
        refusal=nothing,
    )  # fmt: skip


class Clock:
    """Time that a test moves."""

    def __init__(self, now_ns: int = T0) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        self.now_ns += 1_000
        return self.now_ns


def page(
    stream: str, rows: Iterable[Wire] | bytes, *, received_ns: int, dialect: str = "bare", since_ns: int | None = None,
    until_ns: int | None = None, claims: tuple[Claim, ...] = (), takes: tuple[int, int] | None = None,
    where: dict[str, str] | None = None, status: int = 200,
) -> Page:  # fmt: skip
    body = rows if isinstance(rows, bytes) else json.dumps(list(rows)).encode()
    return Page(
        exchange="small", dialect=dialect, capability=stream, stream=stream, route=stream, request=f"GET {stream}",
        query=Query(since_ns=since_ns, until_ns=until_ns, where=where or {}), sent_ns=received_ns,
        received_ns=received_ns, status=status, headers={"date": "now"}, body=body, takes=takes, claims=claims,
    )  # fmt: skip


def sweep(
    stream: str, truth: Iterable[Wire], *, since_ns: int, until_ns: int, received_ns: int, rows: int = 3,
    dialect: str = "bare",
) -> list[Page]:  # fmt: skip
    """All rows of [since_ns, until_ns) in pages of whole timestamps; the last page claims the interval."""
    inside = sorted((row for row in truth if since_ns <= row["t"] < until_ns), key=lambda row: row["t"])
    pages: list[Page] = []
    at_ns = since_ns
    while True:
        taken = inside[:rows]
        while len(taken) < len(inside) and taken and inside[len(taken)]["t"] == taken[-1]["t"]:
            taken = inside[: len(taken) + 1]
        inside = inside[len(taken) :]
        end_ns = taken[-1]["t"] + 1 if inside else until_ns
        claims = () if inside else (Claim("proven", since_ns, until_ns),)
        takes = (at_ns, end_ns) if stream == "fills" and dialect == "bare" else None
        pages.append(
            page(
                stream, taken, received_ns=received_ns, dialect=dialect, since_ns=at_ns, until_ns=until_ns,
                claims=claims, takes=takes,
            )
        )  # fmt: skip
        at_ns = end_ns
        if not inside:
            return pages


def place(path: Path) -> Place:
    """Where the book of that path is: the fixture ``engine`` puts another function here."""
    return path


@contextmanager
def open_book(path: Path, *, clock: Clock | None = None, **options: Any) -> Iterator[Book]:
    """A book with one account, in that file or where the test's server has it; created where there is none."""
    where = place(path)
    new = not path.exists()
    if where != path:
        path.touch()
    registry = options.pop("registry", exchange)
    with Book.open(where, create=new, now_ns=clock or Clock(), registry=registry, **options) as book:
        if new:
            book.add_account(ACCOUNT, "small", dialect="bare", since_ns=T0)
        yield book


def held(book: Book) -> Lease:
    return book.acquire(ACCOUNT, "tests")


def fill(at_s: float, *, amount: str = "1", price: str = "100", side: str = "buy", **more: Any) -> Wire:
    time_ns = T0 + int(at_s * SECOND_NS)
    return {"t": time_ns, "symbol": "BTC/USDT", "side": side, "price": price, "amount": amount, **more}


def entry(at_s: float, native_id: str, amount: str, *, asset: str = "BTC") -> Wire:
    return {"t": T0 + int(at_s * SECOND_NS), "id": native_id, "asset": asset, "amount": amount}


def interest(at_s: float, native_id: str, accrued: str = "1") -> Wire:
    return {"t": T0 + int(at_s * SECOND_NS), "id": native_id, "accrued": accrued}


def order(at_s: float, native_id: str, status: str) -> Wire:
    return {"t": T0 + int(at_s * SECOND_NS), "id": native_id, "symbol": "BTC/USDT", "status": status}


def contents(facts: Iterable[Fact]) -> list[tuple[Any, ...]]:
    """Facts as they are told apart by a person, sorted."""
    return sorted(
        (str(fact.effective_ns), fact.native_id or "", *(str(getattr(fact, name, "")) for name in (
            "asset", "instrument", "side", "price", "amount", "fee", "status", "total"
        )))
        for fact in facts
    )  # fmt: skip
