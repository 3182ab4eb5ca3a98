"""Shows that a key is found where it was stored and nowhere else, that nothing on the disk or in a text shows it,
that nobody waits for a passphrase that cannot come, and that paper and live keys never meet."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from nostro import keys
from nostro.errors import BadValue, Locked, UsageError
from nostro.keys import Credentials, KeyStore, Passphrases, Redactor

KEY = "canary-key-8f31"
SECRET = "canary/secret+77=c2"


class FakeKeyring:
    """Holds passwords in memory, as an operating system's store would."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        self.kept[service, name] = password

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


def passphrases(text: str | None = "correct horse") -> Passphrases:
    return Passphrases(environ={}, ask=None if text is None else lambda prompt: text)


def store(folder: Path, *, phrase: str | None = "correct horse", keyring: object = None, **environ: str) -> KeyStore:
    return KeyStore(folder / "keys", passphrases(phrase), keyring=keyring, environ=environ)


def test_credentials_show_nothing_and_leave_the_process_in_no_form() -> None:
    credentials = Credentials(KEY, SECRET, extra={"password": "pass-word", "uid": "uid-1", "private_key": ""})
    for shown in (repr(credentials), str(credentials), f"{credentials}", f"{[credentials]}"):
        assert "canary" not in shown
        assert "pass-word" not in shown
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(credentials)
    with pytest.raises(TypeError):
        msgspec.json.encode(credentials)
    with pytest.raises(TypeError):
        json.dumps(credentials)
    assert not hasattr(credentials, "__dict__")


def test_a_sealed_key_opens_with_its_passphrase_and_the_disk_shows_nothing(tmp_path: Path) -> None:
    extra = {"private_key": "0x" + "77" * 32, "sub_account_id": "5"}
    where = store(tmp_path).put("fund", Credentials(KEY, SECRET, extra=extra))
    assert where == str(tmp_path / "keys" / "fund.age")
    found = store(tmp_path).get("fund", "alp")
    assert (found.key, found.secret, found.extra) == (KEY, SECRET, extra)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    for path in written:
        content = path.read_bytes()
        assert b"canary" not in content
        assert b"7777" not in content
        assert base64.b64encode(SECRET.encode())[:12] not in content
        assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0
    with pytest.raises(Locked, match="does not open"):
        store(tmp_path, phrase="wrong").get("fund", "alp")
    with pytest.raises(Locked, match="no terminal"):
        store(tmp_path, phrase=None).get("fund", "alp")
    (tmp_path / "keys").chmod(0o750)
    with pytest.raises(BadValue, match="0750"):
        store(tmp_path).get("fund", "alp")
    (tmp_path / "keys").chmod(0o700)
    (tmp_path / "keys" / "fund.age").chmod(0o644)
    with pytest.raises(BadValue, match="0644"):
        store(tmp_path).get("fund", "alp")
    store(tmp_path).remove("fund")
    assert list((tmp_path / "keys").iterdir()) == []


def test_a_second_key_is_not_sealed_under_another_passphrase(tmp_path: Path) -> None:
    store(tmp_path).put("fund", Credentials(KEY, SECRET))
    with pytest.raises(Locked, match="does not open"):
        store(tmp_path, phrase="mistyped").put("other", Credentials(KEY, SECRET))
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["fund.age"]
    store(tmp_path).put("other", Credentials(KEY, SECRET))
    assert store(tmp_path).get("other", "alp").secret == SECRET


def test_the_keyring_comes_first_then_the_file_then_the_environment(tmp_path: Path) -> None:
    ring = FakeKeyring()
    environ = {"ALP_API_KEY": "from-environment", "ALP_API_SECRET": "s"}
    with pytest.raises(BadValue, match="no key") as caught:
        store(tmp_path, keyring=ring).get("fund", "alp")
    assert "ALP_API_KEY" in caught.value.hint
    assert store(tmp_path, keyring=ring, **environ).get("fund", "alp").key == "from-environment"
    store(tmp_path, keyring=None).put("fund", Credentials("from-file", "s"))
    assert store(tmp_path, keyring=ring, **environ).get("fund", "alp").key == "from-file"
    assert store(tmp_path, keyring=ring).put("fund", Credentials("from-keyring", "s")) == "the system's keyring"
    assert store(tmp_path, keyring=ring, **environ).get("fund", "alp").key == "from-keyring"
    store(tmp_path, keyring=ring).remove("fund")
    assert ring.kept == {}
    assert store(tmp_path, keyring=ring).where("fund") == ""


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({"KRAKEN_FUTURES_API_KEY": "a", "KRAKEN_FUTURES_API_SECRET": "b"}, "a"),
        ({"KRAKEN_FUTURES_APIKEY": "a", "KRAKEN_FUTURES_SECRET": "b"}, "a"),
        ({"CRYPTO_API_KEY": "g", "CRYPTO_API_SECRET": "b"}, "g"),
        ({"CRYPTO_EXCHANGE": "kraken_futures", "CRYPTO_API_KEY": "g", "CRYPTO_API_SECRET": "b"}, "g"),
        ({"CRYPTO_EXCHANGE": "krakenfutures", "CRYPTO_API_KEY": "g", "CRYPTO_API_SECRET": "b"}, "g"),
        ({"CRYPTO_EXCHANGE": "grvt", "CRYPTO_API_KEY": "g", "CRYPTO_API_SECRET": "b"}, None),
        ({"KRAKEN_FUTURES_API_KEY": "a"}, None),
        ({"KRAKEN_FUTURES_API_KEY": "a", "KRAKEN_FUTURES_PRIVATE_KEY": "b"}, None),
        ({"ALP_API_KEY": "a", "ALP_API_SECRET": "b"}, None),
    ],
)
def test_the_environments_names(environ: dict[str, str], key: str | None) -> None:
    found = keys.from_environment("kraken_futures", environ)
    assert (found.key if found else None) == key


