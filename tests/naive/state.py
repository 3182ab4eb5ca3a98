"""What the naive venue remembers: users, orders, wallets, transfers and house accounts in plain lists of exact
decimals, and the rows that one command makes. It decides how a change becomes an entry; not which changes happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, Inexact, InvalidOperation
from typing import Final

from nostro.link.view import (
    PlaceOrder,
    VenueBalance,
    VenueEntry,
    VenueFill,
    VenueInstrument,
    VenueOrder,
    VenueTransfer,
)

ZERO: Final = Decimal(0)
EXACT: Final = Context(prec=300, traps=[Inexact, InvalidOperation])  # what would round, raises
ROUNDING: Final = Context(prec=300, traps=[InvalidOperation])


def down(amount: Decimal, digits: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_FLOOR, context=ROUNDING)


def up(amount: Decimal, digits: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_CEILING, context=ROUNDING)


@dataclass
class User:
    id: int
    maker_ppm: int
    taker_ppm: int


@dataclass
class Wallet:
    id: int
    user: int
    wallet: str
    asset: str
    total: Decimal = ZERO
    held: Decimal = ZERO
    updated_ns: int = 0


@dataclass(eq=False)
class Order:
    """``stage`` is where an open order waits: ``pending``, ``visible``, ``hidden``; ``closed`` after."""

    id: int
    user: int
    asked: PlaceOrder
    instrument: VenueInstrument
    now_ns: int
    amount: Decimal
    stage: str = "new"
    sequence: int = 0
    filled: Decimal = ZERO
    canceled: Decimal = ZERO
    cost: Decimal = ZERO
    held: Decimal = ZERO
    final_status: str | None = None
    placed_ns: int = field(init=False)
    opened_ns: int = field(init=False)
    updated_ns: int = field(init=False)
    done_ns: int | None = None

    def __post_init__(self) -> None:
        self.placed_ns = self.opened_ns = self.updated_ns = self.now_ns

    @property
    def funded_in_quote(self) -> bool:
        return self.asked.quote_amount is not None

    @property
    def rest(self) -> Decimal:
        return self.amount - self.filled - self.canceled

    @property
    def end_ns(self) -> int | None:
        ends = [end for end in (self.asked.valid_till_ns, self.asked.expire_after_ns) if end is not None]
        return min(ends) if ends else None

    @property
    def paid_asset(self) -> str:
        return self.instrument.quote if self.asked.side == "buy" else self.instrument.base

    @property
    def received_asset(self) -> str:
        return self.instrument.base if self.asked.side == "buy" else self.instrument.quote

    @property
    def status(self) -> str:
        if self.final_status is not None:
            return self.final_status
        if self.stage == "pending":
            return "pending"
        if self.filled == 0:
            return "open"
        return "filled" if self.rest == 0 else "partially_filled"

    def row(self) -> VenueOrder:
        asked = self.asked
        return VenueOrder(
            id=self.id,
            user=self.user,
            wallet="spot",
            instrument=asked.instrument,
            side=asked.side,
            type=asked.type,
            time_in_force=asked.time_in_force,
            status=self.status,
            amount=self.amount,
            filled=self.filled,
            canceled=self.canceled,
            price=asked.price,
            stop_price=asked.stop_price,
            stop_operator=asked.stop_operator,
            quote_amount=asked.quote_amount,
            cost=self.cost,
            client_id=asked.client_id,
            placed_ns=self.placed_ns,
            opened_ns=self.opened_ns,
            updated_ns=self.updated_ns,
            done_ns=self.done_ns,
            valid_till_ns=asked.valid_till_ns,
            expire_after_ns=asked.expire_after_ns,
        )


@dataclass
class Transfer:
    id: int
    user: int
    direction: str
    asset: str
    amount: Decimal
    fee: Decimal
    status: str
    tx_hash: str | None
    client_id: str
    time_ns: int

    def row(self) -> VenueTransfer:
        return VenueTransfer(
            id=self.id,
            user=self.user,
            direction=self.direction,  # type: ignore[arg-type]
            asset=self.asset,
            amount=self.amount,
            fee=self.fee,
            status=self.status,
            tx_hash=self.tx_hash,
            client_id=self.client_id,
            time_ns=self.time_ns,
        )


class Ledger:
    """Wallets, house accounts, and the entries of the command that is carried out at ``now_ns``."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.wallets: list[Wallet] = []
        self.external: dict[str, Decimal] = {}
        self.fees: dict[str, Decimal] = {}
        self.entry_count = 0
        self.entries: list[VenueEntry] = []

    def find(self, user: int, wallet: str, asset: str) -> Wallet | None:
        for row in self.wallets:
            if (row.user, row.wallet, row.asset) == (user, wallet, asset):
                return row
        return None

    def free(self, user: int, asset: str) -> Decimal:
        row = self.find(user, "spot", asset)
        return row.total - row.held if row else ZERO

    def move(
        self, user: int, asset: str, *, kind: str, total: Decimal = ZERO, held: Decimal = ZERO, wallet: str = "spot"
    ) -> None:
        """One entry, none where nothing changes."""
        if total == 0 and held == 0:
            return
        row = self.find(user, wallet, asset)
        if row is None:
            row = Wallet(len(self.wallets) + 1, user, wallet, asset)
            self.wallets.append(row)
        self.entry_count += 1
        self.entries.append(
            VenueEntry(
                id=self.entry_count,
                user=user,
                wallet=wallet,  # type: ignore[arg-type]
                wallet_id=row.id,
                asset=asset,
                type=kind,
                total=row.total,
                total_delta=total,
                held=row.held,
                held_delta=held,
                time_ns=self.now_ns,
            )
        )
        row.total += total
        row.held += held
        row.updated_ns = self.now_ns

    def to_fees(self, asset: str, amount: Decimal) -> None:
        self.fees[asset] = self.fees.get(asset, ZERO) + amount

    def from_outside(self, asset: str, amount: Decimal) -> None:
        self.external[asset] = self.external.get(asset, ZERO) - amount

    def balances(self, user: int) -> list[VenueBalance]:
        return [
            VenueBalance(
                user=row.user,
                wallet=row.wallet,  # type: ignore[arg-type]
                asset=row.asset,
                total=row.total,
                held=row.held,
                updated_ns=row.updated_ns,
            )
            for row in self.wallets
            if row.user == user
        ]


@dataclass
class Rows:
    """What one command changed besides the ledger."""

    orders: list[Order] = field(default_factory=list)
    fills: list[VenueFill] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)

    def changed(self, order: Order) -> None:
        if order not in self.orders:
            self.orders.append(order)
