"""What proves a book: its chains, its digests, and one hash of all that is derived. It decides when stored bytes are
what they were; it repairs nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nostro.book.watching import Watcher, unwatched
from nostro.domain.records import digest
from nostro.errors import Corrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nostro.book.store import Store

# Every derived table in an order that no batch, interning or row number changes; words are written out.
_DERIVED: Final[dict[str, tuple[str, str]]] = {
    "record": (
        (
            "a.name, r.identity, r.version, r.vanished, {r.kind}, {r.stream}, r.native, r.unsettled, r.effective_ns,"
            " r.seq, r.row_offset, {r.name}, {r.wallet}, {r.sub_account}, r.digest"
        ),
        "a.name, r.identity, r.version",
    ),
    "subject": ("a.name, {r.stream}, {r.kind}, r.identity", "a.name, r.identity"),
    "alias": ("a.name, r.identity, r.target, r.seq", "a.name, r.identity"),
    "naming": ("a.name, {r.stream}, r.native", "1, 2, 3"),
    "claim": ("a.name, {r.stream}, r.seq, r.ordinal, r.status, r.cause, r.since_ns, r.until_ns", "1, 3, 4, 2"),
    "period_sum": (
        "a.name, r.width_ns, r.start_ns, {r.sub_account}, {r.wallet}, {r.asset}, r.seq, r.amount",
        "1, 2, 3, 4, 5, 6, 7",
    ),
    "finding": (
        "a.name, r.seq, r.ordinal, r.what, {r.stream}, r.kind, r.effective_ns, r.row_offset, r.detail", "1, 2, 3",
    ),
}  # fmt: skip


class AccountProof(msgspec.Struct, frozen=True, kw_only=True):
    """An account's chain: its number of pages, and the hash of the last in hex."""

    account: str
    pages: int
    hash: str


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A book that was verified: its head, which stands for every byte of every page, and what was walked."""

    head: str
    accounts: tuple[AccountProof, ...]
    records: int


def verify(store: Store, *, watcher: Watcher = unwatched) -> Proof:
    """Walks every chain and compares every record with its digest. Raises `ChainBroken` or `Corrupted` at the first
    thing that is not what it was."""
    accounts, walked = [], 0
    whole = sum(store.head(account.id).seq for account in store.accounts())
    for account in store.accounts():
        head = store.head(account.id)
        for _ in store.journal.check(account.id, account.name, head=head.seq, head_hash=head.hash):
            walked += 1
            watcher("walked", walked, whole=whole)
        accounts.append(AccountProof(account=account.name, pages=head.seq, hash=head.hash.hex()))
    _check_engine(store)
    records = _check_digests(store, lambda done: watcher("compared", done, whole=whole))
    return Proof(head=book_head(store), accounts=tuple(accounts), records=records)


def book_head(store: Store) -> str:
    """SHA-256 over the accounts' heads, sorted by name, in hex."""
    heads = sorted((account.name, store.head(account.id)) for account in store.accounts())
    hashed = hashlib.sha256()
    for name, head in heads:
        hashed.update(msgspec.json.encode([name, head.seq, head.hash.hex()]))
    return hashed.hexdigest()


def _check_engine(store: Store) -> None:
    if found := store.engine.damage():
        message = f"{store.engine.name} is damaged: {found}"
        raise Corrupted(message, hint="restore a backup, and check the disk")


def _check_digests(store: Store, compared: Callable[[int], None]) -> int:
    """How many rows there are; ``compared`` is told of how many pages, about, they are compared."""
    records, reached = 0, dict[str, int]()
    for account, seq, row_offset, stored, content in store.rows(
        "SELECT a.name, r.seq, r.row_offset, r.digest, r.content FROM record r JOIN account a ON a.id = r.account"
    ):
        if digest(content) != stored:
            message = f"row {row_offset} of page {seq} of account {account} is not what was read from its page"
            raise Corrupted(message, hint="fold the pages again: nostro rebuild", account=str(account))
        records += 1
        if seq > reached.get(account, 0):
            reached[account] = seq
            compared(sum(reached.values()))
    return records


def state_hash(store: Store) -> str:
    """SHA-256 over all derived tables, in hex: equal for equal pages and readers, however they were folded."""
    hashed = hashlib.sha256()
    for table in _DERIVED:
        hashed.update(table.encode())
        for row in _canonical_rows(store, table):
            hashed.update(msgspec.json.encode([part.hex() if isinstance(part, bytes) else part for part in row]))
    return hashed.hexdigest()


def _canonical_rows(store: Store, table: str) -> Iterator[tuple[Any, ...]]:
    columns, order = _DERIVED[table]
    columns = columns.replace("{", "(SELECT text FROM word WHERE id = ").replace("}", ")")
    return store.rows(f"SELECT {columns} FROM {table} r JOIN account a ON a.id = r.account ORDER BY {order}")
