"""Shows that what a careless or hostile client sends to a paper exchange of contracts is refused in the exchange's own
words, as an error that says who, whether it happened and what next, and without the secret; and that the venue is what
it was before: the same hash of its state.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
import pytest

from conformance.grounds import DAY, Grounds
from conformance.wire_client import WireClient
from nostro import errors
from nostro.exchanges import exchange
from nostro.exchanges.grvt import auth as grvt_auth
from nostro.exchanges.kraken_futures import auth as kraken_auth
from nostro.exchanges.kraken_futures.auth import signed
from nostro.link.commands import Rejected
from nostro.link.declare import Query, Route, Signing
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.paper.feeds import Hub
from nostro.paper.server import Server
from nostro.paper.venue.commands import SetMark

WIRES = ("bingx_v1", "grvt", "kraken_futures")
SECOND = 1_000_000_000


class Here:
    """One wire: its venue, its server, and a client of the key that may trade."""

    def __init__(self, name: str, grounds: Grounds) -> None:
        self.exchange = exchange(name)
        self.ground = grounds(name)
        self.server = Server(self.exchange, self.ground.view)
        self.client = WireClient(self.exchange, self.server.handle, self.ground.login, now_ns=self.ground.now_ns)
        self.engine = self.ground.view.engine
        self.routes = {serve.route.name: serve.route for serve in self.exchange.serves}
        self.user = self.ground.user
        order = self.ground.commands["place"]
        self.amount, self.price, self.symbol = str(order.amount), str(order.price), order.instrument

    def unsigned(self, route: Route, said: Any) -> HttpRequest:
        base = urlsplit(self.exchange.url_of(route.host, self.exchange.url)).path
        text = said if isinstance(said, bytes) else self._text(said)
        in_query = self.exchange.id != "grvt" and (route.method != "POST" or route.auth == "none")
        return HttpRequest(
            method=route.method, path=f"{base}/{route.path}", query=text.decode() if in_query else "",
            body=b"" if in_query else text,
        )  # fmt: skip

    def _text(self, said: Any) -> bytes:
        return (json.dumps(said) if self.exchange.id == "grvt" else urlencode(said)).encode()

    def signed(self, name: str, said: Any, *, now_ns: int | None = None) -> HttpRequest:
        route = self.routes[name]
        signing = Signing(self.client.credentials, self.client.token, now_ns or self.ground.now_ns)
        return self.exchange.auth.sign(route, self.unsigned(route, said), signing)

    def refused(self, request: HttpRequest, *, as_error: type[errors.NostroError] = errors.Refused) -> tuple[int, Any]:
        """Status and code of a refusal, which changed nothing and is a clear error of ours."""
        before = self.engine.state_hash()
        answer = self.server.handle(request)
        assert self.engine.state_hash() == before
        code = code_of(answer)
        assert code not in (None, 0), answer.body
        self._is_clear(answer, as_error)
        return answer.status, code

    def _is_clear(self, answer: HttpAnswer, kind: type[errors.NostroError]) -> None:
        if answer.status == 200 and not self.exchange.refused(answer.body):
            return  # an answer that says of one order that it was refused
        error = self.exchange.errors(answer.status, answer.headers, answer.body)
        assert isinstance(error, kind), error
        assert error.exchange == self.exchange.id
        assert error.message
        assert error.hint
        shown = f"{error} {error!r} {error.message} {error.hint}"
        login = self.ground.login
        for secret in (login.key, login.secret, *login.extra.values()):
            assert len(secret) < 12 or secret not in shown


def code_of(answer: HttpAnswer) -> Any:
    said = json.loads(answer.body)
    if "code" in said or "c" in said:  # the latter in GRVT's lite encoding
        return said.get("code", said.get("c"))
    if "errors" in said:
        return said["errors"][0]["code"]
    status = said.get("sendStatus") or said.get("editStatus") or said.get("cancelStatus") or {}
    return said.get("error") or status.get("status")


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    made = Grounds(tmp_path_factory.mktemp)
    yield made
    made.close()


@pytest.fixture
def bingx(grounds: Grounds) -> Here:
    return Here("bingx_v1", grounds)


@pytest.fixture
def kraken(grounds: Grounds) -> Here:
    return Here("kraken_futures", grounds)


@pytest.fixture
def grvt(grounds: Grounds) -> Here:
    return Here("grvt", grounds)


@pytest.fixture(params=WIRES)
def here(request: pytest.FixtureRequest, grounds: Grounds) -> Here:
    return Here(request.param, grounds)


# ── every wire ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mark_price_of_zero_is_never_set(here: Here) -> None:
    before = here.engine.state_hash()
    outcome = here.ground.view.carry_out(SetMark(instrument=here.symbol, price=Decimal(0)))
    assert isinstance(outcome.answer, Rejected)
    assert here.engine.state_hash() == before


@pytest.mark.parametrize("name", ["X-Any", "Accept", "APIKey", "Nonce", "Cookie"])
def test_headers_that_are_no_text_are_refused(here: Here, name: str) -> None:
    """As a socket hands bytes on that are no UTF-8."""
    route = next(route for route in here.routes.values() if route.auth != "none")
    request = here.unsigned(route, {})
    answer = here.server.handle(msgspec.structs.replace(request, headers={name: "a\udcff"}))
    assert answer.status == 400


VALUES = (
    "", "0", "-1", "1000000", "1e5", "1e99", "1E-99", "9" * 39, "9" * 39 + "." + "9" * 36, "9" * 400, "NaN", "null",
    "-Infinity", "٣", "²", "\uff11\uff12", "\x00", "a\x00b", "é", "A" * 65_536, "[]", "{}", '"', "0x" + "f" * 32,
    "9223372036854775808", "9999-12-31T23:59:59.999999999+14:00", "ffffffff-ffff-4fff-8fff-ffffffffffff",
)  # fmt: skip
JSON: tuple[Any, ...] = (None, True, 0, -1, 10**30, 1.5, [], {}, [[]], [None], {"a": 1})
ROUNDS = 600


def test_whatever_is_said_is_answered_and_no_fault_of_the_server(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members filled at random, from a seed; then bytes put in at random. The one status above 499 is that of GRVT's
    code for what is switched off."""
    monkeypatch.setattr(kraken_auth.KrakenAuth, "_charge", lambda *_, **__: None)
    draw = random.Random(4)
    routes = [route for route in here.routes.values() if route.request is not None and "{" not in route.path]
    statuses: set[int] = set()
    for _ in range(ROUNDS):
        route = draw.choice(routes)
        request = here.signed(route.name, _said(here, route, draw))
        if draw.random() < 0.2:
            body = bytearray(request.body)
            at = draw.randrange(len(body) + 1)
            body[at:at] = draw.choice((b"\xff\xfe", b"\x00", b"[" * 5_000, b'"a":1,"a":2,', b"\\ud800", b"1e999999"))
            request = msgspec.structs.replace(request, body=bytes(body))
        answer = here.server.handle(request)
        assert answer.status < 500 or code_of(answer) == 1009, (route.name, request.body)
        statuses.add(answer.status)
    assert 200 in statuses
    assert here.engine.check()


