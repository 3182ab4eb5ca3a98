"""A throw-away PostgreSQL server for the tests, from the package ``pgserver``: with data checksums, reached over a
socket in a folder of its own, in memory where the system has such a folder. Each book gets a schema of its own."""

from __future__ import annotations

import hashlib
import os
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from nostro.postgres import Address, address

MEMORY = Path("/dev/shm")
MISSING = "pgserver, which brings a PostgreSQL server, is not installed"


def has_pgserver() -> bool:
    return find_spec("pgserver") is not None


class Server:
    """A server that runs, and can be stopped, started and changed."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():  # of a folder that it would rather have for its lock
            warnings.simplefilter("ignore")
            import pgserver

        self.commands: Any = pgserver._commands
        self._running: Any = pgserver.get_server(folder, cleanup_mode=None)
        self._schemas: dict[str, Address] = {}
        self.folder = folder
        self.checksums(on=True)

    def url(self, schema: str, *, user: str = "postgres", database: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}&schema={schema}"

    def place(self, path: Path) -> Address:
        """The book that would be in that file, on this server: always the same one for the same path."""
        schema = f"book_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
        self._schemas[schema] = address(self.url(schema), path.parent)
        return self._schemas[schema]

    def connect(self, **more: Any) -> Any:
        """A connection of the server's owner, behind every book's back."""
        import psycopg

        return psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True, **more)

    def say(self, statement: str) -> None:
        with self.connect() as connection:
            connection.execute(statement)

    def forget(self) -> None:
        """Drops the books that were placed here."""
        with self.connect() as connection:
            for schema in self._schemas:
                connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        self._schemas.clear()

    # ── what happens to servers ──────────────────────────────────────────────────────────────────────────────────

    def _do(self, command: str, *arguments: str) -> None:
        getattr(self.commands, command)(list(arguments), pgdata=self._running.pgdata, user=self._running.system_user)

    def stop(self, mode: str = "fast") -> None:
        """``immediate``: as if it had crashed."""
        self._do("pg_ctl", "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """Every process of it at once, with SIGKILL. On Linux only."""
        file = self.folder / "postmaster.pid"
        first = int(file.read_text().split()[0])
        tree = [first, *(int(each) for each in _children(first))]
        for process in tree:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(map(_lives, tree)):
            time.sleep(0.005)
        # Whoever inherits them may leave them as zombies, which a new server would take for a living one.
        for lock in (file, *self.folder.glob(".s.PGSQL.*.lock")):
            lock.unlink()

    def start(self) -> None:
        self._running.ensure_postgres_running()

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def checksums(self, *, on: bool) -> None:
        """Starts it again with checksums on its pages or without; those of the pages that there are, are computed."""
        self.stop()
        self._do("pg_checksums", "--enable" if on else "--disable", "-N")
        self.start()

    def end(self) -> None:
        if (self.folder / "postmaster.pid").exists():
            self.stop()


def _children(process: int) -> list[str]:
    listed = Path(f"/proc/{process}/task/{process}/children")
    return listed.read_text().split()


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def served(*, on_disk: bool = False) -> Iterator[Server]:
    """A new server; it ends with the block, and nothing is left of it."""
    in_memory = MEMORY.is_dir() and not on_disk
    with tempfile.TemporaryDirectory(prefix="pg-", dir=MEMORY if in_memory else None) as folder:
        server = Server(Path(folder))
        try:
            yield server
        finally:
            server.end()


@pytest.fixture(scope="session")
def postgres_of_the_session() -> Iterator[Server]:
    if not has_pgserver():
        pytest.skip(MISSING)
    with served() as server:
        yield server


@pytest.fixture
def postgres(postgres_of_the_session: Server) -> Iterator[Server]:
    """A server that runs; the books that a test places on it are gone after it."""
    yield postgres_of_the_session
    postgres_of_the_session.forget()
