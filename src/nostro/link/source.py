"""A source answers questions about one account: below the account, above the wire. It decides how a capability becomes
requests, pages and facts; it does not decide what is kept (``book/``) or shown (``account.py``)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from nostro.domain.records import Fact, stamped
from nostro.link.commands import Command
from nostro.link.declare import Claim, Exchange, Page


class Step(msgspec.Struct, frozen=True):
    """One page of a history, in the order in which pages must be kept, and the facts that are taken from it: those rows
    that no earlier page of the same sweep gave. The page's ``takes`` and ``claims`` are set. ``read``: every fact of
    the page, as its ask read it, so that whoever keeps it need not read it again; None where it was not read."""

    page: Page
    facts: tuple[Fact, ...]
    read: Sequence[Fact] | None = None

    @property
    def claims(self) -> tuple[Claim, ...]:
        return self.page.claims


class Reply(msgspec.Struct, frozen=True):
    """The answer to one question: its pages and their facts, stamped with exchange, account and time. ``read``: of each
    page, the facts as its ask read them; nothing where the pages are not all that the facts come from."""

    pages: tuple[Page, ...]
    facts: tuple[Fact, ...]
    read: tuple[Sequence[Fact], ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The pages as they are kept, so that nobody needs to read them again."""
        if not self.read:
            return tuple(Step(page, ()) for page in self.pages)
        return tuple(Step(page, (), read) for page, read in zip(self.pages, self.read, strict=True))


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is asked for this account before ``until_ns``, and ``why``: what the exchange or the link said."""

    account: str
    until_ns: int
    why: str


def unheard(waiting: Waiting) -> None:
    """Tells nobody that we wait."""


class Source(Protocol):
    """One account at one exchange, reached somehow."""

    @property
    def exchange(self) -> Exchange: ...

    @property
    def account(self) -> str: ...

    async def ask(self, capability: str, where: Mapping[str, str]) -> Reply:
        """Asks every route of a capability that is no history. Raises `errors.NostroError`."""
        ...

    def sweep(
        self, stream: str, since_ns: int, until_ns: int, where: Mapping[str, str], *, newest_first: bool = False
    ) -> AsyncIterator[Step]:
        """Every row of a stream in [since_ns, until_ns), page by page, in bounded memory. An error that ends the sweep
        leaves the rest of the interval unclaimed."""
        ...

    async def do(self, capability: str, command: Command) -> Reply:
        """Carries out a write, once. Raises `errors.Refused` where it did not happen, `errors.Unresolved` or
        `errors.Unanswered` where that is not known."""
        ...

    async def close(self) -> None: ...


def stamp_all(facts: Iterable[Fact], *, exchange: str, account: str, observed_ns: int) -> tuple[Fact, ...]:
    """The facts with the stamp of the account that learned them."""
    return tuple(stamped(fact, exchange=exchange, account=account, observed_ns=observed_ns) for fact in facts)


def conditions(**given: object) -> dict[str, str]:
    """The conditions of a question: those that are given, as text."""
    return {name: str(value) for name, value in given.items() if value is not None}
