"""Shows that a server is reached as libpq reaches it, that one which would not keep a book safe is refused with one
sentence that says what to do, and that a password in a URL is shown nowhere: no text, no error, no settings, no log."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import nostro
from nostro import config, errors
from nostro.cli.session import Session
from nostro.postgres import VERSION_MIN, address, unsafe
from servers import Server, served

SECRET = "s3cr3t-canary"
SAFE = {
    "data_checksums": "on", "fsync": "on", "full_page_writes": "on", "ignore_checksum_failure": "off",
    "zero_damaged_pages": "off", "server_encoding": "UTF8", "server_version_num": "160002",
}  # fmt: skip


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────────

ADDRESSES = (
    ("postgresql://h/db", "postgresql://h/db", "nostro"),
    (f"postgresql://me:{SECRET}@h:5433/db", "postgresql://me@h:5433/db", "nostro"),
    (f"postgres://me:{SECRET}@a,b:5433/db?schema=second", "postgresql://me@a,b:5433/db, schema second", "second"),
    (f"postgresql:///db?host=/run/pg&user=me&password={SECRET}", "postgresql:///db at /run/pg", "nostro"),
    ("postgresql://", "postgresql://", "nostro"),
)


@pytest.mark.parametrize(("url", "shown", "schema"), ADDRESSES)
def test_an_address_shows_no_password(url: str, shown: str, schema: str, tmp_path: Path) -> None:
    there = address(url, tmp_path)
    assert (str(there), there.schema) == (shown, schema)
    assert SECRET not in f"{there} {there!r} {there!s} {[there]}"
    assert there.password == (SECRET if SECRET in url else "")
    assert "schema=" not in there.conninfo


BAD_URLS = (
    f"postgresql://me:{SECRET}/x@h/db",
    f"postgresql://me:{SECRET}@x@h/db",
    f"postgresql://me:{SECRET}#x@h/db",
    f"postgresql://me:{SECRET}%zz@h/db",
    f"postgresql://me:{SECRET}@h:port/db",
    f"postgresql://me:{SECRET}@127.0.0.1:1/db",
    f"postgresql://me:{SECRET}@127.0.0.1:1/db?unknown_option=1",
    f"postgresql://me:{SECRET}@127.0.0.1:1/db?schema=No%20Name",
    f"postgresql://127.0.0.1:1/db?password={SECRET}&sslmode={SECRET}",
)


@pytest.mark.parametrize("url", BAD_URLS)
def test_no_error_shows_a_password(url: str, tmp_path: Path) -> None:
    with pytest.raises((errors.BadValue, errors.Unreachable)) as raised:
        nostro.open_book(url, home=tmp_path)
    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    assert SECRET not in told
    assert raised.value.hint


def test_nothing_that_a_command_says_shows_a_password(tmp_path: Path) -> None:
    environ = {**os.environ, "NOSTRO_HOME": str(tmp_path), "NOSTRO__BOOK": f"postgresql://me:{SECRET}@127.0.0.1:1/db"}
    for command in ("verify", "balances"):
        done = subprocess.run(
            [sys.executable, "-m", "nostro.cli", command, "-v"], env=environ, capture_output=True, text=True
        )
        assert done.returncode == errors.Unreachable.exit_status, done.stderr
        assert "Unreachable" in done.stderr
        assert SECRET not in done.stdout + done.stderr


def test_no_child_of_a_command_inherits_a_password() -> None:
    environ = {"NOSTRO__BOOK": f"postgresql://me:{SECRET}@h/db", "NOSTRO_HOME": "/nowhere", "NOSTRO__PAPER__PORT": "1"}
    here = Session(environ)
    assert SECRET not in str(environ)
    assert str(here.book_place) == "postgresql://me@h/db"
    assert Session({"NOSTRO__BOOK": "b.db", "NOSTRO_HOME": "/nowhere"}).book_place == Path("/nowhere/b.db")


def test_settings_show_no_password_and_let_nobody_else_read_it(tmp_path: Path) -> None:
    home = config.Home(tmp_path)
    home.settings_file.write_text(f'book = "postgresql://me:{SECRET}@h/db"\n')
    home.settings_file.chmod(0o644)
    with pytest.raises(errors.BadValue, match="others may read"):
        config.load(home, {})
    home.settings_file.chmod(0o600)
    settings = config.load(home, {})
    assert SECRET not in f"{settings} {settings!r}"
    assert str(home.book_place(settings)) == "postgresql://me@h/db"
    home.settings_file.write_text('book = "postgresql://me@h/db"\n')
    home.settings_file.chmod(0o644)
    assert str(home.book_place(config.load(home, {}))) == "postgresql://me@h/db"


def test_a_missing_client_is_told_with_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nostro.book.engine_postgres", None)
    with pytest.raises(errors.UsageError, match="psycopg") as raised:
        nostro.open_book("postgresql://h/db", home=tmp_path)
    assert "nostro[postgres]" in raised.value.hint


# ── servers that are refused ─────────────────────────────────────────────────────────────────────────────────────


def test_a_safe_server_is_taken() -> None:
    assert unsafe(SAFE) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_checksums", "off"),
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("ignore_checksum_failure", "on"),
        ("zero_damaged_pages", "on"),
        ("server_encoding", "SQL_ASCII"),
        ("server_version_num", str(VERSION_MIN - 1)),
    ],
)
def test_each_unsafe_setting_is_named(name: str, value: str) -> None:
    refused = unsafe(SAFE | {name: value})
    assert refused is not None
    assert "version" in refused[0] if name == "server_version_num" else refused[0].startswith(f"{name} is {value}")
    assert refused[1]


@pytest.fixture
def own() -> Iterator[Server]:
    """A server of the test's own, which it may spoil."""
    with served() as server:
        yield server


