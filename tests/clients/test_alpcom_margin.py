"""Shows that the exchange's own client moves money, borrows, repays and reads margin at our paper server, for itself
and for a master's sub-accounts, each answer compared with what the venue holds.
"""

from __future__ import annotations

from typing import Any

import pytest

from clients.alpcom_run import Run, recent, wallet, when
from clients.install import ALPCOM

pytestmark = pytest.mark.skipif(
    not ALPCOM.done.exists(), reason=f"{ALPCOM.package} is not set up: run `make clients` with Python 3.11 or 3.12"
)
TYPES = {"manual": "LOAN_MANUAL", "auto": "LOAN_AUTO"}


def pair(row: Any) -> str:
    return str(row.wallet.partition(":")[2])


def test_money_was_moved_as_asked(run: Run) -> None:
    moved = {row.id: row for row in run.venue.movements(run.user)}
    found = {name: moved[answer] for name, answer in run.answers.items()
             if name.startswith("transfer") and isinstance(answer, int)}  # fmt: skip
    assert {
        name: (row.wallet, row.direction, row.asset, float(row.amount), row.note) for name, row in found.items()
    } == {
        "transfer": ("cross_margin", "add", "USDT", 1000.5, ""),
        "transfer back": ("cross_margin", "sub", "USDT", 250.0, "half of é"),
        "transfer isolated": ("isolated_margin:ETH/USDT", "add", "USDT", 2000.0, ""),
        "transfer from funding": ("funding", "sub", "EUR", 2.5, ""),
    }
    rows = run.answers["transfers"]
    assert [
        (row["id"], row["account_id"], row["amount"], row["direction"], row["wallet_type"], row["note"], row["pair"])
        for row in rows
    ] == [
        (row.id, run.user, float(row.amount), row.direction.upper(), wallet(row), row.note, pair(row))
        for row in recent(run, run.venue.movements(run.user, asset="USDT"))
    ]
    assert [when(row["date"]) for row in rows] == [
        row.time_ns // 1000 for row in recent(run, run.venue.movements(run.user, asset="USDT"))
    ]
    assert run.answers["transfers of a pair"] == [row for row in rows if row["pair"] == "ETH/USDT"]
    assert [row["note"] for row in run.answers["transfers before"]] == ["to begin with"]


