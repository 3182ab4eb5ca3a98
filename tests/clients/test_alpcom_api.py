"""Shows that the exchange's own client, alpcom-api 1.0.1 from the package index, unmodified and with only its URL
set, runs against our paper server: every method, each answer compared with what the venue holds.
"""

from __future__ import annotations

from typing import Any

import pytest

from clients.alpcom_run import Run, recent, wallet, when
from clients.install import ALPCOM
from conformance.real_venue import DAY, SECOND
from nostro.exchanges import exchange
from nostro.link.view import VenueOrder

pytestmark = pytest.mark.skipif(
    not ALPCOM.done.exists(), reason=f"{ALPCOM.package} is not set up: run `make clients` with Python 3.11 or 3.12"
)
SIDES = {"buy": "BID", "sell": "ASK"}
STATUSES = {
    "pending": "PENDING", "open": "OPEN", "partially_filled": "PARTIAL_FILLED", "filled": "FILLED",
    "canceled": "CANCELLED", "partially_canceled": "PARTIAL_CANCELLED", "expired": "EXPIRED",
}  # fmt: skip


# ── public ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_reference(run: Run) -> None:
    assert run.answers["currencies"] == [{"short_name": each.code, "sign": each.sign} for each in run.venue.assets()]
    pairs = [
        {
            "name": each.symbol, "currency1": each.base, "currency2": each.quote,
            "amount_precision": each.amount_digits, "price_precision": each.price_digits,
            "maximum_order_size": float(each.amount_max), "minimum_order_size": float(each.amount_min),
            "minimum_order_value": float(each.value_min),
        }
        for each in run.venue.instruments()
    ]  # fmt: skip
    assert run.answers["pairs"] == pairs
    assert run.answers["pairs of ETH"] == [row for row in pairs if row["name"] == "ETH/BTC"]
    assert run.answers["version"] == "v3"


def test_the_market(run: Run) -> None:
    ticker, truth = run.answers["ticker"], run.venue.ticker("BTC/USDT")
    assert ticker["pair"] == "BTC/USDT"
    assert (ticker["last"], ticker["buy"], ticker["sell"], ticker["vol"], ticker["high"], ticker["low"]) == tuple(
        float(each or 0) for each in (truth.last, truth.bid, truth.ask, truth.volume, truth.high, truth.low)
    )
    assert (ticker["last"], ticker["sell"]) == (63900.0, 64100.5)
    assert run.answers["ticker by id"]["last"] == ticker["last"]
    assert [row["pair"] for row in run.answers["tickers"]] == [each.symbol for each in run.venue.instruments()]
    assert [row["pair"] for row in run.answers["tickers cut"]] == ["ETH/USDT"]
    book = run.answers["orderbook whole"]
    for side, cut in (("buy", 5), ("sell", 1)):
        for name, grouped in (("orderbook whole", False), ("orderbook", True)):
            levels = run.venue.depth("BTC/USDT", side, levels=cut if grouped else None, grouped=grouped)  # type: ignore[arg-type]
            assert [(row["price"], row["amount"]) for row in run.answers[name][side]] == [
                (float(price), float(amount)) for price, amount in levels
            ]
    assert [row["price"] for row in book["sell"]] == [64100.5, 69000.0, 70000.0]
    assert len(book["buy"]) > len(run.answers["orderbook"]["buy"]), "orders of one price are one row"
    assert run.answers["orderbook of nothing"][0] == "ApiFormError"
    assert list(run.answers["orderbook of nothing"][1]) == ["pair"]
    trades = run.answers["trades of all"]
    assert [(row["id"], row["price"], row["amount"], row["type"]) for row in trades] == [
        (row.id, float(row.price), float(row.amount), row.side) for row in run.venue.trades(None, limit=100, offset=0)
    ]
    assert len(trades) >= 6
    assert run.answers["trades"] == [row for row in trades if row["pair"] == "BTC/USDT"][1:4]


