"""The anchors: how far each account's chain was acknowledged, kept outside the database. It decides what an anchor says
and when a book has fallen behind it; it does not repair anything.

A chain inside a database cannot see that its own end is missing: one flipped bit in the WAL silently discards every
later commit, and an older copy of the file is a valid chain. One small file per account, written and synced after each
commit, sees both.

The file has two places. What is new is written over the older one, so that a single sync of data is all it takes; a
write that a power cut tears fails its check, and the other place has what was acknowledged before it. Which is newer, a
number says that grows with each write: a head may go back (`Book.open`).
"""

from __future__ import annotations

import os
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from nostro.errors import Corrupted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nostro.book.store import AccountRow, Head, Store

_SUFFIX: Final = ".json"
_PLACE_BYTES: Final = 4096  # a disk that loses power while it writes one block leaves the other


class Anchor(msgspec.Struct, frozen=True):
    """The last acknowledged page of an account; ``hash`` in hex."""

    account: str
    seq: int
    hash: str


class _Placed(msgspec.Struct, frozen=True):
    """An anchor in one of the places of its file. ``number``: it is the so manieth that was written there."""

    anchor: Anchor
    number: int

    def line(self) -> bytes:
        told = _ENCODER.encode(self)
        return b"%08x %s\n" % (zlib.crc32(told), told)


_ENCODER: Final = msgspec.json.Encoder()
_ANCHOR: Final = msgspec.json.Decoder(Anchor)
_PLACED: Final = msgspec.json.Decoder(_Placed)


class Loss(msgspec.Struct, frozen=True):
    """What an anchor knows and the book does not: pages ``first`` to ``last`` of an account. ``anchor``: their end."""

    account: str
    first: int
    last: int
    anchor: Anchor
    head: int | None

    def __str__(self) -> str:
        return f"pages {self.first} to {self.last} of account {self.account}"


class Anchors:
    """The folder of anchors beside a book."""

    def __init__(self, book: Path) -> None:
        self.folder = book.with_name(f"{book.name}.anchor")
        self._paths: dict[str, Path] = {}

    def read(self) -> dict[str, Anchor]:
        """By account. Raises `Corrupted` where a file is not an anchor."""
        if not self.folder.is_dir():
            return {}
        anchors = {}
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
            stored = path.read_bytes()
            placed = _newest(stored)
            try:
                anchor = _ANCHOR.decode(stored) if placed is None else placed[1].anchor
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                message, hint = f"{path} is no anchor ({error})", "write new ones: nostro verify --new-anchor"
                raise Corrupted(message, hint=hint) from error
            anchors[anchor.account] = anchor
        return anchors

    def write(self, account: str, head: Head) -> None:
        """Replaces an account's anchor; on return it is on the disk. Raises OSError."""
        anchor = Anchor(account, head.seq, head.hash.hex())
        try:
            with _opened(self._path(account), os.O_RDWR) as descriptor:
                written = _write_over(descriptor, anchor)
        except FileNotFoundError:
            written = False
        if not written:
            self._make(anchor)

    def forget(self, account: str) -> None:
        """Takes an anchor away: of an account that the accepted older copy of the book does not have."""
        self._path(account).unlink()
        sync_folder(self.folder)

    def _path(self, account: str) -> Path:
        path = self._paths.get(account)
        if path is None:
            path = self._paths[account] = self.folder / (quote(account, safe="") + _SUFFIX)
        return path

    def _make(self, anchor: Anchor) -> None:
        """A new file, in the place of one of the first releases, which had one place, where there is one."""
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.folder.parent)
        path = self._path(anchor.account)
        # A file of each process's own: one that was paused here finds another one's work done, not half its own.
        fresh = path.with_suffix(f".{os.getpid()}.new")
        with _opened(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
            os.write(descriptor, _Placed(anchor, 1).line().ljust(2 * _PLACE_BYTES))
            os.fsync(descriptor)
        fresh.replace(path)
        sync_folder(self.folder)


def _write_over(descriptor: int, anchor: Anchor) -> bool:
    """Writes an anchor over the older one, and is done where it is the newest then: another process may have written
    since this one looked which is older. False where the file has no places."""
    mine, found = None, _newest(os.pread(descriptor, 2 * _PLACE_BYTES, 0))
    while found is not None and found[1] != mine:
        at, newest = found
        mine = _Placed(anchor, newest.number + 1)
        os.pwrite(descriptor, mine.line(), (1 - at) * _PLACE_BYTES)
        sync_data(descriptor)
        found = _newest(os.pread(descriptor, 2 * _PLACE_BYTES, 0))
    return found is not None


def _newest(stored: bytes) -> tuple[int, _Placed] | None:
    """The newer of the anchors in a file, and its place, 0 or 1; None where it has none."""
    placed = [(at, found) for at in (0, 1) if (found := _placed(stored[at * _PLACE_BYTES :])) is not None]
    return max(placed, key=lambda each: each[1].number, default=None)


def _placed(stored: bytes) -> _Placed | None:
    check, _, told = stored[: stored.find(b"\n") + 1].rstrip().partition(b" ")
    return _PLACED.decode(told) if told and check == b"%08x" % zlib.crc32(told) else None


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sync_data(descriptor: int) -> None:
    """On return what a file of unchanged size was told is on the disk."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: Path) -> None:
    """On return the names in a folder are on the disk."""
    with _opened(folder, os.O_RDONLY) as descriptor:
        os.fsync(descriptor)


def unanchored(store: Store, anchors: dict[str, Anchor]) -> list[str]:
    """The accounts without an anchor."""
    return [account.name for account in store.accounts() if account.name not in anchors]


def losses(store: Store, anchors: dict[str, Anchor]) -> list[Loss]:
    """Where the book is behind its anchors, or has other pages than they say."""
    accounts = {account.name: account for account in store.accounts()}
    found = (_loss(store, accounts.get(name), anchor) for name, anchor in anchors.items())
    return [loss for loss in found if loss is not None]


def _loss(store: Store, account: AccountRow | None, anchor: Anchor) -> Loss | None:
    if account is None:  # of no page: its account was about to be added, and nothing was acknowledged
        return Loss(anchor.account, 1, anchor.seq, anchor, None) if anchor.seq else None
    head = store.head(account.id)
    if head.seq < anchor.seq:
        return Loss(account.name, head.seq + 1, anchor.seq, anchor, head.seq)
    there = head.hash if anchor.seq == head.seq else store.hash_at(account.id, anchor.seq)
    return None if (there or b"").hex() == anchor.hash else Loss(account.name, 1, anchor.seq, anchor, head.seq)
