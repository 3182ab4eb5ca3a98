"""Frames on their way into the book: which of them are kept, when the segment that they make is whole, and until when
they show that a state was seen without a gap. It decides what a page of frames claims (``docs/live.md`` 1, 2, 9); who
reads the frames stands in ``line.py``, who stores the page is whoever listens (``live.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from nostro import limits
from nostro.domain.values import SECOND_NS
from nostro.link import segment
from nostro.link.declare import Claim, Exchange, Page, Query, Signing
from nostro.link.feed import Heard
from nostro.link.frames import Complaint, News, Unread
from nostro.link.segment import FEED, Frame

SECRET_CHARACTERS_MIN: Final = 8  # what is shorter is in half of all frames by chance, and no secret


def secrets_of(signing: Signing) -> tuple[bytes, ...]:
    """What no page may repeat: the key, all of it but the ids that it names, and the token."""
    said = [signing.token]
    if signing.credentials is not None:
        extra = signing.credentials.extra
        said += [signing.credentials.key, signing.credentials.secret]
        said += [value for name, value in extra.items() if not name.endswith("_id")]
    parts = [part for text in said for part in (text, *(text.split(" ")[1:]))]
    return tuple({part.encode() for part in parts if len(part) >= SECRET_CHARACTERS_MIN})


def is_kept(heard: Heard) -> bool:
    """Whether the frame tells something of the account, or cannot be read."""
    if isinstance(heard.meaning, News):
        return bool(heard.meaning.items or heard.meaning.whole or heard.meaning.series)
    return isinstance(heard.meaning, Exception | Unread | Complaint)


class Gathering:
    """The open segment of one connection. ``own``: the sub-account that its facts are of which name none."""

    def __init__(self, exchange: Exchange, *, own: str, secrets: Sequence[bytes]) -> None:
        self.secrets = tuple(secrets)
        self._exchange = exchange
        self._query = Query(where={"sub_account": own} if own else {})
        self._frames: list[Frame] = []
        self._bytes = 0
        self._claims: list[Claim] = []

    def add(self, heard: Heard, *, binary: bool) -> bool:
        """Takes a frame; whether it may be shown."""
        frame = Frame(heard.received_ns, "binary" if binary else "text", heard.body)
        shown = not self._is_secret(heard.body)
        self._frames.append(frame if shown else segment.hidden(frame))
        self._bytes += len(heard.body)
        return shown

    def claim(self, claims: Sequence[Claim]) -> None:
        """What the next page says of states."""
        self._claims += claims

    @property
    def is_full(self) -> bool:
        return self._bytes >= limits.SEGMENT_BYTES

    @property
    def due_ns(self) -> int | None:
        """When the segment ends at the latest; None while it is empty."""
        if not self._frames:
            return None
        if self.is_full:
            return 0
        return self._frames[0].received_ns + limits.SEGMENT_S * SECOND_NS

    def cut(self, now_ns: int) -> Page | None:
        """Ends the segment: its page, None where there is nothing to say."""
        if not self._frames and not self._claims:
            return None
        frames, self._frames, self._bytes = self._frames, [], 0
        claims, self._claims = tuple(self._claims), []
        return Page(
            exchange=self._exchange.id, dialect=self._exchange.dialect, capability=FEED, stream=FEED, route=FEED,
            request="", query=self._query, sent_ns=frames[0].received_ns if frames else now_ns,
            received_ns=frames[-1].received_ns if frames else now_ns, status=200, headers={},
            body=segment.encode(frames), claims=claims,
        )  # fmt: skip

    def _is_secret(self, body: bytes) -> bool:
        plain = body.replace(b"\\/", b"/") if b"\\" in body else body
        return any(secret in plain for secret in self.secrets)


class _Series:
    """The numbered frames of one topic: from when on they follow one another, until when, and what they tell."""

    def __init__(self, name: str, now_ns: int) -> None:
        self.name = name
        self.since_ns = now_ns
        self.until_ns = now_ns
        self.states: set[str] = set()


class Continuity:
    """Until when states were seen without a gap, over one connection. ``topics``: all that it is subscribed to; a
    series of numbers is that of a topic."""

    def __init__(self, states: AbstractSet[str], topics: Sequence[str]) -> None:
        self.first_ns: dict[str, int] = {}  # by state: the first frame that tells it for certain
        self._states = states
        self._topics = tuple(topics)
        self._series: dict[str, _Series] = {}
        self._claimed_ns: dict[str, int] = {}

    def hear(self, news: News, streams: AbstractSet[str], *, received_ns: int) -> None:
        """A frame that follows the last one of its series, or begins it (anew)."""
        told = streams & self._states
        if not news.series:
            for state in told & set(news.whole):
                self.first_ns.setdefault(state, received_ns)
            return
        series = self._series.get(news.series)
        if series is None or news.begins:
            known = set() if series is None else series.states
            series = self._series[news.series] = _Series(news.series, received_ns)
            series.states |= known
        series.until_ns = received_ns
        series.states |= told
        for state in told:
            self.first_ns.setdefault(state, received_ns)

    def heard_ns(self, state: str) -> int | None:
        """Until when a state is known without a gap, None where nothing numbered told it."""
        told = [series for series in self._series.values() if state in series.states]
        return min((series.until_ns for series in told), default=None)

    def claims(self) -> list[Claim]:
        """What became proven since it was asked last."""
        found = []
        for state in sorted(self._states):
            told = [series for series in self._series.values() if state in series.states]
            if not told or not self._all_heard(told):
                continue
            since_ns = max(self._claimed_ns.get(state, 0), *(series.since_ns for series in told))
            until_ns = min(series.until_ns for series in told)
            if since_ns < until_ns:
                self._claimed_ns[state] = until_ns
                found.append(Claim("proven", since_ns, until_ns, stream=state))
        return found

    def _all_heard(self, told: Sequence[_Series]) -> bool:
        """Whether every topic of the kind that tells a state was heard: of one that was not, nobody knows."""
        kinds = {series.name.split(" ")[0] for series in told}
        alike = {topic for topic in self._topics if topic.split(" ")[0] in kinds}
        return alike <= {series.name for series in told}
