"""Copies of a book, and books made of them. It decides what a copy holds and what is proven before it counts; who may
ask for one, and how far it is, is the caller's.

A backup is a book in one file, whatever engine the book itself is on: all tables, as they were at one moment, copied
through two connections (never the file: what a WAL holds is not in it). It has no anchors, since nothing was
acknowledged into it. What is made of one is made of its pages alone: they are verified, copied, and folded again.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import closing, contextmanager, suppress
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from nostro import limits
from nostro.book import proof, schema
from nostro.book.anchor import Anchors, sync_folder
from nostro.book.proof import Proof
from nostro.book.rebuild import fold_all
from nostro.book.store import Store
from nostro.book.watching import Watcher, unwatched
from nostro.errors import Conflict, Corrupted, NotABook
from nostro.sqlite import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nostro.book.engine import Row
    from nostro.book.store import Place
    from nostro.link.declare import Exchange
    from nostro.postgres import Address

COPIED: Final = ("word", "account", "page", "inbox")  # the journal without its heads, which move behind the pages
_TRY: Final = "try another backup, and check the disk that this one is on"


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """A book that was made of a backup: its proof, the hash of its state, and whether the backup had the same one. It
    has not where its rows were read by another reader than ours, or are damaged; none of them was used."""

    proof: Proof
    state: str
    same_state: bool


def backup(store: Store, target: Path, *, watcher: Watcher = unwatched) -> Proof:
    """Copies a book to a new file, and verifies the copy. Inside a read transaction of ``store``, which may be written
    meanwhile. Raises `Conflict` where the file exists, and what opening and verifying a book raise."""
    if target.exists():
        raise Conflict(f"{target} exists", hint="give the path of a new file")
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        copy_journal(store, part, also=tuple(schema.DERIVED), watcher=watcher)
        with closing(Store(part)) as copy, copy.reading():
            proven = proof.verify(copy)
        part.rename(target)
        sync_folder(target.parent)
    except BaseException:
        remove(part)
        raise
    return proven


def copy_journal(store: Store, target: Path, *, also: tuple[str, ...] = (), watcher: Watcher = unwatched) -> None:
    """Copies the journal, and other tables, into a new book in a file. Inside a read transaction of ``store``."""
    with closing(Store(target, create=True)) as copy, copy.writing():
        for table in (*COPIED, "chain", *also):
            _copy(store, copy, table, watcher=watcher)


def restore(
    source: Path, target: Place, *, registry: Callable[[str, str], Exchange], replace: bool = False,
    watcher: Watcher = unwatched,
) -> Restored:  # fmt: skip
    """Makes a book of a backup: verifies it, copies its journal, folds every page again, and writes anchors.

    Raises `ChainBroken` or `Corrupted` with the first bad page, `Conflict` where there is a book already (``replace``
    sets one that is a file aside, beside it), and what opening a book raises."""
    with _kept(source) as kept:
        _check(kept, source)
        # Where a book's file was lost, what lay beside it belongs to none: a WAL would be replayed into the new one.
        if replace or (isinstance(target, Path) and not target.exists()):
            _set_aside(target)
        with _made(target) as store:
            _fill(store, kept, registry=registry, watcher=watcher)
            with store.reading():
                proven, state = proof.verify(store), proof.state_hash(store)
                heads = {account.name: store.head(account.id) for account in store.accounts()}
            for name, head in heads.items():
                Anchors(store.engine.path).write(name, head)
        return Restored(proof=proven, state=state, same_state=state == _state(kept))


@contextmanager
def _kept(source: Path) -> Iterator[Store]:
    """A backup, for reading, in one transaction. What SQLite leaves beside a file that it may not write is removed."""
    beside = [path for path in _files(source)[:-1] if not path.exists()]
    try:
        with closing(Store(source, read_only=True)) as kept, kept.reading():
            yield kept
    finally:
        if len(beside) == 2:  # nobody else has it open
            for path in beside:
                path.unlink(missing_ok=True)


@contextmanager
def _made(target: Place) -> Iterator[Store]:
    """A book to be filled. A file that was not there before is not left half made."""
    new = isinstance(target, Path) and not target.exists()
    try:
        with closing(Store(target, create=True)) as store:
            yield store
    except BaseException:
        if isinstance(target, Path) and new:
            remove(target)
        raise


def _fill(store: Store, kept: Store, *, registry: Callable[[str, str], Exchange], watcher: Watcher) -> None:
    """The journal of another book, and what follows from it, into an empty one."""
    with store.writing():
        if store.accounts():
            message = f"{store.engine.name} holds a book already"
            raise Conflict(message, hint="give another place, or set that one aside with --replace")
        for table in COPIED:
            _copy(kept, store, table, watcher=watcher)
        # Its leases are nobody's any more; their tokens go on, so that a holder from before is fenced.
        heads = kept.engine.all("SELECT account, seq, hash, '', token + 1, 0 FROM chain")
        store.engine.insert("chain", heads)
        fold_all(store, registry, watcher=watcher)


def _copy(source: Store, target: Store, table: str, *, watcher: Watcher) -> None:
    wide = table == "page"
    whole = source.engine.value(f"SELECT count(*) FROM {table}")
    rows, done = source.engine.rows(f"SELECT * FROM {table}", wide=wide), 0
    while batch := _next(source, rows, limits.FETCHED_WIDE if wide else limits.FETCHED_MAX):
        target.engine.insert(table, batch)
        done += len(batch)
        if wide:
            watcher("copied", done, whole=whole)


def _next(source: Store, rows: Iterator[Row], most: int) -> list[Row]:
    with source.translated():  # here: a damaged source is not the target's trouble
        return list(islice(rows, most))


# ── whether a backup is what it was ──────────────────────────────────────────────────────────────────────────────────


def _check(kept: Store, source: Path) -> None:
    """Raises `ChainBroken` or `Corrupted` with the first page that is not what it was."""
    accounts = kept.accounts()
    for table in schema.JOURNAL.keys() - {"page"}:
        with kept.translated():
            deque(kept.rows(f"SELECT * FROM {table}"), maxlen=0)
    if not accounts:
        raise NotABook(f"{source} holds no account", hint="give another backup: this one was cut off, or is empty")
    for account in accounts:
        head = kept.head(account.id)
        try:
            with kept.translated():
                deque(kept.journal.check(account.id, account.name, head=head.seq, head_hash=head.hash), maxlen=0)
        except Corrupted as error:
            raise _unreadable(kept, account.id, account.name, error=error) from error


def _state(kept: Store) -> str:
    """The hash of what the backup derived itself, "" where that is damaged or of an older form: nothing was made of
    it."""
    if kept.engine.version() != schema.SCHEMA_VERSION:
        return ""
    try:
        with kept.translated():
            return proof.state_hash(kept)
    except Corrupted:
        return ""


def _unreadable(kept: Store, account: int, name: str, *, error: Corrupted) -> Corrupted:
    """The engine says which file is damaged; people ask which page is the first."""
    good = 0
    with suppress(Corrupted), kept.translated():
        for entered in kept.journal.walk(account):
            good = entered.seq
    return Corrupted(f"page {good + 1} of account {name} cannot be read: {error.message}", hint=_TRY, account=name)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _files(path: Path) -> list[Path]:
    """A book's file and those that SQLite keeps beside it, in the order in which they may be taken away: a WAL alone is
    harmless, and one that is left beside another file is not."""
    return [path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm", "")]


def remove(path: Path) -> None:
    """Deletes a book's file, and what SQLite keeps beside it."""
    for each in _files(path):
        each.unlink(missing_ok=True)


def _set_aside(target: Path | Address) -> None:
    """Renames a book's files, with its anchors, so that their names are free."""
    if not isinstance(target, Path):
        message = f"{target} is not a file: what it holds is not set aside"
        raise Conflict(message, hint="give another schema with ?schema=, or drop that one yourself")
    names = (f"{target.name}.replaced{number or ''}" for number in count())
    aside = next(name for name in names if not _there(target.with_name(name)))
    with translated(target):
        for path in (there := _there(target)):
            path.rename(path.with_name(path.name.replace(target.name, aside, 1)))
        if there:
            sync_folder(target.parent)


def _there(target: Path) -> list[Path]:
    return [path for path in (Anchors(target).folder, *_files(target)) if path.exists()]
