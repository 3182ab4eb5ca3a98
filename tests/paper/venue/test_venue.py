"""Shows that the venue answers a wire's questions from its rows: filters, bounds and pages give what a list of all rows
would give, tickers and candles what the trades say, and logins what they were given."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest

from nostro import limits, sqlite
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.errors import Conflict, NotFound
from nostro.link.commands import Borrow, CancelAll, MoveMargin
from nostro.link.view import VenueView
from nostro.paper.venue.commands import SetIndex
from nostro.paper.venue.journal import APPLICATION_ID, SCHEMA_VERSION
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.venue import Venue
from paper.venue.scenario import PROFILE, START_NS
from paper.venue.workload import MARGIN_WALLETS, PARENTS, Workload

COMMANDS = 3_500
SYMBOLS = ("APPLE/COIN", "PEAR/COIN")


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """A venue with a history of random commands, an instant after the last one."""
    workload = Workload(3)
    path = tmp_path_factory.mktemp("venue") / "venue.db"
    with Venue.open(path, now_ns=lambda: workload.at_ns, profile=PROFILE) as made:
        with made.batch():
            for _ in range(COMMANDS):
                envelope = workload.next()
                workload.at_ns += 50 * SECOND_NS
                made.carry_out(envelope.command, user=envelope.user, at_ns=envelope.at_ns)
        yield made


def test_it_is_what_a_wire_expects(venue: Venue) -> None:
    view: VenueView = venue
    assert view.assets() == PROFILE.assets
    assert view.instruments() == PROFILE.instruments
    assert view.instrument("APPLE/COIN") == PROFILE.instruments[0]
    assert view.instrument("PLUM/COIN") is None
    assert [method.id for method in view.withdraw_methods("COIN")] == [1]
    assert view.deposit_methods("COIN") == []
    assert view.token_life_s() > 60
    assert next(iter(view.fee_rules(1))).taker_rate == Decimal("0.02")


def test_histories_filter_as_a_list_would(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "VENUE_PAGE_ROWS", 7)
    rows = {"orders": list(venue.orders(2)), "fills": list(venue.fills(2))}
    middle = rows["orders"][len(rows["orders"]) // 2].placed_ns
    compared = 0
    for name, symbol, side in product(rows, (None, *SYMBOLS, "PLUM/COIN"), (None, "buy", "sell")):
        for since, until in ((None, None), (middle, None), (None, middle), (middle, middle + 3_000 * SECOND_NS)):
            wanted = [
                row
                for row in rows[name]
                if (symbol is None or row.instrument == symbol)
                and (side is None or row.side == side)
                and (since is None or _time(row) >= since)
                and (until is None or _time(row) < until)
            ]
            ask = getattr(venue, name)
            where = {"symbol": symbol, "side": side, "since_ns": since, "until_ns": until}
            assert list(ask(2, **where)) == wanted
            assert list(ask(2, **where, newest=5)) == wanted[-5:]
            compared += len(wanted)
    assert compared > 1_000
    times = [_time(row) for row in rows["fills"]]
    assert times == sorted(times)
    assert len(times) > 50
    assert len(set(times)) < len(times), "no two rows at one instant: the paging was not put to the test"


def _time(row) -> int:
    return row.placed_ns if hasattr(row, "placed_ns") else row.time_ns


def test_entries_and_transfers_filter_too(venue: Venue) -> None:
    entries, compared = list(venue.entries(2)), 0
    middle = entries[len(entries) // 2].time_ns
    for asset in ("COIN", "APPLE", "PLUM"):
        wanted = [row for row in entries if row.asset == asset and row.time_ns >= middle]
        assert list(venue.entries(2, asset=asset, since_ns=middle)) == wanted
        compared += len(wanted)
    for direction in ("deposit", "withdrawal"):
        rows = list(venue.transfers(2, direction))
        assert {row.direction for row in rows} == {direction}
        assert list(venue.transfers(2, direction, asset="COIN", until_ns=middle)) == [
            row for row in rows if row.asset == "COIN" and row.time_ns < middle
        ]
        compared += len(rows)
    assert compared > 100


def test_rows_of_margin_filter_too(venue: Venue) -> None:
    """Movements, borrows, repayments, interest and liquidations, by wallet, asset and time."""
    compared = Counter[str]()
    for name, user in product(("movements", "borrows", "repayments", "interest", "liquidations"), range(1, 6)):
        ask, rows = getattr(venue, name), list(getattr(venue, name)(user))
        assert {row.user for row in rows} <= {user}
        assert [row.time_ns for row in rows] == sorted(row.time_ns for row in rows)
        middle = rows[len(rows) // 2].time_ns if rows else 0
        for wallet, asset in product((None, *MARGIN_WALLETS, "plum"), (None, "COIN", "APPLE", "PLUM")):
            for since, until in ((None, None), (middle, None), (None, middle)):
                wanted = [
                    row
                    for row in rows
                    if (wallet is None or row.wallet == wallet)
                    and (asset is None or row.asset == asset)
                    and (since is None or row.time_ns >= since)
                    and (until is None or row.time_ns < until)
                ]
                assert list(ask(user, wallet=wallet, asset=asset, since_ns=since, until_ns=until)) == wanted
                compared[name] += len(wanted)
    assert min(compared.values()) > 40
    assert len(compared) == 5


def test_loans_are_the_sums_of_open_borrows(venue: Venue) -> None:
    found = 0
    for user in range(1, 6):
        everything = list(venue.borrows(user))
        still_open = [row for row in everything if row.done_ns is None]
        assert list(venue.borrows(user, open_only=True)) == still_open
        middle = everything[len(everything) // 2].time_ns
        assert list(venue.borrows(user, open_only=True, asset="COIN", wallet="cross_margin", since_ns=middle)) == [
            row for row in still_open if (row.asset, row.wallet) == ("COIN", "cross_margin") and row.time_ns >= middle
        ]
        sums = defaultdict[tuple[str, str], list[Decimal]](lambda: [Decimal(0), Decimal(0)])
        for row in still_open:
            sums[row.wallet, row.asset][0] += row.amount - row.repaid
            sums[row.wallet, row.asset][1] += row.accrued - row.paid
        loans = venue.loans(user)
        assert {(row.wallet, row.asset): [row.principal, row.interest] for row in loans} == sums
        assert [row.id for row in loans] == sorted(row.id for row in loans)
        found += len(loans)
        assert sum((row.accrued for row in everything), Decimal(0)) == sum(
            (row.accrued for row in venue.interest(user)), Decimal(0)
        )
        assert sum((row.repaid for row in everything), Decimal(0)) == sum(
            (row.principal for row in venue.repayments(user)), Decimal(0)
        )
    assert found > 3


def test_margin_is_what_the_wallets_are_worth_at_index_prices(venue: Venue) -> None:
    prices = {asset.code: Decimal(venue.engine.index.prices[n]).scaleb(-8) for n, asset in enumerate(PROFILE.assets)}
    states = Counter[str]()
    for user in range(1, 6):
        rows = venue.margin(user)
        assert [row.wallet for row in rows] == [
            name for name in MARGIN_WALLETS if any(each.wallet == name for each in venue.balances(user))
        ]
        for row in rows:
            has = sum(each.total * prices[each.asset] for each in venue.balances(user) if each.wallet == row.wallet)
            owes = sum(
                (each.principal + each.interest) * prices[each.asset]
                for each in venue.loans(user)
                if each.wallet == row.wallet
            )
            assert (row.assets, row.debt) == (has, owes)
            if owes:
                level = (Fraction(has) - Fraction(owes)) / Fraction(owes)
                assert row.level == Decimal(level * 10**8 // 1).scaleb(-8) > Decimal("0.05")
            else:
                assert row.level is None
            wanted = "clear" if not owes else "warning" if has - owes <= owes / 10 else "healthy"
            assert row.state == wanted
            states[row.state] += 1
    assert states["clear"]
    assert states["healthy"]


def test_a_wallet_near_its_end_is_in_warning(tmp_path: Path) -> None:
    with Venue.open(tmp_path / "venue.db", now_ns=lambda: START_NS, profile=PROFILE) as venue:
        user = venue.create_login("ann", "", permissions=()).user
        venue.fund(user, "COIN", amount=Decimal(50), wallet="spot")
        about = {"account": user, "wallet": "cross_margin"}
        venue.submit(user, MoveMargin(direction="add", asset="COIN", amount=Decimal(50), **about))
        venue.submit(user, Borrow(asset="APPLE", amount=Decimal(5), **about))
        venue.submit(user, MoveMargin(direction="sub", asset="APPLE", amount=Decimal("2.5"), **about))
        shown = []
        for price in ("10", "16.66", "16.67", "18.18", "18.19"):
            venue.carry_out(SetIndex(asset="APPLE", price=Decimal(price)))
            (row,) = venue.margin(user)
            shown.append((row.level, row.state))
        assert shown == [
            (Decimal("0.50000000"), "healthy"),
            (Decimal("0.10024009"), "healthy"),
            (Decimal("0.09988002"), "warning"),
            (Decimal("0.05005500"), "warning"),
            (None, "clear"),
        ]


def test_open_orders_are_those_that_go_on(venue: Venue) -> None:
    found = 0
    for user in range(1, 6):
        still_open = [order for order in venue.orders(user) if order.is_open]
        assert list(venue.orders(user, open_only=True)) == still_open
        assert list(venue.orders(user, open_only=True, symbol="APPLE/COIN", side="buy")) == [
            order for order in still_open if order.instrument == "APPLE/COIN" and order.side == "buy"
        ]
        found += len(still_open)
    assert found > 5


def test_balances_are_the_last_entries(venue: Venue) -> None:
    compared = 0
    for user in range(1, 6):
        last = {(entry.wallet, entry.asset): entry for entry in venue.entries(user)}
        for balance in venue.balances(user):
            entry = last.pop((balance.wallet, balance.asset))
            assert balance.total == entry.total + entry.total_delta
            assert balance.held == entry.held + entry.held_delta
            assert balance.updated_ns == entry.time_ns
            compared += 1
        assert not last
    assert compared > 10


def test_histories_are_read_by_index(venue: Venue) -> None:
    """No question of a wire reads a whole table."""
    connection, seen = venue._journal.connection, []
    connection.set_profile(None)
    connection.set_exec_trace(lambda _, sql, values: seen.append((sql, values)) or True)
    list(venue.orders(2, symbol="APPLE/COIN", since_ns=START_NS))
    list(venue.fills(2, side="buy", newest=3))
    list(venue.entries(2, asset="COIN", until_ns=START_NS + DAY_NS))
    list(venue.transfers(2, "deposit"))
    for name in ("movements", "borrows", "repayments", "interest", "liquidations"):
        list(getattr(venue, name)(2, wallet="cross_margin", asset="COIN", since_ns=START_NS))
    venue.ticker("APPLE/COIN")
    venue.trades("APPLE/COIN", limit=3, offset=2)
    venue.trades(None, limit=3, offset=0)
    connection.set_exec_trace(None)
    assert len(seen) >= 13
    for sql, values in seen:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()]
        limited = "trades ORDER BY id DESC LIMIT" in sql  # walks the newest rows, and stops
        assert limited or not any(step.startswith("SCAN") for step in plan), f"{sql}: {plan}"
        assert not any("TEMP B-TREE" in step for step in plan), f"{sql}: {plan}"


def test_tickers_and_candles_are_what_the_trades_say(venue: Venue) -> None:
    now_ns = venue.now_ns()
    compared = 0
    for symbol in SYMBOLS:
        trades = list(venue.trades(symbol, limit=100_000, offset=0))[::-1]
        day = [trade for trade in trades if trade.time_ns >= now_ns - DAY_NS]
        ticker = venue.ticker(symbol)
        assert len(trades) > len(day) > 10
        assert (ticker.open, ticker.last) == (day[0].price, trades[-1].price)
        assert (ticker.high, ticker.low) == (max(t.price for t in day), min(t.price for t in day))
        assert ticker.volume == sum(trade.amount for trade in day)
        for side, shown in (("buy", ticker.bid), ("sell", ticker.ask)):
            depth = venue.depth(symbol, side, levels=1, grouped=True)
            assert (depth[0][0] if depth else None) == shown
        for interval_s in (300, 3_600, 86_400):
            compared += _candles_match(venue, symbol, interval_s, trades)
    assert compared > 100


def _candles_match(venue: Venue, symbol: str, interval_s: int, trades) -> int:
    since_ns = trades[len(trades) // 4].time_ns
    until_ns = trades[3 * len(trades) // 4].time_ns
    wanted = {}
    for trade in trades:
        start_ns = trade.time_ns // (interval_s * SECOND_NS) * interval_s * SECOND_NS
        if since_ns <= start_ns < until_ns:
            wanted.setdefault(start_ns, []).append(trade)
    candles = venue.candles(symbol, interval_s, since_ns=since_ns, until_ns=until_ns)
    assert [candle.start_ns for candle in candles] == list(wanted)
    for candle in candles:
        prices = [trade.price for trade in wanted[candle.start_ns]]
        assert (candle.open, candle.close) == (prices[0], prices[-1])
        assert (candle.high, candle.low) == (max(prices), min(prices))
        assert candle.volume == sum(trade.amount for trade in wanted[candle.start_ns])
    return len(candles)


def test_trades_come_newest_first(venue: Venue) -> None:
    everything = list(venue.trades(None, limit=100_000, offset=0))
    ids = [trade.id for trade in everything]
    assert ids == sorted(ids, reverse=True)
    assert venue.trades(None, limit=10, offset=5) == everything[5:15]
    pears = [trade for trade in everything if trade.instrument == "PEAR/COIN"]
    assert venue.trades("PEAR/COIN", limit=4, offset=2) == pears[2:6]
    assert len(pears) > 20


def test_depth_is_grouped_by_price_or_not(venue: Venue) -> None:
    shown = 0
    for symbol, side in product(SYMBOLS, ("buy", "sell")):
        single = venue.depth(symbol, side, levels=None, grouped=False)
        grouped = venue.depth(symbol, side, levels=None, grouped=True)
        sums: dict[Decimal, Decimal] = {}
        for price, amount in single:
            sums[price] = sums.get(price, Decimal(0)) + amount
        assert list(sums.items()) == list(grouped)
        assert [price for price, _ in grouped] == sorted(sums, reverse=side == "buy")
        assert venue.depth(symbol, side, levels=1, grouped=False) == single[:1]
        shown += len(single)
    assert shown > 3


def test_logins_have_one_key_each_that_follows_from_the_seed(tmp_path: Path) -> None:
    keys = []
    for number in (1, 1, 2):
        with Venue.open(tmp_path / f"{len(keys)}.db", now_ns=lambda: START_NS, seed=number) as venue:
            login = venue.create_login("ann", "ann@paper.example", permissions=["trade", "read"])
            bob = venue.create_login("bob", "bob@paper.example", permissions=())
            assert login.key.startswith("paper-")
            assert login.secret.startswith("paper-")
            assert login.permissions == {"read", "trade"}
            assert bob.permissions == frozenset()
            assert venue.login_by_key(login.key) == venue.login_by_user(login.user) == login
            assert venue.login_by_key("paper-nobody") is None
            assert venue.logins() == [login, bob]
            assert login.secret not in repr(login)
            with pytest.raises(Conflict):
                venue.create_login("ann", "", permissions=())
            venue.set_permissions(login.key, {"read"})
            found = venue.login_by_key(login.key)
            assert found is not None
            assert found.permissions == {"read"}
            with pytest.raises(NotFound):
                venue.set_permissions("paper-nobody", {"read"})
            keys.append((login.key, login.secret, venue.sign_tokens_with()))
    assert keys[0] == keys[1]
    assert all(here != there for here, there in zip(keys[0], keys[2], strict=True))


def test_a_sub_account_knows_its_master(venue: Venue, tmp_path: Path) -> None:
    assert venue.sub_accounts(1) == sorted(PARENTS)
    assert venue.sub_accounts(2) == []
    with Venue.open(tmp_path / "venue.db", now_ns=lambda: START_NS) as made:
        master = made.create_login("ann", "", permissions={"read"})
        sub = made.create_login("bob", "", permissions={"read"}, parent=master.user)
        assert (master.parent, sub.parent) == (None, master.user)
        assert made.login_by_key(sub.key) == made.login_by_user(sub.user) == sub
        assert made.sub_accounts(master.user) == [sub.user]
        for parent in (sub.user, 99):
            with pytest.raises(NotFound):
                made.create_login("eve", "", permissions=(), parent=parent)


def test_listeners_hear_what_was_accepted_once_it_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[Outcome, int]] = []

    def listener(outcome: Outcome) -> None:
        heard.append((outcome, stored.execute("SELECT count(*) FROM commands").get))

    with Venue.open(tmp_path / "venue.db", now_ns=lambda: START_NS, profile=PROFILE) as venue:
        stored = sqlite.open_database(
            tmp_path / "venue.db", application_id=APPLICATION_ID, schema_version=SCHEMA_VERSION
        )
        venue.listeners.append(listener)
        user = venue.create_login("ann", "", permissions=()).user
        venue.submit(user, CancelAll())
        venue.submit(99, CancelAll())
        venue.fund(user, "COIN", amount=Decimal(5))
        assert [count for _, count in heard] == [1, 2, 4]
        assert heard[-1][0].entries[0].total_delta == 5
        repeated = venue.carry_out(CancelAll(), user=user, command_id=2)
        assert repeated.answer == heard[1][0].answer
        heard.clear()
        with venue.batch():
            for _ in range(3):
                venue.fund(user, "COIN", amount=Decimal(1))
            assert heard == []
        assert [count for _, count in heard] == [7, 7, 7]
        heard.clear()
        monkeypatch.setattr(venue._journal, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            venue.fund(user, "COIN", amount=Decimal(1))
        monkeypatch.undo()
        venue.tick()
        assert [count for _, count in heard] == [8]
        stored.close()


def interrupted(_: object) -> None:
    raise KeyboardInterrupt


def test_a_batch_says_at_its_end_that_a_commit_within_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for its end would else be told of a command that never happened."""
    with Venue.open(tmp_path / "venue.db", now_ns=lambda: START_NS, profile=PROFILE) as venue:
        user = venue.create_login("ann", "", permissions=()).user

        def half() -> None:
            with venue.batch():
                venue.fund(user, "COIN", amount=Decimal(1))
                with monkeypatch.context() as broken:
                    broken.setattr(venue._journal, "_write", interrupted)
                    with pytest.raises(KeyboardInterrupt):
                        list(venue.entries(user))  # a question of somebody else, for which what waits is committed
                venue.fund(user, "COIN", amount=Decimal(5))

        with pytest.raises(KeyboardInterrupt):
            half()
        assert [row.total_delta for row in venue.entries(user)] == [5]
        with venue.batch():
            venue.fund(user, "COIN", amount=Decimal(2))
        assert [row.total_delta for row in venue.entries(user)] == [5, 2]


def test_who_asks_is_known_without_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request asks it first: orders that arrive together would be committed one by one."""
    with Venue.open(tmp_path / "venue.db", now_ns=lambda: START_NS, profile=PROFILE) as venue:
        login = venue.create_login("ann", "", permissions=("read",))
        with monkeypatch.context() as broken, venue.batch():
            broken.setattr(venue._journal, "_write", interrupted)
            venue.fund(login.user, "COIN", amount=Decimal(1))
            assert venue.login_by_key(login.key) == login
            broken.undo()
        with venue.batch():
            venue.set_permissions(login.key, ("trade",))
            known = venue.login_by_key(login.key)
            assert known is not None
            assert known.permissions == {"trade"}, "but what it may do from now on is known at once"