@pytest.mark.parametrize("minutes", [5, 15, 30, 60, 240, 1440])
def test_charts(run: Run, minutes: int) -> None:
    rows = run.answers[f"charts {minutes}"]
    since_ns = run.scene.end_ns - 10 * DAY
    until_ns = run.venue.now_ns() + 1
    truth = run.venue.candles("BTC/USDT", minutes * 60, since_ns=since_ns, until_ns=until_ns)
    assert rows == [
        {
            "open": float(row.open), "close": float(row.close), "high": float(row.high), "low": float(row.low),
            "volume": float(row.volume), "time": row.start_ns / SECOND,
        }
        for row in truth
    ]  # fmt: skip
    assert rows
    assert len(run.answers["charts cut"]) == 1


# ── signing in and errors ────────────────────────────────────────────────────────────────────────────────────────


def test_tokens(run: Run) -> None:
    assert run.answers["wrong secret"][0] == "AuthError"
    assert run.answers["token is kept"] is True
    assert run.answers["spoiled token"][0] == "AuthError"


def test_what_is_refused(run: Run) -> None:
    expected = {
        "place in isolated margin": "1012", "place too much": "1012", "place nothing": "1003", "place nowhere": "1001",
        "withdraw to nowhere": "1022", "transfer too much": "1012", "transfer of what it does not hold": "1014",
        "transfer nothing": "1003", "borrow beyond the limit": "1040", "borrow what nobody has": "1041",
        "borrow into spot": "1013", "borrow nothing known": "1002", "repay more than owed": "1042",
        "close again": "1043",
    }  # fmt: skip
    for name, code in expected.items():
        kind, body = run.answers[name]
        assert (kind, body["code"]) == ("ApiError", code), name
    for name in ("place by the reader", "withdraw by the reader", "withdrawals by the reader",
                 "withdraw methods by the reader", "transfer by the reader", "borrow by the reader",
                 "repay by the reader", "close by the reader", "loans by the reader", "transfer of another's",
                 "close another's", "master: another's"):  # fmt: skip
        assert run.answers[name] == ["HTTPError", 403], name
    for name, field in (("balances of nothing", "currency"), ("orders of nothing", "pair"),
                        ("account trades backwards", "end_time"), ("transfer without a pair", "pair"),
                        ("liquidations of nothing", "currency")):  # fmt: skip
        assert run.answers[name][0] == "ApiFormError", name
        assert list(run.answers[name][1]) == [field]


# ── trading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_orders_were_placed_as_asked(run: Run) -> None:
    orders = {row.id: row for row in run.venue.orders(run.user)}
    placed = {name: orders[answer] for name, answer in run.answers.items()
              if name.startswith("place ") and isinstance(answer, int)}  # fmt: skip
    assert len(placed) == 12

    def short(name: str) -> tuple[Any, ...]:
        row: VenueOrder = placed[name]
        return row.side, row.type, row.time_in_force, str(row.price), row.status, row.client_id

    assert short("place limit") == ("sell", "limit", "gtc", "70000.00", "canceled", "1")
    assert short("place limit again")[-2:] == ("canceled", "1")
    assert short("place ioc") == ("buy", "limit", "ioc", "1000.00", "canceled", "mine")
    assert short("place aon")[2:5] == ("aon", "1000.00", "canceled")
    assert short("place market")[:2] == ("buy", "market")
    assert str(placed["place market"].quote_amount) == "641.00000000"
    assert short("place market by base")[4] == "filled"
    assert short("place stop")[1] == "stop_limit"
    assert (str(placed["place stop"].stop_price), placed["place stop"].stop_operator) == ("50500.00", "lte")
    assert short("place what stays")[4] == "open"
    ioc = placed["place ioc"]
    assert (ioc.valid_till_ns, ioc.expire_after_ns) == (run.scene.end_ns + 2 * DAY, run.scene.end_ns + 3 * DAY)
    assert placed["place limit"].expire_after_ns is None


