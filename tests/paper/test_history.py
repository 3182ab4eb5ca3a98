"""Shows that a new paper exchange gets the past it promises: five logins, months of every kind of order, money in and
out, orders left open; the same from the same seed, whole after an interruption; and that it lives on from there."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest

from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.errors import Conflict
from nostro.paper.history import generate
from nostro.paper.venue.live import Market
from nostro.paper.venue.venue import Venue

UNTIL_NS = 1_763_600_000 * SECOND_NS
ROWS = 1_500


def opened(path: Path, seed: int = 7) -> Venue:
    return Venue.open(path, now_ns=lambda: UNTIL_NS, seed=seed)


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory):
    with opened(tmp_path_factory.mktemp("history") / "venue.db") as made:
        generate(made, until_ns=UNTIL_NS, rows=ROWS)
        yield made


def test_there_are_five_logins_with_their_permissions(venue: Venue) -> None:
    assert {login.name: login.permissions for login in venue.logins()} == {
        "trader": {"read", "trade"},
        "reader": {"read"},
        "withdrawer": {"read", "trade", "withdraw"},
        "empty": {"read", "trade", "withdraw"},
        "margin": {"read", "trade", "margin"},
    }


def test_the_trader_has_months_of_everything(venue: Venue) -> None:
    user = venue.user_named("trader")
    orders, fills = list(venue.orders(user)), list(venue.fills(user))
    assert ROWS <= len(fills) <= ROWS * 1.1
    assert UNTIL_NS - 181 * DAY_NS < fills[0].time_ns < UNTIL_NS - 170 * DAY_NS
    assert len({fill.time_ns // (30 * DAY_NS) for fill in fills}) >= 6
    kinds = Counter((order.type, order.time_in_force) for order in orders)
    for kind, rule in product(("market", "limit", "stop_limit", "stop_market"), ("gtc", "ioc", "fok", "aon")):
        assert kinds[kind, rule] >= 5, (kind, rule)
    statuses = {order.status for order in orders}
    assert statuses >= {"filled", "canceled", "partially_canceled", "expired", "pending", "open"}
    assert {fill.maker for fill in fills} == {True, False}
    assert sum(order.quote_amount is not None for order in orders) > 50
    assert sum(len(list(group)) > 1 for group in _by_time(fills)) > 50
    assert {entry.type for entry in venue.entries(user)} == {
        "deposit", "hold", "trade", "fee", "release", "withdrawal", "withdrawal_fee",
    }  # fmt: skip
    assert len(list(venue.orders(user, open_only=True))) >= 4
    assert any(balance.asset == "DAI" and balance.total.normalize().as_tuple().exponent < -12
               for balance in venue.balances(user))  # fmt: skip


def _by_time(fills):
    groups: dict[int, list[object]] = {}
    for fill in fills:
        groups.setdefault(fill.time_ns, []).append(fill)
    return groups.values()


def test_the_others_have_what_they_are_for(venue: Venue) -> None:
    reader, withdrawer, empty = (venue.user_named(name) for name in ("reader", "withdrawer", "empty"))
    assert len(list(venue.fills(reader))) > ROWS // 20
    assert len(list(venue.transfers(withdrawer, "withdrawal"))) > 20
    assert len(list(venue.transfers(withdrawer, "deposit"))) > 20
    assert {transfer.status for transfer in venue.transfers(withdrawer, "withdrawal")} >= {"done", "new"}
    assert list(venue.orders(empty)) == list(venue.entries(empty)) == list(venue.balances(empty)) == []


def test_one_trades_with_borrowed_money_and_is_liquidated_for_it(venue: Venue) -> None:
    master, sub = venue.user_named("margin"), venue.user_named("margin-sub")
    assert list(venue.sub_accounts(master)) == [sub]
    for user in (master, sub):
        assert {(borrow.type, borrow.done_ns is None) for borrow in venue.borrows(user)} == {
            ("manual", False), ("auto", False), ("manual", True),
        }  # fmt: skip
        assert {repayment.type for repayment in venue.repayments(user)} == {"manual", "auto"}
        assert len(list(venue.interest(user))) > 50
        assert len(list(venue.movements(user))) > 20
        assert {entry.type for entry in venue.entries(user)} >= {"transfer", "borrow", "repay", "trade", "hold"}
        assert any(loan.principal for loan in venue.loans(user))
        assert {row.state for row in venue.margin(user)} >= {"healthy"}
    wallets = {order.wallet for user in (master, sub) for order in venue.orders(user)}
    assert wallets == {"spot", "cross_margin", "isolated_margin:BTC/USDT", "isolated_margin:ETH/USDT"}
    gone = list(venue.liquidations(master))
    assert {(each.wallet, each.asset) for each in gone} == {("isolated_margin:BTC/USDT", "USDT")}
    assert all(each.level <= Decimal("0.05") for each in gone)
    assert list(venue.liquidations(sub)) == []


def test_the_index_follows_the_market(venue: Venue) -> None:
    engine = venue.engine
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT"):
        market = engine.markets[symbol]
        assert market.last is not None
        index = engine.index.prices[market.base] * 10**market.price_digits // 10**8
        assert abs(index - market.last) * 50 < market.last


def test_the_past_ends_where_the_present_begins(venue: Venue) -> None:
    venue.engine.check()
    assert venue.engine.at_ns == UNTIL_NS
    for instrument in venue.instruments():
        ticker = venue.ticker(instrument.symbol)
        assert ticker.bid < ticker.ask
        assert ticker.volume > 0
    assert venue.depth("BTC/USDT", "buy", levels=None, grouped=True)


def test_the_same_seed_gives_the_same_past(tmp_path: Path) -> None:
    hashes = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        with opened(tmp_path / name, seed) as venue:
            generate(venue, until_ns=UNTIL_NS, rows=60, months=1)
            hashes.append(venue.engine.state_hash())
            command = venue.last_command
            generate(venue, until_ns=UNTIL_NS + DAY_NS, rows=900)
            assert venue.last_command == command, "made twice"
    assert hashes[0] == hashes[1] != hashes[2]


class Interruption(Exception):
    pass


def test_an_interrupted_past_begins_again(tmp_path: Path) -> None:
    def interrupt(done: int, of: int) -> None:
        if done > of // 2:
            raise Interruption

    with opened(tmp_path / "whole") as venue:
        generate(venue, until_ns=UNTIL_NS, rows=200, months=1)
        wanted = venue.engine.state_hash()
    with opened(tmp_path / "interrupted") as venue:
        with pytest.raises(Interruption):
            generate(venue, until_ns=UNTIL_NS, rows=200, months=1, progress=interrupt)
        assert venue.last_command > 100
    with opened(tmp_path / "interrupted") as venue:
        generate(venue, until_ns=UNTIL_NS, rows=200, months=1)
        assert venue.engine.state_hash() == wanted
        assert len(venue.logins()) == 5


def test_no_rows_means_logins_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "venue.db") as venue:
        generate(venue, until_ns=UNTIL_NS, rows=0)
        assert len(venue.logins()) == 5
        assert list(venue.balances(venue.user_named("trader"))) == []
        assert venue.ticker("BTC/USDT").bid is not None


def test_a_venue_in_use_gets_no_past(tmp_path: Path) -> None:
    with opened(tmp_path / "venue.db") as venue:
        venue.create_login("ann", "", permissions=())
        with pytest.raises(Conflict):
            generate(venue, until_ns=UNTIL_NS)


def test_a_running_market_moves_trades_and_keeps_its_books(tmp_path: Path) -> None:
    now = [UNTIL_NS]
    path = tmp_path / "venue.db"
    with Venue.open(path, now_ns=lambda: now[0], seed=7) as venue:
        generate(venue, until_ns=UNTIL_NS, rows=200, months=1)
        trades, under_way = venue.engine.matching.trades_made, len(venue.transfers_under_way())
        assert under_way
        market = Market(venue)
        for _ in range(900):
            now[0] += SECOND_NS * 20
            market.advance(now[0])
        venue.engine.check()
        assert venue.engine.matching.trades_made > trades + 200
        assert not venue.transfers_under_way()
        lasts = {symbol: each.last for symbol, each in venue.engine.markets.items()}
        idle = venue.last_command
        market.advance(now[0])
        assert venue.last_command == idle, "no second passed"
    with Venue.open(path, now_ns=lambda: now[0]) as venue:
        market = Market(venue)
        for _ in range(12):
            now[0] += SECOND_NS
            market.advance(now[0])
        for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT"):
            ticker = venue.ticker(symbol)
            digits = venue.engine.markets[symbol].price_digits
            middle = (ticker.bid + ticker.ask) / 2
            assert abs(middle.scaleb(digits) - lasts[symbol]) < lasts[symbol] // 50, "a jump at the restart"
