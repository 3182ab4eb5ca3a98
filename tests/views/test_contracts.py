"""Shows that margin, positions, funding and history say the same in every form, fit a terminal of 80 columns with their
numbers in line, and say of each row whether the exchange's own formulas give its figures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from nostro.domain.answers import Answer
from nostro.domain.records import (
    Balance,
    ClosedPosition,
    Fact,
    FundingPayment,
    Instrument,
    MarginSummary,
    Position,
    PositionEvent,
    Snapshot,
)
from nostro.domain.values import parse_time
from nostro.views.contracts import NOUNS, measured
from nostro.views.facts import Question, facts
from nostro.views.files import as_csv, as_json
from nostro.views.table import lines
from nostro.views.view import View

NOON_NS = parse_time("2026-01-02T12:00:00Z")
OF: dict[str, Any] = {"exchange": "grvt", "account": "mine", "effective_ns": NOON_NS, "wallet": "futures"}
SUMMARY = MarginSummary(
    **OF, scope="cross", currency="USDT", equity=Decimal("10123.456789"), unrealized_pnl=Decimal("123.456789"),
    initial_margin=Decimal("2500.5"), maintenance_margin=Decimal("1250.25"), available=Decimal("7622.956789"),
    index_price=Decimal(1),
)  # fmt: skip
LONG = Position(
    **OF, instrument="BTC/USDT:USDT", side="both", size=Decimal("1.5"), entry_price=Decimal("60000.5"), currency="USDT",
    mark_price=Decimal("61000.5"), unrealized_pnl=Decimal(1500), notional=Decimal("91500.75"), leverage=Decimal(10),
    liquidation_price=Decimal("51234.123456789"), margin_mode="cross",
)  # fmt: skip
SHORT = Position(
    **OF, instrument="ETH/USDT:USDT", side="both", size=Decimal(-12), entry_price=Decimal(3000), currency="USDT",
    mark_price=Decimal(3100), unrealized_pnl=Decimal(-1199), notional=Decimal(-37200), margin_mode="isolated",
)  # fmt: skip
FACTS: dict[str, list[Fact]] = {
    "margin_summary": [SUMMARY],
    "position": [LONG, SHORT],
    "funding_payment": [
        FundingPayment(**OF, instrument="BTC/USDT:USDT", asset="USDT", amount=Decimal(amount), rate=Decimal("0.0001"))
        for amount in ("-9.150075", "0.5")
    ],
    "snapshot": [
        Snapshot(
            **OF, margin=SUMMARY, positions=(LONG, SHORT),
            balances=(Balance(asset="USDT", total=Decimal(10_000), index_price=Decimal(1)),),
        )
    ],
    "closed_position": [
        ClosedPosition(
            **OF, instrument="BTC/USDT:USDT", side="both", status="liquidated", opened_ns=NOON_NS - 10**12,
            realized_pnl=Decimal("-12.5"), closed_size=Decimal(2), entry_price=Decimal(100), exit_price=Decimal(94),
        )
    ],
    "position_event": [
        PositionEvent(**OF, instrument="BTC/USDT:USDT", reason="trade", size_before=Decimal(1), size=Decimal("-0.5"))
    ],
    "instrument": [
        Instrument(
            instrument=f"{base}/USDT:USDT", base=base, quote="USDT", amount_digits=3, price_digits=1, type="linear",
            settle="USDT", multiplier=Decimal(1),
        )
        for base in ("BTC", "ETH")
    ],
}  # fmt: skip


class FakeBook:
    """Answers with the facts above."""

    class Row:
        exchange = "grvt"

    def account(self, name: str) -> Row:
        return self.Row()

    def answer(self, kind: str, account: str, *, where: Mapping[str, str], **_: Any) -> Answer[Fact]:
        return Answer(FACTS[kind], complete_through_ns=NOON_NS, reader="grvt/1", pages=3)

    def latest_states(self, kind: str, account: str, **_: Any) -> Answer[Fact]:
        return Answer(FACTS[kind])


BOOK: Any = FakeBook()


def shown(noun: str) -> View:
    view = facts(BOOK, NOUNS[noun], accounts=["mine"], question=Question())
    return measured(BOOK, view, noun=NOUNS[noun])


def table(noun: str, width: int = 160) -> list[str]:
    return [line.plain for line in lines(shown(noun), width)]


@pytest.mark.parametrize("noun", sorted(NOUNS))
def test_a_noun_says_the_same_in_every_form(noun: str) -> None:
    told = json.loads("".join(as_json(shown(noun))))
    found = list(csv.DictReader(io.StringIO("".join(as_csv(shown(noun))))))
    assert len(found) == len(told["rows"]) == len(FACTS[NOUNS[noun].kind]) > 0
    for line, row in zip(found, told["rows"], strict=True):
        amounts = {
            name for name, value in row.items() if name in ("size", "amount", "equity", "realized_pnl") and value
        }
        assert (amounts or noun == "snapshots") and all(line[name] == row[name] for name in amounts)


@pytest.mark.parametrize("noun", sorted(NOUNS))
def test_a_table_fits_eighty_columns_and_keeps_what_matters(noun: str) -> None:
    drawn = table(noun, 80)
    assert max(map(len, drawn)) <= 80, drawn
    text = "\n".join(drawn)
    kept = {
        "margin": ["10,123.456789", "7,622.956789", "equity"], "positions": ["BTC/USDT:USDT", "-12", "1,500", "-1,199"],
        "funding": ["-9.150075", "0.5", "USDT"], "snapshots": ["2026-01-02 12:00:00", "10,123.456789"],
        "closed_positions": ["BTC/USDT:USDT", "-12.5"], "position_events": ["trade", "-0.5"],
    }[noun]  # fmt: skip
    assert all(word in text for word in kept), text


def test_sizes_of_both_signs_stand_with_their_points_in_line() -> None:
    rows = [line for line in table("positions", 80) if "/USDT:USDT" in line]
    assert len(rows) == 2
    ends = {row.index(amount) + len(amount.partition(".")[0]) for row, amount in zip(rows, ("1.5", "-12"), strict=True)}
    assert len(ends) == 1


def test_each_row_says_what_came_of_its_figures() -> None:
    [long, short] = [line for line in table("positions") if "/USDT:USDT" in line]
    assert "ties (" in long and "does not tie (unrealized pnl)" in short
    told = json.loads("".join(as_json(shown("positions"))))
    wrong = [line for line in told["figures"] if line["outcome"] == "does not tie" and not line["doubtful"]]
    assert [(line["row"], line["figure"], line["reported"], line["computed"]) for line in wrong] == [
        (1, "unrealized_pnl", "-1199", "-1200")
    ]


def test_a_snapshot_is_measured_whole() -> None:
    told = json.loads("".join(as_json(shown("snapshots"))))
    outcomes = {(line["of"], line["figure"]): line["outcome"] for line in told["figures"]}
    assert outcomes["BTC/USDT:USDT both", "notional"] == "ties"
    assert outcomes["ETH/USDT:USDT both", "unrealized_pnl"] == "does not tie"
    assert [row["positions"][1]["size"] for row in told["rows"]] == ["-12"]
    assert "does not tie" in "\n".join(table("snapshots"))


def test_where_nobody_said_how_figures_hang_together_they_are_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeBook.Row, "exchange", "alp")
    told = json.loads("".join(as_json(shown("margin"))))
    assert told["figures"] == [] and "unchecked" in "\n".join(table("margin"))


def test_nothing_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("margin_summary", "position"):
        monkeypatch.setitem(FACTS, kind, [])
    assert "no collateral is known" in "\n".join(table("margin"))
    assert "no positions are known" in "\n".join(table("positions"))
