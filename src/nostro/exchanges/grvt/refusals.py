"""The errors of GRVT, both ways: how the server words them, and which error of ours an answer is.

Source: the exchange's ``api-spec`` (May 2026), the codes of each route with their HTTP status; 7201 is one that ccxt
knows. The specification prints ``request_id`` in an error; captures of REST do not have it, and the exchange's own
client fails over it: it is left out. What a failed login is answered with is not known: 1000.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from nostro import errors
from nostro.exchanges.grvt.lite import in_lite, lite
from nostro.exchanges.grvt.messages import ErrorBody
from nostro.link.commands import Refusal
from nostro.link.declare import WireRefusal
from nostro.link.said import retry_after_s, sentence

UNAUTHENTICATED: Final = 1000
FORBIDDEN: Final = 1001
INTERNAL: Final = 1002
MALFORMED: Final = 1003
NOT_FOUND: Final = 1004
RATE_LIMITED: Final = 1006
SWITCHED_OFF: Final = 1009
WRONG_CHAIN: Final = 1012
NO_PERMISSION: Final = 1400
SIGNER_UNKNOWN: Final = 2000
SIGNATURE_EXPIRED: Final = 2001
SIGNATURE_MISMATCH: Final = 2002
NOT_YOURS: Final = 2003
BAD_V: Final = 2005
BAD_R_OR_S: Final = 2006
HIGH_S: Final = 2007
ORDER_ID_GIVEN: Final = 2010
NO_CLIENT_ID: Final = 2011
CLIENT_ID_ACTIVE: Final = 2012
MARKET_WITH_PRICE: Final = 2020
LIMIT_WITHOUT_PRICE: Final = 2021
BAD_TIME_IN_FORCE: Final = 2030
BAD_POST_ONLY: Final = 2032
NO_LEG: Final = 2040
LEGS: Final = 2042
STATE_GIVEN: Final = 2050
METADATA_GIVEN: Final = 2051
UNSUPPORTED: Final = 2061
TOO_SMALL: Final = 2062
OFF_TICK: Final = 2064
TOO_GRANULAR: Final = 2065
BAD_TRIGGER_BY: Final = 2110
TRIGGER_BY_UNSUPPORTED: Final = 2111
BAD_TRIGGER: Final = 2112
NO_TRIGGER_PRICE: Final = 2113
TRIGGER_NOT_REDUCING: Final = 2114
TIME_TO_LIVE: Final = 2301
NO_ORDER_ID: Final = 3021
BAD_DEPTH: Final = 3031
BAD_INSTRUMENT: Final = 3000
BAD_INTERVAL: Final = 3042
TOO_LONG: Final = 6000
BULK_BOTH: Final = 2222
BULK_INSTRUMENTS: Final = 2232
LEVERAGE_LOW: Final = 2100
LEVERAGE_HIGH: Final = 2101
POSITION_OPEN: Final = 2102  # *ours*: what of the codes of set_position_config it is, no text says

# HTTP status and sentence of each code that the server answers with.
CODES: Final[Mapping[int, tuple[int, str]]] = {
    UNAUTHENTICATED: (401, "not authenticated"),
    FORBIDDEN: (403, "not allowed"),
    INTERNAL: (500, "internal error"),
    MALFORMED: (400, "malformed request"),
    NOT_FOUND: (404, "no such data"),
    RATE_LIMITED: (429, "too many requests for this tier"),
    SWITCHED_OFF: (503, "switched off"),
    WRONG_CHAIN: (400, "wrong chain id in the signature"),
    NO_PERMISSION: (403, "the signer lacks trade permission"),
    SIGNER_UNKNOWN: (403, "the signer is not authorised"),
    SIGNATURE_EXPIRED: (403, "the signature has expired"),
    SIGNATURE_MISMATCH: (403, "the signature does not fit the payload"),
    NOT_YOURS: (403, "the sub account is not the session's"),
    BAD_V: (403, "the signature's v is neither 27 nor 28"),
    BAD_R_OR_S: (403, "the signature's r or s is not 0x and 64 digits"),
    HIGH_S: (403, "the signature's s is in the upper half of the curve"),
    ORDER_ID_GIVEN: (400, "a new order has no order id"),
    NO_CLIENT_ID: (400, "a new order needs a client order id"),
    CLIENT_ID_ACTIVE: (400, "an active order has this client order id"),
    MARKET_WITH_PRICE: (400, "a market order has no limit price"),
    LIMIT_WITHOUT_PRICE: (400, "a limit order needs a limit price"),
    BAD_TIME_IN_FORCE: (400, "time in force not allowed on the order book"),
    BAD_POST_ONLY: (400, "post only does not go with this time in force"),
    NO_LEG: (400, "an order needs a leg"),
    LEGS: (400, "an order of the order book has one leg"),
    STATE_GIVEN: (400, "a new order has no state"),
    METADATA_GIVEN: (400, "a new order has no create time"),
    UNSUPPORTED: (400, "unsupported instrument"),
    TOO_SMALL: (400, "size below the minimum"),
    2066: (400, "notional below the minimum"),
    OFF_TICK: (400, "price off the tick"),
    TOO_GRANULAR: (400, "size too granular"),
    2080: (400, "margin too low"),
    2081: (400, "beyond the maximum position"),
    2082: (400, "pre-order check failed"),
    2083: (400, "beyond the maximum position at this leverage"),
    2090: (429, "too many open orders"),
    BAD_TRIGGER_BY: (400, "invalid trigger_by"),
    TRIGGER_BY_UNSUPPORTED: (400, "unsupported trigger_by"),
    BAD_TRIGGER: (400, "invalid trigger order"),
    NO_TRIGGER_PRICE: (400, "trigger price is zero"),
    TRIGGER_NOT_REDUCING: (400, "a trigger order that closes a position is reduce-only"),
    LEVERAGE_LOW: (400, "leverage too low, or not possible"),
    LEVERAGE_HIGH: (400, "leverage too high"),
    POSITION_OPEN: (400, "not while a position or an order is open"),
    BULK_BOTH: (400, "orders are named by one kind of id"),
    BULK_INSTRUMENTS: (400, "at most 100 orders, of one instrument"),
    2400: (400, "reduce-only without a position"),
    2402: (400, "reduce-only, and larger than the position"),
    TIME_TO_LIVE: (400, "time to live beyond 5 seconds"),
    BAD_INSTRUMENT: (400, "invalid instrument"),
    NO_ORDER_ID: (400, "one of order id and client order id is needed"),
    BAD_DEPTH: (400, "invalid depth"),
    BAD_INTERVAL: (400, "invalid interval or type"),
    TOO_LONG: (400, "countdown too long"),
    7201: (400, "price outside the protection band"),
}
REFUSALS: Final[Mapping[Refusal, int]] = {
    Refusal.UNKNOWN_USER: NOT_YOURS, Refusal.UNKNOWN_INSTRUMENT: UNSUPPORTED, Refusal.WALLET_CANNOT_TRADE: UNSUPPORTED,
    Refusal.BAD_POSITION_SIDE: MALFORMED, Refusal.BAD_TIME_IN_FORCE: BAD_TIME_IN_FORCE,
    Refusal.BAD_AMOUNT: TOO_GRANULAR, Refusal.BAD_PRICE: OFF_TICK, Refusal.BAD_STOP: BAD_TRIGGER,
    Refusal.ALREADY_EXPIRED: SIGNATURE_EXPIRED, Refusal.AMOUNT_TOO_SMALL: TOO_SMALL, Refusal.AMOUNT_TOO_LARGE: 2081,
    Refusal.PRICE_OUT_OF_BAND: 7201, Refusal.VALUE_TOO_SMALL: 2066, Refusal.TOO_MANY_ORDERS: 2090,
    Refusal.POST_ONLY_WOULD_TAKE: 2082, Refusal.NO_POSITION: 2400, Refusal.REDUCE_TOO_LARGE: 2402,
    Refusal.POSITION_TOO_LARGE: 2081, Refusal.LEVERAGE_TOO_HIGH: 2083, Refusal.INSUFFICIENT_FUNDS: 2080,
    Refusal.BAD_LEVERAGE: LEVERAGE_LOW, Refusal.POSITION_OPEN: POSITION_OPEN, Refusal.UNKNOWN_ORDER: NOT_FOUND,
}  # fmt: skip

_BY_CODE: Final[Mapping[int, type[errors.Refused]]] = {
    UNAUTHENTICATED: errors.Unauthorized, 1008: errors.Forbidden, FORBIDDEN: errors.Forbidden,
    NOT_FOUND: errors.NotFound, NO_PERMISSION: errors.Forbidden, SIGNER_UNKNOWN: errors.Forbidden,
    NOT_YOURS: errors.Forbidden, 2004: errors.Unauthorized, 2060: errors.NotFound, UNSUPPORTED: errors.NotFound,
    BAD_INSTRUMENT: errors.NotFound, 2080: errors.InsufficientFunds, 2300: errors.BadRequest,
    TIME_TO_LIVE: errors.BadRequest, LEVERAGE_LOW: errors.BadRequest, LEVERAGE_HIGH: errors.BadRequest,
}  # fmt: skip
_HINTS: Final[Mapping[type[errors.NostroError], str]] = {
    errors.Unauthorized: "check the API key; the exchange takes a key only from the addresses it lists",
    errors.Forbidden: "check sub_account_id, and what this key and its private_key may do",
    errors.InsufficientFunds: "see `nostro margin`",
    errors.NotFound: "check how it is spelled: instruments() lists what the exchange knows",
    errors.OrderRejected: "nothing was begun: correct what is named, and send it again",
    errors.BadRequest: "nothing was begun: correct what is named, and ask again",
}


# ── the server's side ────────────────────────────────────────────────────────────────────────────────────────────


def refused(code: int, detail: str = "", *, lite: bool = False) -> WireRefusal:
    """The refusal of a code, in either encoding. ``detail``: what of it is told besides, and nothing secret."""
    status, sentence = CODES[code]
    body = ErrorBody(code=code, message=f"{sentence}: {detail}" if detail else sentence, status=status)
    return WireRefusal(status, in_lite(body) if lite else body)


def said(code: int, detail: str) -> WireRefusal:
    """The refusal of a subscription, with a code that `CODES` need not have."""
    status, sentence = CODES.get(code, (400, "malformed subscription"))
    return WireRefusal(status, ErrorBody(code=code, message=f"{sentence}: {detail}", status=status))


def refusal(status: int, message: str) -> WireRefusal:
    """One that no serve words, with the code whose status it has, else that of the malformed."""
    code = {401: UNAUTHENTICATED, 403: FORBIDDEN, 404: NOT_FOUND, 429: RATE_LIMITED}.get(status, MALFORMED)
    body = ErrorBody(code=INTERNAL if status >= 500 else code, message=message, status=status)
    return WireRefusal(status, body)


def rejected(reason: Refusal, detail: str) -> WireRefusal:
    """Of a command that the venue refused."""
    return refused(REFUSALS.get(reason, MALFORMED), detail)


def relite(refusal: WireRefusal) -> WireRefusal:
    """The same refusal in the lite encoding."""
    return WireRefusal(refusal.status, in_lite(refusal.body), refusal.headers)


# ── our side ─────────────────────────────────────────────────────────────────────────────────────────────────────


def errors_of(status: int, headers: Mapping[str, str], body: bytes) -> errors.NostroError:
    """Our error for an answer that is none. A 403 counts as `Forbidden` only in the exchange's own form: a page of
    HTML is some gateway's, and says nothing about the key."""
    own = own_error(body)
    if own is None:
        message = f"GRVT answered {status} with {len(body)} bytes that are not an error of this exchange"
    else:
        message = f"GRVT answered {status}: {own.code} {sentence(own.message)}"
    if status >= 500 or (status in (403, 408) and own is None) or 300 <= status < 400:
        return errors.Failing(message, hint="ask again later", exchange="grvt", status=status)
    if status == 429:
        return errors.RateLimited(message, retry_after_s=retry_after_s(headers), exchange="grvt", status=status)
    kind = _kind(own.code if own is not None else 0, status)
    return kind(message, hint=_HINTS.get(kind, ""), exchange="grvt", status=status)


def _kind(code: int, status: int) -> type[errors.Refused]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if 2001 <= code <= 2499 or code == 7201:
        return errors.OrderRejected
    return {401: errors.Unauthorized, 403: errors.Forbidden, 404: errors.NotFound}.get(status, errors.BadRequest)


def own_error(body: bytes) -> ErrorBody | None:
    """The body where it is an error of either encoding."""
    for kind in (ErrorBody, lite(ErrorBody)):
        try:
            said: ErrorBody = msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        return said
    return None
