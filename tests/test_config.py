"""Shows that the home folder is found, that the settings file and the environment say what they mean, that editing
the file keeps what people wrote in it, and that a crash or a mistake leaves the old file."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro import config
from nostro.config import AccountSettings, Home
from nostro.errors import BadValue, Conflict, Unwritable

WRITTEN = """\
# my accounts, since 2021
book = "books/main.db"
colour = "blue"          # a key that nostro does not know

[paper]
seed = 11

[accounts.fund]  # the big one
exchange = "alp"
since = "2024-01-01"
note = "ask Ann"

[accounts.trader]
exchange = "alp"
paper = "trader"
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def write(home: Home, text: str) -> None:
    home.create()
    home.settings_file.write_text(text)


def test_the_home_is_the_option_then_the_variable_then_the_users_own(tmp_path: Path) -> None:
    environ = {"NOSTRO_HOME": str(tmp_path / "variable")}
    assert config.find_home(tmp_path / "option", environ).folder == tmp_path / "option"
    assert config.find_home(None, environ).folder == tmp_path / "variable"
    assert config.find_home(None, {}).folder == Path.home() / ".nostro"


def test_without_a_file_the_defaults_hold(home: Home) -> None:
    settings = config.load(home, {})
    assert settings.accounts == {}
    assert home.book_place(settings) == home.folder / "book.db"


def test_the_environment_overrides_the_file(home: Home) -> None:
    write(home, WRITTEN.replace("accounts.trader", "accounts.my-trader"))
    settings = config.load(
        home,
        {
            "NOSTRO__BOOK": "/elsewhere/b.db",
            "NOSTRO__PAPER__SEED": "12",
            "NOSTRO__ACCOUNTS__MY_TRADER__DIALECT": "d26",
            "NOSTRO__ACCOUNTS__FUND__ALLOW": "trade, withdraw",
            "NOSTRO__ACCOUNTS__OTHER__EXCHANGE": "alp",
        },
    )
    assert home.book_place(settings) == Path("/elsewhere/b.db")
    assert settings.paper.seed == 12
    assert settings.accounts["my-trader"].dialect == "d26"
    assert settings.accounts["my-trader"].paper == "trader"
    assert settings.accounts["fund"].allow == ("trade", "withdraw")
    assert settings.accounts["other"].exchange == "alp"


def test_a_default_account_may_only_read_and_a_paper_account_may_do_all() -> None:
    assert AccountSettings(exchange="alp").grants == ()
    assert set(AccountSettings(exchange="alp", paper="trader").grants) == {"trade", "margin", "transfer", "withdraw"}


def test_adding_and_removing_keeps_every_line_that_people_wrote(home: Home) -> None:
    write(home, WRITTEN)
    config.add_account(home, "second", account=AccountSettings(exchange="alp", allow=("trade",), since="2025-05-05"))
    added = home.settings_file.read_text()
    assert added.startswith(WRITTEN)
    assert config.load(home, {}).accounts["second"] == AccountSettings(
        exchange="alp", allow=("trade",), since="2025-05-05"
    )
    config.remove_account(home, "second")
    assert home.settings_file.read_text().rstrip() == WRITTEN.rstrip()
    config.remove_account(home, "fund")
    left = home.settings_file.read_text()
    assert "ask Ann" not in left
    assert "# my accounts, since 2021" in left
    assert 'colour = "blue"' in left
    assert set(config.load(home, {}).accounts) == {"trader"}


def test_a_file_that_cannot_be_edited_as_text_is_left_alone(home: Home) -> None:
    inline = 'accounts = { fund = { exchange = "alp" } }\n'
    write(home, inline)
    with pytest.raises(BadValue, match=r"cannot be edited|is not TOML"):
        config.remove_account(home, "fund")
    with pytest.raises(BadValue):
        config.add_account(home, "second", account=AccountSettings(exchange="alp"))
    assert home.settings_file.read_text() == inline


@settings(max_examples=50, deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_is_written_so_that_it_reads_back(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        account = AccountSettings(exchange="alp", dialect=text, since="2024-02-02")
        config.add_account(home, "a", account=account)
        assert config.load(home, {}).accounts["a"] == account


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("book = ", "is not TOML"),
        ("book = 3", r"book"),
        ('[accounts.a]\npaper = "trader"', "exchange"),
        ('[accounts.a]\nexchange = "alp"\nallow = ["everything"]', "allow"),
        ('[accounts.A-b]\nexchange = "alp"', "account name"),
        ('[accounts."../x"]\nexchange = "alp"', "account name"),
        ('[accounts.a]\nexchange = "alp"\nsince = "yesterday"', "since"),
        ('[accounts.a]\nexchange = "alp"\nurl = "http://alp.example"', "not https"),
        ('[accounts.a]\nexchange = "alp"\npaper = "t"\nurl = "https://alp.example"', "not on this machine"),
        ('[accounts.a]\nexchange = "alp"\npaper = "t"\nurl = "http://127.0.0.1.example:1"', "not on this machine"),
    ],
)
def test_a_mistake_in_the_file_is_named(home: Home, text: str, says: str) -> None:
    write(home, text)
    with pytest.raises(BadValue, match=says) as caught:
        config.load(home, {})
    assert caught.value.hint


def test_names_are_taken_once_and_unknown_ones_get_a_suggestion(home: Home) -> None:
    write(home, WRITTEN)
    with pytest.raises(Conflict):
        config.add_account(home, "fund", account=AccountSettings(exchange="alp"))
    with pytest.raises(BadValue) as caught:
        config.find_account(config.load(home, {}), "treder")
    assert "did you mean 'trader'?" in caught.value.hint


def test_the_folder_is_the_owners_alone_and_so_is_the_file(home: Home) -> None:
    config.add_account(home, "a", account=AccountSettings(exchange="alp"))
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.settings_file.stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_old_file_and_nothing_else(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, WRITTEN)
    calls = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unwritable, match="No space left"):
        config.add_account(home, "a", account=AccountSettings(exchange="alp"))
    assert calls
    assert home.settings_file.read_text() == WRITTEN
    assert [path.name for path in home.folder.iterdir()] == ["nostro.toml"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o777])
def test_looser_modes_are_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key.age"
    file.write_bytes(b"x")
    file.chmod(0o600)
    config.require_private(file)
    file.chmod(mode)
    with pytest.raises(BadValue, match=f"{mode:04o}") as caught:
        config.require_private(file)
    assert "chmod 0600" in caught.value.hint
