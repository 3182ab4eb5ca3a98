"""Shows what the checks of contracts find: positions that fills do not lead to, looked at in any steps, against a naive
oracle; logs of positions with holes; figures that their formula does not give; what contracts realized and no entry
books. And what they refuse to judge, and why."""

from __future__ import annotations

import random
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from book.statements import DAY, SECOND, START, Told, judged, moment
from nostro.book.checks.figures import DOUBTFUL
from nostro.book.checks.terms import Look
from nostro.book.coverage import Span
from nostro.book.postings import transactions
from nostro.book.reconcile import STREAMS, Judgement
from nostro.domain.policies import POLICIES
from nostro.domain.policy import check as measured
from nostro.domain.records import (
    Balance,
    Entry,
    Fact,
    Fill,
    FundingPayment,
    Instrument,
    MarginSummary,
    Position,
    PositionEvent,
    Snapshot,
    Transfer,
)
from nostro.exchanges.kraken_futures import EXCHANGE

CONTRACT = "BTC/USDT:USDT"
END = START + 3 * DAY
PROVEN = tuple(stream for stream in STREAMS if stream != "orders")
OF = {"exchange": "grvt", "account": "mine"}


def fill(at: str | int, side: str, amount: str, **more: Any) -> Fill:
    at_ns = moment(at) if isinstance(at, str) else at
    given = {"instrument": CONTRACT, "price": Decimal(100), "wallet": "futures"} | OF | more
    return Fill(effective_ns=at_ns, side=side, amount=Decimal(amount), **given)


def position(size: str, *, side: str = "both", **more: Any) -> Position:
    return Position(**{"instrument": CONTRACT, "side": side, "size": Decimal(size)} | OF | more)


def look(at: str | int, *facts: Fact, whole: bool = True, capability: str = "positions") -> Look:
    at_ns = moment(at) if isinstance(at, str) else at
    return Look(
        capability=capability, sent_ns=at_ns - SECOND // 10, received_ns=at_ns, page=7, whole=whole, facts=facts
    )


def told(*rows: Look | Fact, fills: Iterable[Fill] = ()) -> Told:
    """Everything is proven but orders: which of them a fill belongs to is not asked here."""
    ledger = Told()
    ledger.prove(START, END, PROVEN)
    ledger.fill_rows = [*fills, *(row for row in rows if isinstance(row, Fill))]
    ledger.entry_rows = [row for row in rows if isinstance(row, Entry)]
    ledger.look_rows = [row for row in rows if isinstance(row, Look)]
    ledger.event_rows = [row for row in rows if not isinstance(row, Look | Fill | Entry)]
    ledger.traded = {
        CONTRACT: Instrument(
            instrument=CONTRACT, base="BTC", quote="USDT", amount_digits=3, price_digits=1, type="linear",
            settle="USDT", multiplier=Decimal(1),
        )
    }  # fmt: skip
    return ledger


def judge(ledger: Told, **more: Any) -> Judgement:
    """With formulas of GRVT, and a ledger in the words of Kraken Futures: no wire has both."""
    known = {"exchange": "grvt", "contracts": True, "booked": EXCHANGE.booked}
    return judged(ledger, until_ns=more.pop("until_ns", END), **known | more)


def outcomes(judgement: Judgement, check: str = "positions") -> list[tuple[str, str]]:
    return [(each.outcome, each.cause) for each in judgement.results if each.check == check]


def found(judgement: Judgement) -> list[tuple[str, str, Decimal | None]]:
    return [(each.name, f"{each.scope.subject} {each.scope.side}".strip(), each.missing) for each in judgement.breaks]


# ── positions and fills ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_position_is_the_sum_of_its_fills() -> None:
    judgement = judge(
        told(
            fill("01:00", "buy", "3"), look("02:00", position("3")), fill("03:00", "sell", "5"),
            look("04:00", position("-2")), fill("05:00", "buy", "2"), look("06:00"),
        )
    )  # fmt: skip
    assert not found(judgement)
    [result] = [each for each in judgement.results if each.check == "positions"]
    assert (result.outcome, result.terms, result.scope.subject) == ("ties", 3, CONTRACT)


def test_a_missing_fill_is_one_break_in_its_interval() -> None:
    judgement = judge(
        told(
            look("01:00", position("1")), fill("02:00", "buy", "2"), look("03:00", position("3.5")),
            look("04:00", position("3.5")), fill("05:00", "sell", "1"), look("06:00", position("2.5")),
        ),
        opened_ns=START - 400 * DAY,
    )  # fmt: skip
    assert found(judgement) == [("position_differs", CONTRACT, Decimal("0.5"))]
    [each] = judgement.breaks
    assert moment("00:59") < each.since_ns < moment("01:00") and moment("03:00") <= each.until_ns < moment("03:01")
    assert (each.expected, each.actual, each.pages) == (Decimal(3), Decimal("3.5"), (7,))
    assert ("break", "") in outcomes(judgement) and ("ties", "") in outcomes(judgement)


