"""What ALP.COM's WebSocket answers and tells: from a client's messages to what they ask for, and from the venue's
changes to who hears which frame. What a frame says stands in ``feed_written.py``; connections, pings and queues are
``paper/feeds.py``'s.

*Ours*, because no document says it:

- a request that names one topic that does not exist is refused whole; a token that is refused changes nothing, and one
  that was taken holds until it ends, and the connection with it, unless another was given before;
- an order's frame is sent for each change of it, a wallet's as it is after each command that changed it, both to the
  login itself and not to its master, since neither names an account;
- books, tickers and rates are told at most once a beat, where they changed; nothing is told for having subscribed.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from nostro.domain.values import SECOND_NS
from nostro.exchanges.alp import auth, words
from nostro.exchanges.alp import feed_messages as messages
from nostro.exchanges.alp import feed_written as written
from nostro.exchanges.alp.dialects import Dialect
from nostro.exchanges.alp.feed_read import FORBIDDEN, NO_TOPIC, PING, PONG, UNAUTHORIZED
from nostro.exchanges.alp.feed_written import BENCHMARKS, Levels, text
from nostro.exchanges.alp.refusals import unauthorized
from nostro.exchanges.alp.written import seconds
from nostro.link.commands import Side
from nostro.link.declare import WireRefusal
from nostro.link.frames import ALL, Caller, Told, Topic
from nostro.link.http import HttpRequest
from nostro.link.view import Changes, Login, VenueView

PING_INTERVAL_NS: Final = 20 * SECOND_NS  # Source: the document, Ping; its example of a welcome has 30 and 65
PING_TIMEOUT_NS: Final = 30 * SECOND_NS

NO_COMMAND: Final = "Unknown command"
NO_MESSAGE: Final = "A message is a JSON array of texts"


class AlpFeed:
    """`FeedServer` of ALP.COM in one dialect over one venue."""

    ping = PING
    ping_interval_ns = PING_INTERVAL_NS
    ping_timeout_ns = PING_TIMEOUT_NS
    silence_ns: int | None = None

    def __init__(self, view: VenueView, *, dialect: Dialect, topics: tuple[Topic, ...]) -> None:
        self._view = view
        self._dialect = dialect
        self._topics = _texts(view, topics)
        self._moved: set[str] = set()  # instruments whose orders changed since the last beat
        self._traded = False
        self._books: dict[str, tuple[Levels, Levels]] = {}  # asks and bids as last told, of each diff that is heard

    def opened(self, caller: Caller, _: HttpRequest) -> list[str]:
        welcome = messages.Welcome(
            time=seconds(self._view.now_ns()),
            ping_interval=PING_INTERVAL_NS,
            ping_timeout=PING_TIMEOUT_NS,
            client_id=caller.client,
        )
        return [written.message(welcome)]

    def closed(self, caller: Caller) -> None:
        """Nothing is kept of a caller."""

    def restart(self, _: Caller) -> bool:
        """Nothing is numbered."""
        return False

    # ── messages of a client ─────────────────────────────────────────────────────────────────────────────────────

    def receive(self, caller: Caller, message: str | bytes) -> list[str]:
        if message == PONG:
            caller.unanswered_ns = None
            return []
        try:
            command, *arguments = _asked(message)
        except ValueError:
            return [self._error(NO_MESSAGE)]
        if command == "auth":
            return self._sign_in(caller, arguments)
        if command not in ("subscribe", "unsubscribe"):
            return [self._error(NO_COMMAND)]
        if not arguments or not self._topics.issuperset(arguments):
            return [self._error(NO_TOPIC)]
        if command == "unsubscribe":
            caller.topics.difference_update(arguments)
        else:
            caller.topics.update(arguments)
            self._remember(caller.topics)
        return [text(command, self._view.now_ns(), *arguments)]

    def _sign_in(self, caller: Caller, arguments: list[str]) -> list[str]:
        try:
            login = self._login(arguments)
        except WireRefusal:
            return [self._error(UNAUTHORIZED)]
        if "read" not in login.permissions:
            return [self._error(FORBIDDEN)]
        caller.user, caller.key = login.user, login.key
        caller.ends_ns = auth.read_claims(arguments[0]).exp * SECOND_NS
        return []

    def _login(self, arguments: list[str]) -> Login:
        if len(arguments) != 1:
            raise unauthorized("one token is needed")
        return auth.login_by_token(arguments[0], self._view)

    def _error(self, sentence: str) -> str:
        return text("error", self._view.now_ns(), sentence)

    # ── what the venue tells ─────────────────────────────────────────────────────────────────────────────────────

    def changed(self, changes: Changes, users: AbstractSet[int]) -> list[Told]:
        told = []
        for row in changes.trades:
            self._traded = True
            topics = frozenset({f"trade.{ALL}", f"trade.{words.pair(row.instrument)}"})
            told.append(Told(text=written.trade(row), topics=topics))
        for each in changes.orders:
            self._moved.add(each.instrument)
            if each.user in users:
                told.append(Told(text=written.order(self._dialect, each), user=each.user))
        last = {(row.user, row.wallet, row.asset): row for row in changes.entries if row.user in users}
        told += [Told(text=written.wallet(row), user=row.user) for row in last.values()]
        return told

    def market(self, topics: AbstractSet[str]) -> list[Told]:
        moved, traded = sorted(self._moved), self._traded
        self._moved, self._traded = set(), False
        self._books = {symbol: book for symbol, book in self._books.items() if f"diff.{words.pair(symbol)}" in topics}
        told = [*self._tickers(moved, topics), *(self._rates(topics) if traded else ())]
        for symbol in moved:
            told += self._book(symbol, topics)
        return told

    def _tickers(self, moved: list[str], topics: AbstractSet[str]) -> list[Told]:
        named = {symbol: f"ticker.{words.pair(symbol)}" for symbol in moved}
        everything = f"ticker.{ALL}"
        rows = {
            topic: written.ticker_row(self._view.ticker(symbol))
            for symbol, topic in named.items()
            if topic in topics or everything in topics
        }
        now_ns = self._view.now_ns()
        told = [
            Told(text=text("tk", now_ns, row), topics=frozenset({topic}))
            for topic, row in rows.items()
            if topic in topics
        ]
        if rows and everything in topics:
            told.append(Told(text=text("tk", now_ns, *rows.values()), topics=frozenset({everything})))
        return told

    def _rates(self, topics: AbstractSet[str]) -> list[Told]:
        """``rates.X`` are those of X in every benchmark, ``rates.X_Y`` is one."""
        wanted = sorted(topic for topic in topics if topic.startswith("rates."))
        rows = written.rate_rows(written.worths(self._view)) if wanted else []
        told = []
        for topic in wanted:
            name = topic.removeprefix("rates.")
            chosen = [row for row in rows if name in (ALL, row.base, f"{row.base}_{row.quote}")]
            if chosen:
                told.append(Told(text=text("r", self._view.now_ns(), chosen), topics=frozenset({topic})))
        return told

    def _book(self, symbol: str, topics: AbstractSet[str]) -> list[Told]:
        pair = words.pair(symbol)
        depth_topic, diff_topic = f"market_depth.{pair}", f"diff.{pair}"
        if depth_topic not in topics and diff_topic not in topics:
            return []
        now_ns, told = self._view.now_ns(), []
        asks, bids = self._sides(symbol)
        if depth_topic in topics:
            book = messages.Book(
                asks=written.levels(asks),
                bids=written.levels(bids),
                symbol=pair,
                total_asks=written.total(asks),
                total_bids=written.total(bids),
            )
            told.append(Told(text=text("p", now_ns, book), topics=frozenset({depth_topic})))
        if symbol in self._books:
            asks_before, bids_before = self._books[symbol]
            sides = messages.Sides(
                asks=written.differences(asks_before, asks), bids=written.differences(bids_before, bids)
            )
            self._books[symbol] = asks, bids
            if sides.asks or sides.bids:
                told.append(Told(text=text("d", now_ns, pair, sides), topics=frozenset({diff_topic})))
        return told

    def _remember(self, topics: AbstractSet[str]) -> None:
        """The books from which differences count from now on."""
        for each in self._view.instruments():
            if f"diff.{words.pair(each.symbol)}" in topics and each.symbol not in self._books:
                self._books[each.symbol] = self._sides(each.symbol)

    def _sides(self, symbol: str) -> tuple[Levels, Levels]:
        def side(which: Side) -> Levels:
            return dict(self._view.depth(symbol, which, levels=None, grouped=True))

        return side("sell"), side("buy")


def _asked(message: str | bytes) -> list[str]:
    """The texts of a message, one at least. Raises ValueError."""
    try:
        asked = msgspec.json.decode(message, type=list[str])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        asked = []
    if not asked or isinstance(message, bytes):
        raise ValueError("a message is a text, and an array of texts")
    return asked


def _texts(view: VenueView, topics: tuple[Topic, ...]) -> frozenset[str]:
    """Every topic that exists."""
    pairs = [words.pair(each.symbol) for each in view.instruments()]
    assets = [asset.code for asset in view.assets()]
    crosses = [f"{base}_{quote}" for base in assets for quote in BENCHMARKS if quote in assets and quote != base]
    found = set()
    for topic in topics:
        found |= {f"{topic.name}.{each}" for each in (pairs if topic.of == "instrument" else assets + crosses)}
        if topic.all:
            found.add(f"{topic.name}.{ALL}")
    return frozenset(found)
