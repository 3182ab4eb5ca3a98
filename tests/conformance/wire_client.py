"""The least client that an exchange's declaration gives: it writes requests, calls a server, and reads facts. No
repeats, no paging: what one request says, and what one answer gives.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from conformance.fake_view import NOW
from nostro.domain.records import Fact
from nostro.link.declare import Ask, Do, Exchange, Given, Query, Route, Signing
from nostro.link.http import HttpAnswer, HttpRequest


class Key(msgspec.Struct):
    key: str
    secret: str
    extra: dict[str, str] = {}


class WireClient:
    """``login`` None asks public routes only. ``now_ns``: its clock."""

    def __init__(self, exchange: Exchange, handle, login=None, *, now_ns: int = NOW) -> None:
        self.exchange = exchange
        self.handle = handle
        self.now_ns = now_ns
        self.credentials = None if login is None else Key(login.key, login.secret, login.extra)
        self.token = ""
        sign_in = exchange.auth.sign_in
        if login is not None and sign_in is not None:
            answer = self.send(sign_in.route, sign_in.request(self.credentials))
            assert answer.status == 200, answer.body
            decoded = exchange.decode(sign_in.route, answer.body)
            self.token, self.token_ends_ns = sign_in.token(decoded, answer.headers)

    def request(self, route: Route, message) -> HttpRequest:
        carried = self.exchange.encode_request(route, message)
        base = urlsplit(self.exchange.url_of(route.host, self.exchange.url)).path
        request = HttpRequest(
            method=route.method, path=f"{base}/{carried.path or route.path}", query=carried.query,
            headers={"Content-Type": carried.content_type} if carried.content_type else {}, body=carried.body,
        )  # fmt: skip
        return self.exchange.auth.sign(route, request, Signing(self.credentials, self.token, self.now_ns))

    def asked(self, query: Query) -> Query:
        """As the client's source asks it: with the sub-account that the key is of."""
        own = None if self.credentials is None else self.credentials.extra.get("sub_account_id")
        return msgspec.structs.replace(query, where={"sub_account": own, **query.where}) if own else query

    def send(self, route: Route, message) -> HttpAnswer:
        return self.handle(self.request(route, message))

    def ask(self, name: str, query: Query | None = None) -> list[Fact]:
        ask: Ask | None = self.exchange.ask(name)
        assert ask is not None, name
        query = query or Query()
        answer = self.send(ask.route, ask.request(self.asked(query)))
        if answer.status >= 300 or self.exchange.refused(answer.body):
            raise self.exchange.errors(answer.status, answer.headers, answer.body)
        return list(ask.read(query, self.exchange.decode(ask.route, answer.body)))

    def do(self, capability: str, command) -> list[Fact]:
        do: Do | None = self.exchange.do(capability)
        assert do is not None, capability
        facts = self.ask(do.needs) if do.needs else []
        given = Given(now_ns=self.now_ns, nonce=1, credentials=self.credentials, facts=facts)
        answer = self.send(do.route, do.request(command, given))
        if answer.status >= 300 or self.exchange.refused(answer.body):
            raise self.exchange.errors(answer.status, answer.headers, answer.body)
        return list(do.read(command, self.exchange.decode(do.route, answer.body)))
