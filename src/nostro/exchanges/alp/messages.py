"""The answers of ALP.COM's API, spelled as on the wire. It decides which members a row has and which
of them may be missing; what they mean stands in ``read.py``, the requests in ``requests.py``.

Numbers are kept as their own bytes (`Raw`) until `values.exact` reads them; `values.ABSENT` is a number left out. Texts
that may be missing are UNSET (left out) or None (null): the exchange's client takes the first alone, its
document shows the second, and we read both. Of two equal members in one object the last counts, as it does for the
exchange's client; the stored page keeps both.

Source: API reference of 2023, sections Public API and Private API; the members marked 2026 are of the reference of
March 2026.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, UnsetType

from nostro.domain.values import ABSENT

OptionalText = str | None | UnsetType
OptionalIds = list[int] | None | UnsetType


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


# ── public ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Currency(Message, frozen=True, kw_only=True):
    sign: str
    short_name: str


class Pair(Message, frozen=True, kw_only=True):
    """``minimum_order_size`` and ``maximum_order_size`` base units, ``minimum_order_value`` quote units."""

    name: str
    currency1: str
    currency2: str
    amount_precision: int
    price_precision: int
    maximum_order_size: Raw
    minimum_order_size: Raw
    minimum_order_value: Raw


class Ticker(Message, frozen=True, kw_only=True):
    """``timestamp`` Unix seconds. The last four members are of 2026."""

    pair: str
    last: Raw
    vol: Raw
    buy: Raw
    sell: Raw
    high: Raw
    low: Raw
    diff: Raw
    timestamp: Raw
    open: Raw = ABSENT
    diff_percent: Raw = ABSENT
    price_precision: int | None = None
    amount_precision: int | None = None


class Level(Message, frozen=True, kw_only=True):
    amount: Raw
    price: Raw


class OrderBook(Message, frozen=True, kw_only=True):
    """Both sides best first."""

    buy: list[Level]
    sell: list[Level]


class Candle(Message, frozen=True, kw_only=True):
    """``time``: its start, Unix seconds."""

    open: Raw
    close: Raw
    high: Raw
    low: Raw
    volume: Raw
    time: Raw


class Trade(Message, frozen=True, kw_only=True):
    """``type`` is the taker's side, ``buy`` or ``sell``; ``timestamp`` Unix seconds."""

    id: int
    account_id: int
    pair: str
    amount: Raw
    price: Raw
    timestamp: Raw
    type: str


class ServerTime(Message, frozen=True, kw_only=True):
    """2026. Unix seconds."""

    serverTime: Raw  # noqa: N815 - the wire's spelling


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────


class Account(Message, frozen=True, kw_only=True):
    id: int
    email: str
    name: str
    parent_id: int | UnsetType | None = UNSET


class Balance(Message, frozen=True, kw_only=True):
    """``reserve`` is the part of ``balance`` held by open orders and pending withdrawals. ``pair``, here and below
    where it may be missing, is *ours*: without it two isolated wallets cannot be told apart."""

    balance: Raw
    reserve: Raw
    currency: str
    wallet_type: str
    last_update_at: str
    account_id: int
    pair: OptionalText = UNSET


class AccountFee(Message, frozen=True, kw_only=True):
    """``active_once``: valid from, valid to. 2026 calls ``currency`` and ``pair`` numeric ids."""

    account_id: int
    active_once: list[str]
    taker_fee_rate: Raw
    maker_fee_rate: Raw
    fee_currency: str
    priority: int
    currency: str | int | UnsetType | None = UNSET
    pair: str | int | UnsetType | None = UNSET
    is_active: bool


class Order(Message, frozen=True, kw_only=True):
    id: int
    account_id: int
    pair: str
    amount: Raw
    price: Raw
    side: str
    status: str
    type: str
    wallet_type: str
    amount_canceled: Raw
    amount_filled: Raw
    date: str
    open_at: str
    tif: str
    updated_at: str
    done_at: OptionalText = UNSET
    expire_after: OptionalText = UNSET
    stop_price: Raw = ABSENT


class AccountTrade(Message, frozen=True, kw_only=True):
    """One execution. The row has no id, no order and no side: the side is known from the query's filter alone."""

    account_id: int
    pair: str
    amount: Raw
    amount_unfilled: Raw
    price: Raw
    currency: str
    status: str
    date: str
    fee_amount: Raw
    fee_currency: str
    fee_rate: Raw
    is_maker: bool
    type: str
    wallet_type: str


class ShortTrade(Message, frozen=True, kw_only=True):
    """2026. One execution; ``timestamp`` Unix seconds with microseconds."""

    id: int
    pair: str
    side: str
    price: Raw
    amount: Raw
    fee: Raw
    timestamp: Raw
    order_id: int