def _said(here: Here, route: Route, draw: random.Random) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for field in msgspec.structs.fields(route.request):
        if field.required or draw.random() < 0.6:
            of_json = here.exchange.id == "grvt" and draw.random() < 0.3
            said[field.encode_name] = draw.choice(JSON if of_json else VALUES)
    if "sub_account_id" in said and draw.random() < 0.8:
        said["sub_account_id"] = str(here.user)
    return said


# ── BingX ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _trade(here: Here, **more: str) -> dict[str, str]:
    return {
        "symbol": here.symbol.split(":")[0].replace("/", "-"), "side": "Bid", "tradeType": "Limit", "action": "Open",
        "entrustVolume": here.amount, "entrustPrice": here.price,
    } | more  # fmt: skip


@pytest.mark.parametrize("sign", ["", "A" * 43 + "=", "\x00", "é"])
def test_bingx_a_bad_signature(bingx: Here, sign: str) -> None:
    body = bingx.signed("trade", _trade(bingx)).body.decode()
    said = dict(pair.split("=", 1) for pair in body.split("&"))
    request = bingx.unsigned(bingx.routes["trade"], "&".join(
        f"{name}={value}" for name, value in (said | {"sign": sign}).items()
    ).encode())  # fmt: skip
    assert bingx.refused(request, as_error=errors.Unauthorized) == (200, 80014)


