"""``nostro order``: places, cancels and shows one order at the exchange, or closes with orders what a margin wallet
owes. It decides how they are typed; that they need the grant ``trade`` is the account's to say.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal

import click

from nostro import config
from nostro.account import AsyncAccount
from nostro.cli.accounts import complete_account
from nostro.cli.session import Session, session, shown
from nostro.cli.writes import asked_at, confirm
from nostro.domain.answers import Answer
from nostro.errors import NostroError, NotFound, UsageError
from nostro.link.commands import OrderType, PositionSide, Side, SideEffect, TimeInForce
from nostro.link.declare import WRITES

if TYPE_CHECKING:
    from nostro.domain.records import Order

LOOKS_S: Final = (0.1, 0.5, 2.0)  # pauses before each look for the id of an order that was taken without one


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
@click.option("--expire-after", metavar="T", help="It ends then; the earlier of the two counts.")
@click.option("--wallet", help="Or cross_margin, or the pair's own: isolated_margin:BTC/USDT.  "
              "[default: spot, or what backs the contract]")  # fmt: skip
@click.option("--position-side", type=click.Choice(["both", "long", "short"]), default="both", show_default=True,
              help="Whose position of a contract it is for, where one can have both.")  # fmt: skip
@click.option("--reduce-only", is_flag=True, help="Only ever make the position smaller.")
@click.option("--side-effect", type=click.Choice(["none", "auto_borrow", "auto_repay"]), default="none",
              show_default=True,
              help="In a margin wallet: borrow what it lacks, or repay from what it brings.")  # fmt: skip
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
    expire_after: str | None,
    wallet: str | None,
    position_side: PositionSide,
    reduce_only: bool,
    side_effect: SideEffect,
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
        "expire after": expire_after, "wallet": wallet, "side effect": None if side_effect == "none" else side_effect,
        "position side": None if position_side == "both" else position_side,
        "reduce only": "yes" if reduce_only else None,
    }  # fmt: skip
    confirm(here, account, account=settings, what=f"{side} {instrument}", details=asked, grant=WRITES["place"], yes=yes)

    async def placed(opened: AsyncAccount) -> Order:
        made = await opened.place(
            instrument, side, type=kind, amount=amount, quote_amount=quote_amount, price=price, stop_price=stop_price,
            stop_operator=stop_operator, time_in_force=in_force, valid_till=valid_till, expire_after=expire_after,
            wallet=wallet, side_effect=side_effect, position_side=position_side, reduce_only=reduce_only,
        )  # fmt: skip
        return await _named(opened, made) if made.client_id and not made.native_id else made

    found = asked_at(here, account, account=settings, do=placed)
    name = found.native_id or f"--client-id {found.client_id}"
    known = found.native_id and found.status
    notes = () if known else (f"what became of it: nostro order show {account} {name}",)
    _show(here, [found], notes=notes)


async def _named(opened: AsyncAccount, made: Order) -> Order:
    """An order that was taken and has no id yet, as the exchange knows it by the client's; as it was made where that
    cannot be learned: it was placed all the same."""
    for pause_s in LOOKS_S:
        await asyncio.sleep(pause_s)
        try:
            return await opened.order(client_id=made.client_id, instrument=made.instrument)
        except NotFound:
            continue
        except NostroError:
            break
    return made


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
    confirm(here, account, account=settings, what=what, details={}, grant=WRITES["cancel"], yes=yes)

    async def canceled(opened: AsyncAccount) -> list[Order]:
        if everything:
            return list(await opened.cancel_all(instrument=instrument))
        return [await opened.order(each) for each in ids if await opened.cancel(each)]

    orders = asked_at(here, account, account=settings, do=canceled)
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
@click.argument("id", required=False)
@click.option("--client-id", metavar="TEXT", help="Instead of ID: the client's own, where the exchange asks by it.")
@shown
def show(account: str, id: str | None, client_id: str | None) -> None:  # noqa: A002 - the field's word
    """Show the order ID of ACCOUNT as the exchange knows it now."""
    if (id is None) == (client_id is None):
        raise UsageError("name the order by its id, or by --client-id", hint="see nostro order show --help")
    here = session()
    settings = config.find_account(here.settings, account)
    _show(here, [asked_at(here, account, account=settings, do=lambda opened: opened.order(id, client_id=client_id))])


@order.command(short_help="Buy back what a margin wallet owes, and repay it.")
@click.argument("account", shell_complete=complete_account)
@click.option("--wallet", default="cross_margin", show_default=True,
              help="Or an isolated one: isolated_margin:BTC/USDT.")  # fmt: skip
@click.option("--sub-account", metavar="ID", help="One of `nostro sub-accounts` [default: the login's own account].")
@click.option("--yes", is_flag=True, help="Do not ask.")
@shown
def close(account: str, *, wallet: str, sub_account: str | None, yes: bool) -> None:
    """Close the position of a margin wallet of ACCOUNT: its open orders are canceled, what it owes is bought back at
    the market, and repaid. A live one is asked about first."""
    here = session()
    settings = config.find_account(here.settings, account)
    what = f"close the position of {wallet}"
    confirm(
        here, account, account=settings, what=what, details={"sub-account": sub_account},
        grant=WRITES["close_position"], yes=yes,
    )  # fmt: skip

    async def closed(opened: AsyncAccount) -> list[Order]:
        found = []
        for made in await opened.close_position(wallet, account=sub_account):
            try:
                found.append(await opened.order(made.native_id or ""))
            except NotFound:  # it was made all the same
                found.append(made)
        return found

    _show(here, asked_at(here, account, account=settings, do=closed))


def _show(here: Session, orders: list[Order], *, notes: tuple[str, ...] = ()) -> None:
    from nostro.views.facts import ORDERS, shown_now

    here.show(shown_now(ORDERS, Answer(orders), notes=notes))
