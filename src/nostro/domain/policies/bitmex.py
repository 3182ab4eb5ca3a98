"""What BitMEX's positions show of its margin: no page claims it, its own rows do."""

from __future__ import annotations

from typing import Final

from nostro.domain.contracts import Position
from nostro.domain.margin.collateral import margin_at, margin_of_position, margin_return, position_margin
from nostro.domain.margin.profit import balance_after, pnl, return_on
from nostro.domain.policy import Policy, figure
from nostro.domain.values import ONE

_BITMEX: Final = "BitMEX, position"

BITMEX: Final = Policy(
    name="bitmex",
    amounts=0,
    evidence="amounts are whole satoshis, ratios have 4 decimals, prices are whole ticks",
    quanta={
        "size": "exact", "entry_price": "exact", "mark_price": "exact", "leverage": "exact",
        "extra.initMarginReq": "exact", "extra.unrealisedPnlPcnt": 4, "extra.unrealisedRoePcnt": 4,
    },
    modes=("cross", "isolated"),
    reported={"position.liquidation_price": "cross: the wallet's balance is not told"},
    figures=(
        figure(
            "unrealized_pnl", pnl, of=Position, terms="size entry_price price=mark_price contract",
            called="(mark - entry) * size * 100; inverse (1/entry - 1/mark) * size", source=_BITMEX,
        ),
        figure(
            "extra.posMargin", position_margin, of=Position,
            terms="initial=extra.posInit cross=extra.posCross loss=extra.posLoss commission=extra.posComm",
            called="posInit + posCross - posLoss + posComm", source=_BITMEX,
        ),
        figure(
            "extra.maintMargin", margin_of_position, of=Position,
            terms="position_margin=extra.posMargin unrealized_pnl", called="posMargin + unrealisedPnl",
            source=_BITMEX,
        ),
        figure(
            "extra.posInit", margin_at, of=Position,
            terms="size price=entry_price rate=extra.initMarginReq contract", called="|cost| * initMarginReq",
            source=_BITMEX,
        ),
        figure(
            "leverage", return_on, of=Position, terms="by=extra.initMarginReq", fixed={"amount": ONE},
            called="1 / initMarginReq", source=_BITMEX,
        ),
        figure(
            "extra.unrealisedPnlPcnt", margin_return, of=Position,
            terms="unrealized_pnl size price=entry_price contract", fixed={"rate": ONE}, called="pnl / |cost|",
            source=_BITMEX,
        ),
        figure(
            "extra.unrealisedRoePcnt", margin_return, of=Position,
            terms="unrealized_pnl size price=entry_price rate=extra.initMarginReq contract",
            called="pnl / (|cost| * initMarginReq)", source=_BITMEX,
        ),
        figure(
            "realized_pnl", balance_after, of=Position, terms="balance=extra.realisedGrossPnl fee=extra.currentComm",
            called="rebalanced gross - commission", source=_BITMEX,
        ),
    ),
)  # fmt: skip
