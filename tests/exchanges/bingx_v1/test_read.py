"""Shows what BingX v1's printed and recorded answers say in our words, and which errors its refusals are."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nostro import errors
from nostro.domain import records
from nostro.domain.values import parse_time
from nostro.exchanges.bingx_v1 import EXCHANGE, messages, routes
from nostro.exchanges.bingx_v1.codec import decode, encode_answer
from nostro.link.declare import Query

ANSWERS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "recorded/bingx_v1/answers.json").read_text("utf-8"))


def facts(capability: str, name: str, *, where: dict[str, str] | None = None) -> list[Any]:
    ask = EXCHANGE.asks_for(capability)[0]
    body = json.dumps(ANSWERS[name]).encode()
    return list(ask.read(Query(where=where or {}), decode(ask.route, body)))


@pytest.mark.parametrize("name", ["balance", "balance_nested"])
def test_the_balance_of_the_document_flat_and_as_the_wire_nests_it(name: str) -> None:
    assert facts("balances", name) == [records.Balance(wallet="futures", asset="USDT", total=Decimal("123.33"))]
    assert facts("margin", name) == [
        records.MarginSummary(
            wallet="futures", scope="account", currency="USDT", balance=Decimal("123.33"), equity=Decimal("128.99"),
            unrealized_pnl=Decimal("1.22"), realized_pnl=Decimal("8.1"), available=Decimal("123.33"),
            used=Decimal("2.2"), order_margin=Decimal("3.3"), leverage_long=Decimal(10), leverage_short=Decimal(10),
            extra={"userId": "123"},
        )
    ]  # fmt: skip


def test_the_positions_of_the_document() -> None:
    long, short = facts("positions", "positions")
    assert (long.instrument, long.side, long.size, long.native_id) == (
        "BTC/USDT:USDT", "long", Decimal("123.33"), "12345678",
    )  # fmt: skip
    assert (short.instrument, short.side, short.size, short.native_id) == (
        "ETH/USDT:USDT", "short", Decimal("-123.33"), None,
    )  # fmt: skip
    assert (long.closable_size, short.closable_size) == (Decimal("128.99"), Decimal("-128.99"))
    assert (long.margin_mode, short.margin_mode) == ("cross", "isolated")
    assert (long.entry_price, long.liquidation_price, long.leverage) == (Decimal("2.2"), Decimal("2.2"), Decimal(10))
    assert (long.unrealized_pnl, long.realized_pnl, long.margin) == (Decimal("1.22"), Decimal("8.1"), Decimal("123.33"))


@pytest.mark.parametrize("empty", ["null", "[]"])
def test_no_positions(empty: str) -> None:
    answer = decode(routes.POSITIONS, b'{"code":0,"data":{"positions":%s}}' % empty.encode())
    assert list(EXCHANGE.asks_for("positions")[0].read(Query(), answer)) == []


def test_a_ticker_alone_and_in_a_list() -> None:
    row = {"symbol": "BTC-USDT", "lastPrice": "16000.5", "priceChange": "-3", "volume": "7"}
    for data in (row, {"tickers": [row]}):
        answer = decode(routes.TICKER, json.dumps({"code": 0, "data": data}).encode())
        (fact,) = EXCHANGE.asks_for("ticker")[0].read(Query(), answer)
        assert isinstance(fact, records.Ticker)
        assert (fact.instrument, fact.last, fact.change, fact.volume) == (
            "BTC/USDT:USDT", Decimal("16000.5"), Decimal(-3), Decimal(7),
        )  # fmt: skip


def test_lower_case_positions_of_2023() -> None:
    row = ANSWERS["positions"]["data"]["positions"][1] | {
        "positionSide": "short",
        "marginMode": "cross",
        "pnlRate": -45,
    }
    answer = decode(routes.POSITIONS, json.dumps({"code": 0, "data": {"positions": [row]}}).encode())
    (fact,) = EXCHANGE.asks_for("positions")[0].read(Query(), answer)
    assert isinstance(fact, records.Position)
    assert (fact.side, fact.margin_mode, fact.extra) == ("short", "cross", {"pnlRate": "-45"})


def test_a_market_order_as_it_was_seen() -> None:
    (order,) = facts("order", "order", where={"instrument": "DYDX/USDT:USDT"})
    at_ns = parse_time("2023-08-23T02:07:11Z")
    assert order == records.Order(
        wallet="futures", native_id="1694170234567890123", effective_ns=at_ns, instrument="DYDX/USDT:USDT", side="buy",
        type="market", status="filled", amount=Decimal(178), filled=Decimal(178), canceled=Decimal(0),
        remaining=Decimal(0), average_price=Decimal("3.6777"), updated_ns=at_ns, done_ns=at_ns, reduce_only=False,
        position_side="long",
        extra={"action": "Open", "profit": "0", "commission": "-0.327322", "entrustPrice": "3.6973"},
    )  # fmt: skip


def test_every_member_of_the_seeds_tables_is_read() -> None:
    """Whatever is put into a member arrives in some field, or in ``extra``."""
    for capability, name, path in (("margin", "balance", ()), ("positions", "positions", ("positions", 0))):
        ask = EXCHANGE.asks_for(capability)[0]
        rows = json.loads(json.dumps(ANSWERS[name]["data"]))
        row = rows
        for step in path:
            row = row[step]
        before = list(ask.read(Query(), decode(ask.route, json.dumps({"code": 0, "data": rows}).encode())))
        assert len(row) >= 11
        for member, value in list(row.items()):
            words = {"positionSide": "Short", "marginMode": "Isolated"}
            row[member] = words.get(member, "other" if isinstance(value, str) else 7.5)
            after = list(ask.read(Query(), decode(ask.route, json.dumps({"code": 0, "data": rows}).encode())))
            assert after != before, member
            row[member] = value


@pytest.mark.parametrize(
    ("status", "code", "said", "kind"),
    [
        (200, 80014, "signature not match", errors.Unauthorized),
        (200, 80014, "symbol is wrong", errors.BadRequest),
        (200, 100001, "signature verification failed", errors.Unauthorized),
        (200, 80016, "order does not exist", errors.NotFound),
        (200, 80017, "position does not exist", errors.NotFound),
        (200, 100202, "insufficient balance", errors.InsufficientFunds),
        (200, 100440, "price too far", errors.OrderRejected),
        (200, 80012, "service unavailable", errors.Failing),
        (200, 100503, "server busy", errors.Failing),
        (429, 429, "slower", errors.RateLimited),
        (418, 0, "banned", errors.RateLimited),
        (401, 401, "who are you", errors.Unauthorized),
        (404, 404, "no such path", errors.NotFound),
        (500, 500, "oops", errors.Failing),
    ],
)
def test_refusals(status: int, code: int, said: str, kind: type[errors.NostroError]) -> None:
    body = json.dumps({"code": code, "msg": said, "data": {}}).encode()
    error = EXCHANGE.errors(status, {}, body)
    assert type(error) is kind
    assert said in error.message
    assert EXCHANGE.refused(body) == (code != 0)


def test_a_sentence_may_be_called_message_and_shows_no_key() -> None:
    body = json.dumps({"code": 80001, "message": f"key {'A' * 40} is bad\n"}).encode()
    error = EXCHANGE.errors(200, {}, body)
    assert "A" * 32 not in error.message
    assert "\n" not in error.message
    assert "is bad" in error.message


def test_what_is_no_answer_of_this_wire() -> None:
    for body in (b"", b"<html>", b'{"code":0}', b'{"code":0,"data":[]}', b'{"code":0,"data":{"positions":[{}]}}'):
        with pytest.raises(errors.Undecodable):
            decode(routes.ORDER, body)
    assert type(EXCHANGE.errors(502, {}, b"<html>")) is errors.Failing


def test_an_answer_has_both_sentences_and_always_data() -> None:
    refusal = EXCHANGE.refusal(404, "there is no such method")
    sent = msgspec.json.decode(encode_answer(refusal.body))
    assert (refusal.status, sent["code"], sent["msg"], sent["message"], sent["data"]) == (
        404, 404, "there is no such method", "there is no such method", {},
    )  # fmt: skip
    assert msgspec.json.decode(encode_answer({})) == {"code": 0, "msg": "", "message": "", "ttl": 1, "data": {}}
    key = messages.ListenKey(listenKey="00")
    assert msgspec.json.decode(encode_answer(key)) == {"listenKey": "00"}
