"""The venue's journal: every command with its answer, and every row it left, in one SQLite file. It decides what is
stored and that a command and its rows are committed together, before anybody hears of them; what a command does is the
engine's business, and reading histories is ``histories.py``'s.

Integers that 64 bits do not hold are stored as text; nothing is ever stored as a floating-point number.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import apsw
import msgspec

from nostro import limits, sqlite
from nostro.errors import Conflict, Corrupted, SchemaTooOld
from nostro.link.commands import Accepted, Refusal, Rejected
from nostro.paper.venue import bars
from nostro.paper.venue.commands import AnyCommand, CreateUser, Envelope
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.rows import (
    BORROW_COLUMNS,
    CLOSED_COLUMNS,
    ENTRY_COLUMNS,
    FILL_COLUMNS,
    FORCED_COLUMNS,
    FUNDING_COLUMNS,
    INTEREST_COLUMNS,
    LIQUIDATION_COLUMNS,
    MOVE_COLUMNS,
    MOVEMENT_COLUMNS,
    NO_CONTRACTS,
    NO_MARGIN,
    NOTED_COLUMNS,
    ORDER_COLUMNS,
    POSITION_COLUMNS,
    REPAYMENT_COLUMNS,
    TRADE_COLUMNS,
    TRANSFER_COLUMNS,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Any

    from nostro.paper.venue.profile import Profile
    from nostro.paper.venue.rows import Outcome

APPLICATION_ID: Final = 0x6E6F7356
SCHEMA_VERSION: Final = 4  # 1 had no margin, 2 no contracts, 3 no portfolio margin

SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE commands (id INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, user INTEGER NOT NULL, command BLOB NOT NULL,
  answer BLOB NOT NULL) STRICT;
CREATE TABLE snapshots (command INTEGER PRIMARY KEY, state BLOB NOT NULL) STRICT;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, parent INTEGER) STRICT;
CREATE TABLE logins (key TEXT PRIMARY KEY, user INTEGER NOT NULL, secret TEXT NOT NULL,
  permissions TEXT NOT NULL) STRICT;
CREATE TABLE orders (id INTEGER NOT NULL, user INTEGER NOT NULL, instrument INTEGER NOT NULL, buy INTEGER NOT NULL,
  type TEXT NOT NULL, time_in_force TEXT NOT NULL, status TEXT NOT NULL, lots INTEGER NOT NULL, filled INTEGER NOT NULL,
  canceled INTEGER NOT NULL, price INTEGER, stop INTEGER, operator TEXT, quote INTEGER, cost ANY NOT NULL,
  client_id TEXT NOT NULL, placed_ns INTEGER NOT NULL, opened_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL,
  done_ns INTEGER, valid_till_ns INTEGER, expire_after_ns INTEGER, wallet INTEGER NOT NULL,
  side_effect TEXT NOT NULL, traits INTEGER NOT NULL, PRIMARY KEY (user, placed_ns, id)) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_id ON orders (id);
CREATE TABLE fills (id INTEGER NOT NULL, order_id INTEGER NOT NULL, user INTEGER NOT NULL, instrument INTEGER NOT NULL,
  buy INTEGER NOT NULL, price INTEGER NOT NULL, lots INTEGER NOT NULL, cost ANY NOT NULL, fee ANY NOT NULL,
  fee_asset INTEGER NOT NULL, rate_ppm INTEGER NOT NULL, maker INTEGER NOT NULL, order_type TEXT NOT NULL,
  unfilled INTEGER NOT NULL, order_status TEXT NOT NULL, time_ns INTEGER NOT NULL,
  wallet INTEGER NOT NULL, size_before ANY, size_after ANY, basis_before ANY, basis_after ANY, realized ANY,
  mark INTEGER, traits INTEGER, PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE entries (id INTEGER NOT NULL, user INTEGER NOT NULL, wallet INTEGER NOT NULL, wallet_id INTEGER NOT NULL,
  asset INTEGER NOT NULL, type TEXT NOT NULL, total ANY NOT NULL, total_delta ANY NOT NULL, held ANY NOT NULL,
  held_delta ANY NOT NULL, time_ns INTEGER NOT NULL, PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE transfers (id INTEGER NOT NULL, user INTEGER NOT NULL, withdrawal INTEGER NOT NULL, asset INTEGER NOT NULL,
  amount ANY NOT NULL, fee ANY NOT NULL, status TEXT NOT NULL, tx_hash TEXT, client_id TEXT NOT NULL,
  time_ns INTEGER NOT NULL, PRIMARY KEY (user, withdrawal, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE movements (id INTEGER NOT NULL, user INTEGER NOT NULL, wallet INTEGER NOT NULL, added INTEGER NOT NULL,
  asset INTEGER NOT NULL, amount ANY NOT NULL, note TEXT NOT NULL, time_ns INTEGER NOT NULL,
  PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE borrows (id INTEGER NOT NULL, user INTEGER NOT NULL, wallet INTEGER NOT NULL, asset INTEGER NOT NULL,
  amount ANY NOT NULL, repaid ANY NOT NULL, accrued ANY NOT NULL, paid ANY NOT NULL, rate_ppm INTEGER NOT NULL,
  type TEXT NOT NULL, time_ns INTEGER NOT NULL, interest_ns INTEGER, done_ns INTEGER,
  PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE repayments (id INTEGER NOT NULL, user INTEGER NOT NULL, wallet INTEGER NOT NULL, asset INTEGER NOT NULL,
  interest ANY NOT NULL, principal ANY NOT NULL, type TEXT NOT NULL, time_ns INTEGER NOT NULL,
  PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE interest (id INTEGER NOT NULL, user INTEGER NOT NULL, wallet INTEGER NOT NULL, borrow INTEGER NOT NULL,
  asset INTEGER NOT NULL, accrued ANY NOT NULL, paid ANY NOT NULL, rate_ppm INTEGER NOT NULL, time_ns INTEGER NOT NULL,
  PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE liquidations (id INTEGER NOT NULL, user INTEGER NOT NULL, wallet INTEGER NOT NULL, asset INTEGER NOT NULL,
  amount ANY NOT NULL, fund ANY NOT NULL, level INTEGER NOT NULL, orders_closed TEXT NOT NULL,
  orders_created TEXT NOT NULL, borrows_closed TEXT NOT NULL, repayments_created TEXT NOT NULL,
  time_ns INTEGER NOT NULL, done_ns INTEGER NOT NULL, PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE funding (id INTEGER NOT NULL, user INTEGER NOT NULL, wallet INTEGER NOT NULL, instrument INTEGER NOT NULL,
  side INTEGER NOT NULL, size ANY NOT NULL, mark INTEGER NOT NULL, rate INTEGER NOT NULL, asset INTEGER NOT NULL,
  amount ANY NOT NULL, time_ns INTEGER NOT NULL, PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE closed (id INTEGER NOT NULL, user INTEGER NOT NULL, wallet INTEGER NOT NULL, instrument INTEGER NOT NULL,
  side INTEGER NOT NULL, long INTEGER NOT NULL, isolated INTEGER NOT NULL, leverage INTEGER, size ANY NOT NULL,
  exit_value ANY NOT NULL, exit_basis ANY NOT NULL, realized ANY NOT NULL, fees ANY NOT NULL, funding ANY NOT NULL,
  size_max ANY NOT NULL, mark INTEGER NOT NULL, liquidated INTEGER NOT NULL, opened_ns INTEGER NOT NULL,
  time_ns INTEGER NOT NULL, PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE moves (id INTEGER NOT NULL, from_user INTEGER NOT NULL, from_wallet INTEGER NOT NULL,
  to_user INTEGER NOT NULL, to_wallet INTEGER NOT NULL, asset INTEGER NOT NULL, amount ANY NOT NULL, note TEXT NOT NULL,
  time_ns INTEGER NOT NULL, user INTEGER NOT NULL, PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE noted (id INTEGER NOT NULL, user INTEGER NOT NULL, time_ns INTEGER NOT NULL, snapshot BLOB NOT NULL,
  PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE forced (id INTEGER NOT NULL, user INTEGER NOT NULL, wallet INTEGER NOT NULL, equity ANY NOT NULL,
  maintenance ANY NOT NULL, deficit ANY NOT NULL, orders_canceled TEXT NOT NULL, orders_made TEXT NOT NULL,
  time_ns INTEGER NOT NULL, PRIMARY KEY (user, time_ns, id)) STRICT, WITHOUT ROWID;
CREATE TABLE trades (id INTEGER PRIMARY KEY, instrument INTEGER NOT NULL, price INTEGER NOT NULL, lots INTEGER NOT NULL,
  buy INTEGER NOT NULL, user INTEGER NOT NULL, time_ns INTEGER NOT NULL) STRICT;
CREATE INDEX trades_by_time ON trades (instrument, time_ns, id);
""" + bars.SCHEMA  # fmt: skip

