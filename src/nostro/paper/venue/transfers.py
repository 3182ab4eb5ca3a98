"""Deposits and withdrawals: how money comes in and leaves, status by status. It decides which step may follow which and
what each does to wallets; when the steps are taken is decided outside (``operations.py``).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from nostro.link.commands import Refusal, Rejected, RequestWithdrawal
from nostro.link.view import VenueMethod
from nostro.paper.venue.numbers import at_least, at_most, whole
from nostro.paper.venue.wallets import PLACE_BITS, SPOT, key_of

if TYPE_CHECKING:
    from nostro.paper.venue.profile import Profile
    from nostro.paper.venue.rows import TransferRow
    from nostro.paper.venue.wallets import Ledger, User

UNITS_MAX: Final = 10**30

DEPOSIT_STEPS: Final = {"pending": ("moderation", "confirmed", "rejected"), "moderation": ("confirmed", "rejected")}
WITHDRAWAL_STEPS: Final = {
    "new": ("confirmed", "refused", "canceled"),
    "confirmed": ("verified", "refused", "canceled"),
    "verified": ("moderation", "approved", "refused", "canceled"),
    "moderation": ("approved", "refused", "suspended"),
    "suspended": ("approved", "refused"),
    "approved": ("done",),
}


class Transfer:
    """A deposit or withdrawal that is under way. ``amount, fee``: units of ``asset`` (its index)."""

    __slots__ = ("amount", "asset", "client_id", "fee", "id", "status", "time_ns", "tx_hash", "user")

    def __init__(
        self, number: int, user: User, *, asset: int, amount: int, fee: int, status: str, time_ns: int
    ) -> None:
        self.id = number
        self.user = user
        self.asset = asset
        self.amount = amount
        self.fee = fee
        self.status = status
        self.time_ns = time_ns
        self.tx_hash: str | None = None
        self.client_id = ""

    def row(self, *, withdrawal: bool) -> TransferRow:
        return (
            self.id, self.user.id, withdrawal, self.asset, self.amount, self.fee, self.status, self.tx_hash,
            self.client_id, self.time_ns,
        )  # fmt: skip


class Way:
    """A withdraw method in integers. ``rate``: (numerator, denominator) of the part of the fee that grows."""

    __slots__ = ("amount_max", "amount_min", "asset", "digits", "enabled", "fee", "patterns", "rate")

    def __init__(self, method: VenueMethod, *, asset: int, digits: int) -> None:
        self.asset = asset
        self.digits = digits
        self.enabled = method.enabled
        self.patterns = {name: re.compile(pattern) for name, pattern in method.attributes}
        self.amount_min = at_least(method.amount_min, digits)
        self.amount_max = at_most(method.amount_max, digits)
        self.fee = at_least(method.fee, digits)
        self.rate = method.fee_rate.as_integer_ratio()

    def fee_for(self, amount: int) -> int:
        return self.fee - (-amount * self.rate[0] // self.rate[1])

    def fits(self, attributes: dict[str, str]) -> bool:
        return attributes.keys() == self.patterns.keys() and all(
            pattern.fullmatch(attributes[name]) for name, pattern in self.patterns.items()
        )


class Transfers:
    """``deposits, withdrawals``: those under way, by id; the counters tell which others there were."""

    __slots__ = ("changed", "deposits", "deposits_made", "ledger", "ways", "withdrawals", "withdrawals_made")

    def __init__(self, profile: Profile, ledger: Ledger) -> None:
        places = {asset.code: (index, asset.digits) for index, asset in enumerate(profile.assets)}
        self.ledger = ledger
        self.ways = {
            method.id: Way(method, asset=places[method.asset][0], digits=places[method.asset][1])
            for method in profile.withdraw_methods
        }
        self.deposits: dict[int, Transfer] = {}
        self.withdrawals: dict[int, Transfer] = {}
        self.deposits_made = 0
        self.withdrawals_made = 0
        self.changed: list[TransferRow] = []

    def begin_deposit(self, user: User, asset: int, *, amount: int, tx_hash: str | None) -> int:
        self.deposits_made += 1
        deposit = Transfer(
            self.deposits_made, user, asset=asset, amount=amount, fee=0, status="pending", time_ns=self.ledger.at_ns
        )
        deposit.tx_hash = tx_hash
        self.deposits[deposit.id] = deposit
        self.changed.append(deposit.row(withdrawal=False))
        return deposit.id

    def deposit_step(self, number: int, status: str) -> Rejected | None:
        """Why the deposit cannot take that step; None if it can."""
        return _step(self.deposits.get(number), DEPOSIT_STEPS, number, self.deposits_made, status)

    def advance_deposit(self, number: int, status: str) -> None:
        deposit = self.deposits[number]
        deposit.status = status
        if status not in DEPOSIT_STEPS:
            del self.deposits[number]
        if status == "confirmed":
            self.credit(deposit.user, key_of(deposit.asset, SPOT), amount=deposit.amount, reason="deposit")
        self.changed.append(deposit.row(withdrawal=False))

    def credit(self, user: User, key: int, *, amount: int, reason: str) -> None:
        """Money comes in from outside."""
        self.ledger.post(user, key, reason=reason, total=amount, held=0)
        self.ledger.external[key >> PLACE_BITS] -= amount

    def draft(self, command: RequestWithdrawal, user: User) -> tuple[int, int, int] | Rejected:
        """Asset, amount and fee of a withdrawal that may begin, or why it may not."""
        way = self.ways.get(command.method)
        if way is None:
            return Rejected(Refusal.UNKNOWN_METHOD, f"there is no withdraw method {command.method}")
        if not way.enabled:
            return Rejected(Refusal.METHOD_DISABLED, f"withdraw method {command.method} is disabled")
        amount = whole(command.amount, way.digits, at_most=UNITS_MAX)
        if amount is None:
            said = f"amount must be positive, with at most {way.digits} digits behind the point: {command.amount:f}"
            return Rejected(Refusal.BAD_AMOUNT, said)
        if not way.fits(command.attributes):
            named = ", ".join(way.patterns)
            return Rejected(Refusal.BAD_ATTRIBUTES, f"attributes must be exactly these, in their form: {named}")
        if amount < way.amount_min:
            return Rejected(Refusal.AMOUNT_TOO_SMALL, f"amount is too small: {command.amount}")
        if amount > way.amount_max:
            return Rejected(Refusal.AMOUNT_TOO_LARGE, f"amount is too large: {command.amount}")
        fee = way.fee_for(amount)
        if user.free(way.asset) < amount + fee:
            return Rejected(Refusal.INSUFFICIENT_FUNDS, f"amount and fee are {amount + fee} units, more than is free")
        return way.asset, amount, fee

    def begin_withdrawal(self, user: User, client_id: str, *, asset: int, amount: int, fee: int) -> int:
        self.withdrawals_made += 1
        withdrawal = Transfer(
            self.withdrawals_made, user, asset=asset, amount=amount, fee=fee, status="new", time_ns=self.ledger.at_ns
        )
        withdrawal.client_id = client_id
        self.withdrawals[withdrawal.id] = withdrawal
        self.ledger.post(user, key_of(asset, SPOT), reason="hold", total=0, held=amount + fee)
        self.changed.append(withdrawal.row(withdrawal=True))
        return withdrawal.id

    def withdrawal_step(self, number: int, status: str) -> Rejected | None:
        """Why the withdrawal cannot take that step; None if it can."""
        return _step(self.withdrawals.get(number), WITHDRAWAL_STEPS, number, self.withdrawals_made, status)

    def advance_withdrawal(self, number: int, status: str) -> None:
        withdrawal = self.withdrawals[number]
        withdrawal.status = status
        if status not in WITHDRAWAL_STEPS:
            del self.withdrawals[number]
        if status == "done":
            self._pay_out(withdrawal)
        elif status in ("refused", "canceled"):
            held = withdrawal.amount + withdrawal.fee
            self.ledger.post(withdrawal.user, key_of(withdrawal.asset, SPOT), reason="release", total=0, held=-held)
        self.changed.append(withdrawal.row(withdrawal=True))

    def _pay_out(self, withdrawal: Transfer) -> None:
        amount, fee, asset, ledger = withdrawal.amount, withdrawal.fee, withdrawal.asset, self.ledger
        withdrawal.tx_hash = "0x" + hashlib.sha256(f"withdrawal:{withdrawal.id}".encode()).hexdigest()
        ledger.post(withdrawal.user, key_of(asset, SPOT), reason="withdrawal", total=-amount, held=-amount)
        ledger.post(withdrawal.user, key_of(asset, SPOT), reason="withdrawal_fee", total=-fee, held=-fee)
        ledger.external[asset] += amount
        ledger.fees[asset] += fee


def _step(
    transfer: Transfer | None, steps: dict[str, tuple[str, ...]], number: int, made: int, status: str
) -> Rejected | None:
    if not 1 <= number <= made:
        return Rejected(Refusal.UNKNOWN_TRANSFER, f"there is no transfer {number}")
    if transfer is None or status not in steps[transfer.status]:
        now = "at its end" if transfer is None else transfer.status
        return Rejected(Refusal.BAD_TRANSITION, f"transfer {number} is {now}, and cannot become {status}")
    return None
