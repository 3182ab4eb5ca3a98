"""The book on a server: PostgreSQL through psycopg. It decides how the few words of ``engine.py`` are said to it, what
makes a schema a book, and which grants a book needs; what is asserted of the server is in ``nostro/postgres.py``.

A connection that is lost is opened again by the next transaction. Several processes may write at once: each holds the
row of the account that it writes to (``Store.hold_head``), and whoever gives numbers is alone meanwhile (`alone`).
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import psycopg
from psycopg import pq
from psycopg.adapt import Dumper, Loader
from psycopg.types.array import ListBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper

from nostro import limits
from nostro.book import schema
from nostro.errors import NotABook, SchemaTooNew, Unreachable, Unwritable
from nostro.postgres import connect, ours

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from psycopg.abc import Buffer
    from psycopg.rows import TupleRow

    from nostro.book.engine import Row, Values
    from nostro.postgres import Address

_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# A process that is paused while it writes must not hold its account for longer than its lease.
_WRITE: Final = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
    f" SET LOCAL idle_in_transaction_session_timeout = {limits.LEASE_S * 1_000}"
)
_PLACE: Final = re.compile(r"\?")
_WIRE: Final = {"BIGINT": "int8", "TEXT": "text", "BYTEA": "bytea"}
# Says that a schema is a book, and of which form: what the header of an SQLite file says.
_FORM: Final = "CREATE TABLE form (application BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL);\n"
_REFUSE: Final = (
    "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;\n"
)
# Pages come compressed: the server need not try again.
_STORED: Final = "ALTER TABLE page ALTER COLUMN content SET STORAGE EXTERNAL;\n"
# What is done to tables beyond adding rows and reading them.
_CHANGED: Final = {"chain": "UPDATE", "account": "UPDATE", "inbox": "DELETE"}


class _TextDumper(Dumper):
    """PostgreSQL stores no NUL. It is written as \\x01\\x01, and \\x01 as \\x01\\x02, so that the order of texts
    stays."""

    oid = psycopg.postgres.types["text"].oid

    def dump(self, obj: str) -> Buffer | None:
        if "\x00" in obj or "\x01" in obj:
            obj = obj.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")
        return obj.encode()


class _BinaryTextDumper(_TextDumper):
    format = pq.Format.BINARY


class _TextLoader(Loader):
    format = pq.Format.BINARY

    def load(self, data: Buffer) -> str:
        text = bytes(data).decode()
        return text.replace("\x01\x01", "\x00").replace("\x01\x02", "\x01") if "\x01" in text else text


@cache
def numbered(statement: str) -> str:
    """The statement with $1, $2, ... for each ``?``."""
    numbers = count(1)
    return _PLACE.sub(lambda _: f"${next(numbers)}", statement)


@cache
def for_each(query: str) -> str:
    """The query for each key of an array, which takes the place of its last ``?``."""
    before, _, after = query.rpartition("?")
    lateral = numbered(f"SELECT found.* FROM unnest(?::bytea[]) AS asked(key) CROSS JOIN LATERAL ({before}")
    return f"{lateral}asked.key{after}) AS found"


class PostgresEngine:
    """One connection to a book on a server."""

    dialect = schema.POSTGRESQL
    locked = " FOR UPDATE"

    def __init__(self, there: Address, *, create: bool = False, read_only: bool = False) -> None:
        """Raises what `connect` raises, `NotABook`, `SchemaTooNew`, and `Unwritable` where a grant is missing."""
        self._there = there
        self._read_only = read_only
        self._walks = count()
        self._transactions = 0
        self._in_transaction = False
        self.name = there.shown
        self._connect()
        self.path = there.folder / _file_name(self._connection.info, there.schema)
        try:
            if not read_only:
                with self.translated():
                    there.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if create and not read_only:
                self._prepare()
            self._identify()
            if self.version() == schema.SCHEMA_VERSION:  # an older one has other tables, and is altered by its owner
                self._check_grants()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> None:
        self._connection = connect(self._there)
        adapters = self._connection.adapters
        adapters.register_dumper(int, Int8BinaryDumper)
        adapters.register_dumper(list, ListBinaryDumper)
        adapters.register_dumper(str, _TextDumper)
        adapters.register_dumper(str, _BinaryTextDumper)
        adapters.register_loader("text", _TextLoader)
        self._cursor = psycopg.RawCursor(self._connection)

    # ── transactions ─────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, *, write: bool) -> None:
        self._run(_WRITE if write else _READ, binary=False)
        self._in_transaction = True
        self._transactions += 1

    def commit(self) -> None:
        """Raises `Uncertain` where the server goes away meanwhile."""
        self._run("COMMIT", committing=True)
        assert self._cursor.statusmessage == "COMMIT", "a transaction that failed is rolled back"
        self._in_transaction = False

    def rollback(self) -> None:
        self._in_transaction = False
        if not self._connection.closed and self._connection.info.transaction_status != pq.TransactionStatus.IDLE:
            try:
                self._cursor.execute("ROLLBACK")
            except psycopg.Error:  # the server took it back, or will: we are gone
                self._connection.close()

    # ── statements ───────────────────────────────────────────────────────────────────────────────────────────────

    def rows(self, query: str, values: Values = (), *, wide: bool = False) -> Iterator[Row]:
        walk, transaction = f"walk_{next(self._walks)}", self._transactions
        self._run(f"DECLARE {walk} NO SCROLL CURSOR FOR {numbered(query)}", values)
        step, most = (limits.FETCHED_WIDE,) * 2 if wide else (limits.FETCHED_FIRST, limits.FETCHED_MAX)
        try:
            while True:
                found = self._run(f"FETCH {step} FROM {walk}").fetchall()
                yield from found
                if len(found) < step:
                    break
                step = min(2 * step, most)
        finally:
            if transaction == self._transactions and self._is_well():
                with suppress(Unreachable):  # whoever goes on will be told
                    self._run(f"CLOSE {walk}")

    def all(self, query: str, values: Values = ()) -> list[Row]:
        return self._run(numbered(query), values, prepare=True).fetchall()

    def row(self, query: str, values: Values = ()) -> Row | None:
        return self._run(numbered(query), values, prepare=True).fetchone()

    def value(self, query: str, values: Values = ()) -> Any:
        row = self.row(query, values)
        return None if row is None else row[0]

    def each(self, query: str, values: Values, *, keys: Iterable[bytes]) -> Iterable[Row]:
        asked = list(keys)
        return self._run(for_each(query), [asked, *values], prepare=True).fetchall() if asked else []

    def execute(self, statement: str, values: Values = ()) -> int:
        return self._run(numbered(statement), values, prepare=True).rowcount

    def insert(self, table: str, rows: Sequence[Values]) -> None:
        if len(rows) < limits.COPIED_MIN:
            for row in rows:
                self.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
            return
        try:
            with self._cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types([_WIRE[each] for each in schema.column_types(table)])
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            raise self._ours(error) from error

    def run(self, script: str) -> None:
        self._run(script, binary=False)

    def alone(self) -> None:
        self.row("SELECT pg_advisory_xact_lock(CAST(CAST('form' AS regclass) AS oid)::bigint)")

    def version(self) -> int:
        return int(self.value("SELECT version FROM form WHERE application = ?", (schema.APPLICATION_ID,)))

    def set_version(self, version: int) -> None:
        self.execute("UPDATE form SET version = ? WHERE application = ?", (version, schema.APPLICATION_ID))

    def copy(self, target: Path) -> bool:  # noqa: ARG002
        return False

    def damage(self) -> str:
        """Nothing: a page whose checksum does not match is refused when it is read, and `verify` reads them all."""
        return ""

    @contextmanager
    def translated(self) -> Iterator[None]:
        """The file system's errors; the server's are translated where they arise."""
        try:
            yield
        except OSError as error:
            message = f"what this machine keeps of {self.name} cannot be written ({error})"
            hint = f"free space, or make {self.path.parent} writable; nothing that was acknowledged is lost"
            raise Unwritable(message, hint=hint) from error

    def close(self) -> None:
        self._connection.close()

    def _run(
        self,
        statement: str,
        values: Sequence[object] = (),
        *,
        prepare: bool = False,
        binary: bool = True,
        committing: bool = False,
    ) -> psycopg.RawCursor[TupleRow]:
        """Outside a transaction nothing depends on what came before: there a lost connection is opened anew."""
        try:
            return self._cursor.execute(statement, values, prepare=None if prepare else False, binary=binary)
        except psycopg.Error as error:
            if self._in_transaction or not self._connection.closed:
                raise self._ours(error, committing=committing) from error
        self._in_transaction = True  # once is enough
        try:
            self._connect()
            self._identify()
            return self._run(statement, values, prepare=prepare, binary=binary)
        finally:
            self._in_transaction = False

    def _ours(self, error: psycopg.Error, *, committing: bool = False) -> Exception:
        return ours(error, self._there, lost=self._connection.closed, committing=committing) or error

    def _is_well(self) -> bool:
        return not self._connection.closed and self._connection.info.transaction_status == pq.TransactionStatus.INTRANS

    # ── what a book is ───────────────────────────────────────────────────────────────────────────────────────────

    def _tables(self) -> set[str]:
        query = (
            "SELECT CAST(c.relname AS text) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE CAST(n.nspname AS text) = ? AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        )
        return {row[0] for row in self.all(query, (self._there.schema,))}

    def _prepare(self) -> None:
        """Makes an empty schema a book, in one transaction; any other is left as it is."""
        if self._tables():
            return
        self.begin(write=True)
        try:
            self.row("SELECT pg_advisory_xact_lock(?)", (schema.APPLICATION_ID,))
            if not self._tables():  # else another process was first
                name = self._there.schema
                if not self.value("SELECT 1 FROM pg_namespace WHERE CAST(nspname AS text) = ?", (name,)):
                    self._make(f'CREATE SCHEMA "{name}"', "CREATE ON DATABASE")
                self._make(_FORM + _REFUSE + schema.script(self.dialect) + _STORED, "CREATE ON SCHEMA")
                self.insert("form", [(schema.APPLICATION_ID, schema.SCHEMA_VERSION)])
            self.commit()
        except BaseException:
            self.rollback()
            raise

    def _make(self, script: str, grant: str) -> None:
        try:
            self.run(script)
        except Unwritable as error:
            info = self._connection.info
            on = info.dbname if grant.endswith("DATABASE") else self._there.schema
            raise Unwritable(error.message, hint=f'GRANT {grant} "{on}" TO "{info.user}"; nothing was made') from error

    def _identify(self) -> None:
        tables = self._tables()
        if not tables:
            message = f"{self.name} holds no book: its schema {self._there.schema} is not there, or empty"
            raise NotABook(message, hint="open it for writing once, and it is made; nostro up or nostro sync do that")
        if "form" not in tables:
            message = f"the schema {self._there.schema} of {self.name} belongs to another program"
            raise NotABook(message, hint="give another one with ?schema=; it was not touched")
        self._check_usage()
        query = "SELECT version FROM form WHERE application = ?"
        stored = self.value(query, (schema.APPLICATION_ID,))
        if stored is None:
            raise NotABook(f"{self.name} is the database of another program", hint="it was not touched")
        if stored > schema.SCHEMA_VERSION:
            message = f"{self.name} has schema {stored}, and this program knows {schema.SCHEMA_VERSION}"
            raise SchemaTooNew(message, hint="use the newer nostro that wrote it; it was not touched")

    def _check_usage(self) -> None:
        where = self._there.schema
        if not self.value("SELECT has_schema_privilege(?, 'USAGE')", (where,)):
            raise self._lacking("USAGE", f'SCHEMA "{where}"')
        if not self.value("SELECT has_table_privilege(?, 'SELECT')", (f'"{where}".form',)):
            raise self._lacking("SELECT", f'"{where}".form')

    def _check_grants(self) -> None:
        """Raises `Unwritable` that names the first grant that is missing."""
        needed = [(table, "SELECT") for table in (*schema.JOURNAL, *schema.DERIVED)]
        if not self._read_only:
            needed += [(table, "INSERT") for table, _ in needed] + list(_CHANGED.items())
        tables = [f'"{self._there.schema}".{table}' for table, _ in needed]
        query = (
            "SELECT asked.privilege, asked.name FROM unnest(?::text[], ?::text[]) AS asked(name, privilege)"
            " WHERE NOT has_table_privilege(asked.name, asked.privilege)"
        )
        if lacking := self._run(numbered(query), [tables, [each for _, each in needed]]).fetchone():
            raise self._lacking(*lacking)

    def _lacking(self, privilege: str, on: str) -> Unwritable:
        user = self._connection.info.user
        message = f"{user} may not {privilege} {'in' if privilege == 'USAGE' else 'of'} {on} at {self.name}"
        return Unwritable(message, hint=f'let its owner say: GRANT {privilege} ON {on} TO "{user}"; nothing was done')


def _file_name(info: psycopg.ConnectionInfo, where: str) -> str:
    """Names what a machine keeps of this book, however its URL is spelled: the same server, database and schema."""
    given = info.get_parameters()
    server = hashlib.sha256(f"{given.get('host', '')}:{given.get('port', '')}".encode()).hexdigest()[:12]
    return f"{quote(info.dbname, safe='')}.{where}-{server}"
