"""What Kraken Futures claims of its figures: margin accounts of one pair, the multi-collateral account, positions, the
position history and the account log. Its `balances` and `open_positions` say what they mean in pages that disagree with
their captures here and there; both readings are claimed then.
"""

from __future__ import annotations

from typing import Final

from nostro.domain.contracts import MarginSummary, Position, PositionEvent
from nostro.domain.margin.averaging import change_pnl, entry_after
from nostro.domain.margin.collateral import (
    after_haircut,
    available,
    effective_leverage,
    equity,
    margin_at,
    margin_return,
)
from nostro.domain.margin.liquidation import liquidation_price, liquidation_price_alone, liquidation_price_isolated
from nostro.domain.margin.profit import balance_after, fee, notional, pnl, return_on
from nostro.domain.policy import Policy, figure
from nostro.domain.records import Balance, Entry
from nostro.domain.values import add

_MARGIN_ACCOUNT: Final = {"scope": "margin_account"}
_FLEX: Final = {"scope": ("account", "cross", "isolated")}
_LINEAR: Final = {"instrument.type": ("linear", "quanto")}
_INVERSE: Final = {"instrument.type": "inverse"}
_BALANCES: Final = "Kraken Futures, account_balances_and_margins; balances; get-accounts"
_OPEN_POSITIONS: Final = "Kraken Futures, open_positions"
_LOG: Final = "Kraken Futures, account log"
_RATES: Final = "Kraken Futures, instruments: marginLevels; of which price no page says"

