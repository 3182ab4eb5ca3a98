"""Shows a book that watches an account of the paper exchange for a program without an event loop: what is told comes
with what is stored, the book can be asked meanwhile, and who has seen enough gives the lease back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import nostro
from nostro.errors import Conflict
from nostro.link.events import GapClosed, GapOpened, Stored, Update


def test_a_book_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "NOSTRO_HOME", str(tmp_path))
    with nostro.open_account("alp", test_mode=True) as account, nostro.open_book(tmp_path / "book.db") as book:
        seen, since = set[type](), "2026-01-01T00:00:00Z"
        watching = book.watch(account, since=since)
        for event in watching:
            seen.add(type(event))
            if isinstance(event, GapOpened):
                with pytest.raises(Conflict):
                    book.sync(account)
            if isinstance(event, GapClosed):
                break
        watching.close()
        assert {GapOpened, Update, GapClosed} <= seen
        assert [balance.asset for balance in book.balances()]
        assert Stored not in seen or book.book.heard(account.name) is not None
        assert not book.sync(account).failures, "the lease was given back"
        assert book.verify().records > 0
