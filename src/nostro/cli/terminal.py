"""A terminal while a screen is drawn on it: keys one by one, a screen of its own, and everything as it was when that
ends, whatever ends it. It decides how bytes get there and what signals do; what they are is the painter's, what keys
mean the choices'.

Nothing here waits for the terminal: where it takes no more (a slow line, Ctrl-S), what is painted is held back, and who
collects goes on.

Source: POSIX termios; xterm's control sequences (DECSET 25, 7 and 1049).
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TextIO

from nostro.cli.typed import Typed
from nostro.views.lines import Size

ENTERED: Final = b"\x1b[?1049h\x1b[?7l\x1b[?25l\x1b[2J"  # the other screen, no wrapping, no cursor
LEFT: Final = b"\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
CANCELED: Final = b"\x18\x1b[?2026l"  # ends an escape that was sent in part
ESCAPE_S: Final = 0.05  # after which an escape is a key of its own
PARTING_S: Final = 1.0  # for the last bytes to be taken
UNKNOWN_SIZE: Final = Size(80, 24)


class Terminal:
    """``keyed`` is called with each key, ``resized`` where the size changed or everything must be drawn anew, and
    ``hung_up`` where nobody is there any more."""

    def __init__(
        self, stdin: TextIO, stdout: TextIO, *, keyed: Callable[[str], None], resized: Callable[[], None],
        hung_up: Callable[[], None],
    ) -> None:  # fmt: skip
        self._in, self._out = stdin.fileno(), stdout.fileno()
        self._has_keys = stdin.isatty()
        self._encoding = (stdout.encoding, stdout.errors or "strict")
        self._keyed, self._resized, self._hung_up = keyed, resized, hung_up
        self._typed = Typed()
        self._waiting = b""
        self._saved: list[Any] | None = None
        self._own = -1

    def encode(self, text: str) -> bytes:
        """In the terminal's letters, where it has none with plain ones (`output.prepare`)."""
        return text.encode(*self._encoding)

    @property
    def size(self) -> Size:
        try:
            found = os.get_terminal_size(self._out)
        except OSError:
            return UNKNOWN_SIZE
        return Size(found.columns, found.lines) if found.columns and found.lines else UNKNOWN_SIZE

    @property
    def is_busy(self) -> bool:
        """Whether it has not taken yet what was sent last: then nothing more is to be painted."""
        return bool(self._waiting)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """The terminal is ours while it lasts."""
        loop = asyncio.get_running_loop()
        handlers = {
            signal.SIGWINCH: self._resized,
            signal.SIGTSTP: self._suspended,
            signal.SIGQUIT: self._quit,
        }
        try:
            self._own = os.open(os.ttyname(self._out), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:  # it has no name here: then it is waited for
            self._own = os.dup(self._out)
        try:
            self._enter()
            for number, handler in handlers.items():
                loop.add_signal_handler(number, handler)
            if self._has_keys:
                loop.add_reader(self._in, self._readable)
            yield
        finally:
            loop.remove_reader(self._in)
            for number in handlers:
                loop.remove_signal_handler(number)
            self._leave()
            loop.remove_writer(self._own)
            os.close(self._own)

    # ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, painted: bytes) -> None:
        """Sends what is painted, as much as the terminal takes now; the rest as soon as it does."""
        self._waiting += painted
        self._write()

    def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                self._waiting = self._waiting[os.write(self._own, self._waiting) :]
        except BlockingIOError:
            loop.add_writer(self._own, self._write)
            return
        except OSError:
            self._waiting = b""
            self._hung_up()
        loop.remove_writer(self._own)

    def _enter(self) -> None:
        with suppress(termios.error):
            if self._has_keys:
                self._saved = termios.tcgetattr(self._in)
                tty.setcbreak(self._in, termios.TCSANOW)
        self._part(ENTERED)

    def _leave(self) -> None:
        self._part((CANCELED if self._waiting else b"") + LEFT)
        self._waiting = b""
        with suppress(termios.error):
            if self._saved is not None:
                termios.tcflush(self._in, termios.TCIFLUSH)  # keys that were meant for us
                termios.tcsetattr(self._in, termios.TCSANOW, self._saved)

    def _part(self, painted: bytes) -> None:
        """Sends a few bytes that must get there, if the terminal takes them within a second."""
        with suppress(OSError):
            while painted and select.select([], [self._own], [], PARTING_S)[1]:
                painted = painted[os.write(self._own, painted) :]

    # ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _readable(self) -> None:
        try:
            received = os.read(self._in, 1024)
        except OSError:
            received = b""
        if not received:
            asyncio.get_running_loop().remove_reader(self._in)
            self._hung_up()
            return
        for key in self._typed.keys(received):
            self._keyed(key)
        if self._typed.is_waiting:
            asyncio.get_running_loop().call_later(ESCAPE_S, self._settle)

    def _settle(self) -> None:
        for key in self._typed.settled():
            self._keyed(key)

    # ── signals ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _suspended(self) -> None:
        """Ctrl-Z: the shell gets its terminal back, until we go on."""
        self._leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._enter()
        self._resized()

    def _quit(self) -> None:
        """Ctrl-\\: as ever, but for the terminal."""
        self._leave()
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGQUIT)