class Activity(Message, frozen=True, kw_only=True):
    """A line of the ledger: ``balance_end`` = ``balance`` + ``balance_delta``, and so for ``reserve``."""

    id: int
    account_id: int
    wallet_id: int
    type: str
    balance: Raw
    balance_delta: Raw
    balance_end: Raw
    reserve: Raw
    reserve_delta: Raw
    reserve_end: Raw
    currency: str
    wallet_type: str
    date: str
    last_update_at: OptionalText = UNSET
    op_type: OptionalText = UNSET
    pair: OptionalText = UNSET


class ShortActivity(Message, frozen=True, kw_only=True):
    """2026. ``balance`` is the amount of the operation, not a balance, and the row has no id."""

    balance: Raw
    reserve: Raw
    currency: str
    wallet_type: str
    last_update_at: str
    account_id: int
    op_type: str


# ── deposits and withdrawals ─────────────────────────────────────────────────────────────────────────────────────


class Attribute(Message, frozen=True, kw_only=True):
    """``key`` and ``value`` as in the document; ``field`` and ``regex`` as the client has them for withdraw methods."""

    key: OptionalText = UNSET
    value: OptionalText = UNSET
    field: OptionalText = UNSET
    regex: OptionalText = UNSET


class DepositMethod(Message, frozen=True, kw_only=True):
    network: str
    currency: str
    attributes: list[Attribute]
    confirmations: int
    min_deposit: Raw
    max_deposit: Raw
    is_enabled: bool


class Deposit(Message, frozen=True, kw_only=True):
    id: int
    amount: Raw
    currency: str
    status: str
    tx_hash: OptionalText = UNSET
    date: str


class WithdrawMethod(Message, frozen=True, kw_only=True):
    id: int
    network: str
    currency: str
    attributes: list[Attribute]
    fee_rate: Raw
    fee_amount: Raw
    fee_currency: str
    min_withdraw: Raw
    max_withdraw: Raw
    is_enabled: bool


class Withdrawal(Message, frozen=True, kw_only=True):
    id: int
    amount: Raw
    fee_amount: Raw
    currency: str
    fee_currency: str
    status: str
    tx_hash: OptionalText = UNSET
    date: str


# ── margin ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Loan(Message, frozen=True, kw_only=True):
    """What a wallet owes of one currency: ``borrowed`` and ``interest``."""

    id: int
    account_id: int
    borrowed: Raw
    interest: Raw
    currency: str
    wallet_type: str
    pair: OptionalText = UNSET


class MarginTransfer(Message, frozen=True, kw_only=True):
    """``note`` and ``pair`` are empty where there are none."""

    id: int
    account_id: int
    amount: Raw
    currency: str
    date: str
    direction: str
    wallet_type: str
    note: OptionalText = UNSET
    pair: OptionalText = UNSET


class Borrow(Message, frozen=True, kw_only=True):
    """The row does not say its currency: it is known from the query's filter alone."""

    id: int
    account_id: int
    borrowed: Raw
    date: str
    interest_accrued: Raw
    interest_paid: Raw
    interest_rate: Raw
    repaid: Raw
    last_interest_at: OptionalText = UNSET
    opened_at: str
    type: str
    wallet_type: str
    pair: OptionalText = UNSET


class Repay(Message, frozen=True, kw_only=True):
    id: int
    account_id: int
    interest_amount: Raw
    principal_amount: Raw
    currency: str
    date: str
    type: str
    wallet_type: str
    pair: OptionalText = UNSET


class Interest(Message, frozen=True, kw_only=True):
    """The row has no time: it is known from the query's bounds alone."""

    id: int
    account_id: int
    borrow_id: int
    currency: str
    interest_accrued: Raw
    interest_paid: Raw
    interest_rate: Raw
    wallet_type: str
    pair: OptionalText = UNSET


class Liquidation(Message, frozen=True, kw_only=True):
    """``pair`` is the client's; the lists are ids, and may be missing."""

    id: int
    account_id: int
    created_at: str
    wallet_type: str
    margin_level: Raw
    closed_at: OptionalText = UNSET
    amount: Raw
    fund_amount: Raw
    currency: str
    pair: OptionalText = UNSET
    order_closed: OptionalIds = UNSET
    order_created: OptionalIds = UNSET
    borrow_closed: OptionalIds = UNSET
    repay_created: OptionalIds = UNSET


class ErrorBody(Message, frozen=True, kw_only=True):
    """``code`` is of 2026, ``formErrors`` (field to messages) of the client, which tells by it a form's errors from
    others."""

    code: str = ""
    message: str = ""
    formErrors: dict[str, list[str]] | UnsetType = UNSET  # noqa: N815 - the wire's spelling
