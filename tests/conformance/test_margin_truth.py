"""Shows that what the client reads of margin and of sub-accounts over each dialect's wire is what the real venue holds,
row by row; and that what the venue refuses comes back as one clear error. The expectation is built here from the
venue's rows, by hand and in our words.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from conformance.real_venue import DAY, SECOND, Scene
from conformance.test_truth import micro
from conformance.wire_client import WireClient
from nostro import errors
from nostro.exchanges import exchange
from nostro.link.commands import Borrow, ClosePosition, Command, MoveMargin, Repay
from nostro.link.declare import Query, Route
from nostro.link.http import HttpAnswer
from nostro.link.view import Login
from nostro.paper.server import Server

NOW = 1_767_225_600 * SECOND
DIALECTS = ("cli", "d23")
ASSETS = ("BTC", "ETH", "USDT")
MARGIN = ("margin_transfers", "borrows", "repayments", "interest", "liquidations")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    found = Scene(tmp_path_factory.mktemp("venue"), NOW)
    yield found
    found.close()


def client(scene: Scene, dialect: str = "cli", login: Login | None = None) -> WireClient:
    spoken = exchange("alp", dialect)
    return WireClient(spoken, Server(spoken, scene.venue).handle, login or scene.trader)


def sweep(asked: WireClient, stream: str, **where: str) -> list[Any]:
    """Window by window from the beginning, as the 30 days allow."""
    found = []
    for month in (2, 1):
        bounds = {"since_ns": NOW - month * 20 * DAY, "until_ns": NOW - (month - 1) * 20 * DAY}
        found += asked.ask(stream, Query(**bounds, where=where))
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_money_moved(scene: Scene, dialect: str) -> None:
    rows = list(scene.venue.movements(scene.trader.user))
    facts = sweep(client(scene, dialect), "margin_transfers")
    assert {(row.direction, row.wallet) for row in rows} >= {
        ("sub", "cross_margin"),
        ("add", "isolated_margin:BTC/USDT"),
    }
    for fact, row in zip(facts, rows, strict=True):
        ends = ("spot", row.wallet) if row.direction == "add" else (row.wallet, "spot")
        assert (fact.from_wallet, fact.to_wallet, fact.wallet) == (*ends, row.wallet)
        assert (fact.native_id, fact.asset, fact.amount) == (str(row.id), row.asset, row.amount)
        assert (fact.direction, fact.status, fact.note) == ("internal", "done", row.note or None)
        assert (fact.effective_ns, fact.sub_account) == (micro(row.time_ns), str(row.user))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_borrowings(scene: Scene, dialect: str) -> None:
    asked, seen = client(scene, dialect), 0
    terminal = asked.exchange.stream("borrows").terminal  # type: ignore[union-attr]
    for asset in ASSETS:
        rows = list(scene.venue.borrows(scene.trader.user, asset=asset))
        for fact, row in zip(sweep(asked, "borrows", asset=asset), rows, strict=True):
            assert (fact.native_id, fact.asset, fact.wallet, fact.type) == (str(row.id), asset, row.wallet, row.type)
            assert (fact.amount, fact.repaid) == (row.amount, row.repaid)
            assert (fact.interest_accrued, fact.interest_paid, fact.interest_rate) == (row.accrued, row.paid, row.rate)
            assert (fact.effective_ns, fact.opened_ns) == (micro(row.time_ns),) * 2
            assert fact.last_interest_ns == micro(row.interest_ns)
            assert (fact.status in terminal) == (row.done_ns is not None)
            seen += 1
    found = [row.done_ns is None for row in scene.venue.borrows(scene.trader.user)]
    assert seen == len(found) >= 5
    assert {True, False} == set(found)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_repayments(scene: Scene, dialect: str) -> None:
    rows = list(scene.venue.repayments(scene.trader.user))
    facts = sweep(client(scene, dialect), "repayments")
    assert any(row.interest for row in rows)
    assert {row.type for row in rows} == {"manual", "auto"}
    for fact, row in zip(facts, rows, strict=True):
        assert (fact.native_id, fact.asset, fact.wallet, fact.type) == (str(row.id), row.asset, row.wallet, row.type)
        assert (fact.principal, fact.interest, fact.effective_ns) == (row.principal, row.interest, micro(row.time_ns))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_interest_lies_in_the_window_asked_for(scene: Scene, dialect: str) -> None:
    rows = {str(row.id): row for row in scene.venue.interest(scene.trader.user)}
    facts = sweep(client(scene, dialect), "interest")
    assert len(facts) == len(rows) > 700
    for fact in facts:
        row = rows[fact.native_id]
        assert fact.effective_ns <= row.time_ns < fact.until_ns
        assert (fact.asset, fact.wallet, fact.borrow_id) == (row.asset, row.wallet, str(row.borrow))
        assert (fact.accrued, fact.paid, fact.rate) == (row.accrued, row.paid, row.rate)
    hour = next(iter(rows.values())).time_ns
    (found,) = client(scene, dialect).ask("interest", Query(since_ns=hour, until_ns=hour + 3600 * SECOND))
    assert (found.effective_ns, found.until_ns) == (hour, hour + 3600 * SECOND)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_liquidations(scene: Scene, dialect: str) -> None:
    (row,) = scene.venue.liquidations(scene.trader.user)
    (fact,) = sweep(client(scene, dialect), "liquidations")
    assert (fact.wallet, fact.instrument, fact.asset) == ("isolated_margin:ETH/USDT", "ETH/USDT", "ETH")
    assert (fact.amount, fact.fund_amount, fact.margin_level) == (row.amount, row.fund, row.level)
    assert (fact.status, fact.effective_ns, fact.closed_ns) == ("closed", micro(row.time_ns), micro(row.done_ns))
    assert fact.orders_closed == tuple(map(str, row.orders_closed)) != ()
    assert fact.orders_created == tuple(map(str, row.orders_created)) != ()
    assert fact.borrows_closed == tuple(map(str, row.borrows_closed)) != ()
    assert fact.repayments_created == tuple(map(str, row.repayments_created)) != ()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_debts(scene: Scene, dialect: str) -> None:
    asked = client(scene, dialect)
    facts = [*asked.ask("cross_margin_loans"), *asked.ask("isolated_margin_loans")]
    rows = scene.venue.loans(scene.trader.user)
    assert [(fact.native_id, fact.wallet, fact.asset, fact.principal, fact.interest) for fact in facts] == [
        (str(row.id), row.wallet, row.asset, row.principal, row.interest) for row in rows
    ]
    assert {fact.wallet.partition(":")[0] for fact in facts} == {"cross_margin", "isolated_margin"}


def test_of_2026_nothing_of_margin_is_left(scene: Scene) -> None:
    spoken = exchange("alp", "d26")
    assert set(MARGIN) < set(spoken.unsupported)
    assert not spoken.capabilities & {"loans", "borrows", "borrow", "repay", "transfer", "close_position", "interest"}
    assert not [route.name for route in spoken.routes if "margin" in route.path]
    request = client(scene).request(exchange("alp").ask("borrows").route, None)  # type: ignore[union-attr]
    assert Server(exchange("alp"), scene.venue).handle(request).status == 200
    assert Server(spoken, scene.venue).handle(request).status == 404


# ── masters and sub-accounts ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", ["cli", "d23", "d26"])
def test_a_master_lists_its_sub_accounts(scene: Scene, dialect: str) -> None:
    facts = client(scene, dialect, scene.master).ask("sub_accounts")
    assert [(fact.native_id, fact.name, fact.parent_id) for fact in facts] == [
        (str(scene.master.user), "master", None), (str(scene.desk.user), "desk", str(scene.master.user)),
        (str(scene.keyless), "", str(scene.master.user)),
    ]  # fmt: skip
    (fact,) = client(scene, dialect, scene.desk).ask("sub_accounts")
    assert (fact.native_id, fact.parent_id) == (str(scene.desk.user), str(scene.master.user))


@pytest.mark.parametrize("dialect", ["cli", "d23", "d26"])
def test_a_master_sees_their_rows_among_its_own_in_order_of_time(scene: Scene, dialect: str) -> None:
    users = (scene.master.user, scene.desk.user, scene.keyless)
    asked, venue = client(scene, dialect, scene.master), scene.venue
    lists = {
        "orders": (venue.orders, {}), "fills": (venue.fills, {"side": "buy"}), "entries": (venue.entries, {}),
        "margin_transfers": (venue.movements, {}), "borrows": (venue.borrows, {"asset": "USDT"}),
        "repayments": (venue.repayments, {}), "interest": (venue.interest, {}),
    }  # fmt: skip
    seen = 0
    for stream, (rows_of, where) in lists.items():
        if asked.exchange.ask(stream) is None:
            continue
        facts = asked.ask("orders") if (dialect, stream) == ("d26", "orders") else sweep(asked, stream, **where)
        rows = sorted(
            (row for user in users for row in rows_of(user)),
            key=lambda row: (getattr(row, "placed_ns", None) or row.time_ns, row.id),
        )
        if dialect == "d26":
            facts.reverse()
        if dialect == "d26" or stream == "fills":
            assert [fact.amount for fact in facts] == [row.amount for row in rows]
        else:
            assert [(fact.native_id, fact.sub_account) for fact in facts] == [
                (str(row.id), str(row.user)) for row in rows
            ]
        switches = sum(one.user != two.user for one, two in itertools.pairwise(rows))
        assert switches >= 3, f"{stream}: rows of both in turns, else nothing is shown"
        seen += 1
    assert seen == (2 if dialect == "d26" else 7)
    for stream, rows_of in (("balances", venue.balances), ("fees", venue.fee_rules)):
        expected = [str(row.user) for user in users for row in rows_of(user)]
        assert [fact.sub_account for fact in asked.ask(stream)] == expected
    assert len({fact.sub_account for fact in asked.ask("balances")}) == 3


def test_a_sub_account_sees_its_own_alone(scene: Scene) -> None:
    asked = client(scene, "cli", scene.desk)
    for stream in ("orders", "entries", "margin_transfers", "repayments"):
        assert {fact.sub_account for fact in sweep(asked, stream)} == {str(scene.desk.user)}
    for state in ("balances", "fees", "cross_margin_loans"):
        assert {fact.sub_account for fact in asked.ask(state)} == {str(scene.desk.user)}


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────

CROSS, OWN = "cross_margin", "isolated_margin:BTC/USDT"


def refused(scene: Scene) -> list[tuple[str, Command, type[errors.Refused], int, str]]:
    user, other = scene.trader.user, scene.desk.user
    amount, mass = Decimal(1), Decimal(10**6)
    return [
        ("borrow", Borrow(account=user, wallet=CROSS, asset="USDT", amount=mass), errors.InsufficientFunds, 400,
         "beyond the margin limit"),
        ("borrow", Borrow(account=user, wallet=CROSS, asset="USDT", amount=mass * 100), errors.BadRequest, 400,
         "not so much to lend"),
        ("borrow", Borrow(account=user, wallet=OWN, asset="ETH", amount=amount), errors.BadRequest, 400,
         "does not hold that currency"),
        ("borrow", Borrow(account=user, wallet="spot", asset="USDT", amount=amount), errors.OrderRejected, 400,
         "wallet cannot"),
        ("borrow", Borrow(account=user, wallet="isolated_margin:XXX/YYY", asset="USDT", amount=amount),
         errors.NotFound, 400, "unknown pair"),
        ("borrow", Borrow(account=user, wallet=CROSS, asset="XXX", amount=amount), errors.NotFound, 400,
         "unknown currency"),
        ("borrow", Borrow(account=other, wallet=CROSS, asset="USDT", amount=amount), errors.Forbidden, 403,
         "sub-account"),
        ("borrow", Borrow(account=10**6, wallet=CROSS, asset="USDT", amount=amount), errors.Forbidden, 403,
         "sub-account"),
        ("repay", Repay(account=user, wallet=CROSS, asset="BTC", amount=mass), errors.BadRequest, 400,
         "more than is owed"),
        ("repay", Repay(account=user, wallet=CROSS, asset="SOL", amount=amount), errors.BadRequest, 400,
         "more than is owed"),
        ("repay", Repay(account=other, wallet=CROSS, asset="USDT", amount=amount), errors.Forbidden, 403,
         "sub-account"),
        ("transfer", MoveMargin(account=user, wallet=CROSS, direction="add", asset="USDT", amount=mass * 100),
         errors.InsufficientFunds, 400, "insufficient funds"),
        ("transfer", MoveMargin(account=user, wallet=CROSS, direction="sub", asset="USDT", amount=Decimal(18_000)),
         errors.InsufficientFunds, 400, "margin limit"),
        ("transfer", MoveMargin(account=other, wallet=CROSS, direction="sub", asset="USDT", amount=amount),
         errors.Forbidden, 403, "sub-account"),
        ("transfer", MoveMargin(account=user, wallet=CROSS, direction="add", asset="USDT", amount=-amount),
         errors.OrderRejected, 400, "amount"),
        ("close_position", ClosePosition(account=user, wallet="isolated_margin:ETH/USDT"), errors.BadRequest, 400,
         "no position"),
        ("close_position", ClosePosition(account=other, wallet=CROSS), errors.Forbidden, 403, "sub-account"),
    ]  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_the_venue_refuses_is_one_error(scene: Scene, dialect: str) -> None:
    asked = client(scene, dialect)
    before = (scene.venue.balances(scene.trader.user), scene.venue.loans(scene.trader.user))
    for capability, command, kind, status, says in refused(scene):
        with pytest.raises(errors.Refused, match=says) as caught:
            asked.do(capability, command)
        assert (type(caught.value), caught.value.status) == (kind, status), command
        assert caught.value.happened == "no"
        assert caught.value.hint
    assert before == (scene.venue.balances(scene.trader.user), scene.venue.loans(scene.trader.user))


def get(asked: WireClient, route: Route, query: dict[str, str]) -> HttpAnswer:
    return asked.handle(msgspec.structs.replace(asked.request(route, None), query=urlencode(query)))


def test_what_a_form_lacks_is_said_by_its_field(scene: Scene) -> None:
    asked = client(scene)
    routes = {route.name: route for route in asked.exchange.routes}
    whole = {"account_id": scene.trader.user, "wallet_type": "CROSS_MARGIN", "currency": "USDT"}
    forms: list[tuple[str, dict[str, object], str]] = [
        ("transfer", whole | {"amount": 1}, "direction"), ("transfer", whole | {"direction": "ADD"}, "amount"),
        ("transfer", whole | {"direction": "UP", "amount": 1}, "direction"), ("borrow", whole, "borrow"),
        ("borrow", whole | {"borrow": 1, "type": "GIFT"}, "type"), ("repay", whole, "amount"),
        ("borrow", whole | {"borrow": 1, "wallet_type": "ISOLATED_MARGIN"}, "pair"),
        ("borrow", whole | {"borrow": 1, "wallet_type": "PIGGY"}, "wallet_type"),
        ("borrow", whole | {"borrow": "a lot"}, "borrow"),
        ("borrow", whole | {"borrow": 1, "account_id": -1}, "account_id"),
        ("borrow", {"borrow": 1, "wallet_type": "CROSS_MARGIN", "currency": "USDT"}, "account_id"),
        ("close_position", {"wallet_type": "ISOLATED_MARGIN", "pair": ""}, "pair"),
        ("close_position", {}, "wallet_type"),
    ]  # fmt: skip
    for name, form, field in forms:
        answer = asked.send(routes[name], form)
        assert answer.status == 400, (name, form)
        assert list(json.loads(answer.body)["formErrors"]) == [field], (name, form)
    for query in ({}, {"isolated_margin": "1", "cross_margin": "1"}, {"cross_margin": "0"}):
        answer = get(asked, routes["loans"], query)
        assert answer.status == 400
    for name in ("margin_transfers", "borrows", "repays", "interests", "liquidations"):
        for query in ({"currency": "XXX"}, {"pair": "XXX_YYY"}, {"start_time": "0", "end_time": str(40 * 86_400)}):
            assert get(asked, routes[name], query).status == 400
        assert get(asked, routes[name], {"pair": "", "currency": ""}).status == 200


def test_activity_of_2026_is_read_piece_by_piece_from_the_newest(scene: Scene) -> None:
    asked = client(scene, "d26", scene.master)
    route = next(each for each in asked.exchange.routes if each.name == "activity")
    rows = [row for user in (scene.master.user, scene.desk.user, scene.keyless) for row in scene.venue.entries(user)]
    newest = sorted(rows, key=lambda row: row.id, reverse=True)
    for limit, offset in ((3, 0), (3, 2), (1000, 0), (5, len(rows) - 2), (5, len(rows)), (1, 2**31)):
        answer = json.loads(get(asked, route, {"limit": str(limit), "offset": str(offset)}).body, parse_float=Decimal)
        expected = newest[offset : offset + limit]
        assert [(row["account_id"], row["balance"]) for row in answer] == [
            (row.user, row.total_delta) for row in expected
        ]
