"""What trades make of a position: average entry and exit prices, and the *life* of a position from zero to zero with
what was realized in it. It decides the averages; profit itself is ``profit.py``'s.

Of an inverse contract the mean is harmonic: only that keeps realized plus unrealized profit equal to what was paid and
received, whatever the order of trades. *Ours* where a document writes the arithmetic mean for all.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from nostro.domain.margin.places import FINE, Places
from nostro.domain.margin.profit import Kind, pnl
from nostro.domain.values import EXACT, ONE, ZERO


def average_price(
    *, price: Decimal, size: Decimal, trade_price: Decimal, trade_size: Decimal, places: Places = FINE
) -> Decimal | None:
    """(price * size + trade_price * trade_size) / (size + trade_size), sizes taken without sign; None where both are 0.

    The entry price after an increase, with the size before it; the exit price after a decrease, with the size closed
    before it. Source: GRVT Positions.entry_price, exit_price (nine decimals)."""
    held, added = EXACT.abs(size), EXACT.abs(trade_size)
    paid = EXACT.add(EXACT.multiply(price, held), EXACT.multiply(trade_price, added))
    return places.divide(paid, by=EXACT.add(held, added))


def inverse_average_price(
    *, price: Decimal, size: Decimal, trade_price: Decimal, trade_size: Decimal, places: Places = FINE
) -> Decimal | None:
    """(size + trade_size) / (size / price + trade_size / trade_price), as one division: the price at which the same
    value would have been traded at once. None where a price that counts is 0.

    Source: BitMEX, avgEntryPrice of inverse contracts; *ours* for Kraken Futures, which does not say."""
    held, added = EXACT.abs(size), EXACT.abs(trade_size)
    if not held:
        return places.round(trade_price) if added and trade_price else None
    if not added:
        return places.round(price) if price else None
    by = EXACT.add(EXACT.multiply(held, trade_price), EXACT.multiply(added, price))
    return places.divide(EXACT.multiply(EXACT.add(held, added), EXACT.multiply(price, trade_price)), by=by)


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """A position from the trade that opened it to the one that closes it. ``size`` signed, what is open; ``exit_size``
    without sign, what was closed of it at ``exit_price`` on average, for ``exit_value`` (settle asset; linear: quote).
    ``size_max`` the largest |size|, ``value_max`` its value at its entry price. ``long``: on which side it began.

    Source: GRVT ApiPositionHistory, closed_volume_base, closed_volume_quote, max_open_interest_base and _quote."""

    long: bool
    size: Decimal
    entry_price: Decimal
    exit_price: Decimal | None = None
    exit_size: Decimal = ZERO
    exit_value: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    size_max: Decimal = ZERO
    value_max: Decimal = ZERO


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What the arithmetic of a position must know of its contract."""

    kind: Kind = "linear"
    multiplier: Decimal = ONE

    def value(self, size: Decimal, *, price: Decimal, places: Places) -> Decimal:
        """Without sign, in the settle asset (linear: quote)."""
        worth = EXACT.multiply(EXACT.abs(size), self.multiplier)
        if self.kind == "inverse":
            return places.divide(worth, by=price) or ZERO
        return EXACT.multiply(worth, price)

    def average(
        self, price: Decimal, *, size: Decimal, trade_price: Decimal, trade_size: Decimal, places: Places
    ) -> Decimal:
        mean = inverse_average_price if self.kind == "inverse" else average_price
        averaged = mean(price=price, size=size, trade_price=trade_price, trade_size=trade_size, places=places)
        return trade_price if averaged is None else averaged


def closed_by(*, before: Decimal, after: Decimal) -> Decimal:
    """What a change of a position closed of it, signed like it: nothing where it grew, all where it went through
    zero."""
    if not before or (before > 0) == (EXACT.subtract(after, before) > 0):
        return ZERO
    return before if (before > 0) != (after > 0) else EXACT.subtract(before, after)


def change_pnl(
    kind: Kind,
    *,
    before: Decimal,
    after: Decimal,
    entry_price: Decimal,
    price: Decimal,
    multiplier: Decimal = ONE,
    places: Places = FINE,
) -> Decimal | None:
    """What a change of a position at ``price`` realized, in its settle asset; ``entry_price`` from before it.

    Source: Kraken Futures position history, PositionUpdate.realizedPnL."""
    closed = closed_by(before=before, after=after)
    return pnl(kind, size=closed, entry_price=entry_price, price=price, multiplier=multiplier, places=places)


