"""Orders, markets and what streams carry, as `messages` has the account: structures, members and their order as in the
specification.

Source: the exchange's ``api-spec`` (``apispec.json``, May 2026). The lite names of `InstrumentDisplay` have the one
exception to the rule (``lite.py``).
"""

from __future__ import annotations

from msgspec import Raw

from nostro.domain.values import ABSENT
from nostro.exchanges.grvt.messages import Ack, Message, Number, Signature, Word


class OrderLeg(Message, frozen=True, kw_only=True):
    """``size`` base units; ``limit_price`` in quote units, null, 0 or absent for market orders."""

    instrument: str
    size: Raw
    limit_price: Raw = ABSENT
    is_buying_asset: bool


class TPSLOrderMetadata(Message, frozen=True, kw_only=True):
    trigger_by: Word
    trigger_price: Raw
    close_position: bool
    is_split_position: bool | None = None


class TriggerOrderMetadata(Message, frozen=True, kw_only=True):
    trigger_type: Word
    tpsl: TPSLOrderMetadata | None = None


class OrderMetadata(Message, frozen=True, kw_only=True):
    """Not signed. ``create_time`` is the exchange's."""

    client_order_id: Number | None = None
    create_time: str | None = None
    trigger: TriggerOrderMetadata | None = None
    broker: Word | None = None


class OrderState(Message, frozen=True, kw_only=True):
    """One member a leg: ``book_size`` still open, ``traded_size`` filled."""

    status: Word
    reject_reason: Word
    book_size: list[Raw]
    traded_size: list[Raw]
    update_time: str
    avg_fill_price: list[Raw]


class Order(Message, frozen=True, kw_only=True):
    """As it is sent and as it is answered. The exchange alone sets ``order_id`` and ``state``. ``builder`` and
    ``builder_fee`` are called required, and clients leave them out."""

    order_id: str | None = None
    sub_account_id: Number
    is_market: bool | None = None
    time_in_force: Word
    post_only: bool | None = None
    reduce_only: bool | None = None
    legs: list[OrderLeg]
    signature: Signature
    metadata: OrderMetadata
    state: OrderState | None = None
    builder: str | None = None
    builder_fee: Raw = ABSENT


class BulkOrders(Message, frozen=True, kw_only=True):
    orders: list[Order]
    cancel_acks: list[Ack]


class InstrumentDisplay(Message, frozen=True, kw_only=True):
    """``instrument_hash``: what orders sign; ``base_decimals``: by which power of ten they scale a size."""

    instrument: str
    instrument_hash: str
    base: str
    quote: str
    kind: str
    venues: list[str]
    settlement_period: str | None = None
    base_decimals: Number
    quote_decimals: Number
    tick_size: Raw
    min_size: Raw
    create_time: str
    max_position_size: Raw = ABSENT
    funding_interval_hours: Number | None = None
    adjusted_funding_rate_cap: Raw = ABSENT
    adjusted_funding_rate_floor: Raw = ABSENT
    min_notional: Raw = ABSENT


class CurrencyDetail(Message, frozen=True, kw_only=True):
    id: Number
    symbol: str
    balance_decimals: Number
    quantity_multiplier: str


class Ticker(Message, frozen=True, kw_only=True):
    """Everything may be absent: that is how the streams of changes say *unchanged*. Rates of interest in hundredths
    of a basis point, ``open_interest`` in base units."""

    event_time: str | None = None
    instrument: str | None = None
    mark_price: Raw = ABSENT
    index_price: Raw = ABSENT
    last_price: Raw = ABSENT
    last_size: Raw = ABSENT
    mid_price: Raw = ABSENT
    best_bid_price: Raw = ABSENT
    best_bid_size: Raw = ABSENT
    best_ask_price: Raw = ABSENT
    best_ask_size: Raw = ABSENT
    funding_rate_8h_curr: Raw = ABSENT
    funding_rate_8h_avg: Raw = ABSENT
    interest_rate: Raw = ABSENT
    forward_price: Raw = ABSENT
    buy_volume_24h_b: Raw = ABSENT
    sell_volume_24h_b: Raw = ABSENT
    buy_volume_24h_q: Raw = ABSENT
    sell_volume_24h_q: Raw = ABSENT
    high_price: Raw = ABSENT
    low_price: Raw = ABSENT
    open_price: Raw = ABSENT
    open_interest: Raw = ABSENT
    long_short_ratio: Raw = ABSENT
    funding_rate: Raw = ABSENT
    next_funding_time: str | None = None


class OrderbookLevel(Message, frozen=True, kw_only=True):
    price: Raw
    size: Raw
    num_orders: Number


class OrderbookLevels(Message, frozen=True, kw_only=True):
    """Best first."""

    event_time: str
    instrument: str
    bids: list[OrderbookLevel]
    asks: list[OrderbookLevel]


class Trade(Message, frozen=True, kw_only=True):
    event_time: str
    instrument: str
    is_taker_buyer: bool
    size: Raw
    price: Raw
    mark_price: Raw = ABSENT
    index_price: Raw
    interest_rate: Raw
    forward_price: Raw = ABSENT
    trade_id: str
    venue: str
    is_rpi: bool


class MiniTicker(Message, frozen=True, kw_only=True):
    """The first members of `Ticker`."""

    event_time: str | None = None
    instrument: str | None = None
    mark_price: Raw = ABSENT
    index_price: Raw = ABSENT
    last_price: Raw = ABSENT
    last_size: Raw = ABSENT
    mid_price: Raw = ABSENT
    best_bid_price: Raw = ABSENT
    best_bid_size: Raw = ABSENT
    best_ask_price: Raw = ABSENT
    best_ask_size: Raw = ABSENT


class Candlestick(Message, frozen=True, kw_only=True):
    open_time: str
    close_time: str
    open: Raw
    close: Raw
    high: Raw
    low: Raw
    volume_b: Raw
    volume_q: Raw
    trades: int
    instrument: str


class FundingRate(Message, frozen=True, kw_only=True):
    instrument: str
    funding_rate: Raw
    funding_time: str
    mark_price: Raw
    funding_rate_8_h_avg: Raw
    funding_interval_hours: int


class RiskBracket(Message, frozen=True, kw_only=True):
    tier: int
    notional_floor: Raw
    notional_cap: Raw = ABSENT
    maintenance_margin_rate: Raw
    initial_margin_rate: Raw
    max_leverage: int
    cumulative_maintenance_amount: Raw


class MarginRules(Message, frozen=True, kw_only=True):
    instrument: str
    max_position_size: Raw
    risk_brackets: list[RiskBracket]


# ── objects of streams ───────────────────────────────────────────────────────────────────────────────────────────


class OrderStateFeed(Message, frozen=True, kw_only=True):
    order_id: str
    client_order_id: str
    order_state: OrderState


class CancelStatusFeed(Message, frozen=True, kw_only=True):
    sub_account_id: str
    client_order_id: str
    order_id: str
    reason: str
    update_time: str | None = None
    cancel_status: str


class Deposit(Message, frozen=True, kw_only=True):
    tx_hash: str
    to_account_id: str
    currency: str
    num_tokens: Raw


class Withdrawal(Message, frozen=True, kw_only=True):
    from_account_id: str
    to_eth_address: str
    currency: str
    num_tokens: Raw
    signature: Signature
