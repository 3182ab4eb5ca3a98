"""``nostro sync``: brings accounts into the book once. It decides which accounts, and how a pass over several of them
is told; what is asked is the collector's."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, TextIO

import click

from nostro import config, errors
from nostro.cli.accounts import complete_account
from nostro.cli.nouns import moment
from nostro.cli.progress import Watcher, watching
from nostro.cli.session import Session, session, shown
from nostro.config import AccountSettings
from nostro.domain.values import format_time

if TYPE_CHECKING:
    from nostro.book.book import Book
    from nostro.collect.backfill import Collector
    from nostro.collect.reports import Progress, Report
    from nostro.collect.working import BookThread
    from nostro.link.events import Deadline
    from nostro.link.source import Waiting

Pass = Callable[["Collector"], Awaitable["Report"]]


@click.command(short_help="Bring accounts into the book, once.")
@click.argument("account", required=False, shell_complete=complete_account)
@click.option("--again", nargs=2, metavar="START END", help="Read this range of every history once more.")
@shown
def sync(account: str | None, again: tuple[str, str] | None) -> None:
    """Bring one account, or all, into the book: everything that is not proven yet. Ctrl-C loses nothing.

    It ends with status 8 where history is still not read that the exchange will soon forget.
    """
    from nostro.cli.connect import run
    from nostro.views.sync import reports as view

    here = session()
    settings = here.settings
    wanted = {account: config.find_account(settings, account)} if account else dict(settings.accounts)
    if not wanted:
        raise errors.BadValue("this home has no accounts", hint="nostro up begins with paper accounts")
    found, ending = run(once(here, wanted, do=_pass_of(again)))
    reports = [each for each in found if not isinstance(each, errors.NostroError)]
    here.show(view(reports))
    failures = [each for each in found if isinstance(each, errors.NostroError)]
    failures += [failure for report in reports for failure in report.failures.values()]
    if ending:
        raise soon_forgotten(ending, failures)
    for failure in failures:
        raise failure


def soon_forgotten(ending: Sequence[Deadline], failures: Sequence[errors.NostroError]) -> errors.RetentionDeadline:
    """The error that names each history that is about to be lost, the next first, and why it could not be read."""
    ordered = sorted(ending, key=lambda each: each.deadline_ns)
    told = "; ".join(
        f"{each.account} {each.stream} since {format_time(each.since_ns, 0)}, until {format_time(each.deadline_ns, 0)}"
        for each in ordered
    )
    why = "; ".join(dict.fromkeys(failure.message for failure in failures))
    return errors.RetentionDeadline(
        f"the exchange forgets what could not be read: {told}",
        hint=f"sync again before then{f', once this is remedied: {why}' if why else ''}",
        deadlines=ordered, account=ordered[0].account,
    )  # fmt: skip


def _pass_of(again: tuple[str, str] | None) -> Pass:
    if again is None:
        return lambda collector: collector.full_pass()
    since_ns, until_ns = moment(again[0], "START"), moment(again[1], "END")
    assert since_ns is not None
    assert until_ns is not None
    if until_ns <= since_ns:
        raise errors.BadValue(f"END {again[1]} is not after START {again[0]}", hint="give the earlier time first")
    return lambda collector: collector.again(since_ns, until_ns)


async def once(
    here: Session, accounts: Mapping[str, AccountSettings], *, do: Pass
) -> tuple[list[Report | errors.NostroError], list[Deadline]]:
    """One pass over each account, all at the same time, watched on stderr; and what is about to be forgotten unread
    after it."""
    from nostro.book.retention import deadlines
    from nostro.link.transport import SystemClock

    async with collecting(here, accounts) as running:
        with running.watched(sys.stderr):
            found = await ended([do(each) for each in running.collectors])
        soon = partial(deadlines, running.book, now_ns=SystemClock().now_ns())
        return found, await running.thread(lambda: [each for name in accounts for each in soon(name)])


async def ended(works: Sequence[Awaitable[Report]]) -> list[Report | errors.NostroError]:
    """What came of each, once all have ended: one account's refusal is not another's."""
    found = await asyncio.gather(*works, return_exceptions=True)
    outcomes: list[Report | errors.NostroError] = []
    for each in found:
        if isinstance(each, BaseException) and not isinstance(each, errors.NostroError):
            raise each
        outcomes.append(each)
    return outcomes


class Running:
    """Collectors that hold the leases of their accounts, the book that they write, and the thread in which they do."""

    def __init__(self, book: Book, thread: BookThread) -> None:
        self.book = book
        self.thread = thread
        self.collectors: list[Collector] = []
        self._watcher: Watcher | None = None

    @property
    def accounts(self) -> list[str]:
        return [each.account for each in self.collectors]

    def told(self, progress: Progress | Waiting) -> None:
        if self._watcher is not None:
            self._watcher(progress)

    @contextmanager
    def watched(self, stream: TextIO) -> Iterator[None]:
        """Shows how far the collectors are while it lasts."""
        streams = {each.account: [line.name for line in each.source.exchange.streams] for each in self.collectors}
        with watching(streams, stream) as self._watcher:
            yield
        self._watcher = None


@asynccontextmanager
async def collecting(here: Session, accounts: Mapping[str, AccountSettings]) -> AsyncIterator[Running]:
    """Collects those accounts. What was begun is finished before it ends, whatever ends it: then the leases go back."""
    from nostro.cli import connect
    from nostro.collect.backfill import Collector
    from nostro.collect.working import BookThread
    from nostro.link.transport import SystemClock

    here.home.create()
    running = Running(here.open_book(create=True), BookThread())
    here.closing.callback(running.thread.close)
    async with AsyncExitStack() as stack:
        for name, account in accounts.items():
            holder = stack.enter_context(connect.sole_collector(running.book.path, name))
            connect.enter(running.book, name, account=account)
            found = connect.source(here, name, account=account)
            stack.push_async_callback(found.close)
            collector = Collector(
                running.book, found, clock=SystemClock(), holder=holder, run=running.thread, watcher=running.told,
            )  # fmt: skip
            await collector.start()
            stack.push_async_callback(collector.stop)
            running.collectors.append(collector)
        yield running
