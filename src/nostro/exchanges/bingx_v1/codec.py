"""Bytes and messages of BingX's swap API v1. It decides where members travel and how an answer's envelope is taken off;
it does not decide what they mean, nor how they are signed (``auth.py``).

Our private calls are forms, as in the exchange's own Python example. A server takes members from the query, a form and
a JSON object, in this order: clients of this wire use all three.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec

from nostro import errors
from nostro.exchanges.bingx_v1.messages import Envelope, Whole
from nostro.exchanges.bingx_v1.refusals import bad_parameter
from nostro.link.declare import Carried, Route
from nostro.link.http import FIELDS_MAX, HttpRequest, query_pairs, query_text
from nostro.link.said import unread

FORM: Final = "application/x-www-form-urlencoded"


def encode_request(route: Route, message: msgspec.Struct | None) -> Carried:
    """The members that are set, as a query of public calls and as a form of private ones."""
    members = [] if message is None else [(name, getattr(message, name)) for name in message.__struct_fields__]
    text = query_text((name, value) for name, value in members if value is not None)
    if route.method == "GET":
        return Carried(query=text)
    return Carried(body=text.encode(), content_type=FORM)


def members(request: HttpRequest) -> dict[str, str]:
    """What a request says, wherever it says it; the first of equal names counts. Raises ValueError for what cannot be
    read."""
    pairs = query_pairs(request.query)
    body = request.body.strip()
    if body.startswith(b"{"):
        pairs += _json_members(body)
    elif body:
        pairs += query_pairs(body.decode("utf-8", "strict"))
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _json_members(body: bytes) -> list[tuple[str, str]]:
    """Numbers as their own digits: they are signed like that."""
    try:
        decoded = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = "the body is no JSON object"
        raise ValueError(message) from None
    if len(decoded) > FIELDS_MAX:
        message = "the body has too many members"
        raise ValueError(message)
    return [(name, _text(value)) for name, value in decoded.items() if bytes(value) != b"null"]


def _text(value: msgspec.Raw) -> str:
    raw = bytes(value)
    if not raw.startswith(b'"'):
        return raw.decode()
    return msgspec.json.decode(raw, type=str)


def decode_request(route: Route, request: HttpRequest) -> Any:
    """The route's request; empty values say nothing, unknown names are ignored. Raises `WireRefusal`."""
    if route.request is None:
        return None
    try:
        given = {name: value for name, value in members(request).items() if value}
    except ValueError as error:
        raise bad_parameter("request", str(error)) from None
    try:
        return msgspec.convert(given, route.request)
    except msgspec.ValidationError as error:
        raise bad_parameter("request", str(error)) from None


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


class _Sealed(msgspec.Struct, frozen=True):
    data: msgspec.Raw = msgspec.Raw(b"null")


def decode(route: Route, body: bytes) -> Any:
    """The route's answer without its envelope. Raises `Undecodable` for anything else, naming the member."""
    try:
        if isinstance(route.answer, type) and issubclass(route.answer, Whole):
            return _decoder(route.answer).decode(body)
        return _decoder(route.answer).decode(_decoder(_Sealed).decode(body).data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise errors.Undecodable(
            f"BingX {route.name}: {unread(error, body)}", hint="its bytes are kept", exchange="bingx_v1"
        ) from None


def encode_answer(answer: Any) -> bytes:
    """In its envelope, unless it has one or needs none."""
    sealed = answer if isinstance(answer, Envelope | Whole) else Envelope(data=answer)
    return msgspec.json.encode(sealed)
