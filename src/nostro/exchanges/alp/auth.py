"""How ALP.COM signs and verifies: a JSON web token for a key and its secret, and X-SIGN over a body's exact bytes.

It decides who is asking; whether that one may, stands in the routes. Source: API reference of 2023, Authorization.
HS256 and the reading of ``exp`` are the Python client's. X-SIGN covers the body alone, neither time nor path: by this
protocol a request can be replayed while its token lives.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

import msgspec

from nostro.domain.values import SECOND_NS
from nostro.exchanges.alp import requests
from nostro.exchanges.alp.codec import decode_body
from nostro.exchanges.alp.dialects import Dialect
from nostro.exchanges.alp.refusals import unauthorized
from nostro.exchanges.alp.routes import SIGN_IN
from nostro.link.declare import Credentials, Route, SignIn, Signing
from nostro.link.http import HttpRequest, header
from nostro.link.view import Login, VenueView

TOKEN_CHARACTERS: Final = 4096  # a longer one is not worth looking at
_HEADER: Final = b'{"alg":"HS256","typ":"JWT"}'


class Claims(msgspec.Struct, frozen=True):
    """``exp``: when the token ends, Unix seconds. ``sub``: the key (*ours*; the document names only ``exp``)."""

    exp: int
    sub: str = ""


# ── signatures ───────────────────────────────────────────────────────────────────────────────────────────────────


def x_sign(body: bytes, secret: str) -> str:
    """The lower-case hex HMAC-SHA256 of exactly these bytes."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def x_sign_fits(given: str, body: bytes, *, secret: str) -> bool:
    """In constant time; upper-case hex is taken too."""
    return hmac.compare_digest(given.lower().encode("utf-8", "replace"), x_sign(body, secret).encode())


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────


def issue_token(claims: Claims, venue_secret: bytes) -> str:
    signed = f"{_base64(_HEADER)}.{_base64(msgspec.json.encode(claims))}"
    return f"{signed}.{_base64(hmac.digest(venue_secret, signed.encode(), 'sha256'))}"


def verify_token(token: str, venue_secret: bytes) -> Claims:
    """The claims of a token that we issued. Raises ValueError for any other."""
    signed, _, signature = token.rpartition(".")
    expected = _base64(hmac.digest(venue_secret, signed.encode("utf-8", "replace"), "sha256"))
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
        raise ValueError("the token is not signed by this exchange")
    return read_claims(token)


def login_by_token(token: str, view: VenueView) -> Login:
    """Whose token this is. Raises `WireRefusal` 401 for one that is not valid, not any more, or nobody's."""
    try:
        claims = verify_token(token, view.sign_tokens_with())
    except ValueError:
        raise unauthorized("the token is not valid") from None
    if claims.exp * SECOND_NS <= view.now_ns():
        raise unauthorized("the token has expired")
    login = view.login_by_key(claims.sub)
    if login is None:
        raise unauthorized("the key of this token is gone")
    return login


def read_claims(token: str) -> Claims:
    """What a token says, unverified: the client's side has no key to verify it with. Raises ValueError."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > TOKEN_CHARACTERS:
        raise ValueError("the answer is not a JSON web token")
    try:
        decoded = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(decoded, type=Claims, strict=False)
    except (ValueError, msgspec.DecodeError, RecursionError):
        raise ValueError("the token's claims cannot be read, or have no exp") from None


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


# ── both sides ───────────────────────────────────────────────────────────────────────────────────────────────────


def sign_in_request(credentials: Credentials) -> requests.SignIn:
    return requests.SignIn(api_key=credentials.key, api_secret=credentials.secret)


def token_of(answer: str, _: Mapping[str, str]) -> tuple[str, int]:
    """The token and its end, ns. Raises ValueError."""
    return answer, read_claims(answer).exp * SECOND_NS


class AlpAuth:
    """`Auth` of ALP.COM in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.sign_in: SignIn | None = SignIn(SIGN_IN, sign_in_request, token_of)

    def sign(self, route: Route, request: HttpRequest, signing: Signing) -> HttpRequest:
        headers = dict(request.headers)
        if route.auth != "none":
            headers["Authorization"] = f"Bearer {signing.token}"
        if signing.credentials is not None and request.body and self._signs(route):
            headers["X-SIGN"] = x_sign(request.body, signing.credentials.secret)
        return msgspec.structs.replace(request, headers=headers)

    def _signs(self, route: Route) -> bool:
        if route.name == SIGN_IN.name:
            return self._dialect.signs_sign_in
        return route.method == "POST" or self._dialect.signs_cancel

    def verify(self, route: Route, request: HttpRequest, view: VenueView) -> Login | None:
        """401 for a wrong key, secret, token or signature; on `sign_in` and on an unsigned cancel X-SIGN is verified
        where it is present. The status for a bad signature is *ours*: no document gives it."""
        if route.name == SIGN_IN.name:
            return self._verify_sign_in(route, request, view)
        if route.auth == "none":
            return None
        scheme, _, token = (header(request.headers, "Authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized("the header Authorization: Bearer is missing")
        login = login_by_token(token, view)
        if route.auth == "signed":
            given = header(request.headers, "X-SIGN")
            if given is None and not (route.method == "DELETE" and self._dialect.cancel_unsigned):
                raise unauthorized("the header X-SIGN is missing")
            if given is not None and not x_sign_fits(given, request.body, secret=login.secret):
                raise unauthorized("X-SIGN does not sign these bytes")
        return login

    def _verify_sign_in(self, route: Route, request: HttpRequest, view: VenueView) -> Login:
        message: requests.SignIn = decode_body(route, request.body)
        login = view.login_by_key(message.api_key)
        secret = login.secret if login is not None else ""  # the same work for a key that is unknown
        same = hmac.compare_digest(message.api_secret.encode("utf-8", "replace"), secret.encode())
        if login is None or not same:
            raise unauthorized("wrong api_key or api_secret")
        given = header(request.headers, "X-SIGN")
        if given is not None and not x_sign_fits(given, request.body, secret=login.secret):
            raise unauthorized("X-SIGN does not sign these bytes")
        return login
