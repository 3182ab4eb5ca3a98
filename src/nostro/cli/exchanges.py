"""``nostro exchanges``: which exchanges there are, and what each can be asked."""

from __future__ import annotations

import click

from nostro.cli.session import session, shown


@click.command(short_help="List the exchanges, or show what one can be asked.")
@click.argument("id", required=False, metavar="[ID]")
@click.option("--dialect", help="One of the exchange's dialects [default: its first].")
@shown
def exchanges(id: str | None, dialect: str | None) -> None:  # noqa: A002 - the word of the registry
    """List the exchanges, or show one: capabilities, windows, retention, kind of test mode."""
    from nostro.exchanges import dialects, exchange, exchange_ids
    from nostro.views import exchanges as views

    if id is None:
        session().show(views.exchanges([(exchange(each), dialects(each)) for each in exchange_ids()]))
    else:
        session().show(views.exchange(exchange(id, dialect)))
