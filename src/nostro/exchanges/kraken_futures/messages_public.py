"""The answers of Kraken Futures about markets, spelled as on the wire; see ``messages.py``.

Source: Kraken Futures documentation, get-instruments, instrument-status, get-tickers, get-orderbook, get-history,
charts, fee schedules, historical-funding-rates; sample answers of python-kraken-sdk 3.5.1 and ccxt 4.5.90.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, UnsetType

from nostro.domain.values import ABSENT
from nostro.exchanges.kraken_futures.messages import Done, Message, OptionalText


class MarginLevel(Message, frozen=True, kw_only=True, rename="camel"):
    """From which size on which rates hold: ``contracts`` (of a dollar) for inverse contracts,
    ``numNonContractUnits`` (quote units) for linear ones."""

    contracts: Raw = ABSENT
    num_non_contract_units: Raw = ABSENT
    initial_margin: Raw
    maintenance_margin: Raw


class Instrument(Message, frozen=True, kw_only=True, rename="camel"):
    """``contractValueTradePrecision``: decimals of a size, negative for whole tens; an index has few members."""

    symbol: str
    type: str
    tradeable: bool
    pair: OptionalText = UNSET
    base: OptionalText = UNSET
    quote: OptionalText = UNSET
    underlying: OptionalText = UNSET
    underlying_future: OptionalText = UNSET
    last_trading_time: OptionalText = UNSET
    tick_size: Raw = ABSENT
    contract_size: Raw = ABSENT
    impact_mid_size: Raw = ABSENT
    max_position_size: Raw = ABSENT
    opening_date: OptionalText = UNSET
    margin_levels: list[MarginLevel] | UnsetType = UNSET
    retail_margin_levels: list[MarginLevel] | UnsetType = UNSET
    margin_schedules: dict[str, Raw] | UnsetType = UNSET
    funding_rate_coefficient: Raw = ABSENT
    max_relative_funding_rate: Raw = ABSENT
    isin: OptionalText = UNSET
    contract_value_trade_precision: int | UnsetType | None = UNSET
    post_only: bool | UnsetType = UNSET
    fee_schedule_uid: OptionalText = UNSET
    category: OptionalText = UNSET
    tags: list[str] | UnsetType = UNSET
    tradfi: bool | UnsetType = UNSET
    mtf: bool | UnsetType = UNSET
    is_expired: bool | UnsetType = UNSET


class Instruments(Done, frozen=True, kw_only=True, rename="camel"):
    instruments: list[Instrument]


class InstrumentStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    tradeable: str
    experiencing_dislocation: bool
    price_dislocation_direction: str | None
    experiencing_extreme_volatility: bool
    extreme_volatility_initial_margin_multiplier: Raw


class OneStatus(InstrumentStatus, frozen=True, kw_only=True, rename="camel"):
    result: str
    server_time: str


class InstrumentStatuses(Done, frozen=True, kw_only=True, rename="camel"):
    instrument_status: list[InstrumentStatus]


class Ticker(Message, frozen=True, kw_only=True, rename="camel"):
    """``fundingRate`` is absolute: per contract, in the settle currency's unit of one hour; ``change24h`` percent."""

    symbol: str
    tag: OptionalText = UNSET
    pair: OptionalText = UNSET
    mark_price: Raw = ABSENT
    bid: Raw = ABSENT
    bid_size: Raw = ABSENT
    ask: Raw = ABSENT
    ask_size: Raw = ABSENT
    vol24h: Raw = msgspec.field(default=ABSENT, name="vol24h")
    volume_quote: Raw = ABSENT
    open_interest: Raw = ABSENT
    open24h: Raw = msgspec.field(default=ABSENT, name="open24h")
    high24h: Raw = msgspec.field(default=ABSENT, name="high24h")
    low24h: Raw = msgspec.field(default=ABSENT, name="low24h")
    last: Raw = ABSENT
    last_time: OptionalText = UNSET
    last_size: Raw = ABSENT
    suspended: bool | UnsetType = UNSET
    index_price: Raw = ABSENT
    post_only: bool | UnsetType = UNSET
    change24h: Raw = msgspec.field(default=ABSENT, name="change24h")
    funding_rate: Raw = ABSENT
    funding_rate_prediction: Raw = ABSENT
    greeks: dict[str, Raw] | UnsetType = UNSET
    extrinsic_value: Raw = ABSENT
    is_underlying_market_closed: bool | UnsetType = UNSET


class Tickers(Done, frozen=True, kw_only=True, rename="camel"):
    tickers: list[Ticker]


class OneTicker(Done, frozen=True, kw_only=True, rename="camel"):
    ticker: Ticker


class Book(Message, frozen=True, kw_only=True):
    """Levels of [price, size], best first."""

    bids: list[tuple[Raw, Raw]]
    asks: list[tuple[Raw, Raw]]


class OrderBook(Done, frozen=True, kw_only=True, rename="camel"):
    order_book: Book


class PublicTrade(Message, frozen=True, kw_only=True):
    """``side`` is the taker's; ``type``: fill, liquidation, assignment, termination or block."""

    time: str
    trade_id: int
    price: Raw
    size: Raw
    side: OptionalText = UNSET
    type: OptionalText = UNSET
    uid: OptionalText = UNSET
    isin: OptionalText = UNSET
    execution_venue: OptionalText = UNSET


class TradeHistory(Done, frozen=True, kw_only=True, rename="camel"):
    """Newest first."""

    history: list[PublicTrade]


class Candle(Message, frozen=True, kw_only=True):
    """``time``: its start, milliseconds."""

    time: Raw
    open: Raw
    high: Raw
    low: Raw
    close: Raw
    volume: Raw


class Candles(Message, frozen=True, kw_only=True):
    candles: list[Candle]
    more_candles: bool


class FeeTier(Message, frozen=True, kw_only=True, rename="camel"):
    """Fees in percent, from this volume of 30 days on."""

    maker_fee: Raw
    taker_fee: Raw
    usd_volume: Raw


class FeeSchedule(Message, frozen=True, kw_only=True):
    uid: str
    name: str
    tiers: list[FeeTier]


class FeeSchedules(Done, frozen=True, kw_only=True, rename="camel"):
    fee_schedules: list[FeeSchedule]


class FundingRate(Message, frozen=True, kw_only=True, rename="camel"):
    timestamp: str
    funding_rate: Raw
    relative_funding_rate: Raw


class FundingRates(Done, frozen=True, kw_only=True, rename="camel"):
    rates: list[FundingRate]
