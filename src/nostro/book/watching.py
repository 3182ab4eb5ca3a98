"""Who is told how far a long reading of a book is: verifying, rebuilding, copying. It decides nothing but the form."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Is told of pages: what is done (copied, read, walked, compared), how many, and of how many."""

    def __call__(self, what: str, done: int, *, whole: int) -> None: ...


def unwatched(what: str, done: int, *, whole: int) -> None:
    """Nobody looks."""
