"""Shows that what is read of Kraken Futures' samples is what a person who read the documents says, beyond one reading a
route; and that no member of a sample is passed over without a reason: another value in its place gives other facts, or
is refused.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nostro.domain.values import Unknown
from nostro.errors import Undecodable
from nostro.exchanges.kraken_futures import EXCHANGE, words
from nostro.link.declare import Query

RECORDED = Path(__file__).parents[2] / "recorded" / "kraken_futures" / "samples.json"
SAMPLES: list[dict[str, Any]] = json.loads(RECORDED.read_text("utf-8"))
BY_ROUTE = {sample["route"]: sample for sample in SAMPLES}
# What no fact follows, and why.
UNREAD = {
    "serverTime": "the time of the answer, which the page keeps",
    "result": "refused where it is another",
    "len": "how many rows there are shows",
    "accountUid": "whose key it is, is known",
    "more_candles": "candles are asked for by their bounds",
    "algoId": "of the exchange's own programs",
    "reducedQuantity": "the event's order says what is left",
    "takerReducedQuantity": "the event's order says what is left",
    "lastUpdateTimestamp": "the event's own time is the same",
    "quantity": "of an execution's order: its own history says that",
    "filled": "of an execution's order: its own history says that",
    "timestamp": "of an execution's order, and of an element of positions, whose event has it",
    "limitPrice": "of an execution's order",
    "reduceOnly": "of an execution's order",
    "clientId": "of an execution's order",
    "fillTime": "of a position's update: when it was last filled, the update has its own time",
    "retailMarginLevels": "of other people's contracts",
    "marginLevels": "but the first rate, which gives the largest leverage",
    "initialMargin": "of levels but the first",
    "maintenanceMargin": "of levels",
    "contracts": "of levels",
    "feeScheduleUid": "kept",
    "type": "of an index",
    "tradeable": "of an index",
    "status": "of an order: what is filled says it",
    "margin_account": "of cash: whatever the currency, it is the cash account",
}


# Rows of samples that no fact follows: an index, the line of a position, an older state of an order. And the uid of
# an event: its rows are named by what it tells of.
NO_ROWS = (("instruments", 1), ("logs", 1), ("elements", 2))


def is_unread(route: str, path: tuple[Any, ...]) -> bool:
    if path[:2] in NO_ROWS or (path[-1] == "uid" and len(path) == 3 and route != "positions"):
        return True
    return any(name in UNREAD for name in [step for step in path if isinstance(step, str)][-2:])


def facts(route: str, answer: Any) -> list[list[Any]]:
    """What every ask of a route reads."""
    where = BY_ROUTE[route]["where"]
    return [
        list(ask.read(Query(where=where), EXCHANGE.decode(ask.route, msgspec.json.encode(answer))))
        for ask in EXCHANGE.asks
        if ask.route.name == route
    ]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, (*path, index))
    else:
        yield path, value


def another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if value is None:
        return None
    try:
        return str(Decimal(value) + 1)
    except ArithmeticError:
        return value.replace("2", "1") if value[:2] == "20" and "T" in value else f"{value}x"


def put(answer: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(answer)
    at = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return changed


@pytest.mark.parametrize("route", BY_ROUTE)
def test_no_member_is_passed_over(route: str) -> None:
    answer = BY_ROUTE[route]["answer"]
    whole, seen = facts(route, answer), 0
    for path, value in leaves(answer):
        if another(value) == value:
            continue
        seen += 1
        try:
            if facts(route, put(answer, path, another(value))) != whole:
                continue
        except (Undecodable, ValueError):
            continue
        assert is_unread(route, path), path
    assert seen > 3


# ── other readings of a route ────────────────────────────────────────────────────────────────────────────────────


def ask(name: str) -> list[Any]:
    found = EXCHANGE.ask(name)
    assert found is not None
    sample = BY_ROUTE[found.route.name]
    answer = EXCHANGE.decode(found.route, msgspec.json.encode(sample["answer"]))
    return list(found.read(Query(where=sample["where"]), answer))


def test_margin_accounts_and_flex() -> None:
    account, flex = ask("margin")
    assert (account.wallet, account.scope, account.instrument) == ("futures:BTC/USD", "margin_account", "BTC/USD")
    assert (account.currency, account.balance) == ("BTC", Decimal("9.99730211055"))
    assert account.available == Decimal("9.99666885201038")
    assert abs(account.equity - account.initial_margin - account.available) < Decimal("1e-15")  # Source: seed 003
    assert (account.extra["lt"], account.extra["estimate_mm"]) == ("0.0001", "3110")
    assert (flex.wallet, flex.scope, flex.currency) == ("futures", "account", "USD")
    assert (flex.initial_margin, flex.order_margin) == (Decimal("0.02"), Decimal("0.02"))
    assert flex.margin_balance == flex.collateral_value + flex.unrealized_as_margin
    assert flex.available == flex.margin_balance - flex.initial_margin


def test_instruments() -> None:
    (perpetual,) = ask("instruments")
    assert (perpetual.instrument, perpetual.code, perpetual.type) == ("BTC/USD:BTC", "pi_xbtusd", "inverse")
    assert (perpetual.price_step, perpetual.price_digits, perpetual.amount_digits) == (Decimal("0.5"), 1, 0)
    assert (perpetual.leverage_max, perpetual.position_max) == (50, 75_000_000)
    assert (perpetual.funding_interval_s, perpetual.active, perpetual.amount_min) == (3600, True, 1)


def test_funding_and_transfers_of_the_log() -> None:
    (paid,) = ask("funding_payments")
    assert (paid.instrument, paid.asset, paid.amount) == ("DOGE/USD:USD", "USD", Decimal("-0.0002"))
    assert (paid.native_id, paid.wallet, paid.extra["funding_rate"]) == ("16", "futures", "9.288451412e-7")
    assert not ask("transfers")  # what the exchange books by hand is no transfer


def test_both_ends_of_a_transfer_are_one() -> None:
    sample = copy.deepcopy(BY_ROUTE["account_log"]["answer"])
    left = {**sample["logs"][3], "id": 18, "info": "transfer", "old_balance": 2.5, "new_balance": 2.25}
    came = {**left, "id": 19, "margin_account": "f-eth:usd", "old_balance": 0, "new_balance": 0.25}
    outside = {**left, "id": 20, "info": "cross-exchange transfer", "booking_uid": "b"}
    sample["logs"] = [left, came, outside]
    moved, gone = next(found for found in facts("account_log", sample) if found and found[0].kind == "transfer")
    assert (moved.direction, moved.from_wallet, moved.to_wallet) == ("internal", "spot", "futures:ETH/USD")
    assert (moved.amount, moved.asset, moved.status) == (Decimal("0.25"), "ETH", "done")
    assert (gone.direction, gone.amount, gone.native_id) == ("withdrawal", Decimal("0.25"), "20")


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("symbol", "instrument", "wallet"),
    [
        ("PI_XBTUSD", "BTC/USD:BTC", "futures:BTC/USD"), ("PF_XBTUSD", "BTC/USD:USD", "futures"),
        ("FI_XBTUSD_261225", "BTC/USD:BTC-261225", "futures:BTC/USD"),
        ("FF_ETHUSD_261225", "ETH/USD:USD-261225", "futures"), ("PF_PEPEUSD", "PEPE/USD:USD", "futures"),
    ],
)  # fmt: skip
def test_contracts_are_named_both_ways(symbol: str, instrument: str, wallet: str) -> None:
    assert words.instrument(symbol) == words.instrument(symbol.lower()) == instrument
    assert words.symbol(instrument) == symbol
    assert words.wallet_of(instrument) == wallet


@pytest.mark.parametrize("symbol", ["in_xbtusd", "rr_xbtusd", "PV_XRPXBT", "PF_XBTUSD_26", "", "PF_"])
def test_what_is_no_contract_has_no_name(symbol: str) -> None:
    assert isinstance(words.instrument(symbol), Unknown)


@pytest.mark.parametrize(
    ("account", "wallet"),
    [
        ("cash", "spot"),
        ("flex", "futures"),
        ("fi_xbtusd", "futures:BTC/USD"),
        ("fi_ethusd", "futures:ETH/USD"),
        ("pf_xbtusd", "isolated_margin:BTC/USD:USD"),
    ],
)
def test_accounts_are_named_both_ways(account: str, wallet: str) -> None:
    assert words.wallet(account) == wallet
    assert words.account(wallet) == account


@pytest.mark.parametrize(("name", "wallet"), [("f-xbt:usd", "futures:BTC/USD"), ("F-ETH:USD", "futures:ETH/USD"),
                                              ("xbt", "spot"), ("ETH", "spot"), ("FLEX", "futures")])  # fmt: skip
def test_the_log_s_names_of_accounts(name: str, wallet: str) -> None:
    assert words.wallet(name) == wallet


# ── the history of orders ────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_event_is_a_status_of_no_word_of_ours() -> None:
    sample = copy.deepcopy(BY_ROUTE["orders"]["answer"])
    sample["elements"][0]["event"]["OrderMelted"] = sample["elements"][0]["event"].pop("OrderPlaced")
    (first, _), = facts("orders", sample)  # fmt: skip
    assert first.status == Unknown("unknown:OrderMelted")


def test_of_an_order_that_is_told_twice_the_newest_counts() -> None:
    (_, order), = facts("orders", BY_ROUTE["orders"]["answer"])  # fmt: skip
    assert (order.status, order.canceled, order.filled) == ("partially_canceled", 13, 12)
