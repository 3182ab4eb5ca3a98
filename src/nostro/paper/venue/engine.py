"""The engine: one command in, its answer and its rows out. It is deterministic: no clock, no randomness, no file; time
comes with the command. It decides what ``docs/venue.md`` and ``docs/contracts.md`` say and keeps only what is open in
memory; the journal (``journal.py``) keeps commands and rows, and answers a command that is asked twice.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from nostro.link.commands import (
    ISOLATED,
    Accepted,
    Borrow,
    CancelAll,
    CancelOrders,
    ClosePosition,
    EditOrder,
    MoveFunds,
    MoveMargin,
    PlaceOrder,
    Refusal,
    Rejected,
    Repay,
    RequestWithdrawal,
    SetLeverage,
    SetMarginMode,
)
from nostro.paper.venue import audit, state
from nostro.paper.venue.book import Market
from nostro.paper.venue.collateral import Collateral
from nostro.paper.venue.commands import (
    AdvanceDeposit,
    AdvanceWithdrawal,
    CreateUser,
    Deposit,
    Fund,
    SetFundingRate,
    SetIndex,
    SetMark,
    Tick,
)
from nostro.paper.venue.contracts import Contract
from nostro.paper.venue.forced import Forced
from nostro.paper.venue.funding import Hours
from nostro.paper.venue.futures import Futures
from nostro.paper.venue.index import Index, ticks
from nostro.paper.venue.liquidation import Liquidation
from nostro.paper.venue.listing import PRICE_MAX
from nostro.paper.venue.loans import Loans
from nostro.paper.venue.margin import Margin
from nostro.paper.venue.matching import Matching
from nostro.paper.venue.numbers import whole
from nostro.paper.venue.placing import affordable, draft
from nostro.paper.venue.profile import INDEX_DIGITS
from nostro.paper.venue.rows import NO_CONTRACTS, ContractRows, MarginRows, Outcome, order_row
from nostro.paper.venue.showing import Showing
from nostro.paper.venue.transfers import UNITS_MAX, Transfers
from nostro.paper.venue.wallets import COLLATERAL_FROM, FUNDING, PURSE_FROM, Ledger, User, key_of
from nostro.paper.venue.words import Words

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from nostro.paper.venue.commands import Envelope
    from nostro.paper.venue.profile import Profile

Answer = Accepted | Rejected


class Engine:
    """The venue's state and its rules. Equal profiles and equal commands give equal states, in every process."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.words = Words(profile)
        places = {asset.code: index for index, asset in enumerate(profile.assets)}
        self.assets = places
        self.users: dict[int, User] = {}
        self.ledger = Ledger(len(places))
        self.index = Index(profile)
        self.markets = _markets(profile, places, self.index, self.words.places)
        self.loans = Loans(profile, self.ledger, index=self.index)
        self.collateral = Collateral(profile, self.index)
        self.matching = Matching(self.ledger, self.loans, collateral=self.collateral)
        self.transfers = Transfers(profile, self.ledger)
        self.margin = Margin(self)
        self.liquidation = Liquidation(self)
        self.futures = Futures(self)
        self.hours = Hours(self)
        self.forced = Forced(self)
        self.shown = Showing(self)
        self._has_contracts = bool(self.futures.contracts)
        self._handlers: dict[type, Callable[..., Answer]] = {
            PlaceOrder: self._place,
            CancelOrders: self._cancel_orders,
            CancelAll: self._cancel_all,
            RequestWithdrawal: self._request_withdrawal,
            MoveMargin: self.margin.move,
            Borrow: self.margin.borrow,
            Repay: self.margin.repay,
            ClosePosition: self.margin.close,
            EditOrder: self.futures.edit,
            SetLeverage: self.futures.set_leverage,
            SetMarginMode: self.futures.set_mode,
            MoveFunds: self.futures.move,
            CreateUser: self._create_user,
            Deposit: self._deposit,
            AdvanceDeposit: self._advance_deposit,
            AdvanceWithdrawal: self._advance_withdrawal,
            Fund: self._fund,
            SetIndex: self._set_index,
            SetMark: self.futures.set_mark,
            SetFundingRate: self.futures.set_funding_rate,
            Tick: self._tick,
        }

    @property
    def at_ns(self) -> int:
        """The time of the last accepted command."""
        return self.ledger.at_ns

    def apply(self, envelope: Envelope) -> Outcome:
        """Carries a command out, or refuses it and changes nothing."""
        ledger, matching, transfers = self.ledger, self.matching, self.transfers
        at_ns = max(envelope.at_ns, ledger.at_ns)
        answer = self._handlers[type(envelope.command)](envelope.command, envelope.user, at_ns=at_ns)
        if type(answer) is Rejected:
            return Outcome(answer, self.words)
        if self.loans.indebted:
            self.liquidation.run()
        if self._has_contracts:
            self.forced.run()
            self.hours.stir()
        changed = matching.changed
        orders = [order_row(changed[order_id]) for order_id in sorted(changed)] if changed else ()
        outcome = Outcome(
            answer,
            self.words,
            orders=orders,
            fills=matching.fills,
            entries=ledger.entries,
            trades=matching.trades,
            transfers=transfers.changed,
        )
        ledger.entries, matching.fills, matching.trades, matching.changed = [], [], [], {}
        transfers.changed = []
        if self.loans.changed or self.margin.movements:
            outcome.margin_rows = self._taken_margin()
        if self._has_contracts:
            outcome.contract_rows = self._taken_contracts()
        return outcome

    def _taken_contracts(self) -> ContractRows:
        futures, hours, clearing, forced = self.futures, self.hours, self.matching.clearing, self.forced
        if not (hours.rows or clearing.closed or futures.moves or hours.noted or forced.rows or futures.touched):
            return NO_CONTRACTS
        rows = ContractRows(hours.rows, clearing.closed, futures.moves, hours.noted, forced.rows, futures.touched)
        hours.rows, clearing.closed, futures.moves, hours.noted, forced.rows = [], [], [], [], []
        futures.touched = set()
        return rows

    def _taken_margin(self) -> MarginRows:
        margin, loans, liquidation = self.margin, self.loans, self.liquidation
        borrows = [loans.changed[number].row() for number in sorted(loans.changed)]
        rows = MarginRows(margin.movements, borrows, loans.repayments, loans.interest, liquidation.rows)
        margin.movements, loans.repayments, loans.interest, liquidation.rows = [], [], [], []
        loans.changed, loans.done = {}, []
        return rows

    def check(self) -> Counter[str]:
        """Asserts the invariants of states (`audit.check_state`); how many checks of each had something to check."""
        return audit.check_state(self)

    def snapshot(self) -> bytes:
        """The whole state; equal states give equal bytes."""
        return state.encode(self)

    @classmethod
    def restore(cls, profile: Profile, snapshot: bytes) -> Engine:
        """The engine as it was when `snapshot` was taken."""
        engine = cls(profile)
        state.decode(engine, snapshot)
        return engine

    def state_hash(self) -> str:
        return hashlib.sha256(self.snapshot()).hexdigest()

    # ── the commands: checks first, then `begin`, then the change ───────────────────────────────────────────────

    def begin(self, at_ns: int) -> bool:
        """The command is accepted: time passes, interest accrues, funding is paid, and what ends by now ends. Whether
        anything did."""
        loans, since_ns = self.loans, self.ledger.at_ns
        accrued = bool(loans.borrows) and loans.accrue(at_ns)
        self.ledger.at_ns = at_ns
        funded = at_ns >= self.hours.next_ns and self.hours.pass_time(since_ns, at_ns)
        heap = self.matching.ends.heap
        expired = bool(heap) and heap[0][0] <= at_ns and self.matching.expire(at_ns)
        return accrued or funded or expired

    def _place(self, command: PlaceOrder, user_id: int, at_ns: int) -> Answer:
        user = self.users.get(user_id)
        if user is None:
            return _no_user(user_id)
        if ":" in command.instrument:
            return self.futures.place(command, user, at_ns=at_ns)
        wallet = command.wallet
        if wallet not in ("spot", "cross_margin") and wallet != ISOLATED + command.instrument:
            said = f"wallet is {wallet}, and can be spot, cross_margin, or {ISOLATED}{command.instrument}"
            return Rejected(Refusal.WALLET_CANNOT_TRADE, said)
        market = self.markets.get(command.instrument)
        if market is None:
            return _no_instrument(command.instrument)
        order = draft(command, user, market=market, at_ns=at_ns)
        if isinstance(order, Rejected):
            return order
        order.place = self.words.places[wallet]
        missing = affordable(order, command, loans=self.loans)
        if type(missing) is Rejected:
            return missing
        if self.begin(at_ns):
            missing = affordable(order, command, loans=self.loans)
        self.matching.number(order)
        if isinstance(missing, Rejected):
            self.matching.enter_canceled(order)
            return Accepted((order.id,))
        if missing:
            key = key_of(market.quote if order.buy else market.base, order.place)
            self.loans.lend(user, key, units=missing, kind="auto")
        self.matching.enter(order)
        return Accepted((order.id,))

    def _cancel_orders(self, command: CancelOrders, user_id: int, at_ns: int) -> Answer:
        user = self.users.get(user_id)
        if user is None:
            return _no_user(user_id)
        self.begin(at_ns)
        canceled = []
        for order_id in command.order_ids:
            order = user.orders.get(int(order_id))
            if order is not None:
                self.matching.close(order)
                self.matching.settle(order.market)
                canceled.append(order.id)
        return Accepted(tuple(canceled))

    def _cancel_all(self, command: CancelAll, user_id: int, at_ns: int) -> Answer:
        user = self.users.get(user_id)
        if user is None:
            return _no_user(user_id)
        if command.instrument is not None and command.instrument not in self.markets:
            return _no_instrument(command.instrument)
        self.begin(at_ns)
        concerned = [
            order
            for order in user.orders.values()
            if command.instrument is None or order.market.symbol == command.instrument
        ]
        return Accepted(self.matching.cancel(concerned))

    def _request_withdrawal(self, command: RequestWithdrawal, user_id: int, at_ns: int) -> Answer:
        user = self.users.get(user_id)
        if user is None:
            return _no_user(user_id)
        drafted = self.transfers.draft(command, user)
        if isinstance(drafted, Rejected):
            return drafted
        self.begin(at_ns)
        asset, amount, fee = drafted
        number = self.transfers.begin_withdrawal(user, command.client_id, asset=asset, amount=amount, fee=fee)
        return Accepted((number,))

    def _create_user(self, command: CreateUser, _: int, at_ns: int) -> Answer:
        if command.parent is not None:
            master = self.users.get(command.parent)
            if master is None or master.parent is not None:
                return Rejected(Refusal.UNKNOWN_USER, f"there is no user {command.parent} that can have sub-accounts")
        self.begin(at_ns)
        profile = self.profile
        number = len(self.users) + 1
        maker_ppm = profile.maker_ppm if command.maker_ppm is None else command.maker_ppm
        taker_ppm = profile.taker_ppm if command.taker_ppm is None else command.taker_ppm
        self.users[number] = User(
            number, maker_ppm=maker_ppm, taker_ppm=taker_ppm, parent=command.parent, portfolio=command.portfolio
        )
        return Accepted((number,))

    def _deposit(self, command: Deposit, _: int, at_ns: int) -> Answer:
        credit = self._credit(command)
        if isinstance(credit, Rejected):
            return credit
        self.begin(at_ns)
        user, asset, units = credit
        return Accepted((self.transfers.begin_deposit(user, asset, amount=units, tx_hash=command.tx_hash),))

    def _advance_deposit(self, command: AdvanceDeposit, _: int, at_ns: int) -> Answer:
        refused = self.transfers.deposit_step(command.deposit, command.status)
        if refused is not None:
            return refused
        self.begin(at_ns)
        self.transfers.advance_deposit(command.deposit, command.status)
        return Accepted(())

    def _advance_withdrawal(self, command: AdvanceWithdrawal, _: int, at_ns: int) -> Answer:
        refused = self.transfers.withdrawal_step(command.withdrawal, command.status)
        if refused is not None:
            return refused
        self.begin(at_ns)
        self.transfers.advance_withdrawal(command.withdrawal, command.status)
        return Accepted(())

    def _fund(self, command: Fund, _: int, at_ns: int) -> Answer:
        credit = self._credit(command)
        if isinstance(credit, Rejected):
            return credit
        self.begin(at_ns)
        user, asset, units = credit
        key = key_of(asset, self.words.places[command.wallet])
        self.transfers.credit(user, key, amount=units, reason="fund")
        user.contracts = user.contracts or self.words.places[command.wallet] >= COLLATERAL_FROM
        return Accepted(())

    def _set_index(self, command: SetIndex, _: int, at_ns: int) -> Answer:
        asset = self.assets.get(command.asset)
        if asset is None:
            return Rejected(Refusal.UNKNOWN_ASSET, f"there is no asset {command.asset}")
        price = ticks(command.price)
        if price is None:
            said = f"price must be positive, with at most {INDEX_DIGITS} digits behind the point: {command.price:f}"
            return Rejected(Refusal.BAD_PRICE, said)
        self.begin(at_ns)
        self.index.set(asset, price)
        self.loans.revalued = bool(self.loans.indebted)
        self.futures.revalue(asset)
        return Accepted(())

    def _tick(self, _: Tick, __: int, at_ns: int) -> Answer:
        self.begin(at_ns)
        return Accepted(())

    def _credit(self, command: Deposit | Fund) -> tuple[User, int, int] | Rejected:
        """User, asset and units of money that comes in, or why it cannot."""
        user = self.users.get(command.user)
        if user is None:
            return _no_user(command.user)
        asset = self.assets.get(command.asset)
        if asset is None:
            return Rejected(Refusal.UNKNOWN_ASSET, f"there is no asset {command.asset}")
        refused = self._fundable(command.wallet, asset) if isinstance(command, Fund) else None
        if refused is not None:
            return refused
        digits = self.profile.assets[asset].digits
        units = whole(command.amount, digits, at_most=UNITS_MAX)
        if units is None:
            said = f"amount must be positive, with at most {digits} digits behind the point: {command.amount:f}"
            return Rejected(Refusal.BAD_AMOUNT, said)
        return user, asset, units

    def _fundable(self, wallet: str, asset: int) -> Rejected | None:
        """Why money of that asset cannot be credited to a wallet at once."""
        place = self.words.places.get(wallet, PURSE_FROM)
        if place > FUNDING and not COLLATERAL_FROM <= place < PURSE_FROM:
            said = f"wallet is {wallet}, and can be spot, funding or a collateral wallet"
            return Rejected(Refusal.WALLET_CANNOT_TRADE, said)
        if self.futures.foreign(asset, place):
            code = self.profile.assets[asset].code
            return Rejected(Refusal.WRONG_ASSET, f"{wallet} does not take {code}")
        return None


def _markets(profile: Profile, assets: dict[str, int], index: Index, places: dict[str, int]) -> dict[str, Market]:
    """By symbol: spot instruments and contracts."""
    digits = {asset.code: asset.digits for asset in profile.assets}
    found: dict[str, Market] = {}
    marks = profile.marks()
    for each in profile.instruments:
        if each.settle:
            mark = whole(marks[each.symbol], each.price_digits, at_most=PRICE_MAX)
            assert mark is not None, "the profile let a wrong mark price pass"
            found[each.symbol] = Contract(
                each, assets=assets, digits=digits, index=index, place=places[each.wallet], mark=mark
            )
        else:
            found[each.symbol] = Market(each, assets=assets, digits=digits)
    return found


def _no_user(user: int) -> Rejected:
    return Rejected(Refusal.UNKNOWN_USER, f"there is no user {user}")


def _no_instrument(symbol: str) -> Rejected:
    return Rejected(Refusal.UNKNOWN_INSTRUMENT, f"there is no instrument {symbol}")
