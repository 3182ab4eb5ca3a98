"""Shows what a wire may ask of the link beyond a token and a body: several hosts, a sign-in whose token comes in a
header, members that only signing adds, refusals that come as successes, writes that need facts and a private key, and
keys of one sub-account. The exchange is made up, and both its sides are the real ones.
"""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from conformance.fake_view import TREASURER, FakeView
from nostro import errors
from nostro.domain.records import Balance, Instrument, Order
from nostro.keys import Credentials
from nostro.link.commands import CancelAll
from nostro.link.declare import (
    Answered,
    Ask,
    Carried,
    Do,
    Exchange,
    Given,
    Route,
    Serve,
    SignIn,
    Signing,
    Stream,
    WireRefusal,
)
from nostro.link.http import HttpAnswer, HttpRequest, header, query_pairs, query_text
from nostro.link.transport import MemoryTransport
from nostro.link.wire import WireSource
from nostro.paper.server import Server

LIVE = "https://trade.example/api"
NOW_NS = 1_700_000_000_000_000_000


class Asked(msgspec.Struct, frozen=True):
    account: str = ""
    proof: str = ""


SIGN_IN = Route(name="login", method="POST", path="auth/login", host="edge", answer=dict[str, str], secret=True)
BALANCES = Route(name="balances", method="POST", path="v1/balances", request=Asked, answer=dict[str, Any], auth="token")
LISTED = Route(name="listed", method="GET", path="v1/listed", host="market", answer=dict[str, Any])
CANCEL = Route(
    name="cancel", method="PUT", path="v1/cancel", request=Asked, answer=dict[str, Any], auth="signed",
    permission="trade", writes=True,
)  # fmt: skip


def cookie_of(_: Any, headers) -> tuple[str, int]:
    cookie = header(headers, "Set-Cookie")
    if cookie is None:
        raise ValueError("there is no cookie")
    return cookie.partition(";")[0], NOW_NS + 10**15


class CookieAuth:
    """The token is a cookie; what is signed carries a member that was not in the message."""

    sign_in: SignIn | None = SignIn(SIGN_IN, lambda credentials: Asked(account=credentials.key), cookie_of)

    def sign(self, route: Route, request: HttpRequest, signing: Signing) -> HttpRequest:
        headers = dict(request.headers)
        if route.auth != "none":
            headers["Cookie"] = signing.token
        query = request.query
        if route.auth == "signed":
            query = f"{query}&seal={signing.credentials.extra['private_key']}"
        return msgspec.structs.replace(request, headers=headers, query=query)

    def verify(self, route: Route, request: HttpRequest, view):
        if route.auth == "none":
            return None
        if header(request.headers, "Cookie") != f"gravity={view.life_s}":
            raise WireRefusal(200, {"result": "error", "error": "session"})
        if route.auth == "signed" and ("seal", "0xcanary") not in query_pairs(request.query):
            raise WireRefusal(200, {"result": "error", "error": "seal"})
        return view.login_by_key(TREASURER.key)


def encode(route: Route, message: msgspec.Struct | None) -> Carried:
    if message is None:
        return Carried()
    if route.method == "PUT":
        return Carried(query=query_text(msgspec.structs.asdict(message).items()))
    return Carried(body=msgspec.json.encode(message), content_type="application/json")


def decode(route: Route, request: HttpRequest) -> Any:
    if route.request is None:
        return None
    if route.method == "PUT":
        return msgspec.convert(dict(query_pairs(request.query)), route.request)
    return msgspec.json.decode(request.body, type=route.request)


def refused(body: bytes) -> bool:
    return b'"result":"error"' in body


def errors_of(status: int, _, body: bytes) -> errors.NostroError:
    said = msgspec.json.decode(body).get("error", "")
    kind = {"session": errors.Unauthorized, "seal": errors.Forbidden}.get(said, errors.BadRequest)
    return kind(said, status=status)


def balances(_, answer: dict[str, Any]) -> list[Balance]:
    return [Balance(wallet="futures", asset="USD", total=Decimal(1), sub_account=answer["account"])]


