"""Shows what the present of an account takes from frames and from answers, row by row: what is new, what is told once,
what is gone, and what an answer says otherwise."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from nostro import limits
from nostro.domain.fact import Balance, Fact
from nostro.domain.marks import differences
from nostro.domain.records import Fill, Loan, MarginSummary, Order, Position, Transfer
from nostro.link.live_state import OPEN_ORDERS, Doubt, LiveState
from nostro.link.segment import Reading
from nostro.link.told import Told

NOW_NS = 1_773_144_000_000_000_000
FED = frozenset({"balances", "positions", "orders"})


def balance(asset: str, total: int, *, at_ns: int = NOW_NS, used: int = 0, sub_account: str = "") -> Balance:
    return Balance(
        wallet="spot", asset=asset, total=Decimal(total), used=Decimal(used), free=Decimal(total - used),
        effective_ns=at_ns, sub_account=sub_account,
    )  # fmt: skip


def position(instrument: str, size: int, *, mark: int = 100) -> Position:
    pnl = Decimal(size * (mark - 100))
    return Position(
        instrument=instrument, side="both", size=Decimal(size), mark_price=Decimal(mark), unrealized_pnl=pnl,
        effective_ns=NOW_NS,
    )  # fmt: skip


def order(name: str, filled: int, *, status: str = "open", updated_ns: int | None = None, **more: Any) -> Order:
    return Order(
        native_id=name, instrument="BTC/USD", side="buy", type="limit", status=status, amount=Decimal(5),
        filled=Decimal(filled), remaining=Decimal(5 - filled), effective_ns=NOW_NS, updated_ns=updated_ns, **more,
    )  # fmt: skip


def ended(name: str, status: str = "canceled") -> Order:
    return Order(native_id=name, instrument="", side="", type="", status=status, effective_ns=NOW_NS + 99)


def heard(state: LiveState, stream: str, *facts: Fact, whole: bool = False, numbered: bool = False) -> list[Fact]:
    return state.hear(Reading(stream, facts, whole), NOW_NS, numbered=numbered)


def answered(state: LiveState, stream: str, *facts: Fact, since_frame: int | None = None) -> list[Fact]:
    since_frame = state.frames if since_frame is None else since_frame
    return state.answer(stream, facts, since_frame=since_frame, now_ns=NOW_NS)


# ── states ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_state_is_told_where_it_says_something_new_whatever_its_time() -> None:
    state = LiveState("mine", FED)
    assert heard(state, "balances", balance("BTC", 1), balance("USD", 2)) == [balance("BTC", 1), balance("USD", 2)]
    assert heard(state, "balances", balance("BTC", 1, at_ns=NOW_NS + 5)) == []
    assert [getattr(each, "total", None) for each in heard(state, "balances", balance("BTC", 3, at_ns=NOW_NS + 6))] == [
        3
    ]
    assert [getattr(each, "total", None) for each in state.of("balances")] == [3, 2]


def test_an_earlier_frame_says_nothing_unless_numbers_say_that_it_is_the_later_one() -> None:
    for numbered, shown in ((False, 3), (True, 1)):
        state = LiveState("mine", FED)
        heard(state, "balances", balance("BTC", 3, at_ns=NOW_NS + 6), numbered=numbered)
        assert bool(heard(state, "balances", balance("BTC", 1), numbered=numbered)) == numbered
        assert state.of("balances")[0] == balance("BTC", shown, at_ns=NOW_NS if numbered else NOW_NS + 6)


def test_a_frame_is_later_than_the_answer_before_it_whatever_the_clocks_say() -> None:
    state = LiveState("mine", FED)
    answered(state, "balances", balance("BTC", 1, at_ns=NOW_NS + 10**12))
    assert heard(state, "balances", balance("BTC", 2)) == [balance("BTC", 2)]


def test_what_a_frame_that_names_all_leaves_out_is_gone() -> None:
    state = LiveState("mine", FED)
    heard(state, "positions", position("A", 1), position("B", 2), whole=True)
    assert heard(state, "positions", position("B", 2)) == []
    assert len(state.of("positions")) == 2, "any other frame says nothing of the others"
    gone = heard(state, "positions", position("B", 2), whole=True)
    assert [(each.instrument, each.size) for each in gone if isinstance(each, Position)] == [("A", 0)]
    assert state.of("positions") == [position("B", 2)]
    assert len(heard(state, "positions", whole=True)) == 1
    assert state.of("positions") == []


def test_what_an_answer_leaves_out_is_gone_where_it_speaks_of_that_sub_account() -> None:
    state = LiveState("mine", FED)
    answered(state, "balances", balance("BTC", 1, sub_account="1"), balance("USD", 1, sub_account="1"))
    heard(state, "balances", balance("BTC", 7, sub_account="2"))
    gone = answered(state, "balances", balance("BTC", 1, sub_account="1"))
    assert [(getattr(each, "asset", ""), getattr(each, "total", None)) for each in gone] == [("USD", 0)]
    assert {each.sub_account for each in state.of("balances")} == {"1", "2"}


def test_what_has_no_words_for_nothing_goes_without_a_word() -> None:
    state = LiveState("mine", FED)
    summary = MarginSummary(scope="cross", currency="USD", equity=Decimal(1), effective_ns=NOW_NS)
    assert answered(state, "margin", summary) == [summary]
    assert answered(state, "margin") == []
    assert state.of("margin") == []
    loan = Loan(wallet="cross_margin", asset="BTC", principal=Decimal(1), effective_ns=NOW_NS)
    answered(state, "loans", loan)
    assert [getattr(each, "principal", None) for each in answered(state, "loans")] == [0]


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_is_told_once_whoever_tells_it_and_however_much_he_knows() -> None:
    fill = Fill(native_id="f1", instrument="A", side="buy", price=Decimal(1), amount=Decimal(1), effective_ns=NOW_NS)
    other = Fill(native_id="f1", instrument="A", side="sell", price=Decimal(1), amount=Decimal(1), effective_ns=NOW_NS)
    richer = Fill(
        native_id="f1", instrument="A", side="buy", price=Decimal(1), amount=Decimal(1), effective_ns=NOW_NS - 7,
        fee=Decimal("0.1"), extra={"seq": "1"},
    )  # fmt: skip
    state = LiveState("mine", FED)
    assert heard(state, "fills", fill) == [fill]
    assert heard(state, "fills", fill) == []
    assert state.rows([richer]) == []
    assert state.rows([other]) == [other], "both sides of a trade with oneself are two rows"
    assert state.knows(richer)
    assert not state.knows(Fill(native_id="f2", instrument="A", side="buy", price=Decimal(1), amount=Decimal(1)))


def test_a_later_state_of_a_row_is_told_with_all_that_is_known() -> None:
    sent = Transfer(native_id="t", direction="withdrawal", asset="BTC", amount=Decimal(1), status="pending", note="hm")
    done = Transfer(native_id="t", direction="withdrawal", asset="BTC", amount=Decimal(1), status="done")
    told = Told()
    assert told.take([sent]) == [sent]
    (said,) = told.take([done])
    assert (said.status, said.note) == ("done", "hm")  # type: ignore[attr-defined]
    assert told.take([done]) == []


def test_rows_without_an_id_are_as_many_as_one_answer_shows() -> None:
    fill = Fill(instrument="A", side="buy", price=Decimal(1), amount=Decimal(1), effective_ns=NOW_NS)
    told = Told()
    assert told.take([fill, fill]) == [fill, fill]
    assert told.take([fill, fill]) == []
    assert told.take([fill, fill, fill]) == [fill]


def test_an_order_lives_from_frame_to_frame_and_ends_once() -> None:
    state = LiveState("mine", FED)
    assert heard(state, "orders", order("o", 0, updated_ns=1))
    assert heard(state, "orders", order("o", 2, updated_ns=2))
    assert heard(state, "orders", order("o", 1, updated_ns=1)) == [], "an earlier state says nothing"
    assert state.orders["o"].filled == 2
    (said,) = heard(state, "orders", ended("o"))
    assert isinstance(said, Order)
    assert (said.instrument, said.amount, said.status, said.filled) == ("BTC/USD", 5, "canceled", None)
    assert said.effective_ns == NOW_NS, "when it was placed, not when the frame came"
    assert heard(state, "orders", order("o", 3, updated_ns=3)) == []
    assert not state.orders
    (said,) = state.rows([order("o", 3, status="canceled", updated_ns=3)])
    assert getattr(said, "filled", None) == 3, "how much of it was filled, its history knows"


def test_an_end_that_comes_before_what_ended_is_no_row_until_that_comes() -> None:
    state = LiveState("mine", FED)
    assert heard(state, "orders", ended("o")) == []
    (said,) = heard(state, "orders", order("o", 0, updated_ns=1))
    assert (getattr(said, "status", None), dict(state.orders)) == ("canceled", {})


def test_open_orders_are_remembered_longer_than_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROWS_TOLD", 5)
    state = LiveState("mine", FED)
    heard(state, "orders", order("o", 0, updated_ns=1))
    for number in range(20):
        heard(
            state,
            "fills",
            Fill(native_id=f"f{number}", instrument="A", side="buy", price=Decimal(1), amount=Decimal(1)),
        )
    assert heard(state, "orders", order("o", 0, updated_ns=1)) == []
    assert heard(state, "orders", ended("o"))
    assert not state.orders


# ── doubts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def doubts(state: LiveState, stream: str, *facts: Fact, since_frame: int | None = None) -> list[Doubt]:
    return state.doubts(stream, facts, since_frame=state.frames if since_frame is None else since_frame)


def test_an_answer_is_doubted_where_it_differs_in_what_does_not_follow_from_the_mark() -> None:
    state = LiveState("mine", FED)
    heard(state, "positions", position("A", 1), whole=True)
    heard(state, "balances", balance("BTC", 1))
    assert doubts(state, "positions", position("A", 1, mark=150)) == []
    assert [each.subject[2] for each in doubts(state, "positions", position("A", 2))] == ["A"]
    assert len(doubts(state, "positions", position("A", 1), position("B", 1))) == 1
    assert doubts(state, "positions", position("A", 1), position("B", 0)) == [], "nothing is as good as not named"
    assert [each.said for each in doubts(state, "positions")] == [], "no answer has spoken of that sub-account yet"
    answered(state, "balances", balance("BTC", 1))
    assert [each.said for each in doubts(state, "positions")] == [None]
    assert len(doubts(state, "balances", balance("BTC", 1, used=1))) == 1
    assert doubts(state, "balances", Balance(wallet="spot", asset="BTC", total=Decimal(1))) == [], "as far as both know"


def test_what_a_frame_told_since_the_question_is_not_doubted() -> None:
    state = LiveState("mine", FED)
    heard(state, "balances", balance("BTC", 1))
    since = state.frames
    heard(state, "balances", balance("BTC", 2))
    assert doubts(state, "balances", balance("BTC", 1), since_frame=since) == []
    assert len(doubts(state, "balances", balance("BTC", 1))) == 1
    assert answered(state, "balances", balance("BTC", 1), since_frame=since) == []
    assert state.of("balances") == [balance("BTC", 2)]


def test_open_orders_are_held_against_those_that_are_known() -> None:
    state = LiveState("mine", FED)
    answered(state, "balances", balance("BTC", 1))
    heard(state, "orders", order("a", 0), order("b", 1))
    assert doubts(state, OPEN_ORDERS, order("a", 0), order("b", 1)) == []
    assert {each.subject for each in doubts(state, OPEN_ORDERS, order("b", 2), order("c", 0))} == {
        ("a",),
        ("b",),
        ("c",),
    }
    assert answered(state, OPEN_ORDERS, order("b", 1)) == []
    assert set(state.orders) == {"b"}
    assert set(state.lost) == {"a"}


def test_other_sub_accounts_than_the_feeds_are_what_answers_say() -> None:
    state = LiveState("mine", FED)
    state.connect(frozenset({"1"}))
    answered(state, "balances", balance("BTC", 1, sub_account="1"), balance("BTC", 1, sub_account="2"))
    other = [balance("BTC", 2, sub_account="1"), balance("BTC", 2, sub_account="2")]
    assert [each.subject[0] for each in doubts(state, "balances", *other)] == ["1"]
    assert state.answer("balances", other, since_frame=0, now_ns=NOW_NS, unfed=True) == [other[1]]
    assert [getattr(each, "total", None) for each in state.of("balances")] == [1, 2]
    assert [each.subject[0] for each in doubts(state, "balances")] == ["1"], "and what is gone there"
    mine, others = order("a", 0, sub_account="1"), order("b", 0, sub_account="2")
    assert [each.subject for each in doubts(state, OPEN_ORDERS, mine, others)] == [("a",)]
    assert state.answer(OPEN_ORDERS, [mine, others], since_frame=0, now_ns=NOW_NS, unfed=True) == [others]


def test_where_a_snapshot_began_it_only_what_frames_named_is_held_against_them() -> None:
    state = LiveState("mine", FED)
    state.connect(None)
    snapshot = Reading("balances", (balance("BTC", 1),), whole=False)
    state.hear(snapshot, NOW_NS, numbered=True, begins=True)
    answered(state, "balances", balance("BTC", 1), balance("XMR", 1))
    assert [each.subject[2] for each in doubts(state, "balances", balance("BTC", 2), balance("XMR", 2))] == ["BTC"]
    state.connect(None)
    assert len(doubts(state, "balances", balance("BTC", 2), balance("XMR", 2))) == 2, "a new connection names it anew"


def test_a_frame_that_knows_more_is_shown_as_long_as_answers_agree() -> None:
    state = LiveState("mine", FED)
    heard(state, "positions", position("A", 1, mark=150), whole=True)
    plain = Position(instrument="A", side="both", size=Decimal(1), effective_ns=NOW_NS)
    assert answered(state, "positions", plain) == []
    assert state.of("positions") == [position("A", 1, mark=150)]


def test_a_position_of_nothing_is_none() -> None:
    state = LiveState("mine", FED)
    assert heard(state, "positions", position("A", 0)) == []
    heard(state, "positions", position("A", 1))
    assert [getattr(each, "size", None) for each in heard(state, "positions", position("A", 0))] == [0]
    assert state.of("positions") == []


def test_differences_are_named() -> None:
    one = MarginSummary(scope="cross", currency="USD", equity=Decimal(1), mode="multi")
    other = MarginSummary(scope="cross", currency="USD", equity=Decimal(2), mode="single")
    assert differences(one, other) == ("mode",)
