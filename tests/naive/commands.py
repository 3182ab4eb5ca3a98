"""The words of the naive engine that ``link/view.py`` has not: the operator's commands of docs/venue.md, the
envelope of a command, what came of it, and the profile of a venue. Plain structs; they decide nothing.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from nostro.link.commands import Accepted, Command, Rejected
from nostro.link.contracts import VenueClosed, VenueForced, VenueFunding, VenueMove, VenueSnapshot
from nostro.link.view import (
    VenueAsset,
    VenueBorrow,
    VenueEntry,
    VenueFill,
    VenueInstrument,
    VenueInterest,
    VenueLiquidation,
    VenueMethod,
    VenueMovement,
    VenueOrder,
    VenueRepayment,
    VenueTransfer,
)


class CreateUser(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    email: str
    maker_ppm: int | None = None
    taker_ppm: int | None = None
    parent: int | None = None
    portfolio: bool = False


class Deposit(msgspec.Struct, frozen=True, kw_only=True):
    user: int
    asset: str
    amount: Decimal
    tx_hash: str


class AdvanceDeposit(msgspec.Struct, frozen=True, kw_only=True):
    deposit: int
    status: str


class AdvanceWithdrawal(msgspec.Struct, frozen=True, kw_only=True):
    withdrawal: int
    status: str


class Fund(msgspec.Struct, frozen=True, kw_only=True):
    user: int
    wallet: str
    asset: str
    amount: Decimal


class SetIndex(msgspec.Struct, frozen=True, kw_only=True):
    asset: str
    price: Decimal


class SetMark(msgspec.Struct, frozen=True, kw_only=True):
    instrument: str
    price: Decimal


class SetFundingRate(msgspec.Struct, frozen=True, kw_only=True):
    instrument: str
    rate: Decimal


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    pass


Operator = CreateUser | Deposit | AdvanceDeposit | AdvanceWithdrawal | Fund | SetIndex | SetMark | SetFundingRate | Tick
Ordered = Command


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """``user`` is None for the operator's commands."""

    id: int
    at_ns: int
    user: int | None
    command: Operator | Ordered


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    answer: Accepted | Rejected
    orders: tuple[VenueOrder, ...] = ()
    fills: tuple[VenueFill, ...] = ()
    entries: tuple[VenueEntry, ...] = ()
    transfers: tuple[VenueTransfer, ...] = ()
    movements: tuple[VenueMovement, ...] = ()
    borrows: tuple[VenueBorrow, ...] = ()
    repayments: tuple[VenueRepayment, ...] = ()
    interest: tuple[VenueInterest, ...] = ()
    liquidations: tuple[VenueLiquidation, ...] = ()
    funding: tuple[VenueFunding, ...] = ()
    closed: tuple[VenueClosed, ...] = ()
    moves: tuple[VenueMove, ...] = ()
    snapshots: tuple[VenueSnapshot, ...] = ()
    forced: tuple[VenueForced, ...] = ()


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """``methods``: the ways out. ``start_prices``: (asset, its first index price). ``borrowing``: (asset, interest in
    parts per million an hour, the most that is lent of it). ``collateral``: (asset, haircut in parts per million) of
    the wallet `futures`. ``marks``: (contract, its first mark price). ``snapshots``: whether hours have them. ``grid``:
    its moves, its least, and its initial rate, all in parts per million."""

    assets: tuple[VenueAsset, ...]
    instruments: tuple[VenueInstrument, ...]
    methods: tuple[VenueMethod, ...]
    maker_ppm: int
    taker_ppm: int
    start_prices: tuple[tuple[str, Decimal], ...]
    borrowing: tuple[tuple[str, int, Decimal], ...]
    quote_asset: str = "USD"
    hedge: bool = False
    collateral: tuple[tuple[str, int], ...] = ()
    marks: tuple[tuple[str, Decimal], ...] = ()
    snapshots: bool = False
    grid: tuple[tuple[int, ...], int, int] = ((-150_000, 150_000), 10_000, 1_250_000)
