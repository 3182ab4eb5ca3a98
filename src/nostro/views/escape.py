"""Texts that an exchange supplied are data, never markup. It decides how a text is shown on a terminal and in a
spreadsheet, so that it can neither move the cursor, nor turn the line around, nor become a formula."""

from __future__ import annotations

import unicodedata
from typing import Final

# Source: OWASP ASVS 5.0, 1.2.10; the full-width forms are read as the plain ones by spreadsheets in some locales.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001 - meant
# Control, format (also the marks that turn text around), surrogate, private use, line and paragraph separators.
_UNSHOWN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def for_terminal(text: str) -> str:
    """The text with every character that is no ink written as ``\\x1b`` or ``\\u202e``; one line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def for_spreadsheet(text: str) -> str:
    """The text, with ``'`` before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _UNSHOWN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
