"""The declaration of a feed: what flows over one live connection, and what its frames mean to both sides. It decides
the words between a wire's frames (``exchanges/*/feed.py``) and those who carry them: the client's state machine
(``feed.py``) and the paper exchange's sessions (``paper/feeds.py``). It knows no exchange and holds no socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from nostro import limits
from nostro.domain.records import Amounts, Fact

if TYPE_CHECKING:
    from nostro.link.declare import Signing
    from nostro.link.http import HttpRequest
    from nostro.link.view import Changes, VenueView

Action = Literal["subscribe", "unsubscribe"]
About = Literal["", "sign_in", "subscribe", "unsubscribe"]
ALL: Final = "*"


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A channel that one subscribes to, as the wire calls it. ``of``: what there is one of it for; ``all``: one topic
    holds them all. ``gives``: the kind of fact or value that its frames are read into. ``private``: only who is signed
    in may ask for it. ``numbered``: its frames are counted one by one, so that one that is missing is noticed."""

    name: str
    of: Literal["instrument", "asset", "account"]
    all: bool
    gives: str
    private: bool = False
    numbered: bool = False


class Arrival(msgspec.Struct, frozen=True):
    """What came over a connection: a frame of ``text`` or ``binary``, or a sign of life below the frames (``ping``, and
    the answer to ours)."""

    body: bytes
    kind: Literal["text", "binary", "ping"] = "text"


# ── what a frame means ───────────────────────────────────────────────────────────────────────────────────────────


class Welcome(msgspec.Struct, frozen=True):
    """The connection is made. The server pings after each interval, and hangs up where no answer comes in time; None
    where it does not ping."""

    ping_interval_ns: int | None = None
    ping_timeout_ns: int | None = None
    client: str = ""


class Ping(msgspec.Struct, frozen=True):
    """``answer`` is to be sent back."""

    answer: str


class Challenged(msgspec.Struct, frozen=True):
    """What the sign-in asked for: ``text`` is to be signed, and holds for this connection."""

    text: str


class Acknowledged(msgspec.Struct, frozen=True):
    action: Action
    topics: tuple[str, ...]


class Complaint(msgspec.Struct, frozen=True):
    """The server refused something. ``about``: what, as far as it can be known."""

    message: str
    about: About = ""


class BookChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """By how much the amounts at some prices of an order book changed: levels of (price, signed change), price in quote
    per base, change in base units; a level whose amounts sum to 0 is gone. ``absolute``: not the changes, but what
    is there now."""

    instrument: str
    effective_ns: int
    bids: Amounts
    asks: Amounts
    absolute: bool = False


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """One ``base`` is worth ``rate`` of ``quote``; an instrument of the two need not exist."""

    base: str
    quote: str
    effective_ns: int
    rate: Decimal


class News(msgspec.Struct, frozen=True):
    """What the frame tells, in its order; facts are unstamped. ``series``: what its ``number`` counts, one by one ("":
    the wire numbers nothing), by the name of the topic; ``begins``: what came before in the series does not matter,
    this frame holds it all. ``whole``: streams of ours (`Feed.stream`) of which it names all that there is."""

    items: tuple[Fact | BookChange | Rate, ...]
    series: str = ""
    number: int = 0
    begins: bool = False
    whole: tuple[str, ...] = ()


class Unread(msgspec.Struct, frozen=True):
    """A frame of a type that the declaration does not know; it is kept, and says nothing."""

    type: str


Meaning = Welcome | Ping | Challenged | Acknowledged | Complaint | News | Unread


@lru_cache(maxsize=limits.FRAMES_REMEMBERED)
def _meaning(read: Callable[[bytes], Meaning], body: bytes) -> Meaning:
    return read(body)


def meaning_of(feed: Feed, body: bytes) -> Meaning:
    """What a frame means, by the feed's declaration, and raising what that raises. A small frame is read once: when it
    is kept, what it means is still known."""
    return _meaning(feed.read, body) if len(body) <= limits.FRAME_REMEMBERED_BYTES else feed.read(body)


# ── the server's side ────────────────────────────────────────────────────────────────────────────────────────────


