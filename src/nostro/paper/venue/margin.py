"""Margin wallets: money moved into and out of them, borrowing, repaying and closing a position. It decides which of
these commands are accepted, and how debts are covered on the market; the sums of a debt are ``loans.py``'s, and what
happens to a wallet that can no longer pay is ``liquidation.py``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nostro.link.commands import (
    ISOLATED,
    Accepted,
    Borrow,
    ClosePosition,
    MoveMargin,
    Refusal,
    Rejected,
    Repay,
)
from nostro.paper.venue.book import Order
from nostro.paper.venue.contracts import Contract
from nostro.paper.venue.listing import PPM
from nostro.paper.venue.numbers import whole
from nostro.paper.venue.placing import COUNT_MAX
from nostro.paper.venue.transfers import UNITS_MAX
from nostro.paper.venue.wallets import (
    COLLATERAL_FROM,
    FUNDING,
    ISOLATED_FROM,
    MARGIN_FROM,
    PLACE_BITS,
    PLACE_MASK,
    SPOT,
    key_of,
)

if TYPE_CHECKING:
    from nostro.paper.venue.book import Market
    from nostro.paper.venue.engine import Engine
    from nostro.paper.venue.rows import MovementRow
    from nostro.paper.venue.wallets import User

Answer = Accepted | Rejected


class Asked(NamedTuple):
    """What a command is about: the user whose money it is, a wallet (`User.wallets`), and units of its asset."""

    user: User
    key: int
    units: int


class Margin:
    """The commands of margin, as handlers of the engine. ``movements``: of the command under way."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        spot = [market for market in engine.markets.values() if not isinstance(market, Contract)]
        self._isolated = {ISOLATED_FROM + market.id: market for market in spot}
        # (one asset, the other): the instrument between them, of two the one with the lower id
        self._between: dict[tuple[int, int], Market] = {}
        for market in sorted(spot, key=lambda market: -market.id):
            self._between[market.base, market.quote] = self._between[market.quote, market.base] = market
        self.movements: list[MovementRow] = []
        self.movements_made = 0

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def move(self, command: MoveMargin, user_id: int, *, at_ns: int) -> Answer:
        asked = self._asked(command, user_id)
        if isinstance(asked, Rejected):
            return asked
        engine, (user, key, units) = self._engine, asked
        place, asset, adds = key & PLACE_MASK, key >> PLACE_BITS, command.direction == "add"
        if user.free(asset, SPOT if adds else place) < units:
            return Rejected(Refusal.INSUFFICIENT_FUNDS, f"amount is more than is free: {command.amount}")
        if not adds and (user.id, place) in engine.loans.indebted:
            value = units * engine.index.weights[asset]
            if not engine.index.keeps_limit(user, place, gained=-value, borrowed=0):
                return Rejected(Refusal.MARGIN_LIMIT, f"the wallet's debts need what would leave it: {command.amount}")
        engine.begin(at_ns)
        left, entered = (key_of(asset, SPOT), key) if adds else (key, key_of(asset, SPOT))
        engine.ledger.post(user, left, reason="transfer", total=-units, held=0)
        engine.ledger.post(user, entered, reason="transfer", total=units, held=0)
        self.movements_made += 1
        now_ns = engine.ledger.at_ns
        self.movements.append((self.movements_made, user.id, place, adds, asset, units, command.note, now_ns))
        return Accepted((self.movements_made,))

    def borrow(self, command: Borrow, user_id: int, *, at_ns: int) -> Answer:
        asked = self._asked(command, user_id)
        if isinstance(asked, Rejected):
            return asked
        loans, (user, key, units) = self._engine.loans, asked
        refused = loans.refused(user, key, units=units)
        if refused is not None:
            return refused
        self._engine.begin(at_ns)
        return Accepted((loans.lend(user, key, units=units, kind=command.type),))

    def repay(self, command: Repay, user_id: int, *, at_ns: int) -> Answer:
        asked = self._asked(command, user_id)
        if isinstance(asked, Rejected):
            return asked
        user, key, units = asked
        loan = user.loans.get(key)
        if loan is None or units > loan.debt:
            return Rejected(Refusal.MORE_THAN_OWED, f"amount is more than the wallet owes: {command.amount}")
        if user.free(key >> PLACE_BITS, key & PLACE_MASK) < units:
            return Rejected(Refusal.INSUFFICIENT_FUNDS, f"amount is more than is free: {command.amount}")
        self._engine.begin(at_ns)
        units = min(units, loan.debt)  # an order that ended by now may have repaid some
        return Accepted((self._engine.loans.repay(loan, units=units, kind=command.type),) if units else ())

    def close(self, command: ClosePosition, user_id: int, *, at_ns: int) -> Answer:
        found = self._wallet(command, user_id)
        if isinstance(found, Rejected):
            return found
        user, place = found
        if (user.id, place) not in self._engine.loans.indebted:
            return Rejected(Refusal.NO_POSITION, f"{command.wallet} owes nothing")
        self._engine.begin(at_ns)
        self.cancel(user, place)
        return Accepted(tuple(order_id for _, order_id in self.cover(user, place, kind="manual")))

    def _asked(self, command: MoveMargin | Borrow | Repay, user_id: int) -> Asked | Rejected:
        found = self._wallet(command, user_id)
        if isinstance(found, Rejected):
            return found
        user, place = found
        asset = self._engine.assets.get(command.asset)
        if asset is None:
            return Rejected(Refusal.UNKNOWN_ASSET, f"there is no asset {command.asset}")
        market = self._isolated.get(place)
        if market is not None and asset not in (market.base, market.quote):
            return Rejected(Refusal.WRONG_ASSET, f"{command.wallet} does not hold {command.asset}")
        digits = self._engine.profile.assets[asset].digits
        units = whole(command.amount, digits, at_most=UNITS_MAX)
        if units is None:
            said = f"amount must be positive, with at most {digits} digits behind the point: {command.amount:f}"
            return Rejected(Refusal.BAD_AMOUNT, said)
        return Asked(user, key_of(asset, place), units)

    def _wallet(
        self, command: MoveMargin | Borrow | Repay | ClosePosition, user_id: int
    ) -> tuple[User, int] | Rejected:  # fmt: skip
        """Whose wallet the command is about, and its place; or why it can be about none."""
        users, wallet = self._engine.users, command.wallet
        if user_id not in users:
            return Rejected(Refusal.UNKNOWN_USER, f"there is no user {user_id}")
        user = users.get(command.account)
        if user is None or user_id not in (user.id, user.parent):
            return Rejected(Refusal.NOT_YOUR_ACCOUNT, f"account {command.account} is not one of user {user_id}")
        place, symbol = self._engine.words.places.get(wallet), wallet.removeprefix(ISOLATED)
        if place is None and symbol != wallet and symbol not in self._engine.markets:
            return Rejected(Refusal.UNKNOWN_INSTRUMENT, f"there is no instrument {symbol}")
        least = FUNDING if isinstance(command, MoveMargin) else MARGIN_FROM
        if place is None or not least <= place < COLLATERAL_FROM:
            which = "funding or a margin wallet" if least == FUNDING else "a margin wallet"
            return Rejected(Refusal.WALLET_CANNOT_TRADE, f"wallet is {wallet}, and must be {which}")
        return user, place

    # ── covering ─────────────────────────────────────────────────────────────────────────────────────────────────

    def cancel(self, user: User, place: int) -> tuple[int, ...]:
        """Cancels the open orders of a wallet; which they were."""
        return self._engine.matching.cancel([order for order in user.orders.values() if order.place == place])

    def cover(self, user: User, place: int, *, kind: str) -> list[tuple[int, int]]:
        """Repays what a wallet owes from what it has, and buys what is missing: (asset that was owed, order made)."""
        made = []
        for owed in range(len(self._engine.assets)):
            loan = user.loans.get(key_of(owed, place))
            if loan is None:
                continue
            self._repay_free(user, key_of(owed, place), kind)
            for other in range(len(self._engine.assets)):
                market = self._between.get((owed, other))
                if not loan.debt:
                    break
                if market is None or not user.free(other, place):
                    continue
                order_id = self._buy_back(user, market, place=place, owed=owed)
                if order_id is not None:
                    made.append((owed, order_id))
                    self._repay_free(user, key_of(owed, place), kind)
        return made

    def _repay_free(self, user: User, key: int, kind: str) -> None:
        loan = user.loans[key]
        units = min(user.free(loan.asset, loan.place), loan.debt)
        if units:
            self._engine.loans.repay(loan, units=units, kind=kind)

    def _buy_back(self, user: User, market: Market, *, place: int, owed: int) -> int | None:
        """A market order that brings in what is owed. Its id; None where there is none to make."""
        if user.taker_ppm == PPM:
            return None
        gross = -(-user.loans[key_of(owed, place)].debt * PPM // (PPM - user.taker_ppm))
        buy = owed == market.base
        if buy:
            lots, funds = -(-gross // market.lot), user.free(market.quote, place)
        else:
            bid = market.bids.best()
            if bid is None:
                return None
            lots = user.free(market.base, place) // market.lot
            funds = gross + bid * market.numerator // market.denominator
        if not lots:
            return None
        order = _market_order(user, market, buy=buy, lots=min(lots, COUNT_MAX))
        order.place = place
        self._engine.matching.enter_bounded(order, funds)
        return order.id


def _market_order(user: User, market: Market, *, buy: bool, lots: int) -> Order:
    order = Order()
    order.user, order.market, order.buy, order.lots = user, market, buy, lots
    order.type, order.time_in_force, order.status = "market", "ioc", "open"
    order.side_effect, order.client_id = "none", ""
    order.filled = order.canceled = order.cost = order.hold = order.sequence = 0
    order.price = order.stop = order.operator = order.quote = order.position = None
    order.traits = 0
    order.done_ns = order.valid_till_ns = order.expire_after_ns = None
    return order
