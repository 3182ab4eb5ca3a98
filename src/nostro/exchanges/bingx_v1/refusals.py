"""The errors of BingX's swap API v1, both ways: how the server words them, and which error of ours an answer is.

Errors of the application have HTTP status 200 and a ``code`` that is not 0. Source: the list of codes that the
documents of v1 and v2 share, the table in the only connector on PyPI, and one answer that was observed (80014 for a bad
signature). Which code v1 used for each refusal is documented nowhere: the choice is *ours*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from nostro import errors
from nostro.exchanges.bingx_v1.messages import Envelope
from nostro.link.commands import Refusal, Rejected
from nostro.link.declare import WireRefusal
from nostro.link.said import retry_after_s, sentence

FAILED: Final = 80001
BAD_PARAMETER: Final = 80014
NO_ORDER: Final = 80016
NO_POSITION: Final = 80017
UNAUTHORIZED: Final = 100001
NO_FUNDS: Final = 100202
OUT_OF_BAND: Final = 100440
BUSY: Final = frozenset({80012, 100500, 100503})

_CODES: Final[Mapping[Refusal, int]] = {
    Refusal.INSUFFICIENT_FUNDS: NO_FUNDS,
    Refusal.PRICE_OUT_OF_BAND: OUT_OF_BAND,
    Refusal.NO_POSITION: NO_POSITION,
    Refusal.REDUCE_TOO_LARGE: NO_POSITION,
    Refusal.UNKNOWN_ORDER: NO_ORDER,
    Refusal.TOO_MANY_ORDERS: FAILED,
    Refusal.POSITION_TOO_LARGE: FAILED,
}  # all others name a parameter: 80014
_ERRORS: Final[Mapping[int, type[errors.Refused]]] = {
    UNAUTHORIZED: errors.Unauthorized, NO_ORDER: errors.NotFound, NO_POSITION: errors.NotFound,
    NO_FUNDS: errors.InsufficientFunds, OUT_OF_BAND: errors.OrderRejected,
}  # fmt: skip
_STATUSES: Final[Mapping[int, type[errors.Refused]]] = {
    401: errors.Unauthorized, 403: errors.Forbidden, 404: errors.NotFound,
}  # fmt: skip
_HINTS: Final[Mapping[type[errors.Refused], str]] = {
    errors.Unauthorized: "check key and secret, and this machine's clock",
    errors.NotFound: "nothing was done: check the id and the symbol",
    errors.InsufficientFunds: "see `nostro margin`",
    errors.BadRequest: "nothing was begun: correct what is named, and ask again",
}
_SECRETS: Final = re.compile(r"[A-Za-z0-9+/]{32,}={0,2}")  # keys and signatures that an answer may echo


# ── the server's side ────────────────────────────────────────────────────────────────────────────────────────────


def refused(code: int, message: str) -> WireRefusal:
    return WireRefusal(200, Envelope(code=code, msg=message, message=message))


def bad_parameter(name: str, message: str) -> WireRefusal:
    return refused(BAD_PARAMETER, f"{name}: {message}")


def rejected(outcome: Rejected) -> WireRefusal:
    """The venue refused."""
    return refused(_CODES.get(outcome.reason, BAD_PARAMETER), outcome.detail)


def refusal(status: int, message: str) -> WireRefusal:
    """One that no call words: it has an HTTP status."""
    return WireRefusal(status, Envelope(code=status, msg=message, message=message))


# ── our side ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Said(msgspec.Struct, frozen=True):
    code: int = 0
    msg: str | None = None
    message: str | None = None

    @property
    def sentence(self) -> str:
        return self.msg or self.message or ""


_DECODER: Final = msgspec.json.Decoder(Said)


def said(body: bytes) -> Said | None:
    """The code and sentence of an answer, None where it has not this exchange's form."""
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def is_refusal(body: bytes) -> bool:
    found = said(body)
    return found is not None and found.code != 0


def errors_of(status: int, headers: Mapping[str, str], body: bytes) -> errors.NostroError:
    """Our error for an answer that is none. 80014 is also what a bad signature was answered with."""
    found = said(body)
    text = sentence(found.sentence, _SECRETS) if found is not None else ""
    code = found.code if found is not None else 0
    message = f"BingX answered {code or status}" + (f": {text}" if text else "")
    if status in (418, 429) or code == 429:
        wait_s = retry_after_s(headers)
        return errors.RateLimited(message, retry_after_s=wait_s, exchange="bingx_v1", status=status)
    if status >= 500 or code in BUSY or (status < 300 and found is None) or 300 <= status < 400:
        return errors.Failing(message, hint="ask again later", exchange="bingx_v1", status=status)
    if code == BAD_PARAMETER and "signature" in text:
        kind: type[errors.Refused] = errors.Unauthorized
    else:
        kind = _ERRORS.get(code) or _STATUSES.get(status, errors.BadRequest)
    return kind(message, hint=_HINTS.get(kind, ""), exchange="bingx_v1", status=status)
