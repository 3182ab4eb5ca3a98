"""The answers of Kraken Futures about an account, spelled as on the wire. It decides which members a row has and which
of them may be missing; what they mean stands in ``read.py``. Orders and their events are in ``messages_orders.py``, the
histories in ``messages_history.py``, markets in ``messages_public.py``, requests in ``requests.py``.

Numbers are kept as their own bytes (`Raw`) until `values.exact` reads them: captures show JSON numbers, texts, and
both. `ABSENT` is a number left out, `NULL` one that is null. Texts that may be missing are UNSET (left out) or None.

Source: Kraken Futures documentation, get-accounts, get-open-positions, get-open-orders, get-fills, leverage and pnl
preferences, list-subaccounts; the sample answers of python-kraken-sdk 3.5.1 and ccxt 4.5.90.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from nostro.domain.values import ABSENT

NULL: Final = Raw(b"null")
OptionalText = str | UnsetType | None
Success = Literal["success"]


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class Done(Message, frozen=True, kw_only=True, rename="camel"):
    """The envelope: ``result`` and the server's time, which every answer but those of the histories has."""

    result: Success
    server_time: str


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Auxiliary(Message, frozen=True, kw_only=True):
    """``pv`` = balance + ``pnl`` (+ ``funding``, accrued), ``af`` available funds, in the account's currency; ``usd``
    0 in every capture."""

    usd: Raw = ABSENT
    pv: Raw
    pnl: Raw
    af: Raw
    funding: Raw


class Requirements(Message, frozen=True, kw_only=True):
    """Initial margin, maintenance margin, liquidation threshold, termination threshold."""

    im: Raw
    mm: Raw
    lt: Raw
    tt: Raw


class Collateral(Message, frozen=True, kw_only=True):
    """``quantity`` in the currency; ``value`` and ``collateral`` (after the haircut) in USD; ``available`` to take
    out."""

    quantity: Raw
    value: Raw
    collateral: Raw
    available: Raw


class Breakdown(Message, frozen=True, kw_only=True, rename="camel"):
    market_risk: Raw = ABSENT
    netted_market_risk: Raw = ABSENT
    abs_options_delta: Raw = ABSENT
    net_position_delta: Raw = ABSENT
    total_premium: Raw = ABSENT
    futures_maintenance_margin: Raw = ABSENT


class Account(Message, frozen=True, kw_only=True, rename="camel"):
    """``type`` says which members there are: cashAccount has ``balances``; marginAccount these and what follows them;
    multiCollateralMarginAccount ``currencies`` and what follows them, in USD."""

    type: str
    balances: dict[str, Raw] | UnsetType = UNSET
    auxiliary: Auxiliary | UnsetType = UNSET
    margin_requirements: Requirements | UnsetType = UNSET
    trigger_estimates: Requirements | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    currencies: dict[str, Collateral] | UnsetType = UNSET
    initial_margin: Raw = ABSENT
    initial_margin_with_orders: Raw = ABSENT
    maintenance_margin: Raw = ABSENT
    balance_value: Raw = ABSENT
    portfolio_value: Raw = ABSENT
    collateral_value: Raw = ABSENT
    pnl: Raw = ABSENT
    unrealized_funding: Raw = ABSENT
    total_unrealized: Raw = ABSENT
    total_unrealized_as_margin: Raw = ABSENT
    available_margin: Raw = ABSENT
    margin_equity: Raw = ABSENT
    upnl_interest_rate: Raw = ABSENT
    portfolio_margin_breakdown: Breakdown | UnsetType | None = UNSET


class Accounts(Done, frozen=True, kw_only=True, rename="camel"):
    accounts: dict[str, Account]


# ── positions, orders, fills ─────────────────────────────────────────────────────────────────────────────────────


class OpenPosition(Message, frozen=True, kw_only=True, rename="camel"):
    """``price`` is the average entry price; ``maxFixedLeverage`` only where the margin is isolated."""

    side: str
    symbol: str
    price: Raw
    fill_time: OptionalText = UNSET
    size: Raw
    unrealized_funding: Raw = ABSENT
    unrealized_pnl: Raw = ABSENT
    pnl_currency: OptionalText = UNSET
    max_fixed_leverage: Raw = ABSENT


class OpenPositions(Done, frozen=True, kw_only=True, rename="camel"):
    open_positions: list[OpenPosition]


