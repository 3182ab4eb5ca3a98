"""Shows what our formulas make of the figures that exchanges published and that were recorded from them:
docs/figures-margin.md says what the figures say, no sample is left out, and those that matter have a status written by
hand."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIES, WITHIN, NOT = "ties", "ties within its quanta", "does not tie"

# By hand, from the figures themselves: (exchange, sample, figure): what each formula that says something makes of it.
EXPECTED = {
    ("kraken_futures", "margin account f-xbt:usd", "available"): [WITHIN],
    ("kraken_futures", "margin account f-xbt:usd", "equity"): [WITHIN, WITHIN],  # its funding is 0
    ("kraken_futures", "margin account fi_xbtusd", "equity"): [TIES, NOT],  # funding is a copy of another figure there
    ("kraken_futures", "margin account fi_xbtusd", "available"): [NOT],  # 0.2 off
    ("kraken_futures", "PF_LTCUSD, 0.5", "initial_margin"): [TIES, NOT],  # at the entry price, not at the mark price
    ("kraken_futures", "PF_LTCUSD, 0.5", "extra.return_on_equity"): [WITHIN],  # a ratio, not percent
    ("kraken_futures", "PI_XBTUSD, 1 contract, a later frame", "liquidation_price"): [WITHIN],
    ("kraken_futures", "PI_XBTUSD, 1 contract, first frame", "liquidation_price"): [NOT],
    ("kraken_futures", "1000 contracts from 8000 with 0.01 BTC", "liquidation_price"): [WITHIN],
    ("kraken_futures", "closing of 250 PF_DOGEUSD", "realized_pnl"): [TIES],
    ("grvt", "BTC_USDT_Perp, entry 90000", "unrealized_pnl"): [WITHIN],  # cut after six decimals
    ("grvt", "BTC_USDT_Perp, entry 90000", "roi"): [WITHIN],
    ("grvt", "BTC_USDT_Perp, entry 89426.4", "notional"): [WITHIN],
    ("grvt", "sub-account without positions", "equity"): [TIES],
    ("grvt", "sub-account without positions", "available"): [TIES, TIES],  # no profit: both readings agree
    ("bingx", "balance of the first wire", "equity"): [NOT],
    ("bingx", "linear balance in USDT", "available"): [NOT, WITHIN],  # from the balance
    ("bingx", "inverse balance in SOL", "available"): [WITHIN, NOT],  # from the equity
    ("bitmex", "ETHUSD, short 1, quanto", "extra.posMargin"): [TIES],
    ("bitmex", "ETHUSD, short 1, quanto", "extra.maintMargin"): [TIES],
    ("bitmex", "ETHUSD, short 1, quanto", "unrealized_pnl"): [TIES],
    ("bitmex", "XBTUSD, long 1, inverse", "extra.posMargin"): [TIES],
    ("bitmex", "XBTUSD, long 1, inverse", "extra.maintMargin"): [TIES],
    ("bitmex", "XBTUSD, long 1, inverse", "unrealized_pnl"): [WITHIN],  # whole satoshis
}


@pytest.fixture(scope="module", name="program")
def the_program_that_writes_the_page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("figures_margin", ROOT / "docs" / "figures_margin.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # msgspec looks annotations up there
    spec.loader.exec_module(module)
    return module


def test_the_stored_page_says_what_the_figures_say(program: ModuleType) -> None:
    assert program.PAGE.read_text("utf-8") == program.page(), "run `make docs`"


def test_every_recorded_figure_is_on_the_page(program: ModuleType) -> None:
    """No sample is dropped on the way."""
    page = program.PAGE.read_text("utf-8")
    measured = 0
    for exchange in program.exchanges():
        text = (ROOT / "tests" / "recorded" / exchange / "figures.toml").read_text("utf-8")
        for sample in (*tomllib.loads(text).get("sample", ()), *tomllib.loads(text).get("direct", ())):
            assert f"**{sample['title']}** ({sample['kind']}: {sample['source']})" in page
            measured += 1
    assert measured > 40
    assert {"bingx", "bitmex", "grvt", "kraken_futures"} <= set(program.exchanges())


@pytest.mark.parametrize(("exchange", "title", "figure"), EXPECTED)
def test_figures_have_the_status_that_they_were_found_to_have(
    program: ModuleType, exchange: str, title: str, figure: str
) -> None:
    found = [
        row.tie.outcome
        for row in program.rows(exchange)
        if (row.title, row.tie.figure) == (title, figure) and row.tie.outcome != "unchecked"
    ]
    assert found == EXPECTED[exchange, title, figure]


def test_the_sample_of_kraken_futures_ties_by_hand(program: ModuleType) -> None:
    """pv = balance + pnl and am = pv - im, in fractions of the printed digits: off by less than two units."""
    balance, pnl = Fraction("9.99730211055"), Fraction("-0.00006034858674327812")
    equity, needed = Fraction("9.997241761963258"), Fraction("0.0005729099528781564")
    unit = Fraction(1, 2**49)  # of doubles between 8 and 16
    assert 0 < abs(balance + pnl - equity) < 2 * unit
    assert 0 < abs(equity - needed - Fraction("9.99666885201038")) < 2 * unit
    ties = [row.tie for row in program.rows("kraken_futures") if row.title == "margin account f-xbt:usd"]
    differences = {tie.figure: Fraction(tie.difference) for tie in ties if tie.difference is not None}
    assert differences["equity"] == equity - balance - pnl
    assert differences["available"] == Fraction("9.99666885201038") - equity + needed


def test_estimates_of_grvt_keep_every_digit_of_the_mark_price() -> None:
    """mark - estimate is a quote amount of six decimals by the size: the margin does not move with the price."""
    for mark, estimate in (("89816.900008979", "77951.450008979"), ("89430.118505969", "74347.153505969")):
        apart = (Fraction(mark) - Fraction(estimate)) * Fraction("0.001")
        assert (apart * 10**6).denominator == 1
