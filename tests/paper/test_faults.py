"""Shows that each fault does on the wire what its name says and nothing to the answer's meaning, that it counts when
it fires, and that a plan strikes the same requests again from its seed.
"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from conformance.fake_view import TREASURER, FakeView
from conformance.wire_client import WireClient
from nostro import errors
from nostro.exchanges import exchange
from nostro.link import commands
from nostro.link.declare import Query
from nostro.link.http import HttpRequest
from nostro.paper.faults import LOSES_ANSWER, NOT_CARRIED_OUT, Fault, FaultPlan, Faults, Kind, parse_plan
from nostro.paper.server import Server

ALP = exchange("alp")
ERRORS = {
    Kind.REFUSED: errors.RateLimited, Kind.FAILED: errors.Failing, Kind.MAINTENANCE: errors.Failing,
    Kind.HTML: errors.Undecodable, Kind.EXPIRED_TOKEN: errors.Unauthorized, Kind.DROPPED_BEFORE: errors.Unanswered,
    Kind.FAILED_AFTER: errors.Failing, Kind.TRUNCATED: errors.Undecodable, Kind.EMPTY: errors.Undecodable,
    Kind.DROPPED_AFTER: errors.Unanswered,
}  # fmt: skip


def struck(*faults: Fault, seed: int = 0) -> tuple[WireClient, FakeView, Faults]:
    """A client that is signed in before anything goes wrong."""
    venue = FakeView()
    at_work = Faults(FaultPlan(seed=seed, faults=faults))
    client = WireClient(ALP, Server(ALP, venue).handle, TREASURER)
    client.handle = Server(ALP, venue, faults=at_work).handle
    return client, venue, at_work


@pytest.mark.parametrize("kind", ERRORS)
def test_each_fault_is_met_as_its_error_and_carries_out_what_it_says(kind: Kind) -> None:
    client, venue, faults = struck(Fault(kind=kind, share=1, retry_after_s=7))
    with pytest.raises(ERRORS[kind]) as error:
        client.do("place", commands.PlaceOrder(
            wallet="spot", instrument="BTC/USDT", side="buy", type="limit", amount=Decimal(1), price=Decimal(9)
        ))  # fmt: skip
    assert faults.fired == {kind: 1}
    assert len(venue.submitted) == (kind in LOSES_ANSWER)
    assert error.value.happened != "no" or kind in NOT_CARRIED_OUT
    if isinstance(error.value, errors.RateLimited):
        assert error.value.retry_after_s == 7


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("stream", [ask.name for ask in ALP.asks if ask.stream is not None])
def test_no_fault_is_taken_for_a_history_without_rows(kind: Kind, stream: str) -> None:
    client, _, faults = struck(Fault(kind=kind, share=1))
    with pytest.raises(ERRORS[kind]):
        client.ask(stream, Query(where={"side": "buy", "asset": "USDT"}))
    assert faults.fired[kind] == 1


def test_every_kind_is_tested_here() -> None:
    assert {*ERRORS, Kind.DELAYED, Kind.STALE} == set(Kind)
    assert {*LOSES_ANSWER, *NOT_CARRIED_OUT, Kind.DELAYED, Kind.STALE} == set(Kind)


def test_a_delay_is_carried_with_the_whole_answer() -> None:
    client, _, faults = struck(Fault(kind=Kind.DELAYED, share=1, delay_s=2.5))
    route = ALP.ask("balances").route  # type: ignore[union-attr]
    late, prompt = client.send(route, None), Server(ALP, FakeView()).handle(client.request(route, None))
    assert (late.delay_s, prompt.delay_s) == (2.5, 0)
    assert (late.status, late.body) == (prompt.status, prompt.body)
    assert faults.fired == {Kind.DELAYED: 1}


def test_a_token_expires_only_where_one_is_needed_and_nothing_is_lost_where_nothing_is() -> None:
    client, _, faults = struck(Fault(kind=Kind.EXPIRED_TOKEN, share=1))
    assert client.ask("currencies")
    d26 = exchange("alp", "d26")
    empty = Faults(FaultPlan(faults=(Fault(kind=Kind.EMPTY, share=1, routes=("cancel",)),)))
    short = WireClient(d26, Server(d26, FakeView(), faults=empty).handle, TREASURER)
    assert short.do("cancel_all", commands.CancelAll()) == []  # 202 has no body to lose
    assert not faults.fired
    assert not empty.fired


def strikes(seed: int, count: int = 400) -> list[int]:
    plan = (
        Fault(kind=Kind.FAILED, share=0.1, routes=("currencies",)), Fault(kind=Kind.MAINTENANCE, share=0.2),
        Fault(kind=Kind.REFUSED, at=(3, 50), most=1),
    )  # fmt: skip
    client, _, faults = struck(*plan, seed=seed)
    routes = [ALP.ask(name).route for name in ("currencies", "balances")]  # type: ignore[union-attr]
    found = [client.send(routes[number % 2], None).status for number in range(count)]
    assert faults.fired[Kind.REFUSED] == 1
    assert sum(faults.fired.values()) == sum(status != 200 for status in found)
    return found


def test_a_plan_repeats_from_its_seed() -> None:
    assert strikes(1) == strikes(1)
    assert strikes(1) != strikes(2)
    found = strikes(3)
    assert 5 <= found[0::2].count(500) <= 40
    assert found[1::2].count(500) == 0
    assert 40 <= found.count(503) <= 120
    assert found[2] in (429, 500, 503)


def test_a_request_for_nothing_is_struck_too() -> None:
    server = Server(ALP, FakeView(), faults=Faults(FaultPlan(faults=(Fault(kind=Kind.MAINTENANCE, at=(2,)),))))
    assert [server.handle(HttpRequest(method="GET", path="/x")).status for _ in range(3)] == [404, 503, 404]


TOML = b"""
seed = 7
[[faults]]
kind = "refused"
share = 0.02
retry_after_s = 3
[[faults]]
kind = "dropped_after"
routes = ["place", "cancel"]
at = [1, 4]
"""


def test_a_plan_is_read_from_toml_and_json() -> None:
    plan = parse_plan(TOML, "faults.toml")
    assert plan == FaultPlan(seed=7, faults=(
        Fault(kind=Kind.REFUSED, share=0.02, retry_after_s=3),
        Fault(kind=Kind.DROPPED_AFTER, routes=("place", "cancel"), at=(1, 4)),
    ))  # fmt: skip
    text = json.dumps({"seed": 7, "faults": [
        {"kind": "refused", "share": 0.02, "retry_after_s": 3},
        {"kind": "dropped_after", "routes": ["place", "cancel"], "at": [1, 4]},
    ]})  # fmt: skip
    assert parse_plan(text.encode(), "faults.json") == plan


@pytest.mark.parametrize(
    "text",
    [b"seed = ", b"\xff", b'[[faults]]\nkind = "doubled"', b'[[faults]]\nkind = "html"\nshare = 2', b"speed = 1",
     b'[[faults]]\nkind = "html"\nshear = 1', b'[[faults]]\nkind = "delayed"\ndelay_s = -1'],
)  # fmt: skip
def test_a_plan_that_is_none_is_refused_with_the_kinds(text: bytes) -> None:
    with pytest.raises(errors.BadValue, match=r"faults\.toml is not a plan of faults.*dropped_before"):
        parse_plan(text, "faults.toml")
