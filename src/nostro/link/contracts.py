"""The rows and questions of contracts: what a paper exchange shows of positions, collateral, funding and the hours of
an account to the wire that serves it. It goes on from ``view.py``; the rules are in ``docs/contracts.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from nostro.link.commands import MarginMode, PositionSide

Kind = Literal["spot", "linear", "inverse", "quanto"]


class VenueTier(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which value of a position, in settle assets (None: any), which rates hold, in parts per million of it."""

    up_to: Decimal | None
    initial_ppm: int
    maintenance_ppm: int
    leverage_max: Decimal


class VenueBalance(msgspec.Struct, frozen=True, kw_only=True):
    """``total`` includes ``held``."""

    user: int
    wallet: str
    asset: str
    total: Decimal
    held: Decimal
    updated_ns: int


class VenuePosition(msgspec.Struct, frozen=True, kw_only=True):
    """A position now. ``size`` signed contracts; ``basis`` signed, its value at entry; ``value`` signed, at ``mark``;
    ``unrealized``, margins, ``purse`` and what follows it in settle assets. ``margin``: initial margin of the position
    alone. ``purse``: of an isolated one. ``liquidation``: the mark price at which it would be liquidated if nothing
    else changed, None where none would. Of this lifecycle: ``opened_ns``, ``exit_size`` closed, its ``exit_value`` and
    ``exit_basis`` (value when opened), ``realized`` (without fees and funding), ``fees`` paid, ``funding`` received,
    ``size_max``. A position of size 0 is shown where a leverage was set or it once was."""

    user: int
    wallet: str
    instrument: str
    side: PositionSide
    mode: MarginMode
    leverage: Decimal | None
    size: Decimal
    basis: Decimal
    mark: Decimal
    value: Decimal
    unrealized: Decimal
    margin: Decimal
    margin_with_orders: Decimal
    maintenance: Decimal
    purse: Decimal | None
    liquidation: Decimal | None
    closable: Decimal
    opened_ns: int | None
    updated_ns: int
    exit_size: Decimal
    exit_value: Decimal
    exit_basis: Decimal
    realized: Decimal
    fees: Decimal
    funding: Decimal
    size_max: Decimal


class VenueClosed(msgspec.Struct, frozen=True, kw_only=True):
    """A lifecycle that ended: sizes positive, ``long`` its direction; amounts as in `VenuePosition`."""

    id: int
    user: int
    wallet: str
    instrument: str
    side: PositionSide
    long: bool
    mode: MarginMode
    leverage: Decimal | None
    size: Decimal
    exit_value: Decimal
    exit_basis: Decimal
    realized: Decimal
    fees: Decimal
    funding: Decimal
    size_max: Decimal
    mark: Decimal
    liquidated: bool
    opened_ns: int
    time_ns: int


class VenueCollateral(msgspec.Struct, frozen=True, kw_only=True):
    """A collateral wallet: in ``asset``, the quote asset of index prices for `futures`, the settle asset of a margin
    account. ``assets``: after haircuts; ``gross``: before them. ``initial`` with orders, ``initial_positions`` without
    them. ``realized``: realized profit of its contracts in all so far, funding and fees not included."""

    user: int
    wallet: str
    asset: str
    gross: Decimal
    assets: Decimal
    unrealized: Decimal
    equity: Decimal
    initial: Decimal
    initial_positions: Decimal
    maintenance: Decimal
    available: Decimal
    realized: Decimal


class VenueFunding(msgspec.Struct, frozen=True, kw_only=True):
    """Funding of one position at one instant: ``amount`` in the settle asset, positive when received."""

    id: int
    user: int
    wallet: str
    instrument: str
    side: PositionSide
    size: Decimal
    mark: Decimal
    rate: Decimal
    asset: str
    amount: Decimal
    time_ns: int


class VenueMove(msgspec.Struct, frozen=True, kw_only=True):
    """Money moved between two wallets of one master's accounts."""

    id: int
    from_user: int
    from_wallet: str
    to_user: int
    to_wallet: str
    asset: str
    amount: Decimal
    note: str
    time_ns: int


class VenueSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A user at a full hour. ``prices``: (asset, index price) of its balances."""

    id: int
    user: int
    balances: tuple[VenueBalance, ...]
    positions: tuple[VenuePosition, ...]
    collateral: VenueCollateral
    prices: tuple[tuple[str, Decimal], ...]
    time_ns: int


class VenueForced(msgspec.Struct, frozen=True, kw_only=True):
    """A liquidated wallet or purse. ``equity`` and ``maintenance`` when it began, ``deficit`` that insurance paid, in
    ``asset``. The tuples are ids of orders."""

    id: int
    user: int
    wallet: str
    asset: str
    equity: Decimal
    maintenance: Decimal
    deficit: Decimal
    orders_canceled: tuple[int, ...]
    orders_made: tuple[int, ...]
    time_ns: int


class ContractsView(Protocol):
    """What a venue with contracts answers besides; bounds and filters as in `VenueView`."""

    def mark(self, symbol: str) -> Decimal: ...

    def index(self, symbol: str) -> Decimal:
        """Of a contract."""
        ...

    def index_price(self, asset: str) -> Decimal:
        """Of an asset, in the quote asset of index prices."""
        ...

    def funding_rate(self, symbol: str) -> tuple[Decimal, int]:
        """The current rate of an interval, a ratio, and the time when it is next paid."""
        ...

    def positions(self, user: int, *, symbol: str | None = None) -> Sequence[VenuePosition]:
        """In order of (instrument id, side)."""
        ...

    def collateral(self, user: int) -> Sequence[VenueCollateral]:
        """Every collateral wallet that ever had an entry or backs an order, in the order of wallets."""
        ...

    def portfolio(self, user: int) -> bool:
        """Whether its cross positions in `futures` are margined together."""
        ...

    def usual_fees(self) -> tuple[Decimal, Decimal]:
        """The maker's and the taker's rate of a user that has no own, ratios."""
        ...

    def haircut_ppm(self, asset: str) -> int | None:
        """Of an asset as collateral in `futures`, None where it is none."""
        ...

    def funding(
        self, user: int, *, symbol: str | None = None, since_ns: int | None = None, until_ns: int | None = None
    ) -> Iterator[VenueFunding]: ...

    def closed(
        self, user: int, *, symbol: str | None = None, since_ns: int | None = None, until_ns: int | None = None
    ) -> Iterator[VenueClosed]: ...

    def moves(self, user: int, *, since_ns: int | None = None, until_ns: int | None = None) -> Iterator[VenueMove]:
        """Those that leave or reach an account of this user."""
        ...

    def snapshots(
        self, user: int, *, since_ns: int | None = None, until_ns: int | None = None, newest_first: bool = False
    ) -> Iterator[VenueSnapshot]: ...

    def forced(
        self, user: int, *, since_ns: int | None = None, until_ns: int | None = None
    ) -> Iterator[VenueForced]: ...
