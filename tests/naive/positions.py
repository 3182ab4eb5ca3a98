"""Positions as docs/contracts.md words them: what a fill does to size and basis, the lives of a position, the entries
that follow, purses. It decides what one party of a trade gains and pays; not which trades there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from naive.commands import Profile
from naive.perpetual import MILLION, Perpetual, half_even
from naive.state import ZERO, Ledger
from nostro.link.commands import ISOLATED, MarginMode, PositionSide
from nostro.link.contracts import VenueClosed

HOUSE = 0  # the user that is the house


@dataclass(eq=False)
class Position:
    """Lots and settle units; what follows ``basis`` down to ``size_max`` is of the life that lasts. ``setting_seen``:
    a leverage was set, or it once was open."""

    user: int
    perpetual: Perpetual
    side: PositionSide
    size: int = 0
    basis: int = 0
    opened_ns: int | None = None
    exit_lots: int = 0
    exit_value: int = 0
    exit_basis: int = 0
    realized: int = 0
    fees: int = 0
    funding: int = 0
    size_max: int = 0
    updated_ns: int = 0
    seen: bool = False
    realized_ever: int = 0
    leverage: Decimal | None = None

    def forget(self) -> None:
        """Its life is over."""
        self.opened_ns = None
        self.exit_lots = self.exit_value = self.exit_basis = 0
        self.realized = self.fees = self.funding = self.size_max = 0

    @property
    def sign(self) -> int:
        return (self.size > 0) - (self.size < 0)


@dataclass(frozen=True)
class Change:
    """What a fill did: ``closed`` lots with their value now and when opened (signed), ``opened`` lots and their value,
    and what ``was`` before."""

    closed: int
    closed_value: int
    released: int
    realized: int
    opened: int
    opened_value: int
    size_was: int
    basis_was: int


def change_of(position: Position, sign: int, lots: int, *, ticks: int, value: int) -> Change:
    """Rules 1 and 2 of a fill; nothing is changed yet."""
    size, basis, perpetual = position.size, position.basis, position.perpetual
    if size == 0 or position.sign == sign:
        return Change(0, 0, 0, 0, lots, value, size, basis)
    closed = min(lots, abs(size))
    closed_value = value if closed == lots else perpetual.value(closed, ticks)
    released = basis
    if closed < abs(size):
        released = position.sign * half_even(Fraction(abs(basis) * closed, abs(size)))
    realized = perpetual.direction * (position.sign * closed_value - released)
    return Change(closed, closed_value, released, realized, lots - closed, value - closed_value, size, basis)


class Positions:
    def __init__(self, profile: Profile, ledger: Ledger) -> None:
        self.profile = profile
        self.ledger = ledger
        self.all: dict[tuple[int, int, PositionSide], Position] = {}
        self.modes: dict[tuple[int, int], MarginMode] = {}
        self.closed_count = 0
        self.sides: tuple[PositionSide, ...] = ("long", "short") if profile.hedge else ("both",)

    def of(self, user: int, perpetual: Perpetual, side: PositionSide) -> Position:
        key = (user, perpetual.id, side)
        if key not in self.all:
            self.all[key] = Position(user, perpetual, side)
        return self.all[key]

    def held(self, user: int) -> list[Position]:
        """Of size, in order of (instrument id, side)."""
        mine = [one for one in self.all.values() if one.user == user and one.size]
        return sorted(mine, key=place)

    def isolated(self, user: int, perpetual: Perpetual) -> bool:
        return self.modes.get((user, perpetual.id), "cross") == "isolated"

    def purse_of(self, position: Position) -> int:
        """What is in it."""
        name, settle = purse_name(position.perpetual, position.side), position.perpetual.settle
        return position.perpetual.units(self.ledger.total(position.user, name, settle))

    def unrealized(self, position: Position, mark: int) -> int:
        perpetual = position.perpetual
        return perpetual.direction * (perpetual.value(position.size, mark) - position.basis)

    # ── a party of a trade ───────────────────────────────────────────────────────────────────────────────────────

    def user_fill(
        self,
        position: Position,
        sign: int,
        lots: int,
        *,
        ticks: int,
        value: int,
        rate_ppm: int,
        mark: int,
        forced: bool,
    ) -> tuple[Change, int]:
        """What it did, and the fee."""
        change = change_of(position, sign, lots, ticks=ticks, value=value)
        fee = math.ceil(Fraction(value * rate_ppm, MILLION))
        isolated = self.isolated(position.user, position.perpetual)
        position.updated_ns, position.seen = self.ledger.now_ns, True
        position.realized_ever += change.realized
        if position.opened_ns is None:
            position.opened_ns = self.ledger.now_ns
        position.fees += fee
        self.apply(position, change, sign, mark=mark, forced=forced)
        self.book(position, change, fee, isolated=isolated)
        return change, fee

    def apply(self, position: Position, change: Change, sign: int, *, mark: int, forced: bool) -> None:
        long = position.size > 0
        if change.closed:
            position.size += sign * change.closed
            position.basis -= change.released
            position.exit_lots += change.closed
            position.exit_value += change.closed_value
            position.exit_basis += abs(change.released)
            position.realized += change.realized
            if position.size == 0:
                self.end(position, long=long, mark=mark, forced=forced)
        if change.opened:
            if position.opened_ns is None:
                position.opened_ns = self.ledger.now_ns
                self.ledger.reached["flip"] += 1
            position.size += sign * change.opened
            position.basis += sign * change.opened_value
        position.size_max = max(position.size_max, abs(position.size))

    def end(self, position: Position, *, long: bool, mark: int, forced: bool) -> None:
        perpetual = position.perpetual
        assert position.basis == 0
        assert position.opened_ns is not None
        self.closed_count += 1
        self.ledger.rows.closed.append(
            VenueClosed(
                id=self.closed_count,
                user=position.user,
                wallet=perpetual.wallet,
                instrument=perpetual.symbol,
                side=position.side,
                long=long,
                mode="isolated" if self.isolated(position.user, perpetual) else "cross",
                leverage=position.leverage,
                size=perpetual.amount(position.exit_lots),
                exit_value=perpetual.money(position.exit_value),
                exit_basis=perpetual.money(position.exit_basis),
                realized=perpetual.money(position.realized),
                fees=perpetual.money(position.fees),
                funding=perpetual.money(position.funding),
                size_max=perpetual.amount(position.size_max),
                mark=perpetual.price(mark),
                liquidated=forced,
                opened_ns=position.opened_ns,
                time_ns=self.ledger.now_ns,
            )
        )
        position.forget()

    def book(self, position: Position, change: Change, fee: int, *, isolated: bool) -> None:
        """The entries of a fill, in their order."""
        perpetual = position.perpetual
        purse = purse_name(perpetual, position.side)
        self.move(position, purse if isolated else perpetual.wallet, "realized_pnl", change.realized)
        self.ledger.to_house("clearing", perpetual.settle, -perpetual.money(change.realized))
        self.move(position, perpetual.wallet, "fee", -fee)
        self.ledger.to_house("fees", perpetual.settle, perpetual.money(fee))
        if not isolated:
            return
        if change.closed:
            total = self.purse_of(position)
            back = max(total, 0) * change.closed // abs(change.size_was)
            self.move(position, purse, "isolate", -back)
            self.move(position, perpetual.wallet, "isolate", back)
            if change.closed == abs(change.size_was) and total < 0:
                self.ledger.reached["purse made whole by the house"] += 1
                self.move(position, purse, "insurance", -total)
                self.ledger.to_house("insurance", perpetual.settle, perpetual.money(total))
        if change.opened:
            assert position.leverage is not None
            margin = math.ceil(change.opened_value / Fraction(position.leverage))
            self.move(position, perpetual.wallet, "isolate", -margin)
            self.move(position, purse, "isolate", margin)

    def move(self, position: Position, wallet: str, kind: str, units: int) -> None:
        perpetual = position.perpetual
        self.ledger.move(position.user, perpetual.settle, kind=kind, wallet=wallet, total=perpetual.money(units))

    def house_fill(self, position: Position, sign: int, lots: int, *, ticks: int, value: int) -> None:
        """What it realizes is insurance's."""
        change = change_of(position, sign, lots, ticks=ticks, value=value)
        position.size += sign * lots
        position.basis += sign * change.opened_value - change.released
        money = position.perpetual.money(change.realized)
        self.ledger.reached["house realizes"] += change.realized != 0
        self.ledger.reached["house flips"] += change.closed > 0 and change.opened > 0
        self.ledger.to_house("insurance", position.perpetual.settle, money)
        self.ledger.to_house("clearing", position.perpetual.settle, -money)

    # ── what must be ─────────────────────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Sizes sum to zero, clearing is minus what all hold at entry, and a purse without a position is empty."""
        sizes: dict[str, int] = {}
        bases: dict[str, Decimal] = {}
        for one in self.all.values():
            perpetual = one.perpetual
            sizes[perpetual.symbol] = sizes.get(perpetual.symbol, 0) + one.size
            basis = perpetual.money(perpetual.direction * one.basis)
            bases[perpetual.settle] = bases.get(perpetual.settle, ZERO) + basis
            assert one.side == "both" or one.size * (1 if one.side == "long" else -1) >= 0
            if one.size == 0 and one.user != HOUSE:
                assert self.purse_of(one) == 0, one
        assert not any(sizes.values()), sizes
        for asset, basis in bases.items():
            assert self.ledger.houses.get(("clearing", asset), ZERO) == -basis, asset


def place(position: Position) -> tuple[int, str]:
    """`both`, `long`, `short` are in the order of the alphabet."""
    return position.perpetual.id, position.side


def purse_name(perpetual: Perpetual, side: PositionSide) -> str:
    return f"{ISOLATED}{perpetual.symbol}" + ("" if side == "both" else f":{side}")
