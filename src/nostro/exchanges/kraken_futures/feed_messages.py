"""The frames of Kraken Futures' WebSocket v1, spelled as on the wire: objects that name their ``feed``, or an
``event`` that answers a request. It decides members only; what they mean stands in ``feed_read.py``.

Numbers are JSON numbers, times milliseconds. Captures of fills carry ``username`` where documents have ``account``.
Source: Kraken Futures documentation, WebSocket API v1 (challenge, balances, open positions, open orders, fills, account
log, ticker, trade, book), its older page of account balances and margins; captures in ccxt 4.5.90's comments.
"""

from __future__ import annotations

from msgspec import UNSET, Raw, UnsetType

from nostro.domain.values import ABSENT
from nostro.exchanges.kraken_futures.messages import Message, OptionalText
from nostro.exchanges.kraken_futures.messages_history import LogEntry


class Request(Message, frozen=True, kw_only=True):
    """What a client sends: challenge, subscribe or unsubscribe."""

    event: str
    feed: str = ""
    product_ids: list[str] | UnsetType | None = UNSET
    api_key: str = ""
    original_challenge: str = ""
    signed_challenge: str = ""


class Event(Message, frozen=True, kw_only=True):
    """info, challenge, error and alert have ``message`` or ``version``; subscribed, unsubscribed and their failures
    ``feed``, and what was sent."""

    event: str
    version: int | UnsetType = UNSET
    message: OptionalText = UNSET
    feed: OptionalText = UNSET
    product_ids: list[str] | UnsetType | None = UNSET
    api_key: OptionalText = UNSET
    original_challenge: OptionalText = UNSET
    signed_challenge: OptionalText = UNSET


class Head(Message, frozen=True, kw_only=True):
    """What every frame has one of."""

    event: str = ""
    feed: str = ""


# ── collateral ───────────────────────────────────────────────────────────────────────────────────────────────────


class MarginAccount(Message, frozen=True, kw_only=True):
    """``name``: a currency in small letters for the cash wallet, else ``f-xbt:usd``. ``pv`` = balance + pnl, ``am`` =
    pv - im, ``im`` with orders, ``funding`` accrued; all in the account's currency. Source: the sample of the page."""

    name: str
    balance: Raw
    pnl: Raw
    funding: Raw
    pv: Raw
    am: Raw
    im: Raw
    mm: Raw


class AccountBalances(Message, frozen=True, kw_only=True):
    """All accounts, in every frame; ``seq`` of the subscription, from 0."""

    feed: str
    account: str
    margin_accounts: list[MarginAccount]
    seq: int


class FuturesAccount(Message, frozen=True, kw_only=True):
    """A margin account of one pair; all but ``cash_value`` (USD) in ``unit``."""

    name: str
    pair: str
    unit: str
    portfolio_value: Raw
    balance: Raw
    maintenance_margin: Raw
    initial_margin: Raw
    available: Raw
    unrealized_funding: Raw
    pnl: Raw
    cash_value: Raw = ABSENT


class FlexCurrency(Message, frozen=True, kw_only=True):
    """``quantity`` and ``available`` in the currency, ``value`` and ``collateral_value`` (after the haircut) in USD."""

    quantity: Raw
    value: Raw
    collateral_value: Raw
    available: Raw
    haircut: Raw = ABSENT
    conversion_spread: Raw = ABSENT


class FlexPart(Message, frozen=True, kw_only=True):
    """The figures of a part of the wallet, in USD: ``initial_margin`` with orders; of one isolated contract the first
    seven."""

    initial_margin: Raw
    initial_margin_without_orders: Raw = ABSENT
    maintenance_margin: Raw
    pnl: Raw
    unrealized_funding: Raw = ABSENT
    total_unrealized: Raw = ABSENT
    total_unrealized_as_margin: Raw = ABSENT
    balance_value: Raw = ABSENT
    portfolio_value: Raw = ABSENT
    collateral_value: Raw = ABSENT
    margin_equity: Raw = ABSENT
    available_margin: Raw = ABSENT
    effective_leverage: Raw = ABSENT


class FlexBreakdown(Message, frozen=True, kw_only=True):
    market_risk: Raw = ABSENT
    abs_options_delta: Raw = ABSENT
    net_position_delta: Raw = ABSENT
    futures_maintenance_margin: Raw = ABSENT


class FlexFutures(FlexPart, frozen=True, kw_only=True):
    """The multi-collateral wallet: its figures, its currencies, and its parts."""

    currencies: dict[str, FlexCurrency]
    isolated: dict[str, FlexPart] | UnsetType = UNSET
    cross: FlexPart | UnsetType = UNSET
    portfolio_margin_breakdown: FlexBreakdown | UnsetType | None = UNSET


class Balances(Message, frozen=True, kw_only=True):
    """The snapshot has every section, what comes later the ones that changed."""

    feed: str
    account: str
    holding: dict[str, Raw] | UnsetType = UNSET
    futures: dict[str, FuturesAccount] | UnsetType = UNSET
    flex_futures: FlexFutures | UnsetType = UNSET
    timestamp: Raw = ABSENT
    seq: int


# ── positions, orders, fills, the log ────────────────────────────────────────────────────────────────────────────


