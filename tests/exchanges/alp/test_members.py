"""Shows that no member of the document's tables is forgotten: each has a field of a message, and either a field
of a fact that follows it or a place in ``extra``; each parameter is one that the routes take.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from nostro.exchanges import exchange
from nostro.link.declare import Query

RECORDED = Path(__file__).parent.parent.parent / "recorded" / "alp"
MEMBERS = json.loads((RECORDED / "members.json").read_text("utf-8"))
ALP = exchange("alp", "d23")
ROUTES = {route.name: route for route in ALP.routes}

# Another value for a member, so that what follows it must change.
OTHERS = {
    "id": 987, "account_id": 987, "wallet_id": 987, "parent_id": 987, "priority": 9, "confirmations": 9,
    "amount_precision": 9, "price_precision": 9, "timestamp": 1630862401, "time": 1630862401, "is_enabled": False,
    "is_active": False, "is_maker": False, "type": "STOP_MARKET", "side": "ASK", "status": "MODERATION", "tif": "FOK",
    "wallet_type": "FUNDING", "active_once": ["2023-09-03T12:00:00Z", "2023-09-05T12:00:00Z"],
    "attributes": [{"key": "tag", "value": "1"}], "buy": [], "sell": [], "borrow_id": 987, "direction": "SUB",
    "order_closed": [9], "order_created": [9], "borrow_closed": [9], "repay_created": [9],
}  # fmt: skip
TEXTS = frozenset({
    "sign", "short_name", "name", "currency1", "currency2", "pair", "email", "currency", "fee_currency", "network",
    "tx_hash", "note",
})  # fmt: skip
TIMES = frozenset({
    "date", "open_at", "updated_at", "done_at", "expire_after", "last_update_at", "opened_at", "last_interest_at",
    "created_at", "closed_at",
})  # fmt: skip


def other(route: str, member: str) -> object:
    if route == "trades" and member == "type":
        return "sell"
    if route == "ticker" and member in ("buy", "sell"):
        return 7
    if route == "activity" and member == "type":
        return "FEE"
    if member in TIMES:
        return "2023-09-06T00:00:00Z"
    if member in TEXTS:
        return "OTHER"
    return OTHERS.get(member, 7.5)


def first_sample(route: str) -> tuple[dict[str, str], list[dict[str, object]] | dict[str, object]]:
    sample = json.loads((RECORDED / f"{route}.json").read_text("utf-8"))[0]
    return sample["where"], sample["answer"]


@pytest.mark.parametrize(
    ("route", "member", "field"),
    [(route, member, field) for route, members in MEMBERS["answers"].items() for member, field in members.items()],
)
def test_a_field_follows_every_member(route: str, member: str, field: str) -> None:
    ask = next(ask for ask in ALP.asks if ask.route.name == route)
    where, answer = first_sample(route)
    row = answer[0] if isinstance(answer, list) else answer
    if route == "order_book":
        row[member] = []
    assert member in row, "the sample is the document's example"

    def fact() -> object:
        query = Query(where=where)
        return next(iter(ask.read(query, ALP.decode(ask.route, json.dumps(answer).encode()))))

    before = fact()
    row[member] = other(route, member)
    if route == "order_book":
        where, whole = first_sample(route)
        before = next(iter(ask.read(Query(where=where), ALP.decode(ask.route, json.dumps(whole).encode()))))
    changed = {name for name in before.__struct_fields__ if getattr(fact(), name) != getattr(before, name)}
    assert field in changed


def test_the_samples_have_no_member_that_is_not_listed() -> None:
    for route, members in MEMBERS["answers"].items():
        _, answer = first_sample(route)
        row = answer[0] if isinstance(answer, list) else answer
        assert set(row) == set(members), route


def test_every_parameter_is_taken() -> None:
    taken = 0
    for route, members in MEMBERS["requests"].items():
        request = ROUTES[route].request
        fields = set() if request is None else set(request.__struct_fields__)
        assert set(members) <= fields, route
        taken += len(members)
    assert taken > 90
    read_or_asked = set(MEMBERS["requests"])
    assert read_or_asked == set(ROUTES) - {"version"}


def test_every_answer_message_has_exactly_the_listed_members_or_says_of_which_dialect_they_are() -> None:
    """And which are ours: whose an isolated wallet is."""
    newer = {"ticker": {"open", "diff_percent", "price_precision", "amount_precision"},
             "activity": {"last_update_at", "op_type", "pair"},
             **{route: {"pair"} for route in ("balances", "loans", "borrows", "repays", "interests", "liquidations")},
            }  # fmt: skip
    for route, members in MEMBERS["answers"].items():
        kinds = [kind for kind in (ROUTES[route].answer, *get_args(ROUTES[route].answer)) if isinstance(kind, type)]
        struct = next(kind for kind in kinds if issubclass(kind, msgspec.Struct))
        assert set(struct.__struct_fields__) == set(members) | newer.get(route, set()), route
