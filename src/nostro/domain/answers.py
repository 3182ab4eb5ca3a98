"""An answer: a sequence of facts that says how complete it is. It decides what every answer carries; who fills it in
are the account (what an exchange just said) and the book (what is kept)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar, overload

import msgspec

from nostro.domain.values import format_time

T = TypeVar("T")


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A half-open interval of a stream's time and what is known of it. ``status``: proven, open or unavailable;
    ``cause`` why it is not proven ("" where nobody asked yet)."""

    stream: str
    since_ns: int
    until_ns: int
    status: str
    cause: str = ""
    evidence: str = "rest"

    def __str__(self) -> str:
        why = f" ({self.cause})" if self.cause else ""
        return f"{self.stream} {self.status}{why} {format_time(self.since_ns, 0)} .. {format_time(self.until_ns, 0)}"


class Answer(Sequence[T], Generic[T]):
    """Rows, and how far they can be trusted.

    ``complete_through_ns``: every event before it is among the rows, None where that is not known. ``coverage``: the
    intervals of the streams that the answer rests on which are not proven, or all of them where it was asked for.
    ``as_of_ns, known_at_ns``: the two clocks of the question, None for now. ``reader``: the version that read the pages
    (``alp/1``). ``pages``: how many pages the answer rests on."""

    __slots__ = ("_rows", "as_of_ns", "complete_through_ns", "coverage", "known_at_ns", "pages", "reader")

    def __init__(
        self,
        rows: Iterable[T],
        *,
        complete_through_ns: int | None = None,
        coverage: Sequence[Interval] = (),
        as_of_ns: int | None = None,
        known_at_ns: int | None = None,
        reader: str = "",
        pages: int = 0,
    ) -> None:
        self._rows = tuple(rows)
        self.complete_through_ns = complete_through_ns
        self.coverage = tuple(coverage)
        self.as_of_ns = as_of_ns
        self.known_at_ns = known_at_ns
        self.reader = reader
        self.pages = pages

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[T]:
        return iter(self._rows)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._rows[index]

    def __repr__(self) -> str:
        through = "unknown" if self.complete_through_ns is None else format_time(self.complete_through_ns)
        return f"<{len(self._rows)} rows, complete through {through}>"
