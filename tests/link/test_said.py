"""Shows what of an exchange's error may be logged: one line, cut, without anything secret."""

from __future__ import annotations

import re

import msgspec
import pytest

from nostro.link.said import SENTENCE_CHARACTERS, retry_after_s, sentence, unread

HEX = "ab12" * 16


@pytest.mark.parametrize(
    "secret",
    [
        HEX, f"0x{HEX}", f"api_key={HEX[:9]}", 'secret": "short"', "token: abc", "private_key=0x1", "gravity=ab.cd",
        "password 'x'=y".replace(" 'x'", ""), "eyJhbGciOi.eyJleHAiOj.c2lnbmF0dXJl",
    ],
)  # fmt: skip
def test_secrets_are_hidden(secret: str) -> None:
    shown = sentence(f"refused {secret} for BTC_USDT_Perp")
    assert "[hidden]" in shown
    value = re.split(r"[=:\s\"]+", secret)[-1] or secret
    assert len(value) < 3 or value not in shown
    assert shown.endswith("for BTC_USDT_Perp")


def test_one_line_that_ends() -> None:
    assert sentence("a\nb\x1b[31m\u202ec") == "a\\nb\\x1b[31m\\u202ec"
    assert sentence("x" * 1_000) == "x" * SENTENCE_CHARACTERS + "…"
    assert sentence("order 12 of BTC_USDT") == "order 12 of BTC_USDT"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", 7.0), ("", None), ("-1", None), ("Fri, 20 Nov 2026", None), ("٣", None), ("9" * 9, None)],
)
def test_when_to_ask_again(text: str, expected: float | None) -> None:
    assert retry_after_s({"retry-after": text}) == expected
    assert retry_after_s({}) is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the answer is empty"),
        (b"<html>", "the answer is a page of HTML, not JSON"),
        (b'"\xff"', "the answer is not UTF-8"),
        (b"[" * 100_000, "the answer is nested too deeply"),
        (b"{", "Input data was truncated"),
    ],
)
def test_why_an_answer_is_none(body: bytes, says: str) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError, RecursionError)) as failed:
        msgspec.json.decode(body)
    assert unread(failed.value, body) == says
