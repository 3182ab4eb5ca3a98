"""The home folder and the one settings file in it. It decides where nostro keeps its files, what may stand in
``nostro.toml``, how the environment overrides it, and how an account is added to it or taken out; keys are elsewhere
(``keys.py``).

The file is edited as text: adding an account appends its table, removing it deletes that table, and what people wrote
besides (comments, unknown keys) stays as it is. Each edit is read back before it replaces the file.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import stat
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import urlsplit

import msgspec

from nostro.domain.values import Malformed, parse_moment
from nostro.errors import BadValue, Conflict, Unwritable
from nostro.link.declare import Grant
from nostro.postgres import Address, address, is_url

GRANTS: Final[tuple[Grant, ...]] = get_args(Grant)
PREFIX: Final = "NOSTRO__"
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_HEADER: Final = re.compile(r"\s*\[")


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One account of ours. ``paper``: its login at the paper exchange, "" for a live account. ``url``: another base
    URL than the exchange's own. ``allow``: grants beyond reading. ``since``: nothing before it is asked for."""

    exchange: str
    dialect: str = ""
    paper: str = ""
    url: str = ""
    allow: tuple[Grant, ...] = ()
    since: str = ""

    @property
    def grants(self) -> tuple[Grant, ...]:
        """What it may do beyond reading: a paper account everything."""
        return GRANTS if self.paper else self.allow


class PaperSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The paper exchange of this home: its seed, the rows of history that it starts with, its port (0: any free
    one)."""

    seed: int | None = None
    history: int | None = None
    port: int = 0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What ``nostro.toml`` and the environment say. ``book``: the book's file, within the home folder unless
    absolute; or the URL of a server, ``postgresql://...``."""

    book: str = "book.db"
    accounts: dict[str, AccountSettings] = {}
    paper: PaperSettings = PaperSettings()

    def __repr__(self) -> str:
        """Without the book: its URL may hold a password."""
        return f"Settings(accounts={self.accounts!r}, paper={self.paper!r})"


class Home(msgspec.Struct, frozen=True):
    """The folder of all files that are ours, and their names in it."""

    folder: Path

    @property
    def settings_file(self) -> Path:
        return self.folder / "nostro.toml"

    @property
    def keys_folder(self) -> Path:
        return self.folder / "keys"

    def book_place(self, settings: Settings) -> Path | Address:
        """The book's file or address. Raises `BadValue` where a URL cannot be meant."""
        return address(settings.book, self.folder) if is_url(settings.book) else self.folder / settings.book

    def create(self) -> None:
        """Makes the folder, for its owner alone. Raises `Unwritable`."""
        private_folder(self.folder)


def find_home(given: str | Path | None, environ: Mapping[str, str]) -> Home:
    """``given`` (``--home``), else ``NOSTRO_HOME``, else ``~/.nostro``."""
    return Home(Path(given or environ.get("NOSTRO_HOME") or "~/.nostro").expanduser().absolute())


def load(home: Home, environ: Mapping[str, str]) -> Settings:
    """The settings of a home folder, overridden by the environment; without a file, the defaults. Raises `BadValue`
    that names the file and the key."""
    table = _read(home.settings_file)
    book = table.get("book")
    if is_url(book) and address(book, home.folder).password:
        require_private(home.settings_file)
    _override(table, environ)
    try:
        settings = msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise BadValue(f"{home.settings_file}: {error}", hint="correct that key") from None
    for name, account in settings.accounts.items():
        check_account(name, account)
    return settings


def check_account(name: str, account: AccountSettings) -> None:
    """Raises `BadValue` where a name, a URL or a time cannot be meant."""
    if _NAME.fullmatch(name) is None:
        raise BadValue(f"account name {name!r} is not of small letters, digits, - and _, at most 40", hint="rename it")
    if account.since:
        try:
            parse_moment(account.since, "since")
        except Malformed as error:
            raise BadValue(f"account {name}: {error}", hint="write a date like 2024-01-31") from None
    if account.url:
        _check_url(name, account)


def _check_url(name: str, account: AccountSettings) -> None:
    parts = urlsplit(account.url)
    loopback = parts.hostname in LOOPBACK
    if account.paper and not loopback:
        raise BadValue(
            f"account {name} is a paper account, and its url {account.url} is not on this machine",
            hint="a paper exchange is reached at 127.0.0.1 only",
        )
    if not account.paper and parts.scheme != "https":
        raise BadValue(
            f"account {name} is live, and its url {account.url} is not https",
            hint="keys travel over https only; name a paper login for a paper exchange",
        )


def find_account(settings: Settings, name: str) -> AccountSettings:
    """That account. Raises `BadValue` with the nearest name that exists."""
    if name not in settings.accounts:
        raise BadValue(f"no account {name!r} in this home", hint=suggestion(name, settings.accounts, what="accounts"))
    return settings.accounts[name]


