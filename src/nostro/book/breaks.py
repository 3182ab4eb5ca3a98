"""Breaks: a reported and a computed thing that differ, kept as a value, and its life. It decides what a break is,
what makes it the same break tomorrow, and how its life follows from pages of routes of ours; it does not decide what
differs (``checks/``) and keeps nothing itself.

A break is *open* from the judgement that found it. It is *explained* by the judgement that no longer finds it,
*accepted* by a person with a reason, and *reopened* by a person, or because it came back or changed after it was
accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, Literal

import msgspec

from nostro.domain.records import Fact
from nostro.errors import BadValue

RECONCILED: Final = "nostro:reconciled"
DECISION: Final = "nostro:decision"

State = Literal["open", "explained", "accepted"]
Happening = Literal["opened", "changed", "explained", "accepted", "reopened"]


class Scope(msgspec.Struct, frozen=True, order=True):
    """What a check looks at. ``subject``: an asset or an instrument; ``side`` only where buys and sells are told
    apart."""

    account: str = ""
    sub_account: str = ""
    wallet: str = ""
    subject: str = ""
    side: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.account, self.sub_account, self.wallet, self.subject, self.side) if part)


class Hypothesis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may have happened. ``amount`` and ``held``: of the row that would explain the break; the interval where it
    would have to lie; ``rows`` that it speaks of."""

    name: str
    text: str
    amount: Decimal | None = None
    held: Decimal | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    rows: tuple[str, ...] = ()


