"""A paper exchange in a process of its own, for measuring: what it answers to, and what it used. It decides how it is
started and ended; what is asked of it, and what is measured, is in the other programs here, which print their figures
as one line of JSON each.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOLD_FROM = 100_000  # fills: making a shorter history takes seconds


class Served:
    """A running exchange: its ``url``, its logins, and how much processor time and memory its process took."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self._process = process
        self.url: str = ready["urls"]["rest"]
        self._accounts = {each["name"]: each for each in ready["accounts"]}

    def login(self, name: str) -> dict[str, str]:
        """Its ``key`` and ``secret``, and what else its wire signs with."""
        return {part: text for part, text in self._accounts[name].items() if part not in ("name", "permissions")}

    def cpu_s(self) -> float:
        """Processor time so far, seconds."""
        text = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        user, system = text.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        """The most memory that was resident, megabytes."""
        text = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(text.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def served(fills: int, home: Path | None = None, exchange: str = "alp") -> Iterator[Served]:
    """The exchange with a history of so many fills of its trader, in that folder (None: in one that is gone
    afterwards). Its progress goes to stderr."""
    with tempfile.TemporaryDirectory(prefix="nostro-served-") as folder:
        command = [sys.executable, "-m", "nostro.cli", "paper", "serve", exchange, "--port", "0"]
        told = None if fills >= TOLD_FROM else subprocess.DEVNULL
        command += ["--history", str(fills), "--home", str(home or folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True)
        try:
            assert process.stdout is not None
            yield Served(process, json.loads(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def spread(values: Sequence[float], digits: int = 0) -> dict[str, float]:
    """The median of several runs, and the least and the most."""
    found = {"median": statistics.median(values), "low": min(values), "high": max(values)}
    return {name: round(value, digits or None) for name, value in found.items()}
