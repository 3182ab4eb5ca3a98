"""Shows that our signatures are the exchange's client's, byte for byte; that the server takes the requests which that
client was seen to send; and that it takes no token, key or signature but the right one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from conformance.fake_view import DESK, MASTER, NOW, READER, SECOND, TRADER, TREASURER, FakeView
from conformance.wire_client import Key, WireClient
from nostro.exchanges import exchange
from nostro.exchanges.alp import auth
from nostro.link import view
from nostro.link.declare import Signing
from nostro.link.http import HttpRequest
from nostro.paper.server import Server

VECTORS = json.loads((Path(__file__).parents[2] / "recorded" / "alp" / "vectors.json").read_text("utf-8"))
ALP = exchange("alp")
D26 = exchange("alp", "d26")
ROUTES = {(route.method, route.path): route for route in ALP.routes}
USER = view.Login(
    user=7, name="Vector", email="", key="test-api-key", secret="test-api-secret",
    permissions=frozenset({"read", "trade", "margin", "withdraw"}),
)  # fmt: skip


def vector_id(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def expected(vector: dict[str, Any]) -> tuple[str, str, str, bytes, dict[str, str]]:
    answer = vector["expected"]
    path, _, query = answer["path_and_query"].partition("?")
    return answer["method"], path, query, answer["body_exact"].encode(), dict(answer["headers"])


@pytest.mark.parametrize("vector", [each for each in VECTORS if each["expected"]["method"] != "GET"], ids=vector_id)
def test_the_signer_gives_the_recorded_signature(vector: dict[str, Any]) -> None:
    method, path, _, body, headers = expected(vector)
    route = ROUTES[method, path.removeprefix("/api/v3/")]
    token = headers.get("Authorization", "").removeprefix("Bearer ")
    key = Key(vector["inputs"]["api_key"], vector["inputs"]["api_secret"])
    signed = ALP.auth.sign(route, HttpRequest(method=method, path=path, body=body), Signing(key, token, NOW)).headers
    assert signed == {name: value for name, value in headers.items() if name in ("Authorization", "X-SIGN")}


@pytest.mark.parametrize("vector", VECTORS, ids=vector_id)
def test_the_server_takes_exactly_the_recorded_bytes(vector: dict[str, Any]) -> None:
    """The token of the recording is that day's: the server's own takes its place, and nothing else."""
    method, path, query, body, headers = expected(vector)
    venue = FakeView()
    venue.logins[USER.key] = USER
    server = Server(ALP, venue)
    client = WireClient(ALP, server.handle, USER)
    if "Authorization" in headers:
        headers["Authorization"] = f"Bearer {client.token}"
    answer = server.handle(HttpRequest(method=method, path=path, query=query, headers=headers, body=body))
    if vector["name"] == "alp_place_stop_limit":
        assert venue.submitted[-1][1].wallet == "isolated_margin:ETH/USDT"  # type: ignore[union-attr]
    assert answer.status == 200, answer.body
    route = ROUTES.get((method, path.removeprefix("/api/v3/"))) or ALP.ask("order_book").route  # type: ignore[union-attr]
    ALP.decode(route, answer.body)


COMMANDS = {
    "alp_place_limit": {"side": "sell", "amount": "0.05", "price": "1800", "type": "limit", "time_in_force": "gtc"},
    "alp_place_market": {"side": "buy", "quote_amount": "100", "type": "market", "price": "None"},
    "alp_place_stop_limit": {
        "side": "sell", "type": "stop_limit", "price": "1700", "stop_price": "1800", "stop_operator": "gte",
        "time_in_force": "ioc", "valid_till_ns": "1893553445000000000", "expire_after_ns": "1925089445000000000",
        "client_id": "abc", "wallet": "isolated_margin:ETH/USDT", "side_effect": "auto_borrow",
    },
    "alp_cancel_one": {"order_ids": "(12312332,)"},
    "alp_cancel_many": {"order_ids": "(1, 5, 8)"},
    "alp_cancel_all": {"instrument": "None"},
    "alp_cancel_pair": {"instrument": "ETH/USDT"},
    "alp_withdraw": {"amount": "10", "method": "2", "attributes": "{'address': '0xabc', 'memo': 'm é'}",
                     "client_id": "order_123"},
    "alp_margin_transfer": {
        "account": "384457", "wallet": "cross_margin", "direction": "add", "asset": "ETH", "amount": "1", "note": "",
    },
    "alp_margin_borrow": {
        "account": "384457", "wallet": "cross_margin", "asset": "ETH", "amount": "1", "type": "manual",
    },
    "alp_margin_repay": {
        "account": "384457", "wallet": "cross_margin", "asset": "ETH", "amount": "0.03", "type": "manual",
    },
    "alp_margin_close": {"account": "384457", "wallet": "cross_margin"},
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_the_recorded_bytes_mean_what_the_caller_meant(name: str) -> None:
    vector = next(each for each in VECTORS if each["name"] == name)
    method, path, _, body, headers = expected(vector)
    venue = FakeView()
    venue.logins[USER.key] = USER
    server = Server(ALP, venue)
    headers["Authorization"] = f"Bearer {WireClient(ALP, server.handle, USER).token}"
    server.handle(HttpRequest(method=method, path=path, headers=headers, body=body))
    _, command = venue.submitted[-1]
    assert {field: str(getattr(command, field)).replace("1800.0", "1800") for field in COMMANDS[name]} == COMMANDS[name]


# ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_a_web_token_that_ends_when_the_venue_says() -> None:
    """Read here by hand, as any JWT library would."""
    venue = FakeView()
    client = WireClient(ALP, Server(ALP, venue).handle, TRADER)
    header, claims, signature = client.token.split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["exp"] == NOW // SECOND + venue.life_s
    digest = hmac.new(venue.sign_tokens_with(), f"{header}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == signature
    assert client.token_ends_ns == NOW + venue.life_s * SECOND


@pytest.mark.parametrize(
    "answer", ["", "a.b", "a.b.c", "....", "a.e30.c", "a.eyJleHAiOiJ4In0.c", "a." + "A" * 5000 + ".c", "é.é.é"]
)
def test_what_is_no_token_is_refused(answer: str) -> None:
    with pytest.raises(ValueError, match="token"):
        auth.token_of(answer, {})


def sign_in(key: str, secret: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    body = json.dumps({"api_key": key, "api_secret": secret}).encode()
    request = HttpRequest(method="POST", path="/api/v3/auth", headers=headers or {}, body=body)
    answer = Server(ALP, FakeView()).handle(request)
    return answer.status, answer.body


def test_only_the_right_pair_signs_in() -> None:
    assert sign_in(TRADER.key, TRADER.secret)[0] == 200
    pairs = [(TRADER.key, READER.secret), ("nobody", TRADER.secret), (TRADER.key, ""), ("", ""), ("nobody", "")]
    for key, secret in [*pairs, (TRADER.key, TRADER.secret + " "), (TRADER.key, "пароль")]:
        status, body = sign_in(key, secret)
        assert status == 401
        assert secret.encode() not in body or not secret
    body = json.dumps({"api_key": TRADER.key, "api_secret": TRADER.secret}).encode()
    assert sign_in(TRADER.key, TRADER.secret, {"X-SIGN": auth.x_sign(body, TRADER.secret)})[0] == 200
    assert sign_in(TRADER.key, TRADER.secret, {"X-SIGN": "0" * 64})[0] == 401


# ── private calls ────────────────────────────────────────────────────────────────────────────────────────────────

PLACE = b'{"pair": "BTC_USDT", "order_side": "BUY", "order_type": "LIMIT", "base_amount": 1, "limit_price": 100}'
CANCEL = b'{"all": true}'


def call(spoken: Any, venue: FakeView, headers: dict[str, str], *, method: str = "POST", body: bytes = PLACE) -> int:
    request = HttpRequest(method=method, path="/api/v3/trading/order", headers=headers, body=body)
    return Server(spoken, venue).handle(request).status


def bearer(venue: FakeView, login: view.Login = TRADER) -> str:
    return f"Bearer {WireClient(ALP, Server(ALP, venue).handle, login).token}"


def test_a_signature_covers_the_received_bytes_and_nothing_else() -> None:
    venue = FakeView()
    headers = {"authorization": bearer(venue), "x-sign": auth.x_sign(PLACE, TRADER.secret)}
    assert call(ALP, venue, headers) == 200
    assert (
        call(ALP, venue, {name: value.upper() if name == "x-sign" else value for name, value in headers.items()}) == 200
    )
    assert len(venue.submitted) == 2
    for other in (PLACE + b" ", PLACE.replace(b": ", b":"), PLACE.replace(b"1,", b"1.0,")):
        assert call(ALP, venue, headers, body=other) == 401
    for sign in ("", "0" * 64, headers["x-sign"][:-1], "é" * 64, auth.x_sign(PLACE, READER.secret)):
        assert call(ALP, venue, headers | {"x-sign": sign}) == 401
    assert call(ALP, venue, {"authorization": headers["authorization"]}) == 401
    assert len(venue.submitted) == 2


def test_a_cancel_may_be_unsigned_where_the_dialect_says_so_but_not_wrongly_signed() -> None:
    venue = FakeView()
    token = {"Authorization": bearer(venue)}
    for dialect, status in (("cli", 200), ("d23", 200), ("d26", 401)):
        assert call(exchange("alp", dialect), venue, token, method="DELETE", body=CANCEL) == status
        wrong = token | {"X-SIGN": "0" * 64}
        assert call(exchange("alp", dialect), venue, wrong, method="DELETE", body=CANCEL) == 401
    signed = token | {"X-SIGN": auth.x_sign(CANCEL, TRADER.secret)}
    assert call(D26, venue, signed, method="DELETE", body=CANCEL) == 202


def test_a_token_ends_and_cannot_be_altered() -> None:
    venue = FakeView()
    token = bearer(venue)
    sign = {"X-SIGN": auth.x_sign(PLACE, TRADER.secret)}
    assert call(ALP, venue, sign | {"Authorization": token}) == 200
    head, claims, signature = token.split(".")
    longer = base64.urlsafe_b64encode(json.dumps({"exp": 10**10, "sub": TRADER.key}).encode()).decode().rstrip("=")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    altered = [
        "", "Bearer", "Bearer ", "Bearer None", token + "A", token[:-2], f"{head}.{longer}.{signature}",
        f"Bearer {none}.{longer}.", token.replace("Bearer", "Basic"), "Bearer é.é.é", f"{head}.{claims}.{'A' * 43}",
    ]  # fmt: skip
    for other in altered:
        assert call(ALP, venue, sign | {"Authorization": other}) == 401, other
    venue.now = NOW + venue.life_s * SECOND - 1
    assert call(ALP, venue, sign | {"Authorization": token}) == 200
    venue.now += 1
    assert call(ALP, venue, sign | {"Authorization": token}) == 401
    venue.now = NOW
    del venue.logins[TRADER.key]
    assert call(ALP, venue, sign | {"Authorization": token}) == 401


MARGIN_PATHS = ("margin", *(f"margin/{name}" for name in ("transfer", "borrow", "repay", "interest", "liquidation")))
BODIES = {
    "trading/order": PLACE,
    "withdraw": b'{"amount": 50, "method": 2, "attributes": {}}',
    "margin/transfer": b'{"account_id": 7, "wallet_type": "CROSS_MARGIN", "direction": "ADD", "amount": 1, '
    b'"currency": "USDT"}',
    "margin/borrow": b'{"account_id": 7, "borrow": 1, "currency": "USDT", "wallet_type": "CROSS_MARGIN"}',
    "margin/repay": b'{"account_id": 7, "amount": 1, "currency": "USDT", "wallet_type": "CROSS_MARGIN"}',
    "margin": b'{"wallet_type": "CROSS_MARGIN"}',
}


@pytest.mark.parametrize(
    ("login", "method", "path", "allowed"),
    [
        (READER, "GET", "accounts/balances", True), (READER, "POST", "trading/order", False),
        (READER, "DELETE", "trading/order", False), (READER, "POST", "withdraw", False),
        (READER, "GET", "withdraw", False), (READER, "GET", "withdraw/methods", False),
        (TRADER, "POST", "trading/order", True), (TRADER, "POST", "withdraw", False),
        (TRADER, "GET", "withdraw", False), (MASTER, "GET", "withdraw", False), (MASTER, "POST", "withdraw", False),
        (TREASURER, "GET", "withdraw", True), (TREASURER, "POST", "withdraw", True),
        (DESK, "POST", "trading/order", False), (DESK, "GET", "accounts/balances", True),
        *((login, "GET", path, login not in (READER, TRADER))
          for login in (READER, TRADER, TREASURER, MASTER, DESK) for path in MARGIN_PATHS),
        *((login, "POST", path, login not in (READER, TRADER))
          for login in (READER, TRADER, TREASURER, MASTER, DESK) for path in MARGIN_PATHS[1:4]),
        *((login, "DELETE", "margin", login not in (READER, TRADER))
          for login in (READER, TRADER, TREASURER, MASTER, DESK)),
    ],
)  # fmt: skip
def test_a_key_without_the_permission_is_forbidden_and_nothing_is_submitted(
    login: view.Login, method: str, path: str, *, allowed: bool
) -> None:
    venue = FakeView()
    body = b"" if method == "GET" else CANCEL if (method, path) == ("DELETE", "trading/order") else BODIES[path]
    headers = {"Authorization": bearer(venue, login), "X-SIGN": auth.x_sign(body, login.secret)}
    query = "" if method != "GET" else "cross_margin=1" if path == "margin" else "currency=USDT"
    request = HttpRequest(method=method, path=f"/api/v3/{path}", query=query, headers=headers, body=body)
    answer = Server(ALP, venue).handle(request)
    assert answer.status == (200 if allowed else 403), answer.body
    assert bool(venue.submitted) == (allowed and method != "GET")


def test_no_secret_is_shown() -> None:
    credentials = Key("k", "top-secret")
    assert "top-secret" not in repr(auth.sign_in_request(credentials))
    request = WireClient(ALP, Server(ALP, FakeView()).handle).request
    shown = repr(request(auth.SIGN_IN, auth.sign_in_request(credentials)))
    assert "top-secret" not in shown
