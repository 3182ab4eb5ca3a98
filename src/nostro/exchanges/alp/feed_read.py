"""From ALP.COM's frames to what they mean, one function per type. It decides what each element says; it takes every
form of every dialect. Its twin is ``feed_serve.py``.

A frame names no account: what it tells is the login's own. An order's time of placing is not in it either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Raw

from nostro import errors
from nostro.domain import records
from nostro.domain.values import Malformed, decimal, token
from nostro.exchanges.alp import feed_messages as messages
from nostro.exchanges.alp import members, words
from nostro.link import frames
from nostro.link.frames import Acknowledged, Complaint, Meaning, News, Ping, Unread

PING: Final = "1"
PONG: Final = "2"
UNAUTHORIZED: Final = "Unauthorized"
FORBIDDEN: Final = "Forbidden"
NO_TOPIC: Final = "Topic does not exist"  # Source: API reference of 2023, Topic Subscription

MILLISECOND_NS: Final = 1_000_000
_ACTIONS: Final[Mapping[str, frames.Action]] = {"subscribe": "subscribe", "unsubscribe": "unsubscribe"}
_ABOUT: Final[Mapping[str, frames.About]] = {**_ACTIONS, "auth": "sign_in"}
# Where no command is named. `NO_TOPIC` may answer either of the two that name topics.
_ABOUT_WORDS: Final[Mapping[str, frames.About]] = {UNAUTHORIZED: "sign_in", FORBIDDEN: "sign_in"}


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def read(body: bytes) -> Meaning:
    """What a frame means. Raises `Undecodable` where it has not the elements of its type, ValueError where one of them
    says something impossible."""
    if body == PING.encode():
        return Ping(answer=PONG)
    try:
        parts: list[Raw] = _decoder(list[Raw]).decode(body)
        kind = _decoder(str).decode(parts[0]) if parts else ""
        reader = _READERS.get(kind)
        exactly = _EXACTLY.get(kind, len(parts))
        if len(parts) != exactly:
            raise errors.Undecodable(
                f"ALP.COM feed: {kind!r} has {exactly} elements, and here {len(parts)}", hint="its bytes are kept",
                exchange="alp",
            )  # fmt: skip
        return Unread(kind) if reader is None else reader(body, parts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        sentence = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise errors.Undecodable(f"ALP.COM feed: {sentence}", hint="its bytes are kept", exchange="alp") from None


def _welcome(body: bytes, _: Sequence[Raw]) -> frames.Welcome:
    """The document gives nanoseconds; in 2026 the exchange sent 20000 and 30000, which can only be milliseconds. Less
    than 10^6 is taken for these (*ours*: a ping each millisecond is none's)."""
    said: messages.Welcome = _decoder(messages.Welcome).decode(body)
    interval_ns, timeout_ns = (
        each * MILLISECOND_NS if each < MILLISECOND_NS else each for each in (said.ping_interval, said.ping_timeout)
    )
    if interval_ns <= 0 or timeout_ns <= 0:
        raise Malformed("welcome", (said.ping_interval, said.ping_timeout), "a positive interval and timeout")
    return frames.Welcome(ping_interval_ns=interval_ns, ping_timeout_ns=timeout_ns, client=said.client_id)


def _error(body: bytes, _: Sequence[Raw]) -> Complaint:
    """Two elements behind the type (2023), or a third that names the command (as sent in 2026)."""
    said: messages.Error = _decoder(messages.Error).decode(body)
    return Complaint(message=said.message, about=_ABOUT.get(said.about) or _ABOUT_WORDS.get(said.message, ""))


def _acknowledged(body: bytes, parts: Sequence[Raw]) -> Acknowledged:
    action = _decoder(str).decode(parts[0])
    topics = tuple(_decoder(str).decode(part) for part in parts[2:])
    if not topics:
        raise errors.Undecodable(f"ALP.COM feed: {body[:40]!r} acknowledges no topic", exchange="alp")
    return Acknowledged(action=_ACTIONS[action], topics=topics)


# ── public ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _tickers(_: bytes, parts: Sequence[Raw]) -> News | Unread:
    if len(parts) < 3:
        return Unread("tk")
    time_ns = members.moment(parts[1], "tk.time")
    return News(tuple(_ticker(number, part, time_ns=time_ns) for number, part in enumerate(parts[2:])))


def _ticker(offset: int, part: Raw, *, time_ns: int) -> records.Ticker:
    """The change is a ratio here, and absolute in the fact: it stands in ``extra``."""
    row: messages.TickerRow = _decoder(messages.TickerRow).decode(part)
    return records.Ticker(
        offset=offset,
        effective_ns=time_ns,
        instrument=words.instrument(row.symbol),
        last=decimal(row.close, "close") or None,
        bid=decimal(row.bid, "bid") or None,
        ask=decimal(row.ask, "ask") or None,
        high=decimal(row.high, "high") or None,
        low=decimal(row.low, "low") or None,
        volume=decimal(row.base_vol, "base_vol"),
        extra=members.extra(quote_vol=row.quote_vol, change_percent=row.change) | _beyond(part, 9),
    )


def _trade(body: bytes, _: Sequence[Raw]) -> News:
    row: messages.Trade = _decoder(messages.Trade).decode(body)
    trade = records.PublicTrade(
        native_id=str(row.trade_id),
        effective_ns=members.moment(row.time, "t.time"),
        instrument=words.instrument(row.pair),
        side=token(words.SIDES, row.direction),
        price=decimal(row.price, "price"),
        amount=decimal(row.amount, "amount"),
        extra=_beyond(body, 7),
    )
    return News((trade,))


def _rates(body: bytes, _: Sequence[Raw]) -> News:
    said: messages.Rates = _decoder(messages.Rates).decode(body)
    time_ns = members.moment(said.time, "r.time")
    return News(
        tuple(
            frames.Rate(base=row.base, quote=row.quote, effective_ns=time_ns, rate=decimal(row.rate, "rate"))
            for row in said.rates
        )
    )


def _diff(body: bytes, _: Sequence[Raw]) -> News:
    said: messages.Diff = _decoder(messages.Diff).decode(body)
    change = frames.BookChange(
        instrument=words.instrument(said.symbol),
        effective_ns=members.moment(said.time, "d.time"),
        bids=_levels(said.sides.bids, "bids"),
        asks=_levels(said.sides.asks, "asks"),
    )
    return News((change,))


def _depth(body: bytes, _: Sequence[Raw]) -> News:
    said: messages.Depth = _decoder(messages.Depth).decode(body)
    book = records.OrderBook(
        effective_ns=members.moment(said.time, "p.time"),
        instrument=words.instrument(said.book.symbol),
        bids=_levels(said.book.bids, "Bids"),
        asks=_levels(said.book.asks, "Asks"),
        extra=members.extra(TotalAsks=said.book.total_asks, TotalBids=said.book.total_bids),
    )
    return News((book,))


def _levels(levels: list[messages.Level], side: str) -> records.Amounts:
    return tuple((decimal(row.price, f"{side}.price"), decimal(row.quantity, f"{side}.quantity")) for row in levels)


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────


def _wallet(body: bytes, _: Sequence[Raw]) -> News:
    row: messages.Wallet = _decoder(messages.Wallet).decode(body)
    total, used = decimal(row.balance, "balance"), decimal(row.reserve, "reserve")
    time_ns = members.moment(row.time, "w.time")
    balance = records.Balance(
        wallet=words.wallet(row.wallet_type, row.symbol),
        effective_ns=time_ns,
        asset=row.code,
        total=total,
        used=used,
        free=members.less(total, used),
        updated_ns=time_ns,
    )
    return News((balance,))


def _order(body: bytes, _: Sequence[Raw]) -> News:
    """Of an order funded in quote units the amounts are not known before it is done. ``amount_unfilled`` may or may not
    include what was canceled: what remains is computed, as it is where orders are asked for."""
    row: messages.Order = _decoder(messages.Order).decode(body)
    amount, filled = decimal(row.base_amount, "base_amount"), decimal(row.amount_filled, "amount_filled")
    canceled = decimal(row.amount_cancelled, "amount_cancelled")
    quote_amount = decimal(row.quote_amount, "quote_amount") if row.quote_amount else None
    status = token(words.ORDER_STATUSES, row.status)
    known = bool(amount) or not quote_amount or status in words.ORDERS_END
    order = records.Order(
        native_id=str(row.order_id),
        wallet=words.wallet(row.wallet_type, row.symbol),
        instrument=words.instrument(row.symbol),
        side=token(words.SIDES, row.side),
        type=token(words.TYPES, row.order_type),
        status=status,
        amount=amount if known else None,
        filled=filled if known else None,
        canceled=canceled if known else None,
        remaining=members.less(amount, filled, canceled) if known else None,
        quote_amount=quote_amount or None,
        price=decimal(row.limit_price, "limit_price") or None,
        stop_price=decimal(row.stop_price, "stop_price") or None if row.stop_price else None,
        stop_operator=token(words.STOP_OPERATORS, row.stop_operator) if row.stop_operator else None,
        updated_ns=members.moment(row.time, "o.time"),
        done_ns=None if bytes(row.done_at) == b"null" else members.moment(row.done_at, "done_at"),
        extra=members.extra(
            amount_unfilled=row.amount_unfilled, value_filled=row.value_filled, price_avg=row.price_avg
        ),
    )
    return News((order,))


def _beyond(array: bytes | Raw, known: int) -> dict[str, str]:
    """The elements behind those that are known, by their place, as text."""
    parts: list[Raw] = _decoder(list[Raw]).decode(array)
    return dict(_numbered(parts, known))


def _numbered(parts: Sequence[Raw], first: int) -> Iterator[tuple[str, str]]:
    for number, part in enumerate(parts[first:], first):
        yield str(number), bytes(part).decode().strip('"')


# By position, as the exchange's client takes them: no element more, and none less.
_EXACTLY: Final = {"w": len(messages.Wallet.__struct_fields__) + 1, "o": len(messages.Order.__struct_fields__) + 1}
_READERS: Final[Mapping[str, Callable[[bytes, Sequence[Raw]], Meaning]]] = {
    "welcome": _welcome, "error": _error, "subscribe": _acknowledged, "unsubscribe": _acknowledged,
    "tk": _tickers, "t": _trade, "r": _rates, "d": _diff, "p": _depth, "w": _wallet, "o": _order,
}  # fmt: skip
