"""Shows how a policy finds the terms of a figure and what it says where one is missing: nothing unknown is taken for
zero, positions count where they belong, and of several formulas the one that ties is the exchange's."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from nostro.domain.contracts import MarginSummary, PortfolioMargin, Position, Snapshot
from nostro.domain.policies import GRVT, KRAKEN_FUTURES, POLICIES
from nostro.domain.policy import MANY, OWN_MODEL, Around, Figure, check, check_snapshot, verdicts
from nostro.domain.records import Balance, Instrument
from nostro.domain.ties import Tie


def instrument(kind: str = "linear", multiplier: str | None = "1") -> Instrument:
    return Instrument(
        instrument="B/Q:S", base="B", quote="Q", amount_digits=3, price_digits=2, type=kind,
        multiplier=None if multiplier is None else Decimal(multiplier),
    )  # fmt: skip


CONTRACT = {"B/Q:S": instrument()}


def position(**fields: Any) -> Position:
    known = {"size": "2", "entry_price": "100", "mark_price": "110", "unrealized_pnl": "20", "margin_mode": "cross"}
    amounts = {"instrument": "B/Q:S", "side": "both", **known, **fields}
    return msgspec.convert(amounts, Position)


def summary(**fields: Any) -> MarginSummary:
    return msgspec.convert({"scope": "account", "currency": "USDT", **fields}, MarginSummary)


def of(ties: list[Tie], figure: str) -> list[tuple[str, str]]:
    return [(tie.outcome, tie.cause) for tie in ties if tie.figure == figure]


def every() -> list[Figure]:
    return [figure for policy in POLICIES.values() for figure in policy.figures]


def test_every_figure_names_a_field_a_formula_with_its_source_and_terms_that_exist() -> None:
    for figure in every():
        if not figure.name.startswith("extra."):
            assert figure.name in figure.of.__struct_fields__, figure.name
        signature = inspect.signature(figure.formula)
        signature.bind(**dict.fromkeys((*figure.terms, *figure.fixed)))
        assert figure.source and figure.called
        homes = {"": figure.of, "account": MarginSummary, "instrument": Instrument, "balances": Balance}
        homes |= dict.fromkeys(("positions", "cross", "isolated", "legs"), Position)
        for at in (*figure.terms.values(), *(each for each, _ in figure.only)):
            assert at.place in (*MANY, "", "account", "instrument", "given", "extra")
            if at.place in homes:
                assert at.name in homes[at.place].__struct_fields__, str(at)
    for policy in POLICIES.values():
        fields = {name for figure in policy.figures for name in figure.of.__struct_fields__}
        assert {name for name in policy.quanta if not name.startswith("extra.")} <= fields
        assert policy.evidence and policy.modes


def test_every_formula_says_unit_sign_or_exactness_and_its_source() -> None:
    for formula in {figure.formula for figure in every()}:
        assert formula.__doc__
        if formula.__module__.startswith("nostro.domain.margin"):
            # A formula of any kind of contract stands on those of each kind.
            assert "Source:" in formula.__doc__ or "any kind" in formula.__doc__, formula.__name__


@pytest.mark.parametrize("missing", ["entry_price", "mark_price"])
def test_what_is_not_known_leaves_a_figure_unchecked_and_is_never_zero(missing: str) -> None:
    ties = check(GRVT, position(**{missing: None}), around=Around(instruments=CONTRACT))
    assert of(ties, "unrealized_pnl") == [("unchecked", f"{missing} is not known")]
    assert all(tie.computed is None for tie in ties if tie.figure == "unrealized_pnl")


def test_a_contract_that_is_not_known_leaves_its_figures_unchecked() -> None:
    assert of(check(GRVT, position()), "unrealized_pnl") == [("unchecked", "instrument.type is not known")]
    unsized = Around(instruments={"B/Q:S": instrument(multiplier=None)})
    cause = "instrument.multiplier is not known"
    assert of(check(GRVT, position(), around=unsized), "unrealized_pnl") == [("unchecked", cause)]
    ties = check(GRVT, position(), around=Around(instruments=CONTRACT))
    assert of(ties, "unrealized_pnl") == [("ties", "")]


def test_a_mark_price_of_zero_is_a_price_for_linear_contracts_and_none_for_inverse_ones() -> None:
    worthless = position(mark_price="0", unrealized_pnl="-200")
    assert of(check(GRVT, worthless, around=Around(instruments=CONTRACT)), "unrealized_pnl") == [("ties", "")]
    inverse = Around(instruments={"B/Q:S": instrument("inverse")})
    ((outcome, cause),) = of(check(KRAKEN_FUTURES, worthless, around=inverse), "unrealized_pnl")
    assert outcome == "unchecked" and "divisor is zero" in cause


def test_what_is_not_reported_is_computed_all_the_same() -> None:
    ties = check(GRVT, position(unrealized_pnl=None), around=Around(instruments=CONTRACT))
    (tie,) = [each for each in ties if each.figure == "unrealized_pnl"]
    assert (tie.outcome, tie.cause, tie.reported, tie.computed) == ("unchecked", "not reported", None, 20)


def test_a_member_that_is_no_number_is_not_known() -> None:
    row = position(initial_margin="40", extra={"return_on_equity": "n/a"})
    ties = [tie for tie in check(KRAKEN_FUTURES, row) if tie.figure == "extra.return_on_equity"]
    assert {(tie.outcome, tie.cause) for tie in ties} == {("unchecked", "not reported")}


def test_sums_over_positions_need_every_one_of_them() -> None:
    margin = summary(unrealized_pnl="30", index_price="1", wallet="futures")
    pnls = [position(unrealized_pnl="20", quote_index_price="1"), position(unrealized_pnl="10", quote_index_price="1")]

    def found(*positions: Position) -> list[tuple[str, str]]:
        return of(check(GRVT, margin, around=Around(positions=positions, balances=())), "unrealized_pnl")

    assert found(*pnls) == [("ties", "")]
    unknown = ("unchecked", "positions.unrealized_pnl is not known")
    assert found(*pnls, position(unrealized_pnl=None)) == [unknown]
    assert of(check(GRVT, margin), "unrealized_pnl") == [unknown], "no positions are known, which is not none"
    elsewhere = position(unrealized_pnl="99", quote_index_price="1", wallet="futures:B/Q")
    assert found(*pnls, elsewhere) == [("ties", "")], "positions of another wallet are not among them"
    assert found() == [("does not tie", "")]


def test_both_legs_of_a_hedge_move_the_price_at_which_it_is_liquidated() -> None:
    """Long 3 and short 1 at the mark price of 110 with 200 above the maintenance margin: 2 net, gone 100 below."""
    margin = summary(cross_equity="250", maintenance_margin="50")
    long = position(side="long", size="3", liquidation_price="10")
    short = position(side="short", size="-1", liquidation_price="10")
    alone = Around(margin=margin, instruments=CONTRACT)
    assert of(check(GRVT, long, around=alone), "liquidation_price") == [("unchecked", "legs.size is not known")]
    both = Around(margin=margin, positions=(long, short), instruments=CONTRACT)
    assert of(check(GRVT, long, around=both), "liquidation_price") == [("ties", "")]
    assert of(check(GRVT, short, around=both), "liquidation_price") == [("ties", "")]
    one = position(size="2", liquidation_price="10")
    assert of(check(GRVT, one, around=alone), "liquidation_price") == [("ties", "")], "one-way mode has one leg"


def test_an_isolated_position_is_backed_by_its_own_balance_alone() -> None:
    isolated = position(
        margin_mode="isolated", isolated_balance="50", isolated_maintenance_margin="10", liquidation_price="80"
    )  # fmt: skip
    other = position(size="7")
    around = Around(margin=summary(), positions=(isolated, other), instruments=CONTRACT)
    assert of(check(GRVT, isolated, around=around), "liquidation_price") == [("ties", "")]


def test_under_portfolio_margin_requirements_are_reported_only() -> None:
    legs = Around(positions=(position(maintenance_margin="5"),))
    plain = summary(maintenance_margin="5", initial_margin="9")
    assert of(check(KRAKEN_FUTURES, plain, around=legs), "maintenance_margin") == [("ties", "")]
    model = msgspec.structs.replace(plain, portfolio=PortfolioMargin(market_risk=Decimal(3)))
    assert of(check(KRAKEN_FUTURES, model, around=legs), "maintenance_margin") == [("unchecked", OWN_MODEL)]
    mode = msgspec.structs.replace(plain, mode="PORTFOLIO_CROSS_MARGIN")
    assert of(check(GRVT, mode, around=legs), "maintenance_margin") == [("unchecked", OWN_MODEL)]
    assert of(check(GRVT, mode, around=legs), "initial_margin") == [("unchecked", OWN_MODEL)]


def test_of_several_formulas_the_one_that_ties_counts() -> None:
    """Portfolio value with accrued funding in it and without: whichever the exchange means, one of them holds."""
    account = {"scope": "margin_account", "currency": "XBT", "balance": "10", "unrealized_pnl": "-1"}
    for equity, called in (("9", "balance + pnl"), ("8.5", "balance + pnl + unrealized funding")):
        fact = summary(**account, unrealized_funding="-0.5", equity=equity)
        (verdict,) = [tie for tie in verdicts(check(KRAKEN_FUTURES, fact)) if tie.figure == "equity"]
        assert (verdict.outcome, verdict.formula) == ("ties", called)
    neither = summary(**account, unrealized_funding="-0.5", equity="7")
    (verdict,) = [tie for tie in verdicts(check(KRAKEN_FUTURES, neither)) if tie.figure == "equity"]
    assert verdict.outcome == "does not tie" and not verdict.doubtful


def test_a_snapshot_is_measured_whole() -> None:
    legs = (position(quote_index_price="1"), position(size="-1", unrealized_pnl="-10", quote_index_price="1"))
    margin = summary(
        unrealized_pnl="10", equity="110", initial_margin="20", available="90", index_price="1", cross_equity="110",
        cross_unrealized_pnl="10", derisk_margin="6", derisk_ratio="1.5", maintenance_margin="4",
    )  # fmt: skip
    held = (Balance(asset="USDT", total=Decimal(100), index_price=Decimal(1)),)
    found = list(check_snapshot(GRVT, Snapshot(margin=margin, balances=held, positions=legs), instruments=CONTRACT))
    assert {id(fact) for fact, _ in found} == {id(margin), *map(id, legs)}
    outcomes = {(fact.kind, tie.figure): tie.outcome for fact, tie in found if tie.formula.endswith(("printed", "pnl"))}
    assert outcomes["margin_summary", "available"] == "ties"
    assert outcomes["margin_summary", "equity"] == "ties"
    assert not [
        tie for tie in verdicts([tie for fact, tie in found if fact is margin]) if tie.outcome == "does not tie"
    ]
    wrong = msgspec.structs.replace(margin, equity=Decimal("110.00001"))
    broken = Snapshot(margin=wrong, balances=held, positions=legs)
    off = verdicts([tie for fact, tie in check_snapshot(GRVT, broken, instruments=CONTRACT) if fact is wrong])
    assert {tie.figure for tie in off if tie.outcome == "does not tie"} == {"equity", "available", "cross_equity"}