def test_a_server_without_checksums_is_refused_and_taken_once_it_has_them(
    postgres: Server, own: Server, tmp_path: Path
) -> None:
    own.checksums(on=False)
    with pytest.raises(errors.Unsuitable, match="data_checksums is off") as refused:
        nostro.open_book(own.url("nostro"), home=tmp_path)
    assert "pg_checksums --enable" in refused.value.hint
    own.checksums(on=True)
    nostro.open_book(own.url("nostro"), home=tmp_path).close()
    own.say("ALTER SYSTEM SET fsync = off")
    own.restart()
    with pytest.raises(errors.Unsuitable, match="fsync is off"):
        nostro.open_book(own.url("nostro"), home=tmp_path)


def test_a_database_that_is_not_utf_8_is_refused(postgres: Server, tmp_path: Path) -> None:
    postgres.say("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(errors.Unsuitable, match="server_encoding is LATIN1"):
            nostro.open_book(postgres.url("nostro", database="latin"), home=tmp_path)
    finally:
        postgres.say("DROP DATABASE latin")


@pytest.mark.parametrize("role", ["off", "local"])
def test_a_commit_always_waits_for_the_disk(postgres: Server, tmp_path: Path, role: str) -> None:
    """Even where the role is set to go on without."""
    postgres.say(f"CREATE ROLE hasty LOGIN SUPERUSER; ALTER ROLE hasty SET synchronous_commit = {role}")
    try:
        with nostro.open_book(postgres.url("hasty", user="hasty"), home=tmp_path) as book:
            assert book.book._store.engine.value("SELECT current_setting('synchronous_commit')") == "on"
    finally:
        postgres.say("DROP SCHEMA hasty CASCADE; DROP ROLE hasty")


def test_the_password_comes_as_libpq_takes_it(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the URL, PGPASSWORD, a password file or a service; and nowhere else."""
    rules = postgres.folder / "pg_hba.conf"
    kept = rules.read_text()
    postgres.say(f"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{SECRET}'")
    rules.write_text(f"local all guarded scram-sha-256\n{kept}")
    postgres.say("SELECT pg_reload_conf()")
    passwords, services = tmp_path / "pgpass", tmp_path / "services"
    passwords.write_text(f"*:*:*:guarded:{SECRET}\n")
    passwords.chmod(0o600)
    services.write_text(f"[ours]\nhost={postgres.folder}\nuser=guarded\ndbname=postgres\npassword={SECRET}\n")
    plain = postgres.url("guarded", user="guarded")
    try:
        for url, variable, value in (
            (plain.replace("guarded@", f"guarded:{SECRET}@"), "PGAPPNAME", "x"),
            (plain, "PGPASSWORD", SECRET),
            (plain, "PGPASSFILE", str(passwords)),
            ("postgresql://?service=ours&schema=guarded", "PGSERVICEFILE", str(services)),
        ):
            with monkeypatch.context() as environment:
                environment.setenv(variable, value)
                nostro.open_book(url, home=tmp_path).close()
        with pytest.raises(errors.Unreachable, match="no password supplied") as refused:
            nostro.open_book(plain, home=tmp_path)
        assert ".pgpass" in refused.value.hint
        with pytest.raises(errors.Unreachable, match="authentication failed"):
            nostro.open_book(plain.replace("guarded@", "guarded:wrong@"), home=tmp_path)
    finally:
        rules.write_text(kept)
        postgres.say("SELECT pg_reload_conf(); DROP SCHEMA guarded CASCADE; DROP ROLE guarded")
