"""Shows that every reason of the venue has a word of the wire, that every word of the wire is the right error of ours,
in each form in which the exchange refuses, and that no error shows what looks like a key.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from nostro import errors
from nostro.exchanges.kraken_futures import EXCHANGE, refusals
from nostro.link.commands import Refusal

T = "2026-01-01T00:00:00.000Z"
# Reasons that no order, setting or transfer of this wire can meet: it has no loans, no methods and no deposits.
ELSEWHERE = {
    Refusal.BAD_ATTRIBUTES, Refusal.BAD_TRANSITION, Refusal.POOL_EMPTY, Refusal.MORE_THAN_OWED, Refusal.BAD_RATE,
}  # fmt: skip


def error(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> errors.NostroError:
    return EXCHANGE.errors(status, headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize("reason", list(Refusal))
def test_every_reason_has_a_word(reason: Refusal) -> None:
    tables = (refusals.STATUSES, refusals.CODES, refusals.PREFERENCES)
    assert any(reason in table for table in tables) != (reason in ELSEWHERE)


SENT = {
    "insufficientAvailableFunds": errors.InsufficientFunds, "marketInactive": errors.NotFound,
    "marketSuspended": errors.Failing, "outsidePriceCollar": errors.OrderRejected,
    "postWouldExecute": errors.OrderRejected, "iocWouldNotExecute": errors.OrderRejected,
    "wouldCauseLiquidation": errors.OrderRejected, "clientOrderIdAlreadyExist": errors.OrderRejected,
    "aWordOfTomorrow": errors.OrderRejected, "orderForEditNotFound": errors.NotFound,
}  # fmt: skip


@pytest.mark.parametrize("status", sorted({*SENT, *refusals.STATUSES.values(), *refusals.REASONS}))
def test_a_status_that_is_no_success_is_an_error(status: str) -> None:
    for name in ("sendStatus", "editStatus"):
        body = {"result": "success", name: {"status": status, "orderEvents": []}, "serverTime": T}
        assert EXCHANGE.refused(json.dumps(body).encode())
        found = error(body)
        assert type(found) is SENT.get(status, type(found))
        assert isinstance(found, errors.ExchangeError)
        what = "the order" if name == "sendStatus" else "the change of the order"
        assert found.message == f"Kraken Futures refused {what}: {status}"


def test_successes_are_none() -> None:
    for body in (
        {"result": "success", "sendStatus": {"status": "placed"}},
        {"result": "success", "editStatus": {"status": "edited"}},
        {"result": "success", "cancelStatus": {"status": "notFound"}}, {"accountUid": "x", "logs": []},
        {"result": "success", "instrumentStatus": []}, {"result": "success", "error": ""},
        {"result": "success", "batchStatus": [{"status": "notFound", "orderEvents": []}]},
    ):  # fmt: skip
        assert not EXCHANGE.refused(json.dumps(body).encode()), body
    assert not EXCHANGE.refused(b"<html>error</html>")


CODES = {
    "authenticationError": errors.Unauthorized, "accountInactive": errors.Forbidden,
    "insufficientFunds": errors.InsufficientFunds, "invalidAccount": errors.BadRequest,
    "invalidAmount": errors.BadRequest, "invalidArgument": errors.BadRequest,
    "invalidArgument: symbol": errors.BadRequest, "invalidUnit": errors.BadRequest,
    "Json Parse Error": errors.BadRequest, "marketUnavailable": errors.Failing,
    "nonceBelowThreshold": errors.BadRequest, "nonceDuplicate": errors.BadRequest, "notFound": errors.NotFound,
    "requiredArgumentMissing": errors.BadRequest, "Server Error": errors.Failing, "Unavailable": errors.Failing,
    "unknownError": errors.Failing, "contractNotFound": errors.NotFound, "Bad Request": errors.BadRequest,
}  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_every_documented_code_is_an_error_of_ours(code: str) -> None:
    body = {"result": "error", "error": code, "serverTime": T}
    assert EXCHANGE.refused(json.dumps(body).encode())
    found = error(body)
    assert type(found) is CODES[code]
    assert found.message.startswith("Kraken Futures refused the request: ")


def test_too_many_requests_say_how_long_to_wait() -> None:
    found = error({"result": "error", "error": "apiLimitExceeded", "serverTime": T})
    assert isinstance(found, errors.RateLimited)
    assert found.retry_after_s == 10
    found = error(b"apiLimitExceeded", 429, {"Rate-Limit-Reset": "42"})
    assert isinstance(found, errors.RateLimited)
    assert found.retry_after_s == 42
    assert error(b"slow down", 429).repeat


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"errors": [{"code": 11, "message": "Argument invalid: side"}]}, errors.BadRequest),
        (400, {"result": "error", "errors": ["authenticationError"]}, errors.Unauthorized),
        (500, {"errors": [{"code": 92, "message": "INSUFFICIENT_MARGIN"}]}, errors.InsufficientFunds),
        (404, {"timestamp": T, "path": "/x", "status": 404, "error": "Not Found", "message": "", "requestId": "1"},
         errors.NotFound),
        (403, {"result": "error", "error": "authenticationError"}, errors.Forbidden),
        (403, b"<html>blocked</html>", errors.Failing), (502, b"<html>bad gateway</html>", errors.Failing),
        (301, b"", errors.Failing), (401, b"", errors.Unauthorized), (418, b"", errors.BadRequest),
    ],
)  # fmt: skip
def test_other_forms(status: int, body: Any, kind: type[errors.NostroError]) -> None:
    found = error(body, status)
    assert type(found) is kind
    assert found.hint


def test_what_looks_like_a_key_is_hidden() -> None:
    key = "CMl2SeSn09Tz+2tWuzPiPUjaXEQRGq6qv5UaexXuQ3SnahDQU/gO3aT+"
    found = error({"result": "error", "error": f"invalidArgument: {key}\x1b[31m" + "x" * 500})
    assert key not in str(found)
    assert "\x1b" not in str(found)
    assert len(found.message) < 300


@pytest.mark.parametrize("status", [400, 403, 404, 405, 406, 429, 500])
def test_what_no_serve_words_is_read_back(status: int) -> None:
    """Each with a text in `error`: without it ccxt takes it for a success."""
    refusal = EXCHANGE.refusal(status, "because")
    assert refusal.status == status
    assert refusal.body["error"]
    found = error(msgspec.json.encode(refusal.body), status)
    assert isinstance(found, errors.ExchangeError)
