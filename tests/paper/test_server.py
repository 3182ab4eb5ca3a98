"""Shows that the paper server answers as the document's table of errors says, takes every form in which a parameter
may come, and answers ALP.COM's histories with exactly the venue's rows of the window, in each dialect.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conformance.fake_view import (
    DAY,
    DEPOSITS,
    ENTRIES,
    FILLS,
    NEWCOMER,
    NOW,
    ORDERS,
    SECOND,
    TREASURER,
    WITHDRAWALS,
    FakeView,
)  # fmt: skip
from conformance.wire_client import WireClient
from nostro import limits
from nostro.exchanges import exchange
from nostro.exchanges.alp import auth
from nostro.link import commands, view
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.paper.server import Server, accepts_json
from nostro.paper.venue.venue import Venue

DIALECTS = ("cli", "d23", "d26")


class Desk:
    """A server of one dialect, and a signed-in way to ask it."""

    def __init__(self, dialect: str = "cli", login: view.Login = TREASURER) -> None:
        self.venue = FakeView()
        self.login = login
        self.server = Server(exchange("alp", dialect), self.venue)
        self.token = WireClient(self.server.exchange, self.server.handle, login).token

    def call(self, method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> HttpAnswer:
        signed = {"Authorization": f"Bearer {self.token}", "X-SIGN": auth.x_sign(body, self.login.secret)}
        request = HttpRequest(method=method, path=f"/api/v3/{path}", query=query, headers=signed | headers, body=body)
        return self.server.handle(request)

    def get(self, path: str, query: str = "") -> Any:
        answer = self.call("GET", path, query)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def refused(self, path: str, query: str) -> dict[str, list[str]]:
        answer = self.call("GET", path, query)
        assert answer.status == 400, answer.body
        return dict(json.loads(answer.body)["formErrors"])


# ── the table of errors ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "path", "accept", "status"),
    [
        ("GET", "currencies", None, 200), ("GET", "currencies/", "*/*", 200), ("GET", "nothing", None, 404),
        ("GET", "", None, 404), ("GET", "currencies/x", None, 404), ("GET", "../currencies", None, 404),
        ("POST", "currencies", None, 405), ("HEAD", "currencies", None, 405), ("GET", "trading/order", None, 405),
        ("PUT", "trading/order", None, 405), ("GET", "currencies", "text/html", 406),
        ("GET", "currencies", "text/html, application/json;q=0", 406),
        ("GET", "currencies", "text/html, */*;q=0.1", 200), ("GET", "currencies", "application/*", 200),
        ("GET", "order_book", None, 400), ("GET", "orderbook", None, 400),
    ],
)  # fmt: skip
def test_statuses(method: str, path: str, accept: str | None, status: int) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = Server(exchange("alp"), FakeView()).handle(
        HttpRequest(method=method, path=f"/api/v3/{path}", headers=headers)
    )
    assert answer.status == status
    body = json.loads(answer.body)
    assert status == 200 or set(body) >= {"code", "message"}
    assert ("Allow" in answer.headers) == (status == 405)


def test_other_paths_are_not_served() -> None:
    server = Server(exchange("alp"), FakeView())
    for path in ("/", "/currencies", "/api/v2/currencies", "/api/v3", "/api/v3x/currencies", "//api/v3/currencies"):
        assert server.handle(HttpRequest(method="GET", path=path)).status == 404


def test_who_then_whether_they_may_then_what() -> None:
    """A wrong body of somebody unknown is 401, of somebody who may not 403, and only then 400."""
    desk = Desk(login=NEWCOMER)
    assert desk.call("POST", "trading/order", body=b"{", Authorization="").status == 401
    assert desk.call("POST", "trading/order", body=b"{").status == 403
    assert Desk().call("POST", "trading/order", body=b"{").status == 400


def test_an_answer_carries_the_venue_s_time_and_says_that_it_is_json() -> None:
    headers = Desk().call("GET", "currencies").headers
    assert headers == {"Date": "Thu, 01 Jan 2026 00:00:00 GMT", "Content-Type": "application/json"}


@pytest.mark.parametrize("query", ["a=%ff", "&".join(f"a{number}=1" for number in range(65))])
def test_a_query_that_cannot_be_read_is_refused(query: str) -> None:
    assert Desk().call("GET", "pairs", query).status == 400


def test_no_accept_header_takes_json() -> None:
    assert accepts_json(None)
    assert accepts_json("")


# ── windows ──────────────────────────────────────────────────────────────────────────────────────────────────────

WINDOWED = ("accounts/order", "accounts/trades", "accounts/activity", "deposit", "withdraw")


@pytest.mark.parametrize("path", WINDOWED)
@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("2025-12-01T00:00:00Z", "2025-12-31T00:00:01Z", "end_time"), ("soon", "", "start_time"),
        ("2025-12-02T00:00:00Z", "2025-12-01T00:00:00Z", "end_time"), ("", "2025-02-30T00:00:00Z", "end_time"),
        ("1e9", "", "start_time"), ("1" * 40, "", "start_time"), ("-5", "", "start_time"), ("NaN", "", "start_time"),
        ("2025-12-01 00:00:00", "", "start_time"), ("2025-12-01", "", "start_time"), ("5", "", "start_time"),
    ],
)  # fmt: skip
def test_a_window_that_is_none_is_refused(path: str, start: str, end: str, field: str) -> None:
    assert list(Desk().refused(path, f"start_time={start}&end_time={end}")) == [field]


@pytest.mark.parametrize("path", WINDOWED)
def test_a_window_of_thirty_days_is_taken_and_one_far_away_too(path: str) -> None:
    Desk().get(path, "start_time=2025-12-01T00:00:00Z&end_time=2025-12-31T00:00:00Z")
    assert Desk().get(path, "start_time=2990-12-01T00:00:00Z&end_time=2990-12-31T00:00:00Z") == []
    assert Desk().get(path, "start_time=2990-12-01T00:00:00Z") == []


@pytest.mark.parametrize("path", ["activity", "orders", "trades"])
@pytest.mark.parametrize("start", ["32503680000", "9223372036", "9223372036.854775807", "3000-01-01T00:00:00Z"])
def test_a_window_behind_every_time_that_a_venue_can_keep_is_empty(tmp_path: Path, path: str, start: str) -> None:
    """The venue's times have 64 bits: no bound that a client can write is more than they hold."""
    with Venue.open(tmp_path / "venue.db", now_ns=lambda: NOW) as venue:
        login = venue.create_login("reader", "reader@paper.example", permissions=("read",))
        server = Server(exchange("alp"), venue)
        token = WireClient(server.exchange, server.handle, login).token
        headers = {"Authorization": f"Bearer {token}"}
        route = "order" if path == "orders" else path
        for query in (f"start_time={start}", f"end_time={start}", f"start_time={start}&end_time={start}"):
            request = HttpRequest(method="GET", path=f"/api/v3/accounts/{route}", query=query, headers=headers)
            assert server.handle(request).status == 200
        for query in ("since=32503680000", "until=32503680000", "since=9223372036&until=32503680000"):
            request = HttpRequest(method="GET", path="/api/v3/charts", query=f"pair=BTC_USDT&interval=DAY&{query}")
            assert server.handle(request).status == 200


