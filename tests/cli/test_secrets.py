"""Shows that no secret leaves a command: each is a canary, and none of its spellings is in any output, log, traceback
or file, whatever the command does and however it fails."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from cli.home import Done, Folder
from nostro.cli import failures
from nostro.cli.logs import logger
from nostro.errors import Failing
from nostro.keys import MASK, Credentials, Redactor

KEY = "canarykey-4b1d77"
SECRET = "canarysecret/+5e2c90"
PHRASE = "canaryphrase 8812"
CLOSED = "https://127.0.0.1:9/api/v3"  # nobody listens there


def spellings(secret: str) -> list[bytes]:
    raw = secret.encode()
    return [
        raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"="),
        quote(secret, safe="").encode(),
    ]  # fmt: skip


SPELLINGS = [spelling for secret in (KEY, SECRET, PHRASE) for spelling in spellings(secret)]


def check_output(done: Done) -> None:
    for spelling in SPELLINGS:
        assert spelling not in done.out.encode() + done.err.encode()


def check_files(path: Path) -> int:
    files = [file for file in path.rglob("*") if file.is_file()]
    for file in files:
        content = file.read_bytes()
        for spelling in SPELLINGS:
            assert spelling not in content, file
    return len(files)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    home = Folder(tmp_path / "home")
    phrase = tmp_path / "phrase"
    phrase.write_text(PHRASE)
    phrase.chmod(0o600)
    return home


def test_no_command_shows_a_sealed_key(folder: Folder, tmp_path: Path) -> None:
    given = json.dumps({"key": KEY, "secret": SECRET}).encode()
    phrase = ("--passphrase-file", str(tmp_path / "phrase"))
    added = folder.run("accounts", "add", "fund", "alp", "--url", CLOSED, "--keys", "-", *phrase, stdin=given)
    assert added.status == 0, added.err
    assert check_files(folder.path) >= 2
    for arguments in (
        ("accounts", "list"), ("accounts", "list", "-o", "csv"),
        ("accounts", "check", "fund"), ("order", "place", "fund", "BTC/USDT", "buy", "--amount", "1"),
        ("accounts", "add", "fund", "alp", "--keys", "-"), ("balances",),
    ):  # fmt: skip
        done = folder.run(*arguments, stdin=given)
        check_output(done)
    unanswered = folder.run("-v", "accounts", "check", "fund", *phrase)
    assert (unanswered.status, unanswered.error["type"]) == (5, "NotSent")
    check_output(unanswered)
    check_files(folder.path)
    assert folder.run("accounts", "list").json["rows"][0]["keys"] == "sealed file"
    assert folder.run("accounts", "remove", "fund", "--yes").status == 0
    assert not list((folder.path / "keys").iterdir())


def test_no_command_shows_a_key_of_the_environment(folder: Folder) -> None:
    keys = {"ALP_API_KEY": KEY, "ALP_API_SECRET": SECRET}
    added = folder.run("accounts", "add", "fund", "alp", "--url", CLOSED, **keys)
    assert added.status == 0, added.err
    check_output(added)
    listed = folder.run("accounts", "list", **keys)
    assert listed.json["rows"][0]["keys"] == "environment"
    check_output(listed)
    assert check_files(folder.path) == 1


def test_a_key_that_is_typed_is_not_echoed(folder: Folder) -> None:
    typed = [("API key", KEY), ("API secret", SECRET), ("New passphrase", PHRASE), ("same passphrase again", PHRASE)]
    done = folder.on_terminal("accounts", "add", "fund", "alp", typed=typed)
    check_output(done)
    assert "added fund" in done.out


def test_keys_of_a_wire_with_other_members_are_asked_for_by_name_and_not_shown(folder: Folder) -> None:
    phrase = [("New passphrase", PHRASE), ("same passphrase again", PHRASE)]
    typed = [("API key", KEY), ("Private key", SECRET), ("Sub-account id", "4"), *phrase]
    done = folder.on_terminal("accounts", "add", "desk", "grvt", typed=typed)
    check_output(done)
    assert "added desk" in done.out
    check_files(folder.path)
    keys = {"GRVT_API_KEY": KEY, "GRVT_PRIVATE_KEY": SECRET, "GRVT_TRADING_ACCOUNT_ID": "4"}
    added = folder.run("accounts", "add", "fund", "grvt", **keys)
    assert added.status == 0, added.err
    check_output(added)
    given = json.dumps({"private_key": SECRET}).encode()
    lacking = folder.run("accounts", "add", "other", "grvt", "--keys", "-", stdin=given)
    assert (lacking.status, lacking.error["message"]) == (2, "the key is empty")
    check_output(lacking)


def test_a_key_file_that_others_may_read_is_refused(folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"key": KEY, "secret": SECRET}))
    file.chmod(0o644)
    done = folder.run("accounts", "add", "fund", "alp", "--keys", str(file))
    assert (done.status, done.error["type"]) == (2, "BadValue")
    assert "0644" in done.error["message"]
    check_output(done)


@pytest.fixture
def redactor() -> Redactor:
    made = Redactor()
    made.learn(Credentials(KEY, SECRET, extra={"password": PHRASE}))
    return made


def clean(text: str) -> None:
    for spelling in SPELLINGS:
        assert spelling.decode() not in text


def test_logs_are_masked_and_stay_in_their_line(redactor: Redactor) -> None:
    stream = io.StringIO()
    log = logger(stream, redactor, verbose=1)
    token = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl"
    log.info(f"asked with {SECRET}", key=KEY, x_sign="abcdef", url=f"/x?sign={quote(SECRET, safe='')}", token=token)
    log.info(f"header Authorization: Bearer {token}", note="first\nsecond\x1b[31m")
    try:
        int(f"it failed with {SECRET}")
    except ValueError:
        log.exception("a failure")
    logging.getLogger("aiohttp").error("refused for %s", KEY)
    text = stream.getvalue()
    clean(text)
    assert token not in text
    assert "abcdef" not in text
    assert "\x1b" not in text
    assert text.count(MASK) >= 6
    assert "first\\x0asecond\\x1b[31m" in text
    assert "ValueError" in text


def test_errors_and_tracebacks_are_masked(redactor: Redactor, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    failures.report(Failing(f"503 <html>{SECRET}\x1b]0;title\x07</html>", hint=KEY), stream, redactor=redactor)
    monkeypatch.setattr("sys.stderr", stream)
    try:
        int(f"impossible: {PHRASE}")
    except ValueError as error:
        failures.hook(redactor)(type(error), error, error.__traceback__)
    text = stream.getvalue()
    clean(text)
    assert "\x1b" not in text
    assert "ValueError" in text
    assert re.search(r'"type": "Failing"', text)
