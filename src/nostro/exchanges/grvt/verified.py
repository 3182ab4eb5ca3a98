"""The signature of an order, as the paper exchange verifies it. It decides whether an order is signed by who may sign
it, and the code where it is not, in the order in which the checks are suggested: numbers, digest, chain, signer,
permission, end. What an order may say is decided in ``serve_trading.py``.
"""

from __future__ import annotations

import re
from typing import Final

from nostro.domain.values import Malformed
from nostro.exchanges.grvt import accounts, eip712, given, written
from nostro.exchanges.grvt.eip712 import HALF_CURVE, Mark
from nostro.exchanges.grvt.messages import Signature
from nostro.exchanges.grvt.orders import Order
from nostro.exchanges.grvt.refusals import (
    BAD_R_OR_S,
    BAD_V,
    HIGH_S,
    MALFORMED,
    NO_PERMISSION,
    OFF_TICK,
    SIGNATURE_EXPIRED,
    SIGNATURE_MISMATCH,
    SIGNER_UNKNOWN,
    TOO_GRANULAR,
    UNSUPPORTED,
    WRONG_CHAIN,
    refused,
)
from nostro.exchanges.grvt.signing import Listed, Unscalable, number, typed
from nostro.link.view import Login, VenueView

_HALF: Final = re.compile(r"0[xX][0-9a-fA-F]{64}", re.ASCII)


def order(view: VenueView, order: Order, *, login: Login, user: int) -> int:
    """When the order ends: its signature does. Raises `WireRefusal` where it does not hold for the sub-account of
    ``user``."""

    def listed(code: str) -> Listed:
        return written.listed(view, given.instrument(view, code, unknown=UNSUPPORTED))

    try:
        terms = typed(order, listed)
    except Unscalable as error:
        raise refused(TOO_GRANULAR if error.field == "size" else OFF_TICK, str(error)) from None
    except Malformed as error:
        raise refused(MALFORMED, str(error)) from None
    try:
        struct_hash = eip712.order_hash(terms)
    except OverflowError as error:
        raise refused(MALFORMED, str(error)) from None
    _permitted(view, struct_hash, order.signature, login=login, user=user)
    if "trade" not in login.permissions:
        raise refused(NO_PERMISSION)
    return _in_time(view, order.signature)


def builder(view: VenueView, struct_hash: bytes, *, signature: Signature, login: Login) -> None:
    """Raises `WireRefusal` where an authorisation of a builder is not signed by its main account."""
    _permitted(view, struct_hash, signature, login=login, user=accounts.main_of(login))
    _in_time(view, signature)


def _permitted(view: VenueView, struct_hash: bytes, signature: Signature, *, login: Login, user: int) -> None:
    """Raises `WireRefusal` unless this was signed by who it says, and that one may."""
    signer = _signer(struct_hash, signature)
    if signer != signature.signer.lower():
        raise refused(SIGNATURE_MISMATCH)
    if signer not in accounts.may_sign(view, login, user=user):
        raise refused(SIGNER_UNKNOWN)


def _signer(struct_hash: bytes, signature: Signature) -> str:
    """Whose address the signature gives. Raises `WireRefusal` for one of another form or chain."""
    if str(signature.v) not in ("27", "28"):
        raise refused(BAD_V)
    if not (_HALF.fullmatch(signature.r) and _HALF.fullmatch(signature.s)):
        raise refused(BAD_R_OR_S)
    if int(signature.s, 16) > HALF_CURVE:
        raise refused(HIGH_S)
    if str(signature.chain_id or 0) not in ("0", str(eip712.CHAIN)):
        raise refused(WRONG_CHAIN)
    try:
        mark = Mark(signature.r, signature.s, int(signature.v))
        return eip712.recovered(eip712.digest(struct_hash, eip712.CHAIN), mark)
    except ValueError:
        raise refused(SIGNATURE_MISMATCH) from None


def _in_time(view: VenueView, signature: Signature) -> int:
    """When the signature ends. Raises `WireRefusal` where it has."""
    ends_ns = number(signature.expiration, "expiration")
    if ends_ns <= view.now_ns():
        raise refused(SIGNATURE_EXPIRED)
    return ends_ns
