"""Shows that the figures in the paper exchange's Kraken Futures frames follow from each other as the exchange's own do:
none of them breaks a formula that the exchange's policy claims, and most tie."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

from exchanges.kraken_futures.feed_scene import INVERSE, LINEAR, scene, subscribed
from nostro.domain.policies import KRAKEN_FUTURES
from nostro.domain.policy import Around, check, verdicts
from nostro.domain.records import Balance, Fact, Instrument, MarginSummary, Position
from nostro.domain.ties import Tie
from nostro.exchanges.kraken_futures.feed_read import read
from nostro.link.frames import News

FEEDS = ("open_positions", "balances", "account_balances_and_margins")
CONTRACTS = {
    symbol: Instrument(
        instrument=symbol, base="BTC", quote="USD", amount_digits=0, price_digits=1, type=kind, multiplier=Decimal(1)
    )
    for symbol, kind in ((INVERSE, "inverse"), (LINEAR, "linear"))
}  # fmt: skip


def measured(frame: str) -> list[tuple[Fact, Tie]]:
    """Every figure of one frame, each beside what the frame says with it."""
    said = read(frame.encode())
    assert isinstance(said, News)
    facts = [each for each in said.items if isinstance(each, Position | MarginSummary | Balance)]
    margins = {fact.wallet: fact for fact in facts if isinstance(fact, MarginSummary) and fact.scope != "isolated"}
    found = []
    for fact in facts:
        around = Around(
            margin=margins.get(fact.wallet), instruments=CONTRACTS,
            positions=tuple(each for each in facts if isinstance(each, Position)) or None,
            balances=tuple(each for each in facts if isinstance(each, Balance)) or None,
        )  # fmt: skip
        found += [(fact, tie) for tie in verdicts(check(KRAKEN_FUTURES, fact, around=around))]
    return found


def test_no_figure_of_a_frame_breaks_a_formula(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        line = here.line()
        for feed in FEEDS:
            subscribed(line, here.trader, feed)
        for instrument, amount, price in (
            (INVERSE, "300", "64000.5"),
            (LINEAR, "0.7", "66001"),
            (LINEAR, "0.2", "66107"),
        ):
            here.place(here.maker, "buy", amount, price, instrument)
            here.place(here.trader, "sell", amount, None, instrument)
        here.place(here.maker, "sell", "0.3", "66111", LINEAR)
        here.place(here.trader, "buy", "0.3", None, LINEAR)
        here.mark(INVERSE, "64111.5")
        here.mark(LINEAR, "66013")
        here.hub.beat()
        counted: Counter[tuple[str, str, str]] = Counter()
        for frame in line.taken():
            for fact, tie in measured(frame):
                assert tie.outcome != "does not tie" or tie.doubtful, (json.loads(frame)["feed"], fact, tie)
                counted[fact.kind, tie.figure, tie.outcome] += 1
    ties = {(kind, figure) for kind, figure, outcome in counted if outcome.startswith("ties")}
    assert {("margin_summary", "equity"), ("margin_summary", "available"), ("margin_summary", "margin_balance")} <= ties
    assert {("position", "unrealized_pnl"), ("position", "extra.return_on_equity")} <= ties
