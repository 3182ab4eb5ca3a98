"""``nostro up``: the paper exchanges that the accounts name, and the book of all accounts, kept up to date until
Ctrl-C. It decides the order of things and when a first pass counts as done: nothing open but what is settling, no
break open.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, nullcontext
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from nostro import config, errors
from nostro.cli import output
from nostro.cli.session import Session, session, shared
from nostro.config import AccountSettings

if TYPE_CHECKING:
    from nostro.book.book import Book
    from nostro.cli.sync import Running
    from nostro.collect.reports import Report
    from nostro.views.view import View

FIRST_EXCHANGE: Final = "alp"  # on an empty home its logins become accounts by their own names
ENDING_S: Final = 2.0  # for a paper exchange to end by itself
STARTED_S: Final = 180.0  # within which a paper exchange must be ready: a first start makes up its history


@click.command(short_help="Run the paper exchange and keep the book, until Ctrl-C.")
@click.option("--once", is_flag=True, help="End after the first full pass; exit 0 only if nothing is open.")
@click.option("--no-watch", is_flag=True, help="Log to the terminal, instead of the view of nostro watch.")
@shared
def up(*, once: bool, no_watch: bool) -> None:
    """Start the paper exchanges that the accounts name, bring every account into the book, show it, and follow: on a
    terminal in the view of nostro watch, where q ends it too.

    On an empty home it first adds the accounts of all paper exchanges. Ctrl-C ends it; nothing is lost.
    """
    from nostro.cli.beside import log_file
    from nostro.cli.connect import run
    from nostro.cli.watch import can_be_drawn_on

    here = session()
    here.home.create()
    is_watched = can_be_drawn_on(sys.stdout) and not (once or no_watch)
    with log_file(here.home.folder) if is_watched else nullcontext() as log:
        status = run(_up(here, once=once, log=log))
    if once:
        click.get_current_context().exit(status)


async def _up(here: Session, *, once: bool, log: TextIO | None) -> int:
    """``log``: where it is logged while there is a screen, None where there will be none."""
    here.open_book(create=True).close()  # what cannot be kept is told before anything starts
    async with AsyncExitStack() as stack:
        is_new = not here.settings.accounts
        wanted = _paper_exchanges(here.settings.accounts)
        running = await asyncio.gather(
            *(_paper_running(here, each, stack, port=_port(here, place), log=log) for place, each in enumerate(wanted))
        )
        if is_new:
            for exchange_id, ready in zip(wanted, running, strict=True):
                _add_accounts(here, exchange_id, [login["name"] for login in ready["accounts"]])
            here.log.info("added the accounts of paper exchanges", accounts=", ".join(here.settings.accounts))
        return await _collect(here, here.settings.accounts, once=once, log=log)


def _paper_exchanges(accounts: Mapping[str, AccountSettings]) -> list[str]:
    """Those that the accounts name, on an empty home all that there are."""
    from nostro.exchanges import exchange_ids
    from nostro.paper.profiles import OPENINGS

    if not accounts:
        return [each for each in exchange_ids() if each in OPENINGS]
    return sorted({each.exchange for each in accounts.values() if each.paper})


def _port(here: Session, place: int) -> int:
    """The settings name the first one's port; the others take those after it."""
    first = here.settings.paper.port
    return first + place if first else 0


def _add_accounts(here: Session, exchange_id: str, logins: Sequence[str]) -> None:
    """Makes accounts of a paper exchange's logins, with the exchange's id before their names where it is not the first
    one."""
    for login in logins:
        name = login if exchange_id == FIRST_EXCHANGE else f"{exchange_id}-{login}"
        config.add_account(here.home, name, account=AccountSettings(exchange=exchange_id, paper=login))


# ── the paper exchange ───────────────────────────────────────────────────────────────────────────────────────────


async def _paper_running(
    here: Session, exchange_id: str, stack: AsyncExitStack, *, port: int, log: TextIO | None
) -> dict[str, Any]:  # fmt: skip
    """The paper exchange of this home runs: the one that does already, or a child of ours that ends with us. What it
    says of itself."""
    from nostro.paper.host import endpoint

    ready = endpoint(here.paper_folder(exchange_id))
    if ready is None:
        ready = await _start(here, exchange_id, stack, port=port, log=log)
        here.log.info("paper exchange started", exchange=exchange_id, url=ready["urls"]["rest"])
    else:
        here.log.info("paper exchange runs already", exchange=exchange_id, url=ready["urls"]["rest"])
    return ready


