"""Shows that what is wrong with the home (another program's database, a newer one, a file in place of a folder, a full
disk, a broken settings file, a sealed key without passphrase) is one clear error with what to do next and a fitting
exit status, that nothing is touched by it, and that nobody is waited for."""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from cli.home import COMMAND, Folder, environment
from nostro.book.anchor import Anchors
from nostro.book.book import Book
from nostro.book.store import Head
from nostro.cli.connect import sole_collector
from nostro.exchanges import exchange
from nostro.keys import Credentials, KeyStore, Passphrases
from nostro.link.transport import SystemClock
from nostro.sqlite import open_database

PAPER = '[accounts.trader]\nexchange = "alp"\npaper = "trader"\n'
LIVE = '[accounts.fund]\nexchange = "alp"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def made(folder: Folder) -> Path:
    path = folder.path / "book.db"
    with Book.open(path, now_ns=SystemClock().now_ns, registry=exchange, create=True) as book:
        book.add_account("trader", "alp", dialect="cli", since_ns=1_767_225_600 * 10**9)
    return path


def test_a_database_of_another_program_is_not_touched(folder: Folder) -> None:
    path = folder.path / "book.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    (folder.path / "nostro.toml").write_text(PAPER)
    before = path.read_bytes()
    for command in ("balances", "sync", "verify"):
        done = folder.run(command)
        assert (done.status, done.error["type"], done.out) == (7, "NotABook", ""), done.err
        assert "not touched" in done.error["hint"]
    assert path.read_bytes() == before
    done = folder.run("up", "--once")
    assert (done.status, done.error["type"], len(done.err.splitlines())) == (7, "NotABook", 1), done.err
    assert not (folder.path / "paper").exists()  # nothing was started for a book that cannot be kept


def test_a_newer_book_is_refused(folder: Folder) -> None:
    path = made(folder)
    from nostro.book import schema

    connection = open_database(path, application_id=schema.APPLICATION_ID, schema_version=schema.SCHEMA_VERSION)
    connection.pragma("user_version", schema.SCHEMA_VERSION + 1)
    connection.close()
    done = folder.run("balances")
    assert (done.status, done.error["type"]) == (7, "SchemaTooNew")
    assert "newer nostro" in done.error["hint"]


def test_a_book_rolled_back_names_what_is_lost_and_how_to_go_on(folder: Folder) -> None:
    path = made(folder)
    anchors = Anchors(path)
    ((account, told),) = anchors.read().items()
    anchors.write(account, Head(told.seq + 3, bytes(32)))
    done = folder.run("verify")
    assert (done.status, done.error["type"]) == (7, "RolledBack"), done.err
    assert "--accept-rollback" in done.error["hint"]
    assert folder.run("verify", "--accept-rollback").status == 0
    assert folder.run("verify").status == 0
    assert path.exists()


def test_a_book_without_anchors_reads_and_says_so(folder: Folder) -> None:
    made(folder)
    for anchor in (folder.path / "book.db.anchor").iterdir():
        anchor.unlink()
    proof = folder.run("verify")
    assert proof.status == 0, proof.err
    assert "no anchor" in proof.json["warnings"][0]
    assert folder.run("verify", "--new-anchor").json["warnings"] == []
    assert folder.run("verify").json["warnings"] == []


def test_no_book_yet(folder: Folder) -> None:
    done = folder.run("balances")
    assert (done.status, done.error["type"]) == (7, "NotABook")
    assert "nostro up" in done.error["hint"]
    assert list(folder.path.iterdir()) == []


def test_a_home_that_cannot_be_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    done = Folder(file).run("up", "--once")
    assert (done.status, done.error["type"]) == (7, "Unwritable")
    assert file.read_text() == "mine"


def test_a_broken_settings_file_is_named(folder: Folder) -> None:
    (folder.path / "nostro.toml").write_text("[accounts.a]\nexchange = 'alp'\nallow = ['all']\n")
    done = folder.run("accounts", "list")
    assert (done.status, done.error["type"]) == (2, "BadValue")
    assert "nostro.toml" in done.error["message"]
    assert "allow" in done.error["message"]


def test_the_paper_exchange_does_not_run(folder: Folder) -> None:
    (folder.path / "nostro.toml").write_text(PAPER)
    done = folder.run("sync")
    assert (done.status, done.error["type"], done.error["repeat"]) == (5, "NotSent", True)
    assert "nostro up" in done.error["hint"]


def test_an_account_is_collected_by_one_process(folder: Folder) -> None:
    (folder.path / "nostro.toml").write_text(PAPER)
    path = made(folder)
    with sole_collector(path, "trader"):
        done = folder.run("sync")
        assert (done.status, done.error["type"]) == (7, "Conflict")
        assert "another process" in done.error["message"]
    assert folder.run("sync").error["type"] == "NotSent"


