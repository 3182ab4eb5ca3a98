"""The declaration: an exchange is a value. It decides how routes, questions, answers and histories are described;
it knows no exchange and holds no socket.

Both sides share the `Route`s. The client side adds `Ask`s (how a capability is asked, and how its answer is read
into facts), the server side `Serve`s (how the paper venue answers a route). The client, the paper server, the
capability table, the documentation page and the conformance tests all read one `Exchange`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol
from urllib.parse import urlsplit

import msgspec

from nostro.domain.records import Fact
from nostro.errors import NostroError
from nostro.link.frames import Feed
from nostro.link.http import HttpRequest

if TYPE_CHECKING:
    from nostro.link.view import Login, VenueView

Status = Literal["proven", "open", "unavailable"]
Cause = Literal["", "retention", "forbidden", "unsupported", "no_history", "saturated", "error"]
Grant = Literal["trade", "margin", "transfer", "withdraw"]

READS: Final = (
    "currencies", "instruments", "ticker", "order_book", "candles", "public_trades", "server_time", "balances",
    "orders", "order", "open_orders", "fills", "entries", "transfers", "fees", "deposit_methods", "withdraw_methods",
    "sub_accounts", "loans", "borrows", "repayments", "interest", "liquidations", "margin", "positions",
    "closed_positions", "position_events", "funding_payments", "snapshots", "leverage",
)  # fmt: skip
WRITES: Final[Mapping[str, Grant]] = {
    "place": "trade", "edit": "trade", "cancel": "trade", "cancel_all": "trade", "close_position": "trade",
    "set_leverage": "trade", "set_margin_mode": "trade", "borrow": "margin", "repay": "margin", "transfer": "transfer",
    "withdraw": "withdraw",
}  # fmt: skip


class Query(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question in our words. ``since_ns`` inclusive, ``until_ns`` exclusive, None where the question has no bound;
    of a stream, the bounds as its route takes them (`Stream.since`, `Stream.until`). ``position``: where to go on (a
    cursor, an offset, a page number, an id), as text. ``where``: all other conditions (``instrument``, ``asset``,
    ``side``, ``order_id``, ``interval_s``, ...)."""

    since_ns: int | None = None
    until_ns: int | None = None
    limit: int | None = None
    position: str | None = None
    where: dict[str, str] = {}


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """What a page says of its stream, or of ``stream``: the half-open interval [since_ns, until_ns) has this status,
    for this cause. Of a state (balances, positions) the interval is one of our clock: it was seen without a gap."""

    status: Status
    since_ns: int
    until_ns: int
    cause: Cause = ""
    stream: str = ""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The raw bytes of one answer, as received, and what was asked.

    ``capability`` and ``stream`` name the `Ask`; ``route`` the route; ``request`` the request line and body as sent,
    without credentials. ``status`` is the HTTP status; of a refusal that came as a success (`Exchange.refused`) the
    one that means it, and the header ``status`` says how it came. ``takes``: the half-open range of times whose rows
    are this page's, None for all; without native ids it is the range of which the page holds every row, or, where a
    claim leaves it open, all that could be had (rows outside it are another page's). ``claims``: what this page
    completes. A ``secret`` page's body is never stored: its hash and length are."""

    exchange: str
    dialect: str
    capability: str
    stream: str
    route: str
    request: str
    query: Query
    sent_ns: int
    received_ns: int
    status: int
    headers: dict[str, str]
    body: bytes
    takes: tuple[int, int] | None = None
    claims: tuple[Claim, ...] = ()
    secret: bool = False


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One method and path of the wire, and its messages.

    ``path``: relative to the base URL of its ``host`` ("": the exchange's own, else a name of `Exchange.hosts`);
    ``{name}`` stands for one part of it that is a member of the request.
    ``request``: the struct of what is asked, its members spelled as on the wire, wherever in a request they travel.
    ``answer``: any type that msgspec decodes. ``auth``: none, token, or signed. ``permission``: what the key must
    be allowed. ``writes``: it changes something, and is never repeated blindly. ``secret``: its answer is. ``unread``:
    why no ask of ours reads it, "" where one does."""

    name: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    answer: Any
    host: str = ""
    request: type[msgspec.Struct] | None = None
    auth: Literal["none", "token", "signed"] = "none"
    permission: str = ""
    writes: bool = False
    secret: bool = False
    aliases: tuple[str, ...] = ()
    unread: str = ""


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """How a history is paged, and what makes a row the same row.

    ``name``: what coverage calls it. ``kind``: of its facts. ``window_s``: the longest interval that one request may
    span, None for any. ``default_window_s``: what the exchange takes where a bound is absent. ``retention_s``: how
    far back the exchange remembers, None for ever. ``page_size``: rows of one answer at the most, None where the
    route has no limit. ``newest``: the route answers only its newest so many rows and takes no bounds. ``order``: of
    rows in an answer. ``since`` and ``until``: how the route takes that bound: absent, inclusive or exclusive (an
    inclusive until takes in its whole multiple of ``precision_ns``; where it does not, exclusive is the word).
    ``position``: how one goes on within a window: not at all (none: a shorter answer than ``page_size`` is whole), by
    the bounds themselves (time: a full answer holds what comes first in ``order``), by offset, page, cursor or the id
    after which to go on. ``position_first``: the position of the first page. ``empty_ends``: whether an empty page
    ends a window that is paged by a position that the answer names. ``precision_ns``: the bounds are cut to whole
    multiples of it. ``splits``: sub-queries that together make the whole, as (condition, values). ``symbols``: the
    condition by which a saturated instant can be split further ("" where nothing can). ``native_ids``: rows carry ids
    of the exchange. ``identity``: otherwise, the fields whose hash names a row. ``terminal``: statuses after which a
    row no longer changes, empty where rows never change. ``settle_s``: what is younger may still be missing.
    ``changes``: rows are states at ``updated_ns``, and one may come behind a later one of the same row: what is older
    than what is known says nothing. ``overlap_s``: each pass re-reads the last so many seconds. ``unstable``: rows may
    move between pages while one pages, so that a window is swept again until two sweeps agree. ``keyed``: the condition
    of which every question must name one value, because rows do not say it ("" where none is): each value is asked for,
    and together they make the whole. ``timed``: rows have a time; where they have none, each lies somewhere in the
    window that was asked for, so that only windows with both bounds are asked, and their answers are whole."""

    name: str
    kind: str
    window_s: int | None = None
    default_window_s: int | None = None
    retention_s: int | None = None
    page_size: int | None = None
    newest: int | None = None
    order: Literal["ascending", "descending", "any"] = "ascending"
    since: Literal["absent", "inclusive", "exclusive"] = "inclusive"
    until: Literal["absent", "inclusive", "exclusive"] = "exclusive"
    position: Literal["none", "time", "offset", "page", "cursor", "after_id"] = "none"
    position_first: str | None = None
    empty_ends: bool = True
    precision_ns: int = 1
    splits: tuple[tuple[str, tuple[str, ...]], ...] = ()
    symbols: str = ""
    native_ids: bool = True
    identity: tuple[str, ...] = ()
    terminal: frozenset[str] = frozenset()
    settle_s: int = 10
    overlap_s: int = 48 * 3600
    unstable: bool = False
    keyed: str = ""
    timed: bool = True
    changes: bool = False


class Fetched(msgspec.Struct, frozen=True):
    """One answer to a `Query`: the page, its facts in the order of the answer, and where to go on, as it says.
    ``read``: the facts as the ask read them, unstamped."""

    page: Page
    facts: Sequence[Fact]
    position: str | None = None
    read: Sequence[Fact] = ()


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question that the client can ask.

    ``request(query)`` gives the route's request message; ``read(query, answer)`` gives unstamped facts in the order of
    the answer, with ``offset`` set; it raises `ValueError` where the answer says something impossible.
    ``position(answer)`` gives where to go on. ``fallback``: where this is forbidden, another ask's name (its stream or
    capability) and how its facts become ours. ``part``: which part of a state it asks for, where several asks together
    answer a capability that is no history; its name."""

    capability: str
    route: Route
    request: Callable[[Query], msgspec.Struct | None]
    read: Callable[[Query, Any], Iterable[Fact]]
    stream: Stream | None = None
    position: Callable[[Any], str | None] | None = None
    fallback: tuple[str, Callable[[Fact], Fact | None]] | None = None
    part: str = ""

    @property
    def name(self) -> str:
        return self.stream.name if self.stream else self.part or self.capability


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a write may need beside its command: our time, a number of 32 bits that nobody knows before, what signs, and
    the facts of the capability that it `Do.needs`."""

    now_ns: int
    nonce: int
    credentials: Credentials | None
    facts: Sequence[Fact] = ()


class Do(msgspec.Struct, frozen=True, kw_only=True):
    """A write that the client can ask for: ``request(command, given)`` gives the route's message from our words
    (`nostro.link.commands`), ``read(command, answer)`` the facts that the answer acknowledges. ``needs``: a capability
    whose facts are given, "" for none; it is asked once and kept as long as the source lives."""

    capability: str
    route: Route
    request: Callable[[Any, Given], msgspec.Struct]
    read: Callable[[Any, Any], Iterable[Fact]]
    needs: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the server sees it, decoded: who asks (None on public routes) and the route's message."""

    login: Login | None
    message: Any


class Serve(msgspec.Struct, frozen=True, kw_only=True):
    """How the paper exchange answers a route, from the venue's own state and log: a message, `Answered` or
    `WithoutBody`. Raises the exchange's own wire errors through `WireRefusal`. ``lacks``: what of the answer the venue
    cannot know, and why, "" where nothing."""

    route: Route
    answer: Callable[[VenueView, Call], Any]
    lacks: str = ""


class Answered(msgspec.Struct, frozen=True):
    """An answer of a server whose headers say something: a cookie, a cursor."""

    body: Any
    headers: Mapping[str, str]


class WithoutBody(msgspec.Struct, frozen=True):
    """An answer of a server that is a status and no body."""

    status: int = 204


class WireRefusal(Exception):
    """The error answer of a server: HTTP status and body, in the words of the exchange's document."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class Credentials(Protocol):
    """What signs; ``extra`` are the members beyond key and secret that some wires need (`Exchange.members`). Its repr
    shows no secret."""

    @property
    def key(self) -> str: ...

    @property
    def secret(self) -> str: ...

    @property
    def extra(self) -> Mapping[str, str]: ...


class Signing(msgspec.Struct, frozen=True):
    """What a request is signed with: a key, the token of the sign-in ("" before it), our time."""

    credentials: Credentials | None
    token: str
    now_ns: int

    def __repr__(self) -> str:  # the token is a secret
        return f"Signing({self.credentials!r}, now_ns={self.now_ns})"


class Carried(msgspec.Struct, frozen=True):
    """How a message travels: raw query string (without ``?``) and body with its type; "" and nothing where not.
    ``path``: the route's with its members, "" where it has none."""

    path: str = ""
    query: str = ""
    body: bytes = b""
    content_type: str = ""

    def __repr__(self) -> str:  # a sign-in's body is a secret
        return f"Carried({len(self.query)} characters, {len(self.body)} bytes)"


class SignIn(msgspec.Struct, frozen=True):
    """How a token is got: ``request(credentials)`` is the route's message, ``token(answer, headers)`` the token in the
    answer or its headers, and when it ends, ns; it raises ValueError where there is none."""

    route: Route
    request: Callable[[Credentials], msgspec.Struct]
    token: Callable[[Any, Mapping[str, str]], tuple[str, int]]


class Auth(Protocol):
    """How one exchange signs and verifies; `sign` stands next to `verify` in ``exchanges/*/auth.py``. ``sign_in``: None
    where every request is signed by itself."""

    sign_in: SignIn | None

    def sign(self, route: Route, request: HttpRequest, signing: Signing) -> HttpRequest:
        """The request as it is sent: members, headers or a signature added. Raises `errors.BadValue` for a key that
        cannot sign."""
        ...

    def verify(self, route: Route, request: HttpRequest, view: VenueView) -> Login | None:
        """Who signed exactly this request, None on public routes. Raises `WireRefusal`."""
        ...


def never_refused(_: bytes) -> bool:
    """Of a wire whose refusals have a status of their own."""
    return False


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One wire in one dialect, whole.

    ``opened_ns``: before it nothing can have happened there (``opened_source`` says why). ``reader``: raised
    whenever reading the same bytes gives other facts. ``document``: the reference that the dialect follows. ``url``:
    the live base URL, "" where there is none any more; ``hosts``: further ones, by name; ``test_mode``: what stands in
    for them where nothing real may happen. ``members``: what its credentials consist of; key and secret are needed
    where they are named, the rest only for what cannot be done without it. ``unsupported``: streams that
    other dialects have and this one lacks. ``amounts``: whether the wire prints amounts exactly (text) or as doubles.
    ``look_s``: between two readings of the ends of all histories, so that its budget lasts for as long as an account is
    followed; 0 where nothing is known of one.
    ``booked``: what the ledger's own words for an entry's type mean, where they are not ours (``book/postings.py`` has
    those).

    The client's side: ``encode_request`` says how a message travels, ``decode`` reads a route's answer (raises
    `Undecodable`), ``refused(body)`` whether an answer of status 2xx is a refusal, ``errors(status, headers, body)`` is
    our error for an answer that is none. The server's side: ``decode_request`` reads a request (raises `WireRefusal`),
    ``encode_answer`` writes an answer, ``refusal(status, message)`` is one that no serve words, in the wire's own form
    (its status too). ``feed``: the wire's live connection, both sides, None where it has none that is declared."""

    id: str
    name: str
    dialect: str
    reader: int
    url: str
    opened_ns: int
    opened_source: str
    document: str
    routes: tuple[Route, ...]
    asks: tuple[Ask, ...]
    dos: tuple[Do, ...]
    serves: tuple[Serve, ...]
    auth: Auth
    errors: Callable[[int, Mapping[str, str], bytes], NostroError]
    decode: Callable[[Route, bytes], Any]
    encode_request: Callable[[Route, msgspec.Struct | None], Carried]
    decode_request: Callable[[Route, HttpRequest], Any]
    encode_answer: Callable[[Any], bytes]
    refusal: Callable[[int, str], WireRefusal]
    refused: Callable[[bytes], bool] = never_refused
    hosts: Mapping[str, str] = MappingProxyType({})
    members: tuple[str, ...] = ("key", "secret")
    test_mode: str = "paper"
    amounts: Literal["text", "double"] = "text"
    unsupported: tuple[str, ...] = ()
    look_s: int = 0
    booked: Mapping[str, str] = MappingProxyType({})
    feed: Feed | None = None

    @property
    def capabilities(self) -> frozenset[str]:
        """What can be asked or done here, composed ones included."""
        direct = {ask.capability for ask in self.asks} | {do.capability for do in self.dos}
        if "orders" in direct:
            direct |= {"order", "open_orders"}
        return frozenset(direct)

    def url_of(self, host: str, url: str) -> str:
        """The base URL of a host for an account that is opened at ``url``: elsewhere than live, all hosts are there."""
        if not host:
            return url
        own = self.hosts[host]
        if url.rstrip("/") == self.url.rstrip("/"):
            return own
        there = urlsplit(url)
        return f"{there.scheme}://{there.netloc}{urlsplit(own).path}"

    def asks_for(self, capability: str) -> tuple[Ask, ...]:
        """The asks that together answer a capability, in the order declared; empty where it has none."""
        return tuple(ask for ask in self.asks if ask.capability == capability)

    def ask(self, name: str) -> Ask | None:
        """The ask of that stream or capability."""
        return next((ask for ask in self.asks if ask.name == name), None)

    def do(self, capability: str) -> Do | None:
        """The write of that capability."""
        return next((do for do in self.dos if do.capability == capability), None)

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The histories that make the book."""
        return tuple(ask.stream for ask in self.asks if ask.stream is not None)

    def stream(self, name: str) -> Stream | None:
        """The history of that name."""
        return next((stream for stream in self.streams if stream.name == name), None)

    def read(self, page: Page) -> list[Fact]:
        """The unstamped facts of a stored page, as its ask reads them: a pure function of the page. Empty for an error
        page. Raises `Undecodable` or ValueError where the bytes are not what the route answers with."""
        ask = self.ask(page.stream)
        if ask is None or page.status != 200:
            return []
        return taken(page, ask.read(page.query, self.decode(ask.route, page.body)))


def taken(page: Page, facts: Iterable[Fact]) -> list[Fact]:
    """Those facts of a page that are its own."""
    if page.takes is None:
        return list(facts)
    since_ns, until_ns = page.takes
    return [fact for fact in facts if since_ns <= (fact.effective_ns or 0) < until_ns]
