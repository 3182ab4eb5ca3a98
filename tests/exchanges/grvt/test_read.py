"""Shows what our reader makes of GRVT's own answers and frames, member by member: expectations written by hand beside
captures that others published. Whatever a capture lacks that the specification calls required is read all the same.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nostro import errors
from nostro.domain import records
from nostro.domain.values import Malformed, Unknown
from nostro.exchanges.grvt import EXCHANGES, words
from nostro.exchanges.grvt.lite import in_lite
from nostro.exchanges.grvt.routes import route
from nostro.link.declare import Query
from nostro.link.frames import News

RECORDED = json.loads((Path(__file__).parents[2] / "recorded" / "grvt" / "captures.json").read_text())
ANSWERS, FRAMES = RECORDED["answers"], RECORDED["frames"]
FULL, LITE = EXCHANGES["full"], EXCHANGES["lite"]
SUB = "2147050003876484"
BTC = "BTC/USDT:USDT"


def facts(name: str, answer: Any = None, **where: str) -> list[Any]:
    """What the ask of that name reads, in both encodings alike."""
    ask, light = FULL.ask(name), LITE.ask(name)
    assert ask is not None
    assert light is not None
    full = json.dumps(ANSWERS[ask.route.path.rpartition("/")[2]] if answer is None else answer).encode()
    decoded = FULL.decode(ask.route, full)
    read = list(ask.read(Query(where=where), decoded))
    short = msgspec.json.encode(in_lite(decoded))
    assert list(light.read(Query(where=where), LITE.decode(light.route, short))) == read
    return read


def is_like(fact: Any, **expected: Any) -> None:
    found = {name: getattr(fact, name) for name in expected}
    assert found == expected


def test_balances_and_margin() -> None:
    (balance,) = facts("sub_account_balances")
    is_like(
        balance, asset="USDT", total=Decimal(15), index_price=Decimal("1.000289735"), sub_account=SUB, wallet="futures",
        effective_ns=1764863116142428457, transferable=None,
    )  # fmt: skip
    (margin,) = facts("margin")
    is_like(
        margin, scope="account", currency="USDT", equity=Decimal(15), available=Decimal(15),
        initial_margin=Decimal(0), cross_equity=Decimal(15), derisk_ratio=Decimal(1), margin_balance=None,
        index_price=Decimal("1.000289735"), mode="SIMPLE_CROSS_MARGIN",
    )  # fmt: skip


def test_a_position_pays_funding_as_a_negative_amount() -> None:
    (position,) = facts("positions")
    is_like(
        position, instrument=BTC, side="both", size=Decimal("0.001"), currency="USDT", notional=Decimal("89.8169"),
        entry_price=Decimal(90000), exit_price=None, mark_price=Decimal("89816.900008979"),
        unrealized_pnl=Decimal("-0.183099"), total_pnl=Decimal("-0.183099"), roi=Decimal("-0.2034"),
        liquidation_price=Decimal("77951.450008979"), leverage=Decimal(28), fees=Decimal("-0.00009"),
        funding=Decimal("-0.033862"), margin_mode=None, quote_index_price=Decimal("1.00017885"),
    )  # fmt: skip


def test_fills() -> None:
    (fill,) = facts("fills")
    is_like(
        fill, native_id="65424692-2", instrument=BTC, side="buy", maker=True, price=Decimal(90000),
        amount=Decimal("0.001"), fee=Decimal("-0.00009"), fee_asset="USDT", fee_rate=Decimal(0),
        order_id="0x01010105034cddc7000000006621285c", mark_price=Decimal("90050.164063298"),
        index_price=Decimal("90089.803654938"), liquidation=None, effective_ns=1764945709702747558,
    )  # fmt: skip
    assert fill.extra["client_order_id"] == "1375879248"
    assert "builder" not in fill.extra


def test_funding_is_turned() -> None:
    (payment,) = facts("funding_payments")
    is_like(payment, instrument=BTC, asset="USDT", amount=Decimal("0.004522"), native_id="66625184:BTC_USDT_Perp")


def test_a_bridged_deposit_among_the_transfers() -> None:
    (transfer,) = facts("internal_transfers")
    is_like(
        transfer, native_id="65119836", direction="deposit", asset="USDT", amount=Decimal("4.998"), status="done",
        from_wallet=None, to_wallet=None, sub_account="0",
    )  # fmt: skip
    moved = json.loads(json.dumps(ANSWERS["transfer_history"]))
    moved["result"][0] |= {"to_sub_account_id": SUB, "transfer_metadata": "", "transfer_type": "STANDARD"}
    (internal,) = facts("internal_transfers", moved)
    is_like(
        internal, direction="internal", from_wallet="funding", to_wallet="futures", sub_account=SUB, wallet="futures"
    )
    moved["result"][0]["transfer_metadata"] = "no JSON"
    assert facts("internal_transfers", moved)[0].extra["transfer_metadata"] == "no JSON"


def test_deposits_and_withdrawals() -> None:
    (deposit,) = facts("deposits")
    is_like(deposit, direction="deposit", amount=Decimal(1500), status="done", tx_hash="0x10000101000203040506")
    pending = json.loads(json.dumps(ANSWERS["deposit_history"]))
    pending["result"][0]["confirmed_time"] = ""
    assert facts("deposits", pending)[0].status == "pending"
    (withdrawal,) = facts("withdrawals")
    is_like(withdrawal, direction="withdrawal", native_id="1028403", amount=Decimal(1500), status="done")
    ask = FULL.ask("withdrawals")
    assert ask is not None
    assert ask.position is not None
    assert ask.position(FULL.decode(ask.route, json.dumps(ANSWERS["withdrawal_history"]).encode())) == "Qw0918="


def test_orders_whose_numbers_came_as_texts() -> None:
    (resting,) = facts("open_orders")
    is_like(
        resting, native_id="0x0101010503e693410000000069530a7d", status="open", side="buy", type="limit",
        time_in_force="gtc", amount=Decimal("0.002"), filled=Decimal(0), remaining=Decimal("0.002"),
        price=Decimal(88123), client_id="588129369", expires_ns=1767871961406000000, stop_price=None, trigger=None,
        post_only=False, reduce_only=False, average_price=None, done_ns=None,
    )  # fmt: skip
    (filled,) = facts("orders")
    is_like(
        filled, status="filled", filled=Decimal("0.001"), canceled=Decimal(0), remaining=Decimal(0),
        average_price=Decimal(90000), done_ns=1764945709704912003, effective_ns=1764863234474424590,
    )  # fmt: skip
    assert facts("open_orders", instrument="ETH/USDT:USDT") == []


def test_what_a_new_order_is_answered_with() -> None:
    do = FULL.do("place")
    assert do is not None
    (order,) = do.read(None, FULL.decode(do.route, json.dumps(ANSWERS["create_order"]).encode()))
    is_like(order, native_id=None, status="pending", amount=Decimal("0.001"), price=Decimal(50000))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"status": "CANCELLED", "reject_reason": "CLIENT_CANCEL"}, "canceled"),
        ({"status": "CANCELLED", "reject_reason": "EXPIRED"}, "expired"),
        ({"status": "CANCELLED", "traded_size": ["0.001"]}, "partially_canceled"),
        ({"traded_size": ["0.001"], "book_size": ["0.001"]}, "partially_filled"),
        ({"status": "REJECTED", "reject_reason": "FAIL_POST_ONLY"}, "rejected"),
        ({"status": 3, "traded_size": ["0.002"]}, "filled"),
        ({"status": "open"}, "open"),
    ],
)  # fmt: skip
def test_states(changed: dict[str, Any], expected: str) -> None:
    answer = json.loads(json.dumps(ANSWERS["open_orders"]))
    answer["result"][0]["state"] |= changed
    (order,) = facts("open_orders", answer)
    assert order.status == expected
    assert order.amount == order.filled + order.canceled + order.remaining
    if changed.get("reject_reason"):
        assert order.extra["reject_reason"] == changed["reject_reason"]


def test_a_state_that_nobody_knows_is_no_gap() -> None:
    answer = json.loads(json.dumps(ANSWERS["open_orders"]))
    answer["result"][0]["state"]["status"] = "SLEEPING"
    (order,) = facts("open_orders", answer)
    assert isinstance(order.status, Unknown)
    answer["result"][0]["state"] = None
    (order,) = facts("open_orders", answer)
    is_like(order, status=None, amount=Decimal("0.002"), filled=None)


def test_stops() -> None:
    answer = json.loads(json.dumps(ANSWERS["open_orders"]))
    row = answer["result"][0]
    row["metadata"]["trigger"] = {
        "trigger_type": "TAKE_PROFIT",
        "tpsl": {"trigger_by": "INDEX", "trigger_price": "91000.5", "close_position": True},
    }
    row["legs"][0]["is_buying_asset"] = False
    (order,) = facts("open_orders", answer)
    is_like(order, type="stop_limit", stop_price=Decimal("91000.5"), stop_operator="gte", trigger="index", side="sell")


def test_markets() -> None:
    (listed,) = facts("instruments")
    is_like(
        listed, instrument="AAVE/USDT:USDT", code="AAVE_USDT_Perp", hash="0x032201", type="linear", settle="USDT",
        amount_min=Decimal("0.1"), amount_digits=1, price_digits=2, price_step=Decimal("0.01"), cost_min=None,
        position_max=Decimal(3000), funding_interval_s=28_800, multiplier=Decimal(1),
    )  # fmt: skip
    assert listed.extra["base_decimals"] == "9"
    (ticker,) = facts("ticker", instrument=BTC)
    is_like(
        ticker, instrument=BTC, last=Decimal(92683), bid=Decimal("92682.9"), ask=Decimal(92683),
        mark=Decimal("92697.300078773"), index=Decimal("92727.818122278"), volume=Decimal("5801.745"),
        open_interest=Decimal("1523.218935908"), next_funding_ns=1764777600000000000,
    )  # fmt: skip
    (asset,) = facts("currencies")
    assert (asset.asset, asset.extra) == ("ETH", {"id": "4", "balance_decimals": "9"})
    (leverage,) = facts("leverage")
    is_like(leverage, leverage=Decimal(10), leverage_min=Decimal(1), leverage_max=Decimal(50), margin_mode="cross")
    assert [each.native_id for each in facts("sub_accounts")] == ["4724219064482495", "2095919380", "1170592370"]


def test_frames() -> None:
    feed = FULL.feed
    assert feed is not None
    read = {name: feed.read(json.dumps(frame).encode()) for name, frame in FRAMES.items()}
    position, fill, order = (read[name] for name in ("v1.position", "v1.fill", "v1.order"))
    assert isinstance(position, News)
    assert (position.series, position.number) == ("", 0), "a snapshot is counted by nobody"
    is_like(position.items[0], instrument=BTC, margin_mode="cross", fees=Decimal("0.040241"), roi=Decimal("0.0041"))
    assert isinstance(fill, News)
    assert (fill.series, fill.number) == (f"v1.fill {SUB}-BTC_USDT_Perp", 1)
    is_like(fill.items[0], native_id="74150425-1", fee_rate=Decimal("0.00045"), liquidation=False, maker=False)
    assert isinstance(order, News)
    assert order.number == 17
    is_like(order.items[0], status="open", price=Decimal(87443))


@pytest.mark.parametrize(
    "damage",
    [
        lambda row: row.pop("size"),
        lambda row: row.update(size="NaN"),
        lambda row: row.update(size="1_000"),
        lambda row: row.update(event_time="yesterday"),
        lambda row: row.update(event_time="1764945709702"),
        lambda row: row.update(is_buyer="yes"),
    ],
)
def test_what_is_impossible_is_no_fact(damage: Any) -> None:
    answer = json.loads(json.dumps(ANSWERS["fill_history"]))
    damage(answer["result"][0])
    with pytest.raises((errors.Undecodable, Malformed)):
        facts("fills", answer)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"\xff", b"null", b"[]"])
def test_what_is_no_answer_is_undecodable(body: bytes) -> None:
    with pytest.raises(errors.Undecodable):
        FULL.decode(route("full", "fill_history"), body)


def test_numbers_of_enumerations_are_read_and_names_in_any_case() -> None:
    assert words.member(words.KIND, 8) == words.member(words.KIND, "8") == words.member(words.KIND, "spot_swap")
    assert words.member(words.ORDER_REJECT_REASON, 43) is None
    tables = [
        value
        for value in vars(words).values()
        if isinstance(value, dict) and all(isinstance(n, int) for n in value.values())
    ]
    assert len(tables) >= 20
    for table in tables[:-1]:
        assert len(set(table.values())) == len(table)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"code": 1000, "message": "m", "status": 401}, errors.Unauthorized),
        (403, {"request_id": 1, "code": 1001, "message": "m", "status": 403}, errors.Forbidden),
        (403, {"ri": 1, "c": 1001, "m": "m", "s": 403}, errors.Forbidden),
        (400, {"code": 2080, "message": "m", "status": 400}, errors.InsufficientFunds),
        (400, {"code": 2066, "message": "m", "status": 400}, errors.OrderRejected),
        (400, {"code": 1003, "message": "m", "status": 400}, errors.BadRequest),
        (404, {"code": 1004, "message": "m", "status": 404}, errors.NotFound),
        (429, {"code": 1006, "message": "m", "status": 429}, errors.RateLimited),
        (500, {"code": 1002, "message": "m", "status": 500}, errors.Failing),
        (403, "<html>", errors.Failing),
        (502, "<html>", errors.Failing),
        (404, "<html>", errors.NotFound),
    ],
)  # fmt: skip
def test_errors(status: int, body: Any, kind: type[errors.NostroError]) -> None:
    said = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    error = FULL.errors(status, {"Retry-After": "7"}, said)
    assert type(error) is kind
    assert error.hint or kind is errors.RateLimited
    assert not isinstance(error, errors.RateLimited) or error.retry_after_s == 7


def test_an_error_shows_no_secret() -> None:
    message = f"bad private_key={'11' * 32} gravity=abc.def and 0x{'ab' * 32}\x1b[31m"
    said = json.dumps({"code": 1003, "message": message, "status": 400}).encode()
    shown = str(FULL.errors(400, {}, said))
    assert "11" * 8 not in shown
    assert "abc.def" not in shown
    assert "ab" * 8 not in shown
    assert "\x1b" not in shown


def test_every_fact_can_be_kept() -> None:
    for name in ("fills", "orders", "margin", "positions", "snapshots"):
        answer = {"result": [ANSWERS["account_summary"]["result"]], "next": ""} if name == "snapshots" else None
        for fact in facts(name, answer):
            assert records.restore(fact.kind, records.content(fact)) == msgspec.structs.replace(fact, offset=0)
