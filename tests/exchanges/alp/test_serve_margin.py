"""Shows member by member what the paper server answers about margin in each dialect: the members and spellings that the
document shows, nothing that the exchange's client refuses, and only the rows asked for. The expectations are written by
hand, from the rows of the venue that was written by hand too.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.fake_view import DESK, MASTER, NOW, SECOND, TREASURER, FakeView
from conformance.wire_client import WireClient
from nostro.exchanges import exchange
from nostro.link import commands
from nostro.link.declare import Signing
from nostro.link.http import HttpRequest
from nostro.link.view import Login
from nostro.paper.server import Server

HOUR, DAY = 3600, 86_400
NOW_S = NOW // SECOND


def answered(path: str, query: str, *, dialect: str = "cli", login: Login = TREASURER, body: bytes = b"") -> Any:
    server = Server(exchange("alp", dialect), FakeView())
    client = WireClient(exchange("alp", dialect), server.handle, login)
    method = "POST" if body else "GET"
    request = HttpRequest(method=method, path=f"/api/v3/{path}", query=query, body=body)
    route = next(each for each in client.exchange.routes if (each.method, each.path) == (method, path))
    answer = server.handle(client.exchange.auth.sign(route, request, Signing(client.credentials, client.token, NOW)))
    text = b"".join(answer.body) if not isinstance(answer.body, bytes) else answer.body
    assert answer.status == 200, text
    return json.loads(text)


def ids(path: str, query: str, **more: Any) -> list[int]:
    return [row["id"] for row in answered(path, query, **more)]


EXPECTED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "margin": (
        "isolated_margin=true",
        {
            "id": 2, "account_id": 7, "borrowed": 200, "interest": 0.01, "currency": "USDT",
            "wallet_type": "ISOLATED_MARGIN", "pair": "BTC/USDT",
        },
        {},
    ),
    "margin/transfer": (
        "currency=USDT",
        {
            "id": 1, "account_id": 7, "amount": 0.25, "currency": "USDT", "date": "2025-12-24T00:00:01Z",
            "direction": "ADD", "wallet_type": "CROSS_MARGIN", "note": "to work with", "pair": "",
        },
        {},
    ),
    "margin/borrow": (
        "currency=USDT&pair=ETH_USDT",
        {
            "id": 3, "account_id": 7, "borrowed": 300, "date": "2025-12-25T00:00:03Z", "interest_accrued": 0,
            "interest_paid": 0, "interest_rate": 0.00001, "repaid": 0, "opened_at": "2025-12-25T00:00:03Z",
            "type": "LOAN_MANUAL", "wallet_type": "ISOLATED_MARGIN", "pair": "ETH/USDT",
        },
        {"last_interest_at": None, "type": "MANUAL"},
    ),
    "margin/repay": (
        "currency=USDT",
        {
            "id": 2, "account_id": 7, "interest_amount": 0, "principal_amount": 0.5, "currency": "USDT",
            "date": "2025-12-27T00:00:00Z", "type": "LOAN_AUTO", "wallet_type": "ISOLATED_MARGIN", "pair": "BTC/USDT",
        },
        {"type": "AUTO"},
    ),
    "margin/interest": (
        "currency=USDT",
        {
            "id": 1, "account_id": 7, "borrow_id": 1, "currency": "USDT", "interest_accrued": 0.0005,
            "interest_paid": 0.25, "interest_rate": 0.00001, "wallet_type": "CROSS_MARGIN",
        },
        {},
    ),
    "margin/liquidation": (
        "currency=BTC",
        {
            "id": 2, "account_id": 7, "created_at": "2025-12-29T00:00:00Z", "wallet_type": "CROSS_MARGIN",
            "margin_level": -0.25, "amount": 1, "fund_amount": 0, "currency": "BTC",
        },
        {"closed_at": "", "order_closed": [], "order_created": [], "borrow_closed": [], "repay_created": []},
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", EXPECTED)
def test_the_first_row_is_what_the_client_takes_and_what_the_document_shows(path: str) -> None:
    query, row, document = EXPECTED[path]
    assert answered(path, query)[0] == row
    assert answered(path, query, dialect="d23")[0] == row | document


def test_a_closed_liquidation_has_its_time_and_its_lists() -> None:
    for dialect in ("cli", "d23"):
        (row,) = answered("margin/liquidation", "pair=ETH_USDT", dialect=dialect)
        assert row["closed_at"] == "2025-12-28T00:00:00Z"
        assert (row["pair"], row["margin_level"]) == ("ETH/USDT", 0.04870129)
        lists = [row[name] for name in ("order_closed", "order_created", "borrow_closed", "repay_created")]
        assert lists == [[4, 5], [6], [3], [2]]


def test_no_null_where_the_client_takes_none() -> None:
    for path, (query, _, _) in EXPECTED.items():
        assert all(value is not None for row in answered(path, query) for value in row.values())


@pytest.mark.parametrize(
    ("path", "query", "found"),
    [
        ("margin/transfer", "", [1, 2, 3, 4]), ("margin/transfer", "pair=&currency=", [1, 2, 3, 4]),
        ("margin/transfer", "pair=BTC/USDT", [2, 3]), ("margin/transfer", "currency=BTC&pair=ETH_USDT", []),
        ("margin/transfer", "open_only=1", []), ("margin/transfer", "open_only=0", [1, 2, 3, 4]),
        ("margin/borrow", "", [1, 2, 3, 4]), ("margin/borrow", "open_only=true", [1, 2, 3]),
        ("margin/borrow", f"end_time={NOW_S - 20 * DAY}", [5]),
        ("margin/borrow", f"start_time={NOW_S - 7 * DAY + 2}&end_time={NOW_S - 7 * DAY + 4}", [2, 3]),
        ("margin/repay", "currency=BTC", [1]), ("margin/repay", "pair=BTC_USDT", [2]),
        ("margin/interest", f"start_time={NOW_S - 7 * DAY + HOUR}&end_time={NOW_S - 7 * DAY + 3 * HOUR}", [1, 2]),
        ("margin/interest", "pair=BTC_USDT", [2, 4]), ("margin/liquidation", "", [1, 2]),
        ("margin/liquidation", "open_only=1", [2]), ("margin/liquidation", "currency=ETH", []),
        ("margin", "cross_margin=1", [1]), ("margin", "isolated_margin=1&cross_margin=false", [2, 3]),
    ],
)  # fmt: skip
def test_only_what_was_asked_for(path: str, query: str, found: list[int]) -> None:
    assert ids(path, query) == found
    assert ids(path, query, dialect="d23") == found


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("margin/transfer", ""), ("margin/borrow", "currency=USDT"), ("margin/repay", ""), ("margin/interest", ""),
        ("margin/liquidation", ""), ("accounts/order", ""), ("accounts/trades", "side=BUY"),
        ("accounts/activity", ""),
    ],
)  # fmt: skip
def test_a_master_s_list_is_its_family_s_in_order_of_time(path: str, query: str) -> None:
    """The fake venue gives each member the same rows, one nanosecond after the other."""
    rows = answered(path, query, login=MASTER)
    alone = answered(path, query, login=DESK)
    assert len(alone) > 0
    assert {row["account_id"] for row in alone} == {31}
    assert len(rows) == 3 * len(alone)
    accounts = [row["account_id"] for row in rows]
    assert set(accounts) == {30, 31, 32}
    assert accounts != sorted(accounts), "in turns, not one after the other"
    stamps = [row.get("date") or row.get("created_at") for row in rows]
    assert stamps == sorted(stamps, key=lambda stamp: stamp or "")


def test_deposits_and_withdrawals_say_no_account_and_are_the_login_s_own() -> None:
    rows = answered("deposit", "", login=MASTER)
    assert len(rows) == 4
    assert all(row["id"] % 10 == 0 for row in rows), "the fake venue's ids of sub-accounts end in 1 and 2"


@pytest.mark.parametrize("dialect", ["cli", "d23", "d26"])
def test_balances_of_isolated_wallets_say_whose_they_are(dialect: str) -> None:
    rows = [row for row in answered("accounts/balances", "", dialect=dialect) if row["currency"] == "USDT"]
    separator = "_" if dialect == "d26" else "/"
    assert [(row["wallet_type"], row.get("pair")) for row in rows] == [
        ("SPOT", None), ("FUNDING", None), ("CROSS_MARGIN", None), ("ISOLATED_MARGIN", f"BTC{separator}USDT"),
        ("ISOLATED_MARGIN", f"ETH{separator}USDT"),
    ]  # fmt: skip


def test_writes_are_answered_as_the_client_and_as_the_document_have_it() -> None:
    form = b'{"account_id": 7, "%s": 1.5, "currency": "USDT", "wallet_type": "MARGIN_CROSS", "type": "%s"}'
    moved = b'{"account_id": 7, "direction": "SUB", "amount": 1, "currency": "USDT", "wallet_type": "FUNDING"}'
    for dialect, repaid in (("cli", [34]), ("d23", 34)):
        assert answered("margin/transfer", "", dialect=dialect, body=moved) == 34
        assert answered("margin/borrow", "", dialect=dialect, body=form % (b"borrow", b"LOAN_AUTO")) == 34
        for amount in (b"amount", b"borrow"):
            assert answered("margin/repay", "", dialect=dialect, body=form % (amount, b"MANUAL")) == repaid


@pytest.mark.parametrize("raw", ["ISOLATED_MARGIN", "MARGIN_ISOLATED"])
@pytest.mark.parametrize("pair", ["BTC_USDT", "BTC/USDT"])
def test_every_spelling_of_a_wallet_is_taken(raw: str, pair: str) -> None:
    venue = FakeView()
    spoken = exchange("alp", "d23")
    client = WireClient(spoken, Server(spoken, venue).handle, TREASURER)
    close = next(route for route in spoken.routes if route.name == "close_position")
    assert client.send(close, {"pair": pair, "wallet_type": raw}).status == 200
    assert venue.submitted[-1] == (7, commands.ClosePosition(account=7, wallet="isolated_margin:BTC/USDT"))
