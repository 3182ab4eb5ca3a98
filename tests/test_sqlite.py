"""Shows that a database opens only as what it should be: checksums verified, WAL, full syncs; that every other file and
every fault of the disk gives one clear error, and that no flipped bit is served."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from nostro import errors, limits, sqlite
from nostro.sqlite import open_database, translated

OURS = 0x7465_7374
SCHEMA = "CREATE TABLE t (a TEXT) STRICT;"


def opened(path: Path, **options: object) -> apsw.Connection:
    return open_database(path, application_id=OURS, schema=SCHEMA, **options)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    opened(tmp_path / "a.db", create=True).close()
    return tmp_path / "a.db"


def test_every_connection_is_what_it_should_be(path: Path) -> None:
    for read_only in (False, True):
        connection = opened(path, read_only=read_only)
        found = {name: str(connection.pragma(name)) for name in (
            "journal_mode", "synchronous", "foreign_keys", "checksum_verification", "page_size", "wal_autocheckpoint",
        )}  # fmt: skip
        assert found == {
            "journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "checksum_verification": "1",
            "page_size": str(limits.SQLITE_PAGE_BYTES), "wal_autocheckpoint": str(limits.WAL_CHECKPOINT_PAGES),
        }  # fmt: skip
        assert connection.reserve_bytes() == 8
        connection.close()


def test_the_file_is_its_owners_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_does_not_exist_is_not_created_by_reading(tmp_path: Path) -> None:
    with pytest.raises(errors.NotABook, match="does not exist"):
        opened(tmp_path / "none.db")
    assert not list(tmp_path.iterdir())


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = apsw.Connection(str(path), vfs="unix")
    other.execute("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)")
    other.close()
    before = path.read_bytes()
    for create in (False, True):
        with pytest.raises(errors.NotABook, match="another program"):
            opened(path, create=create)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear reader, " * 1000)
    before = path.read_bytes()
    for create in (False, True):
        with pytest.raises(errors.NotABook):
            opened(path, create=create)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused(path: Path) -> None:
    connection = opened(path)
    connection.pragma("user_version", 2)
    connection.close()
    with pytest.raises(errors.SchemaTooNew, match="has schema 2"):
        opened(path)
    opened(path, schema_version=2).close()


def test_a_file_without_checksums_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.db"
    plain = apsw.Connection(str(path), vfs="unix")
    plain.pragma("application_id", OURS)
    plain.pragma("user_version", 1)
    plain.pragma("journal_mode", "wal")
    plain.close()
    with pytest.raises(errors.Corrupted, match="checksum"):
        opened(path)


def test_a_crash_before_the_schema_leaves_an_empty_file_that_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch()
    connection = opened(path, create=True)
    assert connection.execute("SELECT count(*) FROM t").get == 0
    connection.close()


def test_a_locked_database_says_so(path: Path) -> None:
    one, other = opened(path), opened(path)
    other.set_busy_timeout(1)
    one.execute("BEGIN IMMEDIATE")
    with pytest.raises(errors.Conflict, match="locked by another process"), translated(path):
        other.execute("BEGIN IMMEDIATE")
    one.close()
    other.close()


def test_a_flipped_bit_is_refused_not_served(path: Path) -> None:
    connection = opened(path)
    connection.execute("INSERT INTO t VALUES ('the truth')")
    connection.close()
    stored = bytearray(path.read_bytes())
    stored[stored.index(b"the truth")] ^= 1
    path.write_bytes(stored)
    connection = opened(path)
    with pytest.raises(errors.Corrupted, match="changed from outside"), translated(path):
        connection.execute("SELECT a FROM t").get  # noqa: B018
    connection.close()


@contextmanager
def file_sizes_limited_to(size: int) -> Iterator[None]:
    """A disk that is full after ``size`` bytes of a file; the kernel then refuses to write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_loses_nothing_that_was_acknowledged(path: Path) -> None:
    connection = opened(path)
    kept, refused = 0, 0
    with file_sizes_limited_to(400_000):
        for number in range(200):
            try:
                with translated(path):
                    connection.execute("INSERT INTO t VALUES (?)", (f"{number}" + "x" * 5_000,))
                kept += 1
            except errors.Unwritable as error:
                refused += "free space" in error.hint
    assert kept, "nothing fitted on the disk"
    assert refused, "the disk was never full"
    assert connection.execute("SELECT count(*) FROM t").get == kept
    connection.execute("INSERT INTO t VALUES ('there is space again')")
    connection.close()
    again = opened(path)
    assert again.execute("SELECT count(*) FROM t").get == kept + 1
    again.close()


@pytest.mark.skipif(shutil.which("unshare") is None or os.getuid() != 0, reason="a file system of its own needs root")
def test_a_full_file_system_is_one_clear_error(tmp_path: Path) -> None:
    script = f"""
import subprocess, sys
from pathlib import Path
folder = Path({str(tmp_path)!r}) / "small"
folder.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(folder)], check=True)
from nostro import errors, sqlite
connection = sqlite.open_database(folder / "a.db", application_id=1, create=True, schema="CREATE TABLE t (a TEXT)")
kept = 0
try:
    for number in range(1000):
        with sqlite.translated(folder / "a.db"):
            connection.execute("INSERT INTO t VALUES (?)", ("x" * 5000,))
        kept += 1
except errors.Unwritable as error:
    print("full", kept, connection.execute("SELECT count(*) FROM t").get, error.hint)
"""
    ran = subprocess.run(["unshare", "-m", sys.executable, "-c", script], capture_output=True, text=True, check=False)
    if "mount" in ran.stderr or "unshare" in ran.stderr:
        pytest.skip("this machine lets nobody mount a file system")
    word, kept, counted, *hint = ran.stdout.split()
    assert (word, kept) == ("full", counted), ran.stderr
    assert int(kept) > 0
    assert "free space" in " ".join(hint)


READ_ONLY = """
import os, sys
from pathlib import Path
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
from nostro import errors, sqlite
for create in (True, False):
    try:
        sqlite.open_database(Path(sys.argv[1]), application_id=1, create=create)
        print("opened")
    except errors.BookError as error:
        print(type(error).__name__)
"""


@pytest.mark.parametrize(("there", "expected"), [(False, "Unwritable NotABook"), (True, "Unwritable Unwritable")])
def test_a_read_only_folder_is_one_clear_error(tmp_path: Path, there: bool, expected: str) -> None:
    folder = tmp_path / "shut"
    folder.mkdir()
    if there:
        open_database(folder / "a.db", application_id=1, create=True).close()
        (folder / "a.db").chmod(0o444)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.name.startswith(("test_", "popen-", "pytest-")):  # what pytest made, also in a process of its own
            parent.chmod(0o755)
    folder.chmod(0o555)
    # All is loaded before the rights are given up: the new user need not be able to read it.
    script = "from nostro import sqlite\nsqlite._register_checksums()\n" + READ_ONLY
    ran = subprocess.run(
        [sys.executable, "-c", script, str(folder / "a.db")], capture_output=True, text=True, check=False
    )
    folder.chmod(0o755)
    assert ran.stdout.split() == expected.split(), ran.stderr


def test_the_checksums_are_those_of_the_wheel() -> None:
    assert sqlite.VFS in apsw.vfs_names()
