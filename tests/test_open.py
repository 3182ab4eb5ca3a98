"""Shows the first lines that a program types: an account and a book against the paper exchange of a home folder, over
real sockets, and one clear error for each wrong first line. Nobody waits: the clock jumps where somebody sleeps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nostro
from nostro import errors
from nostro import open as opening
from nostro.blocking import LOOP, Account
from nostro.collect.reports import Progress
from nostro.domain.values import SECOND_NS
from nostro.paper import host
from nostro.paper.history import generate

SINCE = "2025-01-01"


class JumpingClock:
    """The machine's clock, which jumps where somebody sleeps."""

    def __init__(self) -> None:
        self.jumped_ns = 0

    def now_ns(self) -> int:
        return time.time_ns() + self.jumped_ns

    async def sleep(self, pause_s: float) -> None:
        self.jumped_ns += int(pause_s * SECOND_NS)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder whose paper exchange has a short past, served by this process until the tests end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "CLOCK", JumpingClock())
        patch.setattr(host, "generate", lambda venue, **more: generate(venue, **(more | {"rows": 60})))
        yield tmp_path_factory.mktemp("home")
        opening._stop_all()


@pytest.fixture
def account(home: Path) -> Iterator[Account]:
    with nostro.open_account("alp", test_mode=True, home=home) as opened:
        yield opened


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_line(account: Account) -> None:
    balances = account.balances()
    assert {balance.asset for balance in balances} >= {"BTC", "USDT"}
    assert all(balance.total == balance.free + balance.used for balance in balances)
    assert (account.exchange, account.name) == ("alp", "alp")
    assert account.grants == {"trade", "margin", "transfer", "withdraw"}


def test_histories_block_row_by_row(account: Account) -> None:
    history = account.fills(SINCE)
    rows = iter(history)
    first = next(rows)
    assert history.pages > 0
    everything = [first, *rows]
    assert [fill.effective_ns for fill in everything] == [fill.effective_ns for fill in account.fills(SINCE).all()]
    assert len(everything) >= 60
    assert history.coverage == []


def test_a_program_that_places_an_order(account: Account) -> None:
    order = account.place("BTC/USDT", "buy", amount="0.01", price="500")
    assert order.native_id is not None
    assert order.native_id in {each.native_id for each in account.open_orders()}
    assert account.order(order.native_id).status == "open"
    assert account.cancel(order.native_id)
    assert account.order(order.native_id).status == "canceled"


def test_the_async_one_is_the_same(home: Path) -> None:
    async def ask() -> int:
        async with nostro.open_async_account("alp", test_mode=True, home=home, login="reader") as account:
            return len(await account.balances())

    assert LOOP.run(ask()) > 0


def test_public_questions_without_a_key(home: Path, account: Account) -> None:
    url = "".join(account.source._bases[""])  # type: ignore[attr-defined]
    with nostro.open_account("alp", url=url) as public:
        assert len(public.instruments()) > 0
        with pytest.raises(errors.Unauthorized, match="needs a key") as caught:
            public.balances()
        assert "key=" in caught.value.hint


def test_each_login_has_its_own_account(home: Path) -> None:
    with nostro.open_account("alp", test_mode=True, home=home, login="empty") as empty:
        assert len(empty.fills(SINCE).all()) == 0
        assert len(empty.balances()) == 0


