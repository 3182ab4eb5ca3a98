"""A terminal for tests, as small as it can be: it understands the escapes that a screen may use, and refuses all
others. Written from ECMA-48 and xterm's list of private modes."""

from __future__ import annotations

import re

from rich.cells import cell_len

_ESCAPE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")
KNOWN_MODES = {7, 25, 1049, 2026}


class Emulated:
    """``lines``: what is to be seen. ``modes``: the private modes that are set; 7 (wrapping) and 25 (the cursor) are
    from the start. ``styles``: every SGR that was sent. ``written``: how many lines were addressed."""

    def __init__(self, width: int, height: int) -> None:
        self.modes = {7, 25}
        self.styles: set[str] = set()
        self.written = 0
        self._row = self._column = 0
        self._rest = ""
        self.resize(width, height)
        self._main = list(self._cells)

    def resize(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells = [[" "] * width for _ in range(height)]

    @property
    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self._cells]

    def feed(self, received: bytes) -> None:
        text = self._rest + received.decode()
        self._rest = ""
        at = 0
        while at < len(text):
            letter = text[at]
            if letter == "\x1b":
                match = _ESCAPE.match(text, at)
                if match is None:
                    assert len(text) - at < 12, f"no escape that is known: {text[at : at + 12]!r}"
                    self._rest = text[at:]
                    return
                self._escape(*match.groups())
                at = match.end()
                continue
            self._put(letter)
            at += 1

    def _put(self, letter: str) -> None:
        if letter == "\r":
            self._column = 0
        elif letter == "\n":
            self._down()
        elif letter == "\x18":
            pass
        else:
            assert letter.isprintable(), repr(letter)
            size = cell_len(letter)
            if self._column + size > self.width:
                assert 7 in self.modes, f"a line is wider than the terminal: {self.lines[self._row]!r} {letter!r}"
                self._column = 0
                self._down()
            self._cells[self._row][self._column : self._column + size] = [letter, *[""] * (size - 1)]
            self._column += size

    def _down(self) -> None:
        if self._row + 1 < self.height:
            self._row += 1
        else:
            self._cells = [*self._cells[1:], [" "] * self.width]

    def _escape(self, private: str, parameters: str, final: str) -> None:
        numbers = [int(each) for each in parameters.split(";") if each]
        match (private, final):
            case ("?", "h" | "l"):
                assert set(numbers) <= KNOWN_MODES, parameters
                for number in numbers:
                    self._mode(number, is_set=final == "h")
            case ("", "H"):
                row, column = numbers
                assert 1 <= row <= self.height, f"line {row} of {self.height}"
                self._row, self._column = row - 1, column - 1
                self.written += 1
            case ("", "K"):
                assert not numbers
                assert self._column < self.width, "the last letter of a full line would go"
                self._cells[self._row][self._column :] = [" "] * (self.width - self._column)
            case ("", "J"):
                assert numbers == [2]
                self._cells = [[" "] * self.width for _ in range(self.height)]
            case ("", "m"):
                self.styles.add(parameters)
            case _:
                raise AssertionError(f"no escape that is known: {private}{parameters}{final}")

    def _mode(self, number: int, *, is_set: bool) -> None:
        if number == 1049 and is_set != (1049 in self.modes):
            self._main, self._cells = self._cells, self._main
            if is_set:
                self._cells = [[" "] * self.width for _ in range(self.height)]
        self.modes = self.modes | {number} if is_set else self.modes - {number}
