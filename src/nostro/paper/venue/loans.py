"""Loans: what the house lends into margin wallets, the interest it takes for it, and what comes back. It keeps debts
and moves their money, and says how much more may be owed; why somebody borrows or repays is decided by ``margin.py``,
``placing.py``, ``matching.py`` and ``liquidation.py``.

``docs/venue.md``, Margin, is the rules. All amounts are whole units of the asset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nostro.domain.values import SECOND_NS
from nostro.link.commands import Refusal, Rejected
from nostro.paper.venue.listing import PPM
from nostro.paper.venue.numbers import amount_of, at_most
from nostro.paper.venue.wallets import PLACE_BITS, PLACE_MASK

if TYPE_CHECKING:
    from nostro.paper.venue.index import Index
    from nostro.paper.venue.profile import Profile
    from nostro.paper.venue.rows import BorrowRow, InterestRow, RepaymentRow
    from nostro.paper.venue.wallets import Ledger, User

HOUR_NS: Final = 3_600 * SECOND_NS


class Borrow:
    """One time that a wallet borrowed. Open until its principal is repaid; by then it owes no interest either."""

    __slots__ = (
        "accrued", "amount", "done_ns", "id", "interest_ns", "loan", "paid", "rate_ppm", "repaid", "time_ns", "type",
    )  # fmt: skip

    def __init__(self, number: int, loan: Loan, *, amount: int, rate_ppm: int, kind: str, time_ns: int) -> None:
        self.id = number
        self.loan = loan
        self.amount = amount
        self.repaid = 0
        self.accrued = 0
        self.paid = 0
        self.rate_ppm = rate_ppm
        self.type = kind
        self.time_ns = time_ns
        self.interest_ns: int | None = None
        self.done_ns: int | None = None

    def row(self) -> BorrowRow:
        loan = self.loan
        return (
            self.id, loan.user.id, loan.place, loan.asset, self.amount, self.repaid, self.accrued, self.paid,
            self.rate_ppm, self.type, self.time_ns, self.interest_ns, self.done_ns,
        )  # fmt: skip


class Loan:
    """What a wallet owes of one asset: the sums over its open borrows. It stays when nothing is owed any more, that is,
    when no borrow is open."""

    __slots__ = ("asset", "borrows", "id", "interest", "place", "principal", "user")

    def __init__(self, number: int, user: User, *, key: int) -> None:
        self.id = number
        self.user = user
        self.place = key & PLACE_MASK
        self.asset = key >> PLACE_BITS
        self.principal = 0
        self.interest = 0
        self.borrows: dict[int, Borrow] = {}

    @property
    def debt(self) -> int:
        return self.principal + self.interest


class Loans:
    """``borrows``: the open ones, by id. ``indebted``: the wallets that owe something, (user id, place), with what.
    ``revalued``: whether all of them are to be looked at anew, because interest or a price changed. ``changed, done,
    repayments, interest``: of the command under way."""

    __slots__ = (
        "_assets", "_pools", "_rates", "borrows", "borrows_made", "changed", "done", "indebted", "index", "interest",
        "interest_made", "ledger", "loans_made", "repayments", "repayments_made", "revalued",
    )  # fmt: skip

    def __init__(self, profile: Profile, ledger: Ledger, *, index: Index) -> None:
        lent = {each.asset: each for each in profile.borrowing}
        self._assets = profile.assets
        self._rates = [lent[asset.code].hourly_ppm if asset.code in lent else 0 for asset in profile.assets]
        self._pools = [
            at_most(lent[asset.code].pool, asset.digits) if asset.code in lent else 0 for asset in profile.assets
        ]
        self.ledger = ledger
        self.index = index
        self.borrows: dict[int, Borrow] = {}
        self.indebted: dict[tuple[int, int], list[Loan]] = {}
        self.revalued = False
        self.loans_made = 0
        self.borrows_made = 0
        self.repayments_made = 0
        self.interest_made = 0
        self.changed: dict[int, Borrow] = {}
        self.done: list[Borrow] = []
        self.repayments: list[RepaymentRow] = []
        self.interest: list[InterestRow] = []

    def refused(self, user: User, key: int, *, units: int) -> Rejected | None:
        """Why so much is not lent into that wallet; None if it is."""
        asset = key >> PLACE_BITS
        left = self._pools[asset] + self.ledger.lend[asset]
        if units > left:
            said = f"{self._said(asset, units)} is more than the {self._said(asset, left)} that is left to lend"
            return Rejected(Refusal.POOL_EMPTY, said)
        value = units * self.index.weights[asset]
        if not self.index.keeps_limit(user, key & PLACE_MASK, gained=value, borrowed=value):
            said = f"with {self._said(asset, units)} more the wallet would owe more than twice its equity"
            return Rejected(Refusal.MARGIN_LIMIT, said)
        return None

    def _said(self, asset: int, units: int) -> str:
        return f"{amount_of(units, self._assets[asset].digits):f} {self._assets[asset].code}"

    def lend(self, user: User, key: int, *, units: int, kind: str) -> int:
        """The house lends into a wallet. The borrow's id."""
        ledger = self.ledger
        ledger.post(user, key, reason="borrow", total=units, held=0)
        loan = user.loans.get(key)
        if loan is None:
            self.loans_made += 1
            loan = user.loans[key] = Loan(self.loans_made, user, key=key)
        ledger.lend[loan.asset] -= units
        self.borrows_made += 1
        borrow = Borrow(
            self.borrows_made, loan, amount=units, rate_ppm=self._rates[loan.asset], kind=kind, time_ns=ledger.at_ns
        )
        self.enter(borrow)
        self.changed[borrow.id] = borrow
        return borrow.id

    def enter(self, borrow: Borrow) -> None:
        """An open borrow counts among the debts of its wallet."""
        loan = borrow.loan
        if not loan.borrows:
            self.indebted.setdefault((loan.user.id, loan.place), []).append(loan)
        self.borrows[borrow.id] = loan.borrows[borrow.id] = borrow
        loan.principal += borrow.amount - borrow.repaid
        loan.interest += borrow.accrued - borrow.paid

    def repay(self, loan: Loan, *, units: int, kind: str) -> int:
        """So much of a debt, at most all of it, is paid back, interest first. The repayment's id."""
        ledger, user = self.ledger, loan.user
        ledger.post(user, loan.asset << PLACE_BITS | loan.place, reason="repay", total=-units, held=0)
        interest = self._pay_interest(loan, min(units, loan.interest))
        principal = self._pay_principal(loan, units - interest)
        ledger.fees[loan.asset] += interest
        ledger.lend[loan.asset] += principal
        self.repayments_made += 1
        self.repayments.append((
            self.repayments_made, user.id, loan.place, loan.asset, interest, principal, kind, ledger.at_ns,
        ))  # fmt: skip
        if not loan.borrows:
            owed = self.indebted[user.id, loan.place]
            owed.remove(loan)
            if not owed:
                del self.indebted[user.id, loan.place]
        return self.repayments_made

    def _pay_interest(self, loan: Loan, units: int) -> int:
        loan.interest -= units
        left = units
        for borrow in loan.borrows.values() if units else ():
            part = min(left, borrow.accrued - borrow.paid)
            if part:
                borrow.paid += part
                left -= part
                self.changed[borrow.id] = borrow
            if not left:
                break
        return units

    def _pay_principal(self, loan: Loan, units: int) -> int:
        loan.principal -= units
        left = units
        for borrow in list(loan.borrows.values()) if units else ():
            part = min(left, borrow.amount - borrow.repaid)
            borrow.repaid += part
            left -= part
            self.changed[borrow.id] = borrow
            if borrow.repaid == borrow.amount:
                borrow.done_ns = self.ledger.at_ns
                self.done.append(borrow)
                del loan.borrows[borrow.id], self.borrows[borrow.id]
            if not left:
                break
        return units

    def accrue(self, until_ns: int) -> bool:
        """Interest of every full hour since the last command. Whether there was any."""
        first, last = self.ledger.at_ns // HOUR_NS + 1, until_ns // HOUR_NS
        if last < first or not self.borrows:
            return False
        ordered = sorted(self.borrows.values(), key=lambda borrow: (borrow.loan.user.id, borrow.id))
        for hour in range(first, last + 1):
            for borrow in ordered:
                self._accrue(borrow, hour * HOUR_NS)
        self.revalued = True
        return True

    def _accrue(self, borrow: Borrow, hour_ns: int) -> None:
        loan = borrow.loan
        units = -(-(borrow.amount - borrow.repaid) * borrow.rate_ppm // PPM)
        borrow.accrued += units
        loan.interest += units
        borrow.interest_ns = hour_ns
        self.changed[borrow.id] = borrow
        self.interest_made += 1
        self.interest.append((
            self.interest_made, loan.user.id, loan.place, borrow.id, loan.asset, units, borrow.paid, borrow.rate_ppm,
            hour_ns,
        ))  # fmt: skip
