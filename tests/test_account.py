"""Shows what a caller of an account gets: everything of a year without a window showing, in order, exact and lazily, in
all three dialects; and one clear error for whatever is asked wrongly. The venue's own rows are the truth."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collect.scene import START_NS, Scene, run, scene, struck
from nostro import errors
from nostro.account import AsyncAccount, moment_ns
from nostro.domain.records import Fact
from nostro.domain.values import DAY_NS, SECOND_NS, format_time, parse_time
from nostro.link.commands import Accepted, RequestWithdrawal
from nostro.paper.faults import Kind
from nostro.paper.venue.commands import AdvanceWithdrawal

DIALECTS = ("cli", "d23", "d26")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path, rows=80, months=13) as opened:
        yield opened


@pytest.fixture(params=DIALECTS)
def spoken(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    with scene(tmp_path, rows=80, dialect=request.param) as opened:
        yield opened


def user(world: Scene, login: str = "trader") -> int:
    return world.login(login).user


async def collected(rows: Any) -> list[Fact]:
    return [row async for row in rows]


def times(rows: list[Any]) -> list[int]:
    return [row.effective_ns for row in rows]


# ── histories ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_year_is_a_year(world: Scene) -> None:
    """Twelve windows and two sides for fills; what comes out is one ordered history."""
    start_ns = START_NS - 365 * DAY_NS
    fills = run(world.account().fills(start_ns, START_NS).all())
    expected = list(world.venue.fills(user(world), since_ns=start_ns, until_ns=START_NS))
    assert len(expected) > 60
    assert sorted((f.effective_ns // 1000, f.side, f.price, f.amount, f.fee) for f in fills) == sorted(
        (row.time_ns // 1000, row.side, row.price, row.amount, row.fee) for row in expected
    )
    assert times(list(fills)) == sorted(times(list(fills)))
    assert fills.pages > 24
    assert not fills.coverage
    assert fills.complete_through_ns == START_NS
    spans = [each for each in world.wire.requests if each.path.endswith("/trades")]
    assert len(spans) == fills.pages
    assert world.faults.fired.total() == 0


@pytest.mark.parametrize("noun", ["orders", "fills", "entries", "transfers"])
def test_the_whole_history_from_the_opening_on(world: Scene, noun: str) -> None:
    account, number = world.account("withdrawer"), user(world, "withdrawer")
    history: Callable[[], Any] = getattr(account, noun)
    answer = run(history().all())
    transfers = [*world.venue.transfers(number, "deposit"), *world.venue.transfers(number, "withdrawal")]
    expected: dict[str, list[Any]] = {
        "orders": list(world.venue.orders(number)), "fills": list(world.venue.fills(number)),
        "entries": list(world.venue.entries(number)), "transfers": transfers,
    }  # fmt: skip
    assert len(answer) == len(expected[noun]) > 0
    assert times(list(answer)) == sorted(times(list(answer)))
    if noun != "fills":
        assert sorted(str(row.native_id) for row in answer) == sorted(str(row.id) for row in expected[noun])


def test_bounds_are_half_open_to_the_nanosecond(world: Scene) -> None:
    rows = list(world.venue.entries(user(world)))
    instants = sorted({row.time_ns // 1000 * 1000 for row in rows})
    start_ns, end_ns = instants[3], instants[7]
    found = run(world.account().entries(start_ns, end_ns).all())
    assert len(found) == sum(1 for row in rows if start_ns <= row.time_ns // 1000 * 1000 < end_ns) > 0
    assert min(times(list(found))) == start_ns
    assert max(times(list(found))) < end_ns


class SummerTime(tzinfo):
    """One hour from UTC, two from April to September."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=2 if moment is not None and 4 <= moment.month <= 9 else 1)

    def dst(self, moment: datetime | None) -> timedelta:
        return self.utcoffset(moment) - timedelta(hours=1)


