"""What Kraken Futures' WebSocket answers and tells: from a client's messages to what they ask for, and from the
venue's changes to who hears which frame. What a frame says stands in ``feed_account.py`` and ``feed_market.py``;
connections and queues are ``paper/feeds.py``'s.

*Ours*, because no document says it:

- a challenge is given to whoever names a key, and the newest of a connection is the one that counts;
- where a signature is refused, the alert comes first and then ``subscribed_failed``; what is not subscribed is
  ``unsubscribed_failed``; asking for a feed again begins it anew, with its snapshot and its numbers, after the alert;
- a key that is gone, or may not read any more, ends the connection;
- what an order, a fill or an entry changes is told at once; what marks alone change, at most once a beat;
- in frames of balances a section that changed is whole, and the others are left out: both readings of a section that
  are known (only what is named changed, and what is not named is gone) then come to the same.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from nostro.domain.values import ABSENT, SECOND_NS
from nostro.exchanges.kraken_futures import feed_market, written
from nostro.exchanges.kraken_futures import feed_messages as messages
from nostro.exchanges.kraken_futures.auth import signed
from nostro.exchanges.kraken_futures.feed_private import PRIVATE, Subscription
from nostro.exchanges.kraken_futures.feed_read import (
    ALREADY,
    AUTHENTICATION,
    INVALID_FEED,
    INVALID_PRODUCT,
    JSON_ERROR,
    UNSUBSCRIBE_AUTHENTICATION,
)
from nostro.link.frames import Caller, Told
from nostro.link.http import HttpRequest
from nostro.link.view import Changes, Login, VenueInstrument, VenueView

SILENCE_NS: Final = 60 * SECOND_NS  # Source: the documents: a client sends something at least every 60 s
HEARTBEAT: Final = "heartbeat"
HEARTBEAT_NS: Final = SECOND_NS
MARKETS: Final = ("ticker", "ticker_lite", "trade", "book")
ECHOED: Final = "account_balances_and_margins"  # whose acknowledgement repeats what was signed. Source: its page


def text(frame: msgspec.Struct) -> str:
    return msgspec.json.encode(frame).decode()


class _Known:
    """A connection: its challenge, and the private feeds that it hears."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.challenge = ""
        self.feeds: dict[str, Subscription] = {}


