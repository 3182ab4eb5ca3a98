"""Accounts of served paper exchanges, followed by `nostro up` by the clock, over sockets: how its memory, its open
files and its threads grow, what it logs, and what is open at the end. It decides what is looked at; the campaign
judges."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import IO, Any

from cli.home import COMMAND, Folder, environment

LOGINS = ("trader", "reader", "withdrawer", "empty", "margin")
LOOKS = 16


def live_hour(folder: Path, *, minutes: float, exchanges: tuple[str, ...]) -> dict[str, Any]:
    """Follows the five logins of each exchange for so long."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    names = [(exchange, login) for exchange in exchanges for login in LOGINS]
    (home / "nostro.toml").write_text(
        "\n".join(
            f'[accounts.{exchange}-{login}]\nexchange = "{exchange}"\npaper = "{login}"\n' for exchange, login in names
        )
    )
    running = subprocess.Popen(
        [*COMMAND, "up"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=environment(NOSTRO_HOME=str(home), NOSTRO__PAPER__HISTORY="60"),
    )  # fmt: skip
    assert running.stderr is not None
    said, following = Counter[str](), threading.Event()
    reading = threading.Thread(target=_read, args=(running.stderr, said, following), daemon=True)
    reading.start()
    assert following.wait(600), "it did not begin to follow"
    held, files, threads = [], [], []
    for _ in range(LOOKS):
        time.sleep(minutes * 60 / LOOKS)
        assert running.poll() is None, f"it ended with {running.returncode}"
        process = Path("/proc") / str(running.pid)
        held.append(round(int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20, 1))
        files.append(len(list((process / "fd").iterdir())))
        threads.append(len(list((process / "task").iterdir())))
    running.send_signal(signal.SIGTERM)
    began_s = time.monotonic()
    running.wait(60)
    ended_s = time.monotonic() - began_s
    reading.join(10)
    book = Folder(home)
    coverage, breaks = (book.run(noun, "-o", "json").json["rows"] for noun in ("coverage", "breaks"))
    return {
        "accounts": len(names), "minutes": minutes, "memory_mb": held, "files": files, "threads": threads,
        "growth": round(max(held[LOOKS // 2 :]) / held[LOOKS // 4], 3), "said": said, "gaps": said["gap closed"],
        "open": [row for row in coverage if row["status"] == "open"], "breaks": breaks, "ended_in_s": round(ended_s, 2),
        "open_gaps": said["gap opened"] - said["gap closed"], "verified": book.run("verify").status == 0,
    }  # fmt: skip


def _read(lines: IO[bytes], said: Counter[str], following: threading.Event) -> None:
    words = ("gap opened", "gap closed", "stale", "resumed", "no longer followed", "could not be read", "synced")
    for line in lines:
        text = line.decode()
        said.update(word for word in words if word in text)
        if "following" in text:
            following.set()
        if text.startswith("{"):
            said[json.loads(text)["error"]["type"]] += 1
