"""The facts of derivatives, as exchanges report them: collateral, positions, their lives, funding, leverage. It decides
what their fields are called, with unit and sign; the formulas between them stand in ``margin/``, and which of them an
exchange uses in ``policies/``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

import msgspec

from nostro.domain.fact import Balance, Fact


class PortfolioMargin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an exchange says of a requirement that it takes from a model of its own, where positions are shocked
    together. Reported only: nothing here can be computed from the rest. USD; ``scenario_pnls``: the whole portfolio's
    profit in each scenario of the grid; ``market_risk`` of them, ``netted_market_risk`` across assets;
    ``options_delta``: absolute delta notional of options; ``net_delta`` of all; ``premium`` of options;
    ``futures_maintenance_margin``: what the futures would need alone.
    Source: Kraken Futures documentation, get-accounts, portfolioMarginBreakdown; futures-websocket balances."""

    market_risk: Decimal | None = None
    netted_market_risk: Decimal | None = None
    scenario_pnls: tuple[Decimal, ...] = ()
    options_delta: Decimal | None = None
    net_delta: Decimal | None = None
    premium: Decimal | None = None
    futures_maintenance_margin: Decimal | None = None


class MarginSummary(Fact, frozen=True, kw_only=True):
    """What one scope of an account has and needs as collateral, as the exchange reports it. ``scope``: account, cross,
    isolated, or margin_account (of one pair: ``instrument`` BASE/QUOTE); ``wallet`` says which. All amounts in
    ``currency``: ``balance`` without unrealized profit, ``equity`` with it (*portfolio value*, *net asset value*),
    ``initial_margin`` with open orders, ``order_margin`` their part of it, ``available`` for new positions or to take
    out, as the exchange defines it.
    ``unrealized_funding`` accrued and not yet paid, positive when it will be received. ``leverage_*`` ratios.
    ``collateral_value``: of the balance after haircuts; ``unrealized_as_margin``: what of unrealized profit and funding
    counts with it; ``margin_balance``: what requirements are held against. ``leverage``: of all positions together.
    ``index_price`` of ``currency``, in USD. ``mode``: the exchange's word for how margin is computed; ``portfolio``:
    what it says of its own model."""

    kind: ClassVar[str] = "margin_summary"
    scope: str
    currency: str
    instrument: str | None = None
    balance: Decimal | None = None
    equity: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    realized_pnl: Decimal | None = None
    unrealized_funding: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    order_margin: Decimal | None = None
    used: Decimal | None = None
    available: Decimal | None = None
    leverage: Decimal | None = None
    leverage_long: Decimal | None = None
    leverage_short: Decimal | None = None
    collateral_value: Decimal | None = None
    unrealized_as_margin: Decimal | None = None
    cross_equity: Decimal | None = None
    cross_unrealized_pnl: Decimal | None = None
    margin_balance: Decimal | None = None
    derisk_margin: Decimal | None = None
    derisk_ratio: Decimal | None = None
    vault_margin_addition: Decimal | None = None
    index_price: Decimal | None = None
    mode: str | None = None
    portfolio: PortfolioMargin | None = None


class Position(Fact, frozen=True, kw_only=True):
    """A position as the exchange reports it. ``side`` both, long or short: whether there is one position of the
    instrument or one a direction; ``size`` signed (short negative) in contracts of the exchange, ``closable_size`` of
    it without what open orders close. Prices quote per base; ``notional`` signed, at the mark price, in quote assets;
    ``unrealized_pnl, realized_pnl, total_pnl, margin`` in ``currency``; ``roi`` in percent; ``fees`` positive when paid
    and ``funding`` positive when *received*, of the position so far. ``margin_mode`` cross or isolated."""

    kind: ClassVar[str] = "position"
    instrument: str
    side: str
    size: Decimal
    currency: str | None = None
    closable_size: Decimal | None = None
    entry_price: Decimal | None = None
    exit_price: Decimal | None = None
    mark_price: Decimal | None = None
    index_price: Decimal | None = None
    quote_index_price: Decimal | None = None
    notional: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    realized_pnl: Decimal | None = None
    total_pnl: Decimal | None = None
    unrealized_funding: Decimal | None = None
    roi: Decimal | None = None
    fees: Decimal | None = None
    funding: Decimal | None = None
    margin: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    isolated_balance: Decimal | None = None
    isolated_initial_margin: Decimal | None = None
    isolated_maintenance_margin: Decimal | None = None
    leverage: Decimal | None = None
    leverage_max: Decimal | None = None
    liquidation_price: Decimal | None = None
    margin_mode: str | None = None
    updated_ns: int | None = None


