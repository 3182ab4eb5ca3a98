"""Shows which error of ours each of the exchange's answers is, that what an answer says is safe to log, and that
every reason of the venue to refuse has a code and a sentence of its own that comes back as the right error.
"""

from __future__ import annotations

import json

import pytest

from conformance.fake_view import TREASURER, FakeView
from conformance.wire_client import WireClient
from nostro import errors
from nostro.exchanges import exchange
from nostro.exchanges.alp.refusals import REFUSALS, bad_input, rejected
from nostro.link import commands
from nostro.paper.server import Server

ALP = exchange("alp")
OWN = b'{"code": "1000", "message": "no"}'


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, OWN, errors.BadRequest), (400, b"", errors.BadRequest), (400, b"<html>", errors.BadRequest),
        (400, b'{"formErrors": {"pair": ["unknown"]}}', errors.BadRequest), (400, b'"text"', errors.BadRequest),
        (400, b'{"code": 1012, "message": "x"}', errors.InsufficientFunds), (401, OWN, errors.Unauthorized),
        (401, b"", errors.Unauthorized), (403, OWN, errors.Forbidden), (403, b'"not allowed"', errors.Forbidden),
        (403, b"<html>blocked in your country</html>", errors.Failing), (403, b"", errors.Failing),
        (404, b"", errors.NotFound), (405, b"", errors.BadRequest), (406, b"", errors.BadRequest),
        (408, b"", errors.Failing), (409, b"", errors.BadRequest), (418, OWN, errors.BadRequest),
        (429, b"", errors.RateLimited), (500, OWN, errors.Failing), (502, b"<html>", errors.Failing),
        (503, b"maintenance", errors.Failing), (301, b"", errors.Failing), (520, b"\xff\xfe", errors.Failing),
        (400, b"[" * 100_000, errors.BadRequest),
    ],
)  # fmt: skip
def test_each_status_is_one_error_of_ours(status: int, body: bytes, kind: type[errors.NostroError]) -> None:
    error = ALP.errors(status, {}, body)
    assert type(error) is kind
    assert isinstance(error, errors.ExchangeError)
    assert error.status == status
    assert str(status) in error.message
    assert error.hint or isinstance(error, errors.RateLimited)
    assert error.exchange == "alp"


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("0", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("1e9", None)]
)
def test_retry_after_is_read_where_it_counts_seconds(value: str, seconds: float | None) -> None:
    error = ALP.errors(429, {"retry-after": value}, b"")
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after_s == seconds
    assert error.repeat


HOSTILE = (
    "\x1b[31mred\x07", "a\nb\rc", "\x00", "\u202egnp", "x" * 5_000,
    "token eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjQxMDI0NDQ4MDB9.lcgUytco2KT1-LAdttTHJdl9cPi9fp",
    "X-SIGN d26c865cb98d85d7aa5ee6d093d84146ce58a2b837a9c8aa12ce241f9a94733b", '"api_secret": "hunter2hunter2"',
    "api_secret=hunter2hunter2&x=1", "password: hunter2hunter2",
)  # fmt: skip


@pytest.mark.parametrize("said", HOSTILE)
@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_what_an_answer_says_is_one_short_line_without_secrets(said: str, status: int) -> None:
    for body in (json.dumps({"message": said}), json.dumps({"formErrors": {"f": [said]}}), json.dumps(said), said):
        message = str(ALP.errors(status, {}, body.encode()))
        assert len(message) < 500
        assert all(letter.isprintable() for letter in message)
        for secret in ("eyJleHAi", "d26c865cb98d85d7", "hunter2"):
            assert secret not in message


def test_a_page_of_html_is_not_quoted() -> None:
    assert "Cloudflare" not in str(ALP.errors(503, {}, b"<html>Cloudflare</html>"))


EXPECTED = {
    commands.Refusal.INSUFFICIENT_FUNDS: errors.InsufficientFunds,
    commands.Refusal.UNKNOWN_INSTRUMENT: errors.NotFound,
    commands.Refusal.UNKNOWN_METHOD: errors.NotFound,
    commands.Refusal.BAD_AMOUNT: errors.OrderRejected,
    commands.Refusal.POST_ONLY_WOULD_TAKE: errors.OrderRejected,
    commands.Refusal.ALREADY_EXPIRED: errors.OrderRejected,
    commands.Refusal.BAD_ATTRIBUTES: errors.BadRequest,
    commands.Refusal.NOT_YOUR_ACCOUNT: errors.Forbidden,
    commands.Refusal.MARGIN_LIMIT: errors.InsufficientFunds,
    commands.Refusal.MORE_THAN_OWED: errors.BadRequest,
    commands.Refusal.NO_POSITION: errors.BadRequest,
}


# What only contracts, their settings and their edits can meet: ALP.COM has none.
OF_CONTRACTS = {
    commands.Refusal(name)
    for name in (
        "bad_position_side", "price_out_of_band", "too_many_orders", "reduce_too_large", "position_too_large",
        "leverage_too_high", "bad_leverage", "position_open", "unknown_order", "bad_rate",
    )
}  # fmt: skip


@pytest.mark.parametrize("reason", [each for each in commands.Refusal if each not in OF_CONTRACTS])
def test_every_refusal_of_the_venue_has_a_code_and_comes_back_as_its_error(reason: commands.Refusal) -> None:
    venue = FakeView()
    venue.outcome = commands.Rejected(reason, "amount is 0")
    client = WireClient(ALP, Server(ALP, venue).handle, TREASURER)
    with pytest.raises(errors.Refused, match="amount is 0") as error:
        client.do("cancel_all", commands.CancelAll())
    assert venue.submitted
    assert error.value.happened == "no"
    assert error.value.status == (403 if reason is commands.Refusal.NOT_YOUR_ACCOUNT else 400)
    assert type(error.value) is REFUSALS[reason][2]
    assert type(error.value) is EXPECTED.get(reason, type(error.value))


def test_codes_are_digits_and_differ() -> None:
    codes = [code for code, _, _ in REFUSALS.values()]
    assert set(REFUSALS) == set(commands.Refusal) - OF_CONTRACTS
    assert len(set(codes)) == len(codes)
    assert all(code.isdecimal() and len(code) == 4 for code in codes)
    assert REFUSALS[commands.Refusal.BAD_AMOUNT][:2] == ("1003", "invalid order amount")  # the example of the document


def test_form_errors_stand_only_where_a_form_is_wrong() -> None:
    form = json.loads(ALP.encode_answer(bad_input("pair", "is required").body))
    assert form == {"code": "1000", "message": "pair: is required", "formErrors": {"pair": ["is required"]}}
    refusal = rejected(commands.Rejected(commands.Refusal.BAD_PRICE, "limit_price is 0.001"))
    body = json.loads(ALP.encode_answer(refusal.body))
    assert body == {"code": "1004", "message": "invalid order price: limit_price is 0.001"}
