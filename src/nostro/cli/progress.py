"""How far a sync or a copy is, on stderr: bars on a terminal, plain lines elsewhere. It decides nothing but its
form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from nostro.domain.values import DAY_NS, format_time
from nostro.link.source import Waiting
from nostro.views.escape import for_terminal

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from nostro.book.watching import Watcher as CopyWatcher
    from nostro.collect.reports import Progress

PARTS: Final = 1000  # of one history on its bar


class Watcher(Protocol):
    """Is told of every page, and of pauses."""

    def __call__(self, progress: Progress | Waiting) -> None: ...


@contextmanager
def watching(streams: Mapping[str, Sequence[str]], stream: TextIO) -> Iterator[Watcher]:
    """A watcher of the accounts with these histories, while it lasts."""
    if not stream.isatty():
        yield Lines(stream)
        return
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    from nostro.cli.output import console

    columns = (
        TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.percentage:3.0f} %"),
        TextColumn("{task.fields[told]}", style="dim"),
    )  # fmt: skip
    with Bars(*columns, console=console(stream)) as bars:
        yield AccountBars(bars, streams)


class Lines:
    """A line for each history that was read, where it had rows or spans more than a day."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, progress: Progress | Waiting) -> None:
        if isinstance(progress, Waiting):
            self._tell(f"{for_terminal(progress.account)}: {_pause(progress)}")
            return
        whole = progress.until_ns - progress.since_ns
        if progress.reached_ns < progress.until_ns or (not progress.rows and whole <= DAY_NS):
            return
        self._tell(
            f"{for_terminal(progress.account)}: {progress.stream} {progress.rows:,} rows in {progress.pages:,} pages, "
            f"{format_time(progress.since_ns, 0)} to {format_time(progress.until_ns, 0)}"
        )

    def _tell(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


def _pause(waiting: Waiting) -> str:
    return f"waits until {format_time(waiting.until_ns, 0)}: {for_terminal(waiting.why)}"


class AccountBars:
    """One bar per account; each of its histories is an equal part of it."""

    def __init__(self, bars: Bars, streams: Mapping[str, Sequence[str]]) -> None:
        self._bars = bars
        self._streams = streams
        self._rows: dict[str, dict[str, int]] = {account: {} for account in streams}
        width = max((len(account) for account in streams), default=0)
        self._tasks: dict[str, TaskID] = {
            account: bars.add_task(for_terminal(account).ljust(width), total=PARTS * len(names), told="")
            for account, names in streams.items()
        }

    def __call__(self, progress: Progress | Waiting) -> None:
        if isinstance(progress, Waiting):
            self._bars.update(self._tasks[progress.account], told=_pause(progress))
            return
        names = list(self._streams[progress.account])
        if progress.stream not in names:
            return
        rows = self._rows[progress.account]
        rows[progress.stream] = max(rows.get(progress.stream, 0), progress.rows)
        whole = max(progress.until_ns - progress.since_ns, 1)
        part = PARTS * (progress.reached_ns - progress.since_ns) // whole
        done = names.index(progress.stream) * PARTS + min(max(part, 0), PARTS)
        task = self._tasks[progress.account]
        before = self._bars.tasks[task].completed
        if done == PARTS * len(names):
            told = f"{sum(rows.values()):,} rows; the last seconds settle"
            self._bars.update(task, completed=done, told=told)
            return
        told = f"{progress.stream} to {format_time(progress.reached_ns, 0)[:10]}, {sum(rows.values()):,} rows"
        self._bars.update(task, completed=max(done, int(before)), told=told)


@contextmanager
def copying(stream: TextIO) -> Iterator[CopyWatcher]:
    """Is told how many pages of how many are copied, or read, while it lasts: one thing after the other."""
    if not stream.isatty():
        yield CopyLines(stream)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    from nostro.cli.output import console

    columns = (TextColumn("pages {task.description}"), BarColumn(24), MofNCompleteColumn())
    with Bars(*columns, console=console(stream)) as bars:
        tasks: dict[str, TaskID] = {}

        def copied(what: str, done: int, *, whole: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=whole)
            bars.update(tasks[what], completed=done)

        yield copied


class CopyLines:
    """A line for each tenth."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told: dict[str, int] = {}

    def __call__(self, what: str, done: int, *, whole: int) -> None:
        tenth = 10 * done // max(whole, 1)
        if tenth > self._told.get(what, 0):
            self._told[what] = tenth
            self._stream.write(f"{what} {done:,} of {whole:,} pages\n")
            self._stream.flush()
