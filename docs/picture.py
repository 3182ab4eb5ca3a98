"""Draws docs/terminal.svg: real output of real commands, on a book that this program has just made.
`make docs` runs it; nothing in the picture is written by hand.

It needs a pseudo-terminal, since nostro prints JSON where nobody watches.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

NOSTRO = Path(sys.executable).with_name("nostro")
COMMANDS = (("balances", "trader"), ("coverage", "trader"), ("breaks",))
COLUMNS, ROWS = 112, 100


def seen(arguments: tuple[str, ...], environment: dict[str, str]) -> str:
    """What a terminal of that size is sent."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(NOSTRO, ["nostro", *arguments], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    chunks = []
    while chunk := read(terminal):
        chunks.append(chunk)
    os.waitpid(child, 0)
    os.close(terminal)
    return b"".join(chunks).decode().replace("\r\n", "\n").rstrip()


def read(terminal: int) -> bytes:
    """The next bytes; none once the command has ended, which Linux reports as an error."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


def drawn(screen: str) -> str:
    """The picture, without the web fonts that rich would load from elsewhere."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen))
    svg = console.export_svg(title="nostro", theme=MONOKAI, unique_id="nostro")
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace")
    return re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NOSTRO_HOME": folder, "TERM": "xterm-256color"}
        subprocess.run([NOSTRO, "up", "--once"], env=environment, check=True, stdout=subprocess.DEVNULL)
        screen = "\n\n".join(f"$ nostro {' '.join(each)}\n{seen(each, environment)}" for each in COMMANDS)
    Path(__file__).with_name("terminal.svg").write_text(drawn(screen), "utf-8")


if __name__ == "__main__":
    main()
