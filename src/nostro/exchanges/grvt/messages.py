"""What GRVT answers, and the order that is both sent and answered: structures, members and their order as in the
specification (the lite names follow from that order, ``lite.py``). It decides their types; what they mean stands in
``read.py``, what the paper exchange says in ``serve.py``, what is asked in ``requests.py``.

Amounts are decimal texts, read by `exact`, which takes a bare number too: examples of the documents show some. Words of
enumerations are texts (``words.py``). What is `None` or `ABSENT` is not written. Members that the specification calls
required and that captures or the exchange's own client do not have are optional here; the paper exchange says them all.

Source: seed structures ``SubAccount``, ``SpotBalance``, ``Positions`` of the API documentation; the exchange's
``api-spec`` (``apispec.json``, May 2026) for all of them.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec
from msgspec import Raw

from nostro.domain.values import ABSENT

RowT = TypeVar("RowT")
Number = int | str  # a whole number, as such or as text
Word = str | int  # of an enumeration: its name or its ordinal (``words.py``)


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class Result(Message, Generic[RowT], frozen=True, kw_only=True):
    result: RowT


class Paged(Message, Generic[RowT], frozen=True, kw_only=True):
    """``next``: the cursor of the rest, "" where there is none."""

    result: list[RowT]
    next: str | None = None


class Ack(Message, frozen=True, kw_only=True):
    ack: bool


class Success(Message, frozen=True, kw_only=True):
    success: bool


class SignedIn(Message, frozen=True, kw_only=True):
    """Both kinds of login. The session is in the headers."""

    location: str | None = None
    status: str | None = None


class ErrorBody(Message, frozen=True, kw_only=True):
    """``request_id`` is printed by the documentation; captures do not have it, and the exchange's own client fails
    over it."""

    request_id: int | None = None
    code: int
    message: str
    status: int


class SpotBalance(Message, frozen=True, kw_only=True):
    """Prices and profits in USD."""

    currency: str
    balance: Raw
    index_price: Raw
    entry_price: Raw = ABSENT
    realized_pnl: Raw = ABSENT
    unrealized_pnl: Raw = ABSENT
    available_to_transfer: Raw = ABSENT


class Positions(Message, frozen=True, kw_only=True):
    """One position; the wire's name is in the plural. ``size`` and ``notional`` signed, profits and
    ``cumulative_fee`` in quote units, ``cumulative_realized_funding_payment`` positive when *paid*, ``roi`` in
    percent. The last three of isolated positions alone."""

    event_time: str
    sub_account_id: str
    instrument: str
    size: Raw
    notional: Raw
    entry_price: Raw
    exit_price: Raw
    mark_price: Raw
    unrealized_pnl: Raw
    realized_pnl: Raw
    total_pnl: Raw
    roi: Raw
    quote_index_price: Raw
    est_liquidation_price: Raw
    leverage: Raw
    cumulative_fee: Raw
    cumulative_realized_funding_payment: Raw
    margin_type: str | None = None
    isolated_balance: Raw = ABSENT
    isolated_im: Raw = ABSENT
    isolated_mm: Raw = ABSENT


class SubAccount(Message, frozen=True, kw_only=True):
    """A sub-account at ``event_time``; all figures in ``settle_currency``. ``is_vault`` and ``vault_im_additions``
    (initial margin kept for redemptions that are about to mature) are of vaults alone; ``total_cross_equity`` is
    without isolated positions."""

    event_time: str
    sub_account_id: str
    margin_type: str
    settle_currency: str
    unrealized_pnl: Raw
    total_equity: Raw
    initial_margin: Raw
    maintenance_margin: Raw
    available_balance: Raw
    spot_balances: list[SpotBalance]
    positions: list[Positions]
    settle_index_price: Raw
    is_vault: bool | None = None
    vault_im_additions: Raw = ABSENT
    derisk_margin: Raw = ABSENT
    derisk_to_maintenance_margin_ratio: Raw = ABSENT
    total_cross_equity: Raw = ABSENT
    cross_unrealized_pnl: Raw = ABSENT
    sub_account_mode: str | None = None
    margin_balance: Raw = ABSENT


class SpotSubAccount(Message, frozen=True, kw_only=True):
    event_time: str
    sub_account_id: str
    total_equity: Raw
    spot_balances: list[SpotBalance]


class ApiPositionHistory(Message, frozen=True, kw_only=True):
    """A position from zero to zero. ``close_time`` and ``position_close_mark_price`` are absent while it is
    PARTIALLY_CLOSED, ``unrealized_pnl`` is there only then. Volumes are sums over reducing trades."""

    sub_account_id: str
    instrument: str
    open_time: str
    status: str
    is_long: bool
    margin_type: str
    close_time: str | None = None
    entry_price: Raw
    exit_price: Raw
    position_close_mark_price: Raw = ABSENT
    realized_pnl: Raw
    cumulative_fee: Raw
    cumulative_realized_funding_payment: Raw
    closed_volume_base: Raw
    closed_volume_quote: Raw
    max_open_interest_base: Raw
    max_open_interest_quote: Raw
    cumulative_initial_margin: Raw
    max_initial_margin: Raw
    leverage: Raw
    unrealized_pnl: Raw = ABSENT


class Fill(Message, frozen=True, kw_only=True):
    """``fee`` in quote units, negative a rebate. ``trade_id``: ``N-M``, where N is one taker's execution.
    ``interest_rate`` in hundredths of a basis point. The document's example shows it as a bare number."""

    event_time: str
    sub_account_id: str
    instrument: str
    is_buyer: bool
    is_taker: bool
    size: Raw
    price: Raw
    mark_price: Raw = ABSENT
    index_price: Raw
    interest_rate: Raw
    forward_price: Raw = ABSENT
    realized_pnl: Raw
    fee: Raw
    fee_rate: Raw
    trade_id: str
    order_id: str
    venue: str
    is_liquidation: bool | None = None
    client_order_id: str
    signer: str
    broker: str | None = None
    is_rpi: bool | None = None
    builder: str | None = None
    builder_fee_rate: Raw = ABSENT
    builder_fee: Raw = ABSENT
    fee_currency: str | None = None


