"""The commands of contracts: orders, edits, leverage, modes, prices, rates, and money between wallets. It decides which
of these are accepted, with ``placing.py`` and ``admission.py``, and what each changes; the life of an order is
``matching.py``'s.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

from nostro.link.commands import (
    Accepted,
    EditOrder,
    MoveFunds,
    PlaceOrder,
    PositionSide,
    Refusal,
    Rejected,
    SetLeverage,
    SetMarginMode,
)
from nostro.paper.venue.admission import backed, bounded, enough, too_high
from nostro.paper.venue.book import FORCED, LONG_SIDE, REDUCE_ONLY, SHORT_SIDE, Order
from nostro.paper.venue.contracts import BOTH, LEVERAGE_SCALE, LONG, RATE_DIGITS, SHORT, SIDES, Contract
from nostro.paper.venue.listing import LEVERAGE_DIGITS
from nostro.paper.venue.numbers import amount_of, whole
from nostro.paper.venue.placing import COUNT_MAX, contract_draft, out_of_bounds
from nostro.paper.venue.positions import position_of
from nostro.paper.venue.transfers import UNITS_MAX
from nostro.paper.venue.wallets import COLLATERAL_FROM, FUNDING, PURSE_FROM, key_of

if TYPE_CHECKING:
    from decimal import Decimal

    from nostro.paper.venue.commands import SetFundingRate, SetMark
    from nostro.paper.venue.engine import Engine
    from nostro.paper.venue.positions import Position
    from nostro.paper.venue.rows import MoveRow
    from nostro.paper.venue.wallets import User

Answer = Accepted | Rejected

RATE_MAX: Final = 10**7  # of 10^-9: one part of a hundred
_WIDE: Final = 10**60  # more hundredths of leverage than any tier allows


class Futures:
    """The commands, as handlers of the engine. ``sides``: those on which a user has positions. ``moves, touched``: of
    the command under way."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.contracts = {each.symbol: each for each in engine.markets.values() if isinstance(each, Contract)}
        self.sides = (LONG, SHORT) if engine.profile.hedge else (BOTH,)
        self.moves: list[MoveRow] = []
        self.moves_made = 0
        self.touched: set[int] = set()

    # ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────

    def place(self, command: PlaceOrder, user: User, *, at_ns: int) -> Answer:
        engine = self._engine
        contract = self.contracts.get(command.instrument)
        if contract is None:
            return _no_contract(command.instrument)
        if engine.words.places.get(command.wallet) != contract.place:
            said = f"wallet is {command.wallet}, and must be {engine.words.wallets[contract.place]}"
            return Rejected(Refusal.WALLET_CANNOT_TRADE, said)
        side = self._side(command.position_side)
        if isinstance(side, Rejected):
            return side
        order = contract_draft(command, user, market=contract, at_ns=at_ns)
        if isinstance(order, Rejected):
            return order
        order.place = contract.place
        order.position = position_of(user, contract, side=side)
        refused = bounded(order) or self._crowded(user, contract) or backed(order, engine.collateral)
        if refused is not None:
            return refused
        if engine.begin(at_ns):
            refused = backed(order, engine.collateral)
        engine.matching.number(order)
        if refused is not None:
            engine.matching.enter_canceled(order)
        else:
            engine.matching.enter(order)
        return Accepted((order.id,))

    def edit(self, command: EditOrder, user_id: int, *, at_ns: int) -> Answer:
        engine = self._engine
        user = engine.users.get(user_id)
        if user is None:
            return _no_user(user_id)
        order = user.orders.get(command.order_id) if isinstance(command.order_id, int) else None
        if order is None or order.position is None:
            said = f"there is no open order {command.order_id} of a contract"
            return Rejected(Refusal.UNKNOWN_ORDER, said)
        drafted = _edited(order, command)
        if isinstance(drafted, Rejected):
            return drafted
        rest, market = drafted.lots - drafted.filled, drafted.market
        if not market.amount_min <= rest <= market.amount_max:
            return out_of_bounds(rest, market)
        refused = bounded(drafted) or backed(drafted, engine.collateral, standing=order)
        if refused is not None:
            return refused
        engine.begin(at_ns)
        if order.id in user.orders:
            drafted.filled, drafted.status = order.filled, order.status
            if drafted.filled >= drafted.lots or backed(drafted, engine.collateral, standing=order) is not None:
                engine.matching.close(order)
                engine.matching.settle(order.market)
            else:
                engine.matching.renew(order, lots=drafted.lots, price=drafted.price, stop=drafted.stop)
        return Accepted((order.id,))

    def _crowded(self, user: User, contract: Contract) -> Rejected | None:
        count = 0
        for side in self.sides:
            count += len(position_of(user, contract, side=side).orders)
        if count < contract.orders_max:
            return None
        return Rejected(Refusal.TOO_MANY_ORDERS, f"{count} orders of {contract.symbol} are open, and no more can be")

    def _side(self, name: PositionSide) -> int | Rejected:
        side = SIDES.index(name)
        if side in self.sides:
            return side
        can = " or ".join(SIDES[each] for each in self.sides)
        return Rejected(Refusal.BAD_POSITION_SIDE, f"position_side is {name}, and can be {can}")

    def closing(self, position: Position) -> Order:
        """The order by which a liquidation closes a position."""
        order = Order()
        order.user, order.market, order.position = position.user, position.contract, position
        order.buy, order.lots, order.place = position.size < 0, abs(position.size), position.place
        order.type, order.time_in_force, order.status = "market", "ioc", "open"
        order.side_effect, order.client_id = "none", ""
        order.filled = order.canceled = order.cost = order.hold = order.sequence = 0
        order.price = order.stop = order.operator = order.quote = None
        order.done_ns = order.valid_till_ns = order.expire_after_ns = None
        order.traits = FORCED | REDUCE_ONLY | (0, LONG_SIDE, SHORT_SIDE)[position.side]
        return order

    # ── leverage and mode ────────────────────────────────────────────────────────────────────────────────────────

    def set_leverage(self, command: SetLeverage, user_id: int, *, at_ns: int) -> Answer:
        engine = self._engine
        user, contract = engine.users.get(user_id), self.contracts.get(command.instrument)
        if user is None:
            return _no_user(user_id)
        if contract is None:
            return _no_contract(command.instrument)
        side = self._side(command.position_side)
        if isinstance(side, Rejected):
            return side
        position = position_of(user, contract, side=side)
        leverage = whole(command.leverage, LEVERAGE_DIGITS, at_most=_WIDE)
        if position.isolated if command.leverage is None else (leverage is None or leverage < LEVERAGE_SCALE):
            said = "leverage must be at least 1, in hundredths, and is needed where the mode is isolated"
            return Rejected(Refusal.BAD_LEVERAGE, f"{said}: {command.leverage}")
        refused = self._leverage_refused(position, leverage)
        if refused is not None:
            return refused
        engine.begin(at_ns)
        position.leverage = leverage
        self._set(position)
        return Accepted(())

    def _leverage_refused(self, position: Position, leverage: int | None) -> Rejected | None:
        bids, asks, loss = position.bids, position.asks, position.loss()
        refused = too_high(position, position.worst(bids=bids, asks=asks), leverage=leverage)
        if refused is not None:
            return refused
        if position.isolated and position.size:
            return Rejected(Refusal.POSITION_OPEN, "the leverage of an isolated position is set while there is none")
        collateral, known = self._engine.collateral, position.leverage
        before = collateral.needs(position, bids=bids, asks=asks, loss=loss)
        position.leverage = leverage
        after = collateral.needs(position, bids=bids, asks=asks, loss=loss)
        position.leverage = known
        if after <= before:
            return None
        needed = after + collateral.initial(position.user, position.place, but=position)
        return enough(position, collateral, needed=needed)

    def set_mode(self, command: SetMarginMode, user_id: int, *, at_ns: int) -> Answer:
        engine = self._engine
        user, contract = engine.users.get(user_id), self.contracts.get(command.instrument)
        if user is None:
            return _no_user(user_id)
        if contract is None:
            return _no_contract(command.instrument)
        positions = [position_of(user, contract, side=side) for side in self.sides]
        if any(position.size or position.orders for position in positions):
            said = f"the mode is set while there is neither a position nor an open order of {contract.symbol}"
            return Rejected(Refusal.POSITION_OPEN, said)
        engine.begin(at_ns)
        for position in positions:
            position.isolated = command.mode == "isolated"
            if position.isolated and position.leverage is None:
                position.leverage = contract.tiers[0].leverage_max
            self._set(position)
        return Accepted(())

    def _set(self, position: Position) -> None:
        position.updated_ns = self._engine.at_ns
        self.touched.add(position.user.id)

    # ── money ────────────────────────────────────────────────────────────────────────────────────────────────────

    def move(self, command: MoveFunds, user_id: int, *, at_ns: int) -> Answer:
        engine = self._engine
        if user_id not in engine.users:
            return _no_user(user_id)
        giver, taker = self._own(command.from_account, user_id), self._own(command.to_account, user_id)
        if giver is None or taker is None:
            account = command.from_account if giver is None else command.to_account
            return Rejected(Refusal.NOT_YOUR_ACCOUNT, f"account {account} is not one of user {user_id}")
        left, reached = self._movable(command.from_wallet), self._movable(command.to_wallet)
        if left is None or reached is None or (giver is taker and left == reached):
            said = f"money does not move from {command.from_wallet} to {command.to_wallet}"
            return Rejected(Refusal.WALLET_CANNOT_TRADE, said)
        asset = engine.assets.get(command.asset)
        if asset is None:
            return Rejected(Refusal.UNKNOWN_ASSET, f"there is no asset {command.asset}")
        for place, wallet in ((left, command.from_wallet), (reached, command.to_wallet)):
            if self.foreign(asset, place):
                return Rejected(Refusal.WRONG_ASSET, f"{wallet} does not take {command.asset}")
        digits = engine.profile.assets[asset].digits
        units = whole(command.amount, digits, at_most=UNITS_MAX)
        if units is None:
            said = f"amount must be positive, with at most {digits} digits behind the point: {command.amount:f}"
            return Rejected(Refusal.BAD_AMOUNT, said)
        if not self._spare(giver, key_of(asset, left), units, place=left):
            return Rejected(Refusal.INSUFFICIENT_FUNDS, f"amount is more than can leave: {command.amount}")
        engine.begin(at_ns)
        if not self._spare(giver, key_of(asset, left), units, place=left):
            return Accepted(())
        engine.ledger.post(giver, key_of(asset, left), reason="transfer", total=-units, held=0)
        engine.ledger.post(taker, key_of(asset, reached), reason="transfer", total=units, held=0)
        taker.contracts = taker.contracts or reached >= COLLATERAL_FROM
        engine.forced.moved.add((giver.id, left))
        self.moves_made += 1
        self.moves.append((
            self.moves_made, giver.id, left, taker.id, reached, asset, units, command.note, engine.ledger.at_ns
        ))  # fmt: skip
        return Accepted((self.moves_made,))

    def _own(self, account: int | str, user_id: int) -> User | None:
        """The account, where it is the user's or a sub-account of it."""
        user = self._engine.users.get(account) if isinstance(account, int) else None
        return user if user is not None and user_id in (user.id, user.parent) else None

    def _movable(self, wallet: str) -> int | None:
        place = self._engine.words.places.get(wallet)
        return place if place is not None and (place <= FUNDING or COLLATERAL_FROM <= place < PURSE_FROM) else None

    def foreign(self, asset: int, place: int) -> bool:
        """Whether a collateral wallet does not take an asset."""
        return place >= COLLATERAL_FROM and asset not in (each for each, _ in self._engine.collateral.takes[place])

    def _spare(self, user: User, key: int, units: int, *, place: int) -> bool:
        """Whether so much can leave a wallet."""
        wallet, collateral = user.wallets.get(key), self._engine.collateral
        if wallet is None or wallet.total - wallet.held < units:
            return False
        if place < COLLATERAL_FROM:
            return True
        wallet.total -= units
        enough_left = collateral.equity(user, place) >= collateral.initial(user, place)
        wallet.total += units
        return enough_left

    # ── prices and rates ─────────────────────────────────────────────────────────────────────────────────────────

    def set_mark(self, command: SetMark, _: int, *, at_ns: int) -> Answer:
        contract = self.contracts.get(command.instrument)
        if contract is None:
            return _no_contract(command.instrument)
        price = whole(command.price, contract.price_digits, at_most=COUNT_MAX)
        if price is None:
            said = f"price must be positive, with at most {contract.price_digits} digits behind the point"
            return Rejected(Refusal.BAD_PRICE, f"{said}: {command.price:f}")
        self._engine.begin(at_ns)
        contract.mark = price
        self.touched.update(user for user, _ in contract.holders if user)
        self._engine.forced.marked.add(contract)
        self._engine.matching.settle(contract)
        return Accepted(())

    def set_funding_rate(self, command: SetFundingRate, _: int, *, at_ns: int) -> Answer:
        contract = self.contracts.get(command.instrument)
        if contract is None:
            return _no_contract(command.instrument)
        rate = _signed(command.rate)
        if rate is None:
            said = f"rate must be whole parts per 10^{RATE_DIGITS}, at most {RATE_MAX} of them: {command.rate:f}"
            return Rejected(Refusal.BAD_RATE, said)
        self._engine.begin(at_ns)
        contract.rate = rate
        return Accepted(())

    def revalue(self, asset: int) -> None:
        """The index price of an asset changed."""
        engine = self._engine
        for contract in self.contracts.values():
            if contract.place == COLLATERAL_FROM:
                engine.forced.marked.add(contract)
            self.touched.update(user for user, _ in contract.holders if user)
        for contract in sorted(self.contracts.values(), key=lambda contract: contract.id):
            if contract.indexed_by(asset):
                engine.matching.settle(contract)