@pytest.mark.parametrize("asset", ["BTC", "ETH", "SOL", "USDT"])
def test_borrowed_repaid_and_its_interest(run: Run, asset: str) -> None:
    truth = recent(run, run.venue.borrows(run.user, asset=asset))
    assert [
        (row["id"], row["account_id"], row["borrowed"], row["interest_accrued"], row["interest_paid"], row["repaid"])
        for row in run.answers[f"borrows {asset}"]
    ] == [
        (row.id, run.user, float(row.amount), float(row.accrued), float(row.paid), float(row.repaid)) for row in truth
    ]
    assert [
        (row["type"], row["wallet_type"], row["interest_rate"], when(row["date"]), when(row["opened_at"]))
        for row in run.answers[f"borrows {asset}"]
    ] == [(TYPES[row.type], wallet(row), float(row.rate), row.time_ns // 1000, row.time_ns // 1000) for row in truth]
    assert [row["last_interest_at"] and when(row["last_interest_at"]) for row in run.answers[f"borrows {asset}"]] == [
        row.interest_ns and row.interest_ns // 1000 for row in truth
    ]
    paid = recent(run, run.venue.repayments(run.user, asset=asset))
    assert [
        (row["id"], row["account_id"], row["interest_amount"], row["principal_amount"], row["currency"], row["type"],
         row["wallet_type"], when(row["date"]))
        for row in run.answers[f"repays {asset}"]
    ] == [
        (row.id, run.user, float(row.interest), float(row.principal), asset, TYPES[row.type], wallet(row),
         row.time_ns // 1000)
        for row in paid
    ]  # fmt: skip
    accrued = recent(run, run.venue.interest(run.user, asset=asset))
    assert [
        (row["id"], row["borrow_id"], row["currency"], row["interest_accrued"], row["interest_paid"],
         row["interest_rate"], row["wallet_type"])
        for row in run.answers[f"interests {asset}"]
    ] == [
        (row.id, row.borrow, asset, float(row.accrued), float(row.paid), float(row.rate), wallet(row))
        for row in accrued
    ]  # fmt: skip
    assert truth
    assert {"BTC": 700, "USDT": 100}.get(asset, 0) <= len(accrued)


def test_borrowings_were_made_as_asked(run: Run) -> None:
    made = {row.id: row for row in run.venue.borrows(run.user)}
    answers = run.answers
    asked = [made[answers[name]] for name in ("borrow", "borrow isolated", "borrow automatically")]
    assert [(row.wallet, row.asset, float(row.amount), row.type) for row in asked] == [
        ("cross_margin", "USDT", 100.25, "manual"), ("isolated_margin:ETH/USDT", "ETH", 0.2, "manual"),
        ("cross_margin", "SOL", 1.0, "auto"),
    ]  # fmt: skip
    (repaid,) = (row for row in run.venue.repayments(run.user) if row.id == answers["repay"])
    assert (repaid.wallet, repaid.asset, float(repaid.interest + repaid.principal)) == ("cross_margin", "USDT", 50.0)
    orders = {row.id: row for row in run.venue.orders(run.user)}
    assert orders[answers["place and borrow"]].side_effect == "auto_borrow"
    assert orders[answers["place and repay"]].side_effect == "auto_repay"
    assert any(row.type == "auto" and row.asset == "BTC" for row in made.values())
    assert answers["close"]
    assert all(orders[number].wallet == "isolated_margin:ETH/USDT" for number in answers["close"])
    still = [row["id"] for row in answers["borrows USDT"] if row["repaid"] < row["borrowed"]]
    assert [row["id"] for row in answers["borrows open"]] == still
    assert len(answers["interests of an hour"]) == 1
    assert answers["repays of a pair"] == [
        row for row in answers["repays ETH"] if row["wallet_type"] == "ISOLATED_MARGIN"
    ] != []  # fmt: skip


def test_loans_and_liquidations(run: Run) -> None:
    for name, isolated in (("loans", False), ("loans isolated", True)):
        truth = [row for row in run.venue.loans(run.user) if (":" in row.wallet) == isolated]
        assert [
            (row["id"], row["account_id"], row["borrowed"], row["interest"], row["currency"], row["wallet_type"])
            for row in run.answers[name]
        ] == [
            (row.id, run.user, float(row.principal), float(row.interest), row.asset, wallet(row)) for row in truth
        ]  # fmt: skip
        assert truth
    (row,) = run.answers["liquidations"]
    (truth,) = run.venue.liquidations(run.user)
    assert (row["id"], row["amount"], row["fund_amount"], row["margin_level"], row["currency"], row["pair"]) == (
        truth.id, float(truth.amount), float(truth.fund), float(truth.level), "ETH", "ETH/USDT",
    )  # fmt: skip
    assert (when(row["created_at"]), when(row["closed_at"])) == (truth.time_ns // 1000, truth.done_ns // 1000)
    assert (row["order_closed"], row["order_created"]) == (list(truth.orders_closed), list(truth.orders_created))
    assert (row["borrow_closed"], row["repay_created"]) == (list(truth.borrows_closed), list(truth.repayments_created))
    assert run.answers["liquidations open"] == run.answers["liquidations elsewhere"] == []


def test_a_master_sees_its_sub_accounts(run: Run) -> None:
    master, desk, keyless = run.scene.master, run.scene.desk, run.scene.keyless
    answers, users = run.answers, (master.user, desk.user, keyless)
    own = {"id": master.user, "email": "master@example.org", "name": "master", "parent_id": None}
    assert answers["master: accounts"] == [own]
    assert answers["master: all accounts"] == [
        own,
        {"id": desk.user, "email": "desk@example.org", "name": "desk", "parent_id": master.user},
        {"id": keyless, "email": "", "name": "", "parent_id": master.user},
    ]
    assert [(row["account_id"], row["currency"], row["balance"]) for row in answers["master: balances"]] == [
        (user, row.asset, float(row.total)) for user in users for row in run.venue.balances(user)
    ]

    def by_time(rows: Any, field: str = "time_ns") -> list[Any]:
        return sorted((row for user in users for row in rows(user)), key=lambda row: (getattr(row, field), row.id))

    assert [(row["id"], row["account_id"]) for row in answers["master: orders"]] == [
        (row.id, row.user) for row in by_time(run.venue.orders, "placed_ns")
    ]
    assert [(row["account_id"], row["amount"]) for row in answers["master: trades"]] == [
        (row.user, float(row.amount)) for row in by_time(run.venue.fills)
    ]
    assert [(row["id"], row["account_id"]) for row in answers["master: borrows"]] == [
        (row.id, row.user) for row in by_time(run.venue.borrows)
    ]
    assert {row["account_id"] for row in answers["master: loans"]} == {master.user, desk.user}
    (made,) = (row for row in run.venue.borrows(desk.user) if row.id == answers["master: borrow"])
    assert (made.user, float(made.amount)) == (desk.user, 1.5)
    assert answers["master: transfer"] in [row.id for row in run.venue.movements(desk.user)]
    assert answers["master: repay"] in [row.id for row in run.venue.repayments(desk.user)]
