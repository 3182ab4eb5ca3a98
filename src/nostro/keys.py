"""Keys: what signs for an account, where it is kept, and what must never show. It decides the order in which keys are
looked for, how they are sealed, and which kind of key may go where; how they sign is the exchange's
(``exchanges/*/auth.py``).

A key is looked for in the system's keyring (where a real one exists), then in a sealed file
``<home>/keys/<account>.age``, then in the environment. It is never written in plain text, and never taken from an
argument, which shows in a process list.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import quote

import msgspec

from nostro.config import private_folder, require_private, write_private
from nostro.errors import BadValue, Locked, UsageError

PAPER_PREFIX: Final = "paper-"
SERVICE: Final = "nostro"
MASK: Final = "•••"
SYSTEMD_CREDENTIAL: Final = "nostro-passphrase"  # its name in LoadCredentialEncrypted=
PASSPHRASE_BYTES_MAX: Final = 4096  # of a passphrase file or descriptor: what is longer is another file
SECRET_CHARACTERS_MIN: Final = 6  # what is shorter is not masked in logs: it would mask half of every line
# Backends that ask the operating system's own store. Others keep plain text, nothing, or fail.
_KEYRINGS: Final = (
    "keyring.backends.SecretService", "keyring.backends.libsecret", "keyring.backends.kwallet",
    "keyring.backends.macOS", "keyring.backends.Windows",
)  # fmt: skip
# Source: the names that libkloudtrader reads, then those of NautilusTrader and of ccxt's examples, then GRVT's SDK's.
_GENERAL: Final = {
    "key": "CRYPTO_API_KEY", "secret": "CRYPTO_API_SECRET", "password": "CRYPTO_API_PASSWORD", "uid": "CRYPTO_API_UID",
}  # fmt: skip
_PER_EXCHANGE: Final = {
    "key": ("API_KEY", "APIKEY"), "secret": ("API_SECRET", "SECRET"),
    "password": ("API_PASSWORD", "PASSPHRASE"), "uid": ("API_UID",), "private_key": ("PRIVATE_KEY",),
    "sub_account_id": ("SUB_ACCOUNT_ID", "TRADING_ACCOUNT_ID"),
}  # fmt: skip
MEMBERS: Final = ("key", "secret")  # of most keys; what others consist of is declared (`Exchange.members`)
_NO_SECRETS: Final = ("uid", "sub_account_id")  # they name an account, as facts do


class Credentials:
    """What signs; ``extra``: the members beyond key and secret that a wire needs. Its repr and str show no secret, and
    it cannot be pickled, copied or encoded."""

    __slots__ = ("extra", "key", "secret")

    def __init__(self, key: str, secret: str, *, extra: Mapping[str, str] | None = None) -> None:
        self.key = key
        self.secret = secret
        self.extra: Mapping[str, str] = {name: value for name, value in (extra or {}).items() if value}

    def __repr__(self) -> str:
        return f"Credentials({MASK})"

    __str__ = __repr__

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("credentials are not pickled or copied: a pickle is plain text")

    @property
    def paper(self) -> bool:
        """Whether this key is a paper exchange's, which is no secret."""
        return self.key.startswith(PAPER_PREFIX)


def from_members(found: Mapping[str, str], members: Iterable[str]) -> Credentials:
    """The credentials that consist of these ``members``, as far as they are there."""
    given = {name: found.get(name, "") for name in members}
    return Credentials(given.pop("key", ""), given.pop("secret", ""), extra=given)


def missing(credentials: Credentials, members: Sequence[str]) -> str:
    """Which of key and secret such a key needs and this one lacks; "" where it is whole."""
    return next((name for name in MEMBERS if name in members and not getattr(credentials, name)), "")


def check_kind(credentials: Credentials, *, paper: bool, account: str) -> None:
    """Raises `UsageError` where a paper key would go to a live exchange, or a live key to a paper one."""
    if paper and not credentials.paper:
        raise UsageError(
            f"account {account} is a paper account, and its key is not a paper key",
            hint="a live key never goes to a paper exchange; paper keys begin with paper-", account=account,
        )  # fmt: skip
    if credentials.paper and not paper:
        raise UsageError(
            f"account {account} is live, and its key is a paper key",
            hint="give the exchange's own key, or name a paper login", account=account,
        )  # fmt: skip


