"""What is told of an account while it is watched: facts, and how far they can be trusted. It decides the words; who
says them stands in ``live.py``, who keeps what was said in ``collect/live.py``.

Every event names its account and is made at ``at_ns``, our clock. An `Update` is provisional: its bytes are not stored
yet; a `Stored` says up to which number they are, where somebody keeps a book.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from nostro.domain.records import Fact

Via = Literal["feed", "rest"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """``account``: whose. ``at_ns``: when it was learned."""

    account: str
    at_ns: int


class Update(Event, frozen=True, kw_only=True):
    """A fact that is new, or says something new. ``number``: counts the updates of an account from 1, without a gap.
    ``stream``: the history or state that it belongs to. ``via``: a frame told it, or an answer to a question.
    ``provisional``: not stored, when this was said."""

    number: int
    stream: str
    fact: Fact
    via: Via
    provisional: bool = True


class Stored(Event, frozen=True, kw_only=True):
    """The updates up to ``through`` are in the book: their bytes are on page ``page`` or before it."""

    through: int
    page: int


class GapOpened(Event, frozen=True, kw_only=True):
    """From ``since_ns`` on nobody told what happened. ``why``: in words."""

    since_ns: int
    why: str


class GapClosed(Event, frozen=True, kw_only=True):
    """What happened in [since_ns, until_ns) was asked for and is known, as far as the exchange has histories of it:
    ``rows`` facts that were new. ``unknown``: the states of which nobody knows what they were in between."""

    since_ns: int
    until_ns: int
    rows: int
    unknown: tuple[str, ...] = ()


class Stale(Event, frozen=True, kw_only=True):
    """What is shown is what was so at ``since_ns``; it may be otherwise by now. ``why``: in words."""

    since_ns: int
    why: str


class Resumed(Event, frozen=True, kw_only=True):
    """What is shown is fresh again."""


class Unreadable(Event, frozen=True, kw_only=True):
    """A frame that breaks the protocol, or that no reader of ours knows; its bytes are kept, and ``frame`` is their
    beginning."""

    why: str
    frame: bytes


class Dropped(Event, frozen=True, kw_only=True):
    """Who listens was too slow: so many updates after number ``after`` were not handed to him. They are kept."""

    after: int
    count: int


class Ended(Event, frozen=True, kw_only=True):
    """The account is not watched any more, and trying again would not help: a key is refused. ``why``: in words."""

    why: str


class Deadline(Event, frozen=True, kw_only=True):
    """History that was never read is forgotten by the exchange from ``deadline_ns`` on."""

    stream: str
    since_ns: int
    deadline_ns: int


AnyEvent = Update | Stored | GapOpened | GapClosed | Stale | Resumed | Unreadable | Dropped | Ended | Deadline