def test_a_position_that_is_no_longer_listed_is_zero_and_one_of_a_part_is_not() -> None:
    rows = (fill("01:00", "buy", "3"), look("02:00", position("3")))
    assert found(judge(told(*rows, look("04:00")))) == [("position_differs", CONTRACT, Decimal(-3))]
    assert not found(judge(told(*rows, look("04:00", whole=False))))


def test_what_was_there_before_anything_is_known_is_where_the_sum_begins() -> None:
    rows = (look("01:00", position("5")), fill("02:00", "buy", "1"), look("03:00", position("6")))
    assert not found(judge(told(*rows), opened_ns=START - DAY))
    assert found(judge(told(*rows))) == [("position_differs", CONTRACT, Decimal(5))], "from the opening on it is zero"


def test_the_sides_of_a_hedge_are_two_positions() -> None:
    longs, shorts = position("3", side="long"), position("-2", side="short")
    rows = (
        fill("01:00", "buy", "3", position_side="long"), fill("01:30", "sell", "2", position_side="short"),
        look("02:00", longs, shorts), fill("03:00", "buy", "2", position_side="short"), look("04:00", longs),
    )  # fmt: skip
    assert not found(judge(told(*rows)))
    wrong = (*rows[:-1], look("04:00", longs, position("-1", side="short")))
    assert found(judge(told(*wrong))) == [("position_differs", f"{CONTRACT} short", Decimal(-1))]


def test_a_fill_within_the_bracket_of_a_look_is_in_it_or_not() -> None:
    at = moment("02:00")
    for size in ("3", "4"):
        rows = (fill("01:00", "buy", "3"), fill(at, "buy", "1"), look(at, position(size)), look("03:00", position("4")))
        assert not found(judge(told(*rows)))
    wrong = (fill("01:00", "buy", "3"), fill(at, "buy", "1"), look(at, position("3.5")), look("03:00", position("4")))
    assert len(found(judge(told(*wrong)))) == 2, "neither with it nor without it"
    late = (fill("01:00", "buy", "3"), fill(at, "buy", "1"), look(at, position("3")), look("03:00", position("3")))
    assert found(judge(told(*late))) == [("position_differs", CONTRACT, Decimal(-1))]


def test_where_fills_are_not_proven_nothing_is_judged() -> None:
    ledger = told(look("01:00", position("1")), look("03:00", position("9")), look("05:00", position("9")))
    ledger.spans["fills"] = [
        Span(START, moment("02:00"), "proven"), Span(moment("02:00"), moment("02:30"), "unavailable", "retention"),
        Span(moment("02:30"), END, "proven"),
    ]  # fmt: skip
    judgement = judge(ledger, opened_ns=START - DAY)
    assert not found(judgement)
    assert outcomes(judgement) == [("unchecked", "retention"), ("ties", "")]


def test_where_there_are_no_fills_a_position_is_only_reported() -> None:
    ledger = told(look("01:00", position("1")), look("03:00", position("9")))
    ledger.spans["fills"] = [Span(0, 2**62, "unavailable", "unsupported")]
    judgement = judge(ledger)
    assert not found(judgement)
    assert outcomes(judgement) == [("unchecked", "unsupported")]


def test_doubles_hide_what_they_hide_and_no_more() -> None:
    rows = [fill(moment("01:00") + number, "buy", "0.1") for number in range(3)]
    for size, names in (("0.30000000000000004", []), ("0.3000000001", ["position_differs"])):
        judgement = judge(told(*rows, look("02:00", position(size))), amounts="double")
        assert [name for name, _, _ in found(judgement)] == names
        assert names or ("ties within its quanta", "") in outcomes(judgement)


def test_snapshots_of_a_history_are_looks_at_their_own_sub_account() -> None:
    def snapshot(at: str, mine: str, *positions: Position) -> Snapshot:
        margin = MarginSummary(scope="cross", currency="USDT")
        return Snapshot(**OF, sub_account=mine, effective_ns=moment(at), margin=margin, positions=positions, page=9)

    rows = (
        fill("01:00", "buy", "3", sub_account="1"), fill("01:00", "buy", "8", sub_account="2"),
        snapshot("02:00", "1", position("3")), snapshot("02:00", "2", position("8")),
        fill("02:30", "sell", "3", sub_account="1"), snapshot("03:00", "1"), snapshot("03:00", "2", position("7")),
    )  # fmt: skip
    judgement = judge(told(*rows))
    assert found(judgement) == [("position_differs", CONTRACT, Decimal(-1))]
    assert [each.scope.sub_account for each in judgement.breaks] == ["2"]


