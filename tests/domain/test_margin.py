"""Shows that the formulas of margin are those of their sentences: each gives what an oracle in fractions gives, over
linear, inverse and quanto contracts, in one-way and hedge mode, whatever trades made the position; what a position
realized and would realize is what it paid and received; and at the liquidation price equity is maintenance margin."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.naive_margin import Holding, equity_at, gain, maintenance_at, value
from nostro.domain.margin import averaging, collateral, liquidation, profit
from nostro.domain.margin.averaging import Contract, Life, traded
from nostro.domain.margin.collateral import margin
from nostro.domain.margin.places import FINE, Places, cut

KINDS = st.sampled_from(["linear", "inverse", "quanto"])
PRICES = st.decimals(Decimal("0.01"), Decimal(200_000), places=2)
SIZES = st.decimals(Decimal("0.001"), Decimal(10_000), places=3)
SIGNED = st.tuples(SIZES, st.sampled_from([1, -1])).map(lambda each: each[0] * each[1])
AMOUNTS = st.decimals(Decimal(-1_000_000), Decimal(1_000_000), places=8)
RATES = st.decimals(Decimal("0.0001"), Decimal("0.5"), places=4)
MULTIPLIERS = st.sampled_from([Decimal(1), Decimal("0.0001"), Decimal(100), Decimal(10)])
UNIT = Fraction(1, 10**36)


def near(computed: Decimal | None, exact: Fraction, *, units: Fraction = Fraction(1)) -> bool:
    """Whether a computed amount is the exact one but for its last decimal, so many times."""
    return computed is not None and abs(Fraction(computed) - exact) <= UNIT * units


# ── profit ───────────────────────────────────────────────────────────────────────────────────────────────────────


@given(kind=KINDS, size=SIGNED, entry=PRICES, price=PRICES, multiplier=MULTIPLIERS)
def test_profit_and_value_are_those_of_the_oracle(
    kind: Any, size: Decimal, entry: Decimal, price: Decimal, multiplier: Decimal
) -> None:
    exact = [Fraction(each) for each in (size, entry, price, multiplier)]
    gained = profit.pnl(kind, size=size, entry_price=entry, price=price, multiplier=multiplier)
    worth = profit.notional(kind, size=size, price=price, multiplier=multiplier)
    assert near(gained, gain(kind, *exact))
    assert near(worth, value(kind, exact[0], exact[2], exact[3]))
    if kind != "inverse":
        assert gained is not None and Fraction(gained) == gain(kind, *exact), "without a division nothing is rounded"


@given(kind=KINDS, size=SIGNED, entry=PRICES, first=PRICES, second=PRICES)
def test_profit_has_no_memory_of_the_way(
    kind: Any, size: Decimal, entry: Decimal, first: Decimal, second: Decimal
) -> None:
    """From entry to one price and from there to another is from entry to the other; the other way round costs it."""

    def step(start: Decimal, end: Decimal) -> Fraction:
        gained = profit.pnl(kind, size=size, entry_price=start, price=end)
        assert gained is not None
        return Fraction(gained)

    assert abs(step(entry, first) + step(first, second) - step(entry, second)) <= 3 * UNIT
    assert abs(step(entry, first) + step(first, entry)) <= 2 * UNIT


@given(size=SIGNED, entry=PRICES, gained=AMOUNTS, price=PRICES, rate=RATES, kind=KINDS)
def test_returns_fees_and_funding(
    size: Decimal, entry: Decimal, gained: Decimal, price: Decimal, rate: Decimal, kind: Any
) -> None:
    exact_size, exact_entry = Fraction(size), Fraction(entry)
    assert near(
        profit.roi(total_pnl=gained, entry_price=entry, size=size),
        Fraction(gained) / (exact_entry * abs(exact_size)) * 100,
    )
    assert near(profit.return_on(amount=gained, by=price), Fraction(gained) / Fraction(price))
    assert Fraction(profit.fee(price=price, size=size, rate=rate)) == Fraction(price) * abs(exact_size) * Fraction(rate)
    received = profit.funding_received(kind, size=size, price=price, rate=rate)
    assert near(received, -value(kind, exact_size, Fraction(price)) * Fraction(rate))
    assert received is not None and (received < 0) == (size > 0), "a long position pays a positive rate"


@pytest.mark.parametrize(
    ("formula", "terms"),
    [
        (profit.inverse_pnl, {"size": 1, "entry_price": 0, "price": 5}),
        (profit.inverse_pnl, {"size": 1, "entry_price": 5, "price": 0}),
        (profit.inverse_notional, {"size": 1, "price": 0}),
        (profit.roi, {"total_pnl": 1, "entry_price": 0, "size": 1}),
        (profit.roi, {"total_pnl": 1, "entry_price": 5, "size": 0}),
        (profit.return_on, {"amount": 1, "by": 0}),
        (averaging.average_price, {"price": 1, "size": 0, "trade_price": 1, "trade_size": 0}),
        (averaging.inverse_average_price, {"price": 0, "size": 1, "trade_price": 1, "trade_size": 0}),
        (averaging.inverse_average_price, {"price": 0, "size": 1, "trade_price": 0, "trade_size": 1}),
        (collateral.converted, {"amounts": (), "index_prices": (), "settle_index_price": 0}),
        (liquidation.linear_liquidation_price, {"mark_price": 5, "equity": 1, "maintenance_margin": 0, "sizes": ()}),
        (liquidation.inverse_liquidation_price, {"mark_price": 0, "equity": 1, "maintenance_margin": 0, "sizes": ()}),
    ],
)
def test_what_has_no_number_is_none_and_never_zero(formula: Callable[..., object], terms: dict[str, Any]) -> None:
    given = {
        name: tuple(map(Decimal, each)) if isinstance(each, tuple) else Decimal(each) for name, each in terms.items()
    }
    assert formula(**given) is None


@given(amount=AMOUNTS, by=SIGNED, digits=st.integers(0, 12))
def test_a_division_ends_as_its_places_say(amount: Decimal, by: Decimal, digits: int) -> None:
    divided = cut(digits).divide(amount, by=by)
    exact = Fraction(amount) / Fraction(by)
    unit = Fraction(1, 10**digits)
    assert divided is not None and 0 <= (abs(exact) - abs(Fraction(divided))) < unit, "cut toward zero"
    assert divided == 0 or (divided > 0) == (exact > 0)
    assert cut(digits) == Places(digits, ROUND_DOWN) and Fraction(cut(digits).quantum) == unit
    assert abs(Fraction(FINE.round(amount)) - Fraction(amount)) == 0


# ── averages, and the life of a position ─────────────────────────────────────────────────────────────────────────

TRADES = st.lists(st.tuples(SIGNED, PRICES), min_size=1, max_size=8)


@given(kind=KINDS, trades=TRADES, mark=PRICES, multiplier=MULTIPLIERS)
def test_a_life_is_what_its_trades_paid_and_received(
    kind: Any, trades: list[tuple[Decimal, Decimal]], mark: Decimal, multiplier: Decimal
) -> None:
    contract, holding = Contract(kind=kind, multiplier=multiplier), Holding(kind, Fraction(multiplier))
    life: Life | None = None
    realized, largest = Fraction(0), Fraction(0)
    for amount, price in trades:
        ended, life = traded(life, amount=amount, price=price, contract=contract)
        holding.trade(Fraction(amount), Fraction(price))
        realized += Fraction(ended.realized_pnl) if ended else 0
        largest = max(largest, abs(Fraction(amount)))
        assert Fraction(life.size if life else 0) == holding.size
        if life is None:
            continue
        # The averages are rounded at the 36th decimal; what follows from them is off by that, times the sizes.
        slack = 10_000 * len(trades) * (1 + abs(holding.size)) * max(1, Fraction(multiplier)) * 10**6
        assert near(life.entry_price, holding.entry, units=slack)
        if life.exit_size:
            assert life.exit_price is not None and near(life.exit_price, holding.exit, units=slack)
        assert Fraction(life.exit_size) == holding.closed
        assert near(life.exit_value, holding.closed_value, units=slack)
        assert Fraction(life.size_max) >= abs(holding.size)
        open_pnl = profit.pnl(kind, size=life.size, entry_price=life.entry_price, price=mark, multiplier=multiplier)
        assert open_pnl is not None
        total = realized + Fraction(life.realized_pnl) + Fraction(open_pnl)
        assert abs(total - holding.cash(Fraction(mark))) <= slack * UNIT * 10**6, (
            "realized + unrealized = what was moved"
        )
        assert abs(realized + Fraction(life.realized_pnl) - holding.realized) <= slack * UNIT * 10**6


@given(kind=KINDS, before=SIGNED, after=SIGNED, entry=PRICES, price=PRICES)
def test_one_change_of_a_position_is_a_trade(
    kind: Any, before: Decimal, after: Decimal, entry: Decimal, price: Decimal
) -> None:
    assume(before != after)
    holding = Holding(kind)
    holding.trade(Fraction(before), Fraction(entry))
    holding.trade(Fraction(after) - Fraction(before), Fraction(price))
    slack = Fraction(10**12)
    gained = averaging.change_pnl(kind, before=before, after=after, entry_price=entry, price=price)
    assert near(gained, holding.realized, units=slack)
    moved = averaging.entry_after(kind, before=before, after=after, entry_price=entry, price=price)
    assert near(moved, holding.entry, units=slack)
    assert averaging.entry_after(kind, before=before, after=Decimal(0), entry_price=entry, price=price) == entry
    assert averaging.entry_after(kind, before=Decimal(0), after=after, entry_price=entry, price=price) == price


def test_the_arithmetic_mean_of_inverse_contracts_would_lose_money() -> None:
    """One contract at 100 and one at 200: 0.015 was paid, and 2 / 150 is their worth at 150."""
    prices = {"price": Decimal(100), "size": Decimal(1), "trade_price": Decimal(200), "trade_size": Decimal(1)}
    paid = Fraction(1, 100) + Fraction(1, 200)
    for mean, gained in (
        (averaging.average_price, Fraction(0)),
        (averaging.inverse_average_price, paid - Fraction(2, 150)),
    ):
        entry = mean(**prices)
        assert entry is not None
        found = profit.inverse_pnl(size=Decimal(2), entry_price=entry, price=Decimal(150))
        assert near(found, gained, units=Fraction(10))


def test_a_flip_ends_one_life_and_begins_another() -> None:
    contract = Contract()
    _, life = traded(None, amount=Decimal(2), price=Decimal(100), contract=contract)
    ended, life = traded(life, amount=Decimal(-5), price=Decimal(110), contract=contract)
    assert ended is not None and life is not None
    assert (ended.size, ended.exit_price, ended.exit_size, ended.realized_pnl) == (0, 110, 2, 20)
    assert (life.long, life.size, life.entry_price, life.exit_size, life.realized_pnl) == (False, -3, 110, 0, 0)
    ended, life = traded(life, amount=Decimal(3), price=Decimal(100), contract=contract)
    assert life is None and ended is not None and ended.realized_pnl == 30, "a short position gains when it falls"


def test_the_printed_formula_of_realized_profit_forgets_what_was_added_after_a_close() -> None:
    """GRVT prints realized_pnl = (exit - entry) * exit_size: true until the entry price moves under it."""
    contract = Contract()
    _, life = traded(None, amount=Decimal(1), price=Decimal(100), contract=contract)
    _, life = traded(life, amount=Decimal("-0.5"), price=Decimal(110), contract=contract)
    assert life is not None
    said = averaging.life_pnl(
        "linear", side="long", closed=life.exit_size, entry_price=Decimal(100), exit_price=Decimal(110)
    )
    assert said == life.realized_pnl == 5
    _, life = traded(life, amount=Decimal("0.5"), price=Decimal(120), contract=contract)
    assert life is not None and life.entry_price == 110 and life.exit_price == 110
    said = averaging.life_pnl(
        "linear", side="long", closed=life.exit_size, entry_price=Decimal(110), exit_price=Decimal(110)
    )
    assert said == 0 and life.realized_pnl == 5


# ── collateral ───────────────────────────────────────────────────────────────────────────────────────────────────


@given(amounts=st.lists(st.tuples(AMOUNTS, PRICES), max_size=6), settle=PRICES, gained=AMOUNTS, needed=AMOUNTS)
def test_sums_of_an_account(
    amounts: list[tuple[Decimal, Decimal]], settle: Decimal, gained: Decimal, needed: Decimal
) -> None:
    own, prices = tuple(each[0] for each in amounts), tuple(each[1] for each in amounts)
    exact = sum((Fraction(a) * Fraction(p) for a, p in amounts), Fraction(0)) / Fraction(settle)
    given = {"index_prices": prices, "settle_index_price": settle}
    assert near(collateral.converted(amounts=own, **given), exact)
    whole = collateral.total_equity(balances=own, unrealized_pnl=gained, **given)
    assert near(whole, exact + Fraction(gained))
    less = collateral.without_isolated(total_equity=gained, balances=own, unrealized_pnls=own, **given)
    assert near(less, Fraction(gained) - 2 * exact)
    assert Fraction(collateral.equity(balance=gained, unrealized_pnl=needed, unrealized_funding=settle)) == (
        Fraction(gained) + Fraction(needed) + Fraction(settle)
    )
    assert Fraction(collateral.available(equity=gained, initial_margin=needed, order_margin=settle)) == (
        Fraction(gained) - Fraction(needed) - Fraction(settle)
    )


def test_the_printed_available_balance_adds_a_loss_back_and_the_usual_one_does_not() -> None:
    """Equity 100 with a loss of 10 in it and 50 needed: 60 as GRVT prints it, 50 by the usual rule; with a profit of 10
    the other way round."""
    account = {"total_equity": Decimal(100), "initial_margin": Decimal(50)}
    found = {
        (pnl, term): collateral.available_balance(unrealized_pnl=Decimal(pnl), term=term, **account)
        for pnl in (-10, 10)
        for term in ("min", "max")
    }
    assert found == {(-10, "min"): 60, (-10, "max"): 50, (10, "min"): 50, (10, "max"): 40}


@given(kind=KINDS, size=SIGNED, price=PRICES, rate=RATES, leverage=SIZES, gained=AMOUNTS, multiplier=MULTIPLIERS)
def test_margins_of_a_position(
    kind: Any, size: Decimal, price: Decimal, rate: Decimal, leverage: Decimal, gained: Decimal, multiplier: Decimal
) -> None:
    worth = abs(value(kind, Fraction(size), Fraction(price), Fraction(multiplier)))
    contract = {"size": size, "price": price, "multiplier": multiplier}
    assert near(collateral.margin_at(kind, rate=rate, **contract), worth * Fraction(rate))
    at_leverage = collateral.margin_at_leverage(kind, leverage=leverage, unrealized_pnl=gained, **contract)
    assert near(at_leverage, worth / Fraction(leverage) + Fraction(gained))
    assert near(collateral.effective_leverage(kind, equity=leverage, **contract), worth / Fraction(leverage))
    needed = worth * Fraction(rate)
    assume(needed > Fraction(1, 10**6))
    returned = collateral.margin_return(kind, unrealized_pnl=gained, rate=rate, **contract)
    assert near(returned, Fraction(gained) / needed, units=Fraction(10**20))


@given(size=SIGNED, buying=SIZES, selling=SIZES)
def test_the_two_readings_of_the_largest_position(size: Decimal, buying: Decimal, selling: Decimal) -> None:
    held, long, short = Fraction(size), Fraction(buying), Fraction(selling)
    without = max(max(held, Fraction(0)) + long, abs(min(held, Fraction(0)) - short))
    adjusted = max(abs(held), abs(held + long), abs(held - short))
    assert Fraction(collateral.largest_size(size=size, buying=buying, selling=selling)) == without
    assert Fraction(collateral.order_adjusted_size(size=size, buying=buying, selling=selling)) == adjusted
    assert adjusted <= without


# ── liquidation ──────────────────────────────────────────────────────────────────────────────────────────────────

LEGS = st.one_of(
    SIGNED.map(lambda each: (each,)), st.tuples(SIZES, SIZES).map(lambda each: (each[0], -each[1]))
)  # one-way, and hedge


@given(kind=KINDS, mark=PRICES, equity=AMOUNTS, needed=SIZES, sizes=LEGS, rate=RATES, multiplier=MULTIPLIERS)
def test_at_the_liquidation_price_equity_is_maintenance_margin(
    kind: Any, mark: Decimal, equity: Decimal, needed: Decimal, sizes: Any, rate: Decimal, multiplier: Decimal
) -> None:
    price = liquidation.liquidation_price(
        kind, mark_price=mark, equity=equity, maintenance_margin=needed, sizes=sizes, maintenance_rate=rate,
        multiplier=multiplier,
    )  # fmt: skip
    account = {"now": Fraction(mark), "sizes": [Fraction(each) for each in sizes], "multiplier": Fraction(multiplier)}

    def left(at: Fraction) -> Fraction:
        has = equity_at(kind, at, equity=Fraction(equity), **account)
        return has - maintenance_at(kind, at, margin=Fraction(needed), rate=Fraction(rate), **account)

    if price is None:  # there is none: wherever the price goes above zero, the account has the same sign of surplus
        signs = {left(Fraction(10) ** power) > 0 for power in range(-30, 31, 5)}
        assert len(signs) == 1
        return
    exact = Fraction(price)
    steep = abs(left(exact + UNIT) - left(exact - UNIT)) + UNIT
    assert abs(left(exact)) <= 4 * steep, "equity is maintenance margin there, as close as 36 decimals come"


@given(kind=KINDS, size=SIGNED, entry=PRICES, put_up=SIZES, rate=RATES, multiplier=MULTIPLIERS)
def test_an_isolated_position_ends_where_what_was_put_up_is_used(
    kind: Any, size: Decimal, entry: Decimal, put_up: Decimal, rate: Decimal, multiplier: Decimal
) -> None:
    contract = {"size": size, "multiplier": multiplier, "maintenance_rate": rate}
    price = liquidation.liquidation_price_isolated(kind, entry_price=entry, collateral=put_up, **contract)
    assume(price is not None)
    assert price is not None
    exact, held, units = Fraction(price), Fraction(size), Fraction(multiplier)
    has = Fraction(put_up) + gain(kind, held, Fraction(entry), exact, units)
    needs = abs(value(kind, held, exact, units)) * Fraction(rate)
    steep = sum(abs(gain(kind, held, exact, exact + step, units)) for step in (UNIT, UNIT * 10**12))
    assert abs(has - needs) <= 4 * steep + Fraction(1, 10**20)


@given(kind=KINDS, size=SIGNED, mark=PRICES, equity=SIZES, rate=RATES)
def test_a_position_alone_tells_its_equity_by_its_leverage(
    kind: Any, size: Decimal, mark: Decimal, equity: Decimal, rate: Decimal
) -> None:
    leverage = collateral.effective_leverage(kind, size=size, price=mark, equity=equity)
    assert leverage is not None
    assume(leverage > Decimal("0.000001"))
    alone = liquidation.liquidation_price_alone(
        kind, size=size, mark_price=mark, leverage=leverage, maintenance_rate=rate
    )  # fmt: skip
    value_at_mark = profit.notional(kind, size=size, price=mark)
    assert value_at_mark is not None
    known = liquidation.liquidation_price(
        kind, mark_price=mark, equity=equity, maintenance_margin=margin(value=value_at_mark, rate=rate), sizes=(size,),
        maintenance_rate=rate,
    )  # fmt: skip
    assert (alone is None) == (known is None)
    if alone is not None and known is not None:
        assert abs(Fraction(alone) - Fraction(known)) <= max(abs(Fraction(known)), Fraction(1)) / 10**12
