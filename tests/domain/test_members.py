"""Shows that every member of the exchanges' tables of balances, margin and positions has a place: a field of a fact,
the stamp of one, or ``extra`` under its own name. The tables are the documents', member by member; what a wire really
reads is shown in its own tests."""

from __future__ import annotations

import pytest

from nostro.domain.records import KINDS

EXTRA = "extra"
ENVELOPE = "envelope"  # of the answer or frame, not of what it says: codes, feeds, sequence numbers, cursors

# Source: BingX swap API v1, user/getBalance and user/getPositions.
BINGX_BALANCE = {
    "code": ENVELOPE, "msg": ENVELOPE, "userId": EXTRA, "currency": "margin_summary.currency",
    "balance": "margin_summary.balance", "equity": "margin_summary.equity",
    "unrealisedPNL": "margin_summary.unrealized_pnl", "realisedPNL": "margin_summary.realized_pnl",
    "availableMargin": "margin_summary.available", "usedMargin": "margin_summary.used",
    "freezedMargin": "margin_summary.order_margin", "longLeverage": "margin_summary.leverage_long",
    "shortLeverage": "margin_summary.leverage_short",
}  # fmt: skip
BINGX_POSITION = {
    "symbol": "position.instrument", "currency": "position.currency", "positionId": "position.native_id",
    "positionSide": "position.side", "marginMode": "position.margin_mode", "volume": "position.size",
    "availableVolume": "position.closable_size", "unrealisedPNL": "position.unrealized_pnl",
    "realisedPNL": "position.realized_pnl", "margin": "position.margin", "avgPrice": "position.entry_price",
    "liquidatedPrice": "position.liquidation_price", "leverage": "position.leverage",
}  # fmt: skip
# Source: Kraken Futures, account_balances_and_margins; balances; open_positions; position history.
KRAKEN_MARGIN_ACCOUNT = {
    "feed": ENVELOPE, "account": EXTRA, "seq": ENVELOPE, "name": "margin_summary.wallet",
    "balance": "margin_summary.balance", "pnl": "margin_summary.unrealized_pnl",
    "funding": "margin_summary.unrealized_funding", "pv": "margin_summary.equity", "am": "margin_summary.available",
    "im": "margin_summary.initial_margin", "mm": "margin_summary.maintenance_margin",
}  # fmt: skip
KRAKEN_FLEX = {
    "quantity": "balance.total", "value": "balance.value", "collateral_value": "balance.collateral_value",
    "available": "balance.free", "haircut": EXTRA, "conversion_spread": EXTRA,
    "balance_value": "margin_summary.balance", "portfolio_value": "margin_summary.equity",
    "collateral_value of all": "margin_summary.collateral_value", "initial_margin": "margin_summary.initial_margin",
    "initial_margin_without_orders": EXTRA, "maintenance_margin": "margin_summary.maintenance_margin",
    "pnl": "margin_summary.unrealized_pnl", "unrealized_funding": "margin_summary.unrealized_funding",
    "total_unrealized": EXTRA, "total_unrealized_as_margin": "margin_summary.unrealized_as_margin",
    "margin_equity": "margin_summary.margin_balance", "available_margin": "margin_summary.available",
    "effective_leverage": "margin_summary.leverage", "portfolio_margin_breakdown": "margin_summary.portfolio",
    "isolated": "margin_summary.scope", "cross": "margin_summary.scope",
}  # fmt: skip
KRAKEN_POSITION = {
    "instrument": "position.instrument", "balance": "position.size", "pnl": "position.unrealized_pnl",
    "entry_price": "position.entry_price", "mark_price": "position.mark_price", "index_price": "position.index_price",
    "liquidation_threshold": "position.liquidation_price", "effective_leverage": EXTRA,
    "return_on_equity": EXTRA, "unrealized_funding": "position.unrealized_funding",
    "initial_margin": "position.initial_margin", "initial_margin_with_orders": EXTRA,
    "maintenance_margin": "position.maintenance_margin", "pnl_currency": "position.currency",
    "maxFixedLeverage": "position.leverage", "greeks": EXTRA,
}  # fmt: skip
KRAKEN_POSITION_EVENT = {
    "accountUid": EXTRA, "tradeable": "position_event.instrument", "oldPosition": "position_event.size_before",
    "oldAverageEntryPrice": "position_event.entry_price_before", "newPosition": "position_event.size",
    "newAverageEntryPrice": "position_event.entry_price", "fillTime": EXTRA, "fee": "position_event.fee",
    "feeCurrency": "position_event.fee_asset", "realizedPnL": "position_event.realized_pnl", "positionChange": EXTRA,
    "executionUid": "position_event.fill_id", "executionPrice": "position_event.price",
    "executionSize": "position_event.amount", "tradeType": EXTRA, "fundingRealizationTime": EXTRA,
    "realizedFunding": "position_event.funding", "timestamp": "position_event.effective_ns",
    "updateReason": "position_event.reason",
}  # fmt: skip
# Source: GRVT, SubAccount, SpotBalance, Positions, ApiPositionHistory, FundingPayment.
GRVT_SUB_ACCOUNT = {
    "event_time": "snapshot.effective_ns", "sub_account_id": "snapshot.sub_account",
    "margin_type": "margin_summary.mode", "settle_currency": "margin_summary.currency",
    "unrealized_pnl": "margin_summary.unrealized_pnl", "total_equity": "margin_summary.equity",
    "initial_margin": "margin_summary.initial_margin", "maintenance_margin": "margin_summary.maintenance_margin",
    "available_balance": "margin_summary.available", "spot_balances": "snapshot.balances",
    "positions": "snapshot.positions", "settle_index_price": "margin_summary.index_price", "is_vault": EXTRA,
    "vault_im_additions": "margin_summary.vault_margin_addition", "derisk_margin": "margin_summary.derisk_margin",
    "derisk_to_maintenance_margin_ratio": "margin_summary.derisk_ratio",
    "total_cross_equity": "margin_summary.cross_equity", "cross_unrealized_pnl": "margin_summary.cross_unrealized_pnl",
    "sub_account_mode": EXTRA, "margin_balance": "margin_summary.margin_balance",
}  # fmt: skip
GRVT_SPOT_BALANCE = {
    "currency": "balance.asset", "balance": "balance.total", "index_price": "balance.index_price",
    "entry_price": "balance.entry_price", "realized_pnl": "balance.realized_pnl",
    "unrealized_pnl": "balance.unrealized_pnl", "available_to_transfer": "balance.transferable",
}  # fmt: skip
GRVT_POSITION = {
    "event_time": "position.effective_ns", "sub_account_id": "position.sub_account",
    "instrument": "position.instrument", "size": "position.size", "notional": "position.notional",
    "entry_price": "position.entry_price",
    "exit_price": "position.exit_price", "mark_price": "position.mark_price",
    "unrealized_pnl": "position.unrealized_pnl", "realized_pnl": "position.realized_pnl",
    "total_pnl": "position.total_pnl", "roi": "position.roi", "quote_index_price": "position.quote_index_price",
    "est_liquidation_price": "position.liquidation_price", "leverage": "position.leverage",
    "cumulative_fee": "position.fees", "cumulative_realized_funding_payment": "position.funding",
    "margin_type": "position.margin_mode", "isolated_balance": "position.isolated_balance",
    "isolated_im": "position.isolated_initial_margin", "isolated_mm": "position.isolated_maintenance_margin",
}  # fmt: skip
GRVT_CLOSED_POSITION = {
    "sub_account_id": "closed_position.sub_account", "instrument": "closed_position.instrument",
    "open_time": "closed_position.opened_ns", "status": "closed_position.status", "is_long": "closed_position.side",
    "margin_type": "closed_position.margin_mode", "close_time": "closed_position.closed_ns",
    "entry_price": "closed_position.entry_price", "exit_price": "closed_position.exit_price",
    "position_close_mark_price": "closed_position.mark_price", "realized_pnl": "closed_position.realized_pnl",
    "cumulative_fee": "closed_position.fees", "cumulative_realized_funding_payment": "closed_position.funding",
    "closed_volume_base": "closed_position.closed_size", "closed_volume_quote": "closed_position.closed_value",
    "max_open_interest_base": "closed_position.size_max", "max_open_interest_quote": "closed_position.value_max",
    "cumulative_initial_margin": "closed_position.initial_margin_sum",
    "max_initial_margin": "closed_position.initial_margin_max", "leverage": "closed_position.leverage",
    "unrealized_pnl": "closed_position.unrealized_pnl",
}  # fmt: skip
GRVT_FUNDING_PAYMENT = {
    "event_time": "funding_payment.effective_ns", "sub_account_id": "funding_payment.sub_account",
    "instrument": "funding_payment.instrument", "currency": "funding_payment.asset", "amount": "funding_payment.amount",
    "tx_id": "funding_payment.native_id",
}  # fmt: skip

TABLES = {name: table for name, table in globals().items() if name.startswith(("BINGX_", "KRAKEN_", "GRVT_"))}


@pytest.mark.parametrize("name", TABLES)
def test_every_member_of_a_table_has_a_place(name: str) -> None:
    assert TABLES[name]
    for member, place in TABLES[name].items():
        if place in (EXTRA, ENVELOPE):
            continue
        kind, _, field = place.partition(".")
        assert field in KINDS[kind].__struct_fields__, f"{member} is {place}, which is not there"


def test_no_field_says_two_things_of_one_table() -> None:
    for name, table in TABLES.items():
        places = [place for place in table.values() if place not in (EXTRA, ENVELOPE, "margin_summary.scope")]
        assert len(places) == len(set(places)), name
