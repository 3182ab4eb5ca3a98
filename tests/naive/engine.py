"""The naive engine: docs/venue.md carried out word by word, slowly, to check the paper exchange's own. It decides which
commands are refused and what the accepted ones do; it never imports what it checks.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal, localcontext

from naive.commands import (
    AdvanceDeposit,
    AdvanceWithdrawal,
    CreateUser,
    Deposit,
    Envelope,
    Fund,
    Outcome,
    Profile,
    Tick,
)
from naive.matching import Market
from naive.state import EXACT, ZERO, Order, Rows, Transfer, User, up
from nostro.link.view import (
    Accepted,
    CancelAll,
    CancelOrders,
    PlaceOrder,
    Refusal,
    Rejected,
    RequestWithdrawal,
    VenueBalance,
    VenueInstrument,
    VenueMethod,
)

COUNT_MAX = 10**18  # of lots, ticks, and quote units of an order
UNITS_MAX = 10**30  # of a transfer
DEPOSIT_STEPS = {"pending": ("moderation", "confirmed", "rejected"), "moderation": ("confirmed", "rejected")}
WITHDRAWAL_STEPS = {
    "new": ("confirmed", "refused", "canceled"),
    "confirmed": ("verified", "refused", "canceled"),
    "verified": ("moderation", "approved", "refused", "canceled"),
    "moderation": ("approved", "refused", "suspended"),
    "suspended": ("approved", "refused"),
    "approved": ("done",),
}


class Refused(Exception):
    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.rejected = Rejected(reason, detail)


class NaiveEngine:
    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.market = Market(profile)
        self.deposits: list[Transfer] = []
        self.withdrawals: list[Transfer] = []
        self.answers: dict[int, Accepted | Rejected] = {}
        self.clock_ns = 0
        self.canceled_by_expiry: list[str] = []  # types of orders that what expired before them made impossible

    def apply(self, envelope: Envelope) -> Outcome:
        if envelope.id in self.answers:
            return Outcome(answer=self.answers[envelope.id])
        with localcontext(EXACT):
            outcome = self.carry_out(envelope)
        self.answers[envelope.id] = outcome.answer
        return outcome

    def carry_out(self, envelope: Envelope) -> Outcome:
        market = self.market
        market.rows = Rows()
        market.ledger.entries = []
        market.ledger.now_ns = max(self.clock_ns, envelope.at_ns)
        try:
            self.check(envelope)
        except Refused as refused:
            return Outcome(answer=refused.rejected)
        self.clock_ns = market.ledger.now_ns
        market.expire()
        ids = self.carry_out_accepted(envelope)
        rows = market.rows
        return Outcome(
            answer=Accepted(ids),
            orders=tuple(order.row() for order in sorted(rows.orders, key=lambda order: order.id)),
            fills=tuple(rows.fills),
            entries=tuple(market.ledger.entries),
            transfers=tuple(transfer.row() for transfer in rows.transfers),
        )

    def check(self, envelope: Envelope) -> None:
        user, command = envelope.user, envelope.command
        if isinstance(command, PlaceOrder):
            self.check_order(user, command)
        elif isinstance(command, CancelOrders):
            self.known_user(user)
        elif isinstance(command, CancelAll):
            self.known_user(user)
            if command.instrument is not None:
                self.known_instrument(command.instrument)
        elif isinstance(command, RequestWithdrawal):
            self.check_withdrawal(user, command)
        elif isinstance(command, Deposit | Fund):
            self.check_credit(command)
        elif isinstance(command, AdvanceDeposit):
            check_step(self.deposits, command.deposit, command.status, DEPOSIT_STEPS)
        elif isinstance(command, AdvanceWithdrawal):
            check_step(self.withdrawals, command.withdrawal, command.status, WITHDRAWAL_STEPS)

    def carry_out_accepted(self, envelope: Envelope) -> tuple[int, ...]:
        user, command = envelope.user, envelope.command
        if isinstance(command, CreateUser):
            return self.create_user(command)
        if isinstance(command, Deposit):
            return self.deposit(command)
        if isinstance(command, AdvanceDeposit):
            return self.advance_deposit(command)
        if isinstance(command, AdvanceWithdrawal):
            return self.advance_withdrawal(command)
        if isinstance(command, Fund):
            self.credit(command.user, command.wallet, command.asset, command.amount, kind="fund")
            return ()
        if isinstance(command, Tick):
            return ()
        assert user is not None
        if isinstance(command, PlaceOrder):
            return self.place(user, command)
        if isinstance(command, CancelOrders):
            return self.cancel_orders(user, command)
        if isinstance(command, CancelAll):
            return self.cancel_all(user, command)
        return self.request_withdrawal(user, command)

    # ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────

    def known_user(self, user: int | None) -> int:
        if user is None or not 1 <= user <= len(self.market.users):
            raise Refused(Refusal.UNKNOWN_USER, f"user {user}")
        return user

    def known_instrument(self, symbol: str) -> VenueInstrument:
        instrument = self.market.instrument(symbol)
        if instrument is None:
            raise Refused(Refusal.UNKNOWN_INSTRUMENT, f"instrument {symbol}")
        return instrument

    def check_order(self, user: int | None, asked: PlaceOrder) -> None:
        user = self.known_user(user)
        if asked.wallet != "spot":
            raise Refused(Refusal.WALLET_CANNOT_TRADE, f"wallet {asked.wallet}")
        instrument = self.known_instrument(asked.instrument)
        if asked.post_only and (asked.type, asked.time_in_force) != ("limit", "gtc"):
            raise Refused(Refusal.BAD_TIME_IN_FORCE, f"post_only with {asked.type} {asked.time_in_force}")
        self.check_amounts(instrument, asked)
        check_prices(instrument, asked)
        order = self.new_order(user, instrument, asked)
        if order.end_ns is not None and order.end_ns <= order.now_ns:
            raise Refused(Refusal.ALREADY_EXPIRED, f"end {order.end_ns}")
        check_size(instrument, asked)
        if self.would_take_after_all(order):
            raise Refused(Refusal.POST_ONLY_WOULD_TAKE, f"price {asked.price}")
        if not self.can_pay(order):
            raise Refused(Refusal.INSUFFICIENT_FUNDS, f"need {self.need(order)} {order.paid_asset}")

    def check_amounts(self, instrument: VenueInstrument, asked: PlaceOrder) -> None:
        given = [asked.amount is not None, asked.quote_amount is not None]
        allowed = ([True, False], [False, True]) if asked.type == "market" else ([True, False],)
        if given not in allowed:
            raise Refused(Refusal.BAD_AMOUNT, f"amount {asked.amount}, quote_amount {asked.quote_amount}")
        if asked.amount is not None:
            good = countable(asked.amount, instrument.amount_digits, COUNT_MAX)
        else:
            assert asked.quote_amount is not None
            good = countable(asked.quote_amount, self.market.digits(instrument.quote), COUNT_MAX)
        if not good:
            raise Refused(Refusal.BAD_AMOUNT, f"amount {asked.amount}, quote_amount {asked.quote_amount}")

    def would_take_after_all(self, order: Order) -> bool:
        return order.asked.post_only and self.market.crosses(order)

    def need(self, order: Order) -> Decimal:
        asked = order.asked
        if asked.type != "market":
            return self.market.hold(order, order.amount)
        matches, _ = self.market.walk(order)
        if asked.side == "sell":
            return asked.amount if asked.amount is not None else sum((amount for _, amount in matches), ZERO)
        if asked.quote_amount is not None:
            return asked.quote_amount
        costs = [self.market.cost(order.instrument, amount, other.asked.price or ZERO) for other, amount in matches]
        return sum(costs, ZERO)

    def can_pay(self, order: Order) -> bool:
        return self.market.ledger.free(order.user, order.paid_asset) >= self.need(order)

    def check_withdrawal(self, user: int | None, command: RequestWithdrawal) -> None:
        user = self.known_user(user)
        method = self.method(command.method)
        if method is None:
            raise Refused(Refusal.UNKNOWN_METHOD, f"method {command.method}")
        if not method.enabled:
            raise Refused(Refusal.METHOD_DISABLED, f"method {command.method}")
        if not countable(command.amount, self.market.digits(method.asset), UNITS_MAX):
            raise Refused(Refusal.BAD_AMOUNT, f"amount {command.amount}")
        patterns = dict(method.attributes)
        if sorted(patterns) != sorted(command.attributes):
            raise Refused(Refusal.BAD_ATTRIBUTES, f"attributes {sorted(command.attributes)}")
        for name, value in command.attributes.items():
            if re.fullmatch(patterns[name], value) is None:
                raise Refused(Refusal.BAD_ATTRIBUTES, f"{name} {value}")
        if command.amount < method.amount_min:
            raise Refused(Refusal.AMOUNT_TOO_SMALL, f"amount {command.amount}")
        if command.amount > method.amount_max:
            raise Refused(Refusal.AMOUNT_TOO_LARGE, f"amount {command.amount}")
        if self.market.ledger.free(user, method.asset) < command.amount + self.withdrawal_fee(method, command.amount):
            raise Refused(Refusal.INSUFFICIENT_FUNDS, f"amount {command.amount}")

    def check_credit(self, command: Deposit | Fund) -> None:
        self.known_user(command.user)
        asset = self.market.asset(command.asset)
        if asset is None:
            raise Refused(Refusal.UNKNOWN_ASSET, f"asset {command.asset}")
        if isinstance(command, Fund) and command.wallet not in ("spot", "funding"):
            raise Refused(Refusal.WALLET_CANNOT_TRADE, f"wallet {command.wallet}")
        if not countable(command.amount, asset.digits, UNITS_MAX):
            raise Refused(Refusal.BAD_AMOUNT, f"amount {command.amount}")

    # ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────

    def new_order(self, user: int, instrument: VenueInstrument, asked: PlaceOrder) -> Order:
        """An order that nothing knows yet."""
        amount = asked.amount if asked.amount is not None else ZERO
        return Order(0, user, asked, instrument, self.market.ledger.now_ns, amount)

    def place(self, user: int, asked: PlaceOrder) -> tuple[int, ...]:
        market = self.market
        order = self.new_order(user, self.known_instrument(asked.instrument), asked)
        market.order_count += 1
        order.id = market.order_count
        market.open_orders.append(order)
        market.rows.changed(order)
        if self.would_take_after_all(order) or not self.can_pay(order):
            market.close(order)
            self.canceled_by_expiry.append(f"{asked.type} {asked.side}")
        else:
            order.held = market.hold(order, order.amount)
            market.ledger.move(user, order.paid_asset, kind="hold", held=order.held)
            if asked.type in ("stop_limit", "stop_market"):
                order.stage = "pending"
            else:
                market.carry_out(order)
        market.settle(asked.instrument)
        return (order.id,)

    def cancel_orders(self, user: int, command: CancelOrders) -> tuple[int, ...]:
        canceled: list[int] = []
        for order_id in command.order_ids:
            for order in list(self.market.open_orders):
                if order.id == order_id and order.user == user:
                    self.market.close(order)
                    canceled.append(order_id)
                    self.market.settle(order.asked.instrument)
        return tuple(canceled)

    def cancel_all(self, user: int, command: CancelAll) -> tuple[int, ...]:
        mine = [order for order in self.market.open_orders if order.user == user]
        mine = [order for order in mine if command.instrument in (None, order.asked.instrument)]
        mine.sort(key=lambda order: order.id)
        for order in mine:
            self.market.close(order)
        for instrument in sorted(self.profile.instruments, key=lambda instrument: instrument.id):
            if any(order.instrument.id == instrument.id for order in mine):
                self.market.settle(f"{instrument.base}/{instrument.quote}")
        return tuple(order.id for order in mine)

    # ── users and money ──────────────────────────────────────────────────────────────────────────────────────────

    def create_user(self, command: CreateUser) -> tuple[int, ...]:
        maker_ppm = self.profile.maker_ppm if command.maker_ppm is None else command.maker_ppm
        taker_ppm = self.profile.taker_ppm if command.taker_ppm is None else command.taker_ppm
        user = User(len(self.market.users) + 1, maker_ppm, taker_ppm)
        self.market.users.append(user)
        return (user.id,)

    def credit(self, user: int, wallet: str, asset: str, amount: Decimal, *, kind: str) -> None:
        self.market.ledger.from_outside(asset, amount)
        self.market.ledger.move(user, asset, kind=kind, total=amount, wallet=wallet)

    def deposit(self, command: Deposit) -> tuple[int, ...]:
        deposit = Transfer(
            id=len(self.deposits) + 1,
            user=command.user,
            direction="deposit",
            asset=command.asset,
            amount=command.amount,
            fee=ZERO,
            status="pending",
            tx_hash=command.tx_hash,
            client_id="",
            time_ns=self.clock_ns,
        )
        self.deposits.append(deposit)
        self.market.rows.transfers.append(deposit)
        return (deposit.id,)

    def advance_deposit(self, command: AdvanceDeposit) -> tuple[int, ...]:
        deposit = self.deposits[command.deposit - 1]
        deposit.status = command.status
        self.market.rows.transfers.append(deposit)
        if command.status == "confirmed":
            self.credit(deposit.user, "spot", deposit.asset, deposit.amount, kind="deposit")
        return ()

    def method(self, method_id: int) -> VenueMethod | None:
        return next((method for method in self.profile.methods if method.id == method_id), None)

    def withdrawal_fee(self, method: VenueMethod, amount: Decimal) -> Decimal:
        return method.fee + up(amount * method.fee_rate, self.market.digits(method.asset))

    def request_withdrawal(self, user: int, command: RequestWithdrawal) -> tuple[int, ...]:
        method = self.method(command.method)
        assert method is not None
        fee = self.withdrawal_fee(method, command.amount)
        withdrawal = Transfer(
            id=len(self.withdrawals) + 1,
            user=user,
            direction="withdrawal",
            asset=method.asset,
            amount=command.amount,
            fee=fee,
            status="new",
            tx_hash=None,
            client_id=command.client_id,
            time_ns=self.clock_ns,
        )
        self.withdrawals.append(withdrawal)
        self.market.rows.transfers.append(withdrawal)
        self.market.ledger.move(user, method.asset, kind="hold", held=command.amount + fee)
        return (withdrawal.id,)

    def advance_withdrawal(self, command: AdvanceWithdrawal) -> tuple[int, ...]:
        ledger = self.market.ledger
        withdrawal = self.withdrawals[command.withdrawal - 1]
        withdrawal.status = command.status
        self.market.rows.transfers.append(withdrawal)
        user, asset, amount, fee = withdrawal.user, withdrawal.asset, withdrawal.amount, withdrawal.fee
        if command.status in ("refused", "canceled"):
            ledger.move(user, asset, kind="release", held=-(amount + fee))
        if command.status == "done":
            withdrawal.tx_hash = "0x" + hashlib.sha256(f"withdrawal:{withdrawal.id}".encode()).hexdigest()
            ledger.from_outside(asset, -amount)
            ledger.to_fees(asset, fee)
            ledger.move(user, asset, kind="withdrawal", total=-amount, held=-amount)
            ledger.move(user, asset, kind="withdrawal_fee", total=-fee, held=-fee)
        return ()

    # ── what it looks like ───────────────────────────────────────────────────────────────────────────────────────

    def balances(self, user: int) -> list[VenueBalance]:
        return self.market.ledger.balances(user)

    def depth(self, symbol: str, side: str) -> list[tuple[Decimal, Decimal]]:
        return self.market.depth(symbol, side)


def countable(amount: Decimal, digits: int, most: int) -> bool:
    """A positive whole number of 10^-digits, at most ``most`` of them."""
    count = amount.scaleb(digits)
    return count > 0 and count == count.to_integral_value() and count <= most


def check_prices(instrument: VenueInstrument, asked: PlaceOrder) -> None:
    if (asked.price is not None) != (asked.type in ("limit", "stop_limit")):
        raise Refused(Refusal.BAD_PRICE, f"price {asked.price}")
    if asked.price is not None and not countable(asked.price, instrument.price_digits, COUNT_MAX):
        raise Refused(Refusal.BAD_PRICE, f"price {asked.price}")
    stop = asked.type in ("stop_limit", "stop_market")
    if (asked.stop_price is not None) != stop or (asked.stop_operator is not None) != stop:
        raise Refused(Refusal.BAD_STOP, f"stop {asked.stop_price} {asked.stop_operator}")
    if asked.stop_price is not None and not countable(asked.stop_price, instrument.price_digits, COUNT_MAX):
        raise Refused(Refusal.BAD_STOP, f"stop {asked.stop_price}")


def check_size(instrument: VenueInstrument, asked: PlaceOrder) -> None:
    if asked.amount is None:
        assert asked.quote_amount is not None
        value: Decimal | None = asked.quote_amount
    else:
        if asked.amount < instrument.amount_min:
            raise Refused(Refusal.AMOUNT_TOO_SMALL, f"amount {asked.amount}")
        if asked.amount > instrument.amount_max:
            raise Refused(Refusal.AMOUNT_TOO_LARGE, f"amount {asked.amount}")
        price = asked.stop_price if asked.type == "stop_market" else asked.price
        value = None if price is None else asked.amount * price
    if value is not None and value < instrument.value_min:
        raise Refused(Refusal.VALUE_TOO_SMALL, f"value {value}")


def check_step(transfers: list[Transfer], transfer_id: int, status: str, steps: dict[str, tuple[str, ...]]) -> None:
    if not 1 <= transfer_id <= len(transfers):
        raise Refused(Refusal.UNKNOWN_TRANSFER, f"transfer {transfer_id}")
    now = transfers[transfer_id - 1].status
    if status not in steps.get(now, ()):
        raise Refused(Refusal.BAD_TRANSITION, f"{now} to {status}")
