"""Positions and collateral wallets as they are now, in the words of ``link/contracts.py``. It decides how figures of
the engine are put together for those who ask; it changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nostro.link.contracts import VenueBalance, VenueCollateral, VenuePosition, VenueSnapshot
from nostro.paper.venue.contracts import SIDES
from nostro.paper.venue.listing import LEVERAGE_DIGITS
from nostro.paper.venue.numbers import amount_of
from nostro.paper.venue.profile import INDEX_DIGITS
from nostro.paper.venue.wallets import COLLATERAL_FROM, PLACE_MASK, PURSE_FROM

if TYPE_CHECKING:
    from decimal import Decimal

    from nostro.paper.venue.engine import Engine
    from nostro.paper.venue.positions import Position
    from nostro.paper.venue.wallets import User


class Showing:
    """What the engine shows of a user."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def balances(self, user: User) -> list[VenueBalance]:
        """In order of wallets, then assets."""
        words = self._engine.words
        ordered = sorted(user.wallets.items(), key=lambda item: (item[0] & PLACE_MASK, item[0]))
        return [
            words.balance(user.id, key, total=wallet.total, held=wallet.held, updated_ns=wallet.updated_ns)
            for key, wallet in ordered
        ]

    def positions(self, user: User) -> list[VenuePosition]:
        """In order of (instrument id, side)."""
        return [self.position(each) for _, each in sorted(user.positions.items()) if each.updated_ns]

    def position(self, position: Position) -> VenuePosition:
        contract, collateral = position.contract, self._engine.collateral
        settle, lots, size = contract.quote_digits, contract.amount_digits, abs(position.size)
        worst = position.worst(bids=position.bids, asks=position.asks)
        last, buy = collateral.last_mark(position), position.size < 0
        taken = position.reduce_bids if buy else position.reduce_asks
        return VenuePosition(
            user=position.user.id,
            wallet=self._engine.words.wallets[position.place],
            instrument=contract.symbol,
            side=SIDES[position.side],
            mode="isolated" if position.isolated else "cross",
            leverage=_optional(position.leverage, LEVERAGE_DIGITS),
            size=amount_of(position.size, lots),
            basis=amount_of(position.basis, settle),
            mark=amount_of(contract.mark, contract.price_digits),
            value=amount_of(contract.value(position.size, contract.mark), settle),
            unrealized=amount_of(position.unrealized(), settle),
            margin=amount_of(contract.initial(size, position.leverage), settle),
            margin_with_orders=amount_of(contract.initial(worst, position.leverage), settle),
            maintenance=amount_of(contract.maintenance(size), settle),
            purse=amount_of(position.user.total(position.purse), settle) if position.isolated else None,
            liquidation=_optional(last, contract.price_digits),
            closable=amount_of(position.closable(buy=buy) - taken if size else 0, lots),
            opened_ns=position.opened_ns,
            updated_ns=position.updated_ns,
            exit_size=amount_of(position.exit_lots, lots),
            exit_value=amount_of(position.exit_value, settle),
            exit_basis=amount_of(position.exit_basis, settle),
            realized=amount_of(position.realized, settle),
            fees=amount_of(position.fees, settle),
            funding=amount_of(position.funding, settle),
            size_max=amount_of(position.size_max, lots),
        )

    def wallets(self, user: User) -> list[VenueCollateral]:
        """Every collateral wallet that ever had an entry or backs an order, in order."""
        found = {key & PLACE_MASK for key in user.wallets} | {order.place for order in user.orders.values()}
        return [self.wallet(user, place) for place in sorted(found) if COLLATERAL_FROM <= place < PURSE_FROM]

    def wallet(self, user: User, place: int) -> VenueCollateral:
        engine, collateral = self._engine, self._engine.collateral
        settle = collateral.accounts.get(place)
        digits = collateral.digits(place, settle or 0)
        gross, assets = collateral.assets(user, place)
        equity, initial = collateral.equity(user, place), collateral.initial(user, place)
        return VenueCollateral(
            user=user.id,
            wallet=engine.words.wallets[place],
            asset=engine.profile.quote_asset if settle is None else engine.profile.assets[settle].code,
            gross=amount_of(gross, digits),
            assets=amount_of(assets, digits),
            unrealized=amount_of(equity - assets, digits),
            equity=amount_of(equity, digits),
            initial=amount_of(initial, digits),
            initial_positions=amount_of(collateral.needed(user, place), digits),
            maintenance=amount_of(collateral.maintenance(user, place), digits),
            available=amount_of(equity - initial, digits),
            realized=amount_of(collateral.realized(user, place), digits),
        )

    def snapshot(self, user: User, *, number: int, at_ns: int) -> VenueSnapshot:
        """A user at a full hour."""
        engine, assets = self._engine, self._engine.profile.assets
        balances = self.balances(user)
        owned = {balance.asset for balance in balances}
        return VenueSnapshot(
            id=number,
            user=user.id,
            balances=tuple(balances),
            positions=tuple(self.positions(user)),
            collateral=self.wallet(user, COLLATERAL_FROM),
            prices=tuple(
                (asset.code, amount_of(engine.index.prices[place], INDEX_DIGITS))
                for place, asset in enumerate(assets)
                if asset.code in owned
            ),
            time_ns=at_ns,
        )


def _optional(count: int | None, digits: int) -> Decimal | None:
    return None if count is None else amount_of(count, digits)