class KrakenFeed:
    """`FeedServer` of Kraken Futures over one venue."""

    ping = ""
    ping_interval_ns = 0
    ping_timeout_ns = 0
    silence_ns: int | None = SILENCE_NS

    def __init__(self, view: VenueView) -> None:
        self._view = view
        self._products = {written.symbol(each): each for each in view.instruments() if each.settle}
        self._symbols = {each.symbol: each for each in self._products.values()}
        self._known: dict[str, _Known] = {}
        self._asked = 0
        self._moved: set[str] = set()  # symbols whose books may have changed since the last beat
        self._tickers: dict[str, bytes] = {}
        self._touched: set[int] = set()
        self._books = feed_market.Books(view)
        self._beat_ns = 0

    def opened(self, caller: Caller, _: HttpRequest, /) -> list[str]:
        self._known[caller.client] = _Known(caller)
        return [text(messages.Event(event="info", version=1))]

    def closed(self, caller: Caller) -> None:
        self._known.pop(caller.client, None)

    def restart(self, caller: Caller) -> bool:
        """The next frame of each has the number 1; where one was told, it would have had that anyway."""
        counted = [each.restart() for each in self._known[caller.client].feeds.values()]
        return any(counted)

    # ── messages of a client ─────────────────────────────────────────────────────────────────────────────────────

    def receive(self, caller: Caller, message: str | bytes) -> list[str]:
        try:
            asked = msgspec.json.decode(message, type=messages.Request)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return [_error(JSON_ERROR)]
        known = self._known[caller.client]
        if isinstance(message, bytes) or asked.event not in ("challenge", "subscribe", "unsubscribe"):
            return [_error(JSON_ERROR)]
        if asked.event == "challenge":
            return [self._challenge(known)] if asked.api_key else [_error(JSON_ERROR)]
        products = list(dict.fromkeys(asked.product_ids)) if isinstance(asked.product_ids, list) else []
        if asked.feed not in (*PRIVATE, *MARKETS, HEARTBEAT):
            return [_error(INVALID_FEED)]
        if not self._products.keys() >= set(products) or (asked.feed in MARKETS and not products):
            return [_error(INVALID_PRODUCT)]
        if asked.feed in PRIVATE:
            return list(self._private(known, asked))
        topics = [f"{asked.feed}:{each}" for each in products] or [HEARTBEAT]
        return list(self._public(caller, asked, topics))

    def _challenge(self, known: _Known) -> str:
        """A UUID that nobody else has, and that a venue that is run again gives again."""
        self._asked += 1
        said = f"challenge {known.caller.client} {self._view.now_ns()} {self._asked}".encode()
        digest = hmac.new(self._view.sign_tokens_with(), said, hashlib.sha256).digest()
        known.challenge = str(UUID(bytes=digest[:16], version=4))
        return text(messages.Event(event="challenge", message=known.challenge))

    def _public(self, caller: Caller, asked: messages.Request, topics: list[str]) -> Iterator[str]:
        if asked.event == "unsubscribe":
            there = caller.topics.issuperset(topics)
            caller.topics.difference_update(topics)
            yield text(_acknowledged(asked, "unsubscribed" if there else "unsubscribed_failed"))
            return
        if not caller.topics.isdisjoint(topics):
            yield _alert(ALREADY)
        if not caller.topics.issuperset(topics):
            yield text(_acknowledged(asked, "subscribed"))
        caller.topics.update(topics)
        for topic in topics:
            feed, _, product = topic.partition(":")
            yield from (text(frame) for frame in self._first(feed, product))

    def _first(self, feed: str, product: str) -> Iterator[msgspec.Struct]:
        instrument = self._products.get(product)
        if instrument is None:
            yield messages.Heartbeat(feed=HEARTBEAT, time=written.milliseconds(self._view.now_ns()))
        elif feed == "trade":
            yield feed_market.trades(self._view, instrument)
        elif feed == "book":
            yield self._books.snapshot(instrument)
        else:
            yield self._ticker(feed, product, instrument)

    def _private(self, known: _Known, asked: messages.Request) -> Iterator[str]:
        subscribes = asked.event == "subscribe"
        login = self._login(known, asked)
        if login is None:
            yield _alert(AUTHENTICATION if subscribes else UNSUBSCRIBE_AUTHENTICATION)
            yield text(_acknowledged(asked, f"{asked.event}d_failed"))
            return
        if not subscribes:
            there = known.feeds.pop(asked.feed, None) is not None
            yield text(_acknowledged(asked, "unsubscribed" if there else "unsubscribed_failed"))
            return
        yield _alert(ALREADY) if asked.feed in known.feeds else text(_acknowledged(asked, "subscribed"))
        known.caller.user, known.caller.key = login.user, login.key
        products = list(dict.fromkeys(asked.product_ids)) if isinstance(asked.product_ids, list) else []
        symbols = frozenset(self._products[each].symbol for each in products) or frozenset(self._symbols)
        known.feeds[asked.feed] = begun = Subscription(self._view, asked.feed, user=login.user, symbols=symbols)
        yield from (text(frame) for frame in begun.snapshot())

    def _login(self, known: _Known, asked: messages.Request) -> Login | None:
        """Who signed the challenge of this connection, and may read."""
        login = self._view.login_by_key(asked.api_key)
        expected = signed(login.secret if login else "", known.challenge.encode())  # the same work for an unknown key
        fits = hmac.compare_digest(asked.signed_challenge.encode("utf-8", "replace"), expected.encode())
        own = known.challenge and asked.original_challenge == known.challenge
        return login if login is not None and fits and own and "read" in login.permissions else None

    # ── what the venue tells ─────────────────────────────────────────────────────────────────────────────────────

    def changed(self, changes: Changes, _: AbstractSet[int]) -> list[Told]:
        told = [
            Told(text=text(feed_market.trade(row, "trade")), topics=frozenset({f"trade:{product}"}))
            for row in changes.trades
            if (product := self._product(row.instrument))
        ]
        self._moved |= {row.instrument for row in changes.orders} | {row.instrument for row in changes.trades}
        if any(known.feeds for known in self._known.values()):
            own = {row.user for rows in (changes.orders, changes.fills, changes.entries) for row in rows}
            self._touched |= set(changes.touched) - own
            told += self._told(own, changes)
        return told

    def _told(self, users: AbstractSet[int], changes: Changes | None) -> Iterator[Told]:
        """What those who hear these users' accounts are told; without ``changes``, of states alone."""
        for known in list(self._known.values()):
            for subscription in known.feeds.values():
                if subscription.user in users:
                    for frame in subscription.news(changes):
                        yield Told(text=text(frame), client=known.caller.client)

    def market(self, topics: AbstractSet[str]) -> list[Told]:
        touched, self._touched = self._touched, set()
        told = list(self._told(touched, None)) if touched else []
        moved, self._moved = self._moved, set()
        for product, instrument in self._products.items():
            told += self._market(product, instrument, topics, moved=instrument.symbol in moved)
        now_ns = self._view.now_ns()
        if HEARTBEAT in topics and now_ns - self._beat_ns >= HEARTBEAT_NS:
            self._beat_ns = now_ns
            frame = messages.Heartbeat(feed=HEARTBEAT, time=written.milliseconds(now_ns))
            told.append(Told(text=text(frame), topics=frozenset({HEARTBEAT})))
        return told

    def _market(
        self, product: str, instrument: VenueInstrument, topics: AbstractSet[str], *, moved: bool
    ) -> Iterator[Told]:  # fmt: skip
        if f"book:{product}" not in topics:
            self._books.forget(instrument)
        elif moved:
            yield from _heard(self._books.changes(instrument), f"book:{product}")
        for feed in ("ticker", "ticker_lite"):
            topic = f"{feed}:{product}"
            if topic not in topics:
                self._tickers.pop(topic, None)
                continue
            before = self._tickers.get(topic)
            frame = self._ticker(feed, product, instrument)
            if self._tickers[topic] != before:
                yield from _heard([frame], topic)

    def _ticker(self, feed: str, product: str, instrument: VenueInstrument) -> messages.Ticker:
        """The ticker as it is now, remembered as told: whoever heard it before was told what changed just now."""
        frame = feed_market.ticker(self._view, instrument, feed=feed)
        content = msgspec.json.encode(msgspec.structs.replace(frame, time=ABSENT))
        self._tickers[f"{feed}:{product}"] = content
        return frame

    def _product(self, symbol: str) -> str:
        instrument = self._symbols.get(symbol)
        return "" if instrument is None else written.symbol(instrument)


def _heard(frames: Iterable[msgspec.Struct], topic: str) -> Iterator[Told]:
    return (Told(text=text(frame), topics=frozenset({topic})) for frame in frames)


def _error(message: str) -> str:
    return text(messages.Event(event="error", message=message))


def _alert(message: str) -> str:
    return text(messages.Event(event="alert", message=message))


def _acknowledged(asked: messages.Request, event: str) -> messages.Event:
    products: list[str] | UnsetType | None = asked.product_ids if isinstance(asked.product_ids, list) else UNSET
    if asked.feed != ECHOED:
        return messages.Event(event=event, feed=asked.feed, product_ids=products)
    return messages.Event(
        event=event, feed=asked.feed, product_ids=products, api_key=asked.api_key,
        original_challenge=asked.original_challenge, signed_challenge=asked.signed_challenge,
    )  # fmt: skip