class FundingPayment(Fact, frozen=True, kw_only=True):
    """Funding of one position: ``amount`` in units of ``asset``, positive when *received* (a wire that prints paid
    amounts as positive is turned). ``rate`` a ratio of the position's value; ``size`` signed contracts."""

    kind: ClassVar[str] = "funding_payment"
    instrument: str
    asset: str
    amount: Decimal
    rate: Decimal | None = None
    size: Decimal | None = None
    mark_price: Decimal | None = None
    position_side: str | None = None


class Snapshot(Fact, frozen=True, kw_only=True):
    """A sub-account as it was at ``effective_ns``, complete: its collateral, balances and positions. The balances and
    positions inside carry no stamp of their own."""

    kind: ClassVar[str] = "snapshot"
    margin: MarginSummary
    balances: tuple[Balance, ...] = ()
    positions: tuple[Position, ...] = ()


class ClosedPosition(Fact, frozen=True, kw_only=True):
    """A lifecycle of a position from zero to zero, or what of one is closed so far (``status`` partially_closed);
    ``effective_ns`` is when it ended. ``status`` closed, liquidated, settled, partially_closed. Sizes positive, in
    contracts: ``closed_size`` with its ``closed_value``; ``size_max`` the largest; amounts as in `Position`."""

    kind: ClassVar[str] = "closed_position"
    instrument: str
    side: str
    status: str
    opened_ns: int | None = None
    closed_ns: int | None = None
    entry_price: Decimal | None = None
    exit_price: Decimal | None = None
    mark_price: Decimal | None = None
    realized_pnl: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    fees: Decimal | None = None
    funding: Decimal | None = None
    closed_size: Decimal | None = None
    closed_value: Decimal | None = None
    size_max: Decimal | None = None
    value_max: Decimal | None = None
    initial_margin_sum: Decimal | None = None
    initial_margin_max: Decimal | None = None
    leverage: Decimal | None = None
    margin_mode: str | None = None


class PositionEvent(Fact, frozen=True, kw_only=True):
    """One change of a position, as the exchange's log tells it: before and after, signed contracts and prices in quote
    per base. ``reason`` the exchange's word in lower case (trade, funding, liquidation, ...)."""

    kind: ClassVar[str] = "position_event"
    instrument: str
    reason: str
    size_before: Decimal | None = None
    size: Decimal | None = None
    entry_price_before: Decimal | None = None
    entry_price: Decimal | None = None
    price: Decimal | None = None
    amount: Decimal | None = None
    realized_pnl: Decimal | None = None
    fee: Decimal | None = None
    fee_asset: str | None = None
    funding: Decimal | None = None
    funding_rate: Decimal | None = None
    fill_id: str | None = None


class Leverage(Fact, frozen=True, kw_only=True):
    """What is set for an instrument: ``leverage`` (None: as high as the tiers allow), of the whole position or of one
    side (``long``, ``short``), and ``margin_mode``."""

    kind: ClassVar[str] = "leverage"
    instrument: str
    leverage: Decimal | None = None
    long: Decimal | None = None
    short: Decimal | None = None
    leverage_min: Decimal | None = None
    leverage_max: Decimal | None = None
    margin_mode: str | None = None
