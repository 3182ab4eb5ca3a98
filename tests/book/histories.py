"""A tiny account at a tiny exchange, for tests of reconciliation: it trades, deposits and withdraws at random and
writes down every row as the exchange would print it. Its own arithmetic is in whole numbers and knows nothing of
nostro; what was printed is given to a `Told` ledger as of any moment, and can be tampered with on the way."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from book.statements import DAY, SECOND, START, Told
from nostro.domain.records import Entry, Fill, Order, Transfer

UNITS = 10**6  # of either asset
PRICES = 100  # ticks in one quote unit
SETTLE = 10 * SECOND
BASE, QUOTE, PAIR = "BTC", "USDT", "BTC/USDT"


class Working(NamedTuple):
    number: int
    side: str
    price: int
    amount: int
    placed: int


class Account:
    """Run `step` as often as wanted. ``printed`` gives the text of an amount."""

    def __init__(self, seed: int, printed: Callable[[Decimal], Decimal] = lambda amount: amount) -> None:
        self.random = random.Random(seed)
        self.printed = printed
        self.now = START + SECOND
        self.number = 0
        self.total = {BASE: 0, QUOTE: 0}
        self.held = {BASE: 0, QUOTE: 0}
        self.entries: list[Entry] = []
        self.fills: list[Fill] = []
        self.orders: list[Order] = []  # every version, `updated_ns` says from when on
        self.transfers: list[tuple[int, Transfer]] = []  # from when on
        self.snapshots: list[tuple[int, str, int, int]] = []
        self.working: dict[int, tuple[Working, int]] = {}  # with what is filled
        self.leaving: list[Transfer] = []
        self.coming: list[Transfer] = []
        self._deposit(QUOTE, 10**6 * UNITS)
        self._deposit(BASE, 10**4 * UNITS)

    # ── printing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def amount(self, units: int) -> Decimal:
        return self.printed(Decimal(units) / UNITS)

    def _next(self) -> int:
        self.number += 10  # room for rows put in between
        return self.number

    def _book(self, asset: str, kind: str, *, total: int = 0, held: int = 0) -> None:
        if not total and not held:
            return
        before, held_before = self.total[asset], self.held[asset]
        self.total[asset], self.held[asset] = before + total, held_before + held
        number = self._next()
        self.entries.append(
            Entry(
                exchange="alp", account="mine", wallet="spot", native_id=str(number), page=number,
                effective_ns=self.now, asset=asset, type=kind, amount=self.amount(total), before=self.amount(before),
                after=self.amount(before + total), held_amount=self.amount(held),
                held_before=self.amount(held_before), held_after=self.amount(held_before + held),
            )
        )  # fmt: skip

    def _print_order(self, order: Working, filled: int, *, closed: bool) -> None:
        left = order.amount - filled
        self.orders.append(
            Order(
                exchange="alp", account="mine", wallet="spot", native_id=str(order.number), effective_ns=order.placed,
                instrument=PAIR, side=order.side, type="limit", amount=self.amount(order.amount),
                status="filled" if not left else "canceled" if closed else "partially_filled" if filled else "open",
                filled=self.amount(filled), canceled=self.amount(left if closed else 0),
                remaining=self.amount(0 if closed else left), price=Decimal(order.price) / PRICES,
                updated_ns=self.now, done_ns=self.now if closed else None, observed_ns=self.now,
            )
        )  # fmt: skip

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────

    def step(self) -> None:
        self.now += self.random.choice((0, 1, 5, 60, 3600)) * SECOND
        happen = (self._place, self._place, self._fill, self._fill, self._fill, self._cancel, self._move, self._look)
        self.random.choice(happen)()

    def _hold(self, order: Working, left: int) -> int:
        return left if order.side == "sell" else -(-left * order.price // PRICES)

    def _place(self) -> None:
        side, price = self.random.choice(("buy", "sell")), self.random.randint(9_000, 11_000)
        order = Working(self._next(), side, price, self.random.randint(1, 50 * UNITS), self.now)
        asset = QUOTE if side == "buy" else BASE
        if self._hold(order, order.amount) > self.total[asset] - self.held[asset]:
            return
        self._book(asset, "hold", held=self._hold(order, order.amount))
        self.working[order.number] = (order, 0)
        self._print_order(order, 0, closed=False)

    def _fill(self) -> None:
        if not self.working:
            return
        order, filled = self.working[self.random.choice(list(self.working))]
        left = order.amount - filled
        amount = self.random.choice((left, self.random.randint(1, left)))
        cost, freed = amount * order.price // PRICES, self._hold(order, left) - self._hold(order, left - amount)
        paid, received = ((QUOTE, cost), (BASE, amount)) if order.side == "buy" else ((BASE, amount), (QUOTE, cost))
        fee = -(-received[1] * 2 // 1000)
        self._book(paid[0], "trade", total=-paid[1], held=-freed)
        self._book(received[0], "trade", total=received[1])
        self._book(received[0], "fee", total=-fee)
        self.fills.append(
            Fill(
                exchange="alp", account="mine", wallet="spot", page=self._next(), effective_ns=self.now,
                instrument=PAIR, side=order.side, price=Decimal(order.price) / PRICES, amount=self.amount(amount),
                fee=self.amount(fee), fee_asset=received[0],
            )
        )  # fmt: skip
        self.working[order.number] = (order, filled + amount)
        self._print_order(order, filled + amount, closed=filled + amount == order.amount)
        if filled + amount == order.amount:
            del self.working[order.number]

    def _cancel(self) -> None:
        if self.working:
            order, filled = self.working.pop(self.random.choice(list(self.working)))
            self._book(
                QUOTE if order.side == "buy" else BASE, "release", held=-self._hold(order, order.amount - filled)
            )
            self._print_order(order, filled, closed=True)

    def _move(self) -> None:
        """A deposit or a withdrawal begins, or one that waits is done."""
        asset, units = self.random.choice((BASE, QUOTE)), self.random.randint(1, UNITS)
        if self.coming and self.random.random() < 0.5:
            self._credit(self.coming.pop(self.random.randrange(len(self.coming))))
        elif self.leaving and self.random.random() < 0.5:
            gone = self.leaving.pop(0)
            self.transfers.append((self.now, replace(gone, status="done")))
            taken, fee = int(gone.extra["units"]), int(gone.extra["fee"])
            self._book(gone.asset, "withdrawal", total=-taken, held=-taken)
            self._book(gone.asset, "withdrawal_fee", total=-fee, held=-fee)
        elif self.random.random() < 0.5:
            self._ask("deposit", asset, units)
        elif self.total[asset] - self.held[asset] > units + 10:
            self._book(asset, "hold", held=units + 10)
            self._ask("withdrawal", asset, units)

    def _ask(self, direction: str, asset: str, units: int) -> None:
        transfer = Transfer(
            exchange="alp", account="mine", native_id=str(self._next()), effective_ns=self.now, direction=direction,
            asset=asset, amount=self.amount(units), status="pending", extra={"units": str(units), "fee": "10"},
            fee=self.amount(10) if direction == "withdrawal" else None,
        )  # fmt: skip
        self.transfers.append((self.now, transfer))
        (self.coming if direction == "deposit" else self.leaving).append(transfer)

    def _credit(self, transfer: Transfer) -> None:
        self.transfers.append((self.now, replace(transfer, status="done")))
        self._book(transfer.asset, "deposit", total=int(transfer.extra["units"]))

    def _deposit(self, asset: str, units: int) -> None:
        self._ask("deposit", asset, units)
        self._credit(self.coming.pop())

    def _look(self) -> None:
        for asset in (BASE, QUOTE):
            self.snapshots.append((self.now, asset, self.total[asset], self.held[asset]))

    def rest(self, days: int = 3) -> None:
        """Nothing happens for a while, and one looks at the end."""
        self.now += days * DAY
        self._look()

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────

    def told(self, at_ns: int | None = None) -> Told:
        """All that a collector knows at a moment."""
        now = self.now + 60 * SECOND if at_ns is None else at_ns
        told = Told()
        told.prove(START, now - SETTLE)
        told.entry_rows = [row for row in self.entries if row.effective_ns < now]
        told.fill_rows = [row for row in self.fills if row.effective_ns < now]
        versions = [row for row in self.orders if row.updated_ns < now]
        latest = {row.native_id: row for row in versions}
        told.order_rows = [replace(row, observed_ns=now) if row is latest[row.native_id] else row for row in versions]
        known = {row.native_id: row for since_ns, row in self.transfers if since_ns < now}
        told.transfer_rows = list(known.values())
        for seen_ns, asset, total, held in self.snapshots:
            if seen_ns < now:
                told.see(asset, self.amount(total), used=self.amount(held), at_ns=seen_ns)
        return told


def history(seed: int, steps: int = 60, **more: object) -> Account:
    account = Account(seed, **more)
    for _ in range(steps):
        account.step()
    account.rest()
    return account
