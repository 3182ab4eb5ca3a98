"""The book in one file: SQLite through apsw. It decides how the few words of ``engine.py`` are said to it; how the file
is opened, and what is asserted of it, is in ``nostro/sqlite.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nostro.book import schema
from nostro.sqlite import copy_database, open_database, translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from nostro.book.engine import Row, Values


class SqliteEngine:
    """One connection to a book in a file."""

    dialect = schema.SQLITE
    locked = ""  # a write transaction has the whole file to itself

    def __init__(self, path: Path, *, create: bool = False, read_only: bool = False) -> None:
        """Raises what `open_database` raises."""
        self.path = path
        self.name = str(path)
        self.connection = open_database(
            path,
            application_id=schema.APPLICATION_ID,
            create=create,
            read_only=read_only,
            schema_version=schema.SCHEMA_VERSION,
            schema=schema.script(self.dialect),
        )

    def begin(self, *, write: bool) -> None:
        self.connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    def commit(self) -> None:
        self.connection.execute("COMMIT")

    def rollback(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def rows(self, query: str, values: Values = (), *, wide: bool = False) -> Iterator[Row]:  # noqa: ARG002
        return iter(self.connection.execute(query, values))

    def all(self, query: str, values: Values = ()) -> list[Row]:
        return self.connection.execute(query, values).fetchall()

    def row(self, query: str, values: Values = ()) -> Row | None:
        return self.connection.execute(query, values).fetchone()

    def value(self, query: str, values: Values = ()) -> Any:
        return self.connection.execute(query, values).get

    def each(self, query: str, values: Values, *, keys: Iterable[bytes]) -> Iterable[Row]:
        return self.connection.executemany(query, ((*values, key) for key in keys))

    def execute(self, statement: str, values: Values = ()) -> int:
        self.connection.execute(statement, values)
        return self.connection.changes()

    def insert(self, table: str, rows: Sequence[Values]) -> None:
        if rows:
            self.connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    def run(self, script: str) -> None:
        self.connection.execute(script)

    def alone(self) -> None:
        """Nothing: a write transaction is alone in any case."""

    def version(self) -> int:
        return int(self.connection.pragma("user_version"))

    def set_version(self, version: int) -> None:
        self.connection.pragma("user_version", version)

    def copy(self, target: Path) -> bool:
        copy_database(self.connection, target)
        return True

    def damage(self) -> str:
        found = str(self.connection.execute("PRAGMA integrity_check(1)").get)
        return "" if found == "ok" else found

    def translated(self) -> AbstractContextManager[None]:
        return translated(self.path)

    def close(self) -> None:
        self.connection.close()