def script(chance: random.Random) -> tuple[list[Fill], list[Look], list[tuple[int, Decimal]]]:
    """Fills and looks minutes apart, of which some fills are lost; what each look showed."""
    fills, looks, seen, size, at = list[Fill](), list[Look](), list[tuple[int, Decimal]](), Decimal(0), START
    for _ in range(60):
        at += chance.randrange(5, 40) * 60 * SECOND
        if chance.random() < 0.6:
            amount, side = Decimal(chance.randrange(1, 9)) / 4, chance.choice(("buy", "sell"))
            size += amount if side == "buy" else -amount
            if chance.random() > 0.15:
                fills.append(fill(at, side, str(amount)))
        else:
            looks.append(look(at, *([position(str(size))] if size else [])))
            seen.append((at, size))
    return fills, looks, seen


def expected(fills: list[Fill], seen: list[tuple[int, Decimal]]) -> list[Decimal]:
    """By how much each look differs from the one before it and the fills in between, the first from nothing."""
    differing, last_ns, last = [], 0, Decimal(0)
    for at, size in seen:
        moved = sum(
            (
                each.amount if each.side == "buy" else -each.amount
                for each in fills
                if last_ns < each.effective_ns <= at
            ),
            Decimal(0),
        )
        if size - last - moved:
            differing.append(size - last - moved)
        last_ns, last = at, size
    return differing


@pytest.mark.parametrize("seed", range(40))
def test_any_history_in_any_steps_is_judged_as_a_naive_oracle_judges_it(seed: int) -> None:
    chance = random.Random(seed)
    fills, looks, seen = script(chance)
    once = judge(told(*looks, fills=fills))
    wanted = expected(fills, seen)
    assert [missing for _, _, missing in found(once)] == wanted
    checkpoint, stepped = None, once
    for share in range(1, 7):
        until_ns = START + share * (END - START) // 6
        ledger = told(
            *(each for each in looks if each.received_ns < until_ns),
            fills=[each for each in fills if each.effective_ns < until_ns],
        )
        ledger.spans = {}
        ledger.prove(START, until_ns, PROVEN)
        stepped = judge(ledger, until_ns=until_ns, checkpoint=checkpoint)
        checkpoint = stepped.checkpoint
    assert [missing for _, _, missing in found(stepped)] == wanted
    assert [each.id for each in stepped.breaks] == [each.id for each in once.breaks]


def test_the_oracle_saw_both() -> None:
    scripts = [script(random.Random(seed)) for seed in range(40)]
    differing = [expected(fills, seen) for fills, _, seen in scripts]
    assert any(differing) and sum(map(len, differing)) > 40 and sum(len(seen) for _, _, seen in scripts) > 400


# ── a position's log ─────────────────────────────────────────────────────────────────────────────────────────────────


def event(row: str, at: str, before: str, after: str, **more: Any) -> PositionEvent:
    given = OF | {"instrument": CONTRACT, "reason": "trade"} | more
    return PositionEvent(
        native_id=row, effective_ns=moment(at), size_before=Decimal(before), size=Decimal(after), **given
    )


def test_each_event_begins_where_the_last_one_ended() -> None:
    events = [event("1", "01:00", "0", "3"), event("3", "02:00", "5", "4"), event("2", "02:00", "3", "5")]
    assert not judge(told(*events)).breaks
    judgement = judge(told(*events, event("5", "04:00", "6", "1")))
    assert found(judgement) == [("missing_row", CONTRACT, Decimal(2))]
    assert judgement.breaks[0].rows == ("3", "5")


def test_the_events_of_one_instant_are_put_in_the_order_that_they_tell() -> None:
    events = [
        event("9", "01:00", "0", "3"), event("7", "02:00", "3", "-1"), event("5", "02:00", "-1", "4"),
        event("8", "02:00", "3", "3", funding=Decimal(1)), event("6", "02:00", "-1", "-1", funding=Decimal(1)),
    ]  # fmt: skip
    assert not judge(told(*events)).breaks
    assert found(judge(told(*events, event("4", "02:00", "8", "2")))) == [("missing_row", CONTRACT, Decimal(4))]


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def collateral(**more: Any) -> MarginSummary:
    given = {"scope": "cross", "currency": "USDT", "index_price": Decimal(1), "unrealized_pnl": Decimal(20)} | OF
    return MarginSummary(**given | {"equity": Decimal(120)} | more)


