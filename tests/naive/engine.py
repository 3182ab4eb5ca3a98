"""The naive engine: docs/venue.md and docs/contracts.md carried out word by word, slowly, to check the paper exchange's
own. It decides which commands are refused and what the accepted ones do; it never imports what it checks.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal, localcontext

from naive.checks import (
    COUNT_MAX,
    DEPOSIT_STEPS,
    UNITS_MAX,
    WITHDRAWAL_STEPS,
    Refused,
    check_prices,
    check_size,
    check_step,
    countable,
)
from naive.commands import (
    AdvanceDeposit,
    AdvanceWithdrawal,
    CreateUser,
    Deposit,
    Envelope,
    Fund,
    Operator,
    Outcome,
    Profile,
    SetFundingRate,
    SetIndex,
    SetMark,
)
from naive.contract_commands import ContractCommand, ContractCommands
from naive.contract_market import ContractMarket
from naive.forced import Forced
from naive.liquidation import liquidate_all
from naive.margin import Margin
from naive.passing import Passing
from naive.state import EXACT, ZERO, Order, Rows, Transfer, User, up
from nostro.link.commands import (
    ISOLATED,
    Accepted,
    CancelAll,
    CancelOrders,
    PlaceOrder,
    Refusal,
    Rejected,
    RequestWithdrawal,
)
from nostro.link.contracts import VenueBalance, VenueCollateral, VenuePosition
from nostro.link.view import VenueAsset, VenueInstrument, VenueLoan, VenueMargin, VenueMethod


class NaiveEngine:
    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.market = ContractMarket(profile)
        self.contracts = ContractCommands(self.market)
        self.passing = Passing(self.market, self.contracts)
        self.forced = Forced(self.market)
        self.margin = Margin(self.market, self.market.collateral.purses)
        self.deposits: list[Transfer] = []
        self.withdrawals: list[Transfer] = []
        self.answers: dict[int, Accepted | Rejected] = {}
        self.clock_ns = 0

    def apply(self, envelope: Envelope) -> Outcome:
        if envelope.id in self.answers:
            return Outcome(answer=self.answers[envelope.id])
        with localcontext(EXACT):
            outcome = self.carry_out(envelope)
        self.answers[envelope.id] = outcome.answer
        return outcome

    def carry_out(self, envelope: Envelope) -> Outcome:
        ledger = self.market.ledger
        ledger.rows = Rows(stirred=ledger.stirred)
        ledger.now_ns = max(self.clock_ns, envelope.at_ns)
        try:
            self.check(envelope)
        except Refused as refused:
            return Outcome(answer=refused.rejected)
        last_ns, self.clock_ns = self.clock_ns, ledger.now_ns
        self.market.loans.accrue(last_ns, self.clock_ns)
        self.passing.pass_time(last_ns, self.clock_ns)
        self.market.expire()
        ids = self.carry_out_accepted(envelope)
        liquidate_all(self.market)
        self.forced.liquidate_all()
        ledger.check()
        self.market.check()
        return outcome_of(Accepted(ids), ledger.rows)

    def check(self, envelope: Envelope) -> None:
        user, command = envelope.user, envelope.command
        if isinstance(command, Operator):
            self.check_operator(command)
            return
        user = self.known_user(user)
        if isinstance(command, PlaceOrder):
            self.check_order(user, command)
        elif isinstance(command, CancelAll):
            if command.instrument is not None:
                self.known_instrument(command.instrument)
        elif isinstance(command, RequestWithdrawal):
            self.check_withdrawal(user, command)
        elif isinstance(command, ContractCommand):
            self.contracts.check(user, command)
        elif not isinstance(command, CancelOrders):
            self.margin.check(user, command)

    def check_operator(self, command: Operator) -> None:
        if isinstance(command, Deposit | Fund):
            self.check_credit(command)
        elif isinstance(command, AdvanceDeposit):
            check_step(self.deposits, command.deposit, command.status, DEPOSIT_STEPS)
        elif isinstance(command, AdvanceWithdrawal):
            check_step(self.withdrawals, command.withdrawal, command.status, WITHDRAWAL_STEPS)
        elif isinstance(command, CreateUser):
            if command.parent is not None and self.market.users[self.known_user(command.parent) - 1].parent is not None:
                raise Refused(Refusal.UNKNOWN_USER, f"parent {command.parent}")
        elif isinstance(command, SetIndex):
            self.known_asset(command.asset)
            if not countable(command.price, 8, COUNT_MAX):
                raise Refused(Refusal.BAD_PRICE, f"price {command.price}")
        elif isinstance(command, SetMark):
            self.contracts.check_mark(command)
        elif isinstance(command, SetFundingRate):
            self.contracts.check_rate(command)

    def carry_out_accepted(self, envelope: Envelope) -> tuple[int, ...]:
        user, command = envelope.user, envelope.command
        if isinstance(command, Operator):
            return self.operate(command)
        assert user is not None
        if isinstance(command, PlaceOrder):
            return self.place(user, command)
        if isinstance(command, CancelOrders):
            return self.cancel_orders(user, command)
        if isinstance(command, CancelAll):
            return self.cancel_all(user, command)
        if isinstance(command, RequestWithdrawal):
            return self.request_withdrawal(user, command)
        if isinstance(command, ContractCommand):
            return self.contracts.carry_out(user, command)
        return self.margin.carry_out(command)

    def operate(self, command: Operator) -> tuple[int, ...]:
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
        elif isinstance(command, SetIndex):
            self.market.loans.index[command.asset] = command.price
            self.contracts.index_set(command.asset)
        elif isinstance(command, SetMark):
            self.contracts.set_mark(command)
        elif isinstance(command, SetFundingRate):
            self.contracts.set_rate(command)
        return ()

    # ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────

    def known_user(self, user: int | None) -> int:
        if user is None or not self.market.known(user):
            raise Refused(Refusal.UNKNOWN_USER, f"user {user}")
        return user

    def known_asset(self, code: str) -> VenueAsset:
        asset = self.market.asset(code)
        if asset is None:
            raise Refused(Refusal.UNKNOWN_ASSET, f"asset {code}")
        return asset

    def known_instrument(self, symbol: str) -> VenueInstrument:
        instrument = self.market.instrument(symbol)
        if instrument is None:
            raise Refused(Refusal.UNKNOWN_INSTRUMENT, f"instrument {symbol}")
        return instrument

    def check_order(self, user: int, asked: PlaceOrder) -> None:
        if ":" in asked.instrument:
            self.contracts.check_place(user, asked)
            return
        if asked.wallet not in ("spot", "cross_margin", f"{ISOLATED}{asked.instrument}"):
            raise Refused(Refusal.WALLET_CANNOT_TRADE, f"wallet {asked.wallet}")
        instrument = self.known_instrument(asked.instrument)
        if asked.position_side != "both":
            raise Refused(Refusal.BAD_POSITION_SIDE, f"position_side {asked.position_side}")
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
        reason = self.why_unpaid(order)
        if reason is not None:
            raise Refused(reason, f"need {self.need(order)} {order.paid_asset}")

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

    def missing(self, order: Order) -> Decimal:
        """What the order needs and its wallet has not."""
        free = self.market.ledger.free(order.user, order.asked.wallet, order.paid_asset)
        return max(ZERO, self.need(order) - free)

    def why_unpaid(self, order: Order) -> Refusal | None:
        missing, asked = self.missing(order), order.asked
        if missing == 0:
            return None
        if asked.wallet == "spot" or asked.side_effect != "auto_borrow":
            return Refusal.INSUFFICIENT_FUNDS
        return self.market.loans.why_not(order.user, asked.wallet, order.paid_asset, amount=missing)

    def check_withdrawal(self, user: int, command: RequestWithdrawal) -> None:
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
        if self.market.ledger.free(user, "spot", method.asset) < command.amount + self.withdrawal_fee(
            method, command.amount
        ):
            raise Refused(Refusal.INSUFFICIENT_FUNDS, f"amount {command.amount}")

    def check_credit(self, command: Deposit | Fund) -> None:
        self.known_user(command.user)
        asset = self.known_asset(command.asset)
        backs = isinstance(command, Fund) and command.wallet in self.market.collateral.wallets
        if backs and asset.code not in self.market.collateral.takes(command.wallet):
            raise Refused(Refusal.WRONG_ASSET, f"asset {asset.code} in {command.wallet}")
        if isinstance(command, Fund) and not backs and command.wallet not in ("spot", "funding"):
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
        if asked.instrument in market.perpetuals:
            return self.contracts.place(user, asked)
        order = self.new_order(user, self.known_instrument(asked.instrument), asked)
        market.enter(order)
        if self.would_take_after_all(order) or self.why_unpaid(order) is not None:
            market.close(order)
            market.ledger.reached[f"canceled by what came before it ({asked.type} {asked.side})"] += 1
            market.ledger.reached[f"canceled by what came before it ({asked.side_effect})"] += asked.wallet != "spot"
        else:
            missing = self.missing(order)
            if missing > 0:
                market.loans.borrow(user, asked.wallet, order.paid_asset, amount=missing, loan_type="auto")
            order.held = market.hold(order, order.amount)
            market.move(order, order.paid_asset, kind="hold", held=order.held)
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
        return tuple(self.market.cancel_together(mine))

    # ── users and money ──────────────────────────────────────────────────────────────────────────────────────────

    def create_user(self, command: CreateUser) -> tuple[int, ...]:
        maker_ppm = self.profile.maker_ppm if command.maker_ppm is None else command.maker_ppm
        taker_ppm = self.profile.taker_ppm if command.taker_ppm is None else command.taker_ppm
        user = User(len(self.market.users) + 1, maker_ppm, taker_ppm, command.parent, command.portfolio)
        self.market.users.append(user)
        return (user.id,)

    def credit(self, user: int, wallet: str, asset: str, amount: Decimal, *, kind: str) -> None:
        self.market.ledger.to_house("external", asset, -amount)
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
        self.market.ledger.rows.transfers.append(deposit)
        return (deposit.id,)

    def advance_deposit(self, command: AdvanceDeposit) -> tuple[int, ...]:
        deposit = self.deposits[command.deposit - 1]
        deposit.status = command.status
        self.market.ledger.rows.transfers.append(deposit)
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
        self.market.ledger.rows.transfers.append(withdrawal)
        self.market.ledger.move(user, method.asset, kind="hold", wallet="spot", held=command.amount + fee)
        return (withdrawal.id,)

    def advance_withdrawal(self, command: AdvanceWithdrawal) -> tuple[int, ...]:
        ledger = self.market.ledger
        withdrawal = self.withdrawals[command.withdrawal - 1]
        withdrawal.status = command.status
        self.market.ledger.rows.transfers.append(withdrawal)
        user, asset, amount, fee = withdrawal.user, withdrawal.asset, withdrawal.amount, withdrawal.fee
        if command.status in ("refused", "canceled"):
            ledger.move(user, asset, kind="release", wallet="spot", held=-(amount + fee))
        if command.status == "done":
            withdrawal.tx_hash = "0x" + hashlib.sha256(f"withdrawal:{withdrawal.id}".encode()).hexdigest()
            ledger.to_house("external", asset, amount)
            ledger.to_house("fees", asset, fee)
            ledger.move(user, asset, kind="withdrawal", wallet="spot", total=-amount, held=-amount)
            ledger.move(user, asset, kind="withdrawal_fee", wallet="spot", total=-fee, held=-fee)
        return ()

    # ── what it looks like ───────────────────────────────────────────────────────────────────────────────────────

    def balances(self, user: int) -> list[VenueBalance]:
        return self.market.ledger.balances(user)

    def depth(self, symbol: str, side: str) -> list[tuple[Decimal, Decimal]]:
        return self.market.depth(symbol, side)

    def loans(self, user: int) -> list[VenueLoan]:
        with localcontext(EXACT):
            return self.market.loans.rows(user)

    def houses(self) -> dict[tuple[str, str], Decimal]:
        """By account and asset, where anything is in it."""
        return {key: amount for key, amount in self.market.ledger.houses.items() if amount}

    def positions(self, user: int) -> list[VenuePosition]:
        with localcontext(EXACT):
            return self.market.collateral.position_rows(user)

    def collateral(self, user: int) -> list[VenueCollateral]:
        with localcontext(EXACT):
            return self.market.collateral.rows(user)

    def margins(self, user: int) -> list[VenueMargin]:
        with localcontext(EXACT):
            return self.market.loans.margin(user)


def outcome_of(answer: Accepted, rows: Rows) -> Outcome:
    return Outcome(
        answer=answer,
        orders=tuple(order.row() for order in sorted(rows.orders, key=lambda order: order.id)),
        fills=tuple(rows.fills),
        entries=tuple(rows.entries),
        transfers=tuple(transfer.row() for transfer in rows.transfers),
        movements=tuple(rows.movements),
        borrows=tuple(borrow.row() for borrow in sorted(rows.borrows, key=lambda borrow: borrow.id)),
        repayments=tuple(rows.repayments),
        interest=tuple(rows.interest),
        liquidations=tuple(rows.liquidations),
        funding=tuple(rows.funding),
        closed=tuple(rows.closed),
        moves=tuple(rows.moves),
        snapshots=tuple(rows.snapshots),
        forced=tuple(rows.forced),
    )
