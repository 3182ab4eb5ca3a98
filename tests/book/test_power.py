"""Shows that a power cut at any moment loses nothing that was acknowledged, on disks replayed from what strace
recorded; that the same look finds the loss where commits or anchors are not synced; and that the disks forget what
they may."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from book.power import Cut, Disk, Name, Said, Sync, SyncFolder, Write, record

CAMPAIGN = Path(__file__).resolve().parents[2] / "campaigns" / "power_loss.py"
FOLDER = Path("/f")
strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")


def campaign(*options: str) -> dict[str, Any]:
    command = [sys.executable, str(CAMPAIGN), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


@strace
def test_no_disk_lacks_what_was_acknowledged() -> None:
    seen = campaign("--images", "300", "--seed", "11")
    assert seen["images"] >= 300 and seen["acknowledged"] > 1_000 and seen["continued"]
    assert (seen["lost"], seen["refused"], seen["behind"], seen["wrong"]) == (0, {}, 0, 0)


@strace
def test_commits_that_are_not_synced_are_lost() -> None:
    assert campaign("--images", "60", "--synchronous", "normal")["lost"] > 0


@strace
def test_anchors_that_are_not_synced_fall_behind() -> None:
    seen = campaign("--images", "60", "--anchor-unsynced")
    assert seen["behind"] > 0 and seen["refused"]


@strace
def test_what_a_program_does_is_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    program = f"""
import os
os.chdir({os.fspath(folder)!r})
folder = {os.fspath(folder)!r}
new = os.open(folder + "/a.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
os.write(new, b"one")
os.write(new, b"two")
os.pwrite(new, b"X", 1)
os.ftruncate(new, 5)
os.fsync(new)
os.close(new)
os.rename(folder + "/a.new", folder + "/a")
parent = os.open(folder, os.O_RDONLY)
os.fsync(parent)
os.write(1, b"said\\n")
os.mkdir(folder + "/inner")
os.unlink(folder + "/a")
"""
    new, a = f"{folder}/a.new", f"{folder}/a"
    assert record(folder, [sys.executable, "-c", program]) == [
        Name(new, 1), Cut(1, 0), Write(1, 0, b"one"), Write(1, 3, b"two"), Write(1, 1, b"X"), Cut(1, 5), Sync(1),
        Name(a, 1, was=new), SyncFolder(str(folder)), Said("said"), Name(f"{folder}/inner", 0), Name(a, None),
    ]  # fmt: skip


def disks(*events: Any, cuts: int = 300) -> list[dict[str, bytes | None]]:
    disk, chance = Disk(FOLDER), random.Random(1)
    for event in events:
        disk.apply(event)
    return [disk.crashed(chance) for _ in range(cuts)]


NAMED = (Name("/f/a", 1), SyncFolder("/f"))


def test_what_is_synced_is_there() -> None:
    assert all(disk == {"a": b"one"} for disk in disks(*NAMED, Write(1, 0, b"one"), Sync(1)))


def test_what_is_not_synced_may_be_lost_kept_in_part_and_torn() -> None:
    first, second = b"1" * 1024, b"2" * 1024
    found = {disk["a"] for disk in disks(*NAMED, Sync(1), Write(1, 0, first), Write(1, 1024, second))}
    assert {b"", first, first + second} <= found
    assert bytes(1024) + second in found, "the later write without the earlier one"
    assert first[:512] in found, "half a write"


def test_a_name_that_is_not_synced_may_be_missing_and_an_old_one_there() -> None:
    written = (Write(1, 0, b"old"), Sync(1), Name("/f/b", 2), Write(2, 0, b"new"), Sync(2), Name("/f/a", 2, was="/f/b"))
    found = [tuple(disk.items()) for disk in disks(*NAMED, *written)]
    old, both, new = (("a", b"old"),), (("a", b"old"), ("b", b"new")), (("a", b"new"),)
    assert set(found) == {old, both, new}
    assert set(map(tuple, (disk.items() for disk in disks(*NAMED, *written, SyncFolder("/f"))))) == {new}


def test_a_file_in_a_folder_that_is_lost_is_lost() -> None:
    events = (Name("/f/in", 0), Name("/f/in/a", 1), SyncFolder("/f/in"), Write(1, 0, b"one"), Sync(1))
    found = disks(*events)
    assert {} in found and {"in": None, "in/a": b"one"} in found