def snapshot(**more: Any) -> Snapshot:
    return Snapshot(
        **OF, effective_ns=moment("05:00"), sub_account="4", page=11, margin=collateral(**more),
        balances=(Balance(asset="USDT", total=Decimal(100), index_price=Decimal(1)),),
        positions=(
            position(
                "2", entry_price=Decimal(100), mark_price=Decimal(110), notional=Decimal(220),
                unrealized_pnl=Decimal(20), quote_index_price=Decimal(1), margin_mode="cross",
            ),
        ),
    )  # fmt: skip


def test_every_figure_of_a_snapshot_is_measured_by_the_exchanges_own_formulas() -> None:
    judgement = judge(told(snapshot()), policy=POLICIES["grvt"])
    ties = {each.scope.subject for each in judgement.results if each.check == "figures" and each.outcome == "ties"}
    assert {"margin_summary.equity", "position.notional", "position.unrealized_pnl"} <= ties
    assert not [each for each in judgement.breaks if each.check == "figures"]


def test_a_figure_that_its_formula_does_not_give_is_one_break_however_often_it_is_said() -> None:
    wrong = [replace(snapshot(equity=Decimal(121)), effective_ns=moment(f"{hour:02}:00")) for hour in range(5, 20)]
    judgement = judge(told(*wrong), policy=POLICIES["grvt"])
    [each] = [each for each in judgement.breaks if each.check == "figures"]
    assert (each.name, each.expected, each.actual, each.missing) == ("figure_differs", 120, 121, 1)
    assert (each.scope.sub_account, each.scope.subject, each.pages) == ("4", "USDT", (11,))
    assert (each.since_ns, each.until_ns) == (moment("05:00"), moment("05:00"))
    assert "margin_summary.equity is reported as 121" in each.text
    counted = {(each.scope.subject, each.outcome): each.terms for each in judgement.results if each.check == "figures"}
    assert counted["margin_summary.equity", "break"] == 15


def test_a_doubtful_formula_that_does_not_tie_is_named_and_no_break() -> None:
    given = position("2", entry_price=Decimal(100), mark_price=Decimal(110), liquidation_price=Decimal(3))
    doubtful = {tie.figure for tie in measured(POLICIES["bingx_v1"], given) if tie.doubtful}
    assert doubtful, "the policy has doubtful formulas"
    rows = look("02:00", MarginSummary(scope="account", currency="USDT", equity=Decimal(10), balance=Decimal(10),
                                       unrealized_pnl=Decimal(0), used=Decimal(1), order_margin=Decimal(0),
                                       available=Decimal(5)), capability="margin")  # fmt: skip
    judgement = judge(told(rows), policy=POLICIES["bingx_v1"])
    assert not judgement.breaks
    assert ("unchecked", DOUBTFUL) in outcomes(judgement, "figures")
    assert ("ties", "") in outcomes(judgement, "figures"), "equity by its own formula"


def test_funding_is_measured_against_its_rate() -> None:
    paid = FundingPayment(
        **OF, effective_ns=moment("08:00"), instrument=CONTRACT, asset="USDT", amount=Decimal("-0.022"),
        rate=Decimal("0.0001"), size=Decimal(2), mark_price=Decimal(110),
    )  # fmt: skip
    judgement = judge(told(paid), policy=POLICIES["grvt"])
    [result] = [each for each in judgement.results if each.scope.subject == "funding_payment.amount"]
    assert result.outcome.startswith("ties")


# ── cash ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def entry(row: str, at: str, kind: str, amount: str, *, before: str, after: str, asset: str = "USDT") -> Entry:
    return Entry(
        **OF, wallet="futures", native_id=row, page=int(row), effective_ns=moment(at), asset=asset, type=kind,
        amount=Decimal(amount), before=Decimal(before), after=Decimal(after),
    )  # fmt: skip


def test_what_contracts_realized_is_what_the_ledger_books() -> None:
    events = [
        event("1", "01:00", "0", "3", fee=Decimal("0.5"), fee_asset="USDT", price=Decimal(100)),
        event("2", "02:00", "3", "0", realized_pnl=Decimal(10), funding=Decimal("-0.25"), fee=Decimal("0.5")),
    ]  # fmt: skip
    entries = [
        entry("1", "01:00", "futures trade", "-0.5", before="0", after="-0.5"),
        entry("2", "02:00", "futures trade", "9.25", before="-0.5", after="8.75"),
    ]  # fmt: skip
    judgement = judge(told(*events, *entries), until_ns=END)
    assert not judgement.breaks
    assert outcomes(judgement, "realized by contracts") == [("ties", "")]
    judgement = judge(told(*events, *entries[:1]), until_ns=END)
    assert found(judgement) == [("realized_differs", "USDT", Decimal("9.25"))]