@pytest.mark.parametrize("seconds", [-31, 31])
def test_bingx_a_signature_of_another_time(bingx: Here, seconds: int) -> None:
    now_ns = bingx.ground.now_ns + seconds * SECOND
    assert bingx.refused(bingx.signed("trade", _trade(bingx), now_ns=now_ns)) == (200, 80014)


@pytest.mark.parametrize(
    ("name", "said", "code"),
    [
        ("trade", {"symbol": "NOPE-USDT"}, 80014),
        ("trade", {"entrustVolume": "NaN"}, 80014),
        ("trade", {"entrustVolume": "-1"}, 80014),
        ("trade", {"action": "Close", "side": "Ask", "tradeType": "Market", "entrustVolume": "99"}, 80017),
        ("close", {"positionId": "1"}, 80017),
        ("cancel", {"orderId": "999999999"}, 80016),
        ("set_leverage", {"side": "Long", "leverage": "101"}, 80014),
        ("set_leverage", {"side": "Long", "leverage": "0"}, 80014),
        ("cancel_some", {"oids": "1" * 19}, 80014),
        ("history_orders", {"length": "-1"}, 80014),
    ],
)
def test_bingx_what_cannot_be_done(bingx: Here, name: str, said: dict[str, str], code: int) -> None:
    assert bingx.refused(bingx.signed(name, _trade(bingx) | said)) == (200, code)


def test_bingx_a_long_id_is_not_taken_for_two(bingx: Here) -> None:
    """19 digits, the last of which are the number of an order that is open."""
    before = {fact.native_id for fact in bingx.client.ask("open_orders")}
    own = min(before, key=len)
    request = bingx.signed("cancel_some", _trade(bingx) | {"oids": "1" * 18 + own})
    assert bingx.refused(request) == (200, 80014)
    assert {fact.native_id for fact in bingx.client.ask("open_orders")} == before


# ── Kraken Futures ───────────────────────────────────────────────────────────────────────────────────────────────


def _order(here: Here, **more: str) -> dict[str, str]:
    listed = here.ground.view.instrument(here.symbol)
    return {
        "orderType": "lmt", "symbol": listed.code or "PI_XBTUSD", "side": "buy", "size": here.amount,
        "limitPrice": here.price,
    } | more  # fmt: skip


@pytest.mark.parametrize("authent", ["", "AAAA", "é", "A" * 86 + "=="])
def test_kraken_a_bad_signature(kraken: Here, authent: str) -> None:
    signed = kraken.signed("send_order", _order(kraken))
    request = msgspec.structs.replace(signed, headers=signed.headers | {"Authent": authent})
    assert kraken.refused(request, as_error=errors.Unauthorized) == (200, "authenticationError")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("send_order", {"symbol": "PF_NOPEUSD"}),
        ("send_order", {"size": "NaN"}),
        ("send_order", {"size": "1e15", "limitPrice": "9" * 39 + "." + "9" * 36}),
        ("send_order", {"limitPrice": "0"}),
        ("send_order", {"size": "99999999", "side": "sell", "reduceOnly": "true", "symbol": "PF_ETHUSD"}),
        ("executions", {"count": "0"}),
        ("executions", {"count": "-1"}),
        ("executions", {"count": "1e6"}),
        ("executions", {"since": "never"}),
        ("initial_margin", {"size": "9" * 39 + "." + "9" * 36}),
        ("max_order_size", {"limitPrice": "9" * 39}),
        ("set_leverage_preference", {"symbol": "PF_XBTUSD", "maxLeverage": "1000"}),
        ("set_leverage_preference", {"symbol": "PF_XBTUSD", "maxLeverage": "0"}),
        ("batch_order", {"json": "(" * 500}),
        ("batch_order", {"json": "{'batchOrder': [{'size': " + "9" * 5_000 + "}]}"}),
    ],
)
def test_kraken_what_cannot_be_done(kraken: Here, name: str, said: dict[str, str]) -> None:
    status, code = kraken.refused(kraken.signed(name, _order(kraken) | said))
    assert status in (200, 400)
    assert code not in ("placed", "success")


