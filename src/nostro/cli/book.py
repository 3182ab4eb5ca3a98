"""``nostro verify`` and ``nostro rebuild``: whether the book is what it was, and reading its pages again."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from nostro.cli.progress import copying
from nostro.cli.session import session, shown

if TYPE_CHECKING:
    from nostro.book.book import Book
    from nostro.book.trial import Trial
    from nostro.book.watching import Watcher


@click.command(short_help="Walk chains, digests, anchors; print the head.")
@click.option("--new-anchor", is_flag=True, help="Verify a book without anchors, and anchor it as it is.")
@click.option("--accept-rollback", is_flag=True, help="Go on without lost pages: what they proved is open again.")
@shown
def verify(*, new_anchor: bool, accept_rollback: bool) -> None:
    """Walk every chain, digest and anchor, and add everything up in double entry; print the book's head."""
    from nostro.link.transport import SystemClock
    from nostro.views import book as views

    here = session()
    writes = new_anchor or accept_rollback
    book = here.open_book(accept_rollback=accept_rollback) if writes else here.book
    with copying(sys.stderr) as watcher:
        proof = book.new_anchor(watcher=watcher) if new_anchor else book.verify(watcher=watcher)
        trials = _trials(book, now_ns=SystemClock().now_ns(), watcher=watcher)
    here.show(views.proof(proof, trials, warnings=book.warnings))


def _trials(book: Book, *, now_ns: int, watcher: Watcher) -> list[Trial]:
    """The trial balances of all accounts; who watches is told of the pages of all of them."""
    from nostro.book.trial import trial_balance

    trials: list[Trial] = []
    before = 0
    pages = {account.name: book.head_seq(account.name) for account in book.accounts()}
    for name, count in pages.items():

        def told(what: str, done: int, *, whole: int, before: int = before) -> None:
            watcher(what, before + min(done, whole), whole=sum(pages.values()))

        trials.append(trial_balance(book, name, now_ns=now_ns, watcher=told))
        before += count
    return trials


@click.command(short_help="Read all pages again; report what is read differently.")
@shown
def rebuild() -> None:
    """Read all pages again with the present readers, and report every row that is now read differently."""
    from nostro.cli.connect import sole_collector
    from nostro.views import book as views

    here = session()
    book = here.open_book()
    with ExitStack() as stack:
        for account in book.accounts():  # nobody writes meanwhile: it takes longer than a collector would wait
            stack.enter_context(sole_collector(book.path, account.name))
        before = book.state_hash()
        report = book.rebuild(watcher=stack.enter_context(copying(sys.stderr)))
    here.show(views.rebuilt(report, before=before, after=book.state_hash()))
