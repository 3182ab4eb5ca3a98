"""A home folder for tests of the command line: runs commands as processes, with a pipe or a terminal before them, and a
paper exchange for as long as a test needs one."""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path
from typing import Any, NamedTuple

COMMAND = (sys.executable, "-m", "nostro.cli")
PATIENCE_S = 120.0


class Done(NamedTuple):
    """A command that ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The envelope, which is the last line of stderr."""
        return json.loads(self.err.strip().splitlines()[-1])["error"]


def environment(**more: str) -> dict[str, str]:
    """What a command inherits: nothing of ours that would change it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NOSTRO", "CRYPTO", "ALP_"))}
    return kept | {"COLUMNS": "80", "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"} | more


class Folder:
    """One home."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *arguments: str, stdin: bytes = b"", **more: str) -> Done:
        """Runs a command whose output is piped."""
        ended = subprocess.run(
            [*COMMAND, *arguments], input=stdin, capture_output=True, timeout=PATIENCE_S, env=self._environment(more)
        )
        return Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[bytes]:
        """Starts a command whose output is piped."""
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
        return subprocess.Popen([*COMMAND, *arguments], env=self._environment({}), **pipes)

    def on_terminal(self, *arguments: str, width: int = 80, typed: Sequence[tuple[str, str]] = (), **more: str) -> Done:
        """Runs a command before a terminal; what it wrote, both streams together. ``typed``: prompts, each with the
        line that is typed when it shows."""
        ours, theirs = os.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        environ = {name: value for name, value in self._environment({}).items() if name not in {"COLUMNS", "NO_COLOR"}}
        child = subprocess.Popen(
            [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
            env=environ | {"TERM": "xterm-256color"} | more, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        shown, waiting = b"", list(typed)
        for chunk in _read(ours, child):
            shown += chunk
            if waiting and shown.decode(errors="replace").count(waiting[0][0]) > 0:
                _, line = waiting.pop(0)
                time.sleep(0.2)  # a hidden prompt throws away what was typed before it
                os.write(ours, line.encode() + b"\n")
        assert not waiting, f"never asked {waiting[0][0]}"
        os.close(ours)
        return Done(child.wait(PATIENCE_S), shown.decode(), "")

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        return environment(NOSTRO_HOME=str(self.path), **more)

    @contextmanager
    def exchange(self, *options: str, name: str = "alp") -> Iterator[dict[str, Any]]:
        """A paper exchange of this home, while it lasts; what it said when it was ready."""
        served = self.start("paper", "serve", name, "--port", "0", *options, stderr=subprocess.DEVNULL)
        assert served.stdout is not None
        try:
            yield json.loads(served.stdout.readline())
        finally:
            served.send_signal(signal.SIGINT)
            served.communicate(timeout=PATIENCE_S)


def _read(terminal: int, child: subprocess.Popen[bytes]) -> Iterator[bytes]:
    ends_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_s:
        if not select.select([terminal], [], [], 0.2)[0]:
            if child.poll() is not None:
                return
            continue
        try:
            chunk = os.read(terminal, 65_536)
        except OSError:  # Linux says so when the other side is closed
            return
        if not chunk:
            return
        yield chunk
    child.kill()
    raise AssertionError("the command did not end")