def entry_after(
    kind: Kind,
    *,
    before: Decimal,
    after: Decimal,
    entry_price: Decimal,
    price: Decimal,
    places: Places = FINE,
) -> Decimal | None:
    """The entry price after a trade at ``price``: the mean of an increase, unmoved by a decrease (also to zero), the
    trade's where it opened or went through zero.

    Source: docs/invariants.md B10; Kraken Futures position history, PositionUpdate.newAverageEntryPrice."""
    if not before or (after and (before > 0) != (after > 0)):
        return price
    if EXACT.abs(after) <= EXACT.abs(before):
        return entry_price
    mean = inverse_average_price if kind == "inverse" else average_price
    added = EXACT.subtract(after, before)
    return mean(price=entry_price, size=before, trade_price=price, trade_size=added, places=places)


def life_pnl(
    kind: Kind,
    *,
    side: str,
    closed: Decimal,
    entry_price: Decimal,
    exit_price: Decimal,
    multiplier: Decimal = ONE,
    places: Places = FINE,
) -> Decimal | None:
    """(exit - entry) * what was closed, without sign, of a ``side`` long or short: true as long as nothing was added
    to the position after a part of it was closed, since the entry price moves then and what was realized does not.

    Source: GRVT Positions.realized_pnl = (exit_price - entry_price) * exit_trade_size; its sign is *ours*."""
    signed = EXACT.abs(closed) if side == "long" else EXACT.abs(closed).copy_negate()
    return pnl(kind, size=signed, entry_price=entry_price, price=exit_price, multiplier=multiplier, places=places)


def traded(
    life: Life | None, *, amount: Decimal, price: Decimal, contract: Contract, places: Places = FINE
) -> tuple[Life | None, Life | None]:
    """(the life that this trade ended, the life that goes on). ``amount`` signed, a purchase positive, not 0; ``price``
    above 0. A trade through zero ends one life and begins another at its own price.

    Source: docs/invariants.md B10; GRVT Positions.entry_price, exit_price; that a flip begins anew is *ours*."""
    if life is None:
        return None, _opened(amount, price=price, contract=contract, places=places)
    if (amount > 0) == life.long:
        return None, _increased(life, amount, price=price, contract=contract, places=places)
    closing = min(EXACT.abs(amount), EXACT.abs(life.size))
    rest = _decreased(life, closing, price=price, contract=contract, places=places)
    if rest.size:
        return None, rest
    beyond = EXACT.subtract(EXACT.abs(amount), closing)
    after = _opened(beyond.copy_sign(amount), price=price, contract=contract, places=places) if beyond else None
    return rest, after


def _opened(amount: Decimal, *, price: Decimal, contract: Contract, places: Places) -> Life:
    value = contract.value(amount, price=price, places=places)
    return Life(long=amount > 0, size=amount, entry_price=price, size_max=EXACT.abs(amount), value_max=value)


def _increased(life: Life, amount: Decimal, *, price: Decimal, contract: Contract, places: Places) -> Life:
    entry = contract.average(life.entry_price, size=life.size, trade_price=price, trade_size=amount, places=places)
    size = EXACT.add(life.size, amount)
    return msgspec.structs.replace(
        life,
        size=size,
        entry_price=entry,
        size_max=max(life.size_max, EXACT.abs(size)),
        value_max=max(life.value_max, contract.value(size, price=entry, places=places)),
    )


def _decreased(life: Life, closing: Decimal, *, price: Decimal, contract: Contract, places: Places) -> Life:
    closed = closing.copy_sign(life.size)
    gained = pnl(
        contract.kind, size=closed, entry_price=life.entry_price, price=price,
        multiplier=contract.multiplier, places=places,
    )  # fmt: skip
    return msgspec.structs.replace(
        life,
        size=EXACT.subtract(life.size, closed),
        exit_price=contract.average(
            life.exit_price or ZERO, size=life.exit_size, trade_price=price, trade_size=closing, places=places
        ),
        exit_size=EXACT.add(life.exit_size, closing),
        exit_value=EXACT.add(life.exit_value, contract.value(closing, price=price, places=places)),
        realized_pnl=EXACT.add(life.realized_pnl, gained or ZERO),
    )
