"""How GRVT lets in: an API key or a wallet's signature is exchanged for a cookie, which private requests carry with the
account's id. It decides who is asking; whether that one may, stands in the routes. Signatures of orders are verified
where orders are taken (``verified.py``).

Source: the exchange's documentation, API setup; its client ``grvt-pysdk``, which needs ``Expires`` in the form of RFC
1123, and ccxt, which signs in with a wallet. What the cookie holds is *ours*: a key, an end, and a code over both.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from http.cookies import CookieError, SimpleCookie
from typing import Final

import msgspec

from nostro.domain.values import LATEST_NS, SECOND_NS, Malformed
from nostro.exchanges.grvt import accounts, eip712, messages, requests
from nostro.exchanges.grvt.codec import decode_request
from nostro.exchanges.grvt.refusals import (
    FORBIDDEN,
    SIGNATURE_EXPIRED,
    SIGNATURE_MISMATCH,
    UNAUTHENTICATED,
    refused,
    relite,
)
from nostro.exchanges.grvt.routes import API_KEY_LOGIN, WALLET_LOGIN, is_lite
from nostro.exchanges.grvt.signing import address, number
from nostro.link.declare import Credentials, Route, SignIn, Signing, WireRefusal
from nostro.link.http import HttpRequest, header, query_pairs
from nostro.link.view import Login, VenueView

COOKIE: Final = "gravity"
ACCOUNT_ID: Final = "X-Grvt-Account-Id"
ACCOUNT_ID_QUERY: Final = "x_grvt_account_id"  # of a socket's upgrade, instead of the header
_SESSION: Final = re.compile(r"([0-9]{1,11})-([0-9a-f]{2,256})-([0-9a-f]{64})", re.ASCII)


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def issue(view: VenueView, login: Login) -> dict[str, str]:
    """The headers that begin a session."""
    ends_s = view.now_ns() // SECOND_NS + view.token_life_s()
    said = f"{ends_s}-{login.key.encode().hex()}"
    expires = formatdate(ends_s, usegmt=True)
    return {
        "Set-Cookie": f"{COOKIE}={said}-{_code(view, said)}; Path=/; Expires={expires}; HttpOnly; Secure",
        ACCOUNT_ID: accounts.account_id(view, login),
    }


def login_by_headers(view: VenueView, request: HttpRequest) -> Login:
    """Whose session a request is of. Raises `WireRefusal` 1000 for none, an ended one, or another account's."""
    return session_by_headers(view, request)[0]


def session_by_headers(view: VenueView, request: HttpRequest) -> tuple[Login, int]:
    """Whose session a request is of, and when it ends, ns. Raises as `login_by_headers`."""
    account_id = header(request.headers, ACCOUNT_ID) or _in_query(request)
    for session in _cookies(header(request.headers, "Cookie") or ""):
        login = _login(view, session)
        if login is not None and account_id and account_id.lower() == accounts.account_id(view, login):
            return login, int(session.partition("-")[0]) * SECOND_NS
    raise refused(UNAUTHENTICATED)


def _in_query(request: HttpRequest) -> str | None:
    try:
        return dict(query_pairs(request.query)).get(ACCOUNT_ID_QUERY)
    except ValueError:
        return None


def _cookies(text: str) -> list[str]:
    """The session cookies of a request; a client may send more than one."""
    pairs = (pair.strip().partition("=") for pair in text.split(";"))
    return [value for name, _, value in pairs if name == COOKIE]


def _login(view: VenueView, session: str) -> Login | None:
    found = _SESSION.fullmatch(session)
    if found is None or int(found[1]) * SECOND_NS <= view.now_ns():
        return None
    if not hmac.compare_digest(found[3], _code(view, f"{found[1]}-{found[2]}")):
        return None
    return view.login_by_key(bytes.fromhex(found[2]).decode())


def _code(view: VenueView, said: str) -> str:
    return hmac.new(view.sign_tokens_with(), said.encode(), hashlib.sha256).hexdigest()


# ── both sides ───────────────────────────────────────────────────────────────────────────────────────────────────


def sign_in_request(credentials: Credentials) -> requests.ApiKeyLogin:
    return requests.ApiKeyLogin(api_key=credentials.key)