async def _start(
    here: Session, exchange_id: str, stack: AsyncExitStack, *, port: int, log: TextIO | None
) -> dict[str, Any]:  # fmt: skip
    command = (
        sys.executable, "-m", "nostro.cli", "paper", "serve", exchange_id, "--home", str(here.home.folder),
        "--port", str(port), "--until-stdin-closes", *_dialect(here.settings.accounts, exchange_id),
    )  # fmt: skip
    # A session of its own: Ctrl-C at the terminal reaches us alone, and we end it after the last page is stored.
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True
    )
    stack.push_async_callback(_end, child)
    assert child.stdout is not None
    try:
        line = await asyncio.wait_for(child.stdout.readline(), STARTED_S)
    except TimeoutError:
        line = b""
    if not line:
        raise errors.NotSent(
            f"the paper exchange {exchange_id} did not start",
            hint=f"what it said is {'above' if log is None else f'in {log.name}'}", exchange=exchange_id,
        )  # fmt: skip
    ready: dict[str, Any] = json.loads(line)
    stack.callback(asyncio.create_task(_told_when_ended(here, exchange_id, child)).cancel)
    return ready


def _dialect(accounts: Mapping[str, AccountSettings], exchange_id: str) -> tuple[str, ...]:
    """One paper exchange speaks one dialect: that of its first account."""
    own = [each for each in accounts.values() if each.paper and each.exchange == exchange_id]
    named = next((each.dialect for each in own if each.dialect), "")
    return ("--dialect", named) if named else ()


async def _told_when_ended(here: Session, exchange_id: str, child: asyncio.subprocess.Process) -> None:
    """A paper exchange that ends before us is not started again by itself: somebody ended it."""
    await child.wait()
    here.log.error("the paper exchange has ended; end this, and nostro up starts it again", exchange=exchange_id)


async def _end(child: asyncio.subprocess.Process) -> None:
    """Closing its stdin tells it to end."""
    assert child.stdin is not None
    child.stdin.close()
    try:
        await asyncio.wait_for(child.wait(), ENDING_S)
    except TimeoutError:
        child.kill()
        await child.wait()


# ── the book ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def _collect(
    here: Session, accounts: Mapping[str, AccountSettings], *, once: bool, log: TextIO | None
) -> int:  # fmt: skip
    from nostro.cli.sync import collecting

    async with collecting(here, accounts) as running:
        return await (_pass(here, running) if once else _follow(here, running, log=log))


async def _pass(here: Session, running: Running) -> int:
    """One pass over every account; 0 where nothing is open."""
    from nostro.cli.sync import ended

    with running.watched(sys.stderr):
        passes = await ended([each.full_pass() for each in running.collectors])
    status = await running.thread(lambda: show_all(running.book, running.accounts))
    for each in passes:
        _tell_failures(here, each)
    for each in passes:
        if isinstance(each, errors.NostroError):
            raise each
    return status


async def _follow(here: Session, running: Running, *, log: TextIO | None) -> int:
    """Follows every account, shows the book once each was looked at, and goes on until Ctrl-C, or until somebody has
    seen enough of the screen. Raises `Unauthorized` where no account can be followed any more."""
    from nostro.cli.beside import beside
    from nostro.cli.follow import log_events, supervisor
    from nostro.link.together import first

    live = supervisor(here, running.collectors)
    listener = live.listen()
    heard = None if log is None else live.listen()
    following, begun = asyncio.create_task(live.run()), asyncio.create_task(live.begun())
    telling = asyncio.create_task(log_events(here.log, listener, after=begun if sys.stderr.isatty() else None))
    try:
        with running.watched(sys.stderr):
            await asyncio.wait({following, begun}, return_when=asyncio.FIRST_COMPLETED)
        await running.thread(lambda: show_all(running.book, running.accounts))
        here.log.info("following, Ctrl-C ends it")
        if log is None or heard is None:
            await asyncio.wait({following})
        else:
            await first(_ended(following), beside(here, running.accounts, listener=heard, log=log))
    finally:
        following.cancel()
        await asyncio.wait({following, begun, telling})
    if following.cancelled():
        return 0
    following.result()
    why = "; ".join(f"{name}: {state.ended}" for name, state in live.states.items())
    raise errors.Unauthorized(f"no account is followed any more: {why}", hint="remedy it, and run nostro up again")


async def _ended(following: asyncio.Task[None]) -> None:
    await asyncio.wait({following})


def show_all(book: Book, accounts: list[str]) -> int:
    """Prints balances, coverage and breaks; 0 where nothing is open, else 1."""
    from nostro.link.transport import SystemClock
    from nostro.views import balances, breaks, coverage
    from nostro.views.facts import Question

    views: dict[str, View] = {
        "balances": balances.balances(book, accounts, question=Question()),
        "coverage": coverage.coverage(book, accounts, now_ns=SystemClock().now_ns()),
        "breaks": breaks.breaks([life for name in accounts for life in breaks.lives_of(book, name)]),
    }
    output.write_all(views, sys.stdout)
    open_intervals = any(getattr(row, "status", "") == "open" for row in views["coverage"].rows)
    open_breaks = any(getattr(row, "state", "") == "open" for row in views["breaks"].rows)
    return int(open_intervals or open_breaks)


def _tell_failures(here: Session, report: Report | errors.NostroError) -> None:
    if isinstance(report, errors.NostroError):
        here.log.error("could not be synced", account=report.account, error=str(report))
        return
    for name, failure in report.failures.items():
        here.log.warning("could not be read", account=report.account, history=name, error=failure.message)
