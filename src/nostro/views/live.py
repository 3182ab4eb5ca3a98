"""What is known of the accounts at this moment, and how far it can be trusted: the board behind ``nostro watch``. It
decides which of two tellings of a state is the newer, what changed, and whether an account is fresh, stale, unknown or
ended; how that looks on a terminal is ``screen.py``'s.

Two feed it, alone or together: the book, read again and again (``look.py``), and the events of who collects. Where no
events are told, an account is fresh while the newest state of it in the book is young and somebody collects it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import msgspec

from nostro.book.observed import joined
from nostro.domain.marks import FOLLOWS, differences
from nostro.domain.records import Balance, Fact, MarginSummary, Position
from nostro.domain.subjects import subject
from nostro.domain.values import EXACT, SECOND_NS, ZERO, quotient
from nostro.link.events import (
    AnyEvent,
    Deadline,
    Dropped,
    Ended,
    GapClosed,
    GapOpened,
    Resumed,
    Stale,
    Unreadable,
    Update,
)
from nostro.views.look import KINDS, Look
from nostro.views.view import moment, plain, record

DISTANCE: Final = "distance"
DISTANCE_DIGITS: Final = 2  # of a percentage; cut, so that none is shown larger than it is
FRESH_S: Final = 90  # without events: who collects keeps a state at least once a minute, however quiet the account
MARK_KEPT_S: Final = 10  # what follows from the mark price, where only what does not is told again
NOBODY: Final = "nobody follows it"
QUIET: Final = "nothing was heard of it"
_STAMPED: Final = frozenset({"observed", "effective", "page", "offset"})  # what a state seen once more differs in

Word = Literal["fresh", "stale", "unknown", "ended"]
Key = tuple[Any, ...]  # account, kind, and what the state is of


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How far an account can be trusted: ``word`` since ``since_ns`` (None where it is fresh or unknown), and ``why``.
    ``heard_ns``: when anything of its states was heard last, None for never. ``gap``: whether a gap is open now."""

    account: str
    exchange: str = ""
    word: Word = "unknown"
    since_ns: int | None = None
    heard_ns: int | None = None
    why: str = ""
    gap: bool = False
    open: int = 0
    breaks: int = 0
    followed: bool = True


