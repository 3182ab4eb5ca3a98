"""The rows that a book holds, and under which names. It decides which held row a row of a page is; what follows from
that (a new version, a finding) is the fold's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from nostro.book import alias
from nostro.domain.records import restore
from nostro.domain.values import SECOND_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nostro.book.identity import Row
    from nostro.book.store import Store
    from nostro.domain.records import Fact

_COLUMNS: Final = "identity, version, vanished, effective_ns, row_offset, native, digest, content, unsettled, seq"


class Held(msgspec.Struct):
    """The latest version of a row. ``native``: whether its identity is the exchange's own id; ``unsettled``: what its
    record says (``keeping.py``); ``seq``: the page that said so."""

    identity: bytes
    version: int
    vanished: bool
    effective_ns: int
    row_offset: int
    native: bool
    digest: bytes
    content: bytes
    unsettled: int
    seq: int


class HeldRows:
    """The latest versions of rows and their aliases, through one connection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._namings: dict[tuple[int, str], set[bool]] = {}

    def forget(self) -> None:
        """Drops what is kept in memory."""
        self._namings.clear()

    def latest(self, account: int, identities: Iterable[bytes]) -> dict[bytes, Held]:
        """Those of the identities that are held."""
        query = f"SELECT {_COLUMNS} FROM record WHERE account = ? AND identity = ? ORDER BY version DESC LIMIT 1"
        return {row[0]: _held(row) for row in self._store.engine.each(query, (account,), keys=identities)}

    def by_histories(self, account: int, latest: Held) -> Held | None:
        """The latest version of a row that a history told, None where none did."""
        query = (
            f"SELECT {_COLUMNS} FROM record WHERE account = ? AND identity = ? AND unsettled < 2"
            " ORDER BY version DESC LIMIT 1"
        )
        found = self._store.engine.row(query, (account, latest.identity))
        return None if found is None else _held(found)

    def live(
        self, account: int, stream: str, *, kind: str, since_ns: int, until_ns: int, also: str = "",
        values: tuple[int, ...] = (),
    ) -> list[Held]:  # fmt: skip
        """The rows of a stream with a time in [since_ns, until_ns) that have not vanished, in the order of time."""
        columns = ", ".join(f"r.{column}" for column in _COLUMNS.split(", "))
        query = (
            f"SELECT {columns} FROM record r WHERE r.account = ? AND r.kind = ? AND r.effective_ns >= ?"
            f" AND r.effective_ns < ? AND r.stream = ? AND r.vanished = 0{also} AND NOT EXISTS (SELECT 1 FROM record n"
            " WHERE n.account = r.account AND n.identity = r.identity AND n.version = r.version + 1)"
            " ORDER BY r.effective_ns, r.seq, r.row_offset"
        )
        words = self._store.words
        bounds = (account, words.number(kind), since_ns, until_ns, words.number(stream), *values)
        return [_held(row) for row in self._store.engine.all(query, bounds)]

    # ── names ────────────────────────────────────────────────────────────────────────────────────────────────────

    def resolve(self, account: int, stream: str, *, seq: int, rows: Sequence[Row], held: dict[bytes, Held]) -> bool:
        """Gives each row of page ``seq`` the identity under which it is kept, and adds those to ``held``. Whether the
        stream's rows have been named in both ways, with native ids and without."""
        namings = self._naming(account, stream)
        for native in {row.native for row in rows} - namings:
            named = (account, self._store.words.number(stream), int(native))
            self._store.engine.insert("naming", [named])
            namings.add(native)
        if len(namings) == 1:
            return False
        missing = [row for row in rows if row.identity not in held]
        self.follow(account, missing, held=held)
        self._pair(account, stream, seq=seq, rows=[row for row in missing if row.target == row.identity], held=held)
        return True

    def _naming(self, account: int, stream: str) -> set[bool]:
        key = (account, stream)
        if key not in self._namings:
            query = "SELECT native FROM naming WHERE account = ? AND stream = ?"
            found = self._store.engine.all(query, (account, self._store.words.number(stream)))
            self._namings[key] = {bool(row[0]) for row in found}
        return self._namings[key]

    def follow(self, account: int, rows: Sequence[Row], *, held: dict[bytes, Held]) -> None:
        """Rows that are known under an alias."""
        query = "SELECT identity, target FROM alias WHERE account = ? AND identity = ?"
        found = self._store.engine.each(query, (account,), keys=[row.identity for row in rows])
        targets: dict[bytes, bytes] = dict(found)
        for row in rows:
            row.target = targets.get(row.identity, row.identity)
        held.update(self.latest(account, [target for target in targets.values() if target not in held]))

    def _pair(self, account: int, stream: str, *, seq: int, rows: Sequence[Row], held: dict[bytes, Held]) -> None:
        """Rows that are held under their other name, and get an alias now."""
        for native in (True, False):
            unnamed = [row for row in rows if row.native is native and row.fact.kind in alias.MATCHED]
            if not unnamed:
                continue
            kind = unnamed[0].fact.kind
            there = {found.identity: found for found in self._unaliased(account, stream, unnamed, native=not native)}
            candidates = [
                alias.Candidate(found.identity, found.effective_ns, restore(kind, found.content))
                for found in there.values()
            ]
            for row, candidate in alias.match(unnamed, candidates):
                row.target = candidate.identity
                held[row.target] = there[row.target]
                self._store.engine.insert("alias", [(account, row.identity, row.target, seq)])

    def _unaliased(self, account: int, stream: str, rows: Sequence[Row], *, native: bool) -> list[Held]:
        """The live rows of the stream, named the other way and by no alias, in the seconds of these rows."""
        seconds = {row.effective_ns // SECOND_NS for row in rows}
        also = (
            " AND r.native = ? AND NOT EXISTS (SELECT 1 FROM alias a"
            " WHERE a.account = r.account AND a.target = r.identity)"
        )
        found = self.live(
            account, stream, kind=rows[0].fact.kind, since_ns=min(seconds) * SECOND_NS,
            until_ns=(max(seconds) + 1) * SECOND_NS, also=also, values=(int(native),),
        )  # fmt: skip
        return [row for row in found if row.effective_ns // SECOND_NS in seconds]

    def has_two_names(self, account: int, row: Row, *, old: Fact) -> bool:
        """Whether a row that is held as ``old`` is known with a native id and without."""
        if row.target != row.identity or (old.native_id is None) != (row.fact.native_id is None):
            return True
        query = "SELECT 1 FROM alias WHERE account = ? AND target = ?"
        return self._store.engine.value(query, (account, row.target)) is not None


def _held(row: tuple[bytes, int, int, int, int, int, bytes, bytes, int, int]) -> Held:
    identity, version, vanished, effective_ns, row_offset, native, digest, content, unsettled, seq = row
    return Held(
        identity, version, bool(vanished), effective_ns, row_offset, bool(native), digest, content, unsettled, seq
    )
