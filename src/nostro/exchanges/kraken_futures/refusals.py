"""The errors of Kraken Futures, both ways: how the server words them, and which error of ours an answer is.

They come in three forms: ``result: error`` with a code, mostly with status 200; a status with a list ``errors``; and a
success whose ``sendStatus`` or ``editStatus`` is not the one asked for.
Source: Kraken Futures documentation, *Errors* and send-order (statuses); support.kraken.com, *Derivatives error
messages*; what ccxt 4.5.90 and python-kraken-sdk 3.5.1 look for. Which status answers which reason of the venue, and
`fixedLeverageTooHigh` for a setting, are *ours* where the documents have no such rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec

from nostro import errors
from nostro.exchanges.kraken_futures.messages import ErrorItem, Refused
from nostro.link.commands import Refusal
from nostro.link.declare import WireRefusal
from nostro.link.http import header
from nostro.link.said import sentence

# What an order is refused with, for each reason of the venue.
STATUSES: Final[Mapping[Refusal, str]] = {
    Refusal.UNKNOWN_INSTRUMENT: "marketInactive", Refusal.WALLET_CANNOT_TRADE: "marketInactive",
    Refusal.UNKNOWN_ASSET: "marketInactive", Refusal.BAD_POSITION_SIDE: "invalidSide",
    Refusal.BAD_TIME_IN_FORCE: "invalidOrderType", Refusal.BAD_AMOUNT: "invalidSize",
    Refusal.AMOUNT_TOO_SMALL: "invalidSize", Refusal.AMOUNT_TOO_LARGE: "invalidSize",
    Refusal.BAD_PRICE: "invalidPrice", Refusal.BAD_STOP: "invalidPrice",
    Refusal.ALREADY_EXPIRED: "wouldProcessAfterSpecifiedTime", Refusal.VALUE_TOO_SMALL: "tooManySmallOrders",
    Refusal.PRICE_OUT_OF_BAND: "outsidePriceCollar", Refusal.TOO_MANY_ORDERS: "tooManyOrders",
    Refusal.POST_ONLY_WOULD_TAKE: "postWouldExecute", Refusal.NO_POSITION: "wouldNotReducePosition",
    Refusal.REDUCE_TOO_LARGE: "wouldNotReducePosition", Refusal.POSITION_TOO_LARGE: "maxPositionViolation",
    Refusal.LEVERAGE_TOO_HIGH: "fixedLeverageTooHigh", Refusal.INSUFFICIENT_FUNDS: "insufficientAvailableFunds",
    Refusal.UNKNOWN_ORDER: "orderForEditNotFound", Refusal.UNKNOWN_USER: "accountInactive",
}  # fmt: skip
# What everything else is refused with; a reason that stands in neither table is an invalid argument.
CODES: Final[Mapping[Refusal, str]] = {
    Refusal.INSUFFICIENT_FUNDS: "insufficientFunds", Refusal.MARGIN_LIMIT: "insufficientFunds",
    Refusal.BAD_AMOUNT: "invalidAmount", Refusal.AMOUNT_TOO_SMALL: "invalidAmount",
    Refusal.AMOUNT_TOO_LARGE: "invalidAmount", Refusal.UNKNOWN_ASSET: "invalidUnit", Refusal.WRONG_ASSET: "invalidUnit",
    Refusal.WALLET_CANNOT_TRADE: "invalidAccount", Refusal.NOT_YOUR_ACCOUNT: "invalidAccount",
    Refusal.UNKNOWN_USER: "accountInactive", Refusal.UNKNOWN_METHOD: "Unavailable",
    Refusal.METHOD_DISABLED: "Unavailable", Refusal.UNKNOWN_INSTRUMENT: "contractNotFound",
    Refusal.UNKNOWN_ORDER: "notFound", Refusal.UNKNOWN_TRANSFER: "notFound",
}  # fmt: skip
# What a setting is refused with: number and text of `errors`.
PREFERENCES: Final[Mapping[Refusal, tuple[int, str]]] = {
    Refusal.UNKNOWN_INSTRUMENT: (87, "Contract does not exist"),
    Refusal.BAD_LEVERAGE: (11, "Argument invalid: maxLeverage"),
    Refusal.LEVERAGE_TOO_HIGH: (11, "Argument invalid: maxLeverage"),
    Refusal.POSITION_OPEN: (41, "Would cause liquidation"),
    Refusal.INSUFFICIENT_FUNDS: (41, "Would cause liquidation"),
}
NOT_MULTI_COLLATERAL: Final = (88, "Contract is not a multi-collateral futures contract")
NO_CURRENCY: Final = (89, "Currency does not exist")
REASONS: Final[Mapping[str, str]] = {
    "marketSuspended": "MARKET_SUSPENDED", "marketInactive": "MARKET_NOT_FOUND", "invalidPrice": "INVALID_PRICE",
    "invalidSize": "INVALID_QUANTITY", "tooManySmallOrders": "SMALL_ORDER_LIMIT_EXCEEDED",
    "insufficientAvailableFunds": "INSUFFICIENT_MARGIN", "wouldCauseLiquidation": "WOULD_CAUSE_LIQUIDATION",
    "clientOrderIdAlreadyExist": "CLIENT_ORDER_ID_IN_USE", "clientOrderIdTooLong": "CLIENT_ORDER_ID_TOO_LONG",
    "maxPositionViolation": "MAX_POSITION_EXCEEDED", "outsidePriceCollar": "PRICE_COLLAR",
    "wouldIncreasePriceDislocation": "PRICE_DISLOCATION", "postWouldExecute": "POST_WOULD_EXECUTE",
    "iocWouldNotExecute": "IOC_WOULD_NOT_EXECUTE", "selfFill": "WOULD_EXECUTE_SELF",
    "wouldNotReducePosition": "WOULD_NOT_REDUCE_POSITION", "marketIsPostOnly": "MARKET_IS_POST_ONLY",
    "tooManyOrders": "ORDER_LIMIT_EXCEEDED", "fixedLeverageTooHigh": "FIXED_LEVERAGE_TOO_HIGH",
}  # fmt: skip

# Which error of ours a code or a status is; what is not listed is refused as an order, or as a request.
_KINDS: Final[Mapping[str, type[errors.NostroError]]] = {
    "authenticationError": errors.Unauthorized, "accountInactive": errors.Forbidden,
    "insufficientFunds": errors.InsufficientFunds, "insufficientAvailableFunds": errors.InsufficientFunds,
    "INSUFFICIENT_MARGIN": errors.InsufficientFunds, "contractNotFound": errors.NotFound,
    "marketInactive": errors.NotFound, "notFound": errors.NotFound, "orderForEditNotFound": errors.NotFound,
    "Not Found": errors.NotFound, "invalidArgument": errors.BadRequest, "invalidAccount": errors.BadRequest,
    "invalidAmount": errors.BadRequest, "invalidUnit": errors.BadRequest, "requiredArgumentMissing": errors.BadRequest,
    "Json Parse Error": errors.BadRequest, "Bad Request": errors.BadRequest, "nonceBelowThreshold": errors.BadRequest,
    "nonceDuplicate": errors.BadRequest, "marketUnavailable": errors.Failing, "marketSuspended": errors.Failing,
    "Unavailable": errors.Failing, "unavailable": errors.Failing, "Server Error": errors.Failing,
    "unknownError": errors.Failing,
}  # fmt: skip
_HINTS: Final[Mapping[type[errors.NostroError], str]] = {
    errors.Unauthorized: "check the key and its secret; if they are right, try again later",
    errors.Forbidden: "give the key this permission at the exchange, or use another key",
    errors.InsufficientFunds: "see `nostro balances` and `nostro margin`",
    errors.NotFound: "check how it is spelled: instruments() lists what the exchange knows",
    errors.OrderRejected: "nothing was begun: correct what is named, and send it again",
    errors.BadRequest: "nothing was begun: correct what is named, and ask again",
    errors.Failing: "ask again later",
}
_BUDGET_S: Final = 10.0  # Source: the budget of a key is counted over ten seconds
_SECRETS: Final = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")  # keys, secrets and signatures are long base64 texts
_DIGITS: Final = re.compile(r"[0-9]{1,6}", re.ASCII)


# ── the server's side ────────────────────────────────────────────────────────────────────────────────────────────


def refusal(status: int, message: str) -> WireRefusal:
    """An error that no serve words. Without a known cause the gateway answers in its own form (a 404 of a capture)."""
    if status == 429:
        return WireRefusal(status, {"result": "error", "error": "apiLimitExceeded"})
    if status == 403:
        return WireRefusal(status, {"result": "error", "error": "authenticationError", "message": message})
    names = {404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 400: "Bad Request"}
    error = names.get(status, "Server Error")
    return WireRefusal(status, {"status": status, "error": error, "message": message})


def refused(code: str, server_time: str) -> WireRefusal:
    """``result: error`` with a code, status 200."""
    return WireRefusal(200, Refused(result="error", error=code, server_time=server_time))


def bad_request(item: tuple[int, str], server_time: str) -> WireRefusal:
    """400 with a numbered error, as newer services answer. ``error`` repeats its text: without it ccxt takes the answer
    for a success."""
    number, message = item
    body = Refused(
        result="error", error=message, server_time=server_time, status="BAD_REQUEST",
        errors=[ErrorItem(code=number, message=message)],
    )  # fmt: skip
    return WireRefusal(400, body)


def invalid(argument: str, server_time: str) -> WireRefusal:
    return refused(f"invalidArgument: {argument}", server_time)


def missing(server_time: str) -> WireRefusal:
    return refused("requiredArgumentMissing", server_time)


# ── our side ─────────────────────────────────────────────────────────────────────────────────────────────────────


class _Status(msgspec.Struct, frozen=True):
    status: str = ""


class _Outcome(msgspec.Struct, frozen=True, rename="camel"):
    """What of an answer says whether it is a refusal."""

    result: Any = None
    error: Any = None
    errors: Any = None
    message: Any = None
    send_status: _Status | None = None
    edit_status: _Status | None = None


@cache
def _decoder() -> msgspec.json.Decoder[_Outcome]:
    return msgspec.json.Decoder(_Outcome)


def is_refused(body: bytes) -> bool:
    """Whether an answer of status 2xx is a refusal."""
    if b'error"' not in body and b'dStatus"' not in body and b'tStatus"' not in body:
        return False
    outcome = _outcome(body)
    return outcome is not None and (bool(_said(outcome)) or outcome.result == "error")


def errors_of(status: int, headers: Mapping[str, str], body: bytes) -> errors.NostroError:
    """Our error for an answer that is none."""
    outcome = _outcome(body)
    said = _said(outcome) if outcome is not None else ""
    head = f"Kraken Futures answered {status}" if status >= 300 or outcome is None else _refused_what(outcome)
    message = head + (f": {sentence(said, _SECRETS)}" if said else "")
    if status == 429 or said == "apiLimitExceeded":
        after_s = _reset_s(headers) if status == 429 else _BUDGET_S
        return errors.RateLimited(message, retry_after_s=after_s, exchange="kraken_futures", status=status)
    kind = _kind(status, said, outcome)
    return kind(message, hint=_HINTS.get(kind, ""), exchange="kraken_futures", status=status)  # type: ignore[call-arg]


def _refused_what(outcome: _Outcome) -> str:
    """What an answer of status 200 refuses."""
    what = "the order" if outcome.send_status else "the change of the order" if outcome.edit_status else "the request"
    return f"Kraken Futures refused {what}"


def _kind(status: int, said: str, outcome: _Outcome | None) -> type[errors.NostroError]:
    known = _KINDS.get(said.partition(":")[0])
    if status == 403 and outcome is not None:
        return errors.Forbidden
    if known is not None:
        return known
    if status >= 500 or status in (403, 408) or 300 <= status < 400:
        return errors.Failing
    if outcome is not None and (outcome.send_status or outcome.edit_status):
        return errors.OrderRejected
    return {401: errors.Unauthorized, 404: errors.NotFound}.get(status, errors.BadRequest)


def _outcome(body: bytes) -> _Outcome | None:
    try:
        return _decoder().decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _said(outcome: _Outcome) -> str:
    """What it is refused with; "" for what is none. An empty ``error`` is none."""
    if outcome.error:
        return str(outcome.error)
    if isinstance(outcome.errors, list) and outcome.errors:
        first = outcome.errors[0]
        return str(first.get("message", first)) if isinstance(first, dict) else str(first)
    if outcome.send_status is not None and outcome.send_status.status != "placed":
        return outcome.send_status.status
    if outcome.edit_status is not None and outcome.edit_status.status != "edited":
        return outcome.edit_status.status
    return ""


def _reset_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until the pool is filled again. Source: the histories' header ``rate-limit-reset``."""
    text = header(headers, "rate-limit-reset") or header(headers, "Retry-After") or ""
    return float(text) if _DIGITS.fullmatch(text) else None
