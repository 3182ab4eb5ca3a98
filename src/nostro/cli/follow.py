"""The accounts of ``nostro up`` while they are followed, and what of that is logged: one line where something goes
missing and one where it is known again, never one for what happens. It decides the words; what is followed, and how, is
the supervisor's (``collect/live.py``)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nostro import errors
from nostro.domain.values import format_time
from nostro.link.events import AnyEvent, Deadline, Dropped, Ended, GapClosed, GapOpened, Resumed, Stale

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from nostro.cli.session import Session
    from nostro.collect.backfill import Collector
    from nostro.collect.live import Live
    from nostro.collect.reports import Report
    from nostro.link.listening import Listener


def supervisor(here: Session, collectors: Iterable[Collector]) -> Live:
    """Follows these accounts over the network. What histories bring, and what of them cannot be read, is logged."""
    from nostro.collect.live import Live
    from nostro.link.transport import SystemClock, open_feed, system_random

    return Live(
        collectors, open_connection=open_feed, clock=SystemClock(), randomness=system_random(), looked=Looks(here.log)
    )


async def log_events(
    log: FilteringBoundLogger, listener: Listener, *, after: asyncio.Task[None] | None = None
) -> None:  # fmt: skip
    """Logs what it hears, until nobody tells any more. ``after``: not before this has ended."""
    if after is not None:
        await asyncio.wait({after})
    why: dict[str, str] = {}  # of gaps and staleness that were logged, by account
    async for event in listener:
        if isinstance(event, GapOpened | Stale | GapClosed):
            said = "" if isinstance(event, GapClosed) else event.why
            known, why[event.account] = why.get(event.account, ""), said
            if said and said == known:
                continue  # a gap is stale for the reason for which it opened
        if not isinstance(event, Resumed) or why.pop(event.account, ""):  # after a gap that closed this is no news
            log_event(log, event)


def log_event(log: FilteringBoundLogger, event: AnyEvent) -> None:
    match event:
        case GapOpened():
            log.warning("gap opened", account=event.account, since=format_time(event.since_ns, 3), why=event.why)
        case GapClosed():
            since, until = format_time(event.since_ns, 3), format_time(event.until_ns, 3)
            unknown = {"unknown": ",".join(event.unknown)} if event.unknown else {}
            log.info("gap closed", account=event.account, since=since, until=until, rows=event.rows, **unknown)
        case Stale():
            log.warning("stale", account=event.account, since=format_time(event.since_ns, 3), why=event.why)
        case Resumed():
            log.info("resumed", account=event.account)
        case Dropped():
            log.warning("not all was shown, and all is kept", account=event.account, updates=event.count)
        case Deadline():
            since, until = format_time(event.since_ns, 0), format_time(event.deadline_ns, 0)
            log.warning("soon forgotten unread", account=event.account, history=event.stream, since=since, until=until)
        case Ended():
            log.warning("no longer followed", account=event.account, error=event.why)


class Looks:
    """Logs what looks at histories bring. The same trouble is told once, until it is over; that an exchange cannot be
    reached, events tell."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._told: dict[tuple[str, str], str] = {}

    def __call__(self, found: Report | errors.NostroError) -> None:
        if isinstance(found, errors.NostroError):
            self._log.debug("tried again until it answers", account=found.account, error=found.message)
            return
        if found.new or found.changed:
            self._log.info("synced", account=found.account, new=found.new, changed=found.changed)
        for name, failure in found.failures.items():
            if self._told.get((found.account, name)) != failure.message:
                self._told[found.account, name] = failure.message
                self._log.warning(
                    "could not be read", account=found.account, history=name, error=failure.message
                )  # fmt: skip
        for account, name in [of for of in self._told if of[0] == found.account and of[1] not in found.failures]:
            del self._told[account, name]
            self._log.info("can be read again", account=account, history=name)
