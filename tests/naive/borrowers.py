"""Random commands of margin for the workload: who moves, borrows, repays, closes, and where index prices go. It looks
at the rows of the outcomes only to aim (at a limit, a level, a pool's end); it decides no outcome.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Final

from naive.commands import CreateUser, Envelope, Operator, Ordered, Outcome, SetIndex
from naive.grounds import Ground
from nostro.domain.values import EXACT
from nostro.link.commands import ISOLATED, Accepted, Borrow, ClosePosition, LoanType, MoveMargin, Repay
from nostro.link.view import VenueBorrow

Key = tuple[int, str, str]  # user, wallet, asset
ZERO: Final = Decimal(0)
INDEX_DIGITS: Final = 8
INDEX_MAX: Final = 10**18

WALLETS_WRONG: Final = ("spot", "funding", "margin", "isolated_margin", f"{ISOLATED}AAA/CCC", ISOLATED, "isolated")
AMOUNTS_WRONG: Final = (Decimal(0), Decimal(-1), Decimal("0.1234567890123456789"), Decimal(10) ** 31, Decimal(10) ** 20)
PRICES_WRONG: Final = (Decimal(0), Decimal(-1), Decimal("1e-9"), Decimal("1.000000001"), Decimal(10) ** 11)
LEVELS: Final = tuple(
    Fraction(level) for level in ("0.05", "0.05", "0.0501", "0.049", "0.1", "0.08", "0.02", "-0.1", "-0.6")
)
FAR: Final = 8  # times that an index price may be of its first one, or go under it


class Borrowers:
    """``seen`` is told what came of each command; the others draw one."""

    def __init__(self, random: Random, ground: Ground) -> None:
        self.random = random
        self.profile = ground.profile
        self.digits = {asset.code: asset.digits for asset in self.profile.assets}
        self.pools = {code: pool for code, _, pool in self.profile.borrowing}
        self.index = {code: Fraction(price) for code, price in self.profile.start_prices}
        self.first_index = dict(self.index)
        self.moved: list[str] = []  # assets whose index price is to come back
        self.totals: dict[Key, Decimal] = {}
        self.frees: dict[Key, Decimal] = {}
        self.borrows: dict[int, VenueBorrow] = {}
        self.parents: dict[int, int] = {}

    def seen(self, envelope: Envelope, outcome: Outcome) -> None:
        if not isinstance(outcome.answer, Accepted):
            return
        for entry in outcome.entries:
            key = (entry.user, entry.wallet, entry.asset)
            self.totals[key] = EXACT.add(entry.total, entry.total_delta)
            self.frees[key] = EXACT.subtract(self.totals[key], EXACT.add(entry.held, entry.held_delta))
        for borrow in outcome.borrows:
            self.borrows.pop(borrow.id, None)
            if borrow.done_ns is None:
                self.borrows[borrow.id] = borrow
        command = envelope.command
        if isinstance(command, SetIndex):
            self.index[command.asset] = Fraction(command.price)
        if isinstance(command, CreateUser) and command.parent is not None:
            self.parents[outcome.answer.ids[0]] = command.parent

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────

    def free(self, user: int, wallet: str, asset: str) -> Decimal:
        return self.frees.get((user, wallet, asset), ZERO)

    def debts(self) -> dict[Key, Fraction]:
        debts: dict[Key, Fraction] = {}
        for one in self.borrows.values():
            key = (one.user, one.wallet, one.asset)
            owed = Fraction(one.amount) - Fraction(one.repaid) + Fraction(one.accrued) - Fraction(one.paid)
            debts[key] = debts.get(key, Fraction(0)) + owed
        return debts

    def debtors(self) -> list[tuple[int, str]]:
        return list({(one.user, one.wallet): None for one in self.borrows.values()})

    def worth(self, user: int, wallet: str) -> tuple[Fraction, Fraction]:
        """Assets and debts of a wallet at index prices."""
        assets = [
            Fraction(total) * self.index[key[2]] for key, total in self.totals.items() if key[:2] == (user, wallet)
        ]
        debts = [owed * self.index[key[2]] for key, owed in self.debts().items() if key[:2] == (user, wallet)]
        return sum(assets, Fraction(0)), sum(debts, Fraction(0))

    def room(self, user: int, wallet: str, asset: str) -> Decimal:
        """The most that may be borrowed now."""
        assets, debts = self.worth(user, wallet)
        return self.whole(asset, max(Fraction(0), 2 * assets - 3 * debts) / self.index[asset])

    def left(self, asset: str) -> Decimal:
        """In the pool."""
        owed = [Fraction(one.amount) - Fraction(one.repaid) for one in self.borrows.values() if one.asset == asset]
        return self.whole(asset, Fraction(self.pools.get(asset, ZERO)) - sum(owed, Fraction(0)))

    def whole(self, asset: str, amount: Fraction) -> Decimal:
        """Whole units of it."""
        return EXACT.scaleb(Decimal(math.floor(amount * 10 ** self.digits[asset])), -self.digits[asset])

    def unit(self, asset: str) -> Decimal:
        return Decimal(1).scaleb(-self.digits[asset])

    def more(self, asset: str, amount: Decimal) -> Decimal:
        return EXACT.add(amount, self.unit(asset))

    def part(self, asset: str, amount: Decimal) -> Decimal:
        share = self.random.choice((Fraction(1, 10), Fraction(1, 3), Fraction(3, 4), Fraction(1), Fraction(6, 5)))
        return max(self.unit(asset), self.whole(asset, Fraction(amount) * share))

    # ── who and where ────────────────────────────────────────────────────────────────────────────────────────────

    def asker(self, account: int) -> int:
        """Mostly whose money it is, or its master."""
        kind = self.random.random()
        if kind < 0.03:
            return self.random.choice((0, 1, 2, 6, 99))
        if kind < 0.4:
            return self.parents.get(account, account)
        return account

    def account(self, users: int) -> int:
        if self.random.random() < 0.01:
            return self.random.choice((0, -1, users + 1))
        return self.random.randrange(1, users + 1)

    def place(self) -> tuple[str, str]:
        """A margin wallet and an asset that it may hold, mostly."""
        instrument = self.random.choice([one for one in self.profile.instruments if one.kind == "spot"])
        wallet = self.random.choice(("cross_margin", f"{ISOLATED}{instrument.symbol}"))
        asset = self.random.choice((instrument.base, instrument.quote))
        if wallet == "cross_margin" or self.random.random() < 0.1:
            asset = self.random.choice(list(self.digits))
        if self.random.random() < 0.02:
            wallet = self.random.choice(WALLETS_WRONG)
        return wallet, "NONE" if self.random.random() < 0.01 else asset

    def wallet_with_money(self, users: int) -> tuple[int, str, str]:
        known = [key for key, total in self.totals.items() if total and key[1] not in ("spot", "funding")]
        if known and self.random.random() < 0.75:
            user, wallet, asset = self.random.choice(known)
            if self.random.random() < 0.5:
                return user, wallet, self.other_asset(wallet)
            return user, wallet, asset
        return (self.account(users), *self.place())

    def other_asset(self, wallet: str) -> str:
        if wallet == "cross_margin":
            return self.random.choice(list(self.digits))
        return self.random.choice(wallet.removeprefix(ISOLATED).split("/"))

    def spoiled(self, asset: str, amount: Decimal) -> Decimal:
        kind = self.random.random()
        if kind < 0.02:
            return self.random.choice(AMOUNTS_WRONG)
        if kind < 0.024 and asset in self.digits:
            return EXACT.scaleb(Decimal(10**30 + self.random.choice((0, 1))), -self.digits[asset])
        return amount

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def move(self, users: int) -> tuple[int, MoveMargin]:
        direction = self.random.choice(("add", "add", "sub"))
        user, wallet, asset = (
            self.wallet_with_money(users) if direction == "sub" else (self.account(users), *self.place())
        )
        if self.random.random() < 0.1:
            wallet = "funding"
        source = "spot" if direction == "add" else wallet
        amount = self.part(asset, self.free(user, source, asset)) if asset in self.digits else Decimal(1)
        if direction == "add" and self.random.random() < 0.7:
            amount = self.part(asset, self.whole(asset, Fraction(amount) / 8)) if asset in self.digits else amount
        if direction == "sub" and asset in self.digits and self.random.random() < 0.3:
            assets, debts = self.worth(user, wallet)
            spare = self.whole(asset, max(Fraction(0), assets - debts * 3 / 2) / self.index[asset])
            amount = self.random.choice((spare, self.more(asset, spare)))
        return self.asker(user), MoveMargin(
            account=user, wallet=wallet, direction=direction, asset=asset,  # type: ignore[arg-type]
            amount=self.spoiled(asset, amount), note=self.random.choice(("", "n")),
        )  # fmt: skip

    def borrow(self, users: int) -> tuple[int, Borrow]:
        user, wallet, asset = self.wallet_with_money(users)
        amount = Decimal(1)
        if asset in self.digits:
            room = self.room(user, wallet, asset)
            kind = self.random.random()
            amount = self.part(asset, room)
            if kind < 0.15:
                amount = self.random.choice((max(room, self.unit(asset)), self.more(asset, room)))
            elif kind < 0.25:
                left = self.left(asset)
                amount = self.random.choice((left, self.more(asset, left)))
        return self.asker(user), Borrow(
            account=user, wallet=wallet, asset=asset, amount=self.spoiled(asset, amount), type=self.loan_type()
        )

    def repay(self, users: int) -> tuple[int, Repay]:
        debts = self.debts()
        user, wallet, asset = self.wallet_with_money(users)
        amount = Decimal(1)
        if debts and self.random.random() < 0.9:
            user, wallet, asset = self.random.choice(list(debts))
            owed = self.whole(asset, debts[user, wallet, asset])
            free = self.free(user, wallet, asset)
            amount = self.random.choice(
                (
                    owed,
                    self.more(asset, owed),
                    self.part(asset, owed),
                    self.part(asset, min(owed, free)),
                    self.unit(asset),
                    min(owed, free),
                )
            )
        return self.asker(user), Repay(
            account=user, wallet=wallet, asset=asset, amount=self.spoiled(asset, amount), type=self.loan_type()
        )

    def close(self, users: int) -> tuple[int, ClosePosition]:
        debtors = self.debtors()
        if debtors and self.random.random() < 0.8:
            user, wallet = self.random.choice(debtors)
        else:
            user, (wallet, _) = self.account(users), self.place()
        return self.asker(user), ClosePosition(account=user, wallet=wallet)

    def loan_type(self) -> LoanType:
        return self.random.choice(("manual", "manual", "manual", "auto"))

    # ── index prices ─────────────────────────────────────────────────────────────────────────────────────────────

    def set_index(self) -> tuple[None, SetIndex]:
        random = self.random
        if self.moved and random.random() < 0.6:
            asset = self.moved.pop(0)
            return None, self.index_of(asset, self.first_index[asset])
        debtors = self.debtors()
        if debtors and random.random() < 0.6:
            aimed = self.aimed(*random.choice(debtors), level=random.choice(LEVELS))
            if aimed is not None:
                return None, aimed
        asset = random.choice(list(self.digits))
        if random.random() < 0.1:
            return None, SetIndex(asset=asset, price=random.choice(PRICES_WRONG))
        if random.random() < 0.05:
            return None, SetIndex(asset="NONE", price=Decimal(1))
        return None, self.index_of(asset, self.first_index[asset] * Fraction(random.randrange(97, 104), 100))

    def index_of(self, asset: str, price: Fraction) -> SetIndex:
        count = min(INDEX_MAX, max(1, math.floor(price * 10**INDEX_DIGITS)))
        return SetIndex(asset=asset, price=EXACT.scaleb(Decimal(count), -INDEX_DIGITS))

    def aimed(self, user: int, wallet: str, *, level: Fraction) -> SetIndex | None:
        """An index price that brings the wallet to this margin level, or next to it; None where none near does."""
        assets, debts = self.worth(user, wallet)
        owed = self.debts()
        for asset in self.random.sample(list(self.digits), len(self.digits)):
            has = Fraction(self.totals.get((user, wallet, asset), ZERO))
            owes = owed.get((user, wallet, asset), Fraction(0))
            slope = has - (1 + level) * owes
            rest = (1 + level) * (debts - owes * self.index[asset]) - (assets - has * self.index[asset])
            if slope == 0:
                continue
            price = rest / slope
            first = self.first_index[asset]
            if first / FAR <= price <= first * FAR:
                self.moved.append(asset)
                return self.index_of(asset, price)
        return None

    def drawn(self, kind: str, users: int) -> tuple[int | None, Operator | Ordered]:
        if kind == "index":
            return self.set_index()
        draws = {"move": self.move, "borrow": self.borrow, "repay": self.repay, "close": self.close}
        return draws[kind](users)
