"""The wire of the toy exchange (``toy.py``): what its frames mean, how one signs in, what is subscribed to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from nostro.domain.fact import Balance, Fact
from nostro.domain.records import Fill, Order, Position
from nostro.errors import Undecodable
from nostro.exchanges import exchange
from nostro.link.declare import Exchange, Signing, Stream
from nostro.link.frames import Acknowledged, Challenged, Complaint, Feed, Meaning, News, Unread, Welcome

TOPICS = ("balances", "positions", "orders", "fills")
GIVES = {"balance": "balances", "position": "positions", "order": "orders", "fill": "fills"}
ASSETS = ("BTC", "ETH", "USD", "EUR")
CONTRACTS = ("BTC/USD:USD", "ETH/USD:USD")
SETTLE_S = 10


class Key(msgspec.Struct, frozen=True):
    key: str = "the-key-of-this-account"
    secret: str = "the-secret/of-this-account"
    extra: Mapping[str, str] = MappingProxyType({"sub_account_id": "1234567890123"})


# ── the wire ─────────────────────────────────────────────────────────────────────────────────────────────────────


def fact_of(row: list[Any]) -> Fact:
    kind, *rest = row
    if kind == "balance":
        asset, total, used, at_ns = rest
        total, used = Decimal(total), Decimal(used)
        return Balance(wallet="spot", asset=asset, total=total, used=used, free=total - used, effective_ns=at_ns)
    if kind == "position":
        contract, size, mark = rest
        return Position(
            instrument=contract, side="both", size=Decimal(size), entry_price=Decimal(100), mark_price=Decimal(mark),
            unrealized_pnl=Decimal(size) * (Decimal(mark) - 100),
        )  # fmt: skip
    if kind == "order":
        number, amount, filled, at_ns, updated_ns = rest
        amount, filled = Decimal(amount), Decimal(filled)
        status = "filled" if filled == amount else "partially_filled" if filled else "open"
        return Order(
            native_id=number, instrument="BTC/USD", side="buy", type="limit", status=status, amount=amount,
            filled=filled, remaining=amount - filled, price=Decimal(7), effective_ns=at_ns, updated_ns=updated_ns,
        )  # fmt: skip
    if kind == "end":
        number, status = rest
        return Order(native_id=number, instrument="", side="", type="", status=status)
    number, order, amount, at_ns = rest
    return Fill(
        native_id=number, order_id=order, instrument="BTC/USD", side="buy", price=Decimal(7), amount=Decimal(amount),
        effective_ns=at_ns,
    )  # fmt: skip


def read(body: bytes) -> Meaning:
    try:
        said = json.loads(body)
    except ValueError:
        raise Undecodable("it is no JSON") from None
    match said:
        case ["hello"]:
            return Welcome()
        case ["challenge", text]:
            return Challenged(text)
        case ["subscribed", *topics]:
            return Acknowledged("subscribe", tuple(topics))
        case ["refused", about, text]:
            return Complaint(text, about)
        case ["news", series, number, begins, whole, rows]:
            return News(tuple(map(fact_of, rows)), series, number, begins, tuple(whole))
        case _:
            return Unread("what is this")


def prove(text: str, _: Signing) -> Mapping[str, str]:
    return {"proof": text[::-1]}


def headers(signing: Signing) -> Mapping[str, str]:
    return {"Session": signing.token} if signing.token else {}


def feed(**changed: Any) -> Feed:
    given: dict[str, Any] = {
        "url": "wss://live.example/ws", "paths": ("/ws",), "topics": (), "private": tuple(GIVES),
        "topic": lambda name, of: name,
        "ask": lambda action, topics, proof: [json.dumps([action, *topics, dict(proof)])],
        "sign_in": lambda signing: json.dumps(["auth", signing.token or "key"]), "read": read,
        "serve": None, "headers": headers, "ping_every_s": 30, "watched": lambda facts: TOPICS,
        "stream": lambda fact: GIVES[fact.kind],
        "states": ("balances", "positions"),
    }  # fmt: skip
    return Feed(**(given | changed))


STREAMS = (
    Stream(name="orders", kind="order", settle_s=SETTLE_S, terminal=frozenset({"filled", "canceled"})),
    Stream(name="fills", kind="fill", settle_s=SETTLE_S),
)


def toy_exchange(feed: Feed | None) -> Exchange:
    """ALP.COM with another feed and other histories: what else an exchange has is not asked for here."""
    asks = tuple(
        msgspec.structs.replace(ask, stream=each, position=None)
        for each in STREAMS
        for ask in exchange("alp").asks
        if ask.stream is not None and ask.stream.name == each.name
    )
    return msgspec.structs.replace(exchange("alp"), feed=feed, asks=asks)