# ── masking ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Redactor:
    """Takes every secret that this process knows out of a text, in plain, base64, hexadecimal and URL form."""

    def __init__(self) -> None:
        self._forms: set[str] = set()

    def learn(self, credentials: Credentials) -> None:
        further = (value for name, value in credentials.extra.items() if name not in _NO_SECRETS)
        for secret in (credentials.secret, credentials.key, *further):
            self.learn_text(secret)

    def learn_text(self, secret: str) -> None:
        if len(secret) < SECRET_CHARACTERS_MIN:
            return
        raw = secret.encode()
        plain = base64.b64encode(raw).decode()
        self._forms |= {
            secret, quote(secret, safe=""), raw.hex(), raw.hex().upper(), plain, plain.rstrip("="),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
        }  # fmt: skip

    def text(self, text: str) -> str:
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, MASK)
        return text


# ── the environment ──────────────────────────────────────────────────────────────────────────────────────────────


def take_from_environment(environ: MutableMapping[str, str], exchanges: tuple[str, ...]) -> dict[str, str]:
    """The variables that hold keys, taken out of ``environ`` so that no child and no crash report inherits them."""
    names = {*_GENERAL.values(), "CRYPTO_EXCHANGE"}
    for exchange in exchanges:
        for endings in _PER_EXCHANGE.values():
            names |= {f"{_upper(exchange)}_{ending}" for ending in endings}
    return {name: environ.pop(name) for name in sorted(names) if name in environ}


def from_environment(
    exchange: str, environ: Mapping[str, str], *, members: Sequence[str] = MEMBERS
) -> Credentials | None:  # fmt: skip
    """The key that the environment gives for an exchange: ``ALP_API_KEY`` and ``ALP_API_SECRET`` first, then
    ``CRYPTO_API_KEY`` and its companions where ``CRYPTO_EXCHANGE`` is this exchange or not set. None where that is no
    whole key of these ``members``."""
    named = {
        field: next(filter(None, (environ.get(f"{_upper(exchange)}_{ending}") for ending in endings)), "")
        for field, endings in _PER_EXCHANGE.items()
    }
    own = from_members(named, members)
    if not missing(own, members):
        return own
    if environ.get("CRYPTO_EXCHANGE", exchange).lower() not in {exchange, exchange.replace("_", "")}:
        return None
    general = from_members({field: environ.get(name, "") for field, name in _GENERAL.items()}, members)
    return None if missing(general, members) else general


def _upper(exchange: str) -> str:
    return exchange.upper().replace("-", "_")


# ── the store ────────────────────────────────────────────────────────────────────────────────────────────────────

Ask = Callable[[str], str]  # shows a prompt, returns what was typed unseen


class Passphrases:
    """Where the passphrase of sealed keys comes from, asked once: a file, a descriptor, systemd's credential, a prompt.
    ``ask`` None: there is nobody to ask. Never waits for what cannot come."""

    def __init__(
        self, *, file: Path | None = None, descriptor: int | None = None, environ: Mapping[str, str], ask: Ask | None
    ) -> None:
        self._file = file
        self._descriptor = descriptor
        self._environ = environ
        self._ask = ask
        self._known: str | None = None

    def get(self, *, new: bool = False) -> str:
        """The passphrase; a ``new`` one is typed twice. Raises `Locked` where none can be had, `BadValue` where it is
        empty."""
        if self._known is None:
            found = self._given()
            found = self._typed(new=new) if found is None else found
            if not found:
                raise BadValue("the passphrase is empty", hint="give one of at least one character")
            self._known = found
        return self._known

    def _given(self) -> str | None:
        if self._file is not None:
            require_private(_existing(self._file))
            return _first_line(self._file.read_bytes())
        if self._descriptor is not None:
            try:
                with os.fdopen(self._descriptor, "rb") as file:
                    return _first_line(file.read(PASSPHRASE_BYTES_MAX))
            except OSError as error:
                raise BadValue(f"descriptor {self._descriptor} cannot be read: {error.strerror}") from None
        folder = self._environ.get("CREDENTIALS_DIRECTORY", "")
        credential = Path(folder) / SYSTEMD_CREDENTIAL
        return _first_line(credential.read_bytes()) if folder and credential.is_file() else None

    def _typed(self, *, new: bool) -> str:
        if self._ask is None:
            what = "a key must be sealed" if new else "the account's keys are sealed"
            raise Locked(
                f"{what}, and there is no passphrase and no terminal to ask at",
                hint=f"use --passphrase-file, --passphrase-fd, or systemd's credential {SYSTEMD_CREDENTIAL}",
            )
        typed = self._ask("New passphrase for your keys" if new else "Passphrase of your keys")
        if new and self._ask("The same passphrase again") != typed:
            raise BadValue("the two passphrases differ", hint="nothing was stored; try again")
        return typed


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise BadValue(f"{path} is not a file", hint="give the path of a file that holds the passphrase")
    return path


