"""What BingX claims of its figures, on its first wire and on today's. The documents of the first have an example whose
figures agree with none of this, and no arithmetic; the support pages have.
"""

from __future__ import annotations

from typing import Final

from nostro.domain.contracts import ClosedPosition, MarginSummary, Position
from nostro.domain.margin.averaging import life_pnl
from nostro.domain.margin.collateral import available, equity, margin_at_leverage
from nostro.domain.margin.liquidation import liquidation_price_isolated
from nostro.domain.margin.profit import balance_after, notional, pnl, return_on
from nostro.domain.policy import Policy, figure

_STRUCTURE: Final = "BingX support, account structure"
_FIGURES: Final = (
    figure(
        "equity", equity, of=MarginSummary, terms="balance unrealized_pnl", called="balance + pnl",
        source=_STRUCTURE,
    ),
    figure(
        "available", available, of=MarginSummary, terms="equity initial_margin=used order_margin",
        called="equity - used - frozen", source=_STRUCTURE, doubtful=True,
    ),
    figure(
        "available", available, of=MarginSummary, terms="equity=balance initial_margin=used order_margin",
        called="balance - used - frozen", source="ours", doubtful=True,
    ),
    figure(
        "unrealized_pnl", pnl, of=Position, terms="size entry_price price=mark_price contract",
        called="(mark - entry) * size; inverse (1/entry - 1/mark) * size", source=_STRUCTURE,
    ),
    figure(
        "notional", notional, of=Position, terms="size price=mark_price contract",
        called="mark * size; inverse size / mark", source=_STRUCTURE,
    ),
    figure(
        "initial_margin", margin_at_leverage, of=Position, terms="size price=entry_price leverage contract",
        called="entry * size / leverage", source=_STRUCTURE,
    ),
    figure(
        "margin", margin_at_leverage, of=Position, terms="size price=entry_price leverage contract",
        called="entry * size / leverage", source=_STRUCTURE, doubtful=True,
    ),
    figure(
        "margin", margin_at_leverage, of=Position, terms="size price=entry_price leverage unrealized_pnl contract",
        called="entry * size / leverage + pnl", source=_STRUCTURE, doubtful=True,
    ),
    figure(
        "liquidation_price", liquidation_price_isolated, of=Position,
        terms="size entry_price collateral=margin maintenance_rate=given.maintenance_rate contract",
        called="where margin is maintenance and taker fee", source="BingX support, forced liquidation rules",
        only={"margin_mode": "isolated"}, doubtful=True,
    ),
    figure(
        "extra.pnlRatio", return_on, of=Position, terms="amount=unrealized_pnl by=initial_margin",
        called="pnl / initial margin", source="BingX, positions",
    ),
    figure(
        "realized_pnl", life_pnl, of=ClosedPosition, terms="side closed=closed_size entry_price exit_price contract",
        called="(exit - entry) * closed size", source="BingX, positions", doubtful=True,
    ),
    figure(
        "extra.netProfit", balance_after, of=ClosedPosition,
        terms="balance=realized_pnl realized_funding=funding fee=fees", called="realized + funding - fees",
        source="BingX, positions",
    ),
)  # fmt: skip

BINGX_V1: Final = Policy(
    name="bingx_v1",
    amounts="double",
    evidence="its amounts are JSON numbers",
    hedge=True,
    modes=("cross", "isolated"),
    reported={
        "margin_summary.balance": "unsupported: the wire has no ledger",
        "margin_summary.realized_pnl": "unsupported: the wire has no ledger",
        "position.realized_pnl": "unsupported: the wire has no ledger",
    },
    figures=_FIGURES,
)

BINGX: Final = Policy(
    name="bingx",
    amounts=4,
    evidence="the texts of today's interface have 4 decimals, prices of two and inverse amounts of eight as they come",
    quanta={
        "size": "exact", "closed_size": "exact", "leverage": "exact",
        "entry_price": 2, "mark_price": 2, "exit_price": 2,
    },
    hedge=True,
    modes=("cross", "isolated"),
    figures=_FIGURES,
)  # fmt: skip
