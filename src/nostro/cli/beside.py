"""The screen of a process that collects: what it tells is shown at once, and what it logs goes to a file, whose last
line is on the screen. It decides where that file is and how long it gets; the screen is ``picture.py``'s.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from nostro.errors import Unwritable

if TYPE_CHECKING:
    from pathlib import Path

    from nostro.cli.session import Session
    from nostro.link.listening import Listener

LOG_FILE: Final = "up.log"  # in the home folder
LOG_BYTES_MAX: Final = 4 * 1024 * 1024  # of a log that is gone on with; a longer one is begun anew
LINE_BYTES_MAX: Final = 4_096  # of the last line: what is longer is not read whole


@contextmanager
def log_file(folder: Path) -> Iterator[TextIO]:
    """The file of what is logged while there is a screen, for its owner alone. Raises `Unwritable`."""
    path = folder / LOG_FILE
    try:
        is_long = path.exists() and path.stat().st_size > LOG_BYTES_MAX
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if is_long else 0)
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise Unwritable(f"{path} cannot be written: {error.strerror}", hint="make it writable") from None
    with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
        yield file


class LastLine:
    """The last line that was written to a file from now on; "" while there is none."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._line = ""

    def __call__(self) -> str:
        size = os.fstat(self._file.fileno()).st_size
        if size != self._size:
            length = min(size - self._size, LINE_BYTES_MAX) if size > self._size else 0
            written = os.pread(self._file.fileno(), length, size - length).decode(errors="replace").strip()
            self._line, self._size = written.splitlines()[-1] if written else self._line, size
        return self._line


@contextmanager
def stderr_in(file: TextIO) -> Iterator[None]:
    """What is written to stderr meanwhile, by whomever in this process, goes to that file; and afterwards too, where
    the terminal is gone by then."""
    sys.stderr.flush()
    kept = os.dup(sys.stderr.fileno())
    os.dup2(file.fileno(), sys.stderr.fileno())
    try:
        yield
    finally:
        sys.stderr.flush()
        if os.isatty(kept):
            os.dup2(kept, sys.stderr.fileno())
        os.close(kept)


async def beside(here: Session, accounts: Sequence[str], *, listener: Listener, log: TextIO) -> None:
    """The screen, until somebody has seen enough of it. ``listener``: hears who collects, from before he began."""
    from nostro.cli.looking import Looking
    from nostro.cli.picture import drawing
    from nostro.collect.working import BookThread
    from nostro.link.together import first

    book, thread = here.book, BookThread()
    here.closing.callback(thread.close)
    looking = Looking(book, accounts, thread=thread, told=True)
    with stderr_in(log):
        await first(looking.look_again(), looking.listening(listener), drawing(looking, note=LastLine(log)))
