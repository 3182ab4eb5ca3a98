"""What a wire reads of the venue: the market, and a user's own rows, by the questions of `VenueView`. It decides how
each is put together from the engine's state and the journal's histories; it changes nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from nostro.domain.values import DAY_NS, EARLIEST_NS, LATEST_NS, SECOND_NS
from nostro.link.commands import Side
from nostro.link.contracts import VenueBalance
from nostro.link.view import (
    VenueAsset,
    VenueBorrow,
    VenueCandle,
    VenueEntry,
    VenueFeeRule,
    VenueFill,
    VenueInstrument,
    VenueInterest,
    VenueLiquidation,
    VenueLoan,
    VenueMargin,
    VenueMethod,
    VenueMovement,
    VenueOrder,
    VenueRepayment,
    VenueTicker,
    VenueTrade,
    VenueTransfer,
)
from nostro.paper.venue import bars, histories
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.numbers import amount_of
from nostro.paper.venue.rows import order_row
from nostro.paper.venue.wallets import COLLATERAL_FROM, MARGIN_FROM, PLACE_MASK
from nostro.paper.venue.words import RATE_DIGITS

if TYPE_CHECKING:
    from nostro.paper.venue.book import Market
    from nostro.paper.venue.journal import Journal
    from nostro.paper.venue.profile import Profile


class Reading(ABC):
    """A venue as it is read; `Venue` is what else it can do."""

    def __init__(self, journal: Journal, profile: Profile, *, now_ns: Callable[[], int]) -> None:
        self.profile = profile
        self.engine: Engine = journal.recover(profile)
        self._journal = journal
        self._clock = now_ns
        self._instruments = {each.symbol: each for each in profile.instruments}

    @abstractmethod
    def _flush(self) -> None:
        """Commits what waits, so that what is read is all there is."""

    def now_ns(self) -> int:
        return max(self._clock(), self.engine.at_ns)

    # ── the market ───────────────────────────────────────────────────────────────────────────────────────────────

    def assets(self) -> Sequence[VenueAsset]:
        return self.profile.assets

    def instruments(self) -> Sequence[VenueInstrument]:
        return self.profile.instruments

    def instrument(self, symbol: str) -> VenueInstrument | None:
        return self._instruments.get(symbol)

    def ticker(self, symbol: str) -> VenueTicker:
        self._flush()
        market, now_ns = self.engine.markets[symbol], self.now_ns()
        day = bars.since(self._journal.connection, market.id, since_ns=now_ns - DAY_NS)
        return VenueTicker(
            instrument=self._instruments[symbol],
            open=_price(market, day.open if day else None),
            last=_price(market, market.last),
            bid=_price(market, market.bids.best()),
            ask=_price(market, market.asks.best()),
            high=_price(market, day.high if day else None),
            low=_price(market, day.low if day else None),
            volume=amount_of(day.lots if day else 0, market.amount_digits),
            time_ns=now_ns,
        )

    def depth(self, symbol: str, side: Side, *, levels: int | None, grouped: bool) -> Sequence[tuple[Decimal, Decimal]]:
        """``levels``: how many rows at most."""
        market = self.engine.markets[symbol]
        book = market.bids if side == "buy" else market.asks
        rows: list[tuple[Decimal, Decimal]] = []
        for key in reversed(book.keys):
            price = amount_of(abs(key), market.price_digits)
            lots = [order.lots - order.filled for order in book.levels[key].values()]
            rows += [(price, amount_of(each, market.amount_digits)) for each in ([sum(lots)] if grouped else lots)]
            if levels is not None and len(rows) >= levels:
                return rows[:levels]
        return rows

    def candles(self, symbol: str, interval_s: int, *, since_ns: int, until_ns: int) -> Sequence[VenueCandle]:
        """Of every interval that starts within the bounds and in which something traded; ``interval_s`` a multiple of
        60."""
        self._flush()
        market, interval_ns = self.engine.markets[symbol], interval_s * SECOND_NS
        first_ns, end_ns = since_ns + -since_ns % interval_ns, until_ns + -until_ns % interval_ns
        found = bars.within(
            self._journal.connection, market.id, since_ns=first_ns, until_ns=end_ns, interval_ns=interval_ns
        )
        digits = market.price_digits
        return [
            VenueCandle(
                start_ns=start_ns,
                open=amount_of(bar.open, digits),
                high=amount_of(bar.high, digits),
                low=amount_of(bar.low, digits),
                close=amount_of(bar.close, digits),
                volume=amount_of(bar.lots, market.amount_digits),
            )
            for start_ns, bar in found
        ]

    def trades(self, symbol: str | None, *, limit: int, offset: int) -> Sequence[VenueTrade]:
        self._flush()
        instrument = None if symbol is None else self._instruments[symbol].id
        rows = histories.newest_trades(self._journal, instrument, limit=limit, offset=offset)
        return [self.engine.words.trade(row) for row in rows]

    def fee_rules(self, user: int) -> Sequence[VenueFeeRule]:
        known = self.engine.users[user]
        return [
            VenueFeeRule(
                user=user,
                maker_rate=amount_of(known.maker_ppm, RATE_DIGITS),
                taker_rate=amount_of(known.taker_ppm, RATE_DIGITS),
                fee_asset=self.profile.fee_asset,
                valid_from_ns=EARLIEST_NS,
                valid_until_ns=LATEST_NS,
                priority=1,
            )
        ]

    def deposit_methods(self, asset: str) -> Sequence[VenueMethod]:
        return [method for method in self.profile.deposit_methods if method.asset == asset]

    def withdraw_methods(self, asset: str) -> Sequence[VenueMethod]:
        return [method for method in self.profile.withdraw_methods if method.asset == asset]

    # ── a user's own ─────────────────────────────────────────────────────────────────────────────────────────────

    def balances(self, user: int) -> Sequence[VenueBalance]:
        return [
            self.engine.words.balance(
                user, key, total=wallet.total, held=wallet.held, updated_ns=wallet.updated_ns
            )
            for key, wallet in sorted(self.engine.users[user].wallets.items())
        ]  # fmt: skip

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
        if open_only:
            rows = self._open_orders(user, symbol, side=side, since_ns=since_ns, until_ns=until_ns)
            return map(self.engine.words.order, rows[-newest:] if newest else rows)
        where = {"user": user, "instrument": self._id(symbol), "buy": _buy(side)}
        return map(
            self.engine.words.order,
            self._history("orders", where, since_ns=since_ns, until_ns=until_ns, newest=newest),
        )

    def fills(
        self,
        user: int,
        *,
        symbol: str | None = None,
        side: Side | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        newest: int | None = None,
    ) -> Iterator[VenueFill]:
        where = {"user": user, "instrument": self._id(symbol), "buy": _buy(side)}
        rows = self._history("fills", where, since_ns=since_ns, until_ns=until_ns, newest=newest)
        return map(self.engine.words.fill, rows)

    def entries(
        self, user: int, *, asset: str | None = None, since_ns: int | None = None, until_ns: int | None = None
    ) -> Iterator[VenueEntry]:
        where = {"user": user, "asset": None if asset is None else self.engine.assets.get(asset, -1)}
        return map(self.engine.words.entry, self._history("entries", where, since_ns=since_ns, until_ns=until_ns))

    def transfers(
        self,
        user: int,
        direction: Literal["deposit", "withdrawal"],
        *,
        asset: str | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[VenueTransfer]:
        where = {
            "user": user,
            "withdrawal": direction == "withdrawal",
            "asset": None if asset is None else self.engine.assets.get(asset, -1),
        }
        return map(self.engine.words.transfer, self._history("transfers", where, since_ns=since_ns, until_ns=until_ns))

    # ── margin ───────────────────────────────────────────────────────────────────────────────────────────────────

    def movements(
        self, user: int, *, wallet: str | None = None, asset: str | None = None, since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[VenueMovement]:  # fmt: skip
        rows = self._history("movements", self._of_margin(user, wallet, asset), since_ns=since_ns, until_ns=until_ns)
        return map(self.engine.words.movement, rows)

    def loans(self, user: int) -> Sequence[VenueLoan]:
        owed = sorted(self.engine.users[user].loans.items(), key=lambda item: item[1].id)
        return [
            self.engine.words.loan(user, key, number=loan.id, principal=loan.principal, interest=loan.interest)
            for key, loan in owed
            if loan.debt
        ]

    def borrows(
        self, user: int, *, wallet: str | None = None, asset: str | None = None, open_only: bool = False,
        since_ns: int | None = None, until_ns: int | None = None,
    ) -> Iterator[VenueBorrow]:  # fmt: skip
        where = self._of_margin(user, wallet, asset)
        if open_only:
            rows = iter(self._open_borrows(user, where, since_ns=since_ns, until_ns=until_ns))
        else:
            rows = self._history("borrows", where, since_ns=since_ns, until_ns=until_ns)
        return map(self.engine.words.borrow, rows)

    def repayments(
        self, user: int, *, wallet: str | None = None, asset: str | None = None, since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[VenueRepayment]:  # fmt: skip
        rows = self._history("repayments", self._of_margin(user, wallet, asset), since_ns=since_ns, until_ns=until_ns)
        return map(self.engine.words.repayment, rows)

    def interest(
        self, user: int, *, wallet: str | None = None, asset: str | None = None, since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[VenueInterest]:  # fmt: skip
        rows = self._history("interest", self._of_margin(user, wallet, asset), since_ns=since_ns, until_ns=until_ns)
        return map(self.engine.words.interest, rows)

    def liquidations(
        self, user: int, *, wallet: str | None = None, asset: str | None = None, since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[VenueLiquidation]:  # fmt: skip
        rows = self._history("liquidations", self._of_margin(user, wallet, asset), since_ns=since_ns, until_ns=until_ns)
        return map(self.engine.words.liquidation, rows)

    def margin(self, user: int) -> Sequence[VenueMargin]:
        known = self.engine.users[user]
        places = {key & PLACE_MASK for key in known.wallets}
        return [
            self.engine.index.shown(known, place, wallet=self.engine.words.wallets[place])
            for place in sorted(places)
            if MARGIN_FROM <= place < COLLATERAL_FROM
        ]

    def order(self, user: int, order_id: int) -> VenueOrder | None:
        known = self.engine.users[user].orders.get(order_id)
        if known is not None:
            return self.engine.words.order(order_row(known))
        self._flush()
        row = histories.order(self._journal, order_id, user=user)
        return None if row is None else self.engine.words.order(row)

    def sub_accounts(self, user: int) -> Sequence[int]:
        return [each.id for each in self.engine.users.values() if each.parent == user]

    def _of_margin(self, user: int, wallet: str | None, asset: str | None) -> dict[str, int | None]:
        """What a row of margin must have; -1, which none has, for a name that is none."""
        words = self.engine.words
        return {
            "user": user,
            "wallet": None if wallet is None else words.places.get(wallet, -1),
            "asset": None if asset is None else self.engine.assets.get(asset, -1),
        }

    def _open_borrows(
        self, user: int, where: dict[str, int | None], *, since_ns: int | None, until_ns: int | None
    ) -> list[histories.Row]:
        return sorted(
            borrow.row()
            for loan in self.engine.users[user].loans.values()
            if where["wallet"] in (None, loan.place) and where["asset"] in (None, loan.asset)
            for borrow in loan.borrows.values()
            if (since_ns is None or borrow.time_ns >= since_ns) and (until_ns is None or borrow.time_ns < until_ns)
        )

    def _history(
        self,
        table: str,
        where: dict[str, int | None],
        *,
        since_ns: int | None,
        until_ns: int | None,
        newest: int | None = None,
    ) -> Iterator[histories.Row]:
        self._flush()
        return histories.history(
            self._journal, table, where=where, since_ns=since_ns, until_ns=until_ns, newest=newest
        )  # fmt: skip

    def _open_orders(
        self, user: int, symbol: str | None, *, side: Side | None, since_ns: int | None, until_ns: int | None
    ) -> list[histories.Row]:
        return [
            order_row(order)
            for _, order in sorted(self.engine.users[user].orders.items())
            if (symbol is None or order.market.symbol == symbol)
            and (side is None or order.buy == (side == "buy"))
            and (since_ns is None or order.placed_ns >= since_ns)
            and (until_ns is None or order.placed_ns < until_ns)
        ]

    def _id(self, symbol: str | None) -> int | None:
        """An instrument's number; -1, which none has, where there is no such instrument."""
        if symbol is None:
            return None
        known = self._instruments.get(symbol)
        return -1 if known is None else known.id


def _buy(side: Side | None) -> int | None:
    return None if side is None else int(side == "buy")


def _price(market: Market, ticks: int | None) -> Decimal | None:
    return None if ticks is None else amount_of(ticks, market.price_digits)
