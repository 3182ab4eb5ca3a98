"""The declaration of a feed: what flows over one live connection, and what its frames mean to both sides. It decides
the words between a wire's frames (``exchanges/*/feed.py``) and those who carry them: the client's state machine
(``feed.py``) and the paper exchange's sessions (``paper/feeds.py``). It knows no exchange and holds no socket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from nostro.domain.records import Amounts, Fact

if TYPE_CHECKING:
    from nostro.link.view import Changes, VenueView

Action = Literal["subscribe", "unsubscribe"]
About = Literal["", "sign_in", "subscribe", "unsubscribe"]
ALL: Final = "*"


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A public channel, as the wire calls it. ``of``: what there is one of it for; ``all``: one topic holds them all.
    ``gives``: the kind of fact or value that its frames are read into."""

    name: str
    of: Literal["instrument", "asset"]
    all: bool
    gives: str


class Arrival(msgspec.Struct, frozen=True):
    """What came over a connection: a frame of ``text`` or ``binary``, or a sign of life below the frames (``ping``)."""

    body: bytes
    kind: Literal["text", "binary", "ping"] = "text"


# ── what a frame means ───────────────────────────────────────────────────────────────────────────────────────────


class Welcome(msgspec.Struct, frozen=True):
    """The connection is made. The server pings after each interval, and hangs up where no answer comes in time."""

    ping_interval_ns: int
    ping_timeout_ns: int
    client: str


class Ping(msgspec.Struct, frozen=True):
    """``answer`` is to be sent back."""

    answer: str


class Acknowledged(msgspec.Struct, frozen=True):
    action: Action
    topics: tuple[str, ...]


class Complaint(msgspec.Struct, frozen=True):
    """The server refused something. ``about``: what, as far as it can be known."""

    message: str
    about: About = ""


class BookChange(msgspec.Struct, frozen=True, kw_only=True):
    """By how much the amounts at some prices of an order book changed: levels of (price, signed change), price in quote
    per base, change in base units; a level whose amounts sum to 0 is gone."""

    instrument: str
    effective_ns: int
    bids: Amounts
    asks: Amounts


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """One ``base`` is worth ``rate`` of ``quote``; an instrument of the two need not exist."""

    base: str
    quote: str
    effective_ns: int
    rate: Decimal


class News(msgspec.Struct, frozen=True):
    """What the frame tells, in its order; facts are unstamped."""

    items: tuple[Fact | BookChange | Rate, ...]


class Unread(msgspec.Struct, frozen=True):
    """A frame of a type that the declaration does not know; it is kept, and says nothing."""

    type: str


Meaning = Welcome | Ping | Acknowledged | Complaint | News | Unread


# ── the server's side ────────────────────────────────────────────────────────────────────────────────────────────


class Caller:
    """One connection as the server's words see it. ``topics``: subscribed to. ``user``: signed in, None before.
    ``unanswered_ns``: when the first ping was sent that has no answer yet, None where all have."""

    __slots__ = ("client", "topics", "unanswered_ns", "user")

    def __init__(self, client: str) -> None:
        self.client = client
        self.topics: set[str] = set()
        self.user: int | None = None
        self.unanswered_ns: int | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A frame and who hears it: the callers signed in as ``user``, or those who subscribed to any of ``topics``."""

    text: str
    user: int | None = None
    topics: frozenset[str] = frozenset()


class FeedServer(Protocol):
    """The server's words of a feed over one venue. It never raises for what a client sent: it answers."""

    ping: str
    ping_interval_ns: int
    ping_timeout_ns: int

    def welcome(self, client: str) -> str:
        """The first frame of a connection."""
        ...

    def receive(self, caller: Caller, message: str | bytes) -> list[str]:
        """The frames that answer a message (text, or the bytes of a binary one); ``caller`` changes as it says."""
        ...

    def changed(self, changes: Changes, users: AbstractSet[int]) -> list[Told]:
        """What is told at once after a command of the venue; ``users``: those who are signed in."""
        ...

    def market(self, topics: AbstractSet[str]) -> list[Told]:
        """What changed in the markets since it was asked last, for all ``topics`` that anyone subscribed to."""
        ...


# ── the declaration ──────────────────────────────────────────────────────────────────────────────────────────────


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A live connection of a wire. ``url``: the live one. ``paths``: all at which the paper exchange serves it, the
    one that it names first. ``private``: kinds of facts that flow after the sign-in, without a subscription.

    The client's side: ``topic(name, instrument or asset)`` is a topic's text, ``ask(action, topics)`` and
    ``sign_in(token)`` are messages to the server, ``read(body)`` says what a frame means (raises `Undecodable` or
    ValueError). The server's side: ``serve(view)``."""

    url: str
    paths: tuple[str, ...]
    topics: tuple[Topic, ...]
    private: tuple[str, ...]
    topic: Callable[[str, str], str]
    ask: Callable[[Action, Sequence[str]], str]
    sign_in: Callable[[str], str]
    read: Callable[[bytes], Meaning]
    serve: Callable[[VenueView], FeedServer]
