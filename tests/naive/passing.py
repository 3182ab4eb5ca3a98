"""What time brings to contracts, as docs/contracts.md words it: funding at its instants, and the snapshots of the hours
after them. It decides nothing else that happens in time."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from naive.contract_commands import ContractCommands
from naive.contract_market import ContractMarket
from naive.perpetual import Perpetual
from naive.positions import HOUSE, Position, purse_name
from nostro.link.commands import FUTURES
from nostro.link.contracts import VenueBalance, VenueFunding, VenueSnapshot

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
BILLION = 10**9


class Passing:
    def __init__(self, market: ContractMarket, commands: ContractCommands) -> None:
        self.market = market
        self.ledger = market.ledger
        self.positions = market.positions
        self.collateral = market.collateral
        self.rates = commands.rates
        self.funding_count = 0
        self.snapshot_count = 0

    def pass_time(self, last_ns: int, now_ns: int) -> None:
        """After ``last_ns``, up to ``now_ns`` and with it."""
        moments: list[tuple[int, int]] = []  # the time and the instrument; an hour after all instruments
        open_ids = {one.perpetual.id for one in self.positions.all.values() if one.size}
        perpetuals = {one.id: one for one in self.market.perpetuals.values() if one.id in open_ids}
        for one in perpetuals.values():
            step_ns = one.instrument.funding_interval_s * SECOND_NS
            moments += [(at_ns, one.id) for at_ns in wholes(last_ns, now_ns, step_ns)]
        if self.market.profile.snapshots and self.market.users:
            last_id = max(perpetuals, default=0)
            moments += [(at_ns, last_id + 1) for at_ns in wholes(last_ns, now_ns, HOUR_NS)]
        funded = 0
        for at_ns, number in sorted(moments):
            if number in perpetuals:
                self.fund(perpetuals[number], at_ns)
                funded += 1
            else:
                self.snapshots(at_ns)
        self.ledger.reached["several fundings by one command"] += funded > 1

    # ── funding ──────────────────────────────────────────────────────────────────────────────────────────────────

    def fund(self, perpetual: Perpetual, at_ns: int) -> None:
        concerned = [one for one in self.positions.all.values() if one.perpetual is perpetual and one.size]
        paid = 0
        for position in sorted(concerned, key=lambda one: (one.user, one.side)):
            paid += self.fund_one(position, at_ns)
        self.ledger.to_house("rounding", perpetual.settle, perpetual.money(paid))
        self.ledger.reached["funding leaves something to rounding"] += paid != 0

    def fund_one(self, position: Position, at_ns: int) -> int:
        """What it paid, negative when received."""
        perpetual, mark = position.perpetual, self.collateral.marks[position.perpetual.symbol]
        value = perpetual.value(abs(position.size), mark)
        exact = Fraction(value * self.rates[perpetual.symbol], BILLION) * position.sign
        paid = math.ceil(exact) if exact > 0 else -math.floor(-exact)
        if paid == 0:
            return 0
        money = perpetual.money(-paid)
        if position.user == HOUSE:
            self.ledger.to_house("insurance", perpetual.settle, money)
            self.ledger.reached["the house is funded"] += 1
            return paid
        isolated = self.positions.isolated(position.user, perpetual)
        wallet = purse_name(perpetual, position.side) if isolated else perpetual.wallet
        self.ledger.move(position.user, perpetual.settle, kind="funding", wallet=wallet, total=money)
        self.ledger.reached["funding of a purse" if isolated else "funding of a wallet"] += 1
        position.funding -= paid
        position.updated_ns = self.ledger.now_ns
        self.funding_count += 1
        self.ledger.rows.funding.append(
            VenueFunding(
                id=self.funding_count,
                user=position.user,
                wallet=wallet,
                instrument=perpetual.symbol,
                side=position.side,
                size=perpetual.amount(position.size),
                mark=perpetual.price(mark),
                rate=Decimal(self.rates[perpetual.symbol]).scaleb(-9),
                asset=perpetual.settle,
                amount=money,
                time_ns=at_ns,
            )
        )
        return paid

    # ── snapshots ────────────────────────────────────────────────────────────────────────────────────────────────

    def snapshots(self, hour_ns: int) -> None:
        here = {user for user, wallet, _ in self.ledger.wallets if wallet in self.collateral.wallets}
        here |= self.market.traded
        for user in sorted(here):
            if user in self.ledger.stirred:
                self.ledger.stirred.remove(user)
                self.snapshot(user, hour_ns)
            else:
                self.ledger.reached["idle hour"] += 1

    def snapshot(self, user: int, hour_ns: int) -> None:
        balances = self.balances(user)
        held = {row.asset for row in balances}
        codes = [asset.code for asset in self.market.profile.assets if asset.code in held]
        self.snapshot_count += 1
        self.ledger.rows.snapshots.append(
            VenueSnapshot(
                id=self.snapshot_count,
                user=user,
                balances=tuple(balances),
                positions=tuple(self.collateral.position_rows(user)),
                collateral=self.collateral.row(user, FUTURES),
                prices=tuple((code, self.market.loans.index[code]) for code in codes),
                time_ns=hour_ns,
            )
        )

    def balances(self, user: int) -> list[VenueBalance]:
        """In order of wallets, then assets."""
        codes = [asset.code for asset in self.market.profile.assets]
        rows = self.ledger.balances(user)
        return sorted(rows, key=lambda row: (self.collateral.order.index(row.wallet), codes.index(row.asset)))


def wholes(last_ns: int, now_ns: int, step_ns: int) -> list[int]:
    """The whole multiples of a step after ``last_ns``, up to ``now_ns``."""
    return list(range((last_ns // step_ns + 1) * step_ns, now_ns + 1, step_ns))
