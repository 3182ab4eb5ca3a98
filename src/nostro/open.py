"""The first line that a program types: opens accounts and books. It decides which source answers an account (the
exchange's wire, or a paper exchange of this machine) and which clock, transport and randomness are real; nothing else
does.

``test_mode=True`` picks another source, not another behaviour: the same wire, spoken to the paper exchange of the home
folder, which is started in this process where no other serves it. It never falls through to a live exchange.
"""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast

from nostro import config, errors
from nostro.account import AsyncAccount
from nostro.blocking import LOOP, Account
from nostro.book.answers import ALWAYS_NS
from nostro.book.backup import Restored, restore
from nostro.book.book import Book, Proof
from nostro.book.rebuild import Rebuilt
from nostro.collect.backfill import Collector
from nostro.collect.reports import Progress, Report, Watcher, unwatched
from nostro.collect.watching import following
from nostro.domain.answers import Answer
from nostro.domain.arguments import Moment, moment_ns
from nostro.domain.records import Entry, Fact, Fill, Order, Transfer
from nostro.exchanges import exchange as find_exchange
from nostro.keys import MEMBERS, PAPER_PREFIX, Credentials, from_members, missing
from nostro.link.events import AnyEvent
from nostro.link.source import Waiting
from nostro.link.transport import AiohttpTransport, SystemClock, open_feed, system_random
from nostro.link.wire import WireSource
from nostro.postgres import address, is_url
from nostro.views.balances import BalanceLine, balances
from nostro.views.breaks import BreakLine, breaks, lives_of
from nostro.views.coverage import coverage
from nostro.views.facts import CoverageLine, Question

if TYPE_CHECKING:
    from nostro.book.store import Place
    from nostro.link.declare import Exchange
    from nostro.paper.host import PaperExchange
    from nostro.paper.listen import Listener

__all__ = ["OpenBook", "Progress", "Waiting", "open_account", "open_async_account", "open_book", "restore_book"]

CLOCK: Final = SystemClock()
MARKET_PAUSE_S: Final = 1.0  # between two steps of a paper market that runs in this process


def open_account(
    exchange: str,
    *,
    key: str | None = None,
    secret: str | None = None,
    extra: Mapping[str, str] | None = None,
    name: str | None = None,
    url: str | None = None,
    dialect: str | None = None,
    allow: Iterable[str] = (),
    test_mode: bool = False,
    login: str = "trader",
    home: str | Path | None = None,
) -> Account:
    """An account at an exchange, blocking. Read-only, but for what ``allow`` names (trade, withdraw).

    ``key`` and ``secret``: without them only public questions are answered; ``extra``: what keys of some exchanges
    consist of beyond them (``{"private_key": ...}``). ``name``: what its facts call it, else the exchange's id.
    ``url``: another base URL than the exchange's own. ``test_mode``: the paper exchange of ``home`` (else NOSTRO_HOME,
    else ~/.nostro) as ``login``, with all grants and no key. Raises `errors.UsageError`."""
    return Account(
        open_async_account(
            exchange, key=key, secret=secret, extra=extra, name=name, url=url, dialect=dialect, allow=allow,
            test_mode=test_mode, login=login, home=home,
        )
    )  # fmt: skip


def open_async_account(
    exchange: str,
    *,
    key: str | None = None,
    secret: str | None = None,
    extra: Mapping[str, str] | None = None,
    name: str | None = None,
    url: str | None = None,
    dialect: str | None = None,
    allow: Iterable[str] = (),
    test_mode: bool = False,
    login: str = "trader",
    home: str | Path | None = None,
) -> AsyncAccount:
    """As `open_account`, for programs with an event loop."""
    if not isinstance(test_mode, bool):
        raise errors.BadValue(f"test_mode is {test_mode!r}, expected True or False")
    spoken = find_exchange(exchange, dialect)
    granted = tuple(allow)
    if unknown := [each for each in granted if each not in config.GRANTS]:
        raise errors.BadValue(f"allow has {unknown[0]!r}, expected of {', '.join(config.GRANTS)}")
    credentials = None
    if test_mode:
        url, credentials = _paper(spoken, config.find_home(home, os.environ).folder / "paper" / spoken.id, login)
        granted = config.GRANTS
    elif key is not None or secret is not None or extra:
        credentials = _given(spoken, Credentials(key or "", secret or "", extra=extra))
    check_destination(credentials, url or spoken.url)
    source = wire_source(spoken, credentials, account=name or spoken.id, url=url or spoken.url)
    return AsyncAccount(source, clock=CLOCK, allow=granted)