def cancel(_: CancelAll, given: Given) -> Asked:
    listed = ",".join(fact.instrument for fact in given.facts if isinstance(fact, Instrument))
    return Asked(account=given.credentials.extra["sub_account_id"], proof=f"{listed} {given.now_ns} {given.nonce}")


ROUTES = (SIGN_IN, BALANCES, LISTED, CANCEL)


def listed(_, answer) -> list[Instrument]:
    return [
        Instrument(instrument=name, base=name, quote="USD", amount_digits=0, price_digits=0) for name in answer["names"]
    ]


def signed_in(view, call) -> Answered:
    return Answered({"status": "success"}, {"Set-Cookie": f"gravity={view.life_s}; Path=/; HttpOnly"})


TOY = Exchange(
    id="toy", name="Toy", dialect="one", reader=1, url=LIVE, opened_ns=0, opened_source="", document="",
    hosts={"edge": "https://edge.example", "market": "https://data.example/public"},
    members=("key", "private_key", "sub_account_id"), routes=ROUTES,
    asks=(
        Ask(capability="balances", route=BALANCES, read=balances,
            request=lambda query: Asked(account=query.where.get("sub_account", "all"))),
        Ask(capability="instruments", route=LISTED, request=lambda _: None, read=listed),
        Ask(capability="fills", route=BALANCES, read=lambda *_: [], stream=Stream(name="fills", kind="fill",
            keyed="sub_account"), request=lambda query: Asked(account=query.where["sub_account"])),
    ),
    dos=(
        Do(capability="cancel_all", route=CANCEL, request=cancel, needs="instruments",
           read=lambda _, answer: [Order(native_id=answer["proof"], instrument="", side="", type="")]),
    ),
    serves=(
        Serve(route=SIGN_IN, answer=signed_in),
        Serve(route=BALANCES, answer=lambda _, call: {"account": call.message.account}),
        Serve(route=LISTED, answer=lambda *_: {"names": ["ETH", "XBT"]}),
        Serve(route=CANCEL, answer=lambda _, call: {"proof": call.message.proof}),
    ),
    auth=CookieAuth(), errors=errors_of, decode=lambda route, body: msgspec.json.decode(body, type=route.answer),
    encode_request=encode, decode_request=decode, encode_answer=msgspec.json.encode, refused=refused,
    refusal=lambda status, said: WireRefusal(200 if status == 403 else status, {"result": "error", "error": said}),
)  # fmt: skip
EXTRA = {"private_key": "0xcanary", "sub_account_id": "5"}


class Clock:
    def now_ns(self) -> int:
        return NOW_NS

    async def sleep(self, pause_s: float) -> None:
        return None


class Wire:
    """Carries requests to the toy's server, and keeps them; ``before`` may answer itself."""

    def __init__(self) -> None:
        self.venue = FakeView()
        self.server = Server(TOY, self.venue)
        self.sent: list[HttpRequest] = []
        self.before = lambda request: None

    async def send(self, request: HttpRequest) -> HttpAnswer:
        self.sent.append(request)
        answer = self.before(request)
        return answer or await MemoryTransport(self.server.handle).send(request)

    async def close(self) -> None:
        return None


def opened(wire: Wire, url: str = LIVE, extra: dict[str, str] | None = None) -> WireSource:
    return WireSource(
        TOY, wire, account="a", url=url, clock=Clock(), randomness=random.Random(3),
        credentials=Credentials("toy-key", "", extra=EXTRA if extra is None else extra),
    )  # fmt: skip


def run(coroutine):
    return asyncio.run(coroutine)


@pytest.mark.parametrize(
    ("url", "origins"),
    [
        (LIVE + "/", ["https://edge.example/auth/login", "https://trade.example/api/v1/balances",
                "https://data.example/public/v1/listed"]),
        ("http://127.0.0.1:8101/api", ["http://127.0.0.1:8101/auth/login", "http://127.0.0.1:8101/api/v1/balances",
                                       "http://127.0.0.1:8101/public/v1/listed"]),
    ],
)  # fmt: skip
def test_each_route_is_asked_at_its_host_and_elsewhere_all_are_there(url: str, origins: list[str]) -> None:
    wire = Wire()
    source = opened(wire, url)
    run(source.ask("balances", {}))
    run(source.ask("instruments", {}))
    assert [request.origin + request.path for request in wire.sent] == origins