def test_kraken_a_million_rows_are_as_many_as_there_are(kraken: Here) -> None:
    answer = kraken.server.handle(kraken.signed("executions", {"count": "1000000"}))
    assert answer.status == 200
    assert json.loads(answer.body)["elements"]


@pytest.mark.parametrize("user", [1, 10**6, -1])
def test_kraken_a_cursor_of_another_account(kraken: Here, user: int) -> None:
    forged = base64.urlsafe_b64encode(json.dumps([user, True, kraken.ground.now_ns, [0, 0]]).encode()).decode()
    assert user != kraken.user
    status, code = kraken.refused(kraken.signed("executions", {"continuation_token": forged}))
    assert (status, "continuation_token" in str(code) or code == "invalidArgument") == (200, True)


class Line:
    """One connection to the feed of a wire, without a socket."""

    def __init__(self, hub: Hub, path: str, headers: dict[str, str] | None = None) -> None:
        self.hub = hub
        opened = hub.open(HttpRequest(method="GET", path=path, headers=headers or {}), lambda _: None)
        assert opened is not None
        self.session = opened
        self.heard()

    def heard(self) -> list[Any]:
        return [json.loads(self.session.take().text) for _ in range(len(self.session.outgoing))]

    def say(self, said: Any) -> list[Any]:
        self.hub.receive(self.session, said if isinstance(said, str) else json.dumps(said))
        return self.heard()


@pytest.fixture
def kraken_hub(kraken: Here) -> Hub:
    assert kraken.exchange.feed is not None
    return Hub(kraken.exchange.feed, kraken.ground.view)


def test_kraken_a_challenge_of_another_connection(kraken: Here, kraken_hub: Hub) -> None:
    """Neither what was signed nor what is named may be another's, whoever signs it."""
    key, secret = kraken.ground.login.key, kraken.ground.login.secret
    own, other = (Line(kraken_hub, kraken_hub.paths[0]) for _ in range(2))
    mine, theirs = (line.say({"event": "challenge", "api_key": key})[0]["message"] for line in (own, other))
    before = kraken.engine.state_hash()
    for named, over in ((theirs, theirs), (theirs, mine), (mine, theirs), ("", ""), (mine, "")):
        heard = own.say({
            "event": "subscribe", "feed": "fills", "api_key": key, "original_challenge": named,
            "signed_challenge": signed(secret, over.encode()),
        })  # fmt: skip
        assert [each["event"] for each in heard] == ["alert", "subscribed_failed"], (named, over)
    heard = own.say({
        "event": "subscribe", "feed": "fills", "api_key": key, "original_challenge": mine,
        "signed_challenge": signed(secret, mine.encode()),
    })  # fmt: skip
    assert heard[0]["event"] == "subscribed"
    assert kraken.engine.state_hash() == before


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("", "Json Error"),
        ("[" * 5_000, "Json Error"),
        ({"event": 1}, "Json Error"),
        ({"event": "subscribe", "feed": "nope"}, "Invalid feed"),
        ({"event": "subscribe", "feed": "ticker", "product_ids": ["NOPE"]}, "Invalid product id"),
        ({"event": "subscribe", "feed": "ticker"}, "Invalid product id"),
        ({"event": "subscribe", "feed": "open_orders", "product_ids": ["NOPE"]}, "Invalid product id"),
        ({"event": "subscribe", "feed": "ticker", "product_ids": [["PF_XBTUSD"]]}, "Json Error"),
    ],
)
def test_kraken_what_no_feed_can_be(kraken_hub: Hub, said: Any, message: str) -> None:
    line = Line(kraken_hub, kraken_hub.paths[0])
    assert line.say(said) == [{"event": "error", "message": message}]
    assert line.session.ended is None


