"""Shows GRVT's sockets on both sides: every route called over them, subscriptions with their snapshots, who hears what,
how frames are numbered, the older form, and what is refused; and that our client, following an account in either
encoding, learns what the venue holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conformance.feed_line import Line
from exchanges.grvt.scene import BTC, BTC_CODE, ETH, SECOND, Scene
from nostro.domain import records
from nostro.exchanges.grvt import EXCHANGES, serve, streams
from nostro.exchanges.grvt.auth import session_headers
from nostro.exchanges.grvt.lite import names
from nostro.link.commands import CancelAll, MoveFunds, RequestWithdrawal, SetLeverage
from nostro.link.declare import Signing
from nostro.link.feed import FeedState
from nostro.link.frames import Arrival, News
from nostro.link.http import HttpRequest
from nostro.paper.feeds import Hub
from nostro.paper.venue.commands import AdvanceDeposit, AdvanceWithdrawal, Deposit

FORMS = ("full", "lite")


class Sockets:
    """A hub over a scene, and lines to it."""

    def __init__(self, folder: Path) -> None:
        self.scene = Scene(folder)
        feed = EXCHANGES["full"].feed
        assert feed is not None
        self.hub = Hub(feed, self.scene.venue)
        self.scene.venue.listeners.append(self.hub.publish)

    def __call__(self) -> int:
        return self.scene.clock.now_ns()

    def line(self, path: str = "/ws/full", *, name: str | None = "trader", query: str = "") -> Line:
        headers = self.scene.session(name) if name is not None else {}
        return Line(self.hub, self, upgrade=HttpRequest(method="GET", path=path, query=query, headers=headers))

    def beat(self) -> None:
        self.scene.clock.time_ns += SECOND
        self.hub.beat()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Sockets]:
    sockets = Sockets(tmp_path)
    yield sockets
    sockets.scene.venue.close()


def said(line: Line, *frames: Any) -> list[Any]:
    return [json.loads(each) for frame in frames for each in line.ask(json.dumps(frame))]


def heard(line: Line) -> list[Any]:
    return [json.loads(each) for each in line.taken()]


def call(method: str, params: Any, number: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params, "id": number}


def subscribe(line: Line, stream: str, *selectors: str) -> list[Any]:
    """The frames that it begins with."""
    first, *after = said(line, call("subscribe", {"stream": stream, "selectors": list(selectors)}))
    assert "result" in first, first
    assert first["result"]["subs"] == list(selectors)
    assert sum(first["result"]["num_snapshots"]) == len(after)
    assert all((each["sequence_number"], each["prev_sequence_number"]) == ("0", "0") for each in after)
    return [each["feed"] for each in after]


def test_what_is_named_many_times_is_heard_once(here: Sockets) -> None:
    first, *after = said(
        here.line(), call("subscribe", {"stream": "v1.position", "selectors": [here.scene.sub()] * 500})
    )
    assert (first["result"]["subs"], len(after)) == ([here.scene.sub()], 0)


# ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_route_is_a_method_whose_result_is_the_whole_answer(here: Sockets) -> None:
    here.scene.trade("0.01", "64000")
    asked = {"sub_account_id": here.scene.sub(), "instrument": BTC_CODE, "interval": "CI_1_H", "type": "TRADE"}
    writes = {
        "create_order",
        "authorize_builder",
        "bulk_orders",
        "order",
        "set_initial_leverage",
        "set_position_config",
    }
    line = here.line()
    for number, name in enumerate(sorted(set(serve.ANSWERS) - writes - {"cancel_order"})):
        (answer,) = said(line, call(f"v1/{name}", asked, number))
        assert (answer["id"], answer["method"], answer["jsonrpc"]) == (number, f"v1/{name}", "2.0")
        posted = here.scene.ask(name, asked)
        assert set(answer["result"]) == set(posted)
    (history,) = said(line, call("v1/fill_history", asked | {"limit": 1}))
    assert history["result"]["result"][0]["trade_id"] == "1-1"
    assert history["result"]["next"] == ""


def test_calls_in_the_lite_encoding(here: Sockets) -> None:
    line = here.line("/ws/lite")
    (answer,) = said(line, {"j": "2.0", "m": "v1/positions", "p": {"sa": here.scene.sub()}, "i": 9})
    assert answer == {"j": "2.0", "r": {"r": []}, "i": 9, "m": "v1/positions"}
    (refused,) = said(line, {"j": "2.0", "m": "v1/positions", "p": {"sa": "999"}, "i": 9})
    assert (refused["e"]["c"], refused["i"], refused["m"]) == (1001, 9, "v1/positions")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (call("v1/nothing", {}), 1003),
        (call("v1/positions", []), 1003),
        (call("v1/positions", {"sub_account_id": "999"}), 1001),
        (call("v1/order", {}), 1003),
        (call("subscribe", {"stream": "v1.nothing", "selectors": ["x"]}), 1003),
        (call("subscribe", {"stream": "v1.order", "selectors": ["999"]}), 1001),
        (call("subscribe", {"stream": "v1.order", "selectors": ["x"]}), 3020),
        (call("subscribe", {"stream": "v1.order", "selectors": [""]}), 3020),
        (call("subscribe", {"stream": "v1.order", "selectors": ["1-PERPETUAL-BTC-USDT"]}), 1102),
        (call("subscribe", {"stream": "v1.transfer", "selectors": ["0x12"]}), 1001),
        (call("subscribe", {"stream": "v1.ticker.s", "selectors": [BTC_CODE]}), 1101),
        (call("subscribe", {"stream": "v1.ticker.s", "selectors": [f"{BTC_CODE}@500-10"]}), 1103),
        (call("subscribe", {"stream": "v1.ticker.s", "selectors": [f"{BTC_CODE}@200"]}), 3030),
        (call("subscribe", {"stream": "v1.ticker.s", "selectors": ["X_USDT_Perp@500"]}), 3000),
        (call("subscribe", {"stream": "v1.book.s", "selectors": [f"{BTC_CODE}@500-11"]}), 3031),
        (call("subscribe", {"stream": "v1.trade", "selectors": [f"{BTC_CODE}@51"]}), 3011),
        (call("subscribe", {"stream": "v1.candle", "selectors": [f"{BTC_CODE}@CI_7_M-TRADE"]}), 3040),
        ({"method": 5}, 1003),
        ([], 1003),
    ],
)  # fmt: skip
def test_what_is_refused_has_its_code_and_changes_nothing(here: Sockets, frame: Any, code: int) -> None:
    line = here.line()
    (answer,) = said(line, frame)
    assert answer["error"]["code"] == code
    assert line.session.topics == set()
    for nonsense in ("", "{", "[" * 5_000, b"\xff\xfe"):
        assert json.loads(line.ask(nonsense)[0])["error"]["code"] == 1003
    assert said(line, call("v1/get_sub_accounts", {}))[0]["result"]["sub_account_ids"] == [here.scene.sub()]


def test_without_a_session_one_hears_markets_alone(here: Sockets) -> None:
    line = here.line(name=None)
    assert len(subscribe(line, "v1.mini.s", f"{BTC_CODE}@500")) == 1
    assert said(line, call("v1/instrument", {"instrument": BTC_CODE}))[0]["result"]["result"]["base"] == "BTC"
    for frame in (call("v1/positions", {}), call("subscribe", {"stream": "v1.fill", "selectors": ["2"]})):
        assert said(line, frame)[0]["error"]["code"] == 1000
    trader = here.scene.session()
    account_id = trader.pop("X-Grvt-Account-Id")
    upgrade = HttpRequest(
        method="GET", path="/ws/full", query=f"x_grvt_account_id={account_id}", headers=trader
    )  # fmt: skip
    assert subscribe(Line(here.hub, here, upgrade=upgrade), "v1.order", here.scene.sub()) == []


# ── streams of an account ────────────────────────────────────────────────────────────────────────────────────────


def test_orders_states_fills_and_positions(here: Sockets) -> None:
    scene, line, sub = here.scene, here.line(), here.scene.sub()
    scene.trade("0.3", "64000")
    resting = scene.place("trader-1", "buy", "0.01", "60000", client_id="5")
    for stream, begins in (("v1.order", 1), ("v1.state", 1), ("v1.fill", 0), ("v1.position", 1)):
        assert len(subscribe(line, stream, sub)) == begins
    scene.trade("0.1", "64100", side="sell")
    frames = {each["stream"]: each for each in heard(line)}
    assert set(frames) == {"v1.order", "v1.state", "v1.fill", "v1.position"}
    assert all((each["selector"], each["sequence_number"]) == (sub, "1") for each in frames.values())
    assert frames["v1.order"]["feed"]["state"]["status"] == "FILLED"
    assert frames["v1.state"]["feed"]["order_state"] == frames["v1.order"]["feed"]["state"]
    assert frames["v1.fill"]["feed"]["realized_pnl"] == "10.0"
    assert frames["v1.position"]["feed"]["size"] == "0.2"
    scene.done(scene.venue.submit(scene.subs["trader-1"], CancelAll()))
    order, state = heard(line)
    assert (order["sequence_number"], order["prev_sequence_number"]) == ("2", "1")
    assert order["feed"]["order_id"] == state["feed"]["order_id"] == f"0x{1:016x}{resting:016x}"
    assert state["feed"]["order_state"]["reject_reason"] == "CLIENT_CANCEL"
    scene.done(scene.venue.submit(scene.subs["trader-1"], SetLeverage(instrument=BTC, leverage=Decimal(5))))
    (position,) = heard(line)
    assert position["feed"]["leverage"] == "5.0"
    scene.mark("64050")
    assert heard(line) == [], "a price alone changes no position"


def test_instruments_are_selected_and_nobody_hears_another(here: Sockets) -> None:
    scene, line, other = here.scene, here.line(), here.line(name="desk")
    subscribe(line, "v1.fill", f"{scene.sub()}-{BTC_CODE}")
    subscribe(line, "v1.fill", f"{scene.sub()}-ETH_USDT_Perp")
    subscribe(other, "v1.fill", str(scene.subs["desk-2"]))
    scene.trade("0.1", "3100", instrument=ETH)
    (fill,) = heard(line)
    assert (fill["selector"], fill["feed"]["instrument"]) == (f"{scene.sub()}-ETH_USDT_Perp", "ETH_USDT_Perp")
    assert heard(other) == []
    said(line, call("unsubscribe", {"stream": "v1.fill", "selectors": [f"{scene.sub()}-ETH_USDT_Perp"]}))
    scene.trade("0.1", "3100", instrument=ETH)
    assert heard(line) == []


def test_numbers_go_on_for_who_comes_later_and_all_hear_the_same(here: Sockets) -> None:
    scene, early, light = here.scene, here.line(), here.line("/ws/lite")
    subscribe(early, "v1.fill", scene.sub())
    scene.trade("0.01", "64000")
    assert [each["sequence_number"] for each in heard(early)] == ["1"]
    (confirmed,) = said(light, {"j": "2.0", "m": "subscribe", "p": {"s": "v1.fill", "s1": [scene.sub()]}, "i": 1})
    assert (confirmed["r"]["fs"], confirmed["r"]["ls"]) == (["1"], ["1"])
    scene.trade("0.01", "64000")
    (full,), (short,) = heard(early), heard(light)
    assert (full["sequence_number"], short["sn"], short["ps"]) == ("2", "2", "1")
    kind = streams.TRADING["v1.fill"]
    lite_names = names(kind.__name__, kind.__struct_fields__)
    assert {lite_names[name]: value for name, value in full["feed"].items()} == short["f"]


def test_transfers_by_main_account_and_by_an_empty_selector(here: Sockets) -> None:
    scene, line = here.scene, here.line()
    main = scene.logins["trader"]
    address = main.extra["main_account_id"]
    for selector in (address, f"{address}-{scene.sub()}", ""):
        assert subscribe(line, "v1.transfer", selector) == []
    assert subscribe(line, "v1.deposit", address) == subscribe(line, "v1.withdrawal", "") == []
    assert subscribe(line, "v1.cancel", "") == []
    scene.done(scene.venue.submit(main.user, MoveFunds(
        from_account=main.user, from_wallet="funding", to_account=scene.subs["trader-1"], to_wallet="futures",
        asset="USDT", amount=Decimal(7),
    )))  # fmt: skip
    frames = heard(line)
    assert sorted(each["selector"] for each in frames) == sorted([address, f"{address}-{scene.sub()}", ""])
    assert {each["feed"]["num_tokens"] for each in frames} == {"7.0"}


def test_what_comes_from_outside_and_goes_there(here: Sockets) -> None:
    scene, line = here.scene, here.line()
    main = scene.logins["trader"]
    for stream in ("v1.deposit", "v1.withdrawal"):
        subscribe(line, stream, main.extra["main_account_id"])
    carry_out = scene.venue.carry_out
    deposit = scene.done(carry_out(Deposit(user=main.user, asset="USDT", amount=Decimal(90), tx_hash="0xab")).answer)
    assert heard(line) == []
    scene.done(carry_out(AdvanceDeposit(deposit=deposit, status="confirmed")).answer)
    (frame,) = heard(line)
    assert (frame["stream"], frame["feed"]["tx_hash"], frame["feed"]["num_tokens"]) == ("v1.deposit", "0xab", "90.0")
    asked = RequestWithdrawal(method=1, amount=Decimal(30), attributes={"address": "0x" + "12" * 20})
    withdrawal = scene.done(scene.venue.submit(main.user, asked))
    for status in ("confirmed", "verified", "approved"):
        scene.done(carry_out(AdvanceWithdrawal(withdrawal=withdrawal, status=status)).answer)
        assert heard(line) == []
    scene.done(carry_out(AdvanceWithdrawal(withdrawal=withdrawal, status="done")).answer)
    (frame,) = heard(line)
    assert (frame["stream"], frame["feed"]["num_tokens"], frame["sequence_number"]) == ("v1.withdrawal", "30.0", "1")
    rows = [scene.ask(route)["result"][0] for route in ("deposit_history", "withdrawal_history")]
    assert (rows[0]["l_1_hash"], rows[0]["num_tokens"]) == ("0xab", "90.0")
    assert (rows[1]["to_eth_address"], rows[1]["num_tokens"]) == (frame["feed"]["to_eth_address"], "30.0")


# ── streams of markets ───────────────────────────────────────────────────────────────────────────────────────────


def test_markets_are_told_where_they_changed(here: Sockets) -> None:
    scene, line = here.scene, here.line(name=None)
    scene.place("maker-1", "sell", "0.02", "64100")
    begins = {
        "v1.mini.s": "500", "v1.mini.d": "500", "v1.ticker.s": "500", "v1.ticker.d": "500", "v1.book.s": "500-10",
        "v1.book.d": "500", "v1.trade": "50", "v1.candle": "CI_1_M-TRADE",
    }  # fmt: skip
    for stream, secondary in begins.items():
        rows = subscribe(line, stream, f"{BTC_CODE}@{secondary}")
        assert len(rows) == (0 if stream in ("v1.trade", "v1.candle") else 1), stream
    here.beat()
    assert heard(line) == []
    scene.place("trader-1", "buy", "0.01", "64100")
    here.beat()
    told = {each["stream"]: each for each in heard(line)}
    assert set(told) == set(begins)
    assert all((each["sequence_number"], each["prev_sequence_number"]) == ("1", "0") for each in told.values())
    assert set(told["v1.mini.d"]["feed"]) == {"event_time", "instrument", "last_price", "last_size", "best_ask_size"}
    assert len(told["v1.mini.s"]["feed"]) == 11
    assert told["v1.book.d"]["feed"]["asks"] == [{"price": "64100.0", "size": "0.01", "num_orders": 1}]
    assert told["v1.trade"]["feed"]["trade_id"] == "1-1"
    assert told["v1.candle"]["feed"]["volume_b"] == "0.01"
    scene.done(scene.venue.submit(scene.subs["maker-1"], CancelAll()))
    here.beat()
    gone = {each["stream"]: each["feed"] for each in heard(line)}
    assert gone["v1.book.d"]["asks"] == [{"price": "64100.0", "size": "0.0", "num_orders": 0}]
    assert gone["v1.book.s"]["asks"] == []


def test_another_rate_takes_the_place_of_the_one_before(here: Sockets) -> None:
    line = here.line(name=None)
    subscribe(line, "v1.ticker.s", f"{BTC_CODE}@500")
    subscribe(line, "v1.ticker.s", f"{BTC_CODE}@5000", "ETH_USDT_Perp@500")
    assert sorted(topic.rpartition(" ")[2] for topic in line.session.topics) == [
        f"{BTC_CODE}@5000", "ETH_USDT_Perp@500",
    ]  # fmt: skip


# ── the older form ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_older_form_is_answered_in_full_or_lite_names(here: Sockets) -> None:
    scene = here.scene
    for full, keys in ((True, ("stream", "selector", "feed")), (None, ("s", "s1", "f"))):
        line = here.line("/ws")
        frame = {"request_id": 3, "stream": "v1.fill", "feed": [scene.sub()], "method": "subscribe"}
        (confirmed,) = said(line, frame if full is None else frame | {"is_full": full})
        assert confirmed["request_id" if full else "ri"] == 3
        assert confirmed["subs" if full else "s1"] == [scene.sub()]
        scene.trade("0.01", "64000")
        (fill,) = heard(line)
        assert [fill[key] for key in keys[:2]] == ["v1.fill", scene.sub()]
        (refused,) = said(line, frame | {"feed": ["999"], "is_full": True})
        assert (refused["code"], refused["status"]) == (1001, 403)
        here.hub.close(line.session)


# ── our client ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", FORMS)
def test_our_client_follows_an_account(here: Sockets, form: str) -> None:
    scene, feed = here.scene, EXCHANGES[form].feed
    assert feed is not None
    scene.trade("0.3", "64000")
    session = scene.session()
    token = f"{session['X-Grvt-Account-Id']} {session['Cookie'].partition('=')[2]}"
    signing = Signing(None, token, 0)
    assert dict(feed.headers(signing)) == session == session_headers(signing)
    line = here.line(feed.paths[0])
    state = FeedState(feed, 0)
    main = scene.logins["trader"].extra["main_account_id"]
    wanted = [feed.topic(each.name, main if each.name in streams.OF_MAIN else scene.sub()) for each in feed.topics]
    state.subscribe(*wanted)
    state.sign_in(signing)
    news: list[Any] = []

    def listen() -> None:
        for text in line.taken():
            got = state.receive(Arrival(text.encode()), 1)
            assert got is not None
            assert not got.gap
            if isinstance(got.meaning, News):
                news.extend(got.meaning.items)

    while state.outgoing:
        here.hub.receive(line.session, state.outgoing.popleft())
        listen()
    assert state.topics == set(wanted)
    assert state.unanswered == ()
    assert state.signed_in == "yes"
    for step in range(5):
        scene.trade("0.05", f"{64_000 + step}", side="sell" if step % 2 else "buy")
        scene.place("trader-1", "buy", "0.01", "60000")
        listen()
    assert state.broken == 0
    fills = [each for each in news if isinstance(each, records.Fill)]
    assert [each.native_id for each in fills] == [f"{each.id}-1" for each in scene.venue.fills(int(scene.sub()))][1:]
    last = [each for each in news if isinstance(each, records.Position)][-1]
    (position,) = [each for each in scene.venue.positions(int(scene.sub())) if each.size]
    assert (last.size, last.unrealized_pnl) == (position.size, position.unrealized)
    orders = {each.native_id: each for each in news if isinstance(each, records.Order) and each.instrument}
    assert sum(1 for each in orders.values() if each.status == "open") == 5
    states = {each.native_id: each for each in news if isinstance(each, records.Order) and not each.instrument}
    assert {name: each.status for name, each in states.items()} == {name: each.status for name, each in orders.items()}


def test_a_frame_that_was_lost_is_noticed(here: Sockets) -> None:
    feed = EXCHANGES["full"].feed
    assert feed is not None
    line, state = here.line(), FeedState(feed, 0)
    subscribe(line, "v1.fill", here.scene.sub())
    for _ in range(4):
        here.scene.trade("0.01", "64000")
    one, _, three, four = line.taken()
    gaps = [state.receive(Arrival(text.encode()), 1) for text in (one, three, four)]
    assert [each.gap for each in gaps if each is not None] == [False, True, False]


def test_what_no_frame_is_breaks_nothing() -> None:
    feed = EXCHANGES["full"].feed
    assert feed is not None
    state = FeedState(feed, 0)
    for body in (b"", b"{}", b"[]", b'{"stream":"v1.fill","selector":"2","sequence_number":"x","feed":{}}', b"\xff"):
        state.receive(Arrival(body), 1)
    assert state.broken == 5
    unknown = b'{"stream":"v1.new","selector":"2","sequence_number":"1","feed":{},"prev_sequence_number":"0"}'
    got = state.receive(Arrival(unknown), 1)
    assert got is not None
    assert got.meaning.type == "v1.new"  # type: ignore[union-attr]
    assert state.broken == 5
