"""Matching of contracts as docs/contracts.md words it: trade by trade, trimming of reduce-only orders, triggers, and
why an order cannot be carried out. What it has of spot it takes from ``matching.py``; it decides nothing of money.
"""

from __future__ import annotations

from decimal import Decimal

from naive.collateral import Collateral, Wish
from naive.commands import Profile
from naive.matching import MILLION, Market, limit_of, opposite, within
from naive.perpetual import Perpetual
from naive.positions import HOUSE, Position, Positions, place
from naive.state import ZERO, Order
from nostro.link.commands import Refusal
from nostro.link.view import VenueFill

STOPS = ("stop_limit", "stop_market")


class ContractMarket(Market):
    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        digits = {asset.code: asset.digits for asset in profile.assets}
        self.perpetuals = {
            one.symbol: Perpetual(one, digits[one.settle]) for one in profile.instruments if one.kind != "spot"
        }
        self.positions = Positions(profile, self.ledger)
        self.collateral = Collateral(self, self.positions, self.perpetuals)
        self.traded: set[int] = set()  # users that ever had an order of a contract

    def position_of(self, order: Order) -> Position:
        return self.positions.of(order.user, self.perpetuals[order.asked.instrument], order.asked.position_side)

    def enter(self, order: Order) -> None:
        super().enter(order)
        if order.asked.instrument in self.perpetuals:
            self.traded.add(order.user)

    def money(self, order: Order) -> Decimal | None:
        return None if order.asked.instrument in self.perpetuals else super().money(order)

    def bind(self, order: Order) -> None:
        """An order without a price has the band as its limit."""
        perpetual = self.perpetuals[order.asked.instrument]
        if order.asked.price is None:
            order.bound = perpetual.price(perpetual.bound(order.asked.side, self.collateral.marks[perpetual.symbol]))

    # ── why not: checks 13 to 17 ─────────────────────────────────────────────────────────────────────────────────

    def why_not(self, order: Order, *, without: Order | None = None) -> Refusal | None:
        """``order`` is not among the open ones, or does not count there; nor does ``without``."""
        self.bind(order)
        stop = order.asked.type in STOPS and not order.triggered
        if not stop and order.asked.post_only and self.crosses(order):
            return Refusal.POST_ONLY_WOULD_TAKE
        if order.asked.reduce_only:
            return self.why_not_reduce(order, without)
        return None if stop else self.why_not_open(order, without)

    def why_not_reduce(self, order: Order, without: Order | None) -> Refusal | None:
        position, side = self.position_of(order), order.asked.side
        perpetual = position.perpetual
        if position.sign != (1 if side == "sell" else -1):
            return Refusal.NO_POSITION
        others = self.collateral.reducing(order.user, perpetual, position.side, side)
        rest = sum(perpetual.lots(one.rest) for one in others if one is not order and one is not without)
        return Refusal.REDUCE_TOO_LARGE if perpetual.lots(order.rest) > abs(position.size) - rest else None

    def why_not_open(self, order: Order, without: Order | None) -> Refusal | None:
        collateral, position = self.collateral, self.position_of(order)
        perpetual, user, wallet = position.perpetual, order.user, position.perpetual.wallet
        lots, side = perpetual.lots(order.rest), order.asked.side
        wish = Wish(
            perpetual, position.side, without,
            buys=lots if side == "buy" else 0, sells=lots if side == "sell" else 0, loss=self.own_loss(order),
        )  # fmt: skip
        worst, _ = collateral.worst(user, perpetual, position.side, wish)
        if worst > perpetual.position_max:
            return Refusal.POSITION_TOO_LARGE
        value = perpetual.value(worst, collateral.marks[perpetual.symbol])
        if position.leverage is not None and position.leverage > perpetual.tier(value).leverage_max:
            return Refusal.LEVERAGE_TOO_HIGH
        before = collateral.initial(user, wallet, Wish(perpetual, position.side, without))
        after, equity = collateral.initial(user, wallet, wish), collateral.equity(user, wallet)
        if after == equity:
            self.ledger.reached["order with all of the equity"] += 1
        if collateral.portfolio.backs(user, wallet) and after > equity:
            self.ledger.reached["grid: too little for " + ("more" if before < after else "as much")] += 1
        return Refusal.INSUFFICIENT_FUNDS if after > before and equity < after else None

    def own_loss(self, order: Order) -> int:
        perpetual = self.perpetuals[order.asked.instrument]
        mark, side = self.collateral.marks[perpetual.symbol], order.asked.side
        matches, _ = self.walk(order)
        loss, rest = 0, perpetual.lots(order.rest)
        for other, amount in matches:
            lots = perpetual.lots(amount)
            rest -= lots
            loss += perpetual.loss(lots, side, ticks=perpetual.ticks(limit_of(other)), mark=mark)
        if order.asked.price is not None and order.asked.time_in_force == "gtc":
            loss += perpetual.loss(rest, side, ticks=perpetual.ticks(order.asked.price), mark=mark)
        return loss

    # ── taking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def carry_out(self, order: Order) -> None:
        if order.asked.instrument not in self.perpetuals:
            super().carry_out(order)
            return
        self.ledger.rows.changed(order)
        self.bind(order)
        rule = order.asked.time_in_force
        judged = rule == "fok"
        if judged and self.walk(order)[1] != "whole":
            self.close(order)
            return
        stopped = self.take(order)
        if order.stage == "closed":
            return
        self.ledger.reached["fok not whole after trimming"] += judged and order.rest > 0
        if order.asked.price is None or rule != "gtc" or order.rest == 0 or stopped == "own":
            self.close(order)
        else:
            self.queue(order, "visible")

    def take(self, order: Order) -> str:
        """Trade by trade, the best order looked for anew each time. Why it stopped."""
        while order.stage != "closed" and order.rest > 0:
            others = self.visible(order.asked.instrument, opposite(order))
            if not others or not within(order, limit_of(others[0])):
                return "end"
            if others[0].user == order.user:
                self.ledger.reached["contract: self trade prevented"] += 1
                return "own"
            self.trade(others[0], order, min(order.rest, others[0].rest))
        return "whole"

    def trade(self, maker: Order, taker: Order, amount: Decimal) -> None:
        super().trade(maker, taker, amount)
        if maker.asked.instrument in self.perpetuals:
            for order in (maker, taker):
                self.trim(self.position_of(order))

    def trim(self, position: Position) -> None:
        perpetual = position.perpetual
        for side in ("buy", "sell"):
            reducible = abs(position.size) if position.sign == (1 if side == "sell" else -1) else 0
            while True:
                orders = self.collateral.reducing(position.user, perpetual, position.side, side)
                if sum(perpetual.lots(order.rest) for order in orders) <= reducible:
                    break
                last = max(orders, key=lambda order: order.id)
                self.ledger.reached[f"trimmed, {last.stage}"] += 1
                self.ledger.reached["trimmed with fills"] += last.filled > 0
                self.close(last)

    def fill(self, order: Order, amount: Decimal, price: Decimal, *, is_maker: bool) -> None:
        if order.asked.instrument not in self.perpetuals:
            super().fill(order, amount, price, is_maker=is_maker)
            return
        user = self.users[order.user - 1]
        rate_ppm = user.maker_ppm if is_maker else user.taker_ppm
        self.contract_fill(order, amount, price, is_maker=is_maker, rate_ppm=rate_ppm, takeover=False)

    def contract_fill(
        self, order: Order, amount: Decimal, price: Decimal, *, is_maker: bool, rate_ppm: int, takeover: bool
    ) -> None:
        position, now_ns = self.position_of(order), self.ledger.now_ns
        perpetual, mark = position.perpetual, self.collateral.marks[position.perpetual.symbol]
        lots, ticks = perpetual.lots(amount), perpetual.ticks(price)
        value, forced = perpetual.value(lots, ticks), order.origin == "liquidation"
        order.filled += amount
        order.cost += perpetual.money(value)
        order.updated_ns = now_ns
        sign = 1 if order.asked.side == "buy" else -1
        change, fee = self.positions.user_fill(
            position, sign, lots, ticks=ticks, value=value, rate_ppm=rate_ppm, mark=mark, forced=forced
        )
        self.ledger.rows.changed(order)
        self.ledger.rows.fills.append(
            VenueFill(
                id=self.trade_count,
                order_id=order.id,
                user=order.user,
                wallet=order.asked.wallet,
                instrument=perpetual.symbol,
                side=order.asked.side,
                price=price,
                amount=amount,
                cost=perpetual.money(value),
                fee=perpetual.money(fee),
                fee_asset=perpetual.settle,
                fee_rate=Decimal(rate_ppm) / MILLION,
                maker=is_maker,
                order_type=order.asked.type,
                order_unfilled=order.amount - order.filled,
                order_status=order.status,
                time_ns=now_ns,
                position_side=position.side,
                size_before=perpetual.amount(change.size_was),
                size_after=perpetual.amount(position.size),
                basis_before=perpetual.money(change.basis_was),
                basis_after=perpetual.money(position.basis),
                realized_pnl=perpetual.money(change.realized),
                mark=perpetual.price(mark),
                liquidation=forced,
                takeover=takeover,
            )
        )

    def take_over(self, order: Order) -> None:
        """The house trades the rest at the mark price."""
        position, amount = self.position_of(order), order.rest
        perpetual = position.perpetual
        ticks = self.collateral.marks[perpetual.symbol]
        price, lots = perpetual.price(ticks), perpetual.lots(amount)
        self.trade_count += 1
        self.last[perpetual.symbol] = price
        self.contract_fill(order, amount, price, is_maker=False, rate_ppm=0, takeover=True)
        house, sign = self.positions.of(HOUSE, perpetual, position.side), -1 if order.asked.side == "buy" else 1
        self.positions.house_fill(house, sign, lots, ticks=ticks, value=perpetual.value(lots, ticks))

    # ── stops ────────────────────────────────────────────────────────────────────────────────────────────────────

    def settle_once(self, symbol: str) -> bool:
        stop = self.triggered(symbol) if symbol in self.perpetuals else None
        if stop is None:
            return super().settle_once(symbol)
        stop.stage, stop.triggered = "new", True
        stop.opened_ns = stop.updated_ns = self.ledger.now_ns
        self.ledger.reached[f"stop triggered by {stop.asked.trigger}"] += 1
        reason = self.why_not(stop)
        if reason is None:
            self.carry_out(stop)
        else:
            self.ledger.reached[f"triggered stop canceled: {reason.value}"] += 1
            self.close(stop)
        return True

    def holds_true(self, stop: Order) -> bool:
        symbol, asked = stop.asked.instrument, stop.asked
        if symbol not in self.perpetuals or asked.trigger == "last":
            return super().holds_true(stop)
        assert asked.stop_price is not None
        perpetual = self.perpetuals[symbol]
        ticks = self.collateral.marks[symbol] if asked.trigger == "mark" else self.collateral.index(perpetual)
        price = perpetual.price(ticks)
        return price >= asked.stop_price if asked.stop_operator == "gte" else price <= asked.stop_price

    # ── what must be ─────────────────────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        self.positions.check()
        for key in {(order.user, place(self.position_of(order))) for order in self.open_orders if reduces(order)}:
            one = next(o for o in self.open_orders if reduces(o) and (o.user, place(self.position_of(o))) == key)
            position = self.position_of(one)
            for side in ("buy", "sell"):
                reducible = abs(position.size) if position.sign == (1 if side == "sell" else -1) else 0
                orders = self.collateral.reducing(one.user, position.perpetual, position.side, side)
                assert sum((order.rest for order in orders), ZERO) <= position.perpetual.amount(reducible)


def reduces(order: Order) -> bool:
    return order.asked.reduce_only and order.instrument.kind != "spot"
