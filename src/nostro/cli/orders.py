"""``nostro order``: places, cancels and shows one order at the exchange. It decides that a live order is shown and
asked about before it is sent; that it needs the grant ``trade`` is the account's to say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, TypeVar

import click

from nostro import config
from nostro.account import AsyncAccount
from nostro.cli.accounts import complete_account
from nostro.cli.session import Session, session, shown
from nostro.config import AccountSettings
from nostro.domain.answers import Answer
from nostro.errors import BadValue, NotFound, NotGranted, UsageError
from nostro.link.view import OrderType, Side, TimeInForce

if TYPE_CHECKING:
    from nostro.domain.records import Order

ResultT = TypeVar("ResultT")


@click.group()
def order() -> None:
    """One order at the exchange: place, cancel, show."""


@order.command(short_help="Place an order; a live one is shown and asked about.")
@click.argument("account", shell_complete=complete_account)
@click.argument("instrument")
@click.argument("side", type=click.Choice(["buy", "sell"]))
@click.option("--amount", help="Base units.")
@click.option("--quote-amount", help="Quote units, for a market order instead of --amount.")
@click.option("--price", help="Quote per base, for limit and stop_limit.")
@click.option("--type", "kind", type=click.Choice(["market", "limit", "stop_limit", "stop_market"]), default="limit",
              show_default=True)  # fmt: skip
@click.option("--in-force", type=click.Choice(["gtc", "ioc", "fok", "aon"]), default="gtc", show_default=True)
@click.option("--stop-price", help="The price that triggers it.")
@click.option("--stop-operator", type=click.Choice(["gte", "lte"]), help="Trigger at or above, or at or below it.")
@click.option("--valid-till", metavar="T", help="It ends then.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@shown
def place(
    account: str,
    instrument: str,
    side: Side,
    *,
    amount: str | None,
    quote_amount: str | None,
    price: str | None,
    kind: OrderType,
    in_force: TimeInForce,
    stop_price: str | None,
    stop_operator: Literal["gte", "lte"] | None,
    valid_till: str | None,
    yes: bool,
) -> None:
    """Place an order on ACCOUNT: `nostro order place trader BTC/USDT buy --amount 0.1 --price 50000`.

    A live order is shown and asked about first. It is sent once, and never again by itself.
    """
    here = session()
    settings = config.find_account(here.settings, account)
    asked = {
        "type": kind, "amount": amount, "quote amount": quote_amount, "price": price, "in force": in_force,
        "stop": f"{stop_operator} {stop_price}" if stop_price else None, "valid till": valid_till,
    }  # fmt: skip
    _confirm(here, account, settings, f"{side} {instrument}", asked, yes=yes)

    async def placed(opened: AsyncAccount) -> Order:
        return await opened.place(
            instrument, side, type=kind, amount=amount, quote_amount=quote_amount, price=price, stop_price=stop_price,
            stop_operator=stop_operator, time_in_force=in_force, valid_till=valid_till,
        )  # fmt: skip

    found = _with(here, account, settings, placed)
    notes = () if found.status else (f"what became of it: nostro order show {account} {found.native_id}",)
    _show(here, [found], notes=notes)


@order.command()
@click.argument("account", shell_complete=complete_account)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Every open order.")
@click.option("--instrument", help="With --all: only those of this pair.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@shown
def cancel(account: str, ids: tuple[str, ...], *, everything: bool, instrument: str | None, yes: bool) -> None:
    """Cancel orders of ACCOUNT by their ids, or all of them."""
    if bool(ids) == everything:
        raise UsageError("name the orders by their ids, or give --all", hint="see nostro order cancel --help")
    here = session()
    settings = config.find_account(here.settings, account)
    what = f"cancel {', '.join(ids) or 'every open order'}{f' of {instrument}' if instrument else ''}"
    _confirm(here, account, settings, what, {}, yes=yes)

    async def canceled(opened: AsyncAccount) -> list[Order]:
        if everything:
            return list(await opened.cancel_all(instrument=instrument))
        return [await opened.order(each) for each in ids if await opened.cancel(each)]

    orders = _with(here, account, settings, canceled)
    missed = [] if everything else [each for each in ids if each not in {found.native_id for found in orders}]
    if orders or not missed:
        _show(here, orders)
    if missed:
        raise NotFound(
            f"not canceled, because no open order has this id: {', '.join(missed)}",
            hint="`nostro order show` tells what became of it", exchange=settings.exchange, account=account,
        )  # fmt: skip


@order.command()
@click.argument("account", shell_complete=complete_account)
@click.argument("id")
@shown
def show(account: str, id: str) -> None:  # noqa: A002 - the field's word
    """Show the order ID of ACCOUNT as the exchange knows it now."""
    here = session()
    settings = config.find_account(here.settings, account)
    _show(here, [_with(here, account, settings, lambda opened: opened.order(id))])


def _confirm(
    here: Session, name: str, account: AccountSettings, what: str, details: dict[str, str | None], *, yes: bool
) -> None:
    """Shows a live request and asks. Raises `NotGranted` first: nobody is asked for what cannot be done."""
    if "trade" not in account.grants:
        raise NotGranted(
            f"account {name} may only read",
            hint=f'write allow = ["trade"] under [accounts.{name}] in {here.home.settings_file}', account=name,
        )  # fmt: skip
    if account.paper or yes:
        return
    if not here.interactive:
        raise BadValue(f"account {name} is live, and nobody is there to ask", hint="give --yes to send it unasked")
    said = ", ".join(f"{key} {value}" for key, value in details.items() if value)
    asked = f"LIVE at {account.exchange}, account {name}: {what}{f' ({said})' if said else ''}. Send it?"
    click.confirm(asked, abort=True, err=True)


def _with(
    here: Session, name: str, account: AccountSettings, do: Callable[[AsyncAccount], Awaitable[ResultT]]
) -> ResultT:
    from nostro.cli import connect
    from nostro.link.transport import SystemClock

    async def opened() -> ResultT:
        async with AsyncAccount(
            connect.source(here, name, account=account), clock=SystemClock(), allow=account.grants
        ) as found:
            return await do(found)

    return connect.run(opened())


def _show(here: Session, orders: list[Order], *, notes: tuple[str, ...] = ()) -> None:
    from nostro.views.facts import ORDERS, shown_now

    here.show(shown_now(ORDERS, Answer(orders), notes=notes))
