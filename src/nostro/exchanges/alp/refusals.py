"""The errors of ALP.COM, both ways: how the server words them, and which error of ours an answer is.

Source: the table of HTTP statuses of the API reference (2023); the body ``{"code", "message"}`` with a code in digits
is of 2026; ``formErrors`` is what the Python client looks for. The documents list no codes: those here are *ours*.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from nostro import errors
from nostro.exchanges.alp.messages import ErrorBody
from nostro.link.commands import Refusal, Rejected
from nostro.link.declare import WireRefusal
from nostro.link.said import retry_after_s, sentence

BAD_INPUT: Final = "1000"
UNAUTHORIZED: Final = "2001"

# Code, sentence and error of ours for each reason of the venue. 1003 and its words are the example of 2026.
REFUSALS: Final[Mapping[Refusal, tuple[str, str, type[errors.Refused]]]] = {
    Refusal.UNKNOWN_INSTRUMENT: ("1001", "unknown pair", errors.NotFound),
    Refusal.UNKNOWN_ASSET: ("1002", "unknown currency", errors.NotFound),
    Refusal.BAD_AMOUNT: ("1003", "invalid order amount", errors.OrderRejected),
    Refusal.BAD_PRICE: ("1004", "invalid order price", errors.OrderRejected),
    Refusal.BAD_STOP: ("1005", "invalid stop price or operator", errors.OrderRejected),
    Refusal.BAD_TIME_IN_FORCE: ("1006", "invalid time in force for this order", errors.OrderRejected),
    Refusal.ALREADY_EXPIRED: ("1007", "the order ends before it begins", errors.OrderRejected),
    Refusal.AMOUNT_TOO_SMALL: ("1008", "the amount is below the minimum", errors.OrderRejected),
    Refusal.AMOUNT_TOO_LARGE: ("1009", "the amount is above the maximum", errors.OrderRejected),
    Refusal.VALUE_TOO_SMALL: ("1010", "the order's value is below the minimum", errors.OrderRejected),
    Refusal.POST_ONLY_WOULD_TAKE: ("1011", "a post-only order would take", errors.OrderRejected),
    Refusal.INSUFFICIENT_FUNDS: ("1012", "insufficient funds", errors.InsufficientFunds),
    Refusal.WALLET_CANNOT_TRADE: ("1013", "this wallet cannot do that", errors.OrderRejected),
    Refusal.WRONG_ASSET: ("1014", "this wallet does not hold that currency", errors.BadRequest),
    Refusal.UNKNOWN_METHOD: ("1020", "unknown withdraw method", errors.NotFound),
    Refusal.METHOD_DISABLED: ("1021", "this withdraw method is disabled", errors.BadRequest),
    Refusal.BAD_ATTRIBUTES: ("1022", "invalid attributes for this withdraw method", errors.BadRequest),
    Refusal.UNKNOWN_USER: ("1030", "unknown account", errors.NotFound),
    Refusal.UNKNOWN_TRANSFER: ("1031", "unknown deposit or withdrawal", errors.NotFound),
    Refusal.BAD_TRANSITION: ("1032", "a deposit or withdrawal cannot go to that status", errors.BadRequest),
    Refusal.NOT_YOUR_ACCOUNT: ("1033", "neither your account nor a sub-account of it", errors.Forbidden),
    Refusal.MARGIN_LIMIT: ("1040", "beyond the margin limit", errors.InsufficientFunds),
    Refusal.POOL_EMPTY: ("1041", "there is not so much to lend", errors.BadRequest),
    Refusal.MORE_THAN_OWED: ("1042", "more than is owed", errors.BadRequest),
    Refusal.NO_POSITION: ("1043", "there is no position to close", errors.BadRequest),
}
_NOT_ALLOWED: Final = frozenset({Refusal.NOT_YOUR_ACCOUNT})  # 403: not allowed with these parameters
_BY_CODE: Final = {code: error for code, _, error in REFUSALS.values()}
_BY_STATUS: Final[Mapping[int, type[errors.Refused]]] = {
    401: errors.Unauthorized, 404: errors.NotFound, 405: errors.BadRequest, 406: errors.BadRequest,
}  # fmt: skip
_HINTS: Final[Mapping[type[errors.Refused], str]] = {
    errors.Unauthorized: "check the key and its secret; if they are right, try again later",
    errors.Forbidden: "give the key this permission at the exchange, or use another key; check any account id",
    errors.InsufficientFunds: "see `nostro balances`",
    errors.NotFound: "check how it is spelled: instruments() and currencies() list what the exchange knows",
    errors.OrderRejected: "nothing was begun: correct what is named, and send it again",
    errors.BadRequest: "nothing was begun: correct what is named, and ask again",
}


# ── the server's side ────────────────────────────────────────────────────────────────────────────────────────────


def refusal(status: int, message: str) -> WireRefusal:
    """An error without a code of its own: the code is the status."""
    return WireRefusal(status, ErrorBody(code=str(status), message=message))


def bad_input(field: str, message: str) -> WireRefusal:
    """400 for one member of a query or body, in the form that the client calls a form's error."""
    body = ErrorBody(code=BAD_INPUT, message=f"{field}: {message}", formErrors={field: [message]})
    return WireRefusal(400, body)


def rejected(outcome: Rejected) -> WireRefusal:
    """400 for a command that the venue refused; 403 where it is not this key's to ask for."""
    code, sentence, _ = REFUSALS[outcome.reason]
    return WireRefusal(
        403 if outcome.reason in _NOT_ALLOWED else 400, ErrorBody(code=code, message=f"{sentence}: {outcome.detail}")
    )


def unauthorized(message: str) -> WireRefusal:
    return WireRefusal(401, ErrorBody(code=UNAUTHORIZED, message=message))


# ── our side ─────────────────────────────────────────────────────────────────────────────────────────────────────


def errors_of(status: int, headers: Mapping[str, str], body: bytes) -> errors.NostroError:
    """Our error for an answer that is none. A 403 counts as `Forbidden` only in the exchange's own form, a JSON
    object or text: a page of HTML is some gateway's, and says nothing about the key."""
    said = _said(body)
    message = f"ALP.COM answered {status}" + (f": {sentence(said)}" if said else "")
    if status >= 500 or (status in (403, 408) and _own(body) is None) or 300 <= status < 400:
        return errors.Failing(message, hint="ask again later", exchange="alp", status=status)
    if status == 429:
        return errors.RateLimited(message, retry_after_s=retry_after_s(headers), exchange="alp", status=status)
    kind = errors.Forbidden if status == 403 else _BY_STATUS.get(status, errors.BadRequest)
    own = _own(body)
    if status == 400 and isinstance(own, dict):
        kind = _BY_CODE.get(str(own.get("code")), errors.BadRequest)
    return kind(message, hint=_HINTS.get(kind, ""), exchange="alp", status=status)


def _own(body: bytes) -> dict[str, Any] | str | None:
    """The body where it has the exchange's own form: a JSON object or a JSON text."""
    try:
        own = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return own if isinstance(own, dict | str) else None


def _said(body: bytes) -> str:
    own = _own(body)
    if isinstance(own, str):
        return own
    if own is None:
        return f"{len(body)} bytes that are not an error of this exchange" if body else ""
    message, form = own.get("message"), own.get("formErrors")
    return str(message) if message else f"{form}" if form else ""
