"""Folds all pages again. It decides what a rebuild compares and reports; what pages mean is the fold's.

Derived tables are a function of the pages and their readers. With the same readers a rebuild changes nothing; with a
newer reader it reports every row that is now read differently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from nostro.book import schema
from nostro.book.fold import Fold
from nostro.domain.records import Fact, restore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nostro.book.store import Store
    from nostro.link.declare import Exchange

    Folded = Callable[[int], None]  # is told how many pages are folded

_COMPARED: Final = "account, identity, version, vanished, kind, effective_ns, seq, row_offset, digest"


def unwatched(pages: int) -> None:
    """Nobody looks how many pages are folded."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a row that a rebuild reads differently: as it was and as it is, None where it is not there."""

    account: str
    kind: str
    page: int
    offset: int
    before: Fact | None = None
    after: Fact | None = None


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did: how many pages it read, and every row that changed."""

    pages: int
    changes: tuple[Change, ...]


def rebuild(store: Store, registry: Callable[[str, str], Exchange]) -> Rebuilt:
    """Drops the derived tables and folds every page, in one transaction: it happens whole, or not at all."""
    with store.writing():
        return refold(store, registry)


def refold(store: Store, registry: Callable[[str, str], Exchange], *, folded: Folded = unwatched) -> Rebuilt:
    """As `rebuild`, inside a write transaction."""
    for account in store.accounts():
        store.hold_head(account.id)
    store.engine.run("CREATE TABLE former AS SELECT * FROM record")
    store.engine.run("CREATE UNIQUE INDEX former_key ON former (account, identity, version)")
    store.engine.run(schema.drop_derived_script() + schema.derived_script(store.engine.dialect))
    pages = fold_all(store, registry, folded=folded)
    changes = tuple(_changes(store))
    store.engine.run("DROP TABLE former")
    return Rebuilt(pages=pages, changes=changes)


def fold_all(store: Store, registry: Callable[[str, str], Exchange], *, folded: Folded = unwatched) -> int:
    """Folds every page into derived tables that are empty; how many there were. Inside a write transaction."""
    fold, pages = Fold(store, registry), 0
    for account in store.accounts():
        for entered in store.journal.walk(account.id):
            fold.page(account, entered)
            pages += 1
            folded(pages)
    return pages


def _changes(store: Store) -> Iterator[Change]:
    gone = f"SELECT {_COMPARED} FROM former EXCEPT SELECT {_COMPARED} FROM record"
    come = f"SELECT {_COMPARED} FROM record EXCEPT SELECT {_COMPARED} FROM former"
    key_of = "SELECT account, identity, version FROM"
    differing = f"{key_of} ({gone}) AS gone UNION {key_of} ({come}) AS come ORDER BY 1, 2, 3"
    names = {account.id: account.name for account in store.accounts()}
    for account, identity, version in store.engine.all(differing):
        key = (account, identity, version)
        before, after = _row(store, "former", key), _row(store, "record", key)
        there = after or before
        assert there is not None, "a row that differs is in one of the two"
        kind, seq, row_offset, _ = there
        yield Change(
            account=names[account], kind=kind, page=seq, offset=row_offset,
            before=before and before[3], after=after and after[3],
        )  # fmt: skip


def _row(store: Store, table: str, key: tuple[int, bytes, int]) -> tuple[str, int, int, Fact] | None:
    query = f"SELECT kind, seq, row_offset, content FROM {table} WHERE account = ? AND identity = ? AND version = ?"
    row = store.engine.row(query, key)
    if row is None:
        return None
    kind = store.words.text(row[0])
    return kind, row[1], row[2], restore(kind, row[3])
