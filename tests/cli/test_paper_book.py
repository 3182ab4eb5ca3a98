"""Shows the command line at work on a real paper exchange over real HTTP: a first pass ends with a proven book, every
noun gives the same rows in every form, orders are placed, shown and canceled, and files read back exactly."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from cli.home import COMMAND, Folder, environment

NOUNS = ("balances", "orders", "fills", "entries", "transfers", "fees", "sub-accounts")
LISTS = {"fees", "sub-accounts"}  # what holds now, as it was read last: they are complete through no time
ACCOUNT = '[accounts.{name}]\nexchange = "alp"\npaper = "{name}"\nsince = "{since}"\n'


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Folder, Any]]:
    """A home with two accounts whose first pass has ended, its exchange still running, and what the pass said."""
    folder = Folder(tmp_path_factory.mktemp("home"))
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 300 * 86_400))
    accounts = [ACCOUNT.format(name=name, since=since) for name in ("trader", "reader")]
    (folder.path / "nostro.toml").write_text("\n".join(accounts))
    with folder.exchange("--history", "150"):
        done = folder.run("up", "--once")
        assert done.status == 0, done.err
        yield folder, done.json


def rows(folder: Folder, *arguments: str) -> list[dict[str, Any]]:
    done = folder.run(*arguments)
    assert done.status == 0, done.err
    return done.json["rows"]


def test_the_first_pass_proves_all_that_can_be_proven(book: tuple[Folder, Any]) -> None:
    _, said = book
    assert set(said) == {"balances", "coverage", "breaks"}
    assert said["balances"]["rows"]
    for balance in said["balances"]["rows"]:
        assert balance["status"] == "proven"
        assert balance["reported"] == balance["computed"]
        assert balance["unexplained"] == "0"
    statuses = {(line["stream"], line["status"], line["cause"]) for line in said["coverage"]["rows"]}
    assert ("withdrawals", "unavailable", "forbidden") in statuses
    assert ("fills", "proven", "") in statuses
    assert not [line for line in statuses if line[1] == "open"]
    assert said["breaks"]["rows"] == []


def test_what_is_shown_as_computed_is_the_sum_of_the_entries_shown(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    balances = folder.run("balances", "trader").json
    sums: dict[tuple[str, str], Decimal] = {}
    entries = rows(folder, "entries", "trader")
    for entry in entries:
        key = entry["wallet"], entry["asset"]
        sums[key] = sums.get(key, Decimal(0)) + Decimal(entry["amount"])
    for balance in balances["rows"]:
        compared = balance["compared"]
        later = [
            Decimal(entry["amount"])
            for entry in entries
            if (entry["wallet"], entry["asset"]) == (balance["wallet"], balance["asset"])
            and moment(entry["effective"]) >= moment(compared)
        ]
        assert sums[balance["wallet"], balance["asset"]] - sum(later) == Decimal(balance["computed"])


def moment(text: str) -> tuple[str, str]:
    """RFC 3339 texts in the order of their times."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return whole, fraction.ljust(9, "0")


@pytest.mark.parametrize("noun", NOUNS)
def test_every_form_has_the_same_rows(book: tuple[Folder, Any], noun: str, tmp_path: Path) -> None:
    folder, _ = book
    found = folder.run(noun, "trader").json
    assert found["rows"]
    assert {"complete_through", "coverage", "as_of", "known_at", "reader", "pages", "head"} <= set(found)
    lines = list(csv.DictReader(io.StringIO(folder.run(noun, "trader", "-o", "csv").out)))
    assert len(lines) == len(found["rows"])
    for line, row in zip(lines, found["rows"], strict=True):
        for name, value in row.items():
            shown = "" if value is None else value
            if isinstance(shown, str):
                assert line[name] in {shown, f"'{shown}"}
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / f"{noun}.parquet"
    with file.open("wb") as stream:
        subprocess.run(
            [*COMMAND, noun, "trader", "-o", "parquet"], stdout=stream, check=True,
            env=environment(NOSTRO_HOME=str(folder.path)),
        )  # fmt: skip
    table = parquet.read_table(file)
    assert table.num_rows == len(lines)
    assert json.loads(table.schema.metadata[b"nostro"])["complete_through"] == found["complete_through"]
    terminal = folder.on_terminal(noun, "trader")
    assert terminal.status == 0
    assert ("complete through" in terminal.out) == (found["complete_through"] is not None) == (noun not in LISTS)


