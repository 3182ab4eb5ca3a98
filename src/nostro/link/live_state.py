"""What an account has and what is open, as far as it is known now: the present of an account that is followed, made of
frames and answers as they come. It decides what of them is new, what is gone, and where frames and answers disagree; it
holds no connection, reads no clock, and what is done about a disagreement is decided in ``live.py``.

Nothing here is stored: a book has what its pages say (``book/``), this is for whoever watches.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from nostro import limits
from nostro.domain.contracts import MarginSummary, Position
from nostro.domain.fact import Balance, Fact
from nostro.domain.marks import differences
from nostro.domain.records import Loan, Order
from nostro.domain.subjects import SUBJECTS, Subject, is_empty, subject
from nostro.domain.values import SECOND_NS, ZERO
from nostro.link.segment import Reading
from nostro.link.told import Told

OPEN_ORDERS: Final = "open_orders"  # the state that holds every open order, where answers show it
ORDERS: Final = "orders"


class Doubt(NamedTuple):
    """A state of which an answer says something else than was known: ``said`` is what, None where it is gone."""

    stream: str
    subject: Subject
    said: Fact | None


class Known(msgspec.Struct):
    """A state: ``frame`` counts the frames up to the one that told it, 0 where an answer did."""

    fact: Fact
    frame: int


class LiveState:
    """The present of one account. ``fed``: the streams that its feed tells (`Feed.states`, and ``orders`` where it
    tells them). Times are of our clock, ns.

    ``seen_ns``: by stream, the moment of which what is shown is known to be so. ``heard_ns``: the last frame.
    ``stale_since_ns``: from when on something is missing, None while nothing is; ``why``: in words. ``ended``: why it
    is not followed any more, "" while it is. ``lost``: orders that an answer shows open no more, and whose end nobody
    told; who asks for it takes them."""

    def __init__(self, account: str, fed: frozenset[str] = frozenset()) -> None:
        self.account = account
        self.fed = fed
        self.frames = 0
        self.seen_ns: dict[str, int] = {}
        self.heard_ns: int | None = None
        self.stale_since_ns: int | None = None
        self.why = ""
        self.ended = ""
        self._states: dict[str, dict[Subject, Known]] = {}
        self._touched: OrderedDict[tuple[str, Subject], int] = (
            OrderedDict()
        )  # by the number of the frame that told it last
        self._streams: dict[str, int] = {}  # the frame that told of a stream last
        self._whole: dict[str, int] = {}  # the frame that named all of a stream last
        self._begun: set[str] = set()  # streams of which a snapshot named all that its frames will tell
        self._connected = 0  # the frame before the connection's first one
        self._accounts: frozenset[str] | None = None
        self._told = Told()
        self.lost: dict[str, Order] = {}
        self._asked: set[str] = set()  # sub-accounts that answers speak of

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────

    def of(self, stream: str) -> list[Fact]:
        """The states of a stream (balances, margin, positions, loans), in the order in which they were first told."""
        return [known.fact for known in self._states.get(stream, {}).values()]

    @property
    def streams(self) -> tuple[str, ...]:
        """The states of which anything is known."""
        return tuple(self._states)

    @property
    def orders(self) -> Mapping[str, Order]:
        """Every open order, by its id."""
        return self._told.orders

    def age_s(self, stream: str, now_ns: int) -> float | None:
        """How old what is shown of a stream may be, seconds; None where nothing was ever told of it."""
        seen_ns = self.seen_ns.get(stream)
        return None if seen_ns is None else max(0, now_ns - seen_ns) / SECOND_NS

    # ── what frames say ──────────────────────────────────────────────────────────────────────────────────────────

    def connect(self, accounts: frozenset[str] | None) -> None:
        """A connection begins: its frames tell of these sub-accounts, None for all."""
        self._connected, self._accounts = self.frames, accounts
        self._begun.clear()

    def covers(self, fact: Fact) -> bool:
        """Whether this connection tells of the fact's sub-account."""
        return self._accounts is None or fact.sub_account in self._accounts

    def is_fed(self, stream: str, fact: Fact) -> bool:
        """Whether this connection tells of a state: of its stream, its sub-account, and, where a snapshot began it,
        whether that named it. Of orders it tells whether they are open."""
        if stream not in self.fed or not self.covers(fact):
            return False
        if stream not in self._begun or fact.kind not in SUBJECTS:
            return True
        return self.frame_of(stream, subject(fact)) > self._connected

    def hear(self, reading: Reading, now_ns: int, *, numbered: bool, begins: bool = False) -> list[Fact]:
        """Takes in what a frame says of a stream; gives the facts that say something new. Where frames are not
        ``numbered``, only their times say which of two is the later one. ``begins``: it is a snapshot."""
        self.frames += 1
        if begins:
            self._begun.add(reading.stream)
        self.seen_ns[reading.stream] = now_ns
        self._streams[reading.stream] = self.frames
        states = [fact for fact in reading.facts if fact.kind in SUBJECTS]
        rows = [fact for fact in reading.facts if fact.kind not in SUBJECTS]
        new = [fact for fact in states if self._hear_state(reading.stream, fact, numbered=numbered)]
        if reading.whole:
            self._whole[reading.stream] = self.frames
            named = {subject(fact) for fact in states}
            new += self._drop(reading.stream, [of for of in self._states.get(reading.stream, {}) if of not in named])
        for row in rows:
            if isinstance(row, Order):
                self._touch(ORDERS, (row.native_id,))
        return new + self._told.take(rows)

    def _hear_state(self, stream: str, fact: Fact, *, numbered: bool) -> bool:
        """Whether it says something new."""
        of = subject(fact)
        held = self._states.setdefault(stream, {})
        known = held.get(of)
        if known is not None and known.frame and not numbered and is_earlier(fact, known.fact):
            return False
        self._touch(stream, of)
        if isinstance(fact, Position) and not fact.size:
            return held.pop(of, None) is not None  # it is closed
        held[of] = Known(fact, self.frames)
        return known is None or not _says_same(fact, known.fact)

    def _touch(self, stream: str, of: Subject) -> None:
        self._touched[stream, of] = self.frames
        self._touched.move_to_end((stream, of))
        if len(self._touched) > limits.ROWS_TOLD:
            self._touched.popitem(last=False)

    def _drop(self, stream: str, gone: Iterable[Subject]) -> list[Fact]:
        """These are gone."""
        held = self._states.setdefault(stream, {})
        left = [emptied(held.pop(of).fact) for of in gone]
        return [fact for fact in left if fact is not None]

    # ── what answers say ─────────────────────────────────────────────────────────────────────────────────────────

    def answer(
        self, stream: str, facts: Sequence[Fact], *, since_frame: int, now_ns: int, unfed: bool = False
    ) -> list[Fact]:
        """Takes in an answer that shows all of a state, asked for when ``since_frame`` frames had been heard; what a
        frame told since holds. Gives the facts that say something new. ``unfed``: only what frames do not tell."""
        self._asked |= {fact.sub_account for fact in facts}
        if not unfed:
            self.confirm(stream, now_ns)
        if stream == OPEN_ORDERS:
            return self._answer_orders(facts, since_frame, unfed=unfed)
        held = self._states.setdefault(stream, {})
        new: list[Fact] = []
        for fact in facts:
            of = subject(fact)
            if (unfed and self.is_fed(stream, fact)) or self.frame_of(stream, of) > since_frame:
                continue
            known = held.get(of)
            if known is not None and self.frame_of(stream, of) > self._connected and not differences(fact, known.fact):
                continue  # the frame knows more
            held[of] = Known(fact, 0)
            if known is None or not _says_same(fact, known.fact):
                new.append(fact)
        gone = self._unnamed(stream, facts, since_frame)
        return new + self._drop(stream, [of for of in gone if not (unfed and self.is_fed(stream, held[of].fact))])

    def _answer_orders(self, facts: Sequence[Fact], since_frame: int, *, unfed: bool) -> list[Fact]:
        for doubt in self._order_doubts(facts, since_frame):
            name = str(doubt.subject[0])
            if doubt.said is None and not (unfed and self.is_fed(ORDERS, self.orders[name])):
                self.lost[name] = self._told.close(name)
        return self._told.take(fact for fact in facts if not (unfed and self.is_fed(ORDERS, fact)))

    def doubts(self, stream: str, facts: Sequence[Fact], *, since_frame: int) -> list[Doubt]:
        """Where an answer that shows all of a state differs from what frames tell of it, in what does not follow from
        the mark price, and no frame told of it since it was asked for."""
        if stream == OPEN_ORDERS:
            found = self._order_doubts(facts, since_frame)
            return [each for each in found if self.is_fed(ORDERS, each.said or self.orders[str(each.subject[0])])]
        held = self._states.get(stream, {})
        found = []
        for fact in facts:
            known = held.get(subject(fact))
            differs = not _is_empty(fact) if known is None else bool(differences(fact, known.fact))
            if differs and self.frame_of(stream, subject(fact)) <= since_frame and self.is_fed(stream, fact):
                found.append(Doubt(stream, subject(fact), fact))
        gone = [of for of in self._unnamed(stream, facts, since_frame) if not _is_empty(held[of].fact)]
        return found + [Doubt(stream, of, None) for of in gone if self.is_fed(stream, held[of].fact)]

    def confirm(self, stream: str, now_ns: int) -> None:
        """An answer agrees with what is known."""
        self.seen_ns[ORDERS if stream == OPEN_ORDERS else stream] = now_ns

    def rows(self, facts: Sequence[Fact]) -> list[Fact]:
        """Takes in rows of a history; gives those that say something new."""
        return self._told.take(facts)

    def knows(self, fact: Fact) -> bool:
        """Whether anything told this row of a history before."""
        return self._told.knows(fact)

    def _order_doubts(self, facts: Sequence[Fact], since_frame: int) -> list[Doubt]:
        listed = {fact.native_id or "": fact for fact in facts if isinstance(fact, Order)}
        found = [
            Doubt(ORDERS, (name,), order)
            for name, order in listed.items()
            if name not in self.orders or order.filled not in (None, self.orders[name].filled)
        ]
        found += [
            Doubt(ORDERS, (name,), None)
            for name, order in self.orders.items()
            if name not in listed and order.sub_account in self._asked
        ]
        return [each for each in found if self.frame_of(ORDERS, each.subject) <= since_frame]

    def _unnamed(self, stream: str, facts: Sequence[Fact], since_frame: int) -> list[Subject]:
        """What is held of a state, and an answer that shows all of it leaves out: of the sub-accounts that answers
        speak of."""
        named = {subject(fact) for fact in facts}
        return [
            of
            for of, known in self._states.get(stream, {}).items()
            if of not in named
            and self.frame_of(stream, of) <= since_frame
            and (not known.frame or known.fact.sub_account in self._asked)
        ]

    def frame_of(self, stream: str, of: Subject | None = None) -> int:
        """The number of the last frame that told of a stream, or of one state in it, if only by leaving it out."""
        if of is None:
            return self._streams.get(ORDERS if stream == OPEN_ORDERS else stream, 0)
        return max(self._touched.get((stream, of), 0), self._whole.get(stream, 0))