def test_another_process_uses_the_same_exchange(home: Path, account: Account) -> None:
    program = (
        "import json, nostro\n"
        f"with nostro.open_account('alp', test_mode=True, home={str(home)!r}) as account:\n"
        "    print(json.dumps([len(account.balances()), len(account.fills('2025-01-01').all())]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [len(account.balances()), len(account.fills(SINCE).all())]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"exchange": "nowhere"}, errors.ExchangeUnknown, "no exchange is called 'nowhere'"),
        ({"exchange": "alp", "dialect": "old"}, errors.ExchangeUnknown, "no dialect 'old'"),
        ({"exchange": "alp", "allow": ["everything"]}, errors.BadValue, "allow has 'everything'"),
        ({"exchange": "alp", "key": "k"}, errors.BadValue, "secret is missing"),
        ({"exchange": "alp", "secret": "s"}, errors.BadValue, "key is missing"),
        ({"exchange": "grvt", "extra": {"private_key": "0x1"}}, errors.BadValue, "key is missing"),
        (
            {"exchange": "alp", "key": "k", "secret": "s", "extra": {"private_key": "0x1"}},
            errors.BadValue,
            "extra has 'private_key', ALP.COM needs none",
        ),
        (
            {"exchange": "grvt", "key": "k", "extra": {"private": "0x1"}},
            errors.BadValue,
            "extra has 'private', expected of private_key, sub_account_id",
        ),
        ({"exchange": "bingx_v1", "key": "k", "secret": "s"}, errors.BadValue, "no live address any more"),
        ({"exchange": "alp", "key": "paper-k", "secret": "paper-s"}, errors.BadValue, "a paper key cannot be used at"),
        ({"exchange": "alp", "key": "k", "secret": "s", "url": "http://x.example"}, errors.BadValue, "https only"),
        ({"exchange": "alp", "url": "ftp://x.example"}, errors.BadValue, "url is 'ftp://x.example'"),
        ({"exchange": "alp", "url": "alp"}, errors.BadValue, "url is 'alp'"),
        ({"exchange": "alp", "test_mode": "yes"}, errors.BadValue, "test_mode is 'yes'"),
    ],
)
def test_a_wrong_first_line(options: dict[str, Any], error: type[errors.UsageError], said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        nostro.open_account(**options)
    assert caught.value.exit_status == 2


def test_an_unknown_login(home: Path) -> None:
    with pytest.raises(errors.BadValue, match="no login 'nobody'") as caught:
        nostro.open_account("alp", test_mode=True, home=home, login="nobody")
    assert "trader" in caught.value.hint


def test_a_paper_exchange_speaks_one_dialect_at_a_time(home: Path, account: Account) -> None:
    with pytest.raises(errors.Conflict, match="speaks dialect cli, not d26"):
        nostro.open_account("alp", test_mode=True, home=home, dialect="d26")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        (tmp_path / "paper").write_text("a file where a folder must be")
    else:
        tmp_path.chmod(0o500)
    with pytest.raises((errors.Unwritable, errors.NotABook), match="cannot be"):
        nostro.open_account("alp", test_mode=True, home=tmp_path)


def test_test_mode_never_goes_live(home: Path) -> None:
    with nostro.open_account("alp", test_mode=True, home=home, url="https://www.alp.com/api/v3") as account:
        assert account.source._bases[""][0].startswith("http://127.0.0.1:")  # type: ignore[attr-defined]


# ── books ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_book(home: Path, account: Account, tmp_path: Path) -> None:
    told: list[Progress] = []
    with nostro.open_book(tmp_path / "book.db") as book:
        report = book.sync(account, since=SINCE, watcher=told.append)
        assert not report.failures
        assert {each.stream for each in told} >= {"orders", "fills", "entries"}
        assert book.accounts() == ["alp"]
        lines = book.balances()
        assert {line.asset for line in lines} == {balance.asset for balance in account.balances()}
        assert all(line.reported == line.computed for line in lines)
        assert not any(line.unexplained for line in lines)
        assert book.breaks() == []
        assert {line.status for line in book.coverage()} <= {"proven", "settling", "unavailable"}
        assert len(list(book.fills("alp"))) >= 60
        assert len(list(book.orders("alp", "2025-01-01", "2025-01-02"))) == 0
        again = book.sync(account)
        assert again.new == 0
        assert book.verify().records > 0
        assert not book.rebuild().changes
        head = book.backup(tmp_path / "kept.db").head
    assert nostro.restore_book(tmp_path / "kept.db", tmp_path / "made.db").proof.head == head
    with pytest.raises(errors.Conflict):
        nostro.restore_book(tmp_path / "kept.db", tmp_path / "book.db")
    with nostro.open_book(tmp_path / "book.db", read_only=True) as book:
        assert len(list(book.fills("alp"))) >= 60
        with pytest.raises(errors.Unwritable):
            book.sync(account)


def test_a_name_belongs_to_one_exchange(account: Account, tmp_path: Path) -> None:
    with nostro.open_book(tmp_path / "book.db") as book:
        book.book.add_account("alp", "elsewhere", dialect="one", since_ns=0)
        with pytest.raises(errors.Conflict, match="is at elsewhere, not at alp"):
            book.sync(account)


def test_a_book_follows_the_dialect_of_its_account(account: Account, tmp_path: Path) -> None:
    with nostro.open_book(tmp_path / "book.db") as book:
        book.book.add_account("alp", "alp", dialect="d23", since_ns=opening.CLOCK.now_ns() - 3600 * SECOND_NS)
        book.sync(account)
        assert book.book.account("alp").dialect == "cli"


def test_interrupted_in_the_middle(home: Path, account: Account, tmp_path: Path) -> None:
    """Ctrl-C: the sync has ended when the interrupt arrives, so that closing the book is safe, and the next one goes
    on."""
    pressed = threading.Event()

    def press(progress: Progress) -> None:
        if not pressed.is_set():
            pressed.set()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a script it is ignored
    try:
        with nostro.open_book(tmp_path / "book.db") as book, pytest.raises(KeyboardInterrupt):
            book.sync(account, watcher=press)
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed.is_set()
    with nostro.open_book(tmp_path / "book.db") as book:
        assert not book.sync(account).failures
        assert book.breaks() == []


@pytest.mark.parametrize(("known_at", "as_of"), [("yesterday", None), (None, "2026-02-30"), (1.5, None)])
def test_a_bad_moment(tmp_path: Path, known_at: Any, as_of: Any) -> None:
    with nostro.open_book(tmp_path / "book.db") as book, pytest.raises(errors.BadValue, match=r"known_at|as_of"):
        book.balances(known_at=known_at, as_of=as_of)


def test_a_book_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a book, and long enough to be looked at" * 50)
    with pytest.raises(errors.NotABook):
        nostro.open_book(tmp_path / "notes.txt")
    with pytest.raises(errors.NotABook, match="does not exist"):
        nostro.open_book(tmp_path / "missing.db", read_only=True)
    assert not (tmp_path / "missing.db").exists()
