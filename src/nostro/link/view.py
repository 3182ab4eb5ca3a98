"""What a paper exchange shows to the wire that serves it: the venue's own rows, and the commands it takes. It decides
the words between ``exchanges/*/serve.py`` and ``paper/venue``, so that neither imports the other.

The venue's rows are the truth of the paper exchange. They are deliberately not the facts of
``domain/records.py``: what a client reads back is compared with these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Literal, Protocol

import msgspec

Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit", "stop_limit", "stop_market"]
TimeInForce = Literal["gtc", "ioc", "fok", "aon"]
Wallet = Literal["spot", "funding"]


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


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """Amounts in base units, ``quote_amount`` in quote units (market orders only, instead of ``amount``), prices in
    quote per base. ``valid_till_ns`` and ``expire_after_ns``: the earlier ends the order."""

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
    client_id: str = ""


class CancelOrders(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    order_ids: tuple[int, ...]


class CancelAll(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """Every open order of the user, or of one instrument."""

    instrument: str | None = None


class RequestWithdrawal(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """``amount`` in units of the method's asset, the fee on top; ``method`` the method's id."""

    method: int
    amount: Decimal
    attributes: dict[str, str]
    client_id: str = ""


Command = PlaceOrder | CancelOrders | CancelAll | RequestWithdrawal


class Accepted(msgspec.Struct, frozen=True):
    """It happened. ``ids``: the order placed, the orders canceled, or the withdrawal requested."""

    ids: tuple[int, ...]


class Rejected(msgspec.Struct, frozen=True):
    """It did not happen. ``detail``: one sentence with the field and the value."""

    reason: Refusal
    detail: str


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """One key of one user. ``permissions``: of read, trade, withdraw."""

    user: int
    name: str
    email: str
    key: str
    secret: str
    permissions: frozenset[str]
    parent: int | None = None

    def __repr__(self) -> str:
        return f"Login(user={self.user}, name={self.name!r})"


class VenueAsset(msgspec.Struct, frozen=True):
    """``digits``: decimals of its smallest unit."""

    code: str
    sign: str
    digits: int


class VenueInstrument(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    base: str
    quote: str
    amount_digits: int
    price_digits: int
    amount_min: Decimal
    amount_max: Decimal
    value_min: Decimal

    @property
    def symbol(self) -> str:
        return f"{self.base}/{self.quote}"


class VenueMethod(msgspec.Struct, frozen=True, kw_only=True):
    """A way in or out. ``attributes``: (name, value for a deposit or pattern for a withdrawal)."""

    id: int
    asset: str
    network: str
    attributes: tuple[tuple[str, str], ...]
    confirmations: int
    amount_min: Decimal
    amount_max: Decimal
    fee: Decimal
    fee_rate: Decimal
    enabled: bool


class VenueFeeRule(msgspec.Struct, frozen=True, kw_only=True):
    user: int
    maker_rate: Decimal
    taker_rate: Decimal
    fee_asset: str
    valid_from_ns: int
    valid_until_ns: int
    priority: int


class VenueTicker(msgspec.Struct, frozen=True, kw_only=True):
    """Over the last 24 hours; None where nothing traded or no order rests."""

    instrument: VenueInstrument
    open: Decimal | None
    last: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    high: Decimal | None
    low: Decimal | None
    volume: Decimal
    time_ns: int


class VenueCandle(msgspec.Struct, frozen=True, kw_only=True):
    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class VenueTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A public trade; ``side`` and ``user`` are the taker's."""

    id: int
    instrument: str
    price: Decimal
    amount: Decimal
    side: Side
    user: int
    time_ns: int