# Columns whose integers may be larger than 64 bits hold; the schema calls them ANY.
_WIDE: Final = frozenset((
    "cost", "fee", "amount", "total", "total_delta", "held", "held_delta", "repaid", "accrued", "paid", "interest",
    "principal", "fund", "size_before", "size_after", "basis_before", "basis_after", "realized", "size", "exit_value",
    "exit_basis", "fees", "funding", "size_max", "equity", "maintenance", "deficit",
))  # fmt: skip
_TABLES: Final = (
    "commands", "snapshots", "users", "logins", "orders", "fills", "entries", "transfers", "movements", "borrows",
    "repayments", "interest", "liquidations", "funding", "closed", "moves", "noted", "forced", "trades", "bars",
)  # fmt: skip


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    """``reason`` None: accepted."""

    ids: tuple[int, ...]
    reason: Refusal | None
    detail: str


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_command: Final = msgspec.msgpack.Decoder(AnyCommand).decode
_decode_answer: Final = msgspec.msgpack.Decoder(_Answer).decode


class Journal:
    """One file, one writer. `add` collects commands, `commit` writes them with their rows in one transaction."""

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path
        self.connection = sqlite.open_database(
            path, application_id=APPLICATION_ID, create=create, schema_version=SCHEMA_VERSION, schema=SCHEMA
        )
        try:
            self._refuse_older()
        except BaseException:
            self.connection.close()
            raise
        self.last_id = self._number("SELECT max(id) FROM commands")
        self._snapshot_id = self._number("SELECT max(command) FROM snapshots")
        self._clear()

    def close(self) -> None:
        self.connection.close()

    def _refuse_older(self) -> None:
        """A venue is made again rather than carried over: its past is made up, and the rules it obeyed were others."""
        stored = self._number("PRAGMA user_version")
        if stored < SCHEMA_VERSION:
            message = f"the paper exchange in {self.path} has schema {stored}, and this program knows {SCHEMA_VERSION}"
            raise SchemaTooOld(message, hint="make a new one with: nostro paper reset; this file was not touched")

    # ── what the venue was made with ─────────────────────────────────────────────────────────────────────────────

    def remember(self, values: dict[str, bytes]) -> None:
        with self._transaction():
            self.connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def remembered(self, name: str) -> bytes | None:
        found = self._rows("SELECT value FROM meta WHERE name = ?", (name,))
        return found[0][0] if found else None

    def erase(self) -> None:
        """Deletes every command and row."""
        with self._transaction():
            for table in _TABLES:
                self.connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, envelope: Envelope, outcome: Outcome) -> None:
        """Takes a command that the engine carried out; nothing is written yet."""
        answer = outcome.answer
        if isinstance(answer, Rejected):
            kept = _Answer((), answer.reason, answer.detail)
        else:
            kept = _Answer(answer.ids, None, "")
            if type(envelope.command) is CreateUser:
                user = envelope.command
                self._users.append((answer.ids[0], user.name, user.email, user.parent))
        command = (envelope.id, envelope.at_ns, envelope.user, _encode(envelope.command), _encode(kept))
        self._commands.append(command)
        self.last_id = envelope.id
        for order in outcome.order_rows:
            self._orders[order[0]] = order
        self._fills += outcome.fill_rows
        self._entries += outcome.entry_rows
        self._trades += outcome.trade_rows
        for transfer in outcome.transfer_rows:
            self._transfers[transfer[2], transfer[0]] = transfer
        if outcome.margin_rows is not NO_MARGIN:
            for borrow in outcome.margin_rows.borrows:
                self._borrows[borrow[0]] = borrow
            self._movements += outcome.margin_rows.movements
            self._repayments += outcome.margin_rows.repayments
            self._interest += outcome.margin_rows.interest
            self._liquidations += outcome.margin_rows.liquidations
        rows = outcome.contract_rows
        if rows is not NO_CONTRACTS:
            self._funding += rows.funding
            self._closed += rows.closed
            self._noted += rows.noted
            self._forced += rows.forced
            # one row for each account that it leaves or reaches
            self._moves += [(*row, user) for row in rows.moves for user in sorted({row[1], row[3]})]

    def add_login(self, key: str, user: int, *, secret: str, permissions: str) -> None:
        """Takes a login, written with the next commit; a key that exists gets the new permissions."""
        self._logins.append((key, user, secret, permissions))

    @property
    def waiting(self) -> int:
        """How many commands and logins are not written yet."""
        return len(self._commands) + len(self._logins)

    @property
    def logins_wait(self) -> bool:
        """Whether any login is not written yet."""
        return bool(self._logins)

    def commit(self, engine: Engine) -> None:
        """Writes what was added, durably; every so many commands with a snapshot of the engine. Raises `Unwritable`,
        `Corrupted` or `Conflict`; then nothing was written and what was added is forgotten."""
        try:
            with self._transaction():
                self._write(engine)
        except apsw.ConstraintError as error:
            message = f"another process wrote to the venue in {self.path}"
            raise Conflict(message, hint="let one process own it, and connect the others to that one") from error
        finally:
            self._clear()

    def answer(self, command_id: int) -> Accepted | Rejected | None:
        """What was answered to a stored command, None where there is no such command."""
        found = self._rows("SELECT answer FROM commands WHERE id = ?", (command_id,))
        return _answer(found[0][0]) if found else None

    def recover(self, profile: Profile) -> Engine:
        """The engine as of the last stored command: the newest snapshot, and the commands after it once more. Raises
        `Corrupted` where they no longer come to the same answers."""
        found = self._rows("SELECT command, state FROM snapshots ORDER BY command DESC LIMIT 1", ())
        since, engine = 0, Engine(profile)
        if found:
            since, engine = found[0][0], Engine.restore(profile, found[0][1])
        self.last_id, self._snapshot_id = self._number("SELECT max(id) FROM commands"), since
        for envelope, stored in self.commands(since):
            answer = engine.apply(envelope).answer
            if _decided(answer) != _decided(stored):
                message = f"command {envelope.id} of {self.path} was answered {stored}, and now comes to {answer}"
                raise Corrupted(message, hint="it was written by another version; make a new venue")
        return engine

    def commands(self, after_id: int = 0) -> Iterator[tuple[Envelope, Accepted | Rejected]]:
        """The stored commands after one, in order, each with its answer."""
        while rows := self._rows(
            "SELECT id, at_ns, user, command, answer FROM commands WHERE id > ? ORDER BY id LIMIT ?",
            (after_id, limits.BATCH_COMMANDS),
        ):
            for number, at_ns, user, command, answer in rows:
                envelope = Envelope(id=number, at_ns=at_ns, user=user, command=_decode_command(command))
                yield envelope, _answer(answer)
            after_id = rows[-1][0]

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _clear(self) -> None:
        self._commands: list[tuple[Any, ...]] = []
        self._users: list[tuple[int, str, str, int | None]] = []
        self._logins: list[tuple[str, int, str, str]] = []
        self._orders: dict[int, Sequence[Any]] = {}
        self._fills: list[Sequence[Any]] = []
        self._entries: list[Sequence[Any]] = []
        self._trades: list[Sequence[Any]] = []
        self._transfers: dict[tuple[bool, int], Sequence[Any]] = {}
        self._borrows: dict[int, Sequence[Any]] = {}
        self._movements: list[Sequence[Any]] = []
        self._repayments: list[Sequence[Any]] = []
        self._interest: list[Sequence[Any]] = []
        self._liquidations: list[Sequence[Any]] = []
        self._funding: list[Sequence[Any]] = []
        self._closed: list[Sequence[Any]] = []
        self._moves: list[Sequence[Any]] = []
        self._noted: list[Sequence[Any]] = []
        self._forced: list[Sequence[Any]] = []

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it is committed, or nothing. SQLite may have rolled back by itself already: where the disk is full."""
        with sqlite.translated(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")

    def _write(self, engine: Engine) -> None:
        many = self.connection.executemany
        many("INSERT INTO commands VALUES (?, ?, ?, ?, ?)", self._commands)
        if self._users or self._logins:
            many("INSERT INTO users VALUES (?, ?, ?, ?)", self._users)
            many("INSERT OR REPLACE INTO logins VALUES (?, ?, ?, ?)", self._logins)
        self._insert("orders", ORDER_COLUMNS, self._orders.values())
        spot = len(FILL_COLUMNS)
        self._insert("fills", FILL_COLUMNS, [row for row in self._fills if len(row) == spot])
        self._insert("fills", FILL_COLUMNS + POSITION_COLUMNS, [row for row in self._fills if len(row) > spot])
        self._insert("entries", ENTRY_COLUMNS, self._entries)
        self._insert("trades", TRADE_COLUMNS, self._trades)
        self._insert("transfers", TRANSFER_COLUMNS, self._transfers.values())
        self._insert("movements", MOVEMENT_COLUMNS, self._movements)
        self._insert("borrows", BORROW_COLUMNS, self._borrows.values())
        self._insert("repayments", REPAYMENT_COLUMNS, self._repayments)
        self._insert("interest", INTEREST_COLUMNS, self._interest)
        self._insert("liquidations", LIQUIDATION_COLUMNS, self._liquidations)
        self._insert("funding", FUNDING_COLUMNS, self._funding)
        self._insert("closed", CLOSED_COLUMNS, self._closed)
        self._insert("moves", (*MOVE_COLUMNS, "user"), self._moves)
        self._insert("noted", NOTED_COLUMNS, self._noted)
        self._insert("forced", FORCED_COLUMNS, self._forced)
        if self._trades:
            bars.add(self.connection, self._trades)
        if self.last_id - self._snapshot_id >= limits.SNAPSHOT_COMMANDS:
            self._save(engine)

    def _insert(self, table: str, columns: Sequence[str], rows: Collection[Sequence[Any]]) -> None:
        """Rows of orders, transfers and borrows replace what was stored of them before."""
        if not rows:
            return
        marks = ", ".join("?" * len(columns))
        how = "INSERT OR REPLACE" if table in ("orders", "transfers", "borrows") else "INSERT"
        sql = f"{how} INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        wide = [place for place, name in enumerate(columns) if name in _WIDE]
        self.connection.executemany(sql, (bars.stored(row, wide) for row in rows))

    def _save(self, engine: Engine) -> None:
        execute = self.connection.execute
        execute("INSERT INTO snapshots VALUES (?, ?)", (self.last_id, engine.snapshot()))
        execute(
            "DELETE FROM snapshots WHERE command NOT IN (SELECT command FROM snapshots ORDER BY command DESC LIMIT ?)",
            (limits.SNAPSHOTS_KEPT,),
        )
        self._snapshot_id = self.last_id

    def _rows(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        with sqlite.translated(self.path):
            return self.connection.execute(sql, values).fetchall()

    def _number(self, sql: str) -> int:
        return self._rows(sql, ())[0][0] or 0


def _answer(data: bytes) -> Accepted | Rejected:
    kept = _decode_answer(data)
    return Accepted(kept.ids) if kept.reason is None else Rejected(kept.reason, kept.detail)


def _decided(answer: Accepted | Rejected) -> Accepted | Refusal:
    """What an answer decides. The sentence of a refusal is for people: another version may word it otherwise."""
    return answer.reason if isinstance(answer, Rejected) else answer
