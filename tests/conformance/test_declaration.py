"""Shows that every exchange, in every dialect, declares both sides whole: each route has a reader and a server or a
stated reason, each side reads the bytes that the other writes, and each capability is one of the agreed words.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest

from conformance.grounds import Grounds
from conformance.wire_client import WireClient
from nostro.domain.records import KINDS
from nostro.errors import ExchangeUnknown
from nostro.exchanges import dialects, exchange, exchange_ids
from nostro.link import commands
from nostro.link.declare import READS, WRITES, Exchange, Given, Query
from nostro.paper.server import Server

SPOKEN = [exchange(name, dialect) for name in exchange_ids() for dialect in dialects(name)]
NAMES = [f"{each.id}-{each.dialect}" for each in SPOKEN]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    grounds = Grounds(tmp_path_factory.mktemp)
    yield grounds
    grounds.close()


@pytest.fixture(params=SPOKEN, ids=NAMES)
def spoken(request: pytest.FixtureRequest) -> Exchange:
    return request.param


def test_every_route_has_a_server_and_a_reader_or_a_reason(spoken: Exchange) -> None:
    served = {(serve.route.method, serve.route.path) for serve in spoken.serves}
    read = {ask.route.name for ask in spoken.asks} | {do.route.name for do in spoken.dos}
    assert len(spoken.routes) > 10
    for route in spoken.routes:
        assert (route.method, route.path) in served, route.name
        if spoken.auth.sign_in is not None and route is spoken.auth.sign_in.route:
            continue
        assert (route.name in read) != bool(route.unread), f"{route.name}: a reader, or a reason why not"


def test_only_declared_routes_are_asked_and_served(spoken: Exchange) -> None:
    routes = {id(route): route for route in spoken.routes}.values()
    for user in (*spoken.asks, *spoken.dos, *spoken.serves):
        assert user.route in routes, user.route.name
    assert len({(route.method, route.path) for route in spoken.routes}) == len(spoken.routes)


def test_capabilities_are_the_agreed_words(spoken: Exchange) -> None:
    assert spoken.capabilities <= {*READS, *WRITES}
    for ask in spoken.asks:
        if ask.stream is not None:
            assert ask.stream.kind in KINDS
            assert ask.stream.native_ids or ask.stream.identity
            assert set(ask.stream.identity) <= set(KINDS[ask.stream.kind].__struct_fields__) - {
                "extra",
                "page",
                "offset",
            }
    names = [stream.name for stream in spoken.streams]
    assert len(set(names)) == len(names)
    assert not set(names) & set(spoken.unsupported)
    for ask in spoken.asks:
        assert ask.fallback is None or spoken.ask(ask.fallback[0]) is not None


def test_what_writes_is_marked_and_needs_a_permission(spoken: Exchange) -> None:
    for do in spoken.dos:
        assert do.route.writes
        assert do.route.permission
        assert do.capability in WRITES
    for ask in spoken.asks:
        assert not ask.route.writes
    assert spoken.auth.sign_in is None or spoken.auth.sign_in.route.secret


@pytest.mark.parametrize("side", ["client", "server"])
def test_each_side_reads_the_requests_that_the_other_writes(spoken: Exchange, side: str, ground: Grounds) -> None:
    """Client: what it writes comes out of the server's decoder unchanged. Server: the venue sees the command asked
    for."""
    here = ground(spoken.id)
    client = WireClient(spoken, Server(spoken, here.view).handle, here.login, now_ns=here.now_ns)
    asked = 0
    for ask in spoken.asks if side == "client" else ():
        asking = client.asked(here.query(ask.name, timed=ask.stream is not None or ask.capability == "candles"))
        if ask.name == "order":
            asking = msgspec.structs.replace(asking, where=asking.where | {"order_id": "0x5"})
        message = ask.request(asking)
        if message is None:
            continue
        asked += 1
        read = spoken.decode_request(ask.route, client.request(ask.route, message))
        assert spoken.encode_request(ask.route, read) == spoken.encode_request(ask.route, message), ask.name
    for do in spoken.dos if side == "client" else ():
        if do.capability not in here.commands:
            continue
        asked += 1
        facts = client.ask(do.needs) if do.needs else []
        given = Given(now_ns=here.now_ns, nonce=1, credentials=client.credentials, facts=facts)
        message = do.request(here.commands[do.capability], given)
        written = spoken.encode_request(do.route, message)
        read = spoken.decode_request(do.route, client.request(do.route, message))
        assert spoken.encode_request(do.route, read) == written, do.capability
    if side == "server" and spoken.id == "alp":
        for do in spoken.dos:
            asked += 1
            client.do(do.capability, here.commands[do.capability])
            user, command = here.view.submitted[-1]
            expected = here.commands[do.capability]
            if hasattr(command, "client_id"):
                command = msgspec.structs.replace(command, client_id="")
            assert (user, command) == (here.user, expected)
    assert asked > 2 or side == "server"


CONTRACTS = [each for each in SPOKEN if each.id != "alp"]


@pytest.mark.parametrize("spoken", CONTRACTS, ids=[f"{each.id}-{each.dialect}" for each in CONTRACTS])
def test_the_venue_sees_what_was_asked_of_a_contract(spoken: Exchange, ground: Grounds) -> None:
    """Placed, seen among the open orders, canceled by the id that it has there."""
    here = ground(spoken.id)
    client = WireClient(spoken, Server(spoken, here.view).handle, here.login, now_ns=here.now_ns)
    order = here.commands["place"]
    before = {fact.native_id for fact in client.ask("open_orders")}
    client.do("place", order)
    user, seen = here.view.submitted[-1]
    meant = {name: getattr(order, name) for name in ("instrument", "side", "type", "amount", "price", "position_side")}
    assert user == here.user
    assert {name: getattr(seen, name) for name in meant} == meant
    (placed,) = [fact for fact in client.ask("open_orders") if fact.native_id not in before]
    assert {name: getattr(placed, name) for name in ("instrument", "side", "type", "amount", "price")} == {
        name: value for name, value in meant.items() if name != "position_side"
    }
    if spoken.do("edit") is not None:
        client.do("edit", commands.EditOrder(order_id=placed.native_id, amount=order.amount * 2))
        assert here.view.submitted[-1][1].amount == order.amount * 2
    canceled = client.do("cancel", commands.CancelOrders(order_ids=(placed.native_id,)))
    assert {fact.native_id for fact in canceled} == {placed.native_id}
    assert {fact.native_id for fact in client.ask("open_orders")} == before
    client.do("set_leverage", here.commands["set_leverage"])
    _, seen = here.view.submitted[-1]
    assert (seen.instrument, seen.leverage) == (here.commands["set_leverage"].instrument, Decimal(5))


PARTS = (
    "deposits", "withdrawals", "margin_transfers", "cross_margin_loans", "isolated_margin_loans", "tickers",
    "leverages", "margin_modes", "sub_account_balances", "funding_balances", "internal_transfers",
)  # fmt: skip
ASKED = [(spoken, ask.name) for spoken in SPOKEN for ask in spoken.asks]


def test_every_ask_has_a_name_of_its_own(spoken: Exchange) -> None:
    names = [ask.name for ask in spoken.asks]
    assert len(set(names)) == len(names)
    assert set(names) <= {*READS, *PARTS}
    for ask in spoken.asks:
        assert spoken.ask(ask.name) is ask
        assert ask in spoken.asks_for(ask.capability)


@pytest.mark.parametrize(
    ("spoken", "name"), ASKED, ids=[f"{spoken.id}-{spoken.dialect}-{name}" for spoken, name in ASKED]
)
def test_the_server_s_answers_are_read_by_the_client(spoken: Exchange, name: str, ground: Grounds) -> None:
    ask, here = spoken.ask(name), ground(spoken.id)
    assert ask is not None
    client = WireClient(spoken, Server(spoken, here.view).handle, here.login, now_ns=here.now_ns)
    query = here.query(name, timed=ask.stream is not None or name == "candles")
    if name == "order":
        known = client.ask("open_orders")[0]
        query = Query(where={"order_id": known.native_id or "", "instrument": known.instrument})
    facts = client.ask(name, query)
    assert facts or name in here.silent, "an answer without rows shows nothing"
    assert [fact.offset for fact in facts] == sorted({fact.offset for fact in facts}) or name == "orders"
    for fact in facts:
        assert ask.stream is None or ask.stream.timed or fact.effective_ns == query.since_ns
        if ask.stream is not None:
            assert fact.kind == ask.stream.kind
            assert fact.effective_ns is not None
            assert (fact.native_id is not None) == ask.stream.native_ids


def test_an_unknown_exchange_is_named_with_what_is_near() -> None:
    with pytest.raises(ExchangeUnknown, match="did you mean alp"):
        exchange("alpp")
    with pytest.raises(ExchangeUnknown, match="there are alp"):
        exchange("qqqqqq")
    with pytest.raises(ExchangeUnknown, match="it has cli"):
        exchange("alp", "d99")
    assert exchange("ALP.COM") is exchange("alp", "cli")
