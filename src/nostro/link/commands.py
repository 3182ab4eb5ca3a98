"""What a paper exchange can be told to do, why it refuses, and what it answers. It decides the words of commands
between ``exchanges/*`` and ``paper/venue``; what each does stands in ``docs/venue.md``, what is seen in ``view.py``.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

import msgspec

Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit", "stop_limit", "stop_market"]
TimeInForce = Literal["gtc", "ioc", "fok", "aon"]
SideEffect = Literal["none", "auto_borrow", "auto_repay"]
LoanType = Literal["manual", "auto"]
PositionSide = Literal["both", "long", "short"]
Trigger = Literal["last", "mark", "index"]
MarginMode = Literal["cross", "isolated"]

# A wallet is named `spot`, `funding`, `cross_margin`, or `isolated_margin:BASE/QUOTE`: one for each instrument.
BARE_ISOLATED: Final = "isolated_margin"  # where a wire does not say of which instrument
ISOLATED: Final = f"{BARE_ISOLATED}:"
# A collateral wallet is named `futures`, or `futures:BASE/QUOTE` where it backs one pair alone.
FUTURES: Final = "futures"
MARGIN_ACCOUNT: Final = f"{FUTURES}:"


class Refusal(StrEnum):
    """Why the venue refuses a command; nothing changed. docs/venue.md says when each applies, in this order."""

    UNKNOWN_USER = "unknown_user"
    UNKNOWN_ASSET = "unknown_asset"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    WALLET_CANNOT_TRADE = "wallet_cannot_trade"
    BAD_AMOUNT = "bad_amount"
    BAD_PRICE = "bad_price"
    BAD_STOP = "bad_stop"
    BAD_TIME_IN_FORCE = "bad_time_in_force"
    ALREADY_EXPIRED = "already_expired"
    AMOUNT_TOO_SMALL = "amount_too_small"
    AMOUNT_TOO_LARGE = "amount_too_large"
    VALUE_TOO_SMALL = "value_too_small"
    POST_ONLY_WOULD_TAKE = "post_only_would_take"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    UNKNOWN_METHOD = "unknown_method"
    METHOD_DISABLED = "method_disabled"
    BAD_ATTRIBUTES = "bad_attributes"
    UNKNOWN_TRANSFER = "unknown_transfer"
    BAD_TRANSITION = "bad_transition"
    NOT_YOUR_ACCOUNT = "not_your_account"
    WRONG_ASSET = "wrong_asset"
    MARGIN_LIMIT = "margin_limit"
    POOL_EMPTY = "pool_empty"
    MORE_THAN_OWED = "more_than_owed"
    NO_POSITION = "no_position"
    BAD_POSITION_SIDE = "bad_position_side"
    PRICE_OUT_OF_BAND = "price_out_of_band"
    TOO_MANY_ORDERS = "too_many_orders"
    REDUCE_TOO_LARGE = "reduce_too_large"
    POSITION_TOO_LARGE = "position_too_large"
    LEVERAGE_TOO_HIGH = "leverage_too_high"
    BAD_LEVERAGE = "bad_leverage"
    POSITION_OPEN = "position_open"
    UNKNOWN_ORDER = "unknown_order"
    BAD_RATE = "bad_rate"


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """Amounts in base units (contracts, where the instrument is one), ``quote_amount`` in quote units (market orders
    only, instead of ``amount``), prices in quote per base. ``valid_till_ns`` and ``expire_after_ns``: the earlier ends
    the order. ``position_side``, ``reduce_only`` and ``trigger`` (of a stop) are for contracts; where a client asks for
    one, ``wallet`` may be "": the one that backs it."""

    wallet: str
    instrument: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce = "gtc"
    amount: Decimal | None = None
    quote_amount: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    stop_operator: Literal["gte", "lte"] | None = None
    valid_till_ns: int | None = None
    expire_after_ns: int | None = None
    post_only: bool = False
    side_effect: SideEffect = "none"
    client_id: str = ""
    position_side: PositionSide = "both"
    reduce_only: bool = False
    trigger: Trigger = "last"


class CancelOrders(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """By the exchange's ids; the paper exchange's are numbers."""

    order_ids: tuple[int | str, ...]


class CancelAll(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """Every open order of the user, or of one instrument."""

    instrument: str | None = None


class RequestWithdrawal(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """``amount`` in units of the method's asset, the fee on top; ``method`` the method's id."""

    method: int
    amount: Decimal
    attributes: dict[str, str]
    client_id: str = ""


class MoveMargin(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """Between the spot wallet and another one of the same account: ``add`` leaves spot, ``sub`` comes back to it.
    ``account``: the user whose money it is, the one who asks or a sub-account of it."""

    account: int
    wallet: str
    direction: Literal["add", "sub"]
    asset: str
    amount: Decimal
    note: str = ""


class Borrow(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """``amount`` of ``asset`` is lent into a margin wallet."""

    account: int
    wallet: str
    asset: str
    amount: Decimal
    type: LoanType = "manual"


class Repay(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """``amount`` of ``asset`` is paid back from a margin wallet, interest first."""

    account: int
    wallet: str
    asset: str
    amount: Decimal
    type: LoanType = "manual"


class ClosePosition(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """What a margin wallet owes is bought back on the market and repaid. ``instrument`` and ``position``, the
    exchange's id: a position of a contract, where a wire closes it by its id (the paper exchange's engine does not)."""

    account: int = 0
    wallet: str = ""
    instrument: str = ""
    position: str = ""


class EditOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """Changes an open order of a contract; what is None stays. ``amount``: in all, with what is filled."""

    order_id: int | str
    amount: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


class SetLeverage(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """``leverage`` None: as high as the tiers allow."""

    instrument: str
    position_side: PositionSide = "both"
    leverage: Decimal | None = None


class SetMarginMode(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    instrument: str
    mode: MarginMode


class MoveFunds(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """Between two wallets of the one who asks and of its sub-accounts."""

    from_account: int | str
    from_wallet: str
    to_account: int | str
    to_wallet: str
    asset: str
    amount: Decimal
    note: str = ""


Command = (
    PlaceOrder | CancelOrders | CancelAll | RequestWithdrawal | MoveMargin | Borrow | Repay | ClosePosition
    | EditOrder | SetLeverage | SetMarginMode | MoveFunds
)  # fmt: skip


class Accepted(msgspec.Struct, frozen=True):
    """It happened. ``ids``: the order placed, the orders canceled, the withdrawal requested, the movement, borrow or
    repayment made, or the orders that close a position."""

    ids: tuple[int, ...]


class Rejected(msgspec.Struct, frozen=True):
    """It did not happen. ``detail``: one sentence with the field and the value."""

    reason: Refusal
    detail: str