def test_a_datetime_is_its_instant_in_a_zone_with_summer_time() -> None:
    for month in (1, 7):
        moment = datetime(2026, month, 1, 12, 0, 0, 123_456, tzinfo=SummerTime())
        utc = moment.astimezone(UTC)
        assert moment_ns(moment, "start") == parse_time(utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def test_times_may_be_text_datetimes_or_nanoseconds(world: Scene) -> None:
    account = world.account()
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    texts = ["2026-03-01", "2026-03-01T00:00:00Z", "2026-03-01T05:30:00+05:30"]
    given = [*texts, moment, elsewhere, 1_772_323_200 * SECOND_NS]
    counts = [len(run(account.fills(start, START_NS).all())) for start in given]
    assert counts[0] > 0
    assert len(set(counts)) == 1


def test_histories_hold_one_window(world: Scene) -> None:
    """The first row is there after the first window that has one, and a reader who stops asks for nothing more."""

    async def first() -> int:
        async for _ in world.account().fills(START_NS - 390 * DAY_NS):
            return world.wire.count("/accounts/trades")
        return 0

    assert 0 < run(first()) <= 4
    assert world.wire.count("/accounts/trades") <= 4


def test_rows_come_while_pages_do(world: Scene) -> None:
    async def longest_wait() -> tuple[int, int]:
        """The most rows that came without a request between them, and the requests in all."""
        runs, before, length = [0], -1, 0
        async for _ in world.account().entries(START_NS - 390 * DAY_NS):
            asked = world.wire.count("/activity")
            length = length + 1 if asked == before else 1
            before = asked
            runs.append(length)
        return max(runs), before

    longest, asked = run(longest_wait())
    assert asked >= 12
    assert longest < 200, "not all at once"


def test_an_interval_without_rows_is_empty_and_complete(world: Scene) -> None:
    answer = run(world.account().fills("2018-01-01", "2018-01-02").all())
    assert len(answer) == 0
    assert answer.complete_through_ns == 1_514_851_200 * SECOND_NS
    assert not answer.coverage
    assert len(run(world.account().fills(START_NS, START_NS).all())) == 0


def test_a_history_can_be_read_again(world: Scene) -> None:
    history = world.account().fills(START_NS - 60 * DAY_NS)
    first, second = run(collected(history)), run(collected(history))
    assert [each.effective_ns for each in first] == [each.effective_ns for each in second]
    assert history.pages == 6, "counted anew: two windows and the rest, two sides"


def test_one_instrument_or_one_asset(world: Scene) -> None:
    account = world.account()
    rows = [row for row in world.venue.orders(user(world)) if row.instrument == "ETH/USDT"]
    assert len(run(account.orders(instrument="ETH/USDT").all())) == len(rows) > 0
    entries = [row for row in world.venue.entries(user(world)) if row.asset == "BTC"]
    assert len(run(account.entries(asset="BTC").all())) == len(entries) > 0
    with pytest.raises(errors.NotFound, match="unknown pair"):
        run(account.fills(START_NS - DAY_NS, instrument="NO/SUCH").all())


# ── open orders and single ones ──────────────────────────────────────────────────────────────────────────────────


def old_open_order(world: Scene) -> str:
    """An order that rests since long before the exchange's default window of thirty days."""
    order = run(world.account(allow=("trade",)).place("BTC/USDT", "buy", amount=1, price=2))
    world.clock.pass_s(47 * 86_400)
    return str(order.native_id)


def test_open_orders_behind_the_default_window(world: Scene) -> None:
    order_id = old_open_order(world)
    found = run(world.account().open_orders())
    expected = {str(row.id) for row in world.venue.orders(user(world), open_only=True)}
    assert {row.native_id for row in found} == expected
    assert order_id in expected
    narrowed = run(world.account().open_orders(instrument="BTC/USDT"))
    assert {row.instrument for row in narrowed} == {"BTC/USDT"}


def test_an_order_is_found_wherever_it_lies(world: Scene) -> None:
    account = world.account()
    order_id = old_open_order(world)
    assert run(account.order(order_id)).status == "open"
    rows = list(world.venue.orders(user(world)))
    for row in (rows[0], rows[len(rows) // 2], rows[-1]):
        found = run(account.order(row.id))
        assert (found.native_id, found.status, found.amount) == (str(row.id), row.status, row.amount)


def test_a_young_order_takes_one_question(world: Scene) -> None:
    order = run(world.account(allow=("trade",)).place("BTC/USDT", "buy", amount=1, price=2))
    before = world.wire.count("/accounts/order")
    assert run(world.account().order(str(order.native_id))).status == "open"
    assert world.wire.count("/accounts/order") == before + 1


def test_an_unknown_order(spoken: Scene) -> None:
    with pytest.raises(errors.NotFound, match="no order '999999'"):
        run(spoken.account().order(999_999))


# ── transfers ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_transfers_of_a_key_that_may_not_read_withdrawals(world: Scene) -> None:
    """Withdrawals come from the ledger: when they left, and how much, fee included; coverage says so."""
    number = user(world)
    asked = world.venue.submit(
        number, RequestWithdrawal(method=4, amount=Decimal(30), attributes={"address": "0x" + "ab" * 20})
    )
    assert isinstance(asked, Accepted), asked
    for status in ("confirmed", "verified", "approved", "done"):
        world.venue.carry_out(AdvanceWithdrawal(withdrawal=asked.ids[0], status=status))  # type: ignore[arg-type]
    world.clock.pass_s(60)
    answer = run(world.account().transfers().all())
    deposits = [row for row in answer if row.direction == "deposit"]
    assert len(deposits) == len(list(world.venue.transfers(number, "deposit")))
    left = [row for row in world.venue.entries(number) if row.type == "withdrawal"]
    found = [row for row in answer if row.direction == "withdrawal"]
    assert sorted((row.asset, row.amount) for row in found) == sorted((row.asset, -row.total_delta) for row in left)
    assert len(found) > 0
    assert times(list(answer)) == sorted(times(list(answer)))
    assert {(hole.stream, hole.cause) for hole in answer.coverage} == {
        ("withdrawals", "forbidden"), ("margin_transfers", "forbidden"),
    }  # fmt: skip
    assert answer.complete_through_ns == answer.coverage[0].since_ns


# ── all dialects ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_every_dialect_says_of_an_account(spoken: Scene) -> None:
    account, number = spoken.account(), user(spoken)
    balances = run(account.balances())
    assert {(row.wallet, row.asset, row.total, row.used) for row in balances} == {
        (row.wallet, row.asset, row.total, row.held) for row in spoken.venue.balances(number)
    }
    fills = list(run(account.fills().all()))
    expected = list(spoken.venue.fills(number))
    assert sorted((f.instrument, f.side, f.price, f.amount, f.fee) for f in fills) == sorted(
        (row.instrument, row.side, row.price, row.amount, row.fee) for row in expected
    )
    assert times(fills) == sorted(times(fills))
    orders = run(account.orders().all())
    rows = list(spoken.venue.orders(number))
    wanted = rows[-100:] if spoken.exchange.dialect == "d26" else rows
    assert [row.native_id for row in orders] == [str(row.id) for row in wanted]


def test_public_questions_in_every_dialect(spoken: Scene) -> None:
    account = spoken.account()
    assert {row.asset for row in run(account.currencies())} >= {"BTC", "USDT", "DAI"}
    assert "BTC/USDT" in {row.instrument for row in run(account.instruments())}
    (one,) = run(account.ticker("BTC/USDT"))
    assert one.instrument == "BTC/USDT"
    assert len(run(account.ticker())) == len(run(account.instruments()))
    (book,) = run(account.order_book("BTC/USDT", levels=2))
    assert len(book.bids) == len(book.asks) == 2
    assert book.bids[0][0] < book.asks[0][0]
    assert len(run(account.public_trades("BTC/USDT", limit=1))) == 1
    assert run(account.fees())[0].taker_rate == Decimal("0.002")
    assert run(account.sub_accounts())[0].native_id == str(user(spoken))


def test_candles_of_more_than_one_answer(spoken: Scene) -> None:
    end_ns = START_NS
    start_ns = end_ns - 3 * DAY_NS + SECOND_NS
    rows = spoken.venue.candles("BTC/USDT", 60, since_ns=start_ns, until_ns=end_ns)
    found = run(spoken.account().candles("BTC/USDT", 60, start=start_ns, end=end_ns))
    assert [(row.effective_ns, row.close, row.volume) for row in found] == [
        (row.start_ns, row.close, row.volume) for row in rows
    ]
    assert found.pages == 9, "4,320 minutes in answers of at most 500 candles"
    assert len(run(spoken.account().candles("BTC/USDT", 86_400))) >= 1


def test_the_exchanges_clock(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0, dialect="d26") as world:
        told = run(world.account().server_time())
        assert 0 <= world.clock.now_ns() - (told.effective_ns or 0) < 2 * SECOND_NS
    with scene(tmp_path, rows=0, dialect="d23") as world, pytest.raises(errors.NotSupported):
        run(world.account().server_time())


def test_histories_in_order_where_windows_come_newest_first(tmp_path: Path) -> None:
    """2026 pages a window from its newest row back, a hundred at a time."""
    with scene(tmp_path, dialect="d26", rows=260, months=1) as world:
        fills = list(run(world.account().fills().all()))
        assert len(fills) == len(list(world.venue.fills(user(world)))) > 200
        assert times(fills) == sorted(times(fills))


def test_only_the_newest_orders_are_said_to_be_complete(tmp_path: Path) -> None:
    with scene(tmp_path, dialect="d26", rows=120) as world:
        answer = run(world.account().orders().all())
        assert len(answer) == 100
        assert len(list(world.venue.orders(user(world)))) > 100
        (hole,) = answer.coverage
        assert (hole.status, hole.cause) == ("unavailable", "retention")
        assert hole.until_ns > answer[0].effective_ns  # type: ignore[operator]


# ── wrong questions ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda a: a.fills("2026-03-02", "2026-03-01"), "start"),
        (lambda a: a.fills(datetime(2026, 3, 1)), "start"),  # noqa: DTZ001 - that is the point
        (lambda a: a.orders(end="yesterday"), "end"),
        (lambda a: a.entries(start="2026-13-01"), "start"),
        (lambda a: a.transfers(start=1.5), "start"),
        (lambda a: a.fills(start=True), "start"),
        (lambda a: a.fills(start=-1), "start"),
    ],
)  # fmt: skip
def test_a_bad_interval_is_refused_at_once(world: Scene, call: Callable[[AsyncAccount], Any], field: str) -> None:
    with pytest.raises(errors.BadValue, match=field):
        call(world.account())
    assert not world.wire.requests


@pytest.mark.parametrize(
    "amount", [0.1, 1.0, True, None, b"1", "1,000", "1e400", "NaN", "Infinity", "1_000", "", "1" * 40]
)
def test_an_amount_that_is_none_is_refused(world: Scene, amount: Any) -> None:
    account = world.account("withdrawer", allow=("trade", "withdraw"))
    with pytest.raises(errors.BadValue, match="amount"):
        run(account.withdraw(1, amount, attributes={}))
    if amount is not None:  # an order may be funded in quote units instead
        with pytest.raises(errors.BadValue, match="amount"):
            run(account.place("BTC/USDT", "buy", amount=amount, price=1))
    assert not world.wire.requests


@pytest.mark.parametrize("amount", [Decimal("0.10"), "0.10", "1E-1", Decimal("1E-1")])
def test_amounts_may_be_decimals_or_text(world: Scene, amount: Any) -> None:
    order = run(world.account(allow=("trade",)).place("BTC/USDT", "buy", amount=amount, price="100"))
    assert order.amount == Decimal("0.1")


@pytest.mark.parametrize("field", ["side", "type", "time_in_force", "stop_operator"])
def test_a_word_that_is_none_of_its_kind_is_refused_at_once(world: Scene, field: str) -> None:
    asked: dict[str, Any] = {"side": "buy", "amount": "1", "price": "1", field: "up"}
    with pytest.raises(errors.BadValue, match=f"{field} is 'up', expected one of "):
        run(world.account(allow=("trade",)).place("BTC/USDT", **asked))
    assert not world.wire.requests


def test_grants_are_asked_for_before_anything_is_sent(world: Scene) -> None:
    account = world.account("withdrawer")
    calls: list[tuple[Any, str]] = [
        (lambda: account.place("BTC/USDT", "buy", amount=1, price=1), "trade"),
        (lambda: account.cancel(1), "trade"),
        (account.cancel_all, "trade"),
        (lambda: account.withdraw(1, 1, attributes={}), "withdraw"),
    ]
    for call, grant in calls:
        with pytest.raises(errors.NotGranted, match=grant) as caught:
            run(call())
        assert caught.value.hint == f"open it with allow=['{grant}']"
    assert not world.wire.requests


def test_a_key_without_the_permission(world: Scene) -> None:
    with pytest.raises(errors.Forbidden, match="trade") as caught:
        run(world.account("reader", allow=("trade",)).place("BTC/USDT", "buy", amount=1, price=1))
    assert caught.value.happened == "no"
    with pytest.raises(errors.Forbidden, match="withdraw"):
        run(world.account().withdraw_methods("BTC"))


def test_what_an_exchange_does_not_have(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0, dialect="d26") as world:
        account = world.account()
        with pytest.raises(errors.NotSupported, match=r"ALP\.COM has no entries"):
            account.entries()
        with pytest.raises(errors.NotSupported, match=r"ALP\.COM has no withdraw_methods"):
            run(account.withdraw_methods("BTC"))
        assert "entries" not in account.capabilities
        assert not world.wire.requests


def test_an_order_id_is_a_number(world: Scene) -> None:
    with pytest.raises(errors.BadValue, match="order_id is 'first'"):
        run(world.account(allow=("trade",)).cancel("first"))


# ── failures on the way ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_history_fails_rather_than_leave_out(world: Scene) -> None:
    whole = run(world.account().fills().all())
    faults = world.strike(struck(Kind.HTML, 250, routes=("account_trades",)))
    with pytest.raises(errors.Undecodable):
        run(world.account().fills().all())
    assert faults.fired[Kind.HTML] == 1
    assert len(run(world.account().fills().all())) == len(whole)


def test_two_questions_at_once_sign_in_once(world: Scene) -> None:
    account = world.account()

    async def both() -> None:
        await asyncio.gather(account.balances(), account.fees(), account.fills(START_NS - DAY_NS).all())

    run(both())
    assert world.wire.count("/auth") == 1


def test_what_an_account_is(world: Scene) -> None:
    account = world.account(allow=("trade",))
    assert (account.exchange, account.name, account.grants) == ("alp", str(user(world)), {"trade"})
    assert {"order", "open_orders", "place"} <= account.capabilities
    answer = run(account.balances())
    assert answer.reader == f"alp/{world.exchange.reader}"
    assert format_time(answer.complete_through_ns or 0, 0) == format_time(world.wire.times_ns[-1], 0)
    assert all(one.observed_ns <= two.observed_ns for one, two in itertools.pairwise(answer))