def seconds(time_ns: int) -> str:
    return str(time_ns // SECOND)


@pytest.mark.parametrize(
    "form",
    [
        lambda _: quote("2025-12-28T00:00:00+00:00"), lambda _: "2025-12-28T00:00:00Z",
        lambda _: "2025-12-28T00:00:00+00:00", lambda _: quote("2025-12-28T03:00:00+03:00"),
        lambda _: "2025-12-27T21:00:00-03:00", seconds, lambda time_ns: seconds(time_ns) + ".000000",
        lambda _: quote("2025-12-28T00:00:00.000Z"),
    ],
)  # fmt: skip
def test_every_form_of_a_time_means_the_same(form: Any) -> None:
    """An unencoded plus has become a space, and is taken for a plus."""
    moment = NOW - 4 * DAY  # 2025-12-28T00:00:00Z: the third entry's and the fills' day
    rows = Desk().get("accounts/activity", f"start_time={form(moment)}&end_time={seconds(moment + DAY)}")
    assert [row["id"] for row in rows] == [entry.id for entry in ENTRIES if moment <= entry.time_ns < moment + DAY]
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("since", "until", "low", "high"),
    [
        (None, None, NOW - 30 * DAY, NOW + 1), (NOW - 40 * DAY, None, NOW - 40 * DAY, NOW - 10 * DAY),
        (None, NOW - 9 * DAY, NOW - 39 * DAY, NOW - 9 * DAY),
        (NOW - 5 * DAY, NOW - 3 * DAY, NOW - 5 * DAY, NOW - 3 * DAY),
        (NOW - 3 * DAY, NOW - 3 * DAY, 0, 0),
    ],
)  # fmt: skip
def test_a_history_is_exactly_the_rows_of_its_window(since: int | None, until: int | None, low: int, high: int) -> None:
    """``start_time`` inclusive, ``end_time`` exclusive, thirty days where one is missing, the last thirty without
    both."""
    bounds = {"start_time": since, "end_time": until}
    query = "&".join(f"{name}={seconds(value)}" for name, value in bounds.items() if value is not None)
    desk = Desk()

    def ids(rows: Any, when: str) -> list[int]:
        return [row.id for row in sorted(rows, key=lambda row: getattr(row, when)) if low <= getattr(row, when) < high]

    assert [row["id"] for row in desk.get("accounts/order", query)] == ids(ORDERS, "placed_ns")
    assert [row["id"] for row in desk.get("accounts/activity", query)] == ids(ENTRIES, "time_ns")
    assert [row["id"] for row in desk.get("deposit", query)] == ids(DEPOSITS, "time_ns")
    assert [row["id"] for row in desk.get("withdraw", query)] == ids(WITHDRAWALS, "time_ns")
    assert len(desk.get("accounts/trades", query)) == len(ids(FILLS, "time_ns"))