def token_of(_: messages.SignedIn, headers: Mapping[str, str]) -> tuple[str, int]:
    """The token and its end, ns. A cookie without an end is taken for one that lasts: a request that it does not carry
    any more says so. Raises ValueError."""
    account_id, cookies = header(headers, ACCOUNT_ID), SimpleCookie()
    try:
        cookies.load(header(headers, "Set-Cookie") or "")
    except CookieError:
        raise ValueError("the cookie cannot be read") from None
    if COOKIE not in cookies or not account_id:
        raise ValueError(f"there is no cookie {COOKIE} with a header {ACCOUNT_ID}")
    expires = cookies[COOKIE]["expires"]
    ends_ns = int(parsedate_to_datetime(expires).timestamp()) * SECOND_NS if expires else LATEST_NS
    return f"{account_id} {cookies[COOKIE].value}", ends_ns


class GrvtAuth:
    """`Auth` of GRVT. A token is the account's id and the cookie, with a space between them."""

    def __init__(self) -> None:
        self.sign_in: SignIn | None = SignIn(API_KEY_LOGIN, sign_in_request, token_of)

    def sign(self, route: Route, request: HttpRequest, signing: Signing) -> HttpRequest:
        """Orders are signed in their bodies, where they are made (``do.py``)."""
        if route.auth == "none":
            return request
        return msgspec.structs.replace(request, headers={**request.headers, **session_headers(signing)})

    def verify(self, route: Route, request: HttpRequest, view: VenueView) -> Login | None:
        if route.name == API_KEY_LOGIN.name:
            return self._by_key(route, request, view)
        if route.name == WALLET_LOGIN.name:
            return self._by_wallet(route, request, view)
        if route.auth == "none":
            return None
        try:
            return allowed(route, login_by_headers(view, request))
        except WireRefusal as refusal:
            raise relite(refusal) if is_lite(route.path) else refusal from None

    def _by_key(self, route: Route, request: HttpRequest, view: VenueView) -> Login:
        message: requests.ApiKeyLogin = decode_request(route, request)
        login = view.login_by_key(message.api_key)
        if login is None:
            raise refused(UNAUTHENTICATED, "unknown API key")
        return login

    def _by_wallet(self, route: Route, request: HttpRequest, view: VenueView) -> Login:
        """The signer must be whom the address says, and have a login here."""
        message: requests.WalletLogin = decode_request(route, request)
        signer = _signer(message)
        if number(message.signature.expiration, "expiration") <= view.now_ns():
            raise refused(SIGNATURE_EXPIRED)
        keys = ((each, each.extra.get(accounts.PRIVATE_KEY)) for each in view.logins())
        login = next((each for each, key in keys if key and eip712.address_of(key) == signer), None)
        if login is None:
            raise refused(UNAUTHENTICATED, "this wallet has no account")
        return login


def session_headers(signing: Signing) -> dict[str, str]:
    """What private requests carry, and the upgrade of a socket."""
    account_id, _, cookie = signing.token.partition(" ")
    return {"Cookie": f"{COOKIE}={cookie}", ACCOUNT_ID: account_id}


def allowed(route: Route, login: Login) -> Login:
    """The login, where it may call the route. Raises `WireRefusal` 1001."""
    if route.permission and route.permission not in login.permissions:
        raise refused(FORBIDDEN, f"this key lacks the permission {route.permission}")
    return login


def _signer(message: requests.WalletLogin) -> str:
    """The address that signed a wallet login. Raises `WireRefusal` 2002."""
    signed = message.signature
    try:
        terms = eip712.wallet_login_hash(
            signer=address(signed.signer, "signer"),
            nonce=number(signed.nonce, "nonce"),
            expiration=number(signed.expiration, "expiration"),
        )
        mark = eip712.Mark(signed.r, signed.s, number(signed.v, "v"))
        signer = eip712.recovered(eip712.digest(terms, eip712.CHAIN), mark)
    except (Malformed, ValueError, OverflowError):
        raise refused(SIGNATURE_MISMATCH) from None
    if not signer == signed.signer.lower() == message.address.lower():
        raise refused(SIGNATURE_MISMATCH)
    return signer
