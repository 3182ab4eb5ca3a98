"""``nostro accounts``: which accounts this home keeps, and their keys. It decides how a key is asked for; where it is
kept is `keys.KeyStore`'s. A key is typed unseen, read from a file or from stdin, and never an argument.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nostro import config, errors, keys
from nostro.cli.connect import spoken_by
from nostro.cli.session import Session, ask_unseen, session, shared, shown
from nostro.config import GRANTS, AccountSettings
from nostro.keys import Credentials
from nostro.link.declare import Grant

if TYPE_CHECKING:
    from nostro.views.accounts import AccountLine

KEY_FILE_BYTES_MAX = 64 * 1024
_PROMPTS = {
    "key": "API key", "secret": "API secret", "private_key": "Private key (empty: it cannot trade)",
    "sub_account_id": "Sub-account id (empty: all of them)",
}  # fmt: skip


def complete_account(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The accounts that begin so, for the shell."""
    home = config.find_home(context.params.get("home"), os.environ)
    try:
        settings = config.load(home, os.environ)
    except errors.NostroError:
        return []
    return [name for name in sorted(settings.accounts) if name.startswith(incomplete)]


@click.group()
def accounts() -> None:
    """The accounts of this home: add, list, check, remove."""


@accounts.command("list")
@shown
def list_accounts() -> None:
    """List the accounts, what each may do, and where its key lies."""
    from nostro.views import accounts as views

    here = session()
    session().show(views.accounts([_line(here, name, each) for name, each in sorted(here.settings.accounts.items())]))


def _line(here: Session, name: str, account: AccountSettings) -> AccountLine:
    from nostro.views.accounts import AccountLine

    where = "paper" if account.paper else here.key_store.where(name)
    members = spoken_by(account).members
    if not where and keys.from_environment(account.exchange, here.key_environment, members=members) is not None:
        where = "environment"
    return AccountLine(
        account=name, exchange=account.exchange, dialect=account.dialect, paper=account.paper, keys=where or "missing",
        allow=account.grants, since=account.since, url=account.url,
    )  # fmt: skip


@accounts.command()
@click.argument("name")
@click.argument("exchange")
@click.option(
    "--paper", metavar="LOGIN", default="", help="A login of this home's paper exchange, instead of a live key."
)
@click.option("--dialect", default="", help="One of the exchange's dialects.")
@click.option("--url", default="", help="Another base URL than the exchange's own.")
@click.option("--allow", multiple=True, type=click.Choice(GRANTS), help="Let it do more than read; may be given again.")
@click.option(
    "--since", default="", metavar="DATE", help="Ask for nothing before it [default: the exchange's opening]."
)
@click.option(
    "--keys", "keys_file", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE",
    help="JSON with key and secret, or what else keys of that exchange consist of; - for stdin.",
)  # fmt: skip
@shared
def add(
    name: str,
    exchange: str,
    *,
    paper: str,
    dialect: str,
    url: str,
    allow: tuple[Grant, ...],
    since: str,
    keys_file: Path | None,
) -> None:
    """Add the account NAME at EXCHANGE. It may only read, unless --allow says more."""
    from nostro.exchanges import exchange as find_exchange

    here = session()
    spoken = find_exchange(exchange, dialect or None)
    account = AccountSettings(exchange=spoken.id, dialect=dialect, paper=paper, url=url, allow=allow, since=since)
    config.check_account(name, account)
    if name in here.settings.accounts:
        raise errors.Conflict(f"there is an account {name!r} already", hint="choose another name, or remove it first")
    where = "" if paper else _store_key(here, name, account, keys_file)
    config.add_account(here.home, name, account=account)
    said = (
        f"its key is in {where}"
        if where
        else "its key is the paper login's"
        if paper
        else "its key is in the environment"
    )
    click.echo(f"added {name} at {spoken.name}: it may {', '.join(('read', *account.grants))}; {said}", err=True)


def _store_key(here: Session, name: str, account: AccountSettings, keys_file: Path | None) -> str:
    """Stores the key of a live account; where. "" where the environment gives it."""
    members = spoken_by(account).members
    if keys_file is not None:
        credentials = _from_file(keys_file, members)
    elif keys.from_environment(account.exchange, here.key_environment, members=members) is not None:
        return ""
    elif here.interactive:
        credentials = keys.from_members({name: ask_unseen(_PROMPTS[name]) for name in members}, members)
    else:
        raise errors.BadValue(
            f"account {name} is live and needs a key, and there is no terminal to ask at",
            hint="give --keys FILE (- for stdin), or name a paper login with --paper", account=name,
        )  # fmt: skip
    if empty := keys.missing(credentials, members):
        raise errors.BadValue(f"the {empty} is empty", hint="nothing was stored; try again", account=name)
    here.redactor.learn(credentials)
    return here.key_store.put(name, credentials)


def _from_file(path: Path, members: Sequence[str]) -> Credentials:
    """The key that a JSON file holds, of these members. The file must be its owner's alone."""
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(KEY_FILE_BYTES_MAX)
        else:
            content = path.read_bytes()
            config.require_private(path)
        found = json.loads(content)
    except (OSError, ValueError) as error:
        raise errors.BadValue(f"{path} is no readable JSON: {type(error).__name__}", hint="see --keys") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise errors.BadValue(f"{path} is not an object of texts: {', '.join(members)}", hint="see --keys")
    return keys.from_members(found, members)


@accounts.command()
@click.argument("name", shell_complete=complete_account)
@click.option("--yes", is_flag=True, help="Do not ask.")
@shared
def remove(name: str, *, yes: bool) -> None:
    """Forget the account NAME and its stored key. Its book stays."""
    here = session()
    account = config.find_account(here.settings, name)
    if not yes:
        if not here.interactive:
            raise errors.UsageError(f"removing {name} forgets its key", hint="give --yes to do it without being asked")
        click.confirm(f"Forget {name} and its stored key? Its book stays.", abort=True, err=True)
    config.remove_account(here.home, name)
    if not account.paper:
        here.key_store.remove(name)
    click.echo(f"removed {name}; its book stays in {here.book_place}", err=True)


@accounts.command()
@click.argument("name", shell_complete=complete_account)
@shown
def check(name: str) -> None:
    """Sign in to the account NAME, and see what its key may read. Nothing is changed and nothing kept."""
    import asyncio

    from nostro.cli.check import probe
    from nostro.views import accounts as views

    here = session()
    account = config.find_account(here.settings, name)
    session().show(views.checks(asyncio.run(probe(here, name, account=account))))
