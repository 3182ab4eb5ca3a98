"""Brings a book of an older form to the present one. It decides what is checked before and after, what is kept, and
that it happens whole or not at all; what the forms are is the schema's.

The journal is what a book is, and is changed by the statements of `CHANGES` alone; what is derived is folded again from
it, by the present readers, where other tables held it. All of it is one transaction: whoever is killed in it finds the
old form again, and begins anew. Before it, the whole book is copied into a file beside it, which the program that wrote
it can open.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import closing
from typing import TYPE_CHECKING, Final

import msgspec

from nostro.book import proof, schema
from nostro.book.anchor import sync_folder
from nostro.book.backup import copy_journal, remove
from nostro.book.rebuild import Change, Rebuilt, refold
from nostro.book.store import Store
from nostro.book.watching import Watcher, unwatched
from nostro.errors import Conflict, SchemaTooOld

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nostro.book.store import Place
    from nostro.link.declare import Exchange

# What brings a version's tables to the next one, but for what is folded again.
CHANGES: Final[dict[int, str]] = {
    1: "DROP TABLE day_sum;\n",  # sums were kept per day; now there are some of longer and shorter periods too
    2: schema.index_script("record_by_day"),  # what an early page knew is found without what later ones brought
}
REFOLDED: Final = frozenset({1})  # the versions of which what is derived is not what the next one derives
assert CHANGES.keys() == set(range(1, schema.SCHEMA_VERSION)), "every older form can be brought to the present one"

Readers = dict[tuple[str, str], int]


class Migrated(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: from which form, to which; where the book is kept as it was; how many pages were read again, and
    every row that a newer reader reads differently; none are read where what is derived stays what it is."""

    before: int
    after: int
    kept: Path
    pages: int
    changes: tuple[Change, ...]


def refuse_older(store: Store) -> None:
    """For who may only read. Raises `SchemaTooOld`."""
    found = store.engine.version()
    if found < schema.SCHEMA_VERSION:
        message = f"{store.engine.name} has schema {found}, and this program reads {schema.SCHEMA_VERSION}"
        hint = "nostro rebuild, sync or up bring it to the present form, and keep a copy of it beside it"
        raise SchemaTooOld(message, hint=hint)


def migrate(
    store: Store, place: Place, *, registry: Callable[[str, str], Exchange], watcher: Watcher = unwatched
) -> Migrated | None:
    """Brings a book to the present form; None where it has it. Raises `ChainBroken` or `Corrupted` where it is not what
    it was, and `Conflict` where a row would be read differently by the same reader: then the book is as it was."""
    if store.engine.version() == schema.SCHEMA_VERSION:
        return None
    with store.writing():
        before = store.engine.version()
        if before == schema.SCHEMA_VERSION:  # another process was first
            return None
        head = _checked(store)
        kept = _keep(store, place, name=f"{store.engine.path.name}.schema{before}", watcher=watcher)
        readers = _readers(store)
        for version in range(before, schema.SCHEMA_VERSION):
            store.engine.run(CHANGES[version])
        rebuilt = Rebuilt(pages=0, changes=())
        if not REFOLDED.isdisjoint(range(before, schema.SCHEMA_VERSION)):
            rebuilt = refold(store, registry, watcher=watcher)
            _compare(store, rebuilt.changes, before=readers)
        store.engine.set_version(schema.SCHEMA_VERSION)
        after = proof.verify(store).head
        assert after == head, "the journal is another than it was"
    return Migrated(before=before, after=schema.SCHEMA_VERSION, kept=kept, pages=rebuilt.pages, changes=rebuilt.changes)


def _checked(store: Store) -> str:
    """The head of a book whose chains are what they were."""
    for account in store.accounts():
        head = store.hold_head(account.id)
        deque(store.journal.check(account.id, account.name, head=head.seq, head_hash=head.hash), maxlen=0)
    return proof.book_head(store)


def _keep(store: Store, place: Place, *, name: str, watcher: Watcher) -> Path:
    """Copies the book as it is into a file beside it, or where this machine keeps what belongs to it; one that an
    interrupted migration left there is replaced."""
    target = store.engine.path.with_name(name)
    part = target.with_name(f"{name}.{os.getpid()}.part")
    target.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        with closing(Store(place, read_only=True)) as reader, reader.reading():
            if not reader.engine.copy(part):
                copy_journal(reader, part, watcher=watcher)
        part.replace(target)
        sync_folder(target.parent)
    except BaseException:
        remove(part)
        raise
    return target


def _readers(store: Store) -> Readers:
    return {(exchange, dialect): version for exchange, dialect, version in store.engine.all("SELECT * FROM reader")}


def _compare(store: Store, changes: tuple[Change, ...], *, before: Readers) -> None:
    """Only a newer reader may read a row differently."""
    after = _readers(store)
    newer = {exchange for (exchange, dialect), version in after.items() if before.get((exchange, dialect)) != version}
    exchanges = {account.name: account.exchange for account in store.accounts()}
    for change in changes:
        if exchanges[change.account] not in newer:
            message = f"row {change.offset} of page {change.page} would be read differently, by the same reader"
            raise Conflict(message, hint="the book is as it was; report this", account=change.account)
