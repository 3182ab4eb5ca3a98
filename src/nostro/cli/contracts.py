"""``nostro margin``, ``positions``, ``funding`` and ``history``: contracts, as the book knows them. It decides how a
question is typed, as ``nouns.py`` does, and which history is meant where nobody says; ``views/contracts.py`` shows it.
"""

from __future__ import annotations

import click

from nostro.cli.nouns import bounded, clocked, names, of_account, of_sub_account, show_facts, where_option
from nostro.cli.session import session, shown

HISTORIES = {"snapshots": "snapshots", "positions": "closed_positions", "events": "position_events"}


@click.command(short_help="What backs contracts, what they need, and whether it adds up.")
@of_account
@clocked
@where_option("wallet", "Only this wallet.")
@of_sub_account
@shown
def margin(account: str | None, **typed: str | None) -> None:
    """Balance, equity and margin of each wallet that backs contracts, as the exchange reports them, and whether its own
    formulas give these figures; -o json has them one by one."""
    show_facts("margin", account, rows=None, **typed)


@click.command(short_help="Open positions: size, prices, profit, and whether it adds up.")
@of_account
@clocked
@where_option("instrument", "Only this contract, e.g. BTC/USDT:USDT.")
@where_option("side", "Only both, long or short.")
@of_sub_account
@shown
def positions(account: str | None, **typed: str | None) -> None:
    """Open positions, as the exchange reports them: a short one has a negative size. Figures are those that its own
    formulas give; -o json has them one by one."""
    show_facts("positions", account, rows=None, **typed)


@click.command(short_help="Funding of positions, received or paid.")
@of_account
@bounded
@clocked
@where_option("instrument", "Only this contract, e.g. BTC/USDT:USDT.")
@where_option("asset", "Only this asset.")
@of_sub_account
@shown
def funding(account: str | None, rows: int | None, **typed: str | None) -> None:
    """Funding of positions: positive where it was received."""
    show_facts("funding", account, rows=rows, **typed)


@click.command(short_help="Snapshots, and positions that ended.")
@of_account
@bounded
@clocked
@click.option(
    "--of", "what", type=click.Choice(list(HISTORIES)),
    help="What is shown: snapshots of the account, positions that ended, or every event of a position"
    " [default: the first of them that the exchange keeps].",
)  # fmt: skip
@of_sub_account
@shown
def history(account: str | None, rows: int | None, what: str | None, **typed: str | None) -> None:
    """What the exchange keeps of the past: snapshots of the account, positions that ended, or their events."""
    show_facts(HISTORIES[what or kept(account)], account, rows=rows, **typed)


def kept(account: str | None) -> str:
    """The first of the histories that one of the accounts has; snapshots where none has any."""
    here = session()
    exchanges = [here.book.exchange(name) for name in names(here, account)]
    there = (each for each, stream in HISTORIES.items() if any(one.stream(stream) for one in exchanges))
    return next(there, "snapshots")