class Change(NamedTuple):
    """A figure went up (1) or down (-1), at that time of our clock."""

    sign: int
    at_ns: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One state. ``seen_ns``: when it was last seen so; ``marked_ns``: when it was last told with what follows from the
    mark price. ``new_ns``: when it came to be, None where it was there from the start. ``changes``: of its figures, by
    their names."""

    key: Key
    fact: Fact
    seen_ns: int
    marked_ns: int
    new_ns: int | None = None
    changes: Mapping[str, Change] = {}


class _Account(msgspec.Struct, kw_only=True):
    """What is known of one account beside its states."""

    look: Look | None = None
    heard_ns: int = 0
    gap: tuple[int, str] | None = None
    stale: tuple[int, str] | None = None
    ended: tuple[int, str] | None = None
    note: str = ""


class Board:
    """All that is known. ``told``: whether the events of who collects are told; else only the book is read."""

    def __init__(self, accounts: Sequence[str] = (), *, told: bool = False) -> None:
        self.told = told
        self.trouble = ""  # why the book cannot be read now
        self._accounts: dict[str, _Account] = {name: _Account() for name in accounts}
        self._rows: dict[Key, Row] = {}
        self._deadlines: dict[tuple[str, str], Deadline] = {}

    def copied(self) -> Board:
        """The board as it is now, which nothing changes any more."""
        other = copy(self)
        accounts = {name: copy(each) for name, each in self._accounts.items()}
        vars(other).update(_accounts=accounts, _rows=dict(self._rows), _deadlines=dict(self._deadlines))
        return other

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────

    def rows(self, kind: str) -> Iterator[Row]:
        """The states of a kind, in no order."""
        return (row for row in self._rows.values() if row.fact.kind == kind)

    def deadlines(self) -> list[Deadline]:
        """The nearest first."""
        return sorted(self._deadlines.values(), key=lambda each: (each.deadline_ns, each.account, each.stream))

    def standings(self, now_ns: int) -> list[Standing]:
        """How far each account can be trusted, in the order in which they were named."""
        return [self._standing(name, each, now_ns) for name, each in self._accounts.items()]

    def _standing(self, name: str, known: _Account, now_ns: int) -> Standing:
        look = known.look
        followed = self.told or (look is not None and look.leased_ns > now_ns)
        word, since_ns, why = self._word(known, now_ns, followed=followed)
        return Standing(
            account=name, exchange=look.exchange if look else "", word=word, since_ns=since_ns,
            heard_ns=known.heard_ns or None, why=why or known.note, gap=known.gap is not None,
            open=look.open if look else 0, breaks=look.breaks if look else 0, followed=followed,
        )  # fmt: skip

    def _word(self, known: _Account, now_ns: int, *, followed: bool) -> tuple[Word, int | None, str]:
        if known.ended is not None:
            return "ended", *known.ended
        missing = [each for each in (known.gap, known.stale) if each is not None]
        if missing:
            return "stale", *min(missing)
        if not known.heard_ns:
            return "unknown", None, "" if followed else NOBODY
        if not self.told and not followed:
            return "stale", known.heard_ns, NOBODY
        if not self.told and now_ns - known.heard_ns > FRESH_S * SECOND_NS:
            return "stale", known.heard_ns, QUIET
        return "fresh", None, ""

    # ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, event: AnyEvent) -> None:
        """Takes in what who collects told."""
        known = self._accounts.setdefault(event.account, _Account())
        match event:
            case Update(fact=fact, at_ns=at_ns):
                known.heard_ns = max(known.heard_ns, at_ns)
                if fact.kind in KINDS:
                    self._see(event.account, fact, seen_ns=at_ns, new_ns=at_ns if known.look else None)
            case GapOpened(since_ns=since_ns, why=why):
                known.gap = (since_ns, why)
            case GapClosed():
                known.gap = None
            case Stale(since_ns=since_ns, why=why):
                known.stale = (since_ns, why)
            case Resumed(at_ns=at_ns):
                known.stale, known.heard_ns = None, max(known.heard_ns, at_ns)
            case Ended(at_ns=at_ns, why=why):
                known.ended = (at_ns, why)
            case Deadline():
                self._deadlines[event.account, event.stream] = event
            case Unreadable(why=why):
                known.note = f"a frame that cannot be read: {why}"
            case Dropped(count=count):
                known.note = f"{count:,} updates came too fast to be shown; they are kept"

    def put(self, looks: Mapping[str, Look], *, now_ns: int) -> None:
        """Takes in what the book says. What was told is newer than a page that was received before it."""
        for name, look in looks.items():
            known = self._accounts.setdefault(name, _Account())
            old, known.look = known.look, look
            known.heard_ns = max(known.heard_ns, look.heard_ns)
            if old is None or old.slow_ns != look.slow_ns:
                self._deadlines = {key: each for key, each in self._deadlines.items() if key[0] != name}
                self._deadlines |= {(name, each.stream): each for each in look.deadlines}
            if old is None or old.seq != look.seq:
                self._replace(name, look, new_ns=None if old is None else now_ns)

    def _replace(self, name: str, look: Look, *, new_ns: int | None) -> None:
        there = {_key(name, fact) for fact in look.facts}
        gone = [
            key for key, row in self._rows.items()
            if key[0] == name and key not in there and not (self.told and row.seen_ns > look.heard_ns)
        ]  # fmt: skip
        for key in gone:
            del self._rows[key]
        for fact in look.facts:
            self._see(name, fact, seen_ns=fact.observed_ns, new_ns=new_ns)

    def _see(self, name: str, fact: Fact, *, seen_ns: int, new_ns: int | None) -> None:
        key = _key(name, fact)
        old = self._rows.get(key)
        if old is None:
            self._rows[key] = Row(key=key, fact=fact, seen_ns=seen_ns, marked_ns=seen_ns, new_ns=new_ns)
        elif seen_ns >= old.seen_ns:
            self._rows[key] = _together(old, fact, seen_ns=seen_ns, now_ns=new_ns or seen_ns)


def _key(account: str, fact: Fact) -> Key:
    return (account, fact.kind, *subject(fact))


def _together(old: Row, fact: Fact, *, seen_ns: int, now_ns: int) -> Row:
    """A row and what is told of it later. What follows from the mark price is kept for a moment where it is not told
    once more: on some wires frames alone tell it, and answers come in between."""
    follows = FOLLOWS.get(fact.kind, frozenset())
    is_marked = all(getattr(fact, name) is not None or getattr(old.fact, name) is None for name in follows)
    both = joined(fact, old.fact)
    if not is_marked and seen_ns - old.marked_ns <= MARK_KEPT_S * SECOND_NS and not differences(fact, old.fact):
        kept = {name: getattr(old.fact, name) for name in follows if getattr(fact, name) is None}
        both = msgspec.structs.replace(both, **kept)
    changes = {**old.changes, **_changes(old.fact, both, at_ns=now_ns)}
    marked_ns = seen_ns if is_marked else old.marked_ns
    return Row(key=old.key, fact=both, seen_ns=seen_ns, marked_ns=marked_ns, new_ns=old.new_ns, changes=changes)


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def figure(fact: Fact, name: str) -> Any:
    """A member of a fact, or what is computed of it."""
    return distance(fact) if name == DISTANCE else getattr(fact, name)


def distance(fact: Fact) -> Decimal | None:
    """How far the mark price is from the liquidation price, in percent of the mark price; None where either is not
    known. |mark - liquidation| / mark, cut to two decimals."""
    if not isinstance(fact, Position):
        return None
    mark, liquidation = fact.mark_price, fact.liquidation_price
    if mark is None or mark <= 0 or liquidation is None or liquidation <= 0:
        return None
    apart = EXACT.abs(EXACT.subtract(mark, liquidation))
    return quotient(EXACT.multiply(apart, Decimal(100)), mark, digits=DISTANCE_DIGITS, rounding="ROUND_DOWN")


def value(fact: Fact) -> Decimal | None:
    """What a state is worth, as the exchange says: none where it does not."""
    match fact:
        case Balance(value=worth):
            return worth
        case MarginSummary(equity=equity):
            return equity
        case Position(notional=notional):
            return notional
    return None


def is_something(fact: Fact) -> bool:
    """Whether there is anything of it: a position of no size is none."""
    match fact:
        case Position(size=size):
            return bool(size)
        case Balance():
            return any((fact.total, fact.free, fact.used))
        case MarginSummary():
            return any((fact.equity, fact.balance, fact.available, fact.initial_margin, fact.maintenance_margin))
    return True


def _changes(old: Fact, new: Fact, *, at_ns: int) -> dict[str, Change]:
    """Which figures went up and which down, where both are known."""
    found = {}
    for name in (*new.__struct_fields__, *((DISTANCE,) if isinstance(new, Position) else ())):
        before, now = figure(old, name), figure(new, name)
        if isinstance(before, Decimal) and isinstance(now, Decimal) and before != now:
            found[name] = Change(1 if EXACT.subtract(now, before) > ZERO else -1, at_ns)
    return found


# ── for programs ─────────────────────────────────────────────────────────────────────────────────────────────────


class Statement(NamedTuple):
    """Something that the board says, as JSON has it, and how old that is."""

    said: dict[str, Any]
    age: dict[str, Any]


def statements(board: Board, now_ns: int) -> dict[Key, Statement]:
    """All that the board says, by what it is of. Who prints it prints what is not said yet."""
    found: dict[Key, Statement] = {}
    words: dict[str, str] = {}
    for each in board.standings(now_ns):
        said = {"what": "account", **record(each)}
        words[each.account] = each.word
        found[each.account, "account"] = Statement(said, {"heard": said.pop("heard")})
    for kind in KINDS:
        for row in board.rows(kind):
            said = {"what": kind, "account": row.key[0], **record(row.fact)}
            more = {DISTANCE: plain(distance(row.fact))} if kind == Position.kind else {}
            said = {name: each for name, each in (said | more).items() if name not in _STAMPED}
            found[row.key] = Statement(said, {"word": words[row.key[0]], "seen": moment(row.seen_ns)})
    for line in board.deadlines():
        said = {"what": "deadline", **record(line)}
        found[line.account, "deadline", line.stream] = Statement(said, {"at": said.pop("at")})
    return found