class VenueBalance(msgspec.Struct, frozen=True, kw_only=True):
    """``total`` includes ``held``."""

    user: int
    wallet: Wallet
    asset: str
    total: Decimal
    held: Decimal
    updated_ns: int


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` of an order funded in quote units is what was filled. ``status``: pending, open, partially_filled,
    filled, canceled, partially_canceled, expired."""

    id: int
    user: int
    wallet: Wallet
    instrument: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    status: str
    amount: Decimal
    filled: Decimal
    canceled: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    stop_operator: str | None
    quote_amount: Decimal | None
    cost: Decimal
    client_id: str
    placed_ns: int
    opened_ns: int
    updated_ns: int
    done_ns: int | None
    valid_till_ns: int | None
    expire_after_ns: int | None

    @property
    def is_open(self) -> bool:
        return self.status in ("pending", "open", "partially_filled")


class VenueFill(msgspec.Struct, frozen=True, kw_only=True):
    """One user's side of a trade. ``id`` is the trade's. ``order_unfilled`` and ``order_status``: of the order right
    after this fill."""

    id: int
    order_id: int
    user: int
    wallet: Wallet
    instrument: str
    side: Side
    price: Decimal
    amount: Decimal
    cost: Decimal
    fee: Decimal
    fee_asset: str
    fee_rate: Decimal
    maker: bool
    order_type: OrderType
    order_unfilled: Decimal
    order_status: str
    time_ns: int


class VenueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger; total_after = total + total_delta, held_after = held + held_delta."""

    id: int
    user: int
    wallet: Wallet
    wallet_id: int
    asset: str
    type: str
    total: Decimal
    total_delta: Decimal
    held: Decimal
    held_delta: Decimal
    time_ns: int


class VenueTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit (statuses pending, moderation, confirmed, rejected) or a withdrawal (new, confirmed, verified,
    moderation, approved, suspended, done, refused, canceled)."""

    id: int
    user: int
    direction: Literal["deposit", "withdrawal"]
    asset: str
    amount: Decimal
    fee: Decimal
    status: str
    tx_hash: str | None
    client_id: str
    time_ns: int


class VenueView(Protocol):
    """The venue as a wire sees it. Rows come oldest first; bounds are half-open [since_ns, until_ns) on the row's time;
    a filter that is None does not filter."""

    def now_ns(self) -> int: ...

    def login_by_key(self, key: str) -> Login | None: ...

    def login_by_user(self, user: int) -> Login | None: ...

    def sign_tokens_with(self) -> bytes:
        """The venue's own secret, for tokens."""
        ...

    def token_life_s(self) -> int: ...

    def assets(self) -> Sequence[VenueAsset]: ...

    def instruments(self) -> Sequence[VenueInstrument]: ...

    def instrument(self, symbol: str) -> VenueInstrument | None: ...

    def ticker(self, symbol: str) -> VenueTicker: ...

    def depth(self, symbol: str, side: Side, *, levels: int | None, grouped: bool) -> Sequence[tuple[Decimal, Decimal]]:
        """Visible (price, amount), best first; not ``grouped``: one row an order."""
        ...

    def candles(self, symbol: str, interval_s: int, *, since_ns: int, until_ns: int) -> Sequence[VenueCandle]: ...

    def trades(self, symbol: str | None, *, limit: int, offset: int) -> Sequence[VenueTrade]:
        """Newest first."""
        ...

    def fee_rules(self, user: int) -> Sequence[VenueFeeRule]: ...

    def deposit_methods(self, asset: str) -> Sequence[VenueMethod]: ...

    def withdraw_methods(self, asset: str) -> Sequence[VenueMethod]: ...

    def balances(self, user: int) -> Sequence[VenueBalance]: ...

    def orders(
        self,
        user: int,
        *,
        symbol: str | None = None,
        side: Side | None = None,
        open_only: bool = False,
        since_ns: int | None = None,
        until_ns: int | None = None,
        newest: int | None = None,
    ) -> Iterator[VenueOrder]:
        """By the time placed. ``newest``: only the last so many."""
        ...

    def fills(
        self,
        user: int,
        *,
        symbol: str | None = None,
        side: Side | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        newest: int | None = None,
    ) -> Iterator[VenueFill]: ...

    def entries(
        self, user: int, *, asset: str | None = None, since_ns: int | None = None, until_ns: int | None = None
    ) -> Iterator[VenueEntry]: ...

    def transfers(
        self,
        user: int,
        direction: Literal["deposit", "withdrawal"],
        *,
        asset: str | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[VenueTransfer]: ...

    def submit(self, user: int, command: Command) -> Accepted | Rejected:
        """Carries a command out, durably, before it returns."""
        ...
