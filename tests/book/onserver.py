"""What the tests of a book on a server share: pages, its engine, changes behind its back, and what is said to the
server, which may be cut off at any statement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from book.world import T0, Clock, entry, exchange, sweep
from nostro.book import schema
from nostro.book.book import Book
from nostro.book.engine_postgres import PostgresEngine
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Page
from nostro.postgres import address
from servers import Server


def entries(first: int, last: int, **more: Any) -> list[Page]:
    rows = [entry(number, str(number), "1", **more) for number in range(first, last)]
    return sweep(
        "entries", rows, since_ns=T0 + first * SECOND_NS, until_ns=T0 + last * SECOND_NS,
        received_ns=T0 + last * SECOND_NS,
    )  # fmt: skip


def opened(postgres: Server, path: Path, name: str = "", **options: Any) -> Book:
    there = address(postgres.url(name), path.parent) if name else postgres.place(path)
    return Book.open(there, now_ns=Clock(), registry=exchange, **options)


def engine_of(book: Book) -> PostgresEngine:
    assert isinstance(book._store.engine, PostgresEngine)
    return book._store.engine


def behind(postgres: Server, path: Path, script: str) -> None:
    """Changes a book behind its back, and what is append-only too."""
    where = postgres.place(path).schema
    off = "".join(f"ALTER TABLE {table} DISABLE TRIGGER USER;" for table in ("page", *schema.DERIVED))
    postgres.say(f'SET search_path = "{where}"; {off} {script}')


class Statements:
    """What an engine says to its server. ``at``: the number of the one at which the connection is cut, ``before`` it is
    said or after."""

    def __init__(self, engine: PostgresEngine, *, at: int = 0, before: bool = True) -> None:
        self.said: list[str] = []
        self._engine, self._at, self._before = engine, at, before
        self._cursor = engine._cursor
        engine._cursor = self  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def _cut(self, statement: str, say: Callable[[], Any]) -> Any:
        self.said.append(statement)
        if len(self.said) != self._at:
            return say()
        if not self._before:
            say()
        self._engine._connection.pgconn.finish()
        raise psycopg.OperationalError("the line is cut")

    def execute(self, statement: str, *values: Any, **options: Any) -> Any:
        return self._cut(statement, lambda: self._cursor.execute(statement, *values, **options))

    def copy(self, statement: str) -> Any:
        return self._cut(statement, lambda: self._cursor.copy(statement))