def test_a_full_disk_loses_nothing(folder: Folder) -> None:
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 200 * 86_400))
    (folder.path / "nostro.toml").write_text(f'{PAPER}since = "{since}"\n')
    limit = 2_000_000

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    with folder.exchange("--history", "150"):
        made(folder)
        done = subprocess.run(
            [*COMMAND, "sync"], capture_output=True, timeout=100, preexec_fn=full,
            env=environment(NOSTRO_HOME=str(folder.path)),
        )  # fmt: skip
        said = json.loads(done.stderr.splitlines()[-1])["error"]
        assert (done.returncode, said["type"]) == (7, "Unwritable"), done.stderr
        assert "free space" in said["hint"]
        proof = folder.run("verify")
        assert proof.status == 0, proof.err
        pages = sum(row["pages"] for row in proof.json["rows"])
        assert pages
        again = folder.run("sync")
        assert again.status == 0, again.err
        assert folder.run("fills").json["rows"]


def test_sealed_keys_without_a_passphrase_are_an_error_at_once(folder: Folder) -> None:
    (folder.path / "nostro.toml").write_text(f'{LIVE}url = "https://127.0.0.1:9/api/v3"\n')
    passphrases = Passphrases(environ={}, ask=lambda prompt: "correct horse")
    store = KeyStore(folder.path / "keys", passphrases, keyring=None, environ={})
    store.put("fund", Credentials("key-of-mine", "secret-of-mine"))
    asked = time.monotonic()
    done = folder.run("sync")
    assert (done.status, done.error["type"]) == (2, "Locked")
    assert "--passphrase-file" in done.error["hint"]
    assert time.monotonic() - asked < 20
    phrase = folder.path / "phrase"
    phrase.write_text("wrong")
    phrase.chmod(0o644)
    assert "0644" in folder.run("sync", "--passphrase-file", str(phrase)).error["message"]
    phrase.chmod(0o600)
    assert folder.run("sync", "--passphrase-file", str(phrase)).error["type"] == "Locked"
    (folder.path / "keys" / "fund.age").chmod(0o640)
    assert "0640" in folder.run("sync", "--passphrase-file", str(phrase)).error["message"]


def test_a_live_account_needs_a_grant_and_a_yes(folder: Folder) -> None:
    (folder.path / "nostro.toml").write_text(LIVE)
    order = ("order", "place", "fund", "BTC/USDT", "buy", "--amount", "1", "--price", "1")
    done = folder.run(*order)
    assert (done.status, done.error["type"]) == (2, "NotGranted")
    assert "allow" in done.error["hint"]
    (folder.path / "nostro.toml").write_text(f'{LIVE}allow = ["trade"]\n')
    done = folder.run(*order)
    assert (done.status, done.error["type"]) == (2, "BadValue")
    assert "--yes" in done.error["hint"]
    shown = folder.on_terminal(*order, typed=[("Send it?", "n")])
    assert shown.status == 130
    assert "LIVE at alp, account fund: buy BTC/USDT" in shown.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("balances", "--as-of", "yesterday"), "--as-of"),
        (("balances", "--as-of", "2026-02-30"), "--as-of"),
        (("balances", "--as-of", "1999-12-31"), "1999-12-31"),
        (("fills", "--start", "2026-02-01", "--end", "2026-01-01"), "lies before"),
        (("sync", "--again", "2026-02-01", "2026-02-01"), "is not after"),
        (("balanses",), "did you mean 'balances'?"),
        (("balances", "--as-off", "x"), "--as-of"),
        (("exchanges", "alq"), "did you mean alp?"),
        (("exchanges", "alp", "--dialect", "d99"), "d26"),
        (("accounts", "add", "x", "nowhere"), "nowhere"),
        (("accounts", "add", "X!", "alp", "--paper", "trader"), "account name"),
        (("accounts", "add", "x", "alp"), "--keys"),
        (("paper", "serve", "alp", "--port", "99999"), "--port"),
    ],
)
def test_what_is_typed_wrongly_is_told(folder: Folder, arguments: tuple[str, ...], says: str) -> None:
    made(folder)
    (folder.path / "nostro.toml").write_text(PAPER)
    done = folder.run(*arguments)
    assert (done.status, done.out) == (2, ""), done.err
    assert says in done.error["message"] + done.error["hint"]


def test_on_a_terminal_an_error_is_read_by_people(folder: Folder) -> None:
    done = folder.on_terminal("balances")
    assert done.status == 7
    assert "error:" in done.out
    assert "→" in done.out
    assert "{" not in done.out
