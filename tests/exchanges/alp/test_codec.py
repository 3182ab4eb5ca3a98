"""Shows that bodies are written byte for byte as the exchange's client writes them (the oracle is ``json.dumps``),
and that an answer which is not the route's is refused with the field that is wrong: cut, padded, nested, not a
number, or a page of HTML.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.domain.values import Malformed
from nostro.errors import Undecodable
from nostro.exchanges import exchange
from nostro.exchanges.alp import codec, requests, routes
from nostro.link.declare import Query, Route, WireRefusal

ALP = exchange("alp")
ORDER = (
    b'[{"id":1,"account_id":2,"pair":"BTC/USDT","amount":1.5,"price":45000,"side":"BID","status":"OPEN","type":"LIMIT",'
    b'"wallet_type":"SPOT","amount_canceled":0,"amount_filled":0,"date":"2023-09-04T12:00:00Z",'
    b'"open_at":"2023-09-04T12:00:00Z","tif":"GTC","updated_at":"2023-09-04T12:00:00Z"}]'
)
MEMBERS = json.loads(ORDER)[0]


def orders(body: bytes) -> list[Any]:
    ask = ALP.ask("orders")
    assert ask is not None
    return list(ask.read(Query(), ALP.decode(ask.route, body)))


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


@given(attributes=st.dictionaries(st.text(), st.text(), max_size=4), client=st.text(), amount=st.integers(1, 10**12))
def test_a_body_is_what_the_client_s_json_writes(attributes: dict[str, str], client: str, amount: int) -> None:
    number = msgspec.Raw(str(amount).encode())
    message = requests.RequestWithdrawal(amount=number, method=2, attributes=attributes, client_order_id=client)
    expected = {"amount": amount, "method": 2, "attributes": attributes, "client_order_id": client}
    assert codec.encode_body(message) == json.dumps(expected).encode()
    assert codec.decode_body(routes.WITHDRAW, codec.encode_body(message)) == message


def test_a_query_leaves_out_what_is_not_said_and_writes_booleans_as_numbers() -> None:
    query = requests.OrdersQuery(pair="ETH_USDT", open_only=True)
    assert codec.encode_query(query) == [("pair", "ETH_USDT"), ("open_only", "1")]


@pytest.mark.parametrize("said", ["1", "true", "TRUE", "True"])
def test_booleans_of_a_query_are_read_in_every_spelling(said: str) -> None:
    assert codec.decode_query(
        routes.ORDERS, [("open_only", said), ("pair", ""), ("else", "1")]
    ) == requests.OrdersQuery(open_only=True)


@pytest.mark.parametrize(
    ("pairs", "field"),
    [
        ([("open_only", "yes")], "open_only"), ([("pair", "a"), ("pair", "b")], "pair"),
    ],
)  # fmt: skip
def test_a_bad_query_is_refused_by_its_field(pairs: list[tuple[str, str]], field: str) -> None:
    with pytest.raises(WireRefusal) as refusal:
        codec.decode_query(routes.ORDERS, pairs)
    assert refusal.value.status == 400
    assert field in refusal.value.body.formErrors


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"), (b"{", "body"), (b"[]", "body"), (b"\xef\xbb\xbf{}", "body"), (b"[" * 100_000, "body"),
        (b'{"amount":1,"method":2}', "attributes"), (b'{"amount":1,"method":"2","attributes":{}}', "method"),
        (b'{"amount":1,"method":2,"attributes":{"address":5}}', "attributes"),
        (b'{"amount":NaN,"method":2,"attributes":{}}', "body"), (b'{"amount":1,"method":-2,"attributes":{}}', "method"),
        (b'{"amount":1,"method":2,"attributes":{"a":"\\ud800"}}', "body"), (b'{"method":2,"attributes":{}}', "amount"),
        (b'{"amount":1,"method":2,"attributes":{"a":"\xff"}}', "body"),
    ],
)  # fmt: skip
def test_a_bad_body_is_refused_by_its_field(body: bytes, field: str) -> None:
    with pytest.raises(WireRefusal) as refusal:
        codec.decode_body(routes.WITHDRAW, body)
    assert refusal.value.status == 400
    assert list(refusal.value.body.formErrors) == [field]


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"), (b"<html><body>One moment</body></html>", "HTML"), (b" \n<!DOCTYPE html>", "HTML"),
        (b"\xef\xbb\xbf" + ORDER, "malformed"), (ORDER[:-1], "truncated"), (ORDER[:100], "truncated"),
        (ORDER + b"x", "trailing"), (b"{}", "object"), (b'"text"', "str"), (b"17", "int"), (b"true", "bool"),
        (b"[null]", "null"), (b"[1]", "int"), (b"[[]]", "array"), (b"[" * 100_000, "array"),
        (ORDER[:-2] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "nested too deeply"),
        (ORDER.replace(b"1.5", b"NaN"), "malformed"), (ORDER.replace(b"1.5", b"Infinity"), "malformed"),
        (ORDER.replace(b"1.5", b"-Infinity"), "malformed"), (ORDER.replace(b"1.5", b"01"), "malformed"),
        (ORDER.replace(b"1.5", b"+1"), "malformed"), (ORDER.replace(b"1.5", b".5"), "malformed"),
        (ORDER.replace(b"1.5", b"1."), "malformed"), (ORDER.replace(b"1.5", b"0x10"), "malformed"),
        (ORDER.replace(b"1.5", b"1_000"), "malformed"), (ORDER.replace(b'"OPEN"', b"5"), "$[0].status"),
        (ORDER.replace(b'"OPEN"', b'"\\ud800"'), "surrogate"), (ORDER.replace(b'"OPEN"', b'"\xff"'), "UTF-8"),
        (ORDER.replace(b'"OPEN"', b'"O\x00"'), "malformed"), (ORDER.replace(b'"id":1', b'"id":1.5'), "$[0].id"),
        (ORDER.replace(b'"id":1', b'"id":true'), "$[0].id"), (ORDER.replace(b'"id":1', b'"id":null'), "$[0].id"),
        (b'{"code":"1000","message":"an error with status 200"}', "object"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_undecodable(body: bytes, says: str) -> None:
    with pytest.raises(Undecodable, match=r"ALP\.COM orders") as error:
        orders(body)
    assert says in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("member", [name for name, value in MEMBERS.items() if isinstance(value, float | int)])
@pytest.mark.parametrize(
    "number",
    ['"NaN"', '"Infinity"', '"1_000"', '"\uff11\uff12"', '" 1"', '"1 "', '"0x10"', '""', "null", "true", "{}", "[]",
     "1e1000000", "1e400", "9" * 80, "0." + "1" * 37, '"--1"', '"1e"'],
)  # fmt: skip
def test_a_number_that_is_none_is_refused_with_its_field(member: str, number: str) -> None:
    body = json.dumps([MEMBERS | {member: "HERE"}]).replace('"HERE"', number).encode()
    if member in ("id", "account_id") and number == "9" * 80:
        assert orders(body)  # an id is a text to us, however long
        return
    if member == "price" and number in ('""', "null"):
        assert orders(body)[0].price is None  # a price may be missing: a market order has none
        return
    with pytest.raises((Undecodable, Malformed), match=member):
        orders(body)


@pytest.mark.parametrize("member", ["date", "updated_at", "open_at"])
@pytest.mark.parametrize("text", ["soon", "2023-13-01T00:00:00Z", "2023-09-04", "1693828800", "0001-01-01T00:00:00Z"])
def test_a_time_that_is_none_is_refused_with_its_field(member: str, text: str) -> None:
    with pytest.raises(Malformed, match=member):
        orders(json.dumps([MEMBERS | {member: text}]).encode())


@pytest.mark.parametrize("member", ["side", "status", "type", "wallet_type", "tif"])
def test_an_unknown_word_is_kept_as_it_came(member: str) -> None:
    """Also one that only looks like a known one, and one in lower case."""
    for said in ("NEW_WORD", "\u0412ID", "spot ", ""):
        if member == "tif" and said == "":
            continue
        order = orders(json.dumps([MEMBERS | {member: said}]).encode())[0]
        field = {"wallet_type": "wallet", "tif": "time_in_force"}.get(member, member)
        assert getattr(order, field) == f"unknown:{said}"


@pytest.mark.parametrize("member", sorted(MEMBERS))
def test_a_renamed_member_is_missed_by_its_name(member: str) -> None:
    row = {f"{name}X" if name == member else name: value for name, value in MEMBERS.items()}
    with pytest.raises(Undecodable, match=f"`{member}`"):
        orders(json.dumps([row]).encode())


def test_what_is_not_known_is_ignored_and_of_two_equal_members_the_last_counts() -> None:
    assert orders(json.dumps([MEMBERS | {"new": {"a": [1, 2]}}]).encode()) == orders(ORDER)
    assert orders(ORDER.replace(b'"amount":1.5', b'"amount":1.5,"amount":2'))[0].amount == Decimal(2)


def test_numbers_are_taken_from_their_own_digits() -> None:
    digits = "123456789012345678901234567890.123456789012345678"
    assert orders(ORDER.replace(b"1.5", digits.encode()))[0].amount == Decimal(digits)
    assert orders(ORDER.replace(b"1.5", f'"{digits}"'.encode()))[0].amount == Decimal(digits)
    assert orders(ORDER.replace(b"1.5", b"1.5E-7"))[0].amount == Decimal("0.00000015")


@pytest.mark.parametrize(
    "route", [route for route in ALP.routes if route.method == "GET"], ids=lambda route: route.name
)
def test_null_is_an_empty_list_and_nothing_is_one_on_public_routes_only(route: Route) -> None:
    if msgspec.inspect.type_info(route.answer).__class__.__name__ != "ListType":
        return
    assert ALP.decode(route, b"null") == []
    assert ALP.decode(route, b"[]") == []
    if route.auth == "none":
        assert ALP.decode(route, b"") == []
    else:
        with pytest.raises(Undecodable, match="empty"):
            ALP.decode(route, b"")


def test_a_cancel_may_answer_with_nothing() -> None:
    assert ALP.decode(routes.CANCEL, b"") == {}
    assert ALP.decode(routes.CANCEL, b"null") == {}


def test_a_token_is_read_with_and_without_quotes() -> None:
    assert ALP.decode(routes.SIGN_IN, b'"aaaa.bbbb.cccc"') == "aaaa.bbbb.cccc"
    assert ALP.decode(routes.SIGN_IN, b"aaaa.bbbb.cccc") == "aaaa.bbbb.cccc"
    with pytest.raises(Undecodable):
        ALP.decode(routes.SIGN_IN, b"<html>a.b.c</html>")


@given(st.binary(max_size=200))
def test_no_bytes_at_all_break_the_decoder(body: bytes) -> None:
    for route in (routes.ORDERS, routes.TICKER, routes.SIGN_IN, routes.CANCEL, routes.PLACE, routes.CURRENCY_RATES):
        try:
            ALP.decode(route, body)
        except Undecodable:
            continue


@given(at=st.integers(0, len(ORDER) - 1), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_answer_is_read_or_refused_but_never_less(at: int, byte: int, cut: bool) -> None:
    body = ORDER[:at] if cut else ORDER[:at] + bytes([byte]) + ORDER[at + 1 :]
    try:
        assert len(orders(body)) == 1
    except (Undecodable, Malformed):
        assert body != ORDER