class OpenOrder(Message, frozen=True, kw_only=True, rename="camel"):
    """``order_type``: lmt, stop or take_profit; ``limit_price`` is absent for a stop at the market."""

    order_id: str = msgspec.field(name="order_id")
    cli_ord_id: OptionalText = UNSET
    status: str
    side: str
    order_type: str
    symbol: str
    limit_price: Raw = ABSENT
    stop_price: Raw = ABSENT
    filled_size: Raw
    unfilled_size: Raw
    reduce_only: bool
    trigger_signal: OptionalText = UNSET
    last_update_time: str
    received_time: str


class OpenOrders(Done, frozen=True, kw_only=True, rename="camel"):
    open_orders: list[OpenOrder]


class Fill(Message, frozen=True, kw_only=True, rename="camel"):
    """The members with ``_`` beside ``fill_id`` and ``order_id`` are of captures alone."""

    fill_id: str = msgspec.field(name="fill_id")
    symbol: str
    side: str
    order_id: str = msgspec.field(name="order_id")
    size: Raw
    price: Raw
    fill_time: str
    fill_type: str
    cli_ord_id: OptionalText = UNSET
    captured_cli_ord_id: OptionalText = msgspec.field(default=UNSET, name="cli_ord_id")
    fee_paid: Raw = msgspec.field(default=ABSENT, name="fee_paid")
    fee_currency: OptionalText = msgspec.field(default=UNSET, name="fee_currency")


class Fills(Done, frozen=True, kw_only=True, rename="camel"):
    fills: list[Fill]


# ── preferences and the rest ─────────────────────────────────────────────────────────────────────────────────────


class LeveragePreference(Message, frozen=True, kw_only=True, rename="camel"):
    symbol: str
    max_leverage: Raw


class LeveragePreferences(Done, frozen=True, kw_only=True, rename="camel"):
    """Contracts in cross mode are left out."""

    leverage_preferences: list[LeveragePreference]


class PnlPreference(Message, frozen=True, kw_only=True, rename="camel"):
    symbol: str
    pnl_currency: str


class PnlPreferences(Done, frozen=True, kw_only=True, rename="camel"):
    preferences: list[PnlPreference]


class SubAccount(Message, frozen=True, kw_only=True, rename="camel"):
    account_uid: str
    email: OptionalText = UNSET
    full_name: OptionalText = UNSET


class SubAccounts(Done, frozen=True, kw_only=True, rename="camel"):
    master_account_uid: str
    subaccounts: list[SubAccount]


class Notification(Message, frozen=True, kw_only=True, rename="camel"):
    type: str
    priority: str
    note: str
    effective_time: OptionalText = UNSET


class Notifications(Done, frozen=True, kw_only=True, rename="camel"):
    notifications: list[Notification]


class Unwind(Message, frozen=True, kw_only=True, rename="camel"):
    symbol: str
    percentile: Raw


class UnwindQueue(Done, frozen=True, kw_only=True, rename="camel"):
    queue: list[Unwind]


class SelfTradeStrategy(Done, frozen=True, kw_only=True, rename="camel"):
    strategy: str


class InitialMargin(Done, frozen=True, kw_only=True, rename="camel"):
    """``error``: why an order like this would be refused."""

    initial_margin: Raw
    price: Raw
    estimated_liquidation_threshold: Raw = ABSENT
    error: OptionalText = UNSET


class MaxOrderSize(Done, frozen=True, kw_only=True, rename="camel"):
    max_buy_size: Raw = ABSENT
    max_sell_size: Raw = ABSENT
    buy_price: Raw = ABSENT
    sell_price: Raw = ABSENT


class Volumes(Done, frozen=True, kw_only=True, rename="camel"):
    """USD of the last 30 days, by fee schedule."""

    volumes_by_fee_schedule: dict[str, Raw]


class Refused(Message, frozen=True, kw_only=True, rename="camel"):
    """An error: ``error`` is a code of the documents, ``errors`` what newer services add. A code 0 is none."""

    result: Literal["error"]
    error: str
    server_time: str
    status: str | UnsetType = UNSET
    errors: list[ErrorItem] | UnsetType = UNSET


class ErrorItem(Message, frozen=True, kw_only=True):
    code: int
    message: str
