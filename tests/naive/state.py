"""What the naive venue remembers: users, orders, wallets, transfers, borrows and house accounts in plain lists of exact
decimals, and the rows that one command makes. It decides how a change becomes an entry; not which changes happen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, Inexact, InvalidOperation
from typing import Final, Literal

from nostro.link.commands import FUTURES, ISOLATED, LoanType, PlaceOrder
from nostro.link.contracts import (
    VenueBalance,
    VenueClosed,
    VenueForced,
    VenueFunding,
    VenueMove,
    VenueSnapshot,
)
from nostro.link.view import (
    VenueBorrow,
    VenueEntry,
    VenueFill,
    VenueInstrument,
    VenueInterest,
    VenueLiquidation,
    VenueMovement,
    VenueOrder,
    VenueRepayment,
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
    """``parent``: the master whose sub-account it is. ``portfolio``: whether it is margined on the grid."""

    id: int
    maker_ppm: int
    taker_ppm: int
    parent: int | None
    portfolio: bool


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
    """``stage`` is where an open order waits: ``pending``, ``visible``, ``hidden``; ``closed`` after. ``quote_max``:
    of an order that covers a debt, the most of the quote asset that it spends or receives. ``bound``: of a contract's
    order without a price, where its band ends. ``triggered``: a stop of a contract that waits no more."""

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
    quote_max: Decimal | None = None
    bound: Decimal | None = None
    triggered: bool = False
    origin: Literal["user", "liquidation"] = "user"
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
            wallet=asked.wallet,
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
            side_effect=asked.side_effect,
            post_only=asked.post_only,
            position_side=asked.position_side,
            reduce_only=asked.reduce_only and self.instrument.kind != "spot",
            trigger="last" if self.instrument.kind == "spot" else asked.trigger,
            triggered=self.triggered,
            origin=self.origin,
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


@dataclass(eq=False)
class Borrowing:
    """``rate``: a ratio per hour."""

    id: int
    user: int
    wallet: str
    asset: str
    amount: Decimal
    rate: Decimal
    type: LoanType
    time_ns: int
    repaid: Decimal = ZERO
    accrued: Decimal = ZERO
    paid: Decimal = ZERO
    interest_ns: int | None = None
    done_ns: int | None = None

    @property
    def principal(self) -> Decimal:
        return self.amount - self.repaid

    @property
    def interest(self) -> Decimal:
        return self.accrued - self.paid

    def row(self) -> VenueBorrow:
        return VenueBorrow(
            id=self.id,
            user=self.user,
            wallet=self.wallet,
            asset=self.asset,
            amount=self.amount,
            repaid=self.repaid,
            accrued=self.accrued,
            paid=self.paid,
            rate=self.rate,
            type=self.type,
            time_ns=self.time_ns,
            interest_ns=self.interest_ns,
            done_ns=self.done_ns,
        )


@dataclass
class Rows:
    """What one command made or changed. ``stirred``: users who had an entry or whose order changed, of before too."""

    orders: list[Order] = field(default_factory=list)
    fills: list[VenueFill] = field(default_factory=list)
    entries: list[VenueEntry] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    movements: list[VenueMovement] = field(default_factory=list)
    borrows: list[Borrowing] = field(default_factory=list)
    repayments: list[VenueRepayment] = field(default_factory=list)
    interest: list[VenueInterest] = field(default_factory=list)
    liquidations: list[VenueLiquidation] = field(default_factory=list)
    funding: list[VenueFunding] = field(default_factory=list)
    closed: list[VenueClosed] = field(default_factory=list)
    moves: list[VenueMove] = field(default_factory=list)
    snapshots: list[VenueSnapshot] = field(default_factory=list)
    forced: list[VenueForced] = field(default_factory=list)
    stirred: set[int] = field(default_factory=set)

    def changed(self, order: Order) -> None:
        self.stirred.add(order.user)
        if order not in self.orders:
            self.orders.append(order)

    def borrow_changed(self, borrow: Borrowing) -> None:
        if borrow not in self.borrows:
            self.borrows.append(borrow)


class Ledger:
    """Wallets, house accounts, and the rows of the command that is carried out at ``now_ns``. ``reached`` counts what
    happened that no row shows, for the coverage."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.stirred: set[int] = set()  # who had an entry or a changed order since its last snapshot
        self.rows = Rows(stirred=self.stirred)
        self.wallets: dict[tuple[int, str, str], Wallet] = {}
        self.houses: dict[tuple[str, str], Decimal] = {}
        self.entry_count = 0
        self.reached: Counter[str] = Counter()

    def free(self, user: int, wallet: str, asset: str) -> Decimal:
        row = self.wallets.get((user, wallet, asset))
        return row.total - row.held if row else ZERO

    def total(self, user: int, wallet: str, asset: str) -> Decimal:
        row = self.wallets.get((user, wallet, asset))
        return row.total if row else ZERO

    def move(
        self, user: int, asset: str, *, kind: str, wallet: str, total: Decimal = ZERO, held: Decimal = ZERO
    ) -> None:
        """One entry, none where nothing changes."""
        if total == 0 and held == 0:
            return
        row = self.wallets.get((user, wallet, asset))
        if row is None:
            row = Wallet(len(self.wallets) + 1, user, wallet, asset)
            self.wallets[user, wallet, asset] = row
        self.entry_count += 1
        self.stirred.add(user)
        self.rows.entries.append(
            VenueEntry(
                id=self.entry_count,
                user=user,
                wallet=wallet,
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

    def to_house(self, house: str, asset: str, amount: Decimal) -> None:
        """``house``: external, fees, lend, insurance, clearing or rounding."""
        self.houses[house, asset] = self.houses.get((house, asset), ZERO) + amount

    def check(self) -> None:
        """Nothing is made and nothing is lost, nobody has less than nothing but where a position backs it."""
        sums: dict[str, Decimal] = {}
        for (_, asset), amount in self.houses.items():
            sums[asset] = sums.get(asset, ZERO) + amount
        for row in self.wallets.values():
            sums[row.asset] = sums.get(row.asset, ZERO) + row.total
            if row.wallet.startswith(FUTURES) or row.wallet.removeprefix(ISOLATED).count(":"):
                assert row.held == 0, row
            else:
                assert 0 <= row.held <= row.total, row
        assert not any(sums.values()), sums

    def balances(self, user: int) -> list[VenueBalance]:
        return [
            VenueBalance(
                user=row.user,
                wallet=row.wallet,
                asset=row.asset,
                total=row.total,
                held=row.held,
                updated_ns=row.updated_ns,
            )
            for row in self.wallets.values()
            if row.user == user
        ]
