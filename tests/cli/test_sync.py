"""Shows that a sync after which history would soon be lost says so, and nothing else: which, since when, until when in
UTC, why it could not be read, and that it ends with the status of that branch; and that a history that is remembered
for ever fails as it always did."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.home import Done, Folder, environment
from nostro import errors, limits
from nostro.cli.sync import soon_forgotten
from nostro.domain.values import DAY_NS, SECOND_NS, parse_time
from nostro.link.events import Deadline

NOWHERE = "https://127.0.0.1:9"
KEYS = {
    "grvt": {"key": "k", "secret": "ab" * 32, "trading_account_id": "0xabc", "sub_account_id": "1"},
    "alp": {"key": "k", "secret": "s"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    phrase = tmp_path / "phrase"
    phrase.write_text("open it")
    phrase.chmod(0o600)
    return Folder(tmp_path / "home")


def synced(folder: Folder, name: str, exchange: str) -> Done:
    """A sync of a live account at an exchange that nobody can reach, and that is not asked twice."""
    phrase = ("--passphrase-file", str(folder.path.parent / "phrase"))
    keys = json.dumps(KEYS[exchange]).encode()
    added = folder.run("accounts", "add", name, exchange, "--url", NOWHERE, "--keys", "-", *phrase, stdin=keys)
    assert added.status == 0, added.err
    hasty = "from nostro import cli, limits; limits.RETRIES_MAX = 0; cli.main()"
    ended = subprocess.run(
        [sys.executable, "-c", hasty, *phrase, "sync"], capture_output=True, timeout=120,
        env=environment(NOSTRO_HOME=str(folder.path)),
    )  # fmt: skip
    return Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def test_a_sync_that_could_not_read_what_is_soon_forgotten_ends_with_its_own_status(folder: Folder) -> None:
    done = synced(folder, "desk", "grvt")
    assert done.status == errors.CoverageError.exit_status == 8, done.err
    error = done.error
    assert (error["type"], error["account"], error["repeat"]) == ("RetentionDeadline", "desk", True)
    [deadline] = error["deadlines"]
    since_ns, deadline_ns = (parse_time(deadline[name]) for name in ("since", "deadline"))
    assert (deadline["account"], deadline["stream"]) == ("desk", "snapshots")
    assert deadline_ns - since_ns == 30 * DAY_NS - limits.CLOCK_SKEW_MAX_S * SECOND_NS
    for moment in (deadline["since"], deadline["deadline"]):
        assert f"{moment[:19]}Z" in error["message"]
    assert "sync again before then" in error["hint"] and "127.0.0.1:9" in error["hint"]
    shown = folder.run("coverage").json["rows"]
    assert {row["stream"] for row in shown if row["deadline"]} == {"snapshots"} < {row["stream"] for row in shown}


def test_what_is_remembered_for_ever_fails_as_it_always_did(folder: Folder) -> None:
    done = synced(folder, "fund", "alp")
    assert (done.status, done.error["type"], "deadlines" in done.error) == (5, "NotSent", False), done.err


def test_of_several_histories_the_next_to_be_lost_comes_first_and_each_reason_once() -> None:
    def ending(account: str, day: int) -> Deadline:
        return Deadline(
            account=account, at_ns=0, stream="snapshots", since_ns=day * DAY_NS, deadline_ns=(day + 30) * DAY_NS
        )

    reason = errors.Failing("GRVT answered 503: busy")
    found = soon_forgotten([ending("late", 9), ending("soon", 2)], [reason, reason])
    assert found.account == "soon" and [getattr(each, "account", "") for each in found.deadlines] == ["soon", "late"]
    assert "soon snapshots since 1970-01-03T00:00:00Z, until 1970-02-02T00:00:00Z; late snapshots" in found.message
    assert found.hint.count("GRVT answered 503: busy") == 1
