"""Shows that BingX v1 is signed as programs of others sign it, and that a server takes their exact bytes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nostro import errors
from nostro.exchanges.bingx_v1 import routes
from nostro.exchanges.bingx_v1.auth import BingxAuth, signature, signature_bytes, text_to_sign
from nostro.exchanges.bingx_v1.codec import decode_request, encode_request, members
from nostro.exchanges.bingx_v1.requests import CurrencyQuery, SymbolQuery
from nostro.link.declare import Route, Signing, WireRefusal
from nostro.link.http import HttpRequest, query_text
from nostro.link.view import Login

RECORDED = json.loads((Path(__file__).parents[2] / "recorded/bingx_v1/requests.json").read_text("utf-8"))
REQUESTS: list[dict[str, Any]] = RECORDED["requests"]
NAMES = [row["name"] for row in REQUESTS]
LOGIN = Login(
    user=1, name="sample", email="", key=RECORDED["key"], secret=RECORDED["secret"], permissions=frozenset({"read"})
)


class View:
    """What `verify` asks of a venue."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def now_ns(self) -> int:
        return self.now_ms * 1_000_000

    def login_by_key(self, key: str) -> Login | None:
        return LOGIN if key == LOGIN.key else None


class Key(msgspec.Struct, frozen=True):
    key: str = LOGIN.key
    secret: str = LOGIN.secret
    extra: dict[str, str] = {}


def request_of(row: dict[str, Any]) -> HttpRequest:
    path, _, query = row["target"].partition("?")
    headers = {"Content-Type": row["content_type"]} if row["content_type"] else {}
    return HttpRequest(method=row["method"], path=path, query=query, headers=headers, body=row["body"].encode())


def route_of(row: dict[str, Any]) -> Route:
    path = row["target"].partition("?")[0].lstrip("/")
    return next(each for each in routes.ROUTES if path in (each.path, *each.aliases) and each.method == row["method"])


def verified(request: HttpRequest, now_ms: int, route: Route = routes.BALANCE) -> Login | None:
    return BingxAuth().verify(route, request, View(now_ms))  # type: ignore[arg-type]


def code(refused: pytest.ExceptionInfo[WireRefusal]) -> tuple[int, int, str]:
    return refused.value.status, refused.value.body.code, refused.value.body.msg


@pytest.mark.parametrize("row", REQUESTS, ids=NAMES)
def test_recorded_bytes_are_taken(row: dict[str, Any]) -> None:
    request, route = request_of(row), route_of(row)
    login = verified(request, row["timestamp"], route)
    assert (login == LOGIN) == (route.auth == "signed")
    message = decode_request(route, request)
    given = members(request)
    if route.request is not None:
        names = set(route.request.__struct_fields__) & {name for name, value in given.items() if value}
        assert {name: getattr(message, name) for name in names} == {name: given[name] for name in names}


@pytest.mark.parametrize("row", REQUESTS, ids=NAMES)
def test_recorded_signatures_are_ours_too(row: dict[str, Any]) -> None:
    said = members(request_of(row))
    text = text_to_sign(row["method"], row["target"].partition("?")[0], said=said)
    assert signature(text, LOGIN.secret) == said["sign"] == (row["sign"] or said["sign"])
    assert row["text"] in ("", text)


def test_our_client_sends_what_the_example_of_the_documents_sends() -> None:
    for name, route, message in (
        ("bingx_v1_demo_getBalance_1615272721001", routes.BALANCE, CurrencyQuery(currency="USDT")),
        ("bingx_v1_demo_getPositions_1615272721001", routes.POSITIONS, SymbolQuery(symbol="BTC-USDT")),
    ):
        row = next(each for each in REQUESTS if each["name"] == name)
        carried = encode_request(route, message)
        request = HttpRequest(method="POST", path=f"/{route.path}", query=carried.query, body=carried.body)
        signed = BingxAuth().sign(route, request, Signing(Key(), "", row["timestamp"] * 1_000_000))
        assert carried.content_type == row["content_type"]
        # The example leaves the slashes of a signature bare; both say the same.
        assert signed.body.decode().replace("%2F", "/") == row["body"]