class FundingPayment(Message, frozen=True, kw_only=True):
    """``amount`` positive when *paid*."""

    event_time: str
    sub_account_id: str
    instrument: str
    currency: str
    amount: Raw
    tx_id: str


class Signature(Message, frozen=True, kw_only=True):
    """``v`` 27 or 28; ``expiration`` ns; ``chain_id`` 0 or absent: the exchange's own. Numbers by the
    specification, but captures of REST show them as text."""

    signer: str
    r: str
    s: str
    v: Number
    expiration: Number
    nonce: Number
    chain_id: Number | None = None


class DepositHistory(Message, frozen=True, kw_only=True):
    """``confirmed_time`` empty while pending."""

    l_1_hash: str
    l_2_hash: str
    to_account_id: str
    currency: str
    num_tokens: Raw
    initiated_time: str
    confirmed_time: str
    from_address: str


class TransferHistory(Message, frozen=True, kw_only=True):
    """A sub-account of ``0`` is the funding account. ``transfer_metadata``: JSON as text, or empty."""

    tx_id: str
    from_account_id: str
    from_sub_account_id: str
    to_account_id: str
    to_sub_account_id: str
    currency: str
    num_tokens: Raw
    signature: Signature
    event_time: str
    transfer_type: str
    transfer_metadata: str
    from_wallet_type: str | None = None
    to_wallet_type: str | None = None


class WithdrawalHistory(Message, frozen=True, kw_only=True):
    """``l_1_hash`` empty while pending."""

    tx_id: str
    from_account_id: str
    to_eth_address: str
    currency: str
    num_tokens: Raw
    signature: Signature
    event_time: str
    l_1_hash: str | None = None
    l_2_hash: str


class VaultInvestment(Message, frozen=True, kw_only=True):
    vault_id: Number
    num_lp_tokens: Raw
    share_price: Raw
    usd_notional_invested: Raw


class AggregatedAccountSummary(Message, frozen=True, kw_only=True):
    """Main account and sub-accounts together, in USD. ``total_sub_account_balance``: an old name of the equity."""

    main_account_id: str
    total_equity: Raw
    spot_balances: list[SpotBalance]
    vault_investments: list[VaultInvestment]
    total_sub_account_balance: Raw
    total_sub_account_equity: Raw
    total_vault_investments_balance: Raw
    total_sub_account_available_balance: Raw
    total_usd_notional_invested: Raw


class FundingAccountSummary(Message, frozen=True, kw_only=True):
    """The main account alone, in USD: ``total_cash_balance`` stablecoins, ``total_spot_asset_balance`` the rest."""

    main_account_id: str
    total_equity: Raw
    spot_balances: list[SpotBalance]
    vault_investments: list[VaultInvestment] | None = None
    total_cash_balance: Raw = ABSENT
    total_spot_asset_balance: Raw = ABSENT


class ClientTier(Message, frozen=True, kw_only=True):
    """Fees in the exchange's own unit."""

    tier: int
    futures_taker_fee: int
    futures_maker_fee: int
    options_taker_fee: int
    options_maker_fee: int
    spot_taker_fee: int | None = None
    spot_maker_fee: int | None = None


class InitialLeverage(Message, frozen=True, kw_only=True):
    instrument: str
    leverage: Raw
    min_leverage: Raw = ABSENT
    max_leverage: Raw = ABSENT
    margin_type: str | None = None


class InitialLeverages(Message, frozen=True, kw_only=True):
    results: list[InitialLeverage]


class FundingSummary(Message, frozen=True, kw_only=True):
    result: FundingAccountSummary
    tier: ClientTier | None = None


class SubAccounts(Message, frozen=True, kw_only=True):
    """At the top, not under ``result``."""

    sub_account_ids: list[str]


class Builder(Message, frozen=True, kw_only=True):
    """Who may take a fee for orders that it sends on."""

    builder_account_id: str
    max_futures_fee_rate: Raw
    max_spot_fee_rate: Raw


class Builders(Message, frozen=True, kw_only=True):
    results: list[Builder]