class Position(Message, frozen=True, kw_only=True):
    """``balance`` is the signed size; ``return_on_equity`` the profit on the initial margin, a ratio by every capture
    although the page says percent; margins and ``pnl`` in ``pnl_currency``, of an inverse contract (which has none) in
    its base."""

    instrument: str
    balance: Raw
    pnl: Raw
    entry_price: Raw
    mark_price: Raw
    index_price: Raw
    liquidation_threshold: Raw = ABSENT
    effective_leverage: Raw = ABSENT
    return_on_equity: Raw = ABSENT
    unrealized_funding: Raw = ABSENT
    initial_margin: Raw = ABSENT
    initial_margin_with_orders: Raw = ABSENT
    maintenance_margin: Raw = ABSENT
    pnl_currency: OptionalText = UNSET


class Positions(Message, frozen=True, kw_only=True):
    """Every open one, in every frame."""

    feed: str
    account: str
    positions: list[Position]
    seq: int
    timestamp: Raw = ABSENT


class TrailingOptions(Message, frozen=True, kw_only=True):
    max_deviation: Raw
    unit: str


class Order(Message, frozen=True, kw_only=True):
    """``qty`` is what is still open, ``direction`` 0 to buy and 1 to sell; a price of 0 is none."""

    instrument: str
    time: Raw
    last_update_time: Raw
    qty: Raw
    filled: Raw
    limit_price: Raw = ABSENT
    stop_price: Raw = ABSENT
    type: str
    order_id: str
    cli_ord_id: OptionalText = UNSET
    direction: int
    reduce_only: bool
    triggerSignal: OptionalText = UNSET  # noqa: N815 - as on the wire
    trailing_stop_options: TrailingOptions | UnsetType | None = UNSET


class Orders(Message, frozen=True, kw_only=True):
    """A snapshot."""

    feed: str
    account: OptionalText = UNSET
    orders: list[Order]


class OrderChange(Message, frozen=True, kw_only=True):
    """One order: placed, changed, or gone (``is_cancel``, also where it is filled); of a canceled one only the ids."""

    feed: str
    order: Order | UnsetType = UNSET
    order_id: OptionalText = UNSET
    cli_ord_id: OptionalText = UNSET
    is_cancel: bool
    reason: OptionalText = UNSET


class Fill(Message, frozen=True, kw_only=True):
    """``fee_paid`` is negative where a maker is paid."""

    instrument: str
    time: Raw
    price: Raw
    seq: Raw = ABSENT
    buy: bool
    qty: Raw
    remaining_order_qty: Raw = ABSENT
    order_id: str
    cli_ord_id: OptionalText = UNSET
    fill_id: str
    fill_type: str
    fee_paid: Raw = ABSENT
    fee_currency: OptionalText = UNSET
    taker_order_type: OptionalText = UNSET
    order_type: OptionalText = UNSET


class Fills(Message, frozen=True, kw_only=True):
    feed: str
    account: OptionalText = UNSET
    username: OptionalText = UNSET
    fills: list[Fill]


class Log(Message, frozen=True, kw_only=True):
    """A snapshot, newest first."""

    feed: str
    logs: list[LogEntry]


class LogLine(Message, frozen=True, kw_only=True):
    feed: str
    new_entry: LogEntry


class Notifications(Message, frozen=True, kw_only=True):
    feed: str
    notifications: list[Raw]


# ── markets ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Ticker(Message, frozen=True, kw_only=True):
    """``volume`` of 24 hours in base units or contracts, ``change`` in percent."""

    time: Raw = ABSENT
    feed: str
    product_id: str
    bid: Raw = ABSENT
    ask: Raw = ABSENT
    bid_size: Raw = ABSENT
    ask_size: Raw = ABSENT
    volume: Raw
    volumeQuote: Raw = ABSENT  # noqa: N815 - as on the wire
    dtm: int | UnsetType = UNSET
    index: Raw = ABSENT
    last: Raw = ABSENT
    change: Raw = ABSENT
    suspended: bool | UnsetType = UNSET
    tag: str | UnsetType = UNSET
    pair: str | UnsetType = UNSET
    openInterest: Raw = ABSENT  # noqa: N815
    markPrice: Raw = ABSENT  # noqa: N815
    maturityTime: Raw = ABSENT  # noqa: N815
    post_only: bool | UnsetType = UNSET
    funding_rate: Raw = ABSENT
    relative_funding_rate: Raw = ABSENT
    next_funding_rate_time: Raw = ABSENT


class Trade(Message, frozen=True, kw_only=True):
    """``side`` is the taker's."""

    feed: str
    product_id: str
    uid: str
    side: str
    type: str
    seq: Raw = ABSENT
    time: Raw
    qty: Raw
    price: Raw


class Trades(Message, frozen=True, kw_only=True):
    """A snapshot, newest first."""

    feed: str
    product_id: str
    trades: list[Trade]


class Level(Message, frozen=True, kw_only=True):
    price: Raw
    qty: Raw


class Book(Message, frozen=True, kw_only=True):
    """A snapshot, best first."""

    feed: str
    product_id: str
    timestamp: Raw
    seq: int
    bids: list[Level]
    asks: list[Level]


class BookLevel(Message, frozen=True, kw_only=True):
    """What rests at one price now: 0 where nothing does."""

    feed: str
    product_id: str
    side: str
    seq: int
    price: Raw
    qty: Raw
    timestamp: Raw


class Heartbeat(Message, frozen=True, kw_only=True):
    feed: str
    time: Raw
