"""Reaches an account's exchange, real or paper, from its settings. It decides where the key and the URL come from,
and that paper and live never meet; how it is spoken to is the source's.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import platform
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nostro import keys
from nostro.cli.session import Session
from nostro.config import AccountSettings, private_folder, suggestion
from nostro.domain.values import parse_moment
from nostro.errors import BadValue, Conflict, NotSent, Unwritable
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.declare import Exchange
from nostro.link.wire import WireSource
from nostro.open import check_destination, wire_source
from nostro.paper.host import endpoint

if TYPE_CHECKING:
    from nostro.book.book import Book

ResultT = TypeVar("ResultT")


def spoken_by(account: AccountSettings) -> Exchange:
    """The exchange of an account, in its dialect. Raises `ExchangeUnknown`."""
    return exchange(account.exchange, account.dialect or None)


def source(here: Session, name: str, *, account: AccountSettings) -> WireSource:
    """What answers for that account. Raises `NotSent` where its paper exchange does not run, `Locked`, `UsageError`."""
    spoken = spoken_by(account)
    if account.paper:
        credentials, url = _at_paper(here, name, account, spoken=spoken)
        url = account.url or url
    else:
        credentials, url = here.credentials(name, account, members=spoken.members), account.url or spoken.url
        check_destination(credentials, url)
    keys.check_kind(credentials, paper=bool(account.paper), account=name)
    return wire_source(spoken, credentials, account=name, url=url)


def _at_paper(here: Session, name: str, account: AccountSettings, *, spoken: Exchange) -> tuple[Credentials, str]:
    found = endpoint(here.paper_folder(account.exchange))
    if found is None:
        raise NotSent(
            f"account {name} is a paper account, and the paper exchange of this home does not run",
            hint=f"nostro up starts it; nostro paper serve {account.exchange} serves it alone",
            exchange=account.exchange, account=name,
        )  # fmt: skip
    logins = {each["name"]: each for each in found["accounts"]}
    if account.paper not in logins:
        raise BadValue(
            f"the paper exchange has no login {account.paper!r}", hint=suggestion(account.paper, logins, what="logins"),
            account=name,
        )  # fmt: skip
    login = logins[account.paper]
    return keys.from_members(login, spoken.members), found["urls"]["rest"]


def enter(book: Book, name: str, *, account: AccountSettings) -> None:
    """Makes sure that the book has the account, spoken to in its dialect."""
    spoken = spoken_by(account)
    known = {row.name: row for row in book.accounts()}
    if name not in known:
        since_ns = max(spoken.opened_ns, parse_moment(account.since) if account.since else 0)
        book.add_account(name, spoken.id, dialect=spoken.dialect, since_ns=since_ns)
    elif known[name].exchange != spoken.id:
        raise BadValue(
            f"the book knows {name} as an account at {known[name].exchange}, not at {spoken.id}",
            hint="give the account another name", account=name,
        )  # fmt: skip
    elif known[name].dialect != spoken.dialect:
        book.set_dialect(name, spoken.dialect)


@contextmanager
def sole_collector(book: Path, account: str) -> Iterator[str]:
    """The name under which this machine holds the account's lease, while no other process of it does: the system gives
    the lock back whatever ends a process, so that the next one need not wait for the lease of one that was killed.
    Raises `Conflict`, `Unwritable`."""
    folder = book.with_name(f"{book.name}.locks")
    private_folder(folder)
    try:
        lock = os.open(folder / account, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unwritable(f"{folder} cannot be written: {error.strerror}", hint="make it writable") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise Conflict(
            f"account {account} is being collected by another process of this machine",
            hint="its book is kept up to date; read it, or end that process", account=account,
        ) from None  # fmt: skip
    try:
        yield f"nostro on {platform.node()}"
    finally:
        os.close(lock)


def run(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Runs the work on a loop of its own, on uvloop where there is one. Ctrl-C cancels it and raises
    KeyboardInterrupt."""
    with closing(work):  # it warns of itself where Ctrl-C came before it began
        try:
            import uvloop
        except ModuleNotFoundError:
            return asyncio.run(work)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
