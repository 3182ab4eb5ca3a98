"""Shows margin from the command line, on a real paper exchange over real HTTP: money is moved, borrowed and repaid, an
order borrows what it lacks, a position is closed, and the book has it all, with debts beside balances."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.home import Folder

ACCOUNT = '[accounts.margin]\nexchange = "alp"\npaper = "margin"\nsince = "{since}"\n'
LIVE = '[accounts.fund]\nexchange = "alp"\nallow = ["trade"]\n'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A home whose account may borrow, its exchange running, its book begun."""
    folder = Folder(tmp_path_factory.mktemp("margin"))
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 200 * 86_400))
    (folder.path / "nostro.toml").write_text(ACCOUNT.format(since=since))
    with folder.exchange("--history", "120"):
        done = folder.run("up", "--once")
        assert done.status == 0, done.err
        yield folder


def rows(folder: Folder, *arguments: str) -> list[dict[str, Any]]:
    done = folder.run(*arguments)
    assert done.status == 0, done.err
    return done.json["rows"]


def test_money_is_moved_borrowed_and_repaid_and_the_book_has_it(home: Folder) -> None:
    own = rows(home, "sub-accounts", "margin")[0]["sub_account"]
    assert home.run("paper", "fund", "margin", "USDT", "1000").status == 0
    moved = rows(home, "transfer", "margin", "USDT", "500", "--to", "cross_margin", "--note", "by hand")[0]
    assert (moved["from_wallet"], moved["to_wallet"], moved["amount"]) == ("spot", "cross_margin", "500")
    borrowed = rows(home, "borrow", "margin", "USDT", "123.5")[0]
    assert (borrowed["wallet"], borrowed["amount"]) == ("cross_margin", "123.5")
    repaid = rows(home, "repay", "margin", "USDT", "23.5")[0]
    assert repaid["asset"] == "USDT"
    time.sleep(12)  # what is younger than ten seconds is not asked for yet
    assert home.run("sync").status in (0, 1)
    of = ("--sub-account", own, "--wallet", "cross_margin", "--asset", "USDT")
    known = {row["native_id"]: row for row in rows(home, "borrows", "margin", *of)}
    assert (known[borrowed["native_id"]]["amount"], known[borrowed["native_id"]]["status"]) == ("123.5", "open")
    assert repaid["native_id"] in {row["native_id"] for row in rows(home, "repayments", "margin", *of)}
    entries = rows(home, "entries", "margin", "--type", "borrow", *of)
    assert "123.5" in {row["amount"] for row in entries}
    [loan] = rows(home, "loans", "margin", *of)
    assert Decimal(loan["principal"]) >= 100
    balance = next(
        row for row in rows(home, "balances", "margin", "--sub-account", own)
        if (row["wallet"], row["asset"]) == ("cross_margin", "USDT")
    )  # fmt: skip
    debt = Decimal(loan["principal"]) + Decimal(loan["interest"])
    assert Decimal(balance["debt"]) == debt and Decimal(balance["net"]) == Decimal(balance["reported"]) - debt
    assert rows(home, "breaks") == []
    shown = home.on_terminal("balances", "margin", width=140)
    assert "owed" in shown.out


def test_an_order_borrows_what_it_lacks_and_its_position_is_closed(home: Folder) -> None:
    placed = rows(
        home, "order", "place", "margin", "BTC/USDT", "sell", "--type", "market", "--amount", "0.002",
        "--wallet", "cross_margin", "--side-effect", "auto_borrow",
    )[0]  # fmt: skip
    shown = rows(home, "order", "show", "margin", placed["native_id"])[0]
    assert (shown["wallet"], shown["status"]) == ("cross_margin", "filled")
    made = rows(home, "order", "close", "margin")
    assert made and {row["side"] for row in made} == {"buy"}
    again = home.run("order", "close", "margin")
    assert (again.status, again.error["type"]) == (3, "BadRequest")


def test_an_order_ends_when_it_was_told_to(home: Folder) -> None:
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))
    limit = ("order", "place", "margin", "BTC/USDT", "buy", "--amount", "0.01", "--price", "1000")
    placed = rows(home, *limit, "--expire-after", end)[0]
    assert rows(home, "order", "show", "margin", placed["native_id"])[0]["expires"] == end
    assert home.run("order", "cancel", "margin", placed["native_id"]).status == 0


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("borrow", "margin", "USDT", "100000000"), {"InsufficientFunds", "BadRequest"}),
        (("repay", "margin", "ETH", "5"), {"BadRequest"}),
        (("transfer", "margin", "USDT", "1", "--sub-account", "1"), {"Forbidden"}),
        (("transfer", "margin", "USDT", "100000000"), {"InsufficientFunds"}),
        (("order", "close", "margin", "--wallet", "isolated_margin:BTC/USDT"), {"BadRequest"}),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(home: Folder, arguments: tuple[str, ...], kind: set[str]) -> None:
    done = home.run(*arguments)
    assert done.status == 3 and done.error["type"] in kind, done.err
    assert done.error["happened"] == "no" and done.error["hint"] and done.out == ""


@pytest.mark.parametrize(
    ("arguments", "grant"),
    [
        (("transfer", "fund", "USDT", "1"), "transfer"),
        (("borrow", "fund", "USDT", "1"), "margin"),
        (("repay", "fund", "USDT", "1"), "margin"),
    ],
)
def test_a_live_account_needs_the_grant_and_a_yes(tmp_path: Any, arguments: tuple[str, ...], grant: str) -> None:
    folder = Folder(tmp_path)
    (folder.path / "nostro.toml").write_text(LIVE)
    done = folder.run(*arguments)
    assert (done.status, done.error["type"]) == (2, "NotGranted"), done.err
    assert f'allow = ["trade", "{grant}"]' in done.error["hint"]
    (folder.path / "nostro.toml").write_text(LIVE.replace('["trade"]', f'["trade", "{grant}"]'))
    done = folder.run(*arguments)
    assert (done.status, done.error["type"]) == (2, "BadValue")
    assert "nobody is there to ask" in done.error["message"] and "--yes" in done.error["hint"]
    asked = folder.run("order", "close", "fund")
    assert "nobody is there to ask" in asked.error["message"]


def test_ctrl_c_while_something_is_changed_does_not_say_that_it_did_not_happen(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "home")
    folder.path.mkdir()
    (folder.path / "nostro.toml").write_text(ACCOUNT.format(since="2026-01-01"))
    faults = tmp_path / "faults.json"
    faults.write_text('{"faults": [{"kind": "delayed", "routes": ["borrow"], "share": 1, "delay_s": 60}]}')
    with folder.exchange("--history", "20", "--faults", str(faults)):
        with closing(sqlite3.connect(f"file:{folder.path / 'paper' / 'alp' / 'venue.db'}?mode=ro", uri=True)) as venue:

            def made() -> int:
                return int(venue.execute("SELECT count(*) FROM borrows").fetchone()[0])

            before = made()
            running = folder.start("borrow", "margin", "USDT", "1")
            ends_s = time.monotonic() + 60
            while made() == before and time.monotonic() < ends_s:
                time.sleep(0.05)
            assert made() == before + 1
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, b"")
    said = json.loads(err.splitlines()[-1])["error"]
    assert (said["type"], said["account"]) == ("Interrupted", "margin")
    assert (said["happened"], said["repeat"]) == ("maybe", False)
    assert "nostro sync margin" in said["hint"]
