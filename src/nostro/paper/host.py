"""A paper exchange in a folder: the venue's file, the lock of its one owner, and what others need to reach it. It
decides who may own it and what a client is told; the venue decides everything else.

The first process that opens the folder owns it; what it serves, and under which keys, stands in ``endpoint.json``
there for as long as it lives. Paper keys are no secrets.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import msgspec

from nostro.errors import Conflict, Unwritable
from nostro.link.declare import Exchange
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.view import Login
from nostro.paper.faults import Faults
from nostro.paper.feeds import Hub
from nostro.paper.history import generate
from nostro.paper.profiles import opening
from nostro.paper.server import Server
from nostro.paper.venue.live import Market
from nostro.paper.venue.venue import Venue

DEFAULT_ROWS: Final = 3_000  # fills of the trader: months of history, and a first start of a few seconds


class PaperExchange:
    """An open paper exchange. ``progress(done, of)`` is told of the history that a first start makes. ``funded``: the
    wallet that is credited where none is named. Raises `Conflict` where another process owns the folder, and `BadValue`
    where there is no paper exchange of this one."""

    def __init__(
        self,
        folder: Path,
        exchange: Exchange,
        *,
        now_ns: Callable[[], int],
        seed: int | None = None,
        rows: int = DEFAULT_ROWS,
        faults: Faults | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.folder = folder
        self.exchange = exchange
        begins = opening(exchange.id)
        self.funded = begins.funded
        self._lock = _locked(folder)
        try:
            self.venue = Venue.open(
                folder / "venue.db", now_ns=now_ns, seed=seed, profile=begins.profile, issue=begins.issue
            )
        except BaseException:
            os.close(self._lock)
            raise
        try:
            generate(self.venue, until_ns=now_ns(), rows=rows, progress=progress)
            self._market = Market(self.venue)
        except BaseException:
            self.close()
            raise
        self._server = Server(exchange, self.venue, faults=faults)
        self.hub = None if exchange.feed is None else Hub(exchange.feed, self.venue, faults=faults)
        if self.hub is not None:
            self.venue.listeners.append(self.hub.publish)

    def logins(self) -> list[Login]:
        """The keys that clients may use, one a login."""
        return self.venue.logins()

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """What the exchange answers. The market catches up first: after a sleep of the machine, nobody is told that no
        interest accrued during it."""
        self._market.advance(self.venue.now_ns())
        return self._server.handle(request)

    def advance(self) -> None:
        """Lets the market, the orders' ends, the transfers and the feed catch up with the clock; call it about once a
        second."""
        self._market.advance(self.venue.now_ns())
        if self.hub is not None:
            self.hub.beat()

    def ready(self, origin: str, tls_origin: str = "") -> dict[str, Any]:
        """What a client must know: the exchange, its URLs at ``origin`` and at its encrypted twin, and each account's
        credentials."""
        twins = {"": origin, "_tls": tls_origin} if tls_origin else {"": origin}
        return {
            "exchange": self.exchange.id,
            "dialect": self.exchange.dialect,
            "urls": {f"{name}{twin}": url for twin, at in twins.items() for name, url in self._urls(at).items()},
            "accounts": [
                {
                    "name": login.name,
                    "key": login.key,
                    "secret": login.secret,
                    **login.extra,
                    "permissions": sorted(login.permissions),
                }
                for login in self.logins()
            ],
        }

    def _urls(self, origin: str) -> dict[str, str]:
        bases = {"rest": self.exchange.url} | dict(self.exchange.hosts)
        urls = {name: origin + urlsplit(url).path.rstrip("/") for name, url in bases.items()}
        if self.exchange.feed is not None:
            urls["ws"] = origin.replace("http", "ws", 1) + self.exchange.feed.paths[0]
        return urls

    def announce(self, origin: str, tls_origin: str = "") -> dict[str, Any]:
        """Writes ``endpoint.json``, so that other processes find the server; what `ready` says, with our process id."""
        ready = self.ready(origin, tls_origin)
        partial = self.folder / "endpoint.json.partial"
        partial.write_bytes(msgspec.json.encode(ready | {"pid": os.getpid()}))
        partial.replace(self.folder / "endpoint.json")
        return ready

    def close(self) -> None:
        (self.folder / "endpoint.json").unlink(missing_ok=True)
        self.venue.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def endpoint(folder: Path) -> dict[str, Any] | None:
    """What the owner of a folder serves, None where nobody owns it or it does not serve yet."""
    if not folder.is_dir() or not _is_owned(folder):
        return None
    try:
        found: dict[str, Any] = msgspec.json.decode((folder / "endpoint.json").read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return found


def discard(folder: Path) -> None:
    """Deletes a paper exchange, whatever its files have come to. Raises `Conflict` while a process owns it: what runs
    is not pulled from under its clients."""
    lock = _locked(folder)
    try:
        shutil.rmtree(folder)
    finally:
        os.close(lock)


def _locked(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        message = f"the folder {folder} of the paper exchange cannot be written ({error.strerror})"
        raise Unwritable(message, hint="make it writable, or name another with --home") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        message = f"another process owns the paper exchange in {folder}"
        raise Conflict(message, hint="use the one that runs, or end it") from None
    return lock


def _is_owned(folder: Path) -> bool:
    try:
        lock = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False
