"""Bytes and messages of Kraken Futures. It decides how parameters travel and how answers are written and read, byte for
byte; it does not decide what they mean.

Source: python-kraken-sdk 3.5.1 (POST as a form, PUT and GET in the query) and ccxt 4.5.90 (all in the query, but
batches); both orders of both are served: query and form are one. A batch comes as plain JSON behind ``json=``, as a
form, and, from python-kraken-sdk before 3.2.5, as Python's text of a dict.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Raw

from nostro import errors
from nostro.exchanges.kraken_futures.refusals import refusal
from nostro.link.declare import Carried, Route
from nostro.link.http import HttpRequest, query_pairs, query_text
from nostro.link.said import unread

FORM: Final = "application/x-www-form-urlencoded"
_RAW_JSON: Final = b"json="
_PART: Final = re.compile(r"\{(\w+)\}", re.ASCII)


# ── our requests ─────────────────────────────────────────────────────────────────────────────────────────────────


def encode_request(route: Route, message: msgspec.Struct | None) -> Carried:
    """What reads travels in the query, and what is put; what is posted is a form."""
    if message is None:
        return Carried()
    pairs, parts = encode_members(message)
    path = _PART.sub(lambda part: parts[part.group(1)], route.path) if parts else ""
    text = query_text(pairs)
    if route.method == "POST":
        return Carried(path=path, body=text.encode(), content_type=FORM)
    return Carried(path=path, query=text)


def encode_members(message: msgspec.Struct) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """The members that are set, in order, lists name by name; and those that are parts of the path."""
    pairs: list[tuple[str, str]] = []
    parts: dict[str, str] = {}
    for field in msgspec.structs.fields(message):
        value = getattr(message, field.name)
        if value is None or field.name == "version":
            continue
        if field.name.startswith("path_"):
            parts[field.name.removeprefix("path_")] = value
        else:
            pairs += [(field.encode_name, each) for each in (value if isinstance(value, list) else [value])]
    return pairs, parts


# ── the exchange's answers ───────────────────────────────────────────────────────────────────────────────────────


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode(route: Route, body: bytes) -> Any:
    """The route's answer. Raises `Undecodable` for anything else, naming the field."""
    try:
        return _decoder(route.answer).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise errors.Undecodable(
            f"Kraken Futures {route.name}: {unread(error, body)}", hint="its bytes are kept",
            exchange="kraken_futures",
        ) from None  # fmt: skip


# ── the server's side ────────────────────────────────────────────────────────────────────────────────────────────


def parameters(request: HttpRequest) -> list[tuple[str, str]]:
    """All parameters of a request, of its query and its form. Raises `WireRefusal` 400 where they cannot be read."""
    try:
        return query_pairs(request.query) + _form(request.body)
    except ValueError:
        raise refusal(400, "the parameters cannot be read") from None


def _form(body: bytes) -> list[tuple[str, str]]:
    """Raises ValueError."""
    if body.startswith(_RAW_JSON):
        rest = body[len(_RAW_JSON) :]
        try:
            msgspec.json.decode(rest)
        except (msgspec.DecodeError, RecursionError):
            pass
        else:
            return [("json", rest.decode())]
    return query_pairs(body.decode())


def decode_request(route: Route, request: HttpRequest) -> Any:
    """The route's request: unknown and empty parameters say nothing; of two the last counts, but in lists. Raises
    `WireRefusal` 400."""
    if route.request is None:
        return None
    given: dict[str, list[str]] = {}
    for name, value in parameters(request):
        if value:
            given.setdefault(name, []).append(value)
    members = _path_members(route, request.path)
    for field in msgspec.structs.fields(route.request):
        values = given.get(field.encode_name)
        if values:
            members[field.name] = values if "list" in str(field.type) else values[-1]
    return route.request(**members)


def _path_members(route: Route, path: str) -> dict[str, Any]:
    """The parts of the path that a route with ``{name}`` has, and the version of a history's."""
    for known in (route.path, *route.aliases):
        found = _pattern(known).search(path)
        if found is not None:
            parts: dict[str, Any] = {f"path_{name}": text for name, text in found.groupdict().items()}
            wanted = {field.name for field in msgspec.structs.fields(route.request)} if route.request else set()
            return parts | ({"version": known.split("/")[2]} if "version" in wanted else {})
    return {}


@cache
def _pattern(path: str) -> re.Pattern[str]:
    pieces = _PART.split(path)
    fixed = [re.escape(piece) if at % 2 == 0 else f"(?P<{piece}>[^/]+)" for at, piece in enumerate(pieces)]
    return re.compile("".join(fixed) + "/?$", re.ASCII)


def batch_items(text: str) -> list[dict[str, str | int]]:
    """The items of a batch: their members as texts, but ``order_tag`` as it came. Raises ValueError for what is no
    batch in any of the three forms."""
    try:
        found = msgspec.json.decode(text, type=_Batch).batch_order
        return [{name: _plain(name, raw) for name, raw in item.items() if bytes(raw) != b"null"} for item in found]
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        literal = ast.literal_eval(text)
        items = msgspec.convert(literal, dict[str, list[dict[str, str | int | float | bool | None]]])["batchOrder"]
    except (ValueError, SyntaxError, RecursionError, MemoryError, KeyError, msgspec.ValidationError):
        raise ValueError("this is no batch of orders") from None
    return [{name: _text(name, value) for name, value in item.items() if value is not None} for item in items]


class _Batch(msgspec.Struct, frozen=True, rename="camel"):
    batch_order: list[dict[str, Raw]]


def _plain(name: str, raw: Raw) -> str | int:
    """A member's text: a JSON number keeps its own digits."""
    value: Any = msgspec.json.decode(raw) if bytes(raw)[:1] in b'"{[' else bytes(raw).decode()
    if name == "order_tag" and not bytes(raw).startswith(b'"') and str(value).lstrip("-").isdecimal():
        return int(value)
    return str(value)


def _text(name: str, value: object) -> str | int:
    return value if name == "order_tag" and type(value) is int else str(value)


def encode_answer(answer: Any) -> bytes:
    """What is bytes already is no JSON: a table, or a plain text."""
    return answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