def paid(row: str, at: str, amount: str) -> PositionEvent:
    return event(row, at, "3", "3", reason="fundingrealization", funding=Decimal(amount))


def test_funding_is_booked_when_it_is_due_or_later_once_each() -> None:
    events = [paid("1", "08:00", "-0.25"), paid("2", "16:00", "-0.25"), paid("3", "2/00:00", "0.5")]
    entries = [
        entry("1", "08:00", "funding rate change", "-0.25", before="0", after="-0.25"),
        entry("2", "2/06:00", "funding rate change", "-0.25", before="-0.25", after="-0.5"),
        entry("3", "2/06:00", "funding rate change", "0.5", before="-0.5", after="0"),
    ]  # fmt: skip
    known = {"funding": "position_events"}
    judgement = judge(told(*events, *entries), **known)
    assert not judgement.breaks
    assert outcomes(judgement, "funding") == [("ties", "")]
    assert sum(each.terms for each in judgement.results if each.check == "funding") == 3
    lost = judge(told(events[0], events[2], *entries), **known)
    assert found(lost) == [("entry_without_transfer", "USDT", Decimal("0.25"))]
    unbooked = judge(told(*events, entries[0], entry("3", "2/06:00", "funding rate change", "0.5", before="-0.25",
                                                      after="0.25")), **known)  # fmt: skip
    assert found(unbooked) == [("unbooked_transfer", "USDT", Decimal("-0.25"))]
    assert not judge(told(*events)).breaks, "of a wire without a list of payments nothing is said"


def test_what_crosses_the_edge_is_called_the_same_in_both_directions() -> None:
    moved = [
        Transfer(**OF, effective_ns=moment("01:00"), native_id=row, direction=way, asset="USDT", amount=Decimal(5),
                 status="done", observed_ns=moment("01:00"))
        for row, way in (("1", "deposit"), ("2", "withdrawal"))
    ]  # fmt: skip
    entries = [
        entry("1", "01:00", "cross-exchange transfer", "5", before="0", after="5"),
        entry("2", "01:00", "cross-exchange transfer", "-5", before="5", after="0"),
    ]
    ledger = told(*entries)
    ledger.transfer_rows = moved
    assert outcomes(judge(ledger, transfers="transfers"), "transfers") == [("ties", "")]
    ledger.transfer_rows = moved[:1]
    assert found(judge(ledger, transfers="transfers")) == [("entry_without_transfer", "USDT", Decimal(5))]


def test_what_a_list_of_payments_says_is_booked_too() -> None:
    payment = FundingPayment(
        **OF, effective_ns=moment("08:00"), instrument=CONTRACT, asset="USDT", amount=Decimal("-0.25"), native_id="9"
    )
    booked = entry("1", "09:00", "funding", "-0.25", before="0", after="-0.25")
    assert not judge(told(payment, booked), funding="funding_payments").breaks
    assert found(judge(told(payment), funding="funding_payments")) == [("unbooked_transfer", "USDT", Decimal("-0.25"))]


def test_a_fill_of_a_contract_posts_what_it_realized_and_no_base_and_quote() -> None:
    closing = fill("02:00", "sell", "3", fee=Decimal("0.5"), fee_asset="USDT", realized_pnl=Decimal(10))
    funding = FundingPayment(
        **OF, wallet="futures", effective_ns=moment("08:00"), instrument=CONTRACT, asset="USDT", amount=Decimal(-2)
    )
    posted = list(transactions([closing, funding, replace(closing, realized_pnl=None, fee=None)], ledger=False))
    moved = [(each.account, each.asset, each.amount) for one in posted for each in one.postings]
    assert moved == [
        ("wallet", "USDT", Decimal(10)), ("exchange:clearing", "USDT", Decimal(-10)),
        ("wallet", "USDT", Decimal("-0.5")), ("exchange:fees", "USDT", Decimal("0.5")),
        ("wallet", "USDT", Decimal(-2)), ("exchange:funding", "USDT", Decimal(2)),
    ]  # fmt: skip


def test_a_fill_of_a_contract_needs_no_trade_entries() -> None:
    ledger = told(fill("01:00", "buy", "3", fee=Decimal(1), fee_asset="USDT"))
    assert not [each for each in judge(ledger).results if each.check in ("trades", "fees")]
