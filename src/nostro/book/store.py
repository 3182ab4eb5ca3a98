"""The book's database: its connections, transactions, interned words, accounts, heads and leases. It decides who may
write and that a write happens whole or not at all; it does not decide what is written.

One class stands for one connection. All SQL of the book goes through `Store.engine` and is of the subset that both
engines share (``engine.py``).
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nostro import limits
from nostro.book.engine_sqlite import SqliteEngine
from nostro.book.pages import ZERO_HASH, Journal, canonical, decompress, parse
from nostro.domain.values import SECOND_NS
from nostro.errors import BadValue, ChainBroken, Conflict, Fenced, UsageError
from nostro.link.declare import Claim
from nostro.postgres import Address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from nostro.book.engine import Engine, Row, Values
    from nostro.link.declare import Page

Place = Path | Address  # a book is a file, or stands on a server


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


class Chain(NamedTuple):
    """An account's chain as it is now: the number of its last page, and who may append to it until when."""

    account: str
    seq: int
    holder: str
    expires_ns: int


class Lease(NamedTuple):
    """The right to append to one account, until ``expires_ns`` or until another holder's token is larger."""

    account: str
    holder: str
    token: int
    expires_ns: int


class Words:
    """Names as numbers. A number, once given, never changes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._numbers: dict[str, int] = {}
        self._texts: dict[int, str] = {}

    def number(self, text: str) -> int:
        """The number of a word, given now where it has none: only inside a write transaction."""
        known = self._numbers.get(text)
        if known is not None:
            return known
        known = self.number_or_none(text)
        if known is None:
            self._engine.alone()
            known = self.number_or_none(text)  # another process may have given one while we waited
        if known is None:
            known = 1 + (self._engine.value("SELECT max(id) FROM word") or 0)
            self._engine.execute("INSERT INTO word VALUES (?, ?)", (known, text))
            self._remember(known, text)
        return known

    def number_or_none(self, text: str) -> int | None:
        known = self._numbers.get(text)
        if known is None:
            known = self._engine.value("SELECT id FROM word WHERE text = ?", (text,))
            if known is not None:
                self._remember(known, text)
        return known

    def text(self, number: int) -> str:
        known = self._texts.get(number)
        if known is None:
            known = str(self._engine.value("SELECT text FROM word WHERE id = ?", (number,)))
            self._remember(number, known)
        return known

    def forget(self) -> None:
        """After a rollback: words given in it were taken back."""
        self._numbers.clear()
        self._texts.clear()

    def _remember(self, number: int, text: str) -> None:
        self._numbers[text] = number
        self._texts[number] = text


def _engine(place: Place, *, create: bool, read_only: bool) -> Engine:
    """A connection to the book at that place."""
    if isinstance(place, Path):
        return SqliteEngine(place, create=create, read_only=read_only)
    try:
        from nostro.book.engine_postgres import PostgresEngine
    except ImportError as error:
        message = f"a book on PostgreSQL needs the package psycopg ({error})"
        raise UsageError(message, hint="pip install 'nostro[postgres]', into the environment of nostro") from None
    return PostgresEngine(place, create=create, read_only=read_only)


class Store:
    """One connection to a book."""

    def __init__(self, place: Place, *, create: bool = False, read_only: bool = False) -> None:
        self.engine = _engine(place, create=create, read_only=read_only)
        self.words = Words(self.engine)
        self.journal = Journal(self.engine, self.words)

    def close(self) -> None:
        with self.translated():
            self.engine.close()

    def rows(self, query: str, values: Values = ()) -> Iterator[Row]:
        """The rows of a query, one by one."""
        return self.engine.rows(query, values)

    def translated(self) -> AbstractContextManager[None]:
        return self.engine.translated()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One write transaction: all of it, or nothing."""
        with self.translated():
            self.engine.begin(write=True)
            try:
                yield
                self.engine.commit()
            except BaseException:
                self.words.forget()
                self.engine.rollback()
                raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One read transaction: all reads in it see the same book."""
        with self.translated():
            self.engine.begin(write=False)
            try:
                yield
            finally:
                self.engine.rollback()

    def check_heads(self) -> None:
        """That each head is the last page of its chain. Raises `ChainBroken`."""
        query = "SELECT seq, hash FROM page WHERE account = ? ORDER BY seq DESC LIMIT 1"
        for account in self.accounts():
            last = self.engine.row(query, (account.id,)) or (0, ZERO_HASH)
            if last != self.head(account.id):
                message = f"the head of account {account.name} is not its last page, {last[0]}"
                raise ChainBroken(message, hint="restore a backup", account=account.name)

    # ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────

    def accounts(self) -> list[AccountRow]:
        query = "SELECT id, name, exchange, dialect, since_ns FROM account ORDER BY id"
        return [AccountRow(*row) for row in self.engine.all(query)]

    def account(self, name: str) -> AccountRow:
        """Raises `BadValue` where the book has no such account."""
        query = "SELECT id, name, exchange, dialect, since_ns FROM account WHERE name = ?"
        row = self.engine.row(query, (name,))
        if row is None:
            message = f"the book has no account {name!r}"
            raise BadValue(message, hint="list its accounts with: nostro accounts list", account=name)
        return AccountRow(*row)

    def add_account(self, name: str, exchange: str, *, dialect: str, since_ns: int) -> None:
        """Raises `Conflict` where the name is taken. Inside a write transaction."""
        self.engine.alone()
        if self.engine.value("SELECT 1 FROM account WHERE name = ?", (name,)):
            message = f"the book already has an account {name!r}"
            raise Conflict(message, hint="choose another name", account=name)
        number = 1 + (self.engine.value("SELECT max(id) FROM account") or 0)
        row = (number, name, exchange, dialect, since_ns)
        self.engine.insert("account", [row])
        self.engine.insert("chain", [(number, 0, ZERO_HASH, "", 0, 0)])

    # ── heads and leases ─────────────────────────────────────────────────────────────────────────────────────────

    def head(self, account: int) -> Head:
        return Head(*self._chain("seq, hash", account))

    def chains(self) -> list[Chain]:
        query = (
            "SELECT a.name, c.seq, c.holder, c.expires_ns FROM account a JOIN chain c ON c.account = a.id ORDER BY a.id"
        )
        return [Chain(*row) for row in self.engine.all(query)]

    def hold_head(self, account: int) -> Head:
        """The head, which nobody else moves until the write transaction ends: what is read after it is the latest."""
        return Head(*self._chain("seq, hash", account, held=True))

    def hash_at(self, account: int, seq: int) -> bytes | None:
        """The hash of a page of a chain, of none for 0; None where there is no such page."""
        if seq == 0:
            return ZERO_HASH
        found: bytes | None = self.engine.value("SELECT hash FROM page WHERE account = ? AND seq = ?", (account, seq))
        return found

    def _chain(self, columns: str, account: int, *, held: bool = False) -> Row:
        query = f"SELECT {columns} FROM chain WHERE account = ?{self.engine.locked if held else ''}"
        row = self.engine.row(query, (account,))
        assert row is not None, "every account has a chain"
        return row

    def move_head(self, account: AccountRow, lease: Lease, *, old: Head, new: Head, now_ns: int) -> None:
        """The fence and the gapless counter in one statement; it renews the lease. Raises `Fenced`."""
        expires_ns = now_ns + limits.LEASE_S * SECOND_NS
        moved = self.engine.execute(
            "UPDATE chain SET seq = ?, hash = ?, expires_ns = ? WHERE account = ? AND seq = ? AND token = ?",
            (new.seq, new.hash, expires_ns, account.id, old.seq, lease.token),
        )
        if not moved:
            message = f"another process took over account {account.name}; nothing was written"
            raise Fenced(message, hint="end one of the two collectors", account=account.name)

    def acquire(self, account: AccountRow, holder: str, *, now_ns: int, force: bool = False) -> Lease:
        """Raises `Conflict` while another holder's lease lives, unless it is taken by ``force``."""
        expires_ns = now_ns + limits.LEASE_S * SECOND_NS
        with self.writing():
            held_by, token, until_ns = self._chain("holder, token, expires_ns", account.id, held=True)
            if held_by not in ("", holder) and until_ns > now_ns and not force:
                message = f"account {account.name} is being collected by {held_by}"
                hint = "end that process, or wait until its lease has ended"
                raise Conflict(message, hint=hint, account=account.name)
            self.engine.execute(
                "UPDATE chain SET holder = ?, token = ?, expires_ns = ? WHERE account = ?",
                (holder, token + 1, expires_ns, account.id),
            )
        return Lease(account.name, holder, token + 1, expires_ns)

    def extend(self, account: AccountRow, lease: Lease, *, expires_ns: int) -> None:
        """A new end of a lease that is still ours. Raises `Fenced`."""
        with self.writing():
            extended = self.engine.execute(
                "UPDATE chain SET expires_ns = ? WHERE account = ? AND token = ?", (expires_ns, account.id, lease.token)
            )
            if not extended:
                message = f"another process took over account {account.name}"
                raise Fenced(message, hint="end one of the two collectors", account=account.name)

    # ── claims ───────────────────────────────────────────────────────────────────────────────────────────────────

    def claims(
        self, account: int, stream: str, *, after_seq: int = 0, until_seq: int | None = None
    ) -> Iterator[tuple[int, Claim]]:
        """The claims of a stream that changed its coverage, each with the number of its page, in their order: by pages
        after ``after_seq`` and up to ``until_seq`` (None: all)."""
        query = (
            "SELECT seq, status, since_ns, until_ns, cause FROM claim WHERE account = ? AND stream = ? AND seq > ?"
            " AND seq <= ? ORDER BY seq, ordinal"
        )
        bounds = (account, self.words.number_or_none(stream) or 0, after_seq, 2**62 if until_seq is None else until_seq)
        return ((row[0], Claim(*row[1:])) for row in self.rows(query, bounds))

    # ── the inbox ────────────────────────────────────────────────────────────────────────────────────────────────

    def leave(self, account: AccountRow, page: Page) -> None:
        """Leaves a page for the holder of the lease. Raises `BadValue` where it is too large."""
        stored = canonical(page)
        if len(stored) > limits.INBOX_BYTES_MAX:
            message = f"a page of {len(stored)} bytes is too large to be left for the collector"
            raise BadValue(message, hint=f"at most {limits.INBOX_BYTES_MAX} bytes", account=account.name)
        with self.writing():
            self.engine.alone()
            number = 1 + (self.engine.value("SELECT max(id) FROM inbox") or 0)
            self.engine.insert("inbox", [(number, account.id, self.journal.compress(stored))])

    def empty_inbox(self, account: AccountRow) -> list[Page]:
        """The pages that were left, taken out. Inside the write transaction that appends them."""
        query = "SELECT id, content FROM inbox WHERE account = ? ORDER BY id"
        found = self.engine.all(query, (account.id,))
        for number, _ in found:  # those alone: another may be left at this moment
            self.engine.execute("DELETE FROM inbox WHERE id = ?", (number,))
        return [parse(decompress(content)) for _, content in found]