def test_a_wire_names_what_its_keys_consist_of() -> None:
    members = ("key", "private_key", "sub_account_id")
    assert keys.from_environment("grvt", {"GRVT_PRIVATE_KEY": "b"}, members=members) is None
    environ = {"GRVT_API_KEY": "a", "GRVT_PRIVATE_KEY": "b", "GRVT_TRADING_ACCOUNT_ID": "5"}
    found = keys.from_environment("grvt", environ, members=members)
    assert found is not None
    assert (found.key, found.secret, found.extra) == ("a", "", {"private_key": "b", "sub_account_id": "5"})
    assert keys.missing(found, members) == ""
    assert keys.missing(found, keys.MEMBERS) == "secret"


def test_a_key_that_was_stored_with_other_members_still_opens(tmp_path: Path) -> None:
    ring = FakeKeyring()
    ring.kept["nostro", f"{tmp_path}:fund"] = '{"key": "k", "password": "p", "secret": "s", "uid": ""}'
    found = store(tmp_path, keyring=ring).get("fund", "alp")
    assert (found.key, found.secret, found.extra) == ("k", "s", {"password": "p"})
    for broken in ("[]", "{", '{"key": 1}'):
        ring.kept["nostro", f"{tmp_path}:fund"] = broken
        with pytest.raises(BadValue, match="not readable"):
            store(tmp_path, keyring=ring).get("fund", "alp")


def test_keys_are_taken_out_of_the_environment() -> None:
    environ = {"ALP_API_KEY": "a", "CRYPTO_API_SECRET": "b", "PATH": "/bin"}
    assert keys.take_from_environment(environ, ("alp",)) == {"ALP_API_KEY": "a", "CRYPTO_API_SECRET": "b"}
    assert environ == {"PATH": "/bin"}


def test_the_passphrase_comes_from_file_descriptor_or_systemd(tmp_path: Path) -> None:
    file = tmp_path / "phrase"
    file.write_text("from file\nsecond line\n")
    file.chmod(0o600)
    assert Passphrases(file=file, environ={}, ask=None).get() == "from file"
    file.chmod(0o644)
    with pytest.raises(BadValue, match="0644"):
        Passphrases(file=file, environ={}, ask=None).get()
    reader, writer = os.pipe()
    os.write(writer, b"from pipe\n")
    os.close(writer)
    assert Passphrases(descriptor=reader, environ={}, ask=None).get() == "from pipe"
    (tmp_path / keys.SYSTEMD_CREDENTIAL).write_text("from systemd")
    assert Passphrases(environ={"CREDENTIALS_DIRECTORY": str(tmp_path)}, ask=None).get() == "from systemd"


def test_a_new_passphrase_is_typed_twice_and_asked_once() -> None:
    typed = iter(["one", "two"])
    with pytest.raises(BadValue, match="differ"):
        Passphrases(environ={}, ask=lambda prompt: next(typed)).get(new=True)
    prompts: list[str] = []
    asked = Passphrases(environ={}, ask=lambda prompt: prompts.append(prompt) or "same")
    assert asked.get(new=True) == asked.get() == "same"
    assert len(prompts) == 2
    with pytest.raises(BadValue, match="empty"):
        Passphrases(environ={}, ask=lambda prompt: "").get()


def test_paper_and_live_keys_never_meet(tmp_path: Path) -> None:
    paper, live = Credentials("paper-trader-1", "s"), Credentials(KEY, SECRET)
    keys.check_kind(paper, paper=True, account="a")
    keys.check_kind(live, paper=False, account="a")
    with pytest.raises(UsageError, match="is live, and its key is a paper key"):
        keys.check_kind(paper, paper=False, account="a")
    with pytest.raises(UsageError, match="is a paper account"):
        keys.check_kind(live, paper=True, account="a")
    with pytest.raises(UsageError):
        store(tmp_path).put("a", paper)
    with pytest.raises(UsageError):
        store(tmp_path, ALP_API_KEY="paper-x", ALP_API_SECRET="s").get("a", "alp")


def test_every_spelling_of_a_secret_is_masked() -> None:
    redactor = Redactor()
    redactor.learn(Credentials(KEY, SECRET, extra={"private_key": "0xcanary-private", "sub_account_id": "123456789"}))
    assert redactor.text("0xcanary-private of 123456789") == "••• of 123456789"
    spellings = [
        SECRET, quote(SECRET, safe=""), SECRET.encode().hex(), base64.b64encode(SECRET.encode()).decode(), KEY,
    ]  # fmt: skip
    for spelling in spellings:
        assert spelling not in redactor.text(f"before {spelling} after")
        assert redactor.text(f"before {spelling} after").startswith("before ")
    redactor.learn_text("abc")
    assert redactor.text("abc abc") == "abc abc"


@pytest.mark.parametrize(
    ("module", "real"),
    [
        ("keyring.backends.SecretService", True),
        ("keyring.backends.macOS", True),
        ("keyring.backends.fail", False),
        ("keyring.backends.null", False),
        ("keyrings.alt.file", False),
    ],
)
def test_only_the_systems_own_stores_are_keyrings(monkeypatch: pytest.MonkeyPatch, module: str, real: bool) -> None:
    import keyring

    backend = type("Keyring", (), {"__module__": module})()
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
    assert keys.system_keyring() is (backend if real else None)