def suggestion(word: str, known: Iterable[str], *, what: str) -> str:
    """One line for whoever mistyped ``word``."""
    names = sorted(known)
    if not names:
        return f"there are no {what} yet"
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.5)
    listed = f"{what}: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
    return f"did you mean {by_lower[near[0]]!r}? {listed}" if near else listed


# ── the environment ──────────────────────────────────────────────────────────────────────────────────────────────


def _override(table: dict[str, Any], environ: Mapping[str, str]) -> None:
    """``NOSTRO__SECTION__KEY`` replaces ``key`` in ``[section]``; names compare without case, and ``_`` meets ``-``."""
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        words = variable.removeprefix(PREFIX).split("__")
        at = table
        for word in words[:-1]:
            at = at.setdefault(_known(at, word), {})
            if not isinstance(at, dict):
                raise BadValue(f"{variable} names no section of the settings", hint=f"unset {variable}")
        at[_known(at, words[-1])] = _typed(words[-1], environ[variable])


def _known(table: Mapping[str, Any], word: str) -> str:
    for name in table:
        if name.upper().replace("-", "_") == word.upper():
            return name
    return word.lower()


def _typed(word: str, text: str) -> object:
    if word.lower() == "allow":
        return [grant.strip() for grant in text.split(",") if grant.strip()]
    if word.lower() in {"seed", "history", "port"} and text.isascii() and text.isdecimal():
        return int(text)
    return text


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadValue(f"{path} cannot be read: {error}", hint="make it readable, or correct it") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadValue(f"{path} is not TOML: {error}", hint="correct that line") from None


def _read(path: Path) -> dict[str, Any]:
    return _parse(path, _text(path))


def add_account(home: Home, name: str, *, account: AccountSettings) -> None:
    """Appends the account to the settings file. Raises `Conflict` where the name is taken, `BadValue`, `Unwritable`."""
    check_account(name, account)
    text = _text(home.settings_file)
    table = _parse(home.settings_file, text)
    accounts = table.setdefault("accounts", {})
    if name in accounts:
        raise Conflict(f"there is an account {name!r} already", hint="choose another name, or remove it first")
    written = {key: value for key, value in msgspec.to_builtins(account).items() if value}
    lines = [f"[accounts.{name}]", *(f"{key} = {_toml(value)}" for key, value in written.items())]
    accounts[name] = {key: list(value) if isinstance(value, tuple) else value for key, value in written.items()}
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    _replace(home, text + gap + "\n".join(lines) + "\n", table)


def remove_account(home: Home, name: str) -> None:
    """Deletes the account's table from the settings file; its book is left as it is. Raises `BadValue`,
    `Unwritable`."""
    text = _text(home.settings_file)
    table = _parse(home.settings_file, text)
    accounts = table.get("accounts", {})
    if name not in accounts:
        raise BadValue(f"no account {name!r} in {home.settings_file}", hint=suggestion(name, accounts, what="accounts"))
    del accounts[name]
    kept: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if _HEADER.match(line):
            inside = re.match(rf"\s*\[\s*accounts\s*\.\s*[\"']?{re.escape(name)}[\"']?\s*[\].]", line) is not None
        if not inside:
            kept.append(line)
    _replace(home, "".join(kept), table)


def _toml(value: object) -> str:
    """Text or a list of texts, as TOML writes them: JSON's strings are TOML's basic strings."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _replace(home: Home, text: str, wanted: dict[str, Any]) -> None:
    try:
        content = text.encode()
    except UnicodeEncodeError:
        raise BadValue("a setting is not text that can be stored as UTF-8", hint="nothing was changed") from None
    found = _parse(home.settings_file, text)
    for table in (found, wanted):
        if not table.get("accounts"):
            table.pop("accounts", None)
    if found != wanted:
        raise BadValue(
            f"{home.settings_file} is written in a form that cannot be edited without losing something",
            hint="edit it by hand; nothing was changed",
        )
    home.create()
    write_private(home.settings_file, content)


# ── private files ────────────────────────────────────────────────────────────────────────────────────────────────


def private_folder(folder: Path) -> None:
    """The folder exists; where it had to be made, for its owner alone. Raises `Unwritable`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unwritable(f"{folder} cannot be made: {error.strerror}", hint="give another --home") from None


def write_private(path: Path, content: bytes) -> None:
    """Replaces the file in one step, mode 0600, synced: a crash leaves the old content or the new. Raises
    `Unwritable`."""
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise Unwritable(
            f"{path} cannot be written: {error.strerror}",
            hint="free space, or make the folder writable; nothing was changed",
        ) from None


def require_private(path: Path) -> None:
    """Raises `BadValue` where anyone but the owner may read or write the file or the folder."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        wanted = "0700" if path.is_dir() else "0600"
        raise BadValue(
            f"{path} has mode {mode:04o}: others may read what it holds",
            hint=f"chmod {wanted} {path}, and replace the keys if others could have read them",
        )