# ── filters ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("pair=ETH_USDT", [4]), ("pair=ETH/USDT", [4]), ("pair=", [2, 3, 4, 5, 6, 7]), ("side=ASC", [3, 4]),
        ("side=BUY&pair=BTC_USDT", [2, 5, 6, 7]), ("open_only=1", [4, 5]), ("open_only=0", [2, 3, 4, 5, 6, 7]),
        ("open_only=TRUE&side=BID", [5]), ("unknown=1&side=SELL", [3, 4]),
    ],
)  # fmt: skip
def test_orders_are_filtered_as_asked(query: str, ids: list[int]) -> None:
    assert [row["id"] for row in Desk().get("accounts/order", query)] == ids


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("accounts/order", "pair=BTCUSDT", "pair"), ("accounts/order", "pair=XXX_YYY", "pair"),
        ("accounts/order", "pair=%D0%92TC_USDT", "pair"), ("accounts/order", "side=UP", "side"),
        ("accounts/order", "open_only=perhaps", "open_only"), ("accounts/activity", "currency=XXX", "currency"),
        ("accounts/balances", "currency=usdt", "currency"), ("deposit/methods", "", "currency"),
        ("withdraw/methods", "currency=", "currency"), ("order_book", "", "pair"),
        ("charts", "pair=BTC_USDT", "interval"),
        ("charts", "pair=BTC_USDT&interval=7", "interval"), ("charts", "interval=5", "pair"),
        ("charts", "pair=BTC_USDT&interval=5&since=soon", "since"), ("trades", "limit=-1", "limit"),
        ("trades", "limit=99999999999", "limit"), ("ticker", "pair_id=9", "pair_id"), ("ticker", "pair=X_Y", "pair"),
    ],
)  # fmt: skip
def test_a_bad_parameter_is_refused_by_its_name(path: str, query: str, field: str) -> None:
    assert list(Desk().refused(path, query)) == [field]


