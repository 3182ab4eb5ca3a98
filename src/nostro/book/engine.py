"""What the book asks of a database engine, and nothing more. It decides which few words stand between the book's SQL
and a connection; SQLite's meaning of them is in ``engine_sqlite.py``, PostgreSQL's in ``engine_postgres.py``.

Statements are written once, in the SQL that both share, with ``?`` where a value is bound. Values are integers of 64
bits, texts and bytes; None is NULL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from nostro.book.schema import Dialect

    Value = int | str | bytes | None
    Values = Sequence[Value]
    Row = tuple[Any, ...]


class Engine(Protocol):
    """One connection to a book's database. ``path``: the database, or where this machine keeps what belongs to it;
    ``name``: how people are told of it; ``locked``: what, behind a SELECT, keeps its rows ours until the transaction
    ends. Raises what `nostro.sqlite` and `nostro.postgres` say."""

    path: Path
    name: str
    dialect: Dialect
    locked: str

    def begin(self, *, write: bool) -> None:
        """Begins a transaction; one that does not write sees one moment of the book until it ends."""

    def commit(self) -> None: ...

    def rollback(self) -> None:
        """Takes back what was not committed; nothing where no transaction is open."""

    def rows(self, query: str, values: Values = (), *, wide: bool = False) -> Iterator[Row]:
        """The rows of a query, one by one: however many there are, few are in memory. ``wide``: a row may be
        megabytes. Inside a transaction."""

    def all(self, query: str, values: Values = ()) -> list[Row]:
        """The rows of a query that gives few."""

    def row(self, query: str, values: Values = ()) -> Row | None:
        """The only row of a query, or None."""

    def value(self, query: str, values: Values = ()) -> Any:
        """What stands in the only row of a query, None where there is none."""

    def each(self, query: str, values: Values, *, keys: Iterable[bytes]) -> Iterable[Row]:
        """The rows of a query for each of the keys: its last ``?`` is the key, the others are ``values``."""

    def execute(self, statement: str, values: Values = ()) -> int:
        """How many rows a statement changed."""

    def insert(self, table: str, rows: Sequence[Values]) -> None:
        """Adds whole rows to a table, in the order of its columns."""

    def run(self, script: str) -> None:
        """Statements without values."""

    def alone(self) -> None:
        """Until the transaction ends, no other process gets past this: for what the accounts of a book share. It is one
        lock, so that two who hold their accounts cannot wait for each other."""

    def version(self) -> int:
        """Of which form the book's tables are."""

    def set_version(self, version: int) -> None: ...

    def copy(self, target: Path) -> bool:
        """Copies the whole database as it is into a new file. False where it is not one that a file could hold."""

    def damage(self) -> str:
        """What the engine itself finds wrong with its files; "" for nothing."""

    def translated(self) -> AbstractContextManager[None]:
        """Turns the errors of the engine and of the file system into ours."""

    def close(self) -> None: ...
