"""What GRVT's sockets answer: calls of routes, subscriptions, in both encodings and in the older form. It decides what
a message asks for and who may have it; what streams tell is ``feed_streams.py``'s.

*Ours*, because no document says it: a call without an id is answered too; a subscription of which one selector is
refused is refused whole; subscribing to what one has begins it anew; numbers of frames count from the server's start,
by stream and selector; a connection whose cookie ends, ends with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

import msgspec

from nostro.domain.values import SECOND_NS
from nostro.exchanges.grvt import accounts, auth, given, refusals, routes, serve, streams
from nostro.exchanges.grvt import feed_messages as envelopes
from nostro.exchanges.grvt.codec import decoder
from nostro.exchanges.grvt.feed_streams import Line, Markets, Trading
from nostro.exchanges.grvt.lite import in_lite, lite
from nostro.exchanges.grvt.routes import Form
from nostro.link.declare import Call, Route, WireRefusal
from nostro.link.frames import Caller, Told
from nostro.link.http import HttpRequest
from nostro.link.view import Changes, Login, VenueView

FULL_PATH: Final = "/ws/full"
LITE_PATH: Final = "/ws/lite"
LEGACY_PATH: Final = "/ws"
CALLS: Final = {each.path: each for each in routes.CALLS}
READ: Final = CALLS["v1/account_summary"]  # who may ask for an account may hear it


class Peer(NamedTuple):
    """Who is connected, and how it speaks."""

    login: Login | None
    form: Form
    legacy: bool


class GrvtFeed:
    """`FeedServer` of GRVT over one venue."""

    ping = ""
    ping_interval_ns = 20 * SECOND_NS
    ping_timeout_ns = 60 * SECOND_NS
    silence_ns: int | None = None

    def __init__(self, view: VenueView) -> None:
        self._view = view
        self._peers: dict[str, Peer] = {}
        self._callers: dict[str, Caller] = {}
        self._trading = Trading(view)
        self._markets = Markets(view)

    def opened(self, caller: Caller, request: HttpRequest) -> list[str]:
        """A socket without a session, or whose session has ended, hears markets."""
        path = request.path.rstrip("/")
        try:
            login, caller.ends_ns = auth.session_by_headers(self._view, request)
        except WireRefusal:
            login = None
        if login is not None:
            caller.user, caller.key = login.user, login.key if READ.permission in login.permissions else ""
        form: Form = "lite" if path.endswith(LITE_PATH) else "full"
        self._peers[caller.client] = Peer(login, form, legacy=path.endswith(LEGACY_PATH))
        self._callers[caller.client] = caller
        return []

    def closed(self, caller: Caller) -> None:
        self._peers.pop(caller.client, None)
        self._callers.pop(caller.client, None)

    def restart(self, caller: Caller) -> bool:
        """Of whoever hears the same, too."""
        return self._trading.restart(_lines(caller.topics))

    # ── messages of a client ─────────────────────────────────────────────────────────────────────────────────────

    def receive(self, caller: Caller, message: str | bytes) -> list[str]:
        peer = self._peers[caller.client]
        try:
            if peer.legacy:
                return self._legacy(caller, peer, message)
            call = decoder(_in(peer.form, envelopes.RpcCall)).decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            return [_text(peer.form, _fault(refusals.refused(refusals.MALFORMED, str(error)[:200])))]
        try:
            return self._called(caller, peer, call)
        except WireRefusal as refusal:
            return [_text(peer.form, _fault(refusal, call))]

    def _called(self, caller: Caller, peer: Peer, call: envelopes.RpcCall) -> list[str]:
        """Raises `WireRefusal`."""
        if call.method in ("subscribe", "unsubscribe"):
            params = _params(peer.form, call, envelopes.Subscription)
            result, after = self._subscription(caller, peer, call.method, params.stream, params.selectors or [])
            return [_answer(peer.form, call, result), *after]
        route = CALLS.get(call.method)
        if route is None:
            raise refusals.refused(refusals.MALFORMED, f"there is no method {call.method[:40]!a}")
        return [_answer(peer.form, call, self._route(peer, route, call))]

    def _route(self, peer: Peer, route: Route, call: envelopes.RpcCall) -> Any:
        """What the route answers to a caller that may ask it."""
        if route.auth != "none":
            if peer.login is None:
                raise refusals.refused(refusals.UNAUTHENTICATED)
            auth.allowed(route, peer.login)
        message = _params(peer.form, call, route.request)
        return serve.ANSWERS[route.name](self._view, Call(login=peer.login, message=message))

    def _legacy(self, caller: Caller, peer: Peer, message: str | bytes) -> list[str]:
        """A subscription of the older form; a refusal is bare."""
        call: envelopes.LegacyCall = decoder(envelopes.LegacyCall).decode(message)
        spoken = peer._replace(form="full" if call.is_full else "lite")
        try:
            if call.method not in ("subscribe", "unsubscribe"):
                raise refusals.refused(refusals.MALFORMED, "method is subscribe or unsubscribe")
            result, after = self._subscription(caller, spoken, call.method, call.stream, call.feed)
        except WireRefusal as refusal:
            return [_text(spoken.form, refusal.body)]
        members = {name: getattr(result, name) for name in result.__struct_fields__}
        return [_text(spoken.form, envelopes.LegacySubscribed(request_id=call.request_id, **members)), *after]

    # ── subscriptions ────────────────────────────────────────────────────────────────────────────────────────────

    def _subscription(
        self, caller: Caller, peer: Peer, method: str, stream: str, selectors: list[str]
    ) -> tuple[envelopes.Subscribed, list[str]]:
        """The confirmation, and the frames that a subscription begins with. Raises `WireRefusal`."""
        selectors = list(dict.fromkeys(selectors))  # who says one a thousand times hears it once
        lines = [self._line(peer, stream, selector) for selector in selectors]
        if method == "unsubscribe":
            caller.topics.difference_update(line.topic(peer.form) for line in lines)
            return _confirmed(stream, [], unsubs=selectors), []
        snapshots = []
        for line in lines:
            self._replace(caller, peer.form, line)
            caller.topics.add(line.topic(peer.form))
            snapshots.append(self._snapshots(line))
        last = [self._last(line) for line in lines]
        result = _confirmed(stream, selectors, snapshots=[len(each) for each in snapshots], last=last)
        frames = [
            _text(peer.form, line.frame(row, number=0, before=0))
            for line, rows in zip(lines, snapshots, strict=True)
            for row in rows
        ]
        return result, frames

    @staticmethod
    def _replace(caller: Caller, form: Form, line: Line) -> None:
        """Of a market, another rate or depth takes the place of the one before."""
        if line.stream in streams.MARKET:
            known = [Line.of(topic) for topic in caller.topics if Line.of(topic).primary == line.primary]
            caller.topics -= {each.topic(form) for each in known if each.stream == line.stream}

    def _line(self, peer: Peer, stream: str, selector: str) -> Line:
        """What a selector subscribes to. Raises `WireRefusal` for one that is malformed or not the caller's."""
        try:
            chosen = streams.selected(stream, selector)
        except streams.BadSelector as error:
            raise refusals.said(error.code, str(error)) from None
        if stream in streams.MARKET:
            given.instrument(self._view, chosen.primary, unknown=streams.BAD_INSTRUMENT)
            return Line(stream, selector, owner=0)
        if peer.login is None:
            raise refusals.refused(refusals.UNAUTHENTICATED)
        auth.allowed(READ, peer.login)
        if stream in streams.OF_MAIN:
            self._check_main(peer.login, chosen)
            owner = accounts.main_of(peer.login)
        elif chosen.primary:
            owner = accounts.seen(self._view, peer.login, sub_account_id=chosen.primary)
        elif stream == "v1.cancel":  # the exchange's own client selects nothing
            owner = peer.login.user
        else:
            raise refusals.said(streams.BAD_SUB_ACCOUNT, "the selector is empty")
        self._trading.mains[owner] = accounts.account_id(self._view, peer.login)
        return Line(stream, selector, owner)

    def _check_main(self, login: Login, chosen: streams.Selected) -> None:
        """An empty selector is the caller's main account, as its own client means it."""
        if chosen.primary and chosen.primary.lower() != accounts.account_id(self._view, login):
            raise refusals.refused(refusals.FORBIDDEN, "this main account is not yours")
        if chosen.of and chosen.of != "0":
            accounts.seen(self._view, login, sub_account_id=chosen.of)

    def _snapshots(self, line: Line) -> list[Any]:
        return (self._markets if line.stream in streams.MARKET else self._trading).snapshots(line)

    def _last(self, line: Line) -> int:
        return (self._markets if line.stream in streams.MARKET else self._trading).last(line)

    # ── what the venue tells ─────────────────────────────────────────────────────────────────────────────────────

    def changed(self, changes: Changes, users: AbstractSet[int]) -> list[Told]:
        lines = _lines(set().union(*(caller.topics for caller in self._callers.values())))
        return list(_told(lines, self._trading.changed(changes, lines))) if users else []

    def market(self, topics: AbstractSet[str]) -> list[Told]:
        lines = _lines(topics)
        return list(_told(lines, self._markets.changed(lines)))


