"""One connection to a paper exchange's feed without a socket: what a hub puts into a session's queue comes out of it,
and what is sent goes in. A wait for nothing lets the clock pass.
"""

from __future__ import annotations

from nostro.domain.values import SECOND_NS
from nostro.errors import LinkError
from nostro.exchanges import exchange
from nostro.exchanges.alp import auth
from nostro.link.frames import Arrival
from nostro.link.http import HttpRequest
from nostro.link.view import Login
from nostro.paper.feeds import Hub, Session
from nostro.paper.venue.venue import Venue

UPGRADE = HttpRequest(method="GET", path="/")


class Line:
    """A `Connection` to a hub; ``beats``: whether the hub's beats go on while one waits; ``upgrade``: what opens it."""

    def __init__(self, hub: Hub, clock, *, beats: bool = True, upgrade: HttpRequest = UPGRADE) -> None:
        self.hub = hub
        self.clock = clock
        self.beats = beats
        self.woken = 0
        session = hub.open(upgrade, self.wake)
        assert session is not None
        self.session: Session = session

    def wake(self, _: Session) -> None:
        self.woken += 1

    def taken(self) -> list[str]:
        """Every frame that waits."""
        return [self.session.take().text for _ in range(len(self.session.outgoing))]

    def ask(self, message: str | bytes) -> list[str]:
        self.taken()
        self.hub.receive(self.session, message)
        return self.taken()

    async def send(self, text: str) -> None:
        if self.session.ended is not None:
            raise LinkError("ended")
        self.hub.receive(self.session, text)

    async def receive(self, wait_s: float) -> Arrival | None:
        until_ns = self.clock() + int(wait_s * SECOND_NS)
        while True:
            if self.session.outgoing:
                text, delay_s = self.session.take()
                self.clock.now_ns += int(delay_s * SECOND_NS)
                return Arrival(text.encode())
            if self.session.ended is not None:
                code, reason = self.session.ended
                raise LinkError(f"{code} {reason}")
            if self.clock() >= until_ns:
                return None
            self.clock.now_ns = min(until_ns, self.clock() + SECOND_NS)
            if self.beats:
                self.hub.beat()

    async def close(self) -> None:
        self.hub.close(self.session)


def token(venue: Venue, login: Login, *, life_s: int = 10_000_000) -> str:
    """What the login gets for its key over HTTP; it ends with no life that is told here, but where it is to."""
    claims = auth.Claims(exp=venue.now_ns() // SECOND_NS + life_s, sub=login.key)
    return auth.issue_token(claims, venue.sign_tokens_with())


def hub_of(venue: Venue, dialect: str = "cli", **options) -> Hub:
    feed = exchange("alp", dialect).feed
    assert feed is not None
    hub = Hub(feed, venue, **options)
    venue.listeners.append(hub.publish)
    return hub
