"""Liquidation: what happens, at the end of a command, to margin wallets that can no longer pay. It decides which
wallets are looked at and settles with the insurance fund what the market did not cover; covering itself is
``margin.py``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nostro.paper.venue.wallets import MARGIN_FROM, key_of
from nostro.paper.venue.words import LEVEL_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nostro.paper.venue.engine import Engine
    from nostro.paper.venue.loans import Loan
    from nostro.paper.venue.rows import LiquidationRow
    from nostro.paper.venue.wallets import User


class Liquidation:
    """``rows``: of the command under way."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.rows: list[LiquidationRow] = []
        self.made = 0

    def run(self) -> None:
        """Liquidates until no wallet must go. Only wallets of which the command moved a total can, or, where interest
        or a price changed, any that owes something."""
        engine, entries = self._engine, self._engine.ledger.entries
        indebted, index, users = engine.loans.indebted, engine.index, engine.users
        suspects, seen = set(indebted) if engine.loans.revalued else set(), 0
        engine.loans.revalued = False
        while True:
            touched = {(row[1], row[2]) for row in entries[seen:] if row[7] and row[2] >= MARGIN_FROM}
            suspects = {
                each
                for each in suspects | touched
                if each in indebted and index.must_go(users[each[0]], each[1], debts=indebted[each])
            }
            if not suspects:
                return
            seen = len(entries)
            user_id, place = min(suspects)
            self._liquidate(users[user_id], place)

    def _liquidate(self, user: User, place: int) -> None:
        engine, loans = self._engine, self._engine.loans
        has, owes = engine.index.worth(user, place)
        level = (has - owes) * 10**LEVEL_DIGITS // owes
        owed = [(loan, loan.debt) for loan in sorted(loans.indebted[user.id, place], key=lambda loan: loan.asset)]
        repaid_before, done_before = len(loans.repayments), len(loans.done)
        closed = engine.margin.cancel(user, place)
        orders = engine.margin.cover(user, place, kind="auto")
        fund = {loan.asset: self._settle(loan) for loan, _ in owed}
        repayments = [row for row in loans.repayments[repaid_before:] if row[1] == user.id and row[2] == place]
        done = loans.done[done_before:]
        at_ns = engine.ledger.at_ns
        for loan, debt in owed:
            self.made += 1
            asset = loan.asset
            self.rows.append((
                self.made, user.id, place, asset, debt, fund[asset], level, written(closed),
                written(order_id for bought, order_id in orders if bought == asset),
                written(borrow.id for borrow in done if borrow.loan is loan),
                written(row[0] for row in repayments if row[3] == asset), at_ns, at_ns,
            ))  # fmt: skip
            closed = ()

    def _settle(self, loan: Loan) -> int:
        """What a wallet still owes of an asset is paid by the insurance fund, which takes what the wallet has for it.
        How much it paid."""
        engine, user, place, debt = self._engine, loan.user, loan.place, loan.debt
        if not debt:
            return 0
        ledger, weights = engine.ledger, engine.index.weights
        needed = debt * weights[loan.asset]
        for asset, weight in enumerate(weights):
            units = min(user.free(asset, place), -(-needed // weight))
            if needed > 0 and units > 0:
                ledger.post(user, key_of(asset, place), reason="liquidation", total=-units, held=0)
                ledger.insurance[asset] += units
                needed -= units * weight
        ledger.insurance[loan.asset] -= debt
        ledger.post(user, key_of(loan.asset, place), reason="liquidation", total=debt, held=0)
        engine.loans.repay(loan, units=debt, kind="auto")
        return debt


def written(ids: Iterable[int]) -> str:
    """Ids as a row has them."""
    return " ".join(map(str, ids))
