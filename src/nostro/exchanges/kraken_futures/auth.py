"""How Kraken Futures signs and verifies: an HMAC over what was sent, with a secret that is base64.

``Authent`` = base64(HMAC-SHA512(base64decode(secret), SHA256(query + body + nonce + path))): the query without ``?``
and the body exactly as they are sent, the path without ``/derivatives``. A nonce is optional; we send none, because
several programs with one key would get in each other's way (what a request can do twice is guarded by ``writes``).
Source: Kraken Futures documentation, *Authentication*, the rule of 20 Feb 2024; python-kraken-sdk 3.5.1, ccxt 4.5.90.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import Final

import msgspec

from nostro import errors
from nostro.exchanges.kraken_futures import costs, written
from nostro.exchanges.kraken_futures.codec import batch_items, parameters
from nostro.exchanges.kraken_futures.desk import desk
from nostro.exchanges.kraken_futures.refusals import refused
from nostro.link.declare import Route, SignIn, Signing, WireRefusal
from nostro.link.http import HttpRequest, header
from nostro.link.view import Login, VenueView

_PREFIX: Final = "/derivatives"
_NONCE: Final = re.compile(r"[0-9]{1,20}", re.ASCII)


def authent(secret: str, data: bytes, *, nonce: str, path: str) -> str:
    """The signature of a request. Raises `BadValue` as `signed`."""
    return signed(secret, data + nonce.encode() + path.removeprefix(_PREFIX).encode())


def signed(secret: str, message: bytes) -> str:
    """HMAC-SHA512 over the SHA-256 of a message, with the decoded secret; base64. Raises `BadValue` for a secret that
    is no base64."""
    try:
        key = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        raise errors.BadValue(
            "the secret of this key is not base64", hint="nothing was sent: copy it once more, whole",
            exchange="kraken_futures",
        ) from None  # fmt: skip
    return base64.b64encode(hmac.digest(key, hashlib.sha256(message).digest(), "sha512")).decode()


class KrakenAuth:
    """`Auth` of Kraken Futures; nobody signs in."""

    sign_in: SignIn | None = None

    def sign(self, route: Route, request: HttpRequest, signing: Signing) -> HttpRequest:
        """Adds the headers; public calls stay as they are."""
        if route.auth == "none" or signing.credentials is None:
            return request
        key, secret = signing.credentials.key, signing.credentials.secret
        signature = authent(secret, request.query.encode() + request.body, nonce="", path=request.path)
        return msgspec.structs.replace(request, headers=request.headers | {"APIKey": key, "Authent": signature})

    def verify(self, route: Route, request: HttpRequest, view: VenueView) -> Login | None:
        """``authenticationError`` for a wrong key or signature, ``nonceDuplicate`` and ``nonceBelowThreshold`` for a
        used or old nonce, ``apiLimitExceeded`` (429 from the histories) beyond the budget of the key."""
        if route.auth == "none":
            return None
        now = written.now(view)
        login = view.login_by_key(header(request.headers, "APIKey") or "")
        nonce = header(request.headers, "Nonce") or ""
        secret = login.secret if login is not None else ""  # the same work for a key that is unknown
        expected = authent(secret, request.query.encode() + request.body, nonce=nonce, path=request.path)
        given = header(request.headers, "Authent") or ""
        same = hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
        if login is None or not same or (nonce and not _NONCE.fullmatch(nonce)):
            raise refused("authenticationError", now)
        if nonce and (code := desk(view).take_nonce(login.key, int(nonce))):
            raise refused(code, now)
        self._charge(route, request, view, key=login.key)
        return login

    def _charge(self, route: Route, request: HttpRequest, view: VenueView, *, key: str) -> None:
        pool = costs.pool(route)
        given = dict(parameters(request))
        price = costs.cost(route, given, items=_items(given.get("json", "")))
        wait_s = desk(view).spend(key, pool, cost=price, now_ns=view.now_ns())
        if wait_s is None:
            return
        if pool is costs.HISTORY:
            headers = {"Content-Type": "text/plain", "rate-limit-reset": str(wait_s)}
            raise WireRefusal(429, b"apiLimitExceeded", headers)
        raise refused("apiLimitExceeded", written.now(view))


def _items(text: str) -> int:
    """How many orders a batch has; none where it cannot be read, which is refused later."""
    try:
        return len(batch_items(text)) if text else 0
    except ValueError:
        return 0
