"""What a paper exchange shows to the wire that serves it: the venue's own rows. It decides the words
between ``exchanges/*/serve.py`` and ``paper/venue``, so that neither imports the other; the commands are in
``commands.py``.

The venue's rows are the truth of the paper exchange. They are deliberately not the facts of
``domain/records.py``: what a client reads back is compared with these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from nostro.link.commands import (
    Accepted,
    Command,
    LoanType,
    OrderType,
    PositionSide,
    Rejected,
    Side,
    SideEffect,
    TimeInForce,
    Trigger,
)  # fmt: skip
from nostro.link.contracts import ContractsView, Kind, VenueBalance, VenueFunding, VenueMove, VenueTier


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """One key of one user. ``permissions``: of read, trade, margin, withdraw. ``parent``: the master whose sub-account
    the user is. ``extra``: what else the wire needs, by its own names (``private_key``, ``sub_account_id``)."""

    user: int
    name: str
    email: str
    key: str
    secret: str
    permissions: frozenset[str]
    parent: int | None = None
    extra: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Login(user={self.user}, name={self.name!r})"


class VenueAsset(msgspec.Struct, frozen=True):
    """``digits``: decimals of its smallest unit."""

    code: str
    sign: str
    digits: int


class VenueInstrument(msgspec.Struct, frozen=True, kw_only=True):
    """``kind`` and what follows it are of contracts (docs/contracts.md); ``code``: the wire's own name."""

    id: int
    base: str
    quote: str
    amount_digits: int
    price_digits: int
    amount_min: Decimal
    amount_max: Decimal
    value_min: Decimal
    kind: Kind = "spot"
    settle: str = ""
    multiplier: Decimal = Decimal(1)
    wallet: str = ""
    tiers: tuple[VenueTier, ...] = ()
    position_max: Decimal | None = None
    orders_max: int = 200
    band_ppm: int = 100_000
    funding_interval_s: int = 28_800
    code: str = ""

    @property
    def symbol(self) -> str:
        return f"{self.base}/{self.quote}:{self.settle}" if self.settle else f"{self.base}/{self.quote}"


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


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` of an order funded in quote units is what was filled. ``status``: pending, open, partially_filled,
    filled, canceled, partially_canceled, expired."""

    id: int
    user: int
    wallet: str
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
    side_effect: SideEffect = "none"
    post_only: bool = False
    position_side: PositionSide = "both"
    reduce_only: bool = False
    trigger: Trigger = "last"
    triggered: bool = False
    origin: Literal["user", "liquidation"] = "user"

    @property
    def is_open(self) -> bool:
        return self.status in ("pending", "open", "partially_filled")


class VenueFill(msgspec.Struct, frozen=True, kw_only=True):
    """One user's side of a trade, whose id it has. ``order_unfilled`` and ``order_status``: of the order right after.
    Of a contract: the position before and after (signed contracts, signed value at entry), the mark price, whether it
    closed by ``liquidation``, and whether the house took it over."""

    id: int
    order_id: int
    user: int
    wallet: str
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
    position_side: PositionSide = "both"
    size_before: Decimal = Decimal(0)
    size_after: Decimal = Decimal(0)
    basis_before: Decimal = Decimal(0)
    basis_after: Decimal = Decimal(0)
    realized_pnl: Decimal = Decimal(0)
    mark: Decimal | None = None
    liquidation: bool = False
    takeover: bool = False


class VenueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger; total_after = total + total_delta, held_after = held + held_delta."""

    id: int
    user: int
    wallet: str
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


class VenueMovement(msgspec.Struct, frozen=True, kw_only=True):
    """Money moved between the spot wallet and ``wallet``."""

    id: int
    user: int
    wallet: str
    direction: Literal["add", "sub"]
    asset: str
    amount: Decimal
    note: str
    time_ns: int


class VenueLoan(msgspec.Struct, frozen=True, kw_only=True):
    """What one wallet owes of one asset now. ``id`` is given when it first borrows that asset, and stays."""

    id: int
    user: int
    wallet: str
    asset: str
    principal: Decimal
    interest: Decimal


class VenueBorrow(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` borrowed, ``repaid`` of it; ``accrued`` and ``paid``: interest so far. ``rate``: a ratio per hour.
    ``done_ns``: when nothing was owed any more."""

    id: int
    user: int
    wallet: str
    asset: str
    amount: Decimal
    repaid: Decimal
    accrued: Decimal
    paid: Decimal
    rate: Decimal
    type: LoanType
    time_ns: int
    interest_ns: int | None
    done_ns: int | None


class VenueRepayment(msgspec.Struct, frozen=True, kw_only=True):
    """Paid back: ``interest`` + ``principal``."""

    id: int
    user: int
    wallet: str
    asset: str
    interest: Decimal
    principal: Decimal
    type: LoanType
    time_ns: int


class VenueInterest(msgspec.Struct, frozen=True, kw_only=True):
    """Interest of one borrow for one hour: ``accrued`` by this row; ``paid``: of the borrow, at that time, in all."""

    id: int
    user: int
    wallet: str
    borrow: int
    asset: str
    accrued: Decimal
    paid: Decimal
    rate: Decimal
    time_ns: int


class VenueLiquidation(msgspec.Struct, frozen=True, kw_only=True):
    """One debt of a liquidated wallet: ``amount`` of ``asset`` was owed, ``fund`` of it the insurance fund paid.
    ``level``: the margin level at which it began. The tuples are ids."""

    id: int
    user: int
    wallet: str
    asset: str
    amount: Decimal
    fund: Decimal
    level: Decimal
    orders_closed: tuple[int, ...]
    orders_created: tuple[int, ...]
    borrows_closed: tuple[int, ...]
    repayments_created: tuple[int, ...]
    time_ns: int
    done_ns: int | None


class VenueMargin(msgspec.Struct, frozen=True, kw_only=True):
    """A margin wallet at index prices, in the profile's quote asset. ``level``: (assets - debt) / debt, None without a
    debt. ``state``: clear (no debt), healthy, warning (at or below the profile's level)."""

    user: int
    wallet: str
    assets: Decimal
    debt: Decimal
    level: Decimal | None
    state: Literal["clear", "healthy", "warning"]


class Changes(Protocol):
    """What one accepted command created or changed, as listeners hear it: orders by id, as they are after it."""

    @property
    def orders(self) -> Sequence[VenueOrder]: ...

    @property
    def entries(self) -> Sequence[VenueEntry]: ...

    @property
    def trades(self) -> Sequence[VenueTrade]: ...

    @property
    def fills(self) -> Sequence[VenueFill]: ...

    @property
    def funding(self) -> Sequence[VenueFunding]: ...

    @property
    def moves(self) -> Sequence[VenueMove]: ...

    @property
    def touched(self) -> Sequence[int]:
        """Users whose balances, collateral, positions or leverage changed; a mark's or index's: who holds positions."""
        ...


class VenueView(ContractsView, Protocol):
    """The venue as a wire sees it. Rows come oldest first; bounds are half-open [since_ns, until_ns) on the row's time;
    a filter that is None does not filter."""

    def now_ns(self) -> int: ...

    def login_by_key(self, key: str) -> Login | None: ...

    def login_by_user(self, user: int) -> Login | None: ...

    def logins(self) -> Sequence[Login]:
        """Every login, in the order of users."""
        ...

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
        self, user: int, *, symbol: str | None = None, side: Side | None = None, since_ns: int | None = None,
        until_ns: int | None = None, newest: int | None = None,
    ) -> Iterator[VenueFill]: ...  # fmt: skip

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

    def movements(
        self, user: int, *, wallet: str | None = None, asset: str | None = None, since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[VenueMovement]: ...  # fmt: skip

    def loans(self, user: int) -> Sequence[VenueLoan]:
        """Of every wallet and asset with a debt, in order of id."""
        ...

    def borrows(
        self, user: int, *, wallet: str | None = None, asset: str | None = None, open_only: bool = False,
        since_ns: int | None = None, until_ns: int | None = None,
    ) -> Iterator[VenueBorrow]: ...  # fmt: skip

    def repayments(
        self, user: int, *, wallet: str | None = None, asset: str | None = None, since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[VenueRepayment]: ...  # fmt: skip

    def interest(
        self, user: int, *, wallet: str | None = None, asset: str | None = None, since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[VenueInterest]: ...  # fmt: skip

    def liquidations(
        self, user: int, *, wallet: str | None = None, asset: str | None = None, since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[VenueLiquidation]: ...  # fmt: skip

    def margin(self, user: int) -> Sequence[VenueMargin]:
        """Every margin wallet that ever held or owed something, in the order of wallets."""
        ...

    def order(self, user: int, order_id: int) -> VenueOrder | None:
        """One order of the user, open or not."""
        ...

    def sub_accounts(self, user: int) -> Sequence[int]:
        """The users whose master this one is, in order of id."""
        ...

    def submit(self, user: int, command: Command) -> Accepted | Rejected:
        """Carries a command out, durably, before it returns."""
        ...