def _given(spoken: Exchange, credentials: Credentials) -> Credentials:
    """The credentials that a caller gave. Raises `errors.BadValue` where something of them is missing, or is nothing
    that this exchange's keys consist of."""
    members = tuple(name for name in spoken.members if name not in MEMBERS)
    if unknown := [name for name in credentials.extra if name not in members]:
        expected = f"expected of {', '.join(members)}" if members else f"{spoken.name} needs none"
        raise errors.BadValue(f"extra has {unknown[0]!r}, {expected}")
    if lacking := missing(credentials, spoken.members):
        needed = " and ".join(f"{name}=" for name in MEMBERS if name in spoken.members)
        raise errors.BadValue(f"{lacking} is missing", hint=f"give {needed}")
    return credentials


def wire_source(spoken: Exchange, credentials: Credentials | None, *, account: str, url: str) -> WireSource:
    """The account over real sockets, with the machine's clock."""
    return WireSource(
        spoken, AiohttpTransport(), account=account, credentials=credentials, url=url, clock=CLOCK,
        randomness=system_random(),
    )  # fmt: skip


def check_destination(credentials: Credentials | None, url: str) -> None:
    """A live key goes over https only, a paper key to this machine only. Raises `errors.BadValue`."""
    from urllib.parse import urlsplit

    if not url:
        raise errors.BadValue("this exchange has no live address any more", hint="give url= of a server that speaks it")
    parts = urlsplit(url)
    here = parts.hostname in config.LOOPBACK
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise errors.BadValue(f"url is {url!r}, expected one like https://example.com/api")
    if credentials is None:
        return
    paper = credentials.key.startswith(PAPER_PREFIX)
    if paper and not here:
        raise errors.BadValue(f"a paper key cannot be used at {parts.hostname}", hint="give the exchange's own key")
    if not paper and parts.scheme != "https" and not here:
        raise errors.BadValue(f"url is {url!r}: keys travel over https only")


# ── the paper exchange of this process ───────────────────────────────────────────────────────────────────────────────


class _Served:
    """A paper exchange that this process serves until it ends."""

    def __init__(self, running: PaperExchange) -> None:
        self.running = running
        self.ready: dict[str, Any] = {}
        self._listener: Listener | None = None
        self._market: asyncio.Task[None] | None = None

    async def start(self) -> None:
        from nostro.paper.listen import listen

        self._listener = await listen(self.running.handle, hub=self.running.hub)
        self.ready = self.running.announce(self._listener.origin)
        self._market = asyncio.create_task(self._advance())

    async def _advance(self) -> None:
        while True:
            self.running.advance()
            await asyncio.sleep(MARKET_PAUSE_S)

    async def stop(self) -> None:
        if self._market is not None:
            self._market.cancel()
        if self._listener is not None:
            await self._listener.close()
        self.running.close()


_SERVED: Final[dict[Path, _Served]] = {}


def _paper(spoken: Exchange, folder: Path, login: str) -> tuple[str, Credentials]:
    """Where the folder's paper exchange is served, and that login's key."""
    from nostro.paper.host import endpoint

    ready = endpoint(folder)
    if ready is None or (ready["pid"] == os.getpid() and folder not in _SERVED):
        ready = _serve(spoken, folder)
    if ready["dialect"] != spoken.dialect:
        raise errors.Conflict(
            f"the paper exchange in {folder} speaks dialect {ready['dialect']}, not {spoken.dialect}",
            hint=f"open it with dialect={ready['dialect']!r}, or end the one that runs",
        )
    found = {each["name"]: each for each in ready["accounts"]}
    if login not in found:
        raise errors.BadValue(f"the paper exchange has no login {login!r}", hint=f"it has {', '.join(found)}")
    return ready["urls"]["rest"], from_members(found[login], spoken.members)


def _serve(spoken: Exchange, folder: Path) -> dict[str, Any]:
    from nostro.paper.host import PaperExchange

    served = _Served(PaperExchange(folder, spoken, now_ns=CLOCK.now_ns))
    LOOP.run(served.start())
    _SERVED[folder] = served
    if len(_SERVED) == 1:
        atexit.register(_stop_all)
    return served.ready