def test_a_page_keeps_the_request_before_it_was_signed() -> None:
    wire = Wire()
    page = run(opened(wire).do("cancel_all", CancelAll())).pages[0]
    assert "seal=0xcanary" in wire.sent[-1].query
    assert page.request.startswith("PUT /api/v1/cancel?account=5&proof=ETH%2CXBT")
    assert "0xcanary" not in f"{page!r} {wire.sent[-1]!r} {Signing(None, 'gravity=1', 0)!r}"
    assert "gravity" not in repr(Signing(None, "gravity=1", 0))


def test_a_write_is_given_time_a_number_and_the_facts_that_it_needs_once() -> None:
    wire = Wire()
    source = opened(wire)
    proofs = [str(run(source.do("cancel_all", CancelAll())).facts[0].native_id).split() for _ in range(2)]
    assert [proof[:2] for proof in proofs] == [["ETH,XBT", str(NOW_NS)]] * 2
    assert proofs[0][2] != proofs[1][2]
    assert all(0 <= int(proof[2]) < 2**32 for proof in proofs)
    assert sum(request.path.endswith("/listed") for request in wire.sent) == 1


def test_a_write_whose_facts_cannot_be_had_is_not_sent() -> None:
    wire = Wire()

    def lose(request: HttpRequest) -> None:
        if request.path.endswith("/listed"):
            raise errors.Unanswered("nobody answers")

    wire.before = lose
    with pytest.raises(errors.NotSent, match="instruments could not be read"):
        run(opened(wire).do("cancel_all", CancelAll()))
    assert not any(request.method == "PUT" for request in wire.sent)


def test_a_refusal_that_comes_as_a_success_is_one() -> None:
    wire = Wire()
    source = opened(wire)
    run(source.ask("balances", {}))
    wire.venue.life_s += 1  # every session has ended
    run(source.ask("balances", {}))
    assert [request.path for request in wire.sent].count("/auth/login") == 2, "renewed once"
    with pytest.raises(errors.Forbidden, match="seal") as caught:
        run(opened(Wire(), extra=EXTRA | {"private_key": "0xother"}).do("cancel_all", CancelAll()))
    page: Any = caught.value.page
    assert (page.status, page.headers["status"]) == (403, "200")
    assert TOY.read(msgspec.structs.replace(page, stream="balances")) == []


def test_what_no_serve_words_has_the_wire_s_own_form_and_status() -> None:
    wire = Wire()
    wire.venue.logins[TREASURER.key] = msgspec.structs.replace(TREASURER, permissions=frozenset({"read"}))
    with pytest.raises(errors.BadRequest, match="lacks the permission"):
        run(opened(wire).do("cancel_all", CancelAll()))
    answer = wire.server.handle(HttpRequest(method="GET", path="/v1/listed"))
    assert (answer.status, msgspec.json.decode(answer.body)["result"]) == (404, "error"), "that host has a path"


def test_a_sign_in_without_its_header_is_no_token() -> None:
    wire = Wire()
    wire.before = lambda request: HttpAnswer(200, {}, b"{}") if request.path == "/auth/login" else None
    with pytest.raises(errors.NotSent, match="no token"):
        run(opened(wire).ask("balances", {}))


def test_a_key_of_one_sub_account_asks_for_that_one() -> None:
    wire = Wire()
    source = opened(wire)
    reply = run(source.ask("balances", {}))
    assert reply.facts[0].sub_account == "5"
    assert reply.pages[0].query.where == {}, "it is the whole answer for this key"
    assert run(source.ask("balances", {"sub_account": "6"})).facts[0].sub_account == "6"

    async def swept() -> list[str]:
        return [step.page.request async for step in source.sweep("fills", NOW_NS - 10**9, NOW_NS, {})]

    assert [request.partition("\n")[2] for request in run(swept())] == ['{"account":"5","proof":""}']
    assert run(opened(Wire(), extra={}).ask("balances", {})).facts[0].sub_account == "all"
