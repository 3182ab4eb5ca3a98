"""Shows `nostro watch` before a real terminal: what is painted by differences is what painting all would give, keys and
sizes are followed, a terminal that takes nothing holds nobody up, and whatever ends it the terminal is as it was. In a
pipe it is a line of JSON for each change."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from cli.collected import Collected
from cli.emulated import Emulated
from cli.home import COMMAND, PATIENCE_S, Folder, environment
from nostro.cli.painter import CODES, Painter
from nostro.cli.typed import Typed
from nostro.views.lines import Cell, Line

LETTERS = "ab ▲…12,.é漢"

# ── painting and typing, without a terminal ──────────────────────────────────────────────────────────────────────

CELLS = some.builds(Cell, some.text(LETTERS, max_size=4), some.sampled_from(["", *CODES, "bold red"]))
SCREENS = some.lists(some.lists(CELLS, max_size=2).map(tuple), min_size=5, max_size=5)


@settings(max_examples=100, deadline=None)
@given(some.lists(SCREENS, min_size=1, max_size=6), some.booleans())
def test_what_is_painted_by_differences_is_what_painting_all_gives(screens: list[list[Line]], coloured: bool) -> None:
    painter = Painter(coloured=coloured, encode=str.encode)
    seen = Emulated(16, 5)
    for lines in screens:
        seen.feed(painter.painted(lines, width=16))
        whole = Emulated(16, 5)
        whole.feed(Painter(coloured=coloured, encode=str.encode).painted(lines, width=16))
        assert seen.lines == whole.lines == ["".join(cell.text for cell in line).rstrip() for line in lines]
        assert painter.painted(lines, width=16) == b""
    assert coloured or not seen.styles


def test_only_the_lines_that_changed_are_painted() -> None:
    painter, seen = Painter(coloured=True, encode=str.encode), Emulated(16, 5)
    lines: list[Line] = [(Cell(str(number)),) for number in range(5)]
    seen.feed(painter.painted(lines, width=16))
    assert seen.written == 5
    lines[3] = (Cell("new", "bold"),)
    seen.feed(painter.painted(lines, width=16))
    assert (seen.written, seen.lines[3]) == (6, "new")


KEYS = b"q/\xc3\xa9\x1b[A\x1bOB\x1b[5~\x1b[1;5C\x7f\r\x0c\x1b[200~\x1bq"
MEANT = ["q", "/", "é", "up", "down", "page up", "backspace", "enter", "redraw", "escape", "q"]


@given(some.lists(some.integers(0, len(KEYS)), max_size=8))
def test_keys_are_the_same_in_whatever_pieces_they_come(cuts: list[int]) -> None:
    typed, found, before = Typed(), list[str](), 0
    for cut in [*sorted(cuts), len(KEYS)]:
        found += typed.keys(KEYS[before:cut])
        before = cut
    assert found == MEANT
    assert typed.keys(b"\x1b") == []
    assert typed.settled() == ["escape"]
    assert typed.settled() == []


# ── a book that grows ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(name="home")
def collected(tmp_path: Path) -> Iterator[Collected]:
    found = Collected(tmp_path)
    yield found
    found.book.close()


# ── a terminal ───────────────────────────────────────────────────────────────────────────────────────────────────


class Shown:
    """A command that runs before a terminal of its own."""

    def __init__(
        self, home: Path, command: tuple[str, ...], *, size: tuple[int, int] = (80, 24), after: bytes = b"", **more: str
    ) -> None:  # fmt: skip
        """``after``: what is sent before it is not looked at."""
        self.screen = Emulated(*size)
        self._after, self._read = after, b""
        environ = {name: value for name, value in environment(NOSTRO_HOME=str(home)).items() if name != "COLUMNS"}
        environ.pop("NO_COLOR", None)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests may have none
            os.execve(command[0], command, environ | {"TERM": "xterm-256color"} | more)
        self.status: int | None = None
        self.resize(*size)
        self.before = termios.tcgetattr(self.terminal)
        self.ended_s = 0.0

    def resize(self, width: int, height: int) -> None:
        ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.screen.resize(width, height)

    def type(self, keys: bytes) -> None:
        os.write(self.terminal, keys)

    def sees(self, wanted: Callable[[], bool], patience_s: float = 30.0) -> None:
        """Reads until it is so."""
        ends_s = time.monotonic() + patience_s
        while not wanted():
            assert time.monotonic() < ends_s, "\n".join(self.screen.lines)
            self.read()

    def has(self, *texts: str) -> Callable[[], bool]:
        return lambda: all(any(text in line for line in self.screen.lines) for text in texts)

    def read(self) -> bool:
        """Takes in what was sent; whether there was anything."""
        if not select.select([self.terminal], [], [], 0.05)[0]:
            return False
        try:
            self._read += os.read(self.terminal, 65_536)
        except OSError:  # Linux says so when the other side is closed
            time.sleep(0.05)
            return False
        if self._after in self._read:
            self.screen.feed(self._read[self._read.index(self._after) :])
            self._after = self._read = b""
        return True

    def ends(self) -> int:
        """The exit status of the command, or the signal that ended it, below 0."""
        found: list[int] = []

        def has_ended() -> bool:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            found.extend([os.waitstatus_to_exitcode(status)] if pid else [])
            return bool(pid)

        self.sees(has_ended)
        while self.read():
            pass
        self.status = found[0]
        return self.status

    @property
    def is_as_before(self) -> bool:
        return self.screen.modes == {7, 25} and termios.tcgetattr(self.terminal) == self.before

    @property
    def is_taken(self) -> bool:
        flags = termios.tcgetattr(self.terminal)[3]
        return (
            self.screen.modes >= {1049} and 25 not in self.screen.modes and not flags & (termios.ECHO | termios.ICANON)
        )

    def close(self) -> None:
        os.close(self.terminal)
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


Show = Callable[..., Shown]


@pytest.fixture(name="show")
def shown(home: Collected) -> Iterator[Show]:
    made: list[Shown] = []

    def show(*arguments: str, **more: Any) -> Shown:
        made.append(Shown(home.folder.path, (*COMMAND, "watch", *arguments), **more))
        return made[-1]

    yield show
    for each in made:
        each.close()


def test_a_screen_that_follows_the_book_the_keys_and_the_size(home: Collected, show: Show) -> None:
    here = show()
    here.sees(here.has("2 fresh", "1,000.5", "0.25", "main", "second"))
    assert here.is_taken
    home.tell("main", balance="1234.75", size="0.5", price="61000.5")
    here.sees(here.has("1,234.75▲", "0.5 ▲"))
    here.sees(lambda: not here.has("▲")())
    here.type(b"/second\r")
    here.sees(lambda: here.has("/second")() and not here.has("main")())
    here.type(b"\x1b")
    here.sees(here.has("main", "sort: account"))
    here.type(b"s1")
    here.sees(lambda: here.has("sort: value", "MARGIN")() and not here.has("POSITIONS")())
    here.type(b"?")
    here.sees(here.has("q, Ctrl-C", "PgUp"))
    here.type(b"x0")
    here.sees(here.has("POSITIONS", "BALANCES"))
    for size in ((60, 20), (120, 40), (40, 10), (30, 5), (80, 24)):
        here.resize(*size)
        here.sees(here.has("too small") if size[0] < 40 else here.has("UTC", "POSITION"))
        assert all(len(line) <= size[0] for line in here.screen.lines)
    here.type(b"p")
    here.sees(here.has("PAUSED"))
    before = list(here.screen.lines)
    home.tell("main", balance="77", size="0.5", price="61000.5")
    here.screen.resize(80, 24)  # whatever the terminal has lost is drawn anew
    here.type(b"\x0c")
    here.sees(lambda: here.screen.lines == before)
    here.type(b"p")
    here.sees(here.has("77"))
    here.type(b"q")
    assert here.ends() == 0
    assert here.is_as_before


def test_who_nobody_follows_is_told(home: Collected, show: Show) -> None:
    here = show("second")
    here.sees(here.has("1 fresh", "second"))
    assert not here.has("main")()
    home.end()
    here.sees(here.has("nobody follows these accounts: run nostro up", "1 stale", "stale "))


@pytest.mark.parametrize(
    ("ending", "status"),
    [(b"\x03", 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (b"\x1c", -signal.SIGQUIT)],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP", "SIGQUIT"],
)
def test_the_terminal_is_as_it_was_whatever_ends_it(show: Show, ending: bytes | signal.Signals, status: int) -> None:
    here = show()
    here.sees(here.has("main"))
    assert here.is_taken
    if isinstance(ending, bytes):
        here.type(ending)
    else:
        os.kill(here.pid, ending)
    assert here.ends() == status
    assert here.is_as_before


BROKEN = """
import sys
from nostro.cli import picture, program
drawn, calls = picture.drawn, []
def breaks(*given, **named):
    calls.append(1)
    if len(calls) > 5:
        raise ZeroDivisionError("planted")
    return drawn(*given, **named)
