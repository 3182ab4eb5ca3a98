"""Opens the files of the book and of the paper venue: SQLite through apsw, with a checksum on every page. It decides
how a database is opened, what is asserted about every connection, and which of our errors a fault of the engine is;
it does not know what is stored.

Plain SQLite serves flipped bits as data (measured: 65 % of random flips), so that every file is written through the
checksum VFS that ships in apsw's wheel, and a file without checksums is refused.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import apsw
import apsw.sqlite_extra

from nostro import limits
from nostro.errors import BookError, Conflict, Corrupted, NotABook, SchemaTooNew, Unwritable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VFS: Final = "cksmvfs"  # the name under which SQLite's cksumvfs extension registers itself
# Source: sqlite.org/cksumvfs.html: the checksum lies in the last 8 bytes of a page, which must be reserved for it.
RESERVED_BYTES: Final = 8
_IO_ERROR_OF_DATA: Final = 8202  # SQLITE_IOERR_DATA: a page's checksum does not match

_CORRUPT: Final = (apsw.CorruptError, apsw.NotADBError)
_BUSY: Final = (apsw.BusyError, apsw.LockedError, apsw.ProtocolError)
_UNWRITABLE: Final = (apsw.FullError, apsw.ReadOnlyError, apsw.IOError, apsw.CantOpenError, apsw.PermissionsError)


def open_database(
    path: Path,
    *,
    application_id: int,
    create: bool = False,
    read_only: bool = False,
    schema_version: int = 1,
    schema: str = "",
) -> apsw.Connection:
    """A connection to the database at ``path`` that is what it should be: checksums verified, WAL, every commit synced.

    ``application_id`` marks the kind of file, ``schema_version`` its newest form that this program knows; both are set,
    and the statements of ``schema`` are executed, in the transaction that makes a new file (``create``).
    Raises `NotABook` where there is no such database, `SchemaTooNew`, `Corrupted`, `Conflict` (locked by another
    process) and `Unwritable`."""
    if not path.exists() and not create:
        message = f"{path} does not exist"
        raise NotABook(message, hint="give the path of an existing file, or create it first")
    _register_checksums()
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE
    with translated(path):
        if create and not read_only:
            _touch(path)
        connection = apsw.Connection(os.fspath(path), flags=flags, vfs=VFS)
    try:
        with translated(path, opening=True):
            connection.set_busy_timeout(limits.BUSY_TIMEOUT_MS)
            if create and not read_only:
                _prepare(connection, application_id=application_id, schema_version=schema_version, schema=schema)
            _identify(connection, path, application_id=application_id, schema_version=schema_version)
            _configure(connection, path, read_only=read_only)
    except BaseException:
        connection.close()
        raise
    return connection


def copy_database(connection: apsw.Connection, target: Path) -> None:
    """Copies a whole database, page by page as it is at this moment, into a new file; on return it is on the disk."""
    with translated(target):
        _touch(target)
        copy = apsw.Connection(os.fspath(target), flags=apsw.SQLITE_OPEN_READWRITE, vfs=VFS)
        try:
            copy.pragma("page_size", connection.pragma("page_size"))
            copy.reserve_bytes(reserve=RESERVED_BYTES)
            copy.pragma("journal_mode", "wal")
            copy.pragma("synchronous", "FULL")
            with copy.backup("main", connection, "main") as copying:
                copying.step(-1)
        finally:
            copy.close()


@contextmanager
def translated(path: Path, *, opening: bool = False) -> Iterator[None]:
    """Turns the engine's errors, and the file system's, into ours. ``opening``: what is no database yet is another
    program's file rather than a damaged one of ours."""
    try:
        yield
    except _CORRUPT as error:
        if opening and isinstance(error, apsw.NotADBError):
            message = f"{path} is not a database of ours"
            raise NotABook(message, hint="give another path; the file was not touched") from error
        raise _corrupted(path, error) from error
    except _BUSY as error:
        message = f"{path} is locked by another process ({error})"
        raise Conflict(message, hint="wait until it has finished, or end it") from error
    except _UNWRITABLE as error:
        if getattr(error, "extendedresult", 0) == _IO_ERROR_OF_DATA:
            raise _corrupted(path, error) from error
        raise _unwritable(path, error) from error
    except OSError as error:
        raise _unwritable(path, error) from error


