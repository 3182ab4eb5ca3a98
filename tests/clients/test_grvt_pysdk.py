"""Shows that GRVT's own client, grvt-pysdk 0.2.1, unmodified and with only its addresses set, runs against our paper
server: the raw class, synchronous and asynchronous, the ccxt-style one and its sockets read what the venue holds, and
what they do is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clients.grvt_run import BTC, Run, drive
from clients.install import GRVT

pytestmark = pytest.mark.skipif(
    not GRVT.done.exists(), reason=f"{GRVT.package} is not set up: run `make clients` with Python 3.10 or later"
)
CODE = "BTC_USDT_Perp"


def run_of(folder: Path, driver: str) -> Iterator[Run]:
    host, run = asyncio.run(drive(folder, str(GRVT.python), Path(__file__).with_name(driver)))
    yield run
    host.close()


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    yield from run_of(tmp_path_factory.mktemp("grvt"), "grvt_driver.py")


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    yield from run_of(tmp_path_factory.mktemp("grvt_feed"), "grvt_feed_driver.py")


def said(run: Run, name: str) -> Any:
    """The members of an answer, whatever the client calls its class."""
    (members,) = run.answers[name].values()
    return members


def rows(run: Run, name: str) -> list[Any]:
    return [next(iter(each.values())) for each in said(run, name)["result"]]


def code(run: Run, name: str) -> int:
    assert set(run.answers[name]) == {"GrvtError"}, run.answers[name]
    return run.answers[name]["GrvtError"]["code"]


def order(run: Run, client_id: str) -> Any:
    (found,) = [each for each in run.venue.orders(run.user) if each.client_id == client_id]
    return found


@pytest.mark.parametrize("how", ["raw", "async"])
def test_what_it_reads_is_what_the_venue_holds(sdk: Run, how: str) -> None:
    venue, user = sdk.venue, sdk.user
    fills = list(venue.fills(user))
    shown = rows(sdk, f"{how} fill_history_v1")
    assert len(shown) == 10
    for row in shown:
        (fill,) = [each for each in fills if f"{each.id}-1" == row["trade_id"]]
        assert (Decimal(row["price"]), Decimal(row["size"]), Decimal(row["fee"])) == (fill.price, fill.amount, fill.fee)
        assert row["is_buyer"] == (fill.side == "buy")
    paid = {str(each.id): each for each in venue.funding(user)}
    funding = rows(sdk, f"{how} funding_payment_history_v1")
    assert funding
    assert all(Decimal(row["amount"]) == -paid[row["tx_id"]].amount for row in funding)
    positions = rows(sdk, f"{how} positions_v1")
    assert {row["instrument"] for row in positions} >= {CODE}
    for row in positions:
        size, mark, entry = (Decimal(row[name]) for name in ("size", "mark_price", "entry_price"))
        near = abs((mark - entry) * size - Decimal(row["unrealized_pnl"]))
        assert near <= abs(size) * Decimal("1e-9") + Decimal("1e-6")
        assert Decimal(row["notional"]) == (mark * size).quantize(Decimal("1e-6"), "ROUND_DOWN")
    moves = {str(each.id): each for each in venue.moves(user)}
    transfers = rows(sdk, f"{how} transfer_history_v1")
    assert transfers
    assert all(Decimal(row["num_tokens"]) == moves[row["tx_id"]].amount for row in transfers)
    assert rows(sdk, f"{how} deposit_history_v1")
    assert rows(sdk, f"{how} withdrawal_history_v1")
    assert said(sdk, f"{how} get_all_instruments_v1")["result"][0]["Instrument"]["instrument_hash"] == "0x030501"
    assert rows(sdk, f"{how} candlestick_v1")
    assert len(rows(sdk, f"{how} trade_v1")) == len(rows(sdk, f"{how} trade_history_v1")) == 5
    assert said(sdk, f"{how} orderbook_levels_v1")["result"]["OrderbookLevels"]["bids"]


def test_snapshots_are_paged_backwards_by_the_cursor_alone(sdk: Run) -> None:
    first, after = rows(sdk, "raw sub_account_history_v1"), rows(sdk, "raw next page")
    times = [int(row["event_time"]) for row in first + after]
    assert len(first) == 3
    assert after
    kept = sorted((each.time_ns for each in sdk.venue.snapshots(sdk.user)), reverse=True)
    assert times == kept[: len(times)]
    assert all(time_ns % (3_600 * 10**9) == 0 for time_ns in times)


def test_the_summary_adds_up(sdk: Run) -> None:
    row = said(sdk, "raw sub_account_summary_v1")["result"]["SubAccount"]
    balances = [each["SpotBalance"] for each in row["spot_balances"]]
    worth = sum(Decimal(each["balance"]) * Decimal(each["index_price"]) for each in balances)
    equity, unrealized = Decimal(row["total_equity"]), Decimal(row["unrealized_pnl"])
    assert equity == worth / Decimal(row["settle_index_price"]) + unrealized
    available = equity - Decimal(row["initial_margin"]) - min(unrealized, Decimal(0))
    assert Decimal(row["available_balance"]) == available


def test_an_order_rests_is_seen_and_canceled(sdk: Run) -> None:
    placed = said(sdk, "raw place")["result"]["Order"]
    assert (placed["order_id"], placed["state"]["OrderState"]["status"]) == ("0x00", "PENDING")
    seen = said(sdk, "raw order")["result"]["Order"]
    assert seen["state"]["OrderState"]["status"] == "OPEN"
    assert seen["order_id"] in [row["order_id"] for row in rows(sdk, "raw open")]
    assert code(sdk, "raw place again") == 2012
    assert said(sdk, "raw cancel")["result"]["Ack"]["ack"] is True
    assert said(sdk, "raw canceled")["result"]["Order"]["state"]["OrderState"]["status"] == "CANCELLED"
    assert order(sdk, "9223372036854775901").status == "canceled"
    assert rows(sdk, "raw open none") == []


def test_orders_fill(sdk: Run) -> None:
    for name, client_id in (("raw taken", "902"), ("raw marketed", "903"), ("async taken", "912")):
        shown = said(sdk, name)["result"]["Order"]["state"]["OrderState"]
        found = order(sdk, f"9223372036854775{client_id}")
        assert (shown["status"], found.status) == ("FILLED", "filled")
        assert Decimal(shown["traded_size"][0]) == found.filled > 0
        average = found.cost / found.filled
        assert abs(Decimal(shown["avg_fill_price"][0]) - average) < Decimal("1e-9")
    assert order(sdk, "9223372036854775911").status == "canceled"


def test_a_stop_waits_and_what_would_take_is_rejected(sdk: Run) -> None:
    trigger = said(sdk, "raw stop waits")["result"]["Order"]["metadata"]["OrderMetadata"]["trigger"]
    assert trigger["TriggerOrderMetadata"]["trigger_type"] == "STOP_LOSS"
    stop = order(sdk, "9223372036854775904")
    assert (stop.type, stop.stop_operator, stop.trigger) == ("stop_market", "lte", "mark")
    state = said(sdk, "raw post only")["result"]["Order"]["state"]["OrderState"]
    assert (state["status"], state["reject_reason"]) == ("REJECTED", "FAIL_POST_ONLY")


def test_what_is_refused_has_its_code(sdk: Run) -> None:
    codes = {
        "raw wrong key": 1000, "raw another's": 1001, "raw forged": 2002, "raw too fine": 2065, "raw too small": 2066,
    }  # fmt: skip
    assert {name: code(sdk, name) for name in codes} == codes
    assert not [each for each in sdk.venue.orders(sdk.user) if each.client_id == "9223372036854775906"]


def test_the_ccxt_style_class(sdk: Run) -> None:
    answers = sdk.answers
    assert answers["styled markets"] == ["BTC_USDT_Perp", "ETH_USDT_Perp", "SOL_USDT_Perp"]
    assert Decimal(answers["styled balance"]["USDT"]["total"]) > 0
    assert 0 < len(answers["styled my trades"]["result"]) <= 5
    kept = list(sdk.venue.snapshots(sdk.user, since_ns=sdk.venue.now_ns() - 30 * 86_400 * 10**9))
    assert 2 < len(answers["styled history"]["result"]) == len(kept), "it sends its limit, 2, with a bitwise or"
    assert (answers["styled cancel"], answers["styled cancel all"]) == (True, True)
    assert [row["metadata"]["client_order_id"] for row in answers["styled open"]] == ["77"]
    assert answers["styled order"]["result"]["state"]["status"] == "FILLED"
    assert order(sdk, "77").status == "canceled"
    assert order(sdk, "78").filled == Decimal("0.01")
    assert len(answers["styled orders"]["result"]) == 3


def test_its_sockets_follow_account_and_market(feed: Run) -> None:
    heard = feed.answers
    counted = {"mini.s", "mini.d", "ticker.s", "ticker.d", "book.s", "book.d", "trade", "candle", "order", "fill"}
    assert counted <= set(heard)
    for name, frames in heard.items():
        numbers = [(int(each["prev_sequence_number"]), int(each["sequence_number"])) for each in frames]
        live = [pair for pair in numbers if pair[1]]
        assert numbers[: len(numbers) - len(live)] == [(0, 0)] * (len(numbers) - len(live)), name
        assert [after for _, after in live] == [before + 1 for before, _ in live]
        assert [before for before, _ in live[1:]] == [after for _, after in live[:-1]]
    mine = [each["feed"] for each in heard["order"] if each["feed"]["metadata"]["client_order_id"] == "502"]
    assert mine[-1]["state"]["status"] == "FILLED"
    assert mine[-1] in [each["feed"] for each in heard["rpc order"]]
    fill = heard["fill"][-1]["feed"]
    assert fill["order_id"] == mine[-1]["order_id"]
    states = [
        each["feed"]["order_state"]["status"] for each in heard["state"] if each["feed"]["client_order_id"] == "501"
    ]
    assert states == ["OPEN", "CANCELLED"]
    (position,) = [row for row in feed.venue.positions(feed.user) if row.instrument == BTC]
    assert Decimal(heard["position"][-1]["feed"]["size"]) == position.size
