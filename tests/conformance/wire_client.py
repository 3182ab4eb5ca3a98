"""The least client that an exchange's declaration gives: it writes requests, calls a server, and reads facts. No
repeats, no paging: what one request says, and what one answer gives.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from nostro.domain.records import Fact
from nostro.link.declare import Ask, Do, Exchange, Query, Route
from nostro.link.http import HttpAnswer, HttpRequest, query_text


class Key(msgspec.Struct):
    key: str
    secret: str


class WireClient:
    """``login`` None asks public routes only."""

    def __init__(self, exchange: Exchange, handle, login=None) -> None:
        self.exchange = exchange
        self.handle = handle
        self.credentials = None if login is None else Key(login.key, login.secret)
        self.base = urlsplit(exchange.url).path
        self.token = ""
        if login is not None:
            sign_in = exchange.auth.sign_in
            answer = self.send(sign_in, exchange.auth.sign_in_request(self.credentials))
            assert answer.status == 200, answer.body
            self.token, self.token_ends_ns = exchange.auth.token(exchange.decode(sign_in, answer.body))

    def request(self, route: Route, message) -> HttpRequest:
        query, body = "", b""
        if message is not None and route.method == "GET":
            query = query_text(self.exchange.encode_query(message))
        elif message is not None:
            body = self.exchange.encode_body(message)
        headers = self.exchange.auth.sign(route, body, self.credentials, self.token)
        return HttpRequest(
            method=route.method, path=f"{self.base}/{route.path}", query=query, headers=headers, body=body
        )

    def send(self, route: Route, message) -> HttpAnswer:
        return self.handle(self.request(route, message))

    def ask(self, name: str, query: Query | None = None) -> list[Fact]:
        ask: Ask | None = self.exchange.ask(name)
        assert ask is not None, name
        query = query or Query()
        answer = self.send(ask.route, ask.request(query))
        if answer.status >= 300:
            raise self.exchange.errors(answer.status, answer.headers, answer.body)
        return list(ask.read(query, self.exchange.decode(ask.route, answer.body)))

    def do(self, capability: str, command) -> list[Fact]:
        do: Do | None = self.exchange.do(capability)
        assert do is not None, capability
        answer = self.send(do.route, do.request(command))
        if answer.status >= 300:
            raise self.exchange.errors(answer.status, answer.headers, answer.body)
        return list(do.read(command, self.exchange.decode(do.route, answer.body)))
