"""How BingX's swap API v1 signs and verifies: HMAC-SHA256 over method, path and all members in order of their names.

It decides who is asking. Source: the documents' page Signature, whose published sample it reproduces (the phrase that
the secret is added to the text is wrong: it is the key of the HMAC alone), and the exchange's own examples. That a time
more than 30 s off is refused in both directions is *ours*.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final
from urllib.parse import unquote, urlencode

import msgspec

from nostro import errors
from nostro.exchanges.bingx_v1.codec import members
from nostro.exchanges.bingx_v1.refusals import BAD_PARAMETER, UNAUTHORIZED, bad_parameter, refused
from nostro.link.declare import Route, SignIn, Signing
from nostro.link.http import HttpRequest
from nostro.link.view import Login, VenueView

MILLISECOND_NS: Final = 1_000_000
WINDOW_NS: Final = 30_000 * MILLISECOND_NS  # Source: the documents of v1; v2 has 5 s
SIGNATURE_BYTES: Final = 32
ESCAPES_MAX: Final = 2  # the Go example escapes the signature twice


def text_to_sign(method: str, path: str, *, said: dict[str, str]) -> str:
    """All members but ``sign``, in order of their names, raw."""
    joined = "&".join(f"{name}={value}" for name, value in sorted(said.items()) if name != "sign")
    return f"{method}{path}{joined}"


def signature(text: str, secret: str) -> str:
    """Base64 of the HMAC-SHA256."""
    return base64.b64encode(hmac.digest(secret.encode(), text.encode("utf-8", "surrogatepass"), "sha256")).decode()


def signature_bytes(given: str) -> bytes | None:
    """The 32 bytes that ``sign`` carries, escaped up to twice more, a plus sign perhaps lost to a space; None for what
    is no signature."""
    for _ in range(ESCAPES_MAX + 1):
        try:
            raw = base64.b64decode(given.replace(" ", "+"), validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) == SIGNATURE_BYTES:
            return raw
        given = unquote(given)
    return None


class BingxAuth:
    """`Auth` of the wire: there is no sign-in, every private call is signed."""

    sign_in: SignIn | None = None

    def sign(self, route: Route, request: HttpRequest, signing: Signing) -> HttpRequest:
        """The form with key, time and signature. Public calls are not signed."""
        if route.auth == "none":
            return request
        if signing.credentials is None:
            raise errors.Unauthorized(
                f"BingX {route.name} needs a key", hint="open the account with key= and secret=", exchange="bingx_v1"
            )
        timestamp = str(signing.now_ns // MILLISECOND_NS)
        said = members(request) | {"apiKey": signing.credentials.key, "timestamp": timestamp}
        text = text_to_sign(request.method, request.path, said=said)
        pairs = [*sorted(said.items()), ("sign", signature(text, signing.credentials.secret))]
        return msgspec.structs.replace(request, body=urlencode(pairs).encode())

    def verify(self, route: Route, request: HttpRequest, view: VenueView) -> Login | None:
        """Over the members that arrived, empty ones too. Public calls are not looked at: one client signs them."""
        if route.auth == "none":
            return None
        try:
            said = members(request)
        except ValueError as error:
            raise bad_parameter("request", str(error)) from None
        login = view.login_by_key(said.get("apiKey", ""))
        if login is None:
            raise refused(UNAUTHORIZED, "apiKey is not known")
        given = signature_bytes(said.get("sign", ""))
        text = text_to_sign(request.method, request.path, said=said)
        expected = hmac.digest(login.secret.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        if given is None or not hmac.compare_digest(given, expected):
            raise refused(BAD_PARAMETER, "signature not match")
        _check_time(said.get("timestamp", ""), view.now_ns())
        return login


def _check_time(timestamp: str, now_ns: int) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
        raise bad_parameter("timestamp", "must be milliseconds since 1970")
    if abs(int(timestamp) * MILLISECOND_NS - now_ns) > WINDOW_NS:
        raise bad_parameter("timestamp", "is more than 30 s away from the server's time")
