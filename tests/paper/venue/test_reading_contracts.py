"""Shows that a venue answers the questions about contracts from what is stored and what is open: every row that the
engine left, within its bounds, the same after a restart; and the prices, rates and orders of now."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from nostro.link.commands import Accepted, PlaceOrder
from nostro.link.view import VenueView
from nostro.paper.venue.commands import SetFundingRate, SetMark
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.venue import Venue
from paper.venue.contract_workload import USERS, ContractWorkload
from paper.venue.perpetuals import HOUR_NS, MILL, SYMBOLS
from paper.venue.scenario import START_NS

COMMANDS = 1_500
KINDS = ("funding", "closed", "moves", "snapshots", "forced", "fills", "orders", "entries")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a venue that lived through random commands."""
    path = tmp_path_factory.mktemp("contracts") / "venue.db"
    with opened(path) as venue, venue.batch():
        workload = ContractWorkload(7)
        for _ in range(COMMANDS):
            envelope = workload.next()
            venue.carry_out(envelope.command, user=envelope.user, at_ns=envelope.at_ns)
    return path


@pytest.fixture
def venue(path: Path) -> Iterator[Venue]:
    with opened(path) as venue:
        yield venue


def opened(path: Path) -> Venue:
    return Venue.open(path, now_ns=lambda: START_NS, profile=MILL)


def left(venue: Venue) -> dict[str, list]:
    """Every row, by kind, that a fresh engine leaves over the same commands; the latest of each order."""
    engine, rows = Engine(MILL), {kind: [] for kind in KINDS}
    orders = {}
    for envelope, answer in venue._journal.commands():
        outcome = engine.apply(envelope)
        assert outcome.answer == answer
        for kind in KINDS:
            rows[kind] += getattr(outcome, kind)
        orders |= {order.id: order for order in outcome.orders}
    assert engine.state_hash() == venue.engine.state_hash()
    return rows | {"orders": list(orders.values())}


def of_user(row: object, user: int) -> bool:
    return user in (row.from_user, row.to_user) if hasattr(row, "from_user") else row.user == user


def time_of(row: object) -> int:
    return row.placed_ns if hasattr(row, "placed_ns") else row.time_ns


