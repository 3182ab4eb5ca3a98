"""Shows that the figures of the paper exchange's GRVT sub-accounts follow from each other by the formulas that GRVT
prints: each one that its policy claims ties within what the wire cuts off, on both sides of the market and after a part
of a position was closed.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from exchanges.grvt.scene import BTC, ETH, HOUR, Scene
from nostro.domain.policies import GRVT
from nostro.domain.policy import OWN_MODEL, check_snapshot, verdicts
from nostro.domain.records import Instrument, Snapshot
from nostro.domain.ties import Tie
from nostro.exchanges.grvt import messages, read
from nostro.paper.venue.commands import CreateUser

CONTRACTS = {
    symbol: Instrument(
        instrument=symbol, base=symbol[:3], quote="USDT", amount_digits=3, price_digits=1, type="linear",
        multiplier=Decimal(1),
    )
    for symbol in (BTC, ETH)
}  # fmt: skip


def measured(here: Scene, row: Any = None) -> dict[tuple[str, str], Tie]:
    """The verdict on every figure of the trader's sub-account now, or of such a ``row``, by instrument ("" for the
    account's own)."""
    body = json.dumps(row or here.ask("account_summary", {"sub_account_id": here.sub()})["result"])
    row = msgspec.json.decode(body, type=messages.SubAccount)
    margin = read.summary(row)
    held = read.spot_balances(row.spot_balances, sub_account=row.sub_account_id, time_ns=None, wallet=margin.wallet)
    snapshot = Snapshot(
        margin=margin, balances=tuple(held), positions=tuple(read.position(each) for each in row.positions)
    )  # fmt: skip
    found: dict[str, list[Tie]] = {}
    for fact, tie in check_snapshot(GRVT, snapshot, instruments=CONTRACTS):
        found.setdefault(getattr(fact, "instrument", None) or "", []).append(tie)
    return {(name, tie.figure): tie for name, ties in found.items() for tie in verdicts(ties)}


def test_figures_follow_from_each_other_as_printed(tmp_path: Path) -> None:
    here = Scene(tmp_path)
    here.trade("0.333", "64000.1")
    here.trade("0.111", "64100.7")
    here.trade("0.2", "64050.3", side="sell")
    here.trade("0.051", "64011.9")
    here.trade("3.17", "3200.33", side="sell", instrument=ETH)
    for btc, eth in (("64333.3", "3111.17"), ("63112.7", "3290.01")):
        here.mark(btc)
        here.mark(eth, ETH)
        found = measured(here)
        wrong = [tie for tie in found.values() if tie.outcome == "does not tie" and not tie.doubtful]
        assert not wrong
        certain = ("equity", "unrealized_pnl"), ("notional", "unrealized_pnl", "total_pnl", "roi")
        for name, figures in (("", certain[0]), (BTC, certain[1]), (ETH, certain[1])):
            for figure in figures:
                assert found[name, figure].outcome.startswith("ties"), (name, figure)
        assert found["", "available"].outcome == "ties", "as GRVT prints it, whatever the sign of the profit"
        assert "min" in found["", "available"].formula


def test_a_sub_account_that_is_margined_as_a_portfolio_says_so_and_its_requirements_are_reported_only(
    tmp_path: Path,
) -> None:
    here = Scene(tmp_path)
    main = here.logins["desk"].user
    sub = here.done(here.venue.carry_out(CreateUser(name="desk-3", parent=main, portfolio=True)).answer)
    here.subs["desk-3"] = sub
    asked = {"sub_account_id": str(sub)}
    assert here.ask("account_summary", asked, name="desk")["result"]["margin_type"] == "PORTFOLIO_CROSS_MARGIN"
    here.fund(sub, "10000")
    for side, amount, price, instrument in (("buy", "0.5", "64000", BTC), ("sell", "4", "3100", ETH)):
        here.place("maker-1", "sell" if side == "buy" else "buy", amount, price, instrument)
        here.place("desk-3", side, amount, price, instrument)
    here.mark("64000")
    here.mark("3100", ETH)
    row = here.ask("account_summary", asked, name="desk")["result"]
    # 15 % of 32,000 and, since no underlying offsets another, of 12,400; and a quarter more at first.
    assert (row["maintenance_margin"], row["initial_margin"]) == ("6660.0", "8325.0")
    assert {each["est_liquidation_price"] for each in row["positions"]} == {"0.0"}, "none"
    here.wait(HOUR)
    (noted,) = here.ask("account_history", asked, name="desk")["result"]
    same = ("margin_type", "maintenance_margin", "initial_margin", "total_equity")
    assert [noted[name] for name in same] == [row[name] for name in same]
    for each in (row, noted):
        found = measured(here, each)
        assert {found["", name].outcome for name in ("equity", "unrealized_pnl", "available")} == {"ties"}
        required = [found["", name] for name in ("initial_margin", "maintenance_margin")]
        assert [(tie.outcome, tie.cause) for tie in required] == [("unchecked", OWN_MODEL)] * 2
        assert not [tie for tie in found.values() if tie.outcome == "does not tie" and not tie.doubtful]
    assert here.ask("account_summary", {"sub_account_id": here.sub()})["result"]["margin_type"] == "SIMPLE_CROSS_MARGIN"