# ── GRVT ─────────────────────────────────────────────────────────────────────────────────────────────────────────

BTC = "BTC_USDT_Perp"


@pytest.mark.parametrize("route", ["positions", "positions_lite"])
def test_grvt_a_body_of_the_other_encoding(grvt: Here, route: str) -> None:
    said = {"sa": str(grvt.user)} if route == "positions" else {"sub_account_id": str(grvt.user)}
    assert grvt.refused(grvt.signed(route, said)) == (400, 1003)


class Then:
    """The venue at another time."""

    def __init__(self, view: Any, now_ns: int) -> None:
        self._view, self._now_ns = view, now_ns

    def now_ns(self) -> int:
        return self._now_ns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)


@pytest.mark.parametrize(("late_s", "status"), [(-1, 200), (0, 401), (1, 401)])
def test_grvt_an_expired_cookie(grvt: Here, late_s: int, status: int) -> None:
    """A session ends in the second that it names."""
    began_ns = grvt.ground.now_ns - (grvt.ground.view.token_life_s() + late_s) * SECOND
    session = grvt_auth.issue(Then(grvt.ground.view, began_ns), grvt.ground.login)
    headers = {"Cookie": session["Set-Cookie"].partition(";")[0], grvt_auth.ACCOUNT_ID: session[grvt_auth.ACCOUNT_ID]}
    request = grvt.unsigned(grvt.routes["positions"], {"sub_account_id": str(grvt.user)})
    answer = grvt.server.handle(msgspec.structs.replace(request, headers=headers))
    assert answer.status == status
    if status == 401:
        assert code_of(answer) == 1000
        assert isinstance(grvt.exchange.errors(401, {}, answer.body), errors.Unauthorized)


def test_grvt_a_cookie_that_was_changed(grvt: Here) -> None:
    signed = grvt.signed("positions", {"sub_account_id": str(grvt.user)})
    for changed in ("gravity=", f"{signed.headers['Cookie'][:-1]}x", "gravity=\x00", "gravity=1-61-" + "0" * 64):
        request = msgspec.structs.replace(signed, headers=signed.headers | {"Cookie": changed})
        assert grvt.refused(request, as_error=errors.Unauthorized) == (401, 1000)


