"""A reader of ALP.COM's frames as strict as the exchange's own Python client, written from what that client refuses: a
frame that would end its receive loop, or that it would skip with a log, raises `Refused` here.

It imports nothing of the project.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal
from typing import Any

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
PAIR = re.compile(r"[A-Z0-9]+_[A-Z0-9]+")


class Refused(AssertionError):
    pass


def need(holds: bool, says: str) -> None:
    if not holds:
        raise Refused(says)


def text(value: Any) -> str:
    need(type(value) is str, f"{value!r} is no string")
    return value


def amount(value: Any) -> Decimal:
    need(NUMBER.fullmatch(text(value)) is not None, f"{value!r} is no amount")
    return Decimal(value)


def amount_or_null(value: Any) -> Decimal | None:
    return None if value is None else amount(value)


def whole(value: Any) -> int:
    need(type(value) is int, f"{value!r} is no integer")
    return value


def moment(value: Any) -> Any:
    need(type(value) in (int, Decimal), f"{value!r} is no time")
    return value


def pair(value: Any) -> str:
    need(PAIR.fullmatch(text(value)) is not None, f"{value!r} is no pair")
    return value


def one_of(value: Any, *words: str) -> str:
    need(text(value) in words, f"{value!r} is none of {words}")
    return value


def levels(value: Any) -> list[tuple[Decimal, Decimal]]:
    need(type(value) is list, "levels are a list")
    need(all(type(level) is list and len(level) == 2 for level in value), "a level has a price and a quantity")
    return [(amount(price), amount(quantity)) for price, quantity in value]


TYPES = ("MARKET", "LIMIT", "STOP_LIMIT", "STOP_MARKET")
STATUSES = (
    "UNDEFINED", "PENDING", "OPEN", "CANCELLED", "PARTIAL_CANCELLED", "PARTIAL_FILLED", "FILLED", "EXPIRED", "FAILED"
)  # fmt: skip
WALLETS = ("SPOT", "CROSS_MARGIN", "ISOLATED_MARGIN", "FUNDING")


class StrictClient:
    """What it was told: ``wallets`` and ``orders`` as last heard, ``trades``, ``books`` folded from differences,
    ``depths``, ``tickers``, ``rates`` as last heard. ``heard``: frames by type. ``answers``: what it sends back."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()
        self.answers: list[str] = []
        self.errors: list[str] = []
        self.wallets: dict[tuple[str, str, str], tuple[Decimal, Decimal]] = {}
        self.orders: dict[int, dict[str, Any]] = {}
        self.trades: dict[int, tuple[str, Decimal, Decimal, str]] = {}
        self.books: dict[str, tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]] = {}
        self.depths: dict[str, dict[str, Any]] = {}
        self.tickers: dict[str, list[Decimal]] = {}
        self.rates: dict[tuple[str, str], Decimal] = {}

    def receive(self, message: str) -> None:
        if message == "1":
            self.heard["1"] += 1
            self.answers.append("2")
            return
        frame = json.loads(message, parse_float=Decimal)
        need(type(frame) is list, "a frame is an array")
        need(len(frame) > 2, "a frame of two or fewer elements is ignored")
        kind, at, *rest = frame
        moment(at)
        self.heard[kind] += 1
        handler = getattr(self, f"on_{kind}", None)
        need(handler is not None, f"{kind!r} is ignored")
        handler(*rest)  # as the client does: one element more or one less is a TypeError

    def on_welcome(self, interval: Any, timeout: Any, name: Any) -> None:
        need(whole(interval) > 10**9 and whole(timeout) > 10**9, "nanoseconds")
        text(name)

    def on_error(self, message: Any) -> None:
        self.errors.append(text(message))

    def on_subscribe(self, *topics: Any) -> None:
        need(all(text(topic) for topic in topics), "topics are named")

    def on_unsubscribe(self, *topics: Any) -> None:
        self.on_subscribe(*topics)

    def on_tk(self, *rows: Any) -> None:
        for row in rows:
            need(type(row) is list and len(row) == 9, "a ticker has nine elements")
            self.tickers[pair(row[0])] = [amount(each) for each in row[1:]]

    def on_t(self, number: Any, symbol: Any, quantity: Any, price: Any, direction: Any) -> None:
        need(whole(number) not in self.trades, "a trade is told once")
        self.trades[number] = (pair(symbol), amount(quantity), amount(price), one_of(direction, "buy", "sell"))

    def on_r(self, rows: Any) -> None:
        need(type(rows) is list and bool(rows), "rates are a list")
        for row in rows:
            need(type(row) is list and len(row) == 3, "a rate has three elements")
            self.rates[(text(row[1]), text(row[2]))] = amount(row[0])

    def on_d(self, symbol: Any, sides: Any) -> None:
        need(type(sides) is list and len(sides) == 2, "asks and bids")
        for book, changes in zip(self.books[pair(symbol)], sides, strict=True):
            for price, change in levels(changes):
                book[price] = book.get(price, Decimal(0)) + change
                need(book[price] >= 0, "a level below nothing")
                if not book[price]:
                    del book[price]

    def on_p(self, depth: Any) -> None:
        need(type(depth) is dict and set(depth) == {"Asks", "Bids", "Symbol", "TotalAsks", "TotalBids"}, "a depth")
        asks, bids = levels(depth["Asks"]), levels(depth["Bids"])
        need(asks == sorted(asks) and bids == sorted(bids, reverse=True), "best first")
        totals = amount(depth["TotalAsks"]), amount(depth["TotalBids"])
        self.depths[pair(depth["Symbol"])] = {"asks": asks, "bids": bids, "totals": totals}

    def on_w(self, code: Any, wallet_type: Any, symbol: Any, balance: Any, reserve: Any) -> None:
        kind = one_of(wallet_type, *WALLETS)
        need(symbol in (None, "") or kind == "ISOLATED_MARGIN", "only an isolated wallet has a pair")
        need(kind != "ISOLATED_MARGIN" or pair(symbol) == symbol, "an isolated wallet has a pair")
        self.wallets[(text(code), kind, symbol or "")] = amount(balance), amount(reserve)

    def on_o(
        self, order_id: Any, symbol: Any, side: Any, order_type: Any, base_amount: Any, limit_price: Any,
        amount_unfilled: Any, amount_filled: Any, amount_cancelled: Any, value_filled: Any, price_avg: Any,
        done_at: Any, status: Any, quote_amount: Any, wallet_type: Any, stop_price: Any, stop_operator: Any,
    ) -> None:  # fmt: skip
        self.orders[whole(order_id)] = {
            "symbol": pair(symbol),
            "side": one_of(side, "BID", "ASK"),
            "type": one_of(order_type, *TYPES),
            "amount": amount(base_amount),
            "price": amount(limit_price),
            "unfilled": amount(amount_unfilled),
            "filled": amount(amount_filled),
            "canceled": amount(amount_cancelled),
            "value": amount(value_filled),
            "average": amount_or_null(price_avg),
            "done_at": None if done_at is None else moment(done_at),
            "status": one_of(status, *STATUSES),
            "quote_amount": amount_or_null(quote_amount),
            "wallet": one_of(wallet_type, *WALLETS),
            "stop_price": amount_or_null(stop_price),
            "stop_operator": one_of(stop_operator, "", "GTE", "LTE"),
        }
