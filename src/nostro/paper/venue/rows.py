"""The rows that a command leaves behind: plain tuples of integers inside the engine and in the journal's tables, and
the words of ``link/view.py`` where somebody reads them. The conversion is made only for rows that are read.

A wallet is 0 (spot) or 1 (funding), a side is True for buy, an asset its index in the profile, an instrument its id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nostro.link.view import (
    Accepted,
    Rejected,
    Side,
    VenueBalance,
    VenueEntry,
    VenueFill,
    VenueOrder,
    VenueTrade,
    VenueTransfer,
    Wallet,
)
from nostro.paper.venue.numbers import amount_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from typing import Any

    from nostro.paper.venue.book import Order
    from nostro.paper.venue.profile import Profile

ORDER_COLUMNS: Final = (
    "id", "user", "instrument", "buy", "type", "time_in_force", "status", "lots", "filled", "canceled", "price", "stop",
    "operator", "quote", "cost", "client_id", "placed_ns", "opened_ns", "updated_ns", "done_ns", "valid_till_ns",
    "expire_after_ns",
)  # fmt: skip
FILL_COLUMNS: Final = (
    "id", "order_id", "user", "instrument", "buy", "price", "lots", "cost", "fee", "fee_asset", "rate_ppm", "maker",
    "order_type", "unfilled", "order_status", "time_ns",
)  # fmt: skip
ENTRY_COLUMNS: Final = (
    "id", "user", "wallet", "wallet_id", "asset", "type", "total", "total_delta", "held", "held_delta", "time_ns",
)  # fmt: skip
TRADE_COLUMNS: Final = ("id", "instrument", "price", "lots", "buy", "user", "time_ns")
TRANSFER_COLUMNS: Final = (
    "id", "user", "withdrawal", "asset", "amount", "fee", "status", "tx_hash", "client_id", "time_ns",
)  # fmt: skip

OrderRow = tuple[
    int, int, int, bool, str, str, str, int, int, int, int | None, int | None, str | None, int | None, int, str,
    int, int, int, int | None, int | None, int | None,
]  # fmt: skip
FillRow = tuple[int, int, int, int, bool, int, int, int, int, int, int, bool, str, int, str, int]
EntryRow = tuple[int, int, int, int, int, str, int, int, int, int, int]
TradeRow = tuple[int, int, int, int, bool, int, int]
TransferRow = tuple[int, int, bool, int, int, int, str, str | None, str, int]

WALLETS: Final[tuple[Wallet, Wallet]] = ("spot", "funding")
RATE_DIGITS: Final = 6


def order_row(order: Order) -> OrderRow:
    """The order as it is now."""
    return (
        order.id, order.user.id, order.market.id, order.buy, order.type, order.time_in_force, order.status, order.lots,
        order.filled, order.canceled, order.price, order.stop, order.operator, order.quote, order.cost, order.client_id,
        order.placed_ns, order.opened_ns, order.updated_ns, order.done_ns, order.valid_till_ns, order.expire_after_ns,
    )  # fmt: skip


class Words:
    """Turns rows into the words of ``link/view.py``, by the assets and instruments of a profile. An integer of a row
    may come as text: the journal writes those so that 64 bits do not hold."""

    def __init__(self, profile: Profile) -> None:
        self.assets = [(asset.code, asset.digits) for asset in profile.assets]
        digits = dict(self.assets)
        self.markets = {
            each.id: (each.symbol, each.amount_digits, each.price_digits, digits[each.quote])
            for each in profile.instruments
        }

    def order(self, row: Sequence[Any]) -> VenueOrder:
        symbol, amount_digits, price_digits, quote_digits = self.markets[row[2]]
        return VenueOrder(
            id=row[0],
            user=row[1],
            wallet="spot",
            instrument=symbol,
            side=side(row[3]),
            type=row[4],
            time_in_force=row[5],
            status=row[6],
            amount=amount_of(row[7], amount_digits),
            filled=amount_of(row[8], amount_digits),
            canceled=amount_of(row[9], amount_digits),
            price=_optional(row[10], price_digits),
            stop_price=_optional(row[11], price_digits),
            stop_operator=row[12],
            quote_amount=_optional(row[13], quote_digits),
            cost=amount_of(int(row[14]), quote_digits),
            client_id=row[15],
            placed_ns=row[16],
            opened_ns=row[17],
            updated_ns=row[18],
            done_ns=row[19],
            valid_till_ns=row[20],
            expire_after_ns=row[21],
        )

    def fill(self, row: Sequence[Any]) -> VenueFill:
        symbol, amount_digits, price_digits, quote_digits = self.markets[row[3]]
        fee_asset, fee_digits = self.assets[row[9]]
        return VenueFill(
            id=row[0],
            order_id=row[1],
            user=row[2],
            wallet="spot",
            instrument=symbol,
            side=side(row[4]),
            price=amount_of(row[5], price_digits),
            amount=amount_of(row[6], amount_digits),
            cost=amount_of(int(row[7]), quote_digits),
            fee=amount_of(int(row[8]), fee_digits),
            fee_asset=fee_asset,
            fee_rate=amount_of(row[10], RATE_DIGITS),
            maker=bool(row[11]),
            order_type=row[12],
            order_unfilled=amount_of(row[13], amount_digits),
            order_status=row[14],
            time_ns=row[15],
        )

    def entry(self, row: Sequence[Any]) -> VenueEntry:
        asset, digits = self.assets[row[4]]
        return VenueEntry(
            id=row[0],
            user=row[1],
            wallet=WALLETS[row[2]],
            wallet_id=row[3],
            asset=asset,
            type=row[5],
            total=amount_of(int(row[6]), digits),
            total_delta=amount_of(int(row[7]), digits),
            held=amount_of(int(row[8]), digits),
            held_delta=amount_of(int(row[9]), digits),
            time_ns=row[10],
        )

    def trade(self, row: Sequence[Any]) -> VenueTrade:
        symbol, amount_digits, price_digits, _ = self.markets[row[1]]
        return VenueTrade(
            id=row[0],
            instrument=symbol,
            price=amount_of(row[2], price_digits),
            amount=amount_of(row[3], amount_digits),
            side=side(row[4]),
            user=row[5],
            time_ns=row[6],
        )

    def transfer(self, row: Sequence[Any]) -> VenueTransfer:
        asset, digits = self.assets[row[3]]
        return VenueTransfer(
            id=row[0],
            user=row[1],
            direction="withdrawal" if row[2] else "deposit",
            asset=asset,
            amount=amount_of(int(row[4]), digits),
            fee=amount_of(int(row[5]), digits),
            status=row[6],
            tx_hash=row[7],
            client_id=row[8],
            time_ns=row[9],
        )

    def balance(self, user: int, key: int, *, total: int, held: int, updated_ns: int) -> VenueBalance:
        """``key``: 2 · asset index + wallet."""
        asset, digits = self.assets[key >> 1]
        return VenueBalance(
            user=user,
            wallet=WALLETS[key & 1],
            asset=asset,
            total=amount_of(total, digits),
            held=amount_of(held, digits),
            updated_ns=updated_ns,
        )


class Outcome:
    """What a command came to: its answer, and the rows that it created or changed, in the venue's integers (``*_rows``)
    and, made when they are asked for, in words."""

    __slots__ = ("answer", "entry_rows", "fill_rows", "order_rows", "trade_rows", "transfer_rows", "words")

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


def side(buy: object) -> Side:
    return "buy" if buy else "sell"


def _optional(count: int | None, digits: int) -> Decimal | None:
    return None if count is None else amount_of(int(count), digits)
