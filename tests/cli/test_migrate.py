"""Shows what the command line says of a book of the first release: who reads it is told what to do, who writes brings
it to the present form."""

from __future__ import annotations

from pathlib import Path

from book.older import KNOWN, STORED, lay
from cli.home import Folder


def test_a_book_of_the_first_release(tmp_path: Path) -> None:
    path, folder = lay(tmp_path), Folder(tmp_path)
    for command in ("balances", "verify", "coverage"):
        refused = folder.run(command)
        assert (refused.status, refused.error["type"]) == (7, "SchemaTooOld")
        assert "nostro rebuild" in refused.error["hint"]
    assert path.read_bytes() == STORED
    done = folder.run("rebuild")
    assert done.status == 0, done.err
    assert "read 101 of 101 pages" in done.err
    assert "book.db.schema1" in done.err
    assert done.json["rows"] == []
    assert folder.run("verify").json["head"] == KNOWN["head"]
