"""Shows what a person sees of margin: debts beside balances, every noun of margin in every form, whose row it is where
a login has several accounts, and the accounts below a login as a tree."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from nostro.domain import records
from nostro.domain.answers import Answer, Interval
from nostro.domain.records import Fact
from nostro.domain.values import parse_time
from nostro.views.accounts import tree
from nostro.views.balances import balances
from nostro.views.facts import NOUNS, Question, facts
from nostro.views.files import as_csv, as_json
from nostro.views.table import lines

NOON_NS = parse_time("2026-01-02T12:00:00Z")
OWN: dict[str, Any] = {"exchange": "alp", "account": "mine", "sub_account": "1", "wallet": "cross_margin"}
BELOW = OWN | {"sub_account": "2", "wallet": "isolated_margin:BTC/USDT"}

LOANS = [
    records.Loan(**OWN, asset="USDT", principal=Decimal(100), interest=Decimal("0.25"), native_id="7"),
    records.Loan(**BELOW, asset="BTC", principal=Decimal(1), interest=Decimal(0), native_id="8"),
]
FACTS: dict[str, list[Fact]] = {
    "loan": list(LOANS),
    "borrow": [
        records.Borrow(
            **each, asset="USDT", amount=Decimal(150), repaid=Decimal(50), interest_accrued=Decimal("0.5"),
            interest_paid=Decimal("0.25"), interest_rate=Decimal("0.00001"), type="manual", status="open",
            native_id=str(number), effective_ns=NOON_NS,
        )
        for number, each in enumerate((OWN, BELOW))
    ],
    "repayment": [
        records.Repayment(
            **OWN, asset="USDT", principal=Decimal(50), interest=Decimal("0.25"), type="auto", native_id="1",
            effective_ns=NOON_NS,
        )
    ],
    "interest": [
        records.Interest(
            **OWN, asset="USDT", accrued=Decimal("0.0015"), rate=Decimal("0.00001"), borrow_id="0", native_id="1",
            effective_ns=NOON_NS, until_ns=NOON_NS + 60,
        )
    ],
    "liquidation": [
        records.Liquidation(
            **OWN, asset="USDT", amount=Decimal(100), fund_amount=Decimal(3), margin_level=Decimal("0.04"),
            status="closed", native_id="1", effective_ns=NOON_NS, borrows_closed=("0",),
        )
    ],
    "sub_account": [
        records.SubAccount(exchange="alp", account="mine", sub_account=own, native_id=own, name=own, parent_id=parent)
        for own, parent in (("3", "2"), ("2", "1"), ("4", "1"), ("1", None))
    ],
    "balance": [
        records.Balance(**each, asset=asset, total=Decimal(total), free=Decimal(total), used=Decimal(0),
                        effective_ns=NOON_NS)
        for each, asset, total in ((OWN, "USDT", "40"), (OWN, "BTC", "2"), (BELOW, "BTC", "3"))
    ],
}  # fmt: skip


class FakeBook:
    """Answers with these facts; nothing of it is proven."""

    class Row:
        exchange, dialect, since_ns = "alp", "cli", 0

    def account(self, name: str) -> Any:
        return self.Row()

    def answer(self, kind: str, account: str, *, where: Mapping[str, str], **_: Any) -> Answer[Fact]:
        rows = [row for row in FACTS[kind] if all(getattr(row, name) == value for name, value in where.items())]
        hole = Interval(stream=f"{kind}s", since_ns=NOON_NS, until_ns=NOON_NS + 1, status="open", cause="no_time")
        return Answer(rows, complete_through_ns=NOON_NS, coverage=[hole], reader="alp/1", pages=3)

    def latest_states(self, kind: str, account: str, *, where: Mapping[str, str] = {}, **_: Any) -> Answer[Fact]:
        return Answer(row for row in FACTS[kind] if all(getattr(row, name) == value for name, value in where.items()))

    def ledger_sums(self, account: str, **_: Any) -> Answer[Any]:
        return Answer([])

    def journal(self, account: str, **_: Any) -> list[Any]:
        return []


BOOK: Any = FakeBook()


def table(view: Any, width: int = 160) -> str:
    return "\n".join(line.plain for line in lines(view, width))


@pytest.mark.parametrize("noun", ["loans", "borrows", "repayments", "interest", "liquidations"])
def test_a_noun_of_margin_says_the_same_in_every_form(noun: str) -> None:
    view = facts(BOOK, NOUNS[noun], accounts=["mine"], question=Question())
    told = json.loads("".join(as_json(view)))
    assert told["rows"] and told["noun"] == noun
    found = list(csv.DictReader(io.StringIO("".join(as_csv(view)))))
    assert len(found) == len(told["rows"]) == len(FACTS[NOUNS[noun].kind])
    for line, row in zip(found, told["rows"], strict=True):
        for name in ("asset", "wallet", "sub_account", "native_id"):
            assert line[name] == row[name]
        amounts = {name: value for name, value in row.items() if name in ("principal", "accrued", "amount", "interest")}
        assert amounts and all(line[name] == value for name, value in amounts.items())
    assert "USDT" in table(view) and "cross_margin" in table(view)
    if noun == "interest":
        assert told["rows"][0]["until"] == "2026-01-02T12:00:00.00000006Z"
        assert told["coverage"][0]["cause"] == "no_time"


@pytest.mark.parametrize("cause", ["forbidden", "unsupported"])
def test_debts_that_may_not_be_read_are_not_said_to_be_none(monkeypatch: pytest.MonkeyPatch, cause: str) -> None:
    hole = Interval(stream="borrows", since_ns=NOON_NS, until_ns=NOON_NS + 1, status="unavailable", cause=cause)
    young = Interval(stream="borrows", since_ns=NOON_NS + 1, until_ns=NOON_NS + 2, status="open")
    for name, kind, rows in (("answer", "borrow", [hole, young]), ("latest_states", "loan", [])):
        monkeypatch.setattr(FakeBook, name, lambda *_, holes=rows, **__: Answer([], coverage=holes))
        monkeypatch.setitem(FACTS, kind, [])
    view = facts(BOOK, NOUNS["loans"], accounts=["mine"], question=Question())
    assert [(line.stream, line.status, line.cause) for line in view.coverage] == [("borrows", "unavailable", cause)]
    text = table(view)
    assert "no loans are known" in text and f"not proven: borrows unavailable ({cause})" in text


def test_whose_row_it_is_is_a_column_where_there_are_several_and_can_be_asked_for() -> None:
    both = facts(BOOK, NOUNS["borrows"], accounts=["mine"], question=Question())
    assert "sub-account" in table(both)
    one = facts(BOOK, NOUNS["borrows"], accounts=["mine"], question=Question(where={"sub_account": "2"}))
    assert len(one.rows) == 1 and "sub-account" not in table(one)


def test_what_is_owed_stands_beside_what_is_there() -> None:
    view = balances(BOOK, ["mine"], question=Question())
    shown = {(row.sub_account, row.wallet, row.asset): (row.reported, row.debt, row.net) for row in view.rows}
    assert shown == {
        ("1", "cross_margin", "USDT"): (Decimal(40), Decimal("100.25"), Decimal("-60.25")),
        ("1", "cross_margin", "BTC"): (Decimal(2), None, None),
        ("2", "isolated_margin:BTC/USDT", "BTC"): (Decimal(3), Decimal(1), Decimal(2)),
    }
    text = table(view)
    assert "owed" in text and "-60.25" in text and "sub-account" not in text.splitlines()[0]
    mine = balances(BOOK, ["mine"], question=Question(where={"sub_account": "2"}))
    assert [row.sub_account for row in mine.rows] == ["2"]


def test_without_debts_nothing_is_said_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FACTS, "loan", [])
    view = balances(BOOK, ["mine"], question=Question())
    assert "owed" not in table(view) and all(row.debt is None and row.net is None for row in view.rows)


def test_debts_that_may_not_be_read_are_missed_beside_the_balances_of_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot be read" not in table(balances(BOOK, ["mine"], question=Question()))
    hole = Interval(stream="borrows", since_ns=NOON_NS, until_ns=NOON_NS + 1, status="unavailable", cause="forbidden")
    monkeypatch.setattr(
        FakeBook, "answer", lambda *_, known_at_ns, **__: Answer([], coverage=[] if known_at_ns == 1 else [hole])
    )
    monkeypatch.setitem(FACTS, "loan", [])
    assert "mine: what it owes cannot be read" in table(balances(BOOK, ["mine"], question=Question()))
    assert "cannot be read" not in table(balances(BOOK, ["mine"], question=Question(known_at_ns=1)))
    monkeypatch.setitem(FACTS, "balance", [])
    assert "cannot be read" not in table(balances(BOOK, ["mine"], question=Question()))


def test_the_accounts_below_a_login_are_a_tree() -> None:
    view = tree(BOOK, ["mine"], question=Question())
    assert [row.sub_account for row in view.rows] == ["1", "2", "3", "4"]
    assert [row.sub_account for row in view.drawn or ()] == ["1", "  2", "    3", "  4"]


def test_a_circle_of_accounts_is_listed_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    circle = [
        records.SubAccount(exchange="alp", account="mine", sub_account=own, native_id=own, name=own, parent_id=parent)
        for own, parent in (("1", "2"), ("2", "1"))
    ]
    monkeypatch.setitem(FACTS, "sub_account", circle)
    assert [row.sub_account for row in tree(BOOK, ["mine"], question=Question()).rows] == ["1", "2"]