KRAKEN_FUTURES: Final = Policy(
    name="kraken_futures",
    amounts="double",
    evidence="every figure of its frames is the shortest text of a double, REST's texts too",
    modes=("cross", "isolated", "margin_account"),
    reported={"margin_summary.initial_margin": "by the tiers of each contract, with orders: not told"},
    figures=(
        figure(
            "equity", equity, of=MarginSummary, terms="balance unrealized_pnl", called="balance + pnl",
            source=_BALANCES,
        ),
        figure(
            "equity", equity, of=MarginSummary, terms="balance unrealized_pnl unrealized_funding",
            called="balance + pnl + unrealized funding", source=_BALANCES,
        ),
        figure(
            "available", available, of=MarginSummary, terms="equity initial_margin", called="pv - im",
            source=_BALANCES, only=_MARGIN_ACCOUNT,
        ),
        figure(
            "margin_balance", equity, of=MarginSummary,
            terms="balance=collateral_value unrealized_pnl=unrealized_as_margin",
            called="collateral value + unrealized as margin",
            source="Kraken Futures support, glossary: account margin equity", only=_FLEX,
        ),
        figure(
            "available", available, of=MarginSummary, terms="equity=margin_balance initial_margin",
            called="margin equity - initial margin", source="Kraken Futures support, glossary: available margin",
            only=_FLEX,
        ),
        figure(
            "unrealized_pnl", add, of=MarginSummary, terms="amounts=positions.unrealized_pnl",
            called="sum of positions: pnl", source=_BALANCES,
        ),
        figure(
            "unrealized_funding", add, of=MarginSummary, terms="amounts=positions.unrealized_funding",
            called="sum of positions: unrealized funding", source=_BALANCES,
        ),
        figure(
            "maintenance_margin", add, of=MarginSummary, terms="amounts=positions.maintenance_margin",
            called="sum of positions: maintenance margins",
            source=f"{_BALANCES}; not where contracts of one underlying are netted", doubtful=True, modelled=True,
        ),
        figure(
            "balance", add, of=MarginSummary, terms="amounts=balances.value", called="sum of balances: values",
            source=f"{_BALANCES}; some totals are printed in cents", doubtful=True, only=_FLEX,
        ),
        figure(
            "collateral_value", add, of=MarginSummary, terms="amounts=balances.collateral_value",
            called="sum of balances: collateral values",
            source=f"{_BALANCES}; some totals are printed in cents", doubtful=True, only=_FLEX,
        ),
        figure(
            "collateral_value", after_haircut, of=Balance,
            terms="value haircut=extra.haircut conversion_spread=extra.conversion_spread",
            called="value * (1 - haircut) * (1 - conversion spread)",
            source="Kraken Futures, balances; the spread from its samples", doubtful=True,
        ),
        figure(
            "unrealized_pnl", pnl, of=Position, terms="size entry_price price=mark_price contract",
            called="(mark - entry) * size; inverse (1/entry - 1/mark) * size",
            source="Kraken Futures support, calculation of profit and loss",
        ),
        figure(
            "notional", notional, of=Position, terms="size price=mark_price contract",
            called="mark * size; inverse size / mark", source=_OPEN_POSITIONS,
        ),
        figure(
            "initial_margin", margin_at, of=Position,
            terms="size price=entry_price rate=given.initial_rate contract",
            called="value at the entry price * rate", source=_RATES, only=_LINEAR, doubtful=True, modelled=True,
        ),
        figure(
            "initial_margin", margin_at, of=Position, terms="size price=mark_price rate=given.initial_rate contract",
            called="value at the mark price * rate", source=_RATES, doubtful=True, modelled=True,
        ),
        figure(
            "maintenance_margin", margin_at, of=Position,
            terms="size price=entry_price rate=given.maintenance_rate contract",
            called="value at the entry price * rate", source=_RATES, only=_LINEAR, doubtful=True, modelled=True,
        ),
        figure(
            "maintenance_margin", margin_at, of=Position,
            terms="size price=mark_price rate=given.maintenance_rate contract",
            called="value at the mark price * rate", source=_RATES, doubtful=True, modelled=True,
        ),
        figure(
            "extra.return_on_equity", return_on, of=Position, terms="amount=unrealized_pnl by=initial_margin",
            called="pnl / initial margin",
            source=f"{_OPEN_POSITIONS}: a ratio in its captures, although one page says percent",
        ),
        figure(
            "extra.return_on_equity", margin_return, of=Position,
            terms="unrealized_pnl size price=mark_price rate=given.initial_rate contract",
            called="pnl / (value at the mark price * rate)", source=_OPEN_POSITIONS, only=_INVERSE,
        ),
        figure(
            "extra.effective_leverage", effective_leverage, of=Position,
            terms="size price=mark_price equity=account.equity contract", called="|value| / portfolio value",
            source="Kraken Futures support, effective leverage",
        ),
        figure(
            "liquidation_price", liquidation_price, of=Position,
            terms=(
                "mark_price equity=account.equity maintenance_margin=account.maintenance_margin sizes=legs.size "
                "maintenance_rate=given.maintenance_rate contract"
            ),
            called="where equity is maintenance margin",
            source="Kraken Futures support, equity protection process", doubtful=True,
        ),
        figure(
            "liquidation_price", liquidation_price_alone, of=Position,
            terms="size mark_price leverage=extra.effective_leverage maintenance_rate=given.maintenance_rate contract",
            called="the same, equity by effective leverage", source=_OPEN_POSITIONS, doubtful=True,
        ),
        figure(
            "liquidation_price", liquidation_price_isolated, of=Position,
            terms="size entry_price collateral=margin maintenance_rate=given.maintenance_rate contract",
            called="the same, from the entry price", source="Kraken Futures support, equity protection process",
            doubtful=True,
        ),
        figure(
            "realized_pnl", change_pnl, of=PositionEvent,
            terms="before=size_before after=size entry_price=entry_price_before price contract",
            called="(price - entry before) * closed", source=f"{_LOG}; to which unit it is settled no page says",
            doubtful=True,
        ),
        figure(
            "entry_price", entry_after, of=PositionEvent,
            terms="kind=instrument.type before=size_before after=size entry_price=entry_price_before price",
            called="mean of an increase, else unmoved, price of a flip", source="Kraken Futures, position history",
            doubtful=True,
        ),
        figure(
            "fee", fee, of=PositionEvent,
            terms="price size=amount rate=given.fee_rate multiplier=instrument.multiplier",
            called="price * size * rate", source="Kraken Futures, feeschedules", only=_LINEAR,
        ),
        figure(
            "after", balance_after, of=Entry, terms="balance=before realized_pnl=extra.realized_pnl fee=extra.fee",
            called="before + pnl - fee", source=_LOG, only={"type": "futures trade"},
        ),
        figure(
            "after", balance_after, of=Entry, terms="balance=before realized_funding=extra.realized_funding",
            called="before + funding", source=_LOG, only={"type": "funding rate change"},
        ),
    ),
)  # fmt: skip
