"""The trial balance of an account: its facts as double entry, added up. It decides nothing but what is added: postings
are a fold of the records (``postings.py``), made when they are asked for and stored nowhere.

Over all accounts of the fold the amounts of an asset sum to zero, or the fold itself is wrong: then this is an
assertion, not an answer. What history does not explain stands under ``equity:``, and is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from nostro.book.judgement import judged
from nostro.book.postings import (
    LEDGER_KINDS,
    OTHER_KINDS,
    Transaction,
    adjustments,
    balances,
    explained_share,
    transactions,
)
from nostro.book.watching import Watcher, unwatched
from nostro.domain.values import ZERO, add

if TYPE_CHECKING:
    from nostro.book.book import Book


class TrialLine(msgspec.Struct, frozen=True, kw_only=True):
    """What was posted to one side of an account's double entry: ``wallet`` (ours), ``exchange:fees``, ``external``,
    ``liability:loans``, ``equity:unreconciled``, ... ``amount``: signed, units of ``asset``; what is owed is
    negative."""

    account: str
    side: str
    asset: str
    amount: Decimal


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How many transactions were posted, and what each side holds: per asset the amounts sum to zero. ``explained``:
    how much of what is reported the history explains, by asset, a ratio."""

    account: str
    transactions: int
    lines: tuple[TrialLine, ...]
    explained: dict[str, Decimal]


def trial_balance(book: Book, account: str, *, now_ns: int, watcher: Watcher = unwatched) -> Trial:
    """All facts of an account that are effective before ``now_ns``, posted and added up. ``watcher`` is told of about
    how many pages that is done."""
    judgement = judged(book, account, until_ns=now_ns, watcher=watcher)
    posted = Counted(_transactions(book, account, now_ns, watcher=watcher))
    unexplained = adjustments(judgement.jumps, judgement.breaks)
    sums: dict[tuple[str, str], Decimal] = {}
    for (side, _, asset), amount in balances(chain(posted, unexplained)).items():
        sums[side, asset] = add([sums.get((side, asset), ZERO), amount])
    for asset in sorted({asset for _, asset in sums}):
        left = add(amount for (_, each), amount in sums.items() if each == asset)
        assert left == 0, f"the double entry of {account} leaves {left} {asset}"
    lines = [
        TrialLine(account=account, side=side, asset=asset, amount=amount)
        for (side, asset), amount in sorted(sums.items())
        if amount
    ]
    return Trial(
        account=account, transactions=posted.count, lines=tuple(lines), explained=explained_share(judgement.standings)
    )


class Counted:
    """Transactions, counted as they pass."""

    def __init__(self, source: Iterable[Transaction]) -> None:
        self.count = 0
        self._source = source

    def __iter__(self) -> Iterator[Transaction]:
        for transaction in self._source:
            self.count += 1
            yield transaction


def _transactions(book: Book, account: str, now_ns: int, *, watcher: Watcher) -> Iterator[Transaction]:
    spoken, pages = book.exchange(account), book.head_seq(account)
    ledger = spoken.ask("entries") is not None
    kinds = LEDGER_KINDS if ledger else OTHER_KINDS
    for number, kind in enumerate(kinds):
        reached = 0
        for transaction in transactions(
            book.facts(kind, account, until_ns=now_ns), ledger=ledger, booked=spoken.booked
        ):
            if transaction.page > reached:
                reached = transaction.page
                watcher("added up", (number * pages + reached) // len(kinds), whole=pages)
            yield transaction
    watcher("added up", pages, whole=pages)