def _cursor(*said: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode()


@pytest.mark.parametrize("route", ["account_history", "fill_history", "position_history", "funding_payment_history"])
def test_grvt_a_cursor_of_another_account_or_of_nobody(grvt: Here, route: str) -> None:
    user, now_ns = str(grvt.user), grvt.ground.now_ns
    own = (route, user)
    for cursor in (
        "x", "é", _cursor(route, "1", 0, now_ns, 10), _cursor("order_history", user, 0, now_ns, 10),
        _cursor(*own, 0, now_ns, 10, -5), _cursor(*own, 0, now_ns, 10, 2**63), _cursor(*own, 0, 2**70, 10),
        _cursor(*own, -1, now_ns, 10), _cursor(*own, 0, now_ns, 0), _cursor(*own, 0, now_ns, 10**6),
    ):  # fmt: skip
        said = {"sub_account_id": user, "cursor": cursor}
        assert grvt.refused(grvt.signed(route, said)) == (400, 1003), cursor


@pytest.mark.parametrize("limit", [0, -1, 1_000_000, "0", "-1", "1000000"])
def test_grvt_a_limit_is_cut_to_what_a_page_may_hold(grvt: Here, limit: int | str) -> None:
    said = {"sub_account_id": str(grvt.user), "limit": limit}
    answer = grvt.server.handle(grvt.signed("fill_history", said))
    assert answer.status == 200
    assert 0 < len(json.loads(answer.body)["result"]) <= 1_000


def test_grvt_an_hour_without_a_snapshot(grvt: Here) -> None:
    """No row, no error; and no row is made up."""
    whole = Query(since_ns=grvt.ground.now_ns - 20 * DAY, until_ns=grvt.ground.now_ns)
    hours = {fact.effective_ns for fact in grvt.client.ask("snapshots", whole)}
    assert hours
    idle = next(at for at in range(min(hours), grvt.ground.now_ns, 3_600 * SECOND) if at not in hours)
    assert grvt.client.ask("snapshots", Query(since_ns=idle, until_ns=idle + SECOND)) == []


@pytest.mark.parametrize(
    ("route", "said", "expected"),
    [
        ("positions", {"sub_account_id": "1"}, (403, 1001)),
        ("positions", {"sub_account_id": None}, (400, 1003)),
        ("order", {"order_id": "0x" + "f" * 32}, (404, 1004)),
        ("order", {"order_id": "0x" + "0" * 16 + "f" * 16}, (404, 1004)),
        ("order", {}, (400, 3021)),
        ("set_initial_leverage", {"instrument": BTC, "leverage": "51"}, (400, 2101)),
        ("set_initial_leverage", {"instrument": BTC, "leverage": "0"}, (400, 2100)),
        ("set_initial_leverage", {"instrument": "NOPE_USDT_Perp", "leverage": "5"}, (404, 1004)),
        ("ticker", {"instrument": "NOPE_USDT_Perp"}, (404, 1004)),
        ("fill_history", {"start_time": "-1"}, (400, 1003)),
    ],
)
def test_grvt_what_cannot_be_done(grvt: Here, route: str, said: dict[str, Any], expected: tuple[int, int]) -> None:
    assert grvt.refused(grvt.signed(route, {"sub_account_id": str(grvt.user)} | said)) == expected


def test_grvt_an_order_that_another_signed(grvt: Here) -> None:
    order = {
        "sub_account_id": str(grvt.user), "is_market": False, "time_in_force": "GOOD_TILL_TIME",
        "legs": [{"instrument": BTC, "size": "0.01", "limit_price": grvt.price, "is_buying_asset": True}],
        "metadata": {"client_order_id": "7"},
        "signature": {
            "signer": "0x" + "1" * 40, "r": "0x" + "1" * 64, "s": "0x" + "1" * 64, "v": 27, "nonce": 1,
            "expiration": str(grvt.ground.now_ns + DAY),
        },
    }  # fmt: skip
    assert grvt.refused(grvt.signed("create_order", {"order": order}))[1] in (2000, 2002)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("subscribe", {"stream": "v1.nope", "selectors": ["x"]}, 1003),
        ("subscribe", {"stream": "v1.fill", "selectors": ["1"]}, 1001),
        ("subscribe", {"stream": "v1.fill", "selectors": [""]}, 3020),
        ("subscribe", {"stream": "v1.ticker.s", "selectors": ["NOPE@500"]}, 3000),
        ("v1/nope", {}, 1003),
        ("v1/positions", [], 1003),
        ("v1/positions", {"sub_account_id": "1"}, 1001),
        ("v1/positions", {"sa": "1"}, 1003),
        ("v1/order", {"order_id": "0x" + "f" * 32}, 1004),
    ],
)
def test_grvt_what_no_socket_answers(grvt: Here, method: str, params: Any, code: int) -> None:
    assert grvt.exchange.feed is not None
    before = grvt.engine.state_hash()
    headers = grvt.signed("positions", {}).headers
    line = Line(Hub(grvt.exchange.feed, grvt.ground.view), "/ws/full", dict(headers))
    if method == "v1/order":
        params = {"sub_account_id": str(grvt.user)} | params
    (heard,) = line.say({"jsonrpc": "2.0", "method": method, "params": params, "id": 7})
    assert (heard["id"], heard["error"]["code"]) == (7, code)
    assert line.session.ended is None
    assert grvt.engine.state_hash() == before
