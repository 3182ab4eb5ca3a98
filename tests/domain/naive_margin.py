"""The arithmetic of positions once more, in fractions and from the documents' sentences alone: trades, what each
moved, and what follows. Slow, exact, and without a word of the code that it is held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

ONE = Fraction(1)


def value(kind: str, size: Fraction, price: Fraction, multiplier: Fraction = ONE) -> Fraction:
    """What a position is worth in the asset in which it is settled, signed like its size."""
    return size * multiplier / price if kind == "inverse" else size * multiplier * price


def gain(kind: str, size: Fraction, bought: Fraction, sold: Fraction, multiplier: Fraction = ONE) -> Fraction:
    """What holding ``size`` from one price to another brought: value grows with the price, an inverse one shrinks."""
    grown = value(kind, size, sold, multiplier) - value(kind, size, bought, multiplier)
    return -grown if kind == "inverse" else grown


@dataclass
class Holding:
    """One position, kept as what it consists of: lots, each with the price at which it was bought or sold."""

    kind: str
    multiplier: Fraction = ONE
    size: Fraction = Fraction(0)
    basis: Fraction = Fraction(0)  # the value at which what is open was opened, signed like the size
    realized: Fraction = Fraction(0)
    closed: Fraction = Fraction(0)
    closed_value: Fraction = Fraction(0)
    flows: list[Fraction] = field(default_factory=list)

    def trade(self, amount: Fraction, price: Fraction) -> None:
        """What a trade moves: a flow of value as if everything were paid for in full, and the average basis."""
        self.flows.append(value(self.kind, amount, price, self.multiplier))
        if self.size == 0 or (amount > 0) == (self.size > 0):
            self._open(amount, price)
            return
        closing = min(abs(amount), abs(self.size)) * (1 if self.size > 0 else -1)
        self._close(closing, price)
        if abs(amount) > abs(closing):
            self.closed = self.closed_value = Fraction(0)
            self._open(amount + closing, price)

    def _open(self, amount: Fraction, price: Fraction) -> None:
        if self.size == 0:
            self.closed = self.closed_value = Fraction(0)
        self.size += amount
        self.basis += value(self.kind, amount, price, self.multiplier)

    def _close(self, closing: Fraction, price: Fraction) -> None:
        share = self.basis * closing / self.size
        out = value(self.kind, closing, price, self.multiplier)
        self.realized += share - out if self.kind == "inverse" else out - share
        self.basis -= share
        self.size -= closing
        self.closed += abs(closing)
        self.closed_value += abs(out)

    @property
    def entry(self) -> Fraction:
        """The price at which all that is open would have been opened at once."""
        if self.kind == "inverse":
            return self.size * self.multiplier / self.basis
        return self.basis / (self.size * self.multiplier)

    @property
    def exit(self) -> Fraction:
        if self.kind == "inverse":
            return self.closed * self.multiplier / self.closed_value
        return self.closed_value / (self.closed * self.multiplier)

    def unrealized(self, mark: Fraction) -> Fraction:
        grown = value(self.kind, self.size, mark, self.multiplier) - self.basis
        return -grown if self.kind == "inverse" else grown

    def cash(self, mark: Fraction) -> Fraction:
        """What all trades brought in, and closing the rest at ``mark`` would bring: without any average."""
        moved = value(self.kind, self.size, mark, self.multiplier) - sum(self.flows)
        return -moved if self.kind == "inverse" else moved


def equity_at(
    kind: str, price: Fraction, *, now: Fraction, equity: Fraction, sizes: list[Fraction], multiplier: Fraction = ONE
) -> Fraction:
    """The equity at another price, if it is ``equity`` at the price ``now``."""
    return equity + sum(gain(kind, size, now, price, multiplier) for size in sizes)


def maintenance_at(
    kind: str,
    price: Fraction,
    *,
    now: Fraction,
    margin: Fraction,
    sizes: list[Fraction],
    rate: Fraction,
    multiplier: Fraction = ONE,
) -> Fraction:
    """The maintenance margin at another price, if it is ``margin`` at the price ``now``."""
    return margin + rate * sum(
        abs(value(kind, size, price, multiplier)) - abs(value(kind, size, now, multiplier)) for size in sizes
    )