def test_amounts_and_ids_are_texts_and_csv_amounts_are_bare(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    for noun in NOUNS:
        text = folder.run(noun, "trader").out
        numbers = re.findall(r": (-?\d+\.\d+|-?\d{16,})[,}]", text)
        assert numbers == []
    lines = list(csv.DictReader(io.StringIO(folder.run("entries", "trader", "-o", "csv").out)))
    negative = [line["amount"] for line in lines if line["amount"].startswith("-")]
    assert negative
    assert all(Decimal(amount) < 0 for amount in negative)


def test_a_table_fits_its_terminal_and_aligns_its_points(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    for noun, width in product(("balances", "orders", "fills", "entries", "transfers", "coverage"), (80, 140)):
        text = re.sub(r"\x1b\[[0-9;]*m", "", folder.on_terminal(noun, "trader", width=width).out)
        assert max(len(line.rstrip()) for line in text.splitlines()) <= width, text
        if noun in {"fills", "orders"}:
            table = [line for line in text.splitlines() if re.match(r" \d{4}-\d\d-\d\d", line)]
            assert len(table) == 50
            points = {place.start() for line in table for place in re.finditer(r"\.", line)}
            assert len(points) <= {"fills": 3, "orders": 5}[noun]


def test_the_two_clocks(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    entries = rows(folder, "entries", "trader")
    middle = entries[len(entries) // 2]["effective"]
    before = rows(folder, "entries", "trader", "--as-of", middle)
    assert before == [entry for entry in entries if moment(entry["effective"]) < moment(middle)]
    assert rows(folder, "entries", "trader", "--known-at", "2020-01-01") == []
    then = folder.run("balances", "trader", "--as-of", middle).json
    assert then["as_of"] == middle
    assert then["rows"]
    assert all(balance["reported"] is None for balance in then["rows"])
    assert all(balance["unexplained"] is None for balance in then["rows"])


def test_a_past_balance_is_what_the_ledger_said_last(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    entries = rows(folder, "entries", "trader")
    middle = entries[len(entries) // 2]["effective"]
    said = {entry["asset"]: entry["after"] for entry in entries if moment(entry["effective"]) < moment(middle)}
    then = rows(folder, "balances", "trader", "--as-of", middle, "--zeros")
    assert {balance["asset"]: balance["computed"] for balance in then} == said
    assert {balance["status"] for balance in then} == {"proven"}
    assert rows(folder, "balances", "trader", "--as-of", entries[0]["effective"]) == []


def test_an_order_is_placed_shown_and_canceled(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    placed = rows(folder, "order", "place", "trader", "BTC/USDT", "buy", "--amount", "0.01", "--price", "1000")[0]
    assert (placed["instrument"], placed["side"], placed["amount"]) == ("BTC/USDT", "buy", "0.01")
    shown = rows(folder, "order", "show", "trader", placed["native_id"])[0]
    assert shown["status"] == "open"
    assert shown["price"] == "1000"
    canceled = rows(folder, "order", "cancel", "trader", placed["native_id"])
    assert [order["status"] for order in canceled] == ["canceled"]
    again = folder.run("order", "cancel", "trader", placed["native_id"], "999999999")
    assert (again.status, again.error["type"], again.out) == (3, "NotFound", "")
    assert placed["native_id"] in again.error["message"]
    assert "999999999" in again.error["message"]


def test_a_table_of_what_was_placed_has_no_columns_of_what_is_not_known(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    shown = folder.on_terminal(
        "order", "place", "trader", "BTC/USDT", "buy", "--amount", "0.01", "--price", "1000", width=140
    )  # fmt: skip
    assert shown.status == 0
    assert " price " in shown.out
    assert " filled " not in shown.out
    number = re.search(r"what became of it: nostro order show trader (\d+)", shown.out)
    assert number is not None, shown.out
    assert folder.run("order", "cancel", "trader", number[1]).status == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fills", "--instrument", "btc/usdt"), "did you mean 'BTC/USDT'?"),
        (("orders", "trader", "--instrument", "FOO/BAR"), "instruments: "),
        (("fills", "--wallet", "sput"), "did you mean 'spot'?"),
        (("fills", "--side", "up"), "sides: buy, sell"),
        (("orders", "--status", "opn"), "did you mean 'open'?"),
        (("entries", "--asset", "ZZZ"), "assets: "),
        (("entries", "--type", "depost"), "did you mean 'deposit'?"),
        (("transfers", "--direction", "in"), "directions: "),
    ],
)
def test_what_no_row_of_the_book_can_be_is_an_error_and_no_empty_answer(
    book: tuple[Folder, Any], arguments: tuple[str, ...], says: str
) -> None:
    folder, _ = book
    done = folder.run(*arguments)
    assert (done.status, done.error["type"], done.out) == (2, "BadValue", ""), done.err
    assert arguments[-1] in done.error["message"]
    assert says in done.error["hint"]


def test_what_could_be_and_is_not_is_an_empty_answer(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    assert rows(folder, "orders", "trader", "--status", "rejected") == []
    assert rows(folder, "fills", "trader", "--wallet", "funding") == []
    pair = rows(folder, "fills", "trader")[0]["instrument"]
    assert rows(folder, "fills", "--instrument", pair, "--end", "2010-01-01") == []


@pytest.mark.parametrize(
    ("arguments", "kind", "status"),
    [
        (("FOO/BAR", "buy", "--amount", "1", "--price", "1"), "NotFound", 3),
        (("BTC/USDT", "buy", "--amount", "-1", "--price", "1"), "OrderRejected", 3),
        (("BTC/USDT", "buy", "--amount", "1" * 40, "--price", "1"), "BadValue", 2),
        (("BTC/USDT", "buy", "--amount", "NaN", "--price", "1"), "BadValue", 2),
        (("BTC/USDT", "buy", "--amount", "9", "--price", "60000"), "InsufficientFunds", 3),
        (("BTC/USDT", "up", "--amount", "1", "--price", "1"), "UsageError", 2),
    ],
)
def test_an_impossible_order_is_one_clear_error(
    book: tuple[Folder, Any], arguments: tuple[str, ...], kind: str, status: int
) -> None:
    folder, _ = book
    done = folder.run("order", "place", "trader", *arguments)
    assert (done.error["type"], done.status) == (kind, status), done.err
    assert done.error["happened"] == "no"
    assert done.error["hint"] or "expected" in done.error["message"]
    assert done.out == ""


def test_a_key_that_may_not_trade_is_told_so(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    done = folder.run("order", "place", "reader", "BTC/USDT", "buy", "--amount", "0.01", "--price", "1000")
    assert (done.error["type"], done.status) == ("Forbidden", 3)


def test_a_check_says_what_the_key_may_read(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    results = {line["question"]: line["result"] for line in rows(folder, "accounts", "check", "reader")}
    assert results["balances"] == results["fills"] == "ok"
    assert results["withdrawals"] == "forbidden"
    assert results["writes"] == "not tried"


def test_money_is_credited_to_a_running_paper_exchange(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    done = folder.run("paper", "fund", "trader", "BTC", "2.5")
    assert done.status == 0, done.err
    assert folder.run("paper", "fund", "trader", "BTC", "-1").status == 2
    done = folder.run("paper", "fund", "treder", "BTC", "1")
    assert (done.status, "did you mean 'trader'?" in done.error["hint"]) == (2, True)


def test_a_mistyped_account_gets_the_nearest_name(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    done = folder.run("balances", "treder")
    assert done.status == 2
    assert "did you mean 'trader'?" in done.error["hint"]


def test_an_export_reads_back_exactly(book: tuple[Folder, Any], tmp_path: Path) -> None:
    folder, _ = book
    target = tmp_path / "export"
    assert folder.run("export", str(target), "trader").status == 0
    about = json.loads((target / "about.json").read_text())
    names = {
        "balances", "orders", "fills", "entries", "transfers", "fees", "loans", "borrows", "repayments", "interest",
        "liquidations", "sub_accounts", "coverage", "breaks",
    }  # fmt: skip
    assert set(about["files"]) == names
    assert {path.stem for path in target.iterdir()} == names | {"about"}
    lines = list(csv.DictReader(io.StringIO((target / "entries.csv").read_text())))
    assert [line["amount"] for line in lines] == [row["amount"] for row in rows(folder, "entries", "trader")]
    done = folder.run("export", str(target), "trader")
    assert (done.status, done.error["type"]) == (7, "Conflict")


def test_the_book_verifies_and_rebuilds_to_itself(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    proof = folder.run("verify").json
    assert re.fullmatch(r"[0-9a-f]{64}", proof["head"])
    assert folder.run("balances").json["head"] == proof["head"]
    rebuilt = folder.run("rebuild").json
    assert rebuilt["rows"] == []
    assert rebuilt["state"] == rebuilt["state_before"]


def test_a_closed_pipe_is_quiet(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    reading = folder.start("entries", "-o", "csv")
    assert reading.stdout is not None
    assert reading.stdout.readline().startswith(b"exchange,account,")
    reading.stdout.close()
    reading.stdout = None
    _, err = reading.communicate(timeout=30)
    assert (reading.returncode, err) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no /dev/full")
@pytest.mark.parametrize("arguments", [("entries", "-o", "csv"), ("fees", "trader"), ("entries", "-o", "parquet")])
def test_output_without_room_is_one_clear_error(book: tuple[Folder, Any], arguments: tuple[str, ...]) -> None:
    folder, _ = book
    with Path("/dev/full").open("wb") as full:
        writing = folder.start(*arguments, stdout=full)
        _, err = writing.communicate(timeout=30)
    assert writing.returncode == 7
    assert len(err.splitlines()) == 1, err
    error = json.loads(err)["error"]
    assert (error["type"], "No space left" in error["message"]) == ("Unwritable", True)


def test_the_shell_completes_accounts(book: tuple[Folder, Any]) -> None:
    folder, _ = book
    script = "import sys; sys.argv = ['nostro']; from nostro.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60,
        env=environment(
            NOSTRO_HOME=str(folder.path), _NOSTRO_COMPLETE="bash_complete", COMP_WORDS="nostro balances tr",
            COMP_CWORD="2",
        ),
    )  # fmt: skip
    assert done.stdout.split() == ["plain,trader"]


def test_ctrl_c_in_a_sync_loses_nothing_and_the_next_goes_on(book: tuple[Folder, Any]) -> None:
    import signal

    folder, _ = book
    second = {"NOSTRO__BOOK": "second.db"}
    running = subprocess.Popen(
        [*COMMAND, "sync"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(NOSTRO_HOME=str(folder.path), **second),
    )  # fmt: skip
    assert running.stderr is not None
    first = running.stderr.readline()
    assert b" rows in " in first
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert out == b""
    said = json.loads(err.splitlines()[-1])["error"]
    assert (said["type"], "nothing was lost" in said["message"]) == ("Interrupted", True)
    before = folder.run("verify", **second)
    assert before.status == 0, before.err
    assert sum(row["pages"] for row in before.json["rows"]) > 0
    again = folder.run("sync", **second)
    assert again.status == 0, again.err
    assert folder.run("fills", "reader", **second).json["rows"]
    assert {row["status"] for row in folder.run("balances", **second).json["rows"]} == {"proven"}
