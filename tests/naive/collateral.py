"""Collateral wallets and purses as docs/contracts.md words them: equity, initial and maintenance margin, what orders
add to it, and how they are shown. It decides no refusal and liquidates nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from naive.matching import Market
from naive.perpetual import MILLION, Perpetual, half_even
from naive.portfolio import Portfolio
from naive.positions import Position, Positions, place, purse_name
from naive.state import ZERO, Order
from nostro.link.commands import FUTURES, PositionSide
from nostro.link.contracts import VenueCollateral, VenuePosition


@dataclass(frozen=True)
class Wish:
    """How a key would be: without an order that it has, with so many lots more of an order, with a leverage."""

    perpetual: Perpetual
    side: PositionSide
    without: Order | None = None
    buys: int = 0
    sells: int = 0
    loss: int = 0
    leverage: Decimal | None = None
    leverage_too: bool = False


@dataclass(frozen=True)
class Need:
    """Initial margins of a key in units: with orders, of the position alone, and the loss of its orders."""

    with_orders: int
    alone: int
    loss: int


class Collateral:
    def __init__(self, market: Market, positions: Positions, perpetuals: dict[str, Perpetual]) -> None:
        self.market = market
        self.ledger = market.ledger
        self.profile = market.profile
        self.positions = positions
        self.perpetuals = perpetuals
        self.marks = {symbol: perpetuals[symbol].ticks(price) for symbol, price in market.profile.marks}
        pairs = sorted(perpetuals.values(), key=lambda one: one.id)
        self.wallets = [FUTURES, *dict.fromkeys(one.wallet for one in pairs if one.wallet != FUTURES)]
        spots = sorted((one for one in market.profile.instruments if one.kind == "spot"), key=lambda one: one.id)
        self.order = [
            "spot", "funding", "cross_margin", *(f"isolated_margin:{one.symbol}" for one in spots), *self.wallets,
            *(purse_name(one, side) for one in pairs for side in positions.sides),
        ]  # fmt: skip
        self.purses = {purse_name(one, side) for one in pairs for side in positions.sides}
        self.haircuts = dict(market.profile.collateral)
        self.portfolio = Portfolio(self)

    # ── value ────────────────────────────────────────────────────────────────────────────────────────────────────

    def value(self, wallet: str, asset: str, amount: Decimal) -> Decimal:
        """In the quote asset of index prices; in a margin account, of its settle asset, the amount itself."""
        return amount * self.market.loans.index[asset] if wallet == FUTURES else amount

    def money_value(self, perpetual: Perpetual, units: int) -> Decimal:
        return self.value(perpetual.wallet, perpetual.settle, perpetual.money(units))

    def takes(self, wallet: str) -> list[str]:
        """The assets of a collateral wallet, in order."""
        taken = {one.settle for one in self.perpetuals.values() if one.wallet == wallet}
        if wallet == FUTURES:
            taken = set(self.haircuts)
        return [asset.code for asset in self.profile.assets if asset.code in taken]

    def gross(self, user: int, wallet: str) -> Decimal:
        totals = ((asset, self.ledger.total(user, wallet, asset)) for asset in self.takes(wallet))
        return sum((self.value(wallet, asset, total) for asset, total in totals), ZERO)

    def assets(self, user: int, wallet: str) -> Decimal:
        """After haircuts."""
        total = ZERO
        for asset in self.takes(wallet):
            value = self.value(wallet, asset, self.ledger.total(user, wallet, asset))
            if wallet == FUTURES and value > 0:
                value = value * (MILLION - self.haircuts[asset]) / MILLION
            total += value
        return total

    # ── positions and orders ─────────────────────────────────────────────────────────────────────────────────────

    def of_wallet(self, wallet: str) -> list[Perpetual]:
        found = [one for one in self.perpetuals.values() if one.wallet == wallet]
        return sorted(found, key=lambda one: one.id)

    def cross(self, user: int, wallet: str) -> list[Position]:
        """Cross positions of size, in order of (instrument id, side)."""
        held = [one for one in self.positions.held(user) if one.perpetual.wallet == wallet]
        return [one for one in held if not self.positions.isolated(user, one.perpetual)]

    def visible(self, user: int, perpetual: Perpetual, side: PositionSide) -> list[Order]:
        """Of a key, what is in the book and not reduce-only."""
        return [
            order
            for order in self.market.open_orders
            if order.user == user and order.stage == "visible" and order.asked.instrument == perpetual.symbol
            and order.asked.position_side == side and not order.asked.reduce_only
        ]  # fmt: skip

    def reducing(self, user: int, perpetual: Perpetual, side: PositionSide, order_side: str) -> list[Order]:
        """Of a key, what is open of reduce-only orders of one side, stops too."""
        return [
            order
            for order in self.market.open_orders
            if order.user == user and order.asked.instrument == perpetual.symbol and order.asked.reduce_only
            and order.asked.position_side == side and order.asked.side == order_side
        ]  # fmt: skip

    def worst(self, user: int, perpetual: Perpetual, side: PositionSide, wish: Wish | None = None) -> tuple[int, int]:
        """The worst size W, and the order loss."""
        size, mark = self.positions.of(user, perpetual, side).size, self.marks[perpetual.symbol]
        sums, loss = {"buy": 0, "sell": 0}, 0
        for order in self.visible(user, perpetual, side):
            if wish is None or order is not wish.without:
                lots = perpetual.lots(order.rest)
                sums[order.asked.side] += lots
                assert order.asked.price is not None
                loss += perpetual.loss(lots, order.asked.side, ticks=perpetual.ticks(order.asked.price), mark=mark)
        if wish is not None:
            sums["buy"] += wish.buys
            sums["sell"] += wish.sells
            loss += wish.loss
        return max(abs(size), abs(size + sums["buy"]), abs(size - sums["sell"])), loss

    def need(self, user: int, perpetual: Perpetual, side: PositionSide, wish: Wish | None = None) -> Need:
        position, mark = self.positions.of(user, perpetual, side), self.marks[perpetual.symbol]
        leverage = wish.leverage if wish is not None and wish.leverage_too else position.leverage
        worst, loss = self.worst(user, perpetual, side, wish)
        return Need(
            perpetual.initial(perpetual.value(worst, mark), leverage),
            perpetual.initial(perpetual.value(abs(position.size), mark), leverage),
            loss,
        )

    def maintenance_of(self, position: Position) -> int:
        perpetual = position.perpetual
        return perpetual.maintenance(perpetual.value(abs(position.size), self.marks[perpetual.symbol]))

    def unrealized_of(self, position: Position) -> int:
        return self.positions.unrealized(position, self.marks[position.perpetual.symbol])

    # ── a wallet ─────────────────────────────────────────────────────────────────────────────────────────────────

    def unrealized(self, user: int, wallet: str) -> Decimal:
        cross = self.cross(user, wallet)
        return sum((self.money_value(one.perpetual, self.unrealized_of(one)) for one in cross), ZERO)

    def equity(self, user: int, wallet: str) -> Decimal:
        return self.assets(user, wallet) + self.unrealized(user, wallet)

    def maintenance(self, user: int, wallet: str) -> Decimal:
        if self.portfolio.backs(user, wallet):
            return self.portfolio.maintenance(user)
        cross = self.cross(user, wallet)
        return sum((self.money_value(one.perpetual, self.maintenance_of(one)) for one in cross), ZERO)

    def initial(self, user: int, wallet: str, wish: Wish | None = None) -> Decimal:
        on_grid = self.portfolio.backs(user, wallet)
        total = self.portfolio.initial(user, wish=wish) if on_grid else ZERO
        for perpetual in self.of_wallet(wallet):
            for side in self.positions.sides:
                meant = wish is not None and (wish.perpetual.id, wish.side) == (perpetual.id, side)
                need = self.need(user, perpetual, side, wish if meant else None)
                units = need.with_orders + need.loss
                if self.positions.isolated(user, perpetual):
                    units -= need.alone
                elif on_grid:
                    units = need.loss
                total += self.money_value(perpetual, units)
        return total

    def initial_positions(self, user: int, wallet: str) -> Decimal:
        if self.portfolio.backs(user, wallet):
            return self.portfolio.initial(user, orders=False)
        needs = ((one.perpetual, self.need(user, one.perpetual, one.side).alone) for one in self.cross(user, wallet))
        return sum((self.money_value(perpetual, units) for perpetual, units in needs), ZERO)

    # ── what it looks like ───────────────────────────────────────────────────────────────────────────────────────

    def row(self, user: int, wallet: str) -> VenueCollateral:
        equity, initial = self.equity(user, wallet), self.initial(user, wallet)
        if self.portfolio.backs(user, wallet):
            self.portfolio.note(user)
        mine = [one for one in self.positions.all.values() if one.user == user and one.perpetual.wallet == wallet]
        settles = [one.settle for one in self.of_wallet(wallet)]
        return VenueCollateral(
            user=user,
            wallet=wallet,
            asset=self.profile.quote_asset if wallet == FUTURES else settles[0],
            gross=self.gross(user, wallet),
            assets=self.assets(user, wallet),
            unrealized=self.unrealized(user, wallet),
            equity=equity,
            initial=initial,
            initial_positions=self.initial_positions(user, wallet),
            maintenance=self.maintenance(user, wallet),
            available=equity - initial,
            realized=sum((self.money_value(one.perpetual, one.realized_ever) for one in mine), ZERO),
        )

    def rows(self, user: int) -> list[VenueCollateral]:
        used = {wallet for owner, wallet, _ in self.ledger.wallets if owner == user}
        used |= {order.asked.wallet for order in self.market.open_orders if order.user == user}
        return [self.row(user, wallet) for wallet in self.wallets if wallet in used]

    def position_rows(self, user: int) -> list[VenuePosition]:
        mine = [one for one in self.positions.all.values() if one.user == user and one.seen]
        return [self.position_row(one) for one in sorted(mine, key=place)]

    def position_row(self, position: Position) -> VenuePosition:
        perpetual, mark = position.perpetual, self.marks[position.perpetual.symbol]
        isolated = self.positions.isolated(position.user, perpetual)
        need = self.need(position.user, perpetual, position.side)
        closing = "sell" if position.size > 0 else "buy"
        reducing = self.reducing(position.user, perpetual, position.side, closing) if position.size else []
        closable = abs(position.size) - sum(perpetual.lots(order.rest) for order in reducing)
        return VenuePosition(
            user=position.user,
            wallet=perpetual.wallet,
            instrument=perpetual.symbol,
            side=position.side,
            mode="isolated" if isolated else "cross",
            leverage=position.leverage,
            size=perpetual.amount(position.size),
            basis=perpetual.money(position.basis),
            mark=perpetual.price(mark),
            value=perpetual.money(perpetual.value(position.size, mark)),
            unrealized=perpetual.money(self.unrealized_of(position)),
            margin=perpetual.money(need.alone),
            margin_with_orders=perpetual.money(need.with_orders),
            maintenance=perpetual.money(self.maintenance_of(position)),
            purse=perpetual.money(self.positions.purse_of(position)) if isolated else None,
            liquidation=self.liquidation(position),
            closable=perpetual.amount(closable),
            opened_ns=position.opened_ns,
            updated_ns=position.updated_ns,
            exit_size=perpetual.amount(position.exit_lots),
            exit_value=perpetual.money(position.exit_value),
            exit_basis=perpetual.money(position.exit_basis),
            realized=perpetual.money(position.realized),
            fees=perpetual.money(position.fees),
            funding=perpetual.money(position.funding),
            size_max=perpetual.amount(position.size_max),
        )

    def liquidation(self, position: Position) -> Decimal | None:
        """The mark price where nothing would be above the maintenance margin, if nothing but this position moved."""
        if position.size == 0:
            return None
        user, perpetual, sign = position.user, position.perpetual, position.sign
        isolated = self.positions.isolated(user, perpetual)
        if self.portfolio.backs(user, perpetual.wallet) and not isolated:
            return None
        if isolated:
            others = Fraction(self.positions.purse_of(position))
        else:
            mine = self.unrealized_of(position) - self.maintenance_of(position)
            spare = self.equity(user, perpetual.wallet) - self.maintenance(user, perpetual.wallet)
            others = Fraction(spare) / Fraction(self.money_value(perpetual, 1)) - mine
        value = perpetual.value(abs(position.size), self.marks[perpetual.symbol])
        rate = Fraction(perpetual.tier(value).maintenance_ppm, MILLION)
        slope = perpetual.direction * sign - rate
        # The value there, then the price.
        there = (perpetual.direction * position.basis - others) / slope if slope else Fraction(0)
        if there <= 0:
            return None
        full = abs(position.size) * perpetual.scale
        ticks = full / there if perpetual.inverse else there / full
        whole = math.ceil(ticks) if sign > 0 else math.floor(ticks)
        return perpetual.price(whole) if whole else None  # no mark price is 0

    # ── prices ───────────────────────────────────────────────────────────────────────────────────────────────────

    def index(self, perpetual: Perpetual) -> int:
        """In ticks."""
        prices = self.market.loans.index
        base, quote = perpetual.instrument.base, perpetual.instrument.quote
        if base in prices and quote in prices:
            price = Fraction(prices[base]) / Fraction(prices[quote])
            return half_even(price * 10**perpetual.instrument.price_digits)
        return self.marks[perpetual.symbol]