def test_every_row_is_there_in_its_order_and_within_bounds(venue: Venue) -> None:
    rows = left(venue)
    assert all(len(found) >= 5 for found in rows.values())
    middle_ns = rows["fills"][len(rows["fills"]) // 2].time_ns
    for kind, expected in rows.items():
        some = 0
        for user in range(1, USERS + 1):
            own = sorted((row for row in expected if of_user(row, user)), key=lambda row: (time_of(row), row.id))
            ask = getattr(venue, kind)
            assert list(ask(user)) == own
            early = [row for row in own if time_of(row) < middle_ns]
            assert list(ask(user, until_ns=middle_ns)) == early
            assert list(ask(user, since_ns=middle_ns)) == own[len(early) :]
            some += 0 < len(early) < len(own)
        assert some, kind


def test_snapshots_come_newest_first_too(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nostro.limits.VENUE_PAGE_ROWS", 3)
    for user in range(1, USERS + 1):
        rows = list(venue.snapshots(user))
        assert len(rows) > 3
        assert list(venue.snapshots(user, newest_first=True)) == rows[::-1]
        since_ns, until_ns = rows[2].time_ns, rows[-1].time_ns
        within = [row for row in rows if since_ns <= row.time_ns < until_ns]
        assert list(venue.snapshots(user, since_ns=since_ns, until_ns=until_ns, newest_first=True)) == within[::-1]


def test_rows_of_one_contract(venue: Venue) -> None:
    symbols = set()
    for user in range(1, USERS + 1):
        for ask in (venue.funding, venue.closed):
            for symbol in SYMBOLS.values():
                rows = list(ask(user, symbol=symbol))
                assert rows == [row for row in ask(user) if row.instrument == symbol]
                symbols |= {row.instrument for row in rows}
            assert list(ask(user, symbol="PLUM/COIN:COIN")) == []
        assert [row.instrument for row in venue.positions(user, symbol=SYMBOLS["FLOUR"])] == [SYMBOLS["FLOUR"]]
    assert symbols == set(SYMBOLS.values())


def test_one_order_open_or_not(venue: Venue) -> None:
    every = [order for user in range(1, USERS + 1) for order in venue.orders(user)]
    assert {order.is_open for order in every} == {True, False}
    for order in every:
        assert venue.order(order.user, order.id) == order
        assert venue.order(order.user % USERS + 1, order.id) is None
    assert venue.order(1, 10**9) is None


def test_prices_rates_and_collateral(tmp_path: Path) -> None:
    with opened(tmp_path / "venue.db") as venue:
        asked: VenueView = venue
        symbol = SYMBOLS["APPLE"]
        user = venue.create_login("ann", "", permissions=()).user
        venue.carry_out(SetMark(instrument=symbol, price=Decimal("9.5")))
        venue.carry_out(SetFundingRate(instrument=symbol, rate=Decimal("-0.0001")))
        assert (asked.mark(symbol), asked.index(symbol), asked.index_price("APPLE")) == (Decimal("9.5"), 10, 10)
        rate, next_ns = asked.funding_rate(symbol)
        assert (rate, next_ns) == (Decimal("-0.0001"), START_NS - START_NS % (2 * HOUR_NS) + 2 * HOUR_NS)
        assert [asked.haircut_ppm(asset) for asset in ("COIN", "APPLE", "PLUM")] == [0, 100_000, None]
        assert asked.index(SYMBOLS["SILK"]) == asked.mark(SYMBOLS["SILK"]) == 10
        assert (asked.positions(user), asked.collateral(user)) == ([], [])
        venue.fund(user, "APPLE", amount=Decimal(3), wallet="futures:APPLE/COIN")
        assert [(row.wallet, row.asset, row.equity) for row in asked.collateral(user)] == [
            ("futures:APPLE/COIN", "APPLE", 3)
        ]


def test_who_is_touched_hears_of_it(tmp_path: Path) -> None:
    """Users of orders, entries, leverage, and who holds what a mark moves."""
    with opened(tmp_path / "venue.db") as venue:
        ann, bob, eve = (venue.create_login(name, "", permissions=()).user for name in ("ann", "bob", "eve"))
        heard: list[list[int]] = []
        venue.listeners.append(lambda outcome: heard.append(list(outcome.touched)))
        for user in (ann, bob):
            venue.fund(user, "COIN", amount=Decimal(100), wallet="futures")
        for user, side in ((ann, "buy"), (bob, "sell")):
            about = {"wallet": "futures", "instrument": SYMBOLS["FLOUR"], "type": "limit"}
            order = PlaceOrder(side=side, amount=Decimal(1), price=Decimal(10), **about)
            assert isinstance(venue.submit(user, order), Accepted)
        venue.carry_out(SetMark(instrument=SYMBOLS["FLOUR"], price=Decimal(11)))
        venue.carry_out(SetMark(instrument=SYMBOLS["SILK"], price=Decimal(11)))
        assert heard == [[ann], [bob], [ann], [ann, bob], [ann, bob], []]
        assert eve not in heard[-2]


def test_amounts_that_no_machine_word_holds_are_stored_exactly(tmp_path: Path) -> None:
    with opened(tmp_path / "venue.db") as venue:
        ann, bob = (venue.create_login(name, "", permissions=()).user for name in ("ann", "bob"))
        symbol, price = SYMBOLS["FLOUR"], Decimal("99999999999999999.9")
        for user in (ann, bob):
            venue.fund(user, "COIN", amount=Decimal(10**27), wallet="futures")
        venue.carry_out(SetMark(instrument=symbol, price=price))
        venue.carry_out(SetFundingRate(instrument=symbol, rate=Decimal("0.001")))
        for user, side in ((ann, "buy"), (bob, "sell"), (ann, "sell"), (bob, "buy")):
            about = {"wallet": "futures", "instrument": symbol, "type": "limit"}
            order = PlaceOrder(side=side, amount=Decimal(500), price=price, **about)
            assert isinstance(venue.submit(user, order), Accepted)
            venue.tick(at_ns=venue.engine.at_ns + HOUR_NS)
        worth = 500 * price
        assert [row.cost for row in venue.fills(ann)] == [worth, worth]
        assert [row.basis_after for row in venue.fills(bob)] == [-worth, 0]
        assert [row.amount for row in venue.funding(ann)] == [-worth / 1000] * 2
        assert [(row.exit_value, row.exit_basis, row.size_max) for row in venue.closed(ann)] == [(worth, worth, 500)]
        (snapshot, *_) = venue.snapshots(bob)
        assert snapshot.collateral.equity == 10**27
        again = venue.engine.restore(MILL, venue.engine.snapshot())
        assert again.state_hash() == venue.engine.state_hash()
