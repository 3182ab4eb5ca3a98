"""What a book says of its accounts at this moment, read again and again. It decides what is read anew: nothing of an
account whose chain stands where it stood, its states where it moved, and only now and then what is dear to read
(coverage, breaks, deadlines). What becomes of that is the board's (``live.py``).

A state that moves with the mark price alone is kept once a minute (live 8), and its frames always: where there are
frames, they are read too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from nostro.book.observed import joined
from nostro.book.retention import deadlines
from nostro.domain.records import Balance, Fact, MarginSummary, Position, stamped
from nostro.domain.subjects import subject
from nostro.domain.values import SECOND_NS
from nostro.link import segment
from nostro.link.events import Deadline
from nostro.views.breaks import lives_of
from nostro.views.coverage import of_account
from nostro.views.view import CoverageLine

if TYPE_CHECKING:
    from nostro.book.book import Book, Chain
    from nostro.link.declare import Exchange

KINDS: Final = (Position.kind, MarginSummary.kind, Balance.kind)
CAPABILITIES: Final = ("positions", "margin", "balances")  # that tell them
RECENT_S: Final = 120  # of the journal, at the first look: twice what lies between two kept states of a quiet account
SLOW_S: Final = 10  # between two readings of what is dear to read
RESTING_S: Final = 60  # the same where the chain did not move
TAIL_S: Final = 600  # the young end of a history is open until somebody looks: by then ten looks were missed
_SLOW: Final = ("slow_seq", "slow_ns", "open", "breaks", "deadlines")


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What the book held of an account when it was read. ``seq``: its last page. ``leased_ns``: until when somebody
    collects it. ``heard_ns``: when the newest answer or frame of its states was received, 0 for never. ``facts``: its
    states, observed when they were last seen so. As of ``slow_ns``, when the chain ended at ``slow_seq``: ``open``
    intervals of its histories (not their young ends), ``breaks`` that are open, ``deadlines``."""

    account: str
    exchange: str
    seq: int
    leased_ns: int
    heard_ns: int
    facts: tuple[Fact, ...]
    slow_seq: int = -1
    slow_ns: int = 0
    open: int = 0
    breaks: int = 0
    deadlines: tuple[Deadline, ...] = ()


def looks(book: Book, accounts: Sequence[str], *, before: Mapping[str, Look], now_ns: int) -> dict[str, Look]:
    """What the book says now of those accounts, of all where none is named. ``before``: what this gave the last
    time."""
    chains = [chain for chain in book.chains() if not accounts or chain.account in accounts]
    return {chain.account: _looked(book, chain, old=before.get(chain.account), now_ns=now_ns) for chain in chains}


def _looked(book: Book, chain: Chain, *, old: Look | None, now_ns: int) -> Look:
    look = old if old is not None and old.seq == chain.seq else _states(book, chain, old=old, now_ns=now_ns)
    rested_s = SLOW_S if look.seq != look.slow_seq else RESTING_S
    if now_ns - look.slow_ns >= rested_s * SECOND_NS:
        look = _slow(book, look, now_ns=now_ns)
    return msgspec.structs.replace(look, leased_ns=chain.expires_ns)


def _slow(book: Book, look: Look, *, now_ns: int) -> Look:
    lines = of_account(book, look.account, now_ns=now_ns)
    lives = lives_of(book, look.account)
    near = deadlines(book, look.account, now_ns=now_ns)
    return msgspec.structs.replace(
        look, slow_seq=look.seq, slow_ns=now_ns, open=sum(_is_open(line, now_ns) for line in lines),
        breaks=sum(life.state == "open" for life in lives), deadlines=tuple(near),
    )  # fmt: skip


def _is_open(line: CoverageLine, now_ns: int) -> bool:
    is_young = line.until_ns >= now_ns and now_ns - line.since_ns < TAIL_S * SECOND_NS
    return line.status == "open" and not is_young


def _states(book: Book, chain: Chain, *, old: Look | None, now_ns: int) -> Look:
    """The states as the book has them, and as the frames that came since say."""
    account, spoken = chain.account, book.exchange(chain.account)
    recent_ns = now_ns - RECENT_S * SECOND_NS
    after_seq = book.head_seq(account, known_at_ns=recent_ns) if old is None else old.seq
    told = [fact for kind in KINDS for fact in book.latest_states(kind, account)]
    states = {(fact.kind, *subject(fact)): fact for fact in told}
    for fact in _framed(book, account, spoken=spoken, after_seq=after_seq):
        key = (fact.kind, *subject(fact)) if fact.kind in KINDS else ()
        if key in states and states[key].observed_ns < fact.observed_ns:
            states[key] = joined(fact, states[key])
    slow = {} if old is None else {name: getattr(old, name) for name in _SLOW}
    return Look(
        account=account, exchange=spoken.id, seq=chain.seq, leased_ns=chain.expires_ns, facts=tuple(states.values()),
        heard_ns=_heard_ns(book, account, spoken=spoken), **slow,
    )  # fmt: skip


def _heard_ns(book: Book, account: str, *, spoken: Exchange) -> int:
    """When the newest frame or answer came. Of an account that has nothing no state says so."""
    names = [ask.name for capability in CAPABILITIES for ask in spoken.asks_for(capability)]
    return max(book.heard(account, stream=name) or 0 for name in (segment.FEED, *names))


def _framed(book: Book, account: str, *, spoken: Exchange, after_seq: int) -> Iterator[Fact]:
    """The facts of the frames behind a page, in their order, stamped."""
    if spoken.feed is None:
        return
    for entered in book.journal(account, stream=segment.FEED, after_seq=after_seq):
        for reading in segment.read(spoken.feed, entered.page):
            for fact in reading.facts:
                yield stamped(
                    fact, exchange=spoken.id, account=account, observed_ns=entered.observed_ns, page=entered.seq
                )