def _stop_all() -> None:
    while _SERVED:
        _, served = _SERVED.popitem()
        LOOP.run(served.stop())


# ── books ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def open_book(
    path: str | Path, *, read_only: bool = False, accept_rollback: bool = False, home: str | Path | None = None
) -> OpenBook:
    """The book in that file, made if it is not there; or on a server, ``postgresql://...``: then its anchors are kept
    in ``home`` (else NOSTRO_HOME, else ~/.nostro), and the password had better come from ~/.pgpass. Raises
    `errors.BookError`: `RolledBack`, `NoAnchor`, `Corrupted`, `NotABook`, `SchemaTooNew`, `Unwritable`, and of a server
    `Unreachable`, `Unsuitable`."""
    book = Book.open(
        _place(path, home), now_ns=CLOCK.now_ns, registry=find_exchange, create=not read_only, read_only=read_only,
        accept_rollback=accept_rollback,
    )  # fmt: skip
    return OpenBook(book, partial(_another, book))


def _another(book: Book) -> Book:
    """The same book once more, for another thread."""
    return Book.open(book.place, now_ns=CLOCK.now_ns, registry=find_exchange)


def restore_book(
    backup: str | Path, path: str | Path, *, replace: bool = False, home: str | Path | None = None
) -> Restored:
    """Makes a book in that file, or on a server, from a backup: verified, every page read again, newly anchored. One
    that is there is refused, or, if it is a file, set aside beside it (``replace``). Raises `errors.BookError`:
    `ChainBroken` or `Corrupted` with the first bad page, `NotABook`, `Conflict`."""
    place = _place(path, home)
    return restore(Path(backup).expanduser(), place, registry=find_exchange, replace=replace)


def _place(path: str | Path, home: str | Path | None) -> Place:
    return address(path, config.find_home(home, os.environ).folder) if is_url(path) else Path(path).expanduser()


