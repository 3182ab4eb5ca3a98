"""What a collector says of its work: how far it is, what came of it, which rows it brought. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from nostro import errors
from nostro.domain.records import Fact
from nostro.link.source import Waiting


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a stream has come: of [since_ns, until_ns), everything before ``reached_ns``; ``rows`` read so far."""

    account: str
    stream: str
    since_ns: int
    until_ns: int
    reached_ns: int
    rows: int
    pages: int


class Report(msgspec.Struct, kw_only=True):
    """What a pass did. ``failures``: streams that could not be read to the end, and why."""

    account: str
    pages: int = 0
    rows: int = 0
    new: int = 0
    changed: int = 0
    failures: dict[str, errors.NostroError] = {}
    horizon_ns: int = 0


class Watcher(Protocol):
    """Who is told of progress, and of pauses."""

    def __call__(self, progress: Progress | Waiting) -> None: ...


def unwatched(progress: Progress | Waiting) -> None:
    """Tells nobody."""


Learned = Callable[[str, Sequence[Fact]], None]  # of a history, by its name


def unlearned(_: str, __: Sequence[Fact]) -> None:
    """Tells nobody."""
