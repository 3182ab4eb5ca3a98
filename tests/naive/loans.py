"""Debts as docs/venue.md words them: what is owed, what it is worth, borrowing, repaying, the interest of every hour.
It decides who may borrow; not what happens to a wallet that owes too much.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from naive.commands import Profile
from naive.state import ZERO, Borrowing, Ledger, up
from nostro.link.commands import ISOLATED, LoanType, Refusal
from nostro.link.view import VenueInterest, VenueLoan, VenueMargin, VenueRepayment

HOUR_NS = 3_600_000_000_000
WARNING = Fraction(10, 100)
LIQUIDATION = Fraction(5, 100)


class Loans:
    def __init__(self, profile: Profile, ledger: Ledger) -> None:
        self.profile = profile
        self.ledger = ledger
        self.index = dict(profile.start_prices)
        self.open: list[Borrowing] = []  # in order of id
        self.loans: list[tuple[int, str, str]] = []  # the id is the place, from 1
        self.borrow_count = 0
        self.repayment_count = 0
        self.interest_count = 0

    # ── what is owed ─────────────────────────────────────────────────────────────────────────────────────────────

    def owed(self, user: int, wallet: str, asset: str) -> list[Borrowing]:
        return [one for one in self.open if (one.user, one.wallet, one.asset) == (user, wallet, asset)]

    def debt(self, user: int, wallet: str, asset: str) -> Decimal:
        return sum((one.principal + one.interest for one in self.owed(user, wallet, asset)), ZERO)

    def debts(self, user: int, wallet: str) -> dict[str, Decimal]:
        """In the order of assets, of those that are owed."""
        debts = {asset.code: self.debt(user, wallet, asset.code) for asset in self.profile.assets}
        return {asset: debt for asset, debt in debts.items() if debt}

    def debtors(self) -> list[tuple[int, str]]:
        """Wallets that owe, in the order of (user, wallet)."""
        return sorted({(one.user, one.wallet) for one in self.open}, key=lambda key: (key[0], self.rank(key[1])))

    def rank(self, wallet: str) -> int:
        """``cross_margin``, then the isolated ones by the instrument's id."""
        symbols = {f"{ISOLATED}{one.symbol}": one.id for one in self.profile.instruments}
        return symbols.get(wallet, 0)

    def value(self, asset: str, amount: Decimal) -> Decimal:
        return amount * self.index[asset]

    def assets_value(self, user: int, wallet: str) -> Decimal:
        codes = [asset.code for asset in self.profile.assets]
        return sum((self.value(code, self.ledger.total(user, wallet, code)) for code in codes), ZERO)

    def debts_value(self, user: int, wallet: str) -> Decimal:
        return sum((self.value(asset, debt) for asset, debt in self.debts(user, wallet).items()), ZERO)

    def level(self, user: int, wallet: str) -> Fraction | None:
        assets, debts = self.assets_value(user, wallet), self.debts_value(user, wallet)
        return Fraction(assets - debts) / Fraction(debts) if debts else None

    def keeps_limit(self, user: int, wallet: str, *, assets: Decimal, debts: Decimal) -> bool:
        """With this much more value in the wallet and owed by it."""
        all_assets = self.assets_value(user, wallet) + assets
        all_debts = self.debts_value(user, wallet) + debts
        if all_debts == 2 * (all_assets - all_debts):
            self.ledger.reached["exactly at the limit"] += 1
        return all_debts <= 2 * (all_assets - all_debts)

    # ── borrowing and repaying ───────────────────────────────────────────────────────────────────────────────────

    def why_not(self, user: int, wallet: str, asset: str, *, amount: Decimal) -> Refusal | None:
        """Why this much cannot be borrowed."""
        lent = sum((one.principal for one in self.open if one.asset == asset), ZERO)
        pools = {code: pool for code, _, pool in self.profile.borrowing}
        if lent + amount > pools.get(asset, ZERO):
            return Refusal.POOL_EMPTY
        value = self.value(asset, amount)
        if not self.keeps_limit(user, wallet, assets=value, debts=value):
            return Refusal.MARGIN_LIMIT
        return None

    def borrow(self, user: int, wallet: str, asset: str, *, amount: Decimal, loan_type: LoanType) -> int:
        if (user, wallet, asset) not in self.loans:
            self.loans.append((user, wallet, asset))
        rates = {code: Decimal(rate) / 1_000_000 for code, rate, _ in self.profile.borrowing}
        self.borrow_count += 1
        borrow = Borrowing(
            self.borrow_count,
            user,
            wallet,
            asset,
            amount,
            rate=rates[asset],
            type=loan_type,
            time_ns=self.ledger.now_ns,
        )
        self.open.append(borrow)
        self.ledger.move(user, asset, kind="borrow", wallet=wallet, total=amount)
        self.ledger.to_house("lend", asset, -amount)
        self.ledger.rows.borrow_changed(borrow)
        return borrow.id

    def repay(self, user: int, wallet: str, asset: str, *, amount: Decimal, loan_type: LoanType) -> int | None:
        """First all interest, then principal. ``amount``: at most the debt. None, and no row, where it is 0."""
        if amount == 0:
            return None
        owed = self.owed(user, wallet, asset)
        rest = amount
        for one in owed:
            interest = min(rest, one.interest)
            one.paid += interest
            rest -= interest
            if interest:
                self.ledger.rows.borrow_changed(one)
        for_interest = amount - rest
        for one in owed:
            principal = min(rest, one.principal)
            one.repaid += principal
            rest -= principal
            if principal:
                self.ledger.rows.borrow_changed(one)
            if one.principal == 0:
                assert one.interest == 0
                one.done_ns = self.ledger.now_ns
                self.open.remove(one)
        assert rest == 0
        self.ledger.move(user, asset, kind="repay", wallet=wallet, total=-amount)
        self.ledger.to_house("lend", asset, amount - for_interest)
        self.ledger.to_house("fees", asset, for_interest)
        self.repayment_count += 1
        self.ledger.rows.repayments.append(
            VenueRepayment(
                id=self.repayment_count,
                user=user,
                wallet=wallet,
                asset=asset,
                interest=for_interest,
                principal=amount - for_interest,
                type=loan_type,
                time_ns=self.ledger.now_ns,
            )
        )
        return self.repayment_count

    # ── interest ─────────────────────────────────────────────────────────────────────────────────────────────────

    def accrue(self, last_ns: int, now_ns: int) -> None:
        if not self.open:
            return
        for hour_ns in range((last_ns // HOUR_NS + 1) * HOUR_NS, now_ns + 1, HOUR_NS):
            for one in sorted(self.open, key=lambda one: (one.user, one.id)):
                self.accrue_hour(one, hour_ns)

    def accrue_hour(self, borrow: Borrowing, hour_ns: int) -> None:
        asset = next(asset for asset in self.profile.assets if asset.code == borrow.asset)
        accrued = up(borrow.principal * borrow.rate, asset.digits)
        borrow.accrued += accrued
        borrow.interest_ns = hour_ns
        self.interest_count += 1
        self.ledger.rows.borrow_changed(borrow)
        self.ledger.rows.interest.append(
            VenueInterest(
                id=self.interest_count,
                user=borrow.user,
                wallet=borrow.wallet,
                borrow=borrow.id,
                asset=borrow.asset,
                accrued=accrued,
                paid=borrow.paid,
                rate=borrow.rate,
                time_ns=hour_ns,
            )
        )

    # ── what it looks like ───────────────────────────────────────────────────────────────────────────────────────

    def rows(self, user: int) -> list[VenueLoan]:
        found = []
        for number, (debtor, wallet, asset) in enumerate(self.loans, start=1):
            owed = self.owed(debtor, wallet, asset)
            if debtor == user and owed:
                principal = sum((one.principal for one in owed), ZERO)
                interest = sum((one.interest for one in owed), ZERO)
                found.append(
                    VenueLoan(id=number, user=user, wallet=wallet, asset=asset, principal=principal, interest=interest)
                )
        return found

    def margin(self, user: int) -> list[VenueMargin]:
        used = {wallet for owner, wallet, _ in self.ledger.wallets if owner == user}
        spots = [one for one in self.profile.instruments if one.kind == "spot"]
        places = {"cross_margin", *(f"{ISOLATED}{one.symbol}" for one in spots)}
        return [self.margin_row(user, wallet) for wallet in sorted(used & places, key=self.rank)]

    def margin_row(self, user: int, wallet: str) -> VenueMargin:
        level = self.level(user, wallet)
        return VenueMargin(
            user=user,
            wallet=wallet,
            assets=self.assets_value(user, wallet),
            debt=self.debts_value(user, wallet),
            level=None if level is None else shown_level(level),
            state="clear" if level is None else "warning" if level <= WARNING else "healthy",
        )


def shown_level(level: Fraction) -> Decimal:
    """Rounded down to 10^-8."""
    return Decimal(math.floor(level * 10**8)).scaleb(-8)
