"""``nostro breaks``: what differs, what may have happened, and what a person decides about it. A decision is a page
on the account's chain: appended at once, or left for the process that holds the account's lease.
"""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING, Literal

import click

from nostro.cli.accounts import complete_account
from nostro.cli.nouns import MOMENT, moment, names
from nostro.cli.session import Session, session, shared, shown
from nostro.config import suggestion
from nostro.errors import BadValue

if TYPE_CHECKING:
    from nostro.book.breaks import BreakLife

Action = Literal["accept", "reopen"]


@click.group(invoke_without_command=True, short_help="Where reported and computed differ, and what was decided.")
@click.option("--account", shell_complete=complete_account, help="Only this account's.")
@click.option("--sub-account", metavar="NAME", help="Only this sub-account's.")
@click.option("--known-at", metavar=MOMENT, help="As it was known then, in UTC [default: now].")
@click.option("--all", "everything", is_flag=True, help="Also those that were explained.")
@shown
@click.pass_context
def breaks(
    context: click.Context, account: str | None, sub_account: str | None, known_at: str | None, *, everything: bool
) -> None:
    """Where reported and computed differ: list, or show, explain, accept, reopen one."""
    if context.invoked_subcommand is not None:
        return
    from nostro.views import breaks as views

    here = session()
    known_at_ns = moment(known_at, "--known-at")
    lives = [life for name in names(here, account) for life in views.lives_of(here.book, name, known_at_ns=known_at_ns)]
    here.show_book(views.breaks(lives, known_at_ns=known_at_ns, everything=everything, sub_account=sub_account))


@breaks.command(short_help="Show the break ID: interval, amounts, rows and life.")
@click.argument("id")
@shown
def show(id: str) -> None:  # noqa: A002 - the field's word
    """Show the break ID: its interval, its amounts, its rows and its life."""
    from nostro.views import breaks as views

    here = session()
    here.show(views.one(_life(here, id)))


@breaks.command()
@click.argument("id")
@shown
def explain(id: str) -> None:  # noqa: A002 - the field's word
    """Say what may have caused the break ID, the likeliest first."""
    from nostro.views import breaks as views

    here = session()
    here.show(views.explanations(_life(here, id)))


@breaks.command()
@click.argument("id")
@click.option("--reason", required=True, help="Why it is accepted; kept for ever.")
@click.option("--author", help="Who accepts it [default: the user of this machine].")
@shared
def accept(id: str, *, reason: str, author: str | None) -> None:  # noqa: A002 - the field's word
    """Accept the break ID: it stays, and no longer counts as open."""
    _decide(session(), id, "accept", reason=reason, author=author)


@breaks.command()
@click.argument("id")
@click.option("--reason", required=True, help="Why it is opened again; kept for ever.")
@click.option("--author", help="Who opens it [default: the user of this machine].")
@shared
def reopen(id: str, *, reason: str, author: str | None) -> None:  # noqa: A002 - the field's word
    """Open the accepted break ID again."""
    _decide(session(), id, "reopen", reason=reason, author=author)


def _life(here: Session, break_id: str) -> BreakLife:
    """That break, by its id or the beginning of it. Raises `BadValue`."""
    from nostro.views.breaks import lives_of

    lives = {life.value.id: life for name in names(here, None) for life in lives_of(here.book, name)}
    found = [each for each in lives if each.startswith(break_id)] if break_id else []
    if break_id in lives or len(found) == 1:
        return lives[break_id if break_id in lives else found[0]]
    if found:
        raise BadValue(f"{break_id!r} begins {len(found)} breaks", hint=f"one of {', '.join(sorted(found)[:12])}")
    raise BadValue(f"there is no break {break_id!r}", hint=suggestion(break_id, lives, what="breaks"))


def _decide(here: Session, break_id: str, action: Action, *, reason: str, author: str | None) -> None:
    from nostro.book.breaks import DECISION, Decision, decide
    from nostro.book.pages import page_of_ours
    from nostro.link.transport import SystemClock

    life = _life(here, break_id)
    value = life.value
    decision = Decision(break_id=value.id, action=action, author=author or getpass.getuser(), reason=reason)
    page = page_of_ours(DECISION, decide({value.id: life}, decision), now_ns=SystemClock().now_ns())
    there = here.open_book().leave(value.scope.account, page, holder=f"nostro breaks, process {os.getpid()}")
    when = "now" if there else "as soon as the process that collects the account takes it in"
    click.echo(f"break {value.id}: {action}ed by {decision.author}, on the account's chain {when}", err=True)
