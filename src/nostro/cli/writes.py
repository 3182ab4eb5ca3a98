"""What every command shares that changes something at an exchange: a live request is shown and asked about before it
is sent, and nobody is asked for what the account's grants do not allow. It decides no request; it is sent once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from nostro.account import AsyncAccount
from nostro.cli.session import Session
from nostro.config import AccountSettings
from nostro.errors import BadValue, NotGranted
from nostro.link.declare import Grant

ResultT = TypeVar("ResultT")


def confirm(
    here: Session, name: str, *, account: AccountSettings, what: str, details: dict[str, str | None], grant: Grant,
    yes: bool,
) -> None:  # fmt: skip
    """Shows a live request and asks. Raises `NotGranted` first: nobody is asked for what cannot be done."""
    if grant not in account.grants:
        said = "may only read" if not account.grants else f"may {', '.join(('read', *account.grants))}, and not {grant}"
        allowed = ", ".join(f'"{each}"' for each in (*account.grants, grant))
        raise NotGranted(
            f"account {name} {said}",
            hint=f"write allow = [{allowed}] under [accounts.{name}] in {here.home.settings_file}", account=name,
        )  # fmt: skip
    if not account.paper and not yes:
        if not here.interactive:
            raise BadValue(f"account {name} is live, and nobody is there to ask", hint="give --yes to send it unasked")
        said = ", ".join(f"{key} {value}" for key, value in details.items() if value)
        asked = f"LIVE at {account.exchange}, account {name}: {what}{f' ({said})' if said else ''}. Send it?"
        click.confirm(asked, abort=True, err=True)
    here.changing = name


def asked_at(
    here: Session, name: str, *, account: AccountSettings, do: Callable[[AsyncAccount], Awaitable[ResultT]]
) -> ResultT:
    """What the exchange answers, over a connection that is closed after it."""
    from nostro.cli import connect
    from nostro.link.transport import SystemClock

    async def opened() -> ResultT:
        async with AsyncAccount(
            connect.source(here, name, account=account), clock=SystemClock(), allow=account.grants
        ) as found:
            return await do(found)

    return connect.run(opened())
