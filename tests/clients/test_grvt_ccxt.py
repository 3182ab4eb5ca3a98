"""Shows that ccxt's GRVT and ccxt.pro's, unmodified and with only their addresses set, run against our paper server:
they sign in with a wallet, authorise the builder that they add by themselves, read what the venue holds, and what they
do is done.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from clients.grvt_run import BTC, Run, drive

pytestmark = pytest.mark.skipif(find_spec("ccxt") is None, reason="ccxt is not installed")


def run_of(folder: Path, driver: str) -> Iterator[Run]:
    host, run = asyncio.run(drive(folder, sys.executable, Path(__file__).with_name(driver)))
    yield run
    host.close()


@pytest.fixture(scope="module")
def ccxt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    yield from run_of(tmp_path_factory.mktemp("grvt_ccxt"), "grvt_ccxt_driver.py")


@pytest.fixture(scope="module")
def pro(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    yield from run_of(tmp_path_factory.mktemp("grvt_pro"), "grvt_pro_driver.py")


def order(run: Run, client_id: str) -> Any:
    (found,) = [each for each in run.venue.orders(run.user) if each.client_id == client_id]
    return found


def near(number: Any, expected: Decimal) -> bool:
    """ccxt's numbers are doubles."""
    return abs(Decimal(str(number)) - expected) <= abs(expected) * Decimal("1e-12") + Decimal("1e-9")


def test_the_market(ccxt: Run) -> None:
    said = ccxt.answers
    assert said["markets"] == [each.symbol for each in ccxt.venue.instruments()]
    assert said["listed"]["precision"] == {"amount": 0.001, "price": 0.1, "base": 1e-9, "quote": 1e-6}
    assert said["ticker"]["bid"] < said["ticker"]["ask"]
    assert said["book"]["bids"][0][0] < said["book"]["asks"][0][0]
    assert len(said["trades"]) == 5
    assert said["candles"]


def test_the_account(ccxt: Run) -> None:
    said = ccxt.answers
    state = said["balance"]["info"]
    assert near(said["balance"]["USDT"]["total"], Decimal(state["spot_balances"][0]["balance"]))
    assert near(said["balance"]["USDT"]["free"], Decimal(state["available_balance"]))
    assert {row["symbol"] for row in said["positions"]} <= set(said["markets"])
    for row in said["positions"]:
        assert row["side"] == ("long" if Decimal(row["info"]["size"]) > 0 else "short")
    fills = {f"{each.id}-1": each for each in ccxt.venue.fills(ccxt.user, symbol=BTC)}
    assert len(said["my trades"]) == 5
    for row in said["my trades"]:
        fill = fills[row["id"]]
        assert (near(row["price"], fill.price), near(row["amount"], fill.amount)) == (True, True)
        assert near(row["fee"]["cost"], fill.fee)
    paid = {str(each.id): each for each in ccxt.venue.funding(ccxt.user)}
    assert said["funding history"]
    assert all(near(row["amount"], -paid[row["id"]].amount) for row in said["funding history"])
    assert len(said["transfers"]) == 5
    assert len(said["orders"]) == 5


def test_an_order_rests_is_seen_canceled_and_another_fills(ccxt: Run) -> None:
    said = ccxt.answers
    assert (said["place"]["id"], said["place"]["status"]) == ("0x00", "pending")
    assert said["order"]["status"] == "open"
    assert said["order"]["id"] in [row["id"] for row in said["open after"]]
    assert said["canceled"]["status"] == "canceled"
    assert order(ccxt, said["place"]["clientOrderId"]).status == "canceled"
    filled = order(ccxt, said["market"]["clientOrderId"])
    assert (said["marketed"]["status"], filled.status) == ("closed", "filled")
    assert near(said["marketed"]["average"], filled.cost / filled.filled)
    assert said["open none"] == []
    assert order(ccxt, said["place again"]["clientOrderId"]).post_only


def test_with_and_without_the_builder_that_it_adds(ccxt: Run) -> None:
    assert ccxt.answers["place"]["info"]["builder"] == "0x21d2a053495994b1132a38cd1171acec40c6741e"
    assert ccxt.answers["place"]["info"]["builder_fee"] == "0.01"
    assert ccxt.answers["without a builder"]["info"]["builder"] == "0x00"


def test_its_errors_are_those_of_the_codes(ccxt: Run) -> None:
    kinds = {
        "market with a price": ("InvalidOrder", "2020"), "too small": ("ExchangeError", "2066"),
        "too much": ("OperationRejected", "2083"), "unknown time in force": ("InvalidOrder", "2030"),
    }  # fmt: skip
    for name, (kind, number) in kinds.items():
        assert ccxt.answers[name][0] == kind
        assert number in ccxt.answers[name][1]


def test_the_sockets_of_ccxt_pro(pro: Run) -> None:
    said = pro.answers
    assert set(said) == {
        "ticker", "book", "trades", "candles", "positions", "placed", "taken", "orders", "fills",
    }  # fmt: skip
    assert said["book"]["bids"][0][0] < said["book"]["asks"][0][0]
    assert said["positions"][0]["symbol"] == BTC
    taken = order(pro, "91")
    assert (taken.status, order(pro, said["placed"]).status) == ("filled", "canceled")
    assert any(row["clientOrderId"] == "91" and row["status"] == "closed" for row in said["orders"])
    assert any(Decimal(str(row["price"])) == taken.cost / taken.filled for row in said["fills"])
