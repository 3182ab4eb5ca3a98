"""Walking, trading, stops and settling, as docs/venue.md words them: every question is answered by looking through all
open orders. It decides what an order does once it is placed; not whether it may be placed.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from naive.commands import Profile
from naive.loans import Loans
from naive.state import ZERO, Ledger, Order, User, down, up
from nostro.link.view import VenueAsset, VenueFill, VenueInstrument

MILLION = Decimal(1_000_000)


class Market:
    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.ledger = Ledger()
        self.loans = Loans(profile, self.ledger)
        self.users: list[User] = []
        self.open_orders: list[Order] = []
        self.order_count = 0
        self.trade_count = 0
        self.liquidation_count = 0
        self.sequence = 0
        self.last: dict[str, Decimal] = {}

    # ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────

    def known(self, user: int | None) -> bool:
        return user is not None and 1 <= user <= len(self.users)

    def asset(self, code: str) -> VenueAsset | None:
        return next((asset for asset in self.profile.assets if asset.code == code), None)

    def instrument(self, symbol: str) -> VenueInstrument | None:
        return next((one for one in self.profile.instruments if one.symbol == symbol), None)

    def spot(self, symbol: str) -> VenueInstrument | None:
        found = self.instrument(symbol)
        return found if found is not None and found.kind == "spot" else None

    def digits(self, code: str) -> int:
        asset = self.asset(code)
        assert asset is not None
        return asset.digits

    def cost(self, instrument: VenueInstrument, amount: Decimal, price: Decimal) -> Decimal:
        return down(amount * price, self.digits(instrument.quote))

    def payable(self, instrument: VenueInstrument, money: Decimal, price: Decimal) -> Decimal:
        """The most base, in whole lots, whose cost is at most ``money``."""
        unit = Fraction(1, 10 ** self.digits(instrument.quote))
        lot = Fraction(1, 10**instrument.amount_digits)
        # The cost is rounded down: it fits as long as lots * price < money + one unit.
        bound = (Fraction(money) + unit) / (lot * Fraction(price))
        lots = bound.numerator // bound.denominator
        if lots == bound:
            lots -= 1
        return Decimal(lots).scaleb(-instrument.amount_digits)

    def hold(self, order: Order, amount: Decimal) -> Decimal:
        """What an order holds at first for ``amount``; a limit order also later."""
        asked = order.asked
        if asked.type == "market":
            return ZERO
        if asked.side == "sell":
            return amount
        digits = self.digits(order.instrument.quote)
        if asked.type == "stop_market":
            assert asked.stop_price is not None
            return up(amount * asked.stop_price * Decimal("1.05"), digits)
        assert asked.price is not None
        return up(amount * asked.price, digits)

    # ── the visible book ─────────────────────────────────────────────────────────────────────────────────────────

    def visible(self, symbol: str, side: str) -> list[Order]:
        """Best price first, then the lowest sequence."""
        orders = [o for o in self.open_orders if o.stage == "visible" and o.asked.instrument == symbol]
        orders = [o for o in orders if o.asked.side == side]
        sign = -1 if side == "buy" else 1
        return sorted(orders, key=lambda o: (sign * limit_of(o), o.sequence))

    def depth(self, symbol: str, side: str) -> list[tuple[Decimal, Decimal]]:
        """One row an order."""
        return [(limit_of(order), order.rest) for order in self.visible(symbol, side)]

    def crosses(self, order: Order) -> bool:
        others = self.visible(order.asked.instrument, opposite(order))
        return bool(others) and within(order, limit_of(others[0]))

    def walk(self, order: Order) -> tuple[list[tuple[Order, Decimal]], str]:
        """What ``order`` would trade now, and why it would stop: wholly filled, ``end`` of the matching book, an
        ``own`` order, or no ``money`` for more."""
        rest = None if order.funded_in_quote else order.rest
        money = self.money(order)
        matches: list[tuple[Order, Decimal]] = []
        for other in self.visible(order.asked.instrument, opposite(order)):
            price = limit_of(other)
            if rest == 0 or not within(order, price):
                break
            if other.user == order.user:
                return matches, "own"
            wanted = other.rest if rest is None else min(rest, other.rest)
            amount = wanted
            if money is not None:
                amount = min(wanted, self.payable(order.instrument, money, price))
                money -= self.cost(order.instrument, amount, price)
            if amount > 0:
                matches.append((other, amount))
            if amount < wanted:
                return matches, "money"
            if rest is not None:
                rest -= amount
        return matches, "whole" if rest == 0 else "end"

    def money(self, order: Order) -> Decimal | None:
        """The most that the order may cost; None where only its amount bounds it."""
        if order.asked.quote_amount is not None:
            return order.asked.quote_amount - order.cost
        if order.quote_max is not None:
            return order.quote_max - order.cost
        if order.asked.type == "stop_market" and order.asked.side == "buy":
            return order.held
        return None

    # ── trading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def enter(self, order: Order) -> None:
        """The order has come: it gets its id."""
        self.order_count += 1
        order.id = self.order_count
        self.open_orders.append(order)
        self.ledger.rows.changed(order)

    def carry_out(self, order: Order) -> None:
        """An order that just came, or a stop just triggered."""
        self.ledger.rows.changed(order)
        market = order.asked.type in ("market", "stop_market")
        rule = order.asked.time_in_force
        matches, stopped = self.walk(order)
        if order.quote_max is not None:
            self.ledger.reached[f"covering order stops: {stopped}"] += 1
        whole = stopped == "whole" or (order.funded_in_quote and stopped == "money")
        if rule == "fok" or (market and rule == "aon"):
            self.trade_all(order, matches if whole else [])
            self.close(order)
        elif rule == "aon":
            if whole:
                self.trade_all(order, matches)
                self.close(order)
            else:
                self.queue(order, "hidden")
        else:
            self.trade_all(order, matches)
            if market or rule == "ioc" or order.rest == 0 or stopped == "own":
                self.close(order)
            else:
                self.queue(order, "visible")

    def queue(self, order: Order, stage: str) -> None:
        self.sequence += 1
        order.sequence = self.sequence
        order.stage = stage

    def trade_all(self, taker: Order, matches: list[tuple[Order, Decimal]]) -> None:
        for maker, amount in matches:
            self.trade(maker, taker, amount)

    def trade(self, maker: Order, taker: Order, amount: Decimal) -> None:
        price = limit_of(maker)
        self.trade_count += 1
        self.last[maker.asked.instrument] = price
        for order in (maker, taker):
            self.fill(order, amount, price, is_maker=order is maker)
        if maker.rest == 0:
            self.close(maker)

    def fill(self, order: Order, amount: Decimal, price: Decimal, *, is_maker: bool) -> None:
        now_ns = self.ledger.now_ns
        cost = self.cost(order.instrument, amount, price)
        paid, received = (cost, amount) if order.asked.side == "buy" else (amount, cost)
        user = self.users[order.user - 1]
        rate = Decimal(user.maker_ppm if is_maker else user.taker_ppm) / MILLION
        fee = up(received * rate, self.digits(order.received_asset))
        order.filled += amount
        order.cost += cost
        if order.funded_in_quote:
            order.amount = order.filled
        freed = self.freed(order, paid)
        order.held -= freed
        order.updated_ns = now_ns
        self.move(order, order.paid_asset, kind="trade", total=-paid, held=-freed)
        self.move(order, order.received_asset, kind="trade", total=received)
        self.move(order, order.received_asset, kind="fee", total=-fee)
        self.ledger.to_house("fees", order.received_asset, fee)
        self.ledger.rows.changed(order)
        self.ledger.rows.fills.append(
            VenueFill(
                id=self.trade_count,
                order_id=order.id,
                user=order.user,
                wallet=order.asked.wallet,
                instrument=order.asked.instrument,
                side=order.asked.side,
                price=price,
                amount=amount,
                cost=cost,
                fee=fee,
                fee_asset=order.received_asset,
                fee_rate=rate,
                maker=is_maker,
                order_type=order.asked.type,
                order_unfilled=order.amount - order.filled,
                order_status=order.status,
                time_ns=now_ns,
            )
        )
        if order.asked.side_effect == "auto_repay" and order.asked.wallet != "spot":
            self.auto_repay(order, received - fee)

    def auto_repay(self, order: Order, proceeds: Decimal) -> None:
        user, wallet, asset = order.user, order.asked.wallet, order.received_asset
        amount = min(proceeds, self.loans.debt(user, wallet, asset))
        self.loans.repay(user, wallet, asset, amount=amount, loan_type="auto")

    def move(self, order: Order, asset: str, *, kind: str, total: Decimal = ZERO, held: Decimal = ZERO) -> None:
        self.ledger.move(order.user, asset, kind=kind, wallet=order.asked.wallet, total=total, held=held)

    def freed(self, order: Order, paid: Decimal) -> Decimal:
        if order.asked.type == "market":
            return ZERO
        if order.asked.type == "stop_market" and order.asked.side == "buy":
            return paid
        return order.held - self.hold(order, order.rest)

    def close(self, order: Order, status: str | None = None) -> None:
        """The rest is canceled, what is still held is released."""
        order.canceled += order.rest
        if status is None:
            status = "filled" if order.filled and not order.canceled else "canceled"
            if order.filled and order.canceled:
                status = "partially_canceled"
        order.final_status = status
        order.stage = "closed"
        order.done_ns = order.updated_ns = self.ledger.now_ns
        held, order.held = order.held, ZERO
        self.move(order, order.paid_asset, kind="release", held=-held)
        self.open_orders.remove(order)
        self.ledger.rows.changed(order)

    def cancel_together(self, orders: list[Order]) -> list[int]:
        """In order of id, all of them before each instrument concerned is settled in order of its id."""
        orders = sorted(orders, key=lambda order: order.id)
        for order in orders:
            self.close(order)
        for instrument in sorted(self.profile.instruments, key=lambda instrument: instrument.id):
            if any(order.instrument.id == instrument.id for order in orders):
                self.settle(instrument.symbol)
        return [order.id for order in orders]

    # ── settling and expiry ──────────────────────────────────────────────────────────────────────────────────────

    def settle(self, symbol: str) -> None:
        while self.settle_once(symbol):
            pass

    def settle_once(self, symbol: str) -> bool:
        stop = self.triggered(symbol)
        if stop is not None:
            stop.stage = "new"
            stop.opened_ns = stop.updated_ns = self.ledger.now_ns
            stop.triggered = True
            self.carry_out(stop)
            return True
        hidden = self.completable(symbol)
        if hidden is not None:
            self.trade_all(hidden, self.walk(hidden)[0])
            self.close(hidden)
            return True
        return False

    def waiting(self, symbol: str, stage: str) -> list[Order]:
        return [order for order in self.open_orders if order.asked.instrument == symbol and order.stage == stage]

    def triggered(self, symbol: str) -> Order | None:
        stops = [order for order in self.waiting(symbol, "pending") if self.holds_true(order)]
        return min(stops, key=lambda order: order.id, default=None)

    def completable(self, symbol: str) -> Order | None:
        hidden = [order for order in self.waiting(symbol, "hidden") if self.walk(order)[1] == "whole"]
        return min(hidden, key=lambda order: order.sequence, default=None)

    def holds_true(self, stop: Order) -> bool:
        last, asked = self.last.get(stop.asked.instrument), stop.asked
        assert asked.stop_price is not None
        if last is None:
            return False
        return last >= asked.stop_price if asked.stop_operator == "gte" else last <= asked.stop_price

    def due(self, now_ns: int) -> Iterator[Order]:
        """Orders to expire, the next one looked for after the one before was dealt with."""
        while True:
            ended = [(o.end_ns, o.id, o) for o in self.open_orders if o.end_ns is not None and o.end_ns <= now_ns]
            if not ended:
                return
            yield min(ended)[2]

    def expire(self) -> None:
        for order in self.due(self.ledger.now_ns):
            self.close(order, "expired")
            self.settle(order.asked.instrument)


def opposite(order: Order) -> str:
    return "sell" if order.asked.side == "buy" else "buy"


def limit_of(order: Order) -> Decimal:
    assert order.asked.price is not None
    return order.asked.price


def within(order: Order, price: Decimal) -> bool:
    limit = order.bound if order.asked.price is None else order.asked.price
    if limit is None:
        return True
    return price <= limit if order.asked.side == "buy" else price >= limit
