"""What GRVT claims of its figures: the sub-account with its balances and positions, closed positions, fills, funding.
Every formula is as its documentation prints it; those that no figure at hand confirms are doubtful.
"""

from __future__ import annotations

from typing import Final

from nostro.domain.contracts import ClosedPosition, FundingPayment, MarginSummary, Position
from nostro.domain.margin.averaging import life_pnl
from nostro.domain.margin.collateral import (
    available_balance,
    converted,
    derisk_margin,
    margin_at_leverage,
    total_equity,
    without_isolated,
)
from nostro.domain.margin.liquidation import liquidation_price
from nostro.domain.margin.profit import fee, funding_received, notional, pnl, roi, total_pnl
from nostro.domain.policy import Policy, figure
from nostro.domain.records import Fill

_SUB_ACCOUNT: Final = "GRVT, SubAccount"
_POSITIONS: Final = "GRVT, Positions"

GRVT: Final = Policy(
    name="grvt",
    amounts=6,
    evidence="its captures cut quote amounts after 6 decimals and roi after 4; prices are documented with 9",
    quanta={
        "size": "exact", "closed_size": "exact", "amount": 6, "roi": 4, "derisk_ratio": "exact", "leverage": "exact",
        "entry_price": 9, "exit_price": 9, "mark_price": 9, "price": 9, "index_price": 9, "quote_index_price": 9,
        "liquidation_price": 9, "fee_rate": 5,
    },
    modes=("cross", "isolated"),
    portfolio=("PORTFOLIO_CROSS_MARGIN",),
    reported={
        "margin_summary.initial_margin": "by the tiers of each contract, with orders: not told",
        "margin_summary.maintenance_margin": "by the tiers of each contract: not told",
        "margin_summary.margin_balance": "no formula is documented",
        "position.leverage": "what is set, not a result",
        "position.fees": "a sum over fills",
        "position.funding": "a sum over funding payments",
    },
    figures=(
        figure(
            "unrealized_pnl", converted, of=MarginSummary,
            terms=(
                "amounts=positions.unrealized_pnl index_prices=positions.quote_index_price "
                "settle_index_price=index_price"
            ),
            called="sum(pnl * quote index) / settle index", source=_SUB_ACCOUNT,
        ),
        figure(
            "equity", total_equity, of=MarginSummary,
            terms=(
                "balances=balances.total index_prices=balances.index_price settle_index_price=index_price "
                "unrealized_pnl"
            ),
            called="sum(balance * index) / settle index + pnl", source=_SUB_ACCOUNT,
        ),
        figure(
            "available", available_balance, of=MarginSummary,
            terms="total_equity=equity initial_margin unrealized_pnl",
            called="equity - im - min(pnl, 0), as printed", source=_SUB_ACCOUNT, fixed={"term": "min"},
            doubtful=True,
        ),
        figure(
            "available", available_balance, of=MarginSummary,
            terms="total_equity=equity initial_margin unrealized_pnl",
            called="equity - im - max(pnl, 0), the usual rule", source="ours", fixed={"term": "max"}, doubtful=True,
        ),
        figure(
            "derisk_margin", derisk_margin, of=MarginSummary, terms="maintenance_margin ratio=derisk_ratio",
            called="mm * ratio", source=_SUB_ACCOUNT, doubtful=True,
        ),
        figure(
            "cross_unrealized_pnl", converted, of=MarginSummary,
            terms="amounts=cross.unrealized_pnl index_prices=cross.quote_index_price settle_index_price=index_price",
            called="the same of cross positions", source=_SUB_ACCOUNT, doubtful=True,
        ),
        figure(
            "cross_equity", without_isolated, of=MarginSummary,
            terms=(
                "total_equity=equity balances=isolated.isolated_balance unrealized_pnls=isolated.unrealized_pnl "
                "index_prices=isolated.quote_index_price settle_index_price=index_price"
            ),
            called="equity without isolated positions", source=_SUB_ACCOUNT, doubtful=True,
        ),
        figure(
            "notional", notional, of=Position, terms="size price=mark_price contract", called="mark * size",
            source=_POSITIONS,
        ),
        figure(
            "unrealized_pnl", pnl, of=Position, terms="size entry_price price=mark_price contract",
            called="(mark - entry) * size", source=_POSITIONS,
        ),
        figure(
            "realized_pnl", pnl, of=Position,
            terms="size=given.exit_size entry_price price=exit_price contract",
            called="(exit - entry) * exit size", source=_POSITIONS, doubtful=True,
        ),
        figure(
            "total_pnl", total_pnl, of=Position, terms="realized_pnl unrealized_pnl", called="realized + unrealized",
            source=_POSITIONS,
        ),
        figure(
            "roi", roi, of=Position, terms="total_pnl entry_price size", called="total pnl / (entry * |size|) * 100",
            source=_POSITIONS,
        ),
        figure(
            "liquidation_price", liquidation_price, of=Position,
            terms=(
                "mark_price equity=account.cross_equity maintenance_margin=account.maintenance_margin "
                "sizes=legs.size contract"
            ),
            called="mark - (cross equity - mm) / size",
            source=f"{_POSITIONS}: the captures keep every digit of the mark price", only={"margin_mode": "cross"},
            doubtful=True,
        ),
        figure(
            "liquidation_price", liquidation_price, of=Position,
            terms=(
                "mark_price equity=isolated_balance unrealized_pnl maintenance_margin=isolated_maintenance_margin "
                "sizes=legs.size contract"
            ),
            called="mark - (isolated balance + pnl - mm) / size", source=_POSITIONS,
            only={"margin_mode": "isolated"}, doubtful=True,
        ),
        figure(
            "isolated_initial_margin", margin_at_leverage, of=Position,
            terms="size price=mark_price leverage contract", called="|notional| / leverage",
            source="GRVT help, margin requirements", only={"margin_mode": "isolated"}, doubtful=True,
        ),
        figure(
            "realized_pnl", life_pnl, of=ClosedPosition,
            terms="side closed=closed_size entry_price exit_price contract", called="(exit - entry) * closed size",
            source="GRVT, ApiPositionHistory; not where a position grew after a part was closed", doubtful=True,
        ),
        figure(
            "closed_value", notional, of=ClosedPosition, terms="size=closed_size price=exit_price contract",
            called="exit * closed size", source="GRVT, ApiPositionHistory",
        ),
        figure(
            "fee", fee, of=Fill, terms="price size=amount rate=fee_rate", called="price * size * rate",
            source="GRVT, Fill",
        ),
        figure(
            "amount", funding_received, of=FundingPayment, terms="size price=mark_price rate contract",
            called="-(size * mark * rate)", source="GRVT help, funding rate", doubtful=True,
        ),
    ),
)  # fmt: skip
