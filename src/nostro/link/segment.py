"""A segment: the frames of one connection over about a second, kept as one page. It decides how frames become the body
of a page and how they are read back; when a segment ends is decided where frames are gathered (``live.py``).

The body is, frame by frame: a line ``<received_ns> <kind> <length>``, so many bytes as they came, and a line end. Of a
frame that holds one of our own secrets (an echo of what signed us in) only length and SHA-256 are kept (kind
``hidden``). Frames that only keep the connection going (welcome, ping, challenge, acknowledgement) are no account data
and are not kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from nostro.domain.records import Fact
from nostro.errors import WireError
from nostro.link.frames import Feed, News, Unread, meaning_of

if TYPE_CHECKING:
    from nostro.link.declare import Page

FEED: Final = "feed"  # the stream and route of the pages of segments

Kind = Literal["text", "binary", "hidden"]


class Frame(NamedTuple):
    """One frame as it was received, and when (our clock)."""

    received_ns: int
    kind: Kind
    body: bytes


class Reading(NamedTuple):
    """What one frame says of one stream: facts in its order, whose ``offset`` counts through the whole page.
    ``whole``: it names all that there is in that stream; what it leaves out is gone. ``received_ns``: when it came;
    where facts are not ``timed`` they have no other time."""

    stream: str
    facts: tuple[Fact, ...]
    whole: bool
    received_ns: int = 0
    timed: bool = True


def encode(frames: Iterable[Frame]) -> bytes:
    """The body of the page of these frames."""
    return b"".join(b"%d %s %d\n%s\n" % (each[0], each[1].encode(), len(each[2]), each[2]) for each in frames)


def frames(body: bytes) -> Iterator[Frame]:
    """The frames of a body. Raises ValueError where it is none."""
    at = 0
    while at < len(body):
        end = body.index(b"\n", at)
        received, kind, length = body[at:end].split(b" ")
        begin, at = end + 1, end + 2 + int(length)
        if at > len(body) or body[at - 1 : at] != b"\n" or kind not in (b"text", b"binary", b"hidden"):
            raise ValueError("the frames of a segment do not fit its length")
        yield Frame(int(received), kind.decode(), body[begin : at - 1])  # type: ignore[arg-type]


def hidden(frame: Frame) -> Frame:
    """The frame without what it said."""
    digest = hashlib.sha256(frame.body).hexdigest()
    return Frame(frame.received_ns, "hidden", b"%d %s" % (len(frame.body), digest.encode()))


def read(feed: Feed, page: Page, *, unread: list[str] | None = None) -> Iterator[Reading]:
    """What the frames of a page say, in their order. A frame that cannot be read says nothing: its bytes are here, and
    why is added to ``unread``. Facts that name no sub-account are of the one that the page's query names (`Feed.own`).
    Raises ValueError where the body is none of frames."""
    offset, own = 0, page.query.where.get("sub_account", "")
    for frame in frames(page.body):
        for reading in read_frame(feed, frame, own=own, unread=unread):
            facts = tuple(msgspec.structs.replace(each, offset=offset + n) for n, each in enumerate(reading.facts))
            offset += len(facts)
            yield reading._replace(facts=facts)


def read_frame(feed: Feed, frame: Frame, *, own: str = "", unread: list[str] | None = None) -> list[Reading]:
    """What one frame says, nothing where it cannot be read: why is added to ``unread``. ``own``: as `readings` takes
    it."""
    why = ""
    if frame.kind == "binary":
        why = "a frame is binary where text is due"
    elif frame.kind == "text":
        try:
            said = meaning_of(feed, frame.body)
        except (WireError, ValueError) as error:
            why = str(error)
        else:
            if isinstance(said, News):
                return readings(feed, said, received_ns=frame.received_ns, own=own)
            if isinstance(said, Unread):
                why = f"a frame is of the type {said.type[:40]!r}, which nostro does not know"
    if why and unread is not None:
        unread.append(why)
    return []


def readings(feed: Feed, news: News, *, received_ns: int, own: str = "") -> list[Reading]:
    """The facts of a frame by the streams that they belong to, in the order in which each is named first; facts without
    a time of their own have that of the arrival, and those without a sub-account are of ``own``."""
    found: dict[str, list[Fact]] = {stream: [] for stream in news.whole}
    timed = True
    for item in news.items:
        if isinstance(item, Fact) and (stream := feed.stream(item)):
            timed = timed and item.effective_ns is not None
            found.setdefault(stream, []).append(_placed(item, received_ns=received_ns, own=own))
    whole = news.whole
    return [Reading(stream, tuple(facts), stream in whole, received_ns, timed) for stream, facts in found.items()]


def _placed(fact: Fact, *, received_ns: int, own: str) -> Fact:
    """The fact with a time and whose it is."""
    if fact.effective_ns is not None and (fact.sub_account or not own):
        return fact
    effective_ns = received_ns if fact.effective_ns is None else fact.effective_ns
    return msgspec.structs.replace(fact, effective_ns=effective_ns, sub_account=fact.sub_account or own)
