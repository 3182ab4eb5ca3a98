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
from nostro.domain.values import LATEST_NS, SECOND_NS
from nostro.link.frames import Caller, Feed, Told
from nostro.link.http import HttpRequest
from nostro.link.view import Changes, VenueView
from nostro.paper.faults import Faults, FrameFault, FrameKind

TOO_SLOW: Final = (1008, "too slow")
NO_PONG: Final = (1008, "no answer to a ping")
SILENT: Final = (1001, "nothing was heard for too long")
GOING_AWAY: Final = (1001, "the server ends")
CUT: Final = (1006, "cut")
# *Ours*: no exchange says what becomes of a connection whose sign-in is over; ours tells it nothing more.
SIGNED_OUT: Final = (1008, "the sign-in is over")
NO_KEY: Final = (1008, "the key is gone, or may not read any more")


class Waiting(NamedTuple):
    """A frame that is to be sent, held back for so long."""

    text: str
    delay_s: float


class Silence(NamedTuple):
    """Nothing is told that holds the text, until then."""

    holding: str
    until_ns: int


class Late(NamedTuple):
    """A frame that is sent once it is due, at the next frame's or beat's time; ``frames``: so many come before it."""

    text: str
    due_ns: int
    frames: int


class Session(Caller):
    """One connection. ``outgoing``: frames that wait, in order, ``behind`` bytes in all. ``ended``: close code and
    reason once the server is done with it. ``cut``: it ends without a farewell, as where a link breaks; ``torn``: after
    these first bytes of a frame. ``half_open``: it is there, and nothing comes of it. ``wake`` is called with the
    session whenever one of these changed."""

    __slots__ = ("behind", "cut", "ended", "half_open", "late", "outgoing", "ping_ns", "silent", "torn", "wake")

    def __init__(self, client: str, now_ns: int, *, wake: Callable[[Session], None]) -> None:
        super().__init__(client, now_ns)
        self.wake = wake
        self.outgoing: deque[Waiting] = deque()
        self.behind = 0
        self.ended: tuple[int, str] | None = None
        self.cut = False
        self.torn: tuple[bytes, int] | None = None  # so many bytes of a frame of that size
        self.half_open = False
        self.silent: list[Silence] = []
        self.late: list[Late] = []
        self.ping_ns = 0

    def put(self, frame: str, *, delay_s: float = 0.0, copies: int = 1) -> None:
        self.outgoing.extend([Waiting(frame, delay_s)] * copies)
        self.behind += len(frame) * copies

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
        if session.half_open:
            return
        self.heard(session)
        self._leave([session])
        self._tell(self._server.market(self._topics()))  # what changed before it is told as such
        if session.ended is None:
            self._send(session, self._server.receive(session, message))

    def heard(self, session: Session) -> None:
        """A sign of life: a message, or a ping below the messages."""
        session.heard_ns = self._view.now_ns()

    def publish(self, changes: Changes) -> None:
        """What the venue did; to be called once it is durable (`Venue.listeners`)."""
        if self.sessions:  # who comes later is told what comes later
            self._leave(list(self.sessions.values()))
            users = {session.user for session in self.sessions.values() if session.user is not None}
            self._tell(self._server.changed(changes, users))

    def beat(self) -> None:
        """Tells what moved in the markets, pings, and ends connections that do not answer; call it once a second."""
        sessions = [session for session in self.sessions.values() if not session.half_open]
        for session in sessions:
            if session.ended is not None:
                session.end(session.ended, cut=True)  # it had a beat to take its leave
        self._leave(sessions, keys=True)
        self._tell(self._server.market(self._topics()))
        for session in sessions:
            self._beat(session, self._view.now_ns())

    def _beat(self, session: Session, now_ns: int) -> None:
        waiting_ns, silence_ns = session.unanswered_ns, self._server.silence_ns
        if session.ended is not None:
            return
        if silence_ns is not None and now_ns - session.heard_ns >= silence_ns:
            session.end(SILENT)
        elif waiting_ns is not None and now_ns - waiting_ns >= self._server.ping_timeout_ns:
            session.end(NO_PONG)
        elif self._server.ping and now_ns >= session.ping_ns:
            session.ping_ns = now_ns + self._server.ping_interval_ns
            session.unanswered_ns = now_ns if waiting_ns is None else waiting_ns
            self._send(session, [self._server.ping])
        elif session.late:
            self._due(session, frames=1)
            session.wake(session)

    def _leave(self, sessions: Iterable[Session], *, keys: bool = False) -> None:
        """Ends the sessions whose sign-in is over; ``keys``: and those whose key is gone, which each is asked for."""
        now_ns = self._view.now_ns()
        for session in sessions:
            if session.ended is not None:
                continue
            if session.ends_ns is not None and now_ns >= session.ends_ns:
                session.end(SIGNED_OUT)
            elif keys and session.key:
                login = self._view.login_by_key(session.key)
                if login is None or "read" not in login.permissions:
                    session.end(NO_KEY)

    def _topics(self) -> set[str]:
        return set().union(*(session.topics for session in self.sessions.values()))

    def _tell(self, told: Iterable[Told]) -> None:
        for each in told:
            for session in list(self.sessions.values()):
                if _hears(session, each) and not self._silent(session, each.text):
                    self._send(session, [each.text])

    def _silent(self, session: Session, text: str) -> bool:
        if not session.silent:
            return False
        now_ns = self._view.now_ns()
        session.silent = [each for each in session.silent if now_ns < each.until_ns]
        return any(each.holding in text for each in session.silent)

    # ── frames ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _send(self, session: Session, frames: Iterable[str]) -> None:
        """Puts frames in the queue, but for those that a fault strikes; who does not read them is disconnected."""
        for frame in frames:
            if session.ended is not None or session.half_open:
                return
            fault = self._faults.frame(frame) if self._faults is not None else None
            self._strike(session, frame, fault)
            if session.late and session.ended is None:
                self._due(session, frames=1)
            if session.ended is None and session.behind > limits.FEED_QUEUE_BYTES_MAX:
                session.end(TOO_SLOW, cut=True)
        session.wake(session)

    def _strike(self, session: Session, frame: str, fault: FrameFault | None) -> None:
        """What becomes of a frame."""
        kind, now_ns = None if fault is None else fault.kind, self._view.now_ns()
        if fault is None or kind is FrameKind.DELAYED:
            session.put(frame, delay_s=0.0 if fault is None else fault.delay_s)
        elif kind is FrameKind.REORDERED:
            session.late.append(Late(frame, now_ns, 2))  # this one, and the next
        elif kind is FrameKind.TORN and self._faults is not None:
            body = frame.encode()
            session.torn = body[: self._faults.within(len(body))], len(body)
            session.end(CUT)
        elif kind is FrameKind.HALF_OPEN:
            session.half_open = True
        elif kind is not FrameKind.DROPPED:
            copies = {FrameKind.DOUBLED: 2, FrameKind.FLOOD: fault.times}.get(fault.kind, 1)
            session.put(frame, copies=copies)
            self._after(session, frame, fault, now_ns=now_ns)

    def _after(self, session: Session, frame: str, fault: FrameFault, *, now_ns: int) -> None:
        """What happens behind a frame that is sent."""
        if fault.kind is FrameKind.CUT:
            session.end(CUT, cut=True)
        elif fault.kind is FrameKind.REPEATED_LATE:
            session.late.append(Late(frame, now_ns + int(fault.delay_s * SECOND_NS), 0))
        elif fault.kind is FrameKind.SILENT:
            until_ns = now_ns + int(fault.for_s * SECOND_NS) if fault.for_s else LATEST_NS
            session.silent.append(Silence(fault.holding, until_ns))
        elif fault.kind is FrameKind.RESTARTED and self._faults is not None and self._server.restart(session):
            self._faults.fired[fault.kind] += 1

    def _due(self, session: Session, *, frames: int) -> None:
        """Sends what was held back, behind the frames that were to come before it."""
        now_ns, waiting = self._view.now_ns(), session.late
        waiting = [each._replace(frames=max(0, each.frames - frames)) for each in waiting]
        session.late = [each for each in waiting if each.frames or now_ns < each.due_ns]
        for each in waiting:
            if not each.frames and now_ns >= each.due_ns:
                session.put(each.text)

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