def test_what_signs_the_time_and_the_members_is_needed() -> None:
    row = REQUESTS[0]
    request, now = request_of(row), row["timestamp"]
    for late in (30_000, -30_000):
        assert verified(request, now + late) == LOGIN
    for late in (30_001, -30_001):
        with pytest.raises(WireRefusal) as refused:
            verified(request, now + late)
        assert code(refused)[:2] == (200, 80014)
        assert "30 s" in code(refused)[2]
    for changed in (
        msgspec.structs.replace(request, body=request.body.replace(b"USDT", b"USDC")),
        msgspec.structs.replace(request, body=request.body + b"&more=1"),
        msgspec.structs.replace(request, path="/api/v1/user/getPositions"),
        msgspec.structs.replace(request, body=re.sub(rb"&sign=.*", b"", request.body)),
    ):
        with pytest.raises(WireRefusal) as refused:
            verified(changed, now)
        assert code(refused) == (200, 80014, "signature not match")
    with pytest.raises(WireRefusal) as refused:
        verified(msgspec.structs.replace(request, body=request.body.replace(LOGIN.key.encode(), b"nobody")), now)
    assert code(refused)[1] == 100001


def test_the_three_carriers_and_the_escapes_say_the_same() -> None:
    row = REQUESTS[0]
    said, now = members(request_of(row)), row["timestamp"]
    path = row["target"]
    twice = said | {"sign": said["sign"].replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")}
    spaces = said | {"sign": said["sign"].replace("+", " ")}
    for body, query in (
        ("", query_text(said.items())),
        (query_text(said.items()), ""),
        (json.dumps(said), ""),
        (json.dumps(said | {"timestamp": int(said["timestamp"])}), ""),
        (query_text(twice.items()), ""),
        (query_text(spaces.items()), ""),
    ):
        request = HttpRequest(method="POST", path=path, query=query, body=body.encode())
        assert verified(request, now) == LOGIN
        assert decode_request(routes.BALANCE, request) == CurrencyQuery(currency="USDT")
    assert signature_bytes("") is None
    assert signature_bytes("c2hvcnQ=") is None


def test_an_empty_member_is_signed_as_it_arrived() -> None:
    said = {"symbol": "", "apiKey": LOGIN.key, "timestamp": "1615272721001"}
    said["sign"] = signature(text_to_sign("POST", "/api/v1/user/getPositions", said=said), LOGIN.secret)
    request = HttpRequest(method="POST", path="/api/v1/user/getPositions", body=query_text(said.items()).encode())
    assert verified(request, 1615272721001, routes.POSITIONS) == LOGIN
    assert decode_request(routes.POSITIONS, request) == SymbolQuery()


def test_what_cannot_be_read_is_refused() -> None:
    for body in (b"\xff\xfe=1", b"{", b'{"a": ', b"[1]" * 3, b"&".join(b"a%d=1" % each for each in range(100))):
        with pytest.raises(WireRefusal) as refused:
            verified(HttpRequest(method="POST", path="/api/v1/user/getBalance", body=body), 1615272721001)
        assert code(refused)[0] == 200
    for time in ("", "soon", "1615272721001.5", "-1"):
        said = {"apiKey": LOGIN.key, "timestamp": time}
        said["sign"] = signature(text_to_sign("POST", "/api/v1/user/getBalance", said=said), LOGIN.secret)
        request = HttpRequest(method="POST", path="/api/v1/user/getBalance", body=query_text(said.items()).encode())
        with pytest.raises(WireRefusal) as refused:
            verified(request, 1615272721001)
        assert "timestamp" in code(refused)[2]


def test_nobody_signs_without_a_key_and_public_calls_carry_none() -> None:
    request = HttpRequest(method="POST", path="/api/v1/user/getBalance")
    with pytest.raises(errors.Unauthorized):
        BingxAuth().sign(routes.BALANCE, request, Signing(None, "", 0))
    public = HttpRequest(method="GET", path="/api/v1/market/getTicker")
    assert BingxAuth().sign(routes.TICKER, public, Signing(Key(), "", 0)) == public