class Caller:
    """One connection as the server's words see it. ``topics``: subscribed to. ``user``: signed in, None before;
    ``key``: the key that did it, "" for none that may read; ``ends_ns``: when what it signed in with is over, None for
    never. ``heard_ns``: when it last sent anything, pings too. ``unanswered_ns``: when the first ping was sent that has
    no answer yet, None where all have."""

    __slots__ = ("client", "ends_ns", "heard_ns", "key", "topics", "unanswered_ns", "user")

    def __init__(self, client: str, now_ns: int) -> None:
        self.client = client
        self.topics: set[str] = set()
        self.user: int | None = None
        self.key = ""
        self.ends_ns: int | None = None
        self.heard_ns = now_ns
        self.unanswered_ns: int | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A frame and who hears it: the caller of that name, the callers signed in as ``user``, or those who subscribed to
    any of ``topics``."""

    text: str
    client: str = ""
    user: int | None = None
    topics: frozenset[str] = frozenset()


class FeedServer(Protocol):
    """The server's words of a feed over one venue. It never raises for what a client sent: it answers. Where frames are
    numbered for each subscription, it keeps its callers from `opened` to `closed`.

    ``ping``: the frame that is sent each interval and is to be answered in time, "" where the server never pings.
    ``silence_ns``: who sends nothing for so long, not even a ping, is disconnected; None: nobody is."""

    ping: str
    ping_interval_ns: int
    ping_timeout_ns: int
    silence_ns: int | None

    def opened(self, caller: Caller, request: HttpRequest, /) -> list[str]:
        """The first frames of a connection that this request opens; it may sign the caller in."""
        ...

    def closed(self, caller: Caller) -> None:
        """The connection has ended."""
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

    def restart(self, caller: Caller) -> bool:
        """Lets the numbers of all that the caller hears begin again, though nothing else does, as where a gateway is
        started anew; whether there are any."""
        ...


# ── the declaration ──────────────────────────────────────────────────────────────────────────────────────────────


def no_headers(_: Signing) -> Mapping[str, str]:
    """Of a wire that signs in after the connection is made, or not at all."""
    return {}


def no_sub_account(_: Sequence[Fact]) -> str:
    """Of a wire that has none, or whose frames name it."""
    return ""


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A live connection of a wire. ``url``: the live one. ``paths``: all at which the paper exchange serves it, the
    one that it names first. ``private``: kinds of facts that only who is signed in hears: those of private topics, and
    those that flow without a subscription.

    The client's side: ``topic(name, instrument, asset or account)`` is a topic's text; ``headers(signing)`` are those
    of the upgrade; ``sign_in(signing)`` is the message that signs in, "" where the headers do; where a challenge
    answers it, ``prove(text, signing)`` gives the members that private requests carry from then on.
    ``ask(action, topics, proof)`` are the messages that ask for topics, with these members: one, or one for each topic.
    ``read(body)`` says what a frame means (raises `Undecodable` or ValueError). ``ping_every_s``: so often the client
    must show that it is there, by pings below the frames, None where the server's own pings are answered. The server's
    side: ``serve(view)``.

    What is kept of an account: ``watched(facts)`` are the topics that together tell everything of it (none where
    signing in is enough), from the facts of the capability ``needs`` ("" for none), of a key of one sub-account from
    that one's alone; ``own(facts)`` is the sub-account that facts of frames are of which name none ("" where all that
    have one name it). ``stream(fact)`` is the history or the state (an ask's name) that a fact of a frame belongs to,
    "" where it is not kept; ``states`` are the names of those that are states."""

    url: str
    paths: tuple[str, ...]
    topics: tuple[Topic, ...]
    private: tuple[str, ...]
    topic: Callable[[str, str], str]
    ask: Callable[[Action, Sequence[str], Mapping[str, str]], list[str]]
    sign_in: Callable[[Signing], str]
    read: Callable[[bytes], Meaning]
    serve: Callable[[VenueView], FeedServer]
    headers: Callable[[Signing], Mapping[str, str]] = no_headers
    prove: Callable[[str, Signing], Mapping[str, str]] | None = None
    ping_every_s: int | None = None
    watched: Callable[[Sequence[Fact]], Sequence[str]]
    stream: Callable[[Fact], str]
    states: tuple[str, ...]
    needs: str = ""
    own: Callable[[Sequence[Fact]], str] = no_sub_account
