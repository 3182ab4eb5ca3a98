"""Shows a break's life on the command line: listed, shown, explained, accepted and opened again, also while another
process collects the account, which then takes the decision in."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from cli.home import Folder
from nostro.book import breaks
from nostro.book.book import Book
from nostro.book.breaks import Break, Hypothesis, Judged, Scope
from nostro.book.pages import page_of_ours
from nostro.exchanges import exchange
from nostro.link.transport import SystemClock

AT_NS = 1_767_225_600 * 10**9  # 2026-01-01
BREAK = Break(
    id="0123456789ab", check="chain", name="missing_row", scope=Scope("fund", "1", "spot", "BTC"),
    since_ns=AT_NS, until_ns=AT_NS + 60 * 10**9, expected=Decimal("1.5"), actual=Decimal(2), missing=Decimal("0.5"),
    rows=("17",), pages=(3,), text="0.5 BTC came without an entry",
    hypotheses=(Hypothesis(name="missing_row", text="an entry of 0.5 was never given", amount=Decimal("0.5")),),
)  # fmt: skip
NOW_NS = SystemClock().now_ns


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    with opened(tmp_path, create=True) as book:
        book.add_account("fund", "alp", dialect="cli", since_ns=AT_NS)
        lease = book.acquire("fund", "test")
        body = breaks.encode(Judged(seq=0, reader=1, opened=(BREAK,)))
        book.append(lease, [page_of_ours(breaks.RECONCILED, body, now_ns=NOW_NS())])
        book.release(lease)
    return Folder(tmp_path)


def opened(path: Path, *, create: bool = False) -> Book:
    return Book.open(path / "book.db", now_ns=NOW_NS, registry=exchange, create=create)


def state(folder: Folder) -> str:
    return str(folder.run("breaks", "show", BREAK.id).json["state"])


def test_a_break_is_listed_shown_and_explained(folder: Folder) -> None:
    listed = folder.run("breaks").json
    assert listed["open"] == 1
    assert (listed["rows"][0]["id"], listed["rows"][0]["missing"]) == (BREAK.id, "0.5")
    shown = folder.run("breaks", "show", "0123").json
    assert shown["break"]["expected"] == "1.5"
    assert [step["what"] for step in shown["rows"]] == ["opened"]
    assert folder.run("breaks", "explain", BREAK.id).json["rows"][0]["amount"] == "0.5"
    assert "0.5 BTC came without an entry" in folder.on_terminal("breaks", "show", BREAK.id).out
    assert folder.run("balances").status == 0


def test_a_break_is_accepted_and_opened_again(folder: Folder) -> None:
    done = folder.run("breaks", "accept", BREAK.id, "--reason", "a gift", "--author", "Ann")
    assert done.status == 0, done.err
    life = folder.run("breaks", "show", BREAK.id).json
    assert (life["state"], life["rows"][-1]["author"], life["rows"][-1]["reason"]) == ("accepted", "Ann", "a gift")
    assert folder.run("breaks").json["open"] == 0
    again = folder.run("breaks", "accept", BREAK.id, "--reason", "twice")
    assert (again.status, again.error["type"]) == (2, "BadValue")
    assert folder.run("breaks", "reopen", BREAK.id, "--reason", "it was none").status == 0
    assert state(folder) == "open"
    assert folder.run("verify").status == 0


@pytest.fixture
def collecting(folder: Folder) -> Iterator[Book]:
    with opened(folder.path) as book:
        yield book


def test_a_decision_waits_for_whoever_collects_the_account(folder: Folder, collecting: Book) -> None:
    lease = collecting.acquire("fund", "collector")
    done = folder.run("breaks", "accept", BREAK.id, "--reason", "known")
    assert done.status == 0, done.err
    assert "takes it in" in done.err
    assert state(folder) == "open"
    collecting.empty_inbox(lease)
    assert state(folder) == "accepted"


def test_a_mistyped_break_and_a_missing_reason_are_told(folder: Folder) -> None:
    wrong = folder.run("breaks", "show", "0123456789ax")
    assert (wrong.status, BREAK.id in wrong.error["hint"]) == (2, True)
    assert folder.run("breaks", "accept", BREAK.id).status == 2
    assert state(folder) == "open"
