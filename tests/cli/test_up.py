"""Shows `nostro up` on an empty home: it starts all paper exchanges, adds their accounts, proves their whole history,
follows, and ends with nothing left running, whether by Ctrl-C or by kill -9, in time though an exchange hangs; and that
`paper serve` says one line and no more."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import IO

import pytest

from cli.home import COMMAND, Folder, environment
from nostro.exchanges import exchange_ids

LOGINS = ("trader", "reader", "withdrawer", "empty", "margin")


def names_alp(folder: Path) -> None:
    """The logins of one paper exchange are the accounts of the home: no other one starts."""
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    lines = [f'[accounts.{name}]\nexchange = "alp"\npaper = "{name}"\n' for name in LOGINS]
    (folder / "nostro.toml").write_text("\n".join(lines))


def account_of(line: str) -> str:
    return line.partition("account=")[2].split()[0]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def ends(pid: int) -> bool:
    """Whether the process is gone within ten seconds."""
    for _ in range(100):
        if not alive(pid):
            return True
        time.sleep(0.1)
    return False


def test_up_on_an_empty_home_until_ctrl_c(tmp_path: Path) -> None:
    folder, printed = Folder(tmp_path / "home"), tmp_path / "printed"
    with printed.open("wb") as out:  # more than a pipe holds that nobody reads
        running = subprocess.Popen(
            [*COMMAND, "up"], stdout=out, stderr=subprocess.PIPE,
            env=environment(NOSTRO_HOME=str(folder.path), NOSTRO__PAPER__HISTORY="60"),
        )  # fmt: skip
    assert running.stderr is not None
    said = []
    for line in running.stderr:
        said.append(line.decode())
        if "following" in said[-1]:
            break
    files = {path.parent.name: path for path in folder.path.glob("paper/*/endpoint.json")}
    assert sorted(files) == list(exchange_ids())
    endpoints = {name: json.loads(path.read_bytes()) for name, path in files.items()}
    assert all(alive(endpoint["pid"]) for endpoint in endpoints.values())
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "nothing was lost" in json.loads(err.splitlines()[-1])["error"]["message"]
    assert all(ends(endpoint["pid"]) for endpoint in endpoints.values())
    shown = json.loads(printed.read_bytes())
    logins = {name: [account["name"] for account in endpoint["accounts"]] for name, endpoint in endpoints.items()}
    assert {name: set(each) >= set(LOGINS) for name, each in logins.items()} == dict.fromkeys(exchange_ids(), True)
    names = [login if name == "alp" else f"{name}-{login}" for name, each in logins.items() for login in each]
    assert {balance["account"] for balance in shown["balances"]["rows"]} <= set(names)
    assert {line["account"] for line in shown["coverage"]["rows"]} == set(names)
    assert not [line for line in shown["coverage"]["rows"] if line["status"] == "open"]
    assert shown["breaks"]["rows"] == []
    assert "".join(said).count(" rows in ") >= len(names)
    for file in folder.path.rglob("*"):
        if file.suffix in {".toml", ".db"}:
            assert file.stat().st_mode & 0o077 == 0, file
    assert folder.run("verify").status == 0


def up_at_alp(home: Path) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """``nostro up`` in a home that names the accounts of ALP.COM, and what it says of itself."""
    names_alp(home)
    running = subprocess.Popen(
        [*COMMAND, "up"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=environment(NOSTRO_HOME=str(home), NOSTRO__PAPER__HISTORY="5"),
    )  # fmt: skip
    assert running.stderr is not None
    return running, running.stderr


def exchange_pid(home: Path) -> int:
    """The process of the paper exchange that it started."""
    return int(json.loads((home / "paper" / "alp" / "endpoint.json").read_bytes())["pid"])


def test_a_killed_up_leaves_no_paper_exchange_behind(tmp_path: Path) -> None:
    running, said = up_at_alp(tmp_path)
    with said:
        for line in said:
            if b" rows in " in line:
                break
        pid = exchange_pid(tmp_path)
        running.kill()
        running.wait(30)
    assert ends(pid)
    assert Folder(tmp_path).run("verify").status == 0


def test_a_paper_exchange_killed_while_it_is_followed_is_told_once(tmp_path: Path) -> None:
    running, said = up_at_alp(tmp_path)
    lines = (line.decode() for line in said)
    closed = {account_of(next(line for line in lines if "gap closed" in line)) for _ in LOGINS}
    assert closed == set(LOGINS)
    os.kill(exchange_pid(tmp_path), signal.SIGKILL)
    told = {account_of(next(line for line in lines if "gap opened" in line)) for _ in LOGINS}
    assert told == set(LOGINS)
    time.sleep(12)  # it is connected to again, in vain
    running.send_signal(signal.SIGINT)
    rest = running.communicate(timeout=60)[1].decode()
    assert running.returncode == 130
    assert rest.count("gap opened") == 0, "each once, though tried often"
    assert Folder(tmp_path).run("verify").status == 0


def test_up_ends_in_time_though_an_exchange_hangs(tmp_path: Path) -> None:
    running, said = up_at_alp(tmp_path)
    lines = (line.decode() for line in said)
    assert any("following" in line for line in lines)
    pid = exchange_pid(tmp_path)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(3)  # requests wait for their answers
    began_s = time.monotonic()
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    took_s = time.monotonic() - began_s
    assert running.returncode == 143
    assert took_s < 5
    assert ends(pid)
    with sqlite3.connect(f"file:{tmp_path / 'book.db'}?mode=ro", uri=True) as book:
        assert {expires_ns for (expires_ns,) in book.execute("SELECT expires_ns FROM chain")} == {0}, "a lease is held"
    assert Folder(tmp_path).run("verify").status == 0


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_paper_serve_says_one_line_and_nothing_else(tmp_path: Path, ending: signal.Signals) -> None:
    folder = Folder(tmp_path)
    served = folder.start("paper", "serve", "alp", "--port", "0", "--seed", "7", "--history", "5")
    assert served.stdout is not None
    ready = json.loads(served.stdout.readline())
    assert ready["exchange"] == "alp"
    assert ready["urls"]["rest"].startswith("http://127.0.0.1:")
    assert len(ready["accounts"]) == 5
    for account in ready["accounts"]:
        assert account["key"].startswith("paper-")
        assert "read" in account["permissions"]
    second = folder.run("paper", "serve", "alp")
    assert (second.status, second.error["type"], second.out) == (7, "Conflict", "")
    served.send_signal(ending)
    out, err = served.communicate(timeout=30)
    assert served.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[ending]
    assert out == b""
    assert b"nothing was lost" in err
    assert not (tmp_path / "paper" / "alp" / "endpoint.json").exists()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_paper_exchange_in_the_background_of_a_script_can_be_ended(tmp_path: Path, ending: signal.Signals) -> None:
    folder = Folder(tmp_path)
    served = folder.start(
        "paper", "serve", "alp", "--history", "5", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
    )  # fmt: skip
    assert served.stdout is not None
    assert served.stdout.readline()
    served.send_signal(ending)
    served.communicate(timeout=30)
    assert served.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[ending]


def test_a_paper_exchange_is_thrown_away_on_demand_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with folder.exchange("--history", "5", "--seed", "3"):
        assert folder.run("paper", "reset", "--yes").error["type"] == "Conflict"
        keys = [row["key"] for row in folder.run("paper", "accounts").json["rows"]]
    assert [row["key"] for row in folder.run("paper", "accounts").json["rows"]] == keys
    assert folder.run("paper", "reset").status == 2
    assert folder.run("paper", "reset", "--yes").status == 0
    assert not (tmp_path / "paper" / "alp").exists()
    assert folder.run("paper", "accounts").status == 2


def test_the_seed_of_the_settings_makes_the_keys(tmp_path: Path) -> None:
    named, settled = Folder(tmp_path / "named"), Folder(tmp_path / "settled")
    (tmp_path / "settled").mkdir(mode=0o700)
    (tmp_path / "settled" / "nostro.toml").write_text("[paper]\nseed = 3\n")
    with named.exchange("--history", "0", "--seed", "3") as one, settled.exchange("--history", "0") as other:
        assert one["accounts"] == other["accounts"]


def test_a_taken_port_is_one_clear_error(tmp_path: Path) -> None:
    first, second = Folder(tmp_path / "first"), Folder(tmp_path / "second")
    with first.exchange("--history", "0") as ready:
        port = ready["urls"]["rest"].split(":")[2].partition("/")[0]
        done = second.run("paper", "serve", "alp", "--history", "0", "--port", port)
    assert (done.status, done.error["type"], done.out) == (7, "Conflict", "")
    assert port in done.error["message"]
