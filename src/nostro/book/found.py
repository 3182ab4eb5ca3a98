"""Where the fold stands, and what it finds there: one page of one account, what is to be written of it, what a person
should know. It decides nothing; the fold and its parts fill it in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from nostro.book.pages import OURS
from nostro.domain.subjects import Subject
from nostro.link.segment import FEED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nostro.book import sums
    from nostro.book.engine import Values
    from nostro.book.held import Held
    from nostro.book.identity import Row
    from nostro.book.store import AccountRow, Head
    from nostro.link.declare import Ask, Exchange, Page, Stream


class Finding(NamedTuple):
    """Something about a page that a person should know: ``what`` is late (a new row in an interval that was proven),
    changed (of a row that no longer changes, or that frames and histories tell otherwise), vanished (from a complete
    re-read, or never in the history that frames told it of), unknown (a token of the wire), quarantined (a page that
    cannot be read), unreadable (frames of a page) or unproven (a claim whose pages were not all readable)."""

    account: str
    seq: int
    what: str
    stream: str
    kind: str
    effective_ns: int
    row_offset: int
    detail: str


class Counts(msgspec.Struct):
    """What pages added. ``confirmed``: rows that frames and histories both tell, the first time that the other did, or
    where one adds to the other. ``late`` rows are counted among the new or confirmed ones, ``aliased`` rows and those
    of which only the time is known more narrowly (``narrowed``) among none of the others."""

    new: int = 0
    changed: int = 0
    repeated: int = 0
    confirmed: int = 0
    aliased: int = 0
    narrowed: int = 0
    late: int = 0
    vanished: int = 0


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """What an append did: the new head; how many rows were new, changed, repeated, vanished, told by frames and
    histories both (``confirmed``) or known under another name (``aliased``), of how many the time is known more
    narrowly (``narrowed``); how many lay in an interval that was proven (``late``); what was found."""

    head: Head
    new: int
    changed: int
    repeated: int
    confirmed: int
    aliased: int
    narrowed: int
    late: int
    vanished: int
    findings: tuple[Finding, ...]

    @classmethod
    def between(cls, before: Counts, after: Counts, *, head: Head, findings: Sequence[Finding]) -> Self:
        """By how much the counts grew."""
        grown = {name: getattr(after, name) - getattr(before, name) for name in Counts.__struct_fields__}
        return cls(head=head, findings=tuple(findings), **grown)


class Shown(NamedTuple):
    """What was told of a stream at a moment of our clock, by an answer (when it was asked for) or a frame: under which
    identities, and whether that was all."""

    at_ns: int
    identities: frozenset[bytes]
    whole: bool


Said = dict[tuple[str, Subject], tuple[bool, object, object]]  # of a state


class At(msgspec.Struct):
    """Where the fold stands: one page of one account, and in it one ``stream``. ``held``: the rows that were looked at,
    as they are now. ``told``: by stream, what pages before it told that may be later; ``moments``: when pages were
    known. ``said``: by stream, what frames of the page said last; ``wholes``: of which streams one named all.
    ``stirred``: something happened, other than that the mark price moved."""

    account: AccountRow
    seq: int
    observed_ns: int
    page: Page
    stream: str
    exchange: Exchange | None = None
    declared: Stream | None = None
    ask: Ask | None = None
    findings: list[Finding] = []
    inserts: list[Values] = []
    changes: sums.Changes = {}
    held: dict[bytes, Held] = {}
    seen: set[bytes] = set()
    gone: int = 0
    told: dict[str, list[Shown]] = {}
    moments: dict[int, int] = {}
    said: dict[str, Said] = {}
    wholes: set[str] = set()
    stirred: bool = False

    @property
    def is_feed(self) -> bool:
        """Whether the page is one of frames."""
        return self.page.stream == FEED and self.page.exchange != OURS

    def turn_to(self, stream: str) -> None:
        """What comes next is of that stream."""
        self.stream = stream
        self.declared = self.exchange.stream(stream) if self.exchange else None
        self.ask = self.exchange.ask(stream) if self.exchange else None

    def find(self, what: str, detail: str, *, kind: str = "", effective_ns: int = 0, row_offset: int = 0) -> None:
        self.findings.append(
            Finding(self.account.name, self.seq, what, self.stream, kind, effective_ns, row_offset, detail)
        )

    def find_row(self, what: str, row: Row, *, detail: str) -> None:
        fact = row.fact
        self.find(what, detail, kind=fact.kind, effective_ns=row.effective_ns, row_offset=fact.offset)
