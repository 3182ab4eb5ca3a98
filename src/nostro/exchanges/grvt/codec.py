"""Bytes and messages of GRVT: every message is a JSON object in the body, in one of two encodings, which the route
knows. It decides how they are written and read; it does not decide what they mean.

The server reads a body as JSON whatever its ``Content-Type`` says: the documentation's own samples send none.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from nostro import errors
from nostro.exchanges.grvt.lite import in_lite
from nostro.exchanges.grvt.refusals import MALFORMED, refused
from nostro.exchanges.grvt.routes import is_lite
from nostro.link.declare import Carried, Route
from nostro.link.http import HttpRequest
from nostro.link.said import unread


@cache
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def encode_request(route: Route, message: msgspec.Struct | None) -> Carried:
    """``{}`` where nothing is said."""
    said = in_lite(message) if is_lite(route.path) else message
    return Carried(body=b"{}" if said is None else msgspec.json.encode(said), content_type="application/json")


def decode(route: Route, body: bytes) -> Any:
    """The route's answer. Raises `Undecodable`, naming the member."""
    try:
        return decoder(route.answer).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise errors.Undecodable(
            f"GRVT {route.name}: {unread(error, body)}", hint="its bytes are kept", exchange="grvt"
        ) from None


def decode_request(route: Route, request: HttpRequest) -> Any:
    """The route's request. Raises `WireRefusal` 1003."""
    try:
        return decoder(route.request).decode(request.body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        sentence = unread(error, request.body).replace("the answer", "the body")
        raise refused(MALFORMED, sentence, lite=is_lite(route.path)) from None


def encode_answer(answer: Any) -> bytes:
    return msgspec.json.encode(answer)
