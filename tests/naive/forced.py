"""Liquidation of collateral wallets and purses as docs/contracts.md words it. It decides which are liquidated, in which
order, what the market and the house take over, and what insurance pays.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from naive.contract_market import ContractMarket
from naive.positions import Position, purse_name
from naive.state import ZERO, Order
from nostro.link.commands import FUTURES, PlaceOrder
from nostro.link.contracts import VenueForced


@dataclass(frozen=True)
class Victim:
    """``position``: of a purse."""

    user: int
    wallet: str
    position: Position | None


class Forced:
    def __init__(self, market: ContractMarket) -> None:
        self.market = market
        self.ledger = market.ledger
        self.collateral = market.collateral
        self.positions = market.positions
        self.forced_count = 0

    def liquidate_all(self) -> None:
        done: set[tuple[int, str]] = set()
        while True:
            due = [one for one in self.victims() if (one.user, one.wallet) not in done and self.is_due(one)]
            if not due:
                self.ledger.reached["several liquidated by one command"] += len(done) > 1
                return
            done.add((due[0].user, due[0].wallet))
            self.liquidate(due[0])

    def victims(self) -> list[Victim]:
        """All that could be, in the order of (user id, place)."""
        found: list[Victim] = []
        for user in sorted({one.user for one in self.positions.all.values() if one.size and one.user}):
            held = self.positions.held(user)
            isolated = [one for one in held if self.positions.isolated(user, one.perpetual)]
            found += [Victim(user, purse_name(one.perpetual, one.side), one) for one in isolated]
            wallets = [wallet for wallet in self.collateral.wallets if self.collateral.cross(user, wallet)]
            found += [Victim(user, wallet, None) for wallet in wallets]
        return sorted(found, key=lambda one: (one.user, self.collateral.order.index(one.wallet)))

    def is_due(self, victim: Victim) -> bool:
        equity, maintenance = self.standing(victim)
        return equity <= maintenance

    def standing(self, victim: Victim) -> tuple[Decimal, Decimal]:
        """Equity and maintenance margin."""
        one, collateral = victim.position, self.collateral
        if one is None:
            user, wallet = victim.user, victim.wallet
            return collateral.equity(user, wallet), collateral.maintenance(user, wallet)
        money = one.perpetual.money
        equity = self.positions.purse_of(one) + collateral.unrealized_of(one)
        return money(equity), money(collateral.maintenance_of(one))

    # ── one of them ──────────────────────────────────────────────────────────────────────────────────────────────

    def liquidate(self, victim: Victim) -> None:
        user, wallet, purse = victim.user, victim.wallet, victim.position
        equity, maintenance = self.standing(victim)
        self.ledger.reached["grid: liquidated"] += self.collateral.portfolio.backs(user, wallet)
        mine = [one for one in self.market.open_orders if one.user == user]
        if purse is None:
            orders = [one for one in mine if one.asked.wallet == wallet]
        else:
            orders = [one for one in mine if one.asked.instrument == purse.perpetual.symbol]
        canceled = self.market.cancel_together(orders)
        insured = len(self.ledger.rows.entries)
        made = []
        for position in [purse] if purse is not None else self.collateral.cross(user, wallet):
            if purse is None and self.collateral.equity(user, wallet) > self.collateral.maintenance(user, wallet):
                self.ledger.reached["liquidation ends where the wallet is well again"] += 1
                break
            made.append(self.sell(position))
        deficit = self.settled(user, wallet) if purse is None else self.insured(user, wallet, insured)
        self.forced_count += 1
        self.ledger.rows.forced.append(
            VenueForced(
                id=self.forced_count,
                user=user,
                wallet=wallet,
                asset=self.asset(victim),
                equity=equity,
                maintenance=maintenance,
                deficit=deficit,
                orders_canceled=tuple(canceled),
                orders_made=tuple(made),
                time_ns=self.ledger.now_ns,
            )
        )

    def asset(self, victim: Victim) -> str:
        if victim.position is not None:
            return victim.position.perpetual.settle
        if victim.wallet == FUTURES:
            return self.market.profile.quote_asset
        return self.collateral.of_wallet(victim.wallet)[0].settle

    def sell(self, position: Position) -> int:
        """Through the market, and what remains to the house."""
        market, perpetual = self.market, position.perpetual
        asked = PlaceOrder(
            wallet=perpetual.wallet,
            instrument=perpetual.symbol,
            side="sell" if position.size > 0 else "buy",
            type="market",
            time_in_force="ioc",
            amount=perpetual.amount(abs(position.size)),
            position_side=position.side,
            reduce_only=True,
        )
        amount = perpetual.amount(abs(position.size))
        order = Order(0, position.user, asked, perpetual.instrument, self.ledger.now_ns, amount, origin="liquidation")
        market.enter(order)
        market.bind(order)
        market.take(order)
        market.settle(perpetual.symbol)
        assert order.stage == "new"
        assert order.rest == perpetual.amount(abs(position.size))
        how = "sold" if order.rest == 0 else "sold in part, taken over" if order.filled else "taken over"
        self.ledger.reached[f"liquidated position: {how}"] += 1
        if order.rest:
            market.take_over(order)
        market.close(order)
        return order.id

    def settled(self, user: int, wallet: str) -> Decimal:
        """What insurance paid for a wallet without positions that is worth less than nothing."""
        collateral = self.collateral
        if collateral.cross(user, wallet) or collateral.assets(user, wallet) >= 0:
            return ZERO
        deficit = -collateral.gross(user, wallet)
        self.ledger.reached["insurance takes assets of a wallet"] += any(
            self.ledger.total(user, wallet, asset) > 0 for asset in collateral.takes(wallet)
        )
        for asset in collateral.takes(wallet):
            total = self.ledger.total(user, wallet, asset)
            self.ledger.move(user, asset, kind="liquidation", wallet=wallet, total=-total)
            self.ledger.to_house("insurance", asset, total)
        return deficit

    def insured(self, user: int, wallet: str, since: int) -> Decimal:
        """What insurance paid into a purse."""
        entries = [one for one in self.ledger.rows.entries[since:] if (one.user, one.wallet) == (user, wallet)]
        return sum((one.total_delta for one in entries if one.type == "insurance"), ZERO)
