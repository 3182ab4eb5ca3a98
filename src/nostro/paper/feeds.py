"""The paper exchange's side of a feed: who is connected, what waits for each of them, when they are pinged. It decides
who hears a frame and when a connection ends; what a frame says stands in ``exchanges/*/feed_serve.py``.

It holds no socket (``listen.py`` does) and reads no clock but the venue's: what happens follows from what is received,
from what the venue does, and from `Hub.beat`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple
from uuid import UUID

from nostro import limits
from nostro.link.frames import Caller, Feed, Told
from nostro.link.http import HttpRequest
from nostro.link.view import Changes, VenueView
from nostro.paper.faults import Faults, FrameKind

TOO_SLOW: Final = (1008, "too slow")
NO_PONG: Final = (1008, "no answer to a ping")
SILENT: Final = (1001, "nothing was heard for too long")
GOING_AWAY: Final = (1001, "the server ends")
CUT: Final = (1006, "cut")


class Waiting(NamedTuple):
    """A frame that is to be sent, held back for so long."""

    text: str
    delay_s: float


class Session(Caller):
    """One connection. ``outgoing``: frames that wait, in order, ``behind`` bytes in all. ``ended``: close code and
    reason once the server is done with it. ``cut``: it ends without a farewell, as where a link breaks. ``wake`` is
    called with the session whenever one of these changed."""

    __slots__ = ("behind", "cut", "ended", "outgoing", "ping_ns", "wake")

    def __init__(self, client: str, now_ns: int, *, wake: Callable[[Session], None]) -> None:
        super().__init__(client, now_ns)
        self.wake = wake
        self.outgoing: deque[Waiting] = deque()
        self.behind = 0
        self.ended: tuple[int, str] | None = None
        self.cut = False
        self.ping_ns = 0

    def take(self) -> Waiting:
        """The next frame, to be sent now."""
        frame = self.outgoing.popleft()
        self.behind -= len(frame.text)
        return frame

    def end(self, why: tuple[int, str], *, cut: bool = False) -> None:
        """What still waits is sent before the farewell, and not at all where the link is cut."""
        self.ended = self.ended or why
        if cut:
            self.cut, self.behind = True, 0
            self.outgoing.clear()
        self.wake(self)


class Hub:
    """The feed of one exchange over one venue. ``paths``: where it is served. ``faults``: what goes wrong."""

    def __init__(self, feed: Feed, view: VenueView, *, faults: Faults | None = None) -> None:
        self.paths = feed.paths
        self.sessions: dict[str, Session] = {}
        self._view = view
        self._server = feed.serve(view)
        self._faults = faults
        self._opened = 0

    def open(self, request: HttpRequest, wake: Callable[[Session], None]) -> Session | None:
        """A new connection, its first frames under way; None where there are too many. ``request`` is the upgrade."""
        if len(self.sessions) >= limits.FEED_SESSIONS_MAX:
            return None
        now_ns = self._view.now_ns()
        session = Session(self._name(), now_ns, wake=wake)
        session.ping_ns = now_ns + self._server.ping_interval_ns
        self.sessions[session.client] = session
        self._send(session, self._server.opened(session, request))
        return session

    def close(self, session: Session) -> None:
        """The other side is gone."""
        if self.sessions.pop(session.client, None) is not None:
            self._server.closed(session)

    def end(self) -> None:
        """The server ends: so does every connection."""
        for session in list(self.sessions.values()):
            session.end(GOING_AWAY)

    def receive(self, session: Session, message: str | bytes) -> None:
        """One message of a client: a text, or the bytes of a binary one."""
        self.heard(session)
        self._tell(self._server.market(self._topics()))  # what changed before it is told as such
        self._send(session, self._server.receive(session, message))

    def heard(self, session: Session) -> None:
        """A sign of life: a message, or a ping below the messages."""
        session.heard_ns = self._view.now_ns()

    def publish(self, changes: Changes) -> None:
        """What the venue did; to be called once it is durable (`Venue.listeners`)."""
        if self.sessions:  # who comes later is told what comes later
            users = {session.user for session in self.sessions.values() if session.user is not None}
            self._tell(self._server.changed(changes, users))

    def beat(self) -> None:
        """Tells what moved in the markets, pings, and ends connections that do not answer; call it once a second."""
        self._tell(self._server.market(self._topics()))
        now_ns = self._view.now_ns()
        for session in list(self.sessions.values()):
            waiting_ns, silence_ns = session.unanswered_ns, self._server.silence_ns
            if session.ended is not None:
                session.end(session.ended, cut=True)  # it had a beat to take its leave
            elif silence_ns is not None and now_ns - session.heard_ns >= silence_ns:
                session.end(SILENT)
            elif waiting_ns is not None and now_ns - waiting_ns >= self._server.ping_timeout_ns:
                session.end(NO_PONG)
            elif self._server.ping and now_ns >= session.ping_ns:
                session.ping_ns = now_ns + self._server.ping_interval_ns
                session.unanswered_ns = now_ns if waiting_ns is None else waiting_ns
                self._send(session, [self._server.ping])

    def _topics(self) -> set[str]:
        return set().union(*(session.topics for session in self.sessions.values()))

    def _tell(self, told: Iterable[Told]) -> None:
        for each in told:
            for session in list(self.sessions.values()):
                if _hears(session, each):
                    self._send(session, [each.text])

    def _send(self, session: Session, frames: Iterable[str]) -> None:
        """Puts frames in the queue, but for those that a fault strikes; who does not read them is disconnected."""
        for frame in frames:
            if session.ended is not None:
                return
            fault = self._faults.frame() if self._faults is not None else None
            kind = fault.kind if fault is not None else None
            delay_s = fault.delay_s if fault is not None and kind is FrameKind.DELAYED else 0.0
            copies = 0 if kind is FrameKind.DROPPED else 2 if kind is FrameKind.DOUBLED else 1
            session.outgoing.extend([Waiting(frame, delay_s)] * copies)
            session.behind += len(frame) * copies
            if kind is FrameKind.CUT:
                session.end(CUT, cut=True)
            elif session.behind > limits.FEED_QUEUE_BYTES_MAX:
                session.end(TOO_SLOW, cut=True)
        session.wake(session)

    def _name(self) -> str:
        """A UUID that nobody else has, and that a venue that is run again gives again."""
        self._opened += 1
        said = f"feed {self._view.now_ns()} {self._opened}".encode()
        return str(UUID(bytes=hmac.new(self._view.sign_tokens_with(), said, hashlib.sha256).digest()[:16], version=4))


def _hears(session: Session, told: Told) -> bool:
    if told.client:
        return told.client == session.client
    if told.user is not None:
        return told.user == session.user
    return not told.topics.isdisjoint(session.topics)
