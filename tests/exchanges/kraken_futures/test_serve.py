"""Shows what the paper server of Kraken Futures answers to what clients send and should not: arguments that are missing
or wrong, ids of nobody, cursors of others, more than there is, too much at once; and that a refused request changes
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from exchanges.kraken_futures.scene import ETHER, LINEAR, SECOND, Scene
from nostro.exchanges.kraken_futures import EXCHANGE, costs
from nostro.exchanges.kraken_futures.auth import authent
from nostro.exchanges.kraken_futures.codec import batch_items
from nostro.exchanges.kraken_futures.desk import NONCES_KEPT, Desk, desk
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.view import Login
from nostro.paper.server import Server

API, HISTORY = "/derivatives/api/v3/", "/api/history/v3/"
NOBODY = "61ca5732-3478-42fe-8362-abbfd9465294"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    found = Scene(tmp_path_factory.mktemp("served"))
    yield found
    found.close()


class Caller:
    def __init__(self, scene: Scene, login: Login | None = None, *, pause_s: float = 10) -> None:
        self.scene, self.login, self.pause_s = scene, login or scene.trader, pause_s
        self.server = Server(EXCHANGE, scene.venue)

    def send(self, method: str, path: str, *, body: str = "", **given: Any) -> HttpAnswer:
        self.scene.wait(self.pause_s)
        query = urlencode(given, doseq=True)
        signature = authent(self.login.secret, (query + body).encode(), nonce="", path=path)
        headers = {"APIKey": self.login.key, "Authent": signature}
        return self.server.handle(
            HttpRequest(method=method, path=path, query=query, headers=headers, body=body.encode())
        )

    def get(self, path: str, **given: Any) -> Any:
        return json.loads(self.send("GET", path, **given).body)

    def post(self, path: str, **given: Any) -> Any:
        return json.loads(self.send("POST", API + path, **given).body)


@pytest.fixture
def trader(scene: Scene) -> Caller:
    return Caller(scene)


ORDER = {"orderType": "lmt", "symbol": "PF_XBTUSD", "side": "buy", "size": "0.01", "limitPrice": "60000"}


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["orderType", "symbol", "side", "size", "limitPrice"])
def test_what_is_missing_is_said(trader: Caller, name: str) -> None:
    before = len(list(trader.scene.venue.orders(trader.login.user)))
    given = {key: value for key, value in ORDER.items() if key != name}
    assert trader.post("sendorder", **given)["error"] == "requiredArgumentMissing"
    assert trader.post("sendorder", **given | {name: ""})["error"] == "requiredArgumentMissing"
    assert len(list(trader.scene.venue.orders(trader.login.user))) == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": "x"}, "invalidArgument: size"), ({"size": "NaN"}, "invalidArgument: size"),
        ({"size": "1_000"}, "invalidArgument: size"), ({"limitPrice": "1e400"}, "invalidArgument: limitPrice"),
        ({"orderType": "limit"}, "Argument invalid: orderType"), ({"side": "BUY"}, "Argument invalid: side"),
        ({"reduceOnly": "perhaps"}, "Argument invalid: reduceOnly"),
        ({"processBefore": "tomorrow"}, "invalidArgument: processBefore"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(trader: Caller, changes: dict[str, str], said: str) -> None:
    assert trader.post("sendorder", **ORDER | changes)["error"] == said


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"symbol": "PF_NOPEUSD"}, "marketInactive"), ({"symbol": "in_xbtusd"}, "marketInactive"),
        ({"size": "0"}, "invalidSize"), ({"size": "-1"}, "invalidSize"), ({"size": "1e-05"}, "invalidSize"),
        ({"size": "1000000"}, "invalidSize"), ({"limitPrice": "0"}, "invalidPrice"),
        ({"limitPrice": "60000.5"}, "invalidPrice"), ({"limitPrice": "99000"}, "outsidePriceCollar"),
        ({"size": "90"}, "insufficientAvailableFunds"), ({"cliOrdId": "x" * 101}, "clientOrderIdTooLong"),
        ({"cliOrdId": "edited"}, "clientOrderIdAlreadyExist"), ({"reduceOnly": "True"}, "wouldNotReducePosition"),
        ({"orderType": "trailing_stop", "trailingStopMaxDeviation": "1", "trailingStopDeviationUnit": "PERCENT"},
         "invalidOrderType"),
        ({"orderType": "ioc"}, "iocWouldNotExecute"), ({"orderType": "fok"}, "iocWouldNotExecute"),
        ({"orderType": "post", "limitPrice": "64500"}, "postWouldExecute"),
    ],
)  # fmt: skip
def test_what_the_venue_refuses_is_a_status(trader: Caller, changes: dict[str, str], status: str) -> None:
    answer = trader.post("sendorder", **ORDER | changes)
    assert answer["result"] == "success"
    assert answer["sendStatus"]["status"] == status
    assert all(event["type"] == "REJECT" for event in answer["sendStatus"]["orderEvents"])


def test_closing_more_than_is_open_is_refused(trader: Caller) -> None:
    held = trader.scene.venue.positions(trader.login.user, symbol=LINEAR)[0].size
    given = ORDER | {"side": "sell", "size": str(held + 1), "limitPrice": "64900", "reduceOnly": "true"}
    assert trader.post("sendorder", **given)["sendStatus"]["status"] == "wouldNotReducePosition"


def test_an_order_against_one_s_own_is_a_self_fill(trader: Caller) -> None:
    given = ORDER | {"symbol": "PF_SOLUSD", "size": "1", "limitPrice": "150"}
    assert trader.post("sendorder", **given)["sendStatus"]["status"] == "placed"
    answer = trader.post("sendorder", **given | {"side": "sell"})
    assert answer["sendStatus"]["status"] == "selfFill"
    assert answer["sendStatus"]["orderEvents"][0]["reason"] == "WOULD_EXECUTE_SELF"


def test_what_rests_after_a_fill_is_told_after_it(trader: Caller) -> None:
    offered = sum(amount for _, amount in trader.scene.venue.depth(LINEAR, "sell", levels=1, grouped=True))
    given = ORDER | {"size": str(offered + 1), "limitPrice": "64000"}
    sent = trader.post("sendorder", **given)["sendStatus"]
    assert [event["type"] for event in sent["orderEvents"]] == ["EXECUTION", "PLACE"]
    executed, placed = sent["orderEvents"]
    assert executed["orderPriorExecution"]["quantity"] == float(offered + 1)
    assert (placed["order"]["quantity"], placed["order"]["filled"]) == (1, float(offered))
    assert trader.post("cancelorder", order_id=sent["order_id"])["cancelStatus"]["status"] == "cancelled"


def test_a_limit_may_be_relative_to_the_stop(trader: Caller) -> None:
    given = {
        "orderType": "stp", "symbol": "PF_XBTUSD", "side": "sell", "size": "0.01", "stopPrice": "50000",
        "limitPriceOffsetValue": "-1", "limitPriceOffsetUnit": "PERCENT",
    }  # fmt: skip
    (event,) = trader.post("sendorder", **given)["sendStatus"]["orderEvents"]
    assert event["orderTrigger"]["limitPrice"] == 49_500
    alone = {key: value for key, value in given.items() if key != "limitPriceOffsetUnit"}
    assert trader.post("sendorder", **alone)["error"] == "requiredArgumentMissing"


def test_query_and_form_are_one(trader: Caller) -> None:
    both = trader.post("sendorder", body=urlencode({"size": "0.01", "limitPrice": "60001"}), **{
        name: value for name, value in ORDER.items() if name not in ("size", "limitPrice")
    })  # fmt: skip
    (event,) = both["sendStatus"]["orderEvents"]
    assert (event["order"]["quantity"], event["order"]["limitPrice"]) == (0.01, 60_001)


# ── editing and canceling ────────────────────────────────────────────────────────────────────────────────────────


def placed(trader: Caller, **changes: str) -> str:
    return str(trader.post("sendorder", **ORDER | changes)["sendStatus"]["order_id"])


def test_edits(trader: Caller) -> None:
    order_id = placed(trader, cliOrdId="to edit")
    assert trader.post("editorder")["error"] == "requiredArgumentMissing"
    statuses = {
        "edited": {"size": "0.02"}, "invalidSize": {"size": "0.00001"}, "invalidPrice": {"limitPrice": "0.5"},
        "outsidePriceCollar": {"limitPrice": "99000"}, "orderForEditNotAStop": {"stopPrice": "50000"},
        "insufficientAvailableFunds": {"size": "95"},
        "wouldProcessAfterSpecifiedTime": {"processBefore": "2020-01-01T00:00:00.000Z"},
    }  # fmt: skip
    for status, changes in statuses.items():
        assert trader.post("editorder", orderId=order_id, **changes)["editStatus"]["status"] == status
    assert trader.post("editorder", orderId=NOBODY, size=1)["editStatus"] | {"receivedTime": ""} == {
        "status": "orderForEditNotFound", "orderId": NOBODY, "orderEvents": [], "receivedTime": "",
    }  # fmt: skip
    (event,) = trader.post("editorder", cliOrdId="to edit", size="0.03", qtyMode="ABSOLUTE")["editStatus"][
        "orderEvents"
    ]
    assert (event["old"]["quantity"], event["new"]["quantity"]) == (0.02, 0.03)


def test_the_orders_of_others_are_nobody_s(scene: Scene, trader: Caller) -> None:
    order_id = placed(trader)
    maker = Caller(scene, scene.maker)
    assert maker.post("cancelorder", order_id=order_id)["cancelStatus"]["status"] == "notFound"
    assert maker.post("editorder", orderId=order_id, size=1)["editStatus"]["status"] == "orderForEditNotFound"
    assert maker.post("orders/status", orderIds=[order_id])["orders"] == []
    assert trader.post("orders/status", orderIds=[order_id])["orders"][0]["status"] == "ENTERED_BOOK"


def test_a_filled_order_cannot_be_canceled(trader: Caller) -> None:
    row = next(row for row in trader.scene.venue.orders(trader.login.user) if row.status == "filled")
    status = trader.post("cancelorder", order_id=f"00000002-0000-4000-8000-{row.id:012x}")["cancelStatus"]["status"]
    assert status == "filled"
    assert trader.post("cancelorder", order_id="None")["cancelStatus"]["status"] == "notFound"
    assert trader.post("cancelorder")["error"] == "requiredArgumentMissing"


def test_statuses_are_told_for_five_seconds(scene: Scene) -> None:
    caller = Caller(scene, pause_s=1)
    order_id = placed(caller)
    caller.post("cancelorder", order_id=order_id)
    (known,) = caller.post("orders/status", orderIds=[order_id])["orders"]
    assert (known["status"], known["updateReason"]) == ("CANCELLED", "CANCELLED_BY_USER")
    scene.wait(6)
    assert caller.get(API + "orders/status", orderIds=[order_id])["orders"] == []


def test_the_switch_cancels_everything_once(scene: Scene) -> None:
    caller = Caller(scene, scene.maker, pause_s=1)
    assert list(scene.venue.orders(scene.maker.user, open_only=True))
    assert caller.post("cancelallordersafter")["error"] == "requiredArgumentMissing"
    assert caller.post("cancelallordersafter", timeout="-1")["error"] == "invalidArgument: timeout"
    assert caller.post("cancelallordersafter", timeout="60")["status"]["triggerTime"] != "0"
    scene.wait(50)
    assert caller.post("cancelallordersafter", timeout="60")["result"] == "success"  # the countdown starts anew
    scene.wait(50)
    assert caller.get(API + "openorders")["openOrders"]
    scene.wait(20)
    assert caller.get(API + "openorders")["openOrders"] == []
    scene.place(scene.maker, "sell", LINEAR, amount="0.5", price="66000")
    scene.wait(100)
    assert caller.get(API + "openorders")["openOrders"]


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────

ITEMS = [{"order": "send", "order_tag": "1", "size": 1, "reduceOnly": True, "cliOrdId": None, "limitPrice": 1e-05}]


@pytest.mark.parametrize(
    ("text", "tag", "price"),
    [
        (json.dumps({"batchOrder": ITEMS}), "1", "1e-05"), (str({"batchOrder": ITEMS}), "1", "1e-05"),
        (json.dumps({"batchOrder": ITEMS}).replace('"1"', "0"), 0, "1e-05"),
        (json.dumps({"batchOrder": ITEMS}).replace("1e-05", "0.0000100"), "1", "0.0000100"),
    ],
)  # fmt: skip
def test_batches_are_taken_in_every_form(text: str, tag: object, price: str) -> None:
    (item,) = batch_items(text)
    assert (item["order_tag"], item["size"], item["limitPrice"]) == (tag, "1", price)
    assert str(item["reduceOnly"]).lower() == "true"
    assert "cliOrdId" not in item


@pytest.mark.parametrize("text", ["", "{}", "[]", "{'batchOrder': 1}", "{'batchOrder': [[1]]}", "x" * 50, "(" * 5000,
                                  "__import__('os')", "{'batchOrder': [{'order': open('x')}]}"])  # fmt: skip
def test_what_is_no_batch_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no batch"):
        batch_items(text)


def test_each_item_of_a_batch_stands_alone(trader: Caller) -> None:
    items = [
        {"order": "send", "order_tag": 7, **ORDER}, {"order": "send", "order_tag": "b", **ORDER, "orderType": "limit"},
        {"order": "send", **ORDER}, {"order": "send", "order_tag": "c", "symbol": "PF_XBTUSD"},
        {"order": "cancel", "order_id": NOBODY}, {"order": "edit", "order_id": NOBODY, "size": "1"},
        {"order": "melt"}, {"order": "send", "order_tag": "d", **ORDER, "size": "x"},
    ]  # fmt: skip
    answer = trader.post("batchorder", body="json=" + json.dumps({"batchOrder": items}))
    assert [(row["status"], row.get("order_tag")) for row in answer["batchStatus"]] == [
        ("placed", 7), ("invalidOrderType", "b"), ("requiredArgumentMissing", None), ("requiredArgumentMissing", "c"),
        ("notFound", None), ("orderForEditNotFound", None), ("requiredArgumentMissing", None),
        ("invalidArgument: size", "d"),
    ]  # fmt: skip
    assert all(isinstance(row["orderEvents"], list) for row in answer["batchStatus"])
    assert trader.post("batchorder", body="json=nothing")["error"] == "Json Parse Error"
    assert trader.post("batchorder")["error"] == "requiredArgumentMissing"
    late = trader.post("batchorder", body="json=" + json.dumps({"batchOrder": items[:1]}),
                       ProcessBefore="2020-01-01T00:00:00.000Z")  # fmt: skip
    assert late["batchStatus"][0]["status"] == "wouldProcessAfterSpecifiedTime"


# ── histories ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["orders", "executions", "positions", "triggers", "account-log"])
@pytest.mark.parametrize("count", ["0", "-1", "x", "1.5"])
def test_a_count_is_a_positive_whole_number(trader: Caller, path: str, count: str) -> None:
    trader.pause_s = 60
    assert trader.get(HISTORY + path, count=count)["error"] == "invalidArgument: count"


@pytest.mark.parametrize("path", ["orders", "executions", "positions", "triggers", "account-log"])
def test_more_than_there_is_may_be_asked(trader: Caller, path: str) -> None:
    trader.pause_s = 120
    whole = trader.get(HISTORY + path, count="1000000")
    rows = whole.get("elements") or whole["logs"]
    assert rows
    assert "continuationToken" not in whole
    assert trader.get(HISTORY + path, sort="up")["error"] == "Argument invalid: sort"
    assert trader.get(HISTORY + path, since="soon")["error"] == "invalidArgument: since"
    later = trader.get(HISTORY + path, since=str(trader.scene.clock.now_ns // 1_000_000 + 10**9))
    assert (later.get("elements") or later.get("logs")) in ([], None)


def test_a_cursor_is_one_account_s_and_one_order_s(scene: Scene, trader: Caller) -> None:
    trader.pause_s = 60
    answer = trader.send("GET", HISTORY + "executions", count="2")
    page = json.loads(answer.body)
    token = page["continuationToken"]
    assert (answer.headers["is-truncated"], answer.headers["next-continuation-token"]) == ("true", token)
    second = trader.get(HISTORY + "executions", count="2", continuation_token=token)
    assert second["elements"][0]["uid"] not in {row["uid"] for row in page["elements"]}
    assert trader.get(HISTORY + "executions", count="2", continuationToken=token)["elements"] == second["elements"]
    refused = "invalidArgument: continuation_token"
    maker = Caller(scene, scene.maker, pause_s=60)
    assert maker.get(HISTORY + "executions", continuation_token=token)["error"] == refused
    assert trader.get(HISTORY + "executions", continuation_token=token, sort="asc")["error"] == refused
    for bad in ("c3RyaW5n+/=", "é", "WzFd", "a" * 5000):
        assert trader.get(HISTORY + "executions", continuation_token=bad)["error"] == refused


def test_positions_are_filtered_by_kind(trader: Caller) -> None:
    trader.pause_s = 60
    kinds = {"closed": "close", "opened": "open", "reversed": "reverse", "increased": "increase"}
    for flag, change in kinds.items():
        rows = trader.get(HISTORY + "positions", **{flag: "true"})["elements"]
        assert {row["event"]["PositionUpdate"]["positionChange"] for row in rows} <= {change}
    funded = trader.get(HISTORY + "positions", funding_realization="true")["elements"]
    assert {row["event"]["PositionUpdate"]["updateReason"] for row in funded} == {"fundingRealization"}
    assert trader.get(HISTORY + "positions", closed="so")["error"] == "Argument invalid: closed"


# ── money and settings ───────────────────────────────────────────────────────────────────────────────────────────

MOVE = {"fromAccount": "cash", "toAccount": "flex", "unit": "usd", "amount": "1"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": ""}, "requiredArgumentMissing"), ({"unit": ""}, "requiredArgumentMissing"),
        ({"fromAccount": ""}, "requiredArgumentMissing"), ({"amount": "0"}, "invalidAmount"),
        ({"amount": "-1"}, "invalidAmount"), ({"amount": "x"}, "invalidArgument: amount"),
        ({"amount": "1e9"}, "insufficientFunds"), ({"unit": "nope"}, "invalidUnit"),
        ({"toAccount": "nope"}, "invalidAccount"), ({"toAccount": "fi_xbtusd"}, "invalidUnit"),
        ({"toAccount": "cash"}, "invalidAccount"),
    ],
)  # fmt: skip
def test_transfers_that_cannot_be(trader: Caller, changes: dict[str, str], said: str) -> None:
    before = [(row.wallet, row.asset, row.total) for row in trader.scene.venue.balances(trader.login.user)]
    assert trader.post("transfer", **MOVE | changes)["error"] == said
    assert [(row.wallet, row.asset, row.total) for row in trader.scene.venue.balances(trader.login.user)] == before


def test_money_of_others_cannot_be_moved(scene: Scene, trader: Caller) -> None:
    uid = f"00000001-0000-4000-8000-{scene.maker.user:012x}"
    own = f"00000001-0000-4000-8000-{scene.trader.user:012x}"
    given = MOVE | {"fromUser": uid, "toUser": own}
    assert trader.post("transfer/subaccount", **given)["error"] == "invalidAccount"
    assert trader.post("transfer/subaccount", **given | {"fromUser": NOBODY})["error"] == "invalidAccount"
    assert trader.post("transfer/subaccount", **MOVE)["error"] == "requiredArgumentMissing"


@pytest.mark.parametrize(("leverage", "code"), [("0.5", 11), ("999", 11), ("2.345", 11)])
def test_a_leverage_beyond_the_levels_is_refused_and_changes_nothing(trader: Caller, leverage: str, code: int) -> None:
    answer = trader.send("PUT", API + "leveragepreferences", symbol="PF_SOLUSD", maxLeverage=leverage)
    assert answer.status == 400
    assert json.loads(answer.body)["errors"][0]["code"] == code
    rows = trader.scene.venue.positions(trader.login.user, symbol="SOL/USD:USD")
    assert all(row.mode == "cross" for row in rows)


def test_a_contract_with_a_position_stays_as_it_is(trader: Caller) -> None:
    answer = trader.send("PUT", API + "leveragepreferences", symbol="PF_XBTUSD", maxLeverage="5")
    assert (answer.status, json.loads(answer.body)["errors"][0]["code"]) == (400, 41)
    again = trader.send("PUT", API + "leveragepreferences", symbol="PF_ETHUSD")
    assert again.status == 400
    assert trader.scene.venue.positions(trader.login.user, symbol=ETHER)[0].mode == "isolated"


# ── who asks, and how much ───────────────────────────────────────────────────────────────────────────────────────


def test_a_key_that_may_only_read_cannot_trade(scene: Scene) -> None:
    reader = Caller(scene, scene.reader)
    assert reader.get(API + "accounts")["result"] == "success"
    answer = reader.send("POST", API + "sendorder", **ORDER)
    assert (answer.status, json.loads(answer.body)["error"]) == (403, "authenticationError")
    assert reader.send("POST", API + "transfer", **MOVE).status == 403


def test_nobody_is_let_in(scene: Scene) -> None:
    server = Server(EXCHANGE, scene.venue)
    for headers in ({}, {"APIKey": "nobody", "Authent": "x"}, {"APIKey": scene.trader.key, "Authent": "é"}):
        answer = server.handle(HttpRequest(method="GET", path=API + "accounts", headers=headers))
        assert json.loads(answer.body)["error"] == "authenticationError"
    assert json.loads(server.handle(HttpRequest(method="GET", path=API + "nope")).body)["error"] == "Not Found"
    assert server.handle(HttpRequest(method="GET", path=API + "sendorder")).status == 405
    assert server.handle(HttpRequest(method="GET", path="/api/history/v9/orders")).status == 404


def test_a_key_s_budget_runs_out_and_fills_up(scene: Scene) -> None:
    caller = Caller(scene, scene.desk, pause_s=0)
    scene.wait(60)
    said = [caller.get(API + "unwindqueue").get("error", "") for _ in range(4)]
    assert said == ["", "", "apiLimitExceeded", "apiLimitExceeded"]  # 200 each, of 500
    assert caller.get(API + "accounts")["result"] == "success"
    scene.wait(4)
    assert caller.get(API + "unwindqueue")["result"] == "success"
    assert caller.get(API + "tickers")["result"] == "success"


def test_the_histories_have_a_pool_of_their_own(scene: Scene) -> None:
    caller = Caller(scene, scene.desk, pause_s=0)
    scene.wait(600)
    answers = [caller.send("GET", HISTORY + "account-log", count="100000") for _ in range(11)]
    assert [answer.status for answer in answers] == [200] * 10 + [429]
    assert answers[-1].headers["Content-Type"] == "text/plain"
    assert int(answers[-1].headers["rate-limit-reset"]) == 60
    assert caller.get(API + "accounts")["result"] == "success"
    scene.wait(60)
    assert caller.send("GET", HISTORY + "account-log", count="100000").status == 200


@pytest.mark.parametrize(
    ("name", "given", "items", "price"),
    [
        ("fills", {}, 0, 2), ("fills", {"lastFillTime": "x"}, 0, 25), ("batch_order", {}, 4, 13),
        ("send_order", {}, 0, 10),
        ("cancel_all_orders", {}, 0, 25), ("account_log", {"count": "25"}, 0, 1), ("account_log", {}, 0, 3),
        ("account_log", {"count": "5000"}, 0, 6), ("account_log", {"count": "99999"}, 0, 10),
        ("account_log", {"count": "9" * 40}, 0, 3), ("executions", {}, 0, 1), ("account_log_csv", {}, 0, 6),
    ],
)  # fmt: skip
def test_what_calls_cost(name: str, given: dict[str, str], items: int, price: int) -> None:
    route = next(each for each in EXCHANGE.routes if each.name == name)
    assert costs.cost(route, given, items=items) == price


def test_nonces_are_taken_once_and_may_come_a_little_late() -> None:
    counter = Desk()
    assert [counter.take_nonce("k", nonce) for nonce in (5, 7, 6, 7, 5)] == ["", "", "", *["nonceDuplicate"] * 2]
    assert counter.take_nonce("other", 7) == ""
    for nonce in range(100, 100 + NONCES_KEPT):
        assert counter.take_nonce("k", nonce) == ""
    assert counter.take_nonce("k", 50) == "nonceBelowThreshold"


def test_what_is_spent_is_counted_exactly() -> None:
    counter = Desk()
    for step in range(500):
        assert counter.spend("k", costs.DERIVATIVES, cost=1, now_ns=step) is None
    assert counter.spend("k", costs.DERIVATIVES, cost=1, now_ns=500) == 1
    assert counter.spend("k", costs.DERIVATIVES, cost=1, now_ns=500 + SECOND // 50) is None
    assert counter.spend("k", costs.DERIVATIVES, cost=500, now_ns=60 * SECOND) is None


def test_a_server_s_memory_is_its_venue_s(scene: Scene) -> None:
    assert desk(scene.venue) is desk(scene.venue)