@pytest.mark.parametrize("interval", ["1440", "1D", "DAY"])
def test_an_interval_is_taken_in_every_spelling(interval: str) -> None:
    rows = Desk().get("charts", f"pair=BTC_USDT&interval={interval}")
    assert [row["time"] for row in rows] == [(NOW - number * DAY) // SECOND for number in (5, 4, 3, 2, 1)]


def test_a_chart_s_limit_counts_from_since_and_else_back_from_the_end() -> None:
    days = [(NOW - number * DAY) // SECOND for number in (5, 4, 3, 2, 1)]
    query = "pair=BTC_USDT&interval=DAY"
    since = f"since={days[1]}"

    def times(more: str) -> list[int]:
        return [row["time"] for row in Desk().get("charts", f"{query}&{more}")]

    assert times(f"until={NOW // SECOND}&limit=2") == days[3:]
    assert times("limit=2") == days[4:]  # the interval that has just begun is one of the two
    assert times(f"{since}&limit=2") == days[1:3]
    assert times(f"{since}&until={days[3]}") == days[1:3]
    assert times("limit=0") == []


# ── dialects ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("query", ["pair=BTC_USDT", "pair_id=1"])
def test_one_ticker_is_an_object_for_the_client_and_a_list_in_the_documents(query: str) -> None:
    assert Desk("cli").get("ticker", query)["pair"] == "BTC/USDT"
    assert [row["pair"] for row in Desk("d23").get("ticker", query)] == ["BTC/USDT"]
    (row,) = Desk("d26").get("ticker", query)
    assert (row["pair"], row["open"], row["diff_percent"], row["price_precision"]) == ("BTC_USDT", 44000, 2.27, 2)


def test_all_tickers_are_a_list_that_can_be_cut() -> None:
    for dialect in DIALECTS:
        desk = Desk(dialect)
        assert len(desk.get("ticker")) == 2
        assert [row["last"] for row in desk.get("ticker", "limit=1&offset=1")] == [0]


def nulls(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*(nulls(each) for each in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    return {name for name, each in value.items() if each is None}.union(*(nulls(each) for each in value.values()))


NULLABLE = {"parent_id", "tx_hash", "regex"}  # what the exchange's client takes as null


def test_the_client_s_dialect_never_sends_a_null_that_breaks_it_and_the_document_s_shows_them() -> None:
    private = ("accounts/accounts", "accounts/feeinfo", *WINDOWED)
    for path in (*private, "deposit/methods", "withdraw/methods"):
        assert nulls(Desk("cli").get(path, "currency=USDT")) <= NULLABLE
    assert nulls(Desk("d23").get("accounts/order")) == {"done_at", "expire_after", "stop_price"}
    assert nulls(Desk("d23").get("accounts/feeinfo")) == {"currency", "pair"}
    assert nulls(Desk("d26").get("accounts/accounts")) == set()


def test_statuses_of_each_dialect() -> None:
    def statuses(dialect: str, path: str) -> set[str]:
        return {row["status"] for row in Desk(dialect).get(path)}

    assert "PARTIAL_CANCELLED" in statuses("cli", "accounts/order")
    assert "PARTIAL_CANCELED" in statuses("d26", "accounts/order")
    assert {"DONE", "REFUSED", "CANCELED"} <= statuses("cli", "withdraw")
    assert "COMPLETED" in statuses("d23", "withdraw")
    assert "COMPLETED" not in statuses("cli", "withdraw")


def test_what_2026_no_longer_has_is_not_there() -> None:
    for path in ("deposit", "deposit/methods", "withdraw", "withdraw/methods"):
        assert Desk("d26").call("GET", path).status == 404
    for path in ("time", "currency-rates"):
        assert Desk("d23").call("GET", path).status == 404
        assert Desk("cli").get(path)
    assert Desk("d26").get("time") == {"serverTime": NOW // SECOND}
    assert Desk("d26").get("currency-rates") == {"USDT": "1", "BTC": "45000"}


def test_trades_of_2026_are_the_newest_of_the_window_newest_first() -> None:
    desk = Desk("d26")
    rows = desk.get("accounts/trades")
    assert [row["id"] for row in rows] == [14, 13, 12, 11]
    assert rows[2] == {
        "id": 12, "pair": "BTC_USDT", "side": "BUY", "price": 45000, "amount": 0.75, "fee": 0.0015,
        "timestamp": (NOW - 4 * DAY) // SECOND + 0.123456, "order_id": 2,
    }  # fmt: skip
    assert [row["id"] for row in desk.get("accounts/trades", "limit=2")] == [14, 13]
    desk.venue.fill_rows = [FILLS[1]] * 150
    assert len(desk.get("accounts/trades", "limit=1000")) == 100


def test_orders_of_2026_are_the_newest_hundred_whatever_is_asked() -> None:
    desk = Desk("d26")
    assert [row["id"] for row in desk.get("accounts/order", "pair=ETH_USDT&open_only=1")] == [7, 6, 5, 4, 3, 2, 1]
    desk.venue.order_rows = [ORDERS[1]] * 150
    assert len(desk.get("accounts/order")) == 100


def test_activity_of_2026_shows_the_amount_of_the_operation() -> None:
    rows = Desk("d26").get("accounts/activity", "limit=2&offset=1")
    assert [(row["op_type"], row["balance"], row["reserve"]) for row in rows] == [
        ("WITHDRAWAL", -50, -50),
        ("FEE", -0.0015, 0),
    ]


# ── writes ───────────────────────────────────────────────────────────────────────────────────────────────────────

BODY = {"pair": "BTC_USDT", "order_side": "BID", "order_type": "LIMIT", "base_amount": 1, "limit_price": 45000}


def placed(changes: dict[str, Any], dialect: str = "cli") -> commands.PlaceOrder:
    desk = Desk(dialect)
    body = json.dumps(BODY | changes).encode()
    answer = desk.call("POST", "trading/order", body=body)
    assert answer.status == 200, answer.body
    assert answer.body == b"[34]"
    (_, command), *others = desk.venue.submitted
    assert not others
    assert isinstance(command, commands.PlaceOrder)
    return command


def test_what_an_order_leaves_out_has_the_client_s_defaults() -> None:
    neutral = {"client_order_id": None, "wallet_type": None, "side_effect": None, "valid_till": None,
               "expire_after": None,
               "quote_amount": None, "stop_price": None, "stop_operator": None, "tif": None}  # fmt: skip
    explicit = {"client_order_id": "1", "wallet_type": "SPOT", "side_effect": "NO_SIDE_EFFECT", "tif": "GTC",
                "expire_after": "3000-01-01T00:00:00Z"}  # fmt: skip
    assert placed({}) == placed(neutral) == placed(explicit)
    assert placed({}).client_id == "1"
    assert placed({}).expire_after_ns is None


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"order_side": "ASC"}, "side", "sell"), ({"order_side": "BUY"}, "side", "buy"),
        ({"tif": "AON"}, "time_in_force", "aon"),
        ({"tif": "FILL_OR_KILL"}, "time_in_force", "fok"), ({"tif": "UNDEFINED_TIME_IN_FORCE"}, "time_in_force", "gtc"),
        ({"base_amount": "0.5"}, "amount", "0.5"), ({"base_amount": 1e-08}, "amount", "1E-8"),
        ({"pair": "BTC/USDT"}, "instrument", "BTC/USDT"),
        ({"wallet_type": "MARGIN_CROSS"}, "wallet", "cross_margin"), ({"post_only": True}, "post_only", "True"),
        ({"valid_till": "2026-02-01T00:00:00Z"}, "valid_till_ns", str(NOW + 31 * DAY)),
        ({"order_type": "STOP_MARKET", "stop_price": 5, "stop_operator": "LTE"}, "stop_operator", "lte"),
    ],
)  # fmt: skip
def test_an_order_s_members_are_taken_in_every_spelling(changes: dict[str, Any], field: str, value: str) -> None:
    said = getattr(placed(changes), field)
    assert said == Decimal(value) if field == "amount" else str(said) == value


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"order_side": "UP"}, "order_side"), ({"order_type": "ICEBERG"}, "order_type"),
        ({"wallet_type": "X"}, "wallet_type"),
        ({"tif": "NEVER"}, "tif"), ({"side_effect": "X"}, "side_effect"), ({"stop_operator": "EQ"}, "stop_operator"),
        ({"base_amount": "9" * 40}, "base_amount"), ({"base_amount": "NaN"}, "base_amount"),
        ({"base_amount": True}, "base_amount"),
        ({"limit_price": "1_000"}, "limit_price"), ({"limit_price": []}, "limit_price"),
        ({"valid_till": "soon"}, "valid_till"),
        ({"expire_after": "3000"}, "expire_after"), ({"pair": 5}, "pair"), ({"pair": None}, "pair"),
    ],
)  # fmt: skip
def test_a_bad_member_of_an_order_is_refused_by_its_name(changes: dict[str, Any], field: str) -> None:
    desk = Desk()
    answer = desk.call("POST", "trading/order", body=json.dumps(BODY | changes).encode())
    assert answer.status == 400
    assert list(json.loads(answer.body)["formErrors"]) == [field]
    assert not desk.venue.submitted


