"""A power cut, replayed: what a program wrote is recorded by strace, and disks are made of it as a cut at any moment
could have left them. It decides what a disk may forget; who records, and what must be found on the disks, is said
elsewhere (``cuts.py``).

What a file was told since its last sync may be lost, kept, kept in part, and torn at 512 bytes. Names (creations,
renames, removals) are lost from some point on, in each folder by itself, unless the folder was synced after them. That
is less than any journaling file system promises.

Source: POSIX, fsync() and fdatasync(): nothing else is promised to be on the disk.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

SECTOR_BYTES: Final = 512
STRING_BYTES_MAX: Final = 1 << 20  # of one write that strace is to show whole
SHARED_MEMORY: Final = "-shm"  # SQLite's index of the WAL is mapped, never synced, and made anew after a crash
_CALLS: Final = (
    "openat,open,creat,close,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,fdatasync,"
    "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,dup,dup2,dup3"
)
_LINE: Final = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")


class Write(NamedTuple):
    file: int
    offset: int
    data: bytes


class Cut(NamedTuple):
    """A file's new length."""

    file: int
    size: int


class Sync(NamedTuple):
    file: int


class Name(NamedTuple):
    """A name in a folder: of a file, of a folder (0), or of nothing any more (None)."""

    path: str
    file: int | None
    was: str | None = None  # the name that the file had before


class SyncFolder(NamedTuple):
    path: str


class Said(NamedTuple):
    """What the program acknowledged."""

    text: str


Event = Write | Cut | Sync | Name | SyncFolder | Said


# ── recording ────────────────────────────────────────────────────────────────────────────────────────────────────────


