"""Bytes and messages of ALP.COM. It decides how a query string, a body and an answer are written and read on both
sides, byte for byte; it does not decide what they mean.

Bodies are written as the exchange's client writes them, because their bytes are signed: ``", "`` and ``": "``, ASCII
only, members in the order of the model. Source: the Python client (``json.dumps`` with its defaults).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final, get_origin

import msgspec

from nostro import errors
from nostro.exchanges.alp.refusals import bad_input, refusal
from nostro.link.declare import Carried, Route
from nostro.link.http import HttpRequest, query_pairs, query_text
from nostro.link.said import unread

_NOT_ASCII: Final = re.compile(r"[^ -~]")
_PLACE: Final = re.compile(r"`\$(?:\.|\[\.\.\.\])*([^`]*)`")
_MISSING: Final = re.compile(r"missing required field `([^`]*)`")
_BARE_TOKEN: Final = re.compile(rb"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


# ── our requests ─────────────────────────────────────────────────────────────────────────────────────────────────


def encode_request(route: Route, message: msgspec.Struct | None) -> Carried:
    """Questions travel in the query string, what is sent with another verb as a JSON body."""
    if message is None:
        return Carried()
    if route.method == "GET":
        return Carried(query=query_text(encode_query(message)))
    return Carried(body=encode_body(message), content_type="application/json")


def encode_query(message: msgspec.Struct) -> list[tuple[str, str]]:
    """The members that are set, in order; booleans as 1 and 0, as the client sends them."""
    members = ((name, getattr(message, name)) for name in message.__struct_fields__)
    said = ((name, value) for name, value in members if value is not None)
    return [(name, str(int(value) if isinstance(value, bool) else value)) for name, value in said]


def encode_body(message: msgspec.Struct) -> bytes:
    text = msgspec.json.format(msgspec.json.encode(message), indent=0).decode()
    return _NOT_ASCII.sub(_escaped, text).encode("ascii")


def _escaped(character: re.Match[str]) -> str:
    units = character.group().encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


# ── the exchange's answers ───────────────────────────────────────────────────────────────────────────────────────


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode(route: Route, body: bytes) -> Any:
    """The route's answer. Raises `Undecodable` for anything else, naming the field.

    ``null`` is an empty list or map. No body at all is an empty list on public routes only, and an empty map
    of canceled orders (2026 answers 202 without body); elsewhere nothing is not read as *no rows*. Source: the client
    turns whatever is falsy into an empty list."""
    nothing: Any = [] if get_origin(route.answer) is list else {} if get_origin(route.answer) is dict else None
    if body == b"null" and nothing is not None:
        return nothing
    if not body and nothing is not None and (route.auth == "none" or nothing == {}):
        return nothing
    if route.secret and _BARE_TOKEN.fullmatch(body):
        return body.decode()  # the client also takes a token as plain text
    try:
        return _decoder(route.answer).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise errors.Undecodable(
            f"ALP.COM {route.name}: {unread(error, body)}", hint="its bytes are kept", exchange="alp"
        ) from None


# ── the server's side ────────────────────────────────────────────────────────────────────────────────────────────


def decode_request(route: Route, request: HttpRequest) -> Any:
    """The route's request. Raises `WireRefusal` 400."""
    if route.method != "GET":
        return decode_body(route, request.body)
    try:
        return decode_query(route, query_pairs(request.query))
    except ValueError:
        raise refusal(400, "the query string cannot be read") from None


def decode_query(route: Route, pairs: list[tuple[str, str]]) -> Any:
    """The route's request; empty values say nothing, unknown names are ignored. Raises `WireRefusal` 400."""
    given = {name: value for name, value in pairs if value}
    if route.request is None:
        return None
    for name in route.request.__struct_fields__:
        if sum(1 for other, _ in pairs if other == name) > 1:
            raise bad_input(name, "is given more than once")
    try:
        return msgspec.convert(given, route.request, strict=False)
    except msgspec.ValidationError as error:
        raise bad_input(_field(error), str(error)) from None


def decode_body(route: Route, body: bytes) -> Any:
    """The route's request. Raises `WireRefusal` 400."""
    if route.request is None:
        return None
    try:
        return _decoder(route.request).decode(body)
    except msgspec.ValidationError as error:
        raise bad_input(_field(error), str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_input("body", unread(error, body).replace("the answer", "the body")) from None


def _field(error: msgspec.ValidationError) -> str:
    """The member of the request that msgspec's sentence names; ``body`` where it names none."""
    place = _PLACE.search(str(error))
    missing = _MISSING.search(str(error))
    name = (place and place.group(1)) or (missing and missing.group(1)) or "body"
    return re.split(r"[.\[]", name)[0] or "body"


def encode_answer(answer: Any) -> bytes:
    return msgspec.json.encode(answer)
