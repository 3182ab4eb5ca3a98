"""The book's database: its connections, transactions, interned words, accounts, heads and leases. It decides who may
write and that a write happens whole or not at all; it does not decide what is written.

One class stands for one connection. PostgreSQL will be a second class of the same shape; all SQL elsewhere in the book
goes through `Store.connection` and is of the subset that both engines share.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from nostro import limits
from nostro.book import schema
from nostro.book.pages import ZERO_HASH, Journal, canonical, compress, decompress, parse
from nostro.domain.values import SECOND_NS
from nostro.errors import BadValue, ChainBroken, Conflict, Fenced
from nostro.link.declare import Claim
from nostro.sqlite import open_database, translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import apsw

    from nostro.link.declare import Page


class AccountRow(NamedTuple):
    """An account of the book; ``since_ns``: what happened before it is not asked for."""

    id: int
    name: str
    exchange: str
    dialect: str
    since_ns: int


class Head(NamedTuple):
    """The end of an account's chain."""

    seq: int
    hash: bytes


class Lease(NamedTuple):
    """The right to append to one account, until ``expires_ns`` or until another holder's token is larger."""

    account: str
    holder: str
    token: int
    expires_ns: int


class Words:
    """Names as numbers. A number, once given, never changes."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._numbers: dict[str, int] = {}
        self._texts: dict[int, str] = {}

    def number(self, text: str) -> int:
        """The number of a word, given now where it has none: only inside a write transaction."""
        known = self.number_or_none(text)
        if known is None:
            known = 1 + (self._connection.execute("SELECT max(id) FROM word").get or 0)
            self._connection.execute("INSERT INTO word VALUES (?, ?)", (known, text))
            self._remember(known, text)
        return known

    def number_or_none(self, text: str) -> int | None:
        known = self._numbers.get(text)
        if known is None:
            known = self._connection.execute("SELECT id FROM word WHERE text = ?", (text,)).get
            if known is not None:
                self._remember(known, text)
        return known

    def text(self, number: int) -> str:
        known = self._texts.get(number)
        if known is None:
            known = str(self._connection.execute("SELECT text FROM word WHERE id = ?", (number,)).get)
            self._remember(number, known)
        return known

    def forget(self) -> None:
        """After a rollback: words given in it were taken back."""
        self._numbers.clear()
        self._texts.clear()

    def _remember(self, number: int, text: str) -> None:
        self._numbers[text] = number
        self._texts[number] = text


class Store:
    """One connection to a book."""

    def __init__(self, path: Path, *, create: bool = False, read_only: bool = False) -> None:
        self.path = path
        self.connection = open_database(
            path,
            application_id=schema.APPLICATION_ID,
            create=create,
            read_only=read_only,
            schema_version=schema.SCHEMA_VERSION,
            schema=schema.sqlite_script(),
        )
        self.words = Words(self.connection)
        self.journal = Journal(self.connection, self.words)

    def close(self) -> None:
        with self.translated():
            self.connection.close()

    def rows(self, query: str, values: Sequence[int | str | bytes | None] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, one by one."""
        return iter(self.connection.execute(query, values))

    def translated(self) -> AbstractContextManager[None]:
        return translated(self.path)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One write transaction: all of it, or nothing."""
        with self.translated():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                    self.words.forget()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One read transaction: all reads in it see the same book."""
        with self.translated():
            self.connection.execute("BEGIN")
            try:
                yield
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")

    def check_heads(self) -> None:
        """That each head is the last page of its chain. Raises `ChainBroken`."""
        query = "SELECT seq, hash FROM page WHERE account = ? ORDER BY seq DESC LIMIT 1"
        for account in self.accounts():
            last = self.connection.execute(query, (account.id,)).fetchone() or (0, ZERO_HASH)
            if tuple(last) != tuple(self.head(account.id)):
                message = f"the head of account {account.name} is not its last page, {last[0]}"
                raise ChainBroken(message, hint="restore a backup", account=account.name)

    # ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────

    def accounts(self) -> list[AccountRow]:
        query = "SELECT id, name, exchange, dialect, since_ns FROM account ORDER BY id"
        return [AccountRow(*row) for row in self.connection.execute(query)]

    def account(self, name: str) -> AccountRow:
        """Raises `BadValue` where the book has no such account."""
        query = "SELECT id, name, exchange, dialect, since_ns FROM account WHERE name = ?"
        row = self.connection.execute(query, (name,)).fetchone()
        if row is None:
            message = f"the book has no account {name!r}"
            raise BadValue(message, hint="list its accounts with: nostro accounts list", account=name)
        return AccountRow(*row)

    def add_account(self, name: str, exchange: str, *, dialect: str, since_ns: int) -> None:
        """Raises `Conflict` where the name is taken. Inside a write transaction."""
        if self.connection.execute("SELECT 1 FROM account WHERE name = ?", (name,)).get:
            message = f"the book already has an account {name!r}"
            raise Conflict(message, hint="choose another name", account=name)
        number = 1 + (self.connection.execute("SELECT max(id) FROM account").get or 0)
        row = (number, name, exchange, dialect, since_ns)
        self.connection.execute("INSERT INTO account VALUES (?, ?, ?, ?, ?)", row)
        self.connection.execute("INSERT INTO chain VALUES (?, 0, ?, '', 0, 0)", (number, ZERO_HASH))

    # ── heads and leases ─────────────────────────────────────────────────────────────────────────────────────────

    def head(self, account: int) -> Head:
        return Head(*self._chain("seq, hash", account))

    def _chain(self, columns: str, account: int) -> tuple[Any, ...]:
        row = self.connection.execute(f"SELECT {columns} FROM chain WHERE account = ?", (account,)).fetchone()
        assert row is not None, "every account has a chain"
        return tuple(row)

    def move_head(self, account: AccountRow, lease: Lease, *, old: Head, new: Head, now_ns: int) -> None:
        """The fence and the gapless counter in one statement; it renews the lease. Raises `Fenced`."""
        expires_ns = now_ns + limits.LEASE_S * SECOND_NS
        self.connection.execute(
            "UPDATE chain SET seq = ?, hash = ?, expires_ns = ? WHERE account = ? AND seq = ? AND token = ?",
            (new.seq, new.hash, expires_ns, account.id, old.seq, lease.token),
        )
        if not self.connection.changes():
            message = f"another process took over account {account.name}; nothing was written"
            raise Fenced(message, hint="end one of the two collectors", account=account.name)

    def acquire(self, account: AccountRow, holder: str, *, now_ns: int, force: bool = False) -> Lease:
        """Raises `Conflict` while another holder's lease lives, unless it is taken by ``force``."""
        expires_ns = now_ns + limits.LEASE_S * SECOND_NS
        with self.writing():
            held_by, token, until_ns = self._chain("holder, token, expires_ns", account.id)
            if held_by not in ("", holder) and until_ns > now_ns and not force:
                message = f"account {account.name} is being collected by {held_by}"
                hint = "end that process, or wait until its lease has ended"
                raise Conflict(message, hint=hint, account=account.name)
            self.connection.execute(
                "UPDATE chain SET holder = ?, token = ?, expires_ns = ? WHERE account = ?",
                (holder, token + 1, expires_ns, account.id),
            )
        return Lease(account.name, holder, token + 1, expires_ns)

    def extend(self, account: AccountRow, lease: Lease, *, expires_ns: int) -> None:
        """A new end of a lease that is still ours. Raises `Fenced`."""
        with self.writing():
            self.connection.execute(
                "UPDATE chain SET expires_ns = ? WHERE account = ? AND token = ?", (expires_ns, account.id, lease.token)
            )
            if not self.connection.changes():
                message = f"another process took over account {account.name}"
                raise Fenced(message, hint="end one of the two collectors", account=account.name)

    # ── claims ───────────────────────────────────────────────────────────────────────────────────────────────────

    def claims(self, account: int, stream: str, *, until_seq: int | None = None) -> Iterator[Claim]:
        """The claims of a stream by pages up to ``until_seq`` (None: all) that changed its coverage, in their order."""
        query = (
            "SELECT status, since_ns, until_ns, cause FROM claim WHERE account = ? AND stream = ? AND seq <= ?"
            " ORDER BY seq, ordinal"
        )
        number = self.words.number_or_none(stream) or 0
        return (Claim(*row) for row in self.rows(query, (account, number, 2**62 if until_seq is None else until_seq)))

    # ── the inbox ────────────────────────────────────────────────────────────────────────────────────────────────

    def leave(self, account: AccountRow, page: Page) -> None:
        """Leaves a page for the holder of the lease. Raises `BadValue` where it is too large."""
        stored = canonical(page)
        if len(stored) > limits.INBOX_BYTES_MAX:
            message = f"a page of {len(stored)} bytes is too large to be left for the collector"
            raise BadValue(message, hint=f"at most {limits.INBOX_BYTES_MAX} bytes", account=account.name)
        with self.writing():
            number = 1 + (self.connection.execute("SELECT max(id) FROM inbox").get or 0)
            row = (number, account.id, compress(stored))
            self.connection.execute("INSERT INTO inbox VALUES (?, ?, ?)", row)

    def empty_inbox(self, account: AccountRow) -> list[Page]:
        """The pages that were left, taken out. Inside the write transaction that appends them."""
        query = "SELECT content FROM inbox WHERE account = ? ORDER BY id"
        found = [parse(decompress(row[0])) for row in self.connection.execute(query, (account.id,))]
        if found:
            self.connection.execute("DELETE FROM inbox WHERE account = ?", (account.id,))
        return found
