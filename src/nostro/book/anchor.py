"""The anchors: how far each account's chain was acknowledged, kept outside the database. It decides what an anchor says
and when a book has fallen behind it; it does not repair anything.

A chain inside a database cannot see that its own end is missing: one flipped bit in the WAL silently discards every
later commit, and an older copy of the file is a valid chain. One small file per account, replaced atomically and
fsynced (file and folder) after each commit, sees both.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from nostro.errors import Corrupted

if TYPE_CHECKING:
    from pathlib import Path

    from nostro.book.store import AccountRow, Head, Store

_SUFFIX: Final = ".json"


class Anchor(msgspec.Struct, frozen=True):
    """The last acknowledged page of an account; ``hash`` in hex."""

    account: str
    seq: int
    hash: str


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

    def read(self) -> dict[str, Anchor]:
        """By account. Raises `Corrupted` where a file is not an anchor."""
        if not self.folder.is_dir():
            return {}
        anchors = {}
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
            try:
                anchor = msgspec.json.decode(path.read_bytes(), type=Anchor)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                message, hint = f"{path} is no anchor ({error})", "write new ones: nostro verify --new-anchor"
                raise Corrupted(message, hint=hint) from error
            anchors[anchor.account] = anchor
        return anchors

    def write(self, account: str, head: Head) -> None:
        """Replaces an account's anchor; on return it is on the disk. Raises OSError."""
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.folder.parent)
        path = self.folder / (quote(account, safe="") + _SUFFIX)
        # A file of each process's own: one that was paused here finds another one's work done, not half its own.
        fresh = path.with_suffix(f".{os.getpid()}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, msgspec.json.encode(Anchor(account, head.seq, head.hash.hex())))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(path)
        sync_folder(self.folder)

    def forget(self, account: str) -> None:
        """Takes an anchor away: of an account that the accepted older copy of the book does not have."""
        (self.folder / (quote(account, safe="") + _SUFFIX)).unlink()
        sync_folder(self.folder)


def sync_folder(folder: Path) -> None:
    """On return the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