def _lines(topics: AbstractSet[str]) -> dict[Line, frozenset[Form]]:
    """What anyone subscribed to, and in which encodings."""
    found: dict[Line, frozenset[Form]] = {}
    for topic in sorted(topics):
        line = Line.of(topic)
        found[line] = found.get(line, frozenset()) | {Line.form(topic)}
    return found


def _told(lines: dict[Line, frozenset[Form]], frames: Iterator[tuple[Line, envelopes.Frame]]) -> Iterator[Told]:
    for line, frame in frames:
        for form in sorted(lines[line]):
            yield Told(text=_text(form, frame), topics=frozenset({line.topic(form)}))


# ── texts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _in(form: Form, kind: Any) -> Any:
    return kind if form == "full" else lite(kind)


def _text(form: Form, message: Any) -> str:
    return msgspec.json.encode(message if form == "full" else in_lite(message)).decode()


def _params(form: Form, call: envelopes.RpcCall, kind: Any) -> Any:
    """The parameters of a call. Raises `WireRefusal` 1003."""
    try:
        return decoder(_in(form, kind)).decode(bytes(call.params) or b"{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise refusals.refused(refusals.MALFORMED, str(error)[:200]) from None


def _answer(form: Form, call: envelopes.RpcCall, result: Any) -> str:
    return _text(form, envelopes.RpcAnswer(jsonrpc=envelopes.VERSION, result=result, id=call.id, method=call.method))


def _fault(refusal: WireRefusal, call: envelopes.RpcCall | None = None) -> envelopes.RpcAnswer:
    error = envelopes.RpcFault(code=refusal.body.code, message=refusal.body.message)
    number, method = (call.id, call.method) if call is not None else (None, None)
    return envelopes.RpcAnswer(jsonrpc=envelopes.VERSION, error=error, id=number, method=method)


def _confirmed(
    stream: str, subs: list[str], *, unsubs: list[str] | None = None, snapshots: list[int] | None = None,
    last: list[int] | None = None,
) -> envelopes.Subscribed:  # fmt: skip
    numbers = [str(each) for each in last or ()]
    return envelopes.Subscribed(
        stream=stream, subs=subs, unsubs=unsubs or [], num_snapshots=snapshots or [],
        first_sequence_number=numbers, latest_sequence_number=numbers,
    )  # fmt: skip
