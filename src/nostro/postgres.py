"""Connects to PostgreSQL through psycopg. It decides how a server is addressed without showing a password, what is
asserted about every connection, and which of our errors a fault of the server is; it does not know what is stored.

A server that keeps no checksums, does not sync what it commits, or does not store UTF-8 is refused: it could serve
changed bytes, forget what was acknowledged, or lose a name (measured: with `data_checksums` a flipped page is refused).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard
from urllib.parse import parse_qsl, quote, unquote, urlencode

from nostro import limits
from nostro.errors import (
    BadValue,
    BookError,
    Conflict,
    Corrupted,
    Uncertain,
    Unreachable,
    Unsuitable,
    Unwritable,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import psycopg
    from psycopg.rows import TupleRow

SCHEMES: Final = ("postgresql://", "postgres://")
SCHEMA: Final = "nostro"  # where a book stands in a database unless the URL says otherwise
VERSION_MIN: Final = 140_000  # the oldest that its makers still mended when this was written
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,47}", re.ASCII)

# What must be so on every connection, and why; none of them can be set by us.
_DEMANDED: Final = {
    "data_checksums": ("on", "a changed byte on its disk would be served as data", "pg_checksums --enable"),
    "fsync": ("on", "what it acknowledges may be lost when the power fails", "set fsync = on"),
    "full_page_writes": ("on", "a page half written when the power fails stays broken", "set full_page_writes = on"),
    "ignore_checksum_failure": ("off", "changed bytes would be served as data", "set ignore_checksum_failure = off"),
    "zero_damaged_pages": ("off", "damaged rows would vanish without a word", "set zero_damaged_pages = off"),
    "server_encoding": ("UTF8", "names of exchanges could not be stored", "create the database with ENCODING 'UTF8'"),
}
# What we set on every connection. Our statements are written for their indexes: each is planned for its values, and
# none is worth compiling.
_SESSION: Final = (
    "SET client_encoding = 'UTF8'; SET plan_cache_mode = force_custom_plan; SET jit = off;"
    f" SET cursor_tuple_fraction = 0.001; SET lock_timeout = {limits.BUSY_TIMEOUT_MS};"
    " SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"
)
_KEEPALIVE: Final = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}


class Address(NamedTuple):
    """Where a book stands on a server. ``folder``: where this machine keeps what belongs to such books. Its text shows
    no password."""

    conninfo: str
    shown: str
    schema: str
    password: str
    folder: Path

    def __repr__(self) -> str:
        return f"Address({self.shown})"

    def __str__(self) -> str:
        return self.shown


def is_url(place: object) -> TypeGuard[str]:
    """Whether a book is named by the URL of a server, not by a file."""
    return isinstance(place, str) and place.startswith(SCHEMES)


def address(url: str, folder: Path) -> Address:
    """The address that a URL says: ``postgresql://[user[:password]@][host][:port][/database][?options]``, its options
    those of libpq and ``schema``, the schema that holds the book. What it leaves out libpq finds as it always does (the
    PG* variables, ``~/.pgpass``, services). Raises `BadValue`, which never shows a password."""
    rest = url.partition("://")[2]
    login, _, there = rest.rpartition("@")
    user, _, password = login.partition(":")
    if set("@/?#") & set(login):
        raise BadValue("the URL of the book has @, /, ? or # in its user or password", hint="write them as %40, %2F, …")
    target, _, query = there.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    given = dict(options)
    schema = given.pop("schema", SCHEMA)
    if _NAME.fullmatch(schema) is None:
        raise BadValue(f"schema {schema!r} is not of small letters, digits and _, at most 48", hint="rename it")
    asked = urlencode(given, quote_via=quote, safe="")
    conninfo = f"postgresql://{login}{'@' if login else ''}{target}{'?' if asked else ''}{asked}"
    at = f"{user}@{target}" if user else target
    host = given.get("host", "")
    shown = f"postgresql://{at}" + (f" at {host}" if host else "") + (f", schema {schema}" if schema != SCHEMA else "")
    return Address(conninfo, shown, schema, unquote(password) or given.get("password", ""), folder)


def connect(there: Address) -> psycopg.Connection[TupleRow]:
    """A connection to a server that keeps a book safe, outside any transaction; names without a schema are those of the
    address. Raises `Unreachable`, `Unsuitable` and `BadValue`."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        parameters: dict[str, Any] = {"connect_timeout": limits.CONNECT_TIMEOUT_S, **_KEEPALIVE}
        parameters |= conninfo_to_dict(there.conninfo) | {"fallback_application_name": "nostro"}
    except psycopg.ProgrammingError:  # its message may quote the password
        raise BadValue(f"{there.shown} is no URL that libpq understands", hint="see its chapter on URIs") from None
    try:
        connection = psycopg.connect(autocommit=True, prepare_threshold=1, **parameters)
    except psycopg.OperationalError as error:
        hint = "see that it runs, that the URL is right, and that ~/.pgpass or PGPASSWORD holds the password"
        message = f"{there.shown} cannot be reached ({' '.join(_masked(str(error), there).split())})"
        raise Unreachable(message, hint=hint) from None
    try:
        connection.execute(_SESSION.encode())
        connection.execute(f'SET search_path = "{there.schema}"'.encode())
        _settle(connection, there)
    except psycopg.Error as error:
        connection.close()
        raise _unreachable(there, _masked(str(error), there)) from None
    except BookError:
        connection.close()
        raise
    return connection


