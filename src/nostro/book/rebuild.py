"""Folds all pages again. It decides what a rebuild compares and reports; what pages mean is the fold's.

Derived tables are a function of the pages and their readers. With the same readers a rebuild changes nothing; with a
newer reader it reports every row that is now read differently.
"""

from __future__ import annotations

from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, Final

import msgspec

from nostro.book import schema
from nostro.book.fold import Fold
from nostro.book.watching import Watcher, unwatched
from nostro.domain.records import Fact, restore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nostro.book.store import Store
    from nostro.link.declare import Exchange

_PLACE: Final = "seq, row_offset, identity, version"  # of an account's rows, about in the order they were written in
_COMPARED: Final = f"{_PLACE}, vanished, kind, effective_ns, digest"


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


def rebuild(
    store: Store, registry: Callable[[str, str], Exchange], *, watcher: Watcher = unwatched
) -> Rebuilt:  # fmt: skip
    """Drops the derived tables and folds every page, in one transaction: it happens whole, or not at all."""
    with store.writing():
        return refold(store, registry, watcher=watcher)


def refold(
    store: Store, registry: Callable[[str, str], Exchange], *, watcher: Watcher = unwatched
) -> Rebuilt:  # fmt: skip
    """As `rebuild`, inside a write transaction."""
    for account in store.accounts():
        store.hold_head(account.id)
    store.engine.run("CREATE TABLE former AS SELECT * FROM record WHERE 1 = 0")
    store.engine.run(f"CREATE UNIQUE INDEX former_key ON former (account, {_PLACE})")
    store.engine.run(f"INSERT INTO former SELECT * FROM record ORDER BY account, {_PLACE}")
    store.engine.run(schema.drop_derived_script() + schema.derived_script(store.engine.dialect))
    pages = fold_all(store, registry, watcher=watcher)
    changes = tuple(_changes(store))
    store.engine.run("DROP TABLE former")
    return Rebuilt(pages=pages, changes=changes)


def fold_all(store: Store, registry: Callable[[str, str], Exchange], *, watcher: Watcher = unwatched) -> int:
    """Folds every page into derived tables that are empty; how many there were. Inside a write transaction."""
    fold, pages = Fold(store, registry), 0
    whole = sum(store.head(account.id).seq for account in store.accounts())
    for account in store.accounts():
        for entered in store.journal.walk(account.id):
            fold.page(account, entered)
            pages += 1
            watcher("read", pages, whole=whole)
    return pages


def _changes(store: Store) -> Iterator[Change]:
    for account in store.accounts():
        places = _differing(store, account.id)
        for identity, version in sorted(places):
            before = _row(store, "former", (account.id, *places[identity, version], identity, version))
            after = _now(store, account.id, identity, version=version)
            there = after or before
            assert there is not None, "a row that differs is in one of the two"
            kind, seq, row_offset, _ = there
            yield Change(
                account=account.name, kind=kind, page=seq, offset=row_offset,
                before=before and before[3], after=after and after[3],
            )  # fmt: skip


def _differing(store: Store, account: int) -> dict[tuple[bytes, int], tuple[int, int]]:
    """The rows that are not the same in both tables, by identity and version, with the page and place that they had
    before (0, 0 where they were not there). Both are read side by side, so that only differences are in memory."""
    both = [
        store.rows(f"SELECT {_COMPARED}, {former} FROM {table} WHERE account = ? ORDER BY {_PLACE}", (account,))
        for table, former in (("former", 1), ("record", 0))
    ]
    found: dict[tuple[bytes, int], tuple[int, int]] = {}
    for _, same in groupby(merge(*both), key=lambda row: row[:-1]):
        first, *others = same
        if not others:
            seq, row_offset, identity, version = first[:4]
            known = found.get((identity, version), (0, 0))
            found[identity, version] = (seq, row_offset) if first[-1] else known
    return found


def _now(
    store: Store, account: int, identity: bytes, *, version: int
) -> tuple[str, int, int, Fact] | None:  # fmt: skip
    query = "SELECT seq, row_offset FROM record WHERE account = ? AND identity = ? AND version = ?"
    place = store.engine.row(query, (account, identity, version))
    return None if place is None else _row(store, "record", (account, *place, identity, version))


def _row(store: Store, table: str, place: tuple[int, int, int, bytes, int]) -> tuple[str, int, int, Fact] | None:
    query = (
        f"SELECT kind, seq, row_offset, content FROM {table} WHERE account = ? AND seq = ? AND row_offset = ?"
        " AND identity = ? AND version = ?"
    )
    row = store.engine.row(query, place)
    if row is None:
        return None
    kind = store.words.text(row[0])
    return kind, row[1], row[2], restore(kind, row[3])