def emptied(fact: Fact) -> Fact | None:
    """What is left to say of a state that is gone: that there is nothing; None where that has no words."""
    if isinstance(fact, Position):
        return Position(
            exchange=fact.exchange, account=fact.account, observed_ns=fact.observed_ns, sub_account=fact.sub_account,
            wallet=fact.wallet, instrument=fact.instrument, side=fact.side, size=ZERO, currency=fact.currency,
        )  # fmt: skip
    if isinstance(fact, Balance):
        return msgspec.structs.replace(
            fact, total=ZERO, free=ZERO, used=ZERO, value=None, collateral_value=None, transferable=None,
            unrealized_pnl=None,
        )  # fmt: skip
    if isinstance(fact, Loan):
        return msgspec.structs.replace(fact, principal=ZERO, interest=ZERO)
    return None


def _is_empty(fact: Fact) -> bool:
    """Whether a state says that there is nothing, as well as by being left out; a summary may be left out too."""
    return is_empty(fact) or isinstance(fact, MarginSummary)


def is_earlier(fact: Fact, known: Fact) -> bool:
    """Whether a state that a frame tells is an earlier one than that of another frame."""
    said, knew = (getattr(each, "updated_ns", None) or each.effective_ns or 0 for each in (fact, known))
    return bool(said < knew)


def _says_same(fact: Fact, known: Fact) -> bool:
    """Whether two facts are the same but for their stamps and times."""
    times = {"updated_ns": known.updated_ns} if isinstance(known, Balance | Position) else {}
    at_once = msgspec.structs.replace(
        fact, exchange=known.exchange, account=known.account, observed_ns=known.observed_ns, page=known.page,
        offset=known.offset, effective_ns=known.effective_ns, **times,
    )  # fmt: skip
    return bool(at_once == known)