def _first_line(content: bytes) -> str:
    if len(content) > PASSPHRASE_BYTES_MAX:
        raise BadValue("the passphrase file is longer than 4096 bytes", hint="it should hold one line")
    try:
        return content.decode().partition("\n")[0].rstrip("\r")
    except UnicodeDecodeError:
        raise BadValue("the passphrase is not UTF-8 text", hint="write it as one line of text") from None


class KeyStore:
    """The stored keys of one home. ``keyring``: the operating system's store, None where there is no real one."""

    def __init__(
        self, folder: Path, passphrases: Passphrases, *, keyring: Any | None, environ: Mapping[str, str]
    ) -> None:
        self._folder = folder
        self._passphrases = passphrases
        self._keyring = keyring
        self._environ = environ

    def get(self, account: str, exchange: str, *, members: Sequence[str] = MEMBERS) -> Credentials:
        """The key of a live account, of these members. Raises `Locked` without passphrase, `BadValue` where there is no
        key."""
        found = self._from_keyring(account) or self._from_file(account)
        found = found or from_environment(exchange, self._environ, members=members)
        if found is None:
            raise BadValue(
                f"there is no key for account {account}",
                hint=f"nostro accounts add asks for it; or set {_upper(exchange)}_API_KEY and ..._API_SECRET",
                account=account, exchange=exchange,
            )  # fmt: skip
        check_kind(found, paper=False, account=account)
        return found

    def put(self, account: str, credentials: Credentials) -> str:
        """Stores a live key; where it went, in words. Raises `Locked`, `Unwritable`, `UsageError` for a paper key."""
        check_kind(credentials, paper=False, account=account)
        content = json.dumps({"key": credentials.key, "secret": credentials.secret, **credentials.extra})
        if self._keyring is not None:
            self._keyring.set_password(SERVICE, self._entry(account), content)
            return "the system's keyring"
        import pyrage  # type: ignore[import-untyped]

        sealed_before = self._sealed()
        passphrase = self._passphrases.get(new=not sealed_before)
        for path in sealed_before[:1]:  # one passphrase for all: a mistyped one would seal this key for ever
            _open_sealed(path, passphrase, account)
        sealed = pyrage.passphrase.encrypt(content.encode(), passphrase)
        private_folder(self._folder)
        require_private(self._folder)
        write_private(self._file(account), sealed)
        return str(self._file(account))

    def remove(self, account: str) -> None:
        """Forgets the stored key of an account; nothing where there is none."""
        if self._keyring is not None and self._keyring.get_password(SERVICE, self._entry(account)) is not None:
            self._keyring.delete_password(SERVICE, self._entry(account))
        self._file(account).unlink(missing_ok=True)

    def where(self, account: str) -> str:
        """Where the key of an account lies, without opening it: keyring, sealed file, or "" for nowhere."""
        if self._file(account).exists():
            return "sealed file"
        if self._keyring is not None and self._keyring.get_password(SERVICE, self._entry(account)) is not None:
            return "keyring"
        return ""

    def _entry(self, account: str) -> str:
        return f"{self._folder.parent}:{account}"

    def _file(self, account: str) -> Path:
        return self._folder / f"{account}.age"

    def _sealed(self) -> list[Path]:
        return sorted(self._folder.glob("*.age")) if self._folder.is_dir() else []

    def _from_keyring(self, account: str) -> Credentials | None:
        if self._keyring is None:
            return None
        content = self._keyring.get_password(SERVICE, self._entry(account))
        return None if content is None else _credentials(content, account)

    def _from_file(self, account: str) -> Credentials | None:
        path = self._file(account)
        if not path.exists():
            return None
        require_private(self._folder)
        require_private(path)
        return _credentials(_open_sealed(path, self._passphrases.get(), account), account)


def _open_sealed(path: Path, passphrase: str, account: str) -> str:
    """What is sealed in a file. Raises `Locked`."""
    import pyrage

    try:
        opened: bytes = pyrage.passphrase.decrypt(path.read_bytes(), passphrase)
    except pyrage.DecryptError:
        raise Locked(f"the passphrase does not open {path}", hint="try again", account=account) from None
    return opened.decode()


def _credentials(content: str, account: str) -> Credentials:
    try:
        found = msgspec.json.decode(content, type=dict[str, str])
        return from_members(found, found)
    except (msgspec.DecodeError, UnicodeError):
        raise BadValue(f"the stored key of account {account} is not readable", hint="remove and add it again") from None


def system_keyring() -> Any | None:
    """The operating system's own store, None where this machine has none that is safe and works."""
    import keyring
    from keyring.backends.chainer import ChainerBackend

    backend = keyring.get_keyring()
    candidates = backend.backends if isinstance(backend, ChainerBackend) else [backend]
    return next((one for one in candidates if type(one).__module__.startswith(_KEYRINGS)), None)