class OpenBook:
    """A book for programs without an event loop. ``as_of``: only what was effective before then; ``known_at``: only
    what was known then; both default to now. Close it, or use it as a context manager."""

    def __init__(self, book: Book, another: Callable[[], Book]) -> None:
        """``another`` opens the same book once more, for another thread."""
        self.book = book
        self._another = another

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self.book.close()

    def accounts(self) -> list[str]:
        """The names of the accounts that the book keeps."""
        return [account.name for account in self.book.accounts()]

    def sync(
        self, account: Account | AsyncAccount, *, since: Moment | None = None, watcher: Watcher = unwatched
    ) -> Report:
        """Brings an account up to date: everything that is not proven yet, the balances, and a reconciliation. An
        account that the book does not know is added, with its history from ``since`` (else from when the exchange
        opened). Ctrl-C loses nothing: the next sync goes on from there."""
        source = cast("WireSource", account.source)
        self._know(account.name, source.exchange, since)
        collector = Collector(self.book, source, clock=CLOCK, holder=f"sync {os.getpid()}", watcher=watcher)
        return LOOP.run(_once(collector))

    def watch(self, *accounts: Account | AsyncAccount, since: Moment | None = None) -> Iterator[AnyEvent]:
        """Follows accounts into the book, each by itself, and tells what is so and what happens (``link/events.py``)
        until the iterator is closed, or none of them can be followed any more. An account begins with everything that
        is not proven yet, as in `sync`; what is told is stored a moment later, and `Stored` says so. The book can be
        asked meanwhile. Raises `errors.Conflict` where another process collects one of them."""
        sources = [cast("WireSource", account.source) for account in accounts]
        for source in sources:
            self._know(source.account, source.exchange, since)
        watching = following(
            self._another, sources, holder=f"watch {os.getpid()}", open_connection=open_feed, clock=CLOCK,
            randomness=system_random(),
        )  # fmt: skip
        held = AsyncExitStack()
        listener = LOOP.run(held.enter_async_context(watching))
        try:
            while events := LOOP.run(listener.some()):
                yield from events
        finally:
            LOOP.run(held.aclose())

    def _know(self, name: str, spoken: Exchange, since: Moment | None) -> None:
        """Adds an account that is new, and follows one whose wire is spoken otherwise now."""
        if name not in self.accounts():
            since_ns = spoken.opened_ns if since is None else moment_ns(since, "since")
            self.book.add_account(name, spoken.id, dialect=spoken.dialect, since_ns=since_ns)
            return
        known = self.book.account(name)
        if known.exchange != spoken.id:
            raise errors.Conflict(
                f"account {name} of this book is at {known.exchange}, not at {spoken.id}",
                hint="give the other account another name=", account=name,
            )  # fmt: skip
        if known.dialect != spoken.dialect:
            self.book.set_dialect(name, spoken.dialect)

    def balances(
        self, account: str | None = None, *, as_of: Moment | None = None, known_at: Moment | None = None
    ) -> Answer[BalanceLine]:
        """Every balance: reported, computed, unexplained."""
        question = _question(as_of, known_at)
        view = balances(self.book, self._names(account), question=question, zeros=True)
        return Answer(
            cast("Sequence[BalanceLine]", view.rows), complete_through_ns=view.complete_through_ns,
            as_of_ns=question.as_of_ns, known_at_ns=question.known_at_ns, reader=view.reader, pages=view.pages,
        )  # fmt: skip

    def coverage(self, account: str | None = None, *, known_at: Moment | None = None) -> list[CoverageLine]:
        """What is proven of every history, what is open, what is unavailable and why."""
        known_at_ns = None if known_at is None else moment_ns(known_at, "known_at")
        view = coverage(self.book, self._names(account), now_ns=CLOCK.now_ns(), known_at_ns=known_at_ns)
        return list(cast("Sequence[CoverageLine]", view.rows))

    def breaks(self, account: str | None = None, *, known_at: Moment | None = None) -> list[BreakLine]:
        """The breaks that are open or accepted."""
        known_at_ns = None if known_at is None else moment_ns(known_at, "known_at")
        lives = [life for name in self._names(account) for life in lives_of(self.book, name, known_at_ns=known_at_ns)]
        return list(cast("Sequence[BreakLine]", breaks(lives, known_at_ns=known_at_ns).rows))

    def fills(self, account: str, start: Moment | None = None, end: Moment | None = None) -> Iterator[Fill]:
        """The fills of [start, end), one by one."""
        return cast("Iterator[Fill]", self._facts("fill", account, start, end))

    def orders(self, account: str, start: Moment | None = None, end: Moment | None = None) -> Iterator[Order]:
        """The orders placed in [start, end), one by one."""
        return cast("Iterator[Order]", self._facts("order", account, start, end))

    def entries(self, account: str, start: Moment | None = None, end: Moment | None = None) -> Iterator[Entry]:
        """The ledger lines of [start, end), one by one."""
        return cast("Iterator[Entry]", self._facts("entry", account, start, end))

    def transfers(self, account: str, start: Moment | None = None, end: Moment | None = None) -> Iterator[Transfer]:
        """The deposits and withdrawals of [start, end), one by one."""
        return cast("Iterator[Transfer]", self._facts("transfer", account, start, end))

    def verify(self) -> Proof:
        """Walks every chain, digest and anchor."""
        return self.book.verify()

    def rebuild(self) -> Rebuilt:
        """Reads every page again, and reports every row that changed."""
        return self.book.rebuild()

    def backup(self, path: str | Path) -> Proof:
        """Copies the book, as it is at this moment, into a new file, and verifies the copy."""
        return self.book.backup(Path(path).expanduser())

    def _names(self, account: str | None) -> list[str]:
        return self.accounts() if account is None else [self.book.account(account).name]

    def _facts(self, kind: str, account: str, start: Moment | None, end: Moment | None) -> Iterator[Fact]:
        since_ns = 0 if start is None else moment_ns(start, "start")
        until_ns = ALWAYS_NS if end is None else moment_ns(end, "end")
        return self.book.facts(kind, account, since_ns=since_ns, until_ns=until_ns)


async def _once(collector: Collector) -> Report:
    await collector.start()
    try:
        return await collector.full_pass()
    finally:
        await collector.stop()


def _question(as_of: Moment | None, known_at: Moment | None) -> Question:
    return Question(
        as_of_ns=None if as_of is None else moment_ns(as_of, "as_of"),
        known_at_ns=None if known_at is None else moment_ns(known_at, "known_at"),
    )
