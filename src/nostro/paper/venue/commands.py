"""What the engine takes: the operator's commands besides those of ``link/commands.py``, and the envelope in which every
command comes. ``docs/venue.md`` says what each does."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from nostro.link.commands import (
    Borrow,
    CancelAll,
    CancelOrders,
    ClosePosition,
    EditOrder,
    MoveFunds,
    MoveMargin,
    PlaceOrder,
    Repay,
    RequestWithdrawal,
    SetLeverage,
    SetMarginMode,
)
from nostro.paper.venue.listing import PPM


class CreateUser(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """A user without money. ``maker_ppm, taker_ppm``: its fees in parts per million, None: the profile's.
    ``parent``: the user whose sub-account it is, None: a master. ``portfolio``: whether its cross positions in
    `futures` are margined together."""

    name: str
    email: str = ""
    maker_ppm: int | None = None
    taker_ppm: int | None = None
    parent: int | None = None
    portfolio: bool = False

    def __post_init__(self) -> None:
        for rate in (self.maker_ppm, self.taker_ppm):
            if rate is not None and not 0 <= rate <= PPM:
                message = f"a fee of {rate} parts per million is not between 0 and {PPM}"
                raise ValueError(message)


class Deposit(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """Money is seen on its way in; nothing is credited until the deposit is confirmed."""

    user: int
    asset: str
    amount: Decimal
    tx_hash: str | None = None


class AdvanceDeposit(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    deposit: int
    status: str


class AdvanceWithdrawal(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    withdrawal: int
    status: str


class Fund(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """Credits a wallet at once."""

    user: int
    wallet: str
    asset: str
    amount: Decimal


class SetIndex(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """The index price of an asset: how many of the profile's quote asset one is worth."""

    asset: str
    price: Decimal


class SetMark(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """The mark price of a contract."""

    instrument: str
    price: Decimal


class SetFundingRate(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """The funding rate of a contract, a ratio of the position's value, for each of its intervals from now on."""

    instrument: str
    rate: Decimal


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="command"):
    """Time passes, and nothing else."""


AnyCommand = (
    PlaceOrder
    | CancelOrders
    | CancelAll
    | RequestWithdrawal
    | MoveMargin
    | Borrow
    | Repay
    | ClosePosition
    | EditOrder
    | SetLeverage
    | SetMarginMode
    | MoveFunds
    | CreateUser
    | Deposit
    | AdvanceDeposit
    | AdvanceWithdrawal
    | Fund
    | SetIndex
    | SetMark
    | SetFundingRate
    | Tick
)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A command with its number in the journal, its time, and the user it is from (0: the operator)."""

    id: int
    at_ns: int
    command: AnyCommand
    user: int = 0