def test_orders_were_canceled_as_asked(run: Run) -> None:
    answers = run.answers
    assert answers["cancel"] == "CANCELLED"
    assert answers["cancel again"] == "order not found"
    assert answers["cancel some"] == {str(answers["place limit again"]): "CANCELLED", "999999": "order not found"}
    assert answers["cancel of a pair"] == {}
    assert answers["cancel all"][str(answers["place for the end"])] == "CANCELLED"
    assert set(answers["cancel all"].values()) == {"CANCELLED"}
    kept = [answers["place what stays"], answers["place and borrow"]]
    assert [row.id for row in run.venue.orders(run.user, open_only=True)] == kept


def test_a_withdrawal_was_requested(run: Run) -> None:
    assert run.answers["withdraw"] is True
    *_, last = run.venue.transfers(run.user, "withdrawal")
    assert (str(last.amount.normalize()), last.status, last.client_id) == ("25", "new", "w 1")


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_accounts_balances_and_fees(run: Run) -> None:
    account = {"id": run.user, "email": "trader@example.org", "name": "trader", "parent_id": None}
    assert run.answers["accounts"] == run.answers["accounts with subaccounts"] == [account]
    rows = run.answers["balances"]
    assert [
        (row["wallet_type"], row["currency"], row["balance"], row["reserve"], row["account_id"]) for row in rows
    ] == [(wallet(row), row.asset, float(row.total), float(row.held), run.user) for row in run.venue.balances(run.user)]
    assert run.answers["balances of one"] == [row for row in rows if row["currency"] == "BTC"]
    assert any(row["reserve"] for row in rows)
    (fee,) = run.answers["fees"]
    assert (fee["maker_fee_rate"], fee["taker_fee_rate"], fee["is_active"]) == (0.0015, 0.002, True)
    assert (fee["currency"], fee["pair"], len(fee["active_once"])) == (None, None, 2)


