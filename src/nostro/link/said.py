"""What an exchange says, as it may be shown: its errors, and why an answer is none. It decides what may be logged of
it: one line, cut, without anything secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from nostro.link.http import header

SENTENCE_CHARACTERS: Final = 200
# What an exchange may echo and nobody may log: tokens, signatures, and what stands behind a telling name.
SECRETS: Final = re.compile(
    r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|\b(?:0x)?[0-9a-fA-F]{32,}\b|(?i:(?<=secret)|(?<=token)|(?<=api_key)|(?<=password)"
    r"|(?<=private_key)|(?<=gravity))[\"']?\s*[:=]\s*[\"']?[^\s\"',}]+"
)


def sentence(text: str, hiding: re.Pattern[str] = SECRETS) -> str:
    """One line that is safe to log: ``hiding`` hidden, cut, control and other unprintable characters escaped."""
    hidden = hiding.sub("[hidden]", text[: 4 * SENTENCE_CHARACTERS])
    cut = hidden if len(hidden) <= SENTENCE_CHARACTERS else hidden[:SENTENCE_CHARACTERS] + "…"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut)


def unread(error: Exception, body: bytes) -> str:
    """Why ``body`` could not be decoded as JSON of the form expected, in a few words; ``error``: what the decoder
    raised."""
    if not body:
        return "the answer is empty"
    if isinstance(error, RecursionError):
        return "the answer is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "the answer is not UTF-8"
    if body.lstrip()[:1] == b"<":
        return "the answer is a page of HTML, not JSON"
    return str(error)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds of ``Retry-After``; None where the header is missing or gives a date."""
    text = header(headers, "Retry-After") or ""
    return float(text) if re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) else None
