"""The commands of contracts as docs/contracts.md words them: placing, editing, leverage and modes, moving funds,
marks and funding rates. It decides which are refused and what the accepted ones do.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from naive.checks import COUNT_MAX, UNITS_MAX, Refused, check_prices, countable
from naive.collateral import Wish
from naive.commands import SetFundingRate, SetMark
from naive.contract_market import STOPS, ContractMarket
from naive.perpetual import Perpetual
from naive.state import Order
from nostro.link.commands import EditOrder, MoveFunds, PlaceOrder, Refusal, SetLeverage, SetMarginMode
from nostro.link.contracts import VenueMove

ContractCommand = EditOrder | SetLeverage | SetMarginMode | MoveFunds
RATE_MAX = 10**7  # parts per 10^9


class ContractCommands:
    def __init__(self, market: ContractMarket) -> None:
        self.market = market
        self.ledger = market.ledger
        self.collateral = market.collateral
        self.positions = market.positions
        self.rates = dict.fromkeys(market.perpetuals, 0)  # parts per 10^9, each interval
        self.move_count = 0

    def perpetual(self, symbol: str) -> Perpetual:
        found = self.market.perpetuals.get(symbol)
        if found is None:
            raise Refused(Refusal.UNKNOWN_INSTRUMENT, f"instrument {symbol}")
        return found

    def open_orders(self, user: int, perpetual: Perpetual) -> list[Order]:
        orders = self.market.open_orders
        return [one for one in orders if (one.user, one.asked.instrument) == (user, perpetual.symbol)]

    # ── placing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def check_place(self, user: int, asked: PlaceOrder) -> None:
        perpetual = self.perpetual(asked.instrument)
        if asked.wallet != perpetual.wallet:
            raise Refused(Refusal.WALLET_CANNOT_TRADE, f"wallet {asked.wallet}")
        if asked.position_side not in self.positions.sides:
            raise Refused(Refusal.BAD_POSITION_SIDE, f"position_side {asked.position_side}")
        post_only_wrong = asked.post_only and (asked.type, asked.time_in_force) != ("limit", "gtc")
        if post_only_wrong or asked.time_in_force == "aon":
            raise Refused(Refusal.BAD_TIME_IN_FORCE, f"{asked.type} {asked.time_in_force}")
        digits = perpetual.instrument.amount_digits
        if asked.amount is None or asked.quote_amount is not None or not countable(asked.amount, digits, COUNT_MAX):
            raise Refused(Refusal.BAD_AMOUNT, f"amount {asked.amount}, quote_amount {asked.quote_amount}")
        check_prices(perpetual.instrument, asked)
        order = self.new_order(user, asked)
        if order.end_ns is not None and order.end_ns <= order.now_ns:
            raise Refused(Refusal.ALREADY_EXPIRED, f"end {order.end_ns}")
        self.check_size(perpetual, order)
        open_here = self.open_orders(user, perpetual)
        if len(open_here) >= perpetual.instrument.orders_max:
            raise Refused(Refusal.TOO_MANY_ORDERS, f"{len(open_here)} are open")
        reason = self.market.why_not(order)
        if reason is not None:
            raise Refused(reason, f"order {asked}")

    def new_order(self, user: int, asked: PlaceOrder) -> Order:
        """In hedge mode what closes is reduce-only."""
        if (asked.position_side, asked.side) in (("long", "sell"), ("short", "buy")):
            asked = msgspec.structs.replace(asked, reduce_only=True)
        assert asked.amount is not None
        instrument = self.market.perpetuals[asked.instrument].instrument
        return Order(0, user, asked, instrument, self.ledger.now_ns, asked.amount)

    def check_size(self, perpetual: Perpetual, order: Order) -> None:
        """Checks 9 to 11, of what the order has left."""
        asked, mark = order.asked, self.collateral.marks[perpetual.symbol]
        if order.rest < perpetual.instrument.amount_min:
            raise Refused(Refusal.AMOUNT_TOO_SMALL, f"amount {order.rest}")
        if order.rest > perpetual.instrument.amount_max:
            raise Refused(Refusal.AMOUNT_TOO_LARGE, f"amount {order.rest}")
        ticks = mark if asked.price is None else perpetual.ticks(asked.price)
        if asked.type == "limit":
            bound = perpetual.bound(asked.side, mark)
            if ticks > bound if asked.side == "buy" else ticks < bound:
                raise Refused(Refusal.PRICE_OUT_OF_BAND, f"price {asked.price}")
        if not asked.reduce_only and perpetual.value(perpetual.lots(order.rest), ticks) < perpetual.value_min:
            raise Refused(Refusal.VALUE_TOO_SMALL, f"amount {order.rest}")

    def place(self, user: int, asked: PlaceOrder) -> tuple[int, ...]:
        market, order = self.market, self.new_order(user, asked)
        reason = market.why_not(order)
        market.enter(order)
        if reason is not None:
            self.ledger.reached[f"contract order canceled by what came before it: {reason.value}"] += 1
            market.close(order)
        elif asked.type in STOPS:
            order.stage = "pending"
        else:
            market.carry_out(order)
        market.settle(asked.instrument)
        return (order.id,)

    # ── editing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def edited_order(self, user: int, order_id: int) -> Order | None:
        mine = [one for one in self.market.open_orders if (one.id, one.user) == (order_id, user)]
        return next((one for one in mine if one.asked.instrument in self.market.perpetuals), None)

    def as_it_would_be(self, order: Order, edit: EditOrder) -> Order:
        """With what would remain as its lots."""
        amount = order.amount if edit.amount is None else edit.amount
        rest = amount - order.filled
        asked = msgspec.structs.replace(
            order.asked,
            amount=amount,
            price=order.asked.price if edit.price is None else edit.price,
            stop_price=order.asked.stop_price if edit.stop_price is None else edit.stop_price,
        )
        would = Order(order.id, order.user, asked, order.instrument, self.ledger.now_ns, rest)
        would.triggered = order.triggered
        return would

    def check_edit(self, user: int, edit: EditOrder) -> None:
        order = self.edited_order(user, edit.order_id)
        if order is None:
            raise Refused(Refusal.UNKNOWN_ORDER, f"order {edit.order_id}")
        instrument, kind = order.instrument, order.asked.type
        if edit.amount is not None:
            lots = edit.amount.scaleb(instrument.amount_digits)
            if lots != lots.to_integral_value() or lots > COUNT_MAX or edit.amount <= order.filled:
                raise Refused(Refusal.BAD_AMOUNT, f"amount {edit.amount}")
        prices = (
            (edit.price, kind in ("limit", "stop_limit"), Refusal.BAD_PRICE),
            (edit.stop_price, kind in STOPS, Refusal.BAD_STOP),
        )
        for price, has, reason in prices:
            if price is not None and not (has and countable(price, instrument.price_digits, COUNT_MAX)):
                raise Refused(reason, f"price {price}")
        would = self.as_it_would_be(order, edit)
        self.check_size(self.market.perpetuals[order.asked.instrument], would)
        reason_not = self.market.why_not(would, without=order)
        if reason_not is not None:
            raise Refused(reason_not, f"order {edit}")

    def edit(self, user: int, edit: EditOrder) -> tuple[int, ...]:
        market, reached = self.market, self.ledger.reached
        order = self.edited_order(user, edit.order_id)
        if order is None:
            reached["edit of what is not open any more"] += 1
            return (edit.order_id,)
        symbol, would = order.asked.instrument, self.as_it_would_be(order, edit)
        if would.rest <= 0 or market.why_not(would, without=order) is not None:
            reached["edit canceled by what came before it"] += 1
            market.close(order)
        else:
            self.change(order, would)
        market.settle(symbol)
        return (edit.order_id,)

    def change(self, order: Order, would: Order) -> None:
        market, reached = self.market, self.ledger.reached
        assert would.asked.amount is not None
        prices_stay = (would.asked.price, would.asked.stop_price) == (order.asked.price, order.asked.stop_price)
        falls = prices_stay and would.asked.amount < order.amount
        order.asked, order.amount, order.updated_ns = would.asked, would.asked.amount, self.ledger.now_ns
        self.ledger.rows.changed(order)
        waits = order.stage == "pending"
        reached["edit of a waiting stop" if waits else "edit keeps its place" if falls else "edit"] += 1
        if falls or waits:
            return
        order.stage, filled = "new", order.filled
        market.carry_out(order)
        reached["edit that trades"] += order.filled > filled

    # ── leverage and mode ────────────────────────────────────────────────────────────────────────────────────────

    def check_leverage(self, user: int, command: SetLeverage) -> None:
        perpetual, side, leverage = self.perpetual(command.instrument), command.position_side, command.leverage
        if side not in self.positions.sides:
            raise Refused(Refusal.BAD_POSITION_SIDE, f"position_side {side}")
        isolated = self.positions.isolated(user, perpetual)
        if leverage is None:
            if isolated:
                raise Refused(Refusal.BAD_LEVERAGE, "none in isolated mode")
        elif leverage < 1 or not countable(leverage, 2, leverage.scaleb(2)):
            raise Refused(Refusal.BAD_LEVERAGE, f"leverage {leverage}")
        worst, _ = self.collateral.worst(user, perpetual, side)
        tier = perpetual.tier(perpetual.value(worst, self.collateral.marks[perpetual.symbol]))
        if leverage is not None and leverage > tier.leverage_max:
            raise Refused(Refusal.LEVERAGE_TOO_HIGH, f"leverage {leverage}")
        if isolated and self.positions.of(user, perpetual, side).size:
            raise Refused(Refusal.POSITION_OPEN, f"{perpetual.symbol} {side}")
        before = self.collateral.initial(user, perpetual.wallet)
        wish = Wish(perpetual, side, leverage=leverage, leverage_too=True)
        after = self.collateral.initial(user, perpetual.wallet, wish)
        if after > before and self.collateral.equity(user, perpetual.wallet) < after:
            raise Refused(Refusal.INSUFFICIENT_FUNDS, f"leverage {leverage}")

    def set_leverage(self, user: int, command: SetLeverage) -> None:
        position = self.positions.of(user, self.perpetual(command.instrument), command.position_side)
        position.leverage, position.seen, position.updated_ns = command.leverage, True, self.ledger.now_ns

    def check_mode(self, user: int, command: SetMarginMode) -> None:
        perpetual = self.perpetual(command.instrument)
        if self.open_orders(user, perpetual) or any(
            self.positions.of(user, perpetual, side).size for side in self.positions.sides
        ):
            raise Refused(Refusal.POSITION_OPEN, f"instrument {perpetual.symbol}")

    def set_mode(self, user: int, command: SetMarginMode) -> None:
        perpetual = self.perpetual(command.instrument)
        self.positions.modes[user, perpetual.id] = command.mode
        for side in self.positions.sides:
            position = self.positions.of(user, perpetual, side)
            position.seen, position.updated_ns = True, self.ledger.now_ns
            if command.mode == "isolated" and position.leverage is None:
                position.leverage = perpetual.instrument.tiers[0].leverage_max

    # ── money ────────────────────────────────────────────────────────────────────────────────────────────────────

    def check_move(self, user: int, command: MoveFunds) -> None:
        collateral, ends = self.collateral, places(command)
        for account, _ in ends:
            if account != user and not (self.market.known(account) and self.market.users[account - 1].parent == user):
                raise Refused(Refusal.NOT_YOUR_ACCOUNT, f"account {account}")
        if any(wallet not in ("spot", "funding", *collateral.wallets) for _, wallet in ends) or ends[0] == ends[1]:
            raise Refused(Refusal.WALLET_CANNOT_TRADE, f"from {ends[0]} to {ends[1]}")
        asset = self.market.asset(command.asset)
        if asset is None:
            raise Refused(Refusal.UNKNOWN_ASSET, f"asset {command.asset}")
        if any(wallet in collateral.wallets and asset.code not in collateral.takes(wallet) for _, wallet in ends):
            raise Refused(Refusal.WRONG_ASSET, f"asset {command.asset}")
        if not countable(command.amount, asset.digits, UNITS_MAX):
            raise Refused(Refusal.BAD_AMOUNT, f"amount {command.amount}")
        if not self.movable(*ends[0], asset.code, amount=command.amount):
            raise Refused(Refusal.INSUFFICIENT_FUNDS, f"amount {command.amount}")

    def movable(self, user: int, wallet: str, asset: str, *, amount: Decimal) -> bool:
        if wallet not in self.collateral.wallets:
            return self.ledger.free(user, wallet, asset) >= amount
        total = self.ledger.total(user, wallet, asset)
        if total < amount:
            return False
        row = self.ledger.wallets[user, wallet, asset]
        row.total -= amount
        equity, initial = self.collateral.equity(user, wallet), self.collateral.initial(user, wallet)
        row.total = total
        self.ledger.reached["all that is available is moved"] += equity == initial > 0
        return equity >= initial

    def move(self, command: MoveFunds) -> tuple[int, ...]:
        (giver, source), (taker, target) = places(command)
        if not self.movable(giver, source, command.asset, amount=command.amount):
            self.ledger.reached["funds not moved after all"] += 1
            return ()
        self.ledger.move(giver, command.asset, kind="transfer", wallet=source, total=-command.amount)
        self.ledger.move(taker, command.asset, kind="transfer", wallet=target, total=command.amount)
        self.move_count += 1
        self.ledger.rows.moves.append(
            VenueMove(
                id=self.move_count,
                from_user=giver,
                from_wallet=source,
                to_user=taker,
                to_wallet=target,
                asset=command.asset,
                amount=command.amount,
                note=command.note,
                time_ns=self.ledger.now_ns,
            )
        )
        return (self.move_count,)

    # ── all of them ──────────────────────────────────────────────────────────────────────────────────────────────

    def check(self, user: int, command: ContractCommand) -> None:
        if isinstance(command, EditOrder):
            self.check_edit(user, command)
        elif isinstance(command, SetLeverage):
            self.check_leverage(user, command)
        elif isinstance(command, SetMarginMode):
            self.check_mode(user, command)
        else:
            self.check_move(user, command)

    def carry_out(self, user: int, command: ContractCommand) -> tuple[int, ...]:
        if isinstance(command, EditOrder):
            return self.edit(user, command)
        if isinstance(command, MoveFunds):
            return self.move(command)
        if isinstance(command, SetLeverage):
            self.set_leverage(user, command)
        else:
            self.set_mode(user, command)
        return ()

    # ── the operator's ───────────────────────────────────────────────────────────────────────────────────────────

    def check_mark(self, command: SetMark) -> None:
        instrument = self.perpetual(command.instrument).instrument
        if not countable(command.price, instrument.price_digits, COUNT_MAX):
            raise Refused(Refusal.BAD_PRICE, f"price {command.price}")

    def set_mark(self, command: SetMark) -> None:
        perpetual = self.perpetual(command.instrument)
        self.collateral.marks[perpetual.symbol] = perpetual.ticks(command.price)
        self.market.settle(perpetual.symbol)

    def check_rate(self, command: SetFundingRate) -> None:
        self.perpetual(command.instrument)
        parts = command.rate.scaleb(9)
        if parts != parts.to_integral_value() or abs(parts) > RATE_MAX:
            raise Refused(Refusal.BAD_RATE, f"rate {command.rate}")

    def set_rate(self, command: SetFundingRate) -> None:
        self.rates[command.instrument] = int(command.rate.scaleb(9))

    def index_set(self, asset: str) -> None:
        """An index price has changed."""
        for perpetual in sorted(self.market.perpetuals.values(), key=lambda one: one.id):
            if asset in (perpetual.instrument.base, perpetual.instrument.quote):
                self.market.settle(perpetual.symbol)


def places(command: MoveFunds) -> tuple[tuple[int, str], tuple[int, str]]:
    return (command.from_account, command.from_wallet), (command.to_account, command.to_wallet)
