"""Shows that the book is backed up and restored from the command line: what is printed, for people and programs, and
what is refused."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from cli.home import Folder
from nostro.book.book import Book
from nostro.book.pages import page_of_ours
from nostro.book.store import Store
from nostro.domain.values import SECOND_NS
from nostro.exchanges import exchange

T0 = 1_700_000_000 * SECOND_NS
PAGES = 40


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A home with a book of an account that nobody collects."""
    home = tmp_path / "home"
    home.mkdir()
    with Book.open(home / "book.db", create=True, now_ns=lambda: T0, registry=exchange) as book:
        book.add_account("main", "alp", dialect=exchange("alp").dialect, since_ns=T0)
        lease = book.acquire("main", "tests")
        notes = [page_of_ours("nostro:decision", f"note {number}".encode(), now_ns=T0) for number in range(PAGES)]
        book.append(lease, notes)
        book.release(lease)
    return Folder(home)


def test_a_backup_is_printed_with_its_head_and_restored(folder: Folder, tmp_path: Path) -> None:
    kept = str(tmp_path / "kept.db")
    made = folder.run("backup", kept)
    assert made.status == 0, made.err
    assert "copied 40 of 40 pages" in made.err
    head = folder.run("verify").json["head"]
    assert (made.json["head"], made.json["rows"][0]["pages"], made.json["path"]) == (head, PAGES, kept)
    other = Folder(tmp_path / "other")
    again = other.run("restore", kept)
    assert again.status == 0, again.err
    assert "read 40 of 40 pages" in again.err
    assert (again.json["head"], again.json["same_state"]) == (head, True)
    assert other.run("verify").json["warnings"] == []


def test_before_a_terminal_it_is_told_in_words(folder: Folder, tmp_path: Path) -> None:
    shown = folder.on_terminal("backup", str(tmp_path / "kept.db"))
    assert shown.status == 0
    assert "book head" in shown.out and "40/40" in shown.out
    shown = folder.on_terminal("restore", str(tmp_path / "kept.db"), "--replace")
    assert shown.status == 0
    assert "new anchors" in shown.out


def test_nothing_is_overwritten(folder: Folder, tmp_path: Path) -> None:
    kept = str(tmp_path / "kept.db")
    assert folder.run("backup", kept).status == 0
    refused = folder.run("backup", kept)
    assert (refused.status, refused.error["type"]) == (7, "Conflict")
    refused = folder.run("restore", kept)
    assert (refused.status, refused.error["type"]) == (7, "Conflict")
    assert "--replace" in refused.error["hint"]
    assert folder.run("restore", kept, "--replace").status == 0
    assert folder.run("verify").status == 0
    assert (folder.path / "book.db.replaced").exists() and (folder.path / "book.db.replaced.anchor").exists()


def test_what_is_damaged_is_refused_with_its_first_bad_page(folder: Folder, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    assert folder.run("backup", str(kept)).status == 0
    with closing(Store(kept)) as store:
        store.engine.run("DROP TRIGGER page_no_update")
        store.engine.execute("UPDATE page SET hash = zeroblob(32) WHERE seq = 17")
    refused = Folder(tmp_path / "other").run("restore", str(kept))
    assert (refused.status, refused.error["type"]) == (7, "ChainBroken")
    assert "page 17 of account main" in refused.error["message"]
    assert not (tmp_path / "other" / "book.db").exists()
    missing = folder.run("restore", str(tmp_path / "none.db"))
    assert (missing.status, missing.error["type"]) == (7, "NotABook")
    assert folder.run("backup", str(tmp_path / "no" / "folder.db")).status != 0
