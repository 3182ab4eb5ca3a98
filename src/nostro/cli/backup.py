"""``nostro backup`` and ``nostro restore``: copies of the book, and a book made of one. It decides which book is meant,
and that nobody of this machine collects into one that is replaced."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from nostro.cli.progress import copying
from nostro.cli.session import session, shown


@click.command(short_help="Copy the book into a file, verified.")
@click.argument("target", type=click.Path(path_type=Path))
@shown
def backup(target: Path) -> None:
    """Copy the book, as it is at this moment, into the new file TARGET, verify the copy, and print its head. The book
    may be written meanwhile."""
    from nostro.views import book as views

    here = session()
    with copying(sys.stderr) as watcher:
        proof = here.book.backup(target, watcher=watcher)
    here.show(views.backed_up(proof, target))


@click.command(short_help="Make the book from a backup, verified.")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Set the book that is there aside, beside it.")
@shown
def restore(source: Path, *, replace: bool) -> None:
    """Make this home's book from the backup SOURCE: every page is verified, copied, and read again. Print the head that
    is proven."""
    from nostro.book.backup import restore as make
    from nostro.cli.connect import sole_collector
    from nostro.exchanges import exchange
    from nostro.views import book as views

    here = session()
    place = here.book_place
    here.home.create()
    with ExitStack() as stack:
        if isinstance(place, Path):
            for account in here.settings.accounts:
                stack.enter_context(sole_collector(place, account))
        watcher = stack.enter_context(copying(sys.stderr))
        made = make(source, place, registry=exchange, replace=replace, watcher=watcher)
    here.show(views.restored(made, place))