def test_orders(run: Run) -> None:
    truth = recent(run, run.venue.orders(run.user, symbol="BTC/USDT"), "placed_ns")
    rows = run.answers["orders"]
    assert len(rows) == len(truth) > 12
    for row, order in zip(rows, truth, strict=True):
        assert (row["id"], row["account_id"], row["pair"]) == (order.id, run.user, "BTC/USDT")
        assert (row["side"], row["status"], row["type"]) == (
            SIDES[order.side],
            STATUSES[order.status],
            order.type.upper(),
        )
        assert (row["amount"], row["amount_filled"]) == (float(order.amount), float(order.filled))
        assert (row["amount_canceled"], row["price"]) == (float(order.canceled), float(order.price or 0))
        assert (row["tif"], row["wallet_type"]) == (order.time_in_force.upper(), wallet(order))
        assert row["stop_price"] == (None if order.stop_price is None else float(order.stop_price))
        assert (when(row["date"]), when(row["updated_at"])) == (order.placed_ns // 1000, order.updated_ns // 1000)
        assert (row["done_at"] is None) == (order.done_ns is None)
        ends = [end for end in (order.valid_till_ns, order.expire_after_ns) if end]
        assert (when(row["expire_after"]) if row["expire_after"] else None) == (min(ends) // 1000 if ends else None)
    assert {row["wallet_type"] for row in rows} == {"SPOT", "CROSS_MARGIN", "ISOLATED_MARGIN"}
    assert [row["id"] for row in run.answers["orders open"]] == [
        run.answers["place what stays"],
        run.answers["place and borrow"],
    ]
    assert run.answers["orders sold"] == [row for row in rows if row["side"] == "ASK"]
    assert [row["id"] for row in run.answers["orders before"]] == [
        order.id for order in run.venue.orders(run.user) if order.placed_ns < run.scene.end_ns - 30 * DAY
    ]
    assert run.answers["orders before"]
    assert [row["id"] for row in run.answers["orders of another"]] == [
        order.id for order in recent(run, run.venue.orders(run.user, symbol="ETH/USDT"), "placed_ns")
    ]


def test_trades(run: Run) -> None:
    truth = recent(run, run.venue.fills(run.user, symbol="BTC/USDT"))
    rows = run.answers["account trades"]
    assert len(rows) == len(truth) >= 6
    for row, fill in zip(rows, truth, strict=True):
        assert (row["price"], row["amount"], row["account_id"]) == (float(fill.price), float(fill.amount), run.user)
        assert (row["fee_amount"], row["fee_currency"]) == (float(fill.fee), fill.fee_asset)
        assert (row["fee_rate"], row["is_maker"]) == (float(fill.fee_rate), fill.maker)
        assert (row["status"], row["amount_unfilled"]) == (STATUSES[fill.order_status], float(fill.order_unfilled))
        assert (row["type"], row["currency"]) == (fill.order_type.upper(), "USDT")
        assert (when(row["date"]), row["wallet_type"]) == (fill.time_ns // 1000, wallet(fill))
    assert len(run.answers["account trades bought"]) == len([fill for fill in truth if fill.side == "buy"])
    assert len(run.answers["account trades before"]) == 1


def test_history(run: Run) -> None:
    truth = recent(run, run.venue.entries(run.user, asset="USDT"))
    rows = run.answers["history"]
    assert len(rows) == len(truth) >= 10
    for row, entry in zip(rows, truth, strict=True):
        assert (row["id"], row["wallet_id"], row["type"]) == (entry.id, entry.wallet_id, entry.type.upper())
        assert (row["balance"], row["balance_delta"]) == (float(entry.total), float(entry.total_delta))
        assert row["balance_end"] == float(entry.total + entry.total_delta)
        assert (row["reserve"], row["reserve_delta"]) == (float(entry.held), float(entry.held_delta))
        assert row["reserve_end"] == float(entry.held + entry.held_delta)
        assert when(row["date"]) == entry.time_ns // 1000
    assert [row["type"] for row in run.answers["history before"]][:3] == ["DEPOSIT", "HOLD", "TRADE"]


def test_deposits_and_withdrawals(run: Run) -> None:
    (method,) = run.answers["deposit methods"]
    truth = run.venue.deposit_methods("USDT")[0]
    assert (method["network"], method["confirmations"]) == (truth.network, truth.confirmations)
    assert [(each["key"], each["value"]) for each in method["attributes"]] == list(truth.attributes)
    deposits = recent(run, run.venue.transfers(run.user, "deposit"))
    assert [(row["id"], row["amount"], row["status"], row["tx_hash"]) for row in run.answers["deposits"]] == [
        (row.id, float(row.amount), row.status.upper(), row.tx_hash) for row in deposits
    ]
    assert len(deposits) == 2
    assert run.answers["deposits of one"] == []
    methods = run.answers["withdraw methods"]
    assert [(row["id"], row["fee_amount"], row["is_enabled"]) for row in methods] == [
        (each.id, float(each.fee), each.enabled) for each in run.venue.withdraw_methods("USDT")
    ]
    assert [(each["field"], each["regex"]) for each in methods[0]["attributes"]] == list(
        run.venue.withdraw_methods("USDT")[0].attributes
    )
    withdrawals = recent(run, run.venue.transfers(run.user, "withdrawal"))
    assert [(row["id"], row["amount"], row["fee_amount"], row["status"]) for row in run.answers["withdrawals"]] == [
        (row.id, float(row.amount), float(row.fee), row.status.upper()) for row in withdrawals
    ]
    assert {row["status"] for row in run.answers["withdrawals"]} == {"DONE", "REFUSED", "CONFIRMED", "NEW"}


def test_every_route_of_the_client_was_called(run: Run) -> None:
    """Every route but those that only the documents of 2026 have."""
    called = {(request.method, request.path.removeprefix("/api/v3/")) for request in run.seen}
    spot = {(route.method, route.path) for route in exchange("alp").routes}
    assert spot - called == {("GET", "time"), ("GET", "currency-rates")}
    assert called <= spot
    agents = {request.headers["User-Agent"].split("/")[0] for request in run.seen}
    assert agents == {"python-requests", "python-urllib3"}