def _corrupted(path: Path, error: Exception) -> BookError:
    message = f"stored bytes of {path} were changed from outside ({error})"
    return Corrupted(message, hint="nothing was served from them; restore a backup, and check the disk")


def _unwritable(path: Path, error: Exception) -> BookError:
    message = f"{path} cannot be opened or written ({error})"
    hint = "free space, or make the folder writable, and try again; nothing that was acknowledged is lost"
    return Unwritable(message, hint=hint)


def _register_checksums() -> None:
    """The extension registers its VFS for the whole process; any connection can load it."""
    if VFS not in apsw.vfs_names():
        loader = apsw.Connection(":memory:")
        apsw.sqlite_extra.load(loader, "cksumvfs")
        loader.close()


def _touch(path: Path) -> None:
    """The file exists, readable by its owner alone: SQLite gives its WAL the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _prepare(connection: apsw.Connection, *, application_id: int, schema_version: int, schema: str) -> None:
    """Makes an empty file a database of ours, in one transaction; any other file is left as it is."""
    if _tables(connection) or connection.pragma("application_id"):
        return
    connection.pragma("page_size", limits.SQLITE_PAGE_BYTES)
    connection.reserve_bytes(reserve=RESERVED_BYTES)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "FULL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.pragma("application_id"):  # else another process was first
            connection.execute(schema)
            connection.pragma("application_id", application_id)
            connection.pragma("user_version", schema_version)
        connection.execute("COMMIT")
        # A WAL that is damaged later must not take with it what kind of file this is.
        connection.pragma("wal_checkpoint")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _tables(connection: apsw.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM sqlite_schema").get)


def _identify(connection: apsw.Connection, path: Path, *, application_id: int, schema_version: int) -> None:
    found = connection.pragma("application_id")
    if not found and not _tables(connection):
        message = f"{path} is empty: making it was cut off"
        raise NotABook(message, hint="open it for writing once, and it is made; nothing was in it")
    if found != application_id:
        message = f"{path} is a database of another program"
        raise NotABook(message, hint="give another path; the file was not touched")
    stored = connection.pragma("user_version")
    if stored > schema_version:
        message = f"{path} has schema {stored}, and this program knows {schema_version}"
        raise SchemaTooNew(message, hint="use the newer nostro that wrote it; the file was not touched")


def _configure(connection: apsw.Connection, path: Path, *, read_only: bool) -> None:
    """Sets what is not stored in the file, and asserts what is."""
    wanted: dict[str, int | str] = {
        "synchronous": 2,  # FULL: NORMAL lost 768 of 858 acknowledged commits in power-loss replays
        "foreign_keys": 1,
        "cache_size": limits.PAGE_CACHE_PAGES,
        "wal_autocheckpoint": limits.WAL_CHECKPOINT_PAGES,
        "mmap_size": 0,  # a mapped page would pass by the checksum
        "temp_store": 2,
        "trusted_schema": 0,
        "query_only": int(read_only),
    }
    for name, value in wanted.items():
        connection.pragma(name, value)
    wanted |= {"journal_mode": "wal", "checksum_verification": 1}
    for name, value in wanted.items():
        found = connection.pragma(name)
        if str(found) != str(value) and not (name == "mmap_size" and found is None):
            message = f"{path} opened with {name} = {found}, and must have {value}"
            raise Corrupted(message, hint="the file was made or changed by something else; restore a backup")
    if connection.readonly("main") and not read_only:
        raise _unwritable(path, PermissionError("the file is read-only"))
    if connection.reserve_bytes() != RESERVED_BYTES:
        message = f"{path} has no checksums on its pages"
        raise Corrupted(message, hint="the file was made or changed by something else; restore a backup")