def _edited(order: Order, command: EditOrder) -> Order | Rejected:
    """The order as it would be, or which of its numbers cannot be."""
    drafted, market = copy.copy(order), order.market
    if command.amount is not None:
        lots = whole(command.amount, market.amount_digits, at_most=COUNT_MAX)
        if lots is None or lots <= order.filled:
            filled = amount_of(order.filled, market.amount_digits)
            return Rejected(Refusal.BAD_AMOUNT, f"amount must be more than {filled:f}, in lots: {command.amount:f}")
        drafted.lots = lots
    if command.price is not None:
        price = whole(command.price, market.price_digits, at_most=COUNT_MAX)
        if price is None or order.price is None:
            return Rejected(Refusal.BAD_PRICE, f"price of a {order.type} order is wrong: {command.price:f}")
        drafted.price = price
    if command.stop_price is not None:
        stop = whole(command.stop_price, market.price_digits, at_most=COUNT_MAX)
        if stop is None or order.stop is None:
            return Rejected(Refusal.BAD_STOP, f"stop_price of a {order.type} order is wrong: {command.stop_price:f}")
        drafted.stop = stop
    return drafted


def _signed(rate: Decimal) -> int | None:
    """A funding rate in parts per 10^9; None unless it is whole and within its bounds."""
    if rate == 0:
        return 0
    parts = whole(abs(rate), RATE_DIGITS, at_most=RATE_MAX)
    return None if parts is None else -parts if rate < 0 else parts


def _no_user(user: int) -> Rejected:
    return Rejected(Refusal.UNKNOWN_USER, f"there is no user {user}")


def _no_contract(symbol: str) -> Rejected:
    return Rejected(Refusal.UNKNOWN_INSTRUMENT, f"there is no contract {symbol}")
