"""What is typed, as names of keys. It decides where a key ends: terminals send escapes for arrows and the like, over a
slow line in pieces, and a letter of UTF-8 too. What a key does is decided in ``views/choices.py``.

Source: ECMA-48 (CSI, SS3); the codes of xterm, tmux and screen for the same keys.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Final

LETTERS: Final[Mapping[str, str]] = {
    "\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace", "\x0c": "redraw",
}  # fmt: skip
SEQUENCES: Final[Mapping[str, str]] = {
    "A": "up", "B": "down", "H": "home", "F": "end", "1~": "home", "4~": "end", "7~": "home", "8~": "end",
    "5~": "page up", "6~": "page down",
}  # fmt: skip
# After ESC: CSI with parameters and a last letter, SS3 with one, or a letter that was typed with Alt.
_SEQUENCE: Final = re.compile(r"\x1b(?:\[([0-?]*)[ -/]*([@-~])|O(.)|([^\[O]))")
_BEGUN: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?$")


class Typed:
    """Bytes in, keys out. An escape that may go on is held until `settled`."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = ""

    def keys(self, received: bytes) -> list[str]:
        """The keys that are whole: a letter is itself, others have names; what means nothing to us is left out."""
        text = self._waiting + self._decoder.decode(received)
        found: list[str] = []
        while text and not _BEGUN.match(text):
            key, text = _first(text)
            found += [key] if key else []
        self._waiting = text
        return found

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def settled(self) -> list[str]:
        """Nothing followed: an escape alone was the key of that name."""
        waiting, self._waiting = self._waiting, ""
        return ["escape"] if waiting else []


def _first(text: str) -> tuple[str, str]:
    match = _SEQUENCE.match(text)
    if match is None:
        letter = text[0]
        return LETTERS.get(letter, letter if letter.isprintable() else ""), text[1:]
    parameters, last, single, typed = match.groups()
    if typed is not None:  # Esc, and then a key so soon that they came together
        return "escape", text[1:]
    code = f"{parameters.partition(';')[0]}~" if last == "~" else last or single
    return SEQUENCES.get(code, ""), text[match.end() :]