def record(folder: Path, command: Sequence[str]) -> list[Event]:
    """Runs a command of one thread, and gives what it did below ``folder`` and what it said on its standard output."""
    trace = folder.with_name(f"{folder.name}.trace")
    strace = ["strace", "-f", "-xx", "-s", str(STRING_BYTES_MAX), "-e", f"trace={_CALLS}", "-e", "signal=none"]
    done = subprocess.run([*strace, "-o", os.fspath(trace), *command], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    with trace.open(encoding="ascii") as lines:
        events = list(_Reader(os.fspath(folder)).events(lines))
    trace.unlink()
    return events


class _Reader:
    """Reads strace's lines: descriptors become files, numbered in the order of their creation."""

    def __init__(self, folder: str) -> None:
        self._below = f"{folder}/"
        self._hex = _escaped(folder)
        self._files: dict[str, int] = {}
        self._made = {folder}
        self._folders: dict[int, str] = {}
        self._open: dict[int, int] = {}
        self._offsets: dict[int, int] = {}

    def events(self, lines: Iterator[str]) -> Iterator[Event]:
        for line in lines:
            found = _LINE.match(line)
            if found is None:
                assert "exited with" in line or line.rstrip().endswith("= ?"), f"not understood: {line[:200]}"
                continue
            call, given, result = found[1], found[2].split(", "), int(found[3])
            if result >= 0:
                yield from self._event(call, given, result)

    def _event(self, call: str, given: list[str], result: int) -> Iterator[Event]:
        match call:
            case "open" | "openat" | "creat":
                yield from self._opened(given, result)
            case "close":
                self._forget(int(given[0]))
            case "pwrite64" | "write":
                yield from self._written(given, result)
            case "ftruncate" if int(given[0]) in self._open:
                yield Cut(self._open[int(given[0])], int(given[1]))
            case "fsync" | "fdatasync":
                yield from self._synced(int(given[0]))
            case "rename":
                yield from self._renamed(*map(_path, given))
            case "unlink" if self._hex in given[0]:
                if self._files.pop(_path(given[0]), None):
                    yield Name(_path(given[0]), None)
            case "mkdir" if self._hex in given[0]:
                self._made.add(_path(given[0]))
                yield Name(_path(given[0]), 0)
            case _:
                tracked = given[0].isdigit() and int(given[0]) in {*self._open, *self._folders}
                others = not tracked and not any(self._hex in part for part in given)
                assert others, f"{call} is not replayed: {given}"

    def _opened(self, given: list[str], descriptor: int) -> Iterator[Event]:
        self._forget(descriptor)
        path = next(_path(part) for part in given if part.startswith('"'))
        if path in self._made:
            self._folders[descriptor] = path
            return
        if not path.startswith(self._below) or path.endswith(SHARED_MEMORY):
            return
        if path not in self._files:
            self._files[path] = 1 + len(self._offsets)
            self._offsets[self._files[path]] = 0
            yield Name(path, self._files[path])
        self._open[descriptor] = file = self._files[path]
        self._offsets[file] = 0
        if any("O_TRUNC" in part for part in given):
            yield Cut(file, 0)

    def _forget(self, descriptor: int) -> None:
        self._open.pop(descriptor, None)
        self._folders.pop(descriptor, None)

    def _written(self, given: list[str], result: int) -> Iterator[Event]:
        descriptor = int(given[0])
        if descriptor == 1:
            yield from map(Said, _bytes(given[1]).decode().splitlines())
        if (file := self._open.get(descriptor)) is None:
            return
        data = _bytes(given[1])
        assert len(data) == int(given[2]) == result, "a write that was shown or done in part"
        yield Write(file, int(given[3]) if len(given) > 3 else self._offsets[file], data)
        if len(given) == 3:
            self._offsets[file] += len(data)

    def _synced(self, descriptor: int) -> Iterator[Event]:
        if descriptor in self._open:
            yield Sync(self._open[descriptor])
        elif descriptor in self._folders:
            yield SyncFolder(self._folders[descriptor])

    def _renamed(self, old: str, new: str) -> Iterator[Event]:
        if old.startswith(self._below):
            assert Path(old).parent == Path(new).parent, "from folder to folder is not replayed"
            self._files[new] = self._files.pop(old)
            yield Name(new, self._files[new], was=old)


def _bytes(shown: str) -> bytes:
    assert shown.endswith('"'), "a write that was not shown whole"
    return bytes.fromhex(shown.strip('"').replace("\\x", ""))


def _path(shown: str) -> str:
    return os.fsdecode(_bytes(shown))


def _escaped(path: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(path))


# ── the disk ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Disk:
    """What is on the disk for certain, and what may be."""

    def __init__(self, folder: Path) -> None:
        self._root = os.fspath(folder)
        self._stored: dict[int, bytearray] = {}
        self._loose: dict[int, list[Write | Cut]] = {}
        self._names: dict[str, int] = {}
        self._loose_names: dict[str, list[Name]] = {}

    def apply(self, event: Event) -> None:
        match event:
            case Write(file) | Cut(file):
                self._loose.setdefault(file, []).append(event)
            case Sync(file):
                _settle(self._stored.setdefault(file, bytearray()), self._loose.pop(file, []))
            case Name(path):
                self._loose_names.setdefault(os.path.dirname(path), []).append(event)  # noqa: PTH120 - of text
            case SyncFolder(path):
                _rename(self._names, self._loose_names.pop(path, []))
            case Said():
                pass

    def whole(self) -> dict[str, bytes | None]:
        """The files by their names below the folder, as they are without a power cut; None: a folder."""
        return self._files(None)

    def crashed(self, chance: random.Random) -> dict[str, bytes | None]:
        """The same as a power cut now may leave them."""
        return self._files(chance)

    def _files(self, chance: random.Random | None) -> dict[str, bytes | None]:
        names = dict(self._names)
        for changes in self._loose_names.values():
            _rename(names, changes[: chance.randint(0, len(changes))] if chance else changes)
        kept: dict[str, bytes | None] = {}
        for path, file in sorted(names.items()):
            name = os.path.relpath(path, self._root)
            kept[name] = bytes(self._content(file, chance)) if file else None
        return {name: content for name, content in kept.items() if os.path.dirname(name) in ("", *kept)}  # noqa: PTH120

    def _content(self, file: int, chance: random.Random | None) -> bytearray:
        content = bytearray(self._stored.get(file, b""))
        loose = self._loose.get(file, [])
        if chance is None:
            _settle(content, loose)
            return content
        match chance.choice(("none", "all", "first", "some", "torn")):
            case "all":
                _settle(content, loose)
            case "first":
                _settle(content, loose[: chance.randint(0, len(loose))])
            case "some":
                _settle(content, [change for change in loose if chance.random() < 0.5])
            case "torn":
                share = chance.choice((0.1, 0.5, 0.9))
                _settle(content, [part for change in loose for part in _parts(change) if chance.random() < share])
        return content


def _settle(content: bytearray, changes: Sequence[Write | Cut]) -> None:
    for change in changes:
        end = change.size if isinstance(change, Cut) else change.offset + len(change.data)
        if len(content) < end:
            content.extend(bytes(end - len(content)))
        if isinstance(change, Cut):
            del content[end:]
        else:
            content[change.offset : end] = change.data


def _parts(change: Write | Cut) -> Iterator[Write | Cut]:
    """A write by the sectors of the disk that it touches."""
    if isinstance(change, Cut):
        yield change
        return
    at = 0
    while at < len(change.data):
        end = at + SECTOR_BYTES - (change.offset + at) % SECTOR_BYTES
        yield Write(change.file, change.offset + at, change.data[at:end])
        at = end


def _rename(names: dict[str, int], changes: Sequence[Name]) -> None:
    for change in changes:
        if change.was is not None:
            names.pop(change.was, None)
        if change.file is None:
            names.pop(change.path, None)
        else:
            names[change.path] = change.file