def _settle(connection: psycopg.Connection[TupleRow], there: Address) -> None:
    """Asserts what the server must be, and that it waits for the disk before it acknowledges a commit."""
    names = [*_DEMANDED, "server_version_num", "synchronous_commit"]
    row = connection.execute(f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}".encode()).fetchone()
    assert row is not None, "a SELECT without a table gives one row"
    found = dict(zip(names, row, strict=True))
    if wrong := unsafe(found):
        raise Unsuitable(f"{there.shown} cannot hold a book: {wrong[0]}", hint=wrong[1])
    if found["synchronous_commit"] not in ("on", "remote_apply"):
        connection.execute("SET synchronous_commit = on")


def unsafe(settings: Mapping[str, str]) -> tuple[str, str] | None:
    """Why a server with these settings is refused and what to do about it; None where it is not."""
    if int(settings["server_version_num"]) < VERSION_MIN:
        return f"it is older than version {VERSION_MIN // 10_000}", "upgrade the server"
    for name, (wanted, why, remedy) in _DEMANDED.items():
        if settings[name] != wanted:
            return f"{name} is {settings[name]}: {why}", f"{remedy}; nothing was changed"
    return None


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def ours(error: psycopg.Error, there: Address, *, lost: bool, committing: bool = False) -> BookError | None:
    """Which of our errors a fault of the server is; None where it is a mistake of ours. ``lost``: the connection is
    gone; ``committing``: it was told to commit."""
    from psycopg import errors as pg

    said = _masked(str(error.diag.message_primary or error).strip(), there)
    if lost or isinstance(error, pg.AdminShutdown | pg.CrashShutdown | pg.CannotConnectNow):
        if committing:
            hint = "whether it was written is not known; doing the same again doubles nothing"
            return Uncertain(f"{there.shown} went away while it was told to commit ({said})", hint=hint)
        return _unreachable(there, said)
    if isinstance(error, pg.SerializationFailure | pg.DeadlockDetected | pg.LockNotAvailable):
        message = f"{there.shown} is used by another process at this moment ({said})"
        return Conflict(message, hint="nothing was written; try again when it has finished")
    if isinstance(error, pg.DataCorrupted | pg.IndexCorrupted):
        hint = "nothing was served from them; restore a backup, and check the server's disk"
        return Corrupted(f"stored bytes of {there.shown} were changed from outside ({said})", hint=hint)
    if isinstance(error, pg.InsufficientPrivilege):
        return Unwritable(f"{there.shown} lacks a grant ({said})", hint="let its owner grant it; nothing was written")
    if isinstance(error, pg.DiskFull | pg.OutOfMemory | pg.ReadOnlySqlTransaction | pg.IoError):
        hint = "free space, or make the server writable, and try again; nothing that was acknowledged is lost"
        return Unwritable(f"{there.shown} cannot be written ({said})", hint=hint)
    return None


def _unreachable(there: Address, said: str) -> Unreachable:
    hint = "nothing was written; it is tried again with the next call, once the server answers"
    return Unreachable(f"{there.shown} does not answer ({' '.join(said.split())})", hint=hint)


def _masked(text: str, there: Address) -> str:
    return text.replace(there.password, "[password]") if there.password else text
