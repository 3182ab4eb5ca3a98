"""Shows that who watches a sync sees why nothing happens: a pause with its end and its reason, on a pipe and on a
terminal, without anything that would change the terminal."""

from __future__ import annotations

import io

import pytest

from nostro.cli.progress import watching
from nostro.collect.reports import Progress
from nostro.domain.values import DAY_NS, parse_time
from nostro.link.source import Waiting

WAITING = Waiting(
    account="kraken", until_ns=parse_time("2026-01-02T03:04:05Z"), why="Kraken Futures: \x1b[2Jthe budget is used up"
)
READ = Progress(account="kraken", stream="fills", since_ns=0, until_ns=DAY_NS, reached_ns=DAY_NS, rows=3, pages=1)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_pause_is_a_line_of_its_own_on_a_pipe() -> None:
    stream = io.StringIO()
    with watching({"kraken": ["fills"]}, stream) as watcher:
        watcher(WAITING)
        watcher(READ)
    first, second = stream.getvalue().splitlines()
    assert first.startswith("kraken: waits until 2026-01-02T03:04:05Z: Kraken Futures: ")
    assert first.endswith("the budget is used up") and "\x1b" not in first
    assert "fills 3 rows" in second


def test_a_pause_stands_beside_the_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    stream = Terminal()
    with watching({"kraken": ["fills"]}, stream) as watcher:
        watcher(WAITING)
    shown = stream.getvalue()
    assert "waits until 2026-01-02T03:04:05Z" in shown.replace("\n", "") and "\x1b[2Jthe" not in shown
