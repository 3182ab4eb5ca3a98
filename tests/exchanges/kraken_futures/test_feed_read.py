"""Shows what each frame of Kraken Futures' WebSocket means: the samples of its pages, captures of its wire, and frames
written by hand from their members; that a gap in their numbers is seen, and that what is no frame changes nothing.

The sample of account balances and margins is the page's own, without the comma that makes it no JSON.
Source of the others: the documentation's samples and ccxt 4.5.90's comments, which quote frames as they came.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from nostro.domain import records
from nostro.errors import Undecodable
from nostro.exchanges.kraken_futures.feed_read import read
from nostro.link.frames import Acknowledged, BookChange, Challenged, Complaint, News, Unread, Welcome

ACCOUNT = "e258dba9-4dd4-4da5-bfef-75beb91c098e"
SEED = b"""{ "feed": "account_balances_and_margins", "account": "e258dba9-4dd4-4da5-bfef-75beb91c098e",
"margin_accounts": [ { "name": "xbt", "balance": 0, "pnl": 0, "funding": 0, "pv": 0, "am": 0, "im": 0, "mm": 0 },
{ "name": "f-xbt:usd", "balance": 9.99730211055, "pnl": -0.00006034858674327812, "funding": 0,
"pv": 9.997241761963258, "am": 9.99666885201038, "im": 0.0005729099528781564, "mm": 0.0002864549764390782 } ],
"seq": 14 }"""


def news(frame: Any) -> News:
    meaning = read(frame if isinstance(frame, bytes) else json.dumps(frame).encode())
    assert isinstance(meaning, News)
    return meaning


def one(frame: Any) -> Any:
    (item,) = news(frame).items
    return item


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("frame", "meaning"),
    [
        ({"event": "info", "version": 1}, Welcome()),
        ({"event": "challenge", "message": "226aee50-88fc"}, Challenged("226aee50-88fc")),
        ({"event": "subscribed", "feed": "balances"}, Acknowledged("subscribe", ("balances",))),
        (
            {"event": "subscribed", "feed": "ticker", "product_ids": ["PI_XBTUSD", "PF_XBTUSD"]},
            Acknowledged("subscribe", ("ticker:PI_XBTUSD", "ticker:PF_XBTUSD")),
        ),
        ({"event": "unsubscribed", "feed": "fills", "product_ids": None}, Acknowledged("unsubscribe", ("fills",))),
        ({"event": "error", "message": "Invalid product id"}, Complaint("Invalid product id")),
        (
            {"event": "alert", "message": "Failed to subscribe to authenticated feed"},
            Complaint("Failed to subscribe to authenticated feed", "sign_in"),
        ),
        (
            {"event": "subscribed_failed", "feed": "balances"},
            Complaint("subscribed_failed: balances", "subscribe"),
        ),
        ({"event": "pong"}, Unread("pong")),
        ({"feed": "deposits_withdrawals", "x": 1}, Unread("deposits_withdrawals")),
        ({"feed": "heartbeat", "time": 1534262350627}, News(())),
        ({"feed": "notifications_auth", "notifications": []}, News(())),
        ({"feed": "notifications_auth", "notifications": [{"id": 5, "type": "market"}]}, Unread("notifications_auth")),
    ],
)  # fmt: skip
def test_events_mean_what_their_page_says(frame: Any, meaning: Any) -> None:
    assert read(json.dumps(frame).encode()) == meaning


# ── collateral ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_sample_of_account_balances_and_margins() -> None:
    said = news(SEED)
    assert (said.series, said.number, said.begins) == ("account_balances_and_margins", 14, False)
    cash, balance, summary = said.items
    assert cash == records.Balance(wallet="spot", asset="BTC", total=Decimal(0))
    assert balance == records.Balance(offset=1, wallet="futures:BTC/USD", asset="BTC", total=Decimal("9.99730211055"))
    assert summary == records.MarginSummary(
        offset=2, scope="margin_account", wallet="futures:BTC/USD", currency="BTC", instrument="BTC/USD",
        balance=Decimal("9.99730211055"), unrealized_pnl=Decimal("-0.00006034858674327812"),
        unrealized_funding=Decimal(0), equity=Decimal("9.997241761963258"), available=Decimal("9.99666885201038"),
        initial_margin=Decimal("0.0005729099528781564"), maintenance_margin=Decimal("0.0002864549764390782"),
    )  # fmt: skip
    first = news(SEED.replace(b'"seq": 14', b'"seq": 0'))
    assert first.begins


FUTURES = {
    "F-XBT:USD": {
        "name": "F-XBT:USD", "pair": "XBT/USD", "unit": "XBT", "portfolio_value": 0.1219368845,
        "balance": 0.1219368845, "maintenance_margin": 0.0, "initial_margin": 0.0, "available": 0.1219368845,
        "unrealized_funding": 0.0, "pnl": 0.0,
    }
}  # fmt: skip
CROSS = {
    "balance_value": 9963.66, "portfolio_value": 9963.66, "collateral_value": 9963.66, "initial_margin": 3.5,
    "initial_margin_without_orders": 1.25, "maintenance_margin": 0.5, "pnl": 0.0, "unrealized_funding": 0.0,
    "total_unrealized": 0.0, "total_unrealized_as_margin": 0.0, "margin_equity": 9963.66, "available_margin": 9960.16,
}  # fmt: skip
FLEX = CROSS | {
    "currencies": {
        "USDT": {"quantity": 4997.5, "value": 4992.5, "collateral_value": 4800.25, "available": 4700.5,
                 "haircut": 0.04, "conversion_spread": 0.01},
    },
    "isolated": {
        "PF_XBTUSD": {"initial_margin": 2.0, "initial_margin_without_orders": 2.0, "maintenance_margin": 1.0,
                      "pnl": -0.5, "unrealized_funding": 0.0, "total_unrealized": -0.5,
                      "total_unrealized_as_margin": -0.5},
    },
    "cross": CROSS | {"effective_leverage": 0.25},
}  # fmt: skip


def test_a_snapshot_of_balances_has_three_sections_and_begins_a_series() -> None:
    said = news(
        {"feed": "balances_snapshot", "account": ACCOUNT, "holding": {"USDT": 4997.5012493753, "XBT": 0.1285407184},
         "futures": FUTURES, "flex_futures": FLEX, "timestamp": 1640995200000, "seq": 0}
    )  # fmt: skip
    assert (said.series, said.number, said.begins) == ("balances", 0, True)
    balances = [(fact.wallet, fact.asset, fact.total) for fact in said.items if isinstance(fact, records.Balance)]
    assert balances == [
        ("spot", "USDT", Decimal("4997.5012493753")), ("spot", "BTC", Decimal("0.1285407184")),
        ("futures:BTC/USD", "BTC", Decimal("0.1219368845")), ("futures", "USDT", Decimal("4997.5")),
    ]  # fmt: skip
    summaries = [fact for fact in said.items if isinstance(fact, records.MarginSummary)]
    assert [(each.scope, each.wallet, each.currency) for each in summaries] == [
        ("margin_account", "futures:BTC/USD", "BTC"), ("account", "futures", "USD"), ("cross", "futures", "USD"),
        ("isolated", "isolated_margin:BTC/USD:USD", "USD"),
    ]  # fmt: skip
    assert [each.instrument for each in summaries] == ["BTC/USD", None, None, "BTC/USD:USD"]
    cross = summaries[2]
    assert (cross.initial_margin, cross.order_margin, cross.leverage) == (
        Decimal("3.5"),
        Decimal("2.25"),
        Decimal("0.25"),
    )
    assert (cross.available, cross.margin_balance) == (Decimal("9960.16"), Decimal("9963.66"))
    assert {fact.effective_ns for fact in said.items if not isinstance(fact, BookChange)} == {1640995200 * 10**9}
    assert [fact.offset for fact in said.items] == list(range(len(said.items)))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sections", "wallets"),
    [
        ({"holding": {"USD": 5000.0}, "futures": {}}, ["spot"]),
        ({"holding": {}, "futures": FUTURES}, ["futures:BTC/USD"] * 2),
        ({"flex_futures": {name: value for name, value in FLEX.items() if name not in ("isolated", "cross")}},
         ["futures"] * 2),
    ],
)  # fmt: skip
def test_a_later_frame_of_balances_has_the_sections_that_changed(sections: Any, wallets: list[str]) -> None:
    said = news({"feed": "balances", "account": ACCOUNT, "timestamp": 1640995200000, "seq": 83} | sections)
    assert (said.series, said.number, said.begins) == ("balances", 83, False)
    assert [fact.wallet for fact in said.items] == wallets  # type: ignore[union-attr]
    assert [fact.scope for fact in said.items if isinstance(fact, records.MarginSummary)] in (
        [], ["margin_account"], ["account"],
    )  # fmt: skip


# ── positions, orders, fills ─────────────────────────────────────────────────────────────────────────────────────

POSITION = {
    "instrument": "PF_LTCUSD", "balance": 0.5, "pnl": -0.8628305877699987, "entry_price": 70.53,
    "mark_price": 68.80433882446, "index_price": 68.8091, "liquidation_threshold": 0,
    "effective_leverage": 0.007028866753648637, "return_on_equity": -1.2233525985679834,
    "unrealized_funding": 0.0000690610530935388, "initial_margin": 0.7053, "initial_margin_with_orders": 0.7053,
    "maintenance_margin": 0.35265, "pnl_currency": "USD",
}  # fmt: skip


def test_a_list_of_positions() -> None:
    short = POSITION | {"instrument": "PI_XBTUSD", "balance": -100, "liquidation_threshold": 71234.5}
    del short["pnl_currency"]
    said = news(
        {"feed": "open_positions", "account": ACCOUNT, "positions": [POSITION, short], "seq": 3,
         "timestamp": 1698608414910}
    )  # fmt: skip
    assert (said.series, said.number, said.begins) == ("open_positions", 3, False)
    first, second = said.items
    assert isinstance(first, records.Position)
    assert isinstance(second, records.Position)
    assert (first.instrument, first.wallet, first.size, first.currency) == (
        "LTC/USD:USD", "futures", Decimal("0.5"), "USD",
    )  # fmt: skip
    assert first.unrealized_pnl == Decimal("-0.8628305877699987")
    assert first.extra["return_on_equity"] == "-1.2233525985679834"
    assert (first.effective_ns, first.liquidation_price) == (1698608414910 * 10**6, None)
    assert (second.size, second.currency, second.wallet) == (Decimal(-100), "BTC", "futures:BTC/USD")
    assert second.liquidation_price == Decimal("71234.5")
    assert first.extra["effective_leverage"] == "0.007028866753648637"
    flat = news({"feed": "open_positions", "account": ACCOUNT, "positions": [], "seq": 0})
    assert (flat.items, flat.begins) == ((), True)


ORDER = {
    "instrument": "PI_XBTUSD", "time": 1567702877410, "last_update_time": 1567702877410, "qty": 304.0, "filled": 0.0,
    "limit_price": 10640.0, "stop_price": 0.0, "type": "limit", "order_id": "59302619-41d2-4f0b-941f-7e7914760ad3",
    "direction": 1, "reduce_only": True,
}  # fmt: skip


def changed(**members: Any) -> records.Order:
    found = one({"feed": "open_orders", "is_cancel": False, "reason": "new_placed_order_by_user"} | members)
    assert isinstance(found, records.Order)
    return found


def test_an_order_that_was_placed() -> None:
    order = changed(order=ORDER)
    assert (order.native_id, order.instrument, order.side, order.type) == (
        ORDER["order_id"], "BTC/USD:BTC", "sell", "limit",
    )  # fmt: skip
    assert (order.amount, order.filled, order.remaining, order.status) == (Decimal(304), 0, Decimal(304), "open")
    assert (order.price, order.stop_price, order.reduce_only) == (Decimal(10640), None, True)
    assert (order.effective_ns, order.updated_ns) == (1567702877410 * 10**6,) * 2
    assert order.extra == {"feed_reason": "new_placed_order_by_user"}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"order": ORDER | {"qty": 4.0, "filled": 300.0}, "reason": "partial_fill"}, ("partially_filled", 304, 4)),
        ({"order": ORDER | {"qty": 0.0, "filled": 0.0001}, "is_cancel": True, "reason": "full_fill"},
         ("filled", Decimal("0.0001"), 0)),
        ({"order": ORDER, "is_cancel": True, "reason": "post_order_failed_because_it_would_filled"},
         ("rejected", 304, 304)),
        ({"order": ORDER, "is_cancel": True, "reason": "post_order_failed_because_it_would_be_filled"},
         ("rejected", 304, 304)),
        ({"order_id": "ea8a7144", "is_cancel": True, "reason": "cancelled_by_user"}, ("canceled", None, None)),
        ({"order_id": "ea8a7144", "is_cancel": True, "reason": "full_fill"}, ("filled", None, None)),
        ({"order_id": "ea8a7144", "is_cancel": True, "reason": "contract_expired"}, ("expired", None, None)),
        ({"order_id": "ea8a7144", "is_cancel": True, "reason": "dead_man_switch"}, ("canceled", None, None)),
    ],
)  # fmt: skip
def test_that_an_order_is_gone_does_not_mean_that_it_was_canceled(members: Any, expected: Any) -> None:
    order = changed(**members)
    assert (order.status, order.amount, order.remaining) == expected


@pytest.mark.parametrize(
    ("kind", "direction", "limit", "expected"),
    [
        ("stop", 0, 0.0, ("stop_market", "gte")), ("stop", 1, 9000.0, ("stop_limit", "lte")),
        ("take_profit", 0, 0.0, ("stop_market", "lte")), ("take_profit", 1, 9000.0, ("stop_limit", "gte")),
    ],
)  # fmt: skip
def test_a_stop_waits_on_its_side(kind: str, direction: int, limit: float, expected: Any) -> None:
    stop = ORDER | {"type": kind, "direction": direction, "limit_price": limit, "stop_price": 9500.5,
                    "triggerSignal": "spot"}  # fmt: skip
    order = one({"feed": "open_orders_snapshot", "account": ACCOUNT, "orders": [stop]})
    assert (order.type, order.stop_operator) == expected
    assert (order.status, order.stop_price, order.trigger) == ("pending", Decimal("9500.5"), "index")


FILL = {
    "instrument": "FI_XBTUSD_200925", "time": 1600256910739, "price": 10937.5, "seq": 36, "buy": True, "qty": 5000.0,
    "order_id": "9e30258b-5a98-4002-968a-5b0e149bcfbf", "cli_ord_id": "8b58d9da-fcaf-4f60-91bc-9973a3eba48d",
    "fill_id": "cad76f07-814e-4dc6-8478-7867407b6bff", "fill_type": "maker", "fee_paid": -0.00009142857,
    "fee_currency": "BTC", "taker_order_type": "ioc", "order_type": "limit",
}  # fmt: skip


@pytest.mark.parametrize("whose", ["account", "username"])
def test_a_fill_of_a_maker_who_is_paid(whose: str) -> None:
    fill = one({"feed": "fills_snapshot", whose: "DemoUser", "fills": [FILL]})
    assert (fill.native_id, fill.instrument, fill.side) == (FILL["fill_id"], "BTC/USD:BTC-200925", "buy")
    assert (fill.price, fill.amount, fill.fee, fill.fee_asset) == (
        Decimal("10937.5"), Decimal(5000), Decimal("-0.00009142857"), "BTC",
    )  # fmt: skip
    assert (fill.maker, fill.liquidation, fill.order_id) == (True, False, FILL["order_id"])
    assert fill.extra["seq"] == "36"


def test_a_fill_of_a_liquidation_is_forced_and_takes() -> None:
    fill = one({"feed": "fills", "username": "DemoUser", "fills": [FILL | {"fill_type": "liquidation"}]})
    assert (fill.maker, fill.liquidation) == (False, True)


ENTRY = {
    "id": 1690, "date": "2019-07-11T08:00:00.000Z", "asset": "bch", "info": "funding rate change",
    "booking_uid": "86fdc252-1b6e-40ec-ac1d-c7bd46ddeebf", "margin_account": "f-bch:usd",
    "old_balance": 0.01215667051, "new_balance": 0.01215736653, "old_average_entry_price": 0.0,
    "new_average_entry_price": 0.0, "trade_price": 0.0, "mark_price": 0.0, "realized_pnl": 0.0, "fee": 0.0,
    "execution": "", "collateral": "bch", "funding_rate": -8.7002552653e-08, "realized_funding": 6.9602e-07,
}  # fmt: skip


def test_a_line_of_the_log_first_and_later() -> None:
    for frame in ({"feed": "account_log_snapshot", "logs": [ENTRY]}, {"feed": "account_log", "new_entry": ENTRY}):
        entry = one(frame)
        assert isinstance(entry, records.Entry)
        assert (entry.native_id, entry.asset, entry.wallet) == ("1690", "BCH", "futures:BCH/USD")
        assert (entry.amount, entry.after) == (Decimal("0.00000069602"), Decimal("0.01215736653"))


# ── markets ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_tickers_trades_and_books() -> None:
    ticker = one({"feed": "ticker", "product_id": "PI_XBTUSD", "time": 1680811086487, "bid": 28060, "ask": 28070,
                  "volume": 19628180, "last": 28053.5, "funding_rate": 7.792297e-12, "markPrice": 28064.92082724592,
                  "change": -0.7710945651981715, "dtm": 0, "suspended": False})  # fmt: skip
    assert (ticker.last, ticker.bid, ticker.ask, ticker.volume) == (
        Decimal("28053.5"), Decimal(28060), Decimal(28070), Decimal(19628180),
    )  # fmt: skip
    assert ticker.extra["funding_rate"] == "7.792297e-12"
    lite = one({"feed": "ticker_lite", "product_id": "FI_ETHUSD_210625", "bid": 1753.45, "ask": 1760.35,
                "change": 13.4, "premium": 9.1, "volume": 6899673.0, "tag": "semiannual", "dtm": 141})  # fmt: skip
    assert (lite.instrument, lite.effective_ns) == ("ETH/USD:ETH-210625", None)
    trade = {"feed": "trade", "product_id": "PI_XBTUSD", "uid": "caa9c653", "side": "sell", "type": "fill",
             "seq": 655508, "time": 1612269657781, "qty": 440, "price": 34893}  # fmt: skip
    for frame in (trade, {"feed": "trade_snapshot", "product_id": "PI_XBTUSD", "trades": [trade]}):
        found = one(frame)
        assert (found.native_id, found.side, found.price, found.amount) == (
            "caa9c653", "sell", Decimal(34893), Decimal(440),
        )  # fmt: skip
    book = news({"feed": "book_snapshot", "product_id": "PI_XBTUSD", "timestamp": 1612269825817, "seq": 326072249,
                 "tickSize": None, "bids": [{"price": 34892.5, "qty": 6385}],
                 "asks": [{"price": 34911.5, "qty": 20598}]})  # fmt: skip
    assert (book.series, book.number, book.begins) == ("book:PI_XBTUSD", 326072249, True)
    assert book.items[0].bids == ((Decimal("34892.5"), Decimal(6385)),)  # type: ignore[union-attr]
    level = news({"feed": "book", "product_id": "PI_XBTUSD", "side": "sell", "seq": 326072250, "price": 34981,
                  "qty": 0, "timestamp": 1612269953629})  # fmt: skip
    assert level.items == (
        BookChange(instrument="BTC/USD:BTC", effective_ns=1612269953629 * 10**6, bids=(),
                   asks=((Decimal(34981), Decimal(0)),), absolute=True),
    )  # fmt: skip
    assert (level.number, level.begins) == (326072250, False)


# ── what is no frame ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        b"", b"1", b"[]", b"\xff", b"{", b'{"feed": 1}', b"[" * 100_000, SEED[:-1],
        SEED.replace(b'"seq": 14', b'"s":1'),
        b'{"feed":"open_positions","positions":{},"seq":0,"account":"x"}', b'{"feed":"fills","fills":[{}]}',
        b'{"feed":"open_orders"}', b'{"feed":"book","product_id":"PI_XBTUSD"}',
    ],
)  # fmt: skip
def test_what_is_no_frame_is_refused(body: bytes) -> None:
    with pytest.raises(Undecodable):
        read(body)


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        (SEED.replace(b"9.99730211055", b'"much"'), "balance"),
        (SEED.replace(b"f-xbt:usd", b"PI_XBTUSD"), "name"),
        (json.dumps({"feed": "open_orders", "is_cancel": False}).encode(), "order_id"),
        (json.dumps({"feed": "open_orders", "is_cancel": False, "order": ORDER | {"direction": 2}}).encode(),
         "direction"),
        (json.dumps({"feed": "fills", "fills": [FILL | {"time": 1}]}).encode(), "time"),
        (json.dumps({"feed": "fills", "fills": [FILL | {"price": "NaN"}]}).encode(), "price"),
    ],
)  # fmt: skip
def test_an_impossible_member_is_named(frame: bytes, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        read(frame)
