"""The paper exchange's side of HTTP: ``handle(request) -> answer``, a pure function over a venue. It decides which
route is meant, whether its form is right and who may call it; what is answered stands in ``exchanges/*/serve.py``.

It holds no socket (``listen.py`` does) and knows no exchange: one `Exchange` value tells it everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from functools import partial
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from nostro import limits
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Answered, Call, Exchange, Serve, WireRefusal, WithoutBody
from nostro.link.http import HttpAnswer, HttpRequest, header
from nostro.link.view import VenueView
from nostro.paper.faults import Faults

JSON: Final = {"Content-Type": "application/json"}
_NO_TEXT: Final = re.compile("[\ud800-\udfff]")
_REFUSED_TYPE: Final = re.compile(r";\s*q=0(\.0*)?\s*(;|$)", re.ASCII)


class Server:
    """Serves one exchange in one dialect from a venue: all its hosts at one origin. ``faults``: what goes wrong on
    purpose."""

    def __init__(self, exchange: Exchange, view: VenueView, *, faults: Faults | None = None) -> None:
        self.exchange = exchange
        self.faults = faults
        self._view = view
        self._serves: dict[str, dict[str, Serve]] = {}
        for serve in exchange.serves:
            base_path = urlsplit(exchange.url_of(serve.route.host, exchange.url)).path.rstrip("/")
            for path in (serve.route.path, *serve.route.aliases):
                self._serves.setdefault(f"{base_path}/{path}", {})[serve.route.method] = serve
        self._patterns = [(_pattern(path), verbs) for path, verbs in self._serves.items() if "{" in path]

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """The answer to one request. Raises `errors.Unanswered` where a fault drops the connection."""
        verbs = self._verbs(request.path.rstrip("/"))  # a slash at its end makes no difference
        if self.faults is None:
            return self._answered(request, verbs)
        serve = (verbs or {}).get(request.method)
        answer = partial(self._answered, request, verbs)
        return self.faults.around(
            serve.route if serve else None, answer, error=self.error, request=request, now_ns=self._view.now_ns()
        )  # fmt: skip

    def error(self, status: int, message: str, *, headers: dict[str, str] | None = None) -> HttpAnswer:
        """An error answer in the exchange's own form."""
        refusal = self.exchange.refusal(status, message)
        return self._answer(refusal.status, refusal.body, refusal.headers | (headers or {}))

    def _verbs(self, path: str) -> dict[str, Serve] | None:
        """What is served at a path, by method."""
        if path in self._serves:
            return self._serves[path]
        return next((verbs for pattern, verbs in self._patterns if pattern.fullmatch(path)), None)

    def _answered(self, request: HttpRequest, verbs: dict[str, Serve] | None) -> HttpAnswer:
        if verbs is None:
            return self.error(404, "there is no such method")
        serve = verbs.get(request.method)
        if serve is None:
            return self.error(405, "this path takes another verb", headers={"Allow": ", ".join(sorted(verbs))})
        if not _is_text(request):
            return self.error(400, "path, query and headers are UTF-8")
        if not accepts_json(header(request.headers, "Accept")):
            return self.error(406, "only JSON is spoken here")
        try:
            answer = self._carried_out(serve, request)
        except WireRefusal as refusal:
            return self._answer(refusal.status, refusal.body, refusal.headers)
        if isinstance(answer, WithoutBody):
            return HttpAnswer(answer.status, self._headers({}), b"")
        if isinstance(answer, Answered):
            return self._answer(200, answer.body, answer.headers)
        return self._answer(200, answer, {})

    def _carried_out(self, serve: Serve, request: HttpRequest) -> object:
        """Who, then whether they may, then what: a refused request changes nothing."""
        route = serve.route
        login = self.exchange.auth.verify(route, request, self._view)
        if route.permission and (login is None or route.permission not in login.permissions):
            raise self.exchange.refusal(403, f'this key lacks the permission "{route.permission}"')
        message = self.exchange.decode_request(route, request)
        return serve.answer(self._view, Call(login=login, message=message))

    def _answer(self, status: int, body: object, headers: Mapping[str, str]) -> HttpAnswer:
        headers = self._headers({**JSON, **headers})
        if not isinstance(body, Iterator):
            return HttpAnswer(status, headers, self.exchange.encode_answer(body))
        pieces, begun, size = self._pieces(body), list[bytes](), 0
        for piece in pieces:
            begun.append(piece)
            size += len(piece)
            if size > limits.ANSWER_BYTES_HELD:
                return HttpAnswer(status, headers, b"".join(begun), rest=pieces)
        return HttpAnswer(status, headers, b"".join(begun))

    def _pieces(self, rows: Iterator[object]) -> Iterator[bytes]:
        """The JSON list of rows that are made while it is written, so that no more of a history is held than is sent
        at a time."""
        opening = b"["
        while some := list(islice(rows, limits.VENUE_PAGE_ROWS)):
            yield opening + self.exchange.encode_answer(some)[1:-1]
            opening = b","
        yield b"[]" if opening == b"[" else b"]"

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        """With the venue's own time, by which a client sees how wrong its clock is."""
        return {"Date": formatdate(self._view.now_ns() // SECOND_NS, usegmt=True)} | headers


def _pattern(path: str) -> re.Pattern[str]:
    """All paths that a route with ``{name}`` stands for."""
    fixed = (re.escape(part) for part in re.split(r"\{\w+\}", path))
    return re.compile("[^/]+".join(fixed), re.ASCII)


def _is_text(request: HttpRequest) -> bool:
    """Whether nothing of it but the body has bytes that are no text; a socket hands such bytes on as surrogates."""
    return not _NO_TEXT.search("\n".join((request.path, request.query, *request.headers.values())))


def accepts_json(accept: str | None) -> bool:
    """Whether a request takes JSON: it does unless it says otherwise, and the exchange's client says nothing with its
    writes."""
    if not accept:
        return True
    for part in accept.split(","):
        kind = part.partition(";")[0].strip().lower()
        if kind in ("*/*", "application/*", "application/json") and not _REFUSED_TYPE.search(part):
            return True
    return False