class Break(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One difference. ``name`` says what it looks like (missing_row, doubled_row, ...); [``since_ns``, ``until_ns``] is
    the smallest closed interval that contains its cause. ``missing``: what would have to be added to the facts for the
    check to tie, signed, in units of the scope's subject (base units for an instrument); ``held_missing`` the same
    for the held part. ``rows``: the ids of the rows that show it, ``pages`` the pages they stand on. ``hypotheses``:
    the likeliest first."""

    id: str
    check: str
    name: str
    scope: Scope
    since_ns: int
    until_ns: int
    expected: Decimal | None = None
    actual: Decimal | None = None
    missing: Decimal | None = None
    held_missing: Decimal | None = None
    rows: tuple[str, ...] = ()
    pages: tuple[int, ...] = ()
    text: str = ""
    hypotheses: tuple[Hypothesis, ...] = ()


def identify(check: str, scope: Scope, *, anchor: str) -> str:
    """The id of a break: the same for the same check, scope and anchor (a row's id, or where its interval starts),
    whatever else is learned about it later. 12 hexadecimal digits."""
    parts = (check, scope.account, scope.sub_account, scope.wallet, scope.subject, scope.side, anchor)
    return hashlib.sha256(_ENCODER.encode(parts)).hexdigest()[:12]


# ── pages of ours ────────────────────────────────────────────────────────────────────────────────────────────────


class Closed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A break that is no longer found, and the pages whose facts reached its interval since the last judgement."""

    id: str
    pages: tuple[int, ...] = ()


class Judged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a ``nostro:reconciled`` page: what changed among the breaks when the pages up to ``seq`` were judged
    with this ``reader``. ``opened``: breaks that are new or differ from their last value."""

    seq: int
    reader: int
    opened: tuple[Break, ...] = ()
    explained: tuple[Closed, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a ``nostro:decision`` page: what a person decided about one break, and why."""

    break_id: str
    action: Literal["accept", "reopen"]
    author: str
    reason: str


# `str`: a wallet may be a word of the wire that is none of ours.
_ENCODER: Final = msgspec.json.Encoder(decimal_format="string", order="deterministic", enc_hook=str)
_JUDGED: Final = msgspec.json.Decoder(Judged)
_DECISION: Final = msgspec.json.Decoder(Decision)


def encode(body: Judged | Decision) -> bytes:
    """The canonical bytes of a page's body."""
    return _ENCODER.encode(body)


def judge(
    unexplained: Mapping[str, Break],
    found: Iterable[Break],
    *,
    seq: int,
    reader: int,
    arrived: Iterable[Fact] = (),
) -> bytes | None:
    """The body of the judgement that turns ``unexplained`` (breaks open or accepted, by id) into ``found``; None where
    nothing changed, so that judging again writes nothing. ``arrived``: the facts learned since the last judgement."""
    now = {each.id: each for each in found}
    opened = tuple(each for each in now.values() if unexplained.get(each.id) != each)
    gone = [each for each in unexplained.values() if each.id not in now]
    if not opened and not gone:
        return None
    facts = list(arrived) if gone else []
    explained = tuple(Closed(each.id, _closing_pages(each, facts)) for each in sorted(gone, key=lambda each: each.id))
    in_order = tuple(sorted(opened, key=lambda each: (each.since_ns, each.id)))
    return encode(Judged(seq=seq, reader=reader, opened=in_order, explained=explained))


def _closing_pages(closed: Break, facts: Iterable[Fact]) -> tuple[int, ...]:
    reached = (
        fact.page
        for fact in facts
        if fact.effective_ns is not None and closed.since_ns <= fact.effective_ns <= closed.until_ns
    )
    return tuple(sorted(set(reached)))


def decide(lives: Mapping[str, BreakLife], decision: Decision) -> bytes:
    """The body of a decision, where it makes sense for that break now. Raises `BadValue`."""
    life = lives.get(decision.break_id)
    if life is None:
        raise BadValue(f"there is no break {decision.break_id!r}", hint="`nostro breaks` lists them")
    needed: State = "open" if decision.action == "accept" else "accepted"
    if life.state != needed:
        raise BadValue(
            f"break {decision.break_id} is {life.state}, only one that is {needed} can be {decision.action}ed",
            hint=f"`nostro breaks show {decision.break_id}` shows its life",
        )
    if not decision.author.strip() or not decision.reason.strip():
        raise BadValue(f"the {decision.action} of break {decision.break_id} lacks an author or a reason")
    return encode(decision)


# ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A page of one of the two routes: its sequence number, when it was written, its route and its body."""

    page: int
    at_ns: int
    route: str
    body: bytes


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a life: what happened, when, on which page; who and why, where a person did it; which pages
    explained it, where facts did."""

    what: Happening
    at_ns: int
    page: int
    author: str = ""
    reason: str = ""
    pages: tuple[int, ...] = ()


class BreakLife(msgspec.Struct, frozen=True, kw_only=True):
    """A break's latest value, its state and every step that led there."""

    value: Break
    state: State
    events: tuple[Event, ...]


def lives(notes: Iterable[Note], *, known_at_ns: int | None = None) -> dict[str, BreakLife]:
    """Every break's life by id, folded from the pages written by ``known_at_ns`` (inclusive; None: all), which come in
    the order of the chain. A decision on an unknown break, or one that changes nothing, is passed over."""
    known: dict[str, BreakLife] = {}
    for note in notes:
        if known_at_ns is not None and note.at_ns > known_at_ns:
            continue
        if note.route == RECONCILED:
            _fold_judged(known, note, _JUDGED.decode(note.body))
        elif note.route == DECISION:
            _fold_decision(known, note, _DECISION.decode(note.body))
    return known


def unexplained(known: Mapping[str, BreakLife]) -> dict[str, Break]:
    """The breaks that a judgement must find again or explain: those open or accepted."""
    return {life.value.id: life.value for life in known.values() if life.state != "explained"}


def _fold_judged(known: dict[str, BreakLife], note: Note, judged: Judged) -> None:
    for value in judged.opened:
        life = known.get(value.id)
        what: Happening = "opened" if life is None else "changed" if life.state == "open" else "reopened"
        event = Event(what=what, at_ns=note.at_ns, page=note.page)
        events = (event,) if life is None else (*life.events, event)
        known[value.id] = BreakLife(value=value, state="open", events=events)
    for closed in judged.explained:
        life = known.get(closed.id)
        if life is not None:
            event = Event(what="explained", at_ns=note.at_ns, page=note.page, pages=closed.pages)
            known[closed.id] = BreakLife(value=life.value, state="explained", events=(*life.events, event))


def _fold_decision(known: dict[str, BreakLife], note: Note, decision: Decision) -> None:
    life = known.get(decision.break_id)
    needed, state, what = _DECISIONS[decision.action]
    if life is None or life.state != needed:
        return
    event = Event(what=what, at_ns=note.at_ns, page=note.page, author=decision.author, reason=decision.reason)
    known[decision.break_id] = BreakLife(value=life.value, state=state, events=(*life.events, event))


_DECISIONS: Final[Mapping[str, tuple[State, State, Happening]]] = {
    "accept": ("open", "accepted", "accepted"),
    "reopen": ("accepted", "open", "reopened"),
}