picture.drawn = breaks
sys.exit(program.run(["watch"]))
"""


def test_the_terminal_is_as_it_was_after_a_mistake_of_ours(home: Collected) -> None:
    here = Shown(home.folder.path, (sys.executable, "-c", BROKEN), size=(160, 200))
    here.sees(lambda: 1049 in here.screen.modes)
    here.sees(lambda: 1049 not in here.screen.modes)
    assert here.ends() == 1
    assert here.is_as_before
    assert here.has("planted", "a mistake in nostro")()
    here.close()


def test_a_shell_gets_its_terminal_back_while_it_is_suspended(show: Show) -> None:
    here = show()
    here.sees(here.has("main"))
    here.type(b"\x1a")
    stopped: list[int] = []

    def has_stopped() -> bool:
        pid, status = os.waitpid(here.pid, os.WNOHANG | os.WUNTRACED)
        stopped.extend([os.WSTOPSIG(status)] if pid and os.WIFSTOPPED(status) else [])
        return bool(stopped)

    here.sees(has_stopped)
    here.read()
    assert here.is_as_before
    assert not here.has("main")()
    os.kill(here.pid, signal.SIGCONT)
    here.sees(here.has("main", "UTC"))
    assert here.is_taken
    here.type(b"q")
    assert here.ends() == 0


def test_a_terminal_that_takes_nothing_holds_nobody_up(home: Collected, show: Show) -> None:
    here = show(size=(200, 60))
    here.sees(here.has("main"))
    for number in range(5):  # more than it holds that nobody reads
        home.tell("main", balance=f"{number}000.{number}", size=f"{number}.5", price="1")
        here.type(b"\x0c" * 10)
        time.sleep(0.2)
    os.kill(here.pid, signal.SIGTERM)
    begun_s = time.monotonic()
    pid, status = os.waitpid(here.pid, 0)
    here.status = os.waitstatus_to_exitcode(status)
    assert (pid, here.status) == (here.pid, 143)
    assert time.monotonic() - begun_s < 10


def test_a_terminal_that_is_gone_ends_it(show: Show) -> None:
    here = show()
    here.sees(here.has("main"))
    os.close(here.terminal)
    _, status = os.waitpid(here.pid, 0)
    here.status = os.waitstatus_to_exitcode(status)
    here.terminal = os.open(os.devnull, os.O_RDONLY)
    assert here.status in (129, 141), here.status


def test_no_colours_where_none_are_wanted_and_no_escapes_where_none_are_known(show: Show) -> None:
    here = show(NO_COLOR="1", TERM="screen")
    here.sees(here.has("main", "2 fresh"))
    assert not here.screen.styles - {"0"}
    here.type(b"q")
    assert here.ends() == 0
    plain = show(TERM="dumb", size=(60, 60))
    plain.sees(plain.has("2 fresh", "POSITIONS", "second"))
    assert plain.screen.modes == {7, 25}
    assert not plain.screen.styles
    assert not plain.screen.written
    plain.type(b"\x03")
    assert plain.ends() == 130


# ── who collects ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(name="collecting")
def who_collects(tmp_path: Path) -> Iterator[Shown]:
    """`nostro up` with one paper account, before a terminal."""
    tmp_path.chmod(0o700)
    (tmp_path / "nostro.toml").write_text('[accounts.mine]\nexchange = "alp"\npaper = "trader"\n')
    here = Shown(tmp_path, (*COMMAND, "up"), size=(120, 200), after=b"\x1b[?1049h", NOSTRO__PAPER__HISTORY="5")
    yield here
    here.close()


def test_who_collects_ends_in_the_same_view(collecting: Shown, tmp_path: Path) -> None:
    here = collecting
    here.sees(lambda: 1049 in here.screen.modes, PATIENCE_S)
    here.sees(here.has("1 fresh", "BALANCES", "mine", "live"))
    assert here.is_taken
    assert not here.has("nobody follows")()
    server = json.loads((tmp_path / "paper" / "alp" / "endpoint.json").read_bytes())["pid"]
    os.kill(server, signal.SIGKILL)
    here.sees(here.has("1 stale", "1 gap", "stale "))
    log = tmp_path / "up.log"
    here.sees(lambda: "gap opened" in log.read_text())
    assert "the paper exchange has ended" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    here.sees(lambda: any(line.strip()[:60] in log.read_text() for line in here.screen.lines[-3:] if "warning" in line))
    here.type(b"q")
    assert here.ends() == 0
    assert here.is_as_before
    assert Folder(tmp_path).run("verify").status == 0


# ── a pipe ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pipe_gets_a_line_of_json_for_each_change(home: Collected) -> None:
    running = home.folder.start("watch", "main", stderr=subprocess.DEVNULL)
    assert running.stdout is not None
    lines = (json.loads(line) for line in running.stdout)
    first = [next(lines) for _ in range(4)]
    assert {line["what"] for line in first} == {"account", "position", "margin_summary", "balance"}
    assert {line["account"] for line in first} == {"main"}
    balance = next(line for line in first if line["what"] == "balance")
    assert (balance["total"], balance["word"]) == ("1000.5", "fresh")
    assert balance["seen"] <= balance["at"]
    home.tell("second", balance="3", size="3", price="3")
    home.tell("main", balance="1000.5", size="0.25", price="61000.5")  # the same once more
    home.tell("main", balance="1000.5", size="0.75", price="61000.5")
    changed = next(lines)
    assert (changed["what"], changed["size"]) == ("position", "0.75")
    home.end()
    stale = next(lines)
    assert (stale["what"], stale["word"], stale["why"]) == ("account", "stale", "nobody follows it")
    running.send_signal(signal.SIGTERM)
    assert running.communicate(timeout=PATIENCE_S)[0] == b""
    assert running.returncode == 143


def test_it_ends_as_other_commands_do(home: Collected, tmp_path_factory: pytest.TempPathFactory) -> None:
    done = home.folder.run("watch", "mian")
    assert (done.status, done.error["type"]) == (2, "BadValue")
    assert "main" in done.error["hint"]
    none = Folder(tmp_path_factory.mktemp("none")).run("watch")
    assert (none.status, none.error["type"]) == (7, "NotABook")
    closed = subprocess.run(
        ["/bin/sh", "-c", f"'{sys.executable}' -m nostro.cli watch | head -n 1"], capture_output=True,
        timeout=PATIENCE_S, env=environment(NOSTRO_HOME=str(home.folder.path)),
    )  # fmt: skip
    assert closed.stderr == b""
