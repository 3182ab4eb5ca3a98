"""The rows that a command leaves behind: plain tuples of integers, the same inside the engine and in the journal's
tables. It decides their columns; ``words.py`` turns them into the words of ``link/view.py``.

A wallet is its place (``wallets.py``), a side is True for buy, an asset its index in the profile, an instrument its id,
a list of ids their numbers with spaces between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from nostro.link.commands import Accepted, Rejected
    from nostro.link.contracts import VenueClosed, VenueForced, VenueFunding, VenueMove, VenueSnapshot
    from nostro.link.view import (
        VenueBorrow,
        VenueEntry,
        VenueFill,
        VenueInterest,
        VenueLiquidation,
        VenueMovement,
        VenueOrder,
        VenueRepayment,
        VenueTrade,
        VenueTransfer,
    )
    from nostro.paper.venue.book import Order
    from nostro.paper.venue.words import Words

ORDER_COLUMNS: Final = (
    "id", "user", "instrument", "buy", "type", "time_in_force", "status", "lots", "filled", "canceled", "price", "stop",
    "operator", "quote", "cost", "client_id", "placed_ns", "opened_ns", "updated_ns", "done_ns", "valid_till_ns",
    "expire_after_ns", "wallet", "side_effect", "traits",
)  # fmt: skip
FILL_COLUMNS: Final = (
    "id", "order_id", "user", "instrument", "buy", "price", "lots", "cost", "fee", "fee_asset", "rate_ppm", "maker",
    "order_type", "unfilled", "order_status", "time_ns", "wallet",
)  # fmt: skip
# A fill of a contract has these besides; the last column of each table is the order's or the fill's `traits`.
POSITION_COLUMNS: Final = (
    "size_before", "size_after", "basis_before", "basis_after", "realized", "mark", "traits",
)  # fmt: skip
ENTRY_COLUMNS: Final = (
    "id", "user", "wallet", "wallet_id", "asset", "type", "total", "total_delta", "held", "held_delta", "time_ns",
)  # fmt: skip
TRADE_COLUMNS: Final = ("id", "instrument", "price", "lots", "buy", "user", "time_ns")
TRANSFER_COLUMNS: Final = (
    "id", "user", "withdrawal", "asset", "amount", "fee", "status", "tx_hash", "client_id", "time_ns",
)  # fmt: skip
MOVEMENT_COLUMNS: Final = ("id", "user", "wallet", "added", "asset", "amount", "note", "time_ns")
BORROW_COLUMNS: Final = (
    "id", "user", "wallet", "asset", "amount", "repaid", "accrued", "paid", "rate_ppm", "type", "time_ns",
    "interest_ns", "done_ns",
)  # fmt: skip
REPAYMENT_COLUMNS: Final = ("id", "user", "wallet", "asset", "interest", "principal", "type", "time_ns")
INTEREST_COLUMNS: Final = (
    "id", "user", "wallet", "borrow", "asset", "accrued", "paid", "rate_ppm", "time_ns",
)  # fmt: skip
LIQUIDATION_COLUMNS: Final = (
    "id", "user", "wallet", "asset", "amount", "fund", "level", "orders_closed", "orders_created", "borrows_closed",
    "repayments_created", "time_ns", "done_ns",
)  # fmt: skip
FUNDING_COLUMNS: Final = (
    "id", "user", "wallet", "instrument", "side", "size", "mark", "rate", "asset", "amount", "time_ns",
)  # fmt: skip
CLOSED_COLUMNS: Final = (
    "id", "user", "wallet", "instrument", "side", "long", "isolated", "leverage", "size", "exit_value", "exit_basis",
    "realized", "fees", "funding", "size_max", "mark", "liquidated", "opened_ns", "time_ns",
)  # fmt: skip
MOVE_COLUMNS: Final = (
    "id", "from_user", "from_wallet", "to_user", "to_wallet", "asset", "amount", "note", "time_ns",
)  # fmt: skip
NOTED_COLUMNS: Final = ("id", "user", "time_ns", "snapshot")
FORCED_COLUMNS: Final = (
    "id", "user", "wallet", "equity", "maintenance", "deficit", "orders_canceled", "orders_made", "time_ns",
)  # fmt: skip

OrderRow = tuple[
    int, int, int, bool, str, str, str, int, int, int, int | None, int | None, str | None, int | None, int, str,
    int, int, int, int | None, int | None, int | None, int, str, int,
]  # fmt: skip
SpotFillRow = tuple[int, int, int, int, bool, int, int, int, int, int, int, bool, str, int, str, int, int]
ContractFillRow = tuple[
    int, int, int, int, bool, int, int, int, int, int, int, bool, str, int, str, int, int,
    int, int, int, int, int, int, int,
]  # fmt: skip
FillRow = SpotFillRow | ContractFillRow
EntryRow = tuple[int, int, int, int, int, str, int, int, int, int, int]
TradeRow = tuple[int, int, int, int, bool, int, int]
TransferRow = tuple[int, int, bool, int, int, int, str, str | None, str, int]
MovementRow = tuple[int, int, int, bool, int, int, str, int]
BorrowRow = tuple[int, int, int, int, int, int, int, int, int, str, int, int | None, int | None]
RepaymentRow = tuple[int, int, int, int, int, int, str, int]
InterestRow = tuple[int, int, int, int, int, int, int, int, int]
LiquidationRow = tuple[int, int, int, int, int, int, int, str, str, str, str, int, int]
FundingRow = tuple[int, int, int, int, int, int, int, int, int, int, int]
ClosedRow = tuple[
    int, int, int, int, int, bool, bool, int | None, int, int, int, int, int, int, int, int, bool, int, int
]  # fmt: skip
MoveRow = tuple[int, int, int, int, int, int, int, str, int]
NotedRow = tuple[int, int, int, bytes]
ForcedRow = tuple[int, int, int, int, int, int, str, str, int]


def order_row(order: Order) -> OrderRow:
    """The order as it is now."""
    return (
        order.id, order.user.id, order.market.id, order.buy, order.type, order.time_in_force, order.status, order.lots,
        order.filled, order.canceled, order.price, order.stop, order.operator, order.quote, order.cost, order.client_id,
        order.placed_ns, order.opened_ns, order.updated_ns, order.done_ns, order.valid_till_ns, order.expire_after_ns,
        order.place, order.side_effect, order.traits,
    )  # fmt: skip


class MarginRows(NamedTuple):
    """What a command left of margin, if anything."""

    movements: Sequence[MovementRow]
    borrows: Sequence[BorrowRow]
    repayments: Sequence[RepaymentRow]
    interest: Sequence[InterestRow]
    liquidations: Sequence[LiquidationRow]


NO_MARGIN: Final = MarginRows((), (), (), (), ())


class ContractRows(NamedTuple):
    """What a command left of contracts besides orders, fills and entries, if anything. ``touched``: users whose
    positions, collateral or leverage changed although no other row says so."""

    funding: Sequence[FundingRow]
    closed: Sequence[ClosedRow]
    moves: Sequence[MoveRow]
    noted: Sequence[NotedRow]
    forced: Sequence[ForcedRow]
    touched: Collection[int]


NO_CONTRACTS: Final = ContractRows((), (), (), (), (), ())


class Outcome:
    """What a command came to: its answer, and the rows that it created or changed, in the venue's integers (``*_rows``)
    and, made when they are asked for, in words."""

    __slots__ = (
        "answer", "contract_rows", "entry_rows", "fill_rows", "margin_rows", "order_rows", "trade_rows",
        "transfer_rows", "words",
    )  # fmt: skip

    def __init__(
        self,
        answer: Accepted | Rejected,
        words: Words,
        *,
        orders: Sequence[OrderRow] = (),
        fills: Sequence[FillRow] = (),
        entries: Sequence[EntryRow] = (),
        trades: Sequence[TradeRow] = (),
        transfers: Sequence[TransferRow] = (),
    ) -> None:
        self.answer = answer
        self.words = words
        self.order_rows = orders
        self.fill_rows = fills
        self.entry_rows = entries
        self.trade_rows = trades
        self.transfer_rows = transfers
        self.margin_rows = NO_MARGIN
        self.contract_rows = NO_CONTRACTS

    @property
    def orders(self) -> list[VenueOrder]:
        """In order of id, as they are at the end of the command."""
        return [self.words.order(row) for row in self.order_rows]

    @property
    def fills(self) -> list[VenueFill]:
        """Two a trade, the maker's first."""
        return [self.words.fill(row) for row in self.fill_rows]

    @property
    def entries(self) -> list[VenueEntry]:
        return [self.words.entry(row) for row in self.entry_rows]

    @property
    def trades(self) -> list[VenueTrade]:
        return [self.words.trade(row) for row in self.trade_rows]

    @property
    def transfers(self) -> list[VenueTransfer]:
        return [self.words.transfer(row) for row in self.transfer_rows]

    @property
    def movements(self) -> list[VenueMovement]:
        return [self.words.movement(row) for row in self.margin_rows.movements]

    @property
    def borrows(self) -> list[VenueBorrow]:
        """In order of id, as they are at the end of the command."""
        return [self.words.borrow(row) for row in self.margin_rows.borrows]

    @property
    def repayments(self) -> list[VenueRepayment]:
        return [self.words.repayment(row) for row in self.margin_rows.repayments]

    @property
    def interest(self) -> list[VenueInterest]:
        return [self.words.interest(row) for row in self.margin_rows.interest]

    @property
    def liquidations(self) -> list[VenueLiquidation]:
        return [self.words.liquidation(row) for row in self.margin_rows.liquidations]

    @property
    def funding(self) -> list[VenueFunding]:
        return [self.words.funding(row) for row in self.contract_rows.funding]

    @property
    def closed(self) -> list[VenueClosed]:
        return [self.words.closed(row) for row in self.contract_rows.closed]

    @property
    def moves(self) -> list[VenueMove]:
        return [self.words.move(row) for row in self.contract_rows.moves]

    @property
    def snapshots(self) -> list[VenueSnapshot]:
        return [self.words.noted(row) for row in self.contract_rows.noted]

    @property
    def forced(self) -> list[VenueForced]:
        return [self.words.forced(row) for row in self.contract_rows.forced]

    @property
    def touched(self) -> list[int]:
        """Users of whom something changed, in order of id."""
        found = {row[1] for row in self.entry_rows} | {row[1] for row in self.order_rows}
        return sorted(found.union(self.contract_rows.touched))