def test_2026_wants_the_quote_amount_to_buy_at_the_market_and_the_base_amount_to_sell() -> None:
    market = {"order_type": "MARKET", "limit_price": None}
    for side, base, funds, good in (("BUY", 1, None, False), ("BUY", None, 1, True), ("SELL", None, 1, False)):
        changes = market | {"order_side": side, "base_amount": base, "quote_amount": funds}
        answer = Desk("d26").call("POST", "trading/order", body=json.dumps(BODY | changes).encode())
        assert answer.status == (200 if good else 400)
        placed(changes, "cli")  # the client may ask for either


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ({"order_ids": [34, 5], "all": False, "pair": ""}, commands.CancelOrders(order_ids=(34, 5))),
        ({"order_ids": [], "all": True, "pair": None}, commands.CancelAll()),
        ({"order_ids": None, "all": None, "pair": "ETH_USDT"}, commands.CancelAll(instrument="ETH/USDT")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dialect", DIALECTS)
def test_neutral_members_of_a_cancel_say_nothing(body: dict[str, Any], command: commands.Command, dialect: str) -> None:
    desk = Desk(dialect)
    answer = desk.call("DELETE", "trading/order", body=json.dumps(body).encode())
    assert desk.venue.submitted == [(TREASURER.user, command)]
    if isinstance(command, commands.CancelOrders):
        assert json.loads(answer.body) == {"34": "CANCELLED", "5": "order not found"}
    elif dialect == "d26":
        assert (answer.status, answer.body) == (202, b"")
    else:
        assert json.loads(answer.body) == {"34": "CANCELLED"}


@pytest.mark.parametrize(
    "body", [{}, {"order_ids": [1], "all": True}, {"all": True, "pair": "BTC_USDT"}, {"all": False}]
)
def test_a_cancel_needs_exactly_one_selector(body: dict[str, Any]) -> None:
    desk = Desk()
    assert desk.call("DELETE", "trading/order", body=json.dumps(body).encode()).status == 400
    assert not desk.venue.submitted


def test_a_withdrawal_is_answered_with_true() -> None:
    body = b'{"amount": "50", "method": 2, "attributes": {"address": "0xab"}}'
    desk = Desk()
    assert desk.call("POST", "withdraw", body=body).body == b"true"
    expected = commands.RequestWithdrawal(method=2, amount=Decimal(50), attributes={"address": "0xab"})
    assert desk.venue.submitted == [(TREASURER.user, expected)]


def test_nobody_sees_another_one_s_rows() -> None:
    desk = Desk(login=NEWCOMER)
    for path in ("accounts/balances", "accounts/order", "accounts/trades", "accounts/activity", "deposit"):
        assert desk.get(path) == []
    assert [row["id"] for row in desk.get("accounts/accounts")] == [NEWCOMER.user]


def test_a_long_history_is_made_while_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    for path in WINDOWED[:3]:
        whole = desk.call("GET", path)
        assert whole.rest is None
        assert len(json.loads(whole.body)) >= 2
        monkeypatch.setattr(limits, "ANSWER_BYTES_HELD", 1)
        monkeypatch.setattr(limits, "VENUE_PAGE_ROWS", 1)
        long = desk.call("GET", path)
        assert len(long.body) < len(whole.body)
        assert long.rest is not None
        assert long.body + b"".join(long.rest) == whole.body
        monkeypatch.undo()


def test_an_empty_history_is_an_empty_list() -> None:
    assert Desk(login=NEWCOMER).call("GET", "accounts/trades").body == b"[]"
