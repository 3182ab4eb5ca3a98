"""``nostro transfer``, ``borrow`` and ``repay``: money between wallets of an account, and what a margin wallet owes.
It decides how they are typed; that they need the grants ``transfer`` and ``margin`` is the account's to say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from nostro import config
from nostro.account import AsyncAccount
from nostro.cli.accounts import complete_account
from nostro.cli.session import CommandT, session, shown
from nostro.cli.writes import asked_at, confirm
from nostro.domain.answers import Answer
from nostro.link.declare import WRITES

if TYPE_CHECKING:
    from nostro.domain.records import Fact
    from nostro.views.facts import Noun

FactT = TypeVar("FactT", bound="Fact")


def of_money(command: CommandT) -> CommandT:
    """Adds what all three take."""
    decorators = [
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option(
            "--sub-account", metavar="ID", help="One of `nostro sub-accounts` [default: the login's own account]."
        ),
        click.argument("amount"),
        click.argument("asset"),
        click.argument("account", shell_complete=complete_account),
    ]
    for decorate in decorators:
        command = decorate(command)
    return command


def margin_wallet(command: CommandT) -> CommandT:
    return click.option(
        "--wallet", default="cross_margin", show_default=True, help="Or an isolated one: isolated_margin:BTC/USDT."
    )(command)


@click.command(short_help="Move money between the spot wallet and another one.")
@of_money
@click.option("--from", "from_wallet", default="spot", show_default=True, help="The wallet that it leaves.")
@click.option("--to", "to_wallet", default="cross_margin", show_default=True, help="The wallet that it reaches.")
@click.option("--note", default="", help="Kept with it by the exchange.")
@shown
def transfer(
    account: str, asset: str, amount: str, *, from_wallet: str, to_wallet: str, sub_account: str | None, note: str,
    yes: bool,
) -> None:  # fmt: skip
    """Move AMOUNT of ASSET between wallets of ACCOUNT: `nostro transfer trader USDT 100 --to cross_margin`.

    One of the two is the spot wallet. A live transfer is shown and asked about first.
    """
    from nostro.views.facts import TRANSFERS

    what = f"move {amount} {asset} from {from_wallet} to {to_wallet}"
    _carry_out(
        account, what, TRANSFERS, capability="transfer", yes=yes, sub_account=sub_account,
        do=lambda opened: opened.transfer(
            asset, amount, from_wallet=from_wallet, to_wallet=to_wallet, account=sub_account, note=note
        ),
    )  # fmt: skip


@click.command(short_help="Borrow into a margin wallet.")
@of_money
@margin_wallet
@shown
def borrow(account: str, asset: str, amount: str, *, wallet: str, sub_account: str | None, yes: bool) -> None:
    """Borrow AMOUNT of ASSET into a margin wallet of ACCOUNT: `nostro borrow trader USDT 100`.

    A live one is shown and asked about first.
    """
    from nostro.views.facts import BORROWS

    _carry_out(
        account, f"borrow {amount} {asset} into {wallet}", BORROWS, capability="borrow", yes=yes,
        sub_account=sub_account, do=lambda opened: opened.borrow(asset, amount, wallet=wallet, account=sub_account),
    )  # fmt: skip


@click.command(short_help="Pay back what a margin wallet owes, interest first.")
@of_money
@margin_wallet
@shown
def repay(account: str, asset: str, amount: str, *, wallet: str, sub_account: str | None, yes: bool) -> None:
    """Pay AMOUNT of ASSET back out of a margin wallet of ACCOUNT, interest first: `nostro repay trader USDT 100`.

    A live one is shown and asked about first.
    """
    from nostro.views.facts import REPAYMENTS

    _carry_out(
        account, f"repay {amount} {asset} from {wallet}", REPAYMENTS, capability="repay", yes=yes,
        sub_account=sub_account, do=lambda opened: opened.repay(asset, amount, wallet=wallet, account=sub_account),
    )  # fmt: skip


def _carry_out(
    name: str, what: str, noun: Noun, *, capability: str, yes: bool, sub_account: str | None,
    do: Callable[[AsyncAccount], Awaitable[FactT]],
) -> None:  # fmt: skip
    from nostro.views.facts import shown_now

    here = session()
    settings = config.find_account(here.settings, name)
    confirm(
        here, name, account=settings, what=what, details={"sub-account": sub_account}, grant=WRITES[capability], yes=yes
    )
    here.show(shown_now(noun, Answer([asked_at(here, name, account=settings, do=do)])))
