"""Shows that every exchange, in every dialect, declares both sides whole: each route has a reader and a server or a
stated reason, each side reads the bytes that the other writes, and each capability is one of the agreed words.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from conformance.fake_view import NOW, SECOND, TREASURER, FakeView
from conformance.wire_client import WireClient
from nostro.domain.records import KINDS
from nostro.errors import ExchangeUnknown
from nostro.exchanges import dialects, exchange, exchange_ids
from nostro.link import commands
from nostro.link.declare import READS, WRITES, Exchange, Given, Query
from nostro.paper.server import Server

SPOKEN = [exchange(name, dialect) for name in exchange_ids() for dialect in dialects(name)]
NAMES = [f"{each.id}-{each.dialect}" for each in SPOKEN]

WHERE = {"instrument": "BTC/USDT", "asset": "USDT", "side": "buy", "interval_s": "86400"}
ELSEWHERE = {"liquidations": {"instrument": "ETH/USDT"}, "margin_transfers": {"asset": "BTC"}}
QUERY = Query(since_ns=NOW - 20 * 86_400 * SECOND, until_ns=NOW, limit=3, where=WHERE)
COMMANDS = {
    "place": commands.PlaceOrder(
        wallet="spot", instrument="BTC/USDT", side="sell", type="limit", amount=Decimal("0.05"), price=Decimal(1800)
    ),
    "cancel": commands.CancelOrders(order_ids=(1, 5)),
    "cancel_all": commands.CancelAll(instrument="BTC/USDT"),
    "withdraw": commands.RequestWithdrawal(method=2, amount=Decimal(50), attributes={"address": "0xab", "memo": "é"}),
    "transfer": commands.MoveMargin(
        account=7, wallet="isolated_margin:BTC/USDT", direction="sub", asset="BTC", amount=Decimal("0.5"), note="é"
    ),
    "borrow": commands.Borrow(account=31, wallet="cross_margin", asset="USDT", amount=Decimal("1000.000001")),
    "repay": commands.Repay(account=7, wallet="isolated_margin:ETH/USDT", asset="ETH", amount=Decimal("1E-18")),
    "close_position": commands.ClosePosition(account=7, wallet="isolated_margin:BTC/USDT"),
}


@pytest.fixture(params=SPOKEN, ids=NAMES)
def spoken(request: pytest.FixtureRequest) -> Exchange:
    return request.param


def test_every_route_has_a_server_and_a_reader_or_a_reason(spoken: Exchange) -> None:
    served = {(serve.route.method, serve.route.path) for serve in spoken.serves}
    read = {ask.route.name for ask in spoken.asks} | {do.route.name for do in spoken.dos}
    assert len(spoken.routes) > 10
    for route in spoken.routes:
        assert (route.method, route.path) in served, route.name
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
    assert spoken.auth.sign_in is None or spoken.auth.sign_in.secret


@pytest.mark.parametrize("side", ["client", "server"])
def test_each_side_reads_the_requests_that_the_other_writes(spoken: Exchange, side: str) -> None:
    """Client: what it writes comes out of the server's decoder unchanged. Server: the venue sees the command asked
    for."""
    asked, venue = 0, FakeView()
    client = WireClient(spoken, Server(spoken, venue).handle, TREASURER)
    for ask in spoken.asks if side == "client" else ():
        message = ask.request(QUERY)
        if message is None:
            continue
        asked += 1
        assert spoken.decode_request(ask.route, client.request(ask.route, message)) == message, ask.name
    for do in spoken.dos if side == "client" else ():
        asked += 1
        message = do.request(COMMANDS[do.capability], Given(now_ns=NOW, nonce=1, credentials=client.credentials))
        written = spoken.encode_request(do.route, message)
        read = spoken.decode_request(do.route, client.request(do.route, message))
        assert spoken.encode_request(do.route, read) == written, do.capability
    if side == "server":
        for do in spoken.dos:
            asked += 1
            client.do(do.capability, COMMANDS[do.capability])
            user, command = venue.submitted[-1]
            expected = COMMANDS[do.capability]
            if hasattr(command, "client_id"):
                command = msgspec.structs.replace(command, client_id="")
            assert (user, command) == (TREASURER.user, expected)
    assert asked > 2


PARTS = ("deposits", "withdrawals", "margin_transfers", "cross_margin_loans", "isolated_margin_loans")


def test_every_ask_has_a_name_of_its_own(spoken: Exchange) -> None:
    names = [ask.name for ask in spoken.asks]
    assert len(set(names)) == len(names)
    assert set(names) <= {*READS, *PARTS}
    for ask in spoken.asks:
        assert spoken.ask(ask.name) is ask
        assert ask in spoken.asks_for(ask.capability)


@pytest.mark.parametrize("name", [*READS, *PARTS])
def test_the_server_s_answers_are_read_by_the_client(spoken: Exchange, name: str) -> None:
    ask = spoken.ask(name)
    if ask is None:
        assert name not in spoken.capabilities or name in ("order", "open_orders", "transfers", "loans")
        return
    client = WireClient(spoken, Server(spoken, FakeView()).handle, TREASURER)
    where = WHERE | ELSEWHERE.get(name, {})
    timed = ask.stream is not None or name == "candles"
    bounds = msgspec.structs.replace(QUERY, where=where) if timed else Query(where=where)
    facts = client.ask(name, bounds)
    assert facts, "an answer without rows shows nothing"
    for number, fact in enumerate(facts):
        assert fact.offset == number or name in ("order_book", "orders")
        assert ask.stream is None or ask.stream.timed or fact.effective_ns == bounds.since_ns
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
